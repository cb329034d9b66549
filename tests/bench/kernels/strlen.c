// libc string scans over medium strings: strlen, strchr, memchr, strcmp.
#include "bench.h"

int main(int argc, char **argv)
{
    enum { SIZE = 2048 };
    static char a[SIZE], b[SIZE];
    uint64_t sum = 0;
    memset(a, 'x', SIZE - 1);
    memset(b, 'x', SIZE - 1);
    b[SIZE - 2] = 'y';
    long rounds = bench_count(argc, argv, 1000000);
    for (long r = 0; r < rounds; r++) {
        char *p = a + (r & 15);
        BENCH_OPAQUE(p);
        sum += strlen(p) + (uint64_t)(strchr(b + (r & 7), 'y') - b);
        sum += (uint64_t)((char *)memchr(b, 'y', SIZE) - b) + (uint64_t)(strcmp(p, b + (r & 15)) < 0);
    }
    return bench_report(sum);
}
