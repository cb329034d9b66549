/* The Arm interrupt controller, version 3, and its translation service, by their registers and tables
 * (IHI 0069); states saved and restored in the middle. */
#include "tests/dev/dev_kit.h"

#include "hw/intc/arm_gicv3_priv.h"
#include "hw/intc/arm_its.h"

enum {
    CTLR = 0,
    TYPER = 4,
    GROUP = 0x80,
    ENABLE = 0x100,
    PENDING = 0x200,
    ACTIVE = 0x300,
    PRIORITY = 0x400,
    CONFIG = 0xc00,
    ROUTE = 0x6000,
    IRQ = 32 + 5,
    FIQ_LINES = 8, /* of the kit; interrupt lines come first, virtual ones last */
    VIRQ_LINES = 16
};
enum { WAKER = 0x14, PROPBASER = 0x70, PENDBASER = 0x78, SGI_FRAME = 0x10000 };

static const char *const three[] = {"cpus", "3", "irqs", "96", "lpis", "on", "maintenance", "25", NULL};

static uint64_t get(DevKit *k, unsigned cpu, unsigned reg)
{
    uint64_t v = 0;
    assert_true(arm_gicv3_reg(k->dev, cpu, reg, false, &v));
    return v;
}
static void put(DevKit *k, unsigned cpu, unsigned reg, uint64_t v)
{
    assert_true(arm_gicv3_reg(k->dev, cpu, reg, true, &v));
}

/* The redistributor of a cpu is in the device's second region. */
static uint64_t redist_get(DevKit *k, unsigned cpu, uint64_t at, unsigned size)
{
    const MemRegion *r = &k->dev->region[1];
    return r->ops->read(r->dev, cpu * (uint64_t)GICV3_FRAMES + at, size);
}
static void redist_put(DevKit *k, unsigned cpu, uint64_t at, uint64_t v, unsigned size)
{
    const MemRegion *r = &k->dev->region[1];
    r->ops->write(r->dev, cpu * (uint64_t)GICV3_FRAMES + at, v, size);
}

static void open_gic(DevKit *k, const void *const *links)
{
    kit_init(k);
    kit_device(k, &arm_gicv3_class, three, links);
    kit_write(k, CTLR, 4, 3);
    kit_write(k, GROUP + 4, 8, ~0ull);
    for (unsigned c = 0; c < 3; c++) {
        assert_int_equal(redist_get(k, c, WAKER, 4), 6);
        redist_put(k, c, WAKER, 0, 4);
        redist_put(k, c, SGI_FRAME + GROUP, ~0u, 4);
        put(k, c, ICC_PMR, 0xff);
        put(k, c, ICC_IGRPEN1, 1);
    }
}
#define LINKS(k)                                                                                             \
    {                                                                                                        \
        "irq", (k).line, "fiq", &(k).line[FIQ_LINES], "virq", &(k).line[VIRQ_LINES], NULL                    \
    }

