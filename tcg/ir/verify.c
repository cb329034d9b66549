/*
 * The invariants of a region.
 *
 * Container
 *   C1 Instruction 0 is a nop and belongs to no block. Blocks follow each other from 1 to n_insns, none is
 *   empty.
 *   C2  The last instruction of a block ends it (TERM), no other does.
 *   C3 A block's `params` first instructions are its param ops, numbered from 0; no other is. Block 0 has
 *   none.
 *   C4  Indices (pool, slot, exit, helper, block, args) are in range.
 *   C5 insn_start ops carry the ordinals 0, 1, 2, ... in the order of the array. Block 0 begins with one
 *   (after nops).
 * Values
 *   V1 An operand has a value, and its definition comes before in the same block or stands in a dominating
 *   one.
 *   V2 Types agree with the signature: check_types(). br gives each parameter of its block a value of its
 *   type.
 *   V3  Attributes are in range: condition, rounding, memory size against the type. No index means no scale.
 *   V4  There are no multi-result ops and so no projections yet.
 * State
 *   S1  put and get use their slot's type.
 *   S2 Commit rule: in one guest instruction nothing that may fault (ld, st, rmw, cas, unit, a STATUS helper)
 *   follows anything
 *       that changes guest state (put, ffput, frmput, an op with FP flags, a STATE helper). Leaving (exit,
 *       exit_if, poll, exit_ind) is no fault: it takes the state as it is.
 *   S3  A jump to its own or an earlier block has a poll in its block.
 * Two regions (ir_verify_same_effects)
 *   E1 The accesses, fences and calls of a guest instruction are the same ops in the same order, with the
 *   same attributes.
 *
 * Source: rules.md 1, 2 and 7.
 */
#include "tcg/ir/verify.h"

#include "tcg/ir/vec.h"
#include "base/fault.h"
#include "tcg/ir/print.h"

typedef struct Verifier {
    const IrRegion *r;
    Fmt *err;
    uint64_t dom[IR_MAX_BLOCKS];      /* bit b: block b dominates */
    uint64_t pred[IR_MAX_BLOCKS];     /* bit b: an edge from block b */
    uint8_t block_of[IR_MAX_INSNS];
} Verifier;

static bool fail(const Verifier *x, unsigned at, const char *what)
{
    fmt_printf(x->err, "%u: %s: ", at, what);
    if (at < x->r->n_insns && x->r->insn[at].op < IR_OP_COUNT && x->r->insn[at].type < IR_TYPE_COUNT)
        ir_print_insn(x->r, at, x->err);
    return false;
}
#define NEED(cond, at, what) do { if (!(cond)) return fail(x, at, what); } while (0)

/* ---- container ---- */

static bool check_blocks(Verifier *x)
{
    const IrRegion *r = x->r;
    NEED(r->n_insns >= 2 && r->n_insns <= IR_MAX_INSNS && r->insn[0].op == IR_NOP, 0, "C1 instruction 0");
    NEED(r->n_blocks >= 1 && r->n_blocks <= IR_MAX_BLOCKS, 0, "C1 number of blocks");
    unsigned at = 1;
    for (unsigned n = 0; n < r->n_blocks; n++) {
        const IrBlock *b = &r->block[n];
        NEED(b->first == at && b->end > b->first && b->end <= r->n_insns, at, "C1 extent of a block");
        NEED(b->params < b->end - b->first && (n > 0 || b->params == 0), at, "C3 number of parameters");
        for (; at < b->end; at++) {
            NEED(r->insn[at].op < IR_OP_COUNT && r->insn[at].type < IR_TYPE_COUNT, at, "C4 op or type");
            bool term = ir_op_info[r->insn[at].op].flags & IR_F_TERM;
            NEED(term == (at == b->end - 1u), at, "C2 end of a block");
            bool param = at - b->first < b->params;
            NEED(param == (r->insn[at].op == IR_PARAM), at, "C3 parameters");
            NEED(!param || r->insn[at].imm == at - b->first, at, "C3 parameter number");
            x->block_of[at] = (uint8_t)n;
        }
    }
    NEED(at == r->n_insns, at, "C1 blocks do not cover the region");
    NEED(!r->ret_exit || (r->ret_exit == r->n_exits && r->exit[r->n_exits - 1].kind == IR_EXIT_DIRECT), 0,
         "C4 return");
    return true;
}

