/* Interrupt controllers of PCs by their registers, as Intel's manuals have them. */
#include "tests/dev/dev_kit.h"

#include "hw/intc/i8259.h"
#include "hw/intc/x86_ioapic.h"
#include "hw/intc/x86_lapic.h"

/* The regions after the first, each 0x10000 behind the one before. */
static void place_rest(DevKit *k)
{
    for (unsigned n = 1; n < k->dev->n_regions; n++) {
        k->dev->region[n].base = 0x10000ull * n;
        assert_true(mem_map_add(&k->map, &k->dev->region[n]));
    }
}

static uint32_t get(DevKit *k, uint64_t at, unsigned size)
{
    return (uint32_t)kit_read(k, at, size);
}
static void put(DevKit *k, uint64_t at, unsigned size, uint32_t v)
{
    kit_write(k, at, size, v);
}

static void pulse(IrqLine line)
{
    irq_set(&line, true);
    irq_set(&line, false);
}
static void set(IrqLine line, bool level)
{
    irq_set(&line, level);
}

/* ---- 8259 ---- */

enum { PIC = 0, PIC2 = 0x10000, ELCR = 0x20000 };

static void init_pics(DevKit *k)
{
    static const uint8_t words[][3] = {{0x11, 0x30, 4}, {0x11, 0x38, 2}};
    for (unsigned chip = 0; chip < 2; chip++) {
        const uint64_t at = chip ? PIC2 : PIC;
        put(k, at, 1, words[chip][0]);
        put(k, at + 1, 1, words[chip][1]);
        put(k, at + 1, 1, words[chip][2]);
        put(k, at + 1, 1, 1);
    }
}

static void pics(void **unused)
{
    DevKit k;
    kit_init(&k);
    const void *links[] = {"intr", &k.line[0], NULL};
    kit_device(&k, &i8259_class, NULL, links);
    place_rest(&k);
    init_pics(&k);
    assert_int_equal(get(&k, PIC + 1, 1), 0);
    set(i8259_input(k.dev, 1), true);
    assert_int_equal(k.level, 1);
    assert_int_equal(get(&k, PIC, 1), 2); /* IRR */
    assert_int_equal(i8259_ack(k.dev), 0x31);
    assert_int_equal(k.level, 0);
    put(&k, PIC, 1, 0x0b);
    assert_int_equal(get(&k, PIC, 1), 2); /* ISR */
    set(i8259_input(k.dev, 4), true);     /* lower: waits */
    assert_int_equal(k.level, 0);
    set(i8259_input(k.dev, 0), true); /* higher */
    assert_int_equal(k.level, 1);
    assert_int_equal(i8259_ack(k.dev), 0x30);
    put(&k, PIC, 1, 0x20);
    assert_int_equal(get(&k, PIC, 1), 2);
    put(&k, PIC, 1, 0x61); /* EOI of 1 */
    assert_int_equal(k.level, 1);
    assert_int_equal(i8259_ack(k.dev), 0x34);
    put(&k, PIC, 1, 0x20);
    kit_round_trip(&k, NULL, links);
    place_rest(&k);
    kit_clear(&k);
}

static void second_pic(void **unused)
{
    DevKit k;
    kit_init(&k);
    const void *links[] = {"intr", &k.line[0], NULL};
    kit_device(&k, &i8259_class, NULL, links);
    place_rest(&k);
    init_pics(&k);
    /* 8 comes before 3 */
    set(i8259_input(k.dev, 8), true);
    set(i8259_input(k.dev, 3), true);
    assert_int_equal(i8259_ack(k.dev), 0x38);
    put(&k, PIC2, 1, 0x20);
    put(&k, PIC, 1, 0x20);
    assert_int_equal(i8259_ack(k.dev), 0x33);
    put(&k, PIC, 1, 0x20);
    /* an edge that is gone is spurious */
    pulse(i8259_input(k.dev, 5));
    assert_int_equal(k.level, 0);
    assert_int_equal(i8259_ack(k.dev), 0x37);
    put(&k, PIC, 1, 0x0b);
    assert_int_equal(get(&k, PIC, 1), 0);
    /* mask; then a level asks again after its end */
    put(&k, PIC2 + 1, 1, 0x04);
    put(&k, ELCR + 1, 1, 0xff);
    assert_int_equal(get(&k, ELCR + 1, 1), 0xde);
    set(i8259_input(k.dev, 10), true);
    assert_int_equal(k.level, 0);
    put(&k, PIC2 + 1, 1, 0);
    assert_int_equal(i8259_ack(k.dev), 0x3a);
    put(&k, PIC2, 1, 0x20);
    put(&k, PIC, 1, 0x20);
    assert_int_equal(k.level, 1);
    kit_round_trip(&k, NULL, links);
    place_rest(&k);
    set(i8259_input(k.dev, 10), false);
    assert_int_equal(k.level, 0);
    /* polled */
    put(&k, PIC, 1, 0x0c);
    assert_int_equal(get(&k, PIC, 1), 0);
    set(i8259_input(k.dev, 7), true);
    put(&k, PIC, 1, 0x0c);
    assert_int_equal(get(&k, PIC, 1), 0x87);
    put(&k, PIC, 1, 0x20);
    /* rotation: 7 has become the highest */
    put(&k, PIC, 1, 0xc6);
    put(&k, PIC + 1, 1, 0x00);
    for (unsigned n = 0; n < 8; n++)
        set(i8259_input(k.dev, n), false);
    set(i8259_input(k.dev, 0), true);
    set(i8259_input(k.dev, 7), true);
    assert_int_equal(i8259_ack(k.dev), 0x37);
    kit_clear(&k);
}

