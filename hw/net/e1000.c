/* Registers, interrupts, reset, the device. An interrupt comes at once, unless the one before it was sooner
 * than the register of its rate allows; then a timer sends it. */
#include "hw/net/e1000_priv.h"

#include <stdlib.h>

enum { BAR_REGISTERS = 0, BAR_FLASH = 1, BAR_PORTS = 2, BAR_PORTS_OLD = 1, BAR_MSIX = 3 };
enum { BYTES = 0x20000, PORT_BYTES = 0x20, PORT_BYTES_OLD = 0x40, ALL = E1000_VECTORS };
enum { EXT_AUTO_MASK = 1 << 27, EXT_EXTENDED_AUTO_MASK = 1 << 24, RATE_NS = 256 };
#define ICR_ASSERTED 0x80000000u
#define OTHER_CAUSES ((uint32_t)(CAUSE_LSC | CAUSE_MDAC | CAUSE_RXO))

bool e1000_link(const E1000 *e)
{
    return e->reg[R_STATUS / 4] & STATUS_LINK;
}

void e1000_count(E1000 *e, unsigned at, uint64_t n)
{
    const bool wide = at == R_GORC || at == R_GOTC || at == R_TORC || at == R_TOTC;
    uint32_t *low = e1000_reg(e, at);
    const uint64_t sum = *low + n;
    *low = (uint32_t)sum;
    if (wide)
        low[1] += (uint32_t)(sum >> 32);
}

/* ---- interrupts ---- */

/* May one come now? If not, the timer sees to it. */
static bool may_send(E1000 *e, unsigned which, unsigned rate_at)
{
    const uint64_t now = clock_now(e->f.dev.clock);
    if (now < e->quiet_until[which]) {
        if (!e->timer[which].set)
            timer_set(e->f.dev.clock, &e->timer[which], e->quiet_until[which]);
        return false;
    }
    e->quiet_until[which] = now + (uint64_t)(e->reg[rate_at / 4] & 0xffff) * RATE_NS;
    return true;
}

/* MSI-X: IVAR leads causes to vectors. A message takes the causes away that EIAC names, and their masks where
 * that was asked for. */
static void show_vectors(E1000 *e)
{
    static const struct {
        uint32_t cause;
        uint8_t shift;
    } rows[] = {{CAUSE_RXQ0, 0}, {CAUSE_TXQ0, 8}, {CAUSE_OTHER, 16}};
    uint32_t *icr = e1000_reg(e, R_ICR), *ims = e1000_reg(e, R_IMS);
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++) {
        const unsigned entry = e->reg[R_IVAR / 4] >> rows[k].shift & 15, vector = entry & 7;
        if (!(*icr & *ims & rows[k].cause) || !(entry & 8) || vector >= E1000_VECTORS ||
            !may_send(e, vector, R_EITR + 4 * vector))
            continue;
        const uint32_t automatic = rows[k].cause & e->reg[R_EIAC / 4];
        pci_msix_send(&e->f, vector);
        *icr &= ~automatic;
        if (e->reg[R_CTRL_EXT / 4] & EXT_EXTENDED_AUTO_MASK)
            *ims &= ~(automatic & e->reg[R_IAM / 4]);
    }
}

/* tell: something new has happened. */
static void show_interrupts(E1000 *e, bool tell)
{
    uint32_t *icr = e1000_reg(e, R_ICR);
    const uint32_t ims = e->reg[R_IMS / 4];
    if (e->express && *icr & ims & OTHER_CAUSES)
        *icr |= CAUSE_OTHER;
    const bool level = *icr & ims & ~ICR_ASSERTED;
    *icr = level ? *icr | ICR_ASSERTED : *icr & ~ICR_ASSERTED;
    if (pci_msix_on(&e->f)) {
        e->raised = 0;
        pci_set_intx(&e->f, false);
        show_vectors(e);
        return;
    }
    if (level && (!e->raised || (tell && pci_msi_on(&e->f))) && !may_send(e, ALL, R_ITR))
        return;
    if (level && pci_msi_on(&e->f) && (tell || !e->raised))
        pci_msi_send(&e->f);
    e->raised = level;
    pci_set_intx(&e->f, level && !pci_msi_on(&e->f));
}

void e1000_raise(E1000 *e, uint32_t causes)
{
    *e1000_reg(e, R_ICR) |= causes;
    show_interrupts(e, causes & e->reg[R_IMS / 4]);
}

static void rate_over(void *opaque)
{
    show_interrupts(opaque, true);
}

