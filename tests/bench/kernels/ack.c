// Ackermann's function: deep recursion, returns in long runs.
#include "bench.h"

__attribute__((noinline)) static unsigned ack(unsigned m, unsigned n)
{
    if (m == 0)
        return n + 1;
    return n == 0 ? ack(m - 1, 1) : ack(m - 1, ack(m, n - 1));
}

int main(int argc, char **argv)
{
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 8);
    for (long r = 0; r < rounds; r++) {
        unsigned n = 9;
        BENCH_OPAQUE(n);
        sum += ack(3, n) + ack(2, 400);
    }
    return bench_report(sum);
}
