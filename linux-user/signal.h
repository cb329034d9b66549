/*
 * Signals. The host's masks and dispositions mirror the guest's, so the kernel routes and queues (rules.md
 * 12); a host handler takes one signal, records its siginfo in the thread, sets the cpu's kick word and
 * returns with all signals blocked until lu_signals_deliver() has built the guest frame. Signal numbers and
 * the 64-bit siginfo are the same for guest and host (asm-generic), except where an ABI says otherwise.
 *
 * Faults: SIGSEGV/SIGBUS/SIGILL/SIGTRAP/SIGFPE raised by guest code come as CpuExit and are turned into guest
 * signals by lu_raise_fault(); the same signals sent by kill() are ordinary asynchronous ones.
 *
 * Invariants. (1) Outside of a held section the host's mask is the guest's without SIGSEGV, SIGBUS and SIGFPE
 * (LU_FAULTS), which stay open for the emulator's own faults and for traps of generated code; sent ones that
 * the guest blocks are kept in LuSigState.kept. (2) A recorded signal was deliverable under LuSigState.mask,
 * and everything that changes the mask first holds signals: if one is recorded then, it came before, and the
 * system call is done again after it (LU_RET_RESTART_ALWAYS). So no handler ever runs under a mask that
 * blocks it.
 * The run loop: after accel_run() says CPU_EXIT_SYSCALL, and lu_signals_pending(), deliver instead of the
 * call (the pc is still on it); else lu_syscall(), then lu_signals_deliver(t, t->restart). After every other
 * exit lu_signals_deliver(t, 0).
 * Threads: each call by the thread `t` itself. Sources: signal(7), sigaction(2), sigreturn(2),
 * sigaltstack(2).
 */
#ifndef LINUX_USER_SIGNAL_H
#define LINUX_USER_SIGNAL_H

#include "linux-user/process.h"

enum { LU_NSIG = 64 };

/* Signals whose host handler is always ours, lowest number last. -1: sig is none of them. */
enum { LU_FAULTS = 3 };
static inline int lu_fault_signal(unsigned n) { return n == 0 ? SIGSEGV : n == 1 ? SIGFPE : SIGBUS; }
static inline int lu_fault_index(int sig)
{
    return sig == SIGSEGV ? 0 : sig == SIGFPE ? 1 : sig == SIGBUS ? 2 : -1;
}

typedef struct LuSigInfo { siginfo_t si; } LuSigInfo;

typedef struct LuSigAction { /* the kernel's struct sigaction of asm-generic 64-bit ABIs */
    Gva handler;    /* 0 SIG_DFL, 1 SIG_IGN */
    uint64_t flags; /* SA_* */
    uint64_t mask;  /* bit n-1 = signal n */
    Gva restorer;   /* 0: the vDSO's */
    const LuAbi *abi; /* of the call that set it, whose frames its handler gets; NULL: the process's */
} LuSigAction;

/* What CLONE_SIGHAND shares. Counted; dead ones go back to LuProc.dead_sighands. */
struct LuSighand {
    Lock lock;     /* LOCK_RANK_SIGHAND: act, and the host's dispositions with it */
    uint32_t refs; /* LOCK_RANK_PROC */
    LuSighand *next_dead;
    uint64_t inherited; /* bit n-1: act[n] was not looked at yet, the host has what the process started
                         * with */
    bool cores; /* core files were allowed: our handlers stand for default actions that leave one */
    LuSigAction act[LU_NSIG + 1]; /* through lu_sig_action(), but for LU_FAULTS */
};

typedef struct LuSigState {
    uint32_t n_pending;  /* nonzero: lu_signals_deliver() has work. Written by the thread and its handlers */
    Gva notified_pc; /* behind the call that a listener of seccomp's is asked about; by place: it looks from
                      * another process (seccomp.c) */
    bool recorded;       /* `pending` holds a signal, and the host blocks all others */
    uint64_t mask;       /* guest's blocked signals */
    uint64_t saved_mask; /* rt_sigsuspend and friends: to restore after delivery */
    bool have_saved;
    Gva alt_sp, alt_size;
    uint32_t alt_flags;  /* SS_DISABLE, SS_AUTODISARM */
    uint32_t kept_set;   /* bit n: kept[n] holds a lu_fault_signal(n) that was sent */
    LuSigInfo pending;
    LuSigInfo kept[LU_FAULTS];
} LuSigState;

static inline uint64_t lu_sig_bit(int sig) { return 1ull << (sig - 1); }
static inline bool lu_signals_pending(const LuThread *t)
{
    return __atomic_load_n(&((const LuSigState *)t->sig)->n_pending, __ATOMIC_ACQUIRE) != 0;
}

/* Process start: installs the fault handlers and reads inherited dispositions and mask. Fills t->sig and
 * t->sighand. */
void lu_signals_init(LuProc *p, LuThread *t);
/* A fault of the guest's own instruction at cpu->pc. Never returns to that instruction unless a handler
 * does. */
void lu_raise_fault(LuThread *t, int sig, int si_code, Gva addr);
/* The same within a held section, which it ends, with a siginfo that is complete. */
void lu_raise_held(LuThread *t, const LuSigInfo *info);
/* Delivers what is pending: builds at most one frame per signal, or kills, stops, ignores. `restart` is the
 * result of the system call just finished (LU_RET_RESTART...), 0 if none. Called before each return to guest
 * code. */
void lu_signals_deliver(LuThread *t, long restart);
/* A system call that may block: checks for a pending signal and enters the kernel in one restartable window;
 * returns LU_RET_RESTART_ALWAYS when a signal came first, or when the kernel would restart the call after the
 * handler (the host's dispositions carry SA_RESTART, so the kernel is the judge); else the kernel's
 * result. */
long lu_blocking(LuThread *t, long nr, long a, long b, long c, long d, long e, long f);
/* The same for calls that swap the mask while they wait (ppoll, pselect6, epoll_pwait, rt_sigsuspend): among
 * the arguments is a pointer to lu_sig_host_mask(temp); `temp` is what the guest asked for. */
long lu_blocking_masked(LuThread *t, uint64_t temp, long nr, long a, long b, long c, long d, long e, long f);
/* execve and execveat with host pointers: the new image inherits exactly the guest's mask and ignored
 * signals; but ignored LU_FAULTS only if `native` (an image of ours is told by -ignored-faults) and no other
 * thread shares the dispositions: the handlers of those are needed until the last moment. Returns as
 * lu_blocking(), on errors only. */
long lu_blocking_exec(LuThread *t, bool native, long nr, long a, long b, long c, long d, long e);
/* Bit n: the guest ignores lu_fault_signal(n). */
uint32_t lu_signals_ignored_faults(LuThread *t);
/* Core files have come to be allowed. */
void lu_signals_want_cores(LuThread *t);
/* A guest mask as the host may have it. */
uint64_t lu_sig_host_mask(uint64_t mask);
/* Ends the process the way the default action of `sig` does, with the core-dump bit as the kernel would. */
_Noreturn void lu_die_of_signal(LuThread *t, int sig);

#endif
