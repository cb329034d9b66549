/*
 * Hmp: the monitor for people: a line editor on a chardev, and the commands, one table row each.
 *
 * A command writes to h->out; who runs it sends that to the screen, or back as the answer of QMP's
 * human-monitor-command. Threads: the main thread.
 */
#ifndef SYSTEM_MONITOR_HMP_H
#define SYSTEM_MONITOR_HMP_H

#include "system/vm.h"

typedef struct Hmp {
    Vm *vm;
    GString *out;
    unsigned cpu; /* whose registers and memory are meant */
} Hmp;

/* One line. */
void hmp_run(Hmp *h, const char *line);
/* Names of commands that begin with `prefix`; info: those behind `info`. */
void hmp_complete(const char *prefix, bool info, GPtrArray *ret_names);

typedef struct HmpRow {
    const char *name, *args, *help;
    void (*run)(Hmp *h, const char *args);
} HmpRow;
extern const HmpRow hmp_info_rows[];
extern const unsigned hmp_n_info_rows;
/* x, xp, print; what stands behind the slash is in args. */
void hmp_examine(Hmp *h, const char *args);
void hmp_examine_physical(Hmp *h, const char *args);
void hmp_print(Hmp *h, const char *args);
void hmp_info(Hmp *h, const char *args);
/* screen_cmds.c */
void hmp_screendump(Hmp *h, const char *args);
void hmp_info_vnc(Hmp *h, const char *args);
/* input_cmds.c */
void hmp_sendkey(Hmp *h, const char *args);
void hmp_mouse_move(Hmp *h, const char *args);
void hmp_mouse_button(Hmp *h, const char *args);
void hmp_info_mice(Hmp *h, const char *args);
void hmp_info_network(Hmp *h, const char *args);
void hmp_info_pci(Hmp *h, const char *args);

void hmp_tell_error(Hmp *h, bool ok, GError **err); /* unless ok */

/* hmp_migrate.c */
void hmp_savevm(Hmp *h, const char *args);
void hmp_loadvm(Hmp *h, const char *args);
void hmp_delvm(Hmp *h, const char *args);
void hmp_info_snapshots(Hmp *h, const char *args);
void hmp_migrate(Hmp *h, const char *args);
void hmp_migrate_incoming(Hmp *h, const char *args);
void hmp_migrate_cancel(Hmp *h, const char *args);
void hmp_migrate_parameter(Hmp *h, const char *args);
void hmp_info_migrate(Hmp *h, const char *args);
void hmp_accel(Hmp *h, const char *args);

/* The editor. */
typedef struct HmpConsole HmpConsole;
HmpConsole *hmp_console_new(Vm *vm, Chardev *c, GError **err);
void hmp_console_free(HmpConsole *m);

#endif
