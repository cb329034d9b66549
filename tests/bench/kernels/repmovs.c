// rep movsb of 64 KiB: how kernels and C libraries copy.
#include "rep.h"

int main(int argc, char **argv)
{
    enum { SIZE = 65536 };
    static uint8_t a[SIZE + 64], b[SIZE + 64];
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 20000);
    for (long r = 0; r < rounds; r++) {
        uint8_t *from = a + (r & 7);
        from[r & 1023] = (uint8_t)r;
        REP_MOVS("b", b + (r & 24), from, SIZE - 64);
        sum += b[(r * 37) & 0x3fff];
    }
    return bench_report(sum);
}
