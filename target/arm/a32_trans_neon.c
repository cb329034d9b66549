/* Arm ARM, "Advanced SIMD data-processing": operations on lanes of one width. See a32_simd.h for the
 * registers.
 *
 * QC is exact: a lane saturated if and only if the saturated and the wrapped result differ (sums and
 * differences); the other rows say how they find out. */
#include "target/arm/a32_neon.h"

/* ---- operands ---- */

bool neon_bad_regs(Trans *t, const A32Args *a, unsigned which)
{
    unsigned odd = (which & NEON_D ? a->d : 0u) | (which & NEON_N ? a->n : 0u) | (which & NEON_M ? a->m : 0u);

    if (!(odd & 1))
        return false;
    a32_illegal(t);
    return true;
}

IrVal neon_reg(Trans *t, bool q, unsigned r) { return q ? a32_q(t, r >> 1) : a32_d(t, IR_V64, r); }

void neon_put(Trans *t, bool q, unsigned r, IrVal v)
{
    if (q)
        a32_put_q(t, r >> 1, v);
    else
        a32_put_d(t, r, v);
}

void neon_qc(Trans *t, IrVal v)
{
    IrType type = ir_result_type(t->b->r, &t->b->r->insn[v]);

    if (type != IR_V128)
        v = ir_vzext(t->b, IR_V128, v);
    ir_put(t->b, A32_SLOT_QC, ir_vor(t->b, IR_V128, IR_LANE_8, 0, ir_get(t->b, A32_SLOT_QC), v));
}

/* All three registers, a type, and the checks: lanes allowed (mask) and even registers of Q forms. */
static bool start(Trans *t, const A32Args *a, unsigned lanes, NeonOps *ret)
{
    if (!(lanes >> a->s & 1)) {
        a32_illegal(t);
        return false;
    }
    if (a->Q && neon_bad_regs(t, a, NEON_D | NEON_N | NEON_M))
        return false;
    *ret = (NeonOps){.b = t->b, .type = a->Q ? IR_V128 : IR_V64, .lane = a->s, .flane = neon_flane(a),
                     .sign = a->u ? 0 : IR_VA_S};
    return true;
}

bool neon_three(Trans *t, const A32Args *a, unsigned lanes, NeonOps *ret)
{
    if (!start(t, a, lanes, ret))
        return false;
    ret->n = neon_reg(t, a->Q, a32_dn(a));
    ret->m = neon_reg(t, a->Q, a32_dm(a));
    return true;
}

bool neon_two(Trans *t, const A32Args *a, unsigned lanes, NeonOps *ret)
{
    if (a->Q && neon_bad_regs(t, a, NEON_D | NEON_M))
        return false;
    A32Args even = *a;
    even.n = 0;
    if (!start(t, &even, lanes, ret))
        return false;
    ret->m = neon_reg(t, a->Q, a32_dm(a));
    return true;
}

void neon_put_d(Trans *t, const A32Args *a, IrVal v) { neon_put(t, a->Q, a32_dd(a), v); }
IrVal neon_get_d(Trans *t, const A32Args *a) { return neon_reg(t, a->Q, a32_dd(a)); }

/* ---- three registers ---- */

static void binary(Trans *t, const A32Args *a, unsigned lanes, IrOp row, uint32_t attr, bool sign)
{
    NeonOps o;

    if (neon_three(t, a, lanes, &o))
        neon_put_d(t, a,
                   ir_vec(o.b, row, o.type, o.lane, attr | (sign ? o.sign : 0), o.n, o.m, IR_NONE, IR_NONE));
}
#define BINARY(name, lanes, row, attr, sign)                                                                 \
    void a32_trans_n_##name(Trans *t, const A32Args *a) { binary(t, a, lanes, row, attr, sign); }
