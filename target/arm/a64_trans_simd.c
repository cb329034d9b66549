/* Arm ARM, "Advanced SIMD": what the files a64_trans_simd_*.c share; copy, permute, table, immediate,
 * bitwise. */
#include "target/arm/a64_simd.h"

static IrType type_of(Trans *t, IrVal v) { return ir_result_type(t->b->r, &t->b->r->insn[v]); }

IrVal simd_m_q(Trans *t, const A64Args *a)
{
    bool by_element = (a->bits >> 24 & 15) == 15;
    IrVal m = simd_q(t, a->rm);

    return by_element ? ir_vdupl(t->b, IR_V128, a->size, IR_VA_N(a->kind), m) : m;
}

IrVal simd_m(Trans *t, const A64Args *a)
{
    IrVal m = simd_m_q(t, a);

    return a->sf ? m : ir_vlow(t->b, IR_V64, m);
}

void simd_put_any(Trans *t, unsigned r, IrVal v)
{
    ir_put(t->b, ARM_SLOT_V + r, type_of(t, v) == IR_V128 ? v : ir_vzext(t->b, IR_V128, v));
}

/* Lane 0 of v, the others zero. */
static IrVal lane0(Trans *t, unsigned size, IrVal v)
{
    IrType type = type_of(t, v);

    if (size == 3)
        return type == IR_V64 ? v : ir_vzext(t->b, IR_V128, ir_vlow(t->b, IR_V64, v));
    return ir_vand(t->b, type, IR_LANE_8, 0, v, ir_vconst(t->b, type, (1ull << (8 << size)) - 1, 0));
}

void simd_put(Trans *t, const A64Args *a, IrVal v)
{
    simd_put_any(t, a->rd, simd_is_scalar(a) ? lane0(t, a->size, v) : v);
}

void simd_put_wide(Trans *t, const A64Args *a, IrVal v)
{
    simd_put_any(t, a->rd, simd_is_scalar(a) ? lane0(t, a->size + 1u, v) : v);
}

void simd_put_narrow(Trans *t, const A64Args *a, IrVal v)
{
    if (a->sf)
        v = ir_vsetv(t->b, IR_V128, IR_LANE_64, IR_VA_N(1), simd_q(t, a->rd), v);
    simd_put(t, a, v);
}

void simd_put_qc(Trans *t, const A64Args *a, unsigned size, IrVal v)
{
    if (simd_is_scalar(a))
        v = lane0(t, size, v);
    if (type_of(t, v) != IR_V128)
        v = ir_vzext(t->b, IR_V128, v);
    ir_put(t->b, ARM_SLOT_QC, ir_vor(t->b, IR_V128, IR_LANE_8, 0, ir_get(t->b, ARM_SLOT_QC), v));
}

/* Bitwise */
#define BITWISE(handler, value)                                                                              \
    void a64_trans_##handler(Trans *t, const A64Args *a)                                                     \
    {                                                                                                        \
        IrBuilder *b = t->b;                                                                                 \
        IrType type = simd_type(a);                                                                          \
        IrVal n = simd_v(t, a, a->rn), m = simd_v(t, a, a->rm);                                              \
                                                                                                             \
        simd_put(t, a, value);                                                                               \
    }
BITWISE(and_v, ir_vand(b, type, IR_LANE_8, 0, n, m))
BITWISE(bic_v, ir_vandn(b, type, IR_LANE_8, 0, n, m))
BITWISE(orr_v, n == m ? n : ir_vor(b, type, IR_LANE_8, 0, n, m))
BITWISE(orn_v, ir_vor(b, type, IR_LANE_8, 0, n, ir_vnot(b, type, IR_LANE_8, 0, m)))
BITWISE(eor_v, ir_vxor(b, type, IR_LANE_8, 0, n, m))
BITWISE(bsl_v, ir_vbsl(b, type, IR_LANE_8, 0, simd_v(t, a, a->rd), n, m))
BITWISE(bit_v, ir_vbsl(b, type, IR_LANE_8, 0, m, n, simd_v(t, a, a->rd)))
BITWISE(bif_v, ir_vbsl(b, type, IR_LANE_8, 0, m, simd_v(t, a, a->rd), n))

void a64_trans_not_v(Trans *t, const A64Args *a)
{
    simd_put(t, a, ir_vnot(t->b, simd_type(a), IR_LANE_8, 0, simd_v(t, a, a->rn)));
}

/* Modified immediate */
static IrVal imm_v(Trans *t, const A64Args *a)
{
    return ir_vconst_dup(t->b, simd_type(a), a->size, (uint64_t)a->imm);
}

static void put_imm(Trans *t, const A64Args *a, uint64_t v)
{
    for (unsigned bits = simd_lane_bits(a); bits < 64; bits *= 2)
        v = (v & (BIT(bits) - 1)) | v << bits;
    ir_put(t->b, ARM_SLOT_V + a->rd, ir_vconst(t->b, IR_V128, v, a->sf ? v : 0));
}

void a64_trans_movi(Trans *t, const A64Args *a) { put_imm(t, a, (uint64_t)a->imm); }
void a64_trans_mvni(Trans *t, const A64Args *a) { put_imm(t, a, ~(uint64_t)a->imm); }
void a64_trans_orr_imm_v(Trans *t, const A64Args *a)
{
    simd_put(t, a, ir_vor(t->b, simd_type(a), IR_LANE_8, 0, simd_v(t, a, a->rd), imm_v(t, a)));
}
void a64_trans_bic_imm_v(Trans *t, const A64Args *a)
{
    simd_put(t, a, ir_vandn(t->b, simd_type(a), IR_LANE_8, 0, simd_v(t, a, a->rd), imm_v(t, a)));
}

