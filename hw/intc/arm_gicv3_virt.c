/* The virtual cpu interface (IHI 0069, chapters 6, 12.3 and 12.4): a hypervisor puts interrupts into list
 * registers (ICH_*), its guest takes them (ICV_*). What ICH_HCR_EL2 traps is the cpu's affair. */
#include "hw/intc/arm_gic_lists.h"
#include "hw/intc/arm_gicv3_priv.h"

#define HCR_BITS 0xf8007dffu
enum {
    VMCR_ENG0 = 1,
    VMCR_ENG1 = 2,
    VMCR_FIQ_EN = 8,
    VMCR_CBPR = 16,
    VMCR_EOIM = 1 << 9,
    VMCR_BPR1_SHIFT = 18,
    VMCR_BPR0_SHIFT = 21,
    VMCR_PMR_SHIFT = 24,
};
#define LR_PENDING      (1ull << 62)
#define LR_ACTIVE       (1ull << 63)
#define LR_STATE        (LR_PENDING | LR_ACTIVE)
#define LR_HW           (1ull << 61)
#define LR_GROUP1       (1ull << 60)
#define LR_EOI          (1ull << 41)
#define LR_BITS         0xf0ff1fffffffffffull
#define LR_PRIORITY(lr) ((unsigned)((lr) >> 48) & GIC_PRIORITY_MASK)
#define LR_ID(lr)       ((uint32_t)(lr))
#define LR_PHYSICAL(lr) ((unsigned)((lr) >> 32) & 0x3ff)
/* list registers; TDIR, no GICv4, affinity 3; 24 bits of numbers, 5 of priority */
#define VTR ((GIC_LRS - 1) | 7u << 19 | 1u << 23 | 4u << 26 | 4u << 29)
enum { ICV_CTLR_FIXED = 4 << 8 | 1 << 11 | 1 << 15 };

uint32_t gic_vmcr_legal(uint32_t v)
{
    uint32_t bpr0 = MAX(v >> VMCR_BPR0_SHIFT & 7, (uint32_t)GIC_BPR_MIN),
             bpr1 = MAX(v >> VMCR_BPR1_SHIFT & 7, (uint32_t)GIC_BPR_MIN + 1),
             pmr = v >> VMCR_PMR_SHIFT & GIC_PRIORITY_MASK;
    return (v & (VMCR_ENG0 | VMCR_ENG1 | VMCR_CBPR | VMCR_EOIM)) | VMCR_FIQ_EN | bpr1 << VMCR_BPR1_SHIFT |
           bpr0 << VMCR_BPR0_SHIFT | pmr << VMCR_PMR_SHIFT;
}

void gic_virt_reset(Gicv3 *g, unsigned cpu)
{
    g->vmcr[cpu] = gic_vmcr_legal(0);
}

/* ---- which interrupt ---- */

static unsigned group_mask(uint32_t vmcr, unsigned group)
{
    bool common = group == 0 || (vmcr & VMCR_CBPR);
    unsigned point = vmcr >> (common ? VMCR_BPR0_SHIFT : VMCR_BPR1_SHIFT) & 7;
    return ~((1u << (common ? point + 1 : point)) - 1) & 0xff;
}

/* The list register of the most urgent one that is pending in a group that is on; GIC_LRS: there is none. */
static unsigned best(const Gicv3 *g, unsigned cpu)
{
    unsigned found = GIC_LRS, lowest = GIC_IDLE;
    for (unsigned k = 0; k < GIC_LRS; k++) {
        uint64_t lr = g->lr[cpu][k];
        bool on = g->vmcr[cpu] & (lr & LR_GROUP1 ? VMCR_ENG1 : VMCR_ENG0);
        if ((lr & LR_STATE) == LR_PENDING && on && LR_PRIORITY(lr) < lowest) {
            lowest = LR_PRIORITY(lr);
            found = k;
        }
    }
    return found;
}

static bool is_signalled(const Gicv3 *g, unsigned cpu, unsigned k)
{
    if (k == GIC_LRS || !(g->hcr[cpu] & HCR_EN))
        return false;
    unsigned p = LR_PRIORITY(g->lr[cpu][k]), group = g->lr[cpu][k] & LR_GROUP1 ? 1 : 0;
    return p < g->vmcr[cpu] >> VMCR_PMR_SHIFT &&
           (p & group_mask(g->vmcr[cpu], group)) < gic_running(g->vapr[cpu]);
}

/* The list registers as arm_gic_lists.h has them. */
static void put_lists(const Gicv3 *g, unsigned cpu, uint8_t ret[GIC_LRS])
{
    for (unsigned k = 0; k < GIC_LRS; k++) {
        uint64_t lr = g->lr[cpu][k];
        ret[k] = (uint8_t)((lr & LR_PENDING ? GIC_LR_PENDING : 0) | (lr & LR_ACTIVE ? GIC_LR_ACTIVE : 0) |
                           (lr & LR_HW ? GIC_LR_HW : 0) | (lr & LR_EOI ? GIC_LR_EOI : 0));
    }
}

