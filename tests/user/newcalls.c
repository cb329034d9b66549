/* System calls newer than most C libraries, by number (the same on all ISAs from 424 on). */
#include "user.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

enum {
    PIDFD_SEND_SIGNAL = 424,
    OPEN_TREE = 428,
    FSOPEN = 430,
    FSPICK = 433,
    PIDFD_OPEN = 434,
    CLOSE_RANGE = 436,
    OPENAT2 = 437,
    PIDFD_GETFD = 438,
    FACCESSAT2 = 439,
    EPOLL_PWAIT2 = 441,
    MOUNT_SETATTR = 442,
    QUOTACTL_FD = 443,
    LANDLOCK_CREATE = 444,
    LANDLOCK_ADD = 445,
    LANDLOCK_RESTRICT = 446,
    MEMFD_SECRET = 447,
    MRELEASE = 448,
    FUTEX_WAITV = 449,
    CACHESTAT = 451,
    FCHMODAT2 = 452,
    FUTEX_WAKE2 = 454,
    FUTEX_WAIT2 = 455,
    FUTEX_REQUEUE2 = 456,
    STATMOUNT = 457,
    LISTMOUNT = 458,
    LSM_GET = 459,
    LSM_SET = 460,
    LSM_LIST = 461,
    SETXATTRAT = 463,
    GETXATTRAT = 464,
    LISTXATTRAT = 465,
    REMOVEXATTRAT = 466,
    OPEN_TREE_ATTR = 467,
    FILE_GETATTR = 468,
    FILE_SETATTR = 469,
};

static void files(void)
{
    int fd = open("f", O_CREAT | O_RDWR, 0600), d = open(".", O_RDONLY | O_DIRECTORY);
    struct stat st;
    write(fd, "0123456789", 10);
    SHOW(syscall(FCHMODAT2, d, "f", 0640, 0));
    stat("f", &st);
    printf("%o\n", st.st_mode);
    SHOW(symlink("f", "l"));
    SHOW(syscall(FCHMODAT2, d, "l", 0600, AT_SYMLINK_NOFOLLOW));
    SHOW(syscall(FCHMODAT2, d, "none", 0600, 0));
    SHOW(syscall(FCHMODAT2, d, "f", 0600, 0x8000));
    uint64_t range[2] = {0, 10}, cs[5] = {9};
    SHOW(syscall(CACHESTAT, fd, range, cs, 0));
    printf("%lu\n", (long)cs[0]);
    SHOW(syscall(CACHESTAT, fd, range, cs, 7));
    struct {
        uint64_t value;
        uint32_t size, flags;
    } xa = {(uint64_t)(uintptr_t) "value", 5, 0};
    char buf[64] = {0};
    SHOW(syscall(SETXATTRAT, d, "f", 0, "user.test", &xa, sizeof(xa)));
    xa = (typeof(xa)){(uint64_t)(uintptr_t)buf, sizeof(buf), 0};
    SHOW(syscall(GETXATTRAT, d, "f", 0, "user.test", &xa, sizeof(xa)));
    puts(buf);
    SHOW(syscall(LISTXATTRAT, d, "f", 0, buf, sizeof(buf)));
    SHOW(syscall(REMOVEXATTRAT, d, "f", 0, "user.test"));
    SHOW(syscall(REMOVEXATTRAT, d, "f", 0, "user.test"));
    SHOW(fgetxattr(fd, "user.test", buf, sizeof(buf)));
    SHOW(setxattr("f", "user.a", "b", 1, XATTR_REPLACE));
    SHOW(lsetxattr("l", "user.a", "b", 1, 0));
    SHOW(listxattr("f", buf, 0));
    uint64_t attr[4] = {0};
    SHOW(syscall(FILE_GETATTR, d, "f", attr, 24, 0));
    SHOW(syscall(FILE_GETATTR, d, "f", attr, 4, 0));
    SHOW(syscall(FILE_SETATTR, d, "f", attr, 4, 0));
    uint64_t how[3] = {O_RDONLY, 0, 0x08 /* RESOLVE_BENEATH */};
    SHOW(syscall(OPENAT2, d, "/etc/passwd", how, sizeof(how)));
    SHOW(syscall(OPENAT2, d, "../x", how, sizeof(how)));
    SHOW_BOOL(syscall(OPENAT2, d, "f", how, sizeof(how)) >= 0);
    how[2] = 0x04; /* RESOLVE_NO_SYMLINKS */
    SHOW(syscall(OPENAT2, d, "l", how, sizeof(how)));
    how[1] = 0600;
    SHOW(syscall(OPENAT2, d, "f", how, sizeof(how)));
    SHOW(syscall(FACCESSAT2, d, "f", R_OK, AT_EACCESS));
    SHOW(syscall(FACCESSAT2, d, "f", R_OK, 1));
}

