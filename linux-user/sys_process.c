/*
 * System calls that make and end processes and threads. Sources: clone(2), _exit(2), wait(2), membarrier(2).
 * wait4, waitid, futex, set_tid_address, set_robust_list, sched_yield and the calls that tell ids go to the
 * host as they are (syscalls.def): thread and process ids, rusage, siginfo and the layout of robust lists are
 * the same.
 */
#include "linux-user/sys_util.h"
#include "linux-user/thread.h"

#include <linux/membarrier.h>

long lu_sys_clone(LuThread *t, const uint64_t a[6])
{
    /* The order of arguments of asm-generic ABIs with CONFIG_CLONE_BACKWARDS: flags, stack, ptid, tls,
     * ctid. */
    struct clone_args args = {
        .flags = (uint32_t)a[0], .stack = a[1], .parent_tid = a[2], .tls = a[3], .child_tid = a[4],
    };
    return lu_clone(t, &args, 0);
}

long lu_sys_clone3(LuThread *t, const uint64_t a[6])
{
    struct clone_args args = {0};
    uint64_t size = a[1];
    if (size > 4096)
        return -E2BIG;
    if (size < CLONE_ARGS_SIZE_VER0)
        return -EINVAL;
    if (!guest_read(&args, a[0], MIN(size, sizeof args)))
        return -EFAULT;
    for (uint64_t i = sizeof args; i < size; i++) {
        FaultVal v = fault_ld8(a[0] + i);
        if (v.fault)
            return -EFAULT;
        if (v.val)
            return -E2BIG; /* a newer kernel's field */
    }
    if (!args.stack != !args.stack_size)
        return -EINVAL;
    __u64 *to[] = {&args.pidfd, &args.child_tid, &args.parent_tid, &args.set_tid};
    for (unsigned i = 0; i < ARRAY_SIZE(to); i++)
        *to[i] = su_pointer(t->proc, *to[i]);
    return lu_clone(t, &args, size);
}

long lu_sys_exit(LuThread *t, const uint64_t a[6])
{
    return lu_thread_exit(t, (int)a[0]);
}

long lu_sys_exit_group(LuThread *t, const uint64_t a[6])
{
    lu_process_exit(t, (int)a[0]);
}

long lu_sys_membarrier(LuThread *t, const uint64_t a[6])
{
    long r = sys_call3(SYS_membarrier, (int)a[0], (unsigned)a[1], (int)a[2]);
    if (!sys_is_err(r) && (int)a[0] == MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE)
        accel_fence_i(t->cpu); /* it also orders instruction fetches */
    return r;
}
