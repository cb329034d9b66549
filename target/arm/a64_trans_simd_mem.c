/* Arm ARM, "Loads and Stores": SIMD and floating-point registers.
 *
 * Any alignment, but where memory or SCTLR.A wants elements to be aligned; accesses of 16 bytes and
 * structures are not single-copy atomic as a whole. All accesses come before the first write of a register.
 * Structures of two to four elements are read whole and sorted by shuffles; the address of a fault is that of
 * the first byte that cannot be accessed, as of the single elements. */
#include "target/arm/a64_simd.h"

typedef enum Index { INDEX_OFFSET, INDEX_POST, INDEX_PRE } Index;

static IrMem mem_of(const Trans *t, unsigned size, IrOrder order)
{
    IrMem mem = a64_mem(t, size);

    if (order != IR_RELAXED)
        mem.order = order & 7;
    return mem;
}

/* 1 << size bytes as a value that vzext takes. */
static IrVal load_mem(Trans *t, IrVal base, int32_t disp, IrMem mem)
{
    static const uint8_t types[5] = {IR_I32, IR_I32, IR_F32, IR_F64, IR_V128};

    return ir_ld(t->b, types[mem.size], base, disp, mem);
}
static IrVal load(Trans *t, IrVal base, int32_t disp, unsigned size, IrOrder order)
{
    return load_mem(t, base, disp, mem_of(t, size, order));
}

/* The low 1 << size bytes of v, a v128. */
static void store_mem(Trans *t, IrVal v, IrVal base, int32_t disp, IrMem mem)
{
    IrBuilder *b = t->b;
    unsigned size = mem.size;

    if (size < 2)
        v = ir_vget(b, IR_I32, size, 0, v);
    else if (size < 4)
        v = ir_vlow(b, size == 2 ? IR_F32 : IR_F64, v);
    ir_st(b, v, base, disp, mem);
}
static void store(Trans *t, IrVal v, IrVal base, int32_t disp, unsigned size, IrOrder order)
{
    store_mem(t, v, base, disp, mem_of(t, size, order));
}

static IrVal base_of(Trans *t, const A64Args *a) { return a64_x_sp(t, a->rn); }

static int32_t disp_of(const A64Args *a, Index index) { return index == INDEX_POST ? 0 : (int32_t)a->imm; }

static void write_back(Trans *t, const A64Args *a, Index index, IrVal base)
{
    if (index != INDEX_OFFSET)
        a64_put_x_sp(t, a->rn, ir_add(t->b, IR_I64, base, a64_imm(t, a->imm)));
}

/* One register */
static void load_one(Trans *t, const A64Args *a, Index index, IrOrder order)
{
    IrVal base = base_of(t, a), v = load(t, base, disp_of(a, index), a->size, order);

    write_back(t, a, index, base);
    simd_put_any(t, a->rd, v);
}
static void store_one(Trans *t, const A64Args *a, Index index, IrOrder order)
{
    IrVal base = base_of(t, a);

    store(t, simd_q(t, a->rd), base, disp_of(a, index), a->size, order);
    write_back(t, a, index, base);
}
void a64_trans_ldr_v(Trans *t, const A64Args *a) { load_one(t, a, INDEX_OFFSET, IR_RELAXED); }
void a64_trans_ldr_v_post(Trans *t, const A64Args *a) { load_one(t, a, INDEX_POST, IR_RELAXED); }
void a64_trans_ldr_v_pre(Trans *t, const A64Args *a) { load_one(t, a, INDEX_PRE, IR_RELAXED); }
void a64_trans_str_v(Trans *t, const A64Args *a) { store_one(t, a, INDEX_OFFSET, IR_RELAXED); }
void a64_trans_str_v_post(Trans *t, const A64Args *a) { store_one(t, a, INDEX_POST, IR_RELAXED); }
void a64_trans_str_v_pre(Trans *t, const A64Args *a) { store_one(t, a, INDEX_PRE, IR_RELAXED); }

