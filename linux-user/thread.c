/*
 * clone in three shapes.
 *
 * Copy (no CLONE_VM). All locks of the process are taken in the order of their ranks, then a raw clone
 * without a stack: the child returns from it on its copy of the same host stack, with the same LuThread at
 * the same address, releases the locks on its side and forgets the other threads. The guest's new stack
 * pointer and TLS only change the Cpu.
 *
 * Shared (CLONE_VM). The child gets a Cpu cloned from its parent's and a LuBlock: host stack, TLS, LuThread.
 * The guest's flags go to the kernel unchanged but for the stack and TLS, which are the host's; the ids that
 * the kernel writes (PARENT_SETTID, CHILD_SETTID, CHILD_CLEARTID, PIDFD) are guest addresses, which are host
 * addresses. So combinations of flags are valid or EINVAL exactly as the kernel thinks. Before the first such
 * clone the context word gets CTX_PARALLEL.
 *
 * vfork (CLONE_VM|CLONE_VFORK). As Shared, but on the parent's TLS: the parent sleeps inside the clone call
 * until the child has left the memory by exec or exit, and then frees the block. lu_self() is a thread-local
 * variable, so the child sets it to itself first thing, and the parent sets it back when it resumes. In
 * between all signals are blocked on both sides. CTX_PARALLEL is not set: only one of the two runs at any
 * time.
 *
 * Every clone is a held section: what is recorded before it is delivered before it, so no signal is seen
 * twice.
 *
 * SIGKILL may end a child that shares memory at any instruction. Its locks are broken (base/lock.h): by the
 * parent after a vfork, else by who waits for them; what they protected is at most half done, and mm and
 * accel repair it. A CLONE_VM process without CLONE_THREAD leaves its block and its cpu behind.
 *
 * What is not covered: copying with CLONE_VFORK keeps the locks of the parent while it sleeps, so its other
 * threads may wait for it.
 */
#include "linux-user/thread.h"
#include "linux-user/gdb.h"
#include "linux-user/host_tls.h"
#include "linux-user/mm.h"
#include "linux-user/kept_files.h"
#include "linux-user/perf.h"
#include "linux-user/seccomp.h"
#include "linux-user/signal_priv.h"
#include "linux-user/thread_priv.h"
#include "linux-user/uring.h"

enum {
    GUARD_BYTES = 4096,
    STACK_BYTES = TINAMOU_SANITIZED ? 4 << 20 : 1 << 20,
    SCRATCH_BYTES = 1 << 20,
    DEAD_KEPT = 16, /* blocks that wait for the next thread instead of being unmapped */
};

/* At the low end of its memory: header page, guard page, stack (downwards to the guard), handler stack,
 * scratch, TLS. */
struct LuBlock {
    LuBlock *next_dead;
    size_t bytes;
    char *stack_top, *alt_stack;
    size_t alt_bytes;
    void *tp;        /* thread pointer; NULL: runs on its parent's */
    uint32_t in_use; /* cleared by the dying thread's last instruction, or by its vfork parent */
    bool clear_sighand;
    bool own_group;  /* a process of its own that shares memory */
    LuThread thread;
    LuSigState sig;
};
_Static_assert(sizeof(LuBlock) <= 4096, "the header is one page");

/* --- blocks --- */

/* AddressSanitizer keeps notes on frames; those of a thread that ended inside them would be found by the
 * next. */
void __asan_unpoison_memory_region(const volatile void *addr, size_t size) __attribute__((weak));

static void forget_frames(const LuBlock *b)
{
    if (TINAMOU_SANITIZED && __asan_unpoison_memory_region)
        __asan_unpoison_memory_region(b->stack_top - STACK_BYTES, STACK_BYTES + b->alt_bytes);
}

static LuBlock *block_map(LuProc *p)
{
    size_t alt = lu_sighost_altstack_size();
    size_t tls = align_up(host_tls_size(), 4096);
    size_t bytes = 4096 + GUARD_BYTES + STACK_BYTES + alt + SCRATCH_BYTES + tls;
    char *mem = lu_mm_arena_alloc(p->mm, bytes);
    if (!mem)
        return NULL;
    LuBlock *b = (LuBlock *)mem;
    *b = (LuBlock){.bytes = bytes, .alt_bytes = alt};
    sys_mprotect(mem + 4096, GUARD_BYTES, 0);
    b->stack_top = mem + 4096 + GUARD_BYTES + STACK_BYTES;
    b->alt_stack = b->stack_top;
    arena_init_static(&b->thread.scratch, b->alt_stack + alt, SCRATCH_BYTES);
    return b;
}

