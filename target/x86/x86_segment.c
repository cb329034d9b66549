/* Addresses of a machine's code: segments with their limits, the stack, program counters; of a program's
 * where its segments are odd. Else, and where segments are flat, nothing of it costs anything. Sources: AMD64
 * APM volume 2, chapter 4. */
#include "target/x86/x86_trans.h"

enum { CS = 1, SS = 2, DS = 3, FS = 4, LONGEST = 15, PAGE = 4096 };

unsigned x86_data_segment(const X86Insn *x)
{
    bool stack = x->base == X86_RSP || x->base == X86_RBP;
    return x->override ? x->override - 1u : x->mod != 3 && stack ? SS : DS;
}

/* Of operands whose row names no size. */
static unsigned unnamed_bytes(const X86Insn *x)
{
    bool half = x->opsize == 2;
    switch ((X86Handler)x->row->handler) {
    case X86_H_cmpxchg8b: return x->rex & 8 ? 16 : 8;
    case X86_H_fxsave: return 512;
    case X86_H_x87: return x->opc == 0xd9 ? (half ? 14 : 28) : half ? 94 : 108; /* environment, all of it */
    case X86_H_bound: return 2 * x->opsize;
    default: return 1;
    }
}

unsigned x86_memory_bytes(const X86Insn *x)
{
    if (x->row->handler == X86_H_kmov)
        return 1u << (x->row->arg & 3);
    for (unsigned k = 0; k < 3; k++) {
        unsigned where = x86_opd_where[x->row->opd[k]];
        bool memory = where == X86_WH_E || where == X86_WH_M || where == X86_WH_W || where == X86_WH_Q;
        if ((memory && x->mod != 3) || where == X86_WH_X || where == X86_WH_Y || where == X86_WH_O)
            return x86_size(x, k) ? x86_size(x, k) : unnamed_bytes(x);
    }
    return 1;
}

/* fs and gs of a program: of 32 bits in 32-bit code. */
IrVal x86_slot_base(Trans *t, unsigned seg)
{
    IrVal v = ir_get(t->b, seg == FS ? X86_SLOT_FS : X86_SLOT_GS);
    return x86_narrow(t) ? ir_trunc(t->b, IR_I32, v) : v;
}

/* Of a machine. */
static IrVal base_of(Trans *t, unsigned seg)
{
    return ir_get(t->b, seg == FS ? X86_SLOT_FS : seg == FS + 1 ? X86_SLOT_GS : X86_SLOT_BASE + seg);
}

/* Are all bytes of it inside? In line, but where segments are odd. */
static void check_limit(Trans *t, unsigned seg, IrVal off, unsigned bytes)
{
    IrBuilder *b = t->b;
    if (t->ctx & X86_CTX_ODD) {
        ir_call(b, X86_HELPER_seg_limit, (IrVal[]){x86_c(t, IR_I64, seg | bytes << 8), off}, 2);
        return;
    }
    IrVal last = ir_add(b, IR_I64, off, x86_c(t, IR_I64, bytes - 1));
    IrVal over = ir_cmp(b, IR_GT, last, ir_get(b, X86_SLOT_LIMIT + seg));
    unsigned code = seg == SS ? CPU_EXIT_STACK : CPU_EXIT_PROTECTION;
    ir_exit_if(b, over, ir_exit_raise(b, t->pc, code), false);
}

/* Of a program: by C, each time. */
static IrVal in_odd_segment(Trans *t, unsigned seg, IrVal off, unsigned bytes)
{
    IrBuilder *b = t->b;
    ir_call(b, X86_HELPER_segment, (IrVal[]){x86_c(t, IR_I32, seg | bytes << 8), off}, 2);
    IrVal which = x86_c(t, IR_I32, seg);
    IrVal base = seg < FS ? ir_call(b, X86_HELPER_segment_base, &which, 1) : x86_slot_base(t, seg);
    return ir_add(b, IR_I32, off, base);
}

