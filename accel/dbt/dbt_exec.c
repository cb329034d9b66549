/* The engine's table and its loop: find or make the region, run it, look at how it was left.
 *
 * MXCSR is the guest's while generated code runs. On the way out its sticky flags are moved to cpu->ff; C
 * code here computes no floating point, so nothing else needs saving.
 */
#include "accel/dbt/dbt.h"
#include "base/fmt.h"
#include "base/sys.h"

#include <elf.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <xmmintrin.h>

enum { DEFAULT_CACHE = 256 << 20, SMALLEST_CACHE = 1 << 20, MXCSR_MASKS = 0x1f80, MAX_VICTIMS = 64 };

/* Regions, from which on a program counts as large. The jump cache is the faster way back from a call while
 * it and the host's predictions fit; measured in docs/adr/0014-return-stack.md. */
enum { RETURNS_FROM = 16384, LOOK_EVERY = 16 /* regions */ };

static Dbt *dbt_of(const Cpu *cpu) { return cpu->accel->engine_data; }

static void *map_for_cache(void *accel, size_t bytes) { return accel_map(accel, bytes); }

static int32_t engine_offset(const Accel *a) /* from the cpu object to AccelCpu.engine */
{
    return (int32_t)offsetof(AccelCpu, engine) - (int32_t)accel_cpu_head(a);
}

_Static_assert(offsetof(Cpu, ret_top) + 128 == X64_ENV_BIAS,
               "a byte away: from ret_top to the ISA's 30th register");

static bool known(void *dbt, Gva pc, uint32_t ctx) { return dbt_map_known(&((Dbt *)dbt)->map, pc, ctx); }

static bool map_tables(Dbt *d)
{
    d->map.cache = &d->cache;
    d->map.scatter = d->accel->cfg.machine != NULL;
    d->map.mask = (1u << DBT_HASH_FIRST_BITS) - 1;
    size_t table = (sizeof(d->map.table[0]) << DBT_HASH_BITS) + 4096; /* some to spare: X64Lookup */
    size_t page = sizeof(d->map.page[0]) << DBT_PAGE_BITS;
    char *tables = accel_map(d->accel, table + page + (1u << DBT_FILTER_BITS) / 8);
    if (!tables)
        return false;
    d->map.table = (DbtEntry *)(void *)tables;
    d->map.page = (DbtPage *)(void *)(tables + table);
    d->map.filter = (uint64_t *)(void *)(tables + table + page);
    return true;
}

_Static_assert((int)MMU_LOOPS == (int)X64_LOOP_SETS && (int)MMU_LOOP_GROUPS == (int)X64_SHARED &&
                   sizeof(((MmuLoops *)0)->set[0]) == 8 * X64_SHARED * X64_LOOP_WORDS,
               "what the back end takes them for");

