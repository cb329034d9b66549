/* Inside of the floating-point rows of A64: values of f16, f32, f64 in vector registers. */
#ifndef TARGET_ARM_A64_SIMD_FP_H
#define TARGET_ARM_A64_SIMD_FP_H

#include "target/arm/a64_simd.h"

/* Of 1 << size bytes, 1 to 3. */
static inline IrType fp_type(unsigned size) { return IR_F16 + size - 1; }
static inline IrType fp_int_type(unsigned size) { return IR_I8 + size; }
static inline IrVal fp_reg(Trans *t, unsigned size, unsigned r)
{
    return ir_vlow(t->b, fp_type(size), simd_q(t, r));
}

/* Bits of the value, sign changed or removed. NaNs too. */
static inline IrVal fp_neg(Trans *t, IrVal v) { return ir_fsgn(t->b, 1, v, v); }
static inline IrVal fp_abs(Trans *t, IrVal v) { return ir_fsgn(t->b, 2, v, v); }

static inline IrVal fp_zero(Trans *t, unsigned size)
{
    return ir_vlow(t->b, fp_type(size), ir_vconst(t->b, IR_V128, 0, 0));
}

#endif
