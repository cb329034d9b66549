/* The state of an x86 cpu, from the kernel and into it. */
#include "accel/kvm/kvm_x86.h"

static bool ask(const KvmCpu *k, unsigned long request, const void *arg)
{
    return !sys_is_err(kvm_ioctl_at(k->fd, request, arg));
}

/* ---- MSRs ---- */

/* Those that a program's or kernel's registers consist of (kvm_x86_regs.c). */
static const uint32_t runtime_msrs[] = {
    0x174,      0x175,      0x176,                                          /* SYSENTER_CS, ESP, EIP */
    0x277,                                                                  /* PAT */
    0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102, 0xc0000103, /* STAR .. TSC_AUX */
};

static void list_msrs(const KvmX86Vm *vm, KvmX86State *s, KvmPart part)
{
    unsigned n = part == KVM_ALL ? vm->msrs.n : ARRAY_SIZE(runtime_msrs);
    const uint32_t *from = part == KVM_ALL ? vm->msrs.index : runtime_msrs;
    s->msrs.n = n;
    for (unsigned k = 0; k < n; k++)
        s->msrs.entry[k] = (struct kvm_msr_entry){.index = from[k]};
}

/* The kernel reads them one after the other, up to the first that it does not have: that one is left out. */
static bool get_msrs(const KvmCpu *k, KvmX86State *s)
{
    for (;;) {
        long n = kvm_ioctl_at(k->fd, KVM_GET_MSRS, &s->msrs);
        if (sys_is_err(n))
            return false;
        if (n >= s->msrs.n)
            return true;
        s->msrs.n--;
        memmove(&s->msrs.entry[n], &s->msrs.entry[n + 1],
                (s->msrs.n - (unsigned)n) * sizeof(s->msrs.entry[0]));
    }
}

typedef struct OneMsr { /* kvm_msrs */
    uint32_t n, pad;
    struct kvm_msr_entry entry;
} OneMsr;

/* What has its value already is not touched: some cannot be set to what they are. Other refusals leave it as
 * it is, which is told once. */
static void put_msr(const KvmCpu *k, const struct kvm_msr_entry *e)
{
    KvmX86Vm *vm = kvm_x86_vm(kvm_vm(k->cpu->accel));
    OneMsr is = {.n = 1, .entry = {.index = e->index}}, to = {.n = 1, .entry = *e};
    if (kvm_ioctl_at(k->fd, KVM_GET_MSRS, &is) == 1 && is.entry.data == e->data)
        return;
    if (kvm_ioctl_at(k->fd, KVM_SET_MSRS, &to) == 1 || vm->warned)
        return;
    fmt_err("the host's KVM does not set MSR 0x%x to 0x%lx; it stays as it is", e->index,
            (unsigned long)e->data);
    vm->warned = true;
}

/* All at once, where the kernel takes them. */
static bool put_msrs(const KvmCpu *k, const KvmX86State *s)
{
    long done = kvm_ioctl_at(k->fd, KVM_SET_MSRS, &s->msrs);
    if (sys_is_err(done))
        return false;
    for (unsigned n = (unsigned)done; n < s->msrs.n; n++)
        put_msr(k, &s->msrs.entry[n]);
    return true;
}

/* ---- the kernel's structs ---- */

static bool get_sregs(const KvmCpu *k, const KvmX86Vm *vm, KvmX86State *s)
{
    struct kvm_sregs old;
    if (vm->sregs2)
        return ask(k, KVM_GET_SREGS2, &s->sregs);
    if (!ask(k, KVM_GET_SREGS, &old))
        return false;
    memcpy(&s->sregs, &old, offsetof(struct kvm_sregs, interrupt_bitmap));
    return true;
}

static bool put_sregs(const KvmCpu *k, const KvmX86Vm *vm, const KvmX86State *s)
{
    struct kvm_sregs old = {.cr0 = 0};
    if (vm->sregs2)
        return ask(k, KVM_SET_SREGS2, &s->sregs);
    memcpy(&old, &s->sregs, offsetof(struct kvm_sregs, interrupt_bitmap));
    return ask(k, KVM_SET_SREGS, &old);
}
_Static_assert(offsetof(struct kvm_sregs, interrupt_bitmap) == offsetof(struct kvm_sregs2, flags),
               "they begin alike");

static bool has_lapic(const KvmCpu *k)
{
    return kvm_vm(k->cpu->accel)->irqchip != ACCEL_IRQCHIP_BOARD;
}

bool kvm_x86_get(KvmCpu *k, KvmX86State *s, KvmPart part)
{
    KvmX86Vm *vm = kvm_x86_vm(kvm_vm(k->cpu->accel));
    list_msrs(vm, s, part);
    return ask(k, KVM_GET_VCPU_EVENTS, &s->events) && ask(k, KVM_GET_MP_STATE, &s->mp_state) &&
           ask(k, KVM_GET_REGS, &s->regs) && get_sregs(k, vm, s) &&
           ask(k, vm->xsave2 ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, s->xsave) &&
           (!vm->xcrs || ask(k, KVM_GET_XCRS, &s->xcrs)) && get_msrs(k, s) &&
           (!vm->debugregs || ask(k, KVM_GET_DEBUGREGS, &s->debugregs)) &&
           (part == KVM_RUNTIME || !has_lapic(k) || ask(k, KVM_GET_LAPIC, &s->lapic));
}

/* What an interrupt that arrives meanwhile changes is left alone but at a reset. */
static bool put_events(const KvmCpu *k, const KvmX86Vm *vm, const KvmX86State *s, KvmPart part)
{
    struct kvm_vcpu_events e = s->events;
    e.flags &= KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_PAYLOAD |
               (vm->triple_fault ? KVM_VCPUEVENT_VALID_TRIPLE_FAULT : 0u);
    if (part == KVM_ALL)
        e.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR;
    return ask(k, KVM_SET_VCPU_EVENTS, &e);
}

bool kvm_x86_put(KvmCpu *k, const KvmX86State *s, KvmPart part)
{
    KvmX86Vm *vm = kvm_x86_vm(kvm_vm(k->cpu->accel));
    return put_sregs(k, vm, s) && ask(k, KVM_SET_REGS, &s->regs) &&
           (!vm->xcrs || ask(k, KVM_SET_XCRS, &s->xcrs)) && ask(k, KVM_SET_XSAVE, s->xsave) &&
           (part == KVM_RUNTIME || !has_lapic(k) || ask(k, KVM_SET_LAPIC, &s->lapic)) && put_msrs(k, s) &&
           (!vm->debugregs || ask(k, KVM_SET_DEBUGREGS, &s->debugregs)) && put_events(k, vm, s, part) &&
           (part == KVM_RUNTIME || ask(k, KVM_SET_MP_STATE, &s->mp_state));
}
