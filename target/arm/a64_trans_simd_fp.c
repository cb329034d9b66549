/* Arm ARM, "Advanced SIMD": floating point on vectors, on scalars of the Advanced SIMD formats, and by
 * element.
 *
 * Scalars use the scalar rows of the IR: no other lane may raise an exception. NaNs, modes and exceptions are
 * the IR's business; operands keep their order. */
#include "target/arm/a64_simd_fp.h"
#include "target/arm/arm_simd.h"

static unsigned lane_of(unsigned size) { return IR_LANE_F16 + size - 1; }
static unsigned lane(const A64Args *a) { return lane_of(a->size); }

/* Vr as the row's vector or scalar. */
static IrVal reg(Trans *t, const A64Args *a, unsigned r)
{
    return simd_is_scalar(a) ? fp_reg(t, a->size, r) : simd_v(t, a, r);
}
static IrVal reg_m(Trans *t, const A64Args *a)
{
    return simd_is_scalar(a) ? ir_vlow(t->b, fp_type(a->size), simd_m_q(t, a)) : simd_m(t, a);
}
static IrVal constant(Trans *t, const A64Args *a, uint64_t bits)
{
    return ir_vconst_dup(t->b, simd_type(a), a->size, bits);
}
static uint64_t sign_bit(const A64Args *a) { return 1ull << (simd_lane_bits(a) - 1); }
static IrVal zero(Trans *t, const A64Args *a)
{
    return simd_is_scalar(a) ? fp_zero(t, a->size) : constant(t, a, 0);
}

static IrVal negated(Trans *t, const A64Args *a, IrVal v)
{
    return simd_is_scalar(a) ? fp_neg(t, v)
                             : ir_vxor(t->b, simd_type(a), IR_LANE_8, 0, v, constant(t, a, sign_bit(a)));
}
static IrVal absolute(Trans *t, const A64Args *a, IrVal v)
{
    return simd_is_scalar(a) ? fp_abs(t, v)
                             : ir_vandn(t->b, simd_type(a), IR_LANE_8, 0, v, constant(t, a, sign_bit(a)));
}

/* An operation as scalar row and as vector row. */
typedef struct FpOp {
    IrOp s, v;
} FpOp;

static IrVal apply(Trans *t, const A64Args *a, FpOp op, IrVal x, IrVal y)
{
    if (simd_is_scalar(a))
        return ir_fp2(t->b, op.s, fp_type(a->size), IR_RDYN, x, y);
    return ir_vec(t->b, op.v, simd_type(a), lane(a), 0, x, y, IR_NONE, IR_NONE);
}

#define OP(name) ((FpOp){IR_##name, IR_V##name})
#define BINARY(handler, op)                                                                                  \
    void a64_trans_##handler(Trans *t, const A64Args *a)                                                     \
    {                                                                                                        \
        IrVal n = reg(t, a, a->rn);                                                                          \
                                                                                                             \
        simd_put_any(t, a->rd, apply(t, a, OP(op), n, reg_m(t, a)));                                         \
    }
BINARY(fadd_v, FADD)
BINARY(fsub_v, FSUB)
BINARY(fmul_v, FMUL)
BINARY(fdiv_v, FDIV)
BINARY(fmulx_v, FMULX)
BINARY(fmax_v, FMAXM)
BINARY(fmin_v, FMINM)
BINARY(fmaxnm_v, FMAX)
BINARY(fminnm_v, FMIN)
BINARY(frecps_v, FRECPS)
BINARY(frsqrts_v, FRSQRTS)

void a64_trans_fabd_v(Trans *t, const A64Args *a)
{
    IrVal n = reg(t, a, a->rn);

    simd_put_any(t, a->rd, absolute(t, a, apply(t, a, OP(FSUB), n, reg_m(t, a))));
}

