/* Compositions that A64 and A32 share, see arm_simd.h. */
#include "target/arm/arm_simd.h"

/* Row i of n in both halves times the rows of m gives row i of the product as pairs of lanes to be added. */
IrVal arm_simd_matrix(IrBuilder *b, uint32_t sign, IrVal d, IrVal n, IrVal m)
{
    IrVal zero = ir_vconst(b, IR_V128, 0, 0), row[2];

    for (unsigned i = 0; i < 2; i++) {
        IrVal ni = ir_vdupl(b, IR_V128, IR_LANE_64, IR_VA_N(i), n);
        row[i] = ir_vdot(b, IR_V128, IR_LANE_8, sign, zero, ni, m);
    }
    return ir_vadd(b, IR_V128, IR_LANE_32, 0, d, ir_vpadd(b, IR_V128, IR_LANE_32, 0, row[0], row[1]));
}

static IrVal bits_and(IrBuilder *b, IrVal v, unsigned size, uint64_t mask)
{
    return ir_vand(b, IR_V128, IR_LANE_8, 0, v, ir_vconst_dup(b, IR_V128, size, mask));
}

/* NaNs and infinities are done here: signaling NaNs stay so, since which NaN wins is decided among all
 * operands of the multiplication, and AHP, which conversions look at, means nothing. FZ16 flushes, which
 * conversions do not. */
IrVal arm_simd_widened_f16(IrBuilder *b, uint32_t attr, IrVal h)
{
    IrVal magnitude = bits_and(b, h, 1, 0x7fff), w = ir_vwiden(b, IR_V128, IR_LANE_16, 0, h);
    IrVal special =
        ir_vcmp(b, IR_V128, IR_LANE_16, IR_VA_N(IR_GT), magnitude, ir_vconst_dup(b, IR_V128, 1, 0x7bff));
    IrVal sign = ir_vshl(b, IR_V128, IR_LANE_32, IR_VA_N(16), bits_and(b, w, 2, 0x8000));
    IrVal payload = ir_vshl(b, IR_V128, IR_LANE_32, IR_VA_N(13), bits_and(b, w, 2, 0x3ff));
    IrVal numbers = ir_vandn(b, IR_V128, IR_LANE_8, 0, h, special);

    payload = ir_vor(b, IR_V128, IR_LANE_8, 0, payload, ir_vconst_dup(b, IR_V128, 2, 0x7f800000));
    if (b->r->fp & IR_FP_FZ16) {
        IrVal zeros = ir_vconst(b, IR_V128, 0, 0);
        IrVal tiny = ir_vcmp(b, IR_V128, IR_LANE_16, IR_VA_N(IR_EQ), bits_and(b, h, 1, 0x7c00), zeros);
        numbers = ir_vbsl(b, IR_V128, IR_LANE_8, 0, tiny, bits_and(b, h, 1, 0x8000), numbers);
    }
    numbers = ir_vfwiden(b, IR_V128, IR_LANE_F16, attr, numbers);
    return ir_vbsl(b, IR_V128, IR_LANE_8, 0, ir_vwiden(b, IR_V128, IR_LANE_16, IR_VA_S, special),
                   ir_vor(b, IR_V128, IR_LANE_8, 0, sign, payload), numbers);
}

static unsigned size_of(const ArmComplex *c) { return c->lane & 7; }

/* Both parts of each number exchanged. */
static IrVal exchanged(const ArmComplex *c, IrVal v)
{
    if (size_of(c) == 3)
        return ir_vext(c->b, IR_V128, IR_LANE_8, IR_VA_N(8), v, v);
    return ir_vrev(c->b, c->type, size_of(c), IR_VA_N(size_of(c) + 1u), v);
}
/* Signs inverted of the real (1) and imaginary (2) parts. */
static IrVal signs(const ArmComplex *c, unsigned which, IrVal v)
{
    unsigned bits = 8u << size_of(c);
    uint64_t sign = 1ull << (bits - 1), even = which & 1 ? sign : 0, odd = which & 2 ? sign : 0;
    IrVal mask = bits == 64 ? ir_vconst(c->b, IR_V128, even, odd)
                            : ir_vconst_dup(c->b, c->type, size_of(c) + 1u, even | odd << bits);

    return ir_vxor(c->b, c->type, IR_LANE_8, 0, v, mask);
}

IrVal arm_simd_complex_add(const ArmComplex *c, bool by_270, IrVal n, IrVal m)
{
    m = signs(c, by_270 ? 2 : 1, exchanged(c, m));
    return ir_vfadd(c->b, c->type, c->lane, c->attr, n, m);
}

IrVal arm_simd_complex_mla(const ArmComplex *c, unsigned quarters, IrVal d, IrVal n, IrVal m)
{
    static const uint8_t inverted[4] = {0, 1, 3, 2};
    bool imaginary = quarters & 1;

    n = ir_vtrn(c->b, c->type, size_of(c), imaginary ? IR_VA_HI : 0, n, n);
    if (imaginary)
        m = exchanged(c, m);
    if (quarters)
        m = signs(c, inverted[quarters], m);
    return ir_vfma(c->b, c->type, c->lane, c->attr, n, m, d);
}
