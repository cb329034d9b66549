/*
 * SysDevices: what -drive and -device ask for, as back ends and the machine's list of devices.
 *
 * Owned by main; the back ends live until sys_devices_close(). Errors name what was not understood.
 */
#ifndef SYSTEM_SYS_DEVICES_H
#define SYSTEM_SYS_DEVICES_H

#include "system/chardev/chardev.h"
#include "system/net_options.h"
#include "system/sys_options.h"

typedef struct SysDevices {
    struct Disks *disks; /* of the Vm */
    struct SysObjects *objects; /* of the Vm */
    Chardevs *chars;     /* of the Vm */
    CharFront console[4];
    unsigned n_consoles;
    SysNet net;
    unsigned n_cards;
    EntropyPort entropy;
    GPtrArray *strings; /* that MachineDevices point to */
} SysDevices;

/* Fills cfg->device. *ret_help: help was printed, and the program ends. */
bool sys_devices_open(SysDevices *s, const SysOptions *o, MachineConfig *cfg, bool *ret_help, GError **err);
void sys_devices_close(SysDevices *s);

#endif
