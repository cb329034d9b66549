/*
 * Taking numbers apart, rounding, putting them together, and NaN results: what all of softfp is built from.
 */
#include "softfp/softfp_priv.h"

#define SF_FMT(width_, p_)                                                                                   \
    {                                                                                                        \
        width_, p_, 2 - (1 << (width_ - p_ - 1)), (1 << (width_ - p_ - 1)) - 1, 1ull << (width_ - 1),        \
            ((1ull << (width_ - p_)) - 1) << (p_ - 1), 1ull << (p_ - 2), (1ull << (p_ - 1)) - 1,             \
            (((1ull << (width_ - p_)) - 1) << (p_ - 1)) - 1                                                  \
    }

const SfFmt sf_fmt[4] = {
    [SOFTFP_F16] = SF_FMT(16, 11),
    [SOFTFP_F32] = SF_FMT(32, 24),
    [SOFTFP_F64] = SF_FMT(64, 53),
    [SOFTFP_BF16] = SF_FMT(16, 8),
};

SfNum sf_unpack(SoftfpFmt fmt, SoftfpMode mode, uint64_t bits)
{
    const SfFmt *f = &sf_fmt[fmt];
    SfNum x = {.sign = (bits & f->sign) != 0};
    uint64_t frac = bits & f->frac;
    uint32_t biased = (bits & f->inf) >> (f->p - 1);

    if (biased == (uint32_t)(f->emax - f->emin + 2) && !(mode.ahp && fmt == SOFTFP_F16)) {
        x.cls = !frac ? SF_INF : frac & f->quiet ? SF_QNAN : SF_SNAN;
    } else if (biased) {
        x.cls = SF_FINITE;
        x.exp = (int32_t)biased - f->emax;
        x.sig = 1ull << 63 | frac << (64 - f->p);
    } else if (frac && mode.daz) {
        x.sub = sf_arm(mode) && fmt != SOFTFP_F16;
    } else if (frac) {
        unsigned lz = __builtin_clzll(frac);
        x.cls = SF_FINITE;
        x.sub = !sf_arm(mode);
        x.exp = f->emin - (int32_t)(lz - (64 - f->p));
        x.sig = frac << lz;
    }
    return x;
}

/* Tininess after rounding (7.5): would the result, rounded to p bits as if exponents had no end, stay below
 * 2^emin? Only the largest significand of the binade below can round up to it. */
static bool rounds_to_normal(const SfFmt *f, SoftfpMode mode, bool sign, int32_t exp, uint64_t sig)
{
    unsigned drop = 64 - f->p;
    uint64_t rem = sig & ((1ull << drop) - 1);
    return exp == f->emin - 1 && sig >> drop == (2ull << (f->p - 1)) - 1 &&
           sf_round_up(mode.round, sign, true, rem, 1ull << (drop - 1));
}

static SoftfpRes overflow(const SfFmt *f, SoftfpMode mode, bool sign, bool exact, uint32_t flags)
{
    bool to_inf = mode.round == SOFTFP_RNE || mode.round == SOFTFP_RMM ||
                  mode.round == (sign ? SOFTFP_RDN : SOFTFP_RUP);
    return (SoftfpRes){(sign ? f->sign : 0) | (to_inf ? f->inf : f->max),
                       flags | SOFTFP_OVERFLOW |
                           (exact && mode.unmasked & SOFTFP_OVERFLOW ? 0 : SOFTFP_INEXACT)};
}

/* Alternative f16: all exponents are numbers, what is larger still is the largest, invalid. */
static SoftfpRes pack_alternative(bool sign, int32_t exp, uint64_t bits, uint32_t flags)
{
    uint64_t s = sign ? 0x8000 : 0;
    return exp > 16 || bits > 0x7fff ? (SoftfpRes){s | 0x7fff, SOFTFP_INVALID} : (SoftfpRes){s | bits, flags};
}

SoftfpRes sf_round_pack(SoftfpFmt fmt, SoftfpMode mode, bool sign, int32_t exp, uint64_t sig, uint32_t flags)
{
    const SfFmt *f = &sf_fmt[fmt];
    unsigned drop = 64 - f->p;
    bool tiny = exp < f->emin;
    uint64_t biased = 0;
    bool exact = !(sig & ((1ull << drop) - 1));

    if (tiny) {
        uint32_t shift = f->emin - exp;
        tiny = mode.tiny_before || !rounds_to_normal(f, mode, sign, exp, sig);
        if (tiny && mode.ftz)
            return sf_zero(fmt, sign, flags | SOFTFP_UNDERFLOW | (sf_arm(mode) ? 0 : SOFTFP_INEXACT));
        if (tiny && mode.unmasked & SOFTFP_UNDERFLOW)
            return sf_zero(fmt, sign, flags | SOFTFP_UNDERFLOW | (exact ? 0 : SOFTFP_INEXACT));
        sig = sf_jam64(sig, shift);
    } else {
        /* The hidden bit, added below, makes this one more. */
        biased = exp - f->emin;
    }

    uint64_t rem = sig & ((1ull << drop) - 1);
    uint64_t mant = sig >> drop;
    if (rem) {
        flags |= SOFTFP_INEXACT | (tiny ? SOFTFP_UNDERFLOW : 0);
        mant += sf_round_up(mode.round, sign, mant & 1, rem, 1ull << (drop - 1));
        mant |= mode.round == SOFTFP_ODD;
    }
    if (mode.ahp && fmt == SOFTFP_F16)
        return pack_alternative(sign, exp, (biased << (f->p - 1)) + mant, flags);
    /* A carry out of the significand moves into the exponent, where it belongs. */
    if (exp > f->emax)
        return overflow(f, mode, sign, exact, flags);
    uint64_t bits = (biased << (f->p - 1)) + mant;
    if (bits >= f->inf)
        return overflow(f, mode, sign, exact, flags);
    return (SoftfpRes){(sign ? f->sign : 0) | bits, flags};
}

SoftfpRes sf_default_nan(SoftfpFmt fmt, SoftfpMode mode, uint32_t flags)
{
    const SfFmt *f = &sf_fmt[fmt];
    return (SoftfpRes){f->inf | f->quiet | (mode.nan == SOFTFP_NAN_X86 ? f->sign : 0), flags};
}

SoftfpRes sf_pick_nan(SoftfpFmt fmt, SoftfpMode mode, const SfNum *x, const uint64_t *bits, unsigned n)
{
    const SfFmt *f = &sf_fmt[fmt];
    uint32_t flags = 0, denorm = 0;
    unsigned first = n;

    for (unsigned i = 0; i < n; i++) {
        if (x[i].cls == SF_SNAN) {
            if (!flags && sf_arm(mode))
                first = i;
            flags = SOFTFP_INVALID;
        }
        if (first == n && sf_is_nan(x[i]))
            first = i;
        denorm |= sf_input_denorm(mode, x[i], x[i]);
    }
    flags |= denorm;
    if (mode.nan == SOFTFP_NAN_CANON || mode.nan == SOFTFP_NAN_ARM_DN)
        return sf_default_nan(fmt, mode, flags);
    uint64_t all = f->sign | f->inf | f->frac;
    return (SoftfpRes){(bits[first] & all) | f->quiet, flags};
}
