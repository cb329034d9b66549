/*
 * Decoder of A64 instructions: 32 bits -> row of a64_rows.inc and its operands.
 *
 * A look-up walks a tree of bit fields, two or three steps, to a list of at most a few rows, most specific
 * first. The tree is made at build time by arm_gen.c from the rows, whatever they are; it also refuses
 * ambiguous rows. Pure functions of const tables; any thread. Errors: A64_ILLEGAL, which includes encodings
 * that are unallocated through the value of a field (logical immediates, shifts of 32 and more of W
 * registers, ...). Features are not looked at: that is the caller's part (a64_row_feat).
 */
#ifndef TARGET_ARM_A64_DECODE_H
#define TARGET_ARM_A64_DECODE_H

#include "base/bits.h"

typedef enum A64Insn {
#define INSN(id, ...) A64_##id,
#include "target/arm/a64_rows.inc"
#undef INSN
    A64_INSN_COUNT,
    A64_ILLEGAL = A64_INSN_COUNT
} A64Insn;

/* How A64Args is filled beyond bits and register numbers, and what makes the encoding unallocated. */
typedef enum A64Format {
    A64_FMT_R,          /* nothing */
    A64_FMT_ADDSUB_IMM, /* imm = 12 bits << amount (0 or 12) */
    A64_FMT_LOGIC_IMM,  /* imm = the mask, of 32 bits when sf = 0 */
    A64_FMT_MOVW,       /* imm = 16 bits, amount = shift */
    A64_FMT_ADR,        /* imm = offset in bytes */
    A64_FMT_ADRP,       /* imm = offset in bytes */
    A64_FMT_BITFIELD,   /* kind = immr, amount = imms */
    A64_FMT_EXTR,       /* amount = lsb */
    A64_FMT_SHIFT,      /* kind = shift type, amount */
    A64_FMT_SHIFT_AS,   /* the same without ROR */
    A64_FMT_EXT,        /* kind = option, amount = 0..4 */
    A64_FMT_COND,       /* kind = condition (bits 15..12), amount = nzcv, imm = 5 bits (rm) */
    A64_FMT_B26,        /* imm = offset in bytes */
    A64_FMT_B19,        /* imm = offset in bytes, kind = condition (bits 3..0) */
    A64_FMT_TB,         /* imm = offset in bytes, amount = bit number */
    A64_FMT_IMM16,      /* imm = bits 20..5 */
    A64_FMT_SYS,        /* imm = bits 20..5: o0, op1, CRn, CRm, op2 */
    A64_FMT_MSR_IMM,    /* imm = CRm */
    A64_FMT_LDST_U12,   /* imm = 12 bits << size */
    A64_FMT_LDST_S9,    /* imm = 9 bits, signed */
    A64_FMT_LDST_S9_SX, /* the same; size 3 is unallocated (sign extension to 64 bits) */
    A64_FMT_LDST_REG,   /* kind = option, amount = shift */
    A64_FMT_HINT,       /* imm = CRm:op2 */
    A64_FMT_UDF,        /* imm = bits 15..0 */
    A64_FMT_PAIR,       /* size; imm = 7 bits, signed, << size */
    A64_FMT_LDRA,       /* imm = 10 bits, signed, << 3 */
    A64_FMT_RMIF,       /* amount = rotation, imm = mask */
    A64_FMT_ADDG,       /* imm = 6 bits << 4, amount = 4 bits */
    A64_FMT_TAG_S9,     /* imm = 9 bits, signed, << 4 */
    A64_FMT_CASP,       /* rm and rd are even; size 2 or 3 */
    A64_FMT_MOPS,       /* rd, rn, rm differ from each other, none of them is 31; kind = options (bits
                         * 15..12) */
    A64_FMT_MOPS_SET,   /* the same, but rm may be 31; kind = options (bits 13..12) */
    A64_FMT_LSE128,     /* neither rd nor rm is 31 */
    A64_FMT_STGP,       /* imm = 7 bits, signed, << 4 */
    A64_FMT_IMM8,       /* imm = bits 17..10 */
#define SIMD_FORMAT(id, ...) A64_FMT_##id,
#include "target/arm/a64_simd_formats.def"
#undef SIMD_FORMAT
} A64Format;

typedef struct A64Args {
    uint32_t bits;
    uint8_t rd, rn, rm, ra; /* bits 4..0, 9..5, 20..16, 14..10, whatever they mean */
    uint8_t sf;             /* bit 31: 64-bit registers */
    uint8_t size;           /* bits 31..30: log2 of the bytes; 4 for 128-bit SIMD registers */
    uint8_t kind, amount;   /* see the formats */
    int64_t imm;
} A64Args;

/* A system register as the imm of A64_FMT_SYS names it. */
#define A64_SYSREG(op0, op1, crn, crm, op2) ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

A64Insn a64_decode(uint32_t bits, A64Args *ret_args);
/* ArmFeat that the row needs. */
unsigned a64_row_feat(A64Insn insn);

/* "Shared pseudocode functions", DecodeBitMasks: the mask of a logical immediate (N, immr, imms); false:
 * reserved. */
bool a64_logic_imm(unsigned n, unsigned immr, unsigned imms, bool sf, uint64_t *ret_mask);

#endif
