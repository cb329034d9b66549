/* Chapters "A" (Zalrsc and Zaamo), Zacas and Zabha.
 *
 * Misaligned addresses raise (the manual lets an environment do so, and Linux delivers SIGBUS).
 * While nothing else can see memory (CTX_PARALLEL clear), an AMO is a load, an operation and a store: signals
 * are taken at polls only, so nothing comes between.
 * LR remembers address and value; any SC drops the reservation, and so do exceptions, signals and system
 * calls.
 *
 * With one thread (CTX_PARALLEL clear) an SC succeeds if the reservation's address is its own and memory
 * still holds the value. With more, that would not see a value that changed and changed back (ABA), so SC
 * succeeds in two cases:
 * 1. Its LR stands before it in the same region, with no access to memory, fence or call between: then what
 *    it does depends on registers and the loaded value alone, and nobody can tell whether the value was away
 *    meanwhile. It is a compare and swap in line. The loops of compilers and C libraries are of this kind.
 *    The LR's compare and its exit come before the locked access, so that a loop which leaves with "not
 *    equal" never writes, not even on read-only memory.
 * 2. All other cpus have been stopped since its LR (CPU_EXIT_EXCLUSIVE): a lock-free list's pop, which loads
 *    the next pointer in between.
 * (-no-opt llsc-match: case 2 always.)
 * LR looks ahead to guess which it will be. Exactness does not hang on the guess, only cost: an SC that finds
 * the reservation of an LR in another region fails and makes this cpu's next LR one of case 2
 * (RV_CTX_LR_EXCLUSIVE), so that a retry gets on.
 * Stores of other processes and of the kernel are compared by value only.
 */
#include "target/riscv/rv_trans.h"

static IrOrder order_of(const RvArgs *a)
{
    return a->aq ? (a->rl ? IR_SEQ_CST : IR_ACQUIRE) : a->rl ? IR_RELEASE : IR_RELAXED;
}

static IrVal aligned_address(Trans *t, const RvArgs *a, unsigned size)
{
    IrBuilder *b = t->b;
    IrVal addr = rv_x(t, a->rs1), low;

    if (!size)
        return addr;
    low = ir_and(b, IR_I64, addr, rv_imm(t, (1 << size) - 1));
    ir_exit_if(b, ir_cmp(b, IR_NE, low, rv_imm(t, 0)), ir_exit_raise(b, t->pc, CPU_EXIT_MISALIGNED), false);
    return addr;
}

static IrType type_of(unsigned size)
{
    static const uint8_t types[4] = {IR_I8, IR_I16, IR_I32, IR_I64};
    return (IrType)types[size];
}

/* The low bits of x[r], 1 << size bytes; and x[r] = v, sign-extended. */
static IrVal x_low(Trans *t, unsigned r, unsigned size)
{
    return size == 3 ? rv_x(t, r) : ir_trunc(t->b, type_of(size), rv_x(t, r));
}
static void put_sext(Trans *t, unsigned r, IrVal v, unsigned size)
{
    rv_put_x(t, r, size == 3 ? v : ir_sext(t->b, IR_I64, v));
}

/* May others see memory between a load and a store? Of a machine's, a fault is the store's. */
static bool is_seen(const Trans *t) { return t->ctx & (CTX_PARALLEL | RV_CTX_SYS); }

static void amo(Trans *t, const RvArgs *a, IrRmw op, unsigned size)
{
    IrBuilder *b = t->b;
    IrType type = type_of(size);
    IrVal addr = aligned_address(t, a, size);
    IrVal v = x_low(t, a->rs2, size);
    IrMem mem = rv_mem(t, size);
    IrVal old;

    if (is_seen(t)) {
        mem.order = order_of(a);
        old = ir_rmw(b, op, type, addr, v, mem);
    } else {
        old = ir_ld(b, type, addr, 0, mem);
        ir_st(b, ir_rmw_value(b, op, type, old, v), addr, 0, mem);
    }
    put_sext(t, a->rd, old, size);
}

static void amocas(Trans *t, const RvArgs *a, unsigned size)
{
    IrBuilder *b = t->b;
    IrType type = type_of(size);
    IrVal addr = aligned_address(t, a, size), old;
    IrVal expected = x_low(t, a->rd, size), v = x_low(t, a->rs2, size);
    IrMem mem = rv_mem(t, size);

    if (is_seen(t)) {
        mem.order = order_of(a);
        old = ir_cas(b, type, addr, expected, v, mem);
    } else {
        old = ir_ld(b, type, addr, 0, mem);
        ir_st(b, ir_select(b, ir_cmp(b, IR_EQ, old, expected), v, old), addr, 0, mem);
    }
    put_sext(t, a->rd, old, size);
}

