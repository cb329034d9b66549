#include "accel/dbt/region.h"
#include "base/fault.h"

/* x64_stubs.c computes the same; regions that differ in ctx alone follow each other. */
static uint32_t hash_pc(Gva pc)
{
    return (uint32_t)((pc >> 1) ^ (pc >> (1 + DBT_HASH_BITS))) & ((1u << DBT_HASH_BITS) - 1);
}

DbtRegion *dbt_map_find(const DbtMap *m, Gva pc, uint32_t ctx)
{
    for (uint32_t h = hash_pc(pc);; h = (h + 1) & ((1u << DBT_HASH_BITS) - 1)) {
        const DbtEntry *e = &m->table[h];
        uint64_t key = __atomic_load_n(&e->pc, __ATOMIC_ACQUIRE);
        if (!key)
            return NULL;
        if (key != (pc | 1))
            continue;
        DbtRegion *r = __atomic_load_n(&e->region, __ATOMIC_ACQUIRE);
        if (r->ctx == ctx && !__atomic_load_n(&r->dead, __ATOMIC_RELAXED))
            return r;
    }
}

/* Neighbouring instructions share a word of the filter. */
static uint32_t filter_bit(Gva pc) { return (uint32_t)((pc >> 1) ^ (pc >> 23)) & ((1u << DBT_FILTER_BITS) - 1); }

bool dbt_map_known(const DbtMap *m, Gva pc, uint32_t ctx)
{
    uint32_t bit = filter_bit(pc);
    if (LIKELY(!(__atomic_load_n(&m->filter[bit >> 6], __ATOMIC_RELAXED) >> (bit & 63) & 1)))
        return false;
    return dbt_map_find(m, pc, ctx) != NULL;
}

static DbtPage *find_page(DbtMap *m, Gva page, bool make)
{
    uint32_t h = (uint32_t)((page >> 12) ^ (page >> 28)) & ((1u << DBT_PAGE_BITS) - 1);
    for (;; h = (h + 1) & ((1u << DBT_PAGE_BITS) - 1)) {
        DbtPage *p = &m->page[h];
        if (p->page == (page | 1))
            return p;
        if (p->page == 0) {
            if (!make || m->n_pages >= (1u << DBT_PAGE_BITS) * 3 / 4)
                return NULL;
            m->n_pages++;
            p->page = page | 1;
            return p;
        }
    }
}

bool dbt_map_insert(DbtMap *m, DbtRegion *r, uint64_t generation)
{
    lock_take(&m->cache->lock);
    bool ok = generation == m->generation && m->n_entries < (1u << DBT_HASH_BITS) * 3 / 4;
    for (unsigned k = 0; ok && k < r->n_runs; k++) {
        DbtPage *p = find_page(m, align_down(r->run[k].pc, 4096), true);
        ok = p != NULL;
        if (!ok)
            break;
        r->ref[k] = (DbtPageRef){.region = r, .next = p->first};
        p->first = &r->ref[k];
    }
    if (ok) {
        if (r->writable) {
            r->next_writable = m->writable;
            m->writable = r;
        }
        uint32_t h = hash_pc(r->pc);
        /* The place of a dropped region of the same pc is used again: code that is rewritten must not grow a chain. */
        while (m->table[h].pc && !(m->table[h].pc == (r->pc | 1) && m->table[h].region->dead))
            h = (h + 1) & ((1u << DBT_HASH_BITS) - 1);
        m->n_entries += !m->table[h].pc;
        __atomic_store_n(&m->table[h].region, r, __ATOMIC_RELEASE);
        __atomic_store_n(&m->table[h].pc, r->pc | 1, __ATOMIC_RELEASE);
        uint32_t bit = filter_bit(r->pc);
        __atomic_fetch_or(&m->filter[bit >> 6], 1ull << (bit & 63), __ATOMIC_RELAXED);
    } else {
        r->dead = true;
    }
    lock_release(&m->cache->lock);
    return ok;
}

