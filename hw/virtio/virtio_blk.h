/* virtio-blk: a disk (specification 1.2, "Block Device"). */
#ifndef HW_VIRTIO_VIRTIO_BLK_H
#define HW_VIRTIO_VIRTIO_BLK_H

#include "hw/virtio/virtio.h"

extern const DevClass virtio_blk_class; /* links: drive (BlockPort) */

#endif
