/* Instructions of AVX, AVX2 and F16C that are more than their 128-bit form done twice. Sources: AMD64 APM
 * volumes 4 and 6; Intel SDM volume 2. */
#include "target/x86/x86_trans_evex.h"

static IrVal zero(Trans *t)
{
    return ir_vconst(t->b, IR_V128, 0, 0);
}

/* v moved down by n bytes */
static IrVal down(Trans *t, IrVal v, unsigned n)
{
    return ir_vext(t->b, IR_V128, IR_LANE_8, IR_VA_N(n), v, zero(t));
}

static IrVal one(Trans *t, const X86Insn *x, IrVal v)
{
    return ir_xv(t->b, x->row->arg & 1, IR_V128, x86_encoding(x), IR_NONE, v);
}

/* Lanes become wider: the upper half of the result comes from the next bytes of the source. */
void x86_trans_vwiden(Trans *t, const X86Insn *x)
{
    X86Vec y = x86_vsource(t, x, 1), v = {one(t, x, y.lo), IR_NONE};
    if (x->wide)
        v.hi = one(t, x, down(t, y.lo, x86_size(x, 1) / 2));
    x86_put_vreg(t, x, x->reg, v);
}

/* cvtpd2ps, cvtpd2dq, cvttpd2dq: half of the result each. */
void x86_trans_vnarrow(Trans *t, const X86Insn *x)
{
    X86Vec y = x86_vsource(t, x, 1);
    IrVal v = one(t, x, y.lo);
    if (x->wide)
        v = ir_vsetv(t->b, IR_V128, IR_LANE_64, IR_VA_N(1), v, one(t, x, y.hi));
    x86_put_vreg(t, x, x->reg, (X86Vec){v, IR_NONE});
}

/* vcvtps2ph. To memory by C, as the form of AVX-512: when the store faults nothing may have been raised. */
void x86_trans_vcvtph(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (x->mod != 3) {
        X86Insn y = *x;
        y.row = x86_row_of(X86_H_evcvtph);
        x86_z_call(t, &y, EV_CVTPH, 0, x86_linear64(t, x));
        return;
    }
    X86Vec y = x86_vreg(t, x, x->reg);
    IrVal v = one(t, x, y.lo);
    if (x->wide)
        v = ir_vsetv(b, IR_V128, IR_LANE_64, IR_VA_N(1), v, one(t, x, y.hi));
    x86_put_vreg(t, x, x->rm, (X86Vec){v, IR_NONE});
}

/* The count is the low half of an xmm register, for both halves. */
void x86_trans_vshiftx(Trans *t, const X86Insn *x)
{
    IrVal n = x86_vsource(t, x, 1).lo;
    X86Vec a = x86_vfirst(t, x);
    a.lo = ir_xv(t->b, false, IR_V128, x86_encoding(x), a.lo, n);
    if (x->wide)
        a.hi = ir_xv(t->b, false, IR_V128, x86_encoding(x), a.hi, n);
    x86_put_vreg(t, x, x->reg, a);
}

void x86_trans_vmovmsk(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    static const uint8_t bits[] = {[X86_PFX_NP] = 4, [X86_PFX_66] = 2};
    unsigned n = x->row->opc == 0xd7 ? 16 : bits[x->row->pfx];
    X86Vec y = x86_vsource(t, x, 1);
    IrVal v = ir_xv(b, false, IR_I32, x86_encoding(x), IR_NONE, y.lo);
    if (x->wide) {
        IrVal high = ir_xv(b, false, IR_I32, x86_encoding(x), IR_NONE, y.hi);
        v = ir_or(b, IR_I32, v, ir_shl(b, IR_I32, high, x86_c(t, IR_I32, n)));
    }
    x86_put_reg(t, x->reg, 4, false, v);
}

/* vptest, vtestps, vtestpd: ZF = no bit of first & second, CF = none of second & ~first; of the latter two
 * only signs count. */
