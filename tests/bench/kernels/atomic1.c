// Atomic read-modify-write in a process of one thread.
#include "bench.h"
#include <stdatomic.h>

int main(int argc, char **argv)
{
    static _Atomic uint64_t a, b;
    static _Atomic uint32_t c;
    long rounds = bench_count(argc, argv, 10000000);
    for (long r = 0; r < rounds; r++) {
        atomic_fetch_add(&a, (uint64_t)r);
        atomic_fetch_xor(&c, (uint32_t)r);
        uint64_t seen = atomic_load(&b);
        atomic_compare_exchange_strong(&b, &seen, seen * 3 + 1);
    }
    return bench_report(bench_mix(a ^ b, c));
}
