/* Files for 32-bit guests. Sources: stat(2), statfs(2), lseek(2), fcntl(2), getdents(2), sendfile(2); what is
 * EOVERFLOW was taken from the manual pages. */
#include "linux-user/abi32/lu32.h"
#include "linux-user/mm.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/vfs.h>

/* ---- stat ---- */

long lu32_stat(LuThread *t, const uint64_t a[6])
{
    struct stat st;
    long r = su_stat_path(t, a, &st);
    return r ? r : lu32_write(t->abi->calls32->stat, a[2], &st);
}

long lu32_fstat(LuThread *t, const uint64_t a[6])
{
    struct stat st;
    long r = su_stat_fd(a[0], &st);
    return r ? r : lu32_write(t->abi->calls32->stat, a[1], &st);
}

long lu32_stat64(LuThread *t, const uint64_t a[6])
{
    struct stat st;
    long r = su_stat_path(t, a, &st);
    return r ? r : lu32_write(t->abi->calls32->stat64, a[2], &st);
}

long lu32_fstat64(LuThread *t, const uint64_t a[6])
{
    struct stat st;
    long r = su_stat_fd(a[0], &st);
    return r ? r : lu32_write(t->abi->calls32->stat64, a[1], &st);
}

/* ---- statfs ---- */

static long statfs_path(LuThread *t, Gva at, struct statfs *fs)
{
    const char *path;
    long r = su_path(t, AT_FDCWD, at, true, &path);
    return r ? r : sys_call2(SYS_statfs, path, fs);
}

long lu32_statfs(LuThread *t, const uint64_t a[6])
{
    struct statfs fs;
    long r = statfs_path(t, a[0], &fs);
    return r ? r : lu32_write(LU32_statfs32, a[1], &fs);
}

long lu32_fstatfs(LuThread *t, const uint64_t a[6])
{
    struct statfs fs;
    long r = su_statfs_fd(a[0], &fs);
    return r ? r : lu32_write(LU32_statfs32, a[1], &fs);
}

/* statfs64(path, size, buffer) */
static bool statfs64_size(const LuThread *t)
{
    const uint8_t *sizes = t->abi->calls32->statfs64_sizes;
    return t->syscall_arg[1] == sizes[0] || t->syscall_arg[1] == sizes[1];
}

long lu32_statfs64(LuThread *t, const uint64_t a[6])
{
    struct statfs fs;
    long r = statfs64_size(t) ? statfs_path(t, a[0], &fs) : -EINVAL;
    return r ? r : lu32_write(t->abi->calls32->statfs64, a[1], &fs);
}

long lu32_fstatfs64(LuThread *t, const uint64_t a[6])
{
    struct statfs fs;
    long r = statfs64_size(t) ? su_statfs_fd(a[0], &fs) : -EINVAL;
    return r ? r : lu32_write(t->abi->calls32->statfs64, a[1], &fs);
}

/* ---- places in directories ---- */

/* Where the kernel has no 32-bit entry, its 64-bit places get numbers of 32 bits: those of the last reads are
 * known. A program that comes back to an older one is told EINVAL. */
enum { PLACES = 1 << 15, PLACE_MARK = 1 << 30 };

struct LuDirPlaces {
    uint32_t next;
    uint64_t at[PLACES];
};

static struct LuDirPlaces *places_locked(LuProc *p)
{
    if (!p->dir_places)
        p->dir_places = lu_mm_arena_alloc(p->mm, sizeof(*p->dir_places));
    return p->dir_places;
}

static uint64_t place_number(LuProc *p, uint64_t place)
{
    if (place <= INT32_MAX)
        return place;
    lock_take(&p->lock);
    struct LuDirPlaces *d = places_locked(p);
    uint32_t n = d ? d->next : 0;
    bool again = n && d->at[(n - 1) % PLACES] == place;
    if (again)
        n--;
    else if (d)
        d->at[d->next++ % PLACES] = place;
    lock_release(&p->lock);
    return PLACE_MARK | (n & (PLACE_MARK - 1));
}

/* The place of a number; what is none is a place itself. */
static long place_of(LuProc *p, uint64_t number, int64_t *ret)
{
    long r = 0;
    *ret = (int64_t)number;
    if (number < PLACE_MARK || number > INT32_MAX)
        return 0;
    lock_take(&p->lock);
    const struct LuDirPlaces *d = p->dir_places;
    uint32_t n = number & (PLACE_MARK - 1);
    if (d && n < d->next && d->next - n <= PLACES)
        *ret = (int64_t)d->at[n % PLACES];
    else if (d)
        r = -EINVAL;
    lock_release(&p->lock);
    return r;
}

/* ---- positions ---- */

enum { COMPAT_LLSEEK = 140, COMPAT_GETDENTS64 = 220 }; /* asm/unistd_32.h of the host */

