/* AVX-512: conversions to wider and narrower elements, and scalar ones. */
#include "target/x86/x86_trans_evex.h"

static IrVal one(Trans *t, const X86Insn *x, IrVal v)
{
    return ir_xv(t->b, x->row->arg & 1, IR_V128, x86_encoding(x), IR_NONE, v);
}

/* Part p of the result comes from this many bytes of the source. */
static unsigned step(const X86Insn *x)
{
    return 16u >> (x->row->lane - x->row->source);
}

/* The low bits bytes of which part p is made. */
static IrVal portion(Trans *t, const X86Insn *x, const X86Zmm *y, unsigned p)
{
    unsigned at = p * step(x);
    IrVal v = y->p[at / 16];
    if (x->mod != 3 && x->evb)
        return y->p[0];
    return at % 16 ? ir_vext(t->b, IR_V128, IR_LANE_8, IR_VA_N(at % 16), v, x86_zero(t)) : v;
}

/* Elements become wider; what looks at MXCSR must not see masked ones. */
void x86_trans_evwiden(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned source = x->row->source;
    X86Zmm y = x86_z_source(t, x, 1), v = {.n = x86_z_parts(x)};
    X86Rounding r = x86_rounding_begin(t, x);
    for (unsigned p = 0; p < v.n; p++) {
        IrVal in = portion(t, x, &y, p);
        if (x->mask && x->row->arg & 1)
            in = ir_vand(b, IR_V128, IR_LANE_8, 0, in,
                         x86_lanes_of(t, x86_k(t, x->mask), p * (step(x) >> source), source));
        v.p[p] = one(t, x, in);
    }
    x86_rounding_end(t, r);
    x86_z_result(t, x, v);
}

/* Halves that lie in the low parts of v's quarters become whole quarters; one alone has zeros above. */
static X86Zmm pair_up(Trans *t, X86Zmm v)
{
    X86Zmm w = {.n = MAX(v.n / 2, 1u)};
    for (unsigned p = 0; p < w.n; p++)
        w.p[p] =
            v.n == 1 ? v.p[0] : ir_vsetv(t->b, IR_V128, IR_LANE_64, IR_VA_N(1), v.p[2 * p], v.p[2 * p + 1]);
    return w;
}

static void put_narrow(Trans *t, const X86Insn *x, unsigned r, X86Zmm v, bool half)
{
    v = x86_z_merge(t, x, r, v);
    if (half)
        v.p[0] = ir_vzext(t->b, IR_V128, ir_vlow(t->b, IR_F64, v.p[0]));
    x86_z_put(t, r, v);
}

/* vcvtpd2ps, vcvtpd2dq, vcvttpd2dq */
void x86_trans_evnarrow(Trans *t, const X86Insn *x)
{
    X86Zmm v = x86_z_quiet(t, x, x86_z_source(t, x, 1), x->row->source);
    X86Rounding r = x86_rounding_begin(t, x);
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = one(t, x, v.p[p]);
    x86_rounding_end(t, r);
    put_narrow(t, x, x->reg, pair_up(t, v), v.n == 1);
}

/* To memory by C: when the store faults nothing may have been raised. */
void x86_trans_evcvtph(Trans *t, const X86Insn *x)
{
    if (x->mod != 3) {
        x86_z_call(t, x, EV_CVTPH, 0, x86_linear64(t, x));
        return;
    }
    X86Zmm v = x86_z_quiet(t, x, x86_z_reg(t, x, x->reg), x->row->source);
    X86Rounding r = x86_rounding_begin(t, x);
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = one(t, x, v.p[p]);
    x86_rounding_end(t, r);
    x86_z_store(t, x, pair_up(t, v), x86_size(x, 0), false);
}

/* vpmovwb ..: low parts of the elements; arg: attributes of vnarrow that say how they saturate. */
void x86_trans_evdown(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    X86Zmm v = x86_z_reg(t, x, x->reg);
    for (unsigned lane = x->row->source; lane > x->row->lane; lane--) {
        X86Zmm w = {.n = MAX(v.n / 2, 1u)};
        for (unsigned p = 0; p < w.n; p++)
            w.p[p] =
                ir_vnarrow(b, IR_V128, lane, x->row->arg, v.p[2 * p], v.n > 1 ? v.p[2 * p + 1] : x86_zero(t));
        v = w;
    }
    x86_z_store(t, x, v, x86_size(x, 0), false);
}

/* ---- scalar ---- */

void x86_trans_evcvtsi(Trans *t, const X86Insn *x)
{
    X86Rounding r = x86_rounding_begin(t, x);
    x86_trans_xvcvtsi(t, x);
    x86_rounding_end(t, r);
}

void x86_trans_evtoint(Trans *t, const X86Insn *x)
{
    X86Rounding r = x86_rounding_begin(t, x);
    x86_trans_xvtoint(t, x);
    x86_rounding_end(t, r);
}

void x86_trans_evflags(Trans *t, const X86Insn *x)
{
    X86Rounding r = x86_rounding_begin(t, x);
    x86_trans_xvflags(t, x);
    x86_rounding_end(t, r);
}

/* vrndscale with no fraction bits is roundps and its family, on masked elements, too, by C with some. */
void x86_trans_evrnd(Trans *t, const X86Insn *x)
{
    X86Insn y = *x;
    if (x->imm >> 4) {
        x86_z_call(t, x, EV_RNDSCALE, 0, x->mod != 3 ? x86_linear64(t, x) : IR_NONE);
        return;
    }
    if (x->row->evex & X86_EV_LIG)
        x86_trans_evs2(t, &y);
    else
        x86_trans_evx1(t, &y);
}
