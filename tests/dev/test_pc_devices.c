/* Devices of PCs by their registers, as their data sheets have them, and the space of I/O ports. */
#include "tests/dev/dev_kit.h"

#include "hw/char/ns16550a.h"
#include "hw/core/char_port.h"
#include "hw/core/io_ports.h"
#include "hw/core/request.h"
#include "hw/input/i8042.h"
#include "hw/misc/acpi_ged.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/i8237.h"
#include "hw/misc/pc_ports.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"

#include <linux/input-event-codes.h>

enum { SECOND = 1000000000 };

/* The regions after the first, each 0x10000 behind the one before. */
static void place_rest(DevKit *k)
{
    for (unsigned n = 1; n < k->dev->n_regions; n++) {
        k->dev->region[n].base = 0x10000ull * n;
        assert_true(mem_map_add(&k->map, &k->dev->region[n]));
    }
}
static void make(DevKit *k, const DevClass *cls, const char *const *props, const void *const *links)
{
    kit_device(k, cls, props, links);
    place_rest(k);
}
static void round_trip(DevKit *k, const char *const *props, const void *const *links)
{
    kit_round_trip(k, props, links);
    place_rest(k);
}

static unsigned get(DevKit *k, uint64_t at)
{
    return (unsigned)kit_read(k, at, 1);
}
static void put(DevKit *k, uint64_t at, unsigned v)
{
    kit_write(k, at, 1, v);
}

typedef struct Wire {
    CharPort port;
    uint8_t sent[64];
    unsigned n;
} Wire;
static void wire_write(void *backend, const uint8_t *bytes, size_t n)
{
    Wire *w = backend;
    while (n-- && w->n < sizeof(w->sent))
        w->sent[w->n++] = *bytes++;
}

typedef struct Asked {
    MachineRequests port;
    int what, code;
} Asked;
static void note_request(void *opaque, MachineRequest what, int code)
{
    Asked *a = opaque;
    a->what = (int)what;
    a->code = code;
}

/* ---- ports ---- */

static void map_at(MemMap *ports, Device *d, unsigned region, unsigned port)
{
    d->region[region].base = port;
    assert_true(mem_map_add(ports, &d->region[region]));
}

static void port_space(void **unused)
{
    DevKit k;
    DevError err;
    MemMap *ports = malloc(sizeof(*ports));
    Wire w = {.port = {.backend = &w, .write = wire_write}};
    Asked asked = {.port = {.opaque = &asked, .request = note_request}, .what = -1};
    kit_init(&k);
    mem_map_init(ports);
    Device *cfg = dev_new(&fw_cfg_class, NULL, "cfg"), *con = dev_new(&isa_debugcon_class, NULL, "con"),
           *end = dev_new(&isa_debug_exit_class, NULL, "end");
    assert_true(dev_set_ptr(con, "chardev", &w.port, &err) && dev_set(con, "iobase", "0x402", &err));
    assert_true(dev_set_ptr(end, "machine", &asked.port, &err) && dev_set(end, "iobase", "0xf4", &err));
    assert_true(dev_realize(cfg, &k.map, &k.clock, &err) && dev_realize(con, &k.map, &k.clock, &err) &&
                dev_realize(end, &k.map, &k.clock, &err));
    map_at(ports, cfg, FW_CFG_PORTS, 0x510);
    map_at(ports, cfg, FW_CFG_DMA_PORTS, 0x514);
    assert_true(mem_map_add(ports, &con->region[0]) && mem_map_add(ports, &end->region[0]));
    dev_reset(cfg);
    /* nothing there, and half of it there */
    assert_int_equal(io_ports_read(ports, 0, 0x80, 1), 0xff);
    assert_int_equal(io_ports_read(ports, 0, 0x80, 4), 0xffffffff);
    assert_int_equal(io_ports_read(ports, 0, 0x402, 2), 0xffe9);
    assert_int_equal(io_ports_read(ports, 0, 0x401, 2), 0xe9ff);
    io_ports_write(ports, 0, 0x401, 'x' << 8, 2);
    io_ports_write(ports, 0, 0x402, 'y', 1);
    io_ports_write(ports, 0, 0xffff, 0x12345678, 4);
    assert_int_equal(w.n, 2);
    assert_int_equal(w.sent[0], 'x');
    /* fw-cfg */
    io_ports_write(ports, 0, 0x510, FW_CFG_SIGNATURE, 2);
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(io_ports_read(ports, 0, 0x511, 1), "QEMU"[n]);
    assert_int_equal(io_ports_read(ports, 0, 0x511, 1), 0);
    assert_int_equal(io_ports_read(ports, 0, 0x514, 4), 0x554d4551);
    io_ports_write(ports, 0, 0x510, FW_CFG_ID, 2);
    assert_int_equal(io_ports_read(ports, 0, 0x511, 1), 3);
    /* debug exit */
    io_ports_write(ports, 0, 0xf4, 0x10, 1);
    assert_int_equal(asked.what, MACHINE_POWER_OFF);
    assert_int_equal(asked.code, 0x21);
    dev_free(end);
    assert_int_equal(io_ports_read(ports, 0, 0xf4, 1), 0xff);
    dev_free(con);
    dev_free(cfg);
    assert_int_equal(ports->n_regions, 0);
    mem_map_clear(ports);
    free(ports);
    mem_map_clear(&k.map);
}

