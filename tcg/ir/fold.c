#include "tcg/ir/fold.h"
#include "tcg/ir/eval.h"

static const uint8_t cond_not[] = {[IR_EQ] = IR_NE,   [IR_NE] = IR_EQ,   [IR_LTU] = IR_GEU, [IR_GEU] = IR_LTU,
                                   [IR_LT] = IR_GE,   [IR_GE] = IR_LT,   [IR_LEU] = IR_GTU, [IR_GTU] = IR_LEU,
                                   [IR_LE] = IR_GT,   [IR_GT] = IR_LE};
static const uint8_t cond_swap[] = {
    [IR_EQ] = IR_EQ, [IR_NE] = IR_NE,   [IR_LTU] = IR_GTU, [IR_GEU] = IR_LEU, [IR_LT] = IR_GT,
    [IR_GE] = IR_LE, [IR_LEU] = IR_GEU, [IR_GTU] = IR_LTU, [IR_LE] = IR_GE,   [IR_GT] = IR_LT};

IrCond ir_cond_not(IrCond c) { return (IrCond)cond_not[c]; }
IrCond ir_cond_swap(IrCond c) { return (IrCond)cond_swap[c]; }

static const IrInsn *def(const IrBuilder *b, IrVal v) { return &b->r->insn[v]; }
static IrType type_of(const IrBuilder *b, IrVal v) { return ir_result_type(b->r, def(b, v)); }
static bool is_const(const IrBuilder *b, IrVal v) { return ir_is_const(b->r, v); }
/* Canonical bits of a constant. */
static uint64_t const_bits(const IrBuilder *b, IrVal v)
{
    return ir_canon((IrType)def(b, v)->type, (uint64_t)ir_const_value(b->r, v));
}

/* Bits that x can have set lie below this position. */
static unsigned sig_bits(const IrBuilder *b, IrVal v)
{
    const IrInsn *i = def(b, v);
    unsigned width = ir_type_bits(type_of(b, v));
    switch (i->op) {
    case IR_CONST: {
        uint64_t c = const_bits(b, v);
        return c ? 64 - (unsigned)__builtin_clzll(c) : 0;
    }
    case IR_ZEXT: return ir_type_bits((IrType)i->misc);
    case IR_LD: {
        IrMem m = {.raw = i->d};
        return m.sext ? width : MIN(8u << m.size, width);
    }
    case IR_AND:
        return is_const(b, i->b) && const_bits(b, i->b) ? 64 - (unsigned)__builtin_clzll(const_bits(b, i->b))
                                                        : width;
    case IR_SHR: return is_const(b, i->b) ? width - ((unsigned)const_bits(b, i->b) & (width - 1)) : width;
    default: return width;
    }
}

/* Is v equal to the sign extension of its low n bits? */
static bool sext_from(const IrBuilder *b, IrVal v, unsigned n)
{
    const IrInsn *i = def(b, v);
    if (i->op == IR_SEXT)
        return ir_type_bits((IrType)i->misc) <= n;
    if (i->op == IR_LD && ((IrMem){.raw = i->d}).sext)
        return (8u << ((IrMem){.raw = i->d}).size) <= n;
    return sig_bits(b, v) < n;
}

static IrVal make_const(IrBuilder *b, IrType t, uint64_t bits)
{
    return ir_const(b, t, (int64_t)bits);
}

IrVal ir_fold_v(IrBuilder *b, IrOp op, IrType t, IrVal a)
{
    const IrInsn *i = def(b, a);
    if (op == IR_CLZ && a == b->reversed.is && t == b->reversed.type)
        return ir_ctz(b, t, b->reversed.of);
    switch (op) {
    case IR_BOX:
        return i->op == IR_CONST ? make_const(b, IR_F64, const_bits(b, a) | 0xffffffffull << 32) : IR_NONE;
    case IR_UNBOX:
        if (i->op == IR_BOX)
            return i->a;
        return i->op == IR_CONST ? make_const(b, IR_F32, ir_eval_unbox(const_bits(b, a))) : IR_NONE;
    case IR_NEG:
    case IR_NOT:
        if (i->op == op)
            return i->a;
        if (op == IR_NOT && i->op == IR_CMP)
            return ir_cmp(b, ir_cond_not((IrCond)i->misc), i->a, i->b);
        if (op == IR_NOT && i->op == IR_FCC)
            return ir_fcc(b, i->misc ^ IR_FCC_NOT, i->a, i->b);
        break;
    default: break;
    }
    if (i->op == IR_CONST && ir_type_is_int(t) && t != IR_I128)
        return make_const(b, t, ir_eval_v(op, t, const_bits(b, a)));
    return IR_NONE;
}

