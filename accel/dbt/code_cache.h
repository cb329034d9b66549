/*
 * CodeCache: memory for generated code and what belongs to it.
 *
 * Layout. One address range: [code, running view][slots], and elsewhere the writing view of the code. Both
 * are cut into segments; a segment has room for 1 << exit_bits exits (a stub of CACHE_STUB_BYTES behind the
 * code, elsewhere a data slot and an ExitInfo each), the rest is for code; it has, a list of its regions in
 * address order, and an arena for their records. The distances from code to its slots are within rip-relative
 * reach.
 *
 * Write-once (rules.md 8): a byte of code never changes after its region is published, in any process. The
 * pages of code are shared with forked children; a child maps pages of its own over what was still unused,
 * before it writes (code_cache_fork_child). Slots, infos and arenas are private memory, so links are per
 * process. No descriptor is open, not even for a moment: those numbers are the guest's.
 *
 * Eviction: whole segments, oldest first, by fresh memory mapped over them (code_cache_recycle); forked
 * processes keep the old pages. Segments of which little is still in use go before the cache grows
 * (code_cache_victims).
 *
 * W^X: no address is ever writable and executable, unless the kernel refuses the double mapping; then one
 * private mapping serves (cache->wx).
 *
 * Threads: a segment is written by the one thread that claimed it, for one translation; published regions are
 * read by all. Claiming and releasing lock. Errors: code_cache_init says in err why there is no executable
 * memory.
 */
#ifndef ACCEL_DBT_CODE_CACHE_H
#define ACCEL_DBT_CODE_CACHE_H

#include "base/arena.h"
#include "base/bits.h"
#include "base/lock.h"

enum {
    SEG_BITS = 21, /* a huge page */
    SEG_BYTES = 1 << SEG_BITS,
    SEG_MIN_BYTES = 64 << 10, /* used of each segment in the smallest of caches */
    SEG_MIN_ROOM = 16 << 10,  /* a claimed segment has at least this much */
    SEG_EXIT_BITS = 16,       /* user mode: 32 bytes of code for an exit */
    SEG_EXIT_BITS_PAGED = 14, /* machines: 190 */
    CACHE_STUB_BYTES = 10,
    SEG_REGIONS = SEG_BYTES / 64,
    SEG_META = 16 << 20, /* reserved, not used */
    CACHE_MIN_SEGMENTS = 4,
};

typedef struct DbtRegion DbtRegion;

/* One way out of a region. Id = segment << exit_bits | index; its slot has the same number. */
typedef struct ExitInfo {
    uint64_t pc;        /* guest address to go on at; of a raise: to report */
    DbtRegion *to;      /* linked: where to */
    uint32_t next, prev; /* other exits linked to the same region; id + 1, 0 none */
    uint8_t kind;       /* IrExitKind */
    uint8_t linked;
    uint8_t back;       /* to a lower or equal guest address */
    uint8_t code;       /* CpuExitKind of a raise */
    uint8_t visits;     /* back: how often C code was here, up to a limit; any thread */
} ExitInfo;

typedef enum SegmentState {
    SEG_UNUSED,  /* empty; its memory is fresh, or not there yet */
    SEG_OPEN,    /* on the list of those with room left */
    SEG_CLAIMED, /* a thread translates into it */
    SEG_CLOSED,  /* full */
    SEG_FIXED,   /* the stubs */
    SEG_LOST,    /* no memory could be mapped there again */
} SegmentState;

typedef struct CodeSegment {
    uint32_t used;      /* bytes of code */
    uint32_t n_exits;
    uint32_t n_regions; /* published; read by signal handlers */
    uint32_t ready;     /* how far code_segment_populate() has got, bytes of code */
    uint32_t live;      /* bytes of code of regions that can still be found; changes under the lock */
    uint8_t state;      /* SegmentState */
    bool foreign;       /* forked: the pages behind `used` are the parent's to write */
    uint64_t age;       /* the lower, the older */
    Arena meta;
    struct DbtNote *notes, *last_note; /* kept.h; the first, in the order in which they were made */
    DbtRegion **region; /* [SEG_REGIONS], by address */
    struct CodeSegment *next_open;
} CodeSegment;

