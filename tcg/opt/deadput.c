#include "tcg/ir/build.h"
#include "tcg/opt/passes.h"

/* Can this op show guest state to someone: a fault, a way out, a helper? */
static bool observes(const IrRegion *r, const IrInsn *i)
{
    unsigned flags = ir_op_info[i->op].flags;
    if (flags & IR_F_CALL)
        return r->helpers[i->imm].flags & (IR_H_STATE | IR_H_STATUS | IR_H_PC);
    return flags & (IR_F_FAULT | IR_F_TERM);
}

void ir_opt_dead_puts(IrRegion *r)
{
    /* slot's value is overwritten below, and nothing looked in between, when over[slot] == epoch */
    uint16_t over[IR_MAX_SLOTS];
    uint16_t epoch = 1;
    memset(over, 0, r->n_slots * sizeof over[0]);
    for (unsigned at = r->n_insns; --at > 0;) {
        IrInsn *i = &r->insn[at];
        if (i->op == IR_PUT) {
            if (over[i->imm] == epoch)
                *i = (IrInsn){.op = IR_NOP};
            else
                over[i->imm] = epoch;
        } else if (i->op == IR_GET) {
            over[i->imm] = 0;
        } else if (observes(r, i)) {
            epoch++;
        }
    }
}
