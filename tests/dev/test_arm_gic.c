/* The Arm interrupt controller, version 2, by its registers (IHI 0048B), and the lines of the generic timers;
 * states saved and restored in the middle. */
#include "tests/dev/dev_kit.h"

#include "hw/intc/arm_gicv2.h"
#include "hw/intc/arm_gicv2_virt.h"
#include "hw/intc/arm_gicv2m.h"
#include "hw/timer/arm_timer.h"

enum {
    CTLR = 0,
    TYPER = 4,
    ENABLE = 0x100,
    PENDING = 0x200,
    ACTIVE = 0x300,
    PRIORITY = 0x400,
    TARGET = 0x800,
    CONFIG = 0xc00,
    SGI = 0xf00
};
enum { C_CTLR = 0, C_PMR = 4, C_IAR = 12, C_EOIR = 16, SPURIOUS = 1023, IRQ = 32 + 5 };

/* The cpu interface is the device's second region, by each cpu. */
static uint32_t cpu_get(DevKit *k, unsigned cpu, uint64_t at)
{
    const MemRegion *r = &k->dev->region[1];
    return (uint32_t)r->ops->read_by(r->dev, cpu, at, 4);
}
static void cpu_put(DevKit *k, unsigned cpu, uint64_t at, uint32_t v)
{
    const MemRegion *r = &k->dev->region[1];
    r->ops->write_by(r->dev, cpu, at, v, 4);
}

static const char *const two[] = {"cpus", "2", "irqs", "96", NULL};

static void open_gic(DevKit *k, const void *const *links)
{
    kit_init(k);
    kit_device(k, &arm_gicv2_class, two, links);
    kit_write(k, CTLR, 4, 1);
    for (unsigned c = 0; c < 2; c++) {
        cpu_put(k, c, C_CTLR, 1);
        cpu_put(k, c, C_PMR, 0xff);
    }
}

static void shared_level(void **unused)
{
    DevKit k;
    const void *links[] = {"irq", k.line, NULL};
    open_gic(&k, links);
    assert_int_equal(kit_read(&k, TYPER, 4), 2 | 1 << 5);
    kit_write(&k, TARGET + IRQ, 1, 2);
    kit_write(&k, ENABLE + 4, 4, 1u << (IRQ - 32));
    kit_write(&k, PRIORITY + IRQ, 1, 0xa7);
    assert_int_equal(kit_read(&k, PRIORITY + IRQ, 1), 0xa0);
    IrqLine in = arm_gicv2_shared(k.dev, IRQ);
    irq_set(&in, true);
    assert_int_equal(k.level, 2); /* the second cpu's */
    kit_round_trip(&k, two, links);
    in = arm_gicv2_shared(k.dev, IRQ);
    assert_int_equal(k.level, 2);
    assert_int_equal(cpu_get(&k, 0, C_IAR), SPURIOUS);
    assert_int_equal(cpu_get(&k, 1, C_IAR), IRQ);
    assert_int_equal(k.level, 0); /* active */
    assert_int_equal(cpu_get(&k, 1, C_IAR), SPURIOUS);
    cpu_put(&k, 1, C_EOIR, IRQ);
    assert_int_equal(k.level, 2); /* the line is still up */
    irq_set(&in, false);
    assert_int_equal(k.level, 0);
    kit_clear(&k);
}

static void masks_and_preemption(void **unused)
{
    DevKit k;
    const void *links[] = {"irq", k.line, NULL};
    open_gic(&k, links);
    kit_write(&k, ENABLE + 4, 4, 3);
    kit_write(&k, TARGET + 32, 2, 0x0101);
    kit_write(&k, PRIORITY + 32, 2, 0x4080);
    kit_write(&k, PENDING + 4, 4, 1); /* by software */
    assert_int_equal(k.level, 1);
    cpu_put(&k, 0, C_PMR, 0x80);
    assert_int_equal(k.level, 0);
    cpu_put(&k, 0, C_PMR, 0xf0);
    assert_int_equal(cpu_get(&k, 0, C_IAR), 32);
    kit_write(&k, PENDING + 4, 4, 2); /* more urgent */
    assert_int_equal(k.level, 1);
    assert_int_equal(cpu_get(&k, 0, C_IAR), 33);
    kit_round_trip(&k, two, links);
    assert_int_equal(kit_read(&k, ACTIVE + 4, 4), 3);
    cpu_put(&k, 0, C_EOIR, 33);
    cpu_put(&k, 0, C_EOIR, 32);
    assert_int_equal(kit_read(&k, ACTIVE + 4, 4), 0);
    kit_clear(&k);
}

static void edges_and_software(void **unused)
{
    DevKit k;
    const void *links[] = {"irq", k.line, NULL};
    open_gic(&k, links);
    kit_write(&k, CONFIG + 8, 4, 2); /* 32: edge */
    kit_write(&k, TARGET + 32, 1, 1);
    kit_write(&k, ENABLE + 4, 4, 1);
    IrqLine in = arm_gicv2_shared(k.dev, 32);
    irq_set(&in, true);
    irq_set(&in, false);
    assert_int_equal(cpu_get(&k, 0, C_IAR), 32);
    cpu_put(&k, 0, C_EOIR, 32);
    assert_int_equal(k.level, 0);
    kit_write(&k, SGI, 4, 1u << 24 | 9); /* by cpu 0, to all others */
    assert_int_equal(k.level, 2);
    kit_round_trip(&k, two, links);
    assert_int_equal(cpu_get(&k, 1, C_IAR), 9);
    cpu_put(&k, 1, C_EOIR, 9);
    assert_int_equal(k.level, 0);
    kit_clear(&k);
}

