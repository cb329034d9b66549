/* i8254: the three counters of a PC, and port 61: gate and output of the third (the speaker's) and the
 * refresh bit. Regions, ports: 0: 40 to 43, 1: 61. links: irq (output of counter 0). */
#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include "hw/core/dev.h"
#include "hw/core/x86_chips.h"

enum { I8254_HZ = 1193182 };

extern const DevClass i8254_class;

/* Counter 0 makes no interrupts while a HPET has its place; until a reset. */
void i8254_mute(Device *d, bool on);

/* Another engine has the timer: this one keeps still. */
void i8254_rest(Device *d, bool on);
/* Its state, fields alone: then `loaded` of the class. */
void i8254_get(Device *d, X86PitState *ret);
void i8254_put(Device *d, const X86PitState *s);

#endif
