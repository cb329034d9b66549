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
static void forget_own(SoftMmu *m)
{
    for (unsigned k = 0; m->n_own && k < TLB_MAX_IDX; k++) {
        TlbTable *t = m->global.table[k];
        if (t && m->n_own > ARRAY_SIZE(m->own))
            table_clear(t);
        for (unsigned n = 0; t && n < MIN(m->n_own, ARRAY_SIZE(m->own)); n++)
            entry_clear(t, m->own[n]);
    }
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
static void lose_writers(SoftMmu *m, const uint8_t *page, unsigned written)
{
    MmuSpace *all[MMU_SPACES + 2];
    for (unsigned k = 0; k < MMU_SPACES; k++)
        all[k] = &m->space[k];
    all[MMU_SPACES] = &m->bare;
    all[MMU_SPACES + 1] = &m->global;
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
        lose_writers(ac->mmu, b->host + (n << 12), written);
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

static void fill(Cpu *cpu, Gva va, unsigned idx, const MmuPage *p, const MemRange *r)
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
    for (unsigned how = 0; how < 3; how++)
        e->tag[how] = p->may >> how & 1 ? page : page | TLB_SLOW;
    if (g->kind != MEM_RAM) {
        e->tag[MMU_WRITE] = page | TLB_SLOW;
    } else if (p->may & MMU_W) {
        note_writer(&g->ram->written[offset >> 12], va);
        if (__atomic_load_n(&g->ram->code[offset >> 12], __ATOMIC_SEQ_CST))
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
    if (UNLIKELY(cpu->accel->debug.n_watches) && accel_debug_watched_page(cpu->accel, page)) {
        e->tag[MMU_READ] |= TLB_SLOW;
        e->tag[MMU_WRITE] |= TLB_SLOW;
    }
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

static bool walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    bool ok = cpu->ops->sys->walk(cpu, va, idx, how, ret);
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
    if (!walk(cpu, va, sys->fetch_idx(cpu->ctx), MMU_FETCH, &p))
        return NULL;
    Gpa at = p.pa & ~4095ull;
    const MemRange *r = mem_map_find(map_of(cpu), at);
    uint64_t pa = r && at + 4096 <= r->end ? code_address(r, at) : 0;
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
    *ran_word(space, page, &bit) |= bit;
    note_large(&space->ran_first, &space->ran_last, va, p.bits);
    *f = (FetchPlace){.page = page, .key = key, .pa = pa,
                      .host = r->region->ram->host + (pa - r->region->ram->base)};
    return f;
}

/* ---- the slow way ---- */

static uint64_t swapped(uint64_t v, unsigned size)
{
    return size > 1 ? __builtin_bswap64(v) >> (64 - size * 8) : v;
}

static uint64_t low_bytes(uint64_t v, unsigned size) { return size < 8 ? v & ((1ull << size * 8) - 1) : v; }

/* Physical address and range of one piece that crosses no page; false: cpu->exit is filled in. */
static const MemRange *locate(Cpu *cpu, Gva va, unsigned idx, MmuHow how, Gpa *ret_pa)
{
    MmuPage p;
    if (!walk(cpu, va, idx, how, &p))
        return NULL;
    const MemRange *r = mem_map_find(map_of(cpu), p.pa);
    if (!r) {
        cpu->ops->sys->bus_error(cpu, va, how);
        return NULL;
    }
    fill(cpu, va, idx, &p, r);
    *ret_pa = p.pa;
    return r;
}

static unsigned number_of(Cpu *cpu) { return (unsigned)cpu->ops->sys->board(cpu)->number; }

static bool refused(Cpu *cpu, Gva va, MmuHow how)
{
    cpu->ops->sys->bus_error(cpu, va, how);
    return false;
}

/* A piece of 1 .. 8 bytes inside a page; odd sizes come from accesses that cross one. */
static bool piece_read(Cpu *cpu, Gva va, unsigned idx, unsigned size, uint64_t *ret)
{
    Gpa pa;
    const MemRange *r = locate(cpu, va, idx, MMU_READ, &pa);
    if (!r)
        return false;
    *ret = 0;
    for (unsigned at = 0, n; at < size; at += n) {
        uint64_t v;
        n = 1u << (31 - __builtin_clz(size - at));
        if (pa + at + n > r->end || !mem_range_read_by(r, number_of(cpu), pa + at, n, &v))
            return refused(cpu, va, MMU_READ);
        *ret |= v << at * 8;
    }
    softmmu_follow_map(cpu);
    return true;
}

static bool piece_write(Cpu *cpu, Gva va, unsigned idx, unsigned size, uint64_t value)
{
    Gpa pa;
    const MemRange *r = locate(cpu, va, idx, MMU_WRITE, &pa);
    if (!r)
        return false;
    for (unsigned at = 0, n; at < size; at += n) {
        n = 1u << (31 - __builtin_clz(size - at));
        if (pa + at + n > r->end ||
            !mem_range_write_by(map_of(cpu), r, number_of(cpu), pa + at, n, low_bytes(value >> at * 8, n)))
            return refused(cpu, va, MMU_WRITE);
    }
    softmmu_follow_map(cpu);
    return true;
}

static unsigned before_page_end(Gva va, unsigned size)
{
    return (unsigned)MIN((Gva)size, 4096 - (va & 4095));
}

static bool word_read(Cpu *cpu, Gva va, unsigned idx, unsigned size, uint64_t *ret)
{
    unsigned first = before_page_end(va, size);
    uint64_t more = 0;
    if (!piece_read(cpu, va, idx, first, ret))
        return false;
    if (first < size && !piece_read(cpu, va + first, idx, size - first, &more))
        return false;
    if (first < size)
        *ret |= more << first * 8;
    return true;
}

/* Both pages must be there before a byte is written. */
static bool word_write(Cpu *cpu, Gva va, unsigned idx, unsigned size, uint64_t value)
{
    unsigned first = before_page_end(va, size);
    Gpa pa;
    if (first == size)
        return piece_write(cpu, va, idx, size, value);
    return locate(cpu, va, idx, MMU_WRITE, &pa) && locate(cpu, va + first, idx, MMU_WRITE, &pa) &&
           piece_write(cpu, va, idx, first, low_bytes(value, first)) &&
           piece_write(cpu, va + first, idx, size - first, value >> first * 8);
}

static uint64_t rmw_result(const IrAccess *a, unsigned size, uint64_t old)
{
    uint64_t x = a->value[0], mask = low_bytes(~0ull, size), sign = 1ull << (size * 8 - 1);
    x &= mask;
    bool less_s = (old ^ sign) < (x ^ sign), less_u = old < x;
    switch ((IrRmw)a->rmw) {
    case IR_RMW_XCHG: return x;
    case IR_RMW_ADD: return (old + x) & mask;
    case IR_RMW_AND: return old & x;
    case IR_RMW_OR: return old | x;
    case IR_RMW_XOR: return old ^ x;
    case IR_RMW_MIN: return less_s ? old : x;
    case IR_RMW_MAX: return less_s ? x : old;
    case IR_RMW_MINU: return less_u ? old : x;
    case IR_RMW_MAXU: return less_u ? x : old;
    }
    return old;
}

/* On a device or over the end of a page: as a read and a write. */
static bool update_in_steps(Cpu *cpu, IrAccess *a, unsigned idx, unsigned size)
{
    IrMem m = {.raw = a->mem};
    uint64_t old, desired;
    Gpa pa;
    if (!locate(cpu, a->addr, idx, MMU_WRITE, &pa) || !word_read(cpu, a->addr, idx, size, &old))
        return false;
    uint64_t seen = m.bswap ? swapped(old, size) : old;
    bool store = a->op != IR_CAS || seen == low_bytes(a->expected[0], size);
    desired = a->op == IR_CAS ? low_bytes(a->value[0], size) : rmw_result(a, size, seen);
    a->value[0] = seen;
    return !store || word_write(cpu, a->addr, idx, size, m.bswap ? swapped(desired, size) : desired);
}

static void note_store(Cpu *cpu, const MemRegion *g, uint64_t offset, unsigned size)
{
    MemMap *map = map_of(cpu);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (UNLIKELY(ram_has_code(g->ram, offset, size)) && map->code_written)
        map->code_written(map->opaque, g->ram, offset, size);
}

/* Compare and swap of 16 aligned bytes. On a device: refused. */
static bool update_wide(Cpu *cpu, IrAccess *a, unsigned idx)
{
    Gpa pa;
    const MemRange *r = locate(cpu, a->addr, idx, MMU_WRITE, &pa);
    if (!r)
        return false;
    if (r->region->kind != MEM_RAM || pa + 16 > r->end || (a->addr & 15))
        return refused(cpu, a->addr, MMU_WRITE);
    uint64_t offset = r->offset + (pa - r->start), was[2] = {a->expected[0], a->expected[1]};
    fault_cas128((uint64_t)(uintptr_t)r->region->ram->host + offset, a->expected, a->value);
    if (a->expected[0] == was[0] && a->expected[1] == was[1])
        note_store(cpu, r->region, offset, 16);
    a->value[0] = a->expected[0];
    a->value[1] = a->expected[1];
    return true;
}

static bool update(Cpu *cpu, IrAccess *a)
{
    IrMem m = {.raw = a->mem};
    unsigned size = 1u << m.size;
    Gpa pa;
    if (size == 16)
        return update_wide(cpu, a, m.mmuidx);
    const MemRange *r =
        before_page_end(a->addr, size) == size ? locate(cpu, a->addr, m.mmuidx, MMU_WRITE, &pa) : NULL;
    if (!r && before_page_end(a->addr, size) == size)
        return false;
    if (!r || r->region->kind != MEM_RAM || pa + size > r->end)
        return update_in_steps(cpu, a, m.mmuidx, size);
    uint64_t offset = r->offset + (pa - r->start);
    uint64_t host = (uint64_t)(uintptr_t)r->region->ram->host + offset;
    uint64_t old = fault_ld(host, size).val;
    for (;;) {
        uint64_t seen = m.bswap ? swapped(old, size) : old;
        if (a->op == IR_CAS && seen != low_bytes(a->expected[0], size)) {
            a->value[0] = seen;
            return true;
        }
        uint64_t desired = a->op == IR_CAS ? low_bytes(a->value[0], size) : rmw_result(a, size, seen);
        uint64_t now = fault_cas(host, old, m.bswap ? swapped(desired, size) : desired, size).val;
        if (now == old) {
            a->value[0] = seen;
            note_store(cpu, r->region, offset, size);
            return true;
        }
        old = now;
    }
}

static bool load(Cpu *cpu, IrAccess *a)
{
    IrMem m = {.raw = a->mem};
    unsigned size = 1u << m.size;
    uint64_t v[2] = {0};
    if (!word_read(cpu, a->addr, m.mmuidx, MIN(size, 8u), &v[0]))
        return false;
    if (size == 16 && !word_read(cpu, a->addr + 8, m.mmuidx, 8, &v[1]))
        return false;
    a->value[0] = m.bswap ? swapped(v[0], size) : v[0];
    a->value[1] = v[1];
    return true;
}

static bool store(Cpu *cpu, IrAccess *a)
{
    IrMem m = {.raw = a->mem};
    unsigned size = 1u << m.size;
    Gpa pa;
    if (size == 16) { /* all of it must be there first */
        return locate(cpu, a->addr, m.mmuidx, MMU_WRITE, &pa) &&
               locate(cpu, a->addr + 15, m.mmuidx, MMU_WRITE, &pa) &&
               word_write(cpu, a->addr, m.mmuidx, 8, a->value[0]) &&
               word_write(cpu, a->addr + 8, m.mmuidx, 8, a->value[1]);
    }
    uint64_t v = low_bytes(a->value[0], size);
    if (!word_write(cpu, a->addr, m.mmuidx, size, m.bswap ? swapped(v, size) : v))
        return false;
    if (m.order == IR_SEQ_CST)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return true;
}

bool softmmu_access(void *opaque, IrAccess *a)
{
    Cpu *cpu = opaque;
    if (UNLIKELY(cpu->accel->debug.n_watches) && accel_debug_hits(cpu, a))
        return false;
    switch (a->op) {
    case IR_LD: return load(cpu, a);
    case IR_ST: return store(cpu, a);
    default: return update(cpu, a);
    }
}

/* ---- for the target ---- */

static bool phys_ld(Cpu *cpu, Gpa pa, unsigned size, uint64_t *ret)
{
    uint64_t left;
    const uint8_t *p = mem_map_host(map_of(cpu), pa, false, &left);
    if (!p || left < size)
        return false;
    *ret = fault_ld((uint64_t)(uintptr_t)p, size).val;
    return true;
}

static bool phys_cas(Cpu *cpu, Gpa pa, unsigned size, uint64_t *expected, uint64_t desired)
{
    const MemRange *r = mem_map_find(map_of(cpu), pa);
    if (!r || r->region->kind != MEM_RAM || r->end - pa < size)
        return false;
    uint64_t offset = r->offset + (pa - r->start), was = *expected;
    *expected = fault_cas((uint64_t)(uintptr_t)r->region->ram->host + offset, was, desired, size).val;
    if (*expected == was)
        note_store(cpu, r->region, offset, size);
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
    forget_own(m);
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
    for (unsigned k = 0; k < MMU_SPACES; k++)
        if (m->space[k].used)
            space_flush_page(cpu, &m->space[k], va);
    space_flush_page(cpu, &m->global, va);
}

static void flush_space(Cpu *cpu, uint64_t key, uint64_t mask, bool one, Gva va)
{
    SoftMmu *m = mmu_of(cpu);
    for (unsigned k = 0; k < MMU_SPACES; k++) {
        MmuSpace *s = &m->space[k];
        if (!s->used || ((s->key ^ key) & mask))
            continue;
        if (one)
            space_flush_page(cpu, s, va);
        else
            space_clear(cpu, s);
        if (s == m->cur)
            forget_own(m);
    }
}

const CpuMem softmmu_mem = {
    .access = softmmu_access,
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
