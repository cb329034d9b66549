/*
 * VirtioDevice: what all virtio devices (specification 1.2) share, under any transport: features, status,
 * split and packed rings.
 *
 * A device's struct begins with VirtioDevice and has a VirtioState in its state part, with VIRTIO_ROWS in its
 * table and VIRTIO_PROPS among its properties. Its ops are called with the device's lock held, which is the
 * transport's, too. A device that works in another thread takes that lock for everything declared here.
 * A driver that adds requests as fast as they are served holds the cpu that notified for VIRTIO_AT_ONCE of
 * them; the rest is served by the machine's clock, some at a time.
 * Rings are hostile input: what makes no sense sets DEVICE_NEEDS_RESET and stops the device (virtio_broken).
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

enum { VIRTIO_QUEUES = 64, VIRTIO_QUEUE_MAX = 256, VIRTIO_MAX_SEGS = 260, VIRTIO_CONFIG_BYTES = 256 };
enum { VIRTIO_AT_ONCE = 4 * VIRTIO_QUEUE_MAX, VIRTIO_AGAIN_NS = 100000 };
enum { VIRTIO_S_DRIVER_OK = 4, VIRTIO_S_FEATURES_OK = 8, VIRTIO_S_NEEDS_RESET = 64 };
enum { VIRTIO_ISR_USED = 1, VIRTIO_ISR_CONFIG = 2 };
#define VIRTIO_F_INDIRECT  (1ull << 28)
#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)
#define VIRTIO_F_PACKED    (1ull << 34)

typedef struct VirtioState {
    uint64_t driver_features;
    uint32_t status, isr, generation;
    uint64_t more; /* a bit for each queue that a notification did not empty */
    uint64_t desc[VIRTIO_QUEUES], driver[VIRTIO_QUEUES], device[VIRTIO_QUEUES]; /* the parts of each ring */
    uint16_t num[VIRTIO_QUEUES], ready[VIRTIO_QUEUES];
    uint16_t avail[VIRTIO_QUEUES], used[VIRTIO_QUEUES]; /* next of each; packed: below num */
    /* Split: `used` when virtio_signal() last looked. Packed: descriptors used since. */
    uint16_t signalled[VIRTIO_QUEUES];
    uint16_t wrap[VIRTIO_QUEUES]; /* packed: 1 = wrap counter of avail, 2 = of used */
} VirtioState;

#define VIRTIO_ROWS(S)                                                                                       \
    DEV_FIELD(S, s.driver_features), DEV_FIELD(S, s.status), DEV_FIELD(S, s.isr),                            \
        DEV_FIELD(S, s.generation), DEV_FIELD(S, s.more), DEV_ARRAY(S, s.desc), DEV_ARRAY(S, s.driver),      \
        DEV_ARRAY(S, s.device), DEV_ARRAY(S, s.num), DEV_ARRAY(S, s.ready), DEV_ARRAY(S, s.avail),           \
        DEV_ARRAY(S, s.used), DEV_ARRAY(S, s.signalled), DEV_ARRAY(S, s.wrap)

typedef struct VirtioDevice VirtioDevice;

typedef struct VirtioOps {
    uint16_t id;         /* of the specification */
    uint8_t queues;      /* the most it has */
    unsigned (*queues_now)(const VirtioDevice *v); /* of this one; NULL: `queues` */
    uint64_t (*features)(const VirtioDevice *v); /* besides those of rings */
    void (*notify)(VirtioDevice *v, unsigned queue);
    /* the whole space, zeroed before; may be NULL */
    void (*config)(const VirtioDevice *v, uint8_t *to, unsigned bytes);
    void (*write_config)(VirtioDevice *v, unsigned at, uint64_t value, unsigned size); /* may be NULL */
    void (*started)(VirtioDevice *v); /* the driver is ready; may be NULL */
    uint32_t pci_class;  /* class, subclass, interface of it as a PCI function */
    uint16_t pci_old_id; /* what its transitional form is called there */
} VirtioOps;

