/* Signals of 32-bit guests. Sources: sigaction(2), sigprocmask(2), sigsuspend(2), sigpending(2),
 * sigaltstack(2), rt_sigqueueinfo(2), sigreturn(2), timer_create(2), mq_notify(2), waitid(2); the UAPI
 * headers asm-generic/siginfo.h and asm/signal.h of arm. */
#include "linux-user/abi32/lu32.h"
#include "linux-user/signal_priv.h"
#include "linux-user/tracer.h"

#include <sys/resource.h>
#include <sys/wait.h>

/* ---- siginfo ---- */

/* Which member of the union a siginfo has. */
typedef enum Layout { L_KILL, L_TIMER, L_RT, L_CHLD, L_FAULT, L_POLL, L_SYS } Layout;

static Layout layout_of(int sig, int code)
{
    enum { KERNEL = 0x80 };
    if (code == SI_TIMER)
        return L_TIMER;
    if (code == SI_SIGIO)
        return L_POLL;
    if (code < 0)
        return L_RT;
    if (code == SI_USER || code >= KERNEL)
        return L_KILL;
    switch (sig) {
    case SIGILL:
    case SIGFPE:
    case SIGSEGV:
    case SIGBUS:
    case SIGTRAP: return L_FAULT;
    case SIGCHLD: return L_CHLD;
    case SIGSYS: return L_SYS;
    default: return L_POLL; /* SIGIO, and what F_SETSIG chose */
    }
}

/* A word of the guest's siginfo, of the host's. */
static void put32(uint8_t *guest, unsigned at, uint64_t v) { memcpy(guest + at, &v, 4); }

static uint32_t get32(const uint8_t *guest, unsigned at)
{
    uint32_t v;
    memcpy(&v, guest + at, 4);
    return v;
}

void lu32_siginfo_to_guest(uint8_t guest[LU32_SIGINFO], const siginfo_t *si)
{
    memset(guest, 0, LU32_SIGINFO);
    put32(guest, 0, (uint32_t)si->si_signo);
    put32(guest, 4, (uint32_t)si->si_errno);
    put32(guest, 8, (uint32_t)si->si_code);
    switch (layout_of(si->si_signo, si->si_code)) {
    case L_TIMER:
        put32(guest, 12, (uint32_t)si->si_timerid);
        put32(guest, 16, (uint32_t)si->si_overrun);
        put32(guest, 20, (uint64_t)si->si_value.sival_ptr);
        break;
    case L_RT: put32(guest, 20, (uint64_t)si->si_value.sival_ptr); __attribute__((fallthrough));
    case L_KILL:
        put32(guest, 12, (uint32_t)si->si_pid);
        put32(guest, 16, si->si_uid);
        break;
    case L_CHLD:
        put32(guest, 12, (uint32_t)si->si_pid);
        put32(guest, 16, si->si_uid);
        put32(guest, 20, (uint32_t)si->si_status);
        put32(guest, 24, (uint64_t)si->si_utime);
        put32(guest, 28, (uint64_t)si->si_stime);
        break;
    case L_FAULT:
        put32(guest, 12, (uint64_t)si->si_addr);
        put32(guest, 16, (uint16_t)si->si_addr_lsb);
        break;
    case L_POLL:
        put32(guest, 12, (uint64_t)si->si_band);
        put32(guest, 16, (uint32_t)si->si_fd);
        break;
    case L_SYS:
        put32(guest, 12, (uint64_t)si->si_call_addr);
        put32(guest, 16, (uint32_t)si->si_syscall);
        put32(guest, 20, si->si_arch);
        break;
    }
}

void lu32_siginfo_to_host(siginfo_t *si, const uint8_t guest[LU32_SIGINFO])
{
    memset(si, 0, sizeof(*si));
    si->si_signo = (int)get32(guest, 0);
    si->si_errno = (int)get32(guest, 4);
    si->si_code = (int)get32(guest, 8);
    switch (layout_of(si->si_signo, si->si_code)) {
    case L_TIMER:
        si->si_timerid = (int)get32(guest, 12);
        si->si_overrun = (int)get32(guest, 16);
        si->si_value.sival_ptr = guest_ptr(get32(guest, 20));
        break;
    case L_RT: si->si_value.sival_ptr = guest_ptr(get32(guest, 20)); __attribute__((fallthrough));
    case L_KILL:
        si->si_pid = (int)get32(guest, 12);
        si->si_uid = get32(guest, 16);
        break;
    case L_CHLD:
        si->si_pid = (int)get32(guest, 12);
        si->si_uid = get32(guest, 16);
        si->si_status = (int)get32(guest, 20);
        si->si_utime = get32(guest, 24);
        si->si_stime = get32(guest, 28);
        break;
    case L_FAULT: si->si_addr = guest_ptr(get32(guest, 12)); break;
    case L_POLL:
        si->si_band = (int)get32(guest, 12);
        si->si_fd = (int)get32(guest, 16);
        break;
    case L_SYS:
        si->si_call_addr = guest_ptr(get32(guest, 12));
        si->si_syscall = (int)get32(guest, 16);
        si->si_arch = get32(guest, 20);
        break;
    }
}

