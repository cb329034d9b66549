/* The meaning of floating-point ops, by softfp: for the interpreter and for the cold paths of generated
 * code. */
#include "tcg/ir/eval.h"

#include "softfp/softfp.h"

_Static_assert((int)IR_RMM == (int)SOFTFP_RMM && (int)IR_RUP == (int)SOFTFP_RUP,
               "one numbering of rounding modes");
_Static_assert((int)IR_RODD == (int)SOFTFP_ODD, "one numbering of rounding modes");
_Static_assert((int)IR_FUNO == (int)SOFTFP_UNO && (int)IR_FLTQ == (int)SOFTFP_LTQ,
               "one numbering of conditions");
_Static_assert((int)IR_FF_INEXACT == (int)SOFTFP_INEXACT && (int)IR_FF_DENORM == (int)SOFTFP_DENORM,
               "one set of flags");

static SoftfpFmt fmt_of(unsigned t)
{
    return t == IR_F16 ? SOFTFP_F16 : t == IR_F32 ? SOFTFP_F32 : SOFTFP_F64;
}

static SoftfpMode mode_of(IrFpEnv env, unsigned round, SoftfpFmt fmt)
{
    if (round == IR_RDYN)
        round = env.round;
    SoftfpMode m = {.round = (uint8_t)(round <= IR_RODD ? round : IR_RNE), .nan = SOFTFP_NAN_CANON};
    if (env.nan == IR_NAN_ARM) {
        m.nan = env.fp & IR_FP_DN ? SOFTFP_NAN_ARM_DN : SOFTFP_NAN_ARM;
        m.ftz = m.daz = (env.fp & (fmt == SOFTFP_F16 ? IR_FP_FZ16 : IR_FP_FZ)) != 0;
        m.tiny_before = 1;
    } else if (env.nan == IR_NAN_X86) { /* fcc; the rest is eval_xv.c's */
        m.nan = SOFTFP_NAN_X86;
        m.daz = env.mxcsr >> 6 & 1;
    }
    return m;
}

static SoftfpRes eval_cvt(const IrInsn *i, IrFpEnv env, uint64_t a)
{
    SoftfpFmt to = fmt_of(i->type), from = fmt_of(i->misc);
    SoftfpMode mode = mode_of(env, i->d & 7u, i->op == IR_I2F ? to : from);
    bool is_unsigned = (i->d & IR_CVT_UNSIGNED) != 0;
    switch (i->op) {
    case IR_F2F:
        mode = mode_of(env, i->d & 7u, SOFTFP_F32); /* f16 is never flushed here */
        mode.ahp = (env.fp & IR_FP_AHP) != 0;
        return softfp_cvt(to, from, mode, a);
    case IR_F2BF: return softfp_cvt(SOFTFP_BF16, from, mode, a);
    case IR_F2I: return softfp_to_fixed(from, mode, a, ir_type_bits((IrType)i->type), is_unsigned, i->imm);
    case IR_FRINT:
        if (i->d & (IR_FRINT_32 | IR_FRINT_64))
            return softfp_round_to_width(from, mode, a, i->d & IR_FRINT_32 ? 32 : 64);
        return softfp_round_to_int(from, mode, a, (i->d & IR_FRINT_EXACT) != 0);
    case IR_FJCVT: return softfp_to_js_int(mode, a);
    default: return softfp_from_fixed(to, mode, a, ir_type_bits((IrType)i->misc), is_unsigned, i->imm);
    }
}

static SoftfpRes eval_fcmp(const IrInsn *i, SoftfpMode m, SoftfpFmt fmt, uint64_t a, uint64_t b)
{
    SoftfpRes v;
    if (i->op == IR_FCMP && i->misc < IR_FLTS)
        return softfp_cmp(fmt, m, (SoftfpCond)i->misc, a, b);
    if (i->op == IR_FLFCMP) {
        v = softfp_cmp(fmt, m, i->misc ? SOFTFP_LT : SOFTFP_LTQ, a, b);
        v.bits = v.bits                                              ? IR_FL_N
                 : softfp_cmp(fmt, m, SOFTFP_UNO, a, b).bits ? IR_FL_C | IR_FL_V
                 : softfp_cmp(fmt, m, SOFTFP_EQ, a, b).bits  ? IR_FL_Z | IR_FL_C
                                                             : IR_FL_C;
        return v;
    }
    unsigned cond = i->misc & ~IR_FCC_NOT; /* fcc and the silent conditions */
    v = softfp_cmp(fmt, m,
                   cond == IR_FLTS   ? SOFTFP_LT
                   : cond == IR_FLES ? SOFTFP_LE
                                     : (SoftfpCond)cond,
                   a, b);
    return (SoftfpRes){.bits = v.bits ^ (i->op == IR_FCC && (i->misc & IR_FCC_NOT))};
}

