/* The x87 unit with values on its stack across whatever leaves a program's code: system calls, fork, signals
 * at any instruction, faults, threads with other control words; MMX; what a handler finds and changes in its
 * frame. */
#include "user.h"

#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

typedef struct Ext {
    uint8_t byte[10];
} Ext;
typedef struct Unit { /* fnsave */
    uint32_t cw, sw, tags, ip, cs, dp, ds;
    Ext st[8];
} __attribute__((packed)) Unit;

static void print_unit(const char *what, const Unit *u)
{
    printf("%s: cw %x sw %x tags %x", what, u->cw & 0xffff, u->sw & 0xffff, u->tags & 0xffff);
    for (unsigned k = 0; k < 8; k++) {
        printf(" "); /* empty ones, too */
        for (unsigned i = 10; i-- > 0;)
            printf("%02x", u->st[k].byte[i]);
    }
    puts("");
}

/* Puts n values on an empty stack. */
static void fill(unsigned n, unsigned cw)
{
    uint16_t word = (uint16_t)cw;
    long double v = 1;
    __asm__ volatile("fninit; fldcw %0" ::"m"(word));
    for (unsigned k = 0; k < n; k++) {
        v = v / 3 + k;
        __asm__ volatile("fldt %0" ::"m"(v));
    }
}

static void take(Unit *u)
{
    __asm__ volatile("fnsave %0" : "=m"(*u));
}

static long plain_syscall(long nr, long a, long b)
{
#ifdef __i386__
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "0"(nr), "b"(a), "c"(b) : "memory");
#else
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "0"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
#endif
    return r;
}

static void across_syscalls(void)
{
    Unit u;
    for (unsigned n = 0; n <= 8; n += 2) {
        fill(n, n & 2 ? 0x37f : 0xe7f);
        for (int k = 0; k < 3; k++)
            plain_syscall(SYS_getpid, 0, 0);
        __asm__ volatile("fincstp");
        plain_syscall(SYS_getuid, 0, 0);
        take(&u);
        print_unit("system calls", &u);
    }
}

static void across_fork(void)
{
    Unit u;
    fill(5, 0xb7f);
    long pid = plain_syscall(SYS_fork, 0, 0);
    __asm__ volatile("faddp; fsqrt");
    take(&u);
    if (pid == 0) {
        print_unit("child", &u);
        fflush(stdout);
        _exit(0);
    }
    waitpid((pid_t)pid, NULL, 0);
    print_unit("parent", &u);
}

/* ---- signals ---- */

static Unit inside;
static volatile int ticks;

/* What a handler begins with, and what it leaves is not the program's. */
static void on_signal(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    (void)si;
    take(&inside);
    fill(7, 0x07f);
    ticks++;
    if (sig != SIGUSR1)
        return;
#ifdef __i386__
    uc->uc_mcontext.fpregs->_st[1].significand[3] ^= 0x8100; /* top bits of the second */
#else
    uc->uc_mcontext.fpregs->_st[1].significand[3] ^= 0x0100;
#endif
}

static void handlers(void)
{
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    Unit u;
    sigaction(SIGUSR1, &sa, NULL);
    fill(4, 0x27f);
    plain_syscall(SYS_kill, getpid(), SIGUSR1);
    take(&u);
    print_unit("handler", &inside);
    print_unit("changed", &u);
}

/* One step of a recurrence that never repeats. All in the unit, for so many rounds. */
static Ext recurrence(unsigned rounds)
{
    static const long double a = 1.0000001L, c = 0.3333333333L, m = 0.7L;
    Ext r;
    __asm__ volatile(
        "fninit; fldt %[m]; fldt %[c]; fldt %[a]; fld1\n"
        "1: fmul %%st(1), %%st; fadd %%st(2), %%st; fmul %%st(3), %%st; fld %%st(0); fsqrt; fxch\n"
        "fsubrp; fabs; dec %[n]; jnz 1b\n"
        "fstpt %[r]; fninit"
        : [r] "=m"(r), [n] "+r"(rounds)
        : [a] "m"(a), [c] "m"(c), [m] "m"(m));
    return r;
}

static void print_ext(const char *what, Ext e)
{
    printf("%s: ", what);
    for (unsigned i = 10; i-- > 0;)
        printf("%02x", e.byte[i]);
    puts("");
}

/* A timer that interrupts the computation anywhere does not change it. */
static void storm(void)
{
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct itimerval it = {{0, 500}, {0, 500}}, off = {0};
    sigaction(SIGALRM, &sa, NULL);
    Ext quiet = recurrence(300000), r = quiet;
    ticks = 0;
    setitimer(ITIMER_REAL, &it, NULL);
    do
        r = recurrence(300000);
    while (ticks < 20 && !memcmp(&r, &quiet, sizeof r));
    setitimer(ITIMER_REAL, &off, NULL);
    print_ext("quiet", quiet);
    print_ext("storm", r);
}