static long siginfo_write(Gva at, const siginfo_t *si)
{
    uint8_t guest[LU32_SIGINFO];
    lu32_siginfo_to_guest(guest, si);
    return guest_write(at, guest, sizeof(guest)) ? 0 : -EFAULT;
}

static long siginfo_read(siginfo_t *si, Gva at)
{
    uint8_t guest[LU32_SIGINFO];
    if (!guest_read(guest, at, sizeof(guest)))
        return -EFAULT;
    lu32_siginfo_to_host(si, guest);
    return 0;
}

/* ---- dispositions ---- */

/* The guest's words: handler, flags, where it has one the restorer, mask of 8 bytes; the old call's: handler,
 * mask of 4, flags, restorer. */
long lu32_rt_sigaction(LuThread *t, const uint64_t a[6])
{
    uint32_t v[5];
    LuSigAction in, out;
    const bool restorer = t->abi->has_restorer;
    const unsigned mask = restorer ? 3 : 2, bytes = 4 * (mask + 2);
    if (a[3] != 8)
        return -EINVAL;
    if (a[1]) {
        if (!guest_read(v, a[1], bytes))
            return -EFAULT;
        in = (LuSigAction){.handler = v[0],
                           .flags = v[1],
                           .restorer = restorer ? v[2] : 0,
                           .mask = v[mask] | (uint64_t)v[mask + 1] << 32};
    }
    long r = lu_sigaction(t, (int)a[0], a[1] ? &in : NULL, &out);
    if (r || !a[2])
        return r;
    uint32_t w[5] = {(uint32_t)out.handler, (uint32_t)out.flags, (uint32_t)out.restorer};
    w[mask] = (uint32_t)out.mask;
    w[mask + 1] = (uint32_t)(out.mask >> 32);
    return guest_write(a[2], w, bytes) ? 0 : -EFAULT;
}

long lu32_sigaction(LuThread *t, const uint64_t a[6])
{
    uint32_t v[4];
    LuSigAction in, out;
    if (a[1]) {
        if (!guest_read(v, a[1], sizeof(v)))
            return -EFAULT;
        in = (LuSigAction){.handler = v[0], .mask = v[1], .flags = v[2], .restorer = v[3]};
    }
    long r = lu_sigaction(t, (int)a[0], a[1] ? &in : NULL, &out);
    if (r || !a[2])
        return r;
    uint32_t w[4] = {(uint32_t)out.handler, (uint32_t)out.mask, (uint32_t)out.flags, (uint32_t)out.restorer};
    return guest_write(a[2], w, sizeof(w)) ? 0 : -EFAULT;
}

/* ---- masks of 32 signals ---- */

long lu32_sigprocmask(LuThread *t, const uint64_t a[6])
{
    uint64_t *set = arena_alloc(&t->scratch, 16, 8), *old = set + 1;
    if (!set)
        return -ENOMEM;
    if (a[1]) {
        FaultVal v = fault_ld32(a[1]);
        if (v.fault)
            return -EFAULT;
        *set = v.val | ((int)a[0] == SIG_SETMASK ? t->sig->mask & ~0xffffffffull : 0);
    }
    *old = t->sig->mask;
    long r =
        lu_sys_rt_sigprocmask(t, (const uint64_t[6]){a[0], a[1] ? (uintptr_t)set : 0, (uintptr_t)old, 8});
    return !r && a[2] && fault_st32(a[2], *old) ? -EFAULT : r;
}

long lu32_sigpending(LuThread *t, const uint64_t a[6])
{
    return lu_sys_rt_sigpending(t, (const uint64_t[6]){a[0], 4});
}

/* sigsuspend(restart, oldmask, mask): the mask itself, not its address. */
long lu32_sigsuspend(LuThread *t, const uint64_t a[6])
{
    uint64_t *set = arena_alloc(&t->scratch, 8, 8);
    if (!set)
        return -ENOMEM;
    *set = (uint32_t)t->syscall_arg[2];
    return lu_sys_rt_sigsuspend(t, (const uint64_t[6]){(uintptr_t)set, 8});
}

long lu32_sigreturn(LuThread *t, const uint64_t a[6])
{
    uint64_t mask;
    if (!lu_signals_hold(t))
        return LU_RET_RESTART_ALWAYS;
    if (t->abi->pop_old_frame(t, &mask))
        t->sig->mask = mask & ~LU_NEVER_BLOCKED;
    else
        lu_force_segv(t, 0);
    lu_signals_release(t);
    return LU_RET_NONE;
}

long lu32_sigaltstack(LuThread *t, const uint64_t a[6])
{
    const LuSigState *s = t->sig;
    Gva sp = t->proc->abi->get_sp(t->cpu);
    uint32_t in[3], out[3] = {(uint32_t)s->alt_sp, lu_altstack_flags(s, sp) | (s->alt_flags & SS_AUTODISARM),
                              (uint32_t)s->alt_size};
    if (a[0]) {
        if (!guest_read(in, a[0], sizeof(in)))
            return -EFAULT;
        long err = lu_altstack_set(t, sp, in[0], in[1], in[2]);
        if (err)
            return err;
    }
    return a[1] && !guest_write(a[1], out, sizeof(out)) ? -EFAULT : 0;
}

