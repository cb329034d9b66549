/*
 * Compositions of vector operations of the IR that A64 and A32 share.
 *
 * `attr`: 0, or IR_VA_STD for rows that compute with the standard FPSCR value (A32). They only build; the
 * caller reads registers before and writes them after. Source: Arm ARM, the pseudocode of the instructions
 * named.
 */
#ifndef TARGET_ARM_ARM_SIMD_H
#define TARGET_ARM_ARM_SIMD_H

#include "target/arm/arm_cpu.h"

/* d + n * m transposed: 2x2 lanes of 32 bits, rows of eight bytes (SMMLA and its kin). sign: as vdot has it
 */
IrVal arm_simd_matrix(IrBuilder *b, uint32_t sign, IrVal d, IrVal n, IrVal m);

/* The four f16 in the low half of h as f32, for multiplication (FMLAL). */
IrVal arm_simd_widened_f16(IrBuilder *b, uint32_t attr, IrVal h);

/* Complex numbers in vectors: even lanes real, odd lanes imaginary. lane: f16, f32, f64 */
typedef struct ArmComplex {
    IrBuilder *b;
    IrType type;
    unsigned lane;
    uint32_t attr;
} ArmComplex;
/* n + m rotated by 90 degrees, or 270 (FCADD) */
IrVal arm_simd_complex_add(const ArmComplex *c, bool by_270, IrVal n, IrVal m);
/* d + one part of n times both of m, rotated by `quarters` (FCMLA): the real part for 0 and 180 degrees. */
IrVal arm_simd_complex_mla(const ArmComplex *c, unsigned quarters, IrVal d, IrVal n, IrVal m);

#endif
