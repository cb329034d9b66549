/* Processes, ids and the system for 32-bit guests. Sources: execve(2), getuid(2), getgroups(2),
 * getpriority(2), sysinfo(2), prctl(2), sched_getaffinity(2), process_vm_readv(2). */
#include "linux-user/abi32/lu32.h"
#include "linux-user/mm.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>

/* ---- execve ---- */

/* A list of pointers as the host has it. */
typedef struct List {
    uint64_t *v;
    size_t mapped; /* bytes, outside of the scratch arena */
} List;

static long count_list(Gva at)
{
    for (long n = 0; n < 16 << 20; n++) {
        FaultVal v = fault_ld32(at + 4 * (Gva)n);
        if (v.fault)
            return -EFAULT;
        if (!v.val)
            return n;
    }
    return -E2BIG;
}

static long list_widen(LuThread *t, Gva at, List *ret)
{
    *ret = (List){0};
    if (!at)
        return 0;
    long n = count_list(at);
    if (n < 0)
        return n;
    size_t bytes = ((size_t)n + 1) * 8;
    if (bytes < 128 << 10)
        ret->v = arena_alloc(&t->scratch, bytes, 8);
    if (!ret->v && (ret->v = lu_mm_arena_alloc(t->proc->mm, bytes)))
        ret->mapped = bytes;
    if (!ret->v)
        return -ENOMEM;
    for (long i = 0; i < n; i++) {
        FaultVal v = fault_ld32(at + 4 * (Gva)i);
        if (v.fault)
            return -EFAULT;
        ret->v[i] = su_pointer(t->proc, v.val);
    }
    ret->v[n] = 0;
    return 0;
}

static void list_free(LuThread *t, const List *l)
{
    if (l->mapped)
        lu_mm_arena_free(t->proc->mm, l->v, l->mapped);
}

static long exec(LuThread *t, int dirfd, Gva path, Gva argv, Gva envp, int flags)
{
    List args, env = {0};
    const char *copy;
    long r = su_path_copy(t, path, &copy);
    if (r)
        return r;
    r = list_widen(t, argv, &args);
    if (!r)
        r = list_widen(t, envp, &env);
    if (!r)
        r = lu_execve(t, dirfd, copy, (uintptr_t)args.v, (uintptr_t)env.v, flags);
    list_free(t, &args);
    list_free(t, &env);
    return r;
}

long lu32_execve(LuThread *t, const uint64_t a[6]) { return exec(t, AT_FDCWD, a[0], a[1], a[2], 0); }

