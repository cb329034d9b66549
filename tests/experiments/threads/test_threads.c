/* The cases of the experiment: see README.md. One process; each case leaves all signals at their defaults. */
#include "fakes.h"
#include "linux-user/mm.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static const uint64_t all_signals = ~0ull;

static void forget(LuThread *t)
{
    FakeCpu *c = fake_cpu(t);
    c->n_log = c->restarted = c->results = 0;
    for (int sig = 1; sig <= 64; sig++)
        fake_sigaction(t, sig, 0, 0, 0);
    fake_sigmask(t, SIG_SETMASK, 0);
}

static long send_self(LuThread *t, int sig, int value)
{
    siginfo_t si = {.si_signo = sig, .si_code = SI_QUEUE};
    si.si_pid = (pid_t)sys_getpid();
    si.si_value.sival_int = value;
    return sys_call4(SYS_rt_tgsigqueueinfo, sys_getpid(), sys_gettid(), sig, &si);
}

/* --- signals --- */

static void all_64_signals_reach_handlers(LuThread *t)
{
    FakeCpu *c = fake_cpu(t);
    for (int sig = 1; sig <= 64; sig++) {
        long r = fake_sigaction(t, sig, 0x1000 + (uint64_t)sig, 0, 0);
        bool fixed = sig == SIGKILL || sig == SIGSTOP;
        CHECK(r == (fixed ? -EINVAL : 0));
        if (fixed)
            continue;
        c->n_log = 0;
        CHECK(send_self(t, sig, 1000 + sig) == 0);
        lu_signals_deliver(t, 0);
        CHECK(c->n_log == 1);
        const Delivered *d = &c->log[0];
        CHECK(d->info.si.si_signo == sig && d->info.si.si_value.sival_int == 1000 + sig);
        CHECK(d->info.si.si_code == SI_QUEUE && d->info.si.si_pid == sys_getpid());
        CHECK(d->handler == 0x1000 + (uint64_t)sig && d->mask == 0);
        CHECK(t->sig->mask == lu_sig_bit(sig));
        fake_sigreturn(t, 0);
    }
    forget(t);
}

static void realtime_signals_keep_their_order(LuThread *t)
{
    FakeCpu *c = fake_cpu(t);
    for (int sig = 40; sig < 44; sig++)
        fake_sigaction(t, sig, 0x1000, 0, all_signals);
    fake_sigmask(t, SIG_SETMASK, all_signals);
    for (int i = 0; i < 20; i++)
        send_self(t, 43 - i % 4, i);
    fake_sigmask(t, SIG_SETMASK, 0);
    for (int last_sig = 0, last = 0, n = 0; n < 20; n++) {
        lu_signals_deliver(t, 0);
        CHECK(c->n_log == 1);
        const siginfo_t *si = &c->log[0].info.si;
        CHECK(si->si_signo > last_sig || (si->si_signo == last_sig && si->si_value.sival_int > last));
        last_sig = si->si_signo;
        last = si->si_value.sival_int;
        c->n_log = 0;
        fake_sigreturn(t, 0);
    }
    forget(t);
}

static void frames_nest_as_masks_allow(LuThread *t)
{
    FakeCpu *c = fake_cpu(t);
    fake_sigaction(t, SIGUSR1, 0x1000, 0, lu_sig_bit(SIGTERM));
    fake_sigaction(t, SIGUSR2, 0x2000, SA_NODEFER, 0);
    fake_sigaction(t, SIGTERM, 0x3000, SA_RESETHAND, 0);
    fake_sigmask(t, SIG_SETMASK, all_signals);
    send_self(t, SIGTERM, 0);
    send_self(t, SIGUSR2, 0);
    send_self(t, SIGUSR1, 0);
    fake_sigmask(t, SIG_SETMASK, 0);
    /* lowest number first; SIGTERM stays blocked by the mask of SIGUSR1 */
    CHECK(c->n_log == 2 && c->log[0].handler == 0x1000 && c->log[1].handler == 0x2000);
    CHECK(c->log[1].mask == (lu_sig_bit(SIGUSR1) | lu_sig_bit(SIGTERM)));
    CHECK(t->sig->mask == (lu_sig_bit(SIGUSR1) | lu_sig_bit(SIGTERM)));
    fake_sigreturn(t, 0);
    lu_signals_deliver(t, 0);
    CHECK(c->n_log == 3 && c->log[2].handler == 0x3000);
    CHECK(t->sighand->act[SIGTERM].handler == 0); /* SA_RESETHAND */
    forget(t);
}

