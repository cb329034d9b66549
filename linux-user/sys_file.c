/* Opening, closing and naming of files: openat(2), openat2(2), close(2), close_range(2), dup(2), fcntl(2),
 * getcwd(2), readlink(2), chroot(2), mount(2), pivot_root(2). Flags of open are the host's here already, but
 * for those in openat2's structure and fcntl's third argument (lu_open_flags()). */
#include "linux-user/sys_util.h"

#include "linux-user/seccomp.h"
#include "linux-user/uring.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sys/mount.h>

enum { LU_PAGE = 4096 };

long lu_sys_openat(LuThread *t, const uint64_t a[6])
{
    const char *path = guest_ptr(a[1]); /* if it cannot be read, the kernel says so in its turn */
    if (!su_path_copy(t, a[1], &path)) {
        long r = lu_proc_open(t, (int)a[0], path, (int)a[2]);
        if (r != -ENOTSUP)
            return r;
        path = lu_path(t, (int)a[0], path);
    }
    return lu_blocking(t, SYS_openat, (long)a[0], (long)path, (long)a[2], (long)a[3], 0, 0);
}

long su_open_how(LuThread *t, Gva at, uint64_t size, struct open_how **ret_how)
{
    if (size < sizeof(struct open_how))
        return -EINVAL;
    if (size > LU_PAGE)
        return -E2BIG;
    struct open_how *how = arena_alloc(&t->scratch, size, 8); /* a structure of a later kernel is longer */
    if (!how)
        return -ENOMEM;
    if (!guest_read(how, at, size))
        return -EFAULT;
    how->flags = (how->flags & ~0xffffffffull) | lu_open_flags(t->proc->abi, (uint32_t)how->flags);
    *ret_how = how;
    return 0;
}

long lu_sys_openat2(LuThread *t, const uint64_t a[6])
{
    struct open_how *how;
    const char *path = guest_ptr(a[1]);
    long err = su_open_how(t, a[2], a[3], &how);
    if (err)
        return err;
    /* With a root of its own, a leading slash does not mean the file system's root. */
    bool own_root = how->resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH);
    if (!own_root && !su_path_copy(t, a[1], &path)) {
        long r = how->resolve ? -ENOTSUP : lu_proc_open(t, (int)a[0], path, (int)how->flags);
        if (r != -ENOTSUP)
            return r;
        path = lu_path(t, (int)a[0], path);
    }
    return lu_blocking(t, SYS_openat2, (long)a[0], (long)path, (long)how, (long)a[3], 0, 0);
}

static void closing(LuThread *t, uint32_t first, uint32_t last)
{
    if (UNLIKELY(t->proc->rings != NULL))
        lu_uring_fds_closing(t, first, last);
}

static long copied(LuThread *t, uint64_t from, long to)
{
    if (UNLIKELY(t->proc->rings != NULL) && to >= 0)
        lu_uring_fd_copied(t, (int)from, (int)to);
    return to;
}

long lu_sys_close(LuThread *t, const uint64_t a[6])
{
    closing(t, (uint32_t)a[0], (uint32_t)a[0]);
    return sys_call1(SYS_close, a[0]);
}

long lu_sys_dup(LuThread *t, const uint64_t a[6])
{
    return copied(t, a[0], sys_call1(SYS_dup, a[0]));
}

/* The emulator's descriptors stay: the range is closed in pieces around them. */
long lu_sys_close_range(LuThread *t, const uint64_t a[6])
{
    uint32_t first = (uint32_t)a[0], last = (uint32_t)a[1];
    if (first > last)
        return -EINVAL;
    if (a[2] & CLOSE_RANGE_UNSHARE && t->proc->n_threads > 1)
        t->own_files = true;
    if (!(a[2] & CLOSE_RANGE_CLOEXEC))
        closing(t, first, last);
    for (;;) {
        const int *hidden[SU_HIDDEN];
        uint32_t next = UINT32_MAX;
        for (unsigned i = 0, n = su_hidden_fds(t->proc, hidden); i < n; i++) {
            if ((uint32_t)*hidden[i] >= first && (uint32_t)*hidden[i] < next)
                next = (uint32_t)*hidden[i];
        }
        if (next > last)
            return sys_call3(SYS_close_range, first, last, a[2]);
        long r = next > first ? sys_call3(SYS_close_range, first, next - 1, a[2]) : 0;
        if (r || next == last)
            return r;
        first = next + 1;
    }
}

