// Integer loops over arrays that a compiler can vectorise: saturation, absolute difference, blend.
#include "bench.h"

int main(int argc, char **argv)
{
    enum { SIZE = 8192 };
    static uint8_t a[SIZE], b[SIZE], c[SIZE];
    static uint32_t w[SIZE];
    uint64_t seed = 17, sum = 0;
    for (int i = 0; i < SIZE; i++) {
        a[i] = (uint8_t)bench_random(&seed);
        b[i] = (uint8_t)bench_random(&seed);
    }
    long rounds = bench_count(argc, argv, 16000);
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < SIZE; i++) {
            int d = a[i] - b[i];
            c[i] = (uint8_t)((d < 0 ? -d : d) + (c[i] >> 1));
        }
        for (int i = 0; i < SIZE; i++)
            w[i] = w[i] * 3 + c[i];
        a[r % SIZE]++;
    }
    for (int i = 0; i < SIZE; i++)
        sum = bench_mix(sum, w[i]);
    return bench_report(sum);
}
