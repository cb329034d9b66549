#include "hw/core/mem_map.h"

#include "base/fault.h"
#include "base/sys.h"

#include <sys/mman.h>

/* ---- the view ---- */

typedef struct Flattening {
    const MemMap *m;
    unsigned n;
    uint64_t edge[MEM_MAX_RANGES]; /* addresses where what answers may change */
} Flattening;

static void add_edge(Flattening *f, uint64_t at)
{
    unsigned k = f->n;
    for (unsigned n = 0; n < f->n; n++)
        if (f->edge[n] == at)
            return;
    for (; k > 0 && f->edge[k - 1] > at; k--)
        f->edge[k] = f->edge[k - 1];
    f->edge[k] = at;
    f->n++;
}

static const MemRegion *answers(const MemMap *m, uint64_t at)
{
    const MemRegion *best = NULL;
    for (unsigned k = 0; k < m->n_regions; k++) {
        const MemRegion *r = m->region[k];
        if (!r->off && at - r->base < r->bytes && (!best || r->priority > best->priority))
            best = r;
    }
    return best;
}

enum { MAX_ALIAS_DEPTH = 8 };

static bool resolve(const MemMap *m, uint64_t at, MemRange *ret)
{
    const MemRegion *r = answers(m, at);
    uint64_t off = r ? at - r->base + r->offset : 0;
    for (unsigned n = 0; r && r->kind == MEM_ALIAS; n++) {
        r = r->target;
        if (n == MAX_ALIAS_DEPTH || !r || off >= r->bytes)
            return false;
        off += r->offset;
    }
    ret->region = r;
    ret->offset = off;
    return r != NULL;
}

static bool continues(const MemRange *last, const MemRange *next)
{
    return last->region == next->region && last->end == next->start &&
           last->offset + (last->end - last->start) == next->offset;
}

static void *zeroed(uint64_t bytes)
{
    long p =
        sys_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return sys_is_err(p) ? NULL : (void *)p;
}

static void find_edges(const MemMap *m, Flattening *f)
{
    for (unsigned k = 0; k < m->n_regions; k++) {
        const MemRegion *r = m->region[k];
        if (r->off)
            continue;
        add_edge(f, r->base);
        add_edge(f, r->base + r->bytes);
        if (r->kind == MEM_ALIAS && r->target && r->offset < r->target->bytes)
            add_edge(f, r->base + (r->target->bytes - r->offset));
    }
}

/* Views are read while they are written: who read too late finds out by `begun`. Releasing stores keep the
 * order of what is said there. */
static void range_put(MemRange *to, const MemRange *r)
{
    __atomic_store_n(&to->start, r->start, __ATOMIC_RELEASE);
    __atomic_store_n(&to->end, r->end, __ATOMIC_RELEASE);
    __atomic_store_n(&to->region, r->region, __ATOMIC_RELEASE);
    __atomic_store_n(&to->offset, r->offset, __ATOMIC_RELEASE);
}

static MemRange range_get(const MemRange *r)
{
    return (MemRange){.start = __atomic_load_n(&r->start, __ATOMIC_ACQUIRE),
                      .end = __atomic_load_n(&r->end, __ATOMIC_ACQUIRE),
                      .region = __atomic_load_n(&r->region, __ATOMIC_ACQUIRE),
                      .offset = __atomic_load_n(&r->offset, __ATOMIC_ACQUIRE)};
}

void mem_map_update(MemMap *m)
{
    Flattening f = {.m = m};
    MemView *v = &m->view[(m->shown + 1) & 1];
    MemRange last = {0};
    unsigned n = 0;
    find_edges(m, &f);
    __atomic_store_n(&m->begun, m->shown + 1, __ATOMIC_RELEASE);
    for (unsigned k = 0; k + 1 < f.n; k++) {
        MemRange next = {.start = f.edge[k], .end = f.edge[k + 1]};
        if (!resolve(m, next.start, &next))
            continue;
        if (n && continues(&last, &next))
            last.end = next.end, n--;
        else
            last = next;
        range_put(&v->range[n++], &last);
    }
    __atomic_store_n(&v->n, n, __ATOMIC_RELEASE);
    __atomic_store_n(&m->shown, m->shown + 1, __ATOMIC_RELEASE);
    if (m->changed)
        m->changed(m->opaque);
}

