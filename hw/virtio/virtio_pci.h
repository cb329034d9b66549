/* virtio-pci: the transport of virtio as a function of PCI (specification 1.2, 4.1), modern interface.
 * Made with a link to its device, which was realized before; then plugged in by pci_plug(). */
#ifndef HW_VIRTIO_VIRTIO_PCI_H
#define HW_VIRTIO_VIRTIO_PCI_H

#include "hw/pci/pci.h"
#include "hw/virtio/virtio.h"

extern const DevClass virtio_pci_class; /* links: device (VirtioDevice) */

#endif
