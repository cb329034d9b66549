#include "tcg/ir/vec.h"

enum {
    L8 = 1 << IR_LANE_8, L16 = 1 << IR_LANE_16, L32 = 1 << IR_LANE_32, L64 = 1 << IR_LANE_64,
    F16 = 1 << IR_LANE_F16, F32 = 1 << IR_LANE_F32, F64 = 1 << IR_LANE_F64, F_ALL = F16 | F32 | F64,
    L8_32 = L8 | L16 | L32, L8_64 = L8_32 | L64,
    S = IR_VA_S, HI = IR_VA_HI, ROUND = IR_VA_ROUND, SAT = IR_VA_SAT, MIX = IR_VA_MIX, NEG = IR_VA_NEG,
};

/* [op] = {lanes, flags, N, M, v128 only} */
static const IrVecRow rows[IR_OP_COUNT] = {
#define ROW(op, ...) [IR_##op] = {__VA_ARGS__}
    ROW(VJOIN, L64, .v128 = true), ROW(VGET, L8_64, S, IR_VNUM_LANE), ROW(VSET, L8_64, 0, IR_VNUM_LANE),
    ROW(VSETV, L8_64, 0, IR_VNUM_LANE, IR_VNUM_LANE), ROW(VDUP, L8_64), ROW(VBITS, L8_64, .v128 = true),
        ROW(VDUPL, L8_64, 0, IR_VNUM_LANE),
    ROW(VAND, L8), ROW(VOR, L8), ROW(VXOR, L8), ROW(VANDN, L8), ROW(VNOT, L8), ROW(VBSL, L8),
    ROW(VADD, L8_64), ROW(VSUB, L8_64), ROW(VMUL, L8_64), ROW(VNEG, L8_64), ROW(VABS, L8_64),
    ROW(VMIN, L8_64, S), ROW(VMAX, L8_64, S), ROW(VQADD, L8_64, S), ROW(VQSUB, L8_64, S),
    ROW(VAVG, L8_32, S), ROW(VHADD, L8_32, S), ROW(VHSUB, L8_32, S), ROW(VABD, L8_32, S),
    ROW(VMULH, L16 | L32, S), ROW(VQDMULH, L16 | L32, ROUND), ROW(VQRDMLA, L16 | L32, NEG),
    ROW(VCMP, L8_64, 0, IR_VNUM_COND),
    ROW(VSHL, L8_64, 0, IR_VNUM_SHIFT), ROW(VSHR, L8_64, S | ROUND, IR_VNUM_SHIFT),
    ROW(VSHLV, L8_64), ROW(VSHRV, L8_64, S), ROW(VSHIFT, L8_64, S | ROUND | SAT),
    ROW(VWIDEN, L8_32, S | HI, .v128 = true), ROW(VMULL, L8_32, S | HI | MIX, .v128 = true),
    ROW(VNARROW, L16 | L32 | L64, S | SAT | MIX, .v128 = true),
    ROW(VZIP, L8_64, HI, .pairs = true), ROW(VUZP, L8_64, HI, .pairs = true),
        ROW(VTRN, L8_64, HI, .pairs = true),
    ROW(VEXT, L8, 0, IR_VNUM_BYTE),
    ROW(VREV, L8_32, 0, IR_VNUM_UNIT), ROW(VTBL, L8, 0, IR_VNUM_INDEX, .v128 = true),
    ROW(VPADD, L8_64, .pairs = true), ROW(VPMIN, L8_32, S), ROW(VPMAX, L8_32, S), ROW(VPADDL, L8_32, S),
    ROW(VADDV, L8_64, .pairs = true), ROW(VMINV, L8_32, S), ROW(VMAXV, L8_32, S),
    ROW(VCNT, L8), ROW(VCLZ, L8_32), ROW(VRBIT, L8), ROW(VPMUL, L8), ROW(VPMULL, L8 | L64, HI, .v128 = true),
    ROW(VDOT, L8, S | MIX), ROW(VAES, L8, 0, IR_VNUM_AES, .v128 = true),
        ROW(VSHA, L32, 0, IR_VNUM_SHA, .v128 = true),
    ROW(CRC32, 0, 0, IR_VNUM_BIT),
#define FROW(op, ...) ROW(op, F_ALL, IR_VA_STD, __VA_ARGS__, .pairs = true)
    FROW(VFADD, 0), FROW(VFSUB, 0), FROW(VFMUL, 0), FROW(VFDIV, 0), FROW(VFMULX, 0), FROW(VFRECPS, 0),
        FROW(VFRSQRTS, 0),
    FROW(VFMIN, 0), FROW(VFMAX, 0), FROW(VFMINM, 0), FROW(VFMAXM, 0), FROW(VFSQRT, 0), FROW(VFRECPE, 0),
        FROW(VFRSQRTE, 0),
    FROW(VFMA, IR_VNUM_FNEG), FROW(VFCMP, IR_VNUM_FCOND), FROW(VFRINT, IR_VNUM_FRINT),
    FROW(VF2I, IR_VNUM_FCVT, IR_VNUM_FIX), FROW(VI2F, IR_VNUM_FCVT, IR_VNUM_FIX),
    ROW(VFWIDEN, F16 | F32, HI | IR_VA_STD, .v128 = true),
        ROW(VFNARROW, F32 | F64, MIX | IR_VA_STD, IR_VNUM_ROUND, .v128 = true),
    ROW(VURECPE, F32), ROW(VURSQRTE, F32), ROW(VBFDOT, F32), ROW(VBFMMLA, F32, .v128 = true),
#undef FROW
#undef ROW
};

