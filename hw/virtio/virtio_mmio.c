#include "hw/virtio/virtio_mmio.h"

enum {
    MAGIC = 0x00,
    VERSION = 0x04,
    DEVICE_ID = 0x08,
    VENDOR_ID = 0x0c,
    FEATURES = 0x10,
    FEATURES_SEL = 0x14,
    DRIVER = 0x20,
    DRIVER_SEL = 0x24,
    QUEUE_SEL = 0x30,
    QUEUE_NUM_MAX = 0x34,
    QUEUE_NUM = 0x38,
    QUEUE_READY = 0x44,
    QUEUE_NOTIFY = 0x50,
    ISR = 0x60,
    ISR_ACK = 0x64,
    STATUS = 0x70,
    QUEUE_DESC = 0x80,
    QUEUE_DRIVER = 0x90,
    QUEUE_DEVICE = 0xa0,
    SHM_LEN = 0xb0,
    SHM_LEN_HIGH = 0xb4,
    SHM_BASE = 0xb8,
    SHM_BASE_HIGH = 0xbc,
    GENERATION = 0xfc,
    CONFIG = 0x100,
    SIZE = 0x1000,
};

typedef struct VirtioMmio {
    Device dev;
    const IrqLine *irq;
    VirtioDevice *device;
    DEV_STATE_BEGIN
    uint32_t features_sel, driver_sel, queue_sel;
    DEV_STATE_END
} VirtioMmio;

static void update_irq(void *transport, int what)
{
    const VirtioMmio *m = transport;
    (void)what;
    irq_set(m->irq, m->device->s->isr != 0);
}

static uint32_t half(uint64_t v, uint32_t which)
{
    return which == 0 ? (uint32_t)v : which == 1 ? (uint32_t)(v >> 32) : 0;
}

static uint32_t read_register(const VirtioMmio *m, uint64_t at)
{
    const VirtioDevice *v = m->device;
    const VirtioState *s = v->s;
    bool queue = m->queue_sel < virtio_queues(v);
    switch (at) {
    case FEATURES: return half(virtio_features(v), m->features_sel);
    case QUEUE_NUM_MAX: return queue ? VIRTIO_QUEUE_MAX : 0;
    case QUEUE_READY: return queue ? s->ready[m->queue_sel] : 0;
    case ISR: return s->isr;
    case STATUS: return s->status;
    case SHM_LEN:
    case SHM_LEN_HIGH:
    case SHM_BASE:
    case SHM_BASE_HIGH: return ~0u; /* no such region */
    case GENERATION: return s->generation;
    default: return 0;
    }
}

static uint64_t mmio_read(void *dev, uint64_t at, unsigned size)
{
    const VirtioMmio *m = dev;
    switch (at) {
    case MAGIC: return 0x74726976;
    case VERSION: return 2;
    case DEVICE_ID: return m->device ? m->device->ops->id : 0;
    case VENDOR_ID: return 0x4d415449; /* "ITAM" */
    default: break;
    }
    if (!m->device)
        return 0;
    if (at >= CONFIG)
        return virtio_read_config(m->device, at - CONFIG, size);
    return size == 4 ? read_register(m, at) : 0;
}

static void write_status(VirtioMmio *m, uint32_t value)
{
    VirtioDevice *v = m->device;
    if (value) {
        virtio_write_status(v, value);
        return;
    }
    m->features_sel = m->driver_sel = m->queue_sel = 0;
    if (v->dev.cls->reset)
        v->dev.cls->reset(&v->dev);
}

static void write_queue(VirtioMmio *m, uint64_t at, uint32_t value)
{
    VirtioState *s = m->device->s;
    unsigned q = m->queue_sel;
    if (q >= virtio_queues(m->device))
        return;
    switch (at) {
    case QUEUE_NUM: virtio_set_size(m->device, q, value); break;
    case QUEUE_READY: virtio_set_ready(m->device, q, value & 1); break;
    default: /* addresses: low, high of each part */
        if (!s->ready[q])
            virtio_set_half(at < QUEUE_DRIVER   ? &s->desc[q]
                            : at < QUEUE_DEVICE ? &s->driver[q]
                                                : &s->device[q],
                            at & 4, value);
    }
}

static void mmio_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    VirtioMmio *m = dev;
    VirtioDevice *v = m->device;
    uint32_t w = (uint32_t)value;
    if (!v)
        return;
    if (at >= CONFIG) {
        if (v->ops->write_config)
            v->ops->write_config(v, (unsigned)(at - CONFIG), value, size);
        return;
    }
    if (size != 4)
        return;
    switch (at) {
    case FEATURES_SEL: m->features_sel = w; break;
    case DRIVER_SEL: m->driver_sel = w; break;
    case DRIVER: virtio_write_features(v, m->driver_sel, w); break;
    case QUEUE_SEL: m->queue_sel = w; break;
    case QUEUE_NOTIFY: virtio_notify(v, w); break;
    case ISR_ACK:
        v->s->isr &= ~w;
        update_irq(m, VIRTIO_ISR_CHANGE);
        break;
    case STATUS: write_status(m, w); break;
    case QUEUE_NUM:
    case QUEUE_READY:
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
    case QUEUE_DEVICE:
    case QUEUE_DEVICE + 4: write_queue(m, at, w); break;
    default: break;
    }
}

static const MmioOps ops = {.read = mmio_read, .write = mmio_write, .min = 1, .max = 4};

static bool mmio_realize(Device *dev, DevError *err)
{
    VirtioMmio *m = (VirtioMmio *)dev;
    MemRegion *r = dev_add_mmio(dev, "virtio-mmio", &ops, SIZE);
    if (m->device) { /* one lock for both */
        r->lock = &m->device->dev.lock;
        r->bells = (MemBells){
            .offset = QUEUE_NOTIFY, .count = (uint16_t)virtio_queues(m->device), .size = 4, .by_value = true};
        m->device->interrupt = update_irq;
        m->device->transport = m;
    }
    return true;
}

static void mmio_reset(Device *dev)
{
    VirtioMmio *m = (VirtioMmio *)dev;
    m->features_sel = m->driver_sel = m->queue_sel = 0;
}

static const DevProp props[] = {
    DEV_PTR(VirtioMmio, irq, "interrupt line"),
    DEV_PTR(VirtioMmio, device, "what is behind it"),
};
static const DevField state[] = {
    DEV_FIELD(VirtioMmio, features_sel), DEV_FIELD(VirtioMmio, driver_sel), DEV_FIELD(VirtioMmio, queue_sel),
};

const DevClass virtio_mmio_class = {
    .name = "virtio-mmio", .help = "virtio over registers", .version = 1,
    DEV_TABLES(VirtioMmio, props, state),
    .realize = mmio_realize, .reset = mmio_reset,
};
