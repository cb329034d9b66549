/*
 * softfp against the definition of IEEE 754: the exact result is kept as a big integer, and each answer is
 * checked by comparing it, its neighbours and the midpoints between them with that exact value. Nothing here
 * rounds, so nothing can be wrong in the way softfp could be. Covers what no x86 host can tell: f16, ties
 * away, tininess before rounding, canonical NaNs, RISC-V's minimum, maximum and integer conversions.
 *
 * SOFTFP_ROUNDS=n: length of the random part. SOFTFP_ALL_HALVES=1: every pair of 65536 x 64 halves.
 */
#include "tests/unit/test.h"

#include "tests/unit/softfp_operands.h"

typedef unsigned __int128 U128;

/* ---- big unsigned fixed-point numbers: bit i has weight 2^(i - low) ---- */

enum { BIG_WORDS = 72 };
typedef struct Scale {
    int words, low;
} Scale;
/* Wide enough for squares and products of two operands of the format, halves of the last place, and 2^65. */
static const Scale scales[3] = {{5, 128}, {14, 384}, {72, 2240}};

typedef struct Big {
    uint64_t w[BIG_WORDS];
} Big;

static void big_add(Big *x, Scale s, U128 m, int e)
{
    unsigned at = e + s.low, word = at / 64, shift = at % 64;
    uint64_t part[3] = {(uint64_t)m << shift, (uint64_t)(shift ? m >> (64 - shift) : m >> 64),
                        shift ? (uint64_t)(m >> 64) >> (64 - shift) : 0};
    bool carry = false;

    for (unsigned i = 0; word < (unsigned)s.words && (i < 3 || carry); i++, word++) {
        U128 sum = (U128)x->w[word] + (i < 3 ? part[i] : 0) + carry;
        x->w[word] = sum;
        carry = sum >> 64;
    }
}

static int big_cmp(const Big *x, const Big *y, Scale s)
{
    for (int i = s.words; i-- > 0;)
        if (x->w[i] != y->w[i])
            return x->w[i] < y->w[i] ? -1 : 1;
    return 0;
}

/* ---- exact results ---- */

typedef struct Dyadic {
    uint64_t m;
    int e;
} Dyadic;

/* |value| of encoding n; n = inf stands for 2^(emax + 1), the number that would come next. */
static Dyadic value_of(SoftfpFmt f, uint64_t n)
{
    const FmtFacts *k = &fmt_facts[f];
    uint64_t one = fmt_one_ulp(f);
    n &= fmt_sign(f) - 1;
    if (n < one)
        return (Dyadic){n, 1 - k->emax - (int)k->frac};
    return (Dyadic){one | (n & (one - 1)), (int)(n >> k->frac) - k->emax - (int)k->frac};
}

/* The magnitude (pos - neg) / den, or the root of pos; sign apart. */
typedef struct Exact {
    Scale s;
    bool sign, root;
    Dyadic den;
    Big pos, neg;
} Exact;

static void exact_init(Exact *x, SoftfpFmt f)
{
    x->s = scales[f];
    x->sign = x->root = false;
    x->den = (Dyadic){1, 0};
    memset(&x->pos, 0, x->s.words * 8);
    memset(&x->neg, 0, x->s.words * 8);
}

static void exact_add(Exact *x, bool sign, U128 m, int e)
{
    if (m)
        big_add(sign ? &x->neg : &x->pos, x->s, m, e);
}

/* Makes the magnitude positive. Returns whether it is nonzero. */
static bool exact_settle(Exact *x)
{
    int c = big_cmp(&x->pos, &x->neg, x->s);
    if (c < 0) {
        Big t = x->pos;
        x->pos = x->neg;
        x->neg = t;
        x->sign = !x->sign;
    }
    return c != 0;
}

/* Exact magnitude against m * 2^e. */
static int exact_cmp(const Exact *x, U128 m, int e)
{
    Big t;
    memcpy(&t, &x->neg, x->s.words * 8);
    if (x->root)
        big_add(&t, x->s, m * m, 2 * e);
    else if (m)
        big_add(&t, x->s, m * x->den.m, e + x->den.e);
    return big_cmp(&x->pos, &t, x->s);
}

/* ---- the definition of rounding ---- */

