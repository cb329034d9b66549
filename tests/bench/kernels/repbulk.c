// rep movs and rep stos of 64 KiB.
#include "rep.h"

int main(int argc, char **argv)
{
    enum { SIZE = 65536 };
    static uint8_t a[SIZE + 64], b[SIZE + 64];
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 10000);
    for (long r = 0; r < rounds; r++) {
        uint8_t *from = a + (r & 7);
        from[r & 1023] = (uint8_t)r;
        REP_MOVS("b", b, from, SIZE - 64);
        REP_MOVS("l", b + 64, from, (SIZE - 64) / 4);
        if (r % 4 == 0)
            REP_STOS("b", from, (int)r, 4096);
        REP_STOS("l", b + 16384, (int)r, 4096);
        sum += b[(r * 37) & 0x3fff];
    }
    return bench_report(sum);
}
