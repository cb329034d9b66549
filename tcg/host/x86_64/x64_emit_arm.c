/* Arm's floating point: what differs from x64_emit_fp.c, whose sequences are used where they fit.
 *
 * Rules. No result is looked at: where the host raises invalid, SIGFPE comes, and the guest instruction is
 * done again by the interpreter; so each host instruction that can raise it has a record (x64_fp_record), and
 * before it nothing that the guest could see has changed, pins included. With FZ the denormal operand and
 * underflow exceptions are unmasked as well (x64_arm_unmasked), so that only numbers that need no flushing
 * get through; results of the smallest normal number are looked at, since the host would not have called them
 * tiny. With DN, NaN results are looked at. Quiet NaNs go through the host instruction: it takes the first
 * operand that is one, as Arm does, so operands are never swapped. What the host does not do in this way is
 * for softfp (x64_soft_ir): other modes of FPCR, f16, estimates, NaN results of a fused multiply-add. The
 * host's sticky flags are a subset of the guest's at all times.
 */
#include "tcg/host/x86_64/x64_priv.h"

void x64_fp_record(X64Emit *e)
{
    if (ir_fpx_traps(e->r))
        x64_record(e, X64_MEM(X64_NO_REG, 0), 0, false, true);
}

int x64_fp_temp(X64Emit *e, int dst)
{
    bool pinned = !(e->temps >> (dst + X64_XMM) & 1);
    return e->arm && pinned ? x64_scratch_x(e) : dst;
}

/* ---- softfp ---- */

X64Cold *x64_soft_ir(X64Emit *e, const int *args, unsigned n, int dst)
{
    const IrInsn *i = &e->r->insn[e->cur];
    X64SoftOp op = {.op = i->op, .type = i->type, .misc = i->misc, .imm = i->imm};
    X64Cold *c = x64_cold(e, COLD_SOFT_IR);
    c->n_args = (uint8_t)n;
    for (unsigned k = 0; k < n; k++)
        c->arg_reg[k] = (uint8_t)args[k];
    c->reg = (uint8_t)dst;
    c->fn = op.raw;
    c->soft_d = ir_op_info[i->op].sig == IR_SIG_FCVT ? i->d : 0;
    return c;
}

void x64_soft_ir_always(X64Emit *e, const IrInsn *i)
{
    int arg[3];
    uint32_t avoid = 0;
    unsigned n = ir_operand_count(i);
    for (unsigned k = 0; k < n; k++) {
        bool vec = ir_type_is_vec(ir_result_type(e->r, &e->r->insn[i->arg[k]]));
        arg[k] = vec ? x64_use_x(e, i->arg[k]) : x64_use(e, i->arg[k]);
        if (vec)
            x64_clean(e, i->arg[k], arg[k]);
        arg[k] += vec ? X64_XMM : 0;
        avoid |= 1u << arg[k];
    }
    bool vec = ir_type_is_vec(ir_result_type(e->r, i));
    int dst = vec ? x64_def_x(e, -1, avoid >> X64_XMM) + X64_XMM : x64_def(e, -1, avoid & 0xffff);
    X64Cold *c = x64_soft_ir(e, arg, n, dst);
    c->site = x64_jmp_rel32(e->a);
    c->back = e->a->p;
    e->calls++;
}

void x64_emit_fmulx(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }
void x64_emit_frecps(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }
void x64_emit_frsqrts(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }
void x64_emit_frecpe(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }
void x64_emit_frsqrte(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }
void x64_emit_frecpx(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }
void x64_emit_frint(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }
void x64_emit_f2bf(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }
void x64_emit_fjcvt(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }

/* ---- compares ---- */

/* a < b and a <= b are asked as b > a, b >= a: "above" is false on unordered. */
static bool wants_swap(unsigned cond)
{
    cond &= ~(unsigned)IR_FCC_NOT;
    return cond == IR_FLT || cond == IR_FLE;
}

static int cc_of(unsigned cond)
{
    int not = cond & IR_FCC_NOT ? 1 : 0;
    switch (cond & ~(unsigned)IR_FCC_NOT) {
    case IR_FEQ: return X64_CC_FEQ ^ not;
    case IR_FLT: return X64_A ^ not;
    case IR_FLE: return X64_AE ^ not;
    default: return X64_P ^ not;
    }
}

