/* options: -cpu cortex-a72
 * Floating point where the host has another opinion than Arm: NaNs, invalid operations, the default NaN,
 * flushing. Each operation often enough that it is seen both before and after it is known to be such a one,
 * at EL1 and EL0, between accesses to memory. */
#include "a64_bare.h"

enum { ROUNDS = 24, IOC = 1, DZC = 2, UFC = 8, IXC = 16, DN = 1 << 25, FZ = 1 << 24 };

#define QNAN 0x7ff8000000000123ull
#define SNAN 0x7ff0000000000456ull
#define INF  0x7ff0000000000000ull
#define ONE  0x3ff0000000000000ull
#define NEG  0x8000000000000000ull
#define TINY 0x0000000000000400ull
/* Their product is below the smallest normal number, to which it is rounded: tiny, as Arm finds before
 * rounding. */
#define BARELY     0x0010000000000001ull
#define NEARLY_ONE 0x3feffffffffffffeull

/* x0 points to operands a, b, c and room for: the result, FPSR, a sum that says whether other registers were
 * kept. FPSR is read at the end only, with the flags of this round. */
#define CASE(name, insn)                                                                                     \
    __attribute__((naked, aligned(64))) static u64 name(u64 x, u64 value)                                    \
    {                                                                                                        \
        __asm__(".arch_extension fp\n .arch_extension simd\n"                                                \
                "msr fpsr, xzr\n mov x2, #3\n ldp d1, d2, [x0]\n ldr d3, [x0, #16]\n mov x3, #5\n"           \
                "fmov d4, #2.0\n mov x4, xzr\n add x2, x2, x3\n" insn "\n str d0, [x0, #24]\n"               \
                "mrs x5, fpsr\n str x5, [x0, #32]\n fmov x6, d4\n add x2, x2, x6, lsr #56\n"                 \
                "add x2, x2, x4\n str x2, [x0, #40]\n mov x0, x2\n ret");                                    \
    }
CASE(do_add, "fadd d0, d1, d2")
CASE(do_sub, "fsub d0, d1, d2")
CASE(do_mul, "fmul d0, d1, d2")
CASE(do_mulx, "fmulx d0, d1, d2")
CASE(do_div, "fdiv d0, d1, d2")
CASE(do_sqrt, "fsqrt d0, d1")
CASE(do_min, "fmin d0, d1, d2")
CASE(do_maxnm, "fmaxnm d0, d1, d2")
CASE(do_madd, "fmadd d0, d1, d2, d3")
CASE(do_nmsub, "fnmsub d0, d1, d2, d3")
CASE(do_to_int, "fcvtzs x7, d1\n fmov d0, x7")
CASE(do_to_word, "fcvtmu w7, d1\n fmov s0, w7")
CASE(do_single, "fcvt s0, d1")
CASE(do_round, "frintx d0, d1")
CASE(do_compare, "fcmp d1, d2\n cset x7, vs\n cset x8, cs\n add x7, x7, x8, lsl #1\n fmov d0, x7")
CASE(do_compare_e, "fcmpe d1, d2\n cset x7, vs\n fmov d0, x7")
CASE(do_vector, "dup v1.2d, v1.d[0]\n ins v1.d[1], v3.d[0]\n dup v2.2d, v2.d[0]\n fadd v0.2d, v1.2d, v2.2d")
CASE(do_vector_mul, "dup v1.2d, v1.d[0]\n dup v2.2d, v2.d[0]\n fmul v0.2d, v1.2d, v2.2d")
/* The operand and the result in memory, around it. */
CASE(do_chain, "fadd d5, d4, d4\n str d5, [x0, #48]\n fdiv d0, d1, d2\n ldr d6, [x0, #48]\n fadd d4, d6, "
               "d4\n fsub d4, d4, d5")

