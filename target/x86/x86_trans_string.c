/* String instructions: rep is the instruction jumping to itself, with the registers as after each element,
 * which is what the architecture says interrupts and faults see. Where it goes upward it goes in larger
 * pieces (row bulk). The element that a piece ended in front of, and what goes downward, is C's: the
 * instruction begins again with X86_CTX_STORE. Source: AMD64 APM volume 3, "rep". */
#include "base/fault.h"
#include "target/x86/x86_trans.h"

enum { PIECE = 1 << 20 }; /* bytes: what a signal may have to wait for */

static X86Addr source(Trans *t, const X86Insn *x)
{
    return (X86Addr){x86_with_segment(t, x, x86_index(t, x, X86_RSI)), 0};
}

static X86Addr dest(Trans *t, const X86Insn *x)
{
    IrVal at = x86_index(t, x, X86_RDI);
    return (X86Addr){x86_in_segment(t, 0, at, x86_memory_bytes(x)), 0,
                     t->ctx & (X86_CTX_ODD | X86_CTX_SEGS) ? 1 : 0};
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

/* By C, a piece at a time, and then again without it. again: i1, or IR_NONE, as for rep_end(). */
static void by_c(Trans *t, X86HelperId h, unsigned kind, IrVal (*again)(Trans *, unsigned))
{
    IrBuilder *b = t->b;
    ir_call(b, h, (IrVal[]){x86_c(t, IR_I32, kind)}, 1);
    IrVal more = ir_cmp(b, IR_NE, x86_gpr(t, X86_RCX), x86_cw(t, 0));
    if (again)
        more = ir_and(b, IR_I1, more, again(t, kind));
    ir_exit_if(b, more, ir_exit_raise(b, t->pc, CPU_EXIT_CTX), false);
    t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}

/* 32-bit mode: n, or 0 if as many elements from `at` on do not end where addresses do. */
static IrVal inside(Trans *t, IrVal n, IrVal at, unsigned log)
{
    IrBuilder *b = t->b;
    IrVal bytes = ir_shl(b, IR_I64, ir_zext(b, IR_I64, n), x86_c(t, IR_I64, log));
    IrVal end = ir_add(b, IR_I64, ir_zext(b, IR_I64, at), bytes);
    IrVal over = ir_cmp(b, IR_GTU, end, x86_c(t, IR_I64, 1ll << 32));
    return ir_select(b, over, x86_cw(t, 0), n);
}

/* How many elements of n are done at once: those of a piece; none when DF is set. */
static IrVal piece_of(Trans *t, IrVal n, unsigned log, IrVal from)
{
    IrBuilder *b = t->b;
    IrVal most = x86_cw(t, PIECE >> log), down = ir_get(b, X86_SLOT_DF);
    n = ir_select(b, ir_cmp(b, IR_LTU, n, most), n, most);
    n = ir_select(b, ir_cmp(b, IR_EQ, down, x86_c(t, IR_I32, 0)), n, x86_cw(t, 0));
    if (!x86_is32(t))
        return n;
    n = inside(t, n, x86_gpr(t, X86_RDI), log);
    return from ? inside(t, n, from, log) : n;
}

/* The flags of the last comparison; returns whether it asks for more. */
static IrVal compared(Trans *t, unsigned kind, IrVal word)
{
    IrBuilder *b = t->b;
    IrVal equal = ir_and(b, IR_I32, word, x86_c(t, IR_I32, IR_FL_Z));
    bool while_equal = kind >= FAULT_SKIP;
    x86_put_fl(t, ir_flmake(b, word));
    return ir_cmp(b, while_equal ? IR_NE : IR_EQ, equal, x86_c(t, IR_I32, 0));
}

static void to_c_if(Trans *t, IrVal cond)
{
    IrBuilder *b = t->b;
    ir_put(b, X86_SLOT_STORE, ir_zext(b, IR_I32, cond));
    ir_exit_if(b, cond, ir_exit_raise(b, t->pc, CPU_EXIT_CTX), false);
}

/* from: rsi, or IR_NONE: then `value` is the other operand. */
static void bulk(Trans *t, const X86Insn *x, unsigned kind, unsigned bytes, IrVal from, IrVal value)
{
    IrBuilder *b = t->b;
    IrType w = x86_word(t);
    unsigned log = x86_log2(bytes);
    bool compares = kind >= FAULT_FIND;
    IrVal all = x86_gpr(t, X86_RCX), to = x86_gpr(t, X86_RDI);
    ir_exit_if(b, ir_cmp(b, IR_EQ, all, x86_cw(t, 0)), ir_exit_direct(b, t->pc + x->len, false), false);
    IrVal n = x86_to_64(t, piece_of(t, all, log, from));
    IrVal other = from ? x86_to_64(t, from) : bytes == 8 ? value : ir_zext(b, IR_I64, value);
    IrVal left = ir_bulk(b, kind | log, x86_to_64(t, to), other, n), word = IR_NONE;
    if (compares) {
        word = ir_trunc(b, IR_I32, ir_shr(b, IR_I64, left, x86_c(t, IR_I64, 32)));
        left = ir_zext(b, IR_I64, ir_trunc(b, IR_I32, left));
    }
    IrVal done = ir_sub(b, IR_I64, n, left), far = ir_shl(b, IR_I64, done, x86_c(t, IR_I64, log));
    if (w == IR_I32) {
        done = ir_trunc(b, w, done);
        far = ir_trunc(b, w, far);
    }
    if (compares) /* a fault: from the beginning, for the flags of the last comparison before it */
        to_c_if(t, ir_cmp(b, IR_EQ, word, x86_c(t, IR_I32, 0)));
    IrVal rest = ir_sub(b, w, all, done), more = ir_cmp(b, IR_NE, rest, x86_cw(t, 0));
    x86_put_gpr(t, X86_RDI, ir_add(b, w, to, far));
    if (from)
        x86_put_gpr(t, X86_RSI, ir_add(b, w, from, far));
    x86_put_gpr(t, X86_RCX, rest);
    if (compares)
        more = ir_and(b, IR_I1, more, compared(t, kind, word));
    else
        to_c_if(t, ir_cmp(b, IR_EQ, done, x86_cw(t, 0)));
    t->flow = (TransFlow){.kind = FLOW_BRANCH, .cond = more, .target = t->pc};
}

/* Repeated, and with whole registers as addresses? Not in machines. */
static bool in_pieces(const Trans *t, const X86Insn *x)
{
    return x->rep && x->asize == x86_word_bytes(t) && !x->override && !x86_sys(t) && !(t->ctx & X86_CTX_SEGS);
}

/* Of machines, where segments are flat: by C. True: done. */
static bool by_machine(Trans *t, const X86Insn *x, unsigned bytes, bool moves)
{
    IrBuilder *b = t->b;
    if (!x86_sys(t) || !(t->ctx & X86_CTX_FLAT) || !x->rep || x->asize != x86_word_bytes(t) || x->seg)
        return false;
    ir_call(b, X86_HELPER_machine_rep, (IrVal[]){x86_c(t, IR_I64, bytes), x86_c(t, IR_I64, moves)}, 2);
    IrVal more = ir_cmp(b, IR_NE, x86_gpr(t, X86_RCX), x86_cw(t, 0));
    t->flow = (TransFlow){.kind = FLOW_BRANCH, .cond = more, .target = t->pc};
    return true;
}

static bool wants_c(const Trans *t)
{
    return t->ctx & X86_CTX_STORE;
}

void x86_trans_movs(Trans *t, const X86Insn *x)
{
    unsigned bytes = x86_size(x, 0);
    if (by_machine(t, x, bytes, true))
        return;
    if (in_pieces(t, x)) {
        if (wants_c(t))
            by_c(t, X86_HELPER_rep_movs, bytes, NULL);
        else
            bulk(t, x, FAULT_COPY, bytes, x86_gpr(t, X86_RSI), IR_NONE);
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
    if (by_machine(t, x, bytes, false))
        return;
    if (in_pieces(t, x)) {
        if (wants_c(t))
            by_c(t, X86_HELPER_rep_stos, bytes, NULL);
        else
            bulk(t, x, FAULT_FILL, bytes, IR_NONE, x86_reg(t, X86_RAX, bytes, false));
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

/* Does the last comparison ask for more? kind: FaultBulk. */
static IrVal goes_on(Trans *t, unsigned kind)
{
    return ir_flcc(t->b, x86_fl(t), kind >= FAULT_SKIP ? IR_FL_EQ : IR_FL_NE);
}

void x86_trans_cmps(Trans *t, const X86Insn *x)
{
    unsigned bytes = x86_size(x, 0), kind = x->rep == 0xf3 ? FAULT_COMPARE : FAULT_MATCH;
    if (in_pieces(t, x)) {
        if (wants_c(t))
            by_c(t, X86_HELPER_rep_scan, kind | x86_log2(bytes), goes_on);
        else
            bulk(t, x, kind, bytes, x86_gpr(t, X86_RSI), IR_NONE);
        return;
    }
    IrVal left = rep_begin(t, x), by = step(t, bytes);
    IrVal y = x86_ld(t, dest(t, x), bytes), a = x86_ld(t, source(t, x), bytes); /* as Zen does */
    advance(t, x, X86_RSI, by);
    advance(t, x, X86_RDI, by);
    compare(t, x, left, a, y);
}

void x86_trans_scas(Trans *t, const X86Insn *x)
{
    unsigned bytes = x86_size(x, 0), kind = x->rep == 0xf3 ? FAULT_SKIP : FAULT_FIND;
    if (in_pieces(t, x)) {
        if (wants_c(t))
            by_c(t, X86_HELPER_rep_scan, kind | x86_log2(bytes), goes_on);
        else
            bulk(t, x, kind, bytes, IR_NONE, x86_reg(t, X86_RAX, bytes, false));
        return;
    }
    IrVal left = rep_begin(t, x), by = step(t, bytes);
    IrVal y = x86_ld(t, dest(t, x), bytes);
    advance(t, x, X86_RDI, by);
    compare(t, x, left, x86_reg(t, X86_RAX, bytes, false), y);
}
