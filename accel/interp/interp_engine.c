/*
 * The engine without generated code: superblocks run by the IR interpreter.
 *
 * Each cpu has a cache of its own: an open hash table from (pc, ctx) to a region in an arena, so that no lock
 * stands in the run loop. The cache is emptied as a whole: when it is full, at a fence.i with regions from
 * pages that the guest can write, and when the Accel-wide `generation` has moved (accel_invalidate). A
 * region's loop passes MAX_LOOPS polls before the run loop looks at the generation again.
 * Most ranges that a program maps and unmaps never held code: `pages` remembers (by hash, never forgetting)
 * which did, and other ranges change nothing. A region being built while its page goes away is seen by
 * `attempts`: the builder marks the pages and then looks whether attempts moved, the other side moves it and
 * then looks at the pages.
 */
#include "accel/accel_priv.h"

#include "base/fmt.h"
#include "tcg/ir/verify.h"
#include "tcg/opt/passes.h"

enum {
    TABLE_SIZE = 8192,
    TABLE_FULL = TABLE_SIZE * 3 / 4,
    CACHE_BYTES = 16 << 20,
    SCRATCH_BYTES = 1 << 20,
    REGION_INSNS = 48, /* guest instructions: building is dearer than a few returns to the run loop */
    MAX_LOOPS = 4096,
    PAGE_WORDS = 1024,
};

typedef struct InterpRow {
    uint64_t pc;
    const IrRegion *region; /* NULL: free */
    uint32_t ctx;
    uint64_t second;        /* Superblock.second */
} InterpRow;

typedef struct InterpCpu {
    uint64_t generation; /* of the Accel, when the cache was last known to be good */
    unsigned n_rows;
    Arena cache;         /* regions */
    Arena scratch;       /* the region being built */
    const IrRegion *running;
    IrBuilder builder;
    uint64_t val[IR_MAX_INSNS];
    IrVec vec[IR_MAX_INSNS]; /* touched by regions with vectors only */
    InterpRow row[TABLE_SIZE];
} InterpCpu;

typedef struct InterpEngine {
    uint64_t generation; /* moves when a page with code was invalidated */
    uint64_t attempts;   /* moves with every accel_invalidate() */
    bool writable;       /* some region came from a page that the guest can write */
    uint64_t pages[PAGE_WORDS];
} InterpEngine;

static InterpCpu *interp_cpu(Cpu *cpu) { return (InterpCpu *)(void *)((AccelCpu *)cpu->accel_cpu)->engine; }

static size_t cache_bytes(const Accel *a)
{
    return a->cfg.cache_bytes ? align_up(a->cfg.cache_bytes, 4096) : CACHE_BYTES;
}

static size_t engine_cpu_bytes(const Accel *a)
{
    return sizeof(InterpCpu) + 4096 + SCRATCH_BYTES + cache_bytes(a);
}

static bool engine_init(Accel *a, char *err, size_t err_cap)
{
    a->engine_data = accel_map(a, sizeof(InterpEngine));
    if (!a->engine_data) {
        Fmt f = {.buf = err, .cap = err_cap};
        fmt_puts(&f, "no memory for the interpreter");
    }
    return a->engine_data != NULL;
}

static void engine_clear(Accel *a) { accel_unmap(a, a->engine_data, sizeof(InterpEngine)); }

static bool engine_cpu_init(Cpu *cpu)
{
    InterpCpu *e = interp_cpu(cpu);
    char *mem = (char *)align_up((uintptr_t)(e + 1), 4096);
    e->scratch = (Arena){.base = mem, .limit = SCRATCH_BYTES};
    e->cache = (Arena){.base = mem + SCRATCH_BYTES, .limit = cache_bytes(cpu->accel)};
    return true;
}

static void engine_cpu_clear(Cpu *cpu) { (void)cpu; }

/* ---- cache ---- */

static void cache_flush(InterpCpu *e)
{
    if (e->n_rows)
        memset(e->row, 0, sizeof e->row);
    e->n_rows = 0;
    arena_rewind(&e->cache, 0);
}

