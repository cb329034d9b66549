/*
 * SMBIOS tables of a machine, as firmware gets them ("etc/smbios/smbios-tables" and "-anchor" of fw_cfg): who
 * made it, its processors, its memory. What the user says of one (-smbios type=N,field=value) stands instead
 * of ours. Ownership: the caller's; fields are borrowed. Threads: one. Source: DMTF DSP0134 2.8.
 */
#ifndef HW_ACPI_SMBIOS_H
#define HW_ACPI_SMBIOS_H

#include "hw/acpi/aml.h"

typedef struct SmbiosField {
    unsigned type;
    const char *name, *value;
} SmbiosField;
enum { SMBIOS_MOST_FIELDS = 64 };

/* A structure as it is to be, with its texts (-smbios file=): instead of all of ours of its type. */
typedef struct SmbiosTable {
    const uint8_t *bytes;
    size_t n;
} SmbiosTable;
enum { SMBIOS_MOST_TABLES = 16 };

typedef struct SmbiosMachine {
    const char *product;           /* the board, in words */
    const char *version;           /* its name */
    uint64_t ram_bytes, low_bytes; /* all; below 4 GiB */
    unsigned cpus;
    uint32_t cpuid[2]; /* leaf 1: eax, edx */
    uint8_t uuid[16];  /* as it is written; zeros: none */
    const SmbiosField *field;
    unsigned n_fields;
    const SmbiosTable *table;
    unsigned n_tables;
} SmbiosMachine;

enum { SMBIOS_ANCHOR = 31 };
/* The anchor's address of the tables is firmware's to fill in. False: no memory; *tables is then empty. */
bool smbios_build(const SmbiosMachine *m, AcpiBuf *tables, uint8_t anchor[SMBIOS_ANCHOR]);
/* Is there such a field of this type? *ret_number: its value is a number, or on|off. */
bool smbios_has_field(unsigned type, const char *name, bool *ret_number);
/* Is it one structure: a head, as many bytes as that says, texts and the two zeros behind them? */
bool smbios_is_table(const uint8_t *bytes, size_t n);
/* "8-4-4-4-12" digits; false: it is none. */
bool smbios_uuid(const char *text, uint8_t ret[16]);

#endif
