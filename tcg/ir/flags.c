/* Flags of the guest as ordinary values. A condition is asked of what made the flags:
 *   flsub a,b    equality, unsigned and signed order of a and b; sign of a - b
 *   fladd a,b    equality and sign of a + b; carry = (a + b <u a)
 *   fllogic a    a against zero; carry and overflow are 0
 *   flfcmp a,b   order of a and b, raising nothing more
 *   flnzc a,b,c  a against zero, a bit of b, carry and overflow of c
 *   select c,x,y with one constant arm: c and x's answer, or not c or x's answer
 * and, when all that does not help, of the bits of the word. */
#include "tcg/ir/build.h"
#include "tcg/ir/eval.h"

static const IrInsn *def(const IrBuilder *b, IrVal v) { return &b->r->insn[v]; }
static IrType type_of(const IrBuilder *b, IrVal v) { return ir_result_type(b->r, def(b, v)); }

/* The carry of fl, if it is known: 0 or 1; else 2. */
static unsigned carry_of(const IrBuilder *b, IrVal fl)
{
    if (fl == IR_NONE || (!b->no_fold && def(b, fl)->op == IR_FLLOGIC))
        return 0;
    return ir_is_const(b->r, fl) ? (ir_const_value(b->r, fl) & IR_FL_C) != 0 : 2;
}

static bool known(const IrBuilder *b, IrVal x, IrVal y, unsigned carry)
{
    return !b->no_fold && ir_is_const(b->r, x) && (!y || ir_is_const(b->r, y)) && carry < 2;
}

static uint64_t value_of(const IrBuilder *b, IrVal x)
{
    return x ? ir_canon(type_of(b, x), (uint64_t)ir_const_value(b->r, x)) : 0;
}

static IrVal make(IrBuilder *b, IrOp op, IrVal x, IrVal y, IrVal fl)
{
    IrType t = type_of(b, x);
    unsigned carry = carry_of(b, fl);
    if (known(b, x, y, carry))
        return ir_const(b, IR_FL, (int64_t)ir_eval_fl(op, t, value_of(b, x), value_of(b, y), carry));
    return ir_emit(b, (IrInsn){.op = op, .type = t, .a = x, .b = y, .c = fl});
}

IrVal ir_flsub(IrBuilder *b, IrVal x, IrVal y) { return make(b, IR_FLSUB, x, y, IR_NONE); }
IrVal ir_fladd(IrBuilder *b, IrVal x, IrVal y) { return make(b, IR_FLADD, x, y, IR_NONE); }
IrVal ir_fllogic(IrBuilder *b, IrVal x) { return make(b, IR_FLLOGIC, x, IR_NONE, IR_NONE); }

IrVal ir_flcmp(IrBuilder *b, IrVal x, IrVal y) { return make(b, IR_FLCMP, x, y, IR_NONE); }
IrVal ir_flshift(IrBuilder *b, IrOp op, IrVal x, unsigned n)
{
    return make(b, op, x, ir_const(b, type_of(b, x), n), IR_NONE);
}

enum { FL_NZP = IR_FL_N | IR_FL_Z | IR_FL_PARITY | IR_FL_HALF, FL_ALL = FL_NZP | IR_FL_C | IR_FL_V };

/* Which bits of the word before it a flx may change: undefined ones, too, that some processor changes. */
static unsigned flx_changes(const IrInsn *i)
{
    switch (i->misc) {
    case IR_X_ROL:
    case IR_X_ROR:
    case IR_X_RCL:
    case IR_X_RCR:
    case IR_X_MUL:
    case IR_X_IMUL:
    case IR_X_IMUL2: return IR_FL_C | IR_FL_V;
    case IR_X_BT: return IR_FL_C;
    case IR_X_INC:
    case IR_X_DEC: return FL_NZP | IR_FL_V;
    case IR_X_LZCNT:
    case IR_X_TZCNT: return FL_NZP | IR_FL_C;
    case IR_X_DIV: return FL_NZP;
    default: return FL_ALL;
    }
}

