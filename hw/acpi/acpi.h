/*
 * AcpiTables: a machine's ACPI tables as firmware gets them: one file of tables, one with the root pointer,
 * and one of commands for the linker ("etc/acpi/tables", "etc/acpi/rsdp", "etc/table-loader" of fw_cfg),
 * which say where memory is wanted, which pointers count from which file's place, which checksums are to be
 * made.
 *
 * Use: acpi_begin(); for each table acpi_table(), its contents into t->tables, acpi_table_end();
 * acpi_finish(). Pointers between tables go by acpi_pointer(). What all machines have has functions here
 * (MCFG, SPCR, ...), the rest is the board's. Ownership: the caller's; acpi_clear(). Threads: one. Errors:
 * acpi_finish() is false when memory ran out. Sources: ACPI 6.5 chapter 5; DBG2, SPCR: Microsoft's pages;
 * MCFG: PCI Firmware 3.3.
 */
#ifndef HW_ACPI_ACPI_H
#define HW_ACPI_ACPI_H

#include "hw/acpi/aml.h"

enum { ACPI_MOST_TABLES = 24 };
typedef struct AcpiTables {
    AcpiBuf tables, rsdp, loader;
    size_t listed[ACPI_MOST_TABLES]; /* what XSDT names */
    unsigned n_listed;
} AcpiTables;

void acpi_begin(AcpiTables *t);
/* Signature of four characters. DSDT and FACS are named by FADT alone: not `listed`. */
size_t acpi_table(AcpiTables *t, const char *signature, unsigned revision, bool listed);
void acpi_table_end(AcpiTables *t, size_t begin);
/* `size` bytes at `at` in the tables: the address of the table at `target`. */
void acpi_pointer(AcpiTables *t, size_t at, unsigned size, size_t target);
/* XSDT (RSDT too, if `old`), and the root pointer of revision 2 (0). */
bool acpi_finish(AcpiTables *t, bool old);
void acpi_clear(AcpiTables *t);

/* Generic Address Structure: an address in memory or (ports) among ports. */
void acpi_put_address(AcpiBuf *b, bool ports, unsigned bits, uint64_t address);

typedef struct AcpiFadt {
    unsigned minor;     /* 6.minor */
    uint32_t flags;     /* ACPI_FADT_* */
    uint16_t arm_flags; /* bit 0 PSCI, bit 1 by HVC */
} AcpiFadt;
enum { ACPI_FADT_REDUCED = 1 << 20 };
/* Of a machine without the PC's registers: FADT 6. */
void acpi_fadt_reduced(AcpiTables *t, const AcpiFadt *f, size_t dsdt);
/* PCI Express configuration space of buses 0 to last. */
void acpi_mcfg(AcpiTables *t, uint64_t ecam, unsigned last_bus);

/* A serial port, for SPCR and DBG2. */
typedef struct AcpiUart {
    unsigned kind;     /* ACPI_UART_* */
    unsigned irq_kind; /* 8: GIC; 16: RISC-V's PLIC or APLIC */
    uint64_t base;
    uint32_t bytes, gsi;
    unsigned access_bits;
    const char *path; /* in the name space */
} AcpiUart;
enum { ACPI_UART_16550 = 0x12, ACPI_UART_PL011 = 3 };
void acpi_spcr(AcpiTables *t, const AcpiUart *u);
void acpi_dbg2(AcpiTables *t, const AcpiUart *u);
/* Topology: one package, `cpus` leaves with processor numbers 0 to cpus - 1. */
void acpi_pptt(AcpiTables *t, unsigned cpus);

/* ---- devices that several boards have ---- */

typedef struct AcpiPcie {
    uint64_t ecam, ecam_bytes, low, low_bytes, high, high_bytes, io, io_bytes;
    uint32_t gsi; /* of INTA; the others follow */
} AcpiPcie;
/* _OSC of a host bridge: the system has native hot plug, PME, AER and the capability structure. */
void acpi_pcie_osc(AcpiBuf *b);
/* \_SB.PCI0 with its windows and interrupts (slot + pin modulo 4), and what keeps the configuration space. */
void acpi_pcie(AcpiBuf *b, const AcpiPcie *p);
/* A device with registers in memory and, if gsi is not 0, an interrupt. */
void acpi_device(AcpiBuf *b, const char *name, const char *hid, unsigned uid, uint64_t base, uint32_t bytes,
                 uint32_t gsi, AmlTrigger how);
/* Processor objects C000 and so on. */
void acpi_cpus(AcpiBuf *b, unsigned cpus);

#endif
