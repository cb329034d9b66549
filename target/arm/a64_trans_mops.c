/* Arm ARM, "Memory Copy and Memory Set instructions" (FEAT_MOPS), option A: the prologue makes Xn negative
 * for a forward operation and adds the size to the addresses; NZCV is 0.
 *
 * How much each of the three instructions does is the implementation's choice. Here the prologue does all of
 * it, by one helper, and leaves nothing: Xn = 0. The others look whether something is left, which is known at
 * translation where they stand behind their prologue. If something is, they are executed alone, in a region
 * of their own, by a helper that does the work and writes the registers (arm_mops.c). */
#include "target/arm/a64_trans.h"

/* Largest sizes; greater ones are taken as these. */
#define COPY_MAX 0x007fffffffffffffll
#define SET_MAX 0x7fffffffffffffffll

static IrVal at_most(Trans *t, IrVal v, int64_t max)
{
    IrVal m = a64_imm(t, max);

    return ir_select(t->b, ir_cmp(t->b, IR_LTU, v, m), v, m);
}

static void finish(Trans *t, const A64Args *a)
{
    a64_put_x(t, a->rn, a64_imm(t, 0));
    ir_put(t->b, ARM_SLOT_FL, ir_const(t->b, IR_FL, 0));
}

/* Bit 26: CPY, which copies in the direction that overlapping needs; else CPYF, forward. */
static void copy_prologue(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    bool both = a->bits >> 26 & 1;
    IrVal to = a64_x(t, a->rd), from = a64_x(t, a->rm), size = a64_x(t, a->rn), args[4], back, ahead;

    size = at_most(t, size, both ? COPY_MAX : SET_MAX);
    ahead = size;
    if (both) { /* backward: 0 < to - from < size, on 56 bits; the addresses then stay */
        IrVal eight = a64_imm(t, 8), distance = ir_shl(b, IR_I64, ir_sub(b, IR_I64, to, from), eight);
        IrVal zero = a64_imm(t, 0), differs = ir_cmp(b, IR_NE, distance, zero);
        distance = ir_shr(b, IR_I64, distance, eight);
        back = ir_and(b, IR_I1, ir_cmp(b, IR_LTU, distance, size), differs);
        ahead = ir_select(b, back, zero, size);
    }
    args[0] = to;
    args[1] = from;
    args[2] = size;
    args[3] = ir_const(b, IR_I32, both);
    ir_call(b, ARM_HELPER_copy, args, 4);
    a64_put_x(t, a->rd, ir_add(b, IR_I64, to, ahead));
    a64_put_x(t, a->rm, ir_add(b, IR_I64, from, ahead));
    finish(t, a);
}

/* Bit 26: SETG, which sets tags as well: 16-byte granules. */
static void set_prologue(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrVal to = a64_x(t, a->rd), byte = a64_x(t, a->rm), size = a64_x(t, a->rn), args[3];

    size = at_most(t, size, SET_MAX);
    if (a->bits >> 26 & 1) {
        IrVal nothing = ir_cmp(b, IR_EQ, size, a64_imm(t, 0));
        a64_check_aligned(t, ir_select(b, nothing, size, ir_or(b, IR_I64, to, size)), 16);
    }
    args[0] = to;
    args[1] = byte;
    args[2] = size;
    ir_call(b, ARM_HELPER_fill, args, 3);
    a64_put_x(t, a->rd, ir_add(b, IR_I64, to, size));
    finish(t, a);
}

static void rest(Trans *t, const A64Args *a, ArmHelper helper)
{
    IrBuilder *b = t->b;
    IrVal args[1];

    if (t->pc != b->r->pc) {
        IrVal left = ir_cmp(b, IR_NE, a64_x(t, a->rn), a64_imm(t, 0));
        ir_exit_if(b, left, ir_exit_direct(b, t->pc, true), false);
        return;
    }
    args[0] = ir_const(b, IR_I32, a->rd | a->rn << 5 | a->rm << 10);
    ir_call(b, helper, args, 1);
}

void a64_trans_cpyp(Trans *t, const A64Args *a) { copy_prologue(t, a); }
void a64_trans_cpym(Trans *t, const A64Args *a) { rest(t, a, ARM_HELPER_copy_rest); }
void a64_trans_cpye(Trans *t, const A64Args *a) { rest(t, a, ARM_HELPER_copy_rest); }
void a64_trans_setp(Trans *t, const A64Args *a) { set_prologue(t, a); }
void a64_trans_setm(Trans *t, const A64Args *a) { rest(t, a, ARM_HELPER_fill_rest); }
void a64_trans_sete(Trans *t, const A64Args *a) { rest(t, a, ARM_HELPER_fill_rest); }
