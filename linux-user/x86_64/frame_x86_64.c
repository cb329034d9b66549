/*
 * The signal frame of x86-64 Linux. Sources: the UAPI headers asm/sigcontext.h, asm/ucontext.h of x86; System
 * V ABI, AMD64 supplement: the red zone of 128 bytes below rsp, rsp + 8 a multiple of 16 at a function's
 * entry; sigaction(2): rdi = signal, rsi = siginfo, rdx = ucontext. The floating-point state is at a multiple
 * of 64: the 512 bytes of fxsave, and with XSAVE the rest of its standard form (asm/sigcontext.h,
 * FP_XSTATE_MAGIC1). A handler begins with that state as after FNINIT, and DF clear.
 */
#include "linux-user/x86_64/frame_x86_64.h"
#include "linux-user/signal_priv.h"
#include "target/x86/x86_fpu.h"

enum {
    RED_ZONE = 128,
    PAGE_FAULT = 14,
    DIVIDE = 0,
    INVALID = 6,
    GENERAL = 13,
    BREAKPOINT = 3,
    USER = 4,
    WRITE = 2,
    PRESENT = 1
};
enum { UC_XSTATE = 1, UC_SIGCONTEXT_SS_BIT = 2, UC_STRICT_RESTORE_SS_BIT = 4 };
enum {
    XSTATE_MAGIC1 = 0x46505853,
    XSTATE_MAGIC2 = 0x46505845,
    SW_AT = 464,
    HEADER_AT = 512,
    MAGIC2_BYTES = 4
};

/* struct _fpx_sw_bytes */
typedef struct X86SwBytes {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t size, pad[7];
} X86SwBytes;

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

/* What the processor would have said of the fault that the cpu has just left generated code with. */
static void say_fault(const LuThread *t, const siginfo_t *si, X86Sigcontext *mc)
{
    const CpuExit *e = &t->cpu->exit;
    bool fault = e->kind == CPU_EXIT_FAULT || e->kind == CPU_EXIT_FETCH;
    if (fault && (si->si_signo == SIGSEGV || si->si_signo == SIGBUS) && si->si_code > 0 &&
        si->si_code != SI_KERNEL) {
        mc->trapno = PAGE_FAULT;
        mc->err = USER |
                  (e->kind == CPU_EXIT_FETCH ? 16
                   : e->write                ? WRITE
                                             : 0) |
                  (si->si_code == SEGV_ACCERR ? PRESENT : 0);
        mc->cr2 = e->addr;
    } else if (e->kind == CPU_EXIT_DIVIDE && si->si_signo == SIGFPE) {
        mc->trapno = DIVIDE;
    } else if (e->kind == CPU_EXIT_ILLEGAL && si->si_signo == SIGILL) {
        mc->trapno = INVALID;
    } else if (e->kind == CPU_EXIT_PROTECTION && si->si_signo == SIGSEGV) {
        mc->trapno = GENERAL;
    } else if (e->kind == CPU_EXIT_BREAK && si->si_signo == SIGTRAP) {
        mc->trapno = BREAKPOINT;
    }
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
    uc->mc.rip = t->cpu->pc;
    uc->mc.eflags = x86_rflags(cpu);
    uc->mc.cs = cpu->seg[1];
    uc->mc.ss = cpu->seg[2];
    uc->mc.fs = cpu->seg[4];
    uc->mc.gs = cpu->seg[5];
}

static void fresh_fpu(X86Cpu *cpu)
{
    memset(cpu->ymm, 0, sizeof cpu->ymm);
    memset(cpu->fpu.st, 0, sizeof cpu->fpu.st);
    x86_fpu_init(&cpu->fpu);
    x86_set_mxcsr(cpu, 0x1f80);
}

enum { IMAGE_BYTES = X86_XSAVE_BYTES + MAGIC2_BYTES };

/* Which components are saved; 0: the processor has no XSAVE. */
static uint64_t components(const X86Cpu *cpu)
{
    return !x86_model_has((X86Model)cpu->model, X86_FEAT_XSAVE) ? 0
           : x86_model_has((X86Model)cpu->model, X86_FEAT_AVX)  ? X86_XCR0
                                                                : 3;
}

static uint32_t xsave_bytes(uint64_t features)
{
    return features & 4 ? X86_XSAVE_BYTES : HEADER_AT + 64;
}