static void sigsuspend_restores_the_mask(LuThread *t)
{
    FakeCpu *c = fake_cpu(t);
    uint64_t temp = ~lu_sig_bit(SIGUSR1), before = lu_sig_bit(SIGUSR1) | lu_sig_bit(SIGHUP);
    fake_sigaction(t, SIGUSR1, 0x1000, SA_RESTART, 0);
    fake_sigmask(t, SIG_SETMASK, before);
    send_self(t, SIGUSR1, 7);
    lu_signals_deliver(t, 0);
    CHECK(c->n_log == 0);
    long r = fake_call(t, lu_sys_rt_sigsuspend, (uintptr_t)&temp, 8, 0, 0, 0);
    CHECK(r == -EINTR && c->n_log == 1 && c->log[0].mask == before);
    CHECK(t->sig->mask == (all_signals & ~(lu_sig_bit(SIGKILL) | lu_sig_bit(SIGSTOP))));
    fake_sigreturn(t, before);
    CHECK(t->sig->mask == before);
    forget(t);
}

static void blocked_fault_signals_wait(LuThread *t)
{
    FakeCpu *c = fake_cpu(t);
    uint64_t set = 0;
    const struct timespec now = {0};
    static const int sigs[] = {SIGSEGV, SIGBUS};
    for (unsigned i = 0; i < 2; i++) {
        int sig = sigs[i];
        fake_sigaction(t, sig, 0x1000, 0, 0);
        fake_sigmask(t, SIG_BLOCK, lu_sig_bit(sig));
        sys_call3(SYS_tgkill, sys_getpid(), sys_gettid(), sig);
        lu_signals_deliver(t, 0);
        CHECK(c->n_log == 0);
        CHECK(fake_call(t, lu_sys_rt_sigpending, (uintptr_t)&set, 8, 0, 0, 0) == 0 && set == lu_sig_bit(sig));
        fake_sigmask(t, SIG_UNBLOCK, lu_sig_bit(sig));
        CHECK(c->n_log == 1 && c->log[0].info.si.si_code == SI_TKILL);
        fake_sigmask(t, SIG_SETMASK, lu_sig_bit(sig));
        sys_call3(SYS_tgkill, sys_getpid(), sys_gettid(), sig);
        set = lu_sig_bit(sig);
        siginfo_t si = {0};
        CHECK(fake_call(t, lu_sys_rt_sigtimedwait, (uintptr_t)&set, (uintptr_t)&si, (uintptr_t)&now, 8, 0) ==
              sig);
        CHECK(si.si_signo == sig && c->n_log == 1);
        CHECK(fake_call(t, lu_sys_rt_sigtimedwait, (uintptr_t)&set, 0, (uintptr_t)&now, 8, 0) == -EAGAIN);
        forget(t);
    }
}

static void guest_memory_faults_are_not_signals(LuThread *t)
{
    char byte;
    CHECK(!guest_read(&byte, 0x10, 1));
    CHECK(!guest_write(0x10, &byte, 1));
    CHECK(fake_call(t, lu_sys_rt_sigaction, SIGUSR1, 0x10, 0, 8, 0) == -EFAULT);
    CHECK(fake_cpu(t)->n_log == 0);
}

static void restart_follows_sa_restart(LuThread *t)
{
    FakeCpu *c = fake_cpu(t);
    fake_sigaction(t, SIGUSR1, 0x1000, SA_RESTART, 0);
    fake_sigaction(t, SIGUSR2, 0x1000, 0, 0);
    static const long codes[] = {LU_RET_RESTART, LU_RET_RESTART_ALWAYS, LU_RET_RESTART_NOHAND};
    static const bool restarts[3][2] = {{true, false}, {true, true}, {false, false}};
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned plain = 0; plain < 2; plain++) {
            c->restarted = c->results = 0;
            send_self(t, plain ? SIGUSR2 : SIGUSR1, 0);
            lu_signals_deliver(t, codes[i]);
            CHECK(c->restarted == restarts[i][plain] && c->results == !restarts[i][plain]);
            fake_sigreturn(t, 0);
        }
        c->restarted = 0;
        lu_signals_deliver(t, codes[i]); /* nobody took it: always again */
        CHECK(c->restarted == 1);
    }
    forget(t);
}

