/* The recipes for one format, included once each for f32 and f64 by fpflags.c. The includer defines
 *   FT     the C type, used only to carry bits in an xmm register
 *   SUF    the instruction suffix, "ss" or "sd"
 *   FN(n)  the name of a recipe of this format
 *   UT     the unsigned integer of the same width, CANON its canonical NaN, FRAC its fraction bits,
 *          SIGN its sign bit, HALF the encoding of 0.5
 *   EXPF(e) the sign-and-exponent field of 2^e, EXPF_INF of infinity
 *   WU_ROUND_EXP  numbers below 2^this convert to 32 bits unsigned whatever the rounding
 * Every floating-point instruction is one asm statement, volatile, so that nothing is folded, moved or
 * replaced: what is measured is what the emitter will emit. Everything between them is integer code. */

static inline FT FN(load)(uint64_t bits)
{
    UT u = (UT) bits;
    FT f;
    memcpy(&f, &u, sizeof(f));
    return f;
}

static inline uint64_t FN(bits)(FT f)
{
    UT u;
    memcpy(&u, &f, sizeof(u));
    return u;
}

#define ASM2(name, insn)                                                                                     \
    static inline FT FN(name)(FT a, FT b)                                                                    \
    {                                                                                                        \
        __asm__ volatile(insn SUF " %1, %0" : "+x"(a) : "x"(b));                                             \
        return a;                                                                                            \
    }
ASM2(hw_add, "add")
ASM2(hw_sub, "sub")
ASM2(hw_mul, "mul")
ASM2(hw_div, "div")
ASM2(hw_sqrt, "sqrt") /* of b */
ASM2(hw_min, "min")
ASM2(hw_max, "max")
#undef ASM2

#define ASM_FMA(name, insn)                                                                                  \
    static inline FT FN(name)(FT a, FT b, FT c)                                                              \
    {                                                                                                        \
        __asm__ volatile(insn SUF " %2, %1, %0" : "+x"(a) : "x"(b), "x"(c));                                 \
        return a;                                                                                            \
    }
ASM_FMA(hw_fmadd, "vfmadd213")
ASM_FMA(hw_fmsub, "vfmsub213")
ASM_FMA(hw_fnmadd, "vfnmadd213")
ASM_FMA(hw_fnmsub, "vfnmsub213")
#undef ASM_FMA

/* x ? y as eflags: unordered sets all three. */
static inline Eflags FN(hw_ucomi)(FT x, FT y)
{
    Eflags f;
    __asm__ volatile("ucomi" SUF " %4, %3" : "=@ccz"(f.z), "=@ccp"(f.p), "=@ccc"(f.c) : "x"(x), "x"(y));
    return f;
}

static inline Eflags FN(hw_comi)(FT x, FT y)
{
    Eflags f;
    __asm__ volatile("comi" SUF " %4, %3" : "=@ccz"(f.z), "=@ccp"(f.p), "=@ccc"(f.c) : "x"(x), "x"(y));
    return f;
}

#define ASM_TO_INT(name, insn, type, size)                                                                   \
    static inline type FN(name)(FT x)                                                                        \
    {                                                                                                        \
        type r;                                                                                              \
        __asm__ volatile(insn " %1, %" size "0" : "=r"(r) : "x"(x));                                         \
        return r;                                                                                            \
    }
ASM_TO_INT(hw_cvtt32, "cvtt" SUF "2si", uint32_t, "k")
ASM_TO_INT(hw_cvtt64, "cvtt" SUF "2si", uint64_t, "q")
ASM_TO_INT(hw_cvt32, "cvt" SUF "2si", uint32_t, "k")
ASM_TO_INT(hw_cvt64, "cvt" SUF "2si", uint64_t, "q")
ASM_TO_INT(hw_cvttu32, "vcvtt" SUF "2usi", uint32_t, "k")
ASM_TO_INT(hw_cvttu64, "vcvtt" SUF "2usi", uint64_t, "q")
ASM_TO_INT(hw_cvtu32, "vcvt" SUF "2usi", uint32_t, "k")
ASM_TO_INT(hw_cvtu64, "vcvt" SUF "2usi", uint64_t, "q")
#undef ASM_TO_INT

static inline FT FN(hw_from_i32)(uint32_t v)
{
    FT r;
    __asm__ volatile("pxor %0, %0\n\tcvtsi2" SUF "l %1, %0" : "=&x"(r) : "r"(v));
    return r;
}

