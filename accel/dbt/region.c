#include "accel/dbt/dbt.h"
#include "base/fault.h"
#include "base/sys.h"

#include <sys/mman.h>

/* ---- table of regions ---- */

enum { PAGE_SIZE = 1 << DBT_PAGE_BITS, FILTER_SIZE = 1 << DBT_FILTER_BITS };

/* x64_stubs.c computes the same; regions that differ in ctx alone follow each other. */
static uint32_t hash_of(const DbtMap *m, Gva pc, uint32_t ctx)
{
    if (m->scatter)
        return (uint32_t)(((pc >> 1) + ((uint64_t)ctx << 40)) * 0x9e3779b97f4a7c15ull >>
                          (64 - DBT_HASH_BITS)) &
               m->mask;
    return (uint32_t)((pc >> 1) ^ (pc >> DBT_HASH_FOLD)) & m->mask;
}

static uint32_t table_size(const DbtMap *m) { return m->mask + 1; }

/* Bits of the filter in use: few of them while the table is small, since each page costs a fault. */
static uint32_t filter_size(const DbtMap *m) { return MIN(table_size(m) << 5, (uint32_t)FILTER_SIZE); }

/* Neighbouring instructions share a word of the filter. */
static uint32_t filter_bit(const DbtMap *m, Gva pc)
{
    return (uint32_t)((pc >> 1) ^ (pc >> 23)) & (filter_size(m) - 1);
}

/* Has a region at pc been inserted? */
static bool filter_has(const DbtMap *m, Gva pc)
{
    uint32_t bit = filter_bit(m, pc);
    return __atomic_load_n(&m->filter[bit >> 6], __ATOMIC_RELAXED) >> (bit & 63) & 1;
}

DbtRegion *dbt_map_find(const DbtMap *m, Gva pc, uint32_t ctx)
{
    if (!filter_has(m, pc))
        return NULL; /* the table's page may be untouched, and would cost two faults: to read, to write */
    for (uint32_t h = hash_of(m, pc, ctx);; h = (h + 1) & m->mask) {
        const DbtEntry *e = &m->table[h];
        uint64_t key = __atomic_load_n(&e->pc, __ATOMIC_ACQUIRE);
        if (!key)
            return NULL;
        if (key != pc + 1)
            continue;
        DbtRegion *r = __atomic_load_n(&e->region, __ATOMIC_ACQUIRE);
        if (r->pc == pc && r->ctx == ctx && !__atomic_load_n(&r->dead, __ATOMIC_RELAXED))
            return r;
    }
}

static void set_key(DbtMap *m, uint32_t h, uint64_t key)
{
    __atomic_store_n(&m->table[h].pc, key, __ATOMIC_RELEASE);
}

static void table_add(DbtMap *m, DbtRegion *r)
{
    uint32_t h = hash_of(m, r->pc, r->ctx);
    while (m->table[h].pc && m->table[h].pc != DBT_TOMB)
        h = (h + 1) & m->mask;
    m->n_tombs -= m->table[h].pc == DBT_TOMB;
    __atomic_store_n(&m->n_entries, m->n_entries + 1, __ATOMIC_RELAXED); /* read without the lock, too */
    __atomic_store_n(&m->table[h].region, r, __ATOMIC_RELEASE);
    set_key(m, h, r->pc + 1);
}

/* A tomb at the end of a row of entries is as good as free: whoever comes by would stop at the next. */
static void table_remove(DbtMap *m, const DbtRegion *r)
{
    uint32_t h = hash_of(m, r->pc, r->ctx);
    while (m->table[h].pc == DBT_TOMB || m->table[h].region != r) {
        if (!m->table[h].pc)
            return;
        h = (h + 1) & m->mask;
    }
    __atomic_store_n(&m->n_entries, m->n_entries - 1, __ATOMIC_RELAXED);
    m->n_tombs++;
    set_key(m, h, DBT_TOMB);
    if (m->table[(h + 1) & m->mask].pc)
        return;
    for (; m->table[h].pc == DBT_TOMB; h = (h - 1) & m->mask) {
        m->n_tombs--;
        set_key(m, h, 0);
    }
}

static void filter_add(DbtMap *m, Gva pc)
{
    uint32_t bit = filter_bit(m, pc);
    __atomic_fetch_or(&m->filter[bit >> 6], 1ull << (bit & 63), __ATOMIC_RELAXED);
    m->n_filter++;
}

