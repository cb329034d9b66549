/* Integer operations. i8 and i16 values are computed in 32-bit registers; bits above a value's width are
 * garbage, except that an i1 is 0 or 1 in the whole register. */
#include "tcg/host/x86_64/x64_priv.h"

static int op_width(const IrInsn *i) { return i->type == IR_I64 ? 64 : 32; }

void x64_load_into(X64Emit *e, int reg, IrVal v, int w)
{
    v = x64_val(e, v);
    X64Mem m;
    int64_t c;
    if (e->reg[v] >= 0) {
        if (e->reg[v] != reg)
            x64_mov_rr(e->a, 64, reg, e->reg[v]);
    } else if (x64_use_mem(e, v, &m)) {
        x64_load_value(e, reg, v, m);
    } else if (x64_const(e, v, &c)) {
        x64_mov_ri(e->a, w == 64 ? 64 : 32, reg, w == 64 ? (uint64_t)c : (uint32_t)c);
    } else {
        e->failed = true;
    }
}

/* d = a, then the caller applies the rest to d. */
static int define_copy(X64Emit *e, IrVal a, int w, uint32_t avoid)
{
    a = x64_val(e, a);
    X64Mem m;
    int64_t c;
    if (e->reg[a] < 0 && (x64_use_mem(e, a, &m) || x64_const(e, a, &c))) {
        int d = x64_def(e, -1, avoid);
        x64_load_into(e, d, a, w);
        return d;
    }
    int ra = x64_use(e, a);
    int d = x64_def(e, ra, avoid);
    if (d != ra)
        x64_mov_rr(e->a, w, d, ra);
    return d;
}

static void alu_rv(X64Emit *e, int w, int alu, int d, IrVal b)
{
    X64Mem m;
    if (x64_use_mem(e, b, &m) && !x64_live_after(e, x64_val(e, b)))
        x64_alu_rm(e->a, w, alu, d, m);
    else
        x64_alu_rr(e->a, w, alu, d, x64_use(e, b));
}


static void emit_imm(X64Emit *e, const IrInsn *i, int alu, int32_t c)
{
    int w = op_width(i);
    IrVal a = x64_val(e, i->a);
    if (alu == X64_ADD && e->reg[a] >= 0) {
        int ra = x64_use(e, a), d = x64_def(e, ra, 0);
        if (d != ra)
            x64_lea(e->a, w, d, X64_MEM(ra, c));
        else if (c == 1)
            x64_inc(e->a, w, d);
        else if (c == -1)
            x64_dec(e->a, w, d);
        else
            x64_alu_ri(e->a, w, X64_ADD, d, c);
        return;
    }
    if (alu == X64_AND && (c == 0xff || c == 0xffff) && e->reg[a] >= 0) {
        int ra = x64_use(e, a), d = x64_def(e, ra, 0);
        x64_movzx_rr(e->a, c == 0xff ? 8 : 16, d, ra);
        return;
    }
    int d = define_copy(e, a, w, 0);
    x64_alu_ri(e->a, w, alu, d, c);
}

static void emit_commutative(X64Emit *e, const IrInsn *i, int alu)
{
    int w = op_width(i);
    IrInsn n = *i;
    if (ir_is_const(e->r, n.a)) {
        n.a = i->b;
        n.b = i->a;
    }
    int64_t c = 0;
    if (x64_const(e, n.b, &c) && (fits_i32(c) || w == 32)) {
        emit_imm(e, &n, alu, (int32_t)c);
        return;
    }
    if (alu == X64_AND && c == 0xffffffff) {
        int ra = x64_use(e, n.a), d = x64_def(e, ra, 0);
        x64_mov_rr(e->a, 32, d, ra);
        return;
    }
    IrVal a = x64_val(e, n.a), b = x64_val(e, n.b);
    if (e->reg[a] < 0 && e->reg[b] >= 0) {
        IrVal t = a;
        a = b;
        b = t;
    }
    int ra = x64_use(e, a);
    int rb = e->reg[b] >= 0 || x64_live_after(e, b) ? x64_use(e, b) : -1;
    int d = x64_def(e, rb >= 0 && x64_live_after(e, a) ? rb : ra, 0);
    if (d == ra) {
        if (rb >= 0)
            x64_alu_rr(e->a, w, alu, d, rb);
        else
            alu_rv(e, w, alu, d, b);
    } else if (d == rb) {
        x64_alu_rr(e->a, w, alu, d, ra);
    } else if (rb >= 0 && alu == X64_ADD) {
        x64_lea(e->a, w, d, X64_MEMI(ra, rb, 0, 0));
    } else {
        x64_mov_rr(e->a, w, d, ra);
        if (rb >= 0)
            x64_alu_rr(e->a, w, alu, d, rb);
        else
            alu_rv(e, w, alu, d, b);
    }
}