static IrVal fold_same(IrBuilder *b, IrOp op, IrType t, IrVal x)
{
    switch (op) {
    case IR_AND:
    case IR_OR: return x;
    case IR_SUB:
    case IR_XOR: return make_const(b, t, 0);
    default: return IR_NONE;
    }
}

static IrType int_of_bits(unsigned n)
{
    return n == 8 ? IR_I8 : n == 16 ? IR_I16 : n == 32 ? IR_I32 : IR_VOID;
}

/* y is a constant, c its canonical bits */
static IrVal fold_shift(IrBuilder *b, IrOp op, IrType t, IrVal x, uint64_t c)
{
    unsigned width = ir_type_bits(t), n = (unsigned)c & (width - 1);
    if (n == 0)
        return x;
    const IrInsn *i = def(b, x);
    if ((op == IR_SHR || op == IR_SAR) && i->op == IR_SHL && is_const(b, i->b) &&
        ((unsigned)const_bits(b, i->b) & (width - 1)) == n) {
        IrType low = int_of_bits(width - n);
        if (low == IR_VOID)
            return IR_NONE;
        IrVal v = ir_trunc(b, low, i->a);
        return op == IR_SHR ? ir_zext(b, t, v) : ir_sext(b, t, v);
    }
    return IR_NONE;
}

static IrVal fold_mul_div(IrBuilder *b, IrOp op, IrType t, IrVal x, uint64_t c)
{
    bool pow2 = c && !(c & (c - 1));
    unsigned k = c ? (unsigned)__builtin_ctzll(c) : 0;
    switch (op) {
    case IR_MUL:
        if (c == 0)
            return make_const(b, t, 0);
        return pow2 ? ir_shl(b, t, x, ir_const(b, t, k)) : IR_NONE;
    case IR_MULHU: return c == 0 || c == 1 ? make_const(b, t, 0) : IR_NONE;
    case IR_MULHS:
    case IR_MULHSU: return c == 0 ? make_const(b, t, 0) : IR_NONE;
    case IR_DIVU: return pow2 ? ir_shr(b, t, x, ir_const(b, t, k)) : IR_NONE;
    case IR_REMU: return pow2 ? ir_and(b, t, x, make_const(b, t, c - 1)) : IR_NONE;
    case IR_DIVS: return c == 1 ? x : IR_NONE;
    case IR_REMS: return c == 1 ? make_const(b, t, 0) : IR_NONE;
    default: return IR_NONE;
    }
}

/* y is a constant, c its canonical bits */
static IrVal fold_right_const(IrBuilder *b, IrOp op, IrType t, IrVal x, IrVal y, uint64_t c)
{
    uint64_t ones = ir_canon(t, ~0ull);
    switch (op) {
    case IR_ADD:
        if (def(b, x)->op == IR_HERE)
            return ir_here(b, t, (uint64_t)ir_const_value(b->r, x) + c);
        return c == 0 ? x : IR_NONE;
    case IR_SUB: return c == 0 ? x : ir_add(b, t, x, make_const(b, t, 0 - c));
    case IR_AND: {
        if (c == 0)
            return y;
        unsigned n = sig_bits(b, x);
        uint64_t can = n >= 64 ? ~0ull : (1ull << n) - 1;
        return (can & ~c) == 0 ? x : IR_NONE;
    }
    case IR_OR: return c == 0 ? x : c == ones ? y : IR_NONE;
    case IR_XOR: return c == 0 ? x : c == ones ? ir_not(b, t, x) : IR_NONE;
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROTR: return fold_shift(b, op, t, x, c);
    default: return fold_mul_div(b, op, t, x, c);
    }
}

static IrVal fold_left_const(IrBuilder *b, IrOp op, IrType t, IrVal x, IrVal y)
{
    if (const_bits(b, x) != 0)
        return IR_NONE;
    switch (op) {
    case IR_SUB: return ir_neg(b, t, y);
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROTR: return x;
    default: return IR_NONE;
    }
}

