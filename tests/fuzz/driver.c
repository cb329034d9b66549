/* driver N [SEED]: N random inputs to the target. Prints the input's number before each thousand, for
 * bisecting. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAP = 8192 };

static uint64_t state;

static uint64_t rnd(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Values at which checks break. */
static uint64_t edge(void)
{
    static const uint64_t v[] = {0, 1, 2, 55, 56, 57, 4095, 4096, 4097, 0x7fffffff, 0x80000000, 0xffffffff};
    uint64_t x = rnd() % 3 ? v[rnd() % (sizeof(v) / sizeof(v[0]))] : 1ull << rnd() % 64;
    return rnd() % 4 ? x : -x;
}

static size_t change(uint8_t *buf, size_t n)
{
    for (uint64_t times = 1 + rnd() % 4; times && n; times--) {
        uint64_t x = edge();
        size_t at = rnd() % (rnd() % 2 ? n : (n < 256 ? n : 256)), width = 1u << rnd() % 4;
        if (rnd() % 16 == 0)
            n = rnd() % n;
        else if (rnd() % 3 == 0)
            buf[at] = (uint8_t)rnd();
        else if ((at &= ~(width - 1)) + width <= n)
            memcpy(buf + at, &x, width);
    }
    return n;
}

int main(int argc, char **argv)
{
    static uint8_t buf[CAP];
    unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000;
    state = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
    unsigned seeds = 0;
    while (fuzz_seed(seeds, buf, CAP))
        seeds++;
    for (unsigned i = 0; i < seeds; i++)
        LLVMFuzzerTestOneInput(buf, fuzz_seed(i, buf, CAP));
    for (unsigned long i = 0; i < n && seeds; i++) {
        if (i % 1000 == 0)
            fprintf(stderr, "\r%lu", i);
        size_t size = fuzz_seed(rnd() % seeds, buf, CAP);
        LLVMFuzzerTestOneInput(buf, change(buf, size));
    }
    fprintf(stderr, "\r%lu inputs\n", n);
    return seeds == 0;
}
