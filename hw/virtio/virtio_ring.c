/* Split and packed virtqueues (specification 1.2, 2.7 and 2.8). All accesses to rings are little-endian, as
 * the host is.
 *
 * Split: three areas; indexes count freely and are taken modulo the size.
 * Packed: one ring of descriptors that both sides rewrite; which side owns one is said by two bits of its
 * flags that are compared with a counter, flipped at each pass over the ring. */
#include "hw/virtio/virtio.h"

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_AVAIL = 1 << 7, DESC_USED = 1 << 15,
       DESC_BYTES = 16 };
enum { NO_INTERRUPT = 1 };                                /* split: flags of the driver's area */
enum { EVENT_ALL = 0, EVENT_NONE = 1, EVENT_AT = 2 };     /* packed: flags of event suppression */
enum { WRAP_AVAIL = 1, WRAP_USED = 2 };

typedef struct SplitDesc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} SplitDesc;

typedef struct PackedDesc {
    uint64_t addr;
    uint32_t len;
    uint16_t id, flags;
} PackedDesc;

static bool read16(const VirtioDevice *v, uint64_t at, uint16_t *ret)
{
    return mem_map_read(v->dev.mem, at, ret, sizeof(*ret));
}
static bool write16(const VirtioDevice *v, uint64_t at, uint16_t value)
{
    return mem_map_write(v->dev.mem, at, &value, sizeof(value));
}

static bool add_segment(VirtChain *c, uint64_t at, uint32_t bytes, uint16_t flags)
{
    bool writable = flags & DESC_WRITE;
    if (c->n == VIRTIO_MAX_SEGS || (!writable && c->writable))
        return false; /* too many, or not in order */
    c->seg[c->n++] = (VirtSeg){.at = at, .bytes = bytes, .writable = writable};
    *(writable ? &c->writable : &c->readable) += bytes;
    return true;
}

static bool table_fits(const VirtioDevice *v, uint32_t bytes)
{
    return (v->s->driver_features & VIRTIO_F_INDIRECT) && bytes && bytes % DESC_BYTES == 0 &&
           bytes / DESC_BYTES <= VIRTIO_MAX_SEGS;
}

/* ---- split ---- */

/* Follows a chain in a table of `entries` descriptors. */
static bool walk_split(const VirtioDevice *v, uint64_t table, unsigned entries, unsigned at, bool indirect,
                       VirtChain *c)
{
    for (unsigned n = 0; n < entries; n++) {
        SplitDesc d;
        if (at >= entries || !mem_map_read(v->dev.mem, table + at * DESC_BYTES, &d, sizeof(d)))
            return false;
        if (d.flags & DESC_INDIRECT)
            return !indirect && !(d.flags & DESC_NEXT) && table_fits(v, d.len) &&
                   walk_split(v, d.addr, d.len / DESC_BYTES, 0, true, c);
        if (!add_segment(c, d.addr, d.len, d.flags))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        at = d.next;
    }
    return false; /* a circle */
}

/* False with *ret_ok: there is nothing. */
static bool pop_split(VirtioDevice *v, unsigned q, VirtChain *c, bool *ret_ok)
{
    VirtioState *s = v->s;
    uint16_t idx;
    *ret_ok = read16(v, s->driver[q] + 2, &idx);
    if (*ret_ok && (s->driver_features & VIRTIO_F_EVENT_IDX)) { /* tell when to notify, then look again */
        write16(v, s->device[q] + 4 + 8ull * s->num[q], s->avail[q]);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        read16(v, s->driver[q] + 2, &idx);
    }
    if (!*ret_ok || idx == s->avail[q])
        return false;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    *ret_ok = (uint16_t)(idx - s->avail[q]) <= s->num[q] &&
              read16(v, s->driver[q] + 4 + 2ull * (s->avail[q] % s->num[q]), &c->head) &&
              walk_split(v, s->desc[q], s->num[q], c->head, false, c);
    s->avail[q]++;
    c->slots = 1;
    return true;
}

