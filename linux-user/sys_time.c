/* clock_gettime(2), gettimeofday(2) at the price of the host's vDSO instead of a kernel entry. The libc call is legal
 * here: it takes no lock, and for these clocks it cannot fail, so it touches no errno. */
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

long lu_sys_clock_gettime(LuThread *t, const uint64_t a[6])
{
    struct timespec ts;
    if (!in_vdso((uint32_t)a[0]) || clock_gettime((clockid_t)a[0], &ts))
        return sys_call2(SYS_clock_gettime, a[0], a[1]);
    return guest_write(a[1], &ts, sizeof(ts)) ? 0 : -EFAULT;
}

long lu_sys_gettimeofday(LuThread *t, const uint64_t a[6])
{
    struct timespec ts;
    if (a[1] || !a[0] || clock_gettime(CLOCK_REALTIME, &ts))
        return sys_call2(SYS_gettimeofday, a[0], a[1]);
    struct timeval tv = {ts.tv_sec, ts.tv_nsec / 1000};
    return guest_write(a[0], &tv, sizeof(tv)) ? 0 : -EFAULT;
}
