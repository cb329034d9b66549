/* AVX-512: instructions that are their VEX form (rows xv) on each quarter, and integer and bitwise ones. */
#include "target/x86/x86_trans_evex.h"

enum { ALL = 64 };

/* The VEX form's encoding for quarter p: some take other bits of the immediate, two have no W. */
static uint32_t encoding(const X86Insn *x, unsigned p)
{
    uint32_t enc = x86_encoding(x);
    unsigned at = (enc >> 8 & 3) << 8 | x->row->opc, shift = 0;
    if (at == (2 << 8 | 0x0d) || at == (3 << 8 | 0x05)) { /* vpermilpd */
        enc &= ~(uint32_t)IR_XV_W;
        shift = at >> 8 == 3 ? 2 * p : 0;
    } else if (at == (1 << 8 | 0xc6) && x->row->lane == 3) { /* vshufpd */
        shift = 2 * p;
    }
    return shift ? (enc & 0xffff) | (enc >> shift & 0xff0000) : enc;
}

static bool looks_at_mxcsr(const X86Insn *x)
{
    return x->row->arg;
}

static bool divides(const X86Insn *x)
{
    return x->row->opc == 0x5e && x->row->map == X86_MAP_E0F;
}

/* Of masked elements nothing may be raised: they compute with 0, a divisor with 1. */
static IrVal harmless(Trans *t, const X86Insn *x, IrVal v, IrVal m, bool divisor)
{
    IrBuilder *b = t->b;
    if (!divisor)
        return ir_vand(b, IR_V128, IR_LANE_8, 0, m, v);
    uint64_t one = x->row->source == 3 ? 0x3ff0000000000000 : 0x3f8000003f800000;
    return ir_vbsl(b, IR_V128, IR_LANE_8, 0, m, v, ir_vconst(b, IR_V128, one, one));
}

static X86Zmm all_harmless(Trans *t, const X86Insn *x, X86Zmm v, bool divisor)
{
    for (unsigned p = 0; x->mask && looks_at_mxcsr(x) && p < v.n; p++)
        v.p[p] = harmless(t, x, v.p[p], x86_z_mask(t, x, p, x->row->source), divisor);
    return v;
}

void x86_trans_evx1(Trans *t, const X86Insn *x)
{
    bool fp = looks_at_mxcsr(x);
    X86Zmm v = all_harmless(t, x, x86_z_source(t, x, 1), false);
    X86Rounding r = x86_rounding_begin(t, x);
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = ir_xv(t->b, fp, IR_V128, encoding(x, p), IR_NONE, v.p[p]);
    x86_rounding_end(t, r);
    x86_z_result(t, x, v);
}

void x86_trans_evx2(Trans *t, const X86Insn *x)
{
    bool fp = looks_at_mxcsr(x);
    X86Zmm y = all_harmless(t, x, x86_z_source(t, x, 1), divides(x)),
           a = all_harmless(t, x, x86_z_first(t, x), false);
    X86Rounding r = x86_rounding_begin(t, x);
    for (unsigned p = 0; p < a.n; p++)
        a.p[p] = ir_xv(t->b, fp, IR_V128, encoding(x, p), a.p[p], y.p[p]);
    x86_rounding_end(t, r);
    x86_z_result(t, x, a);
}

/* v, whose lane 0 is the result and whose rest is right, to modrm.reg. */
static void put_scalar(Trans *t, const X86Insn *x, IrVal v, IrVal m)
{
    IrVal old = x->zero ? x86_zero(t) : ir_get(t->b, x86_slot_xmm(x->reg));
    if (m)
        v = ir_vbsl(t->b, IR_V128, IR_LANE_8, 0, m, v, old);
    x86_z_put(t, x->reg, (X86Zmm){{v}, 1});
}

/* The lane of the mask is that of the result; that of what is made harmless, the source's. */
void x86_trans_evs2(Trans *t, const X86Insn *x)
{
    IrVal y = x86_z_source(t, x, 1).p[0], a = ir_get(t->b, x86_slot_xmm(x->vvvv)), a0 = a;
    IrVal m = x86_z_mask0(t, x, x->row->lane);
    if (m) {
        IrVal ms = x86_z_mask0(t, x, x->row->source);
        y = harmless(t, x, y, ms, divides(x));
        if (x->row->source == x->row->lane) /* a conversion takes only the rest from it */
            a0 = harmless(t, x, a, ms, false);
    }
    X86Rounding r = x86_rounding_begin(t, x);
    IrVal v = ir_xv(t->b, looks_at_mxcsr(x), IR_V128, encoding(x, 0), a0, y);
    x86_rounding_end(t, r);
    put_scalar(t, x, v, m);
}

