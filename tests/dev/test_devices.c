/* Devices by their registers, as the manuals have them; each one's state saved and restored in the middle. */
#include "tests/dev/dev_kit.h"

#include <pthread.h>

#include "hw/block/cfi_flash.h"
#include "hw/block/nvme.h"
#include "hw/char/ns16550a.h"
#include "hw/char/pl011.h"
#include "hw/core/char_port.h"
#include "hw/core/request.h"
#include "hw/gpio/gpio_key.h"
#include "hw/gpio/pl061.h"
#include "hw/intc/riscv_clint.h"
#include "hw/intc/riscv_plic.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/sifive_test.h"
#include "hw/pci/pcie_host.h"
#include "hw/timer/goldfish_rtc.h"
#include "hw/timer/pl031.h"
#include "hw/virtio/virtio_balloon.h"
#include "hw/virtio/virtio_blk.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_net.h"
#include "hw/virtio/virtio_pci.h"
#include "hw/virtio/virtio_rng.h"
#include "hw/virtio/virtio_serial.h"

static const DevClass *const classes[] = {
    &ns16550a_class,    &riscv_clint_class, &riscv_plic_class, &sifive_test_class,    &goldfish_rtc_class,
    &virtio_mmio_class, &virtio_blk_class,  &virtio_rng_class, &virtio_serial_class, &virtio_balloon_class,
    &pl011_class,       &pl031_class,       &pl061_class,      &gpio_key_class,       &virtio_net_class,
    &virtio_pci_class,  &cfi_flash_class,   &nvme_class,       &fw_cfg_class,         &pcie_root_port_class,
    &virtio_console_port_class, &virtio_serial_port_class,
};

/* Every byte of the state belongs to a row, but for padding that no row could hold. */
static void state_tables_are_complete(void **unused)
{
    for (unsigned c = 0; c < ARRAY_SIZE(classes); c++) {
        const DevClass *cls = classes[c];
        size_t bytes = cls->state_end - cls->state_begin;
        uint8_t *seen = calloc(1, bytes + 1);
        for (unsigned k = 0; k < cls->n_state; k++) {
            const DevField *f = &cls->state[k];
            for (size_t n = 0; n < (size_t)f->size * f->count; n++) {
                size_t at = f->offset + n - cls->state_begin;
                assert_true(at < bytes);
                assert_int_equal(seen[at], 0); /* and to one only */
                seen[at] = 1;
            }
        }
        for (size_t at = 0, gap = 0; at < bytes; at++) {
            gap = seen[at] ? 0 : gap + 1;
            if (gap > 7)
                fail_msg("%s: byte %zu of the state has no row", cls->name, at);
        }
        free(seen);
    }
}

/* ---- serial port ---- */

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
    DevKit k;
    Wire w = {.port = {.backend = &w, .write = wire_write, .more = wire_more}};
    kit_init(&k);
    const void *links[] = {"chardev", &w.port, "irq", &k.line[0], NULL};
    kit_device(&k, &ns16550a_class, NULL, links);
    assert_int_equal(kit_read(&k, 5, 1), 0x60);       /* LSR: empty */
    kit_write(&k, 3, 1, 0x80);                        /* DLAB */
    kit_write(&k, 0, 1, 0x34);
    kit_write(&k, 1, 1, 0x12);
    assert_int_equal(kit_read(&k, 0, 1) | kit_read(&k, 1, 1) << 8, 0x1234);
    kit_write(&k, 3, 1, 3);
    kit_write(&k, 0, 1, 'a');
    assert_int_equal(w.n, 1);
    assert_int_equal(w.sent[0], 'a');
    kit_write(&k, 1, 1, 2);                           /* IER: transmitter empty */
    assert_int_equal(k.level, 1);
    assert_int_equal(kit_read(&k, 2, 1), 2);          /* IIR says so, and clears it */
    assert_int_equal(k.level, 0);
    kit_write(&k, 2, 1, 0xc1);                        /* FIFO on, trigger 14 */
    kit_write(&k, 1, 1, 5);                           /* received data, line status */
    assert_int_equal(w.port.can_take(w.port.device), 16);
    w.port.take(w.port.device, (const uint8_t *)"0123456789abcdef!", 17);
    assert_int_equal(w.port.can_take(w.port.device), 0);
    assert_int_equal(k.level, 1);
    kit_round_trip(&k, NULL, links);
    assert_int_equal(kit_read(&k, 2, 1), 0xc6);       /* overrun comes first */
    assert_int_equal(kit_read(&k, 5, 1), 0x63);
    assert_int_equal(kit_read(&k, 2, 1), 0xc4);
    for (unsigned n = 0; n < 3; n++)
        assert_int_equal(kit_read(&k, 0, 1), "012"[n]);
    assert_int_equal(kit_read(&k, 2, 1), 0xcc);       /* below the trigger level */
    for (unsigned n = 3; n < 16; n++)
        assert_int_equal(kit_read(&k, 0, 1), "0123456789abcdef"[n]);
    assert_int_equal(k.level, 0);
    assert_int_equal(w.asked, 16);
    kit_write(&k, 4, 1, 0x10);                        /* loop */
    kit_write(&k, 0, 1, 'z');
    assert_int_equal(kit_read(&k, 0, 1), 'z');
    assert_int_equal(w.n, 1);
    kit_write(&k, 7, 1, 0x5a);
    assert_int_equal(kit_read(&k, 7, 1), 0x5a);
    kit_clear(&k);
}

