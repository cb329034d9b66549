/* Vector instructions of x86: floats, lane by lane by softfp. What a lane raises is or-ed with what the
 * others do. */
#include "tcg/interp/eval_xv.h"

typedef struct Lanes {
    const IrXv *x;
    SoftfpMode mode;
    uint32_t flags;
} Lanes;

static SoftfpFmt format(unsigned size)
{
    return size == 8 ? SOFTFP_F64 : SOFTFP_F32;
}

static uint64_t done(Lanes *l, SoftfpRes r)
{
    l->flags |= r.flags;
    return r.bits;
}

static uint64_t add(Lanes *l, unsigned size, uint64_t a, uint64_t b)
{
    return done(l, softfp_add(format(size), l->mode, a, b));
}

static uint64_t sub(Lanes *l, unsigned size, uint64_t a, uint64_t b)
{
    return done(l, softfp_sub(format(size), l->mode, a, b));
}

/* ---- comparisons ---- */

enum { LESS = 1, EQUAL = 2, GREATER = 4, UNORDERED = 8 };

/* How a stands to b. */
static unsigned relation(Lanes *l, unsigned size, bool signaling, uint64_t a, uint64_t b)
{
    SoftfpFmt f = format(size);
    bool less = done(l, softfp_cmp(f, l->mode, signaling ? SOFTFP_LT : SOFTFP_LTQ, a, b));
    return less                                            ? LESS
           : softfp_cmp(f, l->mode, SOFTFP_UNO, a, b).bits ? UNORDERED
           : softfp_cmp(f, l->mode, SOFTFP_EQ, a, b).bits  ? EQUAL
                                                           : GREATER;
}

/* imm: 3..0 for which relations it is true; 4 the other way about quiet NaNs. */
static uint64_t compared(Lanes *l, unsigned size, uint64_t a, uint64_t b)
{
    static const uint8_t truth[16] = {2, 1, 3, 8, 13, 14, 12, 7, 10, 9, 11, 0, 5, 6, 4, 15};
    unsigned imm = l->x->imm;
    bool signaling = (imm ^ imm >> 1 ^ imm >> 4) & 1;
    return truth[imm & 15] & relation(l, size, signaling, a, b) ? ~0ull : 0;
}

/* attr 4: a quiet NaN is invalid. */
static uint64_t flags_of(Lanes *l, unsigned size)
{
    const IrXv *x = l->x;
    unsigned how =
        relation(l, size, x->row->attr & 4, ir_xv_lane(&x->a, size, 0), ir_xv_lane(&x->b, size, 0));
    return IR_FL_BIT9 | (how & (EQUAL | UNORDERED) ? IR_FL_Z : 0) | (how & UNORDERED ? IR_FL_PARITY : 0) |
           (how & (LESS | UNORDERED) ? IR_FL_C : 0);
}

/* ---- lane by lane ---- */

static const uint8_t round_of_imm[4] = {SOFTFP_RNE, SOFTFP_RDN, SOFTFP_RUP, SOFTFP_RTZ};

/* imm: 1, 0 how; 2 as MXCSR says; 3 inexact is not told of. */
static uint64_t rounded(Lanes *l, unsigned size, uint64_t v)
{
    SoftfpMode mode = l->mode;
    if (!(l->x->imm & 4))
        mode.round = round_of_imm[l->x->imm & 3];
    return done(l, softfp_round_to_int(format(size), mode, v, !(l->x->imm & 8)));
}