void x86_trans_evfma(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    bool scalar = x->row->evex & X86_EV_LIG;
    X86Zmm y = x86_z_source(t, x, 1), a = x86_z_first(t, x), d = x86_z_reg(t, x, x->reg);
    IrVal m0 = scalar ? x86_z_mask0(t, x, x->row->lane) : IR_NONE;
    for (unsigned p = 0; x->mask && p < d.n; p++) {
        IrVal m = scalar ? m0 : x86_z_mask(t, x, p, x->row->lane);
        y.p[p] = harmless(t, x, y.p[p], m, false);
        a.p[p] = harmless(t, x, a.p[p], m, false);
        d.p[p] = harmless(t, x, d.p[p], m, false);
    }
    X86Rounding r = x86_rounding_begin(t, x);
    for (unsigned p = 0; p < d.n; p++)
        d.p[p] = ir_xv3(b, true, encoding(x, p), a.p[p], y.p[p], d.p[p]);
    x86_rounding_end(t, r);
    if (scalar)
        put_scalar(t, x, d.p[0], m0);
    else
        x86_z_result(t, x, d);
}

/* ---- bits ---- */

void x86_trans_evlogic(Trans *t, const X86Insn *x)
{
    static const uint8_t ops[] = {IR_VAND, IR_VANDN, IR_VOR, IR_VXOR};
    unsigned how = x->row->arg;
    X86Zmm y = x86_z_source(t, x, 1), a = x86_z_first(t, x);
    bool none = x->mod == 3 && x->rm == x->vvvv && how & 1;
    for (unsigned p = 0; p < a.n; p++) {
        IrVal first = how == 1 ? y.p[p] : a.p[p], second = how == 1 ? a.p[p] : y.p[p];
        a.p[p] = none ? x86_zero(t)
                      : ir_vec(t->b, (IrOp)ops[how], IR_V128, IR_LANE_8, 0, first, second, IR_NONE, IR_NONE);
    }
    x86_z_result(t, x, a);
}

/* A function of two bits, its value for b = i / 2, c = i & 1 in bit i of `how`. */
static IrVal of_two(Trans *t, unsigned how, IrVal b, IrVal c)
{
    IrBuilder *ib = t->b;
    IrVal v;
    bool invert = how & 1; /* make it 0 for b = c = 0 */
    switch (invert ? how ^ 15 : how) {
    case 0: return invert ? ir_vconst(ib, IR_V128, ~0ull, ~0ull) : x86_zero(t);
    case 2: v = ir_vandn(ib, IR_V128, IR_LANE_8, 0, c, b); break;
    case 4: v = ir_vandn(ib, IR_V128, IR_LANE_8, 0, b, c); break;
    case 6: v = ir_vxor(ib, IR_V128, IR_LANE_8, 0, b, c); break;
    case 8: v = ir_vand(ib, IR_V128, IR_LANE_8, 0, b, c); break;
    case 10: v = c; break;
    case 12: v = b; break;
    default: v = ir_vor(ib, IR_V128, IR_LANE_8, 0, b, c); break;
    }
    return invert ? ir_vnot(ib, IR_V128, IR_LANE_8, 0, v) : v;
}

/* By a: one of two functions of the others. */
static IrVal of_three(Trans *t, unsigned how, IrVal a, IrVal b, IrVal c)
{
    unsigned high = how >> 4, low = how & 15;
    if (high == low)
        return of_two(t, low, b, c);
    if (high == (low ^ 15))
        return ir_vxor(t->b, IR_V128, IR_LANE_8, 0, a, of_two(t, low, b, c));
    if (high == 0)
        return ir_vandn(t->b, IR_V128, IR_LANE_8, 0, of_two(t, low, b, c), a);
    if (low == 0)
        return ir_vand(t->b, IR_V128, IR_LANE_8, 0, a, of_two(t, high, b, c));
    if (high == 15)
        return ir_vor(t->b, IR_V128, IR_LANE_8, 0, a, of_two(t, low, b, c));
    return ir_vbsl(t->b, IR_V128, IR_LANE_8, 0, a, of_two(t, high, b, c), of_two(t, low, b, c));
}

