#include "tcg/ir/eval.h"

static uint64_t eval_mul_high(IrOp op, IrType t, uint64_t a, uint64_t b)
{
    unsigned bits = ir_type_bits(t);
    __int128 x = op == IR_MULHU ? (__int128)a : ir_signed(t, a);
    __int128 y = op == IR_MULHS ? ir_signed(t, b) : (__int128)b;
    /* unsigned: the product of two 64-bit numbers does not fit a signed 128, the bits are right all the
     * same */
    return ir_canon(t, (uint64_t)((unsigned __int128)x * (unsigned __int128)y >> bits));
}

static uint64_t eval_div(IrOp op, IrType t, uint64_t a, uint64_t b)
{
    bool rem = op == IR_REMU || op == IR_REMS;
    if (b == 0)
        return rem ? a : ir_canon(t, ~0ull);
    if (op == IR_DIVU || op == IR_REMU)
        return rem ? a % b : a / b;
    int64_t x = ir_signed(t, a), y = ir_signed(t, b);
    if (y == -1) /* the only overflow, and the same result without it */
        return rem ? 0 : ir_canon(t, 0 - a);
    return ir_canon(t, (uint64_t)(rem ? x % y : x / y));
}

static uint64_t eval_shift(IrOp op, IrType t, uint64_t a, uint64_t b)
{
    unsigned bits = ir_type_bits(t);
    unsigned n = (unsigned)(b & (bits - 1));
    switch (op) {
    case IR_SHL: return ir_canon(t, a << n);
    case IR_SHR: return a >> n;
    case IR_SAR: return ir_canon(t, (uint64_t)(ir_signed(t, a) >> n));
    default: return n ? ir_canon(t, a >> n | a << (bits - n)) : a;
    }
}

uint64_t ir_eval_vv(IrOp op, IrType t, uint64_t a, uint64_t b)
{
    switch (op) {
    case IR_ADD: return ir_canon(t, a + b);
    case IR_SUB: return ir_canon(t, a - b);
    case IR_MUL: return ir_canon(t, a * b);
    case IR_MULHU:
    case IR_MULHS:
    case IR_MULHSU: return eval_mul_high(op, t, a, b);
    case IR_DIVU:
    case IR_DIVS:
    case IR_REMU:
    case IR_REMS: return eval_div(op, t, a, b);
    case IR_AND: return a & b;
    case IR_OR: return a | b;
    case IR_XOR: return a ^ b;
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROTR: return eval_shift(op, t, a, b);
    default: return 0;
    }
}

uint64_t ir_eval_v(IrOp op, IrType t, uint64_t a)
{
    unsigned bits = ir_type_bits(t);
    switch (op) {
    case IR_NEG: return ir_canon(t, 0 - a);
    case IR_NOT: return ir_canon(t, ~a);
    case IR_CLZ: return a ? (unsigned)__builtin_clzll(a) - (64 - bits) : bits;
    case IR_CTZ: return a ? (unsigned)__builtin_ctzll(a) : bits;
    case IR_POPCNT: return (unsigned)__builtin_popcountll(a);
    case IR_BSWAP: return bits >= 16 ? __builtin_bswap64(a) >> (64 - bits) : a;
    default: return 0;
    }
}

uint64_t ir_eval_cvt(IrOp op, IrType to, IrType from, uint64_t a)
{
    return op == IR_SEXT ? ir_canon(to, (uint64_t)ir_signed(from, a)) : ir_canon(to, a);
}

bool ir_eval_cmp(IrCond c, IrType t, uint64_t a, uint64_t b)
{
    int64_t x = ir_signed(t, a), y = ir_signed(t, b);
    switch (c) {
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_LTU: return a < b;
    case IR_GEU: return a >= b;
    case IR_LT: return x < y;
    case IR_GE: return x >= y;
    case IR_LEU: return a <= b;
    case IR_GTU: return a > b;
    case IR_LE: return x <= y;
    case IR_GT: return x > y;
    }
    return false;
}

uint64_t ir_eval_unbox(uint64_t f64)
{
    return f64 >> 32 == 0xffffffff ? f64 & 0xffffffff : 0x7fc00000;
}

