/* AVX-512 by C: floating point that no older instruction does. Sources: Intel SDM volume 2, the tables of
 * special values of each instruction; for bfloat16 its chapter of the ISA extensions reference. */
#include "target/x86/x86_evex_priv.h"
#include "tcg/interp/eval_xv.h"

/* A format: its widths and constants. */
typedef struct Format {
    SoftfpFmt fmt;
    unsigned frac, bits;
    int bias;
    uint64_t sign, inf, quiet, one, nan; /* nan: the default one */
} Format;

static const Format f32 = {SOFTFP_F32, 23,         32,         127,       1ull << 31,
                           0x7f800000, 1ull << 22, 0x3f800000, 0xffc00000};
static const Format f64 = {
    SOFTFP_F64,        52, 64, 1023, 1ull << 63, 0x7ff0000000000000, 1ull << 51, 0x3ff0000000000000,
    0xfff8000000000000};

static const Format *format(const X86Ev *e)
{
    return e->row->source == 3 ? &f64 : &f32;
}

static uint64_t magnitude(const Format *f, uint64_t v)
{
    return v & ~f->sign;
}
static bool is_nan(const Format *f, uint64_t v)
{
    return magnitude(f, v) > f->inf;
}
static bool is_snan(const Format *f, uint64_t v)
{
    return is_nan(f, v) && !(v & f->quiet);
}
static bool is_inf(const Format *f, uint64_t v)
{
    return magnitude(f, v) == f->inf;
}
static bool is_denormal(const Format *f, uint64_t v)
{
    uint64_t m = magnitude(f, v);
    return m && m < BIT(f->frac);
}
static bool is_zero(const Format *f, uint64_t v)
{
    return magnitude(f, v) == 0;
}
/* With DAZ denormals are zeros. */
static uint64_t operand(const X86Ev *e, const Format *f, uint64_t v)
{
    return e->mode.daz && is_denormal(f, v) ? v & f->sign : v;
}
/* As operand(), and a denormal is told of. */
static uint64_t taken(X86Ev *e, const Format *f, uint64_t v)
{
    v = operand(e, f, v);
    if (is_denormal(f, v))
        e->flags |= SOFTFP_DENORM;
    return v;
}
static uint64_t quieted(X86Ev *e, const Format *f, uint64_t v)
{
    if (is_snan(f, v))
        e->flags |= SOFTFP_INVALID;
    return v | f->quiet;
}
static uint64_t invalid(X86Ev *e, const Format *f)
{
    e->flags |= SOFTFP_INVALID;
    return f->nan;
}

/* v, finite and not 0, as m * 2^exp with 1 <= m < 2: m's fraction in *ret_frac. */
static int split(const Format *f, uint64_t v, uint64_t *ret_frac)
{
    uint64_t m = magnitude(f, v), frac = m & (BIT(f->frac) - 1);
    int e = (int)(m >> f->frac) - f->bias;
    if (m < BIT(f->frac)) {
        unsigned up = (unsigned)__builtin_clzll(m) - (63 - f->frac);
        frac = m << up & (BIT(f->frac) - 1);
        e = 1 - f->bias - (int)up;
    }
    *ret_frac = frac;
    return e;
}

static uint64_t power_of_two(const Format *f, int e)
{
    if (e >= 1 - f->bias)
        return (uint64_t)(e + f->bias) << f->frac;
    return BIT((unsigned)(e + f->bias + (int)f->frac - 1));
}

/* v * 2^n, rounded once; tells nothing of denormal operands. */
static uint64_t scaled(const Format *f, SoftfpMode mode, uint64_t v, int n, uint32_t *flags)
{
    uint64_t frac;
    int least = 2 - f->bias - (int)f->frac - 1, most = f->bias, by;
    if (is_zero(f, v))
        return v;
    n = n + split(f, v, &frac);
    n = MIN(MAX(n, 2 * least), 2 * most);
    by = MIN(MAX(n, least), most);
    n -= by; /* of the first factor, which is normal; the second is a power of two */
    n = MIN(MAX(n, 2 - f->bias), f->bias);
    uint64_t first = (v & f->sign) | power_of_two(f, n) | frac;
    mode.daz = 0;
    SoftfpRes r = softfp_mul(f->fmt, mode, first, power_of_two(f, by));
    *flags |= r.flags & ~(uint32_t)SOFTFP_DENORM;
    return r.bits;
}

/* ---- exponents and fractions ---- */

static uint64_t getexp(X86Ev *e, const Format *f, uint64_t v)
{
    uint64_t frac;
    v = taken(e, f, v);
    if (is_nan(f, v))
        return quieted(e, f, v);
    if (is_inf(f, v))
        return f->inf;
    if (is_zero(f, v))
        return f->inf | f->sign;
    int exp = split(f, v, &frac);
    return softfp_from_int(f->fmt, e->mode, (uint64_t)(int64_t)exp, 64, false).bits;
}

