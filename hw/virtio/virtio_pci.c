/* BARs: 1 MSI-X, 4 (64 bits) with a page for each of common configuration, interrupt status, the device's own
 * configuration and notifications, each of which a capability points to. Another capability is a window on
 * that BAR for those who reach configuration space only. */
#include "hw/virtio/virtio_pci.h"

enum {
    BAR_MSIX = 1,
    BAR_MODERN = 4,
    BAR_BYTES = 0x4000,
    COMMON = 0,
    ISR = 0x1000,
    DEVICE = 0x2000,
    NOTIFY = 0x3000,
    NOTIFY_STRIDE = 4,
    NO_VECTOR = 0xffff
};
enum { CFG_COMMON = 1, CFG_NOTIFY, CFG_ISR, CFG_DEVICE, CFG_PCI };
enum { CAP_BYTES = 16, CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_EXTRA = 16 };
enum { /* common configuration */
    DEVICE_FEATURE_SELECT = 0,
    DEVICE_FEATURE = 4,
    DRIVER_FEATURE_SELECT = 8,
    DRIVER_FEATURE = 12,
    CONFIG_VECTOR = 16,
    NUM_QUEUES = 18,
    STATUS = 20,
    GENERATION = 21,
    QUEUE_SELECT = 22,
    QUEUE_SIZE = 24,
    QUEUE_VECTOR = 26,
    QUEUE_ENABLE = 28,
    QUEUE_NOTIFY_OFF = 30,
    QUEUE_DESC = 32,
    QUEUE_DRIVER = 40,
    QUEUE_DEVICE = 48,
    COMMON_BYTES = 56,
};

typedef struct VirtioPci {
    PciFunction f;
    VirtioDevice *device;
    uint32_t vectors;   /* property; 0: one a queue and one more */
    char disable_legacy[5]; /* properties that ask for what is so, or for what there is not */
    bool disable_modern;
    uint8_t window_at;  /* the capability that is a window */
    DEV_STATE_BEGIN
    PciState p;
    uint32_t feature_sel, driver_sel;
    uint16_t queue_sel, config_vector, vector[VIRTIO_QUEUES];
    DEV_STATE_END
} VirtioPci;

static void pci_interrupt(void *transport, int what)
{
    VirtioPci *x = transport;
    if (!pci_msix_on(&x->f)) {
        pci_set_intx(&x->f, x->device->s->isr != 0);
        return;
    }
    pci_set_intx(&x->f, false);
    if (what >= 0)
        pci_msix_send(&x->f, x->vector[what]);
    else if (what == VIRTIO_CONFIG_CHANGE)
        pci_msix_send(&x->f, x->config_vector);
}

static uint32_t half(uint64_t v, uint32_t which)
{
    return which == 0 ? (uint32_t)v : which == 1 ? (uint32_t)(v >> 32) : 0;
}

/* ---- common configuration ---- */

static uint64_t common_queue(const VirtioPci *x, uint64_t at)
{
    const VirtioState *s = x->device->s;
    unsigned q = x->queue_sel;
    if (q >= virtio_queues(x->device))
        return at == QUEUE_VECTOR ? NO_VECTOR : 0;
    switch (at) {
    case QUEUE_SIZE: return s->num[q];
    case QUEUE_VECTOR: return x->vector[q];
    case QUEUE_ENABLE: return s->ready[q];
    case QUEUE_NOTIFY_OFF: return q;
    default: break;
    }
    const uint64_t v = at < QUEUE_DRIVER ? s->desc[q] : at < QUEUE_DEVICE ? s->driver[q] : s->device[q];
    return half(v, at >> 2 & 1);
}

static uint64_t common_read(const VirtioPci *x, uint64_t at)
{
    const VirtioState *s = x->device->s;
    switch (at) {
    case DEVICE_FEATURE_SELECT: return x->feature_sel;
    case DEVICE_FEATURE: return half(virtio_features(x->device), x->feature_sel);
    case DRIVER_FEATURE_SELECT: return x->driver_sel;
    case DRIVER_FEATURE: return half(s->driver_features, x->driver_sel);
    case CONFIG_VECTOR: return x->config_vector;
    case NUM_QUEUES: return virtio_queues(x->device);
    case STATUS: return s->status;
    case GENERATION: return s->generation & 0xff;
    case QUEUE_SELECT: return x->queue_sel;
    default: return at >= QUEUE_SIZE && at < COMMON_BYTES ? common_queue(x, at) : 0;
    }
}

static void reset_transport(VirtioPci *x)
{
    x->feature_sel = x->driver_sel = x->queue_sel = 0;
    x->config_vector = NO_VECTOR;
    for (unsigned q = 0; q < VIRTIO_QUEUES; q++)
        x->vector[q] = NO_VECTOR;
}