static bool check_index(const Verifier *x, unsigned at)
{
    const IrRegion *r = x->r;
    const IrInsn *i = &r->insn[at];
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_CONST:
        NEED(i->op != IR_HERE || (i->misc == 1 && (i->type == IR_I32 || i->type == IR_I64)), at, "C4 here");
        NEED(i->misc == 0 || (i->misc == 1 && i->imm + (i->type == IR_V128) < r->n_pool), at, "C4 pool");
        break;
    case IR_SIG_GET:
    case IR_SIG_PUT: NEED(i->imm < r->n_slots, at, "C4 slot"); break;
    case IR_SIG_CALL: NEED(i->imm < r->n_helpers, at, "C4 helper"); break;
    case IR_SIG_UNIT: NEED(i->d < r->n_helpers, at, "C4 helper"); break;
    case IR_SIG_EXIT:
    case IR_SIG_EXITIF: NEED(i->imm < r->n_exits, at, "C4 exit"); break;
    case IR_SIG_BR:
        NEED(i->imm < r->n_blocks && i->a + i->misc <= r->n_args, at, "C4 block or arguments");
        break;
    case IR_SIG_BRCOND: NEED(i->imm < r->n_blocks && i->b < r->n_blocks, at, "C4 block"); break;
    default: break;
    }
    return true;
}

static bool check_guest(const Verifier *x)
{
    const IrRegion *r = x->r;
    unsigned ordinal = 0, first = r->block[0].first;
    while (r->insn[first].op == IR_NOP && first + 1u < r->n_insns)
        first++;
    NEED(r->insn[first].op == IR_INSN_START, first, "C5 no insn_start at the beginning");
    for (unsigned at = 1; at < r->n_insns; at++) {
        if (r->insn[at].op == IR_INSN_START) {
            NEED(r->insn[at].imm == ordinal && ordinal < r->n_guest, at, "C5 ordinal");
            ordinal++;
        }
    }
    return true;
}

/* ---- values ---- */

static void find_edges(Verifier *x)
{
    const IrRegion *r = x->r;
    memset(x->pred, 0, sizeof x->pred);
    for (unsigned n = 0; n < r->n_blocks; n++) {
        const IrInsn *i = &r->insn[r->block[n].end - 1];
        if (i->op == IR_BR || i->op == IR_BRCOND)
            x->pred[i->imm] |= BIT(n);
        if (i->op == IR_BRCOND)
            x->pred[i->b] |= BIT(n);
    }
}

static void find_dominators(Verifier *x)
{
    const IrRegion *r = x->r;
    x->dom[0] = 1;
    for (unsigned n = 1; n < r->n_blocks; n++)
        x->dom[n] = ~0ull;
    for (bool changed = true; changed;) {
        changed = false;
        for (unsigned n = 1; n < r->n_blocks; n++) {
            uint64_t d = ~0ull;
            for (uint64_t p = x->pred[n]; p; p &= p - 1)
                d &= x->dom[__builtin_ctzll(p)];
            d |= BIT(n);
            changed |= d != x->dom[n];
            x->dom[n] = d;
        }
    }
}

static bool check_use(const Verifier *x, unsigned at, IrVal v)
{
    const IrRegion *r = x->r;
    NEED(v != IR_NONE && v < r->n_insns && ir_result_type(r, &r->insn[v]) != IR_VOID, at,
         "V1 operand without value");
    unsigned from = x->block_of[v], to = x->block_of[at];
    NEED(from == to ? v < at : (x->dom[to] & BIT(from)) != 0, at, "V1 operand not defined here");
    return true;
}

