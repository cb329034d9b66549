/* From a guest address to a published region. No lock is held while translating; two threads may make the
 * same region, and both copies are right. The generation of the map tells whether the guest's bytes were
 * invalidated meanwhile, its fence whether they may have been written. */
#include "accel/dbt/dbt.h"
#include "base/fmt.h"
#include "base/sys.h"

#include <time.h>

enum { ARENA_BYTES = 1 << 20 };

_Static_assert((int)CACHE_STUB_BYTES == (int)X64_STUB_BYTES,
               "the cache leaves room for the back end's stubs");

DbtScratch *dbt_scratch_get(Dbt *d)
{
    DbtScratch *s = __atomic_exchange_n(&d->spare, NULL, __ATOMIC_ACQUIRE);
    if (LIKELY(s))
        return s;
    lock_take(&d->cache.lock);
    s = d->pool;
    if (s)
        d->pool = s->next;
    lock_release(&d->cache.lock);
    if (s)
        return s;
    s = accel_map(d->accel, sizeof(*s) + x64_emit_size);
    void *mem = s ? accel_map(d->accel, ARENA_BYTES) : NULL;
    if (!mem)
        return NULL;
    arena_init_static(&s->arena, mem, ARENA_BYTES);
    return s;
}

void dbt_scratch_put(Dbt *d, DbtScratch *s)
{
    DbtScratch *none = NULL;
    if (LIKELY(__atomic_compare_exchange_n(&d->spare, &none, s, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)))
        return;
    lock_take(&d->cache.lock);
    s->next = d->pool;
    d->pool = s;
    lock_release(&d->cache.lock);
}

static void log_code(Dbt *d, const DbtRegion *r, const uint8_t *rw)
{
    char line[128];
    accel_log(d->accel, "OUT: [size=%u]\n", r->size);
    for (uint32_t at = 0; at < r->size; at += 16) {
        Fmt f = FMT_ON(line);
        fmt_printf(&f, "0x%lx  ", (unsigned long)(r->rx + at));
        for (uint32_t k = at; k < MIN(at + 16, r->size); k++)
            fmt_printf(&f, "%02x", rw[k]);
        accel_log(d->accel, "%s\n", line);
    }
    accel_log(d->accel, "\n");
}

/* NULL: no room. */
static DbtRecovery *describe_faults(Arena *m, const X64Code *c, const IrRegion *ir)
{
    DbtRecovery *f = arena_new(m, DbtRecovery);
    X64Record *rec = arena_array(m, X64Record, c->n_records);
    X64Pin *pin = arena_array(m, X64Pin, c->n_loop_pins);
    X64FlRecipe *fl = arena_array(m, X64FlRecipe, c->n_fl);
    unsigned n_pcs = 0;
    for (unsigned k = 0; k < c->n_records; k++)
        n_pcs = MAX(n_pcs, c->record[k].ordinal + 1u);
    uint64_t *pcs = arena_array(m, uint64_t, n_pcs);
    if (!f || !rec || !pin || !fl || !pcs)
        return NULL;
    *f = (DbtRecovery){.record = rec, .loop_pin = pin, .fl = fl, .guest_pc = pcs,
                       .n_records = (uint16_t)c->n_records, .n_pcs = (uint16_t)n_pcs,
                       .n_loop_pins = (uint8_t)c->n_loop_pins, .n_fl = (uint8_t)c->n_fl};
    memcpy(rec, c->record, c->n_records * sizeof(*rec));
    memcpy(pin, c->loop_pin, c->n_loop_pins * sizeof(*pin));
    memcpy(fl, c->fl, c->n_fl * sizeof(*fl));
    memcpy(pcs, ir->guest_pc, n_pcs * sizeof(*pcs));
    return f;
}

static DbtBytes *describe_bytes(Arena *m, const Superblock *sb)
{
    DbtBytes *own = arena_new(m, DbtBytes);
    uint8_t *bytes = arena_array(m, uint8_t, sb->n_bytes);
    if (!own || !bytes)
        return NULL;
    *own = (DbtBytes){.bytes = memcpy(bytes, sb->bytes, sb->n_bytes)};
    return own;
}