void mem_map_set_reads(MemMap *m, MemRegion *r, bool device)
{
    if (r->reads_device == device)
        return;
    __atomic_store_n(&r->reads_device, device, __ATOMIC_RELEASE);
    if (m->changed)
        m->changed(m->opaque);
}

void mem_map_init(MemMap *m)
{
    *m = (MemMap){0};
    mem_map_update(m);
}

void mem_map_clear(MemMap *m) { *m = (MemMap){0}; }

bool mem_map_add(MemMap *m, MemRegion *r)
{
    if (m->n_regions == MEM_MAX_REGIONS)
        return false;
    m->region[m->n_regions++] = r;
    r->map = m;
    mem_map_update(m);
    return true;
}

void mem_map_remove(MemMap *m, MemRegion *r)
{
    for (unsigned k = 0; k < m->n_regions; k++) {
        if (m->region[k] != r)
            continue;
        m->region[k] = m->region[--m->n_regions];
        r->map = NULL;
        mem_map_update(m);
        return;
    }
}

/* ---- RAM ---- */

enum { PAGE = 4096, HUGE = 2 << 20 };

/* With a page before and one behind it that nobody may touch. The host is asked for large pages. */
static uint8_t *guarded(uint64_t bytes)
{
    uint64_t align = bytes >= HUGE ? HUGE : PAGE, room = bytes + align + 2 * PAGE;
    long p = sys_mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_is_err(p))
        return NULL;
    uint64_t start = (uint64_t)p, at = align_up(start + PAGE, align), end = at + bytes + PAGE;
    if (at - PAGE > start)
        sys_munmap((void *)start, at - PAGE - start);
    if (start + room > end)
        sys_munmap((void *)end, start + room - end);
    if (sys_is_err(sys_mprotect((void *)at, bytes, PROT_READ | PROT_WRITE))) {
        sys_munmap((void *)(at - PAGE), bytes + 2 * PAGE);
        return NULL;
    }
    if (align == HUGE)
        sys_madvise((void *)at, bytes, MADV_HUGEPAGE); /* as the host has them */
    return (uint8_t *)at;
}

bool ram_block_init(RamBlock *b, const char *name, uint64_t bytes, uint64_t base)
{
    Fmt f = FMT_ON(b->name);
    *b = (RamBlock){.bytes = align_up(bytes, 4096), .base = base};
    fmt_puts(&f, name);
    b->host = guarded(b->bytes);
    b->code = zeroed(b->bytes / 4096 * 8);
    b->written = zeroed(b->bytes / 4096 * 2);
    b->even = zeroed(b->bytes / 4096);
    if (b->host && b->code && b->written && b->even)
        return true;
    ram_block_clear(b);
    return false;
}

void ram_block_clear(RamBlock *b)
{
    if (b->host)
        sys_munmap(b->host - PAGE, b->bytes + 2 * PAGE);
    if (b->code)
        sys_munmap(b->code, b->bytes / 4096 * 8);
    if (b->written)
        sys_munmap(b->written, align_up(b->bytes / 4096 * 2, 4096));
    if (b->even)
        sys_munmap(b->even, align_up(b->bytes / 4096, 4096));
    *b = (RamBlock){0};
}

/* ---- access ---- */

/* The first range that ends behind gpa. */
static bool view_find(const MemView *v, uint64_t gpa, MemRange *ret)
{
    unsigned lo = 0, hi = __atomic_load_n(&v->n, __ATOMIC_ACQUIRE), n = hi;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (__atomic_load_n(&v->range[mid].end, __ATOMIC_ACQUIRE) <= gpa)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < n)
        *ret = range_get(&v->range[lo]);
    return lo < n;
}