static uint32_t maintenance(const Gicv3 *g, unsigned cpu)
{
    uint8_t lists[GIC_LRS];
    put_lists(g, cpu, lists);
    return gic_lists_maintenance(lists, GIC_LRS, g->hcr[cpu], g->vmcr[cpu]);
}

void gic_virt_update(Gicv3 *g, unsigned cpu)
{
    unsigned k = best(g, cpu);
    bool up = is_signalled(g, cpu, k), group1 = up && (g->lr[cpu][k] & LR_GROUP1);
    if (g->virq)
        irq_set(&g->virq[cpu], up && group1);
    if (g->vfiq)
        irq_set(&g->vfiq[cpu], up && !group1);
    bool level = (g->hcr[cpu] & HCR_EN) && maintenance(g, cpu);
    if (g->maintenance && level != gic_bit(&g->level, cpu, g->maintenance)) {
        gic_put_bit(&g->level, cpu, g->maintenance, level);
        gic_update_cpu(g, cpu);
    }
}

/* ---- what the guest does ---- */

static uint64_t take(Gicv3 *g, unsigned cpu, unsigned group)
{
    unsigned k = best(g, cpu);
    if (!is_signalled(g, cpu, k) || group != (g->lr[cpu][k] & LR_GROUP1 ? 1u : 0u))
        return GIC_NONE;
    uint64_t *lr = &g->lr[cpu][k];
    unsigned p = LR_PRIORITY(*lr) & group_mask(g->vmcr[cpu], group);
    g->vapr[cpu][group] |= 1u << (p >> GIC_PRIORITY_SHIFT);
    *lr = LR_ID(*lr) >= GIC_LPI ? *lr & ~LR_STATE : (*lr & ~LR_STATE) | LR_ACTIVE;
    return LR_ID(*lr);
}

/* False: no list register has it. */
static bool deactivate(Gicv3 *g, unsigned cpu, uint32_t id)
{
    for (unsigned k = 0; k < GIC_LRS; k++) {
        uint64_t *lr = &g->lr[cpu][k];
        if (!(*lr & LR_ACTIVE) || LR_ID(*lr) != id)
            continue;
        *lr &= ~LR_ACTIVE;
        if ((*lr & LR_HW) && LR_PHYSICAL(*lr) < g->irqs) {
            gic_put_bit(&g->active, cpu, LR_PHYSICAL(*lr), false);
            gic_update(g);
        }
        return true;
    }
    return false;
}

static void end_of(Gicv3 *g, unsigned cpu, unsigned group, uint64_t v)
{
    uint32_t id = v & 0xffffff;
    if (id >= 1020 && id < GIC_LPI)
        return;
    g->vapr[cpu][group] &= g->vapr[cpu][group] - 1;
    if (!(g->vmcr[cpu] & VMCR_EOIM) && id < GIC_LPI && !deactivate(g, cpu, id))
        g->hcr[cpu] += 1u << HCR_EOI_SHIFT;
}

static void put_field(uint32_t *word, unsigned shift, uint32_t mask, uint64_t v)
{
    *word = (*word & ~(mask << shift)) | ((uint32_t)v & mask) << shift;
}

/* ---- ICV_* ---- */

static bool virt_read(Gicv3 *g, unsigned cpu, unsigned reg, uint64_t *ret)
{
    const uint32_t vmcr = g->vmcr[cpu];
    unsigned k = best(g, cpu), bpr0 = vmcr >> VMCR_BPR0_SHIFT & 7;
    bool group1 = k < GIC_LRS && (g->lr[cpu][k] & LR_GROUP1);
    switch (reg) {
    case ICC_PMR: *ret = vmcr >> VMCR_PMR_SHIFT; return true;
    case ICC_IAR0: *ret = take(g, cpu, 0); return true;
    case ICC_IAR1: *ret = take(g, cpu, 1); return true;
    case ICC_HPPIR0: *ret = k < GIC_LRS && !group1 ? LR_ID(g->lr[cpu][k]) : GIC_NONE; return true;
    case ICC_HPPIR1: *ret = group1 ? LR_ID(g->lr[cpu][k]) : GIC_NONE; return true;
    case ICC_BPR0: *ret = bpr0; return true;
    case ICC_BPR1: *ret = vmcr & VMCR_CBPR ? MIN(bpr0 + 1, 7u) : vmcr >> VMCR_BPR1_SHIFT & 7; return true;
    case ICC_RPR: *ret = MIN(gic_running(g->vapr[cpu]), 0xffu); return true;
    case ICC_CTLR:
        *ret = ICV_CTLR_FIXED | (vmcr & VMCR_CBPR ? 1 : 0) | (vmcr & VMCR_EOIM ? 2 : 0);
        return true;
    case ICC_SRE: *ret = 7; return true;
    case ICC_IGRPEN0: *ret = vmcr & VMCR_ENG0; return true;
    case ICC_IGRPEN1: *ret = vmcr >> 1 & 1; return true;
    case ICC_AP0R: *ret = g->vapr[cpu][0]; return true;
    case ICC_AP1R: *ret = g->vapr[cpu][1]; return true;
    default: *ret = 0; return reg - ICC_AP0R < 4u || reg - ICC_AP1R < 4u;
    }
}

