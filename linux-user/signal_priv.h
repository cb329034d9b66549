/*
 * Between signal.c, signal_host.c, sys_signal.c and thread.c: the host's side of signals.
 *
 * A held section is the time between lu_signals_hold() and lu_signals_release(): the host blocks everything
 * but LU_FAULTS, so LuSigState (but kept, kept_set and bit 1 of n_pending) belongs to the code alone.
 * SIG_SETMASK is only used inside one: setting a mask while a signal is recorded would let a second one
 * overwrite it.
 * Threads: each call by the thread `t` itself.
 */
#ifndef LINUX_USER_SIGNAL_PRIV_H
#define LINUX_USER_SIGNAL_PRIV_H

#include "linux-user/signal.h"
#include "linux-user/syscall.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31) /* linux/signal.h, which does not go with signal.h */
#endif

/* Bits of a mask that the kernel takes away from every mask. An int, so ~ of it has all bits above. */
enum { LU_NEVER_BLOCKED = 1 << (SIGKILL - 1) | 1 << (SIGSTOP - 1) };
/* Bits of LuSigState.n_pending. TRACED: a tracer wants the thread to stop (traced.h). */
enum { LU_PENDING_RECORDED = 1, LU_PENDING_KEPT = 2, LU_PENDING_TRACED = 4 };

/* True: held. False: held too, but a signal is pending that came first; return LU_RET_RESTART_ALWAYS. */
bool lu_signals_hold(LuThread *t);
/* The host's mask becomes that of t->sig->mask. */
void lu_signals_release(LuThread *t);

/* Gives the host the disposition that mirrors h->act[sig]. h->lock held. */
void lu_sighost_install(LuSighand *h, int sig);
/* Those that come to us whatever the guest has for them: LU_FAULTS and, where core files are allowed
 * (LuSighand.cores), signals whose default leaves one. h->lock held, but at the start of a process. */
void lu_sighost_install_ours(LuSighand *h);
/* The calling host thread takes its signals on this memory. */
void lu_sighost_altstack(void *mem, size_t size);
size_t lu_sighost_altstack_size(void);
/* h->act[sig], asked from the host if need be (64 calls at each start are not for nothing). h->lock held. */
LuSigAction *lu_sig_action(LuSighand *h, int sig);
/* As if `info`, one of LU_FAULTS, had been sent to the calling thread. */
void lu_sighost_keep(LuThread *t, const LuSigInfo *info);
/* Sends `info` to the calling thread with the host's default action for it and nothing else unblocked;
 * returns if the process survives that (stopped and continued, ignored), with the host's disposition still
 * the default. Held section. */
void lu_sighost_default(const LuSigInfo *info);

/* sigaction(2) with the guest's structures read: 0 or -errno. in: NULL changes nothing. */
long lu_sigaction(LuThread *t, int sig, const LuSigAction *in, LuSigAction *ret_old);
/* Delivers one signal to its handler, or does what its disposition says. Held section. Returns what is left
 * of `restart`. */
long lu_signal_deliver_one(LuThread *t, const LuSigInfo *info, long restart);
/* A frame could not be written or read: SIGSEGV in the place of `sig` (0: none), held section. */
void lu_force_segv(LuThread *t, int sig);
_Noreturn void lu_die_of_fault(LuThread *t, const LuSigInfo *info);

/* Whether sp is on the guest's alternate stack, and what sigaltstack(2) says of it. */
bool lu_on_altstack(const LuSigState *s, Gva sp);
uint32_t lu_altstack_flags(const LuSigState *s, Gva sp);
/* sigaltstack(2) and the end of a handler: 0 or -errno. */
long lu_altstack_set(LuThread *t, Gva sp, Gva ss_sp, uint32_t ss_flags, Gva ss_size);
/* The mask that a frame saves. */
static inline uint64_t lu_frame_mask(const LuSigState *s) { return s->have_saved ? s->saved_mask : s->mask; }

extern const char lu_window_check[], lu_window_end[], lu_window_out[];
long lu_window_call(long nr, long a, long b, long c, long d, long e, long f, const uint32_t *pending);

#endif
