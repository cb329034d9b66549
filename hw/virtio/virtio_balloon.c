/* Queues: 0 inflates, 1 deflates; a request is a list of page numbers. Pages that the guest lends are given
 * back to the host's kernel at once, and read as zeros from then on. Nothing is done to get one back. */
#include "hw/virtio/virtio_balloon.h"

#define F_DEFLATE_ON_OOM (1ull << 2)

enum { INFLATE, DEFLATE, QUEUES, PAGE_SHIFT = 12, AT_ONCE = 256, MOST_PAGES = 1 << 18 };

typedef struct VirtioBalloon {
    VirtioDevice v;
    bool deflate_on_oom;
    VirtChain chain;
    uint32_t wanted; /* pages: the host's doing */
    DEV_STATE_BEGIN
    VirtioState s;
    uint32_t actual; /* what the driver says that it has lent */
    DEV_STATE_END
} VirtioBalloon;

static bool give_back(VirtioBalloon *b, uint64_t bytes)
{
    for (uint64_t at = 0, n; at < bytes; at += n) {
        uint32_t page[AT_ONCE];
        n = MIN(bytes - at, sizeof(page));
        if (!virtio_take(&b->v, &b->chain, at, page, n))
            return false;
        for (unsigned k = 0; k < n / sizeof(page[0]); k++)
            mem_map_discard(b->v.dev.mem, (uint64_t)page[k] << PAGE_SHIFT, 1u << PAGE_SHIFT);
    }
    return true;
}

static void balloon_notify(VirtioDevice *v, unsigned queue)
{
    VirtioBalloon *b = (VirtioBalloon *)v;
    while (virtio_pop(v, queue, &b->chain)) {
        uint64_t bytes = align_down(b->chain.readable, sizeof(uint32_t));
        if (bytes > MOST_PAGES * sizeof(uint32_t) || (queue == INFLATE && !give_back(b, bytes))) {
            virtio_broken(v, "page numbers too many, or outside of memory");
            return;
        }
        virtio_push(v, queue, &b->chain, 0);
        virtio_signal(v, queue);
    }
}

static uint64_t balloon_features(const VirtioDevice *v)
{
    return ((const VirtioBalloon *)v)->deflate_on_oom ? F_DEFLATE_ON_OOM : 0;
}

static void balloon_config(const VirtioDevice *v, uint8_t *to, unsigned bytes)
{
    const VirtioBalloon *b = (const VirtioBalloon *)v;
    memcpy(to, &b->wanted, sizeof(b->wanted));
    memcpy(to + 4, &b->actual, sizeof(b->actual));
}

static void balloon_write_config(VirtioDevice *v, unsigned at, uint64_t value, unsigned size)
{
    VirtioBalloon *b = (VirtioBalloon *)v;
    if (at >= 4 && at + size <= 8)
        memcpy((char *)&b->actual + (at - 4), &value, size);
}

void virtio_balloon_want(Device *dev, uint32_t pages)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    lock_take(&dev->lock);
    b->wanted = pages;
    virtio_config_changed(&b->v);
    lock_release(&dev->lock);
}

uint32_t virtio_balloon_has(Device *dev)
{
    lock_take(&dev->lock);
    uint32_t pages = ((VirtioBalloon *)dev)->actual;
    lock_release(&dev->lock);
    return pages;
}

static const VirtioOps ops = {.id = 5,
                              .queues = QUEUES,
                              .features = balloon_features,
                              .notify = balloon_notify,
                              .config = balloon_config,
                              .write_config = balloon_write_config,
                              .pci_class = 0x00ff00,
                              .pci_old_id = 0x1002};

static bool balloon_realize(Device *dev, DevError *err)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    virtio_init(&b->v, &ops, &b->s);
    return true;
}

static void balloon_reset(Device *dev)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    b->actual = 0;
    virtio_reset(&b->v);
}

static bool balloon_loaded(Device *dev, DevError *err) { return virtio_check((VirtioDevice *)dev, err); }

static void balloon_clear(Device *dev)
{
    virtio_clear((VirtioDevice *)dev);
}

static const DevProp props[] = {
    VIRTIO_PROPS(VirtioBalloon),
    {"deflate-on-oom", "the guest may take pages back when it has no others",
     offsetof(VirtioBalloon, deflate_on_oom), PROP_BOOL, sizeof(bool), 0},
};
static const DevField state[] = {VIRTIO_ROWS(VirtioBalloon), DEV_FIELD(VirtioBalloon, actual)};

const DevClass virtio_balloon_class = {
    .name = "virtio-balloon-device", .help = "memory lent to the host", .version = 2, .bus = "virtio",
    DEV_TABLES(VirtioBalloon, props, state),
    .realize = balloon_realize, .reset = balloon_reset, .loaded = balloon_loaded, .clear = balloon_clear,
};
