/*
 * softfp with the X86 policy against the host processor: result and MXCSR flags bit for bit, in the four
 * rounding modes, with FTZ and DAZ on and off. The outside value is the hardware's.
 */
#include "tests/unit/test.h"

#ifndef __x86_64__
#include <stdio.h>
int main(void)
{
    puts("not an x86-64 host: skipped");
    return 77;
}
#else
#include <cpuid.h>

#include "tests/unit/softfp_operands.h"

typedef uint64_t HostFn(uint32_t *csr, uint64_t a, uint64_t b, uint64_t c);

/* The operation runs between two loads of MXCSR, so that no other code sees the test's environment. */
#define HOST_BODY(text, outputs)                                                                             \
    {                                                                                                        \
        uint32_t usual = 0x1f80;                                                                             \
        uint64_t r = 0;                                                                                      \
        __asm__ volatile("movq %2, %%xmm0\n movq %3, %%xmm1\n movq %4, %%xmm2\n ldmxcsr %1\n" text           \
                         "\n stmxcsr %1\n ldmxcsr %5\n" outputs                                              \
                         : "+r"(r), "+m"(*csr)                                                               \
                         : "r"(a), "r"(b), "r"(c), "m"(usual)                                                \
                         : "xmm0", "xmm1", "xmm2");                                                          \
        return r;                                                                                            \
    }
