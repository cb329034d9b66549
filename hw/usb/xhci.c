/* Registers (5) and ports (4.19). Ports of USB 2 come first, then those of USB 3, which stay empty. */
#include "hw/usb/xhci_priv.h"

enum { BAR_REGS = 0, BAR_MSIX = 4, REGS_BYTES = 0x4000, CAPS = 0x40, OPERATIONAL = 0x40, PORTS_AT = 0x440 };
enum { RUNTIME = 0x1000, INTRS_AT = 0x1020, DOORBELLS = 0x2000, PROTOCOLS = 0x20 };
enum { CMD_RUN = 1, CMD_RESET = 2, CMD_SAVE = 0x100, CMD_RESTORE = 0x200, CMD_KEPT = 0xc0d };
enum { STS_HALTED = 1, STS_CHANGE = 0x10, STS_RESTORE_ERROR = 0x400, STS_CLEARS = 0x41c };
enum { RING_STOP = 2, RING_ABORT = 4, RING_RUNNING = 8 };
enum {
    PORT_CONNECTED = 1,
    PORT_ENABLED = 2,
    PORT_RESET = 0x10,
    PORT_LINK = 0x1e0,
    PORT_POWER = 0x200,
    PORT_SPEED_SHIFT = 10,
    PORT_LINK_WRITE = 0x10000,
    PORT_CSC = 1 << 17,
    PORT_PRC = 1 << 21,
    PORT_PLC = 1 << 22,
    PORT_CHANGES = 0xfe0000,
    PORT_KEPT = 0xe000000 /* what wakes the system up */
};
enum { LINK_U0 = 0, LINK_U3 = 3 << 5, LINK_NOTHING = 5 << 5, LINK_POLLING = 7 << 5, LINK_RESUME = 15 << 5 };

static unsigned ports_of(const Xhci *x)
{
    return x->p2 + x->p3;
}

/* ---- ports ---- */

static void port_event(Xhci *x, unsigned n)
{
    xhci_event(x, 0, (XhciTrb){(uint64_t)n << 24, CC_SUCCESS << 24, TRB_PORT_EVENT << 10});
}

static void port_changed(Xhci *x, unsigned n, uint32_t bits)
{
    const bool news = bits & ~x->portsc[n - 1];
    x->portsc[n - 1] |= bits;
    x->status |= STS_CHANGE;
    if (news && x->command & CMD_RUN)
        port_event(x, n);
}

/* As it is with power, and what is plugged in there. */
static void port_init(Xhci *x, unsigned n)
{
    const UsbDevice *u = x->at[n - 1];
    x->portsc[n - 1] = PORT_POWER | (u ? PORT_CONNECTED | PORT_CSC | LINK_POLLING |
                                             (uint32_t)u->shape->speed << PORT_SPEED_SHIFT
                                       : LINK_NOTHING);
}

static void port_reset(Xhci *x, unsigned n)
{
    UsbDevice *u = x->at[n - 1];
    if (u) {
        usb_bus_reset(u);
        x->portsc[n - 1] = (x->portsc[n - 1] & ~(uint32_t)PORT_LINK) | PORT_ENABLED | LINK_U0;
    }
    port_changed(x, n, PORT_PRC);
}

static void port_write(Xhci *x, unsigned n, uint32_t v)
{
    uint32_t *p = &x->portsc[n - 1];
    const uint32_t link = v & PORT_LINK;
    *p &= ~(v & PORT_CHANGES);
    *p = (*p & ~(uint32_t)PORT_KEPT) | (v & PORT_KEPT);
    if (v & PORT_ENABLED)
        *p &= ~(uint32_t)PORT_ENABLED;
    if (!(v & PORT_POWER)) {
        *p &= PORT_KEPT;
    } else if (!(*p & PORT_POWER)) {
        port_init(x, n);
        port_changed(x, n, 0);
    }
    if (v & PORT_RESET && *p & PORT_POWER)
        port_reset(x, n);
    else if (v & PORT_LINK_WRITE && *p & PORT_ENABLED &&
             (link == LINK_U3 || link == LINK_U0 || link == LINK_RESUME)) {
        const bool woke = (*p & PORT_LINK) != LINK_U0 && link == LINK_U0;
        *p = (*p & ~(uint32_t)PORT_LINK) | link;
        if (woke)
            port_changed(x, n, PORT_PLC);
    }
}

