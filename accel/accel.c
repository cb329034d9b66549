#include "accel/accel_priv.h"

#include "base/fault.h"
#include "base/fmt.h"
#include "base/self.h"
#include "base/sys.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>

/* ---- memory ---- */

enum { CHUNK_BYTES = 1792 << 10, PIECE_MOST = 1 << 20 }; /* less than a huge page */

static void *map_pages(void *at, size_t bytes)
{
    long p = sys_map_own(at, bytes);
    return sys_is_err(p) ? NULL : (void *)p;
}

/* What is small shares a mapping: each costs a system call at the start and an entry in the kernel's
 * tables. */
static void *cut_piece(Accel *a, size_t bytes)
{
    if (bytes > a->chunk_left) {
        char *more = map_pages(NULL, CHUNK_BYTES);
        if (!more)
            return NULL;
        if (a->chunk_left)
            sys_munmap(a->chunk, a->chunk_left);
        a->chunk = more;
        a->chunk_left = CHUNK_BYTES;
    }
    void *p = a->chunk;
    a->chunk += bytes;
    a->chunk_left -= bytes;
    return p;
}

static void *map_new(Accel *a, size_t bytes)
{
    if (!a->cfg.arena_base)
        return bytes <= PIECE_MOST ? cut_piece(a, bytes) : map_pages(NULL, bytes);
    if (bytes > a->cfg.arena_bytes - a->arena_used)
        return NULL;
    void *p = map_pages((char *)a->cfg.arena_base + a->arena_used, bytes);
    if (p)
        a->arena_used += bytes;
    return p;
}

static void *map_locked(Accel *a, size_t bytes)
{
    for (AccelFree **f = &a->free; *f; f = &(*f)->next) {
        if ((*f)->bytes == bytes) {
            AccelFree *p = *f;
            *f = p->next;
            p->next = NULL;
            p->bytes = 0;
            return p;
        }
    }
    return map_new(a, bytes);
}

void *accel_map(Accel *a, size_t bytes)
{
    lock_take(&a->lock);
    void *p = map_locked(a, align_up(bytes, 4096));
    lock_release(&a->lock);
    return p;
}

void accel_unmap(Accel *a, void *p, size_t bytes)
{
    if (!p)
        return;
    bytes = align_up(bytes, 4096);
    sys_madvise(p, bytes, MADV_DONTNEED); /* zero again */
    AccelFree *f = p;
    lock_take(&a->lock);
    f->bytes = bytes;
    f->next = a->free;
    a->free = f;
    lock_release(&a->lock);
}

/* ---- life ---- */

Accel *accel_new(const AccelConfig *cfg, const TargetOps *ops, char *err, size_t err_cap)
{
    Accel tmp = {.cfg = *cfg,
                 .ops = ops,
                 .engine = cfg->engine ? cfg->engine
                           : cfg->jit  ? &accel_engine_dbt
                                       : &accel_engine_interp};
    Accel *a = map_new(&tmp, align_up(sizeof *a, 4096));
    if (!a) {
        Fmt f = {.buf = err, .cap = err_cap};
        fmt_puts(&f, "no memory for the translator");
        return NULL;
    }
    *a = tmp;
    a->cpu_room = a->engine->cpu_bytes(a);
    if (cfg->machine)
        a->cpu_room = MAX(a->cpu_room, MAX(accel_engine_dbt.cpu_bytes(a), accel_engine_interp.cpu_bytes(a)));
    if (cfg->machine && cfg->other)
        a->cpu_room = MAX(a->cpu_room, cfg->other->cpu_bytes(a));
    a->ctx_set = (cfg->no_opt & ACCEL_NO_EXACT_LLSC ? CTX_LLSC_BY_VALUE : 0u) |
                 (cfg->no_opt & ACCEL_NO_LLSC_MATCH ? CTX_LLSC_UNMATCHED : 0u);
    lock_init(&a->lock, LOCK_RANK_CPUS);
    lock_init(&a->stop, LOCK_RANK_STOP);
    lock_init(&a->track, LOCK_RANK_TRACK);
    if ((!a->engine->native && !accel_choose_host(a, &(Fmt){.buf = err, .cap = err_cap})) ||
        !a->engine->init(a, err, err_cap)) {
        accel_free(a);
        return NULL;
    }
    if (cfg->machine) {
        cfg->machine->opaque = a;
        cfg->machine->code_written = softmmu_code_written;
        cfg->machine->changed = a->engine->native ? a->engine->map_changed : softmmu_map_changed;
    }
    return a;
}

