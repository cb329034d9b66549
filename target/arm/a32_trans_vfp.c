/* Arm ARM, "Floating-point data-processing", loads and stores of the extension registers, moves to and from
 * general registers.
 *
 * NaNs, flushing and exceptions are the IR's business (IR_NAN_ARM); operands keep their order, which decides
 * among NaNs. The rounding mode is FPSCR's unless the instruction names one. */
#include "target/arm/a32_simd.h"

static IrVal neg(Trans *t, IrVal v) { return ir_fsgn(t->b, 1, v, v); }

/* ---- arithmetic ---- */

static IrVal binary(Trans *t, const A32Args *a, IrOp op)
{
    IrVal n = a32_fn(t, a);

    return ir_fp2(t->b, op, a32_fp(a), IR_RDYN, n, a32_fm(t, a));
}

void a32_trans_f_vadd(Trans *t, const A32Args *a) { a32_put_f(t, a, binary(t, a, IR_FADD)); }
void a32_trans_f_vsub(Trans *t, const A32Args *a) { a32_put_f(t, a, binary(t, a, IR_FSUB)); }
void a32_trans_f_vmul(Trans *t, const A32Args *a) { a32_put_f(t, a, binary(t, a, IR_FMUL)); }
void a32_trans_f_vdiv(Trans *t, const A32Args *a) { a32_put_f(t, a, binary(t, a, IR_FDIV)); }
void a32_trans_f_vnmul(Trans *t, const A32Args *a) { a32_put_f(t, a, neg(t, binary(t, a, IR_FMUL))); }
void a32_trans_f_vmaxnm(Trans *t, const A32Args *a) { a32_put_f(t, a, binary(t, a, IR_FMAX)); }
void a32_trans_f_vminnm(Trans *t, const A32Args *a) { a32_put_f(t, a, binary(t, a, IR_FMIN)); }

/* Two roundings: (neg_d ? -Vd : Vd) + (neg_product ? -(Vn * Vm) : Vn * Vm) */
static void multiply_add(Trans *t, const A32Args *a, bool neg_d, bool neg_product)
{
    IrVal d = a32_fd(t, a), product = binary(t, a, IR_FMUL);

    if (neg_product)
        product = neg(t, product);
    a32_put_f(t, a, ir_fp2(t->b, IR_FADD, a32_fp(a), IR_RDYN, neg_d ? neg(t, d) : d, product));
}

void a32_trans_f_vmla(Trans *t, const A32Args *a) { multiply_add(t, a, false, false); }
void a32_trans_f_vmls(Trans *t, const A32Args *a) { multiply_add(t, a, false, true); }
void a32_trans_f_vnmla(Trans *t, const A32Args *a) { multiply_add(t, a, true, true); }
void a32_trans_f_vnmls(Trans *t, const A32Args *a) { multiply_add(t, a, true, false); }

static void fused(Trans *t, const A32Args *a, bool neg_product, bool neg_addend)
{
    IrVal d = a32_fd(t, a), n = a32_fn(t, a), m = a32_fm(t, a);

    a32_put_f(t, a, ir_fma(t->b, a32_fp(a), IR_RDYN, neg_product, neg_addend, n, m, d));
}

void a32_trans_f_vfma(Trans *t, const A32Args *a) { fused(t, a, false, false); }
void a32_trans_f_vfms(Trans *t, const A32Args *a) { fused(t, a, true, false); }
void a32_trans_f_vfnma(Trans *t, const A32Args *a) { fused(t, a, true, true); }
void a32_trans_f_vfnms(Trans *t, const A32Args *a) { fused(t, a, false, true); }

void a32_trans_f_vsqrt(Trans *t, const A32Args *a)
{
    a32_put_f(t, a, ir_fp2(t->b, IR_FSQRT, a32_fp(a), IR_RDYN, a32_fm(t, a), IR_NONE));
}

