/* Arm ARM, "Loads and Stores": everything on general registers but exclusives and atomics
 * (a64_trans_atomic.c) and pointer authentication (a64_trans_pauth.c).
 *
 * Plain accesses may be unaligned; they are then not single-copy atomic. A pair is two accesses (FEAT_LSE2 is
 * not there). A base register is written after the last access. A load into XZR still reads memory: it may
 * fault. */
#include "target/arm/a64_trans.h"

/* Where an access goes: [base, disp], and what the base register gets. */
typedef enum Index { INDEX_OFFSET, INDEX_POST, INDEX_PRE } Index;

typedef struct Place {
    IrVal base;
    int32_t disp;
} Place;

static Place place_imm(Trans *t, const A64Args *a, Index index)
{
    return (Place){a64_x_sp(t, a->rn), index == INDEX_POST ? 0 : (int32_t)a->imm};
}

static Place place_reg(Trans *t, const A64Args *a)
{
    IrVal base = a64_x_sp(t, a->rn);

    return (Place){ir_add(t->b, IR_I64, base, a64_extended(t, true, a->rm, a->kind, a->amount)), 0};
}

static void write_back(Trans *t, const A64Args *a, Index index, IrVal base)
{
    if (index != INDEX_OFFSET)
        a64_put_x_sp(t, a->rn, ir_add(t->b, IR_I64, base, a64_imm(t, a->imm)));
}

static void store(Trans *t, const A64Args *a, Place p)
{
    ir_st(t->b, a64_x(t, a->rd), p.base, p.disp, a64_mem(t, a->size));
}

static IrVal load(Trans *t, const A64Args *a, Place p)
{
    return ir_ld(t->b, IR_I64, p.base, p.disp, a64_mem(t, a->size));
}

/* Sign-extending: opc<0> (bit 22) set means to 32 bits. */
static IrVal load_signed(Trans *t, const A64Args *a, Place p)
{
    IrMem mem = a64_mem(t, a->size);

    mem.sext = 1;
    if (!(a->bits >> 22 & 1))
        return ir_ld(t->b, IR_I64, p.base, p.disp, mem);
    return ir_zext(t->b, IR_I64, ir_ld(t->b, IR_I32, p.base, p.disp, mem));
}

static void str_imm(Trans *t, const A64Args *a, Index index)
{
    Place p = place_imm(t, a, index);

    store(t, a, p);
    write_back(t, a, index, p.base);
}
static void ldr_imm(Trans *t, const A64Args *a, Index index)
{
    Place p = place_imm(t, a, index);
    IrVal v = load(t, a, p);

    write_back(t, a, index, p.base);
    a64_put_x(t, a->rd, v);
}
static void ldrs_imm(Trans *t, const A64Args *a, Index index)
{
    Place p = place_imm(t, a, index);
    IrVal v = load_signed(t, a, p);

    write_back(t, a, index, p.base);
    a64_put_x(t, a->rd, v);
}

void a64_trans_str_off(Trans *t, const A64Args *a) { str_imm(t, a, INDEX_OFFSET); }
void a64_trans_str_post(Trans *t, const A64Args *a) { str_imm(t, a, INDEX_POST); }
void a64_trans_str_pre(Trans *t, const A64Args *a) { str_imm(t, a, INDEX_PRE); }
void a64_trans_str_reg(Trans *t, const A64Args *a) { store(t, a, place_reg(t, a)); }
void a64_trans_ldr_off(Trans *t, const A64Args *a) { ldr_imm(t, a, INDEX_OFFSET); }
void a64_trans_ldr_post(Trans *t, const A64Args *a) { ldr_imm(t, a, INDEX_POST); }
void a64_trans_ldr_pre(Trans *t, const A64Args *a) { ldr_imm(t, a, INDEX_PRE); }
void a64_trans_ldr_reg(Trans *t, const A64Args *a) { a64_put_x(t, a->rd, load(t, a, place_reg(t, a))); }
void a64_trans_ldrs_off(Trans *t, const A64Args *a) { ldrs_imm(t, a, INDEX_OFFSET); }
void a64_trans_ldrs_post(Trans *t, const A64Args *a) { ldrs_imm(t, a, INDEX_POST); }
void a64_trans_ldrs_pre(Trans *t, const A64Args *a) { ldrs_imm(t, a, INDEX_PRE); }
void a64_trans_ldrs_reg(Trans *t, const A64Args *a)
{
    a64_put_x(t, a->rd, load_signed(t, a, place_reg(t, a)));
}

