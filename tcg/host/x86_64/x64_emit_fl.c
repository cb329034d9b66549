/* Guest flags. A word of flags (IR_FL_*) is what lahf and seto leave in ax after the host instruction that
 * does the same. Most words are never made: conditions look at the operands (ir_flcc), and the put of a word
 * is only remembered. Where the slot may be observed, its recipe is: in the record of an instruction that may
 * fault, in the cold code of an exit. ir_liveness() keeps the operands alive until the last such place. Words
 * with a carry in or out: x64_emit_carry.c. */
#include "tcg/host/x86_64/x64_priv.h"
#include "tcg/ir/eval.h"

/* A copy of v in a scratch register, which may then be changed. */
static int scratch_copy(X64Emit *e, IrVal v, int w)
{
    int r = x64_scratch(e);
    x64_load_into(e, r, v, w);
    return r;
}

static void op_with(X64Emit *e, int w, int alu, int d, IrVal v)
{
    int64_t c;
    v = x64_val(e, v);
    if (e->reg[v] < 0 && x64_const(e, v, &c) && (w < 64 || fits_i32(c)))
        x64_alu_ri(e->a, w, alu, d, (int32_t)c);
    else
        x64_alu_rr(e->a, w, alu, d, x64_use(e, v));
}

/* The host's flags become those of the row. */
static void set_host_flags(X64Emit *e, const IrInsn *i)
{
    X64Asm *a = e->a;
    int w = x64_width((IrType)i->type);
    switch (i->op) {
    case IR_FLSUB:
        op_with(e, w, X64_CMP, x64_use(e, i->a), i->b);
        x64_cmc(a);
        break;
    case IR_FLCMP: op_with(e, w, X64_CMP, x64_use(e, i->a), i->b); break;
    case IR_FLSHL:
    case IR_FLSHR:
    case IR_FLSAR:
        x64_shift_ri(a, w, x64_fl_shift(i->op), scratch_copy(e, i->a, w), (int)ir_const_value(e->r, i->b));
        break;
    case IR_FLADD: op_with(e, w, X64_ADD, scratch_copy(e, i->a, w), i->b); break;
    default: { /* fllogic */
        int r = x64_use(e, i->a);
        x64_test_rr(a, w, r, r);
        break;
    }
    }
}

/* ---- words on demand ---- */

/* The parts of a word that can wait: a row that makes flags, or a choice between one and a constant. */
typedef struct Word {
    const IrInsn *row; /* NULL: it cannot wait */
    IrVal sel;         /* IR_NONE: no choice */
    bool when;         /* the row counts when sel is this */
    uint16_t other;
    IrVal alt;         /* IR_NONE: `other`; else this word, which may be there already or wait itself */
} Word;

/* Not in a register, a slot or on the stack yet. */
bool x64_fl_unmade(const X64Emit *e, IrVal v)
{
    IrOp op = (IrOp)e->r->insn[v].op;
    return (ir_op_info[op].result == IR_RESULT_FL || op == IR_SELECT) && e->reg[v] < 0 && !e->home[v] &&
           !e->spill[v];
}

/* One that can be made of two integers at any time. */
static bool is_row(const X64Emit *e, IrVal v)
{
    unsigned op = e->r->insn[v].op;
    return (op == IR_FLSUB || op == IR_FLADD || op == IR_FLLOGIC) && !ir_chained(e->r, e->l, v);
}

static bool can_be_alt(const X64Emit *e, IrVal v)
{
    return is_row(e, v) || e->reg[v] >= 0 || e->home[v] || e->spill[v];
}

/* Keeps a part of the word before it? */
static bool changes_word(const IrInsn *i)
{
    return i->op == IR_FLNZC || i->op == IR_FLX;
}

