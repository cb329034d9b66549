/* Vector rows that combine lanes of one vector, dot products, bits of lanes. */
#include "tcg/host/x86_64/x64_vec.h"

static const unsigned add_ops[4] = {XL_PADDB, XL_PADDW, XL_PADDD, XL_PADDQ};
static const unsigned min_ops[2][3] = {{XL_PMINUB, XL_PMINUW, XL_PMINUD}, {XL_PMINSB, XL_PMINSW, XL_PMINSD}};
static const unsigned max_ops[2][3] = {{XL_PMAXUB, XL_PMAXUW, XL_PMAXUD}, {XL_PMAXSB, XL_PMAXSW, XL_PMAXSD}};

static bool is_signed(const IrInsn *i) { return i->imm & IR_VA_S; }

/* ---- neighbours ---- */

static void pairs(X64Emit *e, const IrInsn *i, unsigned op)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
    xv_uzp(e, (IrType)i->type, i->misc, true, t, a, b);
    xv_uzp(e, (IrType)i->type, i->misc, false, d, a, b);
    xv3(e, op, d, d, t);
}

void x64_emit_vpmin(X64Emit *e, const IrInsn *i) { pairs(e, i, min_ops[is_signed(i)][i->misc]); }
void x64_emit_vpmax(X64Emit *e, const IrInsn *i) { pairs(e, i, max_ops[is_signed(i)][i->misc]); }

void x64_emit_vpadd(X64Emit *e, const IrInsn *i)
{
    unsigned op = i->misc == IR_LANE_16 ? XL_PHADDW : XL_PHADDD;
    if (i->misc == IR_LANE_8 || i->misc == IR_LANE_64) {
        pairs(e, i, add_ops[i->misc]);
    } else if (i->type == IR_V128) {
        xv_bin(e, op, i);
    } else {
        int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), d = x64_def_x(e, a, 0);
        xv3(e, XL_PUNPCKLQDQ, d, a, b);
        xv3(e, op, d, d, d);
    }
}

void x64_emit_vpaddl(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), t = x64_scratch_x(e), d = xv_def(e, xv_bit(a) | xv_bit(t));
    if (i->misc == IR_LANE_8) { /* unsigned bytes by signed bytes, one of them 1 */
        IrVec one = xv_dup(IR_LANE_8, 1);
        if (!is_signed(i)) {
            xv3l(e, XL_PMADDUBSW, d, a, one);
            return;
        }
        x64_movaps_rm(e->a, d, x64_lit(e, one));
        x64_lit_used(e, 0);
        xv3(e, XL_PMADDUBSW, d, d, a);
    } else if (i->misc == IR_LANE_16 && is_signed(i)) {
        xv3l(e, XL_PMADDWD, d, a, xv_dup(IR_LANE_16, 1));
    } else if (!is_signed(i)) {
        bool word = i->misc == IR_LANE_16;
        xv_shift(e, word ? 0x72 : 0x73, 2, t, a, word ? 16 : 32);
        xv3l(e, XL_PAND, d, a, xv_dup(i->misc + 1u, word ? 0xffff : 0xffffffff));
        xv3(e, word ? XL_PADDD : XL_PADDQ, d, d, t);
    } else {
        IrVec one = xv_dup(IR_LANE_64, 1);
        xv2i(e, XL_PSHUFD, t, a, 0xf5);
        xv3l(e, XL_PMULDQ, t, t, one);
        xv3l(e, XL_PMULDQ, d, a, one);
        xv3(e, XL_PADDQ, d, d, t);
    }
}

/* ---- all lanes ---- */

/* d = op over all lanes of a in lane 0; halves are folded onto each other. */
static void fold(X64Emit *e, const IrInsn *i, unsigned op, int d, int a, int t)
{
    unsigned bytes = ir_type_bits((IrType)i->type) / 8, size = 1u << i->misc;
    int x = a;
    for (unsigned half = bytes / 2; half >= size; half /= 2) {
        if (half >= 4)
            xv2i(e, XL_PSHUFD, t, x, half == 8 ? 0xee : 0x55);
        else
            xv_shift(e, half == 2 ? 0x72 : 0x71, 2, t, x, (int)half * 8);
        xv3(e, op, d, x, t);
        x = d;
    }
}