static void system_control(void **unused)
{
    DevKit k;
    Asked asked = {.port = {.opaque = &asked, .request = note_request}, .what = -1};
    kit_init(&k);
    const void *links[] = {"machine", &asked.port, NULL};
    make(&k, &system_control_class, NULL, links);
    assert_int_equal(get(&k, 0), 2);
    put(&k, 0, 0);
    assert_int_equal(get(&k, 0), 0);
    put(&k, 0x10000, 0x5a);
    round_trip(&k, NULL, links);
    assert_int_equal(get(&k, 0x10000), 0x5a);
    assert_int_equal(asked.what, -1);
    put(&k, 0, 3);
    assert_int_equal(asked.what, MACHINE_RESET);
    kit_clear(&k);
}

/* ---- 8254 ---- */

enum { SPEAKER = 0x10000 };

static void load(DevKit *k, unsigned counter, unsigned mode, unsigned count)
{
    put(k, 3, counter << 6 | 0x30 | mode << 1);
    put(k, counter, count & 0xff);
    put(k, counter, count >> 8);
}

static unsigned latched(DevKit *k, unsigned counter)
{
    put(k, 3, counter << 6);
    unsigned low = get(k, counter);
    return low | get(k, counter) << 8;
}

/* ns of that many ticks, rounded up */
static uint64_t ticks(uint64_t n)
{
    return (n * SECOND + I8254_HZ - 1) / I8254_HZ;
}

static void interval_timer(void **unused)
{
    DevKit k;
    kit_init(&k);
    const void *links[] = {"irq", &k.line[0], NULL};
    make(&k, &i8254_class, NULL, links);
    load(&k, 0, 2, 11932);
    assert_int_equal(k.level, 1); /* out is up but for a tick */
    kit_pass(&k, ticks(1000));
    assert_int_equal(latched(&k, 0), 10932);
    round_trip(&k, NULL, links);
    k.level = 0;
    kit_pass(&k, ticks(10931));
    assert_int_equal(k.level, 0);
    kit_pass(&k, ticks(2));
    assert_int_equal(k.level, 1); /* it was down, and came up */
    load(&k, 0, 0, 100);
    assert_int_equal(k.level, 0);
    kit_pass(&k, ticks(99));
    assert_int_equal(k.level, 0);
    kit_pass(&k, ticks(1));
    assert_int_equal(k.level, 1);
    kit_pass(&k, ticks(10));
    assert_int_equal(latched(&k, 0) >> 8, 0xff); /* goes on below zero */
    load(&k, 0, 3, 1000);
    assert_int_equal(k.level, 1);
    kit_pass(&k, ticks(501));
    assert_int_equal(k.level, 0);
    kit_pass(&k, ticks(500));
    assert_int_equal(k.level, 1);
    put(&k, 3, 0xe2); /* status of counter 0 */
    assert_int_equal(get(&k, 0), 0x80 | 0x30 | 3 << 1);
    /* the speaker's, by its gate: as kernels calibrate */
    put(&k, SPEAKER, 0);
    load(&k, 2, 0, 10000);
    assert_int_equal(get(&k, SPEAKER) & 0x20, 0);
    put(&k, SPEAKER, 1);
    kit_pass(&k, ticks(9999));
    assert_int_equal(get(&k, SPEAKER) & 0x21, 1);
    kit_pass(&k, ticks(2));
    assert_int_equal(get(&k, SPEAKER) & 0x21, 0x21);
    const unsigned refresh = get(&k, SPEAKER) & 0x10;
    kit_pass(&k, 15085);
    assert_int_not_equal(get(&k, SPEAKER) & 0x10, refresh);
    /* binary-coded decimal, low byte only */
    put(&k, 3, 0x51);
    put(&k, 1, 0x42);
    kit_pass(&k, ticks(2));
    assert_int_equal(get(&k, 1), 0x40);
    kit_clear(&k);
}

