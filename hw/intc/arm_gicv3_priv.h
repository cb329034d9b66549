/* What the files of the GICv3 share. All functions: with the device's lock held. */
#ifndef HW_INTC_ARM_GICV3_PRIV_H
#define HW_INTC_ARM_GICV3_PRIV_H

#include "hw/core/dev_impl.h"
#include "hw/intc/arm_gicv3.h"

enum {
    GIC_CPUS = GICV3_MAX_CPUS,
    GIC_IRQS = 1024,
    GIC_WORDS = GIC_IRQS / 32,
    GIC_SGIS = 16,
    GIC_NONE = 1023,
    GIC_LPI = 8192, /* the first */
    GIC_LPI_END = 1 << 16,
    GIC_LPI_WORDS = (GIC_LPI_END - GIC_LPI) / 64,
    GIC_PRIORITY_MASK = 0xf8,
    GIC_PRIORITY_SHIFT = 3,
    GIC_IDLE = 0x100, /* lower than any priority */
    GIC_BPR_MIN = 2,  /* of group 0; of group 1 it is one more */
    GIC_LRS = 4,
};
enum { GIC_LPIS_ON = 1, GIC_DPG1 = 1 << 25, GIC_DPG0 = 1 << 24 }; /* GICR_CTLR */
enum { GIC_SLEEP = 2, GIC_ASLEEP = 4 };                           /* GICR_WAKER */
enum { GIC_CBPR = 1, GIC_EOI_MODE = 2 };                          /* ICC_CTLR_EL1 */
#define GIC_ROUTE_ANY (1ull << 31)                                /* GICD_IROUTER.IRM */

/* A bit for each interrupt; word 0 stands once per cpu. */
typedef struct GicBits {
    uint32_t own[GIC_CPUS], shared[GIC_WORDS];
} GicBits;

typedef struct GicBest {
    unsigned id, priority; /* GIC_NONE, GIC_IDLE: there is none */
} GicBest;

typedef struct Gicv3 {
    Device dev;
    uint32_t cpus, irqs;
    uint64_t redist_bytes;
    bool lpis;
    uint32_t maintenance; /* the interrupt of virtual interfaces; 0: there is none */
    const IrqLine *irq, *fiq, *virq, *vfiq;
    struct Gicv3Cpu {
        struct Gicv3 *gic;
        unsigned n;
    } cpu[GIC_CPUS];
    bool routes_any;            /* some interrupt had GIC_ROUTE_ANY; known from the rest */
    GicBest lpi_best[GIC_CPUS]; /* of what is pending and enabled; known from the rest */
    DEV_STATE_BEGIN
    GicBits group, enable, latch, active, level, edge;
    uint8_t own_priority[GIC_CPUS][32], priority[GIC_IRQS];
    uint64_t route[GIC_IRQS];
    uint64_t lpi_pending[GIC_CPUS][GIC_LPI_WORDS];
    uint64_t propbase[GIC_CPUS], pendbase[GIC_CPUS];
    uint32_t ctlr, rctlr[GIC_CPUS], waker[GIC_CPUS];
    /* cpu interfaces, [group] */
    uint32_t icc_ctlr[GIC_CPUS], pmr[GIC_CPUS], bpr[GIC_CPUS][2], apr[GIC_CPUS][2], grpen[GIC_CPUS][2];
    /* for guests of guests: ICH_* */
    uint64_t lr[GIC_CPUS][GIC_LRS];
    uint32_t hcr[GIC_CPUS], vmcr[GIC_CPUS], vapr[GIC_CPUS][2];
    DEV_STATE_END
} Gicv3;

static inline uint32_t *gic_word_of(GicBits *b, unsigned cpu, unsigned w)
{
    return w ? &b->shared[w] : &b->own[cpu];
}
static inline uint32_t gic_word(const GicBits *b, unsigned cpu, unsigned w)
{
    return w ? b->shared[w] : b->own[cpu];
}
static inline bool gic_bit(const GicBits *b, unsigned cpu, unsigned n)
{
    return gic_word(b, cpu, n / 32) >> n % 32 & 1;
}
static inline void gic_put_bit(GicBits *b, unsigned cpu, unsigned n, bool on)
{
    uint32_t *w = gic_word_of(b, cpu, n / 32);
    *w = on ? *w | 1u << n % 32 : *w & ~(1u << n % 32);
}
static inline uint32_t gic_pending_word(const Gicv3 *g, unsigned cpu, unsigned w)
{
    return gic_word(&g->latch, cpu, w) | (gic_word(&g->level, cpu, w) & ~gic_word(&g->edge, cpu, w));
}
static inline uint8_t *gic_priority_of(Gicv3 *g, unsigned cpu, unsigned n)
{
    return n < GICV3_OWN ? &g->own_priority[cpu][n] : &g->priority[n];
}