bool xhci_plug(UsbDevice *u, DevError *err)
{
    Xhci *x = (Xhci *)u->controller;
    uint64_t want = 0;
    for (const char *p = u->port; *p; p++)
        want = *p >= '0' && *p <= '9' && want < 100 ? want * 10 + (uint64_t)(*p - '0') : 1000;
    if (u->port[0] && (!want || want > x->p2))
        return dev_fail(err, "%s: no port '%s': there are 1 to %u, and no hubs", u->dev.id, u->port, x->p2);
    lock_take(&x->f.dev.lock);
    for (unsigned n = 1; n <= x->p2 && !u->number; n++)
        if (!x->at[n - 1] && (!want || want == n))
            u->number = n;
    if (u->number) {
        x->at[u->number - 1] = u;
        port_init(x, u->number);
        port_changed(x, u->number, 0);
        if (x->command & CMD_RUN)
            port_event(x, u->number);
    }
    lock_release(&x->f.dev.lock);
    return u->number || dev_fail(err, "%s: no free port on %s", u->dev.id, u->controller->id);
}

void xhci_unplug(UsbDevice *u)
{
    Xhci *x = (Xhci *)u->controller;
    lock_take(&x->f.dev.lock);
    x->at[u->number - 1] = NULL;
    x->portsc[u->number - 1] &= PORT_CHANGES | PORT_KEPT | PORT_POWER;
    x->portsc[u->number - 1] |= LINK_NOTHING;
    port_changed(x, u->number, PORT_CSC);
    u->number = 0;
    lock_release(&x->f.dev.lock);
}

void xhci_wake(UsbDevice *u, unsigned endpoint, bool in)
{
    Xhci *x = (Xhci *)u->controller;
    for (unsigned slot = 1; slot <= XHCI_SLOTS; slot++)
        if (x->slot[slot - 1] >= SLOT_DEFAULT && x->slot_port[slot - 1] == u->number)
            xhci_run(x, slot, 2 * endpoint + in);
}

/* ---- the controller as a whole ---- */

static void start_anew(Xhci *x)
{
    memset((char *)x + offsetof(Xhci, command), 0, offsetof(Xhci, state_end) - offsetof(Xhci, command));
    x->status = STS_HALTED;
    x->more_slots = 0;
    timer_cancel(x->f.dev.clock, &x->more);
    for (unsigned n = 0; n < XHCI_INTRS; n++) {
        x->imod[n] = 4000;
        x->event_cycle[n] = 1;
    }
    for (unsigned n = 1; n <= ports_of(x); n++)
        port_init(x, n);
}

static void command_write(Xhci *x, uint32_t v)
{
    const uint32_t was = x->command;
    if (v & CMD_RESET) {
        start_anew(x);
        for (unsigned n = 0; n < ports_of(x); n++)
            if (x->at[n])
                usb_bus_reset(x->at[n]);
        xhci_interrupt(x);
        return;
    }
    x->command = v & CMD_KEPT;
    if (v & CMD_RESTORE)
        x->status |= STS_RESTORE_ERROR; /* what was saved is not there: the system begins anew */
    if (!(v & CMD_RUN)) {
        x->status |= STS_HALTED;
        x->crcr &= ~(uint64_t)RING_RUNNING;
    } else if (!(was & CMD_RUN)) {
        x->status &= ~(uint32_t)STS_HALTED;
        for (unsigned n = 1; n <= ports_of(x); n++)
            if (x->portsc[n - 1] & PORT_CHANGES)
                port_event(x, n);
    }
    xhci_interrupt(x);
}

