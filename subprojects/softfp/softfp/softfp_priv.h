/*
 * SfNum: a number taken apart, and the three steps all kernels share: unpack, choose a NaN, round and pack.
 *
 * Invariants. For cls SF_FINITE, sig has bit 63 set and the value is (-1)^sign * sig / 2^63 * 2^exp, whatever
 * the format: subnormals are normalised, and `sub` remembers for the DENORM flag: subnormals, for Arm those
 * flushed. A narrower significand leaves at least 11 zero bits at the bottom, which serve as guard bits; the
 * lowest bit of a computed significand is sticky ("jammed"): set when anything below it was lost.
 *
 * Private to softfp. Pure; any thread.
 */
#ifndef SOFTFP_SOFTFP_PRIV_H
#define SOFTFP_SOFTFP_PRIV_H

#include "softfp/softfp.h"

typedef unsigned __int128 SfU128;

/* One row a format. p is the precision, hidden bit included; emin and emax are exponents of 1.xxx. */
typedef struct SfFmt {
    uint8_t width, p;
    int16_t emin, emax;
    uint64_t sign, inf, quiet, frac, max;
} SfFmt;

extern const SfFmt sf_fmt[4];

static inline bool sf_arm(SoftfpMode mode) { return mode.nan >= SOFTFP_NAN_ARM; }

typedef enum SfClass { SF_ZERO, SF_FINITE, SF_INF, SF_QNAN, SF_SNAN } SfClass;

typedef struct SfNum {
    uint8_t cls; /* SfClass */
    bool sign, sub; /* sub: DENORM if this operand counts */
    int32_t exp;
    uint64_t sig;
} SfNum;

static inline bool sf_is_nan(SfNum x)
{
    return x.cls >= SF_QNAN;
}

/* v >> n, any n; a bit lost makes the lowest bit one. */
static inline uint64_t sf_jam64(uint64_t v, uint32_t n)
{
    if (n == 0)
        return v;
    if (n > 63)
        return v != 0;
    return v >> n | (v << (64 - n) != 0);
}

static inline SfU128 sf_jam128(SfU128 v, uint32_t n)
{
    if (n == 0)
        return v;
    if (n > 127)
        return v != 0;
    return v >> n | (v << (128 - n) != 0);
}

SfNum sf_unpack(SoftfpFmt fmt, SoftfpMode mode, uint64_t bits);

/* Does a magnitude go up one unit, given whether it is odd, the part cut off (rem) and half a unit? */
static inline bool sf_round_up(unsigned round, bool sign, bool odd, uint64_t rem, uint64_t half)
{
    switch (round) {
    case SOFTFP_RNE: return rem > half || (rem == half && odd);
    case SOFTFP_RDN: return sign && rem;
    case SOFTFP_RUP: return !sign && rem;
    case SOFTFP_RMM: return rem >= half;
    default: return false;
    }
}

/* sig has bit 63 set and its lowest bit is sticky. `flags` are those raised before rounding. */
SoftfpRes sf_round_pack(SoftfpFmt fmt, SoftfpMode mode, bool sign, int32_t exp, uint64_t sig, uint32_t flags);

static inline SoftfpRes sf_zero(SoftfpFmt fmt, bool sign, uint32_t flags)
{
    return (SoftfpRes){sign ? sf_fmt[fmt].sign : 0, flags};
}

static inline SoftfpRes sf_inf(SoftfpFmt fmt, bool sign, uint32_t flags)
{
    return (SoftfpRes){(sign ? sf_fmt[fmt].sign : 0) | sf_fmt[fmt].inf, flags};
}

/* Arm's input denormal flag, which comes with invalid too. */
static inline uint32_t sf_input_denorm(SoftfpMode mode, SfNum a, SfNum b)
{
    return sf_arm(mode) && (a.sub || b.sub) ? SOFTFP_DENORM : 0;
}

/* The exact product of finite nonzero a and b plus finite c, which may be zero, times 2^scale. */
SoftfpRes sf_fma_finite(SoftfpFmt fmt, SoftfpMode mode, SfNum a, SfNum b, SfNum c, int scale, uint32_t flags);

/* The NaN an operation makes from numbers. */
SoftfpRes sf_default_nan(SoftfpFmt fmt, SoftfpMode mode, uint32_t flags);

/* The result of an operation on n operands, of which at least one is a NaN. */
SoftfpRes sf_pick_nan(SoftfpFmt fmt, SoftfpMode mode, const SfNum *x, const uint64_t *bits, unsigned n);

#endif