/* ---- local APICs ---- */

typedef struct Cpus {
    X86LapicCpus cpu;
    X86PicAck pic;
    IrqLine eoi;
    uint32_t intr;
    int event[16], vector, ended;
} Cpus;

static void note_intr(void *opaque, unsigned cpu, bool level)
{
    Cpus *c = opaque;
    c->intr = level ? c->intr | 1u << cpu : c->intr & ~(1u << cpu);
}
static void note_event(void *opaque, unsigned cpu, X86LapicEvent e, unsigned vector)
{
    Cpus *c = opaque;
    c->event[cpu] = (int)e;
    c->vector = (int)vector;
}
static unsigned ack_pic(void *opaque)
{
    return opaque ? 0x77 : 0;
}
static void note_end(void *receiver, unsigned n, bool level)
{
    ((Cpus *)receiver)->ended = (int)n;
}

static const char *const four[] = {"cpus", "4", NULL};

static void start(DevKit *k, Cpus *c, const void **links)
{
    *c = (Cpus){.cpu = {c, note_intr, note_event}, .pic = {c, ack_pic}, .eoi = {note_end, c, 0}};
    memset(c->event, -1, sizeof(c->event));
    c->ended = -1;
    kit_init(k);
    const void *all[] = {"cpu", &c->cpu, "pic", &c->pic, "eoi", &c->eoi, NULL};
    memcpy(links, all, sizeof(all));
    kit_device(k, &x86_lapic_class, four, links);
}

static void put_by(DevKit *k, unsigned cpu, uint64_t at, uint32_t v)
{
    MemRange r;
    assert_true(mem_map_find(&k->map, at, &r));
    assert_true(mem_range_write_by(&k->map, &r, cpu, at, 4, v));
}
static uint32_t get_by(DevKit *k, unsigned cpu, uint64_t at)
{
    MemRange r;
    uint64_t v;
    assert_true(mem_map_find(&k->map, at, &r));
    assert_true(mem_range_read_by(&r, cpu, at, 4, &v));
    return (uint32_t)v;
}

