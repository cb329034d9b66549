/* Chapters "F", "D", "Zfh" and "Zfa": computation, conversion, moves, comparison, classification.
 *
 * Rounding: a static mode goes into the IR op; the dynamic one is the environment's (IR_RDYN), except that
 * frm = 4 (ties away) has no host mode and becomes static under its context bit. Reserved modes are illegal,
 * also where the result is exact. NaN results are canonical by the region's NaN policy. Sign injection, moves
 * and loads keep bits.
 */
#include "softfp/softfp.h"
#include "target/riscv/rv_trans.h"

/* The rounding of a, or false with the instruction raised as illegal. */
static bool rounding(Trans *t, const RvArgs *a, IrRound *ret_round)
{
    if (a->rm <= IR_RMM) {
        *ret_round = a->rm;
        return true;
    }
    if (a->rm == IR_RDYN && !(t->ctx & RV_CTX_FRM_BAD)) {
        *ret_round = t->ctx & RV_CTX_FRM_RMM ? IR_RMM : IR_RDYN;
        return true;
    }
    rv_raise(t, CPU_EXIT_ILLEGAL);
    return false;
}

/* Register access by type. */
static IrVal fget(Trans *t, IrType type, unsigned r)
{
    return type == IR_F16 ? rv_fh(t, r) : type == IR_F32 ? rv_fs(t, r) : rv_fd(t, r);
}
static void fput(Trans *t, IrType type, unsigned r, IrVal v)
{
    if (type == IR_F16)
        rv_put_fh(t, r, v);
    else if (type == IR_F32)
        rv_put_fs(t, r, v);
    else
        rv_put_fd(t, r, v);
}

/* rs1 and rs2, read in this order. */
static RvPair fget12(Trans *t, IrType type, const RvArgs *a)
{
    IrVal first = fget(t, type, a->rs1);

    return (RvPair){first, fget(t, type, a->rs2)};
}

static void arith(Trans *t, const RvArgs *a, IrOp op, IrType type)
{
    IrRound rm;

    if (!rounding(t, a, &rm))
        return;
    RvPair x = fget12(t, type, a);
    fput(t, type, a->rd, ir_fp2(t->b, op, type, rm, x.rs1, x.rs2));
}

static void root(Trans *t, const RvArgs *a, IrType type)
{
    IrRound rm;

    if (rounding(t, a, &rm))
        fput(t, type, a->rd, ir_fp2(t->b, IR_FSQRT, type, rm, fget(t, type, a->rs1), IR_NONE));
}

static void minmax(Trans *t, const RvArgs *a, IrOp op, IrType type)
{
    RvPair x = fget12(t, type, a);

    fput(t, type, a->rd, ir_fp2(t->b, op, type, IR_RNE, x.rs1, x.rs2));
}

/* (neg_product ? -(rs1 * rs2) : rs1 * rs2) + (neg_addend ? -rs3 : rs3) */
static void fused(Trans *t, const RvArgs *a, IrType type, bool neg_product, bool neg_addend)
{
    IrRound rm;

    if (!rounding(t, a, &rm))
        return;
    RvPair x = fget12(t, type, a);
    IrVal z = fget(t, type, a->rs3);
    fput(t, type, a->rd, ir_fma(t->b, type, rm, neg_product, neg_addend, x.rs1, x.rs2, z));
}

/* Float to integer; unsgn is 0 or IR_CVT_UNSIGNED. Words are sign-extended, unsigned ones too. */
static void to_int(Trans *t, const RvArgs *a, IrType from, IrType to, unsigned unsgn)
{
    IrRound rm;
    IrVal v;

    if (!rounding(t, a, &rm))
        return;
    v = ir_fcvt(t->b, IR_F2I, to, rm | unsgn, fget(t, from, a->rs1));
    if (to == IR_I32)
        rv_put_x32(t, a->rd, v);
    else
        rv_put_x(t, a->rd, v);
}

static void from_int(Trans *t, const RvArgs *a, IrType from, IrType to, unsigned unsgn)
{
    IrRound rm;

    if (rounding(t, a, &rm)) {
        IrVal v = from == IR_I32 ? rv_x32(t, a->rs1) : rv_x(t, a->rs1);
        fput(t, to, a->rd, ir_fcvt(t->b, IR_I2F, to, rm | unsgn, v));
    }
}

