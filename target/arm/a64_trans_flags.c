/* Arm ARM: flag manipulation (FEAT_FlagM, FEAT_FlagM2), and NZCV as a register. */
#include "target/arm/a64_trans.h"

static IrVal word(Trans *t) { return ir_flbits(t->b, ir_get(t->b, ARM_SLOT_FL)); }
static void put_word(Trans *t, IrVal w) { ir_put(t->b, ARM_SLOT_FL, ir_flmake(t->b, w)); }
static IrVal c32(Trans *t, int64_t v) { return ir_const(t->b, IR_I32, v); }
static IrVal and_c(Trans *t, IrVal v, int64_t c) { return ir_and(t->b, IR_I32, v, c32(t, c)); }
static IrVal or_v(Trans *t, IrVal v, IrVal w) { return ir_or(t->b, IR_I32, v, w); }
static IrVal shl_c(Trans *t, IrVal v, int64_t c) { return ir_shl(t->b, IR_I32, v, c32(t, c)); }
static IrVal shr_c(Trans *t, IrVal v, int64_t c) { return ir_shr(t->b, IR_I32, v, c32(t, c)); }
/* bit where cond holds */
static IrVal bit_if(Trans *t, IrVal cond, unsigned shift)
{
    return shl_c(t, ir_zext(t->b, IR_I32, cond), shift);
}
enum { SHIFT_N = 15, SHIFT_Z = 14, SHIFT_C = 8 };

IrVal a64_read_nzcv(Trans *t)
{
    IrVal w = word(t);
    IrVal nz = shl_c(t, and_c(t, w, IR_FL_N | IR_FL_Z), 16), c = shl_c(t, and_c(t, w, IR_FL_C), 21);

    w = shl_c(t, w, 28);
    return ir_zext(t->b, IR_I64, or_v(t, or_v(t, nz, c), w));
}

/* v: N Z C V in bits 3..0, more above. */
static IrVal word_of_nibble(Trans *t, IrVal v)
{
    IrVal nz = and_c(t, shl_c(t, v, 12), IR_FL_N | IR_FL_Z), c = and_c(t, shl_c(t, v, 7), IR_FL_C);

    v = and_c(t, v, IR_FL_V);
    return or_v(t, or_v(t, nz, c), v);
}

void a64_write_nzcv(Trans *t, IrVal v)
{
    put_word(t, word_of_nibble(t, shr_c(t, ir_trunc(t->b, IR_I32, v), 28)));
}

void a64_trans_rmif(Trans *t, const A64Args *a)
{
    IrVal v = ir_rotr(t->b, IR_I64, a64_x(t, a->rn), a64_imm(t, a->amount));
    uint32_t mask = a64_fl_word((unsigned)a->imm);

    v = and_c(t, word_of_nibble(t, ir_trunc(t->b, IR_I32, v)), mask);
    put_word(t, or_v(t, v, and_c(t, word(t), ~(int64_t)mask)));
}

/* SETF8, SETF16: N and Z of the low part, V = the two bits at its top differ. C stays. */
void a64_trans_setf(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    unsigned bits = a->bits >> 14 & 1 ? 16 : 8;
    IrVal v = a64_w(t, a->rn);
    IrVal n = and_c(t, shl_c(t, v, SHIFT_N - (bits - 1)), IR_FL_N);
    IrVal low = and_c(t, v, (1 << bits) - 1), z = bit_if(t, ir_cmp(b, IR_EQ, low, c32(t, 0)), SHIFT_Z);
    IrVal overflow = and_c(t, shr_c(t, ir_xor(b, IR_I32, v, shr_c(t, v, 1)), bits - 1), IR_FL_V);
    IrVal c = and_c(t, word(t), IR_FL_C);

    put_word(t, or_v(t, or_v(t, or_v(t, c, n), z), overflow));
}

void a64_trans_cfinv(Trans *t, const A64Args *a)
{
    IrVal w = word(t);

    put_word(t, ir_xor(t->b, IR_I32, w, c32(t, IR_FL_C)));
}

/* Flags of a comparison between Arm's form of floating point and the other one. */
void a64_trans_axflag(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrVal fl = ir_get(b, ARM_SLOT_FL), v = ir_flcc(b, fl, IR_FL_VS);
    IrVal z = ir_or(b, IR_I1, ir_flcc(b, fl, IR_FL_EQ), v), c = ir_flcc(b, fl, IR_FL_HS);

    z = bit_if(t, z, SHIFT_Z);
    c = ir_and(b, IR_I1, c, ir_not(b, IR_I1, v));
    put_word(t, or_v(t, z, bit_if(t, c, SHIFT_C)));
}

void a64_trans_xaflag(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrVal fl = ir_get(b, ARM_SLOT_FL), z = ir_flcc(b, fl, IR_FL_EQ), c = ir_flcc(b, fl, IR_FL_HS);
    IrVal not_c = ir_not(b, IR_I1, c);
    IrVal n_word = bit_if(t, ir_and(b, IR_I1, not_c, ir_not(b, IR_I1, z)), SHIFT_N);
    IrVal z_word = bit_if(t, ir_and(b, IR_I1, z, c), SHIFT_Z);
    IrVal c_word = bit_if(t, ir_or(b, IR_I1, c, z), SHIFT_C);
    IrVal v_word = bit_if(t, ir_and(b, IR_I1, not_c, z), 0);

    put_word(t, or_v(t, or_v(t, or_v(t, n_word, z_word), c_word), v_word));
}
