/* The builder: forwarding, sharing, the commit rule, printing. */
#include "tests/unit/ir_kit.h"

static IrKit kit;

static int setup(void **state)
{
    kit_init(&kit);
    ir_insn_start(&kit.b, 0x1000);
    return 0;
}

static int teardown(void **state)
{
    kit_clear(&kit);
    return 0;
}

static void test_get_is_made_once(void **state)
{
    IrVal a = ir_get(&kit.b, 1);
    assert_int_equal(ir_get(&kit.b, 1), a);
    ir_insn_start(&kit.b, 0x1004);
    assert_int_equal(ir_get(&kit.b, 1), a);
    assert_int_equal(kit_count(&kit, IR_GET), 1);
}

static void test_put_forwards(void **state)
{
    IrVal v = ir_add(&kit.b, IR_I64, ir_get(&kit.b, 1), ir_get(&kit.b, 2));
    ir_put(&kit.b, 3, v);
    assert_int_equal(ir_get(&kit.b, 3), v);
    ir_insn_start(&kit.b, 0x1004);
    assert_int_equal(ir_get(&kit.b, 3), v);
}

static void test_puts_wait_for_the_next_instruction(void **state)
{
    IrMem m = {.size = 3};
    ir_put(&kit.b, 1, ir_const(&kit.b, IR_I64, 7));
    IrVal v = ir_ld(&kit.b, IR_I64, ir_get(&kit.b, 2), 0, m);
    assert_int_equal(kit_count(&kit, IR_PUT), 0);
    ir_put(&kit.b, 2, v);
    ir_insn_start(&kit.b, 0x1004);
    assert_int_equal(kit_count(&kit, IR_PUT), 2);
    const IrInsn *last = &kit.r->insn[kit.r->n_insns - 1];
    assert_int_equal(last->op, IR_INSN_START);
    assert_int_equal(last[-1].op, IR_PUT);
    assert_int_equal(last[-1].imm, 2);
    assert_int_equal(last[-2].op, IR_PUT);
}

static void test_second_put_of_an_instruction_wins(void **state)
{
    ir_put(&kit.b, 1, ir_const(&kit.b, IR_I64, 7));
    ir_put(&kit.b, 1, ir_const(&kit.b, IR_I64, 8));
    kit_run(&kit);
    assert_int_equal(kit_count(&kit, IR_PUT), 1);
    assert_int_equal(kit.cpu.x[1], 8);
}

static void test_exits_commit(void **state)
{
    ir_put(&kit.b, 1, ir_const(&kit.b, IR_I64, 7));
    ir_exit_if(&kit.b, ir_const(&kit.b, IR_I1, 1), ir_exit_direct(&kit.b, 0x2000, false), false);
    kit_run(&kit);
    assert_int_equal(kit.run.kind, IR_RUN_EXIT);
    assert_int_equal(kit.r->exit[kit.run.exit].pc, 0x2000);
    assert_int_equal(kit.cpu.x[1], 7);
}

static void test_pure_ops_are_shared(void **state)
{
    IrVal a = ir_get(&kit.b, 1), c = ir_get(&kit.b, 2);
    assert_int_equal(ir_add(&kit.b, IR_I64, a, c), ir_add(&kit.b, IR_I64, c, a));
    assert_int_equal(ir_sub(&kit.b, IR_I64, a, c), ir_sub(&kit.b, IR_I64, a, c));
    assert_int_not_equal(ir_sub(&kit.b, IR_I64, a, c), ir_sub(&kit.b, IR_I64, c, a));
    assert_int_equal(ir_const(&kit.b, IR_I64, 1ll << 40), ir_const(&kit.b, IR_I64, 1ll << 40));
    assert_int_equal(kit.r->n_pool, 1);
    assert_int_not_equal(ir_const(&kit.b, IR_I64, 5), ir_const(&kit.b, IR_I32, 5));
}