void x64_emit_add(X64Emit *e, const IrInsn *i)
{
    if (x64_carry_sum(e, i))
        return;
    if (e->l->flags[i->b] & IR_L_FUSED) { /* a + (y << k) */
        const IrInsn *s = &e->r->insn[i->b];
        int ra = x64_use(e, i->a), ry = x64_use(e, s->a), d = x64_def(e, ra, 0);
        x64_lea(e->a, op_width(i), d, X64_MEMI(ra, ry, ir_const_value(e->r, s->b), 0));
        return;
    }
    if (e->hold != IR_NONE)
        x64_keep_add(e, i);
    else
        emit_commutative(e, i, X64_ADD);
}

/* The host's flags are then those of `test` of the result, unless that was a move. */
static void emit_logic(X64Emit *e, const IrInsn *i, int alu)
{
    int64_t c;
    emit_commutative(e, i, alu);
    if (i->type != IR_I32 && i->type != IR_I64)
        return;
    if (alu == X64_AND && (x64_const(e, i->a, &c) || x64_const(e, i->b, &c)))
        if (c == 0xff || c == 0xffff || c == 0xffffffff)
            return;
    e->test_end = e->a->p;
    e->test_val = (IrVal)e->cur;
}

void x64_emit_and(X64Emit *e, const IrInsn *i) { emit_logic(e, i, X64_AND); }
void x64_emit_or(X64Emit *e, const IrInsn *i) { emit_logic(e, i, X64_OR); }
void x64_emit_xor(X64Emit *e, const IrInsn *i) { emit_logic(e, i, X64_XOR); }

void x64_emit_sub(X64Emit *e, const IrInsn *i)
{
    int w = op_width(i);
    int64_t c;
    if (x64_carry_sum(e, i))
        return;
    if (e->hold != IR_NONE) {
        x64_keep_add(e, i);
        return;
    }
    if (x64_const(e, i->b, &c) && (w == 32 || (fits_i32(c) && fits_i32(-c)))) {
        emit_imm(e, i, X64_ADD, (int32_t)-c);
        return;
    }
    if (x64_const(e, i->a, &c) && c == 0) {
        x64_neg(e->a, w, define_copy(e, i->b, w, 0));
        return;
    }
    IrVal a = x64_val(e, i->a), b = x64_val(e, i->b);
    int ra = x64_use(e, a), rb = a == b ? ra : x64_use(e, b);
    int d = x64_def(e, ra, 0);
    if (d == rb && d != ra) {
        x64_neg(e->a, w, d);
        x64_alu_rr(e->a, w, X64_ADD, d, ra);
        return;
    }
    if (d != ra)
        x64_mov_rr(e->a, w, d, ra);
    x64_alu_rr(e->a, w, X64_SUB, d, rb);
}

/* Is the next op the upper half of this product? */
static bool is_whole_product(const X64Emit *e, const IrInsn *i)
{
    const IrInsn *high = i + 1;
    unsigned k = e->cur;
    return x64_has(e->h->features, X64_F_BMI2) && k + 1 < e->r->n_insns && high->op == IR_MULHU &&
           high->type == i->type && i->type >= IR_I32 && high->a == i->a && high->b == i->b &&
           !(e->l->flags[k] & IR_L_GLOBAL) && !(e->l->flags[k + 1] & (IR_L_GLOBAL | IR_L_DEAD));
}