void x86_trans_evtern(Trans *t, const X86Insn *x)
{
    X86Zmm y = x86_z_source(t, x, 1), a = x86_z_first(t, x), d = x86_z_reg(t, x, x->reg);
    for (unsigned p = 0; p < d.n; p++)
        d.p[p] = of_three(t, x->imm & 255, d.p[p], a.p[p], y.p[p]);
    x86_z_result(t, x, d);
}

/* Where the mask is clear: vvvv, or zero. */
void x86_trans_evblend(Trans *t, const X86Insn *x)
{
    X86Zmm y = x86_z_source(t, x, 1), a = x86_z_first(t, x);
    for (unsigned p = 0; p < y.n && x->mask; p++) {
        IrVal m = x86_z_mask(t, x, p, x->row->lane);
        y.p[p] = x->zero ? ir_vand(t->b, IR_V128, IR_LANE_8, 0, m, y.p[p])
                         : ir_vbsl(t->b, IR_V128, IR_LANE_8, 0, m, y.p[p], a.p[p]);
    }
    x86_z_put(t, x->reg, y);
}

/* ---- comparisons to a mask ---- */

static unsigned lanes(const X86Insn *x)
{
    return (16u << x->vl) >> x->row->lane;
}

static void put_bits(Trans *t, const X86Insn *x, IrVal bits, bool invert, unsigned n)
{
    IrBuilder *b = t->b;
    if (invert)
        bits = ir_xor(b, IR_I64, bits, x86_c(t, IR_I64, (int64_t)(n == 64 ? ~0ull : BIT(n) - 1)));
    if (x->mask)
        bits = ir_and(b, IR_I64, bits, x86_k(t, x->mask));
    x86_put_k(t, x->reg, bits);
}

/* arg: 0 equal, 6 greater, 8 and 9 by the immediate, unsigned and signed. Half of the conditions are the
 * others' opposites. */
void x86_trans_evcmp(Trans *t, const X86Insn *x)
{
    static const uint8_t conds[2][8] = {{IR_EQ, IR_GEU, IR_LEU, 0, IR_EQ, IR_GEU, IR_LEU, 0},
                                        {IR_EQ, IR_LT, IR_GT, 0, IR_EQ, IR_LT, IR_GT, 0}};
    static const uint8_t inverts[2] = {1 << 1 | 1 << 4 | 1 << 6 | 1 << 7, 1 << 2 | 1 << 4 | 1 << 5 | 1 << 7};
    unsigned how = x->row->arg, lane = x->row->lane, n = lanes(x);
    bool by_sign = how != 8;
    unsigned cond = how < 8 ? how : x->imm & 7;
    X86Zmm y = x86_z_source(t, x, 1), a = x86_z_first(t, x);
    if ((cond & 3) == 3) {
        put_bits(t, x, x86_c(t, IR_I64, 0), cond == 7, n);
        return;
    }
    for (unsigned p = 0; p < a.n; p++)
        a.p[p] = ir_vcmp(t->b, IR_V128, lane, IR_VA_N(conds[by_sign][cond]), a.p[p], y.p[p]);
    put_bits(t, x, x86_bits_of(t, a, lane), inverts[by_sign] >> cond & 1, n);
}

/* arg: 0 some bit of both, 1 none */
void x86_trans_evtest(Trans *t, const X86Insn *x)
{
    X86Zmm y = x86_z_source(t, x, 1), a = x86_z_first(t, x);
    for (unsigned p = 0; p < a.n; p++) {
        IrVal both = ir_vand(t->b, IR_V128, IR_LANE_8, 0, a.p[p], y.p[p]);
        a.p[p] = ir_vcmp(t->b, IR_V128, x->row->lane, IR_VA_N(IR_EQ), both, x86_zero(t));
    }
    put_bits(t, x, x86_bits_of(t, a, x->row->lane), !x->row->arg, lanes(x));
}

