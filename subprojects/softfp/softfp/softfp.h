/*
 * softfp: IEEE 754 binary16/32/64 on integers. Every call is a pure function: (operand bits, mode) to
 * (result bits, flags).
 *
 * Invariants. No floating-point type, register or instruction is used (the library is compiled with
 * -mgeneral-regs-only), so it may run while the host's floating-point environment belongs to the guest.
 * Operands are read from the low 16, 32 or 64 bits; anything above is ignored. Results are zero-extended to
 * 64 bits, 32-bit integers and class masks included.
 *
 * Ownership: none, no memory is kept. Threads: any, also inside a signal handler. Errors: none; a wrong enum
 * value is a bug of the caller. Flags are what this operation raises; the caller ORs them into its sticky
 * set.
 *
 * Flags. DENORM is x86's "denormal operand": a subnormal operand was used as it is (with `daz` it is not
 * raised, and to_int, round_to_int, class and sign operations never raise it). Guests without such a flag
 * mask it out. For Arm it is the opposite, "input denormal": a subnormal operand was flushed (`daz`).
 * UNDERFLOW follows the default (masked) handling: tiny and inexact.
 *
 * Sources: IEEE 754-2019 sections 4.3, 5.3-5.8, 6.2, 7, 9.6; RISC-V Unprivileged ISA, chapters "F" and "Zfh";
 * Intel SDM volume 1, sections 4.8.3.5, 4.9, 11.5.2, 14.5 and tables D-1, E-1 to E-12; Arm ARM (DDI 0487),
 * A1.5 "Floating-point support" and the shared pseudocode functions of floating-point (J1.3).
 */
#ifndef SOFTFP_SOFTFP_H
#define SOFTFP_SOFTFP_H

#include <stdbool.h>
#include <stdint.h>

/* BF16: the upper half of an F32. */
typedef enum SoftfpFmt { SOFTFP_F16, SOFTFP_F32, SOFTFP_F64, SOFTFP_BF16 } SoftfpFmt;

/* The RISC-V encoding of rounding modes, equal to IrRound; ODD is ours. */
enum {
    SOFTFP_RNE, /* to nearest, ties to even */
    SOFTFP_RTZ, /* toward zero */
    SOFTFP_RDN, /* toward minus infinity */
    SOFTFP_RUP, /* toward plus infinity */
    SOFTFP_RMM, /* to nearest, ties away from zero */
    SOFTFP_ODD, /* toward zero, and the last bit is set if anything was lost; overflow gives the largest
                 * number */
};

/* What a NaN result is, and the rules that go with it. */
enum {
    SOFTFP_NAN_CANON, /* always the positive default quiet NaN; inf * 0 + qNaN raises invalid (RISC-V) */
    SOFTFP_NAN_X86,   /* the first NaN operand, quieted; default NaN is negative. Also: min and max give the
                       * second operand for NaN and for equal zeros, to_int gives the "integer indefinite",
                       * inf * 0 + qNaN is that NaN without invalid (SSE, FMA3) */
    SOFTFP_NAN_ARM,   /* the first signaling NaN, else the first NaN, quieted; fma's order is c, a, b; its
                       * signs negate NaN operands too; inf * 0 + qNaN is the default NaN, invalid. The
                       * default NaN is positive. Also: daz raises DENORM (not f16), ftz raises underflow
                       * alone, both spare the f16 side of conversions; to_int makes 0 of NaN */
    SOFTFP_NAN_ARM_DN, /* the same, but every NaN result is the default NaN (FPCR.DN) */
};

enum {
    SOFTFP_INVALID = 1,
    SOFTFP_DENORM = 2,
    SOFTFP_DIVZERO = 4,
    SOFTFP_OVERFLOW = 8,
    SOFTFP_UNDERFLOW = 16,
    SOFTFP_INEXACT = 32,
};

/* All zero is RISC-V: round to nearest even, canonical NaN, gradual underflow, tininess after rounding.
 * ftz and daz hold for whichever operands and result the call has; for x86's conversions with f16, which
 * ignore them on the f16 side, the caller clears them. */
typedef struct SoftfpMode {
    uint8_t round;
    uint8_t nan;
    uint8_t ftz; /* 1: a tiny result becomes zero of its sign, raising underflow and inexact (MXCSR.FTZ) */
    uint8_t daz; /* 1: a subnormal operand counts as zero of its sign (MXCSR.DAZ) */
    uint8_t tiny_before; /* 1: tininess is detected before rounding (Arm); 0: after (RISC-V, x86) */
    uint8_t unmasked; /* exceptions that trap (x86): underflow is then raised by every tiny result, inexact
                       * beside it or overflow as if exponents had no end; the result is of no use */
    uint8_t ahp; /* 1: f16 has no infinities and NaNs, but one more binade (FPCR.AHP); for conversions only */
} SoftfpMode;

typedef struct SoftfpRes {
    uint64_t bits;
    uint32_t flags;
} SoftfpRes;

/* a + b, a - b, a * b, a / b, square root; one rounding. */
SoftfpRes softfp_add(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);
SoftfpRes softfp_sub(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);
SoftfpRes softfp_mul(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);
SoftfpRes softfp_div(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);
SoftfpRes softfp_sqrt(SoftfpFmt fmt, SoftfpMode mode, uint64_t a);

