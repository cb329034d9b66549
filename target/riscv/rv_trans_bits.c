/* Chapters "B" (Zba, Zbb, Zbc, Zbs), the bit manipulation of scalar cryptography (Zbkb, Zbkc, Zbkx), Zicond,
 * Zimop, and what Zcb has no full-size instruction for.
 *
 * Registers of RV32 are sign-extended: what depends on their upper halves works on 32-bit values, the rest on
 * 64 bits, and rv_put_x() extends again. */
#include "target/riscv/rv_trans.h"

/* The type of a register's value. */
static IrType x_type(const Trans *t)
{
    return rv_is_32(t) ? IR_I32 : IR_I64;
}

static IrVal x_of(Trans *t, unsigned r)
{
    return rv_is_32(t) ? rv_x32(t, r) : rv_x(t, r);
}

static void put_of(Trans *t, unsigned r, IrVal v)
{
    if (rv_is_32(t))
        rv_put_x32(t, r, v);
    else
        rv_put_x(t, r, v);
}

static IrVal imm_of(Trans *t, int64_t v)
{
    return ir_const(t->b, x_type(t), v);
}

static IrVal zext32(Trans *t, IrVal v)
{
    return ir_zext(t->b, IR_I64, ir_trunc(t->b, IR_I32, v));
}

/* ---- Zba ---- */

static void shift_add(Trans *t, const RvArgs *a, unsigned by, bool uw)
{
    IrBuilder *b = t->b;
    RvPair x = rv_x12(t, a);
    IrVal base = uw ? zext32(t, x.rs1) : x.rs1;

    rv_put_x(t, a->rd, ir_add(b, IR_I64, ir_shl(b, IR_I64, base, rv_imm(t, by)), x.rs2));
}

void rv_trans_add_uw(Trans *t, const RvArgs *a)
{
    shift_add(t, a, 0, true);
}
void rv_trans_sh1add(Trans *t, const RvArgs *a)
{
    shift_add(t, a, 1, false);
}
void rv_trans_sh2add(Trans *t, const RvArgs *a)
{
    shift_add(t, a, 2, false);
}
void rv_trans_sh3add(Trans *t, const RvArgs *a)
{
    shift_add(t, a, 3, false);
}
void rv_trans_sh1add_uw(Trans *t, const RvArgs *a)
{
    shift_add(t, a, 1, true);
}
void rv_trans_sh2add_uw(Trans *t, const RvArgs *a)
{
    shift_add(t, a, 2, true);
}
void rv_trans_sh3add_uw(Trans *t, const RvArgs *a)
{
    shift_add(t, a, 3, true);
}
void rv_trans_slli_uw(Trans *t, const RvArgs *a)
{
    rv_put_x(t, a->rd, ir_shl(t->b, IR_I64, zext32(t, rv_x(t, a->rs1)), rv_imm(t, a->imm)));
}

/* ---- Zbb, Zbkb ---- */

/* rd = rs1 op ~rs2 */
static void with_not(Trans *t, const RvArgs *a, IrOp op)
{
    RvPair x = rv_x12(t, a);

    rv_put_x(t, a->rd, ir_vv(t->b, op, IR_I64, x.rs1, ir_not(t->b, IR_I64, x.rs2)));
}

void rv_trans_andn(Trans *t, const RvArgs *a)
{
    with_not(t, a, IR_AND);
}
void rv_trans_orn(Trans *t, const RvArgs *a)
{
    with_not(t, a, IR_OR);
}
void rv_trans_xnor(Trans *t, const RvArgs *a)
{
    with_not(t, a, IR_XOR);
}

static void count(Trans *t, const RvArgs *a, IrOp op)
{
    put_of(t, a->rd, ir_v(t->b, op, x_type(t), x_of(t, a->rs1)));
}
static void count_w(Trans *t, const RvArgs *a, IrOp op)
{
    rv_put_x32(t, a->rd, ir_v(t->b, op, IR_I32, rv_x32(t, a->rs1)));
}

void rv_trans_clz(Trans *t, const RvArgs *a)
{
    count(t, a, IR_CLZ);
}
void rv_trans_ctz(Trans *t, const RvArgs *a)
{
    count(t, a, IR_CTZ);
}
void rv_trans_cpop(Trans *t, const RvArgs *a)
{
    count(t, a, IR_POPCNT);
}
void rv_trans_clzw(Trans *t, const RvArgs *a)
{
    count_w(t, a, IR_CLZ);
}
void rv_trans_ctzw(Trans *t, const RvArgs *a)
{
    count_w(t, a, IR_CTZ);
}
void rv_trans_cpopw(Trans *t, const RvArgs *a)
{
    count_w(t, a, IR_POPCNT);
}

