/*
 * The two signal frames of i386 Linux. Sources: the UAPI header asm/sigcontext.h of x86 (sigcontext_32,
 * _fpstate_32); sigaction(2), sigreturn(2); System V ABI, Intel386 supplement: esp + 4 is a multiple of 16 at
 * a function's entry. A handler finds its arguments on the stack and, as with regparm(3), in eax, edx and
 * ecx. Floating-point state stands apart: the 108 bytes of fsave and a word of status and magic, behind it at
 * a multiple of 64 the image of fxsave or xsave. sigreturn's own frame was popped as far as the code of
 * __kernel_sigreturn does.
 */
#include "linux-user/i386/frame_i386.h"
#include "linux-user/abi32/lu32.h"
#include "linux-user/signal_priv.h"
#include "linux-user/x86_64/frame_x86.h"
#include "target/x86/x86_fpu.h"

typedef struct Sigcontext32 {
    uint16_t gs, gsh, fs, fsh, es, esh, ds, dsh;
    uint32_t di, si, bp, sp, bx, dx, cx, ax, trapno, err, ip;
    uint16_t cs, csh;
    uint32_t flags, sp_at_signal;
    uint16_t ss, ssh;
    uint32_t fpstate, oldmask, cr2;
} Sigcontext32;

typedef struct Ucontext32 {
    uint32_t flags, link, stack_sp, stack_flags, stack_size;
    Sigcontext32 mc;
    uint32_t sigmask[2];
} Ucontext32;

/* Of a handler without SA_SIGINFO. */
typedef struct OldFrame32 {
    uint32_t pretcode, sig;
    Sigcontext32 mc;
    uint8_t unused[624]; /* where floating-point state was once */
    uint32_t extramask;
    uint8_t retcode[8];
} OldFrame32;

typedef struct RtFrame32 {
    uint32_t pretcode, sig, info_at, uc_at;
    uint8_t info[LU32_SIGINFO];
    Ucontext32 uc;
    uint8_t retcode[8];
} RtFrame32;

_Static_assert(sizeof(Sigcontext32) == 88 && sizeof(Ucontext32) == 116, "asm/sigcontext.h, asm/ucontext.h");
_Static_assert(offsetof(OldFrame32, extramask) == 720 && offsetof(RtFrame32, uc) == 144, "struct sigframe");

enum { UC_XSTATE = 1, FSAVE_BYTES = 108, LEGACY_BYTES = 112 };

/* What debuggers look for: popl eax, movl number, int 0x80; not executed. */
static const uint8_t old_code[8] = {0x58, 0xb8, 119, 0, 0, 0, 0xcd, 0x80},
                     rt_code[8] = {0xb8, 173, 0, 0, 0, 0xcd, 0x80, 0};

/* The order of the encoding. */
static uint32_t *slot_of(Sigcontext32 *mc, unsigned r)
{
    uint32_t *const at[8] = {&mc->ax, &mc->cx, &mc->dx, &mc->bx, &mc->sp, &mc->bp, &mc->si, &mc->di};
    return at[r];
}

static void save_context(const LuThread *t, const siginfo_t *si, Sigcontext32 *mc)
{
    const X86Cpu *cpu = (const X86Cpu *)t->cpu;
    LuX86Fault fault = lu_x86_fault(t, si);
    for (unsigned r = 0; r < 8; r++)
        *slot_of(mc, r) = (uint32_t)cpu->gpr[r];
    mc->gs = cpu->seg[5];
    mc->fs = cpu->seg[4];
    mc->es = cpu->seg[0];
    mc->ds = cpu->seg[3];
    mc->cs = cpu->seg[1];
    mc->ss = cpu->seg[2];
    mc->ip = (uint32_t)x86_user_ip(cpu);
    mc->flags = (uint32_t)x86_rflags(cpu);
    mc->sp_at_signal = mc->sp;
    mc->trapno = fault.trapno;
    mc->err = fault.err;
    mc->cr2 = (uint32_t)fault.cr2;
    mc->oldmask = (uint32_t)lu_frame_mask(t->sig);
}

/* The kernel does not know the selectors, and says the present ones; FOP would stand where the first does. */
static void put_selectors(const X86Cpu *cpu, uint8_t legacy[LEGACY_BYTES])
{
    enum { CS_AT = 16, DS_AT = 24 };
    const uint32_t cs = cpu->seg[1], ds = 0xffff0000u | cpu->seg[3];
    memcpy(legacy + CS_AT, &cs, 4);
    memcpy(legacy + DS_AT, &ds, 4);
}

/* Puts it below `top`; where, or 0. */
static Gva push_fpu(const X86Cpu *cpu, Gva top)
{
    uint8_t legacy[LEGACY_BYTES], image[LU_X86_FP_BYTES];
    size_t n = lu_x86_save_fpu(cpu, LEGACY_BYTES, image);
    Gva at = align_down(top - n, 64);
    x86_fsave(&cpu->fpu, legacy);
    put_selectors(cpu, legacy);
    memcpy(legacy + FSAVE_BYTES, &cpu->fpu.sw, 2);
    memset(legacy + FSAVE_BYTES + 2, 0, 2); /* magic: what fxsave has follows */
    return guest_write(at, image, n) && guest_write(at - LEGACY_BYTES, legacy, sizeof legacy)
               ? at - LEGACY_BYTES
               : 0;
}

/* x87 is what the legacy part says. */
static bool pop_fpu(X86Cpu *cpu, Gva at)
{
    uint8_t legacy[LEGACY_BYTES];
    if (!at) {
        lu_x86_fresh_fpu(cpu);
        return true;
    }
    if (!guest_read(legacy, at, sizeof legacy) ||
        !lu_x86_restore_fpu(cpu, LEGACY_BYTES, (uint32_t)(at + LEGACY_BYTES)))
        return false;
    x86_frstor(&cpu->fpu, legacy);
    return true;
}

