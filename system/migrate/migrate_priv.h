/*
 * What the files of a migration share.
 *
 * Invariants: `status`, `error` and what hangs off the Vm are the main thread's; the thread of the migration
 * asks it by migration_in_main(). Figures are read by both. Private to system/migrate.
 */
#ifndef SYSTEM_MIGRATE_MIGRATE_PRIV_H
#define SYSTEM_MIGRATE_MIGRATE_PRIV_H

#include "system/migrate/migrate.h"
#include "system/migrate/vm_save.h"

struct Migration {
    Vm *vm;
    MigrateLimits limits;
    MigrateStatus status;
    bool incoming, run_after;
    bool cancel; /* atomic, the next too */
    bool quit;   /* the main loop has ended */
    char *error;
    int fd;      /* -1: none */
    guint listener;
    GThread *thread;
    GMutex lock;
    GCond changed;
    gint64 begun_us, sending_us, ended_us;
    uint64_t received, total, left, rounds, downtime_ms;
    const char *arrived; /* text of the state, borrowed */
    VmSaver saver;
    /* By block: pages that were written since the round began (RamBlock.dirty); that are to be sent in it. */
    uint64_t *written[MACHINE_MOST_BLOCKS], *wanted[MACHINE_MOST_BLOCKS];
};

/* Work for the main thread, with its result. False also when there is no main loop any more. *err may be set
 * before: the work may read it, and it stays. */
bool migration_in_main(Migration *m, bool (*work)(Migration *m, GError **err), GError **err);
/* Of a new one of this direction. False: one is under way. */
bool migration_start(Migration *m, bool incoming, GError **err);
void migration_ended(Migration *m, bool ok, const GError *why);
static inline bool migration_cancelled(const Migration *m)
{
    return __atomic_load_n(&m->cancel, __ATOMIC_ACQUIRE);
}
/* Waits until the descriptor can be written or read (`events` of poll(2)). False: cancelled. */
bool migration_wait_fd(const Migration *m, short events, GError **err);
void migration_close(Migration *m);

#endif
