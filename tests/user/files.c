/* Regular files: creation, positions, vectors, links, times, locks, holes. */
#include "user.h"

#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

static void show_stat(const char *name)
{
    struct stat st;
    if (show_ok(name, lstat(name, &st)) == -1)
        return;
    printf("  mode %o nlink %lu size %ld blocks>0 %d blksize %ld\n", st.st_mode, (long)st.st_nlink,
           (long)st.st_size, st.st_blocks > 0, (long)st.st_blksize);
    if (st.st_mtim.tv_sec < 1500000000) /* set by utimensat */
        printf("  mtime %ld.%09ld\n", (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* By name: values differ from ISA to ISA. O_LARGEFILE is what a C library for 64 bits hides. */
static void show_flags(int flags)
{
#if defined(__aarch64__) || defined(__arm__)
    enum { LARGEFILE = 0400000 };
#else
    enum { LARGEFILE = 0100000 };
#endif
    static const struct { int bit; const char *name; } names[] = {
        {O_WRONLY, "WRONLY"}, {O_RDWR, "RDWR"}, {O_APPEND, "APPEND"}, {O_NONBLOCK, "NONBLOCK"},
        {O_DSYNC, "DSYNC"},
        {O_DIRECT, "DIRECT"}, {O_DIRECTORY, "DIRECTORY"}, {O_NOFOLLOW, "NOFOLLOW"}, {O_NOATIME, "NOATIME"},
        {O_PATH, "PATH"}, {LARGEFILE, "LARGEFILE"},
    };
    printf("flags");
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (flags & names[i].bit)
            printf(" %s", names[i].name);
        flags &= ~names[i].bit;
    }
    printf(" and %o\n", flags);
}

static void open_flags(void)
{
    SHOW(open("none", O_RDONLY));
    int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0640);
    SHOW_BOOL(fd >= 0);
    SHOW(open("a", O_RDWR | O_CREAT | O_EXCL, 0640));
    SHOW(open("a", O_RDONLY | O_DIRECTORY));
    SHOW(symlink("a", "l"));
    SHOW(open("l", O_RDONLY | O_NOFOLLOW));
    int p = open("l", O_PATH | O_NOFOLLOW);
    SHOW_BOOL(p >= 0);
    SHOW(fchmod(p, 0600));
    SHOW(read(p, &p, 1));
    close(p);
    SHOW(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
    SHOW(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
    show_flags(fcntl(fd, F_GETFL));
    p = open("a", O_WRONLY | O_CLOEXEC | O_SYNC);
    SHOW(fcntl(p, F_GETFD));
    show_flags(fcntl(p, F_GETFL));
    close(p);
    int t = open(".", O_TMPFILE | O_RDWR, 0600);
    if (t >= 0) {
        char path[64];
        SHOW(write(t, "tmp", 3));
        sprintf(path, "/proc/self/fd/%d", t);
        SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
        close(t);
    }
    SHOW(open("a/b", O_RDONLY));
    SHOW(open("", O_RDONLY));
    SHOW(open("a", O_WRONLY | O_TRUNC | O_DIRECTORY));
    char longname[5000];
    memset(longname, 'x', sizeof(longname) - 1);
    longname[sizeof(longname) - 1] = 0;
    SHOW(open(longname, O_RDONLY));
    longname[0] = '/';
    SHOW(open(longname, O_RDONLY));
    longname[300] = 0;
    SHOW(open(longname, O_RDONLY));
    SHOW(open((char *)8, O_RDONLY));
    close(fd);
}

static void positions(void)
{
    char buf[64] = {0};
    int fd = open("p", O_RDWR | O_CREAT | O_TRUNC, 0644);
    SHOW(write(fd, "0123456789", 10));
    SHOW(lseek(fd, 3, SEEK_SET));
    SHOW(read(fd, buf, 4));
    puts(buf);
    SHOW(lseek(fd, -1, SEEK_END));
    SHOW(lseek(fd, -100, SEEK_CUR));
    SHOW(lseek(fd, 0, 99));
    SHOW(pread(fd, buf, 5, 5));
    SHOW(pwrite(fd, "AB", 2, 20));
    SHOW(lseek(fd, 0, SEEK_CUR));
    struct iovec v[3] = {{buf, 3}, {buf + 10, 0}, {buf + 20, 30}};
    memset(buf, '.', sizeof(buf) - 1);
    SHOW(preadv(fd, v, 3, 1));
    printf("%.3s %.9s\n", buf, buf + 20);
    SHOW(pwritev(fd, v, 3, 100));
    SHOW(preadv2(fd, v, 3, -1, 0));
    SHOW(preadv2(fd, v, 3, 0, 0x4000));
    SHOW(readv(fd, v, -1));
    SHOW(readv(fd, (void *)8, 1));
    SHOW(pread(fd, buf, 5, -1));
    SHOW(ftruncate(fd, 1 << 20));
    SHOW(ftruncate(fd, -1));
    SHOW(lseek(fd, 0, SEEK_DATA));
    SHOW_BOOL(lseek(fd, 4096, SEEK_HOLE) >= 4096);
    SHOW(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 8192));
    SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    SHOW(readahead(fd, 0, 4096));
    SHOW(fsync(fd));
    SHOW(fdatasync(fd));
    SHOW(sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE));
    SHOW(truncate("p", 12));
    show_stat("p");
    close(fd);
    SHOW(read(fd, buf, 1));
}

static void copies(void)
{
    int a = open("p", O_RDONLY), b = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0644), p[2];
    off_t off = 2;
    char buf[32] = {0};
    SHOW(sendfile(b, a, &off, 5));
    SHOW(off);
    SHOW(sendfile(b, a, NULL, 3));
    off = 4;
    off64_t out = 20;
    SHOW(copy_file_range(a, &off, b, &out, 4, 0));
    SHOW(out);
    SHOW(pipe2(p, O_CLOEXEC));
    off = 0;
    SHOW(splice(a, &off, p[1], NULL, 6, 0));
    int q[2];
    SHOW(pipe(q));
    SHOW(tee(p[0], q[1], 6, 0));
    SHOW(read(q[0], buf, 32));
    SHOW(splice(p[0], NULL, b, NULL, 6, 0));
    struct iovec v = {"vmsplice", 8};
    SHOW(vmsplice(p[1], &v, 1, 0));
    SHOW(read(p[0], buf, 32));
    puts(buf);
    SHOW(pread(b, buf, 8, 0));
    printf("%.8s\n", buf);
    close(a);
    close(b);
}

