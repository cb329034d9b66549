/* Calls of Linux's first years that of all guests only i386 has. Sources: time(2), stime(2), utime(2),
 * stat(2), signal(2), sgetmask(2), getrlimit(2), select(2), readdir(2), mmap(2), uname(2); linux/utsname.h.
 */
#include "linux-user/abi32/lu32.h"
#include "linux-user/mm.h"
#include "linux-user/signal_priv.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/ipc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

long lu32_time(LuThread *t, const uint64_t a[6])
{
    struct timespec ts;
    long r = sys_call2(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &ts);
    if (r)
        return r;
    return a[0] && fault_st32(a[0], (uint64_t)ts.tv_sec) ? -EFAULT : (int32_t)ts.tv_sec;
}

long lu32_stime(LuThread *t, const uint64_t a[6])
{
    FaultVal v = fault_ld32(a[1]);
    struct timespec ts = {.tv_sec = (int32_t)v.val};
    return v.fault ? -EFAULT : sys_call2(SYS_clock_settime, CLOCK_REALTIME, &ts);
}

/* utime(path, {access, change}), as utimensat. */
long lu32_utime(LuThread *t, const uint64_t a[6])
{
    struct timespec ts[2] = {{0}};
    const char *path;
    for (unsigned i = 0; a[2] && i < 2; i++) {
        FaultVal v = fault_ld32(a[2] + 4 * i);
        if (v.fault)
            return -EFAULT;
        ts[i].tv_sec = (int32_t)v.val;
    }
    long r = su_path(t, (int)a[0], a[1], true, &path);
    return r ? r : sys_call4(SYS_utimensat, a[0], path, a[2] ? ts : NULL, 0);
}

/* ---- files ---- */

long lu32_oldstat(LuThread *t, const uint64_t a[6])
{
    struct stat st;
    long r = su_stat_path(t, a, &st);
    return r ? r : lu32_write(LU32_i386_oldstat, a[2], &st);
}

long lu32_oldfstat(LuThread *t, const uint64_t a[6])
{
    struct stat st;
    long r = su_stat_fd(a[0], &st);
    return r ? r : lu32_write(LU32_i386_oldstat, a[1], &st);
}

/* One record: inode and place of 4 bytes, length of the name, name. The kernel's own call has no larger
 * buffer than that, either. */
long lu32_readdir(LuThread *t, const uint64_t a[6])
{
    enum { COMPAT_READDIR = 89, OFF = 8, RECLEN = 16, NAME = 19, ROOM = 280 };
    long r = -ENOSYS;
    if (!lu32_outside(t, a[1], 10 + NAME_MAX + 1))
        r = sys_compat5(COMPAT_READDIR, (long)a[0], (long)a[1], 1, 0, 0);
    if (r != -ENOSYS)
        return r;
    uint8_t rec[ROOM + 1] = {0};
    long before = sys_call3(SYS_lseek, a[0], 0, SEEK_CUR);
    r = sys_call3(SYS_getdents64, a[0], rec, ROOM);
    if (r <= 0)
        return r;
    uint64_t ino, off, len = strlen((char *)rec + NAME);
    memcpy(&ino, rec, 8);
    memcpy(&off, rec + OFF, 8);
    r = sys_call3(SYS_lseek, a[0], off, SEEK_SET);
    uint32_t head[2] = {(uint32_t)ino, (uint32_t)before};
    bool ok = guest_write(a[1], head, 8) && !fault_st16(a[1] + 8, len) &&
              guest_write(a[1] + 10, rec + NAME, len + 1);
    return sys_is_err(r) ? r : ok ? 1 : -EFAULT;
}

/* select and mmap get the address of their arguments. */
static bool words_at(Gva at, uint64_t v[6], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        FaultVal w = fault_ld32(at + 4 * i);
        if (w.fault)
            return false;
        v[i] = w.val;
    }
    return true;
}

long lu32_oldselect(LuThread *t, const uint64_t a[6])
{
    static const Lu32Call select = {"select", LU_ROW_pselect6, LU32_H_select, "01234", ""};
    uint64_t v[6] = {0};
    return words_at(a[0], v, 5) ? lu32_forward(t, &select, v) : -EFAULT;
}

