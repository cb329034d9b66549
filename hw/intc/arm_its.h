/*
 * arm-its: the interrupt translation service of a GICv3 (IHI 0069, chapter 5): who writes an event to
 * GITS_TRANSLATER gets the LPI that tables in guest memory name for the writer and the event.
 *
 * Region 0: 128 KiB, GITS_TRANSLATER in its second half. The tables are the truth; nothing of them is kept
 * here. Processor numbers are those of GICR_TYPER.
 * Threads: any; the device's lock, then the GIC's.
 */
#ifndef HW_INTC_ARM_ITS_H
#define HW_INTC_ARM_ITS_H

#include "hw/core/dev.h"

enum { ITS_TRANSLATER = 0x10040 };

extern const DevClass arm_its_class; /* links: gic (an arm-gicv3) */

/* As a write of the event to GITS_TRANSLATER by a function of PCI. */
void arm_its_send(Device *its, uint32_t device, uint32_t event);

#endif
