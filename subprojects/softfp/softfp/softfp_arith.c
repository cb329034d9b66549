/*
 * Sum, product, quotient, root and fused multiply-add (IEEE 754-2019, 5.4.1).
 *
 * Order of decisions, as the manuals give priority: NaN operands; invalid operations; division by zero;
 * exact infinities and zeros; the rest. DENORM is raised only when none of the first three applied.
 */
#include "softfp/softfp_priv.h"

static uint32_t denorm_flag(SfNum a, SfNum b)
{
    return a.sub || b.sub ? SOFTFP_DENORM : 0;
}

/* The sign of an exact zero sum of unlike signs (6.3). */
static bool zero_sum_sign(SoftfpMode mode)
{
    return mode.round == SOFTFP_RDN;
}

/* +-a +- b of finite nonzero numbers. */
static SoftfpRes add_finite(SoftfpFmt fmt, SoftfpMode mode, SfNum a, SfNum b, uint32_t flags)
{
    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        SfNum t = a;
        a = b;
        b = t;
    }
    /* One bit of room for the carry; ten guard bits stay below the narrowest gap. */
    uint64_t big = a.sig >> 1;
    uint64_t small = sf_jam64(b.sig >> 1, a.exp - b.exp);
    uint64_t sig = a.sign == b.sign ? big + small : big - small;
    if (!sig)
        return sf_zero(fmt, zero_sum_sign(mode), flags);
    unsigned lz = __builtin_clzll(sig);
    return sf_round_pack(fmt, mode, a.sign, a.exp + 1 - (int32_t)lz, sig << lz, flags);
}

static SoftfpRes add_signed(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits, uint64_t bbits, bool negate_b)
{
    SfNum a = sf_unpack(fmt, mode, abits), b = sf_unpack(fmt, mode, bbits);

    if (sf_is_nan(a) || sf_is_nan(b))
        return sf_pick_nan(fmt, mode, (SfNum[]){a, b}, (uint64_t[]){abits, bbits}, 2);
    b.sign ^= negate_b;
    if (a.cls == SF_INF && b.cls == SF_INF && a.sign != b.sign)
        return sf_default_nan(fmt, mode, SOFTFP_INVALID);
    uint32_t flags = denorm_flag(a, b);
    if (a.cls == SF_INF || b.cls == SF_INF)
        return sf_inf(fmt, a.cls == SF_INF ? a.sign : b.sign, flags);
    if (a.cls == SF_ZERO && b.cls == SF_ZERO)
        return sf_zero(fmt, a.sign == b.sign ? a.sign : zero_sum_sign(mode), flags);
    /* A sum with zero is still rounded: ftz may flush it. */
    if (a.cls == SF_ZERO)
        return sf_round_pack(fmt, mode, b.sign, b.exp, b.sig, flags);
    if (b.cls == SF_ZERO)
        return sf_round_pack(fmt, mode, a.sign, a.exp, a.sig, flags);
    return add_finite(fmt, mode, a, b, flags);
}

SoftfpRes softfp_add(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b)
{
    return add_signed(fmt, mode, a, b, false);
}

SoftfpRes softfp_sub(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b)
{
    return add_signed(fmt, mode, a, b, true);
}

SoftfpRes softfp_mul(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits, uint64_t bbits)
{
    SfNum a = sf_unpack(fmt, mode, abits), b = sf_unpack(fmt, mode, bbits);

    if (sf_is_nan(a) || sf_is_nan(b))
        return sf_pick_nan(fmt, mode, (SfNum[]){a, b}, (uint64_t[]){abits, bbits}, 2);
    bool sign = a.sign != b.sign, zero = a.cls == SF_ZERO || b.cls == SF_ZERO;
    uint32_t flags = denorm_flag(a, b);
    if (a.cls == SF_INF || b.cls == SF_INF)
        return zero ? sf_default_nan(fmt, mode, SOFTFP_INVALID | sf_input_denorm(mode, a, b))
                    : sf_inf(fmt, sign, flags);
    if (zero)
        return sf_zero(fmt, sign, flags);

    SfU128 product = (SfU128)a.sig * b.sig;
    int32_t exp = a.exp + b.exp + 1;
    if (!(product >> 127)) {
        product <<= 1;
        exp--;
    }
    return sf_round_pack(fmt, mode, sign, exp, product >> 64 | ((uint64_t)product != 0), flags);
}