/* x * y + z; neg: the product is subtracted. */
static IrVal fused(Trans *t, const A64Args *a, bool neg, IrVal x, IrVal y, IrVal z)
{
    if (simd_is_scalar(a))
        return ir_fma(t->b, fp_type(a->size), IR_RDYN, neg, false, x, y, z);
    return ir_vfma(t->b, simd_type(a), lane(a), IR_VA_N(neg), x, y, z);
}
static void multiply_add(Trans *t, const A64Args *a, bool neg)
{
    IrVal d = reg(t, a, a->rd), n = reg(t, a, a->rn);

    simd_put_any(t, a->rd, fused(t, a, neg, n, reg_m(t, a), d));
}
void a64_trans_fmla_v(Trans *t, const A64Args *a) { multiply_add(t, a, false); }
void a64_trans_fmls_v(Trans *t, const A64Args *a) { multiply_add(t, a, true); }

/* Compares: a mask */
static void compare(Trans *t, const A64Args *a, IrFcond cond, IrVal x, IrVal y)
{
    IrBuilder *b = t->b;
    IrVal v;

    if (simd_is_scalar(a)) {
        IrType type = a->size == 3 ? IR_I64 : IR_I32;
        v = ir_sext(b, type, ir_fcmp(b, cond, x, y));
        if (a->size == 1)
            v = ir_and(b, type, v, ir_const(b, type, 0xffff));
        v = ir_vzext(b, IR_V128, v);
    } else {
        v = ir_vfcmp(b, simd_type(a), lane(a), IR_VA_N(cond), x, y);
    }
    simd_put_any(t, a->rd, v);
}
static void compare_regs(Trans *t, const A64Args *a, IrFcond cond, bool swap, bool abs)
{
    IrVal n = reg(t, a, a->rn), m = reg_m(t, a);

    if (abs) {
        n = absolute(t, a, n);
        m = absolute(t, a, m);
    }
    compare(t, a, cond, swap ? m : n, swap ? n : m);
}
void a64_trans_fcmeq_v(Trans *t, const A64Args *a) { compare_regs(t, a, IR_FEQ, false, false); }
void a64_trans_fcmge_v(Trans *t, const A64Args *a) { compare_regs(t, a, IR_FLE, true, false); }
void a64_trans_fcmgt_v(Trans *t, const A64Args *a) { compare_regs(t, a, IR_FLT, true, false); }
void a64_trans_facge_v(Trans *t, const A64Args *a) { compare_regs(t, a, IR_FLE, true, true); }
void a64_trans_facgt_v(Trans *t, const A64Args *a) { compare_regs(t, a, IR_FLT, true, true); }
void a64_trans_fcmeq_zero(Trans *t, const A64Args *a) { compare(t, a, IR_FEQ, reg(t, a, a->rn), zero(t, a)); }
void a64_trans_fcmle_zero(Trans *t, const A64Args *a) { compare(t, a, IR_FLE, reg(t, a, a->rn), zero(t, a)); }
void a64_trans_fcmlt_zero(Trans *t, const A64Args *a) { compare(t, a, IR_FLT, reg(t, a, a->rn), zero(t, a)); }
void a64_trans_fcmge_zero(Trans *t, const A64Args *a) { compare(t, a, IR_FLE, zero(t, a), reg(t, a, a->rn)); }
void a64_trans_fcmgt_zero(Trans *t, const A64Args *a) { compare(t, a, IR_FLT, zero(t, a), reg(t, a, a->rn)); }

/* Pairs: the even and the odd lanes of Vn:Vm; of a scalar instruction the two lanes of Vn. */
#define PAIRWISE(name, op)                                                                                   \
    void a64_trans_##name##_v(Trans *t, const A64Args *a)                                                    \
    {                                                                                                        \
        IrVal n = simd_v(t, a, a->rn), m = simd_v(t, a, a->rm);                                              \
        IrVal even = ir_vuzp(t->b, simd_type(a), a->size, 0, n, m);                                          \
                                                                                                             \
        simd_put_any(t, a->rd,                                                                               \
                     apply(t, a, OP(op), even, ir_vuzp(t->b, simd_type(a), a->size, IR_VA_HI, n, m)));       \
    }                                                                                                        \
    void a64_trans_##name##_s(Trans *t, const A64Args *a)                                                    \
    {                                                                                                        \
        IrVal n = simd_q(t, a->rn);                                                                          \
        IrVal odd = ir_vlow(t->b, fp_type(a->size), ir_vdupl(t->b, IR_V128, a->size, IR_VA_N(1), n));        \
                                                                                                             \
        simd_put_any(t, a->rd, apply(t, a, OP(op), ir_vlow(t->b, fp_type(a->size), n), odd));                \
    }
