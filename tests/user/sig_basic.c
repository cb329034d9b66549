/* Masks, nesting, alternate stacks, SA_RESETHAND, SA_NODEFER, SA_RESTART, waiting for signals, signalfd. */
#include "ksignal.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile int depth, max_depth, count;
static volatile bool on_alt;
static char alt[65536];

static void count_it(int sig, siginfo_t *si, void *uc)
{
    count++;
}

static void nest(int sig, siginfo_t *si, void *uc)
{
    depth++;
    max_depth = depth > max_depth ? depth : max_depth;
    if (depth < 5 && count + depth < 8)
        raise(sig);
    depth--;
    count++;
}

static void see_stack(int sig, siginfo_t *si, void *ctx)
{
    char here;
    ucontext_t *uc = ctx;
    on_alt = &here >= alt && &here < alt + sizeof alt;
    stack_t ss;
    sigaltstack(NULL, &ss);
    count++;
    if (sig == SIGUSR2) {
        stack_t off = {.ss_flags = SS_DISABLE};
        int r = sigaltstack(&off, NULL);
        printf("in handler: flags %d, change %d errno %d, frame's stack %d size %zu\n", ss.ss_flags, r,
               r ? errno : 0, uc->uc_stack.ss_sp == alt, uc->uc_stack.ss_size);
    }
}

