/* Another engine for cpus that are already there. What a translator has made of code goes; its tables are
 * kept for its return. Registers are in the structs, which all engines share. */
#include "accel/accel_priv.h"
#include "base/fmt.h"
#include "base/sys.h"

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

static bool enter(Accel *a, const AccelOps *to, char *err, size_t err_cap)
{
    a->engine = to;
    a->engine_data = NULL;
    for (unsigned k = 0; k < ARRAY_SIZE(a->parked); k++)
        if (a->parked[k].ops == to)
            a->engine_data = a->parked[k].data;
    bool ok = a->engine_data || to->init(a, err, err_cap);
    for (AccelCpu *ac = a->cpus; ok && ac; ac = ac->next) {
        clear_area(ac);
        ok = to->cpu_init(ac->cpu);
    }
    a->cfg.machine->changed = to->native ? to->map_changed : softmmu_map_changed;
    __atomic_fetch_add(&a->map_changes, 1, __ATOMIC_SEQ_CST); /* each cpu begins with an empty TLB */
    return ok;
}

bool accel_switch(Accel *a, bool jit, char *err, size_t err_cap)
{
    const AccelOps *from = a->engine, *to = jit ? &accel_engine_dbt : &accel_engine_interp;
    char ignored[8];
    if (to == from)
        return true;
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next)
        accel_sync(ac->cpu);
    leave(a);
    if (enter(a, to, err, err_cap))
        return true;
    enter(a, from, ignored, sizeof(ignored));
    return false;
}
