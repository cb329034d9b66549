// Leading and trailing zeros, population count, byte swap, rotates.
#include "bench.h"

int main(int argc, char **argv)
{
    uint64_t x = 0x123456789abcdef1u, sum = 0;
    long rounds = bench_count(argc, argv, 14000000);
    for (long r = 0; r < rounds; r++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        sum += (uint64_t)(__builtin_clzll(x) + __builtin_ctzll(x) * 3 + __builtin_popcountll(x) * 5);
        sum ^= __builtin_bswap64(x);
        sum = sum << 9 | sum >> 55;
    }
    return bench_report(sum);
}
