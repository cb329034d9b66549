// Atomic read-modify-write from two threads on one cache line.
#include "bench.h"
#include <pthread.h>
#include <stdatomic.h>

static _Atomic uint64_t a, b;
static long rounds;

static void *worker(void *argument)
{
    for (long r = 0; r < rounds; r++) {
        atomic_fetch_add(&a, (uint64_t)r);
        uint64_t seen = atomic_load(&b);
        while (!atomic_compare_exchange_weak(&b, &seen, seen + 3))
            ;
    }
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t other;
    rounds = bench_count(argc, argv, 6000000);
    if (pthread_create(&other, NULL, worker, NULL))
        return 1;
    worker(NULL);
    pthread_join(other, NULL);
    return bench_report(bench_mix(a, b));
}
