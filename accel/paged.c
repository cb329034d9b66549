/* Regions of machines: from a virtual address to a page of code and its bytes
 * (docs/adr/0018-system-memory.md). */
#include "accel/accel_priv.h"

const FetchPlace *accel_locate(Cpu *cpu, Gva *ret_key)
{
    const FetchPlace *p = softmmu_fetch(cpu, cpu->pc & ~cpu_isa(cpu)->pc_tag);
    if (!p)
        return NULL;
    cpu->pc_delta = p->page - p->pa;
    *ret_key = cpu->pc - cpu->pc_delta;
    return p;
}

/* The page behind that of cpu->pc. */
static Gva next_page(const Cpu *cpu) { return align_down(cpu->pc & ~cpu_isa(cpu)->pc_tag, 4096) + 4096; }

static bool second_page(void *opaque, Gva *ret_page, const uint8_t **ret_bytes)
{
    Cpu *cpu = opaque;
    const FetchPlace *p = softmmu_fetch(cpu, next_page(cpu));
    if (!p)
        return false;
    softmmu_code_page(cpu, p->pa);
    *ret_page = p->pa;
    *ret_bytes = p->host;
    return true;
}

bool accel_second_agrees(Cpu *cpu, uint64_t second)
{
    const FetchPlace *p = softmmu_fetch(cpu, next_page(cpu));
    return p && p->pa == second;
}

static bool marked(Accel *a, const Superblock *sb)
{
    bool all = true;
    for (unsigned k = 0; k < sb->n_runs; k++)
        all &= softmmu_mark_code(a, sb->run[k].pc, sb->run[k].len);
    return all;
}

/* Are the bytes that the region was made from still there, now that stores to them are seen? */
static bool bytes_stand(Cpu *cpu, const FetchPlace *at, const Superblock *sb)
{
    const uint8_t *have = sb->bytes;
    for (unsigned k = 0; k < sb->n_runs; k++) {
        const SuperblockRun *run = &sb->run[k];
        const uint8_t *page = at->host;
        if (align_down(run->pc, 4096) != at->pa) {
            const FetchPlace *p = softmmu_fetch(cpu, next_page(cpu));
            if (!p || p->pa != sb->second)
                return false;
            page = p->host;
        }
        if (memcmp(page + (run->pc & 4095), have, run->len) != 0)
            return false;
        have += run->len;
    }
    return true;
}

static bool stops_at(void *opaque, Gva pc) { return accel_debug_stops_at(((Cpu *)opaque)->accel, pc); }

static bool build_user(const SuperblockConfig *base, Arena *arena, IrBuilder *b, Cpu *cpu, uint32_t ctx,
                       Superblock *ret)
{
    SuperblockConfig cfg = *base;
    cfg.cpu = cpu;
    cfg.second_opaque = cpu;
    cfg.stops_at = UNLIKELY(cpu->accel->debug.n_breaks) ? stops_at : NULL;
    if (superblock_build(&cfg, arena, b, cpu->pc, ctx, ret))
        return true;
    cpu->exit = (CpuExit){.kind = CPU_EXIT_FETCH, .addr = ret->fault};
    return false;
}

/* Making a page one of code may wait for the others, and then do what they asked: the cpu's pc need not be in
 * that page any more, nor what follows in the other. */
static bool still_at(Cpu *cpu, const FetchPlace *was, const Superblock *sb)
{
    Gva key;
    const FetchPlace *p = accel_locate(cpu, &key);
    return p && p->pa == was->pa && (!sb->second || accel_second_agrees(cpu, sb->second));
}

bool accel_build_goes_on(Cpu *cpu, unsigned tries)
{
    enum { MOST = 8 };
    if (tries < MOST || !cpu->accel->cfg.machine || !(cpu->ctx & CTX_PARALLEL))
        return true;
    cpu->exit = (CpuExit){.kind = CPU_EXIT_EXCLUSIVE};
    return false;
}

static bool build_at(const SuperblockConfig *cfg, Arena *arena, IrBuilder *b, Cpu *cpu, uint32_t ctx,
                     const FetchPlace *at, Superblock *ret)
{
    softmmu_code_page(cpu, at->pa);
    return superblock_build(cfg, arena, b, cpu->pc - cpu->pc_delta, ctx, ret);
}

bool accel_build(const SuperblockConfig *base, Arena *arena, IrBuilder *b, Cpu *cpu, uint32_t ctx,
                 Superblock *ret)
{
    Gva key;
    if (!cpu->accel->cfg.machine)
        return build_user(base, arena, b, cpu, ctx, ret);
    SuperblockConfig cfg = *base;
    cfg.cpu = cpu;
    size_t mark = arena->used;
    cfg.second = second_page;
    cfg.second_opaque = cpu;
    cfg.stops_at = cpu->accel->debug.n_breaks ? stops_at : NULL;
    for (unsigned tries = 0; accel_build_goes_on(cpu, tries); tries++) {
        const FetchPlace *at = accel_locate(cpu, &key);
        if (!at)
            return false;
        const FetchPlace here = *at; /* the second page may take its place */
        cfg.page = here.host;
        cfg.even = softmmu_even(cpu->accel, here.pa);
        arena_rewind(arena, mark);
        bool built = build_at(&cfg, arena, b, cpu, ctx, &here, ret);
        if (!still_at(cpu, &here, ret))
            continue;
        if (!built)
            return false;
        if (marked(cpu->accel, ret) && bytes_stand(cpu, &here, ret))
            return true;
    }
    return false;
}
