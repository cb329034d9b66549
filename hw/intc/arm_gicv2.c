/* Registers by IHI 0048B, chapter 4. Priorities have five bits. State of interrupts below 32 stands once per
 * cpu.
 *
 * `latch` is what makes an edge-triggered or software-pended interrupt pending; a level-triggered one is
 * pending also while its line is up. Locks: the device's. */
#include "hw/intc/arm_gicv2.h"
#include "hw/core/dev_impl.h"

enum { CPUS = GICV2_MAX_CPUS, IRQS = GICV2_MAX_IRQS + 4, WORDS = IRQS / 32, SPURIOUS = 1023, SGIS = 16 };
enum { PRIORITY_MASK = 0xf8, PRIORITY_SHIFT = 3, IDLE = 0x100, BPR_MIN = 2 };
enum {
    GICD_CTLR = 0,
    GICD_TYPER = 4,
    GICD_IIDR = 8,
    GICD_IGROUPR = 0x80,
    GICD_ISENABLER = 0x100,
    GICD_ICENABLER = 0x180,
    GICD_ISPENDR = 0x200,
    GICD_ICPENDR = 0x280,
    GICD_ISACTIVER = 0x300,
    GICD_ICACTIVER = 0x380,
    GICD_IPRIORITYR = 0x400,
    GICD_ITARGETSR = 0x800,
    GICD_ICFGR = 0xc00,
    GICD_SGIR = 0xf00,
    GICD_CPENDSGIR = 0xf10,
    GICD_SPENDSGIR = 0xf20,
    GICD_ID = 0xfd0,
    DIST_BYTES = 0x1000,
};
enum {
    GICC_CTLR = 0,
    GICC_PMR = 4,
    GICC_BPR = 8,
    GICC_IAR = 12,
    GICC_EOIR = 16,
    GICC_RPR = 20,
    GICC_HPPIR = 24,
    GICC_ABPR = 28,
    GICC_APR0 = 0xd0,
    GICC_IIDR = 0xfc,
    GICC_DIR = 0x1000,
    CPU_BYTES = 0x2000,
};
enum { CTLR_FIQ = 8, CTLR_EOI_MODE = 1 << 9, CTLR_MASK = 0x21f };

/* A bit for each interrupt; word 0 stands once per cpu. */
typedef struct GicBits {
    uint32_t own[CPUS], shared[WORDS];
} GicBits;

typedef struct Gic {
    Device dev;
    uint32_t cpus, irqs;
    const IrqLine *irq, *fiq;
    struct GicCpu {
        struct Gic *gic;
        unsigned n;
    } cpu[CPUS];
    DEV_STATE_BEGIN
    GicBits group, enable, latch, active, level, edge;
    uint8_t own_priority[CPUS][32], priority[IRQS];
    uint8_t target[IRQS];
    uint8_t sgi_from[CPUS][SGIS]; /* who asked, a bit each */
    uint32_t ctlr, cpu_ctlr[CPUS], pmr[CPUS], bpr[CPUS], apr[CPUS];
    DEV_STATE_END
} Gic;

static uint32_t *word_of(GicBits *b, unsigned cpu, unsigned w)
{
    return w ? &b->shared[w] : &b->own[cpu];
}
static uint32_t word(const GicBits *b, unsigned cpu, unsigned w)
{
    return w ? b->shared[w] : b->own[cpu];
}
static bool bit(const GicBits *b, unsigned cpu, unsigned n)
{
    return word(b, cpu, n / 32) >> n % 32 & 1;
}
static void put_bit(GicBits *b, unsigned cpu, unsigned n, bool on)
{
    uint32_t *w = word_of(b, cpu, n / 32);
    *w = on ? *w | 1u << n % 32 : *w & ~(1u << n % 32);
}

static uint8_t *priority_of(Gic *g, unsigned cpu, unsigned n)
{
    return n < GICV2_OWN ? &g->own_priority[cpu][n] : &g->priority[n];
}

static uint32_t pending_word(const Gic *g, unsigned cpu, unsigned w)
{
    return word(&g->latch, cpu, w) | (word(&g->level, cpu, w) & ~word(&g->edge, cpu, w));
}

/* ---- which interrupt ---- */

static unsigned running(const Gic *g, unsigned cpu)
{
    return g->apr[cpu] ? (unsigned)__builtin_ctz(g->apr[cpu]) << PRIORITY_SHIFT : IDLE;
}

