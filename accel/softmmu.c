#include "accel/softmmu.h"

#include "accel/accel_priv.h"
#include "base/fault.h"

static SoftMmu *mmu_of(const Cpu *cpu) { return ((AccelCpu *)cpu->accel_cpu)->mmu; }
static MmuHot *hot_of(const Cpu *cpu) { return &((AccelCpu *)cpu->accel_cpu)->hot; }
static MemMap *map_of(const Cpu *cpu) { return cpu->accel->cfg.machine; }

/* ---- tables ---- */

/* Entries are zero when free; page 0 is looked up in entry 0 only. */
static void table_clear(TlbTable *t)
{
    memset(t->e, 0, sizeof(t->e));
    memset(t->e[0].tag, 0xff, sizeof(t->e[0].tag));
    memset(t->large, 0, sizeof(t->large));
    t->large_first = 1;
    t->large_last = 0;
}

static unsigned index_of(Gva va) { return (unsigned)(va >> 12) & (TLB_ENTRIES - 1); }

static void entry_clear(TlbTable *t, Gva va)
{
    TlbEntry *e = &t->e[index_of(va)];
    *e = (TlbEntry){0};
    if (index_of(va) == 0)
        memset(e->tag, 0xff, sizeof(e->tag));
}

/* A loop may have kept what is no longer so. */
static void forget_loops(AccelCpu *ac) { memset(&ac->hot.loops, 0, sizeof(ac->hot.loops)); }

static MmuSpace *space_of(const Cpu *cpu, unsigned idx)
{
    SoftMmu *m = mmu_of(cpu);
    const TargetSys *sys = cpu->ops->sys;
    return idx >= sys->paged ? &m->bare : sys->mostly_global >> idx & 1 ? &m->global : m->cur;
}

static void point_tables(Cpu *cpu)
{
    SoftMmu *m = mmu_of(cpu);
    const TargetSys *sys = cpu->ops->sys;
    for (unsigned k = 0; k < sys->n_idx; k++) {
        TlbTable *t = space_of(cpu, k)->table[k];
        hot_of(cpu)->tlb[k] = t ? t : m->none;
    }
    forget_loops(cpu->accel_cpu);
}

/* A table that may be filled. */
static TlbTable *table_for(Cpu *cpu, unsigned idx)
{
    SoftMmu *m = mmu_of(cpu);
    MmuSpace *s = space_of(cpu, idx);
    if (!s->table[idx]) {
        TlbTable *t = accel_map(cpu->accel, sizeof(*t));
        if (!t)
            return m->none; /* and everything goes the slow way */
        table_clear(t);
        s->table[idx] = t;
        hot_of(cpu)->tlb[idx] = t;
    }
    return s->table[idx];
}

static uint64_t *ran_word(MmuSpace *s, Gva va, uint64_t *ret_bit)
{
    unsigned h = (unsigned)(va >> 12 ^ va >> 24) & (64 * ARRAY_SIZE(s->ran) - 1);
    *ret_bit = 1ull << (h & 63);
    return &s->ran[h >> 6];
}

static void renew(Cpu *cpu, MmuSpace *s)
{
    SoftMmu *m = mmu_of(cpu);
    s->gen = ++m->last_gen;
    memset(s->ran, 0, sizeof(s->ran));
    s->ran_first = 1;
    s->ran_last = 0;
    if (s == m->cur || s == &m->bare || s == &m->global)
        softmmu_context(cpu);
}

static void space_clear(Cpu *cpu, MmuSpace *s)
{
    for (unsigned k = 0; k < TLB_MAX_IDX; k++)
        if (s->table[k])
            table_clear(s->table[k]);
    forget_loops(cpu->accel_cpu);
    s->own_code = false;
    renew(cpu, s);
}

/* The space that instructions come from. */
static MmuSpace *fetch_space(const Cpu *cpu)
{
    SoftMmu *m = mmu_of(cpu);
    MmuSpace *s = space_of(cpu, cpu->ops->sys->fetch_idx(cpu->ctx));
    return s == &m->global && m->cur->own_code ? m->cur : s;
}