static bool push_split(VirtioDevice *v, unsigned q, const VirtChain *c, uint32_t written)
{
    VirtioState *s = v->s;
    const uint32_t entry[2] = {c->head, written};
    bool ok =
        mem_map_write(v->dev.mem, s->device[q] + 4 + 8ull * (s->used[q] % s->num[q]), entry, sizeof(entry));
    __atomic_thread_fence(__ATOMIC_RELEASE);
    s->used[q]++;
    return write16(v, s->device[q] + 2, s->used[q]) && ok;
}

/* With event indexes: was the one that the driver waits for among those used since the last look? */
static bool wanted_split(VirtioDevice *v, unsigned q)
{
    VirtioState *s = v->s;
    uint16_t word = 0, old = s->signalled[q];
    bool by_event = s->driver_features & VIRTIO_F_EVENT_IDX;
    read16(v, by_event ? s->driver[q] + 4 + 2ull * s->num[q] : s->driver[q], &word);
    s->signalled[q] = s->used[q];
    return by_event ? (uint16_t)(s->used[q] - word - 1) < (uint16_t)(s->used[q] - old)
                    : !(word & NO_INTERRUPT);
}

/* ---- packed ---- */

/* Moves an index of the ring on, or back. */
static void move(VirtioState *s, unsigned q, uint16_t *at, unsigned slots, uint16_t counter)
{
    unsigned n = *at + slots;
    if (n >= s->num[q]) {
        n -= s->num[q];
        s->wrap[q] ^= counter;
    }
    *at = (uint16_t)n;
}

static bool is_available(const VirtioState *s, unsigned q, uint16_t flags)
{
    bool wrap = s->wrap[q] & WRAP_AVAIL;
    return !!(flags & DESC_AVAIL) == wrap && !!(flags & DESC_USED) != wrap;
}

static bool walk_table(const VirtioDevice *v, const PackedDesc *d, VirtChain *c)
{
    bool ok = !(d->flags & DESC_NEXT) && table_fits(v, d->len);
    for (uint32_t n = 0; ok && n < d->len / DESC_BYTES; n++) {
        PackedDesc e;
        ok = mem_map_read(v->dev.mem, d->addr + n * DESC_BYTES, &e, sizeof(e)) &&
             !(e.flags & DESC_INDIRECT) && add_segment(c, e.addr, e.len, e.flags);
    }
    return ok;
}

static bool walk_packed(const VirtioDevice *v, unsigned q, VirtChain *c)
{
    const VirtioState *s = v->s;
    unsigned at = s->avail[q];
    for (unsigned n = 1; n <= s->num[q]; n++) {
        PackedDesc d;
        if (!mem_map_read(v->dev.mem, s->desc[q] + at * DESC_BYTES, &d, sizeof(d)))
            return false;
        c->head = d.id;
        c->slots = (uint16_t)n;
        if (d.flags & DESC_INDIRECT)
            return n == 1 && walk_table(v, &d, c);
        if (!add_segment(c, d.addr, d.len, d.flags))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        at = at + 1u == s->num[q] ? 0 : at + 1u;
    }
    return false; /* longer than the ring */
}

static bool pop_packed(VirtioDevice *v, unsigned q, VirtChain *c, bool *ret_ok)
{
    VirtioState *s = v->s;
    const uint64_t flags_at = s->desc[q] + s->avail[q] * DESC_BYTES + offsetof(PackedDesc, flags);
    uint16_t flags;
    *ret_ok = read16(v, flags_at, &flags);
    if (*ret_ok && !is_available(s, q, flags) && (s->driver_features & VIRTIO_F_EVENT_IDX)) {
        const uint16_t event[2] = {(uint16_t)(s->avail[q] | (s->wrap[q] & WRAP_AVAIL) << 15), EVENT_AT};
        mem_map_write(v->dev.mem, s->device[q], event, sizeof(event));
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        read16(v, flags_at, &flags);
    }
    if (!*ret_ok || !is_available(s, q, flags))
        return false;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    *ret_ok = walk_packed(v, q, c);
    if (*ret_ok)
        move(s, q, &s->avail[q], c->slots, WRAP_AVAIL);
    return true;
}

