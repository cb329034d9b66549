/* The flags that x86's instructions leave. Source: AMD64 Architecture Programmer's Manual volume 3, the entry
 * of each instruction, for the defined ones; the undefined ones are those of AMD's Zen family, measured: Zen
 * 4 differs from those before it, and on an x86 host those of the host count, which generated code has
 * (tests/insn/x86, with --no-jit, compares with the processor). */
#include "tcg/ir/eval.h"

enum { ARITH = IR_FL_N | IR_FL_Z | IR_FL_HALF | IR_FL_PARITY | IR_FL_C | IR_FL_V };

/* Sign, zero and parity of r. */
static uint64_t nzp(IrType t, uint64_t r)
{
    r = ir_canon(t, r);
    return IR_FL_BIT9 | (r >> (ir_type_bits(t) - 1) ? IR_FL_N : 0) | (r == 0 ? IR_FL_Z : 0) |
           (__builtin_parity((unsigned)r & 0xff) ? 0 : IR_FL_PARITY);
}

/* Is the host one that sets the auxiliary carry by a shift? Then its other undefined flags are Zen 4's. */
static bool as_zen4(void)
{
#ifdef __x86_64__
    unsigned word = 1;
    __asm__("shll $1, %0\n\tmovl $0, %0\n\tlahf" : "+a"(word)::"cc");
    return word & IR_FL_HALF;
#else
    return false;
#endif
}

static uint64_t with(uint64_t word, uint64_t bit, bool on)
{
    return on ? word | bit : word & ~bit;
}

static uint64_t shift(IrX86Fl kind, IrType t, uint64_t a, unsigned n)
{
    unsigned bits = ir_type_bits(t);
    uint64_t r;
    bool c, v;
    switch (kind) {
    case IR_X_SHL:
        r = ir_canon(t, a << n);
        c = n <= bits && (a >> (bits - n) & 1);
        v = (r >> (bits - 1) & 1) != c;
        break;
    case IR_X_SHR:
        r = a >> n;
        c = a >> (n - 1) & 1;
        v = ((r >> (bits - 1) ^ r >> (bits - 2)) & 1) != 0;
        break;
    default:
        r = ir_canon(t, (uint64_t)(ir_signed(t, a) >> n));
        c = (uint64_t)(ir_signed(t, a) >> (n - 1)) & 1;
        v = false;
        break;
    }
    return nzp(t, r) | (as_zen4() ? IR_FL_HALF : 0) | (c ? IR_FL_C : 0) | (v ? IR_FL_V : 0);
}

static uint64_t rotate(IrX86Fl kind, IrType t, uint64_t a, unsigned n, uint64_t old)
{
    unsigned bits = ir_type_bits(t);
    bool left = kind == IR_X_ROL || kind == IR_X_RCL, c = old & IR_FL_C, top, next;
    if (kind == IR_X_ROL || kind == IR_X_ROR) {
        unsigned k = n & (bits - 1);
        if (!left)
            k = (bits - k) & (bits - 1);
        uint64_t r = k ? ir_canon(t, a << k | a >> (bits - k)) : a;
        top = r >> (bits - 1) & 1;
        next = r >> (bits - 2) & 1;
        c = left ? r & 1 : top;
    } else {
        unsigned __int128 x = (unsigned __int128)c << bits | a, m = ((unsigned __int128)1 << (bits + 1)) - 1;
        n %= bits + 1;
        if (!left)
            n = (bits + 1 - n) % (bits + 1);
        x = n ? (x << n | x >> (bits + 1 - n)) & m : x;
        c = x >> bits & 1;
        top = x >> (bits - 1) & 1;
        next = x >> (bits - 2) & 1;
    }
    return with(with(old, IR_FL_C, c), IR_FL_V, left ? top != c : top != next);
}

static uint64_t multiply(IrX86Fl kind, IrType t, uint64_t a, uint64_t b, uint64_t old)
{
    unsigned bits = ir_type_bits(t);
    bool over;
    if (kind == IR_X_MUL) {
        over = (unsigned __int128)a * b >> bits;
    } else {
        __int128 p = (__int128)ir_signed(t, a) * ir_signed(t, b);
        over = p != (__int128)ir_signed(t, ir_canon(t, (uint64_t)p));
    }
    return with(with(old, IR_FL_C, over), IR_FL_V, over);
}

