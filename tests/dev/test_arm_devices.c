/* PrimeCell devices by their registers, as Arm's manuals have them; states saved and restored in the middle.
 */
#include "tests/dev/dev_kit.h"

#include "hw/char/pl011.h"
#include "hw/core/char_port.h"
#include "hw/gpio/gpio_key.h"
#include "hw/gpio/pl061.h"
#include "hw/timer/pl031.h"

static uint32_t get(DevKit *k, uint64_t at) { return (uint32_t)kit_read(k, at, 4); }
static void put(DevKit *k, uint64_t at, uint32_t v) { kit_write(k, at, 4, v); }

static void identification(DevKit *k, uint32_t part)
{
    uint32_t id = 0, cell = 0;
    for (unsigned n = 0; n < 4; n++) {
        id |= get(k, 0xfe0 + 4 * n) << 8 * n;
        cell |= get(k, 0xff0 + 4 * n) << 8 * n;
    }
    assert_int_equal(id & 0xfff, part);
    assert_int_equal(id >> 12 & 0xff, 0x41); /* designed by Arm */
    assert_int_equal(cell, 0xb105f00d);
}

/* ---- pl011 ---- */

typedef struct Wire {
    CharPort port;
    uint8_t sent[64];
    unsigned n, asked;
} Wire;

static void wire_write(void *backend, const uint8_t *bytes, size_t n)
{
    Wire *w = backend;
    while (n-- && w->n < sizeof(w->sent))
        w->sent[w->n++] = *bytes++;
}
static void wire_more(void *backend) { ((Wire *)backend)->asked++; }

static void serial_port(void **unused)
{
    enum {
        DR = 0,
        RSR = 4,
        FR = 0x18,
        LCR = 0x2c,
        CR = 0x30,
        IMSC = 0x38,
        RIS = 0x3c,
        MIS = 0x40,
        ICR = 0x44
    };
    DevKit k;
    Wire w = {.port = {.backend = &w, .write = wire_write, .more = wire_more}};
    kit_init(&k);
    const void *links[] = {"chardev", &w.port, "irq", &k.line[0], NULL};
    kit_device(&k, &pl011_class, NULL, links);
    identification(&k, 0x011);
    assert_int_equal(get(&k, CR), 0x300);
    assert_int_equal(get(&k, FR) & 0xf0, 0x90);       /* both FIFOs empty */
    put(&k, DR, 'a');
    assert_int_equal(w.sent[0], 'a');
    assert_int_equal(get(&k, RIS), 0x20);
    assert_int_equal(k.level, 0);
    put(&k, IMSC, 0x470);
    assert_int_equal(k.level, 1);
    assert_int_equal(get(&k, MIS), 0x20);
    put(&k, ICR, 0x20);
    assert_int_equal(k.level, 0);
    assert_int_equal(w.port.can_take(w.port.device), 1); /* FIFO off: a register */
    put(&k, LCR, 0x70);
    assert_int_equal(w.port.can_take(w.port.device), 16);
    w.port.take(w.port.device, (const uint8_t *)"0123", 4);
    assert_int_equal(get(&k, RIS), 0x40);             /* below the level of 8: time-out */
    w.port.take(w.port.device, (const uint8_t *)"456789abcdef!", 13);
    assert_int_equal(get(&k, RIS), 0x450);            /* overrun, receive */
    assert_int_equal(get(&k, FR) & 0x50, 0x40);
    kit_round_trip(&k, NULL, links);
    for (unsigned n = 0; n < 9; n++)
        assert_int_equal(get(&k, DR), "012345678"[n]);
    assert_int_equal(get(&k, RIS), 0x440);            /* seven are left */
    put(&k, ICR, 0x400);
    for (unsigned n = 9; n < 16; n++)
        assert_int_equal(get(&k, DR), "0123456789abcdef"[n]);
    assert_int_equal(get(&k, RIS), 0);
    assert_int_equal(k.level, 0);
    assert_int_equal(w.asked, 16);
    w.port.take(w.port.device, (const uint8_t *)"x", 1);
    assert_int_equal(get(&k, DR), 'x' | 0x800);       /* one was lost before it */
    assert_int_equal(get(&k, RSR), 8);
    put(&k, RSR, 0);
    assert_int_equal(get(&k, RSR), 0);
    put(&k, CR, 0x381);                               /* loop */
    put(&k, DR, 'z');
    assert_int_equal(get(&k, DR), 'z');
    assert_int_equal(w.n, 1);
    put(&k, 0x24, 0x12345);
    assert_int_equal(get(&k, 0x24), 0x2345);
    kit_clear(&k);
}

/* ---- pl031 ---- */

