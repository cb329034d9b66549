/* The x87 unit with values on its stack across whatever leaves a program's code: system calls, fork, signals
 * at any instruction, faults, threads with other control words; MMX; what a handler finds and changes in its
 * frame; what the last instruction was. */
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

/* ---- the last instruction ---- */

enum { AT_IP = 3, AT_OP, AT_DP };
static uint8_t *code; /* one instruction and a return */
static double operand[2];
static sigjmp_buf back;

static void on_illegal(int sig)
{
    (void)sig;
    siglongjmp(back, 1);
}

static void run_code(const uint8_t *insn, unsigned n)
{
    memcpy(code, insn, n);
    code[n] = 0xc3;
    __asm__ volatile("call *%0" ::"r"(code), "D"(operand) : "memory", "cc", "rax");
}

/* FIP, FDP and FOP, places of ours as what they are. FDP and FOP of instructions that raised nothing are kept
 * by some processors and not by others. */
static void print_pointers(const char *what, const uint32_t e[7])
{
    printf("%s: ", what);
    if (e[AT_IP] - (uint32_t)(uintptr_t)code < 4096)
        printf("code + %u", e[AT_IP] - (uint32_t)(uintptr_t)code);
    else
        printf("ip %x", e[AT_IP]);
    if (e[AT_DP] - (uint32_t)(uintptr_t)operand < sizeof operand)
        printf(", operand + %u", e[AT_DP] - (uint32_t)(uintptr_t)operand);
    else
        printf(", dp %x", e[AT_DP]);
    printf(", op %x\n", e[AT_OP] >> 16);
}

#define STORE_ENV(e) __asm__ volatile("fnstenv %0" : "=m"(e))
#define LOAD_ENV(e)  __asm__ volatile("fldenv %0" ::"m"(e))

/* Every instruction: which leave what was there? */
static void every_pointer(const uint32_t before[7])
{
    char what[32];
    uint32_t e[7];
    for (unsigned opc = 0xd8; opc <= 0xdf; opc++) {
        for (unsigned modrm = 7; modrm < 256; modrm += modrm < 0xc0 ? 8 : 1) {
            unsigned op = modrm >> 3 & 7;
            if (modrm >= 0x40 && modrm < 0xc0)
                continue;
            if (modrm < 0xc0 && (op == 4 || op == 6) && (opc == 0xd9 || opc == 0xdd))
                continue; /* environments */
            snprintf(what, sizeof what, "%x %02x", opc, modrm);
            LOAD_ENV(*before);
            if (sigsetjmp(back, 1)) {
                printf("%s: none\n", what);
                continue;
            }
            run_code((uint8_t[]){0x90, 0x90, (uint8_t)opc, (uint8_t)modrm}, 4);
            STORE_ENV(e);
            print_pointers(what, e);
        }
    }
}

/* The same of a signal's frame. Not all processors save them when no exception is waited for. */
static void on_pending(int sig, siginfo_t *si, void *context)
{
    const ucontext_t *uc = context;
    uint32_t e[7] = {0};
    (void)sig, (void)si;
#ifdef __i386__
    e[AT_IP] = uc->uc_mcontext.fpregs->ipoff;
    e[AT_DP] = uc->uc_mcontext.fpregs->dataoff;
    printf("frame: cs %lx ds %lx\n", uc->uc_mcontext.fpregs->cssel, uc->uc_mcontext.fpregs->datasel);
#else
    e[AT_IP] = (uint32_t)uc->uc_mcontext.fpregs->rip;
    e[AT_OP] = (uint32_t)uc->uc_mcontext.fpregs->fop << 16;
    e[AT_DP] = (uint32_t)uc->uc_mcontext.fpregs->rdp;
    printf("frame: %d %d\n", uc->uc_mcontext.fpregs->rip == (uintptr_t)code,
           uc->uc_mcontext.fpregs->rdp == (uintptr_t)&operand[1]);
#endif
    print_pointers("frame", e);
}

static void pointers(void)
{
    static const uint8_t fdivl[] = {0xdc, 0x77, 0x08}, fxch[] = {0xd9, 0xc9}, fwait[] = {0x9b};
    const struct sigaction pending = {.sa_sigaction = on_pending, .sa_flags = SA_SIGINFO};
    uint32_t e[7], before[7];
    uint16_t cw = 0x37f & ~4;
    operand[0] = 3;
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGILL, on_illegal);
    sigaction(SIGUSR2, &pending, NULL);
    __asm__ volatile("fninit");
    STORE_ENV(before);
    print_pointers("fninit", before);
    before[AT_IP] = 0x11223344;
    before[AT_OP] |= 0x1230000;
    before[AT_DP] = 0x55667788;
    LOAD_ENV(before);
    STORE_ENV(e);
    print_pointers("loaded", e);
    every_pointer(before);
    operand[1] = 0;
    fill(3, cw);
    run_code(fdivl, sizeof fdivl); /* divides by zero, and nobody waits yet */
    plain_syscall(SYS_kill, getpid(), SIGUSR2);
    STORE_ENV(e);
    print_pointers("exception", e);
    __asm__ volatile("fnclex");
    run_code(fxch, sizeof fxch);
    plain_syscall(SYS_getpid, 0, 0);
    run_code(fwait, sizeof fwait);
    STORE_ENV(e);
    print_pointers("system call", e);
    LOAD_ENV(before);
    plain_syscall(SYS_getpid, 0, 0);
    STORE_ENV(e);
    print_pointers("loaded", e);
    __asm__ volatile("fninit");
    munmap(code, 4096);
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
    pointers();
    mmx();
    return 0;
}