/* Which of them count for the new one: those that some processor keeps. */
static unsigned flx_wants(const IrBuilder *b, const IrInsn *i)
{
    bool moves = ir_is_const(b->r, i->b) && ir_const_value(b->r, i->b) != 0;
    switch (i->misc) {
    case IR_X_INC:
    case IR_X_DEC: return IR_FL_C;
    case IR_X_ROL:
    case IR_X_ROR: return moves ? FL_NZP : FL_ALL;
    case IR_X_RCL:
    case IR_X_RCR: return moves ? FL_NZP | IR_FL_C : FL_ALL;
    case IR_X_SHL:
    case IR_X_SHR:
    case IR_X_SAR: return FL_ALL;
    case IR_X_BSF:
    case IR_X_BSR: return FL_ALL & ~(unsigned)IR_FL_Z;
    case IR_X_LZCNT:
    case IR_X_TZCNT: return FL_ALL & ~(unsigned)(IR_FL_Z | IR_FL_C);
    case IR_X_ANDN:
    case IR_X_BEXTR:
    case IR_X_BZHI:
    case IR_X_POPCNT:
    case IR_X_BLSR:
    case IR_X_BLSMSK:
    case IR_X_BLSI: return 0;
    default: return i->misc > IR_X_COUNT ? 0 : FL_ALL & ~flx_changes(i);
    }
}

IrVal ir_flx(IrBuilder *b, IrX86Fl kind, IrVal x, IrVal y, IrVal fl)
{
    IrInsn i = {.op = IR_FLX, .type = type_of(b, x), .misc = kind, .a = x, .b = y, .c = fl};
    while (!b->no_fold && def(b, i.c)->op == IR_FLX && !(flx_changes(def(b, i.c)) & flx_wants(b, &i)))
        i.c = def(b, i.c)->c;
    if (!b->no_fold && !flx_wants(b, &i))
        i.c = ir_const(b, IR_FL, 0);
    return ir_emit(b, i);
}

IrVal ir_fladx(IrBuilder *b, bool over, IrVal x, IrVal y, IrVal fl)
{
    IrOp op = over ? IR_FLADOX : IR_FLADCX;
    return ir_emit(b, (IrInsn){.op = op, .type = type_of(b, x), .a = x, .b = y, .c = fl});
}

IrVal ir_adx(IrBuilder *b, bool over, IrVal x, IrVal y, IrVal fl)
{
    IrOp op = over ? IR_ADDV : IR_ADDC;
    return ir_emit(b, (IrInsn){.op = op, .type = type_of(b, x), .a = x, .b = y, .c = fl});
}

IrVal ir_flsbb(IrBuilder *b, IrVal x, IrVal y, IrVal fl)
{
    return !b->no_fold && carry_of(b, fl) == 0 ? ir_flcmp(b, x, y) : make(b, IR_FLSBB, x, y, fl);
}

IrVal ir_fladc(IrBuilder *b, IrVal x, IrVal y, IrVal fl)
{
    return !b->no_fold && carry_of(b, fl) == 0 ? ir_fladd(b, x, y) : make(b, IR_FLADC, x, y, fl);
}

IrVal ir_flsbc(IrBuilder *b, IrVal x, IrVal y, IrVal fl)
{
    return !b->no_fold && carry_of(b, fl) == 1 ? ir_flsub(b, x, y) : make(b, IR_FLSBC, x, y, fl);
}

static IrVal with_carry(IrBuilder *b, IrOp op, IrVal x, IrVal y, IrVal fl)
{
    IrType t = type_of(b, x);
    unsigned carry = carry_of(b, fl);
    if (b->no_fold || carry > 1)
        return ir_emit(b, (IrInsn){.op = op, .type = t, .a = x, .b = y, .c = fl});
    IrVal v = op == IR_ADDC ? ir_add(b, t, x, y) : ir_sub(b, t, x, y);
    int64_t more = op == IR_ADDC ? carry : op == IR_SBB ? -(int64_t)carry : (int64_t)carry - 1;
    return more ? ir_add(b, t, v, ir_const(b, t, more)) : v;
}

IrVal ir_addc(IrBuilder *b, IrVal x, IrVal y, IrVal fl) { return with_carry(b, IR_ADDC, x, y, fl); }
IrVal ir_subc(IrBuilder *b, IrVal x, IrVal y, IrVal fl) { return with_carry(b, IR_SUBC, x, y, fl); }