static IrType type_of(const Verifier *x, IrVal v)
{
    return v ? ir_result_type(x->r, &x->r->insn[v]) : IR_VOID;
}

static bool may_be_none(const IrInsn *i, unsigned k)
{
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_LD:
    case IR_SIG_ST:
    case IR_SIG_RMW: return k == 1;
    case IR_SIG_CALL: /* check_call counts them */
    case IR_SIG_UNIT: return true;
    case IR_SIG_VEC2:
    case IR_SIG_VEC3:
    case IR_SIG_VEC4: return ir_vec_optional(i, k);
    case IR_SIG_FPENV: return i->op == IR_FFGET;
    case IR_SIG_XV: return k != 1;
    default: return false;
    }
}

static bool check_uses(const Verifier *x, unsigned at)
{
    const IrRegion *r = x->r;
    const IrInsn *i = &r->insn[at];
    for (unsigned k = 0; k < ir_operand_count(i); k++)
        if (!(i->arg[k] == IR_NONE && may_be_none(i, k)) && !check_use(x, at, i->arg[k]))
            return false;
    if (i->op != IR_BR)
        return true;
    const IrBlock *to = &r->block[i->imm];
    NEED(i->misc == to->params, at, "V2 number of block arguments");
    for (unsigned k = 0; k < i->misc; k++) {
        if (!check_use(x, at, r->args[i->a + k]))
            return false;
        NEED(type_of(x, r->args[i->a + k]) == r->insn[to->first + k].type, at, "V2 type of a block argument");
    }
    return true;
}

static bool round_ok(unsigned rm) { return rm <= IR_RMM || rm == IR_RDYN; }

static bool check_vv(const Verifier *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrType t = (IrType)i->type;
    bool fp = ir_op_info[i->op].flags & IR_F_FPX;
    NEED(fp ? ir_type_is_fp(t) : ir_type_is_int(t), at, "V2 type of the op");
    NEED(!fp || round_ok(i->misc), at, "V3 rounding");
    for (unsigned k = 0; k < ir_operand_count(i); k++)
        NEED(type_of(x, i->arg[k]) == t, at, "V2 operand type");
    return true;
}

static bool check_fcvt_attr(const Verifier *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    unsigned more = i->op == IR_FRINT ? IR_FRINT_EXACT | IR_FRINT_32 | IR_FRINT_64
                    : i->op == IR_F2I || i->op == IR_I2F ? IR_CVT_UNSIGNED : 0u;
    NEED(round_ok(i->d & 7) || (i->op == IR_F2F && (i->d & 7) == IR_RODD), at, "V3 rounding");
    NEED(!(i->d & ~(7u | more)), at, "V3 attribute of a conversion");
    NEED(i->imm <= (i->op == IR_F2I || i->op == IR_I2F ? 64u : 0u), at, "V3 fixed point");
    return true;
}

static bool check_cvt(const Verifier *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrType to = (IrType)i->type, from = (IrType)i->misc;
    NEED(from < IR_TYPE_COUNT && type_of(x, i->a) == from, at, "V2 operand type");
    bool ints = ir_type_is_int(to) && ir_type_is_int(from);
    switch (i->op) {
    case IR_SEXT:
    case IR_ZEXT: NEED(ints && ir_type_bits(to) > ir_type_bits(from), at, "V2 must widen"); break;
    case IR_TRUNC: NEED(ints && ir_type_bits(to) < ir_type_bits(from), at, "V2 must narrow"); break;
    case IR_CAST: NEED(to != from && ir_type_bits(to) == ir_type_bits(from), at, "V2 same width"); break;
    case IR_FCLASS: NEED(to == IR_I32 && ir_type_is_fp(from), at, "V2 type of fclass"); break;
    case IR_F2F: NEED(ir_type_is_fp(to) && ir_type_is_fp(from) && to != from, at, "V2 type of f2f"); break;
    case IR_F2I: NEED((to == IR_I32 || to == IR_I64) && ir_type_is_fp(from), at, "V2 type of f2i"); break;
    case IR_I2F: NEED((from == IR_I32 || from == IR_I64) && ir_type_is_fp(to), at, "V2 type of i2f"); break;
    case IR_FRINT: NEED(ir_type_is_fp(to) && from == to, at, "V2 type of frint"); break;
    case IR_F2BF: NEED(to == IR_F16 && from == IR_F32, at, "V2 type of f2bf"); break;
    case IR_FJCVT: NEED(to == IR_I64 && from == IR_F64, at, "V2 type of fjcvt"); break;
    default: break;
    }
    return ir_op_info[i->op].sig != IR_SIG_FCVT || check_fcvt_attr(x, at);
}

