#include "hw/intc/arm_gicv2_virt.h"
#include "hw/core/dev_impl.h"
#include "hw/intc/arm_gic_lists.h"
#include "hw/intc/arm_gicv2.h"

enum {
    CPUS = GICV2_MAX_CPUS,
    LRS = 4,
    NONE = 1023,
    OTHER_GROUP = 1022,
    IDLE = 32 /* priorities have 5 bits */
};
enum {
    GICH_HCR = 0,
    GICH_VTR = 4,
    GICH_VMCR = 8,
    GICH_MISR = 0x10,
    GICH_EISR = 0x20,
    GICH_ELRSR = 0x30,
    GICH_APR = 0xf0,
    GICH_LR = 0x100,
};
enum {
    GICV_CTLR = 0,
    GICV_PMR = 4,
    GICV_BPR = 8,
    GICV_IAR = 0xc,
    GICV_EOIR = 0x10,
    GICV_RPR = 0x14,
    GICV_HPPIR = 0x18,
    GICV_ABPR = 0x1c,
    GICV_AIAR = 0x20,
    GICV_AEOIR = 0x24,
    GICV_AHPPIR = 0x28,
    GICV_APR = 0xd0,
    GICV_IIDR = 0xfc,
    GICV_DIR = 0x1000,
};
#define HCR_BITS 0xf80000ffu
/* GICH_VMCR; the first six are GICV_CTLR's, too, but for EOI mode. */
enum { VM_ON0 = 1, VM_ACK = 4, VM_FIQ = 8, VM_COMMON = 16, VM_EOI_MODE = 1 << 9, VM_CTLR = 0x21f };
enum { VM_ABPR_SHIFT = 18, VM_BPR_SHIFT = 21, VM_PMR_SHIFT = 27, BPR_MIN = 2 };
#define LR_HW           (1u << 31)
#define LR_GROUP1       (1u << 30)
#define LR_ACTIVE       (1u << 29)
#define LR_PENDING      (1u << 28)
#define LR_STATE        (LR_ACTIVE | LR_PENDING)
#define LR_EOI          (1u << 19)
#define LR_PRIORITY(lr) ((lr) >> 23 & 31)
#define LR_ID(lr)       ((lr)&0x3ff)
#define LR_PHYSICAL(lr) ((lr) >> 10 & 0x3ff)
#define VTR             ((LRS - 1) | 4u << 26 | 4u << 29)

typedef struct GicVirt {
    Device dev;
    uint32_t cpus;
    Device *gic;
    const IrqLine *virq, *vfiq, *maintenance;
    DEV_STATE_BEGIN
    uint32_t hcr[CPUS], vmcr[CPUS], apr[CPUS], lr[CPUS][LRS];
    DEV_STATE_END
} GicVirt;

static uint32_t legal_vmcr(uint32_t v)
{
    uint32_t bpr = MAX(v >> VM_BPR_SHIFT & 7, (uint32_t)BPR_MIN),
             abpr = MAX(v >> VM_ABPR_SHIFT & 7, BPR_MIN + 1u);
    return (v & (VM_CTLR | 31u << VM_PMR_SHIFT)) | bpr << VM_BPR_SHIFT | abpr << VM_ABPR_SHIFT;
}

/* ---- which interrupt ---- */

/* The list register of the most urgent one that is pending in a group that is on; LRS: there is none. */
static unsigned best(const GicVirt *g, unsigned cpu)
{
    unsigned found = LRS, lowest = IDLE;
    for (unsigned k = 0; k < LRS; k++) {
        uint32_t lr = g->lr[cpu][k], on = g->vmcr[cpu] >> (lr & LR_GROUP1 ? 1 : 0) & 1;
        if ((lr & LR_STATE) == LR_PENDING && on && LR_PRIORITY(lr) < lowest) {
            lowest = LR_PRIORITY(lr);
            found = k;
        }
    }
    return found;
}

