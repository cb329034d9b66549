/* Arm ARM, "Advanced SIMD": operations between two widths, by scalars. a->s is the
 * narrow lane. Also AES and SHA. */
#include "target/arm/a32_neon.h"

static bool size_is(Trans *t, const A32Args *a, unsigned lanes)
{
    if (!(lanes >> a->s & 1))
        a32_illegal(t);
    return lanes >> a->s & 1;
}

static uint32_t sign_of(const A32Args *a) { return a->u ? 0 : IR_VA_S; }
static unsigned wide(const A32Args *a) { return a->s + 1u; }

static IrVal widened(Trans *t, unsigned lane, uint32_t sign, IrVal v)
{
    return ir_vwiden(t->b, IR_V128, lane, sign, v);
}
static IrVal low_half(Trans *t, IrVal v) { return ir_vlow(t->b, IR_V64, v); }

/* ---- three registers ---- */

static void add_long(Trans *t, const A32Args *a, IrOp op, bool n_wide)
{
    if (!size_is(t, a, L8_32) || neon_bad_regs(t, a, NEON_D | (n_wide ? NEON_N : 0)))
        return;
    IrVal n = n_wide ? a32_q(t, a32_dn(a) >> 1) : widened(t, a->s, sign_of(a), neon_low128(t, a32_dn(a)));
    IrVal m = widened(t, a->s, sign_of(a), neon_low128(t, a32_dm(a)));
    neon_put(t, true, a32_dd(a), ir_vec(t->b, op, IR_V128, wide(a), 0, n, m, IR_NONE, IR_NONE));
}
void a32_trans_n_vaddl(Trans *t, const A32Args *a) { add_long(t, a, IR_VADD, false); }
void a32_trans_n_vaddw(Trans *t, const A32Args *a) { add_long(t, a, IR_VADD, true); }
void a32_trans_n_vsubl(Trans *t, const A32Args *a) { add_long(t, a, IR_VSUB, false); }
void a32_trans_n_vsubw(Trans *t, const A32Args *a) { add_long(t, a, IR_VSUB, true); }

static void put_wide(Trans *t, const A32Args *a, IrOp op, IrVal v)
{
    if (op != IR_NOP)
        v = ir_vec(t->b, op, IR_V128, wide(a), 0, a32_q(t, a32_dd(a) >> 1), v, IR_NONE, IR_NONE);
    neon_put(t, true, a32_dd(a), v);
}

static void abd_long(Trans *t, const A32Args *a, IrOp op)
{
    if (!size_is(t, a, L8_32) || neon_bad_regs(t, a, NEON_D))
        return;
    IrVal n = neon_low128(t, a32_dn(a)),
          v = ir_vabd(t->b, IR_V128, a->s, sign_of(a), n, neon_low128(t, a32_dm(a)));
    put_wide(t, a, op, widened(t, a->s, 0, v));
}
void a32_trans_n_vabdl(Trans *t, const A32Args *a) { abd_long(t, a, IR_NOP); }
void a32_trans_n_vabal(Trans *t, const A32Args *a) { abd_long(t, a, IR_VADD); }

/* Scalar operands: size 1: D0-D7, index M:m<3>; size 2: D0-D15, index M. */
static IrVal scalar(Trans *t, const A32Args *a)
{
    unsigned r = a->s == 1 ? a->m & 7 : a->m, n = a->s == 1 ? (unsigned)a->M << 1 | a->m >> 3 : a->M;

    return ir_vdupl(t->b, IR_V128, a->s, IR_VA_N(n), neon_low128(t, r));
}

static bool long_start(Trans *t, const A32Args *a, unsigned lanes, bool by_scalar, IrVal *ret_n, IrVal *ret_m)
{
    if (!size_is(t, a, lanes & (by_scalar ? L16 | L32 : L_ALL)) || neon_bad_regs(t, a, NEON_D))
        return false;
    *ret_n = neon_low128(t, a32_dn(a));
    *ret_m = by_scalar ? scalar(t, a) : neon_low128(t, a32_dm(a));
    return true;
}

