/* vrcp14, vrsqrt14 in both precisions, packed and scalar, under masks: the relative error is at most 2^-14
 * and special values are what the manual's tables say. Runs on the emulator with AVX-512; natively it shows
 * that the processor passes. Source: Intel SDM volume 2. */
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned wrong;

static double f64(uint64_t v)
{
    double d;
    memcpy(&d, &v, 8);
    return d;
}
static float f32(uint32_t v)
{
    float f;
    memcpy(&f, &v, 4);
    return f;
}
static uint64_t bits64(double d)
{
    uint64_t v;
    memcpy(&v, &d, 8);
    return v;
}

static void want(const char *what, double x, double got, double exact)
{
    double error = (got - exact) / exact;
    if (!(error < 0x1p-14 && error > -0x1p-14)) {
        printf("%s of %a: %a, error %a\n", what, x, got, error);
        wrong++;
    }
}

static void same(const char *what, uint64_t got, uint64_t right)
{
    if (got != right) {
        printf("%s: %lx, not %lx\n", what, (unsigned long)got, (unsigned long)right);
        wrong++;
    }
}

/* Lanes that the mask leaves out keep what they had. */
static void one(double x, float y)
{
    __m512d r = _mm512_rcp14_pd(_mm512_set1_pd(x)), s = _mm512_rsqrt14_pd(_mm512_set1_pd(x)),
            k = _mm512_mask_rcp14_pd(_mm512_set1_pd(7), 0x40, _mm512_set1_pd(x));
    __m128 q = _mm_rcp14_ss(_mm_setzero_ps(), _mm_set_ss(y)), t = _mm_rsqrt14_ps(_mm_set1_ps(y));
    want("rcp14pd", x, r[3], 1 / x);
    want("rsqrt14pd", x, s[7], 1 / _mm_sqrt_pd(_mm_set1_pd(x))[0]);
    want("rcp14ss", y, q[0], 1 / (double)y);
    want("rsqrt14ps", y, t[3], 1 / _mm_sqrt_pd(_mm_set1_pd(y))[0]);
    same("masked", bits64(k[6]), bits64(r[0]));
    same("left out", bits64(k[5]), bits64(7));
}

static uint64_t rcp(uint64_t v)
{
    return bits64(_mm512_rcp14_pd(_mm512_set1_pd(f64(v)))[0]);
}
static uint64_t rsqrt(uint64_t v)
{
    return bits64(_mm512_rsqrt14_pd(_mm512_set1_pd(f64(v)))[0]);
}

int main(void)
{
    const uint64_t inf = 0x7ff0000000000000, sign = 1ull << 63, nan = 0x7ff8000000000005;
    uint64_t z = 1;
    for (unsigned k = 0; k < 20000; k++) {
        z = z * 6364136223846793005 + 1442695040888963407;
        one(f64(((z >> 12) & 0x000fffffffffffff) | (uint64_t)(0x3ff - 300 + z % 600) << 52),
            f32((uint32_t)((z >> 20) & 0x7fffff) | (uint32_t)(127 - 60 + z % 120) << 23));
    }
    same("1/0", rcp(0), inf);
    same("1/-0", rcp(sign), sign | inf);
    same("1/inf", rcp(inf), 0);
    same("1/-inf", rcp(sign | inf), sign);
    same("1/nan", rcp(nan), nan);
    same("rsqrt 0", rsqrt(0), inf);
    same("rsqrt -0", rsqrt(sign), sign | inf);
    same("rsqrt inf", rsqrt(inf), 0);
    same("rsqrt -1", rsqrt(0xbff0000000000000), 0xfff8000000000000);
    printf("%u wrong\n", wrong);
    return wrong != 0;
}
