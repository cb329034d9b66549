/*
 * Monitors: all that were asked for by -monitor, -qmp, -mon and -nographic.
 *
 * Ownership: the Vm's; freed before its chardevs. Threads: the main thread.
 */
#ifndef SYSTEM_MONITOR_MONITORS_H
#define SYSTEM_MONITOR_MONITORS_H

#include "system/vm.h"

Monitors *monitors_new(Vm *vm);
void monitors_free(Monitors *m);
/* For people. False: the chardev is in use. */
bool monitors_add_readline(Monitors *m, Chardev *c, GError **err);
/* For programs. */
bool monitors_add_control(Monitors *m, Chardev *c, bool pretty, GError **err);
/* -mon */
bool monitors_add_option(Monitors *m, KeyVals *kv, GError **err);

#endif
