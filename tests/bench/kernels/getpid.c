// The cheapest system call.
#include "bench.h"
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 250000);
    for (long r = 0; r < rounds; r++)
        sum += syscall(SYS_getpid) == getpid();
    return bench_report(sum);
}