/* how: 0 the sign of rs2, 1 its opposite, 2 both signs xored */
static void sign_inject(Trans *t, const RvArgs *a, unsigned how, IrType type)
{
    IrVal x = fget(t, type, a->rs1);

    fput(t, type, a->rd, how == 0 && a->rs1 == a->rs2 ? x : ir_fsgn(t->b, how, x, fget(t, type, a->rs2)));
}

static void compare(Trans *t, const RvArgs *a, IrFcond cond, IrType type)
{
    RvPair x = fget12(t, type, a);
    IrVal less = ir_fcmp(t->b, cond, x.rs1, x.rs2);

    rv_put_x(t, a->rd, ir_zext(t->b, IR_I64, less));
}

static void classify(Trans *t, const RvArgs *a, IrType type)
{
    rv_put_x32(t, a->rd, ir_fclass(t->b, fget(t, type, a->rs1)));
}

/* F */
void rv_trans_fadd_s(Trans *t, const RvArgs *a) { arith(t, a, IR_FADD, IR_F32); }
void rv_trans_fsub_s(Trans *t, const RvArgs *a) { arith(t, a, IR_FSUB, IR_F32); }
void rv_trans_fmul_s(Trans *t, const RvArgs *a) { arith(t, a, IR_FMUL, IR_F32); }
void rv_trans_fdiv_s(Trans *t, const RvArgs *a) { arith(t, a, IR_FDIV, IR_F32); }
void rv_trans_fsqrt_s(Trans *t, const RvArgs *a) { root(t, a, IR_F32); }
void rv_trans_fmin_s(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMIN, IR_F32); }
void rv_trans_fmax_s(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMAX, IR_F32); }
void rv_trans_fmadd_s(Trans *t, const RvArgs *a) { fused(t, a, IR_F32, false, false); }
void rv_trans_fmsub_s(Trans *t, const RvArgs *a) { fused(t, a, IR_F32, false, true); }
void rv_trans_fnmsub_s(Trans *t, const RvArgs *a) { fused(t, a, IR_F32, true, false); }
void rv_trans_fnmadd_s(Trans *t, const RvArgs *a) { fused(t, a, IR_F32, true, true); }
void rv_trans_fcvt_w_s(Trans *t, const RvArgs *a) { to_int(t, a, IR_F32, IR_I32, 0); }
void rv_trans_fcvt_wu_s(Trans *t, const RvArgs *a) { to_int(t, a, IR_F32, IR_I32, IR_CVT_UNSIGNED); }
void rv_trans_fcvt_l_s(Trans *t, const RvArgs *a) { to_int(t, a, IR_F32, IR_I64, 0); }
void rv_trans_fcvt_lu_s(Trans *t, const RvArgs *a) { to_int(t, a, IR_F32, IR_I64, IR_CVT_UNSIGNED); }
void rv_trans_fcvt_s_w(Trans *t, const RvArgs *a) { from_int(t, a, IR_I32, IR_F32, 0); }
void rv_trans_fcvt_s_wu(Trans *t, const RvArgs *a) { from_int(t, a, IR_I32, IR_F32, IR_CVT_UNSIGNED); }
void rv_trans_fcvt_s_l(Trans *t, const RvArgs *a) { from_int(t, a, IR_I64, IR_F32, 0); }
void rv_trans_fcvt_s_lu(Trans *t, const RvArgs *a) { from_int(t, a, IR_I64, IR_F32, IR_CVT_UNSIGNED); }
void rv_trans_fsgnj_s(Trans *t, const RvArgs *a) { sign_inject(t, a, 0, IR_F32); }
void rv_trans_fsgnjn_s(Trans *t, const RvArgs *a) { sign_inject(t, a, 1, IR_F32); }
void rv_trans_fsgnjx_s(Trans *t, const RvArgs *a) { sign_inject(t, a, 2, IR_F32); }

