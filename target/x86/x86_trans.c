/* Operands of x86 instructions as values of the IR. */
#include "target/x86/x86_trans.h"

enum { CODE_SEGMENT = 1 };

IrVal x86_reg(Trans *t, unsigned r, unsigned bytes, bool high)
{
    IrVal v = x86_gpr(t, r);
    if (bytes == x86_word_bytes(t))
        return v;
    if (high)
        v = ir_shr(t->b, x86_word(t), v, x86_cw(t, 8));
    return ir_trunc(t->b, x86_type(bytes), v);
}

void x86_put_reg(Trans *t, unsigned r, unsigned bytes, bool high, IrVal v)
{
    IrBuilder *b = t->b;
    if (bytes < 4) {
        IrType w = x86_word(t);
        IrVal keep = ir_and(b, w, x86_gpr(t, r),
                            x86_cw(t, high         ? ~0xff00ll
                                      : bytes == 1 ? ~0xffll
                                                   : ~0xffffll));
        v = ir_zext(b, w, v);
        if (high)
            v = ir_shl(b, w, v, x86_cw(t, 8));
        v = ir_or(b, w, keep, v);
    } else {
        v = x86_to_word(t, v, bytes);
    }
    x86_put_gpr(t, r, v);
}

/* Byte registers 4..7 without rex are the second bytes of 0..3. */
static bool is_high(const X86Insn *x, unsigned r, unsigned bytes)
{
    return bytes == 1 && !x->rex && r >= 4 && r < 8;
}

static IrVal read_gpr(Trans *t, const X86Insn *x, unsigned r, unsigned bytes)
{
    bool high = is_high(x, r, bytes);
    return x86_reg(t, high ? r - 4 : r, bytes, high);
}

static void write_gpr(Trans *t, const X86Insn *x, unsigned r, unsigned bytes, IrVal v)
{
    bool high = is_high(x, r, bytes);
    x86_put_reg(t, high ? r - 4 : r, bytes, high, v);
}

IrVal x86_with_segment(Trans *t, const X86Insn *x, IrVal v)
{
    if (x86_seg_odd(t, x86_data_segment(x)))
        return x86_in_segment(t, x86_data_segment(x), v, x86_memory_bytes(x));
    return x->seg ? ir_add(t->b, x86_word(t), x86_slot_base(t, x->seg), v) : v;
}

IrVal x86_cut(Trans *t, const X86Insn *x, IrVal v)
{
    if (x->asize == x86_word_bytes(t))
        return v;
    return ir_zext(t->b, x86_word(t), ir_trunc(t->b, x86_type(x->asize), v));
}

IrVal x86_index(Trans *t, const X86Insn *x, unsigned r)
{
    return x86_cut(t, x, x86_gpr(t, r));
}

void x86_put_index(Trans *t, const X86Insn *x, unsigned r, IrVal v)
{
    if (x->asize < x86_word_bytes(t))
        v = ir_trunc(t->b, x86_type(x->asize), v);
    x86_put_reg(t, r, x->asize, false, v);
}

static X86Addr offset_of(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrType w = x86_word(t);
    IrVal base = IR_NONE;
    int32_t disp = x->disp;
    if (x->base == -2) {
        base = x86_pc_value(t, t->pc + x->len + (Gva)disp);
        disp = 0;
    } else if (x->base >= 0) {
        base = x86_gpr(t, (unsigned)x->base);
    }
    if (x->index >= 0) {
        IrVal i = x86_gpr(t, (unsigned)x->index);
        if (x->scale || base == IR_NONE)
            i = ir_shl(b, w, i, x86_cw(t, x->scale));
        base = base ? ir_add(b, w, base, i) : i;
    }
    if (base == IR_NONE) {
        base = x86_cw(t, disp);
        disp = 0;
    }
    if (x->asize < x86_word_bytes(t)) {
        base = x86_cut(t, x, ir_add(b, w, base, x86_cw(t, disp)));
        disp = 0;
    }
    return (X86Addr){base, disp};
}

