/* Vectors of floats under Arm's policy (the rules are x64_emit_arm.c's): one packed instruction and a record.
 * A v64 leaves its upper half open, and what stands there must not raise anything: operands of two lanes are
 * doubled first. f16, other modes of FPCR and what the host has no instruction for go to softfp. */
#include "tcg/host/x86_64/x64_vec.h"

typedef struct Args {
    int x[3];
    int fmt;       /* X64_PS or X64_PD */
    uint32_t mask; /* of the registers */
} Args;

/* The modes of the row: FPCR's, or those of rows with IR_VA_STD, which come here under IR_FP_STD only: MXCSR
 * rounds to nearest, and traps for denormal operands and underflow as with FZ. A trap for underflow raises
 * inexact without need: either that is among the guest's sticky flags already, or inexact traps as well
 * (IR_FP_PX) and the handler knows that it was clear. */
static unsigned modes(const X64Emit *e)
{
    unsigned fp = e->r->fp;
    return e->r->insn[e->cur].imm & IR_VA_STD ? (fp & (IR_FP_FZ16 | IR_FP_AHP)) | IR_FP_DN | IR_FP_FZ : fp;
}

static int operand(X64Emit *e, IrVal v, bool half)
{
    X64Mem m;
    if (!half)
        return x64_use_x(e, v);
    if (x64_use_mem(e, v, &m)) {
        int t = x64_scratch_x(e);
        x64_sse_rm(e->a, X64_SD, X64_0F, 0x12, 0, t, m); /* movddup */
        return t;
    }
    uint32_t locked = e->locked;
    int x = x64_use_x(e, v), t = x64_scratch_x(e);
    x64_movddup(e->a, t, x);
    e->locked = locked | 1u << (t + X64_XMM); /* x may go: three operands and their doubles are too many
                                               * registers */
    return t;
}

static Args operands(X64Emit *e, const IrInsn *i)
{
    Args g = {.fmt = i->misc == IR_LANE_F64 ? X64_PD : X64_PS};
    for (unsigned k = 0; k < ir_operand_count(i); k++) {
        g.x[k] = k && i->arg[k] == i->arg[0] ? g.x[0] : operand(e, i->arg[k], i->type == IR_V64);
        g.mask |= 1u << g.x[k];
    }
    return g;
}

/* d = x op y; one instruction, or d is none of the operands. */
static void vop(X64Emit *e, int fmt, int op, int d, int x, int y)
{
    if (x64_has(e->h->features, X64_F_AVX)) {
        x64_fp_record(e);
        x64_vfarith_rrr(e->a, fmt, op, d, x, y);
        return;
    }
    if (d != x)
        x64_movaps_rr(e->a, d, x);
    x64_fp_record(e);
    x64_farith_rr(e->a, fmt, op, d, y);
}

/* To softfp when a lane of mask t is set. */
static void soft_if_any(X64Emit *e, const Args *g, unsigned n, int t, int d)
{
    int r = x64_scratch(e);
    x64_movmskps(e->a, r, t);
    x64_test_rr(e->a, 32, r, r);
    X64Cold *c =
        x64_soft_ir(e, (int[]){g->x[0] + X64_XMM, g->x[1] + X64_XMM, g->x[2] + X64_XMM}, n, d + X64_XMM);
    c->site = x64_jcc_rel32(e->a, X64_NE);
    c->back = e->a->p;
}

/* t = lanes where x and y are unordered. */
static void unordered(X64Emit *e, int fmt, int t, int x, int y)
{
    enum { UNORD = 3 };
    if (x64_has(e->h->features, X64_F_AVX)) {
        x64_vex_rrr_imm8(e->a, fmt, X64_0F, 0xc2, 0, 0, t, x, y, UNORD);
    } else {
        x64_movaps_rr(e->a, t, x);
        x64_cmps_rr(e->a, fmt, UNORD, t, y);
    }
}

/* DN: NaN results are softfp's. */
static void default_nan(X64Emit *e, const Args *g, unsigned n, int d)
{
    if (!(modes(e) & IR_FP_DN))
        return;
    int t = x64_scratch_x(e);
    unordered(e, g->fmt, t, d, d);
    soft_if_any(e, g, n, t, d);
}

