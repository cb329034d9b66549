/* Arm ARM, "Synchronization primitives", load-acquire and store-release, barriers of A32 and T32.
 *
 * A load exclusive remembers address and value; any store exclusive drops the reservation, and so do
 * exceptions, signals and system calls. When a store exclusive succeeds is ADR 7's: with one thread if the
 * address is the same and memory holds the value; with more (CTX_PARALLEL) if its load exclusive stands
 * before it in the region with nothing but register computation between (a compare and swap in line), or if
 * the others have been stopped since (CPU_EXIT_EXCLUSIVE, which the load exclusive asks for after looking
 * ahead). LDREXD without a store is how a doubleword is loaded at once before Armv7 has LPAE: it is taken for
 * that, and a store that follows after all fails once, after which its load asks to be alone.
 * target/riscv/rv_trans_atomic.c says more; the parts correspond.
 */
#include "target/arm/a32_trans.h"

/* The forms with acquire (LDAEX) and release (STLEX) semantics have bit 9 (A32) or bit 7 (T32) different. */
static bool is_ordered(const A32Args *a)
{
    return a->thumb ? (a->bits & 0x0fe00080) == 0x08c00080 : !(a->bits >> 8 & 1);
}

static IrType type_of(unsigned size) { return size == 3 ? IR_I64 : IR_I32; }

static IrVal exclusive_address(Trans *t, const A32Args *a)
{
    return ir_add(t->b, IR_I32, a32_r(t, a->n), a32_imm(t, (uint32_t)a->imm));
}

/* ---- look-ahead ---- */

/* log2 of the bytes; -1: it is not one. */
static int store_exclusive_size(A32Insn insn)
{
    switch (insn) {
#define STORE(id) case A32_##id: case T32_##id:
    STORE(strexb) STORE(stlexb) return 0;
    STORE(strexh) STORE(stlexh) return 1;
    STORE(strex) STORE(stlex) return 2;
    STORE(strexd) STORE(stlexd) return 3;
#undef STORE
    default: return -1;
    }
}

static bool is_branch(const A32Args *a)
{
    return a->format == A32_FMT_B24 || a->format == A32_FMT_T16_BCC || a->format == A32_FMT_TBCC ||
           a->format == A32_FMT_T16_CB;
}

/* Where is the store exclusive that this load can be one region with, on the way that takes no branch? A
 * conditional one too: where its condition does not hold the region is left. 0: something else stands
 * between. Where the bytes at hand end first the answer is the end of them. */
static Gva matched_store(const Trans *t, const A32Args *load, int size)
{
    unsigned off = load->len;

    if (t->ctx & CTX_LLSC_UNMATCHED)
        return 0;
    for (unsigned n = 0; n < 16; n++) {
        A32Args a;
        A32Insn insn;
        if (off + 4 > t->n_bytes)
            return t->pc + off;
        insn = a32_peek(t, off, &a);
        if (insn == A32_ILLEGAL)
            return 0;
        if (store_exclusive_size(insn) >= 0)
            return a.n == load->n && store_exclusive_size(insn) == size ? t->pc + off : 0;
        if (a.format != A32_FMT_IT && !is_branch(&a) && a.format >= A32_FMT_EFF)
            return 0;
        off += a.len;
    }
    return 0;
}

/* ---- load and store exclusive ---- */

/* The reservation has what is in memory; a register has it in the guest's byte order. v: i64, or i32 for
 * less */
static IrVal in_order(Trans *t, unsigned size, IrVal v)
{
    IrBuilder *b = t->b;
    IrType type = ir_result_type(b->r, &b->r->insn[v]);
    unsigned unused = ir_type_bits(type) - (8u << size);

    if (!a32_big(t) || !size)
        return v;
    v = ir_bswap(b, type, v);
    return unused ? ir_shr(b, type, v, ir_const(b, type, (int64_t)unused)) : v;
}

