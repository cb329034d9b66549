/* arm-gicv2: the Arm Generic Interrupt Controller, version 2 (IHI 0048B): distributor and cpu interfaces,
 * without the security and virtualization extensions. region[0] is the distributor, region[1] the cpu
 * interface; both answer by the cpu that asks. Interrupts 0..15 are software's, 16..31 each cpu's own, the
 * rest shared. */
#ifndef HW_INTC_ARM_GICV2_H
#define HW_INTC_ARM_GICV2_H

#include "hw/core/dev.h"

enum { GICV2_MAX_CPUS = 8, GICV2_MAX_IRQS = 1020, GICV2_OWN = 32 };

extern const DevClass arm_gicv2_class; /* links: irq, fiq (IrqLine[cpus]) */

/* The line that shared interrupt n, from 32, is driven by; and interrupt n, 16 to 31, of a cpu. */
IrqLine arm_gicv2_shared(Device *gic, unsigned n);
IrqLine arm_gicv2_own(Device *gic, unsigned cpu, unsigned n);
/* The interrupt is not active any more: a guest has ended it (arm_gicv2_virt.h). */
void arm_gicv2_deactivate(Device *gic, unsigned cpu, unsigned n);

#endif
