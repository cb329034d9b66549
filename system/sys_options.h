/*
 * SysOptions: the command line of tinamou-system, in QEMU's grammar. One table row an option (sys_options.c).
 *
 * Options that may come several times, and have keys of their own, are kept as texts (list[]) for the part of
 * the program that understands them. Errors: a GError whose text names what was not understood and the
 * nearest that would be. Strings are borrowed from argv.
 */
#ifndef SYSTEM_SYS_OPTIONS_H
#define SYSTEM_SYS_OPTIONS_H

#include "hw/machine/machine.h"
#include "system/engine.h"
#include "system/sandbox.h"
#include "system/sys_error.h"

#include <stdio.h>

typedef enum SysList {
    LIST_NONE,
    LIST_DRIVE,
    LIST_BLOCKDEV,
    LIST_DEVICE,
    LIST_OBJECT,
    LIST_CHARDEV,
    LIST_SERIAL,
    LIST_MONITOR,
    LIST_QMP,
    LIST_QMP_PRETTY,
    LIST_MON,
    LIST_GDB,
    LIST_TRACE,
    LIST_FIRMWARE_PATH,
    LIST_NETDEV,
    LIST_NIC,
    LIST_NET,
    LIST_PFLASH,
    LIST_SEMIHOSTING,
    LIST_DEBUGCON,
    LIST_SMBIOS,
    LIST_GLOBAL,
    LIST_FW_CFG,
    LIST_HDA,
    LIST_HDB,
    LIST_HDC,
    LIST_HDD,
    LIST_CDROM,
    LISTS
} SysList;

/* What a panic of the guest does (-action panic=). */
typedef enum SysPanic { PANIC_SHUTDOWN, PANIC_PAUSE, PANIC_EXIT_FAILURE, PANIC_NONE, PANIC_ACTIONS } SysPanic;

typedef struct SysOptions {
    const BoardClass *board;
    MachineOption board_option[MACHINE_MAX_OPTIONS];
    unsigned n_board_options;
    const char *arch, *machine; /* as they were named; NULL: not at all */
    uint64_t ram_bytes;
    unsigned cpus;
    const char *firmware, *kernel, *initrd, *append, *dtb, *dump_dtb, *cpu_model;
    const char *cpu_props;              /* of MachineConfig */
    const char *boot_order, *boot_once; /* NULL: not said */
    bool boot_menu;
    const char *memory; /* -machine memory-backend=; NULL: none */
    const char *name, *pidfile, *log_file;
    const char *vnc;    /* where; NULL: nowhere */
    const char *vga;    /* none or std; NULL: as the board has it */
    const char *loadvm, *incoming; /* NULL: none */
    char uuid[37];      /* as text; "": none */
    EngineOptions engine;
    bool nographic, no_display, nodefaults, paused, daemonize, snapshot, usb;
    bool no_reboot, no_shutdown, lock_memory;
    SysPanic panic;
    bool has_rtc_base;
    int64_t rtc_base;   /* seconds since 1970; else the host's time */
    uint32_t log;       /* ACCEL_LOG_* */
    bool log_guest;     /* -d guest_errors */
    AccelRange filter[32]; /* -dfilter */
    unsigned n_filter;
    bool perf_map, jit_dump;
    Sandbox sandbox;
    uint32_t no_opt; /* ACCEL_NO_*, of -d nochain */
    size_t cache_bytes;
    bool info_mtree, info_qtree; /* print and exit */
    bool helped;        /* help was printed, and that was it */
    GPtrArray *list[LISTS]; /* const char *; never NULL after sys_options_parse() */
} SysOptions;

bool sys_options_parse(SysOptions *o, int argc, char **argv, GError **err);
/* Chooses the board, and checks what is the board's to know: its options, the cpu's model. Lists of those are
 * printed here. */
bool sys_options_check(SysOptions *o, GError **err);
/* Takes o->cpu_model apart into the model's name and what else the board has to know of it. */
bool sys_cpu_check(SysOptions *o, GError **err);
/* The n-th board there is; NULL: there are fewer. */
const BoardClass *sys_board(unsigned n);
/* The n-th cpu model of a board's ISA; NULL: there are fewer. */
const char *sys_cpu_model(const BoardClass *b, unsigned n);
bool sys_panic_action(const char *word, SysPanic *ret, GError **err);
void sys_options_clear(SysOptions *o);
/* Text of --help; the page for man. */
void sys_options_help(FILE *to);
void sys_options_man(FILE *to);

/* The n-th text of a list, NULL behind the last. */
static inline const char *sys_option(const SysOptions *o, SysList list, unsigned n)
{
    return n < o->list[list]->len ? (const char *)o->list[list]->pdata[n] : NULL;
}

#endif
