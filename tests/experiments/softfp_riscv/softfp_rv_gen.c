/*
 * Runs RISC-V's F, D and Zfh instructions on corner and random operands in all five rounding modes, and
 * writes what came out to standard output, one RvFpRecord each. Built for riscv64 and run under any
 * implementation.
 */
#include <stdio.h>

#define print_message(...) fprintf(stderr, __VA_ARGS__)
#include "../../unit/softfp_operands.h"
#include "softfp_rv.h"

#define RUN(text, out, f)                                                                                    \
    __asm__ volatile("csrw fcsr, %2\n fmv." f ".x fa0, %3\n fmv." f ".x fa1, %4\n fmv." f ".x fa2, %5\n"     \
                     text "\n" out "\n csrr %1, fflags"                                                      \
                     : "=&r"(r->result), "=&r"(flags)                                                        \
                     : "r"((uint64_t)r->round << 5), "r"(r->a), "r"(r->b), "r"(r->c)                         \
                     : "fa0", "fa1", "fa2")
#define XF(t) "fmv.x." t " %0, fa0"
#define CASES(s, t)                                                                                          \
    case RVF_ADD: RUN("fadd." s " fa0, fa0, fa1", XF(t), t); break;                                          \
    case RVF_SUB: RUN("fsub." s " fa0, fa0, fa1", XF(t), t); break;                                          \
    case RVF_MUL: RUN("fmul." s " fa0, fa0, fa1", XF(t), t); break;                                          \
    case RVF_DIV: RUN("fdiv." s " fa0, fa0, fa1", XF(t), t); break;                                          \
    case RVF_SQRT: RUN("fsqrt." s " fa0, fa0", XF(t), t); break;                                             \
    case RVF_MIN: RUN("fmin." s " fa0, fa0, fa1", XF(t), t); break;                                          \
    case RVF_MAX: RUN("fmax." s " fa0, fa0, fa1", XF(t), t); break;                                          \
    case RVF_EQ: RUN("feq." s " %0, fa0, fa1", "", t); break;                                                \
    case RVF_LT: RUN("flt." s " %0, fa0, fa1", "", t); break;                                                \
    case RVF_LE: RUN("fle." s " %0, fa0, fa1", "", t); break;                                                \
    case RVF_CLASS: RUN("fclass." s " %0, fa0", "", t); break;                                               \
    case RVF_FMADD: RUN("fmadd." s " fa0, fa0, fa1, fa2", XF(t), t); break;                                  \
    case RVF_FMSUB: RUN("fmsub." s " fa0, fa0, fa1, fa2", XF(t), t); break;                                  \
    case RVF_FNMSUB: RUN("fnmsub." s " fa0, fa0, fa1, fa2", XF(t), t); break;                                \
    case RVF_FNMADD: RUN("fnmadd." s " fa0, fa0, fa1, fa2", XF(t), t); break;                                \
    case RVF_TO_W: RUN("fcvt.w." s " %0, fa0", "", t); break;                                                \
    case RVF_TO_WU: RUN("fcvt.wu." s " %0, fa0", "", t); break;                                              \
    case RVF_TO_L: RUN("fcvt.l." s " %0, fa0", "", t); break;                                                \
    case RVF_TO_LU: RUN("fcvt.lu." s " %0, fa0", "", t); break;                                              \
    case RVF_FROM_W: RUN("fcvt." s ".w fa0, %3", XF(t), t); break;                                           \
    case RVF_FROM_WU: RUN("fcvt." s ".wu fa0, %3", XF(t), t); break;                                         \
    case RVF_FROM_L: RUN("fcvt." s ".l fa0, %3", XF(t), t); break;                                           \
    case RVF_FROM_LU: RUN("fcvt." s ".lu fa0, %3", XF(t), t); break;

static void run_h(RvFpRecord *r)
{
    uint64_t flags = 0;
    switch (r->op) {
        CASES("h", "h")
    case RVF_TO_S: RUN("fcvt.s.h fa0, fa0", XF("w"), "h"); break;
    case RVF_TO_D: RUN("fcvt.d.h fa0, fa0", XF("d"), "h"); break;
    }
    r->fflags = flags;
}

static void run_s(RvFpRecord *r)
{
    uint64_t flags = 0;
    switch (r->op) {
        CASES("s", "w")
    case RVF_TO_H: RUN("fcvt.h.s fa0, fa0", XF("h"), "w"); break;
    case RVF_TO_D: RUN("fcvt.d.s fa0, fa0", XF("d"), "w"); break;
    }
    r->fflags = flags;
}

static void run_d(RvFpRecord *r)
{
    uint64_t flags = 0;
    switch (r->op) {
        CASES("d", "d")
    case RVF_TO_H: RUN("fcvt.h.d fa0, fa0", XF("h"), "d"); break;
    case RVF_TO_S: RUN("fcvt.s.d fa0, fa0", XF("w"), "d"); break;
    }
    r->fflags = flags;
}

static void emit(SoftfpFmt f, unsigned op, uint64_t a, uint64_t b, uint64_t c)
{
    static void (*const run[])(RvFpRecord *) = {run_h, run_s, run_d};

    if (op == RVF_TO_H + (unsigned)f)
        return;
    for (unsigned round = 0; round < 5; round++) {
        RvFpRecord r = {.op = op, .fmt = f, .round = round, .a = a, .b = b, .c = c};
        run[f](&r);
        fwrite(&r, sizeof(r), 1, stdout);
    }
}

static bool op_is_binary(unsigned op)
{
    return op != RVF_SQRT && op < RVF_TO_W && op != RVF_CLASS;
}

static void corners(SoftfpFmt f, unsigned op)
{
    uint64_t v[MAX_CORNERS];
    unsigned n = fmt_corners(f, v);

    if (op >= RVF_FROM_W && op <= RVF_FROM_LU) {
        for (unsigned i = 0; i < 64; i++)
            for (int d = -2; d <= 2; d++)
                emit(f, op, (1ull << i) + d, 0, 0);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < (op_is_binary(op) ? n : 1); j++)
            emit(f, op, v[i], v[j], v[(5 * i + 3 * j) % n]);
    /* Infinity times zero plus every kind of NaN. */
    if (op >= RVF_FMADD && op <= RVF_FNMADD)
        for (unsigned k = 0; k < n; k++) {
            emit(f, op, fmt_inf(f), 0, v[k]);
            emit(f, op, 0, fmt_inf(f), v[k]);
        }
}

int main(void)
{
    uint64_t s = rnd_seed();
    unsigned long rounds = rnd_rounds(3000);

    for (SoftfpFmt f = SOFTFP_F16; f <= SOFTFP_F64; f++) {
        for (unsigned op = 0; op < RVF_COUNT; op++) {
            bool from_int = op >= RVF_FROM_W && op <= RVF_FROM_LU;
            corners(f, op);
            for (unsigned long i = 0; i < rounds; i++) {
                uint64_t a = from_int ? rnd_next(&s) >> (s & 63) : rnd_operand(&s, f, rnd_next(&s));
                uint64_t b = rnd_operand(&s, f, a);
                emit(f, op, a, b, rnd_operand(&s, f, i & 1 ? a + b : b));
            }
        }
    }
    return 0;
}
