/* What check_perf.py looks at: a loop, functions that run once, a child, execve. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline)) unsigned turns_round(unsigned x, int n)
{
    unsigned sum = 0;
    for (int i = 0; i < n; i++) {
        sum += (unsigned)i * x;
        sum ^= sum >> 3;
        sum = sum * 31 + 7;
    }
    return sum;
}

__attribute__((noinline)) unsigned once(unsigned x)
{
    return x * 3 + (unsigned)getpagesize();
}
__attribute__((noinline)) unsigned only_child(unsigned x)
{
    return x * 7 + (unsigned)getpagesize();
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    unsigned sum = turns_round(once(3), strcmp(how, "long") == 0 ? 100000000 : 100000);
    printf("%u\n", sum);
    fflush(stdout);
    if (strcmp(how, "fork") == 0) {
        pid_t child = fork();
        if (child == 0) {
            sum += only_child(sum);
            _exit(turns_round(sum, 100) == 1);
        }
        waitpid(child, NULL, 0);
        printf("%d\n", (int)child);
    } else if (strcmp(how, "exec") == 0) {
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
    } else if (strcmp(how, "again") == 0) {
        printf("again\n");
    }
    return 0;
}