static void mul_long(Trans *t, const A32Args *a, IrOp op, bool by_scalar)
{
    uint32_t how = sign_of(a);
    IrVal n, m;

    if (!long_start(t, a, L8_32, by_scalar, &n, &m))
        return;
    if (by_scalar && a->u && a->s == IR_LANE_32) { /* its lanes are in place; Vn's are moved once for many */
        n = ir_vzip(t->b, IR_V128, IR_LANE_32, 0, n, n);
        how = IR_VA_MIX;
    }
    put_wide(t, a, op, ir_vmull(t->b, IR_V128, a->s, how, n, m));
}
void a32_trans_n_vmull(Trans *t, const A32Args *a) { mul_long(t, a, IR_NOP, false); }
void a32_trans_n_vmlal(Trans *t, const A32Args *a) { mul_long(t, a, IR_VADD, false); }
void a32_trans_n_vmlsl(Trans *t, const A32Args *a) { mul_long(t, a, IR_VSUB, false); }
void a32_trans_n_vmull_s(Trans *t, const A32Args *a) { mul_long(t, a, IR_NOP, true); }
void a32_trans_n_vmlal_s(Trans *t, const A32Args *a) { mul_long(t, a, IR_VADD, true); }
void a32_trans_n_vmlsl_s(Trans *t, const A32Args *a) { mul_long(t, a, IR_VSUB, true); }

/* Size 0: bytes, size 2: 64 bits */
void a32_trans_n_vmullp(Trans *t, const A32Args *a)
{
    bool bytes = !(a->bits >> 20 & 3);

    if (neon_bad_regs(t, a, NEON_D))
        return;
    IrVal n = neon_low128(t, a32_dn(a));
    neon_put(t, true, a32_dd(a),
             ir_vpmull(t->b, IR_V128, bytes ? IR_LANE_8 : IR_LANE_64, 0, n, neon_low128(t, a32_dm(a))));
}

/* Twice the product: only MIN * MIN saturates. Then saturated sums. */
static void double_long(Trans *t, const A32Args *a, IrOp sat, IrOp wrap, bool by_scalar)
{
    IrBuilder *b = t->b;
    IrVal n, m;

    if (!long_start(t, a, L16 | L32, by_scalar, &n, &m))
        return;
    IrVal p = ir_vmull(b, IR_V128, a->s, IR_VA_S, n, m), v = ir_vqadd(b, IR_V128, wide(a), IR_VA_S, p, p);
    neon_qc(t, ir_vxor(b, IR_V128, IR_LANE_8, 0, v, ir_vadd(b, IR_V128, wide(a), 0, p, p)));
    if (sat != IR_NOP) {
        IrVal d = a32_q(t, a32_dd(a) >> 1),
              x = ir_vec(b, sat, IR_V128, wide(a), IR_VA_S, d, v, IR_NONE, IR_NONE);
        neon_qc(t, ir_vxor(b, IR_V128, IR_LANE_8, 0, x,
                           ir_vec(b, wrap, IR_V128, wide(a), 0, d, v, IR_NONE, IR_NONE)));
        v = x;
    }
    neon_put(t, true, a32_dd(a), v);
}
void a32_trans_n_vqdmull(Trans *t, const A32Args *a) { double_long(t, a, IR_NOP, IR_NOP, false); }
void a32_trans_n_vqdmlal(Trans *t, const A32Args *a) { double_long(t, a, IR_VQADD, IR_VADD, false); }
void a32_trans_n_vqdmlsl(Trans *t, const A32Args *a) { double_long(t, a, IR_VQSUB, IR_VSUB, false); }
void a32_trans_n_vqdmull_s(Trans *t, const A32Args *a) { double_long(t, a, IR_NOP, IR_NOP, true); }
void a32_trans_n_vqdmlal_s(Trans *t, const A32Args *a) { double_long(t, a, IR_VQADD, IR_VADD, true); }
void a32_trans_n_vqdmlsl_s(Trans *t, const A32Args *a) { double_long(t, a, IR_VQSUB, IR_VSUB, true); }