/* Priorities that differ only below these bits do not preempt each other. */
static unsigned group_mask(const Gic *g, unsigned cpu)
{
    return ~((2u << MIN(g->bpr[cpu], 6u)) - 1) & 0xff;
}

/* Of those pending, enabled, not active and meant for the cpu; SPURIOUS: none. */
static unsigned best(Gic *g, unsigned cpu, unsigned *ret_priority)
{
    unsigned found = SPURIOUS, lowest = IDLE;
    for (unsigned w = 0; w < g->irqs / 32; w++) {
        uint32_t m = pending_word(g, cpu, w) & word(&g->enable, cpu, w) & ~word(&g->active, cpu, w),
                 group = word(&g->group, cpu, w);
        m &= (g->ctlr & 1 ? ~group : 0) | (g->ctlr & 2 ? group : 0);
        for (; m; m &= m - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(m), p = *priority_of(g, cpu, n);
            if ((n < GICV2_OWN || (g->target[n] >> cpu & 1)) && p < lowest) {
                lowest = p;
                found = n;
            }
        }
    }
    *ret_priority = lowest;
    return found;
}

/* The interrupt that the cpu is to be told of. */
static unsigned signalled(Gic *g, unsigned cpu)
{
    unsigned p, n = best(g, cpu, &p);
    bool group1 = n < SPURIOUS && bit(&g->group, cpu, n);
    if (n == SPURIOUS || p >= g->pmr[cpu] || (p & group_mask(g, cpu)) >= running(g, cpu))
        return SPURIOUS;
    return g->cpu_ctlr[cpu] & (group1 ? 2 : 1) ? n : SPURIOUS;
}

static void update_cpu(Gic *g, unsigned cpu)
{
    unsigned n = signalled(g, cpu);
    bool fiq = n < SPURIOUS && (g->cpu_ctlr[cpu] & CTLR_FIQ) && !bit(&g->group, cpu, n);
    irq_set(&g->irq[cpu], n < SPURIOUS && !fiq);
    if (g->fiq)
        irq_set(&g->fiq[cpu], fiq);
}

static void update(Gic *g)
{
    for (unsigned c = 0; c < g->cpus; c++)
        update_cpu(g, c);
}

/* ---- lines ---- */

static void set_line(Gic *g, unsigned cpu, unsigned n, bool level)
{
    lock_take(&g->dev.lock);
    if (level != bit(&g->level, cpu, n)) {
        put_bit(&g->level, cpu, n, level);
        if (level && bit(&g->edge, cpu, n))
            put_bit(&g->latch, cpu, n, true);
        update(g);
    }
    lock_release(&g->dev.lock);
}

static void set_shared(void *receiver, unsigned n, bool level)
{
    set_line(receiver, 0, n, level);
}
static void set_own(void *receiver, unsigned n, bool level)
{
    const struct GicCpu *c = receiver;
    set_line(c->gic, c->n, n, level);
}

IrqLine arm_gicv2_shared(Device *gic, unsigned n)
{
    return (IrqLine){set_shared, gic, n};
}
IrqLine arm_gicv2_own(Device *gic, unsigned cpu, unsigned n)
{
    return (IrqLine){set_own, &((Gic *)gic)->cpu[cpu], n};
}

/* ---- cpu interface ---- */

/* Software's interrupts are pending once for each cpu that asked. */
static unsigned take_sgi(Gic *g, unsigned cpu, unsigned n)
{
    unsigned from = g->sgi_from[cpu][n] ? (unsigned)__builtin_ctz(g->sgi_from[cpu][n]) : 0;
    g->sgi_from[cpu][n] &= (uint8_t) ~(1u << from);
    put_bit(&g->latch, cpu, n, g->sgi_from[cpu][n] != 0);
    return n | from << 10;
}

static uint32_t acknowledge(Gic *g, unsigned cpu)
{
    unsigned n = signalled(g, cpu), id = n;
    if (n == SPURIOUS)
        return SPURIOUS;
    g->apr[cpu] |= 1u << ((*priority_of(g, cpu, n) & group_mask(g, cpu)) >> PRIORITY_SHIFT);
    put_bit(&g->active, cpu, n, true);
    if (n < SGIS)
        id = take_sgi(g, cpu, n);
    else
        put_bit(&g->latch, cpu, n, false);
    update(g);
    return id;
}

static void deactivate(Gic *g, unsigned cpu, unsigned n)
{
    if (n < g->irqs)
        put_bit(&g->active, cpu, n, false);
}

