// setjmp and longjmp over a few frames.
#include "bench.h"
#include <setjmp.h>

static jmp_buf place;

__attribute__((noinline)) static void deep(int depth, int value)
{
    if (depth > 0)
        deep(depth - 1, value);
    else
        longjmp(place, value);
    __asm__ volatile("");
}

int main(int argc, char **argv)
{
    volatile uint64_t sum = 0;
    volatile long r = 0;
    volatile long rounds = bench_count(argc, argv, 4000000);
    for (; r < rounds; r++) {
        int got = setjmp(place);
        if (got == 0)
            deep(4, (int)(r & 0xff) + 1);
        sum += (uint64_t)got;
    }
    return bench_report(sum);
}
