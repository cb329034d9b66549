/*
 * SysOptions: the command line of tinamou-system, in QEMU's grammar. One table row an option (sys_options.c).
 *
 * Errors: a GError whose text names what was not understood and the nearest that would be. Strings are
 * borrowed from argv.
 */
#ifndef SYSTEM_SYS_OPTIONS_H
#define SYSTEM_SYS_OPTIONS_H

#include "hw/machine/machine.h"

#include <glib.h>
#include <stdio.h>

typedef enum SysConsole { CONSOLE_MUX, CONSOLE_NONE } SysConsole; /* of the first serial port */

typedef struct SysOptions {
    const BoardClass *board;
    uint64_t ram_bytes;
    unsigned cpus;
    const char *arch, *cpu_model;
    const char *firmware, *kernel, *initrd, *append, *dtb, *dump_dtb;
    SysConsole console;
    bool interpreter;
    bool no_reboot, no_shutdown;
    uint32_t log;       /* ACCEL_LOG_* */
    uint32_t no_opt;    /* ACCEL_NO_*, from TINAMOU_NO_OPT, for tests */
    size_t cache_bytes;
    bool info_mtree, info_qtree; /* print and exit */
    const char *drive[16], *device[16]; /* texts of -drive and -device, for sys_devices.h */
    unsigned n_drives, n_devices;
    const char *netdev[16], *nic[16], *object[16];
    unsigned n_netdevs, n_nics, n_objects;
} SysOptions;

#define SYS_ERROR g_quark_from_static_string("tinamou-system")
/* Sets the error; always false. */
bool sys_fail(GError **err, const char *format, ...) G_GNUC_PRINTF(2, 3);

bool sys_options_parse(SysOptions *o, int argc, char **argv, GError **err);
/* Text of --help. */
void sys_options_help(FILE *to);

#endif
