/*
 * The functions of PC chip sets behind which ISA, the routes of PCI interrupts and power management are.
 *
 * piix3: 82371SB; piix4-pm: power management of 82371AB; ich9-lpc: 82801IB.
 * links of piix3 and ich9-lpc: gsi (IrqLine[24]); of piix4-pm and ich9-lpc: pm (acpi-pm, realized, its region
 * 0 in the map of ports and off).
 */
#ifndef HW_ISA_ISA_BRIDGE_H
#define HW_ISA_ISA_BRIDGE_H

#include "hw/pci/pci.h"

extern const DevClass piix3_class, piix4_pm_class, ich9_lpc_class;

/* Lines A to D, of ich9-lpc to H. */
IrqLine isa_bridge_pirq(Device *d, unsigned n);
/* Do power management commands raise SMIs, as far as it is for this function to say? */
bool piix4_pm_wants_smi(const Device *d);

#endif