/* ---- MC146818 ---- */

static unsigned cmos(DevKit *k, unsigned at)
{
    put(k, 0, at | 0x80);
    return get(k, 1);
}
static void set_cmos(DevKit *k, unsigned at, unsigned v)
{
    put(k, 0, at);
    put(k, 1, v);
}

static void real_time(void **unused)
{
    /* 2024-02-29 23:59:58, a Thursday */
    static const char *const props[] = {"base", "1709251198000000000", NULL};
    DevKit k;
    kit_init(&k);
    const void *links[] = {"irq", &k.line[0], NULL};
    make(&k, &mc146818_class, props, links);
    static const uint8_t was[][2] = {{0, 0x58}, {2, 0x59}, {4, 0x23}, {6, 5},
                                     {7, 0x29}, {8, 2},    {9, 0x24}, {0x32, 0x20}};
    for (unsigned n = 0; n < ARRAY_SIZE(was); n++)
        assert_int_equal(cmos(&k, was[n][0]), was[n][1]);
    kit_pass(&k, 2 * (uint64_t)SECOND);
    static const uint8_t is[][2] = {{0, 0}, {2, 0}, {4, 0}, {6, 6}, {7, 1}, {8, 3}, {9, 0x24}};
    for (unsigned n = 0; n < ARRAY_SIZE(is); n++)
        assert_int_equal(cmos(&k, is[n][0]), is[n][1]);
    assert_int_equal(cmos(&k, 13), 0x80);
    kit_pass(&k, SECOND - 100000);
    assert_int_equal(cmos(&k, 10), 0xa6); /* about to change */
    kit_pass(&k, 100000);
    assert_int_equal(cmos(&k, 10), 0x26);
    /* set, in binary and by twelve hours */
    set_cmos(&k, 11, 0x84);
    set_cmos(&k, 4, 0x8b); /* 11 in the evening */
    set_cmos(&k, 0, 59);
    set_cmos(&k, 9, 24);
    set_cmos(&k, 0x32, 20);
    kit_pass(&k, 5 * (uint64_t)SECOND);
    assert_int_equal(cmos(&k, 0), 59); /* stands */
    set_cmos(&k, 11, 0x04);
    kit_pass(&k, SECOND);
    assert_int_equal(cmos(&k, 0), 0);
    assert_int_equal(cmos(&k, 2), 1);
    assert_int_equal(cmos(&k, 4), 0x8b);
    round_trip(&k, props, links);
    /* interrupts: update, alarm, periodic */
    cmos(&k, 12);
    set_cmos(&k, 11, 0x14);
    kit_pass(&k, SECOND);
    assert_int_equal(k.level, 1);
    assert_int_equal(cmos(&k, 12) & 0x90, 0x90);
    assert_int_equal(k.level, 0);
    set_cmos(&k, 1, 5); /* each minute at second 5 */
    set_cmos(&k, 3, 0xc0);
    set_cmos(&k, 5, 0xff);
    set_cmos(&k, 11, 0x24);
    kit_pass(&k, 3 * (uint64_t)SECOND);
    assert_int_equal(k.level, 0);
    kit_pass(&k, SECOND);
    assert_int_equal(k.level, 1);
    assert_int_equal(cmos(&k, 12) & 0xa0, 0xa0);
    set_cmos(&k, 11, 0x44);
    kit_pass(&k, 976563); /* 1024 Hz */
    assert_int_equal(k.level, 1);
    assert_int_equal(cmos(&k, 12) & 0xc0, 0xc0);
    set_cmos(&k, 0x5f, 3);
    set_cmos(&k, 11, 0x24);
    dev_reset(k.dev); /* the battery's: memory, alarm and time stay */
    assert_true(cmos(&k, 0x5f) == 3 && cmos(&k, 11) == 0x24 && cmos(&k, 1) == 5);
    kit_clear(&k);
}

/* ---- HPET ---- */

static uint64_t get8(DevKit *k, uint64_t at)
{
    return kit_read(k, at, 8);
}
static void put8(DevKit *k, uint64_t at, uint64_t v)
{
    kit_write(k, at, 8, v);
}

