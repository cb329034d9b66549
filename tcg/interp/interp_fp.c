#include "tcg/interp/interp_priv.h"

#include "tcg/ir/eval.h"

bool interp_fp(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrFpEnv env = {.nan = x->r->nan, .fp = x->r->fp, .round = (uint8_t)*x->m->frm};
    uint64_t arg[3] = {x->val[i->a], x->val[i->b], x->val[i->c]};
    uint32_t flags = 0;
    if (!ir_eval_fp(i, env, arg, &x->val[at], &flags))
        return interp_end(x, IR_RUN_BAD, at);
    *x->m->ff |= flags;
    return true;
}
