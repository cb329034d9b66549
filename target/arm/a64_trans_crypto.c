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
    IrVal low = ir_vshr(b, IR_V128, IR_LANE_64, IR_VA_N(n), v), high = ir_vshl(b, IR_V128, IR_LANE_64, IR_VA_N(64 - n), v);
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
