/* Core files: which ends leave one, and how the parent hears of it. What the files hold is check_gdb.py's. */
#include "user.h"

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

enum { NONE = -1 };

static void limit_core(rlim_t soft)
{
    struct rlimit r;
    getrlimit(RLIMIT_CORE, &r);
    r.rlim_cur = soft;
    setrlimit(RLIMIT_CORE, &r);
}

/* How many files there are; they go. */
static int files(const char *folder)
{
    char name[600];
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        n += e->d_name[0] != '.' && !unlink(name);
    }
    closedir(d);
    return n;
}

static void show_status(const char *what, int status)
{
    if (WIFSIGNALED(status))
        printf("%s: signal %d%s", what, WTERMSIG(status), WCOREDUMP(status) ? ", core dumped" : "");
    else
        printf("%s: status %x", what, status);
    printf(", files %d\n", files("child"));
}

static void in_folder(void)
{
    fclose(stderr); /* there it is told where the file is */
    if (chdir("child"))
        _exit(99);
}

/* What a child does when it is ready; or it is sent `sig`. */
static void wait_in_pause(void)
{
    for (;;)
        pause();
}
static void spin(void)
{
    for (volatile unsigned n = 0;;)
        n++;
}
static void read_pipe(void)
{
    int p[2];
    char c;
    pipe(p);
    read(p[0], &c, 1);
    _exit(98);
}
static void *spin_thread(void *unused)
{
    spin();
    return NULL;
}
static void two_threads(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, spin_thread, NULL);
    wait_in_pause();
}
static void fault(void) { *(volatile int *)16 = 1; }
static void abort_now(void) { abort(); }
static void quit(void) { raise(SIGQUIT); }
static void blocked(void)
{
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGTRAP);
    kill(getpid(), SIGFPE);
    sigemptyset(&set);
    sigaddset(&set, SIGTRAP);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
static void back_to_default(void)
{
    signal(SIGQUIT, SIG_IGN);
    raise(SIGQUIT);
    signal(SIGQUIT, quit);
    if (signal(SIGQUIT, SIG_DFL) != (void (*)(int))quit || signal(SIGABRT, SIG_DFL) != SIG_DFL)
        _exit(97);
    raise(SIGQUIT);
}
static void not_dumpable(void)
{
    prctl(PR_SET_DUMPABLE, 0);
    fault();
}
static void no_room(void)
{
    chdir("/proc/self");
    fault();
}
static void in_child(void)
{
    pid_t pid = fork();
    if (!pid)
        fault();
    int status;
    waitpid(pid, &status, 0);
    _exit(WCOREDUMP(status) ? 96 : 95);
}
static void other_image(void)
{
    char *args[] = {"/proc/self/exe", "pause", NULL};
    execv(args[0], args);
    _exit(94);
}

static pid_t start(void (*fn)(void), long limit)
{
    int ready[2];
    char c;
    pipe(ready);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        in_folder();
        if (limit != NONE)
            limit_core(limit < 0 ? RLIM_INFINITY : (rlim_t)limit);
        close(ready[0]);
        fcntl(ready[1], F_SETFD, FD_CLOEXEC);
        if (fn != other_image)
            close(ready[1]);
        fn();
        _exit(93);
    }
    close(ready[1]);
    read(ready[0], &c, 1);
    close(ready[0]);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* into its call, most times */
    return pid;
}

static void end(const char *what, void (*fn)(void), long limit, int sig)
{
    int status = 0;
    pid_t pid = start(fn, limit);
    if (sig)
        kill(pid, sig);
    waitpid(pid, &status, 0);
    show_status(what, status);
}

/* ---- how it is told ---- */

static volatile int told_code;
static void on_child(int sig, siginfo_t *si, void *context) { told_code = si->si_code; }

static void told(void)
{
    sigset_t set, old;
    siginfo_t si = {0};
    struct rusage usage;
    int status;
    struct sigaction act = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO};
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (int cores = 0; cores < 2; cores++) {
        pid_t pid = start(fault, cores ? -2 : 0);
        waitid(P_PID, pid, &si, WEXITED | WNOWAIT);
        printf("waitid: code %d status %d\n", si.si_code, si.si_status);
        memset(&si, 0, sizeof si);
        waitid(P_ALL, 0, &si, WEXITED);
        printf("waitid: code %d status %d, files %d\n", si.si_code, si.si_status, files("child"));
        sigaction(SIGCHLD, &act, NULL);
        pid = start(fault, cores ? -2 : 0);
        for (int k = 0; k < 500 && !told_code; k++)
            usleep(10000);
        printf("handler: code %d\n", told_code);
        told_code = 0;
        signal(SIGCHLD, SIG_DFL);
        show_bool("wait4", wait4(pid, &status, 0, &usage) == pid);
        show_status("wait4", status);
        sigprocmask(SIG_BLOCK, &set, &old);
        pid = start(fault, cores ? -2 : 0);
        SHOW(sigwaitinfo(&set, &si));
        printf("sigwaitinfo: code %d status %d\n", si.si_code, si.si_status);
        sigprocmask(SIG_SETMASK, &old, NULL);
        while (!waitpid(-1, &status, WNOHANG))
            usleep(1000);
        show_status("WNOHANG", status);
    }
}

