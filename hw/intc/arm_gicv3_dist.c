/* The distributor and the redistributors: registers of IHI 0069, chapter 12. Registers of 64 bits may be
 * accessed by halves. */
#include "hw/intc/arm_gicv3_priv.h"

enum {
    CTLR = 0,
    TYPER = 4,
    IIDR = 8,
    IGROUPR = 0x80,
    ISENABLER = 0x100,
    ISPENDR = 0x200,
    ISACTIVER = 0x300,
    IPRIORITYR = 0x400,
    ICFGR = 0xc00,
    BITS = 0x380, /* bytes of registers with a bit for each interrupt */
    IROUTER = 0x6000,
    IDS = 0xffd0,
};
enum { /* redistributor: frame 0; frame 1 has the same as the distributor for interrupts 0 to 31 */
       R_CTLR = 0,
       R_IIDR = 4,
       R_TYPER = 8,
       R_WAKER = 0x14,
       R_PROPBASER = 0x70,
       R_PENDBASER = 0x78,
       FRAME = 0x10000
};
enum { CTLR_GROUPS = 3, CTLR_FIXED = 0x50 /* affinity routing, one security state */, IIDR_ARM = 0x43b };
enum { TYPER_LPIS = 1 << 17, TYPER_ID_BITS = 15 << 19, TYPER_AFF3 = 1 << 24 };

static bool in(uint64_t offset, unsigned first, unsigned bytes)
{
    return offset - first < bytes;
}

/* Peripheral 0x492 of Arm, architecture 3. */
static uint32_t id_word(uint64_t offset)
{
    static const uint8_t id[12] = {4, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1};
    return offset >= IDS && offset < FRAME ? id[(offset - IDS) / 4] : 0;
}

static uint32_t half(uint64_t v, uint64_t offset)
{
    return (uint32_t)(v >> (offset & 4) * 8);
}
static uint64_t with_half(uint64_t old, uint64_t offset, uint32_t v)
{
    unsigned shift = (unsigned)(offset & 4) * 8;
    return (old & ~(0xffffffffull << shift)) | (uint64_t)v << shift;
}

/* ---- interrupts: both kinds of frame ---- */

/* Words of interrupts that the frame has. */
static bool has_word(const Gicv3 *g, bool own, unsigned w)
{
    return own ? w == 0 : w > 0 && w < g->irqs / 32;
}

static uint32_t read_bits(const Gicv3 *g, unsigned cpu, uint64_t at, unsigned w)
{
    if (at < ISENABLER)
        return gic_word(&g->group, cpu, w);
    if (at < ISPENDR)
        return gic_word(&g->enable, cpu, w);
    return at < ISACTIVER ? gic_pending_word(g, cpu, w) : gic_word(&g->active, cpu, w);
}

static void write_bits(Gicv3 *g, unsigned cpu, uint64_t at, unsigned w, uint32_t v)
{
    GicBits *b = at < ISPENDR ? &g->enable : at < ISACTIVER ? &g->latch : &g->active;
    uint32_t *to = gic_word_of(at < ISENABLER ? &g->group : b, cpu, w);
    if (at < ISENABLER)
        *to = v;
    else
        *to = at & 0x80 ? *to & ~v : *to | v;
}

/* Two bits for each interrupt, the upper one says edge. */
static uint32_t read_config(const Gicv3 *g, unsigned cpu, unsigned reg)
{
    uint32_t edge = gic_word(&g->edge, cpu, reg / 2) >> (reg % 2 * 16), v = 0;
    for (unsigned k = 0; k < 16; k++)
        v |= (edge >> k & 1) << (2 * k + 1);
    return v;
}

static void write_config(Gicv3 *g, unsigned cpu, unsigned reg, uint32_t v)
{
    for (unsigned k = 0; reg && k < 16; k++) /* software's interrupts are edges */
        gic_put_bit(&g->edge, cpu, reg * 16 + k, v >> (2 * k + 1) & 1);
}