long lu_sys_dup3(LuThread *t, const uint64_t a[6])
{
    if ((uint32_t)a[0] == (uint32_t)a[1])
        return -EINVAL;
    /* A vfork child has a table of its own but shares our note of the number: nothing may move there. */
    long r = t->vfork_child ? su_fd_hidden(t->proc, a[1]) ? -EBADF : 0 : su_fd_vacate(t->proc, a[1]);
    return r ? r : copied(t, a[0], sys_call3(SYS_dup3, a[0], a[1], a[2]));
}

long lu_sys_fcntl(LuThread *t, const uint64_t a[6])
{
    if (a[1] == F_SETLKW || a[1] == F_OFD_SETLKW)
        return lu_blocking(t, SYS_fcntl, (long)a[0], (long)a[1], (long)a[2], 0, 0, 0);
    const LuAbi *abi = t->proc->abi;
    long r = sys_call3(SYS_fcntl, a[0], a[1], a[1] == F_SETFL ? lu_open_flags(abi, (uint32_t)a[2]) : a[2]);
    if (a[1] == F_DUPFD || a[1] == F_DUPFD_CLOEXEC)
        return copied(t, a[0], r);
    return a[1] == F_GETFL && r >= 0 ? (long)lu_open_flags(abi, (uint32_t)r) : r;
}

/* Structures of userfaultfd begin with a range, or with two addresses and a length. One that is not the
 * guest's becomes one of no process's. */
static long with_uffd(LuThread *t, const uint64_t a[6])
{
    enum { COPY = 3, MOVE = 5 };
    uint64_t v[8] = {0};
    size_t n = a[1] >> 16 & 0x3fff;
    bool two = (a[1] & 0xff) == COPY || (a[1] & 0xff) == MOVE;
    if (n < 16 || n > sizeof(v) || !guest_read(v, a[2], n))
        return sys_call3(SYS_ioctl, a[0], a[1], a[2]);
    Gva task = t->proc->task_size, own[2] = {v[0], v[1]};
    uint64_t len = two ? v[2] : v[1];
    v[0] |= v[0] > task || len > task - v[0] ? 1ull << 63 : 0;
    v[1] |= two && (v[1] > task || len > task - v[1]) ? 1ull << 63 : 0;
    long r = lu_blocking(t, SYS_ioctl, (long)a[0], (long)a[1], (long)v, 0, 0, 0);
    memcpy(v, own, sizeof(own));
    return guest_write(a[2], v, n) ? r : -EFAULT;
}

long lu_sys_ioctl(LuThread *t, const uint64_t a[6])
{
    long r;
    if (UNLIKELY((uint32_t)a[1] == LU_PROCMAP_QUERY) && lu_proc_query(t, (int)a[0], a[2], &r))
        return r;
    if (UNLIKELY((a[1] >> 8 & 0xff) == UFFDIO) && (a[1] & 0xff) != _UFFDIO_API)
        return with_uffd(t, a);
    if (UNLIKELY((a[1] >> 8 & 0xff) == SECCOMP_IOC_MAGIC) && lu_seccomp_ioctl(t, (int)a[0], a[1], a[2], &r))
        return r;
    return lu_blocking(t, SYS_ioctl, (long)a[0], (long)a[1], (long)a[2], 0, 0, 0);
}

long lu_sys_getcwd(LuThread *t, const uint64_t a[6])
{
    char host[LU_PATH_BYTES];
    long n = sys_call2(SYS_getcwd, host, sizeof(host));
    if (sys_is_err(n))
        return n;
    const char *guest = lu_path_to_guest(t, host);
    size_t len = strlen(guest) + 1;
    if (len > a[1])
        return -ERANGE;
    return guest_write(a[0], guest, len) ? (long)len : -EFAULT;
}

