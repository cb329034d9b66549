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
    Job *now; /* that runs; NULL: none */
    bool quit, held;
    /* Somebody waits for a job to end: what it waits for itself, for the user to say, it gives up. wake: who
     * sleeps is to look; any thread; may be NULL. */
    bool draining;
    unsigned drains; /* how many; by lock */
    void (*wake)(void *opaque);
    void *opaque;
} Worker;

void worker_start(Worker *w, const char *name);
void worker_stop(Worker *w);
/* No job begins until `on` is false again. Those that run go on. */
void worker_hold(Worker *w, bool on);
/* Waits a moment until none runs. */
bool worker_is_idle(Worker *w);

#endif
