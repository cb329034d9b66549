/* The meaning of floating-point ops, by softfp: for the interpreter and for the cold paths of generated code. */
#include "tcg/ir/eval.h"

#include "softfp/softfp.h"

_Static_assert((int)IR_RMM == (int)SOFTFP_RMM && (int)IR_RUP == (int)SOFTFP_RUP, "one numbering of rounding modes");
_Static_assert((int)IR_RODD == (int)SOFTFP_ODD, "one numbering of rounding modes");
_Static_assert((int)IR_FUNO == (int)SOFTFP_UNO && (int)IR_FLTQ == (int)SOFTFP_LTQ, "one numbering of conditions");
_Static_assert((int)IR_FF_INEXACT == (int)SOFTFP_INEXACT && (int)IR_FF_DENORM == (int)SOFTFP_DENORM, "one set of flags");

static SoftfpFmt fmt_of(unsigned t) { return t == IR_F16 ? SOFTFP_F16 : t == IR_F32 ? SOFTFP_F32 : SOFTFP_F64; }

static SoftfpMode mode_of(IrFpEnv env, unsigned round, SoftfpFmt fmt)
{
    if (round == IR_RDYN)
        round = env.round;
    SoftfpMode m = {.round = (uint8_t)(round <= IR_RODD ? round : IR_RNE), .nan = SOFTFP_NAN_CANON};
    if (env.nan == IR_NAN_ARM) {
        m.nan = env.fp & IR_FP_DN ? SOFTFP_NAN_ARM_DN : SOFTFP_NAN_ARM;
        m.ftz = m.daz = (env.fp & (fmt == SOFTFP_F16 ? IR_FP_FZ16 : IR_FP_FZ)) != 0;
        m.tiny_before = 1;
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
    v = softfp_cmp(fmt, m, cond == IR_FLTS ? SOFTFP_LT : cond == IR_FLES ? SOFTFP_LE : (SoftfpCond)cond, a, b);
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
