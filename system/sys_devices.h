/*
 * SysDevices: what -drive and -device ask for, as back ends and the machine's list of devices.
 *
 * Owned by main; the back ends live until sys_devices_close(). Errors name what was not understood.
 */
#ifndef SYSTEM_SYS_DEVICES_H
#define SYSTEM_SYS_DEVICES_H

#include "system/block_raw.h"
#include "system/net_options.h"
#include "system/sys_options.h"
#include "system/worker.h"

typedef struct SysDevices {
    struct {
        char *id;
        RawDisk disk;
        Worker worker;
        bool used, wants_device; /* if=virtio */
    } drive[16];
    unsigned n_drives;
    BlockPort *flash[2]; /* if=pflash */
    unsigned n_flash;
    SysNet net;
    unsigned n_cards;
    EntropyPort entropy;
    GPtrArray *strings; /* that MachineDevices point to */
} SysDevices;

/* Fills cfg->device. *ret_help: help was printed, and the program ends. */
bool sys_devices_open(SysDevices *s, const SysOptions *o, MachineConfig *cfg, bool *ret_help, GError **err);
void sys_devices_close(SysDevices *s);

#endif