/* ---- waiting and sending ---- */

static long timed_wait(LuThread *t, const uint64_t a[6], Lu32Struct time)
{
    siginfo_t *si = arena_alloc(&t->scratch, sizeof(*si), 8);
    struct timespec *ts = arena_alloc(&t->scratch, sizeof(*ts), 8);
    if (!si || !ts)
        return -ENOMEM;
    uint64_t at = a[2] && !lu32_read(time, ts, a[2]) ? (uintptr_t)ts : a[2];
    long r = lu_sys_rt_sigtimedwait(t, (const uint64_t[6]){a[0], a[1] ? (uintptr_t)si : 0, at, a[3]});
    return r > 0 && a[1] && siginfo_write(a[1], si) ? -EFAULT : r;
}

long lu32_rt_sigtimedwait(LuThread *t, const uint64_t a[6]) { return timed_wait(t, a, LU32_ts32); }
long lu32_rt_sigtimedwait64(LuThread *t, const uint64_t a[6]) { return timed_wait(t, a, LU32_ts64); }

/* Makes a[i] a siginfo of the host's. The sending calls give its si_signo themselves. */
static long take_siginfo(LuThread *t, const uint64_t a[6], unsigned i, int sig, uint64_t v[6])
{
    siginfo_t *si = arena_alloc(&t->scratch, sizeof(*si), 8);
    uint8_t guest[LU32_SIGINFO];
    memcpy(v, a, 6 * sizeof(v[0]));
    if (!si)
        return -ENOMEM;
    if (!a[i])
        return 0;
    if (!guest_read(guest, a[i], sizeof(guest)))
        return -EFAULT;
    put32(guest, 0, (uint32_t)sig); /* it decides on the layout */
    lu32_siginfo_to_host(si, guest);
    v[i] = (uintptr_t)si;
    return 0;
}

long lu32_rt_sigqueueinfo(LuThread *t, const uint64_t a[6])
{
    uint64_t v[6];
    long r = take_siginfo(t, a, 2, (int)a[1], v);
    return r ? r : lu_sys_rt_sigqueueinfo(t, v);
}

long lu32_rt_tgsigqueueinfo(LuThread *t, const uint64_t a[6])
{
    uint64_t v[6];
    long r = take_siginfo(t, a, 3, (int)a[2], v);
    return r ? r : lu_sys_rt_tgsigqueueinfo(t, v);
}

long lu32_pidfd_send_signal(LuThread *t, const uint64_t a[6])
{
    siginfo_t si;
    uint64_t at = a[2] && !siginfo_read(&si, a[2]) ? (uintptr_t)&si : a[2];
    return sys_call4(SYS_pidfd_send_signal, a[0], a[1], at, a[3]);
}

long lu32_waitid(LuThread *t, const uint64_t a[6])
{
    siginfo_t si = {0};
    struct rusage ru;
    long r = lu_tracer_waitid(t, a, &si, a[4] ? &ru : NULL);
    if (r)
        return r;
    if (a[4] && si.si_signo && lu32_write(LU32_rusage32, a[4], &ru))
        return -EFAULT;
    return a[2] ? siginfo_write(a[2], &si) : 0;
}

/* ---- sigevent ---- */

/* struct sigevent of the guest: value, signal, kind, thread id; 64 bytes in all. */
static long sigevent_read(struct sigevent *ev, Gva at)
{
    uint32_t v[4];
    memset(ev, 0, sizeof(*ev));
    if (!guest_read(v, at, sizeof(v)))
        return -EFAULT;
    ev->sigev_value.sival_ptr = guest_ptr(v[0]);
    ev->sigev_signo = (int)v[1];
    ev->sigev_notify = (int)v[2];
    ev->_sigev_un._tid = (int)v[3];
    return 0;
}

long lu32_timer_create(LuThread *t, const uint64_t a[6])
{
    struct sigevent ev;
    if (a[1] && sigevent_read(&ev, a[1]))
        return -EFAULT;
    return sys_call3(SYS_timer_create, a[0], a[1] ? &ev : NULL, a[2]);
}

/* With SIGEV_THREAD the value points to the C library's cookie, of which the kernel reads 32 bytes. */
long lu32_mq_notify(LuThread *t, const uint64_t a[6])
{
    struct sigevent ev;
    if (!a[1])
        return sys_call2(SYS_mq_notify, a[0], NULL);
    if (sigevent_read(&ev, a[1]))
        return -EFAULT;
    if (ev.sigev_notify == SIGEV_THREAD)
        ev.sigev_value.sival_ptr = guest_ptr(su_pointer(t->proc, (uintptr_t)ev.sigev_value.sival_ptr));
    return sys_call2(SYS_mq_notify, a[0], &ev);
}
