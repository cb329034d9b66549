/* Calls that 32-bit ABIs have and asm-generic 64-bit ones have not: old names, ids of 16 bits, longs of time,
 * and times of 64 bits by names of their own. What the structures hold is written as longs, which is what the
 * kernel calls it on both. */
#include "ksignal.h"

#include <dirent.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#define RAW(name, ...) syscall(SYS_##name, ##__VA_ARGS__)
#if defined(__arm__) || defined(__i386__)
#define OLD(arm, name, ...) syscall(SYS_##arm, ##__VA_ARGS__)
#define NO_ID               0xffff
#ifdef __i386__
#include <asm/ldt.h>
enum { STATFS64_BYTES = 84 };
#else
enum { STATFS64_BYTES = 88 };
#endif
#else
#define OLD(arm, name, ...) syscall(SYS_##name, ##__VA_ARGS__)
#define NO_ID               (-1)
#endif

static void names(void)
{
    int fd = RAW(creat, "a", 0640), p[2];
    SHOW_BOOL(fd >= 0);
    SHOW(write(fd, "0123456789", 10));
    SHOW_OK(RAW(open, "a", O_RDWR));
    SHOW(RAW(open, "none", O_RDONLY));
    SHOW(RAW(link, "a", "b"));
    SHOW(RAW(symlink, "a", "l"));
    SHOW(RAW(mknod, "fifo", S_IFIFO | 0600, 0));
    SHOW(RAW(mkdir, "d", 0700));
    SHOW(RAW(rename, "b", "d/b"));
    SHOW(RAW(renameat, AT_FDCWD, "d/b", AT_FDCWD, "b"));
    SHOW(RAW(rmdir, "d"));
    SHOW(RAW(rmdir, "a"));
    SHOW(RAW(unlink, "b"));
    SHOW(RAW(chmod, "a", 0600));
    SHOW(RAW(access, "a", W_OK));
    char text[8] = {0};
    SHOW(RAW(readlink, "l", text, 7));
    puts(text);
    SHOW(RAW(pipe, p));
    SHOW(RAW(dup2, p[0], 77));
    SHOW(RAW(dup2, p[0], p[0]) == p[0]);
    SHOW(RAW(dup2, 88, 88));
    SHOW_OK(RAW(eventfd, 3));
    SHOW_OK(RAW(inotify_init));
    SHOW_OK(RAW(epoll_create, 1));
    SHOW(RAW(epoll_create, 0));
    uint64_t set = 1 << (SIGUSR2 - 1);
    SHOW_OK(RAW(signalfd, -1, &set, 8));
    struct pollfd f = {.fd = p[1], .events = POLLOUT};
    SHOW(RAW(poll, &f, 1, -1));
    printf("revents %x\n", f.revents);
    struct epoll_event ev;
    int ep = RAW(epoll_create, 1);
    SHOW(RAW(epoll_wait, ep, &ev, 1, 0));
    SHOW(RAW(getpgrp) == getpgrp());
}