/* Rows with a lane, and crc32. */
static bool check_vec(const Verifier *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    unsigned sig = ir_op_info[i->op].sig, n = ir_operand_count(i);
    IrType t = (IrType)i->type, v = sig == IR_SIG_VGET ? type_of(x, i->a) : t;
    NEED(ir_vec_attr_ok(i, v), at, "V3 vector type, lane or attributes");
    if (sig == IR_SIG_CRC) {
        NEED(t == IR_I32 && type_of(x, i->a) == t && ir_type_is_int(type_of(x, i->b)), at,
             "V2 type of crc32");
    } else if (sig == IR_SIG_VGET) {
        NEED((t == IR_I32 || t == IR_I64) && ir_type_bits(t) >= ir_lane_bits(i->misc), at,
             "V2 type of a lane");
    } else if (sig == IR_SIG_VDUP || sig == IR_SIG_VSET) {
        IrType s = type_of(x, i->arg[n - 1]);
        unsigned bits = i->op == IR_VBITS ? 128 / ir_lane_bits(i->misc) : ir_lane_bits(i->misc);
        NEED(ir_type_is_int(s) && ir_type_bits(s) >= bits, at, "V2 type of a lane");
        NEED(n == 1 || type_of(x, i->a) == t, at, "V2 operand type");
    } else {
        for (unsigned k = 0; k < n; k++)
            NEED(!i->arg[k] || type_of(x, i->arg[k]) == (i->op == IR_VJOIN ? IR_V64 : t), at,
                 "V2 operand type");
    }
    return true;
}

/* vzext, vany, vlow */
static bool check_vcvt(const Verifier *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrType t = (IrType)i->type, from = (IrType)i->misc, wide = i->op != IR_VLOW ? t : from,
           low = i->op != IR_VLOW ? from : t;
    NEED(from < IR_TYPE_COUNT && type_of(x, i->a) == from, at, "V2 operand type");
    NEED(wide == IR_V128 || wide == IR_V64, at, "V2 type of a vector");
    bool ok = ir_type_is_vec(low) || (i->op == IR_VZEXT && ir_type_is_int(low) && low != IR_I1);
    NEED(ok && (ir_type_bits(low) < ir_type_bits(wide) || (wide == IR_V64 && low == IR_F64)), at,
         "V2 type of the low part");
    return true;
}

/* Instructions of x86: their shape, not whether there is such a one. */
static bool check_xv(const Verifier *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrType t = (IrType)i->type, b = type_of(x, i->b);
    NEED(t == IR_I32 || (ir_op_info[i->op].sig == IR_SIG_XV && (t == IR_V128 || t == IR_I64)), at,
         "V2 type of the result");
    NEED(!i->a || type_of(x, i->a) == IR_V128, at, "V2 operand type");
    NEED(b == IR_V128 || b == IR_I32 || b == IR_I64, at, "V2 operand type");
    NEED(ir_op_info[i->op].sig == IR_SIG_XFL || !i->c || type_of(x, i->c) == IR_V128, at, "V2 operand type");
    NEED(i->imm < 1 << 24, at, "V3 encoding");
    return true;
}

