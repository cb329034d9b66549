/* Arm ARM, "Parallel addition and subtraction", "Saturating", "Packing, unpacking, saturation and reversal",
 * signed and dual multiplies of A32 and T32. */
#include "target/arm/a32_trans.h"

/* ---- halves and bytes ---- */

/* Lane `n` of size bits, as an I32. */
static IrVal lane(Trans *t, IrVal v, unsigned size, unsigned n, bool is_signed)
{
    IrBuilder *b = t->b;
    IrVal top = ir_shl(b, IR_I32, v, a32_imm(t, 32 - size * (n + 1))), by = a32_imm(t, 32 - size);

    return is_signed ? ir_sar(b, IR_I32, top, by) : ir_shr(b, IR_I32, top, by);
}

static IrVal half(Trans *t, IrVal v, bool top) { return lane(t, v, 16, top, true); }

static IrVal place(Trans *t, IrVal v, unsigned size, unsigned n)
{
    IrBuilder *b = t->b;

    v = ir_and(b, IR_I32, v, a32_imm(t, (1u << size) - 1));
    return ir_shl(b, IR_I32, v, a32_imm(t, size * n));
}

/* v limited to low..high; ret_changed (may be NULL) */
static IrVal clamp(Trans *t, IrType type, IrVal v, int64_t low, int64_t high, IrVal *ret_changed)
{
    IrBuilder *b = t->b;
    IrVal lo = ir_const(b, type, low), hi = ir_const(b, type, high);
    IrVal r = ir_select(b, ir_cmp(b, IR_LT, v, lo), lo, v);

    r = ir_select(b, ir_cmp(b, IR_GT, r, hi), hi, r);
    if (ret_changed)
        *ret_changed = ir_cmp(b, IR_NE, r, v);
    return r;
}

static IrVal word_of(Trans *t, IrVal v64) { return ir_vget(t->b, IR_I32, IR_LANE_32, IR_VA_N(0), v64); }

/* ---- parallel addition and subtraction ---- */

typedef enum ParKind { PAR_S, PAR_Q, PAR_SH, PAR_U, PAR_UQ, PAR_UH } ParKind;
typedef enum ParOp { PAR_ADD16, PAR_ASX, PAR_SAX, PAR_SUB16, PAR_ADD8, PAR_SUB8 } ParOp;

/* The lane's result, and in *ge all ones or zero. */
static IrVal par_lane(Trans *t, ParKind kind, bool sub, unsigned size, IrVal x, IrVal y, IrVal *ge)
{
    IrBuilder *b = t->b;
    IrVal v = sub ? ir_sub(b, IR_I32, x, y) : ir_add(b, IR_I32, x, y);
    IrVal limit = a32_imm(t, kind == PAR_U && !sub ? 1u << size : 0);

    switch (kind) {
    case PAR_S:
    case PAR_U: *ge = ir_sext(b, IR_I32, ir_cmp(b, IR_GE, v, limit)); return v;
    case PAR_Q: return clamp(t, IR_I32, v, -(1 << (size - 1)), (1 << (size - 1)) - 1, NULL);
    case PAR_UQ: return clamp(t, IR_I32, v, 0, (1 << size) - 1, NULL);
    default: return ir_sar(b, IR_I32, v, a32_imm(t, 1));
    }
}

/* ASX and SAX, a lane at a time */
static void crosswise(Trans *t, const A32Args *a, ParKind kind, ParOp op)
{
    IrBuilder *b = t->b;
    bool is_signed = kind <= PAR_SH, sets_ge = kind == PAR_S || kind == PAR_U;
    unsigned size = 16;
    A32Pair x = a32_two(t, a->n, a->m);
    IrVal v = a32_imm(t, 0), ge = a32_imm(t, 0);

    for (unsigned k = 0; k < 32 / size; k++) {
        bool sub = (op == PAR_ASX && k == 0) || (op == PAR_SAX && k == 1);
        IrVal lane_ge = IR_NONE, n = lane(t, x.n, size, k, is_signed);
        IrVal r = par_lane(t, kind, sub, size, n, lane(t, x.m, size, 1 - k, is_signed), &lane_ge);
        v = ir_or(b, IR_I32, v, place(t, r, size, k));
        if (sets_ge)
            ge = ir_or(b, IR_I32, ge, place(t, lane_ge, size, k));
    }
    a32_put(t, a->d, v);
    if (sets_ge)
        a32_put_slot(t, A32_SLOT_GE, ge);
}

