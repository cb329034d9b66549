/* Chapter "Cryptography Extensions: Scalar": Zknd, Zkne, Zknh, Zksh, Zksed. */
#include "target/riscv/rv_trans.h"

/* ---- one byte of rs2, of the number in imm; the word made of it is rotated to where that byte was, and goes
 * with rs1 into rd (RV32's AES, SM4) ---- */

static IrVal byte_of(Trans *t, const RvArgs *a)
{
    IrBuilder *b = t->b;
    IrVal v = ir_shr(b, IR_I32, rv_x32(t, a->rs2), ir_const(b, IR_I32, 8 * a->imm));

    return ir_and(b, IR_I32, v, ir_const(b, IR_I32, 0xff));
}

static void put_byte_word(Trans *t, const RvArgs *a, IrVal word)
{
    IrBuilder *b = t->b;

    word = ir_rotr(b, IR_I32, word, ir_const(b, IR_I32, (32 - 8 * a->imm) & 31));
    rv_put_x32(t, a->rd, ir_xor(b, IR_I32, word, rv_x32(t, a->rs1)));
}

/* ---- AES ---- */

static IrVal low_half(Trans *t, IrVal v) { return ir_vget(t->b, IR_I64, IR_LANE_64, IR_VA_N(0), v); }

static IrVal aes(Trans *t, IrAes step, IrVal state)
{
    IrVal key = step == IR_AES_MC || step == IR_AES_IMC ? IR_NONE : ir_vzext(t->b, IR_V128, rv_imm(t, 0));

    return low_half(t, ir_vaes(t->b, IR_V128, IR_LANE_8, IR_VA_N(step), state, key));
}

/* RV32: a byte through the S-box and, with columns mixed, to a word. The other three bytes of its column are
 * those of which the S-box makes 0. A state of four equal columns is not changed by the shift of its rows. */
static void aes_byte(Trans *t, const RvArgs *a, IrAes step, uint8_t made_zero)
{
    IrBuilder *b = t->b;
    IrVal v = byte_of(t, a), word;

    v = ir_or(b, IR_I32, v, ir_const(b, IR_I32, made_zero * 0x01010100u));
    word = ir_trunc(b, IR_I32, aes(t, step, ir_vdup(b, IR_V128, IR_LANE_32, 0, v)));
    put_byte_word(t, a, word);
}

void rv_trans_aes32dsi(Trans *t, const RvArgs *a) { aes_byte(t, a, IR_AES_D, 0x63); }
void rv_trans_aes32dsmi(Trans *t, const RvArgs *a) { aes_byte(t, a, IR_AES_DIMC, 0x63); }
void rv_trans_aes32esi(Trans *t, const RvArgs *a) { aes_byte(t, a, IR_AES_E, 0x52); }
void rv_trans_aes32esmi(Trans *t, const RvArgs *a) { aes_byte(t, a, IR_AES_EMC, 0x52); }

/* RV64: half of a state or of a key in each register. */
static void aes_half(Trans *t, const RvArgs *a, IrAes step)
{
    RvPair x = rv_x12(t, a);
    IrVal low = ir_vzext(t->b, IR_V128, x.rs1);

    rv_put_x(t, a->rd, aes(t, step, ir_vset(t->b, IR_V128, IR_LANE_64, IR_VA_N(1), low, x.rs2)));
}

void rv_trans_aes64ds(Trans *t, const RvArgs *a) { aes_half(t, a, IR_AES_D); }
void rv_trans_aes64dsm(Trans *t, const RvArgs *a) { aes_half(t, a, IR_AES_DIMC); }
void rv_trans_aes64es(Trans *t, const RvArgs *a) { aes_half(t, a, IR_AES_E); }
void rv_trans_aes64esm(Trans *t, const RvArgs *a) { aes_half(t, a, IR_AES_EMC); }
void rv_trans_aes64im(Trans *t, const RvArgs *a)
{
    rv_put_x(t, a->rd, aes(t, IR_AES_IMC, ir_vzext(t->b, IR_V128, rv_x(t, a->rs1))));
}

