/*
 * A debugger outside of the guest: steps, break- and watchpoints (accel_debug.h) by the processor's debug
 * registers; breakpoints that find none free by int3 in the guest's memory.
 *
 * The guest's own debug registers do not count meanwhile. Watchpoints are hit after the access: exit.code is
 * then 2. Source: AMD64 APM volume 2, "Debug-Control Register"; Documentation/virt/kvm/api,
 * KVM_SET_GUEST_DEBUG.
 */
#include "accel/kvm/kvm_x86.h"

enum { INT3 = 0xcc, DB = 1, BP = 3 };
enum { DR6_STEP = 1 << 14, DR7_EXACT = 0x600, RW_WRITE = 1, RW_ANY = 3, MOST_BYTES = 8 };

/* ---- debug registers ---- */

typedef struct Registers {
    uint64_t at[KVM_X86_DEBUG_REGISTERS], control;
    unsigned n;
} Registers;

static bool add_register(Registers *r, uint64_t at, unsigned rw, unsigned bytes)
{
    static const uint8_t lengths[MOST_BYTES + 1] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};
    if (r->n == KVM_X86_DEBUG_REGISTERS)
        return false;
    r->at[r->n] = at;
    r->control |= 2ull << r->n * 2 | (uint64_t)(rw | lengths[bytes] << 2) << (16 + r->n * 4);
    r->n++;
    return true;
}

/* Of any range, in aligned pieces. */
static bool add_watch(Registers *r, const AccelWatch *w)
{
    uint64_t at = w->at, left = w->n;
    for (unsigned n; left; at += n, left -= n) {
        n = MOST_BYTES;
        while (n > left || at % n)
            n /= 2;
        if (!add_register(r, at, w->how == MMU_W ? RW_WRITE : RW_ANY, n))
            return false;
    }
    return true;
}

enum { NOWHERE = -1 };

/* Watchpoints have no other way, so they come first. *ret_breaks: how many breakpoints there was room for.
 * That at `but` counts for no step, which would end before it began. */
static bool fill(const AccelDebug *d, Gva but, Registers *r, unsigned *ret_breaks)
{
    *r = (Registers){.control = DR7_EXACT};
    for (unsigned k = 0; k < d->n_watches; k++)
        if (!add_watch(r, &d->watch[k]))
            return false;
    *ret_breaks = 0;
    while (*ret_breaks < d->n_breaks &&
           (d->brk[*ret_breaks] == but || add_register(r, d->brk[*ret_breaks], 0, 1)))
        ++*ret_breaks;
    return true;
}

/* ---- int3 ---- */

static void take_out(KvmVm *vm)
{
    KvmX86Vm *x = kvm_x86_vm(vm);
    for (unsigned k = x->n_patches; k-- > 0;)
        accel_debug_write_phys(vm->accel, x->patch[k].pa, &x->patch[k].was, 1);
    x->n_patches = 0;
}

static bool put_in(KvmVm *vm, Gva pc)
{
    static const uint8_t int3 = INT3;
    KvmX86Vm *x = kvm_x86_vm(vm);
    KvmX86Patch *p = &x->patch[x->n_patches];
    p->pc = pc;
    for (AccelCpu *ac = vm->accel->cpus; ac; ac = ac->next) {
        if (!kvm_arch_translate(ac->cpu, pc, &p->pa) || !accel_debug_read_phys(vm->accel, p->pa, &p->was, 1))
            continue;
        if (!accel_debug_write_phys(vm->accel, p->pa, &int3, 1))
            return false; /* ROM */
        x->n_patches++;
        return true;
    }
    return false;
}

static bool is_patch(const KvmX86Vm *x, Gva pc)
{
    for (unsigned k = 0; k < x->n_patches; k++)
        if (x->patch[k].pc == pc)
            return true;
    return false;
}

bool kvm_arch_points_changed(KvmVm *vm)
{
    const AccelDebug *d = &vm->accel->debug;
    Registers r;
    unsigned n;
    take_out(vm);
    if (!fill(d, (Gva)NOWHERE, &r, &n))
        return false;
    for (; n < d->n_breaks; n++)
        if (!put_in(vm, d->brk[n]))
            return false;
    return true;
}

/* ---- running ---- */

void kvm_x86_debug_enter(KvmCpu *k)
{
    KvmVm *vm = kvm_vm(k->cpu->accel);
    KvmX86Cpu *x = kvm_x86_cpu(k);
    struct kvm_guest_debug want = {.control = 0};
    Registers r;
    unsigned n;
    Gva but = k->cpu->ctx & CTX_STEP ? k->cpu->pc : (Gva)NOWHERE;
    if (fill(&vm->accel->debug, but, &r, &n) && r.n) {
        want.control |= KVM_GUESTDBG_USE_HW_BP;
        memcpy(want.arch.debugreg, r.at, sizeof(r.at));
        want.arch.debugreg[7] = r.control;
    }
    if (kvm_x86_vm(vm)->n_patches)
        want.control |= KVM_GUESTDBG_USE_SW_BP;
    if (k->cpu->ctx & CTX_STEP)
        want.control |= KVM_GUESTDBG_SINGLESTEP | (kvm_x86_vm(vm)->block_irq ? KVM_GUESTDBG_BLOCKIRQ : 0u);
    if (x->inject_bp)
        want.control |= KVM_GUESTDBG_INJECT_BP;
    if (want.control)
        want.control |= KVM_GUESTDBG_ENABLE;
    x->inject_bp = false;
    if (memcmp(&want, &x->debug, sizeof(want)) == 0)
        return;
    x->debug = want;
    kvm_ioctl_at(k->fd, KVM_SET_GUEST_DEBUG, &want);
}

/* True: for the owner. */
bool kvm_x86_debug_exit(KvmCpu *k)
{
    const struct kvm_debug_exit_arch *e = &k->run->debug.arch;
    const AccelDebug *d = &k->cpu->accel->debug;
    KvmX86Cpu *x = kvm_x86_cpu(k);
    Registers r;
    unsigned n;
    k->cpu->pc = e->pc;
    k->cpu->exit = (CpuExit){.kind = CPU_EXIT_DEBUG};
    if (e->exception == BP) {
        x->inject_bp = !is_patch(kvm_x86_vm(kvm_vm(k->cpu->accel)), e->pc); /* the guest's own */
        return !x->inject_bp;
    }
    if (fill(d, (Gva)NOWHERE, &r, &n))
        for (unsigned k2 = 0; k2 + n < r.n; k2++)
            if (e->dr6 >> k2 & 1)
                k->cpu->exit = (CpuExit){.kind = CPU_EXIT_DEBUG, .code = 2, .addr = r.at[k2]};
    if (k->cpu->exit.code == 0 && (e->dr6 & DR6_STEP))
        k->cpu->exit = (CpuExit){.kind = CPU_EXIT_KICK};
    return true;
}
