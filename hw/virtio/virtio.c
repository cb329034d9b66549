/* Split virtqueues (specification 1.2, "Split Virtqueues"). All accesses to rings are little-endian, as the
 * host is. */
#include "hw/virtio/virtio.h"

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_BYTES = 16, NO_INTERRUPT = 1 };

typedef struct Desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} Desc;

void virtio_init(VirtioDevice *v, const VirtioOps *ops, VirtioState *s)
{
    v->ops = ops;
    v->s = s;
}

static void changed_isr(VirtioDevice *v)
{
    if (v->interrupt)
        v->interrupt(v->transport);
}

void virtio_reset(VirtioDevice *v)
{
    *v->s = (VirtioState){0};
    changed_isr(v);
}

uint64_t virtio_features(const VirtioDevice *v)
{
    return VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX |
           (v->ops->features ? v->ops->features(v) : 0);
}

bool virtio_check(VirtioDevice *v, DevError *err)
{
    const VirtioState *s = v->s;
    if (s->driver_features & ~virtio_features(v))
        return dev_fail(err, "%s: features that it has not", v->dev.id);
    for (unsigned q = 0; q < VIRTIO_QUEUES; q++)
        if (s->ready[q] > 1 || s->num[q] > VIRTIO_QUEUE_MAX ||
            (s->ready[q] && (s->num[q] == 0 || (s->num[q] & (s->num[q] - 1)))))
            return dev_fail(err, "%s: queue %u of %u entries", v->dev.id, q, s->num[q]);
    changed_isr(v);
    return true;
}

void virtio_broken(VirtioDevice *v, const char *why)
{
    log_guest(&v->dev, "%s", why);
    v->s->status |= VIRTIO_S_NEEDS_RESET;
    v->s->isr |= VIRTIO_ISR_CONFIG;
    changed_isr(v);
}

static bool read16(const VirtioDevice *v, uint64_t at, uint16_t *ret)
{
    return mem_map_read(v->dev.mem, at, ret, sizeof(*ret));
}
static bool write16(const VirtioDevice *v, uint64_t at, uint16_t value)
{
    return mem_map_write(v->dev.mem, at, &value, sizeof(value));
}

static bool works(const VirtioDevice *v, unsigned q)
{
    const VirtioState *s = v->s;
    return (s->status & VIRTIO_S_DRIVER_OK) && !(s->status & VIRTIO_S_NEEDS_RESET) && q < v->ops->queues &&
           s->ready[q];
}

static bool add_segment(VirtChain *c, const Desc *d)
{
    bool writable = d->flags & DESC_WRITE;
    if (c->n == VIRTIO_MAX_SEGS || (!writable && c->writable))
        return false; /* too many, or not in order */
    c->seg[c->n++] = (VirtSeg){.at = d->addr, .bytes = d->len, .writable = writable};
    *(writable ? &c->writable : &c->readable) += d->len;
    return true;
}

/* Follows a chain in a table of `entries` descriptors. */
static bool walk(const VirtioDevice *v, uint64_t table, unsigned entries, unsigned at, bool indirect,
                 VirtChain *c)
{
    for (unsigned n = 0; n < entries; n++) {
        Desc d;
        if (at >= entries || !mem_map_read(v->dev.mem, table + at * DESC_BYTES, &d, sizeof(d)))
            return false;
        if (d.flags & DESC_INDIRECT) {
            bool bad = indirect || (d.flags & DESC_NEXT) || d.len % DESC_BYTES ||
                       d.len / DESC_BYTES > VIRTIO_MAX_SEGS;
            return !bad && walk(v, d.addr, d.len / DESC_BYTES, 0, true, c);
        }
        if (!add_segment(c, &d))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        at = d.next;
    }
    return false; /* a circle */
}

bool virtio_pop(VirtioDevice *v, unsigned q, VirtChain *ret)
{
    VirtioState *s = v->s;
    uint16_t idx, head;
    if (!works(v, q))
        return false;
    if (!read16(v, s->driver[q] + 2, &idx)) {
        virtio_broken(v, "the driver's ring is not in memory");
        return false;
    }
    if (s->driver_features & VIRTIO_F_EVENT_IDX) { /* tell when to notify, then look again */
        write16(v, s->device[q] + 4 + 8ull * s->num[q], s->avail[q]);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        read16(v, s->driver[q] + 2, &idx);
    }
    if (idx == s->avail[q])
        return false;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    ret->n = 0;
    ret->readable = ret->writable = 0;
    if ((uint16_t)(idx - s->avail[q]) > s->num[q] ||
        !read16(v, s->driver[q] + 4 + 2ull * (s->avail[q] & (s->num[q] - 1u)), &head) ||
        !walk(v, s->desc[q], s->num[q], head, false, ret)) {
        virtio_broken(v, "a request makes no sense");
        return false;
    }
    ret->head = head;
    s->avail[q]++;
    return true;
}

void virtio_push(VirtioDevice *v, unsigned q, const VirtChain *c, uint32_t written)
{
    VirtioState *s = v->s;
    const uint32_t entry[2] = {c->head, written};
    if (!works(v, q))
        return;
    bool ok = mem_map_write(v->dev.mem, s->device[q] + 4 + 8ull * (s->used[q] & (s->num[q] - 1u)), entry,
                            sizeof(entry));
    __atomic_thread_fence(__ATOMIC_RELEASE);
    s->used[q]++;
    if (!ok || !write16(v, s->device[q] + 2, s->used[q]))
        virtio_broken(v, "the device's ring is not in memory");
}

/* With event indexes: was the one that the driver waits for among those used since the last look? */
void virtio_signal(VirtioDevice *v, unsigned q)
{
    VirtioState *s = v->s;
    uint16_t word = 0, old = s->signalled[q];
    if (!works(v, q))
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool by_event = s->driver_features & VIRTIO_F_EVENT_IDX;
    read16(v, by_event ? s->driver[q] + 4 + 2ull * s->num[q] : s->driver[q], &word);
    s->signalled[q] = s->used[q];
    if (by_event ? (uint16_t)(s->used[q] - word - 1) >= (uint16_t)(s->used[q] - old) : (word & NO_INTERRUPT))
        return;
    s->isr |= VIRTIO_ISR_USED;
    changed_isr(v);
}

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
