/* Arm ARM, "Data Processing -- Immediate" and "Data Processing -- Register": what computes on general
 * registers, except flag manipulation (a64_trans_flags.c). */
#include "target/arm/a64_trans.h"

static IrVal imm_of(Trans *t, const A64Args *a, int64_t v) { return ir_const(t->b, a64_type(a), v); }
static unsigned width_of(const A64Args *a) { return a->sf ? 64 : 32; }
static int64_t low_mask(unsigned bits) { return bits >= 64 ? -1 : (int64_t)((1ull << bits) - 1); }

/* Add and subtract. `flags`: what the S forms set. */
typedef enum Flags { NO_FLAGS, SET_FLAGS } Flags;

static IrVal add(Trans *t, const A64Args *a, IrVal x, IrVal y, Flags flags)
{
    IrVal v = ir_add(t->b, a64_type(a), x, y); /* before its flags: a carry may be wanted of both at once */

    if (flags)
        ir_put(t->b, ARM_SLOT_FL, ir_fladd(t->b, x, y));
    return v;
}

static IrVal sub(Trans *t, const A64Args *a, IrVal x, IrVal y, Flags flags)
{
    IrVal v = ir_sub(t->b, a64_type(a), x, y);

    if (flags)
        ir_put(t->b, ARM_SLOT_FL, ir_flsub(t->b, x, y));
    return v;
}

void a64_trans_add_imm(Trans *t, const A64Args *a)
{
    IrVal n = a64_r_sp(t, a->sf, a->rn);

    a64_put_r_sp(t, a->sf, a->rd, add(t, a, n, imm_of(t, a, a->imm), NO_FLAGS));
}
void a64_trans_adds_imm(Trans *t, const A64Args *a)
{
    IrVal n = a64_r_sp(t, a->sf, a->rn);

    a64_put_r(t, a->sf, a->rd, add(t, a, n, imm_of(t, a, a->imm), SET_FLAGS));
}
void a64_trans_sub_imm(Trans *t, const A64Args *a)
{
    IrVal n = a64_r_sp(t, a->sf, a->rn);

    a64_put_r_sp(t, a->sf, a->rd, sub(t, a, n, imm_of(t, a, a->imm), NO_FLAGS));
}
void a64_trans_subs_imm(Trans *t, const A64Args *a)
{
    IrVal n = a64_r_sp(t, a->sf, a->rn);

    a64_put_r(t, a->sf, a->rd, sub(t, a, n, imm_of(t, a, a->imm), SET_FLAGS));
}

/* "Shared pseudocode", ShiftReg. */
static IrVal shifted(Trans *t, const A64Args *a, IrVal v)
{
    static const uint8_t ops[4] = {IR_SHL, IR_SHR, IR_SAR, IR_ROTR};

    return a->amount ? ir_vv(t->b, ops[a->kind], a64_type(a), v, imm_of(t, a, a->amount)) : v;
}

/* Both operands of the shifted register forms. */
static A64Pair operands_shifted(Trans *t, const A64Args *a)
{
    A64Pair x = a64_nm(t, a);

    x.m = shifted(t, a, x.m);
    return x;
}

void a64_trans_add(Trans *t, const A64Args *a)
{
    A64Pair x = operands_shifted(t, a);

    a64_put_r(t, a->sf, a->rd, add(t, a, x.n, x.m, NO_FLAGS));
}
void a64_trans_adds(Trans *t, const A64Args *a)
{
    A64Pair x = operands_shifted(t, a);

    a64_put_r(t, a->sf, a->rd, add(t, a, x.n, x.m, SET_FLAGS));
}
void a64_trans_sub(Trans *t, const A64Args *a)
{
    A64Pair x = operands_shifted(t, a);

    a64_put_r(t, a->sf, a->rd, sub(t, a, x.n, x.m, NO_FLAGS));
}
void a64_trans_subs(Trans *t, const A64Args *a)
{
    A64Pair x = operands_shifted(t, a);

    a64_put_r(t, a->sf, a->rd, sub(t, a, x.n, x.m, SET_FLAGS));
}

