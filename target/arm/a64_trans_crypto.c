/* Arm ARM, the cryptographic extensions. */
#include "target/arm/a64_simd.h"

static void put_q(Trans *t, const A64Args *a, IrVal v) { simd_put_any(t, a->rd, v); }

/* AES: state Vd, key Vn; the columns' steps read Vn. */
static void aes(Trans *t, const A64Args *a, IrAes step)
{
    IrVal d = simd_q(t, a->rd);

    put_q(t, a, ir_vaes(t->b, IR_V128, IR_LANE_8, IR_VA_N(step), d, simd_q(t, a->rn)));
}
static void aes_columns(Trans *t, const A64Args *a, IrAes step)
{
    put_q(t, a, ir_vaes(t->b, IR_V128, IR_LANE_8, IR_VA_N(step), simd_q(t, a->rn), IR_NONE));
}
void a64_trans_aese(Trans *t, const A64Args *a) { aes(t, a, IR_AES_E); }
void a64_trans_aesd(Trans *t, const A64Args *a) { aes(t, a, IR_AES_D); }
void a64_trans_aesmc(Trans *t, const A64Args *a) { aes_columns(t, a, IR_AES_MC); }
void a64_trans_aesimc(Trans *t, const A64Args *a) { aes_columns(t, a, IR_AES_IMC); }

/* SHA-1 and SHA-256 */
static void sha(Trans *t, const A64Args *a, IrSha step, bool three)
{
    IrVal d = simd_q(t, a->rd), n = simd_q(t, a->rn), m = three ? simd_q(t, a->rm) : IR_NONE;

    put_q(t, a, ir_vsha(t->b, IR_V128, IR_LANE_32, IR_VA_N(step), d, n, m));
}
void a64_trans_sha1c(Trans *t, const A64Args *a) { sha(t, a, IR_SHA1C, true); }
void a64_trans_sha1p(Trans *t, const A64Args *a) { sha(t, a, IR_SHA1P, true); }
void a64_trans_sha1m(Trans *t, const A64Args *a) { sha(t, a, IR_SHA1M, true); }
void a64_trans_sha1su1(Trans *t, const A64Args *a) { sha(t, a, IR_SHA1SU1, false); }
void a64_trans_sha256h(Trans *t, const A64Args *a) { sha(t, a, IR_SHA256H, true); }
void a64_trans_sha256h2(Trans *t, const A64Args *a) { sha(t, a, IR_SHA256H2, true); }
void a64_trans_sha256su0(Trans *t, const A64Args *a) { sha(t, a, IR_SHA256SU0, false); }
void a64_trans_sha256su1(Trans *t, const A64Args *a) { sha(t, a, IR_SHA256SU1, true); }

static IrVal vxor(Trans *t, IrVal x, IrVal y) { return ir_vxor(t->b, IR_V128, IR_LANE_8, 0, x, y); }

/* Vd:Vn moved down by 64 bits, XOR Vd, XOR Vm */
void a64_trans_sha1su0(Trans *t, const A64Args *a)
{
    IrVal d = simd_q(t, a->rd), n = simd_q(t, a->rn), m = simd_q(t, a->rm);
    IrVal mid = ir_vext(t->b, IR_V128, IR_LANE_8, IR_VA_N(8), d, n);

    put_q(t, a, vxor(t, vxor(t, mid, d), m));
}

/* The low word rotated left by 30 */
void a64_trans_sha1h(Trans *t, const A64Args *a)
{
    IrVal w = ir_vget(t->b, IR_I32, IR_LANE_32, 0, simd_q(t, a->rn));

    put_q(t, a, ir_vzext(t->b, IR_V128, ir_rotr(t->b, IR_I32, w, ir_const(t->b, IR_I32, 2))));
}

/* SHA-3 */
static IrVal rotated_right(Trans *t, IrVal v, unsigned n)
{
    IrBuilder *b = t->b;

    if (n == 0)
        return v;
    IrVal low = ir_vshr(b, IR_V128, IR_LANE_64, IR_VA_N(n), v),
          high = ir_vshl(b, IR_V128, IR_LANE_64, IR_VA_N(64 - n), v);
    return ir_vor(b, IR_V128, IR_LANE_8, 0, low, high);
}
void a64_trans_eor3(Trans *t, const A64Args *a)
{
    IrVal n = simd_q(t, a->rn), m = simd_q(t, a->rm);

    put_q(t, a, vxor(t, vxor(t, n, m), simd_q(t, a->ra)));
}
void a64_trans_bcax(Trans *t, const A64Args *a)
{
    IrVal n = simd_q(t, a->rn), m = simd_q(t, a->rm);

    put_q(t, a, vxor(t, n, ir_vandn(t->b, IR_V128, IR_LANE_8, 0, m, simd_q(t, a->ra))));
}
void a64_trans_rax1(Trans *t, const A64Args *a)
{
    IrVal n = simd_q(t, a->rn);

    put_q(t, a, vxor(t, n, rotated_right(t, simd_q(t, a->rm), 63)));
}
void a64_trans_xar(Trans *t, const A64Args *a)
{
    IrVal n = simd_q(t, a->rn);

    put_q(t, a, rotated_right(t, vxor(t, n, simd_q(t, a->rm)), a->amount));
}