static Word word_of(const X64Emit *e, IrVal v)
{
    const IrInsn *insn = e->r->insn, *i = &insn[v];
    if (i->op == IR_FLFCMP && !x64_flfcmp_waits(e, i))
        return (Word){0};
    if (changes_word(i)) { /* of the former word it takes what there is by then: a place or a recipe */
        bool unmade = x64_fl_unmade(e, i->c);
        return (Word){.row = !unmade || (!changes_word(&insn[i->c]) && word_of(e, i->c).row) ? i : NULL};
    }
    if (ir_op_info[i->op].result == IR_RESULT_FL)
        return (Word){.row = ir_chained(e->r, e->l, v) || ir_fl_at_once(i->op) ? NULL : i};
    if (i->op != IR_SELECT)
        return (Word){0};
    bool when = ir_is_const(e->r, i->c);
    IrVal row = when ? i->b : i->c, other = when ? i->c : i->b;
    if (!when && !ir_is_const(e->r, other) && is_row(e, i->b) && can_be_alt(e, i->c))
        return (Word){.row = &insn[i->b], .sel = i->a, .when = true, .alt = i->c};
    if (!ir_is_const(e->r, other) || insn[row].op == IR_SELECT || changes_word(&insn[row]) ||
        ir_is_const(e->r, i->a))
        return (Word){0};
    return (Word){.row = word_of(e, row).row, .sel = i->a, .when = when,
                  .other = (uint16_t)ir_const_value(e->r, other)};
}

bool x64_fl_wait(const X64Emit *e, IrVal v)
{
    if ((e->l->flags[v] & IR_L_GLOBAL) || (e->h->no_opt & X64_NO_LAZY_FLAGS))
        return false;
    Word w = word_of(e, v);
    return w.row && !(w.sel && (e->l->flags[w.sel] & IR_L_FUSED) && e->r->insn[w.sel].op != IR_CMP);
}

enum { LAHF_BITS = 0xfe00 }; /* what lahf gives of sign, zero and the rest, without the carry */

/* The first half of a word of flnzc: eax = C and V, of the former word in eax and of the carry's source in
 * temp, which is lost. */
static void nzc_carry(X64Asm *a, unsigned bit, int temp)
{
    x64_alu_ri(a, 32, X64_AND, X64_RAX, bit < 32 ? IR_FL_V : IR_FL_V | IR_FL_C);
    if (bit < 32) {
        x64_bt_ri(a, 32, X64_BT, temp, (int)bit);
        x64_alu_rr(a, 32, X64_SBB, temp, temp);
        x64_alu_ri(a, 32, X64_AND, temp, IR_FL_C);
        x64_alu_rr(a, 32, X64_OR, X64_RAX, temp);
    }
}

/* The second: with N and Z of a constant. */
static void nzc_const(X64Asm *a, IrType t, int64_t x)
{
    uint64_t word = ir_eval_flnzc(t, ir_canon(t, (uint64_t)x), 0, IR_FLNZC_OLD, 0);
    if (word & LAHF_BITS)
        x64_alu_ri(a, 32, X64_OR, X64_RAX, (int32_t)(word & LAHF_BITS));
}

/* Or of rx. */
static void nzc_sign(X64Asm *a, IrType t, int rx, int temp)
{
    x64_mov_rr(a, 32, temp, X64_RAX);
    x64_test_rr(a, x64_width(t), rx, rx);
    x64_lahf(a);
    x64_alu_ri(a, 32, X64_AND, X64_RAX, LAHF_BITS);
    x64_alu_rr(a, 32, X64_OR, X64_RAX, temp);
}

static void make_nzc(X64Emit *e, IrVal v)
{
    const IrInsn *i = &e->r->insn[v];
    x64_fl_make(e, i->c);
    bool there = e->reg[x64_val(e, i->c)] == X64_RAX;
    x64_claim(e, X64_RAX); /* if it moves the former word, that is still there */
    if (!there)
        x64_load_into(e, X64_RAX, i->c, 32);
    int temp = x64_scratch(e);
    if (i->misc < 32)
        x64_load_into(e, temp, i->b, x64_width((IrType)i->type));
    nzc_carry(e->a, i->misc, temp);
    if (ir_is_const(e->r, i->a))
        nzc_const(e->a, (IrType)i->type, ir_const_value(e->r, i->a));
    else
        nzc_sign(e->a, (IrType)i->type, x64_use(e, i->a), temp);
    e->reg[v] = X64_RAX;
    e->reg_val[X64_RAX] = v;
    e->locked = 1u << X64_RAX;
}