/* The upper halves of sums and differences */
static void high_half(Trans *t, const A32Args *a, IrOp op, bool round)
{
    IrBuilder *b = t->b;
    unsigned half = 8u << a->s;

    if (!size_is(t, a, L8_32) || neon_bad_regs(t, a, NEON_N | NEON_M))
        return;
    IrVal n = a32_q(t, a32_dn(a) >> 1);
    IrVal v = ir_vec(b, op, IR_V128, wide(a), 0, n, a32_q(t, a32_dm(a) >> 1), IR_NONE, IR_NONE);
    if (round)
        v = ir_vadd(b, IR_V128, wide(a), 0, v, ir_vconst_dup(b, IR_V128, wide(a), 1ull << (half - 1)));
    v = ir_vshr(b, IR_V128, wide(a), IR_VA_N(half), v);
    a32_put_d(t, a32_dd(a), low_half(t, ir_vnarrow(b, IR_V128, wide(a), 0, v, IR_NONE)));
}
void a32_trans_n_vaddhn(Trans *t, const A32Args *a) { high_half(t, a, IR_VADD, false); }
void a32_trans_n_vraddhn(Trans *t, const A32Args *a) { high_half(t, a, IR_VADD, true); }
void a32_trans_n_vsubhn(Trans *t, const A32Args *a) { high_half(t, a, IR_VSUB, false); }
void a32_trans_n_vrsubhn(Trans *t, const A32Args *a) { high_half(t, a, IR_VSUB, true); }

/* ---- by scalar, one width: the u bit is Q ---- */

bool neon_scalar(Trans *t, const A32Args *a, unsigned lanes, A32Args *x, NeonOps *o)
{
    if (!size_is(t, a, lanes))
        return false;
    *x = *a;
    x->Q = a->u;
    if (x->Q && neon_bad_regs(t, a, NEON_D | NEON_N))
        return false;
    IrVal m = scalar(t, a);
    *o = (NeonOps){.b = t->b,
                   .type = x->Q ? IR_V128 : IR_V64,
                   .lane = a->s,
                   .flane = neon_flane(a),
                   .n = neon_reg(t, x->Q, a32_dn(a))};
    o->m = x->Q ? m : low_half(t, m);
    return true;
}

static void by_scalar(Trans *t, const A32Args *a, IrOp op)
{
    A32Args x;
    NeonOps o;

    if (!neon_scalar(t, a, L16 | L32, &x, &o))
        return;
    IrVal v = ir_vmul(o.b, o.type, o.lane, 0, o.n, o.m);
    neon_put_d(t, &x,
               op == IR_NOP ? v : ir_vec(o.b, op, o.type, o.lane, 0, neon_get_d(t, &x), v, IR_NONE, IR_NONE));
}
void a32_trans_n_vmul_s(Trans *t, const A32Args *a) { by_scalar(t, a, IR_NOP); }
void a32_trans_n_vmla_s(Trans *t, const A32Args *a) { by_scalar(t, a, IR_VADD); }
void a32_trans_n_vmls_s(Trans *t, const A32Args *a) { by_scalar(t, a, IR_VSUB); }

#define HIGH_BY_SCALAR(name, function, attr)                                                                 \
    void a32_trans_n_##name(Trans *t, const A32Args *a)                                                      \
    {                                                                                                        \
        A32Args x;                                                                                           \
        NeonOps o;                                                                                           \
                                                                                                             \
        if (neon_scalar(t, a, L16 | L32, &x, &o))                                                            \
            function(t, &x, &o, attr);                                                                       \
    }
HIGH_BY_SCALAR(vqdmulh_s, neon_mul_high, 0)
HIGH_BY_SCALAR(vqrdmulh_s, neon_mul_high, IR_VA_ROUND)
HIGH_BY_SCALAR(vqrdmlah_s, neon_mul_add_high, 0)
HIGH_BY_SCALAR(vqrdmlsh_s, neon_mul_add_high, IR_VA_NEG)

