/* getrlimit(2), prlimit(2): RLIMIT_AS and RLIMIT_DATA are the guest's own; the others are the host's. */
#include "linux-user/core.h"
#include "linux-user/mm.h"
#include "linux-user/sys_util.h"

#include <linux/capability.h>
#include <sys/resource.h>

static bool may_raise_limits(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {0};
    return !sys_call2(SYS_capget, &head, caps) && (caps[0].effective & CAP_TO_MASK(CAP_SYS_RESOURCE));
}

/* Limits on the address space are kept by LuMm: given to the host they would bind the emulator. */
static long own_limit(LuThread *t, int which, Gva set, Gva old)
{
    struct rlimit64 lim, before;
    if (set && !guest_read(&lim, set, sizeof(lim)))
        return -EFAULT;
    if (set && lim.rlim_cur > lim.rlim_max)
        return -EINVAL;
    lu_mm_rlimit(t->proc->mm, which, NULL, &before);
    if (set && lim.rlim_max > before.rlim_max && !may_raise_limits())
        return -EPERM;
    if (set)
        lu_mm_rlimit(t->proc->mm, which, &lim, NULL);
    return !old || guest_write(old, &before, sizeof(before)) ? 0 : -EFAULT;
}

static long any_limit(LuThread *t, uint64_t pid, int which, Gva set, Gva old)
{
    bool self = !pid || (int)pid == (int)sys_getpid();
    if (self && (which == RLIMIT_AS || which == RLIMIT_DATA))
        return own_limit(t, which, set, old);
    long r = sys_call4(SYS_prlimit64, pid, which, set, old);
    if (!r && self && set && which == RLIMIT_CORE && lu_core_allowed())
        lu_signals_want_cores(t);
    return r;
}

long lu_sys_prlimit64(LuThread *t, const uint64_t a[6])
{
    return any_limit(t, a[0], (int)a[1], a[2], a[3]);
}

/* struct rlimit is struct rlimit64 on 64-bit ABIs; a null pointer is an error here. */
long lu_sys_getrlimit(LuThread *t, const uint64_t a[6])
{
    return a[1] ? any_limit(t, 0, (int)a[0], 0, a[1]) : -EFAULT;
}

long lu_sys_setrlimit(LuThread *t, const uint64_t a[6])
{
    return a[1] ? any_limit(t, 0, (int)a[0], a[1], 0) : -EFAULT;
}
