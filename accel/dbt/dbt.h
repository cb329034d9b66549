/*
 * Dbt: the translating engine. Private to accel/dbt/.
 *
 * One Dbt per Accel (address space): code cache, map of regions, the back end's constants. One DbtCpu per cpu: jump
 * cache, the areas that generated code and its stubs use, the segment it writes into. One DbtScratch per translation in
 * progress, from a pool.
 */
#ifndef ACCEL_DBT_DBT_H
#define ACCEL_DBT_DBT_H

#include "accel/dbt/region.h"

typedef struct DbtJump {
    uint64_t pc, rx;
} DbtJump;

typedef struct DbtCpu {
    uint64_t save[16 + 32]; /* 16 general registers, 16 vector registers of 16 bytes */
    uint64_t args[4];
    CodeSegment *segment;
    uint32_t jump_ctx;      /* context word that the jump cache is for */
    uint32_t flush;         /* set by others (release): the jump cache may name dropped regions */
    _Alignas(64) DbtJump jump[X64_JC_ENTRIES];
} DbtCpu;

typedef struct DbtScratch {
    struct DbtScratch *next;
    Arena arena;
    IrBuilder builder;
    IrLive live;
    X64Code code;
    Superblock sb;
    uint64_t emit[]; /* X64Emit */
} DbtScratch;

typedef struct DbtStats {
    uint64_t regions, guest_insns, guest_bytes, host_bytes, invalidated, resets;
    uint64_t entries;      /* of generated code, from C: links, jump cache misses, exits */
    uint64_t indirect;     /* of these, jump cache misses */
    uint64_t translate_ns; /* thread CPU, counted with ACCEL_LOG_STATS only */
} DbtStats;

typedef struct Dbt {
    Accel *accel;
    CodeCache cache;
    DbtMap map;
    X64Host host;
    SuperblockConfig trace;
    DbtScratch *pool;
    bool want_reset;
    DbtStats stats;
} Dbt;

static inline DbtCpu *dbt_cpu(const Cpu *cpu) { return (DbtCpu *)(void *)((AccelCpu *)cpu->accel_cpu)->engine; }

/* Translates and publishes the region at cpu->pc for cpu->ctx; loop_head: a backward jump leads there. NULL: cpu->exit says why (no code there, or the cache is
 * full and want_reset is set). */
DbtRegion *dbt_translate(Dbt *d, Cpu *cpu, bool loop_head);

/* dbt_fault.c */
bool dbt_fault(Cpu *cpu, int sig, void *siginfo, void *ucontext);

#endif
