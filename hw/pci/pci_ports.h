/* pci-ports: configuration space by ports, and the reset control register of chip sets. Region 0: ports cf8
 * to cff (address, cf9 reset control, data). links: host (the host bridge), machine (MachineRequests). */
#ifndef HW_PCI_PCI_PORTS_H
#define HW_PCI_PCI_PORTS_H

#include "hw/core/dev.h"

extern const DevClass pci_ports_class;

#endif