/* A block that is not in use any more; NULL: none. proc->lock held. */
static LuBlock *block_reuse_locked(LuProc *p)
{
    for (LuBlock **at = &p->dead_blocks; *at; at = &(*at)->next_dead) {
        LuBlock *b = *at;
        if (__atomic_load_n(&b->in_use, __ATOMIC_ACQUIRE))
            continue;
        *at = b->next_dead;
        return b;
    }
    return NULL;
}

static void block_retire_locked(LuProc *p, LuBlock *b)
{
    b->next_dead = p->dead_blocks;
    p->dead_blocks = b;
}

static LuBlock *block_new(LuProc *p, bool need_tls)
{
    lock_take(&p->lock);
    LuBlock *b = block_reuse_locked(p);
    lock_release(&p->lock);
    if (!b)
        b = block_map(p);
    if (!b)
        return NULL;
    if (need_tls && !b->tp)
        b->tp = host_tls_make(b->alt_stack + b->alt_bytes + SCRATCH_BYTES);
    if (need_tls && !b->tp) {
        lock_take(&p->lock);
        block_retire_locked(p, b);
        lock_release(&p->lock);
        return NULL;
    }
    forget_frames(b);
    Arena scratch = b->thread.scratch;
    arena_reset(&scratch);
    b->thread = (LuThread){.scratch = scratch, .block = b, .sig = &b->sig, .proc = p, .abi = p->abi};
    b->sig = (LuSigState){0};
    b->in_use = 1;
    b->clear_sighand = b->own_group = false;
    return b;
}

/* Unmaps dead blocks beyond the number kept. Those with a donor's TLS stay, or the donor would be lost. */
static void blocks_trim(LuProc *p)
{
    lock_take(&p->lock);
    unsigned n = 0;
    LuBlock *extra = NULL;
    for (LuBlock **at = &p->dead_blocks; *at;) {
        LuBlock *b = *at;
        bool dead = !__atomic_load_n(&b->in_use, __ATOMIC_ACQUIRE);
        if (dead && ++n > DEAD_KEPT && !(b->tp && host_tls_has_donors())) {
            *at = b->next_dead;
            b->next_dead = extra;
            extra = b;
        } else {
            at = &b->next_dead;
        }
    }
    lock_release(&p->lock);
    while (extra) {
        LuBlock *b = extra;
        extra = b->next_dead;
        lu_mm_arena_free(p->mm, b, b->bytes);
    }
}

/* --- counted objects --- */

static LuSighand *sighand_copy(LuProc *p, LuSighand *from, bool clear)
{
    lock_take(&p->lock);
    LuSighand *h = p->dead_sighands;
    if (h)
        p->dead_sighands = h->next_dead;
    lock_release(&p->lock);
    if (!h)
        h = lu_alloc(p, sizeof *h);
    if (!h)
        return NULL;
    lock_init(&h->lock, LOCK_RANK_SIGHAND);
    h->refs = 1;
    lock_take(&from->lock);
    h->inherited = from->inherited;
    h->cores = from->cores;
    memcpy(h->act, from->act, sizeof h->act);
    lock_release(&from->lock);
    for (unsigned sig = 1; clear && sig <= LU_NSIG; sig++)
        h->act[sig] = (LuSigAction){.handler = h->act[sig].handler == 1};
    return h;
}

static void sighand_unref_locked(LuProc *p, LuSighand *h)
{
    if (--h->refs)
        return;
    h->next_dead = p->dead_sighands;
    p->dead_sighands = h;
}

static void thread_link(LuThread *t, const LuThread *parent)
{
    LuProc *p = t->proc;
    lock_take(&p->lock);
    lu_seccomp_inherit(t, parent);
    t->next = p->threads;
    p->threads = t;
    p->n_threads++;
    lock_release(&p->lock);
}

/* Out of the list; its sighand loses one user. Returns how many threads are left. */
static unsigned thread_unlink(LuThread *t)
{
    LuProc *p = t->proc;
    lock_take(&p->lock);
    LuThread **at = &p->threads;
    while (*at && *at != t)
        at = &(*at)->next;
    if (*at) {
        *at = t->next;
        p->n_threads--;
    }
    sighand_unref_locked(p, t->sighand);
    unsigned left = p->n_threads;
    lock_release(&p->lock);
    return left;
}

