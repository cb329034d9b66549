/* piix3-ide: the IDE part of PIIX3 (290550), function 1 of the bridge to ISA: two channels of two drives at
 * the ports of old, with bus-master DMA (Programming Interface for Bus Master IDE 1.0) in BAR 4. Regions:
 * 0 and 1 command and control ports of the first channel, 2 and 3 of the second. Buses: <its id>.0, .1. */
#ifndef HW_BLOCK_IDE_H
#define HW_BLOCK_IDE_H

#include "hw/block/ata_bus.h"
#include "hw/pci/pci.h"

enum { IDE_CHANNELS = 2 };

extern const DevClass piix3_ide_class; /* links: irq (IrqLine[2], of the channels) */

AtaBus *ide_bus(Device *d);

#endif