/* All ones in the lanes of v, which is n + m or n - m, that set GE: no borrow, a carry; signed: the exact
 * result is not negative. */
static IrVal par_ge(Trans *t, ParKind kind, bool sub, unsigned lane, IrVal n, IrVal m, IrVal v)
{
    IrBuilder *b = t->b;

    if (kind == PAR_U)
        return sub ? ir_vcmp(b, IR_V64, lane, IR_VA_N(IR_GEU), n, m)
                   : ir_vcmp(b, IR_V64, lane, IR_VA_N(IR_LTU), v, n);
    v = sub ? ir_vqsub(b, IR_V64, lane, IR_VA_S, n, m) : ir_vqadd(b, IR_V64, lane, IR_VA_S, n, m);
    return ir_vcmp(b, IR_V64, lane, IR_VA_N(IR_GE), v, ir_vconst(b, IR_V64, 0, 0));
}

static void parallel(Trans *t, const A32Args *a, ParKind kind, ParOp op)
{
    IrBuilder *b = t->b;
    bool sub = op == PAR_SUB16 || op == PAR_SUB8;
    unsigned lane = op >= PAR_ADD8 ? IR_LANE_8 : IR_LANE_16;

    if (op == PAR_ASX || op == PAR_SAX) {
        crosswise(t, a, kind, op);
        return;
    }
    A32Pair x = a32_two(t, a->n, a->m);
    IrVal n = ir_vzext(b, IR_V64, x.n), m = ir_vzext(b, IR_V64, x.m), v, ge = IR_NONE;
    uint32_t sign = kind <= PAR_SH ? IR_VA_S : 0;

    switch (kind) {
    case PAR_Q:
    case PAR_UQ:
        v = sub ? ir_vqsub(b, IR_V64, lane, sign, n, m) : ir_vqadd(b, IR_V64, lane, sign, n, m);
        break;
    case PAR_SH:
    case PAR_UH:
        v = sub ? ir_vhsub(b, IR_V64, lane, sign, n, m) : ir_vhadd(b, IR_V64, lane, sign, n, m);
        break;
    default:
        v = sub ? ir_vsub(b, IR_V64, lane, 0, n, m) : ir_vadd(b, IR_V64, lane, 0, n, m);
        ge = par_ge(t, kind, sub, lane, n, m, v);
        break;
    }
    a32_put(t, a->d, word_of(t, v));
    if (ge)
        a32_put_slot(t, A32_SLOT_GE, word_of(t, ge));
}

#define PARALLEL(prefix, KIND)                                                                               \
    void a32_trans_par_##prefix##add16(Trans *t, const A32Args *a) { parallel(t, a, KIND, PAR_ADD16); }      \
    void a32_trans_par_##prefix##asx(Trans *t, const A32Args *a) { parallel(t, a, KIND, PAR_ASX); }          \
    void a32_trans_par_##prefix##sax(Trans *t, const A32Args *a) { parallel(t, a, KIND, PAR_SAX); }          \
    void a32_trans_par_##prefix##sub16(Trans *t, const A32Args *a) { parallel(t, a, KIND, PAR_SUB16); }      \
    void a32_trans_par_##prefix##add8(Trans *t, const A32Args *a) { parallel(t, a, KIND, PAR_ADD8); }        \
    void a32_trans_par_##prefix##sub8(Trans *t, const A32Args *a) { parallel(t, a, KIND, PAR_SUB8); }
PARALLEL(s, PAR_S)
PARALLEL(q, PAR_Q)
PARALLEL(sh, PAR_SH)
PARALLEL(u, PAR_U)
PARALLEL(uq, PAR_UQ)
PARALLEL(uh, PAR_UH)