static void names(void)
{
    char buf[64] = {0};
    SHOW(link("a", "hard"));
    SHOW(link("a", "hard"));
    SHOW(linkat(AT_FDCWD, "l", AT_FDCWD, "hardlink-of-link", 0));
    show_stat("a");
    SHOW(readlink("l", buf, sizeof(buf)));
    SHOW(readlink("a", buf, sizeof(buf)));
    SHOW(readlink("l", buf, 0));
    SHOW(symlink("loop2", "loop1"));
    SHOW(symlink("loop1", "loop2"));
    SHOW(open("loop1", O_RDONLY));
    SHOW(rename("hard", "moved"));
    SHOW(renameat2(AT_FDCWD, "moved", AT_FDCWD, "p", RENAME_NOREPLACE));
    SHOW(renameat2(AT_FDCWD, "moved", AT_FDCWD, "p", RENAME_EXCHANGE));
    SHOW(unlink("moved"));
    SHOW(unlink("moved"));
    SHOW(mkdir("d", 0700));
    SHOW(mkdir("d", 0700));
    SHOW(rename("d", "d/e"));
    SHOW(unlink("d"));
    SHOW(rmdir("a"));
    SHOW(mkfifo("fifo", 0600));
    show_stat("fifo");
    SHOW(open("fifo", O_WRONLY | O_NONBLOCK));
    SHOW(mknod("node", S_IFREG | 0600, 0));
    show_stat("node");
}

