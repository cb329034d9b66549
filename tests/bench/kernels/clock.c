// The clock, through the vDSO where there is one.
#include "bench.h"
#include <time.h>

int main(int argc, char **argv)
{
    struct timespec now, last = {0, 0};
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 2500000);
    for (long r = 0; r < rounds; r++) {
        if (clock_gettime(CLOCK_MONOTONIC, &now))
            return 1;
        sum += now.tv_sec > last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec >= last.tv_nsec);
        last = now;
    }
    return bench_report(sum);
}
