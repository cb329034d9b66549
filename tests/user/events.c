/* Pipes, poll, select, epoll, eventfd, timerfd, signalfd: without signal handlers. */
#include "user.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

static void pipes(void)
{
    int p[2];
    char buf[70000];
    memset(buf, 'x', sizeof(buf));
    SHOW(pipe2(p, O_NONBLOCK | O_CLOEXEC));
    SHOW(read(p[0], buf, 1));
    SHOW(write(p[1], buf, sizeof(buf)));
    SHOW(write(p[1], buf, 1));
    int n = 0;
    SHOW(ioctl(p[0], FIONREAD, &n));
    SHOW(n);
    SHOW(fcntl(p[0], F_GETPIPE_SZ));
    SHOW(read(p[0], buf, sizeof(buf)));
    SHOW(fcntl(p[0], F_SETPIPE_SZ, 4096));
    close(p[1]);
    SHOW(read(p[0], buf, 1));
    close(p[0]);
    SHOW(pipe2(p, 0x10));
    SHOW(pipe((int *)8));
    signal(SIGPIPE, SIG_IGN);
    SHOW(pipe(p));
    close(p[0]);
    SHOW(write(p[1], "x", 1));
    close(p[1]);
}

static void polling(void)
{
    int p[2];
    pipe(p);
    struct pollfd f[4] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 7}, {500, POLLIN, 0}};
    SHOW(poll(f, 4, 0));
    printf("%x %x %x %x\n", f[0].revents, f[1].revents, f[2].revents, f[3].revents);
    write(p[1], "a", 1);
    SHOW(poll(f, 1, -1));
    struct timespec ts = {0, 1000000};
    sigset_t set;
    sigfillset(&set);
    read(p[0], f, 1);
    f[0] = (struct pollfd){p[0], POLLIN, 0};
    SHOW(ppoll(f, 1, &ts, &set));
    ts.tv_nsec = 2000000000;
    SHOW(syscall(SYS_ppoll, f, 1, &ts, NULL, 8));
    SHOW(syscall(SYS_ppoll, f, 1, &ts, &set, 4));
    SHOW(syscall(SYS_ppoll, 8, 1, NULL, NULL, 8));
    close(p[1]);
    SHOW(poll(f, 1, -1));
    printf("%x\n", f[0].revents);
    fd_set r, w;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_SET(p[0], &r);
    FD_SET(1, &w);
    struct timeval tv = {1, 0};
    SHOW(select(p[0] + 1, &r, &w, NULL, &tv));
    printf("%d %d\n", FD_ISSET(p[0], &r) != 0, FD_ISSET(1, &w) != 0);
    FD_SET(400, &r);
    SHOW(select(401, &r, NULL, NULL, &tv));
    SHOW(select(-1, NULL, NULL, NULL, &tv));
    ts = (struct timespec){0, 1000};
    SHOW(pselect(0, NULL, NULL, NULL, &ts, &set));
    close(p[0]);
}

static void show_events(int ep, int max)
{
    struct epoll_event ev[8];
    int n = epoll_wait(ep, ev, max, 0);
    show("epoll_wait", n);
    for (int i = 0; i < n; i++)
        printf("  %x %llx\n", ev[i].events, (long long)ev[i].data.u64);
}

static void epolls(void)
{
    int ep = epoll_create1(EPOLL_CLOEXEC), p[2], q[2];
    pipe(p);
    pipe(q);
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 0xfedcba9876543210};
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, q[0], &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, 999, &ev));
    SHOW(epoll_ctl(p[0], EPOLL_CTL_ADD, q[0], &ev));
    SHOW(epoll_ctl(ep, 77, p[0], &ev));
    ev = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.fd = -2};
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, q[0], &ev));
    show_events(ep, 8);
    write(p[1], "x", 1);
    write(q[1], "x", 1);
    show_events(ep, 1);
    show_events(ep, 8);
    show_events(ep, 8);
    ev = (struct epoll_event){.events = EPOLLIN | EPOLLONESHOT, .data.u32 = 7};
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
    show_events(ep, 8);
    show_events(ep, 8);
    SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
    SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
    close(q[1]);
    show_events(ep, 8);
    SHOW(epoll_wait(ep, &ev, 0, 0));
    SHOW(epoll_wait(ep, &ev, -1, 0));
    SHOW(epoll_wait(0, &ev, 1, 0));
    SHOW(epoll_create1(77));
    struct timespec ts = {0, 1000};
    SHOW(epoll_pwait2(ep, &ev, 1, &ts, NULL) >= 0);
    /* Many at once. */
    struct epoll_event *lots = calloc(200, sizeof(*lots));
    int ends[150][2];
    for (int i = 0; i < 150; i++) {
        pipe(ends[i]);
        ev = (struct epoll_event){.events = EPOLLOUT, .data.u64 = (uint64_t)i << 33};
        epoll_ctl(ep, EPOLL_CTL_ADD, ends[i][1], &ev);
    }
    int n = epoll_wait(ep, lots, 200, 0);
    uint64_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += lots[i].data.u64 ^ lots[i].events;
    printf("%d events, sum %llx\n", n, (long long)sum);
}

static void counters(void)
{
    uint64_t v = 5;
    int e = eventfd(3, EFD_NONBLOCK);
    SHOW(write(e, &v, 8));
    SHOW(read(e, &v, 8));
    SHOW((long)v);
    SHOW(read(e, &v, 8));
    SHOW(read(e, &v, 4));
    close(e);
    e = eventfd(2, EFD_SEMAPHORE);
    SHOW(read(e, &v, 8));
    SHOW((long)v);
    close(e);
    SHOW(eventfd(0, 0x40));
    int t = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec its = {.it_value = {0, 1000000}}, old;
    SHOW(timerfd_settime(t, 0, &its, NULL));
    SHOW(read(t, &v, 8));
    SHOW((long)v);
    its = (struct itimerspec){.it_value = {1000, 0}, .it_interval = {3, 4}};
    SHOW(timerfd_settime(t, 0, &its, NULL));
    SHOW(timerfd_gettime(t, &old));
    printf("%ld %ld %ld\n", (long)old.it_interval.tv_sec, old.it_interval.tv_nsec, (long)old.it_value.tv_sec);
    its.it_value.tv_nsec = -1;
    SHOW(timerfd_settime(t, 0, &its, NULL));
    SHOW(timerfd_settime(0, 0, &its, NULL));
    SHOW(timerfd_create(99, 0));
    close(t);
}

static void signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 3);
    SHOW(sigprocmask(SIG_BLOCK, &set, NULL));
    int s = signalfd(-1, &set, SFD_NONBLOCK);
    struct signalfd_siginfo si;
    SHOW(read(s, &si, sizeof(si)));
    raise(SIGUSR1);
    union sigval val = {.sival_int = 77};
    sigqueue(getpid(), SIGRTMIN + 3, val);
    struct pollfd f = {s, POLLIN, 0};
    SHOW(poll(&f, 1, 1000));
    for (int i = 0; i < 2; i++) {
        SHOW(read(s, &si, sizeof(si)));
        printf("signal %u code %d int %d mine %d\n", si.ssi_signo, si.ssi_code, si.ssi_int,
               (int)si.ssi_pid == getpid());
    }
    SHOW(read(s, &si, sizeof(si)));
    SHOW(read(s, &si, 4));
    close(s);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    pipes();
    polling();
    epolls();
    counters();
    signals();
    return 0;
}
