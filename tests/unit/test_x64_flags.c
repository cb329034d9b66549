/* Rows that make flags, and the questions asked of them: interpreted and emitted, with and without folding,
 * against sums worked out here in 128 bits. */
#include "tests/unit/x64_kit.h"

typedef struct Case {
    IrOp op;
    bool wide; /* i64, else i32 */
    unsigned b_const : 2; /* 0: a slot. 1: a small constant. 2: a big one */
    unsigned choose : 2;  /* 0: no. 1, 2: select with a constant as second or first arm */
} Case;

enum { EXIT = 0, COND_SLOTS = 14 };

/* N Z C V of the row, as IR_FL_* bits. */
static unsigned want_flags(const Case *c, uint64_t a, uint64_t b, bool carry)
{
    unsigned bits = c->wide ? 64 : 32;
    uint64_t mask = c->wide ? ~0ull : 0xffffffff;
    typedef __int128 Wide;
    a &= mask;
    b &= mask;
    Wide sa = c->wide ? (Wide)(int64_t)a : (Wide)(int32_t)a,
         sb = c->wide ? (Wide)(int64_t)b : (Wide)(int32_t)b;
    Wide u = 0, s = 0;
    bool carry_out = false;
    switch (c->op) {
    case IR_FLSUB:
    case IR_FLSBC:
        carry = c->op == IR_FLSBC && !carry;
        u = (Wide)a - (Wide)b - carry;
        s = sa - sb - carry;
        carry_out = u >= 0;
        break;
    case IR_FLADD:
    case IR_FLADC:
        carry = c->op == IR_FLADC && carry;
        u = (Wide)a + (Wide)b + carry;
        s = sa + sb + carry;
        carry_out = u > (Wide)mask;
        break;
    default: u = s = sa; break;
    }
    uint64_t r = (uint64_t)u & mask;
    Wide back = c->wide ? (Wide)(int64_t)r : (Wide)(int32_t)r;
    return (r >> (bits - 1) ? IR_FL_N : 0u) | (r == 0 ? IR_FL_Z : 0u) | (carry_out ? IR_FL_C : 0u) |
           (back != s ? IR_FL_V : 0u);
}

/* Written down from the table of conditions of the Arm manual (C1.2.4), independent of eval.c. */
static bool want_cond(unsigned fl, unsigned cond)
{
    bool n = fl & IR_FL_N, z = fl & IR_FL_Z, c = fl & IR_FL_C, v = fl & IR_FL_V;
    const bool t[14] = {z,  !z,      c,       !c,     n,      !n,           v,
                        !v, c && !z, !c || z, n == v, n != v, !z && n == v, z || n != v};
    return t[cond];
}

static const uint64_t corners[] = {0,
                                   1,
                                   2,
                                   0x7f,
                                   0x80,
                                   0x7fffffff,
                                   0x80000000,
                                   0xffffffff,
                                   0x100000000,
                                   0x7fffffffffffffff,
                                   0x8000000000000000,
                                   0xffffffff80000000,
                                   0xffffffffffffffff,
                                   0xfffffffffffffffe};

static uint64_t rnd_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed * 0x2545f4914f6cdd1dull;
}

static uint64_t operand(uint64_t *seed)
{
    uint64_t r = rnd_next(seed);
    return r & 1 ? corners[(r >> 8) % ARRAY_SIZE(corners)] : rnd_next(seed) >> (r >> 16 & 63);
}

static int64_t constant(const Case *c)
{
    return c->b_const == 1 ? 17 : c->wide ? 0x123456789abcdef : 0x12345678;
}

enum { OTHER = IR_FL_N | IR_FL_C }; /* the constant arm of a select */

/* x0, x1: operands; x2 bit 0: carry; x2 bit 1: choice. Conditions go to x3 and up, bit by bit; the word to
 * fl. */
