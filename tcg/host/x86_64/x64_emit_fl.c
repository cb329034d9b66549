/* Guest flags. A word of flags (IR_FL_*) is what lahf and seto leave in ax after the host instruction that does the same. */
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

static void emit_flags(X64Emit *e, const IrInsn *i)
{
    x64_claim(e, X64_RAX);
    set_host_flags(e, i);
    x64_lahf(e->a);
    x64_setcc(e->a, X64_O, X64_RAX);
    x64_def_is(e, X64_RAX);
}

void x64_emit_flsub(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_fladd(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_fladc(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }
void x64_emit_fllogic(X64Emit *e, const IrInsn *i) { emit_flags(e, i); }

void x64_emit_flmake(X64Emit *e, const IrInsn *i)
{
    int ra = x64_use(e, i->a), d = x64_def(e, ra, 0);
    if (d != ra)
        x64_mov_rr(e->a, 32, d, ra);
}

void x64_emit_flbits(X64Emit *e, const IrInsn *i)
{
    X64Mem m;
    IrVal v = x64_val(e, i->a);
    if (x64_use_mem(e, v, &m)) {
        x64_movzx_rm(e->a, 16, x64_def(e, -1, 0), m);
        return;
    }
    int ra = x64_use(e, v), d = x64_def(e, ra, 0);
    x64_movzx_rr(e->a, 16, d, ra);
}