static unsigned running(const GicVirt *g, unsigned cpu)
{
    return g->apr[cpu] ? (unsigned)__builtin_ctz(g->apr[cpu]) : IDLE;
}

/* Of a priority, what counts for preemption. */
static unsigned preempting(const GicVirt *g, unsigned cpu, uint32_t lr)
{
    bool second = (lr & LR_GROUP1) && !(g->vmcr[cpu] & VM_COMMON);
    unsigned point = g->vmcr[cpu] >> (second ? VM_ABPR_SHIFT : VM_BPR_SHIFT) & 7;
    point = point + 1 - second; /* lowest bit, of 8, that counts */
    return LR_PRIORITY(lr) & ~((1u << (point > 3 ? point - 3 : 0)) - 1) & 31;
}

static bool is_signalled(const GicVirt *g, unsigned cpu, unsigned k)
{
    if (k == LRS || !(g->hcr[cpu] & HCR_EN))
        return false;
    uint32_t lr = g->lr[cpu][k];
    return LR_PRIORITY(lr) < g->vmcr[cpu] >> VM_PMR_SHIFT && preempting(g, cpu, lr) < running(g, cpu);
}

/* The list registers as arm_gic_lists.h has them. */
static void put_lists(const GicVirt *g, unsigned cpu, uint8_t ret[LRS])
{
    for (unsigned k = 0; k < LRS; k++) {
        uint32_t lr = g->lr[cpu][k];
        ret[k] = (uint8_t)((lr & LR_PENDING ? GIC_LR_PENDING : 0) | (lr & LR_ACTIVE ? GIC_LR_ACTIVE : 0) |
                           (lr & LR_HW ? GIC_LR_HW : 0) | (lr & LR_EOI ? GIC_LR_EOI : 0));
    }
}

static uint32_t maintenance(const GicVirt *g, unsigned cpu)
{
    uint8_t lists[LRS];
    put_lists(g, cpu, lists);
    return gic_lists_maintenance(lists, LRS, g->hcr[cpu], g->vmcr[cpu]);
}

static void update(const GicVirt *g, unsigned cpu)
{
    unsigned k = best(g, cpu);
    bool up = is_signalled(g, cpu, k), fiq = up && (g->vmcr[cpu] & VM_FIQ) && !(g->lr[cpu][k] & LR_GROUP1);
    irq_set(g->virq ? &g->virq[cpu] : NULL, up && !fiq);
    irq_set(g->vfiq ? &g->vfiq[cpu] : NULL, fiq);
    irq_set(g->maintenance ? &g->maintenance[cpu] : NULL, (g->hcr[cpu] & HCR_EN) && maintenance(g, cpu));
}

/* ---- GICV: what the guest does ---- */

/* Number as IAR and HPPIR have it; of group 1 only by the register for it, or with AckCtl. */
static uint32_t number(const GicVirt *g, unsigned cpu, unsigned k, bool alias)
{
    uint32_t lr = k < LRS ? g->lr[cpu][k] : 0;
    if (k == LRS || (alias && !(lr & LR_GROUP1)))
        return NONE;
    if (!alias && (lr & LR_GROUP1) && !(g->vmcr[cpu] & VM_ACK))
        return OTHER_GROUP;
    return LR_ID(lr) | (lr & LR_HW ? 0 : LR_PHYSICAL(lr) & 7) << 10;
}

static uint32_t take(GicVirt *g, unsigned cpu, bool alias)
{
    unsigned k = best(g, cpu);
    uint32_t n = is_signalled(g, cpu, k) ? number(g, cpu, k, alias) : NONE;
    if (n == NONE || n == OTHER_GROUP)
        return n;
    g->apr[cpu] |= 1u << preempting(g, cpu, g->lr[cpu][k]);
    g->lr[cpu][k] = (g->lr[cpu][k] & ~LR_STATE) | LR_ACTIVE;
    return n;
}

