/* The process and its surroundings: prctl(2), personality(2), unshare(2), setns(2), execve(2). */
#include "linux-user/seccomp.h"
#include "linux-user/sys_util.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <sys/personality.h>

/* Newer than the oldest headers we build with: prctl(2), PR_GET_AUXV(2const). */
enum { LU_PR_SET_MDWE = 65, LU_PR_GET_MDWE = 66, LU_PR_SET_MEMORY_MERGE = 67, LU_PR_GET_MEMORY_MERGE = 68,
       LU_PR_GET_AUXV = 0x41555856 };

/* Copies the auxiliary vector, as much as fits; returns its whole size (PR_GET_AUXV(2const)). */
static long get_auxv(LuThread *t, const uint64_t a[6])
{
    const LuProc *p = t->proc;
    if (a[3] || a[4])
        return -EINVAL;
    size_t n = MIN(p->auxv_len, a[2]);
    if (fault_copy(guest_ptr(a[1]), guest_ptr(p->auxv), n))
        return -EFAULT;
    return (long)p->auxv_len;
}

long lu_sys_prctl(LuThread *t, const uint64_t a[6])
{
    switch ((int)a[0]) {
    case LU_PR_GET_AUXV: return get_auxv(t, a);
    case PR_SET_SECCOMP:
    case PR_GET_SECCOMP: return lu_seccomp_prctl(t, a);
    case LU_PR_GET_MDWE: return a[1] || a[2] || a[3] || a[4] ? -EINVAL : 0;
    /* Properties of the process or thread that mean the same for the guest. */
    case PR_SET_PDEATHSIG:
    case PR_GET_PDEATHSIG:
    case PR_GET_DUMPABLE:
    case PR_SET_DUMPABLE:
    case PR_GET_KEEPCAPS:
    case PR_SET_KEEPCAPS:
    case PR_GET_TIMING:
    case PR_SET_TIMING:
    case PR_SET_NAME:
    case PR_GET_NAME:
    case PR_CAPBSET_READ:
    case PR_CAPBSET_DROP:
    case PR_GET_SECUREBITS:
    case PR_SET_SECUREBITS:
    case PR_SET_TIMERSLACK:
    case PR_GET_TIMERSLACK:
    case PR_TASK_PERF_EVENTS_DISABLE:
    case PR_TASK_PERF_EVENTS_ENABLE:
    case PR_MCE_KILL:
    case PR_MCE_KILL_GET:
    case PR_SET_PTRACER:
    case PR_SET_CHILD_SUBREAPER:
    case PR_GET_CHILD_SUBREAPER:
    case PR_SET_NO_NEW_PRIVS:
    case PR_GET_NO_NEW_PRIVS:
    case PR_GET_TID_ADDRESS:
    case PR_SET_THP_DISABLE:
    case PR_GET_THP_DISABLE:
    case PR_CAP_AMBIENT:
    case PR_GET_SPECULATION_CTRL:
    case PR_SET_SPECULATION_CTRL:
    case PR_SET_IO_FLUSHER:
    case PR_GET_IO_FLUSHER:
    case PR_SCHED_CORE:
    case PR_SET_VMA:
    case LU_PR_SET_MEMORY_MERGE:
    case LU_PR_GET_MEMORY_MERGE: return sys_call5(SYS_prctl, a[0], a[1], a[2], a[3], a[4]);
    /* The processor's (TSC, MPX, SVE, FP modes, ...), the layout of the emulator's own address space; the
     * guest's ABI knows the first group. */
    default: return t->proc->abi->prctl ? t->proc->abi->prctl(t, a) : -EINVAL;
    }
}

long lu_sys_personality(LuThread *t, const uint64_t a[6])
{
    /* The other bits change nothing in a 64-bit process of the host's once it runs. */
    if ((uint32_t)a[0] != 0xffffffff && (a[0] & READ_IMPLIES_EXEC))
        return -EINVAL;
    return sys_call1(SYS_personality, a[0]);
}

enum { MOVES_ROOT = CLONE_NEWNS | CLONE_NEWUSER };

long lu_sys_unshare(LuThread *t, const uint64_t a[6])
{
    if (a[0] & MOVES_ROOT)
        lu_exec_pin_self(t->proc);
    if (a[0] & CLONE_FILES && t->proc->n_threads > 1)
        t->own_files = true;
    return sys_call1(SYS_unshare, a[0]);
}

long lu_sys_setns(LuThread *t, const uint64_t a[6])
{
    lu_exec_pin_self(t->proc);
    return sys_call2(SYS_setns, a[0], a[1]);
}

static long exec_common(LuThread *t, int dirfd, Gva path, Gva argv, Gva envp, int flags)
{
    const char *copy;
    long r = su_path_copy(t, path, &copy);
    return r ? r : lu_execve(t, dirfd, copy, argv, envp, flags);
}

long lu_sys_execve(LuThread *t, const uint64_t a[6])
{
    return exec_common(t, AT_FDCWD, a[0], a[1], a[2], 0);
}

long lu_sys_execveat(LuThread *t, const uint64_t a[6])
{
    if (a[4] & ~(uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    return exec_common(t, (int)a[0], a[1], a[2], a[3], (int)a[4]);
}
