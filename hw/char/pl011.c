/* The UART of ARM DDI 0183 (r1p5 with the FIFOs of 16 of earlier revisions, which the identification says).
 * Transmission takes no time, so that the transmit FIFO is always empty and its interrupt is raised by each
 * write. The receive time-out comes at once. It sends and receives also where UARTEN is off: programs for
 * machines without hardware depend on it. No break, no modem lines, no DMA. */
#include "hw/char/pl011.h"
#include "hw/char/uart.h"

enum {
    DR = 0x00,
    RSR_ECR = 0x04,
    FR = 0x18,
    ILPR = 0x20,
    IBRD = 0x24,
    FBRD = 0x28,
    LCR_H = 0x2c,
    CR = 0x30,
    IFLS = 0x34,
    IMSC = 0x38,
    RIS = 0x3c,
    MIS = 0x40,
    ICR = 0x44,
    DMACR = 0x48,
    ID = 0xfe0,
    FIFO_SIZE = 16,
};
enum { FR_CTS = 1, FR_DSR = 2, FR_DCD = 4, FR_RXFE = 0x10, FR_RXFF = 0x40, FR_TXFE = 0x80 };
enum { INT_RX = 0x10, INT_TX = 0x20, INT_RT = 0x40, INT_OE = 0x400, INT_ALL = 0x7ff };
enum { LCR_FEN = 0x10, CR_LBE = 0x80, CR_RESET = 0x300, IFLS_RESET = 0x12, DR_OE = 0x800, RSR_OE = 8 };

typedef struct Pl011 {
    Uart base;
    DEV_STATE_BEGIN
    uint32_t lcr, cr, ifls, imsc, ris, ilpr, ibrd, fbrd, dmacr, rsr;
    uint16_t rx[FIFO_SIZE]; /* a character and its error bits */
    uint8_t n_rx, overrun;  /* overrun: of what comes next */
    DEV_STATE_END
} Pl011;

static unsigned depth(const Pl011 *u) { return u->lcr & LCR_FEN ? FIFO_SIZE : 1; }
static unsigned room(const Pl011 *u) { return u->n_rx < depth(u) ? depth(u) - u->n_rx : 0; }

/* Characters at which the receive interrupt comes. */
static unsigned trigger(const Pl011 *u)
{
    static const uint8_t level[8] = {2, 4, 8, 12, 14, 14, 14, 14};
    return u->lcr & LCR_FEN ? level[u->ifls >> 3 & 7] : 1;
}

static void update_irq(const Pl011 *u) { irq_set(u->base.irq, (u->ris & u->imsc) != 0); }

static void push_rx(Pl011 *u, uint8_t c)
{
    if (!room(u)) {
        u->overrun = 1;
        u->ris |= INT_OE;
        return;
    }
    u->rx[u->n_rx++] = (uint16_t)(c | (u->overrun ? DR_OE : 0));
    u->overrun = 0;
    u->ris |= u->n_rx >= trigger(u) ? INT_RX : INT_RT;
}

static uint32_t pop_rx(Pl011 *u)
{
    uint32_t c = u->rx[0];
    if (!u->n_rx)
        return 0;
    u->n_rx--;
    memmove(u->rx, u->rx + 1, sizeof(u->rx) - sizeof(u->rx[0]));
    u->rx[FIFO_SIZE - 1] = 0;
    u->rsr = c >> 8;
    if (u->n_rx < trigger(u)) {
        if ((u->ris & INT_RX) && u->n_rx)
            u->ris |= INT_RT; /* what is left would wait for its time-out */
        u->ris &= ~(uint32_t)INT_RX;
    }
    if (!u->n_rx)
        u->ris &= ~(uint32_t)INT_RT;
    uart_taken(&u->base);
    return c;
}

static void transmit(Pl011 *u, uint8_t c)
{
    if (u->cr & CR_LBE)
        push_rx(u, c);
    else if (u->base.chardev)
        u->base.chardev->write(u->base.chardev->backend, &c, 1);
    u->ris |= INT_TX;
}

static uint32_t read_flags(const Pl011 *u)
{
    return FR_CTS | FR_DSR | FR_DCD | FR_TXFE | (u->n_rx ? 0u : FR_RXFE) | (room(u) ? 0u : FR_RXFF);
}

