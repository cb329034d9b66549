/* The three-operand instructions of x64_vec.h. */
#include "tcg/host/x86_64/x64_vec.h"

void xv_mov(X64Emit *e, int d, int x)
{
    if (d != x)
        x64_movaps_rr(e->a, d, x);
}

void xv_zero(X64Emit *e, int d) { x64_sse_rr(e->a, X64_PS, X64_0F, 0x57, 0, d, d); }
void xv_ones(X64Emit *e, int d) { x64_lane_rr(e->a, XL_PCMPEQD, d, d); }

/* Legacy forms: makes d = x without losing y; returns where y is. */
static int legacy_sources(X64Emit *e, int d, int x, int y)
{
    if (d != x && d == y) {
        int t = x64_scratch_x(e);
        xv_mov(e, t, y);
        xv_free(e, t);
        y = t;
    }
    xv_mov(e, d, x);
    return y;
}

void xv3(X64Emit *e, unsigned op, int d, int x, int y)
{
    if (xv_avx(e) || (op & (X64_LANE_VEX | X64_LANE_EVEX))) {
        if ((op & X64_LANE_COM) && y >= 8 && x < 8) { /* a shorter prefix */
            int t = x;
            x = y;
            y = t;
        }
        x64_lane_rrr(e->a, op, d, x, y);
    } else if (d == y && (op & X64_LANE_COM)) {
        x64_lane_rr(e->a, op, d, x);
    } else {
        y = legacy_sources(e, d, x, y);
        x64_lane_rr(e->a, op, d, y);
    }
}

void xv3i(X64Emit *e, unsigned op, int d, int x, int y, int imm)
{
    if (xv_avx(e) || (op & (X64_LANE_VEX | X64_LANE_EVEX))) {
        x64_lane_rrr(e->a, op, d, x, y);
    } else {
        y = legacy_sources(e, d, x, y);
        x64_lane_rr(e->a, op, d, y);
    }
    x64_lane_imm(e->a, imm);
}

void xv2(X64Emit *e, unsigned op, int d, int x)
{
    if (xv_avx(e) || (op & (X64_LANE_VEX | X64_LANE_EVEX)))
        x64_lane_rrr(e->a, op, d, 0, x);
    else
        x64_lane_rr(e->a, op, d, x);
}

void xv2i(X64Emit *e, unsigned op, int d, int x, int imm)
{
    xv2(e, op, d, x);
    x64_lane_imm(e->a, imm);
}

void xv3l(X64Emit *e, unsigned op, int d, int x, IrVec lit)
{
    X64Mem m = x64_lit(e, lit);
    if (xv_avx(e) || (op & (X64_LANE_VEX | X64_LANE_EVEX))) {
        x64_lane_rrm(e->a, op, d, x, m);
    } else {
        xv_mov(e, d, x);
        x64_lane_rm(e->a, op, d, m);
    }
    x64_lit_used(e, 0);
}

void xv_shift(X64Emit *e, int opc, int digit, int d, int x, int n)
{
    bool vex = xv_avx(e);
    if (!vex)
        xv_mov(e, d, x);
    x64_lane_shift(e->a, vex, opc, digit, d, x, n);
}

void xv_blend(X64Emit *e, int d, int x, int y, int mask, int t)
{
    if (xv_avx(e)) {
        x64_vblendv(e->a, 0x4c, d, x, y, mask);
        return;
    }
    xv3(e, XL_PXOR, t, x, y); /* ((x ^ y) & mask) ^ x */
    xv3(e, XL_PAND, t, t, mask);
    xv3(e, XL_PXOR, d, x, t);
}

void xv_not(X64Emit *e, int d, int x)
{
    if (xv_evex(e, X64_F_AVX512F)) {
        xv3i(e, XL_VPTERNLOGD, d, x, x, 0x55);
    } else if (d == x) {
        int t = x64_scratch_x(e);
        xv_ones(e, t);
        xv_free(e, t);
        xv3(e, XL_PXOR, d, x, t);
    } else {
        xv_ones(e, d);
        xv3(e, XL_PXOR, d, d, x);
    }
}

IrVec xv_dup(unsigned lane, uint64_t v)
{
    unsigned bits = ir_lane_bits(lane);
    if (bits < 64)
        v &= BIT(bits) - 1;
    for (; bits < 64; bits *= 2)
        v |= v << bits;
    return (IrVec){{v, v}};
}

IrVec xv_bytes(const uint8_t b[16])
{
    IrVec v;
    memcpy(&v, b, 16);
    return v;
}

bool xv_const(const X64Emit *e, IrVal v, IrVec *ret)
{
    v = x64_val(e, v);
    if (!ir_is_const(e->r, v))
        return false;
    *ret = ir_const_vec(e->r, v);
    return true;
}

/* An operand as memory: a constant, or a whole vector that is not needed in a register. */
static bool memory_operand(X64Emit *e, IrVal v, X64Mem *ret, bool *ret_lit)
{
    IrVec c;
    v = x64_val(e, v);
    *ret_lit = e->reg[v] < 0 && xv_const(e, v, &c) && (c.w[0] | c.w[1]) && (c.w[0] & c.w[1]) != ~0ull;
    if (*ret_lit)
        *ret = x64_lit(e, c);
    return *ret_lit ||
           (xv_avx(e) && x64_type(e, v) == IR_V128 && x64_use_mem(e, v, ret) && !x64_live_after(e, v));
}

void xv_bin(X64Emit *e, unsigned op, const IrInsn *i)
{
    X64Mem m;
    bool lit;
    int a = x64_use_x(e, i->a);
    if (memory_operand(e, i->b, &m, &lit)) {
        int d = x64_def_x(e, a, 0);
        if (xv_avx(e) || (op & (X64_LANE_VEX | X64_LANE_EVEX))) {
            x64_lane_rrm(e->a, op, d, a, m);
        } else {
            xv_mov(e, d, a);
            x64_lane_rm(e->a, op, d, m);
        }
        if (lit)
            x64_lit_used(e, 0);
        return;
    }
    int b = x64_use_x(e, i->b);
    xv3(e, op, x64_def_x(e, a, 0), a, b);
}

void xv_una(X64Emit *e, unsigned op, const IrInsn *i)
{
    int a = x64_use_x(e, i->a);
    xv2(e, op, x64_def_x(e, a, 0), a);
}