SoftfpRes softfp_div(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits, uint64_t bbits)
{
    SfNum a = sf_unpack(fmt, mode, abits), b = sf_unpack(fmt, mode, bbits);

    if (sf_is_nan(a) || sf_is_nan(b))
        return sf_pick_nan(fmt, mode, (SfNum[]){a, b}, (uint64_t[]){abits, bbits}, 2);
    if (a.cls == b.cls && a.cls != SF_FINITE)
        return sf_default_nan(fmt, mode, SOFTFP_INVALID | sf_input_denorm(mode, a, b)); /* 0/0, inf/inf */
    bool sign = a.sign != b.sign;
    uint32_t flags = denorm_flag(a, b);
    if (a.cls == SF_INF)
        return sf_inf(fmt, sign, flags);
    if (b.cls == SF_ZERO)
        return sf_inf(fmt, sign, SOFTFP_DIVZERO | sf_input_denorm(mode, a, b));
    if (a.cls == SF_ZERO || b.cls == SF_INF)
        return sf_zero(fmt, sign, flags);

    /* The dividend is placed so that the quotient has exactly 64 bits. */
    bool less = a.sig < b.sig;
    SfU128 dividend = (SfU128)a.sig << (less ? 64 : 63);
    uint64_t quotient = dividend / b.sig;
    quotient |= dividend != (SfU128)quotient * b.sig;
    return sf_round_pack(fmt, mode, sign, a.exp - b.exp - less, quotient, flags);
}

/* The first `digits` binary digits of the root of a radicand of which these are the top bits, all further
 * ones being zero; at the top of 64 bits, the lowest bit sticky. The first digit is one: radicand >= 2^62. */
static uint64_t root_jammed(uint64_t radicand, unsigned digits)
{
    uint64_t root = 0, rest = 0;

    /* Two bits of the radicand come down, one digit comes out; rest = radicand so far - root^2 <= 2 * root.
     */
    for (unsigned i = 0; i < digits; i++) {
        rest = rest << 2 | radicand >> 62;
        radicand <<= 2;
        uint64_t trial = root << 2 | 1;
        root <<= 1;
        if (rest >= trial) {
            rest -= trial;
            root |= 1;
        }
    }
    return root << (64 - digits) | ((rest | radicand) != 0);
}

SoftfpRes softfp_sqrt(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits)
{
    SfNum a = sf_unpack(fmt, mode, abits);

    if (sf_is_nan(a))
        return sf_pick_nan(fmt, mode, &a, &abits, 1);
    if (a.cls == SF_ZERO)
        return sf_zero(fmt, a.sign, sf_input_denorm(mode, a, a));
    if (a.sign)
        return sf_default_nan(fmt, mode, SOFTFP_INVALID);
    if (a.cls == SF_INF)
        return sf_inf(fmt, false, 0);

    /* Half the exponent, rounded down; an odd one leaves a factor of two. */
    bool odd = a.exp & 1;
    uint64_t root = root_jammed(odd ? a.sig : a.sig >> 1, sf_fmt[fmt].p + 2);
    return sf_round_pack(fmt, mode, false, (a.exp - odd) / 2, root, denorm_flag(a, a));
}

