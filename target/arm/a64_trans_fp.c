/* Arm ARM, "Data Processing -- Scalar Floating-Point": registers as one f16, f32 or f64.
 *
 * A result clears the rest of its register. NaNs, flushing and exceptions are the IR's business (IR_NAN_ARM);
 * operands keep their order, which decides among NaNs. The rounding mode is FPCR's unless the instruction
 * names one. */
#include "target/arm/a64_simd_fp.h"

static IrVal fp_n(Trans *t, const A64Args *a) { return fp_reg(t, a->size, a->rn); }
static IrVal fp_m(Trans *t, const A64Args *a) { return fp_reg(t, a->size, a->rm); }

/* Two sources */
#define BINARY(handler, row)                                                                                 \
    void a64_trans_##handler(Trans *t, const A64Args *a)                                                     \
    {                                                                                                        \
        IrVal n = fp_n(t, a);                                                                                \
                                                                                                             \
        simd_put_any(t, a->rd, ir_fp2(t->b, row, fp_type(a->size), IR_RDYN, n, fp_m(t, a)));                 \
    }
BINARY(fadd_f, IR_FADD)
BINARY(fsub_f, IR_FSUB)
BINARY(fmul_f, IR_FMUL)
BINARY(fdiv_f, IR_FDIV)
BINARY(fmax_f, IR_FMAXM)
BINARY(fmin_f, IR_FMINM)
BINARY(fmaxnm_f, IR_FMAX)
BINARY(fminnm_f, IR_FMIN)

void a64_trans_fnmul_f(Trans *t, const A64Args *a)
{
    IrVal n = fp_n(t, a);

    simd_put_any(t, a->rd, fp_neg(t, ir_fp2(t->b, IR_FMUL, fp_type(a->size), IR_RDYN, n, fp_m(t, a))));
}

/* Three sources. Bit 15: the product is subtracted. Bit 21: the whole is negated. */
void a64_trans_fmadd(Trans *t, const A64Args *a)
{
    bool o0 = a->bits >> 15 & 1, o1 = a->bits >> 21 & 1;
    IrVal n = fp_n(t, a), m = fp_m(t, a), addend = fp_reg(t, a->size, a->ra);

    simd_put_any(t, a->rd, ir_fma(t->b, fp_type(a->size), IR_RDYN, o0 != o1, o1, n, m, addend));
}

/* One source */
void a64_trans_fmov_f(Trans *t, const A64Args *a) { simd_put_any(t, a->rd, fp_n(t, a)); }
void a64_trans_fabs_f(Trans *t, const A64Args *a) { simd_put_any(t, a->rd, fp_abs(t, fp_n(t, a))); }
void a64_trans_fneg_f(Trans *t, const A64Args *a) { simd_put_any(t, a->rd, fp_neg(t, fp_n(t, a))); }
void a64_trans_fsqrt_f(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd, ir_fp2(t->b, IR_FSQRT, fp_type(a->size), IR_RDYN, fp_n(t, a), IR_NONE));
}

/* Bits 17..15: N P M Z A - X I */
void a64_trans_frint_f(Trans *t, const A64Args *a)
{
    static const uint8_t how[8] = {IR_RNE, IR_RUP, IR_RDN, IR_RTZ, IR_RMM, 0, IR_RDYN | IR_FRINT_EXACT,
                                   IR_RDYN};

    simd_put_any(t, a->rd, ir_fcvt(t->b, IR_FRINT, fp_type(a->size), how[a->bits >> 15 & 7], fp_n(t, a)));
}

/* Bit 15: FPCR's rounding, else toward zero. Bit 16: 64 bits. */
void a64_trans_frintts_f(Trans *t, const A64Args *a)
{
    unsigned range = a->bits >> 16 & 1 ? IR_FRINT_64 : IR_FRINT_32;
    unsigned round = a->bits >> 15 & 1 ? IR_RDYN : IR_RTZ;

    simd_put_any(t, a->rd,
                 ir_fcvt(t->b, IR_FRINT, fp_type(a->size), round | range | IR_FRINT_EXACT, fp_n(t, a)));
}

/* Bits 16..15: to single, double, -, half */
void a64_trans_fcvt_f(Trans *t, const A64Args *a)
{
    static const uint8_t to[4] = {IR_F32, IR_F64, 0, IR_F16};

    simd_put_any(t, a->rd, ir_fcvt(t->b, IR_F2F, to[a->bits >> 15 & 3], IR_RDYN, fp_n(t, a)));
}
void a64_trans_bfcvt(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd, ir_fcvt(t->b, IR_F2BF, IR_F16, IR_RDYN, fp_reg(t, 2, a->rn)));
}

/* Conversions with general registers. Bits 20..19: N P M Z; bit 18: A; bit 16: unsigned */
void a64_trans_fcvt_int(Trans *t, const A64Args *a)
{
    static const uint8_t round[4] = {IR_RNE, IR_RUP, IR_RDN, IR_RTZ};
    unsigned how = a->bits >> 18 & 1 ? IR_RMM : round[a->bits >> 19 & 3];

    how |= a->bits >> 16 & 1 ? IR_CVT_UNSIGNED : 0;
    a64_put_r(t, a->sf, a->rd, ir_fcvt(t->b, IR_F2I, a64_type(a), how, fp_n(t, a)));
}