/* Bits of numbers: no exceptions */
void a32_trans_f_vmov(Trans *t, const A32Args *a) { a32_put_f(t, a, a32_fm(t, a)); }
void a32_trans_f_vneg(Trans *t, const A32Args *a) { a32_put_f(t, a, neg(t, a32_fm(t, a))); }
void a32_trans_f_vabs(Trans *t, const A32Args *a)
{
    IrVal m = a32_fm(t, a);

    a32_put_f(t, a, ir_fsgn(t->b, 2, m, m));
}

/* VFPExpandImm: sign, inverted top bit of the exponent and copies of it, two bits of exponent, four of
 * fraction */
void a32_trans_f_vmov_imm(Trans *t, const A32Args *a)
{
    uint64_t i = a->i, sign = i >> 7, b6 = i >> 6 & 1, rest = i & 63;

    if (a->z)
        a32_put_d_bits(t, a32_dd(a),
                       a32_imm64(t, (int64_t)(sign << 63 | (b6 ? 0x3fc0ull : 0x4000ull) << 48 | rest << 48)));
    else if (a->h)
        a32_put_s_bits(t, a32_sd(a),
                       a32_imm(t, (uint32_t)(sign << 15 | (b6 ? 0x3000u : 0x4000u) | rest << 6)));
    else
        a32_put_s_bits(t, a32_sd(a),
                       a32_imm(t, (uint32_t)(sign << 31 | (b6 ? 0x3e000000u : 0x40000000u) | rest << 19)));
}

/* VSELEQ, VSELVS, VSELGE, VSELGT */
void a32_trans_f_vsel(Trans *t, const A32Args *a)
{
    static const uint8_t conds[4] = {IR_FL_EQ, IR_FL_VS, IR_FL_GE, IR_FL_GT};
    IrVal cond = ir_flcc(t->b, a32_fl(t), (IrFlCond)conds[a->q]), n = a32_fn(t, a);

    a32_put_f(t, a, ir_select(t->b, cond, n, a32_fm(t, a)));
}

/* ---- compares ---- */

static void compare(Trans *t, const A32Args *a, IrVal m)
{
    IrVal fl = ir_flfcmp(t->b, a->e, a32_fd(t, a), m);

    ir_put(t->b, A32_SLOT_FPFL, ir_flbits(t->b, fl));
}

void a32_trans_f_vcmp(Trans *t, const A32Args *a) { compare(t, a, a32_fm(t, a)); }
void a32_trans_f_vcmp_zero(Trans *t, const A32Args *a)
{
    compare(t, a, ir_vlow(t->b, a32_fp(a), ir_vconst(t->b, IR_V128, 0, 0)));
}

/* ---- conversions ---- */

static void round_to_int(Trans *t, const A32Args *a, unsigned how)
{
    a32_put_f(t, a, ir_fcvt(t->b, IR_FRINT, a32_fp(a), how, a32_fm(t, a)));
}

/* Bits 17..16: A N P M */
static const uint8_t named_rounding[4] = {IR_RMM, IR_RNE, IR_RUP, IR_RDN};
void a32_trans_f_vrint(Trans *t, const A32Args *a) { round_to_int(t, a, named_rounding[a->q]); }
void a32_trans_f_vrintr(Trans *t, const A32Args *a) { round_to_int(t, a, IR_RDYN); }
void a32_trans_f_vrintz(Trans *t, const A32Args *a) { round_to_int(t, a, IR_RTZ); }
void a32_trans_f_vrintx(Trans *t, const A32Args *a) { round_to_int(t, a, IR_RDYN | IR_FRINT_EXACT); }

void a32_trans_f_vcvt_ds(Trans *t, const A32Args *a)
{
    if (a->z)
        a32_put_s(t, a32_sd(a), ir_fcvt(t->b, IR_F2F, IR_F32, IR_RDYN, a32_d(t, IR_F64, a32_dm(a))));
    else
        a32_put_d(t, a32_dd(a), ir_fcvt(t->b, IR_F2F, IR_F64, IR_RDYN, a32_s(t, a32_sm(a))));
}

