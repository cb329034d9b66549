/* Instructions that 64-bit mode has given up. Source: AMD64 APM volume 3. */
#include "target/x86/x86_trans.h"

/* arg: daa das aaa aas aam aad, by C */
void x86_trans_bcd(Trans *t, const X86Insn *x)
{
    IrVal args[] = {x86_c(t, IR_I32, x->row->arg), x86_c(t, IR_I32, (int64_t)(x->imm & 0xff))};
    ir_call(t->b, X86_HELPER_bcd, args, 2);
}

void x86_trans_pusha(Trans *t, const X86Insn *x)
{
    IrVal sp = x86_gpr(t, X86_RSP);
    int32_t n = x->opsize;
    for (int32_t r = 7; r >= 0; r--) /* the last first: where the stack ends nothing has been stored */
        x86_st(t, x86_stack_at(t, sp, -n * (r + 1), x->opsize), x->opsize,
               x86_reg(t, (unsigned)r, x->opsize, false));
    x86_drop(t, -8 * n);
}

/* The stack pointer that pusha has saved is skipped. */
void x86_trans_popa(Trans *t, const X86Insn *x)
{
    IrVal sp = x86_gpr(t, X86_RSP), v[8];
    int32_t n = x->opsize;
    for (int32_t r = 7; r >= 0; r--)
        v[r] = r == X86_RSP ? IR_NONE : x86_ld(t, x86_stack_at(t, sp, n * (7 - r), x->opsize), x->opsize);
    for (unsigned r = 0; r < 8; r++)
        if (r != X86_RSP)
            x86_put_reg(t, r, x->opsize, false, v[r]);
    x86_drop(t, 8 * n);
}

void x86_trans_bound(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    X86Addr a = x86_addr(t, x), behind = {a.base, a.disp + x->opsize, a.seg};
    IrVal v = x86_read(t, x, 0), low = x86_ld(t, a, x->opsize), high = x86_ld(t, behind, x->opsize);
    IrVal out = ir_or(b, IR_I1, ir_cmp(b, IR_LT, v, low), ir_cmp(b, IR_LT, high, v));
    ir_exit_if(b, out, ir_exit_raise(b, t->pc, CPU_EXIT_BOUND), false);
}

/* The greater of two privilege levels; ZF: there was something to do. */
void x86_trans_arpl(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal a = x86_read(t, x, 0), y = x86_read(t, x, 1), three = x86_c(t, IR_I16, 3);
    IrVal level = ir_and(b, IR_I16, y, three);
    IrVal less = ir_cmp(b, IR_LTU, ir_and(b, IR_I16, a, three), level);
    IrVal raised = ir_or(b, IR_I16, ir_and(b, IR_I16, a, x86_c(t, IR_I16, ~3)), level);
    IrVal word = ir_and(b, IR_I32, ir_flbits(b, x86_fl(t)), x86_c(t, IR_I32, ~IR_FL_Z));
    x86_write(t, x, 0, ir_select(b, less, raised, a));
    word = ir_or(b, IR_I32, word, ir_select(b, less, x86_c(t, IR_I32, IR_FL_Z), x86_c(t, IR_I32, 0)));
    x86_put_fl(t, ir_flmake(b, word));
}

/* #OF is a trap: pc is behind the instruction. */
void x86_trans_into(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (x86_sys(t)) {
        x86_sys_insn(t, x);
        return;
    }
    ir_exit_if(b, x86_cond(t, 0), ir_exit_raise(b, t->pc + x->len, CPU_EXIT_OVERFLOW), false);
}

void x86_trans_salc(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal v = ir_select(b, x86_cond(t, 2), x86_c(t, IR_I8, -1), x86_c(t, IR_I8, 0));
    x86_put_reg(t, X86_RAX, 1, false, v);
}

/* The kernel goes on at a place of its vDSO, not behind the instruction: LuAbi.skip_syscall. */
void x86_trans_sysenter(Trans *t, const X86Insn *x)
{
    if (x86_sys(t))
        x86_sys_insn(t, x);
    else
        x86_system_call(t);
}
