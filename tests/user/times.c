/* Clocks, sleeping, timers. */
#include "user.h"

#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <time.h>

static volatile int ticks;
static volatile int got_value;
static void on_tick(int sig) { ticks++; }
static void on_info(int sig, siginfo_t *si, void *uc)
{
    got_value = si->si_value.sival_int;
    ticks++;
}

static double now(clockid_t c)
{
    struct timespec ts;
    clock_gettime(c, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void clocks(void)
{
    struct timespec ts, res;
    struct timeval tv;
    static const int ids[] = {0, 1, 2, 3, 4, 5, 6, 7, 11, 99, -5};
    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        printf("%d ", ids[i]);
        show_ok("gettime", clock_gettime(ids[i], &ts));
        if (!show_ok("getres", clock_getres(ids[i], &res)))
            printf("%ld %ld\n", (long)res.tv_sec, res.tv_nsec);
    }
    SHOW(gettimeofday(&tv, NULL));
    SHOW_BOOL(llabs((long)tv.tv_sec - (long)time(NULL)) <= 1);
    double a = now(CLOCK_MONOTONIC), b = now(CLOCK_MONOTONIC);
    SHOW_BOOL(b >= a);
    SHOW(syscall(SYS_clock_gettime, 1, 8));
    SHOW(clock_settime(CLOCK_MONOTONIC, &ts));
    SHOW(syscall(SYS_gettimeofday, &tv, NULL));
    SHOW_BOOL(llabs((long)tv.tv_sec - (long)time(NULL)) <= 1);
    SHOW(syscall(SYS_gettimeofday, NULL, NULL));
    SHOW(syscall(SYS_gettimeofday, 8, NULL));
    SHOW(syscall(SYS_adjtimex, 8));
    struct tms t;
    SHOW_BOOL(times(&t) != -1);
    struct timex tx = {0};
    SHOW_BOOL(adjtimex(&tx) >= 0);
    clockid_t mine;
    SHOW(clock_getcpuclockid(0, &mine));
    SHOW_OK(clock_gettime(mine, &ts));
}

static void sleeping(void)
{
    struct timespec ts = {0, 20000000}, rem = {7, 7};
    double a = now(CLOCK_MONOTONIC);
    SHOW(nanosleep(&ts, &rem));
    double d = now(CLOCK_MONOTONIC) - a;
    SHOW_BOOL(d >= 0.02 && d < 2);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += 20000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_nsec -= 1000000000;
        ts.tv_sec++;
    }
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
    SHOW_BOOL(now(CLOCK_MONOTONIC) >= (double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
    ts = (struct timespec){0, 1000000000};
    SHOW(nanosleep(&ts, NULL));
    SHOW(clock_nanosleep(99, 0, &ts, NULL));
    ts = (struct timespec){-1, 0};
    SHOW(nanosleep(&ts, NULL));
}

static void timers(void)
{
    struct itimerval it = {{0, 5000}, {0, 5000}}, old;
    signal(SIGALRM, on_tick);
    SHOW(setitimer(ITIMER_REAL, &it, NULL));
    while (ticks < 4)
        pause();
    it = (struct itimerval){0};
    SHOW(setitimer(ITIMER_REAL, &it, &old));
    SHOW((long)old.it_interval.tv_usec);
    SHOW(setitimer(9, &it, NULL));
    ticks = 0;
    it.it_value.tv_usec = 10000;
    signal(SIGVTALRM, on_tick);
    SHOW(setitimer(ITIMER_VIRTUAL, &it, NULL));
    while (!ticks)
        ;
    SHOW(alarm(100));
    SHOW(alarm(0) > 90);
    timer_t t;
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1,
                          .sigev_value.sival_int = 123};
    struct sigaction sa = {.sa_sigaction = on_info, .sa_flags = SA_SIGINFO};
    sigaction(SIGRTMIN + 1, &sa, NULL);
    SHOW(timer_create(CLOCK_MONOTONIC, &ev, &t));
    struct itimerspec its = {{0, 2000000}, {0, 2000000}}, cur;
    ticks = 0;
    SHOW(timer_settime(t, 0, &its, NULL));
    while (ticks < 3)
        pause();
    SHOW(got_value);
    SHOW(timer_gettime(t, &cur));
    SHOW(cur.it_interval.tv_nsec);
    SHOW_BOOL(timer_getoverrun(t) >= 0);
    SHOW(timer_delete(t));
    SHOW(syscall(SYS_timer_delete, 1234));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    clocks();
    sleeping();
    timers();
    return 0;
}
