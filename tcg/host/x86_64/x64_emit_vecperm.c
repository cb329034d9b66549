/* Vector rows that move lanes: in and out of vectors, permutations, changes of width. The upper half of a
 * v64's register is anything; rows that would read it put both operands into one register first. */
#include "tcg/host/x86_64/x64_vec.h"

enum { Z = 0x80 }; /* pshufb: a zero byte */

static bool is_signed(const IrInsn *i) { return i->imm & IR_VA_S; }
static bool is_high(const IrInsn *i) { return i->imm & IR_VA_HI; }

/* ---- single lanes ---- */

void x64_emit_vget(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), d = x64_def(e, -1, 0), bits = (int)ir_lane_bits(i->misc), n = (int)xv_n(i);
    if (n == 0 && bits >= 32)
        x64_movd_rx(e->a, bits, d, a);
    else
        x64_lane_get(e->a, bits, d, a, n);
    if (is_signed(i) && bits < (int)ir_type_bits((IrType)i->type))
        x64_movsx_rr(e->a, i->type == IR_I64 ? 64 : 32, bits, d, d);
}

void x64_emit_vset(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), r = x64_use(e, i->b), d = x64_def_x(e, a, 0);
    if (!xv_avx(e))
        xv_mov(e, d, a);
    x64_lane_set(e->a, xv_avx(e), (int)ir_lane_bits(i->misc), d, a, r, (int)xv_n(i));
}

/* All lanes of d = lane n of x. */
static void dup_lane(X64Emit *e, unsigned lane, unsigned n, int d, int x)
{
    static const unsigned broadcast[4] = {XL_VPBROADCASTB, XL_VPBROADCASTW, XL_VPBROADCASTD, XL_VPBROADCASTQ};
    if (n == 0 && xv_has(e, X64_F_AVX2)) {
        xv2(e, broadcast[lane], d, x);
    } else if (lane == IR_LANE_64) {
        xv2i(e, XL_PSHUFD, d, x, n ? 0xee : 0x44);
    } else if (lane == IR_LANE_32) {
        xv2i(e, XL_PSHUFD, d, x, (int)n * 0x55);
    } else if (lane == IR_LANE_16 && n < 4) {
        xv2i(e, XL_PSHUFLW, d, x, (int)n * 0x55);
        xv2i(e, XL_PSHUFD, d, d, 0);
    } else {
        uint64_t from = lane == IR_LANE_8 ? n : (2 * n + 1) << 8 | 2 * n;
        xv3l(e, XL_PSHUFB, d, x, xv_dup(lane, from));
    }
}

void x64_emit_vdupl(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a);
    dup_lane(e, i->misc, xv_n(i), x64_def_x(e, a, 0), a);
}

void x64_emit_vdup(X64Emit *e, const IrInsn *i)
{
    int r = x64_use(e, i->a), d = xv_def(e, 0), bits = (int)ir_lane_bits(i->misc);
    if (xv_evex(e, X64_F_AVX512F) && (bits >= 32 || xv_has(e, X64_F_AVX512BW))) {
        x64_vpbroadcast_r(e->a, bits, d, r);
        return;
    }
    x64_movd_xr(e->a, bits == 64 ? 64 : 32, d, r);
    dup_lane(e, i->misc, 0, d, d);
}

/* d = lanes of all ones where the bit of r is set. */
void x64_bits_to_lanes(X64Emit *e, unsigned lane, int d, int r)
{
    unsigned bits = ir_lane_bits(lane);
    if (xv_evex(e, lane < 2 ? X64_F_AVX512BW : X64_F_AVX512DQ)) { /* vpmovm2b, w, d, q */
        int w = lane & 1 ? 64 : 0;
        if (xv_has(e, X64_F_AVX512BW))
            x64_vex_rrr(e->a, X64_PF2, X64_0F, 0x92, 0, 0, 1, 0, r); /* kmovd */
        else
            x64_vex_rrr(e->a, X64_PNONE, X64_0F, 0x92, 0, 0, 1, 0, r); /* kmovw */
        x64_evex_rrr(e->a, X64_PF3, X64_0F38, lane < 2 ? 0x28 : 0x38, w, (X64Evex){0}, d, 0, 1);
        return;
    }
    uint8_t from[16], one[16] = {0};
    for (unsigned k = 0; k < 16; k++) {
        unsigned n = 8 * k / bits; /* lane of this byte, of which the lowest has the bit */
        from[k] = 8 * k % bits ? 0x80 : (uint8_t)(n / 8);
        one[k] = 8 * k % bits ? 0 : (uint8_t)(1 << n % 8);
    }
    x64_movd_xr(e->a, 32, d, r);
    xv3l(e, XL_PSHUFB, d, d, xv_bytes(from));
    xv3l(e, XL_PAND, d, d, xv_bytes(one));
    static const unsigned equal[4] = {XL_PCMPEQB, XL_PCMPEQW, XL_PCMPEQD, XL_PCMPEQQ};
    xv3l(e, equal[lane], d, d, xv_bytes(one));
}