static void precision_timer(void **unused)
{
    DevKit k;
    kit_init(&k);
    const void *links[] = {"lines", k.line, "pit", &k.line[30], "legacy", &k.line[31], NULL};
    make(&k, &hpet_class, NULL, links);
    assert_int_equal(get8(&k, 0) >> 32, 10000000);
    assert_int_equal(get8(&k, 0) >> 8 & 31, 2);
    put8(&k, 0x10, 1);
    kit_pass(&k, 1000);
    assert_int_equal(get8(&k, 0xf0), 100);
    put8(&k, 0x120, 4 | 20 << 9); /* timer 1, edge, input 20 */
    put8(&k, 0x128, 200);
    k.level = 0;
    put8(&k, 0x140, 4 | 2 | 21 << 9); /* timer 2, level */
    put8(&k, 0x148, 150);
    kit_pass(&k, 500);
    assert_int_equal(k.level, 1u << 21);
    assert_int_equal(get8(&k, 0x20), 4);
    round_trip(&k, NULL, links);
    put8(&k, 0x20, 4);
    assert_int_equal(k.level, 0);
    assert_int_equal(get8(&k, 0x20), 0);
    put8(&k, 0x10, 3); /* legacy; periodic by a write of the period */
    assert_int_equal(k.level, 1u << 31);
    put8(&k, 0x100, 4 | 2 | 8 | 0x40);
    put8(&k, 0x108, 10000);
    put8(&k, 0x108, 3000);
    kit_pass(&k, 98500);
    assert_int_equal(k.level >> 30 & 1, 1);
    assert_int_equal(get8(&k, 0x108), 13000);
    put8(&k, 0x20, 1);
    kit_pass(&k, 95000); /* late */
    assert_int_equal(k.level >> 30 & 1, 1);
    assert_int_equal(get8(&k, 0x108), 22000);
    put8(&k, 0x10, 0);
    const uint64_t stopped = get8(&k, 0xf0);
    kit_pass(&k, 1000);
    assert_int_equal(get8(&k, 0xf0), stopped);
    put8(&k, 0xf0, 7);
    assert_int_equal(get8(&k, 0xf0), 7);
    kit_clear(&k);
}

/* ---- 8042 ---- */

enum { STATUS = 0x10000 };

static void command(DevKit *k, unsigned v)
{
    put(k, STATUS, v);
}
static unsigned byte(DevKit *k)
{
    assert_int_equal(get(k, STATUS) & 1, 1);
    return get(k, 0);
}

static void keyboard(void **unused)
{
    DevKit k;
    Asked asked = {.port = {.opaque = &asked, .request = note_request}, .what = -1};
    kit_init(&k);
    const void *links[] = {"irq", &k.line[1], "irq_aux", &k.line[12], "machine", &asked.port, NULL};
    make(&k, &i8042_class, NULL, links);
    command(&k, 0xaa);
    assert_int_equal(byte(&k), 0x55);
    assert_int_equal(get(&k, STATUS) & 5, 4);
    command(&k, 0xab);
    assert_int_equal(byte(&k), 0);
    command(&k, 0x60);
    put(&k, 0, 0x61); /* translate, interrupt of the keyboard, mouse off */
    command(&k, 0x20);
    assert_int_equal(byte(&k), 0x61);
    put(&k, 0, 0xff);
    assert_int_equal(k.level, 2);
    assert_int_equal(byte(&k), 0xfa);
    assert_int_equal(byte(&k), 0xaa);
    assert_int_equal(k.level, 0);
    put(&k, 0, 0xf2);
    assert_int_equal(byte(&k), 0xfa);
    assert_int_equal(byte(&k), 0xab);
    assert_int_equal(byte(&k), 0x41); /* 83, translated */
    assert_true(i8042_key(k.dev, KEY_A, true));
    assert_true(i8042_key(k.dev, KEY_A, false));
    assert_true(i8042_key(k.dev, KEY_UP, true));
    assert_true(i8042_key(k.dev, KEY_F7, true));
    assert_false(i8042_key(k.dev, KEY_BRIGHTNESSUP, true));
    round_trip(&k, NULL, links);
    static const uint8_t codes[] = {0x1e, 0x9e, 0xe0, 0x48, 0x41};
    for (unsigned n = 0; n < ARRAY_SIZE(codes); n++)
        assert_int_equal(byte(&k), codes[n]);
    command(&k, 0x60);
    put(&k, 0, 0x21); /* as the keyboard sends */
    assert_true(i8042_key(k.dev, KEY_ENTER, false));
    assert_int_equal(byte(&k), 0xf0);
    assert_int_equal(byte(&k), 0x5a);
    for (unsigned n = 0; n < 100; n++)
        i8042_key(k.dev, KEY_SPACE, n % 2);
    for (unsigned n = 0; get(&k, STATUS) & 1; n++) {
        assert_true(n < 40);
        byte(&k);
    }
    command(&k, 0xfe);
    assert_int_equal(asked.what, MACHINE_RESET);
    kit_clear(&k);
}

