/*
 * System calls of the guest. One row per call in syscalls.def: name, argument kinds, how it is done, what is
 * missing. The row makes the dispatcher, the -strace printer and the published list (tinamou --syscalls).
 *
 * A handler gets the thread and its six arguments and returns what the guest sees: a value or -errno. It runs
 * with the guest's registers still those of the system call instruction. Special returns are LU_RET_*.
 * Blocking calls go through lu_blocking() (signal.h), so that a signal that arrives in the window before the
 * kernel entry interrupts them. Handlers of OWN rows are lu_sys_NAME (sys_handlers.h).
 * The table holds no pointers (start-up relocations): it is dispatched by a switch, texts are offsets.
 * Threads: the calling guest thread. No locks are held on entry.
 */
#ifndef LINUX_USER_SYSCALL_H
#define LINUX_USER_SYSCALL_H

#include "linux-user/abi.h"
#include "linux-user/guest.h"

enum {
    LU_RET_RESTART = -512,      /* ERESTARTSYS: restart if SA_RESTART or no handler, else EINTR */
    LU_RET_RESTART_ALWAYS = -513, /* ERESTARTNOINTR: a signal came before the call began; do it again in any
                                   * case */
    LU_RET_RESTART_NOHAND = -514, /* ERESTARTNOHAND: EINTR if a handler runs */
    LU_RET_NONE = -600,         /* registers are already as they shall be (sigreturn, execve) */
};

typedef enum LuRowState { LU_FULL, LU_SUBSET, LU_ERRNO } LuRowState;
typedef enum LuRowHow { LU_PASS, LU_WAIT, LU_OWN, LU_NONE } LuRowHow;

typedef struct LuSyscallRow {
    char name[32];
    char kinds[7];     /* one letter an argument, see syscalls.def; "" at its end */
    uint8_t how;       /* LuRowHow */
    uint8_t state;     /* LuRowState */
    uint8_t ret;       /* letter: how strace prints the result */
    int16_t err;       /* NONE: the errno given */
    int16_t host_nr;   /* PASS, WAIT: the host's number */
    uint16_t note;     /* offset in the texts, for lu_row_note() */
} LuSyscallRow;

/* LU_ROW_openat, ...: the index of a row. */
typedef enum LuRowId {
#define PASS(name, kinds, ret, note) LU_ROW_##name,
#define WAIT PASS
#define OWN PASS
#define NONE PASS
#include "linux-user/syscalls.def"
#undef PASS
#undef WAIT
#undef OWN
#undef NONE
    LU_N_ROWS
} LuRowId;

extern const LuSyscallRow lu_syscall_rows[LU_N_ROWS];
/* Can the call wait for long? (-strace shows it before it does.) */
bool lu_row_waits(const LuSyscallRow *row);
const char *lu_row_note(const LuSyscallRow *row);

/* Guest number -> row + 1 (0: no such number) for LuAbi.syscall_row. */
enum { LU_N_SYSCALLS_RISCV64 = 471, LU_N_SYSCALLS_ARM64 = 471, LU_N_SYSCALLS_X86_64 = 471 };
extern const uint16_t lu_syscall_row_riscv64[LU_N_SYSCALLS_RISCV64];
extern const uint16_t lu_syscall_row_arm64[LU_N_SYSCALLS_ARM64];
extern const uint16_t lu_syscall_row_x86_64[LU_N_SYSCALLS_X86_64];

/* Executes the system call the cpu stands on: dispatch, strace, result, pc. Signals are the caller's
 * business: lu_signals_pending() is false at the call. A LU_RET_RESTART... result is not put into the
 * registers but into t->restart, for lu_signals_deliver(); pc is stepped over the instruction in any case but
 * LU_RET_NONE. */
void lu_syscall(LuThread *t);
/* The same without cpu: what the dispatcher does for a row. */
long lu_syscall_row(LuThread *t, LuRowId row, const uint64_t a[6]);
/* Argument i of a call with these kinds, as the kernel may have it: pointers below the end of the guest's
 * addresses, open flags the host's. 0, -EBADF (a hidden descriptor) or -EFAULT (a list that leads to the
 * emulator's memory). */
long lu_arg_check(const LuProc *p, const char *kinds, uint64_t v[6], unsigned i);
/* Memory that the kernel writes is not write-protected any more (mm_code.c). Returns how many pages were. */
unsigned lu_args_open(const LuProc *p, const char *kinds, const uint64_t v[6]);
/* Paths among the arguments become the host's, in t->scratch: 0 or -errno. */
long lu_args_paths(LuThread *t, const char *kinds, uint64_t v[6]);
/* Its two halves, for who makes arguments of another ABI's: the guest's descriptors, pointers and flags
 * (lists of memory are not looked at), and the call, with memory that may be ours. */
long lu_row_check(const LuProc *p, LuRowId row, uint64_t v[6]);
long lu_row_do(LuThread *t, LuRowId row, uint64_t v[6]);
/* The line of -d unimp. row: NULL, there is no such number. */
void lu_log_unimp(LuThread *t, uint64_t nr, const LuSyscallRow *row);
/* tinamou --syscalls: number, name, state and reason of each, and the counts. */
void lu_syscalls_print(const LuAbi *abi, int fd);

#endif