/* The host's flags become those of comparing x with y, operands of a flfcmp before; no code if they are. */
static void compare(X64Emit *e, IrType t, IrVal x, IrVal y)
{
    x = x64_val(e, x);
    y = x64_val(e, y);
    if (e->fcmp_end == e->a->p && e->fcmp_x == x && e->fcmp_y == y)
        return;
    int rx = x64_use_x(e, x), ry = x64_use_x(e, y);
    x64_ucomis_rr(e->a, x64_fmt(t), rx, ry); /* no record: a signaling NaN has made the flfcmp trap */
}

int x64_fcc(X64Emit *e, const IrInsn *i)
{
    bool swap = wants_swap(i->misc);
    compare(e, (IrType)i->type, swap ? i->b : i->a, swap ? i->a : i->b);
    return cc_of(i->misc);
}

/* An fcc as a value; f16 is for softfp, and what else flfcmp has from there. */
void x64_emit_fcc(X64Emit *e, const IrInsn *i)
{
    if (i->type == IR_F16 || (e->r->fp & IR_FP_UFC && e->r->fp & IR_FP_FZ)) {
        x64_soft_ir_always(e, i);
        return;
    }
    int cc = x64_fcc(e, i), d = x64_def(e, -1, 0);
    if (cc < X64_CC_FEQ) {
        x64_setcc(e->a, cc, d);
    } else {
        int t = x64_scratch(e);
        x64_setcc(e->a, cc == X64_CC_FEQ ? X64_NP : X64_P, t);
        x64_setcc(e->a, cc == X64_CC_FEQ ? X64_E : X64_NE, d);
        x64_alu_rr(e->a, 8, cc == X64_CC_FEQ ? X64_AND : X64_OR, d, t);
    }
    x64_movzx_rr(e->a, 8, d, d);
}

/* The order of operands that the next condition on them wants, so that one compare serves both. */
static bool next_wants_swap(const X64Emit *e, const IrInsn *i)
{
    enum { FAR = 8 };
    for (unsigned k = e->cur + 1; k < e->r->n_insns && k < e->cur + FAR; k++) {
        const IrInsn *c = &e->r->insn[k];
        if (c->op != IR_FCC)
            continue;
        if (c->a == i->a && c->b == i->b)
            return wants_swap(c->misc);
        if (c->a == i->b && c->b == i->a)
            return !wants_swap(c->misc);
    }
    return false;
}

/* The word is made where it is needed (x64_emit_fl.c), from the same operands: they are no signaling NaNs, or
 * there would have been a trap here. */
static void emit_flfcmp(X64Emit *e, const IrInsn *i)
{
    bool swap = next_wants_swap(e, i);
    IrVal x = x64_val(e, swap ? i->b : i->a), y = x64_val(e, swap ? i->a : i->b);
    int rx = x64_use_x(e, x), ry = x64_use_x(e, y);
    x64_fp_record(e);
    x64_ucomis_rr(e->a, x64_fmt((IrType)i->type), rx, ry);
    if (i->misc) {
        X64Cold *c = x64_cold(e, COLD_SIGNAL);
        c->arg_reg[0] = (uint8_t)rx;
        c->arg_reg[1] = (uint8_t)ry;
        c->mode = i->type == IR_F64;
        c->site = x64_jcc_rel32(e->a, X64_P);
        c->back = e->a->p;
    }
    e->fcmp_end = e->a->p;
    e->fcmp_x = x;
    e->fcmp_y = y;
    if (!x64_fl_wait(e, (IrVal)e->cur))
        x64_fl_make(e, (IrVal)e->cur);
}

/* From the host's flags after comparing a with b. */
static void word_of_flags(X64Asm *a, int d, int t)
{
    x64_mov_ri(a, 32, d, IR_FL_C);
    x64_mov_ri(a, 32, t, IR_FL_Z | IR_FL_C);
    x64_cmovcc_rr(a, 32, X64_E, d, t);
    x64_mov_ri(a, 32, t, IR_FL_N);
    x64_cmovcc_rr(a, 32, X64_B, d, t);
    x64_mov_ri(a, 32, t, IR_FL_C | IR_FL_V);
    x64_cmovcc_rr(a, 32, X64_P, d, t);
}

void x64_flfcmp_word(X64Emit *e, const IrInsn *i, int dst, int temp)
{
    compare(e, (IrType)i->type, i->a, i->b);
    word_of_flags(e->a, dst, temp);
}