/* Integer computation on registers: what may stand between an LR and an SC that compares values. */
static bool is_register_op(RvInsn insn)
{
    return (insn >= RV_addi && insn <= RV_sraw) || (insn >= RV_mul && insn <= RV_remuw) ||
           (insn >= RV_c_li && insn <= RV_c_addw) || insn == RV_c_addi4spn || insn == RV_c_nop ||
           insn == RV_c_addi || insn == RV_c_addiw || insn == RV_c_slli || insn == RV_c_mv ||
           insn == RV_c_add;
}
_Static_assert(RV_addi == 0 && RV_sraw + 1 == RV_jal, "the group of integer computation");
_Static_assert(RV_c_addw + 1 == RV_c_j, "the group of compressed integer computation");

static bool is_branch(RvInsn insn)
{
    return (insn >= RV_beq && insn <= RV_bgeu) || insn == RV_c_beqz || insn == RV_c_bnez;
}
_Static_assert(RV_beq + 5 == RV_bgeu, "the group of branches");

/* Where is the SC that this LR can be one region with, on the way that takes no branch? 0: something else
 * stands between. Where the bytes at hand end first the answer is the end of them: the guess that costs less
 * when it is wrong. */
static Gva matched_sc(const Trans *t, const RvArgs *lr, RvInsn sc)
{
    unsigned off = lr->len;

    if (t->ctx & CTX_LLSC_UNMATCHED)
        return 0;
    for (unsigned n = 0; n < 16; n++) {
        RvArgs a;
        if (off + 2 > t->n_bytes || off + rv_insn_len(ld_u16(t->bytes + off)) > t->n_bytes)
            return t->pc + off;
        RvInsn insn = rv_peek(t, off, &a);
        if (insn == sc)
            return a.rs1 == lr->rs1 ? t->pc + off : 0;
        if (!is_branch(insn) && !(is_register_op(insn) && a.rd != lr->rs1))
            return 0;
        off += a.len;
    }
    return 0;
}

/* Zalrsc */
static void load_reserved(Trans *t, const RvArgs *a, unsigned size)
{
    IrBuilder *b = t->b;
    IrVal addr, v;
    IrMem mem = rv_mem(t, size);

    if (t->ctx & CTX_PARALLEL) {
        Gva sc = matched_sc(t, a, size == 2 ? RV_sc_w : RV_sc_d);
        if ((!sc || (t->ctx & RV_CTX_LR_EXCLUSIVE)) && ctx_llsc_exact(t->ctx)) {
            rv_raise(t, CPU_EXIT_EXCLUSIVE);
            return;
        }
        t->together = sc;
        if (a->rl)
            ir_fence(b, IR_FENCE_WR); /* release of an LR: earlier stores before it */
        mem.order = a->aq ? IR_ACQUIRE : IR_RELAXED;
    }
    addr = aligned_address(t, a, size);
    mem.sext = size == 2;
    v = ir_ld(b, IR_I64, addr, 0, mem);
    ir_put(b, RV_SLOT_RES_ADDR, addr);
    ir_put(b, RV_SLOT_RES_VAL, v);
    rv_put_x(t, a->rd, v);
}

/* The load of the LR whose reservation is known here to be of addr; NULL if none is. */
static const IrInsn *known_reservation(const Trans *t, IrVal addr, unsigned size)
{
    const IrBuilder *b = t->b;
    IrVal v = b->cur[RV_SLOT_RES_VAL];

    if ((t->ctx & CTX_LLSC_UNMATCHED) || b->cur[RV_SLOT_RES_ADDR] != addr || v == IR_NONE ||
        b->r->insn[v].op != IR_LD)
        return NULL;
    const IrInsn *lr = &b->r->insn[v];
    if ((IrMem){.raw = lr->d}.size != size)
        return NULL;
    if (ctx_llsc_exact(t->ctx) && ir_accesses_since(b->r, lr))
        return NULL;
    return lr;
}

/* SC to the address of a known reservation. Its LR has checked the alignment for its own size. */
static void store_conditional_known(Trans *t, const RvArgs *a, unsigned size, IrVal addr, const IrInsn *lr)
{
    IrBuilder *b = t->b;
    IrType type = size == 2 ? IR_I32 : IR_I64;
    IrVal v = size == 2 ? rv_x32(t, a->rs2) : rv_x(t, a->rs2);
    IrVal expected = b->cur[RV_SLOT_RES_VAL], failed;
    IrMem mem = rv_mem(t, size);

    if (size == 2)
        expected = ir_trunc(b, IR_I32, expected);
    if (t->ctx & CTX_PARALLEL) {
        mem.order = order_of(a);
        failed = ir_cmp(b, IR_NE, ir_cas(b, type, addr, expected, v, mem), expected);
    } else if (ir_writes_since(b->r, lr)) {
        IrVal old = ir_ld(b, type, addr, 0, mem);
        failed = ir_cmp(b, IR_NE, old, expected);
        ir_st(b, ir_select(b, failed, old, v), addr, 0, mem);
    } else {
        ir_st(b, v, addr, 0, mem);
        failed = ir_const(b, IR_I1, 0);
    }
    ir_put(b, RV_SLOT_RES_ADDR, rv_imm(t, RV_NO_RESERVATION));
    rv_put_x(t, a->rd, ir_zext(b, IR_I64, failed));
}