/* IR_FP_UFC, FZ: lanes of the smallest normal number may lack underflow. Lanes of f64 take SSE4.1
 * (needs_soft). */
static void strict(X64Emit *e, const Args *g, unsigned n, int d)
{
    if (!(modes(e) & (IR_FP_UFC | IR_FP_FZ)))
        return;
    int t = x64_scratch_x(e);
    unsigned lane = g->fmt == X64_PD ? IR_LANE_64 : IR_LANE_32;
    x64_movaps_rr(e->a, t, d);
    x64_pint_rr(e->a, lane == IR_LANE_64 ? X64_PADDQ : X64_PADDD, t, t);
    X64Mem m = x64_lit(e, xv_dup(lane, lane == IR_LANE_64 ? 1ull << 53 : 1u << 24));
    if (lane == IR_LANE_64)
        x64_sse_rm(e->a, X64_P66, X64_0F38, 0x29, 0, t, m); /* pcmpeqq */
    else
        x64_pint_rm(e->a, X64_PCMPEQD, t, m);
    x64_lit_used(e, 0);
    soft_if_any(e, g, n, t, d);
}

static void arith(X64Emit *e, const IrInsn *i, int op)
{
    Args g = operands(e, i);
    bool watch = (modes(e) & (IR_FP_UFC | IR_FP_FZ)) && (op == X64_FMUL || op == X64_FDIV);
    bool apart = watch || (modes(e) & IR_FP_DN) || !x64_has(e->h->features, X64_F_AVX);
    int dst = x64_def_x(e, -1, apart ? g.mask : 0), d = apart ? x64_fp_temp(e, dst) : dst;
    if (op == X64_FDIV && (modes(e) & IR_FP_FZ))
        x64_trap_denormal(e, g.fmt, g.x[0]);
    vop(e, g.fmt, op, d, g.x[0], g.x[1]);
    if (watch)
        strict(e, &g, 2, d);
    default_nan(e, &g, 2, d);
    if (d != dst)
        x64_movaps_rr(e->a, dst, d);
}

static void root(X64Emit *e, const IrInsn *i)
{
    Args g = operands(e, i);
    int d = x64_def_x(e, -1, 0);
    x64_fp_record(e);
    x64_farith_rr(e->a, g.fmt, X64_FSQRT, d, g.x[0]);
}

/* NaN results are softfp's: the addend comes first, signs, inf * 0 + qNaN. */
static void multiply_add(X64Emit *e, const IrInsn *i)
{
    static const uint8_t kind[4] = {X64_FMADD, X64_FNMADD, X64_FMSUB, X64_FNMSUB};
    Args g = operands(e, i);
    int dst = x64_def_x(e, -1, g.mask), d = x64_fp_temp(e, dst), t = x64_scratch_x(e);
    x64_movaps_rr(e->a, d, g.x[2]);
    x64_fp_record(e);
    x64_fma_rrr(e->a, g.fmt, kind[xv_n(i)], X64_231, d, g.x[0], g.x[1]);
    unordered(e, g.fmt, t, d, d);
    soft_if_any(e, &g, 3, t, d);
    strict(e, &g, 3, d);
    if (d != dst)
        x64_movaps_rr(e->a, dst, d);
}

