/* The 16550A as its data sheet has it (National Semiconductor PC16550D). Transmission takes no time: the line
 * is always ready. The character time-out that reports a FIFO below its trigger level comes at once. No
 * break, no errors on the line, but overrun. */
#include "hw/char/ns16550a.h"
#include "hw/char/uart.h"

enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR, REGISTERS, FIFO_SIZE = 16 };
enum { IER_RX = 1, IER_THRE = 2, IER_LSR = 4, IER_MSR = 8 };
enum { IIR_NONE = 1, IIR_MSR = 0, IIR_THRE = 2, IIR_RX = 4, IIR_LSR = 6, IIR_TIMEOUT = 12, IIR_FIFO = 0xc0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_LEVEL_SHIFT = 6 };
enum { LCR_DLAB = 0x80, MCR_LOOP = 0x10, LSR_DR = 1, LSR_OE = 2, LSR_THRE = 0x20, LSR_TEMT = 0x40 };
enum { MSR_CTS_DSR_DCD = 0xb0 };

typedef struct Ns16550a {
    Uart base;
    DEV_STATE_BEGIN
    uint8_t ier, fcr, lcr, mcr, lsr, scr;
    uint8_t thre_due;    /* the transmitter-empty interrupt is pending */
    uint8_t n_rx;
    uint8_t rx[FIFO_SIZE];
    uint16_t divisor;
    DEV_STATE_END
} Ns16550a;

static unsigned room(const Ns16550a *u)
{
    unsigned size = u->fcr & FCR_ENABLE ? FIFO_SIZE : 1;
    return u->n_rx < size ? size - u->n_rx : 0;
}

static unsigned pending(const Ns16550a *u)
{
    static const uint8_t level[4] = {1, 4, 8, 14};
    if ((u->ier & IER_LSR) && (u->lsr & LSR_OE))
        return IIR_LSR;
    if ((u->ier & IER_RX) && u->n_rx) {
        bool below = (u->fcr & FCR_ENABLE) && u->n_rx < level[u->fcr >> FCR_LEVEL_SHIFT];
        return below ? IIR_TIMEOUT : IIR_RX;
    }
    if ((u->ier & IER_THRE) && u->thre_due)
        return IIR_THRE;
    return IIR_NONE;
}

static void update_irq(const Ns16550a *u) { irq_set(u->base.irq, pending(u) != IIR_NONE); }

static void push_rx(Ns16550a *u, uint8_t c)
{
    if (!room(u)) {
        u->lsr |= LSR_OE;
        return;
    }
    u->rx[u->n_rx++] = c;
    u->lsr |= LSR_DR;
}

static uint8_t pop_rx(Ns16550a *u)
{
    uint8_t c = u->rx[0];
    if (!u->n_rx)
        return 0;
    memmove(u->rx, u->rx + 1, --u->n_rx);
    if (!u->n_rx)
        u->lsr &= (uint8_t)~LSR_DR;
    uart_taken(&u->base);
    return c;
}

static void transmit(Ns16550a *u, uint8_t c)
{
    if (u->mcr & MCR_LOOP)
        push_rx(u, c);
    else if (u->base.chardev)
        u->base.chardev->write(u->base.chardev->backend, &c, 1);
    u->thre_due = 1;
}

static uint8_t read_iir(Ns16550a *u)
{
    unsigned id = pending(u);
    if (id == IIR_THRE)
        u->thre_due = 0;
    return (uint8_t)(id | (u->fcr & FCR_ENABLE ? IIR_FIFO : 0));
}

static uint8_t read_lsr(Ns16550a *u)
{
    uint8_t v = u->lsr | LSR_THRE | LSR_TEMT;
    u->lsr &= (uint8_t)~LSR_OE;
    return v;
}

static uint64_t uart_read(void *dev, uint64_t offset, unsigned size)
{
    Ns16550a *u = dev;
    uint8_t v = 0;
    bool dlab = u->lcr & LCR_DLAB;
    switch (offset) {
    case RBR_THR: v = dlab ? (uint8_t)u->divisor : pop_rx(u); break;
    case IER: v = dlab ? (uint8_t)(u->divisor >> 8) : u->ier; break;
    case IIR_FCR: v = read_iir(u); break;
    case LCR: v = u->lcr; break;
    case MCR: v = u->mcr; break;
    case LSR: v = read_lsr(u); break;
    case MSR:
        v = u->mcr & MCR_LOOP ? (uint8_t)((u->mcr & 12) << 4 | (u->mcr & 2) << 3 | (u->mcr & 1) << 5)
                              : MSR_CTS_DSR_DCD;
        break;
    case SCR: v = u->scr; break;
    default: break;
    }
    update_irq(u);
    return v;
}