void arm_gicv2_deactivate(Device *gic, unsigned cpu, unsigned n)
{
    Gic *g = (Gic *)gic;
    lock_take(&gic->lock);
    deactivate(g, cpu, n);
    update(g);
    lock_release(&gic->lock);
}

static void end_of(Gic *g, unsigned cpu, uint32_t v)
{
    unsigned n = v & 0x3ff;
    if (n >= g->irqs)
        return;
    g->apr[cpu] &= g->apr[cpu] - 1;
    if (!(g->cpu_ctlr[cpu] & CTLR_EOI_MODE))
        deactivate(g, cpu, n);
    update(g);
}

static uint64_t cpu_read(void *dev, unsigned cpu, uint64_t offset, unsigned size)
{
    Gic *g = dev;
    unsigned p;
    if (cpu >= g->cpus)
        return 0;
    switch (offset) {
    case GICC_CTLR: return g->cpu_ctlr[cpu];
    case GICC_PMR: return g->pmr[cpu];
    case GICC_BPR:
    case GICC_ABPR: return g->bpr[cpu];
    case GICC_IAR: return acknowledge(g, cpu);
    case GICC_RPR: return MIN(running(g, cpu), 0xffu);
    case GICC_HPPIR: return best(g, cpu, &p);
    case GICC_APR0: return g->apr[cpu];
    case GICC_IIDR: return 0x0002043b; /* version 2, Arm */
    default: return 0;
    }
}

static void cpu_write(void *dev, unsigned cpu, uint64_t offset, uint64_t value, unsigned size)
{
    Gic *g = dev;
    uint32_t v = (uint32_t)value;
    if (cpu >= g->cpus)
        return;
    switch (offset) {
    case GICC_CTLR: g->cpu_ctlr[cpu] = v & CTLR_MASK; break;
    case GICC_PMR: g->pmr[cpu] = v & PRIORITY_MASK; break;
    case GICC_BPR:
    case GICC_ABPR: g->bpr[cpu] = MAX(v & 7, (uint32_t)BPR_MIN); break;
    case GICC_EOIR: end_of(g, cpu, v); return;
    case GICC_APR0: g->apr[cpu] = v; break;
    case GICC_DIR: deactivate(g, cpu, v & 0x3ff); break;
    default: return;
    }
    update_cpu(g, cpu);
}

/* ---- distributor ---- */

static bool in(uint64_t offset, unsigned first, unsigned bytes)
{
    return offset - first < bytes;
}

/* Registers with a bit for each interrupt. `at`: the first of their kind. */
static uint32_t read_bits(const Gic *g, unsigned cpu, unsigned at, unsigned w)
{
    switch (at) {
    case GICD_IGROUPR: return word(&g->group, cpu, w);
    case GICD_ISENABLER:
    case GICD_ICENABLER: return word(&g->enable, cpu, w);
    case GICD_ISPENDR:
    case GICD_ICPENDR: return pending_word(g, cpu, w);
    default: return word(&g->active, cpu, w);
    }
}

static void write_bits(Gic *g, unsigned cpu, unsigned at, unsigned w, uint32_t v)
{
    bool clear = at & 0x80;
    uint32_t own = w ? ~0u : 0xffff0000; /* software's interrupts are pended otherwise, and always enabled */
    GicBits *b = at < GICD_ISPENDR ? &g->enable : at < GICD_ISACTIVER ? &g->latch : &g->active;
    uint32_t *to = word_of(b, cpu, w);
    if (at == GICD_IGROUPR) {
        *word_of(&g->group, cpu, w) = v;
        return;
    }
    if (b == &g->active)
        own = ~0u;
    *to = clear ? *to & ~(v & own) : *to | (v & own);
}

static uint32_t target_byte(const Gic *g, unsigned cpu, unsigned n)
{
    return n < GICV2_OWN ? 1u << cpu : n < g->irqs ? g->target[n] : 0;
}

/* Two bits for each interrupt, the upper one says edge. */
static uint32_t read_config(const Gic *g, unsigned cpu, unsigned reg)
{
    uint32_t edge = word(&g->edge, cpu, reg / 2) >> (reg % 2 * 16), v = 0;
    for (unsigned k = 0; k < 16; k++)
        v |= (edge >> k & 1) << (2 * k + 1);
    return v;
}

static void write_config(Gic *g, unsigned cpu, unsigned reg, uint32_t v)
{
    for (unsigned k = 0; k < 16; k++)
        if (reg) /* software's interrupts are edges */
            put_bit(&g->edge, cpu, reg * 16 + k, v >> (2 * k + 1) & 1);
}

