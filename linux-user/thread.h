/*
 * Threads and processes: clone in all its forms, and their ends.
 *
 * LuBlock is everything a guest thread needs on the host: stack with guard page, stack for signal handlers,
 * scratch arena, TLS, LuThread and LuSigState. It lives in the arena of the address space, which every thread
 * of the same memory shares. Ownership: its thread; a dying thread puts it on LuProc.dead_blocks while still
 * standing on it, and clears in_use by its very last instruction before the exit system call. The block of a
 * vfork child is freed by its parent when that resumes.
 * Threads: each call by the thread `t` itself. Sources: clone(2), vfork(2), exit(2), exit_group(2),
 * set_tid_address(2).
 */
#ifndef LINUX_USER_THREAD_H
#define LINUX_USER_THREAD_H

#include "linux-user/signal.h"

#include <linux/sched.h>

typedef struct LuBlock LuBlock;

/* clone(2) and clone3(2): `args` is host memory, its pointers the guest's; `size` is that of the guest's
 * structure for clone3, 0 for clone (then exit_signal is not looked at: it is in the low bits of flags).
 * Returns in the parent, and in a child that got a copy of the memory. LU_RET_RESTART_ALWAYS, -errno. */
long lu_clone(LuThread *t, const struct clone_args *args, size_t size);
/* A thread of the host that runs no guest: fn(self) with all signals blocked, on t's root and folder; does
 * not return. NULL: it cannot be made. */
LuThread *lu_host_thread(LuThread *t, void (*fn)(LuThread *self));
/* exit(2). Returns only LU_RET_RESTART_ALWAYS. */
long lu_thread_exit(LuThread *t, int status);
/* exit_group(2). */
_Noreturn void lu_process_exit(LuThread *t, int status);

#endif