enum { VIRTIO_CONFIG_CHANGE = -1, VIRTIO_ISR_CHANGE = -2 }; /* instead of a queue, for `interrupt` */

struct VirtioDevice {
    Device dev;
    bool packed, event_idx, indirect; /* properties: features that are offered */
    const VirtioOps *ops;
    VirtioState *s;
    /* A queue has used something, the configuration has changed, or s->isr has (reset, loaded state). */
    void (*interrupt)(void *transport, int queue);
    void *transport;
    bool no_dma;  /* the transport forbids it, for now */
    bool bounded; /* within a notification: that many more requests are served */
    uint16_t left;
    Timer again;  /* then the queues in s->more are gone on with */
};

#define VIRTIO_PROPS(S)                                                                                      \
    {"packed", "offer packed rings", offsetof(S, v.packed), PROP_BOOL, sizeof(bool), 0},                     \
        {"event_idx", "offer event indexes", offsetof(S, v.event_idx), PROP_BOOL, sizeof(bool), 1},          \
    {                                                                                                        \
        "indirect_desc", "offer indirect descriptors", offsetof(S, v.indirect), PROP_BOOL, sizeof(bool), 1   \
    }

typedef struct VirtSeg {
    uint64_t at;
    uint32_t bytes;
    bool writable; /* by the device */
} VirtSeg;

/* One request. Readable segments come first. */
typedef struct VirtChain {
    uint16_t head;  /* split: the first descriptor; packed: the buffer's id */
    uint16_t slots; /* of the ring that it takes */
    unsigned n;
    uint64_t readable, writable; /* bytes */
    VirtSeg seg[VIRTIO_MAX_SEGS];
} VirtChain;

void virtio_init(VirtioDevice *v, const VirtioOps *ops, VirtioState *s); /* in realize */
void virtio_clear(VirtioDevice *v); /* in clear */
void virtio_reset(VirtioDevice *v);
uint64_t virtio_features(const VirtioDevice *v);
unsigned virtio_queues(const VirtioDevice *v);
/* For `loaded`: is the state one that virtio can have? Raises the interrupt line again. */
bool virtio_check(VirtioDevice *v, DevError *err);

/* For transports. */
void virtio_write_status(VirtioDevice *v, uint32_t value); /* not 0, which is a reset */
void virtio_write_features(VirtioDevice *v, unsigned word, uint32_t value);
void virtio_set_size(VirtioDevice *v, unsigned queue, uint32_t entries);
void virtio_set_ready(VirtioDevice *v, unsigned queue, bool ready);
void virtio_notify(VirtioDevice *v, uint32_t queue);
uint64_t virtio_read_config(const VirtioDevice *v, uint64_t at, unsigned size);
void virtio_set_half(uint64_t *v, bool high, uint32_t value);

/* The next request; false: there is none, or the device is broken. */
bool virtio_pop(VirtioDevice *v, unsigned queue, VirtChain *ret);
/* Takes back the last pop, or pops: `slots` of the ring. */
void virtio_unpop(VirtioDevice *v, unsigned queue, unsigned slots);
/* The request is done, so many bytes of it written; then, after one or more of them, virtio_signal(). */
void virtio_push(VirtioDevice *v, unsigned queue, const VirtChain *c, uint32_t written);
void virtio_signal(VirtioDevice *v, unsigned queue);
void virtio_config_changed(VirtioDevice *v);
void virtio_broken(VirtioDevice *v, const char *why);
/* Does the queue work? */
bool virtio_works(const VirtioDevice *v, unsigned queue);

/* Bytes [at, at + n) of the readable, or writable, part. False: part of them is outside, or no RAM. */
bool virtio_take(const VirtioDevice *v, const VirtChain *c, uint64_t at, void *to, uint64_t n);
bool virtio_give(const VirtioDevice *v, const VirtChain *c, uint64_t at, const void *from, uint64_t n);

#endif