bool mem_map_next(const MemMap *m, uint64_t gpa, MemRange *ret)
{
    for (;;) {
        uint64_t shown = __atomic_load_n(&m->shown, __ATOMIC_ACQUIRE);
        bool found = view_find(&m->view[shown & 1], gpa, ret);
        if (LIKELY(__atomic_load_n(&m->begun, __ATOMIC_ACQUIRE) - shown < 2))
            return found;
    }
}

bool mem_map_find(const MemMap *m, uint64_t gpa, MemRange *ret)
{
    return mem_map_next(m, gpa, ret) && ret->start <= gpa;
}

static bool reads_memory(const MemRegion *r)
{
    return r->kind <= MEM_ROM_DEVICE && !r->reads_device;
}

uint8_t *mem_map_host(const MemMap *m, uint64_t gpa, bool write, uint64_t *ret_left)
{
    MemRange r;
    if (!mem_map_find(m, gpa, &r) || !reads_memory(r.region) || (write && r.region->kind != MEM_RAM))
        return NULL;
    *ret_left = r.end - gpa;
    return r.region->ram->host + r.offset + (gpa - r.start);
}

bool mem_range_takes(const MemRange *r, unsigned size, bool write)
{
    const MemRegion *g = r->region;
    return write ? g->kind <= MEM_ROM || size >= g->ops->min : reads_memory(g) || size >= g->ops->min;
}

static uint64_t part_read(const MemRegion *r, unsigned cpu, uint64_t offset, unsigned size)
{
    return r->ops->read_by ? r->ops->read_by(r->dev, cpu, offset, size) : r->ops->read(r->dev, offset, size);
}

static void part_write(const MemRegion *r, unsigned cpu, uint64_t offset, uint64_t value, unsigned size)
{
    if (r->ops->write_by)
        r->ops->write_by(r->dev, cpu, offset, value, size);
    else
        r->ops->write(r->dev, offset, value, size);
}

static uint64_t device_read(const MemRegion *r, unsigned cpu, uint64_t offset, unsigned size)
{
    unsigned part = MIN(size, r->ops->max);
    uint64_t v = 0;
    for (unsigned at = 0; at < size; at += part)
        v |= (part_read(r, cpu, offset + at, part) & (part == 8 ? ~0ull : (1ull << part * 8) - 1)) << at * 8;
    return v;
}

static void device_write(const MemRegion *r, unsigned cpu, uint64_t offset, unsigned size, uint64_t value)
{
    unsigned part = MIN(size, r->ops->max);
    for (unsigned at = 0; at < size; at += part)
        part_write(r, cpu, offset + at, part == 8 ? value : value >> at * 8 & ((1ull << part * 8) - 1), part);
}

static void trace(const MemRegion *g, MemAccess a)
{
    const MemTrace *t = __atomic_load_n(&g->trace, __ATOMIC_ACQUIRE);
    if (t)
        t->access(t->opaque, g, &a);
}

bool mem_range_read_by(const MemRange *r, unsigned cpu, uint64_t gpa, unsigned size, uint64_t *ret)
{
    const MemRegion *g = r->region;
    uint64_t offset = r->offset + (gpa - r->start);
    if (reads_memory(g)) {
        *ret = fault_ld((uint64_t)(uintptr_t)g->ram->host + offset, size).val;
        return true;
    }
    if (size < g->ops->min)
        return false;
    if (g->lock)
        lock_take(g->lock);
    *ret = device_read(g, cpu, offset, size);
    if (g->lock)
        lock_release(g->lock);
    if (UNLIKELY(g->trace))
        trace(g, (MemAccess){.offset = offset, .value = *ret, .cpu = cpu, .size = size});
    return true;
}

/* After the bytes were written: who translates marks them first and reads them then, so that one of the two
 * sees the other. */
