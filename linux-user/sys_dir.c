/* getdents64(2). The records agree; what differs is that /proc/PID/fd must not list the emulator's
 * descriptors. */
#include "base/fmt.h"
#include "linux-user/sys_util.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

/* struct linux_dirent64 of getdents(2). */
enum { DIRENT_RECLEN = 16, DIRENT_NAME = 19 };

/* The number a directory entry's name spells, or -1. */
static int name_number(Gva name)
{
    char text[12] = {0};
    int v = 0;
    guest_read(text, name, sizeof(text) - 1);
    for (unsigned i = 0; text[i]; i++) {
        if (text[i] < '0' || text[i] > '9' || v > 100000000)
            return -1;
        v = v * 10 + (text[i] - '0');
    }
    return text[0] ? v : -1;
}

static bool is_proc(int fd)
{
    struct statfs fs;
    return !sys_call2(SYS_fstatfs, fd, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

static long drop_record(Gva at, uint64_t len, Gva end)
{
    for (Gva p = at; p + len < end; p++) {
        FaultVal v = fault_ld8(p + len);
        if (v.fault || fault_st8(p, v.val))
            return -EFAULT;
    }
    return 0;
}

/* Takes hidden descriptors out of `n` bytes of records of an fd directory; returns the bytes left. */
static long hide_records(LuThread *t, Gva buf, long n)
{
    Gva end = buf + (uint64_t)n;
    for (Gva p = buf; p + DIRENT_NAME < end;) {
        FaultVal len = fault_ld16(p + DIRENT_RECLEN);
        if (len.fault || !len.val)
            return -EFAULT;
        int number = name_number(p + DIRENT_NAME);
        if (number >= 0 && su_fd_hidden(t->proc, (uint64_t)number)) {
            if (drop_record(p, len.val, end))
                return -EFAULT;
            end -= len.val;
        } else {
            p += len.val;
        }
    }
    return (long)(end - buf);
}

/* "/proc/PID/fd" or "fdinfo" of this process, or of one of its threads. */
static bool is_own_fd_dir(LuThread *t, int fd)
{
    char path[64], expect[32];
    if (su_fd_path(fd, path, sizeof(path)) < 0)
        return false;
    Fmt e = FMT_ON(expect);
    fmt_printf(&e, "/proc/%d/", (int)sys_getpid());
    return !strncmp(path, expect, e.len) && (strstr(path, "/fd") != NULL);
}

long su_hide_records(LuThread *t, int fd, Gva buf, long n)
{
    return is_proc(fd) && is_own_fd_dir(t, fd) ? hide_records(t, buf, n) : n;
}

long lu_sys_getdents64(LuThread *t, const uint64_t a[6])
{
    for (;;) {
        long n = lu_blocking(t, SYS_getdents64, (long)a[0], (long)a[1], (long)a[2], 0, 0, 0);
        if (n <= 0)
            return n;
        long left = su_hide_records(t, (int)a[0], a[1], n);
        if (left)
            return left; /* nothing left would read as the end of the directory */
    }
}
