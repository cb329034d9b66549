/* Incoming MSI controllers of harts, by messages and by the registers that harts have of them (AIA 1.0,
 * chapter 3); states saved and restored in the middle. */
#include "tests/dev/dev_kit.h"

#include "hw/intc/riscv_aplic.h"
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

/* ---- APLIC ---- */

enum {
    DOMAINCFG = 0,
    SOURCECFG = 4,
    MSIADDRCFG = 0x1bc0,
    SETIP = 0x1c00,
    SETIPNUM = 0x1cdc,
    IN_CLRIP = 0x1d00,
    CLRIPNUM = 0x1ddc,
    SETIENUM = 0x1edc,
    CLRIENUM = 0x1fdc,
    SETIPNUM_LE = 0x2000,
    GENMSI = 0x3000,
    TARGET = 0x3004,
    IDC = 0x4000,
    ITHRESHOLD = 8,
    TOPI = 0x18,
    CLAIMI = 0x1c,
    IE = 0x100,
    DELEGATE = 1 << 10,
    EDGE1 = 4,
    EDGE0 = 5,
    LEVEL1 = 6,
    LINE_S = 2
};

/* The supervisor's domain is the second region; the map has the first. */
static uint32_t s_get(DevKit *k, uint64_t at)
{
    const MemRegion *r = &k->dev->region[1];
    return (uint32_t)r->ops->read(r->dev, at, 4);
}
static void s_put(DevKit *k, uint64_t at, uint32_t v)
{
    const MemRegion *r = &k->dev->region[1];
    r->ops->write(r->dev, at, v, 4);
}

static const char *const direct_props[] = {"harts", "2", "sources", "96", NULL};

static void aplic_direct(void **unused)
{
    DevKit k;
    const void *links[] = {"m", k.line, "s", &k.line[LINE_S], NULL};
    kit_init(&k);
    kit_device(&k, &riscv_aplic_class, direct_props, links);
    s_put(&k, SOURCECFG + 4 * 32, LEVEL1); /* source 33 is not the supervisor's */
    assert_int_equal(s_get(&k, SOURCECFG + 4 * 32), 0);
    for (unsigned n = 33; n <= 35; n++)
        kit_write(&k, SOURCECFG + 4 * (n - 1), 4, DELEGATE);
    s_put(&k, SOURCECFG + 4 * 32, LEVEL1);
    s_put(&k, SOURCECFG + 4 * 33, EDGE0);
    s_put(&k, TARGET + 4 * 32, 1u << 18 | 9);
    s_put(&k, TARGET + 4 * 33, 1u << 18 | 5);
    s_put(&k, SETIENUM, 33);
    s_put(&k, SETIENUM, 34);
    s_put(&k, SETIENUM, 35); /* inactive */
    s_put(&k, SETIENUM, 97);
    s_put(&k, DOMAINCFG, IE);
    s_put(&k, IDC + 32, 1); /* idelivery of hart 1 */
    assert_int_equal(s_get(&k, DOMAINCFG), 0x80000000 | IE);
    assert_int_equal(s_get(&k, SETIENUM - 0xdc + 4), 6);
    IrqLine level = riscv_aplic_source(k.dev, 33), edge = riscv_aplic_source(k.dev, 34);
    irq_set(&level, true);
    assert_int_equal(k.level, 1 << (LINE_S + 1));
    assert_int_equal(s_get(&k, IN_CLRIP + 4), 2 | 4); /* 34 is up when its line is down */
    s_put(&k, CLRIPNUM, 33);                          /* of no effect on a level */
    assert_int_equal(s_get(&k, IDC + 32 + TOPI), 33 << 16 | 9);
    irq_set(&edge, true);
    assert_int_equal(s_get(&k, SETIP + 4), 2);
    irq_set(&edge, false);
    assert_int_equal(s_get(&k, IDC + 32 + TOPI), 34 << 16 | 5);
    kit_round_trip(&k, direct_props, links);
    level = riscv_aplic_source(k.dev, 33);
    assert_int_equal(s_get(&k, IDC + 32 + CLAIMI), 34 << 16 | 5);
    assert_int_equal(s_get(&k, IDC + 32 + CLAIMI), 33 << 16 | 9);
    assert_int_equal(k.level, 1 << (LINE_S + 1)); /* its line is still up */
    s_put(&k, IDC + 32 + ITHRESHOLD, 9);
    assert_int_equal(k.level, 0);
    s_put(&k, IDC + 32 + ITHRESHOLD, 0);
    irq_set(&level, false);
    assert_int_equal(k.level, 0);
    s_put(&k, IDC + 32 + 4, 1); /* iforce */
    assert_int_equal(k.level, 1 << (LINE_S + 1));
    assert_int_equal(s_get(&k, IDC + 32 + CLAIMI), 0);
    assert_int_equal(k.level, 0);
    kit_write(&k, SOURCECFG + 4 * 32, 4, EDGE1); /* back to the machine */
    assert_int_equal(s_get(&k, TARGET + 4 * 32), 0);
    assert_int_equal(kit_read(&k, TARGET + 4 * 32, 4), 1);
    kit_clear(&k);
}

