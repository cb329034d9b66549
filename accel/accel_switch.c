/* Another engine for cpus that are already there. What a translator has made of code goes; its tables are
 * kept for its return. Registers are in the structs, which all engines share. */
#include "accel/accel_priv.h"
#include "base/fmt.h"
#include "base/sys.h"
#include "target/mem.h"

#include <sys/mman.h>

enum { PAGE = 4096 };

/* Code that was made from memory, and the notes of where. */
static void drop_code(Accel *a)
{
    const MemMap *m = a->cfg.machine;
    for (unsigned k = 0; k < m->n_regions; k++) {
        RamBlock *b = m->region[k]->ram;
        for (uint64_t page = 0; b && page < b->bytes / PAGE; page++)
            if (__atomic_load_n(&b->code[page], __ATOMIC_RELAXED))
                softmmu_code_written(a, b, page * PAGE, PAGE);
    }
}

/* As fresh memory. */
static void clear_area(AccelCpu *ac)
{
    uintptr_t from = (uintptr_t)ac->engine, end = (uintptr_t)ac->cpu, first = align_up(from, PAGE),
              last = align_down(end, PAGE);
    memset((void *)from, 0, MIN(first, end) - from);
    if (last > first) {
        sys_madvise((void *)first, last - first, MADV_DONTNEED);
        memset((void *)last, 0, end - last);
    }
}

static void leave(Accel *a)
{
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next)
        a->engine->cpu_clear(ac->cpu);
    drop_code(a);
    if (a->engine->native) {
        a->engine->clear(a);
        a->engine_data = NULL;
    }
    for (unsigned k = 0; k < ARRAY_SIZE(a->parked) && !a->engine->native; k++) {
        if (a->parked[k].ops && a->parked[k].ops != a->engine)
            continue;
        a->parked[k].ops = a->engine;
        a->parked[k].data = a->engine_data;
        break;
    }
}

/* As they were made: the newest is the first of the list. */
static bool init_cpus(const AccelOps *to, AccelCpu *ac)
{
    if (!ac)
        return true;
    if (!init_cpus(to, ac->next))
        return false;
    clear_area(ac);
    return to->cpu_init(ac->cpu);
}

static bool enter(Accel *a, const AccelOps *to, char *err, size_t err_cap)
{
    a->engine = to;
    a->engine_data = NULL;
    for (unsigned k = 0; k < ARRAY_SIZE(a->parked); k++)
        if (a->parked[k].ops == to)
            a->engine_data = a->parked[k].data;
    bool ok = (a->engine_data || to->init(a, err, err_cap)) && init_cpus(to, a->cpus);
    a->cfg.machine->changed = to->native ? to->map_changed : softmmu_map_changed;
    __atomic_fetch_add(&a->map_changes, 1, __ATOMIC_SEQ_CST); /* each cpu begins with an empty TLB */
    if (ok && to->native)
        to->map_changed(a);
    return ok;
}

/* What another engine left in the struct is news to a translator. */
static bool look_at_cpus(Accel *a, char *err, size_t err_cap)
{
    Fmt why = {.buf = err, .cap = err_cap};
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next) {
        Cpu *cpu = ac->cpu;
        if (!cpu->ops->sys->state->loaded(cpu)) {
            fmt_puts(&why, "a cpu is in a state that no translated one is in");
            return false;
        }
        cpu->mem->flush(cpu);
        accel_update_ctx(cpu);
        accel_kick(cpu); /* an interrupt may be pending */
    }
    return true;
}

static bool may_enter(const Accel *a, Fmt *why)
{
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next) {
        const TargetState *t = ac->cpu->ops->sys->state;
        if (t->translates && !t->translates(ac->cpu, why))
            return false;
    }
    return true;
}

bool accel_switch(Accel *a, const AccelOps *engine, bool jit, char *err, size_t err_cap)
{
    const AccelOps *to = engine ? engine : jit ? &accel_engine_dbt : &accel_engine_interp;
    Fmt why = {.buf = err, .cap = err_cap};
    if (to == a->engine)
        return true;
    if (!to->native && !a->host && !accel_choose_host(a, &why))
        return false;
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next)
        accel_cpu_whole(ac->cpu);
    const bool from_native = a->engine->native;
    if (from_native && !may_enter(a, &why))
        return false;
    leave(a);
    return enter(a, to, err, err_cap) && (!from_native || to->native || look_at_cpus(a, err, err_cap));
}
