/*
 * Signals. The host's masks and dispositions mirror the guest's, so the kernel routes and queues (rules.md 12);
 * a host handler takes one signal, records its siginfo in the thread, sets the cpu's kick word and returns with all
 * signals blocked until lu_signals_deliver() has built the guest frame. Signal numbers and the 64-bit siginfo are the
 * same for guest and host (asm-generic), except where an ABI says otherwise.
 *
 * Faults: SIGSEGV/SIGBUS/SIGILL/SIGTRAP/SIGFPE raised by guest code come as CpuExit and are turned into guest
 * signals by lu_raise_fault(); the same signals sent by kill() are ordinary asynchronous ones.
 */
#ifndef LINUX_USER_SIGNAL_H
#define LINUX_USER_SIGNAL_H

#include "linux-user/process.h"

typedef struct LuSigInfo { siginfo_t si; } LuSigInfo;

typedef struct LuSigAction { /* the kernel's struct sigaction of asm-generic 64-bit ABIs */
    Gva handler;    /* 0 SIG_DFL, 1 SIG_IGN */
    uint64_t flags; /* SA_* */
    uint64_t mask;  /* bit n-1 = signal n */
    Gva restorer;   /* 0: the vDSO's */
} LuSigAction;

typedef struct LuSigState {
    uint64_t mask;       /* guest's blocked signals; the host's mask equals it outside of delivery */
    uint64_t saved_mask; /* rt_sigsuspend and friends: to restore after delivery */
    bool have_saved;
    Gva alt_sp, alt_size;
    uint32_t alt_flags;  /* SS_DISABLE, SS_AUTODISARM */
    uint32_t n_pending;  /* recorded by the host handler, not yet delivered: 0 or 1, plus a synchronous one */
    LuSigInfo pending;
} LuSigState;

/* Process start: installs the fault handlers and reads inherited dispositions and mask. */
void lu_signals_init(LuProc *p, LuThread *t);
/* A fault of the guest's own instruction at cpu->pc. Never returns to that instruction unless a handler does. */
void lu_raise_fault(LuThread *t, int sig, int si_code, Gva addr);
/* Delivers what is pending: builds at most one frame per signal, or kills, stops, ignores. `restart` is the result of
 * the system call just finished (LU_RET_RESTART...), 0 if none. Called before each return to guest code. */
void lu_signals_deliver(LuThread *t, long restart);
/* A system call that may block: checks for a pending kick and enters the kernel in one restartable window; returns
 * LU_RET_RESTART when a signal came first. */
long lu_blocking(LuThread *t, long nr, long a, long b, long c, long d, long e, long f);
/* Ends the process the way the default action of `sig` does, with the core-dump bit as the kernel would. */
_Noreturn void lu_die_of_signal(LuThread *t, int sig);

#endif
