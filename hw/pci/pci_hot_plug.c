/* The places of the registers are those that stock tables of this board have; nobody but AML reads them. */
#include "hw/pci/pci_hot_plug.h"

#include "hw/core/request.h"
#include "hw/pci/pcie_host.h"

enum { SLOTS = 32, IN_SLOT = 8 };

typedef struct HotPlug {
    Device dev;
    const IrqLine *event;
    Device *host;
    const MachineRequests *machine;
    uint32_t leaving, gone; /* slots: the user wants it; the guest has let go. Not of the machine's state */
    DEV_STATE_BEGIN
    uint32_t up, down, bus;
    DEV_STATE_END
} HotPlug;

static PciFunction *at(const Device *host, unsigned slot, unsigned n)
{
    return pci_function_at(host, NULL, slot * IN_SLOT + n);
}

/* The board's own functions, bridges and displays stay. */
static bool may_leave(const Device *host, const PciFunction *f)
{
    return f->dev.parent != host->parent && !f->secondary && !f->n_fixed;
}

uint32_t pci_hot_plug_slots(const Device *host)
{
    uint32_t all = 0;
    for (unsigned s = 0; s < SLOTS; s++) {
        bool can = true;
        for (unsigned n = 0; n < IN_SLOT; n++)
            can &= !at(host, s, n) || may_leave(host, at(host, s, n));
        all |= (uint32_t)can << s;
    }
    return all;
}

static void tell(HotPlug *h)
{
    dev_trace(&h->dev, PCIE_SLOT, "filled 0x%x to be let go 0x%x", h->up, h->down);
    irq_set(h->event, true);
    irq_set(h->event, false);
}

void pci_hot_plug_filled(Device *d, unsigned slot)
{
    HotPlug *h = (HotPlug *)d;
    lock_take(&d->lock);
    h->up |= 1u << slot;
    tell(h);
    lock_release(&d->lock);
}

bool pci_hot_plug_press(Device *d, unsigned slot)
{
    HotPlug *h = (HotPlug *)d;
    lock_take(&d->lock);
    const bool first = !(h->leaving >> slot & 1);
    h->leaving |= 1u << slot;
    h->down |= 1u << slot;
    tell(h);
    lock_release(&d->lock);
    return first;
}

void pci_hot_plug_emptied(Device *d, unsigned slot)
{
    HotPlug *h = (HotPlug *)d;
    const uint32_t others = ~(1u << slot);
    lock_take(&d->lock);
    h->up &= others, h->down &= others, h->leaving &= others, h->gone &= others;
    lock_release(&d->lock);
}

Device *pci_hot_plug_let_go(const Device *d)
{
    const HotPlug *h = (const HotPlug *)d;
    for (unsigned k = 0; k < SLOTS * IN_SLOT; k++) {
        PciFunction *f = h->gone >> k / IN_SLOT & 1 ? pci_function_at(h->host, NULL, k) : NULL;
        if (f && may_leave(h->host, f))
            return &f->dev;
    }
    return NULL;
}

/* A guest that lets something go by itself keeps it. */
static void let_go(HotPlug *h, uint32_t slots)
{
    const MachineRequests *r = h->machine;
    h->gone |= slots & h->leaving;
    if (h->gone && r && r->eject)
        r->eject(r->opaque, &h->dev);
}

/* ---- the device ---- */

static uint64_t hot_plug_read(void *dev, uint64_t offset, unsigned size)
{
    HotPlug *h = dev;
    uint64_t v = 0;
    if (h->bus)
        return offset == PCI_HOT_PLUG_BUS ? h->bus : 0;
    if (offset == PCI_HOT_PLUG_UP)
        v = h->up, h->up = 0;
    else if (offset == PCI_HOT_PLUG_DOWN)
        v = h->down, h->down = 0;
    else if (offset == PCI_HOT_PLUG_CAN)
        v = pci_hot_plug_slots(h->host);
    return v;
}

static void hot_plug_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    HotPlug *h = dev;
    if (offset == PCI_HOT_PLUG_BUS)
        h->bus = (uint32_t)value;
    else if (offset == PCI_HOT_PLUG_EJECT && !h->bus)
        let_go(h, (uint32_t)value);
}

static const MmioOps ops = {.read = hot_plug_read, .write = hot_plug_write, .min = 4, .max = 4};

static bool hot_plug_realize(Device *dev, DevError *err)
{
    if (!((const HotPlug *)dev)->host)
        return dev_fail(err, "acpi-pci-hotplug: no host bridge");
    dev_add_mmio(dev, "acpi-pci-hotplug", &ops, PCI_HOT_PLUG_BYTES);
    return true;
}

/* What was to leave is not there after a reset. */
static void hot_plug_reset(Device *dev)
{
    HotPlug *h = (HotPlug *)dev;
    h->up = h->down = h->bus = 0;
    if (h->leaving)
        let_go(h, h->leaving);
}

static const DevProp props[] = {DEV_PTR(HotPlug, event, "general purpose event"),
                                DEV_PTR(HotPlug, host, "the host bridge"),
                                DEV_PTR(HotPlug, machine, "what the machine's owner does")};
static const DevField state[] = {DEV_FIELD(HotPlug, up), DEV_FIELD(HotPlug, down), DEV_FIELD(HotPlug, bus)};

const DevClass pci_hot_plug_class = {
    .name = "acpi-pci-hotplug",
    .help = "PCI hot plug by ACPI",
    .version = 1,
    DEV_TABLES(HotPlug, props, state),
    .realize = hot_plug_realize,
    .reset = hot_plug_reset,
};
