/* Lines, what is signalled to which cpu, life. Priorities have five bits.
 *
 * `latch` is what makes an edge-triggered or software-pended interrupt pending; a level-triggered one is
 * pending also while its line is up. */
#include "hw/intc/arm_gicv3_priv.h"

/* ---- which interrupt ---- */

unsigned gic_group_of(const Gicv3 *g, unsigned cpu, unsigned n)
{
    return n >= GIC_LPI || gic_bit(&g->group, cpu, n);
}

unsigned gic_running(const uint32_t apr[2])
{
    uint32_t both = apr[0] | apr[1];
    return both ? (unsigned)__builtin_ctz(both) << GIC_PRIORITY_SHIFT : GIC_IDLE;
}

/* Priorities that differ only in other bits do not preempt each other. */
unsigned gic_group_mask(const Gicv3 *g, unsigned cpu, unsigned group)
{
    bool common = group == 0 || (g->icc_ctlr[cpu] & GIC_CBPR);
    unsigned point = g->bpr[cpu][common ? 0 : 1] & 7;
    return ~((1u << (common ? point + 1 : point)) - 1) & 0xff;
}

/* Groups that may be signalled to the cpu, a bit each. GICR_WAKER, which only secure firmware is to write,
 * says asleep at reset and holds nothing back: EDK2 leaves it alone. */
static unsigned groups_on(const Gicv3 *g, unsigned cpu)
{
    unsigned cpus = (g->grpen[cpu][0] & 1) | (g->grpen[cpu][1] & 1) << 1;
    return g->ctlr & cpus;
}

static bool would_take(const Gicv3 *g, unsigned cpu, unsigned priority, unsigned group)
{
    return (groups_on(g, cpu) >> group & 1) && priority < g->pmr[cpu] &&
           (priority & gic_group_mask(g, cpu, group)) < gic_running(g->apr[cpu]);
}

/* Of an interrupt that any cpu may have: one that would take it now, if there is one. */
static unsigned any_cpu(const Gicv3 *g, unsigned n)
{
    unsigned group = gic_group_of(g, 0, n), fallback = 0;
    for (unsigned k = 0; k < g->cpus; k++) {
        unsigned cpu = (n + k) % g->cpus;
        if (!(groups_on(g, cpu) >> group & 1) || (g->rctlr[cpu] & (group ? GIC_DPG1 : GIC_DPG0)))
            continue;
        if (would_take(g, cpu, g->priority[n], group))
            return cpu;
        fallback = cpu;
    }
    return fallback;
}

static bool is_for(const Gicv3 *g, unsigned cpu, unsigned n)
{
    if (n < GICV3_OWN)
        return true;
    return g->route[n] & GIC_ROUTE_ANY ? any_cpu(g, n) == cpu : g->route[n] == cpu;
}

GicBest gic_best(const Gicv3 *g, unsigned cpu)
{
    unsigned groups = groups_on(g, cpu);
    GicBest best = {GIC_NONE, GIC_IDLE};
    if (!groups)
        return best;
    for (unsigned w = 0; w < g->irqs / 32; w++) {
        uint32_t m = gic_pending_word(g, cpu, w) & gic_word(&g->enable, cpu, w) &
                     ~gic_word(&g->active, cpu, w),
                 group = gic_word(&g->group, cpu, w);
        m &= (groups & 1 ? ~group : 0) | (groups & 2 ? group : 0);
        for (; m; m &= m - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(m),
                     p = n < GICV3_OWN ? g->own_priority[cpu][n] : g->priority[n];
            if (p < best.priority && is_for(g, cpu, n))
                best = (GicBest){n, p};
        }
    }
    return (groups & 2) && g->lpi_best[cpu].priority < best.priority ? g->lpi_best[cpu] : best;
}

bool gic_is_signalled(const Gicv3 *g, unsigned cpu, GicBest b)
{
    return b.id != GIC_NONE && would_take(g, cpu, b.priority, gic_group_of(g, cpu, b.id));
}

void gic_update_cpu(Gicv3 *g, unsigned cpu)
{
    GicBest b = gic_best(g, cpu);
    bool up = gic_is_signalled(g, cpu, b), fiq = up && gic_group_of(g, cpu, b.id) == 0;
    irq_set(&g->irq[cpu], up && !fiq);
    if (g->fiq)
        irq_set(&g->fiq[cpu], fiq);
}

void gic_update(Gicv3 *g)
{
    for (unsigned c = 0; c < g->cpus; c++)
        gic_update_cpu(g, c);
}

/* ---- lines ---- */

static void set_line(Gicv3 *g, unsigned cpu, unsigned n, bool level)
{
    lock_take(&g->dev.lock);
    if (level != gic_bit(&g->level, cpu, n)) {
        gic_put_bit(&g->level, cpu, n, level);
        if (level && gic_bit(&g->edge, cpu, n))
            gic_put_bit(&g->latch, cpu, n, true);
        if (n < GICV3_OWN)
            gic_update_cpu(g, cpu);
        else if (!(g->route[n] & GIC_ROUTE_ANY) && g->route[n] < g->cpus)
            gic_update_cpu(g, (unsigned)g->route[n]);
        else
            gic_update(g);
    }
    lock_release(&g->dev.lock);
}

static void set_shared(void *receiver, unsigned n, bool level)
{
    set_line(receiver, 0, n, level);
}
static void set_own(void *receiver, unsigned n, bool level)
{
    const struct Gicv3Cpu *c = receiver;
    set_line(c->gic, c->n, n, level);
}

