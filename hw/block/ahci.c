/* Registers and interrupts (AHCI 1.3.1, chapter 3), resets, the device. Commands of a port are served by a
 * job of its drive. */
#include "hw/block/ahci_priv.h"

enum { BAR_INDEX = 4, BAR_REGISTERS = 5, BYTES = 0x1000, PORTS_AT = 0x100, PORT_SHIFT = 7 };
enum { CAP = 0x00, GHC = 0x04, IS = 0x08, PI = 0x0c, VS = 0x10 };
enum { GHC_RESET = 1, GHC_INTERRUPTS = 2 };
#define GHC_AHCI  0x80000000u
#define CAP_VALUE (0xc1240000u | (AHCI_SLOTS - 1) << 8 | (AHCI_PORTS - 1)) /* queues, 64 bits, 3 Gb/s */
#define NO_DRIVE  0xffffffffu
enum {
    P_LIST = 0x00,
    P_FIS = 0x08,
    P_IS = 0x10,
    P_IE = 0x14,
    P_CMD = 0x18,
    P_TASK = 0x20,
    P_SIG = 0x24,
    P_SSTS = 0x28,
    P_SCTL = 0x2c,
    P_SERR = 0x30,
    P_SACT = 0x34,
    P_CI = 0x38
};
enum { SERR_EXCHANGED = 1 << 26, LINK_UP = 0x123, CONTROL_BITS = 0xfff };
#define IE_BITS 0xfdc000ffu

AtaBus *ahci_bus(Device *d)
{
    return &((Ahci *)d)->bus;
}

/* ---- interrupts ---- */

/* tell: something new has happened, which is worth a message of its own. */
static void show_interrupts(Ahci *h, bool tell)
{
    for (unsigned n = 0; n < AHCI_PORTS; n++)
        if (h->port[n].is & h->port[n].ie)
            h->is |= 1u << n;
    const bool level = (h->ghc & GHC_INTERRUPTS) && h->is, message = pci_msi_on(&h->f);
    if (message && level && (tell || !h->raised))
        pci_msi_send(&h->f);
    h->raised = level;
    pci_set_intx(&h->f, level && !message);
}

void ahci_raise(Ahci *h, unsigned n, uint32_t bits)
{
    AhciPort *p = &h->port[n];
    p->is |= bits;
    show_interrupts(h, bits & p->ie);
}

/* ---- ports ---- */

static void stop_port(Ahci *h, unsigned n)
{
    AhciPort *p = &h->port[n];
    h->epoch[n]++;
    p->ci = p->sact = 0;
    p->halted = p->resets = 0;
    p->cmd &= ~(uint32_t)(PORT_START | PORT_RUNS | 31u << 8);
    if (h->bus.at[n] && p->drive.status & ATA_BSY)
        p->drive.status = ATA_DRDY | ATA_DSC;
}

/* Once there is somewhere to receive them, the drive's registers arrive. */
static void greet(Ahci *h, unsigned n)
{
    AhciPort *p = &h->port[n];
    if (p->greeted || !h->bus.at[n] || !(p->cmd & PORT_FIS))
        return;
    p->greeted = 1;
    ahci_send_registers(h, n, true);
}

/* The link comes up again, and with it the drive. */
static void reset_link(Ahci *h, unsigned n)
{
    AhciPort *p = &h->port[n];
    const AtaDrive *d = h->bus.at[n];
    h->epoch[n]++;
    p->halted = p->resets = p->greeted = 0;
    ata_reset(d, &p->drive);
    p->sig = !d ? NO_DRIVE
                : p->drive.count[0] | (uint32_t)p->drive.low[0] << 8 | (uint32_t)p->drive.mid[0] << 16 |
                      (uint32_t)p->drive.high[0] << 24;
    if (d) {
        p->serr |= SERR_EXCHANGED;
        ahci_raise(h, n, PORT_IS_CONNECT);
    }
    greet(h, n);
}

static void reset_port(Ahci *h, unsigned n)
{
    AhciPort *p = &h->port[n];
    stop_port(h, n);
    p->list = p->fis = 0;
    p->is = p->ie = p->sctl = p->serr = 0;
    p->cmd = PORT_SPIN_UP | PORT_POWER;
    reset_link(h, n);
    p->is = p->serr = 0;
}

static void kick(Ahci *h, unsigned n)
{
    const AhciPort *p = &h->port[n];
    if (h->bus.at[n] && p->ci && !p->halted && (p->cmd & PORT_START))
        ata_bus_post(h->bus.at[n]);
}

static void write_cmd(Ahci *h, unsigned n, uint32_t v)
{
    enum { WRITABLE = PORT_START | PORT_FIS | PORT_ATAPI };
    AhciPort *p = &h->port[n];
    if ((v & PORT_OVERRIDE) && !(p->cmd & PORT_START))
        p->drive.status &= (uint8_t) ~(ATA_BSY | ATA_DRQ);
    if ((p->cmd & PORT_START) && !(v & PORT_START))
        stop_port(h, n);
    p->cmd = (p->cmd & ~(uint32_t)(WRITABLE | PORT_FIS_RUNS | PORT_RUNS)) | (v & WRITABLE) |
             (v & PORT_FIS ? PORT_FIS_RUNS : 0) | (v & PORT_START ? PORT_RUNS : 0);
    greet(h, n);
    kick(h, n);
}