PAIRWISE(faddp, FADD)
PAIRWISE(fmaxp, FMAXM)
PAIRWISE(fminp, FMINM)
PAIRWISE(fmaxnmp, FMAX)
PAIRWISE(fminnmp, FMIN)

/* Across lanes, by a tree: pairs in vectors, the last two lanes as scalars. */
static void reduce(Trans *t, const A64Args *a, FpOp op)
{
    IrBuilder *b = t->b;
    IrType type = simd_type(a), scalar = fp_type(a->size);
    IrVal v = simd_v(t, a, a->rn);

    for (unsigned lanes = ir_type_bits(type) / simd_lane_bits(a); lanes > 2; lanes /= 2) {
        IrVal even = ir_vuzp(b, type, a->size, 0, v, v), odd = ir_vuzp(b, type, a->size, IR_VA_HI, v, v);
        v = ir_vec(b, op.v, type, lane(a), 0, even, odd, IR_NONE, IR_NONE);
    }
    IrVal second = ir_vdupl(b, type, a->size, IR_VA_N(1), v);
    simd_put_any(t, a->rd,
                 ir_fp2(b, op.s, scalar, IR_RDYN, ir_vlow(b, scalar, v), ir_vlow(b, scalar, second)));
}
void a64_trans_fmaxv(Trans *t, const A64Args *a) { reduce(t, a, OP(FMAXM)); }
void a64_trans_fminv(Trans *t, const A64Args *a) { reduce(t, a, OP(FMINM)); }
void a64_trans_fmaxnmv(Trans *t, const A64Args *a) { reduce(t, a, OP(FMAX)); }
void a64_trans_fminnmv(Trans *t, const A64Args *a) { reduce(t, a, OP(FMIN)); }

/* One operand */
void a64_trans_fabs_v(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd, absolute(t, a, reg(t, a, a->rn)));
}
void a64_trans_fneg_v(Trans *t, const A64Args *a) { simd_put_any(t, a->rd, negated(t, a, reg(t, a, a->rn))); }
#define UNARY(handler, op)                                                                                   \
    void a64_trans_##handler(Trans *t, const A64Args *a)                                                     \
    {                                                                                                        \
        simd_put_any(t, a->rd, apply(t, a, OP(op), reg(t, a, a->rn), IR_NONE));                              \
    }
UNARY(fsqrt_v, FSQRT)
UNARY(frecpe_v, FRECPE)
UNARY(frsqrte_v, FRSQRTE)

void a64_trans_frecpx_v(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd,
                 ir_fp2(t->b, IR_FRECPX, fp_type(a->size), IR_RDYN, fp_reg(t, a->size, a->rn), IR_NONE));
}
void a64_trans_urecpe(Trans *t, const A64Args *a)
{
    simd_put(t, a, ir_vurecpe(t->b, simd_type(a), IR_LANE_F32, 0, simd_v(t, a, a->rn)));
}
void a64_trans_ursqrte(Trans *t, const A64Args *a)
{
    simd_put(t, a, ir_vursqrte(t->b, simd_type(a), IR_LANE_F32, 0, simd_v(t, a, a->rn)));
}

/* U, bit 23, bit 12: N M P Z A X - I */
void a64_trans_frint_v(Trans *t, const A64Args *a)
{
    static const uint8_t how[8] = {IR_RNE, IR_RDN, IR_RUP, IR_RTZ, IR_RMM, IR_RDYN | IR_FRINT_EXACT,
                                   0,      IR_RDYN};
    unsigned k = (a->bits >> 29 & 1) << 2 | (a->bits >> 23 & 1) << 1 | (a->bits >> 12 & 1);

    simd_put(t, a, ir_vfrint(t->b, simd_type(a), lane(a), IR_VA_N(how[k]), simd_v(t, a, a->rn)));
}
/* Bit 12: 64 bits. U: FPCR's rounding, else toward zero. */
void a64_trans_frintts_v(Trans *t, const A64Args *a)
{
    unsigned how =
        (a->bits >> 12 & 1 ? IR_FRINT_64 : IR_FRINT_32) | (simd_u(a) ? IR_RDYN : IR_RTZ) | IR_FRINT_EXACT;

    simd_put(t, a, ir_vfrint(t->b, simd_type(a), lane(a), IR_VA_N(how), simd_v(t, a, a->rn)));
}