/* Sign extension keeps both orders. */
static void choose(Trans *t, const RvArgs *a, IrCond first)
{
    RvPair x = rv_x12(t, a);

    rv_put_x(t, a->rd, ir_select(t->b, ir_cmp(t->b, first, x.rs1, x.rs2), x.rs1, x.rs2));
}

void rv_trans_max(Trans *t, const RvArgs *a)
{
    choose(t, a, IR_GE);
}
void rv_trans_maxu(Trans *t, const RvArgs *a)
{
    choose(t, a, IR_GEU);
}
void rv_trans_min(Trans *t, const RvArgs *a)
{
    choose(t, a, IR_LT);
}
void rv_trans_minu(Trans *t, const RvArgs *a)
{
    choose(t, a, IR_LTU);
}

static void extend(Trans *t, const RvArgs *a, IrType from, bool is_signed)
{
    IrVal low = ir_trunc(t->b, from, rv_x(t, a->rs1));

    rv_put_x(t, a->rd, is_signed ? ir_sext(t->b, IR_I64, low) : ir_zext(t->b, IR_I64, low));
}

void rv_trans_sext_b(Trans *t, const RvArgs *a)
{
    extend(t, a, IR_I8, true);
}
void rv_trans_sext_h(Trans *t, const RvArgs *a)
{
    extend(t, a, IR_I16, true);
}
void rv_trans_zext_b(Trans *t, const RvArgs *a)
{
    extend(t, a, IR_I8, false);
}
void rv_trans_zext_h(Trans *t, const RvArgs *a)
{
    extend(t, a, IR_I16, false);
}
void rv_trans_zext_w(Trans *t, const RvArgs *a)
{
    extend(t, a, IR_I32, false);
}
void rv_trans_not(Trans *t, const RvArgs *a)
{
    rv_put_x(t, a->rd, ir_not(t->b, IR_I64, rv_x(t, a->rs1)));
}

void rv_trans_rol(Trans *t, const RvArgs *a)
{
    IrVal v = x_of(t, a->rs1), by = x_of(t, a->rs2);

    put_of(t, a->rd, ir_rotr(t->b, x_type(t), v, ir_neg(t->b, x_type(t), by)));
}
void rv_trans_ror(Trans *t, const RvArgs *a)
{
    IrVal v = x_of(t, a->rs1);

    put_of(t, a->rd, ir_rotr(t->b, x_type(t), v, x_of(t, a->rs2)));
}
void rv_trans_rori(Trans *t, const RvArgs *a)
{
    put_of(t, a->rd, ir_rotr(t->b, x_type(t), x_of(t, a->rs1), imm_of(t, a->imm)));
}
void rv_trans_rolw(Trans *t, const RvArgs *a)
{
    IrVal v = rv_x32(t, a->rs1), by = rv_x32(t, a->rs2);

    rv_put_x32(t, a->rd, ir_rotr(t->b, IR_I32, v, ir_neg(t->b, IR_I32, by)));
}
void rv_trans_rorw(Trans *t, const RvArgs *a)
{
    RvPair x = rv_x12(t, a);

    rv_alu_w(t, a->rd, IR_ROTR, x.rs1, x.rs2);
}
void rv_trans_roriw(Trans *t, const RvArgs *a)
{
    rv_alu_w(t, a->rd, IR_ROTR, rv_x(t, a->rs1), rv_imm(t, a->imm));
}

/* Bit 7 of each byte says whether it is not zero; from there it fills the byte, since 2^8 - 1 of each does
 * not reach the next. */
void rv_trans_orc_b(Trans *t, const RvArgs *a)
{
    IrBuilder *b = t->b;
    IrVal v = rv_x(t, a->rs1), low7 = rv_imm(t, 0x7f7f7f7f7f7f7f7f),
          top = rv_imm(t, (int64_t)0x8080808080808080);
    IrVal any = ir_or(b, IR_I64, v, ir_add(b, IR_I64, ir_and(b, IR_I64, v, low7), low7));

    any = ir_and(b, IR_I64, any, top);
    rv_put_x(t, a->rd,
             ir_sub(b, IR_I64, ir_shl(b, IR_I64, any, rv_imm(t, 1)), ir_shr(b, IR_I64, any, rv_imm(t, 7))));
}
void rv_trans_rev8(Trans *t, const RvArgs *a)
{
    count(t, a, IR_BSWAP);
}
void rv_trans_brev8(Trans *t, const RvArgs *a)
{
    IrVal v = rv_x(t, a->rs1);

    for (unsigned bits = 4; bits; bits >>= 1)
        v = ir_swap_groups(t->b, IR_I64, v, bits);
    rv_put_x(t, a->rd, v);
}

