/* What the host bridge and root ports share. Private to hw/pci. */
#ifndef HW_PCI_PCI_PRIV_H
#define HW_PCI_PCI_PRIV_H

#include "hw/pci/pci.h"

enum { PCI_FUNCTIONS = 256 };

struct PciBus {
    PciFunction *bridge; /* NULL: the root bus */
    PciFunction *at[PCI_FUNCTIONS];
    bool off;            /* no power: nothing answers there. Written with the bridge's lock held */
};

void pcie_host_eject(PciFunction *f); /* asks the machine for it, as MachineRequests.eject */

#endif
