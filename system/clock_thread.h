/*
 * ClockThread: fires the timers of a machine when they are due, to some microseconds.
 *
 * It does nothing else, so that the kernel lets it run at once also on a busy host; the main loop's waiting
 * counts in milliseconds, and a guest's ticks are four of them.
 * Threads: start, pause, resume, end by the main thread; rearm by any, with any lock held.
 */
#ifndef SYSTEM_CLOCK_THREAD_H
#define SYSTEM_CLOCK_THREAD_H

#include "base/bits.h" /* before GLib, which has MIN and MAX of its own */
#include "hw/core/clock.h"

#include <glib.h>

typedef struct ClockThread {
    Clock *clock;
    GThread *thread;
    GMutex busy;   /* held while timers fire */
    uint32_t word; /* futex; moves when there is something to look at */
    uint32_t asleep;
    int quit;
} ClockThread;

void clock_thread_start(ClockThread *t, Clock *clock);
/* A timer became the first. May be called before the start. */
void clock_thread_rearm(void *clock_thread);
/* No timer fires between the two. */
void clock_thread_pause(ClockThread *t);
void clock_thread_resume(ClockThread *t);
void clock_thread_end(ClockThread *t);

#endif