static bool rounds_away(unsigned round, bool sign)
{
    return round == (sign ? SOFTFP_RDN : SOFTFP_RUP);
}

/* Does x, rounded to integral multiples of `ulp` with the tie at m*2^e going to an even (odd = false) or odd
 * lower neighbour, reach the upper neighbour? lower, mid and upper are given as dyadics. */
static bool reaches_upper(const Exact *x, unsigned round, Dyadic lower, Dyadic mid, Dyadic upper,
                          bool lower_odd)
{
    int c;
    switch (round) {
    case SOFTFP_RNE: c = exact_cmp(x, mid.m, mid.e); return c > 0 || (c == 0 && lower_odd);
    case SOFTFP_RMM: return exact_cmp(x, mid.m, mid.e) >= 0;
    default:
        if (rounds_away(round, x->sign))
            return exact_cmp(x, lower.m, lower.e) > 0;
        return exact_cmp(x, upper.m, upper.e) >= 0;
    }
}

static Dyadic mid_above(Dyadic v)
{
    return (Dyadic){2 * v.m + 1, v.e - 1};
}

/* Is x tiny (7.5), given the mode's way of detecting it? */
static bool is_tiny(const Exact *x, SoftfpFmt f, SoftfpMode m)
{
    const FmtFacts *k = &fmt_facts[f];
    int emin = 1 - k->emax;
    /* As if exponents had no lower end: the last number below 2^emin then has p bits, all ones. */
    Dyadic below = {2 * fmt_one_ulp(f) - 1, emin - 1 - (int)k->frac}, min = {1, emin};

    if (exact_cmp(x, min.m, min.e) >= 0)
        return false;
    return m.tiny_before || !reaches_upper(x, m.round, below, mid_above(below), min, true);
}

/* Is r the nonzero exact x rounded? Also judges the flags. */
static bool is_rounded(const Exact *x, SoftfpFmt f, SoftfpMode m, SoftfpRes r)
{
    uint64_t n = r.bits & (fmt_sign(f) - 1), inf = fmt_inf(f);
    uint32_t flags = r.flags & ~SOFTFP_DENORM;
    Dyadic max = value_of(f, inf - 1), beyond = value_of(f, inf);

    if ((r.bits & ~fmt_mask(f)) || ((r.bits & fmt_sign(f)) != 0) != x->sign)
        return false;
    if (reaches_upper(x, m.round, max, mid_above(max), beyond, true)) {
        bool to_inf = m.round == SOFTFP_RNE || m.round == SOFTFP_RMM || rounds_away(m.round, x->sign);
        return flags == (SOFTFP_OVERFLOW | SOFTFP_INEXACT) && n == inf - !to_inf;
    }
    bool tiny = is_tiny(x, f, m);
    if (tiny && m.ftz)
        return n == 0 && flags == (SOFTFP_UNDERFLOW | SOFTFP_INEXACT);
    if (n >= inf)
        return false;
    Dyadic v = value_of(f, n), up = value_of(f, n + 1);
    bool inexact = exact_cmp(x, v.m, v.e) != 0;
    if (flags != (inexact ? SOFTFP_INEXACT | (tiny ? SOFTFP_UNDERFLOW : 0) : 0u))
        return false;
    if (!inexact)
        return true;
    /* Not as far as the next, and not as little as the one before. */
    if (reaches_upper(x, m.round, v, mid_above(v), up, n & 1))
        return false;
    if (n == 0)
        return true;
    Dyadic down = value_of(f, n - 1);
    return reaches_upper(x, m.round, down, mid_above(down), v, (n - 1) & 1);
}

/* ---- what is decided without rounding (6.1 to 6.3, 7.2, 7.3), canonical NaNs ---- */

typedef enum Op { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_SQRT, OP_FMA, OP_COUNT } Op;
static const char *const op_name[] = {"add", "sub", "mul", "div", "sqrt", "fma"};

typedef struct Case {
    Op op;
    SoftfpFmt f;
    SoftfpMode m;
    unsigned neg; /* fma */
    uint64_t v[3];
} Case;

