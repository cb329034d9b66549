/*
 * Translations that are kept from run to run, as the contents of a file
 * (docs/adr/0042-kept-translations.md).
 *
 * A kept region is a copy of what the emitter made, with what its description wants, and with the guest bytes
 * it was made from. What finds it is those bytes alone: a hash of the first of them, of their place in the
 * page and of the context word; then all are compared with the guest's memory as it is now. So it does not
 * matter which file they were mapped from, nor what became of that. Where they are mapped at another address,
 * all that depends on it is moved (X64Reloc, ExitInfo.pc, DbtRecovery.moved). What the code depends on
 * besides is in the file's key. Regions that the guest, or others, can write to are not kept.
 *
 * Who can write the file can run code as the process's owner: what a region's code does is not looked at. All
 * else is read as hostile: nothing leads outside of the file and of the region.
 *
 * The file is mapped, and it may be cut, or its file system gone, at any time: it is read by fault_copy()
 * alone, and what is used of a region is a copy that was checked. What cannot be read is not there.
 *
 * Ownership: the mapping of the file is the caller's and stays as long as the process. Threads: looking up by
 * any; notes by the thread that claimed the segment; writing under the cache's lock.
 */
#ifndef ACCEL_DBT_KEPT_H
#define ACCEL_DBT_KEPT_H

#include "accel/dbt/region.h"

typedef struct Dbt Dbt;
typedef struct DbtScratch DbtScratch;
typedef struct KeptRegion KeptRegion;

/* In its segment's arena: what keeping a region of this run wants besides its description. */
typedef struct DbtNote {
    struct DbtNote *next; /* newer */
    const DbtRegion *region;
    uint64_t look;        /* dbt_kept_look() */
    const X64Reloc *reloc;
    const uint8_t *bytes; /* of the guest, run after run */
    uint32_t n_relocs, n_bytes;
    uint16_t n_insns;
    uint8_t flags;        /* KEPT_* */
} DbtNote;

typedef struct KeptSlot {
    uint32_t tag; /* upper half of the look */
    uint32_t at;  /* of the region, in units of 16 bytes; 0: free */
} KeptSlot;

typedef struct DbtKept {
    uint64_t key;         /* 0: nothing is kept */
    size_t image_bytes;   /* of this program */
    bool notes;           /* new regions are noted, and made so that they can be moved */
    bool compares;        /* ACCEL_LOG_KEPT: nothing is taken, but compared with what is made anew */
    const uint8_t *file;  /* NULL: there is none */
    size_t bytes;
    const KeptSlot *slot; /* [mask + 1], open addressing; in the file */
    uint32_t mask, n_regions;
    uint32_t n_used, n_noted, n_shapes, n_differ; /* atomic; shapes, differ: dbt_kept_compare() */
} DbtKept;

/* After the stubs were emitted. */
void dbt_kept_init(Dbt *d);
/* What a region at cpu->pc is looked up by. 0: none of there is kept. */
uint64_t dbt_kept_look(const Dbt *d, const Cpu *cpu);
/* A copy, in `room`, of a kept region for there, its bytes compared. NULL: there is none. loop_head: as of
 * dbt_translate(). */
KeptRegion *dbt_kept_find(const Dbt *d, const Cpu *cpu, uint64_t look, bool loop_head, Arena *room);
unsigned dbt_kept_slots(const KeptRegion *k);
unsigned dbt_kept_insns(const KeptRegion *k);
/* Makes a region of it in the claimed segment, described but not published. NULL: no room there, or the file
 * is damaged. */
DbtRegion *dbt_kept_copy(Dbt *d, CodeSegment *seg, const KeptRegion *k, Gva pc);
/* Its exits, and the word of an expected return. */
void dbt_kept_exits(const Dbt *d, const KeptRegion *k, const DbtRegion *r);

/* kept_file.c */
/* Region r was just made from s, in the claimed segment. NULL: it is not to be kept. */
const DbtNote *dbt_kept_note(Dbt *d, CodeSegment *seg, const DbtRegion *r, const DbtScratch *s,
                             uint64_t look);
/* Compares what was kept of the region with it, everything moved, and logs what differs. */
void dbt_kept_compare(Dbt *d, const Cpu *cpu, const DbtNote *n, bool loop_head, Arena *room);
void dbt_kept_stats(const Dbt *d);
/* What a child translates is its own affair. */
void dbt_kept_fork_child(Dbt *d);

#endif