static bool read_common(const Gicv3 *g, bool own, unsigned cpu, uint64_t at, uint32_t *ret)
{
    if (in(at, IGROUPR, BITS)) {
        unsigned w = at % 0x80 / 4;
        *ret = has_word(g, own, w) ? read_bits(g, cpu, at & ~0x7full, w) : 0;
        return true;
    }
    if (in(at, ICFGR, 0x100)) {
        unsigned reg = (unsigned)(at - ICFGR) / 4;
        *ret = has_word(g, own, reg / 2) ? read_config(g, cpu, reg) : 0;
        return true;
    }
    return false;
}

static bool write_common(Gicv3 *g, bool own, unsigned cpu, uint64_t at, uint32_t v)
{
    if (in(at, IGROUPR, BITS)) {
        unsigned w = at % 0x80 / 4;
        if (has_word(g, own, w))
            write_bits(g, cpu, at & ~0x7full, w, v);
        return true;
    }
    if (in(at, ICFGR, 0x100)) {
        unsigned reg = (unsigned)(at - ICFGR) / 4;
        if (has_word(g, own, reg / 2))
            write_config(g, cpu, reg, v);
        return true;
    }
    return false;
}

static uint64_t read_priorities(Gicv3 *g, bool own, unsigned cpu, uint64_t at, unsigned size)
{
    uint64_t v = 0;
    for (unsigned k = 0; k < size; k++) {
        unsigned n = (unsigned)(at - IPRIORITYR) + k;
        if (has_word(g, own, n / 32))
            v |= (uint64_t)*gic_priority_of(g, cpu, n) << 8 * k;
    }
    return v;
}

static void write_priorities(Gicv3 *g, bool own, unsigned cpu, uint64_t at, uint64_t v, unsigned size)
{
    for (unsigned k = 0; k < size; k++) {
        unsigned n = (unsigned)(at - IPRIORITYR) + k;
        if (has_word(g, own, n / 32))
            *gic_priority_of(g, cpu, n) = (uint8_t)(v >> 8 * k) & GIC_PRIORITY_MASK;
    }
}

/* ---- distributor ---- */

static uint32_t dist_read_word(const Gicv3 *g, uint64_t at)
{
    uint32_t v;
    if (read_common(g, false, 0, at, &v))
        return v;
    if (in(at, IROUTER, GIC_IRQS * 8))
        return (at - IROUTER) / 8 < g->irqs ? half(g->route[(at - IROUTER) / 8], at) : 0;
    switch (at) {
    case CTLR: return g->ctlr | CTLR_FIXED;
    case TYPER: return (g->irqs / 32 - 1) | TYPER_ID_BITS | TYPER_AFF3 | (g->lpis ? (uint32_t)TYPER_LPIS : 0);
    case IIDR: return IIDR_ARM;
    default: return id_word(at);
    }
}

static void dist_write_word(Gicv3 *g, uint64_t at, uint32_t v)
{
    const uint64_t affinity = 0xff00ffffffull;
    if (write_common(g, false, 0, at, v))
        return;
    if (in(at, IROUTER, GIC_IRQS * 8)) {
        unsigned n = (unsigned)(at - IROUTER) / 8;
        if (n >= GICV3_OWN && n < g->irqs)
            g->route[n] = with_half(g->route[n], at, v) & (affinity | GIC_ROUTE_ANY);
        g->routes_any |= (g->route[n % GIC_IRQS] & GIC_ROUTE_ANY) != 0;
    } else if (at == CTLR) {
        g->ctlr = v & CTLR_GROUPS;
    }
}

static uint64_t dist_read(void *dev, uint64_t at, unsigned size)
{
    Gicv3 *g = dev;
    if (in(at, IPRIORITYR, GIC_IRQS))
        return read_priorities(g, false, 0, at, size);
    uint64_t v = dist_read_word(g, at & ~3ull);
    if (size == 8)
        v |= (uint64_t)dist_read_word(g, at + 4) << 32;
    return v >> (at & 3) * 8;
}

static void dist_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Gicv3 *g = dev;
    if (in(at, IPRIORITYR, GIC_IRQS)) {
        write_priorities(g, false, 0, at, value, size);
    } else if (size >= 4 && !(at & 3)) {
        dist_write_word(g, at, (uint32_t)value);
        if (size == 8)
            dist_write_word(g, at + 4, (uint32_t)(value >> 32));
    }
    gic_update(g);
}