/* FMV.X.W moves the low bits as they are, boxed or not. */
void rv_trans_fmv_x_w(Trans *t, const RvArgs *a)
{
    rv_put_x32(t, a->rd, ir_trunc(t->b, IR_I32, ir_cast(t->b, IR_I64, rv_fd(t, a->rs1))));
}
void rv_trans_fmv_w_x(Trans *t, const RvArgs *a)
{
    rv_put_fs(t, a->rd, ir_cast(t->b, IR_F32, rv_x32(t, a->rs1)));
}
void rv_trans_feq_s(Trans *t, const RvArgs *a) { compare(t, a, IR_FEQ, IR_F32); }
void rv_trans_flt_s(Trans *t, const RvArgs *a) { compare(t, a, IR_FLT, IR_F32); }
void rv_trans_fle_s(Trans *t, const RvArgs *a) { compare(t, a, IR_FLE, IR_F32); }
void rv_trans_fclass_s(Trans *t, const RvArgs *a) { classify(t, a, IR_F32); }

/* D */
void rv_trans_fadd_d(Trans *t, const RvArgs *a) { arith(t, a, IR_FADD, IR_F64); }
void rv_trans_fsub_d(Trans *t, const RvArgs *a) { arith(t, a, IR_FSUB, IR_F64); }
void rv_trans_fmul_d(Trans *t, const RvArgs *a) { arith(t, a, IR_FMUL, IR_F64); }
void rv_trans_fdiv_d(Trans *t, const RvArgs *a) { arith(t, a, IR_FDIV, IR_F64); }
void rv_trans_fsqrt_d(Trans *t, const RvArgs *a) { root(t, a, IR_F64); }
void rv_trans_fmin_d(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMIN, IR_F64); }
void rv_trans_fmax_d(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMAX, IR_F64); }
void rv_trans_fmadd_d(Trans *t, const RvArgs *a) { fused(t, a, IR_F64, false, false); }
void rv_trans_fmsub_d(Trans *t, const RvArgs *a) { fused(t, a, IR_F64, false, true); }
void rv_trans_fnmsub_d(Trans *t, const RvArgs *a) { fused(t, a, IR_F64, true, false); }
void rv_trans_fnmadd_d(Trans *t, const RvArgs *a) { fused(t, a, IR_F64, true, true); }
void rv_trans_fcvt_w_d(Trans *t, const RvArgs *a) { to_int(t, a, IR_F64, IR_I32, 0); }
void rv_trans_fcvt_wu_d(Trans *t, const RvArgs *a) { to_int(t, a, IR_F64, IR_I32, IR_CVT_UNSIGNED); }
void rv_trans_fcvt_l_d(Trans *t, const RvArgs *a) { to_int(t, a, IR_F64, IR_I64, 0); }
void rv_trans_fcvt_lu_d(Trans *t, const RvArgs *a) { to_int(t, a, IR_F64, IR_I64, IR_CVT_UNSIGNED); }
void rv_trans_fcvt_d_w(Trans *t, const RvArgs *a) { from_int(t, a, IR_I32, IR_F64, 0); }
void rv_trans_fcvt_d_wu(Trans *t, const RvArgs *a) { from_int(t, a, IR_I32, IR_F64, IR_CVT_UNSIGNED); }
void rv_trans_fcvt_d_l(Trans *t, const RvArgs *a) { from_int(t, a, IR_I64, IR_F64, 0); }
void rv_trans_fcvt_d_lu(Trans *t, const RvArgs *a) { from_int(t, a, IR_I64, IR_F64, IR_CVT_UNSIGNED); }

static void to_float(Trans *t, const RvArgs *a, IrType from, IrType to)
{
    IrRound rm;

    if (rounding(t, a, &rm))
        fput(t, to, a->rd, ir_fcvt(t->b, IR_F2F, to, rm, fget(t, from, a->rs1)));
}
void rv_trans_fcvt_s_d(Trans *t, const RvArgs *a) { to_float(t, a, IR_F64, IR_F32); }
void rv_trans_fcvt_d_s(Trans *t, const RvArgs *a) { to_float(t, a, IR_F32, IR_F64); }
void rv_trans_fsgnj_d(Trans *t, const RvArgs *a) { sign_inject(t, a, 0, IR_F64); }
void rv_trans_fsgnjn_d(Trans *t, const RvArgs *a) { sign_inject(t, a, 1, IR_F64); }
void rv_trans_fsgnjx_d(Trans *t, const RvArgs *a) { sign_inject(t, a, 2, IR_F64); }
void rv_trans_fmv_x_d(Trans *t, const RvArgs *a)
{
    rv_put_x(t, a->rd, ir_cast(t->b, IR_I64, rv_fd(t, a->rs1)));
}
void rv_trans_fmv_d_x(Trans *t, const RvArgs *a)
{
    rv_put_fd(t, a->rd, ir_cast(t->b, IR_F64, rv_x(t, a->rs1)));
}
void rv_trans_feq_d(Trans *t, const RvArgs *a) { compare(t, a, IR_FEQ, IR_F64); }
void rv_trans_flt_d(Trans *t, const RvArgs *a) { compare(t, a, IR_FLT, IR_F64); }
void rv_trans_fle_d(Trans *t, const RvArgs *a) { compare(t, a, IR_FLE, IR_F64); }
void rv_trans_fclass_d(Trans *t, const RvArgs *a) { classify(t, a, IR_F64); }