static void enter_handler(LuThread *t, int sig, const LuSigAction *act, Gva frame, Gva info, Gva uc)
{
    X86Cpu *cpu = (X86Cpu *)t->cpu;
    lu_x86_fresh_fpu(cpu);
    cpu->gpr[X86_RSP] = frame;
    cpu->gpr[X86_RAX] = (uint32_t)sig;
    cpu->gpr[X86_RDX] = info;
    cpu->gpr[X86_RCX] = uc;
    cpu->df = 0;
    x86_set_selector(cpu, 0, X86_DS);
    x86_set_selector(cpu, 3, X86_DS);
    x86_set_selector(cpu, 2, X86_DS);
    x86_set_code_segment(cpu, X86_CS32);
    t->cpu->pc = (uint32_t)act->handler;
}

static bool push_rt(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva at, Gva fp)
{
    const LuSigState *s = t->sig;
    uint64_t mask = lu_frame_mask(s);
    RtFrame32 f = {.pretcode = (uint32_t)act->restorer, .sig = (uint32_t)info->si.si_signo};
    if (!act->restorer)
        f.pretcode = (uint32_t)t->proc->vdso + t->proc->abi->vdso_rt_sigreturn;
    f.info_at = (uint32_t)(at + offsetof(RtFrame32, info));
    f.uc_at = (uint32_t)(at + offsetof(RtFrame32, uc));
    f.uc.flags = lu_x86_components((const X86Cpu *)t->cpu) ? UC_XSTATE : 0;
    f.uc.stack_sp = (uint32_t)s->alt_sp;
    f.uc.stack_flags = s->alt_flags;
    f.uc.stack_size = (uint32_t)s->alt_size;
    f.uc.sigmask[0] = (uint32_t)mask;
    f.uc.sigmask[1] = (uint32_t)(mask >> 32);
    save_context(t, &info->si, &f.uc.mc);
    f.uc.mc.fpstate = (uint32_t)fp;
    lu32_siginfo_to_guest(f.info, &info->si);
    memcpy(f.retcode, rt_code, sizeof rt_code);
    if (!guest_write(at, &f, sizeof f))
        return false;
    enter_handler(t, info->si.si_signo, act, at, f.info_at, f.uc_at);
    return true;
}

static bool push_old(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva at, Gva fp)
{
    OldFrame32 f = {.pretcode = (uint32_t)act->restorer, .sig = (uint32_t)info->si.si_signo};
    if (!act->restorer)
        f.pretcode = (uint32_t)t->proc->vdso + t->proc->abi->vdso_sigreturn;
    save_context(t, &info->si, &f.mc);
    f.mc.fpstate = (uint32_t)fp;
    f.extramask = (uint32_t)(lu_frame_mask(t->sig) >> 32);
    memcpy(f.retcode, old_code, sizeof old_code);
    if (!guest_write(at, &f, sizeof f))
        return false;
    enter_handler(t, info->si.si_signo, act, at, 0, 0);
    return true;
}

bool lu_i386_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top)
{
    bool rt = act->flags & SA_SIGINFO;
    size_t size = rt ? sizeof(RtFrame32) : sizeof(OldFrame32);
    if (frame_top < LU_I386_FRAME_SIZE + 4096)
        return false;
    Gva fp = push_fpu((const X86Cpu *)t->cpu, frame_top);
    Gva at = align_down(fp - size + 4, 16) - 4;
    return fp && (rt ? push_rt : push_old)(t, info, act, at, fp);
}

/* ---- sigreturn ---- */

/* A selector that is refused is none. */
static void load_segment(X86Cpu *cpu, unsigned seg, uint16_t selector)
{
    if (selector != cpu->seg[seg] && !x86_set_selector(cpu, seg, selector))
        x86_set_selector(cpu, seg, seg == 2 ? X86_DS : 0);
}

static bool restore_context(LuThread *t, Sigcontext32 *mc)
{
    X86Cpu *cpu = (X86Cpu *)t->cpu;
    if (!pop_fpu(cpu, mc->fpstate))
        return false;
    for (unsigned r = 0; r < 8; r++)
        cpu->gpr[r] = *slot_of(mc, r);
    load_segment(cpu, 0, mc->es);
    load_segment(cpu, 2, mc->ss);
    load_segment(cpu, 3, mc->ds);
    load_segment(cpu, 4, mc->fs);
    load_segment(cpu, 5, mc->gs);
    x86_set_rflags(cpu, mc->flags);
    bool ok = x86_set_code_segment(cpu, mc->cs);
    x86_set_user_ip(cpu, mc->ip);
    return ok;
}

bool lu_i386_pop_frame(LuThread *t, uint64_t *ret_mask)
{
    Gva sp = ((const X86Cpu *)t->cpu)->gpr[X86_RSP];
    Ucontext32 uc;
    if (!guest_read(&uc, (uint32_t)(sp - 4) + offsetof(RtFrame32, uc), sizeof uc))
        return false;
    lu_altstack_set(t, sp, uc.stack_sp, uc.stack_flags, uc.stack_size);
    *ret_mask = uc.sigmask[0] | (uint64_t)uc.sigmask[1] << 32;
    return restore_context(t, &uc.mc);
}

bool lu_i386_pop_old_frame(LuThread *t, uint64_t *ret_mask)
{
    Gva at = (uint32_t)(((const X86Cpu *)t->cpu)->gpr[X86_RSP] - 8);
    OldFrame32 f;
    if (!guest_read(&f, at, sizeof f))
        return false;
    *ret_mask = f.mc.oldmask | (uint64_t)f.extramask << 32;
    return restore_context(t, &f.mc);
}