/* A choice between two words. */
static void make_choice(X64Emit *e, IrVal v)
{
    const IrInsn *i = &e->r->insn[v];
    x64_fl_make(e, i->b);
    e->locked = 0;
    x64_fl_make(e, i->c);
    int t = scratch_copy(e, i->c, 32), r = x64_use(e, i->b), cc = x64_condition(e, i->a);
    x64_cmovcc_rr(e->a, 32, cc, t, r);
    e->reg[v] = (int8_t)t;
    e->reg_val[t] = v;
    e->locked = 1u << t;
}

void x64_fl_make(X64Emit *e, IrVal v)
{
    if (!x64_fl_unmade(e, v))
        return;
    const IrInsn *i = &e->r->insn[v];
    if (changes_word(i)) {
        if (i->op == IR_FLNZC)
            make_nzc(e, v);
        else
            x64_flx_make(e, v);
        return;
    }
    Word w = {.row = i};
    if (i->op == IR_SELECT)
        w = word_of(e, v);
    if (w.alt != IR_NONE) {
        make_choice(e, v);
        return;
    }
    x64_claim(e, X64_RAX);
    if (v == e->hold) {
        if (e->hold_inv)
            x64_cmc(e->a);
        e->hold_inv = false;
    } else if (ir_chained(e->r, e->l, v)) {
        e->failed = true; /* its operands may be gone */
    } else if (w.row->op == IR_FLFCMP) {
        x64_flfcmp_word(e, w.row, X64_RAX, x64_scratch(e));
    } else {
        set_host_flags(e, w.row);
    }
    if (w.row->op != IR_FLFCMP) {
        x64_lahf(e->a);
        x64_setcc(e->a, X64_O, X64_RAX);
    }
    e->locked = 1u << X64_RAX;
    if (w.sel) {
        int t = x64_scratch(e), cc;
        x64_mov_ri(e->a, 32, t, w.other);
        cc = x64_condition(e, w.sel);
        x64_cmovcc_rr(e->a, 32, cc ^ w.when, X64_RAX, t);
    }
    e->reg[v] = X64_RAX;
    e->reg_val[X64_RAX] = v;
    e->locked = 1u << X64_RAX;
}

static void emit_flags(X64Emit *e, const IrInsn *i)
{
    if (ir_chained(e->r, e->l, (IrVal)e->cur))
        x64_carry_flags(e, i);
    else if (!x64_fl_wait(e, (IrVal)e->cur))
        x64_fl_make(e, (IrVal)e->cur);
}