IrVal ir_fold_vv(IrBuilder *b, IrOp op, IrType t, IrVal x, IrVal y)
{
    if (!ir_type_is_int(t) || t == IR_I128)
        return IR_NONE;
    bool cx = is_const(b, x), cy = is_const(b, y);
    if (cy)
        return cx ? make_const(b, t, ir_eval_vv(op, t, const_bits(b, x), const_bits(b, y)))
                  : fold_right_const(b, op, t, x, y, const_bits(b, y));
    if (cx)
        return fold_left_const(b, op, t, x, y);
    return x == y ? fold_same(b, op, t, x) : IR_NONE;
}

static IrVal fold_trunc(IrBuilder *b, IrType to, const IrInsn *i)
{
    if (i->op == IR_TRUNC)
        return ir_trunc(b, to, i->a);
    if (i->op != IR_SEXT && i->op != IR_ZEXT)
        return IR_NONE;
    IrType from = (IrType)i->misc;
    if (from == to)
        return i->a;
    if (ir_type_bits(from) > ir_type_bits(to))
        return ir_trunc(b, to, i->a);
    return i->op == IR_SEXT ? ir_sext(b, to, i->a) : ir_zext(b, to, i->a);
}

static IrVal fold_extend(IrBuilder *b, IrOp op, IrType to, const IrInsn *i, IrVal a)
{
    /* by the access to the lane itself */
    if (i->op == IR_VGET && (op == IR_SEXT) == ((i->imm & IR_VA_S) != 0))
        return ir_vget(b, to, i->misc, i->imm, i->a);
    if (i->op == IR_ZEXT)
        return ir_zext(b, to, i->a);
    if (op == IR_SEXT && i->op == IR_SEXT)
        return ir_sext(b, to, i->a);
    if (i->op == IR_TRUNC && type_of(b, i->a) == to) {
        unsigned n = ir_type_bits(type_of(b, a));
        if (op == IR_SEXT ? sext_from(b, i->a, n) : sig_bits(b, i->a) <= n)
            return i->a;
    }
    return IR_NONE;
}

/* ---- vectors ---- */

/* Which lane of 32 bits a vsetv of a lane 0 has written; 2: it is none. */
static unsigned set_lane32(const IrInsn *i)
{
    return i->op == IR_VSETV && i->misc == IR_LANE_32 && !(i->imm >> 16 & 255) ? i->imm >> 8 & 255 : 2;
}

/* Two lanes of 32 bits, each the lowest of an operand? */
static bool is_pair32(const IrInsn *i)
{
    return i->op == IR_VZIP && i->type == IR_V64 && i->misc == IR_LANE_32 && i->imm == 0;
}

/* The low bits of i, through what put vectors together. */
static IrVal fold_vlow(IrBuilder *b, IrType to, const IrInsn *i)
{
    const IrInsn *from = i->op == IR_VDUPL ? def(b, i->a) : NULL;
    IrType t = i->op == IR_VANY || i->op == IR_VZEXT ? type_of(b, i->a) : IR_VOID;
    if (t != IR_VOID && t == to)
        return i->a;
    if (i->op == IR_VANY && ir_type_is_fp(t) && ir_type_bits(to) <= ir_type_bits(t) && to != IR_V64)
        return IR_NONE; /* a part of a float is no float */
    if (i->op == IR_VANY && ir_type_bits(to) < ir_type_bits(t))
        return ir_vlow(b, to, i->a);
    if (i->op == IR_VANY && ir_type_bits(to) == ir_type_bits(t))
        return ir_type_is_fp(to) ? ir_vlow(b, to, i->a) : ir_vany(b, to, i->a);
    if (i->op == IR_VLOW)
        return ir_vlow(b, to, i->a);
    if (i->op == IR_VJOIN)
        return to == IR_V64 ? i->a : ir_vlow(b, to, i->a);
    if (from && from->op == IR_VJOIN && i->misc == IR_LANE_64) {
        IrVal half = i->imm >> 8 & 1 ? from->b : from->a;
        return to == IR_V64 ? half : ir_vlow(b, to, half);
    }
    if (from && from->op == IR_VZEXT && i->misc == IR_LANE_64 && (i->imm >> 8 & 1) && to == IR_V64)
        return ir_vconst(b, IR_V64, 0, 0);
    if (to == IR_F32 && is_pair32(i))
        return ir_vlow(b, to, i->a);
    if (to == IR_F32 && from && i->misc == IR_LANE_32 && is_pair32(from))
        return ir_vlow(b, to, i->imm >> 8 & 1 ? from->b : from->a);
    if (to == IR_F32 && i->type == IR_V64 && set_lane32(i) < 2)
        return ir_vlow(b, to, set_lane32(i) == 0 ? i->b : i->a);
    if (to == IR_F32 && from && i->misc == IR_LANE_32 && i->type == IR_V64 && set_lane32(from) < 2)
        return set_lane32(from) == (i->imm >> 8 & 255)
                   ? ir_vlow(b, to, from->b)
                   : ir_vlow(b, to, ir_vdupl(b, IR_V64, IR_LANE_32, i->imm, from->a));
    return IR_NONE;
}

