// Quicksort with the comparison inline: unpredictable branches.
#include "bench.h"

static void sort(uint32_t *a, long lo, long hi)
{
    while (lo < hi) {
        uint32_t pivot = a[lo + (hi - lo) / 2];
        long i = lo, j = hi;
        while (i <= j) {
            while (a[i] < pivot)
                i++;
            while (a[j] > pivot)
                j--;
            if (i <= j) {
                uint32_t t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
        }
        if (j - lo < hi - i) {
            sort(a, lo, j);
            lo = i;
        } else {
            sort(a, i, hi);
            hi = j;
        }
    }
}

int main(int argc, char **argv)
{
    enum { SIZE = 100000 };
    static uint32_t a[SIZE];
    uint64_t seed = 3, sum = 0;
    long rounds = bench_count(argc, argv, 14);
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < SIZE; i++)
            a[i] = bench_random(&seed);
        sort(a, 0, SIZE - 1);
        for (int i = 0; i < SIZE; i += 97)
            sum = bench_mix(sum, a[i]);
    }
    return bench_report(sum);
}
