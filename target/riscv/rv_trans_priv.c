/* The privileged manual's instructions, and the CSR instructions of a machine, which are one helper: most
 * CSRs have checks or effects. In user mode all of these are illegal. */
#include "target/riscv/rv_csr.h"
#include "target/riscv/rv_sys.h"
#include "target/riscv/rv_trans.h"

/* The helper goes on elsewhere, or in another context: nothing of this region follows. */
static void leave(Trans *t, unsigned helper, const IrVal *args, unsigned n)
{
    ir_call(t->b, helper, args, n);
    t->flow.kind = FLOW_STOP;
}

static bool below(Trans *t, unsigned priv)
{
    if ((t->ctx & RV_CTX_SYS) && rv_priv(t) >= priv)
        return false;
    rv_raise(t, CPU_EXIT_ILLEGAL);
    return true;
}

void rv_trans_mret(Trans *t, const RvArgs *a)
{
    IrVal from = rv_imm(t, RV_M);

    if (!below(t, RV_M))
        leave(t, RV_HELPER_xret, &from, 1);
}

void rv_trans_sret(Trans *t, const RvArgs *a)
{
    IrVal from = rv_imm(t, RV_S);

    if (!below(t, RV_S))
        leave(t, RV_HELPER_xret, &from, 1);
}

void rv_trans_wfi(Trans *t, const RvArgs *a)
{
    if (!below(t, RV_S))
        leave(t, RV_HELPER_wfi, NULL, 0);
}

void rv_trans_sfence_vma(Trans *t, const RvArgs *a)
{
    RvPair x = rv_x12(t, a);
    IrVal args[] = {x.rs1, x.rs2, rv_imm(t, (a->rs1 ? 1 : 0) | (a->rs2 ? 2 : 0))};

    if (!below(t, RV_S))
        leave(t, RV_HELPER_sfence_vma, args, 3);
}

void rv_trans_ecall_machine(Trans *t) { leave(t, RV_HELPER_ecall, NULL, 0); }

/* Each sinval.vma is done at once. */
void rv_trans_sfence_inval(Trans *t, const RvArgs *a) { below(t, RV_S); }

/* ---- CSRs in line ---- */

enum { CSR_SSTATUS = 0x100 };

typedef struct CsrSlot {
    int slot; /* -1: by the helper */
    uint64_t writable;
} CsrSlot;

static CsrSlot csr_slot(unsigned number)
{
    switch (number) {
#define CSR_CASE_SLOT(id, number, bits) case number: return (CsrSlot){RV_SLOT_##id, bits};
#define CSR_CASE_PLAIN(id, number, bits)
#define CSR_CASE_CTX(id, number, bits)
#define CSR_CASE_CONST(id, number, bits)
#define CSR_CASE_FN(id, number, bits)
#define PCSR(id, name, number, how, field, bits) CSR_CASE_##how(id, number, bits)
#include "target/riscv/rv_priv_csrs.def"
#undef PCSR
    default: return (CsrSlot){.slot = -1};
    }
}

static IrVal masked(Trans *t, IrVal v, uint64_t bits)
{
    return bits == ~0ull ? v : ir_and(t->b, IR_I64, v, rv_imm(t, (int64_t)bits));
}

static void slot_insn(Trans *t, const RvArgs *a, CsrSlot s, unsigned how, IrVal operand, bool write)
{
    IrBuilder *b = t->b;
    IrVal old = ir_get(b, (unsigned)s.slot), v = masked(t, operand, s.writable);

    rv_put_x(t, a->rd, old);
    if (!write)
        return;
    if (how == 0 && s.writable != ~0ull)
        v = ir_or(b, IR_I64, masked(t, old, ~s.writable), v);
    else if (how == 1)
        v = ir_or(b, IR_I64, old, v);
    else if (how == 2)
        v = ir_and(b, IR_I64, old, ir_not(b, IR_I64, v));
    ir_put(b, (unsigned)s.slot, v);
}

