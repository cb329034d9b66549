/*
 * Comparison (IEEE 754-2019, 5.11), minimum and maximum (9.6), classification (5.7.2).
 */
#include "softfp/softfp_priv.h"

/* -1, 0, 1 for a <, =, > b; neither is a NaN. */
static int order(SfNum a, SfNum b)
{
    if (a.cls == SF_ZERO && b.cls == SF_ZERO)
        return 0;
    if (a.cls == SF_ZERO)
        return b.sign ? 1 : -1;
    if (a.cls == SF_ZERO || b.cls == SF_ZERO || a.sign != b.sign)
        return a.sign ? -1 : 1;
    int magnitude;
    if (a.cls == SF_INF || b.cls == SF_INF)
        magnitude = (a.cls == SF_INF) - (b.cls == SF_INF);
    else if (a.exp != b.exp)
        magnitude = a.exp < b.exp ? -1 : 1;
    else
        magnitude = (a.sig > b.sig) - (a.sig < b.sig);
    return a.sign ? -magnitude : magnitude;
}

SoftfpRes softfp_cmp(SoftfpFmt fmt, SoftfpMode mode, SoftfpCond cond, uint64_t abits, uint64_t bbits)
{
    SfNum a = sf_unpack(fmt, mode, abits), b = sf_unpack(fmt, mode, bbits);

    if (sf_is_nan(a) || sf_is_nan(b)) {
        bool invalid = cond == SOFTFP_LT || cond == SOFTFP_LE || a.cls == SF_SNAN || b.cls == SF_SNAN;
        return (SoftfpRes){cond == SOFTFP_UNO, (invalid ? SOFTFP_INVALID : 0) | sf_input_denorm(mode, a, b)};
    }
    int o = order(a, b);
    uint32_t flags = a.sub || b.sub ? SOFTFP_DENORM : 0;
    switch (cond) {
    case SOFTFP_EQ: return (SoftfpRes){o == 0, flags};
    case SOFTFP_LT:
    case SOFTFP_LTQ: return (SoftfpRes){o < 0, flags};
    case SOFTFP_LE:
    case SOFTFP_LEQ: return (SoftfpRes){o <= 0, flags};
    default: return (SoftfpRes){0, flags};
    }
}

/* `want` is the order of a to b in which a is the result. */
static SoftfpRes min_max(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits, uint64_t bbits, int want)
{
    SfNum a = sf_unpack(fmt, mode, abits), b = sf_unpack(fmt, mode, bbits);
    const SfFmt *f = &sf_fmt[fmt];
    uint64_t all = f->sign | f->inf | f->frac;
    bool nan = sf_is_nan(a) || sf_is_nan(b), x86 = mode.nan == SOFTFP_NAN_X86;

    uint32_t flags;
    if (nan)
        flags =
            (x86 || a.cls == SF_SNAN || b.cls == SF_SNAN ? SOFTFP_INVALID : 0) | sf_input_denorm(mode, a, b);
    else
        flags = a.sub || b.sub ? SOFTFP_DENORM : 0;

    bool take_a;
    if (nan && sf_arm(mode) && (flags & SOFTFP_INVALID || (sf_is_nan(a) && sf_is_nan(b)))) {
        return sf_pick_nan(fmt, mode, (SfNum[]){a, b}, (uint64_t[]){abits, bbits}, 2);
    } else if (nan) {
        if (sf_is_nan(a) && sf_is_nan(b) && !x86)
            return sf_default_nan(fmt, mode, flags);
        take_a = !x86 && sf_is_nan(b);
    } else {
        int o = order(a, b);
        /* Zeros: the negative one is the smaller. */
        if (o == 0 && !x86)
            o = b.sign - a.sign;
        take_a = o == want;
    }
    SfNum *x = take_a ? &a : &b;
    /* With daz a subnormal operand became zero. */
    if (x->cls == SF_ZERO)
        return sf_zero(fmt, x->sign, flags);
    return (SoftfpRes){(take_a ? abits : bbits) & all, flags};
}

/* NaN operands are for the caller; the rest is that of the number forms. */
static SoftfpRes min_max_nan(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits, uint64_t bbits, int want)
{
    SfNum a = sf_unpack(fmt, mode, abits), b = sf_unpack(fmt, mode, bbits);
    if (sf_is_nan(a) || sf_is_nan(b))
        return sf_pick_nan(fmt, mode, (SfNum[]){a, b}, (uint64_t[]){abits, bbits}, 2);
    return min_max(fmt, mode, abits, bbits, want);
}

SoftfpRes softfp_minm(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b)
{
    return min_max_nan(fmt, mode, a, b, -1);
}

SoftfpRes softfp_maxm(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b)
{
    return min_max_nan(fmt, mode, a, b, 1);
}

SoftfpRes softfp_min(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b)
{
    return min_max(fmt, mode, a, b, -1);
}

SoftfpRes softfp_max(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b)
{
    return min_max(fmt, mode, a, b, 1);
}

uint32_t softfp_class(SoftfpFmt fmt, uint64_t bits)
{
    SfNum a = sf_unpack(fmt, (SoftfpMode){0}, bits);

    switch (a.cls) {
    case SF_SNAN: return 1 << 8;
    case SF_QNAN: return 1 << 9;
    case SF_INF: return a.sign ? 1 << 0 : 1 << 7;
    case SF_ZERO: return a.sign ? 1 << 3 : 1 << 4;
    default: break;
    }
    if (a.sub)
        return a.sign ? 1 << 2 : 1 << 5;
    return a.sign ? 1 << 1 : 1 << 6;
}