static void test_loads_and_fp_are_not_shared(void **state)
{
    IrMem m = {.size = 3};
    IrVal a = ir_get(&kit.b, 1), f = ir_get(&kit.b, TOY_F);
    assert_int_not_equal(ir_ld(&kit.b, IR_I64, a, 0, m), ir_ld(&kit.b, IR_I64, a, 0, m));
    assert_int_not_equal(ir_fadd(&kit.b, IR_F64, f, f), ir_fadd(&kit.b, IR_F64, f, f));
    assert_int_equal(kit.r->insn[kit.r->n_insns - 1].misc, IR_RDYN);
}

static void test_state_helper_sees_puts_and_is_seen(void **state)
{
    IrVal arg = ir_const(&kit.b, IR_I64, 5);
    ir_put(&kit.b, 1, ir_const(&kit.b, IR_I64, 100));
    ir_call(&kit.b, TOY_H_STATE, &arg, 1);
    ir_put(&kit.b, 2, ir_get(&kit.b, 1));
    kit_run(&kit);
    assert_int_equal(kit.cpu.x[1], 105);
    assert_int_equal(kit.cpu.x[2], 105);
}

static void test_block_forgets(void **state)
{
    IrVal a = ir_get(&kit.b, 1), k = ir_const(&kit.b, IR_I64, 5);
    ir_br(&kit.b, 1);
    assert_int_equal(ir_block(&kit.b), 1);
    assert_int_not_equal(ir_get(&kit.b, 1), a);
    assert_int_not_equal(ir_const(&kit.b, IR_I64, 5), k);
}

static void test_full_leaves_room(void **state)
{
    unsigned n = 0;
    for (; !kit.r->full; n++) {
        ir_insn_start(&kit.b, 0x2000 + 4 * n);
        for (unsigned k = 0; k < 100; k++)
            ir_fadd(&kit.b, IR_F64, ir_get(&kit.b, TOY_F), ir_get(&kit.b, TOY_F));
    }
    assert_true(kit.r->n_insns + IR_BUILD_SLACK <= IR_MAX_INSNS + 102);
    for (unsigned k = 0; k < IR_BUILD_SLACK - 110; k++)
        ir_fadd(&kit.b, IR_F64, ir_get(&kit.b, TOY_F), ir_get(&kit.b, TOY_F));
    kit_run(&kit);
    assert_int_equal(kit.run.kind, IR_RUN_EXIT);
}

static void test_print(void **state)
{
    IrVal a = ir_get(&kit.b, 1);
    IrVal v = ir_ld(&kit.b, IR_I64, a, -8, (IrMem){.size = 2, .sext = 1, .order = IR_ACQUIRE});
    ir_put(&kit.b, 2, v);
    ir_insn_start(&kit.b, 0x1004);
    IrVal c = ir_cmp(&kit.b, IR_LTU, a, v);
    ir_exit_if(&kit.b, c, ir_exit_direct(&kit.b, 0x1000, true), true);
    ir_exit(&kit.b, ir_exit_raise(&kit.b, 0x1004, 3));
    ir_builder_finish(&kit.b);
    assert_string_equal(kit_text(&kit), "region pc=0x0 ctx=0x0 nan=0\n"
                                        "exit 0 direct 0x1000 poll\n"
                                        "exit 1 raise 0x1004 code=3\n"
                                        "block 0:\n"
                                        "  insn 0x1000\n"
                                        "  %2 = get.i64 x1\n"
                                        "  %3 = ld.i64 [%2 - 8] b4 sext acquire\n"
                                        "  put.i64 x2 %3\n"
                                        "  insn 0x1004\n"
                                        "  %6 = cmp.i64 ltu %2 %3\n"
                                        "  exit_if %6 exit 0 likely\n"
                                        "  exit 1\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_get_is_made_once),
        T(test_put_forwards),
        T(test_puts_wait_for_the_next_instruction),
        T(test_second_put_of_an_instruction_wins),
        T(test_exits_commit),
        T(test_pure_ops_are_shared),
        T(test_loads_and_fp_are_not_shared),
        T(test_state_helper_sees_puts_and_is_seen),
        T(test_block_forgets),
        T(test_full_leaves_room),
        T(test_print),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
