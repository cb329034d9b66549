#include "system/worker.h"

static void append(Worker *w, Job *j)
{
    j->next = NULL;
    *(w->last ? &w->last->next : &w->first) = j;
    w->last = j;
}

/* A job that runs is put into the list when it has returned. */
static void worker_post(void *backend, Job *j)
{
    Worker *w = backend;
    g_mutex_lock(&w->lock);
    if (!j->queued) {
        j->queued = true;
        if (!j->running)
            append(w, j);
        g_cond_broadcast(&w->changed);
    }
    g_mutex_unlock(&w->lock);
}

static void unqueue(Worker *w, Job *j)
{
    w->last = NULL;
    for (Job **p = &w->first; *p;) {
        if (*p == j)
            *p = j->next;
        else
            w->last = *p, p = &(*p)->next;
    }
    j->queued = false;
}

static void worker_drain(void *backend, Job *j)
{
    Worker *w = backend;
    g_mutex_lock(&w->lock);
    unqueue(w, j);
    w->drains++;
    __atomic_store_n(&w->draining, true, __ATOMIC_SEQ_CST);
    if (j->running && w->wake)
        w->wake(w->opaque);
    while (j->running)
        g_cond_wait(&w->changed, &w->lock);
    __atomic_store_n(&w->draining, --w->drains != 0, __ATOMIC_SEQ_CST);
    unqueue(w, j);
    g_mutex_unlock(&w->lock);
}

static void *worker_run(void *opaque)
{
    Worker *w = opaque;
    g_mutex_lock(&w->lock);
    for (;;) {
        while ((!w->first || w->held) && !w->quit)
            g_cond_wait(&w->changed, &w->lock);
        Job *j = w->first;
        if (w->quit)
            break;
        unqueue(w, j);
        j->running = true;
        w->now = j;
        g_mutex_unlock(&w->lock);
        j->run(j->opaque);
        g_mutex_lock(&w->lock);
        j->running = false;
        w->now = NULL;
        if (j->queued)
            append(w, j);
        g_cond_broadcast(&w->changed);
    }
    g_mutex_unlock(&w->lock);
    return NULL;
}

void worker_start(Worker *w, const char *name)
{
    *w = (Worker){.port = {.backend = w, .post = worker_post, .drain = worker_drain}};
    g_mutex_init(&w->lock);
    g_cond_init(&w->changed);
    w->thread = g_thread_new(name, worker_run, w);
}

void worker_hold(Worker *w, bool on)
{
    if (!w->thread)
        return;
    g_mutex_lock(&w->lock);
    w->held = on;
    g_cond_broadcast(&w->changed);
    g_mutex_unlock(&w->lock);
}

bool worker_is_idle(Worker *w)
{
    enum { MOMENT_US = 20000 };
    if (!w->thread)
        return true;
    g_mutex_lock(&w->lock);
    if (w->now)
        g_cond_wait_until(&w->changed, &w->lock, g_get_monotonic_time() + MOMENT_US);
    bool idle = !w->now;
    g_mutex_unlock(&w->lock);
    return idle;
}

void worker_stop(Worker *w)
{
    if (!w->thread)
        return;
    g_mutex_lock(&w->lock);
    w->quit = true;
    g_cond_broadcast(&w->changed);
    g_mutex_unlock(&w->lock);
    g_thread_join(w->thread);
    w->thread = NULL;
    g_mutex_clear(&w->lock);
    g_cond_clear(&w->changed);
}