static void processes(void)
{
    int st;
    siginfo_t si = {0};
    pid_t child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
    int p = (int)syscall(PIDFD_OPEN, child, 0);
    SHOW_BOOL(p >= 0);
    SHOW(fcntl(p, F_GETFD));
    SHOW(syscall(PIDFD_OPEN, child, 0x10));
    SHOW(syscall(PIDFD_OPEN, -1, 0));
    SHOW(syscall(PIDFD_SEND_SIGNAL, p, 0, NULL, 0));
    int g = (int)syscall(PIDFD_GETFD, p, 1, 0);
    SHOW_BOOL(g >= 0);
    SHOW(syscall(PIDFD_GETFD, p, 999, 0));
    SHOW(waitid(P_PIDFD, (id_t)p, &si, WEXITED | WNOHANG));
    SHOW(si.si_pid);
    SHOW(syscall(PIDFD_SEND_SIGNAL, p, SIGTERM, NULL, 0));
    SHOW(waitid(P_PIDFD, (id_t)p, &si, WEXITED));
    printf("%d %d %d\n", si.si_pid == child, si.si_code, si.si_status);
    SHOW(waitpid(child, &st, 0));
    SHOW(syscall(PIDFD_SEND_SIGNAL, p, SIGTERM, NULL, 0));
    SHOW(syscall(MRELEASE, p, 0));
    SHOW(syscall(MRELEASE, 0, 0));
}

static void futexes(void)
{
    uint32_t w = 5;
    struct {
        uint64_t val, addr;
        uint32_t flags, reserved;
    } v[2] = {{5, (uint64_t)(uintptr_t)&w, 2, 0}, {7, (uint64_t)(uintptr_t)&w, 2, 0}};
    struct timespec now;
    SHOW(syscall(FUTEX_WAITV, v, 2, 0, NULL, 0));
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ts[2] = {now.tv_sec, now.tv_nsec}; /* on all ISAs */
    SHOW(syscall(FUTEX_WAITV, v, 1, 0, &ts, CLOCK_MONOTONIC));
    SHOW(syscall(FUTEX_WAITV, v, 200, 0, NULL, 0));
    SHOW(syscall(FUTEX_WAKE2, &w, 0xffffffffl, 1, 2));
    SHOW(syscall(FUTEX_WAIT2, &w, 6l, 0xffffffffl, 2, NULL, 0));
    SHOW(syscall(FUTEX_WAIT2, &w, 5l, 0xffffffffl, 2, &ts, CLOCK_MONOTONIC));
    SHOW(syscall(FUTEX_REQUEUE2, NULL, 0, 0, 0));
}

static void others(void)
{
    uint64_t rules[2] = {1, 0};
    char buf[256];
    uint32_t size = sizeof(buf);
    SHOW(syscall(LANDLOCK_CREATE, NULL, 0, 1) >= -1);
    SHOW(syscall(LANDLOCK_CREATE, rules, 3, 0));
    SHOW(syscall(LANDLOCK_ADD, 0, 1, buf, 0));
    SHOW(syscall(LANDLOCK_RESTRICT, 0, 0));
    SHOW(syscall(LSM_LIST, buf, &size, 1));
    SHOW(syscall(LSM_GET, 100, buf, &size, 0));
    SHOW(syscall(LSM_SET, 100, buf, 3, 0));
    SHOW(syscall(STATMOUNT, NULL, buf, sizeof(buf), 0));
    SHOW(syscall(LISTMOUNT, NULL, buf, 1, 0));
    SHOW(syscall(FSOPEN, "nosuchfs", 0));
    SHOW(syscall(FSPICK, AT_FDCWD, "none", 0));
    SHOW(syscall(OPEN_TREE, AT_FDCWD, "none", 0));
    SHOW(syscall(OPEN_TREE_ATTR, AT_FDCWD, "none", 0, NULL, 0));
    SHOW(syscall(MOUNT_SETATTR, AT_FDCWD, "none", 0, rules, 16));
    SHOW(syscall(QUOTACTL_FD, 0, 0, 0, NULL));
#ifdef __arm__ /* never had it */
    puts("syscall(MEMFD_SECRET, 0x1234): -1 EINVAL");
#else
    SHOW(syscall(MEMFD_SECRET, 0x1234));
#endif
    SHOW(syscall(CLOSE_RANGE, 100, 200, 0));
    int m = memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    SHOW(ftruncate(m, 4096));
    SHOW(fcntl(m, F_ADD_SEALS, F_SEAL_SHRINK));
    SHOW(ftruncate(m, 0));
    SHOW(fcntl(m, F_GET_SEALS));
    char link[64] = {0}, path[64];
    sprintf(path, "/proc/self/fd/%d", m);
    SHOW(readlink(path, link, sizeof(link)));
    puts(link);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    files();
    processes();
    futexes();
    others();
    return 0;
}
