/* Every system call that does no harm with nonsense for arguments: the kernel's error, in the kernel's order
 * of checks.
 * Left out: what ends, identifies or reconfigures something, and what a guest is told does not exist. */
#include "user.h"

#include <sys/time.h>

typedef struct Call {
    const char *name;
    int nr;
} Call;

static const Call calls[] = {
#define C(name) {#name, SYS_##name},
    C(io_setup) C(io_destroy) C(io_submit) C(io_cancel) C(io_getevents) C(io_pgetevents)
    C(setxattr) C(lsetxattr) C(fsetxattr) C(getxattr) C(lgetxattr) C(fgetxattr) C(listxattr) C(llistxattr)
    C(flistxattr) C(removexattr) C(lremovexattr) C(fremovexattr) C(openat) C(openat2) C(open_by_handle_at)
    C(name_to_handle_at) C(mknodat) C(mkdirat) C(unlinkat) C(symlinkat) C(linkat) C(renameat2) C(truncate)
    C(faccessat) C(faccessat2) C(fchmodat) C(fchownat) C(utimensat) C(readlinkat) C(newfstatat) C(statx)
    C(statfs) C(getcwd) C(chdir) C(fchdir) C(inotify_init1) C(inotify_add_watch) C(inotify_rm_watch)
    C(fanotify_init) C(fanotify_mark) C(open_tree) C(move_mount) C(fsopen) C(fsconfig) C(fsmount) C(fspick)
    C(mount_setattr) C(quotactl) C(quotactl_fd) C(syncfs) C(close) C(read) C(write) C(readv) C(writev)
    C(pread64) C(pwrite64) C(preadv) C(pwritev) C(preadv2) C(pwritev2) C(sendfile) C(splice) C(tee)
    C(vmsplice) C(copy_file_range) C(lseek) C(getdents64) C(fstat) C(fstatfs) C(ftruncate) C(fallocate)
    C(fadvise64) C(readahead) C(fchmod) C(fchown) C(fsync) C(fdatasync) C(sync_file_range) C(flock) C(dup)
    C(dup3) C(fcntl) C(pipe2) C(memfd_create) C(eventfd2) C(epoll_create1) C(epoll_ctl)
    C(epoll_pwait) C(epoll_pwait2) C(ppoll) C(pselect6) C(signalfd4) C(timerfd_create) C(timerfd_settime)
    C(timerfd_gettime) C(userfaultfd) C(socket) C(socketpair) C(bind) C(listen) C(accept) C(accept4)
    C(connect) C(getsockname) C(getpeername) C(sendto) C(recvfrom) C(sendmsg) C(recvmsg) C(sendmmsg)
    C(recvmmsg) C(setsockopt) C(getsockopt) C(shutdown) C(msgctl) C(msgsnd) C(msgrcv) C(semctl) C(semop)
    C(semtimedop) C(shmctl) C(shmat) C(shmdt) C(mq_open) C(mq_unlink) C(mq_timedsend) C(mq_timedreceive)
    C(mq_notify) C(mq_getsetattr) C(munmap) C(mprotect) C(mremap) C(madvise) C(msync) C(mincore) C(mlock)
    C(mlock2) C(munlock) C(mlockall) C(munlockall) C(mbind) C(get_mempolicy) C(set_mempolicy)
    C(set_mempolicy_home_node) C(migrate_pages) C(move_pages) C(membarrier) C(process_vm_readv)
    C(process_vm_writev) C(process_mrelease) C(set_robust_list) C(get_robust_list) C(futex) C(futex_waitv)
    C(pidfd_open) C(pidfd_getfd) C(pidfd_send_signal) C(kcmp) C(setns) C(rt_sigaction) C(rt_sigprocmask)
    C(rt_sigpending) C(rt_sigsuspend) C(rt_sigtimedwait) C(rt_sigqueueinfo) C(rt_tgsigqueueinfo)
    C(sigaltstack) C(nanosleep) C(clock_nanosleep) C(clock_gettime) C(clock_settime) C(clock_getres)
    C(clock_adjtime) C(getitimer) C(setitimer) C(timer_create) C(timer_settime) C(timer_gettime)
    C(timer_getoverrun) C(timer_delete) C(getresuid) C(getresgid) C(getgroups) C(capget) C(capset)
    C(getrlimit) C(setrlimit) C(prlimit64) C(getrusage) C(getpriority) C(setpriority) C(ioprio_get)
    C(ioprio_set) C(sched_setparam) C(sched_getparam) C(sched_setscheduler) C(sched_getscheduler)
    C(sched_setaffinity) C(sched_getaffinity) C(sched_get_priority_max) C(sched_get_priority_min)
    C(sched_rr_get_interval) C(sched_setattr) C(sched_getattr) C(getcpu) C(getrandom) C(add_key)
    C(landlock_create_ruleset) C(landlock_add_rule) C(landlock_restrict_self)
};

/* With these arguments the call would wait for ever or say something that depends on the machine. */
static bool unfit(const char *name, int pattern)
{
    static const struct {
        const char *name;
        int pattern;
    } list[] = {
        {"ppoll", 0}, {"pselect6", 0}, {"set_robust_list", 0}, {"munlockall", 0}, {"epoll_pwait2", 0},
        {"get_robust_list", 0}, {"getpriority", 0}, {"ioprio_get", 0}, {"add_key", 0}, {"pidfd_open", 3},
    };
    for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        if (list[i].pattern == pattern && !strcmp(list[i].name, name))
            return true;
    return false;
}

static void on_alarm(int sig)
{
    write(1, "hangs\n", 6);
    _exit(1);
}

int main(void)
{
    static const long patterns[][6] = {
        {0, 0, 0, 0, 0, 0},
        {-1, -1, -1, -1, -1, -1},
        {-1, 8, 8, 8, 8, 8},
        {8, 8, 8, 8, 8, 8},
        {AT_FDCWD, 8, 0, 0, 0, 0},
        {0x70000000, 1, 0x70000000, 1, 1, 1},
    };
    setvbuf(stdout, NULL, _IONBF, 0);
    /* A file of our own where patterns name descriptor 0. */
    int f = open("file", O_CREAT | O_RDWR, 0600);
    dup2(f, 0);
    signal(SIGALRM, on_alarm);
    signal(SIGPIPE, SIG_IGN);
    for (unsigned p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
        const long *a = patterns[p];
        for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
            if (unfit(calls[i].name, (int)p))
                continue;
            struct itimerval t = {.it_value.tv_sec = 20};
            setitimer(ITIMER_REAL, &t, NULL);
            printf("%u ", p);
            show(calls[i].name, any_syscall(calls[i].nr, a[0], a[1], a[2], a[3], a[4], a[5]));
            lseek(f, 0, SEEK_SET);
        }
    }
    return 0;
}
