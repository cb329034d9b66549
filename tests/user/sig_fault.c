/* Faults: codes and addresses, leaving by siglongjmp, mending the mapping, editing the context, FP state in
 * handlers. */
#include "ksignal.h"

#include <fcntl.h>
#include <fenv.h>
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf jump;
static volatile int sig_seen, code_seen;
static void *volatile addr_seen;
static char *page;

static void leave(int sig, siginfo_t *si, void *uc)
{
    sig_seen = sig;
    code_seen = si->si_code;
    addr_seen = si->si_addr;
    siglongjmp(jump, 1);
}

static void mend(int sig, siginfo_t *si, void *uc)
{
    addr_seen = si->si_addr;
    code_seen = si->si_code;
    if (mprotect(page, 4096, PROT_READ | PROT_WRITE))
        abort();
}

static void step_over(int sig, siginfo_t *si, void *ctx)
{
    ucontext_t *uc = ctx;
    sig_seen = sig;
    code_seen = si->si_code;
#ifdef __riscv
    addr_seen = (void *)(si->si_addr == (void *)uc->uc_mcontext.__gregs[REG_PC] ? 1l : 0l);
    uc->uc_mcontext.__gregs[REG_PC] += 4;
    uc->uc_mcontext.__gregs[REG_S0 + 0] = 0x1234567; /* s0 */
#elif defined(__arm__)
    addr_seen = (void *)(si->si_addr == (void *)uc->uc_mcontext.arm_pc ? 1l : 0l);
    uc->uc_mcontext.arm_pc += uc->uc_mcontext.arm_cpsr & 0x20 ? 2 : 4;
    uc->uc_mcontext.arm_r5 = 0x1234567;
#elif defined(__aarch64__)
    addr_seen = (void *)(si->si_addr == (void *)uc->uc_mcontext.pc ? 1l : 0l);
    uc->uc_mcontext.pc += 4;
    uc->uc_mcontext.regs[19] = 0x1234567;
#elif defined(__i386__)
    addr_seen = (void *)1l;
    uc->uc_mcontext.gregs[REG_EIP] += 2;
    uc->uc_mcontext.gregs[REG_EBX] = 0x1234567;
#else
    addr_seen = (void *)1l;
    uc->uc_mcontext.gregs[REG_RIP] += 2;
    uc->uc_mcontext.gregs[REG_RBX] = 0x1234567;
#endif
}

static long edited(void)
{
    long v;
#ifdef __riscv
    __asm__ volatile("li s0, 5\n.option push\n.option norvc\n.insn 4, 0x0000000b\n.option pop\nmv %0, s0"
                     : "=r"(v)
                     :
                     : "s0", "memory");
#elif defined(__arm__)
    __asm__ volatile("mov r5, #5\nudf #0\nmov %0, r5" : "=r"(v) : : "r5", "memory");
#elif defined(__aarch64__)
    __asm__ volatile("mov x19, #5\nudf #0\nmov %0, x19" : "=r"(v) : : "x19", "memory");
#elif defined(__i386__)
    __asm__ volatile("movl $5, %%ebx\nud2\nmovl %%ebx, %0" : "=r"(v) : : "ebx", "memory");
#else
    __asm__ volatile("movl $5, %%ebx\nud2\nmovq %%rbx, %0" : "=r"(v) : : "rbx", "memory");
#endif
    return v;
}

static void try_read(const char *what, const volatile char *p)
{
    sig_seen = code_seen = 0;
    if (!sigsetjmp(jump, 1))
        (void)*p;
    printf("%s: signal %d code %d address %d\n", what, sig_seen, code_seen, addr_seen == p);
}

static void try_write(const char *what, volatile char *p)
{
    sig_seen = code_seen = 0;
    if (!sigsetjmp(jump, 1))
        *p = 1;
    printf("%s: signal %d code %d address %d\n", what, sig_seen, code_seen, addr_seen == p);
}

static volatile double in_handler;
static void use_fp(int sig, siginfo_t *si, void *uc)
{
    double a[32];
    for (int i = 0; i < 32; i++)
        a[i] = i * 1.5 + in_handler;
    for (int i = 0; i < 32; i++)
        in_handler += a[i] / 3;
    fesetround(FE_TOWARDZERO);
    feraiseexcept(FE_OVERFLOW);
}

