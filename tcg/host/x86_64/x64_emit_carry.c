/* Sums with carry, and words of flags that wait in the host's own flags.
 *
 * A chain of adds, adcs, adcs ... is a chain of add, adc, adc: the word of the last is e->hold, "in the
 * host's flags", with its carry inverted if e->hold_inv (behind cmp, sub, sbb: Arm's carry of a subtraction
 * is "not borrow"). There it is the carry of the next sum, and what a fault in between looks at
 * (x64_fl_recipe). x64_keeps_flags() says which ops leave the host's flags alone, by way of their place or of
 * another host instruction; before any other op the word is made of them (x64_fl_unhold), by lahf and seto,
 * which keep them.
 * Such words (ir_chained) are never computed from their operands later: those need not live on. */
#include "tcg/host/x86_64/x64_priv.h"

static bool is_word(const X64Emit *e, IrVal v) { return x64_fl_unmade(e, v); }

void x64_fl_unhold(X64Emit *e)
{
    IrVal v = e->hold;
    if (v == IR_NONE)
        return;
    if (is_word(e, v)) {
        e->locked = 0;
        if (e->fl == v)
            x64_fl_flush(e);
        else if (e->l->last[v] >= e->cur)
            x64_fl_make(e, v);
    }
    e->locked = 0;
    e->hold = IR_NONE;
}

/* ---- what leaves the host's flags alone ---- */

static bool has_bmi2(const X64Emit *e) { return x64_has(e->h->features, X64_F_BMI2); }
static bool full(const IrInsn *i) { return i->type == IR_I64 || i->type == IR_I32; }

/* The constant to add, for lea. */
static bool lea_const(const X64Emit *e, const IrInsn *i, int32_t *ret)
{
    int64_t c;
    if (!x64_const(e, i->b, &c) || !fits_i32(c) || c == INT32_MIN)
        return false;
    *ret = (int32_t)(i->op == IR_SUB ? -c : c);
    return true;
}

static bool put_keeps(const X64Emit *e, const IrInsn *i)
{
    return i->type != IR_FL || i->a == e->hold || !x64_fl_unmade(e, i->a) ||
           x64_fl_put_waits(e, i->imm, i->a);
}

/* Probes of a TLB compare. */
static bool plain_access(IrMem mem, bool store)
{
    return !mem.bswap && mem.mmu != IR_MMU_TLB && !(store && mem.order == IR_SEQ_CST);
}

bool x64_keeps_flags(const X64Emit *e, const IrInsn *i)
{
    int32_t c;
    if (e->any_dirty)
        return false;
    switch (i->op) {
    case IR_NOP:
    case IR_CONST:
    case IR_HERE:
    case IR_TRUNC:
    case IR_VANY:
    case IR_VLOW:
    case IR_ADDC:
    case IR_SUBC:
    case IR_FLADC:
    case IR_SBB:
    case IR_FLSBB:
    case IR_FLSBC:
    case IR_ADDV:
    case IR_FLADCX:
    case IR_FLADOX: return true;
    case IR_GET: return (int)i->imm != e->h->fl_slot || e->fl == IR_NONE || e->fl == e->hold;
    case IR_PUT: return put_keeps(e, i);
    case IR_UNIT: return x64_unit_keeps(e, i);
    case IR_LD:
    case IR_ST: return plain_access((IrMem){.raw = i->d}, i->op == IR_ST);
    case IR_ZEXT: return true;
    case IR_SEXT: return i->misc != IR_I1;
    case IR_NOT: return i->type != IR_I1;
    case IR_MUL:
    case IR_MULHU: return full(i) && has_bmi2(e);
    case IR_SHL:
    case IR_SHR:
    case IR_SAR: return full(i) && has_bmi2(e);
    case IR_ROTR: return full(i) && has_bmi2(e) && ir_is_const(e->r, i->b);
    case IR_ADD:
        if (x64_carry_pair(e) || lea_const(e, i, &c))
            return true;
        return full(i) && !ir_is_const(e->r, i->a) && !ir_is_const(e->r, i->b);
    case IR_SUB: return x64_carry_pair(e) || (full(i) && lea_const(e, i, &c));
    case IR_FLADD:
    case IR_FLCMP:
    case IR_FLSUB: return ir_chained(e->r, e->l, (IrVal)e->cur) || x64_fl_wait(e, (IrVal)e->cur);
    case IR_FLSHL:
    case IR_FLSHR:
    case IR_FLSAR:
    case IR_FLX:
    case IR_FLLOGIC: return x64_fl_wait(e, (IrVal)e->cur);
    default: return false;
    }
}

