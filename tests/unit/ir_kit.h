/* IrKit: a builder on a fresh toy region per test, and a run of it. */
#ifndef TESTS_UNIT_IR_KIT_H
#define TESTS_UNIT_IR_KIT_H

#include "tests/ir/toy.h"
#include "tests/unit/test.h"

#include "tcg/ir/build.h"
#include "tcg/ir/print.h"

typedef struct IrKit {
    Arena arena;
    IrBuilder b;
    IrRegion *r;
    ToyCpu cpu;
    IrRun run;
    uint64_t val[IR_MAX_INSNS];
    char text[1 << 16];
} IrKit;

static inline void kit_init(IrKit *k)
{
    assert_true(arena_init(&k->arena, 4 << 20));
    k->r = ir_region_new(&k->arena, toy_slots, TOY_SLOTS, toy_helpers, TOY_HELPERS);
    assert_non_null(k->r);
    ir_builder_init(&k->b, k->r);
    memset(&k->cpu, 0, sizeof k->cpu);
}

static inline void kit_clear(IrKit *k) { arena_clear(&k->arena); }

/* Number of instructions with this op. */
static inline unsigned kit_count(const IrKit *k, IrOp op)
{
    unsigned n = 0;
    for (unsigned i = 1; i < k->r->n_insns; i++)
        n += k->r->insn[i].op == op;
    return n;
}

static inline const char *kit_text(IrKit *k)
{
    Fmt f = FMT_ON(k->text);
    ir_print(k->r, &f);
    return k->text;
}

/* Ends the region with an exit and runs it. */
static inline void kit_run(IrKit *k)
{
    ir_exit(&k->b, ir_exit_direct(&k->b, 0x9000, false));
    ir_builder_finish(&k->b);
    toy_run(&k->cpu, k->r, k->val, 1000, &k->run);
}

#endif