/* imm: 1, 0 the interval; 2 the sign becomes 0; 3 negative is invalid */
static uint64_t getmant(X86Ev *e, const Format *f, uint64_t v)
{
    unsigned interval = e->w.imm & 3;
    bool plus = e->w.imm & 4;
    uint64_t frac, sign;
    v = operand(e, f, v);
    if (is_nan(f, v))
        return quieted(e, f, v);
    sign = plus ? 0 : v & f->sign;
    if (is_zero(f, v))
        return sign | f->one;
    if (v & f->sign && e->w.imm & 8)
        return invalid(e, f);
    if (is_inf(f, v))
        return sign | f->one;
    taken(e, f, v);
    int exp = split(f, v, &frac);
    bool half = interval == 2 || (interval == 1 && exp & 1) || (interval == 3 && frac >> (f->frac - 1));
    return sign | (uint64_t)(f->bias - half) << f->frac | frac;
}

/* The greatest integer that is not above v; what is out of range becomes the limits. */
static int whole_floor(const Format *f, uint64_t v)
{
    SoftfpMode down = {.round = SOFTFP_RDN, .nan = SOFTFP_NAN_CANON};
    int32_t n = (int32_t)softfp_to_int(f->fmt, down, v, 32, false).bits;
    return MIN(MAX(n, -100000), 100000);
}

static uint64_t scalef(X86Ev *e, const Format *f, uint64_t a, uint64_t b)
{
    a = operand(e, f, a);
    b = operand(e, f, b);
    if (is_snan(f, a) || is_snan(f, b))
        e->flags |= SOFTFP_INVALID;
    if (is_nan(f, a)) {
        if (is_inf(f, b) && !is_snan(f, a))
            return b & f->sign ? 0 : f->inf;
        return a | f->quiet;
    }
    if (is_nan(f, b))
        return b | f->quiet;
    if (is_inf(f, b)) {
        bool down = b & f->sign;
        if ((is_inf(f, a) && down) || (is_zero(f, a) && !down))
            return invalid(e, f);
        taken(e, f, a);
        return down ? (a & f->sign) : (a & f->sign) | f->inf;
    }
    taken(e, f, a); /* of b nothing is told */
    if (is_inf(f, a) || is_zero(f, a))
        return a;
    return scaled(f, e->mode, a, whole_floor(f, b), &e->flags);
}

/* ---- rounding to a number of fraction bits ---- */

/* imm: 7..4 fraction bits; 2 as MXCSR says, else 1, 0; 3 inexact is not told of. */
static uint64_t rounded(const X86Ev *e, const Format *f, uint64_t v, uint32_t *flags)
{
    static const uint8_t round_of_imm[4] = {SOFTFP_RNE, SOFTFP_RDN, SOFTFP_RUP, SOFTFP_RTZ};
    int m = e->w.imm >> 4;
    SoftfpMode mode = {.nan = SOFTFP_NAN_X86,
                       .round = e->w.imm & 4 ? e->mode.round : round_of_imm[e->w.imm & 3]};
    uint32_t none = 0;
    uint64_t up = scaled(f, (SoftfpMode){.nan = SOFTFP_NAN_X86}, v, m, &none);
    if (is_inf(f, up))
        return v;
    SoftfpRes r = softfp_round_to_int(f->fmt, mode, up, true);
    *flags |= r.flags;
    return scaled(f, (SoftfpMode){.nan = SOFTFP_NAN_X86}, r.bits, -m, &none);
}

static uint64_t rndscale(X86Ev *e, const Format *f, uint64_t v)
{
    uint32_t flags = 0;
    v = operand(e, f, v);
    if (is_nan(f, v))
        return quieted(e, f, v);
    if (is_inf(f, v))
        return v;
    v = rounded(e, f, v, &flags);
    if (!(e->w.imm & 8))
        e->flags |= flags;
    return v;
}

static uint64_t reduce(X86Ev *e, const Format *f, uint64_t v)
{
    uint32_t flags = 0;
    SoftfpMode mode = e->mode;
    v = operand(e, f, v);
    if (is_nan(f, v))
        return quieted(e, f, v);
    if (is_inf(f, v))
        return 0;
    uint64_t whole = rounded(e, f, v, &flags);
    if (!(e->w.imm & 4))
        mode.round = (const uint8_t[]){SOFTFP_RNE, SOFTFP_RDN, SOFTFP_RUP, SOFTFP_RTZ}[e->w.imm & 3];
    mode.daz = mode.unmasked = 0;
    SoftfpRes r = softfp_sub(f->fmt, mode, v, whole);
    if (!(e->w.imm & 8))
        e->flags |= r.flags & SOFTFP_INEXACT;
    return r.bits;
}

