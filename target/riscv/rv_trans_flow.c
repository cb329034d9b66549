/* Control transfer instructions of RV32I. With C, every even target is aligned.
 *
 * The link register convention (manual, "return-address stack prediction hints") tells calls and returns from
 * other jumps: x1 and x5 are link registers. */
#include "target/riscv/rv_trans.h"

static bool is_link(unsigned r) { return r == RV_RA || r == RV_T0; }

void rv_trans_jal(Trans *t, const RvArgs *a)
{
    t->flow.kind = is_link(a->rd) ? FLOW_CALL : FLOW_JUMP;
    t->flow.target = rv_pc(t, t->pc + (int64_t)a->imm);
    rv_put_x(t, a->rd, rv_pc_value(t, t->next));
}

/* Is v what rv_pc_value() makes? */
static bool rv_known_pc(const Trans *t, IrVal v, Gva *ret_pc)
{
    const IrRegion *r = t->b->r;
    const IrInsn *i = &r->insn[v], *get = &r->insn[i->a];

    if (!(t->ctx & RV_CTX_SYS))
        return ir_known_target(t->b, v, ret_pc);
    if (i->op != IR_ADD || get->op != IR_GET || get->imm != RV_SLOT_PC_DELTA || !ir_is_const(r, i->b))
        return false;
    *ret_pc = (Gva)ir_const_value(r, i->b);
    return true;
}

void rv_trans_jalr(Trans *t, const RvArgs *a)
{
    IrBuilder *b = t->b;
    IrVal sum = ir_add(b, IR_I64, rv_x(t, a->rs1), rv_imm(t, a->imm));
    IrVal target = ir_and(b, IR_I64, sum, rv_imm(t, -2));

    if (rv_is_32(t))
        target = ir_zext(b, IR_I64, ir_trunc(b, IR_I32, target));
    Gva known;
    if (rv_known_pc(t, sum, &known)) { /* auipc; jalr */
        t->flow.kind = is_link(a->rd) ? FLOW_CALL : FLOW_JUMP;
        t->flow.target = rv_pc(t, known & ~(Gva)1);
    } else {
        t->flow.kind = FLOW_INDIRECT;
        t->flow.indirect = target;
        t->flow.hint = is_link(a->rd)                            ? IR_HINT_CALL
                       : is_link(a->rs1) && a->rs1 != a->rd ? IR_HINT_RET
                                                            : IR_HINT_JUMP;
    }
    rv_put_x(t, a->rd, rv_pc_value(t, t->next));
}

static void branch(Trans *t, const RvArgs *a, IrCond cond)
{
    RvPair x = rv_x12(t, a);
    IrVal taken = ir_cmp(t->b, cond, x.rs1, x.rs2);

    t->flow.target = rv_pc(t, t->pc + (int64_t)a->imm);
    t->flow.cond = taken;
    if (!ir_is_const(t->b->r, taken))
        t->flow.kind = FLOW_BRANCH;
    else if (ir_const_value(t->b->r, taken))
        t->flow.kind = FLOW_JUMP;
}

void rv_trans_beq(Trans *t, const RvArgs *a) { branch(t, a, IR_EQ); }
void rv_trans_bne(Trans *t, const RvArgs *a) { branch(t, a, IR_NE); }
void rv_trans_blt(Trans *t, const RvArgs *a) { branch(t, a, IR_LT); }
void rv_trans_bge(Trans *t, const RvArgs *a) { branch(t, a, IR_GE); }
void rv_trans_bltu(Trans *t, const RvArgs *a) { branch(t, a, IR_LTU); }
void rv_trans_bgeu(Trans *t, const RvArgs *a) { branch(t, a, IR_GEU); }
