/* Vector shifts. Bytes have no shifts on the host: words are shifted and the bits that came from the
 * neighbour cut off, or one bit matrix (GFNI) does it. */
#include "tcg/host/x86_64/x64_vec.h"

static const unsigned add_ops[4] = {XL_PADDB, XL_PADDW, XL_PADDD, XL_PADDQ};
static const unsigned sub_ops[4] = {XL_PSUBB, XL_PSUBW, XL_PSUBD, XL_PSUBQ};

enum { LEFT = 6, RIGHT = 2, SIGNED_RIGHT = 4 };

static int shift_opcode(unsigned lane)
{
    return lane == IR_LANE_64 ? 0x73 : lane == IR_LANE_32 ? 0x72 : 0x71;
}

/* The matrix that moves bits of a byte: result bit k = source bit k + n; with `sign` bits above 7 are bit 7.
 * Row 7 - k of gf2p8affineqb makes bit k. */
static IrVec bit_matrix(int n, bool sign)
{
    uint64_t m = 0;
    for (int k = 0; k < 8; k++) {
        int from = k + n;
        if (from > 7 && sign)
            from = 7;
        if (from >= 0 && from <= 7)
            m |= 1ull << (8 * (7 - k) + from);
    }
    return (IrVec){{m, m}};
}

static void affine(X64Emit *e, int d, int x, IrVec matrix)
{
    X64Mem m = x64_lit(e, matrix);
    if (xv_avx(e)) {
        x64_lane_rrm(e->a, XL_GF2P8AFFINEQB, d, x, m);
    } else {
        xv_mov(e, d, x);
        x64_lane_rm(e->a, XL_GF2P8AFFINEQB, d, m);
    }
    x64_lane_imm(e->a, 0);
    x64_lit_used(e, 1);
}

static void shift_bytes(X64Emit *e, int digit, int d, int x, unsigned n)
{
    if (xv_has(e, X64_F_GFNI)) {
        affine(e, d, x, bit_matrix(digit == LEFT ? -(int)n : (int)n, digit == SIGNED_RIGHT));
        return;
    }
    uint64_t keep = digit == LEFT ? 0xffu << n : 0xffu >> n, sign = 0x80u >> n;
    xv_shift(e, 0x71, digit == LEFT ? LEFT : RIGHT, d, x, (int)n);
    xv3l(e, XL_PAND, d, d, xv_dup(IR_LANE_8, keep));
    if (digit == SIGNED_RIGHT) { /* the sign is now at 7 - n: (d ^ sign) - sign */
        xv3l(e, XL_PXOR, d, d, xv_dup(IR_LANE_8, sign));
        xv3l(e, XL_PSUBB, d, d, xv_dup(IR_LANE_8, sign));
    }
}

/* d = x shifted by 0 .. lane bits; d is not x where quadwords are shifted signed. */
static void shift(X64Emit *e, unsigned lane, int digit, int d, int x, unsigned n)
{
    unsigned bits = ir_lane_bits(lane);
    if (n >= bits && digit != SIGNED_RIGHT) {
        xv_zero(e, d);
        return;
    }
    n = MIN(n, bits - 1);
    if (n == 0) {
        xv_mov(e, d, x);
    } else if (lane == IR_LANE_8) {
        shift_bytes(e, digit, d, x, n);
    } else if (lane != IR_LANE_64 || digit != SIGNED_RIGHT) {
        xv_shift(e, shift_opcode(lane), digit, d, x, (int)n);
    } else if (xv_evex(e, X64_F_AVX512F)) {
        x64_vpsraq_ri(e->a, d, x, (int)n);
    } else { /* the upper dword signed, the lower from both */
        int t = x64_scratch_x(e);
        xv_shift(e, 0x72, SIGNED_RIGHT, t, x, (int)MIN(n, 31u));
        if (n >= 32) {
            xv_shift(e, 0x72, SIGNED_RIGHT, d, x, (int)n - 32);
            xv2i(e, XL_PSHUFD, d, d, 0xf5);
        } else {
            xv_shift(e, 0x73, RIGHT, d, x, (int)n);
        }
        xv3i(e, XL_PBLENDW, d, d, t, 0xcc);
    }
}

void x64_emit_vshl(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a);
    shift(e, i->misc, LEFT, x64_def_x(e, a, 0), a, xv_n(i));
}

