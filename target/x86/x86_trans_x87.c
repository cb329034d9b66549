/* x87: a call of C for each instruction (x86_fpu.c). */
#include "target/x86/x86_trans.h"

void x86_trans_x87(Trans *t, const X86Insn *x)
{
    IrVal at = x->mod == 3 ? x86_c(t, IR_I64, 0) : x86_linear64(t, x);
    IrVal args[] = {x86_c(t, IR_I32, x->row->arg << 8 | x->modrm), at};
    ir_call(t->b, X86_HELPER_x87, args, 2);
}

/* As fnop, which waits. */
void x86_trans_x87_wait(Trans *t, const X86Insn *x)
{
    IrVal args[] = {x86_c(t, IR_I32, 1 << 8 | 0xd0), x86_c(t, IR_I64, 0)};
    ir_call(t->b, X86_HELPER_x87, args, 2);
}
