/* The cpu interfaces: ICC_* (IHI 0069, chapter 12.2), for one security state. */
#include "hw/intc/arm_gicv3_priv.h"

enum { CTLR_BITS = GIC_CBPR | GIC_EOI_MODE };
enum { CTLR_FIXED = 4 << 8 | 1 << 11 | 1 << 15 }; /* 5 bits of priority, 24 of numbers, affinity 3 */
enum { SRE_EL1 = 7, SRE_EL2 = 15 };

/* ---- taking and ending ---- */

static uint64_t acknowledge(Gicv3 *g, unsigned cpu, unsigned group)
{
    GicBest b = gic_best(g, cpu);
    if (!gic_is_signalled(g, cpu, b) || gic_group_of(g, cpu, b.id) != group)
        return GIC_NONE;
    g->apr[cpu][group] |= 1u << ((b.priority & gic_group_mask(g, cpu, group)) >> GIC_PRIORITY_SHIFT);
    if (b.id >= GIC_LPI) {
        gic_lpi_put(g, cpu, b.id, false);
    } else {
        gic_put_bit(&g->active, cpu, b.id, true);
        gic_put_bit(&g->latch, cpu, b.id, false);
    }
    gic_update(g);
    return b.id;
}

static void deactivate(Gicv3 *g, unsigned cpu, uint64_t n)
{
    if (n < g->irqs)
        gic_put_bit(&g->active, cpu, (unsigned)n, false);
}

static void end_of(Gicv3 *g, unsigned cpu, unsigned group, uint64_t v)
{
    uint64_t n = v & 0xffffff;
    if (n >= g->irqs && n < GIC_LPI)
        return;
    g->apr[cpu][group] &= g->apr[cpu][group] - 1;
    if (!(g->icc_ctlr[cpu] & GIC_EOI_MODE))
        deactivate(g, cpu, n);
    gic_update(g);
}

static uint64_t highest_pending(const Gicv3 *g, unsigned cpu, unsigned group)
{
    GicBest b = gic_best(g, cpu);
    return b.id != GIC_NONE && gic_group_of(g, cpu, b.id) == group ? b.id : GIC_NONE;
}

/* ---- interrupts by software ---- */

static void send_sgi(Gicv3 *g, unsigned cpu, uint64_t v, unsigned group)
{
    const uint64_t clusters = 0xff00ff00ff0000ull; /* affinities 1 to 3 of other cpus than ours */
    unsigned n = v >> 24 & 15, first = (unsigned)(v >> 44 & 15) * 16;
    bool others = v >> 40 & 1;
    if (!others && (v & clusters))
        return;
    for (unsigned c = 0; c < g->cpus; c++) {
        bool meant = others ? c != cpu : c - first < 16 && (v >> (c - first) & 1);
        if (!meant || gic_group_of(g, c, n) != group)
            continue;
        gic_put_bit(&g->latch, c, n, true);
        gic_update_cpu(g, c);
    }
}

/* ---- registers ---- */

static uint32_t *active_priorities(Gicv3 *g, unsigned cpu, unsigned reg)
{
    return reg == ICC_AP0R ? &g->apr[cpu][0] : reg == ICC_AP1R ? &g->apr[cpu][1] : NULL;
}

static bool is_priorities(unsigned reg)
{
    return reg - ICC_AP0R < 4u || reg - ICC_AP1R < 4u;
}