/* The upper word of rs1 through the S-box, but for the last round of a 256-bit key rotated and with a
 * constant. */
void rv_trans_aes64ks1i(Trans *t, const RvArgs *a)
{
    static const uint8_t constants[10] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36};
    IrBuilder *b = t->b;
    IrVal v, both;

    if (a->imm > 10) {
        rv_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    v = ir_trunc(b, IR_I32, ir_shr(b, IR_I64, rv_x(t, a->rs1), rv_imm(t, 32)));
    if (a->imm < 10)
        v = ir_rotr(b, IR_I32, v, ir_const(b, IR_I32, 8));
    both = aes(t, IR_AES_E, ir_vdup(b, IR_V128, IR_LANE_32, 0, v));
    if (a->imm < 10)
        both = ir_xor(b, IR_I64, both, rv_imm(t, constants[a->imm] * 0x100000001));
    rv_put_x(t, a->rd, both);
}

void rv_trans_aes64ks2(Trans *t, const RvArgs *a)
{
    IrBuilder *b = t->b;
    RvPair x = rv_x12(t, a);
    IrVal n = rv_imm(t, 32), first = ir_xor(b, IR_I64, ir_shr(b, IR_I64, x.rs1, n), x.rs2);
    IrVal second = ir_xor(b, IR_I64, first, ir_shr(b, IR_I64, x.rs2, n));

    first = ir_zext(b, IR_I64, ir_trunc(b, IR_I32, first));
    rv_put_x(t, a->rd, ir_or(b, IR_I64, first, ir_shl(b, IR_I64, second, n)));
}

/* ---- SHA-2, SM3: exclusive ors of two rotations of v and, by the last number, one more or a shift of
 * `shifted` ---- */

static IrVal three(Trans *t, IrType type, IrVal v, IrVal shifted, const uint8_t by[3])
{
    IrBuilder *b = t->b;
    IrVal r = ir_rotr(b, type, v, ir_const(b, type, by[0])), last = ir_const(b, type, by[2]);

    r = ir_xor(b, type, r, ir_rotr(b, type, v, ir_const(b, type, by[1])));
    last = shifted == IR_NONE ? ir_rotr(b, type, v, last) : ir_shr(b, type, shifted, last);
    return ir_xor(b, type, r, last);
}

static void word32(Trans *t, const RvArgs *a, unsigned x, unsigned y, unsigned z, bool shift)
{
    const uint8_t by[3] = {(uint8_t)x, (uint8_t)y, (uint8_t)z};
    IrVal v = rv_x32(t, a->rs1);

    rv_put_x32(t, a->rd, three(t, IR_I32, v, shift ? v : IR_NONE, by));
}

static void word64(Trans *t, const RvArgs *a, unsigned x, unsigned y, unsigned z, bool shift)
{
    const uint8_t by[3] = {(uint8_t)x, (uint8_t)y, (uint8_t)z};
    IrVal v = rv_x(t, a->rs1);

    rv_put_x(t, a->rd, three(t, IR_I64, v, shift ? v : IR_NONE, by));
}

/* What is shifted of a word in two registers. */
typedef enum Shifted { NOTHING, BOTH, UPPER } Shifted;

/* RV32's half of a word of 64 bits: the one that is in rs1, with the other in rs2. */
static void half64(Trans *t, const RvArgs *a, unsigned x, unsigned y, unsigned z, Shifted what)
{
    const uint8_t by[3] = {(uint8_t)x, (uint8_t)y, (uint8_t)z};
    IrBuilder *b = t->b;
    IrVal mine = ir_zext(b, IR_I64, rv_x32(t, a->rs1)), other = ir_zext(b, IR_I64, rv_x32(t, a->rs2));
    IrVal both = ir_or(b, IR_I64, mine, ir_shl(b, IR_I64, other, rv_imm(t, 32)));
    IrVal shifted = what == BOTH ? both : what == UPPER ? mine : IR_NONE;

    rv_put_x32(t, a->rd, ir_trunc(b, IR_I32, three(t, IR_I64, both, shifted, by)));
}