void x64_emit_flfcmp(X64Emit *e, const IrInsn *i) { x64_soft_ir_always(e, i); }
void x64_emit_flsub(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_fladd(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_flcmp(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_flsbb(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_flshl(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_flshr(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_flsar(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_fladc(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_flsbc(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_flnzc(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_flx(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_fladcx(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_fladox(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_fllogic(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }

/* ---- the slot ---- */

bool x64_fl_put_waits(const X64Emit *e, unsigned slot, IrVal v)
{
    return x64_fl_unmade(e, v) && (int)slot == e->h->fl_slot && (v == e->hold || x64_fl_wait(e, v)) &&
           e->code->n_fl <= X64_MAX_FL - 16;
}

bool x64_fl_put(X64Emit *e, unsigned slot, IrVal v)
{
    e->fl = IR_NONE; /* a former word that was not stored is not wanted any more */
    e->fl_head = 0;
    if (!x64_fl_put_waits(e, slot, v)) {
        x64_fl_make(e, v);
        return false;
    }
    e->fl = v;
    return true;
}

void x64_fl_flush(X64Emit *e)
{
    IrVal v = e->fl;
    if (v == IR_NONE)
        return;
    bool compared = e->hold == IR_NONE && x64_fl_compared(e);
    if (compared) {
        e->hold = v;
        e->hold_inv = e->r->insn[v].op == IR_FLSUB;
    }
    e->fl = IR_NONE;
    x64_fl_make(e, v);
    if (compared) /* the op at hand does not know that it should keep them */
        e->hold = IR_NONE;
    x64_put_slot(e, (unsigned)e->h->fl_slot, v);
    e->locked = 0;
}

static X64Loc locate(X64Emit *e, IrVal v)
{
    int64_t c;
    if (v == IR_NONE)
        return (X64Loc){.kind = X64_LOC_NONE};
    v = x64_val(e, v);
    if (e->reg[v] >= 0)
        return (X64Loc){.kind = X64_LOC_REG, .reg = (uint8_t)e->reg[v]};
    if (e->home[v])
        return (X64Loc){.kind = X64_LOC_ENV, .value = e->h->slots[e->home[v] - 1].offset};
    if (e->spill[v])
        return (X64Loc){.kind = X64_LOC_ENV, .value = x64_spill_at(e, e->spill[v] - 1u)};
    if (x64_const(e, v, &c))
        return (X64Loc){.kind = X64_LOC_CONST, .value = c};
    e->failed = true;
    return (X64Loc){.kind = X64_LOC_NONE};
}

static uint8_t add_recipe(X64Emit *e, const X64FlRecipe *f)
{
    X64Code *c = e->code;
    for (unsigned k = c->n_fl; k > 0 && k + 2 > c->n_fl; k--) /* a word of two recipes may have been the
                                                               * last */
        if (memcmp(&c->fl[k - 1], f, sizeof *f) == 0)
            return (uint8_t)k;
    if (c->n_fl == X64_MAX_FL) {
        e->failed = true;
        return 0;
    }
    c->fl[c->n_fl++] = *f;
    return (uint8_t)c->n_fl;
}

static uint8_t recipe_of(X64Emit *e, IrVal v);

/* Of a row that changes a former word. */
static uint8_t change_recipe(X64Emit *e, const IrInsn *i)
{
    X64FlRecipe f;
    memset(&f, 0, sizeof f);
    f.op = (uint8_t)i->op;
    f.type = i->type;
    f.sel_cond = i->misc;
    f.a = ir_is_const(e->r, i->a) ? (X64Loc){.kind = X64_LOC_CONST, .value = ir_const_value(e->r, i->a)}
                                  : locate(e, i->a);
    f.b = i->op == IR_FLX || i->misc < 32 ? locate(e, i->b) : (X64Loc){.kind = X64_LOC_NONE};
    if (x64_fl_unmade(e, i->c))
        f.base = recipe_of(e, i->c);
    else
        f.sel = locate(e, i->c);
    return add_recipe(e, &f);
}

uint8_t x64_fl_recipe(X64Emit *e) { return e->fl == IR_NONE ? e->fl_head : recipe_of(e, e->fl); }

static uint8_t recipe_of(X64Emit *e, IrVal v)
{
    Word w = word_of(e, v);
    X64FlRecipe f;
    if (w.row && changes_word(w.row))
        return change_recipe(e, w.row);
    memset(&f, 0, sizeof f); /* compared as bytes */
    if (v == e->hold) {
        f.op = e->hold_inv ? X64_FL_HOST_INV : X64_FL_HOST;
        return add_recipe(e, &f);
    }
    if (!w.row) {
        e->failed = true;
        return 0;
    }
    f.op = (uint8_t)w.row->op;
    f.type = w.row->type;
    f.a = locate(e, w.row->a);
    f.b = locate(e, w.row->b);
    const IrInsn *cmp = &e->r->insn[w.sel];
    if (w.sel && (e->l->flags[w.sel] & IR_L_FUSED)) {
        f.sel_type = cmp->type;
        f.sel_cond = cmp->misc;
        f.sel = locate(e, cmp->a);
        f.sel_b = locate(e, cmp->b);
    } else {
        f.sel = locate(e, w.sel);
    }
    f.when = w.when;
    f.other = w.other;
    if (w.alt != IR_NONE) {
        f.alt = true;
        if (x64_fl_unmade(e, w.alt))
            f.base = recipe_of(e, w.alt);
        else
            f.old = locate(e, w.alt);
    }
    return add_recipe(e, &f);
}

/* ---- loops ---- */

static X64Mem loop_cell(const X64Emit *e, unsigned k) { return x64_env(e->h->at.fl_loop + 8 * (int)k); }

/* The word that is put last in a loop and can wait for the next round: two integer operands. No get of the
 * slot, which would want it on the main path. */
static IrVal last_word(const X64Emit *e)
{
    IrVal last = IR_NONE;
    for (unsigned k = 1; k < e->r->n_insns; k++) {
        const IrInsn *i = &e->r->insn[k];
        if (i->type != IR_FL || (e->l->flags[k] & IR_L_DEAD))
            continue;
        if (i->op == IR_GET)
            return IR_NONE;
        if (i->op == IR_PUT)
            last = i->a;
    }
    if (last == IR_NONE || !x64_fl_wait(e, last))
        return IR_NONE;
    Word w = word_of(e, last);
    IrOp op = (IrOp)w.row->op;
    return w.alt != IR_NONE || op == IR_FLFCMP || changes_word(w.row) ? IR_NONE : last;
}

/* Is v what a slot holds all the time in this loop? Then *ret is where. */
static bool stays(const X64Emit *e, IrVal v, X64Loc *ret)
{
    const IrInsn *insn = e->r->insn;
    v = x64_val(e, v);
    if (insn[v].op != IR_GET || !ir_type_is_int((IrType)insn[v].type))
        return false;
    unsigned slot = insn[v].imm;
    for (unsigned k = 1; k < e->r->n_insns; k++)
        if (insn[k].op == IR_PUT && insn[k].imm == slot && !(e->l->flags[k] & IR_L_DEAD))
            return false;
    int reg = e->slot_reg[slot];
    *ret = reg >= 0 ? (X64Loc){.kind = X64_LOC_REG, .reg = (uint8_t)reg}
                    : (X64Loc){.kind = X64_LOC_ENV, .value = e->h->slots[slot].offset};
    return true;
}

/* Where the next round finds operand v of the word that this one leaves: in its cell, unless it stays. */
static X64Loc round_operand(const X64Emit *e, IrVal v, unsigned cell)
{
    X64Loc l = {.kind = X64_LOC_ENV, .value = e->h->at.fl_loop + 8 * (int)cell};
    return stays(e, v, &l), l;
}

void x64_fl_enter_loop(X64Emit *e)
{
    if (e->h->fl_slot < 0 || !e->h->at.fl_loop)
        return;
    e->fl_loop = last_word(e);
    if (e->fl_loop == IR_NONE)
        return;
    Word w = word_of(e, e->fl_loop);
    const IrInsn *row = w.row;
    X64FlRecipe f;
    int64_t c;
    memset(&f, 0, sizeof f);
    f.op = (uint8_t)row->op;
    f.type = row->type;
    f.a = round_operand(e, row->a, 0);
    if (row->b != IR_NONE && x64_const(e, row->b, &c))
        f.b = (X64Loc){.kind = X64_LOC_CONST, .value = c};
    else if (row->b != IR_NONE)
        f.b = round_operand(e, row->b, 1);
    f.sel = (X64Loc){.kind = X64_LOC_ENV, .value = e->h->at.fl_loop + 16};
    f.when = 1;
    f.other = w.other;
    f.keep = true;
    e->fl_head = add_recipe(e, &f);
    x64_mov_mi(e->a, 32, loop_cell(e, 2), 0);
}

static void cell_store(X64Emit *e, unsigned cell, IrVal v)
{
    X64Loc there;
    int64_t c;
    v = x64_val(e, v);
    if (stays(e, v, &there))
        return;
    if (e->reg[v] < 0 && x64_const(e, v, &c) && fits_i32(c))
        x64_mov_mi(e->a, 64, loop_cell(e, cell), (int32_t)c);
    else
        x64_mov_mr(e->a, 64, loop_cell(e, cell), x64_use(e, v));
    e->locked = 0;
}

uint8_t x64_fl_round(X64Emit *e)
{
    if (e->fl_loop == IR_NONE || e->fl != e->fl_loop) {
        x64_fl_flush(e);
        if (e->fl_loop != IR_NONE)
            x64_mov_mi(e->a, 32, loop_cell(e, 2), 0);
        return 0;
    }
    Word w = word_of(e, e->fl);
    const IrInsn *row = w.row;
    int64_t c;
    cell_store(e, 0, row->a);
    if (row->b != IR_NONE && !x64_const(e, row->b, &c))
        cell_store(e, 1, row->b);
    if (w.sel) { /* 1: the row, 2: the constant */
        int cc = x64_condition(e, w.sel), t = x64_scratch(e);
        x64_setcc(e->a, cc, t);
        x64_movzx_rr(e->a, 8, t, t);
        if (w.when)
            x64_neg(e->a, 32, t);
        x64_alu_ri(e->a, 32, X64_ADD, t, w.when ? 2 : 1);
        x64_mov_mr(e->a, 32, loop_cell(e, 2), t);
        e->locked = 0;
    } else {
        x64_mov_mi(e->a, 32, loop_cell(e, 2), 1);
    }
    uint8_t recipe = x64_fl_recipe(e);
    e->fl = IR_NONE;
    return recipe;
}

/* ---- recipes carried out ---- */

static X64Mem loc_mem(const X64Loc *l) { return x64_env((int32_t)l->value); }

/* The operand in a register, in `temp` unless it is in one already. */
static int loc_reg(X64Emit *e, const X64Loc *l, int temp)
{
    switch ((X64LocKind)l->kind) {
    case X64_LOC_REG: return l->reg;
    case X64_LOC_CONST: x64_mov_ri(e->a, 64, temp, (uint64_t)l->value); break;
    default: x64_mov_rm(e->a, 64, temp, loc_mem(l)); break;
    }
    return temp;
}

bool x64_fl_compared(const X64Emit *e)
{
    if (e->fl == IR_NONE || e->cmp_end != e->a->p)
        return false;
    const IrInsn *row = &e->r->insn[e->fl], *cmp = e->cmp;
    if (cmp->a != row->a || cmp->type != row->type)
        return false;
    return row->op == IR_FLSUB || row->op == IR_FLCMP ? cmp->b == row->b && !ir_is_const(e->r, cmp->a)
           : row->op == IR_FLLOGIC && ir_is_const(e->r, cmp->b) && ir_const_value(e->r, cmp->b) == 0;
}

/* The host's flags become those of the recipe's row. */
static void recipe_flags(X64Emit *e, const X64FlRecipe *f)
{
    X64Asm *a = e->a;
    int w = x64_width((IrType)f->type);
    bool in_rcx = f->b.kind == X64_LOC_REG && f->b.reg == X64_RCX;
    int ra = loc_reg(e, &f->a, in_rcx ? X64_RDX : X64_RCX);
    if (f->op == IR_FLLOGIC) {
        x64_test_rr(a, w, ra, ra);
        return;
    }
    if (f->op == IR_FLSHL || f->op == IR_FLSHR || f->op == IR_FLSAR) {
        x64_mov_rr(a, 64, X64_R11, ra); /* a pin must not change */
        x64_shift_ri(a, w, x64_fl_shift(f->op), X64_R11, (int)f->b.value);
        return;
    }
    bool imm = f->b.kind == X64_LOC_CONST && (w < 64 || fits_i32(f->b.value));
    int rb = imm ? 0 : loc_reg(e, &f->b, ra == X64_RCX ? X64_RDX : X64_RCX);
    int alu = f->op == IR_FLSUB || f->op == IR_FLCMP ? X64_CMP : X64_ADD, d = ra;
    if (alu == X64_ADD) {
        d = rb == X64_R11 && !imm ? X64_RDX : X64_R11; /* neither operand may be a pin that changes */
        x64_mov_rr(a, 64, d, ra);
    }
    if (imm)
        x64_alu_ri(a, w, alu, d, (int32_t)f->b.value);
    else
        x64_alu_rr(a, w, alu, d, rb);
    if (f->op == IR_FLSUB)
        x64_cmc(a);
}

static unsigned temps_of(const X64FlRecipe *f)
{
    const X64Loc *loc[] = {&f->a, &f->b, &f->sel, &f->sel_b, &f->old};
    unsigned used = 0;
    for (unsigned k = 0; k < ARRAY_SIZE(loc); k++)
        if (loc[k]->kind == X64_LOC_REG && loc[k]->reg < 16)
            used |= 1u << loc[k]->reg;
    return used;
}

/* A temporary that holds no operand of the recipe, nor of the one that it may lead to. */
static int free_of(X64Emit *e, const X64FlRecipe *f, unsigned used)
{
    static const uint8_t temp[] = {X64_RAX, X64_RCX, X64_RDX, X64_R11};
    used |= temps_of(f) | (f->alt && f->base ? temps_of(&e->code->fl[f->base - 1]) : 0);
    for (unsigned k = 0; k < ARRAY_SIZE(temp); k++)
        if (!(used >> temp[k] & 1))
            return temp[k];
    e->failed = true;
    return X64_RAX;
}

/* Compares as the recipe's choice says; returns the condition for the row. The row's operands stay. */
static int recipe_choice(X64Emit *e, const X64FlRecipe *f)
{
    X64Asm *a = e->a;
    if (f->sel_type == IR_VOID) {
        if (f->sel.kind == X64_LOC_REG)
            x64_test_ri(a, 8, f->sel.reg, 1);
        else
            x64_test_mi(a, 8, loc_mem(&f->sel), 1);
        return f->when ? X64_NE : X64_E;
    }
    int w = f->sel_type == IR_I1 ? 32 : x64_width((IrType)f->sel_type);
    bool imm = f->sel_b.kind == X64_LOC_CONST && (w < 64 || fits_i32(f->sel_b.value));
    bool in_mem = f->sel.kind == X64_LOC_ENV && (imm || f->sel_b.kind == X64_LOC_REG);
    int ra = in_mem ? -1 : f->sel.kind == X64_LOC_REG ? f->sel.reg : loc_reg(e, &f->sel, free_of(e, f, 0));
    if (in_mem && imm)
        x64_alu_mi(a, w, X64_CMP, loc_mem(&f->sel), (int32_t)f->sel_b.value);
    else if (in_mem)
        x64_alu_mr(a, w, X64_CMP, loc_mem(&f->sel), f->sel_b.reg);
    else if (imm)
        x64_alu_ri(a, w, X64_CMP, ra, (int32_t)f->sel_b.value);
    else if (f->sel_b.kind == X64_LOC_ENV)
        x64_alu_rm(a, w, X64_CMP, ra, loc_mem(&f->sel_b));
    else if (f->sel_b.kind == X64_LOC_REG)
        x64_alu_rr(a, w, X64_CMP, ra, f->sel_b.reg);
    else
        x64_alu_rr(a, w, X64_CMP, ra, loc_reg(e, &f->sel_b, free_of(e, f, 1u << ra)));
    return x64_cond_cc((IrCond)f->sel_cond) ^ !f->when;
}

/* Operands that a recipe carried out before this one would lose are put aside. */
static void put_aside(X64Emit *e, X64Loc *l, unsigned k)
{
    if (l->kind != X64_LOC_REG || !x64_is_temp(e, l->reg))
        return;
    x64_mov_mr(e->a, 64, x64_vec_arg(e->h, k), l->reg);
    *l = (X64Loc){.kind = X64_LOC_ENV, .value = e->h->at.spill + 8 * X64_SPILLS + 16 * (int32_t)k};
}

/* ax = the word of a recipe without a choice. have_flags: the host's are its row's. */
static void plain_word(X64Emit *e, const X64FlRecipe *f, bool have_flags)
{
    if (f->op == IR_FLFCMP) {
        x64_flfcmp_recipe(e, f);
        return;
    }
    if (!have_flags)
        recipe_flags(e, f);
    else if (f->op == IR_FLSUB)
        x64_cmc(e->a);
    x64_lahf(e->a);
    x64_setcc(e->a, X64_O, X64_RAX);
}

/* ax = the word that a flnzc changes. */
static void former_word(X64Emit *e, const X64FlRecipe *f, const X64Loc *old)
{
    const X64FlRecipe *base = f->base ? &e->code->fl[f->base - 1] : NULL;
    if (base && base->op != IR_FLNZC && base->op != IR_FLX && !base->keep && base->sel.kind == X64_LOC_NONE) {
        plain_word(e, base, false);
    } else if (base) {
        x64_fl_store(e, f->base, false);
        x64_movzx_rm(e->a, 16, X64_RAX, x64_slot_mem(e, (unsigned)e->h->fl_slot));
    } else if (old->kind == X64_LOC_ENV) {
        x64_movzx_rm(e->a, 16, X64_RAX, x64_env((int32_t)old->value));
    } else if (loc_reg(e, old, X64_RAX) != X64_RAX) {
        x64_mov_rr(e->a, 32, X64_RAX, old->reg);
    }
}

static void load_loc(X64Emit *e, int reg, const X64Loc *l)
{
    if (l->kind != X64_LOC_NONE && loc_reg(e, l, reg) != reg)
        x64_mov_rr(e->a, 64, reg, l->reg);
}

static void change_store(X64Emit *e, const X64FlRecipe *f)
{
    X64Asm *a = e->a;
    X64Mem slot = x64_slot_mem(e, (unsigned)e->h->fl_slot);
    X64Loc x = f->a, y = f->b, old = f->sel;
    put_aside(e, &x, 0);
    put_aside(e, &y, 1);
    put_aside(e, &old, 2);
    former_word(e, f, &old);
    if (f->op == IR_FLX) {
        int t = x64_flx_first(f->sel_cond, X64_R11);
        load_loc(e, t, &x);
        load_loc(e, X64_RCX, &y);
        x64_flx_word(a, f->sel_cond, x64_width((IrType)f->type), t, X64_RCX);
        x64_mov_mr(a, 16, slot, X64_RAX);
        return;
    }
    load_loc(e, X64_R11, &y);
    nzc_carry(a, f->sel_cond, X64_R11);
    if (x.kind == X64_LOC_CONST)
        nzc_const(a, (IrType)f->type, x.value);
    else
        nzc_sign(a, (IrType)f->type, loc_reg(e, &x, X64_RCX), X64_R11);
    x64_mov_mr(a, 16, slot, X64_RAX);
}

/* Behind the row's word: the other one, where `skip` jumps to. */
static void store_alt(X64Emit *e, const X64FlRecipe *f, uint8_t *skip)
{
    unsigned slot = (unsigned)e->h->fl_slot;
    if (f->old.kind == X64_LOC_ENV && f->old.value == e->h->slots[slot].offset) { /* it is there */
        x64_patch8(skip, e->a->p);
        return;
    }
    uint8_t *done = x64_jmp_rel8(e->a);
    x64_patch8(skip, e->a->p);
    if (f->base)
        x64_fl_store(e, f->base, false);
    else
        x64_mov_mr(e->a, 16, x64_slot_mem(e, slot), loc_reg(e, &f->old, X64_RAX));
    x64_patch8(done, e->a->p);
}

void x64_fl_store(X64Emit *e, unsigned recipe, bool have_flags)
{
    const X64FlRecipe *f = &e->code->fl[recipe - 1];
    if (f->op == IR_FLNZC || f->op == IR_FLX) {
        change_store(e, f);
        return;
    }
    X64Asm *a = e->a;
    X64Mem slot = x64_slot_mem(e, (unsigned)e->h->fl_slot);
    uint8_t *skip = NULL, *keep = NULL;
    if (f->keep) {
        x64_alu_mi(a, 8, X64_CMP, loc_mem(&f->sel), 1);
        keep = x64_jcc_rel8(a, X64_B);
        skip = x64_jcc_rel8(a, X64_A);
    } else if (f->sel.kind != X64_LOC_NONE) {
        skip = x64_jcc_rel8(a, recipe_choice(e, f) ^ 1);
    }
    plain_word(e, f, have_flags);
    x64_mov_mr(a, 16, slot, X64_RAX);
    if (skip && f->alt) {
        store_alt(e, f, skip);
    } else if (skip) {
        uint8_t *done = x64_jmp_rel8(a);
        x64_patch8(skip, a->p);
        x64_mov_mi(a, 16, slot, f->other);
        x64_patch8(done, a->p);
    }
    if (keep)
        x64_patch8(keep, a->p);
}

void x64_emit_flmake(X64Emit *e, const IrInsn *i)
{
    int ra = x64_use(e, i->a), d = x64_def(e, ra, 0);
    if (d != ra)
        x64_mov_rr(e->a, 32, d, ra);
}

void x64_emit_flbits(X64Emit *e, const IrInsn *i)
{
    X64Mem m;
    IrVal v = i->a;
    x64_fl_make(e, v);
    if (x64_use_mem(e, v, &m)) {
        x64_movzx_rm(e->a, 16, x64_def(e, -1, 0), m);
        return;
    }
    int ra = x64_use(e, v), d = x64_def(e, ra, 0);
    x64_movzx_rr(e->a, 16, d, ra);
}
