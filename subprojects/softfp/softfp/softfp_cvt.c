/*
 * Conversions: between formats (IEEE 754-2019, 5.4.2), to and from integers (5.4.1, 5.8), to integers of the
 * same format (5.9).
 */
#include "softfp/softfp_priv.h"

/* A NaN keeps the top bits of its payload, quieted (SDM table 4-7, "conversions"). */
static SoftfpRes cvt_nan(SoftfpFmt to, SoftfpFmt from, SoftfpMode mode, SfNum a, uint64_t bits)
{
    const SfFmt *f = &sf_fmt[from], *t = &sf_fmt[to];
    uint32_t flags = a.cls == SF_SNAN ? SOFTFP_INVALID : 0;

    if (mode.ahp && to == SOFTFP_F16)
        return sf_zero(to, a.sign, SOFTFP_INVALID);
    if (mode.nan == SOFTFP_NAN_CANON || mode.nan == SOFTFP_NAN_ARM_DN)
        return sf_default_nan(to, mode, flags);
    uint64_t frac = (bits & f->frac) << (64 - f->p) >> (64 - t->p);
    return (SoftfpRes){(a.sign ? t->sign : 0) | t->inf | t->quiet | frac, flags};
}

SoftfpRes softfp_cvt(SoftfpFmt to, SoftfpFmt from, SoftfpMode mode, uint64_t bits)
{
    if (sf_arm(mode)) {
        mode.daz &= from != SOFTFP_F16;
        mode.ftz &= to != SOFTFP_F16;
    }
    SfNum a = sf_unpack(from, mode, bits);

    switch (a.cls) {
    case SF_ZERO: return sf_zero(to, a.sign, sf_input_denorm(mode, a, a));
    case SF_INF:
        if (mode.ahp && to == SOFTFP_F16)
            return (SoftfpRes){a.sign ? 0xffff : 0x7fff, SOFTFP_INVALID};
        return sf_inf(to, a.sign, 0);
    case SF_FINITE: return sf_round_pack(to, mode, a.sign, a.exp, a.sig, a.sub ? SOFTFP_DENORM : 0);
    default: return cvt_nan(to, from, mode, a, bits);
    }
}

/* |a| rounded to an integer, for a.exp < 64. Cannot wrap: no format has 64 bits of precision. */
static uint64_t round_magnitude(SoftfpMode mode, SfNum a, bool *ret_inexact)
{
    uint64_t whole = 0, rem = a.sig;

    /* rem: the cut-off part in units of 2^-64. Below one half only its being nonzero counts. */
    if (a.exp >= 0) {
        whole = a.sig >> (63 - a.exp);
        rem = a.exp == 63 ? 0 : a.sig << (a.exp + 1);
    } else {
        rem = sf_jam64(a.sig, -1 - a.exp);
    }
    bool up = sf_round_up(mode.round, a.sign, whole & 1, rem, 1ull << 63);
    *ret_inexact = rem != 0;
    return whole + up;
}

static SoftfpRes int_invalid(SoftfpMode mode, SfNum a, unsigned width, bool is_unsigned)
{
    uint64_t ones = ~0ull >> (64 - width), top = 1ull << (width - 1), bits;
    bool low = a.sign && !sf_is_nan(a);

    if (sf_arm(mode) && sf_is_nan(a))
        bits = 0;
    else if (mode.nan == SOFTFP_NAN_X86)
        bits = is_unsigned ? ones : top;
    else if (low)
        bits = is_unsigned ? 0 : top;
    else
        bits = is_unsigned ? ones : top - 1;
    return (SoftfpRes){bits, SOFTFP_INVALID};
}

SoftfpRes softfp_to_fixed(SoftfpFmt from, SoftfpMode mode, uint64_t bits, unsigned width, bool is_unsigned,
                          unsigned fbits)
{
    SfNum a = sf_unpack(from, mode, bits);
    bool inexact;

    if (a.cls == SF_ZERO)
        return (SoftfpRes){0, sf_input_denorm(mode, a, a)};
    a.exp += (int32_t)fbits;
    if (a.cls != SF_FINITE || a.exp > 63)
        return int_invalid(mode, a, width, is_unsigned);
    uint64_t magnitude = round_magnitude(mode, a, &inexact);
    uint64_t limit;
    if (is_unsigned)
        limit = a.sign ? 0 : ~0ull >> (64 - width);
    else
        limit = (1ull << (width - 1)) - !a.sign;
    if (magnitude > limit)
        return int_invalid(mode, a, width, is_unsigned);
    uint64_t value = a.sign ? -magnitude : magnitude;
    return (SoftfpRes){value & ~0ull >> (64 - width), inexact ? SOFTFP_INEXACT : 0};
}

SoftfpRes softfp_to_int(SoftfpFmt from, SoftfpMode mode, uint64_t bits, unsigned width, bool is_unsigned)
{
    return softfp_to_fixed(from, mode, bits, width, is_unsigned, 0);
}

SoftfpRes softfp_from_fixed(SoftfpFmt to, SoftfpMode mode, uint64_t v, unsigned width, bool is_unsigned,
                            unsigned fbits)
{
    v &= ~0ull >> (64 - width);
    bool sign = !is_unsigned && v >> (width - 1);
    if (sign)
        v = -(v | ~(~0ull >> (64 - width)));
    if (!v)
        return sf_zero(to, false, 0);
    unsigned lz = __builtin_clzll(v);
    return sf_round_pack(to, mode, sign, 63 - (int32_t)lz - (int32_t)fbits, v << lz, 0);
}

SoftfpRes softfp_from_int(SoftfpFmt to, SoftfpMode mode, uint64_t v, unsigned width, bool is_unsigned)
{
    return softfp_from_fixed(to, mode, v, width, is_unsigned, 0);
}

SoftfpRes softfp_round_to_int(SoftfpFmt fmt, SoftfpMode mode, uint64_t bits, bool exact)
{
    const SfFmt *f = &sf_fmt[fmt];
    SfNum a = sf_unpack(fmt, mode, bits);
    bool inexact;

    if (sf_is_nan(a))
        return sf_pick_nan(fmt, mode, &a, &bits, 1);
    if (a.cls == SF_ZERO)
        return sf_zero(fmt, a.sign, sf_input_denorm(mode, a, a));
    if (a.cls == SF_INF || a.exp >= f->p - 1)
        return (SoftfpRes){bits & (f->sign | f->inf | f->frac), 0};
    uint64_t magnitude = round_magnitude(mode, a, &inexact);
    uint32_t flags = inexact && exact ? SOFTFP_INEXACT : 0;
    if (!magnitude)
        return sf_zero(fmt, a.sign, flags);
    unsigned lz = __builtin_clzll(magnitude);
    return sf_round_pack(fmt, mode, a.sign, 63 - (int32_t)lz, magnitude << lz, flags);
}