static void routes_and_levels(void **unused)
{
    DevKit k;
    const void *links[] = LINKS(k);
    open_gic(&k, links);
    assert_int_equal(kit_read(&k, TYPER, 4), 2 | 15 << 19 | 1 << 17 | 1 << 24);
    assert_int_equal(redist_get(&k, 2, 8, 8), 2ull << 32 | 2 << 8 | 1 << 4 | 1);
    assert_int_equal(redist_get(&k, 1, 12, 4), 1);
    kit_write(&k, ROUTE + 8 * IRQ, 8, 2);
    kit_write(&k, ENABLE + 4, 4, 1u << (IRQ - 32));
    kit_write(&k, PRIORITY + IRQ, 1, 0xa7);
    assert_int_equal(kit_read(&k, PRIORITY + IRQ, 1), 0xa0);
    IrqLine in = arm_gicv3_shared(k.dev, IRQ);
    irq_set(&in, true);
    assert_int_equal(k.level, 4); /* the third cpu's */
    kit_round_trip(&k, three, links);
    in = arm_gicv3_shared(k.dev, IRQ);
    assert_int_equal(get(&k, 0, ICC_IAR1), 1023);
    assert_int_equal(get(&k, 2, ICC_IAR0), 1023); /* not of this group */
    assert_int_equal(get(&k, 2, ICC_HPPIR1), IRQ);
    assert_int_equal(get(&k, 2, ICC_IAR1), IRQ);
    assert_int_equal(get(&k, 2, ICC_RPR), 0xa0);
    assert_int_equal(k.level, 0);
    put(&k, 2, ICC_EOIR1, IRQ);
    assert_int_equal(k.level, 4);                  /* the line is still up */
    kit_write(&k, ROUTE + 8 * IRQ, 8, 1ull << 31); /* any cpu: one of them */
    assert_int_equal(__builtin_popcount(k.level), 1);
    put(&k, (unsigned)__builtin_ctz(k.level), ICC_PMR, 0x80);
    assert_int_equal(__builtin_popcount(k.level), 1); /* another one */
    irq_set(&in, false);
    assert_int_equal(k.level, 0);
    kit_clear(&k);
}

static void groups_and_preemption(void **unused)
{
    DevKit k;
    const void *links[] = LINKS(k);
    open_gic(&k, links);
    kit_write(&k, GROUP + 4, 4, 1); /* 33 is of group 0 */
    kit_write(&k, ENABLE + 4, 4, 3);
    kit_write(&k, PRIORITY + 32, 2, 0x4080);
    kit_write(&k, PENDING + 4, 4, 3);
    assert_int_equal(k.level, 1); /* group 0 is off at the cpu */
    assert_int_equal(get(&k, 0, ICC_IAR1), 32);
    put(&k, 0, ICC_IGRPEN0, 1);
    assert_int_equal(k.level, 1 << FIQ_LINES);
    put(&k, 0, ICC_BPR0, 6); /* only the upper bit counts: 0x40 preempts 0x80 still */
    assert_int_equal(k.level, 1 << FIQ_LINES);
    put(&k, 0, ICC_BPR0, 0);
    assert_int_equal(get(&k, 0, ICC_BPR0), 2);
    assert_int_equal(get(&k, 0, ICC_BPR1), 3);
    assert_int_equal(get(&k, 0, ICC_IAR0), 33);
    kit_round_trip(&k, three, links);
    assert_int_equal(get(&k, 0, ICC_AP0R), 1 << 8);
    assert_int_equal(get(&k, 0, ICC_AP1R), 1 << 16);
    put(&k, 0, ICC_EOIR0, 33);
    put(&k, 0, ICC_CTLR, 2); /* ended in two steps */
    put(&k, 0, ICC_EOIR1, 32);
    assert_int_equal(get(&k, 0, ICC_RPR), 0xff);
    assert_int_equal(kit_read(&k, ACTIVE + 4, 4), 1);
    put(&k, 0, ICC_DIR, 32);
    assert_int_equal(kit_read(&k, ACTIVE + 4, 4), 0);
    redist_put(&k, 0, WAKER, 2, 4); /* "asleep" holds nothing back */
    kit_write(&k, PENDING + 4, 4, 1);
    assert_int_equal(k.level, 1);
    assert_int_equal(redist_get(&k, 0, WAKER, 4), 6);
    kit_clear(&k);
}

