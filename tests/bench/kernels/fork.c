// fork, a child that writes and exits, wait.
#include "bench.h"
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static volatile uint64_t data[1024];
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 700);
    for (long r = 0; r < rounds; r++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            for (int i = 0; i < 1024; i++)
                data[i] = (uint64_t)(r + i);
            _exit((int)(data[5] & 63));
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            return 1;
        sum += (uint64_t)WEXITSTATUS(status);
    }
    return bench_report(sum + data[5]);
}
