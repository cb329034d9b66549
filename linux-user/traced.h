/*
 * The traced side of ptrace(2) between guests (docs/adr/0033-ptrace.md).
 *
 * The host's kernel is the go-between: a guest that traces another is its tracer there too, so who may trace
 * whom, waits, events of fork, clone and exit, group stops and the tracer's end are the kernel's own. What a
 * tracer may see of a guest is another matter: its registers are only in LuThread.cpu where the thread
 * stands outside of generated code. So a traced thread stops by itself where the guest is between two
 * instructions or around a system call, and tells its tracer by a bell: a queued SIGBUS to itself that bears
 * the address of its LuTraced (SIGBUS is always open, and its handler ours: without a tracer the bell is a
 * word that there is none). A thread that the host stops inside of the window of a blocking call stands well
 * already. Every other stop of the host's is not shown: tracer.h.
 *
 * Ownership: LuTraced is the thread's, and its tracer's while it stands: that writes here from another
 * process. Threads: each call by the guest thread itself. Sources: ptrace(2).
 */
#ifndef LINUX_USER_TRACED_H
#define LINUX_USER_TRACED_H

#include "linux-user/debug_regs.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct LuThread;
struct LuSigInfo;

enum { LU_REGS_INSTEAD = 2 };                   /* LuTraced.regs_set: of what a blocking call comes to */
enum { LU_DUE_STOP = 1, LU_DUE_INTERRUPT = 2 }; /* LuTraced.due */

/* LEFT: there was one, and its last wishes are to be done before the guest runs. */
typedef enum LuTracedOn { LU_NOT_TRACED, LU_TRACED, LU_LEFT } LuTracedOn;

typedef enum LuCallSide { LU_CALL_NONE, LU_CALL_ENTRY, LU_CALL_EXIT, LU_CALL_SECCOMP } LuCallSide;

typedef struct LuTraced {
    uint64_t window;  /* where lu_window_check is: its tracer's image is elsewhere */
    uint32_t options; /* PTRACE_O_* as the tracer asked for them */
    uint8_t abi;      /* for lu_abi_at() */
    uint8_t on;       /* LuTracedOn */
    uint8_t seized;
    uint8_t initial; /* stops before its first instruction */
    uint8_t exec;    /* the same, for a new program */
    uint8_t forking; /* the child's copy is not in order yet */
    /* How the tracer let it go on: written by it. */
    uint8_t calls, step; /* PTRACE_SYSCALL, PTRACE_SINGLESTEP */
    uint8_t step_due;    /* the instruction was run */
    uint8_t told;        /* the tracer knows of this call's beginning */
    uint8_t mute;        /* and is not to hear of its end */
    uint8_t due;         /* LU_DUE_*: to stop soon */
    uint8_t answered;    /* who ended the stop was the tracer */
    uint8_t recheck;     /* memory may be other than it was */
    uint8_t regs_set;    /* by the tracer, in this stop */
    uint8_t side_result; /* `result` is what the tracer wants of a call that is not made (x86) */
    int answer;          /* the signal to go on with */
    int passed;          /* a signal that the tracer has seen and let pass: no stop for it */
    int passing;         /* a signal that it sends to itself, of which the tracer knows */
    /* The stop. */
    int status;       /* the signal, and the event << 8 */
    uint64_t message; /* of the event */
    siginfo_t info;
    /* The system call. */
    uint8_t side; /* LuCallSide: of the stop */
    uint64_t nr, args[6];
    uint64_t orig; /* nr within a call, else -1 */
    int64_t result;
    int64_t restart; /* LU_RET_RESTART...: what stands for the result until it is known how to go on */
    siginfo_t due_info;
    LuDebugRegs debug; /* which stays when nobody traces any more */
} LuTraced;

/* All but lu_traced_child() only of threads with LuThread.traced.on. */
/* Around accel_run() and what its exit asks for. */
void lu_traced_before(struct LuThread *t);
void lu_traced_after(struct LuThread *t);
/* Before a system call. False: it is not to be made, its result is set. */
bool lu_traced_call(struct LuThread *t);
void lu_traced_return(struct LuThread *t);
/* Has the tracer made the number -1? Then the call is behind it. */
bool lu_traced_skips(struct LuThread *t);
/* SECCOMP_RET_TRACE. False: the tracer does not want to know. */
bool lu_traced_seccomp(struct LuThread *t, uint32_t data);
/* A signal is about to be delivered. What shall be, perhaps in *other; NULL: none. Held section. */
const struct LuSigInfo *lu_traced_signal(struct LuThread *t, const struct LuSigInfo *info,
                                         struct LuSigInfo *other);
/* What a child of clone with these flags (and exit signal) begins with. */
LuTraced lu_traced_child(const struct LuThread *t, uint64_t flags, unsigned exit_signal);
/* For execve, and in the new image: one number. */
uint64_t lu_traced_hand_over(const struct LuThread *t);
void lu_traced_take_over(struct LuThread *t, uint64_t word);
/* PTRACE_TRACEME: 0 or -errno. */
long lu_traced_me(struct LuThread *t);
/* Is this siginfo the bell of that thread? */
static inline bool lu_traced_is_bell(const siginfo_t *si, uint64_t traced)
{
    return si->si_signo == SIGBUS && si->si_code == SI_QUEUE && (uintptr_t)si->si_ptr == traced;
}

#endif
