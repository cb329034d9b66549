/*
 * Runs A64 floating-point instructions on corner and random operands, in all four rounding modes and the
 * modes of FPCR, and writes what came out to standard output, one ArmFpRecord each. Built for aarch64, run
 * under any implementation.
 */
#include <stdio.h>

#define print_message(...) fprintf(stderr, __VA_ARGS__)
#include "../../unit/softfp_operands.h"
#include "softfp_arm.h"

static void run(ArmFpRecord *r)
{
    uint64_t fpsr = 0;
    switch (r->op) {
#define ROW(id, text, fmt, width, expr)                                                                      \
    case AFP_##id:                                                                                           \
        __asm__ volatile("msr fpcr, %2\n msr fpsr, xzr\n fmov d0, %3\n fmov d1, %4\n fmov d2, %5\n"          \
                         "mov x0, %3\n" text "\n mrs %1, fpsr\n fmov %0, d3\n msr fpcr, xzr"                 \
                         : "=&r"(r->result), "=&r"(fpsr)                                                     \
                         : "r"((uint64_t)r->fpcr), "r"(r->a), "r"(r->b), "r"(r->c)                           \
                         : "x0", "x1", "v0", "v1", "v2", "v3", "cc");                                        \
        break;
#include "softfp_arm_rows.inc.h"
#undef ROW
    }
    r->fpsr = (uint32_t)fpsr;
}

static const struct {
    uint8_t fmt;
    bool from_int;
    uint8_t operands;
} rows[] = {
#define ROW(id, text, f, width, expr)                                                                        \
    {SOFTFP_##f, sizeof(#id) > 6 &&                                                                          \
     (!memcmp(#id, "SCVTF", 5) || !memcmp(#id, "UCVTF", 5) || !memcmp(#id, "UR", 2)),                        \
     sizeof(#expr) > 5 && strstr(#expr, ", c)") ? 3 : strstr(#expr, " b") ? 2 : 1},
#include "softfp_arm_rows.inc.h"
#undef ROW
};

static void emit(unsigned op, uint64_t a, uint64_t b, uint64_t c)
{
    enum { FZ16 = 1 << 19, FZ = 1 << 24, DN = 1 << 25, AHP = 1 << 26 };
    static const uint32_t modes[] = {0, DN, FZ, FZ16, FZ | FZ16 | DN, AHP};
    for (unsigned k = 0; k < 24; k++) {
        ArmFpRecord r = {.op = op, .fpcr = modes[k >> 2] | (k & 3) << 22, .a = a, .b = b, .c = c};
        run(&r);
        fwrite(&r, sizeof(r), 1, stdout);
    }
}

static void corners(unsigned op)
{
    SoftfpFmt f = rows[op].fmt;
    uint64_t v[MAX_CORNERS];
    unsigned n = fmt_corners(f, v);

    if (rows[op].from_int) {
        for (unsigned i = 0; i < 64; i++)
            for (int d = -2; d <= 2; d++)
                emit(op, (1ull << i) + d, 0, 0);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < (rows[op].operands > 1 ? n : 1); j += 1 + (n > 100 && (i & 3)))
            emit(op, v[i], v[j], v[(5 * i + 3 * j) % n]);
    if (rows[op].operands == 3) /* infinity times zero plus every kind of number */
        for (unsigned k = 0; k < n; k++) {
            emit(op, fmt_inf(f), 0, v[k]);
            emit(op, 0, fmt_inf(f), v[k]);
        }
}

int main(void)
{
    uint64_t s = rnd_seed();
    unsigned long rounds = rnd_rounds(1000);

    for (unsigned op = 0; op < AFP_COUNT; op++) {
        SoftfpFmt f = rows[op].fmt;
        corners(op);
        for (unsigned long i = 0; i < rounds; i++) {
            uint64_t a = rows[op].from_int ? rnd_next(&s) >> (s & 63) : rnd_operand(&s, f, rnd_next(&s));
            uint64_t b = rnd_operand(&s, f, a);
            emit(op, a, b, rnd_operand(&s, f, i & 1 ? a + b : b));
        }
    }
    return 0;
}
