/*
 * Worker: a thread for jobs that wait for the host (hw/core/ports.h), one after the other.
 *
 * Life: worker_start() to worker_stop(), which waits for the job that runs; devices whose jobs these are must
 * be gone, or drained. Threads: the port's calls, any.
 */
#ifndef SYSTEM_WORKER_H
#define SYSTEM_WORKER_H

#include "base/bits.h" /* before GLib, which has the same names */
#include "hw/core/ports.h"

#include <glib.h>

typedef struct Worker {
    JobPort port;
    GThread *thread; /* NULL: not started */
    GMutex lock;
    GCond changed;
    Job *first, *last;
    bool quit;
} Worker;

void worker_start(Worker *w, const char *name);
void worker_stop(Worker *w);

#endif
