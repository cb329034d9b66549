/* System calls with arguments of 64 bits, structures with words of 4 bytes, times of 64 bits. */
#include "tiny.h"

#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time_types.h>

enum { MiB = 1 << 20 };
static const uint64_t far = 5ull << 30;

struct vec {
    void *at;
    unsigned long n;
};

static long seek_far(long fd, int64_t *place)
{
#ifdef __riscv
    return SYS(__NR_llseek, fd, (long)(far >> 32), (long)far, place, 0);
#else
    *place = SYS(__NR_lseek, fd, far, 0);
    return 0;
#endif
}

static void files(void)
{
    char text[16] = "0123456789", back[16] = "";
    struct vec v[2] = {{text, 4}, {text + 4, 3}}, w[2] = {{back, 2}, {back + 2, 5}};
    struct statx x;
    struct {
        short type, whence;
        int64_t start, len;
        int pid;
    } lock = {.type = 1, .start = (int64_t)far, .len = 10};
    long fd = SYS(__NR_openat, AT_FDCWD, "file", O_RDWR | O_CREAT | 0100000 /* O_LARGEFILE */, 0600);
    show("open", fd);
    SHOW(SYS(__NR_write, fd, text, 10));
    SHOW(SYS(__NR_pwrite64, fd, text, 5, PAIR(far)));
    SHOW(SYS(__NR_pread64, fd, back, 5, PAIR(far)));
    SHOW(same(text, back, 5));
    SHOW(SYS(__NR_pwritev, fd, v, 2, PAIR(far + 5)));
    SHOW(SYS(__NR_preadv, fd, w, 2, PAIR(far + 5)));
    SHOW(same(text, back, 7));
    SHOW(SYS(__NR_preadv2, fd, w, 2, (long)(far + 5), (long)((far + 5) >> 31 >> 1), 0));
    SHOW(SYS(__NR_writev, fd, v, 2));
    SHOW(SYS(__NR_statx, fd, "", 0x1000 /* AT_EMPTY_PATH */, STATX_SIZE | STATX_MODE, &x));
    show64("size", x.stx_size);
    show("mode", x.stx_mode);
    SHOW(SYS(__NR_ftruncate64, fd, PAIR(far + 100)));
    SHOW(SYS(__NR_truncate64, "file", PAIR(far + 200)));
    SHOW(SYS(__NR_fallocate, fd, 1 /* KEEP_SIZE */, PAIR(MiB), PAIR(4096)));
    SHOW(SYS(__NR_fallocate, fd, 3 /* PUNCH_HOLE */, PAIR(far), PAIR(4096)));
    SHOW(SYS(__NR_pread64, fd, back, 5, PAIR(far)));
    SHOW(back[0]);
    SHOW(SYS(__NR_sync_file_range, fd, PAIR(far), PAIR(4096), 2));
    SHOW(SYS(__NR_fadvise64_64, fd, PAIR(far), PAIR(4096), 4));
    SHOW(SYS(__NR_readahead, fd, PAIR(far), 4096));
    int64_t place = 0;
    show("seek", seek_far(fd, &place));
    show("place", place == (int64_t)far);
#ifdef __riscv
    show("lock", SYS(__NR_fcntl64, fd, 13 /* F_SETLK64 */, &lock));
#else
    show("lock", SYS(__NR_fcntl64, fd, 6, &lock));
#endif
    SHOW(SYS(__NR_close, fd));
}

static void maps(void)
{
    long fd = SYS(__NR_openat, AT_FDCWD, "file", O_RDWR);
    SHOW(SYS(__NR_pwrite64, fd, "there", 5, PAIR(far + 4096)));
#ifdef __riscv
    char *p = (char *)SYS(__NR_mmap2, 0, 4096, 3, 1, fd, (long)((far + 4096) >> 12));
#else
    char *p = (char *)SYS(__NR_mmap, 0, 4096, 3, 1, fd, far + 4096);
#endif
    SHOW((unsigned long)p < (unsigned long)-4096);
    SHOW(same(p, "there", 5));
    SHOW(SYS(__NR_munmap, p, 4096));
    SHOW(SYS(__NR_close, fd));
    SHOW(SYS(__NR_unlinkat, AT_FDCWD, "file", 0));
}