static void pulse(void *receiver, unsigned n, bool level)
{
    unsigned *pulses = receiver;
    pulses[n] += level;
}

static void messages(void **unused)
{
    static const char *const props[] = {"first", "80", "count", "3", NULL};
    unsigned pulses[3] = {0};
    const IrqLine lines[3] = {{pulse, pulses, 0}, {pulse, pulses, 1}, {pulse, pulses, 2}};
    const void *links[] = {"lines", lines, NULL};
    DevKit k;
    kit_init(&k);
    kit_device(&k, &arm_gicv2m_class, props, links);
    assert_int_equal(kit_read(&k, 8, 4), 80 << 16 | 3);
    kit_write(&k, GICV2M_SETSPI, 4, 81);
    arm_gicv2m_send(k.dev, 82);
    arm_gicv2m_send(k.dev, 82);
    arm_gicv2m_send(k.dev, 83); /* none of its own */
    kit_write(&k, GICV2M_SETSPI, 4, 79);
    kit_round_trip(&k, props, links);
    assert_int_equal(pulses[0], 0);
    assert_int_equal(pulses[1], 1);
    assert_int_equal(pulses[2], 2);
    kit_clear(&k);
}

/* A guest's interrupts, one of which is a real one. */
static void virtual_interrupts(void **unused)
{
    enum { HCR = 0, MISR = 0x10, ELRSR = 0x30, LR = 0x100, VIRQ = 8, VFIQ = 10, MAINTENANCE = 12 };
    static const char *const props[] = {"cpus", "2", NULL};
    const uint32_t pending = 1u << 28, group1 = 1u << 30, hardware = 1u << 31;
    DevKit k;
    const void *gic_links[] = {"irq", k.line, NULL};
    open_gic(&k, gic_links);
    Device *gic = k.dev;
    mem_map_remove(&k.map, &gic->region[0]);
    const void *links[] = {"gic",  gic,           "virq",        &k.line[VIRQ],
                           "vfiq", &k.line[VFIQ], "maintenance", &k.line[MAINTENANCE], NULL};
    kit_device(&k, &arm_gicv2_virt_class, props, links);
    kit_write(&k, HCR, 4, 1);
    cpu_put(&k, 0, C_PMR, 0xf8);
    cpu_put(&k, 0, C_CTLR, 1);
    kit_write(&k, LR, 4, pending | 16u << 23 | 2 << 10 | 5); /* 5, by cpu 2 of the guest */
    kit_write(&k, LR + 4, 4, pending | hardware | 8u << 23 | 40 << 10 | 50);
    kit_write(&k, LR + 8, 4, pending | group1 | 4u << 23 | 60); /* its group is off */
    assert_int_equal(k.level, 1 << VIRQ);
    assert_int_equal(kit_read(&k, ELRSR, 4), 8);
    gic->region[0].ops->write_by(gic, 0, ACTIVE + 4, 1 << 8, 4); /* 40 is the guest's */
    assert_int_equal(cpu_get(&k, 0, C_IAR), 50);
    assert_int_equal(k.level, 0);
    kit_round_trip(&k, props, links);
    cpu_put(&k, 0, C_EOIR, 50);
    assert_int_equal(gic->region[0].ops->read_by(gic, 0, ACTIVE + 4, 4), 0);
    assert_int_equal(cpu_get(&k, 0, C_IAR), 5 | 2 << 10);
    cpu_put(&k, 0, C_CTLR, 3);
    assert_int_equal(k.level, 1 << VIRQ); /* preempts */
    assert_int_equal(cpu_get(&k, 0, C_IAR), 1022);
    cpu_put(&k, 0, C_CTLR, 3 | 4);
    assert_int_equal(cpu_get(&k, 0, C_IAR), 60);
    cpu_put(&k, 0, C_EOIR, 60);
    cpu_put(&k, 0, C_EOIR, 5);
    assert_int_equal(cpu_get(&k, 0, C_IAR), SPURIOUS);
    kit_write(&k, HCR, 4, 1 | 2);
    assert_int_equal(kit_read(&k, MISR, 4), 2);
    assert_int_equal(k.level, 1 << MAINTENANCE);
    kit_write(&k, LR, 4, pending | 3u << 23 | 9);
    cpu_put(&k, 0, C_CTLR, 1 | 8);
    assert_int_equal(k.level, 1 << VFIQ | 1 << MAINTENANCE);
    kit_clear(&k);
    dev_free(gic);
}

static void timers(void **unused)
{
    static const char *const props[] = {"timers", "2", NULL};
    DevKit k;
    const void *links[] = {"lines", k.line, NULL};
    kit_init(&k);
    kit_device(&k, &arm_timer_class, props, links);
    uint64_t now = arm_timer_count(k.dev);
    arm_timer_alarm(k.dev, 1, now + 10);
    kit_pass(&k, 159);
    assert_int_equal(k.level, 0);
    kit_round_trip(&k, props, links);
    kit_pass(&k, 1);
    assert_int_equal(arm_timer_count(k.dev), now + 10);
    assert_int_equal(k.level, 2);
    arm_timer_alarm(k.dev, 1, UINT64_MAX);
    assert_int_equal(k.level, 0);
    kit_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_level),
        cmocka_unit_test(masks_and_preemption),
        cmocka_unit_test(edges_and_software),
        cmocka_unit_test(messages),
        cmocka_unit_test(virtual_interrupts),
        cmocka_unit_test(timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
