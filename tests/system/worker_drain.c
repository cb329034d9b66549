/* Whoever drains a worker gets an answer, though the job that runs waits for the user to say 'cont', who
 * could only say it to the thread that drains. */
#include "system/worker.h"

#include <stdio.h>

typedef struct Rig {
    Worker worker;
    Job job;
    GMutex lock;
    GCond changed;
    bool waits;
    unsigned runs;
} Rig;

static void wake(void *opaque)
{
    Rig *r = opaque;
    g_mutex_lock(&r->lock);
    g_cond_broadcast(&r->changed);
    g_mutex_unlock(&r->lock);
}

/* As vcpus_wait_resumed(). */
static void run(void *opaque)
{
    Rig *r = opaque;
    g_mutex_lock(&r->lock);
    r->runs++;
    r->waits = true;
    g_cond_broadcast(&r->changed);
    while (!__atomic_load_n(&r->worker.draining, __ATOMIC_SEQ_CST))
        g_cond_wait(&r->changed, &r->lock);
    r->waits = false;
    g_mutex_unlock(&r->lock);
}

int main(void)
{
    enum { TIMES = 200 };
    Rig r = {.runs = 0};
    g_mutex_init(&r.lock);
    g_cond_init(&r.changed);
    worker_start(&r.worker, "disk");
    r.worker.wake = wake;
    r.worker.opaque = &r;
    r.job = (Job){.run = run, .opaque = &r};
    for (unsigned k = 0; k < TIMES; k++) {
        r.worker.port.post(r.worker.port.backend, &r.job);
        g_mutex_lock(&r.lock);
        while (k % 2 && !r.waits) /* or it has only just begun, or not yet */
            g_cond_wait(&r.changed, &r.lock);
        g_mutex_unlock(&r.lock);
        r.worker.port.drain(r.worker.port.backend, &r.job);
        if (r.waits || r.worker.draining || r.job.running) {
            printf("round %u: the job still runs\n", k);
            return 1;
        }
    }
    worker_stop(&r.worker);
    printf("ok: %u of %u jobs ran\n", r.runs, (unsigned)TIMES);
    return r.runs < TIMES / 2;
}
