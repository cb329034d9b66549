// Map, touch, unmap.
#include "bench.h"
#include <sys/mman.h>

int main(int argc, char **argv)
{
    enum { SIZE = 64 * 4096 };
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 500);
    for (long r = 0; r < rounds; r++) {
        uint8_t *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return 1;
        for (int i = 0; i < SIZE; i += 4096)
            sum += ++p[i];
        munmap(p, SIZE);
    }
    return bench_report(sum);
}