static void software(void **unused)
{
    DevKit k;
    const void *links[] = LINKS(k);
    open_gic(&k, links);
    for (unsigned c = 0; c < 3; c++)
        redist_put(&k, c, SGI_FRAME + ENABLE, 0xffff, 4);
    put(&k, 0, ICC_SGI1R, 9u << 24 | 5); /* to 0 and 2 */
    assert_int_equal(k.level, 5);
    assert_int_equal(get(&k, 2, ICC_IAR1), 9);
    put(&k, 2, ICC_EOIR1, 9);
    kit_round_trip(&k, three, links);
    assert_int_equal(get(&k, 0, ICC_IAR1), 9);
    put(&k, 0, ICC_EOIR1, 9);
    put(&k, 1, ICC_SGI1R, 1ull << 40 | 3u << 24); /* to all others */
    assert_int_equal(k.level, 5);
    put(&k, 1, ICC_SGI0R, 1ull << 40 | 4u << 24); /* of the other group */
    assert_int_equal(redist_get(&k, 0, SGI_FRAME + PENDING, 4), 1 << 3);
    put(&k, 1, ICC_SGI1R, 1ull << 16 | 5u << 24 | 7); /* another cluster */
    assert_int_equal(redist_get(&k, 0, SGI_FRAME + PENDING, 4), 1 << 3);
    IrqLine in = arm_gicv3_own(k.dev, 1, 27);
    redist_put(&k, 1, SGI_FRAME + ENABLE, 1u << 27, 4);
    irq_set(&in, true);
    assert_int_equal(k.level, 7);
    assert_int_equal(get(&k, 1, ICC_IAR1), 27);
    kit_clear(&k);
}

/* ---- messages ---- */

enum {
    RAM = 0x40000000,
    RAM_BYTES = 0x100000,
    PROP = RAM,
    PEND = RAM + 0x10000,
    QUEUE = RAM + 0x50000,
    DEVICES = RAM + 0x60000,
    COLLECTIONS = RAM + 0x70000,
    EVENTS = RAM + 0x80000,
    LEVEL2 = RAM + 0x90000
};

typedef struct Its {
    DevKit k;
    RamBlock ram;
    MemRegion region;
    Device *its;
    unsigned at; /* in the queue */
} Its;

static void its_put(Its *s, uint64_t at, unsigned size, uint64_t v)
{
    const MemRegion *r = &s->its->region[0];
    r->ops->write(r->dev, at, v, size);
}
static uint64_t its_get(Its *s, uint64_t at, unsigned size)
{
    const MemRegion *r = &s->its->region[0];
    return r->ops->read(r->dev, at, size);
}

static void command(Its *s, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t words[] = {a, b, c, d};
    memcpy(s->ram.host + (QUEUE - RAM) + s->at, words, sizeof(words));
    s->at = (s->at + 32) % 4096;
    its_put(s, 0x88, 8, s->at);
    assert_int_equal(its_get(s, 0x90, 8), s->at);
}

static void config(Its *s, unsigned lpi, uint8_t byte)
{
    s->ram.host[lpi - GIC_LPI] = byte;
}

/* Device 5 has 32 events, collections 0 and 1 are at cpus 0 and 2. */
static void open_its(Its *s, const void *const *links)
{
    const uint64_t valid = 1ull << 63, level2 = valid | LEVEL2;
    DevError err;
    open_gic(&s->k, links);
    assert_true(ram_block_init(&s->ram, "ram", RAM_BYTES, RAM));
    s->region = (MemRegion){.name = "ram", .kind = MEM_RAM, .base = RAM, .bytes = RAM_BYTES, .ram = &s->ram};
    assert_true(mem_map_add(&s->k.map, &s->region));
    s->its = dev_new(&arm_its_class, NULL, "its");
    assert_true(dev_set_ptr(s->its, "gic", s->k.dev, &err));
    assert_true(dev_realize(s->its, &s->k.map, &s->k.clock, &err));
    dev_reset(s->its);
    s->at = 0;
    for (unsigned c = 0; c < 3; c++) {
        redist_put(&s->k, c, PROPBASER, PROP | 15, 8);
        redist_put(&s->k, c, PENDBASER, (PEND + c * 0x10000) | 1ull << 62, 8);
        redist_put(&s->k, c, 0, 1, 4);
    }
    assert_int_equal(its_get(s, 8, 8) >> 4 & 15, 7);
    assert_int_equal(its_get(s, 0x100, 8) >> 56, 1);
    assert_int_equal(its_get(s, 0x100, 8) >> 8 & 3, 2); /* pages of 64 KiB, if nobody chooses */
    assert_int_equal(its_get(s, 0x108, 8) >> 56, 4);
    memcpy(s->ram.host + (DEVICES - RAM), &level2, 8);
    its_put(s, 0x100, 8, valid | 1ull << 62 | DEVICES);
    its_put(s, 0x108, 8, valid | COLLECTIONS);
    its_put(s, 0x80, 8, valid | QUEUE);
    its_put(s, 0, 4, 1);
    command(s, 8 | 5ull << 32, 4, valid | EVENTS, 0); /* MAPD */
    command(s, 9, 0, valid | 0ull << 16 | 0, 0);      /* MAPC */
    command(s, 9, 0, valid | 2ull << 16 | 1, 0);
    command(s, 10 | 5ull << 32, 7 | 8200ull << 32, 0, 0); /* MAPTI: event 7 is 8200, at collection 0 */
}