BINARY(vadd, L_ALL, IR_VADD, 0, false)
BINARY(vsub, L_ALL, IR_VSUB, 0, false)
BINARY(vmul, L8_32, IR_VMUL, 0, false)
BINARY(vmulp, L8, IR_VPMUL, 0, false)
BINARY(vhadd, L8_32, IR_VHADD, 0, true)
BINARY(vrhadd, L8_32, IR_VAVG, 0, true)
BINARY(vhsub, L8_32, IR_VHSUB, 0, true)
BINARY(vmax, L8_32, IR_VMAX, 0, true)
BINARY(vmin, L8_32, IR_VMIN, 0, true)
BINARY(vabd, L8_32, IR_VABD, 0, true)
BINARY(vpmax, L8_32, IR_VPMAX, 0, true)
BINARY(vpmin, L8_32, IR_VPMIN, 0, true)
BINARY(vpadd, L8_32, IR_VPADD, 0, false)
BINARY(vtst, L8_32, IR_VCMP, IR_VA_N(IR_VTST), false)
BINARY(vceq, L8_32, IR_VCMP, IR_VA_N(IR_EQ), false)

void a32_trans_n_vcgt(Trans *t, const A32Args *a)
{
    binary(t, a, L8_32, IR_VCMP, IR_VA_N(a->u ? IR_GTU : IR_GT), false);
}
void a32_trans_n_vcge(Trans *t, const A32Args *a)
{
    binary(t, a, L8_32, IR_VCMP, IR_VA_N(a->u ? IR_GEU : IR_GE), false);
}

/* Vm shifted by Vn */
static void shift_by(Trans *t, const A32Args *a, uint32_t attr)
{
    NeonOps o;

    if (neon_three(t, a, L_ALL, &o))
        neon_put_d(t, a, ir_vshift(o.b, o.type, o.lane, attr | o.sign, o.m, o.n));
}
void a32_trans_n_vshl(Trans *t, const A32Args *a) { shift_by(t, a, 0); }
void a32_trans_n_vrshl(Trans *t, const A32Args *a) { shift_by(t, a, IR_VA_ROUND); }

static void accumulate(Trans *t, const A32Args *a, IrOp op, IrOp row, bool sign)
{
    NeonOps o;

    if (!neon_three(t, a, L8_32, &o))
        return;
    IrVal v = ir_vec(o.b, row, o.type, o.lane, sign ? o.sign : 0, o.n, o.m, IR_NONE, IR_NONE);
    neon_put_d(t, a, ir_vec(o.b, op, o.type, o.lane, 0, neon_get_d(t, a), v, IR_NONE, IR_NONE));
}
void a32_trans_n_vmla(Trans *t, const A32Args *a) { accumulate(t, a, IR_VADD, IR_VMUL, false); }
void a32_trans_n_vmls(Trans *t, const A32Args *a) { accumulate(t, a, IR_VSUB, IR_VMUL, false); }
void a32_trans_n_vaba(Trans *t, const A32Args *a) { accumulate(t, a, IR_VADD, IR_VABD, true); }

/* Bitwise */
typedef enum Bitwise { BIT_AND, BIT_BIC, BIT_ORR, BIT_ORN, BIT_EOR, BIT_BSL, BIT_BIT, BIT_BIF } Bitwise;
static void bitwise(Trans *t, const A32Args *a, Bitwise op)
{
    NeonOps o;
    IrVal v = IR_NONE, d;

    if (!neon_three(t, a, L_ALL, &o))
        return;
    d = neon_get_d(t, a);
    switch (op) {
    case BIT_AND: v = ir_vand(o.b, o.type, IR_LANE_8, 0, o.n, o.m); break;
    case BIT_BIC: v = ir_vandn(o.b, o.type, IR_LANE_8, 0, o.n, o.m); break;
    case BIT_ORR: v = o.n == o.m ? o.n : ir_vor(o.b, o.type, IR_LANE_8, 0, o.n, o.m); break;
    case BIT_ORN: v = ir_vor(o.b, o.type, IR_LANE_8, 0, o.n, ir_vnot(o.b, o.type, IR_LANE_8, 0, o.m)); break;
    case BIT_EOR: v = ir_vxor(o.b, o.type, IR_LANE_8, 0, o.n, o.m); break;
    case BIT_BSL: v = ir_vbsl(o.b, o.type, IR_LANE_8, 0, d, o.n, o.m); break;
    case BIT_BIT: v = ir_vbsl(o.b, o.type, IR_LANE_8, 0, o.m, o.n, d); break;
    case BIT_BIF: v = ir_vbsl(o.b, o.type, IR_LANE_8, 0, o.m, d, o.n); break;
    }
    neon_put_d(t, a, v);
}
void a32_trans_n_vand(Trans *t, const A32Args *a) { bitwise(t, a, BIT_AND); }
void a32_trans_n_vbic(Trans *t, const A32Args *a) { bitwise(t, a, BIT_BIC); }
void a32_trans_n_vorr(Trans *t, const A32Args *a) { bitwise(t, a, BIT_ORR); }
void a32_trans_n_vorn(Trans *t, const A32Args *a) { bitwise(t, a, BIT_ORN); }
void a32_trans_n_veor(Trans *t, const A32Args *a) { bitwise(t, a, BIT_EOR); }
void a32_trans_n_vbsl(Trans *t, const A32Args *a) { bitwise(t, a, BIT_BSL); }
void a32_trans_n_vbit(Trans *t, const A32Args *a) { bitwise(t, a, BIT_BIT); }
void a32_trans_n_vbif(Trans *t, const A32Args *a) { bitwise(t, a, BIT_BIF); }

