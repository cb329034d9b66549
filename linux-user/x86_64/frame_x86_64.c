/*
 * The signal frame of x86-64 Linux. Sources: the UAPI headers asm/sigcontext.h, asm/ucontext.h of x86; System
 * V ABI, AMD64 supplement: the red zone of 128 bytes below rsp, rsp + 8 a multiple of 16 at a function's
 * entry; sigaction(2): rdi = signal, rsi = siginfo, rdx = ucontext. The floating-point state is at a multiple
 * of 64: the 512 bytes of fxsave, and with XSAVE the rest of its standard form (asm/sigcontext.h,
 * FP_XSTATE_MAGIC1). A handler begins with that state as after FNINIT, and DF clear.
 */
#include "linux-user/x86_64/frame_x86_64.h"
#include "linux-user/signal_priv.h"
#include "linux-user/x86_64/frame_x86.h"
#include "target/x86/x86_fpu.h"

enum { RED_ZONE = 128, SS = 2 };
enum { UC_XSTATE = 1, UC_SIGCONTEXT_SS_BIT = 2, UC_STRICT_RESTORE_SS_BIT = 4 };
typedef struct X86Sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
} X86Sigcontext;

typedef struct X86Ucontext {
    uint64_t flags, link;
    uint64_t stack_sp;
    uint32_t stack_flags, pad;
    uint64_t stack_size;
    X86Sigcontext mc;
    uint64_t sigmask;
} X86Ucontext;

typedef struct X86Frame {
    uint64_t restorer;
    X86Ucontext uc;
    siginfo_t info;
} X86Frame;

_Static_assert(sizeof(X86Sigcontext) == 256 && offsetof(X86Ucontext, mc) == 40,
               "asm/sigcontext.h, asm/ucontext.h");
_Static_assert(sizeof(X86Frame) == 440, "struct rt_sigframe");

/* order of the encoding */
static uint64_t *slot_of(X86Sigcontext *mc, unsigned r)
{
    uint64_t *const at[16] = {&mc->rax, &mc->rcx, &mc->rdx, &mc->rbx, &mc->rsp, &mc->rbp, &mc->rsi, &mc->rdi,
                              &mc->r8,  &mc->r9,  &mc->r10, &mc->r11, &mc->r12, &mc->r13, &mc->r14, &mc->r15};
    return at[r];
}

static void save_context(const LuThread *t, X86Ucontext *uc)
{
    const X86Cpu *cpu = (const X86Cpu *)t->cpu;
    const LuSigState *s = t->sig;
    uc->flags = UC_SIGCONTEXT_SS_BIT | UC_STRICT_RESTORE_SS_BIT;
    uc->stack_sp = s->alt_sp;
    uc->stack_flags = s->alt_flags;
    uc->stack_size = s->alt_size;
    uc->sigmask = uc->mc.oldmask = lu_frame_mask(s);
    for (unsigned r = 0; r < 16; r++)
        *slot_of(&uc->mc, r) = cpu->gpr[r];
    uc->mc.rip = x86_user_ip(cpu);
    uc->mc.eflags = x86_rflags(cpu);
    uc->mc.cs = cpu->seg[1];
    uc->mc.ss = cpu->seg[2];
    uc->mc.fs = cpu->seg[4];
    uc->mc.gs = cpu->seg[5];
}

bool lu_x86_64_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top)
{
    X86Cpu *cpu = (X86Cpu *)t->cpu;
    uint8_t fp[LU_X86_FP_BYTES];
    X86Frame f = {.info = info->si, .restorer = act->restorer};
    if (frame_top == cpu->gpr[X86_RSP])
        frame_top -= RED_ZONE;
    save_context(t, &f.uc);
    x86_set_code_segment(cpu, X86_CS64); /* which has all registers, and handlers are of */
    size_t fp_bytes = lu_x86_save_fpu(cpu, 0, fp);
    Gva fp_at = align_down(frame_top - fp_bytes, 64), at = align_down(fp_at - sizeof f, 16) - 8;
    LuX86Fault fault = lu_x86_fault(t, &info->si);
    f.uc.mc.trapno = fault.trapno;
    f.uc.mc.err = fault.err;
    f.uc.mc.cr2 = fault.cr2;
    f.uc.mc.fpstate = fp_at;
    if (lu_x86_components(cpu))
        f.uc.flags |= UC_XSTATE;
    if (!act->restorer || !guest_write(fp_at, fp, fp_bytes) || !guest_write(at, &f, sizeof f))
        return false;
    lu_x86_fresh_fpu(cpu);
    cpu->gpr[X86_RAX] = 0;
    cpu->gpr[X86_RDI] = (uint64_t)info->si.si_signo;
    cpu->gpr[X86_RSI] = at + offsetof(X86Frame, info);
    cpu->gpr[X86_RDX] = at + offsetof(X86Frame, uc);
    cpu->gpr[X86_RSP] = at;
    cpu->df = 0;
    x86_set_selector(cpu, SS, X86_DS);
    t->cpu->pc = act->handler;
    return true;
}

/* 32-bit code may have been interrupted. False: the selectors are none to go on with. */
static bool restore_segments(X86Cpu *cpu, const X86Ucontext *uc)
{
    if (!x86_set_code_segment(cpu, uc->mc.cs | 3))
        return false;
    if (x86_set_selector(cpu, SS, uc->mc.ss | 3))
        return true;
    bool lenient = !(uc->flags & UC_STRICT_RESTORE_SS_BIT) && !cpu->code32;
    return lenient && x86_set_selector(cpu, SS, X86_DS);
}

bool lu_x86_64_pop_frame(LuThread *t, uint64_t *ret_mask)
{
    X86Cpu *cpu = (X86Cpu *)t->cpu;
    Gva at = cpu->gpr[X86_RSP] - 8; /* the restorer's address was popped */
    X86Ucontext uc;
    if (!guest_read(&uc, at + offsetof(X86Frame, uc), sizeof uc))
        return false;
    if (!uc.mc.fpstate)
        lu_x86_fresh_fpu(cpu);
    else if (!lu_x86_restore_fpu(cpu, 0, uc.mc.fpstate))
        return false;
    lu_altstack_set(t, cpu->gpr[X86_RSP], uc.stack_sp, uc.stack_flags, uc.stack_size);
    for (unsigned r = 0; r < 16; r++)
        cpu->gpr[r] = *slot_of(&uc.mc, r);
    x86_set_rflags(cpu, uc.mc.eflags);
    *ret_mask = uc.sigmask;
    bool ok = restore_segments(cpu, &uc);
    x86_set_user_ip(cpu, uc.mc.rip);
    return ok;
}