/* Only lane 0 of d stays. */
static void keep_lane0(X64Emit *e, unsigned lane, int d)
{
    if (lane == IR_LANE_64)
        x64_movq_rr(e->a, d, d);
    else if (lane == IR_LANE_32)
        xv3i(e, XL_INSERTPS, d, d, d, 0x0e);
    else
        xv3l(e, XL_PAND, d, d, (IrVec){{lane == IR_LANE_8 ? 0xff : 0xffff, 0}});
}

void x64_emit_vaddv(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), t = x64_scratch_x(e), d = xv_def(e, xv_bit(a) | xv_bit(t));
    if (i->misc == IR_LANE_8) { /* sums of eight bytes */
        xv_zero(e, t);
        xv3(e, XL_PSADBW, d, a, t);
        if (i->type == IR_V128) {
            xv2i(e, XL_PSHUFD, t, d, 0xee);
            xv3(e, XL_PADDD, d, d, t);
        }
    } else {
        fold(e, i, add_ops[i->misc], d, a, t);
    }
    keep_lane0(e, i->misc, d);
}

/* Bytes and words by phminposuw, which finds the smallest unsigned word: `flip` makes the order so and is
 * undone after. */
static void extreme(X64Emit *e, const IrInsn *i, unsigned op, uint64_t flip)
{
    unsigned lane = i->misc;
    int a = x64_use_x(e, i->a), t = x64_scratch_x(e), d = xv_def(e, xv_bit(a) | xv_bit(t));
    if (lane == IR_LANE_32) {
        fold(e, i, op, d, a, t);
        keep_lane0(e, lane, d);
        return;
    }
    int x = a;
    if (i->type == IR_V64) {
        xv2i(e, XL_PSHUFD, d, x, 0x44);
        x = d;
    }
    if (flip) {
        xv3l(e, XL_PXOR, d, x, xv_dup(lane, flip));
        x = d;
    }
    if (lane == IR_LANE_8) {
        xv_shift(e, 0x71, 2, t, x, 8);
        xv3(e, XL_PMINUB, d, x, t);
        x = d;
    }
    xv2(e, XL_PHMINPOSUW, d, x);
    if (flip)
        xv3l(e, XL_PXOR, d, d, xv_dup(lane, flip));
    keep_lane0(e, lane, d);
}

void x64_emit_vminv(X64Emit *e, const IrInsn *i)
{
    extreme(e, i, min_ops[is_signed(i)][i->misc], is_signed(i) ? BIT(ir_lane_bits(i->misc) - 1) : 0);
}

void x64_emit_vmaxv(X64Emit *e, const IrInsn *i)
{
    uint64_t sign = BIT(ir_lane_bits(i->misc) - 1);
    extreme(e, i, max_ops[is_signed(i)][i->misc], is_signed(i) ? sign - 1 : ~0ull);
}

/* ---- dot products ---- */

/* d, t = even and odd bytes of x as words */
static void split_bytes(X64Emit *e, bool sign, int d, int t, int x)
{
    xv_shift(e, 0x71, sign ? 4 : 2, t, x, 8);
    if (sign) {
        xv_shift(e, 0x71, 6, d, x, 8);
        xv_shift(e, 0x71, 4, d, d, 8);
    } else {
        xv3l(e, XL_PAND, d, x, xv_dup(IR_LANE_16, 0xff));
    }
}

void x64_emit_vdot(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), c = x64_use_x(e, i->c);
    if ((i->imm & IR_VA_MIX) && xv_evex(e, X64_F_AVX512VNNI)) {
        int d = x64_def_x(e, a, (xv_bit(b) | xv_bit(c)) & ~xv_bit(a));
        xv_mov(e, d, a);
        x64_evex_rrr(e->a, X64_P66, X64_0F38, 0x50, 0, (X64Evex){0}, d, b, c);
        return;
    }
    int t = x64_scratch_x(e), u = x64_scratch_x(e), v = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(c) | xv_bit(t) | xv_bit(u) | xv_bit(v));
    split_bytes(e, is_signed(i), d, t, b);
    split_bytes(e, i->imm & (IR_VA_S | IR_VA_MIX), u, v, c);
    xv3(e, XL_PMADDWD, d, d, u);
    xv3(e, XL_PMADDWD, t, t, v);
    xv3(e, XL_PADDD, d, d, a);
    xv3(e, XL_PADDD, d, d, t);
}

