/*
 * DbtRegion: a piece of generated code and what is known about it; DbtMap: finding, linking and dropping
 * regions.
 *
 * Life: filled by its translator (dead), published by dbt_map_insert(), found by anybody, dropped by
 * dbt_map_invalidate(). A dropped region can still be running; it is only unreachable: no slot, table entry
 * or jump cache of a cpu that has passed a poll leads to it. Its memory goes when its segment is evicted,
 * with all cpus outside.
 * Links: exit slots of other regions that jump here are on a list through ExitInfo.
 *
 * Regions from pages that the guest can write hold a copy of the guest's bytes. They are checked when they
 * were last compared since the last fence (dbt_map_fence()); only then may slots and jump caches lead to
 * them. So a fence costs as much as there is code that ran since the last one, and what does not run again is
 * never compared again. Some are `guarded`: the guest cannot write their pages without dbt_map_recheck()
 * being called before; fences do not concern them.
 *
 * Jump caches belong to their cpus: addresses that stop being valid are put into a ring (DbtMap.gone), each
 * cpu removes them before it next enters generated code (DbtCpu.gone). A machine's cpu says of a region in
 * which place of its jump cache it is going to stand, then looks whether it is dead; who drops one makes it
 * dead, then looks whether it stands anywhere. Return stacks hold exit slots, which
 * say where they lead as long as their segment is not evicted; then they are cleared whole.
 *
 * Locks: `lock` (the cache's) for everything but look-ups, which are lock-free. Evicting and rebuilding: with
 * all cpus outside besides.
 */
#ifndef ACCEL_DBT_REGION_H
#define ACCEL_DBT_REGION_H

#include "accel/accel_priv.h"
#include "accel/dbt/code_cache.h"
#include "tcg/host/x86_64/x64.h"

/* A run of guest bytes, as in SuperblockRun; entry of its page's list. */
typedef struct DbtRun {
    uint64_t pc;
    uint32_t len;
    uint32_t k;            /* DbtRegion.run[k] */
    struct DbtRun *next, **prev;
} DbtRun;

/* What a fault in a region has to know. */
typedef struct DbtRecovery {
    const X64Record *record; /* [n_records], by host address */
    const X64Pin *loop_pin;  /* [n_loop_pins] */
    const X64FlRecipe *fl;
    const uint64_t *guest_pc; /* by X64Record.ordinal */
    uint16_t n_records, n_pcs;
    uint8_t n_loop_pins, n_fl;
} DbtRecovery;

/* What a region of writable pages is compared by. */
typedef struct DbtBytes {
    const uint8_t *bytes;  /* what it was made from, run after run */
    uint64_t checked;      /* DbtMap.fence when they were last found in memory; DBT_GUARDED */
    DbtRegion *next, **prev; /* lists DbtMap.checked */
} DbtBytes;

/* There are many: what most of them do not need is elsewhere. */
struct DbtRegion {
    uint64_t pc;
    uint32_t ctx;
    uint32_t size;         /* bytes of host code */
    uint64_t rx;           /* entry, running address */
    uint32_t first_exit;
    uint32_t linked_from;  /* list of exits that jump here, id + 1 */
    uint16_t n_exits;
    uint16_t place;        /* machines: where jump caches have had it: 0 nowhere, index + 1, DBT_PLACES */
    uint8_t n_runs;
    bool brief;            /* made as code that runs once: a jump back that comes often is worth a better
                            * one */
    bool dead;             /* not in the map */
    bool blocked;          /* not to be jumped to without C code looking at it: dead, or not checked */
    bool writable, guarded;
    uint64_t second;       /* Superblock.second; nothing links to such a region */
    DbtRecovery *recovery; /* NULL: no instruction of it faults on the host */
    DbtBytes *own;         /* writable */
    DbtRun run[];          /* [n_runs] */
};

static inline DbtRegion *dbt_run_region(DbtRun *run)
{
    return (DbtRegion *)(void *)((char *)(run - run->k) - offsetof(DbtRegion, run));
}

enum { DBT_HASH_FIRST_BITS = 11, DBT_HASH_MIN_BITS = 13, DBT_HASH_BITS = 20, DBT_HASH_FOLD = 16,
       DBT_PAGE_BITS = 16, DBT_FILTER_BITS = 20, DBT_GONE = 128, DBT_CHANGES = 64,
       DBT_PLACES = 0xffff /* in more than one place */ };

typedef struct DbtPage {
    Gva page;           /* address | 1; 0 = free */
    DbtRun *first[2]; /* of regions that cannot be written, of those that can */
} DbtPage;

/* The key stands in the table, so that a probe touches one line. Generated code reads this (x64_stubs.c), and
 * compares the region's own pc: between its two loads the entry may become another region's. The pointer is
 * never taken back. */
typedef struct DbtEntry {
    uint64_t pc;         /* + 1; 0 = free, DBT_TOMB = removed; written last */
    DbtRegion *region;
} DbtEntry;

