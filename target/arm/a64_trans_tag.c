/* Arm ARM, FEAT_MTE: arithmetic on address tags (bits 59..56). Tag access is not enabled, so tags that an
 * instruction would choose are 0. Loads and stores of tags are in a64_trans_mem.c. */
#include "target/arm/a64_trans.h"

static IrVal untagged(Trans *t, IrVal v) { return ir_and(t->b, IR_I64, v, a64_imm(t, ~(15ll << 56))); }

void a64_trans_addg(Trans *t, const A64Args *a)
{
    IrVal v = a64_x_sp(t, a->rn);

    a64_put_x_sp(t, a->rd, untagged(t, ir_add(t->b, IR_I64, v, a64_imm(t, a->imm))));
}
void a64_trans_subg(Trans *t, const A64Args *a)
{
    IrVal v = a64_x_sp(t, a->rn);

    a64_put_x_sp(t, a->rd, untagged(t, ir_sub(t->b, IR_I64, v, a64_imm(t, a->imm))));
}
void a64_trans_irg(Trans *t, const A64Args *a) { a64_put_x_sp(t, a->rd, untagged(t, a64_x_sp(t, a->rn))); }

void a64_trans_gmi(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrVal v = a64_x_sp(t, a->rn), tag = ir_shr(b, IR_I64, v, a64_imm(t, 56)), bit;

    tag = ir_and(b, IR_I64, tag, a64_imm(t, 15));
    bit = ir_shl(b, IR_I64, a64_imm(t, 1), tag);
    a64_put_x(t, a->rd, ir_or(b, IR_I64, a64_x(t, a->rm), bit));
}

/* Difference of two addresses of 56 bits, sign-extended */
static IrVal low_56(Trans *t, IrVal v)
{
    IrVal eight = a64_imm(t, 8);

    return ir_sar(t->b, IR_I64, ir_shl(t->b, IR_I64, v, eight), eight);
}

static void subtract_pointers(Trans *t, const A64Args *a, bool flags)
{
    IrVal n = low_56(t, a64_x_sp(t, a->rn)), m = low_56(t, a64_x_sp(t, a->rm));

    if (flags)
        ir_put(t->b, ARM_SLOT_FL, ir_flsub(t->b, n, m));
    a64_put_x(t, a->rd, ir_sub(t->b, IR_I64, n, m));
}
void a64_trans_subp(Trans *t, const A64Args *a) { subtract_pointers(t, a, false); }
void a64_trans_subps(Trans *t, const A64Args *a) { subtract_pointers(t, a, true); }
