#include "accel/accel_debug.h"

#include "accel/accel_priv.h"

/* ---- memory ---- */

/* Marking a page accessed or dirty is done in pretence only. */
static bool keep(Cpu *cpu, Gpa pa, unsigned size, uint64_t *expected, uint64_t desired)
{
    return true;
}

static bool walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    CpuExit exit = cpu->exit;
    const CpuMem *mem = cpu->mem;
    CpuMem peek = *mem;
    peek.phys_cas = keep;
    cpu->mem = &peek;
    bool ok = cpu->ops->sys->walk(cpu, va, idx, how, ret);
    cpu->mem = mem;
    cpu->exit = exit;
    return ok;
}

/* First as the cpu fetches now; then as any level would see it: a kernel that may not look at a user's page
 * now is no reason for the debugger not to. */
bool accel_debug_walk(Cpu *cpu, Gva va, uint64_t *ret_pa)
{
    const TargetSys *sys = cpu->ops->sys;
    MmuPage p;
    MemRange r;
    uint32_t ctx = (cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | (cpu->ops->ctx(cpu) & CTX_TARGET_MASK);
    unsigned now = sys->fetch_idx(ctx);
    bool found = walk(cpu, va, now, MMU_FETCH, &p) || walk(cpu, va, now, MMU_READ, &p);
    found = found && mem_map_find(cpu->accel->cfg.machine, p.pa, &r);
    for (unsigned k = 0; !found && k < sys->paged; k++)
        found = walk(cpu, va, k, MMU_READ, &p) || walk(cpu, va, k, MMU_FETCH, &p);
    if (found)
        *ret_pa = p.pa;
    return found;
}

bool accel_debug_translate(Cpu *cpu, Gva va, uint64_t *ret_pa)
{
    const AccelOps *engine = cpu->accel->engine;
    return (engine->translate ? engine->translate : accel_debug_walk)(cpu, va, ret_pa);
}

bool accel_debug_read_phys(Accel *a, uint64_t pa, void *to, size_t n)
{
    for (uint64_t left; n; n -= left, pa += left, to = (char *)to + left) {
        const uint8_t *host = mem_map_host(a->cfg.machine, pa, false, &left);
        if (!host)
            return false;
        left = MIN(left, (uint64_t)n);
        memcpy(to, host, left);
    }
    return true;
}

bool accel_debug_write_phys(Accel *a, uint64_t pa, const void *from, size_t n)
{
    return mem_map_write(a->cfg.machine, pa, from, n);
}

static size_t page_part(Gva va, size_t n)
{
    return (size_t)MIN((uint64_t)n, 4096 - (va & 4095));
}

bool accel_debug_read(Cpu *cpu, Gva va, void *to, size_t n)
{
    for (size_t part; n; n -= part, va += part, to = (char *)to + part) {
        uint64_t pa;
        part = page_part(va, n);
        if (!accel_debug_translate(cpu, va, &pa) || !accel_debug_read_phys(cpu->accel, pa, to, part))
            return false;
    }
    return true;
}

bool accel_debug_write(Cpu *cpu, Gva va, const void *from, size_t n)
{
    for (size_t part; n; n -= part, va += part, from = (const char *)from + part) {
        uint64_t pa;
        part = page_part(va, n);
        if (!accel_debug_translate(cpu, va, &pa) || !accel_debug_write_phys(cpu->accel, pa, from, part))
            return false;
    }
    return true;
}

/* ---- breakpoints ---- */

static bool same_place(Gva a, Gva b)
{
    return ((a ^ b) & 4095) == 0;
}

bool accel_debug_is_break(const Accel *a, Gva pc)
{
    for (unsigned k = 0; k < a->debug.n_breaks; k++)
        if (a->debug.brk[k] == pc)
            return true;
    return false;
}

bool accel_debug_stops_at(const Accel *a, Gva pc)
{
    for (unsigned k = 0; k < a->debug.n_breaks; k++)
        if (a->cfg.machine ? same_place(a->debug.brk[k], pc) : a->debug.brk[k] == pc)
            return true;
    return false;
}

/* Code made from this place of any page. */
static void drop_code(Accel *a, Gva pc)
{
    const MemMap *map = a->cfg.machine;
    if (!map)
        accel_invalidate(a, pc, 2);
    for (unsigned k = 0; map && k < map->n_regions; k++) {
        const RamBlock *b = map->region[k]->ram;
        for (uint64_t page = 0; b && page < b->bytes >> 12; page++)
            if (b->code[page])
                accel_invalidate(a, b->base + (page << 12) + (pc & 4095), 2);
    }
}

static bool engine_takes(Accel *a)
{
    return !a->engine->points_changed || a->engine->points_changed(a);
}

bool accel_debug_break(Accel *a, Gva pc, bool on)
{
    AccelDebug *d = &a->debug;
    if (on && d->n_breaks == ACCEL_MOST_BREAKS)
        return false;
    if (on) {
        d->brk[d->n_breaks++] = pc;
    } else {
        unsigned k = 0;
        while (k < d->n_breaks && d->brk[k] != pc)
            k++;
        if (k == d->n_breaks)
            return false;
        d->brk[k] = d->brk[--d->n_breaks];
    }
    drop_code(a, pc);
    if (engine_takes(a) || !on)
        return true;
    d->n_breaks--;
    engine_takes(a);
    return false;
}

void accel_debug_forget(Accel *a)
{
    AccelDebug *d = &a->debug;
    while (d->n_breaks)
        accel_debug_break(a, d->brk[0], false);
    while (d->n_watches)
        accel_debug_watch(a, d->watch[0].at, d->watch[0].n, d->watch[0].how, false);
}

/* ---- watchpoints ---- */

bool accel_debug_watched_page(const Accel *a, Gva page)
{
    for (unsigned k = 0; k < a->debug.n_watches; k++) {
        const AccelWatch *w = &a->debug.watch[k];
        if (page + 4096 > w->at && page < w->at + w->n)
            return true;
    }
    return false;
}

bool accel_debug_hits(Cpu *cpu, const IrAccess *x)
{
    const AccelDebug *d = &cpu->accel->debug;
    IrMem m = {.raw = x->mem};
    unsigned size = 1u << m.size;
    unsigned how = x->op == IR_LD ? MMU_R : x->op == IR_ST ? MMU_W : MMU_R | MMU_W;
    AccelCpu *ac = cpu->accel_cpu;
    for (unsigned k = 0; k < d->n_watches; k++) {
        const AccelWatch *w = &d->watch[k];
        if (!(w->how & how) || x->addr + size <= w->at || x->addr >= w->at + w->n)
            continue;
        if (cpu->ctx & CTX_STEP) {
            ac->watch_hit = true;
            ac->watch_at = MAX(w->at, x->addr);
            return false;
        }
        cpu->exit =
            (CpuExit){.kind = CPU_EXIT_DEBUG, .code = 1, .write = how != MMU_R, .addr = MAX(w->at, x->addr)};
        return true;
    }
    return false;
}

bool accel_debug_watch(Accel *a, Gva at, uint64_t n, unsigned how, bool on)
{
    AccelDebug *d = &a->debug;
    unsigned k = 0;
    if (!n || (on && d->n_watches == ACCEL_MOST_WATCHES))
        return false;
    if (on) {
        d->watch[d->n_watches++] = (AccelWatch){at, n, how};
    } else {
        while (k < d->n_watches && (d->watch[k].at != at || d->watch[k].n != n || d->watch[k].how != how))
            k++;
        if (k == d->n_watches)
            return false;
        d->watch[k] = d->watch[--d->n_watches];
    }
    for (AccelCpu *ac = a->cpus; ac; ac = ac->next)
        ac->cpu->mem->flush(ac->cpu);
    if (engine_takes(a) || !on)
        return true;
    d->n_watches--;
    engine_takes(a);
    return false;
}

bool accel_debug_take_hit(Cpu *cpu, Gva *ret_at)
{
    AccelCpu *ac = cpu->accel_cpu;
    bool hit = ac->watch_hit;
    ac->watch_hit = false;
    *ret_at = ac->watch_at;
    return hit;
}