/* Ordered: they must be aligned (FEAT_LSE2 is not there). A release is ordered with later acquires, too. */
static IrVal ordered_address(Trans *t, const A64Args *a)
{
    IrVal addr = ir_add(t->b, IR_I64, base_of(t, a), a64_imm(t, a->imm));

    a64_check_aligned(t, addr, 1u << a->size);
    return addr;
}
void a64_trans_ldapur_v(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd, load(t, ordered_address(t, a), 0, a->size, IR_ACQUIRE));
}
void a64_trans_stlur_v(Trans *t, const A64Args *a)
{
    store(t, simd_q(t, a->rd), ordered_address(t, a), 0, a->size, IR_SEQ_CST);
}

static IrVal indexed(Trans *t, const A64Args *a)
{
    IrVal base = base_of(t, a);

    return ir_add(t->b, IR_I64, base, a64_extended(t, true, a->rm, a->kind, a->amount));
}
void a64_trans_ldr_v_reg(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd, load(t, indexed(t, a), 0, a->size, IR_RELAXED));
}
void a64_trans_str_v_reg(Trans *t, const A64Args *a)
{
    store(t, simd_q(t, a->rd), indexed(t, a), 0, a->size, IR_RELAXED);
}

void a64_trans_ldr_v_lit(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd, load(t, a64_pc_value(t, t->pc + (uint64_t)a->imm), 0, a->size, IR_RELAXED));
}

/* Pairs */
static void load_pair(Trans *t, const A64Args *a, Index index)
{
    IrVal base = base_of(t, a);
    int32_t disp = disp_of(a, index);
    IrVal first = load(t, base, disp, a->size, IR_RELAXED);
    IrVal second = load(t, base, disp + (1 << a->size), a->size, IR_RELAXED);

    write_back(t, a, index, base);
    simd_put_any(t, a->rd, first);
    simd_put_any(t, a->ra, second);
}
static void store_pair(Trans *t, const A64Args *a, Index index)
{
    IrVal base = base_of(t, a), first = simd_q(t, a->rd), second = simd_q(t, a->ra);
    int32_t disp = disp_of(a, index);

    store(t, first, base, disp, a->size, IR_RELAXED);
    store(t, second, base, disp + (1 << a->size), a->size, IR_RELAXED);
    write_back(t, a, index, base);
}
void a64_trans_ldp_v(Trans *t, const A64Args *a) { load_pair(t, a, INDEX_OFFSET); }
void a64_trans_ldp_v_post(Trans *t, const A64Args *a) { load_pair(t, a, INDEX_POST); }
void a64_trans_ldp_v_pre(Trans *t, const A64Args *a) { load_pair(t, a, INDEX_PRE); }
void a64_trans_stp_v(Trans *t, const A64Args *a) { store_pair(t, a, INDEX_OFFSET); }
void a64_trans_stp_v_post(Trans *t, const A64Args *a) { store_pair(t, a, INDEX_POST); }
void a64_trans_stp_v_pre(Trans *t, const A64Args *a) { store_pair(t, a, INDEX_PRE); }

/* ---- structures ---- */

static unsigned list(const A64Args *a, unsigned i) { return (a->rd + i) & 31; }

/* Post-index by the bytes accessed or by Xm. */
static void post_index(Trans *t, const A64Args *a, IrVal base)
{
    if (a->bits >> 23 & 1)
        a64_put_x_sp(t, a->rn,
                     ir_add(t->b, IR_I64, base, a->rm == 31 ? a64_imm(t, a->imm) : a64_x(t, a->rm)));
}

static IrVal row2(Trans *t, const A64Args *a, IrOp op, uint32_t attr, IrVal x, IrVal y)
{
    return ir_vec(t->b, op, simd_type(a), a->size, attr, x, y, IR_NONE, IR_NONE);
}

/* A table of byte indices for vtbl, byte by byte. */
typedef struct Bytes {
    uint8_t b[16];
} Bytes;

