/* Arm ARM, "Advanced SIMD": arithmetic on floats, dot products, matrices, complex numbers, bfloat16.
 *
 * Arithmetic on floats has the standard FPSCR value (IR_VA_STD), whatever FPSCR says; lanes are f32, or f16
 * in rows whose format says so (a->h). */
#include "target/arm/a32_neon.h"
#include "target/arm/arm_simd.h"

enum { F32 = IR_LANE_F32, STD = IR_VA_STD };

static IrVal f2(const NeonOps *o, IrOp row, uint32_t attr, IrVal x, IrVal y)
{
    return ir_vec(o->b, row, o->type, o->flane, STD | attr, x, y, IR_NONE, IR_NONE);
}
static IrVal constant(const NeonOps *o, uint64_t bits)
{
    return ir_vconst_dup(o->b, o->type, o->flane & 7, bits);
}
static IrVal sign_bits(const NeonOps *o) { return constant(o, o->flane == F32 ? 0x80000000u : 0x8000); }
static IrVal magnitude(const NeonOps *o, IrVal v)
{
    return ir_vandn(o->b, o->type, IR_LANE_8, 0, v, sign_bits(o));
}
static IrVal fzero(const NeonOps *o) { return ir_vconst(o->b, o->type, 0, 0); }

/* After a row with STD. The host does such rows on f32 in a context of its own (IR_FP_STD, IR_FP_PX), which
 * is asked for when the program first does floats in vectors. */
static void neon_floats(Trans *t, unsigned lane)
{
    if (lane != F32 || (t->ctx & ARM_CTX_NEON))
        return;
    ir_put(t->b, A32_SLOT_NEON, a32_imm(t, 1));
    t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}

#define FLOAT3(name, value)                                                                                  \
    void a32_trans_n_##name(Trans *t, const A32Args *a)                                                      \
    {                                                                                                        \
        NeonOps o;                                                                                           \
                                                                                                             \
        if (!neon_three(t, a, L_ALL, &o))                                                                    \
            return;                                                                                          \
        neon_put_d(t, a, value);                                                                             \
        neon_floats(t, o.flane);                                                                             \
    }
#define FLOAT2(name, value)                                                                                  \
    void a32_trans_n_##name(Trans *t, const A32Args *a)                                                      \
    {                                                                                                        \
        NeonOps o;                                                                                           \
                                                                                                             \
        if (!neon_two(t, a, L_ALL, &o))                                                                      \
            return;                                                                                          \
        neon_put_d(t, a, value);                                                                             \
        neon_floats(t, o.flane);                                                                             \
    }
FLOAT3(vaddf, f2(&o, IR_VFADD, 0, o.n, o.m))
FLOAT3(vsubf, f2(&o, IR_VFSUB, 0, o.n, o.m))
FLOAT3(vmulf, f2(&o, IR_VFMUL, 0, o.n, o.m))
FLOAT3(vabdf, magnitude(&o, f2(&o, IR_VFSUB, 0, o.n, o.m)))
FLOAT3(vmlaf, f2(&o, IR_VFADD, 0, neon_get_d(t, a), f2(&o, IR_VFMUL, 0, o.n, o.m)))
FLOAT3(vmlsf, f2(&o, IR_VFSUB, 0, neon_get_d(t, a), f2(&o, IR_VFMUL, 0, o.n, o.m)))
FLOAT3(vfma, ir_vec(o.b, IR_VFMA, o.type, o.flane, STD, o.n, o.m, neon_get_d(t, a), IR_NONE))
FLOAT3(vfms, ir_vec(o.b, IR_VFMA, o.type, o.flane, STD | IR_VA_N(1), o.n, o.m, neon_get_d(t, a), IR_NONE))
FLOAT3(vceqf, f2(&o, IR_VFCMP, IR_VA_N(IR_FEQ), o.n, o.m))
FLOAT3(vcgef, f2(&o, IR_VFCMP, IR_VA_N(IR_FLE), o.m, o.n))
FLOAT3(vcgtf, f2(&o, IR_VFCMP, IR_VA_N(IR_FLT), o.m, o.n))
FLOAT3(vacge, f2(&o, IR_VFCMP, IR_VA_N(IR_FLE), magnitude(&o, o.m), magnitude(&o, o.n)))
FLOAT3(vacgt, f2(&o, IR_VFCMP, IR_VA_N(IR_FLT), magnitude(&o, o.m), magnitude(&o, o.n)))
FLOAT3(vmaxf, f2(&o, IR_VFMAXM, 0, o.n, o.m))
FLOAT3(vminf, f2(&o, IR_VFMINM, 0, o.n, o.m))
FLOAT3(vmaxnmf, f2(&o, IR_VFMAX, 0, o.n, o.m))
FLOAT3(vminnmf, f2(&o, IR_VFMIN, 0, o.n, o.m))
FLOAT2(vcgt0f, f2(&o, IR_VFCMP, IR_VA_N(IR_FLT), fzero(&o), o.m))
FLOAT2(vcge0f, f2(&o, IR_VFCMP, IR_VA_N(IR_FLE), fzero(&o), o.m))
FLOAT2(vceq0f, f2(&o, IR_VFCMP, IR_VA_N(IR_FEQ), o.m, fzero(&o)))
FLOAT2(vcle0f, f2(&o, IR_VFCMP, IR_VA_N(IR_FLE), o.m, fzero(&o)))
FLOAT2(vclt0f, f2(&o, IR_VFCMP, IR_VA_N(IR_FLT), o.m, fzero(&o)))
FLOAT2(vabsf, magnitude(&o, o.m))
FLOAT2(vnegf, ir_vxor(o.b, o.type, IR_LANE_8, 0, o.m, sign_bits(&o)))
FLOAT2(vrintn, f2(&o, IR_VFRINT, IR_VA_N(IR_RNE), o.m, IR_NONE))
FLOAT2(vrintx, f2(&o, IR_VFRINT, IR_VA_N(IR_RNE | IR_FRINT_EXACT), o.m, IR_NONE))
FLOAT2(vrinta, f2(&o, IR_VFRINT, IR_VA_N(IR_RMM), o.m, IR_NONE))
FLOAT2(vrintz, f2(&o, IR_VFRINT, IR_VA_N(IR_RTZ), o.m, IR_NONE))
FLOAT2(vrintm, f2(&o, IR_VFRINT, IR_VA_N(IR_RDN), o.m, IR_NONE))
FLOAT2(vrintp, f2(&o, IR_VFRINT, IR_VA_N(IR_RUP), o.m, IR_NONE))