bool dbt_map_known(const DbtMap *m, Gva pc, uint32_t ctx)
{
    return UNLIKELY(filter_has(m, pc)) && dbt_map_find(m, pc, ctx);
}

/* ---- pages ---- */

/* Gives the pages back: most were never touched. */
static void zero_table(void *p, size_t bytes)
{
    if (sys_is_err(sys_madvise(p, bytes, MADV_DONTNEED)))
        memset(p, 0, bytes); /* not a mapping */
}

static DbtPage *page_slot(const DbtMap *m, Gva page)
{
    uint32_t h = (uint32_t)((page >> 12) ^ (page >> 28)) & (PAGE_SIZE - 1);
    while (m->page[h].page && m->page[h].page != (page | 1))
        h = (h + 1) & (PAGE_SIZE - 1);
    return &m->page[h];
}

static DbtPage *find_page(const DbtMap *m, Gva page)
{
    DbtPage *p = page_slot(m, page);
    return p->page ? p : NULL;
}

static void page_add(DbtMap *m, DbtRegion *r, unsigned k)
{
    Gva page = align_down(r->run[k].pc, 4096);
    DbtPage *p = page_slot(m, page);
    if (!p->page) {
        m->n_pages++;
        p->page = page | 1;
        p->first[0] = p->first[1] = NULL;
    }
    DbtRun **first = &p->first[r->writable], *run = &r->run[k];
    run->next = *first;
    run->prev = first;
    if (run->next)
        run->next->prev = &run->next;
    *first = run;
}

typedef void OnRegion(DbtMap *m, DbtRegion *r);

static void each_live(DbtMap *m, OnRegion *fn)
{
    const CodeCache *c = m->cache;
    for (unsigned k = 0; k < c->next; k++) {
        const CodeSegment *s = &c->segment[k];
        for (uint32_t n = 0; s->live && n < s->n_regions; n++)
            if (!s->region[n]->dead)
                fn(m, s->region[n]);
    }
}

static void add_all_pages(DbtMap *m, DbtRegion *r)
{
    for (unsigned k = 0; k < r->n_runs; k++)
        page_add(m, r, k);
}

/* ---- the lock ---- */

static void set_on_checked(DbtMap *m, DbtRegion *r)
{
    DbtRegion **list = &m->checked[r->guarded];
    r->own->next = *list;
    r->own->prev = list;
    if (r->own->next)
        r->own->next->own->prev = &r->own->next;
    *list = r;
}

static void unlink_all(CodeCache *c, DbtRegion *r)
{
    r->linked_from = 0;
    for (uint32_t id = r->first_exit; id < r->first_exit + r->n_exits; id++) {
        ExitInfo *x = &c->exit[id];
        if (x->linked)
            __atomic_store_n(&c->slot[id], (uint64_t)(uintptr_t)c->rx + code_cache_stub(c, id),
                             __ATOMIC_RELEASE);
        x->linked = 0;
        x->to = NULL;
    }
}

void dbt_map_repair(DbtMap *m)
{
    CodeCache *c = m->cache;
    m->checked[0] = m->checked[1] = NULL;
    zero_table(m->page, sizeof(m->page[0]) << DBT_PAGE_BITS);
    m->n_pages = 0;
    for (unsigned k = 0; k < c->next; k++) {
        CodeSegment *s = &c->segment[k];
        s->live = 0;
        for (uint32_t n = 0; n < s->n_regions; n++) {
            DbtRegion *r = s->region[n];
            unlink_all(c, r);
            if (r->writable)
                r->own->prev = NULL;
            if (r->dead)
                continue;
            s->live += r->size;
            add_all_pages(m, r);
            if (r->writable && !r->blocked)
                set_on_checked(m, r);
        }
    }
    c->lock.broken = DBT_REPAIRED;
}

static void map_lock(DbtMap *m)
{
    lock_take(&m->cache->lock);
    if (UNLIKELY(m->cache->lock.broken && m->cache->lock.broken != DBT_REPAIRED))
        dbt_map_repair(m);
}

/* ---- links ---- */

void dbt_map_link(DbtMap *m, uint32_t id, DbtRegion *to)
{
    CodeCache *c = m->cache;
    map_lock(m);
    ExitInfo *x = &c->exit[id];
    if (!to->dead && !x->linked && dbt_region_checked(m, to)) {
        x->linked = 1;
        x->to = to;
        x->prev = 0;
        x->next = to->linked_from;
        if (x->next)
            c->exit[x->next - 1].prev = id + 1;
        to->linked_from = id + 1;
        __atomic_store_n(&c->slot[id], to->rx, __ATOMIC_RELEASE);
    }
    lock_release(&c->lock);
}

