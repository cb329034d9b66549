/* fstat(2), newfstatat: struct stat of the asm-generic 64-bit ABIs (asm-generic/stat.h, 128 bytes) from
 * x86-64's (144 bytes). The layouts of statx(2) and statfs(2) agree. What is open may be a text of procfs.c,
 * a memfd: the guest is told of the file of /proc. */
#include "linux-user/sys_util.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

typedef struct GenericStat {
    uint64_t dev, ino;
    uint32_t mode, nlink, uid, gid;
    uint64_t rdev, pad1;
    int64_t size;
    int32_t blksize, pad2;
    int64_t blocks;
    int64_t atime;
    uint64_t atime_nsec;
    int64_t mtime;
    uint64_t mtime_nsec;
    int64_t ctime;
    uint64_t ctime_nsec;
    uint32_t unused[2];
} GenericStat;

_Static_assert(sizeof(GenericStat) == 128, "asm-generic/stat.h");

/* glibc's struct stat is the kernel's on x86-64. */
static long stat_write(LuThread *t, Gva dst, const struct stat *st)
{
    if (t->proc->abi->x86_structs)
        return guest_write(dst, st, sizeof *st) ? 0 : -EFAULT;
    GenericStat g = {
        .dev = st->st_dev,
        .ino = st->st_ino,
        .mode = st->st_mode,
        .nlink = (uint32_t)st->st_nlink,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .rdev = st->st_rdev,
        .size = st->st_size,
        .blksize = (int32_t)st->st_blksize,
        .blocks = st->st_blocks,
        .atime = st->st_atim.tv_sec,
        .atime_nsec = (uint64_t)st->st_atim.tv_nsec,
        .mtime = st->st_mtim.tv_sec,
        .mtime_nsec = (uint64_t)st->st_mtim.tv_nsec,
        .ctime = st->st_ctim.tv_sec,
        .ctime_nsec = (uint64_t)st->st_ctim.tv_nsec,
    };
    return guest_write(dst, &g, sizeof(g)) ? 0 : -EFAULT;
}

/* ---- texts of /proc ---- */

enum { TEXT_NAME_BYTES = 300 }; /* "/memfd:", a memfd's name, " (deleted)" */

long su_text_name(char *name, long n)
{
    static const char head[] = "/memfd:" LU_TEXT_NAME, tail[] = " (deleted)";
    const long before = sizeof(head) - 1, after = sizeof(tail) - 1, len = n - before - after;
    if (len <= 0 || memcmp(name, head, (size_t)before) || memcmp(name + n - after, tail, (size_t)after))
        return 0;
    memmove(name, name + before, (size_t)len);
    name[len] = 0;
    return len;
}

static bool is_text(int fd, char ret_name[TEXT_NAME_BYTES])
{
    return su_text_name(ret_name, su_fd_path(fd, ret_name, TEXT_NAME_BYTES)) > 0;
}

/* The same of a path, which can lead to a descriptor (/dev/stdin); an empty one, or none, is dirfd itself. */
static bool leads_to_text(int dirfd, const char *path, char ret_name[TEXT_NAME_BYTES])
{
    long fd = sys_call4(SYS_openat, dirfd, path, O_PATH | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return is_text(dirfd, ret_name);
    bool found = is_text((int)fd, ret_name);
    sys_close((int)fd);
    return found;
}

/* Nearly all files have a name, and are done with here. */
static bool has_no_name(uint64_t nlink, unsigned mode) { return UNLIKELY(!nlink) && S_ISREG(mode); }

long su_stat_path(LuThread *t, const uint64_t a[6], struct stat *ret_st)
{
    const char *path;
    char name[TEXT_NAME_BYTES];
    long r = su_path(t, (int)a[0], a[1], !(a[3] & AT_SYMLINK_NOFOLLOW), &path);
    if (!r)
        r = sys_call4(SYS_newfstatat, a[0], path, ret_st, a[3]);
    if (!r && has_no_name(ret_st->st_nlink, ret_st->st_mode) && leads_to_text((int)a[0], path, name))
        sys_call4(SYS_newfstatat, AT_FDCWD, name, ret_st, 0); /* if its process is gone, that is all */
    return r;
}

long su_stat_fd(uint64_t fd, struct stat *ret_st)
{
    char name[TEXT_NAME_BYTES];
    long r = sys_call2(SYS_fstat, fd, ret_st);
    if (!r && has_no_name(ret_st->st_nlink, ret_st->st_mode) && is_text((int)fd, name))
        sys_call4(SYS_newfstatat, AT_FDCWD, name, ret_st, 0);
    return r;
}

long su_statfs_fd(uint64_t fd, struct statfs *ret_fs)
{
    char name[TEXT_NAME_BYTES];
    long r = sys_call2(SYS_fstatfs, fd, ret_fs);
    if (!r && ret_fs->f_type == TMPFS_MAGIC && is_text((int)fd, name))
        sys_call2(SYS_statfs, name, ret_fs);
    return r;
}

/* ---- calls ---- */

long lu_sys_fstat(LuThread *t, const uint64_t a[6])
{
    struct stat st;
    long r = su_stat_fd(a[0], &st);
    return r ? r : stat_write(t, a[1], &st);
}

long lu_sys_newfstatat(LuThread *t, const uint64_t a[6])
{
    struct stat st;
    long r = su_stat_path(t, a, &st);
    return r ? r : stat_write(t, a[2], &st);
}

long lu_sys_statx(LuThread *t, const uint64_t a[6])
{
    const char *path;
    char name[TEXT_NAME_BYTES];
    struct statx st;
    long r = su_path(t, (int)a[0], a[1], !(a[2] & AT_SYMLINK_NOFOLLOW), &path);
    if (!r)
        r = sys_call5(SYS_statx, a[0], path, a[2], a[3], a[4]);
    if (!r && guest_read(&st, a[4], offsetof(struct statx, stx_ino)) &&
        has_no_name(st.stx_nlink, st.stx_mode) && leads_to_text((int)a[0], path, name))
        sys_call5(SYS_statx, AT_FDCWD, name, 0, a[3], a[4]);
    return r;
}

long lu_sys_fstatfs(LuThread *t, const uint64_t a[6])
{
    struct statfs fs;
    long r = su_statfs_fd(a[0], &fs);
    return r || guest_write(a[1], &fs, sizeof(fs)) ? r : -EFAULT;
}