static bool check_unit(const Verifier *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrType t = (IrType)i->type, a = type_of(x, i->a), b = type_of(x, i->b);
    bool memory = i->imm >> 30 != 3;
    NEED(t == IR_VOID || t == IR_I32 || t == IR_I64 || t == IR_FL, at, "V2 type of the result");
    NEED(memory ? a == IR_I32 || a == IR_I64 : a == IR_VOID, at, "V2 type of the address");
    NEED(b == IR_VOID || ((b == IR_I32 || b == IR_I64 || b == IR_FL) && !memory), at, "V2 operand type");
    return true;
}

static bool check_memory(const Verifier *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrType t = (IrType)i->type;
    IrMem m = {.raw = i->d};
    IrType address = m.mmu == IR_MMU_DIRECT32 && type_of(x, i->a) == IR_I32 ? IR_I32 : IR_I64;
    NEED(type_of(x, i->a) == address, at, "V2 type of the address");
    NEED(i->op == IR_CAS || !i->b || type_of(x, i->b) == address, at, "V2 type of the index");
    bool simple = i->op == IR_LD || i->op == IR_ST, by_elements = m.order == IR_ELEMENTS;
    NEED((i->op != IR_CAS && i->b) || by_elements || m.scale == 0, at, "V3 scale without index");
    NEED(m.size <= 6 && (m.order <= IR_SEQ_CST || (simple && m.mmu == IR_MMU_TLB)), at,
         "V3 memory attributes");
    NEED(!by_elements || (!i->b && m.scale <= m.size), at, "V3 elements of the access");
    NEED(t != IR_I1 && ir_type_bits(t) >= 8u << m.size, at, "V3 access wider than the type");
    NEED(ir_type_is_int(t) || ir_type_bits(t) == 8u << m.size, at, "V3 size of the access");
    NEED(!m.bswap || ir_type_bits(t) <= 64, at, "V3 byte order of a vector");
    NEED(!m.sext || (ir_type_is_int(t) && i->op != IR_ST) || ir_type_bits(t) >= 128, at, "V3 sign extension");
    if (i->op == IR_RMW)
        NEED(ir_type_is_int(t) && i->misc <= IR_RMW_MAXU, at, "V3 kind of rmw");
    if (i->op == IR_CAS)
        NEED(ir_type_is_int(t) && type_of(x, i->b) == t, at, "V2 expected value");
    if (i->op != IR_LD)
        NEED(type_of(x, i->c) == t, at, "V2 stored value");
    return true;
}

static bool check_masked(const Verifier *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    IrMem m = {.raw = i->d};
    bool two = i->op == IR_ST2;
    IrType address = m.mmu == IR_MMU_DIRECT32 && type_of(x, i->a) == IR_I32 ? IR_I32 : IR_I64;
    NEED(type_of(x, i->a) == address, at, "V2 type of the address");
    NEED(i->type == IR_V128 && m.size == (two ? 5 : 4), at, "V3 size of the access");
    NEED(type_of(x, i->b) == (two ? IR_V128 : IR_I64), at, "V2 operand type");
    NEED(i->op == IR_LDM || type_of(x, i->c) == IR_V128, at, "V2 stored value");
    NEED(m.mmu <= IR_MMU_DIRECT32 && !m.sext && !m.bswap && !m.scale && !m.order, at, "V3 memory attributes");
    NEED(i->misc <= (two ? 0 : IR_LANE_64), at, "V3 lane");
    return true;
}

