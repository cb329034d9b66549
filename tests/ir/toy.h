/*
 * ToyCpu: a small guest state for tests of the IR: 16 integer slots, 8 floating-point ones, 4 vectors, and a
 * few helpers. Helpers count their calls in the cpu; `status` returns its argument a, `state` adds a to x1.
 */
#ifndef TESTS_IR_TOY_H
#define TESTS_IR_TOY_H

#include "tcg/interp/interp.h"
#include "tcg/ir/ir.h"

enum { TOY_X = 0, TOY_F = 16, TOY_W = 24, TOY_FL = 28, TOY_V = 29, TOY_SLOTS = 33 };
enum { TOY_H_PURE, TOY_H_STATUS, TOY_H_STATE, TOY_H_PC, TOY_HELPERS };

typedef struct ToyCpu {
    uint32_t kick;
    uint32_t ff, frm;
    uint64_t pc;
    uint64_t x[16];
    uint64_t f[8];
    uint32_t w[4];
    uint16_t fl;
    IrVec v[4];
    uint64_t calls;
    uint32_t ctx, host_fp;                /* the rest: what generated code wants of a cpu */
    uint64_t link, save[16 + 2 * 16], args[4], soft[10], fl_loop[3], host_sp, ret_top;
    _Alignas(16) uint8_t spill[512];
} ToyCpu;

extern const IrSlot toy_slots[TOY_SLOTS];
extern const IrHelper toy_helpers[TOY_HELPERS];

/* Offset of the slot's bytes in the cpu, and their number. */
static inline uint64_t toy_slot_get(const ToyCpu *cpu, unsigned slot)
{
    uint64_t v = 0;
    memcpy(&v, (const char *)cpu + toy_slots[slot].offset,
           MIN(8u, ir_type_bits((IrType)toy_slots[slot].type) / 8));
    return v;
}
static inline void toy_slot_set(ToyCpu *cpu, unsigned slot, uint64_t v)
{
    memcpy((char *)cpu + toy_slots[slot].offset, &v, MIN(8u, ir_type_bits((IrType)toy_slots[slot].type) / 8));
}

/* SIGSEGV and SIGBUS go to fault_fixup(); needed before a region that may fault is run. In a cmocka test: in
 * the test function, because cmocka puts its own handlers up after setup. */
void toy_catch_faults(void);
/* Runs the region; val is the scratch of IrMachine. */
void toy_run(ToyCpu *cpu, const IrRegion *r, uint64_t *val, uint32_t max_loops, IrRun *ret);

#endif