static void store_conditional(Trans *t, const RvArgs *a, unsigned size)
{
    IrVal addr = rv_x(t, a->rs1), args[3];
    const IrInsn *lr = known_reservation(t, addr, size);

    if (lr) {
        store_conditional_known(t, a, size, addr, lr);
        return;
    }
    args[0] = aligned_address(t, a, size);
    args[1] = rv_x(t, a->rs2);
    args[2] = rv_imm(t, size << 8 | a->rd);
    ir_call(t->b, RV_HELPER_sc, args, 3);
}

void rv_trans_lr_w(Trans *t, const RvArgs *a) { load_reserved(t, a, 2); }
void rv_trans_lr_d(Trans *t, const RvArgs *a) { load_reserved(t, a, 3); }
void rv_trans_sc_w(Trans *t, const RvArgs *a) { store_conditional(t, a, 2); }
void rv_trans_sc_d(Trans *t, const RvArgs *a) { store_conditional(t, a, 3); }

/* Zaamo */
void rv_trans_amoswap_w(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_XCHG, 2); }
void rv_trans_amoadd_w(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_ADD, 2); }
void rv_trans_amoand_w(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_AND, 2); }
void rv_trans_amoor_w(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_OR, 2); }
void rv_trans_amoxor_w(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_XOR, 2); }
void rv_trans_amomax_w(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MAX, 2); }
void rv_trans_amomaxu_w(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MAXU, 2); }
void rv_trans_amomin_w(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MIN, 2); }
void rv_trans_amominu_w(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MINU, 2); }
void rv_trans_amoswap_d(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_XCHG, 3); }
void rv_trans_amoadd_d(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_ADD, 3); }
void rv_trans_amoand_d(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_AND, 3); }
void rv_trans_amoor_d(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_OR, 3); }
void rv_trans_amoxor_d(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_XOR, 3); }
void rv_trans_amomax_d(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MAX, 3); }
void rv_trans_amomaxu_d(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MAXU, 3); }
void rv_trans_amomin_d(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MIN, 3); }
void rv_trans_amominu_d(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MINU, 3); }

/* Zacas, Zabha */
void rv_trans_amocas_w(Trans *t, const RvArgs *a) { amocas(t, a, 2); }
void rv_trans_amocas_d(Trans *t, const RvArgs *a) { amocas(t, a, 3); }
void rv_trans_amocas_b(Trans *t, const RvArgs *a) { amocas(t, a, 0); }
void rv_trans_amocas_h(Trans *t, const RvArgs *a) { amocas(t, a, 1); }

/* Pairs of registers begin with an even one; that of x0 is zero and stays it. */
void rv_trans_amocas_q(Trans *t, const RvArgs *a)
{
    IrVal args[2];

    if ((a->rd | a->rs2) & 1) {
        rv_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    args[0] = aligned_address(t, a, 4);
    args[1] = rv_imm(t, a->rd | a->rs2 << 8);
    ir_call(t->b, RV_HELPER_cas16, args, 2);
}

void rv_trans_amoswap_b(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_XCHG, 0); }
void rv_trans_amoadd_b(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_ADD, 0); }
void rv_trans_amoand_b(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_AND, 0); }
void rv_trans_amoor_b(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_OR, 0); }
void rv_trans_amoxor_b(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_XOR, 0); }
void rv_trans_amomax_b(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MAX, 0); }
void rv_trans_amomaxu_b(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MAXU, 0); }
void rv_trans_amomin_b(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MIN, 0); }
void rv_trans_amominu_b(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MINU, 0); }
void rv_trans_amoswap_h(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_XCHG, 1); }
void rv_trans_amoadd_h(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_ADD, 1); }
void rv_trans_amoand_h(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_AND, 1); }
void rv_trans_amoor_h(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_OR, 1); }
void rv_trans_amoxor_h(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_XOR, 1); }
void rv_trans_amomax_h(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MAX, 1); }
void rv_trans_amomaxu_h(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MAXU, 1); }
void rv_trans_amomin_h(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MIN, 1); }
void rv_trans_amominu_h(Trans *t, const RvArgs *a) { amo(t, a, IR_RMW_MINU, 1); }
