/*
 * DbtRegion: a piece of generated code and what is known about it; DbtMap: finding, linking and dropping regions.
 *
 * Life: filled by its translator, published by dbt_map_insert(), found by anybody, dropped by dbt_map_invalidate().
 * A dropped region can still be running; it is only unreachable: no slot, table entry or jump cache of a thread that
 * has passed a poll leads to it. Its memory goes when the whole cache is reset, with all cpus outside.
 * Links: exit slots of other regions that jump here are on a list through ExitInfo.
 * Locks: `lock` (the cache's) for everything but look-ups, which are lock-free.
 */
#ifndef ACCEL_DBT_REGION_H
#define ACCEL_DBT_REGION_H

#include "accel/accel_priv.h"
#include "accel/dbt/code_cache.h"
#include "tcg/host/x86_64/x64.h"

struct DbtRegion {
    uint64_t pc;
    uint32_t ctx;
    uint32_t size;         /* bytes of host code */
    uint64_t rx;           /* entry, running address */
    uint32_t first_exit, n_exits;
    uint32_t linked_from;  /* list of exits that jump here, id + 1 */
    uint16_t n_records, n_guest;
    uint8_t n_runs;
    uint8_t n_loop_pins;
    bool dead, writable;
    uint64_t hash;         /* of the guest bytes, when writable */
    X64Record *record;     /* by host address */
    X64Pin *loop_pin;      /* [n_loop_pins] */
    uint64_t *guest_pc;    /* [n_guest] */
    DbtRegion *next_writable;
    struct DbtPageRef *ref; /* [n_runs] */
    SuperblockRun run[];
};

/* Entry of a page's list of regions. */
typedef struct DbtPageRef {
    DbtRegion *region;
    struct DbtPageRef *next;
} DbtPageRef;

enum { DBT_HASH_BITS = 20, DBT_PAGE_BITS = 16, DBT_FILTER_BITS = 20 };

typedef struct DbtPage {
    Gva page;           /* address | 1; 0 = free */
    DbtPageRef *first;
} DbtPage;

/* The key stands in the table, so that a probe touches one line. Generated code reads this (x64_stubs.c). */
typedef struct DbtEntry {
    uint64_t pc;         /* | 1; 0 = free; written last */
    DbtRegion *region;
} DbtEntry;

typedef struct DbtMap {
    CodeCache *cache;
    DbtEntry *table;    /* [1 << DBT_HASH_BITS], open addressing */
    uint32_t n_entries;
    DbtPage *page;      /* [1 << DBT_PAGE_BITS], open addressing, never removed from until a reset */
    uint32_t n_pages;
    DbtRegion *writable;
    uint64_t *filter;    /* a bit per hash of a region's pc, never cleared before a reset: most look-ups of the
                          * superblock builder end here */
    uint64_t generation; /* goes up with each invalidation: a translation that saw an older one is not inserted */
} DbtMap;

/* Is there a region at pc? Cheap when the answer is no. */
bool dbt_map_known(const DbtMap *m, Gva pc, uint32_t ctx);
DbtRegion *dbt_map_find(const DbtMap *m, Gva pc, uint32_t ctx);
/* False: the guest bytes may have changed since `generation`, or the tables are full. */
bool dbt_map_insert(DbtMap *m, DbtRegion *r, uint64_t generation);
void dbt_map_link(DbtMap *m, uint32_t exit_id, DbtRegion *to);
/* Drops every region with bytes in [start, start + len). Returns how many. */
unsigned dbt_map_invalidate(DbtMap *m, Gva start, uint64_t len);
/* Drops those regions on writable pages whose bytes are no longer those they were made from. */
unsigned dbt_map_check_writable(DbtMap *m);
uint64_t dbt_bytes_hash(const uint8_t *bytes, size_t n);
/* The same of guest memory as it is now; 0 if it cannot be read. */
uint64_t dbt_runs_hash(const SuperblockRun *run, unsigned n);
void dbt_map_reset(DbtMap *m);

#endif