void x64_emit_mul(X64Emit *e, const IrInsn *i)
{
    int w = op_width(i);
    IrVal a = i->a, b = i->b;
    if (is_whole_product(e, i)) {
        x64_mulx_whole(e, i);
        return;
    }
    if (e->hold != IR_NONE) {
        x64_mulx_op(e, i, false);
        return;
    }
    if (ir_is_const(e->r, a)) {
        a = i->b;
        b = i->a;
    }
    int64_t c;
    if (x64_const(e, b, &c) && (fits_i32(c) || w == 32)) {
        int ra = x64_use(e, a), d = x64_def(e, ra, 0);
        x64_imul_rri(e->a, w, d, ra, (int32_t)c);
        return;
    }
    int ra = x64_use(e, a), rb = x64_use(e, b), d = x64_def(e, ra, 0);
    if (d == rb) {
        x64_imul_rr(e->a, w, d, ra);
        return;
    }
    if (d != ra)
        x64_mov_rr(e->a, w, d, ra);
    x64_imul_rr(e->a, w, d, rb);
}

/* rax = a; rdx free; b in another register. */
static int claim_rax_rdx(X64Emit *e, const IrInsn *i)
{
    x64_claim(e, X64_RAX);
    x64_claim(e, X64_RDX);
    int rb = x64_use(e, i->b);
    x64_load_into(e, X64_RAX, i->a, op_width(i));
    return rb;
}

void x64_emit_mulhu(X64Emit *e, const IrInsn *i)
{
    if (x64_has(e->h->features, X64_F_BMI2) && (i->type == IR_I64 || i->type == IR_I32)) {
        x64_mulx_op(e, i, true);
        return;
    }
    int rb = claim_rax_rdx(e, i);
    x64_mul(e->a, op_width(i), rb);
    x64_def_is(e, X64_RDX);
}

void x64_emit_mulhs(X64Emit *e, const IrInsn *i)
{
    int rb = claim_rax_rdx(e, i);
    x64_imul1(e->a, op_width(i), rb);
    x64_def_is(e, X64_RDX);
}

/* high(signed a * unsigned b) = high(unsigned a * unsigned b) - (a < 0 ? b : 0) */
void x64_emit_mulhsu(X64Emit *e, const IrInsn *i)
{
    int w = op_width(i);
    int rb = claim_rax_rdx(e, i);
    int t = x64_scratch(e);
    x64_mov_rr(e->a, w, t, X64_RAX);
    x64_shift_ri(e->a, w, X64_SAR, t, w - 1);
    x64_alu_rr(e->a, w, X64_AND, t, rb);
    x64_mul(e->a, w, rb);
    x64_alu_rr(e->a, w, X64_SUB, X64_RDX, t);
    x64_def_is(e, X64_RDX);
}

/* Quotient in rax, remainder in rdx, with the total results ops.def asks for. */
static void emit_div(X64Emit *e, const IrInsn *i, bool is_signed, bool rem)
{
    X64Asm *a = e->a;
    int w = op_width(i);
    int rb = claim_rax_rdx(e, i);
    int64_t c;
    bool known = x64_const(e, i->b, &c);
    uint8_t *zero = NULL, *minus = NULL, *done1, *done2 = NULL;
    if (!known || c == 0) {
        x64_test_rr(a, w, rb, rb);
        zero = x64_jcc_rel8(a, X64_E);
    }
    if (is_signed && (!known || c == -1)) {
        x64_alu_ri(a, w, X64_CMP, rb, -1);
        minus = x64_jcc_rel8(a, X64_E);
    }
    if (!is_signed)
        x64_alu_rr(a, 32, X64_XOR, X64_RDX, X64_RDX);
    else if (w == 64)
        x64_cqo(a);
    else
        x64_cdq(a);
    if (is_signed)
        x64_idiv(a, w, rb);
    else
        x64_div(a, w, rb);
    done1 = zero || minus ? x64_jmp_rel8(a) : NULL;
    if (zero) {
        x64_patch8(zero, a->p);
        if (rem)
            x64_mov_rr(a, 64, X64_RDX, X64_RAX);
        else
            x64_alu_ri(a, 64, X64_OR, X64_RAX, -1);
        done2 = minus ? x64_jmp_rel8(a) : NULL;
    }
    if (minus) {
        x64_patch8(minus, a->p);
        if (rem)
            x64_alu_rr(a, 32, X64_XOR, X64_RDX, X64_RDX);
        else
            x64_neg(a, w, X64_RAX);
    }
    if (done1)
        x64_patch8(done1, a->p);
    if (done2)
        x64_patch8(done2, a->p);
    x64_def_is(e, rem ? X64_RDX : X64_RAX);
}

