/*
 * IrLive: what one backward scan over a region finds out for the emitter: which instructions are dead, where
 * each value is used last, which values an emitter may fold into their only user, and in which pinned slot a
 * value is about to be put.
 *
 * Invariants: arrays are indexed by value id and valid for [0, r->n_insns) only. A value used outside of the
 * block that makes it is `global` and its last use is IR_MAX_INSNS. A put is dead when the slot is put again
 * before anything can observe it (an op that may fault, an exit, a helper that looks at state). A word of
 * flags that is put, and the operands of the row that makes it, live until the last op that may observe the
 * slot before the next put: the emitter need not compute the word. Not the operands of words in a chain of
 * carries (ir_chained): those are made at once.
 * Ownership: plain storage, ~40 KiB, owned by the translating thread and reused. O(n), no allocation.
 */
#ifndef TCG_RA_LIVENESS_H
#define TCG_RA_LIVENESS_H

#include "tcg/ir/ir.h"

enum IrLiveFlag {
    IR_L_DEAD = 1,   /* emit nothing */
    IR_L_FUSED = 2,  /* emitted by its only user (cmp into a branch, address arithmetic into a load) */
    IR_L_GLOBAL = 4, /* used in another block: keep it in memory between blocks */
    IR_L_CARRY = 8,  /* a word of flags whose carry goes into a sum */
    IR_L_LATE = 16,  /* the upper half of a vector, emitted by the put that is its first user */
};

typedef struct IrLive {
    uint16_t last[IR_MAX_INSNS]; /* index of the last user */
    uint16_t user[IR_MAX_INSNS]; /* the first user; when uses == 1 the only one */
    IrVal alias[IR_MAX_INSNS];   /* trunc, vlow, some zext: the value whose register it shares; else itself */
    uint8_t uses[IR_MAX_INSNS];  /* number of live uses; IR_USES_SHARED: what shares the register, and that
                                  * alone; IR_USES_MANY: that and more, or many */
    uint8_t flags[IR_MAX_INSNS]; /* IrLiveFlag */
    uint8_t hint[IR_MAX_INSNS];  /* slot + 1 that the value is put into, safe to compute into its pin; 0
                                  * none */
} IrLive;

enum { IR_USES_SHARED = 254, IR_USES_MANY };

/* What the emitter can fold into a user. */
enum {
    IR_FUSE_CMP = 1,
    IR_FUSE_ADDR = 2,
    IR_FUSE_SCALE = 4,
    IR_FUSE_ZEXT = 8,
    IR_FUSE_HIGH = 16,
    IR_FUSE_ROTATE = 32
};

/* Does the word take a carry, or give one to a sum? */
static inline bool ir_chained(const IrRegion *r, const IrLive *l, IrVal v)
{
    unsigned op = r->insn[v].op;
    return op == IR_FLADC || op == IR_FLSBC || op == IR_FLSBB || op == IR_FLADCX || op == IR_FLADOX ||
           ((op == IR_FLADD || op == IR_FLSUB || op == IR_FLCMP) && (l->flags[v] & IR_L_CARRY));
}

void ir_liveness(const IrRegion *r, unsigned fuse, IrLive *live);

#endif
