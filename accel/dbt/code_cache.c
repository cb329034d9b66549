#include "accel/dbt/code_cache.h"
#include "accel/dbt/region.h"
#include "base/fmt.h"
#include "base/sys.h"

#include <sys/mman.h>

enum { VICTIM_FRACTION = 8, BATCH_FRACTION = 16 };

static size_t code_bytes(const CodeCache *c) { return (size_t)c->n_segments << SEG_BITS; }

/* Backs [at, at + len) of the code with new shared pages, seen through both views. A shared anonymous mapping
 * is doubled by mremap() with an old size of 0 (mremap(2)); a memfd would need a descriptor. */
static bool map_double(CodeCache *c, size_t at, size_t len)
{
    uint8_t *rw = c->rw + at, *rx = c->rx + at;
    return !sys_is_err(sys_mmap(rw, len, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0)) &&
           !sys_is_err(sys_call5(SYS_mremap, rw, 0, len, MREMAP_MAYMOVE | MREMAP_FIXED, rx)) &&
           !sys_is_err(sys_mprotect(rx, len, PROT_READ | PROT_EXEC));
}

/* The fall-back: one private mapping, writable and executable. */
static bool map_wx(CodeCache *c, size_t at, size_t len)
{
    return !sys_is_err(sys_mmap(c->rx + at, len, PROT_READ | PROT_WRITE | PROT_EXEC,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0));
}

static bool map_fresh(CodeCache *c, size_t at, size_t len)
{
    return c->wx ? map_wx(c, at, len) : map_double(c, at, len);
}

static bool map_first(CodeCache *c)
{
    if (map_double(c, 0, code_bytes(c)))
        return true;
    c->rw = c->rx;
    c->wx = true;
    return map_wx(c, 0, code_bytes(c));
}

static CodeSegment *init_segment(CodeCache *c, CodeSegment *s)
{
    char *meta = c->meta + (size_t)code_segment_index(c, s) * SEG_META;
    *s = (CodeSegment){.age = c->clock++, .meta = {.base = meta, .limit = SEG_META}};
    s->region = arena_array(&s->meta, DbtRegion *, SEG_REGIONS);
    return s;
}

bool code_cache_init(CodeCache *c, size_t bytes, unsigned exit_bits, void *(*map)(void *opaque, size_t bytes),
                     void *opaque, char *err, size_t err_cap)
{
    *c = (CodeCache){.n_segments = (unsigned)MAX(bytes >> SEG_BITS, (size_t)CACHE_MIN_SEGMENTS),
                     .exit_bits = exit_bits,
                     .code = SEG_BYTES - ((uint32_t)CACHE_STUB_BYTES << exit_bits)};
    size_t each = align_up(MAX(bytes / CACHE_MIN_SEGMENTS, (size_t)SEG_MIN_BYTES), 4096);
    c->limit = (uint32_t)MIN(each, (size_t)c->code);
    lock_init(&c->lock, LOCK_RANK_LINK);
    size_t code = code_bytes(c), n_exits = (size_t)c->n_segments << exit_bits;
    size_t slots = n_exits * sizeof(uint64_t), segments = align_up(c->n_segments * sizeof(CodeSegment), 4096);
    size_t exits = n_exits * sizeof(ExitInfo), meta = (size_t)c->n_segments * SEG_META;
    uint8_t *p = map(opaque, SEG_BYTES + 2 * code + slots + segments + exits + meta);
    Fmt f = {.buf = err, .cap = err_cap};
    if (!p) {
        fmt_puts(&f, "no address space for the code cache");
        return false;
    }
    c->rw = (uint8_t *)align_up((uintptr_t)p, SEG_BYTES);
    c->rx = c->rw + code;
    c->slot = (uint64_t *)(void *)(c->rx + code);
    c->segment = (CodeSegment *)(void *)(c->rx + code + slots);
    c->exit = (ExitInfo *)(void *)((char *)c->segment + segments);
    c->meta = (char *)c->exit + exits;
    if (!map_first(c)) {
        fmt_puts(&f, "executable memory is refused");
        return false;
    }
    return true;
}

void code_cache_clear(CodeCache *c) { *c = (CodeCache){0}; } /* the address space is the owner's */

/* ---- claiming ---- */

static bool has_room(const CodeCache *c, const CodeSegment *s, unsigned n_exits)
{
    return s->used + SEG_MIN_ROOM <= c->limit && s->n_exits + n_exits <= 1u << c->exit_bits &&
           s->n_regions < SEG_REGIONS;
}