void x64_emit_divu(X64Emit *e, const IrInsn *i) { emit_div(e, i, false, false); }
void x64_emit_divs(X64Emit *e, const IrInsn *i) { emit_div(e, i, true, false); }
void x64_emit_remu(X64Emit *e, const IrInsn *i) { emit_div(e, i, false, true); }
void x64_emit_rems(X64Emit *e, const IrInsn *i) { emit_div(e, i, true, true); }

static void extend_narrow(X64Emit *e, const IrInsn *i, int kind, int d)
{
    int bits = x64_width((IrType)i->type);
    if (bits >= 32 || kind == X64_SHL)
        return;
    if (kind == X64_SAR)
        x64_movsx_rr(e->a, 32, bits, d, d);
    else
        x64_movzx_rr(e->a, bits, d, d);
}

static void shift_x(X64Emit *e, int w, int kind, int d, int ra, int rc)
{
    if (kind == X64_SHL)
        x64_shlx(e->a, w, d, ra, rc);
    else if (kind == X64_SHR)
        x64_shrx(e->a, w, d, ra, rc);
    else
        x64_sarx(e->a, w, d, ra, rc);
}

static void emit_shift(X64Emit *e, const IrInsn *i, int kind)
{
    int w = op_width(i);
    int64_t c;
    if (x64_const(e, i->b, &c)) {
        c &= (int)ir_type_bits((IrType)i->type) - 1;
        if (kind == X64_ROR && i->type >= IR_I32 && x64_has(e->h->features, X64_F_BMI2)) {
            int ra = x64_use(e, i->a), d = x64_def(e, ra, 0);
            x64_rorx(e->a, w, d, ra, (int)c);
            return;
        }
        if (e->hold != IR_NONE) { /* without flags */
            int rc = x64_scratch(e), ra = x64_use(e, i->a), d = x64_def(e, ra, 0);
            x64_mov_ri(e->a, 32, rc, (uint64_t)c);
            shift_x(e, w, kind, d, ra, rc);
            return;
        }
        int d = define_copy(e, i->a, w, 0);
        extend_narrow(e, i, kind, d);
        x64_shift_ri(e->a, kind == X64_ROR ? x64_width((IrType)i->type) : w, kind, d, (int)c);
        return;
    }
    int bits = x64_width((IrType)i->type);
    if (bits >= 32 && kind != X64_ROR && x64_has(e->h->features, X64_F_BMI2)) {
        int ra = x64_use(e, i->a), rc = x64_use(e, i->b), d = x64_def(e, ra, 0);
        shift_x(e, w, kind, d, ra, rc);
        return;
    }
    x64_claim(e, X64_RCX);
    x64_load_into(e, X64_RCX, i->b, w);
    if (bits < 32)
        x64_alu_ri(e->a, 32, X64_AND, X64_RCX, bits - 1);
    int d = define_copy(e, i->a, w, 1u << X64_RCX);
    extend_narrow(e, i, kind, d);
    x64_shift_rcl(e->a, kind == X64_ROR ? bits : w, kind, d);
}