static bool read_reg(Gicv3 *g, unsigned cpu, unsigned reg, uint64_t *ret)
{
    if (is_priorities(reg)) {
        const uint32_t *apr = active_priorities(g, cpu, reg);
        *ret = apr ? *apr : 0;
        return true;
    }
    switch (reg) {
    case ICC_PMR: *ret = g->pmr[cpu]; return true;
    case ICC_IAR0: *ret = acknowledge(g, cpu, 0); return true;
    case ICC_IAR1: *ret = acknowledge(g, cpu, 1); return true;
    case ICC_HPPIR0: *ret = highest_pending(g, cpu, 0); return true;
    case ICC_HPPIR1: *ret = highest_pending(g, cpu, 1); return true;
    case ICC_BPR0: *ret = g->bpr[cpu][0]; return true;
    case ICC_BPR1:
        *ret = g->icc_ctlr[cpu] & GIC_CBPR ? MIN(g->bpr[cpu][0] + 1, 7u) : g->bpr[cpu][1];
        return true;
    case ICC_RPR: *ret = MIN(gic_running(g->apr[cpu]), 0xffu); return true;
    case ICC_CTLR: *ret = g->icc_ctlr[cpu] | CTLR_FIXED; return true;
    case ICC_SRE: *ret = SRE_EL1; return true;
    case ICC_SRE_EL2: *ret = SRE_EL2; return true;
    case ICC_IGRPEN0: *ret = g->grpen[cpu][0]; return true;
    case ICC_IGRPEN1: *ret = g->grpen[cpu][1]; return true;
    default: return false;
    }
}

static void write_point(Gicv3 *g, unsigned cpu, unsigned group, uint32_t v)
{
    if (group == 0 || !(g->icc_ctlr[cpu] & GIC_CBPR))
        g->bpr[cpu][group] = MAX(v & 7, (uint32_t)GIC_BPR_MIN + group);
}

/* True: there is such a register; what is signalled to the cpu may have changed. */
static bool write_reg(Gicv3 *g, unsigned cpu, unsigned reg, uint64_t v)
{
    if (is_priorities(reg)) {
        uint32_t *apr = active_priorities(g, cpu, reg);
        if (apr)
            *apr = (uint32_t)v;
        return true;
    }
    switch (reg) {
    case ICC_PMR: g->pmr[cpu] = v & GIC_PRIORITY_MASK; return true;
    case ICC_EOIR0: end_of(g, cpu, 0, v); return true;
    case ICC_EOIR1: end_of(g, cpu, 1, v); return true;
    case ICC_BPR0: write_point(g, cpu, 0, (uint32_t)v); return true;
    case ICC_BPR1: write_point(g, cpu, 1, (uint32_t)v); return true;
    case ICC_DIR:
        if (g->icc_ctlr[cpu] & GIC_EOI_MODE)
            deactivate(g, cpu, v & 0xffffff);
        gic_update(g);
        return true;
    case ICC_SGI0R: send_sgi(g, cpu, v, 0); return true;
    case ICC_SGI1R: send_sgi(g, cpu, v, 1); return true;
    case ICC_ASGI1R: return true; /* of the other security state, which does not exist */
    case ICC_CTLR: g->icc_ctlr[cpu] = v & CTLR_BITS; return true;
    case ICC_SRE:
    case ICC_SRE_EL2: return true;
    case ICC_IGRPEN0: g->grpen[cpu][0] = v & 1; return true;
    case ICC_IGRPEN1: g->grpen[cpu][1] = v & 1; return true;
    default: return false;
    }
}

bool arm_gicv3_reg(Device *gic, unsigned cpu, unsigned reg, bool write, uint64_t *value)
{
    Gicv3 *g = (Gicv3 *)gic;
    bool ok;
    if (cpu >= g->cpus)
        return false;
    lock_take(&gic->lock);
    if (reg & GICV3_REG_VIRTUAL) {
        ok = gic_virt_reg(g, cpu, reg & ~(unsigned)GICV3_REG_VIRTUAL, write, value);
    } else if (gic_hyp_reg(g, cpu, reg, write, value)) {
        ok = true;
    } else if (write) {
        ok = write_reg(g, cpu, reg, *value);
        if (ok && g->routes_any)
            gic_update(g); /* what this cpu does not want any more another one may have */
        else if (ok)
            gic_update_cpu(g, cpu);
    } else {
        ok = read_reg(g, cpu, reg, value);
    }
    lock_release(&gic->lock);
    return ok;
}
