/*
 * superblock_build: guest bytes at an address to the IR of one region. Shared by all engines.
 *
 * A region is a superblock: it follows fall-through paths and direct jumps, leaves by side exits at
 * conditional branches, and closes itself into a loop when it comes back to its own first instruction; what a
 * trace that hoped to do so has beyond the usual limits is taken away again. Calls
 * are not followed (measured: docs/adr). It ends at an indirect jump, a call, an exception, the instruction
 * limit, where the IR is full, or where the next bytes are not executable.
 *
 * Ownership: the region lives in the caller's arena until that is reset. Threads: any; the AccelMem callbacks
 * lock.
 */
#ifndef ACCEL_SUPERBLOCK_H
#define ACCEL_SUPERBLOCK_H

#include "accel/accel.h"

enum { SB_MAX_BYTES = 4096, SB_COPY = 16, SB_MAX_RUNS = 12, SB_MAX_INSNS = 128, SB_MAX_BRANCHES = 2 };

/* A run of guest bytes that the region was made from; runs do not cross a page of 4 KiB. */
typedef struct SuperblockRun {
    Gva pc;
    uint32_t len; /* bytes */
} SuperblockRun;

typedef struct Superblock {
    IrRegion *region;
    SuperblockRun run[SB_MAX_RUNS];
    unsigned n_runs;
    unsigned n_bytes;
    bool writable;  /* the guest can write one of the pages, so the bytes must be looked at again some day */
    bool unnoticed; /* and nobody is told of it (ACCEL_CODE_UNNOTICED) */
    Gva fault;      /* result false: the address that is not executable */
    Gva second;     /* paged: address of code of the page that the only instruction goes on in; 0: none */
    uint8_t bytes[SB_MAX_BYTES + SB_COPY]; /* [n_bytes]: the guest bytes as translated, run after run; memory
                                            * may differ by now */
} Superblock;

/* How long regions were that look at their own bytes: code that is rewritten mostly keeps its shape, and is
 * built in one go where that is known. A hint, by a hash of the pc. */
enum { SB_GUESSES = 64 };
typedef struct SuperblockGuess {
    Gva pc;
    uint16_t len, n_guest; /* one run; 0: none */
} SuperblockGuess;

typedef struct SuperblockConfig {
    const TargetOps *ops;
    const Cpu *cpu; /* Trans.cpu */
    const AccelMem *mem;
    unsigned max_insns; /* 1..IR_MAX_GUEST - 1; 0 = SB_MAX_INSNS */
    uint8_t masked;     /* IrBuilder.masked */
    uint32_t no_opt;    /* ACCEL_NO_LOOPS, ACCEL_NO_SUPERBLOCK, ACCEL_NO_FOLD */
    bool moves;         /* IrBuilder.moves */
    bool look_at_floats; /* of superblock_build() itself: TargetOps.look_at_floats at the entry */
    bool loop_head;     /* a backward jump led here: the trace may become a loop, so it is cut short only when
                         * it has not become one */
    unsigned max_branches; /* side exits of a trace that is no loop; 0 = SB_MAX_BRANCHES */
    bool (*known)(void *opaque, Gva pc, uint32_t ctx); /* is there a region at pc already? May be NULL */
    /* Executable bytes from pc on, 0: none, and who can write to its page (AccelMem.exec_bytes, code_page).
     * May be NULL: then `mem` is asked. */
    unsigned (*fetchable)(const void *opaque, const Cpu *cpu, Gva pc, bool notice, AccelCode *ret_code);
    void *opaque; /* of the two */
    SuperblockGuess *guess; /* [SB_GUESSES], the caller's own; may be NULL */
    /* Machines: addresses are physical, and the region is made of one page, whose bytes are here. The last
     * instruction that begins in it may end on another: `second` says where that is (false: nowhere). */
    const uint8_t *page;
    unsigned even; /* log2 of the range around it that goes wherever the page goes */
    bool (*second)(void *opaque, Gva *ret_page, const uint8_t **ret_bytes);
    void *second_opaque;
    bool (*stops_at)(void *second_opaque, Gva pc); /* a debugger's breakpoint; may be NULL */
} SuperblockConfig;

/* False: not even the first instruction can be fetched; ret->fault says where. */
bool superblock_build(const SuperblockConfig *cfg, Arena *arena, IrBuilder *b, Gva pc, uint32_t ctx,
                      Superblock *ret);

#endif