void x64_emit_shl(X64Emit *e, const IrInsn *i) { emit_shift(e, i, X64_SHL); }
void x64_emit_shr(X64Emit *e, const IrInsn *i) { emit_shift(e, i, X64_SHR); }
void x64_emit_sar(X64Emit *e, const IrInsn *i) { emit_shift(e, i, X64_SAR); }
void x64_emit_rotr(X64Emit *e, const IrInsn *i) { emit_shift(e, i, X64_ROR); }

void x64_emit_neg(X64Emit *e, const IrInsn *i)
{
    x64_neg(e->a, op_width(i), define_copy(e, i->a, op_width(i), 0));
}

void x64_emit_not(X64Emit *e, const IrInsn *i)
{
    int d = define_copy(e, i->a, op_width(i), 0);
    if (i->type == IR_I1)
        x64_alu_ri(e->a, 32, X64_XOR, d, 1);
    else
        x64_not(e->a, op_width(i), d);
}

void x64_emit_clz(X64Emit *e, const IrInsn *i)
{
    int w = op_width(i), ra = x64_use(e, i->a);
    if (x64_has(e->h->features, X64_F_LZCNT)) {
        x64_lzcnt(e->a, w, x64_def(e, ra, 0), ra);
        return;
    }
    int t = x64_scratch(e), d = x64_def(e, -1, 0);
    x64_mov_ri(e->a, 32, t, (uint64_t)(2 * w - 1));
    x64_bsr(e->a, w, d, ra);
    x64_cmovcc_rr(e->a, 32, X64_E, d, t);
    x64_alu_ri(e->a, 32, X64_XOR, d, w - 1);
}

void x64_emit_ctz(X64Emit *e, const IrInsn *i)
{
    int w = op_width(i), ra = x64_use(e, i->a);
    if (x64_has(e->h->features, X64_F_BMI1)) {
        x64_tzcnt(e->a, w, x64_def(e, ra, 0), ra);
        return;
    }
    int t = x64_scratch(e), d = x64_def(e, -1, 0);
    x64_mov_ri(e->a, 32, t, (uint64_t)w);
    x64_bsf(e->a, w, d, ra);
    x64_cmovcc_rr(e->a, 32, X64_E, d, t);
}

void x64_emit_popcnt(X64Emit *e, const IrInsn *i)
{
    int ra = x64_use(e, i->a);
    x64_popcnt(e->a, op_width(i), x64_def(e, ra, 0), ra);
}

void x64_emit_bswap(X64Emit *e, const IrInsn *i)
{
    int d = define_copy(e, i->a, op_width(i), 0);
    if (i->type == IR_I16)
        x64_shift_ri(e->a, 16, X64_ROL, d, 8);
    else
        x64_bswap(e->a, op_width(i), d);
}

void x64_emit_sext(X64Emit *e, const IrInsn *i)
{
    int w = op_width(i);
    if (i->misc == IR_I1) {
        x64_neg(e->a, w, define_copy(e, i->a, w, 0));
        return;
    }
    X64Mem m;
    int from = x64_width((IrType)i->misc);
    if (x64_use_mem(e, i->a, &m)) {
        int d = x64_def(e, -1, 0);
        x64_movsx_rm(e->a, w, from, d, m);
        return;
    }
    int ra = x64_use(e, i->a), d = x64_def(e, ra, 0);
    x64_movsx_rr(e->a, w, from, d, ra);
}

void x64_emit_zext(X64Emit *e, const IrInsn *i)
{
    X64Mem m;
    if (e->l->alias[e->cur] != e->cur)
        return;
    if (i->misc == IR_I32 && x64_use_mem(e, i->a, &m)) {
        x64_mov_rm(e->a, 32, x64_def(e, -1, 0), m);
        return;
    }
    int ra = x64_use(e, i->a), d = x64_def(e, ra, 0);
    switch (i->misc) {
    case IR_I1:
        if (d != ra)
            x64_mov_rr(e->a, 32, d, ra);
        break;
    case IR_I8: x64_movzx_rr(e->a, 8, d, ra); break;
    case IR_I16: x64_movzx_rr(e->a, 16, d, ra); break;
    default: x64_mov_rr(e->a, 32, d, ra); break;
    }
}

