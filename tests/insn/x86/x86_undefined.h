/* What the manuals leave undefined, by row and operands, for comparisons with a processor that leaves it in
 * another way than the models, which are AMD's: of the flags, and where all of an instruction's result is.
 * Sources: Intel SDM volume 1, appendix A, volume 2, "Flags Affected"; AMD64 APM volume 3. */
#ifndef TESTS_INSN_X86_X86_UNDEFINED_H
#define TESTS_INSN_X86_X86_UNDEFINED_H

#include "tests/insn/x86/x86_encode.h"

enum {
    FLAG_C = 1,
    FLAG_P = 4,
    FLAG_A = 0x10,
    FLAG_Z = 0x40,
    FLAG_S = 0x80,
    FLAG_O = 0x800,
    ALL_FLAGS = FLAG_C | FLAG_P | FLAG_A | FLAG_Z | FLAG_S | FLAG_O
};

/* The last operand as far as it counts: an immediate, 1, or cl. */
static unsigned shift_count(const RowInfo *r, const X86Insn *x, uint8_t cl)
{
    unsigned last = r->handler == X86_H_shld ? 2 : 1;
    unsigned n = x86_opd_where[r->opd[last]] == X86_WH_I ? (unsigned)x->imm
                 : r->opd[last] == X86_OPD_One           ? 1
                                                         : cl;
    return n & (x86_size(x, 0) == 8 ? 63 : 31);
}

static unsigned undefined_by_shift(const RowInfo *r, const X86Insn *x, uint8_t cl)
{
    enum { SHL = 4, SAR = 7 };
    unsigned n = shift_count(r, x, cl), bits = 8 * x86_size(x, 0), flags = n == 1 ? 0 : FLAG_O;
    if (!n)
        return 0;
    if (r->handler == X86_H_shld)
        return n > bits ? ALL_FLAGS : flags | FLAG_A;
    if (r->arg < SHL)
        return flags;
    return flags | FLAG_A | (r->arg != SAR && n >= bits ? FLAG_C : 0);
}

/* Flags that the instruction leaves undefined. */
static unsigned undefined_flags(const RowInfo *r, const X86Insn *x, uint8_t cl)
{
    enum { OR = 1, AND = 4, XOR = 6, BZHI = 1 };
    static const uint16_t bcd[] = {
        FLAG_O,                            /* daa */
        FLAG_O,                            /* das */
        FLAG_O | FLAG_S | FLAG_Z | FLAG_P, /* aaa */
        FLAG_O | FLAG_S | FLAG_Z | FLAG_P, /* aas */
        FLAG_O | FLAG_A | FLAG_C,          /* aam */
        FLAG_O | FLAG_A | FLAG_C,          /* aad */
    };
    switch (r->handler) {
    case X86_H_alu: return r->arg == OR || r->arg == AND || r->arg == XOR ? FLAG_A : 0;
    case X86_H_test: return FLAG_A;
    case X86_H_shift:
    case X86_H_shld: return undefined_by_shift(r, x, cl);
    case X86_H_mul:
    case X86_H_imul: return FLAG_S | FLAG_Z | FLAG_A | FLAG_P;
    case X86_H_div: return ALL_FLAGS;
    case X86_H_bt: return FLAG_O | FLAG_S | FLAG_A | FLAG_P;
    case X86_H_bsf: /* with F3: lzcnt, tzcnt */
        return FLAG_O | FLAG_S | FLAG_A | FLAG_P | (x->rep == 0xf3 ? 0 : FLAG_C);
    case X86_H_andn:
    case X86_H_bls: return FLAG_A | FLAG_P;
    case X86_H_bextr: return FLAG_A | FLAG_P | (r->arg == BZHI ? 0 : FLAG_S);
    case X86_H_bcd: return bcd[r->arg];
    default: return 0;
    }
}

/* shld and shrd of 16 bits by more. */
static bool undefined_result(const RowInfo *r, const X86Insn *x, uint8_t cl)
{
    return r->handler == X86_H_shld && shift_count(r, x, cl) > 8 * x86_size(x, 0);
}

#endif
