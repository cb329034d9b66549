/*
 * The host's half of signals.
 *
 * Who may be interrupted where. A handler runs on the thread's alternate stack with everything masked, and
 * does one of four things. A synchronous SIGSEGV/SIGBUS/SIGFPE goes to accel_fault(), which knows generated
 * code and base/fault.h; what it refuses is a bug of the emulator. A sent one of these is put aside in
 * `kept`. Any other signal is recorded, and the interrupted context is changed so that it resumes with all
 * signals blocked: one slot is enough, and what comes later stays in the kernel's queues, where sigtimedwait,
 * signalfd and other threads can have it. Last, if the PC is in the window of lu_window_call(), it moves to
 * the window's exit.
 * Handlers take no lock and touch only their own thread's LuSigState and Cpu.kick.
 */
#include "linux-user/signal_priv.h"
#include "base/fmt.h"
#include "linux-user/core.h"
#include "linux-user/options.h"

#include <sys/auxv.h>
#include <ucontext.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum {
    HOST_SA_RESTORER = 0x04000000,
    HANDLER_STACK = 24 * 1024,      /* for our handler's own calls, beyond the kernel's frame */
    HANDLER_STACK_DEBUG = 256 * 1024, /* a sanitizer's report needs more */
    SI_KERNEL_MIN = 1,              /* si_code of faults; those of senders are 0 or negative */
};

typedef struct HostSigAction {
    void *handler;
    uint64_t flags;
    void *restorer;
    uint64_t mask;
} HostSigAction;

void lu_host_restorer(void);

static uint64_t fault_bits(void) { return lu_sig_bit(SIGSEGV) | lu_sig_bit(SIGBUS) | lu_sig_bit(SIGFPE); }
static uint64_t unblockable_bits(void) { return lu_sig_bit(SIGKILL) | lu_sig_bit(SIGSTOP); }

static void host_setmask(int how, uint64_t mask)
{
    sys_call4(SYS_rt_sigprocmask, how, &mask, NULL, sizeof mask);
}

static void host_sigaction(int sig, void *handler, uint64_t flags)
{
    HostSigAction a = {.handler = handler, .flags = flags | HOST_SA_RESTORER,
                       .restorer = (void *)(uintptr_t)lu_host_restorer, .mask = ~0ull};
    sys_call4(SYS_rt_sigaction, sig, &a, NULL, sizeof a.mask);
}

uint64_t lu_sig_host_mask(uint64_t mask)
{
    return mask & ~fault_bits();
}

/* --- the handler --- */

/* /proc has the guest's own arguments by now. */
static void put_command_line(Fmt *f, const LuProc *p)
{
    const LuOptions *opt = p->opt;
    fmt_puts(f, "tinamou");
    for (unsigned i = 0; i < opt->n_forward; i++)
        fmt_printf(f, " %s", opt->forward[i]);
    fmt_printf(f, " %s", p->exe_host);
    for (int i = 1; i < opt->n_args; i++)
        fmt_printf(f, " %s", opt->args[i]);
}

static void put_guest_place(Fmt *f, const Cpu *cpu, uint64_t host_pc)
{
    Gva region;
    fmt_printf(f, ", guest pc 0x%lx", (unsigned long)cpu->pc);
    if (accel_region_of(cpu, host_pc, &region))
        fmt_printf(f, ", region 0x%lx", (unsigned long)region);
    else
        fmt_puts(f, ", not in a region");
}

static _Noreturn void internal_error(LuThread *t, int sig, const siginfo_t *si, const ucontext_t *uc)
{
    char text[800];
    Fmt f = FMT_ON(text);
    fmt_printf(&f, "internal error: signal %d (code %d, address 0x%lx) in the emulator at 0x%lx", sig,
               si->si_code, (unsigned long)(uintptr_t)si->si_addr,
               (unsigned long)uc->uc_mcontext.gregs[REG_RIP]);
    fmt_printf(&f, " (lu_window_call is at 0x%lx)", (unsigned long)(uintptr_t)lu_window_call);
    if (t && t->cpu)
        put_guest_place(&f, t->cpu, (uint64_t)uc->uc_mcontext.gregs[REG_RIP]);
    fmt_err("%s", text);
    f.len = 0;
    if (t && t->proc->opt)
        put_command_line(&f, t->proc);
    fmt_err("version %s; to run it again: %s", TINAMOU_VERSION, text);
    host_sigaction(SIGABRT, NULL, 0);
    host_setmask(SIG_SETMASK, ~lu_sig_bit(SIGABRT));
    sys_call3(SYS_tgkill, sys_getpid(), sys_gettid(), SIGABRT);
    sys_exit_group(134);
}