void x86_trans_evfcmp(Trans *t, const X86Insn *x)
{
    uint32_t enc = x86_encoding(x);
    X86Zmm y = all_harmless(t, x, x86_z_source(t, x, 1), false),
           a = all_harmless(t, x, x86_z_first(t, x), false);
    X86Rounding r = x86_rounding_begin(t, x);
    for (unsigned p = 0; p < a.n; p++)
        a.p[p] = ir_xv(t->b, true, IR_V128, enc, a.p[p], y.p[p]);
    x86_rounding_end(t, r);
    put_bits(t, x, x86_bits_of(t, a, x->row->lane), false, lanes(x));
}

void x86_trans_evfcmps(Trans *t, const X86Insn *x)
{
    IrVal y = x86_z_source(t, x, 1).p[0], a = ir_get(t->b, x86_slot_xmm(x->vvvv));
    if (x->mask) {
        IrVal m = x86_z_mask0(t, x, x->row->lane);
        y = harmless(t, x, y, m, false);
        a = harmless(t, x, a, m, false);
    }
    X86Rounding r = x86_rounding_begin(t, x);
    X86Zmm v = {{ir_xv(t->b, true, IR_V128, x86_encoding(x), a, y)}, 1};
    x86_rounding_end(t, r);
    put_bits(t, x, x86_k_bits(t, x86_bits_of(t, v, x->row->lane), 1), false, 1);
}

/* ---- between masks and vectors ---- */

void x86_trans_evm2v(Trans *t, const X86Insn *x)
{
    unsigned lane = x->row->lane;
    X86Zmm v = {.n = x86_z_parts(x)};
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = x86_lanes_of(t, x86_k(t, x->rm & 7), p * 128 / ir_lane_bits(lane), lane);
    x86_z_put(t, x->reg, v);
}

void x86_trans_evv2m(Trans *t, const X86Insn *x)
{
    x86_put_k(t, x->reg, x86_bits_of(t, x86_z_reg(t, x, x->rm), x->row->lane));
}

/* arg: bits of the mask */
void x86_trans_evbcastm(Trans *t, const X86Insn *x)
{
    IrVal k = x86_k_bits(t, x86_k(t, x->rm & 7), x->row->arg);
    if (x->row->lane == 2)
        k = ir_trunc(t->b, IR_I32, k);
    IrVal v = ir_vdup(t->b, IR_V128, x->row->lane, 0, k);
    x86_z_put(t, x->reg, (X86Zmm){{v, v, v, v}, x86_z_parts(x)});
}

/* ---- shifts and what VEX has not ---- */

/* how: 0 unsigned right, 1 signed, 2 left, 3 and 4 by bytes, 5 rotated right, 6 left. n: the immediate. */
static IrVal shifted(Trans *t, unsigned how, unsigned lane, unsigned n, IrVal v)
{
    IrBuilder *b = t->b;
    unsigned bits = how == 3 || how == 4 ? 16 : ir_lane_bits(lane);
    n = how >= 5 ? n & (bits - 1) : MIN(n, bits);
    if (n == 0)
        return v;
    if (n == bits && how != 1)
        return x86_zero(t);
    switch (how) {
    case 0: return ir_vshr(b, IR_V128, lane, IR_VA_N(n), v);
    case 1: return ir_vshr(b, IR_V128, lane, IR_VA_S | IR_VA_N(n), v);
    case 2: return ir_vshl(b, IR_V128, lane, IR_VA_N(n), v);
    case 3: return ir_vext(b, IR_V128, IR_LANE_8, IR_VA_N(n), v, x86_zero(t));
    case 4: return ir_vext(b, IR_V128, IR_LANE_8, IR_VA_N(16 - n), x86_zero(t), v);
    default: break;
    }
    unsigned left = how == 6 ? n : bits - n;
    return ir_vor(b, IR_V128, IR_LANE_8, 0, ir_vshl(b, IR_V128, lane, IR_VA_N(left), v),
                  ir_vshr(b, IR_V128, lane, IR_VA_N(bits - left), v));
}

void x86_trans_evshi(Trans *t, const X86Insn *x)
{
    X86Zmm v = x86_z_source(t, x, 1);
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = shifted(t, x->row->arg, x->row->lane, x->imm & 255, v.p[p]);
    x86_z_put(t, x->vvvv, x86_z_merge(t, x, x->vvvv, v));
}

