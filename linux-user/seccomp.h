/*
 * seccomp of the guest: its filters, run over its own system call numbers before each call.
 *
 * A thread has a list of filters, the newest first, or the strict mode; LU_HOOK_SECCOMP in LuThread.hooks
 * says so, and a thread without pays nothing. For each filter the host's kernel gets a stand-in of one
 * instruction that lets every call pass: so who may install one, which threads follow (TSYNC), what a child
 * and a new program inherit, the counts in /proc/PID/status and notifications are the kernel's own doing.
 * A new image is told by a descriptor (-seccomp-fd). Programs of the host would run unfiltered, so a thread
 * with a filter runs x86-64 programs as guests, and no others of the host.
 *
 * Ownership: filters live as long as the process, and never change. Threads: each call by the guest thread
 * itself; TSYNC sets the list of others under LuProc.lock. Sources: seccomp(2), prctl(2), seccomp_unotify(2),
 * linux/seccomp.h, linux/audit.h.
 */
#ifndef LINUX_USER_SECCOMP_H
#define LINUX_USER_SECCOMP_H

#include "linux-user/process.h"

#include <linux/filter.h>

typedef struct LuFilter LuFilter;
struct LuFilter {
    const LuFilter *older;
    uint32_t n;    /* instructions */
    uint32_t path; /* what the kernel counts for this one and the older ones */
    bool notifies; /* has a listener */
    struct sock_filter insn[];
};

typedef enum LuVerdict {
    LU_VERDICT_CALL,  /* the call is made */
    LU_VERDICT_DONE,  /* it was answered, or a signal was raised; the pc is behind it */
    LU_VERDICT_AGAIN, /* a signal came first */
} LuVerdict;

/* Before a system call, with the pc on it. May end the thread or the process. */
LuVerdict lu_seccomp_call(LuThread *t, uint64_t nr);
/* A new thread or process has what its parent has. LuProc.lock held. */
static inline void lu_seccomp_inherit(LuThread *child, const LuThread *parent)
{
    child->filters = parent->filters;
    child->hooks |= parent->hooks & LU_HOOK_SECCOMP;
}
/* For execve: a descriptor with the filters, which is to be inherited; -1: there are none. -errno. */
long lu_seccomp_hand_over(LuThread *t);
/* In the new image. False: the descriptor has something else. */
bool lu_seccomp_take_over(LuThread *t, int fd);
/* prctl(2): PR_SET_SECCOMP and PR_GET_SECCOMP. */
long lu_seccomp_prctl(LuThread *t, const uint64_t a[6]);
/* ioctl(2) of a listener: its notifications name the guest's calls. False: not one of its requests. */
bool lu_seccomp_ioctl(LuThread *t, int fd, uint64_t request, Gva at, long *ret);

#endif