/* The imm of the IR's fma. */
enum { SOFTFP_NEG_PRODUCT = 1, SOFTFP_NEG_ADDEND = 2 };
/* (neg & 1 ? -(a * b) : a * b) + (neg & 2 ? -c : c), one rounding. NaN operands are not negated, but for
 * Arm. */
SoftfpRes softfp_fma(SoftfpFmt fmt, SoftfpMode mode, unsigned neg, uint64_t a, uint64_t b, uint64_t c);

/* minimumNumber, maximumNumber: -0 < +0, a NaN loses against a number, sNaN raises invalid; two NaNs give the
 * default NaN. (SOFTFP_NAN_X86: see there; any NaN raises invalid.) */
SoftfpRes softfp_min(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);
SoftfpRes softfp_max(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);

/* Minimum, maximum: -0 < +0, a NaN operand gives a NaN (Arm FMIN, FMAX; RISC-V fminm, fmaxm). */
SoftfpRes softfp_minm(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);
SoftfpRes softfp_maxm(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);

/* Order equal to IrFcond. All are false on NaN but UNO, which is true on NaN only. LT and LE raise invalid
 * for any NaN, the others for a signaling NaN. */
typedef enum SoftfpCond {
    SOFTFP_EQ,
    SOFTFP_LT,
    SOFTFP_LE,
    SOFTFP_LTQ,
    SOFTFP_LEQ,
    SOFTFP_UNO,
} SoftfpCond;
/* bits: 0 or 1. Of mode only daz counts. */
SoftfpRes softfp_cmp(SoftfpFmt fmt, SoftfpMode mode, SoftfpCond cond, uint64_t a, uint64_t b);

/* One bit of ten, RISC-V's numbering: 0 -inf, 1 -normal, 2 -subnormal, 3 -0, 4 +0, 5 +subnormal, 6 +normal,
 * 7 +inf, 8 signaling NaN, 9 quiet NaN. Raises nothing. */
uint32_t softfp_class(SoftfpFmt fmt, uint64_t a);

/* Between formats; to the same format it quiets or replaces NaNs and flushes as an operation would. */
SoftfpRes softfp_cvt(SoftfpFmt to, SoftfpFmt from, SoftfpMode mode, uint64_t a);

/* To an integer of `width` 16, 32 or 64 bits. Out of range after rounding: saturates, NaN gives the largest
 * value, invalid alone is raised; else inexact when a was no integer. (SOFTFP_NAN_X86: 0x80..0 for all of
 * those, all ones when unsigned.) */
SoftfpRes softfp_to_int(SoftfpFmt from, SoftfpMode mode, uint64_t a, unsigned width, bool is_unsigned);
/* The same of a * 2^fbits, fbits 0 to 64. */
SoftfpRes softfp_to_fixed(SoftfpFmt from, SoftfpMode mode, uint64_t a, unsigned width, bool is_unsigned,
                          unsigned fbits);
/* From the low `width` bits of v, 16, 32 or 64. */
SoftfpRes softfp_from_int(SoftfpFmt to, SoftfpMode mode, uint64_t v, unsigned width, bool is_unsigned);
/* v / 2^fbits. */
SoftfpRes softfp_from_fixed(SoftfpFmt to, SoftfpMode mode, uint64_t v, unsigned width, bool is_unsigned,
                            unsigned fbits);
/* To an integer of the same format; sign kept, so -0.3 gives -0. `exact` asks for the inexact flag. */
SoftfpRes softfp_round_to_int(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, bool exact);

/* ---- what only Arm has; mode.nan is one of Arm's. Named after the instructions, see softfp_arm.c ---- */

/* mul, but inf * 0 is 2 with the product's sign (FMULX). */
SoftfpRes softfp_mulx(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);
/* 2 - a * b, (3 - a * b) / 2, one rounding. */
SoftfpRes softfp_recps(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);
SoftfpRes softfp_rsqrts(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b);
/* Estimates of 8 bits, and the exponent's complement. */
SoftfpRes softfp_recpe(SoftfpFmt fmt, SoftfpMode mode, uint64_t a);
SoftfpRes softfp_rsqrte(SoftfpFmt fmt, SoftfpMode mode, uint64_t a);
SoftfpRes softfp_recpx(SoftfpFmt fmt, SoftfpMode mode, uint64_t a);
/* The same estimates of unsigned fixed-point numbers. */
uint32_t softfp_urecpe(uint32_t a);
uint32_t softfp_ursqrte(uint32_t a);
/* round_to_int with inexact; what does not fit `width` bits, NaN too, is -2^(width - 1), invalid (FRINT32,
 * FRINT64). */
SoftfpRes softfp_round_to_width(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, unsigned width);
/* f64 to i32 modulo 2^32, toward zero (FJCVTZS). Bit 32 of the result: a was exactly that, and not -0. */
SoftfpRes softfp_to_js_int(SoftfpMode mode, uint64_t a);
/* c + a0 * b0 + a1 * b1, c an f32, the others bf16: BFDOT with its own rounding (to odd), no flags. */
uint32_t softfp_bfdot(uint32_t c, uint16_t a0, uint16_t a1, uint16_t b0, uint16_t b1);

#endif