void a32_trans_sel(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->n, a->m);
    IrVal ge = ir_get(b, A32_SLOT_GE);
    IrVal differ = ir_xor(b, IR_I32, x.n, x.m);

    a32_put(t, a->d, ir_xor(b, IR_I32, x.m, ir_and(b, IR_I32, differ, ge)));
}

void a32_trans_usada8(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->m, a->s);
    IrVal n = ir_vzext(b, IR_V128, x.n), m = ir_vzext(b, IR_V128, x.m);
    IrVal sum = ir_vwiden(b, IR_V128, IR_LANE_8, 0, ir_vabd(b, IR_V128, IR_LANE_8, 0, n, m));
    IrVal v = ir_vget(b, IR_I32, IR_LANE_16, IR_VA_N(0), ir_vaddv(b, IR_V128, IR_LANE_16, 0, sum));

    a32_put(t, a->d, a->a == A32_NO_ADDEND ? v : ir_add(b, IR_I32, a32_r(t, a->a), v));
}

/* ---- saturation ---- */

/* I64 v saturated to 32 bits; Q */
static IrVal saturate32(Trans *t, IrVal v, IrVal *ret_changed)
{
    return ir_trunc(t->b, IR_I32, clamp(t, IR_I64, v, INT32_MIN, INT32_MAX, ret_changed));
}

static void saturating(Trans *t, const A32Args *a, bool sub, bool twice)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->m, a->n);
    IrVal m = a32_sext(t, x.n), n = a32_sext(t, x.m), q = IR_NONE, changed;

    if (twice)
        n = a32_sext(t, saturate32(t, ir_add(b, IR_I64, n, n), &q));
    IrVal v = saturate32(t, sub ? ir_sub(b, IR_I64, m, n) : ir_add(b, IR_I64, m, n), &changed);
    a32_put(t, a->d, v);
    a32_or_q(t, q ? ir_or(b, IR_I1, q, changed) : changed);
}

void a32_trans_qadd(Trans *t, const A32Args *a) { saturating(t, a, false, false); }
void a32_trans_qsub(Trans *t, const A32Args *a) { saturating(t, a, true, false); }
void a32_trans_qdadd(Trans *t, const A32Args *a) { saturating(t, a, false, true); }
void a32_trans_qdsub(Trans *t, const A32Args *a) { saturating(t, a, true, true); }

static void saturate_to(Trans *t, const A32Args *a, int64_t low, int64_t high)
{
    IrVal q, v = a32_sext(t, a32_operand2(t, a, NULL));

    v = ir_trunc(t->b, IR_I32, clamp(t, IR_I64, v, low, high, &q));
    a32_put(t, a->d, v);
    a32_or_q(t, q);
}

void a32_trans_ssat(Trans *t, const A32Args *a) { saturate_to(t, a, -(1ll << a->imm), (1ll << a->imm) - 1); }
void a32_trans_usat(Trans *t, const A32Args *a) { saturate_to(t, a, 0, (1ll << a->imm) - 1); }

static void saturate_halves(Trans *t, const A32Args *a, int64_t low, int64_t high)
{
    IrBuilder *b = t->b;
    IrVal m = a32_r(t, a->m), q0, q1;
    IrVal lo = clamp(t, IR_I32, half(t, m, false), low, high, &q0);
    IrVal hi = clamp(t, IR_I32, half(t, m, true), low, high, &q1);

    a32_put(t, a->d, ir_or(b, IR_I32, place(t, lo, 16, 0), place(t, hi, 16, 1)));
    a32_or_q(t, ir_or(b, IR_I1, q0, q1));
}

void a32_trans_ssat16(Trans *t, const A32Args *a)
{
    saturate_halves(t, a, -(1ll << a->imm), (1ll << a->imm) - 1);
}
void a32_trans_usat16(Trans *t, const A32Args *a) { saturate_halves(t, a, 0, (1ll << a->imm) - 1); }