static SoftfpRes run(const Case *c)
{
    switch (c->op) {
    case OP_ADD: return softfp_add(c->f, c->m, c->v[0], c->v[1]);
    case OP_SUB: return softfp_sub(c->f, c->m, c->v[0], c->v[1]);
    case OP_MUL: return softfp_mul(c->f, c->m, c->v[0], c->v[1]);
    case OP_DIV: return softfp_div(c->f, c->m, c->v[0], c->v[1]);
    case OP_SQRT: return softfp_sqrt(c->f, c->m, c->v[0]);
    default: return softfp_fma(c->f, c->m, c->neg, c->v[0], c->v[1], c->v[2]);
    }
}

static uint64_t canonical(SoftfpFmt f)
{
    return fmt_inf(f) | fmt_one_ulp(f) >> 1;
}

/* One row a rule. The kinds of operands: z zero, f finite, i infinite. Sum: operands after signs are applied.
 */
static bool decided(const Case *c, SoftfpRes *ret)
{
    static const unsigned operands[] = {2, 2, 2, 2, 1, 3};
    SoftfpFmt f = c->f;
    uint64_t sgn = fmt_sign(f), inf = fmt_inf(f), nan = canonical(f);
    bool s[3], z[3], i[3], any_nan = false, any_snan = false;

    for (unsigned k = 0; k < 3; k++) {
        s[k] = (c->v[k] & sgn) != 0;
        z[k] = (c->v[k] & (sgn - 1)) == 0;
        i[k] = (c->v[k] & (sgn - 1)) == inf;
        any_nan |= k < operands[c->op] && fmt_is_nan(f, c->v[k]);
        any_snan |= k < operands[c->op] && fmt_is_snan(f, c->v[k]);
    }
    bool product_sign = s[0] != s[1], inf_zero = (i[0] && z[1]) || (z[0] && i[1]);
    *ret = (SoftfpRes){nan, any_snan ? SOFTFP_INVALID : 0};
    if (any_nan) {
        if (c->op == OP_FMA && inf_zero)
            ret->flags = SOFTFP_INVALID;
        return true;
    }
    ret->flags = SOFTFP_INVALID;
    if (c->op == OP_SQRT && s[0] && !z[0])
        return true;
    if (c->op == OP_DIV && ((z[0] && z[1]) || (i[0] && i[1])))
        return true;
    if ((c->op == OP_MUL || c->op == OP_FMA) && inf_zero)
        return true;
    /* Sums: the two terms' kinds and signs. */
    bool first = s[0], second = s[1] ^ (c->op == OP_SUB), first_inf = i[0], second_inf = i[1];
    bool first_zero = z[0], second_zero = z[1], sum = c->op == OP_ADD || c->op == OP_SUB;
    if (c->op == OP_FMA) {
        first = product_sign ^ (c->neg & 1);
        second = s[2] ^ (c->neg >> 1 & 1);
        first_inf = i[0] || i[1];
        second_inf = i[2];
        first_zero = z[0] || z[1];
        second_zero = z[2];
        sum = true;
    }
    if (sum && first_inf && second_inf && first != second)
        return true;
    ret->flags = 0;
    if (sum && (first_inf || second_inf)) {
        ret->bits = inf | ((first_inf ? first : second) ? sgn : 0);
        return true;
    }
    if (sum && first_zero && second_zero) {
        ret->bits = (first == second ? first : c->m.round == SOFTFP_RDN) ? sgn : 0;
        return true;
    }
    if (sum)
        return false;
    bool sign = c->op == OP_SQRT ? s[0] : product_sign;
    uint64_t signbit = sign ? sgn : 0;
    if (c->op == OP_DIV && z[1] && !i[0]) {
        *ret = (SoftfpRes){inf | signbit, SOFTFP_DIVZERO};
        return true;
    }
    if (i[0] || (c->op == OP_MUL && i[1])) {
        ret->bits = inf | signbit;
        return true;
    }
    if (z[0] || (c->op == OP_MUL && z[1]) || (c->op == OP_DIV && i[1])) {
        ret->bits = signbit;
        return true;
    }
    return false;
}

