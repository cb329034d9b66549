/* Arm ARM, "Advanced SIMD": operations between lanes of two widths, a->size being the narrow one, and shifts
 * by immediates. The "2" forms (128-bit) read or write the upper half of the narrow operands. */
#include "target/arm/a64_simd.h"

static unsigned wide(const A64Args *a) { return a->size + 1u; }

/* The half of Vr that the row reads, at twice the width. */
static IrVal widened(Trans *t, const A64Args *a, IrVal v, uint32_t sign)
{
    return ir_vwiden(t->b, IR_V128, a->size, sign | simd_hi(a), v);
}

/* "Three different" */
static void add_long(Trans *t, const A64Args *a, IrOp op, bool n_wide)
{
    IrVal n = simd_q(t, a->rn), m = simd_q(t, a->rm);
    IrVal x = n_wide ? n : widened(t, a, n, simd_sign(a)), y = widened(t, a, m, simd_sign(a));

    simd_put_any(t, a->rd, ir_vec(t->b, op, IR_V128, wide(a), 0, x, y, IR_NONE, IR_NONE));
}
void a64_trans_xaddl(Trans *t, const A64Args *a) { add_long(t, a, IR_VADD, false); }
void a64_trans_xaddw(Trans *t, const A64Args *a) { add_long(t, a, IR_VADD, true); }
void a64_trans_xsubl(Trans *t, const A64Args *a) { add_long(t, a, IR_VSUB, false); }
void a64_trans_xsubw(Trans *t, const A64Args *a) { add_long(t, a, IR_VSUB, true); }

static IrVal abd_long(Trans *t, const A64Args *a)
{
    IrVal n = simd_q(t, a->rn);

    return widened(t, a, ir_vabd(t->b, IR_V128, a->size, simd_sign(a), n, simd_q(t, a->rm)), 0);
}
static IrVal mul_long(Trans *t, const A64Args *a, uint32_t sign)
{
    IrVal n = simd_q(t, a->rn);

    return ir_vmull(t->b, IR_V128, a->size, sign | simd_hi(a), n, simd_m_q(t, a));
}
static void accumulate_long(Trans *t, const A64Args *a, IrOp op, IrVal v)
{
    simd_put_any(t, a->rd, ir_vec(t->b, op, IR_V128, wide(a), 0, simd_q(t, a->rd), v, IR_NONE, IR_NONE));
}
void a64_trans_xabdl(Trans *t, const A64Args *a) { simd_put_any(t, a->rd, abd_long(t, a)); }
void a64_trans_xabal(Trans *t, const A64Args *a) { accumulate_long(t, a, IR_VADD, abd_long(t, a)); }
void a64_trans_xmull(Trans *t, const A64Args *a) { simd_put_any(t, a->rd, mul_long(t, a, simd_sign(a))); }
void a64_trans_xmlal(Trans *t, const A64Args *a)
{
    accumulate_long(t, a, IR_VADD, mul_long(t, a, simd_sign(a)));
}
void a64_trans_xmlsl(Trans *t, const A64Args *a)
{
    accumulate_long(t, a, IR_VSUB, mul_long(t, a, simd_sign(a)));
}

void a64_trans_pmull(Trans *t, const A64Args *a)
{
    IrVal n = simd_q(t, a->rn);

    simd_put_any(t, a->rd, ir_vpmull(t->b, IR_V128, a->size, simd_hi(a), n, simd_q(t, a->rm)));
}

