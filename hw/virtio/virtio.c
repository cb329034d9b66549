/* Features, status, and what rings of both kinds share. The rings themselves: virtio_ring.c. */
#include "hw/virtio/virtio.h"

static void go_on(void *opaque)
{
    VirtioDevice *v = opaque;
    uint64_t more = v->s->more;
    v->s->more = 0;
    for (unsigned q = 0; q < VIRTIO_QUEUES; q++)
        if (more >> q & 1)
            virtio_notify(v, q);
}

void virtio_init(VirtioDevice *v, const VirtioOps *ops, VirtioState *s)
{
    v->ops = ops;
    v->s = s;
    v->again = (Timer){.fire = go_on, .opaque = v, .lock = &v->dev.lock};
}

void virtio_clear(VirtioDevice *v)
{
    if (v->dev.clock)
        timer_cancel(v->dev.clock, &v->again);
}

static void interrupt(VirtioDevice *v, int what)
{
    if (v->interrupt)
        v->interrupt(v->transport, what);
}

unsigned virtio_queues(const VirtioDevice *v)
{
    return v->ops->queues_now ? v->ops->queues_now(v) : v->ops->queues;
}

void virtio_reset(VirtioDevice *v)
{
    *v->s = (VirtioState){0};
    for (unsigned q = 0; q < virtio_queues(v); q++)
        v->s->num[q] = VIRTIO_QUEUE_MAX;
    interrupt(v, VIRTIO_ISR_CHANGE);
}

uint64_t virtio_features(const VirtioDevice *v)
{
    return VIRTIO_F_VERSION_1 | (v->indirect ? VIRTIO_F_INDIRECT : 0) |
           (v->event_idx ? VIRTIO_F_EVENT_IDX : 0) | (v->packed ? VIRTIO_F_PACKED : 0) |
           (v->ops->features ? v->ops->features(v) : 0);
}

static bool size_fits(const VirtioDevice *v, uint32_t n)
{
    return n && n <= VIRTIO_QUEUE_MAX && ((v->s->driver_features & VIRTIO_F_PACKED) || !(n & (n - 1)));
}

bool virtio_check(VirtioDevice *v, DevError *err)
{
    const VirtioState *s = v->s;
    if (s->driver_features & ~virtio_features(v))
        return dev_fail(err, "%s: features that it has not", v->dev.id);
    for (unsigned q = 0; q < VIRTIO_QUEUES; q++) {
        bool inside = !(s->driver_features & VIRTIO_F_PACKED) || !s->ready[q] ||
                      (s->avail[q] < s->num[q] && s->used[q] < s->num[q] && s->signalled[q] <= s->num[q]);
        if (s->ready[q] > 1 || s->wrap[q] > 3 || s->num[q] > VIRTIO_QUEUE_MAX || !inside ||
            (s->ready[q] && !size_fits(v, s->num[q])))
            return dev_fail(err, "%s: queue %u of %u entries", v->dev.id, q, s->num[q]);
    }
    if (s->more)
        timer_set(v->dev.clock, &v->again, clock_now(v->dev.clock));
    interrupt(v, VIRTIO_ISR_CHANGE);
    return true;
}

void virtio_config_changed(VirtioDevice *v)
{
    v->s->generation++;
    v->s->isr |= VIRTIO_ISR_CONFIG;
    interrupt(v, VIRTIO_CONFIG_CHANGE);
}

void virtio_broken(VirtioDevice *v, const char *why)
{
    log_guest(&v->dev, "%s", why);
    v->s->status |= VIRTIO_S_NEEDS_RESET;
    v->s->isr |= VIRTIO_ISR_CONFIG;
    interrupt(v, VIRTIO_CONFIG_CHANGE);
}

bool virtio_works(const VirtioDevice *v, unsigned q)
{
    const VirtioState *s = v->s;
    return !v->no_dma && (s->status & VIRTIO_S_DRIVER_OK) && !(s->status & VIRTIO_S_NEEDS_RESET) &&
           q < virtio_queues(v) && s->ready[q];
}

/* ---- what transports do ---- */