/* What the back end has to know of this engine. */
static void init_host(Dbt *d)
{
    Accel *a = d->accel;
    uint32_t off = a->cfg.no_opt;
    int32_t e = engine_offset(a);
    X64Layout at = {
        .kick = offsetof(Cpu, kick), .pc = offsetof(Cpu, pc), .ctx = offsetof(Cpu, ctx),
        .ff = offsetof(Cpu, ff), .frm = offsetof(Cpu, frm),
        .link = offsetof(Cpu, link), .host_fp = offsetof(Cpu, host_fp), .unit_live = offsetof(Cpu, unit_live),
        .soft = e + (int32_t)offsetof(DbtCpu, soft), .save = e + (int32_t)offsetof(DbtCpu, save),
        .args = e + (int32_t)offsetof(DbtCpu, args),
        .fl_loop = e + (int32_t)offsetof(DbtCpu, fl_loop),
        .jump_cache = e + (int32_t)(a->cfg.machine ? align_up(sizeof(DbtCpu), 64) : offsetof(DbtCpu, jump)),
        .ret_top = offsetof(Cpu, ret_top), .shared = e + (int32_t)offsetof(DbtCpu, shared),
        .host_sp = e + (int32_t)offsetof(DbtCpu, host_sp), .spill = e + (int32_t)offsetof(DbtCpu, spill),
    };
    uint32_t x64_off =
        (off & ACCEL_NO_PINS ? X64_NO_PINS : 0) | (off & ACCEL_NO_JUMP_CACHE ? X64_NO_JUMP_CACHE : 0) |
        (off & ACCEL_NO_FOLD ? X64_NO_FUSE : 0) | (off & ACCEL_NO_LAZY_NAN ? X64_NO_LAZY_NAN : 0) |
        (off & ACCEL_NO_LOOP_PINS ? X64_NO_LOOP_PINS : 0) |
        (off & ACCEL_NO_LAZY_FLAGS ? X64_NO_LAZY_FLAGS : 0) | X64_NO_RETURN_STACK |
        (off & ACCEL_NO_TLB ? X64_NO_TLB : 0) | (off & ACCEL_NO_SHARED_CHECKS ? X64_NO_SHARED_CHECKS : 0);
    x64_host_init(&d->host, a->host, x64_off, a->ops->slots, a->ops->n_slots,
                  a->ops->insn_align, &at);
    d->host.rx_delta = d->cache.rx - d->cache.rw;
    d->host.unit_load = a->ops->unit_load;
    d->host.pc32 = a->ops->elf_class == ELFCLASS32;
    int32_t hot = (int32_t)offsetof(AccelCpu, hot) - (int32_t)accel_cpu_head(a);
    d->host.paged = (X64Paged){.on = a->cfg.machine != NULL, .tlb_entries = TLB_ENTRIES,
                               .tlb = hot + (int32_t)offsetof(MmuHot, tlb),
                               .jump_key = hot + (int32_t)offsetof(MmuHot, jump_key),
                               .pc_delta = offsetof(Cpu, pc_delta),
                               .loops = hot + (int32_t)offsetof(MmuHot, loops),
                               .place = hot + (int32_t)offsetof(MmuHot, fetched), .places = FETCH_PLACES,
                               .n_idx = a->ops->sys ? a->ops->sys->n_idx : 0,
                               .fn = softmmu_access};
    d->host.checked = d->fp_checked;
    d->host.count = a->cfg.log & ACCEL_LOG_STATS ? accel_map(a, X64_COUNTS * sizeof(uint64_t)) : NULL;
    d->hot = a->cfg.log & ACCEL_LOG_STATS ? accel_map(a, DBT_MOST_HOT * sizeof(DbtHot)) : NULL;
    d->host.lookup = (X64Lookup){.table = d->map.table, .mask = &d->map.mask, .fold = DBT_HASH_FOLD,
                                 .pc = offsetof(DbtRegion, pc),
                                 .ctx = offsetof(DbtRegion, ctx), .blocked = offsetof(DbtRegion, blocked),
                                 .rx = offsetof(DbtRegion, rx)};
    if (d->host.paged.on)
        d->host.lookup.table = NULL; /* it has physical addresses */
    const TargetOps *other = a->ops->other;
    if (!other)
        return;
    x64_host_init(&d->other_host, a->host, x64_off, other->slots, other->n_slots, other->insn_align, &at);
    d->other_host.rx_delta = d->host.rx_delta;
    d->other_host.unit_load = d->host.unit_load;
    d->other_host.count = d->host.count;
    d->other_host.paged = d->host.paged;
    d->other_host.checked = d->host.checked;
    d->other_host.lookup = d->host.lookup;
}

static void emit_stubs(Dbt *d, CodeSegment *seg)
{
    X64Asm asmb;
    x64_init(&asmb, code_segment_rw(&d->cache, seg), SEG_BYTES);
    x64_stubs_emit(&d->host, &asmb);
    if (d->accel->ops->other)
        x64_stubs_emit(&d->other_host, &asmb);
}

/* The same for single steps. */
static X64Host for_steps(const X64Host *h)
{
    X64Host step = *h;
    step.no_opt |= X64_NO_JUMP_CACHE;
    step.exit_indirect = h->exit_indirect_plain;
    step.far_exit = h->far_exit_plain;
    return step;
}

