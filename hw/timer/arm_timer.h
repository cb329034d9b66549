/* arm-timer: the count of the Arm generic timer, and the lines of the cpus' timers (Arm ARM, "The Generic
 * Timer"). The timers' registers are the cpus'; the device is told from which count on each line is up. */
#ifndef HW_TIMER_ARM_TIMER_H
#define HW_TIMER_ARM_TIMER_H

#include "hw/core/dev.h"

enum { ARM_TIMER_HZ = 62500000, ARM_TIMER_LINES = 80 };

extern const DevClass arm_timer_class; /* links: lines (IrqLine[timers]) */

/* The physical count; any thread. */
uint64_t arm_timer_count(void *timer);
/* Timer n's line is up from the count `when` on; UINT64_MAX: never. By its cpu's thread. */
void arm_timer_alarm(void *timer, uint64_t n, uint64_t when);

#endif
