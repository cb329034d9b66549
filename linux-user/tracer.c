/* Waiting for traced threads: which stops are told. */
#include "linux-user/tracer.h"

#include "base/fmt.h"
#include "base/self.h"
#include "linux-user/abi.h"
#include "linux-user/core.h"
#include "linux-user/guest.h"
#include "linux-user/signal_priv.h"
#include "linux-user/sys_handlers.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/ptrace.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

typedef struct LuTracees {
    unsigned n, cap;
    LuTracee list[];
} LuTracees;

/* ---- records ---- */

LuTracee *lu_tracer_find(LuThread *t, int tid)
{
    for (unsigned i = 0; t->tracees && i < t->tracees->n; i++)
        if (t->tracees->list[i].tid == tid)
            return &t->tracees->list[i];
    return NULL;
}

LuTracee *lu_tracer_add(LuThread *t, int tid)
{
    LuTracees *s = t->tracees;
    if (!s || s->n == s->cap) {
        unsigned cap = s ? 2 * s->cap : 16;
        LuTracees *more = lu_alloc(t->proc, sizeof(*more) + cap * sizeof(more->list[0]));
        if (!more)
            return NULL;
        *more = (LuTracees){.cap = cap, .n = s ? s->n : 0};
        if (s)
            memcpy(more->list, s->list, s->n * sizeof(s->list[0]));
        t->tracees = s = more;
    }
    s->list[s->n] = (LuTracee){.tid = tid};
    return &s->list[s->n++];
}

void lu_tracer_forget(LuThread *t, int tid)
{
    LuTracee *c = lu_tracer_find(t, tid);
    if (c)
        *c = t->tracees->list[--t->tracees->n];
}

/* ---- the other process ---- */

long lu_tracer_host(long request, int tid, uint64_t addr, uint64_t data)
{
    return sys_call4(SYS_ptrace, request, tid, addr, data);
}