static void priorities(void **unused)
{
    DevKit k;
    Cpus c;
    const void *links[7];
    start(&k, &c, links);
    assert_int_equal(get_by(&k, 2, 0x20), 2u << 24);
    assert_int_equal(get_by(&k, 0, 0x350), 0x700); /* ExtINT, for the 8259 */
    assert_int_equal(get_by(&k, 1, 0x350), 0x10000);
    x86_lapic_send(k.dev, 0xfee00000, 0x41, 0);
    assert_int_equal(c.intr, 0); /* not switched on */
    for (unsigned cpu = 0; cpu < 4; cpu++)
        put_by(&k, cpu, 0xf0, 0x1ff);
    x86_lapic_send(k.dev, 0xfee00000, 0x41, 0);
    assert_int_equal(c.intr, 1);
    x86_lapic_send(k.dev, 0xfee00000, 0x8000 | 0xc2, 0); /* level-triggered */
    assert_int_equal(get_by(&k, 0, 0x1e0), 4);
    assert_int_equal(x86_lapic_ack(k.dev, 0), 0xc2);
    assert_int_equal(c.intr, 0);
    assert_int_equal(get_by(&k, 0, 0xa0), 0xc0);
    put_by(&k, 0, 0xb0, 0);
    assert_int_equal(c.ended, 0xc2);
    assert_int_equal(c.intr, 1);
    kit_round_trip(&k, four, links);
    x86_lapic_set_cr8(k.dev, 0, 4);
    assert_int_equal(c.intr, 0);
    assert_int_equal(get_by(&k, 0, 0x80), 0x40);
    assert_int_equal(x86_lapic_ack(k.dev, 0), X86_LAPIC_NONE);
    x86_lapic_set_cr8(k.dev, 0, 3);
    assert_int_equal(x86_lapic_ack(k.dev, 0), 0x41);
    put_by(&k, 0, 0xb0, 0);
    assert_int_equal(c.ended, 0xc2); /* the other was an edge */
    /* LINT0 */
    IrqLine pin = x86_lapic_pin(k.dev, 0);
    irq_set(&pin, true);
    assert_int_equal(c.intr, 1);
    assert_int_equal(x86_lapic_ack(k.dev, 0), 0x77);
    irq_set(&pin, false);
    assert_int_equal(c.intr, 0);
    pin = x86_lapic_pin(k.dev, 1);
    put_by(&k, 3, 0x360, 0x400);
    irq_set(&pin, true);
    assert_int_equal(c.event[3], X86_LAPIC_NMI);
    assert_int_equal(c.event[0], -1);
    /* errors */
    put_by(&k, 1, 0x370, 0xfe);
    x86_lapic_send(k.dev, 0xfee01000, 5, 0);
    assert_int_equal(x86_lapic_ack(k.dev, 1), 0xfe);
    put_by(&k, 1, 0x280, 0);
    assert_int_equal(get_by(&k, 1, 0x280), 0x40);
    kit_clear(&k);
}

static void ipis(void **unused)
{
    DevKit k;
    Cpus c;
    const void *links[7];
    start(&k, &c, links);
    for (unsigned cpu = 0; cpu < 4; cpu++)
        put_by(&k, cpu, 0xf0, 0x1ff);
    put_by(&k, 0, 0x310, 2u << 24);
    put_by(&k, 0, 0x300, 0xc500); /* INIT, level */
    assert_int_equal(c.event[2], X86_LAPIC_INIT);
    assert_int_equal(get_by(&k, 2, 0xf0), 0xff); /* its APIC is as new */
    put_by(&k, 0, 0x300, 0x8500);                /* not any more: nothing */
    put_by(&k, 0, 0x300, 0x0609);
    assert_int_equal(c.event[2], X86_LAPIC_SIPI);
    assert_int_equal(c.vector, 9);
    put_by(&k, 2, 0xf0, 0x1ff);
    put_by(&k, 1, 0x300, 0xc0041); /* all but itself */
    assert_int_equal(c.intr, 13);
    put_by(&k, 1, 0x300, 0x40042); /* itself */
    assert_int_equal(c.intr, 15);
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        x86_lapic_ack(k.dev, cpu);
        put_by(&k, cpu, 0xb0, 0);
        put_by(&k, cpu, 0xd0, 1u << (24 + cpu));
    }
    x86_lapic_send(k.dev, 0xfee0a004, 0x51, 0); /* logical: 1 and 3 */
    assert_int_equal(c.intr, 10);
    x86_lapic_ack(k.dev, 1);
    x86_lapic_ack(k.dev, 3);                     /* in service: of higher priority than the others */
    x86_lapic_send(k.dev, 0xfee07004, 0x152, 0); /* the lowest of 0, 1, 2 */
    assert_int_equal(c.intr, 1);
    put_by(&k, 2, 0xe0, 0x0fffffff); /* clusters */
    put_by(&k, 2, 0xd0, 0x31000000);
    x86_lapic_send(k.dev, 0xfee31004, 0x61, 0);
    assert_int_equal(c.intr & 4, 4);
    kit_clear(&k);
}

static uint64_t msr(DevKit *k, unsigned cpu, uint32_t n)
{
    uint64_t v = 0;
    assert_true(x86_lapic_msr(k->dev, cpu, n, false, &v));
    return v;
}
static bool set_msr(DevKit *k, unsigned cpu, uint32_t n, uint64_t v)
{
    return x86_lapic_msr(k->dev, cpu, n, true, &v);
}