static void masks(void)
{
    sigset_t set, old;
    on_signal(SIGUSR1, nest, SA_NODEFER);
    count = 0;
    raise(SIGUSR1);
    printf("nodefer: depth %d count %d\n", max_depth, count);
    max_depth = count = 0;
    on_signal(SIGUSR1, nest, 0);
    raise(SIGUSR1);
    printf("defer: depth %d count %d\n", max_depth, count);
    on_signal(SIGUSR1, count_it, SA_RESETHAND);
    count = 0;
    raise(SIGUSR1);
    struct sigaction now;
    sigaction(SIGUSR1, NULL, &now);
    printf("resethand: count %d default %d flags %x\n", count, now.sa_handler == SIG_DFL,
           now.sa_flags & 0x7bffffff);
    on_signal(SIGUSR1, count_it, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    count = 0;
    raise(SIGUSR1);
    raise(SIGUSR1);
    printf("blocked: %d\n", count);
    sigset_t wait_set;
    sigfillset(&wait_set);
    sigdelset(&wait_set, SIGUSR1);
    int r = sigsuspend(&wait_set);
    printf("sigsuspend: %d %d count %d\n", r, errno, count);
    sigprocmask(SIG_SETMASK, NULL, &set);
    printf("still blocked: %d\n", sigismember(&set, SIGUSR1));
    raise(SIGUSR1);
    siginfo_t si = {0};
    r = sigwaitinfo(&set, &si);
    printf("sigwaitinfo: %d code %d, count %d\n", r, si.si_code, count);
    struct timespec ts = {0, 1000000};
    r = sigtimedwait(&set, &si, &ts);
    printf("sigtimedwait: %d %d\n", r, errno);
    int fd = signalfd(-1, &set, SFD_NONBLOCK);
    struct signalfd_siginfo sfi;
    r = (int)read(fd, &sfi, sizeof sfi);
    printf("signalfd: %d %d\n", r, errno);
    union sigval v = {.sival_int = 77};
    sigqueue(getpid(), SIGUSR1, v);
    r = (int)read(fd, &sfi, sizeof sfi);
    printf("signalfd: %d signo %u int %d code %d\n", r, sfi.ssi_signo, sfi.ssi_int, sfi.ssi_code);
    close(fd);
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("count %d\n", count);
}

static void alternate(void)
{
    stack_t ss = {.ss_sp = alt, .ss_size = sizeof alt}, old;
    printf("sigaltstack: %d\n", sigaltstack(&ss, &old));
    printf("before: flags %d\n", old.ss_flags);
    on_signal(SIGUSR1, see_stack, 0);
    on_signal(SIGUSR2, see_stack, SA_ONSTACK);
    raise(SIGUSR1);
    printf("without SA_ONSTACK: %d\n", on_alt);
    raise(SIGUSR2);
    printf("with SA_ONSTACK: %d\n", on_alt);
    ss.ss_flags = (int)(1u << 31); /* SS_AUTODISARM */
    printf("autodisarm: %d\n", sigaltstack(&ss, NULL));
    on_signal(SIGUSR1, see_stack, SA_ONSTACK);
    raise(SIGUSR1);
    printf("on it: %d\n", on_alt);
    sigaltstack(NULL, &old);
    printf("armed again: flags %x size %zu\n", old.ss_flags, old.ss_size);
    ss.ss_size = 100;
    int r = sigaltstack(&ss, NULL);
    printf("small: %d %d\n", r, errno);
    ss = (stack_t){.ss_flags = SS_DISABLE};
    printf("off: %d\n", sigaltstack(&ss, NULL));
}

static void arm_ms(int ms)
{
    struct itimerval it = {.it_value = {0, ms * 1000}};
    setitimer(ITIMER_REAL, &it, NULL);
}

/* Again and again: on a busy machine the first may come before the call that it is to interrupt. */
static void tick_ms(int ms)
{
    struct itimerval it = {.it_value = {0, ms * 1000}, .it_interval = {0, ms * 1000}};
    setitimer(ITIMER_REAL, &it, NULL);
}

static int pipe_fds[2];
static void feed(int sig, siginfo_t *si, void *uc)
{
    count++;
    if (write(pipe_fds[1], "x", 1) != 1)
        abort();
}

/* What each blocking call does when a handler with and without SA_RESTART interrupts it. */
/* Reads and sleeps, interrupted by a handler with these flags. */
static void timed_waits(int flags, uint32_t *word, const sigset_t *none)
{
    char byte;
    on_signal(SIGALRM, feed, flags);
    arm_ms(30);
    errno = 0;
    long r = read(pipe_fds[0], &byte, 1);
    printf("read: %ld %d\n", r, r < 0 ? errno : 0);
    if (r < 0)
        r = read(pipe_fds[0], &byte, 1);
    on_signal(SIGALRM, count_it, flags);
    struct timespec ts = {20, 0}, left = {9, 9};
    tick_ms(20);
    r = nanosleep(&ts, &left);
    printf("nanosleep: %ld %d left %d\n", r, errno, left.tv_sec < 20 && left.tv_sec > 0);
    tick_ms(20);
    struct timespec until = {20, 0};
    r = syscall(SYS_futex, word, FUTEX_WAIT, 1, &until, 0, 0);
    printf("futex with time: %ld %d\n", r, errno);
    tick_ms(20);
    struct pollfd pf = {.fd = pipe_fds[0], .events = POLLIN};
    r = poll(&pf, 1, 20000);
    printf("poll: %ld %d\n", r, errno);
    tick_ms(20);
    r = ppoll(&pf, 1, &ts, none);
    printf("ppoll: %ld %d\n", r, errno);
    tick_ms(20);
    fd_set rd;
    FD_ZERO(&rd);
    FD_SET(pipe_fds[0], &rd);
    r = pselect(pipe_fds[0] + 1, &rd, NULL, NULL, NULL, none);
    printf("pselect: %ld %d\n", r, errno);
}

static void event_waits(const sigset_t *none)
{
    long r;
    int ep = epoll_create1(0);
    struct epoll_event ev;
    tick_ms(20);
    r = epoll_pwait(ep, &ev, 1, 20000, none);
    printf("epoll_pwait: %ld %d\n", r, errno);
    close(ep);
    tick_ms(20);
    sigset_t usr;
    sigemptyset(&usr);
    sigaddset(&usr, SIGUSR1);
    r = sigwaitinfo(&usr, NULL);
    printf("sigwaitinfo: %ld %d\n", r, errno);
    tick_ms(20);
    r = pause();
    printf("pause: %ld %d\n", r, errno);
    pid_t pid = fork();
    if (!pid) {
        nap_ms(300);
        _exit(9);
    }
    int status = 0;
    tick_ms(20);
    r = waitpid(pid, &status, 0);
    printf("waitpid: %d %d\n", r == pid, r < 0 ? errno : 0);
    if (r < 0)
        waitpid(pid, &status, 0);
    arm_ms(0);
    printf("status %x\n", status);
}

static void restarts(void)
{
    uint32_t word = 1;
    sigset_t none;
    sigemptyset(&none);
    if (pipe(pipe_fds))
        abort();
    for (int restart = 0; restart < 2; restart++) {
        timed_waits(restart ? SA_RESTART : 0, &word, &none);
        event_waits(&none);
    }
    /* A wait without a time is restarted by SA_RESTART, ended by its word. */
    on_signal(SIGALRM, count_it, SA_RESTART);
    pid_t pid = fork();
    if (!pid) {
        nap_ms(80);
        kill(getppid(), SIGALRM);
        nap_ms(80);
        kill(getppid(), SIGUSR2);
        _exit(0);
    }
    on_signal(SIGUSR2, count_it, 0);
    count = 0;
    long r = syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL, 0, 0);
    printf("futex: %ld %d, %d signals\n", r, errno, count);
    waitpid(pid, NULL, 0);
}

static void swap_mask(void)
{
    sigset_t usr1, none;
    sigemptyset(&none);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    on_signal(SIGUSR1, count_it, 0);
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    raise(SIGUSR1);
    count = 0;
    struct timespec ts = {1, 0};
    int r = ppoll(NULL, 0, &ts, &none);
    printf("ppoll with pending: %d %d count %d\n", r, errno, count);
    raise(SIGUSR1);
    r = pselect(0, NULL, NULL, NULL, &ts, &none);
    printf("pselect with pending: %d %d count %d\n", r, errno, count);
    sigset_t now;
    sigprocmask(SIG_UNBLOCK, &usr1, &now);
    printf("blocked after: %d\n", sigismember(&now, SIGUSR1));
}

int main(void)
{
    masks();
    alternate();
    restarts();
    swap_mask();
    return done();
}
