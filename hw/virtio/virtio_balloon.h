/* virtio-balloon: memory that a guest lends to its host (specification 1.2, "Traditional Memory Balloon
 * Device"), and what it says of its memory. */
#ifndef HW_VIRTIO_VIRTIO_BALLOON_H
#define HW_VIRTIO_VIRTIO_BALLOON_H

#include "hw/virtio/virtio.h"

extern const DevClass virtio_balloon_class; /* links: requests (MachineRequests; may be NULL) */
bool virtio_balloon_is(const Device *d);

/* By the specification's tags. */
enum { BALLOON_STATS = 10 };
typedef struct BalloonStats {
    uint64_t value[BALLOON_STATS]; /* UINT64_MAX: the guest did not say */
    uint64_t at_ns;                /* virtual time; 0: never */
} BalloonStats;

/* By any thread, without locks. How many pages of 4 KiB the host would like; how many it has; how often the
 * guest is asked for its statistics, 0: not at all; the last of them. */
void virtio_balloon_want(Device *balloon, uint32_t pages);
uint32_t virtio_balloon_has(Device *balloon);
void virtio_balloon_poll(Device *balloon, uint32_t seconds);
uint32_t virtio_balloon_polled(Device *balloon);
void virtio_balloon_stats(Device *balloon, BalloonStats *ret);

#endif