static void leave_window(ucontext_t *uc)
{
    uint64_t pc = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    if (pc >= (uintptr_t)lu_window_check && pc < (uintptr_t)lu_window_end)
        uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)lu_window_out;
}

static void notify(LuThread *t, uint32_t bit, ucontext_t *uc)
{
    __atomic_fetch_or(&t->sig->n_pending, bit, __ATOMIC_RELEASE);
    if (t->cpu)
        accel_kick(t->cpu);
    leave_window(uc);
}

/* One of LU_FAULTS that somebody sent. True: the guest may have it now. */
static bool keep(LuSigState *s, const siginfo_t *si)
{
    unsigned i = (unsigned)lu_fault_index(si->si_signo);
    if (!(s->kept_set & 1u << i)) {
        s->kept[i].si = *si;
        s->kept_set |= 1u << i;
    }
    return !(s->mask & lu_sig_bit(si->si_signo));
}

void lu_sighost_keep(LuThread *t, const LuSigInfo *info)
{
    lu_signals_hold(t);
    keep(t->sig, &info->si);
    lu_signals_release(t);
}

/* What an instruction raised, as opposed to what somebody sent. A process may forge si_code for itself: for
 * SIGSEGV and SIGBUS sys_signal.c does not let that reach the host; SIGILL and SIGFPE of our own code name
 * its pc. */