/* ---- narrowing and widening ---- */

enum { SQ = IR_VA_SAT | IR_VA_S, UQ = IR_VA_SAT, SQU = IR_VA_SAT | IR_VA_MIX };

/* Of lanes of twice 1 << s bytes. `sat` as vnarrow has it; what does not come back is saturated. */
static void narrow(Trans *t, const A32Args *a, unsigned s, IrVal v, uint32_t sat)
{
    IrBuilder *b = t->b;
    IrVal r = ir_vnarrow(b, IR_V128, s + 1, sat, v, IR_NONE);

    if (sat)
        neon_qc(t, ir_vxor(b, IR_V128, IR_LANE_8, 0, ir_vwiden(b, IR_V128, s, sat & IR_VA_S, r), v));
    a32_put_d(t, a32_dd(a), low_half(t, r));
}

static void move_narrow(Trans *t, const A32Args *a, uint32_t sat)
{
    if (size_is(t, a, L8_32) && !neon_bad_regs(t, a, NEON_M))
        narrow(t, a, a->s, a32_q(t, a32_dm(a) >> 1), sat);
}
void a32_trans_n_vmovn(Trans *t, const A32Args *a) { move_narrow(t, a, 0); }
void a32_trans_n_vqmovun(Trans *t, const A32Args *a) { move_narrow(t, a, SQU); }
void a32_trans_n_vqmovn_s(Trans *t, const A32Args *a) { move_narrow(t, a, SQ); }
void a32_trans_n_vqmovn_u(Trans *t, const A32Args *a) { move_narrow(t, a, UQ); }

static unsigned lane_of_imm(const A32Args *a) { return a->i & 32 ? 2 : a->i & 16 ? 1 : 0; }

static void shift_narrow(Trans *t, const A32Args *a, uint32_t shift, uint32_t sat)
{
    unsigned s = lane_of_imm(a), n = (16u << s) - a->i;

    if (!neon_bad_regs(t, a, NEON_M))
        narrow(t, a, s, ir_vshr(t->b, IR_V128, s + 1, shift | IR_VA_N(n), a32_q(t, a32_dm(a) >> 1)), sat);
}
void a32_trans_n_vshrn(Trans *t, const A32Args *a) { shift_narrow(t, a, 0, 0); }
void a32_trans_n_vrshrn(Trans *t, const A32Args *a) { shift_narrow(t, a, IR_VA_ROUND, 0); }
void a32_trans_n_vqshrun(Trans *t, const A32Args *a) { shift_narrow(t, a, IR_VA_S, SQU); }
void a32_trans_n_vqrshrun(Trans *t, const A32Args *a) { shift_narrow(t, a, IR_VA_S | IR_VA_ROUND, SQU); }
void a32_trans_n_vqshrn(Trans *t, const A32Args *a) { shift_narrow(t, a, sign_of(a), a->u ? UQ : SQ); }
void a32_trans_n_vqrshrn(Trans *t, const A32Args *a)
{
    shift_narrow(t, a, sign_of(a) | IR_VA_ROUND, a->u ? UQ : SQ);
}

static void shift_long(Trans *t, const A32Args *a, unsigned s, unsigned n, uint32_t sign)
{
    if (neon_bad_regs(t, a, NEON_D))
        return;
    IrVal v = widened(t, s, sign, neon_low128(t, a32_dm(a)));
    neon_put(t, true, a32_dd(a), n ? ir_vshl(t->b, IR_V128, s + 1, IR_VA_N(n), v) : v);
}
void a32_trans_n_vshll(Trans *t, const A32Args *a)
{
    unsigned s = lane_of_imm(a);

    shift_long(t, a, s, a->i - (8u << s), sign_of(a));
}
void a32_trans_n_vshll_max(Trans *t, const A32Args *a)
{
    if (size_is(t, a, L8_32))
        shift_long(t, a, a->s, 8u << a->s, 0);
}

/* ---- AES and SHA ---- */

