/* Reads RvFpRecords and compares each with softfp: result and fflags. Exit status 1 if any differs. */
#include <inttypes.h>
#include <stdio.h>

#define print_message(...) fprintf(stderr, __VA_ARGS__)
#include "../../unit/softfp_operands.h"
#include "softfp_rv.h"

static SoftfpRes expected(const RvFpRecord *r)
{
    SoftfpMode m = {.round = r->round};
    SoftfpFmt f = r->fmt;

    switch (r->op) {
    case RVF_ADD: return softfp_add(f, m, r->a, r->b);
    case RVF_SUB: return softfp_sub(f, m, r->a, r->b);
    case RVF_MUL: return softfp_mul(f, m, r->a, r->b);
    case RVF_DIV: return softfp_div(f, m, r->a, r->b);
    case RVF_SQRT: return softfp_sqrt(f, m, r->a);
    case RVF_MIN: return softfp_min(f, m, r->a, r->b);
    case RVF_MAX: return softfp_max(f, m, r->a, r->b);
    case RVF_EQ: return softfp_cmp(f, m, SOFTFP_EQ, r->a, r->b);
    case RVF_LT: return softfp_cmp(f, m, SOFTFP_LT, r->a, r->b);
    case RVF_LE: return softfp_cmp(f, m, SOFTFP_LE, r->a, r->b);
    case RVF_CLASS: return (SoftfpRes){softfp_class(f, r->a), 0};
    case RVF_FMADD: return softfp_fma(f, m, 0, r->a, r->b, r->c);
    case RVF_FMSUB: return softfp_fma(f, m, SOFTFP_NEG_ADDEND, r->a, r->b, r->c);
    case RVF_FNMSUB: return softfp_fma(f, m, SOFTFP_NEG_PRODUCT, r->a, r->b, r->c);
    case RVF_FNMADD: return softfp_fma(f, m, SOFTFP_NEG_PRODUCT | SOFTFP_NEG_ADDEND, r->a, r->b, r->c);
    case RVF_TO_W: return softfp_to_int(f, m, r->a, 32, false);
    case RVF_TO_WU: return softfp_to_int(f, m, r->a, 32, true);
    case RVF_TO_L: return softfp_to_int(f, m, r->a, 64, false);
    case RVF_TO_LU: return softfp_to_int(f, m, r->a, 64, true);
    case RVF_FROM_W: return softfp_from_int(f, m, r->a, 32, false);
    case RVF_FROM_WU: return softfp_from_int(f, m, r->a, 32, true);
    case RVF_FROM_L: return softfp_from_int(f, m, r->a, 64, false);
    case RVF_FROM_LU: return softfp_from_int(f, m, r->a, 64, true);
    default: return softfp_cvt(r->op - RVF_TO_H, f, m, r->a);
    }
}

/* Bits of the destination that count. */
static unsigned result_width(const RvFpRecord *r)
{
    if (r->op == RVF_TO_W || r->op == RVF_TO_WU)
        return 32;
    if (r->op == RVF_TO_L || r->op == RVF_TO_LU || (r->op >= RVF_EQ && r->op <= RVF_CLASS))
        return 64;
    return fmt_facts[r->op >= RVF_TO_H ? r->op - RVF_TO_H : r->fmt].width;
}

/* fflags: NX 1, UF 2, OF 4, DZ 8, NV 16. */
static unsigned fflags_of(uint32_t flags)
{
    return (flags & SOFTFP_INEXACT ? 1 : 0) | (flags & SOFTFP_UNDERFLOW ? 2 : 0) |
           (flags & SOFTFP_OVERFLOW ? 4 : 0) | (flags & SOFTFP_DIVZERO ? 8 : 0) |
           (flags & SOFTFP_INVALID ? 16 : 0);
}

int main(void)
{
    static unsigned long seen[3][RVF_COUNT];
    unsigned long total = 0, wrong = 0, kinds = 0;
    RvFpRecord r;

    while (fread(&r, sizeof(r), 1, stdin) == 1) {
        SoftfpRes e = expected(&r);
        unsigned width = result_width(&r), ff = fflags_of(e.flags);
        kinds += !seen[r.fmt][r.op]++;
        total++;
        if ((r.result & ~0ull >> (64 - width)) == e.bits && r.fflags == ff)
            continue;
        if (wrong++ < 40)
            printf("op %d %s round %d: %#" PRIx64 " %#" PRIx64 " %#" PRIx64 ": there %#" PRIx64
                   " fflags %#x, softfp %#" PRIx64 " fflags %#x\n",
                   r.op, fmt_facts[r.fmt].name, r.round, r.a, r.b, r.c, r.result, r.fflags, e.bits, ff);
    }
    printf("%lu instructions of %lu kinds compared, %lu differ\n", total, kinds, wrong);
    return wrong || !total;
}