/* v[bits-1:0], above it w. */
static IrVal joined(Trans *t, IrVal v, IrVal w, unsigned bits)
{
    IrBuilder *b = t->b;
    IrVal low = ir_and(b, IR_I64, v, rv_imm(t, (int64_t)((1ull << bits) - 1)));

    return ir_or(b, IR_I64, low, ir_shl(b, IR_I64, w, rv_imm(t, bits)));
}

void rv_trans_pack(Trans *t, const RvArgs *a)
{
    RvPair x = rv_x12(t, a);

    rv_put_x(t, a->rd, joined(t, x.rs1, x.rs2, rv_is_32(t) ? 16 : 32));
}
void rv_trans_packh(Trans *t, const RvArgs *a)
{
    RvPair x = rv_x12(t, a);

    rv_put_x(t, a->rd, joined(t, x.rs1, ir_zext(t->b, IR_I64, ir_trunc(t->b, IR_I8, x.rs2)), 8));
}
void rv_trans_packw(Trans *t, const RvArgs *a)
{
    RvPair x = rv_x12(t, a);

    rv_put_x32(t, a->rd, ir_trunc(t->b, IR_I32, joined(t, x.rs1, x.rs2, 16)));
}

/* RV32: of each 4 * bits bits the two groups in the middle change places. */
static IrVal swap_middle(Trans *t, IrVal v, unsigned bits, uint32_t upper)
{
    IrBuilder *b = t->b;
    IrVal up = ir_const(b, IR_I32, (int32_t)upper), down = ir_const(b, IR_I32, (int32_t)(upper >> bits));
    IrVal stay = ir_const(b, IR_I32, (int32_t) ~(upper | upper >> bits)), n = ir_const(b, IR_I32, bits);
    IrVal moved = ir_or(b, IR_I32, ir_and(b, IR_I32, ir_shl(b, IR_I32, v, n), up),
                        ir_and(b, IR_I32, ir_shr(b, IR_I32, v, n), down));

    return ir_or(b, IR_I32, ir_and(b, IR_I32, v, stay), moved);
}

static const uint32_t middles[4] = {0x44444444, 0x30303030, 0x0f000f00, 0x00ff0000};

void rv_trans_zip(Trans *t, const RvArgs *a)
{
    IrVal v = rv_x32(t, a->rs1);

    for (unsigned k = 4; k-- > 0;)
        v = swap_middle(t, v, 1u << k, middles[k]);
    rv_put_x32(t, a->rd, v);
}
void rv_trans_unzip(Trans *t, const RvArgs *a)
{
    IrVal v = rv_x32(t, a->rs1);

    for (unsigned k = 0; k < 4; k++)
        v = swap_middle(t, v, 1u << k, middles[k]);
    rv_put_x32(t, a->rd, v);
}

/* ---- Zbc, Zbkx ---- */

/* A register's value as a vector, zeros above. */
static IrVal vector_of(Trans *t, unsigned r)
{
    IrVal v = rv_x(t, r);

    return ir_vzext(t->b, IR_V128, rv_is_32(t) ? zext32(t, v) : v);
}

/* 64 bits of the carry-less product, from bit `low` on. */
static IrVal product(Trans *t, const RvArgs *a, unsigned low)
{
    IrBuilder *b = t->b;
    IrVal x = vector_of(t, a->rs1), p = ir_vpmull(b, IR_V128, IR_LANE_64, 0, x, vector_of(t, a->rs2));
    IrVal low64 = ir_vget(b, IR_I64, IR_LANE_64, IR_VA_N(0), p), high64;

    if (!low)
        return low64;
    if (low < 32 || rv_is_32(t))
        return ir_shr(b, IR_I64, low64, rv_imm(t, low));
    high64 = ir_vget(b, IR_I64, IR_LANE_64, IR_VA_N(1), p);
    if (low == 64)
        return high64;
    return ir_or(b, IR_I64, ir_shl(b, IR_I64, high64, rv_imm(t, 64 - low)),
                 ir_shr(b, IR_I64, low64, rv_imm(t, low)));
}

void rv_trans_clmul(Trans *t, const RvArgs *a)
{
    rv_put_x(t, a->rd, product(t, a, 0));
}
void rv_trans_clmulh(Trans *t, const RvArgs *a)
{
    rv_put_x(t, a->rd, product(t, a, rv_is_32(t) ? 32 : 64));
}
void rv_trans_clmulr(Trans *t, const RvArgs *a)
{
    rv_put_x(t, a->rd, product(t, a, rv_is_32(t) ? 31 : 63));
}