IrVal a64_extended(Trans *t, bool sf, unsigned r, unsigned option, unsigned amount)
{
    static const uint8_t part[4] = {IR_I8, IR_I16, IR_I32, IR_I64};
    IrBuilder *b = t->b;
    IrType type = sf ? IR_I64 : IR_I32, from = part[option & 3];
    IrVal v = a64_r(t, sf, r);

    if (ir_type_bits(from) < ir_type_bits(type))
        v = option & 4 ? ir_sext(b, type, ir_trunc(b, from, v)) : ir_zext(b, type, ir_trunc(b, from, v));
    return amount ? ir_shl(b, type, v, ir_const(b, type, amount)) : v;
}

static A64Pair operands_extended(Trans *t, const A64Args *a)
{
    IrVal n = a64_r_sp(t, a->sf, a->rn);

    return (A64Pair){n, a64_extended(t, a->sf, a->rm, a->kind, a->amount)};
}

void a64_trans_add_ext(Trans *t, const A64Args *a)
{
    A64Pair x = operands_extended(t, a);

    a64_put_r_sp(t, a->sf, a->rd, add(t, a, x.n, x.m, NO_FLAGS));
}
void a64_trans_adds_ext(Trans *t, const A64Args *a)
{
    A64Pair x = operands_extended(t, a);

    a64_put_r(t, a->sf, a->rd, add(t, a, x.n, x.m, SET_FLAGS));
}
void a64_trans_sub_ext(Trans *t, const A64Args *a)
{
    A64Pair x = operands_extended(t, a);

    a64_put_r_sp(t, a->sf, a->rd, sub(t, a, x.n, x.m, NO_FLAGS));
}
void a64_trans_subs_ext(Trans *t, const A64Args *a)
{
    A64Pair x = operands_extended(t, a);

    a64_put_r(t, a->sf, a->rd, sub(t, a, x.n, x.m, SET_FLAGS));
}

/* x + y + C, x - y - !C */
static void add_with_carry(Trans *t, const A64Args *a, bool subtract, Flags flags)
{
    IrBuilder *b = t->b;
    A64Pair x = a64_nm(t, a);
    IrVal fl = ir_get(b, ARM_SLOT_FL), v = subtract ? ir_subc(b, x.n, x.m, fl) : ir_addc(b, x.n, x.m, fl);

    if (flags)
        ir_put(b, ARM_SLOT_FL, subtract ? ir_flsbc(b, x.n, x.m, fl) : ir_fladc(b, x.n, x.m, fl));
    a64_put_r(t, a->sf, a->rd, v);
}

void a64_trans_adc(Trans *t, const A64Args *a) { add_with_carry(t, a, false, NO_FLAGS); }
void a64_trans_adcs(Trans *t, const A64Args *a) { add_with_carry(t, a, false, SET_FLAGS); }
void a64_trans_sbc(Trans *t, const A64Args *a) { add_with_carry(t, a, true, NO_FLAGS); }
void a64_trans_sbcs(Trans *t, const A64Args *a) { add_with_carry(t, a, true, SET_FLAGS); }

/* Logical */
void a64_trans_and_imm(Trans *t, const A64Args *a)
{
    IrVal n = a64_r(t, a->sf, a->rn);

    a64_put_r_sp(t, a->sf, a->rd, ir_and(t->b, a64_type(a), n, imm_of(t, a, a->imm)));
}
void a64_trans_orr_imm(Trans *t, const A64Args *a)
{
    IrVal n = a64_r(t, a->sf, a->rn);

    a64_put_r_sp(t, a->sf, a->rd, ir_or(t->b, a64_type(a), n, imm_of(t, a, a->imm)));
}
void a64_trans_eor_imm(Trans *t, const A64Args *a)
{
    IrVal n = a64_r(t, a->sf, a->rn);

    a64_put_r_sp(t, a->sf, a->rd, ir_xor(t->b, a64_type(a), n, imm_of(t, a, a->imm)));
}
void a64_trans_ands_imm(Trans *t, const A64Args *a)
{
    IrVal n = a64_r(t, a->sf, a->rn), v = ir_and(t->b, a64_type(a), n, imm_of(t, a, a->imm));

    ir_put(t->b, ARM_SLOT_FL, ir_fllogic(t->b, v));
    a64_put_r(t, a->sf, a->rd, v);
}

static void logical(Trans *t, const A64Args *a, IrOp op, bool invert, Flags flags)
{
    IrBuilder *b = t->b;
    IrType type = a64_type(a);
    A64Pair x = operands_shifted(t, a);
    IrVal v = ir_vv(b, op, type, x.n, invert ? ir_not(b, type, x.m) : x.m);

    if (flags)
        ir_put(b, ARM_SLOT_FL, ir_fllogic(b, v));
    a64_put_r(t, a->sf, a->rd, v);
}

