/*
 * Dbt: the translating engine. Private to accel/dbt/.
 *
 * One Dbt per Accel (address space): code cache, map of regions, the back end's constants. One DbtCpu per
 * cpu: jump cache, the areas that generated code and its stubs use. One DbtScratch and one code segment per
 * translation in progress, from pools: threads that do not translate hold neither.
 */
#ifndef ACCEL_DBT_DBT_H
#define ACCEL_DBT_DBT_H

#include "accel/dbt/kept.h"

enum { DBT_PAGE = 4096 };

typedef struct DbtJump {
    uint64_t pc, rx;
} DbtJump;

/* Of machines (x64.h): a table behind the DbtCpu instead. */
typedef struct DbtFarJump {
    uint64_t pc, key, rx, delta;
} DbtFarJump;

/* Pages that nobody could write to when the map's generation was this; page | 1. */
typedef struct DbtStays {
    Gva page;
    uint64_t generation;
} DbtStays;
enum { DBT_STAYS = 64 };

typedef struct DbtCpu {
    uint64_t save[16 + 32]; /* 16 general registers, 16 vector registers of 16 bytes */
    uint64_t args[4];
    uint64_t host_sp; /* C's stack, while generated code runs on the return stack */
    uint64_t fl_loop[3]; /* operands of the flags that a loop's last round left; whether it did */
    uint64_t shared[X64_SHARED]; /* see X64Layout */
    X64SoftArea soft;
    bool fp_trap;           /* left because of SIGFPE: the instruction at cpu->pc is for the interpreter */
    bool too_complex;       /* the emitter cannot do it: likewise */
    uint32_t jump_ctx;      /* context word that jump cache and return stack are for; or DBT_JUMPS_EMPTY */
    DbtStays stays[DBT_STAYS];
    uint32_t jump_misses;   /* that came to C, up to DBT_JUMPS_ALL */
    uint64_t gone;          /* DbtMap.n_gone that the jump cache follows */
    _Alignas(16) uint8_t spill[X64_SPILL_BYTES];
    _Alignas(64) DbtJump jump[X64_JC_ENTRIES];
    uint8_t ret[2 * DBT_PAGE + X64_RET_BYTES]; /* a page that is not writable and, above it, the return stack
                                                * are in here */
} DbtCpu;

/* Of a new cpu, whose context word is not final yet: nothing is in the jump cache, whose pages are untouched.
 * No context word looks so without CTX_STEP, which jump_ctx never has. */
enum { DBT_JUMPS_EMPTY = -1 };

/* So many misses later the whole jump cache is asked for: each of its pages would fault twice, to be read and
 * to be written. Small programs need few of them. */
enum { DBT_JUMPS_ALL = 8 };

static inline DbtFarJump *dbt_far_jumps(DbtCpu *dc)
{
    return (DbtFarJump *)(void *)((char *)dc + align_up(sizeof(*dc), 64));
}
static inline char *dbt_ret_guard(DbtCpu *dc) { return (char *)align_up((uintptr_t)dc->ret, DBT_PAGE); }
static inline void *dbt_ret_stack(DbtCpu *dc) { return dbt_ret_guard(dc) + DBT_PAGE; }

struct DbtScratch {
    struct DbtScratch *next;
    Arena arena;
    IrBuilder builder;
    IrLive live;
    X64Code code;
    Superblock sb;
    SuperblockGuess guess[SB_GUESSES];
    uint64_t emit[]; /* X64Emit */
};

typedef struct DbtStats {
    uint64_t regions, guest_insns, guest_bytes, host_bytes, invalidated, evicted, rebuilds;
    uint64_t entries;      /* of generated code, from C: links, jump cache misses, exits */
    uint64_t fp_traps, fp_checked; /* SIGFPE in generated code; instructions that look at their operands
                                    * since */
    uint64_t too_complex;  /* instructions interpreted because the emitter could not do them */
    uint64_t indirect;     /* of these, jump cache misses */
    uint64_t translate_ns; /* thread CPU, counted with ACCEL_LOG_STATS only */
} DbtStats;

/* -d stats: how often a region was run. They stay when it goes. */
typedef struct DbtHot {
    uint64_t runs; /* written by generated code, not atomically */
    Gva pc;
    uint32_t n_insns, size; /* 0: it was not made after all */
} DbtHot;
enum { DBT_MOST_HOT = 1 << 18 };

enum { DBT_WANT_ROOM = 1, DBT_WANT_TABLES = 2 };