static bool dbt_init(Accel *a, char *err, size_t err_cap)
{
    Dbt *d = accel_map(a, sizeof(*d));
    if (!d)
        return false;
    a->engine_data = d;
    d->accel = a;
    size_t bytes = a->cfg.cache_bytes ? a->cfg.cache_bytes : DEFAULT_CACHE;
    unsigned exit_bits = a->cfg.machine ? SEG_EXIT_BITS_PAGED : SEG_EXIT_BITS;
    while (!code_cache_init(&d->cache, bytes, exit_bits, map_for_cache, a, err, err_cap)) {
        if (d->cache.rw || bytes < SMALLEST_CACHE)
            return false;
        bytes /= 2; /* the address space is limited */
    }
    if (!map_tables(d))
        return false;
    uint32_t off = a->cfg.no_opt;
    d->trace = (SuperblockConfig){.ops = a->ops, .mem = &a->cfg.mem, .max_insns = a->cfg.max_insns,
                                  .no_opt = off,
                                  .known = known, .fetchable = dbt_fetchable, .opaque = d};
    init_host(d);
    d->trace.masked = x64_masked_lanes(d->host.features);
    CodeSegment *seg = code_cache_claim(&d->cache, 0); /* segment 0 */
    emit_stubs(d, seg);
    dbt_kept_init(d);
    d->step_host = for_steps(&d->host);
    d->other_step_host = for_steps(&d->other_host);
    d->returns_host = d->host;
    d->returns_host.no_opt &= ~X64_NO_RETURN_STACK;
    d->begun = !a->cfg.program_entry;
    d->returns_from = (off & ACCEL_NO_RETURN_STACK) || d->host.paged.on ? UINT32_MAX
                      : a->cfg.returns_from                             ? a->cfg.returns_from
                                                                        : RETURNS_FROM;
    seg->used = SEG_BYTES;
    seg->state = SEG_FIXED;
    return true;
}

static void dbt_clear(Accel *a)
{
    Dbt *d = a->engine_data;
    if (!d)
        return;
    code_cache_clear(&d->cache);
}

static size_t dbt_cpu_bytes(const Accel *a)
{
    size_t far = a->cfg.machine ? sizeof(DbtFarJump) * X64_FAR_ENTRIES : 0;
    return align_up(sizeof(DbtCpu), 64) + far;
}

static bool dbt_cpu_init(Cpu *cpu)
{
    dbt_cpu(cpu)->jump_ctx = (uint32_t)DBT_JUMPS_EMPTY;
    sys_mprotect(dbt_ret_guard(dbt_cpu(cpu)), DBT_PAGE, PROT_NONE);
    cpu->ret_top = x64_ret_clear(&dbt_of(cpu)->host, dbt_ret_stack(dbt_cpu(cpu)));
    dbt_jump_clear(dbt_cpu(cpu)->jump, 0); /* fresh memory: the others are zero, and not touched before they
                                            * are used */
    dbt_cpu(cpu)->gone = __atomic_load_n(&dbt_of(cpu)->map.n_gone, __ATOMIC_ACQUIRE);
    return true;
}

/* What the jump cache knows stays good: to the map it was a cpu that was outside for long. */
static void dbt_cpu_again(Cpu *cpu)
{
    DbtCpu *dc = dbt_cpu(cpu);
    uint32_t jump_ctx = dc->jump_ctx;
    uint64_t gone = dc->gone;
    uint32_t jump_misses = dc->jump_misses;
    memset(dc, 0, offsetof(DbtCpu, jump));
    dc->jump_misses = jump_misses;
    dc->jump_ctx = jump_ctx;
    dc->gone = gone;
    cpu->ret_top = x64_ret_clear(&dbt_of(cpu)->host, dbt_ret_stack(dc));
}

static void dbt_cpu_clear(Cpu *cpu)
{
    sys_mprotect(dbt_ret_guard(dbt_cpu(cpu)), DBT_PAGE, PROT_READ | PROT_WRITE);
}

/* ---- the loop ---- */

/* Sticky flags of the host that are the guest's. */
static uint32_t host_ff(const Cpu *cpu)
{
    uint32_t all = _mm_getcsr() & 0x3f;
    return cpu->ops->nan == IR_NAN_X86 ? all : all & ~(uint32_t)IR_FF_DENORM;
}