static void build(IrBuilder *b, const Case *c)
{
    IrType t = c->wide ? IR_I64 : IR_I32;
    IrVal x = ir_get(b, TOY_X), y = ir_get(b, TOY_X + 1), bits = ir_get(b, TOY_X + 2);
    if (!c->wide)
        x = ir_trunc(b, t, x), y = ir_trunc(b, t, y);
    if (c->b_const)
        y = ir_const(b, t, constant(c));
    IrVal carry = ir_flmake(b, ir_trunc(b, IR_I32, ir_shl(b, IR_I64, bits, ir_const(b, IR_I64, 8))));
    IrVal fl = c->op == IR_FLSUB   ? ir_flsub(b, x, y)
               : c->op == IR_FLADD ? ir_fladd(b, x, y)
               : c->op == IR_FLADC ? ir_fladc(b, x, y, carry)
               : c->op == IR_FLSBC ? ir_flsbc(b, x, y, carry)
                                   : ir_fllogic(b, x);
    if (c->choose) {
        IrVal other = ir_const(b, IR_FL, OTHER);
        IrVal cond =
            ir_cmp(b, IR_NE, ir_and(b, IR_I64, bits, ir_const(b, IR_I64, 2)), ir_const(b, IR_I64, 0));
        fl = c->choose == 1 ? ir_select(b, cond, fl, other) : ir_select(b, cond, other, fl);
    }
    ir_put(b, TOY_FL, fl);
    IrVal all = ir_const(b, IR_I64, 0);
    for (unsigned k = 0; k < COND_SLOTS; k++) {
        IrVal bit = ir_zext(b, IR_I64, ir_flcc(b, fl, (IrFlCond)k));
        all = ir_or(b, IR_I64, all, ir_shl(b, IR_I64, bit, ir_const(b, IR_I64, k)));
    }
    ir_put(b, TOY_X + 3, all);
    /* some conditions decide a branch: the word has to be right at the exit too */
    ir_put(b, TOY_X + 4, ir_zext(b, IR_I64, ir_flbits(b, fl)));
}

static void check(const ToyCpu *in, const ToyCpu *out, const Case *c)
{
    uint64_t y = c->b_const ? (uint64_t)constant(c) : in->x[1];
    unsigned want = want_flags(c, in->x[0], y, in->x[2] & 1), conds = 0;
    if (c->choose && ((in->x[2] >> 1 & 1) == (c->choose == 2)))
        want = OTHER;
    for (unsigned k = 0; k < COND_SLOTS; k++)
        conds |= (unsigned)want_cond(want, k) << k;
    const unsigned mask = IR_FL_N | IR_FL_Z | IR_FL_C | IR_FL_V;
    if ((out->fl & mask) != want || out->x[3] != conds || out->x[4] != out->fl)
        fail_msg("op %u wide %u const %u choose %u: %llx %llx %llx: fl %x, want %x; conditions %llx, want "
                 "%x; bits %llx",
                 c->op, c->wide, c->b_const, c->choose, (unsigned long long)in->x[0], (unsigned long long)y,
                 (unsigned long long)in->x[2], out->fl, want, (unsigned long long)out->x[3], conds,
                 (unsigned long long)out->x[4]);
}

static void run_case(X64Kit *kit, const Case *c, bool no_fold)
{
    static uint64_t val[IR_MAX_INSNS];
    Arena arena;
    assert_true(arena_init(&arena, 4 << 20));
    IrRegion *r = ir_region_new(&arena, toy_slots, TOY_SLOTS, toy_helpers, TOY_HELPERS);
    IrBuilder b;
    ir_builder_init(&b, r);
    b.no_fold = no_fold;
    ir_insn_start(&b, 0x1000);
    build(&b, c);
    ir_exit(&b, ir_exit_direct(&b, 0x1004, false));
    ir_builder_finish(&b);
    x64_kit_compile(kit, r);
    uint64_t seed = 99;
    for (unsigned k = 0; k < 300; k++) {
        ToyCpu in = {.x = {operand(&seed), operand(&seed), rnd_next(&seed)}}, one = in, two = in;
        if ((k & 7) == 0)
            one.x[1] = two.x[1] = in.x[1] = in.x[0];
        IrRun run;
        toy_run(&one, r, val, 100, &run);
        assert_int_equal(run.kind, IR_RUN_EXIT);
        check(&in, &one, c);
        assert_int_equal(x64_kit_run(kit, &two), EXIT);
        check(&in, &two, c);
        assert_int_equal(one.fl, two.fl); /* half carry and parity as well */
    }
    arena_clear(&arena);
}