/* ---- saturating ---- */

static IrVal differ(const NeonOps *o, IrVal x, IrVal y) { return ir_vxor(o->b, o->type, IR_LANE_8, 0, x, y); }

static void put_checked(Trans *t, const A32Args *a, const NeonOps *o, IrVal v, IrVal wrapped)
{
    neon_qc(t, differ(o, v, wrapped));
    neon_put_d(t, a, v);
}

static void add_sub(Trans *t, const A32Args *a, IrOp sat, IrOp wrap)
{
    NeonOps o;

    if (!neon_three(t, a, L_ALL, &o))
        return;
    IrVal v = ir_vec(o.b, sat, o.type, o.lane, o.sign, o.n, o.m, IR_NONE, IR_NONE);
    put_checked(t, a, &o, v, ir_vec(o.b, wrap, o.type, o.lane, 0, o.n, o.m, IR_NONE, IR_NONE));
}
void a32_trans_n_vqadd(Trans *t, const A32Args *a) { add_sub(t, a, IR_VQADD, IR_VADD); }
void a32_trans_n_vqsub(Trans *t, const A32Args *a) { add_sub(t, a, IR_VQSUB, IR_VSUB); }

IrVal neon_both_min(const NeonOps *o, IrVal n, IrVal m)
{
    IrVal min = ir_vconst_dup(o->b, o->type, o->lane, 1ull << ((8u << o->lane) - 1));
    IrVal n_min = ir_vcmp(o->b, o->type, o->lane, IR_VA_N(IR_EQ), n, min);

    return ir_vand(o->b, o->type, IR_LANE_8, 0, n_min, ir_vcmp(o->b, o->type, o->lane, IR_VA_N(IR_EQ), n, m));
}

/* VQDMULH: only MIN * MIN saturates, but others give MAX too. */
void neon_mul_high(Trans *t, const A32Args *a, const NeonOps *o, uint32_t round)
{
    neon_qc(t, neon_both_min(o, o->n, o->m));
    neon_put_d(t, a, ir_vqdmulh(o->b, o->type, o->lane, round, o->n, o->m));
}

/* Saturated if it is not d + the wrapped product. MIN * MIN: the product is MAX + 1, modulo the lane MIN; of
 * VQRDMLSH the factor n is negated, where it is MIN, m in its place. */
void neon_mul_add_high(Trans *t, const A32Args *a, const NeonOps *o, uint32_t sub)
{
    IrBuilder *b = o->b;
    IrVal d = neon_get_d(t, a), v = ir_vqrdmla(b, o->type, o->lane, sub, d, o->n, o->m), x = o->n, y = o->m;

    if (sub) {
        IrVal min = ir_vconst_dup(b, o->type, o->lane, 1ull << ((8u << o->lane) - 1));
        IrVal n_min = ir_vcmp(b, o->type, o->lane, IR_VA_N(IR_EQ), o->n, min);
        x = ir_vneg(b, o->type, o->lane, 0, o->n);
        y = ir_vsub(b, o->type, o->lane, 0, ir_vxor(b, o->type, IR_LANE_8, 0, o->m, n_min), n_min);
    }
    IrVal product = ir_vqdmulh(b, o->type, o->lane, IR_VA_ROUND, x, y);
    product = ir_vsub(b, o->type, o->lane, 0, product, neon_both_min(o, x, y));
    put_checked(t, a, o, v, ir_vadd(b, o->type, o->lane, 0, d, product));
}

