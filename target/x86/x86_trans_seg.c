/* Segment registers, far pointers, and what 32-bit mode alone has. Source: AMD64 APM volume 3. Selectors are
 * looked up by C (x86_segs.c); far
 * transfers of 64-bit programs stay in the code segment that they began with. */
#include "target/x86/x86_trans.h"

void x86_trans_mov_from_seg(Trans *t, const X86Insn *x)
{
    IrVal args[] = {x86_c(t, IR_I32, x->reg & 7)};
    IrVal v = ir_call(t->b, X86_HELPER_selector, args, 1);
    if (x->mod != 3)
        x86_st(t, x86_addr(t, x), 2, ir_trunc(t->b, IR_I16, v));
    else
        x86_put_reg(t, x->rm, x->opsize, false,
                    x->opsize == 8   ? ir_zext(t->b, IR_I64, v)
                    : x->opsize == 2 ? ir_trunc(t->b, IR_I16, v)
                                     : v);
}

static void load_segment(Trans *t, unsigned seg, IrVal selector16)
{
    IrVal args[] = {x86_c(t, IR_I32, seg), ir_zext(t->b, IR_I32, selector16)};
    ir_call(t->b, X86_HELPER_set_selector, args, 2);
    if (x86_is32(t)) /* it may be an odd one */
        t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}

void x86_trans_mov_to_seg(Trans *t, const X86Insn *x)
{
    if (x86_sys(t)) {
        x86_sys_insn(t, x);
        return;
    }
    IrVal v = x->mod == 3 ? x86_reg(t, x->rm, 2, false) : x86_ld(t, x86_addr(t, x), 2);
    load_segment(t, x->reg & 7, v);
}

void x86_trans_push_seg(Trans *t, const X86Insn *x)
{
    IrVal args[] = {x86_c(t, IR_I32, x->row->arg)}, v = ir_call(t->b, X86_HELPER_selector, args, 1);
    x86_push(t, x->opsize,
             x->opsize == 8   ? ir_zext(t->b, IR_I64, v)
             : x->opsize == 2 ? ir_trunc(t->b, IR_I16, v)
                              : v);
}

void x86_trans_pop_seg(Trans *t, const X86Insn *x)
{
    if (x86_sys(t)) {
        x86_sys_insn(t, x);
        return;
    }
    load_segment(t, x->row->arg, x86_top(t, 2));
    x86_drop(t, x->opsize);
}

/* les lds lss lfs lgs: an offset of the operand's size, behind it a selector. */
void x86_trans_lseg(Trans *t, const X86Insn *x)
{
    if (x86_sys(t)) {
        x86_sys_insn(t, x);
        return;
    }
    X86Addr a = x86_addr(t, x), behind = {a.base, a.disp + x->opsize, a.seg};
    IrVal offset = x86_ld(t, a, x->opsize);
    load_segment(t, x->row->arg, x86_ld(t, behind, 2));
    x86_write(t, x, 0, offset);
}

/* arg: lar lsl verr verw. ZF: the selector names what the instruction may ask of. */
void x86_trans_ask_segment(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (x86_sys(t)) {
        x86_sys_insn(t, x);
        return;
    }
    bool two = x->row->arg < 2;
    IrVal selector = x->mod == 3 ? x86_reg(t, x->rm, 2, false) : x86_ld(t, x86_addr(t, x), 2);
    IrVal args[] = {x86_c(t, IR_I32, x->row->arg), ir_zext(b, IR_I32, selector)};
    IrVal got = ir_call(b, X86_HELPER_ask_segment, args, 2), value = ir_trunc(b, IR_I32, got);
    IrVal ok = ir_cmp(b, IR_NE, ir_shr(b, IR_I64, got, x86_c(t, IR_I64, 32)), x86_c(t, IR_I64, 0));
    IrVal word = ir_and(b, IR_I32, ir_flbits(b, x86_fl(t)), x86_c(t, IR_I32, ~IR_FL_Z));
    word = ir_or(b, IR_I32, word, ir_select(b, ok, x86_c(t, IR_I32, IR_FL_Z), x86_c(t, IR_I32, 0)));
    if (two) {
        IrVal old = x86_gpr(t, x->reg);
        x86_put_reg(t, x->reg, MIN(x->opsize, 4u), false,
                    x->opsize == 2 ? ir_trunc(b, IR_I16, value) : value);
        x86_put_gpr(t, x->reg, ir_select(b, ok, x86_gpr(t, x->reg), old));
    }
    x86_put_fl(t, ir_flmake(b, word));
}

/* ---- far transfers ---- */

/* By C, which goes on elsewhere, perhaps in another mode. */
static void go_far(Trans *t, const X86Insn *x, X86FarKind kind, IrVal offset, IrVal selector)
{
    IrBuilder *b = t->b;
    if (!offset)
        offset = x86_c(t, IR_I64, 0);
    else if (x->opsize < 8)
        offset = ir_zext(b, IR_I64, offset);
    IrVal args[] = {x86_c(t, IR_I32, (int64_t)(kind | (unsigned)x->opsize << 4 | (unsigned)x->len << 8)),
                    offset,
                    selector ? ir_zext(b, IR_I32, selector) : x86_c(t, IR_I32, (int64_t)(x->imm & 0xffff))};
    ir_call(b, X86_HELPER_far, args, 3);
    t->flow.kind = FLOW_STOP;
}

IrVal x86_far_target(Trans *t, const X86Insn *x, IrVal *ret_selector)
{
    if (x86_opd_where[x->row->opd[0]] == X86_WH_FAR) {
        *ret_selector = x86_c(t, IR_I16, (int16_t)x->imm2);
        return x86_c(t, x86_type(x->opsize), (int64_t)x->imm);
    }
    X86Addr a = x86_addr(t, x), behind = {a.base, a.disp + x->opsize, a.seg};
    IrVal offset = x86_ld(t, a, x->opsize);
    *ret_selector = x86_ld(t, behind, 2);
    return offset;
}

void x86_trans_jmp_far(Trans *t, const X86Insn *x)
{
    if (x86_sys(t)) {
        x86_sys_insn(t, x);
        return;
    }
    IrVal selector, to = x86_far_target(t, x, &selector);
    go_far(t, x, X86_FAR_JUMP, to, selector);
}

void x86_trans_call_far(Trans *t, const X86Insn *x)
{
    if (x86_sys(t)) {
        x86_sys_insn(t, x);
        return;
    }
    IrVal selector, to = x86_far_target(t, x, &selector);
    go_far(t, x, X86_FAR_CALL, to, selector);
}

void x86_trans_ret_far(Trans *t, const X86Insn *x)
{
    if (x86_sys(t)) {
        x86_sys_insn(t, x);
        return;
    }
    int64_t more = x->row->opd[0] == X86_OPD_Iw ? (int64_t)x->imm : 0;
    go_far(t, x, X86_FAR_RET, x86_c(t, x86_type(x->opsize), more), IR_NONE);
}

void x86_trans_iret(Trans *t, const X86Insn *x)
{
    if (x86_sys(t))
        x86_sys_insn(t, x);
    else
        go_far(t, x, X86_FAR_IRET, IR_NONE, IR_NONE);
}