/* The region's description, in the segment's own arena. NULL: no room there. */
static DbtRegion *describe(Dbt *d, CodeSegment *seg, const DbtScratch *s, uint32_t first_exit)
{
    const Superblock *sb = &s->sb;
    const IrRegion *ir = sb->region;
    Arena *m = &seg->meta;
    bool faults = s->code.n_records != 0;
    DbtRegion *r = arena_alloc(m, sizeof(*r) + sb->n_runs * sizeof(r->run[0]), 8);
    DbtRecovery *f = faults ? describe_faults(m, &s->code, ir) : NULL;
    DbtBytes *own = sb->writable ? describe_bytes(m, sb) : NULL;
    if (!r || !f != !faults || !own != !sb->writable)
        return NULL;
    *r = (DbtRegion){
        .pc = ir->pc, .ctx = ir->ctx, .size = s->code.size, .first_exit = first_exit,
        .n_exits = (uint16_t)ir->n_exits, .n_runs = (uint8_t)sb->n_runs,
        .dead = true, .blocked = true, .writable = sb->writable,
        .guarded = sb->writable && !sb->unnoticed && d->accel->ops->code_checks,
        .second = sb->second, .recovery = f, .own = own,
    };
    r->rx = code_segment_next(&d->cache, seg);
    for (unsigned k = 0; k < sb->n_runs; k++)
        r->run[k] = (DbtRun){.pc = sb->run[k].pc, .len = sb->run[k].len, .k = k};
    return r;
}

/* Behind the slot of a return's exit stands its address. */
static unsigned n_slots(const IrRegion *ir) { return ir->n_exits + (ir->ret_exit != 0); }

/* May it be a loop's? Not from page to page of a machine. */
static bool jumps_back(const Dbt *d, const IrRegion *ir, const IrExit *x)
{
    return x->poll && (!d->host.paged.on || (x->pc ^ ir->pc) < 4096);
}

static void set_exits(Dbt *d, const DbtRegion *r, const IrRegion *ir)
{
    for (unsigned k = 0; k < ir->n_exits; k++) {
        uint32_t id = r->first_exit + k;
        d->cache.exit[id] = (ExitInfo){.pc = ir->exit[k].pc, .kind = ir->exit[k].kind,
                                       .code = (uint8_t)ir->exit[k].code,
                                       .back = jumps_back(d, ir, &ir->exit[k])};
        d->cache.slot[id] = (uint64_t)(uintptr_t)d->cache.rx + code_cache_stub(&d->cache, id);
    }
    if (ir->ret_exit)
        d->cache.slot[r->first_exit + ir->n_exits] = ir->exit[ir->n_exits - 1].pc;
}

/* Its exits are set: there are as many slots. */
static void publish(CodeSegment *seg, DbtRegion *r, unsigned slots)
{
    seg->used = (uint32_t)align_up(seg->used + r->size, 16);
    seg->n_exits += slots;
    seg->region[seg->n_regions] = r;
    __atomic_store_n(&seg->n_regions, seg->n_regions + 1, __ATOMIC_RELEASE);
}

static void count(Dbt *d, const DbtRegion *r, const DbtScratch *s)
{
    DbtStats *st = &d->stats;
    __atomic_fetch_add(&st->regions, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&st->guest_insns, s->sb.region->n_guest, __ATOMIC_RELAXED);
    __atomic_fetch_add(&st->host_bytes, r->size, __ATOMIC_RELAXED);
    for (unsigned k = 0; k < r->n_runs; k++)
        __atomic_fetch_add(&st->guest_bytes, r->run[k].len, __ATOMIC_RELAXED);
}

unsigned dbt_fetchable(const void *dbt, const Cpu *cpu, Gva pc, bool notice, AccelCode *ret_code)
{
    const Dbt *d = dbt;
    const AccelMem *mem = &d->accel->cfg.mem;
    const Gva page = align_down(pc, DBT_PAGE);
    const unsigned left = (unsigned)(page + DBT_PAGE - pc);
    DbtStays *s = &dbt_cpu(cpu)->stays[page / DBT_PAGE % DBT_STAYS];
    uint64_t now = __atomic_load_n(&d->map.generation, __ATOMIC_ACQUIRE);
    *ret_code = ACCEL_CODE_STAYS;
    if (LIKELY(s->page == (page | 1) && s->generation == now))
        return left;
    unsigned n = mem->exec_bytes(mem->opaque, pc);
    if (n == 0)
        return 0;
    *ret_code = mem->code_page(mem->opaque, page, notice);
    if (*ret_code == ACCEL_CODE_STAYS && n >= left) /* permissions are a page's */
        *s = (DbtStays){.page = page | 1, .generation = now};
    return n;
}

/* One attempt at translating. */
typedef struct Attempt {
    Dbt *d;
    Cpu *cpu;
    DbtScratch *s;
    bool loop_head;
    unsigned max;  /* guest instructions; lowered when the region was too complex for the emitter */
    bool again;
    unsigned changed; /* how often it had to be begun again */
    unsigned n_insns; /* of the region that it has become */
    uint64_t look;    /* dbt_kept_look() */
    uint64_t generation, fence; /* of the map, before the guest's bytes were read */
} Attempt;

