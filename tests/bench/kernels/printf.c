// Formatting into memory: integers, strings, doubles.
#include "bench.h"

int main(int argc, char **argv)
{
    char line[128];
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 250000);
    for (long r = 0; r < rounds; r++) {
        int n =
            snprintf(line, sizeof line, "%ld %08lx %-10s|%5.2f %c", r, r * 77, "text", (double)r / 7.0, 'c');
        for (int i = 0; i < n; i += 5)
            sum = sum * 31 + (uint8_t)line[i];
    }
    return bench_report(sum);
}
