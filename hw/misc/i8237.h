/* i8237: the two DMA controllers of a PC and their page registers, as far as firmware looks at them: the
 * registers are there, and no device asks for a transfer. Regions, ports: 0: 00 to 0f, 1: 81 to 8f, 2: c0 to
 * df. */
#ifndef HW_MISC_I8237_H
#define HW_MISC_I8237_H

#include "hw/core/dev.h"

extern const DevClass i8237_class;

#endif
