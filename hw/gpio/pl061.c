/* The GPIO of ARM DDI 0190. Address bits 9:2 of the data register mask its bits. Pins are pulled down. */
#include "hw/gpio/pl061.h"
#include "hw/core/dev_impl.h"

enum {
    DATA_END = 0x400,
    DIR = 0x400,
    IS = 0x404,
    IBE = 0x408,
    IEV = 0x40c,
    IE = 0x410,
    RIS = 0x414,
    MIS = 0x418,
    IC = 0x41c,
    AFSEL = 0x420,
    ID = 0xfe0,
};

typedef struct Pl061 {
    Device dev;
    const IrqLine *irq, *out;
    DEV_STATE_BEGIN
    uint8_t data, dir, is, ibe, iev, ie, edges, afsel; /* data: what was written; edges: seen, not cleared */
    uint8_t in;     /* what drives the pins from outside */
    uint8_t level;  /* of the pins when last looked at */
    DEV_STATE_END
} Pl061;

static uint8_t pins(const Pl061 *g) { return (uint8_t)((g->data & g->dir) | (g->in & ~g->dir)); }

/* Raw interrupts: levels as they are, edges as they were. */
static uint8_t raw(const Pl061 *g)
{
    uint8_t level = (uint8_t)~(pins(g) ^ g->iev) & g->is;
    return (uint8_t)(level | (g->edges & ~g->is));
}

static void update(Pl061 *g)
{
    uint8_t now = pins(g), changed = now ^ g->level;
    g->edges |= changed & (uint8_t)~g->is & (uint8_t)(g->ibe | ~(now ^ g->iev));
    for (unsigned n = 0; n < PL061_PINS && g->out; n++)
        if (changed >> n & 1 && g->dir >> n & 1)
            irq_set(&g->out[n], now >> n & 1);
    g->level = now;
    irq_set(g->irq, (raw(g) & g->ie) != 0);
}

static void set_pin(void *receiver, unsigned n, bool level)
{
    Pl061 *g = receiver;
    lock_take(&g->dev.lock);
    g->in = (uint8_t)(level ? g->in | 1u << n : g->in & ~(1u << n));
    update(g);
    lock_release(&g->dev.lock);
}

IrqLine pl061_pin(Device *gpio, unsigned pin)
{
    return (IrqLine){.set = set_pin, .receiver = gpio, .n = pin};
}

static uint64_t gpio_read(void *dev, uint64_t offset, unsigned size)
{
    static const uint8_t id[8] = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    const Pl061 *g = dev;
    if (offset < DATA_END)
        return pins(g) & offset >> 2;
    if (offset >= ID && offset < ID + 4 * sizeof(id))
        return id[(offset - ID) / 4];
    switch (offset) {
    case DIR: return g->dir;
    case IS: return g->is;
    case IBE: return g->ibe;
    case IEV: return g->iev;
    case IE: return g->ie;
    case RIS: return raw(g);
    case MIS: return raw(g) & g->ie;
    case AFSEL: return g->afsel;
    default: return 0;
    }
}

static void gpio_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    Pl061 *g = dev;
    uint8_t v = (uint8_t)value, mask = (uint8_t)(offset >> 2);
    if (offset < DATA_END)
        g->data = (uint8_t)((g->data & ~mask) | (v & mask));
    switch (offset) {
    case DIR: g->dir = v; break;
    case IS: g->is = v; break;
    case IBE: g->ibe = v; break;
    case IEV: g->iev = v; break;
    case IE: g->ie = v; break;
    case IC: g->edges &= (uint8_t)~v; break;
    case AFSEL: g->afsel = v; break;
    default: break;
    }
    update(g);
}

static const MmioOps ops = {.read = gpio_read, .write = gpio_write, .min = 1, .max = 4};

static bool gpio_realize(Device *dev, DevError *err)
{
    dev_add_mmio(dev, "pl061", &ops, 0x1000);
    return true;
}

/* What drives the pins from outside goes on to. */
static void gpio_reset(Device *dev)
{
    Pl061 *g = (Pl061 *)dev;
    g->data = g->dir = g->is = g->ibe = g->iev = g->ie = g->afsel = 0;
    update(g);
    g->edges = 0;
    update(g);
}

static bool gpio_loaded(Device *dev, DevError *err)
{
    Pl061 *g = (Pl061 *)dev;
    g->level = pins(g);
    for (unsigned n = 0; n < PL061_PINS && g->out; n++)
        if (g->dir >> n & 1)
            irq_set(&g->out[n], g->level >> n & 1);
    update(g);
    return true;
}

static const DevProp props[] = {
    DEV_PTR(Pl061, irq, "interrupt line"),
    DEV_PTR(Pl061, out, "a line for each pin that is an output"),
};
static const DevField state[] = {
    DEV_FIELD(Pl061, data), DEV_FIELD(Pl061, dir), DEV_FIELD(Pl061, is),    DEV_FIELD(Pl061, ibe),
    DEV_FIELD(Pl061, iev),  DEV_FIELD(Pl061, ie),  DEV_FIELD(Pl061, edges), DEV_FIELD(Pl061, afsel),
    DEV_FIELD(Pl061, in),   DEV_FIELD(Pl061, level),
};

const DevClass pl061_class = {
    .name = "pl061", .help = "PrimeCell pins", .version = 1,
    DEV_TABLES(Pl061, props, state),
    .realize = gpio_realize, .reset = gpio_reset, .loaded = gpio_loaded,
};