static void exact_of(const Case *c, Exact *x)
{
    Dyadic a = value_of(c->f, c->v[0]), b = value_of(c->f, c->v[1]), d = value_of(c->f, c->v[2]);
    uint64_t sgn = fmt_sign(c->f);
    bool sa = c->v[0] & sgn, sb = c->v[1] & sgn, sd = c->v[2] & sgn;

    exact_init(x, c->f);
    switch (c->op) {
    case OP_ADD:
    case OP_SUB:
        exact_add(x, sa, a.m, a.e);
        exact_add(x, sb ^ (c->op == OP_SUB), b.m, b.e);
        break;
    case OP_MUL: exact_add(x, sa ^ sb, (U128)a.m * b.m, a.e + b.e); break;
    case OP_FMA:
        exact_add(x, sa ^ sb ^ (c->neg & 1), (U128)a.m * b.m, a.e + b.e);
        exact_add(x, sd ^ (c->neg >> 1), d.m, d.e);
        break;
    case OP_DIV:
        exact_add(x, false, a.m, a.e);
        x->sign = sa ^ sb;
        x->den = b;
        break;
    default: exact_add(x, false, a.m, a.e); x->root = true;
    }
}

typedef struct Tally {
    unsigned long judged, wrong;
} Tally;

static void judge(const Case *c, Tally *t)
{
    SoftfpRes got = run(c), want;
    bool ok;

    if (decided(c, &want)) {
        ok = got.bits == want.bits && (got.flags & ~SOFTFP_DENORM) == want.flags;
    } else {
        Exact x;
        exact_of(c, &x);
        if (exact_settle(&x))
            ok = is_rounded(&x, c->f, c->m, got);
        else /* exact cancellation */
            ok = got.bits == (c->m.round == SOFTFP_RDN ? fmt_sign(c->f) : 0) && !(got.flags & ~SOFTFP_DENORM);
    }
    t->judged++;
    if (!ok && t->wrong++ < 20)
        print_error("%s %s neg %u round %d before %d ftz %d: %#llx %#llx %#llx gives %#llx flags %#x\n",
                    op_name[c->op], fmt_facts[c->f].name, c->neg, c->m.round, c->m.tiny_before, c->m.ftz,
                    (unsigned long long)c->v[0], (unsigned long long)c->v[1], (unsigned long long)c->v[2],
                    (unsigned long long)got.bits, got.flags);
}

/* Five roundings, tininess before and after; ftz with every other operand set. */
static void judge_modes(Case *c, Tally *t)
{
    for (unsigned i = 0; i < 10; i++) {
        c->m = (SoftfpMode){.round = i % 5, .tiny_before = i / 5, .ftz = (t->judged / 10) & 1};
        judge(c, t);
    }
}

static void finish(const Tally *t)
{
    print_message("%lu judged, %lu wrong\n", t->judged, t->wrong);
    assert_true(t->judged > 1000);
    assert_int_equal(t->wrong, 0);
}

static void corners_are_rounded_exactly(void **state)
{
    uint64_t v[MAX_CORNERS];
    Tally t = {0};

    for (SoftfpFmt f = SOFTFP_F16; f <= SOFTFP_F64; f++) {
        unsigned n = fmt_corners(f, v);
        for (unsigned i = 0; i < n; i++) {
            for (unsigned j = 0; j < n; j++) {
                Case c = {.f = f, .v = {v[i], v[j], v[(7 * i + 3 * j + t.judged / 10) % n]}};
                c.neg = (i + j) & 3;
                for (c.op = 0; c.op < OP_COUNT; c.op++)
                    if (c.op != OP_SQRT || j == 0)
                        judge_modes(&c, &t);
            }
        }
    }
    finish(&t);
}

/* Every triple of a zero, subnormal, number, infinity, quiet and signaling NaN, of both signs. */
static void kinds_of_operands_are_decided_exactly(void **state)
{
    Tally t = {0};

    for (SoftfpFmt f = SOFTFP_F16; f <= SOFTFP_F64; f++) {
        uint64_t inf = fmt_inf(f), one = (uint64_t)fmt_facts[f].emax << fmt_facts[f].frac;
        const uint64_t kind[] = {0, 3, one, inf - 1, inf, canonical(f) | 3, inf | 1};
        for (unsigned i = 0; i < 14 * 14 * 14; i++) {
            Case c = {.f = f};
            for (unsigned k = 0, j = i; k < 3; k++, j /= 14)
                c.v[k] = kind[j % 14 / 2] | (j & 1 ? fmt_sign(f) : 0);
            for (c.op = 0; c.op < OP_COUNT; c.op++)
                for (c.neg = 0; c.neg < (c.op == OP_FMA ? 4 : 1); c.neg++)
                    judge_modes(&c, &t);
        }
    }
    finish(&t);
}