/* Rounding: (x >> n) + bit n - 1 of x. */
static void shift_rounding(X64Emit *e, const IrInsn *i, int digit)
{
    unsigned lane = i->misc, n = xv_n(i), bits = ir_lane_bits(lane);
    int a = x64_use_x(e, i->a);
    if (digit == SIGNED_RIGHT && n == bits) { /* -1/2 .. 1/2, less than half a unit up */
        xv_zero(e, xv_def(e, 0));
        return;
    }
    if (digit == SIGNED_RIGHT && lane == IR_LANE_16) {
        int d = x64_def_x(e, a, 0);
        xv3l(e, XL_PMULHRSW, d, a, xv_dup(lane, 1u << (15 - n)));
        return;
    }
    int t = x64_scratch_x(e), d = xv_def(e, xv_bit(a) | xv_bit(t));
    if (digit == RIGHT && lane <= IR_LANE_16) { /* the mean with 0 rounds up */
        shift(e, lane, digit, d, a, n - 1);
        xv_zero(e, t);
        xv3(e, lane == IR_LANE_8 ? XL_PAVGB : XL_PAVGW, d, d, t);
        return;
    }
    shift(e, lane, RIGHT, t, a, n - 1);
    xv3l(e, XL_PAND, t, t, xv_dup(lane, 1));
    shift(e, lane, digit, d, a, n);
    xv3(e, add_ops[lane], d, d, t);
}

void x64_emit_vshr(X64Emit *e, const IrInsn *i)
{
    int digit = i->imm & IR_VA_S ? SIGNED_RIGHT : RIGHT;
    if ((i->imm & IR_VA_ROUND) && xv_n(i)) {
        shift_rounding(e, i, digit);
        return;
    }
    bool apart = i->misc == IR_LANE_64 && digit == SIGNED_RIGHT;
    int a = x64_use_x(e, i->a);
    shift(e, i->misc, digit, x64_def_x(e, apart ? -1 : a, apart ? xv_bit(a) : 0), a, xv_n(i));
}

/* ---- counts by lane ---- */

/* The host's shift by counts of a lane, 0: none. */
static unsigned variable_op(const X64Emit *e, unsigned lane, int digit)
{
    bool words = xv_evex(e, X64_F_AVX512BW);
    if (!xv_has(e, X64_F_AVX2))
        return 0;
    if (lane == IR_LANE_16)
        return !words ? 0 : digit == LEFT ? XL_VPSLLVW : digit == RIGHT ? XL_VPSRLVW : XL_VPSRAVW;
    if (lane == IR_LANE_32)
        return digit == LEFT ? XL_VPSLLVD : digit == RIGHT ? XL_VPSRLVD : XL_VPSRAVD;
    if (lane == IR_LANE_64 && digit == SIGNED_RIGHT)
        return xv_evex(e, X64_F_AVX512F) ? XL_VPSRAVQ : 0;
    return lane == IR_LANE_64 ? (digit == LEFT ? XL_VPSLLVQ : XL_VPSRLVQ) : 0;
}

/* Are there shifts by counts of a lane, perhaps in several steps? */
static bool can_vary(const X64Emit *e, unsigned lane)
{
    return xv_has(e, X64_F_AVX2) && (lane != IR_LANE_8 || xv_evex(e, X64_F_AVX512BW));
}

/* Lanes of half the width that the host can shift: the lower and the upper of each pair by themselves. */
static void shift_halves(X64Emit *e, unsigned lane, int digit, int d, int x, int n, int t, int u)
{
    unsigned op = variable_op(e, lane + 1, digit);
    int bits = (int)ir_lane_bits(lane), opc = shift_opcode(lane + 1);
    uint64_t low = BIT(bits) - 1;
    xv3l(e, XL_PAND, t, n, xv_dup(lane + 1, low));
    if (digit == RIGHT) {
        xv3l(e, XL_PAND, d, x, xv_dup(lane + 1, low));
    } else if (digit == SIGNED_RIGHT) {
        xv_shift(e, opc, LEFT, d, x, bits);
        xv_shift(e, opc, SIGNED_RIGHT, d, d, bits);
    }
    xv3(e, op, d, digit == LEFT ? x : d, t);
    xv_shift(e, opc, RIGHT, t, n, bits);
    if (digit == LEFT)
        xv3l(e, XL_PAND, u, x, xv_dup(lane + 1, low << bits));
    xv3(e, op, u, digit == LEFT ? u : x, t);
    if (lane == IR_LANE_16) {
        xv3i(e, XL_PBLENDW, d, d, u, 0xaa);
        return;
    }
    xv3l(e, XL_PAND, d, d, xv_dup(lane + 1, low));
    xv3l(e, XL_PAND, u, u, xv_dup(lane + 1, low << bits));
    xv3(e, XL_POR, d, d, u);
}