static void flags_and_conditions_agree(void **state)
{
    static const IrOp ops[] = {IR_FLSUB, IR_FLADD, IR_FLADC, IR_FLLOGIC, IR_FLSBC};
    static const struct {
        const char *features;
        uint32_t no_opt;
    } hosts[] = {{"host", 0}, {"v2", X64_NO_FUSE}};
    for (unsigned h = 0; h < ARRAY_SIZE(hosts); h++) {
        X64Kit kit;
        x64_kit_init(&kit, hosts[h].features, hosts[h].no_opt);
        for (unsigned k = 0; k < ARRAY_SIZE(ops) * 2 * 3 * 3 * 2; k++) {
            Case c = {.op = ops[k % 5], .wide = k / 5 % 2, .b_const = k / 10 % 3, .choose = k / 30 % 3};
            run_case(&kit, &c, k / 90);
        }
        x64_kit_clear(&kit);
    }
}

/* Rows of x86, those alone whose flags every processor agrees about, or that are made bit by bit. */
static IrVal random_x86_flags(IrBuilder *b, uint64_t n, IrType t, IrVal x, IrVal y)
{
    static const uint8_t kinds[] = {IR_X_INC, IR_X_DEC, IR_X_BT, IR_X_DIV, IR_X_SHLD | 5, IR_X_SHRD | 23};
    unsigned how = n >> 32 & 7, over = n >> 44 & 1;
    IrVal fl = ir_get(b, TOY_FL), sum = ir_add(b, t, x, y);
    if (how == 6) { /* as in the halves of a long product */
        if (n >> 45 & 1)
            sum = ir_adx(b, over, x, y, fl);
        if (n >> 46 & 3)
            ir_put(b, TOY_FL, ir_fladx(b, over, x, y, fl));
    } else if (how == 7) {
        sum = ir_add(b, t, ir_mul(b, t, x, y), ir_mulhu(b, t, x, y));
    } else {
        ir_put(b, TOY_FL, ir_flx(b, (IrX86Fl)kinds[how], x, y, fl));
    }
    return sum;
}

/* A random run of instructions that put flags and overwrite their operands, with a way out after each: the
 * word in the cpu object is right wherever the region is left, however it was put off. */
/* The flags become those of x and y in one way or another; the value that goes with them. */
static IrVal random_flags(IrBuilder *b, uint64_t n, IrType t, IrVal x, IrVal y)
{
    IrVal sum = ir_sub(b, t, x, y);
    if (n >> 35 & 1)
        return random_x86_flags(b, n, t, x, y);
    switch (n >> 32 & 7) {
    case 0: ir_put(b, TOY_FL, ir_flsub(b, x, y)); break;
    case 1: ir_put(b, TOY_FL, ir_fladd(b, x, y)); break;
    case 2: ir_put(b, TOY_FL, ir_fllogic(b, x)); break;
    case 3: {
        IrVal c = ir_flcc(b, ir_get(b, TOY_FL), (IrFlCond)(n >> 40 & 15));
        ir_put(b, TOY_FL,
               ir_select(b, c, ir_flsub(b, x, y), ir_const(b, IR_FL, (int64_t)(n >> 44 & 0xc101))));
        break;
    }
    case 4: /* chains: with and without value or flags */
    case 5: {
        IrVal fl = ir_get(b, TOY_FL);
        bool subtract = n >> 44 & 1;
        if (n >> 45 & 1)
            sum = subtract ? ir_subc(b, x, y, fl) : ir_addc(b, x, y, fl);
        if (n >> 46 & 3)
            ir_put(b, TOY_FL, subtract ? ir_flsbc(b, x, y, fl) : ir_fladc(b, x, y, fl));
        break;
    }
    case 6: {
        IrVal fl = n >> 44 & 1 ? IR_NONE : ir_get(b, TOY_FL);
        sum = n >> 45 & 1 ? ir_add(b, t, x, y) : ir_sub(b, t, x, y);
        ir_put(b, TOY_FL, n >> 45 & 1 ? ir_fladd(b, x, y) : ir_flsub(b, x, y));
        if (fl) /* the word from before, behind its successor */
            sum = ir_addc(b, sum, y, fl);
        break;
    }
    case 7: ir_put(b, TOY_FL, ir_flnzc(b, x, y, (unsigned)(n >> 40 & 63) % 33, ir_get(b, TOY_FL))); break;
    default: break;
    }
    return sum;
}