void virtio_write_status(VirtioDevice *v, uint32_t value)
{
    VirtioState *s = v->s;
    bool ran = s->status & VIRTIO_S_DRIVER_OK;
    dev_trace(&v->dev, VIRTIO_STATUS, "0x%x, was 0x%x, features 0x%lx", value, s->status,
              (unsigned long)s->driver_features);
    if ((value & VIRTIO_S_FEATURES_OK) && !(s->driver_features & VIRTIO_F_VERSION_1))
        value &= ~(uint32_t)VIRTIO_S_FEATURES_OK;
    s->status = (value & 0xff & ~(uint32_t)VIRTIO_S_NEEDS_RESET) | (s->status & VIRTIO_S_NEEDS_RESET);
    if (!ran && (s->status & VIRTIO_S_DRIVER_OK) && v->ops->started)
        v->ops->started(v);
}

void virtio_set_half(uint64_t *v, bool high, uint32_t value)
{
    *v = high ? (*v & 0xffffffff) | (uint64_t)value << 32 : (*v & ~0xffffffffull) | value;
}

void virtio_write_features(VirtioDevice *v, unsigned word, uint32_t value)
{
    VirtioState *s = v->s;
    if (word > 1 || (s->status & VIRTIO_S_FEATURES_OK))
        return;
    virtio_set_half(&s->driver_features, word, value);
    s->driver_features &= virtio_features(v);
}

void virtio_set_size(VirtioDevice *v, unsigned q, uint32_t entries)
{
    if (q < virtio_queues(v) && !v->s->ready[q] && size_fits(v, entries))
        v->s->num[q] = (uint16_t)entries;
}

void virtio_set_ready(VirtioDevice *v, unsigned q, bool ready)
{
    VirtioState *s = v->s;
    if (q >= virtio_queues(v))
        return;
    if (ready && !s->ready[q]) {
        s->avail[q] = s->used[q] = s->signalled[q] = 0;
        s->wrap[q] = 3;
    }
    s->ready[q] = ready && size_fits(v, s->num[q]);
}

void virtio_notify(VirtioDevice *v, uint32_t q)
{
    if (q >= virtio_queues(v) || !virtio_works(v, q) || !v->ops->notify)
        return;
    dev_trace(&v->dev, VIRTIO_NOTIFY, "queue %u", q);
    v->bounded = true;
    v->left = VIRTIO_AT_ONCE;
    v->ops->notify(v, q);
    v->bounded = false;
    if (!v->left) {
        v->s->more |= 1ull << q;
        timer_set(v->dev.clock, &v->again, clock_now(v->dev.clock) + VIRTIO_AGAIN_NS);
    }
}

uint64_t virtio_read_config(const VirtioDevice *v, uint64_t at, unsigned size)
{
    uint8_t bytes[VIRTIO_CONFIG_BYTES] = {0};
    uint64_t value = 0;
    if (at > sizeof(bytes) - size)
        return 0;
    if (v->ops->config)
        v->ops->config(v, bytes, sizeof(bytes));
    memcpy(&value, bytes + at, size);
    return value;
}

/* ---- the bytes of a request ---- */

static bool copy(const VirtioDevice *v, const VirtChain *c, bool writable, uint64_t at, void *to,
                 const void *from, uint64_t n)
{
    for (unsigned k = 0; n && k < c->n; k++) {
        const VirtSeg *g = &c->seg[k];
        if (g->writable != writable)
            continue;
        if (at >= g->bytes) {
            at -= g->bytes;
            continue;
        }
        uint64_t part = MIN(n, g->bytes - at);
        if (writable ? !mem_map_write(v->dev.mem, g->at + at, from, part)
                     : !mem_map_read(v->dev.mem, g->at + at, to, part))
            return false;
        to = writable ? to : (char *)to + part;
        from = writable ? (const char *)from + part : from;
        n -= part;
        at = 0;
    }
    return n == 0;
}

bool virtio_take(const VirtioDevice *v, const VirtChain *c, uint64_t at, void *to, uint64_t n)
{
    return copy(v, c, false, at, to, NULL, n);
}

bool virtio_give(const VirtioDevice *v, const VirtChain *c, uint64_t at, const void *from, uint64_t n)
{
    return copy(v, c, true, at, NULL, from, n);
}
