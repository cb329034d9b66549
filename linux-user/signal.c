/*
 * The guest's half of signals: what a recorded signal does, and in which order.
 *
 * lu_signals_deliver() is the kernel's exit-to-user loop: it takes one signal after the other, each on top of
 * the frame of the one before, until none is deliverable under the mask that the last handler set up. The
 * host's mask stays full between taking a signal and the end of its frame, so the order is the kernel's.
 */
#include "linux-user/signal_priv.h"
#include "base/fmt.h"
#include "linux-user/core.h"
#include "linux-user/crash.h"
#include "linux-user/gdb.h"
#include "linux-user/mm.h"
#include "linux-user/perf.h"
#include "linux-user/options.h"
#include "linux-user/strace.h"

/* --- alternate stack (sigaltstack(2)) --- */

bool lu_on_altstack(const LuSigState *s, Gva sp)
{
    if (s->alt_flags & SS_AUTODISARM)
        return false;
    return sp > s->alt_sp && sp - s->alt_sp <= s->alt_size;
}

uint32_t lu_altstack_flags(const LuSigState *s, Gva sp)
{
    if (!s->alt_size)
        return SS_DISABLE;
    return lu_on_altstack(s, sp) ? SS_ONSTACK : 0;
}

long lu_altstack_set(LuThread *t, Gva sp, Gva ss_sp, uint32_t ss_flags, Gva ss_size)
{
    LuSigState *s = t->sig;
    uint32_t mode = ss_flags & ~(uint32_t)SS_AUTODISARM;
    if (lu_on_altstack(s, sp))
        return -EPERM;
    if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
        return -EINVAL;
    if (mode == SS_DISABLE) {
        ss_size = 0;
        ss_sp = 0;
    } else if (ss_size < t->proc->abi->min_sigstksz) {
        return -ENOMEM;
    }
    s->alt_sp = ss_sp;
    s->alt_size = ss_size;
    s->alt_flags = ss_flags;
    return 0;
}

/* --- delivery --- */

static bool push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act)
{
    const LuAbi *abi = act->abi ? act->abi : t->proc->abi;
    LuSigState *s = t->sig;
    Gva sp = t->proc->abi->get_sp(t->cpu), top = sp;
    if (act->flags & SA_ONSTACK && lu_altstack_flags(s, sp) == 0)
        top = s->alt_sp + s->alt_size;
    /* A handler that runs on the alternate stack and would overflow it dies here, not somewhere below. */
    if (lu_on_altstack(s, sp) && top == sp && !lu_on_altstack(s, sp - abi->frame_size))
        return false;
    return top <= t->proc->task_size && abi->push_frame(t, info, act, top);
}

static bool ignored_by_default(int sig)
{
    return sig == SIGCHLD || sig == SIGCONT || sig == SIGURG || sig == SIGWINCH;
}

static LuSigAction take_action(LuSighand *h, int sig)
{
    lock_take(&h->lock);
    LuSigAction act = *lu_sig_action(h, sig);
    if (act.handler > 1 && act.flags & SA_RESETHAND) {
        h->act[sig].handler = 0;
        lu_sighost_install(h, sig);
    }
    lock_release(&h->lock);
    return act;
}

void lu_force_segv(LuThread *t, int sig)
{
    LuSigInfo info = {.si = {.si_signo = SIGSEGV, .si_code = SI_KERNEL}};
    LuSigAction act = take_action(t->sighand, SIGSEGV);
    /* The kernel's rule: a SIGSEGV whose own frame cannot be written kills. */
    if (sig == SIGSEGV || act.handler <= 1 || t->sig->mask & lu_sig_bit(SIGSEGV))
        lu_die_of_fault(t, &info);
    lu_signal_deliver_one(t, &info, 0);
}

