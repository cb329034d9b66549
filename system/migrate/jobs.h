/*
 * Jobs of QMP that save, load and delete snapshots: done by the main loop after the command was answered, and
 * told of by events until somebody dismisses them.
 *
 * Ownership: Vm.jobs. Threads: the main thread.
 */
#ifndef SYSTEM_MIGRATE_JOBS_H
#define SYSTEM_MIGRATE_JOBS_H

#include "system/vm.h"

typedef enum JobKind { JOB_SNAPSHOT_SAVE, JOB_SNAPSHOT_LOAD, JOB_SNAPSHOT_DELETE, JOB_KINDS } JobKind;
typedef enum JobStatus { JOB_CREATED, JOB_RUNNING, JOB_CONCLUDED, JOB_STATUSES } JobStatus;
extern const char *const job_kind_names[JOB_KINDS], *const job_status_names[JOB_STATUSES];

typedef struct VmJob {
    Vm *vm;
    char *id, *tag;
    JobKind kind;
    JobStatus status;
    char *error; /* CONCLUDED: NULL: it is done */
} VmJob;

Jobs *jobs_new(Vm *vm);
void jobs_free(Jobs *all);
/* False: there is one of this id. */
bool jobs_start(Jobs *all, JobKind kind, const char *id, const char *tag, GError **err);
bool jobs_dismiss(Jobs *all, const char *id, GError **err);
const VmJob *jobs_at(const Jobs *all, unsigned n); /* NULL: there are fewer */

#endif
