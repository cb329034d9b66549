/* What signal frames of 32-bit Arm hold, for handlers, debuggers and unwinders: struct ucontext with the
 * registers, what the processor said of a fault, the VFP record; frames without SA_SIGINFO; handlers in A32
 * and T32, with and without SA_RESTORER; what a handler changes. There is no native run of this: on other
 * ISAs the text is what the ABI says (asm/sigcontext.h of arm; sigaction(2)). */
#include "ksignal.h"

#include <ucontext.h>

#ifdef __arm__
static uint32_t *words(ucontext_t *uc) { return (uint32_t *)(void *)&uc->uc_mcontext; }

/* Words of struct sigcontext. */
enum { TRAP_NO, ERROR_CODE, OLD_MASK, R0, SP = R0 + 13, LR, PC, CPSR, FAULT };
enum { T_BIT = 1 << 5, INSN = 4 };

static void show_context(const char *what, siginfo_t *si, ucontext_t *uc)
{
    uint32_t *m = words(uc), *r = (uint32_t *)(void *)uc->uc_regspace;
    printf("%s: signal %d code %d trap %u error %x fault at %x, mask %x, %s\n", what, si->si_signo,
           si->si_code, m[TRAP_NO], m[ERROR_CODE], m[FAULT] & 0xfff, m[OLD_MASK],
           m[CPSR] & T_BIT ? "T32" : "A32");
    printf("  flags %lx link %d places %d %d %d, siginfo before it %d, mode %x\n", uc->uc_flags,
           uc->uc_link != NULL, (int)((char *)m - (char *)uc), (int)((char *)&uc->uc_sigmask - (char *)uc),
           (int)((char *)r - (char *)uc), (char *)uc - (char *)si == 128, m[CPSR] & 0x1f);
    printf("  vfp %x %u d8 %g end %u\n", r[0], r[1], *(double *)(void *)(r + 2 + 16), r[72]);
}

static const char *what;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
    ucontext_t *uc = ctx;
    show_context(what, si, uc);
    words(uc)[PC] += INSN;
    words(uc)[R0 + 4] = 0x1234;
    words(uc)[CPSR] ^= 1u << 31; /* N */
    *(double *)(void *)(uc->uc_regspace + 2 + 16) = 2.5;
}

__attribute__((target("arm"))) static void on_a32(int sig, siginfo_t *si, void *ctx)
{
    show_context("handler in A32", si, ctx);
}
__attribute__((target("thumb"))) static void on_t32(int sig, siginfo_t *si, void *ctx)
{
    show_context("handler in T32", si, ctx);
}
static void on_old(int sig) { printf("without siginfo: %d\n", sig); }

/* An instruction of 4 bytes that faults, between others that make and look at state. */
#define FAULTING(insn, base)                                                                                 \
    ({                                                                                                       \
        register uint32_t r3 __asm__("r3") = (uint32_t)(uintptr_t)(base);                                    \
        uint32_t r4, flags;                                                                                  \
        double d;                                                                                            \
        __asm__ volatile(                                                                                    \
            "vmov.f64 d8, #1.5\n mov r4, #0\n cmp r4, r4\n" insn "\n mrs %1, apsr\n vmov.f64 %P2, d8\n mov " \
                                                                 "%0, r4"                                    \
                         : "=&r"(r4), "=&r"(flags), "=&w"(d) : "r"(r3) : "r4", "r2", "d8", "cc", "memory");  \
        printf("  back with %x, flags %x, d8 %g\n", r4, flags >> 28, d);                                     \
    })

static void faults(char *page)
{
    for (unsigned i = 0; i < 4; i++)
        on_signal((const int[]){SIGSEGV, SIGILL, SIGTRAP, SIGBUS}[i], on_fault, 0);
    what = "load";
    FAULTING("ldr.w r2, [r3]", 16);
    what = "store";
    FAULTING("str.w r2, [r3]", 20);
    what = "store to read-only memory";
    FAULTING("str.w r2, [r3]", page);
    what = "undefined";
    FAULTING("udf.w #1", 0);
    what = "debugger's breakpoint";
    FAULTING(".inst.w 0xf7f0a000", 0);
    what = "kernel's address";
    FAULTING("ldr.w r2, [r3]", 0xfffff004);
}

/* By the kernel's own structure: without SA_RESTORER the return is the kernel's. */
static void returns(void)
{
    static const struct {
        void *handler;
        unsigned long flags;
    } how[] = {{on_a32, SA_SIGINFO}, {on_t32, SA_SIGINFO}, {on_old, 0}};
    for (unsigned i = 0; i < 3; i++) {
        KernelAction a = {.handler = how[i].handler, .flags = how[i].flags, .mask = 1ull << 39};
        SHOW(syscall(SYS_rt_sigaction, SIGUSR1, &a, NULL, 8));
        SHOW(raise(SIGUSR1));
    }
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    printf("mask is back: %d\n", !sigismember(&now, 40) && sigismember(&now, SIGUSR2));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    faults(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    __asm__ volatile("vmov.f64 d8, #1.5" : : : "d8");
    returns();
    return done();
}
#else
static void expect(const char *what, const char *said, int back)
{
    printf("%s: %s, mask 800, T32\n  flags 0 link 0 places 20 104 232, siginfo before it 1, mode 10\n"
           "  vfp 56465001 288 d8 1.5 end 0\n", what, said);
    if (back) /* Z and C were set, N was changed */
        puts("  back with 1234, flags e, d8 2.5");
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    expect("load", "signal 11 code 1 trap 14 error 7 fault at 10", 1);
    expect("store", "signal 11 code 1 trap 14 error 807 fault at 14", 1);
    expect("store to read-only memory", "signal 11 code 2 trap 14 error 80f fault at 0", 1);
    expect("undefined", "signal 4 code 1 trap 6 error 0 fault at 0", 1);
    expect("debugger's breakpoint", "signal 5 code 1 trap 0 error 0 fault at 0", 1);
    expect("kernel's address", "signal 11 code 1 trap 14 error 7 fault at 4", 1);
    for (unsigned i = 0; i < 3; i++) {
        puts("syscall(SYS_rt_sigaction, SIGUSR1, &a, NULL, 8): 0");
        if (i < 2)
            expect(i ? "handler in T32" : "handler in A32", "signal 10 code -6 trap 0 error 0 fault at 0", 0);
        else
            puts("without siginfo: 10");
        puts("raise(SIGUSR1): 0");
    }
    puts("mask is back: 1");
    return done();
}
#endif
