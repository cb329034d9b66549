/*
 * The system calls of signals. Sources: sigaction(2), sigprocmask(2), sigpending(2), sigsuspend(2),
 * sigwaitinfo(2), sigaltstack(2), sigreturn(2); the order of checks was taken from the host's kernel by
 * experiment. kill, tkill, tgkill, rt_sigqueueinfo and rt_tgsigqueueinfo go to the host as they are (but for
 * forged faults, below): signal numbers and siginfo are the same, and the host's masks and dispositions are
 * the guest's.
 */
#include "linux-user/core.h"
#include "linux-user/signal_priv.h"
#include "linux-user/sys_handlers.h"

static const uint64_t known_flags = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART |
                                    SA_NODEFER | SA_RESETHAND | 0x800; /* SA_EXPOSE_TAGBITS */

enum { RESTORER = 0x04000000 }; /* SA_RESTORER, where there is one */

/* The guest's struct sigaction: handler, flags, then restorer and mask or the mask alone. */
static bool read_action(const LuAbi *abi, Gva at, LuSigAction *ret)
{
    uint64_t v[4] = {0};
    if (!guest_read(v, at, abi->has_restorer ? 32 : 24))
        return false;
    *ret = (LuSigAction){.handler = v[0], .flags = v[1], .restorer = abi->has_restorer ? v[2] : 0,
                         .mask = v[abi->has_restorer ? 3 : 2]};
    return true;
}

static bool write_action(const LuAbi *abi, Gva at, const LuSigAction *act)
{
    uint64_t v[4] = {act->handler, act->flags, abi->has_restorer ? act->restorer : act->mask, act->mask};
    return guest_write(at, v, abi->has_restorer ? 32 : 24);
}

static bool ignored(int sig, const LuSigAction *a)
{
    return a->handler == 1 ||
           (a->handler == 0 && (sig == SIGCHLD || sig == SIGCONT || sig == SIGURG || sig == SIGWINCH));
}

long lu_sigaction(LuThread *t, int sig, const LuSigAction *in, LuSigAction *ret_old)
{
    if (sig < 1 || sig > LU_NSIG || (in && (sig == SIGKILL || sig == SIGSTOP)))
        return -EINVAL;
    LuSighand *h = t->sighand;
    lock_take(&h->lock);
    LuSigAction *act = lu_sig_action(h, sig);
    *ret_old = *act;
    if (in) {
        bool restorer = t->proc->abi->has_restorer && in->flags & RESTORER;
        *act = *in;
        act->flags &= known_flags | (restorer ? RESTORER : 0);
        act->mask &= ~LU_NEVER_BLOCKED;
        if (!restorer)
            act->restorer = 0;
        act->abi = t->abi;
        lu_sighost_install(h, sig);
        if (ignored(sig, act) && lu_fault_index(sig) >= 0)
            t->sig->kept_set &= ~(1u << lu_fault_index(sig));
    }
    lock_release(&h->lock);
    return 0;
}

long lu_sys_rt_sigaction(LuThread *t, const uint64_t a[6])
{
    const LuAbi *abi = t->proc->abi;
    LuSigAction in, out;
    if (a[3] != sizeof in.mask)
        return -EINVAL;
    if (a[1] && !read_action(abi, a[1], &in))
        return -EFAULT;
    long r = lu_sigaction(t, (int)a[0], a[1] ? &in : NULL, &out);
    return r ? r : a[2] && !write_action(abi, a[2], &out) ? -EFAULT : 0;
}

long lu_sys_rt_sigprocmask(LuThread *t, const uint64_t a[6])
{
    LuSigState *s = t->sig;
    uint64_t old = s->mask, set;
    if (a[3] != sizeof set)
        return -EINVAL;
    if (a[1]) {
        if (!guest_read(&set, a[1], sizeof set))
            return -EFAULT;
        uint64_t mask;
        switch ((int)a[0]) {
        case SIG_BLOCK: mask = old | set; break;
        case SIG_UNBLOCK: mask = old & ~set; break;
        case SIG_SETMASK: mask = set; break;
        default: return -EINVAL;
        }
        if (!lu_signals_hold(t))
            return LU_RET_RESTART_ALWAYS;
        s->mask = mask & ~LU_NEVER_BLOCKED;
        lu_signals_release(t);
    }
    return a[2] && !guest_write(a[2], &old, sizeof old) ? -EFAULT : 0;
}

long lu_sys_rt_sigpending(LuThread *t, const uint64_t a[6])
{
    uint64_t set = 0;
    if (a[1] > sizeof set)
        return -EINVAL;
    sys_call2(SYS_rt_sigpending, &set, sizeof set);
    for (unsigned n = 0; n < LU_FAULTS; n++)
        set |= t->sig->kept_set >> n & 1 ? lu_sig_bit(lu_fault_signal(n)) : 0;
    set &= t->sig->mask;
    return guest_write(a[0], &set, a[1]) ? 0 : -EFAULT;
}

