// libc's qsort: a call through a pointer for each comparison.
#include "bench.h"

static int order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    enum { SIZE = 50000 };
    static uint32_t a[SIZE];
    uint64_t seed = 5, sum = 0;
    long rounds = bench_count(argc, argv, 20);
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < SIZE; i++)
            a[i] = bench_random(&seed);
        qsort(a, SIZE, sizeof *a, order);
        for (int i = 0; i < SIZE; i += 97)
            sum = bench_mix(sum, a[i]);
    }
    return bench_report(sum);
}
