/* Scalar floating point on SSE/AVX/FMA, bit for bit what ops.def says under the CANON policy, flags included.
 *
 * Rules (tests/experiments/fpflags proves each recipe): a host sequence may raise only flags that the guest
 * raises too; what it might miss is added by the soft routine in cold code. A NaN result is left as the host
 * made it and marked dirty; it is made canonical where its bits can be seen (x64_clean): memory, the cpu
 * object, a cast, an exit. Arithmetic in any rounding mode but the dynamic one goes to softfp; conversions
 * with integers are done in place.
 */
#include "softfp/softfp.h"
#include "tcg/host/x86_64/x64_priv.h"

/* ---- soft routines: operand bits and a rounding mode ---- */

#define SOFT(name, expr)                                                                                     \
    static SoftfpRes soft_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t rm)                            \
    {                                                                                                        \
        SoftfpMode m = {.round = (uint8_t)rm};                                                               \
        return expr;                                                                                         \
    }
#define SOFT2(name, call)                                                                                    \
    SOFT(name##_s, softfp_##call(SOFTFP_F32, m, a, b))                                                       \
    SOFT(name##_d, softfp_##call(SOFTFP_F64, m, a, b))
SOFT2(add, add)
SOFT2(sub, sub)
SOFT2(mul, mul)
SOFT2(div, div)
SOFT2(min, min)
SOFT2(max, max)
SOFT2(minm, minm)
SOFT2(maxm, maxm)
SOFT(sqrt_s, softfp_sqrt(SOFTFP_F32, m, a))
SOFT(sqrt_d, softfp_sqrt(SOFTFP_F64, m, a))
#define SOFT_FMA(neg)                                                                                        \
    SOFT(fma##neg##_s, softfp_fma(SOFTFP_F32, m, neg, a, b, c))                                              \
    SOFT(fma##neg##_d, softfp_fma(SOFTFP_F64, m, neg, a, b, c))
SOFT_FMA(0)
SOFT_FMA(1)
SOFT_FMA(2)
SOFT_FMA(3)
SOFT(cvt_ds, softfp_cvt(SOFTFP_F32, SOFTFP_F64, m, a))
#define SOFT_INT(w, u)                                                                                       \
    SOFT(to_##w##u##_s, softfp_to_int(SOFTFP_F32, m, a, w, u))                                               \
    SOFT(to_##w##u##_d, softfp_to_int(SOFTFP_F64, m, a, w, u))                                               \
    SOFT(from_##w##u##_s, softfp_from_int(SOFTFP_F32, m, a, w, u))                                           \
    SOFT(from_##w##u##_d, softfp_from_int(SOFTFP_F64, m, a, w, u))
SOFT_INT(32, 0)
SOFT_INT(32, 1)
SOFT_INT(64, 0)
SOFT_INT(64, 1)
static SoftfpRes soft_class_s(uint64_t a, uint64_t b, uint64_t c, uint64_t rm)
{
    return (SoftfpRes){.bits = softfp_class(SOFTFP_F32, a)};
}
static SoftfpRes soft_class_d(uint64_t a, uint64_t b, uint64_t c, uint64_t rm)
{
    return (SoftfpRes){.bits = softfp_class(SOFTFP_F64, a)};
}
typedef SoftfpRes SoftFn(uint64_t a, uint64_t b, uint64_t c, uint64_t rm);

static bool wide(const IrInsn *i) { return i->type == IR_F64; }

void x64_load_const(X64Emit *e, int xmm, size_t offset)
{
    x64_movsd_rm(e->a, xmm, X64_MEM(X64_RIP, 0));
    x64_outside(e, e->a->p - 4, e->h->consts + offset);
}

/* Compares x with a constant; unordered sets PF. Quiet, but for a signaling NaN, which every user flags
 * too. */
static void compare_const(X64Emit *e, int fmt, int x, size_t offset)
{
    x64_fp_record(e);
    x64_ucomis_rm(e->a, fmt, x, X64_MEM(X64_RIP, 0));
    x64_outside(e, e->a->p - 4, e->h->consts + offset);
}

void x64_clean(X64Emit *e, IrVal v, int x)
{
    v = x64_val(e, v);
    if (!e->dirty[v])
        return;
    bool w = e->r->insn[v].type == IR_F64;
    x64_ucomis_rr(e->a, w ? X64_SD : X64_SS, x, x);
    X64Cold *c = x64_cold(e, COLD_CANON);
    c->reg = (uint8_t)x;
    c->width = w ? 64 : 32;
    c->site = x64_jcc_rel32(e->a, X64_P);
    c->back = e->a->p;
    e->dirty[v] = 0;
    if (e->spill[v])
        x64_movsd_mr(e->a, x64_spill_mem(e, e->spill[v] - 1u), x);
}

static void mark_dirty(X64Emit *e, int x)
{
    if (e->arm)
        return;
    e->dirty[e->cur] = 1;
    e->any_dirty = true;
    if (e->h->no_opt & X64_NO_LAZY_NAN)
        x64_clean(e, (IrVal)e->cur, x);
}

/* Cold code that does the operation with softfp: the caller sets the branch to it and where it goes on. */
static X64Cold *soft_call(X64Emit *e, SoftFn *fn, const int *args, unsigned n, int dst, unsigned rm)
{
    if (e->arm)
        return x64_soft_ir(e, args, n, dst);
    X64Cold *c = x64_cold(e, COLD_SOFT);
    c->n_args = (uint8_t)n;
    for (unsigned k = 0; k < n; k++)
        c->arg_reg[k] = (uint8_t)args[k];
    c->reg = (uint8_t)dst;
    c->mode = (uint8_t)rm;
    c->fn = (uint64_t)(uintptr_t)fn;
    return c;
}

/* Always: for rounding modes that the host cannot do in place. */
static void soft_always(X64Emit *e, SoftFn *fn, const int *args, unsigned n, int dst, unsigned rm)
{
    X64Cold *c = soft_call(e, fn, args, n, dst, rm);
    c->site = x64_jmp_rel32(e->a);
    c->back = e->a->p;
    e->calls++;
}

/* On condition cc. */
static X64Cold *soft_if(X64Emit *e, int cc, SoftFn *fn, const int *args, unsigned n, int dst, unsigned rm)
{
    X64Cold *c = soft_call(e, fn, args, n, dst, rm);
    c->site = x64_jcc_rel32(e->a, cc);
    return c;
}

static void arith(X64Emit *e, const IrInsn *i, int op, bool comm, SoftFn *s, SoftFn *d)
{
    int fmt = x64_fmt((IrType)i->type);
    int ra = x64_use_x(e, i->a);
    X64Mem m;
    if (i->misc != IR_RDYN) {
        int rb = x64_use_x(e, i->b), rd = x64_def_x(e, -1, 1u << ra | 1u << rb);
        x64_clean(e, i->a, ra);
        x64_clean(e, i->b, rb);
        soft_always(e, wide(i) ? d : s, (int[]){ra + X64_XMM, rb + X64_XMM}, 2, rd + X64_XMM, i->misc);
        return;
    }
    if (x64_has(e->h->features, X64_F_AVX)) {
        if (x64_use_mem(e, i->b, &m) && !x64_live_after(e, i->b)) {
            int rd = x64_def_x(e, ra, 0);
            x64_fp_record(e);
            x64_vfarith_rrm(e->a, fmt, op, rd, ra, m);
            e->upper0[e->cur] = x64_upper_is_zero(e, i->a, wide(i) ? 64 : 32);
            mark_dirty(e, rd);
        } else {
            int rb = x64_use_x(e, i->b), rd = x64_def_x(e, ra, 0);
            x64_fp_record(e);
            x64_vfarith_rrr(e->a, fmt, op, rd, ra, rb);
            e->upper0[e->cur] = x64_upper_is_zero(e, i->a, wide(i) ? 64 : 32);
            mark_dirty(e, rd);
        }
        return;
    }
    int rb = x64_use_x(e, i->b), dst = x64_def_x(e, ra, 0), rd = dst == ra ? dst : x64_fp_temp(e, dst);
    if (rd == rb && rd != ra && (!comm || e->arm)) {
        int t = x64_scratch_x(e);
        x64_movaps_rr(e->a, t, rb);
        rb = t;
    }
    if (rd == rb && rd != ra) {
        x64_farith_rr(e->a, fmt, op, rd, ra);
    } else {
        if (rd != ra)
            x64_movaps_rr(e->a, rd, ra);
        x64_fp_record(e);
        x64_farith_rr(e->a, fmt, op, rd, rb);
    }
    if (rd != dst)
        x64_movaps_rr(e->a, dst, rd);
    mark_dirty(e, dst);
}

void x64_emit_fadd(X64Emit *e, const IrInsn *i) { arith(e, i, X64_FADD, true, soft_add_s, soft_add_d); }
void x64_emit_fsub(X64Emit *e, const IrInsn *i) { arith(e, i, X64_FSUB, false, soft_sub_s, soft_sub_d); }
void x64_emit_fmul(X64Emit *e, const IrInsn *i) { arith(e, i, X64_FMUL, true, soft_mul_s, soft_mul_d); }
void x64_emit_fdiv(X64Emit *e, const IrInsn *i) { arith(e, i, X64_FDIV, false, soft_div_s, soft_div_d); }

void x64_emit_fsqrt(X64Emit *e, const IrInsn *i)
{
    int ra = x64_use_x(e, i->a), rd = x64_def_x(e, ra, i->misc != IR_RDYN ? 1u << ra : 0);
    if (i->misc != IR_RDYN) {
        x64_clean(e, i->a, ra);
        soft_always(e, wide(i) ? soft_sqrt_d : soft_sqrt_s, (int[]){ra + X64_XMM}, 1, rd + X64_XMM, i->misc);
        return;
    }
    x64_fp_record(e);
    if (x64_has(e->h->features, X64_F_AVX)) { /* the other form waits for the old rd */
        x64_vfarith_rrr(e->a, x64_fmt((IrType)i->type), X64_FSQRT, rd, ra, ra);
        e->upper0[e->cur] = x64_upper_is_zero(e, i->a, wide(i) ? 64 : 32);
    } else {
        x64_farith_rr(e->a, x64_fmt((IrType)i->type), X64_FSQRT, rd, ra);
    }
    mark_dirty(e, rd);
}

/* inf * 0 + qNaN raises nothing on the host but invalid on the guest: every NaN result is looked at. */
void x64_emit_fma(X64Emit *e, const IrInsn *i)
{
    static SoftFn *const soft[2][4] = {{soft_fma0_s, soft_fma1_s, soft_fma2_s, soft_fma3_s},
                                       {soft_fma0_d, soft_fma1_d, soft_fma2_d, soft_fma3_d}};
    static const uint8_t kind[4] = {X64_FMADD, X64_FNMADD, X64_FMSUB, X64_FNMSUB};
    int fmt = x64_fmt((IrType)i->type);
    unsigned neg = i->imm & 3;
    int x = x64_use_x(e, i->a), y = x64_use_x(e, i->b), z = x64_use_x(e, i->c);
    SoftFn *fn = soft[wide(i)][neg];
    uint32_t srcs = 1u << x | 1u << y | 1u << z;
    if (i->misc != IR_RDYN || !x64_has(e->h->features, X64_F_FMA)) {
        int rd = x64_def_x(e, -1, srcs);
        x64_clean(e, i->a, x);
        x64_clean(e, i->b, y);
        x64_clean(e, i->c, z);
        soft_always(e, fn, (int[]){x + X64_XMM, y + X64_XMM, z + X64_XMM}, 3, rd + X64_XMM, i->misc);
        return;
    }
    /* The operands must survive for the cold path: compute into a register of its own. */
    int dst = x64_def_x(e, -1, srcs), rd = x64_fp_temp(e, dst);
    x64_scratch_room(e); /* x64_strict_underflow() */
    /* The rest of the register comes from what rd was: of the factors, one that has zeros there. */
    unsigned bits = wide(i) ? 64 : 32;
    bool swap = !x64_upper_is_zero(e, i->a, bits) && x64_upper_is_zero(e, i->b, bits);
    x64_movaps_rr(e->a, rd, swap ? y : x);
    x64_fp_record(e);
    x64_fma_rrr(e->a, fmt, kind[neg], X64_213, rd, swap ? x : y, z);
    e->upper0[e->cur] = swap || x64_upper_is_zero(e, i->a, bits); /* of a soft result as well */
    x64_ucomis_rr(e->a, fmt, rd, rd);
    X64Cold *c =
        soft_if(e, X64_P, fn, (int[]){x + X64_XMM, y + X64_XMM, z + X64_XMM}, 3, rd + X64_XMM, IR_RDYN);
    x64_strict_underflow(e, (SoftArgs){3, {x, y, z}}, wide(i), rd);
    c->back = e->a->p;
    if (rd != dst)
        x64_movaps_rr(e->a, dst, rd);
}

/* Unordered operands are for softfp. Else minsd takes the second of -0 and +0: so both orders, and the one
 * bit by which the results can differ is the sign, set in the smaller. */
static void minmax(X64Emit *e, const IrInsn *i, int op, SoftFn *s, SoftFn *d)
{
    int fmt = x64_fmt((IrType)i->type);
    int x = x64_use_x(e, i->a), y = x64_use_x(e, i->b);
    int t = x64_scratch_x(e), rd = x64_def_x(e, -1, 1u << x | 1u << y | 1u << t);
    x64_clean(e, i->a, x);
    x64_clean(e, i->b, y);
    x64_fp_record(e);
    x64_ucomis_rr(e->a, fmt, x, y);
    X64Cold *c =
        soft_if(e, X64_P, wide(i) ? d : s, (int[]){x + X64_XMM, y + X64_XMM}, 2, rd + X64_XMM, IR_RNE);
    x64_movaps_rr(e->a, rd, x);
    x64_farith_rr(e->a, fmt, op, rd, y);
    x64_movaps_rr(e->a, t, y);
    x64_farith_rr(e->a, fmt, op, t, x);
    x64_flogic_rr(e->a, X64_PS, op == X64_FMIN ? X64_FOR : X64_FAND, rd, t);
    c->back = e->a->p;
}

void x64_emit_fmin(X64Emit *e, const IrInsn *i) { minmax(e, i, X64_FMIN, soft_min_s, soft_min_d); }
void x64_emit_fmax(X64Emit *e, const IrInsn *i) { minmax(e, i, X64_FMAX, soft_max_s, soft_max_d); }
void x64_emit_fminm(X64Emit *e, const IrInsn *i) { minmax(e, i, X64_FMIN, soft_minm_s, soft_minm_d); }
void x64_emit_fmaxm(X64Emit *e, const IrInsn *i) { minmax(e, i, X64_FMAX, soft_maxm_s, soft_maxm_d); }

void x64_emit_fcmp(X64Emit *e, const IrInsn *i)
{
    int fmt = x64_fmt((IrType)i->type);
    bool swap = i->misc != IR_FEQ && i->misc != IR_FUNO; /* a < b as b > a: "above" is false on unordered */
    int x = x64_use_x(e, swap ? i->b : i->a), y = x64_use_x(e, swap ? i->a : i->b);
    bool silent = i->misc == IR_FLTS || i->misc == IR_FLES;
    x64_fp_record(e);
    if (silent && e->fp_image != e->cur) /* the flags before, to go back to */
        x64_stmxcsr(e->a, x64_env(e->h->at.host_fp));
    if (i->misc == IR_FLT || i->misc == IR_FLE)
        x64_comis_rr(e->a, fmt, x, y);
    else
        x64_ucomis_rr(e->a, fmt, x, y);
    int d = x64_def(e, -1, 0);
    X64Cold *cold = NULL;
    if (silent) {
        cold = x64_cold(e, COLD_UNORDERED);
        cold->reg = (uint8_t)d;
        cold->site = x64_jcc_rel32(e->a, X64_P);
    }
    switch (i->misc) {
    case IR_FEQ: {
        int t = x64_scratch(e);
        x64_setcc(e->a, X64_NP, t);
        x64_setcc(e->a, X64_E, d);
        x64_alu_rr(e->a, 8, X64_AND, d, t);
        break;
    }
    case IR_FUNO: x64_setcc(e->a, X64_P, d); break;
    case IR_FLT:
    case IR_FLTS:
    case IR_FLTQ: x64_setcc(e->a, X64_A, d); break;
    default: x64_setcc(e->a, X64_AE, d); break;
    }
    x64_movzx_rr(e->a, 8, d, d);
    if (cold)
        cold->back = e->a->p;
}

static void logic_const(X64Emit *e, int op, int d, size_t offset)
{
    x64_flogic_rm(e->a, X64_PS, op, d, X64_MEM(X64_RIP, 0));
    x64_outside(e, e->a->p - 4, e->h->consts + offset);
}

void x64_emit_fsgn(X64Emit *e, const IrInsn *i)
{
    static const struct {
        uint16_t sign, abs;
    } consts[] = {{offsetof(X64Const, sign16), offsetof(X64Const, abs16)},
                  {offsetof(X64Const, sign32), offsetof(X64Const, abs32)},
                  {offsetof(X64Const, sign64), offsetof(X64Const, abs64)}};
    int x = x64_use_x(e, i->a);
    x64_clean(e, i->a, x);
    size_t sign = consts[i->type - IR_F16].sign, abs = consts[i->type - IR_F16].abs;
    if (x64_val(e, i->a) == x64_val(e, i->b)) { /* fmv, fneg, fabs */
        int d = x64_def_x(e, x, 0);
        if (d != x)
            x64_movaps_rr(e->a, d, x);
        if (i->misc == 1)
            logic_const(e, X64_FXOR, d, sign);
        else if (i->misc == 2)
            logic_const(e, X64_FAND, d, abs);
        return;
    }
    int y = x64_use_x(e, i->b);
    x64_clean(e, i->b, y);
    int t = x64_scratch_x(e), d = x64_def_x(e, -1, 1u << x | 1u << y);
    x64_movaps_rr(e->a, t, y);
    logic_const(e, X64_FAND, t, sign);
    x64_movaps_rr(e->a, d, x);
    if (i->misc != 2)
        logic_const(e, X64_FAND, d, abs);
    x64_flogic_rr(e->a, X64_PS, X64_FXOR, d, t);
    if (i->misc == 1)
        logic_const(e, X64_FXOR, d, sign);
}

/* Zeros and normal numbers, by integer tests; the rest is for softfp. A dirty NaN is of the same class as a
 * clean one. */
void x64_emit_fclass(X64Emit *e, const IrInsn *i)
{
    if (i->misc == IR_F16) {
        x64_soft_ir_always(e, i);
        return;
    }
    bool w64 = i->misc == IR_F64;
    int w = w64 ? 64 : 32, x = x64_use_x(e, i->a), d = x64_def(e, -1, 0), t = x64_scratch(e);
    x64_movd_rx(e->a, w, d, x);
    x64_mov_rr(e->a, w, t, d);
    x64_alu_rr(e->a, w, X64_ADD, t, t);
    uint8_t *zero = x64_jcc_rel8(e->a, X64_E);
    x64_shift_ri(e->a, w, X64_SHR, t, w64 ? 53 : 24);
    x64_alu_ri(e->a, 32, X64_SUB, t, 1);
    x64_alu_ri(e->a, 32, X64_CMP, t, w64 ? 0x7fe : 0xfe);
    X64Cold *c = soft_if(e, X64_AE, w64 ? soft_class_d : soft_class_s, (int[]){x + X64_XMM}, 1, d, IR_RNE);
    x64_shift_ri(e->a, w, X64_SAR, d, w - 1); /* negative: bit 1, positive: bit 6 */
    x64_alu_ri(e->a, 32, X64_AND, d, 2 - 64);
    x64_alu_ri(e->a, 32, X64_ADD, d, 64);
    uint8_t *end = x64_jmp_rel8(e->a);
    x64_patch8(zero, e->a->p);
    x64_shift_ri(e->a, w, X64_SAR, d, w - 1); /* bit 3, bit 4 */
    x64_alu_ri(e->a, 32, X64_AND, d, 8 - 16);
    x64_alu_ri(e->a, 32, X64_ADD, d, 16);
    x64_patch8(end, e->a->p);
    c->back = e->a->p;
}

void x64_emit_f2f(X64Emit *e, const IrInsn *i)
{
    int x = x64_use_x(e, i->a);
    unsigned rm = i->d & 7;
    if (rm != IR_RDYN && wide(i))
        rm = IR_RDYN; /* to the wider format: exact */
    if (rm != IR_RDYN) {
        int d = x64_def_x(e, -1, 1u << x);
        x64_clean(e, i->a, x);
        soft_always(e, soft_cvt_ds, (int[]){x + X64_XMM}, 1, d + X64_XMM, rm);
        return;
    }
    int dst = x64_def_x(e, -1, 1u << x), d = x64_fp_temp(e, dst);
    x64_sse_rr(e->a, X64_PS, X64_0F, 0x57, 0, d, d); /* xorps: no wait for the old value */
    x64_fp_record(e);
    if (wide(i))
        x64_cvtss2sd(e->a, d, x);
    else
        x64_cvtsd2ss(e->a, d, x);
    if (!wide(i))
        x64_strict_underflow(e, (SoftArgs){1, {x}}, false, d);
    if (d != dst)
        x64_movaps_rr(e->a, dst, d);
    mark_dirty(e, dst);
}

/* imm of roundss/sd for a static rounding; -1: the host has none. */
static int round_imm(unsigned rm)
{
    return rm == IR_RNE ? 0 : rm == IR_RDN ? 1 : rm == IR_RUP ? 2 : rm == IR_RTZ ? 3 : -1;
}

/* To unsigned. Range first, by quiet compares, so that the signed 64-bit conversion can raise nothing but
 * inexact: below 2^31 (2^63), and above -1 when truncating or not below 0 otherwise. */
static void f2i_unsigned(X64Emit *e, const IrInsn *i, int x, int d, unsigned rm, SoftFn *fn)
{
    static const uint16_t limit[2][2] = {{offsetof(X64Const, two31_32), offsetof(X64Const, two31_64)},
                                         {offsetof(X64Const, two63_32), offsetof(X64Const, two63_64)}};
    bool w = i->misc == IR_F64;
    int fmt = w ? X64_SD : X64_SS, t = x64_scratch_x(e);
    compare_const(e, fmt, x, limit[i->type == IR_I64][w]);
    X64Cold *c = soft_if(e, X64_AE, fn, (int[]){x + X64_XMM}, 1, d, rm);
    if (rm == IR_RTZ) {
        compare_const(e, fmt, x, w ? offsetof(X64Const, minus1_64) : offsetof(X64Const, minus1_32));
        c->site2 = x64_jcc_rel32(e->a, X64_BE); /* or unordered */
        x64_cvttf2si_rr(e->a, fmt, 64, d, x);
    } else {
        compare_const(e, fmt, x, offsetof(X64Const, zero));
        c->site2 = x64_jcc_rel32(e->a, X64_B); /* or unordered */
        if (rm != IR_RDYN) {
            x64_rounds_rr(e->a, fmt, t, x, round_imm(rm));
            x = t;
        }
        x64_cvtf2si_rr(e->a, fmt, 64, d, x);
    }
    c->back = e->a->p;
}

/* Ties away, signed: truncate, then step away from zero when the remainder (exact) is a half or more. Not
 * from f64 to 32 bits, where a number with a fraction can be out of range only after the step. */
static void f2i_ties_away(X64Emit *e, const IrInsn *i, int x, int d, SoftFn *fn)
{
    bool w = i->misc == IR_F64;
    int fmt = w ? X64_SD : X64_SS, width = i->type == IR_I64 ? 64 : 32, t = x64_scratch_x(e),
        rest = x64_scratch_x(e);
    size_t half = w ? offsetof(X64Const, half_64) : offsetof(X64Const, half_32);
    x64_fp_record(e);
    x64_cvttf2si_rr(e->a, fmt, width, d, x);
    x64_alu_ri(e->a, width, X64_CMP, d, 1);
    X64Cold *c = soft_if(e, X64_O, fn, (int[]){x + X64_XMM}, 1, d, IR_RMM);
    x64_sse_rr(e->a, X64_PS, X64_0F, 0x57, 0, t, t);
    x64_cvtsi2f_rr(e->a, fmt, width, t, d);
    x64_movaps_rr(e->a, rest, x);
    x64_farith_rr(e->a, fmt, X64_FSUB, rest, t);
    compare_const(e, fmt, rest, half);
    x64_alu_ri(e->a, width, X64_SBB, d, -1); /* + 1 unless rest < 0.5 */
    x64_load_const(e, t, w ? offsetof(X64Const, minus_half_64) : offsetof(X64Const, minus_half_32));
    x64_ucomis_rr(e->a, fmt, t, rest);
    x64_alu_ri(e->a, width, X64_ADC, d, -1); /* - 1 unless -0.5 < rest */
    c->back = e->a->p;
}

/* 0x80..0 is "invalid" or the true minimum: softfp tells; it raises what the host raised. Arm's traps tell by
 * themselves. */
static X64Cold *indefinite(X64Emit *e, int width, SoftFn *fn, int x, int d, unsigned rm)
{
    if (e->arm)
        return NULL;
    x64_alu_ri(e->a, width, X64_CMP, d, 1);
    return soft_if(e, X64_O, fn, (int[]){x + X64_XMM}, 1, d, rm);
}

/* To nearest even, down, up, signed. From f64 to 32 bits a number that rounds out of range may raise invalid
 * only, so inexact is held back until the result is known to be in range. Elsewhere numbers that large have
 * no fraction. */
static void f2i_static(X64Emit *e, const IrInsn *i, int x, int d, unsigned rm, SoftFn *fn)
{
    bool narrow = i->misc == IR_F64 && i->type != IR_I64;
    int fmt = i->misc == IR_F64 ? X64_SD : X64_SS, width = i->type == IR_I64 ? 64 : 32, t = x64_scratch_x(e);
    int unused = narrow ? x64_scratch(e) : d;
    x64_fp_record(e);
    x64_rounds_rr(e->a, fmt, t, x, round_imm(rm) + (narrow ? 8 : 0));
    x64_fp_record(e);
    x64_cvttf2si_rr(e->a, fmt, width, d, t);
    X64Cold *c = indefinite(e, width, fn, x, d, rm);
    if (narrow)
        x64_cvttf2si_rr(e->a, fmt, 32, unused, x); /* for inexact */
    if (c)
        c->back = e->a->p;
}

void x64_emit_f2i(X64Emit *e, const IrInsn *i)
{
    static SoftFn *const soft[2][2][2] = {{{soft_to_320_s, soft_to_321_s}, {soft_to_640_s, soft_to_641_s}},
                                          {{soft_to_320_d, soft_to_321_d}, {soft_to_640_d, soft_to_641_d}}};
    bool from64 = i->misc == IR_F64, to64 = i->type == IR_I64, u = (i->d & IR_CVT_UNSIGNED) != 0;
    int fmt = from64 ? X64_SD : X64_SS;
    unsigned rm = i->d & 7;
    int x = x64_use_x(e, i->a), d = x64_def(e, -1, 0);
    SoftFn *fn = soft[from64][to64][u];
    bool direct = rm == IR_RDYN || rm == IR_RTZ;
    if (!direct && (!x64_has(e->h->features, X64_F_SSE41) || (rm == IR_RMM && (u || (from64 && !to64))))) {
        x64_clean(e, i->a, x);
        soft_always(e, fn, (int[]){x + X64_XMM}, 1, d, rm);
    } else if (u) {
        f2i_unsigned(e, i, x, d, rm, fn);
    } else if (rm == IR_RMM) {
        f2i_ties_away(e, i, x, d, fn);
    } else if (!direct) {
        f2i_static(e, i, x, d, rm, fn);
    } else {
        int w = to64 ? 64 : 32;
        x64_fp_record(e);
        if (rm == IR_RTZ)
            x64_cvttf2si_rr(e->a, fmt, w, d, x);
        else
            x64_cvtf2si_rr(e->a, fmt, w, d, x);
        X64Cold *c = indefinite(e, w, fn, x, d, rm);
        if (c)
            c->back = e->a->p;
    }
}

/* From 64 bits unsigned: with the top bit set, half of it with the lost bit kept sticky, twice. */
static void i2f_u64(X64Emit *e, int fmt, int d, int r)
{
    int t = x64_scratch(e), low = x64_scratch(e);
    x64_test_rr(e->a, 64, r, r);
    uint8_t *large = x64_jcc_rel8(e->a, X64_S);
    x64_cvtsi2f_rr(e->a, fmt, 64, d, r);
    uint8_t *end = x64_jmp_rel8(e->a);
    x64_patch8(large, e->a->p);
    x64_mov_rr(e->a, 64, t, r);
    x64_mov_rr(e->a, 32, low, r);
    x64_shift_ri(e->a, 64, X64_SHR, t, 1);
    x64_alu_ri(e->a, 32, X64_AND, low, 1);
    x64_alu_rr(e->a, 64, X64_OR, t, low);
    x64_cvtsi2f_rr(e->a, fmt, 64, d, t);
    x64_farith_rr(e->a, fmt, X64_FADD, d, d);
    x64_patch8(end, e->a->p);
}

/* Static rounding: an integer that fits the significand is exact whatever the mode; others are for softfp. */
static void i2f_static(X64Emit *e, const IrInsn *i, int d, int r, unsigned rm, SoftFn *fn)
{
    bool from64 = i->misc == IR_I64, u = (i->d & IR_CVT_UNSIGNED) != 0;
    int fmt = x64_fmt((IrType)i->type), v = r, t = x64_scratch(e), bits = wide(i) ? 53 : 24;
    if (!from64) {
        v = x64_scratch(e);
        if (u)
            x64_mov_rr(e->a, 32, v, r);
        else
            x64_movsx_rr(e->a, 64, 32, v, r);
    }
    x64_mov_rr(e->a, 64, t, v);
    x64_shift_ri(e->a, 64, u ? X64_SHR : X64_SAR, t, bits);
    if (!u) {
        x64_alu_ri(e->a, 64, X64_ADD, t, 1);
        x64_alu_ri(e->a, 64, X64_CMP, t, 1);
    }
    X64Cold *c = soft_if(e, u ? X64_NE : X64_A, fn, (int[]){r}, 1, d + X64_XMM, rm);
    x64_cvtsi2f_rr(e->a, fmt, 64, d, v);
    c->back = e->a->p;
}

void x64_emit_i2f(X64Emit *e, const IrInsn *i)
{
    static SoftFn *const soft[2][2][2] = {
        {{soft_from_320_s, soft_from_321_s}, {soft_from_640_s, soft_from_641_s}},
        {{soft_from_320_d, soft_from_321_d}, {soft_from_640_d, soft_from_641_d}}};
    bool from64 = i->misc == IR_I64, u = (i->d & IR_CVT_UNSIGNED) != 0;
    int fmt = x64_fmt((IrType)i->type);
    unsigned rm = i->d & 7;
    if (wide(i) && !from64)
        rm = IR_RDYN; /* exact */
    int r = x64_use(e, i->a), d = x64_def_x(e, -1, 0);
    x64_sse_rr(e->a, X64_PS, X64_0F, 0x57, 0, d, d);
    e->upper0[e->cur] = 1;
    if (rm != IR_RDYN) {
        i2f_static(e, i, d, r, rm, soft[wide(i)][from64][u]);
    } else if (!u) {
        x64_cvtsi2f_rr(e->a, fmt, from64 ? 64 : 32, d, r);
    } else if (!from64) {
        int t = x64_scratch(e);
        x64_mov_rr(e->a, 32, t, r);
        x64_cvtsi2f_rr(e->a, fmt, 64, d, t);
    } else {
        i2f_u64(e, fmt, d, r);
    }
}

void x64_emit_cast(X64Emit *e, const IrInsn *i)
{
    bool to_vec = ir_type_is_vec((IrType)i->type), from_vec = ir_type_is_vec((IrType)i->misc);
    int w = i->type == IR_I64 || i->type == IR_F64 ? 64 : 32;
    int64_t c;
    if (to_vec && !from_vec) {
        if (x64_const(e, i->a, &c) && c == 0) {
            int z = x64_def_x(e, -1, 0);
            x64_sse_rr(e->a, X64_PS, X64_0F, 0x57, 0, z, z);
            return;
        }
        int r = x64_use(e, i->a);
        x64_movd_xr(e->a, w, x64_def_x(e, -1, 0), r);
    } else {
        int x = x64_use_x(e, i->a);
        x64_clean(e, i->a, x);
        if (to_vec) {
            int d = x64_def_x(e, x, 0);
            if (d != x)
                x64_movaps_rr(e->a, d, x);
        } else {
            x64_movd_rx(e->a, w, x64_def(e, -1, 0), x);
        }
    }
}

void x64_emit_box(X64Emit *e, const IrInsn *i)
{
    int x = x64_use_x(e, i->a);
    x64_clean(e, i->a, x);
    int d = x64_def_x(e, x, 0);
    if (d != x)
        x64_movaps_rr(e->a, d, x);
    logic_const(e, X64_FOR, d, offsetof(X64Const, box));
}

void x64_emit_unbox(X64Emit *e, const IrInsn *i)
{
    X64Mem m;
    int d;
    if (x64_use_mem(e, i->a, &m)) {
        d = x64_def_x(e, -1, 0);
        x64_movss_rm(e->a, d, m);
        m.disp += 4;
        x64_alu_mi(e->a, 32, X64_CMP, m, -1);
    } else {
        int x = x64_use_x(e, i->a), t = x64_scratch(e);
        x64_clean(e, i->a, x);
        d = x64_def_x(e, x, 0);
        x64_movd_rx(e->a, 64, t, x);
        if (d != x)
            x64_movaps_rr(e->a, d, x);
        x64_shift_ri(e->a, 64, X64_SAR, t, 32);
        x64_alu_ri(e->a, 32, X64_CMP, t, -1);
    }
    X64Cold *c = x64_cold(e, COLD_UNBOX);
    c->reg = (uint8_t)d;
    c->width = 32;
    c->site = x64_jcc_rel32(e->a, X64_NE);
    c->back = e->a->p;
}

/* The environment: sticky flags are MXCSR's six low bits or-ed with [ff]. */
void x64_emit_ffget(X64Emit *e, const IrInsn *i)
{
    X64Mem image = x64_env(e->h->at.host_fp);
    int d = x64_def(e, -1, 0);
    x64_stmxcsr(e->a, image);
    x64_mov_rm(e->a, 32, d, image);
    if (e->arm) /* the host's "denormal operand" is not Arm's "input denormal" */
        x64_alu_ri(e->a, 32, X64_AND, d, ~IR_FF_DENORM);
    x64_alu_rm(e->a, 32, X64_OR, d, x64_env(e->h->at.ff));
    x64_alu_ri(e->a, 32, X64_AND, d, 0x3f);
    /* the image stays true until the flags can change; a silent compare that follows uses it */
    unsigned next = e->cur + 1;
    while (next < e->r->n_insns &&
           !(ir_op_info[e->r->insn[next].op].flags & (IR_F_FPX | IR_F_EFFECT | IR_F_CALL)))
        next++;
    e->fp_image = next;
}

void x64_emit_ffput(X64Emit *e, const IrInsn *i)
{
    X64Mem image = x64_env(e->h->at.host_fp), ff = x64_env(e->h->at.ff);
    int r = x64_use(e, i->a);
    x64_stmxcsr(e->a, image);
    x64_alu_mi(e->a, 32, X64_AND, image, ~0x3f);
    x64_mov_mr(e->a, 32, ff, r);
    x64_alu_mi(e->a, 32, X64_AND, ff, 0x3f);
    x64_ldmxcsr(e->a, image);
}

/* IrRound to MXCSR.RC: rne 0, rtz 3, rdn 1, rup 2, two bits each in a constant. */
void x64_emit_frmput(X64Emit *e, const IrInsn *i)
{
    X64Mem image = x64_env(e->h->at.host_fp);
    x64_claim(e, X64_RCX);
    x64_load_into(e, X64_RCX, i->a, 32);
    int t = x64_scratch(e);
    x64_mov_mr(e->a, 32, x64_env(e->h->at.frm), X64_RCX);
    x64_stmxcsr(e->a, image);
    x64_alu_mi(e->a, 32, X64_AND, image, ~0x6000);
    x64_alu_rr(e->a, 32, X64_ADD, X64_RCX, X64_RCX);
    x64_mov_ri(e->a, 32, t, 0x9c);
    x64_shift_rcl(e->a, 32, X64_SHR, t);
    x64_alu_ri(e->a, 32, X64_AND, t, 3);
    x64_shift_ri(e->a, 32, X64_SHL, t, 13);
    x64_alu_mr(e->a, 32, X64_OR, image, t);
    x64_ldmxcsr(e->a, image);
}
