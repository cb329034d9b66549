#include "linux-user/traced.h"

#include "linux-user/abi.h"
#include "linux-user/signal_priv.h"
#include "linux-user/tracer.h"

#include <linux/ptrace.h>
#include <linux/sched.h>

/* Stops; the tracer looks, and lets it go on. False: there is none any more. */
static bool stop(LuThread *t, int status, const siginfo_t *info)
{
    LuTraced *x = &t->traced;
    siginfo_t bell = {.si_signo = SIGBUS, .si_code = SI_QUEUE};
    bell.si_pid = t->pid;
    bell.si_ptr = x;
    if (x->on != LU_TRACED)
        return false;
    x->status = status;
    x->info = info ? *info : (siginfo_t){.si_signo = SIGTRAP, .si_code = status};
    x->answer = 0;
    x->answered = x->regs_set = x->side_result = 0;
    sys_call4(SYS_rt_tgsigqueueinfo, t->pid, t->tid, SIGBUS, &bell);
    x->side = LU_CALL_NONE;
    x->message = 0;
    if (!x->answered)
        x->on = LU_LEFT;
    return x->answered;
}

static bool event(LuThread *t, int which, uint64_t message)
{
    t->traced.message = message;
    return stop(t, SIGTRAP | which << 8, NULL);
}

/* The tracer's signal for a stop that was for none: as if it had sent it. */
static void send_answer(LuThread *t)
{
    int sig = t->traced.answer;
    if (!sig)
        return;
    t->traced.passing = sig;
    sys_call3(SYS_tgkill, t->pid, t->tid, sig);
    t->traced.passing = 0;
}

static void stop_because_due(LuThread *t)
{
    LuTraced *x = &t->traced;
    if (x->due & LU_DUE_STOP) {
        __atomic_fetch_and(&x->due, (uint8_t)~LU_DUE_STOP, __ATOMIC_RELAXED); /* a tracer may add to it */
        stop(t, SIGSTOP, &x->due_info);
        send_answer(t);
    }
    if (x->due & LU_DUE_INTERRUPT) {
        __atomic_fetch_and(&x->due, (uint8_t)~LU_DUE_INTERRUPT, __ATOMIC_RELAXED);
        stop(t, SIGTRAP | PTRACE_EVENT_STOP << 8, NULL);
    }
}

static void trap(LuThread *t, int code)
{
    siginfo_t info = {.si_signo = SIGTRAP, .si_code = code};
    if (code == SI_USER)
        info.si_pid = t->pid;
    else
        info.si_addr = (void *)(uintptr_t)(t->cpu->pc & ~t->proc->abi->target->pc_tag);
    stop(t, SIGTRAP, &info);
    send_answer(t);
}

/* A new program: the event, the end of execve, or the trap that is older than the event. */
static void stop_after_exec(LuThread *t)
{
    LuTraced *x = &t->traced;
    bool told = x->options & PTRACE_O_TRACEEXEC;
    x->exec = 0;
    if (told && !event(t, PTRACE_EVENT_EXEC, (uint64_t)t->tid))
        return;
    if (x->calls)
        lu_traced_return(t);
    if (x->on == LU_TRACED && !told && !x->seized)
        trap(t, SI_USER);
}