/* Where /proc/PID/mem stands elsewhere than it was told to, the guest is told what it knows. */
long su_seek(const LuProc *p, uint64_t fd, uint64_t offset, uint64_t whence)
{
    long r = sys_call3(SYS_lseek, fd, offset, whence);
    if (LIKELY(r < (long)SU_FAR))
        return r;
    uint64_t known = (uint64_t)r;
    if (whence == SEEK_CUR && known >> 62 == 1 && su_fd_of_proc(fd))
        known -= SU_NOWHERE;
    uint64_t to = su_not_in_mem(p, fd, known);
    if (to != (uint64_t)r)
        sys_call3(SYS_lseek, fd, to, SEEK_SET);
    return (long)known;
}

long lu_sys_lseek(LuThread *t, const uint64_t a[6])
{
    return su_seek(t->proc, a[0], a[1], a[2]);
}

static bool names_memfd(Gva link, long n)
{
    char start[7];
    return n > (long)sizeof(start) && guest_read(start, link, sizeof(start)) &&
           !memcmp(start, "/memfd:", sizeof(start));
}

/* A link of /proc/PID/fd that leads to a memfd; `r` is what the kernel answered. */
static long readlink_of_text(const uint64_t a[6], const char *path, long r)
{
    char name[LU_PATH_BYTES];
    long n = su_text_name(name, sys_call4(SYS_readlinkat, a[0], path, name, sizeof(name)));
    if (n <= 0)
        return r;
    n = MIN(n, (long)(int)a[3]);
    return guest_write(a[2], name, (size_t)n) ? n : -EFAULT;
}

long lu_sys_readlinkat(LuThread *t, const uint64_t a[6])
{
    const char *path = guest_ptr(a[1]);
    if ((int)a[3] > 0 && !su_path_copy(t, a[1], &path)) {
        char buf[LU_PATH_BYTES];
        long r = lu_proc_readlink(t, (int)a[0], path, buf, sizeof(buf));
        r = r < 0 ? r : MIN(r, (long)(int)a[3]);
        if (r != -ENOTSUP)
            return r < 0 || guest_write(a[2], buf, (size_t)r) ? r : -EFAULT;
        path = lu_path(t, (int)a[0], path);
    }
    long r = sys_call4(SYS_readlinkat, a[0], path, a[2], a[3]);
    return r > 0 && names_memfd(a[2], r) ? readlink_of_text(a, path, r) : r;
}

long lu_sys_chroot(LuThread *t, const uint64_t a[6])
{
    const char *path;
    long r = su_path(t, AT_FDCWD, a[0], true, &path);
    if (r)
        return r;
    lu_exec_pin_self(t->proc);
    return sys_call1(SYS_chroot, path);
}

/* The root is a mount, the sysroot that stands for it is a folder: only the former can be made private. */
long lu_sys_mount(LuThread *t, const uint64_t a[6])
{
    const char *source, *target;
    bool of_mount = a[3] & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE);
    FaultVal name = of_mount ? fault_ld16(a[1]) : (FaultVal){0};
    long r = su_path(t, AT_FDCWD, a[0], true, &source);
    if (!r)
        r = su_path(t, AT_FDCWD, a[1], true, &target);
    if (of_mount && !name.fault && name.val == '/') /* "/" and its end */
        target = "/";
    return r ? r : sys_call5(SYS_mount, source, target, a[2], a[3], a[4]);
}

long lu_sys_pivot_root(LuThread *t, const uint64_t a[6])
{
    const char *new_root, *put_old;
    long r = su_path(t, AT_FDCWD, a[0], true, &new_root);
    if (!r)
        r = su_path(t, AT_FDCWD, a[1], true, &put_old);
    if (r)
        return r;
    lu_exec_pin_self(t->proc);
    return sys_call2(SYS_pivot_root, new_root, put_old);
}