static uint32_t read_icr(E1000 *e)
{
    uint32_t *icr = e1000_reg(e, R_ICR), *ims = e1000_reg(e, R_IMS);
    const uint32_t v = *icr;
    if (!e->express || v & ICR_ASSERTED || !*ims) {
        if (e->express && v & ICR_ASSERTED && e->reg[R_CTRL_EXT / 4] & EXT_AUTO_MASK)
            *ims &= ~e->reg[R_IAM / 4];
        *icr = 0;
    }
    show_interrupts(e, false);
    return v;
}

/* ---- reset, link ---- */

static void show_link(E1000 *e)
{
    uint32_t *status = e1000_reg(e, R_STATUS);
    const uint32_t ctrl = e->reg[R_CTRL / 4];
    const bool up = !e->link_down && ctrl & CTRL_LINK_UP, was = *status & STATUS_LINK;
    *status =
        STATUS_DUPLEX | STATUS_1000 | (up ? STATUS_LINK : 0) | (ctrl & CTRL_MASTER_OFF ? 0 : STATUS_MASTER);
    if (up != was)
        e1000_raise(e, CAUSE_LSC);
}

/* By CTRL, too: what the EEPROM has says the address again. */
static void reset_registers(E1000 *e)
{
    enum { LEDS = 0x0e00, RXDCTL = 0x2828, ADDRESS_VALID = 31 };
    static const struct {
        uint16_t at;
        uint32_t value;
    } first[] = {{R_CTRL, 0x00140240}, {R_PBA, 0x00140014}, {R_EEMNGCTL, 0x000c0000},
                 {R_VET, 0x8100},      {LEDS, 0x07061302},  {RXDCTL, 0x01010000}};
    const uint32_t eecd = e->reg[R_EECD / 4];
    memset(e->reg, 0, sizeof(e->reg));
    for (unsigned k = 0; k < ARRAY_SIZE(first); k++)
        *e1000_reg(e, first[k].at) = first[k].value;
    *e1000_reg(e, R_EECD) = eecd;
    memcpy(&e->reg[R_RA / 4], e->eeprom, E1000_MAC);
    e->reg[R_RA / 4 + 1] |= 1u << ADDRESS_VALID;
    memset(e->context, 0, sizeof(e->context));
    memset(e->quiet_until, 0, sizeof(e->quiet_until));
    for (unsigned k = 0; k < E1000_LIMITS; k++)
        timer_cancel(e->f.dev.clock, &e->timer[k]);
    e->sent = 0;
    if (e->waits && e->netdev && e->netdev->more)
        e->netdev->more(e->netdev->backend); /* what it keeps for the card is lost, and the next may come */
    e->waits = 0;
    show_link(e);
    *e1000_reg(e, R_ICR) = 0;
    show_interrupts(e, false);
}

/* ---- registers ---- */

static void write_tail(E1000 *e, unsigned at, uint32_t v)
{
    *e1000_reg(e, at) = v & 0xffff;
    if (at == R_TDT) {
        e1000_send_all(e);
    } else if (e->waits && e->netdev && e->netdev->more) {
        e->waits = 0;
        e->netdev->more(e->netdev->backend);
    }
}

static void write_ctrl(E1000 *e, uint32_t v)
{
    enum { PHY_RESET = 1u << 31 };
    if (v & CTRL_RESET) {
        reset_registers(e);
        return;
    }
    if (v & PHY_RESET)
        e1000_phy_reset(e);
    *e1000_reg(e, R_CTRL) = v & ~(uint32_t)PHY_RESET;
    show_link(e);
}

static void write_interrupts(E1000 *e, unsigned at, uint32_t v)
{
    uint32_t *icr = e1000_reg(e, R_ICR), *ims = e1000_reg(e, R_IMS);
    v &= ~ICR_ASSERTED;
    switch (at) {
    case R_ICR: *icr &= ~v; break;
    case R_ICS: *icr |= v; break;
    case R_IMS: *ims |= v; break;
    case R_IMC: *ims &= ~v; break;
    default: break;
    }
    show_interrupts(e, at == R_ICS || at == R_IMS);
}

/* Some were at other places on the first cards of the family. */
static unsigned place_of(unsigned at)
{
    static const uint16_t old[][2] = {{0x0110, R_RDBAL}, {0x0114, R_RDBAH}, {0x0118, R_RDLEN},
                                      {0x0120, R_RDH},   {0x0128, R_RDT},   {0x0420, R_TDBAL},
                                      {0x0424, R_TDBAH}, {0x0428, R_TDLEN}, {0x0430, R_TDH},
                                      {0x0438, R_TDT},   {0x0004, R_CTRL}};
    for (unsigned k = 0; k < ARRAY_SIZE(old); k++)
        if (old[k][0] == at)
            return old[k][1];
    return at;
}

