#include "tcg/interp/interp_priv.h"

#include "tcg/interp/eval_xv.h"
#include "tcg/ir/eval.h"

/* Of x86's exceptions, those that are not masked stop the instruction; if it is for its operands, nothing is
 * said of its result. */
static bool raise_flags(Interp *x, unsigned at, uint32_t flags)
{
    enum { OPERANDS = IR_FF_INVALID | IR_FF_DENORM | IR_FF_DIVZERO };
    uint32_t unmasked = x->r->nan == IR_NAN_X86 ? flags & ~(uint32_t)(x->m->mxcsr >> 7) : 0;
    *x->m->ff |= unmasked & OPERANDS ? flags & OPERANDS : flags;
    if (LIKELY(!unmasked))
        return true;
    x->ret->addr = unmasked & OPERANDS ? unmasked & OPERANDS : unmasked;
    return interp_end(x, IR_RUN_FLOAT, at);
}

bool interp_fp(Interp *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrFpEnv env = {.nan = x->r->nan, .fp = x->r->fp, .round = (uint8_t)*x->m->frm, .mxcsr = x->m->mxcsr};
    unsigned sig = ir_op_info[i->op].sig;
    uint32_t flags = 0;
    IrVec arg[3] = {0}, v;
    for (unsigned k = 0; k < ir_operand_count(i); k++)
        if (i->arg[k])
            arg[k] = interp_vec_get(x, i->arg[k]);
    bool ok = sig == IR_SIG_XV || sig == IR_SIG_XFL ? ir_eval_xv(i, env, arg, &v, &flags)
                                                    : ir_eval_vfp(i, env, arg, &v, &flags);
    if (!ok)
        return interp_end(x, IR_RUN_BAD, at);
    interp_vec_set(x, (IrVal)at, v);
    return raise_flags(x, at, flags);
}