bool ir_eval_fp(const IrInsn *i, IrFpEnv env, const uint64_t arg[3], uint64_t *ret, uint32_t *ret_flags)
{
    uint64_t a = arg[0], b = arg[1];
    SoftfpFmt fmt = fmt_of(i->type);
    SoftfpMode m = mode_of(env, i->misc, fmt);
    SoftfpRes v = {0};
    switch (i->op) {
    case IR_FADD: v = softfp_add(fmt, m, a, b); break;
    case IR_FSUB: v = softfp_sub(fmt, m, a, b); break;
    case IR_FMUL: v = softfp_mul(fmt, m, a, b); break;
    case IR_FDIV: v = softfp_div(fmt, m, a, b); break;
    case IR_FSQRT: v = softfp_sqrt(fmt, m, a); break;
    case IR_FMA: v = softfp_fma(fmt, m, i->imm, a, b, arg[2]); break;
    case IR_FMIN: v = softfp_min(fmt, m, a, b); break;
    case IR_FMAX: v = softfp_max(fmt, m, a, b); break;
    case IR_FMINM: v = softfp_minm(fmt, m, a, b); break;
    case IR_FMAXM: v = softfp_maxm(fmt, m, a, b); break;
    case IR_FMULX: v = softfp_mulx(fmt, m, a, b); break;
    case IR_FRECPS: v = softfp_recps(fmt, m, a, b); break;
    case IR_FRSQRTS: v = softfp_rsqrts(fmt, m, a, b); break;
    case IR_FRECPE: v = softfp_recpe(fmt, m, a); break;
    case IR_FRSQRTE: v = softfp_rsqrte(fmt, m, a); break;
    case IR_FRECPX: v = softfp_recpx(fmt, m, a); break;
    case IR_FCMP:
    case IR_FCC:
    case IR_FLFCMP: v = eval_fcmp(i, mode_of(env, IR_RNE, fmt), fmt, a, b); break;
    case IR_FCLASS: v.bits = softfp_class(fmt_of(i->misc), a); break;
    case IR_F2F:
    case IR_F2I:
    case IR_I2F:
    case IR_FRINT:
    case IR_F2BF:
    case IR_FJCVT: v = eval_cvt(i, env, a); break;
    default: return false;
    }
    *ret = v.bits;
    *ret_flags |= v.flags;
    return true;
}

/* ---- vectors ---- */

static uint64_t lane_get(const IrVec *v, unsigned bits, unsigned n)
{
    uint64_t w = v->w[n * bits >> 6] >> (n * bits & 63);
    return bits == 64 ? w : w & ((1ull << bits) - 1);
}

/* Into a lane that is zero. */
static void lane_put(IrVec *v, unsigned bits, unsigned n, uint64_t value)
{
    v->w[n * bits >> 6] |= (bits == 64 ? value : value & ((1ull << bits) - 1)) << (n * bits & 63);
}

static IrType float_of(unsigned bits) { return bits == 16 ? IR_F16 : bits == 32 ? IR_F32 : IR_F64; }
static IrType int_of(unsigned bits) { return bits == 16 ? IR_I16 : bits == 32 ? IR_I32 : IR_I64; }