/* As for scalars: unordered lanes are for softfp; both orders, for zeros. */
static void minmax(X64Emit *e, const IrInsn *i, int op)
{
    Args g = operands(e, i);
    int dst = x64_def_x(e, -1, g.mask), d = x64_fp_temp(e, dst), t = x64_scratch_x(e), r = x64_scratch(e);
    if (!x64_has(e->h->features, X64_F_AVX))
        x64_movaps_rr(e->a, t, g.x[0]);
    x64_fp_record(e);
    if (x64_has(e->h->features, X64_F_AVX))
        x64_vex_rrr_imm8(e->a, g.fmt, X64_0F, 0xc2, 0, 0, t, g.x[0], g.x[1], 3);
    else
        x64_cmps_rr(e->a, g.fmt, 3, t, g.x[1]);
    x64_movmskps(e->a, r, t);
    x64_test_rr(e->a, 32, r, r);
    X64Cold *c = x64_soft_ir(e, (int[]){g.x[0] + X64_XMM, g.x[1] + X64_XMM}, 2, d + X64_XMM);
    c->site = x64_jcc_rel32(e->a, X64_NE);
    x64_movaps_rr(e->a, t, g.x[1]);
    x64_farith_rr(e->a, g.fmt, op, t, g.x[0]);
    x64_movaps_rr(e->a, d, g.x[0]);
    x64_farith_rr(e->a, g.fmt, op, d, g.x[1]);
    x64_flogic_rr(e->a, X64_PS, op == X64_FMIN ? X64_FOR : X64_FAND, d, t);
    c->back = e->a->p;
    if (d != dst)
        x64_movaps_rr(e->a, dst, d);
}

static void compare(X64Emit *e, const IrInsn *i)
{
    Args g = operands(e, i);
    int pred = (int)xv_n(i); /* FEQ, FLT, FLE are the host's 0, 1, 2: equal quiet, the others signaling */
    _Static_assert(IR_FEQ == 0 && IR_FLT == 1 && IR_FLE == 2, "predicates of cmpps");
    if (x64_has(e->h->features, X64_F_AVX)) {
        int d = x64_def_x(e, -1, 0);
        x64_fp_record(e);
        x64_vex_rrr_imm8(e->a, g.fmt, X64_0F, 0xc2, 0, 0, d, g.x[0], g.x[1], pred);
        return;
    }
    int dst = x64_def_x(e, -1, g.mask), d = x64_fp_temp(e, dst);
    x64_movaps_rr(e->a, d, g.x[0]);
    x64_fp_record(e);
    x64_cmps_rr(e->a, g.fmt, pred, d, g.x[1]);
    if (d != dst)
        x64_movaps_rr(e->a, dst, d);
}

/* IR_VA_STD: beside a NaN the host says nothing of a denormal. */
static void std_compare(X64Emit *e, const IrInsn *i)
{
    Args g = operands(e, i);
    int dst = x64_def_x(e, -1, g.mask), d = x64_fp_temp(e, dst), t = x64_scratch_x(e);
    x64_movaps_rr(e->a, d, g.x[0]);
    x64_fp_record(e);
    x64_cmps_rr(e->a, g.fmt, (int)xv_n(i), d, g.x[1]);
    unordered(e, g.fmt, t, g.x[0], g.x[1]);
    soft_if_any(e, &g, 2, t, d);
    if (d != dst)
        x64_movaps_rr(e->a, dst, d);
}

/* imm of roundps for a rounding; -1: the host has none. */
static int round_imm(unsigned rm)
{
    static const int8_t imm[8] = {
        [IR_RNE] = 0, [IR_RTZ] = 3, [IR_RDN] = 1, [IR_RUP] = 2, [IR_RMM] = -1, -1, -1, [IR_RDYN] = 4};
    return imm[rm & 7];
}

/* d = d op constant, the same in all lanes. */
static void logic(X64Emit *e, int fmt, int op, int d, uint64_t c64, uint64_t c32)
{
    X64Mem m = x64_lit(e, fmt & 1 ? xv_dup(IR_LANE_64, c64) : xv_dup(IR_LANE_32, c32));
    x64_flogic_rm(e->a, X64_PS, op, d, m);
    x64_lit_used(e, 0);
}

/* Ties away, raising nothing: the integer toward zero, and one more of x's sign where the remainder, which is
 * exact, is a half or more. Infinity minus infinity traps. Only the first two can, so d may be a pin. */