bool x64_keep_add(X64Emit *e, const IrInsn *i)
{
    int32_t c;
    int w = i->type == IR_I64 ? 64 : 32, ra = x64_use(e, i->a);
    if (lea_const(e, i, &c)) {
        x64_lea(e->a, w, x64_def(e, ra, 0), X64_MEM(ra, c));
        return true;
    }
    int rb = x64_use(e, i->b);
    x64_lea(e->a, w, x64_def(e, ra, 0), X64_MEMI(ra, rb, 0, 0));
    return true;
}

/* rdx = one operand; the other in a register. */
static int claim_rdx(X64Emit *e, const IrInsn *i)
{
    IrVal a = x64_val(e, i->a), b = x64_val(e, i->b);
    if (e->reg[b] == X64_RDX) {
        IrVal t = a;
        a = b;
        b = t;
    }
    if (e->reg[a] == X64_RDX && !x64_live_after(e, a)) {
        e->locked |= 1u << X64_RDX;
        return x64_use(e, b);
    }
    x64_claim(e, X64_RDX);
    int rb = x64_use(e, b);
    x64_load_into(e, X64_RDX, a, i->type == IR_I64 ? 64 : 32);
    return rb;
}

void x64_mulx_op(X64Emit *e, const IrInsn *i, bool high)
{
    int w = i->type == IR_I64 ? 64 : 32, rb = claim_rdx(e, i);
    if (high) {
        int d = x64_def(e, X64_RDX, 0);
        x64_mulx(e->a, w, d, d, rb);
        return;
    }
    int t = x64_scratch(e), d = x64_def(e, X64_RDX, 1u << t);
    x64_mulx(e->a, w, t, d, rb);
}

void x64_mulx_whole(X64Emit *e, const IrInsn *i)
{
    int w = i->type == IR_I64 ? 64 : 32, rb = claim_rdx(e, i);
    int low = x64_def(e, -1, 0);
    e->cur++;
    int high = x64_def(e, X64_RDX, 1u << low);
    x64_mulx(e->a, w, high, low, rb);
}

/* ---- sums ---- */

/* Is the next op the flags of this sum, and wanted? Its index. */
IrVal x64_carry_pair(const X64Emit *e)
{
    static const uint8_t flags_of[][2] = {
        {IR_ADD, IR_FLADD}, {IR_SUB, IR_FLSUB}, {IR_ADDC, IR_FLADC}, {IR_SUBC, IR_FLSBC},
        {IR_SUB, IR_FLCMP}, {IR_SBB, IR_FLSBB}, {IR_ADDC, IR_FLADCX}, {IR_ADDV, IR_FLADOX}};
    const IrInsn *i = &e->r->insn[e->cur], *f = i + 1;
    IrVal v = (IrVal)(e->cur + 1);
    for (unsigned k = 0; k < ARRAY_SIZE(flags_of); k++) {
        if (i->op != flags_of[k][0] || f->op != flags_of[k][1])
            continue;
        bool same = i->a == f->a && i->b == f->b, swapped = i->op == IR_ADD && i->a == f->b && i->b == f->a;
        return full(i) && i->type == f->type && (same || swapped) && i->c == f->c &&
                       !(e->l->flags[v] & IR_L_DEAD) && ir_chained(e->r, e->l, v)
                   ? v
                   : IR_NONE;
    }
    return IR_NONE;
}

/* Will the word be put before anything looks at the slot? */
static bool is_put(const X64Emit *e, IrVal word)
{
    const IrRegion *r = e->r;
    for (unsigned k = word + 1u; k < r->n_insns && k < word + 8u; k++) {
        const IrInsn *i = &r->insn[k];
        if (i->op == IR_PUT && (int)i->imm == e->h->fl_slot)
            return true; /* this word, or one that replaces it */
        if (i->op != IR_PUT && !(ir_op_info[i->op].flags & IR_F_PURE))
            return false;
    }
    return false;
}

/* The host's flags are about to be overwritten with those of `word` (IR_NONE: by nothing of interest), and
 * are needed until then. What else is known to be in them is made. */
static void replace_held(X64Emit *e, IrVal word)
{
    IrVal v = e->hold;
    if (v == IR_NONE || !is_word(e, v))
        return;
    if (e->fl == v) {
        if (word && is_put(e, word))
            e->fl = IR_NONE;
        else
            x64_fl_flush(e);
    }
    if (is_word(e, v) && e->l->last[v] > (word ? word : e->cur))
        x64_fl_make(e, v);
    e->locked = 0;
}

