/* virtio-balloon: memory that a guest lends to its host (specification 1.2, "Traditional Memory Balloon
 * Device"), without statistics. */
#ifndef HW_VIRTIO_VIRTIO_BALLOON_H
#define HW_VIRTIO_VIRTIO_BALLOON_H

#include "hw/virtio/virtio.h"

extern const DevClass virtio_balloon_class; /* no links */
/* How many pages of 4 KiB the host would like; how many it has. By any thread, without locks. */
void virtio_balloon_want(Device *balloon, uint32_t pages);
uint32_t virtio_balloon_has(Device *balloon);

#endif
