/* Alignment checks (EFLAGS.AC) and what must be aligned without them, of Intel's processors: each instruction
 * at 64 addresses. Native and guest are the same program; the guest has a model of Intel's. */
#include "user.h"

#include <ucontext.h>

static uint8_t area[8192] __attribute__((aligned(4096)));
static volatile int caught;

/* Goes on at rbx, without AC. */
static void on_signal(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    (void)si;
    uc->uc_mcontext.gregs[REG_EFL] &= ~(1 << 18);
    uc->uc_mcontext.gregs[REG_RIP] = uc->uc_mcontext.gregs[REG_RBX];
    uc->uc_mcontext.fpregs->mxcsr = 0x1f80;
    caught = sig;
}

static void reset(void)
{
    memset(area, 0, sizeof area);
    __asm__ volatile("fninit; fldz; fldz; fldz; fldz; kxnorw %%k1, %%k1, %%k1" ::: "memory");
    __asm__ volatile("vpxord %%zmm2, %%zmm2, %%zmm2; vpternlogd $0xff, %%zmm1, %%zmm1, %%zmm1" ::
                         : "xmm1", "xmm2");
}

static char verdict(void)
{
    return !caught ? '.' : caught == SIGBUS ? 'B' : caught == SIGSEGV ? 'S' : '?';
}

#define ROW(text)                                                                                            \
    for (unsigned ac = 0; ac < 2; ac++) {                                                                    \
        char line[65] = "";                                                                                  \
        reset();                                                                                             \
        for (unsigned k = 0; k < 64; k++) {                                                                  \
            caught = 0;                                                                                      \
            __asm__ volatile("lea 9f(%%rip), %%rbx; pushf; orl %1, (%%rsp); popf\n" text                     \
                             "\n9: pushf; andl $0xfffbffff, (%%rsp); popf\n" ::"D"(area + 1024 + k),         \
                             "r"(ac << 18)                                                                   \
                             : "rax", "rbx", "rcx", "rdx", "rsi", "memory", "cc", "xmm0");                   \
            line[k] = verdict();                                                                             \
        }                                                                                                    \
        printf("%s %-40s %s\n", ac ? "AC" : "  ", text, line);                                               \
    }
#define M "(%%rdi)"

int main(void)
{
    static char stack[1 << 16];
    const struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (unsigned k = 0; k < 4; k++)
        sigaction((const int[]){SIGBUS, SIGSEGV, SIGILL, SIGFPE}[k], &sa, NULL);
    ROW("fxsave " M)
    ROW("fxsave64 " M)
    ROW("mov $3, %%eax; xor %%edx, %%edx; xsave " M)
    ROW("mov $7, %%eax; xor %%edx, %%edx; xsavec " M)
    ROW("vmaskmovps " M ", %%xmm1, %%xmm0")
    ROW("vpmaskmovq " M ", %%ymm1, %%ymm0")
    ROW("maskmovdqu %%xmm1, %%xmm0")
    ROW("maskmovq %%mm0, %%mm1")
    ROW("vmovdqu32 " M ", %%zmm0%{%%k1%}")
    ROW("vmovdqu8 " M ", %%xmm0%{%%k1%}")
    ROW("vmovdqu64 " M ", %%zmm0")
    ROW("vpcompressd %%zmm0, " M "%{%%k1%}")
    ROW("vpexpandq " M ", %%zmm0%{%%k1%}")
    ROW("vaddpd " M "%{1to8%}, %%zmm2, %%zmm0")
    ROW("vpaddd " M "%{1to16%}, %%zmm2, %%zmm0")
    ROW("vcvtps2pd " M "%{1to8%}, %%zmm0")
    ROW("vpmovdb %%zmm0, " M)
    ROW("vbroadcastf32x2 " M ", %%zmm0")
    ROW("vpbroadcastw " M ", %%zmm0")
    ROW("kmovq " M ", %%k2")
    ROW("kmovd %%k2, " M)
    ROW("vmovntps %%zmm0, " M)
    ROW("movups " M ", %%xmm0")
    ROW("movaps " M ", %%xmm0")
    ROW("addps " M ", %%xmm0")
    ROW("vaddps " M ", %%ymm2, %%ymm0")
    ROW("movq " M ", %%xmm0")
    ROW("pcmpistri $0, " M ", %%xmm0")
    ROW("vinserti128 $1, " M ", %%ymm0, %%ymm0")
    ROW("vbroadcasti128 " M ", %%ymm0")
    ROW("vpmovzxbw " M ", %%xmm0")
    ROW("vpmovzxbd " M ", %%xmm0")
    ROW("vcvtps2pd " M ", %%xmm0")
    ROW("vcvtdq2pd " M ", %%xmm0")
    ROW("vcvtph2ps " M ", %%xmm0")
    ROW("vcvtps2ph $0, %%xmm0, " M)
    ROW("sha256rnds2 %%xmm0, " M ", %%xmm0")
    ROW("aesenc " M ", %%xmm0")
    ROW("fldt " M "; fstp %%st(0)")
    ROW("fnstenv " M)
    ROW("fldl " M "; fstp %%st(0)")
    ROW("fldcw " M)
    ROW("cmpxchg16b " M)
    ROW("cmpxchg8b " M)
    ROW("mov " M ", %%rax")
    ROW("lock addl $1, " M)
    ROW("movbe " M ", %%eax")
    ROW("stmxcsr " M)
    ROW("pinsrw $1, " M ", %%xmm0")
    ROW("movnti %%eax, " M)
    ROW("mov $8, %%ecx; mov %%rdi, %%rsi; rep movsl")
    ROW("movl $0x10000, " M "; ldmxcsr " M)
    ROW("fxsave " M "; orl $0x10000, 24" M "; fxrstor " M)
    return 0;
}