/* Half precision stands in the bottom or top (j) half of a single register. */
void a32_trans_f_vcvt_from_half(Trans *t, const A32Args *a)
{
    unsigned r = a32_sm(a);
    IrVal half = a32_lane(t, IR_F16, IR_LANE_16, (r & 1) * 2 + a->j, a32_v(t, r >> 1));

    a32_put_f(t, a, ir_fcvt(t->b, IR_F2F, a32_fp(a), IR_RDYN, half));
}
void a32_trans_f_vcvt_to_half(Trans *t, const A32Args *a)
{
    unsigned r = a32_sd(a);

    a32_put_lane(t, r >> 1, IR_LANE_16, (r & 1) * 2 + a->j,
                 ir_fcvt(t->b, IR_F2F, IR_F16, IR_RDYN, a32_fm(t, a)));
}

/* VCVTB, VCVTT to bfloat16 */
void a32_trans_f_vcvt_to_bf16(Trans *t, const A32Args *a)
{
    unsigned r = a32_sd(a);

    a32_put_lane(t, r >> 1, IR_LANE_16, (r & 1) * 2 + a->j,
                 ir_fcvt(t->b, IR_F2BF, IR_F16, IR_RDYN, a32_s(t, a32_sm(a))));
}

/* Z says whether the conversion was exact; the other flags are 0. */
void a32_trans_f_vjcvt(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    IrVal v = ir_fcvt(b, IR_FJCVT, IR_I64, IR_RTZ, a32_d(t, IR_F64, a32_dm(a)));
    IrVal exact = ir_trunc(b, IR_I32, ir_shr(b, IR_I64, v, a32_imm64(t, 32)));
    _Static_assert(IR_FL_Z == 1 << 14, "shift");

    a32_put_s_bits(t, a32_sd(a), ir_trunc(b, IR_I32, v));
    ir_put(b, A32_SLOT_FPFL, ir_shl(b, IR_I32, exact, a32_imm(t, 14)));
}

/* Integers are in single registers. */
static void to_int(Trans *t, const A32Args *a, unsigned round, bool is_unsigned)
{
    unsigned how = round | (is_unsigned ? IR_CVT_UNSIGNED : 0);

    a32_put_s_bits(t, a32_sd(a), ir_fcvt(t->b, IR_F2I, IR_I32, how, a32_fm(t, a)));
}
void a32_trans_f_vcvt_to_int(Trans *t, const A32Args *a) { to_int(t, a, a->r ? IR_RTZ : IR_RDYN, !a->u); }
void a32_trans_f_vcvt_round(Trans *t, const A32Args *a) { to_int(t, a, named_rounding[a->q], !a->u); }
void a32_trans_f_vcvt_from_int(Trans *t, const A32Args *a)
{
    unsigned how = IR_RDYN | (a->u ? 0 : IR_CVT_UNSIGNED);

    a32_put_f(t, a, ir_fcvt(t->b, IR_I2F, a32_fp(a), how, a32_s_bits(t, a32_sm(a))));
}

/* Fixed point in place: 16 or 32 bits (x), fraction bits = size - imm4:i. In the picture i stands before
 * imm4. */
static unsigned fraction_bits(const A32Args *a)
{
    return (a->x ? 32u : 16u) - ((a->i & 15u) << 1 | a->i >> 4);
}
static bool bad_fraction(Trans *t, const A32Args *a)
{
    if (fraction_bits(a) <= 32)
        return false;
    a32_illegal(t);
    return true;
}

void a32_trans_f_vcvt_from_fix(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    IrVal v = a->z ? ir_trunc(b, IR_I32, a32_d_bits(t, a32_dd(a))) : a32_s_bits(t, a32_sd(a));
    unsigned how = IR_RNE | (a->u ? IR_CVT_UNSIGNED : 0);

    if (bad_fraction(t, a))
        return;
    if (!a->x) {
        v = ir_trunc(b, IR_I16, v);
        v = a->u ? ir_zext(b, IR_I32, v) : ir_sext(b, IR_I32, v);
    }
    a32_put_f(t, a, ir_fcvt_fixed(b, IR_I2F, a32_fp(a), how, fraction_bits(a), v));
}

/* 16 bits of f32 and f64: saturated by a function, since the IR converts to 32 bits and more. Value and flags
 * behind it. */