/* ---- clint ---- */

static void clint(void **unused)
{
    enum { MTIMECMP = 0x4000, MTIME = 0xbff8 };
    DevKit k;
    kit_init(&k);
    k.now_ns = 123456;
    static const char *const props[] = {"harts", "2", NULL};
    const void *links[] = {"software", &k.line[0], "timer", &k.line[2], "supervisor", &k.line[4],
                           "guest",    &k.line[6], NULL};
    kit_device(&k, &riscv_clint_class, props, links);
    assert_int_equal(kit_read(&k, MTIME, 8), 0);
    kit_pass(&k, 1000);
    assert_int_equal(kit_read(&k, MTIME, 8), 10);
    kit_write(&k, 4, 4, 0xff);
    assert_int_equal(k.level, 2);
    assert_int_equal(kit_read(&k, 4, 4), 1);
    kit_write(&k, MTIMECMP + 8, 4, 100);
    assert_int_equal(k.level, 2);
    kit_write(&k, MTIMECMP + 12, 4, 0);
    assert_int_equal(kit_read(&k, MTIMECMP + 8, 8), 100);
    kit_pass(&k, 8900);
    assert_int_equal(k.level, 2); /* 99 */
    kit_round_trip(&k, props, links);
    kit_pass(&k, 100);
    assert_int_equal(k.level, 2 | 8);
    assert_int_equal(riscv_clint_time(k.dev), 100);
    kit_write(&k, MTIMECMP + 8, 8, 1000000);
    assert_int_equal(k.level, 2);
    kit_write(&k, MTIME, 8, 999999);
    kit_pass(&k, 100);
    assert_int_equal(k.level, 2 | 8);
    assert_int_equal(kit_read(&k, MTIMECMP + 16, 8), 0); /* no third hart */
    riscv_clint_alarm(k.dev, 0, 1000005);
    assert_int_equal(k.level, 2 | 8);
    kit_pass(&k, 500);
    assert_int_equal(k.level, 2 | 8 | 16);
    kit_round_trip(&k, props, links);
    riscv_clint_alarm(k.dev, 0, ~0ull);
    riscv_clint_alarm(k.dev, 4, 0);
    assert_int_equal(k.level, 2 | 8);
    riscv_clint_alarm(k.dev, 1, 0); /* a guest's, of hart 0 */
    assert_int_equal(k.level, 2 | 8 | 64);
    kit_round_trip(&k, props, links);
    riscv_clint_alarm(k.dev, 1, ~0ull);
    assert_int_equal(k.level, 2 | 8);
    kit_clear(&k);
}

/* ---- plic ---- */

