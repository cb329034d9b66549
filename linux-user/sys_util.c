#include "linux-user/sys_util.h"

#include "base/fmt.h"
#include "debug/perf_file.h"
#include "linux-user/options.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

bool su_fd_of_proc(uint64_t fd)
{
    struct statfs fs;
    return !sys_call2(SYS_fstatfs, fd, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

uint64_t su_not_in_mem(const LuProc *p, uint64_t fd, uint64_t position)
{
    bool emulator = UNLIKELY(position >= MAX(p->task_size, SU_FAR)) && position < SU_NOWHERE;
    return emulator && su_fd_of_proc(fd) ? position | SU_NOWHERE : position;
}

long su_path_copy(LuThread *t, Gva path, const char **ret_path)
{
    int64_t n = fault_strnlen(guest_ptr(path), LU_PATH_BYTES);
    if (n < 0)
        return -EFAULT;
    if (n >= LU_PATH_BYTES)
        return -ENAMETOOLONG;
    char *p = arena_alloc(&t->scratch, (size_t)n + 1, 1);
    if (!p)
        return -ENOMEM;
    if (!guest_read(p, path, (size_t)n))
        return -EFAULT;
    p[n] = 0; /* whatever another thread writes there meanwhile, this is one string */
    *ret_path = p;
    return 0;
}

const char *su_path_host(LuThread *t, int dirfd, const char *path, bool follow)
{
    const char *special = follow ? lu_proc_path(t, dirfd, path) : NULL;
    return special ? special : lu_path(t, dirfd, path);
}

long su_fd_path(int fd, char *buf, size_t cap)
{
    char link[40];
    Fmt f = FMT_ON(link);
    fmt_printf(&f, "/proc/self/fd/%d", fd);
    long n = sys_call4(SYS_readlinkat, AT_FDCWD, link, buf, cap - 1);
    buf[MAX(n, 0)] = 0;
    return n;
}

/* "exe", or ".../exe". */
static bool ends_in_exe(Gva path)
{
    char end[4] = "/";
    int64_t n = fault_strnlen(guest_ptr(path), LU_PATH_BYTES);
    unsigned more = n > 3;
    return n >= 3 && guest_read(end + 1 - more, path + (uint64_t)n - 3 - more, 3 + more) &&
           !memcmp(end, "/exe", 4);
}

long su_path(LuThread *t, int dirfd, Gva path, bool follow, const char **ret_path)
{
    const char *copy;
    *ret_path = guest_ptr(path);
    if (!path)
        return 0;
    /* Most relative paths need no copy: nothing but a leading slash makes a path move, ".." that may climb to
     * the root, or the name of /proc/PID/exe. */
    FaultVal first = fault_ld8(path);
    bool climbs = first.val == '.' && t->proc->opt->sysroot[0];
    if (first.fault || (first.val != '/' && !climbs && !(follow && ends_in_exe(path))))
        return 0;
    long err = su_path_copy(t, path, &copy);
    if (!err)
        *ret_path = su_path_host(t, dirfd, copy, follow);
    return err;
}

unsigned su_hidden_fds(const LuProc *p, const int *ret[SU_HIDDEN])
{
    const int *const all[] = {&p->exe_fd,
                              &p->self_fd,
                              &p->strace_fd,
                              &p->gdb_fd,
                              &p->gdb_wake,
                              &p->gdb_link,
                              p->perf_files ? &p->perf_files->map_fd : NULL,
                              p->perf_files ? &p->perf_files->dump_fd : NULL};
    unsigned n = 0;
    for (unsigned k = 0; k < ARRAY_SIZE(all); k++)
        if (all[k] && *all[k] > 2)
            ret[n++] = all[k];
    for (unsigned k = 0; p->gdb && k < LU_GDB_PEERS; k++)
        if (p->gdb_peer[k] > 2)
            ret[n++] = &p->gdb_peer[k];
    return n;
}

bool su_fd_hidden(const LuProc *p, uint64_t fd)
{
    const int *slot[SU_HIDDEN];
    bool hidden = false;
    for (unsigned k = 0, n = su_hidden_fds(p, slot); k < n; k++)
        hidden |= *slot[k] == (int)fd;
    return hidden;
}

static long move_away(int *slot)
{
    int old = *slot;
    long fd = -EMFILE;
    /* As high as there is room: the guest's own descriptors grow from below. */
    for (int low = 1 << 20; sys_is_err(fd) && low > old; low >>= 1)
        fd = sys_call3(SYS_fcntl, old, F_DUPFD_CLOEXEC, low);
    for (int low = old; sys_is_err(fd) && low > 2; low /= 2)
        fd = sys_call3(SYS_fcntl, old, F_DUPFD_CLOEXEC, low);
    if (sys_is_err(fd))
        return -EBUSY;
    *slot = (int)fd;
    sys_close(old);
    return 0;
}

long su_fd_vacate(LuProc *p, uint64_t fd)
{
    const int *slot[SU_HIDDEN];
    for (unsigned k = 0, n = su_hidden_fds(p, slot); k < n; k++) {
        long err = *slot[k] == (int)fd ? move_away((int *)slot[k]) : 0;
        if (err)
            return err;
    }
    return 0;
}

void su_wait_mask(SuWaitMask *m, Gva set, uint64_t size)
{
    *m = (SuWaitMask){.set = (long)set, .size = (long)size};
    m->given = set && size == sizeof(m->guest) && guest_read(&m->guest, set, sizeof(m->guest));
    if (m->given) {
        m->host = lu_sig_host_mask(m->guest);
        m->set = (long)&m->host;
    }
}
