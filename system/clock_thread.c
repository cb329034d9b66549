#include "system/clock_thread.h"
#include "base/sys.h"

#include <linux/futex.h>
#include <sys/prctl.h>
#include <time.h>

/* Until `word` moves from `seen`, or `left` nanoseconds have passed. */
static void sleep_until(ClockThread *t, uint32_t seen, uint64_t left)
{
    enum { ALL_BITS = -1 };
    uint64_t when = clock_host_monotonic(NULL) + left;
    struct timespec at = {.tv_sec = (time_t)(when / 1000000000), .tv_nsec = (long)(when % 1000000000)};
    __atomic_store_n(&t->asleep, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&t->word, __ATOMIC_SEQ_CST) == seen)
        sys_call6(SYS_futex, (long)&t->word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen,
                  left == CLOCK_NEVER ? 0 : (long)&at, 0, ALL_BITS);
    __atomic_store_n(&t->asleep, 0, __ATOMIC_SEQ_CST);
}

static void *clock_thread_run(void *opaque)
{
    ClockThread *t = opaque;
    prctl(PR_SET_TIMERSLACK, 1ul);
    while (!__atomic_load_n(&t->quit, __ATOMIC_ACQUIRE)) {
        uint32_t seen = __atomic_load_n(&t->word, __ATOMIC_SEQ_CST);
        g_mutex_lock(&t->busy);
        uint64_t left = clock_run(t->clock);
        g_mutex_unlock(&t->busy);
        sleep_until(t, seen, left);
    }
    return NULL;
}

void clock_thread_start(ClockThread *t, Clock *clock)
{
    g_mutex_init(&t->busy);
    t->clock = clock;
    t->thread = g_thread_new("clock", clock_thread_run, t);
}

void clock_thread_rearm(void *opaque)
{
    ClockThread *t = opaque;
    __atomic_fetch_add(&t->word, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&t->asleep, __ATOMIC_SEQ_CST))
        sys_futex(&t->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
}

void clock_thread_pause(ClockThread *t) { g_mutex_lock(&t->busy); }
void clock_thread_resume(ClockThread *t) { g_mutex_unlock(&t->busy); }

void clock_thread_end(ClockThread *t)
{
    __atomic_store_n(&t->quit, 1, __ATOMIC_RELEASE);
    clock_thread_rearm(t);
    g_thread_join(t->thread);
}