void x64_emit_vbits(X64Emit *e, const IrInsn *i)
{
    int r = x64_use(e, i->a);
    x64_bits_to_lanes(e, i->misc, xv_def(e, 0), r);
}

/* Two halves that stand behind one another in memory are one load. */
void x64_emit_vjoin(X64Emit *e, const IrInsn *i)
{
    X64Mem ma, mb;
    bool in_mem = x64_use_mem(e, i->a, &ma) && x64_use_mem(e, i->b, &mb);
    if (in_mem && ma.base == mb.base && mb.disp == ma.disp + 8) {
        x64_movups_rm(e->a, x64_def_x(e, -1, 0), ma);
        return;
    }
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b);
    xv3(e, XL_PUNPCKLQDQ, x64_def_x(e, a, 0), a, b);
}

void x64_emit_vsetv(X64Emit *e, const IrInsn *i)
{
    unsigned n = xv_n(i), m = xv_m(i), lane = i->misc;
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b);
    if (lane == IR_LANE_32) {
        xv3i(e, XL_INSERTPS, x64_def_x(e, a, 0), a, b, (int)(m << 6 | n << 4));
    } else if (lane == IR_LANE_64 && n != m) {
        if (n)
            xv3(e, XL_PUNPCKLQDQ, x64_def_x(e, a, 0), a, b);
        else
            xv3(e, XL_PUNPCKHQDQ, x64_def_x(e, b, 0), b, a);
    } else if (lane == IR_LANE_64) {
        xv3i(e, XL_PBLENDW, x64_def_x(e, a, 0), a, b, n ? 0xf0 : 0x0f);
    } else if (lane == IR_LANE_16) {
        if (n != m) {
            int t = x64_scratch_x(e);
            dup_lane(e, lane, m, t, b);
            b = t;
        }
        xv3i(e, XL_PBLENDW, x64_def_x(e, a, 0), a, b, 1 << n);
    } else {
        int t = x64_scratch(e), d = x64_def_x(e, a, 0);
        x64_lane_get(e->a, 8, t, b, (int)m);
        if (!xv_avx(e))
            xv_mov(e, d, a);
        x64_lane_set(e->a, xv_avx(e), 8, d, a, t, (int)n);
    }
}

/* ---- other widths ---- */

void x64_emit_vwiden(X64Emit *e, const IrInsn *i)
{
    static const unsigned ops[2][3] = {{XL_PMOVZXBW, XL_PMOVZXWD, XL_PMOVZXDQ},
                                       {XL_PMOVSXBW, XL_PMOVSXWD, XL_PMOVSXDQ}};
    static const unsigned high[3] = {XL_PUNPCKHBW, XL_PUNPCKHWD, XL_PUNPCKHDQ};
    int a = x64_use_x(e, i->a);
    if (is_high(i) && !is_signed(i)) {
        int t = x64_scratch_x(e);
        xv_zero(e, t);
        xv3(e, high[i->misc], x64_def_x(e, a, 0), a, t);
        return;
    }
    int d = x64_def_x(e, a, 0);
    if (is_high(i)) {
        xv2i(e, XL_PSHUFD, d, a, 0xee);
        a = d;
    }
    xv2(e, ops[is_signed(i)][i->misc], d, a);
}

/* d = half of x, bytes widened to words */
static void widen_bytes(X64Emit *e, const IrInsn *i, int d, int x)
{
    if (is_high(i)) {
        xv2i(e, XL_PSHUFD, d, x, 0xee);
        x = d;
    }
    xv2(e, is_signed(i) ? XL_PMOVSXBW : XL_PMOVZXBW, d, x);
}