/* What m->global knows of the present space alone goes. */
static void forget_own(Cpu *cpu)
{
    SoftMmu *m = mmu_of(cpu);
    for (unsigned k = 0; m->n_own && k < TLB_MAX_IDX; k++) {
        TlbTable *t = m->global.table[k];
        if (t && m->n_own > ARRAY_SIZE(m->own))
            table_clear(t);
        for (unsigned n = 0; t && n < MIN(m->n_own, ARRAY_SIZE(m->own)); n++)
            entry_clear(t, m->own[n]);
    }
    if (m->n_own)
        forget_loops(cpu->accel_cpu);
    m->n_own = 0;
}

void softmmu_context(Cpu *cpu)
{
    const MmuSpace *s = fetch_space(cpu);
    hot_of(cpu)->jump_key = (uint64_t)s->gen << 32 | cpu->ctx;
}

void softmmu_new_generation(Cpu *cpu)
{
    SoftMmu *m = mmu_of(cpu);
    for (unsigned k = 0; k < MMU_SPACES; k++)
        renew(cpu, &m->space[k]);
    renew(cpu, &m->bare);
    renew(cpu, &m->global);
}

bool softmmu_init(Cpu *cpu)
{
    AccelCpu *ac = cpu->accel_cpu;
    SoftMmu *m = ac->mmu = accel_map(cpu->accel, sizeof(*m) + sizeof(TlbTable));
    if (!m)
        return false;
    hot_of(cpu)->fetched = m->fetched;
    m->none = (TlbTable *)(m + 1);
    table_clear(m->none);
    m->cur = &m->space[0];
    m->cur->used = ++m->clock;
    cpu->mem = &softmmu_mem;
    point_tables(cpu);
    softmmu_new_generation(cpu);
    return true;
}

/* ---- code ---- */

static RamBlock *block_of_code(Accel *a, uint64_t pa)
{
    const MemMap *map = a->cfg.machine;
    for (unsigned k = 0; k < map->n_regions; k++) {
        RamBlock *b = map->region[k]->ram;
        if (b && pa - b->base < b->bytes)
            return b;
    }
    return NULL;
}

/* RamBlock.written: 0 nowhere, else the index + 1 that all write tags of the page have, or MANY. */
enum { WRITTEN_MANY = 0xffff };
_Static_assert((int)TLB_ENTRIES < (int)WRITTEN_MANY, "an index fits");