struct Dbt {
    Accel *accel;
    CodeCache cache;
    DbtMap map;
    X64Host host;
    X64Host step_host; /* for CTX_STEP: every exit leads to C, so the jump cache may be that of another
                        * context */
    X64Host returns_host; /* for CTX_RETURNS */
    X64Host other_host, other_step_host; /* for TargetOps.other, whose slots are others: pins, stubs */
    unsigned returns_from; /* regions; UINT32_MAX: never */
    bool begun;            /* AccelConfig.program_entry has been reached, or is not known */
    SuperblockConfig trace;
    struct DbtHints *hints;  /* this process's children report to it (fork_hints.c); NULL before the first
                              * fork */
    struct DbtHints *report; /* its parent's; NULL: was not forked */
    DbtScratch *spare;       /* one that waits for whoever exchanges it for NULL: without the lock */
    DbtScratch *pool;        /* the others, under the cache's lock */
    DbtKept kept;
    uint32_t want;         /* DBT_WANT_*: work for dbt_outside() */
    DbtStats stats;
    DbtHot *hot;                            /* [DBT_MOST_HOT], with ACCEL_LOG_STATS */
    uint32_t n_hot;                         /* may be more than there is room for */
    uint64_t fp_checked[X64_CHECKED_WORDS]; /* X64Host.checked */
    uint32_t fp_count[64 * X64_CHECKED_WORDS]; /* traps of the instructions that share a bit of it */
};

/* What a program runs before its main() it runs once, and of what lies behind a branch about half: its first
 * regions, and those of the dynamic linker, are short, and loops there have to come round some times before
 * they count as such. */
enum { DBT_START_REGIONS = 512, DBT_START_BRANCHES = 1, DBT_START_ROUNDS = 16 };
static inline bool dbt_starting(const Dbt *d)
{
    return !d->host.paged.on && (!__atomic_load_n(&d->begun, __ATOMIC_RELAXED) ||
                                 __atomic_load_n(&d->map.n_entries, __ATOMIC_RELAXED) < DBT_START_REGIONS);
}

/* Free entries are all zero, but pc 0 must miss as well: it would look into entry 0. */
static inline void dbt_jump_clear(DbtJump *jump, unsigned k) { jump[k] = (DbtJump){.pc = k == 0}; }
static inline void dbt_jumps_clear(DbtJump *jump)
{
    memset(jump, 0, sizeof(*jump) * X64_JC_ENTRIES);
    dbt_jump_clear(jump, 0);
}

/* What code of this context enters, leaves and keeps its pins by. */
static inline const X64Host *dbt_host(const Dbt *d, uint32_t ctx)
{
    return UNLIKELY(ctx & d->accel->ops->other_ctx) ? &d->other_host : &d->host;
}

static inline DbtCpu *dbt_cpu(const Cpu *cpu)
{
    return (DbtCpu *)(void *)((AccelCpu *)cpu->accel_cpu)->engine;
}

/* Translates and publishes the region at cpu->pc for cpu->ctx; loop_head: a backward jump leads there. NULL:
 * cpu->exit says why (no code there, or something is full: `want`), or too_complex is set. */
DbtRegion *dbt_translate(Dbt *d, Cpu *cpu, bool loop_head);

/* SuperblockConfig.fetchable, of programs. */
unsigned dbt_fetchable(const void *dbt, const Cpu *cpu, Gva pc, bool notice, AccelCode *ret_code);

DbtScratch *dbt_scratch_get(Dbt *d); /* NULL: out of memory */
void dbt_scratch_put(Dbt *d, DbtScratch *s);

/* dbt_fault.c */
bool dbt_fault(Cpu *cpu, int sig, void *siginfo, void *ucontext);
bool dbt_region_of(const Cpu *cpu, uint64_t host_pc, Gva *ret_pc);
bool dbt_unit_insn(const Cpu *cpu, uint32_t host_pc, Gva *ret_pc);

/* fp_trap.c: the one instruction at cpu->pc by the IR interpreter, after fp_trap or too_complex, or a step
 * with CpuHooks.note; counts it.
 * True: go on at cpu->pc; else cpu->exit is filled in. */
bool dbt_step(Dbt *d, Cpu *cpu);
/* dbt_paged.c: machines. NULL: cpu->exit says why. */
DbtRegion *dbt_paged_region(Dbt *d, Cpu *cpu, bool loop_head);
/* The jump cache has where cpu->pc leads, but not in this address space, or of before a flush: running
 * address, if it is right. 0: it is not, or has nothing. */
uint64_t dbt_paged_again(Dbt *d, Cpu *cpu);
/* Region r is what cpu->pc, reached by an indirect jump, leads to. */
void dbt_paged_remember(Dbt *d, Cpu *cpu, DbtRegion *r);
/* Takes from the jump cache what has gone. */
void dbt_paged_forget(Dbt *d, Cpu *cpu);

/* dbt_stats.c: with ACCEL_LOG_STATS. */
void dbt_stats(Accel *a);
/* A counter for the next region, NULL: there are no more; and what it was for. */
DbtHot *dbt_hot_new(Dbt *d);
void dbt_hot_note(DbtHot *h, Gva pc, unsigned n_insns, unsigned size);
void dbt_stats_fork_child(Dbt *d);
void dbt_each_region(Accel *a, void (*fn)(void *opaque, const AccelRegion *r), void *opaque);

/* dbt_exec.c: code at [start, start + len) is to be made again. */
void dbt_invalidate(Accel *a, Gva start, uint64_t len);

/* fork_hints.c: the translator tells the parent; the parent, about to fork, listens; a new child has a new
 * parent. */
void dbt_hints_report(Dbt *d, Gva pc, uint32_t ctx, bool loop_head);
void dbt_hints_learn(Cpu *cpu);
void dbt_hints_fork_child(Dbt *d);

#endif
