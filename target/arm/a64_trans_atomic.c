/* Arm ARM, "Loads and Stores": exclusives, compare and swap, atomic memory operations (FEAT_LSE,
 * FEAT_LSE128).
 *
 * Addresses must be aligned to the access (FEAT_LSE2 is not there).
 * While nothing else can see memory (CTX_PARALLEL clear), an atomic operation is a load, an operation and a
 * store: signals are taken at polls only, so nothing comes between.
 * A load exclusive remembers address and value; any store exclusive gives the reservation up, and so do
 * exceptions, signals and system calls. When a store exclusive succeeds: docs/adr/0007-exact-llsc.md, as for
 * RISC-V (target/riscv/rv_trans_atomic.c has the reasons).
 * Pairs: two W registers are one access of 8 bytes. Two X registers are loaded by two accesses, which is
 * allowed because only a successful store exclusive makes them single-copy atomic: it compares all 16
 * bytes. */
#include "target/arm/a64_trans.h"

static IrType type_of_size(unsigned size) { return size == 3 ? IR_I64 : IR_I32; }

static IrVal aligned_base(Trans *t, const A64Args *a, unsigned bytes)
{
    IrVal addr = a64_x_sp(t, a->rn);

    a64_check_aligned(t, addr, bytes);
    return addr;
}

/* Register r as an operand of the operation's type. */
static IrVal operand(Trans *t, unsigned r, unsigned size) { return a64_r(t, size == 3, r); }

/* r = v, zero-extended from the size of the access, which v has. */
static void put_result(Trans *t, unsigned r, unsigned size, IrVal v) { a64_put_r(t, size == 3, r, v); }

/* acquire, release */
static IrOrder order_of(bool acquire, bool release)
{
    return acquire ? (release ? IR_SEQ_CST : IR_ACQUIRE) : release ? IR_RELEASE : IR_RELAXED;
}

/* v, of a narrow size, extended by its sign for comparison. */
static IrVal sign_extended(IrBuilder *b, unsigned size, IrVal v)
{
    return size < 2 ? ir_sext(b, IR_I32, ir_trunc(b, size ? IR_I16 : IR_I8, v)) : v;
}
static IrVal zero_extended(IrBuilder *b, unsigned size, IrVal v)
{
    return size < 2 ? ir_zext(b, IR_I32, ir_trunc(b, size ? IR_I16 : IR_I8, v)) : v;
}

/* What operation op stores, for the unshared form. */
static IrVal rmw_value(IrBuilder *b, IrRmw op, unsigned size, IrVal old, IrVal v)
{
    if (op == IR_RMW_MIN || op == IR_RMW_MAX) {
        old = sign_extended(b, size, old);
        v = sign_extended(b, size, v);
    } else if (op == IR_RMW_MINU || op == IR_RMW_MAXU) {
        v = zero_extended(b, size, v); /* old is what was loaded */
    }
    return ir_rmw_value(b, op, type_of_size(size), old, v);
}

/* FEAT_LSE: rd = [rn]; [rn] = rd op rm. A is bit 23, R bit 22. With rd = XZR acquire has no meaning. */
static void rmw(Trans *t, const A64Args *a, IrRmw op, bool invert)
{
    IrBuilder *b = t->b;
    unsigned size = a->size;
    IrType type = type_of_size(size);
    IrVal addr = aligned_base(t, a, 1u << size), v = operand(t, a->rm, size), old;
    IrMem mem = a64_mem(t, size);

    if (invert)
        v = ir_not(b, type, v);
    if (t->ctx & CTX_PARALLEL) {
        mem.order = order_of(a->bits >> 23 & 1, a->bits >> 22 & 1);
        old = ir_rmw(b, op, type, addr, v, mem);
    } else {
        old = ir_ld(b, type, addr, 0, mem);
        ir_st(b, rmw_value(b, op, size, old, v), addr, 0, mem);
    }
    put_result(t, a->rd, size, old);
}

void a64_trans_ldadd(Trans *t, const A64Args *a) { rmw(t, a, IR_RMW_ADD, false); }
void a64_trans_ldclr(Trans *t, const A64Args *a) { rmw(t, a, IR_RMW_AND, true); }
void a64_trans_ldeor(Trans *t, const A64Args *a) { rmw(t, a, IR_RMW_XOR, false); }
void a64_trans_ldset(Trans *t, const A64Args *a) { rmw(t, a, IR_RMW_OR, false); }
void a64_trans_ldsmax(Trans *t, const A64Args *a) { rmw(t, a, IR_RMW_MAX, false); }
void a64_trans_ldsmin(Trans *t, const A64Args *a) { rmw(t, a, IR_RMW_MIN, false); }
void a64_trans_ldumax(Trans *t, const A64Args *a) { rmw(t, a, IR_RMW_MAXU, false); }
void a64_trans_ldumin(Trans *t, const A64Args *a) { rmw(t, a, IR_RMW_MINU, false); }
void a64_trans_swp(Trans *t, const A64Args *a) { rmw(t, a, IR_RMW_XCHG, false); }