static IrVal to_fix16(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    IrVal args[2] = {a->z ? a32_d_bits(t, a32_dd(a)) : a32_zext(t, a32_s_bits(t, a32_sd(a))),
                     a32_imm64(t, (int64_t)(fraction_bits(a) | (unsigned)a->z << 8 | (unsigned)a->u << 9 |
                                            (t->ctx >> CTX_ARM_FP_SHIFT & CTX_ARM_FP_MASK) << 16))};
    IrVal r = ir_call(b, A32_HELPER_to_fix16, args, 2);

    ir_ffput(b, ir_or(b, IR_I32, ir_ffget(b), ir_trunc(b, IR_I32, ir_shr(b, IR_I64, r, a32_imm64(t, 32)))));
    return ir_trunc(b, IR_I16, r);
}

void a32_trans_f_vcvt_to_fix(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    unsigned how = IR_RTZ | (a->u ? IR_CVT_UNSIGNED : 0);
    IrVal v;

    if (bad_fraction(t, a))
        return;
    if (a->x)
        v = ir_fcvt_fixed(b, IR_F2I, IR_I32, how, fraction_bits(a), a32_fd(t, a));
    else if (a->h) /* lane 0 of a vector of zeros */
        v = ir_vget(b, IR_I32, IR_LANE_16, a->u ? 0 : IR_VA_S,
                    ir_vf2i(b, IR_V64, IR_LANE_F16, IR_VA_N(how) | IR_VA_M(fraction_bits(a)),
                            ir_vzext(b, IR_V64, a32_fd(t, a))));
    else {
        v = to_fix16(t, a);
        v = a->u ? ir_zext(b, IR_I32, v) : ir_sext(b, IR_I32, v);
    }
    if (a->z)
        a32_put_d_bits(t, a32_dd(a), a->u ? a32_zext(t, v) : a32_sext(t, v));
    else
        a32_put_s_bits(t, a32_sd(a), v);
}

/* ---- loads and stores ---- */

/* Of doubles the words have to be aligned. */
static IrMem scalar_mem(const Trans *t, const A32Args *a)
{
    return a->z ? a32_of_elements(t, a32_mem(t, 3), 2) : a32_mem(t, 2);
}

/* A scalar of the row's precision, single or double. */
static IrVal load_scalar(Trans *t, const A32Args *a, IrVal addr, int32_t disp)
{
    IrMem mem = scalar_mem(t, a);

    if (!a32_big(t)) /* a double as the bits of its register, which may be the half of another */
        return a32_ld(t, a->z ? IR_V64 : IR_F32, addr, disp, mem);
    return ir_cast(t->b, a32_fp(a), a32_ld(t, a->z ? IR_I64 : IR_I32, addr, disp, mem));
}
/* Register d + k as it is stored. */
static IrVal stored(Trans *t, const A32Args *a, unsigned k)
{
    return a->z ? a32_d(t, a32_big(t) ? IR_F64 : IR_V64, a32_dd(a) + k) : a32_s(t, a32_sd(a) + k);
}
static void store_scalar(Trans *t, const A32Args *a, IrVal v, IrVal addr, int32_t disp)
{
    if (a32_big(t))
        v = ir_cast(t->b, a->z ? IR_I64 : IR_I32, v);
    a32_st(t, v, addr, disp, scalar_mem(t, a));
}

static IrVal base_of(Trans *t, const A32Args *a)
{
    return a->n == A32_PC ? a32_pc_aligned(t, 0) : a32_r(t, a->n);
}

static IrVal at_offset(Trans *t, const A32Args *a)
{
    IrVal addr = ir_add(t->b, IR_I32, base_of(t, a), a32_imm(t, (uint32_t)a->imm));

    a32_need_aligned(t, addr, a->h ? 2 : 4);
    return addr;
}

void a32_trans_vldr(Trans *t, const A32Args *a)
{
    IrVal addr = at_offset(t, a);

    if (a->h)
        a32_put_s_bits(t, a32_sd(a), a32_ld(t, IR_I32, addr, 0, a32_mem(t, 1)));
    else
        a32_put_f(t, a, load_scalar(t, a, addr, 0));
}
void a32_trans_vstr(Trans *t, const A32Args *a)
{
    IrVal addr = at_offset(t, a);

    if (a->h)
        a32_st(t, a32_s_bits(t, a32_sd(a)), addr, 0, a32_mem(t, 1));
    else
        store_scalar(t, a, stored(t, a, 0), addr, 0);
}

