/* Arm ARM, "Branches, Exception Generating and System instructions": branches and exceptions. */
#include "target/arm/a64_trans.h"

void a64_trans_b(Trans *t, const A64Args *a)
{
    t->flow.kind = FLOW_JUMP;
    t->flow.target = t->pc + (uint64_t)a->imm;
}

void a64_trans_bl(Trans *t, const A64Args *a)
{
    t->flow.kind = FLOW_CALL;
    t->flow.target = t->pc + (uint64_t)a->imm;
    a64_put_x(t, ARM_LR, a64_pc_value(t, t->next));
}

static void branch(Trans *t, const A64Args *a, IrVal taken)
{
    t->flow.target = t->pc + (uint64_t)a->imm;
    t->flow.cond = taken;
    if (!ir_is_const(t->b->r, taken))
        t->flow.kind = FLOW_BRANCH;
    else if (ir_const_value(t->b->r, taken))
        t->flow.kind = FLOW_JUMP;
}

void a64_trans_b_cond(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;

    branch(t, a,
           a->kind >= IR_FL_AL ? ir_const(b, IR_I1, 1)
                               : ir_flcc(b, ir_get(b, ARM_SLOT_FL), (IrFlCond)a->kind));
}

static void compare_zero(Trans *t, const A64Args *a, IrCond cond)
{
    IrVal v = a64_r(t, a->sf, a->rd);

    branch(t, a, ir_cmp(t->b, cond, v, ir_const(t->b, a64_type(a), 0)));
}
void a64_trans_cbz(Trans *t, const A64Args *a) { compare_zero(t, a, IR_EQ); }
void a64_trans_cbnz(Trans *t, const A64Args *a) { compare_zero(t, a, IR_NE); }

/* The low half serves for bits 31..0; the sign bit is a comparison. */
static void test_bit(Trans *t, const A64Args *a, bool set)
{
    IrBuilder *b = t->b;
    IrType type = a->sf ? IR_I64 : IR_I32;
    IrVal v = a64_r(t, a->sf, a->rd), zero = ir_const(b, type, 0);

    if (a->amount == (a->sf ? 63 : 31)) {
        branch(t, a, ir_cmp(b, set ? IR_LT : IR_GE, v, zero));
        return;
    }
    v = ir_and(b, type, v, ir_const(b, type, (int64_t)(1ull << a->amount)));
    branch(t, a, ir_cmp(b, set ? IR_NE : IR_EQ, v, zero));
}
void a64_trans_tbz(Trans *t, const A64Args *a) { test_bit(t, a, false); }
void a64_trans_tbnz(Trans *t, const A64Args *a) { test_bit(t, a, true); }

void a64_jump(Trans *t, IrVal target, IrHint hint)
{
    if (!a64_sys(t) && ir_known_target(t->b, target, &t->flow.target)) { /* a machine's are virtual */
        t->flow.kind = hint == IR_HINT_CALL ? FLOW_CALL : FLOW_JUMP;
    } else {
        t->flow.kind = FLOW_INDIRECT;
        t->flow.indirect = target;
        t->flow.hint = hint;
    }
    if (hint == IR_HINT_CALL)
        a64_put_x(t, ARM_LR, a64_pc_value(t, t->next));
}

void a64_trans_br(Trans *t, const A64Args *a) { a64_jump(t, a64_x(t, a->rn), IR_HINT_JUMP); }
void a64_trans_blr(Trans *t, const A64Args *a) { a64_jump(t, a64_x(t, a->rn), IR_HINT_CALL); }
void a64_trans_ret(Trans *t, const A64Args *a) { a64_jump(t, a64_x(t, a->rn), IR_HINT_RET); }

void a64_trans_svc(Trans *t, const A64Args *a)
{
    if (a64_sys(t))
        a64_svc_machine(t, a);
    else
        a64_raise(t, CPU_EXIT_SYSCALL);
}
void a64_trans_brk(Trans *t, const A64Args *a) { a64_raise(t, CPU_EXIT_BREAK); }
void a64_trans_hlt(Trans *t, const A64Args *a) { a64_illegal(t); } /* no external debugger */
void a64_trans_udf(Trans *t, const A64Args *a) { a64_illegal(t); }