static int loc_xmm(X64Emit *e, const X64Loc *l, int temp)
{
    switch ((X64LocKind)l->kind) {
    case X64_LOC_REG: return l->reg - X64_XMM;
    case X64_LOC_CONST:
        x64_mov_ri(e->a, 64, X64_RAX, (uint64_t)l->value);
        x64_movd_xr(e->a, 64, temp, X64_RAX);
        return temp;
    default: x64_movsd_rm(e->a, temp, x64_env((int32_t)l->value)); return temp;
    }
}

bool x64_flfcmp_waits(const X64Emit *e, const IrInsn *i)
{
    return e->arm && i->type != IR_F16 && !(e->r->fp & IR_FP_UFC && e->r->fp & IR_FP_FZ);
}

/* Temporaries may be lost, but not one that holds the other operand. */
void x64_flfcmp_recipe(X64Emit *e, const X64FlRecipe *f)
{
    int avoid = f->b.kind == X64_LOC_REG ? f->b.reg - X64_XMM : -1;
    int x = loc_xmm(e, &f->a, avoid == 8 ? 9 : 8), y = loc_xmm(e, &f->b, x == 8 ? 9 : 8);
    x64_ucomis_rr(e->a, x64_fmt((IrType)f->type), x, y);
    word_of_flags(e->a, X64_RAX, X64_RCX);
}

/* ---- tininess before rounding (IR_FP_UFC) ---- */

/* Under FZ the value depends on it. */
static bool looks_at_tiny(const X64Emit *e) { return (e->r->fp & (IR_FP_UFC | IR_FP_FZ)) != 0; }

void x64_strict_underflow(X64Emit *e, SoftArgs s, bool w, int r)
{
    if (!e->arm || !looks_at_tiny(e))
        return;
    int t = x64_scratch(e), bits = w ? 64 : 32;
    x64_movd_rx(e->a, bits, t, r);
    x64_alu_rr(e->a, bits, X64_ADD, t, t);
    x64_alu_rm(e->a, bits, X64_CMP, t, X64_MEM(X64_RIP, 0));
    size_t tiny = w ? offsetof(X64Const, tiny_64) : offsetof(X64Const, tiny_32);
    x64_outside(e, e->a->p - 4, e->h->consts + tiny);
    int arg[3];
    for (unsigned k = 0; k < s.n; k++)
        arg[k] = s.x[k] + X64_XMM;
    X64Cold *c = x64_soft_ir(e, arg, s.n, r + X64_XMM);
    c->site = x64_jcc_rel32(e->a, X64_E);
    c->back = e->a->p;
}

/* DN: a NaN result is softfp's. */
void x64_default_nan(X64Emit *e, SoftArgs s, bool w, int r)
{
    if (!e->arm || !(e->r->fp & IR_FP_DN))
        return;
    int arg[3];
    for (unsigned k = 0; k < s.n; k++)
        arg[k] = s.x[k] + X64_XMM;
    x64_ucomis_rr(e->a, w ? X64_SD : X64_SS, r, r);
    X64Cold *c = x64_soft_ir(e, arg, s.n, r + X64_XMM);
    c->site = x64_jcc_rel32(e->a, X64_P);
    c->back = e->a->p;
}

/* ---- the ops ---- */

/* Is any float of the op a half? */
static bool has_f16(const IrInsn *i)
{
    return i->type == IR_F16 || (ir_op_info[i->op].sig == IR_SIG_FCVT && i->misc == IR_F16);
}

bool x64_half_emit(X64Emit *e, const IrInsn *i)
{
    if (!has_f16(i))
        return false;
    x64_soft_ir_always(e, i);
    return true;
}

static void emit_frint(X64Emit *e, const IrInsn *i)
{
    static const int8_t imm[8] = {
        [IR_RNE] = 0, [IR_RTZ] = 3, [IR_RDN] = 1, [IR_RUP] = 2, [IR_RMM] = -1, -1, -1, [IR_RDYN] = 4};
    int how = imm[i->d & 7];
    if (i->d == IR_RMM && x64_has(e->h->features, X64_F_AVX)) {
        int x = x64_use_x(e, i->a);
        x64_ties_away(e, x64_fmt((IrType)i->type), x64_def_x(e, -1, 1u << x), x);
        return;
    }
    if (how < 0 || (i->d & (IR_FRINT_32 | IR_FRINT_64)) || !x64_has(e->h->features, X64_F_SSE41)) {
        x64_soft_ir_always(e, i);
        return;
    }
    int x = x64_use_x(e, i->a), d = x64_def_x(e, x, 0);
    x64_fp_record(e);
    x64_rounds_rr(e->a, x64_fmt((IrType)i->type), d, x, how | (i->d & IR_FRINT_EXACT ? 0 : 8));
}