long lu32_oldmmap(LuThread *t, const uint64_t a[6])
{
    static const Lu32Call mmap = {"mmap", LU_ROW_mmap, LU32_NO_HANDLER, "", ""};
    uint64_t v[6];
    if (!words_at(t->syscall_arg[0], v, 6))
        return -EFAULT;
    return v[5] & 4095 ? -EINVAL : lu32_forward(t, &mmap, v);
}

/* ---- signals ---- */

/* As of System V: once, and not blocked meanwhile. The result is the handler of before. */
long lu32_signal(LuThread *t, const uint64_t a[6])
{
    LuSigAction in = {.handler = a[1], .flags = SA_RESETHAND | SA_NODEFER}, out;
    long r = lu_sigaction(t, (int)a[0], &in, &out);
    return r ? r : (long)out.handler;
}

static long swap_mask(LuThread *t, const uint32_t *new)
{
    uint64_t *set = arena_alloc(&t->scratch, 8, 8), old = t->sig->mask;
    if (!set)
        return -ENOMEM;
    if (new) {
        *set = *new;
        long r = lu_sys_rt_sigprocmask(t, (const uint64_t[6]){SIG_SETMASK, (uintptr_t)set, 0, 8});
        if (r)
            return r;
    }
    return (long)(uint32_t)old;
}

long lu32_sgetmask(LuThread *t, const uint64_t a[6])
{
    return swap_mask(t, NULL);
}

long lu32_ssetmask(LuThread *t, const uint64_t a[6])
{
    uint32_t mask = (uint32_t)t->syscall_arg[0];
    return swap_mask(t, &mask);
}

/* ---- limits, names ---- */

long lu32_getrlimit(LuThread *t, const uint64_t a[6])
{
    struct rlimit64 *lim = arena_new(&t->scratch, struct rlimit64);
    long r = lim ? lu_sys_getrlimit(t, (const uint64_t[6]){a[0], (uintptr_t)lim}) : -ENOMEM;
    if (r)
        return r;
    uint32_t out[2] = {(uint32_t)MIN(lim->rlim_cur, (uint64_t)INT_MAX),
                       (uint32_t)MIN(lim->rlim_max, (uint64_t)INT_MAX)};
    return guest_write(a[1], out, sizeof out) ? 0 : -EFAULT;
}

/* Five names of `size` bytes; the oldest have nine, cut and terminated. */
static long names(LuThread *t, Gva at, size_t size)
{
    enum { NEW = 65 };
    struct utsname *u = arena_new(&t->scratch, struct utsname);
    long r = u ? lu_sys_uname(t, (const uint64_t[6]){(uintptr_t)u}) : -ENOMEM;
    if (r)
        return r;
    const char *from[] = {u->sysname, u->nodename, u->release, u->version, u->machine};
    for (unsigned i = 0; i < ARRAY_SIZE(from); i++) {
        char name[NEW] = {0};
        memcpy(name, from[i], size - 1);
        if (!guest_write(at + i * size, name, size))
            return -EFAULT;
    }
    return 0;
}

long lu32_olduname(LuThread *t, const uint64_t a[6])
{
    return names(t, a[0], 65);
}
long lu32_oldolduname(LuThread *t, const uint64_t a[6])
{
    return names(t, a[0], 9);
}

/* ---- System V IPC by calls of its own: always the newer structures ---- */

enum { IPC_64_FLAG = 0x100 }; /* linux/ipc.h of the kernel's older calls */

long lu32_semctl64(LuThread *t, const uint64_t a[6])
{
    return lu32_semctl(t, (const uint64_t[6]){a[0], a[1], a[2] | IPC_64_FLAG, a[3]});
}
long lu32_shmctl64(LuThread *t, const uint64_t a[6])
{
    return lu32_shmctl(t, (const uint64_t[6]){a[0], a[1] | IPC_64_FLAG, a[2]});
}
long lu32_msgctl64(LuThread *t, const uint64_t a[6])
{
    return lu32_msgctl(t, (const uint64_t[6]){a[0], a[1] | IPC_64_FLAG, a[2]});
}
