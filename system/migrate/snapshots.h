/*
 * Snapshots: savevm and its kin: the machine's state together with that of its disks, inside of qcow2 images.
 *
 * Every disk that can be written gets a snapshot of the name; the first one also has the machine's state, as
 * a stream (vm_stream.h). Threads: the main thread. Errors: GError; nothing has changed then, but where
 * snapshots_load() says otherwise.
 */
#ifndef SYSTEM_MIGRATE_SNAPSHOTS_H
#define SYSTEM_MIGRATE_SNAPSHOTS_H

#include "system/vm.h"

/* One of the name is replaced. name "": one by the time of day. */
bool snapshots_save(Vm *vm, const char *name, GError **err);
/* The machine goes on, or not, as before. An error that is found late leaves it stopped for good
 * (RUN_INTERNAL_ERROR). */
bool snapshots_load(Vm *vm, const char *which, GError **err);
bool snapshots_delete(Vm *vm, const char *which, GError **err);
/* A line for each. */
void snapshots_print(Vm *vm, GString *out);

#endif