/* The integer's conversion rounds; the scaling is exact (no f32 or f64 of an integer / 2^64 is subnormal). */
static void emit_i2f_fixed(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }

/* ---- instructions that have trapped often: operands are looked at, by integer tests that raise nothing
 * ---- */

/* Another way into the cold code. */
static void also(X64Cold *c, uint8_t *site)
{
    if (c->n_more < ARRAY_SIZE(c->more))
        c->more[c->n_more++] = site;
    else if (!c->site)
        c->site = site;
    else
        c->site2 = site;
}

enum { OR_ZERO = 1, OR_NEGATIVE = 2 };

/* To c if |x| >= 2^limit, infinities and NaNs at least, or as `more` says. */
static void unless_below(X64Emit *e, X64Cold *c, bool w, int x, int limit, unsigned more)
{
    int t = x64_scratch(e), bits = w ? 64 : 32, bias = w ? 1023 : 127;
    x64_movd_rx(e->a, bits, t, x);
    x64_alu_rr(e->a, bits, X64_ADD, t, t);
    if (more & OR_NEGATIVE)
        also(c, x64_jcc_rel32(e->a, X64_B)); /* the sign went into the carry */
    if (more & OR_ZERO)
        also(c, x64_jcc_rel32(e->a, X64_E));
    x64_shift_ri(e->a, bits, X64_SHR, t, w ? 53 : 24);
    x64_alu_ri(e->a, 32, X64_CMP, t, bias + limit);
    also(c, x64_jcc_rel32(e->a, X64_AE));
    e->locked &= ~(1u << t);
    e->reg_val[t] = 0;
}

/* With the result apart from the operands. `look`: at the operands first. */
static void arith_apart(X64Emit *e, const IrInsn *i, int op, bool look)
{
    bool w = i->type == IR_F64, one = op == X64_FSQRT;
    int fmt = x64_fmt((IrType)i->type), x = x64_use_x(e, i->a), y = one ? x : x64_use_x(e, i->b);
    int dst = x64_def_x(e, -1, 1u << x | 1u << y), d = x64_fp_temp(e, dst), inf = w ? 1024 : 128;
    bool zero = !look && op == X64_FDIV && (e->r->fp & IR_FP_FZ); /* denormal / 0: the host says infinity, not
                                                                   * 0 / 0 */
    X64Cold *c =
        look || zero ? x64_soft_ir(e, (int[]){x + X64_XMM, y + X64_XMM}, one ? 1 : 2, d + X64_XMM) : NULL;
    if (zero) {
        int t = x64_scratch(e);
        x64_movd_rx(e->a, w ? 64 : 32, t, y);
        x64_alu_rr(e->a, w ? 64 : 32, X64_ADD, t, t);
        c->site = x64_jcc_rel32(e->a, X64_E);
        e->locked &= ~(1u << t); /* x64_strict_underflow() takes it again */
        e->reg_val[t] = 0;
    }
    if (look)
        unless_below(e, c, w, x, inf, one ? OR_NEGATIVE : 0);
    if (look && !one)
        unless_below(e, c, w, y, inf, op == X64_FDIV ? OR_ZERO : 0);
    x64_movaps_rr(e->a, d, x);
    x64_fp_record(e);
    x64_farith_rr(e->a, fmt, op, d, y);
    if (op == X64_FMUL || op == X64_FDIV)
        x64_strict_underflow(e, (SoftArgs){2, {x, y}}, w, d);
    x64_default_nan(e, (SoftArgs){one ? 1 : 2, {x, y}}, w, d);
    if (c)
        c->back = e->a->p;
    if (d != dst)
        x64_movaps_rr(e->a, dst, d);
}

static void checked_fma(X64Emit *e, const IrInsn *i)
{
    static const uint8_t kind[4] = {X64_FMADD, X64_FNMADD, X64_FMSUB, X64_FNMSUB};
    bool w = i->type == IR_F64;
    int x = x64_use_x(e, i->a), y = x64_use_x(e, i->b), z = x64_use_x(e, i->c), inf = w ? 1024 : 128;
    int dst = x64_def_x(e, -1, 1u << x | 1u << y | 1u << z), d = x64_fp_temp(e, dst);
    X64Cold *c = x64_soft_ir(e, (int[]){x + X64_XMM, y + X64_XMM, z + X64_XMM}, 3, d + X64_XMM);
    unless_below(e, c, w, x, inf, 0);
    unless_below(e, c, w, y, inf, 0);
    unless_below(e, c, w, z, inf, 0);
    x64_movaps_rr(e->a, d, x);
    x64_fma_rrr(e->a, x64_fmt((IrType)i->type), kind[i->imm & 3], X64_213, d, y, z);
    x64_strict_underflow(e, (SoftArgs){3, {x, y, z}}, w, d);
    c->back = e->a->p;
    if (d != dst)
        x64_movaps_rr(e->a, dst, d);
}

