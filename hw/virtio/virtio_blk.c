/* Requests are done one after the other by the thread that notifies. A flush request is a flush of the back
 * end; without the feature FLUSH the driver would not know that there is something to flush, so each write is
 * one then. */
#include "hw/virtio/virtio_blk.h"
#include "hw/core/ports.h"

#include <stdlib.h>

#define F_SEG_MAX  (1ull << 2)
#define F_RO       (1ull << 5)
#define F_BLK_SIZE (1ull << 6)
#define F_FLUSH    (1ull << 9)

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, S_OK = 0, S_IOERR = 1, S_UNSUPP = 2, SECTOR = 512,
       ID_BYTES = 20,
       HEADER = 16, BOUNCE = 64 << 10 };

typedef struct VirtioBlk {
    VirtioDevice v;
    BlockPort *drive;
    uint8_t *bounce;
    DEV_STATE_BEGIN
    VirtioState s;
    DEV_STATE_END
} VirtioBlk;

static bool transfer(VirtioBlk *b, const VirtChain *c, uint64_t sector, uint64_t bytes, bool write)
{
    const BlockPort *d = b->drive;
    if (bytes % SECTOR || sector > d->bytes / SECTOR || bytes > d->bytes - sector * SECTOR ||
        (write && d->read_only))
        return false;
    for (uint64_t at = 0, n; at < bytes; at += n) {
        n = MIN(bytes - at, (uint64_t)BOUNCE);
        bool ok = write ? virtio_take(&b->v, c, HEADER + at, b->bounce, n) &&
                              d->write(d->backend, sector * SECTOR + at, b->bounce, n)
                        : d->read(d->backend, sector * SECTOR + at, b->bounce, n) &&
                              virtio_give(&b->v, c, at, b->bounce, n);
        if (!ok)
            return false;
    }
    return !write || (b->s.driver_features & F_FLUSH) || d->flush(d->backend);
}

/* Returns the status; ret_given: bytes that the driver gets besides it. */
static uint8_t serve(VirtioBlk *b, const VirtChain *c, uint64_t *ret_given)
{
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } head;
    char id[ID_BYTES] = {0};
    const BlockPort *d = b->drive;
    *ret_given = 0;
    if (!virtio_take(&b->v, c, 0, &head, sizeof(head)))
        return S_IOERR;
    switch (head.type) {
    case T_IN:
        *ret_given = c->writable - 1;
        return transfer(b, c, head.sector, c->writable - 1, false) ? S_OK : S_IOERR;
    case T_OUT: return transfer(b, c, head.sector, c->readable - HEADER, true) ? S_OK : S_IOERR;
    case T_FLUSH: return d->flush(d->backend) ? S_OK : S_IOERR;
    case T_GET_ID:
        memcpy(id, d->serial, MIN(strlen(d->serial), sizeof(id)));
        *ret_given = MIN(c->writable - 1, sizeof(id));
        return virtio_give(&b->v, c, 0, id, *ret_given) ? S_OK : S_IOERR;
    default: return S_UNSUPP;
    }
}

static void blk_notify(VirtioDevice *v, unsigned queue)
{
    VirtioBlk *b = (VirtioBlk *)v;
    VirtChain c;
    while (virtio_pop(v, queue, &c)) {
        uint64_t given = 0;
        if (c.readable < HEADER || c.writable == 0) {
            virtio_broken(v, "a request without header or status");
            return;
        }
        uint8_t status = serve(b, &c, &given);
        if (!virtio_give(v, &c, c.writable - 1, &status, 1)) {
            virtio_broken(v, "a status outside of memory");
            return;
        }
        virtio_push(v, queue, &c, (uint32_t)given + 1);
        virtio_signal(v, queue);
    }
}

static uint64_t blk_features(const VirtioDevice *v)
{
    const VirtioBlk *b = (const VirtioBlk *)v;
    return F_SEG_MAX | F_BLK_SIZE | F_FLUSH | (b->drive->read_only ? F_RO : 0);
}

static void blk_config(const VirtioDevice *v, uint8_t *to, unsigned bytes)
{
    enum { CAPACITY = 0, SEG_MAX = 12, BLK_SIZE = 20 };
    const VirtioBlk *b = (const VirtioBlk *)v;
    const uint64_t capacity = b->drive->bytes / SECTOR;
    const uint32_t seg_max = VIRTIO_QUEUE_MAX - 2, size = SECTOR;
    memcpy(to + CAPACITY, &capacity, sizeof(capacity));
    memcpy(to + SEG_MAX, &seg_max, sizeof(seg_max));
    memcpy(to + BLK_SIZE, &size, sizeof(size));
}

static const VirtioOps ops = {.id = 2, .queues = 1, .features = blk_features, .notify = blk_notify,
                              .config = blk_config};

static bool blk_realize(Device *dev, DevError *err)
{
    VirtioBlk *b = (VirtioBlk *)dev;
    if (!b->drive)
        return dev_fail(err, "virtio-blk: which drive?");
    b->bounce = malloc(BOUNCE);
    if (!b->bounce)
        return dev_fail(err, "no memory");
    virtio_init(&b->v, &ops, &b->s);
    return true;
}

static void blk_reset(Device *dev) { virtio_reset((VirtioDevice *)dev); }
static bool blk_loaded(Device *dev, DevError *err) { return virtio_check((VirtioDevice *)dev, err); }
static void blk_clear(Device *dev) { free(((VirtioBlk *)dev)->bounce); }

static const DevProp props[] = {DEV_PTR(VirtioBlk, drive, "back end")};
static const DevField state[] = {VIRTIO_ROWS(VirtioBlk)};

const DevClass virtio_blk_class = {
    .name = "virtio-blk-device", .help = "disk", .version = 1, .bus = "virtio",
    DEV_TABLES(VirtioBlk, props, state),
    .realize = blk_realize, .reset = blk_reset, .loaded = blk_loaded, .clear = blk_clear,
};