static void ids(void)
{
    SHOW(OLD(getuid, getuid) == getuid());
    SHOW(OLD(getgid, getgid) == getgid());
    SHOW(OLD(geteuid, geteuid) == geteuid());
    SHOW(OLD(getegid, getegid) == getegid());
    SHOW(OLD(getgid32, getgid) == getgid());
    SHOW_OK(OLD(chown, chown, "a", NO_ID, NO_ID));
    SHOW_OK(OLD(lchown, lchown, "l", NO_ID, NO_ID));
    SHOW_OK(OLD(lchown32, lchown, "l", -1, -1));
    int fd = open("a", O_RDONLY);
    SHOW_OK(OLD(fchown, fchown, fd, NO_ID, NO_ID));
    SHOW_OK(OLD(fchown32, fchown, fd, -1, -1));
    SHOW(OLD(setreuid, setreuid, NO_ID, NO_ID));
    SHOW(OLD(setregid, setregid, NO_ID, NO_ID));
    SHOW(OLD(setresuid, setresuid, NO_ID, NO_ID, NO_ID));
    SHOW(OLD(setresgid, setresgid, NO_ID, NO_ID, NO_ID));
    SHOW(OLD(setuid, setuid, getuid()));
    SHOW(OLD(setgid, setgid, getgid()));
    SHOW(OLD(setfsuid, setfsuid, getuid()) == getuid());
    SHOW(OLD(setfsgid, setfsgid, getgid()) == getgid());
#if defined(__arm__) || defined(__i386__)
    uint16_t id[3] = {1, 2, 3}, list[64], many[2] = {7, 9};
#else
    uint32_t id[3] = {1, 2, 3}, list[64], many[2] = {7, 9};
#endif
    SHOW(OLD(getresuid, getresuid, &id[0], &id[1], &id[2]));
    printf("all mine: %d\n", id[0] == getuid() && id[1] == getuid() && id[2] == getuid());
    SHOW(OLD(getresgid, getresgid, &id[0], &id[1], &id[2]));
    SHOW(OLD(getgroups, getgroups, -1, list));
    SHOW(OLD(getgroups, getgroups, 64, list) == getgroups(0, NULL));
    SHOW(OLD(setgroups, setgroups, -1, many));
    if (!fork()) {
        show_ok("setgroups", OLD(setgroups, setgroups, 2, many));
        memset(list, 0, sizeof list);
        show_ok("getgroups", OLD(getgroups, getgroups, 64, list));
        if (!getuid())
            printf("groups %d %d\n", (int)list[0], (int)list[1]);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    if (getuid())
        puts("groups 7 9");
}

static void oldest_times(void)
{
#ifdef SYS_utime
    long stamps[2] = {7, 8};
    printf("utime %ld\n", syscall(SYS_utime, "a", stamps));
#else
    puts("utime 0"); /* the EABI has none */
#endif
}

/* struct stat of the old call is the host's at 64 bits. */
static void stats(void)
{
#if defined(__arm__) || defined(__i386__)
    struct {
        unsigned long dev, ino;
        uint16_t mode, nlink, uid, gid;
        unsigned long rdev, size, blksize, blocks, atime, atimensec, mtime, mtimensec, ctime, ctimensec,
            unused[2];
    } st;
#define MTIME st.mtime, st.mtimensec
#define S(x)  st.x
#else
    struct stat st;
#define MTIME st.st_mtim.tv_sec, st.st_mtim.tv_nsec
#define S(x)  st.st_##x
#endif
    long times[4] = {1000000000, 250000, 1000000001, 750000};
    SHOW(RAW(utimes, "a", times));
    SHOW(RAW(stat, "a", &st));
    printf("mode %o nlink %d size %ld time %ld.%09ld\n", S(mode), (int)S(nlink), (long)S(size), MTIME);
    times[2] = 1100000000;
    SHOW(RAW(futimesat, AT_FDCWD, "l", times));
    SHOW(OLD(fstat, fstat, open("a", O_RDONLY), &st));
    printf("time %ld.%09ld\n", MTIME);
    SHOW(RAW(lstat, "l", &st));
    printf("mode %o\n", S(mode));
    times[1] = 1000000;
    SHOW(RAW(utimes, "a", times));
    int64_t wide[4] = {5000000000, 111111111, 6000000000, 222222222};
    SHOW(OLD(utimensat_time64, utimensat, AT_FDCWD, "a", wide, 0));
    struct statx sx = {0};
    SHOW(statx(AT_FDCWD, "a", 0, STATX_BASIC_STATS, &sx));
    printf("wide %lld.%09u\n", (long long)sx.stx_mtime.tv_sec, sx.stx_mtime.tv_nsec);
    oldest_times();
    times[1] = 0;
    SHOW(RAW(utimes, "a", times)); /* what fits in the old structures */
    struct stat new, by_call = {0};
    SHOW(OLD(stat64, stat, "a", &by_call));
    printf("stat64 %o %d %lld %lld.%09ld rdev %d ino %d dev %d ids %d\n", by_call.st_mode,
           (int)by_call.st_nlink, (long long)by_call.st_size, (long long)by_call.st_mtim.tv_sec,
           by_call.st_mtim.tv_nsec, (int)by_call.st_rdev, by_call.st_ino == sx.stx_ino,
           by_call.st_dev == makedev(sx.stx_dev_major, sx.stx_dev_minor),
           by_call.st_uid == getuid() && by_call.st_gid == getgid());
    SHOW(OLD(lstat64, lstat, "/dev/null", &by_call));
    printf("lstat64 %o rdev %x blksize %d\n", by_call.st_mode, (int)by_call.st_rdev, (int)by_call.st_blksize);
    SHOW(OLD(fstat64, fstat, open("a", O_RDONLY), &by_call));
    printf("fstat64 %lld blocks %d\n", (long long)by_call.st_size, by_call.st_blocks > 0);
    SHOW(stat("a", &new));
    SHOW(lstat("l", &new));
    printf("mode %o\n", new.st_mode);
    SHOW(fstat(open("a", O_RDONLY), &new));
    printf("size %lld ino %d\n", (long long)new.st_size, new.st_ino == sx.stx_ino);
    uint64_t fs[32] = {0};
#if defined(__arm__) || defined(__i386__)
    show("fstatfs", syscall(SYS_fstatfs64, open("/proc", O_RDONLY), STATFS64_BYTES, fs));
    show("fstatfs", syscall(SYS_fstatfs64, open("/proc", O_RDONLY), 80, fs));
    printf("proc %x\n", (uint32_t)fs[0]);
#else
    show("fstatfs", syscall(SYS_fstatfs, open("/proc", O_RDONLY), fs));
    puts("fstatfs: -1 EINVAL");
    printf("proc %x\n", (uint32_t)fs[0]);
#endif
}

static void directories(void)
{
    struct {
        unsigned long ino, off;
        uint16_t reclen;
        char name[];
    } * e;
    long buf[1024];
    unsigned n = 0, dots = 0, types = 0;
    int fd = open(".", O_RDONLY | O_DIRECTORY);
    for (long got; (got = RAW(getdents, fd, buf, sizeof buf)) > 0;) {
        for (char *p = (char *)buf; p < (char *)buf + got; p += e->reclen) {
            e = (void *)p;
            n++;
            dots += e->name[0] == '.';
            types += p[e->reclen - 1] == DT_DIR;
        }
    }
    printf("entries %u, %u with a dot, %u directories\n", n, dots, types);
    /* Places in it can be returned to, whatever the file system's cookies are. */
    DIR *d = opendir(".");
    long where[16];
    char names[16][64];
    int count = 0;
    for (struct dirent *x; count < 16 && (where[count] = telldir(d), x = readdir(d));)
        snprintf(names[count++], 64, "%s", x->d_name);
    int wrong = 0;
    for (int i = count; i-- > 0;) {
        seekdir(d, where[i]);
        struct dirent *x = readdir(d);
        wrong += !x || strcmp(x->d_name, names[i]);
    }
    printf("places %d, wrong %d\n", count, wrong);
#if defined(__arm__) || defined(__i386__)
    int64_t at = -1;
    int a = open("a", O_RDWR);
    show("_llseek", syscall(SYS__llseek, a, 1, 5, &at, SEEK_SET));
    printf("at %llx\n", (long long)at);
    show("lseek", syscall(SYS_lseek, a, 0, SEEK_CUR));
#else
    puts("_llseek: 0\nat 100000005\nlseek: -1 EOVERFLOW");
#endif
}

static volatile int got;
static void note(int sig)
{
    got = sig;
}

#ifdef __arm__
static void *thread_pointer(void)
{
    return (void *)syscall(0xf0006);
}
#elif defined(__i386__)
static void *thread_pointer(void)
{
    struct user_desc d;
    uint16_t gs;
    __asm__("mov %%gs, %0" : "=r"(gs));
    d.entry_number = gs >> 3;
    return syscall(SYS_get_thread_area, &d) ? NULL : (void *)d.base_addr;
}
#endif

static void signals(void)
{
    uint32_t mask = 1u << (SIGUSR1 - 1), old = 0, pending = 0;
#if defined(__arm__) || defined(__i386__)
    struct {
        void *handler;
        unsigned long mask, flags;
        void *restorer;
    } act = {note, 0, 0, NULL}, was = {0};
    SHOW(RAW(sigaction, SIGUSR1, &act, &was));
    SHOW(RAW(sigprocmask, SIG_BLOCK, &mask, &old));
    SHOW(kill(getpid(), SIGUSR1));
    SHOW(RAW(sigpending, &pending));
    printf("got %d pending %x old %x was %d\n", got, pending, old, was.handler == SIG_DFL);
    mask = 0;
    show("sigsuspend", syscall(SYS_sigsuspend, 0, 0, mask));
    printf("got %d\n", got);
    SHOW(RAW(sigprocmask, SIG_SETMASK, &mask, &old));
    printf("old %x\n", old);
    SHOW(RAW(sigaction, SIGKILL, &act, NULL));
    printf("tls %d\n", thread_pointer() == __builtin_thread_pointer());
#else
    struct sigaction act = {.sa_handler = note};
    sigset_t none;
    sigemptyset(&none);
    sigaction(SIGUSR1, &act, NULL);
    puts("RAW(sigaction, SIGUSR1, &act, &was): 0\nRAW(sigprocmask, SIG_BLOCK, &mask, &old): 0");
    uint64_t wide = mask;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &wide, NULL, 8);
    SHOW(kill(getpid(), SIGUSR1));
    syscall(SYS_rt_sigpending, &wide, 8);
    printf("RAW(sigpending, &pending): 0\ngot %d pending %x old %x was 1\n", got, (uint32_t)wide, old);
    show("sigsuspend", sigsuspend(&none));
    printf("got %d\n", got);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, &wide, 8);
    printf("RAW(sigprocmask, SIG_SETMASK, &mask, &old): 0\nold %x\n", (uint32_t)wide);
    puts("RAW(sigaction, SIGKILL, &act, NULL): -1 EINVAL\ntls 1");