IrVal ir_sbb(IrBuilder *b, IrVal x, IrVal y, IrVal fl) { return with_carry(b, IR_SBB, x, y, fl); }

IrVal ir_flnzc(IrBuilder *b, IrVal x, IrVal y, unsigned bit, IrVal fl)
{
    IrInsn i = {.op = IR_FLNZC, .type = type_of(b, x), .misc = (uint8_t)bit, .a = x,
                .b = bit == IR_FLNZC_OLD ? x : y, .c = fl};
    const IrInsn *old = def(b, fl);
    if (!b->no_fold && old->op == IR_FLNZC && (bit != IR_FLNZC_OLD || old->misc == IR_FLNZC_OLD)) {
        i.c = old->c; /* nothing of `old` but its V, or its C and V, which are from before */
    } else if (!b->no_fold && old->op == IR_FLNZC && old->type == i.type) {
        i.b = old->b;
        i.misc = old->misc;
        i.c = old->c;
    }
    return ir_emit(b, i);
}

IrVal ir_flmake(IrBuilder *b, IrVal word)
{
    if (!b->no_fold && ir_is_const(b->r, word))
        return ir_const(b, IR_FL, ir_const_value(b->r, word));
    return ir_emit(b, (IrInsn){.op = IR_FLMAKE, .type = IR_I32, .a = word});
}

IrVal ir_flbits(IrBuilder *b, IrVal fl)
{
    if (!b->no_fold && ir_is_const(b->r, fl))
        return ir_const(b, IR_I32, (uint16_t)ir_const_value(b->r, fl));
    return ir_emit(b, (IrInsn){.op = IR_FLBITS, .type = IR_I32, .a = fl});
}

static IrVal zero_like(IrBuilder *b, IrVal v) { return ir_const(b, type_of(b, v), 0); }

/* The even conditions; IR_NONE: ask the bits. Odd ones are their inverse. */
static IrVal of_sub(IrBuilder *b, IrVal x, IrVal y, IrFlCond c)
{
    static const int8_t cond[] = {
        [IR_FL_EQ] = IR_EQ, [IR_FL_HS] = IR_GEU, [IR_FL_HI] = IR_GTU, [IR_FL_GE] = IR_GE, [IR_FL_GT] = IR_GT};
    switch (c) {
    case IR_FL_MI: return ir_cmp(b, IR_LT, ir_sub(b, type_of(b, x), x, y), zero_like(b, x));
    case IR_FL_VS:
    case IR_FL_BE:
    case IR_FL_PE: return IR_NONE;
    default: return ir_cmp(b, (IrCond)cond[c], x, y);
    }
}

/* x86: the carry is a borrow. */
static IrVal of_cmp_x86(IrBuilder *b, IrVal x, IrVal y, IrFlCond c)
{
    switch (c) {
    case IR_FL_HS: return ir_cmp(b, IR_LTU, x, y);
    case IR_FL_BE: return ir_cmp(b, IR_LEU, x, y);
    case IR_FL_HI:
    case IR_FL_PE: return IR_NONE;
    default: return of_sub(b, x, y, c);
    }
}

/* By a constant, so that the result is known. */
static IrVal of_shift(IrBuilder *b, const IrInsn *i, IrFlCond c)
{
    IrType t = (IrType)i->type;
    if (t < IR_I32 || (c != IR_FL_EQ && c != IR_FL_MI))
        return IR_NONE;
    IrOp op = i->op == IR_FLSHL ? IR_SHL : i->op == IR_FLSHR ? IR_SHR : IR_SAR;
    return ir_cmp(b, c == IR_FL_EQ ? IR_EQ : IR_LT, ir_vv(b, op, t, i->a, i->b), zero_like(b, i->a));
}

