/* Vector rows that work lane by lane: logic, arithmetic, comparison. Where the host has no instruction for a
 * width the recipe says what it computes; most are identities modulo the lane's width. */
#include "tcg/host/x86_64/x64_vec.h"
#include "tcg/ir/vec.h"

/* An operation by lane: op of bytes, words, dwords, quadwords; 0: none. */
typedef const unsigned LaneOps[4];
static LaneOps add_ops = {XL_PADDB, XL_PADDW, XL_PADDD, XL_PADDQ};
static LaneOps sub_ops = {XL_PSUBB, XL_PSUBW, XL_PSUBD, XL_PSUBQ};
static LaneOps eq_ops = {XL_PCMPEQB, XL_PCMPEQW, XL_PCMPEQD, XL_PCMPEQQ};
static LaneOps gt_ops = {XL_PCMPGTB, XL_PCMPGTW, XL_PCMPGTD, XL_PCMPGTQ};
/* [signed] */
static const unsigned min_ops[2][4] = {{XL_PMINUB, XL_PMINUW, XL_PMINUD, XL_VPMINUQ},
                                       {XL_PMINSB, XL_PMINSW, XL_PMINSD, XL_VPMINSQ}};
static const unsigned max_ops[2][4] = {{XL_PMAXUB, XL_PMAXUW, XL_PMAXUD, XL_VPMAXUQ},
                                       {XL_PMAXSB, XL_PMAXSW, XL_PMAXSD, XL_VPMAXSQ}};

static bool is_signed(const IrInsn *i) { return i->imm & IR_VA_S; }
static uint64_t sign_of(unsigned lane) { return BIT(ir_lane_bits(lane) - 1); }

/* ---- logic ---- */

void x64_emit_vand(X64Emit *e, const IrInsn *i) { xv_bin(e, XL_PAND, i); }
void x64_emit_vor(X64Emit *e, const IrInsn *i)
{
    if (!((e->l->flags[i->a] | e->l->flags[i->b]) & IR_L_FUSED)) {
        xv_bin(e, XL_POR, i);
        return;
    }
    const IrInsn *shift = &e->r->insn[i->a]; /* the other shifts the same */
    int a = x64_use_x(e, shift->a), w = (int)ir_lane_bits(shift->misc);
    x64_vprol_ri(e->a, w, x64_def_x(e, a, 0), a, (int)ir_vec_rotates(e->r, i));
}
void x64_emit_vxor(X64Emit *e, const IrInsn *i) { xv_bin(e, XL_PXOR, i); }

void x64_emit_vandn(X64Emit *e, const IrInsn *i)
{
    IrVec c;
    if (xv_const(e, i->b, &c)) {
        int a = x64_use_x(e, i->a);
        xv3l(e, XL_PAND, x64_def_x(e, a, 0), a, (IrVec){{~c.w[0], ~c.w[1]}});
        return;
    }
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b);
    xv3(e, XL_PANDN, x64_def_x(e, b, 0), b, a); /* the host inverts the first */
}

void x64_emit_vnot(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a);
    xv_not(e, x64_def_x(e, a, 0), a);
}

void x64_emit_vbsl(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), c = x64_use_x(e, i->c);
    if (xv_evex(e, X64_F_AVX512F)) { /* the destination is the first source */
        int d = x64_def_x(e, a, (xv_bit(b) | xv_bit(c)) & ~xv_bit(a));
        xv_mov(e, d, a);
        xv3i(e, XL_VPTERNLOGD, d, b, c, 0xca);
        return;
    }
    int d = xv_def(e, xv_bit(a) | xv_bit(c)); /* may be b, if b is not the same as one of them */
    xv3(e, XL_PXOR, d, b, c);                 /* ((b ^ c) & a) ^ c */
    xv3(e, XL_PAND, d, d, a);
    xv3(e, XL_PXOR, d, d, c);
}

/* ---- sums ---- */

void x64_emit_vadd(X64Emit *e, const IrInsn *i) { xv_bin(e, add_ops[i->misc], i); }
void x64_emit_vsub(X64Emit *e, const IrInsn *i) { xv_bin(e, sub_ops[i->misc], i); }

