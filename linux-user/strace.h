/*
 * -strace: one line per system call, "PID name(arguments) = result", from the kinds of the row.
 *
 * Input arguments are read before the call, buffers the kernel fills after it. A call that may wait prints
 * its first part before it waits, so that the last line of a hang names it; if another thread of the process
 * prints meanwhile, that part is ended by "<unfinished ...>" and the rest begins with "<... name resumed>".
 * Output goes to proc->strace_fd with one write per part. Threads: any; proc->strace_open says whose line is
 * open (0: nobody's).
 */
#ifndef LINUX_USER_STRACE_H
#define LINUX_USER_STRACE_H

#include "base/fmt.h"
#include "linux-user/syscall.h"

#include <signal.h>

typedef struct LuTrace {
    Fmt f;
    char buf[2048];
    const LuSyscallRow *row;
    const LuAbi *abi;
    unsigned next; /* first argument not yet printed */
    bool flushed;  /* the first part is out */
} LuTrace;

void lu_trace_enter(LuTrace *tr, LuThread *t, uint64_t nr, const LuSyscallRow *row, const uint64_t a[6]);
void lu_trace_leave(LuTrace *tr, LuThread *t, const uint64_t a[6], long result);
/* The line of a signal that is delivered, in the style of strace: "--- SIGCHLD {...} ---". */
void lu_trace_signal(LuThread *t, const siginfo_t *si);

/* Text of constants (strace_names.c). */
const char *lu_errno_name(int err); /* "ENOENT", NULL if unknown */
const char *lu_errno_text(int err); /* "No such file or directory" */
/* Prints `val` as the kind of syscalls.def says; false if the kind has no names. */
bool lu_name_print(Fmt *f, char kind, uint64_t val);

#endif