/* Bits that v may have, as far as can be told here. */
static uint64_t possible_bits(const Trans *t, IrVal v)
{
    const IrRegion *r = t->b->r;
    if (ir_is_const(r, v))
        return (uint64_t)ir_const_value(r, v);
    const IrInsn *i = &r->insn[v];
    if (i->op == IR_AND && ir_is_const(r, i->b))
        return (uint64_t)ir_const_value(r, i->b);
    return ~0ull;
}

/* Leaves behind this instruction if an interrupt to the supervisor is pending now that `status` is
 * mstatus. What another thread raises after these reads comes with a kick. */
static void let_interrupts_in(Trans *t, IrVal status)
{
    IrBuilder *b = t->b;
    IrVal up = ir_or(b, IR_I64, ir_get(b, RV_SLOT_LINES), ir_get(b, RV_SLOT_SOFT));
    IrVal wanted = ir_and(b, IR_I64, ir_get(b, RV_SLOT_MIE), ir_get(b, RV_SLOT_MIDELEG));
    IrVal due = ir_and(b, IR_I64, up, wanted);
    IrVal sie = ir_and(b, IR_I64, status, rv_imm(t, RV_SIE));
    due = ir_select(b, ir_cmp(b, IR_NE, sie, rv_imm(t, 0)), due, rv_imm(t, 0));
    ir_put(b, RV_SLOT_MSTATUS, status);
    ir_exit_if(b, ir_cmp(b, IR_NE, due, rv_imm(t, 0)), ir_exit_raise(b, t->next, CPU_EXIT_KICK), false);
}

/* sstatus, where nothing changes that code depends on. False: the helper has to look. */
static bool sstatus_insn(Trans *t, const RvArgs *a, unsigned how, IrVal operand, bool write)
{
    const uint64_t simple = RV_SIE | RV_SPIE | RV_SPP;
    IrBuilder *b = t->b;
    if (write && (how == 0 || (possible_bits(t, operand) & RV_SSTATUS_WRITE & ~simple)))
        return false;
    bool dirty = !(t->ctx & (RV_CTX_FS_OFF | RV_CTX_FS_CLEAN));
    IrVal m = ir_get(b, RV_SLOT_MSTATUS);
    if (a->rd) {
        IrVal v = ir_and(b, IR_I64, m, rv_imm(t, (int64_t)(RV_SSTATUS_READ & ~RV_SD)));
        rv_put_x(t, a->rd, dirty ? ir_or(b, IR_I64, v, rv_imm(t, (int64_t)RV_SD)) : v);
    }
    if (!write)
        return true;
    IrVal bits = ir_and(b, IR_I64, operand, rv_imm(t, (int64_t)simple));
    if (how == 2)
        ir_put(b, RV_SLOT_MSTATUS, ir_and(b, IR_I64, m, ir_not(b, IR_I64, bits)));
    else if (possible_bits(t, operand) & RV_SIE)
        let_interrupts_in(t, ir_or(b, IR_I64, m, bits));
    else
        ir_put(b, RV_SLOT_MSTATUS, ir_or(b, IR_I64, m, bits));
    return true;
}

void rv_trans_csr_machine(Trans *t, const RvArgs *a, unsigned how, IrVal operand, bool operand_is_x0)
{
    unsigned level = a->csr >> 8 & 3;
    bool write = how == 0 || !operand_is_x0;

    if (rv_priv(t) < level || (write && a->csr >> 10 == 3)) {
        rv_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    CsrSlot s = csr_slot(a->csr);
    if (s.slot >= 0) {
        slot_insn(t, a, s, how, operand, write);
        return;
    }
    if (a->csr == CSR_SSTATUS && sstatus_insn(t, a, how, operand, write))
        return;
    IrVal args[] = {operand, rv_imm(t, RV_CSR_ARG(a->csr, a->rd, how, write))};
    ir_call(t->b, RV_HELPER_csr, args, 2);
}