IrVal x86_offset(Trans *t, const X86Insn *x)
{
    X86Addr a = offset_of(t, x);
    return ir_add(t->b, x86_word(t), a.base, x86_cw(t, a.disp));
}

static X86Addr segmented(Trans *t, const X86Insn *x)
{
    unsigned seg = x86_data_segment(x);
    IrVal at = x86_in_segment(t, seg, x86_offset(t, x), x86_memory_bytes(x));
    bool asked = !x86_sys(t) || t->ctx & X86_CTX_ODD || seg == 1;
    return (X86Addr){at, 0, (uint8_t)(asked ? seg + 1 : 0)};
}

X86Addr x86_addr(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (x86_seg_odd(t, x86_data_segment(x)))
        return segmented(t, x);
    X86Addr a = offset_of(t, x);
    IrVal base = a.base;
    int32_t disp = a.disp;
    if (x->override == CODE_SEGMENT + 1) /* of a program in 32-bit mode; not to be written to */
        return (X86Addr){base, disp, x->override};
    if (x->seg && ir_is_const(b->r, base)) { /* fs:disp */
        int64_t c = ir_const_value(b->r, base) + disp;
        if (x86_is32(t))
            c = (int32_t)c;
        if (fits_i32(c))
            return (X86Addr){x86_slot_base(t, x->seg), (int32_t)c};
    }
    return (X86Addr){x86_with_segment(t, x, base), disp};
}

IrVal x86_linear(Trans *t, const X86Insn *x)
{
    X86Addr a = x86_addr(t, x);
    if (a.seg && x->lock)
        x86_seg_write(t, a.seg - 1u);
    return a.disp ? ir_add(t->b, x86_linear_type(t), a.base, x86_c(t, x86_linear_type(t), a.disp)) : a.base;
}

IrVal x86_linear64(Trans *t, const X86Insn *x)
{
    return x86_to_64(t, x86_linear(t, x));
}

IrVal x86_ld(Trans *t, X86Addr a, unsigned bytes)
{
    return ir_ld(t->b, bytes == 16 ? IR_V128 : x86_type(bytes), a.base, a.disp, x86_mem(t, bytes));
}

void x86_seg_write(Trans *t, unsigned seg)
{
    if (x86_sys(t))
        ir_call(t->b, X86_HELPER_seg_write, (IrVal[]){x86_c(t, IR_I64, seg)}, 1);
    else
        ir_call(t->b, X86_HELPER_segment_write, (IrVal[]){x86_c(t, IR_I32, seg)}, 1);
}

void x86_st(Trans *t, X86Addr a, unsigned bytes, IrVal v)
{
    if (a.seg)
        x86_seg_write(t, a.seg - 1u);
    ir_st(t->b, v, a.base, a.disp, x86_mem(t, bytes));
}

static X86Addr absolute(Trans *t, const X86Insn *x)
{
    return (X86Addr){x86_with_segment(t, x, x86_cw(t, (int64_t)x->imm)), 0};
}

bool x86_opd_mem(const X86Insn *x, unsigned k)
{
    unsigned where = x86_opd_where[x->row->opd[k]];
    return x->mod != 3 && (where == X86_WH_E || where == X86_WH_M || where == X86_WH_W || where == X86_WH_Q);
}

/* The immediates are numbered in the order of the operands. */
static uint64_t imm_of(const X86Insn *x, unsigned k)
{
    for (unsigned i = 0; i < k; i++) {
        unsigned where = x86_opd_where[x->row->opd[i]];
        if (where == X86_WH_I || where == X86_WH_S)
            return x->imm2;
    }
    return x->imm;
}