static const struct {
    const char *name;
    Op *fn;
} cases[] = {
#define ROW(n)                                                                                               \
    {                                                                                                        \
#n, do_##n                                                                                           \
    }
    ROW(add),     ROW(sub),       ROW(mul),    ROW(mulx),       ROW(div),     ROW(sqrt),   ROW(min),
    ROW(maxnm),   ROW(madd),      ROW(nmsub),  ROW(to_int),     ROW(to_word), ROW(single), ROW(round),
    ROW(compare), ROW(compare_e), ROW(vector), ROW(vector_mul), ROW(chain),
};
static const u64 operands[][3] = {
    {INF, INF | NEG, ONE},
    {0, INF, QNAN},
    {0, 0, ONE},
    {ONE | NEG, ONE, SNAN},
    {QNAN, ONE, ONE},
    {ONE, QNAN | NEG, SNAN},
    {SNAN, QNAN, ONE},
    {QNAN, SNAN, QNAN + 1},
    {ONE, 0, INF},
    {INF, 0, QNAN},
    {TINY, TINY | NEG, ONE},
    {0x43f0000000000000ull, ONE, ONE},
    {0x10000000000001ull, 0x3fe0000000000000ull, 0},
    {BARELY, NEARLY_ONE, 0},
};

static u64 *room;

static void one(unsigned level, unsigned k, unsigned n)
{
    u64 first[3] = {0};
    u64 at = (u64)room + (level == EL0 ? ALIAS : 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned j = 0; j < 3; j++)
            room[j] = operands[n][j];
        Seen s = run(level, cases[k].fn, at, 0);
        CHECK_EQ(s.ec, NO_TRAP);
        CHECK_EQ(s.value, 8 + 0x40);
        for (unsigned j = 0; j < 3; j++) {
            if (round == 0)
                first[j] = room[3 + j];
            CHECK_EQ(room[3 + j], first[j]);
        }
    }
    report(cases[k].name, first[0], first[1]);
}

static void all(unsigned level)
{
    for (unsigned k = 0; k < sizeof(cases) / sizeof(*cases); k++)
        for (unsigned n = 0; n < sizeof(operands) / sizeof(*operands); n++)
            one(level, k, n);
}

/* What the manual says, for a few, whoever else runs this. */
static void known(void)
{
    static const struct {
        Op *fn;
        u64 a, b, c, result, flags;
    } rows[] = {
        {do_add, INF, INF | NEG, 0, 0x7ff8000000000000ull, IOC},
        {do_add, SNAN, QNAN, 0, SNAN | 1ull << 51, IOC},
        {do_add, QNAN, SNAN, 0, SNAN | 1ull << 51, IOC},
        {do_add, QNAN | NEG, QNAN + 1, 0, QNAN | NEG, 0},
        {do_sqrt, ONE | NEG, 0, 0, 0x7ff8000000000000ull, IOC},
        {do_div, ONE, 0, 0, INF, DZC},
        {do_madd, 0, INF, QNAN, 0x7ff8000000000000ull, IOC},
        {do_mulx, 0, INF | NEG, 0, 0xc000000000000000ull, 0},
        {do_mul, BARELY, NEARLY_ONE, 0, 0x0010000000000000ull, UFC | IXC},
    };
    for (unsigned k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
        room[0] = rows[k].a;
        room[1] = rows[k].b;
        room[2] = rows[k].c;
        run(EL0, rows[k].fn, (u64)room + ALIAS, 0);
        CHECK_EQ(room[3], rows[k].result);
        CHECK_EQ(room[4], rows[k].flags);
    }
}

void test(void)
{
    Tables t = tables_new(12, 48);
    bare_map_program(&t);
    use_tables(&t, 0, 0);
    room = pages(1);
    known();
    all(EL0);
    all(EL1H);
    for (unsigned mode = 0; mode < 2; mode++) {
        __asm__ volatile(".arch_extension fp\n msr fpcr, %0" ::"r"((u64)(mode ? FZ : DN)));
        all(EL0);
        all(EL1H);
    }
}
