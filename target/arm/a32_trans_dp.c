/* Arm ARM, "Data-processing" of A32 and T32: operations with a shifter operand, multiplies, divisions, bit
 * fields. */
#include "target/arm/a32_trans.h"

/* ---- flags ---- */

void a32_put_logic_flags(Trans *t, IrVal result, A32CarryOut carry)
{
    unsigned bit = carry.v == IR_NONE ? IR_FLNZC_OLD : carry.bit;

    a32_put_slot(t, A32_SLOT_FL, ir_flnzc(t->b, result, carry.v, bit, a32_fl(t)));
}

/* ---- the shifter ---- */

static IrVal bit(Trans *t, IrVal v, unsigned n)
{
    return ir_cmp(t->b, IR_NE, ir_and(t->b, IR_I32, v, a32_imm(t, 1u << n)), a32_imm(t, 0));
}

static IrVal shift_imm(Trans *t, IrVal v, unsigned shift, unsigned amount, A32CarryOut *ret_carry)
{
    IrBuilder *b = t->b;
    IrVal carry;

    if (amount == 0) /* LSL #0 */
        return v;
    if (ret_carry)
        *ret_carry = (A32CarryOut){v, shift == A32_LSL ? 32 - amount : amount - 1};
    switch ((A32Shift)shift) {
    case A32_LSL: return ir_shl(b, IR_I32, v, a32_imm(t, amount));
    case A32_LSR: return amount == 32 ? a32_imm(t, 0) : ir_shr(b, IR_I32, v, a32_imm(t, amount));
    case A32_ASR: return ir_sar(b, IR_I32, v, a32_imm(t, amount == 32 ? 31 : amount));
    case A32_ROR: return ir_rotr(b, IR_I32, v, a32_imm(t, amount));
    case A32_RRX:
        carry = ir_shl(b, IR_I32, ir_zext(b, IR_I32, a32_carry(t)), a32_imm(t, 31));
        return ir_or(b, IR_I32, ir_shr(b, IR_I32, v, a32_imm(t, 1)), carry);
    }
    __builtin_unreachable();
}

static IrVal at_most(Trans *t, IrVal v, uint32_t max)
{
    return ir_select(t->b, ir_cmp(t->b, IR_LTU, v, a32_imm(t, max)), v, a32_imm(t, max));
}

/* By the low byte of a register. 64 bits hold what is shifted out: bit 32 above, or bit 0 with the value one
 * place up. */
static IrVal shift_reg(Trans *t, IrVal v, unsigned shift, IrVal by, A32CarryOut *ret_carry)
{
    IrBuilder *b = t->b;
    IrVal amount = ir_and(b, IR_I32, by, a32_imm(t, 255)), none = ir_cmp(b, IR_EQ, amount, a32_imm(t, 0));
    IrVal one = a32_imm64(t, 1), n = a32_zext(t, at_most(t, amount, 33)), wide, result, out;

    switch ((A32Shift)shift) {
    case A32_LSL:
        wide = ir_shl(b, IR_I64, a32_zext(t, v), n);
        result = ir_trunc(b, IR_I32, wide);
        out = bit(t, ir_trunc(b, IR_I32, ir_shr(b, IR_I64, wide, a32_imm64(t, 32))), 0);
        break;
    case A32_LSR:
        result = ir_trunc(b, IR_I32, ir_shr(b, IR_I64, a32_zext(t, v), n));
        wide = ir_shr(b, IR_I64, ir_shl(b, IR_I64, a32_zext(t, v), one), n);
        out = bit(t, ir_trunc(b, IR_I32, wide), 0);
        break;
    case A32_ASR:
        result = ir_trunc(b, IR_I32, ir_sar(b, IR_I64, a32_sext(t, v), n));
        wide = ir_sar(b, IR_I64, ir_shl(b, IR_I64, a32_sext(t, v), one), n);
        out = bit(t, ir_trunc(b, IR_I32, wide), 0);
        break;
    default:
        result = ir_rotr(b, IR_I32, v, amount);
        out = bit(t, result, 31);
        break;
    }
    if (ret_carry)
        *ret_carry = (A32CarryOut){ir_zext(b, IR_I32, ir_select(b, none, a32_carry(t), out)), 0};
    return result;
}

