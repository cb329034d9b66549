/* Each queue is served by a job: one request after the other, without the device's lock while the back end
 * works. A flush request is a flush of the back end; without the feature FLUSH the driver would not know that
 * there is something to flush, so each write is one then.
 * A reset does not wait for a request that is with the back end: its epoch has gone by when it comes back,
 * and nothing of it is seen any more. A saved state has it as not begun. */
#include "hw/virtio/virtio_blk.h"
#include "hw/core/ports.h"

#include <stdlib.h>

#define F_SEG_MAX      (1ull << 2)
#define F_RO           (1ull << 5)
#define F_BLK_SIZE     (1ull << 6)
#define F_FLUSH        (1ull << 9)
#define F_TOPOLOGY     (1ull << 10)
#define F_MQ           (1ull << 12)
#define F_DISCARD      (1ull << 13)
#define F_WRITE_ZEROES (1ull << 14)

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum {
    SECTOR = 512,
    ID_BYTES = 20,
    HEADER = 16,
    BOUNCE = 256 << 10,
    MAX_CLEAR_SECTORS = 1 << 22,
    MAX_CLEAR_SEGS = 64,
    UNMAP = 1
};

typedef struct VirtioBlk VirtioBlk;

typedef struct BlkLane {
    VirtioBlk *b;
    unsigned queue;
    Job job;
    uint8_t *bounce;
    VirtChain chain; /* that is being served */
} BlkLane;

struct VirtioBlk {
    VirtioDevice v;
    BlockPort *drive;
    uint32_t num_queues;
    uint32_t logical_bytes, physical_bytes; /* of a block */
    bool discard, write_zeroes;
    char serial[ID_BYTES + 1];
    BlkLane *lane;
    uint64_t epoch;  /* of resets */
    DEV_STATE_BEGIN
    VirtioState s;
    uint16_t busy[VIRTIO_QUEUES]; /* slots of the ring that the request under way takes */
    DEV_STATE_END
};

/* What a lane does to guest memory it does with the lock held, as long as there was no reset. */
static bool give(const BlkLane *l, uint64_t epoch, uint64_t at, const void *from, uint64_t n)
{
    VirtioBlk *b = l->b;
    lock_take(&b->v.dev.lock);
    bool ok = b->epoch == epoch && virtio_give(&b->v, &l->chain, at, from, n);
    lock_release(&b->v.dev.lock);
    return ok;
}

static bool in_range(const BlockPort *d, uint64_t sector, uint64_t bytes)
{
    return bytes % SECTOR == 0 && sector <= d->bytes / SECTOR && bytes <= d->bytes - sector * SECTOR;
}

static bool transfer(const BlkLane *l, uint64_t epoch, uint64_t sector, uint64_t bytes, bool write)
{
    const BlockPort *d = l->b->drive;
    if (!in_range(d, sector, bytes) || (write && d->read_only))
        return false;
    for (uint64_t at = 0, n; at < bytes; at += n) {
        n = MIN(bytes - at, (uint64_t)BOUNCE);
        bool ok = write ? virtio_take(&l->b->v, &l->chain, HEADER + at, l->bounce, n) &&
                              d->write(d->backend, sector * SECTOR + at, l->bounce, n)
                        : d->read(d->backend, sector * SECTOR + at, l->bounce, n) &&
                              give(l, epoch, at, l->bounce, n);
        if (!ok)
            return false;
    }
    return true;
}

static bool zero_by_writing(const BlkLane *l, uint64_t at, uint64_t bytes)
{
    const BlockPort *d = l->b->drive;
    memset(l->bounce, 0, BOUNCE);
    for (uint64_t n; bytes; at += n, bytes -= n) {
        n = MIN(bytes, (uint64_t)BOUNCE);
        if (!d->write(d->backend, at, l->bounce, n))
            return false;
    }
    return true;
}

/* Discard and write zeroes: ranges are in the request. */
static uint8_t clear_ranges(const BlkLane *l, bool discard)
{
    const VirtChain *c = &l->chain;
    const BlockPort *d = l->b->drive;
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } range;
    const uint64_t n = (c->readable - HEADER) / sizeof(range);
    if (n == 0 || n > MAX_CLEAR_SEGS || (c->readable - HEADER) % sizeof(range) || d->read_only)
        return S_IOERR;
    for (uint64_t k = 0; k < n; k++) {
        if (!virtio_take(&l->b->v, c, HEADER + k * sizeof(range), &range, sizeof(range)))
            return S_IOERR;
        if (range.flags & ~(uint32_t)(discard ? 0 : UNMAP))
            return S_UNSUPP;
        uint64_t at = range.sector * SECTOR, bytes = (uint64_t)range.sectors * SECTOR;
        if (range.sectors > MAX_CLEAR_SECTORS || !in_range(d, range.sector, bytes))
            return S_IOERR;
        bool ok = discard           ? !d->discard || d->discard(d->backend, at, bytes)
                  : d->write_zeroes ? d->write_zeroes(d->backend, at, bytes, range.flags & UNMAP)
                                    : zero_by_writing(l, at, bytes);
        if (!ok)
            return S_IOERR;
    }
    return S_OK;
}