void x86_trans_vtest(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    X86Vec y = x86_vsource(t, x, 1), a = x86_vreg(t, x, x->reg);
    uint32_t enc = x86_encoding(x);
    if (!x->wide) {
        x86_put_fl(t, ir_flxv(b, false, enc, a.lo, y.lo));
        return;
    }
    IrVal both = ir_and(b, IR_I32, ir_flbits(b, ir_flxv(b, false, enc, a.lo, y.lo)),
                        ir_flbits(b, ir_flxv(b, false, enc, a.hi, y.hi)));
    x86_put_fl(t, ir_flmake(b, both));
}

/* vzeroupper, vzeroall */
void x86_trans_vzero(Trans *t, const X86Insn *x)
{
    if (t->ctx & X86_CTX_ZMM) { /* the rest when it comes back */
        ir_call(t->b, X86_HELPER_zmm_used, (IrVal[]){x86_c(t, IR_I32, 0)}, 1);
        x86_raise(t, CPU_EXIT_CTX);
        return;
    }
    for (unsigned r = 0; r < 16; r++) {
        ir_put(t->b, x86_slot_ymmh(r), zero(t));
        if (x->row->arg)
            ir_put(t->b, x86_slot_xmm(r), zero(t));
    }
}

/* One of the four halves of two registers, or 0. */
static IrVal choose_half(Trans *t, unsigned how, X86Vec a, X86Vec y)
{
    return how & 8 ? zero(t) : how & 2 ? (how & 1 ? y.hi : y.lo) : how & 1 ? a.hi : a.lo;
}

void x86_trans_vperm2(Trans *t, const X86Insn *x)
{
    X86Vec y = x86_vsource(t, x, 1), a = x86_vfirst(t, x);
    x86_put_vreg(t, x, x->reg,
                 (X86Vec){choose_half(t, x->imm & 15, a, y), choose_half(t, x->imm >> 4 & 15, a, y)});
}

/* Two quadwords of the four, by two bits each. */
static IrVal two_of(Trans *t, unsigned how, X86Vec y)
{
    IrBuilder *b = t->b;
    unsigned low = how & 3, high = how >> 2 & 3;
    IrVal l = low & 2 ? y.hi : y.lo, h = high & 2 ? y.hi : y.lo;
    if (low & 1)
        l = ir_vdupl(b, IR_V128, IR_LANE_64, IR_VA_N(1), l);
    return ir_vsetv(b, IR_V128, IR_LANE_64, IR_VA_N(1) | IR_VA_M(high & 1), l, h);
}

void x86_trans_vpermq(Trans *t, const X86Insn *x)
{
    X86Vec y = x86_vsource(t, x, 1);
    x86_put_vreg(t, x, x->reg, (X86Vec){two_of(t, x->imm & 15, y), two_of(t, x->imm >> 4 & 15, y)});
}

/* vpermd, vpermps: each half of the result by two tables, of which bit 2 of the index chooses. vpermilps
 * takes the low two bits. */
static IrVal by_index(Trans *t, IrVal index, X86Vec y)
{
    IrBuilder *b = t->b;
    const uint32_t vpermilps = IR_XV(1, 2, 0x0c);
    IrVal low = ir_xv(b, false, IR_V128, vpermilps, y.lo, index),
          high = ir_xv(b, false, IR_V128, vpermilps, y.hi, index);
    IrVal mask = ir_vshl(b, IR_V128, IR_LANE_32, IR_VA_N(29), index);
    mask = ir_vshr(b, IR_V128, IR_LANE_32, IR_VA_S | IR_VA_N(32), mask);
    return ir_vbsl(b, IR_V128, IR_LANE_8, 0, mask, high, low);
}

void x86_trans_vperm(Trans *t, const X86Insn *x)
{
    X86Vec y = x86_vsource(t, x, 1), i = x86_vfirst(t, x);
    x86_put_vreg(t, x, x->reg, (X86Vec){by_index(t, i.lo, y), by_index(t, i.hi, y)});
}