/* Toward zero, or as the environment says; the latter may still leave the range, which traps. */
static void checked_f2i(X64Emit *e, const IrInsn *i)
{
    bool w = i->misc == IR_F64, to64 = i->type == IR_I64, u = (i->d & IR_CVT_UNSIGNED) != 0;
    int fmt = w ? X64_SD : X64_SS, x = x64_use_x(e, i->a), d = x64_def(e, -1, 0), width = to64 || u ? 64 : 32;
    X64Cold *c = x64_soft_ir(e, (int[]){x + X64_XMM}, 1, d);
    unless_below(e, c, w, x, to64 ? 63 : u ? 32 : 31, u ? OR_NEGATIVE : 0);
    x64_fp_record(e);
    if ((i->d & 7) == IR_RTZ)
        x64_cvttf2si_rr(e->a, fmt, width, d, x);
    else
        x64_cvtf2si_rr(e->a, fmt, width, d, x);
    c->back = e->a->p;
}

/* Below 2^31: the integer; bit 32: converted back it has the same bits (minus zero has not). */
static void emit_fjcvt(X64Emit *e, const IrInsn *i)
{
    int x = x64_use_x(e, i->a), back = x64_scratch_x(e), d = x64_def(e, -1, 0);
    X64Cold *c = x64_soft_ir(e, (int[]){x + X64_XMM}, 1, d);
    unless_below(e, c, true, x, 31, 0);
    int t = x64_scratch(e);
    x64_fp_record(e);
    x64_cvttf2si_rr(e->a, X64_SD, 32, d, x);
    x64_pxor(e->a, back, back); /* no wait for the old value */
    x64_cvtsi2f_rr(e->a, X64_SD, 32, back, d);
    x64_pxor(e->a, back, x);
    x64_movd_rx(e->a, 64, t, back);
    x64_test_rr(e->a, 64, t, t);
    x64_setcc(e->a, X64_E, t);
    x64_movzx_rr(e->a, 8, t, t);
    x64_shift_ri(e->a, 64, X64_SHL, t, 32);
    x64_alu_rr(e->a, 64, X64_OR, d, t);
    c->back = e->a->p;
}

/* False: the op has no such form, or traps for signaling NaNs only. */
static bool emit_checked(X64Emit *e, const IrInsn *i)
{
    switch (i->op) {
    case IR_FADD: arith_apart(e, i, X64_FADD, true); return true;
    case IR_FSUB: arith_apart(e, i, X64_FSUB, true); return true;
    case IR_FMUL:
    case IR_FMULX: arith_apart(e, i, X64_FMUL, true); return true;
    case IR_FDIV: arith_apart(e, i, X64_FDIV, true); return true;
    case IR_FSQRT: arith_apart(e, i, X64_FSQRT, true); return true;
    case IR_FMA:
        if (!x64_has(e->h->features, X64_F_FMA))
            return false;
        checked_fma(e, i);
        return true;
    case IR_F2I:
        if (i->imm || ((i->d & 7) != IR_RTZ && ((i->d & 7) != IR_RDYN || (i->d & IR_CVT_UNSIGNED))))
            return false;
        checked_f2i(e, i);
        return true;
    default: return false;
    }
}

/* Conversions to integers, rounding and (beside a zero divisor) division do not report denormals, a compare
 * does. The flags stay. */
void x64_trap_denormal(X64Emit *e, int fmt, int x)
{
    enum { UNORD = 3 };
    int t = x64_scratch_x(e);
    x64_movaps_rr(e->a, t, x);
    x64_fp_record(e);
    x64_cmps_rr(e->a, fmt, UNORD, t, x);
    e->locked &= ~(1u << (t + X64_XMM));
}

/* A conversion that is one host instruction, which has a record. */
static bool one_step(const IrInsn *i)
{
    return (i->d & 7) == IR_RTZ && i->type == IR_I32 && !(i->d & IR_CVT_UNSIGNED);
}

