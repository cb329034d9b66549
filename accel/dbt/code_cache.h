/*
 * CodeCache: memory for generated code and what belongs to it.
 *
 * Layout. One address range: [code, running view][slots], and elsewhere the writing view of the code. Both are cut into
 * segments; a segment has SEG_BYTES of code, SEG_EXITS exits (a data slot and an ExitInfo each), a list of its regions in
 * address order, and an arena for their records. The distances from code to its slots are within rip-relative reach.
 *
 * Write-once (rules.md 8): a byte of code never changes after its region is published, in any process. Code is shared
 * with forked children through the file; a child writes its new code into a file of its own, mapped over the segments
 * that were still unused (code_cache_fork_child). Slots, infos and arenas are private memory, so links are per process.
 *
 * W^X: no address is ever writable and executable, unless the kernel refuses the double mapping; then one mapping
 * serves (cache->wx).
 *
 * Threads: a segment is written by the one thread that claimed it; published regions are read by all. Claiming and
 * releasing lock. Errors: code_cache_init says in err why there is no executable memory.
 */
#ifndef ACCEL_DBT_CODE_CACHE_H
#define ACCEL_DBT_CODE_CACHE_H

#include "base/arena.h"
#include "base/bits.h"
#include "base/lock.h"

enum {
    SEG_BITS = 20,
    SEG_BYTES = 1 << SEG_BITS,
    SEG_EXITS = SEG_BYTES / 32,
    SEG_REGIONS = SEG_BYTES / 64,
    SEG_META = 8 << 20, /* reserved, not used */
};

typedef struct DbtRegion DbtRegion;

/* One way out of a region. Id = segment * SEG_EXITS + index; its slot has the same number. */
typedef struct ExitInfo {
    uint64_t pc;        /* guest address to go on at; of a raise: to report */
    uint32_t stub;      /* unlinked target: bytes from the start of the code */
    uint8_t kind;       /* IrExitKind */
    uint8_t linked;
    uint8_t back;       /* to a lower or equal guest address */
    uint8_t code;       /* CpuExitKind of a raise */
    DbtRegion *to;      /* linked: where to */
    uint32_t next, prev; /* other exits linked to the same region; id + 1, 0 none */
} ExitInfo;

typedef struct CodeSegment {
    uint32_t used;      /* bytes of code */
    uint32_t n_exits;
    uint32_t n_regions; /* published; read by signal handlers */
    bool claimed;
    Arena meta;
    DbtRegion **region; /* [SEG_REGIONS], by address */
    struct CodeSegment *next_open;
} CodeSegment;

typedef struct CodeCache {
    uint8_t *rx, *rw;   /* the two views; equal when wx */
    uint64_t *slot;     /* [n_segments * SEG_EXITS] */
    ExitInfo *exit;     /* likewise */
    CodeSegment *segment;
    char *meta;         /* n_segments * SEG_META */
    unsigned n_segments, next; /* next: first never used */
    CodeSegment *open;  /* released with room left */
    bool wx;
    bool shared;        /* forked: the file of the unused segments is the parent's */
    Lock lock;
} CodeCache;

/* `map` gives address space that is never the guest's. */
bool code_cache_init(CodeCache *c, size_t bytes, void *(*map)(void *opaque, size_t bytes), void *opaque, char *err,
                     size_t err_cap);
void code_cache_clear(CodeCache *c);
/* A segment with room for at least `room` bytes, or NULL: the cache is full. */
CodeSegment *code_cache_claim(CodeCache *c, uint32_t room);
void code_cache_release(CodeCache *c, CodeSegment *s);
void code_cache_fork_child(CodeCache *c);
/* All segments are empty again, with fresh memory. Nobody may be in generated code. Segment 0 (the stubs) stays. */
bool code_cache_reset(CodeCache *c);

static inline unsigned code_segment_index(const CodeCache *c, const CodeSegment *s) { return (unsigned)(s - c->segment); }
static inline uint8_t *code_segment_rw(const CodeCache *c, const CodeSegment *s)
{
    return c->rw + ((size_t)code_segment_index(c, s) << SEG_BITS);
}
static inline bool code_cache_has(const CodeCache *c, uint64_t rx_pc)
{
    return rx_pc - (uint64_t)(uintptr_t)c->rx < (uint64_t)c->n_segments << SEG_BITS;
}
/* The region that contains a running address, NULL: none (a stub). Safe in signal handlers. */
DbtRegion *code_cache_find(const CodeCache *c, uint64_t rx_pc);

#endif