static void unlink_exit(CodeCache *c, uint32_t id)
{
    ExitInfo *x = &c->exit[id];
    __atomic_store_n(&c->slot[id], (uint64_t)(uintptr_t)c->rx + code_cache_stub(c, id), __ATOMIC_RELEASE);
    if (x->prev)
        c->exit[x->prev - 1].next = x->next;
    else
        x->to->linked_from = x->next;
    if (x->next)
        c->exit[x->next - 1].prev = x->prev;
    x->linked = 0;
    x->to = NULL;
}

/* Nothing leads here any more but the table; jump caches will hear of it. */
static void unreach(DbtMap *m, DbtRegion *r)
{
    while (r->linked_from)
        unlink_exit(m->cache, r->linked_from - 1);
    uint16_t place = __atomic_load_n(&r->place, __ATOMIC_SEQ_CST);
    if (m->scatter && !place)
        return;
    m->gone[m->n_gone % DBT_GONE] = r->pc;
    m->gone_place[m->n_gone % DBT_GONE] = place;
    __atomic_store_n(&m->n_gone, m->n_gone + 1, __ATOMIC_SEQ_CST);
}

static void unlink_exits(CodeCache *c, const DbtRegion *r)
{
    for (uint32_t k = 0; k < r->n_exits; k++)
        if (c->exit[r->first_exit + k].linked)
            unlink_exit(c, r->first_exit + k);
}

bool dbt_map_forget(DbtMap *m, uint64_t *gone, DbtJump *jump, unsigned shift)
{
    map_lock(m);
    bool listed = m->n_gone - *gone <= DBT_GONE;
    for (uint64_t n = *gone; listed && n < m->n_gone; n++) {
        Gva pc = m->gone[n % DBT_GONE];
        unsigned k = x64_near_index(pc, shift);
        if (jump[k].pc == pc)
            dbt_jump_clear(jump, k);
    }
    *gone = m->n_gone;
    lock_release(&m->cache->lock);
    return listed;
}

/* ---- writable pages ---- */

static void set_checked(DbtMap *m, DbtRegion *r, uint64_t fence)
{
    __atomic_store_n(&r->own->checked, r->guarded ? DBT_GUARDED : fence, __ATOMIC_RELEASE);
    __atomic_store_n(&r->blocked, false, __ATOMIC_RELEASE);
    set_on_checked(m, r);
}

static void leave_checked(DbtRegion *r)
{
    DbtBytes *own = r->own;
    if (!r->writable || !own->prev)
        return;
    *own->prev = own->next;
    if (own->next)
        own->next->own->prev = own->prev;
    own->prev = NULL;
}

unsigned dbt_map_fence(DbtMap *m)
{
    unsigned n = 0;
    map_lock(m);
    __atomic_store_n(&m->fence, m->fence + 1, __ATOMIC_SEQ_CST);
    for (; m->checked[0]; n++) {
        DbtRegion *r = m->checked[0];
        __atomic_store_n(&r->blocked, true, __ATOMIC_RELEASE);
        leave_checked(r);
        unreach(m, r);
    }
    lock_release(&m->cache->lock);
    return n;
}

/* A run that cannot be read any more is not the same. */
static bool same_bytes(const DbtRegion *r)
{
    const uint8_t *have = r->own->bytes;
    for (unsigned k = 0; k < r->n_runs; k++) {
        uint8_t now[512];
        const DbtRun *run = &r->run[k];
        for (uint32_t at = 0; at < run->len; at += sizeof(now)) {
            uint32_t len = MIN(run->len - at, (uint32_t)sizeof(now));
            if (fault_copy(now, (const void *)(uintptr_t)(run->pc + at), len) || memcmp(now, have, len) != 0)
                return false;
            have += len;
        }
    }
    return true;
}

/* ---- in and out ---- */

/* Removes the region from everything that leads to it, and its own links from other regions' lists. */
static void drop(DbtMap *m, DbtRegion *r)
{
    if (r->dead)
        return;
    __atomic_store_n(&r->dead, true, __ATOMIC_SEQ_CST);
    __atomic_store_n(&r->blocked, true, __ATOMIC_RELEASE);
    table_remove(m, r);
    unreach(m, r);
    unlink_exits(m->cache, r);
    for (unsigned k = 0; k < r->n_runs; k++) {
        DbtRun *run = &r->run[k];
        *run->prev = run->next;
        if (run->next)
            run->next->prev = run->prev;
    }
    leave_checked(r);
    code_cache_segment_at(m->cache, r->rx)->live -= r->size;
}