static void random_operands_are_rounded_exactly(void **state)
{
    uint64_t s = rnd_seed();
    unsigned long rounds = rnd_rounds(12000);
    Tally t = {0};

    for (unsigned long i = 0; i < rounds; i++) {
        for (SoftfpFmt f = SOFTFP_F16; f <= SOFTFP_F64; f++) {
            Case c = {.f = f, .neg = s & 3};
            c.v[0] = rnd_operand(&s, f, rnd_next(&s));
            c.v[1] = rnd_operand(&s, f, c.v[0]);
            SoftfpMode rtz = {.round = SOFTFP_RTZ};
            uint64_t product = softfp_mul(f, rtz, c.v[0], c.v[1]).bits;
            c.v[2] = rnd_operand(&s, f, product);
            if ((i & 7) == 1)
                c.v[2] = (product ^ (s & fmt_sign(f))) + (s & 3);
            for (c.op = 0; c.op < OP_COUNT; c.op++)
                judge_modes(&c, &t);
        }
    }
    finish(&t);
}

static void all_halves_are_rounded_exactly(void **state)
{
    bool all = getenv("SOFTFP_ALL_HALVES") != NULL;
    uint64_t v[MAX_CORNERS];
    unsigned n = fmt_corners(SOFTFP_F16, v);
    Tally t = {0};

    for (unsigned a = 0; a < 0x10000; a++) {
        Case c = {.op = OP_SQRT, .f = SOFTFP_F16, .v = {a}};
        judge_modes(&c, &t);
        for (unsigned j = 0; j < (all ? n : 1); j++) {
            c.v[1] = v[(all ? j : a) % n];
            c.v[2] = v[(a / 7 + j) % n];
            for (c.op = 0; c.op < OP_COUNT; c.op++)
                if (c.op != OP_SQRT)
                    judge_modes(&c, &t);
        }
    }
    finish(&t);
}

/* ---- conversions ---- */

static void judge_cvt(SoftfpFmt to, SoftfpFmt from, uint64_t a, Tally *t)
{
    for (unsigned i = 0; i < 20; i++) {
        SoftfpMode m = {.round = i % 5, .tiny_before = i / 5 & 1, .ftz = i / 10};
        SoftfpRes r = softfp_cvt(to, from, m, a);
        bool sign = a & fmt_sign(from), ok;
        uint64_t sgn = sign ? fmt_sign(to) : 0, mag = a & (fmt_sign(from) - 1);
        if (fmt_is_nan(from, a)) {
            ok = r.bits == canonical(to) && r.flags == (fmt_is_snan(from, a) ? SOFTFP_INVALID : 0u);
        } else if (mag == 0 || mag == fmt_inf(from)) {
            ok = r.bits == (sgn | (mag ? fmt_inf(to) : 0)) && r.flags == 0;
        } else {
            Exact x;
            Dyadic d = value_of(from, a);
            exact_init(&x, to > from ? to : from);
            exact_add(&x, false, d.m, d.e);
            x.sign = sign;
            ok = is_rounded(&x, to, m, r);
        }
        t->judged++;
        if (!ok && t->wrong++ < 20)
            print_error("cvt %s<-%s round %d: %#llx gives %#llx flags %#x\n", fmt_facts[to].name,
                        fmt_facts[from].name, m.round, (unsigned long long)a, (unsigned long long)r.bits,
                        r.flags);
    }
}

/* Does the finite exact x round to the integer `n` (a magnitude) ? */
static bool rounds_to_integer(const Exact *x, unsigned round, uint64_t n)
{
    if (exact_cmp(x, n, 0) == 0)
        return true;
    bool up = exact_cmp(x, n, 0) > 0 || n == 0; /* x lies above n */
    U128 lower = up ? n : n - 1, mid = 2 * lower + 1;
    bool reached;
    /* Not farther than one. */
    if (exact_cmp(x, lower, 0) < 0 || exact_cmp(x, lower + 1, 0) >= 0)
        return false;
    int c = exact_cmp(x, mid, -1);
    switch (round) {
    case SOFTFP_RNE: reached = c > 0 || (c == 0 && (lower & 1)); break;
    case SOFTFP_RMM: reached = c >= 0; break;
    default: reached = rounds_away(round, x->sign);
    }
    return reached == !up;
}