static void send_sgi(Gic *g, unsigned cpu, uint32_t v)
{
    unsigned n = v & 15, how = v >> 24 & 3, to = v >> 16 & 255;
    to = how == 1 ? ~(1u << cpu) : how == 2 ? 1u << cpu : how == 3 ? 0 : to;
    for (unsigned c = 0; c < g->cpus; c++) {
        if (!(to >> c & 1))
            continue;
        g->sgi_from[c][n] |= (uint8_t)(1u << cpu);
        put_bit(&g->latch, c, n, true);
    }
}

static void set_sgi_from(Gic *g, unsigned cpu, unsigned n, uint8_t from)
{
    g->sgi_from[cpu][n] = from;
    put_bit(&g->latch, cpu, n, from != 0);
}

/* Whole interrupts, a byte each: priorities, targets, software's pending state. */
static uint8_t read_byte(Gic *g, unsigned cpu, uint64_t offset)
{
    unsigned n = offset & 0x3ff;
    if (in(offset, GICD_IPRIORITYR, 0x400))
        return n < g->irqs ? *priority_of(g, cpu, n) : 0;
    if (in(offset, GICD_ITARGETSR, 0x400))
        return (uint8_t)target_byte(g, cpu, n);
    return in(offset, GICD_CPENDSGIR, 32) ? g->sgi_from[cpu][offset & 15] : 0;
}

static void write_byte(Gic *g, unsigned cpu, uint64_t offset, uint8_t v)
{
    unsigned n = offset & 0x3ff;
    if (in(offset, GICD_IPRIORITYR, 0x400) && n < g->irqs)
        *priority_of(g, cpu, n) = v & PRIORITY_MASK;
    else if (in(offset, GICD_ITARGETSR, 0x400) && n >= GICV2_OWN && n < g->irqs)
        g->target[n] = v & (uint8_t)((1u << g->cpus) - 1);
    else if (in(offset, GICD_CPENDSGIR, 16))
        set_sgi_from(g, cpu, offset & 15, g->sgi_from[cpu][offset & 15] & (uint8_t)~v);
    else if (in(offset, GICD_SPENDSGIR, 16))
        set_sgi_from(g, cpu, offset & 15, g->sgi_from[cpu][offset & 15] | v);
}

static uint32_t id_byte(uint64_t offset)
{
    static const uint8_t id[12] = {4, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1};
    return id[(offset - GICD_ID) / 4];
}

static bool has_bytes(uint64_t offset)
{
    return in(offset, GICD_IPRIORITYR, 0x800) || in(offset, GICD_CPENDSGIR, 32);
}

static uint32_t read_word(const Gic *g, unsigned cpu, uint64_t offset)
{
    if (in(offset, GICD_IGROUPR, 0x380)) {
        unsigned w = offset % 0x80 / 4;
        return w < g->irqs / 32 ? read_bits(g, cpu, offset & ~0x7fu, w) : 0;
    }
    if (in(offset, GICD_ICFGR, 0x100))
        return (offset - GICD_ICFGR) / 8 < g->irqs / 32
                   ? read_config(g, cpu, (unsigned)(offset - GICD_ICFGR) / 4)
                   : 0;
    if (offset >= GICD_ID && offset < DIST_BYTES)
        return id_byte(offset);
    switch (offset) {
    case GICD_CTLR: return g->ctlr;
    case GICD_TYPER: return (g->irqs / 32 - 1) | (g->cpus - 1) << 5;
    case GICD_IIDR: return 0x0000043b;
    default: return 0;
    }
}

static uint64_t dist_read(void *dev, unsigned cpu, uint64_t offset, unsigned size)
{
    Gic *g = dev;
    uint64_t v = 0;
    if (cpu >= g->cpus)
        return 0;
    if (!has_bytes(offset))
        return read_word(g, cpu, offset & ~3ull) >> (offset & 3) * 8;
    for (unsigned k = 0; k < size; k++)
        v |= (uint64_t)read_byte(g, cpu, offset + k) << k * 8;
    return v;
}

