/* The parts of the Arm `virt` board that its files share. */
#ifndef HW_MACHINE_ARM_VIRT_H
#define HW_MACHINE_ARM_VIRT_H

#include "hw/machine/machine.h"
#include "hw/core/irq.h"

typedef enum ArmVirtPlaceId {
    ARM_VIRT_FLASH,
    ARM_VIRT_GIC_DIST,
    ARM_VIRT_GIC_CPU,
    ARM_VIRT_V2M,
    ARM_VIRT_GIC_HYP,
    ARM_VIRT_GIC_VCPU,
    ARM_VIRT_ITS,
    ARM_VIRT_REDIST,
    ARM_VIRT_UART,
    ARM_VIRT_UART1,
    ARM_VIRT_RTC,
    ARM_VIRT_FW_CFG,
    ARM_VIRT_GPIO,
    ARM_VIRT_PCIE_ECAM,
    ARM_VIRT_PCIE_IO,
    ARM_VIRT_PCIE_LOW,
    ARM_VIRT_PCIE_HIGH,
    ARM_VIRT_VIRTIO,
    ARM_VIRT_RAM,
    ARM_VIRT_PLACES
} ArmVirtPlaceId;

typedef struct ArmVirtPlace {
    uint64_t base, bytes;
} ArmVirtPlace;
extern const ArmVirtPlace arm_virt_places[ARM_VIRT_PLACES];

/* Shared interrupts count from 0 here; the controller's numbers are 32 higher. */
enum {
    ARM_VIRT_SHARED = 256,
    ARM_VIRT_IRQ_UART = 1,
    ARM_VIRT_IRQ_UART1 = 8,
    ARM_VIRT_IRQ_RTC = 2,
    ARM_VIRT_IRQ_PCIE = 3, /* four */
    ARM_VIRT_IRQ_GPIO = 7,
    ARM_VIRT_IRQ_VIRTIO = 16,
    ARM_VIRT_IRQ_V2M = 48,
    ARM_VIRT_N_V2M = 64,
    ARM_VIRT_N_VIRTIO = 32,
    ARM_VIRT_CLOCK_HZ = 24000000,
    ARM_VIRT_KEY_PIN = 3
};
/* The cpus' own, as the controller numbers them. */
enum {
    ARM_VIRT_PPI_PMU = 23,
    ARM_VIRT_PPI_MAINTENANCE = 25,
    ARM_VIRT_PPI_HYP = 26,
    ARM_VIRT_PPI_VIRT = 27,
    ARM_VIRT_PPI_HYPVIRT = 28,
    ARM_VIRT_PPI_SECURE = 29,
    ARM_VIRT_PPI_PHYS = 30,
    ARM_VIRT_TIMERS = 5
};

typedef struct ArmVirt {
    RamBlock ram;
    MemRegion ram_region;
    unsigned gic_version; /* 2 or 3 */
    MsiTarget msi;        /* no `send`: there is nothing that takes messages */
    Device *gic, *frame, *its, *timer, *key, *flash[2], *fw_cfg, *pcie;
    bool el2, a32; /* cpus have EL2; are of 32 bits */
    IrqLine irq[MACHINE_MAX_CPUS], fiq[MACHINE_MAX_CPUS], virq[MACHINE_MAX_CPUS], vfiq[MACHINE_MAX_CPUS];
    IrqLine maintenance[MACHINE_MAX_CPUS];
    IrqLine timer_line[ARM_VIRT_TIMERS * MACHINE_MAX_CPUS];
    IrqLine shared[ARM_VIRT_SHARED], key_pin;
    const char *model;
    AcpiTables acpi; /* made when it is loaded; nothing with acpi=off, and for 32-bit cpus */
} ArmVirt;

/* Where things are that the boot code and the device tree speak of; 0: not there. */
typedef struct ArmVirtBoot {
    uint64_t initrd_start, initrd_end;
} ArmVirtBoot;

/* The interrupt controller, what takes messages, the lines v->shared (arm_virt_gic.c). */
bool arm_virt_interrupts(Machine *m, ArmVirt *v, DevError *err);
/* What drives interrupt n, 16 to 31, of a cpu. */
IrqLine arm_virt_own_line(const ArmVirt *v, unsigned cpu, unsigned n);

/* Its ACPI tables (arm_virt_acpi.c). False: no memory. */
bool arm_virt_acpi(const Machine *m, AcpiTables *ret);
/* The board's device tree into room bytes; its size, 0: no room. */
size_t arm_virt_fdt(const Machine *m, const ArmVirtBoot *boot, uint8_t *to, size_t room);

#endif
