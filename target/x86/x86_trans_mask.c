/* Instructions on mask registers. arg: log2 of the bytes that count, and more. Source: Intel SDM volume 2. */
#include "target/x86/x86_trans_evex.h"

static unsigned bits_of(const X86Insn *x)
{
    return 8u << (x->row->arg & 3);
}

static void put(Trans *t, const X86Insn *x, IrVal v)
{
    x86_put_k(t, x->reg & 7, x86_k_bits(t, v, bits_of(x)));
}

/* kand kandn kor kxnor kxor kadd */
void x86_trans_kbin(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal a = x86_k(t, x->vvvv & 7), y = x86_k(t, x->rm & 7), v;
    switch (x->row->arg >> 2) {
    case 0: v = ir_and(b, IR_I64, a, y); break;
    case 1: v = ir_and(b, IR_I64, ir_not(b, IR_I64, a), y); break;
    case 2: v = ir_or(b, IR_I64, a, y); break;
    case 3: v = ir_not(b, IR_I64, ir_xor(b, IR_I64, a, y)); break;
    case 4: v = ir_xor(b, IR_I64, a, y); break;
    default: v = ir_add(b, IR_I64, a, y); break;
    }
    put(t, x, v);
}

/* The first source's lower half above that of the second. */
void x86_trans_kunpck(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned half = bits_of(x) / 2;
    IrVal high = ir_shl(b, IR_I64, x86_k(t, x->vvvv & 7), x86_c(t, IR_I64, half));
    put(t, x, ir_or(b, IR_I64, high, x86_k_bits(t, x86_k(t, x->rm & 7), half)));
}

void x86_trans_knot(Trans *t, const X86Insn *x)
{
    put(t, x, ir_not(t->b, IR_I64, x86_k(t, x->rm & 7)));
}

/* v with so many bytes. */
static IrVal resized(Trans *t, unsigned bytes, IrVal v)
{
    unsigned now = ir_type_bits(ir_result_type(t->b->r, &t->b->r->insn[v])) / 8;
    return now == bytes  ? v
           : now < bytes ? ir_zext(t->b, x86_type(bytes), v)
                         : ir_trunc(t->b, x86_type(bytes), v);
}

/* arg 4: a store */
void x86_trans_kmov(Trans *t, const X86Insn *x)
{
    unsigned bytes = bits_of(x) / 8;
    if (x->row->arg & 4)
        x86_st(t, x86_addr(t, x), bytes, resized(t, bytes, x86_k(t, x->reg & 7)));
    else if (x->mod != 3)
        x86_put_k(t, x->reg & 7, resized(t, 8, x86_ld(t, x86_addr(t, x), bytes)));
    else
        put(t, x, x86_k(t, x->rm & 7));
}

/* arg 4: to a general register */
void x86_trans_kmovr(Trans *t, const X86Insn *x)
{
    unsigned bytes = bits_of(x) == 64 ? 8 : 4;
    if (x->row->arg & 4)
        x86_put_reg(t, x->reg, bytes, false,
                    resized(t, bytes, x86_k_bits(t, x86_k(t, x->rm & 7), bits_of(x))));
    else
        put(t, x, resized(t, 8, x86_reg(t, x->rm, bytes, false)));
}

/* kortest: ZF = no bit of either, CF = all. ktest (arg 4): ZF = no bit of both, CF = none of the second that
 * is not of the first. The other flags become 0. */
void x86_trans_ktest(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned n = bits_of(x);
    IrVal a = x86_k(t, x->reg & 7), y = x86_k(t, x->rm & 7), zero = x86_c(t, IR_I64, 0), z, c;
    if (x->row->arg & 4) {
        z = ir_cmp(b, IR_EQ, x86_k_bits(t, ir_and(b, IR_I64, a, y), n), zero);
        c = ir_cmp(b, IR_EQ, x86_k_bits(t, ir_and(b, IR_I64, ir_not(b, IR_I64, a), y), n), zero);
    } else {
        IrVal both = x86_k_bits(t, ir_or(b, IR_I64, a, y), n);
        z = ir_cmp(b, IR_EQ, both, zero);
        c = ir_cmp(b, IR_EQ, both, x86_c(t, IR_I64, (int64_t)(n == 64 ? ~0ull : BIT(n) - 1)));
    }
    IrVal none = x86_c(t, IR_I32, IR_FL_BIT9);
    IrVal word = ir_or(b, IR_I32, ir_select(b, z, x86_c(t, IR_I32, IR_FL_BIT9 | IR_FL_Z), none),
                       ir_select(b, c, x86_c(t, IR_I32, IR_FL_C), x86_c(t, IR_I32, 0)));
    x86_put_fl(t, ir_flmake(b, word));
}

/* arg 4: right */
void x86_trans_kshift(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned n = (unsigned)x->imm & 255;
    IrVal v = x86_k_bits(t, x86_k(t, x->rm & 7), bits_of(x)), by = x86_c(t, IR_I64, n);
    if (n >= bits_of(x))
        v = x86_c(t, IR_I64, 0);
    else
        v = x->row->arg & 4 ? ir_shr(b, IR_I64, v, by) : ir_shl(b, IR_I64, v, by);
    put(t, x, v);
}
