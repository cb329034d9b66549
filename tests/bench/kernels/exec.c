// fork, exec of this program itself, wait: what shells do. The rival does not follow an exec into the guest:
// where $BENCH_EXEC is set (words), it stands in front of the program, as binfmt_misc would put it there.
#include "bench.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 8 };

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "child"))
        _exit(7);
    char *child[WORDS + 3], *before = getenv("BENCH_EXEC");
    int n = 0;
    for (char *w = before ? strtok(before, " ") : NULL; w && n < WORDS; w = strtok(NULL, " "))
        child[n++] = w;
    child[n] = argv[0];
    child[n + 1] = (char *)"child";
    child[n + 2] = NULL;
    uint64_t sum = 0;
    long rounds = bench_count(argc, argv, 150);
    for (long r = 0; r < rounds; r++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            execv(child[0], child);
            _exit(1);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            return 1;
        sum += (uint64_t)WEXITSTATUS(status);
    }
    return bench_report(sum);
}
