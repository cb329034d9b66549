/* ACPI tables of the PC boards. Private to hw/machine. False: no memory. */
#ifndef HW_MACHINE_X86_ACPI_H
#define HW_MACHINE_X86_ACPI_H

#include "hw/acpi/acpi.h"
#include "hw/machine/x86_board.h"

/* What differs between pc and q35. */
typedef struct X86AcpiPc {
    bool ich;
    uint8_t on, off; /* power management commands */
    uint32_t pm_base, gpe0, gpe0_bytes;
    uint64_t ecam;    /* 0: none */
    uint64_t pci_low; /* windows of PCI: to the I/O APIC; above RAM */
    uint64_t pci_high;
    uint32_t isa_address; /* _ADR of the bridge */
    bool serial1;
    uint32_t hot_slots; /* of the root bus: their functions come and go by ACPI; 0: there are none */
    uint32_t hot_plug;  /* ports of acpi-pci-hotplug */
    bool s3, hpet, i8042;
    uint16_t panic; /* the port of a pvpanic; 0: there is none */
} X86AcpiPc;
enum { X86_GPE_HOT_PLUG = 1 };

bool x86_acpi_pc(const X86Board *b, const X86AcpiPc *pc, AcpiTables *t);

typedef struct X86AcpiMicrovm {
    uint64_t ged, ged_regs, virtio;
    uint32_t virtio_gsi, virtio_stride, n_virtio;
    bool serial;
} X86AcpiMicrovm;

bool x86_acpi_microvm(const X86Board *b, const X86AcpiMicrovm *v, AcpiTables *t);

#endif