/* Steps: A32 has 2 - nm and (3 - nm) / 2 in two roundings, and 0 * infinity counts as 0: infinity is
 * replaced. */
typedef struct StepBits {
    uint32_t two, three, half, inf, normal; /* the smallest normal number */
} StepBits;
static IrVal step(const NeonOps *o, bool root)
{
    static const StepBits single = {0x40000000, 0x40400000, 0x3f000000, 0x7f800000, 0x800000},
                          half = {0x4000, 0x4200, 0x3800, 0x7c00, 0x400};
    const StepBits *k = o->flane == F32 ? &single : &half;
    IrBuilder *b = o->b;
    unsigned lane = o->flane & 7;
    bool flushes = o->flane == F32 || (b->r->fp & IR_FP_FZ16);
    IrVal c = constant(o, root ? k->three : k->two), inf = constant(o, k->inf), clean[2], size[2];

    for (unsigned i = 0; i < 2; i++)
        size[i] = magnitude(o, i ? o->m : o->n);
    for (unsigned i = 0; i < 2; i++) {
        IrVal zero = constant(o, flushes ? k->normal : 1);
        IrVal is_zero = ir_vcmp(b, o->type, lane, IR_VA_N(IR_LTU), size[!i], zero);
        IrVal is_inf = ir_vcmp(b, o->type, lane, IR_VA_N(IR_EQ), size[i], inf);
        clean[i] = ir_vandn(b, o->type, IR_LANE_8, 0, i ? o->m : o->n,
                            ir_vand(b, o->type, IR_LANE_8, 0, is_inf, is_zero));
    }
    IrVal v = f2(o, IR_VFSUB, 0, c, f2(o, IR_VFMUL, 0, clean[0], clean[1]));
    return root ? f2(o, IR_VFMUL, 0, v, constant(o, k->half)) : v;
}
FLOAT3(vrecps, step(&o, false))
FLOAT3(vrsqrts, step(&o, true))

/* x, bit 8 of the encoding: floats, else fixed point */
FLOAT2(vrecpe, a->x | a->h ? f2(&o, IR_VFRECPE, 0, o.m, IR_NONE)
                           : ir_vec(o.b, IR_VURECPE, o.type, F32, 0, o.m, IR_NONE, IR_NONE, IR_NONE))
FLOAT2(vrsqrte, a->x | a->h ? f2(&o, IR_VFRSQRTE, 0, o.m, IR_NONE)
                            : ir_vec(o.b, IR_VURSQRTE, o.type, F32, 0, o.m, IR_NONE, IR_NONE, IR_NONE))

