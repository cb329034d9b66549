#include "system/migrate/quiet.h"

#include "system/disks.h"

bool quiet_is_possible(const Vm *vm, GError **err)
{
    return accel_irqchip(vm->machine->accel) == ACCEL_IRQCHIP_BOARD || vm->machine->board->controllers ||
           sys_fail(err, "the state of KVM's interrupt controllers is not saved on this host");
}

bool quiet_begin(Vm *vm, RunState as, Quiet *ret, GError **err)
{
    *ret = (Quiet){.ran = vm_is_live(vm)};
    if (vm->state == RUN_IO_ERROR || vm->state == RUN_INTERNAL_ERROR)
        return sys_fail(err, "the machine has stopped because of an error (%s)", vm_state_names[vm->state]);
    if (ret->ran)
        vm_stop(vm, as);
    if (!disks_hold(vm->disks, err)) {
        if (ret->ran)
            vm_cont(vm);
        return false;
    }
    clock_thread_pause(&vm->clock);
    return true;
}

void quiet_end(Vm *vm, const Quiet *q, bool go_on)
{
    clock_thread_resume(&vm->clock);
    disks_release(vm->disks);
    if (q->ran && go_on)
        vm_cont(vm);
}