#define HOST_HEAD(name) static uint64_t name(uint32_t *csr, uint64_t a, uint64_t b, uint64_t c)
#define HOST_X(name, text) HOST_HEAD(name) HOST_BODY(text, "movq %%xmm0, %0")
#define HOST_R(name, text) HOST_HEAD(name) HOST_BODY(text, "")
#define HOST_2(name, insn)                                                                                   \
    HOST_X(name##_f32, insn "ss %%xmm1, %%xmm0") HOST_X(name##_f64, insn "sd %%xmm1, %%xmm0")
#define HOST_FMA(name)                                                                                       \
    HOST_X(name##_f32, #name "132ss %%xmm1, %%xmm2, %%xmm0")                                                 \
    HOST_X(name##_f64, #name "132sd %%xmm1, %%xmm2, %%xmm0")
#define HOST_CMP(name, imm)                                                                                  \
    HOST_X(name##_f32, "vcmpss $" imm ", %%xmm1, %%xmm0, %%xmm0")                                            \
    HOST_X(name##_f64, "vcmpsd $" imm ", %%xmm1, %%xmm0, %%xmm0")

HOST_2(add, "add")
HOST_2(sub, "sub")
HOST_2(mul, "mul")
HOST_2(div, "div")
HOST_2(min, "min")
HOST_2(max, "max")
HOST_X(sqrt_f32, "sqrtss %%xmm0, %%xmm0")
HOST_X(sqrt_f64, "sqrtsd %%xmm0, %%xmm0")
HOST_CMP(eq, "0")
HOST_CMP(lt, "1")
HOST_CMP(le, "2")
HOST_CMP(ltq, "0x11")
HOST_CMP(leq, "0x12")
HOST_CMP(uno, "3")
HOST_FMA(vfmadd)
HOST_FMA(vfmsub)
HOST_FMA(vfnmadd)
HOST_FMA(vfnmsub)
/* The other operand forms choose NaNs in the order of the formula too: 213 is b * a + c, 231 is b * c + a. */
HOST_X(fma213_f32, "vfmadd213ss %%xmm2, %%xmm0, %%xmm1\n movaps %%xmm1, %%xmm0")
HOST_X(fma213_f64, "vfmadd213sd %%xmm2, %%xmm0, %%xmm1\n movaps %%xmm1, %%xmm0")
HOST_X(fma231_f32, "vfmadd231ss %%xmm1, %%xmm0, %%xmm2\n movaps %%xmm2, %%xmm0")
HOST_X(fma231_f64, "vfmadd231sd %%xmm1, %%xmm0, %%xmm2\n movaps %%xmm2, %%xmm0")
HOST_X(cvt_f64_f32, "cvtss2sd %%xmm0, %%xmm0")
HOST_X(cvt_f32_f64, "cvtsd2ss %%xmm0, %%xmm0")
HOST_X(cvt_f16_f32, "vcvtps2ph $4, %%xmm0, %%xmm0")
HOST_X(cvt_f32_f16, "vpsllq $48, %%xmm0, %%xmm0\n vpsrlq $48, %%xmm0, %%xmm0\n vcvtph2ps %%xmm0, %%xmm0")
HOST_X(rint_f32, "roundss $4, %%xmm0, %%xmm0")
HOST_X(rint_f64, "roundsd $4, %%xmm0, %%xmm0")
HOST_X(nearby_f32, "roundss $12, %%xmm0, %%xmm0")
HOST_X(nearby_f64, "roundsd $12, %%xmm0, %%xmm0")
HOST_R(to_i32_f32, "cvtss2si %%xmm0, %k0")
HOST_R(to_i32_f64, "cvtsd2si %%xmm0, %k0")
HOST_R(to_i64_f32, "cvtss2si %%xmm0, %q0")
HOST_R(to_i64_f64, "cvtsd2si %%xmm0, %q0")
HOST_R(to_u32_f32, "vcvtss2usi %%xmm0, %k0")
HOST_R(to_u32_f64, "vcvtsd2usi %%xmm0, %k0")
HOST_R(to_u64_f32, "vcvtss2usi %%xmm0, %q0")
HOST_R(to_u64_f64, "vcvtsd2usi %%xmm0, %q0")
HOST_X(from_i32_f32, "cvtsi2ss %k2, %%xmm0")
HOST_X(from_i32_f64, "cvtsi2sd %k2, %%xmm0")
HOST_X(from_i64_f32, "cvtsi2ss %q2, %%xmm0")
HOST_X(from_i64_f64, "cvtsi2sd %q2, %%xmm0")
HOST_X(from_u32_f32, "vcvtusi2ss %k2, %%xmm0, %%xmm0")
HOST_X(from_u32_f64, "vcvtusi2sd %k2, %%xmm0, %%xmm0")
HOST_X(from_u64_f32, "vcvtusi2ss %q2, %%xmm0, %%xmm0")
HOST_X(from_u64_f64, "vcvtusi2sd %q2, %%xmm0, %%xmm0")

typedef SoftfpRes SoftFn(SoftfpFmt f, SoftfpMode m, uint64_t a, uint64_t b, uint64_t c);
#define SOFT(name, expr)                                                                                     \
    static SoftfpRes name(SoftfpFmt f, SoftfpMode m, uint64_t a, uint64_t b, uint64_t c)                     \
    {                                                                                                        \
        return expr;                                                                                         \
    }
SOFT(s_add, softfp_add(f, m, a, b))
SOFT(s_sub, softfp_sub(f, m, a, b))
SOFT(s_mul, softfp_mul(f, m, a, b))
SOFT(s_div, softfp_div(f, m, a, b))
SOFT(s_min, softfp_min(f, m, a, b))
SOFT(s_max, softfp_max(f, m, a, b))
SOFT(s_sqrt, softfp_sqrt(f, m, a))
SOFT(s_eq, softfp_cmp(f, m, SOFTFP_EQ, a, b))
SOFT(s_lt, softfp_cmp(f, m, SOFTFP_LT, a, b))
SOFT(s_le, softfp_cmp(f, m, SOFTFP_LE, a, b))
SOFT(s_ltq, softfp_cmp(f, m, SOFTFP_LTQ, a, b))
SOFT(s_leq, softfp_cmp(f, m, SOFTFP_LEQ, a, b))
SOFT(s_uno, softfp_cmp(f, m, SOFTFP_UNO, a, b))
SOFT(s_fma0, softfp_fma(f, m, 0, a, b, c))
SOFT(s_fma1, softfp_fma(f, m, 1, a, b, c))
SOFT(s_fma2, softfp_fma(f, m, 2, a, b, c))
SOFT(s_fma3, softfp_fma(f, m, 3, a, b, c))
SOFT(s_rint, softfp_round_to_int(f, m, a, true))
SOFT(s_nearby, softfp_round_to_int(f, m, a, false))
SOFT(s_to_i32, softfp_to_int(f, m, a, 32, false))
SOFT(s_to_u32, softfp_to_int(f, m, a, 32, true))
SOFT(s_to_i64, softfp_to_int(f, m, a, 64, false))
SOFT(s_to_u64, softfp_to_int(f, m, a, 64, true))
SOFT(s_from_i32, softfp_from_int(f, m, a, 32, false))
SOFT(s_from_u32, softfp_from_int(f, m, a, 32, true))
SOFT(s_from_i64, softfp_from_int(f, m, a, 64, false))
SOFT(s_from_u64, softfp_from_int(f, m, a, 64, true))
/* Here f is the format of the operand. */
SOFT(s_widen, softfp_cvt(SOFTFP_F64, f, m, a))
SOFT(s_narrow, softfp_cvt(SOFTFP_F32, f, m, a))
/* F16C has no FTZ to f16, and no DAZ nor denormal flag from f16 (SDM, VCVTPS2PH, VCVTPH2PS). */
static SoftfpRes s_to_half(SoftfpFmt f, SoftfpMode m, uint64_t a, uint64_t b, uint64_t c)
{
    m.ftz = 0;
    return softfp_cvt(SOFTFP_F16, f, m, a);
}
static SoftfpRes s_from_half(SoftfpFmt f, SoftfpMode m, uint64_t a, uint64_t b, uint64_t c)
{
    m.daz = 0;
    SoftfpRes r = softfp_cvt(SOFTFP_F32, SOFTFP_F16, m, a);
    r.flags &= ~SOFTFP_DENORM;
    return r;
}

enum Need { NEED_SSE2, NEED_SSE41 = 1, NEED_AVX = 2, NEED_F16C = 4, NEED_FMA = 8, NEED_AVX512 = 16 };
enum Result { RES_FMT, RES_BOOL, RES_16, RES_32, RES_64 };

typedef struct HostOp {
    const char *name;
    uint8_t need, operands, result, is_int; /* is_int: the operand is an integer */
    SoftFn *soft;
    HostFn *host[2]; /* f32, f64; NULL: the format has none */
} HostOp;

#define ROW(name, need, n, res, isint, soft) { #name, need, n, res, isint, soft, { name##_f32, name##_f64 } }
static const HostOp host_ops[] = {
    ROW(add, 0, 2, RES_FMT, 0, s_add),
    ROW(sub, 0, 2, RES_FMT, 0, s_sub),
    ROW(mul, 0, 2, RES_FMT, 0, s_mul),
    ROW(div, 0, 2, RES_FMT, 0, s_div),
    ROW(min, 0, 2, RES_FMT, 0, s_min),
    ROW(max, 0, 2, RES_FMT, 0, s_max),
    ROW(sqrt, 0, 1, RES_FMT, 0, s_sqrt),
    ROW(eq, NEED_AVX, 2, RES_BOOL, 0, s_eq),
    ROW(lt, NEED_AVX, 2, RES_BOOL, 0, s_lt),
    ROW(le, NEED_AVX, 2, RES_BOOL, 0, s_le),
    ROW(ltq, NEED_AVX, 2, RES_BOOL, 0, s_ltq),
    ROW(leq, NEED_AVX, 2, RES_BOOL, 0, s_leq),
    ROW(uno, NEED_AVX, 2, RES_BOOL, 0, s_uno),
    ROW(vfmadd, NEED_FMA, 3, RES_FMT, 0, s_fma0),
    ROW(vfnmadd, NEED_FMA, 3, RES_FMT, 0, s_fma1),
    ROW(vfmsub, NEED_FMA, 3, RES_FMT, 0, s_fma2),
    ROW(vfnmsub, NEED_FMA, 3, RES_FMT, 0, s_fma3),
    ROW(fma213, NEED_FMA, 3, RES_FMT, 0, s_fma0),
    ROW(fma231, NEED_FMA, 3, RES_FMT, 0, s_fma0),
    ROW(rint, NEED_SSE41, 1, RES_FMT, 0, s_rint),
    ROW(nearby, NEED_SSE41, 1, RES_FMT, 0, s_nearby),
    ROW(to_i32, 0, 1, RES_32, 0, s_to_i32),
    ROW(to_i64, 0, 1, RES_64, 0, s_to_i64),
    ROW(to_u32, NEED_AVX512, 1, RES_32, 0, s_to_u32),
    ROW(to_u64, NEED_AVX512, 1, RES_64, 0, s_to_u64),
    ROW(from_i32, 0, 1, RES_FMT, 1, s_from_i32),
    ROW(from_i64, 0, 1, RES_FMT, 1, s_from_i64),
    ROW(from_u32, NEED_AVX512, 1, RES_FMT, 1, s_from_u32),
    ROW(from_u64, NEED_AVX512, 1, RES_FMT, 1, s_from_u64),
    { "cvt f64<-f32", 0, 1, RES_64, 0, s_widen, { cvt_f64_f32, NULL } },
    { "cvt f32<-f64", 0, 1, RES_32, 0, s_narrow, { NULL, cvt_f32_f64 } },
    { "cvt f16<-f32", NEED_F16C, 1, RES_16, 0, s_to_half, { cvt_f16_f32, NULL } },
    { "cvt f32<-f16", NEED_F16C, 1, RES_32, 1, s_from_half, { cvt_f32_f16, NULL } },
};

typedef struct Tally {
    unsigned long compared, wrong;
} Tally;

static uint32_t mxcsr_of(SoftfpMode m)
{
    static const uint8_t rc[] = { 0, 3, 1, 2 };
    return 0x1f80u | rc[m.round] << 13 | m.ftz << 15 | m.daz << 6;
}

/* One operation in all 16 environments. */
static void compare(const HostOp *op, SoftfpFmt f, uint64_t a, uint64_t b, uint64_t c, Tally *t)
{
    static const uint64_t masks[] = { 0, 1, 0xffff, 0xffffffff, ~0ull };
    uint64_t mask = op->result == RES_FMT ? fmt_mask(f) : masks[op->result];

    for (unsigned env = 0; env < 16; env++) {
        SoftfpMode m = { .round = env & 3, .nan = SOFTFP_NAN_X86, .ftz = env >> 2 & 1, .daz = env >> 3 };
        uint32_t csr = mxcsr_of(m);
        uint64_t want = op->host[f - SOFTFP_F32](&csr, a, b, c) & mask;
        SoftfpRes got = op->soft(f, m, a, b, c);
        t->compared++;
        if (got.bits == want && got.flags == (csr & 63))
            continue;
        if (t->wrong++ < 20)
            print_error("%s %s round %d ftz %d daz %d: %#llx %#llx %#llx: host %#llx flags %#x, "
                    "softfp %#llx flags %#x\n",
                    op->name, fmt_facts[f].name, m.round, m.ftz, m.daz, (unsigned long long)a,
                    (unsigned long long)b, (unsigned long long)c, (unsigned long long)want, csr & 63,
                    (unsigned long long)got.bits, got.flags);
    }
}

static unsigned host_has(void)
{
    unsigned has = 0;
    has |= __builtin_cpu_supports("sse4.1") ? NEED_SSE41 : 0;
    has |= __builtin_cpu_supports("avx") ? NEED_AVX : 0;
    has |= __builtin_cpu_supports("fma") ? NEED_FMA : 0;
    has |= __builtin_cpu_supports("avx512f") ? NEED_AVX512 : 0;
    unsigned a, b, c, d;
    if ((has & NEED_AVX) && __get_cpuid(1, &a, &b, &c, &d))
        has |= c & bit_F16C ? NEED_F16C : 0;
    return has;
}

typedef void EachFn(const HostOp *op, SoftfpFmt f, Tally *t);

static void for_each_op(EachFn *fn)
{
    unsigned has = host_has();
    Tally all = { 0 };

    for (unsigned i = 0; i < sizeof(host_ops) / sizeof(host_ops[0]); i++) {
        const HostOp *op = &host_ops[i];
        if (op->need & ~has) {
            print_message("%s: this host has no such instruction, not compared\n", op->name);
            continue;
        }
        for (SoftfpFmt f = SOFTFP_F32; f <= SOFTFP_F64; f++)
            if (op->host[f - SOFTFP_F32])
                fn(op, f, &all);
    }
    print_message("%lu compared, %lu wrong\n", all.compared, all.wrong);
    assert_true(all.compared > 0);
    assert_int_equal(all.wrong, 0);
}

/* Operands of an integer row: every power of two and its neighbours. */
static unsigned int_corners(uint64_t *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 64; i++) {
        out[n++] = 1ull << i;
        out[n++] = (1ull << i) - 1;
        out[n++] = (1ull << i) + 1;
        out[n++] = -(1ull << i);
    }
    return n;
}

static void corners_of(const HostOp *op, SoftfpFmt f, Tally *t)
{
    uint64_t v[256];
    unsigned n = op->is_int ? int_corners(v) : fmt_corners(f, v);

    for (unsigned i = 0; i < n; i++) {
        for (unsigned j = 0; j < (op->operands > 1 ? n : 1); j++) {
            if (op->operands < 3) {
                compare(op, f, v[i], v[j], 0, t);
                continue;
            }
            /* Three operands: every 41st corner as the third, others for each pair. */
            for (unsigned k = (i + j) % 41; k < n; k += 41)
                compare(op, f, v[i], v[j], v[k], t);
        }
    }
}

static void corners_agree_with_host(void **state)
{
    for_each_op(corners_of);
}

static void random_of(const HostOp *op, SoftfpFmt f, Tally *t)
{
    uint64_t s = rnd_seed() + (uintptr_t)(op - host_ops) * 2 + f;
    unsigned long rounds = rnd_rounds(20000);

    for (unsigned long i = 0; i < rounds; i++) {
        uint64_t a = op->is_int ? rnd_next(&s) >> (rnd_next(&s) & 63) : rnd_operand(&s, f, rnd_next(&s));
        uint64_t b = rnd_operand(&s, f, a), near = a;
        /* The addend near the product, where cancellation is. */
        if (op->operands == 3 && (i & 1)) {
            SoftfpMode m = { .round = SOFTFP_RTZ };
            near = softfp_mul(f, m, a, b).bits;
        }
        uint64_t c = rnd_operand(&s, f, near);
        if (op->operands == 3 && (i & 15) == 1)
            c = near + (rnd_next(&s) & 3);
        if (op->operands == 2 && (i & 15) == 1)
            b = (a ^ (s & fmt_sign(f))) + (s & 3);
        compare(op, f, a, b, c, t);
    }
}

static void random_operands_agree_with_host(void **state)
{
    for_each_op(random_of);
}

static void all_halves_agree_with_host(void **state)
{
    Tally t = { 0 };

    if (!(host_has() & NEED_F16C))
        skip();
    for (unsigned v = 0; v < 0x10000; v++)
        for (unsigned i = 0; i < sizeof(host_ops) / sizeof(host_ops[0]); i++)
            if (host_ops[i].soft == s_from_half)
                compare(&host_ops[i], SOFTFP_F32, v, 0, 0, &t);
    assert_int_equal(t.compared, 0x100000);
    assert_int_equal(t.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corners_agree_with_host),
        cmocka_unit_test(random_operands_agree_with_host),
        cmocka_unit_test(all_halves_agree_with_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