static void load_exclusive(Trans *t, const A32Args *a, unsigned size)
{
    IrBuilder *b = t->b;
    IrMem mem = a32_mem_raw(t, size);

    if (t->ctx & CTX_PARALLEL) {
        Gva store = matched_store(t, a, (int)size);
        bool lone = size == 3 && !store;
        if (((!store && !lone) || (t->ctx & ARM_CTX_LDX_EXCLUSIVE)) && ctx_llsc_exact(t->ctx)) {
            a32_raise(t, CPU_EXIT_EXCLUSIVE);
            return;
        }
        t->together = store;
        mem.order = is_ordered(a) ? IR_ACQUIRE : IR_RELAXED;
    }
    IrVal addr = exclusive_address(t, a);
    if (size)
        a32_need_aligned(t, addr, 1u << size);
    IrVal v = a32_ld(t, IR_I64, addr, 0, mem);
    ir_put(b, A32_SLOT_EXCL_ADDR, a32_zext(t, addr));
    ir_put(b, A32_SLOT_EXCL_VAL, v);
    v = in_order(t, size, v);
    if (size == 3)
        a32_put_pair(t, a32_big(t) ? a->e : a->d, a32_big(t) ? a->d : a->e, v);
    else
        a32_put(t, a->d, ir_trunc(b, IR_I32, v));
}

/* Both are extended words; the builder does not find each that it has made before. */
static bool is_same_address(const IrBuilder *b, IrVal x, IrVal y)
{
    const IrInsn *i = &b->r->insn[x], *j = &b->r->insn[y];

    return x == y || (x && i->op == IR_ZEXT && j->op == IR_ZEXT && i->a == j->a);
}

/* The load of the load exclusive whose reservation is known here to be of addr; NULL if none is. */
static const IrInsn *known_reservation(const Trans *t, IrVal addr64, unsigned size)
{
    const IrBuilder *b = t->b;
    IrVal v = b->cur[A32_SLOT_EXCL_VAL];

    if ((t->ctx & CTX_LLSC_UNMATCHED) || v == IR_NONE || b->r->insn[v].op != IR_LD ||
        !is_same_address(b, b->cur[A32_SLOT_EXCL_ADDR], addr64))
        return NULL;
    const IrInsn *load = &b->r->insn[v];
    if ((IrMem){.raw = load->d}.size != size || (ctx_llsc_exact(t->ctx) && ir_accesses_since(b->r, load)))
        return NULL;
    return load;
}

static IrVal store_known(Trans *t, const A32Args *a, unsigned size, IrVal addr, IrVal v, const IrInsn *load)
{
    IrBuilder *b = t->b;
    IrType type = type_of(size);
    IrVal expected = b->cur[A32_SLOT_EXCL_VAL];
    IrMem mem = a32_mem_raw(t, size);

    if (type == IR_I32)
        expected = ir_trunc(b, IR_I32, expected);
    if (t->ctx & CTX_PARALLEL) {
        mem.order = is_ordered(a) ? IR_RELEASE : IR_RELAXED;
        return ir_cmp(b, IR_NE, ir_cas(b, type, a32_at(t, addr), expected, v, mem), expected);
    }
    if (ir_writes_since(b->r, load)) {
        IrVal old = a32_ld(t, type, addr, 0, mem), failed = ir_cmp(b, IR_NE, old, expected);
        a32_st(t, ir_select(b, failed, old, v), addr, 0, mem);
        return failed;
    }
    a32_st(t, v, addr, 0, mem);
    return ir_const(b, IR_I1, 0);
}

static void store_exclusive(Trans *t, const A32Args *a, unsigned size)
{
    IrBuilder *b = t->b;
    IrVal addr = exclusive_address(t, a), addr64 = a32_zext(t, addr), v = a32_r(t, a->d);
    const IrInsn *load = known_reservation(t, addr64, size);

    if (size == 3) {
        IrVal second = a32_r(t, a->e);
        v = a32_big(t) ? a32_pair(t, second, v) : a32_pair(t, v, second);
    }
    v = in_order(t, size, v);
    if (load) {
        IrVal failed = store_known(t, a, size, addr, v, load);
        ir_put(b, A32_SLOT_EXCL_ADDR, a32_imm64(t, (int64_t)ARM_NO_RESERVATION));
        a32_put(t, a->s, ir_zext(b, IR_I32, failed));
        return;
    }
    if (size)
        a32_need_aligned(t, addr, 1u << size);
    IrVal args[3] = {addr64, size == 3 ? v : a32_zext(t, v), a32_imm64(t, size << 8 | a->s)};
    ir_call(b, A32_HELPER_strex, args, 3);
}

