// Small writes and reads through a pipe.
#include "bench.h"
#include <unistd.h>

int main(int argc, char **argv)
{
    int fd[2];
    char buffer[64] = {0};
    uint64_t sum = 0;
    if (pipe(fd))
        return 1;
    long rounds = bench_count(argc, argv, 80000);
    for (long r = 0; r < rounds; r++) {
        buffer[0] = (char)r;
        if (write(fd[1], buffer, sizeof buffer) != sizeof buffer || read(fd[0], buffer, sizeof buffer) <= 0)
            return 1;
        sum += (uint8_t)buffer[0];
    }
    return bench_report(sum);
}
