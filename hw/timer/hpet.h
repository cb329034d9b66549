/* hpet: high precision event timers, three of them, 100 MHz. Region 0: 1 KiB at fed0_0000. links: lines
 * (IrqLine[24], inputs of the I/O APIC), msi (MsiTarget), legacy (IrqLine: set() while the timers have the
 * places of PIT and RTC), rtc (IrqLine: IRQ 8, of timer 1 then), pit (IRQ 0, of timer 0). */
#ifndef HW_TIMER_HPET_H
#define HW_TIMER_HPET_H

#include "hw/core/dev.h"

enum { HPET_BYTES = 1024, HPET_LINES = 24 };

extern const DevClass hpet_class;

#endif