static void crcr_write(Xhci *x, uint32_t v)
{
    if (x->crcr & RING_RUNNING) {
        if (v & (RING_STOP | RING_ABORT)) {
            x->crcr &= ~(uint64_t)RING_RUNNING;
            xhci_event(x, 0,
                       (XhciTrb){x->command_at & ~15ull, CC_RING_STOPPED << 24, TRB_COMMAND_EVENT << 10});
        }
        return;
    }
    x->crcr = (x->crcr & ~0xffffffffull) | (v & ~62u);
    x->command_at = x->crcr & ~14ull;
}

static void doorbell(Xhci *x, unsigned slot, uint32_t v)
{
    const unsigned dci = v & 0xff;
    if (!(x->command & CMD_RUN) || slot > XHCI_SLOTS)
        return;
    if (slot == 0) {
        x->crcr |= RING_RUNNING;
        xhci_commands(x);
        return;
    }
    if (!dci || dci >= XHCI_EPS || x->slot[slot - 1] < SLOT_DEFAULT)
        return;
    if (x->ep_state[xhci_ep(slot, dci)] == EP_STOPPED) {
        x->ep_state[xhci_ep(slot, dci)] = EP_RUNNING;
        xhci_show_ep(x, slot, dci);
    }
    xhci_run(x, slot, dci);
}

static void do_more(void *opaque)
{
    Xhci *x = opaque;
    const uint32_t slots = x->more_slots;
    x->more_slots = 0;
    if (slots & 1)
        xhci_commands(x);
    for (unsigned slot = 1; slot <= XHCI_SLOTS; slot++)
        for (unsigned dci = 1; dci < XHCI_EPS && slots >> slot & 1; dci++)
            xhci_run(x, slot, dci);
}

/* ---- registers ---- */

static uint32_t capability(const Xhci *x, unsigned at)
{
    const uint32_t spans[] = {1 | x->p2 << 8, (x->p2 + 1) | x->p3 << 8};
    switch (at) {
    case 0x00: return 0x01000000 | CAPS; /* version 1.0 */
    case 0x04: return ports_of(x) << 24 | XHCI_INTRS << 8 | XHCI_SLOTS;
    case 0x08: return 0x0000004f;                /* up to 16 segments of events */
    case 0x10: return (PROTOCOLS / 4) << 16 | 1; /* addresses of 64 bits */
    case 0x14: return DOORBELLS;
    case 0x18: return RUNTIME;
    case PROTOCOLS: return 0x02000402;
    case PROTOCOLS + 0x10: return 0x03000002;
    case PROTOCOLS + 0x04:
    case PROTOCOLS + 0x14: return 0x20425355; /* "USB " */
    case PROTOCOLS + 0x08:
    case PROTOCOLS + 0x18: return spans[at >> 4 & 1];
    default: return 0;
    }
}

static uint32_t operational(const Xhci *x, unsigned at)
{
    switch (at) {
    case 0x00: return x->command;
    case 0x04: return x->status;
    case 0x08: return 1; /* pages of 4 KiB */
    case 0x14: return x->notify;
    case 0x18: return (uint32_t)x->crcr & RING_RUNNING;
    case 0x30: return (uint32_t)x->dcbaap;
    case 0x34: return (uint32_t)(x->dcbaap >> 32);
    case 0x38: return x->config;
    default: return 0;
    }
}

static uint32_t interrupter(const Xhci *x, unsigned n, unsigned at)
{
    switch (at) {
    case 0x00: return x->iman[n];
    case 0x04: return x->imod[n];
    case 0x08: return x->erst_n[n];
    case 0x10: return (uint32_t)x->erst_at[n];
    case 0x14: return (uint32_t)(x->erst_at[n] >> 32);
    case 0x18: return (uint32_t)x->erdp[n];
    case 0x1c: return (uint32_t)(x->erdp[n] >> 32);
    default: return 0;
    }
}

static uint32_t read_word(Xhci *x, unsigned at)
{
    const unsigned port = (at - PORTS_AT) / 16, intr = (at - INTRS_AT) / 32;
    if (at < CAPS)
        return capability(x, at);
    if (at >= PORTS_AT && port < ports_of(x))
        return at % 16 ? 0 : x->portsc[port];
    if (at < PORTS_AT)
        return operational(x, at - OPERATIONAL);
    if (at == RUNTIME)
        return (uint32_t)(clock_now(x->f.dev.clock) / 125000) & 0x3fff; /* microframes */
    return at >= INTRS_AT && intr < XHCI_INTRS ? interrupter(x, intr, (at - INTRS_AT) % 32) : 0;
}

