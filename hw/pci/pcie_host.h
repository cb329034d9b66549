/* pcie-host: a PCI Express host bridge with a flat configuration window (ECAM) and nothing to set up: the
 * "generic" one of device trees. Regions: 0 ECAM (256 MiB), 1 I/O (64 KiB), 2 memory below 4 GiB, 3 memory
 * above. Properties say which bus addresses the memory windows begin at, and how long they are.
 * links: intx (IrqLine[4]), msi (MsiTarget, may be NULL), requests (MachineRequests, for hot plug; may be
 * NULL). */
#ifndef HW_PCI_PCIE_HOST_H
#define HW_PCI_PCIE_HOST_H

#include "hw/pci/pci.h"

enum { PCIE_ECAM, PCIE_IO, PCIE_LOW, PCIE_HIGH };

extern const DevClass pcie_host_class;
extern const DevClass pcie_root_port_class; /* a bus of its own behind it, with a slot for hot plug */

/* A slot while the machine is there; with no cpu running, and without locks. The function was plugged in and
 * reset, or is off its bus already. */
bool pcie_slot_is_hot(const Device *port);   /* can things come and go? */
void pcie_slot_filled(Device *port, bool cold); /* cold: as if it had been there from the beginning */
void pcie_slot_emptied(Device *port);
/* The attention button: the guest is to let the device go, and says so by MachineRequests.eject with the
 * port. False: that was asked already. */
bool pcie_slot_press(Device *port);
/* The n-th function in the slot; NULL: there are fewer. */
PciFunction *pcie_slot_at(const Device *port, unsigned n);

#endif