/* To and from integers of the same width. A scalar f16 becomes lane 0 of a vector of zeros, which raise
 * nothing: the range is that of 16 bits. */
static void to_int(Trans *t, const A64Args *a, unsigned how, unsigned fbits)
{
    IrBuilder *b = t->b;
    uint32_t attr = IR_VA_N(how | (simd_u(a) ? IR_CVT_UNSIGNED : 0)) | IR_VA_M(fbits);
    IrVal n = reg(t, a, a->rn), v;

    if (!simd_is_scalar(a))
        v = ir_vf2i(b, simd_type(a), lane(a), attr, n);
    else if (a->size == 1)
        v = ir_vf2i(b, IR_V64, lane(a), attr, ir_vzext(b, IR_V64, n));
    else
        v = ir_fcvt_fixed(b, IR_F2I, fp_int_type(a->size), how | (simd_u(a) ? IR_CVT_UNSIGNED : 0), fbits, n);
    simd_put_any(t, a->rd, v);
}
static void from_int(Trans *t, const A64Args *a, unsigned fbits)
{
    IrBuilder *b = t->b;
    unsigned how = IR_RDYN | (simd_u(a) ? IR_CVT_UNSIGNED : 0);
    IrVal v;

    if (simd_is_scalar(a)) {
        v = ir_vget(b, a->size == 3 ? IR_I64 : IR_I32, a->size, simd_sign(a), simd_q(t, a->rn));
        v = ir_fcvt_fixed(b, IR_I2F, fp_type(a->size), how, fbits, v);
    } else {
        v = ir_vi2f(b, simd_type(a), lane(a), IR_VA_N(how) | IR_VA_M(fbits), simd_v(t, a, a->rn));
    }
    simd_put_any(t, a->rd, v);
}
/* Bit 23, opcode (bits 16..12): 26 N P, 27 M Z, 28 A */
void a64_trans_fcvt_int_v(Trans *t, const A64Args *a)
{
    static const uint8_t how[4] = {IR_RNE, IR_RDN, IR_RUP, IR_RTZ};
    bool away = a->bits >> 14 & 1;

    to_int(t, a, away ? IR_RMM : how[(a->bits >> 23 & 1) << 1 | (a->bits >> 12 & 1)], 0);
}
void a64_trans_fcvtz_fix_v(Trans *t, const A64Args *a) { to_int(t, a, IR_RTZ, a->amount); }
void a64_trans_cvtf_int_v(Trans *t, const A64Args *a) { from_int(t, a, 0); }
void a64_trans_cvtf_fix_v(Trans *t, const A64Args *a) { from_int(t, a, a->amount); }

/* Between widths; a->size is the narrow one. */
void a64_trans_fcvtl(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd, ir_vfwiden(t->b, IR_V128, lane(a), simd_hi(a), simd_q(t, a->rn)));
}
static void convert_narrow(Trans *t, const A64Args *a, uint32_t attr)
{
    simd_put_narrow(t, a, ir_vfnarrow(t->b, IR_V128, lane_of(a->size + 1u), attr, simd_q(t, a->rn)));
}
void a64_trans_fcvtn(Trans *t, const A64Args *a) { convert_narrow(t, a, IR_VA_N(IR_RDYN)); }
void a64_trans_bfcvtn(Trans *t, const A64Args *a) { convert_narrow(t, a, IR_VA_N(IR_RDYN) | IR_VA_MIX); }
void a64_trans_fcvtxn_v(Trans *t, const A64Args *a)
{
    if (simd_is_scalar(a))
        simd_put_any(t, a->rd, ir_fcvt(t->b, IR_F2F, IR_F32, IR_RODD, fp_reg(t, 3, a->rn)));
    else
        convert_narrow(t, a, IR_VA_N(IR_RODD));
}

