#include "hw/misc/pvpanic.h"
#include "hw/core/request.h"
#include "hw/pci/pci.h"

enum { PANICKED = 1, CRASH_LOADED = 2, EVENTS = PANICKED | CRASH_LOADED };

typedef struct Panic {
    uint32_t events;
    const MachineRequests *machine;
} Panic;

static void report(const Panic *p, uint64_t value)
{
    const uint64_t known = value & p->events;
    if (p->machine && known)
        p->machine->request(p->machine->opaque, known & PANICKED ? MACHINE_PANICKED : MACHINE_CRASH_LOADED,
                            0);
}

static bool check_events(const Panic *p, DevError *err)
{
    return !(p->events & ~(uint32_t)EVENTS) || dev_fail(err, "pvpanic: events=%u: 0 to 3", p->events);
}

/* ---- at a port ---- */

typedef struct IsaPanic {
    Device dev;
    Panic p;
    uint32_t ioport;
    DEV_STATE_BEGIN
    DEV_STATE_END
} IsaPanic;

static uint64_t port_read(void *dev, uint64_t at, unsigned size)
{
    return ((const IsaPanic *)dev)->p.events;
}
static void port_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    report(&((const IsaPanic *)dev)->p, value);
}
static const MmioOps port_ops = {.read = port_read, .write = port_write, .min = 1, .max = 1};

static bool isa_realize(Device *dev, DevError *err)
{
    const IsaPanic *i = (const IsaPanic *)dev;
    if (i->ioport > 0xffff)
        return dev_fail(err, "pvpanic: port 0x%x", i->ioport);
    dev_add_mmio(dev, "pvpanic", &port_ops, 1)->base = i->ioport;
    return check_events(&i->p, err);
}

static const DevProp isa_props[] = {
    DEV_U32(IsaPanic, ioport, "port", 0x505),
    {"events", "bits that may be reported", offsetof(IsaPanic, p.events), PROP_U32, 4, EVENTS},
    {"machine", "what the machine's owner does", offsetof(IsaPanic, p.machine), PROP_PTR, sizeof(void *), 0}};

const DevClass pvpanic_class = {
    .name = "pvpanic",
    .help = "a port that tells of the guest's panic",
    .bus = "isa",
    .version = 1,
    .size = sizeof(IsaPanic),
    .state_begin = offsetof(IsaPanic, state_begin),
    .state_end = offsetof(IsaPanic, state_end),
    .props = isa_props,
    .n_props = ARRAY_SIZE(isa_props),
    .realize = isa_realize,
};

/* ---- in a BAR ---- */

typedef struct PciPanic {
    PciFunction f;
    Panic panic;
    DEV_STATE_BEGIN
    PciState p;
    DEV_STATE_END
} PciPanic;

static uint64_t bar_read(void *dev, uint64_t at, unsigned size)
{
    return at ? 0 : ((const PciPanic *)dev)->panic.events;
}
static void bar_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    if (at == 0)
        report(&((const PciPanic *)dev)->panic, value);
}
static const MmioOps bar_ops = {.read = bar_read, .write = bar_write, .min = 1, .max = 1};

static bool pci_realize(Device *dev, DevError *err)
{
    enum { BAR_BYTES = 16 };
    static const PciIds ids = {.vendor = 0x1b36,
                               .device = 0x0011,
                               .subsystem_vendor = 0x1af4,
                               .subsystem = 0x1100,
                               .class_code = 0x088000,
                               .revision = 1};
    PciPanic *p = (PciPanic *)dev;
    p->f.conventional = true;
    if (!check_events(&p->panic, err) || !pci_init(&p->f, &p->p, &ids, NULL, err))
        return false;
    pci_add_bar(&p->f, 0, BAR_BYTES, 0, &bar_ops, p);
    return true;
}

static void pci_panic_reset(Device *dev)
{
    pci_reset((PciFunction *)dev);
}
static bool pci_panic_loaded(Device *dev, DevError *err)
{
    return pci_check((PciFunction *)dev, err);
}
static void pci_panic_clear(Device *dev)
{
    pci_clear((PciFunction *)dev);
}

static const DevProp pci_props[] = {
    PCI_PROPS(PciPanic),
    {"events", "bits that may be reported", offsetof(PciPanic, panic.events), PROP_U32, 4, EVENTS},
    {"machine", "what the machine's owner does", offsetof(PciPanic, panic.machine), PROP_PTR, sizeof(void *),
     0}};
static const DevField pci_state[] = {PCI_ROWS(PciPanic)};

const DevClass pvpanic_pci_class = {
    .name = "pvpanic-pci",
    .help = "a function of PCI that tells of the guest's panic",
    .bus = "pci",
    .version = 1,
    DEV_TABLES(PciPanic, pci_props, pci_state),
    .realize = pci_realize,
    .reset = pci_panic_reset,
    .loaded = pci_panic_loaded,
    .clear = pci_panic_clear,
};