static void write_fcr(Ns16550a *u, uint8_t v)
{
    if (((u->fcr ^ v) & FCR_ENABLE) || (v & FCR_CLEAR_RX)) {
        u->n_rx = 0;
        u->lsr &= (uint8_t)~LSR_DR;
    }
    u->fcr = v & FCR_ENABLE ? v & (uint8_t)~(FCR_CLEAR_RX | FCR_CLEAR_TX) : 0;
}

static void uart_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    Ns16550a *u = dev;
    uint8_t v = (uint8_t)value;
    bool dlab = u->lcr & LCR_DLAB;
    switch (offset) {
    case RBR_THR:
        if (dlab)
            u->divisor = (uint16_t)((u->divisor & 0xff00) | v);
        else
            transmit(u, v);
        break;
    case IER:
        if (dlab) {
            u->divisor = (uint16_t)((u->divisor & 0xff) | v << 8);
            break;
        }
        if (!(u->ier & IER_THRE) && (v & IER_THRE))
            u->thre_due = 1; /* it is empty */
        u->ier = v & 15;
        break;
    case IIR_FCR: write_fcr(u, v); break;
    case LCR: u->lcr = v; break;
    case MCR: u->mcr = v & 0x1f; break;
    case SCR: u->scr = v; break;
    default: break; /* LSR and MSR are read-only */
    }
    update_irq(u);
}

static unsigned uart_room(const Uart *u) { return room((const Ns16550a *)u); }
static bool uart_listens(const Uart *base)
{
    const Ns16550a *u = (const Ns16550a *)base;
    return !(u->mcr & MCR_LOOP);
}
static void uart_receive(Uart *u, uint8_t c) { push_rx((Ns16550a *)u, c); }
static void uart_settle(Uart *u) { update_irq((Ns16550a *)u); }
static const UartOps receiver = {uart_room, uart_listens, uart_receive, uart_settle};

static const MmioOps ops = {.read = uart_read, .write = uart_write, .min = 1, .max = 1};

static bool uart_realize(Device *dev, DevError *err)
{
    dev_add_mmio(dev, "serial", &ops, 0x100);
    uart_attach((Uart *)dev, &receiver);
    return true;
}

static void uart_reset(Device *dev)
{
    Ns16550a *u = (Ns16550a *)dev;
    u->ier = u->fcr = u->lcr = u->mcr = u->lsr = u->scr = u->thre_due = u->n_rx = 0;
    u->divisor = 12;
    memset(u->rx, 0, sizeof(u->rx));
    update_irq(u);
}

static bool uart_loaded(Device *dev, DevError *err)
{
    const Ns16550a *u = (const Ns16550a *)dev;
    if (u->n_rx > FIFO_SIZE)
        return dev_fail(err, "a serial port with %u bytes in its FIFO", u->n_rx);
    update_irq(u);
    return true;
}

static const DevProp props[] = {
    {"chardev", "back end", offsetof(Ns16550a, base.chardev), PROP_PTR, sizeof(void *), 0},
    {"irq", "interrupt line", offsetof(Ns16550a, base.irq), PROP_PTR, sizeof(void *), 0},
};
static const DevField state[] = {
    DEV_FIELD(Ns16550a, ier), DEV_FIELD(Ns16550a, fcr), DEV_FIELD(Ns16550a, lcr), DEV_FIELD(Ns16550a, mcr),
    DEV_FIELD(Ns16550a, lsr), DEV_FIELD(Ns16550a, scr), DEV_FIELD(Ns16550a, thre_due),
        DEV_FIELD(Ns16550a, n_rx),
    DEV_ARRAY(Ns16550a, rx), DEV_FIELD(Ns16550a, divisor),
};

const DevClass ns16550a_class = {
    .name = "ns16550a", .help = "serial port with FIFOs", .version = 1,
    DEV_TABLES(Ns16550a, props, state),
    .realize = uart_realize, .reset = uart_reset, .loaded = uart_loaded,
};