typedef struct CodeCache {
    uint8_t *rx, *rw;   /* the two views; equal when wx */
    uint64_t *slot;     /* [n_segments << exit_bits] */
    ExitInfo *exit;     /* likewise */
    CodeSegment *segment;
    char *meta;         /* n_segments * SEG_META */
    unsigned n_segments, next; /* next: first never used */
    unsigned exit_bits;
    uint32_t code;      /* bytes for code in a segment, whole pages; */
    uint32_t limit;     /* these, but in tiny caches */
    uint64_t clock;     /* age of the next segment */
    CodeSegment *open;
    bool wx;
    bool shared;        /* forked: the pages of the segments from `next` on are the parent's */
    Lock lock;
} CodeCache;

/* `map` gives address space that is never the guest's. */
bool code_cache_init(CodeCache *c, size_t bytes, unsigned exit_bits, void *(*map)(void *opaque, size_t bytes),
                     void *opaque, char *err, size_t err_cap);
void code_cache_clear(CodeCache *c);
/* A segment with room for a region of n_exits, or NULL: recycle something first. */
CodeSegment *code_cache_claim(CodeCache *c, unsigned n_exits);
void code_cache_release(CodeCache *c, CodeSegment *s);
void code_cache_release_locked(CodeCache *c, CodeSegment *s); /* the caller has the lock */
void code_cache_fork_child(CodeCache *c);

static inline unsigned code_segment_index(const CodeCache *c, const CodeSegment *s)
{
    return (unsigned)(s - c->segment);
}

/* Eviction: all cpus are outside of generated code and no one translates; the caller holds the lock. */
/* The segments to empty now, at most cap: those of little use, or else, if the cache is full or `oldest` is
 * set, the oldest. */
unsigned code_cache_victims(CodeCache *c, bool oldest, CodeSegment **ret, unsigned cap);
/* Has memory for new code been lost for good? */
bool code_cache_hopeless(const CodeCache *c);
/* Makes the segment empty, on fresh memory. Nothing may lead to its regions any more. False: no memory, it is
 * lost. */
bool code_cache_recycle(CodeCache *c, CodeSegment *s);

static inline uint8_t *code_segment_rw(const CodeCache *c, const CodeSegment *s)
{
    return c->rw + ((size_t)code_segment_index(c, s) << SEG_BITS);
}
/* Running address of the next region. */
static inline uint64_t code_segment_next(const CodeCache *c, const CodeSegment *s)
{
    return (uint64_t)(uintptr_t)(c->rx + ((size_t)code_segment_index(c, s) << SEG_BITS) + s->used);
}
static inline uint32_t code_segment_first_exit(const CodeCache *c, const CodeSegment *s)
{
    return code_segment_index(c, s) << c->exit_bits;
}
/* Of an exit's stub, from the start of the code: what its slot points to while it is not linked. */
static inline size_t code_cache_stub(const CodeCache *c, uint32_t exit_id)
{
    uint32_t index = exit_id & ((1u << c->exit_bits) - 1);
    return ((size_t)(exit_id >> c->exit_bits) << SEG_BITS) + c->code + index * CACHE_STUB_BYTES;
}
static inline bool code_cache_has(const CodeCache *c, uint64_t rx_pc)
{
    return rx_pc - (uint64_t)(uintptr_t)c->rx < (uint64_t)c->n_segments << SEG_BITS;
}
static inline CodeSegment *code_cache_segment_at(const CodeCache *c, uint64_t rx_pc)
{
    return &c->segment[(rx_pc - (uint64_t)(uintptr_t)c->rx) >> SEG_BITS];
}
/* Has the pages of code that the next region will touch mapped, some at a time: less than the cost of their
 * faults. */
void code_segment_populate(const CodeCache *c, CodeSegment *s);
/* The region that contains a running address, NULL: none (a stub). Safe in signal handlers. */
DbtRegion *code_cache_find(const CodeCache *c, uint64_t rx_pc);

#endif
