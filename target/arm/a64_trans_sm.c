/* Arm ARM, the cryptographic extensions: SM3 and SM4. Words of 32 bits, word 0 the lowest. */
#include "target/arm/a64_simd.h"

static IrVal xor2(Trans *t, IrVal x, IrVal y) { return ir_xor(t->b, IR_I32, x, y); }
static IrVal xor3(Trans *t, IrVal x, IrVal y, IrVal z) { return xor2(t, xor2(t, x, y), z); }
static IrVal add2(Trans *t, IrVal x, IrVal y) { return ir_add(t->b, IR_I32, x, y); }
static IrVal rol(Trans *t, IrVal v, unsigned n)
{
    return ir_rotr(t->b, IR_I32, v, ir_const(t->b, IR_I32, 32 - n));
}

static IrVal word(Trans *t, unsigned r, unsigned i)
{
    return ir_vget(t->b, IR_I32, IR_LANE_32, IR_VA_N(i), simd_q(t, r));
}
static void put_words(Trans *t, const A64Args *a, const IrVal w[4])
{
    IrVal v = ir_vzext(t->b, IR_V128, w[0]);

    for (unsigned i = 1; i < 4; i++)
        v = ir_vset(t->b, IR_V128, IR_LANE_32, IR_VA_N(i), v, w[i]);
    simd_put_any(t, a->rd, v);
}

void a64_trans_sm3ss1(Trans *t, const A64Args *a)
{
    IrVal n = word(t, a->rn, 3), m = word(t, a->rm, 3),
          sum = add2(t, add2(t, rol(t, n, 12), m), word(t, a->ra, 3));
    IrVal zero = ir_const(t->b, IR_I32, 0);

    put_words(t, a, (IrVal[]){zero, zero, zero, rol(t, sum, 7)});
}

/* SM3TT1A, 1B, 2A, 2B by bits 11..10; the word of Vm is a->kind. */
void a64_trans_sm3tt(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    unsigned which = a->bits >> 10 & 3;
    IrVal d0 = word(t, a->rd, 0), d1 = word(t, a->rd, 1), d2 = word(t, a->rd, 2), d3 = word(t, a->rd, 3);
    IrVal n = word(t, a->rn, 3), w = word(t, a->rm, a->kind), f, v;

    if (which == 1) /* majority */
        f = ir_or(b, IR_I32, ir_and(b, IR_I32, d3, ir_or(b, IR_I32, d1, d2)), ir_and(b, IR_I32, d1, d2));
    else if (which == 3) /* d3 ? d2 : d1 */
        f = xor2(t, d1, ir_and(b, IR_I32, d3, xor2(t, d1, d2)));
    else
        f = xor3(t, d1, d3, d2);
    if (which < 2) {
        v = add2(t, add2(t, add2(t, f, d0), xor2(t, n, rol(t, d3, 12))), w);
        put_words(t, a, (IrVal[]){d1, rol(t, d2, 9), d3, v});
    } else {
        v = add2(t, add2(t, add2(t, f, d0), n), w);
        put_words(t, a, (IrVal[]){d1, rol(t, d2, 19), d3, xor3(t, v, rol(t, v, 9), rol(t, v, 17))});
    }
}

static IrVal p1(Trans *t, IrVal v) { return xor3(t, v, rol(t, v, 15), rol(t, v, 23)); }

void a64_trans_sm3partw1(Trans *t, const A64Args *a)
{
    IrVal w[4];

    for (unsigned i = 0; i < 4; i++) {
        IrVal next = i < 3 ? word(t, a->rm, i + 1) : w[0];
        w[i] = p1(t, xor3(t, word(t, a->rd, i), word(t, a->rn, i), rol(t, next, 15)));
    }
    put_words(t, a, w);
}
void a64_trans_sm3partw2(Trans *t, const A64Args *a)
{
    IrVal w[4], first = IR_NONE;

    for (unsigned i = 0; i < 4; i++) {
        IrVal v = xor2(t, word(t, a->rn, i), rol(t, word(t, a->rm, i), 7));
        first = i ? first : v;
        w[i] = xor2(t, word(t, a->rd, i), v);
    }
    w[3] = xor2(t, w[3], p1(t, rol(t, first, 15)));
    put_words(t, a, w);
}

/* SM4: four rounds on the words of `state` with the words of `key`; the linear step differs. */
static void sm4(Trans *t, const A64Args *a, unsigned state, unsigned key, bool schedule)
{
    IrVal w[4];

    for (unsigned i = 0; i < 4; i++)
        w[i] = word(t, state, i);
    for (unsigned i = 0; i < 4; i++) {
        IrVal v = xor2(t, xor3(t, w[3], w[2], w[1]), word(t, key, i));
        IrVal s = ir_call(t->b, ARM_HELPER_sm4_sub, &v, 1), rotated;
        rotated = schedule
                      ? xor2(t, rol(t, s, 13), rol(t, s, 23))
                      : xor2(t, xor2(t, rol(t, s, 2), rol(t, s, 10)), xor2(t, rol(t, s, 18), rol(t, s, 24)));
        v = xor3(t, w[0], s, rotated);
        w[0] = w[1];
        w[1] = w[2];
        w[2] = w[3];
        w[3] = v;
    }
    put_words(t, a, w);
}
void a64_trans_sm4e(Trans *t, const A64Args *a) { sm4(t, a, a->rd, a->rn, false); }
void a64_trans_sm4ekey(Trans *t, const A64Args *a) { sm4(t, a, a->rn, a->rm, true); }
