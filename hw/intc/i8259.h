/* i8259: the two interrupt controllers of a PC as one device, the second on input 2 of the first. Regions,
 * all ports: 0: 20 and 21, 1: a0 and a1, 2: 4d0 and 4d1 (edge or level of each input).
 * links: intr (IrqLine): the output, to LINT0 of the local APICs or to a cpu. */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include "hw/core/dev.h"
#include "hw/core/x86_chips.h"

extern const DevClass i8259_class;

/* Inputs 0 to 15; 2 is none. */
IrqLine i8259_input(Device *d, unsigned n);
/* An interrupt acknowledge cycle: the vector. d: the device. */
unsigned i8259_ack(void *d);

/* The interrupt of this vector was acknowledged, but not delivered: as before. */
void i8259_take_back(Device *d, unsigned vector);
/* One of the two (0, 1), fields alone: then `loaded` of the class. */
void i8259_get(Device *d, unsigned chip, X86PicState *ret);
void i8259_put(Device *d, unsigned chip, const X86PicState *s);

#endif
