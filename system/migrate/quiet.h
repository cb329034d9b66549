/*
 * Quiet: nothing of the machine changes between begin and end: cpus, timers, disks stand still; what comes
 * from the host's side waits in the main loop.
 *
 * Threads: the main thread. Errors: a disk that waits for the user.
 */
#ifndef SYSTEM_MIGRATE_QUIET_H
#define SYSTEM_MIGRATE_QUIET_H

#include "system/vm.h"

typedef struct Quiet {
    bool ran;
} Quiet;

/* Is all of the machine's state where it can be read? False: err says what is not. */
bool quiet_is_possible(const Vm *vm, GError **err);
/* as: the run state meanwhile, if it ran. */
bool quiet_begin(Vm *vm, RunState as, Quiet *ret, GError **err);
/* go_on: as before, if it ran. */
void quiet_end(Vm *vm, const Quiet *q, bool go_on);

#endif
