/* Inside of the Advanced SIMD rows of A32 and T32: operands by the Q bit, checks, saturation. */
#ifndef TARGET_ARM_A32_NEON_H
#define TARGET_ARM_A32_NEON_H

#include "target/arm/a32_simd.h"

typedef struct NeonOps {
    IrBuilder *b;
    IrType type;   /* of vectors: V128 or V64 */
    unsigned lane;  /* a->s */
    unsigned flane; /* of rows on floats */
    uint32_t sign; /* IR_VA_S unless u */
    IrVal n, m;
} NeonOps;

enum { NEON_D = 1, NEON_N = 2, NEON_M = 4 };
/* Lanes that a row allows. */
enum { L8 = 1, L16 = 2, L32 = 4, L64 = 8, L8_32 = 7, L_ALL = 15 };

static inline unsigned neon_flane(const A32Args *a) { return a->h ? IR_LANE_F16 : IR_LANE_F32; }
/* Dr in the low half of a v128; nothing is said of the upper half. */
static inline IrVal neon_low128(Trans *t, unsigned r) { return ir_vany(t->b, IR_V128, a32_v(t, r)); }

/* True, and UNDEFINED: one of these registers is odd where a Q register is meant. */
bool neon_bad_regs(Trans *t, const A32Args *a, unsigned which);
/* Operands of a row with lanes a->s out of the mask; false: UNDEFINED. */
bool neon_three(Trans *t, const A32Args *a, unsigned lanes, NeonOps *ret); /* Vn, Vm */
bool neon_two(Trans *t, const A32Args *a, unsigned lanes, NeonOps *ret);   /* Vm */
/* Vn and a scalar in all lanes; *x is a with Q from the u bit. */
bool neon_scalar(Trans *t, const A32Args *a, unsigned lanes, A32Args *x, NeonOps *o);
IrVal neon_reg(Trans *t, bool q, unsigned r);
void neon_put(Trans *t, bool q, unsigned r, IrVal v);
IrVal neon_get_d(Trans *t, const A32Args *a);
void neon_put_d(Trans *t, const A32Args *a, IrVal v);
/* FPSCR.QC where v has bits. */
void neon_qc(Trans *t, IrVal v);
/* All ones where both are the smallest number. */
IrVal neon_both_min(const NeonOps *o, IrVal n, IrVal m);
void neon_mul_high(Trans *t, const A32Args *a, const NeonOps *o, uint32_t round);
void neon_mul_add_high(Trans *t, const A32Args *a, const NeonOps *o, uint32_t sub);

#endif