long lu_sys_rt_sigsuspend(LuThread *t, const uint64_t a[6])
{
    uint64_t temp;
    if (a[1] != sizeof temp)
        return -EINVAL;
    if (!guest_read(&temp, a[0], sizeof temp))
        return -EFAULT;
    uint64_t host = lu_sig_host_mask(temp);
    return lu_blocking_masked(t, temp, SYS_rt_sigsuspend, (long)&host, sizeof host, 0, 0, 0, 0);
}

/* A kept one of LU_FAULTS in `set`: its number, with the siginfo written to the guest; 0: none. */
static long take_kept(LuSigState *s, uint64_t set, Gva info)
{
    for (unsigned i = LU_FAULTS; i-- > 0;) { /* lowest number first */
        int sig = lu_fault_signal(i);
        if (!(s->kept_set & 1u << i) || !(set & lu_sig_bit(sig)))
            continue;
        s->kept_set &= ~(1u << i);
        return info && !guest_write(info, &s->kept[i].si, sizeof s->kept[i].si) ? -EFAULT : sig;
    }
    return 0;
}

long lu_sys_rt_sigtimedwait(LuThread *t, const uint64_t a[6])
{
    uint64_t set;
    if (a[3] != sizeof set)
        return -EINVAL;
    if (!guest_read(&set, a[0], sizeof set))
        return -EFAULT;
    long r = take_kept(t->sig, set, a[1]);
    if (r)
        return r;
    r = lu_blocking(t, SYS_rt_sigtimedwait, (long)&set, (long)a[1], (long)a[2], sizeof set, 0, 0);
    siginfo_t si;
    if (r == SIGCHLD && a[1] && guest_read(&si, a[1], sizeof(si))) {
        lu_core_tell(&si);
        guest_write(a[1], &si, sizeof(si));
    }
    if (r == -EINTR) {
        long kept = take_kept(t->sig, set, a[1]);
        return kept ? kept : r;
    }
    return r;
}

long lu_sys_rt_sigreturn(LuThread *t, const uint64_t a[6])
{
    uint64_t mask;
    if (!lu_signals_hold(t))
        return LU_RET_RESTART_ALWAYS;
    if (t->abi->pop_frame(t, &mask))
        t->sig->mask = mask & ~LU_NEVER_BLOCKED;
    else
        lu_force_segv(t, 0);
    lu_signals_release(t);
    return LU_RET_NONE;
}

long lu_sys_sigaltstack(LuThread *t, const uint64_t a[6])
{
    LuSigState *s = t->sig;
    Gva sp = t->proc->abi->get_sp(t->cpu);
    stack_t in, out = {.ss_sp = (void *)(uintptr_t)s->alt_sp, .ss_size = s->alt_size};
    out.ss_flags = (int)(lu_altstack_flags(s, sp) | (s->alt_flags & SS_AUTODISARM));
    if (a[0]) {
        if (!guest_read(&in, a[0], sizeof in))
            return -EFAULT;
        long err = lu_altstack_set(t, sp, (uintptr_t)in.ss_sp, (uint32_t)in.ss_flags, in.ss_size);
        if (err)
            return err;
    }
    return a[1] && !guest_write(a[1], &out, sizeof out) ? -EFAULT : 0;
}

/* A program that passes on a fault it caught sends itself one of LU_FAULTS with the si_code of a fault, which
 * the host's handler could not tell from one of ours. The kernel allows such a code only to the sending
 * thread itself, so it can be kept for it without asking the host. */
static bool forged_fault(const LuThread *t, int target, int sig, Gva info, LuSigInfo *ret_info)
{
    if (lu_fault_index(sig) < 0 || target != t->tid || !guest_read(ret_info, info, sizeof *ret_info))
        return false;
    ret_info->si.si_signo = sig;
    return ret_info->si.si_code > 0;
}

long lu_sys_rt_sigqueueinfo(LuThread *t, const uint64_t a[6])
{
    LuSigInfo info;
    if (!forged_fault(t, (int)a[0], (int)a[1], a[2], &info))
        return sys_call3(SYS_rt_sigqueueinfo, a[0], a[1], a[2]);
    lu_sighost_keep(t, &info);
    return 0;
}

long lu_sys_rt_tgsigqueueinfo(LuThread *t, const uint64_t a[6])
{
    LuSigInfo info;
    if ((int)a[0] != t->pid || !forged_fault(t, (int)a[1], (int)a[2], a[3], &info))
        return sys_call4(SYS_rt_tgsigqueueinfo, a[0], a[1], a[2], a[3]);
    lu_sighost_keep(t, &info);
    return 0;
}