/* d = x shifted by the unsigned counts n; far counts leave 0 or signs. d is none of the others; t and u may
 * be lost. */
static void shift_by(X64Emit *e, unsigned lane, int digit, int d, int x, int n, int t, int u)
{
    unsigned op = variable_op(e, lane, digit);
    if (op) {
        xv3(e, op, d, x, n);
    } else if (lane == IR_LANE_64) { /* signed: the bits that differ from the sign */
        xv_zero(e, t);
        xv3(e, XL_PCMPGTQ, t, t, x);
        xv3(e, XL_PXOR, d, x, t);
        xv3(e, XL_VPSRLVQ, d, d, n);
        xv3(e, XL_PXOR, d, d, t);
    } else {
        shift_halves(e, lane, digit, d, x, n, t, u);
    }
}

static void shift_variable(X64Emit *e, const IrInsn *i, int digit)
{
    unsigned op = variable_op(e, i->misc, digit);
    if (op) {
        xv_bin(e, op, i);
    } else if (!can_vary(e, i->misc)) {
        x64_vec_fallback(e, i);
    } else {
        int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e), u = x64_scratch_x(e);
        shift_by(e, i->misc, digit, xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t) | xv_bit(u)), a, b, t, u);
    }
}

void x64_emit_vshlv(X64Emit *e, const IrInsn *i) { shift_variable(e, i, LEFT); }
void x64_emit_vshrv(X64Emit *e, const IrInsn *i)
{
    shift_variable(e, i, i->imm & IR_VA_S ? SIGNED_RIGHT : RIGHT);
}

/* d = signed low byte of each lane of x; d is not x; t may be lost. */
static void signed_counts(X64Emit *e, unsigned lane, int d, int x, int t)
{
    if (lane == IR_LANE_8) {
        xv_mov(e, d, x);
        return;
    }
    if (lane != IR_LANE_64) {
        xv_shift(e, shift_opcode(lane), LEFT, d, x, (int)ir_lane_bits(lane) - 8);
        xv_shift(e, shift_opcode(lane), SIGNED_RIGHT, d, d, (int)ir_lane_bits(lane) - 8);
        return;
    }
    xv2i(e, XL_PSHUFD, d, x, 0xa0);
    xv_shift(e, 0x72, LEFT, d, d, 24);
    xv_shift(e, 0x72, SIGNED_RIGHT, t, d, 31);
    xv_shift(e, 0x72, SIGNED_RIGHT, d, d, 24);
    xv3i(e, XL_PBLENDW, d, d, t, 0xcc);
}

/* All lanes of c have the same low byte: the count. */
static bool same_counts(const IrInsn *i, IrVec c, int *ret)
{
    *ret = (int8_t)c.w[0];
    IrVec mask = xv_dup(i->misc, 0xff), all = xv_dup(i->misc, (uint8_t)*ret);
    return (c.w[0] & mask.w[0]) == all.w[0] && (i->type == IR_V64 || (c.w[1] & mask.w[1]) == all.w[1]);
}

/* d, shifted left from a, where t, d shifted back, is a; else the extreme. Loses t; z may be lost. */
static void saturate(X64Emit *e, unsigned lane, bool sign, int d, int a, int t, int z)
{
    static const unsigned eq[4] = {XL_PCMPEQB, XL_PCMPEQW, XL_PCMPEQD, XL_PCMPEQQ};
    static const unsigned gt[4] = {XL_PCMPGTB, XL_PCMPGTW, XL_PCMPGTD, XL_PCMPGTQ};
    xv3(e, eq[lane], t, t, a);
    if (!sign) {
        xv_ones(e, z);
        xv3(e, XL_PXOR, t, t, z);
        xv3(e, XL_POR, d, d, t);
        return;
    }
    xv3(e, XL_PAND, d, d, t);
    xv_zero(e, z);
    xv3(e, gt[lane], z, z, a);
    xv3l(e, XL_PXOR, z, z, xv_dup(lane, BIT(ir_lane_bits(lane) - 1) - 1));
    xv3(e, XL_PANDN, t, t, z);
    xv3(e, XL_POR, d, d, t);
}