void x64_emit_vneg(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), d = xv_def(e, xv_bit(a));
    xv_zero(e, d);
    xv3(e, sub_ops[i->misc], d, d, a);
}

void x64_emit_vabs(X64Emit *e, const IrInsn *i)
{
    static LaneOps ops = {XL_PABSB, XL_PABSW, XL_PABSD, XL_VPABSQ};
    if (i->misc != IR_LANE_64 || xv_evex(e, X64_F_AVX512F)) {
        xv_una(e, ops[i->misc], i);
        return;
    }
    int a = x64_use_x(e, i->a), t = x64_scratch_x(e), d = xv_def(e, xv_bit(a) | xv_bit(t));
    xv_zero(e, t);
    xv3(e, XL_PCMPGTQ, t, t, a);
    xv3(e, XL_PXOR, d, a, t);
    xv3(e, XL_PSUBQ, d, d, t);
}

/* ---- smaller and greater ---- */

static void xor_sign(X64Emit *e, unsigned lane, int d, int x)
{
    xv3l(e, XL_PXOR, d, x, xv_dup(lane, sign_of(lane)));
}

/* d = mask of x > y in quadwords; d and t are others. */
static void greater64(X64Emit *e, bool is_sign, int d, int x, int y, int t)
{
    if (is_sign) {
        xv3(e, XL_PCMPGTQ, d, x, y);
        return;
    }
    xor_sign(e, IR_LANE_64, d, x);
    xor_sign(e, IR_LANE_64, t, y);
    xv3(e, XL_PCMPGTQ, d, d, t);
}

static void minmax(X64Emit *e, const IrInsn *i, unsigned op, bool max)
{
    if (i->misc != IR_LANE_64 || xv_evex(e, X64_F_AVX512F)) {
        xv_bin(e, op, i);
        return;
    }
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e), m = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t) | xv_bit(m));
    greater64(e, is_signed(i), m, a, b, t);
    xv_blend(e, d, max ? b : a, max ? a : b, m, t);
}

void x64_emit_vmin(X64Emit *e, const IrInsn *i) { minmax(e, i, min_ops[is_signed(i)][i->misc], false); }
void x64_emit_vmax(X64Emit *e, const IrInsn *i) { minmax(e, i, max_ops[is_signed(i)][i->misc], true); }

void x64_emit_vabd(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
    if (!is_signed(i) && i->misc <= IR_LANE_16) { /* one of the saturated differences is 0 */
        unsigned op = i->misc == IR_LANE_8 ? XL_PSUBUSB : XL_PSUBUSW;
        xv3(e, op, t, a, b);
        xv3(e, op, d, b, a);
        xv3(e, XL_POR, d, d, t);
        return;
    }
    xv3(e, max_ops[is_signed(i)][i->misc], t, a, b);
    xv3(e, min_ops[is_signed(i)][i->misc], d, a, b);
    xv3(e, sub_ops[i->misc], d, t, d);
}

/* ---- saturation ---- */

/* d = sign of x in every bit of its lane; d may be x. */
static void sign_mask(X64Emit *e, unsigned lane, int d, int x)
{
    if (lane == IR_LANE_16 || lane == IR_LANE_32) {
        xv_shift(e, lane == IR_LANE_16 ? 0x71 : 0x72, 4, d, x, (int)ir_lane_bits(lane) - 1);
    } else if (lane == IR_LANE_64) {
        xv_shift(e, 0x72, 4, d, x, 31);
        xv2i(e, XL_PSHUFD, d, d, 0xf5);
    } else {
        int t = x64_scratch_x(e);
        xv_zero(e, t);
        xv3(e, XL_PCMPGTB, d, t, x);
    }
}

