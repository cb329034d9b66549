#include "tcg/interp/interp_priv.h"

#include "tcg/ir/eval.h"

bool interp_fp(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrFpEnv env = {.nan = x->r->nan, .fp = x->r->fp, .round = (uint8_t)*x->m->frm};
    uint32_t flags = 0;
    IrVec arg[3] = {0}, v;
    for (unsigned k = 0; k < ir_operand_count(i); k++)
        arg[k] = interp_vec_get(x, i->arg[k]);
    if (!ir_eval_vfp(i, env, arg, &v, &flags))
        return interp_end(x, IR_RUN_BAD, at);
    interp_vec_set(x, (IrVal)at, v);
    *x->m->ff |= flags;
    return true;
}
