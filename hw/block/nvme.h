/* nvme: a controller with one namespace of 512-byte blocks (NVM Express 1.4), as a function of PCI. BARs: 0
 * its registers, 4 MSI-X. */
#ifndef HW_BLOCK_NVME_H
#define HW_BLOCK_NVME_H

#include "hw/pci/pci.h"

extern const DevClass nvme_class; /* links: drive (BlockPort) */

#endif
