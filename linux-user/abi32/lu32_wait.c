/* Waiting for 32-bit guests: time-outs of both widths, sets of descriptors. Sources: nanosleep(2),
 * clock_nanosleep(2), futex(2), poll(2), select(2), set_robust_list(2). */
#include "linux-user/abi32/lu32.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/time.h>

/* ---- sleeping ---- */

static long sleep_for(LuThread *t, Lu32Struct time, long clock, long flags, Gva request, Gva rest)
{
    struct timespec ts, left;
    long bad = lu32_read(time, &ts, request); /* the kernel has its own order of errors */
    bool relative = !(flags & TIMER_ABSTIME);
    long r = lu_blocking(t, SYS_clock_nanosleep, clock, flags, bad ? (long)request : (long)&ts,
                         relative ? (long)&left : 0, 0, 0);
    return r == -EINTR && rest && relative && lu32_write(time, rest, &left) ? -EFAULT : r;
}

/* On Linux nanosleep measures CLOCK_MONOTONIC. */
long lu32_nanosleep(LuThread *t, const uint64_t a[6])
{
    return sleep_for(t, LU32_ts32, CLOCK_MONOTONIC, 0, a[0], a[1]);
}

long lu32_clock_nanosleep(LuThread *t, const uint64_t a[6])
{
    return sleep_for(t, LU32_ts32, (int)a[0], (int)a[1], a[2], a[3]);
}

long lu32_clock_nanosleep64(LuThread *t, const uint64_t a[6])
{
    return sleep_for(t, LU32_ts64, (int)a[0], (int)a[1], a[2], a[3]);
}

/* ---- futex ---- */

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

static bool has_timeout(uint64_t op)
{
    switch (op & FUTEX_CMD_MASK & 0xffffffff) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_WAIT_REQUEUE_PI: return true;
    default: return false; /* argument 3 is a number, or nothing */
    }
}

static long futex(LuThread *t, const uint64_t a[6], Lu32Struct time)
{
    struct timespec ts;
    long timeout = (long)a[3];
    if (timeout && has_timeout(a[1])) {
        if (lu32_read(time, &ts, a[3]))
            return -EFAULT;
        timeout = (long)&ts;
    }
    return lu_blocking(t, SYS_futex, (long)a[0], (long)a[1], (long)a[2], timeout, (long)a[4], (long)a[5]);
}

long lu32_futex(LuThread *t, const uint64_t a[6]) { return futex(t, a, LU32_ts32); }
long lu32_futex64(LuThread *t, const uint64_t a[6]) { return futex(t, a, LU32_ts64); }

/* The kernel walks a list of 32-bit pointers when its head came by the 32-bit call: at a thread's end,
 * however that came. */
enum { COMPAT_SET_ROBUST_LIST = 311, COMPAT_GET_ROBUST_LIST = 312 }; /* asm/unistd_32.h of the host */

long lu32_set_robust_list(LuThread *t, const uint64_t a[6])
{
    enum { HEAD = 12 };
    return a[1] != HEAD ? -EINVAL : sys_compat5(COMPAT_SET_ROBUST_LIST, (long)a[0], HEAD, 0, 0, 0);
}

long lu32_get_robust_list(LuThread *t, const uint64_t a[6])
{
    return sys_compat5(COMPAT_GET_ROBUST_LIST, (long)a[0], (long)a[1], (long)a[2], 0, 0);
}

/* ---- poll ---- */

long lu32_poll(LuThread *t, const uint64_t a[6])
{
    return lu_blocking(t, SYS_poll, (long)a[0], (long)(uint32_t)a[1], (int)a[2], 0, 0, 0);
}