/* ---- faults ---- */

static char *page;

static void on_fault(int sig, siginfo_t *si, void *context)
{
    (void)context;
    take(&inside);
    printf("fault at %ld\n", (long)((char *)si->si_addr - page));
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void faults(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    Unit u;
    sigaction(SIGSEGV, &sa, NULL);
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned k = 0; k < 4; k++) {
        mprotect(page, 4096, PROT_NONE);
        fill(3, 0x37f);
        switch (k) {
        case 0: __asm__ volatile("fmul %%st(1), %%st; faddl %0; fsqrt" ::"m"(page[16])); break;
        case 1: __asm__ volatile("fxch; fstpl %0; fchs" : "=m"(page[24])); break;
        case 2: __asm__ volatile("fld1; fistpll %0; fxch %%st(1)" : "=m"(page[32])); break;
        case 3: __asm__ volatile("fadd %%st(1), %%st; fstpt %0; fldt %0" : "=m"(page[40])); break;
        }
        take(&u);
        print_unit("after the fault", &u);
    }
    munmap(page, 4096);
}

/* ---- threads ---- */

static void *compute(void *arg)
{
    unsigned k = (unsigned)(uintptr_t)arg;
    Unit *u = calloc(1, sizeof *u);
    fill(k, 0x07f | k << 10 & 0xc00 | (k & 1 ? 0x300 : 0x200));
    for (unsigned n = 0; n < 2000; n++) {
        __asm__ volatile("fldpi; fdivp %st, %st(1); fldl2e; faddp %st, %st(1)");
        plain_syscall(SYS_sched_yield, 0, 0);
    }
    take(u);
    return u;
}

static void threads(void)
{
    pthread_t t[4];
    for (unsigned k = 0; k < 4; k++)
        pthread_create(&t[k], NULL, compute, (void *)(uintptr_t)(k + 1));
    for (unsigned k = 0; k < 4; k++) {
        void *u;
        pthread_join(t[k], &u);
        print_unit("thread", u);
        free(u);
    }
}

/* ---- environments ---- */

/* What is in memory after an instruction, but for pointers to instructions and operands. word: bytes of each.
 */
static void print_image(const char *what, uint8_t *m, unsigned n, unsigned word)
{
    memset(m + 3 * word, 0, 4 * word);
    printf("%s:", what);
    for (unsigned k = 0; k < n; k++)
        printf(" %02x", m[k]);
    puts("");
}

static void environments(void)
{
    uint8_t m[128];
    Unit u;
#define STORE(insn, word)                                                                                    \
    memset(m, 0xee, sizeof m);                                                                               \
    fill(5, 0x66f);                                                                                          \
    __asm__ volatile("fxch; fsqrt; " insn " %0" : "+m"(m));                                                  \
    print_image(insn, m, sizeof m, word);                                                                    \
    take(&u);                                                                                                \
    print_unit(insn, &u);
#define LOAD(store, insn)                                                                                    \
    fill(6, 0x47f);                                                                                          \
    __asm__ volatile("fincstp; " store " %0; fninit; fld1; " insn " %0" : "+m"(m));                          \
    take(&u);                                                                                                \
    print_unit(insn, &u);
    STORE("fnstenv", 4)
    STORE("fnsave", 4)
    STORE("data16 fnstenv", 2)
    STORE("data16 fnsave", 2)
    LOAD("fnstenv", "fldenv")
    LOAD("fnsave", "frstor")
    LOAD("data16 fnstenv", "data16 fldenv")
    LOAD("data16 fnsave", "data16 frstor")
}

/* ---- MMX ---- */

static void mmx(void)
{
    uint64_t a = 0x8001020304057fff, b = 0x0102030405067fff, r[3];
    Unit u;
    fill(2, 0x37f);
    __asm__ volatile("movq %0, %%mm3; paddsw %1, %%mm3" ::"m"(a), "m"(b));
    plain_syscall(SYS_getpid, 0, 0);
    __asm__ volatile("movq %%mm3, %0; pmaddwd %3, %%mm3; movq %%mm3, %1; psrlq $5, %%mm3; movq %%mm3, %2"
                     : "=m"(r[0]), "=m"(r[1]), "=m"(r[2])
                     : "m"(a));
    take(&u);
    printf("mmx: %llx %llx %llx\n", (long long)r[0], (long long)r[1], (long long)r[2]);
    print_unit("mmx", &u);
    __asm__ volatile("movq %0, %%mm0; emms" ::"m"(a));
    take(&u);
    printf("emms: sw %x tags %x\n", u.sw & 0xffff, u.tags & 0xffff);
}

int main(void)
{
    setbuf(stdout, NULL);
    across_syscalls();
    across_fork();
    handlers();
    storm();
    faults();
    threads();
    environments();
    mmx();
    return 0;
}