#define HIGH(name, function, attr)                                                                           \
    void a32_trans_n_##name(Trans *t, const A32Args *a)                                                      \
    {                                                                                                        \
        NeonOps o;                                                                                           \
                                                                                                             \
        if (neon_three(t, a, L16 | L32, &o))                                                                 \
            function(t, a, &o, attr);                                                                        \
    }
HIGH(vqdmulh, neon_mul_high, 0)
HIGH(vqrdmulh, neon_mul_high, IR_VA_ROUND)
HIGH(vqrdmlah, neon_mul_add_high, 0)
HIGH(vqrdmlsh, neon_mul_add_high, IR_VA_NEG)

/* Shifts by registers: where the count is not negative, saturated if shifting the result back does not give
 * Vm. */
static void sat_shift_by(Trans *t, const A32Args *a, uint32_t round)
{
    NeonOps o;

    if (!neon_three(t, a, L_ALL, &o))
        return;
    IrBuilder *b = o.b;
    IrVal zero = ir_vconst(b, o.type, 0, 0);
    IrVal v = ir_vshift(b, o.type, o.lane, o.sign | IR_VA_SAT | round, o.m, o.n);
    IrVal count = ir_vand(b, o.type, IR_LANE_8, 0, o.n, ir_vconst_dup(b, o.type, o.lane, 255));
    IrVal sign8 = ir_vcmp(b, o.type, o.lane, IR_VA_N(IR_GTU), count, ir_vconst_dup(b, o.type, o.lane, 127));
    IrVal back = ir_vshift(b, o.type, o.lane, o.sign, v, ir_vneg(b, o.type, IR_LANE_8, 0, count));
    IrVal lost = ir_vcmp(b, o.type, o.lane, IR_VA_N(IR_EQ), back, o.m);
    IrVal big =
        ir_vcmp(b, o.type, o.lane, IR_VA_N(IR_GEU), count, ir_vconst_dup(b, o.type, o.lane, 8u << o.lane));
    IrVal some = ir_vnot(b, o.type, IR_LANE_8, 0, ir_vcmp(b, o.type, o.lane, IR_VA_N(IR_EQ), o.m, zero));
    IrVal wrong = ir_vor(b, o.type, IR_LANE_8, 0, ir_vnot(b, o.type, IR_LANE_8, 0, lost),
                         ir_vand(b, o.type, IR_LANE_8, 0, big, some));

    neon_qc(t, ir_vandn(b, o.type, IR_LANE_8, 0, wrong, sign8));
    neon_put_d(t, a, v);
}
void a32_trans_n_vqshl(Trans *t, const A32Args *a) { sat_shift_by(t, a, 0); }
void a32_trans_n_vqrshl(Trans *t, const A32Args *a) { sat_shift_by(t, a, IR_VA_ROUND); }

static IrVal negated(const NeonOps *o)
{
    return ir_vqsub(o->b, o->type, o->lane, IR_VA_S, ir_vconst(o->b, o->type, 0, 0), o->m);
}
void a32_trans_n_vqneg(Trans *t, const A32Args *a)
{
    NeonOps o;

    if (neon_two(t, a, L8_32, &o))
        put_checked(t, a, &o, negated(&o), ir_vneg(o.b, o.type, o.lane, 0, o.m));
}
void a32_trans_n_vqabs(Trans *t, const A32Args *a)
{
    NeonOps o;

    if (neon_two(t, a, L8_32, &o))
        put_checked(t, a, &o, ir_vmax(o.b, o.type, o.lane, IR_VA_S, o.m, negated(&o)),
                    ir_vabs(o.b, o.type, o.lane, 0, o.m));
}

/* ---- shifts by immediates ---- */

/* Lane and amount from L:i. Right shifts: 2 * lane bits - i. */
static bool shift_start(Trans *t, const A32Args *a, bool right, NeonOps *ret, unsigned *ret_n)
{
    A32Args x = *a;
    unsigned v = a->L << 6 | a->i;

    x.s = (uint16_t)(a->L ? 3 : a->i & 32 ? 2 : a->i & 16 ? 1 : 0);
    unsigned bits = 8u << x.s;
    *ret_n = right ? 2 * bits - v : v - bits;
    return neon_two(t, &x, L_ALL, ret);
}

