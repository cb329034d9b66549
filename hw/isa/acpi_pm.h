/* acpi-pm: the fixed hardware of ACPI in PC chip sets: power button, sleeping states, timer, general events.
 * Regions, ports: 0: the block at PMBASE; 1: general events of `pc` (4 bytes). links: sci (IrqLine), machine
 * (MachineRequests). */
#ifndef HW_ISA_ACPI_PM_H
#define HW_ISA_ACPI_PM_H

#include "hw/core/dev.h"

enum { ACPI_PM_HZ = 3579545 };
enum { ACPI_PM_TYPE_S5, ACPI_PM_TYPE_S3 }; /* of sleeping states */

/* Properties: ich: the block of ICH9, with general events, SMIs, TCO; smm: cpus take SMIs, and firmware
 * has to enable them. */
extern const DevClass acpi_pm_class;

void acpi_pm_press(Device *d);           /* the power button; it wakes, too */
void acpi_pm_alarm(Device *d);           /* the clock's; it wakes, if it was enabled to */
/* General purpose event n, of the first sixteen. */
void acpi_pm_event(Device *d, unsigned n);
void acpi_pm_switch(Device *d, bool on); /* ACPI mode: events raise SCI */

/* Suspend to RAM (S3). What the registers of events have is kept over a reset that wakes. */
void acpi_pm_allow_s3(Device *d, bool on); /* not part of the state; at first it is */
bool acpi_pm_has_s3(const Device *d);
bool acpi_pm_is_asleep(Device *d);

/* A power management command was given: is it to raise an SMI? */
bool acpi_pm_command_smi(Device *d);
/* What firmware may ask of SMIs before it locks them, in bytes that the board shows it: what there is, what
 * it asks for, the answer (1: it shall be so, until reset), before which acpi_pm_answer() is to be called. */
enum { ACPI_PM_SMI_BYTES = 8 };
extern const uint8_t acpi_pm_smi_features[ACPI_PM_SMI_BYTES];
uint8_t *acpi_pm_smi_asked(Device *d);
const uint8_t *acpi_pm_smi_answer(const Device *d);
void acpi_pm_answer(void *d);
/* Is a command to be an SMI of every cpu? */
bool acpi_pm_broadcasts(Device *d);
/* The bit that enables all SMIs stays as it is (SMI_LOCK of ICH9). Not part of the state. */
void acpi_pm_lock_smi(Device *d, bool locked);

#endif
