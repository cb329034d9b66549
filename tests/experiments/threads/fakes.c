#include "fakes.h"
#include "base/fmt.h"
#include "base/self.h"
#include "linux-user/core.h"
#include "linux-user/gdb.h"
#include "linux-user/crash.h"
#include "linux-user/mm.h"
#include "linux-user/kept_files.h"
#include "linux-user/perf.h"
#include "linux-user/uring.h"
#include "linux-user/options.h"
#include "linux-user/strace.h"
#include "linux-user/tracer.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <ucontext.h>

unsigned fake_failures;

void fake_failed(const char *file, int line, const char *what)
{
    char text[400];
    Fmt f = FMT_ON(text);
    fmt_printf(&f, "%s:%d: %s\n", file, line, what);
    sys_write(2, f.buf, f.len);
    __atomic_fetch_add(&fake_failures, 1, __ATOMIC_RELAXED);
}

/* --- linux-user's own lower parts --- */

LuThread *lu_self(void) { return thread_self()->owner; }
void lu_set_self(LuThread *t) { *thread_self() = (ThreadSelf){.owner = t, .tid = (uint32_t)t->tid}; }

struct LuMm {
    Lock lock;
};
static struct LuMm fake_mm;

void *lu_mm_arena_alloc(LuMm *mm, size_t size)
{
    lock_take(&mm->lock);
    long p = sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    lock_release(&mm->lock);
    return sys_is_err(p) ? NULL : (void *)p;
}
void lu_mm_arena_free(LuMm *mm, void *p, size_t size) { sys_munmap(p, size); }
void lu_mm_thread_died(LuMm *mm, uint32_t tid) { lock_owner_died(&mm->lock, tid); }
void lu_mm_fork_prepare(LuMm *mm) { lock_take(&mm->lock); }
void lu_mm_fork_done(LuMm *mm, bool child) { lock_release(&mm->lock); }
bool guest_write_guarded(Gva dst, const void *src, size_t n) { return false; }
void lu_uring_fork_child(LuThread *t) {}
void *lu_alloc(LuProc *p, size_t size) { return lu_mm_arena_alloc(p->mm, size); }
void lu_crash_report(LuThread *t, const LuSigInfo *info) {}
void lu_trace_signal(LuThread *t, const siginfo_t *si) {}

_Noreturn void lu_thread_run(LuThread *t)
{
    const Task *task = (const Task *)(uintptr_t)fake_cpu(t)->sp;
    task->fn(t, task->arg);
    while (lu_thread_exit(t, 0) == LU_RET_RESTART_ALWAYS)
        lu_signals_deliver(t, 0);
    sys_exit_group(99);
}

/* --- accel --- */

struct Accel {
    Lock lock;
    unsigned cpus;
};
static struct Accel fake_accel;

static Cpu *cpu_alloc(void)
{
    lock_take(&fake_accel.lock);
    fake_accel.cpus++;
    lock_release(&fake_accel.lock);
    return lu_mm_arena_alloc(&fake_mm, sizeof(FakeCpu));
}
Cpu *accel_cpu_clone(Accel *a, const Cpu *from)
{
    Cpu *cpu = cpu_alloc();
    memcpy(cpu, from, sizeof(FakeCpu));
    ((FakeCpu *)cpu)->n_log = 0;
    return cpu;
}
void accel_cpu_free(Cpu *cpu)
{
    lock_take(&fake_accel.lock);
    fake_accel.cpus--;
    lock_release(&fake_accel.lock);
    lu_mm_arena_free(&fake_mm, cpu, sizeof(FakeCpu));
}
void accel_kick(Cpu *cpu) { __atomic_store_n(&cpu->kick, 1, __ATOMIC_RELEASE); }
void accel_recheck(Accel *a, Gva start, uint64_t len) {}
void accel_ctx_set(Accel *a, Cpu *cpu, uint32_t set) { cpu->ctx |= set; }
void accel_fence_i(Cpu *cpu) {}
void accel_thread_died(Accel *a, uint32_t tid) { lock_owner_died(&a->lock, tid); }
void accel_fork_learn(Cpu *cpu) {}
void accel_fork_prepare(Accel *a) { lock_take(&a->lock); }
void accel_fork_parent(Accel *a) { lock_release(&a->lock); }
void accel_fork_child(Accel *a, Cpu *survivor)
{
    a->cpus = 1;
    lock_release(&a->lock);
}
bool accel_region_of(const Cpu *cpu, uint64_t host_pc, Gva *ret_pc) { return false; }
bool accel_fault(Cpu *cpu, int sig, void *siginfo, void *ucontext)
{
    ucontext_t *uc = ucontext;
    uint64_t pc = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    if (!fault_fixup(&pc))
        return false;
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
    return true;
}

/* --- the ABI --- */