static void random_product(IrBuilder *b, uint64_t n)
{
    if ((n >> 60 & 3) == 0) {
        IrVal z = ir_get(b, TOY_X + (n >> 36 & 7)), p;
        switch (n >> 40 & 7) {
        case 0: p = ir_mul(b, IR_I64, z, ir_get(b, TOY_X + 1)); break;
        case 1: p = ir_mulhu(b, IR_I64, z, ir_get(b, TOY_X + 2)); break;
        case 2: p = ir_add(b, IR_I64, z, ir_get(b, TOY_X + 3)); break;
        case 3: p = ir_sub(b, IR_I64, z, ir_const(b, IR_I64, 77)); break;
        case 4: p = ir_shr(b, IR_I64, z, ir_const(b, IR_I64, 9)); break;
        case 5:
            p = ir_zext(b, IR_I64, ir_mul(b, IR_I32, ir_trunc(b, IR_I32, z), ir_const(b, IR_I32, 10)));
            break;
        case 6: p = ir_not(b, IR_I64, z); break;
        default: p = ir_const(b, IR_I64, 0); break;
        }
        ir_put(b, TOY_X + (n >> 33 & 7), p);
    }
}

static void random_in_loop(IrBuilder *b, uint64_t n, unsigned k)
{
    if ((n >> 52 & 3) == 0) { /* x12, x13 are read only: a loop that reads them often keeps them in
                               * registers */
        IrVal s = ir_get(b, TOY_X + (n >> 36 & 7)), often = ir_get(b, TOY_X + 12 + (n >> 40 & 1));
        for (unsigned times = 0; times < 5; times++)
            s = ir_xor(b, IR_I64, ir_add(b, IR_I64, s, often),
                       ir_const(b, IR_I64, (int64_t)times * 0x1234567));
        ir_put(b, TOY_X + (n >> 36 & 7), s);
    }
    if ((n >> 52 & 7) == 1) /* a jump back inside of the loop */
        ir_poll(b, ir_exit_direct(b, 0x3000 + 4 * k, false));
}

static void random_exit(IrBuilder *b, uint64_t n, unsigned k, bool loop)
{
    if (n >> 58 & 1) {
        IrVal now = ir_get(b, TOY_X + 15); /* in a loop: in the round that x15 says */
        if (loop)
            now = ir_xor(b, IR_I64, now, ir_shl(b, IR_I64, ir_get(b, TOY_X + 14), ir_const(b, IR_I64, 5)));
        IrVal leave = ir_cmp(b, IR_EQ, now, ir_const(b, IR_I64, (int64_t)k));
        ir_exit_if(b, leave, ir_exit_direct(b, 0x2000 + 4 * k, false), false);
    }
}

static void random_end(IrBuilder *b, uint64_t *seed, bool loop)
{
    if (loop) { /* x14 rounds */
        ir_insn_start(b, 0x1100);
        IrVal left = ir_sub(b, IR_I64, ir_get(b, TOY_X + 14), ir_const(b, IR_I64, 1));
        ir_put(b, TOY_X + 14, left);
        uint64_t n = rnd_next(seed);
        if (n & 1) { /* with what no round changes, in a register or in memory, at times */
            IrVal y = n & 2 ? ir_get(b, TOY_X + 12 + (n >> 2 & 3)) : ir_const(b, IR_I64, 3);
            ir_put(b, TOY_FL, n & 16 ? ir_flsub(b, left, y) : ir_fladd(b, y, left));
        }
        ir_exit_if(b, ir_cmp(b, IR_EQ, left, ir_const(b, IR_I64, 0)), ir_exit_direct(b, 0x1004, false),
                   false);
        ir_poll(b, ir_exit_direct(b, 0x1000, false));
        ir_br(b, 0);
    } else if (rnd_next(seed) & 1)
        ir_exit(b, ir_exit_direct(b, 0x1004, false));
    else
        ir_exit_ind(b, ir_get(b, TOY_X), IR_HINT_RET);
}

