/* Cpu objects. Those of threads that ended wait for the next threads: their pages are there already, and what
 * jump caches know stays good. Machines keep theirs. */
#include "accel/accel_priv.h"

#include "base/bits.h"

enum { MOST_USED = 16 };

/* A cpu of before whose memory waits for the next; NULL: none. */
static AccelCpu *take_used(Accel *a)
{
    lock_take(&a->lock);
    AccelCpu *ac = a->used;
    if (ac) {
        a->used = ac->next;
        a->n_used--;
    }
    lock_release(&a->lock);
    return ac;
}

static void cpu_release(Accel *a, AccelCpu *ac)
{
    a->engine->cpu_clear(ac->cpu);
    accel_unmap(a, ac, ac->bytes);
}

void accel_cpus_give_back(Accel *a)
{
    for (AccelCpu *ac; (ac = take_used(a));)
        cpu_release(a, ac);
}

Cpu *accel_cpu_new(Accel *a)
{
    size_t head = accel_cpu_head(a);
    size_t bytes = align_up(head + a->ops->cpu_size, 4096);
    AccelCpu *ac = take_used(a);
    bool again = ac != NULL;
    if (!again)
        ac = accel_map(a, bytes);
    if (!ac)
        return NULL;
    Cpu *cpu = (Cpu *)((char *)ac + head);
    if (again) {
        memset(cpu, 0, a->ops->cpu_size);
        ac->halted = ac->watch_hit = false;
        ac->hooks = (CpuHooks){0};
    }
    ac->cpu = cpu;
    ac->bytes = bytes;
    cpu->ops = a->ops;
    cpu->accel = a;
    cpu->accel_cpu = ac;
    if (a->cfg.machine && !softmmu_init(cpu)) {
        accel_unmap(a, ac, bytes);
        return NULL;
    }
    ac->hooks.unit_insn = a->cfg.machine ? NULL : a->engine->unit_insn;
    a->ops->reset(cpu);
    if (again) {
        a->engine->cpu_again(cpu);
    } else if (!a->engine->cpu_init(cpu)) {
        accel_unmap(a, ac, bytes);
        return NULL;
    }
    lock_take(&a->lock);
    cpu->ctx |= a->ctx_set;
    ac->next = a->cpus;
    a->cpus = ac;
    lock_release(&a->lock);
    return cpu;
}

Cpu *accel_cpu_clone(Accel *a, const Cpu *from)
{
    Cpu *cpu = accel_cpu_new(a);
    if (!cpu)
        return NULL;
    memcpy((char *)cpu + sizeof(Cpu), (const char *)from + sizeof(Cpu), a->ops->cpu_size - sizeof(Cpu));
    cpu->pc = from->pc;
    cpu->ff = from->ff;
    cpu->frm = from->frm;
    cpu->ctx |= from->ctx;
    return cpu;
}

void accel_cpu_free(Cpu *cpu)
{
    if (!cpu)
        return;
    Accel *a = cpu->accel;
    AccelCpu *ac = cpu->accel_cpu;
    lock_take(&a->lock);
    for (AccelCpu **p = &a->cpus; *p; p = &(*p)->next) {
        if (*p == ac) {
            *p = ac->next;
            break;
        }
    }
    if (ac->waiting) /* its thread was killed there */
        accel_set_waiting(a, ac, false);
    /* What a killed thread was writing into its jump cache may be half there. */
    bool keep = a->engine->cpu_again && !a->cfg.machine && a->n_used < MOST_USED && !ac->killed;
    if (keep) {
        ac->next = a->used;
        a->used = ac;
        a->n_used++;
    }
    lock_release(&a->lock);
    if (!keep)
        cpu_release(a, ac);
}
