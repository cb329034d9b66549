/* Arm ARM, "Advanced SIMD": integer arithmetic on lanes of one width, compares, across lanes, dot
 * products. */
#include "target/arm/a64_simd.h"
#include "target/arm/arm_simd.h"

/* Vd = row(Vn, Vm), Vm perhaps an element */
#define BINARY(handler, row, attr)                                                                           \
    void a64_trans_##handler(Trans *t, const A64Args *a)                                                     \
    {                                                                                                        \
        IrVal n = simd_v(t, a, a->rn);                                                                       \
                                                                                                             \
        simd_put(t, a, ir_vec(t->b, row, simd_type(a), a->size, attr, n, simd_m(t, a), IR_NONE, IR_NONE));   \
    }
BINARY(add_v, IR_VADD, 0)
BINARY(sub_v, IR_VSUB, 0)
BINARY(mul_v, IR_VMUL, 0)
BINARY(pmul_v, IR_VPMUL, 0)
BINARY(addp_v, IR_VPADD, 0)
BINARY(xhadd, IR_VHADD, simd_sign(a))
BINARY(xrhadd, IR_VAVG, simd_sign(a))
BINARY(xhsub, IR_VHSUB, simd_sign(a))
BINARY(xmax, IR_VMAX, simd_sign(a))
BINARY(xmin, IR_VMIN, simd_sign(a))
BINARY(xabd, IR_VABD, simd_sign(a))
BINARY(xmaxp, IR_VPMAX, simd_sign(a))
BINARY(xminp, IR_VPMIN, simd_sign(a))
BINARY(xshl, IR_VSHIFT, simd_sign(a))
BINARY(xrshl, IR_VSHIFT, simd_sign(a) | IR_VA_ROUND)
BINARY(cmgt_v, IR_VCMP, IR_VA_N(IR_GT))
BINARY(cmge_v, IR_VCMP, IR_VA_N(IR_GE))
BINARY(cmhi_v, IR_VCMP, IR_VA_N(IR_GTU))
BINARY(cmhs_v, IR_VCMP, IR_VA_N(IR_GEU))
BINARY(cmeq_v, IR_VCMP, IR_VA_N(IR_EQ))
BINARY(cmtst_v, IR_VCMP, IR_VA_N(IR_VTST))

/* Vd = Vd + or - row(Vn, Vm) */
static void accumulate(Trans *t, const A64Args *a, IrOp op, IrOp row, uint32_t attr)
{
    IrBuilder *b = t->b;
    IrType type = simd_type(a);
    IrVal d = simd_v(t, a, a->rd), n = simd_v(t, a, a->rn);
    IrVal v = ir_vec(b, row, type, a->size, attr, n, simd_m(t, a), IR_NONE, IR_NONE);

    simd_put(t, a, ir_vec(b, op, type, a->size, 0, d, v, IR_NONE, IR_NONE));
}
void a64_trans_mla_v(Trans *t, const A64Args *a) { accumulate(t, a, IR_VADD, IR_VMUL, 0); }
void a64_trans_mls_v(Trans *t, const A64Args *a) { accumulate(t, a, IR_VSUB, IR_VMUL, 0); }
void a64_trans_xaba(Trans *t, const A64Args *a) { accumulate(t, a, IR_VADD, IR_VABD, simd_sign(a)); }

/* Compare with zero */
#define ZERO(handler, cond)                                                                                  \
    void a64_trans_##handler(Trans *t, const A64Args *a)                                                     \
    {                                                                                                        \
        IrType type = simd_type(a);                                                                          \
        IrVal zero = ir_vconst(t->b, type, 0, 0);                                                            \
                                                                                                             \
        simd_put(t, a, ir_vcmp(t->b, type, a->size, IR_VA_N(cond), simd_v(t, a, a->rn), zero));              \
    }
ZERO(cmgt_zero, IR_GT)
ZERO(cmge_zero, IR_GE)
ZERO(cmeq_zero, IR_EQ)
ZERO(cmle_zero, IR_LE)
ZERO(cmlt_zero, IR_LT)

#define UNARY(handler, row)                                                                                  \
    void a64_trans_##handler(Trans *t, const A64Args *a)                                                     \
    {                                                                                                        \
        simd_put(                                                                                            \
            t, a,                                                                                            \
            ir_vec(t->b, row, simd_type(a), a->size, 0, simd_v(t, a, a->rn), IR_NONE, IR_NONE, IR_NONE));    \
    }
UNARY(abs_v, IR_VABS)
UNARY(neg_v, IR_VNEG)

/* Across lanes: lane 0, the others zero */
#define ACROSS(handler, row, attr)                                                                           \
    void a64_trans_##handler(Trans *t, const A64Args *a)                                                     \
    {                                                                                                        \
        simd_put(                                                                                            \
            t, a,                                                                                            \
            ir_vec(t->b, row, simd_type(a), a->size, attr, simd_v(t, a, a->rn), IR_NONE, IR_NONE, IR_NONE)); \
    }
ACROSS(addv, IR_VADDV, 0)
ACROSS(xmaxv, IR_VMAXV, simd_sign(a))
ACROSS(xminv, IR_VMINV, simd_sign(a))

static IrVal pairs_long(Trans *t, const A64Args *a)
{
    return ir_vpaddl(t->b, simd_type(a), a->size, simd_sign(a), simd_v(t, a, a->rn));
}
void a64_trans_xaddlv(Trans *t, const A64Args *a)
{
    simd_put(t, a, ir_vaddv(t->b, simd_type(a), a->size + 1u, 0, pairs_long(t, a)));
}
void a64_trans_xaddlp(Trans *t, const A64Args *a) { simd_put(t, a, pairs_long(t, a)); }
void a64_trans_xadalp(Trans *t, const A64Args *a)
{
    IrVal d = simd_v(t, a, a->rd);

    simd_put(t, a, ir_vadd(t->b, simd_type(a), a->size + 1u, 0, d, pairs_long(t, a)));
}

/* Scalar ADDP: the two lanes of Vn */
void a64_trans_addp_s(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd, ir_vaddv(t->b, IR_V128, IR_LANE_64, 0, simd_q(t, a->rn)));
}

/* Dot products: lanes of four bytes */
static void dot(Trans *t, const A64Args *a, uint32_t attr, bool swap)
{
    IrVal d = simd_v(t, a, a->rd), n = simd_v(t, a, a->rn), m = simd_m(t, a);

    simd_put(t, a, ir_vdot(t->b, simd_type(a), IR_LANE_8, attr, d, swap ? m : n, swap ? n : m));
}
void a64_trans_sdot_v(Trans *t, const A64Args *a) { dot(t, a, IR_VA_S, false); }
void a64_trans_udot_v(Trans *t, const A64Args *a) { dot(t, a, 0, false); }
void a64_trans_usdot_v(Trans *t, const A64Args *a) { dot(t, a, IR_VA_MIX, false); }
void a64_trans_sudot_v(Trans *t, const A64Args *a) { dot(t, a, IR_VA_MIX, true); }

static void matrix(Trans *t, const A64Args *a, uint32_t attr)
{
    IrVal d = simd_q(t, a->rd), n = simd_q(t, a->rn);

    simd_put_any(t, a->rd, arm_simd_matrix(t->b, attr, d, n, simd_q(t, a->rm)));
}
void a64_trans_smmla(Trans *t, const A64Args *a) { matrix(t, a, IR_VA_S); }
void a64_trans_ummla(Trans *t, const A64Args *a) { matrix(t, a, 0); }
void a64_trans_usmmla(Trans *t, const A64Args *a) { matrix(t, a, IR_VA_MIX); }
