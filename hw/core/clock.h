/*
 * Clock: time as a machine sees it, and what is to happen at a time.
 *
 * Virtual time stands still while the machine is stopped. Timers are embedded in their devices and belong to
 * them; a timer's function is called by the thread that runs clock_run(), with the timer's lock held, once
 * for each time it was set. Whoever makes the earliest deadline earlier calls `rearm`, so that the runner
 * looks again.
 * Threads: any. Locks: LOCK_RANK_CLOCK inside; a timer may be set with its device's lock held.
 */
#ifndef HW_CORE_CLOCK_H
#define HW_CORE_CLOCK_H

#include "base/lock.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Timer {
    uint64_t due_ns;
    bool set;
    struct Timer *next;   /* by due_ns */
    void (*fire)(void *opaque);
    void *opaque;
    Lock *lock;           /* of the device */
} Timer;

typedef struct Clock {
    Lock lock;
    Timer *first;
    bool stopped;
    uint64_t base_ns;     /* virtual - host time while running; virtual time while stopped */
    uint64_t (*host_ns)(void *opaque); /* tests give their own */
    void (*rearm)(void *opaque);
    void *opaque;
} Clock;

enum { CLOCK_NEVER_MS = -1 };
/* A periodic timer that a guest programs is not set anew for less than this, or it would keep a host cpu
 * busy. */
enum { CLOCK_LEAST_PERIOD_NS = 20000 };
#define CLOCK_NEVER UINT64_MAX

void clock_init(Clock *c, uint64_t (*host_ns)(void *opaque), void (*rearm)(void *opaque), void *opaque);
uint64_t clock_now(Clock *c);
void clock_stop(Clock *c, bool stop);
void clock_set_now(Clock *c, uint64_t now_ns); /* after loading state; stopped or not */
void timer_set(Clock *c, Timer *t, uint64_t due_ns);
void timer_cancel(Clock *c, Timer *t);
/* Runs what is due. Returns how many ns until the next, CLOCK_NEVER if there is none. */
uint64_t clock_run(Clock *c);

uint64_t clock_host_monotonic(void *opaque);

#endif