static void times(void)
{
    struct __kernel_timespec a, b, ms = {0, 1000000};
    struct __kernel_itimerspec it = {{0, 0}, {1ll << 33, 0}}, left;
    SHOW(SYS(__NR_clock_gettime64, 1, &a));
    SHOW(SYS(__NR_clock_nanosleep_time64, 1, 0, &ms, 0));
    SHOW(SYS(__NR_clock_gettime64, 1, &b));
    SHOW((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 1000000);
    SHOW(SYS(__NR_clock_getres_time64, 1, &a));
    show64("resolution", (uint64_t)a.tv_nsec);
    long fd = SYS(__NR_timerfd_create, 1, 0);
    SHOW(SYS(__NR_timerfd_settime64, fd, 0, &it, 0));
    SHOW(SYS(__NR_timerfd_gettime64, fd, &left));
    SHOW(left.it_value.tv_sec >= (1ll << 33) - 5);
    struct {
        int fd;
        short events, revents;
    } p = {(int)fd, 1, 0};
    SHOW(SYS(__NR_ppoll_time64, &p, 1, &ms, 0, 8));
    SHOW(SYS(__NR_pselect6_time64, 0, 0, 0, 0, &ms, 0));
    int word = 3;
    SHOW(SYS(__NR_futex_time64, &word, 0, 3, &ms, 0, 0));
    SHOW(SYS(__NR_futex_time64, &word, 0, 4, &ms, 0, 0));
    uint64_t set = 1ull << 9;
    SHOW(SYS(__NR_rt_sigtimedwait_time64, &set, 0, &ms, 8));
    struct __kernel_timespec stamp[2] = {{1ll << 32, 5}, {(1ll << 32) + 7, 6}};
    struct statx x;
    fd = SYS(__NR_openat, AT_FDCWD, "old", O_RDWR | O_CREAT, 0600);
    SHOW(SYS(__NR_utimensat_time64, fd, 0, stamp, 0));
    SHOW(SYS(__NR_statx, fd, "", 0x1000, STATX_MTIME, &x));
    show64("mtime", (uint64_t)x.stx_mtime.tv_sec);
    SHOW(SYS(__NR_close, fd));
    SHOW(SYS(__NR_unlinkat, AT_FDCWD, "old", 0));
}

static void structures(void)
{
    uint64_t limit[2] = {0, 0};
    struct {
        void *name;
        unsigned namelen;
        struct vec *iov;
        unsigned long n, *control, n_control;
        unsigned flags;
    } m = {0};
    int sv[2] = {-1, -1};
    char text[8] = "message", back[8] = "";
    struct vec v = {text, 8}, w = {back, 8};
    SHOW(SYS(__NR_prlimit64, 0, 7, 0, limit));
    SHOW(limit[0] > 2 && limit[1] >= limit[0]);
    SHOW(SYS(__NR_socketpair, 1, 1, 0, sv));
    m.iov = &v;
    m.n = 1;
    SHOW(SYS(__NR_sendmsg, sv[0], &m, 0));
    m.iov = &w;
    SHOW(SYS(__NR_recvmsg, sv[1], &m, 0));
    SHOW(same(text, back, 8));
    struct {
        uint32_t events;
        uint64_t data;
    }
#ifndef __riscv
    __attribute__((packed))
#endif
    e = {1, 0x123456789abcdefull},
    got = {0};
    long fd = SYS(__NR_epoll_create1, 0);
    SHOW(SYS(__NR_epoll_ctl, fd, 1, sv[1], &e));
    SHOW(SYS(__NR_write, sv[0], "x", 1));
    SHOW(SYS(__NR_epoll_pwait, fd, &got, 1, 1000, 0, 8));
    show64("event", got.data);
    struct {
        long tv[2][2];
        long rest[14];
    } usage;
    SHOW(SYS(__NR_getrusage, 0, &usage));
    SHOW(usage.tv[0][0] >= 0 && usage.tv[0][1] < 1000000);
    char name[6 * 65];
    SHOW(SYS(__NR_uname, name));
    put(name);
    put("\n");
}

int main_(long *stack)
{
    files();
    maps();
    times();
    structures();
    SHOW(SYS(600));
    return 0;
}
