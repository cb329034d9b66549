// Allocation and release in random order, sizes as in object-heavy programs.
#include "bench.h"

int main(int argc, char **argv)
{
    enum { SLOTS = 4096 };
    static uint32_t *slots[SLOTS];
    uint64_t seed = 23, sum = 0;
    long rounds = bench_count(argc, argv, 3500000);
    for (long r = 0; r < rounds; r++) {
        uint32_t x = bench_random(&seed), at = x % SLOTS;
        if (slots[at]) {
            sum += *slots[at];
            free(slots[at]);
        }
        size_t size = 4 + (x >> 12 & ((x & 31) ? 255 : 8191));
        slots[at] = malloc(size);
        *slots[at] = x;
    }
    return bench_report(sum);
}
