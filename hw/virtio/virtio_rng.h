/* virtio-rng: random bytes (specification 1.2, "Entropy Device"). */
#ifndef HW_VIRTIO_VIRTIO_RNG_H
#define HW_VIRTIO_VIRTIO_RNG_H

#include "hw/virtio/virtio.h"

extern const DevClass virtio_rng_class; /* links: source (EntropyPort) */

#endif