/* ---- choices ---- */

static bool below(const Format *f, uint64_t a, uint64_t b)
{
    bool na = a & f->sign, nb = b & f->sign;
    return na != nb ? na : na ? a > b : a < b;
}

/* imm: 1, 0 smaller, greater, those by magnitude; 3, 2 sign: of the first, of the choice, clear, set */
static uint64_t range(X86Ev *e, const Format *f, uint64_t a, uint64_t b)
{
    unsigned how = e->w.imm & 3, sign = e->w.imm >> 2 & 3;
    uint64_t v;
    a = operand(e, f, a);
    b = operand(e, f, b);
    if (is_snan(f, a) || is_snan(f, b)) {
        e->flags |= SOFTFP_INVALID;
        return (is_snan(f, a) ? a : b) | f->quiet;
    }
    if (is_nan(f, a) || is_nan(f, b)) {
        v = !is_nan(f, a) || is_nan(f, b) ? a : b;
    } else {
        taken(e, f, a);
        taken(e, f, b);
        uint64_t ma = magnitude(f, a), mb = magnitude(f, b);
        bool less = how < 2 || ma == mb ? below(f, a, b) : ma < mb;
        v = (how & 1) == less ? b : a;
    }
    switch (sign) {
    case 0: return magnitude(f, v) | (a & f->sign);
    case 1: return v;
    case 2: return magnitude(f, v);
    default: return v | f->sign;
    }
}

/* The table's row of what v is. */
static unsigned kind_of(const Format *f, uint64_t v)
{
    enum { QNAN, SNAN, ZERO, ONE, MINUS_INF, INF, NEGATIVE, POSITIVE };
    if (is_nan(f, v))
        return is_snan(f, v) ? SNAN : QNAN;
    if (is_zero(f, v))
        return ZERO;
    if (v == f->one)
        return ONE;
    if (is_inf(f, v))
        return v & f->sign ? MINUS_INF : INF;
    return v & f->sign ? NEGATIVE : POSITIVE;
}

static uint64_t fixupimm(X86Ev *e, const Format *f, uint64_t a, uint64_t table, uint64_t d)
{
    enum { ZE = SOFTFP_DIVZERO, IE = SOFTFP_INVALID };
    static const uint8_t told[8][2] = {{0}, {0x10}, {0x02, 0x01}, {0x08, 0x04}, {0x20}, {0x80}, {0x40}, {0}};
    const uint64_t ninety = f == &f64 ? 0x4056800000000000 : 0x42b40000,
                   half_pi = f == &f64 ? 0x3ff921fb54442d18 : 0x3fc90fdb;
    uint64_t v = operand(e, f, a), most = f->inf - 1;
    unsigned kind = kind_of(f, v);
    if (e->w.imm & told[kind][0])
        e->flags |= IE;
    if (e->w.imm & told[kind][1])
        e->flags |= ZE;
    switch (table >> 4 * kind & 15) {
    case 0: return d;
    case 1: return v;
    case 2: return v | f->quiet | f->inf;
    case 3: return f->nan;
    case 4: return f->inf | f->sign;
    case 5: return f->inf;
    case 6: return f->inf | (v & f->sign);
    case 7: return f->sign;
    case 8: return 0;
    case 9: return f->one | f->sign;
    case 10: return f->one;
    case 11: return f->one - BIT(f->frac);
    case 12: return ninety;
    case 13: return half_pi;
    case 14: return most;
    default: return most | f->sign;
    }
}

static bool fpclass(const X86Ev *e, const Format *f, uint64_t v)
{
    unsigned imm = e->w.imm;
    bool minus = v & f->sign;
    v = operand(e, f, v);
    if (is_nan(f, v))
        return imm & (is_snan(f, v) ? 0x80 : 0x01);
    return (is_zero(f, v) && imm & (minus ? 0x04 : 0x02)) || (is_inf(f, v) && imm & (minus ? 0x10 : 0x08)) ||
           (is_denormal(f, v) && imm & 0x20) || (minus && !is_inf(f, v) && !is_zero(f, v) && imm & 0x40);
}

/* ---- estimates ---- */

