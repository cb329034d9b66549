/* e1000: Intel's 82540EM (8254x family manual, 317453); e1000e: the 82574L (82574 data sheet), a function of
 * PCI Express with MSI-X. Ethernet cards of one code, whose descriptors and registers are the same but for
 * what the later one has in addition. BARs: 0 registers, 2 (e1000: 1) the same by an index, 3 MSI-X. */
#ifndef HW_NET_E1000_H
#define HW_NET_E1000_H

#include "hw/pci/pci.h"

extern const DevClass e1000_class, e1000e_class; /* links: netdev (NetPort; NULL: no cable) */

bool e1000_is(const Device *d);
/* Is the cable plugged in? By default it is. */
void e1000_set_link(Device *d, bool up);

#endif
