/* Intel 8237A. */
#include "hw/misc/i8237.h"
#include "hw/core/dev_impl.h"

enum {
    CHIPS = 2,
    CHANNELS = 4,
    PAGES = 15,
    STATUS = 8,
    REQUEST = 9,
    MASK = 10,
    MODE = 11,
    FLIP_FLOP = 12,
    CLEAR = 13,
    UNMASK_ALL = 14,
    MASK_ALL = 15
};

typedef struct Dma {
    Device dev;
    DEV_STATE_BEGIN
    uint16_t address[CHIPS * CHANNELS], count[CHIPS * CHANNELS];
    uint8_t mode[CHIPS * CHANNELS], page[PAGES];
    uint8_t command[CHIPS], status[CHIPS], mask[CHIPS], high[CHIPS]; /* high: the byte that comes next */
    DEV_STATE_END
} Dma;

static void clear_chip(Dma *d, unsigned chip)
{
    d->command[chip] = d->status[chip] = d->high[chip] = 0;
    d->mask[chip] = 15;
}

static uint8_t read_chip(Dma *d, unsigned chip, unsigned at)
{
    if (at == STATUS)
        return d->status[chip];
    if (at == MASK_ALL)
        return d->mask[chip] | 0xf0;
    if (at >= STATUS)
        return 0;
    const unsigned n = chip * CHANNELS + at / 2;
    const uint16_t v = at & 1 ? d->count[n] : d->address[n];
    d->high[chip] ^= 1;
    return (uint8_t)(d->high[chip] ? v : v >> 8);
}

static void write_half(Dma *d, unsigned chip, uint16_t *to, uint8_t v)
{
    *to = d->high[chip] ? (uint16_t)((*to & 0xff) | v << 8) : (uint16_t)((*to & 0xff00) | v);
    d->high[chip] ^= 1;
}

static void write_chip(Dma *d, unsigned chip, unsigned at, uint8_t v)
{
    const unsigned n = chip * CHANNELS + at / 2, bit = 1u << (v & 3);
    switch (at) {
    case STATUS: d->command[chip] = v; break;
    case REQUEST:
        d->status[chip] = (uint8_t)(v & 4 ? d->status[chip] | bit << 4 : d->status[chip] & ~(bit << 4));
        break;
    case MASK: d->mask[chip] = (uint8_t)(v & 4 ? d->mask[chip] | bit : d->mask[chip] & ~bit); break;
    case MODE: d->mode[chip * CHANNELS + (v & 3)] = v; break;
    case FLIP_FLOP: d->high[chip] = 0; break;
    case CLEAR: clear_chip(d, chip); break;
    case UNMASK_ALL: d->mask[chip] = 0; break;
    case MASK_ALL: d->mask[chip] = v & 15; break;
    default: write_half(d, chip, at & 1 ? &d->count[n] : &d->address[n], v);
    }
}

static uint64_t low_read(void *dev, uint64_t at, unsigned size)
{
    return read_chip(dev, 0, (unsigned)at);
}
static void low_write(void *dev, uint64_t at, uint64_t v, unsigned size)
{
    write_chip(dev, 0, (unsigned)at, (uint8_t)v);
}
static uint64_t high_read(void *dev, uint64_t at, unsigned size)
{
    return read_chip(dev, 1, (unsigned)at / 2);
}
static void high_write(void *dev, uint64_t at, uint64_t v, unsigned size)
{
    write_chip(dev, 1, (unsigned)at / 2, (uint8_t)v);
}
static uint64_t page_read(void *dev, uint64_t at, unsigned size)
{
    return ((Dma *)dev)->page[at];
}
static void page_write(void *dev, uint64_t at, uint64_t v, unsigned size)
{
    ((Dma *)dev)->page[at] = (uint8_t)v;
}

static const MmioOps low_ops = {.read = low_read, .write = low_write, .min = 1, .max = 1};
static const MmioOps high_ops = {.read = high_read, .write = high_write, .min = 1, .max = 1};
static const MmioOps page_ops = {.read = page_read, .write = page_write, .min = 1, .max = 1};

static bool dma_realize(Device *dev, DevError *err)
{
    dev_add_mmio(dev, "dma", &low_ops, 16);
    dev_add_mmio(dev, "dma-page", &page_ops, PAGES);
    dev_add_mmio(dev, "dma2", &high_ops, 32);
    return true;
}

static void dma_reset(Device *dev)
{
    memset((char *)dev + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    clear_chip((Dma *)dev, 0);
    clear_chip((Dma *)dev, 1);
}

static const DevField state[] = {
    DEV_ARRAY(Dma, address), DEV_ARRAY(Dma, count),  DEV_ARRAY(Dma, mode), DEV_ARRAY(Dma, page),
    DEV_ARRAY(Dma, command), DEV_ARRAY(Dma, status), DEV_ARRAY(Dma, mask), DEV_ARRAY(Dma, high),
};

const DevClass i8237_class = {
    .name = "i8237",
    .help = "DMA controllers",
    .version = 1,
    .size = sizeof(Dma),
    .state_begin = offsetof(Dma, state_begin),
    .state_end = offsetof(Dma, state_end),
    .state = state,
    .n_state = ARRAY_SIZE(state),
    .realize = dma_realize,
    .reset = dma_reset,
};
