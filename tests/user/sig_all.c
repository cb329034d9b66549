/* Every signal from 1 to 64 is the program's: handlers, siginfo, queueing and order, also of 32 and 33. */
#include "ksignal.h"

static volatile int got, got_value, got_code;
static volatile bool got_pid, got_uid;

static void handler(int sig, siginfo_t *si, void *uc)
{
    got = sig;
    got_value = si->si_value.sival_int;
    got_code = si->si_code;
    got_pid = si->si_pid == getpid();
    got_uid = si->si_uid == getuid();
    if (si->si_signo != sig)
        got = -1;
}

static int order[256];
static volatile unsigned n_order;
static void note(int sig, siginfo_t *si, void *uc)
{
    order[n_order++] = sig * 1000 + si->si_value.sival_int;
}

static long queue(int sig, int value, int code)
{
    siginfo_t si = {.si_signo = sig, .si_code = code};
    si.si_pid = getpid();
    si.si_uid = getuid();
    si.si_value.sival_int = value;
    return syscall(SYS_rt_sigqueueinfo, getpid(), sig, &si);
}

int main(void)
{
    for (int sig = 1; sig <= 64; sig++) {
        long r = raw_sigaction(sig, handler, SA_SIGINFO, 0);
        printf("sigaction %d: %ld errno %d\n", sig, r, r ? errno : 0);
    }
    for (int sig = 1; sig <= 64; sig++) {
        if (sig == SIGKILL || sig == SIGSTOP)
            continue;
        got = 0;
        queue(sig, sig * 3, SI_QUEUE);
        printf("%d: queue got %d value %d code %d pid %d uid %d\n", sig, got, got_value, got_code, got_pid,
               got_uid);
        got = 0;
        syscall(SYS_tgkill, getpid(), gettid(), sig);
        printf("%d: tgkill got %d code %d pid %d uid %d\n", sig, got, got_code, got_pid, got_uid);
        got = 0;
        kill(getpid(), sig);
        printf("%d: kill got %d code %d pid %d\n", sig, got, got_code, got_pid);
    }
    /* blocked: standard ones merge, real-time ones queue, lower numbers come first */
    uint64_t all = ~0ull, none = 0, pending = 0;
    for (int sig = 1; sig <= 64; sig++)
        raw_sigaction(sig, note, SA_SIGINFO, all);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
    for (int i = 0; i < 3; i++) {
        for (int sig = 64; sig >= 1; sig--) {
            if (sig != SIGKILL && sig != SIGSTOP && sig != SIGSEGV && sig != SIGBUS &&
                (sig >= 31 || sig % 3 == 0))
                queue(sig, i, SI_QUEUE);
        }
    }
    syscall(SYS_rt_sigpending, &pending, 8);
    printf("pending %llx, delivered %u\n", (unsigned long long)pending, n_order);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
    printf("delivered %u\n", n_order);
    /* With all signals blocked in handlers, each was taken after the one before had returned. */
    for (unsigned i = 0; i < n_order; i++)
        printf("%d%c", order[i], i % 10 == 9 ? '\n' : ' ');
    printf("\n");
    long r = raw_sigaction(65, handler, 0, 0);
    printf("65: %ld %d\n", r, errno);
    r = raw_sigaction(0, handler, 0, 0);
    printf("0: %ld %d\n", r, errno);
    r = syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 16);
    printf("size 16: %ld %d\n", r, errno);
    r = syscall(SYS_rt_sigprocmask, 77, &none, NULL, 8);
    printf("how 77: %ld %d\n", r, errno);
    return done();
}