/* --- children that share memory --- */

static void thread_begin(void *arg)
{
    LuThread *t = arg;
    t->tid = (int)sys_gettid();
    t->pid = (int)sys_getpid();
    lu_set_self(t);
    lu_sighost_altstack(t->block->alt_stack, t->block->alt_bytes);
    if (t->block->clear_sighand) /* the kernel reset our handlers with the guest's */
        lu_sighost_install_ours(t->sighand);
    lu_signals_release(t);
    if (UNLIKELY(t->proc->gdb != NULL) && t->vfork_child)
        lu_gdb_vfork_child(t);
    lu_thread_run(t);
}

static void child_registers(const LuAbi *abi, Cpu *cpu, const struct clone_args *args)
{
    if (args->stack)
        abi->set_sp(cpu, args->stack + args->stack_size);
    if (args->flags & CLONE_SETTLS)
        abi->set_tls(cpu, args->tls);
}

static unsigned exit_signal(const struct clone_args *args, size_t size)
{
    return (unsigned)(size ? args->exit_signal : args->flags & CSIGNAL);
}

/* Everything a child needs before it exists; NULL: out of memory, nothing left behind. */
static LuThread *child_new(LuThread *t, const struct clone_args *args, size_t size)
{
    LuProc *p = t->proc;
    bool vfork = args->flags & CLONE_VFORK, share = args->flags & CLONE_SIGHAND;
    bool clear = args->flags & CLONE_CLEAR_SIGHAND;
    LuBlock *b = block_new(p, !vfork);
    if (!b)
        return NULL;
    LuThread *c = &b->thread;
    c->fs = t->fs;
    c->vfork_child = vfork;
    c->own_files = t->own_files || !(args->flags & CLONE_FILES);
    b->clear_sighand = clear;
    b->own_group = !(args->flags & CLONE_THREAD);
    c->sighand = share ? t->sighand : sighand_copy(p, t->sighand, clear);
    c->cpu = c->sighand ? accel_cpu_clone(p->accel, t->cpu) : NULL;
    if (!c->cpu) {
        lock_take(&p->lock);
        if (c->sighand && !share)
            sighand_unref_locked(p, c->sighand);
        b->in_use = 0;
        block_retire_locked(p, b);
        lock_release(&p->lock);
        return NULL;
    }
    if (share) {
        lock_take(&p->lock);
        c->sighand->refs++;
        lock_release(&p->lock);
    }
    c->cpu->owner = c;
    c->traced = lu_traced_child(t, args->flags, exit_signal(args, size));
    c->sig->mask = t->sig->mask;
    c->sig->alt_flags = SS_DISABLE;
    if (vfork) { /* as the kernel: only a thread that runs beside its parent loses the alternate stack */
        c->sig->alt_sp = t->sig->alt_sp;
        c->sig->alt_size = t->sig->alt_size;
        c->sig->alt_flags = t->sig->alt_flags;
    }
    child_registers(t->abi, c->cpu, args);
    t->abi->set_result(c->cpu, 0);
    t->abi->skip_syscall(c->cpu);
    c->pid = b->own_group ? 0 : t->pid; /* before it runs, for what is done to all threads of the process */
    thread_link(c, t);
    return c;
}

/* A child that never ran, or a vfork child that is gone. */
static void child_free(LuThread *c)
{
    LuProc *p = c->proc;
    accel_cpu_free(c->cpu);
    thread_unlink(c);
    lock_take(&p->lock);
    __atomic_store_n(&c->block->in_use, 0, __ATOMIC_RELEASE);
    block_retire_locked(p, c->block);
    lock_release(&p->lock);
    blocks_trim(p);
}

static long clone_host_shared(LuThread *c, const struct clone_args *args, size_t size)
{
    LuBlock *b = c->block;
    bool vfork = args->flags & CLONE_VFORK;
    uint64_t flags = vfork ? args->flags & ~(uint64_t)CLONE_SETTLS : args->flags | CLONE_SETTLS;
    if (!size)
        return host_clone((long)flags, b->stack_top, (void *)(uintptr_t)args->parent_tid,
                          (void *)(uintptr_t)args->child_tid, b->tp, thread_begin, c);
    /* The guest's structure may be longer than ours, with zeros at the end: `size` says how much is
     * copied. */
    struct clone_args host = *args;
    host.flags = flags;
    host.stack = (uintptr_t)b->stack_top - STACK_BYTES;
    host.stack_size = STACK_BYTES;
    host.tls = vfork ? 0 : (uintptr_t)b->tp;
    return host_clone3(&host, MIN(size, sizeof host), thread_begin, c);
}