/* Positions in a directory may be hashes, of 64 bits for callers by 64-bit calls: those of the 32-bit table
 * get 32. */
static bool is_directory(int fd)
{
    struct stat st;
    return !sys_call2(SYS_fstat, fd, &st) && S_ISDIR(st.st_mode);
}

static long seek(LuThread *t, int fd, int64_t offset, int whence, int64_t *ret)
{
    long r = -ENOSYS;
    bool dir = is_directory(fd);
    if (dir) {
        /* The result goes to the guest's memory, the only one below 4 GiB: its stack, below what is in
         * use. */
        Gva at = align_down(t->proc->abi->get_sp(t->cpu) - 256, 8);
        r = sys_compat5(COMPAT_LLSEEK, fd, (long)(offset >> 32), (long)(uint32_t)offset, (long)at, whence);
        if (!r)
            return guest_read(ret, at, sizeof(*ret)) ? 0 : -EFAULT;
    }
    if (r != -ENOSYS && r != -EFAULT)
        return r;
    r = dir && whence == SEEK_SET ? place_of(t->proc, (uint64_t)offset, &offset) : 0;
    if (r)
        return r;
    *ret = r = su_seek(t->proc, (uint64_t)fd, (uint64_t)offset, (uint64_t)whence);
    if (dir && r > 0)
        *ret = (int64_t)place_number(t->proc, (uint64_t)r);
    return sys_is_err(r) ? r : 0;
}

long lu32_lseek(LuThread *t, const uint64_t a[6])
{
    int64_t at = 0;
    long r = seek(t, (int)a[0], (int64_t)a[1], (int)a[2], &at);
    if (r)
        return r;
    return at == (int32_t)at ? (long)at : -EOVERFLOW;
}

/* _llseek(fd, high, low, result, whence) */
long lu32_llseek(LuThread *t, const uint64_t a[6])
{
    const uint64_t *v = t->syscall_arg;
    int64_t at = 0;
    long r = seek(t, (int)v[0], (int64_t)(v[1] << 32 | v[2]), (int)v[4], &at);
    if (r)
        return r;
    return guest_write(su_pointer(t->proc, v[3]), &at, sizeof(at)) ? 0 : -EFAULT;
}

long lu32_sendfile(LuThread *t, const uint64_t a[6])
{
    int64_t at = 0;
    if (!a[2])
        return lu_blocking(t, SYS_sendfile, (long)a[0], (long)a[1], 0, (long)a[3], 0, 0);
    FaultVal v = fault_ld32(a[2]);
    if (v.fault)
        return -EFAULT;
    at = (int32_t)v.val;
    long r = lu_blocking(t, SYS_sendfile, (long)a[0], (long)a[1], (long)&at, (long)a[3], 0, 0);
    return r >= 0 && fault_st32(a[2], (uint64_t)at) ? -EFAULT : r;
}

/* ---- directories ---- */

/* struct linux_dirent64; struct linux_dirent: inode and offset of 4 bytes, length, name, type in the last
 * byte. */
enum { OLD_NAME = 10, NEW_OFF = 8, NEW_RECLEN = 16, NEW_TYPE = 18, NEW_NAME = 19 };

/* getdents64 of the guest's memory, by the 32-bit entry where there is one. */
static long read_directory(LuThread *t, int fd, Gva at, uint32_t n)
{
    long r = -ENOSYS;
    if (!lu32_outside(t, at, n))
        r = sys_compat5(COMPAT_GETDENTS64, fd, (long)at, n, 0, 0);
    if (r != -ENOSYS)
        return r;
    r = sys_call3(SYS_getdents64, fd, at, n);
    for (Gva rec = at; r > 0 && rec < at + (uint64_t)r;) {
        FaultVal len = fault_ld16(rec + NEW_RECLEN), off = fault_ld64(rec + NEW_OFF);
        if (len.fault || !len.val || fault_st64(rec + NEW_OFF, place_number(t->proc, off.val)))
            return -EFAULT;
        rec += len.val;
    }
    return r;
}

long lu32_getdents64(LuThread *t, const uint64_t a[6])
{
    for (;;) {
        long n = read_directory(t, (int)a[0], a[1], (uint32_t)a[2]);
        long left = n <= 0 ? n : su_hide_records(t, (int)a[0], a[1], n);
        if (left || n <= 0)
            return left; /* nothing left would read as the end of the directory */
    }
}