static void shift_right(Trans *t, const A32Args *a, uint32_t round, bool add)
{
    NeonOps o;
    unsigned n;

    if (!shift_start(t, a, true, &o, &n))
        return;
    IrVal v = ir_vshr(o.b, o.type, o.lane, round | o.sign | IR_VA_N(n), o.m);
    neon_put_d(t, a, add ? ir_vadd(o.b, o.type, o.lane, 0, neon_get_d(t, a), v) : v);
}
void a32_trans_n_vshr_i(Trans *t, const A32Args *a) { shift_right(t, a, 0, false); }
void a32_trans_n_vsra_i(Trans *t, const A32Args *a) { shift_right(t, a, 0, true); }
void a32_trans_n_vrshr_i(Trans *t, const A32Args *a) { shift_right(t, a, IR_VA_ROUND, false); }
void a32_trans_n_vrsra_i(Trans *t, const A32Args *a) { shift_right(t, a, IR_VA_ROUND, true); }

void a32_trans_n_vshl_i(Trans *t, const A32Args *a)
{
    NeonOps o;
    unsigned n;

    if (shift_start(t, a, false, &o, &n))
        neon_put_d(t, a, n ? ir_vshl(o.b, o.type, o.lane, IR_VA_N(n), o.m) : o.m);
}

/* The bits of Vd that the shifted value does not reach stay. */
static void insert(Trans *t, const A32Args *a, bool right)
{
    NeonOps o;
    unsigned n;

    if (!shift_start(t, a, right, &o, &n))
        return;
    unsigned bits = 8u << o.lane;
    uint64_t all = bits == 64 ? ~0ull : (1ull << bits) - 1,
             mask = right ? (n == bits ? 0 : all >> n) : all << n & all;
    IrVal v =
        right ? ir_vshr(o.b, o.type, o.lane, IR_VA_N(n), o.m) : ir_vshl(o.b, o.type, o.lane, IR_VA_N(n), o.m);
    neon_put_d(
        t, a,
        ir_vbsl(o.b, o.type, IR_LANE_8, 0, ir_vconst_dup(o.b, o.type, o.lane, mask), v, neon_get_d(t, a)));
}
void a32_trans_n_vsri_i(Trans *t, const A32Args *a) { insert(t, a, true); }
void a32_trans_n_vsli_i(Trans *t, const A32Args *a) { insert(t, a, false); }

/* Saturated if shifting back does not give what was shifted. */
static void sat_shift(Trans *t, const A32Args *a, bool to_unsigned)
{
    NeonOps o;
    unsigned n;

    if (!shift_start(t, a, false, &o, &n))
        return;
    uint32_t sign = to_unsigned ? 0 : o.sign;
    IrVal x = to_unsigned ? ir_vmax(o.b, o.type, o.lane, IR_VA_S, o.m, ir_vconst(o.b, o.type, 0, 0)) : o.m;
    IrVal v = ir_vshift(o.b, o.type, o.lane, sign | IR_VA_SAT, x, ir_vconst_dup(o.b, o.type, o.lane, n));
    put_checked(t, a, &o, v, v);
    neon_qc(t, differ(&o, n ? ir_vshr(o.b, o.type, o.lane, sign | IR_VA_N(n), v) : v, o.m));
}
void a32_trans_n_vqshl_i(Trans *t, const A32Args *a) { sat_shift(t, a, false); }
void a32_trans_n_vqshlu_i(Trans *t, const A32Args *a) { sat_shift(t, a, true); }

/* ---- modified immediate ---- */

/* AdvSIMDExpandImm */
static uint64_t expand_imm(unsigned op, unsigned cmode, uint64_t i)
{
    switch (cmode >> 1) {
    case 0: case 1: case 2: case 3: return (i << 8 * (cmode >> 1)) * 0x100000001ull;
    case 4: case 5: return (i << 8 * (cmode >> 1 & 1)) * 0x0001000100010001ull;
    case 6: return (cmode & 1 ? i << 16 | 0xffff : i << 8 | 0xff) * 0x100000001ull;
    default: break;
    }
    if (!(cmode & 1) && !op)
        return i * 0x0101010101010101ull;
    if (!(cmode & 1)) {
        uint64_t v = 0;
        for (unsigned k = 0; k < 8; k++)
            v |= (i >> k & 1 ? 0xffull : 0) << 8 * k;
        return v;
    }
    return ((i >> 7 << 31) | (i >> 6 & 1 ? 0x3e000000ull : 0x40000000ull) | (i & 63) << 19) * 0x100000001ull;
}