static IrRegion *random_region(Arena *arena, uint64_t *seed, bool loop)
{
    IrRegion *r = ir_region_new(arena, toy_slots, TOY_SLOTS, toy_helpers, TOY_HELPERS);
    IrBuilder b;
    ir_builder_init(&b, r);
    for (unsigned k = 0; k < (loop ? 8 : 24); k++) {
        ir_insn_start(&b, 0x1000 + 4 * k);
        uint64_t n = rnd_next(seed);
        IrType t = n & 1 ? IR_I64 : IR_I32;
        IrVal x = ir_get(&b, TOY_X + (n >> 8) % 12), y = ir_get(&b, TOY_X + (n >> 16) % 12);
        if (t == IR_I32)
            x = ir_trunc(&b, t, x), y = ir_trunc(&b, t, y);
        if (n >> 24 & 1)
            y = ir_const(&b, t, (int64_t)corners[(n >> 25) % ARRAY_SIZE(corners)]);
        IrVal sum = random_flags(&b, n, t, x, y);
        random_product(&b, n);
        if (n >> 48 & 1) /* not x14, x15 */
            ir_put(&b, TOY_X + (n >> 49) % 12, t == IR_I64 ? sum : ir_zext(&b, IR_I64, sum));
        if ((n >> 54 & 7) == 0 && !loop) {
            IrVal arg = ir_get(&b, TOY_X + 3);
            ir_call(&b, n >> 57 & 1 ? TOY_H_STATE : TOY_H_PURE, (IrVal[]){arg, arg}, n >> 57 & 1 ? 1 : 2);
        }
        if (loop)
            random_in_loop(&b, n, k);
        random_exit(&b, n, k, loop);
    }
    random_end(&b, seed, loop);
    ir_builder_finish(&b);
    return r;
}

static void a_put_off_word_is_right_at_every_exit(void **state)
{
    static const uint32_t opts[] = {0, X64_NO_PINS, X64_NO_FUSE, X64_NO_LAZY_FLAGS, 0};
    static uint64_t val[IR_MAX_INSNS];
    uint64_t seed = 4711;
    for (unsigned h = 0; h < ARRAY_SIZE(opts); h++) {
        X64Kit kit;
        x64_kit_init(&kit, h < 4 ? "host" : "v2", opts[h] | X64_NO_JUMP_CACHE);
        for (unsigned n = 0; n < 600; n++) {
            Arena arena;
            assert_true(arena_init(&arena, 4 << 20));
            IrRegion *r = random_region(&arena, &seed, n % 3 == 0);
            x64_kit_compile(&kit, r);
            for (unsigned k = 0; k < 48; k++) {
                ToyCpu one = {.fl = (uint16_t)(rnd_next(&seed) & 0xc101)};
                for (unsigned x = 0; x < 15; x++)
                    one.x[x] = operand(&seed);
                one.x[14] = 1 + k % 5;
                one.x[15] = n % 3 ? k : (k >> 3) | (1 + rnd_next(&seed) % one.x[14]) << 5;
                one.kick = (k & 7) == 7;
                one.fl_loop[2] = k & 1; /* what another loop left */
                ToyCpu two = one;
                IrRun run;
                toy_run(&one, r, val, 100, &run);
                int id = x64_kit_run(&kit, &two);
                assert_int_equal(id, run.kind == IR_RUN_EXIT ? run.exit : X64_ID_INDIRECT);
                assert_memory_equal(one.x, two.x, sizeof one.x);
                if ((one.fl ^ two.fl) & ~IR_FL_BIT9)
                    fail_msg("host %u region %u run %u: fl %x, not %x", h, n, k, two.fl, one.fl);
            }
            arena_clear(&arena);
        }
        x64_kit_clear(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_put_off_word_is_right_at_every_exit),
                                       cmocka_unit_test(flags_and_conditions_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