void dbt_map_drop(DbtMap *m, DbtRegion *r)
{
    map_lock(m);
    drop(m, r);
    lock_release(&m->cache->lock);
}

bool dbt_map_check(DbtMap *m, DbtRegion *r, uint64_t generation, bool allowed)
{
    map_lock(m);
    bool ok = !r->dead;
    if (ok && !dbt_region_checked(m, r)) {
        ok = generation == m->generation;
        if (ok && allowed && same_bytes(r))
            set_checked(m, r, m->fence);
        else if (ok) {
            drop(m, r);
            ok = false;
        }
    }
    lock_release(&m->cache->lock);
    return ok;
}

/* Until it is compared, whatever fences come. */
static void suspend(DbtMap *m, DbtRegion *r)
{
    if (!r->writable) {
        drop(m, r);
        return;
    }
    if (r->blocked)
        return;
    __atomic_store_n(&r->own->checked, UINT64_MAX, __ATOMIC_RELEASE);
    __atomic_store_n(&r->blocked, true, __ATOMIC_RELEASE);
    leave_checked(r);
    unreach(m, r);
}

static bool in_range(const DbtRegion *r, Gva start, Gva end)
{
    for (unsigned k = 0; k < r->n_runs; k++)
        if (r->run[k].pc < end && r->run[k].pc + r->run[k].len > start)
            return true;
    return false;
}

/* Were bytes of it invalidated after `generation`? */
static bool changed_since(const DbtMap *m, const DbtRegion *r, uint64_t generation)
{
    if (m->generation - generation > DBT_CHANGES)
        return true;
    for (; generation < m->generation; generation++) {
        const DbtChange *c = &m->change[generation % DBT_CHANGES];
        if (in_range(r, c->start, c->end))
            return true;
    }
    return false;
}

static DbtInsert insert_locked(DbtMap *m, DbtRegion *r, uint64_t generation, uint64_t fence)
{
    DbtInsert how = DBT_INSERTED;
    if (changed_since(m, r, generation))
        how = DBT_CHANGED;
    else if (m->cache->lock.broken || m->n_entries + m->n_tombs >= table_size(m) / 4 * 3 ||
             m->n_pages + SB_MAX_RUNS > PAGE_SIZE * 3 / 4)
        how = DBT_FULL;
    if (how == DBT_INSERTED) {
        add_all_pages(m, r);
        if (r->writable)
            r->own->checked = fence;
        __atomic_store_n(&r->blocked, r->writable, __ATOMIC_RELAXED);
        if (r->writable && (r->guarded || fence == m->fence))
            set_checked(m, r, fence);
        __atomic_store_n(&r->dead, false, __ATOMIC_RELAXED);
        code_cache_segment_at(m->cache, r->rx)->live += r->size;
        table_add(m, r);
        filter_add(m, r->pc);
    }
    return how;
}

DbtInsert dbt_map_insert(DbtMap *m, DbtRegion *r, uint64_t generation, uint64_t fence)
{
    map_lock(m);
    DbtInsert how = insert_locked(m, r, generation, fence);
    lock_release(&m->cache->lock);
    return how;
}

DbtInsert dbt_map_insert_release(DbtMap *m, DbtRegion *r, uint64_t generation, uint64_t fence,
                                 CodeSegment *seg)
{
    map_lock(m);
    code_cache_release_locked(m->cache, seg);
    DbtInsert how = insert_locked(m, r, generation, fence);
    lock_release(&m->cache->lock);
    return how;
}

static unsigned each_on_list(DbtMap *m, DbtRun *first, Gva start, Gva end, OnRegion *fn)
{
    unsigned n = 0;
    for (DbtRun *run = first, *next; run; run = next) {
        DbtRegion *r = dbt_run_region(run);
        bool hit = false;
        /* entries of a region on a page stand together, and go together */
        for (next = run; next && dbt_run_region(next) == r; next = next->next)
            hit |= next->pc < end && next->pc + next->len > start;
        if (hit) {
            fn(m, r);
            n++;
        }
    }
    return n;
}

