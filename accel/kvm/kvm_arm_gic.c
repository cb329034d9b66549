/*
 * The interrupt controller of an arm64 host's KVM: version 2 or 3, and the translation service of messages.
 *
 * The board says where they are, when all cpus are there. The kernel has no reset of a controller, so the
 * registers that a reset changes are written: in this order, since what is set by one register and cleared by
 * another is cleared first. Source: Documentation/virt/kvm/devices/arm-vgic.rst, arm-vgic-v3.rst,
 * arm-vgic-its.rst; the GIC architecture specification, chapter 12 "Programmers' model".
 */
#include "accel/kvm/kvm_arm.h"

/* ---- devices of the kernel ---- */

static int make_device(const KvmVm *vm, uint32_t type, uint32_t flags)
{
    struct kvm_create_device d = {.type = type, .flags = flags};
    return sys_is_err(kvm_ioctl_at(vm->fd, KVM_CREATE_DEVICE, &d)) ? -1 : (int)d.fd;
}

static bool set_attr(int device, uint32_t group, uint64_t attr, const void *value)
{
    const struct kvm_device_attr a = {.group = group, .attr = attr, .addr = (uint64_t)(uintptr_t)value};
    return !sys_is_err(kvm_ioctl_at(device, KVM_SET_DEVICE_ATTR, &a));
}

static bool place(int device, uint64_t type, uint64_t base)
{
    return set_attr(device, KVM_DEV_ARM_VGIC_GRP_ADDR, type, &base);
}