/* SHA-512 */
static IrVal rotr64(Trans *t, IrVal v, unsigned n)
{
    return ir_rotr(t->b, IR_I64, v, ir_const(t->b, IR_I64, n));
}
static IrVal xor64(Trans *t, IrVal x, IrVal y) { return ir_xor(t->b, IR_I64, x, y); }
static IrVal add64(Trans *t, IrVal x, IrVal y) { return ir_add(t->b, IR_I64, x, y); }
static IrVal and64(Trans *t, IrVal x, IrVal y) { return ir_and(t->b, IR_I64, x, y); }

static IrVal sigma64(Trans *t, IrVal v, unsigned i, unsigned j, unsigned k)
{
    return xor64(t, xor64(t, rotr64(t, v, i), rotr64(t, v, j)), rotr64(t, v, k));
}
/* x ? y : z by bits */
static IrVal choose64(Trans *t, IrVal x, IrVal y, IrVal z)
{
    return xor64(t, z, and64(t, x, xor64(t, y, z)));
}
static IrVal majority64(Trans *t, IrVal x, IrVal y, IrVal z)
{
    return xor64(t, xor64(t, and64(t, x, y), and64(t, x, z)), and64(t, y, z));
}
static IrVal half(Trans *t, unsigned r, unsigned i)
{
    return ir_vget(t->b, IR_I64, IR_LANE_64, IR_VA_N(i), simd_q(t, r));
}
static void put_halves(Trans *t, const A64Args *a, IrVal low, IrVal high)
{
    put_q(t, a, ir_vset(t->b, IR_V128, IR_LANE_64, IR_VA_N(1), ir_vzext(t->b, IR_V128, low), high));
}
void a64_trans_sha512h(Trans *t, const A64Args *a)
{
    IrVal x0 = half(t, a->rn, 0), x1 = half(t, a->rn, 1), y0 = half(t, a->rm, 0), y1 = half(t, a->rm, 1);
    IrVal w0 = half(t, a->rd, 0), w1 = half(t, a->rd, 1);
    IrVal high = add64(t, add64(t, choose64(t, y1, x0, x1), sigma64(t, y1, 14, 18, 41)), w1);
    IrVal mid = add64(t, high, y0);

    put_halves(t, a, add64(t, add64(t, choose64(t, mid, y1, x0), sigma64(t, mid, 14, 18, 41)), w0), high);
}
void a64_trans_sha512h2(Trans *t, const A64Args *a)
{
    IrVal x0 = half(t, a->rn, 0), y0 = half(t, a->rm, 0), y1 = half(t, a->rm, 1);
    IrVal w0 = half(t, a->rd, 0), w1 = half(t, a->rd, 1);
    IrVal high = add64(t, add64(t, majority64(t, x0, y1, y0), sigma64(t, y0, 28, 34, 39)), w1);

    put_halves(t, a, add64(t, add64(t, majority64(t, high, y0, y1), sigma64(t, high, 28, 34, 39)), w0), high);
}
/* v rotated by i and by j, and shifted by k */
static IrVal schedule(Trans *t, IrVal v, unsigned i, unsigned j, unsigned k)
{
    IrVal shifted = ir_vshr(t->b, IR_V128, IR_LANE_64, IR_VA_N(k), v);

    return vxor(t, vxor(t, rotated_right(t, v, i), rotated_right(t, v, j)), shifted);
}
static IrVal vadd64(Trans *t, IrVal x, IrVal y) { return ir_vadd(t->b, IR_V128, IR_LANE_64, 0, x, y); }
void a64_trans_sha512su0(Trans *t, const A64Args *a)
{
    IrVal w = simd_q(t, a->rd), x = ir_vext(t->b, IR_V128, IR_LANE_8, IR_VA_N(8), w, simd_q(t, a->rn));

    put_q(t, a, vadd64(t, w, schedule(t, x, 1, 8, 7)));
}
void a64_trans_sha512su1(Trans *t, const A64Args *a)
{
    IrVal w = simd_q(t, a->rd), x = simd_q(t, a->rn);

    put_q(t, a, vadd64(t, vadd64(t, w, schedule(t, x, 19, 61, 6)), simd_q(t, a->rm)));
}