IrVal x86_read(Trans *t, const X86Insn *x, unsigned k)
{
    unsigned bytes = x86_size(x, k);
    switch ((X86Where)x86_opd_where[x->row->opd[k]]) {
    case X86_WH_E:
    case X86_WH_M: return x->mod == 3 ? read_gpr(t, x, x->rm, bytes) : x86_ld(t, x86_addr(t, x), bytes);
    case X86_WH_RY: return read_gpr(t, x, x->rm, bytes);
    case X86_WH_G: return read_gpr(t, x, x->reg, bytes);
    case X86_WH_I:
    case X86_WH_S: return x86_c(t, x86_type(bytes), (int64_t)imm_of(x, k));
    case X86_WH_O: return x86_ld(t, absolute(t, x), bytes);
    case X86_WH_A: return x86_reg(t, X86_RAX, bytes, false);
    case X86_WH_C: return x86_reg(t, X86_RCX, bytes, false);
    case X86_WH_D: return x86_reg(t, X86_RDX, bytes, false);
    case X86_WH_ONE: return x86_c(t, IR_I8, 1);
    case X86_WH_Z: return read_gpr(t, x, (x->opc & 7u) | (x->rex & 1u) << 3, bytes);
    default: __builtin_trap();
    }
}

void x86_write(Trans *t, const X86Insn *x, unsigned k, IrVal v)
{
    unsigned bytes = x86_size(x, k);
    switch ((X86Where)x86_opd_where[x->row->opd[k]]) {
    case X86_WH_E:
    case X86_WH_M:
        if (x->mod == 3)
            write_gpr(t, x, x->rm, bytes, v);
        else
            x86_st(t, x86_addr(t, x), bytes, v);
        break;
    case X86_WH_RY: write_gpr(t, x, x->rm, bytes, v); break;
    case X86_WH_G: write_gpr(t, x, x->reg, bytes, v); break;
    case X86_WH_O: x86_st(t, absolute(t, x), bytes, v); break;
    case X86_WH_A: x86_put_reg(t, X86_RAX, bytes, false, v); break;
    case X86_WH_Z: write_gpr(t, x, (x->opc & 7u) | (x->rex & 1u) << 3, bytes, v); break;
    default: __builtin_trap();
    }
}

void x86_write_back(Trans *t, const X86Insn *x, IrVal old, IrVal v)
{
    IrBuilder *b = t->b;
    if (!x86_atomic(t, x) || x->mod == 3) {
        x86_write(t, x, 0, v);
        return;
    }
    unsigned bytes = x86_size(x, 0);
    IrMem m = x86_mem(t, bytes);
    m.order = IR_SEQ_CST;
    IrVal seen = ir_cas(b, x86_type(bytes), x86_linear(t, x), old, v, m);
    ir_exit_if(b, ir_cmp(b, IR_NE, seen, old), x86_exit_to(t, t->pc, true), false);
}

IrVal x86_cond(Trans *t, unsigned cc)
{
    static const uint8_t cond[] = {IR_FL_VS, IR_FL_HS, IR_FL_EQ, IR_FL_BE,
                                   IR_FL_MI, IR_FL_PE, IR_FL_LT, IR_FL_LE};
    return ir_flcc(t->b, x86_fl(t), (IrFlCond)(cond[cc >> 1] ^ (cc & 1)));
}

void x86_push(Trans *t, unsigned bytes, IrVal v)
{
    x86_st(t, x86_stack_at(t, x86_gpr(t, X86_RSP), -(int32_t)bytes, bytes), bytes, v);
    x86_drop(t, -(int64_t)bytes);
}

IrVal x86_top(Trans *t, unsigned bytes)
{
    return x86_ld(t, x86_stack_at(t, x86_gpr(t, X86_RSP), 0, bytes), bytes);
}

void x86_drop(Trans *t, int64_t bytes)
{
    x86_put_sp(t, ir_add(t->b, x86_word(t), x86_gpr(t, X86_RSP), x86_cw(t, bytes)));
}

void x86_call_helper(Trans *t, X86HelperId h, const IrVal *args, unsigned n)
{
    ir_call(t->b, h, args, n);
}

bool x86_has(const Trans *t, X86Feat f)
{
    return x86_cpu_runs((const X86Cpu *)t->cpu, f);
}