const MmioOps gic_dist_ops = {.read = dist_read, .write = dist_write, .min = 1, .max = 8};

/* ---- redistributors ---- */

static uint64_t redist_type(const Gicv3 *g, unsigned cpu)
{
    return (uint64_t)cpu << 32 | cpu << 8 | (cpu + 1 == g->cpus ? 1 << 4 : 0) | (g->lpis ? 1 : 0);
}

static uint32_t redist_read_word(const Gicv3 *g, unsigned cpu, uint64_t at)
{
    uint32_t v = 0;
    if (at >= FRAME)
        return read_common(g, true, cpu, at - FRAME, &v) ? v : 0;
    switch (at & ~4ull) {
    case R_TYPER: return half(redist_type(g, cpu), at);
    case R_PROPBASER: return half(g->propbase[cpu], at);
    case R_PENDBASER: return half(g->pendbase[cpu] & ~(1ull << 62), at);
    default: break;
    }
    switch (at) {
    case R_CTLR: return g->rctlr[cpu];
    case R_IIDR: return IIDR_ARM;
    case R_WAKER: return g->waker[cpu];
    default: return id_word(at);
    }
}

/* The tables stay where they are while LPIs are on. */
static void write_base(const Gicv3 *g, unsigned cpu, uint64_t *base, uint64_t at, uint32_t v, uint64_t mask)
{
    if (g->lpis && !(g->rctlr[cpu] & GIC_LPIS_ON))
        *base = with_half(*base, at, v) & mask;
}

static void redist_write_word(Gicv3 *g, unsigned cpu, uint64_t at, uint32_t v)
{
    const uint64_t prop = 0x070fffffffffff9full, pend = 0x470fffffffff0f80ull;
    if (at >= FRAME) {
        write_common(g, true, cpu, at - FRAME, v);
        return;
    }
    switch (at & ~4ull) {
    case R_PROPBASER: write_base(g, cpu, &g->propbase[cpu], at, v, prop); return;
    case R_PENDBASER: write_base(g, cpu, &g->pendbase[cpu], at, v, pend); return;
    default: break;
    }
    if (at == R_CTLR) {
        g->rctlr[cpu] = (g->rctlr[cpu] & GIC_LPIS_ON) | (v & (GIC_DPG0 | GIC_DPG1));
        gic_lpi_enable(g, cpu, v & GIC_LPIS_ON);
    } else if (at == R_WAKER) {
        g->waker[cpu] = v & GIC_SLEEP ? GIC_SLEEP | GIC_ASLEEP : 0;
    }
}

static uint64_t redist_read(void *dev, uint64_t at, unsigned size)
{
    Gicv3 *g = dev;
    unsigned cpu = (unsigned)(at / GICV3_FRAMES);
    at %= GICV3_FRAMES;
    if (cpu >= g->cpus)
        return 0;
    if (in(at, FRAME + IPRIORITYR, GICV3_OWN))
        return read_priorities(g, true, cpu, at - FRAME, size);
    uint64_t v = redist_read_word(g, cpu, at & ~3ull);
    if (size == 8)
        v |= (uint64_t)redist_read_word(g, cpu, at + 4) << 32;
    return v >> (at & 3) * 8;
}

static void redist_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Gicv3 *g = dev;
    unsigned cpu = (unsigned)(at / GICV3_FRAMES);
    at %= GICV3_FRAMES;
    if (cpu >= g->cpus)
        return;
    if (in(at, FRAME + IPRIORITYR, GICV3_OWN)) {
        write_priorities(g, true, cpu, at - FRAME, value, size);
    } else if (size >= 4 && !(at & 3)) {
        redist_write_word(g, cpu, at, (uint32_t)value);
        if (size == 8)
            redist_write_word(g, cpu, at + 4, (uint32_t)(value >> 32));
    }
    gic_update(g);
}

const MmioOps gic_redist_ops = {.read = redist_read, .write = redist_write, .min = 1, .max = 8};
