/* acpi-pm: the fixed hardware of ACPI in PC chip sets: power button, sleeping states, timer, general events.
 * Regions, ports: 0: the block at PMBASE; 1: general events of `pc` (4 bytes). links: sci (IrqLine), machine
 * (MachineRequests). */
#ifndef HW_ISA_ACPI_PM_H
#define HW_ISA_ACPI_PM_H

#include "hw/core/dev.h"

enum { ACPI_PM_HZ = 3579545 };

/* Properties: ich: the block of ICH9, with general events, SMIs, TCO; smm: cpus take SMIs, and firmware
 * has to enable them. */
extern const DevClass acpi_pm_class;

void acpi_pm_press(Device *d);           /* the power button */
void acpi_pm_switch(Device *d, bool on); /* ACPI mode: events raise SCI */

/* A power management command was given: is it to raise an SMI? */
bool acpi_pm_command_smi(Device *d);

#endif