static void apply_restart(LuThread *t, long code, const LuSigAction *act)
{
    const LuAbi *abi = t->abi;
    if (code == LU_RET_RESTART_ALWAYS || (code == LU_RET_RESTART && (!act || act->flags & SA_RESTART)) ||
        !act)
        abi->restart_syscall(t->cpu, t->syscall_arg[0]);
    else
        abi->set_result(t->cpu, (uint64_t)-EINTR);
}

/* What the debugger makes of a signal; NULL: nothing. */
static const LuSigInfo *seen_by_debugger(LuThread *t, const LuSigInfo *info, LuSigInfo *other)
{
    if (t->traced.on)
        return lu_traced_signal(t, info, other);
    int sig = lu_gdb_signal(t, &info->si);
    if (sig == info->si.si_signo)
        return info;
    *other = (LuSigInfo){.si = {.si_signo = sig, .si_code = SI_USER}};
    other->si.si_pid = t->pid;
    return sig ? other : NULL;
}

/* The end, mostly: but who stops goes on, and the init process of a PID namespace is spared. */
static void take_default(LuThread *t, const LuSigInfo *info)
{
    LuSighand *h = t->sighand;
    if (t->pid != 1)
        lu_core_dump(t, &info->si);
    lu_sighost_default(info);
    lock_take(&h->lock);
    lu_sighost_install(h, info->si.si_signo);
    lock_release(&h->lock);
}

static long deliver_seen(LuThread *t, const LuSigInfo *info, long restart)
{
    LuSigState *s = t->sig;
    int sig = info->si.si_signo;
    LuSigAction act = take_action(t->sighand, sig);
    if (act.handler == (Gva)(uintptr_t)SIG_IGN)
        return restart;
    if (UNLIKELY(t->proc->log & LU_LOG_STRACE))
        lu_trace_signal(t, &info->si);
    if (act.handler == (Gva)(uintptr_t)SIG_DFL) {
        /* Only after another thread changed the disposition, or for a sent one of LU_FAULTS. */
        if (!ignored_by_default(sig))
            take_default(t, info);
        return restart;
    }
    if (restart)
        apply_restart(t, restart, &act);
    if (!push_frame(t, info, &act)) {
        lu_force_segv(t, sig);
        return 0;
    }
    s->have_saved = false;
    s->mask |= act.mask | (act.flags & SA_NODEFER ? 0 : lu_sig_bit(sig));
    s->mask &= ~LU_NEVER_BLOCKED;
    if (s->alt_flags & SS_AUTODISARM) {
        s->alt_sp = s->alt_size = 0;
        s->alt_flags = SS_DISABLE;
    }
    return 0;
}

long lu_signal_deliver_one(LuThread *t, const LuSigInfo *info, long restart)
{
    LuSigInfo other;
    if (UNLIKELY(t->proc->gdb != NULL || t->traced.on) && !(info = seen_by_debugger(t, info, &other)))
        return restart;
    return deliver_seen(t, info, restart);
}

/* Moves one deliverable signal out of the state; false: there was none. Held section. */
static bool take_signal(LuSigState *s, LuSigInfo *ret_info)
{
    __atomic_store_n(&s->n_pending, 0, __ATOMIC_RELEASE);
    if (s->recorded) {
        *ret_info = s->pending;
        s->recorded = false;
        return true; /* lu_signals_release() notes a kept one again */
    }
    for (unsigned i = LU_FAULTS; i-- > 0;) { /* lowest number first */
        if (s->kept_set & 1u << i && !(s->mask & lu_sig_bit(lu_fault_signal(i)))) {
            *ret_info = s->kept[i];
            s->kept_set &= ~(1u << i);
            return true;
        }
    }
    return false;
}

void lu_signals_deliver(LuThread *t, long restart)
{
    LuSigState *s = t->sig;
    t->restart = 0;
    while (lu_signals_pending(t)) {
        LuSigInfo info;
        lu_signals_hold(t);
        if (take_signal(s, &info)) {
            lu_core_tell(&info.si);
            restart = lu_signal_deliver_one(t, &info, restart);
        }
        lu_signals_release(t);
    }
    if (s->have_saved) { /* the signal that ended the wait was discarded meanwhile */
        lu_signals_hold(t);
        s->mask = s->saved_mask;
        s->have_saved = false;
        lu_signals_release(t);
    }
    if (restart)
        apply_restart(t, restart, NULL);
}

