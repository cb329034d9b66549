#include "base/lock.h"
#include "base/self.h"
#include "base/sys.h"

#include <errno.h>
#include <linux/futex.h>

static _Thread_local ThreadSelf self;

enum { PATIENCE_MS = 50 }; /* then a waiter asks whether the owner still lives */

ThreadSelf *thread_self(void) { return &self; }

uint32_t thread_self_tid(void)
{
    if (__builtin_expect(!self.tid, 0))
        self.tid = (uint32_t)sys_gettid();
    return self.tid;
}

void lock_init(Lock *l, enum LockRank rank) { *l = (Lock){.rank = rank}; }

/* Notes a waiter in the word `seen` holds, and sleeps a while. True: the owner is dead. */
static bool wait_for_owner(Lock *l, uint32_t seen)
{
    if (!(seen & LOCK_WAITERS)) {
        if (!__atomic_compare_exchange_n(&l->state, &seen, seen | LOCK_WAITERS, false, __ATOMIC_RELAXED,
                                         __ATOMIC_RELAXED))
            return false;
        seen |= LOCK_WAITERS;
    }
    return sys_futex_wait_ms(&l->state, seen, PATIENCE_MS) == -ETIMEDOUT &&
           sys_thread_gone(seen & ~LOCK_WAITERS);
}

static void take_slowly(Lock *l, uint32_t me)
{
    for (;;) {
        uint32_t seen = __atomic_load_n(&l->state, __ATOMIC_RELAXED);
        if (seen && !wait_for_owner(l, seen))
            continue;
        uint32_t expect = seen ? seen | LOCK_WAITERS : 0;
        if (!__atomic_compare_exchange_n(&l->state, &expect, me | LOCK_WAITERS, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
            continue;
        if (seen)
            l->broken = 1;
        return;
    }
}

void lock_take(Lock *l)
{
    uint32_t me = thread_self_tid(), seen = 0;
    if (!__atomic_compare_exchange_n(&l->state, &seen, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        take_slowly(l, me);
}

void lock_release(Lock *l)
{
    if (__atomic_exchange_n(&l->state, 0, __ATOMIC_RELEASE) & LOCK_WAITERS)
        sys_futex(&l->state, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
}

void lock_owner_died(Lock *l, uint32_t tid)
{
    if ((__atomic_load_n(&l->state, __ATOMIC_ACQUIRE) & ~LOCK_WAITERS) != tid)
        return;
    l->broken = 1;
    lock_release(l);
}
