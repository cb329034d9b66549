/* x87: each instruction is the host's own (IR_UNIT), but for those that store or load the environment, which
 * names instructions. */
#include "target/x86/x86_fpu.h"
#include "target/x86/x86_trans.h"

IrVal x86_unit(Trans *t, const X86Insn *x, IrType type, uint32_t enc, IrVal v)
{
    if (x86_sys(t) && enc >> 30 != 3) { /* the host's instruction would not see the TLB */
        ir_call(t->b, X86_HELPER_unit_memory, (IrVal[]){x86_c(t, IR_I64, enc), x86_linear64(t, x)}, 2);
        return IR_NONE;
    }
    return ir_unit(t->b, type, enc, X86_HELPER_unit, enc >> 30 == 3 ? IR_NONE : x86_linear(t, x), v);
}

void x86_unit_wait(Trans *t)
{
    ir_unit(t->b, IR_VOID, IR_UNIT(0, 0, 0x9b, 0xc0), X86_HELPER_unit, IR_NONE, IR_NONE); /* fwait */
}

unsigned x86_pointers(const X86Insn *x)
{
    return x->rex & 8 ? 0 : X86_XSAVE_NARROW;
}

void x86_trans_x87_wait(Trans *t, const X86Insn *x)
{
    x86_unit_wait(t);
}

/* fldenv fnstenv, frstor fnsave */
static bool is_env(unsigned opc, unsigned op)
{
    return (opc == 1 || opc == 5) && (op == 4 || op == 6);
}

static void on_memory(Trans *t, const X86Insn *x, unsigned opc)
{
    unsigned op = x->modrm >> 3 & 7;
    if (!is_env(opc, op)) {
        x86_unit(t, x, IR_VOID, IR_UNIT(0, 0, 0xd8 + opc, op << 3), IR_NONE);
        return;
    }
    IrVal args[] = {x86_c(t, IR_I32, (op == 6) | (opc == 5) << 1 | (x->opsize == 2) << 2),
                    x86_linear64(t, x)};
    ir_call(t->b, X86_HELPER_x87_env, args, 2);
}

void x86_trans_x87(Trans *t, const X86Insn *x)
{
    unsigned opc = x->row->arg, op = x->modrm >> 3 & 7;
    uint32_t enc = IR_UNIT(0, 0, 0xd8 + opc, x->modrm);
    if (x->mod != 3)
        on_memory(t, x, opc);
    else if (opc == 7 && op == 4) /* fnstsw ax */
        x86_put_reg(t, X86_RAX, 2, false, ir_trunc(t->b, IR_I16, x86_unit(t, x, IR_I32, enc, IR_NONE)));
    else if ((opc == 3 || opc == 7) && (op == 5 || op == 6)) /* fcomi and its like */
        x86_put_fl(t, x86_unit(t, x, IR_FL, enc, IR_NONE));
    else if ((opc == 2 || opc == 3) && op < 4) /* fcmov */
        x86_unit(t, x, IR_VOID, enc, x86_fl(t));
    else
        x86_unit(t, x, IR_VOID, enc, IR_NONE);
}