void dbt_map_link(DbtMap *m, uint32_t id, DbtRegion *to)
{
    CodeCache *c = m->cache;
    lock_take(&c->lock);
    ExitInfo *x = &c->exit[id];
    if (!to->dead && !x->linked) {
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
    __atomic_store_n(&c->slot[id], (uint64_t)(uintptr_t)c->rx + x->stub, __ATOMIC_RELEASE);
    if (x->prev)
        c->exit[x->prev - 1].next = x->next;
    else
        x->to->linked_from = x->next;
    if (x->next)
        c->exit[x->next - 1].prev = x->prev;
    x->linked = 0;
    x->to = NULL;
}

/* Removes the region from everything that leads to it, and its own links from other regions' lists. */
static void drop(DbtMap *m, DbtRegion *r)
{
    CodeCache *c = m->cache;
    if (r->dead)
        return;
    __atomic_store_n(&r->dead, true, __ATOMIC_RELEASE);
    while (r->linked_from)
        unlink_exit(c, r->linked_from - 1);
    for (uint32_t k = 0; k < r->n_exits; k++)
        if (c->exit[r->first_exit + k].linked)
            unlink_exit(c, r->first_exit + k);
    for (unsigned k = 0; k < r->n_runs; k++) {
        DbtPage *p = find_page(m, align_down(r->run[k].pc, 4096), false);
        for (DbtPageRef **ref = &p->first; *ref; ref = &(*ref)->next) {
            if (*ref == &r->ref[k]) {
                *ref = (*ref)->next;
                break;
            }
        }
    }
    if (r->writable) {
        for (DbtRegion **w = &m->writable; *w; w = &(*w)->next_writable) {
            if (*w == r) {
                *w = r->next_writable;
                break;
            }
        }
    }
}

static unsigned drop_page(DbtMap *m, DbtPage *p, Gva start, Gva end)
{
    unsigned n = 0;
    for (DbtPageRef *ref = p->first, *next; ref; ref = next) {
        next = ref->next;
        const SuperblockRun *run = &ref->region->run[ref - ref->region->ref];
        if (run->pc < end && run->pc + run->len > start) {
            drop(m, ref->region);
            n++;
            next = p->first; /* the region may have had other entries here */
        }
    }
    return n;
}

unsigned dbt_map_invalidate(DbtMap *m, Gva start, uint64_t len)
{
    unsigned n = 0;
    Gva end = start + len < start ? UINT64_MAX : start + len;
    lock_take(&m->cache->lock);
    m->generation++;
    if (end - start > (uint64_t)m->n_pages * 4096) { /* fewer pages have code than the range has */
        for (uint32_t h = 0; m->n_pages && h < 1u << DBT_PAGE_BITS; h++)
            if (m->page[h].page && m->page[h].page - 1 < end && m->page[h].page - 1 + 4096 > start)
                n += drop_page(m, &m->page[h], start, end);
    } else {
        for (Gva page = align_down(start, 4096); page < end; page += 4096) {
            DbtPage *p = find_page(m, page, false);
            if (p)
                n += drop_page(m, p, start, end);
        }
    }
    lock_release(&m->cache->lock);
    return n;
}

static uint64_t hash_more(uint64_t h, const uint8_t *bytes, size_t n) /* FNV-1a */
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * 0x100000001b3;
    return h;
}

enum { HASH_START = 0x4bf29ce484222325 };

uint64_t dbt_bytes_hash(const uint8_t *bytes, size_t n) { return hash_more(HASH_START, bytes, n) | 1; }

uint64_t dbt_runs_hash(const SuperblockRun *run, unsigned n)
{
    uint64_t h = HASH_START;
    for (unsigned k = 0; k < n; k++) {
        uint8_t bytes[512];
        for (uint32_t at = 0; at < run[k].len; at += sizeof(bytes)) {
            uint32_t len = MIN(run[k].len - at, (uint32_t)sizeof(bytes));
            if (fault_copy(bytes, (const void *)(uintptr_t)(run[k].pc + at), len))
                return 0;
            h = hash_more(h, bytes, len);
        }
    }
    return h | 1;
}

unsigned dbt_map_check_writable(DbtMap *m)
{
    unsigned n = 0;
    lock_take(&m->cache->lock);
    m->generation++;
    for (DbtRegion *r = m->writable, *next; r; r = next) {
        next = r->next_writable;
        if (dbt_runs_hash(r->run, r->n_runs) != r->hash) {
            drop(m, r);
            n++;
        }
    }
    lock_release(&m->cache->lock);
    return n;
}

void dbt_map_reset(DbtMap *m)
{
    memset(m->table, 0, sizeof(m->table[0]) << DBT_HASH_BITS);
    memset(m->filter, 0, (1u << DBT_FILTER_BITS) / 8);
    memset(m->page, 0, sizeof(m->page[0]) << DBT_PAGE_BITS);
    m->n_entries = m->n_pages = 0;
    m->writable = NULL;
    m->generation++;
}
