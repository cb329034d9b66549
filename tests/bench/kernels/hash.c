// Open-addressing hash table: multiply, shift, random access.
#include "bench.h"

int main(int argc, char **argv)
{
    enum { BITS = 18, SIZE = 1 << BITS };
    static uint64_t keys[SIZE], values[SIZE];
    uint64_t seed = 7, sum = 0;
    long rounds = bench_count(argc, argv, 11000000);
    for (long r = 0; r < rounds; r++) {
        uint64_t key = bench_random(&seed) % 150000 + 1;
        uint64_t at = key * 0x9e3779b97f4a7c15u >> (64 - BITS);
        while (keys[at] && keys[at] != key)
            at = (at + 1) & (SIZE - 1);
        keys[at] = key;
        sum += values[at]++ ^ key;
    }
    return bench_report(sum);
}