static bool finish(int device)
{
    return set_attr(device, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

/* ---- making them ---- */

unsigned kvm_gic_versions(Accel *a)
{
    const KvmVm *vm = kvm_vm(a);
    unsigned all = 0;
    for (unsigned v = 2; v <= 3; v++)
        if (make_device(vm, v == 2 ? KVM_DEV_TYPE_ARM_VGIC_V2 : KVM_DEV_TYPE_ARM_VGIC_V3,
                        KVM_CREATE_DEVICE_TEST) >= 0)
            all |= 1u << v;
    return all;
}

static bool make_gic(KvmVm *vm, const AccelGic *g)
{
    enum { REGION_COUNT_SHIFT = 52 };
    KvmArmVm *x = kvm_arm_vm(vm);
    const uint32_t irqs = g->irqs;
    const bool v3 = g->version == 3;
    const uint64_t cpus = v3 ? g->cpu | (uint64_t)vm->n_cpus << REGION_COUNT_SHIFT : g->cpu;
    x->version = g->version;
    x->gic = make_device(vm, v3 ? KVM_DEV_TYPE_ARM_VGIC_V3 : KVM_DEV_TYPE_ARM_VGIC_V2, 0);
    return x->gic >= 0 && set_attr(x->gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs) &&
           place(x->gic, v3 ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_DIST, g->dist) &&
           place(x->gic, v3 ? KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION : KVM_VGIC_V2_ADDR_TYPE_CPU, cpus) &&
           finish(x->gic);
}

static bool make_its(KvmVm *vm, const AccelGic *g)
{
    KvmArmVm *x = kvm_arm_vm(vm);
    if (!g->its)
        return true;
    x->its = make_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS, 0);
    return x->its >= 0 && place(x->its, KVM_VGIC_ITS_ADDR_TYPE, g->its) && finish(x->its);
}

bool kvm_gic(Accel *a, const AccelGic *g, Fmt *err)
{
    KvmVm *vm = kvm_vm(a);
    if (!make_gic(vm, g)) {
        fmt_printf(err, "the host's KVM makes no GICv%u; gic-version=host takes what there is", g->version);
        return false;
    }
    if (!make_its(vm, g)) {
        fmt_puts(err, "the host's KVM makes no ITS; its=off does without");
        return false;
    }
    vm->msi_requester = kvm_has(vm, KVM_CAP_MSI_DEVID) != 0; /* with an ITS, and not before there is one */
    return true;
}

/* ---- reset ---- */

/* Registers of the distributor, or of a cpu's part, from `offset` on: `bits` for each of the inputs [first,
 * first + n), all set to `value`. */
typedef struct Fill {
    uint16_t offset;
    uint8_t bits;
    uint32_t value;
} Fill;

enum { GICD_CTLR = 0, OWN_INPUTS = 32, WORD = 4, INPUTS = 32 + 256 };
static const Fill fills[] = {
    {0x180, 1, ~0u}, /* ICENABLER */
    {0x280, 1, ~0u}, /* ICPENDR, of version 2 */
    {0x200, 1, 0},   /* ISPENDR, of version 3: what the kernel is told here is all that is pending */
    {0x380, 1, ~0u}, /* ICACTIVER */
    {0x080, 1, 0},   /* IGROUPR */
    {0x400, 8, 0},   /* IPRIORITYR */
    {0xc00, 2, 0},   /* ICFGR */
};

static void fill(int device, uint32_t group, uint64_t base, const Fill *f, unsigned first, unsigned n)
{
    for (unsigned at = first * f->bits / 8; at < (first + n) * f->bits / 8; at += WORD)
        set_attr(device, group, base + f->offset + at, &f->value);
}

/* GICC_CTLR, PMR, BPR, ABPR, APR0 to APR3 */
static const uint16_t gicc_regs[] = {0x00, 0x04, 0x08, 0x1c, 0xd0, 0xd4, 0xd8, 0xdc};

static void reset_v2(KvmVm *vm)
{
    const KvmArmVm *x = kvm_arm_vm(vm);
    const uint32_t zero = 0;
    set_attr(x->gic, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, &zero);
    for (unsigned cpu = 0; cpu < vm->n_cpus; cpu++) {
        const uint64_t of_cpu = (uint64_t)cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT;
        for (unsigned k = 0; k < ARRAY_SIZE(fills); k++)
            fill(x->gic, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, of_cpu, &fills[k], 0, cpu ? OWN_INPUTS : INPUTS);
        for (unsigned k = 0; k < ARRAY_SIZE(gicc_regs); k++)
            set_attr(x->gic, KVM_DEV_ARM_VGIC_GRP_CPU_REGS, of_cpu | gicc_regs[k], &zero);
    }
}

/* ICC_PMR, BPR0, AP0R0, AP1R0, BPR1, CTLR, IGRPEN0, IGRPEN1 as the kernel's numbers have them. */
static const uint16_t cpu_regs[] = {
    0xc230, 0xc643, 0xc644, 0xc648, 0xc663, 0xc664, 0xc666, 0xc667,
};

static void reset_v3(KvmVm *vm)
{
    enum { GICR_CTLR = 0, SGI_PAGE = 0x10000 };
    const KvmArmVm *x = kvm_arm_vm(vm);
    const uint32_t zero = 0;
    const uint64_t zero64 = 0;
    set_attr(x->gic, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, &zero);
    for (unsigned k = 0; k < ARRAY_SIZE(fills); k++)
        fill(x->gic, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, &fills[k], OWN_INPUTS, INPUTS - OWN_INPUTS);
    for (unsigned cpu = 0; cpu < vm->n_cpus; cpu++) {
        const uint64_t of_cpu = (uint64_t)cpu
                                << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT; /* affinity, up to 16 cpus */
        set_attr(x->gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, of_cpu | GICR_CTLR, &zero);
        for (unsigned k = 0; k < ARRAY_SIZE(fills); k++)
            fill(x->gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, of_cpu | SGI_PAGE, &fills[k], 0, OWN_INPUTS);
        for (unsigned k = 0; k < ARRAY_SIZE(cpu_regs); k++)
            set_attr(x->gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, of_cpu | cpu_regs[k], &zero64);
    }
    if (x->its >= 0)
        set_attr(x->its, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL);
}

void kvm_arm_gic_reset(KvmVm *vm)
{
    const KvmArmVm *x = kvm_arm_vm(vm);
    if (x->gic < 0)
        return;
    if (x->version == 3)
        reset_v3(vm);
    else
        reset_v2(vm);
}