static uint64_t uart_read(void *dev, uint64_t offset, unsigned size)
{
    static const uint8_t id[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    Pl011 *u = dev;
    uint32_t v = 0;
    if (offset >= ID && offset < ID + 4 * sizeof(id))
        return id[(offset - ID) / 4];
    switch (offset) {
    case DR: v = pop_rx(u); break;
    case RSR_ECR: v = u->rsr; break;
    case FR: v = read_flags(u); break;
    case ILPR: v = u->ilpr; break;
    case IBRD: v = u->ibrd; break;
    case FBRD: v = u->fbrd; break;
    case LCR_H: v = u->lcr; break;
    case CR: v = u->cr; break;
    case IFLS: v = u->ifls; break;
    case IMSC: v = u->imsc; break;
    case RIS: v = u->ris; break;
    case MIS: v = u->ris & u->imsc; break;
    case DMACR: v = u->dmacr; break;
    default: break;
    }
    update_irq(u);
    return v;
}

static void write_lcr(Pl011 *u, uint32_t v)
{
    if ((u->lcr ^ v) & LCR_FEN) { /* FIFOs begin empty */
        u->n_rx = 0;
        memset(u->rx, 0, sizeof(u->rx));
        u->ris &= ~(uint32_t)(INT_RX | INT_RT);
    }
    u->lcr = v & 0xff;
}

static void uart_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    Pl011 *u = dev;
    uint32_t v = (uint32_t)value;
    switch (offset) {
    case DR: transmit(u, (uint8_t)v); break;
    case RSR_ECR: u->rsr = 0; break;
    case ILPR: u->ilpr = v & 0xff; break;
    case IBRD: u->ibrd = v & 0xffff; break;
    case FBRD: u->fbrd = v & 0x3f; break;
    case LCR_H: write_lcr(u, v); break;
    case CR: u->cr = v & 0xff87; break;
    case IFLS: u->ifls = v & 0x3f; break;
    case IMSC: u->imsc = v & INT_ALL; break;
    case ICR: u->ris &= ~v; break;
    case DMACR: u->dmacr = v & 7; break;
    default: break; /* FR, RIS and MIS are read-only */
    }
    update_irq(u);
}

static unsigned uart_room(const Uart *u) { return room((const Pl011 *)u); }
static bool uart_listens(const Uart *base)
{
    const Pl011 *u = (const Pl011 *)base;
    return !(u->cr & CR_LBE);
}
static void uart_receive(Uart *u, uint8_t c) { push_rx((Pl011 *)u, c); }
static void uart_settle(Uart *u) { update_irq((Pl011 *)u); }
static const UartOps receiver = {uart_room, uart_listens, uart_receive, uart_settle};

static const MmioOps ops = {.read = uart_read, .write = uart_write, .min = 1, .max = 4};

static bool uart_realize(Device *dev, DevError *err)
{
    dev_add_mmio(dev, "pl011", &ops, 0x1000);
    uart_attach((Uart *)dev, &receiver);
    return true;
}

static void uart_reset(Device *dev)
{
    Pl011 *u = (Pl011 *)dev;
    memset((char *)u + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    u->cr = CR_RESET;
    u->ifls = IFLS_RESET;
    update_irq(u);
}

static bool uart_loaded(Device *dev, DevError *err)
{
    const Pl011 *u = (const Pl011 *)dev;
    if (u->n_rx > FIFO_SIZE)
        return dev_fail(err, "a serial port with %u characters in its FIFO", u->n_rx);
    update_irq(u);
    return true;
}

static const DevProp props[] = {
    {"chardev", "back end", offsetof(Pl011, base.chardev), PROP_PTR, sizeof(void *), 0},
    {"irq", "interrupt line", offsetof(Pl011, base.irq), PROP_PTR, sizeof(void *), 0},
};
static const DevField state[] = {
    DEV_FIELD(Pl011, lcr),  DEV_FIELD(Pl011, cr),   DEV_FIELD(Pl011, ifls),  DEV_FIELD(Pl011, imsc),
    DEV_FIELD(Pl011, ris),  DEV_FIELD(Pl011, ilpr), DEV_FIELD(Pl011, ibrd),  DEV_FIELD(Pl011, fbrd),
    DEV_FIELD(Pl011, dmacr), DEV_FIELD(Pl011, rsr), DEV_ARRAY(Pl011, rx),    DEV_FIELD(Pl011, n_rx),
    DEV_FIELD(Pl011, overrun),
};

const DevClass pl011_class = {
    .name = "pl011", .help = "PrimeCell serial port", .version = 1,
    DEV_TABLES(Pl011, props, state),
    .realize = uart_realize, .reset = uart_reset, .loaded = uart_loaded,
};