static void write_control(Ahci *h, unsigned n, uint32_t v)
{
    AhciPort *p = &h->port[n];
    const bool was = (p->sctl & 15) == 1, is = (v & 15) == 1;
    p->sctl = v & CONTROL_BITS;
    if (!was && is) {
        h->epoch[n]++;
        p->drive.status = h->bus.at[n] ? ATA_BSY : 0;
    } else if (was && !is) {
        reset_link(h, n);
    }
}

static void set_half(uint64_t *v, bool high, uint32_t value)
{
    *v = high ? (*v & 0xffffffff) | (uint64_t)value << 32 : (*v & ~0xffffffffull) | value;
}

static void write_port(Ahci *h, unsigned n, unsigned at, uint32_t v)
{
    AhciPort *p = &h->port[n];
    switch (at) {
    case P_LIST:
    case P_LIST + 4: set_half(&p->list, at & 4, at & 4 ? v : v & ~1023u); break;
    case P_FIS:
    case P_FIS + 4: set_half(&p->fis, at & 4, at & 4 ? v : v & ~255u); break;
    case P_IS: p->is &= ~(v & ~(uint32_t)PORT_IS_CONNECT); break;
    case P_IE: p->ie = v & IE_BITS; break;
    case P_CMD: write_cmd(h, n, v); break;
    case P_SCTL: write_control(h, n, v); break;
    case P_SERR:
        p->serr &= ~v;
        if (!(p->serr & SERR_EXCHANGED))
            p->is &= ~(uint32_t)PORT_IS_CONNECT;
        break;
    case P_SACT: p->sact |= p->cmd & PORT_START ? v : 0; break;
    case P_CI:
        p->ci |= p->cmd & PORT_START ? v : 0;
        kick(h, n);
        break;
    default: break;
    }
    show_interrupts(h, false);
}

static uint32_t read_port(const Ahci *h, unsigned n, unsigned at)
{
    enum { NOTHING = 0x7f };
    const AhciPort *p = &h->port[n];
    const bool there = h->bus.at[n] != NULL;
    switch (at) {
    case P_LIST: return (uint32_t)p->list;
    case P_LIST + 4: return p->list >> 32;
    case P_FIS: return (uint32_t)p->fis;
    case P_FIS + 4: return p->fis >> 32;
    case P_IS: return p->is;
    case P_IE: return p->ie;
    case P_CMD: return p->cmd;
    case P_TASK: return there ? p->drive.status | (uint32_t)p->drive.error << 8 : NOTHING;
    case P_SIG: return p->sig;
    case P_SSTS: return there && !(p->sctl & 15) ? LINK_UP : 0;
    case P_SCTL: return p->sctl;
    case P_SERR: return p->serr;
    case P_SACT: return p->sact;
    case P_CI: return p->ci;
    default: return 0;
    }
}

/* ---- registers ---- */

static void reset_all(Ahci *h)
{
    for (unsigned n = 0; n < AHCI_PORTS; n++)
        reset_port(h, n);
    h->ghc = GHC_AHCI;
    h->is = 0;
    show_interrupts(h, false);
}

static uint64_t ahci_read(void *dev, uint64_t at, unsigned size)
{
    const Ahci *h = dev;
    const unsigned n = (unsigned)(at - PORTS_AT) >> PORT_SHIFT, word = (unsigned)at & ~3u;
    uint32_t v = 0;
    if (at >= PORTS_AT)
        v = n < AHCI_PORTS ? read_port(h, n, word & 0x7f) : 0;
    else
        switch (word) {
        case CAP: v = CAP_VALUE; break;
        case GHC: v = h->ghc; break;
        case IS: v = h->is; break;
        case PI: v = (1 << AHCI_PORTS) - 1; break;
        case VS: v = 0x10301; break;
        default: break;
        }
    return v >> 8 * (at & 3);
}

static void ahci_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Ahci *h = dev;
    const unsigned n = (unsigned)(at - PORTS_AT) >> PORT_SHIFT;
    if (at & 3)
        return;
    if (at >= PORTS_AT) {
        if (n < AHCI_PORTS)
            write_port(h, n, (unsigned)at & 0x7f, (uint32_t)value);
    } else if (at == GHC) {
        if (value & GHC_RESET)
            reset_all(h);
        else
            h->ghc = GHC_AHCI | ((uint32_t)value & GHC_INTERRUPTS);
        show_interrupts(h, false);
    } else if (at == IS) {
        h->is &= ~(uint32_t)value;
        show_interrupts(h, true);
    }
}

static const MmioOps ops = {.read = ahci_read, .write = ahci_write, .min = 1, .max = 4};

