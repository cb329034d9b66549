/* fstat(2), newfstatat: struct stat of the asm-generic 64-bit ABIs (asm-generic/stat.h, 128 bytes) from
 * x86-64's (144 bytes). statx(2) and statfs(2) need nothing: their layouts agree. */
#include "linux-user/sys_util.h"

#include <fcntl.h>
#include <sys/stat.h>

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

long lu_sys_fstat(LuThread *t, const uint64_t a[6])
{
    struct stat st;
    long r = sys_call2(SYS_fstat, a[0], &st);
    return r ? r : stat_write(t, a[1], &st);
}

long lu_sys_newfstatat(LuThread *t, const uint64_t a[6])
{
    struct stat st;
    const char *path;
    long r = su_path(t, (int)a[0], a[1], !(a[3] & AT_SYMLINK_NOFOLLOW), &path);
    if (!r)
        r = sys_call4(SYS_newfstatat, a[0], path, &st, a[3]);
    return r ? r : stat_write(t, a[2], &st);
}