static void saturate_const(X64Emit *e, const IrInsn *i, unsigned n)
{
    bool sign = i->imm & IR_VA_S;
    unsigned lane = i->misc;
    int a = x64_use_x(e, i->a), t = x64_scratch_x(e), z = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(t) | xv_bit(z));
    shift(e, lane, LEFT, d, a, n);
    shift(e, lane, sign ? SIGNED_RIGHT : RIGHT, t, d, n);
    saturate(e, lane, sign, d, a, t, z);
}

/* All counts equal and constant: a plain shift. */
static bool shift_const(X64Emit *e, const IrInsn *i)
{
    IrVec c;
    int n;
    if (!xv_const(e, i->b, &c) || !same_counts(i, c, &n))
        return false;
    unsigned bits = ir_lane_bits(i->misc), dist = (unsigned)(n < 0 ? -n : n);
    bool sign = i->imm & IR_VA_S, round = i->imm & IR_VA_ROUND;
    if (n > 0 && (i->imm & IR_VA_SAT)) {
        saturate_const(e, i, MIN(dist, bits));
        return true;
    }
    IrInsn j = *i;
    j.imm = IR_VA_N(MIN(dist, bits)) | (n < 0 ? i->imm & (IR_VA_S | IR_VA_ROUND) : 0);
    bool nothing = n < 0 && (round ? dist > bits : !sign && dist >= bits); /* is left */
    if (nothing)
        j.imm = IR_VA_N(bits);
    if (n >= 0 || nothing)
        x64_emit_vshl(e, &j);
    else
        x64_emit_vshr(e, &j);
    return true;
}

/* t = a shifted right by -n, rounded if asked for; lanes with n >= 0 do not matter. Loses n and the scratch
 * registers. */
typedef struct RightShift {
    unsigned lane;
    int digit, t, a, n, scratch[3];
    bool round;
} RightShift;

static void variable_right(X64Emit *e, const RightShift *s)
{
    int z = s->scratch[0], u = s->scratch[1], v = s->scratch[2];
    xv_zero(e, z);
    xv3(e, sub_ops[s->lane], s->n, z, s->n);
    shift_by(e, s->lane, s->digit, s->t, s->a, s->n, u, v);
    if (!s->round)
        return;
    xv_ones(e, z);
    xv3(e, add_ops[s->lane], s->n, s->n, z); /* one less: the last bit shifted out */
    shift_by(e, s->lane, s->digit, z, s->a, s->n, u, v);
    xv3l(e, XL_PAND, z, z, xv_dup(s->lane, 1));
    xv3(e, add_ops[s->lane], s->t, s->t, z);
}

/* Both directions are computed. A negative count is a far one when read without sign, but for the rest of its
 * lane. */
void x64_emit_vshift(X64Emit *e, const IrInsn *i)
{
    unsigned lane = i->misc;
    bool sign = i->imm & IR_VA_S;
    if (shift_const(e, i))
        return;
    if (!can_vary(e, lane)) {
        x64_vec_fallback(e, i);
        return;
    }
    static const unsigned gt[4] = {XL_PCMPGTB, XL_PCMPGTW, XL_PCMPGTD, XL_PCMPGTQ};
    int digit = sign ? SIGNED_RIGHT : RIGHT;
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), n = x64_scratch_x(e), t = x64_scratch_x(e),
        z = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(n) | xv_bit(t) | xv_bit(z));
    int u = z, v = z;
    if (!variable_op(e, lane, digit) || !variable_op(e, lane, LEFT)) { /* in several steps */
        u = x64_scratch_x(e);
        v = lane == IR_LANE_64 ? u : x64_scratch_x(e);
    }
    signed_counts(e, lane, n, b, t);
    shift_by(e, lane, LEFT, d, a, n, u, v);
    if (i->imm & IR_VA_SAT) {
        shift_by(e, lane, digit, t, d, n, u, v);
        saturate(e, lane, sign, d, a, t, z);
    }
    variable_right(e,
                   &(RightShift){.lane = lane, .digit = digit, .t = t, .a = a, .n = n, .scratch = {z, u, v},
                                    .round = i->imm & IR_VA_ROUND});
    signed_counts(e, lane, n, b, z);
    xv_zero(e, z);
    xv3(e, gt[lane], z, z, n);
    xv_blend(e, d, d, t, z, n);
}