/* Returns how many bytes the image has. */
static size_t save_fpu(const X86Cpu *cpu, uint8_t image[IMAGE_BYTES])
{
    static const uint32_t magic2 = XSTATE_MAGIC2;
    uint64_t features = components(cpu), header;
    memset(image, 0, IMAGE_BYTES);
    if (!features) {
        x86_fxsave(cpu, x86_mxcsr(cpu), image);
        return X86_FXSAVE_BYTES;
    }
    x86_xsave(cpu, X86_XSAVE, x86_mxcsr(cpu), features, image);
    memcpy(&header, image + HEADER_AT, 8);
    header |= 3; /* programs that know fxsave alone change those */
    memcpy(image + HEADER_AT, &header, 8);
    uint32_t size = xsave_bytes(features);
    X86SwBytes sw = {
        .magic1 = XSTATE_MAGIC1, .extended_size = size + MAGIC2_BYTES, .features = features, .size = size};
    memcpy(image + SW_AT, &sw, sizeof sw);
    memcpy(image + size, &magic2, sizeof magic2);
    return size + MAGIC2_BYTES;
}

static void fresh_fpu(X86Cpu *cpu);

/* The image's rest counts if both magics are there. */
static bool restore_fpu(X86Cpu *cpu, Gva at)
{
    uint8_t image[IMAGE_BYTES];
    X86SwBytes sw;
    uint32_t mxcsr, magic2;
    uint64_t features = components(cpu), header[8] = {3};
    if (!guest_read(image, at, X86_FXSAVE_BYTES))
        return false;
    memcpy(&sw, image + SW_AT, sizeof sw);
    memcpy(&mxcsr, image + 24, 4);
    if (features && sw.magic1 == XSTATE_MAGIC1 && sw.size == xsave_bytes(features) &&
        sw.extended_size == sw.size + MAGIC2_BYTES && !(sw.features & ~features) &&
        guest_read(&magic2, at + sw.size, 4) && magic2 == XSTATE_MAGIC2)
        return guest_read(image + HEADER_AT, at + HEADER_AT, sw.size - HEADER_AT) &&
               x86_xrstor(cpu, features, image);
    mxcsr &= X86_MXCSR_VALID;
    memcpy(image + 24, &mxcsr, 4);
    memcpy(image + HEADER_AT, header, sizeof header);
    return x86_xrstor(cpu, X86_XCR0, image);
}

bool lu_x86_64_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top)
{
    X86Cpu *cpu = (X86Cpu *)t->cpu;
    uint8_t fp[IMAGE_BYTES];
    X86Frame f = {.info = info->si, .restorer = act->restorer};
    if (frame_top == cpu->gpr[X86_RSP])
        frame_top -= RED_ZONE;
    size_t fp_bytes = save_fpu(cpu, fp);
    Gva fp_at = align_down(frame_top - fp_bytes, 64), at = align_down(fp_at - sizeof f, 16) - 8;
    save_context(t, &f.uc);
    say_fault(t, &info->si, &f.uc.mc);
    f.uc.mc.fpstate = fp_at;
    if (components(cpu))
        f.uc.flags |= UC_XSTATE;
    if (!act->restorer || !guest_write(fp_at, fp, fp_bytes) || !guest_write(at, &f, sizeof f))
        return false;
    fresh_fpu(cpu);
    cpu->gpr[X86_RAX] = 0;
    cpu->gpr[X86_RDI] = (uint64_t)info->si.si_signo;
    cpu->gpr[X86_RSI] = at + offsetof(X86Frame, info);
    cpu->gpr[X86_RDX] = at + offsetof(X86Frame, uc);
    cpu->gpr[X86_RSP] = at;
    cpu->df = 0;
    t->cpu->pc = act->handler;
    return true;
}

bool lu_x86_64_pop_frame(LuThread *t, uint64_t *ret_mask)
{
    X86Cpu *cpu = (X86Cpu *)t->cpu;
    Gva at = cpu->gpr[X86_RSP] - 8; /* the restorer's address was popped */
    X86Ucontext uc;
    if (!guest_read(&uc, at + offsetof(X86Frame, uc), sizeof uc))
        return false;
    if (!uc.mc.fpstate)
        fresh_fpu(cpu);
    else if (!restore_fpu(cpu, uc.mc.fpstate))
        return false;
    lu_altstack_set(t, cpu->gpr[X86_RSP], uc.stack_sp, uc.stack_flags, uc.stack_size);
    for (unsigned r = 0; r < 16; r++)
        cpu->gpr[r] = *slot_of(&uc.mc, r);
    x86_set_rflags(cpu, uc.mc.eflags);
    t->cpu->pc = uc.mc.rip;
    *ret_mask = uc.sigmask;
    return true;
}