/* The bits that an even condition looks at. */
static unsigned looked_at(IrFlCond c)
{
    static const uint16_t bits[] = {[IR_FL_EQ] = IR_FL_Z,
                                    [IR_FL_HS] = IR_FL_C,
                                    [IR_FL_MI] = IR_FL_N,
                                    [IR_FL_VS] = IR_FL_V,
                                    [IR_FL_HI] = IR_FL_C | IR_FL_Z,
                                    [IR_FL_GE] = IR_FL_N | IR_FL_V,
                                    [IR_FL_GT] = IR_FL_N | IR_FL_V | IR_FL_Z,
                                    [IR_FL_BE] = IR_FL_C | IR_FL_Z,
                                    [IR_FL_PE] = IR_FL_PARITY};
    return bits[c];
}

/* Carry and overflow of a product: it has more bits than fit. */
static IrVal does_not_fit(IrBuilder *b, IrType t, bool sign, IrVal x, IrVal y)
{
    if (t == IR_I32) {
        IrVal p = sign ? ir_mul(b, IR_I64, ir_sext(b, IR_I64, x), ir_sext(b, IR_I64, y))
                       : ir_mul(b, IR_I64, ir_zext(b, IR_I64, x), ir_zext(b, IR_I64, y));
        IrVal low = ir_trunc(b, t, p);
        return ir_cmp(b, IR_NE, p, sign ? ir_sext(b, IR_I64, low) : ir_zext(b, IR_I64, low));
    }
    if (t != IR_I64)
        return IR_NONE;
    IrVal low = ir_mul(b, t, x, y);
    return sign ? ir_cmp(b, IR_NE, ir_mulhs(b, t, x, y), ir_sar(b, t, low, ir_const(b, t, 63)))
                : ir_cmp(b, IR_NE, ir_mulhu(b, t, x, y), ir_const(b, t, 0));
}

static IrVal of_logic(IrBuilder *b, IrVal x, IrFlCond c)
{
    switch (c) {
    case IR_FL_EQ: return ir_cmp(b, IR_EQ, x, zero_like(b, x));
    case IR_FL_MI: return ir_cmp(b, IR_LT, x, zero_like(b, x));
    case IR_FL_GE: return ir_cmp(b, IR_GE, x, zero_like(b, x));
    case IR_FL_GT: return ir_cmp(b, IR_GT, x, zero_like(b, x));
    case IR_FL_BE: return ir_cmp(b, IR_EQ, x, zero_like(b, x));
    case IR_FL_PE: return IR_NONE;
    default: return ir_const(b, IR_I1, 0); /* HS VS HI */
    }
}

/* What an instruction does not change is as it was before it. */
static IrVal of_x86(IrBuilder *b, const IrInsn *i, IrFlCond c)
{
    IrType t = (IrType)i->type;
    IrVal x = i->a, y = i->b;
    if (i->misc > IR_X_COUNT) /* shld, shrd: a is their result */
        return c == IR_FL_EQ || c == IR_FL_MI ? of_logic(b, x, c) : IR_NONE;
    if (!(flx_changes(i) & looked_at(c)))
        return ir_flcc(b, i->c, c);
    switch (i->misc) {
    case IR_X_BT:
        if (c != IR_FL_HS)
            return IR_NONE;
        y = ir_shr(b, t, x, y);
        return t < IR_I32 ? IR_NONE : ir_cmp(b, IR_NE, ir_and(b, t, y, ir_const(b, t, 1)), zero_like(b, x));
    case IR_X_MUL:
    case IR_X_IMUL:
    case IR_X_IMUL2:
        return c == IR_FL_HS || c == IR_FL_VS ? does_not_fit(b, t, i->misc != IR_X_MUL, x, y) : IR_NONE;
    case IR_X_INC:
    case IR_X_DEC:
        if (c != IR_FL_EQ && c != IR_FL_MI)
            return IR_NONE;
        x = ir_add(b, t, x, ir_const(b, t, i->misc == IR_X_INC ? 1 : -1));
        return ir_cmp(b, c == IR_FL_EQ ? IR_EQ : IR_LT, x, zero_like(b, x));
    default: return IR_NONE;
    }
}