IrVal a32_operand2(Trans *t, const A32Args *a, A32CarryOut *ret_carry)
{
    if (ret_carry)
        *ret_carry = (A32CarryOut){0};
    switch ((A32Form)a->form) {
    case A32_IMM:
        if (ret_carry && a->carry != A32_CARRY_SAME)
            *ret_carry = (A32CarryOut){a32_imm(t, a->carry == A32_CARRY_1), 0};
        return a32_imm(t, (uint32_t)a->imm);
    case A32_REG: return shift_imm(t, a32_r(t, a->m), a->shift, a->amount, ret_carry);
    case A32_REG_SHIFT: {
        A32Pair x = a32_two(t, a->m, a->s);
        return shift_reg(t, x.n, a->shift, x.m, ret_carry);
    }
    }
    __builtin_unreachable();
}

/* ---- data processing ---- */

/* Rd = v; true: it was the program counter, so that no flags are to be written. */
static bool put_result(Trans *t, const A32Args *a, IrVal v)
{
    if (a->d != A32_PC) {
        a32_put(t, a->d, v);
        return false;
    }
    if (a->S && a32_sys(t)) /* return from an exception */
        a32_return(t, v);
    else if (a->S)
        a32_illegal(t);
    else
        a32_alu_write_pc(t, v, a->form == A32_REG && a->m == A32_LR ? IR_HINT_RET : IR_HINT_JUMP);
    return true;
}

typedef enum LogicOp { OP_AND, OP_EOR, OP_ORR, OP_BIC, OP_ORN, OP_MOV, OP_MVN } LogicOp;

static IrVal logic_value(Trans *t, LogicOp op, IrVal n, IrVal m)
{
    IrBuilder *b = t->b;

    switch (op) {
    case OP_AND: return ir_and(b, IR_I32, n, m);
    case OP_EOR: return ir_xor(b, IR_I32, n, m);
    case OP_ORR: return ir_or(b, IR_I32, n, m);
    case OP_BIC: return ir_and(b, IR_I32, n, ir_not(b, IR_I32, m));
    case OP_ORN: return ir_or(b, IR_I32, n, ir_not(b, IR_I32, m));
    case OP_MOV: return m;
    case OP_MVN: return ir_not(b, IR_I32, m);
    }
    __builtin_unreachable();
}

static void logic(Trans *t, const A32Args *a, LogicOp op, bool test)
{
    A32CarryOut carry;
    IrVal n = op == OP_MOV || op == OP_MVN ? IR_NONE : a32_r(t, a->n);
    bool flags = a->S || test;
    IrVal m = a32_operand2(t, a, flags ? &carry : NULL);
    IrVal v = logic_value(t, op, n, m);

    if (!test && put_result(t, a, v))
        return;
    if (flags)
        a32_put_logic_flags(t, v, carry);
}

typedef enum SumOp { OP_ADD, OP_SUB, OP_RSB, OP_ADC, OP_SBC, OP_RSC } SumOp;

/* x + y + carry, x - y - 1 + carry. Arm's carry is "not borrow". */
static void sum_with_carry(Trans *t, const A32Args *a, bool subtract, IrVal x, IrVal y)
{
    IrBuilder *b = t->b;
    IrVal carry = a32_fl(t), v = subtract ? ir_subc(b, x, y, carry) : ir_addc(b, x, y, carry);
    IrVal fl = !a->S ? IR_NONE : subtract ? ir_flsbc(b, x, y, carry) : ir_fladc(b, x, y, carry);

    if (!put_result(t, a, v) && a->S)
        a32_put_slot(t, A32_SLOT_FL, fl);
}