static InterpRow *cache_find(InterpCpu *e, Gva pc, uint32_t ctx)
{
    unsigned at = (unsigned)((pc + ctx) * 0x9e3779b97f4a7c15ull >> 40) % TABLE_SIZE;
    while (e->row[at].region && (e->row[at].pc != pc || e->row[at].ctx != ctx))
        at = (at + 1) % TABLE_SIZE;
    return &e->row[at];
}

static uint64_t *page_word(InterpEngine *shared, Gva page, uint64_t *ret_bit)
{
    uint64_t h = (page >> 12) * 0x9e3779b97f4a7c15ull >> 48;
    *ret_bit = 1ull << (h & 63);
    return &shared->pages[h >> 6];
}

static void pages_mark(InterpEngine *shared, const Superblock *sb)
{
    for (unsigned n = 0; n < sb->n_runs; n++) {
        uint64_t bit, *word = page_word(shared, sb->run[n].pc, &bit);
        if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit))
            __atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static bool pages_hit(InterpEngine *shared, Gva start, uint64_t len)
{
    if (len > 4096ull * PAGE_WORDS)
        return true;
    for (Gva page = align_down(start, 4096); page < start + len; page += 4096) {
        uint64_t bit, *word = page_word(shared, page, &bit);
        if (__atomic_load_n(word, __ATOMIC_SEQ_CST) & bit)
            return true;
    }
    return false;
}

/* This engine is the reference, so it looks at each region before it believes it. The passes run for their
 * own sake: they are tried on every program, and what they remove is not interpreted a thousand times. */
static void region_prepare(const Accel *a, IrRegion *r)
{
    char what[256] = "";
    Fmt f = FMT_ON(what);
    bool ok = ir_verify(r, &f);
    if (ok && !(a->cfg.no_opt & ACCEL_NO_FOLD)) {
        ir_opt_dead_puts(r);
        ir_opt_dce(r);
        ok = ir_verify(r, &f);
    }
    if (ok)
        return;
    fmt_err("internal error: the region at 0x%lx is not valid: IR %s", (unsigned long)r->pc, what);
    __builtin_trap();
}

/* Builds the region at cpu->pc. NULL: the bytes cannot be fetched, and cpu->exit says so. */
static const IrRegion *cache_build(Cpu *cpu, InterpCpu *e)
{
    Accel *a = cpu->accel;
    SuperblockConfig cfg = {.ops = cpu_isa(cpu),
                            .mem = &a->cfg.mem,
                            .max_insns = a->cfg.max_insns ? a->cfg.max_insns : REGION_INSNS,
                            .no_opt = a->cfg.no_opt,
                            .masked = 15};
    InterpEngine *shared = a->engine_data;
    Superblock sb;
    uint64_t attempts;
    unsigned tries = 0;
    do {
        if (!accel_build_goes_on(cpu, tries++))
            return NULL;
        attempts = __atomic_load_n(&shared->attempts, __ATOMIC_ACQUIRE);
        arena_rewind(&e->scratch, 0);
        if (!accel_build(&cfg, &e->scratch, &e->builder, cpu, cpu->ctx, &sb))
            return NULL;
        pages_mark(shared, &sb);
    } while (__atomic_load_n(&shared->attempts, __ATOMIC_SEQ_CST) != attempts);
    region_prepare(a, sb.region);
    accel_log_region(cpu, &sb);
    IrRegion *r = e->n_rows < TABLE_FULL ? ir_region_copy(&e->cache, sb.region) : NULL;
    if (!r) {
        cache_flush(e);
        r = ir_region_copy(&e->cache, sb.region);
        if (!r) /* the cache is smaller than one region */
            return sb.region;
    }
    InterpRow *row = cache_find(e, r->pc, cpu->ctx);
    e->n_rows += !row->region;
    *row = (InterpRow){.pc = r->pc, .region = r, .ctx = cpu->ctx, .second = sb.second};
    if (sb.writable)
        __atomic_store_n(&shared->writable, true, __ATOMIC_SEQ_CST);
    return r;
}