static DbtRegion *no_room(Attempt *t, uint32_t want)
{
    __atomic_fetch_or(&t->d->want, want, __ATOMIC_RELEASE);
    t->cpu->exit = (CpuExit){.kind = CPU_EXIT_CTX};
    return NULL;
}

/* The region is too much for the emitter. One instruction alone that is: the interpreter's. */
static DbtRegion *shorter(Attempt *t)
{
    const IrRegion *ir = t->s->sb.region;
    t->again = ir->n_guest > 1;
    t->max = ir->n_guest / 2;
    dbt_cpu(t->cpu)->too_complex = !t->again;
    return NULL;
}

static const X64Host *host_for(const Dbt *d, const Cpu *cpu)
{
    if (UNLIKELY(cpu->ctx & d->accel->ops->other_ctx))
        return cpu->ctx & CTX_STEP ? &d->other_step_host : &d->other_host;
    return cpu->ctx & CTX_STEP ? &d->step_host : cpu->ctx & CTX_RETURNS ? &d->returns_host : &d->host;
}

/* From the IR in t->s to a region in the segment, published but not inserted yet. */
static DbtRegion *emit(Attempt *t, CodeSegment *seg)
{
    Dbt *d = t->d;
    DbtScratch *s = t->s;
    X64Asm a;
    uint8_t *rw = code_segment_rw(&d->cache, seg);
    const bool counted = (d->accel->cfg.log & ACCEL_LOG_STATS) != 0;
    DbtHot *hot = UNLIKELY(counted) ? dbt_hot_new(d) : NULL;
    bool empty = seg->used == 0;
    code_segment_populate(&d->cache, seg);
    x64_init(&a, rw + seg->used, d->cache.limit - seg->used);
    uint32_t first = code_segment_first_exit(&d->cache, seg) + seg->n_exits;
    X64Exits exits = {.first_id = first,
                      .slots_rx = (uint64_t)(uintptr_t)&d->cache.slot[first],
                      .stubs = d->cache.rw + code_cache_stub(&d->cache, first),
                      .runs = hot ? &hot->runs : NULL};
    X64Result res = x64_emit_region((X64Emit *)s->emit, host_for(d, t->cpu), s->sb.region, &s->live, &a,
                                    &exits, &s->code);
    if (res == X64_TOO_COMPLEX || (res == X64_NO_ROOM && empty))
        return shorter(t);
    DbtRegion *r = res == X64_OK ? describe(d, seg, s, first) : NULL;
    if (!r) { /* the segment is full */
        seg->used = d->cache.limit;
        t->again = true;
        return NULL;
    }
    r->brief = !t->loop_head && dbt_starting(d);
    set_exits(d, r, s->sb.region);
    publish(seg, r, n_slots(s->sb.region));
    if (UNLIKELY(d->kept.notes)) {
        const DbtNote *n = dbt_kept_note(d, seg, r, s, t->look);
        if (n && d->kept.compares)
            dbt_kept_compare(d, t->cpu, n, t->loop_head, &s->arena);
    }
    if (UNLIKELY(counted)) {
        count(d, r, s);
        dbt_hot_note(hot, t->cpu->pc, s->sb.region->n_guest, r->size);
    }
    if (UNLIKELY(d->accel->cfg.log & ACCEL_LOG_OUT_ASM) && accel_log_wants_region(t->cpu, &s->sb))
        log_code(d, r, rw + (r->rx - (uint64_t)(uintptr_t)d->cache.rx) % SEG_BYTES);
    return r;
}

static void observed(const Attempt *t, const DbtRegion *r)
{
    const AccelObserver *o = &t->d->accel->cfg.observer;
    const AccelRegion told = {.pc = t->cpu->pc,
                              .rx = (const void *)(uintptr_t)r->rx,
                              .size = r->size,
                              .n_insns = t->n_insns};
    o->region(o->opaque, &told);
}

/* Gives back the segment that r is in. */
static DbtRegion *insert(Attempt *t, DbtRegion *r, CodeSegment *seg)
{
    Dbt *d = t->d;
    switch (dbt_map_insert_release(&d->map, r, t->generation, t->fence, seg)) {
    case DBT_INSERTED:
        if (UNLIKELY(d->accel->cfg.observer.region != NULL))
            observed(t, r);
        return r;
    case DBT_CHANGED:
        t->again = true;
        t->changed++;
        return NULL;
    case DBT_FULL: return no_room(t, DBT_WANT_TABLES);
    }
    return NULL;
}