static void sum(Trans *t, const A32Args *a, SumOp op, bool test)
{
    IrBuilder *b = t->b;
    bool literal = a->n == A32_PC && a->thumb && a->form == A32_IMM; /* T32: ADR */
    IrVal n = literal ? a32_pc_aligned(t, 0) : a32_r(t, a->n), m = a32_operand2(t, a, NULL);
    IrVal v, fl;

    switch (op) {
    case OP_ADD:
        v = test ? IR_NONE : ir_add(b, IR_I32, n, m);
        fl = a->S || test ? ir_fladd(b, n, m) : IR_NONE;
        break;
    case OP_SUB:
        v = test ? IR_NONE : ir_sub(b, IR_I32, n, m);
        fl = a->S || test ? ir_flsub(b, n, m) : IR_NONE;
        break;
    case OP_RSB:
        v = ir_sub(b, IR_I32, m, n);
        fl = a->S ? ir_flsub(b, m, n) : IR_NONE;
        break;
    case OP_ADC: sum_with_carry(t, a, false, n, m); return;
    case OP_SBC: sum_with_carry(t, a, true, n, m); return;
    default: sum_with_carry(t, a, true, m, n); return;
    }
    if ((test || !put_result(t, a, v)) && fl)
        a32_put_slot(t, A32_SLOT_FL, fl);
}

void a32_trans_op_and(Trans *t, const A32Args *a) { logic(t, a, OP_AND, false); }
void a32_trans_op_eor(Trans *t, const A32Args *a) { logic(t, a, OP_EOR, false); }
void a32_trans_op_orr(Trans *t, const A32Args *a) { logic(t, a, OP_ORR, false); }
void a32_trans_op_bic(Trans *t, const A32Args *a) { logic(t, a, OP_BIC, false); }
void a32_trans_op_orn(Trans *t, const A32Args *a) { logic(t, a, OP_ORN, false); }
void a32_trans_op_mov(Trans *t, const A32Args *a) { logic(t, a, OP_MOV, false); }
void a32_trans_op_mvn(Trans *t, const A32Args *a) { logic(t, a, OP_MVN, false); }
void a32_trans_op_tst(Trans *t, const A32Args *a) { logic(t, a, OP_AND, true); }
void a32_trans_op_teq(Trans *t, const A32Args *a) { logic(t, a, OP_EOR, true); }
void a32_trans_op_add(Trans *t, const A32Args *a) { sum(t, a, OP_ADD, false); }
void a32_trans_op_sub(Trans *t, const A32Args *a) { sum(t, a, OP_SUB, false); }
void a32_trans_op_rsb(Trans *t, const A32Args *a) { sum(t, a, OP_RSB, false); }
void a32_trans_op_adc(Trans *t, const A32Args *a) { sum(t, a, OP_ADC, false); }
void a32_trans_op_sbc(Trans *t, const A32Args *a) { sum(t, a, OP_SBC, false); }
void a32_trans_op_rsc(Trans *t, const A32Args *a) { sum(t, a, OP_RSC, false); }
void a32_trans_op_cmp(Trans *t, const A32Args *a) { sum(t, a, OP_SUB, true); }
void a32_trans_op_cmn(Trans *t, const A32Args *a) { sum(t, a, OP_ADD, true); }

void a32_trans_adr(Trans *t, const A32Args *a)
{
    a32_put(t, a->d, a32_pc_aligned(t, (uint32_t)a->imm));
}
void a32_trans_movw(Trans *t, const A32Args *a) { a32_put(t, a->d, a32_imm(t, (uint32_t)a->imm)); }

void a32_trans_movt(Trans *t, const A32Args *a)
{
    IrVal low = ir_and(t->b, IR_I32, a32_r(t, a->d), a32_imm(t, 0xffff));

    a32_put(t, a->d, ir_or(t->b, IR_I32, low, a32_imm(t, (uint32_t)a->imm << 16)));
}

/* ---- multiply and divide ---- */

static void put_product(Trans *t, const A32Args *a, IrVal v)
{
    a32_put(t, a->d, v);
    if (a->S)
        a32_put_logic_flags(t, v, (A32CarryOut){0});
}