/* 1 / v or 1 / sqrt(v) with a relative error below 2^-14: the exact one, rounded to 15 bits of fraction. */
static uint64_t estimate(const X86Ev *e, const Format *f, uint64_t v, bool root)
{
    SoftfpMode mode = {.nan = SOFTFP_NAN_X86};
    v = operand(e, f, v);
    if (is_nan(f, v))
        return v | f->quiet;
    if (is_zero(f, v))
        return f->inf | (v & f->sign);
    if (root && v & f->sign)
        return f->nan;
    if (is_inf(f, v))
        return v & f->sign;
    if (root)
        v = softfp_sqrt(f->fmt, mode, v).bits;
    uint64_t r = softfp_div(f->fmt, mode, f->one, v).bits, unit = BIT(f->frac - 15);
    if (is_inf(f, r) || is_denormal(f, r))
        return is_denormal(f, r) && e->mode.ftz ? r & f->sign : r;
    return (r + unit / 2) & ~(unit - 1);
}

/* ---- bfloat16 ---- */

static uint64_t to_bf16(uint64_t v)
{
    if (is_nan(&f32, v))
        return v >> 16 | 0x40;
    if (is_denormal(&f32, v))
        return v >> 16 & 0x8000;
    return (v + 0x7fff + (v >> 16 & 1)) >> 16;
}

static uint64_t dpbf16(const X86Ev *e, unsigned i)
{
    SoftfpMode mode = {.nan = SOFTFP_NAN_X86, .ftz = 1, .daz = 1};
    uint64_t sum = ev_get(e->d, 2, i);
    for (unsigned j = 2; j-- > 0;)
        sum = softfp_fma(SOFTFP_F32, mode, 0, ev_get(e->a, 1, 2 * i + j) << 16,
                         ev_get(e->b, 1, 2 * i + j) << 16, sum)
                  .bits;
    return sum;
}

/* ---- conversions ---- */

static uint64_t done(X86Ev *e, SoftfpRes r)
{
    e->flags |= r.flags;
    return r.bits;
}

static uint64_t convert(X86Ev *e, uint64_t v)
{
    unsigned how = e->w.op;
    SoftfpMode mode = e->mode;
    if (how & EV_TO_INT) {
        if (how & EV_TRUNC)
            mode.round = SOFTFP_RTZ;
        return done(e, softfp_to_int(format(e)->fmt, mode, v, 8u << e->lane, how & EV_UNSIGNED));
    }
    return done(e, softfp_from_int(e->lane == 3 ? SOFTFP_F64 : SOFTFP_F32, mode, v, 8u << e->row->source,
                                   how & EV_UNSIGNED));
}

static uint64_t to_general(X86Ev *e)
{
    SoftfpMode mode = e->mode;
    if (e->row->opc == 0x78)
        mode.round = SOFTFP_RTZ;
    return done(e, softfp_to_int(format(e)->fmt, mode, e->b[0], e->w.w ? 64 : 32, true));
}

static uint64_t element(X86Ev *e, unsigned i)
{
    const Format *f = format(e);
    unsigned lane = e->row->source;
    uint64_t a = ev_get(e->a, e->lane, i), b = ev_get(e->b, lane, i), d = ev_get(e->d, e->lane, i);
    if (e->w.op >= EV_CVT)
        return convert(e, b);
    switch ((X86EvOp)e->w.op) {
    case EV_CVTPH: return done(e, ir_xv_to_half(e->mode, e->w.imm, ev_get(e->d, 2, i)));
    case EV_SCALEF: return scalef(e, f, a, b);
    case EV_GETEXP: return getexp(e, f, b);
    case EV_GETMANT: return getmant(e, f, b);
    case EV_RNDSCALE: return rndscale(e, f, b);
    case EV_REDUCE: return reduce(e, f, b);
    case EV_RANGE: return range(e, f, a, b);
    case EV_FIXUPIMM: return fixupimm(e, f, a, b, d);
    case EV_RCP14: return estimate(e, f, b, false);
    case EV_RSQRT14: return estimate(e, f, b, true);
    case EV_DPBF16: return dpbf16(e, i);
    case EV_CVTBF: return to_bf16(b);
    case EV_CVT2BF: return to_bf16(i < e->n / 2 ? ev_get(e->b, 2, i) : ev_get(e->a, 2, i - e->n / 2));
    case EV_FROMUSI:
        return done(e, softfp_from_int(e->lane == 3 ? SOFTFP_F64 : SOFTFP_F32, e->mode, e->b[0],
                                       e->w.w ? 64 : 32, true));
    default: return 0;
    }
}

void x86_ev_fp(X86Ev *e)
{
    if (e->w.op == EV_TOUSI) {
        e->bits = to_general(e);
    } else {
        for (unsigned i = 0; i < e->n; i++) {
            if (!ev_on(e, i))
                continue;
            if (e->w.op == EV_FPCLASS)
                e->bits |= (uint64_t)fpclass(e, format(e), ev_get(e->b, e->lane, i)) << i;
            else
                ev_set(e->r, e->lane, i, element(e, i));
        }
    }
    if (e->w.evb && !e->w.mem) /* rounding in the prefix, or "no exceptions" */
        e->flags = 0;
}