/* ---- complex numbers ---- */

static ArmComplex complex_of(Trans *t, const A64Args *a)
{
    return (ArmComplex){t->b, simd_type(a), lane(a), 0};
}

/* Rotated by 90 (1) or 270 (3) degrees and added */
void a64_trans_fcadd_v(Trans *t, const A64Args *a)
{
    ArmComplex c = complex_of(t, a);
    IrVal n = simd_v(t, a, a->rn);

    simd_put(t, a, arm_simd_complex_add(&c, a->amount != 1, n, simd_v(t, a, a->rm)));
}

void a64_trans_fcmla_v(Trans *t, const A64Args *a)
{
    ArmComplex c = complex_of(t, a);
    bool by_element = (a->bits >> 24 & 15) == 15;
    IrVal d = simd_v(t, a, a->rd), n = simd_v(t, a, a->rn), m = simd_q(t, a->rm);

    if (by_element)
        m = ir_vdupl(t->b, IR_V128, a->size + 1u, IR_VA_N(a->kind), m);
    if (!a->sf)
        m = ir_vlow(t->b, IR_V64, m);
    simd_put(t, a, arm_simd_complex_mla(&c, a->amount, d, n, m));
}

/* ---- f16 and bfloat16 times the same, added to f32 ---- */

/* The lower or upper half of the f16 that the row reads, two or four, zeros above. */
static IrVal half_of(Trans *t, const A64Args *a, bool upper, IrVal v)
{
    IrBuilder *b = t->b;

    if (upper)
        v = ir_vdupl(b, IR_V128, a->sf ? IR_LANE_64 : IR_LANE_32, IR_VA_N(1), v);
    return a->sf ? v : ir_vzext(b, IR_V128, ir_vlow(b, IR_F32, v));
}

static void multiply_add_half(Trans *t, const A64Args *a, bool neg)
{
    IrBuilder *b = t->b;
    bool by_element = (a->bits >> 24 & 15) == 15;
    IrVal d = simd_v(t, a, a->rd), m = simd_m_q(t, a);
    IrVal x = arm_simd_widened_f16(b, 0, half_of(t, a, simd_u(a), simd_q(t, a->rn)));
    IrVal y = arm_simd_widened_f16(b, 0, half_of(t, a, simd_u(a) && !by_element, m));

    if (!a->sf) {
        x = ir_vlow(b, IR_V64, x);
        y = ir_vlow(b, IR_V64, y);
    }
    simd_put_any(t, a->rd, ir_vfma(b, simd_type(a), IR_LANE_F32, IR_VA_N(neg), x, y, d));
}
void a64_trans_fmlal_v(Trans *t, const A64Args *a) { multiply_add_half(t, a, false); }
void a64_trans_fmlsl_v(Trans *t, const A64Args *a) { multiply_add_half(t, a, true); }

/* Q: the odd bfloat16, else the even ones. */
void a64_trans_bfmlal_v(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrVal v[2] = {simd_q(t, a->rn), simd_m_q(t, a)};

    for (unsigned i = 0; i < 2; i++)
        v[i] = a->sf ? ir_vand(b, IR_V128, IR_LANE_8, 0, v[i], ir_vconst_dup(b, IR_V128, 2, 0xffff0000))
                     : ir_vshl(b, IR_V128, IR_LANE_32, IR_VA_N(16), v[i]);
    simd_put_any(t, a->rd, ir_vfma(b, IR_V128, IR_LANE_F32, 0, v[0], v[1], simd_q(t, a->rd)));
}
void a64_trans_bfdot_v(Trans *t, const A64Args *a)
{
    IrVal d = simd_v(t, a, a->rd), n = simd_v(t, a, a->rn);

    simd_put(t, a, ir_vbfdot(t->b, simd_type(a), IR_LANE_F32, 0, d, n, simd_m(t, a)));
}
void a64_trans_bfmmla(Trans *t, const A64Args *a)
{
    IrVal d = simd_q(t, a->rd), n = simd_q(t, a->rn);

    simd_put_any(t, a->rd, ir_vbfmmla(t->b, IR_V128, IR_LANE_F32, 0, d, n, simd_q(t, a->rm)));
}
