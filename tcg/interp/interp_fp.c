#include "tcg/interp/interp_priv.h"

#include "softfp/softfp.h"

_Static_assert((int)IR_RMM == (int)SOFTFP_RMM && (int)IR_RUP == (int)SOFTFP_RUP, "one numbering of rounding modes");
_Static_assert((int)IR_FUNO == (int)SOFTFP_UNO && (int)IR_FLTQ == (int)SOFTFP_LTQ, "one numbering of conditions");
_Static_assert((int)IR_FF_INEXACT == (int)SOFTFP_INEXACT && (int)IR_FF_DENORM == (int)SOFTFP_DENORM, "one set of flags");

static SoftfpFmt fmt_of(unsigned t) { return t == IR_F16 ? SOFTFP_F16 : t == IR_F32 ? SOFTFP_F32 : SOFTFP_F64; }

static SoftfpMode mode_of(const Interp *x, unsigned round)
{
    if (round == IR_RDYN)
        round = *x->m->frm;
    return (SoftfpMode){.round = (uint8_t)(round <= IR_RMM ? round : IR_RNE), .nan = SOFTFP_NAN_CANON};
}

static SoftfpRes run_cvt(const Interp *x, const IrInsn *i, uint64_t a)
{
    SoftfpMode mode = mode_of(x, i->d & 7);
    bool is_unsigned = (i->d & IR_CVT_UNSIGNED) != 0;
    switch (i->op) {
    case IR_F2F: return softfp_cvt(fmt_of(i->type), fmt_of(i->misc), mode, a);
    case IR_F2I: return softfp_to_int(fmt_of(i->misc), mode, a, ir_type_bits((IrType)i->type), is_unsigned);
    default: return softfp_from_int(fmt_of(i->type), mode, a, ir_type_bits((IrType)i->misc), is_unsigned);
    }
}

bool interp_fp(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    uint64_t a = x->val[i->a], b = x->val[i->b], c = x->val[i->c];
    SoftfpFmt fmt = fmt_of(i->type);
    SoftfpRes v = {0};
    switch (i->op) {
    case IR_FADD: v = softfp_add(fmt, mode_of(x, i->misc), a, b); break;
    case IR_FSUB: v = softfp_sub(fmt, mode_of(x, i->misc), a, b); break;
    case IR_FMUL: v = softfp_mul(fmt, mode_of(x, i->misc), a, b); break;
    case IR_FDIV: v = softfp_div(fmt, mode_of(x, i->misc), a, b); break;
    case IR_FSQRT: v = softfp_sqrt(fmt, mode_of(x, i->misc), a); break;
    case IR_FMA: v = softfp_fma(fmt, mode_of(x, i->misc), i->imm, a, b, c); break;
    case IR_FMIN: v = softfp_min(fmt, mode_of(x, IR_RNE), a, b); break;
    case IR_FMAX: v = softfp_max(fmt, mode_of(x, IR_RNE), a, b); break;
    case IR_FCMP:
        if (i->misc == IR_FLTS || i->misc == IR_FLES) {
            v = softfp_cmp(fmt, mode_of(x, IR_RNE), i->misc == IR_FLTS ? SOFTFP_LTQ : SOFTFP_LEQ, a, b);
            v.flags = 0;
        } else {
            v = softfp_cmp(fmt, mode_of(x, IR_RNE), (SoftfpCond)i->misc, a, b);
        }
        break;
    case IR_FCLASS: v.bits = softfp_class(fmt_of(i->misc), a); break;
    case IR_F2F:
    case IR_F2I:
    case IR_I2F: v = run_cvt(x, i, a); break;
    default: return interp_end(x, IR_RUN_BAD, at);
    }
    x->val[at] = v.bits;
    *x->m->ff |= v.flags;
    return true;
}