/* First address; *ret_count registers. FLDMX, FSTMX: an odd number of words for double registers. */
static IrVal multiple_address(Trans *t, const A32Args *a, unsigned *ret_count, IrVal *ret_back)
{
    IrBuilder *b = t->b;
    IrVal base = base_of(t, a),
          moved = ir_add(b, IR_I32, base, a32_imm(t, a->U ? a->i * 4u : 0u - a->i * 4u));
    IrVal first = a->U ? base : moved;

    *ret_count = a->z ? a->i / 2u : a->i;
    *ret_back = a->W ? moved : IR_NONE;
    a32_need_aligned(t, first, 4);
    return first;
}

static bool bad_list(Trans *t, const A32Args *a)
{
    unsigned first = a->z ? a32_dd(a) : a32_sd(a), count = a->z ? a->i / 2u : a->i;

    if (count && first + count <= 32 && count <= (a->z ? 16 : 32))
        return false;
    a32_illegal(t);
    return true;
}

void a32_trans_vldm(Trans *t, const A32Args *a)
{
    IrVal v[32], back;
    unsigned count;

    if (bad_list(t, a))
        return;
    IrVal addr = multiple_address(t, a, &count, &back);
    for (unsigned k = 0; k < count; k++)
        v[k] = load_scalar(t, a, addr, (int32_t)(k << (a->z ? 3 : 2)));
    for (unsigned k = 0; k < count; k++) {
        if (a->z)
            a32_put_d(t, a32_dd(a) + k, v[k]);
        else
            a32_put_s(t, a32_sd(a) + k, v[k]);
    }
    if (back)
        a32_put(t, a->n, back);
}

void a32_trans_vstm(Trans *t, const A32Args *a)
{
    IrVal back;
    unsigned count;

    if (bad_list(t, a))
        return;
    IrVal addr = multiple_address(t, a, &count, &back);
    for (unsigned k = 0; k < count; k++)
        store_scalar(t, a, stored(t, a, k), addr, (int32_t)(k << (a->z ? 3 : 2)));
    if (back)
        a32_put(t, a->n, back);
}

/* ---- transfers ---- */

/* The low half of a single register; a write clears the other. */
void a32_trans_vmov_half_from_core(Trans *t, const A32Args *a)
{
    a32_put_s_bits(t, a32_sn(a), ir_and(t->b, IR_I32, a32_r(t, a->d), a32_imm(t, 0xffff)));
}
void a32_trans_vmov_half_to_core(Trans *t, const A32Args *a)
{
    a32_put(t, a->d, ir_and(t->b, IR_I32, a32_s_bits(t, a32_sn(a)), a32_imm(t, 0xffff)));
}
/* The low half of Sm to the upper half of Sd; the upper half of Sm to Sd */
void a32_trans_vins(Trans *t, const A32Args *a)
{
    IrVal low = ir_and(t->b, IR_I32, a32_s_bits(t, a32_sd(a)), a32_imm(t, 0xffff));
    IrVal high = ir_shl(t->b, IR_I32, a32_s_bits(t, a32_sm(a)), a32_imm(t, 16));

    a32_put_s_bits(t, a32_sd(a), ir_or(t->b, IR_I32, low, high));
}
void a32_trans_vmovx(Trans *t, const A32Args *a)
{
    a32_put_s_bits(t, a32_sd(a), ir_shr(t->b, IR_I32, a32_s_bits(t, a32_sm(a)), a32_imm(t, 16)));
}

void a32_trans_vmov_from_core(Trans *t, const A32Args *a) { a32_put_s_bits(t, a32_sn(a), a32_r(t, a->d)); }
void a32_trans_vmov_to_core(Trans *t, const A32Args *a) { a32_put(t, a->d, a32_s_bits(t, a32_sn(a))); }