static inline FT FN(hw_from_i64)(uint64_t v)
{
    FT r;
    __asm__ volatile("pxor %0, %0\n\tcvtsi2" SUF "q %1, %0" : "=&x"(r) : "r"(v));
    return r;
}

static inline FT FN(hw_from_u64_avx512)(uint64_t v)
{
    FT r;
    __asm__ volatile("vpxor %0, %0, %0\n\tvcvtusi2" SUF "q %1, %0, %0" : "=&x"(r) : "r"(v));
    return r;
}

#define ASM_ROUND(name, imm)                                                                                 \
    static inline FT FN(name)(FT x)                                                                          \
    {                                                                                                        \
        __asm__ volatile("round" SUF " $" imm ", %0, %0" : "+x"(x));                                         \
        return x;                                                                                            \
    }
ASM_ROUND(hw_round_rne, "0")
ASM_ROUND(hw_round_rdn, "1")
ASM_ROUND(hw_round_rup, "2")
ASM_ROUND(hw_round_rtz, "3")
ASM_ROUND(hw_round_dyn, "4")
ASM_ROUND(hw_round_rne_quiet, "8")
ASM_ROUND(hw_round_rdn_quiet, "9")
ASM_ROUND(hw_round_rup_quiet, "10")
ASM_ROUND(hw_round_rtz_quiet, "11")
ASM_ROUND(hw_round_dyn_quiet, "12")
#undef ASM_ROUND

/* ---- A: result check. op; ucomis r,r; jp -> canonical NaN ---- */

static inline uint64_t FN(canon)(FT r)
{
    return FN(hw_ucomi)(r, r).p ? CANON : FN(bits)(r);
}

