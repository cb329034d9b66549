/* Arm ARM, "Advanced SIMD": saturating arithmetic on lanes of one width.
 *
 * QC is exact: a lane saturated if and only if the saturated and the wrapped result differ, wherever that is
 * so (sums and differences); the other rows say how they find out. */
#include "target/arm/a64_simd.h"

static IrVal bits_differ(Trans *t, const A64Args *a, IrVal x, IrVal y)
{
    return ir_vxor(t->b, simd_type(a), IR_LANE_8, 0, x, y);
}

/* Result v and QC where it is not the wrapped w. */
static void put_checked(Trans *t, const A64Args *a, IrVal v, IrVal w)
{
    simd_put_qc(t, a, a->size, bits_differ(t, a, v, w));
    simd_put(t, a, v);
}

static void add_sub(Trans *t, const A64Args *a, IrOp sat, IrOp wrap)
{
    IrType type = simd_type(a);
    IrVal n = simd_v(t, a, a->rn), m = simd_v(t, a, a->rm);
    IrVal v = ir_vec(t->b, sat, type, a->size, simd_sign(a), n, m, IR_NONE, IR_NONE);

    put_checked(t, a, v, ir_vec(t->b, wrap, type, a->size, 0, n, m, IR_NONE, IR_NONE));
}
void a64_trans_xqadd(Trans *t, const A64Args *a) { add_sub(t, a, IR_VQADD, IR_VADD); }
void a64_trans_xqsub(Trans *t, const A64Args *a) { add_sub(t, a, IR_VQSUB, IR_VSUB); }

static IrVal lane_min(Trans *t, const A64Args *a)
{
    return ir_vconst_dup(t->b, simd_type(a), a->size, 1ull << (simd_lane_bits(a) - 1));
}

/* Signed d + unsigned n: with the sign bit of d inverted both are unsigned, and the sum cannot be too
 * small. */
void a64_trans_suqadd_v(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrType type = simd_type(a);
    IrVal min = lane_min(t, a), n = simd_v(t, a, a->rn);
    IrVal d = ir_vxor(b, type, IR_LANE_8, 0, simd_v(t, a, a->rd), min);
    IrVal v = ir_vqadd(b, type, a->size, 0, d, n), w = ir_vadd(b, type, a->size, 0, d, n);

    simd_put_qc(t, a, a->size, bits_differ(t, a, v, w));
    simd_put(t, a, ir_vxor(b, type, IR_LANE_8, 0, v, min));
}

/* Unsigned d + signed n: what is positive is added, what is negative is subtracted. */
void a64_trans_usqadd_v(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrType type = simd_type(a);
    IrVal zero = ir_vconst(b, type, 0, 0), d = simd_v(t, a, a->rd), n = simd_v(t, a, a->rn);
    IrVal plus = ir_vmax(b, type, a->size, IR_VA_S, n, zero);
    IrVal minus = ir_vneg(b, type, a->size, 0, ir_vmin(b, type, a->size, IR_VA_S, n, zero));
    IrVal v = ir_vqsub(b, type, a->size, 0, ir_vqadd(b, type, a->size, 0, d, plus), minus);

    put_checked(t, a, v, ir_vadd(b, type, a->size, 0, d, n));
}

static IrVal negated(Trans *t, const A64Args *a, IrVal n)
{
    return ir_vqsub(t->b, simd_type(a), a->size, IR_VA_S, ir_vconst(t->b, simd_type(a), 0, 0), n);
}
void a64_trans_sqneg_v(Trans *t, const A64Args *a)
{
    IrVal n = simd_v(t, a, a->rn);

    put_checked(t, a, negated(t, a, n), ir_vneg(t->b, simd_type(a), a->size, 0, n));
}
void a64_trans_sqabs_v(Trans *t, const A64Args *a)
{
    IrType type = simd_type(a);
    IrVal n = simd_v(t, a, a->rn);
    IrVal v = ir_vmax(t->b, type, a->size, IR_VA_S, n, negated(t, a, n));

    put_checked(t, a, v, ir_vabs(t->b, type, a->size, 0, n));
}

/* SQDMULH: only MIN * MIN saturates, but others give MAX too. */
static IrVal both_min(Trans *t, const A64Args *a, IrVal n, IrVal m)
{
    IrBuilder *b = t->b;
    IrType type = simd_type(a);
    IrVal n_min = ir_vcmp(b, type, a->size, IR_VA_N(IR_EQ), n, lane_min(t, a));

    return ir_vand(b, type, IR_LANE_8, 0, n_min, ir_vcmp(b, type, a->size, IR_VA_N(IR_EQ), n, m));
}
static void mul_high(Trans *t, const A64Args *a, uint32_t round)
{
    IrVal n = simd_v(t, a, a->rn), m = simd_m(t, a);

    simd_put_qc(t, a, a->size, both_min(t, a, n, m));
    simd_put(t, a, ir_vqdmulh(t->b, simd_type(a), a->size, round, n, m));
}
void a64_trans_sqdmulh_v(Trans *t, const A64Args *a) { mul_high(t, a, 0); }
void a64_trans_sqrdmulh_v(Trans *t, const A64Args *a) { mul_high(t, a, IR_VA_ROUND); }