/* Invalid and others are unmasked for Arm's NaN policy: x64.h. */
static uint32_t guest_mxcsr(const Cpu *cpu)
{
    static const uint16_t rc[4] = {[IR_RNE] = 0, [IR_RTZ] = 3, [IR_RDN] = 1, [IR_RUP] = 2};
    uint32_t masks = MXCSR_MASKS;
    if (cpu->ops->nan == IR_NAN_ARM)
        masks &= ~x64_arm_unmasked(cpu->ctx >> CTX_ARM_FP_SHIFT & CTX_ARM_FP_MASK);
    if (cpu->ops->nan == IR_NAN_X86)
        masks = cpu->ops->fp_modes(cpu);
    return masks | (cpu->frm < 4 ? (uint32_t)rc[cpu->frm] << 13 : 0);
}

static bool executable(const Dbt *d, const DbtRegion *r)
{
    const AccelMem *mem = &d->accel->cfg.mem;
    for (unsigned k = 0; k < r->n_runs; k++)
        if (mem->exec_bytes(mem->opaque, r->run[k].pc) < r->run[k].len)
            return false;
    return true;
}

/* A guarded region's pages have been written to, or may have been: stores to them shall be noticed again
 * before its bytes are compared. */
static bool guarded_again(const Dbt *d, const DbtRegion *r)
{
    const AccelMem *mem = &d->accel->cfg.mem;
    for (unsigned k = 0; r->guarded && k < r->n_runs; k++)
        if (mem->code_page(mem->opaque, align_down(r->run[k].pc, 4096), true) == ACCEL_CODE_UNNOTICED)
            return false;
    return true;
}

/* What stands there was made to run once. */
static void make_better(Dbt *d, DbtRegion *r)
{
    dbt_map_drop(&d->map, r);
    accel_kick_running(d->accel); /* nobody is told of it any more when its bytes change */
}

static DbtRegion *region_at(Dbt *d, Cpu *cpu, bool loop_head)
{
    if (d->host.paged.on)
        return dbt_paged_region(d, cpu, loop_head);
    for (DbtRegion *r; (r = dbt_map_find(&d->map, cpu->pc, cpu->ctx));) {
        if (UNLIKELY(loop_head && r->brief)) {
            make_better(d, r);
            continue;
        }
        if (LIKELY(dbt_region_checked(&d->map, r)))
            return r;
        uint64_t generation = __atomic_load_n(&d->map.generation, __ATOMIC_ACQUIRE);
        if (dbt_map_check(&d->map, r, generation, executable(d, r) && guarded_again(d, r)))
            return r;
    }
    return dbt_translate(d, cpu, loop_head);
}

/* After an exit by id: either cpu->exit is filled in (false) or the next region is to be found at cpu->pc. */
static bool left_by_exit(Dbt *d, Cpu *cpu, uint32_t id)
{
    const ExitInfo *x = &d->cache.exit[id];
    /* Another thread may have made the region, and a slot alone have led here: this pairs with its
     * publication. */
    (void)__atomic_load_n(&d->cache.segment[id >> d->cache.exit_bits].n_regions, __ATOMIC_ACQUIRE);
    cpu->pc = x->pc + cpu->pc_delta;
    if (x->kind == IR_EXIT_RAISE) {
        cpu->exit = (CpuExit){.kind = x->code};
        return false;
    }
    return true;
}

static bool kicked(Cpu *cpu)
{
    if (LIKELY(!__atomic_load_n(&cpu->kick, __ATOMIC_ACQUIRE)))
        return false;
    cpu->exit = (CpuExit){.kind = CPU_EXIT_KICK};
    return true;
}