/* Zfh */
void rv_trans_fadd_h(Trans *t, const RvArgs *a) { arith(t, a, IR_FADD, IR_F16); }
void rv_trans_fsub_h(Trans *t, const RvArgs *a) { arith(t, a, IR_FSUB, IR_F16); }
void rv_trans_fmul_h(Trans *t, const RvArgs *a) { arith(t, a, IR_FMUL, IR_F16); }
void rv_trans_fdiv_h(Trans *t, const RvArgs *a) { arith(t, a, IR_FDIV, IR_F16); }
void rv_trans_fsqrt_h(Trans *t, const RvArgs *a) { root(t, a, IR_F16); }
void rv_trans_fmin_h(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMIN, IR_F16); }
void rv_trans_fmax_h(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMAX, IR_F16); }
void rv_trans_fmadd_h(Trans *t, const RvArgs *a) { fused(t, a, IR_F16, false, false); }
void rv_trans_fmsub_h(Trans *t, const RvArgs *a) { fused(t, a, IR_F16, false, true); }
void rv_trans_fnmsub_h(Trans *t, const RvArgs *a) { fused(t, a, IR_F16, true, false); }
void rv_trans_fnmadd_h(Trans *t, const RvArgs *a) { fused(t, a, IR_F16, true, true); }
void rv_trans_fcvt_w_h(Trans *t, const RvArgs *a) { to_int(t, a, IR_F16, IR_I32, 0); }
void rv_trans_fcvt_h_w(Trans *t, const RvArgs *a) { from_int(t, a, IR_I32, IR_F16, 0); }
void rv_trans_fcvt_wu_h(Trans *t, const RvArgs *a) { to_int(t, a, IR_F16, IR_I32, IR_CVT_UNSIGNED); }
void rv_trans_fcvt_h_wu(Trans *t, const RvArgs *a) { from_int(t, a, IR_I32, IR_F16, IR_CVT_UNSIGNED); }
void rv_trans_fcvt_l_h(Trans *t, const RvArgs *a) { to_int(t, a, IR_F16, IR_I64, 0); }
void rv_trans_fcvt_h_l(Trans *t, const RvArgs *a) { from_int(t, a, IR_I64, IR_F16, 0); }
void rv_trans_fcvt_lu_h(Trans *t, const RvArgs *a) { to_int(t, a, IR_F16, IR_I64, IR_CVT_UNSIGNED); }
void rv_trans_fcvt_h_lu(Trans *t, const RvArgs *a) { from_int(t, a, IR_I64, IR_F16, IR_CVT_UNSIGNED); }
void rv_trans_fcvt_s_h(Trans *t, const RvArgs *a) { to_float(t, a, IR_F16, IR_F32); }
void rv_trans_fcvt_h_s(Trans *t, const RvArgs *a) { to_float(t, a, IR_F32, IR_F16); }
void rv_trans_fcvt_d_h(Trans *t, const RvArgs *a) { to_float(t, a, IR_F16, IR_F64); }
void rv_trans_fcvt_h_d(Trans *t, const RvArgs *a) { to_float(t, a, IR_F64, IR_F16); }
void rv_trans_fsgnj_h(Trans *t, const RvArgs *a) { sign_inject(t, a, 0, IR_F16); }
void rv_trans_fsgnjn_h(Trans *t, const RvArgs *a) { sign_inject(t, a, 1, IR_F16); }
void rv_trans_fsgnjx_h(Trans *t, const RvArgs *a) { sign_inject(t, a, 2, IR_F16); }
void rv_trans_feq_h(Trans *t, const RvArgs *a) { compare(t, a, IR_FEQ, IR_F16); }
void rv_trans_flt_h(Trans *t, const RvArgs *a) { compare(t, a, IR_FLT, IR_F16); }
void rv_trans_fle_h(Trans *t, const RvArgs *a) { compare(t, a, IR_FLE, IR_F16); }
void rv_trans_fclass_h(Trans *t, const RvArgs *a) { classify(t, a, IR_F16); }

