/*
 * What there is: the options that ask for it (-cpu help, -device help, -device NAME,help, -netdev help, ...)
 * need no machine.
 *
 * Threads: main.
 */
#ifndef SYSTEM_SYS_HELP_H
#define SYSTEM_SYS_HELP_H

#include "system/sys_options.h"

/* Prints to stdout what the options ask for, and sets o->helped. False: they ask about something that is not
 * there (err). */
bool sys_help(SysOptions *o, GError **err);

#endif
