/*
 * Vector rows on values: the meaning of ops.def for the interpreter, for back ends that have no recipe for a
 * row, and for tests. Integers only; no state, any thread.
 */
#ifndef TCG_INTERP_INTERP_VEC_H
#define TCG_INTERP_INTERP_VEC_H

#include "tcg/ir/ir.h"

/* arg[k]: operand k, an integer in w[0]; of i the operands only tell whether they are there. For v64 and
 * integers the rest of *ret is 0. crc32: misc must be the IrLane of the data. False: no such row. */
bool ir_eval_vec(const IrInsn *i, const IrVec arg[4], IrVec *ret);

/* The same by one word, for generated code; io[0..3] are the operands, io[0] becomes the result. */
uint64_t ir_vec_pack(const IrInsn *i);
void ir_eval_packed(uint64_t op, IrVec *io);

/* eval_crypto.c */
void ir_eval_aes(IrAes step, const IrVec *state, const IrVec *key, IrVec *ret);
void ir_eval_sha(IrSha step, const IrVec *d, const IrVec *n, const IrVec *m, IrVec *ret);
uint32_t ir_eval_crc32(bool castagnoli, uint32_t crc, uint64_t data, unsigned bytes);

#endif