static IrVal bytes_const(Trans *t, const Bytes *x)
{
    return ir_vconst(t->b, IR_V128, ld_u64(x->b), ld_u64(x->b + 8));
}

/* Bytes `from` of the three vectors v, 16 each; an index of 48 and more gives 0. */
static IrVal pick3(Trans *t, const IrVal v[3], const Bytes *from)
{
    IrBuilder *b = t->b;
    IrVal index = bytes_const(t, from);
    IrVal low = ir_vtbl(b, IR_V128, IR_LANE_8, 0, index, v[0], v[1], IR_NONE);

    return ir_vtbl(b, IR_V128, IR_LANE_8, IR_VA_N(32), index, v[2], IR_NONE, low);
}

/* v[0..2]: memory, 16 bytes each (64-bit vectors: 8 each). v128 all. */
static void split3(Trans *t, const A64Args *a, IrVal v[3])
{
    unsigned part = a->sf ? 16 : 8, size = 1u << a->size;
    IrVal out[3];

    for (unsigned k = 0; k < 3; k++) {
        Bytes from;
        for (unsigned j = 0; j < 16; j++) {
            unsigned at = (j / size * 3 + k) * size + j % size;
            from.b[j] = (uint8_t)(j < part ? at / part * 16 + at % part : 255);
        }
        out[k] = pick3(t, v, &from);
    }
    memcpy(v, out, sizeof(out));
}

static void join3(Trans *t, const A64Args *a, IrVal v[3])
{
    unsigned part = a->sf ? 16 : 8, size = 1u << a->size;
    IrVal out[3];

    for (unsigned k = 0; k < 3; k++) {
        Bytes from;
        for (unsigned j = 0; j < 16; j++) {
            unsigned at = k * part + j, element = at / size;
            from.b[j] = (uint8_t)(j < part ? element % 3 * 16 + element / 3 * size + at % size : 255);
        }
        out[k] = pick3(t, v, &from);
    }
    memcpy(v, out, sizeof(out));
}

/* Two by two: even elements first, then odd ones. */
static void split2(Trans *t, const A64Args *a, IrVal *x, IrVal *y)
{
    IrVal even = row2(t, a, IR_VUZP, 0, *x, *y), odd = row2(t, a, IR_VUZP, IR_VA_HI, *x, *y);

    *x = even;
    *y = odd;
}
static void join2(Trans *t, const A64Args *a, IrVal *x, IrVal *y)
{
    IrVal low = row2(t, a, IR_VZIP, 0, *x, *y), high = row2(t, a, IR_VZIP, IR_VA_HI, *x, *y);

    *x = low;
    *y = high;
}

static void split4(Trans *t, const A64Args *a, IrVal v[4])
{
    split2(t, a, &v[0], &v[1]); /* elements 0 and 2 of the structures; 1 and 3 */
    split2(t, a, &v[2], &v[3]);
    split2(t, a, &v[0], &v[2]);
    split2(t, a, &v[1], &v[3]);
}
static void join4(Trans *t, const A64Args *a, IrVal v[4])
{
    join2(t, a, &v[0], &v[2]);
    join2(t, a, &v[1], &v[3]);
    join2(t, a, &v[0], &v[1]);
    join2(t, a, &v[2], &v[3]);
}

/* A register's elements, all by one access. */
static IrMem elements_mem(const Trans *t, const A64Args *a)
{
    IrMem mem = a64_mem(t, a->sf ? 4 : 3);

    if (a64_sys(t)) {
        mem.order = IR_ELEMENTS;
        mem.scale = a->size & 3;
    }
    return mem;
}
static IrVal multi_base(Trans *t, const A64Args *a)
{
    IrVal base = base_of(t, a);

    if (t->ctx & ARM_CTX_ALIGN64)
        a64_check_aligned(t, base, 1u << a->size);
    return base;
}

