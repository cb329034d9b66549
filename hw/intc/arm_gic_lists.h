/* What the list registers of GICv2 and GICv3 say alike, wherever the bits stand, and what follows from it:
 * status registers, and reasons for the maintenance interrupt. IHI 0048 (GICv2), IHI 0069 (GICv3). Pure
 * functions. */
#ifndef HW_INTC_ARM_GIC_LISTS_H
#define HW_INTC_ARM_GIC_LISTS_H

#include "base/bits.h"

/* of one list register */
enum { GIC_LR_PENDING = 1, GIC_LR_ACTIVE = 2, GIC_LR_STATE = 3, GIC_LR_HW = 4, GIC_LR_EOI = 8 };
/* GICH_HCR, ICH_HCR_EL2 */
enum { HCR_EN = 1, HCR_UIE = 2, HCR_LRENPIE = 4, HCR_NPIE = 8, HCR_EOI_SHIFT = 27 };

/* A bit for each of n: those that are to be looked at since they have ended (EISR); those that are free
 * (ELRSR). */
uint32_t gic_lists_ended(const uint8_t *lr, unsigned n);
uint32_t gic_lists_vacant(const uint8_t *lr, unsigned n);
/* MISR. Bits 0 and 1 of vmcr: the groups that are on. */
uint32_t gic_lists_maintenance(const uint8_t *lr, unsigned n, uint32_t hcr, uint32_t vmcr);

#endif