static void write_status(VirtioPci *x, uint8_t value)
{
    VirtioDevice *v = x->device;
    if (value) {
        virtio_write_status(v, value);
        return;
    }
    reset_transport(x);
    if (v->dev.cls->reset)
        v->dev.cls->reset(&v->dev);
}

static uint16_t checked_vector(const VirtioPci *x, uint64_t value)
{
    return value < x->f.msix_vectors ? (uint16_t)value : NO_VECTOR;
}

static void write_queue(VirtioPci *x, uint64_t at, uint32_t value)
{
    VirtioState *s = x->device->s;
    unsigned q = x->queue_sel;
    if (q >= virtio_queues(x->device))
        return;
    switch (at) {
    case QUEUE_SIZE: virtio_set_size(x->device, q, value); return;
    case QUEUE_VECTOR: x->vector[q] = checked_vector(x, value); return;
    case QUEUE_ENABLE:
        if (value == 1)
            virtio_set_ready(x->device, q, true);
        return;
    default: break;
    }
    if (at >= QUEUE_DESC && at < COMMON_BYTES && !s->ready[q])
        virtio_set_half(at < QUEUE_DRIVER ? &s->desc[q] : at < QUEUE_DEVICE ? &s->driver[q] : &s->device[q],
                        at & 4, value);
}

static void common_write(VirtioPci *x, uint64_t at, uint32_t value)
{
    switch (at) {
    case DEVICE_FEATURE_SELECT: x->feature_sel = value; break;
    case DRIVER_FEATURE_SELECT: x->driver_sel = value; break;
    case DRIVER_FEATURE: virtio_write_features(x->device, x->driver_sel, value); break;
    case CONFIG_VECTOR: x->config_vector = checked_vector(x, value); break;
    case STATUS: write_status(x, (uint8_t)value); break;
    case QUEUE_SELECT: x->queue_sel = (uint16_t)value; break;
    default: write_queue(x, at, value); break;
    }
}

/* ---- the BAR ---- */

static uint64_t read_isr(VirtioPci *x)
{
    uint32_t isr = x->device->s->isr;
    x->device->s->isr = 0;
    pci_interrupt(x, VIRTIO_ISR_CHANGE);
    return isr;
}

static uint64_t modern_read(void *dev, uint64_t at, unsigned size)
{
    VirtioPci *x = dev;
    if (at < ISR)
        return common_read(x, at);
    if (at < DEVICE)
        return at == ISR ? read_isr(x) : 0;
    return at < NOTIFY ? virtio_read_config(x->device, at - DEVICE, size) : 0;
}

static void modern_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    VirtioPci *x = dev;
    if (at < ISR)
        common_write(x, at, (uint32_t)value);
    else if (at >= NOTIFY)
        virtio_notify(x->device, (uint32_t)(at - NOTIFY) / NOTIFY_STRIDE);
    else if (at >= DEVICE && x->device->ops->write_config)
        x->device->ops->write_config(x->device, (unsigned)(at - DEVICE), value, size);
}

static const MmioOps modern_ops = {.read = modern_read, .write = modern_write, .min = 1, .max = 4};

/* ---- the window in configuration space ---- */

static bool window(const VirtioPci *x, unsigned at, uint64_t *ret_at, unsigned *ret_size)
{
    *ret_at = pci_get(&x->f, x->window_at + CAP_OFFSET, 4);
    *ret_size = pci_get(&x->f, x->window_at + CAP_LENGTH, 4);
    return at == x->window_at + CAP_EXTRA && pci_get(&x->f, x->window_at + CAP_BAR, 1) == BAR_MODERN &&
           (*ret_size == 1 || *ret_size == 2 || *ret_size == 4) && *ret_at % *ret_size == 0 &&
           *ret_at < BAR_BYTES;
}

static void window_reading(PciFunction *f, unsigned at, unsigned size)
{
    VirtioPci *x = (VirtioPci *)f;
    uint64_t from;
    unsigned n;
    if (!window(x, at, &from, &n))
        return;
    uint32_t v = (uint32_t)modern_read(x, from, n);
    memcpy(x->p.config + x->window_at + CAP_EXTRA, &v, sizeof(v));
}

static void config_written(PciFunction *f, unsigned at, unsigned size)
{
    VirtioPci *x = (VirtioPci *)f;
    uint64_t to;
    unsigned n;
    if (window(x, at, &to, &n))
        modern_write(x, to, pci_get(f, x->window_at + CAP_EXTRA, 4) & (n == 4 ? ~0u : (1u << n * 8) - 1), n);
    x->device->no_dma = !pci_is_master(f);
    pci_interrupt(x, VIRTIO_ISR_CHANGE); /* MSI-X may be on or off now */
}

/* ---- the function ---- */