/* What is done with one lane of a row. */
static IrInsn scalar_of(const IrInsn *i)
{
    static const uint16_t same[] = {
        [IR_VFADD] = IR_FADD, [IR_VFSUB] = IR_FSUB,     [IR_VFMUL] = IR_FMUL,       [IR_VFDIV] = IR_FDIV,
                     [IR_VFMULX] = IR_FMULX,
        [IR_VFMIN] = IR_FMIN, [IR_VFMAX] = IR_FMAX,     [IR_VFMINM] = IR_FMINM,     [IR_VFMAXM] = IR_FMAXM,
                     [IR_VFRECPS] = IR_FRECPS,
        [IR_VFSQRT] = IR_FSQRT, [IR_VFRECPE] = IR_FRECPE, [IR_VFRSQRTE] = IR_FRSQRTE,
                      [IR_VFRSQRTS] = IR_FRSQRTS, [IR_VFMA] = IR_FMA,
    };
    unsigned bits = ir_lane_bits(i->misc), n = i->imm >> 8 & 255, m = i->imm >> 16 & 255;
    uint8_t f = (uint8_t)float_of(bits), whole = (uint8_t)int_of(bits);
    switch (i->op) {
    case IR_VFCMP: return (IrInsn){.op = IR_FCMP, .type = f, .misc = (uint8_t)n};
    case IR_VFRINT: return (IrInsn){.op = IR_FRINT, .type = f, .misc = f, .d = (IrVal)n};
    case IR_VF2I: return (IrInsn){.op = IR_F2I, .type = whole, .misc = f, .d = (IrVal)n, .imm = m};
    case IR_VI2F: return (IrInsn){.op = IR_I2F, .type = f, .misc = whole, .d = (IrVal)n, .imm = m};
    case IR_VFWIDEN:
        return (IrInsn){.op = IR_F2F, .type = (uint8_t)float_of(2 * bits), .misc = f, .d = IR_RDYN};
    case IR_VFNARROW:
        return (IrInsn){.op = i->imm & IR_VA_MIX ? IR_F2BF : IR_F2F, .type = (uint8_t)float_of(bits / 2),
                        .misc = f, .d = (IrVal)n};
    default: return (IrInsn){.op = same[i->op], .type = f, .misc = IR_RDYN, .imm = n};
    }
}

bool ir_eval_vfp(const IrInsn *i, IrFpEnv env, const IrVec arg[3], IrVec *ret, uint32_t *ret_flags)
{
    IrVec out = {{0, 0}};
    if (!ir_has_lane(i)) {
        uint64_t a[3] = {arg[0].w[0], arg[1].w[0], arg[2].w[0]};
        bool ok = ir_eval_fp(i, env, a, &out.w[0], ret_flags);
        *ret = out;
        return ok;
    }
    if (i->imm & IR_VA_STD)
        env = (IrFpEnv){.nan = IR_NAN_ARM, .fp = (env.fp & (IR_FP_FZ16 | IR_FP_AHP)) | IR_FP_DN | IR_FP_FZ,
                        .round = IR_RNE};
    IrInsn s = scalar_of(i);
    unsigned from = ir_lane_bits(i->misc), to = i->op == IR_VFWIDEN    ? 2 * from
                                                : i->op == IR_VFNARROW ? from / 2
                                                                       : from;
    unsigned lanes = ir_type_bits((IrType)i->type) / MAX(from, to), first = i->imm & IR_VA_HI ? lanes : 0;
    for (unsigned n = 0; n < lanes; n++) {
        uint64_t a[3], v;
        for (unsigned k = 0; k < 3; k++)
            a[k] = lane_get(&arg[k], from, first + n);
        if (!ir_eval_fp(&s, env, a, &v, ret_flags))
            return false;
        lane_put(&out, to, n, i->op == IR_VFCMP ? 0 - v : v);
    }
    *ret = out;
    return true;
}

bool ir_eval_estimate(const IrInsn *i, const IrVec arg[3], IrVec *ret)
{
    IrVec out = {{0, 0}};
    unsigned lanes = ir_type_bits((IrType)i->type) / 32;
    for (unsigned n = 0; n < lanes; n++) {
        uint32_t a = (uint32_t)lane_get(&arg[0], 32, n), b = (uint32_t)lane_get(&arg[1], 32, n),
                 c = (uint32_t)lane_get(&arg[2], 32, n);
        uint32_t v = i->op == IR_VURECPE ? softfp_urecpe(a) : softfp_ursqrte(a);
        if (i->op == IR_VBFDOT)
            v = softfp_bfdot(a, (uint16_t)b, (uint16_t)(b >> 16), (uint16_t)c, (uint16_t)(c >> 16));
        if (i->op == IR_VBFMMLA) {
            uint64_t row = arg[1].w[n >> 1], col = arg[2].w[n & 1];
            v = softfp_bfdot(a, (uint16_t)row, (uint16_t)(row >> 16), (uint16_t)col, (uint16_t)(col >> 16));
            v = softfp_bfdot(v, (uint16_t)(row >> 32), (uint16_t)(row >> 48), (uint16_t)(col >> 32),
                             (uint16_t)(col >> 48));
        }
        lane_put(&out, 32, n, v);
    }
    *ret = out;
    return true;
}