static void low(uint64_t *to, uint32_t v)
{
    *to = (*to & ~0xffffffffull) | v;
}
static void high(uint64_t *to, uint32_t v)
{
    *to = (*to & 0xffffffff) | (uint64_t)v << 32;
}

static void write_operational(Xhci *x, unsigned at, uint32_t v)
{
    switch (at) {
    case 0x00: command_write(x, v); break;
    case 0x04: x->status &= ~(v & STS_CLEARS); break;
    case 0x14: x->notify = v & 0xffff; break;
    case 0x18: crcr_write(x, v); break;
    case 0x1c:
        if (!(x->crcr & RING_RUNNING)) {
            high(&x->crcr, v);
            high(&x->command_at, v);
        }
        break;
    case 0x30: low(&x->dcbaap, v & ~63u); break;
    case 0x34: high(&x->dcbaap, v); break;
    case 0x38: x->config = v & 0xff; break;
    default: break;
    }
}

static void write_interrupter(Xhci *x, unsigned n, unsigned at, uint32_t v)
{
    enum { PENDING = 1, ON = 2, MOST_SEGMENTS = 16, BUSY = 8 };
    switch (at) {
    case 0x00:
        x->iman[n] = (x->iman[n] & PENDING & ~v) | (v & ON);
        xhci_interrupt(x);
        break;
    case 0x04: x->imod[n] = v; break;
    case 0x08: x->erst_n[n] = MIN(v & 0xffff, (uint32_t)MOST_SEGMENTS); break;
    case 0x10:
    case 0x14:
        (at == 0x10 ? low : high)(&x->erst_at[n], at == 0x10 ? v & ~63u : v);
        x->event_seg[n] = x->event_at[n] = 0;
        x->event_cycle[n] = 1;
        break;
    case 0x18:
        low(&x->erdp[n], (v & ~(uint32_t)BUSY) | (v & BUSY ? 0 : (uint32_t)x->erdp[n] & BUSY));
        xhci_dequeued(x, n);
        break;
    case 0x1c: high(&x->erdp[n], v); break;
    default: break;
    }
}

static uint64_t regs_read(void *dev, uint64_t at, unsigned size)
{
    return read_word(dev, (unsigned)at & ~3u) >> 8 * (at & 3);
}

static void regs_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    Xhci *x = dev;
    const unsigned at = (unsigned)offset, port = (at - PORTS_AT) / 16, intr = (at - INTRS_AT) / 32;
    const uint32_t v = (uint32_t)value;
    if (size != 4 || at < OPERATIONAL)
        return;
    if (at >= DOORBELLS)
        doorbell(x, (at - DOORBELLS) / 4, v);
    else if (at >= INTRS_AT && intr < XHCI_INTRS)
        write_interrupter(x, intr, (at - INTRS_AT) % 32, v);
    else if (at >= PORTS_AT && port < ports_of(x) && at % 16 == 0)
        port_write(x, port + 1, v);
    else if (at < PORTS_AT)
        write_operational(x, at - OPERATIONAL, v);
}

static const MmioOps ops = {.read = regs_read, .write = regs_write, .min = 1, .max = 4};

/* ---- life ---- */

static bool xhci_realize(Device *dev, DevError *err)
{
    static const PciIds ids[] = {{0x1b36, 0x000d, 0x1af4, 0x1100, 0x0c0330, 1},
                                 {0x1033, 0x0194, 0x1af4, 0x1100, 0x0c0330, 3}};
    Xhci *x = (Xhci *)dev;
    if (!x->p2 || x->p2 > XHCI_PORTS || x->p3 > XHCI_PORTS - x->p2)
        return dev_fail(err, "%s: p2 and p3: 1 to %u ports", dev->id, (unsigned)XHCI_PORTS);
    if (!pci_init(&x->f, &x->p, &ids[dev->cls == &nec_xhci_class], NULL, err))
        return false;
    pci_shape(&x->f, PCI_INTERRUPT_PIN, 1, 1, 0);
    pci_shape(&x->f, 0x60, 1, 0x30, 0); /* of USB 3.0 */
    pci_shape(&x->f, 0x61, 1, 0x20, 0x3f);
    x->f.cap_at = 0x70;
    pci_add_bar(&x->f, BAR_REGS, REGS_BYTES, PCI_BAR_64, &ops, x);
    pci_want_msix(&x->f, BAR_MSIX, XHCI_INTRS);
    x->more = (Timer){.fire = do_more, .opaque = x, .lock = &dev->lock};
    return true;
}

