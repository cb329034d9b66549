/* A timer at 10 kHz interrupts integer and floating-point work, calls and atomics; nothing may change their
 * results. */
#include "ksignal.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_long ticks; /* any thread may run the handler */
static volatile double sink;
static atomic_ulong both;

static void tick(int sig, siginfo_t *si, void *uc)
{
    ticks++;
    sink = sink * 0.5 + (double)ticks;
    atomic_fetch_add(&both, 1);
}

static uint64_t mix(uint64_t x, int depth)
{
    return depth ? mix(x * 6364136223846793005ull + 1442695040888963407ull, depth - 1) ^ (x >> 7) : x;
}

static uint64_t integers(void)
{
    static uint32_t table[4096];
    uint64_t h = 1;
    for (int r = 0; r < 200; r++) {
        for (int i = 0; i < 4096; i++) {
            table[i] += (uint32_t)(h >> (i & 31));
            h = h * 31 + table[(h >> 20) & 4095];
        }
        h ^= mix(h, 40);
    }
    return h;
}

static double floats(void)
{
    double a = 1.0, b = 0.5;
    for (int i = 1; i < 400000; i++) {
        a = a * 0.999 + b / i;
        b = b + a * 1e-3 - (b > 2 ? 1 : 0);
    }
    return a + b;
}

static unsigned long adds;
static void *adder(void *arg)
{
    for (int i = 0; i < 300000; i++)
        atomic_fetch_add(&both, 1);
    return NULL;
}

int main(void)
{
    uint64_t want_i = integers();
    double want_f = floats();
    printf("%llx %a\n", (unsigned long long)want_i, want_f);
    on_signal(SIGALRM, tick, SA_RESTART);
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    timer_t timer;
    timer_create(CLOCK_MONOTONIC, &ev, &timer);
    struct itimerspec every = {{0, 100000}, {0, 100000}};
    timer_settime(timer, 0, &every, NULL);
    static uint64_t first;
    int64_t end = now_ns() + 1500000000;
    int rounds = 0;
    uint64_t prev = 0;
    while (now_ns() < end || rounds < 2) {
        uint64_t i = integers(); /* static table: differs from round to round in a fixed way */
        double f = floats();
        if (f != want_f)
            printf("floats differ: %a\n", f);
        if (!rounds)
            first = i;
        prev = i;
        rounds++;
    }
    printf("%llx\n", (unsigned long long)first);
    (void)prev;
    pthread_t t[2];
    sigset_t alarm; /* a tick between the two reads would count */
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL);
    unsigned long before = both - (unsigned long)ticks;
    pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, adder, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    timer_delete(timer);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL);
    adds = both - (unsigned long)ticks - before;
    printf("many ticks: %d, atomic adds %lu\n", atomic_load(&ticks) > 100, adds);
    return done();
}
