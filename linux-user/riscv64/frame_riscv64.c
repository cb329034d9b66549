/*
 * The signal frame of riscv64 Linux. Sources: the UAPI headers asm/ptrace.h, asm/sigcontext.h,
 * asm/ucontext.h, asm-generic/siginfo.h of riscv64; frame address, ra and the argument registers as
 * sigaction(2) and the calling convention have it: a0 = signal, a1 = siginfo, a2 = ucontext, ra = the vDSO's
 * rt_sigreturn. The last 16 bytes of the floating-point union are zero: an end header without extension
 * records (no vector state).
 */
#include "linux-user/signal_priv.h"
#include "linux-user/riscv64/frame_riscv64.h"
#include "target/riscv/rv_cpu.h"

typedef struct RvUcontext {
    uint64_t flags, link;
    uint64_t stack_sp;
    uint32_t stack_flags, pad;
    uint64_t stack_size;
    uint64_t sigmask;
    uint8_t unused[120];
    uint64_t align;   /* the q state wants 16 bytes */
    uint64_t pc, x[31]; /* x1..x31 */
    uint64_t f[32];
    uint32_t fcsr, pad_fcsr;
    uint8_t rest[248];  /* the q state's f16..f31 */
    uint32_t reserved, ext_reserved, ext_magic, ext_size; /* __riscv_extra_ext_header and its end record */
} RvUcontext;

typedef struct RvFrame {
    siginfo_t info;
    RvUcontext uc;
} RvFrame;

_Static_assert(offsetof(RvUcontext, pc) == 176, "uc_mcontext");
_Static_assert(offsetof(RvUcontext, fcsr) == 176 + 256 + 256, "fcsr of the d state");
_Static_assert(sizeof(RvUcontext) == 176 + 784, "struct ucontext");
_Static_assert(sizeof(RvFrame) == LU_RISCV64_FRAME_SIZE, "struct rt_sigframe");

static void save_context(const LuThread *t, RvUcontext *uc)
{
    const RvCpu *cpu = (const RvCpu *)t->cpu;
    const LuSigState *s = t->sig;
    uc->stack_sp = s->alt_sp;
    uc->stack_flags = s->alt_flags;
    uc->stack_size = s->alt_size;
    uc->sigmask = lu_frame_mask(s);
    uc->pc = t->cpu->pc;
    memcpy(uc->x, &cpu->x[1], sizeof uc->x);
    memcpy(uc->f, cpu->f, sizeof uc->f);
    uc->fcsr = rv_fcsr(cpu);
}

bool lu_riscv64_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top)
{
    RvCpu *cpu = (RvCpu *)t->cpu;
    RvFrame frame = {.info = info->si};
    Gva at = align_down(frame_top - sizeof frame, 16);
    save_context(t, &frame.uc);
    if (!guest_write(at, &frame, sizeof frame))
        return false;
    cpu->x[1] = t->proc->vdso + t->proc->abi->vdso_sigreturn;
    cpu->x[2] = at;
    cpu->x[10] = (uint64_t)info->si.si_signo;
    cpu->x[11] = at + offsetof(RvFrame, info);
    cpu->x[12] = at + offsetof(RvFrame, uc);
    cpu->res_addr = RV_NO_RESERVATION;
    t->cpu->pc = act->handler;
    return true;
}

bool lu_riscv64_pop_frame(LuThread *t, uint64_t *ret_mask)
{
    RvCpu *cpu = (RvCpu *)t->cpu;
    RvUcontext uc;
    if (!guest_read(&uc, cpu->x[2] + offsetof(RvFrame, uc), sizeof uc))
        return false;
    if (uc.reserved || uc.ext_reserved || uc.ext_magic || uc.ext_size)
        return false; /* state that this processor does not have */
    memcpy(&cpu->x[1], uc.x, sizeof uc.x);
    memcpy(cpu->f, uc.f, sizeof uc.f);
    rv_set_fcsr(cpu, uc.fcsr);
    t->cpu->ctx = (t->cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | t->cpu->ops->ctx(t->cpu);
    t->cpu->pc = uc.pc;
    cpu->res_addr = RV_NO_RESERVATION;
    lu_altstack_set(t, cpu->x[2], uc.stack_sp, uc.stack_flags, uc.stack_size);
    *ret_mask = uc.sigmask;
    return true;
}