static void note_writer(uint16_t *written, Gva va)
{
    uint16_t mine = (uint16_t)(index_of(va) + 1), was = 0;
    if (!__atomic_compare_exchange_n(written, &was, mine, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
        was != mine)
        __atomic_store_n(written, WRITTEN_MANY, __ATOMIC_SEQ_CST);
}

static void lose_writer(TlbEntry *e, const uint8_t *page)
{
    if (e->tag[MMU_WRITE] && ((e->tag[MMU_WRITE] & ~4095ull) + e->addend) == (uint64_t)(uintptr_t)page)
        e->tag[MMU_WRITE] |= TLB_SLOW;
}

/* Write tags that lead to this page go, in all tables of a cpu. */
static void lose_writers(AccelCpu *ac, const uint8_t *page, unsigned written)
{
    SoftMmu *m = ac->mmu;
    MmuSpace *all[MMU_SPACES + 2];
    for (unsigned k = 0; k < MMU_SPACES; k++)
        all[k] = &m->space[k];
    all[MMU_SPACES] = &m->bare;
    all[MMU_SPACES + 1] = &m->global;
    forget_loops(ac);
    for (unsigned s = 0; s < ARRAY_SIZE(all); s++) {
        for (unsigned k = 0; k < TLB_MAX_IDX; k++) {
            TlbTable *t = all[s]->table[k];
            if (t && written != WRITTEN_MANY)
                lose_writer(&t->e[written - 1], page);
            for (unsigned n = 0; t && written == WRITTEN_MANY && n < TLB_ENTRIES; n++)
                lose_writer(&t->e[n], page);
        }
    }
}

/* Makes it a page of code if no cpu can have a write tag for it. False: some may. */
static bool code_page_unwritten(Accel *a, RamBlock *b, uint64_t n)
{
    lock_take(&a->track);
    bool done = b->code[n] != 0;
    if (!done) {
        /* Who fills a tag notes that first and then looks here (fill()): one of both sees the other. */
        __atomic_fetch_or(&b->code[n], 1, __ATOMIC_SEQ_CST);
        done = !__atomic_load_n(&b->written[n], __ATOMIC_SEQ_CST);
        if (!done)
            __atomic_store_n(&b->code[n], 0, __ATOMIC_SEQ_CST);
    }
    lock_release(&a->track);
    return done;
}

void softmmu_code_page(Cpu *cpu, uint64_t page)
{
    Accel *a = cpu->accel;
    RamBlock *b = block_of_code(a, page);
    uint64_t n = b ? (page - b->base) >> 12 : 0;
    if (!b || code_page_unwritten(a, b, n))
        return;
    bool others = (cpu->ctx & CTX_PARALLEL) != 0;
    if (others) {
        accel_pause(cpu);
        accel_exclusive_begin(cpu);
    }
    lock_take(&a->track);
    __atomic_fetch_or(&b->code[n], 1, __ATOMIC_SEQ_CST);
    unsigned written = __atomic_exchange_n(&b->written[n], 0, __ATOMIC_SEQ_CST);
    for (AccelCpu *ac = a->cpus; ac && written; ac = ac->next)
        lose_writers(ac, b->host + (n << 12), written);
    lock_release(&a->track);
    if (others) {
        accel_exclusive_end(cpu);
        accel_resume(cpu);
    }
}

bool softmmu_mark_code(Accel *a, uint64_t pa, uint64_t bytes)
{
    RamBlock *b = block_of_code(a, pa);
    bool stands = true;
    if (!b)
        return true;
    lock_take(&a->track);
    for (uint64_t at = align_down(pa, 64); at < pa + bytes; at += 64) {
        uint64_t *word = &b->code[(at - b->base) >> 12];
        stands = stands && *word != 0;
        if (stands)
            __atomic_fetch_or(word, 1ull << (at >> 6 & 63), __ATOMIC_SEQ_CST);
    }
    lock_release(&a->track);
    return stands;
}

/* The lock makes one step of dropping code and of clearing the bits: a bit set between the two would be lost,
 * and with it every later store; with the bits cleared first, another cpu would not see that it stored to
 * code that still stands. */
void softmmu_code_written(void *accel, RamBlock *ram, uint64_t offset, uint64_t bytes)
{
    Accel *a = accel;
    uint64_t first = align_down(offset, 64), end = align_up(offset + bytes, 64);
    lock_take(&a->track);
    accel_invalidate(a, ram->base + first, end - first);
    for (uint64_t at = first; at < end; at += 64)
        __atomic_fetch_and(&ram->code[at >> 12], ~(1ull << (at >> 6 & 63)), __ATOMIC_SEQ_CST);
    lock_release(&a->track);
}

/* ---- filling ---- */

/* The range [*first, *last] gets to include the page of va, if that is a large one. */
static void note_large(Gva *first, Gva *last, Gva va, unsigned bits)
{
    if (bits <= 12)
        return;
    Gva start = va & ~((1ull << bits) - 1), end = start + (1ull << bits) - 1;
    bool none = *first > *last;
    *first = none ? start : MIN(*first, start);
    *last = none ? end : MAX(*last, end);
}

enum { LARGE_BITS = 21 };

static uint64_t *large_word(TlbTable *t, Gva va, uint64_t *ret_bit)
{
    unsigned h = (unsigned)(va >> LARGE_BITS ^ va >> 31) & (64 * ARRAY_SIZE(t->large) - 1);
    *ret_bit = 1ull << (h & 63);
    return &t->large[h >> 6];
}

/* The entries of the page that va is in, whatever its size. */
static void page_clear(TlbTable *t, Gva va)
{
    uint64_t bit;
    if (va >= t->large_first && va <= t->large_last) {
        table_clear(t);
        return;
    }
    entry_clear(t, va);
    if (!(*large_word(t, va, &bit) & bit))
        return;
    Gva first = va & ~((1ull << LARGE_BITS) - 1);
    for (Gva at = first; at - first < 1ull << LARGE_BITS; at += 4096)
        entry_clear(t, at);
}

/* May generated code store to the page? Where somebody wants to know of writes, from the first one on. */
static bool open_for_stores(RamBlock *b, uint64_t offset, Gva va, MmuHow how)
{
    note_writer(&b->written[offset >> 12], va);
    if (__atomic_load_n(&b->code[offset >> 12], __ATOMIC_SEQ_CST))
        return false;
    if (LIKELY(!__atomic_load_n(&b->dirty, __ATOMIC_ACQUIRE)))
        return true;
    if (how == MMU_WRITE)
        ram_note_dirty(b, offset, 1);
    return how == MMU_WRITE;
}

static void fill(Cpu *cpu, Gva va, unsigned idx, MmuHow how, const MmuPage *p, const MemRange *r)
{
    Gpa pa = p->pa & ~4095ull;
    Gva page = va & ~4095ull;
    const MemRegion *g = r->region;
    if (pa < r->start || pa + 4096 > r->end || g->kind > MEM_ROM_DEVICE || g->reads_device)
        return; /* a device, or not the same over the whole page */
    TlbTable *t = table_for(cpu, idx);
    TlbEntry *e = &t->e[index_of(va)];
    uint64_t offset = r->offset + (pa - r->start), bit;
    uint64_t addend = (uint64_t)(uintptr_t)g->ram->host + offset - page;
    if ((offset & 4095) || t == mmu_of(cpu)->none)
        return; /* an alias that is shifted inside of pages; no memory for a table */
    entry_clear(t, va);
    e->addend = addend;
    for (unsigned k = 0; k < 3; k++)
        e->tag[k] = p->may >> k & 1 ? page : page | TLB_SLOW;
    if (g->kind != MEM_RAM) {
        e->tag[MMU_WRITE] = page | TLB_SLOW;
    } else if (!(p->may & MMU_R)) { /* what may be written may be read, to generated code */
        e->tag[MMU_WRITE] |= TLB_SLOW;
    } else if (p->may & MMU_W) {
        if (!open_for_stores(g->ram, offset, va, how))
            e->tag[MMU_WRITE] = page | TLB_SLOW;
    }
    if (p->bits > 12)
        *large_word(t, va, &bit) |= bit;
    if (p->bits > LARGE_BITS)
        note_large(&t->large_first, &t->large_last, va, p->bits);
    SoftMmu *m = mmu_of(cpu);
    if (!p->global && space_of(cpu, idx) == &m->global) {
        if (m->n_own < ARRAY_SIZE(m->own))
            m->own[m->n_own] = page;
        m->n_own = MIN(m->n_own + 1, ARRAY_SIZE(m->own) + 1);
    }
    const TargetSys *sys = cpu->ops->sys;
    if (UNLIKELY(p->aligned) ||
        (UNLIKELY(cpu->accel->debug.n_watches) && accel_debug_watched_page(cpu->accel, page)) ||
        (sys->watches && sys->watches(cpu, page))) {
        e->tag[MMU_READ] |= TLB_SLOW;
        e->tag[MMU_WRITE] |= TLB_SLOW;
    }
}

/* mem_map_find(), which walks through tables ask for most often, and mostly for the same. */
static bool range_at(Cpu *cpu, Gpa pa, MemRange *ret)
{
    SoftMmu *m = mmu_of(cpu);
    const MemMap *map = map_of(cpu);
    const uint64_t shown = __atomic_load_n(&map->shown, __ATOMIC_ACQUIRE);
    if (UNLIKELY(m->last_shown != shown || pa < m->last.start || pa >= m->last.end)) {
        m->last.end = 0;
        m->last_shown = shown;
        MemRange r;
        if (!mem_map_find(map, pa, &r))
            return false;
        m->last = r;
    }
    *ret = m->last;
    return true;
}

/* ---- fetching ---- */

/* The page's address as code; 0: it is none. */
static uint64_t code_address(const MemRange *r, Gpa pa)
{
    const MemRegion *g = r->region;
    uint64_t offset = r->offset + (pa - r->start);
    if (g->kind > MEM_ROM_DEVICE || g->reads_device || (pa & 4095) != (offset & 4095))
        return 0;
    return g->ram->base + offset;
}

/* RamBlock.even: the narrowest range (MmuPage.even) that a page of code was ever fetched in; 0: not yet. In
 * it regions of the page link to others without asking (accel_build()), and so do those in turn: no page of
 * the range may reach farther than the range. Whoever comes by a narrower one takes away first what does.
 * What changes in a range is flushed there, and then asked for again. */
enum { EVEN_CHANGES = 0x80 /* not all of that is gone yet: who comes waits */ };

static void narrow_even(Accel *a, RamBlock *b, uint64_t first, uint64_t pages, unsigned bits)
{
    bool any = false;
    lock_take(&a->track);
    for (uint64_t k = first; k < first + pages; k++) {
        uint8_t was = b->even[k];
        any |= was > bits;
        if (!was || was > bits)
            __atomic_store_n(&b->even[k], (uint8_t)(bits | EVEN_CHANGES), __ATOMIC_SEQ_CST);
    }
    if (any)
        accel_invalidate(a, b->base + (first << 12), pages << 12);
    for (uint64_t k = first; k < first + pages; k++)
        __atomic_fetch_and(&b->even[k], (uint8_t)~EVEN_CHANGES, __ATOMIC_SEQ_CST);
    lock_release(&a->track);
}

static void note_even(Accel *a, RamBlock *b, uint64_t n, unsigned bits)
{
    uint8_t was = __atomic_load_n(&b->even[n], __ATOMIC_SEQ_CST);
    if (LIKELY(was && was <= bits))
        return;
    uint64_t before = bits < MMU_EVEN ? ((b->base >> 12) + n) & ((1ull << (bits - 12)) - 1) : 0;
    narrow_even(a, b, n - before, bits < MMU_EVEN ? 1ull << (bits - 12) : 1, bits);
}

/* Of the page at va that is fetched from r, its address of code: MmuPage.even, as far as r goes. */
static unsigned even_bits(const MmuPage *p, const MemRange *r, Gva va, uint64_t code)
{
    unsigned bits = MIN((unsigned)p->even, (unsigned)MMU_EVEN);
    for (; bits > 12; bits--) {
        uint64_t mask = (1ull << bits) - 1;
        Gpa first = p->pa & ~mask;
        if (first >= r->start && first + mask < r->end && !((va ^ code) & mask & ~4095ull))
            break;
    }
    return MAX(bits, 12u);
}

unsigned softmmu_even(Accel *a, uint64_t code)
{
    const RamBlock *b = block_of_code(a, code);
    unsigned bits = b ? __atomic_load_n(&b->even[(code - b->base) >> 12], __ATOMIC_SEQ_CST) : 0;
    return bits & ~(unsigned)EVEN_CHANGES;
}

static bool walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, bool misaligned, MmuPage *ret)
{
    const TargetSys *sys = cpu->ops->sys;
    bool ok = (UNLIKELY(misaligned) && sys->walk_misaligned ? sys->walk_misaligned : sys->walk)(cpu, va, idx,
                                                                                                how, ret);
    if (UNLIKELY(cpu->accel->cfg.log & ACCEL_LOG_MMU))
        accel_log_walk(cpu, va, idx, how, ok ? ret : NULL);
    return ok;
}