static uint64_t bit_field(IrX86Fl kind, IrType t, uint64_t a, uint64_t b, uint64_t old)
{
    unsigned bits = ir_type_bits(t);
    bool zen4 = as_zen4();
    uint64_t r, keep = zen4 ? ~0ull : ~(uint64_t)IR_FL_PARITY;
    switch (kind) {
    case IR_X_ANDN: return nzp(t, ~a & b) & keep;
    case IR_X_BLSR: return (nzp(t, a & (a - 1)) & keep) | (a == 0 ? IR_FL_C : 0);
    case IR_X_BLSMSK: return (nzp(t, a ^ (a - 1)) & keep & ~(uint64_t)IR_FL_Z) | (a == 0 ? IR_FL_C : 0);
    case IR_X_BLSI: return (nzp(t, a & (0 - a)) & keep) | (a != 0 ? IR_FL_C : 0);
    case IR_X_BZHI: {
        unsigned n = b & 0xff;
        r = n < bits ? a & ((1ull << n) - 1) : a;
        return (nzp(t, r) & keep) | (n >= bits ? IR_FL_C : 0);
    }
    default: { /* bextr */
        unsigned start = b & 0xff, len = b >> 8 & 0xff;
        r = start < bits ? a >> start : 0;
        r = len < bits ? r & ((1ull << len) - 1) : r;
        return zen4 ? (nzp(t, r) & ~(uint64_t)IR_FL_N) | IR_FL_HALF : IR_FL_BIT9 | (r == 0 ? IR_FL_Z : 0);
    }
    }
}

/* bsf and bsr of Zen 4 leave the parity of their result, which counts as 0 where there is none. */
static uint64_t search_zen4(IrX86Fl kind, uint64_t a)
{
    unsigned r = !a                 ? 0
                 : kind == IR_X_BSF ? (unsigned)__builtin_ctzll(a)
                                    : 63u - (unsigned)__builtin_clzll(a);
    return IR_FL_BIT9 | (a == 0 ? IR_FL_Z : 0) | (__builtin_parity(r) ? 0 : IR_FL_PARITY);
}

static uint64_t count(IrX86Fl kind, IrType t, uint64_t a, uint64_t old)
{
    unsigned bits = ir_type_bits(t);
    bool zen4 = as_zen4();
    if (kind == IR_X_POPCNT)
        return IR_FL_BIT9 | (a == 0 ? IR_FL_Z : 0);
    if (kind == IR_X_BSF || kind == IR_X_BSR)
        return zen4 ? search_zen4(kind, a) : with(old, IR_FL_Z, a == 0);
    if (zen4)
        old = IR_FL_BIT9 | (old & IR_FL_V);
    return with(with(old, IR_FL_C, a == 0), IR_FL_Z, kind == IR_X_LZCNT ? a >> (bits - 1) & 1 : a & 1);
}

/* r: the result, a: what was shifted, by the constant in kind */
static uint64_t double_shift(unsigned kind, IrType t, uint64_t r, uint64_t a)
{
    unsigned bits = ir_type_bits(t), n = kind & 63;
    bool right = kind & IR_X_SHRD, c = a >> (right ? n - 1 : bits - n) & 1, top = r >> (bits - 1) & 1;
    bool v = top != (right ? r >> (bits - 2) & 1 : c);
    return nzp(t, r) | IR_FL_HALF | (c ? IR_FL_C : 0) | (v ? IR_FL_V : 0);
}

uint64_t ir_eval_flx(IrX86Fl kind, IrType t, uint64_t a, uint64_t b, uint64_t old)
{
    if (kind > IR_X_COUNT)
        return double_shift(kind, t, a, b);
    unsigned bits = ir_type_bits(t), n = (unsigned)b & (bits == 64 ? 63 : 31);
    switch (kind) {
    case IR_X_SHL:
    case IR_X_SHR:
    case IR_X_SAR: return n ? shift(kind, t, a, n) : old;
    case IR_X_ROL:
    case IR_X_ROR:
    case IR_X_RCL:
    case IR_X_RCR: return n ? rotate(kind, t, a, n, old) : old;
    case IR_X_MUL:
    case IR_X_IMUL:
    case IR_X_IMUL2: return multiply(kind, t, a, b, old);
    case IR_X_BT: return with(old, IR_FL_C, a >> (b & (bits - 1)) & 1);
    case IR_X_INC: return (ir_eval_fl(IR_FLADD, t, a, 1, false) & ~(uint64_t)IR_FL_C) | (old & IR_FL_C);
    case IR_X_DEC: return (ir_eval_fl(IR_FLCMP, t, a, 1, false) & ~(uint64_t)IR_FL_C) | (old & IR_FL_C);
    case IR_X_BSF:
    case IR_X_BSR:
    case IR_X_LZCNT:
    case IR_X_TZCNT:
    case IR_X_POPCNT: return count(kind, t, a, old);
    case IR_X_DIV: return (old & (IR_FL_C | IR_FL_V)) | IR_FL_HALF | IR_FL_BIT9;
    default: return bit_field(kind, t, a, b, old);
    }
}

uint64_t ir_eval_fladx(IrOp op, IrType t, uint64_t a, uint64_t b, uint64_t old)
{
    uint64_t bit = op == IR_FLADOX ? IR_FL_V : IR_FL_C;
    unsigned __int128 sum = (unsigned __int128)a + b + ((old & bit) != 0);
    return with(old, bit, sum >> ir_type_bits(t) & 1);
}
