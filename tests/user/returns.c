/* Calls and returns that come in another order than on a stack: recursion far deeper than any return stack,
 * longjmp over many frames again and again, contexts with stacks of their own, signal handlers that call and
 * leave by siglongjmp, functions called through pointers. */
#include "user.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile int one = 1;

__attribute__((noinline)) static uint64_t deep(uint64_t n, uint64_t x)
{
    if (n == 0)
        return x;
    uint64_t r = deep(n - (uint64_t)one, x * 31 + n);
    return r + (n & 3); /* no tail call */
}

__attribute__((noinline)) static unsigned ackermann(unsigned m, unsigned n)
{
    return m == 0 ? n + 1 : ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

static jmp_buf out;

__attribute__((noinline)) static int jumps(int n, int value)
{
    if (n == 0)
        longjmp(out, value);
    return jumps(n - one, value) + 1;
}

static int outer(int levels)
{
    if (levels > 0)
        return outer(levels - one) + levels;
    volatile int sum = 0;
    for (volatile int k = 1; k <= 2000; k++) {
        int v = setjmp(out);
        if (v == 0)
            jumps(k % 50, k);
        sum += v;
    }
    return sum;
}

/* ---- contexts ---- */

enum { CONTEXTS = 5, STACK = 65536, TURNS = 400 };
static ucontext_t main_ctx, ctx[CONTEXTS];
static uint64_t work[CONTEXTS];

static void pass_on(int self) { swapcontext(&ctx[self], &ctx[(self + 1) % CONTEXTS]); }

static uint64_t inside(int self, unsigned n)
{
    if (n == 0) {
        pass_on(self);
        return 1;
    }
    return inside(self, n - (unsigned)one) + n;
}

static void body(int self)
{
    for (unsigned k = 0; k < TURNS; k++)
        work[self] += inside(self, (k * 7 + (unsigned)self) % 20);
    if (self == CONTEXTS - 1)
        swapcontext(&ctx[self], &main_ctx);
    for (;;)
        pass_on(self);
}

static void contexts(void)
{
    static char stack[CONTEXTS][STACK] __attribute__((aligned(16)));
    for (int k = 0; k < CONTEXTS; k++) {
        getcontext(&ctx[k]);
        ctx[k].uc_stack.ss_sp = stack[k];
        ctx[k].uc_stack.ss_size = STACK;
        ctx[k].uc_link = NULL;
        makecontext(&ctx[k], (void (*)(void))body, 1, k);
    }
    swapcontext(&main_ctx, &ctx[0]);
    printf("contexts %llu %llu\n", work[0], work[CONTEXTS - 1]);
}

/* ---- signals ---- */

static sigjmp_buf from_handler;
static volatile sig_atomic_t ticks, leave;

static void on_tick(int sig)
{
    ticks++;
    if (deep(30, 1) == 0)
        abort();
    if (leave) {
        leave = 0;
        siglongjmp(from_handler, 1);
    }
}

static void interrupted(void)
{
    struct sigaction sa = {.sa_handler = on_tick};
    sigaction(SIGALRM, &sa, NULL);
    struct itimerval it = {{0, 500}, {0, 500}};
    uint64_t want = deep(2000, 5), bad = 0;
    setitimer(ITIMER_REAL, &it, NULL);
    while (ticks < 150)
        bad += deep(2000, 5) != want;
    for (volatile int k = 0; k < 150; k++) {
        if (sigsetjmp(from_handler, 1) == 0) {
            leave = 1; /* not before: a jump into a buffer that is being written, or keeps the signal
                        * blocked */
            for (;;)
                bad += deep(2000, 5) != want;
        }
    }
    it = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &it, NULL);
    printf("interrupted: %llu wrong\n", bad);
}

/* ---- pointers ---- */

static uint64_t f0(uint64_t x) { return x + 1; }
static uint64_t f1(uint64_t x) { return x * 3; }
static uint64_t f2(uint64_t x) { return deep(x & 7, x); }
static uint64_t (*const table[4])(uint64_t) = {f0, f1, f2, f0};

int main(void)
{
    uint64_t x = 1;
    for (int k = 0; k < 5; k++)
        printf("deep %llu\n", deep(60000, (uint64_t)k));
    printf("ackermann %u\n", ackermann(2, 300));
    printf("jumps %d\n", outer(40));
    contexts();
    interrupted();
    for (unsigned k = 0; k < 100000; k++)
        x = table[(x >> 5 ^ k) & 3](x);
    printf("pointers %llu\n", x);
    return 0;
}