static void x2apic(void **unused)
{
    DevKit k;
    Cpus c;
    uint64_t v;
    const void *links[7];
    start(&k, &c, links);
    assert_int_equal(msr(&k, 0, 0x1b), 0xfee00900);
    assert_int_equal(msr(&k, 1, 0x1b), 0xfee00800);
    assert_false(x86_lapic_msr(k.dev, 0, 0x802, false, &v));
    assert_false(set_msr(&k, 0, 0x1b, 0xfee00500)); /* not without the other bit */
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        assert_true(set_msr(&k, cpu, 0x1b, msr(&k, cpu, 0x1b) | 0x400));
        assert_true(set_msr(&k, cpu, 0x80f, 0x1ff));
    }
    assert_int_equal(msr(&k, 3, 0x802), 3);
    assert_int_equal(msr(&k, 3, 0x80d), 8);
    assert_int_equal(get_by(&k, 3, 0x20), 0xffffffff); /* no page */
    assert_false(set_msr(&k, 3, 0x802, 1));
    assert_false(set_msr(&k, 3, 0x80b, 1));
    assert_false(x86_lapic_msr(k.dev, 0, 0x80b, false, &v));
    assert_true(set_msr(&k, 0, 0x830, 2ull << 32 | 0x43));
    assert_int_equal(c.intr, 4);
    assert_int_equal(msr(&k, 0, 0x830), 2ull << 32 | 0x43);
    assert_true(set_msr(&k, 0, 0x830, 0xaull << 32 | 0x844));
    assert_int_equal(c.intr, 14); /* logical: 1, 3 */
    assert_true(set_msr(&k, 0, 0x83f, 0x45));
    assert_int_equal(c.intr, 15);
    assert_false(set_msr(&k, 0, 0x1b, 0xfee00900)); /* not back to xAPIC */
    kit_round_trip(&k, four, links);
    assert_true(set_msr(&k, 0, 0x1b, 0xfee00100));
    assert_int_equal(c.intr, 14); /* off and as new */
    assert_true(set_msr(&k, 0, 0x1b, 0xfee00900));
    assert_int_equal(get_by(&k, 0, 0xf0), 0xff);
    kit_clear(&k);
}

static void apic_timer(void **unused)
{
    DevKit k;
    Cpus c;
    const void *links[7];
    start(&k, &c, links);
    kit_pass(&k, 1);
    put_by(&k, 0, 0xf0, 0x1ff);
    put_by(&k, 0, 0x3e0, 3); /* divided by 16 */
    put_by(&k, 0, 0x320, 0x40);
    put_by(&k, 0, 0x380, 1000);
    kit_pass(&k, 8000);
    assert_int_equal(get_by(&k, 0, 0x390), 500);
    kit_round_trip(&k, four, links);
    kit_pass(&k, 7999);
    assert_int_equal(c.intr, 0);
    kit_pass(&k, 1);
    assert_int_equal(c.intr, 1);
    assert_int_equal(get_by(&k, 0, 0x390), 0);
    assert_int_equal(x86_lapic_ack(k.dev, 0), 0x40);
    put_by(&k, 0, 0xb0, 0);
    kit_pass(&k, 100000);
    assert_int_equal(c.intr, 0);
    put_by(&k, 0, 0x3e0, 11); /* by 1, periodic */
    put_by(&k, 0, 0x320, 0x20041);
    put_by(&k, 0, 0x380, 100000);
    for (unsigned n = 0; n < 3; n++) {
        kit_pass(&k, 100000);
        assert_int_equal(x86_lapic_ack(k.dev, 0), 0x41);
        put_by(&k, 0, 0xb0, 0);
    }
    kit_pass(&k, 530000); /* late: one, and the phase is kept */
    assert_int_equal(get_by(&k, 0, 0x390), 70000);
    x86_lapic_ack(k.dev, 0);
    put_by(&k, 0, 0xb0, 0);
    put_by(&k, 0, 0x320, 0x40042); /* deadline */
    kit_pass(&k, 100000);
    assert_int_equal(c.intr, 0);
    assert_true(set_msr(&k, 0, 0x6e0, k.now_ns + 500));
    kit_round_trip(&k, four, links);
    kit_pass(&k, 499);
    assert_int_equal(c.intr, 0);
    assert_int_not_equal(msr(&k, 0, 0x6e0), 0);
    kit_pass(&k, 1);
    assert_int_equal(x86_lapic_ack(k.dev, 0), 0x42);
    assert_int_equal(msr(&k, 0, 0x6e0), 0);
    put_by(&k, 0, 0xb0, 0);
    assert_true(set_msr(&k, 0, 0x6e0, k.now_ns)); /* it is over: no timer has to run first */
    assert_int_equal(c.intr, 1);
    assert_int_equal(msr(&k, 0, 0x6e0), 0);
    kit_clear(&k);
}