static uint64_t get_sp(const Cpu *cpu) { return ((const FakeCpu *)cpu)->sp; }
static void set_sp(Cpu *cpu, Gva sp) { ((FakeCpu *)cpu)->sp = sp; }
static void set_tls(Cpu *cpu, uint64_t tls) { ((FakeCpu *)cpu)->tls = tls; }
static void set_result(Cpu *cpu, uint64_t v)
{
    ((FakeCpu *)cpu)->result = v;
    ((FakeCpu *)cpu)->results++;
}
static void skip_syscall(Cpu *cpu) { cpu->pc += 4; }
static void restart_syscall(Cpu *cpu, uint64_t first) { ((FakeCpu *)cpu)->restarted++; }
static bool push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva top)
{
    FakeCpu *c = fake_cpu(t);
    if (c->refuse_frames)
        return false;
    if (c->n_log < FAKE_LOG)
        c->log[c->n_log] =
            (Delivered){*info, t->sig->have_saved ? t->sig->saved_mask : t->sig->mask, act->handler, top};
    c->n_log++;
    return true;
}
static bool pop_frame(LuThread *t, uint64_t *ret_mask)
{
    *ret_mask = fake_cpu(t)->tls;
    return true;
}

static const LuAbi abi = {
    .set_result = set_result, .skip_syscall = skip_syscall, .restart_syscall = restart_syscall,
    .set_tls = set_tls,
    .get_sp = get_sp, .set_sp = set_sp, .push_frame = push_frame, .pop_frame = pop_frame, .frame_size = 1024,
    .min_sigstksz = 2048,
};

/* --- use --- */

LuThread *fake_start(void)
{
    static LuProc proc;
    static LuThread thread;
    static const LuOptions options;
    lock_init(&fake_mm.lock, LOCK_RANK_MM);
    lock_init(&fake_accel.lock, LOCK_RANK_CODE);
    lock_init(&proc.lock, LOCK_RANK_PROC);
    proc.abi = thread.abi = &abi;
    proc.opt = &options;
    proc.task_size = 1ull << 47;
    proc.mm = &fake_mm;
    proc.accel = &fake_accel;
    thread.proc = &proc;
    thread.cpu = cpu_alloc();
    thread.cpu->owner = &thread;
    proc.threads = &thread;
    proc.n_threads = 1;
    lu_set_self(&thread);
    lu_signals_init(&proc, &thread);
    return &thread;
}

long fake_call(LuThread *t, FakeCall *fn, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    const uint64_t args[6] = {a, b, c, d, e};
    for (;;) {
        lu_signals_deliver(t, 0);
        t->syscall_arg[0] = a;
        long r = fn(t, args);
        unsigned before = fake_cpu(t)->restarted;
        bool restart = r <= LU_RET_RESTART && r >= LU_RET_RESTART_NOHAND;
        lu_signals_deliver(t, restart ? r : 0);
        if (!restart)
            return r;
        if (fake_cpu(t)->restarted == before)
            return (long)fake_cpu(t)->result;
    }
}

long fake_thread(LuThread *t, Task *task, int *tid)
{
    struct clone_args args = {
        .flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
        CLONE_SETTLS |
                 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
        .stack = (uintptr_t)task, .parent_tid = (uintptr_t)tid, .child_tid = (uintptr_t)tid,
    };
    long r;
    while ((r = lu_clone(t, &args, 0)) == LU_RET_RESTART_ALWAYS)
        lu_signals_deliver(t, 0);
    return r;
}

void fake_join(int *tid)
{
    int seen;
    while ((seen = __atomic_load_n(tid, __ATOMIC_ACQUIRE)))
        sys_futex((uint32_t *)tid, FUTEX_WAIT, (uint32_t)seen);
}

long fake_sigaction(LuThread *t, int sig, Gva handler, uint64_t flags, uint64_t mask)
{
    uint64_t act[3] = {handler, flags, mask};
    return fake_call(t, lu_sys_rt_sigaction, (uint64_t)sig, (uintptr_t)act, 0, 8, 0);
}

long fake_sigmask(LuThread *t, int how, uint64_t mask)
{
    return fake_call(t, lu_sys_rt_sigprocmask, (uint64_t)how, (uintptr_t)&mask, 0, 8, 0);
}

void fake_sigreturn(LuThread *t, uint64_t mask)
{
    fake_cpu(t)->tls = mask;
    while (fake_call(t, lu_sys_rt_sigreturn, 0, 0, 0, 0, 0) != LU_RET_NONE)
        ;
}

/* Nobody debugs these threads, and they leave no core. */
void lu_core_dump(LuThread *t, const siginfo_t *si) {}
bool lu_core_signal(int sig) { return false; }
bool lu_core_allowed(void) { return false; }
void lu_core_tell(siginfo_t *si) {}
bool lu_tracer_is_guest(int pid) { return false; }
const LuAbi *lu_abi_at(unsigned i) { return NULL; }
void lu_gdb_exit(LuThread *t, unsigned status, bool by_signal) {}
void lu_perf_end(const LuThread *t) {}
void lu_kept_end(LuThread *t) {}
void lu_perf_fork_prepare(LuProc *p) {}
void lu_perf_fork_parent(LuProc *p) {}
void lu_perf_fork_child(LuThread *t) {}
int lu_gdb_signal(LuThread *t, const siginfo_t *si) { return si->si_signo; }
void lu_gdb_fork_prepare(LuThread *t, uint64_t flags) {}
void lu_gdb_fork_parent(LuThread *t, long child) {}
void lu_gdb_vfork_prepare(LuThread *t, LuThread *child) {}
void lu_gdb_vfork_child(LuThread *child) {}
bool lu_gdb_vfork_left(LuThread *t, LuThread *child) { return false; }
void lu_gdb_vfork_done(LuThread *t) {}
void lu_gdb_fork_child(LuThread *t) {}
void lu_gdb_thread_gone(LuThread *t) {}