/* A vfork child that was killed may have held any of them. */
static void break_locks(LuThread *t, uint32_t tid)
{
    if (!tid)
        return; /* it did not get as far as to a lock */
    lock_owner_died(&t->proc->lock, tid);
    lock_owner_died(&t->sighand->lock, tid);
    lu_mm_thread_died(t->proc->mm, tid);
    accel_thread_died(t->proc->accel, tid);
}

static long clone_shared(LuThread *t, const struct clone_args *args, size_t size)
{
    bool vfork = args->flags & CLONE_VFORK;
    if (!vfork && !(t->cpu->ctx & CTX_PARALLEL))
        accel_ctx_set(t->proc->accel, t->cpu, CTX_PARALLEL);
    if (!lu_signals_hold(t))
        return LU_RET_RESTART_ALWAYS;
    LuThread *c = child_new(t, args, size);
    if (!c) {
        lu_signals_release(t);
        return -ENOMEM;
    }
    const bool watched = vfork && t->proc->gdb;
    if (UNLIKELY(watched))
        lu_gdb_vfork_prepare(t, c);
    t->traced.forking = 1; /* the child begins on this thread's TLS */
    long r = clone_host_shared(c, args, size);
    t->traced.forking = 0;
    if (vfork) {
        lu_set_self(t);
        break_locks(t, (uint32_t)c->tid);
    }
    const bool told = UNLIKELY(watched) && lu_gdb_vfork_left(t, c);
    if (vfork || sys_is_err(r))
        child_free(c);
    lu_signals_release(t);
    if (UNLIKELY(told) && !sys_is_err(r))
        lu_gdb_vfork_done(t);
    return r;
}

/* --- threads of the host --- */

static void host_thread_begin(void *arg)
{
    LuThread *t = arg;
    t->tid = (int)sys_gettid();
    lu_set_self(t);
    t->host_fn(t);
    host_exit(&t->block->in_use, SYS_exit, 0);
}

LuThread *lu_host_thread(LuThread *t, void (*fn)(LuThread *self))
{
    enum {
        FLAGS =
            CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS
    };
    LuBlock *b = block_new(t->proc, true);
    if (!b)
        return NULL;
    LuThread *h = &b->thread;
    h->fs = t->fs;
    h->host_fn = fn;
    uint64_t all = ~0ull, before;
    sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    long r = host_clone(FLAGS, b->stack_top, NULL, NULL, b->tp, host_thread_begin, h);
    sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return sys_is_err(r) ? NULL : h;
}

/* --- children with a copy --- */

static void fork_prepare(LuThread *t)
{
    accel_fork_learn(t->cpu);
    lock_take(&t->proc->lock);
    lock_take(&t->sighand->lock);
    lu_mm_fork_prepare(t->proc->mm);
    accel_fork_prepare(t->proc->accel);
    lu_perf_fork_prepare(t->proc);
}

/* In the child the other threads do not exist: their blocks are free memory. */
static void fork_child(LuThread *t)
{
    LuProc *p = t->proc;
    accel_fork_child(p->accel, t->cpu);
    lu_mm_fork_done(p->mm, true);
    lock_release(&t->sighand->lock);
    for (LuBlock *b = p->dead_blocks; b; b = b->next_dead)
        b->in_use = 0;
    for (LuThread *o = p->threads, *next; o; o = next) {
        next = o->next;
        /* A vfork child that forks takes its parent's TLS along, which stays in use. */
        if (o == t || !o->block || (t->vfork_child && o->block->tp == host_tls_current()))
            continue;
        o->block->in_use = 0;
        if (host_tls_has_donors())
            o->block->tp = NULL;
        block_retire_locked(p, o->block);
    }
    if (host_tls_has_donors()) {
        for (LuBlock *b = p->dead_blocks; b; b = b->next_dead)
            b->tp = NULL;
    }
    t->next = NULL;
    p->threads = t;
    p->n_threads = 1;
    t->sighand->refs = 1;
    t->vfork_child = false;
    lock_release(&p->lock);
    lu_uring_fork_child(t);
    lu_perf_fork_child(t);
    t->tid = (int)sys_gettid();
    t->pid = (int)sys_getpid();
    lu_set_self(t);
    if (UNLIKELY(p->gdb != NULL))
        lu_gdb_fork_child(t);
}

