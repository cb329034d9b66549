/* BMI1, BMI2, FSGSBASE, XSAVE, RDRAND. Source: AMD64 APM volume 3. Undefined flags: as Zen leaves them
 * (eval_x86.c). */
#include "target/x86/x86_trans.h"

static unsigned width(const X86Insn *x)
{
    return 8 * x86_size(x, 0);
}

static IrVal vvvv(Trans *t, const X86Insn *x)
{
    return x86_reg(t, x->vvvv, x86_size(x, 0), false);
}

static void flags(Trans *t, IrX86Fl kind, IrVal a, IrVal y)
{
    x86_put_fl(t, ir_flx(t->b, kind, a, y, x86_fl(t)));
}

void x86_trans_andn(Trans *t, const X86Insn *x)
{
    IrType ty = x86_type(x86_size(x, 0));
    IrVal y = x86_read(t, x, 1), a = vvvv(t, x);
    flags(t, IR_X_ANDN, a, y);
    x86_write(t, x, 0, ir_and(t->b, ty, ir_not(t->b, ty, a), y));
}

/* arg: the digit. blsr a & a - 1, blsmsk a ^ a - 1, blsi a & -a */
void x86_trans_bls(Trans *t, const X86Insn *x)
{
    static const uint8_t kinds[] = {0, IR_X_BLSR, IR_X_BLSMSK, IR_X_BLSI};
    IrBuilder *b = t->b;
    unsigned how = x->row->arg, bytes = x86_size(x, 1);
    IrType ty = x86_type(bytes);
    IrVal a = x86_read(t, x, 1);
    IrVal less = how == 3 ? ir_neg(b, ty, a) : ir_sub(b, ty, a, x86_c(t, ty, 1));
    flags(t, (IrX86Fl)kinds[how], a, a);
    x86_put_reg(t, x->vvvv, bytes, false, how == 2 ? ir_xor(b, ty, a, less) : ir_and(b, ty, a, less));
}

/* The low n bits of v; all if n is the width or more. */
static IrVal low_bits(Trans *t, IrType ty, IrVal v, IrVal n, unsigned bits)
{
    IrBuilder *b = t->b;
    IrVal one = x86_c(t, ty, 1), mask = ir_sub(b, ty, ir_shl(b, ty, one, n), one);
    return ir_select(b, ir_cmp(b, IR_LTU, n, x86_c(t, ty, bits)), ir_and(b, ty, v, mask), v);
}

/* bextr: as many bits as bits 15..8 of the second operand say, from bit 7..0 on; bzhi (arg 1): from bit 0 on
 */
void x86_trans_bextr(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrType ty = x86_type(x86_size(x, 0));
    IrVal a = x86_read(t, x, 1), how = vvvv(t, x), v = a, byte = x86_c(t, ty, 255);
    IrVal n = ir_and(b, ty, how, byte);
    if (!x->row->arg) {
        IrVal inside = ir_cmp(b, IR_LTU, n, x86_c(t, ty, width(x)));
        v = ir_select(b, inside, ir_shr(b, ty, a, n), x86_c(t, ty, 0));
        n = ir_and(b, ty, ir_shr(b, ty, how, x86_c(t, ty, 8)), byte);
    }
    flags(t, x->row->arg ? IR_X_BZHI : IR_X_BEXTR, a, how);
    x86_write(t, x, 0, low_bits(t, ty, v, n, width(x)));
}

/* arg 1: pext. By C. */
void x86_trans_pdep(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    bool wide = width(x) == 64;
    IrVal m = x86_read(t, x, 1), a = vvvv(t, x);
    IrVal args[] = {wide ? a : ir_zext(b, IR_I64, a), wide ? m : ir_zext(b, IR_I64, m)};
    IrVal v = ir_call(b, x->row->arg ? X86_HELPER_pext : X86_HELPER_pdep, args, 2);
    x86_write(t, x, 0, wide ? v : ir_trunc(b, IR_I32, v));
}