/* The same by an index, for who has no way to memory. */
enum { INDEX_AT = 0x10, DATA_AT = 0x14 };
static uint64_t index_read(void *dev, uint64_t at, unsigned size)
{
    const Ahci *h = dev;
    return at == INDEX_AT ? h->index : at == DATA_AT ? ahci_read(dev, h->index, size) : 0;
}
static void index_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Ahci *h = dev;
    if (at == INDEX_AT)
        h->index = (uint32_t)value & (BYTES - 4);
    else if (at == DATA_AT)
        ahci_write(dev, h->index, value, size);
}
static const MmioOps index_ops = {.read = index_read, .write = index_write, .min = 4, .max = 4};

/* ---- the device ---- */

static void work(void *drive)
{
    AtaDrive *d = drive;
    Ahci *h = (Ahci *)d->on->controller;
    lock_take(h->f.lock);
    while (ahci_serve(h, d->place, d)) {
    }
    lock_release(h->f.lock);
}

static void config_written(PciFunction *f, unsigned at, unsigned size)
{
    Ahci *h = (Ahci *)f;
    show_interrupts(h, false); /* messages may be on or off now */
    for (unsigned n = 0; n < AHCI_PORTS && at == PCI_COMMAND && pci_is_master(f); n++)
        kick(h, n);
}

static bool ahci_realize(Device *dev, DevError *err)
{
    enum { MAP = 0x90, AHCI_MODE = 0x40, MSI_AT = 0x80, INDEX_BYTES = 32 };
    static const PciIds ids = {0x8086, 0x2922, 0x1af4, 0x1100, 0x010601, 2};
    Ahci *h = (Ahci *)dev;
    if (!pci_init(&h->f, &h->p, &ids, NULL, err))
        return false;
    h->bus = (AtaBus){.controller = dev,
                      .lock = h->f.lock,
                      .buses = AHCI_PORTS,
                      .units = 1,
                      .serial_ata = true,
                      .work = work};
    for (unsigned n = 0; n < AHCI_PORTS; n++)
        h->bus.state[n] = &h->port[n].drive;
    pci_shape(&h->f, PCI_INTERRUPT_PIN, 1, 1, 0);
    pci_shape(&h->f, MAP, 1, AHCI_MODE, 0);
    pci_add_bar(&h->f, BAR_INDEX, INDEX_BYTES, PCI_BAR_IO, &index_ops, h);
    pci_add_bar(&h->f, BAR_REGISTERS, BYTES, 0, &ops, h);
    h->f.cap_at = MSI_AT;
    pci_want_msi(&h->f);
    h->f.conventional = true;
    h->f.written = config_written;
    return true;
}

static void ahci_reset(Device *dev)
{
    Ahci *h = (Ahci *)dev;
    h->index = 0;
    reset_all(h);
    pci_reset(&h->f);
}

static bool ahci_loaded(Device *dev, DevError *err)
{
    Ahci *h = (Ahci *)dev;
    for (unsigned n = 0; n < AHCI_PORTS; n++) {
        h->epoch[n]++;
        ata_state_check(&h->port[n].drive);
    }
    h->index &= BYTES - 4;
    if (!pci_check(&h->f, err))
        return false;
    pci_set_intx(&h->f, h->p.intx);
    for (unsigned n = 0; n < AHCI_PORTS; n++)
        if (h->bus.at[n] && h->bus.at[n]->drive && h->bus.at[n]->drive->jobs)
            kick(h, n);
    return true;
}

static void ahci_clear(Device *dev)
{
    ata_bus_clear(&((Ahci *)dev)->bus);
    pci_clear((PciFunction *)dev);
}

#define PORT_ROWS(q)                                                                                         \
    ATA_ROWS(Ahci, q.drive), DEV_FIELD(Ahci, q.list), DEV_FIELD(Ahci, q.fis), DEV_FIELD(Ahci, q.is),         \
        DEV_FIELD(Ahci, q.ie), DEV_FIELD(Ahci, q.cmd), DEV_FIELD(Ahci, q.sig), DEV_FIELD(Ahci, q.sctl),      \
        DEV_FIELD(Ahci, q.serr), DEV_FIELD(Ahci, q.sact), DEV_FIELD(Ahci, q.ci), DEV_FIELD(Ahci, q.halted),  \
        DEV_FIELD(Ahci, q.resets), DEV_FIELD(Ahci, q.greeted)

static const DevProp props[] = {PCI_PROPS(Ahci)};
static const DevField state[] = {
    PCI_ROWS(Ahci),          DEV_FIELD(Ahci, ghc), DEV_FIELD(Ahci, is), DEV_FIELD(Ahci, index),
    DEV_FIELD(Ahci, raised), PORT_ROWS(port[0]),   PORT_ROWS(port[1]),  PORT_ROWS(port[2]),
    PORT_ROWS(port[3]),      PORT_ROWS(port[4]),   PORT_ROWS(port[5]),
};

const DevClass ich9_ahci_class = {
    .name = "ich9-ahci",
    .help = "SATA controller (AHCI)",
    .version = 2,
    .bus = "pci",
    DEV_TABLES(Ahci, props, state),
    .realize = ahci_realize,
    .reset = ahci_reset,
    .loaded = ahci_loaded,
    .clear = ahci_clear,
};