static bool check_call(const Verifier *x, unsigned at)
{
    const IrInsn *i = &x->r->insn[at];
    const IrHelper *h = &x->r->helpers[i->imm];
    NEED(i->type == h->ret, at, "V2 result of the helper");
    NEED(!(h->flags & IR_H_STATUS) || h->ret == IR_VOID, at, "V2 a STATUS helper has no other result");
    for (unsigned k = 0; k < 4; k++) {
        IrType want = (IrType)h->arg[k], is = type_of(x, i->arg[k]);
        bool bits = ir_type_is_int(want) && ir_type_is_fp(is) && ir_type_bits(want) == ir_type_bits(is);
        NEED(is == want || bits, at, "V2 argument of the helper");
        if (want == IR_VOID) {
            for (; k < 4; k++)
                NEED(i->arg[k] == IR_NONE, at, "V2 number of arguments");
            break;
        }
    }
    return true;
}

static bool flx_ok(const IrInsn *i)
{
    unsigned kind = i->misc & 0xc0u, n = i->misc & 63u;
    if (kind != IR_X_SHLD && kind != IR_X_SHRD)
        return i->misc < IR_X_COUNT;
    return i->type >= IR_I32 && n >= 1 && n < ir_type_bits((IrType)i->type);
}

static bool check_types(const Verifier *x, unsigned at)
{
    const IrRegion *r = x->r;
    const IrInsn *i = &r->insn[at];
    IrType t = (IrType)i->type;
    switch (ir_op_info[i->op].sig) {
    case IR_SIG_CONST:
    case IR_SIG_PARAM: NEED(t != IR_VOID, at, "V2 type"); break;
    case IR_SIG_GET: NEED(t == r->slots[i->imm].type, at, "S1 slot type"); break;
    case IR_SIG_PUT: NEED(t == r->slots[i->imm].type && type_of(x, i->a) == t, at, "S1 slot type"); break;
    case IR_SIG_V:
        if (i->op == IR_BOX)
            NEED(t == IR_F64 && type_of(x, i->a) == IR_F32, at, "V2 type of box");
        else if (i->op == IR_UNBOX)
            NEED(t == IR_F32 && type_of(x, i->a) == IR_F64, at, "V2 type of unbox");
        else
            return check_vv(x, at);
        break;
    case IR_SIG_VV:
    case IR_SIG_VVV:
    case IR_SIG_FMA: return check_vv(x, at);
    case IR_SIG_CVT:
    case IR_SIG_FCLS:
    case IR_SIG_FCVT: return check_cvt(x, at);
    case IR_SIG_CMP:
        NEED(ir_type_is_int(t) && type_of(x, i->a) == t && type_of(x, i->b) == t, at, "V2 operand type");
        NEED(i->misc <= IR_GT, at, "V3 condition");
        break;
    case IR_SIG_FL1:
    case IR_SIG_FL2:
    case IR_SIG_FL3:
    case IR_SIG_ADC:
        NEED(t >= IR_I8 && t <= IR_I64 && type_of(x, i->a) == t, at, "V2 operand type");
        NEED(ir_operand_count(i) < 2 || type_of(x, i->b) == t, at, "V2 operand type");
        NEED(ir_operand_count(i) < 3 || type_of(x, i->c) == IR_FL, at, "V2 operand type");
        NEED(i->op == IR_FLNZC ? i->misc <= IR_FLNZC_OLD && t >= IR_I32
             : i->op == IR_FLX ? flx_ok(i)
                               : !i->misc,
             at, "V3 bit");
        break;
    case IR_SIG_BULK:
        NEED(t == IR_I64 && type_of(x, i->a) == t && type_of(x, i->b) == t && type_of(x, i->c) == t, at,
             "V2 operand type");
        NEED(i->misc < FAULT_BULKS, at, "V3 kind");
        break;
    case IR_SIG_FLMAKE: NEED(t == IR_I32 && type_of(x, i->a) == t, at, "V2 operand type"); break;
    case IR_SIG_FLBITS: NEED(t == IR_I32 && type_of(x, i->a) == IR_FL, at, "V2 operand type"); break;
    case IR_SIG_FCMP:
    case IR_SIG_FLF:
    case IR_SIG_FSGN:
        NEED(ir_type_is_fp(t) && type_of(x, i->a) == t && type_of(x, i->b) == t, at, "V2 operand type");
        if (i->op == IR_FCC)
            NEED((BIT(IR_FEQ) | BIT(IR_FLT) | BIT(IR_FLE) | BIT(IR_FUNO)) >> (i->misc & ~IR_FCC_NOT) & 1, at,
                 "V3 condition");
        else
            NEED(i->misc <= (i->op == IR_FCMP ? IR_FLES : i->op == IR_FLFCMP ? 1 : 2), at, "V3 condition");
        break;
    case IR_SIG_SEL:
        NEED(type_of(x, i->a) == IR_I1 && t != IR_VOID && type_of(x, i->b) == t && type_of(x, i->c) == t, at,
             "V2 operand type");
        break;
    case IR_SIG_LD:
    case IR_SIG_ST:
    case IR_SIG_RMW:
    case IR_SIG_CAS: return check_memory(x, at);
    case IR_SIG_ST2:
    case IR_SIG_LDM:
    case IR_SIG_STM: return check_masked(x, at);
    case IR_SIG_FPENV:
        NEED(i->op == IR_FFGET ? t == IR_I32 && !i->a : t == IR_VOID && type_of(x, i->a) == IR_I32, at,
             "V2 type");
        break;
    case IR_SIG_VEC1:
    case IR_SIG_VEC2:
    case IR_SIG_VEC3:
    case IR_SIG_VEC4:
    case IR_SIG_VGET:
    case IR_SIG_VSET:
    case IR_SIG_VDUP:
    case IR_SIG_CRC: return check_vec(x, at);
    case IR_SIG_VCVT: return check_vcvt(x, at);
    case IR_SIG_XV:
    case IR_SIG_XFL: return check_xv(x, at);
    case IR_SIG_UNIT: return check_unit(x, at);
    case IR_SIG_CALL: return check_call(x, at);
    case IR_SIG_EXITIF:
    case IR_SIG_BRCOND: NEED(type_of(x, i->a) == IR_I1, at, "V2 condition"); break;
    case IR_SIG_EXITIND:
        NEED(type_of(x, i->a) == IR_I64, at, "V2 type of the target");
        NEED(i->misc <= IR_HINT_RET, at, "V3 hint");
        break;
    case IR_SIG_NONE:
    case IR_SIG_START:
    case IR_SIG_FENCE:
    case IR_SIG_EXIT:
    case IR_SIG_BR: break;
    }
    return true;
}

