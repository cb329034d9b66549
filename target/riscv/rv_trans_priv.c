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

/* Each sinval.vma is done at once. */
void rv_trans_sfence_inval(Trans *t, const RvArgs *a) { below(t, RV_S); }

void rv_trans_csr_machine(Trans *t, const RvArgs *a, unsigned how, IrVal operand, bool operand_is_x0)
{
    unsigned level = a->csr >> 8 & 3;
    bool write = how == 0 || !operand_is_x0;

    if (rv_priv(t) < level || (write && a->csr >> 10 == 3)) {
        rv_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    IrVal args[] = {operand, rv_imm(t, RV_CSR_ARG(a->csr, a->rd, how, write))};
    ir_call(t->b, RV_HELPER_csr, args, 2);
}