static void time_of_day(void **unused)
{
    enum { DR = 0, MR = 4, LR = 8, CR = 0xc, IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c };
    static const char *const props[] = {"base", "5000000000500000000", NULL};
    const uint64_t second = 1000000000;
    DevKit k;
    kit_init(&k);
    const void *links[] = {"irq", &k.line[0], NULL};
    kit_device(&k, &pl031_class, props, links);
    identification(&k, 0x031);
    assert_int_equal(get(&k, DR), (uint32_t)5000000000u);
    assert_int_equal(get(&k, CR), 1);
    kit_pass(&k, second / 2);
    assert_int_equal(get(&k, DR), (uint32_t)5000000001u);
    put(&k, LR, 0xfffffffe);
    assert_int_equal(get(&k, LR), 0xfffffffe);
    assert_int_equal(get(&k, DR), 0xfffffffe);
    put(&k, MR, 1); /* three seconds, over the end of the counter */
    put(&k, IMSC, 1);
    kit_round_trip(&k, props, links);
    kit_pass(&k, 3 * second - 1);
    assert_int_equal(k.level, 0);
    kit_pass(&k, 1);
    assert_int_equal(get(&k, DR), 1);
    assert_int_equal(k.level, 1);
    assert_int_equal(get(&k, MIS), 1);
    put(&k, ICR, 1);
    assert_int_equal(k.level, 0);
    put(&k, MR, 3);
    kit_pass(&k, 7 * second); /* a late host misses nothing */
    assert_int_equal(k.level, 1);
    put(&k, IMSC, 0);
    assert_int_equal(k.level, 0);
    assert_int_equal(get(&k, RIS), 1);
    kit_clear(&k);
}

/* ---- pl061 ---- */

static void pins(void **unused)
{
    enum {
        ALL = 0x3fc,
        DIR = 0x400,
        IS = 0x404,
        IBE = 0x408,
        IEV = 0x40c,
        IE = 0x410,
        RIS = 0x414,
        MIS = 0x418,
        IC = 0x41c
    };
    DevKit k;
    kit_init(&k);
    const void *links[] = {"irq", &k.line[0], "out", &k.line[8], NULL};
    kit_device(&k, &pl061_class, NULL, links);
    identification(&k, 0x061);
    put(&k, DIR, 0xf0);
    put(&k, ALL, 0xaf);
    assert_int_equal(get(&k, ALL), 0xa0);             /* low pins are inputs */
    assert_int_equal(k.level, 0xa000);
    put(&k, 0x40 << 2, 0xff);                         /* one bit by its address */
    assert_int_equal(get(&k, ALL), 0xe0);
    assert_int_equal(get(&k, 0x60 << 2), 0x60);
    IrqLine three = pl061_pin(k.dev, 3);
    put(&k, IBE, 8);                                  /* both edges of pin 3 */
    put(&k, IE, 8);
    irq_set(&three, true);
    assert_int_equal(k.level & 1, 1);
    assert_int_equal(get(&k, ALL), 0xe8);
    kit_round_trip(&k, NULL, links);
    three = pl061_pin(k.dev, 3);
    put(&k, IC, 8);
    assert_int_equal(k.level & 1, 0);
    irq_set(&three, false);
    assert_int_equal(get(&k, MIS), 8);
    put(&k, IC, 8);
    put(&k, IBE, 0);
    put(&k, IEV, 8);                                  /* rising only */
    irq_set(&three, true);
    irq_set(&three, false);
    assert_int_equal(get(&k, RIS), 8);
    put(&k, IC, 8);
    irq_set(&three, true);
    put(&k, IC, 8);
    put(&k, IS, 8);                                   /* level, high */
    assert_int_equal(k.level & 1, 1);
    put(&k, IC, 8);
    assert_int_equal(k.level & 1, 1);                 /* a level cannot be cleared */
    irq_set(&three, false);
    assert_int_equal(k.level & 1, 0);
    put(&k, IE, 0);
    irq_set(&three, true);
    assert_int_equal(get(&k, RIS), 8);
    assert_int_equal(get(&k, MIS), 0);
    kit_clear(&k);
}

static void key(void **unused)
{
    DevKit k;
    kit_init(&k);
    const void *links[] = {"pin", &k.line[3], NULL};
    kit_device(&k, &gpio_key_class, NULL, links);
    assert_int_equal(k.level, 0);
    gpio_key_press(k.dev);
    assert_int_equal(k.level, 8);
    kit_pass(&k, 99999999);
    kit_round_trip(&k, NULL, links);
    assert_int_equal(k.level, 8);
    kit_pass(&k, 1);
    assert_int_equal(k.level, 0);
    kit_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serial_port),
        cmocka_unit_test(time_of_day),
        cmocka_unit_test(pins),
        cmocka_unit_test(key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
