/* Load and store instructions of RV32I, RV64I, F and D; the memory ordering instructions.
 *
 * Accesses may be unaligned; they are then not atomic, as Zicclsm allows. A load into x0 still reads memory:
 * it may fault. FSW stores the low bits whatever the upper half of the register says. */
#include "target/riscv/rv_trans.h"

static void load(Trans *t, const RvArgs *a, unsigned size, bool sext)
{
    IrMem mem = rv_mem(t, size);

    mem.sext = sext;
    rv_put_x(t, a->rd, ir_ld(t->b, IR_I64, rv_x(t, a->rs1), a->imm, mem));
}

static void store(Trans *t, const RvArgs *a, unsigned size)
{
    ir_st(t->b, rv_x(t, a->rs2), rv_x(t, a->rs1), a->imm, rv_mem(t, size));
}

void rv_trans_lb(Trans *t, const RvArgs *a) { load(t, a, 0, true); }
void rv_trans_lh(Trans *t, const RvArgs *a) { load(t, a, 1, true); }
void rv_trans_lw(Trans *t, const RvArgs *a) { load(t, a, 2, true); }
void rv_trans_ld(Trans *t, const RvArgs *a) { load(t, a, 3, false); }
void rv_trans_lbu(Trans *t, const RvArgs *a) { load(t, a, 0, false); }
void rv_trans_lhu(Trans *t, const RvArgs *a) { load(t, a, 1, false); }
void rv_trans_lwu(Trans *t, const RvArgs *a) { load(t, a, 2, false); }
void rv_trans_sb(Trans *t, const RvArgs *a) { store(t, a, 0); }
void rv_trans_sh(Trans *t, const RvArgs *a) { store(t, a, 1); }
void rv_trans_sw(Trans *t, const RvArgs *a) { store(t, a, 2); }
void rv_trans_sd(Trans *t, const RvArgs *a) { store(t, a, 3); }

void rv_trans_flw(Trans *t, const RvArgs *a)
{
    rv_put_fs(t, a->rd, ir_ld(t->b, IR_F32, rv_x(t, a->rs1), a->imm, rv_mem(t, 2)));
}

void rv_trans_fsw(Trans *t, const RvArgs *a)
{
    IrBuilder *b = t->b;
    IrVal v = rv_fd(t, a->rs2);
    const IrInsn *made = &b->r->insn[v];

    if (made->op == IR_BOX)
        v = made->a; /* a known single: no way through an integer register */
    else
        v = ir_trunc(b, IR_I32, ir_cast(b, IR_I64, v));
    ir_st(b, v, rv_x(t, a->rs1), a->imm, rv_mem(t, 2));
}

void rv_trans_flh(Trans *t, const RvArgs *a)
{
    IrVal v = ir_ld(t->b, IR_I64, rv_x(t, a->rs1), a->imm, rv_mem(t, 1));

    rv_put_fd(t, a->rd, ir_cast(t->b, IR_F64, ir_or(t->b, IR_I64, v, rv_imm(t, -0x10000))));
}

void rv_trans_fsh(Trans *t, const RvArgs *a)
{
    ir_st(t->b, ir_cast(t->b, IR_I64, rv_fd(t, a->rs2)), rv_x(t, a->rs1), a->imm, rv_mem(t, 1));
}

void rv_trans_fld(Trans *t, const RvArgs *a)
{
    rv_put_fd(t, a->rd, ir_ld(t->b, IR_F64, rv_x(t, a->rs1), a->imm, rv_mem(t, 3)));
}

void rv_trans_fsd(Trans *t, const RvArgs *a)
{
    ir_st(t->b, rv_fd(t, a->rs2), rv_x(t, a->rs1), a->imm, rv_mem(t, 3));
}

/* FENCE: predecessor and successor sets, each PI PO PR PW from bit 3 down. Device accesses count as
 * memory. */
void rv_trans_fence(Trans *t, const RvArgs *a)
{
    unsigned pred = a->imm >> 4 & 15, succ = a->imm & 15;
    bool pred_r = pred & 10, pred_w = pred & 5, succ_r = succ & 10, succ_w = succ & 5;
    unsigned mask = (pred_r && succ_r ? IR_FENCE_RR : 0) | (pred_r && succ_w ? IR_FENCE_RW : 0) |
                    (pred_w && succ_r ? IR_FENCE_WR : 0) | (pred_w && succ_w ? IR_FENCE_WW : 0);

    if (mask && (t->ctx & CTX_PARALLEL))
        ir_fence(t->b, mask);
}

void rv_trans_fence_tso(Trans *t, const RvArgs *a)
{
    if (t->ctx & CTX_PARALLEL)
        ir_fence(t->b, IR_FENCE_RR | IR_FENCE_RW | IR_FENCE_WW);
}

/* Zihintpause. A hint; the poll of the spinning loop is what lets others run. */
void rv_trans_pause(Trans *t, const RvArgs *a) {}

/* Zifencei */
void rv_trans_fence_i(Trans *t, const RvArgs *a)
{
    t->flow.kind = t->ctx & RV_CTX_SYS ? FLOW_STOP : FLOW_LEAVE; /* a machine's stores drop code at once */
    t->flow.code = CPU_EXIT_FENCE_I;
}