void lu_raise_fault(LuThread *t, int sig, int si_code, Gva addr)
{
    LuSigInfo info = {.si = {.si_signo = sig, .si_code = si_code}};
    info.si.si_addr = (void *)(uintptr_t)addr;
    if (!lu_signals_hold(t))
        return; /* it came before the instruction, which faults again after its handler */
    lu_raise_held(t, &info);
}

void lu_raise_held(LuThread *t, const LuSigInfo *info)
{
    int sig = info->si.si_signo;
    lock_take(&t->sighand->lock);
    Gva handler = lu_sig_action(t->sighand, sig)->handler;
    lock_release(&t->sighand->lock);
    bool fatal = handler <= 1 || t->sig->mask & lu_sig_bit(sig); /* a fault cannot be ignored or wait */
    LuSigInfo other;
    const LuSigInfo *now = info;
    if (UNLIKELY(t->proc->gdb != NULL || t->traced.on))
        now = seen_by_debugger(t, info, &other);
    if (fatal && now && now->si.si_signo == sig)
        lu_die_of_fault(t, now);
    if (now)
        deliver_seen(t, now, 0);
    lu_signals_release(t);
}

/* --- the end --- */

_Noreturn void lu_die_of_fault(LuThread *t, const LuSigInfo *info)
{
    if (t->proc->log & LU_LOG_STRACE)
        lu_trace_signal(t, &info->si);
    lu_crash_report(t, info);
    lu_core_dump(t, &info->si);
    lu_die_of_signal(t, info->si.si_signo);
}

_Noreturn void lu_die_of_signal(LuThread *t, int sig)
{
    LuSigInfo info = {.si = {.si_signo = sig, .si_code = SI_USER}};
    info.si.si_pid = (pid_t)sys_getpid();
    lu_perf_end(t);
    if (UNLIKELY(t->proc->gdb != NULL))
        lu_gdb_exit(t, (unsigned)sig, true);
    lu_signals_hold(t);
    lock_take(&t->sighand->lock);
    lu_sighost_default(&info);
    /* Only the init process of a PID namespace gets here: the kernel spares it from default actions. */
    sys_exit_group(128 + sig);
}

/* --- start --- */

void lu_signals_want_cores(LuThread *t)
{
    lock_take(&t->sighand->lock);
    t->sighand->cores = true;
    lu_sighost_install_ours(t->sighand);
    lock_release(&t->sighand->lock);
}

void lu_signals_init(LuProc *p, LuThread *t)
{
    size_t alt = lu_sighost_altstack_size();
    LuSighand *h = t->sighand = lu_alloc(p, sizeof *h);
    LuSigState *s = t->sig = lu_alloc(p, sizeof *s);
    void *stack = lu_mm_arena_alloc(p->mm, alt);
    if (!h || !s || !stack) {
        fmt_err("out of memory at start");
        sys_exit_group(126);
    }
    lock_init(&h->lock, LOCK_RANK_SIGHAND);
    h->refs = 1;
    h->inherited = ~0ull;
    for (unsigned n = 0; n < LU_FAULTS; n++) {
        LuSigAction *act = lu_sig_action(h, lu_fault_signal(n));
        if (p->opt->ignored_faults >> n & 1)
            act->handler = (Gva)(uintptr_t)SIG_IGN;
    }
    s->alt_flags = SS_DISABLE;
    t->tid = (int)sys_gettid();
    t->pid = (int)sys_getpid();
    lu_sighost_altstack(stack, alt);
    h->cores = lu_core_allowed();
    lu_sighost_install_ours(h);
    sys_call4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &s->mask, sizeof s->mask);
    lu_signals_hold(t);
    lu_signals_release(t);
}