/* Is the magnitude past the limit after rounding? */
static bool out_of_range(const Exact *x, unsigned round, uint64_t limit)
{
    int half = exact_cmp(x, 2 * (U128)limit + 1, -1);
    if (round == SOFTFP_RNE)
        return half > 0 || (half == 0 && (limit & 1));
    if (round == SOFTFP_RMM)
        return half >= 0;
    if (rounds_away(round, x->sign))
        return exact_cmp(x, limit, 0) > 0;
    return exact_cmp(x, (U128)limit + 1, 0) >= 0;
}

static void judge_to_int(SoftfpFmt f, uint64_t a, Tally *t)
{
    for (unsigned i = 0; i < 20; i++) {
        unsigned width = i & 1 ? 64 : 32;
        bool uns = i >> 1 & 1, sign = a & fmt_sign(f), nan = fmt_is_nan(f, a), ok;
        SoftfpMode m = {.round = i / 4};
        SoftfpRes r = softfp_to_int(f, m, a, width, uns);
        uint64_t ones = ~0ull >> (64 - width), top = 1ull << (width - 1);
        uint64_t high = uns ? ones : top - 1, low = uns ? 0 : top;
        uint64_t limit = sign ? low : high;
        Exact x;
        if (nan || (a & (fmt_sign(f) - 1)) == fmt_inf(f)) {
            ok = r.bits == (sign && !nan ? low : high) && r.flags == SOFTFP_INVALID;
        } else {
            Dyadic d = value_of(f, a);
            exact_init(&x, f);
            exact_add(&x, false, d.m, d.e);
            x.sign = sign;
            uint64_t mag = sign ? -r.bits & ones : r.bits;
            if (out_of_range(&x, m.round, limit))
                ok = r.bits == limit && r.flags == SOFTFP_INVALID;
            else
                ok = mag <= limit && !(r.bits & ~ones) && rounds_to_integer(&x, m.round, mag) &&
                     r.flags == (exact_cmp(&x, mag, 0) ? SOFTFP_INEXACT : 0u);
        }
        t->judged++;
        if (!ok && t->wrong++ < 20)
            print_error("to_int %s width %u unsigned %d round %d: %#llx gives %#llx flags %#x\n",
                        fmt_facts[f].name, width, uns, m.round, (unsigned long long)a,
                        (unsigned long long)r.bits, r.flags);
    }
}

static void judge_round_to_int(SoftfpFmt f, uint64_t a, Tally *t)
{
    const FmtFacts *k = &fmt_facts[f];
    for (unsigned i = 0; i < 10; i++) {
        SoftfpMode m = {.round = i % 5};
        bool exact = i >= 5, ok;
        SoftfpRes r = softfp_round_to_int(f, m, a, exact);
        Dyadic d = value_of(f, a), v = value_of(f, r.bits);
        if (fmt_is_nan(f, a)) {
            ok = r.bits == canonical(f) && r.flags == (fmt_is_snan(f, a) ? SOFTFP_INVALID : 0u);
        } else if (d.e >= 0) {
            ok = r.bits == a && r.flags == 0; /* integers and infinities */
        } else {
            Exact x;
            exact_init(&x, f);
            exact_add(&x, false, d.m, d.e);
            x.sign = a & fmt_sign(f);
            /* The result is an integer of at most frac + 1 bits. */
            bool whole = v.e >= 0 || v.m == 0 || (-v.e <= (int)k->frac && !(v.m & ((1ull << -v.e) - 1)));
            uint64_t n = !whole || v.m == 0 ? 0 : v.e >= 0 ? v.m << v.e : v.m >> -v.e;
            ok = whole && !((r.bits ^ a) & fmt_sign(f)) && rounds_to_integer(&x, m.round, n) &&
                 r.flags == (exact && exact_cmp(&x, n, 0) ? SOFTFP_INEXACT : 0u);
        }
        t->judged++;
        if (!ok && t->wrong++ < 20)
            print_error("round_to_int %s round %d: %#llx gives %#llx flags %#x\n", k->name, m.round,
                        (unsigned long long)a, (unsigned long long)r.bits, r.flags);
    }
}