static uint64_t fused(Lanes *l, unsigned size, unsigned k)
{
    const IrXv *x = l->x;
    unsigned attr = x->row->attr, neg = attr >> 4 & 3;
    uint64_t a = ir_xv_lane(&x->a, size, k), b = ir_xv_lane(&x->b, size, k), d = ir_xv_lane(&x->c, size, k);
    if (attr & (IR_XM_EVEN_MINUS | IR_XM_ODD_MINUS))
        neg = (k & 1) == (attr & IR_XM_ODD_MINUS ? 1 : 0) ? SOFTFP_NEG_ADDEND : 0;
    else
        neg = (neg & 1 ? SOFTFP_NEG_ADDEND : 0) | (neg & 2 ? SOFTFP_NEG_PRODUCT : 0);
    switch (attr & IR_XM_FORM) {
    case IR_XM_132: return done(l, softfp_fma(format(size), l->mode, neg, d, b, a));
    case IR_XM_213: return done(l, softfp_fma(format(size), l->mode, neg, a, d, b));
    default: return done(l, softfp_fma(format(size), l->mode, neg, a, b, d));
    }
}

static uint64_t arithmetic(Lanes *l, unsigned size, unsigned k)
{
    const IrXv *x = l->x;
    SoftfpFmt f = format(size);
    uint64_t a = ir_xv_lane(&x->a, size, k), b = ir_xv_lane(&x->b, size, k);
    switch (x->row->what) {
    case IR_XF_ADD: return add(l, size, a, b);
    case IR_XF_SUB: return sub(l, size, a, b);
    case IR_XF_MUL: return done(l, softfp_mul(f, l->mode, a, b));
    case IR_XF_DIV: return done(l, softfp_div(f, l->mode, a, b));
    case IR_XF_MIN: return done(l, softfp_min(f, l->mode, a, b));
    case IR_XF_MAX: return done(l, softfp_max(f, l->mode, a, b));
    case IR_XF_SQRT: return done(l, softfp_sqrt(f, l->mode, b));
    case IR_XF_CMP: return compared(l, size, a, b);
    case IR_XF_ROUND: return rounded(l, size, b);
    case IR_XF_ADDSUB: return k & 1 ? add(l, size, a, b) : sub(l, size, a, b);
    default: return fused(l, size, k);
    }
}

static uint64_t horizontal(Lanes *l, unsigned size, unsigned k)
{
    unsigned n = 16 / size, at = 2 * k % n;
    const IrVec *v = k < n / 2 ? &l->x->a : &l->x->b;
    uint64_t p = ir_xv_lane(v, size, at), q = ir_xv_lane(v, size, at + 1);
    return l->x->row->what == IR_XF_HADD ? add(l, size, p, q) : sub(l, size, p, q);
}

/* imm: 7..4 which products, 3..0 where the sum goes. */
static void dot(Lanes *l, unsigned size, IrVec *ret)
{
    const IrXv *x = l->x;
    unsigned n = 16 / size;
    uint64_t p[4] = {0};
    for (unsigned k = 0; k < n; k++)
        if (x->imm >> (4 + k) & 1)
            p[k] = done(
                l, softfp_mul(format(size), l->mode, ir_xv_lane(&x->a, size, k), ir_xv_lane(&x->b, size, k)));
    uint64_t sum = add(l, size, p[0], p[1]);
    if (n == 4)
        sum = add(l, size, sum, add(l, size, p[2], p[3]));
    for (unsigned k = 0; k < n; k++)
        ir_xv_put(ret, size, k, x->imm >> k & 1 ? sum : 0);
}

/* ---- conversions ---- */

SoftfpRes ir_xv_to_half(SoftfpMode mode, unsigned imm, uint64_t v)
{
    if (!(imm & 4))
        mode.round = round_of_imm[imm & 3];
    mode.ftz = 0;
    return softfp_cvt(SOFTFP_F16, SOFTFP_F32, mode, v);
}

/* DAZ is not for halves, and nothing is told of denormal ones. */
static uint64_t from_half(Lanes *l, uint64_t v)
{
    SoftfpMode mode = l->mode;
    mode.daz = 0;
    SoftfpRes r = softfp_cvt(SOFTFP_F32, SOFTFP_F16, mode, v);
    l->flags |= r.flags & ~(uint32_t)SOFTFP_DENORM;
    return r.bits;
}

