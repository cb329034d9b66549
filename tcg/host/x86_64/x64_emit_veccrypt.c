/* Carry-less products, AES, SHA and CRC. */
#include "tcg/host/x86_64/x64_vec.h"

static bool is_high(const IrInsn *i) { return i->imm & IR_VA_HI; }

/* ---- carry-less products ---- */

/* d = products of bytes, bit by bit of y: word lanes hold bytes widened before, byte lanes give the low
 * halves. Loses x and y; d, t are others. */
static void multiply_bits(X64Emit *e, bool words, int d, int x, int y, int t)
{
    int zero = words ? -1 : x64_scratch_x(e);
    if (!words)
        xv_zero(e, zero);
    xv_zero(e, d);
    for (int k = 0; k < 8; k++) { /* t = bit k of y in the whole lane */
        if (words) {
            xv_shift(e, 0x71, 6, t, y, 15 - k);
            xv_shift(e, 0x71, 4, t, t, 15);
        } else {
            xv_shift(e, 0x71, 6, t, y, 7 - k);
            xv3(e, XL_PCMPGTB, t, zero, t);
        }
        xv3(e, XL_PAND, t, t, x);
        xv3(e, XL_PXOR, d, d, t);
        if (k < 7)
            xv3(e, words ? XL_PADDW : XL_PADDB, x, x, x);
    }
}

void x64_emit_vpmul(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), y = x64_use_x(e, i->b), x = x64_scratch_x(e), t = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(y) | xv_bit(x) | xv_bit(t));
    xv_mov(e, x, a);
    multiply_bits(e, false, d, x, y, t);
}

void x64_emit_vpmull(X64Emit *e, const IrInsn *i)
{
    if (i->misc == IR_LANE_64) {
        if (!xv_has(e, X64_F_PCLMUL)) {
            x64_vec_fallback(e, i);
            return;
        }
        int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b);
        xv3i(e, XL_PCLMULQDQ, x64_def_x(e, a, 0), a, b, is_high(i) ? 0x11 : 0);
        return;
    }
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), x = x64_scratch_x(e), y = x64_scratch_x(e),
        t = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(x) | xv_bit(y) | xv_bit(t));
    if (is_high(i)) {
        xv2i(e, XL_PSHUFD, x, a, 0xee);
        xv2i(e, XL_PSHUFD, y, b, 0xee);
        a = x;
        b = y;
    }
    xv2(e, XL_PMOVZXBW, x, a);
    xv2(e, XL_PMOVZXBW, y, b);
    multiply_bits(e, true, d, x, y, t);
}

/* ---- AES ---- */

void x64_emit_vaes(X64Emit *e, const IrInsn *i)
{
    static const unsigned ops[] = {[IR_AES_E] = XL_AESENCLAST, [IR_AES_D] = XL_AESDECLAST,
                                   [IR_AES_EMC] = XL_AESENC, [IR_AES_DIMC] = XL_AESDEC};
    unsigned step = xv_n(i);
    if (!xv_has(e, X64_F_AES)) {
        x64_vec_fallback(e, i);
        return;
    }
    if (step == IR_AES_IMC) {
        xv_una(e, XL_AESIMC, i);
        return;
    }
    int a = x64_use_x(e, i->a), t = x64_scratch_x(e);
    if (step == IR_AES_MC) { /* the substitution undone, then a whole round */
        int d = xv_def(e, xv_bit(t));
        xv_zero(e, t);
        xv3(e, XL_AESDECLAST, d, a, t);
        xv3(e, XL_AESENC, d, d, t);
        return;
    }
    int b = x64_use_x(e, i->b), d = xv_def(e, xv_bit(t));
    xv_zero(e, t); /* the host adds its key last */
    xv3(e, XL_PXOR, d, a, b);
    xv3(e, ops[step], d, d, t);
}

/* ---- SHA. The host keeps its words in the other order, and SHA-256's as ABEF and CDGH. ---- */

static void legacy(X64Emit *e, int opc, int d, int s) { x64_sse_rr(e->a, X64_PNONE, X64_0F38, opc, 0, d, s); }

enum { SHA1MSG2 = 0xca, SHA256RNDS2 = 0xcb, SHA256MSG1 = 0xcc, SHA256MSG2 = 0xcd };

static void sha1_rounds(X64Emit *e, const IrInsn *i, unsigned kind)
{
    /* added by the host, and by the guest before */
    static const uint32_t k[3] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc};
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), c = x64_use_x(e, i->c), t = x64_scratch_x(e),
        u = x64_scratch_x(e);
    int d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(c) | xv_bit(t) | xv_bit(u));
    xv3l(e, XL_PADDD, t, c, xv_dup(IR_LANE_32, 0 - k[kind]));
    xv2i(e, XL_PSHUFD, t, t, 0x1b);
    xv_shift(e, 0x73, 7, u, b, 12);
    xv3(e, XL_PADDD, t, t, u);
    xv2i(e, XL_PSHUFD, d, a, 0x1b);
    x64_sse_rr_imm8(e->a, X64_PNONE, X64_0F3A, 0xcc, 0, d, t, (int)kind);
    xv2i(e, XL_PSHUFD, d, d, 0x1b);
}