void a32_trans_mul(Trans *t, const A32Args *a)
{
    A32Pair x = a32_two(t, a->m, a->s);

    put_product(t, a, ir_mul(t->b, IR_I32, x.n, x.m));
}

void a32_trans_mla(Trans *t, const A32Args *a)
{
    A32Pair x = a32_two(t, a->m, a->s);
    IrVal v = ir_mul(t->b, IR_I32, x.n, x.m);

    put_product(t, a, a->a == A32_NO_ADDEND ? v : ir_add(t->b, IR_I32, v, a32_r(t, a->a)));
}

void a32_trans_mls(Trans *t, const A32Args *a)
{
    A32Pair x = a32_two(t, a->m, a->s);

    a32_put(t, a->d, ir_sub(t->b, IR_I32, a32_r(t, a->a), ir_mul(t->b, IR_I32, x.n, x.m)));
}

/* UMULL, UMLAL: two products of 32 bits are less work for the host than to join and part 64. */
static void long_product_halves(Trans *t, const A32Args *a, bool add)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->m, a->s);
    IrVal low = ir_mul(b, IR_I32, x.n, x.m), high = ir_mulhu(b, IR_I32, x.n, x.m);

    if (add) {
        A32Pair old = a32_two(t, a->e, a->d);
        IrVal sum = ir_add(b, IR_I32, low, old.n), carry = ir_fladd(b, low, old.n);
        high = ir_addc(b, high, old.m, carry);
        low = sum;
    }
    a32_put(t, a->e, low);
    a32_put(t, a->d, high);
}

/* d:e = m * s, or += */
static void long_product(Trans *t, const A32Args *a, bool is_signed, bool add)
{
    IrBuilder *b = t->b;

    if (!is_signed && !a->S) {
        long_product_halves(t, a, add);
        return;
    }
    A32Pair x = a32_two(t, a->m, a->s);
    IrVal v = is_signed ? ir_mul(b, IR_I64, a32_sext(t, x.n), a32_sext(t, x.m))
                        : ir_mul(b, IR_I64, a32_zext(t, x.n), a32_zext(t, x.m));

    if (add) {
        A32Pair old = a32_two(t, a->e, a->d);
        v = ir_add(b, IR_I64, v, a32_pair(t, old.n, old.m));
    }
    a32_put_pair(t, a->e, a->d, v);
    if (a->S) /* of all 64 bits */
        a32_put_logic_flags(t, v, (A32CarryOut){0});
}

void a32_trans_umull(Trans *t, const A32Args *a) { long_product(t, a, false, false); }
void a32_trans_umlal(Trans *t, const A32Args *a) { long_product(t, a, false, true); }
void a32_trans_smull(Trans *t, const A32Args *a) { long_product(t, a, true, false); }
void a32_trans_smlal(Trans *t, const A32Args *a) { long_product(t, a, true, true); }

void a32_trans_umaal(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->m, a->s), old = a32_two(t, a->e, a->d);
    IrVal v = ir_mul(b, IR_I64, a32_zext(t, x.n), a32_zext(t, x.m));

    v = ir_add(b, IR_I64, v, a32_zext(t, old.n));
    a32_put_pair(t, a->e, a->d, ir_add(b, IR_I64, v, a32_zext(t, old.m)));
}

static void divide(Trans *t, const A32Args *a, bool is_signed)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->m, a->s);
    IrVal zero = a32_imm(t, 0), q = is_signed ? ir_divs(b, IR_I32, x.n, x.m) : ir_divu(b, IR_I32, x.n, x.m);

    a32_put(t, a->d, ir_select(b, ir_cmp(b, IR_EQ, x.m, zero), zero, q));
}

void a32_trans_sdiv(Trans *t, const A32Args *a) { divide(t, a, true); }
void a32_trans_udiv(Trans *t, const A32Args *a) { divide(t, a, false); }

/* ---- bits and bytes ---- */