/* ---- state ---- */

static unsigned helper_flags(const IrRegion *r, const IrInsn *i)
{
    return i->op == IR_CALL ? r->helpers[i->imm].flags : 0;
}

static bool is_access(const IrInsn *i)
{
    return i->op == IR_LD || i->op == IR_LDM || ir_stores(i->op);
}

static bool changes_state(const IrRegion *r, const IrInsn *i)
{
    if (i->op == IR_PUT)
        return r->slots[i->imm].pin != IR_PIN_SCRATCH;
    return i->op == IR_FFPUT || i->op == IR_FRMPUT || (helper_flags(r, i) & IR_H_STATE);
}

enum { COMMITTED = 1, RAISED = 2 }; /* since the last insn_start: state changed; IEEE flags may have been
                                     * raised */

/* Runs a block from `done`; ret_out gets the value at its end. Under Arm's policy an FPX op may start the
 * instruction again: nothing but flags, which would be raised again, may have changed before. */
static bool check_commit_block(const Verifier *x, unsigned n, unsigned done, unsigned *ret_out)
{
    const IrRegion *r = x->r;
    for (unsigned at = r->block[n].first; at < r->block[n].end; at++) {
        const IrInsn *i = &r->insn[at];
        if (i->op == IR_INSN_START)
            done = 0;
        bool may_fault = is_access(i) || i->op == IR_UNIT || (helper_flags(r, i) & IR_H_STATUS),
             fpx = ir_op_info[i->op].flags & IR_F_FPX;
        unsigned known = helper_flags(r, i) & IR_H_LOOKS ? RAISED : 0;
        NEED(!(may_fault && (done & ~known)), at, "S2 may fault after the instruction changed state");
        NEED(!(fpx && ir_fpx_traps(r) && (done & COMMITTED)), at,
             "S2 may trap after the instruction changed state");
        done |= (changes_state(r, i) ? COMMITTED : 0u) | (fpx ? RAISED : 0u);
    }
    *ret_out = done;
    return true;
}