static void plic(void **unused)
{
    enum { ENABLE = 0x2000, STRIDE = 0x80, THRESHOLD = 0x200000, CLAIM = 0x200004, CONTEXT = 0x1000 };
    DevKit k;
    kit_init(&k);
    static const char *const props[] = {"sources", "40", "contexts", "2", NULL};
    const void *links[] = {"out", &k.line[0], NULL};
    kit_device(&k, &riscv_plic_class, props, links);
    IrqLine a = riscv_plic_source(k.dev, 3), b = riscv_plic_source(k.dev, 40);
    kit_write(&k, 4 * 3, 4, 2);
    kit_write(&k, 4 * 40, 4, 0xff);
    assert_int_equal(kit_read(&k, 4 * 40, 4), 7);
    kit_write(&k, 4 * 41, 4, 1);
    assert_int_equal(kit_read(&k, 4 * 41, 4), 0); /* no such source */
    kit_write(&k, ENABLE + STRIDE, 4, ~0u);
    assert_int_equal(kit_read(&k, ENABLE + STRIDE, 4), ~1u); /* nor a source 0 */
    kit_write(&k, ENABLE + STRIDE + 4, 4, ~0u);
    assert_int_equal(kit_read(&k, ENABLE + STRIDE + 4, 4), 0x1ff);
    irq_set(&a, true);
    assert_int_equal(k.level, 2);
    assert_int_equal(kit_read(&k, 0x1000, 4), 1 << 3);
    irq_set(&b, true);
    assert_int_equal(kit_read(&k, CLAIM, 4), 0); /* context 0 has nothing enabled */
    kit_round_trip(&k, props, links);
    a.receiver = b.receiver = k.dev;
    assert_int_equal(kit_read(&k, CLAIM + CONTEXT, 4), 40); /* the higher priority */
    assert_int_equal(kit_read(&k, CLAIM + CONTEXT, 4), 3);
    assert_int_equal(kit_read(&k, CLAIM + CONTEXT, 4), 0);
    assert_int_equal(k.level, 0);
    irq_set(&a, false);
    irq_set(&a, true); /* before completion: the gateway holds it */
    assert_int_equal(k.level, 0);
    kit_write(&k, CLAIM, 4, 3); /* by a context that has it not enabled: ignored */
    assert_int_equal(k.level, 0);
    kit_write(&k, CLAIM + CONTEXT, 4, 3);
    assert_int_equal(k.level, 2);
    kit_write(&k, THRESHOLD + CONTEXT, 4, 2); /* not above it */
    assert_int_equal(k.level, 0);
    kit_write(&k, THRESHOLD + CONTEXT, 4, 1);
    assert_int_equal(k.level, 2);
    irq_set(&a, false); /* a pending request stays */
    assert_int_equal(kit_read(&k, CLAIM + CONTEXT, 4), 3);
    kit_clear(&k);
}

/* ---- test device, time of day ---- */

typedef struct Asked {
    int what, code;
} Asked;

static void note_request(void *opaque, MachineRequest what, int code)
{
    *(Asked *)opaque = (Asked){(int)what, code};
}

static void test_finisher(void **unused)
{
    DevKit k;
    Asked asked = {-1, -1};
    const MachineRequests requests = {.opaque = &asked, .request = note_request};
    const void *links[] = {"machine", &requests, NULL};
    kit_init(&k);
    kit_device(&k, &sifive_test_class, NULL, links);
    kit_write(&k, 0, 4, 0x1111);
    assert_int_equal(asked.what, -1);
    kit_write(&k, 0, 4, 0x2a3333);
    assert_int_equal(asked.what, MACHINE_POWER_OFF);
    assert_int_equal(asked.code, 0x2a);
    kit_round_trip(&k, NULL, links);
    kit_write(&k, 0, 2, 0x7777);
    assert_int_equal(asked.what, MACHINE_RESET);
    kit_write(&k, 0, 4, 0x5555);
    assert_int_equal(asked.what, MACHINE_POWER_OFF);
    assert_int_equal(asked.code, 0);
    kit_clear(&k);
}