static void fork_parent(LuThread *t)
{
    lu_perf_fork_parent(t->proc);
    accel_fork_parent(t->proc->accel);
    lu_mm_fork_done(t->proc->mm, false);
    lock_release(&t->sighand->lock);
    lock_release(&t->proc->lock);
}

static long clone_copy(LuThread *t, const struct clone_args *args, size_t size)
{
    if (!lu_signals_hold(t))
        return LU_RET_RESTART_ALWAYS;
    if (UNLIKELY(t->proc->gdb != NULL))
        lu_gdb_fork_prepare(t, args->flags);
    fork_prepare(t);
    const LuTraced traced = lu_traced_child(t, args->flags, exit_signal(args, size));
    t->traced.forking = 1;
    uint64_t flags = args->flags & ~(uint64_t)CLONE_SETTLS;
    long r;
    if (size) {
        struct clone_args host = *args;
        host.flags = flags;
        host.stack = host.stack_size = host.tls = 0;
        r = sys_call2(SYS_clone3, &host, MIN(size, sizeof host));
    } else {
        r = sys_call5(SYS_clone, flags, 0, args->parent_tid, args->child_tid, 0);
    }
    if (r) {
        t->traced.forking = 0;
        fork_parent(t);
    } else {
        fork_child(t);
        t->tracees = NULL;
        t->traced = traced;
        blocks_trim(t->proc);
        if (flags & CLONE_CLEAR_SIGHAND && size) {
            for (unsigned sig = 1; sig <= LU_NSIG; sig++)
                t->sighand->act[sig] = (LuSigAction){.handler = t->sighand->act[sig].handler == 1};
            lu_sighost_install_ours(t->sighand);
        }
        t->sig->kept_set = 0; /* pending signals are not inherited */
        child_registers(t->abi, t->cpu, args);
    }
    lu_signals_release(t);
    if (UNLIKELY(t->proc->gdb != NULL) && r)
        lu_gdb_fork_parent(t, r);
    return r;
}

long lu_clone(LuThread *t, const struct clone_args *args, size_t size)
{
    return args->flags & CLONE_VM ? clone_shared(t, args, size) : clone_copy(t, args, size);
}

/* --- ends --- */

/* Everything but the stack it stands on is given back; then the thread is gone by system call nr. */
static _Noreturn void thread_end(LuThread *t, long nr, int status)
{
    LuProc *p = t->proc;
    LuBlock *b = t->block;
    uint64_t all = ~0ull;
    sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
    if (t->vfork_child) {
        uint32_t unused;
        host_exit(&unused, nr, status); /* the parent frees the block */
    }
    bool watched = p->gdb != NULL;
    if (UNLIKELY(watched))
        lu_gdb_thread_gone(t);
    unsigned left = thread_unlink(t);
    if (!left)
        lu_perf_end(t);
    if (!left)
        lu_kept_end(t);
    if (!left && (watched || host_tls_has_donors()))
        sys_exit_group(status); /* the last guest thread is not the last of the host */
    if (left) /* else nobody will want its memory */
        accel_cpu_free(t->cpu);
    uint32_t unused, *in_use = &unused;
    if (b) {
        blocks_trim(p);
        in_use = &b->in_use;
        lock_take(&p->lock);
        block_retire_locked(p, b);
        lock_release(&p->lock);
    }
    host_exit(in_use, nr, status);
}

long lu_thread_exit(LuThread *t, int status)
{
    if (!lu_signals_hold(t))
        return LU_RET_RESTART_ALWAYS;
    thread_end(t, SYS_exit, status);
}

_Noreturn void lu_process_exit(LuThread *t, int status)
{
    /* Another process may go on in this memory: CLONE_VM without CLONE_THREAD. */
    const bool apart = t->block && t->block->own_group && !t->vfork_child;
    if (!apart)
        lu_perf_end(t);
    if (!apart)
        lu_kept_end(t);
    if (UNLIKELY(t->proc->gdb != NULL))
        lu_gdb_exit(t, (unsigned)status, false);
    if (apart)
        thread_end(t, SYS_exit_group, status);
    sys_exit_group(status);
}