void a64_trans_and(Trans *t, const A64Args *a) { logical(t, a, IR_AND, false, NO_FLAGS); }
void a64_trans_bic(Trans *t, const A64Args *a) { logical(t, a, IR_AND, true, NO_FLAGS); }
void a64_trans_orr(Trans *t, const A64Args *a) { logical(t, a, IR_OR, false, NO_FLAGS); }
void a64_trans_orn(Trans *t, const A64Args *a) { logical(t, a, IR_OR, true, NO_FLAGS); }
void a64_trans_eor(Trans *t, const A64Args *a) { logical(t, a, IR_XOR, false, NO_FLAGS); }
void a64_trans_eon(Trans *t, const A64Args *a) { logical(t, a, IR_XOR, true, NO_FLAGS); }
void a64_trans_ands(Trans *t, const A64Args *a) { logical(t, a, IR_AND, false, SET_FLAGS); }
void a64_trans_bics(Trans *t, const A64Args *a) { logical(t, a, IR_AND, true, SET_FLAGS); }

/* Move wide, PC-relative addresses */
void a64_trans_movz(Trans *t, const A64Args *a)
{
    a64_put_x(t, a->rd, a64_imm(t, (int64_t)((uint64_t)a->imm << a->amount)));
}

void a64_trans_movn(Trans *t, const A64Args *a)
{
    uint64_t v = ~((uint64_t)a->imm << a->amount);

    a64_put_x(t, a->rd, a64_imm(t, (int64_t)(a->sf ? v : (uint32_t)v)));
}

void a64_trans_movk(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrType type = a64_type(a);
    IrVal old = a64_r(t, a->sf, a->rd);

    old = ir_and(b, type, old, imm_of(t, a, (int64_t) ~(0xffffull << a->amount)));
    a64_put_r(t, a->sf, a->rd, ir_or(b, type, old, imm_of(t, a, (int64_t)((uint64_t)a->imm << a->amount))));
}

void a64_trans_adr(Trans *t, const A64Args *a)
{
    a64_put_x(t, a->rd, a64_pc_value(t, t->pc + (uint64_t)a->imm));
}
void a64_trans_adrp(Trans *t, const A64Args *a)
{
    a64_put_x(t, a->rd, a64_pc_value(t, align_down(t->pc, 4096) + (uint64_t)a->imm));
}

/* Bitfield: immr (kind), imms (amount). imms >= immr takes bits imms..immr down to bit 0; else bits imms..0
 * go up to bit width - immr. */
void a64_trans_ubfm(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrType type = a64_type(a);
    unsigned r = a->kind, s = a->amount, width = width_of(a);
    IrVal v = a64_r(t, a->sf, a->rn);

    if (s == width - 1)
        v = ir_shr(b, type, v, imm_of(t, a, r));
    else if (s + 1 == r)
        v = ir_shl(b, type, v, imm_of(t, a, width - r));
    else if (s < r)
        v = ir_and(b, type, v, imm_of(t, a, low_mask(s + 1))),
        v = ir_shl(b, type, v, imm_of(t, a, width - r));
    else if (!r && (s == 7 || s == 15 || s == 31))
        v = ir_zext(b, type, ir_trunc(b, s == 7 ? IR_I8 : s == 15 ? IR_I16 : IR_I32, v));
    else
        v = ir_shr(b, type, v, imm_of(t, a, r)), v = ir_and(b, type, v, imm_of(t, a, low_mask(s - r + 1)));
    a64_put_r(t, a->sf, a->rd, v);
}

void a64_trans_sbfm(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrType type = a64_type(a);
    unsigned r = a->kind, s = a->amount, up = width_of(a) - 1 - s;
    IrVal v = a64_r(t, a->sf, a->rn);

    if (!r && (s == 7 || s == 15 || s == 31)) {
        v = ir_sext(b, type, ir_trunc(b, s == 7 ? IR_I8 : s == 15 ? IR_I16 : IR_I32, v));
    } else {
        v = ir_shl(b, type, v, imm_of(t, a, up));
        v = ir_sar(b, type, v, imm_of(t, a, s >= r ? up + r : r - s - 1));
    }
    a64_put_r(t, a->sf, a->rd, v);
}