/* The kernel writes what is left of the time, which is for a call that is done again. */
static long poll_for(LuThread *t, const uint64_t a[6], Lu32Struct time)
{
    uint64_t v[6] = {a[0], a[1], a[2], a[3], a[4]};
    struct timespec ts;
    if (a[2]) {
        if (lu32_read(time, &ts, a[2]))
            return -EFAULT;
        v[2] = (uintptr_t)&ts;
    }
    long r = lu_sys_ppoll(t, v);
    if (a[2])
        lu32_write(time, a[2], &ts);
    return r;
}

long lu32_ppoll(LuThread *t, const uint64_t a[6]) { return poll_for(t, a, LU32_ts32); }
long lu32_ppoll64(LuThread *t, const uint64_t a[6]) { return poll_for(t, a, LU32_ts64); }

/* ---- select ---- */

enum { MAX_FDS = 1 << 16 }; /* more do not fit in any program's fd_set */

typedef struct FdSets {
    Gva guest[3];
    uint64_t *host[3];
    size_t bytes; /* of a set of the guest's: words of 4 bytes, the host's have 8 */
    int n;
} FdSets;

static long sets_read(LuThread *t, const uint64_t a[6], FdSets *ret)
{
    *ret = (FdSets){.guest = {a[1], a[2], a[3]}, .n = MIN((int)a[0], MAX_FDS)};
    if (ret->n < 0)
        return -EINVAL;
    ret->bytes = align_up((size_t)ret->n, 32) / 8;
    for (unsigned i = 0; i < 3; i++) {
        if (!ret->guest[i])
            continue;
        ret->host[i] = arena_alloc(&t->scratch, ret->bytes + 8, 8);
        if (!ret->host[i])
            return -ENOMEM;
        memset(ret->host[i], 0, ret->bytes + 8);
        if (!guest_read(ret->host[i], ret->guest[i], ret->bytes))
            return -EFAULT;
    }
    return 0;
}

static long sets_write(const FdSets *s)
{
    for (unsigned i = 0; i < 3; i++)
        if (s->guest[i] && !guest_write(s->guest[i], s->host[i], s->bytes))
            return -EFAULT;
    return 0;
}

long lu32_select(LuThread *t, const uint64_t a[6])
{
    FdSets s;
    struct timeval tv;
    if (a[4] && lu32_read(LU32_tv32, &tv, a[4]))
        return -EFAULT;
    long r = sets_read(t, a, &s);
    if (r)
        return r;
    r = lu_blocking(t, SYS_select, s.n, (long)s.host[0], (long)s.host[1], (long)s.host[2],
                    a[4] ? (long)&tv : 0, 0);
    if (a[4])
        lu32_write(LU32_tv32, a[4], &tv);
    return r >= 0 && sets_write(&s) ? -EFAULT : r;
}

/* The last argument points to {address of a mask, its size}. */
static long select_for(LuThread *t, const uint64_t a[6], Lu32Struct time)
{
    FdSets s;
    struct timespec ts;
    uint32_t pair[2];
    uint64_t host_pair[2] = {0};
    if (a[5]) {
        if (!guest_read(pair, a[5], sizeof(pair)))
            return -EFAULT;
        host_pair[0] = su_pointer(t->proc, pair[0]);
        host_pair[1] = pair[1];
    }
    if (a[4] && lu32_read(time, &ts, a[4]))
        return -EFAULT;
    long r = sets_read(t, a, &s);
    if (r)
        return r;
    r = lu_sys_pselect6(t, (const uint64_t[6]){(uint64_t)s.n, (uintptr_t)s.host[0], (uintptr_t)s.host[1],
                                               (uintptr_t)s.host[2], a[4] ? (uintptr_t)&ts : 0,
                                               a[5] ? (uintptr_t)host_pair : 0});
    if (a[4])
        lu32_write(time, a[4], &ts);
    return r >= 0 && sets_write(&s) ? -EFAULT : r;
}

long lu32_pselect6(LuThread *t, const uint64_t a[6]) { return select_for(t, a, LU32_ts32); }
long lu32_pselect6_64(LuThread *t, const uint64_t a[6]) { return select_for(t, a, LU32_ts64); }
