#include "hw/virtio/virtio_rng.h"
#include "hw/core/ports.h"

enum { AT_ONCE = 4096 };

typedef struct VirtioRng {
    VirtioDevice v;
    EntropyPort *source;
    DEV_STATE_BEGIN
    VirtioState s;
    DEV_STATE_END
} VirtioRng;

static void rng_notify(VirtioDevice *v, unsigned queue)
{
    const VirtioRng *r = (const VirtioRng *)v;
    VirtChain c;
    while (virtio_pop(v, queue, &c)) {
        uint8_t bytes[AT_ONCE];
        uint64_t n = MIN(c.writable, sizeof(bytes));
        if (!r->source->fill(r->source->backend, bytes, n))
            n = 0;
        if (!virtio_give(v, &c, 0, bytes, n)) {
            virtio_broken(v, "a buffer outside of memory");
            return;
        }
        virtio_push(v, queue, &c, (uint32_t)n);
        virtio_signal(v, queue);
    }
}

static const VirtioOps ops = {
    .id = 4, .queues = 1, .notify = rng_notify, .pci_class = 0x00ff00, .pci_old_id = 0x1005};

static bool rng_realize(Device *dev, DevError *err)
{
    VirtioRng *r = (VirtioRng *)dev;
    if (!r->source)
        return dev_fail(err, "virtio-rng: no source of entropy");
    virtio_init(&r->v, &ops, &r->s);
    return true;
}

static void rng_reset(Device *dev) { virtio_reset((VirtioDevice *)dev); }
static bool rng_loaded(Device *dev, DevError *err) { return virtio_check((VirtioDevice *)dev, err); }

static void rng_clear(Device *dev)
{
    virtio_clear((VirtioDevice *)dev);
}

static const DevProp props[] = {VIRTIO_PROPS(VirtioRng), DEV_PTR(VirtioRng, source, "source of entropy")};
static const DevField state[] = {VIRTIO_ROWS(VirtioRng)};

const DevClass virtio_rng_class = {
    .name = "virtio-rng-device", .help = "random bytes", .version = 3, .bus = "virtio",
    DEV_TABLES(VirtioRng, props, state),
    .realize = rng_realize, .reset = rng_reset, .loaded = rng_loaded, .clear = rng_clear,
};
