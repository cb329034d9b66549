/*
 * What each vector row allows: lanes, attributes and the range of its numbers. One table, read by the
 * verifier, by the text form and by the tests, which run every form that the table admits.
 * Pure data; any thread.
 */
#ifndef TCG_IR_VEC_H
#define TCG_IR_VEC_H

#include "tcg/ir/ir.h"

typedef enum IrVecNum {
    IR_VNUM_NONE,  /* 0 */
    IR_VNUM_LANE,  /* a lane of the vector */
    IR_VNUM_SHIFT, /* 0 .. lane bits */
    IR_VNUM_BYTE,  /* a byte of the vector */
    IR_VNUM_COND,  /* IrCond or IR_VTST */
    IR_VNUM_UNIT,  /* log2 of bytes: above the lane's, at most 3 */
    IR_VNUM_INDEX, /* 0, 16, 32 or 48 */
    IR_VNUM_AES, IR_VNUM_SHA, IR_VNUM_BIT,
    IR_VNUM_FNEG,  /* signs of fma */
    IR_VNUM_FCOND, /* FEQ, FLT, FLE */
    IR_VNUM_FRINT, /* IrRound | IR_FRINT_* */
    IR_VNUM_FCVT,  /* IrRound | IR_CVT_UNSIGNED */
    IR_VNUM_FIX,   /* bits of a fraction: 0 .. lane bits */
    IR_VNUM_ROUND, /* IR_RDYN, IR_RODD */
} IrVecNum;

typedef struct IrVecRow {
    uint16_t lanes; /* bit IrLane */
    uint8_t flags;  /* IR_VA_S ... that may be set */
    uint8_t n;      /* IrVecNum of the number N */
    uint8_t m;      /* of M */
    bool v128;      /* not on v64 */
    bool pairs;     /* at least two lanes */
} IrVecRow;

/* NULL: not a row with a lane or attributes. */
const IrVecRow *ir_vec_row(IrOp op);
/* Are lane and attributes of i allowed for vectors of `type`? */
bool ir_vec_attr_ok(const IrInsn *i, IrType type);
/* May operand k be IR_NONE? */
bool ir_vec_optional(const IrInsn *i, unsigned k);
/* By how many bits does i rotate lanes of 32 or 64 bits to the left: a vor of a vshl and a vshr of the same
 * vector? 0: it is nothing of the kind. */
unsigned ir_vec_rotates(const IrRegion *r, const IrInsn *i);

#endif
