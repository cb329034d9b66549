/* A virtio driver in C: one device over virtio-mmio at address 0 of the kit's map, rings and data in RAM. */
#ifndef TESTS_DEV_VIRTIO_RIG_H
#define TESTS_DEV_VIRTIO_RIG_H

#include "tests/dev/dev_kit.h"

#include "hw/core/ports.h"
#include "hw/virtio/virtio.h"

enum { RIG_RAM = 0x100000, RIG_RAM_BYTES = 0x60000, RIG_DATA = RIG_RAM + 0x20000, RIG_QUEUE = 8 };
enum { RIG_DISK_BYTES = 64 * 512 };

typedef struct Rig {
    DevKit k;
    RamBlock ram;
    MemRegion ram_region;
    VirtioDevice *device;
    const DevClass *cls;
    const char *const *props;
    const char *link;
    void *backend;
    unsigned queues;
    uint16_t avail[VIRTIO_QUEUES];
    /* a disk and other back ends */
    BlockPort drive;
    EntropyPort entropy;
    uint8_t disk[RIG_DISK_BYTES];
    unsigned flushes, discards;
    bool fails;
} Rig;

/* Fills in drive and entropy, then plugs the device: link names its connection to backend. */
void rig_prepare(Rig *r);
void rig_plug(Rig *r, const DevClass *cls, const char *const *props, const char *link, void *backend,
              unsigned queues);
void rig_start(Rig *r, uint64_t features);
void rig_clear(Rig *r);

static inline uint64_t rig_desc_at(unsigned q) { return RIG_RAM + 0x3000ull * q; }
static inline uint64_t rig_avail_at(unsigned q) { return rig_desc_at(q) + 0x1000; }
static inline uint64_t rig_used_at(unsigned q) { return rig_desc_at(q) + 0x2000; }

uint32_t rig_get(Rig *r, uint64_t at);
void rig_put(Rig *r, uint64_t at, uint32_t v);
void rig_poke(Rig *r, uint64_t at, const void *from, size_t n);
void rig_peek(Rig *r, uint64_t at, void *to, size_t n);
/* Split rings. flags: 1 next, 2 the device writes, 4 indirect. */
void rig_desc(Rig *r, unsigned q, unsigned n, uint64_t at, uint32_t bytes, uint16_t flags, uint16_t next);
void rig_offer(Rig *r, unsigned q, uint16_t head);
uint16_t rig_used(Rig *r, unsigned q);
uint32_t rig_used_bytes(Rig *r, unsigned q, unsigned n); /* of entry n */

#endif
