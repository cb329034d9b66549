// Sieve of Eratosthenes over bytes: strided stores, predictable branches.
#include "bench.h"

int main(int argc, char **argv)
{
    enum { SIZE = 1 << 18 };
    static uint8_t composite[SIZE];
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 90);
    for (long r = 0; r < rounds; r++) {
        memset(composite, 0, SIZE);
        for (uint32_t i = 2; i < SIZE; i++) {
            if (composite[i])
                continue;
            sum += i;
            for (uint32_t j = i + i; j < SIZE; j += i)
                composite[j] = 1;
        }
    }
    return bench_report(sum);
}