/* A forked child's first use of a segment that the parent still writes: what follows the code is replaced. */
static bool make_own(CodeCache *c, CodeSegment *s)
{
    if (!s->foreign)
        return true;
    size_t base = (size_t)code_segment_index(c, s) << SEG_BITS;
    uint32_t at = (uint32_t)align_up(s->used, 4096);
    uint32_t stubs = (uint32_t)align_up(c->code + s->n_exits * CACHE_STUB_BYTES, 4096);
    if (at >= c->code || stubs >= SEG_BYTES || !map_fresh(c, base + at, c->code - at) ||
        !map_fresh(c, base + stubs, SEG_BYTES - stubs))
        return false;
    s->used = at;
    s->ready = at;
    s->n_exits = (stubs - c->code + CACHE_STUB_BYTES - 1) / CACHE_STUB_BYTES;
    s->foreign = false;
    return true;
}

static CodeSegment *claim_open(CodeCache *c, unsigned n_exits)
{
    for (CodeSegment **p = &c->open; *p;) {
        CodeSegment *s = *p;
        if (has_room(c, s, n_exits) && make_own(c, s) && has_room(c, s, n_exits)) {
            *p = s->next_open;
            return s;
        }
        if (!s->foreign && has_room(c, s, 0)) {
            p = &s->next_open;
            continue;
        }
        *p = s->next_open;
        s->state = SEG_CLOSED;
    }
    return NULL;
}

static bool little_use(const CodeSegment *s)
{
    return s->state == SEG_CLOSED && (uint64_t)s->live * VICTIM_FRACTION < s->used;
}

static CodeSegment *claim_empty(CodeCache *c)
{
    bool dead_weight = false;
    for (unsigned k = 0; k < c->next; k++) {
        if (c->segment[k].state == SEG_UNUSED)
            return init_segment(c, &c->segment[k]);
        dead_weight |= little_use(&c->segment[k]);
    }
    if (dead_weight || c->next == c->n_segments)
        return NULL;
    size_t at = (size_t)c->next << SEG_BITS;
    if (c->shared && !map_fresh(c, at, code_bytes(c) - at))
        return NULL;
    c->shared = false;
    return init_segment(c, &c->segment[c->next++]);
}

CodeSegment *code_cache_claim(CodeCache *c, unsigned n_exits)
{
    lock_take(&c->lock);
    CodeSegment *s = claim_open(c, n_exits);
    if (!s)
        s = claim_empty(c);
    if (s)
        s->state = SEG_CLAIMED;
    lock_release(&c->lock);
    return s;
}

void code_cache_release_locked(CodeCache *c, CodeSegment *s)
{
    if (has_room(c, s, 0)) {
        s->state = SEG_OPEN;
        s->next_open = c->open;
        c->open = s;
    } else {
        s->state = SEG_CLOSED;
    }
}

void code_cache_release(CodeCache *c, CodeSegment *s)
{
    lock_take(&c->lock);
    code_cache_release_locked(c, s);
    lock_release(&c->lock);
}

void code_cache_fork_child(CodeCache *c)
{
    if (!c->wx) /* else the memory is private */
        c->shared = true;
    c->open = NULL;
    for (unsigned k = 0; k < c->next; k++) {
        CodeSegment *s = &c->segment[k];
        if (s->state != SEG_OPEN && s->state != SEG_CLAIMED && s->state != SEG_UNUSED)
            continue;
        /* Unused ones have been recycled: their fresh memory is shared with the parent as well. */
        if (s->state == SEG_UNUSED)
            init_segment(c, s);
        s->foreign = !c->wx;
        s->state = SEG_OPEN;
        s->next_open = c->open;
        c->open = s;
    }
}

/* ---- eviction ---- */

static CodeSegment *find_oldest(CodeCache *c, uint64_t above)
{
    CodeSegment *found = NULL;
    for (unsigned k = 0; k < c->next; k++) {
        CodeSegment *s = &c->segment[k];
        if ((s->state == SEG_CLOSED || s->state == SEG_OPEN || s->state == SEG_CLAIMED) && s->age > above &&
            (!found || s->age < found->age))
            found = s;
    }
    return found;
}