/* The region to run next; NULL: cpu->exit says why there is none. */
static const IrRegion *region_at(Cpu *cpu, InterpCpu *e)
{
    Gva pc = cpu->pc;
    if (cpu->accel->cfg.machine && !accel_locate(cpu, &pc))
        return NULL;
    const InterpRow *row = cache_find(e, pc, cpu->ctx);
    if (row->region && (!row->second || accel_second_agrees(cpu, row->second)))
        return row->region;
    return cache_build(cpu, e);
}

/* ---- running ---- */

static void engine_run(Cpu *cpu)
{
    InterpCpu *e = interp_cpu(cpu);
    const InterpEngine *shared = cpu->accel->engine_data;
    IrMachine m = {.cpu = cpu,
                   .val = e->val,
                   .vec = e->vec,
                   .kick = &cpu->kick,
                   .ff = &cpu->ff,
                   .frm = &cpu->frm,
                   .pc = &cpu->pc,
                   .access = cpu->accel->cfg.machine ? softmmu_access : NULL,
                   .max_loops = MAX_LOOPS};
    bool step = (cpu->ctx & CTX_STEP) != 0;
    if (step)
        m.note = cpu_hooks(cpu)->note;
    for (;;) {
        if (!step && __atomic_load_n(&cpu->kick, __ATOMIC_ACQUIRE))
            break;
        uint64_t generation = __atomic_load_n(&shared->generation, __ATOMIC_ACQUIRE);
        if (UNLIKELY(generation != e->generation)) {
            cache_flush(e);
            e->generation = generation;
        }
        const IrRegion *r = region_at(cpu, e);
        if (!r)
            return;
        m.pc_delta = cpu->pc_delta;
        if (cpu->ops->fp_modes)
            m.mxcsr = (uint16_t)cpu->ops->fp_modes(cpu);
        if (UNLIKELY(cpu->accel->cfg.log & (ACCEL_LOG_CPU | ACCEL_LOG_EXEC)))
            accel_log_cpu(cpu);
        IrRun run;
        e->running = r;
        ir_run(r, &m, &run);
        e->running = NULL;
        if (!accel_run_ended(cpu, r, &run))
            return;
        if (step)
            break;
    }
    cpu->exit.kind = CPU_EXIT_KICK;
}

static void engine_invalidate(Accel *a, Gva start, uint64_t len)
{
    InterpEngine *shared = a->engine_data;
    __atomic_fetch_add(&shared->attempts, 1, __ATOMIC_SEQ_CST);
    if (pages_hit(shared, start, len))
        __atomic_fetch_add(&shared->generation, 1, __ATOMIC_ACQ_REL);
}

static void engine_fence_i(Cpu *cpu, bool all)
{
    InterpEngine *shared = cpu->accel->engine_data;
    /* For all cpus in any case: what Arm's IC IVAU did here, another cpu's ISB sees there. */
    if (all || __atomic_load_n(&shared->writable, __ATOMIC_SEQ_CST))
        __atomic_fetch_add(&shared->generation, 1, __ATOMIC_ACQ_REL);
}

static bool engine_region_of(const Cpu *cpu, uint64_t host_pc, Gva *ret_pc)
{
    const InterpCpu *e = (const InterpCpu *)(const void *)((const AccelCpu *)cpu->accel_cpu)->engine;
    if (e->running)
        *ret_pc = e->running->pc + cpu->pc_delta;
    return e->running != NULL;
}

static bool engine_fault(Cpu *cpu, int sig, void *siginfo, void *ucontext) { return false; }
static void engine_fork_prepare(Accel *a) { (void)a; }
static void engine_fork_done(Accel *a, bool child) { (void)a; }

const AccelOps accel_engine_interp = {
    .cpu_bytes = engine_cpu_bytes,
    .init = engine_init,
    .clear = engine_clear,
    .cpu_init = engine_cpu_init,
    .cpu_clear = engine_cpu_clear,
    .run = engine_run,
    .invalidate = engine_invalidate,
    .fence_i = engine_fence_i,
    .fault = engine_fault,
    .region_of = engine_region_of,
    .fork_prepare = engine_fork_prepare,
    .fork_done = engine_fork_done,
};