/* SQDMULL: twice the product; only MIN * MIN saturates. */
static IrVal double_long(Trans *t, const A64Args *a)
{
    IrVal p = mul_long(t, a, IR_VA_S);
    IrVal v = ir_vqadd(t->b, IR_V128, wide(a), IR_VA_S, p, p);

    simd_put_qc(t, a, wide(a),
                ir_vxor(t->b, IR_V128, IR_LANE_8, 0, v, ir_vadd(t->b, IR_V128, wide(a), 0, p, p)));
    return v;
}
static void double_accumulate(Trans *t, const A64Args *a, IrOp sat, IrOp wrap)
{
    IrBuilder *b = t->b;
    IrVal d = simd_q(t, a->rd), p = double_long(t, a);
    IrVal v = ir_vec(b, sat, IR_V128, wide(a), IR_VA_S, d, p, IR_NONE, IR_NONE);
    IrVal w = ir_vec(b, wrap, IR_V128, wide(a), 0, d, p, IR_NONE, IR_NONE);

    simd_put_qc(t, a, wide(a), ir_vxor(b, IR_V128, IR_LANE_8, 0, v, w));
    simd_put_wide(t, a, v);
}
void a64_trans_sqdmull_v(Trans *t, const A64Args *a) { simd_put_wide(t, a, double_long(t, a)); }
void a64_trans_sqdmlal_v(Trans *t, const A64Args *a) { double_accumulate(t, a, IR_VQADD, IR_VADD); }
void a64_trans_sqdmlsl_v(Trans *t, const A64Args *a) { double_accumulate(t, a, IR_VQSUB, IR_VSUB); }

/* The upper halves of sums and differences */
static void high_half(Trans *t, const A64Args *a, IrOp op, bool round)
{
    IrBuilder *b = t->b;
    unsigned half = simd_lane_bits(a);
    IrVal n = simd_q(t, a->rn);
    IrVal v = ir_vec(b, op, IR_V128, wide(a), 0, n, simd_q(t, a->rm), IR_NONE, IR_NONE);

    if (round)
        v = ir_vadd(b, IR_V128, wide(a), 0, v, ir_vconst_dup(b, IR_V128, wide(a), 1ull << (half - 1)));
    v = ir_vshr(b, IR_V128, wide(a), IR_VA_N(half), v);
    simd_put_narrow(t, a, ir_vnarrow(b, IR_V128, wide(a), 0, v, IR_NONE));
}
void a64_trans_addhn(Trans *t, const A64Args *a) { high_half(t, a, IR_VADD, false); }
void a64_trans_raddhn(Trans *t, const A64Args *a) { high_half(t, a, IR_VADD, true); }
void a64_trans_subhn(Trans *t, const A64Args *a) { high_half(t, a, IR_VSUB, false); }
void a64_trans_rsubhn(Trans *t, const A64Args *a) { high_half(t, a, IR_VSUB, true); }

/* Narrowing. `sat`: 0, or IR_VA_SAT with IR_VA_S or IR_VA_MIX as vnarrow has it; what does not come back is
 * saturated. */
static void narrow(Trans *t, const A64Args *a, IrVal v, uint32_t sat)
{
    IrBuilder *b = t->b;
    IrVal r = ir_vnarrow(b, IR_V128, wide(a), sat, v, IR_NONE);

    if (sat) {
        IrVal back = ir_vwiden(b, IR_V128, a->size, sat & IR_VA_S, r);
        simd_put_qc(t, a, wide(a), ir_vxor(b, IR_V128, IR_LANE_8, 0, back, v));
    }
    simd_put_narrow(t, a, r);
}
enum { SQ = IR_VA_SAT | IR_VA_S, UQ = IR_VA_SAT, SQU = IR_VA_SAT | IR_VA_MIX };
void a64_trans_xtn_v(Trans *t, const A64Args *a) { narrow(t, a, simd_q(t, a->rn), 0); }
void a64_trans_sqxtn_v(Trans *t, const A64Args *a) { narrow(t, a, simd_q(t, a->rn), SQ); }
void a64_trans_uqxtn_v(Trans *t, const A64Args *a) { narrow(t, a, simd_q(t, a->rn), UQ); }
void a64_trans_sqxtun_v(Trans *t, const A64Args *a) { narrow(t, a, simd_q(t, a->rn), SQU); }

