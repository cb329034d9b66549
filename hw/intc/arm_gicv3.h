/*
 * arm-gicv3: the Arm generic interrupt controller, version 3, with affinity routing and one security state
 * (GICD_CTLR.DS = 1); IHI 0069. The device is the distributor (region 0), all redistributors (region 1, two
 * frames of 64 KiB a cpu) and the cpu interfaces, whose registers are the cpus' system registers:
 * arm_gicv3_reg().
 *
 * Interrupts 0..15 are software's, 16..31 each cpu's own, then come shared ones; from 8192 on there are LPIs,
 * which the ITS (arm_its.h) sets. Affinity 0 of a cpu is its number.
 * Threads: any; the device's lock. It calls lines, and reads guest memory.
 */
#ifndef HW_INTC_ARM_GICV3_H
#define HW_INTC_ARM_GICV3_H

#include "hw/core/dev.h"

enum { GICV3_MAX_CPUS = 16, GICV3_MAX_IRQS = 1020, GICV3_OWN = 32, GICV3_FRAMES = 0x20000 };

/* links: irq, fiq, and for guests of guests virq, vfiq (IrqLine[cpus]; these may be absent) */
extern const DevClass arm_gicv3_class;

IrqLine arm_gicv3_shared(Device *gic, unsigned n);
IrqLine arm_gicv3_own(Device *gic, unsigned cpu, unsigned n);

/* Access from EL1 to a register of the cpu interface that HCR_EL2.IMO or FMO sends to the virtual one (ICV_*)
 * instead: the caller decides, and sets this bit in `reg`. */
enum { GICV3_REG_VIRTUAL = 1 << 16 };

/* System register `reg` (op0 << 14 | op1 << 11 | CRn << 7 | CRm << 3 | op2) of the cpu's interface, ICC_* or
 * ICH_*; that its level may use it has been checked. False: there is none. By the cpu's thread. */
bool arm_gicv3_reg(Device *gic, unsigned cpu, unsigned reg, bool write, uint64_t *value);

/* What an ITS does to LPIs; numbers that do not exist are ignored. */
void arm_gicv3_lpi(Device *gic, unsigned cpu, unsigned id, bool pending);
void arm_gicv3_lpi_move(Device *gic, unsigned from, unsigned to, unsigned id);
void arm_gicv3_lpi_changed(Device *gic); /* their configuration in memory */
void arm_gicv3_lpi_move_all(Device *gic, unsigned from,
                            unsigned to); /* arm_gicv3_lpi_changed() has to follow */

#endif
