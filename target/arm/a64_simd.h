/*
 * Inside of the FP and SIMD part of the A64 front end: operands and results of vector and scalar rows.
 *
 * A vector register is a slot of type v128. A row on 64-bit vectors and Advanced SIMD scalars works on v64,
 * the low half; a write of anything narrower than v128 clears the rest. Scalars of fewer than 64 bits are
 * lane 0 of a v64: what other lanes compute is dropped by simd_put() and simd_put_qc().
 * QC: saturating rows OR a vector into ARM_SLOT_QC that is not zero in the lanes that saturated; FPSR.QC is
 * "slot not zero".
 */
#ifndef TARGET_ARM_A64_SIMD_H
#define TARGET_ARM_A64_SIMD_H

#include "target/arm/a64_trans.h"

/* Advanced SIMD scalar formats: bits 31..28 are 01u1. */
static inline bool simd_is_scalar(const A64Args *a) { return (a->bits >> 28 & 13) == 5; }
static inline bool simd_u(const A64Args *a) { return a->bits >> 29 & 1; }
/* IR_VA_S unless the U bit says unsigned. */
static inline uint32_t simd_sign(const A64Args *a) { return simd_u(a) ? 0 : IR_VA_S; }
static inline IrType simd_type(const A64Args *a) { return a->sf ? IR_V128 : IR_V64; }
static inline uint32_t simd_hi(const A64Args *a) { return a->sf ? IR_VA_HI : 0; }
static inline unsigned simd_lane_bits(const A64Args *a) { return 8u << a->size; }

static inline IrVal simd_q(Trans *t, unsigned r) { return ir_get(t->b, ARM_SLOT_V + r); }
/* In the type of the row. */
static inline IrVal simd_v(Trans *t, const A64Args *a, unsigned r)
{
    return a->sf ? simd_q(t, r) : ir_vlow(t->b, IR_V64, simd_q(t, r));
}

/* The second operand: Vm, or a lane of it in all lanes in the "by element" formats. */
IrVal simd_m_q(Trans *t, const A64Args *a);
IrVal simd_m(Trans *t, const A64Args *a);

/* Any type to Vr, zeros above. */
void simd_put_any(Trans *t, unsigned r, IrVal v);
/* A result of simd_type() and lanes of a->size: Vd. */
void simd_put(Trans *t, const A64Args *a, IrVal v);
/* A v128 with lanes of twice a->size: Vd; scalar: lane 0. */
void simd_put_wide(Trans *t, const A64Args *a, IrVal v);
/* A v128 whose upper half is zero with lanes of a->size: Vd, or its upper half for the "2" forms. */
void simd_put_narrow(Trans *t, const A64Args *a, IrVal v);

/* Saturation: QC where v has bits, in the lanes that count; lanes of 8 << size bits. */
void simd_put_qc(Trans *t, const A64Args *a, unsigned size, IrVal v);

#endif