#define ARITH(name)                                                                                          \
    static bool FN(r_##name)(const uint64_t *in, uint64_t *ret)                                              \
    {                                                                                                        \
        *ret = FN(canon)(FN(hw_##name)(FN(load)(in[0]), FN(load)(in[1])));                                   \
        return true;                                                                                         \
    }
ARITH(add)
ARITH(sub)
ARITH(mul)
ARITH(div)
#undef ARITH

static bool FN(r_sqrt)(const uint64_t *in, uint64_t *ret)
{
    FT x = FN(load)(in[0]);
    *ret = FN(canon)(FN(hw_sqrt)(x, x));
    return true;
}

/* Control: x86's own NaN. */
static bool FN(bad_add_unchecked)(const uint64_t *in, uint64_t *ret)
{
    *ret = FN(bits)(FN(hw_add)(FN(load)(in[0]), FN(load)(in[1])));
    return true;
}

/* ---- B: fma. NaN result -> helper, because inf*0 + qNaN raises nothing on x86 and invalid here ---- */

#define FMA(name)                                                                                            \
    static bool FN(r_##name)(const uint64_t *in, uint64_t *ret)                                              \
    {                                                                                                        \
        FT r = FN(hw_##name)(FN(load)(in[0]), FN(load)(in[1]), FN(load)(in[2]));                             \
        *ret = FN(bits)(r);                                                                                  \
        return !FN(hw_ucomi)(r, r).p;                                                                        \
    }
FMA(fmadd)
FMA(fmsub)
FMA(fnmadd)
FMA(fnmsub)
#undef FMA

/* Control: canonicalising alone misses that flag. */
static bool FN(bad_fmadd_canon)(const uint64_t *in, uint64_t *ret)
{
    *ret = FN(canon)(FN(hw_fmadd)(FN(load)(in[0]), FN(load)(in[1]), FN(load)(in[2])));
    return true;
}

/* ---- C: min, max. ucomis a,b; jp -> NaN path; both orders, or / and ---- */

static inline bool FN(is_nan)(uint64_t v)
{
    return (UT) (v << 1) > (UT) ((uint64_t) EXPF_INF << (FRAC + 1));
}

/* The NaN path: integer code, no flag beyond what ucomis raised. */
static inline uint64_t FN(pick_number)(uint64_t a, uint64_t b)
{
    return !FN(is_nan)(a) ? a : !FN(is_nan)(b) ? b : CANON;
}

static bool FN(r_min)(const uint64_t *in, uint64_t *ret)
{
    FT a = FN(load)(in[0]), b = FN(load)(in[1]);
    if (FN(hw_ucomi)(a, b).p)
        *ret = FN(pick_number)(FN(bits)(a), FN(bits)(b));
    else
        *ret = FN(bits)(FN(hw_min)(a, b)) | FN(bits)(FN(hw_min)(b, a));
    return true;
}

static bool FN(r_max)(const uint64_t *in, uint64_t *ret)
{
    FT a = FN(load)(in[0]), b = FN(load)(in[1]);
    if (FN(hw_ucomi)(a, b).p)
        *ret = FN(pick_number)(FN(bits)(a), FN(bits)(b));
    else
        *ret = FN(bits)(FN(hw_max)(a, b)) & FN(bits)(FN(hw_max)(b, a));
    return true;
}

/* Control: minsd signals for quiet NaNs. */
static bool FN(bad_min_untested)(const uint64_t *in, uint64_t *ret)
{
    FT a = FN(load)(in[0]), b = FN(load)(in[1]);
    uint64_t r = FN(bits)(FN(hw_min)(a, b)) | FN(bits)(FN(hw_min)(b, a));
    *ret = FN(hw_ucomi)(a, b).p ? FN(pick_number)(FN(bits)(a), FN(bits)(b)) : r;
    return true;
}

/* ---- D: compares ---- */

/* ucomis a,b; sete, setnp, and */
static bool FN(r_feq)(const uint64_t *in, uint64_t *ret)
{
    Eflags f = FN(hw_ucomi)(FN(load)(in[0]), FN(load)(in[1]));
    *ret = f.z & !f.p;
    return true;
}

/* The operands are exchanged, so that "above" is false for unordered: comis b,a; seta / setae */
static bool FN(r_flt)(const uint64_t *in, uint64_t *ret)
{
    Eflags f = FN(hw_comi)(FN(load)(in[1]), FN(load)(in[0]));
    *ret = !f.c & !f.z;
    return true;
}

static bool FN(r_fle)(const uint64_t *in, uint64_t *ret)
{
    *ret = !FN(hw_comi)(FN(load)(in[1]), FN(load)(in[0])).c;
    return true;
}

static bool FN(r_fltq)(const uint64_t *in, uint64_t *ret)
{
    Eflags f = FN(hw_ucomi)(FN(load)(in[1]), FN(load)(in[0]));
    *ret = !f.c & !f.z;
    return true;
}

static bool FN(r_fleq)(const uint64_t *in, uint64_t *ret)
{
    *ret = !FN(hw_ucomi)(FN(load)(in[1]), FN(load)(in[0])).c;
    return true;
}

/* Control: the quiet compare where the signalling one is asked for. */
static bool FN(bad_flt_quiet)(const uint64_t *in, uint64_t *ret)
{
    return FN(r_fltq)(in, ret);
}

/* ---- E: to signed integers. cvt; cmp r,1; jo -> fix-up: ucomis 0,x; sbb r,0 ---- */

/* The indefinite value is the right one for negative x, one less (the maximum) for positive x and NaN. When
 * x is NaN the conversion has raised invalid already, so the compare adds nothing. */
static inline unsigned FN(positive_or_nan)(FT x)
{
    return FN(hw_ucomi)(FN(load)(0), x).c;
}

#define TO_SIGNED(name, cvt, min, arg)                                                                       \
    static bool FN(r_##name)(const uint64_t *in, uint64_t *ret)                                              \
    {                                                                                                        \
        FT x = FN(load)(in[0]), y = arg;                                                                     \
        uint64_t r = FN(cvt)(y);                                                                             \
        if (r == min)                                                                                        \
            r -= FN(positive_or_nan)(y);                                                                     \
        *ret = r;                                                                                            \
        return true;                                                                                         \
    }
TO_SIGNED(w_rtz, hw_cvtt32, INT32_MIN_BITS, x)
TO_SIGNED(l_rtz, hw_cvtt64, INT64_MIN_BITS, x)
TO_SIGNED(w_dyn, hw_cvt32, INT32_MIN_BITS, x)
TO_SIGNED(l_dyn, hw_cvt64, INT64_MIN_BITS, x)
/* Static rounding: round (raising inexact), then truncate. Only where no value with a fraction is near the
 * end of the range: everything but f64 to 32 bits. */
TO_SIGNED(l_rne, hw_cvtt64, INT64_MIN_BITS, FN(hw_round_rne)(x))
TO_SIGNED(l_rdn, hw_cvtt64, INT64_MIN_BITS, FN(hw_round_rdn)(x))
TO_SIGNED(l_rup, hw_cvtt64, INT64_MIN_BITS, FN(hw_round_rup)(x))
TO_SIGNED(w_rne_direct, hw_cvtt32, INT32_MIN_BITS, FN(hw_round_rne)(x))
TO_SIGNED(w_rdn_direct, hw_cvtt32, INT32_MIN_BITS, FN(hw_round_rdn)(x))
TO_SIGNED(w_rup_direct, hw_cvtt32, INT32_MIN_BITS, FN(hw_round_rup)(x))
#undef TO_SIGNED

/* f64 to 32 bits, static rounding: round without inexact, truncate, and when that was in range truncate x
 * itself once more for its inexact. The minimum, rightly or as indefinite, -> helper. */
#define TO_W_STATIC(name, round)                                                                             \
    static bool FN(r_##name)(const uint64_t *in, uint64_t *ret)                                              \
    {                                                                                                        \
        FT x = FN(load)(in[0]);                                                                              \
        *ret = FN(hw_cvtt32)(FN(round)(x));                                                                  \
        if (*ret == INT32_MIN_BITS)                                                                          \
            return false;                                                                                    \
        FN(hw_cvtt32)(x);                                                                                    \
        return true;                                                                                         \
    }
TO_W_STATIC(w_rne, hw_round_rne_quiet)
TO_W_STATIC(w_rdn, hw_round_rdn_quiet)
TO_W_STATIC(w_rup, hw_round_rup_quiet)
#undef TO_W_STATIC

/* Ties away: truncate, take the exact remainder, step away from zero when it is a half or more. Same limits
 * as the static roundings above. */
#define TO_RMM(name, cvt, from, min, sext)                                                                   \
    static bool FN(r_##name)(const uint64_t *in, uint64_t *ret)                                              \
    {                                                                                                        \
        FT x = FN(load)(in[0]);                                                                              \
        uint64_t r = FN(cvt)(x);                                                                             \
        if (r == min)                                                                                        \
            return false;                                                                                    \
        FT rest = FN(hw_sub)(x, FN(from)(sext r));                                                           \
        r += !FN(hw_ucomi)(rest, FN(load)(HALF)).c;        /* rest >= 0.5 */                                 \
        r -= !FN(hw_ucomi)(FN(load)(HALF | SIGN), rest).c; /* -0.5 >= rest */                                \
        *ret = sext r;                                                                                       \
        return true;                                                                                         \
    }
TO_RMM(l_rmm, hw_cvtt64, hw_from_i64, INT64_MIN_BITS, (uint64_t))
TO_RMM(w_rmm_direct, hw_cvtt32, hw_from_i32, INT32_MIN_BITS, (uint32_t))
#undef TO_RMM

/* f64 to 32 bits: far from the ends only; lea t,[bits+bits]; shr t,FRAC+1; cmp; jae -> helper. */
static bool FN(r_w_rmm)(const uint64_t *in, uint64_t *ret)
{
    if ((UT) (in[0] << 1) >> (FRAC + 1) >= EXPF(30))
        return false;
    return FN(r_w_rmm_direct)(in, ret);
}

/* ---- F: to unsigned integers. Integer test of sign and exponent; outside -> helper ---- */

/* shr bits,FRAC; cmp field,imm; jae -> helper: negative numbers, -0, NaN and 2^e upwards fail. */
#define TO_UNSIGNED(name, e, cvt, round)                                                                     \
    static bool FN(r_##name)(const uint64_t *in, uint64_t *ret)                                              \
    {                                                                                                        \
        FT x = FN(load)(in[0]);                                                                              \
        if (FN(bits)(x) >> FRAC >= EXPF(e))                                                                  \
            return false;                                                                                    \
        *ret = FN(cvt)(round(x));                                                                            \
        return true;                                                                                         \
    }
TO_UNSIGNED(wu_rtz, 32, hw_cvtt64, )
TO_UNSIGNED(lu_rtz, 63, hw_cvtt64, )
TO_UNSIGNED(lu_dyn, 63, hw_cvt64, )
TO_UNSIGNED(lu_rne, 63, hw_cvtt64, FN(hw_round_rne))
TO_UNSIGNED(lu_rdn, 63, hw_cvtt64, FN(hw_round_rdn))
TO_UNSIGNED(lu_rup, 63, hw_cvtt64, FN(hw_round_rup))
/* Rounding may carry f64 to 2^32: half the range there, all of it for f32. */
TO_UNSIGNED(wu_dyn, WU_ROUND_EXP, hw_cvt64, )
TO_UNSIGNED(wu_rne, WU_ROUND_EXP, hw_cvtt64, FN(hw_round_rne))
TO_UNSIGNED(wu_rdn, WU_ROUND_EXP, hw_cvtt64, FN(hw_round_rdn))
TO_UNSIGNED(wu_rup, WU_ROUND_EXP, hw_cvtt64, FN(hw_round_rup))
#if FRAC == 52
TO_UNSIGNED(wu_dyn_far, 32, hw_cvt64, ) /* control: one octave too far */
#endif
#undef TO_UNSIGNED

/* The same ranges by quiet compares with constants: x < 2^n; then above -1 when truncating, else not below 0.
 * A signaling NaN raises invalid in the compare, which is due. */
#define TO_UNSIGNED_CMP(name, limit, cvt, low_ok)                                                            \
    static bool FN(r_##name)(const uint64_t *in, uint64_t *ret)                                              \
    {                                                                                                        \
        FT x = FN(load)(in[0]);                                                                              \
        if (!FN(hw_ucomi)(x, FN(load)((uint64_t) EXPF(limit) << FRAC)).c || !(low_ok))                       \
            return false;                                                                                    \
        *ret = FN(cvt)(x);                                                                                   \
        return true;                                                                                         \
    }
#define ABOVE_MINUS_1 FN(above)(x, FN(load)(SIGN | (uint64_t) EXPF(0) << FRAC))
#define NOT_BELOW_0   !FN(hw_ucomi)(x, FN(load)(0)).c
static inline bool FN(above)(FT x, FT y)
{
    Eflags f = FN(hw_ucomi)(x, y);
    return !f.c && !f.z;
}
TO_UNSIGNED_CMP(wu_rtz_cmp, 31, hw_cvtt64, ABOVE_MINUS_1)
TO_UNSIGNED_CMP(lu_rtz_cmp, 63, hw_cvtt64, ABOVE_MINUS_1)
TO_UNSIGNED_CMP(wu_dyn_cmp, 31, hw_cvt64, NOT_BELOW_0)
TO_UNSIGNED_CMP(lu_dyn_cmp, 63, hw_cvt64, NOT_BELOW_0)
#undef ABOVE_MINUS_1
#undef NOT_BELOW_0
#undef TO_UNSIGNED_CMP

/* Upper half of the 64-bit range: x - 2^63 is exact, there is no fraction left. */
static bool FN(r_lu_rtz_full)(const uint64_t *in, uint64_t *ret)
{
    FT x = FN(load)(in[0]);
    uint64_t field = FN(bits)(x) >> FRAC;
    if (field < EXPF(63))
        *ret = FN(hw_cvtt64)(x);
    else if (field < EXPF(64))
        *ret = FN(hw_cvtt64)(FN(hw_sub)(x, FN(load)((uint64_t) EXPF(63) << FRAC))) ^ INT64_MIN_BITS;
    else
        return false;
    return true;
}

/* Control: the 64-bit conversion with the range test behind it. */
static bool FN(bad_wu_late_test)(const uint64_t *in, uint64_t *ret)
{
    *ret = FN(hw_cvtt64)(FN(load)(in[0]));
    return *ret == (uint32_t) *ret;
}

/* AVX-512: native, exact flags; all ones is the answer or out of range, NaN or negative. */
#define TO_UNSIGNED_512(name, cvt, ones)                                                                     \
    static bool FN(r_##name)(const uint64_t *in, uint64_t *ret)                                              \
    {                                                                                                        \
        *ret = FN(cvt)(FN(load)(in[0]));                                                                     \
        return *ret != ones;                                                                                 \
    }
TO_UNSIGNED_512(wu_rtz_512, hw_cvttu32, 0xffffffffu)
TO_UNSIGNED_512(lu_rtz_512, hw_cvttu64, ~0ull)
TO_UNSIGNED_512(wu_dyn_512, hw_cvtu32, 0xffffffffu)
TO_UNSIGNED_512(lu_dyn_512, hw_cvtu64, ~0ull)
#undef TO_UNSIGNED_512

/* ---- G: from integers ---- */

static bool FN(r_from_w)(const uint64_t *in, uint64_t *ret)
{
    *ret = FN(bits)(FN(hw_from_i32)((uint32_t) in[0]));
    return true;
}

static bool FN(r_from_wu)(const uint64_t *in, uint64_t *ret)
{
    *ret = FN(bits)(FN(hw_from_i64)((uint32_t) in[0]));
    return true;
}

static bool FN(r_from_l)(const uint64_t *in, uint64_t *ret)
{
    *ret = FN(bits)(FN(hw_from_i64)(in[0]));
    return true;
}

/* Negative as signed: halve keeping the lost bit sticky, convert, double (exact). */
static bool FN(r_from_lu)(const uint64_t *in, uint64_t *ret)
{
    uint64_t v = in[0];
    FT r;
    if ((int64_t) v >= 0) {
        r = FN(hw_from_i64)(v);
    } else {
        r = FN(hw_from_i64)(v >> 1 | (v & 1));
        r = FN(hw_add)(r, r);
    }
    *ret = FN(bits)(r);
    return true;
}

static bool FN(r_from_lu_512)(const uint64_t *in, uint64_t *ret)
{
    *ret = FN(bits)(FN(hw_from_u64_avx512)(in[0]));
    return true;
}

/* Static rounding: numbers that fit the significand are exact in every mode; others -> helper. */
static bool FN(r_from_l_static)(const uint64_t *in, uint64_t *ret)
{
    if ((uint64_t) ((int64_t) in[0] >> (FRAC + 1)) + 1 > 1)
        return false;
    *ret = FN(bits)(FN(hw_from_i64)(in[0]));
    return true;
}

static bool FN(r_from_lu_static)(const uint64_t *in, uint64_t *ret)
{
    if (in[0] >> (FRAC + 1))
        return false;
    *ret = FN(bits)(FN(hw_from_i64)(in[0]));
    return true;
}

static bool FN(r_from_w_static)(const uint64_t *in, uint64_t *ret)
{
    const uint64_t wide = (uint64_t) (int32_t) in[0];
    return FN(r_from_l_static)(&wide, ret);
}

static bool FN(r_from_wu_static)(const uint64_t *in, uint64_t *ret)
{
    const uint64_t wide = (uint32_t) in[0];
    return FN(r_from_lu_static)(&wide, ret);
}

/* Control: looking whether the way back gives the same, which is invalid where 2^63 - 1 has become 2^63. */
static bool FN(bad_from_l_back)(const uint64_t *in, uint64_t *ret)
{
    FT r = FN(hw_from_i64)(in[0]);
    *ret = FN(bits)(r);
    return FN(hw_cvtt64)(r) == in[0];
}

/* Control: without the sticky bit. */
static bool FN(bad_from_lu_lossy)(const uint64_t *in, uint64_t *ret)
{
    FT r = FN(hw_from_i64)((int64_t) in[0] >= 0 ? in[0] : in[0] >> 1);
    if ((int64_t) in[0] < 0)
        r = FN(hw_add)(r, r);
    *ret = FN(bits)(r);
    return true;
}

/* ---- H: round to integral (Zfa fround, froundnx). rounds imm; NaN check ---- */

#define ROUND(name)                                                                                          \
    static bool FN(r_##name)(const uint64_t *in, uint64_t *ret)                                              \
    {                                                                                                        \
        *ret = FN(canon)(FN(hw_##name)(FN(load)(in[0])));                                                    \
        return true;                                                                                         \
    }
ROUND(round_rne)
ROUND(round_rtz)
ROUND(round_rdn)
ROUND(round_rup)
ROUND(round_dyn)
ROUND(round_rne_quiet)
ROUND(round_rtz_quiet)
ROUND(round_rdn_quiet)
ROUND(round_rup_quiet)
ROUND(round_dyn_quiet)
#undef ROUND

/* ---- I: static rounding of arithmetic. stmxcsr; new RC; ldmxcsr; op; stmxcsr; old RC; ldmxcsr ---- */

static inline uint32_t FN(rc_swap)(unsigned rc)
{
    uint32_t old = mxcsr_get();
    mxcsr_set((old & ~MXCSR_RC) | rc << 13);
    return old & MXCSR_RC;
}

#define STATIC_ARITH(name, op, rc)                                                                           \
    static bool FN(r_##name)(const uint64_t *in, uint64_t *ret)                                              \
    {                                                                                                        \
        uint32_t old = FN(rc_swap)(rc);                                                                      \
        FT r = FN(hw_##op)(FN(load)(in[0]), FN(load)(in[1]));                                                \
        mxcsr_set((mxcsr_get() & ~MXCSR_RC) | old);                                                          \
        *ret = FN(canon)(r);                                                                                 \
        return true;                                                                                         \
    }
STATIC_ARITH(add_rtz, add, 3)
STATIC_ARITH(mul_rdn, mul, 1)
STATIC_ARITH(div_rup, div, 2)
#undef STATIC_ARITH