void accel_free(Accel *a)
{
    if (!a)
        return;
    while (a->cpus)
        accel_cpu_free(a->cpus->cpu);
    accel_cpus_give_back(a);
    a->engine->clear(a);
    if (a->cfg.arena_base)
        return; /* the owner unmaps the range */
    while (a->free) {
        AccelFree *f = a->free;
        a->free = f->next;
        sys_munmap(f, f->bytes);
    }
    if (a->chunk_left)
        sys_munmap(a->chunk, a->chunk_left);
    sys_munmap(a, align_up(sizeof *a, 4096));
}

void accel_cpu_reset(Cpu *cpu)
{
    cpu->ops->reset(cpu);
    cpu->exit = (CpuExit){.kind = CPU_EXIT_KICK}; /* it does not sleep */
    if (cpu->accel->engine->cpu_reset)
        cpu->accel->engine->cpu_reset(cpu);
}

void accel_sync(Cpu *cpu)
{
    if (cpu->accel->engine->sync)
        cpu->accel->engine->sync(cpu);
}

void accel_cpu_whole(Cpu *cpu)
{
    if (cpu->accel->engine->whole)
        cpu->accel->engine->whole(cpu);
    else
        accel_sync(cpu);
}

bool accel_cpu_adopt(Cpu *cpu, Fmt *err)
{
    return !cpu->accel->engine->adopt || cpu->accel->engine->adopt(cpu, err);
}

bool accel_chip(Accel *a, unsigned kind, unsigned n, void *state, bool put)
{
    return a->engine->chip && a->engine->chip(a, kind, n, state, put);
}

bool accel_is_native(const Accel *a)
{
    return a->engine->native;
}

const AccelOps *accel_engine(const Accel *a)
{
    return a->engine;
}

AccelIrqchip accel_irqchip(const Accel *a)
{
    return a->engine->irq ? a->cfg.irqchip : ACCEL_IRQCHIP_BOARD;
}

void accel_irq(Accel *a, unsigned input, bool level)
{
    a->engine->irq(a, input, level);
}

void accel_cpu_irq(Cpu *cpu, unsigned input, bool level)
{
    if (cpu->accel->engine->cpu_irq)
        cpu->accel->engine->cpu_irq(cpu, input, level);
    else if (cpu->ops->sys->set_irq(cpu, input, level))
        accel_wake(cpu);
}

uint64_t accel_time_hz(Accel *a)
{
    return a->engine->time_hz ? a->engine->time_hz(a) : 0;
}

void accel_msi(Accel *a, int input, uint64_t address, uint32_t data, uint32_t requester)
{
    a->engine->msi(a, input, address, data, requester);
}

unsigned accel_gic_versions(Accel *a)
{
    return a->engine->gic_versions ? a->engine->gic_versions(a) : 0;
}

bool accel_gic(Accel *a, const AccelGic *g, Fmt *err)
{
    return a->engine->gic(a, g, err);
}

int accel_events_fd(Accel *a)
{
    return a->engine->events_fd ? a->engine->events_fd(a) : -1;
}

void accel_events(Accel *a)
{
    a->engine->events(a);
}

void accel_stand(Accel *a, bool stop)
{
    if (a->engine->stand)
        a->engine->stand(a, stop);
}

void accel_set_waiting(Accel *a, AccelCpu *ac, bool on)
{
    __atomic_fetch_add(&a->waiting, on ? 1 : UINT32_MAX, __ATOMIC_RELAXED);
    ac->waiting = on;
}

/* ---- stopping ---- */

static bool stop_taken(const Accel *a) { return __atomic_load_n(&a->stop.state, __ATOMIC_SEQ_CST) != 0; }