static IrVal fold_vcvt(IrBuilder *b, IrOp op, IrType to, const IrInsn *i, IrVal a)
{
    IrInsn from = *i; /* the table may move */
    if (i->op == IR_CONST)
        return op != IR_VLOW ? ir_vconst(b, to, const_bits(b, a), 0)
                             : make_const(b, to, ir_canon(to, ir_const_vec(b->r, a).w[0]));
    if (op == IR_VZEXT)
        return i->op == IR_VZEXT ? ir_vzext(b, to, i->a) : IR_NONE;
    if (op == IR_VLOW)
        return fold_vlow(b, to, &from);
    if (i->op == IR_VANY && type_of(b, i->a) != to)
        return ir_vany(b, to, i->a);
    return i->op == IR_VLOW && type_of(b, i->a) == to ? i->a : IR_NONE;
}

/* Both halves of one vector joined again; both lanes of a pair set. */
static IrVal fold_join(IrBuilder *b, const IrInsn *i)
{
    const IrInsn *low = def(b, i->a), *high = def(b, i->b);
    if (i->op == IR_VJOIN && low->op == IR_VLOW && high->op == IR_VLOW && type_of(b, low->a) == IR_V128) {
        const IrInsn *dup = def(b, high->a);
        return dup->op == IR_VDUPL && dup->misc == IR_LANE_64 && dup->imm == IR_VA_N(1) && dup->a == low->a
                   ? low->a
                   : IR_NONE;
    }
    if (i->op == IR_VSETV && i->type == IR_V64 && set_lane32(i) < 2 && set_lane32(low) < 2) {
        if (set_lane32(i) == set_lane32(low))
            return ir_vsetv(b, IR_V64, IR_LANE_32, i->imm, low->a, i->b);
        IrVal zero = set_lane32(i) ? low->b : i->b, one = set_lane32(i) ? i->b : low->b;
        return ir_vzip(b, IR_V64, IR_LANE_32, 0, zero, one);
    }
    if (i->op == IR_VSETV && i->type == IR_V64 && set_lane32(i) < 2 && is_pair32(low))
        return set_lane32(i) ? ir_vzip(b, IR_V64, IR_LANE_32, 0, low->a, i->b)
                             : ir_vzip(b, IR_V64, IR_LANE_32, 0, i->b, low->b);
    return IR_NONE;
}

/* v is a constant of 0 or of all ones? */
static bool is_splat(const IrBuilder *b, IrVal v, uint64_t word)
{
    if (!v || !is_const(b, v))
        return false;
    IrVec c = ir_const_vec(b->r, v);
    return c.w[0] == word && (def(b, v)->type == IR_V64 || c.w[1] == word);
}

/* Which bits of each quadword may be ones? */
static uint64_t maybe_ones(const IrBuilder *b, IrVal v)
{
    const IrInsn *i = def(b, v);
    unsigned n = i->imm >> 8, bits = ir_lane_bits(i->misc);
    if ((i->op != IR_VSHL && i->op != IR_VSHR) || (i->imm & 0xff))
        return ~0ull;
    uint64_t all = ~0ull >> (64 - bits), lane = n >= bits ? 0 : i->op == IR_VSHL ? all << n & all : all >> n;
    for (; bits < 64; bits *= 2)
        lane |= lane << bits;
    return lane;
}

/* A choice between bits one of which is zero wherever the other one counts: shift and insert that rotates. */
static IrVal fold_choice(IrBuilder *b, const IrInsn *i)
{
    if (!is_const(b, i->a))
        return IR_NONE;
    IrVec mask = ir_const_vec(b->r, i->a);
    if (i->type == IR_V128 && mask.w[0] != mask.w[1])
        return IR_NONE;
    return (maybe_ones(b, i->b) & ~mask.w[0]) | (maybe_ones(b, i->c) & mask.w[0])
               ? IR_NONE
               : ir_vor(b, (IrType)i->type, IR_LANE_8, 0, i->b, i->c);
}

