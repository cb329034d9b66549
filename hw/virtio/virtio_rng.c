#include "hw/virtio/virtio_rng.h"
#include "hw/core/ports.h"

enum { AT_ONCE = 4096 };

typedef struct VirtioRng {
    VirtioDevice v;
    EntropyPort *source;
    uint64_t max_bytes;
    uint32_t period_ms;
    Timer refill;
    DEV_STATE_BEGIN
    VirtioState s;
    uint64_t left; /* of max_bytes, in this period */
    uint64_t until_ns; /* of the period; 0: it begins with the next request */
    DEV_STATE_END
} VirtioRng;

/* How much may be given now, of n bytes. */
static uint64_t grant(VirtioRng *r, uint64_t n)
{
    Clock *clock = r->v.dev.clock;
    if (!r->max_bytes)
        return n;
    if (!r->until_ns) {
        r->left = r->max_bytes;
        r->until_ns = clock_now(clock) + r->period_ms * 1000000ull;
        timer_set(clock, &r->refill, r->until_ns);
    }
    n = MIN(n, r->left);
    r->left -= n;
    return n;
}

static void rng_notify(VirtioDevice *v, unsigned queue)
{
    VirtioRng *r = (VirtioRng *)v;
    VirtChain c;
    while (virtio_pop(v, queue, &c)) {
        uint8_t bytes[AT_ONCE];
        uint64_t n = grant(r, MIN(c.writable, sizeof(bytes)));
        if (!n && c.writable) { /* when there is more, it goes on */
            virtio_unpop(v, queue, c.slots);
            return;
        }
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

static void refill(void *opaque)
{
    VirtioRng *r = opaque;
    r->until_ns = 0;
    virtio_notify(&r->v, 0);
}

static const VirtioOps ops = {
    .id = 4, .queues = 1, .notify = rng_notify, .pci_class = 0x00ff00, .pci_old_id = 0x1005};

static bool rng_realize(Device *dev, DevError *err)
{
    VirtioRng *r = (VirtioRng *)dev;
    if (!r->source)
        return dev_fail(err, "virtio-rng: no source of entropy");
    if (!r->period_ms)
        return dev_fail(err, "%s: a period of nothing", dev->id);
    r->refill = (Timer){.fire = refill, .opaque = r, .lock = &dev->lock};
    virtio_init(&r->v, &ops, &r->s);
    return true;
}

static void rng_reset(Device *dev)
{
    VirtioRng *r = (VirtioRng *)dev;
    timer_cancel(dev->clock, &r->refill);
    r->left = r->until_ns = 0;
    virtio_reset(&r->v);
}

static bool rng_loaded(Device *dev, DevError *err)
{
    VirtioRng *r = (VirtioRng *)dev;
    if (r->until_ns)
        timer_set(dev->clock, &r->refill, r->until_ns);
    return virtio_check(&r->v, err);
}

static void rng_clear(Device *dev)
{
    if (dev->clock)
        timer_cancel(dev->clock, &((VirtioRng *)dev)->refill);
    virtio_clear((VirtioDevice *)dev);
}

static const DevProp props[] = {
    VIRTIO_PROPS(VirtioRng),
    {"max-bytes", "the most that the guest gets in a period; 0: any number", offsetof(VirtioRng, max_bytes),
     PROP_U64, 8, 0},
    {"period", "in ms", offsetof(VirtioRng, period_ms), PROP_U32, 4, 65536},
    DEV_PTR(VirtioRng, source, "source of entropy"),
};
static const DevField state[] = {VIRTIO_ROWS(VirtioRng), DEV_FIELD(VirtioRng, left),
                                 DEV_FIELD(VirtioRng, until_ns)};

const DevClass virtio_rng_class = {
    .name = "virtio-rng-device", .help = "random bytes", .version = 4, .bus = "virtio",
    DEV_TABLES(VirtioRng, props, state),
    .realize = rng_realize, .reset = rng_reset, .loaded = rng_loaded, .clear = rng_clear,
};