/* rdx * operand: low half to vvvv, then high half to reg */
void x86_trans_mulx(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned bytes = x86_size(x, 0);
    IrVal y = x86_read(t, x, 1), a = x86_reg(t, X86_RDX, bytes, false), lo, hi;
    if (bytes == 8) {
        lo = ir_mul(b, IR_I64, a, y);
        hi = ir_mulhu(b, IR_I64, a, y);
    } else {
        IrVal v = ir_mul(b, IR_I64, ir_zext(b, IR_I64, a), ir_zext(b, IR_I64, y));
        lo = ir_trunc(b, IR_I32, v);
        hi = ir_trunc(b, IR_I32, ir_shr(b, IR_I64, v, x86_c(t, IR_I64, 32)));
    }
    x86_put_reg(t, x->vvvv, bytes, false, lo);
    x86_put_reg(t, x->reg, bytes, false, hi);
}

/* shlx sarx shrx: no flags */
void x86_trans_shiftx(Trans *t, const X86Insn *x)
{
    static const uint8_t ops[] = {IR_SHL, IR_SAR, IR_SHR};
    IrType ty = x86_type(x86_size(x, 0));
    IrVal a = x86_read(t, x, 1);
    x86_write(t, x, 0, ir_vv(t->b, (IrOp)ops[x->row->arg], ty, a, vvvv(t, x)));
}

void x86_trans_rorx(Trans *t, const X86Insn *x)
{
    IrType ty = x86_type(x86_size(x, 0));
    IrVal a = x86_read(t, x, 1);
    x86_write(t, x, 0, ir_rotr(t->b, ty, a, x86_c(t, ty, (int64_t)(x->imm & (width(x) - 1)))));
}

/* ---- the processor's state ---- */

/* arg: 1 gs, 2 write */
void x86_trans_fsgsbase(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned slot = x->row->arg & 1 ? X86_SLOT_GS : X86_SLOT_FS, bytes = x->rex & 8 ? 8 : 4;
    if (!(x->row->arg & 2)) {
        IrVal v = ir_get(b, slot);
        x86_put_reg(t, x->rm, bytes, false, bytes == 8 ? v : ir_trunc(b, IR_I32, v));
        return;
    }
    IrVal v = x86_reg(t, x->rm, bytes, false), c = x86_c(t, IR_I64, 16);
    if (bytes == 4) {
        ir_put(b, slot, ir_zext(b, IR_I64, v));
        return;
    }
    IrVal canonical = ir_sar(b, IR_I64, ir_shl(b, IR_I64, v, c), c);
    ir_exit_if(b, ir_cmp(b, IR_NE, v, canonical), ir_exit_raise(b, t->pc, CPU_EXIT_PROTECTION), false);
    ir_put(b, slot, v);
}

/* arg: X86XsaveKind */
void x86_trans_xsave(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned kind = x->row->arg;
    IrVal at = x86_linear64(t, x);
    if (kind < 3) {
        ir_call(b, X86_HELPER_xsave, (IrVal[]){at, ir_ffget(b), x86_c(t, IR_I32, kind | x86_pointers(x))}, 3);
        return;
    }
    ir_call(b, X86_HELPER_xrstor, (IrVal[]){at, ir_ffget(b), x86_c(t, IR_I32, x86_pointers(x))}, 3);
    ir_ffput(b, ir_call(b, X86_HELPER_sticky, NULL, 0));
    t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}

void x86_trans_xgetbv(Trans *t, const X86Insn *x)
{
    ir_call(t->b, X86_HELPER_xgetbv, NULL, 0);
}

/* Carry: there was a number. */
void x86_trans_rdrand(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal v = ir_call(b, X86_HELPER_random, NULL, 0);
    x86_put_reg(t, x->rm, x->opsize, false, x->opsize == 8 ? v : ir_trunc(b, x86_type(x->opsize), v));
    x86_put_fl(t, ir_flmake(b, x86_c(t, IR_I32, IR_FL_BIT9 | IR_FL_C)));
}

void x86_trans_rdpid(Trans *t, const X86Insn *x)
{
    x86_put_reg(t, x->rm, 4, false, ir_call(t->b, X86_HELPER_tsc_aux, NULL, 0));
}