static unsigned add_structure(PciFunction *f, unsigned type, uint32_t offset, uint32_t length, unsigned more)
{
    unsigned at = pci_add_cap(f, PCI_CAP_VENDOR, CAP_BYTES + more);
    const bool is_window = type == CFG_PCI;
    pci_shape(f, at + 2, 1, CAP_BYTES + more, 0);
    pci_shape(f, at + CAP_TYPE, 1, type, 0);
    pci_shape(f, at + CAP_BAR, 1, is_window ? 0 : BAR_MODERN, is_window ? 0xff : 0);
    pci_shape(f, at + CAP_OFFSET, 4, offset, is_window ? ~0u : 0);
    pci_shape(f, at + CAP_LENGTH, 4, length, is_window ? ~0u : 0);
    return at;
}

static bool virtio_pci_realize(Device *dev, DevError *err)
{
    VirtioPci *x = (VirtioPci *)dev;
    PciFunction *f = &x->f;
    VirtioDevice *v = x->device;
    if (!v)
        return dev_fail(err, "virtio-pci: nothing is behind it");
    if (x->disable_modern || strcmp(x->disable_legacy, "off") == 0)
        return dev_fail(err, "%s: the legacy interface of virtio is not there", dev->id);
    const PciIds ids = {0x1af4, (uint16_t)(0x1040 + v->ops->id), 0x1af4, 0x1100, v->ops->pci_class, 1};
    if (!pci_init(f, &x->p, &ids, &v->dev.lock, err))
        return false;
    pci_shape(f, PCI_INTERRUPT_PIN, 1, 1, 0);
    pci_want_msix(f, BAR_MSIX, x->vectors ? x->vectors : virtio_queues(v) + 1);
    pci_add_bar(f, BAR_MODERN, BAR_BYTES, PCI_BAR_64 | PCI_BAR_PREFETCH, &modern_ops, x);
    f->bar[BAR_MODERN].bells =
        (MemBells){.offset = NOTIFY, .stride = NOTIFY_STRIDE, .count = (uint16_t)virtio_queues(v)};
    add_structure(f, CFG_COMMON, COMMON, 0x1000, 0);
    add_structure(f, CFG_ISR, ISR, 0x1000, 0);
    add_structure(f, CFG_DEVICE, DEVICE, 0x1000, 0);
    unsigned notify = add_structure(f, CFG_NOTIFY, NOTIFY, 0x1000, 4);
    pci_shape(f, notify + CAP_EXTRA, 4, NOTIFY_STRIDE, 0);
    x->window_at = (uint8_t)add_structure(f, CFG_PCI, 0, 0, 4);
    pci_shape(f, x->window_at + CAP_EXTRA, 4, 0, ~0u);
    f->reading = window_reading;
    f->written = config_written;
    v->interrupt = pci_interrupt;
    v->transport = x;
    return true;
}

static void virtio_pci_reset(Device *dev)
{
    reset_transport((VirtioPci *)dev);
    pci_reset((PciFunction *)dev);
    ((VirtioPci *)dev)->device->no_dma = true;
}

static bool virtio_pci_loaded(Device *dev, DevError *err)
{
    VirtioPci *x = (VirtioPci *)dev;
    x->config_vector = checked_vector(x, x->config_vector);
    for (unsigned q = 0; q < VIRTIO_QUEUES; q++)
        x->vector[q] = checked_vector(x, x->vector[q]);
    x->device->no_dma = !pci_is_master(&x->f);
    return pci_check(&x->f, err);
}

static void virtio_pci_clear(Device *dev) { pci_clear((PciFunction *)dev); }

static const DevProp props[] = {
    PCI_PROPS(VirtioPci),
    DEV_U32(VirtioPci, vectors, "of MSI-X; 0: one a queue and one more", 0),
    {"disable-legacy", "on or auto: there is no such interface", offsetof(VirtioPci, disable_legacy),
     PROP_TEXT, sizeof(((VirtioPci *)0)->disable_legacy), 0},
    {"disable-modern", "off", offsetof(VirtioPci, disable_modern), PROP_BOOL, sizeof(bool), 0},
    DEV_PTR(VirtioPci, device, "what is behind it"),
};
static const DevField state[] = {
    PCI_ROWS(VirtioPci), DEV_FIELD(VirtioPci, feature_sel), DEV_FIELD(VirtioPci, driver_sel),
    DEV_FIELD(VirtioPci, queue_sel), DEV_FIELD(VirtioPci, config_vector), DEV_ARRAY(VirtioPci, vector),
};

const DevClass virtio_pci_class = {
    .name = "virtio-pci", .help = "virtio as a function of PCI", .version = 1, .bus = "pci",
    DEV_TABLES(VirtioPci, props, state),
    .realize = virtio_pci_realize, .reset = virtio_pci_reset, .loaded = virtio_pci_loaded,
    .clear = virtio_pci_clear,
};
