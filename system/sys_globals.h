/* -global: properties of all devices of a kind. Texts belong to the SysGlobals until sys_globals_clear().
 * Threads: main. */
#ifndef SYSTEM_SYS_GLOBALS_H
#define SYSTEM_SYS_GLOBALS_H

#include "hw/machine/machine.h"
#include "system/sys_options.h"

typedef struct SysGlobals {
    MachineGlobal row[MACHINE_MAX_GLOBALS];
    unsigned n;
} SysGlobals;

/* Reads the options, and tells the machine. */
bool sys_globals_open(SysGlobals *s, const SysOptions *o, MachineConfig *cfg, GError **err);
/* With the machine: is each of a device that it has, or that -device knows? */
bool sys_globals_check(const SysGlobals *s, const Machine *m, GError **err);
void sys_globals_clear(SysGlobals *s);

#endif
