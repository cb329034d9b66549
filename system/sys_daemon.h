/*
 * SysDaemon: what the options ask of the process itself: -pidfile, -daemonize, -D, signals.
 *
 * With -daemonize the child builds the machine and runs it; the parent waits until the child is ready, and
 * its exit status says whether it got there. Threads: the main thread, before there are others.
 */
#ifndef SYSTEM_SYS_DAEMON_H
#define SYSTEM_SYS_DAEMON_H

#include "system/vm.h"

typedef struct SysDaemon {
    const SysOptions *opt;
    int log_fd;
    int ready_fd; /* -1: nobody waits */
    char *pidfile; /* written, with its whole path; NULL: none */
    guint signals[3];
} SysDaemon;

bool sys_daemon_open(SysDaemon *p, const SysOptions *o, GError **err);
/* Everything is there; the machine is about to run. */
bool sys_daemon_ready(SysDaemon *p, Vm *vm, GError **err);
void sys_daemon_close(SysDaemon *p);

#endif