static void altstack_follows_its_rules(LuThread *t)
{
    static char mem[16384];
    FakeCpu *c = fake_cpu(t);
    stack_t ss = {.ss_sp = mem, .ss_size = sizeof mem}, old;
    uint64_t p = (uintptr_t)&ss, o = (uintptr_t)&old;
    c->sp = 0x5000;
    ss.ss_size = 2047;
    CHECK(fake_call(t, lu_sys_sigaltstack, p, 0, 0, 0, 0) == -ENOMEM);
    ss.ss_flags = 8;
    CHECK(fake_call(t, lu_sys_sigaltstack, p, 0, 0, 0, 0) == -EINVAL);
    ss.ss_flags = 0;
    ss.ss_size = sizeof mem;
    CHECK(fake_call(t, lu_sys_sigaltstack, p, o, 0, 0, 0) == 0 && old.ss_flags == SS_DISABLE);
    fake_sigaction(t, SIGUSR1, 0x1000, SA_ONSTACK, 0);
    send_self(t, SIGUSR1, 0);
    lu_signals_deliver(t, 0);
    CHECK(c->n_log == 1 && c->log[0].top == (uintptr_t)(mem + sizeof mem));
    c->sp = (uintptr_t)mem + 8192; /* the handler runs there */
    CHECK(fake_call(t, lu_sys_sigaltstack, p, 0, 0, 0, 0) == -EPERM);
    CHECK(fake_call(t, lu_sys_sigaltstack, 0, o, 0, 0, 0) == 0 && old.ss_flags == SS_ONSTACK);
    c->sp = 0x5000;
    fake_sigreturn(t, 0);
    ss.ss_flags = SS_DISABLE;
    CHECK(fake_call(t, lu_sys_sigaltstack, p, 0, 0, 0, 0) == 0);
    forget(t);
}

/* --- ends --- */

static int child_status(LuThread *t, void (*fn)(LuThread *t))
{
    struct clone_args args = {.flags = SIGCHLD};
    long pid = lu_clone(t, &args, 0);
    if (!pid) {
        fn(t);
        sys_exit_group(0);
    }
    int status = -1;
    sys_call4(SYS_wait4, pid, &status, 0, 0);
    return status;
}
static void die_segv(LuThread *t) { lu_raise_fault(t, SIGSEGV, SEGV_MAPERR, 0x10); }
static void die_segv_ignored(LuThread *t)
{
    fake_sigaction(t, SIGSEGV, 1, 0, 0);
    lu_raise_fault(t, SIGSEGV, SEGV_MAPERR, 0x10);
}
static void die_ill_blocked(LuThread *t)
{
    fake_sigaction(t, SIGILL, 0x1000, 0, 0);
    fake_sigmask(t, SIG_BLOCK, lu_sig_bit(SIGILL));
    lu_raise_fault(t, SIGILL, ILL_ILLOPC, 0x10);
}
static void die_no_frame(LuThread *t)
{
    fake_sigaction(t, SIGUSR1, 0x1000, 0, 0);
    fake_cpu(t)->refuse_frames = true;
    send_self(t, SIGUSR1, 0);
    lu_signals_deliver(t, 0);
}
static void die_sent_bus(LuThread *t)
{
    sys_call3(SYS_tgkill, sys_getpid(), sys_gettid(), SIGBUS);
    lu_signals_deliver(t, 0);
}
static void die_rt(LuThread *t) { send_self(t, 33, 0); }
static void live_ignored(LuThread *t)
{
    fake_sigaction(t, SIGSEGV, 1, 0, 0);
    sys_call3(SYS_tgkill, sys_getpid(), sys_gettid(), SIGSEGV);
    lu_signals_deliver(t, 0);
    sys_call3(SYS_tgkill, sys_getpid(), sys_gettid(), SIGCHLD);
    sys_exit_group(7);
}

static void default_actions_give_exact_status(LuThread *t)
{
    CHECK(WTERMSIG(child_status(t, die_segv)) == SIGSEGV);
    CHECK(WTERMSIG(child_status(t, die_segv_ignored)) == SIGSEGV);
    CHECK(WTERMSIG(child_status(t, die_ill_blocked)) == SIGILL);
    CHECK(WTERMSIG(child_status(t, die_no_frame)) == SIGSEGV);
    CHECK(WTERMSIG(child_status(t, die_sent_bus)) == SIGBUS);
    CHECK(WTERMSIG(child_status(t, die_rt)) == 33);
    CHECK(child_status(t, live_ignored) == 7 << 8);
}

