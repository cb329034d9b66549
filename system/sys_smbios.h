/* -smbios: fields of SMBIOS tables, and whole ones. Texts and files belong to the SysSmbios until
 * sys_smbios_clear(). Threads: main. */
#ifndef SYSTEM_SYS_SMBIOS_H
#define SYSTEM_SYS_SMBIOS_H

#include "hw/machine/machine.h"
#include "system/sys_options.h"

typedef struct SysSmbios {
    SmbiosField field[SMBIOS_MOST_FIELDS];
    unsigned n;
    SmbiosTable table[SMBIOS_MOST_TABLES];
    GMappedFile *file[SMBIOS_MOST_TABLES];
    unsigned n_tables;
} SysSmbios;

/* Reads the options, and tells the machine: the fields, and -uuid. */
bool sys_smbios_open(SysSmbios *s, const SysOptions *o, MachineConfig *cfg, GError **err);
void sys_smbios_clear(SysSmbios *s);

#endif