/* Copy */
static IrVal gen(Trans *t, const A64Args *a) { return a->size == 3 ? a64_x(t, a->rn) : a64_w(t, a->rn); }

void a64_trans_dup_elem(Trans *t, const A64Args *a)
{
    IrVal v = ir_vdupl(t->b, IR_V128, a->size, IR_VA_N(a->kind), simd_q(t, a->rn));

    simd_put(t, a, a->sf ? v : ir_vlow(t->b, IR_V64, v));
}

void a64_trans_dup_elem_s(Trans *t, const A64Args *a)
{
    IrVal n = simd_q(t, a->rn);

    if (a->kind)
        n = ir_vdupl(t->b, IR_V128, a->size, IR_VA_N(a->kind), n);
    simd_put(t, a, ir_vlow(t->b, IR_V64, n));
}

void a64_trans_dup_gen(Trans *t, const A64Args *a)
{
    simd_put(t, a, ir_vdup(t->b, simd_type(a), a->size, 0, gen(t, a)));
}

void a64_trans_ins_gen(Trans *t, const A64Args *a)
{
    simd_put_any(t, a->rd, ir_vset(t->b, IR_V128, a->size, IR_VA_N(a->kind), simd_q(t, a->rd), gen(t, a)));
}

void a64_trans_ins_elem(Trans *t, const A64Args *a)
{
    uint32_t attr = IR_VA_N(a->kind) | IR_VA_M(a->amount);

    simd_put_any(t, a->rd, ir_vsetv(t->b, IR_V128, a->size, attr, simd_q(t, a->rd), simd_q(t, a->rn)));
}

static void move_to_gen(Trans *t, const A64Args *a, uint32_t sign)
{
    a64_put_r(t, a->sf, a->rd,
              ir_vget(t->b, a64_type(a), a->size, sign | IR_VA_N(a->kind), simd_q(t, a->rn)));
}
void a64_trans_smov(Trans *t, const A64Args *a) { move_to_gen(t, a, IR_VA_S); }
void a64_trans_umov(Trans *t, const A64Args *a) { move_to_gen(t, a, 0); }

/* Permute and extract */
#define PERMUTE(handler, row, attr)                                                                          \
    void a64_trans_##handler(Trans *t, const A64Args *a)                                                     \
    {                                                                                                        \
        IrVal n = simd_v(t, a, a->rn);                                                                       \
                                                                                                             \
        simd_put(t, a,                                                                                       \
                 ir_vec(t->b, row, simd_type(a), a->size, attr, n, simd_v(t, a, a->rm), IR_NONE, IR_NONE));  \
    }
PERMUTE(zip1, IR_VZIP, 0)
PERMUTE(zip2, IR_VZIP, IR_VA_HI)
PERMUTE(uzp1, IR_VUZP, 0)
PERMUTE(uzp2, IR_VUZP, IR_VA_HI)
PERMUTE(trn1, IR_VTRN, 0)
PERMUTE(trn2, IR_VTRN, IR_VA_HI)
PERMUTE(ext, IR_VEXT, IR_VA_N(a->amount))

/* Table lookup: two registers at a time; what one look-up leaves is the default of the next. */
static void table(Trans *t, const A64Args *a, IrVal out)
{
    IrBuilder *b = t->b;
    IrVal index = simd_q(t, a->rm), v = out;

    for (unsigned i = 0; i < a->amount; i += 2) {
        IrVal low = simd_q(t, (a->rn + i) & 31);
        IrVal high = i + 1 < a->amount ? simd_q(t, (a->rn + i + 1) & 31) : IR_NONE;
        v = ir_vtbl(b, IR_V128, IR_LANE_8, IR_VA_N(i * 16), index, low, high, v);
    }
    simd_put(t, a, a->sf ? v : ir_vlow(b, IR_V64, v));
}
void a64_trans_tbl(Trans *t, const A64Args *a) { table(t, a, IR_NONE); }
void a64_trans_tbx(Trans *t, const A64Args *a) { table(t, a, simd_q(t, a->rd)); }

/* Reversals and counts of bits */
#define UNARY(handler, row, attr)                                                                            \
    void a64_trans_##handler(Trans *t, const A64Args *a)                                                     \
    {                                                                                                        \
        simd_put(t, a,                                                                                       \
                 ir_vec(t->b, row, simd_type(a), a->size, attr, simd_v(t, a, a->rn), IR_NONE, IR_NONE,       \
                        IR_NONE));                                                                           \
    }
UNARY(rev16_v, IR_VREV, IR_VA_N(1))
UNARY(rev32_v, IR_VREV, IR_VA_N(2))
UNARY(rev64_v, IR_VREV, IR_VA_N(3))
UNARY(rbit_v, IR_VRBIT, 0)
UNARY(cnt_v, IR_VCNT, 0)
UNARY(clz_v, IR_VCLZ, 0)

/* Leading bits that equal the sign: the zeros of a ^ (a >> 1), less one. */
void a64_trans_cls_v(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrType type = simd_type(a);
    IrVal n = simd_v(t, a, a->rn);
    IrVal x = ir_vxor(b, type, IR_LANE_8, 0, n, ir_vshr(b, type, a->size, IR_VA_S | IR_VA_N(1), n));

    simd_put(
        t, a,
        ir_vsub(b, type, a->size, 0, ir_vclz(b, type, a->size, 0, x), ir_vconst_dup(b, type, a->size, 1)));
}
