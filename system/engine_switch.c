#include "system/engine_switch.h"

#include <string.h>

/* ---- what keeps a machine from changing between KVM and the translator ---- */

/* One row an item, the first that holds is named. *ret: what it is. */
static bool other_isa(const Vm *vm, GString *ret)
{
    if (vm->engine.probed && vm->engine.probe.same_isa)
        return false;
    g_string_printf(ret, "KVM of this host runs no guests of %s", vm->machine->board->isa);
    return vm->engine.probed;
}

static bool no_kvm(const Vm *vm, GString *ret)
{
    if (vm->engine.probed && vm->engine.probe.usable)
        return false;
    g_string_assign(ret, vm->engine.probed ? vm->engine.probe.why : "KVM was not asked for at the start");
    return true;
}

static bool kernel_irqchip(const Vm *vm, GString *ret)
{
    g_string_assign(ret, "the interrupt controllers are KVM's; kernel-irqchip=off would do");
    return accel_irqchip(vm->machine->accel) != ACCEL_IRQCHIP_BOARD;
}

/* CPUID, the layout of xsave and the TSC's rate are the host's under KVM and a model's in the translator. */
static bool other_cpu(const Vm *vm, GString *ret)
{
    g_string_assign(ret, "the cpu: its features and the rate of its TSC are others under KVM than in the "
                         "translator");
    return true;
}

static bool has_obstacle(const Vm *vm, GString *ret)
{
    static bool (*const items[])(const Vm *, GString *) = {other_isa, no_kvm, kernel_irqchip, other_cpu};
    for (unsigned k = 0; k < G_N_ELEMENTS(items); k++)
        if (items[k](vm, ret))
            return true;
    return false;
}

char *engine_obstacle(const Vm *vm)
{
    GString *why = g_string_new(NULL);
    return g_string_free(why, !has_obstacle(vm, why));
}

/* ---- changing ---- */

static bool change(Vm *vm, EngineKind kind, GError **err)
{
    char why[160] = "";
    vm_hold(vm);
    clock_thread_pause(&vm->clock);
    bool ok = accel_switch(vm->machine->accel, kind != ENGINE_INTERP, why, sizeof(why));
    if (ok)
        vm->engine.kind = kind;
    clock_thread_resume(&vm->clock);
    vm_release(vm);
    return ok || sys_fail(err, "%s", why);
}

bool engine_switch(Vm *vm, const char *name, GError **err)
{
    static const char *const names[] = {
        [ENGINE_TCG] = "tcg", [ENGINE_INTERP] = "interp", [ENGINE_KVM] = "kvm"};
    unsigned kind = 0;
    while (kind < G_N_ELEMENTS(names) && strcmp(names[kind], name) != 0)
        kind++;
    if (kind == G_N_ELEMENTS(names))
        return sys_fail(err, "no accelerator '%s'; '%s' would be", name,
                        sys_nearest(name, names, G_N_ELEMENTS(names)));
    if (kind == vm->engine.kind)
        return true;
    if (vm->state == RUN_INMIGRATE || vm->state == RUN_FINISH_MIGRATE || vm->state == RUN_INTERNAL_ERROR)
        return sys_fail(err, "the machine is not here (%s)", vm_state_names[vm->state]);
    bool kvm = kind == ENGINE_KVM || vm->engine.kind == ENGINE_KVM;
    g_autofree char *obstacle = kvm ? engine_obstacle(vm) : NULL;
    return obstacle ? sys_fail(err, "the machine cannot change to '%s': %s", name, obstacle)
                    : change(vm, (EngineKind)kind, err);
}