/* SQRDMLAH is d + SQRDMULH(n, m) with the product not saturated: for MIN * MIN it is MAX + 1, modulo the lane
 * MIN. So the wrapped result is that sum, plus one where both are MIN. SQRDMLSH is the same with -n; where n
 * is MIN, m is negated in its place, and where both are, the product is -(MAX + 1), the same modulo the
 * lane. */
static void mul_add_high(Trans *t, const A64Args *a, uint32_t neg)
{
    IrBuilder *b = t->b;
    IrType type = simd_type(a);
    IrVal d = simd_v(t, a, a->rd), n = simd_v(t, a, a->rn), m = simd_m(t, a);
    IrVal v = ir_vqrdmla(b, type, a->size, neg, d, n, m);
    IrVal x = n, y = m;

    if (neg) {
        IrVal n_min = ir_vcmp(b, type, a->size, IR_VA_N(IR_EQ), n, lane_min(t, a));
        x = ir_vneg(b, type, a->size, 0, n);
        y = ir_vsub(b, type, a->size, 0, ir_vxor(b, type, IR_LANE_8, 0, m, n_min), n_min);
    }
    IrVal product = ir_vqdmulh(b, type, a->size, IR_VA_ROUND, x, y);
    product = ir_vsub(b, type, a->size, 0, product, both_min(t, a, x, y));
    put_checked(t, a, v, ir_vadd(b, type, a->size, 0, d, product));
}
void a64_trans_sqrdmlah_v(Trans *t, const A64Args *a) { mul_add_high(t, a, 0); }
void a64_trans_sqrdmlsh_v(Trans *t, const A64Args *a) { mul_add_high(t, a, IR_VA_NEG); }

/* Shifts left by immediates: saturated if shifting back does not give n. `attr` says what the result is;
 * *ret_v. */
static void shift_imm(Trans *t, const A64Args *a, IrVal n, uint32_t sign, IrVal compare)
{
    IrBuilder *b = t->b;
    IrType type = simd_type(a);
    IrVal v = ir_vshift(b, type, a->size, sign | IR_VA_SAT, n, ir_vconst_dup(b, type, a->size, a->amount));

    simd_put_qc(t, a, a->size,
                bits_differ(t, a, ir_vshr(b, type, a->size, sign | IR_VA_N(a->amount), v), compare));
    simd_put(t, a, v);
}
void a64_trans_xqshl_imm(Trans *t, const A64Args *a)
{
    IrVal n = simd_v(t, a, a->rn);

    shift_imm(t, a, n, simd_sign(a), n);
}
/* Signed to unsigned: what is negative gives 0. */
void a64_trans_sqshlu_imm(Trans *t, const A64Args *a)
{
    IrType type = simd_type(a);
    IrVal n = simd_v(t, a, a->rn);

    shift_imm(t, a, ir_vmax(t->b, type, a->size, IR_VA_S, n, ir_vconst(t->b, type, 0, 0)), 0, n);
}

/* Shifts by registers: where the count is not negative, saturated if shifting the wrapped result back does
 * not give n. */
static void shift_reg(Trans *t, const A64Args *a, uint32_t attr)
{
    IrBuilder *b = t->b;
    IrType type = simd_type(a);
    uint32_t sign = simd_sign(a);
    IrVal n = simd_v(t, a, a->rn), m = simd_v(t, a, a->rm), zero = ir_vconst(b, type, 0, 0);
    IrVal count = a->size ? ir_vshl(b, type, a->size, IR_VA_N(simd_lane_bits(a) - 8), m) : m;
    IrVal left = ir_vcmp(b, type, a->size, IR_VA_N(IR_GE), count, zero);
    IrVal wrapped = ir_vshift(b, type, a->size, sign, n, m);
    IrVal back = ir_vshift(b, type, a->size, sign, wrapped, ir_vneg(b, type, a->size, 0, m));

    simd_put_qc(t, a, a->size, ir_vand(b, type, IR_LANE_8, 0, left, bits_differ(t, a, back, n)));
    simd_put(t, a, ir_vshift(b, type, a->size, sign | attr | IR_VA_SAT, n, m));
}
void a64_trans_xqshl(Trans *t, const A64Args *a) { shift_reg(t, a, 0); }
void a64_trans_xqrshl(Trans *t, const A64Args *a) { shift_reg(t, a, IR_VA_ROUND); }