static void fp_state(void)
{
    on_signal(SIGUSR1, use_fp, 0);
    fesetround(FE_UPWARD);
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_DIVBYZERO);
    double sum = 0.1;
    for (int i = 0; i < 100; i++) {
        sum = sum * 1.0625 + 1.0 / (i + 3);
        if (i % 10 == 0)
            raise(SIGUSR1);
    }
    printf("sum %a round %d divbyzero %d overflow %d\n", sum, fegetround() == FE_UPWARD,
           fetestexcept(FE_DIVBYZERO) != 0, fetestexcept(FE_OVERFLOW) != 0);
    fesetround(FE_TONEAREST);
}

/* A fault passed on: the program sends itself what looks like one. */
static void forged(void)
{
    static const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    for (unsigned i = 0; i < sizeof sigs / sizeof sigs[0]; i++) {
        siginfo_t f = {.si_signo = sigs[i], .si_code = 1};
        f.si_addr = page + 5;
        on_signal(sigs[i], leave, 0);
        for (int tg = 0; tg < 2; tg++) {
            sig_seen = code_seen = 0;
            long r = -1;
            if (!sigsetjmp(jump, 1))
                r = tg ? syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), sigs[i], &f)
                       : syscall(SYS_rt_sigqueueinfo, getpid(), sigs[i], &f);
            printf("forged %d: %ld signal %d code %d address %d\n", sigs[i], r, sig_seen, code_seen,
                   addr_seen == page + 5);
        }
        siginfo_t other = {.si_signo = sigs[i], .si_code = 1};
        printf("to another: %ld", syscall(SYS_rt_sigqueueinfo, getppid(), sigs[i], &other));
        printf(" %d\n", errno);
    }
}

int main(void)
{
    page = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    on_signal(SIGSEGV, leave, 0);
    on_signal(SIGBUS, leave, 0);
    on_signal(SIGILL, leave, 0);
    for (int i = 0; i < 3; i++) { /* the mask came back each time */
        try_read("unmapped", page + 4096 + 17);
        try_write("read-only", page + 5);
        try_write("null", (volatile char *)8);
    }
    int fd = memfd_create("f", 0);
    char *f = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    try_read("behind the end", f + 100);
    if (!sigsetjmp(jump, 1))
        ((void (*)(void))(uintptr_t)(page + 0))();
    printf("no execute: signal %d code %d address %d\n", sig_seen, code_seen, addr_seen == page);
    if (!sigsetjmp(jump, 1))
        ((void (*)(void))(uintptr_t)16)();
    printf("jump to nowhere: signal %d code %d address %d\n", sig_seen, code_seen, addr_seen == (void *)16);
    on_signal(SIGSEGV, mend, 0);
    page[10] = 42;
    page[11]++;
    printf("mended: %d %d code %d address %d\n", page[10], page[11], code_seen, addr_seen == page + 10);
    on_signal(SIGILL, step_over, 0);
    long v = edited();
    printf("edited: %lx signal %d code %d addr %d\n", v, sig_seen, code_seen > 0, addr_seen == (void *)1);
    /* sent, not raised by an access */
    on_signal(SIGSEGV, leave, 0);
    if (!sigsetjmp(jump, 1))
        kill(getpid(), SIGSEGV);
    printf("sent: signal %d code %d\n", sig_seen, code_seen);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigaddset(&set, SIGBUS);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGSEGV);
    raise(SIGBUS);
    sigset_t pend;
    sigpending(&pend);
    printf("pending %d %d\n", sigismember(&pend, SIGSEGV), sigismember(&pend, SIGBUS));
    siginfo_t si;
    printf("waited for %d", sigwaitinfo(&set, &si));
    printf(" code %d\n", si.si_code);
    if (!sigsetjmp(jump, 1)) {
        sig_seen = 0;
        sigprocmask(SIG_UNBLOCK, &set, NULL);
    }
    printf("unblocked: %d\n", sig_seen);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    forged();
    fp_state();
    return done();
}