/* Where the carry of f comes from: the host's flags, a register, memory, a constant. */
static X64Mem carry_mem(X64Emit *e, IrVal f, int *ret_reg)
{
    X64Mem m = {0};
    *ret_reg = -1;
    if (f != e->hold && !ir_is_const(e->r, f) && !x64_use_mem(e, f, &m))
        *ret_reg = x64_use(e, f);
    return m;
}

/* CF = carry of f, inverted for a subtraction. */
static void set_carry(X64Emit *e, IrVal f, int reg, X64Mem m, bool inv)
{
    int64_t c;
    if (f == e->hold) {
        if (e->hold_inv != inv)
            x64_cmc(e->a);
        return;
    }
    if (x64_const(e, f, &c)) {
        if (((c & IR_FL_C) != 0) != inv)
            x64_stc(e->a);
        else
            x64_clc(e->a);
        return;
    }
    if (reg >= 0)
        x64_bt_ri(e->a, 32, X64_BT, reg, 8);
    else
        x64_bt_mi(e->a, 16, X64_BT, m, 8);
    if (inv)
        x64_cmc(e->a);
}

typedef struct Sum {
    IrVal a, b, f;      /* f: IR_NONE: no carry comes in */
    int w, alu;
    bool sub, inv;      /* inv: the carry that comes in is "not borrow" */
    IrVal word;         /* whose flags it makes; IR_NONE */
    unsigned adx;       /* IR_FL_C, IR_FL_V: the one flag that it reads and writes; else 0 */
} Sum;

static Sum sum_of(const X64Emit *e, const IrInsn *i)
{
    bool borrow = i->op == IR_SBB || i->op == IR_FLSBB, arm = i->op == IR_SUBC || i->op == IR_FLSBC;
    bool sub = i->op == IR_SUB || i->op == IR_FLSUB || i->op == IR_FLCMP || arm || borrow;
    unsigned adx = i->op == IR_FLADCX ? IR_FL_C : i->op == IR_FLADOX || i->op == IR_ADDV ? IR_FL_V : 0;
    bool carry = i->op == IR_ADDC || i->op == IR_FLADC || arm || borrow || adx;
    return (Sum){.a = x64_val(e, i->a), .b = x64_val(e, i->b), .f = carry ? i->c : IR_NONE, .sub = sub,
                 .inv = arm, .adx = adx,
                 .w = x64_width((IrType)i->type), .alu = carry ? (sub ? X64_SBB : X64_ADC) : sub ? X64_SUB
                 : X64_ADD};
}

/* d = a, before the instruction. */
static int sum_dest(X64Emit *e, const Sum *s, bool value, uint32_t avoid)
{
    int d, ra = e->reg[s->a] >= 0 ? x64_use(e, s->a) : -1;
    if (ra >= 0)
        avoid &= ~(1u << ra);
    if (!value) {
        d = x64_scratch(e);
        x64_load_into(e, d, s->a, s->w);
        return d;
    }
    d = x64_def(e, ra, avoid);
    if (ra >= 0 && d != ra)
        x64_mov_rr(e->a, s->w == 64 ? 64 : 32, d, ra);
    else if (ra < 0)
        x64_load_into(e, d, s->a, s->w);
    return d;
}

static void swap_operands(X64Emit *e, Sum *s, bool value)
{
    int hint = value && e->l->hint[e->cur] ? e->slot_reg[e->l->hint[e->cur] - 1] : -1;
    if (!s->sub && (ir_is_const(e->r, s->a) || (e->reg[s->a] < 0 && e->reg[s->b] >= 0) ||
                    (hint >= 0 && e->reg[s->b] == hint && e->reg[s->a] != hint))) {
        IrVal t = s->a;
        s->a = s->b;
        s->b = t;
    }
}

/* By adcx or adox, which leave the other flags alone. */
static void emit_adx(X64Emit *e, Sum s, bool value)
{
    bool held = s.f == e->hold;
    X64Mem m;
    if (!held) {
        x64_claim(e, X64_RAX);
        x64_load_into(e, X64_RAX, s.f, 32);
    }
    swap_operands(e, &s, value);
    bool mem = x64_use_mem(e, s.b, &m);
    int rb = mem ? -1 : x64_use(e, s.b), d = sum_dest(e, &s, value, rb >= 0 ? 1u << rb : 0);
    unsigned op = X64_OP(s.adx == IR_FL_C ? X64_P66 : X64_PF3, X64_0F38, 0xf6);
    if (!held)
        x64_load_flags(e->a);
    else if (e->hold_inv)
        x64_cmc(e->a);
    if (mem)
        x64_op_rm(e->a, s.w, op, d, m);
    else
        x64_op_rr(e->a, s.w, op, d, rb);
    e->hold = s.word;
    e->hold_inv = false;
}