unsigned code_cache_victims(CodeCache *c, bool oldest, CodeSegment **ret, unsigned cap)
{
    unsigned n = 0;
    for (unsigned k = 0; k < c->next && n < cap; k++)
        if (little_use(&c->segment[k]))
            ret[n++] = &c->segment[k];
    if (n || (!oldest && c->next < c->n_segments && !c->shared))
        return n; /* there is room by now */
    unsigned want = MIN(MAX(c->n_segments / BATCH_FRACTION, 1u), cap);
    for (uint64_t above = 0; n < want; above = ret[n++]->age)
        if (!(ret[n] = find_oldest(c, above)))
            break;
    return n;
}

bool code_cache_recycle(CodeCache *c, CodeSegment *s)
{
    for (CodeSegment **p = &c->open; *p; p = &(*p)->next_open) {
        if (*p == s) {
            *p = s->next_open;
            break;
        }
    }
    /* The pointers to regions first: a signal handler may look. */
    __atomic_store_n(&s->n_regions, 0, __ATOMIC_RELEASE);
    s->notes = NULL;
    sys_madvise(s->meta.base, align_up(s->meta.used, 4096), MADV_DONTNEED);
    bool ok = map_fresh(c, (size_t)code_segment_index(c, s) << SEG_BITS, SEG_BYTES);
    s->state = ok ? SEG_UNUSED : SEG_LOST;
    return ok;
}

bool code_cache_hopeless(const CodeCache *c)
{
    for (unsigned k = 0; k < c->n_segments; k++)
        if (c->segment[k].state != SEG_LOST && c->segment[k].state != SEG_FIXED)
            return false;
    return true;
}

/* ---- pages ahead ---- */

enum { AHEAD_FIRST = 16 << 10, AHEAD_MOST = 128 << 10, AHEAD_ROOM = 4 << 10 };

/* A program that has filled a segment gets the next in one page: code that is spread over megabytes waits for
 * the host's TLB more than for its instructions, and one huge page costs less than its small ones. Where the
 * kernel cannot, the pages come as usual. */
static void make_huge(const CodeCache *c, CodeSegment *s)
{
    enum { COLLAPSE = 25 /* MADV_COLLAPSE */, FIRST = 2 };
    size_t at = (size_t)code_segment_index(c, s) << SEG_BITS;
    if (code_segment_index(c, s) < FIRST || c->limit < c->code)
        return;
    *(volatile uint8_t *)(c->rw + at) = 0; /* a hole is refused */
    if (sys_is_err(sys_madvise(c->rx + at, SEG_BYTES, COLLAPSE)))
        return;
    s->ready = c->code;
}

/* Only the code: each of its pages would fault twice, in either view. One fault a page of private memory
 * costs no more than asking for it, and what is asked for in vain costs a microsecond a page. The chunks grow
 * with what was used, so a small program gets few pages that it does not need. A failure is no harm: the
 * pages then come one by one. */
void code_segment_populate(const CodeCache *c, CodeSegment *s)
{
    if (s->used == 0)
        make_huge(c, s);
    if (LIKELY(s->used + AHEAD_ROOM <= s->ready) || c->wx)
        return;
    size_t at = MAX((size_t)s->ready, align_down(s->used, 4096));
    size_t len = MIN(MAX(align_down(at / 2, 4096), (size_t)AHEAD_FIRST), (size_t)AHEAD_MOST);
    if (at + len > c->limit || s->used < AHEAD_ROOM)
        return;
    s->ready = (uint32_t)(at + len);
    uint8_t *rw = code_segment_rw(c, s) + at;
    sys_madvise(rw, len, MADV_POPULATE_WRITE);
    sys_madvise(rw + (c->rx - c->rw), len, MADV_POPULATE_READ);
}

DbtRegion *code_cache_find(const CodeCache *c, uint64_t rx_pc)
{
    if (!code_cache_has(c, rx_pc))
        return NULL;
    const CodeSegment *s = code_cache_segment_at(c, rx_pc);
    unsigned lo = 0, hi = __atomic_load_n(&s->n_regions, __ATOMIC_ACQUIRE);
    while (lo < hi) { /* first region that ends after rx_pc */
        unsigned mid = (lo + hi) / 2;
        if (s->region[mid]->rx + s->region[mid]->size <= rx_pc)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == __atomic_load_n(&s->n_regions, __ATOMIC_ACQUIRE) || s->region[lo]->rx > rx_pc)
        return NULL;
    return s->region[lo];
}
