// rep movs and rep stos of 1 to 127 and of 32 to 4096 bytes.
#include "rep.h"

int main(int argc, char **argv)
{
    static uint8_t a[8192], b[8192];
    uint64_t seed = 19, sum = 0;
    long rounds = bench_count(argc, argv, 500000);
    for (long r = 0; r < rounds; r++) {
        uint32_t x = bench_random(&seed);
        size_t n = (x & 127) + 1, more = 32 << (x >> 7 & 7);
        uint8_t *from = a + (x >> 10 & 127), *to = b + (x >> 17 & 127);
        REP_MOVS("b", to, from, n);
        REP_STOS("b", from, (int)(x >> 24), n / 2);
        REP_MOVS("l", to, from, n / 4);
        if (r % 4 == 0)
            REP_MOVS("b", to, from, more);
        REP_STOS("l", from, (int)(x >> 8), n / 8);
        sum += to[3];
    }
    return bench_report(sum);
}
