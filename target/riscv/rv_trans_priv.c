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

static void hfence(Trans *t, const RvArgs *a, bool second)
{
    RvPair x = rv_x12(t, a);
    IrVal args[] = {x.rs1, x.rs2, rv_imm(t, (a->rs1 ? 1 : 0) | (a->rs2 ? 2 : 0)), rv_imm(t, second)};

    if (!below(t, RV_S))
        leave(t, RV_HELPER_hfence, args, 4);
}

void rv_trans_hfence_vvma(Trans *t, const RvArgs *a) { hfence(t, a, false); }
void rv_trans_hfence_gvma(Trans *t, const RvArgs *a) { hfence(t, a, true); }

/* Each sinval.vma is done at once. */
void rv_trans_sfence_inval(Trans *t, const RvArgs *a) { below(t, RV_S); }

/* ---- a guest's memory, cache blocks ---- */

static bool not_here(Trans *t, bool machine_has)
{
    if (machine_has && (t->ctx & RV_CTX_SYS))
        return false;
    rv_raise(t, CPU_EXIT_ILLEGAL);
    return true;
}

static void hlv(Trans *t, const RvArgs *a, unsigned size, bool sext, bool execute)
{
    unsigned how = size | (unsigned)sext << 3 | (unsigned)execute << 4 | (unsigned)a->rd << 5;
    IrVal args[] = {rv_x(t, a->rs1), rv_imm(t, how)};

    if (!not_here(t, true))
        ir_call(t->b, RV_HELPER_hlv, args, 2);
}

static void hsv(Trans *t, const RvArgs *a, unsigned size)
{
    RvPair x = rv_x12(t, a);
    IrVal args[] = {x.rs1, x.rs2, rv_imm(t, size)};

    if (!not_here(t, true))
        ir_call(t->b, RV_HELPER_hsv, args, 3);
}

void rv_trans_hlv_b(Trans *t, const RvArgs *a) { hlv(t, a, 0, true, false); }
void rv_trans_hlv_bu(Trans *t, const RvArgs *a) { hlv(t, a, 0, false, false); }
void rv_trans_hlv_h(Trans *t, const RvArgs *a) { hlv(t, a, 1, true, false); }
void rv_trans_hlv_hu(Trans *t, const RvArgs *a) { hlv(t, a, 1, false, false); }
void rv_trans_hlvx_hu(Trans *t, const RvArgs *a) { hlv(t, a, 1, false, true); }
void rv_trans_hlv_w(Trans *t, const RvArgs *a) { hlv(t, a, 2, true, false); }
void rv_trans_hlv_wu(Trans *t, const RvArgs *a) { hlv(t, a, 2, false, false); }
void rv_trans_hlvx_wu(Trans *t, const RvArgs *a) { hlv(t, a, 2, rv_is_32(t), true); }
void rv_trans_hlv_d(Trans *t, const RvArgs *a) { hlv(t, a, 3, false, false); }
void rv_trans_hsv_b(Trans *t, const RvArgs *a) { hsv(t, a, 0); }
void rv_trans_hsv_h(Trans *t, const RvArgs *a) { hsv(t, a, 1); }
void rv_trans_hsv_w(Trans *t, const RvArgs *a) { hsv(t, a, 2); }
void rv_trans_hsv_d(Trans *t, const RvArgs *a) { hsv(t, a, 3); }

/* Programs may clean and flush, as Linux lets them (envcfg.CBCFE, not CBIE): there is no cache, but the block
 * has to be one that they may read. */
static void cbo(Trans *t, const RvArgs *a, unsigned op)
{
    IrVal args[] = {rv_x(t, a->rs1), rv_imm(t, op)};

    if (!(t->ctx & RV_CTX_SYS) && op != RV_CBO_INVAL)
        ir_ld(t->b, IR_I64, args[0], 0, rv_mem(t, 0));
    else if (!not_here(t, true))
        ir_call(t->b, RV_HELPER_cbo, args, 2);
}

void rv_trans_cbo_inval(Trans *t, const RvArgs *a) { cbo(t, a, RV_CBO_INVAL); }
void rv_trans_cbo_clean(Trans *t, const RvArgs *a) { cbo(t, a, RV_CBO_CLEAN); }
void rv_trans_cbo_flush(Trans *t, const RvArgs *a) { cbo(t, a, RV_CBO_FLUSH); }

/* The first store is at the address itself, since a fault names that. */
void rv_trans_cbo_zero(Trans *t, const RvArgs *a)
{
    IrVal addr = rv_x(t, a->rs1), zero = rv_imm(t, 0), block;

    if ((t->ctx & RV_CTX_SYS) && not_here(t, t->ctx & RV_CTX_CBZE))
        return;
    block = ir_and(t->b, IR_I64, addr, rv_imm(t, -(int64_t)RV_CACHE_BLOCK));
    ir_st(t->b, zero, addr, 0, rv_mem(t, 0));
    for (int k = 0; k < RV_CACHE_BLOCK; k += 8)
        ir_st(t->b, zero, block, k, rv_mem(t, 3));
}

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
#define PCSR(id, name, number, how, field, bits, ext) CSR_CASE_##how(id, number, bits)
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
    if (how == 1 && write && (t->ctx & RV_CTX_IRQ_BY_C) && (possible_bits(t, operand) & RV_SIE))
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
    bool guest = t->ctx & RV_CTX_VIRT;
    bool write = how == 0 || !operand_is_x0;

    if (rv_priv(t) < rv_csr_level(a->csr) || (guest && rv_csr_of_host(a->csr)) ||
        (write && a->csr >> 10 == 3)) {
        rv_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    CsrSlot s = csr_slot(guest ? rv_csr_of_guest(a->csr) : a->csr);
    if (s.slot >= 0 && !rv_csr_of_host(a->csr)) {
        slot_insn(t, a, s, how, operand, write);
        return;
    }
    if (a->csr == CSR_SSTATUS && !guest && !rv_is_32(t) && sstatus_insn(t, a, how, operand, write))
        return;
    IrVal args[] = {operand, rv_imm(t, RV_CSR_ARG(a->csr, a->rd, how, write))};
    ir_call(t->b, RV_HELPER_csr, args, 2);
}