/* The count is the low half of an xmm register. arg 9: vpsraq, which VEX has not. */
void x86_trans_evshx(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal n = x86_z_source(t, x, 1).p[0], all = ir_vdupl(b, IR_V128, IR_LANE_64, 0, n);
    X86Zmm a = x86_z_first(t, x);
    for (unsigned p = 0; p < a.n; p++)
        a.p[p] = x->row->arg == 9 ? ir_vshrv(b, IR_V128, IR_LANE_64, IR_VA_S, a.p[p], all)
                                  : ir_xv(b, false, IR_V128, encoding(x, p), a.p[p], n);
    x86_z_result(t, x, a);
}

/* arg: 8 right, 9 signed, 10 left */
void x86_trans_evshv(Trans *t, const X86Insn *x)
{
    unsigned how = x->row->arg, lane = x->row->lane;
    X86Zmm y = x86_z_source(t, x, 1), a = x86_z_first(t, x);
    for (unsigned p = 0; p < a.n; p++)
        a.p[p] = how == 10 ? ir_vshlv(t->b, IR_V128, lane, 0, a.p[p], y.p[p])
                           : ir_vshrv(t->b, IR_V128, lane, how == 9 ? IR_VA_S : 0, a.p[p], y.p[p]);
    x86_z_result(t, x, a);
}

void x86_trans_evabsq(Trans *t, const X86Insn *x)
{
    X86Zmm v = x86_z_source(t, x, 1);
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = ir_vabs(t->b, IR_V128, IR_LANE_64, 0, v.p[p]);
    x86_z_result(t, x, v);
}

/* arg: 1 signed, 2 the greater */
void x86_trans_evminmax(Trans *t, const X86Insn *x)
{
    uint32_t attr = x->row->arg & 1 ? IR_VA_S : 0;
    X86Zmm y = x86_z_source(t, x, 1), a = x86_z_first(t, x);
    for (unsigned p = 0; p < a.n; p++)
        a.p[p] = x->row->arg & 2 ? ir_vmax(t->b, IR_V128, IR_LANE_64, attr, a.p[p], y.p[p])
                                 : ir_vmin(t->b, IR_V128, IR_LANE_64, attr, a.p[p], y.p[p]);
    x86_z_result(t, x, a);
}

void x86_trans_evmullq(Trans *t, const X86Insn *x)
{
    X86Zmm y = x86_z_source(t, x, 1), a = x86_z_first(t, x);
    for (unsigned p = 0; p < a.n; p++)
        a.p[p] = ir_vmul(t->b, IR_V128, IR_LANE_64, 0, a.p[p], y.p[p]);
    x86_z_result(t, x, a);
}

/* ---- permutations by an immediate ---- */

void x86_trans_evshuf128(Trans *t, const X86Insn *x)
{
    unsigned n = x86_z_parts(x), bits = x->vl, imm = (unsigned)x->imm;
    X86Zmm y = x86_z_source(t, x, 1), a = x86_z_first(t, x), v = {.n = n};
    for (unsigned p = 0; p < n; p++)
        v.p[p] = (p < n / 2 ? a : y).p[imm >> bits * p & (n - 1)];
    x86_z_result(t, x, v);
}

/* Two quadwords of four, two bits each. */
static IrVal two_of(Trans *t, unsigned how, const IrVal *y)
{
    unsigned low = how & 3, high = how >> 2 & 3;
    IrVal l = y[low >> 1], h = y[high >> 1];
    if (low & 1)
        l = ir_vdupl(t->b, IR_V128, IR_LANE_64, IR_VA_N(1), l);
    return ir_vsetv(t->b, IR_V128, IR_LANE_64, IR_VA_N(1) | IR_VA_M(high & 1), l, h);
}

void x86_trans_evpermq(Trans *t, const X86Insn *x)
{
    X86Zmm y = x86_z_source(t, x, 1), v = {.n = y.n};
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = two_of(t, (unsigned)x->imm >> (p & 1) * 4 & 15, &y.p[p & 2]);
    x86_z_result(t, x, v);
}

/* By C. */
void x86_trans_evc(Trans *t, const X86Insn *x)
{
    X86Insn base = *x;
    if (x->row->attr & X86_VSIB) {
        base.index = -1;
        base.asize = 8;
    }
    bool mem = x->mod != 3;
    x86_z_call(t, x, x->row->arg, 0, mem ? x86_linear64(t, &base) : IR_NONE);
}