static void shift_narrow(Trans *t, const A64Args *a, uint32_t shift, uint32_t sat)
{
    narrow(t, a, ir_vshr(t->b, IR_V128, wide(a), shift | IR_VA_N(a->amount), simd_q(t, a->rn)), sat);
}
void a64_trans_shrn(Trans *t, const A64Args *a) { shift_narrow(t, a, 0, 0); }
void a64_trans_rshrn(Trans *t, const A64Args *a) { shift_narrow(t, a, IR_VA_ROUND, 0); }
void a64_trans_sqshrn(Trans *t, const A64Args *a) { shift_narrow(t, a, IR_VA_S, SQ); }
void a64_trans_sqrshrn(Trans *t, const A64Args *a) { shift_narrow(t, a, IR_VA_S | IR_VA_ROUND, SQ); }
void a64_trans_uqshrn(Trans *t, const A64Args *a) { shift_narrow(t, a, 0, UQ); }
void a64_trans_uqrshrn(Trans *t, const A64Args *a) { shift_narrow(t, a, IR_VA_ROUND, UQ); }
void a64_trans_sqshrun(Trans *t, const A64Args *a) { shift_narrow(t, a, IR_VA_S, SQU); }
void a64_trans_sqrshrun(Trans *t, const A64Args *a) { shift_narrow(t, a, IR_VA_S | IR_VA_ROUND, SQU); }

/* Widening shifts */
static void shift_long(Trans *t, const A64Args *a, uint32_t sign)
{
    IrVal v = widened(t, a, simd_q(t, a->rn), sign);

    simd_put_any(t, a->rd, a->amount ? ir_vshl(t->b, IR_V128, wide(a), IR_VA_N(a->amount), v) : v);
}
void a64_trans_shll(Trans *t, const A64Args *a) { shift_long(t, a, 0); }
void a64_trans_xshll_imm(Trans *t, const A64Args *a) { shift_long(t, a, simd_sign(a)); }

/* Shifts by immediates, one width */
static void shift_right(Trans *t, const A64Args *a, uint32_t attr, bool add)
{
    IrType type = simd_type(a);
    IrVal v = ir_vshr(t->b, type, a->size, simd_sign(a) | attr | IR_VA_N(a->amount), simd_v(t, a, a->rn));

    simd_put(t, a, add ? ir_vadd(t->b, type, a->size, 0, simd_v(t, a, a->rd), v) : v);
}
void a64_trans_xshr_imm(Trans *t, const A64Args *a) { shift_right(t, a, 0, false); }
void a64_trans_xsra_imm(Trans *t, const A64Args *a) { shift_right(t, a, 0, true); }
void a64_trans_xrshr_imm(Trans *t, const A64Args *a) { shift_right(t, a, IR_VA_ROUND, false); }
void a64_trans_xrsra_imm(Trans *t, const A64Args *a) { shift_right(t, a, IR_VA_ROUND, true); }

void a64_trans_shl_imm(Trans *t, const A64Args *a)
{
    simd_put(t, a, ir_vshl(t->b, simd_type(a), a->size, IR_VA_N(a->amount), simd_v(t, a, a->rn)));
}

/* Insert: bits of Vd where the shifted value has none. */
static void shift_insert(Trans *t, const A64Args *a, IrOp row, uint64_t keep)
{
    IrBuilder *b = t->b;
    IrType type = simd_type(a);
    IrVal v =
        ir_vec(b, row, type, a->size, IR_VA_N(a->amount), simd_v(t, a, a->rn), IR_NONE, IR_NONE, IR_NONE);
    IrVal d = ir_vand(b, type, IR_LANE_8, 0, simd_v(t, a, a->rd), ir_vconst_dup(b, type, a->size, keep));

    simd_put(t, a, ir_vor(b, type, IR_LANE_8, 0, d, v));
}
void a64_trans_sli_imm(Trans *t, const A64Args *a) { shift_insert(t, a, IR_VSHL, (1ull << a->amount) - 1); }
void a64_trans_sri_imm(Trans *t, const A64Args *a)
{
    unsigned bits = simd_lane_bits(a), n = a->amount;

    shift_insert(t, a, IR_VSHR, n == bits ? ~0ull : ~0ull << (bits - n));
}