static void judge_from_int(SoftfpFmt f, uint64_t v, Tally *t)
{
    for (unsigned i = 0; i < 20; i++) {
        unsigned width = i & 1 ? 64 : 32;
        bool uns = i >> 1 & 1;
        SoftfpMode m = {.round = i / 4};
        SoftfpRes r = softfp_from_int(f, m, v, width, uns);
        int64_t sv = width == 64 ? (int64_t)v : (int32_t)v;
        uint64_t uv = width == 64 ? v : (uint32_t)v;
        bool sign = !uns && sv < 0;
        Exact x;
        exact_init(&x, f);
        exact_add(&x, false, sign ? -(uint64_t)sv : uns ? uv : (uint64_t)sv, 0);
        x.sign = sign;
        bool ok = uv == 0 ? r.bits == 0 && r.flags == 0 : is_rounded(&x, f, m, r);
        t->judged++;
        if (!ok && t->wrong++ < 20)
            print_error("from_int %s width %u unsigned %d round %d: %#llx gives %#llx flags %#x\n",
                        fmt_facts[f].name, width, uns, m.round, (unsigned long long)v,
                        (unsigned long long)r.bits, r.flags);
    }
}

static void judge_conversions(SoftfpFmt f, uint64_t a, Tally *t)
{
    for (SoftfpFmt to = SOFTFP_F16; to <= SOFTFP_F64; to++)
        judge_cvt(to, f, a, t);
    judge_to_int(f, a, t);
    judge_round_to_int(f, a, t);
}

static void conversions_are_exact(void **state)
{
    uint64_t v[MAX_CORNERS], s = rnd_seed();
    unsigned long rounds = rnd_rounds(5000);
    Tally t = {0};

    for (unsigned a = 0; a < 0x10000; a++) {
        judge_cvt(SOFTFP_F16, SOFTFP_F16, a, &t);
        judge_cvt(SOFTFP_F32, SOFTFP_F16, a, &t);
        judge_to_int(SOFTFP_F16, a, &t);
        judge_round_to_int(SOFTFP_F16, a, &t);
    }
    for (SoftfpFmt f = SOFTFP_F16; f <= SOFTFP_F64; f++) {
        unsigned n = fmt_corners(f, v);
        for (unsigned i = 0; i < n; i++)
            judge_conversions(f, v[i], &t);
        for (unsigned long i = 0; i < rounds; i++)
            judge_conversions(f, rnd_operand(&s, f, s), &t);
        for (unsigned i = 0; i < 64; i++)
            for (int64_t d = -2; d <= 2; d++)
                judge_from_int(f, (1ull << i) + d, &t);
        for (unsigned long i = 0; i < rounds; i++)
            judge_from_int(f, rnd_next(&s) >> (s & 63), &t);
    }
    finish(&t);
}

/* A number of the wider format that lies at, just below or just above the middle of two of the narrower, or
 * near an integer and a half: where a wrong tie shows. */
static void ties_of_conversions_are_exact(void **state)
{
    uint64_t s = rnd_seed();
    unsigned long rounds = rnd_rounds(5000);
    Tally t = {0};

    for (unsigned long i = 0; i < rounds; i++) {
        for (SoftfpFmt from = SOFTFP_F32; from <= SOFTFP_F64; from++) {
            for (SoftfpFmt to = SOFTFP_F16; to < from; to++) {
                SoftfpMode m = {0};
                uint64_t n = rnd_operand(&s, to, s);
                unsigned spare = fmt_facts[from].frac - fmt_facts[to].frac;
                uint64_t wide = softfp_cvt(from, to, m, n).bits;
                judge_cvt(to, from, wide + (1ull << (spare - 1)) + (s >> 60) % 3 - 1, &t);
                judge_cvt(to, from, wide + (1ull << (s % spare)) + (s >> 60) % 3 - 1, &t);
            }
            SoftfpMode m = {.round = SOFTFP_RTZ};
            uint64_t half = softfp_from_int(from, m, (rnd_next(&s) >> (s & 63)) | 1, 64, true).bits;
            uint64_t scaled = half - fmt_one_ulp(from); /* halved */
            judge_to_int(from, scaled + (s >> 60) % 3 - 1, &t);
            judge_round_to_int(from, scaled + (s >> 60) % 3 - 1, &t);
        }
    }
    finish(&t);
}

