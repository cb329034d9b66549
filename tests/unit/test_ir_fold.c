/*
 * Folding: every identity of fold.h once by name, and random expressions built with and without folding,
 * which must store the same values. Seed: argument 1.
 */
#include "tests/unit/ir_kit.h"

#include "tcg/ir/verify.h"
#include "tcg/opt/passes.h"

#include <stdlib.h>
#include <sys/mman.h>

static IrKit kit;
static IrVal X, Y, W, F, G; /* i64 x1, x2; i32 w0; f64 f0; f32 */
static uint64_t seed = 1;

static int setup(void **state)
{
    kit_init(&kit);
    ir_insn_start(&kit.b, 0x1000);
    X = ir_get(&kit.b, 1);
    Y = ir_get(&kit.b, 2);
    W = ir_get(&kit.b, TOY_W);
    F = ir_get(&kit.b, TOY_F);
    G = ir_unbox(&kit.b, IR_F32, F);
    return 0;
}

static int teardown(void **state)
{
    kit_clear(&kit);
    return 0;
}

#define B (&kit.b)
static IrVal K(int64_t v) { return ir_const(B, IR_I64, v); }
static IrVal K32(int64_t v) { return ir_const(B, IR_I32, v); }
static const IrInsn *insn(IrVal v) { return &kit.r->insn[v]; }

static void assert_const(IrVal v, int64_t want)
{
    assert_true(ir_is_const(kit.r, v));
    assert_int_equal(ir_const_value(kit.r, v), want);
}

static void assert_op(IrVal v, IrOp op, IrType t, IrVal a, IrVal b)
{
    assert_int_equal(insn(v)->op, op);
    assert_int_equal(ir_result_type(kit.r, insn(v)), t);
    assert_int_equal(insn(v)->a, a);
    assert_int_equal(insn(v)->b, b);
}

static void test_neutral_elements(void **state)
{
    static const uint8_t zero[] = {IR_ADD, IR_SUB, IR_OR, IR_XOR, IR_SHL, IR_SHR, IR_SAR, IR_ROTR};
    for (unsigned k = 0; k < sizeof zero; k++)
        assert_int_equal(ir_vv(B, (IrOp)zero[k], IR_I64, X, K(0)), X);
    assert_int_equal(ir_add(B, IR_I64, K(0), X), X);
    assert_int_equal(ir_and(B, IR_I64, X, K(-1)), X);
    assert_int_equal(ir_and(B, IR_I32, K32(-1), W), W);
    assert_int_equal(ir_and(B, IR_I64, X, X), X);
    assert_int_equal(ir_or(B, IR_I64, X, X), X);
    assert_int_equal(ir_mul(B, IR_I64, X, K(1)), X);
    assert_int_equal(ir_divu(B, IR_I64, X, K(1)), X);
    assert_int_equal(ir_divs(B, IR_I64, X, K(1)), X);
    assert_int_equal(ir_shl(B, IR_I64, X, K(64)), X);
}

static void test_absorbing_elements(void **state)
{
    assert_const(ir_sub(B, IR_I64, X, X), 0);
    assert_const(ir_xor(B, IR_I64, X, X), 0);
    assert_const(ir_and(B, IR_I64, X, K(0)), 0);
    assert_const(ir_mul(B, IR_I64, K(0), X), 0);
    assert_const(ir_mulhu(B, IR_I64, X, K(1)), 0);
    assert_const(ir_remu(B, IR_I64, X, K(1)), 0);
    assert_const(ir_rems(B, IR_I64, X, K(1)), 0);
    assert_const(ir_or(B, IR_I64, X, K(-1)), -1);
    assert_const(ir_shl(B, IR_I64, K(0), X), 0);
}