IrVal x86_in_segment(Trans *t, unsigned seg, IrVal v, unsigned bytes)
{
    IrBuilder *b = t->b;
    if (!x86_seg_odd(t, seg))
        return v;
    if (!x86_sys(t))
        return in_odd_segment(t, seg, v, bytes);
    IrVal off = ir_zext(b, IR_I64, v);
    if (t->ctx & X86_CTX_FLAT && seg < FS)
        return off;
    check_limit(t, seg, off, bytes);
    IrVal sum = ir_add(b, IR_I64, off, base_of(t, seg));
    return ir_and(b, IR_I64, sum, x86_c(t, IR_I64, 0xffffffff));
}

/* ---- the stack ---- */

X86Addr x86_stack_at(Trans *t, IrVal v, int32_t disp, unsigned bytes)
{
    IrBuilder *b = t->b;
    if (!x86_seg_odd(t, SS))
        return (X86Addr){v, disp};
    v = ir_add(b, IR_I32, v, x86_c(t, IR_I32, disp));
    if (t->ctx & X86_CTX_STACK16)
        v = ir_and(b, IR_I32, v, x86_c(t, IR_I32, 0xffff));
    return (X86Addr){x86_in_segment(t, SS, v, bytes), 0};
}

void x86_put_sp(Trans *t, IrVal v)
{
    if (t->ctx & X86_CTX_STACK16)
        x86_put_reg(t, X86_RSP, 2, false, ir_trunc(t->b, IR_I16, v));
    else
        x86_put_gpr(t, X86_RSP, v);
}

/* ---- program counters ---- */

IrVal x86_pc_value(Trans *t, Gva pc)
{
    IrBuilder *b = t->b;
    if (x86_own_code(t))
        return ir_sub(b, IR_I32, ir_here(b, IR_I32, pc), ir_get(b, X86_SLOT_CS_BASE));
    if (!x86_sys(t))
        return ir_here(b, x86_word(t), pc);
    IrVal v = ir_add(b, IR_I64, ir_get(b, X86_SLOT_PC_DELTA), x86_c(t, IR_I64, (int64_t)pc));
    if (!x86_narrow(t))
        return v;
    if (!(t->ctx & X86_CTX_FLAT))
        v = ir_sub(b, IR_I64, v, base_of(t, CS));
    return ir_trunc(b, IR_I32, v);
}

static void raise_beyond(Trans *t, IrVal last, IrVal cond)
{
    IrBuilder *b = t->b;
    IrVal over = ir_cmp(b, IR_GT, ir_zext(b, IR_I64, last), ir_get(b, X86_SLOT_CS_LIMIT));
    over = cond ? ir_and(b, IR_I1, over, cond) : over;
    ir_exit_if(b, over, ir_exit_raise(b, t->pc, CPU_EXIT_PROTECTION), false);
}

void x86_check_target(Trans *t, const X86Insn *x, IrVal to, IrVal cond)
{
    if (!x86_own_code(t))
        return;
    if (!to)
        to = x86_pc_pushed(t, x->opsize, t->pc + x->len + x->imm);
    raise_beyond(t, to, cond);
}

void x86_check_fetch(Trans *t, const X86Insn *x)
{
    raise_beyond(t, x86_pc_value(t, t->pc + x->len - 1), IR_NONE);
}

static bool near_page(const Trans *t, Gva pc)
{
    return pc - (t->pc & ~(Gva)(PAGE - 1)) <= PAGE - LONGEST;
}

unsigned x86_exit_to(Trans *t, Gva pc, bool poll)
{
    return x86_sys(t) && !near_page(t, pc) ? ir_exit_far(t->b, pc) : ir_exit_direct(t->b, pc, poll);
}

void x86_go_to(Trans *t, const X86Insn *x, IrVal v, IrHint hint)
{
    IrBuilder *b = t->b;
    if (x->opsize < 8)
        v = ir_zext(b, IR_I64, v);
    if (x86_own_code(t))
        v = ir_zext(b, IR_I64, ir_add(b, IR_I32, ir_trunc(b, IR_I32, v), ir_get(b, X86_SLOT_CS_BASE)));
    else if (x86_sys(t) && x86_is32(t) && !(t->ctx & X86_CTX_FLAT))
        v = ir_and(b, IR_I64, ir_add(b, IR_I64, v, base_of(t, CS)), x86_c(t, IR_I64, 0xffffffff));
    t->flow = (TransFlow){.kind = FLOW_INDIRECT, .hint = hint, .indirect = v};
}
