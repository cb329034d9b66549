/* Reads ArmFpRecords and compares each with softfp: result and FPSR. Exit status 1 if any differs. */
#include <inttypes.h>
#include <stdio.h>

#define print_message(...) fprintf(stderr, __VA_ARGS__)
#include "../../unit/softfp_operands.h"
#include "softfp_arm.h"

static SoftfpMode rounded(SoftfpMode m, unsigned round)
{
    m.round = (uint8_t)round;
    return m;
}

static SoftfpRes plain(uint64_t v) { return (SoftfpRes){v, 0}; }

/* N 8, Z 4, C 2, V 1 at bit 28. */
static SoftfpRes nzcv(SoftfpFmt f, SoftfpMode m, SoftfpCond cond, uint64_t a, uint64_t b)
{
    SoftfpRes lt = softfp_cmp(f, m, cond, a, b);
    uint64_t v = softfp_cmp(f, m, SOFTFP_UNO, a, b).bits  ? 3
                 : softfp_cmp(f, m, SOFTFP_EQ, a, b).bits ? 6
                 : lt.bits                                ? 8
                                                          : 2;
    return (SoftfpRes){v << 28, lt.flags};
}

static SoftfpMode mode_of(SoftfpFmt f, uint32_t fpcr)
{
    static const uint8_t round[] = {SOFTFP_RNE, SOFTFP_RUP, SOFTFP_RDN, SOFTFP_RTZ};
    uint8_t flush = f == SOFTFP_F16 ? fpcr >> 19 & 1 : fpcr >> 24 & 1;
    return (SoftfpMode){.round = round[fpcr >> 22 & 3],
                        .nan = fpcr >> 25 & 1 ? SOFTFP_NAN_ARM_DN : SOFTFP_NAN_ARM,
                        .ftz = flush, .daz = flush, .tiny_before = 1};
}

/* For conversions between formats: the mode is that of f32 and f64, and the alternative f16 counts. */
static SoftfpMode cvt(const ArmFpRecord *r)
{
    SoftfpMode m = mode_of(SOFTFP_F32, r->fpcr);
    m.ahp = r->fpcr >> 26 & 1;
    return m;
}

static SoftfpRes expected(const ArmFpRecord *r, unsigned *ret_width, const char **ret_name)
{
    uint64_t a = r->a, b = r->b, c = r->c;
    switch (r->op) {
#define ROW(id, text, fmt, width, expr)                                                                      \
    case AFP_##id: {                                                                                         \
        SoftfpFmt f = SOFTFP_##fmt;                                                                          \
        SoftfpMode m = mode_of(f, r->fpcr);                                                                  \
        *ret_width = width;                                                                                  \
        *ret_name = #id;                                                                                     \
        (void)b, (void)c, (void)f, (void)m;                                                                  \
        return expr;                                                                                         \
    }
#include "softfp_arm_rows.inc.h"
#undef ROW
    }
    return (SoftfpRes){0};
}

/* FPSR: IOC 1, DZC 2, OFC 4, UFC 8, IXC 16, IDC 128. */
static uint32_t fpsr_of(uint32_t flags)
{
    return (flags & SOFTFP_INVALID ? 1u : 0) | (flags & SOFTFP_DIVZERO ? 2u : 0) |
           (flags & SOFTFP_OVERFLOW ? 4u : 0) | (flags & SOFTFP_UNDERFLOW ? 8u : 0) |
           (flags & SOFTFP_INEXACT ? 16u : 0) | (flags & SOFTFP_DENORM ? 128u : 0);
}

int main(void)
{
    static unsigned long wrong_of[AFP_COUNT];
    unsigned long total = 0, wrong = 0, kinds = 0;
    static unsigned char seen[AFP_COUNT];
    ArmFpRecord r;

    while (fread(&r, sizeof(r), 1, stdin) == 1) {
        unsigned width = 64;
        const char *name = "?";
        SoftfpRes e = expected(&r, &width, &name);
        kinds += !seen[r.op];
        seen[r.op] = 1;
        total++;
        if ((r.result & ~0ull >> (64 - width)) == e.bits && r.fpsr == fpsr_of(e.flags))
            continue;
        wrong++;
        if (wrong_of[r.op]++ < 4)
            printf("%s fpcr %#x: %#" PRIx64 " %#" PRIx64 " %#" PRIx64 ": there %#" PRIx64
                   " fpsr %#x, softfp %#" PRIx64 " fpsr %#x\n",
                   name, r.fpcr, r.a, r.b, r.c, r.result, r.fpsr, e.bits, fpsr_of(e.flags));
    }
    printf("%lu instructions of %lu kinds compared, %lu differ\n", total, kinds, wrong);
    return wrong || !total;
}
