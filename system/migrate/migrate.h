/*
 * Migration: a machine leaves by a file, a command's input or a socket, and comes in by one.
 *
 * Out: memory is sent while the machine runs, then what was written meanwhile, round after round; when the
 * rest is small enough for the time that the machine may stand still it is stopped, and the rest and its
 * state follow (vm_stream.h). In: the machine waits (RUN_INMIGRATE) until all of it is there.
 * Ownership: Vm.migration. Threads: all calls by the main thread; one of its own sends, or receives.
 */
#ifndef SYSTEM_MIGRATE_MIGRATE_H
#define SYSTEM_MIGRATE_MIGRATE_H

#include "system/vm.h"

typedef enum MigrateStatus {
    MIGRATE_NONE,
    MIGRATE_SETUP,
    MIGRATE_ACTIVE,
    MIGRATE_CANCELLING,
    MIGRATE_CANCELLED,
    MIGRATE_COMPLETED,
    MIGRATE_FAILED,
    MIGRATE_STATUSES
} MigrateStatus;
extern const char *const migrate_status_names[MIGRATE_STATUSES];

typedef struct MigrateLimits {
    uint64_t bandwidth;   /* bytes a second; 0: as much as there is */
    uint64_t downtime_ms; /* that the machine may stand still */
} MigrateLimits;

typedef struct MigrateReport {
    MigrateStatus status;
    const char *error; /* FAILED; borrowed */
    bool incoming;
    uint64_t total, sent, left; /* bytes: of memory; of the stream; of memory, to be sent yet */
    uint64_t pages, zeroes, rounds;
    uint64_t total_ms, downtime_ms; /* so far; in the end */
} MigrateReport;

Migration *migration_new(Vm *vm);
void migration_free(Migration *m); /* before the machine; cancels what is under way */
/* What -loadvm and -incoming ask for, before the machine runs. False: err. *ret_wait: it does not run yet. */
bool migration_begin(Vm *vm, bool *ret_wait, GError **err);

/* uri: file:PATH, exec:COMMAND, tcp:HOST:PORT, unix:PATH, fd:NUMBER. Returns at once. */
bool migrate_out(Vm *vm, const char *uri, GError **err);
bool migrate_in(Vm *vm, const char *uri, GError **err);
void migrate_cancel(Vm *vm);
bool migrate_is_active(const Vm *vm); /* the machine must keep its shape */
MigrateLimits *migrate_limits(Vm *vm);
MigrateReport migrate_report(Vm *vm);

#endif