static bool check_commit(const Verifier *x)
{
    uint64_t out[2] = {0}; /* blocks that end COMMITTED, RAISED */
    for (bool changed = true; changed;) {
        changed = false;
        for (unsigned n = 0; n < x->r->n_blocks; n++) {
            unsigned o = 0, in = (x->pred[n] & out[0] ? COMMITTED : 0u) | (x->pred[n] & out[1] ? RAISED : 0u);
            if (!check_commit_block(x, n, in, &o))
                return false;
            for (unsigned k = 0; k < 2; k++) {
                changed |= (o >> k & 1) && !(out[k] & BIT(n));
                out[k] |= (uint64_t)(o >> k & 1) << n;
            }
        }
    }
    return true;
}

static bool check_polls(const Verifier *x)
{
    const IrRegion *r = x->r;
    for (unsigned n = 0; n < r->n_blocks; n++) {
        unsigned last = r->block[n].end - 1u;
        const IrInsn *i = &r->insn[last];
        bool back =
            (i->op == IR_BR || i->op == IR_BRCOND) && (i->imm <= n || (i->op == IR_BRCOND && i->b <= n));
        bool poll = false;
        for (unsigned at = r->block[n].first; at < last; at++)
            poll |= r->insn[at].op == IR_POLL;
        NEED(!back || poll, last, "S3 no poll before a jump back");
    }
    return true;
}

bool ir_verify(const IrRegion *r, Fmt *err)
{
    Verifier x = {.r = r, .err = err};
    if (!check_blocks(&x))
        return false;
    for (unsigned at = 1; at < r->n_insns; at++)
        if (!check_index(&x, at))
            return false;
    if (!check_guest(&x))
        return false;
    find_edges(&x);
    find_dominators(&x);
    for (unsigned at = 1; at < r->n_insns; at++)
        if (!check_uses(&x, at) || !check_types(&x, at))
            return false;
    return check_commit(&x) && check_polls(&x);
}

/* ---- two regions ---- */

static bool is_effect(const IrInsn *i)
{
    return is_access(i) || i->op == IR_FENCE || i->op == IR_CALL || i->op == IR_UNIT ||
           i->op == IR_INSN_START;
}

static unsigned next_effect(const IrRegion *r, unsigned at)
{
    for (at++; at < r->n_insns; at++)
        if (is_effect(&r->insn[at]) &&
            !(r->insn[at].op == IR_CALL && r->helpers[r->insn[at].imm].flags == IR_H_PURE))
            return at;
    return 0;
}

bool ir_verify_same_effects(const IrRegion *before, const IrRegion *after, Fmt *err)
{
    Verifier v = {.r = after, .err = err}, *x = &v;
    unsigned p = 0, q = 0;
    do {
        p = next_effect(before, p);
        q = next_effect(after, q);
        const IrInsn *i = &before->insn[p], *j = &after->insn[q];
        NEED(i->op == j->op && i->type == j->type && i->misc == j->misc, q, "E1 other effect than before");
        /* an access may have got another form of the same address */
        NEED(is_access(i) ? ((IrMem){.raw = i->d}).order == ((IrMem){.raw = j->d}).order &&
                                ((IrMem){.raw = i->d}).size == ((IrMem){.raw = j->d}).size
                          : i->imm == j->imm,
             q, "E1 other attributes than before");
    } while (p);
    return true;
}
