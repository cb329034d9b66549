/* What x86-64 Linux does with traps, selectors, addresses that are none, unaligned operands of SSE, and the
 * old entry points of the kernel at 0xffffffffff600000 (which exist where the host's kernel has them). */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf env;
static struct {
    int sig, code;
    void *addr;
} got;
extern char here[];

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    (void)uc;
    got.sig = sig;
    got.code = si->si_code;
    got.addr = si->si_addr;
    siglongjmp(env, 1);
}

static void on_trap(int sig, siginfo_t *si, void *uc)
{
    const greg_t *g = ((ucontext_t *)uc)->uc_mcontext.gregs;
    printf("trap %d code %d address %p, %ld behind, number %ld\n", sig, si->si_code, si->si_addr,
           (long)(g[REG_RIP] - (greg_t)(uintptr_t)here), (long)g[REG_TRAPNO]);
}

static void say(const char *what)
{
    printf("%s: signal %d code %d address %p\n", what, got.sig, got.code, got.addr);
}

#define TRY(what, ...)                                                                                       \
    do {                                                                                                     \
        if (!sigsetjmp(env, 1)) {                                                                            \
            __VA_ARGS__;                                                                                     \
        } else                                                                                               \
            say(what);                                                                                       \
    } while (0)

#define LOAD(seg, v, r) __asm__ volatile("mov %1, %%" seg "; mov %%" seg ", %0" : "=r"(r) : "r"(v))

static void selectors(void)
{
    static const unsigned sel[] = {0, 1, 2, 3, 0x2b, 0x33, 0x23, 0x2a, 0x28, 0x63, 7, 0xffff, 0x10};
    for (unsigned k = 0; k < sizeof sel / sizeof *sel; k++) {
        unsigned r = 0;
        char what[40];
        sprintf(what, "selector %x", sel[k]);
        TRY(what, LOAD("es", sel[k], r); printf("es %x\n", r));
        TRY(what, LOAD("ss", sel[k], r); printf("ss %x\n", r));
        TRY(what, LOAD("ds", sel[k], r); printf("ds %x\n", r));
        TRY(what, LOAD("gs", sel[k], r); printf("gs %x\n", r));
    }
    __asm__ volatile("mov %0, %%es; mov %0, %%ds; mov %0, %%gs" ::"r"(0));
}

static void old_entries(void)
{
    char *page = (char *)0xffffffffff600000;
    int (*of_day)(struct timeval *, void *) = (void *)page;
    long (*now)(long *) = (void *)(page + 0x400);
    long (*cpu)(unsigned *, unsigned *, void *) = (void *)(page + 0x800);
    void (*nothing)(void) = (void *)(page + 0x10), (*behind)(void) = (void *)(page + 0xc00);
    long t = 0, before = time(0);
    struct timeval tv = {0};
    unsigned n = ~0u, node;
    TRY("time", long r = now(&t); printf("time %d\n", r == t && r >= before));
    TRY("gettimeofday", int r = of_day(&tv, 0); printf("gettimeofday %d %d\n", r, tv.tv_sec >= before));
    TRY("getcpu", long r = cpu(&n, &node, 0); printf("getcpu %ld %d\n", r, n != ~0u));
    TRY("between entries", nothing());
    TRY("behind them", behind());
    TRY("bad pointer", now((long *)8));
    TRY("read", (void)*(volatile char *)page);
}

static void addresses(void)
{
    static char area[64] __attribute__((aligned(64)));
    TRY("movaps load", __asm__ volatile("movaps %0, %%xmm1" ::"m"(area[1]) : "xmm1"));
    TRY("movaps store", __asm__ volatile("movaps %%xmm1, %0" : "=m"(area[8])));
    TRY("addps", __asm__ volatile("addps %0, %%xmm1" ::"m"(area[4]) : "xmm1"));
    TRY("movups", __asm__ volatile("movups %0, %%xmm1" ::"m"(area[1]) : "xmm1"); puts("movups"));
}

/* Instructions that C does, too. */
static void not_canonical(void)
{
    static char area[512] __attribute__((aligned(64)));
    char *p = (char *)0x8000000000000000, *edge = (char *)0x7fffffffffff;
    TRY("load", (void)*(volatile char *)p);
    TRY("load, its first byte is", __asm__ volatile("mov (%0), %%eax" ::"r"(edge) : "rax"));
    TRY("vector, its first byte is", __asm__ volatile("movups (%0), %%xmm0" ::"r"(edge) : "xmm0"));
    TRY("rep movsb", __asm__ volatile("rep movsb" ::"D"(p), "S"(area), "c"(100) : "memory"));
    TRY("rep stosb", __asm__ volatile("rep stosb" ::"D"(p), "a"(0), "c"(100) : "memory"));
    TRY("repne scasb", __asm__ volatile("repne scasb" ::"D"(p), "a"(0), "c"(100) : "memory"));
    TRY("fxsave", __asm__ volatile("fxsave (%0)" ::"r"(p) : "memory"));
    TRY("fldt", __asm__ volatile("fldt (%0)" ::"r"(p)));
    TRY("lock add", __asm__ volatile("lock addl $1, (%0)" ::"r"(p) : "memory"));
    TRY("cmpxchg16b", __asm__ volatile("cmpxchg16b (%0)" ::"r"(p) : "memory", "rax", "rdx"));
    TRY("bt", __asm__ volatile("bt %%rax, (%0)" ::"r"(p), "a"(0x4000000000)));
    TRY("push", __asm__ volatile("push (%0)" ::"r"(p)));
    TRY("jump", __asm__ volatile("jmp *%0" ::"r"(p)));
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &sa, 0);
    sigaction(SIGILL, &sa, 0);
    sigaction(SIGBUS, &sa, 0);
    sa.sa_sigaction = on_trap;
    sigaction(SIGTRAP, &sa, 0);
    __asm__ volatile("here: int3");
    __asm__ volatile(".byte 0xcd, 3");
    selectors();
    old_entries();
    addresses();
    not_canonical();
    enum { ARCH_SET_CPUID = 0x1012 };
    int tsc = 0;
    printf("%d %d", prctl(PR_GET_TSC, &tsc), prctl(PR_SET_TSC, PR_TSC_ENABLE));
    printf(" %d\n", tsc);
    bool known = !syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1) || errno == ENODEV; /* by the processor */
    puts(known ? "cpuid is no trap" : "no answer");
    return 0;
}