bool x64_ties_away(X64Emit *e, int fmt, int d, int x)
{
    enum { GE_QUIET = 0x1d };
    if (!x64_has(e->h->features, X64_F_AVX))
        return false;
    int t = x64_scratch_x(e), u = x64_scratch_x(e);
    x64_fp_record(e);
    x64_sse_rr_imm8(e->a, X64_P66, X64_0F3A, 8 | fmt, 0, t, x, 3 | 8); /* roundps, pd, ss, sd */
    x64_fp_record(e);
    x64_vfarith_rrr(e->a, fmt, X64_FSUB, u, x, t);
    logic(e, fmt, X64_FAND, u, ~0ull >> 1, 0x7fffffff);
    x64_movaps_rr(e->a, d, x);
    X64Mem half =
        x64_lit(e, fmt & 1 ? xv_dup(IR_LANE_64, 0x3fe0000000000000) : xv_dup(IR_LANE_32, 0x3f000000));
    x64_vex_rrm_imm8(e->a, fmt, X64_0F, 0xc2, 0, 0, u, u, half, GE_QUIET);
    x64_lit_used(e, 1);
    logic(e, fmt, X64_FAND, u, 0x3ff0000000000000, 0x3f800000);
    logic(e, fmt, X64_FAND, d, 1ull << 63, 0x80000000);
    x64_flogic_rr(e->a, X64_PS, X64_FOR, d, u);
    x64_vfarith_rrr(e->a, fmt, X64_FADD, d, t, d);
    return true;
}

static bool frint(X64Emit *e, const IrInsn *i)
{
    unsigned n = xv_n(i);
    int imm = round_imm(n);
    if (n == IR_RMM && x64_has(e->h->features, X64_F_AVX)) {
        Args g = operands(e, i);
        if (modes(e) & IR_FP_FZ)
            x64_trap_denormal(e, g.fmt, g.x[0]);
        return x64_ties_away(e, g.fmt, x64_def_x(e, -1, g.mask), g.x[0]);
    }
    if (imm < 0 || (n & (IR_FRINT_32 | IR_FRINT_64)) || !x64_has(e->h->features, X64_F_SSE41))
        return false;
    Args g = operands(e, i);
    if (modes(e) & IR_FP_FZ)
        x64_trap_denormal(e, g.fmt, g.x[0]);
    int d = x64_def_x(e, -1, 0);
    x64_fp_record(e);
    x64_sse_rr_imm8(e->a, X64_P66, X64_0F3A, g.fmt == X64_PD ? 9 : 8, 0, d, g.x[0],
                    imm | (n & IR_FRINT_EXACT ? 0 : 8));
    return true;
}

/* To integers: out of range traps. Numbers that leave the range by rounding have no fraction, so inexact may
 * be raised by the rounding; but for unsigned the negative fractions, where it waits. */
static bool f2i(X64Emit *e, const IrInsn *i)
{
    unsigned n = xv_n(i), rm = n & 7;
    bool u = (n & IR_CVT_UNSIGNED) != 0, wide = i->misc == IR_LANE_F64, evex = xv_evex(e, X64_F_AVX512DQ);
    int imm = round_imm(rm);
    if (rm != IR_RTZ && (e->r->fp & IR_FP_PX)) /* the last step raises inexact when the result is there */
        return false;
    if (xv_m(i) || imm < 0 || ((u || wide) && !evex) || !x64_has(e->h->features, X64_F_SSE41))
        return false;
    Args g = operands(e, i);
    if (modes(e) & IR_FP_FZ)
        x64_trap_denormal(e, g.fmt, g.x[0]);
    int x = g.x[0], d = x64_def_x(e, -1, u && rm != IR_RTZ ? g.mask : 0);
    int t = rm != IR_RTZ ? x64_scratch_x(e) : x;
    if (rm != IR_RTZ) {
        x64_fp_record(e);
        x64_sse_rr_imm8(e->a, X64_P66, X64_0F3A, wide ? 9 : 8, 0, t, x, imm | (u ? 8 : 0));
    }
    x64_fp_record(e);
    if (!u && !wide)
        x64_sse_rr(e->a, X64_PF3, X64_0F, 0x5b, 0, d, t); /* cvttps2dq */
    else if (wide)
        /* vcvttpd2uqq, 2qq */
        x64_evex_rrr(e->a, X64_P66, X64_0F, u ? 0x78 : 0x7a, 64, (X64Evex){0}, d, 0, t);
    else
        x64_evex_rrr(e->a, X64_PNONE, X64_0F, 0x78, 32, (X64Evex){0}, d, 0, t); /* vcvttps2udq */
    if (rm != IR_RTZ && u)
        x64_sse_rr_imm8(e->a, X64_P66, X64_0F3A, wide ? 9 : 8, 0, t, x, imm);
    return true;
}