/* which: bit 0 regions that cannot be written, bit 1 those that can. */
static unsigned each_on_page(DbtMap *m, DbtPage *p, Gva start, Gva end, unsigned which, OnRegion *fn)
{
    unsigned n = which & 1 ? each_on_list(m, p->first[0], start, end, fn) : 0;
    return n + (which & 2 ? each_on_list(m, p->first[1], start, end, fn) : 0);
}

static unsigned each_in_range(DbtMap *m, Gva start, Gva end, unsigned which, OnRegion *fn)
{
    unsigned n = 0;
    if (end - start > (uint64_t)m->n_pages * 4096) { /* fewer pages have code than the range has */
        for (uint32_t h = 0; m->n_pages && h < PAGE_SIZE; h++)
            if (m->page[h].page && m->page[h].page - 1 < end && m->page[h].page - 1 + 4096 > start)
                n += each_on_page(m, &m->page[h], start, end, which, fn);
    } else {
        for (Gva page = align_down(start, 4096); page < end; page += 4096) {
            DbtPage *p = find_page(m, page);
            if (p)
                n += each_on_page(m, p, start, end, which, fn);
        }
    }
    return n;
}

static Gva range_end(Gva start, uint64_t len) { return start + len < start ? UINT64_MAX : start + len; }

static void note_change(DbtMap *m, Gva start, Gva end)
{
    m->change[m->generation % DBT_CHANGES] = (DbtChange){start, end};
    __atomic_store_n(&m->generation, m->generation + 1, __ATOMIC_RELEASE);
}

unsigned dbt_map_invalidate(DbtMap *m, Gva start, uint64_t len)
{
    Gva end = range_end(start, len);
    map_lock(m);
    note_change(m, start, end);
    unsigned n = each_in_range(m, start, end, 3, drop);
    lock_release(&m->cache->lock);
    return n;
}

/* What is not checked now will be compared, and asked for permission, anyway. */
unsigned dbt_map_recheck(DbtMap *m, Gva start, uint64_t len)
{
    enum { FEW_BYTES = 4 * 4096 };
    Gva end = range_end(start, len);
    map_lock(m);
    note_change(m, start, end);
    bool few = end - start <= FEW_BYTES;
    unsigned n = each_in_range(m, start, end, few ? 3 : 1, suspend);
    for (unsigned k = 0; !few && k < 2; k++) {
        for (DbtRegion *r = m->checked[k], *next; r; r = next) {
            next = r->own->next;
            if (in_range(r, start, end)) {
                suspend(m, r);
                n++;
            }
        }
    }
    lock_release(&m->cache->lock);
    return n;
}

void dbt_map_evict(DbtMap *m, CodeSegment *s)
{
    m->n_gone += DBT_GONE + 1; /* return stacks may name its slots, and are cleared by this */
    for (uint32_t k = 0; k < s->n_regions; k++) {
        drop(m, s->region[k]);
        unlink_exits(m->cache, s->region[k]); /* of those that were linked after they were dropped */
    }
}

static void enter_region(DbtMap *m, DbtRegion *r)
{
    add_all_pages(m, r);
    table_add(m, r);
    filter_add(m, r->pc);
}

void dbt_map_rebuild(DbtMap *m)
{
    zero_table(m->table, sizeof(m->table[0]) * table_size(m));
    m->mask = MAX(m->mask, (1u << DBT_HASH_MIN_BITS) - 1);
    while (m->n_entries > table_size(m) / 2 && m->mask < (1u << DBT_HASH_BITS) - 1)
        m->mask = m->mask * 2 + 1;
    /* Each of its pages would fault twice: to be read, to be written. */
    sys_madvise(m->table, sizeof(m->table[0]) * table_size(m), MADV_POPULATE_WRITE);
    zero_table(m->page, sizeof(m->page[0]) << DBT_PAGE_BITS);
    zero_table(m->filter, FILTER_SIZE / 8);
    m->n_entries = m->n_tombs = m->n_filter = m->n_pages = 0;
    each_live(m, enter_region);
}

bool dbt_map_wants_rebuild(const DbtMap *m)
{
    return m->n_tombs > table_size(m) / 8 ||
           (m->n_filter > filter_size(m) / 4 && m->n_entries < m->n_filter / 2);
}

bool dbt_map_crowded(const DbtMap *m)
{
    return m->n_entries > (1u << DBT_HASH_BITS) / 2 || m->n_pages > PAGE_SIZE / 2;
}
