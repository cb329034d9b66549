/* seccomp: which programs are accepted, what each action does, whom filters reach, notifications. */
#include "user.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/auxv.h>
#include <sys/wait.h>

#if defined(__riscv)
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCH AUDIT_ARCH_ARM
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#else
#define ARCH AUDIT_ARCH_X86_64
#endif

#define N(a)       (sizeof(a) / sizeof((a)[0]))
#define LOAD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define RET(v)     BPF_STMT(BPF_RET | BPF_K, v)
#define EQ(v, f)   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, 0, f)

static char *self;

static long install(unsigned long flags, const struct sock_filter *f, unsigned n)
{
    struct sock_fprog prog = {.len = (unsigned short)n, .filter = (struct sock_filter *)f};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* getppid() gets this action. */
static long act(unsigned long flags, unsigned action)
{
    struct sock_filter f[] = {LOAD(nr), EQ(SYS_getppid, 1), RET(action), RET(SECCOMP_RET_ALLOW)};
    return install(flags, f, N(f));
}

/* fn(arg) in a process of its own, and how that ended. */
static void in_child(const char *what, void (*fn)(unsigned), unsigned arg)
{
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        dup2(open("/dev/null", O_WRONLY), 2); /* what the emulator says of who dies */
        fn(arg);
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    printf("%s: ends with %x\n", what, status & ~0x80);
}

/* ---- which programs ---- */

#define PROGRAM(...)                                                                                         \
    {                                                                                                        \
        N(((struct sock_filter[]){__VA_ARGS__})),                                                            \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
static const struct {
    unsigned n;
    struct sock_filter f[6];
} programs[] = {
    PROGRAM(RET(SECCOMP_RET_ALLOW)),
    PROGRAM(LOAD(nr)),
    PROGRAM(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 60), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), EQ(64, 1), RET(SECCOMP_RET_ALLOW), RET(SECCOMP_RET_KILL)),
    PROGRAM(BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 3), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 31), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_ALU | BPF_NEG, 0), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_ALU | BPF_NEG | BPF_X, 0), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_LD | BPF_MEM, 1), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_ST, 16), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_ST, 15), BPF_STMT(BPF_LDX | BPF_MEM, 15), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), BPF_STMT(BPF_ST, 2),
            BPF_STMT(BPF_LD | BPF_MEM, 2), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0), BPF_STMT(BPF_JMP | BPF_JA, 0),
            BPF_STMT(BPF_STX, 2), BPF_STMT(BPF_LD | BPF_MEM, 2), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_JMP | BPF_JA, 1), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 0, 1), RET(SECCOMP_RET_ALLOW), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 2, 0), RET(SECCOMP_RET_ALLOW), RET(SECCOMP_RET_ALLOW)),
    PROGRAM(BPF_STMT(BPF_LD | BPF_IMM, SECCOMP_RET_ALLOW), BPF_STMT(BPF_RET | BPF_A, 0)),
    PROGRAM(BPF_STMT(BPF_RET | BPF_X, 0)),
    PROGRAM(BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0), RET(SECCOMP_RET_ALLOW)),
    PROGRAM({0x8007, 0, 0, 0}, RET(SECCOMP_RET_ALLOW)),
    PROGRAM({0x106, 0, 0, 0}),
};

static void try_program(unsigned i)
{
    show("program", install(0, programs[i].f, programs[i].n));
}

static struct sock_filter many[4097];

static void try_lengths(unsigned arg)
{
    for (unsigned i = 0; i < 4097; i++)
        many[i] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
    SHOW(install(0, many, 0));
    SHOW(install(0, many, 4097));
    SHOW(install(0, NULL, 1));
    SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL));
    SHOW(install(1 << 20, many, 1));
    SHOW(install(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER, many, 1));
    SHOW(syscall(SYS_seccomp, 77, 0, NULL));
    SHOW(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
    for (unsigned i = 0; i < 2; i++)
        show("long filter", install(0, many, 4096));
    SHOW(prctl(PR_GET_SECCOMP));
    SHOW(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
    SHOW(prctl(PR_SET_SECCOMP, 3));
}

static void questions(void)
{
    unsigned actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
                          SECCOMP_RET_ERRNO,        SECCOMP_RET_USER_NOTIF,  SECCOMP_RET_TRACE,
                          SECCOMP_RET_LOG,          SECCOMP_RET_ALLOW,       0x12340000,
                          SECCOMP_RET_ERRNO | 1};
    unsigned short sizes[3];
    for (unsigned i = 0; i < N(actions); i++)
        show("action available", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]));
    SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, actions));
    SHOW(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, NULL));
    SHOW(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes));
    printf("sizes %u %u %u\n", sizes[0], sizes[1], sizes[2]);
    SHOW(prctl(PR_GET_SECCOMP));
}

static void status_lines(unsigned arg)
{
    char line[200];
    act(0, SECCOMP_RET_ALLOW);
    act(0, SECCOMP_RET_ALLOW);
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "Seccomp", 7) || !strncmp(line, "NoNewPrivs", 10))
            printf("%s", line);
    SHOW(prctl(PR_GET_SECCOMP));
}