/* ---- comparison, minimum, maximum, classes: on the order of encodings ---- */

/* Encodings in the order of numbers; -0 and +0 differ by one. */
static int64_t rank(SoftfpFmt f, uint64_t v)
{
    int64_t mag = v & (fmt_sign(f) - 1);
    return v & fmt_sign(f) ? -1 - mag : mag;
}

static void comparisons_follow_the_order_of_numbers(void **state)
{
    uint64_t v[MAX_CORNERS];
    SoftfpMode m = {0};

    for (SoftfpFmt f = SOFTFP_F16; f <= SOFTFP_F64; f++) {
        unsigned n = fmt_corners(f, v);
        for (unsigned k = 0; k < n * n; k++) {
            uint64_t a = v[k / n], b = v[k % n], nonsign = fmt_sign(f) - 1;
            bool nan = fmt_is_nan(f, a) || fmt_is_nan(f, b), snan = fmt_is_snan(f, a) || fmt_is_snan(f, b);
            bool equal = !nan && (rank(f, a) == rank(f, b) || !((a | b) & nonsign));
            bool less = !nan && !equal && rank(f, a) < rank(f, b);
            const bool want[] = {equal, less, less || equal, less, less || equal, nan};
            for (SoftfpCond cond = SOFTFP_EQ; cond <= SOFTFP_UNO; cond++) {
                bool signaling = cond == SOFTFP_LT || cond == SOFTFP_LE;
                SoftfpRes r = softfp_cmp(f, m, cond, a, b);
                assert_int_equal(r.bits, want[cond]);
                assert_int_equal(r.flags & ~SOFTFP_DENORM, snan || (signaling && nan) ? SOFTFP_INVALID : 0);
            }
            uint64_t low = rank(f, a) < rank(f, b) ? a : b, high = rank(f, a) < rank(f, b) ? b : a;
            if (nan)
                low = high = !fmt_is_nan(f, a) ? a : !fmt_is_nan(f, b) ? b : canonical(f);
            SoftfpRes min = softfp_min(f, m, a, b), max = softfp_max(f, m, a, b);
            assert_int_equal(min.bits, low);
            assert_int_equal(max.bits, high);
            assert_int_equal(min.flags & ~SOFTFP_DENORM, snan ? SOFTFP_INVALID : 0);
            assert_int_equal(max.flags & ~SOFTFP_DENORM, snan ? SOFTFP_INVALID : 0);
        }
    }
}

static void classes_are_intervals_of_encodings(void **state)
{
    uint64_t v[MAX_CORNERS];

    for (SoftfpFmt f = SOFTFP_F16; f <= SOFTFP_F64; f++) {
        unsigned n = fmt_corners(f, v);
        for (unsigned i = 0; i < n; i++) {
            uint64_t mag = v[i] & (fmt_sign(f) - 1), sub = fmt_one_ulp(f);
            unsigned up = mag == 0 ? 4 : mag < sub ? 5 : mag < fmt_inf(f) ? 6 : 7;
            unsigned bit = fmt_is_snan(f, v[i])  ? 8
                           : fmt_is_nan(f, v[i]) ? 9
                           : v[i] & fmt_sign(f)  ? 7 - up
                                                 : up;
            assert_int_equal(softfp_class(f, v[i]), 1u << bit);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corners_are_rounded_exactly),
        cmocka_unit_test(kinds_of_operands_are_decided_exactly),
        cmocka_unit_test(random_operands_are_rounded_exactly),
        cmocka_unit_test(all_halves_are_rounded_exactly),
        cmocka_unit_test(conversions_are_exact),
        cmocka_unit_test(ties_of_conversions_are_exact),
        cmocka_unit_test(comparisons_follow_the_order_of_numbers),
        cmocka_unit_test(classes_are_intervals_of_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