long lu32_execveat(LuThread *t, const uint64_t a[6])
{
    if (a[4] & ~(uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    return exec(t, (int)a[0], a[1], a[2], a[3], (int)a[4]);
}

/* ---- ids of 16 bits ---- */

enum { OVERFLOW_ID = 65534 }; /* /proc/sys/kernel/overflowuid's default */

static uint16_t id16(uint32_t id) { return id > UINT16_MAX ? OVERFLOW_ID : (uint16_t)id; }

long lu32_getuid16(LuThread *t, const uint64_t a[6]) { return id16((uint32_t)sys_call0(SYS_getuid)); }
long lu32_getgid16(LuThread *t, const uint64_t a[6]) { return id16((uint32_t)sys_call0(SYS_getgid)); }
long lu32_geteuid16(LuThread *t, const uint64_t a[6]) { return id16((uint32_t)sys_call0(SYS_geteuid)); }
long lu32_getegid16(LuThread *t, const uint64_t a[6]) { return id16((uint32_t)sys_call0(SYS_getegid)); }

static long three_ids(long nr, const uint64_t a[6])
{
    uint32_t id[3];
    long r = sys_call3(nr, &id[0], &id[1], &id[2]);
    for (unsigned i = 0; !r && i < 3; i++)
        r = fault_st16(a[i], id16(id[i])) ? -EFAULT : 0;
    return r;
}

long lu32_getresuid16(LuThread *t, const uint64_t a[6]) { return three_ids(SYS_getresuid, a); }
long lu32_getresgid16(LuThread *t, const uint64_t a[6]) { return three_ids(SYS_getresgid, a); }

long lu32_getgroups16(LuThread *t, const uint64_t a[6])
{
    int n = (int)a[0];
    if (n < 0)
        return -EINVAL;
    n = MIN(n, NGROUPS_MAX);
    uint32_t *list = arena_array(&t->scratch, uint32_t, (size_t)n + 1);
    if (!list)
        return -ENOMEM;
    long r = sys_call2(SYS_getgroups, n, list);
    for (long i = 0; n && i < r; i++)
        if (fault_st16(a[1] + 2 * (Gva)i, id16(list[i])))
            return -EFAULT;
    return r;
}

long lu32_setgroups16(LuThread *t, const uint64_t a[6])
{
    uint32_t n = (uint32_t)a[0];
    if (n > NGROUPS_MAX) /* the kernel tells who may not from what may not be */
        return sys_call2(SYS_setgroups, n, NULL);
    uint32_t *list = arena_array(&t->scratch, uint32_t, n + 1);
    if (!list)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        FaultVal v = fault_ld16(a[1] + 2 * i);
        if (v.fault)
            return -EFAULT;
        list[i] = v.val == UINT16_MAX ? UINT32_MAX : (uint32_t)v.val;
    }
    return sys_call2(SYS_setgroups, n, list);
}

/* ---- the rest ---- */

/* getpriority's result is 20 minus the nice value. */
long lu32_nice(LuThread *t, const uint64_t a[6])
{
    int step = MAX(-40, MIN(40, (int)a[0]));
    long r = sys_call2(SYS_getpriority, PRIO_PROCESS, 0);
    if (sys_is_err(r))
        return r;
    int nice = MAX(-20, MIN(19, 20 - (int)r + step));
    r = sys_call3(SYS_setpriority, PRIO_PROCESS, 0, nice);
    return r == -EACCES ? -EPERM : r;
}

/* Memory that does not fit in bytes is told in larger units. */
long lu32_sysinfo(LuThread *t, const uint64_t a[6])
{
    struct sysinfo s;
    long r = sys_call1(SYS_sysinfo, &s);
    if (r)
        return r;
    unsigned shift = 0;
    while (shift < 20 && ((s.totalram >> shift) > UINT32_MAX || (s.totalswap >> shift) > UINT32_MAX))
        shift++;
    if (shift) {
        shift = MAX(shift, 12u); /* at least a page, as the kernel has it */
        unsigned long *sizes[] = {&s.totalram,  &s.freeram,  &s.sharedram, &s.bufferram,
                                  &s.totalswap, &s.freeswap, &s.totalhigh, &s.freehigh};
        for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
            *sizes[i] >>= shift;
        s.mem_unit <<= shift;
    }
    return lu32_write(LU32_sysinfo32, a[0], &s);
}

long lu32_prctl(LuThread *t, const uint64_t a[6])
{
    uint64_t address = 0;
    if ((int)a[0] != PR_GET_TID_ADDRESS)
        return lu_sys_prctl(t, a);
    long r = sys_call2(SYS_prctl, PR_GET_TID_ADDRESS, &address);
    return r ? r : fault_st32(a[1], address) ? -EFAULT : 0;
}

/* The host's masks are words of 8 bytes, the guest's of 4. */
long lu32_sched_getaffinity(LuThread *t, const uint64_t a[6])
{
    uint8_t mask[1024];
    uint32_t len = (uint32_t)a[1];
    if (len % 4)
        return -EINVAL;
    long r = sys_call3(SYS_sched_getaffinity, a[0], MIN(align_up(len, 8), sizeof(mask)), mask);
    if (sys_is_err(r))
        return r;
    r = MIN(r, (long)len);
    return guest_write(a[2], mask, (size_t)r) ? r : -EFAULT;
}

static long vm_access(LuThread *t, long nr, const uint64_t a[6])
{
    const struct iovec *local = lu32_iovec(t, a[1], a[2]), *remote = lu32_iovec(t, a[3], a[4]);
    return sys_call6(nr, (long)a[0], (long)local, (long)(uint32_t)a[2], (long)remote, (long)(uint32_t)a[4],
                     (long)a[5]);
}

long lu32_process_vm_readv(LuThread *t, const uint64_t a[6]) { return vm_access(t, SYS_process_vm_readv, a); }
long lu32_process_vm_writev(LuThread *t, const uint64_t a[6])
{
    return vm_access(t, SYS_process_vm_writev, a);
}

/* An array of pointers. */
long lu32_move_pages(LuThread *t, const uint64_t a[6])
{
    enum { AT_MOST = 64 << 10 };
    uint64_t *pages, n = (uint32_t)a[1];
    if (n > AT_MOST) {
        long r = sys_call6(SYS_move_pages, (long)a[0], 0, 0, 0, 0, (long)a[5]); /* what else is wrong */
        return r ? r : -E2BIG;
    }
    if (!(pages = arena_array(&t->scratch, uint64_t, n + 1)))
        return -ENOMEM;
    for (uint64_t i = 0; i < n; i++) {
        FaultVal v = fault_ld32(a[2] + 4 * i);
        if (v.fault)
            pages = guest_ptr(a[2]);
        if (v.fault)
            break;
        pages[i] = v.val;
    }
    return sys_call6(SYS_move_pages, (long)a[0], (long)n, (long)pages, (long)a[3], (long)a[4], (long)a[5]);
}