/* The modes under which the op is not the host's, which are rare. Flushing with exact flags is softfp's: the
 * host says nothing of a denormal beside a NaN, and has raised inexact already for a result that is
 * flushed. */
static unsigned needs_soft(const X64Emit *e, const IrInsn *i)
{
    if (e->r->fp & IR_FP_UFC && e->r->fp & IR_FP_FZ)
        return IR_FP_FZ;
    switch (i->op) {
    case IR_FADD:
    case IR_FSUB:
    case IR_FSQRT:
    case IR_FMIN:
    case IR_FMAX:
    case IR_FMINM:
    case IR_FMAXM:
    case IR_FLFCMP:
    case IR_FCMP:
    case IR_FMUL:
    case IR_FDIV:
    case IR_FMULX:
    case IR_FMA: return 0;
    case IR_I2F: /* no record: it cannot trap but for inexact */
        return i->type == IR_F64 && i->misc == IR_I32 ? 0 : IR_FP_PX;
    case IR_F2I: /* most have steps that may trap where nothing is known, unless denormals have trapped before
                  */
        return one_step(i) ? 0 : IR_FP_PX;
    case IR_F2F:
    case IR_FRINT: return IR_FP_DN;
    default: return IR_FP_DN | IR_FP_FZ;
    }
}

/* Has this guest instruction trapped often? */
static bool checked(const X64Emit *e)
{
    unsigned bit = x64_checked_bit(e->r->guest_pc[e->ordinal]);
    return e->h->checked && __atomic_load_n(&e->h->checked[bit >> 6], __ATOMIC_RELAXED) >> (bit & 63) & 1;
}

bool x64_arm_emit(X64Emit *e, const IrInsn *i)
{
    if (ir_has_lane(i)) {
        if (checked(e) || !x64_arm_vec(e, i))
            x64_soft_ir_always(e, i);
        return true;
    }
    bool cvt = ir_op_info[i->op].sig == IR_SIG_FCVT, compare = i->op == IR_FLFCMP || i->op == IR_FCMP;
    bool plain = !has_f16(i) && !(e->r->fp & needs_soft(e, i));
    IrInsn mul;
    if (!plain || (!cvt && !compare && i->misc != IR_RDYN)) {
        x64_soft_ir_always(e, i);
        return true;
    }
    if (!compare && checked(e)) {
        bool denormals = (e->r->fp & IR_FP_STD) && i->op != IR_F2I;
        if ((e->r->fp & (IR_FP_FZ | IR_FP_DN)) || denormals || !emit_checked(e, i))
            x64_soft_ir_always(e, i);
        return true;
    }
    bool dn = (e->r->fp & IR_FP_DN) != 0, apart = dn || looks_at_tiny(e);
    bool steps = i->op == IR_F2I && !one_step(i) && (e->r->fp & IR_FP_STD);
    if (((i->op == IR_F2I || i->op == IR_FRINT) && (e->r->fp & IR_FP_FZ)) || steps)
        x64_trap_denormal(e, x64_fmt((IrType)(cvt ? i->misc : i->type)), x64_use_x(e, i->a));
    switch (i->op) {
    case IR_FLFCMP: emit_flfcmp(e, i); return true;
    case IR_FRINT: emit_frint(e, i); return true;
    case IR_FJCVT: emit_fjcvt(e, i); return true;
    case IR_FADD:
    case IR_FSUB:
    case IR_FSQRT:
        if (dn)
            arith_apart(e, i, i->op == IR_FADD ? X64_FADD : i->op == IR_FSUB ? X64_FSUB : X64_FSQRT, false);
        return dn;
    case IR_FMUL:
    case IR_FDIV:
        if (apart)
            arith_apart(e, i, i->op == IR_FDIV ? X64_FDIV : X64_FMUL, false);
        return apart;
    case IR_FMULX: /* inf * 0 traps */
        if (apart) {
            arith_apart(e, i, X64_FMUL, false);
            return true;
        }
        mul = *i;
        mul.op = IR_FMUL;
        x64_emit_fmul(e, &mul);
        return true;
    case IR_F2I:
        if (i->imm)
            x64_soft_ir_always(e, i);
        return i->imm != 0;
    case IR_I2F:
        if (i->imm)
            emit_i2f_fixed(e, i);
        return i->imm != 0;
    case IR_F2F:
        if ((i->d & 7) == IR_RODD)
            x64_soft_ir_always(e, i);
        return (i->d & 7) == IR_RODD;
    default: return false;
    }
}