static void write_word(Gic *g, unsigned cpu, uint64_t offset, uint32_t v)
{
    if (in(offset, GICD_IGROUPR, 0x380)) {
        unsigned w = offset % 0x80 / 4;
        if (w < g->irqs / 32)
            write_bits(g, cpu, offset & ~0x7fu, w, v);
    } else if (in(offset, GICD_ICFGR, 0x100) && (offset - GICD_ICFGR) / 8 < g->irqs / 32) {
        write_config(g, cpu, (unsigned)(offset - GICD_ICFGR) / 4, v);
    } else if (offset == GICD_CTLR) {
        g->ctlr = v & 3;
    } else if (offset == GICD_SGIR) {
        send_sgi(g, cpu, v);
    }
}

static void dist_write(void *dev, unsigned cpu, uint64_t offset, uint64_t value, unsigned size)
{
    Gic *g = dev;
    if (cpu >= g->cpus)
        return;
    if (has_bytes(offset)) {
        for (unsigned k = 0; k < size; k++)
            write_byte(g, cpu, offset + k, (uint8_t)(value >> k * 8));
    } else if (size == 4 && !(offset & 3)) {
        write_word(g, cpu, offset, (uint32_t)value);
    }
    update(g);
}

static const MmioOps dist_ops = {.read_by = dist_read, .write_by = dist_write, .min = 1, .max = 4};
static const MmioOps cpu_ops = {.read_by = cpu_read, .write_by = cpu_write, .min = 4, .max = 4};

/* ---- life ---- */

static bool gic_realize(Device *dev, DevError *err)
{
    Gic *g = (Gic *)dev;
    if (g->cpus == 0 || g->cpus > CPUS)
        return dev_fail(err, "arm-gicv2: %u cpus, 1 to %u are possible", g->cpus, (unsigned)CPUS);
    if (g->irqs < 64 || g->irqs > IRQS || g->irqs % 32)
        return dev_fail(err, "arm-gicv2: %u interrupts: 64 to %u, by 32", g->irqs, (unsigned)IRQS);
    lock_init(&dev->lock, LOCK_RANK_INTC);
    for (unsigned c = 0; c < CPUS; c++)
        g->cpu[c] = (struct GicCpu){g, c};
    dev_add_mmio(dev, "gic-dist", &dist_ops, 0x10000);
    dev_add_mmio(dev, "gic-cpu", &cpu_ops, 0x10000);
    return true;
}

/* What drives the lines is reset by itself. */
static void gic_reset(Device *dev)
{
    Gic *g = (Gic *)dev;
    GicBits level = g->level;
    memset((char *)g + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    g->level = level;
    for (unsigned c = 0; c < CPUS; c++) {
        g->enable.own[c] = g->edge.own[c] = 0xffff;
        g->bpr[c] = BPR_MIN;
    }
    if (g->cpus == 1)
        memset(g->target, 1, sizeof(g->target));
    update(g);
}

static bool gic_loaded(Device *dev, DevError *err)
{
    Gic *g = (Gic *)dev;
    for (unsigned c = 0; c < CPUS; c++)
        g->bpr[c] = MAX(g->bpr[c] & 7, (uint32_t)BPR_MIN);
    update(g);
    return true;
}

static const DevProp props[] = {
    DEV_U32(Gic, cpus, "how many cpus", 1),
    DEV_U32(Gic, irqs, "how many interrupts, those of software and cpus included", 288),
    DEV_PTR(Gic, irq, "an interrupt line for each cpu"),
    DEV_PTR(Gic, fiq, "a fast interrupt line for each cpu; may be absent"),
};
#define GIC_BITS(member)                                                                                     \
    {                                                                                                        \
#member, offsetof(Gic, member), 4, sizeof(((Gic *)0)->member) / 4                                    \
    }
static const DevField state[] = {
    GIC_BITS(group),
    GIC_BITS(enable),
    GIC_BITS(latch),
    GIC_BITS(active),
    GIC_BITS(level),
    GIC_BITS(edge),
    {"own_priority", offsetof(Gic, own_priority), 1, CPUS * 32},
    DEV_ARRAY(Gic, priority),
    DEV_ARRAY(Gic, target),
    {"sgi_from", offsetof(Gic, sgi_from), 1, CPUS *SGIS},
    DEV_FIELD(Gic, ctlr),
    DEV_ARRAY(Gic, cpu_ctlr),
    DEV_ARRAY(Gic, pmr),
    DEV_ARRAY(Gic, bpr),
    DEV_ARRAY(Gic, apr),
};

const DevClass arm_gicv2_class = {
    .name = "arm-gicv2",
    .help = "generic interrupt controller, version 2",
    .version = 1,
    DEV_TABLES(Gic, props, state),
    .realize = gic_realize,
    .reset = gic_reset,
    .loaded = gic_loaded,
};
