/* acpi-pci-hotplug: registers by which AML takes part when functions come to the root bus of a PC without PCI
 * Express and leave it. Region 0: ports (0x14 bytes): slots that were filled, slots that are to be let go
 * (both cleared by reading), slots that are let go (written), slots that can be; the bus that it is about, of
 * which there is number 0.
 * links: event (IrqLine: a general purpose event), host, machine (MachineRequests, may be NULL). */
#ifndef HW_PCI_PCI_HOT_PLUG_H
#define HW_PCI_PCI_HOT_PLUG_H

#include "hw/core/dev.h"

enum {
    PCI_HOT_PLUG_UP = 0,
    PCI_HOT_PLUG_DOWN = 4,
    PCI_HOT_PLUG_EJECT = 8,
    PCI_HOT_PLUG_CAN = 12,
    PCI_HOT_PLUG_BUS = 16,
    PCI_HOT_PLUG_BYTES = 20
};

extern const DevClass pci_hot_plug_class;

/* Slots of the root bus that are empty, or whose functions may all leave: a bit each. */
uint32_t pci_hot_plug_slots(const Device *host);

/* With no cpu running, and without locks. A slot has its function 0; the guest is to let a slot go, and says
 * so by MachineRequests.eject with this device (false: that was asked already); a slot is empty. */
void pci_hot_plug_filled(Device *d, unsigned slot);
bool pci_hot_plug_press(Device *d, unsigned slot);
void pci_hot_plug_emptied(Device *d, unsigned slot);
/* A function that the guest has let go; NULL: there are no more. */
Device *pci_hot_plug_let_go(const Device *d);

#endif