typedef struct Sent {
    unsigned count;
    uint64_t address;
    uint32_t data;
} Sent;

static void note_message(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    Sent *s = receiver;
    *s = (Sent){s->count + 1, address, data};
}

static const char *const message_props[] = {"harts", "2", "sources", "96", "messages", "on", NULL};

static void aplic_messages(void **unused)
{
    enum { M_PAGE = 0x24000, S_PAGE = 0x28000, LHXS = 2, LHXW = 1 };
    DevKit k;
    Sent sent = {0};
    const MsiTarget target = {&sent, note_message};
    const void *links[] = {"send", &target, NULL};
    kit_init(&k);
    kit_device(&k, &riscv_aplic_class, message_props, links);
    kit_write(&k, MSIADDRCFG, 4, M_PAGE);
    kit_write(&k, MSIADDRCFG + 4, 4, LHXW << 12);
    kit_write(&k, MSIADDRCFG + 8, 4, S_PAGE);
    kit_write(&k, MSIADDRCFG + 12, 4, LHXS << 20);
    kit_write(&k, SOURCECFG + 4 * 6, 4, DELEGATE); /* 7 */
    s_put(&k, SOURCECFG + 4 * 6, LEVEL1);
    s_put(&k, TARGET + 4 * 6, 1u << 18 | 3u << 12 | 77); /* hart 1, guest 3 */
    s_put(&k, SETIENUM, 7);
    s_put(&k, DOMAINCFG, IE);
    assert_int_equal(s_get(&k, DOMAINCFG), 0x80000000 | IE | 4);
    IrqLine in = riscv_aplic_source(k.dev, 7);
    irq_set(&in, true);
    assert_int_equal(sent.count, 1);
    assert_int_equal(sent.address, (uint64_t)(S_PAGE + (1 << LHXS) + 3) << 12);
    assert_int_equal(sent.data, 77);
    assert_int_equal(s_get(&k, SETIP), 0);
    kit_round_trip(&k, message_props, links);
    in = riscv_aplic_source(k.dev, 7);
    s_put(&k, SETIPNUM_LE, 7); /* asks again, as the line is up */
    assert_int_equal(sent.count, 2);
    s_put(&k, CLRIENUM, 7);
    s_put(&k, SETIPNUM, 7);
    assert_int_equal(s_get(&k, SETIP), 1 << 7);
    irq_set(&in, false);
    assert_int_equal(s_get(&k, SETIP), 0);
    s_put(&k, SETIPNUM, 7); /* it is not */
    s_put(&k, SETIENUM, 7);
    assert_int_equal(sent.count, 2);
    kit_write(&k, GENMSI, 4, 1u << 18 | 12);
    assert_int_equal(sent.count, 3);
    assert_int_equal(sent.address, (uint64_t)(M_PAGE + 1) << 12);
    kit_write(&k, MSIADDRCFG + 4, 4, 1u << 31);
    kit_write(&k, MSIADDRCFG, 4, 0); /* locked */
    assert_int_equal(kit_read(&k, MSIADDRCFG, 4), M_PAGE);
    kit_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(imsic), cmocka_unit_test(aplic_direct),
                                       cmocka_unit_test(aplic_messages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