#endif
}

static void processes(void)
{
    int status;
    fflush(stdout);
    pid_t pid = RAW(fork);
    if (!pid)
        _exit(21);
    SHOW(waitpid(pid, &status, 0) == pid);
    printf("fork: %x\n", status);
    pid = vfork();
    if (!pid)
        _exit(22);
    SHOW(waitpid(pid, &status, 0) == pid);
    printf("vfork: %x\n", status);
#if defined(__arm__) || defined(__i386__)
    show_ok("nice", syscall(SYS_nice, 3));
#else
    show_ok("nice", nice(3));
#endif
    SHOW(getpriority(PRIO_PROCESS, 0));
}

/* What is above 32 bits of nanoseconds is padding there; the host would refuse it. */
#if defined(__arm__) || defined(__i386__)
#define PADDING 0x1234567800000000
#else
#define PADDING 0
#endif

static void wide_times(void)
{
    int64_t ts[2] = {0, 1000000 | PADDING}, left[2] = {0}, its[4] = {0, 0, 5000000000, 9};
    uint32_t word = 3;
    SHOW(OLD(clock_nanosleep_time64, clock_nanosleep, CLOCK_MONOTONIC, 0, ts, left));
    SHOW(OLD(futex_time64, futex, &word, FUTEX_WAIT, 3, ts));
    SHOW(OLD(futex_time64, futex, &word, FUTEX_WAIT, 4, ts));
    SHOW(OLD(ppoll_time64, ppoll, NULL, 0, ts, NULL, 8));
    ts[1] = 1000000 | PADDING;
    uint64_t fds[1] = {1};
    SHOW(OLD(pselect6_time64, pselect6, 0, fds, NULL, NULL, ts, NULL));
    long tv[2] = {0, 1000};
    uint32_t in[2] = {2, 0x5a5a5a5a}; /* only as many words as descriptors need */
    int p[2];
    pipe(p);
    dup2(1, 60);
    dup2(p[1], 1);
    long n = OLD(_newselect, select, 2, NULL, in, NULL, tv);
    dup2(60, 1);
    close(60);
    printf("select %ld in %x %x\n", n, in[0], sizeof(long) == 4 ? in[1] : 0x5a5a5a5a);
    sigset_t set;
    sigemptyset(&set);
    ts[1] = 1000000 | PADDING;
    SHOW(OLD(rt_sigtimedwait_time64, rt_sigtimedwait, &set, NULL, ts, 8));
    SHOW(OLD(sched_rr_get_interval_time64, sched_rr_get_interval, 0, left));
    printf("interval below a second: %d\n", left[0] == 0);
    int tf = timerfd_create(CLOCK_MONOTONIC, 0);
    SHOW(OLD(timerfd_settime64, timerfd_settime, tf, 0, its, NULL));
    int64_t rest[4];
    SHOW(OLD(timerfd_gettime64, timerfd_gettime, tf, rest));
    printf("rest %d\n", rest[2] > 4999999990 && rest[2] <= 5000000000);
    int sem = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf down = {0, -1, 0};
    ts[1] = 1000000 | PADDING;
    SHOW(OLD(semtimedop_time64, semtimedop, sem, &down, 1, ts));
    semctl(sem, 0, IPC_RMID);
    aio_context_t ctx = 0;
    struct io_event ev;
    SHOW(RAW(io_setup, 1, &ctx));
    SHOW(OLD(io_pgetevents_time64, io_pgetevents, ctx, 1, 1, &ev, ts, NULL));
    SHOW(RAW(io_destroy, ctx));
    char name[32], text[16];
    snprintf(name, sizeof name, "/old32-%d", getpid());
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 16};
    mqd_t q = mq_open(name, O_CREAT | O_RDWR | O_EXCL, 0600, &attr);
    ts[0] = 1;
    SHOW(OLD(mq_timedsend_time64, mq_timedsend, q, "x", 1, 5, ts));
    SHOW(OLD(mq_timedsend_time64, mq_timedsend, q, "x", 1, 5, ts));
    SHOW(OLD(mq_timedreceive_time64, mq_timedreceive, q, text, 16, NULL, ts));
    SHOW(OLD(mq_timedreceive_time64, mq_timedreceive, q, text, 16, NULL, ts));
    struct mq_attr is;
    SHOW(mq_getattr(q, &is));
    printf("%ld %ld %ld %ld\n", is.mq_flags, is.mq_maxmsg, is.mq_msgsize, is.mq_curmsgs);
    mq_unlink(name);
}