/* Neighbours of n, then of m */
static void float_pairs(Trans *t, const A32Args *a, IrOp row)
{
    NeonOps o;

    if (!neon_three(t, a, L_ALL, &o))
        return;
    IrVal even = ir_vuzp(o.b, o.type, o.flane & 7, 0, o.n, o.m),
          odd = ir_vuzp(o.b, o.type, o.flane & 7, IR_VA_HI, o.n, o.m);
    neon_put_d(t, a, f2(&o, row, 0, even, odd));
    neon_floats(t, o.flane);
}
void a32_trans_n_vpaddf(Trans *t, const A32Args *a) { float_pairs(t, a, IR_VFADD); }
void a32_trans_n_vpmaxf(Trans *t, const A32Args *a) { float_pairs(t, a, IR_VFMAXM); }
void a32_trans_n_vpminf(Trans *t, const A32Args *a) { float_pairs(t, a, IR_VFMINM); }

static void float_by_scalar(Trans *t, const A32Args *a, IrOp op)
{
    A32Args x, s = *a;
    NeonOps o;

    s.s = a->h ? 1 : 2;
    if (!neon_scalar(t, &s, L16 | L32, &x, &o))
        return;
    IrVal v = f2(&o, IR_VFMUL, 0, o.n, o.m);
    neon_put_d(t, &x, op == IR_NOP ? v : f2(&o, op, 0, neon_get_d(t, &x), v));
    neon_floats(t, o.flane);
}
void a32_trans_n_vmulf_s(Trans *t, const A32Args *a) { float_by_scalar(t, a, IR_NOP); }
void a32_trans_n_vmlaf_s(Trans *t, const A32Args *a) { float_by_scalar(t, a, IR_VFADD); }
void a32_trans_n_vmlsf_s(Trans *t, const A32Args *a) { float_by_scalar(t, a, IR_VFSUB); }

/* Conversions. u: unsigned integers */
static uint32_t how(const A32Args *a, unsigned round, unsigned fbits)
{
    return IR_VA_N(round | (a->u ? IR_CVT_UNSIGNED : 0)) | IR_VA_M(fbits);
}
FLOAT2(vcvt_from_int, f2(&o, IR_VI2F, how(a, IR_RNE, 0), o.m, IR_NONE))
FLOAT2(vcvt_to_int, f2(&o, IR_VF2I, how(a, IR_RTZ, 0), o.m, IR_NONE))
static const uint8_t named_rounding[4] = {IR_RMM, IR_RNE, IR_RUP, IR_RDN};
FLOAT2(vcvt_named, f2(&o, IR_VF2I, how(a, named_rounding[a->r], 0), o.m, IR_NONE))

/* Fraction bits: 64 - i, 1 to the bits of a lane */
static void fixed(Trans *t, const A32Args *a, IrOp row, unsigned round)
{
    NeonOps o;

    if (!(a->i & 32) || (a->h && !(a->i & 16)))
        a32_illegal(t);
    else if (neon_two(t, a, L_ALL, &o)) {
        neon_put_d(t, a, f2(&o, row, how(a, round, 64u - a->i), o.m, IR_NONE));
        neon_floats(t, o.flane);
    }
}
void a32_trans_n_vcvt_from_fixed(Trans *t, const A32Args *a) { fixed(t, a, IR_VI2F, IR_RNE); }
void a32_trans_n_vcvt_to_fixed(Trans *t, const A32Args *a) { fixed(t, a, IR_VF2I, IR_RTZ); }

static void to_halves(Trans *t, const A32Args *a, uint32_t attr)
{
    if (neon_bad_regs(t, a, NEON_M))
        return;
    IrVal v = ir_vec(t->b, IR_VFNARROW, IR_V128, F32, STD | IR_VA_N(IR_RDYN) | attr, a32_q(t, a32_dm(a) >> 1),
                     IR_NONE, IR_NONE, IR_NONE);
    a32_put_d(t, a32_dd(a), ir_vlow(t->b, IR_V64, v));
}
void a32_trans_n_vcvt_to_f16(Trans *t, const A32Args *a) { to_halves(t, a, 0); }
void a32_trans_n_vcvt_to_bf16(Trans *t, const A32Args *a) { to_halves(t, a, IR_VA_MIX); }
void a32_trans_n_vcvt_from_f16(Trans *t, const A32Args *a)
{
    if (neon_bad_regs(t, a, NEON_D))
        return;
    IrVal v = ir_vec(t->b, IR_VFWIDEN, IR_V128, IR_LANE_F16, STD, neon_low128(t, a32_dm(a)), IR_NONE, IR_NONE,
                     IR_NONE);
    neon_put(t, true, a32_dd(a), v);
}