/* Unprivileged: at EL1 with EL0's permissions. */
static IrMem user_mem(const Trans *t, IrMem mem)
{
    if (a64_sys(t) && !(t->ctx & ARM_CTX_UAO))
        mem.mmuidx = 0;
    return mem;
}
void a64_trans_sttr(Trans *t, const A64Args *a)
{
    Place p = place_imm(t, a, INDEX_OFFSET);

    ir_st(t->b, a64_x(t, a->rd), p.base, p.disp, user_mem(t, a64_mem(t, a->size)));
}
void a64_trans_ldtr(Trans *t, const A64Args *a)
{
    Place p = place_imm(t, a, INDEX_OFFSET);

    a64_put_x(t, a->rd, ir_ld(t->b, IR_I64, p.base, p.disp, user_mem(t, a64_mem(t, a->size))));
}
void a64_trans_ldtrs(Trans *t, const A64Args *a)
{
    Place p = place_imm(t, a, INDEX_OFFSET);
    IrMem mem = user_mem(t, a64_mem(t, a->size));
    bool narrow = a->bits >> 22 & 1;

    mem.sext = 1;
    IrVal v = ir_ld(t->b, narrow ? IR_I32 : IR_I64, p.base, p.disp, mem);
    a64_put_x(t, a->rd, narrow ? ir_zext(t->b, IR_I64, v) : v);
}

/* opc (bits 31..30): 0 LDR W, 1 LDR X, 2 LDRSW */
void a64_trans_ldr_lit(Trans *t, const A64Args *a)
{
    IrMem mem = a64_mem(t, a->size == 1 ? 3 : 2);

    mem.sext = a->size == 2;
    a64_put_x(t, a->rd, ir_ld(t->b, IR_I64, a64_pc_value(t, t->pc + (uint64_t)a->imm), 0, mem));
}

/* Pairs: bits 25..23 are 0 non-temporal, 1 post-index, 2 offset, 3 pre-index. */
static Index pair_index(const A64Args *a)
{
    unsigned mode = a->bits >> 23 & 3;

    return mode == 1 ? INDEX_POST : mode == 3 ? INDEX_PRE : INDEX_OFFSET;
}

static void store_pair(Trans *t, const A64Args *a, unsigned size)
{
    Index index = pair_index(a);
    Place p = place_imm(t, a, index);
    IrVal first = a64_x(t, a->rd), second = a64_x(t, a->ra);

    ir_st(t->b, first, p.base, p.disp, a64_mem(t, size));
    ir_st(t->b, second, p.base, p.disp + (1 << size), a64_mem(t, size));
    write_back(t, a, index, p.base);
}

void a64_trans_stp(Trans *t, const A64Args *a) { store_pair(t, a, a->size); }

void a64_trans_ldp(Trans *t, const A64Args *a)
{
    Index index = pair_index(a);
    Place p = place_imm(t, a, index);
    IrMem mem = a64_mem(t, a->size);
    IrVal first, second;

    mem.sext = a->bits >> 30 & 1; /* LDPSW */
    first = ir_ld(t->b, IR_I64, p.base, p.disp, mem);
    second = ir_ld(t->b, IR_I64, p.base, p.disp + (1 << a->size), mem);
    write_back(t, a, index, p.base);
    a64_put_x(t, a->rd, first);
    a64_put_x(t, a->ra, second);
}

/* Load-acquire, store-release. A release store is a barrier for later loads too: an LDAR must not pass it. */
static void check_aligned(Trans *t, IrVal addr, unsigned size) { a64_check_aligned(t, addr, 1u << size); }

static IrVal ordered_address(Trans *t, const A64Args *a)
{
    IrVal addr = a64_x_sp(t, a->rn);

    if (a->imm)
        addr = ir_add(t->b, IR_I64, addr, a64_imm(t, a->imm));
    check_aligned(t, addr, a->size);
    return addr;
}

static IrMem ordered_mem(Trans *t, unsigned size, IrOrder order)
{
    IrMem mem = a64_mem(t, size);

    mem.order = t->ctx & CTX_PARALLEL ? order : IR_RELAXED;
    return mem;
}

void a64_trans_stlr(Trans *t, const A64Args *a)
{
    IrVal addr = ordered_address(t, a);

    ir_st(t->b, a64_x(t, a->rd), addr, 0, ordered_mem(t, a->size, IR_SEQ_CST));
}
void a64_trans_stlur(Trans *t, const A64Args *a) { a64_trans_stlr(t, a); }

void a64_trans_ldar(Trans *t, const A64Args *a)
{
    IrVal addr = ordered_address(t, a);

    a64_put_x(t, a->rd, ir_ld(t->b, IR_I64, addr, 0, ordered_mem(t, a->size, IR_ACQUIRE)));
}
void a64_trans_ldapr(Trans *t, const A64Args *a) { a64_trans_ldar(t, a); }
void a64_trans_ldapur(Trans *t, const A64Args *a) { a64_trans_ldar(t, a); }

void a64_trans_ldapurs(Trans *t, const A64Args *a)
{
    IrVal addr = ordered_address(t, a);
    IrMem mem = ordered_mem(t, a->size, IR_ACQUIRE);

    mem.sext = 1;
    if (a->bits >> 22 & 1)
        a64_put_w(t, a->rd, ir_ld(t->b, IR_I32, addr, 0, mem));
    else
        a64_put_x(t, a->rd, ir_ld(t->b, IR_I64, addr, 0, mem));
}

