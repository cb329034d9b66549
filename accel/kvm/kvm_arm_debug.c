/*
 * A debugger outside of the guest on arm64 hosts: steps, break- and watchpoints (accel_debug.h) by the
 * processor's debug registers, of which it has a few. The guest's own do not count meanwhile.
 *
 * Source: Documentation/virt/kvm/api, KVM_SET_GUEST_DEBUG; Arm ARM, "DBGBCR<n>_EL1", "DBGWCR<n>_EL1".
 */
#include "accel/kvm/kvm_arm.h"

enum { ENABLE = 1, EL0_AND_EL1 = 3 << 1, ALL_BYTES_OF_INSN = 15 << 5, ON_LOAD = 1 << 3, ON_STORE = 2 << 3 };
enum { EC_SHIFT = 26, MOST_BYTES = 8, BYTES_SHIFT = 5 };

typedef struct Registers {
    struct kvm_guest_debug_arch arch;
    unsigned n_breaks, n_watches;
} Registers;

/* Of any range, in pieces of aligned 8 bytes. */
static bool add_watch(const KvmArmVm *x, Registers *r, const AccelWatch *w)
{
    const uint32_t how = w->how == MMU_W ? ON_STORE : ON_LOAD | ON_STORE;
    for (uint64_t at = w->at, end = w->at + w->n; at < end;) {
        const uint64_t base = align_down(at, MOST_BYTES), stop = MIN(end, base + MOST_BYTES);
        const uint32_t bytes = ((1u << (stop - at)) - 1) << (at - base);
        if (r->n_watches == x->n_watches)
            return false;
        r->arch.dbg_wvr[r->n_watches] = base;
        r->arch.dbg_wcr[r->n_watches++] = ENABLE | EL0_AND_EL1 | how | bytes << BYTES_SHIFT;
        at = stop;
    }
    return true;
}

/* False: there is no room for all. */
static bool fill(const KvmArmVm *x, const AccelDebug *d, Registers *r)
{
    *r = (Registers){.n_breaks = 0};
    for (unsigned k = 0; k < d->n_watches; k++)
        if (!add_watch(x, r, &d->watch[k]))
            return false;
    for (unsigned k = 0; k < d->n_breaks; k++) {
        if (r->n_breaks == x->n_breaks)
            return false;
        r->arch.dbg_bvr[r->n_breaks] = d->brk[k] & ~3ull;
        r->arch.dbg_bcr[r->n_breaks++] = ENABLE | EL0_AND_EL1 | ALL_BYTES_OF_INSN;
    }
    return true;
}

bool kvm_arch_points_changed(KvmVm *vm)
{
    Registers r;
    return fill(kvm_arm_vm(vm), &vm->accel->debug, &r);
}

/* A step does not stop at the breakpoint where it begins. */
void kvm_arm_debug_enter(KvmCpu *k)
{
    KvmVm *vm = kvm_vm(k->cpu->accel);
    KvmArmCpu *x = kvm_arm_cpu(k);
    struct kvm_guest_debug want = {.control = 0};
    const bool step = (k->cpu->ctx & CTX_STEP) != 0;
    Registers r;
    if (fill(kvm_arm_vm(vm), &vm->accel->debug, &r) && (r.n_breaks || r.n_watches) && !step) {
        want.control = KVM_GUESTDBG_USE_HW;
        want.arch = r.arch;
    }
    if (step)
        want.control |= KVM_GUESTDBG_SINGLESTEP;
    if (want.control)
        want.control |= KVM_GUESTDBG_ENABLE;
    if (memcmp(&want, &x->debug, sizeof(want)) == 0)
        return;
    x->debug = want;
    kvm_ioctl_at(k->fd, KVM_SET_GUEST_DEBUG, &want);
}

bool kvm_arm_debug_exit(KvmCpu *k)
{
    const struct kvm_debug_exit_arch *e = &k->run->debug.arch;
    AccelCpu *ac = k->cpu->accel_cpu;
    accel_sync(k->cpu); /* the address is there only */
    switch (e->hsr >> EC_SHIFT) {
    case ARM_EC_STEP_LOWER: k->cpu->exit = (CpuExit){.kind = CPU_EXIT_KICK}; break;
    case ARM_EC_WATCH_LOWER:
        /* Before the access: who steps does it, and finds the hit. */
        k->cpu->exit = (CpuExit){.kind = CPU_EXIT_DEBUG, .code = 1, .addr = e->far};
        ac->watch_hit = true;
        ac->watch_at = e->far;
        break;
    default: k->cpu->exit = (CpuExit){.kind = CPU_EXIT_DEBUG};
    }
    return true;
}
