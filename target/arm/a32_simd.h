/*
 * Inside of the FP and SIMD part of the A32/T32 front end: views of the registers.
 *
 * d0-d31 are slots of type v64. A Q register is two of them joined, which the builder takes apart again
 * (ir_vjoin), an S register a half of d0-d15. Advanced SIMD rows work on v128 (Q) or v64 (D registers).
 * FPSCR: modes in ARM_FPCR's places, NZCV in A32_SLOT_FPFL as a word of IR_FL_*, the exception flags are the
 * IR's, QC is "A32_SLOT_QC is not zero". Advanced SIMD arithmetic has the standard FPSCR value: IR_VA_STD.
 */
#ifndef TARGET_ARM_A32_SIMD_H
#define TARGET_ARM_A32_SIMD_H

#include "target/arm/a32_trans.h"

/* Numbers of registers from the fields: double (0..31) and single (0..31). */
static inline unsigned a32_dd(const A32Args *a) { return a->d | (unsigned)a->D << 4; }
static inline unsigned a32_dn(const A32Args *a) { return a->n | (unsigned)a->N << 4; }
static inline unsigned a32_dm(const A32Args *a) { return a->m | (unsigned)a->M << 4; }
static inline unsigned a32_sd(const A32Args *a) { return a->d << 1 | a->D; }
static inline unsigned a32_sn(const A32Args *a) { return a->n << 1 | a->N; }
static inline unsigned a32_sm(const A32Args *a) { return a->m << 1 | a->M; }

static inline IrVal a32_v(Trans *t, unsigned r) { return ir_get(t->b, A32_SLOT_V + r); }
static inline void a32_put_v(Trans *t, unsigned r, IrVal v) { ir_put(t->b, A32_SLOT_V + r, v); }
static inline IrVal a32_high(Trans *t, IrVal v128)
{
    return ir_vlow(t->b, IR_V64, ir_vdupl(t->b, IR_V128, IR_LANE_64, IR_VA_N(1), v128));
}
static inline IrVal a32_q(Trans *t, unsigned q)
{
    IrVal low = a32_v(t, 2 * q);

    return ir_vjoin(t->b, IR_V128, IR_LANE_64, 0, low, a32_v(t, 2 * q + 1));
}
static inline void a32_put_q(Trans *t, unsigned q, IrVal v)
{
    a32_put_v(t, 2 * q, ir_vlow(t->b, IR_V64, v));
    a32_put_v(t, 2 * q + 1, a32_high(t, v));
}

/* Lane `n` of 1 << lane bytes of a v64, as `type`. */
static inline IrVal a32_lane(Trans *t, IrType type, unsigned lane, unsigned n, IrVal v)
{
    return ir_vlow(t->b, type, n ? ir_vdupl(t->b, IR_V64, lane, IR_VA_N(n), v) : v);
}
static inline void a32_put_lane(Trans *t, unsigned r, unsigned lane, unsigned n, IrVal v)
{
    if (ir_result_type(t->b->r, &t->b->r->insn[v]) != IR_V64)
        v = ir_vany(t->b, IR_V64, v);
    a32_put_v(t, r, ir_vsetv(t->b, IR_V64, lane, IR_VA_N(n) | IR_VA_M(0), a32_v(t, r), v));
}

/* Dr as v64 or f64, and as i64 */
static inline IrVal a32_d(Trans *t, IrType type, unsigned r)
{
    IrVal v = a32_v(t, r);

    return type == IR_V64 ? v : ir_vlow(t->b, type, v);
}
static inline void a32_put_d(Trans *t, unsigned r, IrVal v)
{
    a32_put_v(t, r, ir_result_type(t->b->r, &t->b->r->insn[v]) == IR_V64 ? v : ir_vany(t->b, IR_V64, v));
}
static inline IrVal a32_d_bits(Trans *t, unsigned r)
{
    return ir_vget(t->b, IR_I64, IR_LANE_64, IR_VA_N(0), a32_v(t, r));
}
static inline void a32_put_d_bits(Trans *t, unsigned r, IrVal v)
{
    a32_put_d(t, r, ir_cast(t->b, IR_F64, v));
}
/* Sr as f32, and as i32 */
static inline IrVal a32_s(Trans *t, unsigned r)
{
    return a32_lane(t, IR_F32, IR_LANE_32, r & 1, a32_v(t, r >> 1));
}
static inline void a32_put_s(Trans *t, unsigned r, IrVal v) { a32_put_lane(t, r >> 1, IR_LANE_32, r & 1, v); }
static inline IrVal a32_s_bits(Trans *t, unsigned r)
{
    return ir_vget(t->b, IR_I32, IR_LANE_32, IR_VA_N(r & 1), a32_v(t, r >> 1));
}
static inline void a32_put_s_bits(Trans *t, unsigned r, IrVal v)
{
    a32_put_v(t, r >> 1, ir_vset(t->b, IR_V64, IR_LANE_32, IR_VA_N(r & 1), a32_v(t, r >> 1), v));
}

/* The f16 in the low half of Sr; a write clears the other half. */
static inline IrVal a32_h(Trans *t, unsigned r)
{
    return a32_lane(t, IR_F16, IR_LANE_16, (r & 1) * 2, a32_v(t, r >> 1));
}
static inline void a32_put_h(Trans *t, unsigned r, IrVal v)
{
    a32_put_lane(t, r >> 1, IR_LANE_32, r & 1, ir_vzext(t->b, IR_V64, v));
}

/* Scalars of the row's precision: z double, h half. */
static inline IrType a32_fp(const A32Args *a) { return a->z ? IR_F64 : a->h ? IR_F16 : IR_F32; }
static inline IrVal a32_f(Trans *t, const A32Args *a, unsigned d, unsigned s)
{
    return a->z ? a32_d(t, IR_F64, d) : a->h ? a32_h(t, s) : a32_s(t, s);
}
static inline IrVal a32_fd(Trans *t, const A32Args *a) { return a32_f(t, a, a32_dd(a), a32_sd(a)); }
static inline IrVal a32_fn(Trans *t, const A32Args *a) { return a32_f(t, a, a32_dn(a), a32_sn(a)); }
static inline IrVal a32_fm(Trans *t, const A32Args *a) { return a32_f(t, a, a32_dm(a), a32_sm(a)); }
static inline void a32_put_f(Trans *t, const A32Args *a, IrVal v)
{
    A32Trans *state = a32_state(t);

    if (state->held)
        *state->held++ = v;
    else if (a->z)
        a32_put_d(t, a32_dd(a), v);
    else if (a->h)
        a32_put_h(t, a32_sd(a), v);
    else
        a32_put_s(t, a32_sd(a), v);
}

#endif