static void *waiter(void *unused)
{
    int status = 0;
    return (void *)(long)(waitpid(-1, &status, 0) > 0 && WCOREDUMP(status));
}

/* Several wait for several: each end is told once. */
static void many(void)
{
    enum { N = 6 };
    pthread_t thread[N];
    int cores = 0;
    pid_t last = start(wait_in_pause, NONE); /* there is somebody to wait for from the first on */
    for (int k = 0; k < N; k++)
        pthread_create(&thread[k], NULL, waiter, NULL);
    for (int k = 0; k < N; k++)
        start(k % 2 ? fault : abort_now, k == 2 ? -2 : 0);
    for (int k = 0; k < N; k++) {
        void *dumped;
        pthread_join(thread[k], &dumped);
        cores += dumped != NULL;
    }
    printf("ends that threads waited for: %d of them with a core\n", cores);
    kill(last, SIGTERM);
    SHOW_BOOL(waitpid(-1, NULL, 0) == last);
    files("child");
}

static void waits(void)
{
    int status;
    siginfo_t si;
    SHOW(waitpid(-1, &status, 0));
    SHOW(waitpid(INT_MIN, &status, 0));
    SHOW(wait4(-1, &status, WNOWAIT, NULL));
    SHOW(wait4(-1, &status, WEXITED, NULL));
    SHOW(wait4(-1, &status, 0x100, NULL));
    pid_t pid = start(wait_in_pause, NONE);
    setpgid(pid, pid);
    SHOW(waitpid(0, &status, WNOHANG));
    SHOW(waitpid(-pid, &status, WNOHANG));
    SHOW(waitpid(pid, (void *)16, WNOHANG));
    kill(pid, SIGSTOP);
    show_bool("stopped", waitpid(-pid, &status, WUNTRACED | WCONTINUED) == pid);
    printf("%x\n", status);
    kill(pid, SIGCONT);
    show_bool("continued", waitpid(-pid, &status, WUNTRACED | WCONTINUED) == pid);
    printf("%x\n", status);
    kill(pid, SIGTERM);
    SHOW(syscall(SYS_wait4, pid, (void *)16, 0, NULL));
    SHOW(waitpid(pid, &status, 0));
    if (!fork())
        _exit(0x1ff);
    show_bool("waited", waitpid(0, &status, 0) > 0);
    printf("%x\n", status);
}

int main(int argc, char **argv)
{
    char pattern[256] = "";
    struct rlimit r;
    if (argc > 1)
        wait_in_pause();
    for (int n = 1; n < NSIG; n++) /* a shell's background ignores some */
        signal(n, SIG_DFL);
    int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);
    read(fd, pattern, sizeof pattern - 1);
    getrlimit(RLIMIT_CORE, &r);
    if (strpbrk(pattern, "|/") || r.rlim_max < 1 << 20) {
        printf("the machine's core files are not to be had\n");
        return 0;
    }
    mkdir("child", 0700);
    limit_core(0);
    end("fault, no limit", fault, NONE, 0);
    end("fault, 1", fault, 1, 0);
    end("fault, 4095", fault, 4095, 0);
    end("fault, 4096", fault, 4096, 0);
    end("fault, all", fault, -2, 0);
    end("sent to who has no limit", wait_in_pause, NONE, SIGQUIT);
    limit_core(r.rlim_max);
    static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,   SIGBUS,  SIGFPE,
                                  SIGKILL, SIGSEGV, SIGTERM, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGSYS,  SIGUSR1,
                                  SIGPIPE, SIGALRM, SIGPROF, SIGIO,   SIGPWR,  SIGSTKFLT, 40};
    for (unsigned k = 0; k < sizeof signals / sizeof *signals; k++)
        end("sent, in pause", wait_in_pause, NONE, signals[k]);
    end("fault", fault, NONE, 0);
    end("abort", abort_now, NONE, 0);
    end("raised", quit, NONE, 0);
    end("blocked", blocked, NONE, 0);
    end("default again", back_to_default, NONE, 0);
    end("sent, in a loop", spin, NONE, SIGABRT);
    end("sent, in read", read_pipe, NONE, SIGSYS);
    end("sent, two threads", two_threads, NONE, SIGQUIT);
    end("limit lowered", spin, 0, SIGQUIT);
    end("another program", other_image, NONE, SIGQUIT);
    end("not dumpable", not_dumpable, NONE, 0);
    end("no file can be made", no_room, NONE, 0);
    end("a child's child", in_child, NONE, 0);
    told();
    many();
    waits();
    return 0;
}