/* FMV.X.H moves the low bits as they are, boxed or not. */
void rv_trans_fmv_x_h(Trans *t, const RvArgs *a)
{
    IrVal bits = ir_trunc(t->b, IR_I16, ir_cast(t->b, IR_I64, rv_fd(t, a->rs1)));

    rv_put_x(t, a->rd, ir_sext(t->b, IR_I64, bits));
}
void rv_trans_fmv_h_x(Trans *t, const RvArgs *a)
{
    rv_put_fh(t, a->rd, ir_cast(t->b, IR_F16, ir_trunc(t->b, IR_I16, rv_x(t, a->rs1))));
}

/* Zfa */

/* The upper halves of the constants as single precision; number 1 is the least normal number of the type, and
 * what does not fit into half precision is infinite there. */
static void load_constant(Trans *t, const RvArgs *a, IrType type)
{
    static const uint16_t high[32] = {0xbf80, 0,      0x3780, 0x3800, 0x3b80, 0x3c00, 0x3d80, 0x3e00,
                                      0x3e80, 0x3ea0, 0x3ec0, 0x3ee0, 0x3f00, 0x3f20, 0x3f40, 0x3f60,
                                      0x3f80, 0x3fa0, 0x3fc0, 0x3fe0, 0x4000, 0x4020, 0x4040, 0x4080,
                                      0x4100, 0x4180, 0x4300, 0x4380, 0x4700, 0x4780, 0x7f80, 0x7fc0};
    SoftfpFmt fmt = type == IR_F16 ? SOFTFP_F16 : type == IR_F32 ? SOFTFP_F32 : SOFTFP_F64;
    IrType bits = type == IR_F16 ? IR_I16 : type == IR_F32 ? IR_I32 : IR_I64;
    uint64_t v = softfp_cvt(fmt, SOFTFP_F32, (SoftfpMode){0}, (uint32_t)high[a->imm] << 16).bits;

    if (a->imm == 1)
        v = type == IR_F16 ? 1 << 10 : type == IR_F32 ? 1 << 23 : 1ull << 52;
    fput(t, type, a->rd, ir_cast(t->b, type, ir_const(t->b, bits, (int64_t)v)));
}

/* The silent compare says which, the one for equality raises what a signaling NaN does. */
static void compare_quiet(Trans *t, const RvArgs *a, IrFcond cond, IrType type)
{
    RvPair x = fget12(t, type, a);

    ir_fcmp(t->b, IR_FEQ, x.rs1, x.rs2);
    rv_put_x(t, a->rd, ir_zext(t->b, IR_I64, ir_fcmp(t->b, cond, x.rs1, x.rs2)));
}

static void to_integral(Trans *t, const RvArgs *a, IrType type, unsigned exact)
{
    IrRound rm;

    if (rounding(t, a, &rm))
        fput(t, type, a->rd, ir_fcvt(t->b, IR_FRINT, type, rm | exact, fget(t, type, a->rs1)));
}