/* ---- bits ---- */

/* d = table[low nibble] + or | table[high nibble] of each byte of x, by `op`. */
static void by_nibbles(X64Emit *e, unsigned op, const uint8_t low[16], const uint8_t high[16], int d, int x,
                       int t)
{
    int u = x64_scratch_x(e);
    IrVec mask = xv_dup(IR_LANE_8, 15);
    xv_shift(e, 0x71, 2, t, x, 4);
    xv3l(e, XL_PAND, t, t, mask);
    xv3l(e, XL_PAND, u, x, mask);
    x64_movaps_rm(e->a, d, x64_lit(e, xv_bytes(high)));
    x64_lit_used(e, 0);
    xv3(e, XL_PSHUFB, d, d, t);
    x64_movaps_rm(e->a, t, x64_lit(e, xv_bytes(low)));
    x64_lit_used(e, 0);
    xv3(e, XL_PSHUFB, t, t, u);
    xv3(e, op, d, d, t);
}

void x64_emit_vcnt(X64Emit *e, const IrInsn *i)
{
    static const uint8_t count[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    if (xv_evex(e, X64_F_AVX512BITALG)) {
        xv_una(e, XL_VPOPCNTB, i);
        return;
    }
    int a = x64_use_x(e, i->a), t = x64_scratch_x(e);
    by_nibbles(e, XL_PADDB, count, count, xv_def(e, xv_bit(a) | xv_bit(t)), a, t);
}

void x64_emit_vrbit(X64Emit *e, const IrInsn *i)
{
    static const uint8_t low[16] = {0x00, 0x80, 0x40, 0xc0, 0x20, 0xa0, 0x60, 0xe0,
                                    0x10, 0x90, 0x50, 0xd0, 0x30, 0xb0, 0x70, 0xf0};
    static const uint8_t high[16] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};
    int a = x64_use_x(e, i->a);
    if (xv_has(e, X64_F_GFNI)) {
        int d = x64_def_x(e, a, 0);
        X64Mem m = x64_lit(e, xv_dup(IR_LANE_64, 0x8040201008040201));
        if (xv_avx(e)) {
            x64_lane_rrm(e->a, XL_GF2P8AFFINEQB, d, a, m);
        } else {
            xv_mov(e, d, a);
            x64_lane_rm(e->a, XL_GF2P8AFFINEQB, d, m);
        }
        x64_lane_imm(e->a, 0);
        x64_lit_used(e, 1);
        return;
    }
    int t = x64_scratch_x(e);
    by_nibbles(e, XL_POR, low, high, xv_def(e, xv_bit(a) | xv_bit(t)), a, t);
}

/* Zeros of bytes from both nibbles; then, twice the width at a time, those of the upper half, and of the
 * lower where the upper is zero. */
void x64_emit_vclz(X64Emit *e, const IrInsn *i)
{
    static const uint8_t low[16] = {8, 7, 6, 6, 5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4, 4};
    static const uint8_t high[16] = {8, 3, 2, 2, 1, 1, 1, 1};
    if (i->misc == IR_LANE_32 && xv_evex(e, X64_F_AVX512CD)) {
        xv_una(e, XL_VPLZCNTD, i);
        return;
    }
    int a = x64_use_x(e, i->a), t = x64_scratch_x(e), u = x64_scratch_x(e),
        d = xv_def(e, xv_bit(a) | xv_bit(t) | xv_bit(u));
    by_nibbles(e, XL_PMINUB, low, high, d, a, t);
    for (unsigned lane = IR_LANE_16; lane <= i->misc; lane++) {
        int half = (int)ir_lane_bits(lane) / 2, opc = lane == IR_LANE_16 ? 0x71 : 0x72;
        unsigned eq = lane == IR_LANE_16 ? XL_PCMPEQW : XL_PCMPEQD;
        xv_shift(e, opc, 2, t, d, half);
        xv3l(e, eq, u, t, xv_dup(lane, (uint64_t)half));
        xv3(e, XL_PAND, u, u, d);
        /* at most `half`; nothing of the upper half */
        xv3l(e, XL_PAND, u, u, xv_dup(lane, 2u * (unsigned)half - 1));
        xv3(e, add_ops[lane], d, t, u);
    }
}
