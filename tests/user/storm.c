/* Signals every 200 us, real-time ones with values between threads, and a SIGCHLD handler, while the process
 * forks, spawns, makes threads, passes bytes through pipes and waits on futexes. Nothing may be lost, doubled
 * or interrupted for good. */
#include "ksignal.h"

#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>

static atomic_long ticks, children, rt_sum, rt_count;

static void tick(int sig, siginfo_t *si, void *uc) { ticks++; }
static void child(int sig, siginfo_t *si, void *uc)
{
    int saved = errno, status;
    while (waitpid(-1, &status, WNOHANG) > 0)
        children++;
    errno = saved;
}
static void rt(int sig, siginfo_t *si, void *uc)
{
    rt_sum += si->si_value.sival_int;
    rt_count++;
}

static void *nothing(void *arg) { return arg; }
static void *maker(void *arg)
{
    long bad = 0;
    for (long i = 0; i < 150; i++) {
        pthread_t t;
        void *r = NULL;
        if (pthread_create(&t, NULL, nothing, (void *)i) || pthread_join(t, &r) || r != (void *)i)
            bad++;
    }
    return (void *)bad;
}

static int pipes[2][2];
static void *echo(void *arg)
{
    char b;
    while (read(pipes[0][0], &b, 1) == 1 && write(pipes[1][1], &b, 1) == 1)
        ;
    return NULL;
}

static void *sender(void *arg)
{
    for (int i = 1; i <= 2000; i++) {
        union sigval v = {.sival_int = i};
        while (sigqueue(getpid(), SIGRTMIN + 3, v))
            sched_yield(); /* EAGAIN: the queue is full */
    }
    return NULL;
}

int main(void)
{
    extern char **environ;
    pthread_t m, e, s;
    setvbuf(stdout, NULL, _IOLBF, 0);
    on_signal(SIGALRM, tick, SA_RESTART);
    on_signal(SIGCHLD, child, SA_RESTART);
    on_signal(SIGRTMIN + 3, rt, SA_RESTART);
    if (pipe(pipes[0]) || pipe(pipes[1]))
        return 1;
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    timer_t timer;
    timer_create(CLOCK_MONOTONIC, &ev, &timer);
    struct itimerspec every = {{0, 200000}, {0, 200000}};
    timer_settime(timer, 0, &every, NULL);
    pthread_create(&m, NULL, maker, NULL);
    pthread_create(&e, NULL, echo, NULL);
    pthread_create(&s, NULL, sender, NULL);
    long started = 0, bad = 0;
    char *args[] = {"true", NULL};
    for (int i = 0; i < 120; i++) {
        pid_t pid = i % 3 ? fork() : vfork();
        if (!pid)
            _exit(0);
        started += pid > 0;
        bad += pid < 0;
        if (i % 6 == 0) {
            bad += posix_spawnp(&pid, "true", NULL, NULL, args, environ) != 0;
            started++;
        }
        char out = (char)i, in = 0;
        bad += write(pipes[0][1], &out, 1) != 1 || read(pipes[1][0], &in, 1) != 1 || in != out;
    }
    void *r;
    pthread_join(m, &r);
    pthread_join(s, NULL);
    close(pipes[0][1]);
    pthread_join(e, NULL);
    for (int i = 0; i < 2000 && (children < started || rt_count < 2000); i++)
        nap_ms(1);
    timer_delete(timer);
    printf("bad %ld, threads bad %ld, children %ld of %ld\n", bad, (long)r, children, started);
    printf("real-time %ld sum %ld, ticks %d\n", rt_count, rt_sum, ticks > 50);
    return done();
}
