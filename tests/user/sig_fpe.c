/* SIGFPE is an ordinary signal also while floating-point code raises invalid all the time: no exception of
 * this program traps, and what is sent arrives once, blocked or not. */
#include "ksignal.h"

#include <fenv.h>
#include <pthread.h>
#include <sys/wait.h>

static volatile int got, code;
static volatile double zero = 0, sink;

static void handler(int sig, siginfo_t *si, void *uc)
{
    got++;
    code = si->si_code;
    sink = zero / zero; /* in a handler as well */
}

static void invalid_operations(int n)
{
    volatile double inf = 1 / zero, huge = 1e300, minus = -1;
    for (int i = 0; i < n; i++) {
        sink = zero / zero;
        sink = inf - inf;
        sink = inf * zero;
        sink += (double)(long)huge;
        sink = __builtin_sqrt(minus);
        sink = minus < sink;
    }
}

static void *sender(void *arg)
{
    for (int i = 0; i < 50; i++) {
        syscall(SYS_tgkill, getpid(), (int)(intptr_t)arg, SIGFPE);
        usleep(200);
    }
    return NULL;
}

static void show_flags(const char *what)
{
    printf("%s: invalid %d overflow %d\n", what, fetestexcept(FE_INVALID) != 0,
           fetestexcept(FE_OVERFLOW) != 0);
}

static void with_mask(void)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGFPE);
    sigprocmask(SIG_BLOCK, &set, &old);
    got = 0;
    raise(SIGFPE);
    invalid_operations(20);
    sigset_t pending;
    sigpending(&pending);
    printf("blocked: got %d pending %d\n", got, sigismember(&pending, SIGFPE));
    siginfo_t si = {.si_signo = SIGFPE, .si_code = FPE_FLTINV};
    printf("forged: %ld\n", syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGFPE, &si));
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("unblocked: got %d code %d\n", got, code);
    printf("forged: %ld\n", syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGFPE, &si));
    printf("got %d code %d\n", got, code);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGFPE);
    printf("sigwaitinfo: %d", sigwaitinfo(&set, &si) == SIGFPE);
    printf(" code %d\n", si.si_code == SI_TKILL);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void by_default(bool ignore)
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGFPE, ignore ? SIG_IGN : SIG_DFL);
        invalid_operations(50);
        raise(SIGFPE);
        invalid_operations(50);
        _exit(7);
    }
    waitpid(pid, &status, 0);
    printf("%s: exit %d signal %d\n", ignore ? "ignored" : "default", WEXITSTATUS(status), WTERMSIG(status));
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    show_flags("at the start");
    sigaction(SIGFPE, &sa, NULL);
    invalid_operations(100);
    printf("got %d\n", got);
    show_flags("after invalid operations");
    feclearexcept(FE_ALL_EXCEPT);
    show_flags("cleared");
    raise(SIGFPE);
    printf("raised: got %d code %d\n", got, code);
    pthread_t t;
    pthread_create(&t, NULL, sender, (void *)(intptr_t)gettid());
    while (got < 2)
        invalid_operations(10);
    pthread_join(t, NULL);
    printf("code %d\n", code);
    with_mask();
    by_default(false);
    by_default(true);
    return 0;
}
