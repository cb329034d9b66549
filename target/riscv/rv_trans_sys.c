/* Chapters "Zicsr", "Zicntr", environment call and breakpoint, and the floating-point CSRs of "F".
 *
 * The sticky flags live in the host's FP environment while the cpu runs (ffget, ffput). The rounding mode has
 * a slot that holds what the guest wrote; a change between the classes IEEE mode (0..3), ties away (4) and
 * reserved (5..7) is a change of context and leaves the region, since dynamic rounding was translated for the
 * class.
 */
#include "target/riscv/rv_csr.h"
#include "target/riscv/rv_trans.h"

typedef enum RvCsr {
#define CSR(id, name, number, xlen) CSR_##id = number,
#include "target/riscv/rv_csrs.def"
#undef CSR
} RvCsr;

void rv_trans_ecall(Trans *t, const RvArgs *a)
{
    if (t->ctx & RV_CTX_SYS)
        rv_trans_ecall_machine(t);
    else
        rv_raise(t, CPU_EXIT_SYSCALL);
}
void rv_trans_ebreak(Trans *t, const RvArgs *a) { rv_raise(t, CPU_EXIT_BREAK); }

/* fflags has NX UF OF DZ from bit 0 up, IR_FF_* has them from bit 5 down, so four bits are reversed, by a
 * table of sixteen nibbles in one word: nibble i holds i reversed. The fifth flag, NV, is bit 4 here and bit
 * 0 there. */
#define REVERSED_NIBBLES ((int64_t)0xf7b3d591e6a2c480)
_Static_assert(IR_FF_INEXACT == 32 && IR_FF_UNDERFLOW == 16 && IR_FF_OVERFLOW == 8 && IR_FF_DIVZERO == 4 &&
                   IR_FF_INVALID == 1,
               "order of IR_FF_*");

static IrVal and_imm(IrBuilder *b, IrVal v, int64_t c)
{
    return ir_and(b, IR_I64, v, ir_const(b, IR_I64, c));
}
static IrVal shl_imm(IrBuilder *b, IrVal v, int64_t c)
{
    return ir_shl(b, IR_I64, v, ir_const(b, IR_I64, c));
}
static IrVal shr_imm(IrBuilder *b, IrVal v, int64_t c)
{
    return ir_shr(b, IR_I64, v, ir_const(b, IR_I64, c));
}

/* The nibble whose number times four is `index4`. */
static IrVal reversed_nibble(IrBuilder *b, IrVal index4)
{
    return and_imm(b, ir_shr(b, IR_I64, ir_const(b, IR_I64, REVERSED_NIBBLES), index4), 15);
}

IrVal rv_read_fflags(Trans *t)
{
    IrBuilder *b = t->b;
    IrVal ff = ir_zext(b, IR_I64, ir_ffget(b));
    IrVal nibble = reversed_nibble(b, and_imm(b, ff, 15 << 2));

    return ir_or(b, IR_I64, nibble, shl_imm(b, and_imm(b, ff, IR_FF_INVALID), 4));
}

static void write_fflags(Trans *t, IrVal v)
{
    IrBuilder *b = t->b;
    IrVal nibble = shl_imm(b, reversed_nibble(b, shl_imm(b, and_imm(b, v, 15), 2)), 2);
    IrVal invalid = and_imm(b, shr_imm(b, v, 4), IR_FF_INVALID);

    ir_ffput(b, ir_trunc(b, IR_I32, ir_or(b, IR_I64, nibble, invalid)));
}

/* frm = v, its low three bits. Last op of its instruction: it commits, and leaves when the class changes. */
static void write_frm(Trans *t, IrVal v)
{
    IrBuilder *b = t->b;
    IrVal frm = ir_and(b, IR_I32, ir_trunc(b, IR_I32, v), ir_const(b, IR_I32, 7));
    IrVal four = ir_const(b, IR_I32, 4), host, leave;

    host = ir_select(b, ir_cmp(b, IR_LTU, frm, four), frm, ir_const(b, IR_I32, IR_RNE));
    if (t->ctx & RV_CTX_FRM_RMM)
        leave = ir_cmp(b, IR_NE, frm, four);
    else if (t->ctx & RV_CTX_FRM_BAD)
        leave = ir_cmp(b, IR_LEU, frm, four);
    else
        leave = ir_cmp(b, IR_GEU, frm, four);
    ir_put(b, RV_SLOT_FRM, frm);
    ir_frmput(b, host);
    ir_exit_if(b, leave, ir_exit_raise(b, t->next, CPU_EXIT_CTX), false);
}