/* From integers; with a fraction the product is exact: 2^-m of an integer is never subnormal. */
static bool i2f(X64Emit *e, const IrInsn *i)
{
    unsigned n = xv_n(i), m = xv_m(i);
    bool u = (n & IR_CVT_UNSIGNED) != 0, wide = i->misc == IR_LANE_F64;
    bool round = (n & 7) == ((i->imm & IR_VA_STD) ? IR_RNE : IR_RDYN);
    if (!round || ((u || wide) && !xv_evex(e, X64_F_AVX512DQ)))
        return false;
    Args g = operands(e, i);
    int d = x64_def_x(e, -1, 0);
    if (!u && !wide)
        x64_sse_rr(e->a, X64_PNONE, X64_0F, 0x5b, 0, d, g.x[0]); /* cvtdq2ps */
    else if (wide)
        /* vcvtuqq2pd, qq2pd */
        x64_evex_rrr(e->a, X64_PF3, X64_0F, u ? 0x7a : 0xe6, 64, (X64Evex){0}, d, 0, g.x[0]);
    else
        x64_evex_rrr(e->a, X64_PF2, X64_0F, 0x7a, 32, (X64Evex){0}, d, 0, g.x[0]); /* vcvtudq2ps */
    if (m) {
        X64Mem lit = x64_lit(
            e, xv_dup(wide ? IR_LANE_64 : IR_LANE_32, wide ? (uint64_t)(1023 - m) << 52 : (127 - m) << 23));
        x64_farith_rm(e->a, g.fmt, X64_FMUL, d, lit);
        x64_lit_used(e, 0);
    }
    return true;
}

static bool widen(X64Emit *e, const IrInsn *i)
{
    bool half = i->misc == IR_LANE_F16;
    if (half && (!x64_has(e->h->features, X64_F_F16C) || (e->r->fp & IR_FP_AHP)))
        return false;
    int x = x64_use_x(e, i->a), d = x64_def_x(e, -1, 0);
    if (i->imm & IR_VA_HI) {
        int t = x64_scratch_x(e);
        x64_pshufd(e->a, t, x, 0xee);
        x = t;
    }
    x64_fp_record(e);
    if (half)
        x64_vex_rrr(e->a, X64_P66, X64_0F38, 0x13, 32, 0, d, 0, x); /* vcvtph2ps */
    else
        x64_sse_rr(e->a, X64_PNONE, X64_0F, 0x5a, 0, d, x); /* cvtps2pd */
    return true;
}

/* The upper half of the result is zero. */
static bool narrow(X64Emit *e, const IrInsn *i)
{
    bool half = i->misc == IR_LANE_F32;
    if ((i->imm & IR_VA_MIX) || xv_n(i) != IR_RDYN || (e->r->fp & IR_FP_UFC) ||
        (half && (!x64_has(e->h->features, X64_F_F16C) || (e->r->fp & IR_FP_AHP))))
        return false;
    int x = x64_use_x(e, i->a), d = x64_def_x(e, -1, 0);
    x64_fp_record(e);
    if (half)
        /* vcvtps2ph: the source is in the register field */
        x64_vex_rrr_imm8(e->a, X64_P66, X64_0F3A, 0x1d, 32, 0, x, 0, d, 4);
    else
        x64_sse_rr(e->a, X64_P66, X64_0F, 0x5a, 0, d, x); /* cvtpd2ps */
    return true;
}

