/* Experiment: do the planned x86-64 recipes for RISC-V floating point give the guest's result AND the guest's
 * sticky flags, after every single operation?
 *
 * Each row of recipes.def is run on corner and random operands in every host rounding mode it is meant for,
 * with MXCSR's flags clear before and read after it, and compared with softfp. A recipe ends in one of two
 * ways: true   the result is final; flags are what MXCSR now holds; false  it leaves to the helper: softfp's
 * result, and softfp's flags ORed to what MXCSR holds. Flags agree then exactly if the recipe has raised a
 * subset. Rows marked BAD are tempting wrong recipes kept as controls: the run fails if one of them is NOT
 * caught, or if a good row never takes its fast path.
 *
 * Usage: fpflags [-n OPERANDS_IN_ALL] [-s SEED] [-v] [-t]. Exit 0 when all rows behave as marked. -v shows
 * differences of the controls too; -t times the good rows against softfp on ordinary numbers instead. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "softfp/softfp.h"

enum { MXCSR_DEFAULT = 0x1f80, MXCSR_RC = 0x6000, MXCSR_FLAGS = 0x3d }; /* flags without "denormal operand" */
#define INT32_MIN_BITS 0x80000000ull
#define INT64_MIN_BITS 0x8000000000000000ull

typedef struct Eflags {
    unsigned z, p, c;
} Eflags;

static inline uint32_t mxcsr_get(void)
{
    uint32_t v;
    __asm__ volatile("stmxcsr %0" : "=m"(v));
    return v;
}

static inline void mxcsr_set(uint32_t v)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(v));
}

#define FT           double
#define UT           uint64_t
#define SUF          "sd"
#define FN(n)        n##_d
#define CANON        0x7ff8000000000000ull
#define SIGN         0x8000000000000000ull
#define HALF         0x3fe0000000000000ull
#define FRAC         52
#define EXPF(e)      (1023u + (e))
#define EXPF_INF     2047u
#define WU_ROUND_EXP 31
#include "recipes.inc.h"
#undef FT
#undef UT
#undef SUF
#undef FN
#undef CANON
#undef SIGN
#undef HALF
#undef FRAC
#undef EXPF
#undef EXPF_INF
#undef WU_ROUND_EXP

#define FT           float
#define UT           uint32_t
#define SUF          "ss"
#define FN(n)        n##_s
#define CANON        0x7fc00000u
#define SIGN         0x80000000u
#define HALF         0x3f000000u
#define FRAC         23
#define EXPF(e)      (127u + (e))
#define EXPF_INF     255u
#define WU_ROUND_EXP 32
#include "recipes.inc.h"

/* Between formats: cvt; ucomis r,r; jp -> canonical NaN. */
static bool r_s_from_d(const uint64_t *in, uint64_t *ret)
{
    double x = load_d(in[0]);
    float r;
    __asm__ volatile("pxor %0, %0\n\tcvtsd2ss %1, %0" : "=&x"(r) : "x"(x));
    *ret = canon_s(r);
    return true;
}

static bool r_d_from_s(const uint64_t *in, uint64_t *ret)
{
    float x = load_s(in[0]);
    double r;
    __asm__ volatile("pxor %0, %0\n\tcvtss2sd %1, %0" : "=&x"(r) : "x"(x));
    *ret = canon_d(r);
    return true;
}

/* Control: rounding embedded in the instruction (AVX-512) suppresses all exceptions. */
static bool bad_add_embedded_rtz_d(const uint64_t *in, uint64_t *ret)
{
    double a = load_d(in[0]), b = load_d(in[1]);
    __asm__ volatile("vaddsd %{rz-sae%}, %1, %0, %0" : "+x"(a) : "x"(b));
    *ret = canon_d(a);
    return true;
}

/* ---- rows ---- */

typedef bool Recipe(const uint64_t *in, uint64_t *ret);

