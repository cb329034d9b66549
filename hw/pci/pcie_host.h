/* pcie-host: a PCI Express host bridge with a flat configuration window (ECAM) and nothing to set up: the
 * "generic" one of device trees. Regions: 0 ECAM (256 MiB), 1 I/O (64 KiB), 2 memory below 4 GiB, 3 memory
 * above. Properties say which bus addresses the memory windows begin at, and how long they are.
 * links: intx (IrqLine[4]), msi (MsiTarget, may be NULL). */
#ifndef HW_PCI_PCIE_HOST_H
#define HW_PCI_PCIE_HOST_H

#include "hw/pci/pci.h"

enum { PCIE_ECAM, PCIE_IO, PCIE_LOW, PCIE_HIGH };

extern const DevClass pcie_host_class;
extern const DevClass pcie_root_port_class; /* properties: id, addr; a bus of its own behind it */

#endif