const FetchPlace *softmmu_fetch(Cpu *cpu, Gva va)
{
    const TargetSys *sys = cpu->ops->sys;
    Gva page = va & ~4095ull;
    uint64_t key = hot_of(cpu)->jump_key;
    FetchPlace *f = &mmu_of(cpu)->fetched[page >> 12 & (FETCH_PLACES - 1)];
    MmuPage p;
    if (LIKELY(f->page == page && f->key == key))
        return f;
    if (!walk(cpu, va, sys->fetch_idx(cpu->ctx), MMU_FETCH, false, &p))
        return NULL;
    Gpa at = p.pa & ~4095ull;
    MemRange r;
    uint64_t pa = range_at(cpu, at, &r) && r.end - at >= 4096 ? code_address(&r, at) : 0;
    if (!pa) {
        sys->bus_error(cpu, va, MMU_FETCH);
        return NULL;
    }
    uint64_t bit;
    MmuSpace *space = fetch_space(cpu);
    if (space == &mmu_of(cpu)->global && !p.global) {
        space = mmu_of(cpu)->cur;
        space->own_code = true;
        softmmu_context(cpu);
        key = hot_of(cpu)->jump_key;
    }
    unsigned even = even_bits(&p, &r, va, pa);
    *ran_word(space, page, &bit) |= bit;
    note_large(&space->ran_first, &space->ran_last, va, MAX((unsigned)p.bits, even));
    note_even(cpu->accel, r.region->ram, (pa - r.region->ram->base) >> 12, even);
    *f = (FetchPlace){.page = page, .key = key, .pa = pa,
                      .host = r.region->ram->host + (pa - r.region->ram->base)};
    return f;
}