/* Signed dwords and quadwords. It overflows when the sign of the result is not what the operands say. */
static void saturate_signed(X64Emit *e, const IrInsn *i, bool sub)
{
    unsigned lane = i->misc;
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e), m = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t) | xv_bit(m));
    xv3(e, sub ? sub_ops[lane] : add_ops[lane], d, a, b);
    xv3(e, XL_PXOR, m, a, sub ? b : d);
    xv3(e, XL_PXOR, t, sub ? a : b, d);
    xv3(e, XL_PAND, m, m, t);
    sign_mask(e, lane, m, m);
    sign_mask(e, lane, t, d); /* all ones: it wrapped to negative, so the greatest number */
    xv3l(e, XL_PXOR, t, t, xv_dup(lane, sign_of(lane)));
    if (xv_avx(e)) {
        xv_blend(e, d, d, t, m, t);
        return;
    }
    xv3(e, XL_PAND, t, t, m);
    xv3(e, XL_PANDN, m, m, d);
    xv3(e, XL_POR, d, m, t);
}

void x64_emit_vqadd(X64Emit *e, const IrInsn *i)
{
    static const unsigned ops[2][2] = {{XL_PADDUSB, XL_PADDUSW}, {XL_PADDSB, XL_PADDSW}};
    if (i->misc <= IR_LANE_16) {
        xv_bin(e, ops[is_signed(i)][i->misc], i);
        return;
    }
    if (is_signed(i)) {
        saturate_signed(e, i, false);
        return;
    }
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    if (i->misc == IR_LANE_32 || xv_evex(e, X64_F_AVX512F)) { /* min(a, ~b) + b */
        int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
        xv_not(e, t, b);
        xv3(e, min_ops[0][i->misc], t, t, a);
        xv3(e, add_ops[i->misc], d, t, b);
        return;
    }
    int m = x64_scratch_x(e), d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t) | xv_bit(m));
    xv3(e, XL_PADDQ, d, a, b);
    greater64(e, false, m, a, d, t);
    xv3(e, XL_POR, d, d, m);
}

void x64_emit_vqsub(X64Emit *e, const IrInsn *i)
{
    static const unsigned ops[2][2] = {{XL_PSUBUSB, XL_PSUBUSW}, {XL_PSUBSB, XL_PSUBSW}};
    if (i->misc <= IR_LANE_16) {
        xv_bin(e, ops[is_signed(i)][i->misc], i);
        return;
    }
    if (is_signed(i)) {
        saturate_signed(e, i, true);
        return;
    }
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    if (i->misc == IR_LANE_32 || xv_evex(e, X64_F_AVX512F)) { /* max(a, b) - b */
        int d = xv_def(e, xv_bit(b) | xv_bit(t));
        xv3(e, max_ops[0][i->misc], t, a, b);
        xv3(e, sub_ops[i->misc], d, t, b);
        return;
    }
    int m = x64_scratch_x(e), d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t) | xv_bit(m));
    greater64(e, false, m, b, a, t);
    xv3(e, XL_PSUBQ, d, a, b);
    xv3(e, XL_PANDN, d, m, d);
}

/* ---- means ---- */

/* d = (x + y + 1) >> 1; d is neither, t may be lost. */
static void average(X64Emit *e, unsigned lane, bool sign, int d, int x, int y, int t)
{
    if (lane <= IR_LANE_16) {
        unsigned op = lane == IR_LANE_8 ? XL_PAVGB : XL_PAVGW;
        if (!sign) {
            xv3(e, op, d, x, y);
            return;
        }
        xor_sign(e, lane, d, x);
        xor_sign(e, lane, t, y);
        xv3(e, op, d, d, t);
        xor_sign(e, lane, d, d);
        return;
    }
    xv3(e, XL_PXOR, t, x, y); /* (x | y) - ((x ^ y) >> 1) */
    xv_shift(e, 0x72, sign ? 4 : 2, t, t, 1);
    xv3(e, XL_POR, d, x, y);
    xv3(e, XL_PSUBD, d, d, t);
}

void x64_emit_vavg(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    average(e, i->misc, is_signed(i), xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t)), a, b, t);
}

/* (a & b) + ((a ^ b) >> 1); the mean rounded up less what was rounded where shifts of bytes would be
 * needed. */
