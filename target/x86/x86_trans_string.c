/* String instructions: rep is the instruction jumping to itself, with the registers as after each element,
 * which is what the architecture says interrupts and faults see. rep movs and rep stos go in larger pieces,
 * by C. Source: AMD64 APM volume 3, "rep". */
#include "target/x86/x86_trans.h"

static X86Addr source(Trans *t, const X86Insn *x)
{
    return (X86Addr){x86_with_segment(t, x, x86_index(t, x, X86_RSI)), 0};
}

static X86Addr dest(Trans *t, const X86Insn *x)
{
    IrVal at = x86_index(t, x, X86_RDI);
    return (X86Addr){x86_in_segment(t, 0, at, x86_memory_bytes(x)), 0, t->ctx & X86_CTX_ODD ? 1 : 0};
}

/* bytes, or -bytes when DF is set */
static IrVal step(Trans *t, unsigned bytes)
{
    IrBuilder *b = t->b;
    IrType w = x86_word(t);
    IrVal df = x86_to_word(t, ir_get(b, X86_SLOT_DF), 4), n = x86_cw(t, bytes);
    return ir_sub(b, w, n, ir_shl(b, w, df, x86_cw(t, x86_log2(bytes) + 1)));
}

static void advance(Trans *t, const X86Insn *x, unsigned r, IrVal by)
{
    x86_put_index(t, x, r, ir_add(t->b, x86_word(t), x86_index(t, x, r), by));
}

/* With rep: leaves when rcx is 0; returns it less 1. */
static IrVal rep_begin(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (!x->rep)
        return IR_NONE;
    IrVal n = x86_index(t, x, X86_RCX), zero = x86_cw(t, 0);
    ir_exit_if(b, ir_cmp(b, IR_EQ, n, zero), x86_exit_to(t, t->pc + x->len, false), false);
    return ir_sub(b, x86_word(t), n, x86_cw(t, 1));
}

/* again: i1, or IR_NONE: while rcx is not 0. */
static void rep_end(Trans *t, const X86Insn *x, IrVal left, IrVal again)
{
    IrBuilder *b = t->b;
    if (!x->rep)
        return;
    x86_put_index(t, x, X86_RCX, left);
    IrVal more = ir_cmp(b, IR_NE, left, x86_cw(t, 0));
    if (again)
        more = ir_and(b, IR_I1, more, again);
    t->flow = (TransFlow){.kind = FLOW_BRANCH, .cond = more, .target = t->pc};
}

/* By C, a piece at a time. */
static void bulk(Trans *t, const X86Insn *x, X86HelperId h, unsigned bytes)
{
    IrBuilder *b = t->b;
    IrVal args[] = {x86_c(t, IR_I32, bytes)};
    ir_call(b, h, args, 1);
    IrVal more = ir_cmp(b, IR_NE, x86_gpr(t, X86_RCX), x86_cw(t, 0));
    t->flow = (TransFlow){.kind = FLOW_BRANCH, .cond = more, .target = t->pc};
}

void x86_trans_movs(Trans *t, const X86Insn *x)
{
    unsigned bytes = x86_size(x, 0);
    if (x->rep && x->asize == x86_word_bytes(t) && !x->seg && !x86_sys(t)) {
        bulk(t, x, X86_HELPER_rep_movs, bytes);
        return;
    }
    IrVal left = rep_begin(t, x), by = step(t, bytes), v = x86_ld(t, source(t, x), bytes);
    x86_st(t, dest(t, x), bytes, v);
    advance(t, x, X86_RSI, by);
    advance(t, x, X86_RDI, by);
    rep_end(t, x, left, IR_NONE);
}

void x86_trans_stos(Trans *t, const X86Insn *x)
{
    unsigned bytes = x86_size(x, 0);
    if (x->rep && x->asize == x86_word_bytes(t) && !x86_sys(t)) {
        bulk(t, x, X86_HELPER_rep_stos, bytes);
        return;
    }
    IrVal left = rep_begin(t, x), by = step(t, bytes);
    x86_st(t, dest(t, x), bytes, x86_reg(t, X86_RAX, bytes, false));
    advance(t, x, X86_RDI, by);
    rep_end(t, x, left, IR_NONE);
}

void x86_trans_lods(Trans *t, const X86Insn *x)
{
    unsigned bytes = x86_size(x, 1);
    IrVal left = rep_begin(t, x), by = step(t, bytes);
    IrVal v = x86_ld(t, source(t, x), bytes);
    x86_put_reg(t, X86_RAX, bytes, false, v);
    advance(t, x, X86_RSI, by);
    rep_end(t, x, left, IR_NONE);
}

/* repe goes on while equal, repne while not. */
static void compare(Trans *t, const X86Insn *x, IrVal left, IrVal a, IrVal y)
{
    x86_put_fl(t, ir_flcmp(t->b, a, y));
    rep_end(t, x, left, ir_cmp(t->b, x->rep == 0xf3 ? IR_EQ : IR_NE, a, y));
}

void x86_trans_cmps(Trans *t, const X86Insn *x)
{
    unsigned bytes = x86_size(x, 0);
    IrVal left = rep_begin(t, x), by = step(t, bytes);
    IrVal a = x86_ld(t, source(t, x), bytes), y = x86_ld(t, dest(t, x), bytes);
    advance(t, x, X86_RSI, by);
    advance(t, x, X86_RDI, by);
    compare(t, x, left, a, y);
}

void x86_trans_scas(Trans *t, const X86Insn *x)
{
    unsigned bytes = x86_size(x, 0);
    IrVal left = rep_begin(t, x), by = step(t, bytes);
    IrVal y = x86_ld(t, dest(t, x), bytes);
    advance(t, x, X86_RDI, by);
    compare(t, x, left, x86_reg(t, X86_RAX, bytes, false), y);
}