/* --- threads and processes --- */

typedef struct Worker {
    Task task;
    int tid;
    unsigned rounds;
    uint64_t sum;
} Worker;

static void small_work(LuThread *t, void *arg)
{
    Worker *w = arg;
    CHECK(lu_self() == t && t->tid == sys_gettid());
    for (unsigned i = 0; i < w->rounds; i++) {
        void *p = lu_mm_arena_alloc(t->proc->mm, 4096);
        w->sum += *(char *)p + 1u;
        lu_mm_arena_free(t->proc->mm, p, 4096);
    }
    CHECK(lu_self() == t);
}

static void threads_come_and_go(LuThread *t)
{
    enum { N = 8, ROUNDS = 150 };
    static Worker w[N];
    for (unsigned r = 0; r < ROUNDS; r++) {
        for (unsigned i = 0; i < N; i++) {
            w[i] = (Worker){.task = {small_work, &w[i]}, .rounds = 10};
            CHECK(fake_thread(t, &w[i].task, &w[i].tid) > 0);
        }
        for (unsigned i = 0; i < N; i++) {
            fake_join(&w[i].tid);
            CHECK(w[i].sum == 10);
        }
    }
    CHECK(t->proc->n_threads == 1 && t->cpu->ctx & CTX_PARALLEL);
}

typedef struct Spawn {
    Task task;
    volatile long store;
} Spawn;

static void spawn_missing(LuThread *t, void *arg)
{
    Spawn *s = arg;
    CHECK(lu_self() == t && t->vfork_child && t->pid == sys_getpid());
    static const char path[] = "/nonexistent/program";
    static char *const argv[] = {NULL};
    s->store = lu_blocking_exec(t, true, SYS_execve, (long)path, (long)argv, (long)argv, 0, 0);
    lu_process_exit(t, 41);
}
static void spawn_true(LuThread *t, void *arg)
{
    Spawn *s = arg;
    static const char path[] = "/bin/true";
    static char *const argv[] = {(char *)(uintptr_t)path, NULL};
    s->store = 1;
    s->store = lu_blocking_exec(t, true, SYS_execve, (long)path, (long)argv, (long)(argv + 1), 0, 0);
    lu_process_exit(t, 42);
}

static int spawn(LuThread *t, Spawn *s)
{
    int status = -1;
    struct clone_args args = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD, .stack = (uintptr_t)s};
    long pid = lu_clone(t, &args, CLONE_ARGS_SIZE_VER0);
    if (pid == -ENOSYS) { /* containers may forbid clone3 */
        args.flags |= SIGCHLD;
        pid = lu_clone(t, &args, 0);
    }
    CHECK(pid > 0 && lu_self() == t);
    while (sys_call4(SYS_wait4, pid, &status, 0, 0) == -EINTR)
        ;
    return status;
}

static void vfork_shares_memory_until_exec(LuThread *t)
{
    for (unsigned i = 0; i < 50; i++) {
        Spawn s = {.task = {spawn_missing, &s}};
        CHECK(spawn(t, &s) == 41 << 8 && s.store == -ENOENT);
        s = (Spawn){.task = {spawn_true, &s}};
        CHECK(spawn(t, &s) == 0 && s.store == 1);
    }
    CHECK(t->proc->n_threads == 1);
}

static void fork_and_spawn(LuThread *t, void *arg)
{
    Worker *w = arg;
    for (unsigned i = 0; i < w->rounds; i++) {
        struct clone_args args = {.flags = SIGCHLD};
        long pid = lu_clone(t, &args, 0);
        if (!pid) {
            static Worker in_child; /* the locks work, and threads can be made */
            in_child = (Worker){.task = {small_work, &in_child}, .rounds = 3};
            bool alone = t->proc->n_threads == 1 && lu_self() == t && t->pid == sys_getpid();
            long r = fake_thread(t, &in_child.task, &in_child.tid);
            fake_join(&in_child.tid);
            lu_process_exit(t, alone && r > 0 && in_child.sum == 3 ? 5 : 6);
        }
        int status = -1;
        while (sys_call4(SYS_wait4, pid, &status, 0, 0) == -EINTR)
            ;
        CHECK(pid > 0 && status == 5 << 8);
        Spawn s = {.task = {spawn_missing, &s}};
        CHECK(spawn(t, &s) == 41 << 8 && s.store == -ENOENT);
        w->sum++;
    }
}