static uint64_t to_int(Lanes *l, unsigned size, unsigned width, uint64_t v)
{
    SoftfpMode mode = l->mode;
    if (l->x->row->attr & 2)
        mode.round = SOFTFP_RTZ;
    return done(l, softfp_to_int(format(size), mode, v, width, false));
}

/* Between elements: lanes of `from` become lanes of `to` bytes; there is an element for each lane of the
 * wider ones. */
static void convert(Lanes *l, unsigned from, unsigned to, IrVec *ret)
{
    const IrXv *x = l->x;
    unsigned n = x->row->attr & 1 ? 1 : 16 / MAX(from, to);
    for (unsigned k = 0; k < n; k++) {
        uint64_t v = ir_xv_lane(&x->b, from, k);
        switch (x->row->what) {
        case IR_XF_RESIZE: v = done(l, softfp_cvt(format(to), format(from), l->mode, v)); break;
        case IR_XF_FROM_INT: v = done(l, softfp_from_int(format(to), l->mode, v, 32, false)); break;
        case IR_XF_TO_INT: v = to_int(l, from, 32, v); break;
        case IR_XF_FROM_HALF: v = from_half(l, v); break;
        default: v = done(l, ir_xv_to_half(l->mode, x->imm, v)); break;
        }
        ir_xv_put(ret, to, k, v);
    }
}

static void conversion(Lanes *l, unsigned size, IrVec *ret)
{
    const IrXv *x = l->x;
    switch (x->row->what) {
    case IR_XF_RESIZE: convert(l, size, 12 - size, ret); break;
    case IR_XF_FROM_INT: convert(l, 4, size, ret); break;
    case IR_XF_TO_INT: convert(l, size, 4, ret); break;
    case IR_XF_FROM_HALF: convert(l, 2, 4, ret); break;
    case IR_XF_TO_HALF: convert(l, 4, 2, ret); break;
    case IR_XF_FROM_GPR:
        *ret = x->a;
        ir_xv_put(ret, size, 0,
                  done(l, softfp_from_int(format(size), l->mode, x->b.w[0], x->w ? 64 : 32, false)));
        break;
    default: ret->w[0] = to_int(l, size, x->w ? 64 : 32, ir_xv_lane(&x->b, size, 0)); break;
    }
}

void ir_xv_fp(const IrXv *x, SoftfpMode mode, IrVec *ret, uint32_t *ret_flags)
{
    Lanes l = {.x = x, .mode = mode};
    unsigned size = 1u << x->row->lane;
    bool scalar = x->row->attr & 1;
    if (x->row->what == IR_XF_FMA && x->w)
        size = 8;
    if (scalar)
        *ret = x->row->what == IR_XF_FMA ? x->c : x->a;
    switch (x->row->what) {
    case IR_XF_DOT: dot(&l, size, ret); break;
    case IR_XF_COMIS: ret->w[0] = flags_of(&l, size); break;
    case IR_XF_HADD:
    case IR_XF_HSUB:
        for (unsigned k = 0; k < 16 / size; k++)
            ir_xv_put(ret, size, k, horizontal(&l, size, k));
        break;
    case IR_XF_RCP:
    case IR_XF_RSQRT: {
        IrVec v = ir_xv_estimates(x->row->what == IR_XF_RSQRT, x->b);
        if (scalar)
            ir_xv_put(ret, 4, 0, ir_xv_lane(&v, 4, 0));
        else
            *ret = v;
        break;
    }
    case IR_XF_RESIZE:
    case IR_XF_FROM_INT:
    case IR_XF_TO_INT:
    case IR_XF_FROM_HALF:
    case IR_XF_TO_HALF:
    case IR_XF_FROM_GPR:
    case IR_XF_TO_GPR: conversion(&l, size, ret); break;
    default:
        for (unsigned k = 0; k < (scalar ? 1 : 16 / size); k++)
            ir_xv_put(ret, size, k, arithmetic(&l, size, k));
        break;
    }
    *ret_flags |= l.flags;
}