static bool is_fault(int sig, const siginfo_t *si, const ucontext_t *uc)
{
    if (si->si_code < SI_KERNEL_MIN || (sig == SIGBUS && si->si_code == BUS_MCEERR_AO))
        return false;
    if (sig == SIGSEGV || sig == SIGBUS)
        return true;
    return (sig == SIGILL || sig == SIGFPE) &&
           (uintptr_t)si->si_addr == (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
}

static void host_handler(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    LuThread *t = lu_self();
    if (!t)
        internal_error(t, sig, si, uc);
    if (is_fault(sig, si, uc)) {
        if (lu_fault_index(sig) >= 0 && t->cpu && accel_fault(t->cpu, sig, si, uc))
            return;
        internal_error(t, sig, si, uc);
    }
    if (lu_traced_is_bell(si, (uintptr_t)&t->traced)) {
        t->traced.on = LU_LEFT; /* nobody has heard it */
        return;
    }
    if (lu_fault_index(sig) >= 0) {
        if (keep(t->sig, si))
            notify(t, LU_PENDING_KEPT, uc);
        return;
    }
    if (t->sig->recorded)
        internal_error(t, sig, si, uc);
    t->sig->pending.si = *si;
    t->sig->recorded = true;
    uint64_t all = ~fault_bits();
    memcpy(&uc->uc_sigmask, &all, sizeof all);
    notify(t, LU_PENDING_RECORDED, uc);
}

/* --- dispositions and masks --- */

/* Does the signal, when it has the default action, come to us, for what only we can leave? */
static bool leaves_core(const LuSighand *h, int sig) { return h->cores && lu_core_signal(sig); }

void lu_sighost_install(LuSighand *h, int sig)
{
    const LuSigAction *act = lu_sig_action(h, sig);
    uint64_t mirrored = act->flags & (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_RESTART);
    if (lu_fault_index(sig) >= 0 || (!act->handler && leaves_core(h, sig))) {
        /* Only a handler of the guest may make system calls fail with EINTR. */
        host_sigaction(sig, host_handler,
                       SA_SIGINFO | SA_ONSTACK | (act->handler > 1 ? mirrored : SA_RESTART));
    } else if (act->handler <= 1) {
        host_sigaction(sig, (void *)(uintptr_t)act->handler, mirrored);
    } else {
        host_sigaction(sig, host_handler, SA_SIGINFO | SA_ONSTACK | mirrored | (act->flags & SA_RESETHAND));
    }
}

void lu_sighost_install_ours(LuSighand *h)
{
    for (int sig = 1; sig <= SIGSYS; sig++)
        if (lu_fault_index(sig) >= 0 || (leaves_core(h, sig) && !lu_sig_action(h, sig)->handler))
            lu_sighost_install(h, sig);
}

LuSigAction *lu_sig_action(LuSighand *h, int sig)
{
    if (UNLIKELY(h->inherited & lu_sig_bit(sig))) {
        HostSigAction a = {0};
        sys_call4(SYS_rt_sigaction, sig, NULL, &a, sizeof a.mask);
        h->act[sig] = (LuSigAction){.handler = a.handler == SIG_IGN};
        h->inherited &= ~lu_sig_bit(sig);
    }
    return &h->act[sig];
}

size_t lu_sighost_altstack_size(void)
{
    size_t kernel = getauxval(AT_MINSIGSTKSZ);
    return align_up(MAX(kernel, (size_t)4096) + (TINAMOU_SANITIZED ? HANDLER_STACK_DEBUG : HANDLER_STACK),
                    4096);
}

void lu_sighost_altstack(void *mem, size_t size)
{
    stack_t ss = {.ss_sp = mem, .ss_size = size};
    sys_call2(SYS_sigaltstack, &ss, NULL);
}

static bool kept_deliverable(const LuSigState *s)
{
    for (unsigned n = 0; n < LU_FAULTS; n++)
        if (s->kept_set >> n & 1 && !(s->mask & lu_sig_bit(lu_fault_signal(n))))
            return true;
    return false;
}

bool lu_signals_hold(LuThread *t)
{
    host_setmask(SIG_SETMASK, ~fault_bits());
    return !lu_signals_pending(t);
}

void lu_signals_release(LuThread *t)
{
    LuSigState *s = t->sig;
    if (kept_deliverable(s))
        __atomic_fetch_or(&s->n_pending, LU_PENDING_KEPT, __ATOMIC_RELEASE);
    if (!s->recorded)
        host_setmask(SIG_SETMASK, lu_sig_host_mask(s->mask));
}

void lu_sighost_default(const LuSigInfo *info)
{
    int sig = info->si.si_signo;
    LuThread *t = lu_self();
    host_sigaction(sig, NULL, 0);
    t->traced.passing = sig; /* a tracer has seen it */
    sys_call4(SYS_rt_tgsigqueueinfo, sys_getpid(), sys_gettid(), sig, &info->si);
    host_setmask(SIG_UNBLOCK, lu_sig_bit(sig));
    t->traced.passing = 0;
    host_setmask(SIG_BLOCK, lu_sig_bit(sig) & ~fault_bits());
}

/* --- blocking system calls --- */

long lu_blocking(LuThread *t, long nr, long a, long b, long c, long d, long e, long f)
{
    return lu_window_call(nr, a, b, c, d, e, f, &t->sig->n_pending);
}

long lu_blocking_masked(LuThread *t, uint64_t temp, long nr, long a, long b, long c, long d, long e, long f)
{
    LuSigState *s = t->sig;
    long r;
    do {
        r = lu_blocking(t, nr, a, b, c, d, e, f);
        /* EINTR without a signal for the guest: a sent SIGSEGV that it blocks. */
    } while (r == -EINTR && !lu_signals_pending(t) && !kept_deliverable(s));
    if (r == -EINTR && s->recorded) {
        /* Taken by the kernel under `temp`, which stays in force for the handler; its frame restores the old
         * mask. */
        s->saved_mask = s->mask;
        s->mask = temp & ~unblockable_bits();
        s->have_saved = true;
    }
    return r;
}

uint32_t lu_signals_ignored_faults(LuThread *t)
{
    LuSighand *h = t->sighand;
    uint32_t set = 0;
    lock_take(&h->lock);
    for (unsigned i = 0; i < LU_FAULTS; i++)
        set |= (uint32_t)(h->act[lu_fault_signal(i)].handler == (Gva)(uintptr_t)SIG_IGN) << i;
    lock_release(&h->lock);
    return set;
}

long lu_blocking_exec(LuThread *t, bool native, long nr, long a, long b, long c, long d, long e)
{
    if (!lu_signals_hold(t))
        return LU_RET_RESTART_ALWAYS;
    LuSighand *h = t->sighand;
    /* Ignored, a fault of another thread would kill it; and the call may yet fail. */
    uint32_t ignored =
        native && __atomic_load_n(&h->refs, __ATOMIC_RELAXED) == 1 ? lu_signals_ignored_faults(t) : 0;
    for (unsigned i = 0; i < LU_FAULTS; i++) {
        if (ignored >> i & 1)
            host_sigaction(lu_fault_signal(i), SIG_IGN, 0);
    }
    host_setmask(SIG_SETMASK, t->sig->mask);
    long r = lu_blocking(t, nr, a, b, c, d, e, 0);
    host_setmask(SIG_UNBLOCK, fault_bits());
    if (ignored) {
        lock_take(&h->lock);
        lu_sighost_install_ours(h);
        lock_release(&h->lock);
    }
    return r;
}