/* ---- data ---- */

static uint64_t read_nothing(void *dev, uint64_t offset, unsigned size) { return ~0ull >> (64 - 8 * size); }
static void write_nothing(void *dev, uint64_t offset, uint64_t value, unsigned size) {}
static const MmioOps nothing = {.read = read_nothing, .write = write_nothing, .min = 1, .max = 8};
static const MemRegion open_bus = {.name = "nothing", .kind = MEM_MMIO, .ops = &nothing};

bool softmmu_locate(Cpu *cpu, Gva va, unsigned idx, MmuHow how, bool misaligned, Gpa *ret_pa, MemRange *ret)
{
    MmuPage p = {.aligned = false};
    if (!walk(cpu, va, idx, how, misaligned, &p))
        return false;
    if (!range_at(cpu, p.pa, ret)) {
        if (cpu->ops->sys->open_bus) {
            *ret_pa = p.pa;
            *ret = (MemRange){.start = p.pa & ~4095ull, .end = (p.pa & ~4095ull) + 4096, .region = &open_bus};
            return true;
        }
        cpu->ops->sys->bus_error(cpu, va, how);
        return false;
    }
    fill(cpu, va, idx, how, &p, ret);
    *ret_pa = p.pa;
    return true;
}

void softmmu_note_store(Cpu *cpu, const MemRegion *g, uint64_t offset, unsigned size)
{
    MemMap *map = map_of(cpu);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    ram_note_dirty(g->ram, offset, size);
    if (UNLIKELY(ram_has_code(g->ram, offset, size)) && map->code_written)
        map->code_written(map->opaque, g->ram, offset, size);
}