static uint8_t get_id(const BlkLane *l, uint64_t epoch, uint64_t *ret_given)
{
    const VirtioBlk *b = l->b;
    const char *serial = b->serial[0] ? b->serial : b->drive->serial;
    char id[ID_BYTES] = {0};
    memcpy(id, serial, MIN(strlen(serial), sizeof(id)));
    *ret_given = MIN(l->chain.writable - 1, sizeof(id));
    return give(l, epoch, 0, id, *ret_given) ? S_OK : S_IOERR;
}

/* Returns the status; ret_given: bytes that the driver gets besides it. */
static uint8_t serve(const BlkLane *l, uint64_t epoch, uint64_t *ret_given)
{
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } head;
    const VirtChain *c = &l->chain;
    const BlockPort *d = l->b->drive;
    uint8_t status;
    *ret_given = 0;
    if (!virtio_take(&l->b->v, c, 0, &head, sizeof(head)))
        return S_IOERR;
    dev_trace(&l->b->v.dev, VIRTIO_BLK_REQUEST, "queue %u type %u sector %lu bytes %lu", l->queue, head.type,
              (unsigned long)head.sector, (unsigned long)(c->writable - 1 + c->readable - HEADER));
    switch (head.type) {
    case T_IN:
        *ret_given = c->writable - 1;
        return transfer(l, epoch, head.sector, c->writable - 1, false) ? S_OK : S_IOERR;
    case T_OUT: status = transfer(l, epoch, head.sector, c->readable - HEADER, true) ? S_OK : S_IOERR; break;
    case T_FLUSH: return d->flush(d->backend) ? S_OK : S_IOERR;
    case T_GET_ID: return get_id(l, epoch, ret_given);
    case T_DISCARD: return clear_ranges(l, true);
    case T_WRITE_ZEROES: status = clear_ranges(l, false); break;
    default: return S_UNSUPP;
    }
    bool through = !(l->b->s.driver_features & F_FLUSH);
    return status == S_OK && through && !d->flush(d->backend) ? S_IOERR : status;
}

/* One request; lock held, but not while the back end works. False: there is none. */
static bool serve_next(BlkLane *l)
{
    VirtioBlk *b = l->b;
    const VirtChain *c = &l->chain;
    uint64_t given = 0, epoch = b->epoch;
    if (!virtio_pop(&b->v, l->queue, &l->chain))
        return false;
    if (c->readable < HEADER || c->writable == 0) {
        virtio_broken(&b->v, "a request without header or status");
        return false;
    }
    b->busy[l->queue] = c->slots;
    lock_release(&b->v.dev.lock);
    uint8_t status = serve(l, epoch, &given);
    lock_take(&b->v.dev.lock);
    if (b->epoch != epoch)
        return true;
    b->busy[l->queue] = 0;
    if (!virtio_give(&b->v, c, c->writable - 1, &status, 1)) {
        virtio_broken(&b->v, "a status outside of memory");
        return false;
    }
    virtio_push(&b->v, l->queue, c, (uint32_t)MIN(given + 1, UINT32_MAX));
    virtio_signal(&b->v, l->queue);
    return true;
}

static void run_lane(void *opaque)
{
    BlkLane *l = opaque;
    lock_take(&l->b->v.dev.lock);
    while (!l->b->busy[l->queue] && serve_next(l)) {}
    lock_release(&l->b->v.dev.lock);
}

static void blk_notify(VirtioDevice *v, unsigned queue)
{
    VirtioBlk *b = (VirtioBlk *)v;
    BlkLane *l = &b->lane[queue];
    if (b->drive->jobs) {
        b->drive->jobs->post(b->drive->jobs->backend, &l->job);
        return;
    }
    lock_release(&v->dev.lock);
    run_lane(l);
    lock_take(&v->dev.lock);
}

static void blk_started(VirtioDevice *v)
{
    for (unsigned q = 0; q < virtio_queues(v); q++)
        virtio_notify(v, q);
}

static unsigned blk_queues(const VirtioDevice *v) { return ((const VirtioBlk *)v)->num_queues; }

static uint64_t blk_features(const VirtioDevice *v)
{
    const VirtioBlk *b = (const VirtioBlk *)v;
    return F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_TOPOLOGY | (b->num_queues > 1 ? F_MQ : 0) |
           (b->drive->read_only ? F_RO
                                : (b->discard ? F_DISCARD : 0) | (b->write_zeroes ? F_WRITE_ZEROES : 0));
}

