/* A program whose translations are kept (check_kept.py). What it does is its first argument; VALUE is another
 * in each build of it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int by_value(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void work(void)
{
    int v[100];
    double sum = 0;
    char text[100];
    for (int i = 0; i < 100; i++) {
        v[i] = i * 7919 % 101 + VALUE;
        sum += v[i] / 3.0;
    }
    qsort(v, 100, sizeof(v[0]), by_value);
    snprintf(text, sizeof(text), "%d %d %.6f %s", v[0], v[99], sum, VALUE == 1 ? "one" : "two");
    printf("%s %zu\n", text, strlen(text));
    fflush(stdout);
}

static void fault(int sig)
{
    (void)sig;
    write(1, "fault\n", 6);
    _exit(0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    work();
    if (!strcmp(what, "fail"))
        return 3;
    if (!strcmp(what, "die"))
        raise(SIGKILL);
    if (!strcmp(what, "fault")) {
        signal(SIGSEGV, fault);
        *(volatile int *)8 = 1;
    }
    if (!strcmp(what, "fork")) {
        int status;
        pid_t child = fork();
        if (!child) {
            printf("child %s\n", strrchr("a/b", '/'));
            return 0;
        }
        waitpid(child, &status, 0);
        printf("parent %d\n", status);
    }
    if (!strcmp(what, "exec")) {
        execl(argv[0], argv[0], "", NULL);
        return 1;
    }
    return 0;
}
