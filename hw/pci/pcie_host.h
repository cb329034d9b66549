/* pcie-host: a PCI Express host bridge with a flat configuration window (ECAM) and nothing to set up: the
 * "generic" one of device trees. Regions: 0 ECAM (256 MiB), 1 I/O (64 KiB), 2 memory below 4 GiB, 3 memory
 * above. Properties say which bus addresses the memory windows begin at, and how long they are.
 * Pins of the root bus lead to lines 0 to 3, turned by the slot. PCs have no express capabilities there
 * (express=off), a function 0 of their own (bridge), and slots whose pins lead to lines 4 to 7, not turned
 * (own_pins).
 * links: bridge (PciFunction, may be NULL), intx (IrqLine[PCIE_LINES], or [4] without own_pins), msi
 * (MsiTarget, may be NULL), requests (MachineRequests, for hot plug; may be NULL). */
#ifndef HW_PCI_PCIE_HOST_H
#define HW_PCI_PCIE_HOST_H

#include "hw/pci/pci.h"

enum { PCIE_ECAM, PCIE_IO, PCIE_LOW, PCIE_HIGH, PCIE_LINES = 8 };

extern const DevClass pcie_host_class;
extern const DevClass pcie_root_port_class; /* a bus of its own behind it, with a slot for hot plug */

/* Configuration space; at: as in the ECAM window. */
uint32_t pcie_host_config_read(Device *host, uint64_t at, unsigned size);
void pcie_host_config_write(Device *host, uint64_t at, uint32_t value, unsigned size);

/* Memory at a bus address that no window leads to, as that below 1 MiB on PCs. */
uint64_t pcie_host_memory_read(Device *host, uint64_t at, unsigned size);
void pcie_host_memory_write(Device *host, uint64_t at, uint64_t value, unsigned size);

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