static void set_register(E1000 *e, unsigned at, uint32_t v)
{
    switch (at) {
    case R_CTRL: write_ctrl(e, v); return;
    case R_STATUS: return;
    case R_EECD: e1000_write_eecd(e, v); return;
    case R_EERD: e1000_write_eerd(e, v); return;
    case R_MDIC: e1000_write_mdic(e, v); return;
    case R_ICR:
    case R_ICS:
    case R_IMS:
    case R_IMC: write_interrupts(e, at, v); return;
    case R_RDT:
    case R_TDT: write_tail(e, at, v); return;
    case R_RDH:
    case R_TDH: v &= 0xffff; break;
    case R_EEMNGCTL: return;
    default: break;
    }
    if (at >= R_STATS && at < R_STATS_END)
        return;
    *e1000_reg(e, at) = v;
    if (at == R_TDLEN || at == R_TDBAL || at == R_TDH)
        e->sent = 0;
    if (at == R_TCTL)
        e1000_send_all(e);
    if (at == R_RCTL)
        write_tail(e, R_RDT, e->reg[R_RDT / 4]);
    if (at == R_IVAR || at == R_EIAC)
        show_interrupts(e, false);
}

static uint64_t e1000_read(void *dev, uint64_t offset, unsigned size)
{
    enum { LOCK = 1 };
    E1000 *e = dev;
    const unsigned at = place_of((unsigned)offset & ~3u);
    if (at >= E1000_REGISTERS)
        return 0;
    uint32_t *r = e1000_reg(e, at), v = *r;
    if (at == R_ICR)
        v = read_icr(e);
    else if (at == R_ICS || at == R_IMC)
        v = 0;
    else if (at >= R_STATS && at < R_STATS_END)
        *r = 0; /* counters begin again */
    else if (at == R_SWSM)
        *r |= LOCK; /* who reads it as 0 has it */
    return v >> 8 * (offset & 3);
}

static void e1000_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    const unsigned at = place_of((unsigned)offset);
    if (at < E1000_REGISTERS && !(at & 3))
        set_register(dev, at, (uint32_t)value);
}

static const MmioOps ops = {.read = e1000_read, .write = e1000_write, .min = 1, .max = 4};

/* ---- the same by an index ---- */

static uint64_t port_read(void *dev, uint64_t at, unsigned size)
{
    const E1000 *e = dev;
    return at == 0 ? e->index : at == 4 ? e1000_read(dev, e->index, 4) : 0;
}
static void port_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    E1000 *e = dev;
    if (at == 0)
        e->index = (uint32_t)value & (BYTES - 4);
    else if (at == 4)
        e1000_write(dev, e->index, value, 4);
}
static const MmioOps port_ops = {.read = port_read, .write = port_write, .min = 4, .max = 4};

/* Nobody has put any flash there. */
static uint64_t flash_read(void *dev, uint64_t at, unsigned size)
{
    return ~0ull;
}
static void flash_write(void *dev, uint64_t at, uint64_t value, unsigned size) {}
static const MmioOps flash_ops = {.read = flash_read, .write = flash_write, .min = 1, .max = 4};

/* ---- the network ---- */

static bool net_receive(void *device, const uint8_t *frame, size_t n)
{
    E1000 *e = device;
    lock_take(e->f.lock);
    const bool taken = e1000_receive(e, frame, n);
    lock_release(e->f.lock);
    return taken;
}

static void net_room(void *device)
{
    E1000 *e = device;
    lock_take(e->f.lock);
    e1000_send_all(e);
    lock_release(e->f.lock);
}

bool e1000_is(const Device *d)
{
    return d->cls == &e1000_class || d->cls == &e1000e_class;
}

void e1000_set_link(Device *d, bool up)
{
    E1000 *e = (E1000 *)d;
    lock_take(e->f.lock);
    e->link_down = !up;
    show_link(e);
    lock_release(e->f.lock);
}

/* ---- the device ---- */

static void config_written(PciFunction *f, unsigned at, unsigned size)
{
    E1000 *e = (E1000 *)f;
    show_interrupts(e, false); /* the ways of messages may have changed */
    if (at == PCI_COMMAND && pci_is_master(f)) {
        e1000_send_all(e);
        write_tail(e, R_RDT, e->reg[R_RDT / 4]);
    }
}