void a32_trans_vmov_two_from(Trans *t, const A32Args *a)
{
    A32Pair x = a32_two(t, a->d, a->e);

    if (a->z) {
        a32_put_d_bits(t, a32_dm(a), a32_pair(t, x.n, x.m));
        return;
    }
    if (a32_sm(a) == 31) {
        a32_illegal(t);
        return;
    }
    a32_put_s_bits(t, a32_sm(a), x.n);
    a32_put_s_bits(t, a32_sm(a) + 1, x.m);
}
void a32_trans_vmov_two_to(Trans *t, const A32Args *a)
{
    if (a->z) {
        a32_put_pair(t, a->d, a->e, a32_d_bits(t, a32_dm(a)));
        return;
    }
    if (a32_sm(a) == 31) {
        a32_illegal(t);
        return;
    }
    IrVal low = a32_s_bits(t, a32_sm(a)), high = a32_s_bits(t, a32_sm(a) + 1);
    a32_put(t, a->d, low);
    a32_put(t, a->e, high);
}

/* p:q = opc1<1:0>:opc2: 1xxx byte, 0xx1 halfword, 0x00 word. The lane's index in *ret_n; false: UNDEFINED. */
static bool scalar_lane(const A32Args *a, unsigned *ret_lane, unsigned *ret_n)
{
    unsigned x = a->p & 1u;

    if (a->p & 2) {
        *ret_lane = IR_LANE_8;
        *ret_n = x << 2 | a->q;
    } else if (a->q & 1) {
        *ret_lane = IR_LANE_16;
        *ret_n = x << 1 | a->q >> 1;
    } else {
        *ret_lane = IR_LANE_32;
        *ret_n = x;
    }
    return *ret_lane != IR_LANE_32 || a->q == 0;
}

void a32_trans_vmov_to_scalar(Trans *t, const A32Args *a)
{
    unsigned lane, n, r = a32_dn(a);

    if (!scalar_lane(a, &lane, &n)) {
        a32_illegal(t);
        return;
    }
    a32_put_v(t, r, ir_vset(t->b, IR_V64, lane, IR_VA_N(n), a32_v(t, r), a32_r(t, a->d)));
}
void a32_trans_vmov_from_scalar(Trans *t, const A32Args *a)
{
    unsigned lane, n, r = a32_dn(a);

    if (!scalar_lane(a, &lane, &n) || (lane == IR_LANE_32 && a->u)) {
        a32_illegal(t);
        return;
    }
    uint32_t sign = a->u || lane == IR_LANE_32 ? 0 : IR_VA_S;
    a32_put(t, a->d, ir_vget(t->b, IR_I32, lane, sign | IR_VA_N(n), a32_v(t, r)));
}

/* p (B) and q (E): byte, halfword, word */
void a32_trans_vdup_core(Trans *t, const A32Args *a)
{
    unsigned lane = a->p ? IR_LANE_8 : a->q ? IR_LANE_16 : IR_LANE_32, r = a32_dn(a);

    if ((a->p && a->q) || (a->Q && (r & 1))) {
        a32_illegal(t);
        return;
    }
    IrVal v = ir_vdup(t->b, IR_V128, lane, 0, a32_r(t, a->d));
    if (a->Q)
        a32_put_q(t, r >> 1, v);
    else
        a32_put_d(t, r, ir_vlow(t->b, IR_V64, v));
}

/* ---- FPSCR ---- */

enum { REG_FPSID = 0, REG_FPSCR = 1, REG_MVFR2 = 5, REG_MVFR1 = 6, REG_MVFR0 = 7 };

static void touch_flags(Trans *t)
{
    arm_touch_fpsr(t, a32_sys(t) ? t->ctx >> ARM_CTX_EL_SHIFT & 3 : 0, A32_SLOT_FP_STRICT);
}

static IrVal and_imm(Trans *t, IrVal v, uint32_t mask) { return ir_and(t->b, IR_I32, v, a32_imm(t, mask)); }
static IrVal left(Trans *t, IrVal v, unsigned n) { return ir_shl(t->b, IR_I32, v, a32_imm(t, n)); }
static IrVal right(Trans *t, IrVal v, unsigned n) { return ir_shr(t->b, IR_I32, v, a32_imm(t, n)); }
static IrVal or3(Trans *t, IrVal x, IrVal y, IrVal z)
{
    return ir_or(t->b, IR_I32, ir_or(t->b, IR_I32, x, y), z);
}