void x64_emit_vhadd(X64Emit *e, const IrInsn *i)
{
    unsigned lane = i->misc;
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    if (lane == IR_LANE_8) {
        int u = x64_scratch_x(e), d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t) | xv_bit(u));
        average(e, lane, is_signed(i), d, a, b, t);
        xv3(e, XL_PXOR, u, a, b);
        xv3l(e, XL_PAND, u, u, xv_dup(lane, 1));
        xv3(e, XL_PSUBB, d, d, u);
        return;
    }
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
    xv3(e, XL_PXOR, t, a, b);
    xv_shift(e, lane == IR_LANE_16 ? 0x71 : 0x72, is_signed(i) ? 4 : 2, t, t, 1);
    xv3(e, XL_PAND, d, a, b);
    xv3(e, add_ops[lane], d, d, t);
}

/* a - ((a + b + 1) >> 1). Signed bytes and words: the same difference of the numbers moved by half the
 * range. */
void x64_emit_vhsub(X64Emit *e, const IrInsn *i)
{
    unsigned lane = i->misc;
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
    if (is_signed(i) && lane <= IR_LANE_16) {
        int u = x64_scratch_x(e);
        xor_sign(e, lane, u, a);
        xor_sign(e, lane, d, b);
        xv3(e, lane == IR_LANE_8 ? XL_PAVGB : XL_PAVGW, d, d, u);
        xv3(e, sub_ops[lane], d, u, d);
        return;
    }
    average(e, lane, is_signed(i), d, a, b, t);
    xv3(e, sub_ops[lane], d, a, d);
}

/* ---- products ---- */

static void mul8(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e), u = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t) | xv_bit(u));
    xv_shift(e, 0x71, 2, t, a, 8); /* odd bytes */
    xv_shift(e, 0x71, 2, u, b, 8);
    xv3(e, XL_PMULLW, t, t, u);
    xv_shift(e, 0x71, 6, t, t, 8);
    xv3(e, XL_PMULLW, d, a, b);
    xv3l(e, XL_PAND, d, d, xv_dup(IR_LANE_16, 0xff));
    xv3(e, XL_POR, d, d, t);
}

static void mul64(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
    xv2i(e, XL_PSHUFD, t, b, 0xb1); /* the two mixed products, added in the upper dwords */
    xv3(e, XL_PMULLD, t, t, a);
    xv_shift(e, 0x73, 6, d, t, 32);
    xv3(e, XL_PADDD, t, t, d);
    xv3l(e, XL_PAND, t, t, xv_dup(IR_LANE_64, 0xffffffff00000000));
    xv3(e, XL_PMULUDQ, d, a, b);
    xv3(e, XL_PADDQ, d, d, t);
}

void x64_emit_vmul(X64Emit *e, const IrInsn *i)
{
    switch (i->misc) {
    case IR_LANE_8: mul8(e, i); break;
    case IR_LANE_16: xv_bin(e, XL_PMULLW, i); break;
    case IR_LANE_32: xv_bin(e, XL_PMULLD, i); break;
    default:
        if (xv_evex(e, X64_F_AVX512DQ))
            xv_bin(e, XL_VPMULLQ, i);
        else
            mul64(e, i);
        break;
    }
}

/* Products of dwords: even ones to d, odd ones to t, as quadwords. */
static void mul_wide(X64Emit *e, unsigned op, int d, int t, int a, int b)
{
    xv2i(e, XL_PSHUFD, t, a, 0xf5);
    xv2i(e, XL_PSHUFD, d, b, 0xf5);
    xv3(e, op, t, t, d);
    xv3(e, op, d, a, b);
}

/* d = upper dwords of d and t */
static void take_high(X64Emit *e, int d, int t)
{
    xv_shift(e, 0x73, 2, d, d, 32);
    xv3i(e, XL_PBLENDW, d, d, t, 0xcc);
}

void x64_emit_vmulh(X64Emit *e, const IrInsn *i)
{
    if (i->misc == IR_LANE_16) {
        xv_bin(e, is_signed(i) ? XL_PMULHW : XL_PMULHUW, i);
        return;
    }
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
    mul_wide(e, is_signed(i) ? XL_PMULDQ : XL_PMULUDQ, d, t, a, b);
    take_high(e, d, t);
}