void a64_trans_bfm(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrType type = a64_type(a);
    unsigned r = a->kind, s = a->amount, lsb = s >= r ? 0 : width_of(a) - r;
    int64_t mask = low_mask(s >= r ? s - r + 1 : s + 1);
    A64Pair x;
    IrVal v;

    x.n = a64_r(t, a->sf, a->rn);
    x.m = a64_r(t, a->sf, a->rd);
    v = s >= r ? ir_shr(b, type, x.n, imm_of(t, a, r)) : x.n;
    v = ir_and(b, type, v, imm_of(t, a, mask));
    v = ir_shl(b, type, v, imm_of(t, a, lsb));
    x.m = ir_and(b, type, x.m, imm_of(t, a, ~(int64_t)((uint64_t)mask << lsb)));
    a64_put_r(t, a->sf, a->rd, ir_or(b, type, x.m, v));
}

void a64_trans_extr(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrType type = a64_type(a);
    A64Pair x = a64_nm(t, a);
    IrVal v = x.m;

    if (a->rn == a->rm) {
        v = ir_rotr(b, type, v, imm_of(t, a, a->amount));
    } else if (a->amount) {
        v = ir_shr(b, type, x.m, imm_of(t, a, a->amount));
        /* a sum, which the host can do without touching flags: EXTR stands between sums with carry */
        v = ir_add(b, type, v, ir_shl(b, type, x.n, imm_of(t, a, width_of(a) - a->amount)));
    }
    a64_put_r(t, a->sf, a->rd, v);
}

/* Two sources. A division by zero gives 0; the smallest number by -1 gives itself, as the IR has it. */
static void divide(Trans *t, const A64Args *a, IrOp op)
{
    IrBuilder *b = t->b;
    A64Pair x = a64_nm(t, a);
    IrVal quotient = ir_vv(b, op, a64_type(a), x.n, x.m), zero = imm_of(t, a, 0);

    a64_put_r(t, a->sf, a->rd, ir_select(b, ir_cmp(b, IR_EQ, x.m, zero), zero, quotient));
}
void a64_trans_udiv(Trans *t, const A64Args *a) { divide(t, a, IR_DIVU); }
void a64_trans_sdiv(Trans *t, const A64Args *a) { divide(t, a, IR_DIVS); }

static void two_sources(Trans *t, const A64Args *a, IrOp op)
{
    A64Pair x = a64_nm(t, a);

    a64_put_r(t, a->sf, a->rd, ir_vv(t->b, op, a64_type(a), x.n, x.m));
}
void a64_trans_lslv(Trans *t, const A64Args *a) { two_sources(t, a, IR_SHL); }
void a64_trans_lsrv(Trans *t, const A64Args *a) { two_sources(t, a, IR_SHR); }
void a64_trans_asrv(Trans *t, const A64Args *a) { two_sources(t, a, IR_SAR); }
void a64_trans_rorv(Trans *t, const A64Args *a) { two_sources(t, a, IR_ROTR); }

/* CRC32B H W X: the data's size is bits 11..10; bit 12: Castagnoli's polynomial */
void a64_trans_crc32(Trans *t, const A64Args *a)
{
    static const uint8_t types[3] = {IR_I8, IR_I16, IR_I32};
    IrBuilder *b = t->b;
    unsigned size = a->bits >> 10 & 3;
    IrVal sum = a64_w(t, a->rn), data = a64_x(t, a->rm);

    if (size < 3)
        data = ir_trunc(b, types[size], data);
    a64_put_w(t, a->rd, ir_crc32(b, a->bits >> 12 & 1, sum, data));
}

/* CSSC: the smaller or greater of two */
static void min_max(Trans *t, const A64Args *a, IrCond keep_first, IrVal x, IrVal y)
{
    a64_put_r(t, a->sf, a->rd, ir_select(t->b, ir_cmp(t->b, keep_first, x, y), x, y));
}
static void min_max_r(Trans *t, const A64Args *a, IrCond keep_first)
{
    A64Pair x = a64_nm(t, a);

    min_max(t, a, keep_first, x.n, x.m);
}
static void min_max_i(Trans *t, const A64Args *a, IrCond keep_first, int64_t imm)
{
    IrVal x = a64_r(t, a->sf, a->rn);

    min_max(t, a, keep_first, x, imm_of(t, a, imm));
}
void a64_trans_smax(Trans *t, const A64Args *a) { min_max_r(t, a, IR_GT); }
void a64_trans_umax(Trans *t, const A64Args *a) { min_max_r(t, a, IR_GTU); }
void a64_trans_smin(Trans *t, const A64Args *a) { min_max_r(t, a, IR_LT); }
void a64_trans_umin(Trans *t, const A64Args *a) { min_max_r(t, a, IR_LTU); }
void a64_trans_smax_imm(Trans *t, const A64Args *a) { min_max_i(t, a, IR_GT, (int8_t)a->imm); }
void a64_trans_umax_imm(Trans *t, const A64Args *a) { min_max_i(t, a, IR_GTU, a->imm); }
void a64_trans_smin_imm(Trans *t, const A64Args *a) { min_max_i(t, a, IR_LT, (int8_t)a->imm); }
void a64_trans_umin_imm(Trans *t, const A64Args *a) { min_max_i(t, a, IR_LTU, a->imm); }