static void begin(Attempt *t)
{
    t->generation = __atomic_load_n(&t->d->map.generation, __ATOMIC_ACQUIRE);
    t->fence = __atomic_load_n(&t->d->map.fence, __ATOMIC_ACQUIRE);
    t->again = false;
}

/* A region that an earlier run has made. False: there is none, or it came to nothing: make one. */
static bool copy_kept(Attempt *t, DbtRegion **ret)
{
    Dbt *d = t->d;
    begin(t);
    t->look = dbt_kept_look(d, t->cpu);
    if (!t->look || d->kept.compares)
        return false;
    arena_rewind(&t->s->arena, 0);
    const KeptRegion *k = dbt_kept_find(d, t->cpu, t->look, t->loop_head, &t->s->arena);
    CodeSegment *seg = k ? code_cache_claim(&d->cache, dbt_kept_slots(k)) : NULL;
    if (!seg)
        return false;
    DbtRegion *r = dbt_kept_copy(d, seg, k, t->cpu->pc);
    if (r) {
        dbt_kept_exits(d, k, r);
        publish(seg, r, dbt_kept_slots(k));
        t->n_insns = dbt_kept_insns(k);
    } else {
        t->look = 0; /* if it was the file's fault, it shall not get another like it */
        code_cache_release(&d->cache, seg);
    }
    *ret = r ? insert(t, r, seg) : NULL;
    return *ret != NULL;
}

static DbtRegion *attempt(Attempt *t)
{
    Dbt *d = t->d;
    DbtScratch *s = t->s;
    begin(t);
    SuperblockConfig cfg = d->trace;
    cfg.ops = cpu_isa(t->cpu);
    cfg.moves = d->kept.notes;
    cfg.loop_head = t->loop_head;
    cfg.guess = s->guess;
    if (dbt_starting(d))
        cfg.max_branches = DBT_START_BRANCHES;
    if (t->max)
        cfg.max_insns = t->max;
    arena_rewind(&s->arena, 0);
    if (!accel_build(&cfg, &s->arena, &s->builder, t->cpu, t->cpu->ctx, &s->sb))
        return NULL;
    if (d->accel->cfg.log)
        accel_log_region(t->cpu, &s->sb);
    ir_liveness(s->sb.region, x64_fuse(host_for(d, t->cpu)), &s->live);
    CodeSegment *seg = code_cache_claim(&d->cache, n_slots(s->sb.region));
    if (!seg)
        return no_room(t, DBT_WANT_ROOM);
    DbtRegion *r = emit(t, seg);
    if (!r) {
        code_cache_release(&d->cache, seg);
        return NULL;
    }
    t->n_insns = s->sb.region->n_guest;
    return insert(t, r, seg);
}

/* The clock costs as much as a small region, so one translation of SAMPLE is timed, without the clock's
 * own time, and counts for all. */
enum { SAMPLE = 16 };

static uint64_t thread_ns(void)
{
    struct timespec ts = {0};
    sys_call2(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static DbtRegion *translate(Attempt *t)
{
    DbtRegion *r;
    do
        r = attempt(t);
    while (!r && t->again && accel_build_goes_on(t->cpu, t->changed));
    return r;
}

DbtRegion *dbt_translate(Dbt *d, Cpu *cpu, bool loop_head)
{
    bool timed = (d->accel->cfg.log & ACCEL_LOG_STATS) &&
                 (__atomic_load_n(&d->stats.regions, __ATOMIC_RELAXED) +
                  __atomic_load_n(&d->kept.n_used, __ATOMIC_RELAXED)) % SAMPLE == 0;
    uint64_t before = timed ? thread_ns() : 0, start = timed ? thread_ns() : 0, clock = start - before;
    if (UNLIKELY(!((cpu->pc ^ d->accel->cfg.program_entry) & ~1ull)))
        __atomic_store_n(&d->begun, true, __ATOMIC_RELAXED);
    Attempt t = {.d = d, .cpu = cpu, .loop_head = loop_head, .s = dbt_scratch_get(d)};
    DbtRegion *r = NULL;
    if (!t.s) {
        cpu->exit = (CpuExit){.kind = CPU_EXIT_FETCH, .addr = cpu->pc};
        return NULL;
    }
    if (!d->kept.key || !copy_kept(&t, &r))
        r = translate(&t);
    dbt_scratch_put(d, t.s);
    if (r)
        dbt_hints_report(d, r->pc, r->ctx, loop_head);
    if (timed) {
        uint64_t took = thread_ns() - start;
        __atomic_fetch_add(&d->stats.translate_ns, (took > clock ? took - clock : 0) * SAMPLE,
                           __ATOMIC_RELAXED);
    }
    return r;
}