/* What jump cache and return stack know that is not true any more. */
static void forget_stale(Dbt *d, Cpu *cpu)
{
    DbtCpu *dc = dbt_cpu(cpu);
    bool empty = dc->jump_ctx == (uint32_t)DBT_JUMPS_EMPTY;
    bool clear = UNLIKELY(dc->jump_ctx != cpu->ctx) && !empty && !(cpu->ctx & CTX_STEP);
    /* After the state RUNNING was stored: who makes regions unreachable then looks at the states
     * (kick_others). */
    if (d->host.paged.on) {
        if (UNLIKELY(__atomic_load_n(&d->map.n_gone, __ATOMIC_SEQ_CST) != dc->gone))
            dbt_paged_forget(d, cpu);
        return;
    }
    if (UNLIKELY(__atomic_load_n(&d->map.n_gone, __ATOMIC_SEQ_CST) != dc->gone))
        clear |= !dbt_map_forget(&d->map, &dc->gone, dc->jump, d->host.insn_shift);
    if (UNLIKELY(clear)) {
        dbt_jumps_clear(dc->jump);
        cpu->ret_top = x64_ret_clear(&d->host, dbt_ret_stack(dc));
    }
    if (!(cpu->ctx & CTX_STEP))
        dc->jump_ctx = cpu->ctx;
}

/* The program has become large: what runs from now on is translated anew, with the return stack. */
static bool becomes_large(const Dbt *d, const Cpu *cpu)
{
    uint32_t n = __atomic_load_n(&d->map.n_entries, __ATOMIC_RELAXED);
    if (LIKELY(cpu->ctx & (CTX_RETURNS | CTX_STEP)) || d->returns_from == UINT32_MAX)
        return false;
    const AccelMem *mem = &d->accel->cfg.mem;
    if (n >= d->returns_from)
        return true;
    return n % LOOK_EVERY == 0 && mem->code_size &&
           mem->code_size(mem->opaque, cpu->pc) >= ACCEL_LARGE_CODE;
}

/* A jump back is taken for a loop's, which is worth a long trace; at first, when it has come often, and is
 * not linked before. */
static bool is_loop(const Dbt *d, ExitInfo *x)
{
    uint8_t n = __atomic_load_n(&x->visits, __ATOMIC_RELAXED);
    if (n >= DBT_START_ROUNDS || !dbt_starting(d))
        return true;
    __atomic_store_n(&x->visits, (uint8_t)(n + 1), __ATOMIC_RELAXED);
    return false;
}

static void remember_jump(Dbt *d, Cpu *cpu, const DbtRegion *r)
{
    DbtCpu *dc = dbt_cpu(cpu);
    if (UNLIKELY(dc->jump_misses < DBT_JUMPS_ALL) && ++dc->jump_misses == DBT_JUMPS_ALL) {
        char *first = (char *)align_up((uintptr_t)dc->jump, DBT_PAGE);
        sys_madvise(first, (size_t)((char *)&dc->jump[X64_JC_ENTRIES] - first), MADV_POPULATE_WRITE);
    }
    dc->jump[x64_near_index(cpu->pc, d->host.insn_shift)] = (DbtJump){.pc = cpu->pc, .rx = r->rx};
}

/* What region r was come to by: the way is remembered, for the next time. evicted: Dbt.stats of before r was
 * looked for. That may have waited for other cpus, who changed the mapping, or made room. */
static void remember_way(Dbt *d, Cpu *cpu, DbtRegion *r, int64_t link, bool loop, uint64_t evicted)
{
    bool paged = d->host.paged.on;
    if (link >= 0) {
        const ExitInfo *x = &d->cache.exit[link];
        bool stands = !paged || (x->pc == r->pc && d->stats.evicted == evicted);
        bool chain = !(d->accel->cfg.no_opt & ACCEL_NO_CHAIN);
        if (chain && stands && x->kind == IR_EXIT_DIRECT && x->back == loop)
            dbt_map_link(&d->map, (uint32_t)link, r);
    } else if (link == X64_ID_INDIRECT && paged) {
        dbt_paged_remember(d, cpu, r);
    } else if (link == X64_ID_INDIRECT && dbt_region_checked(&d->map, r)) { /* translated across a fence it is
                                                                             * not */
        remember_jump(d, cpu, r);
    }
}

/* Where to go on from an exit by `link`, running address. 0: cpu->exit is filled in. */
static uint64_t code_at(Dbt *d, Cpu *cpu, int64_t link)
{
    uint64_t rx = link == X64_ID_INDIRECT && d->host.paged.on ? dbt_paged_again(d, cpu) : 0;
    if (rx)
        return rx;
    bool loop = link >= 0 && d->cache.exit[link].back && is_loop(d, &d->cache.exit[link]);
    uint64_t evicted = d->stats.evicted;
    DbtRegion *r = region_at(d, cpu, loop);
    if (UNLIKELY(!r))
        return 0;
    remember_way(d, cpu, r, link, loop, evicted);
    return r->rx;
}

