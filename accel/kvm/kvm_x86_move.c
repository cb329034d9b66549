/*
 * A cpu that leaves the kernel, or comes to it.
 *
 * What was being delivered when the cpu was stopped goes back to where it came from, since the other engine
 * delivers by itself: an interrupt is requested again and not in service; an exception or a software
 * interrupt comes again with its instruction; an NMI is pending. Source: Documentation/virt/kvm/api,
 * KVM_GET_VCPU_EVENTS; Intel SDM volume 3, "Local APIC", IRR and ISR.
 */
#include "accel/kvm/kvm_x86.h"
#include "target/x86/x86_sys.h"

enum { DB = 1, PIC_INPUTS = 8 };

static X86Machine *machine_of(KvmCpu *k)
{
    return (X86Machine *)k->cpu;
}

/* ---- interrupts that were acknowledged ---- */

/* False: it is none of this one's. */
static bool take_back_lapic(KvmCpu *k, unsigned vector)
{
    struct kvm_lapic_state l;
    X86LapicState s;
    if (sys_is_err(kvm_ioctl_at(k->fd, KVM_GET_LAPIC, &l)))
        return false;
    kvm_x86_lapic_regs(&l, s.reg, false);
    if (!x86_lapic_take_back(&s, vector))
        return false;
    kvm_x86_lapic_regs(&l, s.reg, true);
    return !sys_is_err(kvm_ioctl_at(k->fd, KVM_SET_LAPIC, &l));
}

static void take_back_pic(const KvmVm *vm, unsigned vector)
{
    for (unsigned id = KVM_IRQCHIP_PIC_MASTER; id <= KVM_IRQCHIP_PIC_SLAVE; id++) {
        struct kvm_irqchip c = {.chip_id = id};
        struct kvm_pic_state *p = &c.chip.pic;
        if (sys_is_err(kvm_ioctl_at(vm->fd, KVM_GET_IRQCHIP, &c)) || vector - p->irq_base >= PIC_INPUTS)
            continue;
        p->isr &= (uint8_t) ~(1u << (vector - p->irq_base));
        p->irr |= (uint8_t)(1u << (vector - p->irq_base));
        kvm_ioctl_at(vm->fd, KVM_SET_IRQCHIP, &c);
    }
}

static void take_back_interrupt(KvmCpu *k, unsigned vector)
{
    const KvmVm *vm = kvm_vm(k->cpu->accel);
    const CpuBoard *b = &machine_of(k)->sys.board;
    if (vm->irqchip != ACCEL_IRQCHIP_BOARD && take_back_lapic(k, vector))
        return;
    if (vm->irqchip == ACCEL_IRQCHIP_ENGINE)
        take_back_pic(vm, vector);
    else if (b->take_back)
        b->take_back(b->opaque, b->number, vector);
}

/* ---- events ---- */

static void raise_nmis(KvmCpu *k, unsigned n)
{
    for (; n; n--) {
        x86_set_irq(k->cpu, X86_IN_NMI, true);
        x86_set_irq(k->cpu, X86_IN_NMI, false);
    }
}

bool kvm_x86_take_back(KvmCpu *k)
{
    struct kvm_vcpu_events e;
    if (sys_is_err(kvm_ioctl_at(k->fd, KVM_GET_VCPU_EVENTS, &e)))
        return false;
    const bool exception = e.exception.injected || e.exception.pending, interrupt = e.interrupt.injected;
    if (!exception && !interrupt && !e.nmi.injected && !e.nmi.pending)
        return true;
    if (exception && e.exception.nr == DB) /* a trap, whose instruction has run */
        machine_of(k)->sys.trapping = 1;
    if (interrupt && !e.interrupt.soft)
        take_back_interrupt(k, e.interrupt.nr);
    raise_nmis(k, MIN(e.nmi.injected + e.nmi.pending, 2));
    if (e.nmi.injected)
        e.nmi.masked = 0;
    e.exception.injected = e.exception.pending = e.interrupt.injected = e.nmi.injected = e.nmi.pending = 0;
    e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | (e.flags & KVM_VCPUEVENT_VALID_SHADOW);
    return !sys_is_err(kvm_ioctl_at(k->fd, KVM_SET_VCPU_EVENTS, &e));
}

/* ---- into the kernel ---- */

static bool has_what_it_wants(KvmCpu *k, Fmt *err)
{
    const X86Sys *s = &machine_of(k)->sys;
    if (s->in_smm || s->svm.guest) {
        fmt_printf(err, "cpu %u is %s, which KVM takes over from nobody", k->id,
                   s->in_smm ? "in system management mode" : "inside of a guest of its own");
        return false;
    }
    return kvm_x86_set_tsc_rate(k, true, err);
}

bool kvm_arch_adopt(KvmCpu *k, Fmt *err)
{
    KvmX86Cpu *x = kvm_x86_cpu(k);
    if (!has_what_it_wants(k, err))
        return false;
    if (!kvm_x86_set_cpuid(k, true, err))
        return false;
    k->cpu->ops->sys->ready(k->cpu); /* an INIT, or SIPI, that waited */
    x->now = x->fresh;
    kvm_x86_from_cpu(k, KVM_ALL);
    if (!kvm_x86_put(k, &x->now, KVM_ALL)) {
        fmt_printf(err, "KVM refuses the state of cpu %u", k->id);
        return false;
    }
    kvm_x86_put_tsc(k);
    x->lapic_waits = x->inject_bp = false;
    k->fetched = k->whole = false;
    return true;
}