static void time_of_day(void **unused)
{
    DevKit k;
    static const char *const props[] = {"base", "0x1122334455667788", NULL};
    kit_init(&k);
    const void *links[] = {"irq", &k.line[0], NULL};
    kit_device(&k, &goldfish_rtc_class, props, links);
    kit_pass(&k, 1);
    assert_int_equal(kit_read(&k, 0, 4), 0x55667789);
    assert_int_equal(kit_read(&k, 4, 4), 0x11223344);
    kit_write(&k, 0x10, 4, 1);
    kit_write(&k, 0x0c, 4, 0x11223344);
    kit_write(&k, 0x08, 4, 0x55667799);
    assert_int_equal(kit_read(&k, 0x18, 4), 1);
    kit_round_trip(&k, props, links);
    kit_pass(&k, 15);
    assert_int_equal(k.level, 0);
    kit_pass(&k, 1);
    assert_int_equal(k.level, 1);
    assert_int_equal(kit_read(&k, 0x18, 4), 0);
    kit_write(&k, 0x1c, 4, 1);
    assert_int_equal(k.level, 0);
    kit_clear(&k);
}

/* ---- the core ---- */

static void properties_are_checked(void **unused)
{
    DevError err;
    Device *d = dev_new(&riscv_clint_class, NULL, "x");
    char text[64];
    Fmt f = FMT_ON(text);
    assert_false(dev_set(d, "hearts", "2", &err));
    assert_false(dev_set(d, "harts", "two", &err));
    assert_false(dev_set(d, "harts", "4294967296", &err));
    assert_false(dev_set(d, "timer", "1", &err));
    assert_true(dev_set(d, "harts", "0x10", &err));
    assert_true(dev_get(d, "harts", &f));
    assert_string_equal(text, "16");
    dev_free(d);
}

static uint64_t read_map(const MemMap *m, uint64_t at, unsigned size)
{
    MemRange r;
    uint64_t v = 0;
    assert_true(mem_map_find(m, at, &r) && mem_range_read(&r, at, size, &v));
    return v;
}

static void memory_map(void **unused)
{
    MemMap m;
    MemRange r;
    RamBlock ram, rom;
    DevKit k;
    mem_map_init(&m);
    kit_init(&k);
    assert_true(ram_block_init(&ram, "ram", 0x4000, 0x1000) && ram_block_init(&rom, "rom", 0x1000, 0x8000));
    MemRegion low = {.name = "ram", .kind = MEM_RAM, .base = 0x1000, .bytes = 0x4000, .ram = &ram};
    MemRegion over = {.name = "rom", .kind = MEM_ROM, .base = 0x2000, .bytes = 0x1000, .ram = &rom,
                      .priority = 1};
    MemRegion window = {.name = "w", .kind = MEM_ALIAS, .base = 0x10000, .bytes = 0x8000, .target = &low,
                        .offset = 0x3000};
    assert_true(mem_map_add(&m, &low) && mem_map_add(&m, &over) && mem_map_add(&m, &window));
    assert_true(mem_map_load(&m, 0x2000, "rom!", 4));
    assert_true(mem_map_write(&m, 0x1ffe, "ab", 2));
    assert_false(mem_map_write(&m, 0x1ffe, "abc", 3)); /* a byte of ROM */
    assert_int_equal(read_map(&m, 0x2000, 4), 0x216d6f72);
    assert_true(mem_map_find(&m, 0x10ff8, &r) && mem_range_write(&m, &r, 0x10ff8, 8, 0x1122334455667788));
    assert_int_equal(read_map(&m, 0x4ffc, 4), 0x11223344);
    assert_false(mem_map_find(&m, 0x11000, &r)); /* behind the window's target */
    assert_false(mem_map_find(&m, 0x5000, &r));
    assert_false(mem_map_find(&m, 0xfff, &r));
    over.off = true;
    mem_map_update(&m);
    assert_true(mem_map_find(&m, 0x1000, &r));
    assert_int_equal(r.end, 0x5000);
    assert_int_equal(read_map(&m, 0x2000, 4), 0);
    mem_map_clear(&m);
    ram_block_clear(&ram);
    ram_block_clear(&rom);
    kit_clear(&k);
}

/* A region of two pages that is moved all the time: who looks finds it whole, where it was or is. */
typedef struct Moving {
    MemMap map;
    MemRegion fixed[3], moved;
    bool done;
    uint64_t found;
} Moving;

