/* pcie-root-port: a bridge with one slot behind it, and native hot plug (PCI Express Base 4.0, 6.7 and
 * 7.5.3.9 on): attention button, indicators, a power controller, events by message or pin.
 * What is plugged in while the machine runs waits without power until the guest switches it on. To take it
 * out the button is pressed; the guest lets go by switching power and power indicator off. A guest that
 * switches power off by itself keeps its device. */
#include "hw/pci/pcie_host.h"
#include "hw/pci/pci_priv.h"

enum { LINK_STATUS = 0x12, SLOT_CAPS = 0x14, SLOT_CONTROL = 0x18, SLOT_STATUS = 0x1a, EXPRESS_FLAGS = 2 };
enum { FLAG_SLOT = 0x100, LINK_ACTIVE = 0x2000 };
enum { /* slot capabilities */
    CAP_BUTTON = 1,
    CAP_POWER = 2,
    CAP_ATTENTION = 8,
    CAP_POWER_INDICATOR = 0x10,
    CAP_HOT_PLUG = 0x40,
    CAP_INTERLOCK = 0x20000,
    CAP_NUMBER_SHIFT = 19,
    CAP_NUMBERS = 1 << 13,
};
enum { /* slot status; the enables of slot control have the same places, but for the link's */
    BUTTON = 1,
    PRESENCE_CHANGED = 8,
    COMMAND_DONE = 0x10,
    PRESENT = 0x40,
    LINK_CHANGED = 0x100,
};
enum { /* slot control */
    EVENTS = 0x1f,
    INTERRUPTS_ON = 0x20,
    ATTENTION_OFF = 0xc0,
    POWER_INDICATOR = 0x300,
    POWER_INDICATOR_ON = 0x100,
    POWER_INDICATOR_OFF = 0x300,
    POWER_OFF = 0x400,
    LINK_EVENT = 0x1000,
    CONTROL_BITS = 0x17ff,
};

typedef struct RootPort {
    PciFunction f;
    PciBus behind;
    uint32_t chassis, slot, port;
    bool hotplug;
    bool leaving;        /* the button was pressed: by the user, not of the machine's state */
    bool raised;         /* an event is told already */
    uint16_t control_was;
    DEV_STATE_BEGIN
    PciState p;
    DEV_STATE_END
} RootPort;

static uint32_t get(const RootPort *r, unsigned at) { return pci_get(&r->f, r->f.express_at + at, 2); }
static void set(RootPort *r, unsigned at, unsigned bits, bool on)
{
    uint8_t *c = r->p.config + r->f.express_at + at;
    uint16_t v;
    memcpy(&v, c, sizeof(v));
    v = (uint16_t)(on ? v | bits : v & ~bits);
    memcpy(c, &v, sizeof(v));
}

static void tell(RootPort *r)
{
    const uint32_t control = get(r, SLOT_CONTROL), status = get(r, SLOT_STATUS);
    const bool event =
        (status & control & EVENTS) || ((status & LINK_CHANGED) && (control & LINK_EVENT));
    const bool now = event && (control & INTERRUPTS_ON);
    const bool message = pci_msix_on(&r->f);
    if (status & (BUTTON | PRESENCE_CHANGED | LINK_CHANGED | COMMAND_DONE))
        dev_trace(&r->f.dev, PCIE_SLOT, "control 0x%x status 0x%x", control, status);
    if (message && now && !r->raised)
        pci_msix_send(&r->f, 0);
    r->raised = now;
    pci_set_intx(&r->f, now && !message);
}

static bool is_filled(const RootPort *r) { return r->behind.at[0] != NULL; }