static bool e1000_realize(Device *dev, DevError *err)
{
    static const PciIds old = {0x8086, 0x100e, 0x1af4, 0x1100, 0x020000, 3},
                        new = {0x8086, 0x10d3, 0x8086, 0x0000, 0x020000, 0};
    E1000 *e = (E1000 *)dev;
    e->express = dev->cls == &e1000e_class;
    if (!net_parse_mac(e->mac[0] ? e->mac : "52:54:00:12:34:56", e->given_address) || e->given_address[0] & 1)
        return dev_fail(err, "%s: '%s' is no address of a card", dev->cls->name, e->mac);
    if (!pci_init(&e->f, &e->p, e->express ? &new : &old, NULL, err))
        return false;
    e->frame = malloc(E1000_TX_MOST);
    e->segment = malloc(2 * NET_FRAME_MAX);
    if (!e->frame || !e->segment)
        return dev_fail(err, "no memory");
    for (unsigned k = 0; k < E1000_LIMITS; k++)
        e->timer[k] = (Timer){.fire = rate_over, .opaque = e, .lock = e->f.lock};
    pci_shape(&e->f, PCI_INTERRUPT_PIN, 1, 1, 0);
    pci_add_bar(&e->f, BAR_REGISTERS, BYTES, 0, &ops, e);
    if (e->express) {
        pci_add_bar(&e->f, BAR_FLASH, BYTES, 0, &flash_ops, e);
        pci_want_msi(&e->f);
        pci_want_msix(&e->f, BAR_MSIX, E1000_VECTORS);
    }
    pci_add_bar(&e->f, e->express ? BAR_PORTS : BAR_PORTS_OLD, e->express ? PORT_BYTES : PORT_BYTES_OLD,
                PCI_BAR_IO, &port_ops, e);
    e->f.conventional = !e->express;
    e->f.written = config_written;
    if (e->netdev) {
        e->netdev->receive = net_receive;
        e->netdev->room = net_room;
        e->netdev->device = e;
    }
    return true;
}

static void e1000_reset(Device *dev)
{
    E1000 *e = (E1000 *)dev;
    pci_reset(&e->f);
    e1000_nvm_reset(e);
    e1000_phy_reset(e);
    e->index = e->wire = e->wire_out = 0;
    e->wire_bits = e->wire_left = e->raised = 0;
    reset_registers(e);
}

static bool e1000_loaded(Device *dev, DevError *err)
{
    E1000 *e = (E1000 *)dev;
    e->index &= BYTES - 4;
    if (!pci_check(&e->f, err))
        return false;
    if (e->wire_bits > 8 || e->wire_left > 16)
        return dev_fail(err, "%s: the EEPROM's wire", dev->id);
    for (unsigned k = 0; k < E1000_LIMITS; k++) {
        timer_cancel(dev->clock, &e->timer[k]);
        if (clock_now(dev->clock) < e->quiet_until[k])
            timer_set(dev->clock, &e->timer[k], e->quiet_until[k]);
    }
    if (e->netdev && e->netdev->more)
        e->netdev->more(e->netdev->backend); /* it may have a frame that the card of before had no room for */
    return true;
}

static void e1000_clear(Device *dev)
{
    E1000 *e = (E1000 *)dev;
    for (unsigned k = 0; k < E1000_LIMITS && dev->clock; k++)
        timer_cancel(dev->clock, &e->timer[k]);
    if (e->netdev)
        e->netdev->device = NULL;
    free(e->frame);
    free(e->segment);
    pci_clear(&e->f);
}

static const DevProp props[] = {PCI_PROPS(E1000), DEV_TEXT(E1000, mac, "address"),
                                DEV_PTR(E1000, netdev, "back end")};
static const DevField state[] = {
    PCI_ROWS(E1000),
    DEV_ARRAY(E1000, reg),
    DEV_ARRAY(E1000, eeprom),
    DEV_ARRAY(E1000, phy),
    DEV_ARRAY(E1000, quiet_until),
    DEV_ARRAY(E1000, context[0]),
    DEV_ARRAY(E1000, context[1]),
    DEV_FIELD(E1000, index),
    DEV_FIELD(E1000, sent),
    DEV_FIELD(E1000, wire),
    DEV_FIELD(E1000, wire_out),
    DEV_FIELD(E1000, wire_bits),
    DEV_FIELD(E1000, wire_left),
    DEV_FIELD(E1000, waits),
    DEV_FIELD(E1000, raised),
};

const DevClass e1000_class = {
    .name = "e1000",
    .help = "Ethernet card (82540EM)",
    .rom = "efi-e1000.rom",
    .version = 1,
    .bus = "pci",
    DEV_TABLES(E1000, props, state),
    .realize = e1000_realize,
    .reset = e1000_reset,
    .loaded = e1000_loaded,
    .clear = e1000_clear,
};
const DevClass e1000e_class = {
    .name = "e1000e",
    .help = "Ethernet card (82574L)",
    .rom = "efi-e1000e.rom",
    .version = 1,
    .bus = "pci",
    DEV_TABLES(E1000, props, state),
    .realize = e1000_realize,
    .reset = e1000_reset,
    .loaded = e1000_loaded,
    .clear = e1000_clear,
};
