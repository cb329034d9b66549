/* acpi-ged: sleeping, reset and the power button of machines without the PC's power management. Regions: 0:
 * events (4 bytes: those that are pending, read to clear), 1: sleep control, sleep status, reset. links: irq
 * (IrqLine), machine (MachineRequests). */
#ifndef HW_MISC_ACPI_GED_H
#define HW_MISC_ACPI_GED_H

#include "hw/core/dev.h"

enum { ACPI_GED_BUTTON = 2, ACPI_GED_S5 = 5, ACPI_GED_RESET = 0x42 };

extern const DevClass acpi_ged_class;

void acpi_ged_press(Device *d); /* the power button */

#endif
