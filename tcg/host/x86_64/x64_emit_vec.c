/* Vectors: the parts that all recipes share, and the rows without a recipe, which C executes. */
#include "tcg/host/x86_64/x64_priv.h"
#include "tcg/interp/interp_vec.h"

/* ---- constants behind the code ---- */

X64Mem x64_lit(X64Emit *e, IrVec v)
{
    unsigned k = e->n_lits;
    for (unsigned n = 0; n < e->n_lits && k == e->n_lits; n++)
        if (e->lit[n].w[0] == v.w[0] && e->lit[n].w[1] == v.w[1])
            k = n;
    if (k == X64_MAX_LITS || e->n_lit_uses == X64_MAX_LIT_USES) {
        e->failed = true;
        k = e->n_lits = e->n_lit_uses = 0;
    }
    e->lit[k] = v;
    e->n_lits += k == e->n_lits;
    e->lit_use[e->n_lit_uses].lit = (uint16_t)k;
    return X64_MEM(X64_RIP, 0);
}

void x64_lit_used(X64Emit *e, unsigned tail)
{
    e->lit_use[e->n_lit_uses].tail = (uint8_t)tail;
    e->lit_use[e->n_lit_uses++].site = e->a->p - 4 - tail;
}

void x64_lits_emit(X64Emit *e)
{
    if (!e->n_lits)
        return;
    while ((uintptr_t)e->a->p & 15)
        x64_int3(e->a);
    for (unsigned k = 0; k < e->n_lit_uses; k++) {
        const X64LitUse *u = &e->lit_use[k];
        x64_patch32(u->site, e->a->p + 16 * u->lit - u->tail);
    }
    for (unsigned k = 0; k < e->n_lits; k++) {
        x64_bytes(e->a, (const uint8_t *)&e->lit[k].w[0], 8);
        x64_bytes(e->a, (const uint8_t *)&e->lit[k].w[1], 8);
    }
}

/* ---- by a C function ---- */

void x64_vec_fallback(X64Emit *e, const IrInsn *i)
{
    e->calls++;
    x64_uppers_out(e);
    for (unsigned k = 0; k < ir_operand_count(i); k++) {
        if (!i->arg[k])
            continue;
        if (ir_type_is_vec(x64_type(e, i->arg[k]))) {
            x64_movups_mr(e->a, x64_vec_arg(e->h, k), x64_use_x(e, i->arg[k]));
        } else {
            x64_mov_mr(e->a, 64, x64_vec_arg(e->h, k), x64_use(e, i->arg[k]));
        }
        e->locked = 0;
    }
    x64_claim(e, X64_RAX);
    x64_count(e, x64_count_of(i), 1);
    x64_mov_ri(e->a, 64, X64_RAX, ir_vec_pack(i));
    x64_outside(e, x64_call_rel32(e->a), e->h->vec);
    if (ir_type_is_vec((IrType)i->type))
        x64_load_x(e->a, (IrType)i->type, x64_def_x(e, -1, 0), x64_vec_arg(e->h, 0));
    else
        x64_mov_rm(e->a, 64, x64_def(e, -1, 0), x64_vec_arg(e->h, 0));
}

/* ---- between scalars and vectors ---- */

bool x64_upper_is_zero(const X64Emit *e, IrVal v, unsigned bits)
{
    IrVal root = x64_val(e, v);
    const IrInsn *i = &e->r->insn[root];
    if (e->upper0[root])
        return ir_type_bits((IrType)i->type) <= bits;
    if (i->op == IR_VZEXT)
        return ir_type_bits((IrType)i->misc) <= bits;
    return (i->op == IR_LD || (i->op == IR_CAST && !ir_type_is_vec((IrType)i->misc))) &&
           ir_type_bits((IrType)i->type) <= bits;
}

void x64_emit_vzext(X64Emit *e, const IrInsn *i)
{
    IrType from = (IrType)i->misc;
    unsigned bits = ir_type_bits(from);
    if (e->l->alias[e->cur] != e->cur) { /* in place; from memory it comes like this */
        IrVal v = x64_val(e, i->a);
        int r = e->reg[v] - X64_XMM;
        if (r >= 0)
            x64_upper_out(e, e->reg[v]);
        if (r >= 0 && !x64_upper_is_zero(e, v, bits)) {
            if (bits == 64)
                x64_movq_rr(e->a, r, r);
            else
                /* insertps: lane 0 to lane 0, the others zero */
                x64_sse_rr_imm8(e->a, X64_P66, X64_0F3A, 0x21, 0, r, r, 0x0e);
        }
        e->upper0[v] = 1;
        return;
    }
    if (!ir_type_is_vec(from)) {
        int r = x64_use(e, i->a);
        if (bits < 32) {
            int t = x64_scratch(e);
            x64_movzx_rr(e->a, (int)bits, t, r);
            r = t;
        }
        x64_movd_xr(e->a, bits == 64 ? 64 : 32, x64_def_x(e, -1, 0), r);
        return;
    }
    int x = x64_use_x(e, i->a);
    x64_clean(e, i->a, x);
    if (bits == 64) {
        int d = x64_def_x(e, x, 0);
        if (d != x || !x64_upper_is_zero(e, i->a, 64))
            x64_movq_rr(e->a, d, x);
        return;
    }
    int d = x64_def_x(e, x, 0);
    if (bits == 32 && x64_upper_is_zero(e, i->a, 32)) {
        if (d != x)
            x64_movaps_rr(e->a, d, x);
    } else if (bits == 32) { /* insertps: lane 0 to lane 0, the others zero */
        x64_sse_rr_imm8(e->a, X64_P66, X64_0F3A, 0x21, 0, d, x, 0x0e);
    } else {
        int t = x64_scratch(e);
        x64_movd_rx(e->a, 32, t, x);
        x64_movzx_rr(e->a, 16, t, t);
        x64_movd_xr(e->a, 32, d, t);
    }
}

void x64_emit_vany(X64Emit *e, const IrInsn *i) {}
void x64_emit_vlow(X64Emit *e, const IrInsn *i) {} /* another name of its operand, see ir_liveness() */

/* ---- rows without a recipe ---- */

#define FALLBACK(name)                                                                                       \
    void x64_emit_##name(X64Emit *e, const IrInsn *i) { x64_vec_fallback(e, i); }
FALLBACK(vqrdmla)
FALLBACK(vurecpe)
FALLBACK(vursqrte)
FALLBACK(vbfdot)
FALLBACK(vbfmmla)
