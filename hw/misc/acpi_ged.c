/* ACPI 6.5, 4.8.3.7 (sleep control and status), 5.6.9 (generic event device). */
#include "hw/misc/acpi_ged.h"
#include "hw/core/dev_impl.h"
#include "hw/core/request.h"

enum { SLEEP_CONTROL, SLEEP_STATUS, RESET, REGISTERS, SLEEP_ENABLE = 0x20, WAKE_STATUS = 0x80 };

typedef struct AcpiGed {
    Device dev;
    const IrqLine *irq;
    const MachineRequests *machine;
    DEV_STATE_BEGIN
    uint32_t events;
    uint8_t sleep_status;
    DEV_STATE_END
} AcpiGed;

static void show(const AcpiGed *g)
{
    irq_set(g->irq, g->events != 0);
}

void acpi_ged_press(Device *d)
{
    AcpiGed *g = (AcpiGed *)d;
    lock_take(&d->lock);
    g->events |= ACPI_GED_BUTTON;
    show(g);
    lock_release(&d->lock);
}

static uint64_t events_read(void *dev, uint64_t at, unsigned size)
{
    AcpiGed *g = dev;
    const uint32_t v = g->events;
    g->events = 0;
    show(g);
    return v;
}
static void events_write(void *dev, uint64_t at, uint64_t value, unsigned size) {}

static uint64_t regs_read(void *dev, uint64_t at, unsigned size)
{
    return at == SLEEP_STATUS ? ((AcpiGed *)dev)->sleep_status : 0;
}

static void regs_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    AcpiGed *g = dev;
    const MachineRequests *m = g->machine;
    dev_trace(&g->dev, ACPI_PM, "register %u: 0x%x", (unsigned)at, (unsigned)value);
    if (at == SLEEP_CONTROL && (value & SLEEP_ENABLE) && (value >> 2 & 7) == ACPI_GED_S5 && m)
        m->request(m->opaque, MACHINE_POWER_OFF, 0);
    else if (at == SLEEP_STATUS)
        g->sleep_status &= (uint8_t) ~(value & WAKE_STATUS);
    else if (at == RESET && value == ACPI_GED_RESET && m)
        m->request(m->opaque, MACHINE_RESET, 0);
}

static const MmioOps events_ops = {.read = events_read, .write = events_write, .min = 4, .max = 4};
static const MmioOps regs_ops = {.read = regs_read, .write = regs_write, .min = 1, .max = 1};

static bool ged_realize(Device *dev, DevError *err)
{
    dev_add_mmio(dev, "acpi-ged", &events_ops, 4);
    dev_add_mmio(dev, "acpi-ged-regs", &regs_ops, REGISTERS);
    return true;
}

static void ged_reset(Device *dev)
{
    AcpiGed *g = (AcpiGed *)dev;
    g->events = g->sleep_status = 0;
    show(g);
}

static bool ged_loaded(Device *dev, DevError *err)
{
    show((AcpiGed *)dev);
    return true;
}

static const DevProp props[] = {DEV_PTR(AcpiGed, irq, "interrupt line"),
                                DEV_PTR(AcpiGed, machine, "what the machine's owner does")};
static const DevField state[] = {DEV_FIELD(AcpiGed, events), DEV_FIELD(AcpiGed, sleep_status)};

const DevClass acpi_ged_class = {
    .name = "acpi-ged",
    .help = "events, sleep and reset by ACPI",
    .version = 1,
    DEV_TABLES(AcpiGed, props, state),
    .realize = ged_realize,
    .reset = ged_reset,
    .loaded = ged_loaded,
};