SoftfpRes sf_fma_finite(SoftfpFmt fmt, SoftfpMode mode, SfNum a, SfNum b, SfNum c, int scale, uint32_t flags)
{
    /* 128-bit significands with the leading bit at 126: the value is sig / 2^126 * 2^exp. The product's
     * lowest 22 bits are zero, so halving it loses nothing. */
    SfU128 big = (SfU128)a.sig * b.sig, small = (SfU128)c.sig << 63;
    int32_t exp = a.exp + b.exp, exp_small = c.exp;
    bool sign = a.sign != b.sign, sign_small = c.sign;

    if (big >> 127) {
        big >>= 1;
        exp++;
    }
    if (small && (exp < exp_small || (exp == exp_small && big < small))) {
        SfU128 t = big;
        big = small;
        small = t;
        int32_t e = exp;
        exp = exp_small;
        exp_small = e;
        sign = c.sign;
        sign_small = a.sign != b.sign;
    }
    small = sf_jam128(small, exp - exp_small);
    SfU128 sum = sign == sign_small ? big + small : big - small;
    if (!sum)
        return sf_zero(fmt, zero_sum_sign(mode), flags);
    uint64_t high = sum >> 64;
    unsigned lz = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)sum);
    sum <<= lz;
    return sf_round_pack(fmt, mode, sign, exp + 1 - (int32_t)lz + scale, sum >> 64 | ((uint64_t)sum != 0),
                         flags);
}

/* At least one operand is a NaN. */
static SoftfpRes fma_nan(SoftfpFmt fmt, SoftfpMode mode, unsigned neg, const SfNum x[3],
                         const uint64_t bits[3], bool inf_zero)
{
    uint64_t sign = sf_fmt[fmt].sign;

    if (sf_arm(mode)) {
        SoftfpRes r = sf_pick_nan(fmt, mode, (SfNum[]){x[2], x[0], x[1]},
                                  (uint64_t[]){bits[2] ^ (neg & SOFTFP_NEG_ADDEND ? sign : 0),
                                               bits[0] ^ (neg & SOFTFP_NEG_PRODUCT ? sign : 0), bits[1]}, 3);
        return inf_zero && x[2].cls == SF_QNAN ? sf_default_nan(fmt, mode, r.flags | SOFTFP_INVALID) : r;
    }
    SoftfpRes r = sf_pick_nan(fmt, mode, x, bits, 3);
    if (inf_zero && mode.nan == SOFTFP_NAN_CANON)
        r.flags |= SOFTFP_INVALID;
    return r;
}

SoftfpRes softfp_fma(SoftfpFmt fmt, SoftfpMode mode, unsigned neg, uint64_t abits, uint64_t bbits,
                     uint64_t cbits)
{
    SfNum a = sf_unpack(fmt, mode, abits), b = sf_unpack(fmt, mode, bbits), c = sf_unpack(fmt, mode, cbits);
    bool inf_zero = (a.cls == SF_INF && b.cls == SF_ZERO) || (a.cls == SF_ZERO && b.cls == SF_INF);

    if (sf_is_nan(a) || sf_is_nan(b) || sf_is_nan(c))
        return fma_nan(fmt, mode, neg, (SfNum[]){a, b, c}, (uint64_t[]){abits, bbits, cbits}, inf_zero);
    a.sign ^= (neg & SOFTFP_NEG_PRODUCT) != 0;
    c.sign ^= (neg & SOFTFP_NEG_ADDEND) != 0;
    bool sign = a.sign != b.sign, inf = a.cls == SF_INF || b.cls == SF_INF;
    uint32_t flags = denorm_flag(a, b) | denorm_flag(c, c);
    if (inf_zero || (inf && c.cls == SF_INF && sign != c.sign))
        return sf_default_nan(fmt, mode, SOFTFP_INVALID | (sf_arm(mode) ? flags : 0));
    if (inf || c.cls == SF_INF)
        return sf_inf(fmt, inf ? sign : c.sign, flags);
    if (a.cls == SF_ZERO || b.cls == SF_ZERO) {
        if (c.cls == SF_ZERO)
            return sf_zero(fmt, sign == c.sign ? sign : zero_sum_sign(mode), flags);
        return sf_round_pack(fmt, mode, c.sign, c.exp, c.sig, flags);
    }
    return sf_fma_finite(fmt, mode, a, b, c, 0, flags);
}