/* Link and visibility follow power and what is in the slot. */
static void follow(RootPort *r)
{
    const bool live = is_filled(r) && !(r->hotplug && (get(r, SLOT_CONTROL) & POWER_OFF));
    if (live == !(get(r, LINK_STATUS) & LINK_ACTIVE))
        set(r, SLOT_STATUS, LINK_CHANGED, true);
    set(r, LINK_STATUS, LINK_ACTIVE, live);
    set(r, SLOT_STATUS, PRESENT, is_filled(r));
    r->behind.off = !live;
    if (r->f.host)
        pcie_host_stale(r->f.host);
}

/* As it is without the guest: on if there is something. */
static void settle(RootPort *r)
{
    const unsigned empty = POWER_OFF | POWER_INDICATOR_OFF;
    set(r, SLOT_CONTROL, POWER_OFF | POWER_INDICATOR, false);
    set(r, SLOT_CONTROL, is_filled(r) ? POWER_INDICATOR_ON : empty, true);
    r->control_was = (uint16_t)get(r, SLOT_CONTROL);
    follow(r);
    set(r, SLOT_STATUS, LINK_CHANGED, false);
}

static bool is_off(uint32_t control)
{
    return (control & POWER_OFF) && (control & POWER_INDICATOR) == POWER_INDICATOR_OFF;
}

static void port_written(PciFunction *f, unsigned at, unsigned size)
{
    RootPort *r = (RootPort *)f;
    const unsigned control_at = f->express_at + SLOT_CONTROL;
    if (r->hotplug && at < control_at + 2 && at + size > control_at) {
        const uint16_t now = (uint16_t)get(r, SLOT_CONTROL), was = r->control_was;
        r->control_was = now;
        set(r, SLOT_STATUS, COMMAND_DONE, true);
        follow(r);
        if (r->leaving && is_off(now) && !is_off(was))
            pcie_host_eject(f);
    }
    tell(r);
}

/* ---- by the machine's owner ---- */

bool pcie_slot_is_hot(const Device *port)
{
    return port->cls == &pcie_root_port_class && ((const RootPort *)port)->hotplug;
}

void pcie_slot_filled(Device *port, bool cold)
{
    RootPort *r = (RootPort *)port;
    lock_take(r->f.lock);
    if (cold)
        settle(r);
    follow(r);
    if (!cold)
        set(r, SLOT_STATUS, PRESENCE_CHANGED | BUTTON, true);
    tell(r);
    lock_release(r->f.lock);
}

void pcie_slot_emptied(Device *port)
{
    RootPort *r = (RootPort *)port;
    lock_take(r->f.lock);
    r->leaving = false;
    if (!is_off(get(r, SLOT_CONTROL)))
        settle(r); /* it left by a reset */
    follow(r);
    set(r, SLOT_STATUS, PRESENCE_CHANGED, true);
    tell(r);
    lock_release(r->f.lock);
}

bool pcie_slot_press(Device *port)
{
    RootPort *r = (RootPort *)port;
    lock_take(r->f.lock);
    const bool first = !r->leaving;
    r->leaving = true;
    if (first && is_off(get(r, SLOT_CONTROL))) {
        pcie_host_eject(&r->f); /* nobody uses it */
    } else {
        set(r, SLOT_STATUS, BUTTON, true);
        tell(r);
    }
    lock_release(r->f.lock);
    return first;
}

PciFunction *pcie_slot_at(const Device *port, unsigned n)
{
    const RootPort *r = (const RootPort *)port;
    for (unsigned k = 0; k < PCI_FUNCTIONS; k++)
        if (r->behind.at[k] && n-- == 0)
            return r->behind.at[k];
    return NULL;
}

/* ---- the device ---- */