static void close_its(Its *s)
{
    dev_free(s->its);
    kit_clear(&s->k);
    ram_block_clear(&s->ram);
}

static void messages(void **unused)
{
    Its s;
    const void *links[] = LINKS(s.k);
    open_its(&s, links);
    arm_its_send(s.its, 5, 7);
    assert_int_equal(s.k.level, 0); /* not enabled */
    config(&s, 8200, 0xa1);
    command(&s, 12 | 5ull << 32, 7, 0, 0); /* INV */
    assert_int_equal(s.k.level, 1);
    assert_int_equal(get(&s.k, 0, ICC_IAR1), 8200);
    assert_int_equal(s.k.level, 0);
    put(&s.k, 0, ICC_EOIR1, 8200);
    assert_int_equal(get(&s.k, 0, ICC_RPR), 0xff);
    arm_its_send(s.its, 5, 8);  /* no such event */
    arm_its_send(s.its, 5, 32); /* beyond the last */
    arm_its_send(s.its, 6, 7);  /* no such device */
    assert_int_equal(s.k.level, 0);
    arm_its_send(s.its, 5, 7);
    command(&s, 1 | 5ull << 32, 7, 1, 0); /* MOVI: with what is pending */
    assert_int_equal(s.k.level, 4);
    command(&s, 14, 0, 2ull << 16, 0); /* MOVALL: back */
    assert_int_equal(s.k.level, 1);
    config(&s, 8200, 0xa0);
    command(&s, 13, 0, 0, 0); /* INVALL */
    assert_int_equal(s.k.level, 0);
    config(&s, 8200, 0xa1);
    command(&s, 13, 0, 0, 0);
    assert_int_equal(s.k.level, 1);
    command(&s, 4 | 5ull << 32, 7, 0, 0); /* CLEAR: it is at cpu 2 that it looks */
    assert_int_equal(s.k.level, 1);
    assert_int_equal(get(&s.k, 0, ICC_IAR1), 8200);
    put(&s.k, 0, ICC_EOIR1, 8200);
    command(&s, 3 | 5ull << 32, 7, 0, 0); /* INT */
    assert_int_equal(s.k.level, 4);
    kit_round_trip(&s.k, three, links);
    assert_int_equal(s.k.level, 4);
    DevError err;
    assert_true(dev_set_ptr(s.its, "gic", s.k.dev, &err));
    command(&s, 15 | 5ull << 32, 7, 0, 0); /* DISCARD */
    assert_int_equal(s.k.level, 0);
    arm_its_send(s.its, 5, 7);
    assert_int_equal(s.k.level, 0);
    command(&s, 11 | 5ull << 32, 9, 1, 0); /* MAPI: event 9 is no LPI */
    command(&s, 10 | 5ull << 32, 9 | 8193ull << 32, 1, 0);
    arm_its_send(s.its, 5, 9);
    config(&s, 8193, 1);
    command(&s, 12 | 5ull << 32, 9, 0, 0);
    assert_int_equal(s.k.level, 4);
    redist_put(&s.k, 2, 0, 0, 4); /* switched off: pending state is in memory */
    assert_int_equal(s.k.level, 0);
    assert_int_equal(s.ram.host[PEND - RAM + 2 * 0x10000 + 1024], 2);
    redist_put(&s.k, 2, PENDBASER, PEND + 2 * 0x10000, 8);
    redist_put(&s.k, 2, 0, 1, 4);
    assert_int_equal(s.k.level, 4);
    its_put(&s, 0, 4, 0);
    assert_int_equal(its_get(&s, 0, 4), 1u << 31);
    close_its(&s);
}