static void cpu_enter(Accel *a, AccelCpu *ac)
{
    for (bool waited = false;; waited = true) {
        __atomic_store_n(&ac->state, thread_self_tid(), __ATOMIC_SEQ_CST);
        if (LIKELY(!stop_taken(a))) {
            if (UNLIKELY(waited))
                accel_set_waiting(a, ac, false);
            return;
        }
        if (!waited)
            accel_set_waiting(a, ac, true);
        __atomic_store_n(&ac->state, ACCEL_CPU_OUT, __ATOMIC_SEQ_CST);
        sys_futex(&ac->state, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
        lock_take(&a->stop); /* each that waits lets in the next */
        lock_release(&a->stop);
    }
}

static void cpu_leave(Accel *a, AccelCpu *ac)
{
    __atomic_store_n(&ac->state, ACCEL_CPU_OUT, __ATOMIC_SEQ_CST);
    if (UNLIKELY(stop_taken(a)))
        sys_futex(&ac->state, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
    if (ac->mmu)
        softmmu_left(ac->cpu);
}

AccelCpu *accel_kick_running(Accel *a)
{
    AccelCpu *first = NULL;
    lock_take(&a->lock);
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next) {
        if (__atomic_load_n(&ac->state, __ATOMIC_SEQ_CST) == ACCEL_CPU_OUT)
            continue;
        accel_kick(ac->cpu);
        first = first ? first : ac;
    }
    lock_release(&a->lock);
    return first;
}

/* Is this the cpu that thread tid, which is gone, was running? */
static bool killed_inside(AccelCpu *ac, uint32_t tid)
{
    if (!__atomic_compare_exchange_n(&ac->state, &tid, ACCEL_CPU_OUT, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return false;
    ac->killed = true;
    return true;
}

static void wait_for_out(AccelCpu *ac)
{
    enum { PATIENCE_MS = 50 };
    for (uint32_t tid; (tid = __atomic_load_n(&ac->state, __ATOMIC_SEQ_CST)) != ACCEL_CPU_OUT;) {
        if (sys_futex_wait_ms(&ac->state, tid, PATIENCE_MS) == -ETIMEDOUT && sys_thread_gone(tid))
            killed_inside(ac, tid);
    }
}

static void stop_others(Accel *a)
{
    lock_take(&a->stop);
    /* The lock is not held while waiting: the cpu may need it to get on. Should the cpu be freed meanwhile,
     * its memory stays mapped and reads OUT. */
    for (AccelCpu *ac; (ac = accel_kick_running(a));)
        wait_for_out(ac);
}

void accel_exclusive_begin(Cpu *self)
{
    stop_others(self->accel);
}

void accel_stand_still(Accel *a)
{
    stop_others(a);
    lock_take(&a->lock);
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next)
        accel_kick(ac->cpu);
    lock_release(&a->lock);
    lock_release(&a->stop);
}

void accel_exclusive_end(Cpu *self) { lock_release(&self->accel->stop); }

void accel_kick(Cpu *cpu)
{
    __atomic_store_n(&cpu->kick, 1, __ATOMIC_RELEASE);
    if (UNLIKELY(cpu->accel->engine->kick))
        cpu->accel->engine->kick(cpu);
}

void accel_wake(Cpu *cpu)
{
    AccelCpu *ac = cpu->accel_cpu;
    __atomic_store_n(&cpu->kick, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&ac->halted, __ATOMIC_SEQ_CST))
        sys_futex(&cpu->kick, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
    else if (cpu->accel->engine->kick)
        cpu->accel->engine->kick(cpu);
}

void accel_halt(Cpu *cpu)
{
    AccelCpu *ac = cpu->accel_cpu;
    __atomic_store_n(&ac->halted, true, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&cpu->kick, __ATOMIC_SEQ_CST))
        sys_futex(&cpu->kick, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0);
    __atomic_store_n(&ac->halted, false, __ATOMIC_SEQ_CST);
}

void accel_ctx_set(Accel *a, Cpu *self, uint32_t set)
{
    accel_exclusive_begin(self);
    lock_take(&a->lock);
    a->ctx_set |= set;
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next)
        ac->cpu->ctx |= set;
    lock_release(&a->lock);
    accel_exclusive_end(self);
}