void mem_map_note_write(const MemMap *m, RamBlock *ram, uint64_t offset, uint64_t bytes)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    ram_note_dirty(ram, offset, bytes);
    for (uint64_t at = offset, n; at < offset + bytes; at += n) {
        n = MIN(offset + bytes - at, 4096 - at % 4096);
        if (UNLIKELY(ram_has_code(ram, at, (unsigned)n)) && m->code_written)
            m->code_written(m->opaque, ram, at, n);
    }
}

bool mem_range_write_by(const MemMap *m, const MemRange *r, unsigned cpu, uint64_t gpa, unsigned size,
                        uint64_t value)
{
    const MemRegion *g = r->region;
    uint64_t offset = r->offset + (gpa - r->start);
    switch ((MemKind)g->kind) {
    case MEM_RAM:
        fault_st((uint64_t)(uintptr_t)g->ram->host + offset, value, size);
        mem_map_note_write(m, g->ram, offset, size);
        return true;
    case MEM_ROM: return true;
    default: break;
    }
    if (size < g->ops->min)
        return false;
    if (g->lock)
        lock_take(g->lock);
    device_write(g, cpu, offset, size, value);
    if (g->lock)
        lock_release(g->lock);
    if (UNLIKELY(g->trace))
        trace(g, (MemAccess){.offset = offset, .value = value, .cpu = cpu, .size = size, .write = true});
    return true;
}

bool mem_map_read(const MemMap *m, uint64_t gpa, void *to, uint64_t bytes)
{
    for (uint64_t n; bytes; bytes -= n, gpa += n, to = (char *)to + n) {
        uint64_t left;
        const uint8_t *p = mem_map_host(m, gpa, false, &left);
        if (!p)
            return false;
        n = MIN(left, bytes);
        memcpy(to, p, n);
    }
    return true;
}

static bool put_bytes(const MemMap *m, uint64_t gpa, const void *from, uint64_t bytes, bool rom)
{
    for (uint64_t n; bytes; bytes -= n, gpa += n, from = (const char *)from + n) {
        MemRange r;
        if (!mem_map_find(m, gpa, &r) ||
            (r.region->kind != MEM_RAM && !(rom && r.region->kind <= MEM_ROM_DEVICE)))
            return false;
        uint64_t offset = r.offset + (gpa - r.start);
        n = MIN(r.end - gpa, bytes);
        memcpy(r.region->ram->host + offset, from, n);
        mem_map_note_write(m, r.region->ram, offset, n);
    }
    return true;
}

bool mem_map_write(const MemMap *m, uint64_t gpa, const void *from, uint64_t bytes)
{
    return put_bytes(m, gpa, from, bytes, false);
}
bool mem_map_load(const MemMap *m, uint64_t gpa, const void *from, uint64_t bytes)
{
    return put_bytes(m, gpa, from, bytes, true);
}

bool mem_map_discard(const MemMap *m, uint64_t gpa, uint64_t bytes)
{
    MemRange r;
    if (!mem_map_find(m, gpa, &r) || r.region->kind != MEM_RAM || bytes > r.end - gpa || gpa % 4096 ||
        bytes % 4096)
        return false;
    uint64_t offset = r.offset + (gpa - r.start);
    if (offset % 4096)
        return false;
    sys_madvise(r.region->ram->host + offset, bytes, MADV_DONTNEED);
    mem_map_note_write(m, r.region->ram, offset, bytes);
    return true;
}

void mem_map_print(const MemMap *m, Fmt *out)
{
    static const char kind[][8] = {"ram", "rom", "romd", "i/o", "alias"};
    MemRange r;
    for (uint64_t at = 0; mem_map_next(m, at, &r); at = r.end) {
        fmt_printf(out, "  %016lx-%016lx %s %s", (unsigned long)r.start, (unsigned long)(r.end - 1),
                   kind[r.region->kind], r.region->name);
        if (r.offset)
            fmt_printf(out, " @%lx", (unsigned long)r.offset);
        fmt_putc(out, '\n');
        if (!r.end) /* the end of all addresses */
            break;
    }
}
