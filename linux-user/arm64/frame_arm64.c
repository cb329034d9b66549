/*
 * The signal frame of arm64 Linux. Sources: the UAPI headers asm/sigcontext.h, asm/ucontext.h, asm/ptrace.h
 * of arm64; registers at the handler's entry as sigaction(2) and AAPCS64 have it: x0 = signal, x1 = siginfo,
 * x2 = ucontext, x29 = a frame record above the frame, so that unwinders find the interrupted code, x30 =
 * sa_restorer or the vDSO's __kernel_rt_sigreturn. ESR_EL1 in the frame of a fault is what the processor
 * would have said: Arm ARM, "ESR_EL1".
 *
 * Of the 4 KiB that the frame reserves for records only those that are there are written: fpsimd_context, for
 * a fault esr_context, the end.
 */
#include "linux-user/signal_priv.h"
#include "linux-user/arm64/frame_arm64.h"
#include "target/arm/arm_cpu.h"

typedef struct Record {
    uint32_t magic, size;
} Record;

typedef struct FpRecord {
    Record head;
    uint32_t fpsr, fpcr;
    uint64_t v[32][2];
} FpRecord;

typedef struct EsrRecord {
    Record head;
    uint64_t esr;
} EsrRecord;

enum { FPSIMD_MAGIC = 0x46508001, ESR_MAGIC = 0x45535201, RESERVED = 4096 };

typedef struct ArmUcontext {
    uint64_t flags, link;
    uint64_t stack_sp;
    uint32_t stack_flags, pad;
    uint64_t stack_size;
    uint64_t sigmask;
    uint8_t unused[120];
    uint64_t align; /* struct sigcontext is aligned to 16 bytes */
    uint64_t fault_address, x[31], sp, pc, pstate, align_records;
} ArmUcontext;

typedef struct ArmFrame {
    siginfo_t info;
    ArmUcontext uc;
    FpRecord fp;
    EsrRecord esr;     /* or the end */
    Record end;
} ArmFrame;

_Static_assert(offsetof(ArmUcontext, fault_address) == 176, "uc_mcontext");
_Static_assert(sizeof(ArmUcontext) == 176 + 288, "the records follow struct sigcontext's registers");
_Static_assert(sizeof(FpRecord) == 0x210 && sizeof(EsrRecord) == 0x10, "sizes given in asm/sigcontext.h");
_Static_assert(sizeof(siginfo_t) + sizeof(ArmUcontext) + RESERVED == LU_ARM64_RT_SIGFRAME,
               "struct rt_sigframe");

/* PSTATE as SPSR_EL1 shows it; what EL0 cannot have is M[4:0] (another level or AArch32) and the masks D, A,
 * I, F. */
enum { PSTATE_KEPT = ARM_PSTATE_SSBS | ARM_PSTATE_DIT | ARM_PSTATE_TCO, PSTATE_BAD = 0x1f | 0x3c0 };

/* Is `info` of the fault that the cpu has just left generated code with? */
static bool is_own_fault(const LuThread *t, const siginfo_t *si)
{
    const CpuExit *e = &t->cpu->exit;
    bool fault = e->kind == CPU_EXIT_FAULT || e->kind == CPU_EXIT_FETCH || e->kind == CPU_EXIT_MISALIGNED;
    return fault && (si->si_signo == SIGSEGV || si->si_signo == SIGBUS) && si->si_code > 0 &&
           (Gva)(uintptr_t)si->si_addr == e->addr;
}

static uint64_t syndrome(const LuThread *t, const siginfo_t *si)
{
    enum {
        EC = 26,
        IL = 1 << 25,
        WNR = 1 << 6,
        EC_FETCH = 0x20,
        EC_PC = 0x22,
        EC_DATA = 0x24,
        TRANSLATION = 7,
        PERMISSION = 15,
        EXTERNAL = 16,
        ALIGNMENT = 33
    };
    const CpuExit *e = &t->cpu->exit;
    bool fetch = e->kind == CPU_EXIT_FETCH;
    uint32_t status = si->si_signo == SIGBUS       ? EXTERNAL
                      : si->si_code == SEGV_ACCERR ? PERMISSION
                                                   : TRANSLATION;
    if (e->kind == CPU_EXIT_MISALIGNED)
        return e->addr == t->cpu->pc ? (uint64_t)EC_PC << EC | IL : (uint64_t)EC_DATA << EC | IL | ALIGNMENT;
    return (uint64_t)(fetch ? EC_FETCH : EC_DATA) << EC | IL | (!fetch && e->write ? WNR : 0) | status;
}