/* Only the square of the least number overflows: to just that number, which is no other result. */
void x64_emit_vqdmulh(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
    if (i->misc == IR_LANE_32) {
        mul_wide(e, XL_PMULDQ, d, t, a, b);
        xv3(e, XL_PADDQ, d, d, d);
        xv3(e, XL_PADDQ, t, t, t);
        if (i->imm & IR_VA_ROUND) {
            xv3l(e, XL_PADDQ, d, d, xv_dup(IR_LANE_64, 1u << 31));
            xv3l(e, XL_PADDQ, t, t, xv_dup(IR_LANE_64, 1u << 31));
        }
        take_high(e, d, t);
        xv3l(e, XL_PCMPEQD, t, d, xv_dup(IR_LANE_32, 1u << 31));
    } else {
        if (i->imm & IR_VA_ROUND) {
            xv3(e, XL_PMULHRSW, d, a, b);
        } else {
            xv3(e, XL_PMULLW, t, a, b);
            xv_shift(e, 0x71, 2, t, t, 15);
            xv3(e, XL_PMULHW, d, a, b);
            xv3(e, XL_PADDW, d, d, d);
            xv3(e, XL_POR, d, d, t);
        }
        xv3l(e, XL_PCMPEQW, t, d, xv_dup(IR_LANE_16, 0x8000));
    }
    xv3(e, XL_PXOR, d, d, t);
}

/* ---- comparison ---- */

static void compare64(X64Emit *e, unsigned cond, int d, int a, int b)
{
    bool sign = cond == IR_LT || cond == IR_GE || cond == IR_LE || cond == IR_GT;
    bool swap = cond == IR_LT || cond == IR_LTU || cond == IR_GE || cond == IR_GEU; /* b > a */
    bool invert = cond == IR_GE || cond == IR_GEU || cond == IR_LE || cond == IR_LEU;
    greater64(e, sign, d, swap ? b : a, swap ? a : b, sign ? d : x64_scratch_x(e));
    if (invert)
        xv_not(e, d, d);
}

/* a >= b as max(a, b) == a, and so on; d is neither */
static void compare_order(X64Emit *e, unsigned lane, unsigned cond, int d, int a, int b)
{
    switch (cond) {
    case IR_GE: xv3(e, max_ops[1][lane], d, a, b); break;
    case IR_LE: xv3(e, min_ops[1][lane], d, a, b); break;
    case IR_GEU:
    case IR_LTU: xv3(e, max_ops[0][lane], d, a, b); break;
    default: xv3(e, min_ops[0][lane], d, a, b); break;
    }
    xv3(e, eq_ops[lane], d, d, a);
    if (cond == IR_LTU || cond == IR_GTU)
        xv_not(e, d, d);
}

void x64_emit_vcmp(X64Emit *e, const IrInsn *i)
{
    unsigned cond = xv_n(i), lane = i->misc;
    if (cond == IR_EQ || cond == IR_GT) {
        xv_bin(e, cond == IR_EQ ? eq_ops[lane] : gt_ops[lane], i);
        return;
    }
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b);
    if (cond == IR_LT) {
        xv3(e, gt_ops[lane], x64_def_x(e, b, 0), b, a);
        return;
    }
    int d = xv_def(e, xv_bit(a) | xv_bit(b));
    if (cond == IR_NE) {
        xv3(e, eq_ops[lane], d, a, b);
        xv_not(e, d, d);
    } else if (cond == IR_VTST) {
        int t = x64_scratch_x(e);
        xv_zero(e, t);
        if (x64_val(e, i->a) == x64_val(e, i->b))
            xv3(e, eq_ops[lane], d, t, a);
        else {
            xv3(e, XL_PAND, d, a, b);
            xv3(e, eq_ops[lane], d, d, t);
        }
        xv_not(e, d, d);
    } else if (lane == IR_LANE_64) {
        compare64(e, cond, d, a, b);
    } else {
        compare_order(e, lane, cond, d, a, b);
    }
}