/* ---- actions ---- */

static void on_sys(int sig, siginfo_t *si, void *context)
{
    extern char __executable_start[], etext[];
    char *at = si->si_call_addr;
    bool there = at > __executable_start && at < etext;
#ifdef __i386__
    there = at; /* in the vDSO */
#endif
    printf("SIGSYS: code %d errno %d call %d arch %d at %d\n", si->si_code, si->si_errno,
           si->si_syscall == SYS_getppid, si->si_arch == ARCH, there);
}

static void try_action(unsigned action)
{
    show("install", act(0, action));
    show_ok("getppid", syscall(SYS_getppid));
}

static void trapped(unsigned how)
{
    struct sigaction sa = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
    sigset_t set;
    sigaction(SIGSYS, &sa, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    if (how == 1)
        sigprocmask(SIG_BLOCK, &set, NULL);
    if (how == 2)
        signal(SIGSYS, SIG_IGN);
    act(0, SECCOMP_RET_TRAP | 77);
    syscall(SYS_getppid);
    syscall(SYS_getppid);
    puts("goes on");
}

/* Each argument's halves, the call and the architecture are there; calculations. */
static void by_arguments(unsigned arg)
{
    struct sock_filter f[] = {LOAD(arch),
                              EQ(ARCH, 12),
                              LOAD(nr),
                              EQ(SYS_getpriority, 10),
                              LOAD(args[0]),
                              EQ(77, 8),
                              LOAD(args[1]),
                              BPF_STMT(BPF_MISC | BPF_TAX, 0),
                              BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0),
                              BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 3),
                              BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff),
                              BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
                              BPF_STMT(BPF_RET | BPF_A, 0),
                              RET(SECCOMP_RET_ALLOW),
                              RET(SECCOMP_RET_ALLOW)};
    SHOW(install(0, f, N(f)));
    for (int i = 0; i < 9; i++) {
        errno = 0;
        long r = syscall(SYS_getpriority, 77, i);
        printf("%d: %ld errno %d\n", i, r, errno);
    }
    errno = 0;
    long r = syscall(SYS_getpriority, 78, 0);
    printf("%ld %d\n", r, errno);
}

static void divided_by_nothing(unsigned arg)
{
    struct sock_filter f[] = {LOAD(nr), EQ(SYS_getppid, 2), BPF_STMT(BPF_LDX | BPF_IMM, 0),
                              BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RET(SECCOMP_RET_ALLOW)};
    SHOW(install(0, f, N(f)));
    fflush(stdout);
    syscall(SYS_getppid);
    puts("goes on");
}

static void strictest(unsigned arg)
{
    static const unsigned order[] = {SECCOMP_RET_LOG, SECCOMP_RET_TRACE, SECCOMP_RET_ERRNO | 5,
                                     SECCOMP_RET_ERRNO | 6, SECCOMP_RET_ALLOW};
    for (unsigned i = 0; i < N(order); i++) {
        act(0, order[i]);
        show_ok("getppid", syscall(SYS_getppid));
    }
}

static void strict(unsigned which)
{
    char c = '\n';
    SHOW(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
    fflush(stdout);
    SHOW(syscall(SYS_write, 1, &c, 1));
    if (which == 0)
        syscall(SYS_exit, 7);
    syscall(which == 1 ? SYS_getpid : SYS_exit_group, 7);
}

/* ---- whom they reach ---- */

static pthread_barrier_t barrier;

static void *other(void *arg)
{
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    show_ok("other thread: getppid", syscall(SYS_getppid));
    return NULL;
}

static void threads(unsigned flags)
{
    pthread_t th;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&th, NULL, other, NULL);
    pthread_barrier_wait(&barrier);
    show("install", act(flags, SECCOMP_RET_ERRNO | EDOM));
    pthread_barrier_wait(&barrier);
    pthread_join(th, NULL);
    pthread_create(&th, NULL, other, NULL);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    pthread_join(th, NULL);
}

static void *diverges(void *arg)
{
    act(0, SECCOMP_RET_ALLOW);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void no_common_filter(unsigned flags)
{
    pthread_t th;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&th, NULL, diverges, NULL);
    pthread_barrier_wait(&barrier);
    long r = act(flags, SECCOMP_RET_ERRNO | EDOM);
    printf("install: %s\n", r > 0 ? "a thread" : r ? strerrorname_np(errno) : "0");
    show_ok("getppid", syscall(SYS_getppid));
    pthread_barrier_wait(&barrier);
    pthread_join(th, NULL);
}

static void *killed_thread(void *arg)
{
    act(0, (unsigned)(uintptr_t)arg);
    syscall(SYS_getppid);
    puts("thread goes on");
    return NULL;
}

static void kills_thread(unsigned action)
{
    pthread_t th;
    pthread_create(&th, NULL, killed_thread, (void *)(uintptr_t)action);
    pthread_join(th, NULL);
    puts("the others go on");
}

