/* clock_gettime(2), gettimeofday(2) at the price of the host's vDSO instead of a kernel entry. It takes no
 * lock and computes on integers only. Without a vDSO (vsyscall=none) the kernel is asked. */
#include "linux-user/host_vdso.h"
#include "linux-user/sys_util.h"

#include <sys/time.h>
#include <time.h>

static bool in_vdso(uint64_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI: return true;
    default: return false;
    }
}

/* False: ask the kernel. */
static bool read_clock(LuProc *p, clockid_t clock, struct timespec *ret)
{
    /* Two threads may look it up at once; both find the same. */
    HostClockFn *fn = __atomic_load_n(&p->host_clock, __ATOMIC_RELAXED);
    if (UNLIKELY(!fn)) {
        fn = host_vdso_clock();
        __atomic_store_n(&p->host_clock, fn, __ATOMIC_RELAXED);
    }
    return fn && !fn(clock, ret);
}

long lu_sys_clock_gettime(LuThread *t, const uint64_t a[6])
{
    struct timespec ts;
    if (!in_vdso((uint32_t)a[0]) || !read_clock(t->proc, (clockid_t)a[0], &ts))
        return sys_call2(SYS_clock_gettime, a[0], a[1]);
    return guest_write(a[1], &ts, sizeof(ts)) ? 0 : -EFAULT;
}

long lu_sys_gettimeofday(LuThread *t, const uint64_t a[6])
{
    struct timespec ts;
    if (a[1] || !a[0] || !read_clock(t->proc, CLOCK_REALTIME, &ts))
        return sys_call2(SYS_gettimeofday, a[0], a[1]);
    struct timeval tv = {ts.tv_sec, ts.tv_nsec / 1000};
    return guest_write(a[0], &tv, sizeof(tv)) ? 0 : -EFAULT;
}
