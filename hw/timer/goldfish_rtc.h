/* goldfish-rtc: time of day in nanoseconds, with an alarm. */
#ifndef HW_TIMER_GOLDFISH_RTC_H
#define HW_TIMER_GOLDFISH_RTC_H

#include "hw/core/dev.h"

extern const DevClass goldfish_rtc_class; /* links: irq (IrqLine) */

#endif
