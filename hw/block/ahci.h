/* ich9-ahci: the SATA controller of ICH9 (316972) as an AHCI one (AHCI 1.3.1): six ports with a drive each,
 * 32 commands a port, queued ones too. Buses: <its id>.0 to .5. */
#ifndef HW_BLOCK_AHCI_H
#define HW_BLOCK_AHCI_H

#include "hw/block/ata_bus.h"
#include "hw/pci/pci.h"

enum { AHCI_PORTS = 6 };

extern const DevClass ich9_ahci_class;

AtaBus *ahci_bus(Device *d);

#endif
