#include "hw/intc/arm_gicv2m.h"
#include "hw/core/dev_impl.h"

enum { MSI_TYPER = 8, MSI_IIDR = 0xfcc };

typedef struct Gicv2m {
    Device dev;
    uint32_t first, count;
    const IrqLine *lines;
    DEV_STATE_BEGIN
    DEV_STATE_END
} Gicv2m;

void arm_gicv2m_send(Device *frame, uint32_t data)
{
    const Gicv2m *d = (const Gicv2m *)frame;
    if (data < d->first || data - d->first >= d->count)
        return;
    irq_set(&d->lines[data - d->first], true);
    irq_set(&d->lines[data - d->first], false);
}

static uint64_t frame_read(void *dev, uint64_t offset, unsigned size)
{
    const Gicv2m *d = dev;
    return offset == MSI_TYPER ? d->first << 16 | d->count : offset == MSI_IIDR ? 0x43b : 0;
}

static void frame_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    if (offset == GICV2M_SETSPI)
        arm_gicv2m_send(dev, (uint32_t)value & 0x3ff);
}

static const MmioOps ops = {.read = frame_read, .write = frame_write, .min = 4, .max = 4};

static bool frame_realize(Device *dev, DevError *err)
{
    Gicv2m *d = (Gicv2m *)dev;
    if (d->count > GICV2M_MAX || d->first < 32)
        return dev_fail(err, "arm-gicv2m: %u interrupts from %u", d->count, d->first);
    lock_init(&dev->lock, LOCK_RANK_DEVICE);
    dev_add_mmio(dev, "gicv2m", &ops, 0x1000)->lock = NULL; /* has no state */
    return true;
}

static const DevProp props[] = {
    DEV_U32(Gicv2m, first, "number of the first interrupt", 80),
    DEV_U32(Gicv2m, count, "how many there are", GICV2M_MAX),
    DEV_PTR(Gicv2m, lines, "a line for each"),
};

const DevClass arm_gicv2m_class = {
    .name = "arm-gicv2m",
    .help = "messages as interrupts of a GICv2",
    .version = 1,
    .size = sizeof(Gicv2m),
    .state_begin = offsetof(Gicv2m, state_begin),
    .state_end = offsetof(Gicv2m, state_end),
    .props = props,
    .n_props = ARRAY_SIZE(props),
    .realize = frame_realize,
};