/* A mixing step after a substitution: one round of most hosts. */
static IrVal fold_aes(IrBuilder *b, const IrInsn *i)
{
    const IrInsn *first = def(b, i->a);
    unsigned step = i->imm >> 8, before = first->imm >> 8;
    if (first->op != IR_VAES || step != before + (IR_AES_MC - IR_AES_E) || before > IR_AES_D)
        return IR_NONE;
    return ir_vaes(b, IR_V128, IR_LANE_8, IR_VA_N(before == IR_AES_E ? IR_AES_EMC : IR_AES_DIMC), first->a,
                   first->b);
}

IrVal ir_fold_vec(IrBuilder *b, const IrInsn *i)
{
    IrType t = (IrType)i->type;
    bool zero = is_splat(b, i->b, 0);
    switch (i->op) {
    case IR_VNOT: return def(b, i->a)->op == IR_VNOT ? def(b, i->a)->a : IR_NONE;
    case IR_VAND:
        if (i->a == i->b || is_splat(b, i->b, ~0ull))
            return i->a;
        return zero ? i->b : IR_NONE;
    case IR_VOR: return i->a == i->b || zero ? i->a : IR_NONE;
    case IR_VXOR:
    case IR_VSUB: return i->a == i->b ? ir_vconst(b, t, 0, 0) : zero ? i->a : IR_NONE;
    case IR_VADD:
    case IR_VANDN: return zero ? i->a : IR_NONE;
    case IR_VSHL:
    case IR_VSHR:
    case IR_VEXT: return i->imm >> 8 == 0 ? i->a : IR_NONE;
    case IR_VJOIN:
    case IR_VSETV: return fold_join(b, i);
    case IR_VAES: return fold_aes(b, i);
    case IR_VBSL: return fold_choice(b, i);
    case IR_VDUP: return is_const(b, i->a) ? ir_vconst_dup(b, t, i->misc, const_bits(b, i->a)) : IR_NONE;
    default: return IR_NONE;
    }
}

IrVal ir_fold_cvt(IrBuilder *b, IrOp op, IrType to, IrVal a)
{
    const IrInsn *i = def(b, a);
    IrType from = type_of(b, a);
    if (from == to)
        return a;
    if (op == IR_VZEXT || op == IR_VANY || op == IR_VLOW)
        return fold_vcvt(b, op, to, i, a);
    if (ir_type_bits(from) > 64 || ir_type_bits(to) > 64)
        return IR_NONE;
    if (i->op == IR_CONST)
        return make_const(b, to, ir_eval_cvt(op, to, from, const_bits(b, a)));
    switch (op) {
    case IR_TRUNC: return fold_trunc(b, to, i);
    case IR_SEXT:
    case IR_ZEXT: return fold_extend(b, op, to, i, a);
    case IR_CAST: return i->op == IR_CAST ? ir_cast(b, to, i->a) : IR_NONE;
    default: return IR_NONE;
    }
}

static bool cond_on_equal(IrCond c)
{
    return c == IR_EQ || c == IR_GEU || c == IR_GE || c == IR_LEU || c == IR_LE;
}

static IrCond cond_unsigned(IrCond c)
{
    switch (c) {
    case IR_LT: return IR_LTU;
    case IR_GE: return IR_GEU;
    case IR_LE: return IR_LEU;
    case IR_GT: return IR_GTU;
    default: return c;
    }
}

/* cmp against zero */
static IrVal fold_cmp_zero(IrBuilder *b, IrCond c, const IrInsn *x)
{
    if (c == IR_LTU)
        return ir_const(b, IR_I1, 0);
    if (c == IR_GEU)
        return ir_const(b, IR_I1, 1);
    bool ne = c == IR_NE || c == IR_GTU;
    if (!ne && c != IR_EQ && c != IR_LEU)
        return IR_NONE;
    if ((x->op == IR_ZEXT || x->op == IR_SEXT) && x->misc == IR_I1)
        return ne ? x->a : ir_not(b, IR_I1, x->a);
    if (x->op == IR_XOR || x->op == IR_SUB)
        return ir_cmp(b, ne ? IR_NE : IR_EQ, x->a, x->b);
    return IR_NONE;
}

