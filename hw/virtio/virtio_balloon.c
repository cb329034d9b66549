/* Queues: 0 inflates, 1 deflates; a request is a list of page numbers. Pages that the guest lends are given
 * back to the host's kernel at once, and read as zeros from then on. Nothing is done to get one back.
 * Queue 2: a buffer with statistics, which the device keeps until it wants new ones. */
#include "hw/virtio/virtio_balloon.h"
#include "hw/core/request.h"

#define F_STATS          (1ull << 1)
#define F_DEFLATE_ON_OOM (1ull << 2)

enum { INFLATE, DEFLATE, STATS, QUEUES, PAGE_SHIFT = 12, AT_ONCE = 256, MOST_PAGES = 1 << 18 };
enum { STAT_BYTES = 10, MOST_STATS = 64 };

typedef struct VirtioBalloon {
    VirtioDevice v;
    bool deflate_on_oom;
    const MachineRequests *requests;
    VirtChain chain, stats_chain;
    BalloonStats stats;
    uint32_t wanted;  /* pages: the host's doing, as the next is */
    uint32_t seconds;
    Timer poll;
    DEV_STATE_BEGIN
    VirtioState s;
    uint32_t actual; /* what the driver says that it has lent */
    uint32_t held;   /* slots of the ring that the buffer of statistics takes */
    DEV_STATE_END
} VirtioBalloon;

/* ---- statistics ---- */

static void set_poll(VirtioBalloon *b)
{
    Clock *clock = b->v.dev.clock;
    if (b->seconds && b->held)
        timer_set(clock, &b->poll, clock_now(clock) + b->seconds * 1000000000ull);
    else
        timer_cancel(clock, &b->poll);
}

static void poll_guest(void *opaque)
{
    VirtioBalloon *b = opaque;
    if (!b->held || !virtio_works(&b->v, STATS))
        return;
    b->held = 0;
    virtio_push(&b->v, STATS, &b->stats_chain, 0);
    virtio_signal(&b->v, STATS);
}

static bool read_stats(VirtioBalloon *b)
{
    const VirtChain *c = &b->stats_chain;
    memset(b->stats.value, 0xff, sizeof(b->stats.value));
    for (uint64_t at = 0; at + STAT_BYTES <= c->readable && at < MOST_STATS * STAT_BYTES; at += STAT_BYTES) {
        uint16_t tag;
        uint64_t value;
        if (!virtio_take(&b->v, c, at, &tag, sizeof(tag)) ||
            !virtio_take(&b->v, c, at + sizeof(tag), &value, sizeof(value)))
            return false;
        if (tag < BALLOON_STATS)
            b->stats.value[tag] = value;
    }
    b->stats.at_ns = clock_now(b->v.dev.clock);
    return true;
}

static void take_stats(VirtioBalloon *b)
{
    VirtChain *c = &b->chain;
    while (virtio_pop(&b->v, STATS, c)) {
        if (b->held) { /* one more than there should be: the old one goes back */
            virtio_push(&b->v, STATS, &b->stats_chain, 0);
            virtio_signal(&b->v, STATS);
        }
        b->stats_chain = *c;
        b->held = c->slots;
        if (!read_stats(b)) {
            virtio_broken(&b->v, "statistics outside of memory");
            return;
        }
    }
    set_poll(b);
}

/* ---- pages ---- */

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
    if (queue == STATS) {
        take_stats(b);
        return;
    }
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

/* Linux offers its first buffer of statistics, and notifies, before it is ready. */
static void balloon_started(VirtioDevice *v) { virtio_notify(v, STATS); }

static uint64_t balloon_features(const VirtioDevice *v)
{
    return F_STATS | (((const VirtioBalloon *)v)->deflate_on_oom ? F_DEFLATE_ON_OOM : 0);
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
    if (at < 4 || at + size > 8)
        return;
    memcpy((char *)&b->actual + (at - 4), &value, size);
    if (b->requests && b->requests->changed)
        b->requests->changed(b->requests->opaque, &v->dev);
}

/* ---- for the host ---- */

bool virtio_balloon_is(const Device *d) { return d->cls == &virtio_balloon_class; }

void virtio_balloon_poll(Device *dev, uint32_t seconds)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    lock_take(&dev->lock);
    b->seconds = seconds;
    if (seconds)
        poll_guest(b);
    set_poll(b);
    lock_release(&dev->lock);
}

uint32_t virtio_balloon_polled(Device *dev)
{
    return ((const VirtioBalloon *)dev)->seconds;
}

void virtio_balloon_stats(Device *dev, BalloonStats *ret)
{
    lock_take(&dev->lock);
    *ret = ((const VirtioBalloon *)dev)->stats;
    lock_release(&dev->lock);
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
                              .started = balloon_started,
                              .pci_class = 0x00ff00,
                              .pci_old_id = 0x1002};

static bool balloon_realize(Device *dev, DevError *err)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    virtio_init(&b->v, &ops, &b->s);
    b->poll = (Timer){.fire = poll_guest, .opaque = b, .lock = &dev->lock};
    memset(b->stats.value, 0xff, sizeof(b->stats.value));
    return true;
}

static void balloon_reset(Device *dev)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    b->actual = b->held = 0;
    set_poll(b);
    virtio_reset(&b->v);
}

/* The buffer that was held is in the ring again, and read once more. */
static bool balloon_loaded(Device *dev, DevError *err)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    const uint32_t held = b->held;
    b->held = 0;
    if (held > VIRTIO_QUEUE_MAX)
        return dev_fail(err, "%s: statistics of %u descriptors", dev->id, held);
    if (!virtio_check(&b->v, err))
        return false;
    if (held) {
        virtio_unpop(&b->v, STATS, held);
        take_stats(b);
    }
    return true;
}

static void balloon_clear(Device *dev)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    if (dev->clock)
        timer_cancel(dev->clock, &b->poll);
    virtio_clear(&b->v);
}

static const DevProp props[] = {
    VIRTIO_PROPS(VirtioBalloon),
    {"deflate-on-oom", "the guest may take pages back when it has no others",
     offsetof(VirtioBalloon, deflate_on_oom), PROP_BOOL, sizeof(bool), 0},
    DEV_PTR(VirtioBalloon, requests, "who is told of changes"),
};
static const DevField state[] = {VIRTIO_ROWS(VirtioBalloon), DEV_FIELD(VirtioBalloon, actual),
                                 DEV_FIELD(VirtioBalloon, held)};

const DevClass virtio_balloon_class = {
    .name = "virtio-balloon-device", .help = "memory lent to the host", .version = 3, .bus = "virtio",
    DEV_TABLES(VirtioBalloon, props, state),
    .realize = balloon_realize, .reset = balloon_reset, .loaded = balloon_loaded, .clear = balloon_clear,
};