void lu_traced_before(LuThread *t)
{
    LuTraced *x = &t->traced;
    if (UNLIKELY(x->initial)) {
        x->initial = 0;
        siginfo_t info = {.si_signo = SIGSTOP, .si_code = SI_USER};
        stop(t, x->seized ? SIGTRAP | PTRACE_EVENT_STOP << 8 : SIGSTOP, x->seized ? NULL : &info);
        if (!x->seized)
            send_answer(t);
    }
    if (UNLIKELY(x->exec))
        stop_after_exec(t);
    while (UNLIKELY(x->due) && x->on == LU_TRACED)
        stop_because_due(t);
    if (UNLIKELY(x->recheck))
        accel_recheck(t->proc->accel, 0, t->proc->task_size);
    x->recheck = 0;
    x->step_due = x->step;
    if (x->on == LU_LEFT) {
        uint8_t left = LU_LEFT;
        x->step = 0;
        __atomic_compare_exchange_n(&x->on, &left, LU_NOT_TRACED, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
    if (x->step)
        t->cpu->ctx |= CTX_STEP;
    else if (!t->proc->gdb) /* which has just said whether it wants that */
        t->cpu->ctx &= ~(uint32_t)CTX_STEP;
}

void lu_traced_after(LuThread *t)
{
    bool due = t->traced.step && t->traced.step_due;
    t->traced.step_due = 0;
    if (!due)
        return;
    if (t->proc->abi->debug && t->proc->abi->debug->traps)
        t->traced.debug.reg[LU_DR_STATUS] = LU_DR6_STEP;
    trap(t, TRAP_TRACE);
}

/* ---- system calls ---- */

static void note_call(LuThread *t)
{
    LuTraced *x = &t->traced;
    x->orig = x->nr = t->abi->syscall_nr(t->cpu);
    t->abi->syscall_args(t->cpu, x->args);
}

static bool stop_at_call(LuThread *t, LuCallSide side)
{
    LuTraced *x = &t->traced;
    int sig = SIGTRAP | (x->options & PTRACE_O_TRACESYSGOOD ? 0x80 : 0);
    siginfo_t info = {.si_signo = SIGTRAP, .si_code = sig};
    info.si_pid = t->pid;
    x->side = (uint8_t)side;
    x->message = side == LU_CALL_ENTRY ? PTRACE_EVENTMSG_SYSCALL_ENTRY : PTRACE_EVENTMSG_SYSCALL_EXIT;
    bool stays = stop(t, sig, &info);
    send_answer(t);
    return stays;
}

bool lu_traced_skips(LuThread *t)
{
    const LuAbi *abi = t->abi;
    uint64_t nr = abi->syscall_nr(t->cpu);
    if (abi->word == 4 ? (uint32_t)nr != UINT32_MAX : nr != UINT64_MAX && nr != UINT32_MAX)
        return false;
    if (t->traced.side_result)
        abi->set_result(t->cpu, (uint64_t)t->traced.result);
    else if (!t->traced.regs_set)
        abi->set_result(t->cpu, (uint64_t)-ENOSYS);
    abi->skip_syscall(t->cpu);
    return true;
}

bool lu_traced_call(LuThread *t)
{
    note_call(t);
    if (!t->traced.calls)
        return true;
    stop_at_call(t, LU_CALL_ENTRY);
    t->traced.told = 1;
    bool make = !lu_traced_skips(t);
    if (make)
        note_call(t);
    return make;
}

void lu_traced_return(LuThread *t)
{
    LuTraced *x = &t->traced;
    x->step_due |= x->step; /* a call that was let go on so is one step */
    x->restart = t->restart;
    x->result = t->restart ? t->restart : (int64_t)t->abi->result(t->cpu);
    if (x->calls && !x->mute)
        stop_at_call(t, LU_CALL_EXIT);
    x->told = x->mute = 0;
    x->orig = UINT64_MAX;
    x->restart = 0;
}

bool lu_traced_seccomp(LuThread *t, uint32_t data)
{
    if (!(t->traced.options & PTRACE_O_TRACESECCOMP))
        return false;
    t->traced.side = LU_CALL_SECCOMP;
    event(t, PTRACE_EVENT_SECCOMP, data);
    note_call(t);
    return true;
}

/* ---- signals ---- */

const LuSigInfo *lu_traced_signal(LuThread *t, const LuSigInfo *info, LuSigInfo *other)
{
    LuTraced *x = &t->traced;
    int sig = info->si.si_signo;
    if (x->passed == sig) {
        x->passed = 0;
        return info;
    }
    if (!stop(t, sig, &info->si))
        return info;
    if (!x->answer)
        return NULL;
    if (x->answer == sig) {
        *other = (LuSigInfo){.si = x->info};
    } else {
        *other = (LuSigInfo){.si = {.si_signo = x->answer, .si_code = SI_USER}};
        other->si.si_pid = t->pid;
    }
    return other;
}

/* ---- children, programs ---- */

LuTraced lu_traced_child(const LuThread *t, uint64_t flags, unsigned exit_signal)
{
    const LuTraced *x = &t->traced;
    /* How its parent ran is not how it runs. */
    LuTraced c = {
        .window = x->window, .abi = x->abi, .orig = UINT64_MAX, .debug.active = x->step || x->debug.active};
    uint32_t event_option = flags & CLONE_VFORK      ? PTRACE_O_TRACEVFORK
                            : exit_signal != SIGCHLD ? PTRACE_O_TRACECLONE
                                                     : PTRACE_O_TRACEFORK;
    if (x->on != LU_TRACED || flags & CLONE_UNTRACED || !(x->options & event_option || flags & CLONE_PTRACE))
        return c;
    c.on = LU_TRACED;
    c.initial = 1;
    c.seized = x->seized;
    c.options = x->options;
    return c;
}

enum { HAND_ON = 1, HAND_SEIZED = 2, HAND_CALLS = 4, HAND_OPTIONS = 8 };

uint64_t lu_traced_hand_over(const LuThread *t)
{
    const LuTraced *x = &t->traced;
    return x->on != LU_TRACED ? 0
                              : HAND_ON | (x->seized ? HAND_SEIZED : 0u) | (x->calls ? HAND_CALLS : 0u) |
                                    ((uint64_t)x->options << HAND_OPTIONS);
}

void lu_traced_take_over(LuThread *t, uint64_t word)
{
    LuTraced *x = &t->traced;
    x->window = (uintptr_t)lu_window_check;
    while (lu_abi_at(x->abi) != t->proc->abi)
        x->abi++;
    x->exec = x->on = word & HAND_ON;
    x->orig = UINT64_MAX;
    x->seized = !!(word & HAND_SEIZED);
    x->calls = !!(word & HAND_CALLS);
    x->options = (uint32_t)(word >> HAND_OPTIONS);
}

long lu_traced_me(LuThread *t)
{
    if (t->traced.on == LU_TRACED || !lu_tracer_is_guest((int)sys_call0(SYS_getppid)))
        return -EPERM;
    long r = sys_call4(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
    t->traced.on = r == 0 ? LU_TRACED : t->traced.on;
    t->traced.orig = UINT64_MAX;
    return r;
}