/* Records become shorter, so this is done in place. */
static long to_old_records(Gva at, long n)
{
    Gva to = at, end = at + (uint64_t)n;
    for (Gva from = at; from < end;) {
        uint8_t rec[NEW_NAME + 256 + 8] = {0}, old[OLD_NAME + 256 + 8] = {0};
        FaultVal len = fault_ld16(from + NEW_RECLEN);
        if (len.fault || len.val < NEW_NAME || !guest_read(rec, from, MIN(len.val, sizeof(rec) - 1)))
            return -EFAULT;
        size_t name = strlen((char *)rec + NEW_NAME), size = align_up(OLD_NAME + name + 2, 4);
        uint64_t ino, off;
        memcpy(&ino, rec, 8);
        memcpy(&off, rec + NEW_OFF, 8);
        if (ino > UINT32_MAX)
            return to == at ? -EOVERFLOW : (long)(to - at);
        memcpy(old, &ino, 4);
        memcpy(old + 4, &off, 4);
        memcpy(old + 8, &size, 2);
        memcpy(old + OLD_NAME, rec + NEW_NAME, name);
        old[size - 1] = rec[NEW_TYPE];
        if (!guest_write(to, old, size))
            return -EFAULT;
        from += len.val;
        to += size;
    }
    return (long)(to - at);
}

long lu32_getdents(LuThread *t, const uint64_t a[6])
{
    long n = lu32_getdents64(t, a);
    return n > 0 ? to_old_records(a[1], n) : n;
}

/* ---- descriptors ---- */

long lu32_dup2(LuThread *t, const uint64_t a[6])
{
    if ((uint32_t)a[0] == (uint32_t)a[1]) {
        long r = sys_call3(SYS_fcntl, a[0], F_GETFD, 0);
        return sys_is_err(r) ? r : (long)(uint32_t)a[1];
    }
    return lu_sys_dup3(t, (const uint64_t[6]){a[0], a[1], 0});
}

/* Locks whose structure is the guest's own; one of 64 bits may be packed. */
static long lock_packed(LuThread *t, const uint64_t a[6], Lu32Struct s)
{
    struct flock *lock = arena_new(&t->scratch, struct flock);
    long r = lock ? lu32_read(s, lock, a[2]) : -ENOMEM;
    if (!r)
        r = lu_sys_fcntl(t, (const uint64_t[6]){a[0], a[1], (uintptr_t)lock});
    return r || (a[1] != F_GETLK && a[1] != F_OFD_GETLK) ? r : lu32_write(s, a[2], lock);
}

static long lock_old(LuThread *t, const uint64_t a[6])
{
    struct flock lock;
    long r = lu32_read(LU32_flock32, &lock, a[2]);
    if (r)
        return r;
    r = a[1] == F_SETLKW ? lu_blocking(t, SYS_fcntl, (long)a[0], F_SETLKW, (long)&lock, 0, 0, 0)
                         : sys_call3(SYS_fcntl, a[0], a[1], &lock);
    if (r || a[1] != F_GETLK)
        return r;
    /* A length that does not fit is said to be to the end, a start is an error: fcntl(2). */
    if (lock.l_start > INT_MAX)
        return -EOVERFLOW;
    lock.l_len = MIN(lock.l_len, (off_t)INT_MAX);
    return lu32_write(LU32_flock32, a[2], &lock);
}

enum { GETLK64 = 12, SETLK64, SETLKW64 };

/* struct flock64 is the host's struct flock. Owners are int and pid_t, which agree. */
long lu32_fcntl64(LuThread *t, const uint64_t a[6])
{
    uint64_t v[6] = {a[0], (uint32_t)a[1], a[2]};
    uint8_t packed = t->abi->calls32->flock64;
    switch ((uint32_t)a[1]) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW: return lock_old(t, v);
    case GETLK64:
    case SETLK64:
    case SETLKW64:
        v[1] = v[1] - GETLK64 + F_GETLK;
        __attribute__((fallthrough));
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        if (packed)
            return lock_packed(t, v, (Lu32Struct)(packed - 1));
        __attribute__((fallthrough));
    default: return lu_sys_fcntl(t, v);
    }
}

/* The call of programs without large files does not know the others' commands. */
long lu32_fcntl(LuThread *t, const uint64_t a[6])
{
    switch ((uint32_t)a[1]) {
    case GETLK64:
    case SETLK64:
    case SETLKW64:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return -EINVAL;
    default: return lu32_fcntl64(t, a);
    }
}

long lu32_epoll_create(LuThread *t, const uint64_t a[6])
{
    return (int32_t)a[0] <= 0 ? -EINVAL : sys_call1(SYS_epoll_create1, 0);
}

/* utimes(path, timeval[2]) and futimesat, as utimensat. */
long lu32_utimes(LuThread *t, const uint64_t a[6])
{
    struct timespec ts[2];
    const char *path;
    for (unsigned i = 0; a[2] && i < 2; i++) {
        struct timeval tv;
        if (lu32_read(LU32_tv32, &tv, a[2] + i * lu32_guest_size(LU32_tv32)))
            return -EFAULT;
        if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
            return -EINVAL;
        ts[i] = (struct timespec){tv.tv_sec, tv.tv_usec * 1000};
    }
    long r = su_path(t, (int)a[0], a[1], true, &path);
    return r ? r : sys_call4(SYS_utimensat, a[0], path, a[2] ? ts : NULL, 0);
}