typedef enum Op { ADD, SUB, MUL, DIV, SQRT, FMA, MIN, MAX, CMP, CVT, TO_INT, FROM_INT, RINT } Op;
enum { DYN = 7 };                        /* rounding mode of a row: the host's */
enum { W = 32, L = 64, U = 1 };          /* integer types: width | U */
enum { INEXACT = 1 };                    /* RINT */
enum { ANY_CPU, NEED_FMA, NEED_AVX512 }; /* host */
enum { GOOD, BAD };

typedef struct Row {
    const char *name;
    Recipe *recipe;
    Op op;
    SoftfpFmt fmt;  /* of the operands; of the result for FROM_INT */
    unsigned param; /* FMA: sign bits; CMP: SoftfpCond; CVT: result format; *_INT: type; RINT: INEXACT */
    uint8_t round;  /* SOFTFP_R* or DYN */
    uint8_t need, mark;
} Row;

static const Row rows[] = {
#define X(recipe, op, fmt, param, round, need, mark)                                                         \
    {#recipe, recipe, op, SOFTFP_##fmt, param, round, need, mark},
#include "recipes.def"
#undef X
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static SoftfpRes oracle(const Row *r, SoftfpMode m, const uint64_t *in)
{
    switch (r->op) {
    case ADD: return softfp_add(r->fmt, m, in[0], in[1]);
    case SUB: return softfp_sub(r->fmt, m, in[0], in[1]);
    case MUL: return softfp_mul(r->fmt, m, in[0], in[1]);
    case DIV: return softfp_div(r->fmt, m, in[0], in[1]);
    case SQRT: return softfp_sqrt(r->fmt, m, in[0]);
    case FMA: return softfp_fma(r->fmt, m, r->param, in[0], in[1], in[2]);
    case MIN: return softfp_min(r->fmt, m, in[0], in[1]);
    case MAX: return softfp_max(r->fmt, m, in[0], in[1]);
    case CMP: return softfp_cmp(r->fmt, m, (SoftfpCond)r->param, in[0], in[1]);
    case CVT: return softfp_cvt((SoftfpFmt)r->param, r->fmt, m, in[0]);
    case TO_INT: return softfp_to_int(r->fmt, m, in[0], r->param & ~1u, r->param & U);
    case FROM_INT: return softfp_from_int(r->fmt, m, in[0], r->param & ~1u, r->param & U);
    case RINT: return softfp_round_to_int(r->fmt, m, in[0], r->param & INEXACT);
    }
    abort();
}

/* ---- operands ---- */

static uint64_t seed;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1dull;
}

static uint64_t mask_of(SoftfpFmt f)
{
    return f == SOFTFP_F64 ? ~0ull : 0xffffffffull;
}
static unsigned frac_of(SoftfpFmt f)
{
    return f == SOFTFP_F64 ? 52 : 23;
}
static unsigned bias_of(SoftfpFmt f)
{
    return f == SOFTFP_F64 ? 1023 : 127;
}
static uint64_t sign_of(SoftfpFmt f)
{
    return f == SOFTFP_F64 ? 1ull << 63 : 1ull << 31;
}

/* 2^e, or with e = -bias zero, e = bias + 1 infinity */
static uint64_t power(SoftfpFmt f, int e)
{
    return (uint64_t)(e + (int)bias_of(f)) << frac_of(f);
}

enum { CORNERS_MAX = 256 };

/* Magnitudes whose neighbourhoods decide something, each with its neighbours and both signs. */
static unsigned corners(SoftfpFmt f, uint64_t *ret)
{
    int bias = (int)bias_of(f), frac = (int)frac_of(f);
    uint64_t half = 1ull << (frac - 1), n = 0;
    const uint64_t around[] = {
        power(f, 1 - bias),      /* least normal */
        power(f, bias + 1) - 1,  /* greatest */
        power(f, 0),             /* one */
        power(f, -1),            /* one half */
        power(f, 0) | half,      /* 1.5 */
        power(f, 1) | half >> 1, /* 2.5 */
        power(f, 31),
        power(f, 32),
        power(f, 63),
        power(f, 64),
        power(f, 31) - (f == SOFTFP_F64 ? 1ull << 20 : 0), /* 2^31 - 0.5 */
        power(f, 31) - (f == SOFTFP_F64 ? 1ull << 21 : 0), /* 2^31 - 1 */
        power(f, 31) + (f == SOFTFP_F64 ? 1ull << 20 : 0), /* 2^31 + 0.5 */
        power(f, 32) - (f == SOFTFP_F64 ? 1ull << 20 : 0), /* 2^32 - 0.5 */
        power(f, 32) + (f == SOFTFP_F64 ? 1ull << 19 : 0), /* 2^32 + 0.5 */
        power(f, frac),
        power(f, frac - 1),
        power(f, -frac),
        power(f, -frac - 1),
        power(f, bias / 2),
        power(f, -bias / 2),
        power(f, 1 - bias / 2),
    };
    for (unsigned i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
        for (int d = -1; d <= 1; d++)
            ret[n++] = around[i] + (uint64_t)d;
    }
    const uint64_t single[] = {
        0,
        1,
        2,
        half,
        power(f, bias + 1), /* zero, subnormals, infinity */
        power(f, bias + 1) | half,
        power(f, bias + 1) | half | 5, /* quiet */
        power(f, bias + 1) | 1,
        power(f, bias + 1) | half >> 1, /* signaling */
    };
    for (unsigned i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        ret[n++] = single[i];
    for (uint64_t i = 0, all = n; i < all; i++)
        ret[n++] = ret[i] | sign_of(f);
    return (unsigned)n;
}

typedef struct Operands {
    uint64_t corner[CORNERS_MAX];
    unsigned n;
    SoftfpFmt fmt;
} Operands;

/* Corner, corner plus a few ulp, number with few significant bits around the integer ranges, any bits. */
static uint64_t operand(const Operands *o)
{
    uint64_t r = rnd(), v;
    SoftfpFmt f = o->fmt;
    switch (r >> 60 & 7) {
    case 0:
    case 1: v = o->corner[(r >> 16) % o->n]; break;
    case 2: v = o->corner[(r >> 16) % o->n] + (r & 15) - 8; break;
    case 3: /* exponent near the ranges of integers and fractions */
        v = power(f, (int)(r >> 32 & 127) - 32) | (rnd() & ((1ull << frac_of(f)) - 1));
        break;
    case 4: /* few significant bits: ties and exact results */
        v = power(f, (int)(r >> 32 & 127) - 48) |
            (rnd() & ((1ull << frac_of(f)) - 1) & ~0ull << (r & 63) % frac_of(f));
        break;
    case 5: /* close exponents: cancellation */
        v = power(f, (int)(r >> 32 & 3)) | (rnd() & ((1ull << frac_of(f)) - 1));
        break;
    default: return rnd() & mask_of(f);
    }
    return (r >> 59 & 1 ? v ^ sign_of(f) : v) & mask_of(f);
}

/* Zero, one, infinity, NaNs, of either sign: what the rules for invalid are about. */
static uint64_t special(SoftfpFmt f)
{
    uint64_t r = rnd() >> 8, half = 1ull << (frac_of(f) - 1), inf = power(f, (int)bias_of(f) + 1);
    const uint64_t v[] = {0, power(f, 0), inf, inf | half, inf | half | 1, inf | 1};
    return v[(r >> 1) % 6] | (r & 1 ? sign_of(f) : 0);
}

static uint64_t integer_operand(void)
{
    uint64_t r = rnd(), v = rnd() >> (r & 63);
    switch (r >> 60 & 3) {
    case 0: v = 1ull << (r >> 8 & 63); break;
    case 1: v = (1ull << (r >> 8 & 63)) + (rnd() & 7) - 3; break;
    case 2: v <<= r >> 8 & 63; break;
    }
    return r >> 59 & 1 ? -v : v;
}

/* ---- running ---- */

typedef struct Stats {
    uint64_t runs, fast, wrong_bits, missing, superset;
} Stats;

static bool verbose;

static void report(const Row *r, unsigned rc, const uint64_t *in, uint64_t got, uint32_t flags,
                   SoftfpRes want)
{
    printf("  %s rc=%u in=%016" PRIx64 " %016" PRIx64 " %016" PRIx64 ": got %016" PRIx64
           " flags %02x, want %016" PRIx64 " flags %02x\n",
           r->name, rc, in[0], in[1], in[2], got, flags, want.bits, want.flags & MXCSR_FLAGS);
}

static void run_one(const Row *r, unsigned rc, const uint64_t *in, Stats *s)
{
    static const uint8_t softfp_round[4] = {SOFTFP_RNE, SOFTFP_RDN, SOFTFP_RUP, SOFTFP_RTZ}; /* by MXCSR.RC */
    SoftfpMode m = {.round = r->round == DYN ? softfp_round[rc] : r->round};
    SoftfpRes want = oracle(r, m, in);
    uint64_t got;
    mxcsr_set(MXCSR_DEFAULT | rc << 13);
    bool done = r->recipe(in, &got);
    uint32_t csr = mxcsr_get();
    mxcsr_set(MXCSR_DEFAULT);

    uint32_t flags = csr & MXCSR_FLAGS, want_flags = want.flags & MXCSR_FLAGS;
    if (!done) {
        got = want.bits;
        flags |= want_flags;
    }
    if (r->op == TO_INT && (r->param & ~1u) == W)
        got = (uint32_t)got;
    bool bits_bad = got != want.bits || (csr & MXCSR_RC) != rc << 13;
    s->runs++;
    s->fast += done;
    s->wrong_bits += bits_bad;
    s->missing += (want_flags & ~flags) != 0;
    s->superset += (flags & ~want_flags) != 0;
    if ((bits_bad || flags != want_flags) && (verbose || r->mark == GOOD) &&
        s->wrong_bits + s->missing + s->superset <= 5)
        report(r, rc, in, got, flags, want);
}

static unsigned arity(const Row *r)
{
    return r->op == FMA ? 3 : r->op == SQRT || r->op == CVT || r->op >= TO_INT ? 1 : 2;
}

/* All corners (pairs of corners for two and three operands), then random ones up to `count` a mode. */
static void run_row(const Row *r, uint64_t count, Stats *s)
{
    Operands o = {.fmt = r->fmt};
    o.n = corners(r->fmt, o.corner);
    unsigned n = arity(r);
    uint64_t pairs = n == 1 ? o.n : (uint64_t)o.n * o.n, limit = count / 2;
    for (unsigned rc = 0; rc < 4; rc++) {
        /* with a small count every k-th corner pair, another set in each mode */
        uint64_t step = r->op == FROM_INT ? pairs : pairs > limit ? pairs / limit + 1 : 1;
        for (uint64_t i = rc % step; r->op != FROM_INT && i < pairs; i += step) {
            uint64_t in[3] = {o.corner[i % o.n], o.corner[i / o.n], operand(&o)};
            run_one(r, rc, in, s);
        }
        for (uint64_t i = r->op == FROM_INT ? 0 : pairs / step; i < count; i++) {
            uint64_t in[3];
            for (unsigned k = 0; k < 3; k++)
                in[k] = r->op == FROM_INT ? integer_operand() : i % 8 == 1 ? special(r->fmt) : operand(&o);
            if (n == 3 && (i & 7) == 0) /* products that the addend nearly cancels */
                in[2] =
                    softfp_mul(r->fmt, (SoftfpMode){0}, in[0], in[1]).bits ^ (i & 8 ? sign_of(r->fmt) : 0);
            run_one(r, rc, in, s);
        }
    }
}

static bool available(const Row *r)
{
    return r->need == ANY_CPU || (r->need == NEED_FMA && __builtin_cpu_supports("fma")) ||
           (r->need == NEED_AVX512 && __builtin_cpu_supports("avx512f"));
}

/* The row's verdict as text, NULL when it behaves as marked. */
static const char *verdict(const Row *r, const Stats *s)
{
    bool wrong = s->wrong_bits || s->missing || s->superset;
    if (r->mark == BAD)
        return wrong ? NULL : "control not caught";
    if (wrong)
        return "WRONG";
    return s->fast * 8 < s->runs ? "fast path not taken" : NULL;
}

/* ---- timing ---- */

enum { TIME_OPERANDS = 1024, TIME_ROUNDS = 200 };

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Positive numbers between 1 and 2^24 (and integers below 2^24), which no recipe hands to the helper. */
static void time_row(const Row *r)
{
    static uint64_t in[TIME_OPERANDS][3];
    uint64_t bits = 0, start, times[2];
    for (unsigned i = 0; i < TIME_OPERANDS; i++) {
        for (unsigned k = 0; k < 3; k++) {
            in[i][k] = r->op == FROM_INT
                           ? rnd() >> 40
                           : power(r->fmt, (int)(rnd() % 24)) | (rnd() & ((1ull << frac_of(r->fmt)) - 1));
        }
    }
    start = now_ns();
    for (unsigned round = 0; round < TIME_ROUNDS; round++) {
        for (unsigned i = 0; i < TIME_OPERANDS; i++) {
            uint64_t got = 0;
            r->recipe(in[i], &got);
            bits ^= got;
        }
    }
    times[0] = now_ns() - start;
    start = now_ns();
    for (unsigned round = 0; round < TIME_ROUNDS; round++) {
        for (unsigned i = 0; i < TIME_OPERANDS; i++)
            bits ^= oracle(r, (SoftfpMode){.round = r->round == DYN ? SOFTFP_RNE : r->round}, in[i]).bits;
    }
    times[1] = now_ns() - start;
    for (unsigned k = 0; k < 2; k++)
        times[k] = times[k] * 10 / (TIME_ROUNDS * TIME_OPERANDS);
    printf("%-24s %3u.%u ns   softfp %3u.%u ns   (%x)\n", r->name, (unsigned)times[0] / 10,
           (unsigned)times[0] % 10, (unsigned)times[1] / 10, (unsigned)times[1] % 10, (unsigned)bits & 1);
}

static int time_all(void)
{
    mxcsr_set(MXCSR_DEFAULT);
    for (unsigned i = 0; i < ROWS; i++) {
        if (rows[i].mark == GOOD && available(&rows[i]))
            time_row(&rows[i]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t total = 1000000;
    int opt, failed = 0, skipped = 0;
    seed = 0x243f6a8885a308d3;
    while ((opt = getopt(argc, argv, "n:s:tv")) != -1) {
        switch (opt) {
        case 'n': total = strtoull(optarg, NULL, 0); break;
        case 's': seed ^= strtoull(optarg, NULL, 0) << 1; break;
        case 't': return time_all();
        case 'v': verbose = true; break;
        default: return 2;
        }
    }
    uint64_t count = total / ROWS / 4 + 1, runs = 0;
    printf("%-24s %12s %7s %10s %10s %10s\n", "recipe", "runs", "fast", "bits", "missing", "superset");
    for (unsigned i = 0; i < ROWS; i++) {
        const Row *r = &rows[i];
        Stats s = {0};
        if (!available(r)) {
            printf("%-24s not available on this CPU\n", r->name);
            skipped++;
            continue;
        }
        run_row(r, count, &s);
        const char *v = verdict(r, &s);
        failed += v != NULL;
        runs += s.runs;
        printf("%-24s %12" PRIu64 " %6u%% %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "  %s%s\n", r->name, s.runs,
               (unsigned)(s.fast * 100 / s.runs), s.wrong_bits, s.missing, s.superset,
               r->mark == BAD ? "control" : "", v ? v : "");
    }
    printf("%d recipes, %" PRIu64 " runs, %d failed, %d not available\n", ROWS, runs, failed, skipped);
    return failed != 0;
}
