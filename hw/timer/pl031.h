/* pl031: the PrimeCell real-time clock, in seconds. One MMIO region of 4 KiB, one interrupt line. */
#ifndef HW_TIMER_PL031_H
#define HW_TIMER_PL031_H

#include "hw/core/dev.h"

extern const DevClass pl031_class; /* links: irq (IrqLine) */

#endif
