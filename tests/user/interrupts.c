/* What a signal does to a call that waits: with SA_RESTART, without, by a stop, in each family of calls. */
#include "user.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

static volatile int hits;
static int wake_fd = -1; /* the handler writes here on the second hit, so that restarted calls end */
static int wake_kind;
static struct sockaddr_un addr;
static int ipc_id;
static uint32_t word;

static void on_alarm(int sig)
{
    if (++hits < 2)
        return;
    uint64_t one = 1;
    struct {
        long t;
        char c;
    } m = {1, 'm'};
    struct sembuf op = {0, 1, 0};
    switch (wake_kind) {
    case 1: write(wake_fd, &one, 8); break;
    case 2: connect(wake_fd, (void *)&addr, sizeof(addr)); break;
    case 3: msgsnd(ipc_id, &m, 1, 0); break;
    case 4: semop(ipc_id, &op, 1); break;
    case 5:
        word = 1;
        syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
        break;
    case 6: wake_fd = open("fifo", O_RDWR | O_NONBLOCK); break; /* a writer that stays */
    case 7: {
        char buf[4096];
        while (read(wake_fd, buf, sizeof(buf)) == sizeof(buf))
            ;
        break;
    }
    }
}

/* Prints result, errno and whether one hit was enough; the alarm comes every 20 ms. On a busy machine two may
 * come before an interrupted call is left, so that is tried again. */
#define WAITS(flags, kind, fd, call)                                                                         \
    do {                                                                                                     \
        struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = flags};                                   \
        struct itimerval it = {{0, 20000}, {0, 20000}}, off = {0};                                           \
        sigaction(SIGALRM, &sa, NULL);                                                                       \
        wake_kind = kind;                                                                                    \
        wake_fd = fd;                                                                                        \
        long ret_;                                                                                           \
        int errno_, tries_ = 0;                                                                              \
        do {                                                                                                 \
            hits = 0;                                                                                        \
            setitimer(ITIMER_REAL, &it, NULL);                                                               \
            ret_ = (long)(call);                                                                             \
            errno_ = errno;                                                                                  \
            setitimer(ITIMER_REAL, &off, NULL);                                                              \
        } while (ret_ < 0 && hits > 1 && ++tries_ < 20);                                                     \
        printf("%s %s: %ld %s after %s\n", (flags) ? "SA_RESTART" : "plain", #call, ret_ < 0 ? -1 : ret_,    \
               ret_ < 0 ? strerrorname_np(errno_) : "", hits > 1 ? "more" : "one");                          \
    } while (0)

static void families(int flags)
{
    uint64_t v;
    char buf[4096];
    int p[2], s[2], e = eventfd(0, 0), ep = epoll_create1(0), full[2];
    pipe(p);
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    WAITS(flags, 1, p[1], read(p[0], &v, 8));
    WAITS(flags, 1, e, read(e, &v, 8));
    WAITS(flags, 1, s[1], recv(s[0], &v, 8, 0));
    struct timeval tv = {10, 0};
    setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    WAITS(flags, 1, s[1], recv(s[0], &v, 8, 0));
    pipe(full);
    fcntl(full[1], F_SETFL, O_NONBLOCK);
    while (write(full[1], buf, sizeof(buf)) > 0)
        ;
    fcntl(full[1], F_SETFL, 0);
    fcntl(full[0], F_SETFL, O_NONBLOCK);
    WAITS(flags, 7, full[0], write(full[1], buf, 10));
    struct pollfd pf = {p[0], POLLIN, 0};
    WAITS(flags, 1, p[1], poll(&pf, 1, -1));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(p[0], &set);
    while (poll(&pf, 1, 0) > 0)
        read(p[0], &v, 8);
    WAITS(flags, 1, p[1], select(p[0] + 1, &set, NULL, NULL, NULL));
    while (poll(&pf, 1, 0) > 0)
        read(p[0], &v, 8);
    struct epoll_event ev = {.events = EPOLLIN};
    epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev);
    WAITS(flags, 1, p[1], epoll_wait(ep, &ev, 1, -1));
    struct timespec ts = {5, 0}, rem = {0, 0};
    WAITS(flags, 0, -1, nanosleep(&ts, &rem));
    SHOW_BOOL(rem.tv_sec == 4);
    WAITS(flags, 0, -1, -clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &rem));
    WAITS(flags, 0, -1, pause());
    sigset_t none;
    sigemptyset(&none);
    WAITS(flags, 0, -1, sigsuspend(&none));
    sigaddset(&none, SIGUSR2);
    WAITS(flags, 0, -1, sigtimedwait(&none, NULL, &ts));
    word = 0;
    WAITS(flags, 5, -1, syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0));
    word = 0;
    WAITS(flags, 5, -1, syscall(SYS_futex, &word, FUTEX_WAIT, 0, &ts, NULL, 0));
    close(ep);
    close(e);
}

static void more_families(int flags)
{
    struct {
        long t;
        char c[8];
    } m;
    struct sembuf op = {0, -1, 0};
    ipc_id = msgget(IPC_PRIVATE, 0600);
    WAITS(flags, 3, -1, msgrcv(ipc_id, &m, 8, 0, 0));
    msgctl(ipc_id, IPC_RMID, NULL);
    ipc_id = semget(IPC_PRIVATE, 1, 0600);
    WAITS(flags, 4, -1, semop(ipc_id, &op, 1));
    semctl(ipc_id, 0, IPC_RMID);
    mkfifo("fifo", 0600);
    int fd = -1;
    WAITS(flags, 6, -1, (fd = open("fifo", O_RDONLY)) < 0 ? -1 : 0);
    close(fd);
    addr = (struct sockaddr_un){AF_UNIX, "sock"};
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(l, (void *)&addr, sizeof(addr));
    listen(l, 1);
    WAITS(flags, 2, c, (fd = accept(l, NULL, NULL)) < 0 ? -1 : 0);
    close(l);
    close(c);
    close(fd);
    unlink("sock");
    pid_t child = fork();
    if (!child) {
        usleep(70000);
        _exit(3);
    }
    int st = 0;
    WAITS(flags, 0, -1, waitpid(child, &st, 0) < 0 ? -1 : 0);
    waitpid(child, &st, 0);
}

/* Stopping and continuing is not a handler: the sleep goes on. */
static void stops(void)
{
    pid_t child = fork();
    if (!child) {
        struct timespec ts = {0, 200000000};
        int r = nanosleep(&ts, NULL);
        _exit(r ? errno : 0);
    }
    int st;
    usleep(40000);
    kill(child, SIGSTOP);
    SHOW(waitpid(child, &st, WUNTRACED) == child);
    SHOW_BOOL(WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
    kill(child, SIGCONT);
    SHOW(waitpid(child, &st, WCONTINUED) == child);
    SHOW_BOOL(WIFCONTINUED(st));
    SHOW(waitpid(child, &st, 0) == child);
    SHOW(st);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    families(0);
    families(SA_RESTART);
    more_families(0);
    more_families(SA_RESTART);
    stops();
    return 0;
}
