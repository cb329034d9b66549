/*
 * The signal frames of 32-bit Arm Linux. Sources: the UAPI header asm/sigcontext.h of arm; sys/ucontext.h of
 * C libraries for it (offsets of the members, uc_regspace); sigaction(2); registers at a handler's entry as
 * AAPCS32 has them: r0 = signal, and with SA_SIGINFO r1 = siginfo, r2 = ucontext; lr = sa_restorer or code
 * that calls sigreturn. The VFP record in uc_regspace (magic, size, d0-d31, FPSCR, exception registers) is as
 * debuggers know it, and was compared with what another kernel interface writes.
 */
#include "linux-user/signal_priv.h"
#include "linux-user/abi32/lu32.h"
#include "linux-user/arm/frame_arm.h"
#include "target/arm/arm_cpu.h"

typedef struct VfpRecord {
    uint32_t magic, size;
    uint64_t d[32];
    uint32_t fpscr, pad;
    uint32_t fpexc, fpinst, fpinst2, pad2;
} VfpRecord;

enum { VFP_MAGIC = 0x56465001, FPEXC_EN = 1 << 30, OLD_FRAME_FLAGS = 0x5ac3c35a };

typedef struct ArmFrame32 {
    uint32_t flags, link;
    uint32_t stack_sp, stack_flags, stack_size;
    uint32_t trap_no, error_code, oldmask, r[16], cpsr, fault_address;
    uint64_t sigmask;
    uint32_t unused[30];
    VfpRecord vfp;
    uint32_t end_magic; /* 0 */
    uint8_t regspace[512 - sizeof(VfpRecord) - 4];
    uint32_t retcode[4];
} ArmFrame32;

_Static_assert(offsetof(ArmFrame32, sigmask) == 104 && offsetof(ArmFrame32, vfp) == 232, "ucontext of arm");
_Static_assert(sizeof(VfpRecord) == 288 && offsetof(ArmFrame32, retcode) == 744,
               "the record and uc_regspace");
_Static_assert(sizeof(ArmFrame32) == LU_ARM_SIGFRAME, "struct sigframe");

/* mov r7, #number; svc: in A32 and T32, for sigreturn and rt_sigreturn. */
static const uint32_t codes[4][2] = {
    {0xe3a07077, 0xef900077}, {0xdf002777, 0}, {0xe3a070ad, 0xef9000ad}, {0xdf0027ad, 0},
};

void lu_arm_put_sigreturn(uint8_t *at) { memcpy(at, codes, sizeof(codes)); }

/* What a processor would have told the kernel of the fault that the cpu has just left generated code with. */
static void describe_fault(const LuThread *t, const siginfo_t *si, ArmFrame32 *f)
{
    enum {
        TRAP_PAGE_FAULT = 14,
        TRAP_UNDEFINED = 6,
        TRANSLATION = 7,
        PERMISSION = 15,
        ALIGNMENT = 1,
        WRITE = 1 << 11
    };
    const CpuExit *e = &t->cpu->exit;
    bool memory = e->kind == CPU_EXIT_FAULT || e->kind == CPU_EXIT_FETCH || e->kind == CPU_EXIT_MISALIGNED;
    if (si->si_code <= 0)
        return;
    if (si->si_signo == SIGILL) {
        f->trap_no = TRAP_UNDEFINED;
    } else if (memory && (si->si_signo == SIGSEGV || si->si_signo == SIGBUS) &&
               (Gva)(uintptr_t)si->si_addr == e->addr) {
        f->trap_no = TRAP_PAGE_FAULT;
        f->error_code = (e->kind == CPU_EXIT_MISALIGNED ? ALIGNMENT
                         : si->si_code == SEGV_ACCERR   ? PERMISSION
                                                        : TRANSLATION) |
                        (e->kind != CPU_EXIT_FETCH && e->write ? WRITE : 0);
        f->fault_address = (uint32_t)e->addr;
    }
}