IrqLine arm_gicv3_shared(Device *gic, unsigned n)
{
    return (IrqLine){set_shared, gic, n};
}
IrqLine arm_gicv3_own(Device *gic, unsigned cpu, unsigned n)
{
    return (IrqLine){set_own, &((Gicv3 *)gic)->cpu[cpu], n};
}

/* ---- life ---- */

static bool gic_realize(Device *dev, DevError *err)
{
    Gicv3 *g = (Gicv3 *)dev;
    if (g->cpus == 0 || g->cpus > GIC_CPUS)
        return dev_fail(err, "arm-gicv3: %u cpus, 1 to %u are possible", g->cpus, (unsigned)GIC_CPUS);
    if (g->irqs < 64 || g->irqs > GIC_IRQS || g->irqs % 32)
        return dev_fail(err, "arm-gicv3: %u interrupts: 64 to %u, by 32", g->irqs, (unsigned)GIC_IRQS);
    if (g->maintenance && (g->maintenance < GIC_SGIS || g->maintenance >= GICV3_OWN))
        return dev_fail(err, "arm-gicv3: maintenance by interrupt %u: 16 to 31", g->maintenance);
    lock_init(&dev->lock, LOCK_RANK_INTC);
    for (unsigned c = 0; c < GIC_CPUS; c++)
        g->cpu[c] = (struct Gicv3Cpu){g, c};
    dev_add_mmio(dev, "gic-dist", &gic_dist_ops, 0x10000);
    dev_add_mmio(dev, "gic-redist", &gic_redist_ops, MAX(g->redist_bytes, (uint64_t)g->cpus * GICV3_FRAMES));
    return true;
}

/* What drives the lines is reset by itself. */
static void gic_reset(Device *dev)
{
    Gicv3 *g = (Gicv3 *)dev;
    GicBits level = g->level;
    memset((char *)g + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    g->level = level;
    g->routes_any = false;
    for (unsigned c = 0; c < GIC_CPUS; c++) {
        g->edge.own[c] = 0xffff;
        g->waker[c] = GIC_SLEEP | GIC_ASLEEP;
        g->bpr[c][0] = GIC_BPR_MIN;
        g->bpr[c][1] = GIC_BPR_MIN + 1;
        g->lpi_best[c] = (GicBest){GIC_NONE, GIC_IDLE};
        gic_virt_reset(g, c);
    }
    gic_update(g);
    for (unsigned c = 0; c < g->cpus; c++)
        gic_virt_update(g, c);
}

static bool gic_loaded(Device *dev, DevError *err)
{
    Gicv3 *g = (Gicv3 *)dev;
    for (unsigned c = 0; c < GIC_CPUS; c++) {
        g->bpr[c][0] = MAX(g->bpr[c][0] & 7, (uint32_t)GIC_BPR_MIN);
        g->bpr[c][1] = MAX(g->bpr[c][1] & 7, (uint32_t)GIC_BPR_MIN + 1);
        g->vmcr[c] = gic_vmcr_legal(g->vmcr[c]);
        g->lpi_best[c] = (GicBest){GIC_NONE, GIC_IDLE};
    }
    g->routes_any = true;
    for (unsigned c = 0; c < g->cpus; c++) {
        gic_lpi_scan(g, c);
        gic_virt_update(g, c);
    }
    gic_update(g);
    return true;
}

static const DevProp props[] = {
    DEV_U32(Gicv3, cpus, "how many cpus", 1),
    DEV_U32(Gicv3, irqs, "how many interrupts, those of software and cpus included", 288),
    DEV_BOOL(Gicv3, lpis, "interrupts by messages are there", 0),
    DEV_U64(Gicv3, redist_bytes, "room for redistributors", 0),
    DEV_U32(Gicv3, maintenance, "own interrupt of the virtual interfaces", 0),
    DEV_PTR(Gicv3, irq, "an interrupt line for each cpu"),
    DEV_PTR(Gicv3, fiq, "a fast interrupt line for each cpu; may be absent"),
    DEV_PTR(Gicv3, virq, "a virtual interrupt line for each cpu; may be absent"),
    DEV_PTR(Gicv3, vfiq, "a virtual fast interrupt line for each cpu; may be absent"),
};
#define ROWS(member, type)                                                                                   \
    {                                                                                                        \
#member, offsetof(Gicv3, member), sizeof(type), sizeof(((Gicv3 *)0)->member) / sizeof(type)          \
    }
static const DevField state[] = {
    ROWS(group, uint32_t), ROWS(enable, uint32_t),      ROWS(latch, uint32_t),       ROWS(active, uint32_t),
    ROWS(level, uint32_t), ROWS(edge, uint32_t),        ROWS(own_priority, uint8_t), ROWS(priority, uint8_t),
    ROWS(route, uint64_t), ROWS(lpi_pending, uint64_t), ROWS(propbase, uint64_t),    ROWS(pendbase, uint64_t),
    ROWS(ctlr, uint32_t),  ROWS(rctlr, uint32_t),       ROWS(waker, uint32_t),       ROWS(icc_ctlr, uint32_t),
    ROWS(pmr, uint32_t),   ROWS(bpr, uint32_t),         ROWS(apr, uint32_t),         ROWS(grpen, uint32_t),
    ROWS(lr, uint64_t),    ROWS(hcr, uint32_t),         ROWS(vmcr, uint32_t),        ROWS(vapr, uint32_t),
};

const DevClass arm_gicv3_class = {
    .name = "arm-gicv3",
    .help = "generic interrupt controller, version 3",
    .version = 1,
    DEV_TABLES(Gicv3, props, state),
    .realize = gic_realize,
    .reset = gic_reset,
    .loaded = gic_loaded,
};