uint64_t ir_eval_fsgn(unsigned how, IrType t, uint64_t a, uint64_t sign)
{
    uint64_t top = 1ull << (ir_type_bits(t) - 1);
    uint64_t s = how == 0 ? sign : how == 1 ? ~sign : a ^ sign;
    return (a & ~top) | (s & top);
}

uint64_t ir_eval_rmw(IrRmw op, IrType t, uint64_t old, uint64_t operand)
{
    switch (op) {
    case IR_RMW_XCHG: return operand;
    case IR_RMW_ADD: return ir_canon(t, old + operand);
    case IR_RMW_AND: return old & operand;
    case IR_RMW_OR: return old | operand;
    case IR_RMW_XOR: return old ^ operand;
    case IR_RMW_MIN: return ir_signed(t, old) < ir_signed(t, operand) ? old : operand;
    case IR_RMW_MAX: return ir_signed(t, old) > ir_signed(t, operand) ? old : operand;
    case IR_RMW_MINU: return MIN(old, operand);
    case IR_RMW_MAXU: return MAX(old, operand);
    }
    return old;
}

uint64_t ir_eval_adc(IrOp op, IrType t, uint64_t a, uint64_t b, bool carry)
{
    return ir_canon(t, op == IR_SBB ? a - b - carry : a + (op == IR_SUBC ? ~b : b) + carry);
}

uint64_t ir_eval_fl(IrOp op, IrType t, uint64_t a, uint64_t b, bool carry)
{
    unsigned bits = ir_type_bits(t);
    if (op == IR_FLSHL || op == IR_FLSHR || op == IR_FLSAR)
        return ir_eval_flx((IrX86Fl)(op - IR_FLSHL + IR_X_SHL), t, a, b, 0);
    bool borrow = op == IR_FLCMP || op == IR_FLSBB; /* the carry is one */
    bool subtract = op == IR_FLSUB || op == IR_FLSBC || borrow;
    if (subtract)
        b = ir_canon(t, ~b);
    if (op != IR_FLADC && op != IR_FLSBC)
        carry = op == IR_FLSBB ? !carry : subtract;
    bool logic = op == IR_FLLOGIC;
    unsigned __int128 wide = logic ? a : (unsigned __int128)a + b + carry;
    uint64_t r = ir_canon(t, (uint64_t)wide);
    uint64_t half = logic ? 0 : (a ^ b ^ r) & 0x10, over = logic ? 0 : (a ^ r) & (b ^ r);
    if (subtract) /* x86's half carry of a subtraction is a borrow */
        half ^= 0x10;
    bool c = (wide >> bits & 1) != borrow;
    return IR_FL_BIT9 | (r >> (bits - 1) ? IR_FL_N : 0) | (r == 0 ? IR_FL_Z : 0) | (half ? IR_FL_HALF : 0) |
           (__builtin_parity((unsigned)r & 0xff) ? 0 : IR_FL_PARITY) | (c ? IR_FL_C : 0) |
           (over >> (bits - 1) & 1 ? IR_FL_V : 0);
}

uint64_t ir_eval_flnzc(IrType t, uint64_t a, uint64_t b, unsigned bit, uint64_t old)
{
    uint64_t carry = bit < 32 ? (b >> bit & 1) * IR_FL_C : old & IR_FL_C;
    return ir_eval_fl(IR_FLLOGIC, t, a, 0, false) | carry | (old & IR_FL_V);
}

bool ir_eval_flcc(uint64_t w, IrFlCond c)
{
    bool n = w & IR_FL_N, z = w & IR_FL_Z, carry = w & IR_FL_C, v = w & IR_FL_V, yes;
    switch (c & ~1u) {
    case IR_FL_EQ: yes = z; break;
    case IR_FL_HS: yes = carry; break;
    case IR_FL_MI: yes = n; break;
    case IR_FL_VS: yes = v; break;
    case IR_FL_HI: yes = carry && !z; break;
    case IR_FL_GE: yes = n == v; break;
    case IR_FL_GT: yes = !z && n == v; break;
    case IR_FL_BE: yes = carry || z; break;
    case IR_FL_PE: yes = w & IR_FL_PARITY; break;
    default: return true;
    }
    return yes != (c & 1);
}