void x64_emit_trunc(X64Emit *e, const IrInsn *i) {} /* an alias, see IrLive */

static const uint8_t cond_cc[] = {
    [IR_EQ] = X64_E,  [IR_NE] = X64_NE, [IR_LTU] = X64_B,  [IR_GEU] = X64_AE, [IR_LT] = X64_L,
    [IR_GE] = X64_GE, [IR_LEU] = X64_BE, [IR_GTU] = X64_A, [IR_LE] = X64_LE,  [IR_GT] = X64_G,
};
static const uint8_t cond_swapped[] = {
    [IR_EQ] = IR_EQ, [IR_NE] = IR_NE, [IR_LTU] = IR_GTU, [IR_GEU] = IR_LEU, [IR_LT] = IR_GT,
    [IR_GE] = IR_LE, [IR_LEU] = IR_GEU, [IR_GTU] = IR_LTU, [IR_LE] = IR_GE, [IR_GT] = IR_LT,
};

int x64_cond_cc(IrCond c) { return cond_cc[c]; }

/* x & y is zero, or is not. */
static int emit_test(X64Emit *e, const IrInsn *i, IrCond cond)
{
    IrVal a = x64_val(e, ir_is_const(e->r, i->a) ? i->b : i->a),
          b = x64_val(e, ir_is_const(e->r, i->a) ? i->a : i->b);
    int w = x64_width((IrType)i->type);
    int64_t k;
    if (!x64_const(e, b, &k)) {
        int ra = x64_use(e, a);
        x64_test_rr(e->a, w, ra, x64_use(e, b));
        return cond_cc[cond];
    }
    uint64_t c = w == 32 ? (uint32_t)k : (uint64_t)k;
    X64Mem m;
    if (c <= 0xffffffff) {
        int narrow = c <= 0xff ? 8 : 32;
        if (x64_use_mem(e, a, &m) && !x64_live_after(e, a))
            x64_test_mi(e->a, narrow, m, (int32_t)c);
        else
            x64_test_ri(e->a, narrow, x64_use(e, a), (int32_t)c);
        return cond_cc[cond];
    }
    int ra = x64_use(e, a);
    if ((c & (c - 1)) == 0) {
        x64_bt_ri(e->a, 64, X64_BT, ra, __builtin_ctzll(c));
        return cond == IR_EQ ? X64_AE : X64_B;
    }
    if (fits_i32(k))
        x64_test_ri(e->a, 64, ra, (int32_t)k);
    else
        x64_test_rr(e->a, 64, ra, x64_use(e, b));
    return cond_cc[cond];
}

static int compare_values(X64Emit *e, const IrInsn *i)
{
    if (e->l->flags[i->a] & IR_L_FUSED)
        return emit_test(e, &e->r->insn[i->a], (IrCond)i->misc);
    IrVal a = x64_val(e, i->a), b = x64_val(e, i->b);
    unsigned cond = i->misc;
    int w = i->type == IR_I1 ? 32 : x64_width((IrType)i->type);
    if (ir_is_const(e->r, a)) {
        a = x64_val(e, i->b);
        b = x64_val(e, i->a);
        cond = cond_swapped[cond];
    }
    X64Mem m;
    int64_t c;
    bool imm = x64_const(e, b, &c) && (w < 64 || fits_i32(c));
    bool in_mem = x64_use_mem(e, a, &m) && !x64_live_after(e, a);
    if (imm && c == 0 && e->test_end == e->a->p && e->test_val == a && e->r->insn[a].type == i->type) {
        return cond_cc[cond];
    } else if (imm && in_mem) {
        x64_alu_mi(e->a, w, X64_CMP, m, (int32_t)c);
    } else if (imm) {
        int ra = x64_use(e, a);
        if (c == 0)
            x64_test_rr(e->a, w, ra, ra);
        else
            x64_alu_ri(e->a, w, X64_CMP, ra, (int32_t)c);
    } else if (in_mem) {
        x64_alu_mr(e->a, w, X64_CMP, m, x64_use(e, b));
    } else {
        alu_rv(e, w, X64_CMP, x64_use(e, a), b);
    }
    return cond_cc[cond];
}