/* False: no list register has it. */
static bool deactivate(GicVirt *g, unsigned cpu, uint32_t v)
{
    for (unsigned k = 0; k < LRS; k++) {
        uint32_t *lr = &g->lr[cpu][k];
        if (!(*lr & LR_ACTIVE) || LR_ID(*lr) != (v & 0x3ff))
            continue;
        *lr &= ~LR_ACTIVE;
        if (*lr & LR_HW)
            arm_gicv2_deactivate(g->gic, cpu, LR_PHYSICAL(*lr));
        return true;
    }
    return false;
}

static void end_of(GicVirt *g, unsigned cpu, uint32_t v)
{
    if ((v & 0x3ff) >= 1020)
        return;
    g->apr[cpu] &= g->apr[cpu] - 1;
    if (!(g->vmcr[cpu] & VM_EOI_MODE) && !deactivate(g, cpu, v))
        g->hcr[cpu] += 1u << HCR_EOI_SHIFT;
}

static uint32_t guest_get(GicVirt *g, unsigned cpu, uint64_t offset)
{
    const uint32_t vmcr = g->vmcr[cpu];
    switch (offset) {
    case GICV_CTLR: return vmcr & VM_CTLR;
    case GICV_PMR: return vmcr >> VM_PMR_SHIFT << 3;
    case GICV_BPR: return vmcr >> VM_BPR_SHIFT & 7;
    case GICV_ABPR: return vmcr >> VM_ABPR_SHIFT & 7;
    case GICV_IAR: return take(g, cpu, false);
    case GICV_AIAR: return take(g, cpu, true);
    case GICV_RPR: return g->apr[cpu] ? running(g, cpu) << 3 : 0xff;
    case GICV_HPPIR: return number(g, cpu, best(g, cpu), false);
    case GICV_AHPPIR: return number(g, cpu, best(g, cpu), true);
    case GICV_APR: return g->apr[cpu];
    case GICV_IIDR: return 0x0002043b;
    default: return 0;
    }
}

static void put_field(uint32_t *word, unsigned shift, uint32_t mask, uint32_t v)
{
    *word = (*word & ~(mask << shift)) | (v & mask) << shift;
}

static void guest_put(GicVirt *g, unsigned cpu, uint64_t offset, uint32_t v)
{
    uint32_t *vmcr = &g->vmcr[cpu];
    switch (offset) {
    case GICV_CTLR: put_field(vmcr, 0, VM_CTLR, v); break;
    case GICV_PMR: put_field(vmcr, VM_PMR_SHIFT, 31, v >> 3); break;
    case GICV_BPR: put_field(vmcr, VM_BPR_SHIFT, 7, v); break;
    case GICV_ABPR: put_field(vmcr, VM_ABPR_SHIFT, 7, v); break;
    case GICV_EOIR:
    case GICV_AEOIR: end_of(g, cpu, v); break;
    case GICV_APR: g->apr[cpu] = v; break;
    case GICV_DIR: deactivate(g, cpu, v); break;
    default: return;
    }
    *vmcr = legal_vmcr(*vmcr);
}

/* ---- GICH ---- */

static uint32_t hyp_get(const GicVirt *g, unsigned cpu, uint64_t offset)
{
    if (offset >= GICH_LR && offset < GICH_LR + 4 * LRS)
        return g->lr[cpu][(offset - GICH_LR) / 4];
    uint8_t lists[LRS];
    put_lists(g, cpu, lists);
    switch (offset) {
    case GICH_HCR: return g->hcr[cpu];
    case GICH_VTR: return VTR;
    case GICH_VMCR: return g->vmcr[cpu];
    case GICH_MISR: return maintenance(g, cpu);
    case GICH_EISR: return gic_lists_ended(lists, LRS);
    case GICH_ELRSR: return gic_lists_vacant(lists, LRS);
    case GICH_APR: return g->apr[cpu];
    default: return 0;
    }
}

