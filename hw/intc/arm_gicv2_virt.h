/* arm-gicv2-virt: the virtualization extensions of a GICv2 (IHI 0048B, chapter 5). Region 0: GICH_*, where a
 * hypervisor puts interrupts into list registers; region 1: GICV_*, which its guest sees as the cpu
 * interface. Both answer by the cpu that asks. Threads: any; the device's lock, then the GIC's. */
#ifndef HW_INTC_ARM_GICV2_VIRT_H
#define HW_INTC_ARM_GICV2_VIRT_H

#include "hw/core/dev.h"

/* links: gic (an arm-gicv2), virq, vfiq, maintenance (IrqLine[cpus]) */
extern const DevClass arm_gicv2_virt_class;

#endif