static void blk_config(const VirtioDevice *v, uint8_t *to, unsigned bytes)
{
    enum {
        CAPACITY = 0,
        SEG_MAX = 12,
        BLK_SIZE = 20,
        PHYSICAL_EXP = 24,
        NUM_QUEUES = 34,
        DISCARD = 36,
        ZEROES = 48
    };
    const VirtioBlk *b = (const VirtioBlk *)v;
    const uint64_t capacity = b->drive->bytes / SECTOR;
    const uint32_t seg_max = VIRTIO_QUEUE_MAX - 2, size = b->logical_bytes;
    const uint16_t queues = (uint16_t)b->num_queues;
    const uint32_t limits[3] = {MAX_CLEAR_SECTORS, MAX_CLEAR_SEGS,
                                1}; /* sectors, segments, alignment or unmap */
    memcpy(to + CAPACITY, &capacity, sizeof(capacity));
    memcpy(to + SEG_MAX, &seg_max, sizeof(seg_max));
    memcpy(to + BLK_SIZE, &size, sizeof(size));
    to[PHYSICAL_EXP] = (uint8_t)(__builtin_ctz(b->physical_bytes) - __builtin_ctz(size));
    memcpy(to + NUM_QUEUES, &queues, sizeof(queues));
    memcpy(to + DISCARD, limits, 12);
    memcpy(to + ZEROES, limits, 9);
}

static const VirtioOps ops = {.id = 2,
                              .queues = VIRTIO_QUEUES,
                              .queues_now = blk_queues,
                              .features = blk_features,
                              .notify = blk_notify,
                              .config = blk_config,
                              .started = blk_started,
                              .pci_class = 0x010000,
                              .pci_old_id = 0x1001};

static bool blk_realize(Device *dev, DevError *err)
{
    VirtioBlk *b = (VirtioBlk *)dev;
    if (!b->drive)
        return dev_fail(err, "virtio-blk: which drive?");
    if (b->num_queues == 0 || b->num_queues > VIRTIO_QUEUES)
        return dev_fail(err, "virtio-blk: %u queues; 1 to %u are possible", b->num_queues,
                        (unsigned)VIRTIO_QUEUES);
    const uint32_t logical = b->logical_bytes, physical = b->physical_bytes;
    if (logical < SECTOR || logical > 2 << 20 || logical & (logical - 1) || physical < logical ||
        physical > 2 << 20 || physical & (physical - 1))
        return dev_fail(err, "virtio-blk: blocks of %u bytes, physically %u", logical, physical);
    b->lane = calloc(b->num_queues, sizeof(*b->lane));
    for (unsigned q = 0; b->lane && q < b->num_queues; q++) {
        b->lane[q] = (BlkLane){.b = b, .queue = q, .bounce = malloc(BOUNCE)};
        b->lane[q].job = (Job){.run = run_lane, .opaque = &b->lane[q]};
        if (!b->lane[q].bounce)
            return dev_fail(err, "no memory");
    }
    virtio_init(&b->v, &ops, &b->s);
    return b->lane || dev_fail(err, "no memory");
}

static void blk_reset(Device *dev)
{
    VirtioBlk *b = (VirtioBlk *)dev;
    b->epoch++;
    memset(b->busy, 0, sizeof(b->busy));
    virtio_reset(&b->v);
}

static bool blk_loaded(Device *dev, DevError *err)
{
    VirtioBlk *b = (VirtioBlk *)dev;
    b->epoch++;
    if (!virtio_check(&b->v, err))
        return false;
    for (unsigned q = 0; q < VIRTIO_QUEUES; q++) {
        if (b->busy[q])
            virtio_unpop(&b->v, q, b->busy[q]);
        b->busy[q] = 0;
        if (q < b->num_queues && b->drive->jobs)
            virtio_notify(&b->v, q);
    }
    return true;
}

static void blk_clear(Device *dev)
{
    VirtioBlk *b = (VirtioBlk *)dev;
    virtio_clear((VirtioDevice *)dev);
    for (unsigned q = 0; b->lane && q < b->num_queues; q++) {
        if (b->drive->jobs)
            b->drive->jobs->drain(b->drive->jobs->backend, &b->lane[q].job);
        free(b->lane[q].bounce);
    }
    free(b->lane);
}

static const DevProp props[] = {
    VIRTIO_PROPS(VirtioBlk),
    {"num-queues", "request queues", offsetof(VirtioBlk, num_queues), PROP_U32, 4, 1},
    DEV_TEXT(VirtioBlk, serial, "what the disk is called"),
    DEV_BOOL(VirtioBlk, discard, "offer to discard", 1),
    {"write-zeroes", "offer to write zeroes", offsetof(VirtioBlk, write_zeroes), PROP_BOOL, sizeof(bool), 1},
    {"logical_block_size", "the guest's unit", offsetof(VirtioBlk, logical_bytes), PROP_U32, 4, SECTOR},
    {"physical_block_size", "that of the medium", offsetof(VirtioBlk, physical_bytes), PROP_U32, 4, SECTOR},
    DEV_PTR(VirtioBlk, drive, "back end"),
};
static const DevField state[] = {VIRTIO_ROWS(VirtioBlk), DEV_ARRAY(VirtioBlk, busy)};

const DevClass virtio_blk_class = {
    .name = "virtio-blk-device", .help = "disk", .version = 3, .bus = "virtio",
    DEV_TABLES(VirtioBlk, props, state),
    .realize = blk_realize, .reset = blk_reset, .loaded = blk_loaded, .clear = blk_clear,
};