/* The bytes of table that those of index name. */
static IrVal lookup(Trans *t, IrVal table, IrVal index)
{
    return ir_vget(t->b, IR_I64, IR_LANE_64, IR_VA_N(0),
                   ir_vtbl(t->b, IR_V128, IR_LANE_8, 0, index, table, IR_NONE, IR_NONE));
}

void rv_trans_xperm8(Trans *t, const RvArgs *a)
{
    IrVal table = vector_of(t, a->rs1);

    rv_put_x(t, a->rd, lookup(t, table, vector_of(t, a->rs2)));
}

/* Sixteen nibbles as bytes; the lower and the upper nibbles of the index one after the other. */
void rv_trans_xperm4(Trans *t, const RvArgs *a)
{
    IrBuilder *b = t->b;
    IrVal mask = rv_imm(t, 0x0f0f0f0f0f0f0f0f), four = rv_imm(t, 4), v = rv_x(t, a->rs1), table, index, low,
          high;

    if (rv_is_32(t))
        v = zext32(t, v);
    low = ir_vzext(b, IR_V128, ir_and(b, IR_I64, v, mask));
    high = ir_vzext(b, IR_V128, ir_and(b, IR_I64, ir_shr(b, IR_I64, v, four), mask));
    table = ir_vzip(b, IR_V128, IR_LANE_8, 0, low, high);
    index = rv_x(t, a->rs2);
    low = lookup(t, table, ir_vzext(b, IR_V128, ir_and(b, IR_I64, index, mask)));
    high = lookup(t, table, ir_vzext(b, IR_V128, ir_and(b, IR_I64, ir_shr(b, IR_I64, index, four), mask)));
    rv_put_x(t, a->rd, ir_or(b, IR_I64, low, ir_shl(b, IR_I64, high, four)));
}

/* ---- Zbs ---- */

static IrVal one_bit(Trans *t, IrVal n)
{
    return ir_shl(t->b, x_type(t), imm_of(t, 1), n);
}

static IrVal bit_number(Trans *t, const RvArgs *a, bool is_imm)
{
    return is_imm ? imm_of(t, a->imm) : x_of(t, a->rs2);
}

static void change_bit(Trans *t, const RvArgs *a, IrOp op, bool is_imm)
{
    IrBuilder *b = t->b;
    IrVal v = x_of(t, a->rs1), bit = one_bit(t, bit_number(t, a, is_imm));

    if (op == IR_AND)
        bit = ir_not(b, x_type(t), bit);
    put_of(t, a->rd, ir_vv(b, op, x_type(t), v, bit));
}

static void take_bit(Trans *t, const RvArgs *a, bool is_imm)
{
    IrBuilder *b = t->b;
    IrVal v = x_of(t, a->rs1);

    v = ir_shr(b, x_type(t), v, bit_number(t, a, is_imm));
    put_of(t, a->rd, ir_and(b, x_type(t), v, imm_of(t, 1)));
}

void rv_trans_bclr(Trans *t, const RvArgs *a)
{
    change_bit(t, a, IR_AND, false);
}
void rv_trans_bclri(Trans *t, const RvArgs *a)
{
    change_bit(t, a, IR_AND, true);
}
void rv_trans_binv(Trans *t, const RvArgs *a)
{
    change_bit(t, a, IR_XOR, false);
}
void rv_trans_binvi(Trans *t, const RvArgs *a)
{
    change_bit(t, a, IR_XOR, true);
}
void rv_trans_bset(Trans *t, const RvArgs *a)
{
    change_bit(t, a, IR_OR, false);
}
void rv_trans_bseti(Trans *t, const RvArgs *a)
{
    change_bit(t, a, IR_OR, true);
}
void rv_trans_bext(Trans *t, const RvArgs *a)
{
    take_bit(t, a, false);
}
void rv_trans_bexti(Trans *t, const RvArgs *a)
{
    take_bit(t, a, true);
}

/* ---- Zicond, Zimop ---- */

static void zero_if(Trans *t, const RvArgs *a, IrCond cond)
{
    RvPair x = rv_x12(t, a);

    rv_put_x(t, a->rd, ir_select(t->b, ir_cmp(t->b, cond, x.rs2, rv_imm(t, 0)), rv_imm(t, 0), x.rs1));
}

void rv_trans_czero_eqz(Trans *t, const RvArgs *a)
{
    zero_if(t, a, IR_EQ);
}
void rv_trans_czero_nez(Trans *t, const RvArgs *a)
{
    zero_if(t, a, IR_NE);
}
void rv_trans_mop(Trans *t, const RvArgs *a)
{
    rv_put_x(t, a->rd, rv_imm(t, 0));
}