void a32_trans_n_vmov_imm(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    IrType type = a->Q ? IR_V128 : IR_V64;
    unsigned cmode = a->k, op = a->o;
    unsigned top = a->bits >> 24 & 1;
    uint64_t v = expand_imm(op, cmode, (uint64_t)top << 7 | (a->i & 127));
    bool in_place = cmode < 12 && (cmode & 1);

    if ((a->Q && neon_bad_regs(t, a, NEON_D)))
        return;
    if (cmode == 15 && op) {
        a32_illegal(t);
        return;
    }
    if (op && cmode != 14)
        v = ~v;
    IrVal c = ir_vconst(b, type, v, a->Q ? v : 0);
    if (in_place && op)
        c = ir_vand(b, type, IR_LANE_8, 0, neon_get_d(t, a), c);
    else if (in_place)
        c = ir_vor(b, type, IR_LANE_8, 0, neon_get_d(t, a), c);
    neon_put_d(t, a, c);
}

/* ---- two registers ---- */

#define UNARY(name, lanes, value)                                                                            \
    void a32_trans_n_##name(Trans *t, const A32Args *a)                                                      \
    {                                                                                                        \
        NeonOps o;                                                                                           \
                                                                                                             \
        if (neon_two(t, a, lanes, &o))                                                                       \
            neon_put_d(t, a, value);                                                                         \
    }
#define ZERO(o) ir_vconst((o).b, (o).type, 0, 0)
UNARY(vrev64, L8_32, ir_vrev(o.b, o.type, o.lane, IR_VA_N(3), o.m))
UNARY(vrev32, L8 | L16, ir_vrev(o.b, o.type, o.lane, IR_VA_N(2), o.m))
UNARY(vrev16, L8, ir_vrev(o.b, o.type, o.lane, IR_VA_N(1), o.m))
UNARY(vclz, L8_32, ir_vclz(o.b, o.type, o.lane, 0, o.m))
UNARY(vcnt, L8, ir_vcnt(o.b, o.type, o.lane, 0, o.m))
UNARY(vmvn, L8, ir_vnot(o.b, o.type, IR_LANE_8, 0, o.m))
UNARY(vabs, L8_32, ir_vabs(o.b, o.type, o.lane, 0, o.m))
UNARY(vneg, L8_32, ir_vneg(o.b, o.type, o.lane, 0, o.m))
UNARY(vcgt0, L8_32, ir_vcmp(o.b, o.type, o.lane, IR_VA_N(IR_GT), o.m, ZERO(o)))
UNARY(vcge0, L8_32, ir_vcmp(o.b, o.type, o.lane, IR_VA_N(IR_GE), o.m, ZERO(o)))
UNARY(vceq0, L8_32, ir_vcmp(o.b, o.type, o.lane, IR_VA_N(IR_EQ), o.m, ZERO(o)))
UNARY(vcle0, L8_32, ir_vcmp(o.b, o.type, o.lane, IR_VA_N(IR_LE), o.m, ZERO(o)))
UNARY(vclt0, L8_32, ir_vcmp(o.b, o.type, o.lane, IR_VA_N(IR_LT), o.m, ZERO(o)))
UNARY(vpaddl, L8_32, ir_vpaddl(o.b, o.type, o.lane, o.sign, o.m))
UNARY(vpadal, L8_32,
      ir_vadd(o.b, o.type, o.lane + 1, 0, neon_get_d(t, a), ir_vpaddl(o.b, o.type, o.lane, o.sign, o.m)))
/* Leading bits equal to the sign: leading zeros of x ^ (x >> 1 arithmetic), less one. */
UNARY(vcls, L8_32,
      ir_vsub(o.b, o.type, o.lane, 0,
              ir_vclz(o.b, o.type, o.lane, 0,
                      ir_vxor(o.b, o.type, IR_LANE_8, 0, o.m,
                              ir_vshr(o.b, o.type, o.lane, IR_VA_S | IR_VA_N(1), o.m))),
              ir_vconst_dup(o.b, o.type, o.lane, 1)))

