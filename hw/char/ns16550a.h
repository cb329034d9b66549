/* ns16550a: UART with FIFOs of 16 bytes, eight byte-wide registers. One MMIO region, one interrupt line. */
#ifndef HW_CHAR_NS16550A_H
#define HW_CHAR_NS16550A_H

#include "hw/core/dev.h"

extern const DevClass ns16550a_class; /* links: chardev (CharPort), irq (IrqLine) */

#endif