/* Structures of System V IPC before IPC_64: fields by their place there, by their name here. */
#ifdef __i386__ /* only by this call, which gets semctl's last argument by its address */
enum { IPC_semctl = 3, IPC_msgctl = 14, IPC_shmctl = 24 };
#define STAT_OLD(call, id, cmd, at) syscall(SYS_ipc, IPC_##call, id, cmd, 0, at)
#define SEM_OLD(id, cmd, at)        syscall(SYS_ipc, IPC_semctl, id, 0, cmd, &(void *){at})
#elif defined(__arm__)
#define STAT_OLD(call, id, cmd, at) syscall(SYS_##call, id, cmd, at)
#define SEM_OLD(id, cmd, at)        syscall(SYS_semctl, id, 0, cmd, at)
#endif
#if defined(__arm__) || defined(__i386__)
#define S16(at, field)              (*(uint16_t *)(void *)(b.bytes + (at)))
#define S32(at, field)              (*(int32_t *)(void *)(b.bytes + (at)))
#else
#define STAT_OLD(call, id, cmd, at) call(id, cmd, (void *)(at))
#define SEM_OLD(id, cmd, at)        semctl(id, 0, cmd, (void *)(at))
#define S16(at, field)              (b.field)
#define S32(at, field)              (b.field)
#endif
typedef union OldIpc {
    struct msqid_ds m;
    struct shmid_ds s;
    struct semid_ds e;
    unsigned char bytes[128];
} OldIpc;

