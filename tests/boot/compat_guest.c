/* A program of AArch32 for a 64-bit kernel: what the kernel and the cpu's EL0 have to agree on. Prints the
 * names of the checks that failed and ends with COMPAT-OK and how many passed. Built with -mthumb; A32 code
 * where it says so. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define A32 __attribute__((target("arm"), noinline))
#define T32 __attribute__((target("thumb"), noinline))

static unsigned passed;

static void check(const char *name, int ok)
{
    passed += ok != 0;
    if (!ok)
        printf("COMPAT-FAILED %s\n", name);
}

/* ---- signals ---- */

static volatile int caught, caught_code;
static volatile uintptr_t caught_addr, caught_pc, caught_cpsr, caught_error;
static uintptr_t skip; /* bytes to go on behind */

static void on_signal(int sig, siginfo_t *si, void *context)
{
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
    caught = sig;
    caught_code = si->si_code;
    caught_addr = (uintptr_t)si->si_addr;
    caught_pc = m->arm_pc;
    caught_cpsr = m->arm_cpsr;
    caught_error = m->error_code;
    m->arm_pc += skip;
    if (m->arm_cpsr & 0x0600fc00) { /* in an IT block: the next one of it */
        unsigned it = (m->arm_cpsr >> 25 & 3) | (m->arm_cpsr >> 8 & 0xfc);
        it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
        m->arm_cpsr = (m->arm_cpsr & ~0x0600fc00ul) | (it & 3) << 25 | (it & 0xfc) << 8;
    }
}

A32 static uint32_t load_a32(const uint32_t *p)
{
    uint32_t v = 7;
    asm volatile("ldr %0, [%1]" : "+r"(v) : "r"(p) : "memory");
    return v;
}
T32 static void store_t32(uint32_t *p)
{
    asm volatile("str.w %0, [%0]" : : "r"(p) : "memory");
}
T32 static uint32_t undefined_in_it(uint32_t a)
{
    uint32_t v = 0;
    asm volatile("cmp %1, #1\n\tittet eq\n\taddeq %0, #1\n\tudfeq #2\n\taddne %0, #16\n\taddeq %0, #4"
                 : "+r"(v)
                 : "r"(a)
                 : "cc");
    return v;
}
A32 static void undefined_a32(void)
{
    asm volatile("udf #3");
}
A32 static void breakpoint_a32(void)
{
    asm volatile("bkpt #5");
}
T32 static void breakpoint_t32(void)
{
    asm volatile("bkpt #5");
}
A32 static void counter(void)
{
    asm volatile("mrc p15, 0, r0, c9, c13, 0" : : : "r0");
}

static void signals(void)
{
    uint32_t *bad = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    skip = 4;
    check("load of nothing", load_a32((uint32_t *)0x14) == 7 && caught == SIGSEGV && caught_addr == 0x14 &&
                                 caught_code == SEGV_MAPERR && !(caught_error & 0x800) &&
                                 !(caught_cpsr & 0x20));
    caught = 0;
    store_t32(bad + 1);
    check("store to what is read only", caught == SIGSEGV && caught_addr == (uintptr_t)(bad + 1) &&
                                            caught_code == SEGV_ACCERR && (caught_error & 0x800) &&
                                            (caught_cpsr & 0x20));
    caught = 0;
    load_a32((uint32_t *)0xc0000000 + 3); /* 32-bit programs may have all 4 GiB: nothing is there */
    check("a high address", caught == SIGSEGV && caught_addr == 0xc000000c);
    caught = 0;
    undefined_a32();
    check("undefined", caught == SIGILL && caught_addr == caught_pc);
    skip = 2, caught = 0;
    check("undefined in an IT block",
          undefined_in_it(1) == 5 && caught == SIGILL && (caught_cpsr & 0x0600fc00) && (caught_cpsr & 0x20));
    caught = 0;
    check("its condition", undefined_in_it(2) == 16 && !caught);
    breakpoint_t32();
    check("bkpt of T32", caught == SIGTRAP);
    skip = 4, caught = 0;
    breakpoint_a32();
    check("bkpt of A32", caught == SIGTRAP && caught_code == TRAP_BRKPT);
    caught = 0;
    counter();
    check("the performance monitor is the kernel's", caught == SIGILL);
}

/* ---- coprocessor 15 ---- */