static bool virt_write(Gicv3 *g, unsigned cpu, unsigned reg, uint64_t v)
{
    uint32_t *vmcr = &g->vmcr[cpu];
    switch (reg) {
    case ICC_PMR: put_field(vmcr, VMCR_PMR_SHIFT, 0xff, v); break;
    case ICC_EOIR0: end_of(g, cpu, 0, v); break;
    case ICC_EOIR1: end_of(g, cpu, 1, v); break;
    case ICC_DIR:
        if (*vmcr & VMCR_EOIM)
            deactivate(g, cpu, v & 0xffffff);
        break;
    case ICC_BPR0: put_field(vmcr, VMCR_BPR0_SHIFT, 7, v); break;
    case ICC_BPR1:
        if (!(*vmcr & VMCR_CBPR))
            put_field(vmcr, VMCR_BPR1_SHIFT, 7, v);
        break;
    case ICC_CTLR:
        put_field(vmcr, 4, 1, v);
        put_field(vmcr, 9, 1, v >> 1);
        break;
    case ICC_SRE: break;
    case ICC_IGRPEN0: put_field(vmcr, 0, 1, v); break;
    case ICC_IGRPEN1: put_field(vmcr, 1, 1, v); break;
    case ICC_AP0R: g->vapr[cpu][0] = (uint32_t)v; break;
    case ICC_AP1R: g->vapr[cpu][1] = (uint32_t)v; break;
    default: return reg - ICC_AP0R < 4u || reg - ICC_AP1R < 4u;
    }
    *vmcr = gic_vmcr_legal(*vmcr);
    return true;
}

bool gic_virt_reg(Gicv3 *g, unsigned cpu, unsigned reg, bool write, uint64_t *value)
{
    bool ok = write ? virt_write(g, cpu, reg, *value) : virt_read(g, cpu, reg, value);
    if (ok)
        gic_virt_update(g, cpu);
    return ok;
}

/* ---- ICH_* ---- */

static bool hyp_read(const Gicv3 *g, unsigned cpu, unsigned reg, uint64_t *ret)
{
    if (reg - ICH_LR < 16u) {
        *ret = reg - ICH_LR < GIC_LRS ? g->lr[cpu][reg - ICH_LR] : 0;
        return reg - ICH_LR < GIC_LRS;
    }
    uint8_t lists[GIC_LRS];
    put_lists(g, cpu, lists);
    switch (reg) {
    case ICH_HCR: *ret = g->hcr[cpu]; return true;
    case ICH_VTR: *ret = VTR; return true;
    case ICH_MISR: *ret = maintenance(g, cpu); return true;
    case ICH_EISR: *ret = gic_lists_ended(lists, GIC_LRS); return true;
    case ICH_ELRSR: *ret = gic_lists_vacant(lists, GIC_LRS); return true;
    case ICH_VMCR: *ret = g->vmcr[cpu]; return true;
    case ICH_AP0R: *ret = g->vapr[cpu][0]; return true;
    case ICH_AP1R: *ret = g->vapr[cpu][1]; return true;
    default: *ret = 0; return reg - ICH_AP0R < 4u || reg - ICH_AP1R < 4u;
    }
}

static bool hyp_write(Gicv3 *g, unsigned cpu, unsigned reg, uint64_t v)
{
    if (reg - ICH_LR < GIC_LRS) {
        g->lr[cpu][reg - ICH_LR] = v & LR_BITS;
        return true;
    }
    switch (reg) {
    case ICH_HCR: g->hcr[cpu] = (uint32_t)v & HCR_BITS; return true;
    case ICH_VMCR: g->vmcr[cpu] = gic_vmcr_legal((uint32_t)v); return true;
    case ICH_AP0R: g->vapr[cpu][0] = (uint32_t)v; return true;
    case ICH_AP1R: g->vapr[cpu][1] = (uint32_t)v; return true;
    default: return reg - ICH_AP0R < 4u || reg - ICH_AP1R < 4u;
    }
}

bool gic_hyp_reg(Gicv3 *g, unsigned cpu, unsigned reg, bool write, uint64_t *value)
{
    bool ok = write ? hyp_write(g, cpu, reg, *value) : hyp_read(g, cpu, reg, value);
    if (ok && write)
        gic_virt_update(g, cpu);
    return ok;
}