/* A count goes on at the new rate, also where at that rate it would have begun before the machine did. */
static void apic_divider(void **unused)
{
    DevKit k;
    Cpus c;
    const void *links[7];
    start(&k, &c, links);
    kit_pass(&k, 1);
    put_by(&k, 0, 0xf0, 0x1ff);
    put_by(&k, 0, 0x3e0, 11); /* by 1, once */
    put_by(&k, 0, 0x320, 0x40);
    put_by(&k, 0, 0x380, 100000);
    kit_pass(&k, 40000);
    put_by(&k, 0, 0x3e0, 10); /* by 128 */
    assert_int_equal(get_by(&k, 0, 0x390), 60000);
    kit_pass(&k, 128 * 10000);
    assert_int_equal(get_by(&k, 0, 0x390), 50000);
    kit_round_trip(&k, four, links);
    put_by(&k, 0, 0x3e0, 11);
    assert_int_equal(get_by(&k, 0, 0x390), 50000);
    kit_pass(&k, 49999);
    assert_int_equal(c.intr, 0);
    kit_pass(&k, 1);
    assert_int_equal(x86_lapic_ack(k.dev, 0), 0x40);
    kit_clear(&k);
}

/* ---- I/O APIC ---- */

typedef struct Sent {
    MsiTarget target;
    uint64_t address;
    uint32_t data;
    unsigned n;
} Sent;
static void note_message(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    Sent *s = receiver;
    s->address = address;
    s->data = data;
    s->n++;
}

static void write_entry(DevKit *k, unsigned n, uint64_t v)
{
    put(k, 0, 1, 0x11 + 2 * n);
    put(k, 0x10, 4, (uint32_t)(v >> 32));
    put(k, 0, 1, 0x10 + 2 * n);
    put(k, 0x10, 4, (uint32_t)v);
}

static void io_apic(void **unused)
{
    DevKit k;
    Sent s = {.target = {&s, note_message}};
    kit_init(&k);
    const void *links[] = {"send", &s.target, NULL};
    kit_device(&k, &x86_ioapic_class, NULL, links);
    put(&k, 0, 1, 1);
    assert_int_equal(get(&k, 0x10, 4), 0x170020);
    put(&k, 0, 1, 0);
    put(&k, 0x10, 4, 0x0f000000);
    assert_int_equal(get(&k, 0x10, 4), 0x0f000000);
    pulse(x86_ioapic_input(k.dev, 4));
    assert_int_equal(s.n, 0);               /* masked, and the edge is over */
    write_entry(&k, 4, 0x0200000000000931); /* lowest priority, logical, of 2 */
    assert_int_equal(s.n, 0);
    pulse(x86_ioapic_input(k.dev, 4));
    assert_int_equal(s.n, 1);
    assert_int_equal(s.address, 0xfee02004);
    assert_int_equal(s.data, 0x131);
    write_entry(&k, 9, 0x0000000000018055); /* level, masked */
    set(x86_ioapic_input(k.dev, 9), true);
    assert_int_equal(s.n, 1);
    write_entry(&k, 9, 0x0000000000008055);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.data, 0xc055);
    put(&k, 0, 1, 0x22);
    assert_int_equal(get(&k, 0x10, 4), 0xc055); /* remote IRR */
    kit_round_trip(&k, NULL, links);
    assert_int_equal(s.n, 2);
    x86_ioapic_eoi(k.dev, 0x55); /* still up */
    assert_int_equal(s.n, 3);
    set(x86_ioapic_input(k.dev, 9), false);
    x86_ioapic_eoi(k.dev, 0x55);
    assert_int_equal(s.n, 3);
    assert_int_equal(get(&k, 0x10, 4), 0x8055);
    set(x86_ioapic_input(k.dev, 9), true);
    set(x86_ioapic_input(k.dev, 9), false);
    set(x86_ioapic_input(k.dev, 9), true); /* waits for its end */
    assert_int_equal(s.n, 4);
    put(&k, 0x40, 4, 0x55);
    assert_int_equal(s.n, 5);
    kit_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pics),       cmocka_unit_test(second_pic),
                                       cmocka_unit_test(priorities), cmocka_unit_test(ipis),
                                       cmocka_unit_test(x2apic),     cmocka_unit_test(apic_timer),
                                       cmocka_unit_test(apic_divider), cmocka_unit_test(io_apic)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
