/* pl061: the PrimeCell GPIO, eight pins. One MMIO region of 4 KiB, one interrupt line. */
#ifndef HW_GPIO_PL061_H
#define HW_GPIO_PL061_H

#include "hw/core/dev.h"

enum { PL061_PINS = 8 };

extern const DevClass
    pl061_class; /* links: irq (IrqLine), out (IrqLine[8]: what the pins drive; may be NULL) */
/* What drives a pin from outside. */
IrqLine pl061_pin(Device *gpio, unsigned pin);

#endif
