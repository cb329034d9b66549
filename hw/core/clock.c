#include "hw/core/clock.h"

#include "base/sys.h"

#include <time.h>

uint64_t clock_host_monotonic(void *opaque)
{
    struct timespec t = {0};
    (void)opaque;
    sys_call2(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void clock_init(Clock *c, uint64_t (*host_ns)(void *opaque), void (*rearm)(void *opaque), void *opaque)
{
    *c = (Clock){.host_ns = host_ns, .rearm = rearm, .opaque = opaque};
    lock_init(&c->lock, LOCK_RANK_CLOCK);
    c->base_ns = 0 - host_ns(opaque);
}

static uint64_t now_locked(const Clock *c)
{
    return c->stopped ? c->base_ns : c->base_ns + c->host_ns(c->opaque);
}

uint64_t clock_now(Clock *c)
{
    lock_take(&c->lock);
    uint64_t now = now_locked(c);
    lock_release(&c->lock);
    return now;
}

void clock_set_now(Clock *c, uint64_t now_ns)
{
    lock_take(&c->lock);
    c->base_ns = c->stopped ? now_ns : now_ns - c->host_ns(c->opaque);
    lock_release(&c->lock);
}

void clock_stop(Clock *c, bool stop)
{
    lock_take(&c->lock);
    if (stop != c->stopped) {
        uint64_t now = now_locked(c);
        c->base_ns = stop ? now : now - c->host_ns(c->opaque);
        c->stopped = stop;
    }
    lock_release(&c->lock);
    if (!stop && c->rearm)
        c->rearm(c->opaque);
}

static void unlink_timer(Clock *c, Timer *t)
{
    for (Timer **p = &c->first; *p; p = &(*p)->next) {
        if (*p == t) {
            *p = t->next;
            break;
        }
    }
    t->set = false;
}

void timer_set(Clock *c, Timer *t, uint64_t due_ns)
{
    lock_take(&c->lock);
    if (t->set)
        unlink_timer(c, t);
    Timer **p = &c->first;
    while (*p && (*p)->due_ns <= due_ns)
        p = &(*p)->next;
    t->due_ns = due_ns;
    t->next = *p;
    t->set = true;
    *p = t;
    bool first = c->first == t;
    lock_release(&c->lock);
    if (first && c->rearm)
        c->rearm(c->opaque);
}

void timer_cancel(Clock *c, Timer *t)
{
    lock_take(&c->lock);
    if (t->set)
        unlink_timer(c, t);
    lock_release(&c->lock);
}

/* Device locks come before the clock's: the timer is looked at again after its device's lock was taken. */
static bool run_one(Clock *c, uint64_t *ret_left)
{
    lock_take(&c->lock);
    Timer *t = c->stopped ? NULL : c->first;
    uint64_t now = now_locked(c);
    *ret_left = !t ? CLOCK_NEVER : t->due_ns > now ? t->due_ns - now : 0;
    lock_release(&c->lock);
    if (!t || *ret_left)
        return false;
    lock_take(t->lock);
    lock_take(&c->lock);
    bool due = t->set && t->due_ns <= now_locked(c);
    if (due)
        unlink_timer(c, t);
    lock_release(&c->lock);
    if (due)
        t->fire(t->opaque);
    lock_release(t->lock);
    return true;
}

uint64_t clock_run(Clock *c)
{
    uint64_t left;
    while (run_one(c, &left)) {}
    return left;
}