/* arm_gicv3.c: lines of one cpu, of all, as what the state says. */
void gic_update_cpu(Gicv3 *g, unsigned cpu);
void gic_update(Gicv3 *g);
/* Most urgent that is pending, enabled, meant for the cpu; and whether it would be signalled now. */
GicBest gic_best(const Gicv3 *g, unsigned cpu);
bool gic_is_signalled(const Gicv3 *g, unsigned cpu, GicBest b);
unsigned gic_group_of(const Gicv3 *g, unsigned cpu, unsigned n); /* 0 or 1 */
unsigned gic_group_mask(const Gicv3 *g, unsigned cpu, unsigned group);
unsigned gic_running(const uint32_t apr[2]);

/* arm_gicv3_dist.c */
extern const MmioOps gic_dist_ops, gic_redist_ops;

/* arm_gicv3_lpi.c */
void gic_lpi_put(Gicv3 *g, unsigned cpu, unsigned id, bool pending);
void gic_lpi_scan(Gicv3 *g, unsigned cpu); /* what is most urgent may have changed */
void gic_lpi_enable(Gicv3 *g, unsigned cpu, bool on);

/* arm_gicv3_virt.c: ICH_*, and ICV_* for the registers of the cpu interface. */
bool gic_virt_reg(Gicv3 *g, unsigned cpu, unsigned reg, bool write, uint64_t *value);
bool gic_hyp_reg(Gicv3 *g, unsigned cpu, unsigned reg, bool write, uint64_t *value);
void gic_virt_update(Gicv3 *g, unsigned cpu);
void gic_virt_reset(Gicv3 *g, unsigned cpu);
uint32_t gic_vmcr_legal(uint32_t v);

/* Encodings, see arm_gicv3_reg(). */
#define GIC_REG(op1, crn, crm, op2) (3 << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
enum {
    ICC_PMR = GIC_REG(0, 4, 6, 0),
    ICC_IAR0 = GIC_REG(0, 12, 8, 0),
    ICC_EOIR0 = GIC_REG(0, 12, 8, 1),
    ICC_HPPIR0 = GIC_REG(0, 12, 8, 2),
    ICC_BPR0 = GIC_REG(0, 12, 8, 3),
    ICC_AP0R = GIC_REG(0, 12, 8, 4), /* 4 */
    ICC_AP1R = GIC_REG(0, 12, 9, 0), /* 4 */
    ICC_DIR = GIC_REG(0, 12, 11, 1),
    ICC_RPR = GIC_REG(0, 12, 11, 3),
    ICC_SGI1R = GIC_REG(0, 12, 11, 5),
    ICC_ASGI1R = GIC_REG(0, 12, 11, 6),
    ICC_SGI0R = GIC_REG(0, 12, 11, 7),
    ICC_IAR1 = GIC_REG(0, 12, 12, 0),
    ICC_EOIR1 = GIC_REG(0, 12, 12, 1),
    ICC_HPPIR1 = GIC_REG(0, 12, 12, 2),
    ICC_BPR1 = GIC_REG(0, 12, 12, 3),
    ICC_CTLR = GIC_REG(0, 12, 12, 4),
    ICC_SRE = GIC_REG(0, 12, 12, 5),
    ICC_IGRPEN0 = GIC_REG(0, 12, 12, 6),
    ICC_IGRPEN1 = GIC_REG(0, 12, 12, 7),
    ICC_SRE_EL2 = GIC_REG(4, 12, 9, 5),
    ICH_AP0R = GIC_REG(4, 12, 8, 0), /* 4 */
    ICH_AP1R = GIC_REG(4, 12, 9, 0), /* 4 */
    ICH_HCR = GIC_REG(4, 12, 11, 0),
    ICH_VTR = GIC_REG(4, 12, 11, 1),
    ICH_MISR = GIC_REG(4, 12, 11, 2),
    ICH_EISR = GIC_REG(4, 12, 11, 3),
    ICH_ELRSR = GIC_REG(4, 12, 11, 5),
    ICH_VMCR = GIC_REG(4, 12, 11, 7),
    ICH_LR = GIC_REG(4, 12, 12, 0), /* 16 */
};

#endif