/* ---- running ---- */

void accel_update_ctx(Cpu *cpu)
{
    cpu->ctx = (cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | (cpu->ops->ctx(cpu) & CTX_TARGET_MASK);
    if (cpu->accel->cfg.machine)
        softmmu_context(cpu);
}

/* A machine's cpu that comes back from outside, before it runs the guest: what changed meanwhile. */
static void catch_up(Cpu *cpu)
{
    if (!cpu->accel->cfg.machine || cpu->accel->engine->native)
        return;
    softmmu_follow_map(cpu);
    softmmu_do_asked(cpu);
}

static void store_unit(Cpu *cpu)
{
    if (UNLIKELY(cpu->unit_live))
        cpu->ops->unit_store(cpu);
}

static void run_engine(Accel *a, Cpu *cpu)
{
    cpu_enter(a, cpu->accel_cpu);
    catch_up(cpu);
    accel_update_ctx(cpu);
    a->engine->run(cpu);
    if (!a->cfg.machine) /* a program's names generated code, which may go when the cpu is outside */
        store_unit(cpu);
    cpu_leave(a, cpu->accel_cpu);
}

void accel_pause(Cpu *cpu) { cpu_leave(cpu->accel, cpu->accel_cpu); }
void accel_resume(Cpu *cpu)
{
    cpu_enter(cpu->accel, cpu->accel_cpu);
    catch_up(cpu);
}

static bool run_exit(Accel *a, Cpu *cpu);

/* More than the 16 instructions that architectures ask for between load-reserved and store-conditional. */
enum { MAX_EXCLUSIVE_INSNS = 64, MAX_YIELDS = 100 };

static void drop_reservation(Cpu *cpu)
{
    if (cpu->ops->reserved)
        cpu->ops->reserved(cpu, true);
}

/* A loop of exclusive instructions would take the next turn before anybody it stopped has woken up, perhaps
 * the one it waits for. */
static void let_others_in(const Accel *a)
{
    for (unsigned n = 0; n < MAX_YIELDS && __atomic_load_n(&a->waiting, __ATOMIC_RELAXED); n++)
        sys_call0(SYS_sched_yield);
}

/* One instruction, alone in the address space and so with the context of a single thread; or as many as it
 * takes until a reservation made by the first is gone (load-reserved to store-conditional), which is given up
 * after a while. A reservation made before counts on a device only: there a store-conditional compares
 * values. Returns true when the caller of accel_run() must know of the exit. */
static bool run_exclusive(Accel *a, Cpu *cpu)
{
    bool on_device = cpu->exit.code == CPU_EXCLUSIVE_DEVICE;
    let_others_in(a);
    accel_exclusive_begin(cpu);
    if (!on_device)
        drop_reservation(cpu);
    catch_up(cpu);
    uint32_t ctx = cpu->ctx;
    cpu->ctx = (ctx | CTX_STEP) & ~(uint32_t)CTX_PARALLEL;
    for (unsigned n = 0; n < MAX_EXCLUSIVE_INSNS; n++) {
        accel_update_ctx(cpu);
        a->engine->run(cpu);
        if (cpu->exit.kind != CPU_EXIT_KICK || !cpu->ops->reserved || !cpu->ops->reserved(cpu, false))
            break;
    }
    store_unit(cpu);
    drop_reservation(cpu);
    cpu->ctx = ctx;
    accel_exclusive_end(cpu);
    return cpu->exit.kind != CPU_EXIT_KICK || (ctx & CTX_STEP) ||
           __atomic_load_n(&cpu->kick, __ATOMIC_RELAXED);
}

static bool is_code_write(Accel *a, const Cpu *cpu)
{
    const AccelMem *mem = &a->cfg.mem;
    return cpu->exit.sig == SIGSEGV && cpu->exit.code == SEGV_ACCERR && mem->code_written &&
           mem->code_written(mem->opaque, a, cpu->exit.addr);
}

/* The store that was refused, alone: it may be to the code it stands in. Returns true when the caller of
 * accel_run() must know of the exit. */
static bool run_code_write(Accel *a, Cpu *cpu)
{
    uint32_t step = cpu->ctx & CTX_STEP;
    cpu->ctx |= CTX_STEP;
    do /* page after page */
        run_engine(a, cpu);
    while (cpu->exit.kind == CPU_EXIT_FAULT && is_code_write(a, cpu));
    cpu->ctx = (cpu->ctx & ~(uint32_t)CTX_STEP) | step;
    if (cpu->exit.kind != CPU_EXIT_KICK)
        return run_exit(a, cpu);
    return step || __atomic_load_n(&cpu->kick, __ATOMIC_RELAXED);
}

static void log_int(const Cpu *cpu, const char *what, Gva from, const CpuExit *x)
{
    accel_log(cpu->accel, "int: %s at %lx, kind %u code %d addr %lx, to %lx\n", what, (unsigned long)from,
              x->kind, x->code, (unsigned long)x->addr, (unsigned long)cpu->pc);
}

static bool take_exception(Cpu *cpu)
{
    const CpuExit x = cpu->exit;
    Gva from = cpu->pc;
    bool taken = cpu->ops->sys->exception(cpu);
    if (UNLIKELY(cpu->accel->cfg.log & ACCEL_LOG_INT))
        log_int(cpu, "exception", from, &x);
    return taken;
}

static void take_interrupt(Cpu *cpu)
{
    Gva from = cpu->pc;
    bool taken = cpu->ops->sys->interrupt(cpu);
    if (UNLIKELY(taken && (cpu->accel->cfg.log & ACCEL_LOG_INT)))
        log_int(cpu, "interrupt", from, &cpu->exit);
}

/* Someone steps: the instruction that was to be run has been, if only by raising its exception. */
static bool step_done(Cpu *cpu)
{
    if (cpu->ctx & CTX_STEP)
        cpu->exit = (CpuExit){.kind = CPU_EXIT_KICK};
    return (cpu->ctx & CTX_STEP) != 0;
}

/* Of a machine's cpu: what is not the engine's business is the ISA's. */
static bool run_exit_paged(Cpu *cpu, bool *ret)
{
    switch ((CpuExitKind)cpu->exit.kind) {
    case CPU_EXIT_EXCLUSIVE:
    case CPU_EXIT_CTX: return false;
    case CPU_EXIT_FENCE_I: *ret = step_done(cpu); return true; /* stores drop code at once */
    case CPU_EXIT_KICK:
    case CPU_EXIT_DEBUG:
    case CPU_EXIT_HALT: *ret = true; return true;
    case CPU_EXIT_MISALIGNED: cpu->exit.addr = cpu_isa(cpu)->data_addr(cpu); break;
    case CPU_EXIT_ILLEGAL:
        if (UNLIKELY(cpu->accel->cfg.log & ACCEL_LOG_UNIMP))
            accel_log_unknown(cpu);
        break;
    default: break;
    }
    *ret = !take_exception(cpu) || step_done(cpu);
    return true;
}

/* Deals with the exits that are accel's own business. Returns true when the exit is for the caller. */
static bool run_exit(Accel *a, Cpu *cpu)
{
    bool done;
    if (a->cfg.machine && run_exit_paged(cpu, &done))
        return done;
    switch ((CpuExitKind)cpu->exit.kind) {
    case CPU_EXIT_EXCLUSIVE:
        if (run_exclusive(a, cpu))
            return cpu->exit.kind == CPU_EXIT_KICK || run_exit(a, cpu);
        return false;
    case CPU_EXIT_FAULT: return !is_code_write(a, cpu) || run_code_write(a, cpu);
    case CPU_EXIT_FENCE_I:
        if (cpu->ops->code_checks) /* a region has found that its bytes are others now */
            accel_recheck(a, cpu->pc, 1);
        else
            a->engine->fence_i(cpu, cpu->ops->fence_for_all);
        break;
    case CPU_EXIT_CTX:
        if (a->engine->outside)
            a->engine->outside(cpu);
        break;
    case CPU_EXIT_MISALIGNED: cpu->exit.addr = cpu_isa(cpu)->data_addr(cpu); return true;
    default: return true;
    }
    if (!(cpu->ctx & CTX_STEP))
        return false;
    cpu->exit.kind = CPU_EXIT_KICK;
    return true;
}

/* An instruction that no interrupt may precede, by itself. True: and it was an exit for the caller. */
static bool run_shadowed(Accel *a, Cpu *cpu)
{
    const TargetSys *sys = cpu->ops->sys;
    if (!sys->in_shadow || !sys->in_shadow(cpu))
        return false;
    cpu->ctx |= CTX_STEP;
    do
        run_engine(a, cpu);
    while (!run_exit(a, cpu));
    cpu->ctx &= ~(uint32_t)CTX_STEP;
    return cpu->exit.kind != CPU_EXIT_KICK;
}

void accel_run(Cpu *cpu)
{
    Accel *a = cpu->accel;
    if (a->engine->native) {
        a->engine->run(cpu);
        if (cpu->exit.kind == CPU_EXIT_KICK)
            __atomic_exchange_n(&cpu->kick, 0, __ATOMIC_ACQUIRE);
        return;
    }
    do {
        if (a->cfg.machine && !softmmu_others_done(cpu)) {
            cpu->exit = (CpuExit){.kind = CPU_EXIT_KICK};
            break;
        }
        run_engine(a, cpu);
    } while (!run_exit(a, cpu));
    if (cpu->exit.kind == CPU_EXIT_KICK)
        __atomic_exchange_n(&cpu->kick, 0, __ATOMIC_ACQUIRE);
    if (a->cfg.machine && cpu->exit.kind == CPU_EXIT_KICK && !(cpu->ctx & CTX_STEP) && !run_shadowed(a, cpu))
        take_interrupt(cpu); /* not between two steps; the owner kicks when they are over */
    store_unit(cpu);
    if (!(cpu->ctx & CTX_STEP)) /* a debugger steps from load-reserved to store-conditional */
        drop_reservation(cpu);
}

void accel_invalidate(Accel *a, Gva start, uint64_t len)
{
    a->engine->invalidate(a, start, len);
    if (UNLIKELY(a->cfg.observer.dropped != NULL))
        a->cfg.observer.dropped(a->cfg.observer.opaque, start, len);
}

void accel_recheck(Accel *a, Gva start, uint64_t len)
{
    (a->engine->recheck ? a->engine->recheck : a->engine->invalidate)(a, start, len);
}

void accel_fence_i(Cpu *cpu)
{
    cpu->accel->engine->fence_i(cpu, true);
    accel_exclusive_begin(cpu); /* who was in a loop of old code has now left it */
    accel_exclusive_end(cpu);
}

void accel_stats(Accel *a)
{
    if ((a->cfg.log & (ACCEL_LOG_STATS | ACCEL_LOG_KEPT)) && a->engine->stats)
        a->engine->stats(a);
}

/* ---- faults ---- */

bool accel_fault(Cpu *cpu, int sig, void *siginfo, void *ucontext)
{
    siginfo_t *si = siginfo;
    AccelCpu *ac = cpu->accel_cpu;
    /* Addresses that are not canonical are reported without the address, as SI_KERNEL. x86 says it so, too;
     * other guests see an unmapped one. */
    bool other = sig == SIGSEGV && si->si_code == SI_KERNEL && cpu->ops->nan != IR_NAN_X86;
    int code = other ? SEGV_MAPERR : si->si_code;
    uint64_t pc = fault_pc(ucontext);
    if (!fault_fixup(&pc))
        return cpu->accel->engine->fault(cpu, sig, siginfo, ucontext);
    fault_set_pc(ucontext, pc);
    cpu->exit.sig = (uint8_t)sig;
    cpu->exit.code = code;
    cpu->exit.addr = ac->fault_addr = (uint64_t)(uintptr_t)si->si_addr;
    return true;
}

bool accel_region_of(const Cpu *cpu, uint64_t host_pc, Gva *ret_pc)
{
    return cpu->accel->engine->region_of(cpu, host_pc, ret_pc);
}

void accel_exit_fault(Cpu *cpu, uint64_t addr, unsigned size, bool write)
{
    const AccelCpu *ac = cpu->accel_cpu;
    if (cpu->exit.sig == SIGSEGV && cpu->exit.code == SI_KERNEL) {
        cpu->exit = (CpuExit){.kind = CPU_EXIT_PROTECTION};
        return;
    }
    cpu->exit.kind = CPU_EXIT_FAULT;
    cpu->exit.write = write;
    /* an access over the end of a page faults at the next page's start */
    cpu->exit.addr = ac->fault_addr - addr < size ? ac->fault_addr : addr;
}

/* ---- the IR interpreter ---- */

bool accel_run_ended(Cpu *cpu, const IrRegion *r, const IrRun *run)
{
    switch ((IrRunKind)run->kind) {
    case IR_RUN_EXIT: {
        const IrExit *x = &r->exit[run->exit];
        cpu->pc = x->pc + cpu->pc_delta;
        if (x->kind != IR_EXIT_RAISE)
            return true;
        cpu->exit.kind = x->code;
        if (cpu->accel->cfg.machine)
            cpu->exit = (CpuExit){.kind = x->code};
        else if (x->code != CPU_EXIT_MISALIGNED)
            cpu->exit.addr = cpu->pc;
        return false;
    }
    case IR_RUN_INDIRECT: cpu->pc = run->pc; return true;
    case IR_RUN_FAULT:
        cpu->pc = run->pc + cpu->pc_delta;
        if (run->size == 0)
            cpu->exit = (CpuExit){.kind = CPU_EXIT_PROTECTION};
        else
            accel_exit_fault(cpu, run->addr, run->size, run->write);
        return false;
    case IR_RUN_FLOAT:
        cpu->pc = run->pc + cpu->pc_delta;
        cpu->exit = (CpuExit){.kind = CPU_EXIT_FAULT, .sig = SIGFPE, .addr = cpu->pc};
        cpu->exit.code = target_float_code((uint32_t)run->addr);
        return false;
    case IR_RUN_HELPER: return false; /* pc was set before the call */
    case IR_RUN_STUCK:
    case IR_RUN_BAD: break;
    }
    fmt_err("internal error: the interpreter cannot run IR %u of the region at 0x%lx", run->insn,
            (unsigned long)r->pc);
    __builtin_trap();
}

/* ---- deaths and fork ---- */

void accel_thread_died(Accel *a, uint32_t tid)
{
    if (a->engine->thread_died)
        a->engine->thread_died(a, tid);
    lock_owner_died(&a->lock, tid);
    lock_owner_died(&a->stop, tid);
    lock_take(&a->lock);
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next) {
        if (killed_inside(ac, tid))
            sys_futex(&ac->state, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
    }
    lock_release(&a->lock);
}

void accel_fork_learn(Cpu *cpu)
{
    Accel *a = cpu->accel;
    if (!a->engine->fork_learn)
        return;
    cpu_enter(a, cpu->accel_cpu);
    a->engine->fork_learn(cpu);
    cpu_leave(a, cpu->accel_cpu);
}

void accel_fork_prepare(Accel *a)
{
    lock_take(&a->stop); /* no one is inside an exclusive section */
    lock_take(&a->lock);
    a->engine->fork_prepare(a);
}

void accel_fork_parent(Accel *a)
{
    a->engine->fork_done(a, false);
    lock_release(&a->lock);
    lock_release(&a->stop);
}

void accel_fork_child(Accel *a, Cpu *survivor)
{
    AccelCpu *self = survivor->accel_cpu;
    for (AccelCpu *ac = a->cpus, *next; ac; ac = next) {
        next = ac->next;
        if (ac == self)
            continue;
        size_t bytes = ac->bytes;
        sys_madvise(ac, bytes, MADV_DONTNEED);
        AccelFree *f = (AccelFree *)(void *)ac;
        f->bytes = bytes;
        f->next = a->free;
        a->free = f;
    }
    self->next = NULL;
    a->cpus = self;
    self->state = ACCEL_CPU_OUT;
    a->waiting = 0;
    a->engine->fork_done(a, true);
    lock_release(&a->lock);
    lock_release(&a->stop);
}