/* FEAT_LRCPC3. Pairs are two accesses; alignment is to the pair. */
void a64_trans_stlr_pre(Trans *t, const A64Args *a)
{
    IrVal addr = a64_x_sp(t, a->rn);

    addr = ir_add(t->b, IR_I64, addr, a64_imm(t, -(1 << a->size)));
    check_aligned(t, addr, a->size);
    ir_st(t->b, a64_x(t, a->rd), addr, 0, ordered_mem(t, a->size, IR_SEQ_CST));
    a64_put_x_sp(t, a->rn, addr);
}

void a64_trans_ldapr_post(Trans *t, const A64Args *a)
{
    IrVal addr = a64_x_sp(t, a->rn), v;

    check_aligned(t, addr, a->size);
    v = ir_ld(t->b, IR_I64, addr, 0, ordered_mem(t, a->size, IR_ACQUIRE));
    a64_put_x_sp(t, a->rn, ir_add(t->b, IR_I64, addr, a64_imm(t, 1 << a->size)));
    a64_put_x(t, a->rd, v);
}

/* The second register is bits 20..16; bit 12 clear: with write-back. */
void a64_trans_stilp(Trans *t, const A64Args *a)
{
    bool wb = !(a->bits >> 12 & 1);
    IrVal base = a64_x_sp(t, a->rn),
          addr = wb ? ir_add(t->b, IR_I64, base, a64_imm(t, -(2 << a->size))) : base;
    IrVal first = a64_x(t, a->rd), second = a64_x(t, a->rm);

    check_aligned(t, addr, a->size + 1);
    ir_st(t->b, first, addr, 0, a64_mem(t, a->size));
    ir_st(t->b, second, addr, 1 << a->size, ordered_mem(t, a->size, IR_SEQ_CST));
    if (wb)
        a64_put_x_sp(t, a->rn, addr);
}

void a64_trans_ldiapp(Trans *t, const A64Args *a)
{
    IrVal addr = a64_x_sp(t, a->rn), first, second;

    check_aligned(t, addr, a->size + 1);
    first = ir_ld(t->b, IR_I64, addr, 0, ordered_mem(t, a->size, IR_ACQUIRE));
    second = ir_ld(t->b, IR_I64, addr, 1 << a->size, ordered_mem(t, a->size, IR_ACQUIRE));
    if (!(a->bits >> 12 & 1))
        a64_put_x_sp(t, a->rn, ir_add(t->b, IR_I64, addr, a64_imm(t, 2 << a->size)));
    a64_put_x(t, a->rd, first);
    a64_put_x(t, a->rm, second);
}

/* Tags. There is no tag memory: stores of tags change nothing but the base register (and zero data, STZ
 * forms), tags read as 0. Alignment to the granule of 16 bytes is checked all the same. */
void a64_trans_stg(Trans *t, const A64Args *a)
{
    unsigned opc = a->bits >> 22 & 3, mode = a->bits >> 10 & 3;
    Index index = mode == 1 ? INDEX_POST : mode == 3 ? INDEX_PRE : INDEX_OFFSET;
    Place p = place_imm(t, a, index);
    IrVal addr = ir_add(t->b, IR_I64, p.base, a64_imm(t, p.disp));

    a64_check_aligned(t, addr, 16);
    if (opc & 1) /* STZG, STZ2G */
        a64_store_zeros(t, addr, opc & 2 ? 32 : 16);
    write_back(t, a, index, p.base);
}

void a64_trans_stgp(Trans *t, const A64Args *a)
{
    IrVal addr = a64_x_sp(t, a->rn);

    addr = ir_add(t->b, IR_I64, addr, a64_imm(t, pair_index(a) == INDEX_POST ? 0 : a->imm));
    a64_check_aligned(t, addr, 16);
    store_pair(t, a, 3);
}

void a64_trans_ldg(Trans *t, const A64Args *a)
{
    IrVal v = a64_x(t, a->rd);

    a64_put_x(t, a->rd, ir_and(t->b, IR_I64, v, a64_imm(t, ~(15ll << 56))));
}

void a64_check_aligned(Trans *t, IrVal addr, unsigned bytes)
{
    IrBuilder *b = t->b;
    IrVal low = ir_and(b, IR_I64, addr, a64_imm(t, bytes - 1));

    if (bytes > 1)
        ir_exit_if(b, ir_cmp(b, IR_NE, low, a64_imm(t, 0)), ir_exit_raise(b, t->pc, CPU_EXIT_MISALIGNED),
                   false);
}

void a64_store_zeros(Trans *t, IrVal addr, unsigned bytes)
{
    for (unsigned at = 0; at < bytes; at += 8)
        ir_st(t->b, a64_imm(t, 0), addr, (int32_t)at, a64_mem(t, 3));
}
