/* virtio-mmio: the transport of virtio over a page of registers (specification 1.2, version 2 of the
 * interface). Without a device it reads as empty. */
#ifndef HW_VIRTIO_VIRTIO_MMIO_H
#define HW_VIRTIO_VIRTIO_MMIO_H

#include "hw/virtio/virtio.h"

extern const DevClass virtio_mmio_class; /* links: irq (IrqLine), device (VirtioDevice, realized before), may
                                          * be NULL */

#endif
