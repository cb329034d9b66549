/* A program whose translations are kept (check_kept.py). What it does is its first argument; VALUE is another
 * in each build of it. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

/* Closes whatever is open, and takes the numbers for itself. */
static void *closer(void *mine)
{
    for (;;) {
        int fd = open(mine, O_RDWR);
        for (int k = 3; k < 12; k++)
            if (k != fd)
                close(k);
        close(fd);
    }
}

static void other_thread(const char *mine)
{
    pthread_t t;
    pthread_create(&t, NULL, closer, (void *)mine);
    usleep(1000);
}

static void filter(void)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog all = {1, &allow};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all))
        perror("seccomp");
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *path = argc > 2 ? argv[2] : "";
    if (!strcmp(what, "cut") && truncate(path, 4096)) /* the file of its translations */
        perror(path);
    work();
    if (!strcmp(what, "threads"))
        other_thread(path);
    if (!strcmp(what, "filter"))
        filter();
    if (!strcmp(what, "native"))
        execl("/bin/true", "true", NULL);
    if (!strcmp(what, "remove") && (chdir(path) || unlink("seen") || rmdir(path))) /* that directory */
        perror(path);
    if (!strcmp(what, "fail"))
        return 3;
    if (!strcmp(what, "die"))
        raise(SIGKILL);
    if (!strcmp(what, "fault") || !strcmp(what, "cut")) {
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
    if (!strcmp(what, "exec") || !strcmp(what, "remove")) {
        execl(argv[0], argv[0], "", NULL);
        return 1;
    }
    return 0;
}
