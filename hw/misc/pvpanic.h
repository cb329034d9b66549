/* pvpanic: a byte that a guest writes when its kernel has failed, in a port (pvpanic, by default 505) or in a
 * BAR of a function of PCI (pvpanic-pci). Reading gives the events that may be reported, which are bits: 1
 * the kernel has panicked, 2 it has, and a second one looks at it now. Source: its specification in the
 * manual of QEMU; Linux's asm/uapi misc/pvpanic.h. */
#ifndef HW_MISC_PVPANIC_H
#define HW_MISC_PVPANIC_H

#include "hw/core/dev.h"

/* links: machine (MachineRequests), which is asked for MACHINE_PANICKED and MACHINE_CRASH_LOADED. The first
 * has region 0 at its property `ioport`. */
extern const DevClass pvpanic_class, pvpanic_pci_class;

#endif
