/* arm-gicv2m: a frame that turns messages into shared interrupts of a GICv2 (Arm SBSA, "GICv2m"). Who writes
 * the number of one of its interrupts to MSI_SETSPI_NS pends it; they have to be edges. */
#ifndef HW_INTC_ARM_GICV2M_H
#define HW_INTC_ARM_GICV2M_H

#include "hw/core/dev.h"

enum { GICV2M_MAX = 64, GICV2M_SETSPI = 0x40 };

extern const DevClass arm_gicv2m_class; /* links: lines (IrqLine[count], the first is interrupt `first`) */

/* As a write of data to MSI_SETSPI_NS; any thread, with locks of devices. */
void arm_gicv2m_send(Device *frame, uint32_t data);

#endif
