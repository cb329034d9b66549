/* epoll(7), poll(2), select(2), io_getevents(2) with their signal masks. struct epoll_event is packed to 12
 * bytes on x86-64 only; the asm-generic one has its data at offset 8 of 16 bytes. */
#include "linux-user/sys_util.h"

#include <limits.h>
#include <sys/epoll.h>

enum { GUEST_EVENT_BYTES = 16, GUEST_EVENT_DATA = 8, EVENTS_ON_STACK = 64, EVENTS_MAX = 16384 };

static unsigned data_offset(const LuAbi *abi) { return abi->x86_structs ? 4 : GUEST_EVENT_DATA; }
static unsigned event_bytes(const LuAbi *abi) { return abi->x86_structs ? 12 : GUEST_EVENT_BYTES; }

bool su_epoll_event(const LuAbi *abi, Gva at, struct epoll_event *ret_ev)
{
    FaultVal events = fault_ld32(at), data = fault_ld64(at + data_offset(abi));
    if (events.fault || data.fault)
        return false;
    *ret_ev = (struct epoll_event){.events = (uint32_t)events.val, .data.u64 = data.val};
    return true;
}

long lu_sys_epoll_ctl(LuThread *t, const uint64_t a[6])
{
    struct epoll_event ev = {0};
    if (a[1] != EPOLL_CTL_DEL && !su_epoll_event(t->proc->abi, a[3], &ev))
        return -EFAULT;
    return sys_call4(SYS_epoll_ctl, a[0], a[1], a[2], &ev);
}

static long events_write(const LuAbi *abi, Gva dst, const struct epoll_event *ev, long n)
{
    for (long i = 0; i < n; i++) {
        Gva at = dst + (Gva)i * event_bytes(abi);
        /* As the kernel: what was copied before the fault counts. */
        if (fault_st32(at, ev[i].events) || fault_st64(at + data_offset(abi), ev[i].data.u64))
            return i ? i : -EFAULT;
    }
    return n;
}

static long epoll_wait_common(LuThread *t, long nr, const uint64_t a[6])
{
    struct epoll_event few[EVENTS_ON_STACK], *ev = few;
    SuWaitMask m;
    int max = (int)a[2];
    su_wait_mask(&m, a[4], a[5]);
    if (max > INT_MAX / GUEST_EVENT_BYTES)
        max = -1; /* the limit is in bytes; the kernel refuses this one in its turn */
    max = MIN(max, EVENTS_MAX); /* fewer than asked for is always allowed */
    if (max > EVENTS_ON_STACK) {
        ev = arena_array(&t->scratch, struct epoll_event, (size_t)max);
        if (!ev)
            return -ENOMEM;
    }
    long r;
    if (m.given)
        r = lu_blocking_masked(t, m.guest, nr, (long)a[0], (long)ev, max, (long)a[3], m.set, m.size);
    else
        r = lu_blocking(t, nr, (long)a[0], (long)ev, max, (long)a[3], m.set, m.size);
    return r > 0 ? events_write(t->proc->abi, a[1], ev, r) : r;
}

long lu_sys_epoll_pwait(LuThread *t, const uint64_t a[6])
{
    return epoll_wait_common(t, SYS_epoll_pwait, a);
}

long lu_sys_epoll_pwait2(LuThread *t, const uint64_t a[6])
{
    return epoll_wait_common(t, SYS_epoll_pwait2, a);
}

long lu_sys_ppoll(LuThread *t, const uint64_t a[6])
{
    SuWaitMask m;
    su_wait_mask(&m, a[3], a[4]);
    if (!m.given)
        return lu_blocking(t, SYS_ppoll, (long)a[0], (long)a[1], (long)a[2], m.set, m.size, 0);
    return lu_blocking_masked(t, m.guest, SYS_ppoll, (long)a[0], (long)a[1], (long)a[2], m.set, m.size, 0);
}

/* Calls whose last argument points to {const sigset_t *, size_t}. */
static long call_with_pair(LuThread *t, long nr, const uint64_t a[6])
{
    uint64_t pair[2];
    SuWaitMask m = {0};
    if (a[5] && guest_read(pair, a[5], sizeof(pair)))
        su_wait_mask(&m, pair[0], pair[1]);
    if (!m.given)
        return lu_blocking(t, nr, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4], (long)a[5]);
    long host_pair[2] = {m.set, m.size};
    return lu_blocking_masked(t, m.guest, nr, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4],
                              (long)host_pair);
}

long lu_sys_pselect6(LuThread *t, const uint64_t a[6])
{
    return call_with_pair(t, SYS_pselect6, a);
}

long lu_sys_io_pgetevents(LuThread *t, const uint64_t a[6])
{
    return call_with_pair(t, SYS_io_pgetevents, a);
}
