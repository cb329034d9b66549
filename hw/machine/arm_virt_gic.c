/* The interrupt controllers of the Arm `virt` board, and what takes messages of PCI functions. */
#include "hw/intc/arm_gicv2.h"
#include "hw/intc/arm_gicv2_virt.h"
#include "hw/intc/arm_gicv2m.h"
#include "hw/intc/arm_gicv3.h"
#include "hw/intc/arm_its.h"
#include "hw/machine/arm_virt.h"
#include "hw/machine/board.h"
#include "target/mem.h"

enum { CPU_IRQ, CPU_FIQ, CPU_VIRQ, CPU_VFIQ };

/* A cpu's input: `receiver` is the cpu. */
static void set_cpu_irq(void *receiver, unsigned n, bool level)
{
    Cpu *cpu = receiver;
    if (cpu->ops->sys->set_irq(cpu, n, level))
        accel_wake(cpu);
}

IrqLine arm_virt_own_line(const ArmVirt *v, unsigned cpu, unsigned n)
{
    return v->gic_version == 3 ? arm_gicv3_own(v->gic, cpu, n) : arm_gicv2_own(v->gic, cpu, n);
}

/* ---- version 2 ---- */

static void send_to_frame(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    const ArmVirt *v = receiver;
    if (address == arm_virt_places[ARM_VIRT_V2M].base + GICV2M_SETSPI)
        arm_gicv2m_send(v->frame, data & 0x3ff);
}

static bool make_v2_virt(Machine *m, ArmVirt *v, DevError *err)
{
    Device *d = board_put(m, &arm_gicv2_virt_class, "gic-virt", err);
    for (unsigned k = 0; k < m->cfg.cpus; k++)
        v->maintenance[k] = arm_gicv2_own(v->gic, k, ARM_VIRT_PPI_MAINTENANCE);
    return d && board_set_number(d, "cpus", m->cfg.cpus, err) && dev_set_ptr(d, "gic", v->gic, err) &&
           dev_set_ptr(d, "virq", v->virq, err) && dev_set_ptr(d, "vfiq", v->vfiq, err) &&
           dev_set_ptr(d, "maintenance", v->maintenance, err) &&
           board_place(m, d, arm_virt_places[ARM_VIRT_GIC_HYP].base, err) &&
           board_map(m, d, 1, arm_virt_places[ARM_VIRT_GIC_VCPU].base, err);
}

static bool make_v2(Machine *m, ArmVirt *v, DevError *err)
{
    v->gic = board_put(m, &arm_gicv2_class, "gic", err);
    v->frame = v->gic ? board_put(m, &arm_gicv2m_class, "gicv2m", err) : NULL;
    if (!v->frame)
        return false;
    for (unsigned n = 0; n < ARM_VIRT_SHARED; n++)
        v->shared[n] = arm_gicv2_shared(v->gic, GICV2_OWN + n);
    v->msi = (MsiTarget){.receiver = v, .send = send_to_frame};
    return board_set_number(v->gic, "cpus", m->cfg.cpus, err) &&
           board_set_number(v->gic, "irqs", GICV2_OWN + ARM_VIRT_SHARED, err) &&
           dev_set_ptr(v->gic, "irq", v->irq, err) && dev_set_ptr(v->gic, "fiq", v->fiq, err) &&
           board_place(m, v->gic, arm_virt_places[ARM_VIRT_GIC_DIST].base, err) &&
           board_map(m, v->gic, 1, arm_virt_places[ARM_VIRT_GIC_CPU].base, err) &&
           board_set_number(v->frame, "first", GICV2_OWN + ARM_VIRT_IRQ_V2M, err) &&
           board_set_number(v->frame, "count", ARM_VIRT_N_V2M, err) &&
           dev_set_ptr(v->frame, "lines", &v->shared[ARM_VIRT_IRQ_V2M], err) &&
           board_place(m, v->frame, arm_virt_places[ARM_VIRT_V2M].base, err) &&
           (!v->el2 || make_v2_virt(m, v, err));
}

/* ---- version 3 ---- */

static void send_to_its(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    const ArmVirt *v = receiver;
    if (address == arm_virt_places[ARM_VIRT_ITS].base + ITS_TRANSLATER)
        arm_its_send(v->its, requester, data);
}

static bool make_its(Machine *m, ArmVirt *v, DevError *err)
{
    v->its = board_put(m, &arm_its_class, "its", err);
    v->msi = (MsiTarget){.receiver = v, .send = send_to_its};
    return v->its && dev_set_ptr(v->its, "gic", v->gic, err) &&
           board_place(m, v->its, arm_virt_places[ARM_VIRT_ITS].base, err);
}

/* What a cpu has of the controller. */
static bool cpu_reg(void *opaque, uint64_t number, unsigned reg, bool write, uint64_t *value)
{
    const Machine *m = opaque;
    return arm_gicv3_reg(((const ArmVirt *)m->board_data)->gic, (unsigned)number, reg, write, value);
}

