/* Who is tried by firmware, and when. A device is noted when it has found its place; what the file says is
 * made when firmware's configuration is filled. Private to hw/machine. Errors, threads: as machine.h. */
#ifndef HW_MACHINE_BOOT_ORDER_H
#define HW_MACHINE_BOOT_ORDER_H

#include "hw/machine/machine.h"
#include "hw/pci/pci.h"
#include "hw/scsi/scsi_device.h"

/* Nothing is done for a device without an index. */
bool boot_order_pci(Machine *m, const MachineDevice *want, const PciFunction *p, DevError *err);
bool boot_order_mmio(Machine *m, const MachineDevice *want, uint64_t base, DevError *err);
/* bus, unit: of the controller. */
bool boot_order_drive(Machine *m, const MachineDevice *want, const PciFunction *p, unsigned bus,
                      unsigned unit, DevError *err);
/* port: of the controller. */
bool boot_order_usb(Machine *m, const MachineDevice *want, const PciFunction *p, unsigned port,
                    DevError *err);
bool boot_order_scsi(Machine *m, const MachineDevice *want, const ScsiDevice *d, DevError *err);
bool boot_order_publish(Machine *m, Device *fw_cfg);

#endif
