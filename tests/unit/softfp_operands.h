/*
 * Operands that the softfp tests share: corner values of each format and random ones that lean towards the
 * corners, from a seed that is printed. Length of the random part: SOFTFP_ROUNDS (environment), else short.
 */
#ifndef TESTS_UNIT_SOFTFP_OPERANDS_H
#define TESTS_UNIT_SOFTFP_OPERANDS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "softfp/softfp.h"

typedef struct FmtFacts {
    const char *name;
    unsigned width, frac; /* bits; frac without the hidden one */
    int emax;
} FmtFacts;

static const FmtFacts fmt_facts[3] = {{"f16", 16, 10, 15}, {"f32", 32, 23, 127}, {"f64", 64, 52, 1023}};

enum { MAX_CORNERS = 160 };

static inline uint64_t fmt_sign(SoftfpFmt f)
{
    return 1ull << (fmt_facts[f].width - 1);
}
static inline uint64_t fmt_one_ulp(SoftfpFmt f)
{
    return 1ull << fmt_facts[f].frac;
}
static inline uint64_t fmt_inf(SoftfpFmt f)
{
    return fmt_sign(f) - fmt_one_ulp(f);
}
static inline uint64_t fmt_mask(SoftfpFmt f)
{
    return ~0ull >> (64 - fmt_facts[f].width);
}
static inline bool fmt_is_nan(SoftfpFmt f, uint64_t v)
{
    return (v & (fmt_sign(f) - 1)) > fmt_inf(f);
}
static inline bool fmt_is_snan(SoftfpFmt f, uint64_t v)
{
    return fmt_is_nan(f, v) && !(v & fmt_one_ulp(f) >> 1);
}

/* Zeros, subnormals, both sides of min normal, of max and of powers of two, halves, the edges of the integer
 * ranges, infinities, NaNs; each with both signs. Returns how many. */
static inline unsigned fmt_corners(SoftfpFmt f, uint64_t *out)
{
    const FmtFacts *k = &fmt_facts[f];
    uint64_t one_exp = fmt_one_ulp(f), inf = fmt_inf(f), quiet = one_exp >> 1;
    const uint64_t base[] = {
        0,
        1,
        2,
        3,
        one_exp / 2,
        one_exp - 2,
        one_exp - 1,
        one_exp,
        one_exp + 1,
        2 * one_exp - 1,
        2 * one_exp,
        2 * one_exp + 1,
        inf - 2,
        inf - 1,
        inf,
        inf | quiet,
        inf | quiet | 5,
        inf | 1,
        inf | (quiet - 1),
        inf | (one_exp - 1),
        one_exp | 0x55,
        inf - one_exp,
        inf - one_exp - 1,
        inf - one_exp + 1,
    };
    /* Exponents around which something happens, and fractions for each. */
    const int exps[] = {-2, -1, 0, 1, 2, 7, 8, 15, 16, 31, 32, 62, 63, 64};
    const uint64_t fracs[] = {0, 1, one_exp - 1, quiet, quiet | 1};
    unsigned n = 0;

    for (unsigned i = 0; i < sizeof(base) / sizeof(base[0]); i++)
        out[n++] = base[i];
    for (unsigned i = 0; i < sizeof(exps) / sizeof(exps[0]) && exps[i] <= k->emax; i++)
        for (unsigned j = 0; j < (exps[i] >= 7 ? 3u : 5u) && n < MAX_CORNERS / 2; j++)
            out[n++] = (uint64_t)(exps[i] + k->emax) << k->frac | fracs[j];
    for (unsigned i = n; i-- > 0;)
        out[n + i] = out[i] | fmt_sign(f);
    return 2 * n;
}

static inline uint64_t rnd_next(uint64_t *s)
{
    /* xorshift64* (Marsaglia, Vigna). */
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * 0x2545f4914f6cdd1dull;
}

/* Random bits, or few set bits, or an exponent near that of `near`, or a subnormal, or runs of ones. */
static inline uint64_t rnd_operand(uint64_t *s, SoftfpFmt f, uint64_t near)
{
    const FmtFacts *k = &fmt_facts[f];
    uint64_t r = rnd_next(s), v = rnd_next(s), frac = v & (fmt_one_ulp(f) - 1);
    uint64_t runs = ~(~0ull << (r >> 8 & 63)) ^ ~(~0ull << (r >> 16 & 63));

    switch (r & 7) {
    case 0: return v & fmt_mask(f);
    case 1: return (v & ~(fmt_one_ulp(f) - 1) & fmt_mask(f)) | (runs & (fmt_one_ulp(f) - 1));
    case 2: return (v & fmt_sign(f)) | frac;
    case 3: return (v & fmt_sign(f)) | (fmt_inf(f) - 1 - (frac >> (r >> 8 & 15)));
    case 4: return (v & fmt_sign(f)) | (uint64_t)(k->emax - 3 + (int)(r >> 8) % 7) << k->frac | (frac & runs);
    default: {
        int64_t e = (int64_t)(near >> k->frac & (2 * k->emax + 1)) + (int64_t)(r >> 8 & 63) - 32;
        e = e < 0 ? 0 : e > 2 * k->emax ? 2 * k->emax : e;
        return (v & fmt_sign(f)) | (uint64_t)e << k->frac | (r & 1 << 20 ? frac : frac & runs);
    }
    }
}

static inline unsigned long rnd_rounds(unsigned long usual)
{
    const char *s = getenv("SOFTFP_ROUNDS");
    return s ? strtoul(s, NULL, 0) : usual;
}

static inline uint64_t rnd_seed(void)
{
    const char *s = getenv("SOFTFP_SEED");
    uint64_t seed = s ? strtoull(s, NULL, 0) : 0x7a3d5c1b9e8f4621ull;
    print_message("SOFTFP_SEED=%#llx\n", (unsigned long long)seed);
    return seed;
}

#endif
