#include "accel/dbt/code_cache.h"
#include "accel/dbt/region.h"
#include "base/fmt.h"
#include "base/sys.h"

#include <linux/memfd.h>
#include <sys/mman.h>

static size_t code_bytes(const CodeCache *c) { return (size_t)c->n_segments << SEG_BITS; }

/* Backs the segments from `first` on with a new file, seen through both views. */
static bool map_file(CodeCache *c, unsigned first)
{
    size_t at = (size_t)first << SEG_BITS, len = code_bytes(c) - at;
    long fd = sys_call2(SYS_memfd_create, "tinamou-code", MFD_CLOEXEC);
    if (sys_is_err(fd))
        return false;
    bool ok = !sys_is_err(sys_call2(SYS_ftruncate, fd, len)) &&
              !sys_is_err(sys_mmap(c->rw + at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
                                   (int)fd, 0)) &&
              !sys_is_err(sys_mmap(c->rx + at, len, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
                                   (int)fd, 0));
    sys_close((int)fd);
    return ok;
}

/* The fall-back: one private mapping, writable and executable. */
static bool map_wx(CodeCache *c, unsigned first)
{
    size_t at = (size_t)first << SEG_BITS, len = code_bytes(c) - at;
    c->rw = c->rx;
    c->wx = true;
    return !sys_is_err(sys_mmap(c->rx + at, len, PROT_READ | PROT_WRITE | PROT_EXEC,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0));
}

static void init_segment(CodeCache *c, unsigned k)
{
    CodeSegment *s = &c->segment[k];
    *s = (CodeSegment){.claimed = true};
    s->meta = (Arena){.base = c->meta + (size_t)k * SEG_META, .limit = SEG_META};
    s->region = arena_array(&s->meta, DbtRegion *, SEG_REGIONS);
}

bool code_cache_init(CodeCache *c, size_t bytes, void *(*map)(void *opaque, size_t bytes), void *opaque, char *err,
                     size_t err_cap)
{
    *c = (CodeCache){.n_segments = (unsigned)MAX(bytes >> SEG_BITS, 4)};
    lock_init(&c->lock, LOCK_RANK_LINK);
    size_t code = code_bytes(c), n_exits = (size_t)c->n_segments * SEG_EXITS;
    c->rx = map(opaque, code + n_exits * sizeof(uint64_t));
    c->rw = map(opaque, code);
    c->exit = map(opaque, n_exits * sizeof(ExitInfo));
    c->segment = map(opaque, c->n_segments * sizeof(CodeSegment));
    c->meta = map(opaque, (size_t)c->n_segments * SEG_META);
    Fmt f = {.buf = err, .cap = err_cap};
    if (!c->rx || !c->rw || !c->exit || !c->segment || !c->meta) {
        fmt_puts(&f, "no address space for the code cache");
        return false;
    }
    c->slot = (uint64_t *)(void *)(c->rx + code);
    if (!map_file(c, 0) && !map_wx(c, 0)) {
        fmt_puts(&f, "executable memory is refused");
        return false;
    }
    return true;
}

void code_cache_clear(CodeCache *c) { *c = (CodeCache){0}; } /* the address space is the owner's */

CodeSegment *code_cache_claim(CodeCache *c, uint32_t room)
{
    CodeSegment *s = NULL;
    lock_take(&c->lock);
    for (CodeSegment **p = &c->open; *p; p = &(*p)->next_open) {
        if (SEG_BYTES - (*p)->used >= room && SEG_EXITS - (*p)->n_exits >= 512) {
            s = *p;
            *p = s->next_open;
            s->claimed = true;
            break;
        }
    }
    if (!s && c->next < c->n_segments) {
        bool ok = true;
        if (c->shared) {
            ok = c->wx ? map_wx(c, c->next) : map_file(c, c->next);
            c->shared = !ok;
        }
        if (ok) {
            init_segment(c, c->next);
            s = &c->segment[c->next++];
        }
    }
    lock_release(&c->lock);
    return s;
}

void code_cache_release(CodeCache *c, CodeSegment *s)
{
    if (!s)
        return;
    lock_take(&c->lock);
    s->claimed = false;
    s->next_open = c->open;
    c->open = s;
    lock_release(&c->lock);
}

void code_cache_fork_child(CodeCache *c)
{
    c->lock.state = 0;
    c->open = NULL; /* their files are the parent's to write */
    c->shared = true;
}

bool code_cache_reset(CodeCache *c)
{
    for (unsigned k = 1; k < c->next; k++)
        sys_madvise(c->meta + (size_t)k * SEG_META, SEG_META, MADV_DONTNEED);
    c->next = 1;
    c->open = NULL;
    return c->wx ? map_wx(c, 1) : map_file(c, 1);
}

DbtRegion *code_cache_find(const CodeCache *c, uint64_t rx_pc)
{
    if (!code_cache_has(c, rx_pc))
        return NULL;
    const CodeSegment *s = &c->segment[(rx_pc - (uint64_t)(uintptr_t)c->rx) >> SEG_BITS];
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