/* As for scalars (x64_emit_arm.c). */
static unsigned needs_soft(const X64Emit *e, const IrInsn *i)
{
    if (e->r->fp & IR_FP_UFC && e->r->fp & IR_FP_FZ)
        return IR_FP_FZ;
    bool compares = i->misc != IR_LANE_F64 || x64_has(e->h->features, X64_F_SSE41); /* see strict() */
    unsigned strictly = compares ? 0 : IR_FP_UFC | IR_FP_FZ;
    switch (i->op) {
    case IR_VFADD:
    case IR_VFSUB:
    case IR_VFMIN:
    case IR_VFMAX:
    case IR_VFMINM:
    case IR_VFMAXM:
    case IR_VFCMP: return 0;
    case IR_VI2F: return IR_FP_PX;
    case IR_VFMUL:
    case IR_VFMULX:
    case IR_VFDIV:
    case IR_VFMA: return strictly;
    case IR_VF2I: return 0;
    case IR_VFSQRT:
    case IR_VFRINT:
    case IR_VFWIDEN: return IR_FP_DN;
    default: return IR_FP_DN | IR_FP_FZ;
    }
}

static bool std_row(X64Emit *e, const IrInsn *i)
{
    switch (i->op) {
    case IR_VFADD: arith(e, i, X64_FADD); return true;
    case IR_VFSUB: arith(e, i, X64_FSUB); return true;
    case IR_VFMUL: arith(e, i, X64_FMUL); return true;
    case IR_VFMIN:
    case IR_VFMINM: minmax(e, i, X64_FMIN); return true;
    case IR_VFMAX:
    case IR_VFMAXM: minmax(e, i, X64_FMAX); return true;
    case IR_VFCMP: std_compare(e, i); return true;
    case IR_VFMA:
        if (x64_has(e->h->features, X64_F_FMA))
            multiply_add(e, i);
        return x64_has(e->h->features, X64_F_FMA);
    case IR_VF2I: return f2i(e, i);
    case IR_VI2F: return !(e->r->fp & IR_FP_PX) && i2f(e, i);
    default: return false;
    }
}

bool x64_arm_vec(X64Emit *e, const IrInsn *i)
{
    bool cvt = i->op == IR_VFWIDEN || i->op == IR_VFNARROW;
    if (i->imm & IR_VA_STD)
        return (e->r->fp & IR_FP_STD) && i->misc == IR_LANE_F32 && std_row(e, i);
    if ((e->r->fp & needs_soft(e, i)) || (i->misc == IR_LANE_F16 && !cvt))
        return false;
    switch (i->op) {
    case IR_VFADD: arith(e, i, X64_FADD); return true;
    case IR_VFSUB: arith(e, i, X64_FSUB); return true;
    case IR_VFMUL:
    case IR_VFMULX: arith(e, i, X64_FMUL); return true; /* inf * 0 traps */
    case IR_VFDIV: arith(e, i, X64_FDIV); return true;
    case IR_VFSQRT: root(e, i); return true;
    case IR_VFMIN:
    case IR_VFMINM: minmax(e, i, X64_FMIN); return true;
    case IR_VFMAX:
    case IR_VFMAXM: minmax(e, i, X64_FMAX); return true;
    case IR_VFCMP: compare(e, i); return true;
    case IR_VFMA:
        if (x64_has(e->h->features, X64_F_FMA))
            multiply_add(e, i);
        return x64_has(e->h->features, X64_F_FMA);
    case IR_VFRINT: return frint(e, i);
    case IR_VF2I: return f2i(e, i);
    case IR_VI2F: return i2f(e, i);
    case IR_VFWIDEN: return widen(e, i);
    case IR_VFNARROW: return narrow(e, i);
    default: return false;
    }
}

#define SOFT(name)                                                                                           \
    void x64_emit_##name(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }
SOFT(vfadd)
SOFT(vfsub)
SOFT(vfmul)
SOFT(vfdiv)
SOFT(vfmulx)
SOFT(vfrecps)
SOFT(vfrsqrts)
SOFT(vfmin)
SOFT(vfmax)
SOFT(vfminm)
SOFT(vfmaxm)
SOFT(vfsqrt)
SOFT(vfrecpe)
SOFT(vfrsqrte)
SOFT(vfma)
SOFT(vfcmp)
SOFT(vfrint)
SOFT(vf2i)
SOFT(vi2f)
SOFT(vfwiden)
SOFT(vfnarrow)
