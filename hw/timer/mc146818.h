/* mc146818: the clock of a PC with its 128 bytes of memory (CMOS). Region 0: ports 70 and 71. links: irq.
 * Properties: base (ns since 1970 at the machine's start). */
#ifndef HW_TIMER_MC146818_H
#define HW_TIMER_MC146818_H

#include "hw/core/dev.h"

extern const DevClass mc146818_class;

/* What the board puts into the memory, 0x0e to 0x7f, at each reset. */
void mc146818_put(Device *d, unsigned at, uint8_t value);

#endif