static void save_context(const LuThread *t, ArmUcontext *uc)
{
    const ArmCpu *cpu = (const ArmCpu *)t->cpu;
    const LuSigState *s = t->sig;
    uc->stack_sp = s->alt_sp;
    uc->stack_flags = s->alt_flags;
    uc->stack_size = s->alt_size;
    uc->sigmask = lu_frame_mask(s);
    memcpy(uc->x, cpu->x, sizeof uc->x);
    uc->sp = cpu->sp;
    uc->pc = t->cpu->pc;
    uc->pstate = arm_nzcv(cpu) | cpu->pstate;
}

bool lu_arm64_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top)
{
    ArmCpu *cpu = (ArmCpu *)t->cpu;
    uint64_t link[2] = {cpu->x[29], cpu->x[30]};
    Gva record = align_down(frame_top - sizeof link, 16), at = record - LU_ARM64_RT_SIGFRAME;
    ArmFrame f = {.info = info->si};
    save_context(t, &f.uc);
    f.fp = (FpRecord){.head = {FPSIMD_MAGIC, sizeof f.fp}, .fpsr = arm_fpsr(cpu), .fpcr = arm_fpcr(cpu)};
    memcpy(f.fp.v, cpu->v, sizeof f.fp.v);
    if (is_own_fault(t, &info->si)) {
        f.uc.fault_address = t->cpu->exit.addr;
        f.esr = (EsrRecord){{ESR_MAGIC, sizeof f.esr}, syndrome(t, &info->si)};
    }
    if (!guest_write(at, &f, sizeof f) || !guest_write(record, link, sizeof link))
        return false;
    cpu->x[0] = (uint64_t)info->si.si_signo;
    cpu->x[1] = at + offsetof(ArmFrame, info);
    cpu->x[2] = at + offsetof(ArmFrame, uc);
    cpu->x[29] = record;
    cpu->x[30] = act->restorer ? act->restorer : t->proc->vdso + t->proc->abi->vdso_sigreturn;
    cpu->sp = at;
    cpu->pstate &= ~(uint32_t)ARM_PSTATE_TCO;
    cpu->excl_addr = ARM_NO_RESERVATION;
    t->cpu->pc = act->handler;
    return true;
}

/* The records of a frame at `at`, which a handler may have put in another order. There must be one
 * fpsimd_context. */
static bool read_records(Gva at, FpRecord *ret_fp)
{
    bool have = false;
    for (uint32_t off = 0;;) {
        Record r;
        if (off > RESERVED - sizeof r || !guest_read(&r, at + off, sizeof r))
            return false;
        if (!r.magic)
            return !r.size && have;
        if (r.size < sizeof r || r.size % 16 || r.size > RESERVED - off)
            return false;
        switch (r.magic) {
        case FPSIMD_MAGIC:
            if (have || r.size != sizeof *ret_fp || !guest_read(ret_fp, at + off, sizeof *ret_fp))
                return false;
            have = true;
            break;
        case ESR_MAGIC: break;
        default: return false; /* state that this processor does not have */
        }
        off += r.size;
    }
}

bool lu_arm64_pop_frame(LuThread *t, uint64_t *ret_mask)
{
    ArmCpu *cpu = (ArmCpu *)t->cpu;
    Gva at = cpu->sp + offsetof(ArmFrame, uc);
    ArmUcontext uc;
    FpRecord fp;
    if (cpu->sp % 16 || !guest_read(&uc, at, sizeof uc) || !read_records(at + sizeof uc, &fp) ||
        (uc.pstate & PSTATE_BAD))
        return false;
    lu_altstack_set(t, cpu->sp, uc.stack_sp, uc.stack_flags, uc.stack_size);
    memcpy(cpu->x, uc.x, sizeof uc.x);
    memcpy(cpu->v, fp.v, sizeof fp.v);
    arm_set_fpsr(cpu, fp.fpsr);
    arm_set_fpcr(cpu, fp.fpcr);
    arm_set_nzcv(cpu, (uint32_t)uc.pstate);
    cpu->pstate = (uint32_t)uc.pstate & PSTATE_KEPT;
    cpu->sp = uc.sp;
    t->cpu->pc = uc.pc;
    cpu->excl_addr = ARM_NO_RESERVATION;
    t->cpu->ctx = (t->cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | t->cpu->ops->ctx(t->cpu);
    *ret_mask = uc.sigmask;
    return true;
}
