/*
 * Operations that only Arm has: estimates and their steps, FMULX, FRINT32/64, FJCVTZS, BFDOT. Names in
 * comments are those of the Arm ARM's pseudocode.
 */
#include "softfp/softfp_priv.h"

/* v as a number of the format: v is 1, 1.5, 2 or 3. */
static SfNum number(int32_t exp, uint64_t sig)
{
    return (SfNum){.cls = SF_FINITE, .exp = exp, .sig = sig};
}

static uint64_t one_and_half(const SfFmt *f) { return ((uint64_t)f->emax << (f->p - 1)) | f->quiet; }
static uint64_t two(const SfFmt *f) { return (uint64_t)(f->emax + 1) << (f->p - 1); }

static bool is_inf_zero(SfNum a, SfNum b)
{
    return (a.cls == SF_INF && b.cls == SF_ZERO) || (a.cls == SF_ZERO && b.cls == SF_INF);
}

SoftfpRes softfp_mulx(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits, uint64_t bbits)
{
    SfNum a = sf_unpack(fmt, mode, abits), b = sf_unpack(fmt, mode, bbits);
    const SfFmt *f = &sf_fmt[fmt];

    if (is_inf_zero(a, b))
        return (SoftfpRes){(a.sign != b.sign ? f->sign : 0) | two(f), sf_input_denorm(mode, a, b)};
    return softfp_mul(fmt, mode, abits, bbits);
}

/* (c - a * b) * 2^scale (FPRecipStepFused, FPRSqrtStepFused); inf * 0 counts as zero. */
static SoftfpRes step(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits, uint64_t bbits, SfNum c, int scale,
                      uint64_t inf_zero)
{
    abits ^= sf_fmt[fmt].sign;
    SfNum a = sf_unpack(fmt, mode, abits), b = sf_unpack(fmt, mode, bbits);

    if (sf_is_nan(a) || sf_is_nan(b))
        return sf_pick_nan(fmt, mode, (SfNum[]){a, b}, (uint64_t[]){abits, bbits}, 2);
    uint32_t flags = sf_input_denorm(mode, a, b);
    if (is_inf_zero(a, b))
        return (SoftfpRes){inf_zero, flags};
    if (a.cls == SF_INF || b.cls == SF_INF)
        return sf_inf(fmt, a.sign != b.sign, flags);
    if (a.cls == SF_ZERO || b.cls == SF_ZERO)
        return sf_round_pack(fmt, mode, false, c.exp + scale, c.sig, flags);
    return sf_fma_finite(fmt, mode, a, b, c, scale, flags);
}

SoftfpRes softfp_recps(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b)
{
    return step(fmt, mode, a, b, number(1, 1ull << 63), 0, two(&sf_fmt[fmt]));
}

SoftfpRes softfp_rsqrts(SoftfpFmt fmt, SoftfpMode mode, uint64_t a, uint64_t b)
{
    return step(fmt, mode, a, b, number(1, 3ull << 62), -1, one_and_half(&sf_fmt[fmt]));
}

/* RecipEstimate: a in 256 .. 511 stands for a / 512; so does the result, for r / 256. */
static uint32_t recip_estimate(uint32_t a)
{
    return ((1u << 19) / (2 * a + 1) + 1) / 2;
}