void x64_emit_vmull(X64Emit *e, const IrInsn *i)
{
    if (i->imm & IR_VA_MIX) {
        xv_bin(e, XL_PMULUDQ, i);
        return;
    }
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
    if (i->misc == IR_LANE_8) {
        widen_bytes(e, i, t, a);
        widen_bytes(e, i, d, b);
        xv3(e, XL_PMULLW, d, d, t);
    } else if (i->misc == IR_LANE_16) { /* low and high halves, interleaved */
        xv3(e, is_signed(i) ? XL_PMULHW : XL_PMULHUW, t, a, b);
        xv3(e, XL_PMULLW, d, a, b);
        xv3(e, is_high(i) ? XL_PUNPCKHWD : XL_PUNPCKLWD, d, d, t);
    } else {
        int from = is_high(i) ? 0xfa : 0x50;
        xv2i(e, XL_PSHUFD, t, a, from);
        xv2i(e, XL_PSHUFD, d, b, from);
        xv3(e, is_signed(i) ? XL_PMULDQ : XL_PMULUDQ, d, d, t);
    }
}

/* pshufb control: the even (odd) lanes of 16 bytes, then zeros. */
static IrVec even_lanes(unsigned lane, bool odd)
{
    uint8_t b[16];
    unsigned size = 1u << lane;
    memset(b, Z, sizeof(b));
    for (unsigned k = 0; k < 8; k++)
        b[k] = (uint8_t)(k / size * 2 * size + k % size + odd * size);
    return xv_bytes(b);
}

/* Both operands are there: the two packed by `op`, whose sources must not saturate but where asked for. */
static void pack(X64Emit *e, unsigned op, unsigned clamp, IrVec limit, int d, int a, int b, int t)
{
    if (clamp) {
        xv3l(e, clamp, t, b, limit);
        xv3l(e, clamp, d, a, limit);
        xv3(e, op, d, d, t);
    } else {
        xv3(e, op, d, a, b);
    }
}

/* Quadwords, saturated: decided in the upper dwords. d, t, u are others than a and b. */
static void narrow64(X64Emit *e, unsigned how, int d, int a, int b, int t, int u)
{
    xv3i(e, XL_SHUFPS, t, a, b, 0xdd);
    xv3i(e, XL_SHUFPS, d, a, b, 0x88);
    xv_zero(e, u);
    if (how & IR_VA_S) { /* right if the upper half is the sign of the lower; else the extreme of its sign */
        int s = x64_scratch_x(e);
        xv_shift(e, 0x72, 4, u, d, 31);
        xv3(e, XL_PCMPEQD, u, u, t);
        xv_shift(e, 0x72, 4, t, t, 31);
        xv3l(e, XL_PXOR, t, t, xv_dup(IR_LANE_32, 0x7fffffff));
        xv3(e, XL_PAND, d, d, u);
        xv3(e, XL_PANDN, s, u, t);
        xv3(e, XL_POR, d, d, s);
    } else if (how & IR_VA_MIX) { /* positive upper half: all ones; negative: 0 */
        xv3(e, XL_PCMPGTD, u, t, u);
        xv_shift(e, 0x72, 4, t, t, 31);
        xv3(e, XL_POR, d, d, u);
        xv3(e, XL_PANDN, d, t, d);
    } else {
        xv3(e, XL_PCMPEQD, u, u, t);
        xv_ones(e, t);
        xv3(e, XL_PXOR, u, u, t);
        xv3(e, XL_POR, d, d, u);
    }
}

static void narrow_words(X64Emit *e, const IrInsn *i, int d, int a, int b, int t)
{
    bool word = i->misc == IR_LANE_16;
    IrVec limit = xv_dup(i->misc, word ? 0xff : 0xffff);
    unsigned to_unsigned = word ? XL_PACKUSWB : XL_PACKUSDW;
    if (!(i->imm & IR_VA_SAT))
        pack(e, to_unsigned, XL_PAND, limit, d, a, b, t);
    else if (is_signed(i))
        pack(e, word ? XL_PACKSSWB : XL_PACKSSDW, 0, limit, d, a, b, t);
    else if (i->imm & IR_VA_MIX)
        pack(e, to_unsigned, 0, limit, d, a, b, t);
    else
        pack(e, to_unsigned, word ? XL_PMINUW : XL_PMINUD, limit, d, a, b, t);
}

