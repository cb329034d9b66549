// Measures process start: runs a command COUNT times and prints the median of user+system CPU (us), the least
// wall time (us) and the largest resident set (KiB). A helper of its own, static and small, because the time
// between fork and exec counts for the child: vfork from a small process keeps that near zero.
//   startup COUNT PROGRAM [ARG]...
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
    enum { MOST = 1000 };
    static int64_t cpu[MOST];
    int64_t wall = INT64_MAX;
    long rss = 0, count = argc > 2 ? atol(argv[1]) : 0;
    if (count < 1 || count > MOST)
        return 2;
    for (long i = 0; i < count; i++) {
        pid_t pid;
        int status;
        struct rusage use;
        int64_t start = now_ns();
        if (posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, environ) || wait4(pid, &status, 0, &use) != pid)
            return 1;
        int64_t took = now_ns() - start;
        if (status) {
            fprintf(stderr, "status %#x\n", (unsigned)status);
            return 1;
        }
        wall = took < wall ? took : wall;
        rss = use.ru_maxrss > rss ? use.ru_maxrss : rss;
        cpu[i] = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000LL + use.ru_utime.tv_usec +
                 use.ru_stime.tv_usec;
    }
    qsort(cpu, (size_t)count, sizeof *cpu, order);
    printf("%lld %lld %ld\n", (long long)cpu[count / 2], (long long)(wall / 1000), rss);
    return 0;
}