/* RecipSqrtEstimate: a in 128 .. 511 stands for a / 512. */
static uint32_t rsqrt_estimate(uint32_t a)
{
    uint32_t b = 512;

    a = a < 256 ? 2 * a + 1 : ((a >> 1 << 1) + 1) * 2;
    while ((uint64_t)a * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

/* What a reciprocal too large for the format gives. */
static SoftfpRes recip_overflow(const SfFmt *f, SoftfpMode mode, bool sign)
{
    bool to_inf = mode.round == SOFTFP_RNE || mode.round == (sign ? SOFTFP_RDN : SOFTFP_RUP);
    return (SoftfpRes){(sign ? f->sign : 0) | (to_inf ? f->inf : f->max), SOFTFP_OVERFLOW | SOFTFP_INEXACT};
}

SoftfpRes softfp_recpe(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits)
{
    const SfFmt *f = &sf_fmt[fmt];
    SfNum a = sf_unpack(fmt, mode, abits);

    if (sf_is_nan(a))
        return sf_pick_nan(fmt, mode, &a, &abits, 1);
    if (a.cls == SF_INF)
        return sf_zero(fmt, a.sign, 0);
    if (a.cls == SF_ZERO)
        return sf_inf(fmt, a.sign, SOFTFP_DIVZERO | sf_input_denorm(mode, a, a));
    if (a.exp < f->emin - 2)
        return recip_overflow(f, mode, a.sign);
    if (mode.ftz && a.exp >= f->emax - 1)
        return sf_zero(fmt, a.sign, SOFTFP_UNDERFLOW);

    uint64_t frac = (uint64_t)(recip_estimate((uint32_t)(a.sig >> 55)) & 0xff) << (f->p - 9);
    int32_t biased = 2 * f->emax - 1 - (a.exp + f->emax); /* -1 and 0: subnormal results */
    if (biased <= 0) {
        frac = (frac | 1ull << (f->p - 1)) >> (1 - biased);
        biased = 0;
    }
    return (SoftfpRes){(a.sign ? f->sign : 0) | (uint64_t)biased << (f->p - 1) | frac, 0};
}

SoftfpRes softfp_rsqrte(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits)
{
    const SfFmt *f = &sf_fmt[fmt];
    SfNum a = sf_unpack(fmt, mode, abits);

    if (sf_is_nan(a))
        return sf_pick_nan(fmt, mode, &a, &abits, 1);
    if (a.cls == SF_ZERO)
        return sf_inf(fmt, a.sign, SOFTFP_DIVZERO | sf_input_denorm(mode, a, a));
    if (a.sign)
        return sf_default_nan(fmt, mode, SOFTFP_INVALID);
    if (a.cls == SF_INF)
        return sf_zero(fmt, false, 0);

    int32_t exp = a.exp + f->emax; /* as if subnormals had exponents below zero */
    uint32_t frac = rsqrt_estimate((uint32_t)(a.sig >> (exp & 1 ? 56 : 55))) & 0xff;
    uint64_t biased = (uint64_t)(3 * f->emax - 1 - exp) / 2;
    return (SoftfpRes){biased << (f->p - 1) | (uint64_t)frac << (f->p - 9), 0};
}

SoftfpRes softfp_recpx(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits)
{
    const SfFmt *f = &sf_fmt[fmt];
    SfNum a = sf_unpack(fmt, mode, abits);

    if (sf_is_nan(a))
        return sf_pick_nan(fmt, mode, &a, &abits, 1);
    uint64_t exp = abits & f->inf, largest = f->inf - (1ull << (f->p - 1));
    return (SoftfpRes){(a.sign ? f->sign : 0) | (exp ? ~abits & f->inf : largest),
                       sf_input_denorm(mode, a, a)};
}

uint32_t softfp_urecpe(uint32_t a)
{
    return a >> 31 ? recip_estimate(a >> 23) << 23 : ~0u;
}

uint32_t softfp_ursqrte(uint32_t a)
{
    return a >> 30 ? rsqrt_estimate(a >> 23) << 23 : ~0u;
}

SoftfpRes softfp_round_to_width(SoftfpFmt fmt, SoftfpMode mode, uint64_t abits, unsigned width)
{
    const SfFmt *f = &sf_fmt[fmt];
    SfNum a = sf_unpack(fmt, mode, abits);
    SoftfpRes r = softfp_round_to_int(fmt, mode, abits, true);
    SfNum whole = sf_unpack(fmt, (SoftfpMode){0}, r.bits);
    int32_t top = (int32_t)width - 1;

    if (sf_is_nan(a) || a.cls == SF_INF ||
        (whole.cls == SF_FINITE && whole.exp >= top &&
         !(whole.sign && whole.exp == top && whole.sig == 1ull << 63)))
        return (SoftfpRes){f->sign | (uint64_t)(f->emax + top) << (f->p - 1), SOFTFP_INVALID};
    return r;
}

SoftfpRes softfp_to_js_int(SoftfpMode mode, uint64_t abits)
{
    SfNum a = sf_unpack(SOFTFP_F64, mode, abits);
    uint32_t flags = sf_input_denorm(mode, a, a);

    if (sf_is_nan(a) || a.cls == SF_INF)
        return (SoftfpRes){0, SOFTFP_INVALID};
    if (a.cls == SF_ZERO)
        return (SoftfpRes){(uint64_t)(!a.sign && !a.sub) << 32, flags};
    uint64_t magnitude = 0;
    if (a.exp >= 0 && a.exp < 64)
        magnitude = a.sig >> (63 - a.exp);
    else if (a.exp < 64 + 32 && a.exp >= 64)
        magnitude = a.sig << (a.exp - 63);
    uint32_t value = (uint32_t)(a.sign ? -magnitude : magnitude);
    if (a.exp > 31 || magnitude > 0x7fffffffull + a.sign)
        return (SoftfpRes){value, SOFTFP_INVALID};
    bool inexact = a.exp < 0 || a.sig << a.exp << 1;
    return (SoftfpRes){value | (uint64_t)!inexact << 32, inexact ? SOFTFP_INEXACT : 0};
}

/* ---- bf16 dot product: round to odd, flush in and out, one default NaN, no flags (BFAdd, BFMul, BFRound)
 * ---- */

static const SoftfpMode bf_mode = {
    .round = SOFTFP_ODD, .nan = SOFTFP_NAN_ARM_DN, .ftz = 1, .daz = 1, .tiny_before = 1};

/* Its own rule: overflow gives infinity. */
static uint32_t bf_result(SoftfpRes r)
{
    return (uint32_t)(r.flags & SOFTFP_OVERFLOW ? (r.bits & 1u << 31) | 0x7f800000 : r.bits);
}

static uint32_t bf_add(uint32_t a, uint32_t b) { return bf_result(softfp_add(SOFTFP_F32, bf_mode, a, b)); }
static uint32_t bf_mul(uint16_t a, uint16_t b)
{
    return bf_result(softfp_mul(SOFTFP_F32, bf_mode, (uint32_t)a << 16, (uint32_t)b << 16));
}

uint32_t softfp_bfdot(uint32_t c, uint16_t a0, uint16_t a1, uint16_t b0, uint16_t b1)
{
    return bf_add(c, bf_add(bf_mul(a0, b0), bf_mul(a1, b1)));
}