/* [addr] = desired if it is expected; returns what was there. */
static IrVal compare_swap(Trans *t, unsigned size, IrOrder order, IrVal addr, IrVal expected, IrVal desired)
{
    IrBuilder *b = t->b;
    IrType type = type_of_size(size);
    IrMem mem = a64_mem(t, size);
    IrVal old;

    expected = zero_extended(b, size, expected);
    if (t->ctx & CTX_PARALLEL) {
        mem.order = order;
        return ir_cas(b, type, addr, expected, desired, mem);
    }
    old = ir_ld(b, type, addr, 0, mem);
    ir_st(b, ir_select(b, ir_cmp(b, IR_EQ, old, expected), desired, old), addr, 0, mem);
    return old;
}

void a64_trans_cas(Trans *t, const A64Args *a)
{
    IrVal addr = aligned_base(t, a, 1u << a->size);
    IrVal expected = operand(t, a->rm, a->size), desired = operand(t, a->rd, a->size);
    IrOrder order = order_of(a->bits >> 22 & 1, a->bits >> 15 & 1);

    put_result(t, a->rm, a->size, compare_swap(t, a->size, order, addr, expected, desired));
}

/* Two W registers as one I64, and back. */
static IrVal joined(Trans *t, unsigned low, unsigned high)
{
    IrBuilder *b = t->b;
    IrVal l = ir_zext(b, IR_I64, a64_w(t, low)), h = a64_x(t, high);

    h = ir_shl(b, IR_I64, h, a64_imm(t, 32));
    return ir_or(b, IR_I64, h, l);
}
static void put_halves(Trans *t, unsigned low, unsigned high, IrVal v)
{
    IrVal l = ir_zext(t->b, IR_I64, ir_trunc(t->b, IR_I32, v)), h = ir_shr(t->b, IR_I64, v, a64_imm(t, 32));

    a64_put_x(t, low, l);
    a64_put_x(t, high, h);
}

/* 16 bytes while nothing else can see memory: [addr] = desired if it is expected; old = what was there. They
 * are aligned, so the first store raises or none does. Returns whether they were not equal. */
static IrVal compare_swap_pair(Trans *t, IrVal addr, const IrVal expected[2], const IrVal desired[2],
                               IrVal old[2])
{
    IrBuilder *b = t->b;
    IrMem mem = a64_mem(t, 3);
    IrVal differ;

    for (unsigned k = 0; k < 2; k++)
        old[k] = ir_ld(b, IR_I64, addr, 8 * (int)k, mem);
    differ = ir_or(b, IR_I64, ir_xor(b, IR_I64, old[0], expected[0]), ir_xor(b, IR_I64, old[1], expected[1]));
    differ = ir_cmp(b, IR_NE, differ, a64_imm(t, 0));
    for (unsigned k = 0; k < 2; k++)
        ir_st(b, ir_select(b, differ, old[k], desired[k]), addr, 8 * (int)k, mem);
    return differ;
}

/* Operations on 16 bytes that others may see are helpers, which write the registers. What they do depends on
 * the row. */
static void call_pair(Trans *t, const A64Args *a, unsigned helper, IrVal addr)
{
    IrVal args[2] = {addr, ir_const(t->b, IR_I32, a->bits)};

    ir_call(t->b, helper, args, 2);
}

static void casp_x(Trans *t, const A64Args *a, IrVal addr)
{
    IrVal expected[2], desired[2], old[2];

    if (t->ctx & CTX_PARALLEL) {
        call_pair(t, a, ARM_HELPER_casp, addr);
        return;
    }
    for (unsigned k = 0; k < 2; k++) {
        expected[k] = a64_x(t, a->rm + k);
        desired[k] = a64_x(t, a->rd + k);
    }
    compare_swap_pair(t, addr, expected, desired, old);
    for (unsigned k = 0; k < 2; k++)
        a64_put_x(t, a->rm + k, old[k]);
}

void a64_trans_casp(Trans *t, const A64Args *a)
{
    IrVal addr = aligned_base(t, a, 2u << a->size), expected, desired;

    if (a->size == 3) {
        casp_x(t, a, addr);
        return;
    }
    expected = joined(t, a->rm, a->rm + 1u);
    desired = joined(t, a->rd, a->rd + 1u);
    put_halves(t, a->rm, a->rm + 1u,
               compare_swap(t, 3, order_of(a->bits >> 22 & 1, a->bits >> 15 & 1), addr, expected, desired));
}

