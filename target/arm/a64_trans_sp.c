/* SP alignment checking (Arm ARM, D1 "SP alignment checking"; SCTLR_ELx.SA, SA0): a load or store by SP
 * raises unless SP is a multiple of 16.
 *
 * Programs keep it one, so code is made for that, and checks nothing where SP is used. What may change its
 * low bits looks at them afterwards, and leaves; ARM_CTX_SP64 in the context word says that they are not 0,
 * and code for that looks at each use, until they are 0 again. */
#include "target/arm/a64_trans_priv.h"

enum { SP_LOW = 15 };

bool a64_checks_sp(uint32_t bits)
{
    bool memory = (bits & 0x0a000000) == 0x08000000, literal = (bits & 0x3b000000) == 0x18000000;
    bool authenticated = (bits & 0x00200400) == 0x00200400; /* LDRAA and LDRAB, not prefetches */
    bool prefetch = (bits & 0xfec00000) == 0xf8800000 && !authenticated;
    return memory && !literal && !prefetch && (bits >> 5 & 31) == ARM_ZR_SP;
}

/* Write-back of the base, by a constant or (structures) a register. */
static bool writes_back(A64Insn insn, const A64Args *a)
{
    uint32_t bits = a->bits;
    if (insn == A64_stlr_pre || insn == A64_ldapr_post || insn == A64_stilp || insn == A64_ldiapp)
        return true;
    if ((bits & 0xbe800000) == 0x0c800000 && a->rm != ARM_ZR_SP)
        return true;
    bool pair = (bits & 0x3a800000) == 0x28800000, single = (bits & 0x3b200400) == 0x38000400;
    bool authenticated = (bits & 0xff200c00) == 0xf8200c00, structure = (bits & 0xbe800000) == 0x0c800000;
    return (pair || single || authenticated || structure) && (a->imm & SP_LOW);
}

/* May the low bits of SP be others behind it? */
static bool moves_sp(A64Insn insn, const A64Args *a)
{
    bool whole = a->sf && !(a->imm & SP_LOW);
    switch (insn) {
    case A64_add_imm:
    case A64_sub_imm: return a->rd == ARM_ZR_SP && !(whole && a->rn == ARM_ZR_SP);
    case A64_and_imm: return a->rd == ARM_ZR_SP && !whole;
    case A64_orr_imm:
    case A64_eor_imm:
    case A64_add_ext:
    case A64_sub_ext:
    case A64_addg:
    case A64_subg:
    case A64_irg: return a->rd == ARM_ZR_SP;
    default: return a64_checks_sp(a->bits) && writes_back(insn, a);
    }
}

static IrVal is_aligned(Trans *t)
{
    IrVal low = ir_and(t->b, IR_I64, a64_x_sp(t, ARM_ZR_SP), a64_imm(t, SP_LOW));
    return ir_cmp(t->b, IR_EQ, low, a64_imm(t, 0));
}

void a64_sp_before(Trans *t, const A64Args *a)
{
    if ((t->ctx & ARM_CTX_SP64) && a64_checks_sp(a->bits))
        ir_exit_if(t->b, ir_not(t->b, IR_I1, is_aligned(t)), ir_exit_raise(t->b, t->pc, CPU_EXIT_MISALIGNED),
                   false);
}

void a64_sp_after(Trans *t, A64Insn insn, const A64Args *a)
{
    if (t->flow.kind != FLOW_NEXT || !moves_sp(insn, a))
        return;
    IrVal aligned = is_aligned(t), changed = t->ctx & ARM_CTX_SP64 ? aligned : ir_not(t->b, IR_I1, aligned);
    ir_exit_if(t->b, changed, ir_exit_raise(t->b, t->next, CPU_EXIT_CTX), false);
}