enum { DBT_TOMB = 2 };
#define DBT_GUARDED (UINT64_MAX - 1) /* no fence comes that far */

typedef struct DbtChange {
    Gva start, end;
} DbtChange;

typedef struct DbtMap {
    CodeCache *cache;
    DbtEntry *table;     /* [mask + 1], open addressing; room for 1 << DBT_HASH_BITS */
    uint32_t mask;       /* of DBT_HASH_FIRST_BITS, later of DBT_HASH_MIN_BITS and more (dbt_map_rebuild()):
                          * each page that is touched costs a small program a microsecond */
    uint32_t n_entries, n_tombs;
    bool scatter;          /* machines: many regions of one pc, which only differ in ctx, and a kernel's are
                            * dense. Else generated code looks in here */
    DbtPage *page;         /* [1 << DBT_PAGE_BITS], open addressing; read and written under the lock only */
    uint32_t n_pages;      /* with those whose list is empty by now */
    DbtRegion *checked[2]; /* writable ones that may run: not guarded, guarded */
    uint64_t fence;        /* goes up with each fence */
    uint64_t *filter;    /* a bit per hash of a region's pc, set until dbt_map_rebuild(): most look-ups of the
                          * superblock builder end here */
    uint32_t n_filter;   /* insertions since then */
    uint64_t generation; /* goes up with each invalidation; the last ones: */
    DbtChange change[DBT_CHANGES];
    uint64_t n_gone;     /* ever; the last ones: */
    Gva gone[DBT_GONE];
    uint16_t gone_place[DBT_GONE];
} DbtMap;

typedef enum DbtInsert { DBT_INSERTED, DBT_CHANGED, DBT_FULL } DbtInsert;

/* Is there a region at pc? Cheap when the answer is no. */
bool dbt_map_known(const DbtMap *m, Gva pc, uint32_t ctx);
DbtRegion *dbt_map_find(const DbtMap *m, Gva pc, uint32_t ctx);
/* May the region run, as far as fences go? */
static inline bool dbt_region_checked(const DbtMap *m, const DbtRegion *r)
{
    uint64_t now = r->guarded ? DBT_GUARDED : __atomic_load_n(&m->fence, __ATOMIC_ACQUIRE);
    return !r->writable || __atomic_load_n(&r->own->checked, __ATOMIC_ACQUIRE) == now;
}
/* Compares its bytes with memory. False: look again; if they differ, or `allowed` is false, it is dropped.
 * allowed: the guest may execute them, as found out after `generation` was read. */
bool dbt_map_check(DbtMap *m, DbtRegion *r, uint64_t generation, bool allowed);
/* generation, fence: of before its bytes were read. CHANGED: bytes of it were invalidated since. FULL: a
 * table is. */
DbtInsert dbt_map_insert(DbtMap *m, DbtRegion *r, uint64_t generation, uint64_t fence);
/* The same, and code_cache_release() of the segment that it was made in. */
DbtInsert dbt_map_insert_release(DbtMap *m, DbtRegion *r, uint64_t generation, uint64_t fence,
                                 CodeSegment *seg);
/* Takes the region from the map, so that another can be made of the same bytes. */
void dbt_map_drop(DbtMap *m, DbtRegion *r);
void dbt_map_link(DbtMap *m, uint32_t exit_id, DbtRegion *to);
/* Drops every region with bytes in [start, start + len). Returns how many. */
unsigned dbt_map_invalidate(DbtMap *m, Gva start, uint64_t len);
/* The same, but regions that have kept their bytes stay, to be compared before they run again. */
unsigned dbt_map_recheck(DbtMap *m, Gva start, uint64_t len);
/* Writable regions are compared with memory before they run again. Returns how many may have been running. */
unsigned dbt_map_fence(DbtMap *m);
/* All regions of a segment go, with the links from and to them. Lock held, all cpus outside. */
void dbt_map_evict(DbtMap *m, CodeSegment *s);
/* Tables and filter without what has gone. Lock held, all cpus outside. */
void dbt_map_rebuild(DbtMap *m);
/* Who had the cache's lock was killed in the middle of it (lock.broken): a list may have lost regions, or be
 * a circle. All are made again, which disturbs nobody who runs; the table, which is read without the lock, is
 * rebuilt later, for which the lock stays broken. Under the lock. */
void dbt_map_repair(DbtMap *m);
enum { DBT_REPAIRED = 2 }; /* lock.broken: but for the table */
bool dbt_map_wants_rebuild(const DbtMap *m);
/* Too much that is live? */
bool dbt_map_crowded(const DbtMap *m);
/* Takes from a jump cache what has gone since *gone, indexed by (pc >> shift). False: too much is gone, clear
 * everything. */
struct DbtJump;
bool dbt_map_forget(DbtMap *m, uint64_t *gone, struct DbtJump *jump, unsigned shift);

#endif
