/*
 * The signal frame of riscv32 Linux: that of riscv64 (../riscv64/frame_riscv64.c) with words of 4 bytes; the
 * floating-point registers have 8 there, too. Sources: the UAPI headers asm/ptrace.h, asm/sigcontext.h,
 * asm/ucontext.h, asm-generic/siginfo.h.
 */
#include "linux-user/abi32/lu32.h"
#include "linux-user/riscv32/frame_riscv32.h"
#include "linux-user/signal_priv.h"
#include "target/riscv/rv_cpu.h"

typedef struct RvUcontext32 {
    uint32_t flags, link;
    uint32_t stack_sp, stack_flags, stack_size;
    uint32_t sigmask[2];
    uint8_t unused[120];
    uint32_t align[3];  /* the q state wants 16 bytes */
    uint32_t pc, x[31]; /* x1..x31 */
    uint64_t f[32];
    uint32_t fcsr, pad_fcsr;
    uint8_t rest[248];                                    /* the q state's f16..f31 */
    uint32_t reserved, ext_reserved, ext_magic, ext_size; /* __riscv_extra_ext_header and its end record */
} RvUcontext32;

typedef struct RvFrame32 {
    uint8_t info[LU32_SIGINFO];
    RvUcontext32 uc;
} RvFrame32;

_Static_assert(offsetof(RvUcontext32, pc) == 160, "uc_mcontext");
_Static_assert(offsetof(RvUcontext32, fcsr) == 160 + 128 + 256, "fcsr of the d state");
_Static_assert(sizeof(RvUcontext32) == 160 + 656, "struct ucontext");
_Static_assert(sizeof(RvFrame32) == LU_RISCV32_FRAME_SIZE, "struct rt_sigframe");

static void save_context(const LuThread *t, RvUcontext32 *uc)
{
    const RvCpu *cpu = (const RvCpu *)t->cpu;
    const LuSigState *s = t->sig;
    uint64_t mask = lu_frame_mask(s);
    uc->stack_sp = (uint32_t)s->alt_sp;
    uc->stack_flags = s->alt_flags;
    uc->stack_size = (uint32_t)s->alt_size;
    memcpy(uc->sigmask, &mask, sizeof mask);
    uc->pc = (uint32_t)t->cpu->pc;
    for (unsigned n = 1; n < 32; n++)
        uc->x[n - 1] = (uint32_t)cpu->x[n];
    memcpy(uc->f, cpu->f, sizeof uc->f);
    uc->fcsr = rv_fcsr(cpu);
}

static uint64_t sext(uint64_t v)
{
    return (uint64_t)(int32_t)v;
}

bool lu_riscv32_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top)
{
    RvCpu *cpu = (RvCpu *)t->cpu;
    RvFrame32 frame = {{0}};
    Gva at = align_down(frame_top - sizeof frame, 16);
    lu32_siginfo_to_guest(frame.info, &info->si);
    save_context(t, &frame.uc);
    if (!guest_write(at, &frame, sizeof frame))
        return false;
    cpu->x[1] = sext(t->proc->vdso + t->proc->abi->vdso_sigreturn);
    cpu->x[2] = sext(at);
    cpu->x[10] = (uint64_t)info->si.si_signo;
    cpu->x[11] = sext(at + offsetof(RvFrame32, info));
    cpu->x[12] = sext(at + offsetof(RvFrame32, uc));
    cpu->res_addr = RV_NO_RESERVATION;
    t->cpu->pc = act->handler;
    return true;
}

bool lu_riscv32_pop_frame(LuThread *t, uint64_t *ret_mask)
{
    RvCpu *cpu = (RvCpu *)t->cpu;
    RvUcontext32 uc;
    if (!guest_read(&uc, (uint32_t)cpu->x[2] + offsetof(RvFrame32, uc), sizeof uc))
        return false;
    if (uc.reserved || uc.ext_reserved || uc.ext_magic || uc.ext_size)
        return false; /* state that this processor does not have */
    for (unsigned n = 1; n < 32; n++)
        cpu->x[n] = sext(uc.x[n - 1]);
    memcpy(cpu->f, uc.f, sizeof uc.f);
    rv_set_fcsr(cpu, uc.fcsr);
    t->cpu->ctx = (t->cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | t->cpu->ops->ctx(t->cpu);
    t->cpu->pc = uc.pc;
    cpu->res_addr = RV_NO_RESERVATION;
    lu_altstack_set(t, (uint32_t)cpu->x[2], uc.stack_sp, uc.stack_flags, uc.stack_size);
    memcpy(ret_mask, uc.sigmask, sizeof *ret_mask);
    return true;
}
