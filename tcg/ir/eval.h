/*
 * ir_eval: the meaning of the integer PURE ops on constants. The one implementation in C, shared by folding
 * and by the interpreter.
 *
 * Values are canonical: the bits of the type, zero-extended to 64 (i1 is 0 or 1). Types up to 64 bits.
 * All functions are pure and total; an op that is not of the kind named gives 0.
 */
#ifndef TCG_IR_EVAL_H
#define TCG_IR_EVAL_H

#include "tcg/ir/ir.h"

/* The value with the bits above the type's width cleared. */
static inline uint64_t ir_canon(IrType t, uint64_t v)
{
    unsigned bits = ir_type_bits(t);
    return bits >= 64 ? v : v & ((1ull << bits) - 1);
}
/* A canonical value as a signed number. i1: 0 or -1. */
static inline int64_t ir_signed(IrType t, uint64_t v)
{
    unsigned bits = ir_type_bits(t);
    return bits >= 64 ? (int64_t)v : bits_sext(v, bits);
}

uint64_t ir_eval_v(IrOp op, IrType t, uint64_t a);              /* neg not clz ctz popcnt bswap */
uint64_t ir_eval_vv(IrOp op, IrType t, uint64_t a, uint64_t b); /* add .. rotr */
uint64_t ir_eval_cvt(IrOp op, IrType to, IrType from, uint64_t a); /* sext zext trunc cast */
bool ir_eval_cmp(IrCond c, IrType t, uint64_t a, uint64_t b);
/* flsub fladd fladc fllogic: the word of flags. */
uint64_t ir_eval_fl(IrOp op, IrType t, uint64_t a, uint64_t b, bool carry);
/* flx, flshl ..: the flags of x86's instruction. */
uint64_t ir_eval_flx(IrX86Fl kind, IrType t, uint64_t a, uint64_t b, uint64_t old);
uint64_t ir_eval_fladx(IrOp op, IrType t, uint64_t a, uint64_t b, uint64_t old); /* fladcx, fladox */
uint64_t ir_eval_flnzc(IrType t, uint64_t a, uint64_t b, unsigned bit, uint64_t old);
uint64_t ir_eval_adc(IrOp op, IrType t, uint64_t a, uint64_t b, bool carry); /* addc, addv, subc, sbb */
bool ir_eval_flcc(uint64_t word, IrFlCond c);
uint64_t ir_eval_unbox(uint64_t f64);
uint64_t ir_eval_fsgn(unsigned how, IrType t, uint64_t a, uint64_t sign);
/* The floating-point environment of an op: the policy and modes of its region, the dynamic rounding. */
typedef struct IrFpEnv {
    uint8_t nan, fp, round; /* IrNan, IR_FP_*, IrRound */
    uint16_t mxcsr;         /* IR_NAN_X86: MXCSR's masks, FZ and DAZ */
} IrFpEnv;
/* A floating-point op (FPX, fclass, fcc) on scalars: its result, and flags or-ed in. False: no such op. */
bool ir_eval_fp(const IrInsn *i, IrFpEnv env, const uint64_t arg[3], uint64_t *ret, uint32_t *ret_flags);
/* vurecpe, vursqrte, vbfdot, vbfmmla. */
bool ir_eval_estimate(const IrInsn *i, const IrVec arg[3], IrVec *ret);
/* The same for rows of either kind; of a v64 or scalar the upper half of *ret is 0. */
bool ir_eval_vfp(const IrInsn *i, IrFpEnv env, const IrVec arg[3], IrVec *ret, uint32_t *ret_flags);
/* The value an rmw stores, from the old one. */
uint64_t ir_eval_rmw(IrRmw op, IrType t, uint64_t old, uint64_t operand);

#endif
