/*
 * VirtioDevice: what all virtio devices (specification 1.2) share, under any transport: features, status,
 * split rings.
 *
 * A device's struct begins with VirtioDevice and has a VirtioState in its state part, with VIRTIO_ROWS in its
 * table. Its ops are called with the device's lock held, which is the transport's, too.
 * Rings are hostile input: what makes no sense sets DEVICE_NEEDS_RESET and stops the device (virtio_broken).
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include "hw/core/dev_impl.h"

enum { VIRTIO_QUEUES = 4, VIRTIO_QUEUE_MAX = 256, VIRTIO_MAX_SEGS = 260 };
enum { VIRTIO_S_DRIVER_OK = 4, VIRTIO_S_FEATURES_OK = 8, VIRTIO_S_NEEDS_RESET = 64 };
enum { VIRTIO_ISR_USED = 1, VIRTIO_ISR_CONFIG = 2 };
#define VIRTIO_F_INDIRECT  (1ull << 28)
#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)

typedef struct VirtioState {
    uint64_t driver_features;
    uint32_t status, isr, generation;
    uint64_t desc[VIRTIO_QUEUES], driver[VIRTIO_QUEUES], device[VIRTIO_QUEUES]; /* the parts of each ring */
    uint16_t num[VIRTIO_QUEUES], ready[VIRTIO_QUEUES], avail[VIRTIO_QUEUES], used[VIRTIO_QUEUES];
    uint16_t signalled[VIRTIO_QUEUES]; /* `used` when virtio_signal() last looked */
} VirtioState;

#define VIRTIO_ROWS(S)                                                                                       \
    DEV_FIELD(S, s.driver_features), DEV_FIELD(S, s.status), DEV_FIELD(S, s.isr),                            \
        DEV_FIELD(S, s.generation),                                                                          \
    DEV_ARRAY(S, s.desc), DEV_ARRAY(S, s.driver), DEV_ARRAY(S, s.device), DEV_ARRAY(S, s.num),               \
        DEV_ARRAY(S, s.ready),                                                                               \
    DEV_ARRAY(S, s.avail), DEV_ARRAY(S, s.used), DEV_ARRAY(S, s.signalled)

typedef struct VirtioDevice VirtioDevice;

typedef struct VirtioOps {
    uint16_t id;         /* of the specification */
    uint8_t queues;
    uint64_t (*features)(const VirtioDevice *v); /* besides those of rings */
    void (*notify)(VirtioDevice *v, unsigned queue);
    /* the whole space, zeroed before; may be NULL */
    void (*config)(const VirtioDevice *v, uint8_t *to, unsigned bytes);
    void (*write_config)(VirtioDevice *v, unsigned at, uint64_t value, unsigned size); /* may be NULL */
} VirtioOps;

struct VirtioDevice {
    Device dev;
    const VirtioOps *ops;
    VirtioState *s;
    void (*interrupt)(void *transport); /* s->isr has changed */
    void *transport;
};

typedef struct VirtSeg {
    uint64_t at;
    uint32_t bytes;
    bool writable; /* by the device */
} VirtSeg;

/* One request. Readable segments come first. */
typedef struct VirtChain {
    uint16_t head;
    unsigned n;
    uint64_t readable, writable; /* bytes */
    VirtSeg seg[VIRTIO_MAX_SEGS];
} VirtChain;

void virtio_init(VirtioDevice *v, const VirtioOps *ops, VirtioState *s); /* in realize */
void virtio_reset(VirtioDevice *v);
uint64_t virtio_features(const VirtioDevice *v);
/* For `loaded`: is the state one that virtio can have? Raises the interrupt line again. */
bool virtio_check(VirtioDevice *v, DevError *err);

/* The next request; false: there is none, or the device is broken. */
bool virtio_pop(VirtioDevice *v, unsigned queue, VirtChain *ret);
/* The request is done, so many bytes of it written; then, after one or more of them, virtio_signal(). */
void virtio_push(VirtioDevice *v, unsigned queue, const VirtChain *c, uint32_t written);
void virtio_signal(VirtioDevice *v, unsigned queue);
void virtio_broken(VirtioDevice *v, const char *why);

/* Bytes [at, at + n) of the readable, or writable, part. False: part of them is outside, or no RAM. */
bool virtio_take(const VirtioDevice *v, const VirtChain *c, uint64_t at, void *to, uint64_t n);
bool virtio_give(const VirtioDevice *v, const VirtChain *c, uint64_t at, const void *from, uint64_t n);

#endif
