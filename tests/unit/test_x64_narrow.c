/* Slots of 32 bits that are not in registers: random code of 32 and 64 bits in which the two halves of a
 * value go different ways, interpreted and emitted. */
#include "tests/unit/x64_kit.h"

enum { STEPS = 40, LIVE = 6, REGIONS = 200, RUNS = 8 };

static uint64_t rnd_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

/* A value of 64 bits: one of the last few, more of which are wanted than there are temporaries. */
static IrVal pick(const IrVal *live, uint64_t n) { return live[n % LIVE]; }

static IrRegion *random_region(Arena *arena, uint64_t *seed)
{
    IrRegion *r = ir_region_new(arena, toy_slots, TOY_SLOTS, toy_helpers, TOY_HELPERS);
    IrBuilder b;
    IrVal live[LIVE];
    ir_builder_init(&b, r);
    ir_insn_start(&b, 0x1000);
    for (unsigned k = 0; k < LIVE; k++)
        live[k] = ir_get(&b, TOY_X + 8 + k);
    for (unsigned k = 0; k < STEPS; k++) {
        uint64_t n = rnd_next(seed);
        IrVal x = pick(live, n >> 8), y = pick(live, n >> 16), *to = &live[(n >> 24) % LIVE];
        unsigned slot = TOY_W + (n >> 32) % 4;
        ir_insn_start(&b, 0x1004 + 4 * k);
        switch (n & 7) {
        case 0: *to = ir_add(&b, IR_I64, x, y); break;
        case 1: *to = ir_xor(&b, IR_I64, x, y); break;
        case 2: ir_put(&b, slot, ir_trunc(&b, IR_I32, x)); break;
        case 3:
            ir_put(&b, slot, ir_trunc(&b, IR_I32, ir_shr(&b, IR_I64, x, ir_const(&b, IR_I64, 32))));
            break;
        case 4: *to = ir_zext(&b, IR_I64, ir_get(&b, slot)); break;
        case 5: *to = ir_sext(&b, IR_I64, ir_get(&b, slot)); break;
        case 6: ir_put(&b, slot, ir_add(&b, IR_I32, ir_trunc(&b, IR_I32, x), ir_get(&b, slot))); break;
        default: ir_put(&b, TOY_X + 8 + (n >> 40) % 8, x); break;
        }
    }
    ir_insn_start(&b, 0x2000);
    for (unsigned k = 0; k < LIVE; k++)
        ir_put(&b, TOY_X + k, live[k]);
    ir_exit(&b, ir_exit_direct(&b, 0x2004, false));
    ir_builder_finish(&b);
    return r;
}

static void narrow_slots_hold_the_low_half_only(void **state)
{
    static uint64_t val[IR_MAX_INSNS];
    uint64_t seed = 42;
    X64Kit kit;
    x64_kit_init(&kit, "", 0);
    for (unsigned n = 0; n < REGIONS; n++) {
        Arena arena;
        assert_true(arena_init(&arena, 4 << 20));
        IrRegion *r = random_region(&arena, &seed);
        x64_kit_compile(&kit, r);
        for (unsigned k = 0; k < RUNS; k++) {
            ToyCpu one = {0};
            for (unsigned x = 0; x < 16; x++)
                one.x[x] = rnd_next(&seed);
            for (unsigned w = 0; w < 4; w++)
                one.w[w] = (uint32_t)rnd_next(&seed);
            ToyCpu two = one;
            IrRun run;
            toy_run(&one, r, val, 10, &run);
            assert_int_equal(x64_kit_run(&kit, &two), run.exit);
            assert_memory_equal(one.x, two.x, sizeof one.x);
            assert_memory_equal(one.w, two.w, sizeof one.w);
        }
        arena_clear(&arena);
    }
    x64_kit_clear(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(narrow_slots_hold_the_low_half_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