static void run_loop(Dbt *d, Cpu *cpu)
{
    typedef int Enter(Cpu *cpu, uint64_t rx);
    Enter *enter = (Enter *)(uintptr_t)(dbt_host(d, cpu->ctx)->enter + d->host.rx_delta);
    bool stats = (d->accel->cfg.log & ACCEL_LOG_STATS) != 0;
    int64_t link = INT64_MIN;
    for (;;) {
        if (kicked(cpu) && !(cpu->ctx & CTX_STEP)) /* a step is one, whoever kicks */
            return;
        if (UNLIKELY(becomes_large(d, cpu))) {
            cpu->ctx |= CTX_RETURNS;
            forget_stale(d, cpu);
            link = INT64_MIN;
        }
        uint64_t rx = code_at(d, cpu, link);
        if (UNLIKELY(!rx))
            return;
        if (UNLIKELY(d->accel->cfg.log & (ACCEL_LOG_CPU | ACCEL_LOG_EXEC))) {
            cpu->ff |= host_ff(cpu);
            accel_log_cpu(cpu);
        }
        if (UNLIKELY(stats)) {
            __atomic_fetch_add(&d->stats.entries, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&d->stats.indirect, link == X64_ID_INDIRECT, __ATOMIC_RELAXED);
        }
        if (d->host.paged.on) /* names of loops that are gone are given again */
            memset(((AccelCpu *)cpu->accel_cpu)->hot.loops.owner, 0, sizeof(((MmuHot *)0)->loops.owner));
        link = enter(cpu, rx);
        if (link >= 0) {
            if (!left_by_exit(d, cpu, (uint32_t)link))
                return;
        } else if (link != X64_ID_INDIRECT) {
            return; /* fault or helper: exit is filled in */
        }
        if (cpu->ctx & CTX_STEP) {
            cpu->exit = (CpuExit){.kind = CPU_EXIT_KICK};
            return;
        }
    }
}

/* Generated code until something happens. True: after an instruction that was the interpreter's, go on. */
static bool run_once(Dbt *d, Cpu *cpu)
{
    DbtCpu *dc = dbt_cpu(cpu);
    bool noted = (cpu->ctx & CTX_STEP) && cpu_hooks(cpu)->note;
    if (LIKELY(!noted)) {
        forget_stale(d, cpu);
        run_loop(d, cpu);
        if (LIKELY(!dc->fp_trap && !dc->too_complex))
            return false;
    }
    if (!dbt_step(d, cpu))
        return false;
    bool px = cpu->ops->nan == IR_NAN_ARM && (cpu->ctx >> CTX_ARM_FP_SHIFT & IR_FP_PX);
    if (px && (cpu->ff & IR_FF_INEXACT)) {
        cpu->exit = (CpuExit){.kind = CPU_EXIT_CTX}; /* from now on it need not trap */
        return false;
    }
    if (cpu->ctx & CTX_STEP)
        cpu->exit = (CpuExit){.kind = CPU_EXIT_KICK};
    return !(cpu->ctx & CTX_STEP);
}

static void dbt_run(Cpu *cpu)
{
    Dbt *d = dbt_of(cpu);
    uint32_t want = guest_mxcsr(cpu);
    if (_mm_getcsr() != want)
        _mm_setcsr(want);
    while (run_once(d, cpu)) {}
    cpu->ff |= host_ff(cpu);
}

/* ---- what changes code ---- */

/* Cpus that are in generated code come out at their next poll, and take what has gone from their jump
 * caches. */
void dbt_invalidate(Accel *a, Gva start, uint64_t len)
{
    Dbt *d = a->engine_data;
    unsigned n = dbt_map_invalidate(&d->map, start, len);
    if (n == 0)
        return;
    __atomic_fetch_add(&d->stats.invalidated, n, __ATOMIC_RELAXED);
    accel_kick_running(a);
}