/* NZCV at bits 31..28 from a word of IR_FL_* */
static IrVal nzcv_of(Trans *t, IrVal w)
{
    return or3(t, left(t, and_imm(t, w, IR_FL_N | IR_FL_Z), 16), left(t, and_imm(t, w, IR_FL_C), 21),
               left(t, and_imm(t, w, IR_FL_V), 28));
}
static IrVal word_of(Trans *t, IrVal nzcv)
{
    return or3(t, and_imm(t, right(t, nzcv, 16), IR_FL_N | IR_FL_Z), and_imm(t, right(t, nzcv, 21), IR_FL_C),
               and_imm(t, right(t, nzcv, 28), IR_FL_V));
}

static IrVal read_fpscr(Trans *t)
{
    IrBuilder *b = t->b;
    IrVal ff = ir_ffget(b), qc = ir_get(b, A32_SLOT_QC);
    IrVal low = ir_vget(b, IR_I64, IR_LANE_64, IR_VA_N(0), qc),
          high = ir_vget(b, IR_I64, IR_LANE_64, IR_VA_N(1), qc);
    IrVal saturated = ir_zext(b, IR_I32, ir_cmp(b, IR_NE, ir_or(b, IR_I64, low, high), a32_imm64(t, 0)));
    IrVal flags = or3(t, and_imm(t, right(t, ff, 1), 0x1e), and_imm(t, ff, 1), left(t, and_imm(t, ff, 2), 6));

    touch_flags(t);
    return or3(t, or3(t, flags, left(t, saturated, 27), nzcv_of(t, ir_get(b, A32_SLOT_FPFL))),
               ir_get(b, A32_SLOT_FPCR), a32_imm(t, 0));
}

static void write_fpscr(Trans *t, IrVal v)
{
    IrBuilder *b = t->b;
    IrVal old = ir_get(b, A32_SLOT_FPCR), new = and_imm(t, v, a32_fpscr_modes(a32_model(t)));
    IrVal flags = or3(t, left(t, and_imm(t, v, 0x1e), 1), and_imm(t, v, 1), and_imm(t, right(t, v, 6), 2));
    IrVal round = and_imm(t, ir_neg(b, IR_I32, and_imm(t, right(t, v, 22), 3)), 3); /* N P M Z to IrRound */
    IrVal changed = and_imm(t, ir_xor(b, IR_I32, old, new), ~(3u << 22));

    ir_put(b, A32_SLOT_FPFL, word_of(t, v));
    ir_put(b, A32_SLOT_QC, ir_vzext(b, IR_V128, and_imm(t, v, 1u << 27)));
    ir_put(b, A32_SLOT_FPCR, new);
    touch_flags(t);
    ir_ffput(b, flags);
    ir_frmput(b, round);
    if (t->ctx & ARM_CTX_NEON) /* rounding and inexact are part of it */
        t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
    ir_exit_if(b, ir_cmp(b, IR_NE, changed, a32_imm(t, 0)), ir_exit_raise(b, t->next, CPU_EXIT_CTX), false);
}

void a32_trans_vmrs(Trans *t, const A32Args *a)
{
    if (a->n == REG_FPSCR && a->d == 15)
        ir_put(t->b, A32_SLOT_FL, ir_flmake(t->b, ir_get(t->b, A32_SLOT_FPFL)));
    else if (a->n == REG_FPSCR)
        a32_put(t, a->d, read_fpscr(t));
    else if (a32_sys(t))
        a32_vmrs_machine(t, a);
    else /* identification: not at user level */
        a32_illegal(t);
}

void a32_trans_vmsr(Trans *t, const A32Args *a)
{
    if (a->n == REG_FPSCR)
        write_fpscr(t, a32_r(t, a->d));
    else if (a32_sys(t))
        a32_vmsr_machine(t, a);
    else
        a32_illegal(t);
}