/* arg: log2 of the bytes that are repeated. */
void x86_trans_vbroadcast(Trans *t, const X86Insn *x)
{
    unsigned lane = x->row->arg;
    IrVal v = x86_vsource(t, x, 1).lo;
    if (lane < 4)
        v = ir_vdupl(t->b, IR_V128, lane, 0, v);
    x86_put_vreg(t, x, x->reg, (X86Vec){v, x->wide ? v : IR_NONE});
}

void x86_trans_vinsert(Trans *t, const X86Insn *x)
{
    IrVal y = x86_vsource(t, x, 1).lo;
    X86Vec v = x86_vfirst(t, x);
    *(x->imm & 1 ? &v.hi : &v.lo) = y;
    x86_put_vreg(t, x, x->reg, v);
}

void x86_trans_vextract(Trans *t, const X86Insn *x)
{
    X86Vec v = x86_vreg(t, x, x->reg);
    IrVal half = x->imm & 1 ? v.hi : v.lo;
    if (x->mod == 3)
        x86_put_vreg(t, x, x->rm, (X86Vec){half, IR_NONE});
    else
        x86_st(t, x86_addr(t, x), 16, half);
}

/* By C: only elements whose mask has its sign are touched. */
static void maskmov_in_c(Trans *t, const X86Insn *x)
{
    int64_t what = x->reg | x->vvvv << 4 | (x->row->arg & 3) << 8 | (x->row->arg >> 4) << 10 | x->wide << 11;
    IrVal args[] = {x86_linear64(t, x), x86_c(t, IR_I32, what)};
    ir_call(t->b, X86_HELPER_vmaskmov, args, 2);
    if (t->ctx & X86_CTX_STORE && x->row->arg & 16)
        t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}

static IrVal signs(Trans *t, unsigned lane, IrVal v)
{
    uint32_t movmsk = lane == 3 ? IR_XV(1, 1, 0x50) : IR_XV(0, 1, 0x50);
    return ir_zext(t->b, IR_I64, ir_xv(t->b, false, IR_I32, movmsk, IR_NONE, v));
}

/* arg: log2 of an element's bytes | 16 a store */
void x86_trans_vmaskmov(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned lane = x->row->arg & 3;
    bool store = x->row->arg & 16;
    if (!(b->masked >> lane & 1) || (store && t->ctx & X86_CTX_STORE)) {
        maskmov_in_c(t, x);
        return;
    }
    if (store && x->wide)
        x86_leave_at_page_end(t, x, 32);
    X86Addr a = x86_addr(t, x);
    X86Vec mask = x86_vreg(t, x, x->vvvv), v = {IR_NONE, IR_NONE};
    IrVal low = signs(t, lane, mask.lo), high = x->wide ? signs(t, lane, mask.hi) : IR_NONE;
    if (store) {
        v = x86_vreg(t, x, x->reg);
        ir_stm(b, lane, low, v.lo, a.base, a.disp, x86_mem(t, 16));
        if (x->wide)
            ir_stm(b, lane, high, v.hi, a.base, a.disp + 16, x86_mem(t, 16));
        return;
    }
    v.lo = ir_ldm(b, lane, low, a.base, a.disp, x86_mem(t, 16));
    if (x->wide)
        v.hi = ir_ldm(b, lane, high, a.base, a.disp + 16, x86_mem(t, 16));
    x86_put_vreg(t, x, x->reg, v);
}

/* arg: log2 bytes of an element | of an index << 2. By C, element by element: the mask says how far it came.
 */
void x86_trans_vgather(Trans *t, const X86Insn *x)
{
    X86Insn base = *x;
    unsigned index = (unsigned)x->index;
    if (x->reg == x->vvvv || x->reg == index || x->vvvv == index) {
        x86_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    base.index = -1;
    base.asize = (uint8_t)x86_word_bytes(t);
    int64_t what = x->reg | x->vvvv << 4 | index << 8 | x->scale << 12 | (int64_t)x->row->arg << 14 |
                   x->wide << 18 | (x->asize == 4) << 19;
    IrVal args[] = {x86_linear64(t, &base), x86_c(t, IR_I32, what)};
    ir_call(t->b, X86_HELPER_vgather, args, 2);
}