static void attributes(void)
{
    struct timespec ts[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
    SHOW(utimensat(AT_FDCWD, "a", ts, 0));
    show_stat("a");
    ts[0].tv_nsec = UTIME_OMIT;
    ts[1].tv_sec = 5;
    SHOW(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
    show_stat("l");
    struct stat st;
    SHOW(stat("a", &st));
    SHOW(st.st_atim.tv_sec);
    SHOW(chmod("a", 04711));
    show_stat("a");
    SHOW(fchmodat(AT_FDCWD, "none", 0600, 0));
    SHOW(umask(027));
    close(open("masked", O_CREAT | O_WRONLY, 0666));
    show_stat("masked");
    SHOW(umask(022));
    SHOW(chown("a", -1, -1));
    SHOW(access("a", R_OK | W_OK));
    SHOW(access("masked", R_OK));
    SHOW(access("none", F_OK));
    SHOW(access("a", 64));
    SHOW(faccessat(AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW | AT_EACCESS));
    struct statx sx;
    SHOW(statx(AT_FDCWD, "a", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &sx));
    printf("statx %o %llu %u %lld\n", sx.stx_mode, (long long)sx.stx_size, sx.stx_nlink,
           (long long)sx.stx_mtime.tv_sec);
    SHOW(stat("/dev/null", &st));
    printf("null %o %u:%u\n", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
    struct statfs fs;
    SHOW(statfs("/proc", &fs));
    printf("proc %lx namelen %ld bsize %ld\n", (long)fs.f_type, (long)fs.f_namelen, (long)fs.f_bsize);
    SHOW(fstat(-1, &st));
    SHOW(syscall(SYS_fstat, 0, (void *)8));
    SHOW(syscall(SYS_newfstatat, AT_FDCWD, "", &st, 0));
    SHOW(syscall(SYS_newfstatat, AT_FDCWD, "a", &st, 0x40000000));
}

static void locks(void)
{
    int a = open("a", O_RDWR), b = open("a", O_RDWR);
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5};
    SHOW(flock(a, LOCK_EX));
    SHOW(flock(b, LOCK_EX | LOCK_NB));
    SHOW(flock(a, LOCK_UN));
    SHOW(fcntl(a, F_OFD_SETLK, &fl));
    SHOW(fcntl(b, F_OFD_SETLK, &fl));
    SHOW(fcntl(b, F_OFD_GETLK, &fl));
    printf("lock %d %ld %ld %d\n", fl.l_type, (long)fl.l_start, (long)fl.l_len, fl.l_pid);
    fl.l_type = F_UNLCK;
    fl.l_pid = 0;
    SHOW(fcntl(a, F_OFD_SETLK, &fl));
    fl.l_type = F_WRLCK;
    SHOW(fcntl(b, F_SETLKW, &fl));
    SHOW(fcntl(b, F_SETLK, (void *)8));
    SHOW(fcntl(a, 9999, 0));
    close(a);
    close(b);
}

static void descriptors(void)
{
    int a = open("a", O_RDONLY);
    SHOW_BOOL(dup(a) > a);
    SHOW(dup2(a, 100));
    SHOW(dup2(a, a) == a);
    SHOW(dup3(a, a, 0));
    SHOW(dup3(a, 101, O_CLOEXEC));
    SHOW(fcntl(101, F_GETFD));
    SHOW(fcntl(a, F_DUPFD, 200));
    SHOW(fcntl(a, F_DUPFD_CLOEXEC, 200));
    SHOW(dup2(a, -1));
    SHOW(dup2(a, 1 << 30));
    SHOW(dup2(99, 100));
    SHOW(close_range(100, 150, 0));
    SHOW(close(100));
    SHOW(close_range(200, 201, 4));
    SHOW(fcntl(200, F_GETFD));
    SHOW(close_range(5, 4, 0));
    SHOW(close(-1));
    SHOW(syscall(SYS_close_range, 150, ~0u, 0));
    SHOW(fcntl(201, F_GETFD));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    umask(022);
    open_flags();
    positions();
    copies();
    names();
    attributes();
    locks();
    descriptors();
    return 0;
}