/* x: a, b, c, d; y: e, f, g, h. `second`: the result is e, f, g, h. */
static void sha256_rounds(X64Emit *e, const IrInsn *i, bool second)
{
    int x = x64_use_x(e, second ? i->b : i->a), y = x64_use_x(e, second ? i->a : i->b),
        w = x64_use_x(e, i->c);
    int t = x64_scratch_x(e), u = x64_scratch_x(e), keep = x64_scratch_x(e);
    int d = xv_def(e, 1 | xv_bit(x) | xv_bit(y) | xv_bit(w) | xv_bit(t) | xv_bit(u) | xv_bit(keep));
    xv2i(e, XL_PSHUFD, t, x, 0xb1);
    xv2i(e, XL_PSHUFD, u, y, 0xb1);
    xv3(e, XL_PUNPCKLQDQ, d, u, t);  /* ABEF */
    xv3(e, XL_PUNPCKHQDQ, u, u, t);  /* CDGH */
    xv_mov(e, keep, 0);              /* the messages of two rounds are in xmm0 */
    xv_mov(e, 0, w);
    legacy(e, SHA256RNDS2, u, d);    /* u is ABEF now, d CDGH */
    xv2i(e, XL_PSHUFD, 0, 0, 0xee);
    legacy(e, SHA256RNDS2, d, u);
    xv_mov(e, 0, keep);
    xv3(e, second ? XL_PUNPCKLQDQ : XL_PUNPCKHQDQ, d, d, u);
    xv2i(e, XL_PSHUFD, d, d, 0xb1);
}

static void sha_schedule(X64Emit *e, const IrInsn *i)
{
    int a = x64_use_x(e, i->a), b = x64_use_x(e, i->b), t = x64_scratch_x(e), d;
    switch (xv_n(i)) {
    case IR_SHA1SU1:
        d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(t));
        xv2i(e, XL_PSHUFD, t, b, 0x1b);
        xv2i(e, XL_PSHUFD, d, a, 0x1b);
        legacy(e, SHA1MSG2, d, t);
        xv2i(e, XL_PSHUFD, d, d, 0x1b);
        break;
    case IR_SHA256SU0:
        d = x64_def_x(e, a, xv_bit(b) & ~xv_bit(a));
        xv_mov(e, t, b);
        xv_mov(e, d, a);
        legacy(e, SHA256MSG1, d, t);
        break;
    default: {
        int c = x64_use_x(e, i->c);
        d = xv_def(e, xv_bit(a) | xv_bit(b) | xv_bit(c) | xv_bit(t));
        xv3i(e, XL_PALIGNR, t, c, b, 4);
        xv3(e, XL_PADDD, d, a, t);
        legacy(e, SHA256MSG2, d, c);
        break;
    }
    }
}

void x64_emit_vsha(X64Emit *e, const IrInsn *i)
{
    if (!xv_has(e, X64_F_SHA)) {
        x64_vec_fallback(e, i);
        return;
    }
    switch (xv_n(i)) {
    case IR_SHA1C:
    case IR_SHA1P:
    case IR_SHA1M: sha1_rounds(e, i, xv_n(i)); break;
    case IR_SHA256H: sha256_rounds(e, i, false); break;
    case IR_SHA256H2: sha256_rounds(e, i, true); break;
    default: sha_schedule(e, i); break;
    }
}

/* ---- CRC ---- */

/* CRC-32 by Barrett reduction, everything bit-reversed: x = (crc ^ data), its bits at the top of 64; q = x +
 * (x * mu >> 64) with mu = floor(x^96 / P) less x^64; the remainder is in bits 95 .. 126 of q * P less x^32.
 * The product of two reversed numbers is one bit low. */
static void crc32_fold(X64Emit *e, const IrInsn *i, unsigned bits)
{
    static const IrVec mu_and_p = {{0x5a72d812fb808b20, 0xedb8832000000000}};
    int crc = x64_use(e, i->a), data = x64_use(e, i->b), t = x64_scratch(e);
    int x = x64_scratch_x(e), q = x64_scratch_x(e), k = x64_scratch_x(e);
    x64_mov_rr(e->a, 32, t, crc);
    x64_alu_rr(e->a, bits == 64 ? 64 : 32, X64_XOR, t, data);
    if (bits < 64)
        x64_shift_ri(e->a, 64, X64_SHL, t, (int)(64 - bits));
    x64_movd_xr(e->a, 64, x, t);
    x64_movaps_rm(e->a, k, x64_lit(e, mu_and_p));
    x64_lit_used(e, 0);
    xv3i(e, XL_PCLMULQDQ, q, x, k, 0x00);
    xv3(e, XL_PADDQ, q, q, q);
    xv3(e, XL_PXOR, q, q, x);
    xv3i(e, XL_PCLMULQDQ, q, q, k, 0x10);
    x64_lane_get(e->a, 64, t, q, 1);
    x64_shift_ri(e->a, 64, X64_SHR, t, 31);
    x64_mov_rr(e->a, 32, t, t);
    if (bits < 32) {
        int old = x64_scratch(e);
        x64_mov_rr(e->a, 32, old, crc);
        x64_shift_ri(e->a, 32, X64_SHR, old, (int)bits);
        x64_alu_rr(e->a, 32, X64_XOR, t, old);
    }
    x64_def_is(e, t);
}

void x64_emit_crc32(X64Emit *e, const IrInsn *i)
{
    unsigned bits = ir_type_bits(x64_type(e, i->b));
    if (xv_n(i) == 0 && xv_has(e, X64_F_PCLMUL)) {
        crc32_fold(e, i, bits);
    } else if (xv_n(i) == 0 || !xv_has(e, X64_F_SSE42)) {
        IrInsn c = *i;
        c.misc = (uint8_t)__builtin_ctz(bits / 8);
        x64_vec_fallback(e, &c);
    } else {
        int crc = x64_use(e, i->a), data = x64_use(e, i->b), t = x64_scratch(e);
        x64_mov_rr(e->a, 32, t, crc);
        x64_crc32_rr(e->a, (int)bits, t, data);
        x64_def_is(e, t);
    }
}