static void test_cheaper_forms(void **state)
{
    assert_op(ir_sub(B, IR_I64, X, K(5)), IR_ADD, IR_I64, X, K(-5));
    assert_op(ir_sub(B, IR_I64, K(0), X), IR_NEG, IR_I64, X, 0);
    assert_op(ir_xor(B, IR_I64, X, K(-1)), IR_NOT, IR_I64, X, 0);
    assert_op(ir_mul(B, IR_I64, X, K(8)), IR_SHL, IR_I64, X, K(3));
    assert_op(ir_divu(B, IR_I64, X, K(8)), IR_SHR, IR_I64, X, K(3));
    assert_op(ir_remu(B, IR_I64, X, K(8)), IR_AND, IR_I64, X, K(7));
    assert_int_equal(insn(ir_divs(B, IR_I64, X, K(8)))->op, IR_DIVS);
    IrVal z = ir_shr(B, IR_I64, ir_shl(B, IR_I64, X, K(32)), K(32));
    assert_op(z, IR_ZEXT, IR_I64, ir_trunc(B, IR_I32, X), 0);
    IrVal s = ir_sar(B, IR_I64, ir_shl(B, IR_I64, X, K(56)), K(56));
    assert_op(s, IR_SEXT, IR_I64, ir_trunc(B, IR_I8, X), 0);
    /* not x + c: the register of x may hold x + c by now */
    IrVal sum = ir_add(B, IR_I64, X, K(1));
    assert_op(ir_add(B, IR_I64, sum, K(2)), IR_ADD, IR_I64, sum, K(2));
}

static void test_double_negation(void **state)
{
    assert_int_equal(ir_not(B, IR_I64, ir_not(B, IR_I64, X)), X);
    assert_int_equal(ir_neg(B, IR_I64, ir_neg(B, IR_I64, X)), X);
    IrVal c = ir_not(B, IR_I1, ir_cmp(B, IR_LTU, X, Y));
    assert_op(c, IR_CMP, IR_I1, X, Y);
    assert_int_equal(insn(c)->misc, IR_GEU);
}

static void test_extensions(void **state)
{
    IrVal low = ir_trunc(B, IR_I32, X), s = ir_sext(B, IR_I64, W), z = ir_zext(B, IR_I64, W);
    assert_int_equal(ir_trunc(B, IR_I32, s), W);
    assert_int_equal(ir_trunc(B, IR_I32, z), W);
    assert_op(ir_trunc(B, IR_I8, s), IR_TRUNC, IR_I8, W, 0);
    assert_op(ir_trunc(B, IR_I8, low), IR_TRUNC, IR_I8, X, 0);
    IrVal b = ir_trunc(B, IR_I8, X);
    assert_op(ir_sext(B, IR_I64, ir_sext(B, IR_I32, b)), IR_SEXT, IR_I64, b, 0);
    assert_op(ir_zext(B, IR_I64, ir_zext(B, IR_I32, b)), IR_ZEXT, IR_I64, b, 0);
    assert_op(ir_sext(B, IR_I64, ir_zext(B, IR_I32, b)), IR_ZEXT, IR_I64, b, 0);
    assert_op(ir_zext(B, IR_I64, ir_sext(B, IR_I32, b)), IR_ZEXT, IR_I64, ir_sext(B, IR_I32, b), 0);
    assert_op(ir_trunc(B, IR_I16, ir_sext(B, IR_I32, b)), IR_SEXT, IR_I16, b, 0);
    IrVal ld = ir_ld(B, IR_I64, X, 0, (IrMem){.size = 2, .sext = 1});
    assert_int_equal(ir_sext(B, IR_I64, ir_trunc(B, IR_I32, ld)), ld);
    IrVal lu = ir_ld(B, IR_I64, X, 0, (IrMem){.size = 1});
    assert_int_equal(ir_zext(B, IR_I64, ir_trunc(B, IR_I16, lu)), lu);
    assert_int_equal(ir_sext(B, IR_I64, ir_trunc(B, IR_I32, lu)), lu);
    assert_int_equal(ir_and(B, IR_I64, lu, K(0xffff)), lu);
    assert_int_not_equal(ir_zext(B, IR_I64, ir_trunc(B, IR_I8, lu)), lu);
    assert_int_not_equal(ir_sext(B, IR_I64, ir_trunc(B, IR_I16, lu)), lu);
}

static void test_casts_and_boxes(void **state)
{
    assert_int_equal(ir_unbox(B, IR_F32, ir_box(B, IR_F64, G)), G);
    assert_int_equal(ir_cast(B, IR_F64, ir_cast(B, IR_I64, F)), F);
    assert_int_equal(ir_cast(B, IR_F64, F), F);
    assert_const(ir_cast(B, IR_F64, K(0)), 0);
    assert_const(ir_box(B, IR_F64, ir_const(B, IR_F32, 0x3f800000)), (int64_t)0xffffffff3f800000);
    assert_const(ir_unbox(B, IR_F32, ir_const(B, IR_F64, 1)), 0x7fc00000);
    assert_int_equal(ir_fsgn(B, 0, F, F), F);
    assert_int_equal(insn(ir_fsgn(B, 1, F, F))->op, IR_FSGN);
}