bool lu_tracer_is_guest(int pid)
{
    char path[40];
    struct stat own, other;
    Fmt f = FMT_ON(path);
    fmt_printf(&f, "/proc/%d/exe", pid);
    return !sys_is_err(sys_call4(SYS_newfstatat, AT_FDCWD, path, &other, 0)) &&
           !sys_is_err(sys_call4(SYS_newfstatat, AT_FDCWD, "/proc/self/exe", &own, 0)) &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

bool lu_tracee_read(const LuTracee *c, uint64_t at, void *to, size_t n)
{
    struct iovec here = {to, n}, there = {(void *)(uintptr_t)at, n};
    return sys_call6(SYS_process_vm_readv, c->tid, (long)&here, 1, (long)&there, 1, 0) == (long)n;
}

bool lu_tracee_write(const LuTracee *c, uint64_t at, const void *from, size_t n)
{
    struct iovec here = {(void *)(uintptr_t)from, n}, there = {(void *)(uintptr_t)at, n};
    return sys_call6(SYS_process_vm_writev, c->tid, (long)&here, 1, (long)&there, 1, 0) == (long)n;
}

bool lu_tracee_read_traced(const LuTracee *c, LuTraced *ret)
{
    return c->ready && lu_tracee_read(c, c->thread + offsetof(LuThread, traced), ret, sizeof(*ret));
}

static uint64_t pointer_at(const LuTracee *c, size_t member)
{
    uint64_t v = 0;
    return lu_tracee_read(c, c->thread + member, &v, sizeof(v)) ? v : 0;
}

bool lu_tracee_has_handler(const LuTracee *c, int sig)
{
    uint64_t handler = 0, sighand = pointer_at(c, offsetof(LuThread, sighand));
    size_t at = offsetof(LuSighand, act) + (size_t)sig * sizeof(LuSigAction) + offsetof(LuSigAction, handler);
    return lu_tracee_read(c, sighand + at, &handler, sizeof(handler)) && handler > 1;
}

/* Its LuThread, by its thread-local variable. False: it has none yet, or not in order. */
static bool locate(LuTracee *c, const struct user_regs_struct *regs)
{
    char *own_tp;
    ThreadSelf self;
    int tid;
    LuTraced x;
    __asm__("movq %%fs:0, %0" : "=r"(own_tp));
    uint64_t at = regs->fs_base + (uint64_t)((char *)thread_self() - own_tp);
    if (!regs->fs_base || !lu_tracee_read(c, at, &self, sizeof(self)) || !self.owner)
        return false;
    LuTracee found = *c;
    found.thread = (uintptr_t)self.owner;
    found.ready = true;
    if (!lu_tracee_read(c, found.thread + offsetof(LuThread, tid), &tid, sizeof(tid)) || !tid ||
        (uint32_t)tid != self.tid || !lu_tracee_read_traced(&found, &x) || (!c->ready && x.forking))
        return false;
    *c = found;
    return true;
}

/* ---- stops that are not told ---- */

static LuStand go_on(const LuTracee *c, int sig)
{
    lu_tracer_host(PTRACE_CONT, c->tid, 0, (uint64_t)sig);
    return LU_RUNS;
}

/* It shall look at what is pending, and not begin to wait before. */
static void nudge(const LuTracee *c, uint32_t pending)
{
    uint32_t one = 1, n = 0;
    uint64_t sig = pointer_at(c, offsetof(LuThread, sig)), cpu = pointer_at(c, offsetof(LuThread, cpu));
    lu_tracee_read(c, sig + offsetof(LuSigState, n_pending), &n, sizeof(n));
    n |= pending;
    lu_tracee_write(c, sig + offsetof(LuSigState, n_pending), &n, sizeof(n));
    lu_tracee_write(c, cpu + offsetof(Cpu, kick), &one, sizeof(one));
}

/* It shall stop by itself. */
static LuStand stop_soon(const LuTracee *c, LuTraced *x, uint8_t due, const siginfo_t *info)
{
    x->due |= due;
    if (info)
        x->due_info = *info;
    lu_tracee_write(c, c->thread + offsetof(LuThread, traced), x, sizeof(*x));
    nudge(c, LU_PENDING_TRACED);
    return go_on(c, 0);
}

/* As its handler of signals would record it, had it one for this signal. */
static LuStand record(const LuTracee *c, const siginfo_t *info)
{
    uint64_t sig = pointer_at(c, offsetof(LuThread, sig));
    uint64_t all = lu_sig_host_mask(~0ull);
    bool yes = true;
    lu_tracee_write(c, sig + offsetof(LuSigState, pending), info, sizeof(*info));
    lu_tracee_write(c, sig + offsetof(LuSigState, recorded), &yes, sizeof(yes));
    lu_tracer_host(PTRACE_SETSIGMASK, c->tid, sizeof(all), (uintptr_t)&all);
    nudge(c, LU_PENDING_RECORDED);
    return go_on(c, 0);
}

static LuStand pass_on(const LuTracee *c, int sig)
{
    if (lu_tracee_has_handler(c, sig))
        lu_tracee_write(c, c->thread + offsetof(LuThread, traced) + offsetof(LuTraced, passed), &sig,
                        sizeof(sig));
    return go_on(c, sig);
}

/* A new image, of ours or not. */
static LuStand begin_again(LuThread *t, LuTracee *c)
{
    int sig = c->status & 0xff;
    if (c->status >> 8 == PTRACE_EVENT_EXEC)
        lu_tracer_host(PTRACE_GETEVENTMSG, c->tid, 0, (uintptr_t)&c->message);
    if (c->status >> 8 || sig == SIGTRAP || sig == SIGSTOP)
        sig = 0; /* of tracing */
    c->ready = false;
    if (lu_tracer_is_guest(c->tid))
        return go_on(c, sig);
    /* The host's own program: there is nothing to be seen. */
    lu_tracer_host(PTRACE_DETACH, c->tid, 0, (uint64_t)sig);
    lu_tracer_forget(t, c->tid);
    return LU_RUNS;
}

static bool is_raised(const siginfo_t *si)
{
    int sig = si->si_signo;
    return si->si_code > 0 && (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL);
}

/* A call of which the tracer was told ends by a signal: it is told of that first. The codes by which the host
 * says how to go on are those of the guest's kernel; but what may not be gone on with comes to EINTR here. */
static LuStand end_call(const LuTracee *c, const siginfo_t *si)
{
    enum { USER_RAX = 10 * 8, USER_ORIG_RAX = 15 * 8 };
    if (c->host_began) {
        if (c->host_result == -514 || c->host_result == -516)
            lu_tracer_host(PTRACE_POKEUSR, c->tid, USER_RAX, (uint64_t)-EINTR);
        lu_tracer_host(PTRACE_POKEUSR, c->tid, USER_ORIG_RAX, ~0ull);
    }
    return record(c, si);
}

static LuStand at_signal(LuTracee *c, LuTraced *x, const siginfo_t *si)
{
    int sig = si->si_signo;
    if (lu_traced_is_bell(si, c->thread + offsetof(LuThread, traced))) {
        c->status = x->status;
        return LU_STANDS_BY_BELL;
    }
    if (x->passing == sig)
        return pass_on(c, sig);
    if (is_raised(si) || lu_fault_index(sig) >= 0)
        return go_on(c, sig); /* its handler knows */
    if (c->in_window && x->told && lu_tracee_has_handler(c, sig))
        return end_call(c, si);
    if (c->in_window) {
        c->signalled = true;
        return LU_STANDS_BY_HOST;
    }
    if (sig == SIGSTOP)
        return stop_soon(c, x, LU_DUE_STOP, si);
    return lu_tracee_has_handler(c, sig) ? go_on(c, sig) : record(c, si);
}

/* What the host's kernel does by itself; it always tells of new images. */
uint64_t lu_tracer_options_of_host(uint32_t options)
{
    return (options & ~(uint64_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP)) | PTRACE_O_TRACEEXEC;
}

void lu_tracer_host_options(LuTracee *c, const LuTraced *x)
{
    lu_tracer_host(PTRACE_SETOPTIONS, c->tid, 0, lu_tracer_options_of_host(x->options));
    c->known = true;
}

/* The first time that it stands for who attached to it. */
static void tell_it(LuTracee *c, LuTraced *x)
{
    x->on = LU_TRACED;
    x->seized = c->seized;
    x->options = c->options;
    x->orig = UINT64_MAX;
    x->calls = x->step = x->due = x->initial = x->exec = 0;
    x->passed = x->passing = 0;
    lu_tracee_write(c, c->thread + offsetof(LuThread, traced), x, sizeof(*x));
    c->fresh = false;
}

static void look_at_window(LuTracee *c, const LuTraced *x, const struct user_regs_struct *regs)
{
    uint64_t bytes = (uint64_t)(lu_window_end - lu_window_check);
    c->in_window = regs->rip - x->window <= bytes;
    c->host_began = regs->rip - x->window == bytes;
    c->host_result = c->host_began ? (int64_t)regs->rax : 0;
}

/* The stop that the host tells of: what it is for the guest. */
static LuStand look(LuThread *t, LuTracee *c)
{
    int sig = c->status & 0xff, event = c->status >> 8;
    struct user_regs_struct regs = {0};
    siginfo_t si;
    LuTraced x;
    if (lu_tracer_host(PTRACE_GETREGS, c->tid, 0, (uintptr_t)&regs))
        return LU_RUNS; /* killed meanwhile */
    if (event == PTRACE_EVENT_EXEC || !regs.fs_base)
        return begin_again(t, c);
    if (event == PTRACE_EVENT_EXIT) {
        c->leaving = true;
        c->in_window = false;
        return LU_STANDS_BY_HOST;
    }
    if (!locate(c, &regs) || !lu_tracee_read_traced(c, &x))
        return go_on(c, sig == SIGSTOP || sig == SIGTRAP ? 0 : sig);
    if (c->fresh)
        tell_it(c, &x);
    if (!c->known)
        lu_tracer_host_options(c, &x);
    if (c->silent) {
        c->silent = false;
        return go_on(c, 0);
    }
    look_at_window(c, &x, &regs);
    c->signalled = false;
    if (event == PTRACE_EVENT_STOP && sig == SIGTRAP && !c->in_window)
        return stop_soon(c, &x, LU_DUE_INTERRUPT, NULL);
    long err = event ? 0 : lu_tracer_host(PTRACE_GETSIGINFO, c->tid, 0, (uintptr_t)&si);
    if (event || err == -EINVAL) /* that of a group */
        return LU_STANDS_BY_HOST;
    return err ? LU_RUNS : at_signal(c, &x, &si);
}

bool lu_tracer_event(LuThread *t, int tid, int *status)
{
    siginfo_t si;
    LuTracee *c = lu_tracer_find(t, tid);
    if (!WIFSTOPPED(*status)) {
        if (c && !WIFCONTINUED(*status))
            lu_tracer_forget(t, tid);
        return true;
    }
    if (!c && lu_tracer_host(PTRACE_GETSIGINFO, tid, 0, (uintptr_t)&si) == -ESRCH)
        return true; /* of job control */
    if (!c && !(c = lu_tracer_add(t, tid)))
        return true;
    c->status = *status >> 8;
    LuStand stand = look(t, c);
    if (stand == LU_RUNS)
        return false;
    c->stand = (uint8_t)stand;
    *status = c->status << 8 | 0x7f;
    return true;
}

/* ---- wait(2) ---- */

/* Somebody who stands and was not told of. */
static LuTracee *untold(LuThread *t, int64_t pid)
{
    for (unsigned i = 0; t->tracees && i < t->tracees->n; i++) {
        LuTracee *c = &t->tracees->list[i];
        if (c->untold && (pid <= 0 || pid == c->tid))
            return c;
    }
    return NULL;
}

/* waitid(2) of the host; but first it only looks, as what a child has left can be seen no longer once it was
 * waited for (core.h). */
static long host_waitid(LuThread *t, long type, long id, siginfo_t *si, long options, void *usage)
{
    for (;;) {
        siginfo_t seen = {0};
        long r = lu_blocking(t, SYS_waitid, type, id, (long)&seen, options | WNOWAIT,
                             options & WNOWAIT ? (long)usage : 0, 0);
        *si = seen;
        if (r || !seen.si_pid)
            return r;
        lu_core_tell(&seen);
        if (!(options & WNOWAIT)) {
            *si = (siginfo_t){0};
            r = sys_call6(SYS_waitid, P_PID, seen.si_pid, (long)si, options | WNOHANG, (long)usage, 0);
            if (r == -ECHILD || (!r && !si->si_pid))
                continue; /* another thread was faster */
        }
        if (seen.si_code == CLD_DUMPED && si->si_code == CLD_KILLED)
            si->si_code = CLD_DUMPED;
        return r;
    }
}

static int status_of(const siginfo_t *si)
{
    switch (si->si_code) {
    case CLD_EXITED: return si->si_status << 8;
    case CLD_KILLED: return si->si_status;
    case CLD_DUMPED: return si->si_status | WCOREFLAG;
    case CLD_CONTINUED: return __W_CONTINUED;
    default: return si->si_status << 8 | 0x7f; /* stopped */
    }
}

/* wait4(2), of which waitid(2) lacks nothing. */
static long host_wait4(LuThread *t, int pid, int *ret_status, uint64_t options, uint64_t usage)
{
    enum { KNOWN = WNOHANG | WUNTRACED | WCONTINUED };
    siginfo_t si;
    if ((uint32_t)options & ~(KNOWN | (uint32_t)(__WNOTHREAD | __WCLONE | __WALL)))
        return -EINVAL;
    if (pid == INT_MIN)
        return -ESRCH;
    int type = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
    long id = pid > 0 ? pid : pid < -1 ? -pid : pid ? 0 : sys_call1(SYS_getpgid, 0);
    long r = host_waitid(t, type, id, &si, (long)((uint32_t)options | WEXITED), guest_ptr(usage));
    if (r)
        return r;
    *ret_status = status_of(&si);
    return si.si_pid;
}

long lu_sys_wait4(LuThread *t, const uint64_t a[6])
{
    LuTracee *c = untold(t, (int)a[0]);
    int status = 0;
    long r;
    if (c) {
        c->untold = false;
        status = c->status << 8 | 0x7f;
        r = c->tid;
    } else {
        do
            r = host_wait4(t, (int)a[0], &status, a[2], a[3]);
        while (r > 0 && UNLIKELY(WIFSTOPPED(status) || t->tracees) && !lu_tracer_event(t, (int)r, &status));
    }
    return r > 0 && a[1] && !guest_write(a[1], &status, sizeof(status)) ? -EFAULT : r;
}

/* The siginfo of waitid, of a traced thread. False: wait again. */
static bool event_of_info(LuThread *t, siginfo_t *si)
{
    int status = si->si_status << 8 | 0x7f;
    if (si->si_code != CLD_TRAPPED && si->si_code != CLD_STOPPED)
        status = 0;
    if (!status && !t->tracees)
        return true;
    if (!lu_tracer_event(t, si->si_pid, &status))
        return false;
    if (status)
        si->si_status = status >> 8;
    return true;
}

long lu_tracer_waitid(LuThread *t, const uint64_t a[6], siginfo_t *si, void *usage)
{
    LuTracee *c = a[3] & WSTOPPED ? untold(t, a[0] == P_PID ? (int)a[1] : -1) : NULL;
    if (c) {
        c->untold = a[3] & WNOWAIT;
        *si = (siginfo_t){.si_signo = SIGCHLD, .si_code = CLD_TRAPPED};
        si->si_pid = c->tid;
        si->si_status = c->status;
        return 0;
    }
    long r;
    do
        r = host_waitid(t, (long)a[0], (long)a[1], si, (long)a[3], usage);
    while (r == 0 && si->si_signo && !event_of_info(t, si));
    return r;
}

long lu_sys_waitid(LuThread *t, const uint64_t a[6])
{
    siginfo_t si;
    long r = lu_tracer_waitid(t, a, &si, guest_ptr(a[4]));
    if (r || !a[2])
        return r;
    /* The kernel writes these fields alone. */
    enum { WRITTEN = offsetof(siginfo_t, si_status) + sizeof(int) };
    return guest_write(a[2], &si, WRITTEN) ? 0 : -EFAULT;
}