/* FEAT_LSE128: [rn] op= rm:rd; rm:rd = what was there */
void a64_trans_ldclrp(Trans *t, const A64Args *a)
{
    call_pair(t, a, ARM_HELPER_rmw128, aligned_base(t, a, 16));
}
void a64_trans_ldsetp(Trans *t, const A64Args *a)
{
    call_pair(t, a, ARM_HELPER_rmw128, aligned_base(t, a, 16));
}
void a64_trans_swpp(Trans *t, const A64Args *a)
{
    call_pair(t, a, ARM_HELPER_rmw128, aligned_base(t, a, 16));
}

/* Exclusives. Computation on registers: what may stand between the two when values are compared. */
static bool is_register_op(A64Insn insn)
{
    return (insn >= A64_adr && insn <= A64_extr) || (insn >= A64_lslv && insn <= A64_rorv) ||
           (insn >= A64_rbit && insn <= A64_rev_x) || (insn >= A64_and && insn <= A64_umulh);
}
_Static_assert(A64_adr == 0 && A64_extr + 1 == A64_b_cond, "the group of immediates");
_Static_assert(A64_lslv + 3 == A64_rorv && A64_rbit + 6 == A64_rev_x, "groups of register operations");

static bool is_branch(A64Insn insn)
{
    return insn == A64_b_cond || insn == A64_bc_cond || (insn >= A64_cbz && insn <= A64_tbnz);
}
_Static_assert(A64_cbz + 3 == A64_tbnz, "the group of branches");

static bool is_store_exclusive(A64Insn insn, bool pair)
{
    return pair ? insn == A64_stxp || insn == A64_stlxp : insn == A64_stxr || insn == A64_stlxr;
}

/* Where is the store exclusive that this load can be one region with, on the way that takes no branch? 0:
 * something else stands between. Where the bytes at hand end first the answer is the end of them: the guess
 * that costs less when it is wrong. */
static Gva matched_store(const Trans *t, const A64Args *load, bool pair)
{
    if (t->ctx & CTX_LLSC_UNMATCHED)
        return 0;
    for (unsigned off = 4; off < 16 * 4; off += 4) {
        A64Args a;
        if (off + 4 > t->n_bytes)
            return t->pc + off;
        A64Insn insn = a64_peek(t, off, &a);
        if (is_store_exclusive(insn, pair) && a.size == load->size)
            return a.rn == load->rn ? t->pc + off : 0;
        if (!is_branch(insn) && !(is_register_op(insn) && a.rd != load->rn))
            return 0;
    }
    return 0;
}

static void load_exclusive(Trans *t, const A64Args *a, bool pair)
{
    IrBuilder *b = t->b;
    unsigned size = pair ? a->size + 1u : a->size; /* log2 of all bytes: 0..4 */
    IrVal addr, v, high = IR_NONE;
    IrMem mem = a64_mem(t, MIN(size, 3u));

    if (t->ctx & CTX_PARALLEL) {
        Gva store = matched_store(t, a, pair);
        if ((!store || (t->ctx & ARM_CTX_LDX_EXCLUSIVE)) && ctx_llsc_exact(t->ctx)) {
            a64_raise(t, CPU_EXIT_EXCLUSIVE);
            return;
        }
        t->together = store;
        mem.order = a->bits >> 15 & 1 ? IR_ACQUIRE : IR_RELAXED;
    }
    addr = aligned_base(t, a, 1u << size);
    v = ir_ld(b, IR_I64, addr, 0, mem);
    if (size == 4) {
        high = ir_ld(b, IR_I64, addr, 8, mem);
        ir_put(b, ARM_SLOT_EXCL_HIGH, high);
    }
    ir_put(b, ARM_SLOT_EXCL_ADDR, addr);
    ir_put(b, ARM_SLOT_EXCL_VAL, v);
    if (pair && size == 3) {
        put_halves(t, a->rd, a->ra, v);
        return;
    }
    a64_put_x(t, a->rd, v);
    if (pair)
        a64_put_x(t, a->ra, high);
}

/* The last load of the load exclusive whose reservation is known here to be of addr; NULL if none is. */
static const IrInsn *known_reservation(const Trans *t, IrVal addr, unsigned size)
{
    const IrBuilder *b = t->b;
    IrVal v = b->cur[ARM_SLOT_EXCL_VAL], last = size == 4 ? b->cur[ARM_SLOT_EXCL_HIGH] : v;

    if ((t->ctx & CTX_LLSC_UNMATCHED) || b->cur[ARM_SLOT_EXCL_ADDR] != addr || v == IR_NONE ||
        last == IR_NONE || b->r->insn[v].op != IR_LD || b->r->insn[last].op != IR_LD)
        return NULL;
    if ((IrMem){.raw = b->r->insn[v].d}.size != MIN(size, 3u) || (size == 4 && last != v + 1))
        return NULL;
    if (ctx_llsc_exact(t->ctx) && ir_accesses_since(b->r, &b->r->insn[last]))
        return NULL;
    return &b->r->insn[last];
}

