/* execve and the dispositions around it: what is ignored stays ignored, in a program with threads too, and a
 * call that fails leaves everything as it was. */
#include "user.h"

#include <pthread.h>
#include <sys/wait.h>

static const int sigs[] = {SIGSEGV, SIGBUS, SIGFPE, SIGUSR1, SIGCHLD};
enum { N = sizeof sigs / sizeof *sigs };

static void show_dispositions(void)
{
    for (int i = 0; i < N; i++) {
        struct sigaction a;
        sigaction(sigs[i], NULL, &a);
        printf("%s: %s\n", sigabbrev_np(sigs[i]),
               a.sa_handler == SIG_IGN ? "ignored"
               : a.sa_handler          ? "handler"
                                       : "default");
    }
}

static void *sleeper(void *arg)
{
    pause();
    return NULL;
}

/* This program again, with `which` bit n: sigs[n] ignored. */
static void again(unsigned which, bool thread)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        for (int i = 0; i < N; i++)
            signal(sigs[i], which >> i & 1 ? SIG_IGN : SIG_DFL);
        pthread_t t;
        if (thread)
            pthread_create(&t, NULL, sleeper, NULL);
        execl("/proc/self/exe", "execs", "show", NULL);
        _exit(9);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    printf("ignored %x, %s: status %x\n", which, thread ? "threads" : "no threads", status);
}

static volatile bool stop;
static volatile long faults;

/* Bad pointers: the kernel, or whoever stands in for it, finds out by a fault. */
static void *faulting(void *arg)
{
    while (!stop)
        faults += syscall(SYS_rt_sigaction, SIGUSR2, (void *)16, NULL, 8) == -1 && errno == EFAULT;
    return NULL;
}

static void failing(int ignored)
{
    signal(ignored, SIG_IGN);
    close(open("not-a-program", O_CREAT | O_WRONLY, 0755));
    pthread_t t;
    stop = false;
    faults = 0;
    pthread_create(&t, NULL, faulting, NULL);
    char *args[] = {"x", NULL};
    int wrong = 0;
    for (int i = 0; i < 1000; i++)
        wrong += execve("not-a-program", args, args) != -1 || (errno != ENOEXEC && errno != ENOENT);
    while (!faults)
        ;
    stop = true;
    pthread_join(t, NULL);
    show("wrong results", wrong);
    show_dispositions();
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        show_dispositions();
        return 0;
    }
    setbuf(stdout, NULL);
    again(0, false);
    for (int i = 0; i < N; i++)
        again(1u << i, false);
    again(0x1f, false);
    again(0x1f, true);
    failing(SIGSEGV);
    failing(SIGBUS);
    return 0;
}