void rv_trans_sha256sig0(Trans *t, const RvArgs *a) { word32(t, a, 7, 18, 3, true); }
void rv_trans_sha256sig1(Trans *t, const RvArgs *a) { word32(t, a, 17, 19, 10, true); }
void rv_trans_sha256sum0(Trans *t, const RvArgs *a) { word32(t, a, 2, 13, 22, false); }
void rv_trans_sha256sum1(Trans *t, const RvArgs *a) { word32(t, a, 6, 11, 25, false); }
void rv_trans_sha512sig0(Trans *t, const RvArgs *a) { word64(t, a, 1, 8, 7, true); }
void rv_trans_sha512sig1(Trans *t, const RvArgs *a) { word64(t, a, 19, 61, 6, true); }
void rv_trans_sha512sum0(Trans *t, const RvArgs *a) { word64(t, a, 28, 34, 39, false); }
void rv_trans_sha512sum1(Trans *t, const RvArgs *a) { word64(t, a, 14, 18, 41, false); }
void rv_trans_sha512sig0h(Trans *t, const RvArgs *a) { half64(t, a, 1, 8, 7, UPPER); }
void rv_trans_sha512sig0l(Trans *t, const RvArgs *a) { half64(t, a, 1, 8, 7, BOTH); }
void rv_trans_sha512sig1h(Trans *t, const RvArgs *a) { half64(t, a, 19, 61, 6, UPPER); }
void rv_trans_sha512sig1l(Trans *t, const RvArgs *a) { half64(t, a, 19, 61, 6, BOTH); }
void rv_trans_sha512sum0r(Trans *t, const RvArgs *a) { half64(t, a, 28, 34, 39, NOTHING); }
void rv_trans_sha512sum1r(Trans *t, const RvArgs *a) { half64(t, a, 14, 18, 41, NOTHING); }
/* Rotations to the left by 9 and 17, by 15 and 23; by 0 it is the word itself. */
void rv_trans_sm3p0(Trans *t, const RvArgs *a) { word32(t, a, 32 - 9, 32 - 17, 0, true); }
void rv_trans_sm3p1(Trans *t, const RvArgs *a) { word32(t, a, 32 - 15, 32 - 23, 0, true); }

/* ---- SM4: a byte through the S-box and one of two linear maps ---- */

/* A part of v at another place: (v & mask) << by. */
typedef struct Part {
    uint8_t mask, by;
} Part;

static void sm4(Trans *t, const RvArgs *a, const Part parts[5])
{
    IrBuilder *b = t->b;
    IrVal byte = byte_of(t, a), v = ir_call(b, RV_HELPER_sm4_sub, &byte, 1), sum = v;

    for (unsigned n = 0; n < 5; n++) {
        IrVal part = ir_and(b, IR_I32, v, ir_const(b, IR_I32, parts[n].mask));
        sum = ir_xor(b, IR_I32, sum, ir_shl(b, IR_I32, part, ir_const(b, IR_I32, parts[n].by)));
    }
    put_byte_word(t, a, sum);
}

void rv_trans_sm4ed(Trans *t, const RvArgs *a)
{
    sm4(t, a, (const Part[5]){{0xff, 8}, {0xff, 2}, {0xff, 18}, {0x3f, 26}, {0xc0, 10}});
}
void rv_trans_sm4ks(Trans *t, const RvArgs *a)
{
    sm4(t, a, (const Part[5]){{0x07, 29}, {0xfe, 7}, {0x01, 23}, {0xf8, 13}});
}