static void dbt_recheck(Accel *a, Gva start, uint64_t len)
{
    Dbt *d = a->engine_data;
    if (dbt_map_recheck(&d->map, start, len))
        accel_kick_running(a);
}

/* This cpu removes what has gone before it runs on, others when they come out: at once, if the fence is for
 * all. */
static void dbt_fence_i(Cpu *cpu, bool all)
{
    dbt_map_fence(&dbt_of(cpu)->map);
    if (all)
        accel_kick_running(cpu->accel);
}

/* New code at old addresses: other processors must not run what they fetched before (rules.md 8). */
static void sync_cores(void)
{
    enum { SYNC = MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE };
    if (sys_is_err(sys_call2(SYS_membarrier, SYNC, 0)) &&
        !sys_is_err(sys_call2(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0)))
        sys_call2(SYS_membarrier, SYNC, 0);
    /* Refused by a filter: what remains is that replacing a mapping interrupts the processors that use it. */
}

static void evict(Dbt *d, bool oldest)
{
    CodeSegment *victim[MAX_VICTIMS];
    unsigned n = code_cache_victims(&d->cache, oldest, victim, ARRAY_SIZE(victim));
    for (unsigned k = 0; k < n; k++) {
        dbt_map_evict(&d->map, victim[k]);
        code_cache_recycle(&d->cache, victim[k]);
    }
    d->stats.evicted += n;
    if (n)
        sync_cores();
    if (code_cache_hopeless(&d->cache)) {
        fmt_err("the host has no memory left for generated code");
        sys_exit_group(1);
    }
}

static void make_room(Dbt *d, uint32_t want)
{
    lock_take(&d->cache.lock);
    if (d->cache.lock.broken)
        dbt_map_repair(&d->map);
    if (want & DBT_WANT_ROOM)
        evict(d, false);
    if ((want & DBT_WANT_TABLES) || d->cache.lock.broken || dbt_map_wants_rebuild(&d->map)) {
        d->cache.lock.broken = 0;
        dbt_map_rebuild(&d->map);
        d->stats.rebuilds++;
    }
    if (dbt_map_crowded(&d->map))
        evict(d, true);
    lock_release(&d->cache.lock);
}

/* The cache or a table is full: with everybody out, some of the code goes. */
static void dbt_outside(Cpu *cpu)
{
    Dbt *d = dbt_of(cpu);
    if (!__atomic_load_n(&d->want, __ATOMIC_ACQUIRE))
        return;
    accel_exclusive_begin(cpu);
    uint32_t want = __atomic_exchange_n(&d->want, 0, __ATOMIC_ACQ_REL);
    if (want)
        make_room(d, want);
    accel_exclusive_end(cpu);
}

static void dbt_thread_died(Accel *a, uint32_t tid)
{
    lock_owner_died(&((Dbt *)a->engine_data)->cache.lock, tid);
}

static void dbt_fork_prepare(Accel *a) { lock_take(&((Dbt *)a->engine_data)->cache.lock); }

static void dbt_fork_done(Accel *a, bool child)
{
    Dbt *d = a->engine_data;
    if (child) {
        code_cache_fork_child(&d->cache);
        dbt_hints_fork_child(d);
        dbt_kept_fork_child(d);
        dbt_stats_fork_child(d);
    }
    lock_release(&d->cache.lock);
}

const AccelOps accel_engine_dbt = {
    .cpu_bytes = dbt_cpu_bytes,
    .init = dbt_init,
    .clear = dbt_clear,
    .cpu_init = dbt_cpu_init,
    .cpu_clear = dbt_cpu_clear,
    .cpu_again = dbt_cpu_again,
    .run = dbt_run,
    .outside = dbt_outside,
    .invalidate = dbt_invalidate,
    .recheck = dbt_recheck,
    .fence_i = dbt_fence_i,
    .fault = dbt_fault,
    .region_of = dbt_region_of,
    .unit_insn = dbt_unit_insn,
    .stats = dbt_stats,
    .each_region = dbt_each_region,
    .thread_died = dbt_thread_died,
    .fork_learn = dbt_hints_learn,
    .fork_prepare = dbt_fork_prepare,
    .fork_done = dbt_fork_done,
};