/* The service's own state: another one goes on where the first was. */
static void its_state(void **unused)
{
    enum { ROOM = 4096 };
    Its s;
    char text[ROOM], again[ROOM];
    Fmt f = FMT_ON(text), g = FMT_ON(again);
    DevError err;
    const void *links[] = LINKS(s.k);
    open_its(&s, links);
    dev_save(s.its, &f);
    Device *other = dev_new(&arm_its_class, NULL, "its");
    assert_true(dev_set_ptr(other, "gic", s.k.dev, &err));
    assert_true(dev_realize(other, &s.k.map, &s.k.clock, &err));
    dev_reset(other);
    assert_true(dev_load(other, text, &err));
    dev_save(other, &g);
    assert_string_equal(text, again);
    dev_free(s.its);
    s.its = other;
    config(&s, 8200, 1);
    arm_its_send(s.its, 5, 7);
    assert_int_equal(s.k.level, 1);
    close_its(&s);
}

/* ---- for guests of guests ---- */

static void list_registers(void **unused)
{
    enum { V = GICV3_REG_VIRTUAL, MAINTENANCE = 1 << 25 };
    const uint64_t pending = 1ull << 62, group1 = 1ull << 60, hardware = 1ull << 61;
    DevKit k;
    const void *links[] = LINKS(k);
    open_gic(&k, links);
    assert_int_equal(get(&k, 0, ICH_VTR) & 31, 3);
    put(&k, 0, ICH_VMCR, 0xff000002); /* group 1, any priority */
    put(&k, 0, ICH_HCR, 1);
    put(&k, 0, ICH_LR, pending | group1 | 0x80ull << 48 | 27);
    put(&k, 0, ICH_LR + 1, pending | group1 | hardware | 0x40ull << 48 | 40ull << 32 | 50);
    assert_int_equal(k.level, 1 << VIRQ_LINES);
    assert_int_equal(get(&k, 0, ICH_ELRSR), 12);
    kit_write(&k, ACTIVE + 4, 4, 1 << 8); /* 40 is the guest's */
    assert_int_equal(get(&k, 0, ICC_IAR1 | V), 50);
    assert_int_equal(k.level, 0);
    kit_round_trip(&k, three, links);
    put(&k, 0, ICC_EOIR1 | V, 50);
    assert_int_equal(kit_read(&k, ACTIVE + 4, 4), 0);
    assert_int_equal(get(&k, 0, ICC_IAR1 | V), 27);
    put(&k, 0, ICC_EOIR1 | V, 27);
    assert_int_equal(get(&k, 0, ICH_ELRSR), 15);
    assert_int_equal(k.level, 0);
    redist_put(&k, 0, SGI_FRAME + ENABLE, MAINTENANCE, 4);
    put(&k, 0, ICH_HCR, 1 | 2); /* says when it has hardly any left */
    assert_int_equal(get(&k, 0, ICH_MISR), 2);
    assert_int_equal(get(&k, 0, ICC_HPPIR1), 25);
    assert_int_equal(k.level, 1);
    put(&k, 0, ICH_HCR, 1);
    assert_int_equal(k.level, 0);
    put(&k, 0, ICC_EOIR1 | V, 60); /* one that no list register has */
    assert_int_equal(get(&k, 0, ICH_HCR) >> 27, 1);
    kit_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_and_levels), cmocka_unit_test(groups_and_preemption),
        cmocka_unit_test(software),          cmocka_unit_test(messages),
        cmocka_unit_test(its_state),         cmocka_unit_test(list_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
