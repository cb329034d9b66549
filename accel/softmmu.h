/*
 * SoftMmu: a cpu's software TLB and the slow way of its accesses (docs/adr/0018-system-memory.md). Private to
 * accel/.
 *
 * Invariants: hot.tlb[i] is the table of index i in the present address space; an index that nothing was
 * filled in for points to a table that never matches. A write tag matches only where the page is marked dirty
 * in the guest's tables, is plain RAM and has no code: while RamBlock.code of a page is not 0 and Accel.track
 * is free, no cpu has one for it. A generation is never used twice.
 * Ownership: AccelCpu's; NULL in user mode. Threads: the cpu's own; others while it is stopped
 * (softmmu_code_page).
 */
#ifndef ACCEL_SOFTMMU_H
#define ACCEL_SOFTMMU_H

#include "hw/core/mem_map.h"
#include "target/mem.h"

enum { MMU_SPACES = 8 };

typedef struct TlbTable {
    TlbEntry e[TLB_ENTRIES];
    uint64_t large[16];          /* a bit per hash of 2 MiB of which pages larger than 4 KiB have entries; */
    Gva large_first, large_last; /* range of those larger than 2 MiB that have; first > last: none */
} TlbTable;

typedef struct MmuSpace {
    uint64_t key;
    uint64_t used;  /* clock of the last select; 0: free */
    uint32_t gen;
    uint64_t ran[64]; /* a bit per hash of a page that code was fetched from in this generation */
    bool own_code;    /* code of this space alone was fetched by a mostly_global index */
    Gva ran_first, ran_last; /* range of those that are part of larger pages; first > last: none */
    TlbTable *table[TLB_MAX_IDX]; /* NULL: never filled */
} MmuSpace;

/* What loops of generated code know of the pages that they look at (X64Paged.loops). */
enum { MMU_LOOPS = 8, MMU_LOOP_GROUPS = 4 };
typedef struct MmuLoops {
    uint32_t owner[MMU_LOOPS];
    struct {
        uint64_t limit[MMU_LOOP_GROUPS], page[MMU_LOOP_GROUPS], addend[MMU_LOOP_GROUPS];
    } set[MMU_LOOPS];
} MmuLoops;

/* What generated code reads, part of AccelCpu. */
typedef struct MmuHot {
    TlbTable *tlb[TLB_MAX_IDX];
    uint64_t jump_key; /* context word, generation << 32 */
    struct FetchPlace *fetched; /* SoftMmu.fetched */
    MmuLoops loops; /* nothing that no entry of the present tables has had; cleared with those */
} MmuHot;

/* Where the code at an address is. Generated code looks at it (X64Paged.place). */
typedef struct FetchPlace {
    Gva page;            /* of the address */
    uint64_t key;        /* jump_key for which this holds */
    uint64_t pa;         /* of the page, as an address of code (RamBlock.base) */
    const uint8_t *host; /* of the page */
} FetchPlace;
enum { FETCH_PLACES = 1024 };

/* What others have asked this cpu to forget (shootdown.c). */
typedef struct MmuAsks {
    uint32_t lock, n; /* n: written with the lock held; futex word */
    bool all;         /* there were more than fit */
    bool sent;        /* the cpu's own: it has asked others, and not waited for them yet */
    bool waited;      /* somebody sleeps until n is 0, or the cpu outside: wakes him */
    MmuFlush flush[32];
} MmuAsks;

typedef struct SoftMmu {
    MmuSpace space[MMU_SPACES];
    MmuSpace *cur;
    MmuSpace bare;      /* indexes that depend on no address space */
    MmuSpace global;    /* indexes in TargetSys.mostly_global; besides global pages it has */
    Gva own[16];        /* these of the present space; */
    unsigned n_own;     /* more than there is room for: all tables of it are to be cleared */
    TlbTable *none;
    uint64_t clock;
    uint32_t last_gen;
    uint64_t map_changes; /* Accel.map_changes that the tables follow */
    MemRange last;        /* what answered the last time, while MemMap.shown was last_shown; end 0: nothing */
    uint64_t last_shown;
    FetchPlace fetched[FETCH_PLACES]; /* direct-mapped */
    MmuAsks asks;
} SoftMmu;

struct Accel;
bool softmmu_init(Cpu *cpu);
/* After the context word or the address space changed. */
void softmmu_context(Cpu *cpu);
/* NULL: cpu->exit says why nothing can be executed at va. Valid until the next call. */
const FetchPlace *softmmu_fetch(Cpu *cpu, Gva va);
/* Code is about to be made from bytes of this page of code addresses: from now on stores to it are seen. The
 * caller then reads the bytes. */
void softmmu_code_page(Cpu *cpu, uint64_t page);
/* Stores to these bytes will drop the code that overlaps them; after that they are to be compared with what
 * was read. False: the page has stopped being one of code since softmmu_code_page(), which is to be called,
 * and the bytes read, again. */
bool softmmu_mark_code(struct Accel *a, uint64_t pa, uint64_t bytes);
/* MemMap.code_written, MemMap.changed; opaque: the Accel. Called with locks of devices held, so they wait for
 * nobody: a change of the map is seen by the cpu that made it at once, by others from their next poll on. */
void softmmu_code_written(void *accel, RamBlock *ram, uint64_t offset, uint64_t bytes);
void softmmu_map_changed(void *accel);
/* Forgets what was looked up before the map's last change. The cpu's own thread, at polls and after an access
 * to a device. */
void softmmu_follow_map(Cpu *cpu);
/* Of a page of code that was fetched: log2 of the range around it in which code may go on without asking. */
unsigned softmmu_even(struct Accel *a, uint64_t code);
/* Where an access to va leads; the TLB is filled. False: cpu->exit says what it raises. */
bool softmmu_locate(Cpu *cpu, Gva va, unsigned idx, MmuHow how, bool misaligned, Gpa *ret_pa, MemRange *ret);
/* Where the byte at va is in the host's memory, if the TLB lets generated code reach it so; NULL: it does
 * not. */
uint8_t *softmmu_known(const Cpu *cpu, Gva va, unsigned idx, MmuHow how);
/* A store was done there: code that was made from these bytes goes. */
void softmmu_note_store(Cpu *cpu, const MemRegion *g, uint64_t offset, unsigned size);
/* The slow way of an access (softmmu_access.c): all or nothing of it is done. */
bool softmmu_access(void *cpu, IrAccess *a);
/* No jump cache entry made before is valid any more. */
void softmmu_new_generation(Cpu *cpu);

/* CpuMem.flush_others; what others asked of this cpu is done, by its thread before it runs the guest. */
void softmmu_flush_others(Cpu *cpu, const MmuFlush *what);
void softmmu_do_asked(Cpu *cpu);
/* Outside: waits until the others have done what this cpu asked of them. False: the cpu was kicked, and has
 * to wait again before it runs. */
bool softmmu_others_done(Cpu *cpu);

/* The cpu is outside: whoever waits for it may go on. */
void softmmu_left(Cpu *cpu);

extern const CpuMem softmmu_mem;

#endif