/* ---- for the target ---- */

uint8_t *softmmu_known(const Cpu *cpu, Gva va, unsigned idx, MmuHow how)
{
    const TlbEntry *e = &hot_of(cpu)->tlb[idx]->e[index_of(va)];
    return e->tag[how] == (va & ~4095ull) ? (uint8_t *)(uintptr_t)(va + e->addend) : NULL;
}

static bool host_of(Cpu *cpu, Gva va, unsigned idx, MmuHow how, uint8_t **ret)
{
    for (unsigned tries = 0; tries < 2; tries++) {
        Gpa pa;
        MemRange r;
        *ret = softmmu_known(cpu, va, idx, how);
        if (*ret || tries)
            break;
        if (!softmmu_locate(cpu, va, idx, how, false, &pa, &r))
            return false;
    }
    return true;
}

static bool phys_ld(Cpu *cpu, Gpa pa, unsigned size, uint64_t *ret)
{
    MemRange r;
    if (!range_at(cpu, pa, &r) || r.region->kind > MEM_ROM_DEVICE || r.region->reads_device ||
        r.end - pa < size)
        return false;
    *ret = fault_ld((uint64_t)(uintptr_t)r.region->ram->host + r.offset + (pa - r.start), size).val;
    return true;
}

static bool phys_cas(Cpu *cpu, Gpa pa, unsigned size, uint64_t *expected, uint64_t desired)
{
    MemRange r;
    if (!range_at(cpu, pa, &r) || r.region->kind != MEM_RAM || r.end - pa < size)
        return false;
    uint64_t offset = r.offset + (pa - r.start), was = *expected;
    *expected = fault_cas((uint64_t)(uintptr_t)r.region->ram->host + offset, was, desired, size).val;
    if (*expected == was)
        softmmu_note_store(cpu, r.region, offset, size);
    return true;
}

