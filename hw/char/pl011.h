/* pl011: the PrimeCell UART. One MMIO region of 4 KiB, one interrupt line for all its sources. */
#ifndef HW_CHAR_PL011_H
#define HW_CHAR_PL011_H

#include "hw/core/dev.h"

extern const DevClass pl011_class; /* links: chardev (CharPort), irq (IrqLine) */

#endif