static void xhci_reset(Device *dev)
{
    Xhci *x = (Xhci *)dev;
    start_anew(x);
    pci_reset(&x->f);
}

static bool xhci_loaded(Device *dev, DevError *err)
{
    Xhci *x = (Xhci *)dev;
    for (unsigned k = 0; k < XHCI_SLOTS; k++)
        if (x->slot[k] > SLOT_CONFIGURED || x->slot_port[k] > ports_of(x))
            return dev_fail(err, "%s: slot %u has state %u, port %u", dev->id, k + 1, x->slot[k],
                            x->slot_port[k]);
    for (unsigned k = 0; k < XHCI_INTRS; k++)
        x->erst_n[k] = MIN(x->erst_n[k], 16u);
    if (!pci_check(&x->f, err))
        return false;
    x->more_slots = ~0u >> (31 - XHCI_SLOTS);
    timer_set(dev->clock, &x->more, clock_now(dev->clock));
    return true;
}

static void xhci_clear(Device *dev)
{
    Xhci *x = (Xhci *)dev;
    if (dev->clock)
        timer_cancel(dev->clock, &x->more);
    pci_clear(&x->f);
}

static const DevProp props[] = {
    PCI_PROPS(Xhci),
    DEV_U32(Xhci, p2, "ports of USB 2", 4),
    DEV_U32(Xhci, p3, "ports of USB 3", 4),
};
static const DevField state[] = {
    PCI_ROWS(Xhci),
    DEV_FIELD(Xhci, command),
    DEV_FIELD(Xhci, status),
    DEV_FIELD(Xhci, notify),
    DEV_FIELD(Xhci, config),
    DEV_FIELD(Xhci, crcr),
    DEV_FIELD(Xhci, dcbaap),
    DEV_FIELD(Xhci, command_at),
    DEV_ARRAY(Xhci, portsc),
    DEV_ARRAY(Xhci, iman),
    DEV_ARRAY(Xhci, imod),
    DEV_ARRAY(Xhci, erst_n),
    DEV_ARRAY(Xhci, erst_at),
    DEV_ARRAY(Xhci, erdp),
    DEV_ARRAY(Xhci, event_seg),
    DEV_ARRAY(Xhci, event_at),
    DEV_ARRAY(Xhci, event_cycle),
    DEV_ARRAY(Xhci, slot),
    DEV_ARRAY(Xhci, slot_port),
    DEV_ARRAY(Xhci, slot_intr),
    DEV_ARRAY(Xhci, ring),
    DEV_ARRAY(Xhci, done),
    DEV_ARRAY(Xhci, moved),
    DEV_ARRAY(Xhci, ep_state),
    DEV_ARRAY(Xhci, ep_type),
};

const DevClass qemu_xhci_class = {
    .name = "qemu-xhci",
    .help = "USB controller (xHCI)",
    .bus = "pci",
    .version = 1,
    DEV_TABLES(Xhci, props, state),
    .realize = xhci_realize,
    .reset = xhci_reset,
    .loaded = xhci_loaded,
    .clear = xhci_clear,
};
const DevClass nec_xhci_class = {
    .name = "nec-usb-xhci",
    .help = "USB controller (xHCI), as one of NEC's",
    .bus = "pci",
    .version = 1,
    DEV_TABLES(Xhci, props, state),
    .realize = xhci_realize,
    .reset = xhci_reset,
    .loaded = xhci_loaded,
    .clear = xhci_clear,
};
