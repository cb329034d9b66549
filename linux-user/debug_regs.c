#include "linux-user/debug_regs.h"

#include "accel/accel_debug.h"
#include "linux-user/abi.h"
#include "linux-user/signal_priv.h"

_Static_assert(LU_DEBUG_READ == (int)IR_READS && LU_DEBUG_WRITE == (int)IR_WRITES,
               "note_access() compares them");

static Gva code_address(const LuThread *t)
{
    return t->cpu->pc & ~t->proc->abi->target->pc_tag;
}

/* The thread's breakpoint there; -1: none. */
static int break_at(const LuDebugRegs *d, Gva pc)
{
    for (int k = 0; k < LU_DEBUG_POINTS; k++)
        if (d->point[k].how == LU_DEBUG_EXEC && d->point[k].at == pc)
            return k;
    return -1;
}

static bool has(const LuDebugRegs *d, unsigned how)
{
    bool found = false;
    for (unsigned k = 0; k < LU_DEBUG_POINTS; k++)
        found |= d->point[k].how & how;
    return found;
}

/* Breakpoints of others that nobody has any more make room. */
static void place_breaks(LuThread *t)
{
    Accel *a = t->proc->accel;
    const LuDebugRegs *d = &t->traced.debug;
    accel_exclusive_begin(t->cpu);
    for (const LuDebugPoint *p = d->point; p < &d->point[LU_DEBUG_POINTS]; p++)
        if (p->how == LU_DEBUG_EXEC && !accel_debug_is_break(a, p->at))
            accel_debug_break(a, p->at, true);
    accel_exclusive_end(t->cpu);
}

/* Somebody's who has left it, or of the process that this one is a copy of. */
static void drop_if_stale(LuThread *t, Gva pc)
{
    bool owned = false;
    accel_exclusive_begin(t->cpu); /* who sets one looks in such a section, too, whether it is there */
    lock_take(&t->proc->lock);
    for (const LuThread *o = t->proc->threads; o; o = o->next)
        owned |= break_at(&o->traced.debug, pc) >= 0;
    lock_release(&t->proc->lock);
    if (!owned)
        accel_debug_break(t->proc->accel, pc, false);
    accel_exclusive_end(t->cpu);
}

/* CpuHooks.note: an access of one instruction. */
static bool note_access(void *cpu, uint64_t at, uint64_t n, unsigned how)
{
    LuThread *t = ((Cpu *)cpu)->owner;
    LuDebugRegs *d = &t->traced.debug;
    for (unsigned k = 0; k < LU_DEBUG_POINTS; k++) {
        const LuDebugPoint *p = &d->point[k];
        if (!(p->how & how) || at >= p->at + p->n || p->at >= at + n)
            continue;
        d->hit_at = at;
        d->hit |= (uint16_t)(1u << k);
    }
    if (!d->hit || t->proc->abi->debug->traps)
        return true;
    t->cpu->exit = (CpuExit){.kind = CPU_EXIT_DEBUG};
    return false;
}

static void hit_break(LuThread *t, int k)
{
    LuDebugRegs *d = &t->traced.debug;
    d->hit = (uint16_t)(1u << k);
    d->hit_at = code_address(t);
    d->over = t->proc->abi->debug->traps;
}

bool lu_debug_before(LuThread *t)
{
    LuDebugRegs *d = &t->traced.debug;
    Cpu *cpu = t->cpu;
    if (t->proc->gdb) { /* it has said how the thread runs */
        d->active = 0;
        return false;
    }
    if (d->fresh)
        place_breaks(t);
    bool watches = has(d, LU_DEBUG_READ | LU_DEBUG_WRITE), over = d->over;
    bool step = watches || over || (t->traced.on && t->traced.step);
    int at = step && !over ? break_at(d, code_address(t)) : -1; /* steps pass breakpoints */
    d->fresh = d->over = 0;
    d->hit = 0;
    if (at >= 0) {
        hit_break(t, at);
        return true;
    }
    cpu_hooks(cpu)->note = watches ? note_access : NULL;
    cpu->ctx = step ? cpu->ctx | CTX_STEP : cpu->ctx & ~(uint32_t)CTX_STEP;
    d->active = step || has(d, LU_DEBUG_EXEC);
    return false;
}

bool lu_debug_after(LuThread *t)
{
    LuDebugRegs *d = &t->traced.debug;
    unsigned kind = t->cpu->exit.kind;
    if (kind != CPU_EXIT_KICK && kind != CPU_EXIT_DEBUG) /* the accesses are made again */
        d->hit = 0;
    return d->hit != 0;
}

bool lu_debug_break(LuThread *t)
{
    LuDebugRegs *d = &t->traced.debug;
    int k = break_at(d, code_address(t));
    if (k >= 0) {
        hit_break(t, k);
        return true;
    }
    drop_if_stale(t, code_address(t));
    d->over = d->active = 1;
    return false;
}

void lu_debug_raise(LuThread *t)
{
    LuDebugRegs *d = &t->traced.debug;
    const LuDebugIsa *isa = t->proc->abi->debug;
    LuSigInfo info = {.si = {.si_signo = SIGTRAP, .si_code = TRAP_HWBKPT}};
    uint64_t at = isa->traps ? code_address(t) : d->hit_at;
    info.si.si_addr = (void *)(uintptr_t)at;
    if (isa->error)
        info.si.si_errno = isa->error((unsigned)__builtin_ctz(d->hit));
    bool stepped = t->traced.on && t->traced.step_due && !d->over;
    if (isa->traps) {
        d->reg[LU_DR_STATUS] = d->hit | (stepped ? LU_DR6_STEP : 0u);
        info.si.si_code = stepped ? TRAP_TRACE : TRAP_HWBKPT;
    }
    t->traced.step_due = 0;
    d->hit = 0;
    while (!lu_signals_hold(t)) /* what came before */
        lu_signals_deliver(t, 0);
    lu_raise_held(t, &info);
    lu_signals_deliver(t, 0);
}