static void test_comparisons(void **state)
{
    IrVal lt = ir_cmp(B, IR_LT, X, Y), as64 = ir_zext(B, IR_I64, lt);
    assert_const(ir_cmp(B, IR_EQ, X, X), 1);
    assert_const(ir_cmp(B, IR_LT, X, X), 0);
    assert_const(ir_cmp(B, IR_LTU, X, K(0)), 0);
    assert_const(ir_cmp(B, IR_GEU, X, K(0)), 1);
    assert_const(ir_cmp(B, IR_LT, K(-1), K(0)), 1);
    assert_const(ir_cmp(B, IR_LTU, K(-1), K(0)), 0);
    assert_int_equal(ir_cmp(B, IR_NE, as64, K(0)), lt);
    assert_int_equal(ir_cmp(B, IR_EQ, as64, K(0)), ir_cmp(B, IR_GE, X, Y));
    assert_int_equal(ir_cmp(B, IR_EQ, ir_xor(B, IR_I64, X, Y), K(0)), ir_cmp(B, IR_EQ, X, Y));
    assert_int_equal(ir_cmp(B, IR_NE, ir_sub(B, IR_I64, X, Y), K(0)), ir_cmp(B, IR_NE, X, Y));
    assert_int_equal(ir_cmp(B, IR_GT, K(3), X), ir_cmp(B, IR_LT, X, K(3)));
    IrVal low = ir_trunc(B, IR_I32, X);
    IrVal n = ir_cmp(B, IR_LTU, ir_sext(B, IR_I64, W), ir_sext(B, IR_I64, low));
    assert_op(n, IR_CMP, IR_I1, W, low);
    assert_int_equal(insn(n)->misc, IR_LTU);
    n = ir_cmp(B, IR_LT, ir_zext(B, IR_I64, W), ir_zext(B, IR_I64, low));
    assert_int_equal(insn(n)->misc, IR_LTU);
    assert_op(ir_cmp(B, IR_LT, ir_sext(B, IR_I64, W), K(-5)), IR_CMP, IR_I1, W, K32(-5));
    assert_int_equal(insn(ir_cmp(B, IR_LT, ir_sext(B, IR_I64, W), K(1ll << 40)))->type, IR_I64);
}

static void test_select(void **state)
{
    IrVal c = ir_cmp(B, IR_LT, X, Y);
    assert_int_equal(ir_select(B, c, X, X), X);
    assert_int_equal(ir_select(B, ir_const(B, IR_I1, 1), X, Y), X);
    assert_int_equal(ir_select(B, ir_const(B, IR_I1, 0), X, Y), Y);
    assert_op(ir_select(B, c, K(1), K(0)), IR_ZEXT, IR_I64, c, 0);
}

static void test_reversed(void **state)
{
    IrVal r = ir_rbit(B, IR_I64, X), zeros = ir_clz(B, IR_I64, r);
    assert_int_equal(insn(zeros)->op, IR_CTZ);
    assert_int_equal(insn(zeros)->a, X);
    assert_int_equal(insn(ir_clz(B, IR_I64, X))->op, IR_CLZ);
    /* the next region's value of the same number is another one */
    kit.r = ir_region_new(&kit.arena, toy_slots, TOY_SLOTS, toy_helpers, TOY_HELPERS);
    assert_non_null(kit.r);
    ir_builder_init(B, kit.r);
    ir_insn_start(B, 0x1000);
    IrVal v = IR_NONE;
    while (v < r)
        v = ir_add(B, IR_I64, ir_get(B, 1), K(v + 1));
    assert_int_equal(insn(ir_clz(B, IR_I64, r))->op, IR_CLZ);
}

static void test_no_fold(void **state)
{
    kit.b.no_fold = true;
    assert_int_equal(insn(ir_add(B, IR_I64, X, K(0)))->op, IR_ADD);
    assert_int_not_equal(ir_xor(B, IR_I64, X, Y), ir_xor(B, IR_I64, X, Y));
    assert_int_equal(insn(ir_sext(B, IR_I64, ir_trunc(B, IR_I32, X)))->op, IR_SEXT);
}

