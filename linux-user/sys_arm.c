/* The calls of 32-bit Arm alone. Source: cacheflush(2); the UAPI header asm/unistd.h of arm. */
#include "linux-user/sys_util.h"

/* Start and end, not start and length. Flags are of later kernels. */
long lu_sys_arm_cacheflush(LuThread *t, const uint64_t a[6])
{
    if (a[1] < a[0] || a[2])
        return -EINVAL;
    if (a[1] > t->proc->task_size)
        return -EFAULT;
    if (a[0] < a[1])
        accel_recheck(t->proc->accel, a[0], a[1] - a[0]);
    accel_fence_i(t->cpu);
    return 0;
}

long lu_sys_arm_set_tls(LuThread *t, const uint64_t a[6])
{
    t->proc->abi->set_tls(t->cpu, a[0]);
    return 0;
}

long lu_sys_arm_get_tls(LuThread *t, const uint64_t a[6]) { return (long)t->proc->abi->get_tls(t->cpu); }