static void save_context(const LuThread *t, const siginfo_t *si, ArmFrame32 *f)
{
    const ArmCpu *cpu = (const ArmCpu *)t->cpu;
    const LuSigState *s = t->sig;
    f->stack_sp = (uint32_t)s->alt_sp;
    f->stack_flags = s->alt_flags;
    f->stack_size = (uint32_t)s->alt_size;
    f->sigmask = lu_frame_mask(s);
    f->oldmask = (uint32_t)f->sigmask;
    for (unsigned i = 0; i < 15; i++)
        f->r[i] = (uint32_t)cpu->x[i];
    f->r[15] = (uint32_t)t->cpu->pc & ~1u;
    f->cpsr = arm_cpsr(cpu);
    describe_fault(t, si, f);
    f->vfp = (VfpRecord){.magic = VFP_MAGIC, .size = sizeof(f->vfp), .fpscr = arm_fpscr(cpu),
                         .fpexc = FPEXC_EN};
    memcpy(f->vfp.d, cpu->v, sizeof(f->vfp.d));
}

bool lu_arm_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top)
{
    ArmCpu *cpu = (ArmCpu *)t->cpu;
    bool rt = act->flags & SA_SIGINFO, thumb = act->handler & 1;
    Gva size = sizeof(ArmFrame32) + (rt ? LU32_SIGINFO : 0), at = align_down(frame_top - size, 8);
    Gva frame = at + (rt ? LU32_SIGINFO : 0), ret = act->restorer;
    ArmFrame32 f = {.flags = rt ? 0 : OLD_FRAME_FLAGS};
    uint8_t si[LU32_SIGINFO];
    if (frame_top < size + 8)
        return false;
    save_context(t, &info->si, &f);
    if (!ret) {
        unsigned code = (rt ? 2 : 0) + thumb;
        memcpy(f.retcode, codes[code], sizeof(codes[code]));
        ret = LU_ARM_SIGRETURN + code * sizeof(codes[0]) + thumb;
    }
    lu32_siginfo_to_guest(si, &info->si);
    if (!guest_write(frame, &f, sizeof(f)) || (rt && !guest_write(at, si, sizeof(si))))
        return false;
    cpu->x[0] = (uint32_t)info->si.si_signo;
    if (rt) {
        cpu->x[1] = at;
        cpu->x[2] = frame;
    }
    cpu->x[13] = at;
    cpu->x[14] = ret;
    cpu->excl_addr = ARM_NO_RESERVATION;
    cpu->e = 0;
    t->cpu->ctx = (t->cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | t->cpu->ops->ctx(t->cpu);
    t->cpu->pc = (uint32_t)act->handler & (thumb ? ~0u : ~3u);
    return true;
}

static bool pop(LuThread *t, Gva frame, bool rt, uint64_t *ret_mask)
{
    ArmCpu *cpu = (ArmCpu *)t->cpu;
    Gva sp = (uint32_t)cpu->x[13];
    ArmFrame32 f;
    if (sp % 8 || sp >= t->proc->task_size || !guest_read(&f, frame, sizeof(f)))
        return false;
    if (f.vfp.magic != VFP_MAGIC || f.vfp.size != sizeof(f.vfp))
        return false;
    if (rt)
        lu_altstack_set(t, sp, f.stack_sp, f.stack_flags, f.stack_size);
    for (unsigned i = 0; i < 15; i++)
        cpu->x[i] = f.r[i];
    memcpy(cpu->v, f.vfp.d, sizeof(f.vfp.d));
    arm_set_fpscr(cpu, f.vfp.fpscr);
    t->cpu->pc = f.r[15] & (f.cpsr & 1 << 5 ? ~1u : ~3u);
    arm_set_cpsr(cpu, f.cpsr);
    cpu->excl_addr = ARM_NO_RESERVATION;
    t->cpu->ctx = (t->cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | t->cpu->ops->ctx(t->cpu);
    *ret_mask = f.sigmask;
    return true;
}

bool lu_arm_pop_frame(LuThread *t, uint64_t *ret_mask)
{
    return pop(t, (uint32_t)((const ArmCpu *)t->cpu)->x[13] + (Gva)LU32_SIGINFO, true, ret_mask);
}

bool lu_arm_pop_old_frame(LuThread *t, uint64_t *ret_mask)
{
    return pop(t, (uint32_t)((const ArmCpu *)t->cpu)->x[13], false, ret_mask);
}