/* ---- complex numbers: s 1: f32, else f16 ---- */

static ArmComplex complex_of(Trans *t, const A32Args *a)
{
    return (ArmComplex){t->b, a->Q ? IR_V128 : IR_V64, IR_LANE_F16 + a->s, STD};
}

void a32_trans_n_vcadd(Trans *t, const A32Args *a)
{
    ArmComplex c = complex_of(t, a);
    NeonOps o;

    if (!neon_three(t, a, L_ALL, &o))
        return;
    neon_put_d(t, a, arm_simd_complex_add(&c, a->r, o.n, o.m));
    neon_floats(t, c.lane);
}

static void complex_mla(Trans *t, const A32Args *a, IrVal n, IrVal m)
{
    ArmComplex c = complex_of(t, a);

    neon_put_d(t, a, arm_simd_complex_mla(&c, a->r, neon_get_d(t, a), n, m));
    neon_floats(t, c.lane);
}
void a32_trans_n_vcmla(Trans *t, const A32Args *a)
{
    NeonOps o;

    if (neon_three(t, a, L_ALL, &o))
        complex_mla(t, a, o.n, o.m);
}
/* The number of register m (f16: one of two, by M) in all places */
void a32_trans_n_vcmla_s(Trans *t, const A32Args *a)
{
    if (a->Q && neon_bad_regs(t, a, NEON_D | NEON_N))
        return;
    IrVal n = neon_reg(t, a->Q, a32_dn(a));
    IrVal m = a->s ? ir_vdupl(t->b, IR_V128, IR_LANE_64, 0, neon_low128(t, a32_dm(a)))
                   : ir_vdupl(t->b, IR_V128, IR_LANE_32, IR_VA_N(a->M), neon_low128(t, a->m));
    complex_mla(t, a, n, a->Q ? m : ir_vlow(t->b, IR_V64, m));
}

/* ---- dot products and matrices ---- */

/* d + n . m, units of 32 bits; by_unit: one unit of Vm, of which M is the index, in all places */
typedef struct DotOps {
    IrType type;
    IrVal d, n, m;
} DotOps;
static bool dot_start(Trans *t, const A32Args *a, bool by_unit, DotOps *ret)
{
    if (a->Q && neon_bad_regs(t, a, NEON_D | NEON_N | (by_unit ? 0 : NEON_M)))
        return false;
    ret->type = a->Q ? IR_V128 : IR_V64;
    ret->d = neon_get_d(t, a);
    ret->n = neon_reg(t, a->Q, a32_dn(a));
    if (by_unit) {
        ret->m = ir_vdupl(t->b, IR_V128, IR_LANE_32, IR_VA_N(a->M), neon_low128(t, a->m));
        ret->m = a->Q ? ret->m : ir_vlow(t->b, IR_V64, ret->m);
    } else {
        ret->m = neon_reg(t, a->Q, a32_dm(a));
    }
    return true;
}

static void dot(Trans *t, const A32Args *a, uint32_t sign, bool by_unit, bool swap)
{
    DotOps o;

    if (dot_start(t, a, by_unit, &o))
        neon_put_d(t, a, ir_vdot(t->b, o.type, IR_LANE_8, sign, o.d, swap ? o.m : o.n, swap ? o.n : o.m));
}
void a32_trans_n_vdot(Trans *t, const A32Args *a) { dot(t, a, a->u ? 0 : IR_VA_S, false, false); }
void a32_trans_n_vdot_s(Trans *t, const A32Args *a) { dot(t, a, a->u ? 0 : IR_VA_S, true, false); }
void a32_trans_n_vusdot(Trans *t, const A32Args *a) { dot(t, a, IR_VA_MIX, false, false); }
/* u: VSUDOT */
void a32_trans_n_vusdot_s(Trans *t, const A32Args *a) { dot(t, a, IR_VA_MIX, true, a->u); }

static void dot_bf16(Trans *t, const A32Args *a, bool by_unit)
{
    DotOps o;

    if (dot_start(t, a, by_unit, &o))
        neon_put_d(t, a, ir_vbfdot(t->b, o.type, F32, 0, o.d, o.n, o.m));
}
void a32_trans_n_vdot_bf16(Trans *t, const A32Args *a) { dot_bf16(t, a, false); }
void a32_trans_n_vdot_bf16_s(Trans *t, const A32Args *a) { dot_bf16(t, a, true); }