/* One source */
void a64_trans_rbit(Trans *t, const A64Args *a)
{
    a64_put_r(t, a->sf, a->rd, ir_rbit(t->b, a64_type(a), a64_r(t, a->sf, a->rn)));
}

void a64_trans_rev16(Trans *t, const A64Args *a)
{
    if (!a->sf) {
        IrVal v = ir_bswap(t->b, IR_I32, a64_w(t, a->rn));
        a64_put_w(t, a->rd, ir_rotr(t->b, IR_I32, v, ir_const(t->b, IR_I32, 16)));
        return;
    }
    a64_put_r(t, a->sf, a->rd, ir_swap_groups(t->b, a64_type(a), a64_r(t, a->sf, a->rn), 8));
}
void a64_trans_rev32(Trans *t, const A64Args *a)
{
    IrVal v = ir_bswap(t->b, IR_I64, a64_x(t, a->rn));

    a64_put_x(t, a->rd, ir_rotr(t->b, IR_I64, v, a64_imm(t, 32)));
}

static void one_source(Trans *t, const A64Args *a, IrOp op)
{
    a64_put_r(t, a->sf, a->rd, ir_v(t->b, op, a64_type(a), a64_r(t, a->sf, a->rn)));
}
void a64_trans_rev(Trans *t, const A64Args *a) { one_source(t, a, IR_BSWAP); }
void a64_trans_clz(Trans *t, const A64Args *a) { one_source(t, a, IR_CLZ); }
void a64_trans_ctz(Trans *t, const A64Args *a) { one_source(t, a, IR_CTZ); }
void a64_trans_cnt(Trans *t, const A64Args *a) { one_source(t, a, IR_POPCNT); }

/* Sign bits after the first: leading zeros of v ^ (v >> 1), less one. */
void a64_trans_cls(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrType type = a64_type(a);
    IrVal v = a64_r(t, a->sf, a->rn);

    v = ir_xor(b, type, v, ir_sar(b, type, v, imm_of(t, a, 1)));
    v = ir_clz(b, type, v);
    a64_put_r(t, a->sf, a->rd, ir_sub(b, type, v, imm_of(t, a, 1)));
}

void a64_trans_abs(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrVal v = a64_r(t, a->sf, a->rn), negative = ir_cmp(b, IR_LT, v, imm_of(t, a, 0));

    a64_put_r(t, a->sf, a->rd, ir_select(b, negative, ir_neg(b, a64_type(a), v), v));
}

/* Conditional select: rn, or rm changed in some way */
static void select_result(Trans *t, const A64Args *a, IrVal cond, IrVal x, IrVal y)
{
    IrBuilder *b = t->b;
    IrType type = a64_type(a);
    IrVal v;

    if (ir_is_const(b->r, x) && ir_is_const(b->r, y) && ir_const_value(b->r, x) == 0) {
        int64_t other = ir_const_value(b->r, y); /* CSET, CSETM */
        v = other == 1    ? ir_zext(b, type, ir_not(b, IR_I1, cond))
            : other == -1 ? ir_sext(b, type, ir_not(b, IR_I1, cond))
                          : ir_select(b, cond, x, y);
    } else {
        v = ir_select(b, cond, x, y);
    }
    a64_put_r(t, a->sf, a->rd, v);
}

static IrVal condition(Trans *t, const A64Args *a)
{
    return a->kind >= IR_FL_AL ? ir_const(t->b, IR_I1, 1)
                               : ir_flcc(t->b, ir_get(t->b, ARM_SLOT_FL), (IrFlCond)a->kind);
}