IrVal ir_fold_cmp(IrBuilder *b, IrCond c, IrVal x, IrVal y)
{
    const IrInsn *i = def(b, x), *j = def(b, y);
    IrType t = type_of(b, x);
    if (x == y)
        return ir_const(b, IR_I1, cond_on_equal(c));
    if (ir_type_bits(t) > 64)
        return IR_NONE;
    if (j->op == IR_CONST) {
        uint64_t k = const_bits(b, y);
        if (i->op == IR_CONST)
            return ir_const(b, IR_I1, ir_eval_cmp(c, t, const_bits(b, x), k));
        if (k == 0) {
            IrVal v = fold_cmp_zero(b, c, i);
            if (v)
                return v;
        }
        if (i->op == IR_SEXT && i->misc != IR_I1 && ir_eval_cvt(IR_SEXT, t, (IrType)i->misc, k) == k)
            return ir_cmp(b, c, i->a, make_const(b, (IrType)i->misc, k));
        if (i->op == IR_ZEXT && i->misc != IR_I1 && ir_canon((IrType)i->misc, k) == k)
            return ir_cmp(b, cond_unsigned(c), i->a, make_const(b, (IrType)i->misc, k));
        return IR_NONE;
    }
    if ((i->op == IR_SEXT || i->op == IR_ZEXT) && j->op == i->op && j->misc == i->misc && i->misc != IR_I1)
        return ir_cmp(b, i->op == IR_SEXT ? c : cond_unsigned(c), i->a, j->a);
    return IR_NONE;
}

static bool is_cmp(const IrInsn *i, const IrInsn *like)
{
    return i->op == IR_CMP && like->op == IR_CMP && i->type == like->type && i->a == like->a &&
           i->b == like->b;
}
static bool is_same_cond(const IrBuilder *b, IrVal x, IrVal y)
{
    return x == y || (is_cmp(def(b, x), def(b, y)) && def(b, x)->misc == def(b, y)->misc);
}
/* Two of which always one is true? */
static bool is_opposite(const IrBuilder *b, IrVal x, IrVal y)
{
    const IrInsn *i = def(b, x), *j = def(b, y);
    if (is_cmp(i, j))
        return i->misc == cond_not[j->misc];
    return (i->op == IR_NOT && i->type == IR_I1 && i->a == y) ||
           (j->op == IR_NOT && j->type == IR_I1 && j->a == x);
}

/* A choice of flags by `not equal`: the other arm, the flags of that comparison, is known. */
static IrVal fold_select_flags(IrBuilder *b, IrVal c, IrVal x, IrVal y)
{
    const IrInsn *cmp = def(b, c), *old = def(b, y);
    if (cmp->op != IR_CMP || cmp->misc != IR_NE || old->op != IR_FLSUB || old->type != cmp->type ||
        !((cmp->a == old->a && cmp->b == old->b) || (cmp->a == old->b && cmp->b == old->a)))
        return IR_NONE;
    return ir_select(b, c, x, ir_const(b, IR_FL, IR_FL_Z | IR_FL_C | IR_FL_BIT9));
}

IrVal ir_fold_select(IrBuilder *b, IrVal c, IrVal x, IrVal y)
{
    if (x == y)
        return x;
    if (is_const(b, c))
        return const_bits(b, c) ? x : y;
    IrType t = type_of(b, x);
    if (t == IR_FL)
        return fold_select_flags(b, c, x, y);
    if (ir_type_is_int(t) && t != IR_I1 && is_const(b, x) && is_const(b, y) && const_bits(b, x) == 1 &&
        const_bits(b, y) == 0)
        return ir_zext(b, t, c);
    if (t == IR_I1 && is_same_cond(b, c, y))
        return ir_and(b, IR_I1, c, x);
    if (t == IR_I1 && is_opposite(b, c, y))
        return ir_or(b, IR_I1, y, x);
    /* an earlier choice by the same or the opposite condition: the one half of it is not taken */
    const IrInsn *i = def(b, y);
    if (i->op == IR_SELECT) {
        if (is_same_cond(b, i->a, c))
            return ir_select(b, c, x, i->c);
        if (is_opposite(b, i->a, c))
            return ir_select(b, c, x, i->b);
    }
    return IR_NONE;
}

IrVal ir_fold_fsgn(IrBuilder *b, unsigned how, IrVal x, IrVal sign)
{
    if (x == sign && how == 0)
        return x;
    if (is_const(b, x) && is_const(b, sign)) {
        IrType t = type_of(b, x);
        return make_const(b, t, ir_eval_fsgn(how, t, const_bits(b, x), const_bits(b, sign)));
    }
    return IR_NONE;
}