static void fork_from_threads(LuThread *t)
{
    enum { N = 4, FORKS = 25 };
    static Worker w[N], churn[2];
    for (unsigned i = 0; i < 2; i++) {
        churn[i] = (Worker){.task = {small_work, &churn[i]}, .rounds = 20000};
        fake_thread(t, &churn[i].task, &churn[i].tid);
    }
    for (unsigned i = 0; i < N; i++) {
        w[i] = (Worker){.task = {fork_and_spawn, &w[i]}, .rounds = FORKS};
        fake_thread(t, &w[i].task, &w[i].tid);
    }
    for (unsigned i = 0; i < N; i++) {
        fake_join(&w[i].tid);
        CHECK(w[i].sum == FORKS);
    }
    for (unsigned i = 0; i < 2; i++)
        fake_join(&churn[i].tid);
    CHECK(t->proc->n_threads == 1);
}

static void bad_flags_are_the_kernels(LuThread *t)
{
    static const uint64_t bad[] = {
        CLONE_THREAD, CLONE_SIGHAND, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_SIGHAND,
        CLONE_FS | CLONE_NEWNS | CLONE_VM, CLONE_VM | CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND,
    };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        Task task = {0};
        struct clone_args args = {.flags = bad[i], .stack = (uintptr_t)&task};
        CHECK(lu_clone(t, &args, 0) == -EINVAL);
    }
    CHECK(t->proc->n_threads == 1);
}

/* --- a timer while threads are made, forked and spawned --- */

static void timer_storm(LuThread *t)
{
    static Worker w;
    timer_t timer;
    fake_sigaction(t, SIGALRM, 0x1000, SA_RESTART, 0);
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    struct itimerspec every = {{0, 100000}, {0, 100000}};
    CHECK(sys_call3(SYS_timer_create, CLOCK_MONOTONIC, &ev, &timer) == 0);
    int id = (int)(intptr_t)timer;
    sys_call4(SYS_timer_settime, id, 0, &every, NULL);
    unsigned seen = 0;
    for (unsigned i = 0; i < 300; i++) {
        w = (Worker){.task = {small_work, &w}, .rounds = 3};
        fake_sigmask(t, SIG_BLOCK, lu_sig_bit(SIGALRM)); /* the thread inherits that */
        CHECK(fake_thread(t, &w.task, &w.tid) > 0);
        fake_sigmask(t, SIG_UNBLOCK, lu_sig_bit(SIGALRM));
        const struct timespec nap = {0, 300000};
        lu_signals_deliver(t, 0);
        lu_blocking(t, SYS_nanosleep, (long)&nap, 0, 0, 0, 0, 0);
        lu_signals_deliver(t, 0);
        seen += fake_cpu(t)->n_log;
        fake_cpu(t)->n_log = 0;
        fake_sigreturn(t, 0);
        fake_join(&w.tid);
    }
    sys_call1(SYS_timer_delete, id);
    lu_signals_deliver(t, 0);
    CHECK(seen > 100);
    forget(t);
}

static const struct Case {
    char name[40];
    void (*fn)(LuThread *t);
} cases[] = {
    {"all_64_signals_reach_handlers", all_64_signals_reach_handlers},
    {"realtime_signals_keep_their_order", realtime_signals_keep_their_order},
    {"frames_nest_as_masks_allow", frames_nest_as_masks_allow},
    {"sigsuspend_restores_the_mask", sigsuspend_restores_the_mask},
    {"blocked_fault_signals_wait", blocked_fault_signals_wait},
    {"guest_memory_faults_are_not_signals", guest_memory_faults_are_not_signals},
    {"restart_follows_sa_restart", restart_follows_sa_restart},
    {"altstack_follows_its_rules", altstack_follows_its_rules},
    {"default_actions_give_exact_status", default_actions_give_exact_status},
    {"vfork_shares_memory_until_exec", vfork_shares_memory_until_exec},
    {"threads_come_and_go", threads_come_and_go},
    {"fork_from_threads", fork_from_threads},
    {"bad_flags_are_the_kernels", bad_flags_are_the_kernels},
    {"timer_storm", timer_storm},
};

int main(void)
{
    LuThread *t = fake_start();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned before = fake_failures;
        cases[i].fn(t);
        printf("%s %s\n", fake_failures == before ? "ok    " : "FAILED", cases[i].name);
        fflush(stdout);
    }
    sys_exit_group(fake_failures != 0);
}