static void add_slot(RootPort *r)
{
    PciFunction *f = &r->f;
    const unsigned at = f->express_at;
    const uint32_t caps =
        CAP_BUTTON | CAP_POWER | CAP_ATTENTION | CAP_POWER_INDICATOR | CAP_HOT_PLUG | CAP_INTERLOCK;
    PciShape *s = f->shape;
    s->initial[at + EXPRESS_FLAGS + 1] |= FLAG_SLOT >> 8;
    pci_shape(f, at + SLOT_CAPS, 4, (r->hotplug ? caps : 0) | r->slot << CAP_NUMBER_SHIFT, 0);
    if (r->hotplug)
        pci_shape(f, at + SLOT_CONTROL, 2, ATTENTION_OFF, CONTROL_BITS);
    s->clears[at + SLOT_STATUS] = EVENTS;
    s->clears[at + SLOT_STATUS + 1] = LINK_CHANGED >> 8;
    s->moves[at + SLOT_STATUS] = PRESENT;
    s->moves[at + LINK_STATUS + 1] = LINK_ACTIVE >> 8;
}

static bool port_realize(Device *dev, DevError *err)
{
    static const PciIds ids = {0x1b36, 0x000c, 0, 0, 0x060400, 0};
    RootPort *r = (RootPort *)dev;
    PciFunction *f = &r->f;
    if (r->slot >= CAP_NUMBERS)
        return dev_fail(err, "%s: slot %u; 0 to %u are possible", dev->id, r->slot, CAP_NUMBERS - 1u);
    if (!pci_init(f, &r->p, &ids, NULL, err))
        return false;
    pci_shape(f, PCI_HEADER_TYPE, 1, f->multifunction ? 0x81 : 1, 0);
    pci_shape(f, PCI_INTERRUPT_PIN, 1, 1, 0);
    pci_shape(f, PCI_PRIMARY_BUS, 4, 0, 0xffffff);
    pci_shape(f, 0x1c, 2, 0x0101, 0xf0f0);      /* I/O, 32 bits */
    pci_shape(f, 0x20, 4, 0, 0xfff0fff0);       /* memory */
    pci_shape(f, 0x24, 4, 0x10001, 0xfff0fff0); /* prefetchable, 64 bits */
    pci_shape(f, 0x28, 4, 0, ~0u);
    pci_shape(f, 0x2c, 4, 0, ~0u);
    pci_shape(f, 0x30, 4, 0, ~0u);
    pci_shape(f, 0x3e, 2, 0, 0x5f);             /* bridge control */
    f->shape->clears[0x1f] = 0xf9;
    pci_want_msix(f, 0, 1);
    pci_add_express(f, PCIE_ROOT_PORT);
    add_slot(r);
    f->written = port_written;
    r->behind.bridge = f;
    f->secondary = &r->behind;
    return true;
}

static void port_reset(Device *dev)
{
    RootPort *r = (RootPort *)dev;
    pci_reset(&r->f);
    settle(r);
    r->raised = false;
    if (r->leaving)
        pcie_host_eject(&r->f); /* it is not there after a reset */
}

static bool port_loaded(Device *dev, DevError *err)
{
    RootPort *r = (RootPort *)dev;
    if (!pci_check(&r->f, err))
        return false;
    r->control_was = (uint16_t)get(r, SLOT_CONTROL);
    const bool changed = get(r, SLOT_STATUS) & LINK_CHANGED;
    follow(r);
    set(r, SLOT_STATUS, LINK_CHANGED, changed);
    r->raised = false;
    tell(r);
    return true;
}

static void port_clear(Device *dev)
{
    pci_clear((PciFunction *)dev);
}

static const DevProp props[] = {
    PCI_PROPS(RootPort),
    DEV_BOOL(RootPort, hotplug, "devices may come and go", 1),
    DEV_U32(RootPort, slot, "number of the slot", 0),
    DEV_U32(RootPort, chassis, "accepted", 0),
    DEV_U32(RootPort, port, "accepted", 0),
};
static const DevField state[] = {PCI_ROWS(RootPort)};

const DevClass pcie_root_port_class = {
    .name = "pcie-root-port", .help = "a bus of its own for one device", .version = 2, .bus = "pci",
    DEV_TABLES(RootPort, props, state),
    .realize = port_realize, .reset = port_reset, .loaded = port_loaded, .clear = port_clear,
};