void a64_trans_ld_multi(Trans *t, const A64Args *a)
{
    unsigned n = a->amount, step = a->sf ? 16 : 8;
    IrVal base = multi_base(t, a), v[4];

    for (unsigned i = 0; i < n; i++) {
        v[i] = load_mem(t, base, (int32_t)(i * step), elements_mem(t, a));
        if (!a->sf)
            v[i] = ir_vzext(t->b, a->kind == 3 ? IR_V128 : IR_V64, v[i]);
    }
    if (a->kind == 2)
        split2(t, a, &v[0], &v[1]);
    else if (a->kind == 3)
        split3(t, a, v);
    else if (a->kind == 4)
        split4(t, a, v);
    post_index(t, a, base);
    for (unsigned i = 0; i < n; i++)
        simd_put_any(t, list(a, i), v[i]);
}

void a64_trans_st_multi(Trans *t, const A64Args *a)
{
    unsigned n = a->amount, step = a->sf ? 16 : 8;
    IrVal base = multi_base(t, a), v[4];

    for (unsigned i = 0; i < n; i++)
        v[i] = a->kind == 3 ? simd_q(t, list(a, i)) : simd_v(t, a, list(a, i));
    if (a->kind == 2)
        join2(t, a, &v[0], &v[1]);
    else if (a->kind == 3)
        join3(t, a, v);
    else if (a->kind == 4)
        join4(t, a, v);
    for (unsigned i = 0; i < n; i++)
        store_mem(t, v[i], base, (int32_t)(i * step), elements_mem(t, a));
    post_index(t, a, base);
}

/* One lane of each register */
static void load_lane(Trans *t, const A64Args *a, IrOrder order)
{
    IrMem mem = mem_of(t, a->size, order);
    IrVal base = base_of(t, a), v[4];

    for (unsigned i = 0; i < a->amount; i++)
        v[i] = ir_ld(t->b, a->size == 3 ? IR_I64 : IR_I32, base, (int32_t)(i << a->size), mem);
    for (unsigned i = 0; i < a->amount; i++)
        v[i] = ir_vset(t->b, IR_V128, a->size, IR_VA_N(a->kind), simd_q(t, list(a, i)), v[i]);
    post_index(t, a, base);
    for (unsigned i = 0; i < a->amount; i++)
        simd_put_any(t, list(a, i), v[i]);
}
static void store_lane(Trans *t, const A64Args *a, IrOrder order)
{
    IrMem mem = mem_of(t, a->size, order);
    IrVal base = base_of(t, a);

    for (unsigned i = 0; i < a->amount; i++) {
        IrVal v =
            ir_vget(t->b, a->size == 3 ? IR_I64 : IR_I32, a->size, IR_VA_N(a->kind), simd_q(t, list(a, i)));
        ir_st(t->b, v, base, (int32_t)(i << a->size), mem);
    }
    post_index(t, a, base);
}
void a64_trans_ld_lane(Trans *t, const A64Args *a) { load_lane(t, a, IR_RELAXED); }
void a64_trans_st_lane(Trans *t, const A64Args *a) { store_lane(t, a, IR_RELAXED); }
void a64_trans_ldap1(Trans *t, const A64Args *a)
{
    a64_check_aligned(t, base_of(t, a), 8);
    load_lane(t, a, IR_ACQUIRE);
}
void a64_trans_stl1(Trans *t, const A64Args *a)
{
    a64_check_aligned(t, base_of(t, a), 8);
    store_lane(t, a, IR_SEQ_CST);
}

/* To all lanes */
void a64_trans_ld_rep(Trans *t, const A64Args *a)
{
    IrVal base = base_of(t, a), v[4];

    for (unsigned i = 0; i < a->amount; i++)
        v[i] = ir_ld(t->b, a->size == 3 ? IR_I64 : IR_I32, base, (int32_t)(i << a->size),
                     a64_mem(t, a->size));
    post_index(t, a, base);
    for (unsigned i = 0; i < a->amount; i++)
        simd_put_any(t, list(a, i), ir_vdup(t->b, simd_type(a), a->size, 0, v[i]));
}
