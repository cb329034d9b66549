/* The interrupt controllers of the RISC-V `virt` board: a PLIC, or an APLIC (aia=aplic), or that and IMSICs
 * (aia=aplic-imsic), which take messages of PCI functions, too. */
#include "hw/intc/riscv_aplic.h"
#include "hw/intc/riscv_imsic.h"
#include "hw/intc/riscv_plic.h"
#include "hw/machine/board.h"
#include "hw/machine/riscv_virt.h"
#include "target/mem.h"

enum { HART_SEI = 9, HART_MEI = 11, HART_GUEST = 64 /* + guest, from 1 */ };

/* A cpu's input: `receiver` is the cpu. */
static void set_cpu_irq(void *receiver, unsigned n, bool level)
{
    accel_cpu_irq(receiver, n, level);
}

static bool make_plic(Machine *m, RiscvVirt *v, DevError *err)
{
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        v->external[2 * k] = (IrqLine){set_cpu_irq, m->cpu[k], HART_MEI};
        v->external[2 * k + 1] = (IrqLine){set_cpu_irq, m->cpu[k], HART_SEI};
    }
    v->plic = board_put(m, &riscv_plic_class, "plic", err);
    for (unsigned n = 1; v->plic && n <= VIRT_SOURCES; n++)
        v->source[n] = riscv_plic_source(v->plic, n);
    return v->plic && board_set_number(v->plic, "contexts", 2 * m->cfg.cpus, err) &&
           dev_set_ptr(v->plic, "out", v->external, err) &&
           board_place(m, v->plic, virt_places[VIRT_PLIC].base, err);
}

/* ---- messages ---- */

static void send(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    const RiscvVirt *v = receiver;
    uint64_t m = address - virt_places[VIRT_IMSIC_M].base, s = address - virt_places[VIRT_IMSIC_S].base;
    if (m < virt_places[VIRT_IMSIC_M].bytes)
        riscv_imsic_send(v->imsic, false, m, data);
    else if (s < virt_places[VIRT_IMSIC_S].bytes)
        riscv_imsic_send(v->imsic, true, s, data);
}

/* What a hart has of its files. */
static bool hart_reg(void *opaque, uint64_t number, unsigned file, unsigned reg, bool write, uint64_t mask,
                     uint64_t value, uint64_t *ret_old)
{
    const Machine *m = opaque;
    return riscv_imsic_reg(((const RiscvVirt *)m->board_data)->imsic, (unsigned)number, file, reg, write,
                           mask, value, ret_old);
}

static bool make_imsic(Machine *m, RiscvVirt *v, DevError *err)
{
    const TargetSys *sys = m->board->target->sys;
    v->imsic = board_put(m, &riscv_imsic_class, "imsic", err);
    v->msi = (MsiTarget){.receiver = v, .send = send};
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        v->imsic_m[k] = (IrqLine){set_cpu_irq, m->cpu[k], HART_MEI};
        v->imsic_s[k] = (IrqLine){set_cpu_irq, m->cpu[k], HART_SEI};
        for (unsigned g = 0; g < v->guests; g++)
            v->imsic_guest[k * v->guests + g] = (IrqLine){set_cpu_irq, m->cpu[k], HART_GUEST + 1 + g};
        sys->board(m->cpu[k])->msi_reg = hart_reg;
        if (!sys->configure || !sys->configure(m->cpu[k], "smaia", "on") ||
            !sys->configure(m->cpu[k], "ssaia", "on"))
            return dev_fail(err, "aia=aplic-imsic: the harts have no Smaia");
    }
    return v->imsic && board_set_number(v->imsic, "harts", m->cfg.cpus, err) &&
           board_set_number(v->imsic, "guests", v->guests, err) &&
           dev_set_ptr(v->imsic, "m", v->imsic_m, err) && dev_set_ptr(v->imsic, "s", v->imsic_s, err) &&
           dev_set_ptr(v->imsic, "guest", v->imsic_guest, err) &&
           board_place(m, v->imsic, virt_places[VIRT_IMSIC_M].base, err) &&
           board_map(m, v->imsic, 1, virt_places[VIRT_IMSIC_S].base, err);
}

static bool make_aplic(Machine *m, RiscvVirt *v, DevError *err)
{
    Device *d = v->aplic = board_put(m, &riscv_aplic_class, "aplic", err);
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        v->external[k] = (IrqLine){set_cpu_irq, m->cpu[k], HART_MEI};
        v->external[MACHINE_MAX_CPUS + k] = (IrqLine){set_cpu_irq, m->cpu[k], HART_SEI};
    }
    for (unsigned n = 1; d && n <= VIRT_SOURCES; n++)
        v->source[n] = riscv_aplic_source(d, n);
    bool messages = v->imsic != NULL;
    return d && board_set_number(d, "sources", VIRT_SOURCES, err) &&
           board_set_number(d, "harts", m->cfg.cpus, err) &&
           dev_set(d, "messages", messages ? "on" : "off", err) &&
           dev_set_ptr(d, "send", messages ? &v->msi : NULL, err) &&
           dev_set_ptr(d, "m", messages ? NULL : v->external, err) &&
           dev_set_ptr(d, "s", messages ? NULL : &v->external[MACHINE_MAX_CPUS], err) &&
           board_place(m, d, virt_places[VIRT_APLIC_M].base, err) &&
           board_map(m, d, 1, virt_places[VIRT_APLIC_S].base, err);
}

bool riscv_virt_interrupts(Machine *m, RiscvVirt *v, DevError *err)
{
    const char *aia = machine_option(m, "aia"), *guests = machine_option(m, "aia-guests");
    if (guests && (guests[0] < '0' || guests[0] > '0' + IMSIC_MAX_GUESTS || guests[1]))
        return dev_fail(err, "aia-guests=%s: 0 to %u are possible", guests, (unsigned)IMSIC_MAX_GUESTS);
    v->guests = guests ? (unsigned)(guests[0] - '0') : 0;
    if (!aia || strcmp(aia, "none") == 0)
        return make_plic(m, v, err);
    return (strcmp(aia, "aplic") == 0 || make_imsic(m, v, err)) && make_aplic(m, v, err);
}