/* ucomiss, ucomisd and their signaling forms: unordered is zero, parity and carry, less is carry. */
static IrVal of_xcomis(IrBuilder *b, const IrInsn *i, IrFlCond c)
{
    unsigned enc = i->imm & 0xfff;
    if ((enc & ~0x401u) != IR_XV(0, 1, 0x2e))
        return IR_NONE;
    IrType t = enc & 0x400 ? IR_F64 : IR_F32;
    IrVal x = ir_vlow(b, t, i->a), y = ir_vlow(b, t, i->b);
    switch (c) {
    case IR_FL_EQ: return ir_or(b, IR_I1, ir_fcc(b, IR_FEQ, x, y), ir_fcc(b, IR_FUNO, x, y));
    case IR_FL_HS: return ir_fcc(b, IR_FLE | IR_FCC_NOT, y, x);
    case IR_FL_BE: return ir_fcc(b, IR_FLT | IR_FCC_NOT, y, x);
    case IR_FL_PE: return ir_fcc(b, IR_FUNO, x, y);
    case IR_FL_MI:
    case IR_FL_VS: return ir_const(b, IR_I1, 0);
    default: return IR_NONE;
    }
}

static IrVal of_add(IrBuilder *b, IrVal x, IrVal y, IrFlCond c)
{
    IrType t = type_of(b, x);
    switch (c) {
    case IR_FL_EQ: return ir_cmp(b, IR_EQ, ir_add(b, t, x, y), zero_like(b, x));
    case IR_FL_MI: return ir_cmp(b, IR_LT, ir_add(b, t, x, y), zero_like(b, x));
    case IR_FL_HS: return ir_cmp(b, IR_LTU, ir_add(b, t, x, y), x);
    default: return IR_NONE;
    }
}

static IrVal of_select(IrBuilder *b, const IrInsn *i, IrFlCond c)
{
    IrVal cond = i->a, x = ir_flcc(b, i->b, c), y = ir_flcc(b, i->c, c);
    if (ir_is_const(b->r, y))
        return ir_const_value(b->r, y) ? ir_or(b, IR_I1, ir_not(b, IR_I1, cond), x)
                                       : ir_and(b, IR_I1, cond, x);
    if (ir_is_const(b->r, x))
        return ir_const_value(b->r, x) ? ir_or(b, IR_I1, cond, y)
                                       : ir_and(b, IR_I1, ir_not(b, IR_I1, cond), y);
    return ir_select(b, cond, x, y);
}

/* N: less. Z: equal. C: not less. V: unordered. */
static IrVal of_fcmp(IrBuilder *b, IrVal x, IrVal y, IrFlCond c)
{
    switch (c) {
    case IR_FL_EQ: return ir_fcc(b, IR_FEQ, x, y);
    case IR_FL_HS: return ir_fcc(b, IR_FLT | IR_FCC_NOT, x, y);
    case IR_FL_MI: return ir_fcc(b, IR_FLT, x, y);
    case IR_FL_VS: return ir_fcc(b, IR_FUNO, x, y);
    case IR_FL_HI: return ir_fcc(b, IR_FLE | IR_FCC_NOT, x, y);
    case IR_FL_GE: return ir_fcc(b, IR_FLE, y, x);
    case IR_FL_BE:
    case IR_FL_PE: return IR_NONE;
    default: return ir_fcc(b, IR_FLT, y, x);
    }
}

static IrVal low32(IrBuilder *b, IrVal v) { return type_of(b, v) == IR_I64 ? ir_trunc(b, IR_I32, v) : v; }

static IrVal bit_set(IrBuilder *b, IrVal word, uint32_t bit)
{
    return ir_cmp(b, IR_NE, ir_and(b, IR_I32, word, ir_const(b, IR_I32, bit)), ir_const(b, IR_I32, 0));
}

/* N == V */
static IrVal of_bits_ge(IrBuilder *b, IrVal w)
{
    IrVal n = ir_shr(b, IR_I32, w, ir_const(b, IR_I32, 15));
    return ir_not(b, IR_I1, bit_set(b, ir_xor(b, IR_I32, n, w), IR_FL_V));
}