void x64_emit_vnarrow(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a);
    bool sat = i->imm & IR_VA_SAT;
    if (!i->b && !sat) {
        xv3l(e, XL_PSHUFB, x64_def_x(e, a, 0), a, even_lanes(i->misc - 1u, false));
        return;
    }
    if (!i->b && i->misc == IR_LANE_64 && xv_evex(e, X64_F_AVX512F) && !(i->imm & IR_VA_MIX)) {
        x64_vpmovqd(e->a, is_signed(i) ? 0x25 : 0x15, x64_def_x(e, a, 0), a);
        return;
    }
    int b, t;
    if (i->b) {
        b = x64_use_x(e, i->b);
        t = x64_scratch_x(e);
    } else { /* t may serve as scratch after it was read */
        b = t = x64_scratch_x(e);
        xv_zero(e, b);
    }
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
    if (i->misc != IR_LANE_64)
        narrow_words(e, i, d, a, b, t);
    else if (!sat)
        xv3i(e, XL_SHUFPS, d, a, b, 0x88);
    else
        narrow64(e, i->imm, d, a, b, i->b ? t : x64_scratch_x(e), x64_scratch_x(e));
}

/* ---- permutations ---- */

void x64_emit_vzip(X64Emit *e, const IrInsn *i)
{
    static const unsigned ops[2][4] = {{XL_PUNPCKLBW, XL_PUNPCKLWD, XL_PUNPCKLDQ, XL_PUNPCKLQDQ},
                                       {XL_PUNPCKHBW, XL_PUNPCKHWD, XL_PUNPCKHDQ, XL_PUNPCKHQDQ}};
    bool narrow = i->type == IR_V64;
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), d = x64_def_x(e, a, 0);
    xv3(e, ops[is_high(i) && !narrow][i->misc], d, a, b);
    if (narrow && is_high(i))
        xv2i(e, XL_PSHUFD, d, d, 0xee);
}

void xv_uzp(X64Emit *e, IrType type, unsigned lane, bool odd, int d, int x, int y)
{
    if (lane == IR_LANE_64) {
        xv3(e, odd ? XL_PUNPCKHQDQ : XL_PUNPCKLQDQ, d, x, y);
    } else if (type == IR_V64) {
        xv3(e, XL_PUNPCKLQDQ, d, x, y);
        xv3l(e, XL_PSHUFB, d, d, even_lanes(lane, odd));
    } else if (lane == IR_LANE_32) {
        xv3i(e, XL_SHUFPS, d, x, y, odd ? 0xdd : 0x88);
    } else {
        int t = x64_scratch_x(e), opc = lane == IR_LANE_8 ? 0x71 : 0x72, n = (int)ir_lane_bits(lane);
        if (odd) {
            xv_shift(e, opc, 2, t, y, n);
            xv_shift(e, opc, 2, d, x, n);
        } else {
            IrVec low = xv_dup(lane + 1, BIT(n) - 1);
            xv3l(e, XL_PAND, t, y, low);
            xv3l(e, XL_PAND, d, x, low);
        }
        xv3(e, lane == IR_LANE_8 ? XL_PACKUSWB : XL_PACKUSDW, d, d, t);
    }
}

void x64_emit_vuzp(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b);
    xv_uzp(e, (IrType)i->type, i->misc, is_high(i), xv_def(e, xv_bit(a) | xv_bit(b)), a, b);
}

/* One operand is shifted by a lane, then the other's lanes are put between. */
void x64_emit_vtrn(X64Emit *e, const IrInsn *i)
{
    static const uint8_t opcode[3] = {0x71, 0x72, 0x73}, keep_b[3] = {0, 0xaa, 0xcc};
    unsigned lane = i->misc;
    bool high = is_high(i);
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b);
    if (lane == IR_LANE_64) {
        xv3(e, high ? XL_PUNPCKHQDQ : XL_PUNPCKLQDQ, x64_def_x(e, a, 0), a, b);
        return;
    }
    int t = x64_scratch_x(e), d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t)), n = (int)ir_lane_bits(lane);
    xv_shift(e, opcode[lane], high ? 2 : 6, t, high ? a : b, n);
    if (lane == IR_LANE_8) {
        xv3l(e, XL_PAND, d, high ? b : a, xv_dup(IR_LANE_16, high ? 0xff00 : 0x00ff));
        xv3(e, XL_POR, d, d, t);
    } else {
        xv3i(e, XL_PBLENDW, d, high ? t : a, high ? b : t, keep_b[lane]);
    }
}