static void *look_at_moving(void *opaque)
{
    Moving *m = opaque;
    MemRange r;
    for (uint64_t at = 0; !__atomic_load_n(&m->done, __ATOMIC_ACQUIRE); at = (at + 4096) % 0x20000) {
        if (!mem_map_find(&m->map, at, &r))
            continue;
        bool moved = r.region == &m->moved;
        uint64_t bytes = r.end - r.start;
        if (r.start > at || r.end <= at || (moved && (bytes != 0x2000 || r.start % 0x2000 || r.offset)) ||
            (!moved && (r.region < &m->fixed[0] || r.region > &m->fixed[2] || r.start < r.region->base ||
                        r.offset != r.start - r.region->base)))
            return m;
        __atomic_fetch_add(&m->found, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void map_changed_while_looked_at(void **unused)
{
    enum { LOOKERS = 2, MOST = 100000, ENOUGH = 20000 };
    Moving *m = test_calloc(1, sizeof(*m));
    pthread_t t[LOOKERS];
    mem_map_init(&m->map);
    m->moved = (MemRegion){.kind = MEM_MMIO, .bytes = 0x2000, .priority = 1};
    for (unsigned k = 0; k < 3; k++) {
        m->fixed[k] = (MemRegion){.kind = MEM_MMIO, .base = 0x1000 + 0x8000 * k, .bytes = 0x6000};
        assert_true(mem_map_add(&m->map, &m->fixed[k]));
    }
    assert_true(mem_map_add(&m->map, &m->moved));
    for (unsigned k = 0; k < LOOKERS; k++)
        assert_int_equal(pthread_create(&t[k], NULL, look_at_moving, m), 0);
    for (uint64_t n = 0; n < MOST || __atomic_load_n(&m->found, __ATOMIC_RELAXED) < ENOUGH; n++) {
        m->moved.base = n * 7 % 16 * 0x2000;
        mem_map_update(&m->map);
    }
    __atomic_store_n(&m->done, true, __ATOMIC_RELEASE);
    for (unsigned k = 0; k < LOOKERS; k++) {
        void *wrong;
        pthread_join(t[k], &wrong);
        assert_null(wrong);
    }
    mem_map_clear(&m->map);
    test_free(m);
}

static void nothing(void *opaque) { ++*(int *)opaque; }

static void clocks(void **unused)
{
    DevKit k;
    Lock lock;
    int fired[2] = {0};
    kit_init(&k);
    lock_init(&lock, LOCK_RANK_DEVICE);
    Timer a = {.fire = nothing, .opaque = &fired[0], .lock = &lock},
              b = {.fire = nothing, .opaque = &fired[1], .lock = &lock};
    timer_set(&k.clock, &a, 100);
    timer_set(&k.clock, &b, 50);
    assert_int_equal(clock_run(&k.clock), 50);
    kit_pass(&k, 60);
    assert_int_equal(fired[0], 0);
    assert_int_equal(fired[1], 1);
    clock_stop(&k.clock, true);
    kit_pass(&k, 1000);
    assert_int_equal(fired[0], 0);
    clock_stop(&k.clock, false);
    assert_int_equal(clock_now(&k.clock), 60);
    kit_pass(&k, 39);
    assert_int_equal(fired[0], 0);
    kit_pass(&k, 1);
    assert_int_equal(fired[0], 1);
    timer_set(&k.clock, &a, 200);
    timer_set(&k.clock, &a, 300);
    kit_pass(&k, 150);
    assert_int_equal(fired[0], 1);
    timer_cancel(&k.clock, &a);
    kit_pass(&k, 1000);
    assert_int_equal(fired[0], 1);
    assert_true(clock_run(&k.clock) == CLOCK_NEVER);
    kit_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_tables_are_complete), cmocka_unit_test(serial_port), cmocka_unit_test(clint),
        cmocka_unit_test(plic), cmocka_unit_test(test_finisher), cmocka_unit_test(time_of_day),
        cmocka_unit_test(properties_are_checked), cmocka_unit_test(memory_map),
        cmocka_unit_test(map_changed_while_looked_at), cmocka_unit_test(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