void rv_trans_fli_s(Trans *t, const RvArgs *a) { load_constant(t, a, IR_F32); }
void rv_trans_fminm_s(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMINM, IR_F32); }
void rv_trans_fmaxm_s(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMAXM, IR_F32); }
void rv_trans_fround_s(Trans *t, const RvArgs *a) { to_integral(t, a, IR_F32, 0); }
void rv_trans_froundnx_s(Trans *t, const RvArgs *a) { to_integral(t, a, IR_F32, IR_FRINT_EXACT); }
void rv_trans_fleq_s(Trans *t, const RvArgs *a) { compare_quiet(t, a, IR_FLES, IR_F32); }
void rv_trans_fltq_s(Trans *t, const RvArgs *a) { compare_quiet(t, a, IR_FLTS, IR_F32); }
void rv_trans_fli_d(Trans *t, const RvArgs *a) { load_constant(t, a, IR_F64); }
void rv_trans_fminm_d(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMINM, IR_F64); }
void rv_trans_fmaxm_d(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMAXM, IR_F64); }
void rv_trans_fround_d(Trans *t, const RvArgs *a) { to_integral(t, a, IR_F64, 0); }
void rv_trans_froundnx_d(Trans *t, const RvArgs *a) { to_integral(t, a, IR_F64, IR_FRINT_EXACT); }
void rv_trans_fleq_d(Trans *t, const RvArgs *a) { compare_quiet(t, a, IR_FLES, IR_F64); }
void rv_trans_fltq_d(Trans *t, const RvArgs *a) { compare_quiet(t, a, IR_FLTS, IR_F64); }
void rv_trans_fli_h(Trans *t, const RvArgs *a) { load_constant(t, a, IR_F16); }
void rv_trans_fminm_h(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMINM, IR_F16); }
void rv_trans_fmaxm_h(Trans *t, const RvArgs *a) { minmax(t, a, IR_FMAXM, IR_F16); }
void rv_trans_fround_h(Trans *t, const RvArgs *a) { to_integral(t, a, IR_F16, 0); }
void rv_trans_froundnx_h(Trans *t, const RvArgs *a) { to_integral(t, a, IR_F16, IR_FRINT_EXACT); }
void rv_trans_fleq_h(Trans *t, const RvArgs *a) { compare_quiet(t, a, IR_FLES, IR_F16); }
void rv_trans_fltq_h(Trans *t, const RvArgs *a) { compare_quiet(t, a, IR_FLTS, IR_F16); }

void rv_trans_fcvtmod_w_d(Trans *t, const RvArgs *a)
{
    IrVal v = ir_fcvt(t->b, IR_FJCVT, IR_I64, IR_RTZ, rv_fd(t, a->rs1));

    rv_put_x32(t, a->rd, ir_trunc(t->b, IR_I32, v));
}

/* RV32: the high half of a double, and a double of two words. */
void rv_trans_fmvh_x_d(Trans *t, const RvArgs *a)
{
    IrBuilder *b = t->b;
    IrVal bits = ir_cast(b, IR_I64, rv_fd(t, a->rs1));

    rv_put_x32(t, a->rd, ir_trunc(b, IR_I32, ir_shr(b, IR_I64, bits, rv_imm(t, 32))));
}
void rv_trans_fmvp_d_x(Trans *t, const RvArgs *a)
{
    IrBuilder *b = t->b;
    RvPair x = rv_x12(t, a);
    IrVal low = ir_zext(b, IR_I64, ir_trunc(b, IR_I32, x.rs1));
    IrVal bits = ir_or(b, IR_I64, low, ir_shl(b, IR_I64, x.rs2, rv_imm(t, 32)));

    rv_put_fd(t, a->rd, ir_cast(b, IR_F64, bits));
}

/*
 * The quiet compare. Compilers turn isless() and the guard of an inline sqrt() into
 *     frflags rd; flt/fle rd2, rs1, rs2; fsflags rd
 * with rd2 != rd: a compare whose flags are undone. Translated as one instruction of 12 bytes: the IR's
 * silent compare raises nothing, so there is nothing to write back. rd gets the flags as the guest asked.
 */
bool rv_fuse_quiet_compare(Trans *t, const RvArgs *frflags)
{
    enum { CSR_FFLAGS = 1 };
    RvArgs cmp, fsflags;
    RvInsn op = rv_peek(t, 4, &cmp);
    bool lt = op == RV_flt_s || op == RV_flt_d, le = op == RV_fle_s || op == RV_fle_d;
    IrType type = op == RV_flt_s || op == RV_fle_s ? IR_F32 : IR_F64;
    IrVal x, y, cond, flags;

    if (!(lt || le) || cmp.rd == frflags->rd || frflags->rd == 0 || (t->ctx & CTX_STEP))
        return false;
    if (rv_peek(t, 8, &fsflags) != RV_csrrw || fsflags.csr != CSR_FFLAGS || fsflags.rd != 0 ||
        fsflags.rs1 != frflags->rd)
        return false;
    flags = rv_read_fflags(t);
    x = fget(t, type, cmp.rs1);
    y = fget(t, type, cmp.rs2);
    cond = ir_fcmp(t->b, lt ? IR_FLTS : IR_FLES, x, y);
    rv_put_x(t, frflags->rd, flags);
    rv_put_x(t, cmp.rd, ir_zext(t->b, IR_I64, cond));
    t->next = rv_pc(t, t->pc + 12);
    return true;
}