const IrVecRow *ir_vec_row(IrOp op)
{
    return rows[op].lanes || op == IR_CRC32 ? &rows[op] : NULL;
}

static bool number_ok(IrVecNum kind, unsigned n, unsigned lane, unsigned bytes)
{
    switch (kind) {
    case IR_VNUM_NONE: return n == 0;
    case IR_VNUM_LANE: return n < bytes >> (lane & 7);
    case IR_VNUM_SHIFT: return n <= ir_lane_bits(lane);
    case IR_VNUM_BYTE: return n < bytes;
    case IR_VNUM_COND: return n <= IR_VTST;
    case IR_VNUM_UNIT: return n > (lane & 7) && n <= 3;
    case IR_VNUM_INDEX: return n < 64 && n % 16 == 0;
    case IR_VNUM_AES: return n < IR_AES_COUNT;
    case IR_VNUM_SHA: return n < IR_SHA_COUNT;
    case IR_VNUM_BIT: return n < 2;
    case IR_VNUM_FNEG: return n < 4;
    case IR_VNUM_FCOND: return n <= IR_FLE;
    case IR_VNUM_FRINT:
        return ((n & 7) <= IR_RMM || (n & 7) == IR_RDYN) && n < 64 && (n & 48) != 48 &&
               !(lane == IR_LANE_F16 && n & 48);
    case IR_VNUM_FCVT: return ((n & 7) <= IR_RMM || (n & 7) == IR_RDYN) && n < 16;
    case IR_VNUM_FIX: return n <= ir_lane_bits(lane);
    case IR_VNUM_ROUND: return n == IR_RDYN || n == IR_RODD;
    }
    return false;
}

bool ir_vec_attr_ok(const IrInsn *i, IrType type)
{
    const IrVecRow *row = ir_vec_row((IrOp)i->op);
    unsigned flags = i->imm & 0xff, bytes = ir_type_bits(type) / 8;
    if (!row || i->imm >> 24 || (flags & ~row->flags))
        return false;
    if (i->op == IR_CRC32)
        return i->misc == 0 && number_ok((IrVecNum)row->n, i->imm >> 8 & 255, 0, 8) && i->imm >> 16 == 0;
    if (i->op == IR_VMULL && (flags & IR_VA_MIX) && (i->misc != IR_LANE_32 || flags != IR_VA_MIX))
        return false;
    if (i->op == IR_VFNARROW && (flags & IR_VA_MIX) && i->misc != IR_LANE_F32)
        return false;
    if (i->op == IR_VNARROW && (flags & ~IR_VA_SAT) && !(flags & IR_VA_SAT))
        return false;
    if (row->pairs && ir_lane_bits(i->misc) * 2 > bytes * 8)
        return false;
    if ((flags & IR_VA_S) && (flags & IR_VA_MIX))
        return false;
    return (type == IR_V128 || (type == IR_V64 && !row->v128)) && i->misc < IR_LANE_COUNT &&
           (row->lanes >> i->misc & 1) && number_ok((IrVecNum)row->n, i->imm >> 8 & 255, i->misc, bytes) &&
           number_ok((IrVecNum)row->m, i->imm >> 16 & 255, i->misc, bytes);
}

bool ir_vec_optional(const IrInsn *i, unsigned k)
{
    switch (i->op) {
    case IR_VNARROW: return k == 1;
    case IR_VTBL: return k >= 2;
    case IR_VAES: return k == 1 && (i->imm >> 8 == IR_AES_MC || i->imm >> 8 == IR_AES_IMC);
    case IR_VSHA: return k == 2 && (i->imm >> 8 == IR_SHA1SU1 || i->imm >> 8 == IR_SHA256SU0);
    default: return false;
    }
}

unsigned ir_vec_rotates(const IrRegion *r, const IrInsn *i)
{
    if (i->op != IR_VOR)
        return 0;
    const IrInsn *x = &r->insn[i->a], *y = &r->insn[i->b], *left = x->op == IR_VSHL ? x : y,
                 *right = left == x ? y : x;
    unsigned n = left->imm >> 8, bits = ir_lane_bits(left->misc);
    bool both = left->op == IR_VSHL && right->op == IR_VSHR && left->misc == right->misc &&
                left->a == right->a && left->type == i->type;
    return both && (bits == 32 || bits == 64) && right->imm == IR_VA_N(bits - n) && n < bits ? n : 0;
}
