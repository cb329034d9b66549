/* The parts of the RISC-V `virt` board that its files share. */
#ifndef HW_MACHINE_RISCV_VIRT_H
#define HW_MACHINE_RISCV_VIRT_H

#include "hw/machine/machine.h"

typedef enum VirtPlaceId {
    VIRT_MROM, VIRT_TEST, VIRT_RTC, VIRT_CLINT, VIRT_PLIC, VIRT_UART, VIRT_VIRTIO, VIRT_DRAM,
    VIRT_FW_CFG, VIRT_FLASH, VIRT_PCIE_IO, VIRT_PCIE_ECAM, VIRT_PCIE_LOW,
    VIRT_APLIC_M, VIRT_APLIC_S, VIRT_IMSIC_M, VIRT_IMSIC_S, VIRT_PLACES
} VirtPlaceId;

typedef struct VirtPlace {
    uint64_t base, bytes;
} VirtPlace;
extern const VirtPlace virt_places[VIRT_PLACES];

enum { VIRT_SOURCES = 96, VIRT_IRQ_VIRTIO = 1, VIRT_IRQ_UART = 10, VIRT_IRQ_RTC = 11, VIRT_N_VIRTIO = 8,
       VIRT_IRQ_PCIE = 32, VIRT_UART_HZ = 3686400, VIRT_MAX_GUESTS = 7 };

/* The window above memory begins at a multiple of its size. */
#define VIRT_PCIE_HIGH_BYTES (16ull << 30)
uint64_t virt_pcie_high(const Machine *m);
bool virt_is_32(const Machine *m);

typedef struct RiscvVirt {
    RamBlock dram, rom;
    MemRegion dram_region, rom_region;
    MsiTarget msi; /* no `send`: there is nothing that takes messages */
    unsigned guests; /* interrupt files for virtual machines, each hart */
    Device *clint, *plic, *aplic, *imsic, *pcie, *fw_cfg, *flash[2];
    IrqLine software[MACHINE_MAX_CPUS], timer[MACHINE_MAX_CPUS], supervisor[MACHINE_MAX_CPUS],
        guest_timer[MACHINE_MAX_CPUS],
        external[2 * MACHINE_MAX_CPUS];
    IrqLine imsic_m[MACHINE_MAX_CPUS], imsic_s[MACHINE_MAX_CPUS],
        imsic_guest[MACHINE_MAX_CPUS * VIRT_MAX_GUESTS];
    IrqLine source[VIRT_SOURCES + 1];
} RiscvVirt;

/* Where things are that the boot code and the device tree speak of; 0: not there. */
typedef struct VirtBoot {
    uint64_t next, initrd_start, initrd_end, fdt;
} VirtBoot;

/* The controllers that v->source leads to (riscv_virt_intc.c). */
bool riscv_virt_interrupts(Machine *m, RiscvVirt *v, DevError *err);

/* The board's device tree into room bytes; its size, 0: no room. */
size_t riscv_virt_fdt(const Machine *m, const VirtBoot *boot, uint8_t *to, size_t room);

#endif