/* ---- random expressions ---- */

enum { OPS = 120, MAX_VALUES = OPS + 64 };

typedef struct Gen {
    uint64_t rng;
    IrVal v[MAX_VALUES]; /* in the order of making, so both builds name the same value by the same position */
    unsigned n;
} Gen;

static uint64_t rnd(Gen *g)
{
    g->rng ^= g->rng << 13;
    g->rng ^= g->rng >> 7;
    g->rng ^= g->rng << 17;
    return g->rng * 0x2545f4914f6cdd1dull;
}

static int64_t rnd_const(Gen *g)
{
    static const int64_t some[] = {0,      1,         -1,        2,          3,         7,        8,   31,
                                   32,     56,        63,        64,         127,       128,      255, 256,
                                   0xffff, INT32_MAX, INT32_MIN, 0xffffffff, INT64_MAX, INT64_MIN};
    unsigned k = (unsigned)(rnd(g) >> 40) % (ARRAY_SIZE(some) + 4);
    return k < ARRAY_SIZE(some) ? some[k] : (int64_t)rnd(g);
}

static IrType type_of(IrVal v) { return ir_result_type(kit.r, insn(v)); }

/* A value of the type: one made before, or a constant. */
static IrVal pick(Gen *g, IrType t)
{
    unsigned start = (unsigned)(rnd(g) >> 33) % g->n;
    bool fresh = (rnd(g) >> 50) % 4 == 0;
    int64_t c = rnd_const(g);
    for (unsigned k = 0; k < g->n && !fresh; k++)
        if (type_of(g->v[(start + k) % g->n]) == t)
            return g->v[(start + k) % g->n];
    return ir_const(B, t, c);
}

static void gen_op(Gen *g)
{
    static const uint8_t ints[] = {IR_I8, IR_I16, IR_I32, IR_I64, IR_I64, IR_I32};
    static const uint8_t vv[] = {IR_ADD,  IR_SUB,  IR_MUL,  IR_MULHU, IR_MULHS, IR_MULHSU,
                                 IR_DIVU, IR_DIVS, IR_REMU, IR_REMS,  IR_AND,   IR_OR,
                                 IR_XOR,  IR_SHL,  IR_SHR,  IR_SAR,   IR_ROTR};
    static const uint8_t un[] = {IR_NEG, IR_NOT, IR_CLZ, IR_CTZ, IR_POPCNT, IR_BSWAP};
    IrType t = (IrType)ints[(rnd(g) >> 30) % sizeof ints], u = (IrType)ints[(rnd(g) >> 30) % sizeof ints];
    IrType small = ir_type_bits(t) < ir_type_bits(u) ? t : u, big = small == t ? u : t;
    unsigned kind = (unsigned)(rnd(g) >> 35) % 16, sub = (unsigned)(rnd(g) >> 35);
    IrVal a, b, v;
    if (kind < 6) {
        a = pick(g, t), b = pick(g, t);
        v = ir_vv(B, (IrOp)vv[sub % sizeof vv], t, a, b);
    } else if (kind == 6) {
        IrOp op = (IrOp)un[sub % sizeof un];
        v = ir_v(B, op, op == IR_BSWAP && t == IR_I8 ? IR_I16 : t,
                 pick(g, op == IR_BSWAP && t == IR_I8 ? IR_I16 : t));
    } else if (kind < 10) {
        IrOp op = sub % 3 == 0 ? IR_SEXT : sub % 3 == 1 ? IR_ZEXT : IR_TRUNC;
        if (big == small)
            big = IR_I64, small = sub & 16 ? IR_I1 : IR_I32;
        a = pick(g, op == IR_TRUNC ? big : small);
        v = op == IR_SEXT ? ir_sext(B, big, a) : op == IR_ZEXT ? ir_zext(B, big, a) : ir_trunc(B, small, a);
    } else if (kind < 13) {
        a = pick(g, t), b = pick(g, t);
        v = ir_cmp(B, (IrCond)(sub % 10), a, b);
    } else if (kind == 13) {
        IrVal c = pick(g, IR_I1);
        a = pick(g, t), b = pick(g, t);
        v = ir_select(B, c, a, b);
    } else if (kind == 14) {
        v = sub % 4 == 0   ? ir_cast(B, IR_F64, pick(g, IR_I64))
            : sub % 4 == 1 ? ir_unbox(B, IR_F32, pick(g, IR_F64))
            : sub % 4 == 2 ? ir_cast(B, IR_I64, pick(g, IR_F64))
                           : ir_box(B, IR_F64, pick(g, IR_F32));
    } else {
        a = pick(g, IR_F64), b = pick(g, IR_F64);
        v = sub & 1 ? ir_fsgn(B, sub / 2 % 3, a, b) : ir_not(B, IR_I1, pick(g, IR_I1));
    }
    g->v[g->n++] = v;
}