/* Rows of matrices fill Q registers. */
static bool three_q(Trans *t, const A32Args *a, DotOps *ret)
{
    A32Args q = *a;

    q.Q = 1;
    return dot_start(t, &q, false, ret);
}
static void matrix(Trans *t, const A32Args *a, uint32_t sign)
{
    DotOps o;

    if (three_q(t, a, &o))
        neon_put(t, true, a32_dd(a), arm_simd_matrix(t->b, sign, o.d, o.n, o.m));
}
void a32_trans_n_vmmla(Trans *t, const A32Args *a) { matrix(t, a, a->u ? 0 : IR_VA_S); }
void a32_trans_n_vusmmla(Trans *t, const A32Args *a) { matrix(t, a, IR_VA_MIX); }
void a32_trans_n_vmmla_bf16(Trans *t, const A32Args *a)
{
    DotOps o;

    if (three_q(t, a, &o))
        neon_put(t, true, a32_dd(a), ir_vbfmmla(t->b, IR_V128, F32, 0, o.d, o.n, o.m));
}

/* ---- halves times halves, added to f32 ---- */

/* The even (Q: odd) bfloat16 of n times those of m, or times one of D0-D7 by M:m<3> */
static void multiply_add_bf16(Trans *t, const A32Args *a, bool by_scalar)
{
    IrBuilder *b = t->b;

    if (neon_bad_regs(t, a, NEON_D | NEON_N | (by_scalar ? 0 : NEON_M)))
        return;
    IrVal d = a32_q(t, a32_dd(a) >> 1), v[2] = {a32_q(t, a32_dn(a) >> 1), IR_NONE};
    if (by_scalar)
        v[1] = ir_vdupl(b, IR_V128, IR_LANE_16, IR_VA_N(a->M << 1 | a->m >> 3), neon_low128(t, a->m & 7));
    else
        v[1] = a32_q(t, a32_dm(a) >> 1);
    for (unsigned i = 0; i < 2; i++)
        v[i] = a->Q ? ir_vand(b, IR_V128, IR_LANE_8, 0, v[i], ir_vconst_dup(b, IR_V128, 2, 0xffff0000))
                    : ir_vshl(b, IR_V128, IR_LANE_32, IR_VA_N(16), v[i]);
    neon_put(t, true, a32_dd(a), ir_vfma(b, IR_V128, F32, STD, v[0], v[1], d));
    neon_floats(t, F32);
}
void a32_trans_n_vfma_bf16(Trans *t, const A32Args *a) { multiply_add_bf16(t, a, false); }
void a32_trans_n_vfma_bf16_s(Trans *t, const A32Args *a) { multiply_add_bf16(t, a, true); }

/* VFMAL, s: VFMSL. D: of S registers two halves each; Q: of D registers four. */
static IrVal halves(Trans *t, bool q, unsigned d_reg, unsigned s_reg)
{
    IrVal v = q ? a32_v(t, d_reg) : ir_vany(t->b, IR_V64, a32_s(t, s_reg));

    return ir_vzext(t->b, IR_V128, v);
}
static void multiply_add_half(Trans *t, const A32Args *a, IrVal n, IrVal m)
{
    IrBuilder *b = t->b;
    IrType type = a->Q ? IR_V128 : IR_V64;
    IrVal d = neon_get_d(t, a), x = arm_simd_widened_f16(b, STD, n), y = arm_simd_widened_f16(b, STD, m);

    if (!a->Q) {
        x = ir_vlow(b, IR_V64, x);
        y = ir_vlow(b, IR_V64, y);
    }
    neon_put_d(t, a, ir_vfma(b, type, F32, STD | IR_VA_N(a->s), x, y, d));
    neon_floats(t, F32);
}
void a32_trans_n_vfmal(Trans *t, const A32Args *a)
{
    if (a->Q && neon_bad_regs(t, a, NEON_D))
        return;
    IrVal n = halves(t, a->Q, a32_dn(a), a32_sn(a));
    multiply_add_half(t, a, n, halves(t, a->Q, a32_dm(a), a32_sm(a)));
}
/* Q: of D0-D7 by M:m<3>, else of S0-S15 by m<3> */
void a32_trans_n_vfmal_s(Trans *t, const A32Args *a)
{
    unsigned index = a->m >> 3 | (a->Q ? (unsigned)a->M << 1 : 0u);

    if (a->Q && neon_bad_regs(t, a, NEON_D))
        return;
    IrVal n = halves(t, a->Q, a32_dn(a), a32_sn(a));
    IrVal m = halves(t, a->Q, a->m & 7, (a->m & 7u) << 1 | a->M);
    m = ir_vdupl(t->b, IR_V128, IR_LANE_16, IR_VA_N(index), m);
    multiply_add_half(t, a, n, a->Q ? m : ir_vzext(t->b, IR_V128, ir_vlow(t->b, IR_F32, m)));
}