static bool make_v3(Machine *m, ArmVirt *v, DevError *err)
{
    const bool its = machine_option_on(m, "its", true);
    const ArmVirtPlace *redist = &arm_virt_places[ARM_VIRT_REDIST];
    v->gic = board_put(m, &arm_gicv3_class, "gic", err);
    if (!v->gic)
        return false;
    for (unsigned n = 0; n < ARM_VIRT_SHARED; n++)
        v->shared[n] = arm_gicv3_shared(v->gic, GICV3_OWN + n);
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        m->board->target->sys->board(m->cpu[k])->device_reg = cpu_reg;
        m->board->target->sys->configure(m->cpu[k], "gic", "3");
    }
    return board_set_number(v->gic, "cpus", m->cfg.cpus, err) &&
           board_set_number(v->gic, "irqs", GICV3_OWN + ARM_VIRT_SHARED, err) &&
           board_set_number(v->gic, "redist_bytes", redist->bytes, err) &&
           dev_set(v->gic, "lpis", its ? "on" : "off", err) && dev_set_ptr(v->gic, "irq", v->irq, err) &&
           dev_set_ptr(v->gic, "fiq", v->fiq, err) && dev_set_ptr(v->gic, "virq", v->virq, err) &&
           dev_set_ptr(v->gic, "vfiq", v->vfiq, err) &&
           board_set_number(v->gic, "maintenance", ARM_VIRT_PPI_MAINTENANCE, err) &&
           board_place(m, v->gic, arm_virt_places[ARM_VIRT_GIC_DIST].base, err) &&
           board_map(m, v->gic, 1, redist->base, err) && (!its || make_its(m, v, err));
}

/* ---- the engine's own ---- */

static void set_engine_irq(void *receiver, unsigned n, bool level)
{
    const Machine *m = receiver;
    accel_irq(m->accel, n, level);
}

static void send_to_engine(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    const Machine *m = receiver;
    accel_msi(m->accel, ACCEL_NO_INPUT, address, data, requester);
}

/* The devices are there nevertheless, and nothing reaches them but messages for version 2's frame. */
static bool lead_to_engine(Machine *m, ArmVirt *v, DevError *err)
{
    const bool v3 = v->gic_version == 3;
    const AccelGic g = {
        .version = v->gic_version,
        .irqs = (v3 ? GICV3_OWN : GICV2_OWN) + ARM_VIRT_SHARED,
        .dist = arm_virt_places[ARM_VIRT_GIC_DIST].base,
        .cpu = arm_virt_places[v3 ? ARM_VIRT_REDIST : ARM_VIRT_GIC_CPU].base,
        .its = v->its ? arm_virt_places[ARM_VIRT_ITS].base : 0,
    };
    char why[160] = "";
    for (unsigned n = 0; n < ARM_VIRT_SHARED; n++)
        v->shared[n] = (IrqLine){set_engine_irq, m, n};
    if (v->its)
        v->msi = (MsiTarget){.receiver = m, .send = send_to_engine};
    Fmt f = FMT_ON(why);
    return accel_gic(m->accel, &g, &f) || dev_fail(err, "%s", why);
}

/* ---- which ---- */

/* Not asked, 2; the engine's own may be another one only. False: err says why. */
static bool choose_version(const Machine *m, unsigned *ret, DevError *err)
{
    const char *version = machine_option(m, "gic-version");
    const bool host = version && strcmp(version, "host") == 0;
    *ret = version && strcmp(version, "2") != 0 ? 3 : 2;
    if (accel_irqchip(m->accel) != ACCEL_IRQCHIP_ENGINE)
        return !host || dev_fail(err, "gic-version=host is for KVM");
    const unsigned has = accel_gic_versions(m->accel);
    if (host || (!version && !(has >> 2 & 1)))
        *ret = has >> 3 & 1 ? 3 : 2;
    return true;
}

bool arm_virt_interrupts(Machine *m, ArmVirt *v, DevError *err)
{
    if (!choose_version(m, &v->gic_version, err))
        return false;
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        v->irq[k] = (IrqLine){set_cpu_irq, m->cpu[k], CPU_IRQ};
        v->fiq[k] = (IrqLine){set_cpu_irq, m->cpu[k], CPU_FIQ};
        v->virq[k] = (IrqLine){set_cpu_irq, m->cpu[k], CPU_VIRQ};
        v->vfiq[k] = (IrqLine){set_cpu_irq, m->cpu[k], CPU_VFIQ};
    }
    return (v->gic_version == 3 ? make_v3(m, v, err) : make_v2(m, v, err)) &&
           (accel_irqchip(m->accel) != ACCEL_IRQCHIP_ENGINE || lead_to_engine(m, v, err));
}