static void through_exec(unsigned arg)
{
    char *args[] = {self, "again", NULL};
    act(0, SECCOMP_RET_ERRNO | EXFULL);
    act(0, SECCOMP_RET_ERRNO | EDOM);
    fflush(stdout);
    execv(self, args);
    puts("exec failed");
}

static void after_exec(unsigned arg)
{
    show_ok("getppid", syscall(SYS_getppid));
    act(0, SECCOMP_RET_ERRNO | EPROTO);
    show_ok("getppid", syscall(SYS_getppid));
}

/* ---- notifications ---- */

static void send_fd(int to, int fd)
{
    char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    sendmsg(to, &m, 0);
}

static int receive_fd(int from)
{
    char control[CMSG_SPACE(sizeof(int))], byte;
    struct iovec iov = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int fd = -1;
    if (recvmsg(from, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}

static long where_of_calls(void)
{
#ifdef __i386__
    return getauxval(AT_SYSINFO);
#else
    return 0;
#endif
}

static void notified(int to)
{
    struct sock_filter f[] = {LOAD(nr),  EQ(SYS_getpriority, 3),      LOAD(args[0]),
                              EQ(99, 1), RET(SECCOMP_RET_USER_NOTIF), RET(SECCOMP_RET_ALLOW)};
    int fd = install(SECCOMP_FILTER_FLAG_NEW_LISTENER, f, N(f));
    printf("listener: %s\n", fd >= 0 ? "ok" : strerrorname_np(errno));
    show("second listener", install(SECCOMP_FILTER_FLAG_NEW_LISTENER, f, N(f)));
    send_fd(to, fd);
    close(fd);
    for (int i = 0; i < 6; i++) {
        errno = 0;
        long r = syscall(SYS_getpriority, 99, i);
        printf("answer %d: %ld errno %d\n", i, r, r == -1 ? errno : 0);
    }
    fflush(stdout);
    _exit(0);
}

static void notifications(void)
{
    static const struct seccomp_notif_resp answers[] = {{.val = 1234},
                                                        {.error = -EXFULL},
                                                        {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE},
                                                        {.error = -ENOSYS},
                                                        {0}};
    int sv[2], status;
    fflush(stdout);
    socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
    pid_t pid = fork();
    if (!pid)
        notified(sv[1]);
    int fd = receive_fd(sv[0]);
    for (unsigned i = 0; fd >= 0 && i < N(answers); i++) {
        struct seccomp_notif n = {0};
        struct pollfd p = {fd, POLLIN};
        struct seccomp_notif_resp r = answers[i];
        SHOW(poll(&p, 1, -1));
        printf("%x\n", p.revents);
        SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n));
        printf("notified of %d %d %d %d %d\n", n.data.nr == SYS_getpriority, n.data.arch == ARCH,
               n.pid == pid, (int)n.data.args[0], (int)n.data.args[1]);
        /* In libc's function, or what that calls in the vDSO. */
        long far = (long)(n.data.instruction_pointer - (unsigned long)(where_of_calls() ?: (long)syscall));
        printf("place known: %d\n", far > 0 && far < 128);
        SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
        r.id = n.id;
        SHOW(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r));
    }
    close(fd);
    waitpid(pid, &status, 0);
    printf("notified child: %x\n", status);
}

int main(int argc, char **argv)
{
    static const unsigned actions[] = {SECCOMP_RET_ERRNO | EDOM,
                                       SECCOMP_RET_ERRNO,
                                       SECCOMP_RET_ERRNO | 5000,
                                       SECCOMP_RET_LOG,
                                       SECCOMP_RET_TRACE | 3,
                                       SECCOMP_RET_USER_NOTIF,
                                       SECCOMP_RET_TRAP,
                                       SECCOMP_RET_KILL_THREAD,
                                       SECCOMP_RET_KILL_PROCESS,
                                       0x10000,
                                       0x70000000};
    self = argv[0];
    if (argc > 1) {
        in_child("after exec", after_exec, 0);
        return 0;
    }
    questions();
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    for (unsigned i = 0; i < N(programs); i++) {
        char what[20];
        sprintf(what, "program %u", i);
        in_child(what, try_program, i);
    }
    in_child("lengths", try_lengths, 0);
    in_child("status", status_lines, 0);
    for (unsigned i = 0; i < N(actions); i++)
        in_child("action", try_action, actions[i]);
    for (unsigned i = 0; i < 3; i++)
        in_child("trap", trapped, i);
    in_child("arguments", by_arguments, 0);
    in_child("division", divided_by_nothing, 0);
    in_child("order", strictest, 0);
    for (unsigned i = 0; i < 3; i++)
        in_child("strict", strict, i);
    in_child("threads", threads, 0);
    in_child("all threads", threads, SECCOMP_FILTER_FLAG_TSYNC);
    in_child("not all", no_common_filter, SECCOMP_FILTER_FLAG_TSYNC);
    in_child("not all", no_common_filter, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH);
    in_child("thread", kills_thread, SECCOMP_RET_KILL_THREAD);
    in_child("thread", kills_thread, SECCOMP_RET_KILL_PROCESS);
    in_child("exec", through_exec, 0);
    notifications();
    return 0;
}
