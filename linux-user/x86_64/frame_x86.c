/* What signal frames of x86 share: asm/sigcontext.h (struct _fpx_sw_bytes, FP_XSTATE_MAGIC1); AMD64 APM
 * volume 2, chapter 8: exceptions and their error codes. */
#include "linux-user/x86_64/frame_x86.h"
#include "linux-user/signal_priv.h"
#include "target/x86/x86_fpu.h"

enum {
    PAGE_FAULT = 14,
    DIVIDE = 0,
    INVALID = 6,
    STACK = 12,
    GENERAL = 13,
    BREAKPOINT = 3,
    OVERFLOW_TRAP = 4,
    OUTSIDE = 5,
    INT = 0xcd, /* int n */
    X87_FP = 16,
    SIMD_FP = 19,
    ALIGNMENT = 17,
    USER = 4,
    WRITE = 2,
    PRESENT = 1
};
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

/* What the processor would have said of the fault that the cpu has just left generated code with. */
LuX86Fault lu_x86_fault(const LuThread *t, const siginfo_t *si)
{
    LuX86Fault r = {0};
    const CpuExit *e = &t->cpu->exit;
    uint8_t at[2];
    bool fault = e->kind == CPU_EXIT_FAULT || e->kind == CPU_EXIT_FETCH;
    if (fault && (si->si_signo == SIGSEGV || si->si_signo == SIGBUS) && si->si_code > 0 &&
        si->si_code != SI_KERNEL) {
        r.trapno = PAGE_FAULT;
        r.err = USER |
                (e->kind == CPU_EXIT_FETCH ? 16
                 : e->write                ? WRITE
                                           : 0) |
                (si->si_code == SEGV_ACCERR ? PRESENT : 0);
        r.cr2 = e->addr;
    } else if (e->kind == CPU_EXIT_DIVIDE && si->si_signo == SIGFPE) {
        r.trapno = DIVIDE;
    } else if (e->kind == CPU_EXIT_FAULT && si->si_signo == SIGFPE && si->si_code > 0) {
        r.trapno = SIMD_FP;
    } else if (e->kind == CPU_EXIT_FLOAT && si->si_signo == SIGFPE && si->si_code > 0) {
        r.trapno = X87_FP;
    } else if (e->kind == CPU_EXIT_ILLEGAL && si->si_signo == SIGILL) {
        r.trapno = INVALID;
    } else if (e->kind == CPU_EXIT_PROTECTION && si->si_signo == SIGSEGV) {
        r.trapno = GENERAL;
        r.err = e->addr < 0x10000 ? (uint32_t)e->addr : 0; /* else the place of an instruction */
        if (!r.err && guest_read(at, t->cpu->pc, 2) && at[0] == INT)
            r.err = 8u * at[1] + 2;
    } else if ((e->kind == CPU_EXIT_STACK || e->kind == CPU_EXIT_VECTOR) && si->si_signo == SIGBUS) {
        r.trapno = e->kind == CPU_EXIT_STACK ? STACK : (uint32_t)e->code;
        r.err = e->addr < 0x10000 ? (uint32_t)e->addr : 0;
    } else if (e->kind == CPU_EXIT_MISALIGNED && si->si_signo == SIGBUS) {
        r.trapno = ALIGNMENT;
    } else if (e->kind == CPU_EXIT_BOUND && si->si_signo == SIGSEGV) {
        r.trapno = OUTSIDE;
    } else if (e->kind == CPU_EXIT_OVERFLOW && si->si_signo == SIGSEGV) {
        r.trapno = OVERFLOW_TRAP;
    } else if (e->kind == CPU_EXIT_BREAK && si->si_signo == SIGTRAP) {
        r.trapno = BREAKPOINT;
    }
    return r;
}

void lu_x86_fresh_fpu(X86Cpu *cpu)
{
    memset(cpu->zmm, 0, sizeof cpu->zmm);
    memset(cpu->k, 0, sizeof cpu->k);
    cpu->zmm_used = cpu->store_in_c = 0;
    memset(cpu->fpu.st, 0, sizeof cpu->fpu.st);
    x86_fpu_init(&cpu->fpu);
    x86_set_mxcsr(cpu, 0x1f80);
}

/* Which components are saved; 0: the processor has no XSAVE. */
uint64_t lu_x86_components(const X86Cpu *cpu)
{
    return x86_cpu_has(cpu, X86_FEAT_XSAVE) ? x86_xcr0(cpu) : 0;
}

static uint32_t xsave_bytes(const X86Cpu *cpu, uint64_t features)
{
    return x86_xsave_bytes(cpu, features);
}

/* Returns how many bytes the image has. */
size_t lu_x86_save_fpu(const X86Cpu *cpu, uint32_t before, uint8_t image[LU_X86_FP_BYTES])
{
    static const uint32_t magic2 = XSTATE_MAGIC2;
    uint64_t features = lu_x86_components(cpu), header;
    memset(image, 0, LU_X86_FP_BYTES);
    if (!features) {
        x86_fxsave(cpu, x86_mxcsr(cpu), image);
        return X86_FXSAVE_BYTES;
    }
    x86_xsave(cpu, X86_XSAVE, x86_mxcsr(cpu), features, image);
    memcpy(&header, image + HEADER_AT, 8);
    header |= 3; /* programs that know fxsave alone change those */
    memcpy(image + HEADER_AT, &header, 8);
    uint32_t size = xsave_bytes(cpu, features);
    X86SwBytes sw = {.magic1 = XSTATE_MAGIC1,
                     .extended_size = before + size + MAGIC2_BYTES,
                     .features = features,
                     .size = size};
    memcpy(image + SW_AT, &sw, sizeof sw);
    memcpy(image + size, &magic2, sizeof magic2);
    return size + MAGIC2_BYTES;
}

/* The image's rest counts if both magics are there. */
bool lu_x86_restore_fpu(X86Cpu *cpu, uint32_t before, Gva at)
{
    uint8_t image[LU_X86_FP_BYTES];
    X86SwBytes sw;
    uint32_t mxcsr, magic2;
    uint64_t features = lu_x86_components(cpu), header[8] = {3};
    if (!guest_read(image, at, X86_FXSAVE_BYTES))
        return false;
    memcpy(&sw, image + SW_AT, sizeof sw);
    memcpy(&mxcsr, image + 24, 4);
    if (features && sw.magic1 == XSTATE_MAGIC1 && sw.size == xsave_bytes(cpu, features) &&
        sw.extended_size == before + sw.size + MAGIC2_BYTES && !(sw.features & ~features) &&
        guest_read(&magic2, at + sw.size, 4) && magic2 == XSTATE_MAGIC2)
        return guest_read(image + HEADER_AT, at + HEADER_AT, sw.size - HEADER_AT) &&
               x86_xrstor(cpu, features, image);
    mxcsr &= X86_MXCSR_VALID;
    memcpy(image + 24, &mxcsr, 4);
    memcpy(image + HEADER_AT, header, sizeof header);
    return x86_xrstor(cpu, x86_xcr0(cpu), image);
}
