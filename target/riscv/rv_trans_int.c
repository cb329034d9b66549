/* Chapters "RV32I", "RV64I" (integer computational instructions) and "M". */
#include "target/riscv/rv_trans.h"

static IrVal low_halves(IrBuilder *b, IrOp op, IrVal x, IrVal y)
{
    IrVal low = ir_trunc(b, IR_I32, x);

    return ir_vv(b, op, IR_I32, low, ir_trunc(b, IR_I32, y));
}

/* rd = x op y, on XLEN bits. Registers of RV32 are sign-extended, so its operations work on their low
 * halves. */
void rv_alu(Trans *t, unsigned rd, IrOp op, IrVal x, IrVal y)
{
    IrBuilder *b = t->b;

    if (rv_is_32(t))
        rv_put_x32(t, rd, low_halves(b, op, x, y));
    else
        rv_put_x(t, rd, ir_vv(b, op, IR_I64, x, y));
}

/* rd = low halves of x op y, sign-extended. */
void rv_alu_w(Trans *t, unsigned rd, IrOp op, IrVal x, IrVal y)
{
    IrBuilder *b = t->b;

    rv_put_x32(t, rd, low_halves(b, op, x, y));
}

static void alu_rr(Trans *t, const RvArgs *a, IrOp op)
{
    RvPair x = rv_x12(t, a);

    rv_alu(t, a->rd, op, x.rs1, x.rs2);
}
static void alu_ri(Trans *t, const RvArgs *a, IrOp op)
{
    rv_alu(t, a->rd, op, rv_x(t, a->rs1), rv_imm(t, a->imm));
}
static void alu_rr_w(Trans *t, const RvArgs *a, IrOp op)
{
    RvPair x = rv_x12(t, a);

    rv_alu_w(t, a->rd, op, x.rs1, x.rs2);
}
static void alu_ri_w(Trans *t, const RvArgs *a, IrOp op)
{
    rv_alu_w(t, a->rd, op, rv_x(t, a->rs1), rv_imm(t, a->imm));
}

/* rd = x < y. Sign extension keeps both orders, so RV32 needs no case of its own. */
static void set_less(Trans *t, unsigned rd, IrCond cond, IrVal x, IrVal y)
{
    rv_put_x(t, rd, ir_zext(t->b, IR_I64, ir_cmp(t->b, cond, x, y)));
}

void rv_trans_nop(Trans *t, const RvArgs *a) {}

/* Integer register-immediate instructions */
void rv_trans_addi(Trans *t, const RvArgs *a)
{
    if (!a->rs1)
        rv_put_x(t, a->rd, rv_imm(t, a->imm)); /* li */
    else if (!a->imm)
        rv_put_x(t, a->rd, rv_x(t, a->rs1)); /* mv */
    else
        alu_ri(t, a, IR_ADD);
}
void rv_trans_slti(Trans *t, const RvArgs *a)
{
    set_less(t, a->rd, IR_LT, rv_x(t, a->rs1), rv_imm(t, a->imm));
}
void rv_trans_sltiu(Trans *t, const RvArgs *a)
{
    set_less(t, a->rd, IR_LTU, rv_x(t, a->rs1), rv_imm(t, a->imm));
}
void rv_trans_andi(Trans *t, const RvArgs *a) { alu_ri(t, a, IR_AND); }
void rv_trans_ori(Trans *t, const RvArgs *a) { alu_ri(t, a, IR_OR); }
void rv_trans_xori(Trans *t, const RvArgs *a) { alu_ri(t, a, IR_XOR); }
void rv_trans_slli(Trans *t, const RvArgs *a) { alu_ri(t, a, IR_SHL); }
void rv_trans_srli(Trans *t, const RvArgs *a) { alu_ri(t, a, IR_SHR); }
void rv_trans_srai(Trans *t, const RvArgs *a) { alu_ri(t, a, IR_SAR); }
void rv_trans_lui(Trans *t, const RvArgs *a) { rv_put_x(t, a->rd, rv_imm(t, a->imm)); }
void rv_trans_auipc(Trans *t, const RvArgs *a)
{
    rv_put_x(t, a->rd, rv_pc_value(t, t->pc + (int64_t)a->imm));
}

/* Integer register-register instructions */
void rv_trans_add(Trans *t, const RvArgs *a)
{
    if (a->rs1 && a->rs2)
        alu_rr(t, a, IR_ADD);
    else
        rv_put_x(t, a->rd, rv_x(t, a->rs1 | a->rs2)); /* c.mv */
}
void rv_trans_slt(Trans *t, const RvArgs *a)
{
    RvPair x = rv_x12(t, a);

    set_less(t, a->rd, IR_LT, x.rs1, x.rs2);
}
void rv_trans_sltu(Trans *t, const RvArgs *a)
{
    RvPair x = rv_x12(t, a);

    set_less(t, a->rd, IR_LTU, x.rs1, x.rs2);
}
void rv_trans_and(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_AND); }
void rv_trans_or(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_OR); }
void rv_trans_xor(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_XOR); }
void rv_trans_sll(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_SHL); }
void rv_trans_srl(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_SHR); }
void rv_trans_sub(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_SUB); }
void rv_trans_sra(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_SAR); }

/* RV64I: the W instructions */
void rv_trans_addiw(Trans *t, const RvArgs *a) { alu_ri_w(t, a, IR_ADD); }
void rv_trans_slliw(Trans *t, const RvArgs *a) { alu_ri_w(t, a, IR_SHL); }
void rv_trans_srliw(Trans *t, const RvArgs *a) { alu_ri_w(t, a, IR_SHR); }
void rv_trans_sraiw(Trans *t, const RvArgs *a) { alu_ri_w(t, a, IR_SAR); }
void rv_trans_addw(Trans *t, const RvArgs *a) { alu_rr_w(t, a, IR_ADD); }
void rv_trans_subw(Trans *t, const RvArgs *a) { alu_rr_w(t, a, IR_SUB); }
void rv_trans_sllw(Trans *t, const RvArgs *a) { alu_rr_w(t, a, IR_SHL); }
void rv_trans_srlw(Trans *t, const RvArgs *a) { alu_rr_w(t, a, IR_SHR); }
void rv_trans_sraw(Trans *t, const RvArgs *a) { alu_rr_w(t, a, IR_SAR); }

/* M: multiplication */
void rv_trans_mul(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_MUL); }
void rv_trans_mulh(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_MULHS); }
void rv_trans_mulhsu(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_MULHSU); }
void rv_trans_mulhu(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_MULHU); }
void rv_trans_mulw(Trans *t, const RvArgs *a) { alu_rr_w(t, a, IR_MUL); }

/* M: division. The IR's results for a zero divisor and for overflow are those of the manual's table. */
void rv_trans_div(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_DIVS); }
void rv_trans_divu(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_DIVU); }
void rv_trans_rem(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_REMS); }
void rv_trans_remu(Trans *t, const RvArgs *a) { alu_rr(t, a, IR_REMU); }
void rv_trans_divw(Trans *t, const RvArgs *a) { alu_rr_w(t, a, IR_DIVS); }
void rv_trans_divuw(Trans *t, const RvArgs *a) { alu_rr_w(t, a, IR_DIVU); }
void rv_trans_remw(Trans *t, const RvArgs *a) { alu_rr_w(t, a, IR_REMS); }
void rv_trans_remuw(Trans *t, const RvArgs *a) { alu_rr_w(t, a, IR_REMU); }