static void hyp_put(GicVirt *g, unsigned cpu, uint64_t offset, uint32_t v)
{
    if (offset >= GICH_LR && offset < GICH_LR + 4 * LRS)
        g->lr[cpu][(offset - GICH_LR) / 4] = v;
    else if (offset == GICH_HCR)
        g->hcr[cpu] = v & HCR_BITS;
    else if (offset == GICH_VMCR)
        g->vmcr[cpu] = legal_vmcr(v);
    else if (offset == GICH_APR)
        g->apr[cpu] = v;
}

static uint64_t hyp_read(void *dev, unsigned cpu, uint64_t offset, unsigned size)
{
    const GicVirt *g = dev;
    return cpu < g->cpus ? hyp_get(g, cpu, offset) : 0;
}
static void hyp_write(void *dev, unsigned cpu, uint64_t offset, uint64_t value, unsigned size)
{
    GicVirt *g = dev;
    if (cpu >= g->cpus)
        return;
    hyp_put(g, cpu, offset, (uint32_t)value);
    update(g, cpu);
}
static uint64_t guest_read(void *dev, unsigned cpu, uint64_t offset, unsigned size)
{
    GicVirt *g = dev;
    if (cpu >= g->cpus)
        return 0;
    uint32_t v = guest_get(g, cpu, offset);
    update(g, cpu);
    return v;
}
static void guest_write(void *dev, unsigned cpu, uint64_t offset, uint64_t value, unsigned size)
{
    GicVirt *g = dev;
    if (cpu >= g->cpus)
        return;
    guest_put(g, cpu, offset, (uint32_t)value);
    update(g, cpu);
}

static const MmioOps hyp_ops = {.read_by = hyp_read, .write_by = hyp_write, .min = 4, .max = 4};
static const MmioOps guest_ops = {.read_by = guest_read, .write_by = guest_write, .min = 4, .max = 4};

/* ---- life ---- */

static bool virt_realize(Device *dev, DevError *err)
{
    const GicVirt *g = (GicVirt *)dev;
    if (!g->gic || g->cpus == 0 || g->cpus > CPUS)
        return dev_fail(err, "arm-gicv2-virt: %u cpus, and a GIC", g->cpus);
    lock_init(&dev->lock, LOCK_RANK_DEVICE); /* the GIC is called with it */
    dev_add_mmio(dev, "gic-hyp", &hyp_ops, 0x10000);
    dev_add_mmio(dev, "gic-vcpu", &guest_ops, 0x10000);
    return true;
}

static void virt_reset(Device *dev)
{
    GicVirt *g = (GicVirt *)dev;
    memset((char *)g + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    for (unsigned c = 0; c < CPUS; c++)
        g->vmcr[c] = legal_vmcr(0);
    for (unsigned c = 0; c < g->cpus; c++)
        update(g, c);
}

static bool virt_loaded(Device *dev, DevError *err)
{
    GicVirt *g = (GicVirt *)dev;
    for (unsigned c = 0; c < CPUS; c++)
        g->vmcr[c] = legal_vmcr(g->vmcr[c]);
    for (unsigned c = 0; c < g->cpus; c++)
        update(g, c);
    return true;
}

static const DevProp props[] = {
    DEV_U32(GicVirt, cpus, "how many cpus", 1),
    DEV_PTR(GicVirt, gic, "the interrupt controller"),
    DEV_PTR(GicVirt, virq, "a virtual interrupt line for each cpu"),
    DEV_PTR(GicVirt, vfiq, "a virtual fast interrupt line for each cpu"),
    DEV_PTR(GicVirt, maintenance, "a line for each cpu, for the hypervisor"),
};
static const DevField state[] = {DEV_ARRAY(GicVirt, hcr),
                                 DEV_ARRAY(GicVirt, vmcr),
                                 DEV_ARRAY(GicVirt, apr),
                                 {"lr", offsetof(GicVirt, lr), 4, CPUS *LRS}};

const DevClass arm_gicv2_virt_class = {
    .name = "arm-gicv2-virt",
    .help = "virtual interrupts of a GICv2",
    .version = 1,
    DEV_TABLES(GicVirt, props, state),
    .realize = virt_realize,
    .reset = virt_reset,
    .loaded = virt_loaded,
};