static unsigned how_from_int(const A64Args *a) { return IR_RDYN | (a->bits >> 16 & 1 ? IR_CVT_UNSIGNED : 0); }

void a64_trans_cvtf_int(Trans *t, const A64Args *a)
{
    IrVal v = a64_r(t, a->sf, a->rn);

    simd_put_any(t, a->rd, ir_fcvt(t->b, IR_I2F, fp_type(a->size), how_from_int(a), v));
}

static void from_fixed(Trans *t, const A64Args *a)
{
    IrVal v = a64_r(t, a->sf, a->rn);

    simd_put_any(t, a->rd, ir_fcvt_fixed(t->b, IR_I2F, fp_type(a->size), how_from_int(a), a->amount, v));
}
static void to_fixed(Trans *t, const A64Args *a, unsigned how)
{
    a64_put_r(t, a->sf, a->rd, ir_fcvt_fixed(t->b, IR_F2I, a64_type(a), how, a->amount, fp_n(t, a)));
}
void a64_trans_scvtf_fix(Trans *t, const A64Args *a) { from_fixed(t, a); }
void a64_trans_ucvtf_fix(Trans *t, const A64Args *a) { from_fixed(t, a); }
void a64_trans_fcvtzs_fix(Trans *t, const A64Args *a) { to_fixed(t, a, IR_RTZ); }
void a64_trans_fcvtzu_fix(Trans *t, const A64Args *a) { to_fixed(t, a, IR_RTZ | IR_CVT_UNSIGNED); }

/* Z says whether the conversion was exact; the other flags are 0. */
void a64_trans_fjcvtzs(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrVal v = ir_fcvt(b, IR_FJCVT, IR_I64, IR_RTZ, fp_reg(t, 3, a->rn));
    IrVal exact = ir_trunc(b, IR_I32, ir_shr(b, IR_I64, v, a64_imm(t, 32)));
    _Static_assert(IR_FL_Z == 1 << 14, "shift");

    a64_put_w(t, a->rd, ir_trunc(b, IR_I32, v));
    ir_put(b, ARM_SLOT_FL, ir_flmake(b, ir_shl(b, IR_I32, exact, ir_const(b, IR_I32, 14))));
}

/* Moves */
void a64_trans_fmov_imm(Trans *t, const A64Args *a)
{
    ir_put(t->b, ARM_SLOT_V + a->rd, ir_vconst(t->b, IR_V128, (uint64_t)a->imm, 0));
}
void a64_trans_fmov_to_gen(Trans *t, const A64Args *a)
{
    a64_put_r(t, a->sf, a->rd, ir_vget(t->b, a64_type(a), a->size, 0, simd_q(t, a->rn)));
}
void a64_trans_fmov_from_gen(Trans *t, const A64Args *a)
{
    IrVal v = a64_r(t, a->sf, a->rn);

    if (a->size == 1)
        v = ir_and(t->b, a64_type(a), v, ir_const(t->b, a64_type(a), 0xffff));
    simd_put_any(t, a->rd, ir_vzext(t->b, IR_V128, v));
}
void a64_trans_fmov_to_top(Trans *t, const A64Args *a)
{
    a64_put_x(t, a->rd, ir_vget(t->b, IR_I64, IR_LANE_64, IR_VA_N(1), simd_q(t, a->rn)));
}
void a64_trans_fmov_from_top(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd, ir_vset(t->b, IR_V128, IR_LANE_64, IR_VA_N(1), simd_q(t, a->rd), a64_x(t, a->rn)));
}

/* Compare. Bit 3: with zero. Bit 4: quiet NaNs are invalid too. */
void a64_trans_fcmp(Trans *t, const A64Args *a)
{
    IrVal n = fp_n(t, a), m = a->bits >> 3 & 1 ? fp_zero(t, a->size) : fp_m(t, a);

    ir_put(t->b, ARM_SLOT_FL, ir_flfcmp(t->b, a->bits >> 4 & 1, n, m));
}

/* When the condition fails nothing is compared: zeros are, which raises nothing. */
void a64_trans_fccmp(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrVal cond = ir_flcc(b, ir_get(b, ARM_SLOT_FL), a->kind), zero = fp_zero(t, a->size);
    IrVal n = ir_select(b, cond, fp_n(t, a), zero), m = ir_select(b, cond, fp_m(t, a), zero);
    IrVal fl = ir_flfcmp(b, a->bits >> 4 & 1, n, m);

    ir_put(b, ARM_SLOT_FL, ir_select(b, cond, fl, ir_const(b, IR_FL, a64_fl_word(a->amount))));
}

void a64_trans_fcsel(Trans *t, const A64Args *a)
{
    IrVal cond = ir_flcc(t->b, ir_get(t->b, ARM_SLOT_FL), a->kind), n = fp_n(t, a);

    simd_put_any(t, a->rd, ir_select(t->b, cond, n, fp_m(t, a)));
}