void a64_trans_csel(Trans *t, const A64Args *a)
{
    A64Pair x = a64_nm(t, a);

    select_result(t, a, condition(t, a), x.n, x.m);
}
void a64_trans_csinc(Trans *t, const A64Args *a)
{
    A64Pair x = a64_nm(t, a);
    IrVal cond = condition(t, a);

    select_result(t, a, cond, x.n, ir_add(t->b, a64_type(a), x.m, imm_of(t, a, 1)));
}
void a64_trans_csinv(Trans *t, const A64Args *a)
{
    A64Pair x = a64_nm(t, a);
    IrVal cond = condition(t, a);

    select_result(t, a, cond, x.n, ir_not(t->b, a64_type(a), x.m));
}
void a64_trans_csneg(Trans *t, const A64Args *a)
{
    A64Pair x = a64_nm(t, a);
    IrVal cond = condition(t, a);

    select_result(t, a, cond, x.n, ir_neg(t->b, a64_type(a), x.m));
}

/* Conditional compare: the flags of the comparison, or those of the instruction */
static void conditional_compare(Trans *t, const A64Args *a, IrVal x, IrVal y, bool subtract)
{
    IrBuilder *b = t->b;
    IrVal cond = condition(t, a), fl = subtract ? ir_flsub(b, x, y) : ir_fladd(b, x, y);

    ir_put(b, ARM_SLOT_FL, ir_select(b, cond, fl, ir_const(b, IR_FL, a64_fl_word(a->amount))));
}
void a64_trans_ccmn(Trans *t, const A64Args *a)
{
    A64Pair x = a64_nm(t, a);

    conditional_compare(t, a, x.n, x.m, false);
}
void a64_trans_ccmp(Trans *t, const A64Args *a)
{
    A64Pair x = a64_nm(t, a);

    conditional_compare(t, a, x.n, x.m, true);
}
void a64_trans_ccmn_imm(Trans *t, const A64Args *a)
{
    IrVal x = a64_r(t, a->sf, a->rn);

    conditional_compare(t, a, x, imm_of(t, a, a->imm), false);
}
void a64_trans_ccmp_imm(Trans *t, const A64Args *a)
{
    IrVal x = a64_r(t, a->sf, a->rn);

    conditional_compare(t, a, x, imm_of(t, a, a->imm), true);
}

/* Three sources */
static void multiply_add(Trans *t, const A64Args *a, IrOp op)
{
    IrBuilder *b = t->b;
    IrType type = a64_type(a);
    A64Pair x = a64_nm(t, a);
    IrVal c = a64_r(t, a->sf, a->ra);

    a64_put_r(t, a->sf, a->rd, ir_vv(b, op, type, c, ir_mul(b, type, x.n, x.m)));
}
void a64_trans_madd(Trans *t, const A64Args *a)
{
    A64Pair x;

    if (a->ra != 31) {
        multiply_add(t, a, IR_ADD);
        return;
    }
    x = a64_nm(t, a);
    a64_put_r(t, a->sf, a->rd, ir_mul(t->b, a64_type(a), x.n, x.m));
}
void a64_trans_msub(Trans *t, const A64Args *a) { multiply_add(t, a, IR_SUB); }

static void multiply_long(Trans *t, const A64Args *a, IrOp op)
{
    IrBuilder *b = t->b;
    bool is_unsigned = a->bits >> 23 & 1;
    IrVal n = a64_w(t, a->rn), m = a64_w(t, a->rm), product;

    n = is_unsigned ? ir_zext(b, IR_I64, n) : ir_sext(b, IR_I64, n);
    m = is_unsigned ? ir_zext(b, IR_I64, m) : ir_sext(b, IR_I64, m);
    product = ir_mul(b, IR_I64, n, m);
    if (a->ra == 31)
        a64_put_x(t, a->rd, op == IR_ADD ? product : ir_neg(b, IR_I64, product));
    else
        a64_put_x(t, a->rd, ir_vv(b, op, IR_I64, a64_x(t, a->ra), product));
}
void a64_trans_maddl(Trans *t, const A64Args *a) { multiply_long(t, a, IR_ADD); }
void a64_trans_msubl(Trans *t, const A64Args *a) { multiply_long(t, a, IR_SUB); }
void a64_trans_smulh(Trans *t, const A64Args *a) { two_sources(t, a, IR_MULHS); }
void a64_trans_umulh(Trans *t, const A64Args *a) { two_sources(t, a, IR_MULHU); }
