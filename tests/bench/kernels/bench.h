// What the kernels share: the argument (a work factor in per cent, so that slow hosts can shorten a run),
// a generator that is the same everywhere, and the line that carries the checksum.
// A kernel prints exactly one line; the runner compares it between native, rival and Tinamou.
#pragma once
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline long bench_count(int argc, char **argv, long count)
{
    long percent = argc > 1 ? atol(argv[1]) : 100;
    int64_t scaled = (int64_t)count * percent / 100;
    return scaled > 0 ? (long)scaled : 1;
}

static inline uint32_t bench_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static inline uint64_t bench_mix(uint64_t sum, uint64_t value)
{
    sum ^= value + 0x9e3779b97f4a7c15u + (sum << 6) + (sum >> 2);
    return sum;
}

// Hides a value from the optimiser, so that a loop of calls is not folded away.
#define BENCH_OPAQUE(x) __asm__ volatile("" : "+r"(x))

static inline int bench_report(uint64_t sum)
{
    printf("%016" PRIx64 "\n", sum);
    return 0;
}

// For floating point: compilers contract a*b+c on one machine and not on the other, so the runner compares
// with native by relative distance and with the rival exactly.
static inline int bench_report_real(double value)
{
    printf("real %.17g\n", value);
    return 0;
}
