// Many small copies, fills, moves and comparisons of varying length.
#include "bench.h"

int main(int argc, char **argv)
{
    static uint8_t a[512], b[512];
    uint64_t seed = 19, sum = 0;
    long rounds = bench_count(argc, argv, 3500000);
    for (long r = 0; r < rounds; r++) {
        uint32_t x = bench_random(&seed);
        size_t n = x & 63;
        uint8_t *from = a + (x >> 8 & 127), *to = b + (x >> 16 & 127);
        BENCH_OPAQUE(n);
        memcpy(to, from, n);
        memset(from, (int)(x >> 24), n / 2);
        memmove(a + 200, a + 205, n);
        sum += (uint64_t)(memcmp(to, a + 200, n) > 0) + to[3];
    }
    return bench_report(sum);
}