void x64_emit_vext(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), n = (int)xv_n(i);
    if (i->type == IR_V64) {
        int d = x64_def_x(e, a, 0);
        xv3(e, XL_PUNPCKLQDQ, d, a, b);
        xv_shift(e, 0x73, 3, d, d, n);
    } else {
        xv3i(e, XL_PALIGNR, x64_def_x(e, b, 0), b, a, n);
    }
}

void x64_emit_vrev(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), d = x64_def_x(e, a, 0);
    if (i->misc == IR_LANE_32) {
        xv2i(e, XL_PSHUFD, d, a, 0xb1);
        return;
    }
    uint8_t b[16];
    unsigned size = 1u << i->misc, unit = 1u << xv_n(i);
    for (unsigned k = 0; k < 16; k++)
        b[k] = (uint8_t)(k / unit * unit + (unit / size - 1 - k % unit / size) * size + k % size);
    xv3l(e, XL_PSHUFB, d, a, xv_bytes(b));
}

/* ---- tables ---- */

/* Control of pshufb for a table whose first byte has index `first`: bit 7 where the index is not its. */
static IrVec table_const(IrVec idx, unsigned first)
{
    uint8_t b[16];
    memcpy(b, &idx, 16);
    for (unsigned k = 0; k < 16; k++)
        b[k] = b[k] >= first && b[k] < first + 16 ? (uint8_t)(b[k] - first) : Z;
    return xv_bytes(b);
}

/* d = bytes of table, which begins at index `first`; 0 elsewhere. d is not the table. */
static void table_part(X64Emit *e, const IrInsn *i, int idx, int table, unsigned first, int d)
{
    IrVec c;
    if (xv_const(e, i->a, &c)) {
        xv3l(e, XL_PSHUFB, d, table, table_const(c, first));
        return;
    }
    int t = x64_scratch_x(e);
    if (first) {
        xv3l(e, XL_PSUBB, t, idx, xv_dup(IR_LANE_8, first));
        idx = t;
    }
    xv3l(e, XL_PADDUSB, t, idx, xv_dup(IR_LANE_8, 0x70));
    xv3(e, XL_PSHUFB, d, table, t);
    xv_free(e, t);
}

/* Is the operand d of a lookup zero wherever this one finds something, and the other way round? Then they are
 * or-ed. */
static bool is_chained(const X64Emit *e, const IrInsn *i)
{
    const IrInsn *j = &e->r->insn[x64_val(e, i->d)];
    return j->op == IR_VTBL && !j->d && x64_val(e, j->a) == x64_val(e, i->a) &&
           xv_n(j) + (j->c ? 32 : 16) <= xv_n(i);
}

void x64_emit_vtbl(X64Emit *e, const IrInsn *i)
{
    IrVec c;
    bool constant = xv_const(e, i->a, &c);
    int idx = constant ? -1 : x64_use_x(e, i->a), b = x64_use_x(e, i->b);
    unsigned first = xv_n(i), size = i->c ? 32 : 16;
    uint32_t avoid = xv_bit(b) | (constant ? 0 : xv_bit(idx));
    int c2 = -1, other = -1;
    if (i->c)
        avoid |= xv_bit(c2 = x64_use_x(e, i->c));
    if (i->d)
        avoid |= xv_bit(other = x64_use_x(e, i->d));
    int d = xv_def(e, avoid);
    table_part(e, i, idx, b, first, d);
    if (i->c) {
        int t = x64_scratch_x(e);
        table_part(e, i, idx, c2, first + 16, t);
        xv3(e, XL_POR, d, d, t);
        xv_free(e, t);
    }
    if (!i->d)
        return;
    if (is_chained(e, i)) {
        xv3(e, XL_POR, d, d, other);
        return;
    }
    int m = x64_scratch_x(e); /* all ones where nothing was found */
    if (constant) {
        uint8_t bytes[16];
        memcpy(bytes, &c, 16);
        for (unsigned k = 0; k < 16; k++)
            bytes[k] = (uint8_t)(bytes[k] - first) < size ? 0 : 0xff;
        xv3l(e, XL_PAND, m, other, xv_bytes(bytes));
    } else {
        xv3l(e, XL_PSUBB, m, idx, xv_dup(IR_LANE_8, first));
        xv3l(e, XL_PMAXUB, m, m, xv_dup(IR_LANE_8, size - 1)); /* above size - 1: it stays what it is */
        xv3l(e, XL_PCMPEQB, m, m, xv_dup(IR_LANE_8, size - 1));
        xv3(e, XL_PANDN, m, m, other);
    }
    xv3(e, XL_POR, d, d, m);
}
