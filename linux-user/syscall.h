/*
 * System calls of the guest. One row per call in syscalls.def: name, argument kinds, handler, state. The row makes
 * the dispatcher, the -strace printer and the published list (tinamou --syscalls).
 *
 * A handler gets the thread and its six arguments and returns what the guest sees: a value or -errno. It runs with
 * the guest's registers still those of the system call instruction. Special returns are LU_RET_*.
 * Blocking calls go through lu_blocking() (signal.h), so that a signal that arrives in the window before the
 * kernel entry interrupts them.
 * Threads: the calling guest thread. No locks are held on entry.
 */
#ifndef LINUX_USER_SYSCALL_H
#define LINUX_USER_SYSCALL_H

#include "linux-user/abi.h"
#include "linux-user/guest.h"

typedef long LuHandler(LuThread *t, const uint64_t a[6]);

enum {
    LU_RET_RESTART = -512,      /* ERESTARTSYS: restart if SA_RESTART or no handler, else EINTR */
    LU_RET_RESTART_ALWAYS = -513, /* ERESTARTNOINTR: a signal came before the call began; do it again in any case */
    LU_RET_RESTART_NOHAND = -514, /* ERESTARTNOHAND: EINTR if a handler runs */
    LU_RET_NONE = -600,         /* registers are already as they shall be (sigreturn, execve) */
};

typedef enum LuRowState { LU_FULL, LU_SUBSET, LU_ERRNO } LuRowState;

typedef struct LuSyscallRow {
    char name[28];
    char kinds[8];     /* one letter an argument, see syscalls.def */
    uint8_t state;     /* LuRowState */
    uint8_t ret;       /* letter: how strace prints the result */
    int16_t err;       /* ERRNO: the errno given */
    LuHandler *handler;
} LuSyscallRow;

extern const LuSyscallRow lu_syscall_rows[];
extern const unsigned lu_n_syscall_rows;

/* Executes the system call the cpu stands on: dispatch, strace, result, pc. Signals are the caller's business:
 * lu_signals_pending() is false at the call. A LU_RET_RESTART... result is not put into the registers but into
 * t->restart, for lu_signals_deliver(); pc is stepped over the instruction in any case but LU_RET_NONE. */
void lu_syscall(LuThread *t);
void lu_syscalls_print(const LuAbi *abi, int fd);

/* Shared by exec and file calls (fs.h): see there. */

#endif
