/* Guest flags. A word of flags (IR_FL_*) is what lahf and seto leave in ax after the host instruction that does the same.
 * Most words are never made: conditions look at the operands (ir_flcc), and the put of a word is only remembered. Where
 * the slot may be observed, its recipe is: in the record of an instruction that may fault, in the cold code of an exit.
 * ir_liveness() keeps the operands alive until the last such place. */
#include "tcg/host/x86_64/x64_priv.h"

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
    int64_t c;
    switch (i->op) {
    case IR_FLSUB:
        op_with(e, w, X64_CMP, x64_use(e, i->a), i->b);
        x64_cmc(a);
        break;
    case IR_FLADD: op_with(e, w, X64_ADD, scratch_copy(e, i->a, w), i->b); break;
    case IR_FLLOGIC: {
        int r = x64_use(e, i->a);
        x64_test_rr(a, w, r, r);
        break;
    }
    default: { /* fladc: all operands are in registers before the carry is set */
        int d = scratch_copy(e, i->a, w), y = x64_use(e, i->b);
        if (!x64_const(e, i->c, &c))
            x64_bt_ri(a, 32, X64_BT, x64_use(e, i->c), 0);
        else if (c)
            x64_stc(a);
        else
            x64_clc(a);
        x64_alu_rr(a, w, X64_ADC, d, y);
        break;
    }
    }
}

/* ---- words on demand ---- */

static bool makes_flags(const X64Emit *e, IrVal v) { return ir_op_info[e->r->insn[v].op].result == IR_RESULT_FL; }

/* Not in a register, a slot or on the stack yet. */
static bool unmade(const X64Emit *e, IrVal v) { return makes_flags(e, v) && e->reg[v] < 0 && !e->home[v] && !e->spill[v]; }

void x64_fl_make(X64Emit *e, IrVal v)
{
    if (!unmade(e, v))
        return;
    x64_claim(e, X64_RAX);
    set_host_flags(e, &e->r->insn[v]);
    x64_lahf(e->a);
    x64_setcc(e->a, X64_O, X64_RAX);
    e->reg[v] = X64_RAX;
    e->reg_val[X64_RAX] = v;
    e->locked = 1u << X64_RAX;
}

static void emit_flags(X64Emit *e, const IrInsn *i)
{
    if ((e->l->flags[e->cur] & IR_L_GLOBAL) || (e->h->no_opt & X64_NO_LAZY_FLAGS))
        x64_fl_make(e, (IrVal)e->cur);
}

void x64_emit_flsub(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_fladd(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_fladc(X64Emit *e, const IrInsn *i) { x64_fl_make(e, (IrVal)e->cur); }
void x64_emit_fllogic(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }

/* ---- the slot ---- */

bool x64_fl_put(X64Emit *e, unsigned slot, IrVal v)
{
    e->fl = IR_NONE; /* a former word that was not stored is not wanted any more */
    if (!unmade(e, v) || (int)slot != e->h->fl_slot || e->code->n_fl > X64_MAX_FL - 16) {
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
    e->fl = IR_NONE;
    x64_fl_make(e, v);
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
        return (X64Loc){.kind = X64_LOC_STACK, .value = 8 * (e->spill[v] - 1)};
    if (x64_const(e, v, &c))
        return (X64Loc){.kind = X64_LOC_CONST, .value = c};
    e->failed = true;
    return (X64Loc){.kind = X64_LOC_NONE};
}

uint8_t x64_fl_recipe(X64Emit *e)
{
    X64Code *c = e->code;
    if (e->fl == IR_NONE)
        return 0;
    const IrInsn *i = &e->r->insn[e->fl];
    X64FlRecipe f;
    memset(&f, 0, sizeof f); /* compared as bytes */
    f.op = (uint8_t)i->op;
    f.type = i->type;
    f.a = locate(e, i->a);
    f.b = locate(e, i->b);
    if (c->n_fl && memcmp(&c->fl[c->n_fl - 1], &f, sizeof f) == 0)
        return (uint8_t)c->n_fl;
    if (c->n_fl == X64_MAX_FL) {
        e->failed = true;
        return 0;
    }
    c->fl[c->n_fl++] = f;
    return (uint8_t)c->n_fl;
}

static X64Mem loc_mem(const X64Loc *l)
{
    return l->kind == X64_LOC_STACK ? X64_MEM(X64_RSP, (int32_t)l->value) : x64_env((int32_t)l->value);
}

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

void x64_fl_store(X64Emit *e, unsigned recipe)
{
    const X64FlRecipe *f = &e->code->fl[recipe - 1];
    X64Asm *a = e->a;
    int w = x64_width((IrType)f->type);
    bool in_rcx = f->b.kind == X64_LOC_REG && f->b.reg == X64_RCX;
    int ra = loc_reg(e, &f->a, in_rcx ? X64_RDX : X64_RCX);
    if (f->op == IR_FLLOGIC) {
        x64_test_rr(a, w, ra, ra);
    } else {
        bool imm = f->b.kind == X64_LOC_CONST && (w < 64 || fits_i32(f->b.value));
        int rb = imm ? 0 : loc_reg(e, &f->b, ra == X64_RCX ? X64_RDX : X64_RCX);
        int alu = f->op == IR_FLSUB ? X64_CMP : X64_ADD, d = ra;
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
    x64_lahf(a);
    x64_setcc(a, X64_O, X64_RAX);
    x64_mov_mr(a, 16, x64_slot_mem(e, (unsigned)e->h->fl_slot), X64_RAX);
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
