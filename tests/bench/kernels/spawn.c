// posix_spawn of this program itself and of a missing one: vfork, execve, start-up, exit.
#include "bench.h"
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "child"))
        _exit(7);
    uint64_t sum = 0;
    char *child[] = {argv[0], (char *)"child", NULL};
    long rounds = bench_count(argc, argv, 150);
    for (long r = 0; r < rounds; r++) {
        pid_t pid;
        int status;
        if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, child, environ) ||
            waitpid(pid, &status, 0) != pid)
            return 1;
        sum += (uint64_t)WEXITSTATUS(status);
        sum += posix_spawn(&pid, "/nonexistent/program", NULL, NULL, child, environ) == ENOENT;
    }
    return bench_report(sum);
}