/* ---- packing and extension ---- */

void a32_trans_pkhbt(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    IrVal n = a32_r(t, a->n), m = a32_operand2(t, a, NULL);

    n = ir_and(b, IR_I32, n, a32_imm(t, 0xffff));
    a32_put(t, a->d, ir_or(b, IR_I32, n, ir_and(b, IR_I32, m, a32_imm(t, 0xffff0000))));
}

void a32_trans_pkhtb(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    IrVal n = a32_r(t, a->n), m = a32_operand2(t, a, NULL);

    n = ir_and(b, IR_I32, n, a32_imm(t, 0xffff0000));
    a32_put(t, a->d, ir_or(b, IR_I32, n, ir_and(b, IR_I32, m, a32_imm(t, 0xffff))));
}

typedef enum ExtKind { EXT_B16, EXT_B, EXT_H } ExtKind;

static void extend(Trans *t, const A32Args *a, ExtKind kind, bool is_signed, bool add)
{
    IrBuilder *b = t->b;
    IrVal n = add ? a32_r(t, a->n) : IR_NONE;
    IrVal m = a->w ? ir_rotr(b, IR_I32, a32_r(t, a->m), a32_imm(t, a->w * 8u)) : a32_r(t, a->m);

    if (kind == EXT_B16 && !is_signed && !add) {
        a32_put(t, a->d, ir_and(b, IR_I32, m, a32_imm(t, 0x00ff00ff)));
        return;
    }
    if (kind == EXT_B16) {
        IrVal lo = lane(t, m, 8, 0, is_signed), hi = lane(t, m, 8, 2, is_signed);
        if (add) {
            lo = ir_add(b, IR_I32, lo, n);
            hi = ir_add(b, IR_I32, hi, ir_shr(b, IR_I32, n, a32_imm(t, 16)));
        }
        a32_put(t, a->d, ir_or(b, IR_I32, place(t, lo, 16, 0), place(t, hi, 16, 1)));
        return;
    }
    IrVal low = ir_trunc(b, kind == EXT_B ? IR_I8 : IR_I16, m);
    IrVal v = is_signed ? ir_sext(b, IR_I32, low) : ir_zext(b, IR_I32, low);
    a32_put(t, a->d, add ? ir_add(b, IR_I32, n, v) : v);
}

void a32_trans_sxtb(Trans *t, const A32Args *a) { extend(t, a, EXT_B, true, false); }
void a32_trans_sxth(Trans *t, const A32Args *a) { extend(t, a, EXT_H, true, false); }
void a32_trans_sxtb16(Trans *t, const A32Args *a) { extend(t, a, EXT_B16, true, false); }
void a32_trans_uxtb(Trans *t, const A32Args *a) { extend(t, a, EXT_B, false, false); }
void a32_trans_uxth(Trans *t, const A32Args *a) { extend(t, a, EXT_H, false, false); }
void a32_trans_uxtb16(Trans *t, const A32Args *a) { extend(t, a, EXT_B16, false, false); }
void a32_trans_sxtab(Trans *t, const A32Args *a) { extend(t, a, EXT_B, true, true); }
void a32_trans_sxtah(Trans *t, const A32Args *a) { extend(t, a, EXT_H, true, true); }
void a32_trans_sxtab16(Trans *t, const A32Args *a) { extend(t, a, EXT_B16, true, true); }
void a32_trans_uxtab(Trans *t, const A32Args *a) { extend(t, a, EXT_B, false, true); }
void a32_trans_uxtah(Trans *t, const A32Args *a) { extend(t, a, EXT_H, false, true); }
void a32_trans_uxtab16(Trans *t, const A32Args *a) { extend(t, a, EXT_B16, false, true); }

/* ---- signed and dual multiplies ---- */

