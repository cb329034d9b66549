/*
 * Folding: what the builder answers without making the op asked for. Each function returns a value equal to
 * the op, or IR_NONE when there is nothing to gain. The caller has put constants on the right of commutative
 * ops and cmp.
 *
 * All integer ops on constants are computed (eval.h). The identities, c and k constants:
 *   x+0 x-0 x|0 x^0 x<<0 x>>0 rotr(x,0) x&-1 x&x x|x x*1 x/1 = x      x-x x^x x&0 x*0 x%1 = 0     x|-1 = -1
 *   x-c = x+(-c)   0-x = -x   x^-1 = not x   x*2^k = x<<k   x/2^k = x>>k (unsigned)   x%2^k = x&(2^k-1)
 *   x&c = x when c keeps every bit that x can have
 *   (x<<k)>>k = zext or sext of the low 8, 16 or 32 bits
 *   neg(neg x) = not(not x) = x     not(cmp) = the inverse cmp
 *   trunc(sext x), trunc(zext x) = x, or a narrower trunc, or a shorter ext    trunc(trunc x) = trunc x
 *   sext(sext x) = sext x    zext(zext x) = zext x sext(zext x) = zext x sext(trunc x), zext(trunc x) = x
 *                            when
 *   x is known to be so extended    cast to the same type, cast(cast x) = x    unbox(box x) = x
 *   cmp x,x      x <u 0, x >=u 0      x != 0, x == 0 of an extended i1 = that i1 or its inverse
 *   (x^y) == 0, (x-y) == 0 = x == y   cmp of two values extended the same way = cmp of the narrow values
 *   select of a constant condition or of equal arms    select(c, 1, 0) = zext c
 *   fsgn 0 of x,x = x
 *   zext, sext of vget = vget extended so  vlow(vzext x) = x of the same type
 *   vlow(vlow x), vzext(vzext x) = one of them  both and vdup of constants
 *   vand, vor of x,x = x  vxor, vsub of x,x = 0  vnot(vnot x) = x  x with 0 in vand vor vxor vadd vsub vandn
 *   vaes of both steps of a round = the whole  vand x,-1 = x
 *   vshl, vshr by 0, vext at byte 0 = the first operand
 * Rules for more: the result must not be slower on any host, never makes an op with an effect, and must not
 * keep an old value of a slot alive where the new one would do: (x+c)+k stays, because x's register may hold
 * x+c by now. Floating-point arithmetic is never folded: it has flags.
 */
#ifndef TCG_IR_FOLD_H
#define TCG_IR_FOLD_H

#include "tcg/ir/build.h"

IrVal ir_fold_v(IrBuilder *b, IrOp op, IrType t, IrVal a);
IrVal ir_fold_vv(IrBuilder *b, IrOp op, IrType t, IrVal x, IrVal y);
IrVal ir_fold_cvt(IrBuilder *b, IrOp op, IrType to, IrVal a);
IrVal ir_fold_cmp(IrBuilder *b, IrCond c, IrVal x, IrVal y);
IrVal ir_fold_select(IrBuilder *b, IrVal c, IrVal x, IrVal y);
IrVal ir_fold_fsgn(IrBuilder *b, unsigned how, IrVal x, IrVal sign);

/* i: the vector op asked for. */
IrVal ir_fold_vec(IrBuilder *b, const IrInsn *i);

/* The condition that holds exactly when c does not; and the one with the operands exchanged. */
IrCond ir_cond_not(IrCond c);
IrCond ir_cond_swap(IrCond c);

#endif
