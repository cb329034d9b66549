// Doubly recursive calls.
#include "bench.h"

__attribute__((noinline, optimize("no-optimize-sibling-calls"))) static uint64_t fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 26);
    for (long r = 0; r < rounds; r++) {
        unsigned n = 29;
        BENCH_OPAQUE(n);
        sum += fib(n);
    }
    return bench_report(sum);
}
