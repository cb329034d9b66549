/* Flushes that a cpu asks of all others. Each has a list that it works off before it runs the guest again; a
 * cpu that is outside has therefore as good as done it. Asking kicks; the cpu that asked waits, outside,
 * before it runs on: see softmmu_others_done(). */
#include "accel/accel_priv.h"
#include "base/sys.h"

#include <limits.h>
#include <linux/futex.h>

static MmuAsks *asks_of(const AccelCpu *ac)
{
    return &ac->mmu->asks;
}

static void lock(MmuAsks *q)
{
    while (__atomic_exchange_n(&q->lock, 1, __ATOMIC_ACQUIRE))
        sys_call0(SYS_sched_yield);
}
static void unlock(MmuAsks *q)
{
    __atomic_store_n(&q->lock, 0, __ATOMIC_RELEASE);
}

static void ask(AccelCpu *ac, const MmuFlush *what)
{
    MmuAsks *q = asks_of(ac);
    lock(q);
    if (q->n < ARRAY_SIZE(q->flush))
        q->flush[q->n] = *what;
    else
        q->all = true;
    __atomic_store_n(&q->n, q->n + !q->all, __ATOMIC_SEQ_CST);
    unlock(q);
    accel_kick(ac->cpu);
}

void softmmu_flush_others(Cpu *cpu, const MmuFlush *what)
{
    Accel *a = cpu->accel;
    AccelCpu *self = cpu->accel_cpu;
    lock_take(&a->lock);
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next) {
        if (ac == self)
            continue;
        ask(ac, what);
        self->mmu->asks.sent = true;
    }
    lock_release(&a->lock);
}

static void flush(Cpu *cpu, const MmuFlush *f)
{
    const CpuMem *mem = cpu->mem;
    if (f->by_key)
        mem->flush_space(cpu, f->key, f->mask, f->one, f->va);
    else if (f->one)
        mem->flush_page(cpu, f->va);
    else
        mem->flush(cpu);
}

void softmmu_left(Cpu *cpu)
{
    MmuAsks *q = asks_of(cpu->accel_cpu);
    if (UNLIKELY(__atomic_load_n(&q->waited, __ATOMIC_SEQ_CST)) &&
        __atomic_exchange_n(&q->waited, false, __ATOMIC_SEQ_CST))
        sys_futex(&q->n, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX);
}

void softmmu_do_asked(Cpu *cpu)
{
    MmuAsks *q = asks_of(cpu->accel_cpu);
    if (LIKELY(!__atomic_load_n(&q->n, __ATOMIC_SEQ_CST)))
        return;
    lock(q);
    if (q->all)
        cpu->mem->flush(cpu);
    for (uint32_t k = 0; !q->all && k < q->n; k++)
        flush(cpu, &q->flush[k]);
    q->all = false;
    __atomic_store_n(&q->n, 0, __ATOMIC_SEQ_CST);
    unlock(q);
    softmmu_left(cpu);
}

static bool settled(const AccelCpu *ac)
{
    return !__atomic_load_n(&asks_of(ac)->n, __ATOMIC_SEQ_CST) ||
           __atomic_load_n(&ac->state, __ATOMIC_SEQ_CST) == ACCEL_CPU_OUT;
}

/* NULL: there is none. */
static AccelCpu *unsettled(Accel *a, const AccelCpu *self)
{
    AccelCpu *found = NULL;
    lock_take(&a->lock);
    for (AccelCpu *ac = a->cpus; ac && !found; ac = ac->next)
        if (ac != self && !settled(ac))
            found = ac;
    lock_release(&a->lock);
    return found;
}

/* Until it has settled, or something else may have happened. */
static void sleep_for(AccelCpu *ac)
{
    enum { MS = 1 /* a kick of the waiting cpu does not wake it */ };
    MmuAsks *q = asks_of(ac);
    uint32_t n = __atomic_load_n(&q->n, __ATOMIC_SEQ_CST);
    __atomic_store_n(&q->waited, true, __ATOMIC_SEQ_CST);
    if (!settled(ac))
        sys_futex_wait_ms(&q->n, n, MS);
}

bool softmmu_others_done(Cpu *cpu)
{
    AccelCpu *self = cpu->accel_cpu, *ac;
    MmuAsks *q = asks_of(self);
    if (LIKELY(!q->sent))
        return true;
    enum { YIELDS = 32 }; /* most have settled by then, and sleep and wake cost more */
    for (unsigned k = 0; (ac = unsettled(cpu->accel, self)); k++) {
        if (__atomic_load_n(&cpu->kick, __ATOMIC_RELAXED))
            return false;
        accel_kick(ac->cpu); /* it may have come back for another reason, and gone again */
        if (k < YIELDS)
            sys_call0(SYS_sched_yield);
        else
            sleep_for(ac);
    }
    q->sent = false;
    return true;
}
