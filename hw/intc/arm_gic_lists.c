#include "hw/intc/arm_gic_lists.h"

uint32_t gic_lists_ended(const uint8_t *lr, unsigned n)
{
    uint32_t v = 0;
    for (unsigned k = 0; k < n; k++)
        v |= (uint32_t)((lr[k] & (GIC_LR_STATE | GIC_LR_HW | GIC_LR_EOI)) == GIC_LR_EOI) << k;
    return v;
}

uint32_t gic_lists_vacant(const uint8_t *lr, unsigned n)
{
    uint32_t v = 0;
    for (unsigned k = 0; k < n; k++)
        v |= (uint32_t)(!(lr[k] & GIC_LR_STATE)) << k;
    return v & ~gic_lists_ended(lr, n);
}

uint32_t gic_lists_maintenance(const uint8_t *lr, unsigned n, uint32_t hcr, uint32_t vmcr)
{
    enum { EOI = 1, U = 2, LRENP = 4, NP = 8, GROUPS = 16 };
    uint32_t v = gic_lists_ended(lr, n) ? EOI : 0, pending = 0, valid = 0;
    for (unsigned k = 0; k < n; k++) {
        pending += (lr[k] & GIC_LR_STATE) == GIC_LR_PENDING;
        valid += (lr[k] & GIC_LR_STATE) != 0;
    }
    v |= (hcr & HCR_UIE) && valid < 2 ? U : 0;
    v |= (hcr & HCR_LRENPIE) && hcr >> HCR_EOI_SHIFT ? LRENP : 0;
    v |= (hcr & HCR_NPIE) && !pending ? NP : 0;
    for (unsigned k = 0; k < 4; k++) { /* group 0 is on, is off, group 1 is on, is off */
        bool on = vmcr >> k / 2 & 1;
        v |= (hcr >> (4 + k) & 1) && on == !(k & 1) ? GROUPS << k : 0;
    }
    return v;
}