static void to_mouse(DevKit *k, unsigned v)
{
    command(k, 0xd4);
    put(k, 0, v);
    assert_int_equal(get(k, STATUS) & 0x21, 0x21);
    assert_int_equal(byte(k), 0xfa);
}

static void mouse(void **unused)
{
    DevKit k;
    kit_init(&k);
    const void *links[] = {"irq", &k.line[1], "irq_aux", &k.line[12], NULL};
    make(&k, &i8042_class, NULL, links);
    to_mouse(&k, 0xff);
    assert_int_equal(byte(&k), 0xaa);
    assert_int_equal(byte(&k), 0);
    static const uint8_t knock[] = {200, 100, 80};
    for (unsigned n = 0; n < 3; n++) {
        to_mouse(&k, 0xf3);
        to_mouse(&k, knock[n]);
    }
    to_mouse(&k, 0xf2);
    assert_int_equal(byte(&k), 3);
    i8042_move(k.dev, 1, 1, 0, 0);
    assert_int_equal(get(&k, STATUS) & 1, 0); /* not asked for */
    to_mouse(&k, 0xf4);
    i8042_move(k.dev, 9, -3, 1, 5);
    assert_int_equal(k.level, 1u << 12);
    round_trip(&k, NULL, links);
    static const uint8_t report[] = {0x2d, 10, 0xfe, 1};
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(byte(&k), report[n]);
    assert_int_equal(k.level, 0);
    to_mouse(&k, 0xe9);
    assert_int_equal(byte(&k), 0x26);
    assert_int_equal(byte(&k), 2);
    assert_int_equal(byte(&k), 80);
    kit_clear(&k);
}

static void dma_registers(void **unused)
{
    DevKit k;
    kit_init(&k);
    make(&k, &i8237_class, NULL, NULL);
    put(&k, 12, 0);
    put(&k, 4, 0x34);
    put(&k, 4, 0x12);
    put(&k, 5, 0xff);
    put(&k, 5, 0x01);
    put(&k, 0x10001, 0x0a); /* page of channel 3, at 82 */
    put(&k, 10, 2);
    round_trip(&k, NULL, NULL);
    assert_int_equal(get(&k, 4), 0x34);
    assert_int_equal(get(&k, 4), 0x12);
    assert_int_equal(get(&k, 5), 0xff);
    assert_int_equal(get(&k, 5), 1);
    assert_int_equal(get(&k, 0x10001), 0x0a);
    assert_int_equal(get(&k, 15), 0xfb);
    put(&k, 0x20000 + 26, 0);
    assert_int_equal(get(&k, 0x20000 + 30), 0xff);
    kit_clear(&k);
}

static void event_device(void **unused)
{
    DevKit k;
    Asked asked = {.port = {.opaque = &asked, .request = note_request}, .what = -1};
    kit_init(&k);
    const void *links[] = {"irq", &k.line[9], "machine", &asked.port, NULL};
    make(&k, &acpi_ged_class, NULL, links);
    acpi_ged_press(k.dev);
    assert_int_equal(k.level, 1u << 9);
    round_trip(&k, NULL, links);
    assert_int_equal(kit_read(&k, 0, 4), ACPI_GED_BUTTON);
    assert_int_equal(kit_read(&k, 0, 4), 0);
    assert_int_equal(k.level, 0);
    put(&k, 0x10000, 1 << 2 | 0x20); /* a state that is none */
    put(&k, 0x10002, 1);
    assert_int_equal(asked.what, -1);
    put(&k, 0x10002, ACPI_GED_RESET);
    assert_int_equal(asked.what, MACHINE_RESET);
    put(&k, 0x10000, ACPI_GED_S5 << 2 | 0x20);
    assert_int_equal(asked.what, MACHINE_POWER_OFF);
    kit_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_space), cmocka_unit_test(system_control),  cmocka_unit_test(interval_timer),
        cmocka_unit_test(real_time),  cmocka_unit_test(precision_timer), cmocka_unit_test(keyboard),
        cmocka_unit_test(mouse),      cmocka_unit_test(dma_registers), cmocka_unit_test(event_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