static IrVal read_frm(Trans *t) { return ir_zext(t->b, IR_I64, ir_get(t->b, RV_SLOT_FRM)); }

/* The upper halves that RV32 reads through separate CSRs. */
static IrVal counter(Trans *t, RvHelper helper, bool high)
{
    IrVal v = ir_call(t->b, helper, NULL, 0);

    return high ? ir_shr(t->b, IR_I64, v, rv_imm(t, 32)) : v;
}

/* False: no such CSR. */
static bool read_csr(Trans *t, unsigned csr, IrVal *ret_value)
{
    IrBuilder *b = t->b;
    bool high = csr >= CSR_cycleh && csr <= CSR_instreth;

    if (high && !rv_is_32(t))
        return false;
    switch (csr) {
    case CSR_fflags: *ret_value = rv_read_fflags(t); return true;
    case CSR_frm: *ret_value = read_frm(t); return true;
    case CSR_fcsr:
        *ret_value = ir_or(b, IR_I64, rv_read_fflags(t), ir_shl(b, IR_I64, read_frm(t), rv_imm(t, 5)));
        return true;
    case CSR_time:
    case CSR_timeh: *ret_value = counter(t, RV_HELPER_time, high); return true;
    case CSR_cycle:
    case CSR_cycleh:
    case CSR_instret: /* instructions are not counted: a clock that never stands still, as on a machine with
                       * CPI 1 */
    case CSR_instreth: *ret_value = counter(t, RV_HELPER_cycle, high); return true;
    default: return false;
    }
}

/* The CSR instructions: rd = csr; csr = f(csr, operand). Set and clear with x0 or 0 as operand do not
 * write. */
typedef enum CsrHow { CSR_HOW_WRITE, CSR_HOW_SET, CSR_HOW_CLEAR } CsrHow;

static void csr_insn(Trans *t, const RvArgs *a, CsrHow how, IrVal operand, bool operand_is_x0)
{
    IrBuilder *b = t->b;
    bool write = how == CSR_HOW_WRITE || !operand_is_x0;
    bool read = how != CSR_HOW_WRITE || a->rd != 0;
    bool is_fp = a->csr >= CSR_fflags && a->csr <= CSR_fcsr;
    IrVal old = IR_NONE, v = operand;

    if (!is_fp && (t->ctx & RV_CTX_SYS)) {
        rv_trans_csr_machine(t, a, how, operand, operand_is_x0);
        return;
    }
    if (write && !is_fp) { /* the others are read-only or absent */
        rv_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    if (read && !read_csr(t, a->csr, &old)) {
        rv_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    if (how == CSR_HOW_SET)
        v = ir_or(b, IR_I64, old, operand);
    else if (how == CSR_HOW_CLEAR)
        v = ir_and(b, IR_I64, old, ir_not(b, IR_I64, operand));
    if (read)
        rv_put_x(t, a->rd, old);
    if (!write)
        return;
    if (a->csr != CSR_frm)
        write_fflags(t, v);
    if (a->csr == CSR_frm)
        write_frm(t, v);
    else if (a->csr == CSR_fcsr)
        write_frm(t, ir_shr(b, IR_I64, v, rv_imm(t, 5)));
}

void rv_trans_csrrw(Trans *t, const RvArgs *a) { csr_insn(t, a, CSR_HOW_WRITE, rv_x(t, a->rs1), !a->rs1); }
void rv_trans_csrrs(Trans *t, const RvArgs *a)
{
    if (a->csr == CSR_fflags && !a->rs1 && rv_fuse_quiet_compare(t, a))
        return;
    csr_insn(t, a, CSR_HOW_SET, rv_x(t, a->rs1), !a->rs1);
}
void rv_trans_csrrc(Trans *t, const RvArgs *a) { csr_insn(t, a, CSR_HOW_CLEAR, rv_x(t, a->rs1), !a->rs1); }
void rv_trans_csrrwi(Trans *t, const RvArgs *a) { csr_insn(t, a, CSR_HOW_WRITE, rv_imm(t, a->imm), !a->imm); }
void rv_trans_csrrsi(Trans *t, const RvArgs *a) { csr_insn(t, a, CSR_HOW_SET, rv_imm(t, a->imm), !a->imm); }
void rv_trans_csrrci(Trans *t, const RvArgs *a) { csr_insn(t, a, CSR_HOW_CLEAR, rv_imm(t, a->imm), !a->imm); }
