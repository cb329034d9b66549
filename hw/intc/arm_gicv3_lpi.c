/* LPIs: a byte of configuration each in a table that all cpus share (GICR_PROPBASER); pending state here,
 * which is read from memory when a redistributor's LPIs are switched on, and written there when they are
 * switched off (GICR_PENDBASER). Of each cpu the most urgent one that is pending and enabled is known. */
#include "hw/intc/arm_gicv3_priv.h"

enum { CONFIG_ON = 1, PENDING_AT = GIC_LPI / 8, PENDING_BYTES = (GIC_LPI_END - GIC_LPI) / 8 };
#define TABLE_ADDRESS(v)   ((v)&0xffffffffff000ull)
#define PENDING_ADDRESS(v) ((v)&0xfffffffff0000ull)
#define PENDING_ZERO       (1ull << 62)

/* The first number that the tables have no room for. */
static unsigned end_of(const Gicv3 *g, unsigned cpu)
{
    unsigned bits = (unsigned)(g->propbase[cpu] & 31) + 1;
    return bits < 16 ? 1u << bits : GIC_LPI_END;
}

/* GIC_IDLE: it is disabled. */
static unsigned priority_of(const Gicv3 *g, unsigned cpu, unsigned id)
{
    uint8_t config = 0;
    if (id >= end_of(g, cpu) ||
        !mem_map_read(g->dev.mem, TABLE_ADDRESS(g->propbase[cpu]) + id - GIC_LPI, &config, 1))
        return GIC_IDLE;
    return config & CONFIG_ON ? config & GIC_PRIORITY_MASK : GIC_IDLE;
}

void gic_lpi_scan(Gicv3 *g, unsigned cpu)
{
    GicBest best = {GIC_NONE, GIC_IDLE};
    uint64_t left = 0;
    const uint8_t *table = mem_map_host(g->dev.mem, TABLE_ADDRESS(g->propbase[cpu]), false, &left);
    unsigned end = end_of(g, cpu), words = table && (g->rctlr[cpu] & GIC_LPIS_ON) ? GIC_LPI_WORDS : 0;
    for (unsigned w = 0; w < words; w++) {
        for (uint64_t m = g->lpi_pending[cpu][w]; m; m &= m - 1) {
            unsigned n = w * 64 + (unsigned)__builtin_ctzll(m);
            uint8_t config =
                n <= left && GIC_LPI + n < end ? __atomic_load_n(&table[n], __ATOMIC_RELAXED) : 0;
            unsigned p = config & GIC_PRIORITY_MASK;
            if ((config & CONFIG_ON) && p < best.priority)
                best = (GicBest){GIC_LPI + n, p};
        }
    }
    g->lpi_best[cpu] = best;
}

void gic_lpi_put(Gicv3 *g, unsigned cpu, unsigned id, bool pending)
{
    if (cpu >= g->cpus || !(g->rctlr[cpu] & GIC_LPIS_ON) || id < GIC_LPI || id >= end_of(g, cpu))
        return;
    uint64_t *w = &g->lpi_pending[cpu][(id - GIC_LPI) / 64], bit = 1ull << (id - GIC_LPI) % 64;
    *w = pending ? *w | bit : *w & ~bit;
    if (pending) {
        unsigned p = priority_of(g, cpu, id);
        if (p < g->lpi_best[cpu].priority)
            g->lpi_best[cpu] = (GicBest){id, p};
    } else if (g->lpi_best[cpu].id == id) {
        gic_lpi_scan(g, cpu);
    }
}

void gic_lpi_enable(Gicv3 *g, unsigned cpu, bool on)
{
    uint64_t at = PENDING_ADDRESS(g->pendbase[cpu]) + PENDING_AT;
    if (!g->lpis || on == !!(g->rctlr[cpu] & GIC_LPIS_ON))
        return;
    g->rctlr[cpu] ^= GIC_LPIS_ON;
    uint64_t *bits = g->lpi_pending[cpu];
    unsigned bytes = (end_of(g, cpu) - MIN(end_of(g, cpu), (unsigned)GIC_LPI)) / 8;
    if (!on)
        mem_map_write(g->dev.mem, at, bits, bytes);
    memset(bits, 0, PENDING_BYTES);
    if (on && !(g->pendbase[cpu] & PENDING_ZERO) && !mem_map_read(g->dev.mem, at, bits, bytes))
        memset(bits, 0, PENDING_BYTES);
    gic_lpi_scan(g, cpu);
}

/* ---- for the ITS ---- */

void arm_gicv3_lpi(Device *gic, unsigned cpu, unsigned id, bool pending)
{
    Gicv3 *g = (Gicv3 *)gic;
    if (cpu >= g->cpus)
        return;
    lock_take(&gic->lock);
    gic_lpi_put(g, cpu, id, pending);
    gic_update_cpu(g, cpu);
    lock_release(&gic->lock);
}

void arm_gicv3_lpi_move(Device *gic, unsigned from, unsigned to, unsigned id)
{
    Gicv3 *g = (Gicv3 *)gic;
    if (from >= g->cpus || to >= g->cpus || from == to || id < GIC_LPI || id >= GIC_LPI_END)
        return;
    lock_take(&gic->lock);
    if (g->lpi_pending[from][(id - GIC_LPI) / 64] >> (id - GIC_LPI) % 64 & 1) {
        gic_lpi_put(g, from, id, false);
        gic_lpi_put(g, to, id, true);
        gic_update(g);
    }
    lock_release(&gic->lock);
}

void arm_gicv3_lpi_move_all(Device *gic, unsigned from, unsigned to)
{
    Gicv3 *g = (Gicv3 *)gic;
    if (from >= g->cpus || to >= g->cpus || from == to)
        return;
    lock_take(&gic->lock);
    for (unsigned w = 0; w < GIC_LPI_WORDS && (g->rctlr[to] & GIC_LPIS_ON); w++) {
        g->lpi_pending[to][w] |= g->lpi_pending[from][w];
        g->lpi_pending[from][w] = 0;
    }
    lock_release(&gic->lock);
}

void arm_gicv3_lpi_changed(Device *gic)
{
    Gicv3 *g = (Gicv3 *)gic;
    lock_take(&gic->lock);
    for (unsigned c = 0; c < g->cpus; c++)
        gic_lpi_scan(g, c);
    gic_update(g);
    lock_release(&gic->lock);
}
