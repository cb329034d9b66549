/* Processes: fork from threads, posix_spawn and vfork with shared memory, clone flags, wait statuses. */
#include "ksignal.h"

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>

static volatile bool stop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long shared;

static void *churn(void *arg)
{
    while (!stop) {
        free(malloc(100 + (size_t)rand() % 5000));
        void *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(p, 1, 8192);
        munmap(p, 8192);
    }
    return NULL;
}

static void *forker(void *arg)
{
    for (int i = 0; i < 15; i++) {
        pid_t pid = fork();
        if (!pid) {
            void *p = malloc(10000);
            _exit(p && gettid() == getpid() ? 11 : 12);
        }
        int status = -1;
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 11);
        pthread_mutex_lock(&lock);
        shared++;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void fork_from_threads(void)
{
    pthread_t c[2], f[4];
    for (int i = 0; i < 2; i++)
        pthread_create(&c[i], NULL, churn, NULL);
    for (int i = 0; i < 4; i++)
        pthread_create(&f[i], NULL, forker, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(f[i], NULL);
    stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(c[i], NULL);
    printf("forks: %ld\n", shared);
}

extern char **environ;
static void spawn(void)
{
    pid_t pid;
    char *args[] = {"x", NULL};
    int r = posix_spawn(&pid, "/nonexistent/program", NULL, NULL, args, environ);
    printf("spawn missing: %d\n", r);
    r = posix_spawn(&pid, "/etc/passwd", NULL, NULL, args, environ);
    printf("spawn not executable: %d\n", r);
    r = posix_spawnp(&pid, "true", NULL, NULL, args, environ);
    int status = -1;
    waitpid(pid, &status, 0);
    printf("spawn true: %d status %x\n", r, status);
    char *sh[] = {"sh", "-c", "exit 33", NULL};
    for (int i = 0; i < 20; i++) {
        r = posix_spawnp(&pid, "sh", NULL, NULL, sh, environ);
        waitpid(pid, &status, 0);
        CHECK(r == 0 && status == 33 << 8);
    }
    printf("system: %x\n", system("exit 7"));
}

static volatile int vfork_store;
static void vforks(void)
{
    pid_t pid = vfork();
    if (!pid) {
        vfork_store = 1234;
        execl("/nonexistent/program", "x", NULL);
        vfork_store += errno;
        _exit(6);
    }
    int status;
    waitpid(pid, &status, 0);
    printf("vfork: store %d status %x\n", vfork_store, status);
    for (int i = 0; i < 100; i++) {
        pid = vfork();
        if (!pid) {
            vfork_store++;
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    printf("vfork: store %d\n", vfork_store);
}

static char stacks[4][65536] __attribute__((aligned(16)));
static volatile int clone_seen;
static int share_memory(void *arg)
{
    clone_seen += 100;
    return 21;
}

static void clones(void)
{
    int status = -1;
    clone_seen = 1;
    pid_t pid = clone(share_memory, stacks[0] + sizeof stacks[0], CLONE_VM | SIGCHLD, NULL);
    waitpid(pid, &status, 0);
    printf("CLONE_VM: seen %d status %x\n", clone_seen, status);
    pid = clone(share_memory, stacks[1] + sizeof stacks[1], SIGCHLD, NULL);
    waitpid(pid, &status, 0);
    printf("copy on a stack of its own: seen %d status %x\n", clone_seen, status);
    pid = clone(share_memory, stacks[1] + sizeof stacks[1], CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    printf("CLONE_VFORK: seen %d\n", clone_seen);
    waitpid(pid, &status, 0);
    static const unsigned long bad[] = {CLONE_THREAD, CLONE_SIGHAND, CLONE_THREAD | CLONE_VM,
                                        CLONE_NEWNS | CLONE_FS};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        long r = syscall(SYS_clone, bad[i], stacks[2] + 60000, 0, 0, 0);
        printf("bad %u: %ld %d\n", i, r, errno);
    }
    struct clone_args ca = {.exit_signal = SIGCHLD};
    long r = syscall(SYS_clone3, &ca, 8);
    printf("clone3 small: %ld %d\n", r, errno);
    r = syscall(SYS_clone3, &ca, 5000);
    printf("clone3 big: %ld %d\n", r, errno);
    ca.stack = 4096;
    r = syscall(SYS_clone3, &ca, sizeof ca);
    printf("clone3 stack without size: %ld %d\n", r, errno);
    ca.stack = 0;
    int pidfd = -1;
    ca.flags = CLONE_PIDFD;
    ca.pidfd = (uintptr_t)&pidfd;
    r = syscall(SYS_clone3, &ca, sizeof ca);
    if (r == 0)
        _exit(3);
    siginfo_t si = {0};
    int w = waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED);
    printf("clone3: %d waitid %d status %d code %d\n", r > 0 && pidfd >= 0, w, si.si_status, si.si_code);
}

static int child_tid_word;
static void tids(void)
{
    int ptid = 0;
    long pid = syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &ptid,
#ifdef __x86_64__
                       &child_tid_word, 0);
#else
                       0, &child_tid_word);
#endif
    if (!pid)
        _exit(child_tid_word == syscall(SYS_gettid) ? 1 : 2);
    int status;
    waitpid((pid_t)pid, &status, 0);
    printf("tids: parent %d child %x word %d\n", ptid == pid, status, child_tid_word);
}

static void statuses(void)
{
    static const int sigs[] = {SIGHUP, SIGABRT, SIGKILL, SIGTERM, SIGSEGV, SIGBUS,
                               SIGILL, SIGFPE,  SIGTRAP, SIGUSR1, 33,      64};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (unsigned i = 0; i < sizeof sigs / sizeof sigs[0]; i++) {
        pid_t pid = fork();
        if (!pid) {
            raw_sigaction(sigs[i], SIG_DFL, 0, 0);
            syscall(SYS_tgkill, getpid(), gettid(), sigs[i]);
            _exit(99);
        }
        int status;
        waitpid(pid, &status, 0);
        printf("signal %d: status %x\n", sigs[i], status);
    }
    pid_t pid = fork();
    if (!pid) {
        raise(SIGSTOP);
        nap_ms(50); /* the parent shall see it continue */
        raise(SIGTSTP);
        nap_ms(50);
        _exit(44);
    }
    int status;
    for (int i = 0; i < 5; i++) {
        if (waitpid(pid, &status, WUNTRACED | WCONTINUED) != pid)
            break;
        printf("status %x\n", status);
        if (WIFSTOPPED(status))
            kill(pid, SIGCONT);
    }
    /* Ignored and caught signals after exec-less fork, SIGCHLD's siginfo */
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGCHLD);
    sigprocmask(SIG_BLOCK, &s, NULL);
    pid = fork();
    if (!pid)
        _exit(17);
    siginfo_t si;
    sigwaitinfo(&s, &si);
    printf("SIGCHLD: code %d status %d pid %d\n", si.si_code, si.si_status, si.si_pid == pid);
    waitpid(pid, NULL, 0);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    signal(SIGCHLD, SIG_IGN);
    pid = fork();
    if (!pid)
        _exit(1);
    int r = waitpid(pid, &status, 0);
    printf("ignored SIGCHLD: %d %d\n", r, errno);
    signal(SIGCHLD, SIG_DFL);
}

static void faults(void)
{
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (!pid) {
            close(2); /* the line about it is not the test */
            if (i == 1)
                signal(SIGSEGV, SIG_IGN);
            if (i == 2) {
                sigset_t s;
                sigfillset(&s);
                sigprocmask(SIG_BLOCK, &s, NULL);
            }
            *(volatile int *)16 = 1;
            _exit(1);
        }
        int status;
        waitpid(pid, &status, 0);
        printf("fault %d: status %x\n", i, status);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    fork_from_threads();
    spawn();
    vforks();
    clones();
    tids();
    statuses();
    faults();
    return done();
}