/* Builds the region of one seed and runs it; every value is stored to mem. */
static void build_and_run(uint64_t s, bool no_fold, bool passes, uint64_t *mem)
{
    Gen g = {.rng = s * 0x9e3779b97f4a7c15ull | 1};
    char err[256] = "";
    Fmt f = FMT_ON(err);
    kit_init(&kit);
    kit.b.no_fold = no_fold;
    ir_insn_start(B, 0x1000);
    for (unsigned k = 0; k < 6; k++)
        g.v[g.n++] = ir_get(B, k);
    for (unsigned k = 0; k < 4; k++)
        g.v[g.n++] = ir_get(B, TOY_W + k);
    for (unsigned k = 0; k < 2; k++)
        g.v[g.n++] = ir_get(B, TOY_F + k);
    IrVal base = ir_get(B, 15);
    for (unsigned k = 0; k < 6; k++)
        kit.cpu.x[k] = (uint64_t)rnd_const(&g);
    for (unsigned k = 0; k < 4; k++)
        kit.cpu.w[k] = (uint32_t)rnd_const(&g);
    kit.cpu.f[0] = (uint64_t)rnd_const(&g);
    kit.cpu.f[1] = rnd(&g) | 0xffffffffull << 32;
    kit.cpu.x[15] = (uint64_t)(uintptr_t)mem;
    for (unsigned k = 0; k < OPS; k++)
        gen_op(&g);
    for (unsigned k = 0; k < g.n; k++) {
        IrVal v = type_of(g.v[k]) == IR_I1 ? ir_zext(B, IR_I8, g.v[k]) : g.v[k];
        unsigned bytes = ir_type_bits(type_of(v)) / 8;
        ir_st(B, v, base, (int32_t)(8 * k), (IrMem){.size = (uint16_t)__builtin_ctz(bytes) & 7});
    }
    ir_exit(B, ir_exit_direct(B, 0x9000, false));
    ir_builder_finish(B);
    if (passes) {
        ir_opt_dead_puts(kit.r);
        ir_opt_dce(kit.r);
    }
    if (!ir_verify(kit.r, &f))
        fail_msg("seed %lu: %s", (unsigned long)s, err);
    toy_run(&kit.cpu, kit.r, kit.val, 10, &kit.run);
    assert_int_equal(kit.run.kind, IR_RUN_EXIT);
    kit_clear(&kit);
}

static void test_random_expressions(void **state)
{
    static uint64_t plain[MAX_VALUES], folded[MAX_VALUES], cleaned[MAX_VALUES];
    toy_catch_faults();
    for (uint64_t s = seed; s < seed + 3000; s++) {
        build_and_run(s, true, false, plain);
        build_and_run(s, false, false, folded);
        build_and_run(s, false, true, cleaned);
        for (unsigned k = 0; k < MAX_VALUES; k++)
            if (plain[k] != folded[k] || plain[k] != cleaned[k])
                fail_msg("seed %lu, value %u: 0x%lx, folded 0x%lx, after the passes 0x%lx", (unsigned long)s,
                         k, (unsigned long)plain[k], (unsigned long)folded[k], (unsigned long)cleaned[k]);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0);
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_neutral_elements),
        T(test_absorbing_elements),
        T(test_cheaper_forms),
        T(test_double_negation),
        T(test_extensions),
        T(test_casts_and_boxes),
        T(test_comparisons),
        T(test_select),
        T(test_reversed),
        T(test_no_fold),
        cmocka_unit_test(test_random_expressions),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
