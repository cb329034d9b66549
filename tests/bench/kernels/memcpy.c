// Bulk copies and fills of 64 KiB.
#include "bench.h"

int main(int argc, char **argv)
{
    enum { SIZE = 65536 };
    static uint8_t a[SIZE + 64], b[SIZE + 64];
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 50000);
    for (long r = 0; r < rounds; r++) {
        uint8_t *from = a + (r & 7), *to = b;
        BENCH_OPAQUE(from);
        BENCH_OPAQUE(to);
        from[r & 1023] = (uint8_t)r;
        memcpy(to, from, SIZE - 64);
        if (r % 16 == 0)
            memset(from, (int)r, 4096);
        sum += to[(r * 37) & 0x3fff];
    }
    return bench_report(sum);
}