/* For a host that has them not: by adc; the word is made, in rax. */
static void emit_adx_slowly(X64Emit *e, Sum s, bool value)
{
    x64_fl_unhold(e);
    x64_claim(e, X64_RAX);
    x64_load_into(e, X64_RAX, s.f, 32);
    int rb = x64_use(e, s.b), d = sum_dest(e, &s, value, 1u << rb);
    x64_bt_ri(e->a, 32, X64_BTR, X64_RAX, s.adx == IR_FL_C ? 8 : 0);
    x64_alu_rr(e->a, s.w, X64_ADC, d, rb);
    if (s.word == IR_NONE)
        return;
    if (s.adx == IR_FL_C)
        x64_bytes(e->a, (const uint8_t[]){0x80, 0xd4, 0}, 3); /* adc ah, 0 */
    else
        x64_alu_ri(e->a, 32, X64_ADC, X64_RAX, 0);
    e->reg[s.word] = X64_RAX;
    e->reg_val[X64_RAX] = s.word;
}

/* value: the op defines the sum, else flags only. */
static void emit_sum(X64Emit *e, Sum s, bool value)
{
    replace_held(e, s.word);
    if (s.f != e->hold) {
        e->hold = IR_NONE;
        if (s.f != IR_NONE)
            x64_fl_make(e, s.f);
        e->locked = 0;
    }
    if (s.adx) {
        if (x64_has(e->h->features, X64_F_ADX))
            emit_adx(e, s, value);
        else
            emit_adx_slowly(e, s, value);
        return;
    }
    swap_operands(e, &s, value);
    int64_t c = 0;
    X64Mem m = {0}, fm = {0};
    bool imm = x64_const(e, s.b, &c) && (s.w < 64 || fits_i32(c)), mem = !imm && x64_use_mem(e, s.b, &m);
    int rf = -1, rb = imm || mem ? -1 : x64_use(e, s.b);
    if (s.f != IR_NONE)
        fm = carry_mem(e, s.f, &rf);
    uint32_t avoid = (rb >= 0 ? 1u << rb : 0) | (rf >= 0 ? 1u << rf : 0);
    bool compare = !value && s.alu == X64_SUB;
    int d = compare ? x64_use(e, s.a) : sum_dest(e, &s, value, avoid);
    if (compare)
        s.alu = X64_CMP;
    if (s.f != IR_NONE)
        set_carry(e, s.f, rf, fm, s.inv);
    if (imm)
        x64_alu_ri(e->a, s.w, s.alu, d, (int32_t)c);
    else if (mem)
        x64_alu_rm(e->a, s.w, s.alu, d, m);
    else
        x64_alu_rr(e->a, s.w, s.alu, d, rb);
    e->hold = s.word;
    unsigned op = s.word ? e->r->insn[s.word].op : IR_NOP;
    e->hold_inv = op == IR_FLSUB || op == IR_FLSBC;
}

bool x64_carry_sum(X64Emit *e, const IrInsn *i)
{
    IrVal word = x64_carry_pair(e);
    if (word == IR_NONE)
        return false;
    Sum s = sum_of(e, i);
    s.word = word;
    s.adx = sum_of(e, &e->r->insn[word]).adx;
    emit_sum(e, s, true);
    return true;
}

void x64_emit_addc(X64Emit *e, const IrInsn *i)
{
    if (x64_carry_sum(e, i))
        return;
    Sum s = sum_of(e, i);
    s.w = i->type == IR_I64 ? 64 : 32;
    emit_sum(e, s, true);
}

void x64_emit_addv(X64Emit *e, const IrInsn *i) { x64_emit_addc(e, i); }
void x64_emit_sbb(X64Emit *e, const IrInsn *i) { x64_emit_addc(e, i); }
void x64_emit_subc(X64Emit *e, const IrInsn *i) { x64_emit_addc(e, i); }

void x64_carry_flags(X64Emit *e, const IrInsn *i)
{
    IrVal v = (IrVal)e->cur;
    if (e->hold != v && x64_fl_unmade(e, v)) {
        Sum s = sum_of(e, i);
        s.word = v;
        emit_sum(e, s, false);
    }
    e->locked = 0;
    if ((e->l->flags[v] & IR_L_GLOBAL) || (e->h->no_opt & X64_NO_LAZY_FLAGS)) {
        x64_fl_make(e, v);
        e->hold = IR_NONE;
    }
}