static bool fetch_bytes(Cpu *cpu, Gva va, void *ret, unsigned n)
{
    CpuExit exit = cpu->exit;
    bool ok = true;
    for (unsigned at = 0; ok && at < n; at++) {
        const FetchPlace *p = softmmu_fetch(cpu, va + at);
        ok = p != NULL;
        if (ok)
            ((uint8_t *)ret)[at] = p->host[(va + at) & 4095];
    }
    cpu->exit = exit;
    return ok;
}

static void select_space(Cpu *cpu, uint64_t key)
{
    SoftMmu *m = mmu_of(cpu);
    MmuSpace *oldest = &m->space[0];
    if (m->cur->key == key)
        return;
    for (unsigned k = 0; k < MMU_SPACES; k++) {
        MmuSpace *s = &m->space[k];
        if (s->used && s->key == key) {
            oldest = s;
            break;
        }
        if (s->used < oldest->used)
            oldest = s;
    }
    if (!oldest->used || oldest->key != key) {
        oldest->key = key;
        space_clear(cpu, oldest);
    }
    oldest->used = ++m->clock;
    forget_own(cpu);
    m->cur = oldest;
    point_tables(cpu);
    softmmu_context(cpu);
}

static void flush_all(Cpu *cpu)
{
    SoftMmu *m = mmu_of(cpu);
    for (unsigned k = 0; k < MMU_SPACES; k++)
        if (m->space[k].used)
            space_clear(cpu, &m->space[k]);
    space_clear(cpu, &m->bare);
    space_clear(cpu, &m->global);
    m->n_own = 0;
}

void softmmu_map_changed(void *accel)
{
    Accel *a = accel;
    __atomic_fetch_add(&a->map_changes, 1, __ATOMIC_SEQ_CST);
    accel_kick_running(a);
}

void softmmu_follow_map(Cpu *cpu)
{
    SoftMmu *m = mmu_of(cpu);
    uint64_t changes = __atomic_load_n(&cpu->accel->map_changes, __ATOMIC_ACQUIRE);
    if (LIKELY(m->map_changes == changes))
        return;
    m->map_changes = changes;
    flush_all(cpu);
}

/* Code that never ran from there has left nothing in the jump cache. */
static void space_flush_page(Cpu *cpu, MmuSpace *s, Gva va)
{
    uint64_t bit;
    bool ran = (*ran_word(s, va, &bit) & bit) || (va >= s->ran_first && va <= s->ran_last);
    for (unsigned k = 0; k < cpu->ops->sys->paged; k++) {
        TlbTable *t = s->table[k];
        if (t)
            page_clear(t, va);
    }
    if (ran)
        renew(cpu, s);
}

static void flush_page(Cpu *cpu, Gva va)
{
    SoftMmu *m = mmu_of(cpu);
    forget_loops(cpu->accel_cpu);
    for (unsigned k = 0; k < MMU_SPACES; k++)
        if (m->space[k].used)
            space_flush_page(cpu, &m->space[k], va);
    space_flush_page(cpu, &m->global, va);
}

static void flush_space(Cpu *cpu, uint64_t key, uint64_t mask, bool one, Gva va)
{
    SoftMmu *m = mmu_of(cpu);
    forget_loops(cpu->accel_cpu);
    for (unsigned k = 0; k < MMU_SPACES; k++) {
        MmuSpace *s = &m->space[k];
        if (!s->used || ((s->key ^ key) & mask))
            continue;
        if (one)
            space_flush_page(cpu, s, va);
        else
            space_clear(cpu, s);
        if (s == m->cur)
            forget_own(cpu);
    }
}

const CpuMem softmmu_mem = {
    .access = softmmu_access,
    .host = host_of,
    .phys_ld = phys_ld,
    .phys_cas = phys_cas,
    .fetch = fetch_bytes,
    .select = select_space,
    .context = accel_update_ctx,
    .flush = flush_all,
    .flush_page = flush_page,
    .flush_space = flush_space,
    .flush_others = softmmu_flush_others,
};