void a32_trans_ldrex(Trans *t, const A32Args *a) { load_exclusive(t, a, 2); }
void a32_trans_ldrexb(Trans *t, const A32Args *a) { load_exclusive(t, a, 0); }
void a32_trans_ldrexh(Trans *t, const A32Args *a) { load_exclusive(t, a, 1); }
void a32_trans_ldrexd(Trans *t, const A32Args *a) { load_exclusive(t, a, 3); }
void a32_trans_strex(Trans *t, const A32Args *a) { store_exclusive(t, a, 2); }
void a32_trans_strexb(Trans *t, const A32Args *a) { store_exclusive(t, a, 0); }
void a32_trans_strexh(Trans *t, const A32Args *a) { store_exclusive(t, a, 1); }
void a32_trans_strexd(Trans *t, const A32Args *a) { store_exclusive(t, a, 3); }

void a32_trans_clrex(Trans *t, const A32Args *a)
{
    ir_put(t->b, A32_SLOT_EXCL_ADDR, a32_imm64(t, (int64_t)ARM_NO_RESERVATION));
}

/* ---- acquire, release, swap ---- */

static void load_acquire(Trans *t, const A32Args *a, unsigned size)
{
    IrMem mem = a32_mem(t, size);
    IrVal addr = a32_r(t, a->n);

    if (size)
        a32_need_aligned(t, addr, 1u << size);
    mem.order = IR_ACQUIRE;
    a32_put(t, a->d, a32_ld(t, IR_I32, addr, 0, mem));
}

/* A store-release is not overtaken by a later load-acquire. */
static void store_release(Trans *t, const A32Args *a, unsigned size)
{
    IrMem mem = a32_mem(t, size);
    A32Pair x = a32_two(t, a->n, a->d);

    if (size)
        a32_need_aligned(t, x.n, 1u << size);
    mem.order = t->ctx & CTX_PARALLEL ? IR_SEQ_CST : IR_RELAXED;
    a32_st(t, x.m, x.n, 0, mem);
}

void a32_trans_lda(Trans *t, const A32Args *a) { load_acquire(t, a, 2); }
void a32_trans_ldab(Trans *t, const A32Args *a) { load_acquire(t, a, 0); }
void a32_trans_ldah(Trans *t, const A32Args *a) { load_acquire(t, a, 1); }
void a32_trans_stl(Trans *t, const A32Args *a) { store_release(t, a, 2); }
void a32_trans_stlb(Trans *t, const A32Args *a) { store_release(t, a, 0); }
void a32_trans_stlh(Trans *t, const A32Args *a) { store_release(t, a, 1); }

static void swap(Trans *t, const A32Args *a, unsigned size)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->n, a->m);
    IrMem mem = a32_mem(t, size);
    IrVal old;

    if (size)
        a32_need_aligned(t, x.n, 1u << size);
    if (t->ctx & CTX_PARALLEL) {
        old = ir_rmw(b, IR_RMW_XCHG, IR_I32, a32_at(t, x.n), x.m, mem);
    } else {
        old = a32_ld(t, IR_I32, x.n, 0, mem);
        a32_st(t, x.m, x.n, 0, mem);
    }
    a32_put(t, a->d, old);
}

void a32_trans_swp(Trans *t, const A32Args *a) { swap(t, a, 2); }
void a32_trans_swpb(Trans *t, const A32Args *a) { swap(t, a, 0); }

void a32_trans_dmb(Trans *t, const A32Args *a)
{
    if (t->ctx & CTX_PARALLEL)
        ir_fence(t->b, IR_FENCE_RR | IR_FENCE_RW | IR_FENCE_WR | IR_FENCE_WW);
}

/* Changed code is told by a system call on 32-bit Arm. */
void a32_trans_isb(Trans *t, const A32Args *a) {}