static void aes(Trans *t, const A32Args *a, IrAes step_n)
{
    if (neon_bad_regs(t, a, NEON_D | NEON_M))
        return;
    IrVal m = a32_q(t, a32_dm(a) >> 1), d = a32_q(t, a32_dd(a) >> 1);
    IrVal v = step_n >= IR_AES_MC ? ir_vaes(t->b, IR_V128, IR_LANE_8, IR_VA_N(step_n), m, IR_NONE)
                                  : ir_vaes(t->b, IR_V128, IR_LANE_8, IR_VA_N(step_n), d, m);
    neon_put(t, true, a32_dd(a), v);
}
void a32_trans_n_aese(Trans *t, const A32Args *a) { aes(t, a, IR_AES_E); }
void a32_trans_n_aesd(Trans *t, const A32Args *a) { aes(t, a, IR_AES_D); }
void a32_trans_n_aesmc(Trans *t, const A32Args *a) { aes(t, a, IR_AES_MC); }
void a32_trans_n_aesimc(Trans *t, const A32Args *a) { aes(t, a, IR_AES_IMC); }

static void sha(Trans *t, const A32Args *a, IrSha step_n, bool three)
{
    if (neon_bad_regs(t, a, NEON_D | NEON_M | (three ? NEON_N : 0)))
        return;
    IrVal d = a32_q(t, a32_dd(a) >> 1), m = a32_q(t, a32_dm(a) >> 1),
          n = three ? a32_q(t, a32_dn(a) >> 1) : m;
    neon_put(t, true, a32_dd(a),
             ir_vsha(t->b, IR_V128, IR_LANE_32, IR_VA_N(step_n), d, n, three ? m : IR_NONE));
}
void a32_trans_n_sha1c(Trans *t, const A32Args *a) { sha(t, a, IR_SHA1C, true); }
void a32_trans_n_sha1p(Trans *t, const A32Args *a) { sha(t, a, IR_SHA1P, true); }
void a32_trans_n_sha1m(Trans *t, const A32Args *a) { sha(t, a, IR_SHA1M, true); }
void a32_trans_n_sha256h(Trans *t, const A32Args *a) { sha(t, a, IR_SHA256H, true); }
void a32_trans_n_sha256h2(Trans *t, const A32Args *a) { sha(t, a, IR_SHA256H2, true); }
void a32_trans_n_sha256su1(Trans *t, const A32Args *a) { sha(t, a, IR_SHA256SU1, true); }
void a32_trans_n_sha1su1(Trans *t, const A32Args *a) { sha(t, a, IR_SHA1SU1, false); }
void a32_trans_n_sha256su0(Trans *t, const A32Args *a) { sha(t, a, IR_SHA256SU0, false); }

/* Vd ^ (Vd's upper half, Vn's lower half) ^ Vm */
void a32_trans_n_sha1su0(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;

    if (neon_bad_regs(t, a, NEON_D | NEON_N | NEON_M))
        return;
    IrVal d = a32_q(t, a32_dd(a) >> 1), n = a32_q(t, a32_dn(a) >> 1), m = a32_q(t, a32_dm(a) >> 1);
    IrVal mid = ir_vext(b, IR_V128, IR_LANE_8, IR_VA_N(8), d, n);
    neon_put(t, true, a32_dd(a),
             ir_vxor(b, IR_V128, IR_LANE_8, 0, ir_vxor(b, IR_V128, IR_LANE_8, 0, d, mid), m));
}
/* Lane 0 rotated left by 30, the others zero */
void a32_trans_n_sha1h(Trans *t, const A32Args *a)
{
    if (neon_bad_regs(t, a, NEON_D | NEON_M))
        return;
    IrVal v = ir_vget(t->b, IR_I32, IR_LANE_32, 0, a32_q(t, a32_dm(a) >> 1));
    neon_put(t, true, a32_dd(a), ir_vzext(t->b, IR_V128, ir_rotr(t->b, IR_I32, v, a32_imm(t, 2))));
}
