/* -fw_cfg: files for the guest's firmware (hw/misc/fw_cfg.h). What they hold belongs to the SysFwCfg until
 * sys_fw_cfg_clear(). Threads: main. */
#ifndef SYSTEM_SYS_FW_CFG_H
#define SYSTEM_SYS_FW_CFG_H

#include "hw/machine/machine.h"
#include "system/sys_options.h"

enum { SYS_FW_CFG_MOST = 16, SYS_FW_CFG_NAME = 55 /* characters */ };

typedef struct SysFwCfg {
    Image file[SYS_FW_CFG_MOST]; /* name: the guest's */
    GBytes *bytes[SYS_FW_CFG_MOST];
    unsigned n;
} SysFwCfg;

/* Reads the options and the host's files, and tells the machine. */
bool sys_fw_cfg_open(SysFwCfg *s, const SysOptions *o, MachineConfig *cfg, GError **err);
void sys_fw_cfg_clear(SysFwCfg *s);

#endif