/* I32 v + Ra, with Q on overflow; without an addend v. */
static void accumulate_q(Trans *t, const A32Args *a, IrVal v64)
{
    IrBuilder *b = t->b;
    IrVal sum = a->a == A32_NO_ADDEND ? v64 : ir_add(b, IR_I64, v64, a32_sext(t, a32_r(t, a->a)));
    IrVal v = ir_trunc(b, IR_I32, sum);

    a32_put(t, a->d, v);
    a32_or_q(t, ir_cmp(b, IR_NE, a32_sext(t, v), sum));
}

static void accumulate64(Trans *t, const A32Args *a, IrVal v64)
{
    A32Pair old = a32_two(t, a->e, a->d);

    a32_put_pair(t, a->e, a->d, ir_add(t->b, IR_I64, v64, a32_pair(t, old.n, old.m)));
}

static IrVal half_product(Trans *t, const A32Args *a)
{
    A32Pair x = a32_two(t, a->m, a->s);

    return ir_mul(t->b, IR_I32, half(t, x.n, a->x), half(t, x.m, a->y));
}

void a32_trans_smlaxy(Trans *t, const A32Args *a) { accumulate_q(t, a, a32_sext(t, half_product(t, a))); }
void a32_trans_smulxy(Trans *t, const A32Args *a) { a32_put(t, a->d, half_product(t, a)); }
void a32_trans_smlalxy(Trans *t, const A32Args *a) { accumulate64(t, a, a32_sext(t, half_product(t, a))); }

/* Bits 47..16 of word times half. */
static IrVal word_product(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->m, a->s);
    IrVal v = ir_mul(b, IR_I64, a32_sext(t, x.n), a32_sext(t, half(t, x.m, a->y)));

    return ir_sar(b, IR_I64, v, a32_imm64(t, 16));
}

void a32_trans_smlawy(Trans *t, const A32Args *a) { accumulate_q(t, a, word_product(t, a)); }
void a32_trans_smulwy(Trans *t, const A32Args *a)
{
    a32_put(t, a->d, ir_trunc(t->b, IR_I32, word_product(t, a)));
}

/* low * low +- high * high, exact; x: the halves of s change places */
static IrVal dual_product(Trans *t, const A32Args *a, bool sub)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->m, a->s);
    IrVal p = ir_mul(b, IR_I32, half(t, x.n, false), half(t, x.m, a->x));
    IrVal q = ir_mul(b, IR_I32, half(t, x.n, true), half(t, x.m, !a->x));

    p = a32_sext(t, p);
    q = a32_sext(t, q);
    return sub ? ir_sub(b, IR_I64, p, q) : ir_add(b, IR_I64, p, q);
}

void a32_trans_smlad(Trans *t, const A32Args *a) { accumulate_q(t, a, dual_product(t, a, false)); }
void a32_trans_smlsd(Trans *t, const A32Args *a) { accumulate_q(t, a, dual_product(t, a, true)); }
void a32_trans_smlald(Trans *t, const A32Args *a) { accumulate64(t, a, dual_product(t, a, false)); }
void a32_trans_smlsld(Trans *t, const A32Args *a) { accumulate64(t, a, dual_product(t, a, true)); }

/* The high half of Ra:0 +- m * s, rounded when r */
static void high_product(Trans *t, const A32Args *a, bool sub)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->m, a->s);
    IrVal v = ir_mul(b, IR_I64, a32_sext(t, x.n), a32_sext(t, x.m));
    IrVal old = a->a == A32_NO_ADDEND ? a32_imm64(t, 0)
                                      : ir_shl(b, IR_I64, a32_zext(t, a32_r(t, a->a)), a32_imm64(t, 32));

    v = sub ? ir_sub(b, IR_I64, old, v) : ir_add(b, IR_I64, old, v);
    if (a->r)
        v = ir_add(b, IR_I64, v, a32_imm64(t, 0x80000000ll));
    a32_put(t, a->d, ir_trunc(b, IR_I32, ir_shr(b, IR_I64, v, a32_imm64(t, 32))));
}

void a32_trans_smmla(Trans *t, const A32Args *a) { high_product(t, a, false); }
void a32_trans_smmls(Trans *t, const A32Args *a) { high_product(t, a, true); }
