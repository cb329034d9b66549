/* Incoming MSI controllers of harts, by messages and by the registers that harts have of them (AIA 1.0,
 * chapter 3); states saved and restored in the middle. */
#include "tests/dev/dev_kit.h"

#include "hw/intc/riscv_imsic.h"

static const char *const imsic_props[] = {"harts", "2", "guests", "2", NULL};

static uint64_t imsic_get(DevKit *k, unsigned hart, unsigned file, unsigned reg)
{
    uint64_t v = 0;
    assert_true(riscv_imsic_reg(k->dev, hart, file, reg, false, 0, 0, &v));
    return v;
}
static uint64_t imsic_put(DevKit *k, unsigned hart, unsigned file, unsigned reg, uint64_t mask,
                          uint64_t value)
{
    uint64_t v = 0;
    assert_true(riscv_imsic_reg(k->dev, hart, file, reg, true, mask, value, &v));
    return v;
}

static void imsic(void **unused)
{
    enum { S1 = 8 << 12, GUEST2 = (8 + 4 + 2) << 12, LINE_M = 0, LINE_S = 2, LINE_G = 4 };
    DevKit k;
    uint64_t v;
    const void *links[] = {"m", &k.line[LINE_M], "s", &k.line[LINE_S], "guest", &k.line[LINE_G], NULL};
    kit_init(&k);
    kit_device(&k, &riscv_imsic_class, imsic_props, links);
    assert_int_equal(riscv_imsic_shift(0), 0);
    assert_int_equal(riscv_imsic_shift(2), 2);
    assert_int_equal(riscv_imsic_shift(3), 2);
    kit_write(&k, 0x1000, 4, 33); /* hart 1, machine level */
    kit_write(&k, 0x1004, 4, 0x07000000);
    kit_write(&k, 0x1000, 4, 256); /* none */
    kit_write(&k, 0x1000, 4, 0);
    assert_int_equal(imsic_get(&k, 1, IMSIC_FILE_M, IMSIC_EIP), 1ull << 33 | 1 << 7);
    assert_int_equal(k.level, 0);
    imsic_put(&k, 1, IMSIC_FILE_M, IMSIC_EIE, ~0ull, ~0ull);
    assert_int_equal(imsic_get(&k, 1, IMSIC_FILE_M, IMSIC_EIE), ~1ull);
    assert_int_equal(imsic_get(&k, 1, IMSIC_FILE_M, IMSIC_TOPEI), 7 << 16 | 7);
    assert_int_equal(k.level, 0); /* not delivered yet */
    imsic_put(&k, 1, IMSIC_FILE_M, IMSIC_EIDELIVERY, ~0ull, 1);
    assert_int_equal(k.level, 2);
    imsic_put(&k, 1, IMSIC_FILE_M, IMSIC_EITHRESHOLD, ~0ull, 7);
    assert_int_equal(k.level, 0);
    imsic_put(&k, 1, IMSIC_FILE_M, IMSIC_EITHRESHOLD, ~0ull, 8);
    assert_int_equal(k.level, 2);
    kit_round_trip(&k, imsic_props, links);
    assert_int_equal(imsic_put(&k, 1, IMSIC_FILE_M, IMSIC_TOPEI, 0, 0), 7 << 16 | 7); /* claims */
    assert_int_equal(k.level, 0);
    imsic_put(&k, 1, IMSIC_FILE_M, IMSIC_EITHRESHOLD, ~0ull, 0);
    assert_int_equal(imsic_put(&k, 1, IMSIC_FILE_M, IMSIC_TOPEI, 0, 0), 33 << 16 | 33);
    assert_int_equal(imsic_get(&k, 1, IMSIC_FILE_M, IMSIC_TOPEI), 0);
    riscv_imsic_send(k.dev, true, GUEST2, 200); /* hart 1: behind the supervisor's page, and four a hart */
    assert_int_equal(imsic_get(&k, 1, IMSIC_FILE_GUEST + 1, IMSIC_EIP), 0);
    riscv_imsic_send(k.dev, true, (4 + 2) << 12, 200);
    assert_int_equal(imsic_get(&k, 1, IMSIC_FILE_GUEST + 1, IMSIC_EIP + 6), 1ull << (200 - 192));
    imsic_put(&k, 1, IMSIC_FILE_GUEST + 1, IMSIC_EIE + 6, 1ull << 8, 1ull << 8);
    imsic_put(&k, 1, IMSIC_FILE_GUEST + 1, IMSIC_EIDELIVERY, ~0ull, 1);
    assert_int_equal(k.level, 1 << (LINE_G + 3));
    riscv_imsic_send(k.dev, true, S1, 9);
    imsic_put(&k, 0, IMSIC_FILE_S, IMSIC_EIP, 2, 2); /* by software */
    imsic_put(&k, 0, IMSIC_FILE_S, IMSIC_EIE, 2, 2);
    imsic_put(&k, 0, IMSIC_FILE_S, IMSIC_EIDELIVERY, ~0ull, 1);
    assert_int_equal(k.level, 1 << (LINE_G + 3) | 1 << LINE_S);
    kit_round_trip(&k, imsic_props, links);
    assert_false(riscv_imsic_reg(k.dev, 0, IMSIC_FILE_S, IMSIC_EIE + 1, false, 0, 0, &v));
    assert_false(riscv_imsic_reg(k.dev, 2, IMSIC_FILE_S, IMSIC_EIE, false, 0, 0, &v));
    assert_false(riscv_imsic_reg(k.dev, 0, IMSIC_FILE_GUEST + 2, IMSIC_EIE, false, 0, 0, &v));
    assert_int_equal(imsic_get(&k, 0, IMSIC_FILE_S, IMSIC_EIE + 62), 0);
    kit_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(imsic)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