void a32_trans_clz(Trans *t, const A32Args *a) { a32_put(t, a->d, ir_clz(t->b, IR_I32, a32_r(t, a->m))); }
void a32_trans_rev(Trans *t, const A32Args *a) { a32_put(t, a->d, ir_bswap(t->b, IR_I32, a32_r(t, a->m))); }

void a32_trans_rev16(Trans *t, const A32Args *a)
{
    a32_put(t, a->d, ir_swap_groups(t->b, IR_I32, a32_r(t, a->m), 8));
}

void a32_trans_revsh(Trans *t, const A32Args *a)
{
    IrVal low = ir_bswap(t->b, IR_I16, ir_trunc(t->b, IR_I16, a32_r(t, a->m)));

    a32_put(t, a->d, ir_sext(t->b, IR_I32, low));
}

void a32_trans_rbit(Trans *t, const A32Args *a) { a32_put(t, a->d, ir_rbit(t->b, IR_I32, a32_r(t, a->m))); }

static void extract(Trans *t, const A32Args *a, bool is_signed)
{
    IrBuilder *b = t->b;
    unsigned low = a->amount, width = (unsigned)a->imm + 1, top = 32 - width - low;
    IrVal v = a32_r(t, a->m), by = a32_imm(t, 32 - width);

    if (is_signed)
        v = ir_sar(b, IR_I32, ir_shl(b, IR_I32, v, a32_imm(t, top)), by);
    else if (top == 0)
        v = ir_shr(b, IR_I32, v, by);
    else if (low == 0 || width == 8 || width == 16)
        v = ir_and(b, IR_I32, ir_shr(b, IR_I32, v, a32_imm(t, low)), a32_imm(t, (1u << width) - 1));
    else /* the host rotates without a copy first */
        v = ir_and(b, IR_I32, ir_rotr(b, IR_I32, v, a32_imm(t, low)), a32_imm(t, (1u << width) - 1));
    a32_put(t, a->d, v);
}

void a32_trans_sbfx(Trans *t, const A32Args *a) { extract(t, a, true); }
void a32_trans_ubfx(Trans *t, const A32Args *a) { extract(t, a, false); }

static void insert(Trans *t, const A32Args *a, IrVal v)
{
    IrBuilder *b = t->b;
    uint32_t mask = (uint32_t)((2ull << (a->imm - 1)) - 1) << a->amount;
    IrVal old = ir_and(b, IR_I32, a32_r(t, a->d), a32_imm(t, ~mask));

    v = ir_and(b, IR_I32, ir_shl(b, IR_I32, v, a32_imm(t, a->amount)), a32_imm(t, mask));
    a32_put(t, a->d, ir_or(b, IR_I32, old, v));
}

void a32_trans_bfi(Trans *t, const A32Args *a) { insert(t, a, a32_r(t, a->m)); }
void a32_trans_bfc(Trans *t, const A32Args *a) { insert(t, a, a32_imm(t, 0)); }

static void crc32(Trans *t, const A32Args *a, unsigned kind, IrType type)
{
    A32Pair x = a32_two(t, a->n, a->m);
    IrVal data = type == IR_I32 ? x.m : ir_trunc(t->b, type, x.m);

    a32_put(t, a->d, ir_crc32(t->b, kind, x.n, data));
}

void a32_trans_crc32b(Trans *t, const A32Args *a) { crc32(t, a, 0, IR_I8); }
void a32_trans_crc32h(Trans *t, const A32Args *a) { crc32(t, a, 0, IR_I16); }
void a32_trans_crc32w(Trans *t, const A32Args *a) { crc32(t, a, 0, IR_I32); }
void a32_trans_crc32cb(Trans *t, const A32Args *a) { crc32(t, a, 1, IR_I8); }
void a32_trans_crc32ch(Trans *t, const A32Args *a) { crc32(t, a, 1, IR_I16); }
void a32_trans_crc32cw(Trans *t, const A32Args *a) { crc32(t, a, 1, IR_I32); }