/* The operand of a store exclusive of up to 8 bytes. */
static IrVal exclusive_operand(Trans *t, const A64Args *a, bool pair)
{
    return pair ? joined(t, a->rd, a->ra) : a64_x(t, a->rd);
}

/* To the address of a known reservation, whose load has checked the alignment. */
static void store_exclusive_known(Trans *t, const A64Args *a, bool pair, IrVal addr, const IrInsn *load)
{
    IrBuilder *b = t->b;
    unsigned size = pair ? 3 : a->size;
    IrType type = type_of_size(size);
    IrVal v = exclusive_operand(t, a, pair), expected = b->cur[ARM_SLOT_EXCL_VAL], failed;
    IrMem mem = a64_mem(t, size);

    if (size < 3) {
        expected = ir_trunc(b, IR_I32, expected);
        v = ir_trunc(b, IR_I32, v);
    }
    if (t->ctx & CTX_PARALLEL) {
        mem.order = a->bits >> 15 & 1 ? IR_RELEASE : IR_RELAXED;
        failed = ir_cmp(b, IR_NE, ir_cas(b, type, addr, expected, v, mem), expected);
    } else if (ir_writes_since(b->r, load)) {
        IrVal old = ir_ld(b, type, addr, 0, mem);
        failed = ir_cmp(b, IR_NE, old, expected);
        ir_st(b, ir_select(b, failed, old, v), addr, 0, mem);
    } else {
        ir_st(b, v, addr, 0, mem);
        failed = ir_const(b, IR_I1, 0);
    }
    ir_put(b, ARM_SLOT_EXCL_ADDR, a64_imm(t, (int64_t)ARM_NO_RESERVATION));
    a64_put_x(t, a->rm, ir_zext(b, IR_I64, failed));
}

/* The same of two X registers, while nothing else can see memory. */
static void store_exclusive_16(Trans *t, const A64Args *a, IrVal addr, const IrInsn *load)
{
    IrBuilder *b = t->b;
    const IrVal v[2] = {a64_x(t, a->rd), a64_x(t, a->ra)};
    const IrVal expected[2] = {b->cur[ARM_SLOT_EXCL_VAL], b->cur[ARM_SLOT_EXCL_HIGH]};
    IrVal failed = ir_const(b, IR_I1, 0), old[2];

    if (ir_writes_since(b->r, load)) {
        failed = compare_swap_pair(t, addr, expected, v, old);
    } else {
        ir_st(b, v[0], addr, 0, a64_mem(t, 3));
        ir_st(b, v[1], addr, 8, a64_mem(t, 3));
    }
    ir_put(b, ARM_SLOT_EXCL_ADDR, a64_imm(t, (int64_t)ARM_NO_RESERVATION));
    a64_put_x(t, a->rm, ir_zext(b, IR_I64, failed));
}

static void store_exclusive(Trans *t, const A64Args *a, bool pair)
{
    IrBuilder *b = t->b;
    unsigned size = pair ? a->size + 1u : a->size;
    IrVal addr = a64_x_sp(t, a->rn), args[4];
    const IrInsn *load = known_reservation(t, addr, size);

    if (load && size < 4) {
        store_exclusive_known(t, a, pair, addr, load);
        return;
    }
    if (load && !(t->ctx & CTX_PARALLEL)) {
        store_exclusive_16(t, a, addr, load);
        return;
    }
    a64_check_aligned(t, addr, 1u << size);
    args[0] = addr;
    args[1] = size < 4 ? exclusive_operand(t, a, pair) : a64_x(t, a->rd);
    args[2] = size < 4 ? a64_imm(t, 0) : a64_x(t, a->ra);
    args[3] = ir_const(b, IR_I32, size << 8 | a->rm | (load ? ARM_STX_KNOWN : 0));
    ir_call(b, ARM_HELPER_stx, args, 4);
}

void a64_trans_ldxr(Trans *t, const A64Args *a) { load_exclusive(t, a, false); }
void a64_trans_ldxp(Trans *t, const A64Args *a) { load_exclusive(t, a, true); }
void a64_trans_stxr(Trans *t, const A64Args *a) { store_exclusive(t, a, false); }
void a64_trans_stxp(Trans *t, const A64Args *a) { store_exclusive(t, a, true); }