/* Both registers are written. */
static void exchange(Trans *t, const A32Args *a, IrOp row)
{
    NeonOps o;

    if (!neon_two(t, a, a->Q || row == IR_VTRN ? L8_32 : L8 | L16, &o))
        return;
    IrVal d = neon_get_d(t, a);
    IrVal low = ir_vec(o.b, row, o.type, o.lane, 0, d, o.m, IR_NONE, IR_NONE);
    IrVal high = ir_vec(o.b, row, o.type, o.lane, IR_VA_HI, d, o.m, IR_NONE, IR_NONE);
    neon_put_d(t, a, low);
    neon_put(t, a->Q, a32_dm(a), high);
}
void a32_trans_n_vtrn(Trans *t, const A32Args *a) { exchange(t, a, IR_VTRN); }
void a32_trans_n_vuzp(Trans *t, const A32Args *a) { exchange(t, a, IR_VUZP); }
void a32_trans_n_vzip(Trans *t, const A32Args *a) { exchange(t, a, IR_VZIP); }
void a32_trans_n_vswp(Trans *t, const A32Args *a)
{
    NeonOps o;

    if (!neon_two(t, a, L8, &o))
        return;
    IrVal d = neon_get_d(t, a);
    neon_put_d(t, a, o.m);
    neon_put(t, a->Q, a32_dm(a), d);
}

/* ---- extraction, tables, duplication ---- */

void a32_trans_n_vext(Trans *t, const A32Args *a)
{
    NeonOps o;

    if (!a->Q && a->i > 7)
        a32_illegal(t);
    else if (neon_three(t, a, L_ALL, &o))
        neon_put_d(t, a, a->i ? ir_vext(o.b, o.type, IR_LANE_8, IR_VA_N(a->i), o.n, o.m) : o.n);
}

/* Dr and the next as one vector; the next only if there is one. */
static IrVal two_registers(Trans *t, unsigned r, bool both)
{
    if (!both)
        return ir_vzext(t->b, IR_V128, a32_v(t, r));
    IrVal low = a32_v(t, r);
    return ir_vjoin(t->b, IR_V128, IR_LANE_64, 0, low, a32_v(t, r + 1));
}

void a32_trans_n_vtbl(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    unsigned count = a->l + 1u, first = a32_dn(a);

    if (first + count > 32) {
        a32_illegal(t);
        return;
    }
    IrVal index = ir_vzext(b, IR_V128, a32_d(t, IR_V64, a32_dm(a)));
    IrVal low = two_registers(t, first, count > 1),
          high = count > 2 ? two_registers(t, first + 2, count > 3) : IR_NONE;
    IrVal v = ir_vlow(b, IR_V64, ir_vtbl(b, IR_V128, IR_LANE_8, 0, index, low, high, IR_NONE));
    if (a->o) { /* VTBX: what is out of range stays */
        IrVal in = ir_vcmp(b, IR_V64, IR_LANE_8, IR_VA_N(IR_LTU), a32_d(t, IR_V64, a32_dm(a)),
                           ir_vconst_dup(b, IR_V64, IR_LANE_8, 8 * count));
        v = ir_vbsl(b, IR_V64, IR_LANE_8, 0, in, v, a32_d(t, IR_V64, a32_dd(a)));
    }
    a32_put_d(t, a32_dd(a), v);
}

/* i: xxx1 byte, xx10 halfword, x100 word, with the index above */
void a32_trans_n_vdup(Trans *t, const A32Args *a)
{
    unsigned lane = a->i & 1 ? 0 : a->i & 2 ? 1 : 2, r = a32_dm(a), n = (unsigned)a->i >> (lane + 1);

    if (!(a->i & 7)) {
        a32_illegal(t);
        return;
    }
    if (a->Q && neon_bad_regs(t, a, NEON_D))
        return;
    IrVal v = ir_vdupl(t->b, IR_V128, lane, IR_VA_N(n), ir_vany(t->b, IR_V128, a32_v(t, r)));
    neon_put_d(t, a, a->Q ? v : ir_vlow(t->b, IR_V64, v));
}