/* A mixture: the even conditions of a, of bit k of b, and of c's overflow. */
static IrVal of_nzc(IrBuilder *b, const IrInsn *i, IrFlCond c)
{
    IrInsn n = *i; /* the table of instructions may move */
    IrVal old = n.c, x = n.a, z, sign;
    switch (c) {
    case IR_FL_BE:
    case IR_FL_PE: return IR_NONE;
    case IR_FL_EQ:
    case IR_FL_MI: return of_logic(b, x, c);
    case IR_FL_VS: return ir_flcc(b, old, c);
    case IR_FL_HS:
        return n.misc == IR_FLNZC_OLD ? ir_flcc(b, old, c) : bit_set(b, low32(b, n.b), 1u << n.misc);
    case IR_FL_HI:
        z = of_logic(b, x, IR_FL_EQ);
        return ir_and(b, IR_I1, of_nzc(b, &n, IR_FL_HS), ir_not(b, IR_I1, z));
    default:
        sign = ir_xor(b, IR_I1, of_logic(b, x, IR_FL_MI), ir_flcc(b, old, IR_FL_VS));
        sign = ir_not(b, IR_I1, sign);
        return c == IR_FL_GE ? sign : ir_and(b, IR_I1, sign, ir_not(b, IR_I1, of_logic(b, x, IR_FL_EQ)));
    }
}

static IrVal of_bits(IrBuilder *b, IrVal fl, IrFlCond c)
{
    IrVal w = ir_flbits(b, fl);
    switch (c) {
    case IR_FL_EQ: return bit_set(b, w, IR_FL_Z);
    case IR_FL_HS: return bit_set(b, w, IR_FL_C);
    case IR_FL_MI: return bit_set(b, w, IR_FL_N);
    case IR_FL_VS: return bit_set(b, w, IR_FL_V);
    case IR_FL_PE: return bit_set(b, w, IR_FL_PARITY);
    case IR_FL_BE: return bit_set(b, w, IR_FL_C | IR_FL_Z);
    case IR_FL_HI:
        return ir_cmp(b, IR_EQ, ir_and(b, IR_I32, w, ir_const(b, IR_I32, IR_FL_C | IR_FL_Z)),
                      ir_const(b, IR_I32, IR_FL_C));
    case IR_FL_GE: return of_bits_ge(b, w);
    default: return ir_and(b, IR_I1, of_bits_ge(b, w), ir_not(b, IR_I1, bit_set(b, w, IR_FL_Z)));
    }
}

IrVal ir_flcc(IrBuilder *b, IrVal fl, IrFlCond c)
{
    if (c == IR_FL_AL || c == IR_FL_NV)
        return ir_const(b, IR_I1, 1);
    if (c & 1)
        return ir_not(b, IR_I1, ir_flcc(b, fl, (IrFlCond)(c - 1)));
    const IrInsn *i = def(b, fl), copy = *i; /* the table of instructions may move */
    IrVal v = IR_NONE;
    if (b->no_fold)
        return of_bits(b, fl, c);
    switch (i->op) {
    case IR_CONST: v = ir_const(b, IR_I1, ir_eval_flcc((uint64_t)ir_const_value(b->r, fl), c)); break;
    case IR_FLSUB: v = of_sub(b, i->a, i->b, c); break;
    case IR_FLCMP: v = of_cmp_x86(b, i->a, i->b, c); break;
    case IR_FLSHL:
    case IR_FLSHR:
    case IR_FLSAR: v = of_shift(b, &copy, c); break;
    case IR_FLX: v = of_x86(b, &copy, c); break;
    case IR_FLADCX: v = looked_at(c) & IR_FL_C ? IR_NONE : ir_flcc(b, copy.c, c); break;
    case IR_FLADOX: v = looked_at(c) & IR_FL_V ? IR_NONE : ir_flcc(b, copy.c, c); break;
    case IR_FLXVF: v = of_xcomis(b, &copy, c); break;
    case IR_FLADD: v = of_add(b, i->a, i->b, c); break;
    case IR_FLLOGIC: v = of_logic(b, i->a, c); break;
    case IR_FLNZC: v = of_nzc(b, i, c); break;
    case IR_FLFCMP: v = of_fcmp(b, i->a, i->b, c); break;
    case IR_SELECT: v = of_select(b, i, c); break;
    default: break;
    }
    return v ? v : of_bits(b, fl, c);
}
