#include "tcg/opt/passes.h"

/* Operands used before their definition in the order of the array: only possible with blocks out of order. */
static void mark_backward_uses(const IrRegion *r, uint8_t *live)
{
    for (unsigned at = 1; at < r->n_insns; at++) {
        const IrInsn *i = &r->insn[at];
        for (unsigned k = 0; k < ir_operand_count(i); k++)
            live[i->arg[k]] |= i->arg[k] > at;
    }
}

static bool has_effect(const IrRegion *r, const IrInsn *i)
{
    if (i->op == IR_CALL)
        return r->helpers[i->imm].flags != IR_H_PURE;
    return ir_op_info[i->op].flags & (IR_F_EFFECT | IR_F_FPX) || i->op == IR_PARAM;
}

void ir_opt_dce(IrRegion *r)
{
    uint8_t live[IR_MAX_INSNS];
    memset(live, 0, r->n_insns);
    if (r->n_blocks > 1)
        mark_backward_uses(r, live);
    for (unsigned at = r->n_insns; --at > 0;) {
        IrInsn *i = &r->insn[at];
        if (!live[at] && !has_effect(r, i)) {
            *i = (IrInsn){.op = IR_NOP};
            continue;
        }
        /* marks for attributes that look like operands do no harm, but there are none below the operand
         * count */
        for (unsigned k = 0, n = ir_operand_count(i); k < n; k++)
            live[i->arg[k]] = 1;
        if (i->op == IR_BR)
            for (unsigned k = 0; k < i->misc; k++)
                live[r->args[i->a + k]] = 1;
    }
}