static int emit_compare(X64Emit *e, const IrInsn *i)
{
    int cc = compare_values(e, i);
    e->cmp_end = e->a->p;
    e->cmp = i;
    return cc;
}

int x64_condition(X64Emit *e, IrVal v)
{
    const IrInsn *i = &e->r->insn[v];
    unsigned op = e->l->flags[v] & IR_L_FUSED ? i->op : IR_NOP;
    int r;
    switch (op) {
    case IR_CMP: return emit_compare(e, i);
    case IR_FCC: return x64_fcc(e, i);
    case IR_NOT: return x64_condition(e, i->a) ^ 1; /* never of a compare: that is folded */
    case IR_AND:
        r = x64_use(e, i->a);
        x64_test_rr(e->a, 8, r, x64_use(e, i->b));
        return X64_NE;
    case IR_OR:
        r = x64_scratch(e);
        x64_load_into(e, r, i->a, 32);
        x64_alu_rr(e->a, 8, X64_OR, r, x64_use(e, i->b));
        return X64_NE;
    default:
        r = x64_use(e, v);
        x64_test_rr(e->a, 32, r, r);
        return X64_NE;
    }
}

void x64_emit_cmp(X64Emit *e, const IrInsn *i)
{
    int cc = emit_compare(e, i);
    int d = x64_def(e, -1, 0);
    x64_setcc(e->a, cc, d);
    x64_movzx_rr(e->a, 8, d, d);
}

/* "Not equal" is one of two flags; equal is the opposite. */
static void select_two_flags(X64Emit *e, int w, int cc, int rt, int rf)
{
    int ne = cc == X64_CC_FNE ? rt : rf, eq = cc == X64_CC_FNE ? rf : rt;
    int d = x64_def(e, -1, 1u << rt | 1u << rf);
    x64_mov_rr(e->a, w, d, eq);
    x64_cmovcc_rr(e->a, w, X64_NE, d, ne);
    x64_cmovcc_rr(e->a, w, X64_P, d, ne);
}

void x64_emit_select(X64Emit *e, const IrInsn *i)
{
    if (ir_type_is_vec((IrType)i->type)) {
        int xt = x64_use_x(e, i->b), xf = x64_use_x(e, i->c);
        int cc = x64_condition(e, i->a), d = x64_def_x(e, -1, 1u << xt | 1u << xf);
        uint8_t *site[2];
        x64_movaps_rr(e->a, d, xt);
        unsigned n = x64_jump_if(e, cc, site);
        x64_movaps_rr(e->a, d, xf);
        while (n-- > 0)
            x64_patch32(site[n], e->a->p);
        return;
    }
    int w = op_width(i);
    if (i->type == IR_FL) {
        if (x64_fl_wait(e, (IrVal)e->cur))
            return;
        x64_fl_make(e, i->b);
        x64_fl_make(e, i->c);
    }
    int rt = x64_use(e, i->b), rf = x64_use(e, i->c);
    int cc = x64_condition(e, i->a);
    e->locked = 1u << rt | 1u << rf; /* what was compared is done with */
    if (cc >= X64_CC_FEQ) {
        select_two_flags(e, w, cc, rt, rf);
        return;
    }
    int d = x64_def(e, rf, 0);
    if (d == rt && d != rf) {
        x64_cmovcc_rr(e->a, w, cc ^ 1, d, rf);
        return;
    }
    if (d != rf)
        x64_mov_rr(e->a, w, d, rf);
    x64_cmovcc_rr(e->a, w, cc, d, rt);
}