static void show_perm(const OldIpc *o)
{
    OldIpc b = *o;
    printf("key %d uid %d %d gid %d %d mode %o\n", S32(0, m.msg_perm.__key),
           S16(4, m.msg_perm.uid) == getuid(), S16(8, m.msg_perm.cuid) == getuid(),
           S16(6, m.msg_perm.gid) == getgid(), S16(10, m.msg_perm.cgid) == getgid(),
           S16(12, m.msg_perm.mode));
}

static void ipc_before_64(void)
{
    struct {
        long type;
        char text[10];
    } message = {1, "123456789"};
    OldIpc b;
    int id = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
    SHOW(msgsnd(id, &message, 9, 0));
    SHOW(msgsnd(id, &message, 7, 0));
    memset(&b, 0xaa, sizeof b);
    SHOW(STAT_OLD(msgctl, id, IPC_STAT, &b));
    show_perm(&b);
    printf("sent %d received %d changed %d\n", S32(24, m.msg_stime) > 1000000, S32(28, m.msg_rtime) == 0,
           S32(32, m.msg_ctime) > 1000000);
    printf("bytes %ld messages %ld at most %ld by %d, %d\n", (long)S16(44, m.__msg_cbytes),
           (long)S16(46, m.msg_qnum), (long)S16(48, m.msg_qbytes), S16(50, m.msg_lspid) == getpid(),
           S16(52, m.msg_lrpid));
    S16(12, m.msg_perm.mode) = 0640;
    S16(48, m.msg_qbytes) = 100;
    SHOW(STAT_OLD(msgctl, id, IPC_SET, &b));
    SHOW(STAT_OLD(msgctl, id, IPC_STAT, &b));
    printf("mode %o, at most %ld\n", S16(12, m.msg_perm.mode), (long)S16(48, m.msg_qbytes));
    SHOW(STAT_OLD(msgctl, id, IPC_STAT, 4));
    SHOW(STAT_OLD(msgctl, id, IPC_SET, 4));
    SHOW(STAT_OLD(msgctl, id, IPC_RMID, 0));
    id = shmget(IPC_PRIVATE, 123456, 0600);
    void *at = shmat(id, NULL, 0);
    memset(&b, 0xaa, sizeof b);
    SHOW(STAT_OLD(shmctl, id, IPC_STAT, &b));
    show_perm(&b);
    printf("size %ld attached %d detached %d changed %d by %d, %d; %ld\n", (long)S32(16, s.shm_segsz),
           S32(20, s.shm_atime) > 1000000, S32(24, s.shm_dtime) == 0, S32(28, s.shm_ctime) > 1000000,
           S16(32, s.shm_cpid) == getpid(), S16(34, s.shm_lpid) == getpid(), (long)S16(36, s.shm_nattch));
    S16(12, s.shm_perm.mode) = 0444;
    SHOW(STAT_OLD(shmctl, id, IPC_SET, &b));
    SHOW(STAT_OLD(shmctl, id, IPC_STAT, &b));
    printf("mode %o\n", S16(12, s.shm_perm.mode));
    SHOW(shmdt(at));
    SHOW(STAT_OLD(shmctl, id, IPC_RMID, 0));
    id = semget(IPC_PRIVATE, 5, 0600);
    memset(&b, 0xaa, sizeof b);
    SHOW(SEM_OLD(id, IPC_STAT, &b));
    show_perm(&b);
    printf("done %d changed %d number %ld\n", S32(16, e.sem_otime) == 0, S32(20, e.sem_ctime) > 1000000,
           (long)S16(40, e.sem_nsems));
    S16(12, e.sem_perm.mode) = 0620;
    SHOW(SEM_OLD(id, IPC_SET, &b));
    SHOW(SEM_OLD(id, IPC_STAT, &b));
    printf("mode %o\n", S16(12, e.sem_perm.mode));
    SHOW(SEM_OLD(id, IPC_RMID, 0));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    names();
    ids();
    stats();
    directories();
    signals();
    processes();
    wide_times();
    ipc_before_64();
    return done();
}