A32 static void barriers(void)
{
    asm volatile(
        "mov r0, #0\n\tmcr p15, 0, r0, c7, c5, 4\n\tmcr p15, 0, r0, c7, c10, 4\n\tmcr p15, 0, r0, c7, c10, 5"
        :
        :
        : "r0", "memory");
}
A32 static uint32_t frequency(void)
{
    uint32_t v;
    asm volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(v));
    return v;
}
A32 static uint64_t count(void)
{
    uint64_t v;
    asm volatile("isb\n\tmrrc p15, 1, %Q0, %R0, c14" : "=r"(v));
    return v;
}

static void coprocessor(void)
{
    uint32_t word = 0, tls, own = 0x1234567;
    struct timespec a, b;
    caught = 0;
    barriers();
    check("barriers of coprocessor 15", !caught);
    check("frequency", frequency() > 1000000);
    uint64_t first = count(), second = count();
    check("count", second >= first && second - first < frequency());
    asm volatile("mrc p15, 0, %0, c13, c0, 3" : "=r"(tls));
    check("thread register",
          tls == (uintptr_t)__builtin_thread_pointer() && tls == ((uint32_t(*)(void))0xffff0fe0)());
    asm volatile("mcr p15, 0, %0, c13, c0, 2" : : "r"(own));
    sched_yield();
    asm volatile("mrc p15, 0, %0, c13, c0, 2" : "=r"(word));
    check("own thread register", word == own);
    check("version of the kernel's helpers", *(volatile uint32_t *)0xffff0ffc >= 3);
    word = 5;
    check("cmpxchg of the kernel",
          ((int (*)(int, int, volatile void *))0xffff0fc0)(5, 6, &word) == 0 && word == 6);
    clock_gettime(CLOCK_MONOTONIC, &a);
    clock_gettime(CLOCK_MONOTONIC, &b);
    check("clock", b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
}

/* ---- what a switch has to keep ---- */

static volatile int ticks;
static void on_tick(int sig)
{
    ticks++;
}

/* Three of four rounds add 2, one 6: 3 each, interrupted anywhere. */
T32 static uint32_t blocks(uint32_t rounds)
{
    uint32_t sum = 0;
    asm volatile(
        "1: tst %1, #3\n\tittee ne\n\taddne %0, #1\n\taddne %0, #1\n\taddeq %0, #2\n\taddeq %0, #4\n\t"
        "subs %1, #1\n\tbne 1b"
        : "+r"(sum), "+r"(rounds)
        :
        : "cc");
    return sum;
}

/* Flags of floating point, saturation and GE over system calls and other programs. */
A32 static int flags_stay(double x, double y, uint32_t want)
{
    uint32_t fpscr, cpsr;
    asm volatile("vcmp.f64 %P0, %P1" : : "w"(x), "w"(y));
    sched_yield();
    asm volatile("vmrs %0, fpscr" : "=r"(fpscr));
    asm volatile("qadd r0, %1, %1\n\tuadd8 r0, %2, %2\n\tmov r7, #158\n\tsvc #0\n\tmrs %0, cpsr"
                 : "=r"(cpsr)
                 : "r"(0x7fffffff), "r"(0x80008000)
                 : "r0", "r7", "memory");
    return fpscr >> 28 == want && (cpsr >> 27 & 1) && (cpsr >> 16 & 15) == 10;
}

/* Two processes count in the same word by LDREX and STREX. */
static int count_together(void)
{
    enum { ROUNDS = 20000 };
    volatile uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t child = fork();
    for (int k = 0; k < ROUNDS; k++) {
        __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
        if (k % 1000 == 0) {
            check("flags in each of two programs", flags_stay(child ? 1 : 2, child ? 2 : 1, child ? 8 : 2));
            passed -= child == 0;
        }
    }
    if (child == 0)
        _exit(0);
    waitpid(child, &status, 0);
    return status == 0 && *word == 2 * ROUNDS;
}

static void switches(void)
{
    struct itimerval every = {{0, 1000}, {0, 1000}};
    uint32_t sum = 0, want = 0;
    signal(SIGALRM, on_tick);
    setitimer(ITIMER_REAL, &every, NULL);
    for (unsigned k = 0; k < 20 || ticks < 20; k++, want += 3000000)
        sum += blocks(1000000);
    every = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &every, NULL);
    check("IT blocks that are interrupted", sum == want);
    check("two programs", count_together());
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    const int sigs[] = {SIGSEGV, SIGILL, SIGTRAP, SIGBUS};
    for (unsigned k = 0; k < 4; k++)
        sigaction(sigs[k], &sa, NULL);
    signals();
    coprocessor();
    switches();
    printf("COMPAT-OK %u\n", passed);
    return 0;
}