static bool push_packed(VirtioDevice *v, unsigned q, const VirtChain *c, uint32_t written)
{
    VirtioState *s = v->s;
    const uint64_t at = s->desc[q] + s->used[q] * DESC_BYTES;
    const struct {
        uint32_t len;
        uint16_t id;
    } body = {written, c->head};
    uint16_t flags =
        (uint16_t)((s->wrap[q] & WRAP_USED ? DESC_AVAIL | DESC_USED : 0) | (written ? DESC_WRITE : 0));
    bool ok = mem_map_write(v->dev.mem, at + offsetof(PackedDesc, len), &body, 6);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    ok = write16(v, at + offsetof(PackedDesc, flags), flags) && ok;
    move(s, q, &s->used[q], c->slots, WRAP_USED);
    s->signalled[q] = (uint16_t)MIN(s->signalled[q] + c->slots, s->num[q]);
    return ok;
}

static bool wanted_packed(VirtioDevice *v, unsigned q)
{
    VirtioState *s = v->s;
    uint16_t event[2] = {0}, added = s->signalled[q];
    mem_map_read(v->dev.mem, s->driver[q], event, sizeof(event));
    s->signalled[q] = 0;
    if (event[1] != EVENT_AT || !(s->driver_features & VIRTIO_F_EVENT_IDX))
        return event[1] != EVENT_NONE;
    uint16_t at = event[0] & 0x7fff;
    if (event[0] >> 15 != !!(s->wrap[q] & WRAP_USED))
        at = (uint16_t)(at - s->num[q]); /* of the pass before */
    return (uint16_t)(s->used[q] - at - 1) < added;
}

/* ---- both ---- */

static bool is_packed(const VirtioDevice *v) { return v->s->driver_features & VIRTIO_F_PACKED; }

bool virtio_pop(VirtioDevice *v, unsigned q, VirtChain *ret)
{
    bool ok;
    if (!virtio_works(v, q) || (v->bounded && !v->left))
        return false;
    ret->n = 0;
    ret->readable = ret->writable = 0;
    bool some = is_packed(v) ? pop_packed(v, q, ret, &ok) : pop_split(v, q, ret, &ok);
    if (!ok)
        virtio_broken(v, some ? "a request makes no sense" : "the driver's ring is not in memory");
    if (some && v->bounded)
        v->left--;
    if (some && ok)
        dev_trace(&v->dev, VIRTIO_POP, "queue %u head %u readable %lu writable %lu", q, ret->head,
                  (unsigned long)ret->readable, (unsigned long)ret->writable);
    return some && ok;
}

void virtio_unpop(VirtioDevice *v, unsigned q, unsigned slots)
{
    VirtioState *s = v->s;
    if (!is_packed(v)) {
        s->avail[q] = (uint16_t)(s->avail[q] - slots);
        return;
    }
    slots = MIN(slots, s->num[q]);
    if (s->avail[q] < slots) {
        s->avail[q] = (uint16_t)(s->avail[q] + s->num[q]);
        s->wrap[q] ^= WRAP_AVAIL;
    }
    s->avail[q] = (uint16_t)(s->avail[q] - slots);
}

void virtio_push(VirtioDevice *v, unsigned q, const VirtChain *c, uint32_t written)
{
    if (!virtio_works(v, q))
        return;
    dev_trace(&v->dev, VIRTIO_PUSH, "queue %u head %u written %u", q, c->head, written);
    if (!(is_packed(v) ? push_packed(v, q, c, written) : push_split(v, q, c, written)))
        virtio_broken(v, "the device's ring is not in memory");
}

void virtio_signal(VirtioDevice *v, unsigned q)
{
    if (!virtio_works(v, q))
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!(is_packed(v) ? wanted_packed(v, q) : wanted_split(v, q)))
        return;
    dev_trace(&v->dev, VIRTIO_SIGNAL, "queue %u", q);
    v->s->isr |= VIRTIO_ISR_USED;
    if (v->interrupt)
        v->interrupt(v->transport, (int)q);
}
