#include "base/lock.h"
#include "base/sys.h"

#include <linux/futex.h>

void lock_init(Lock *l, enum LockRank rank) { *l = (Lock){.rank = rank}; }

void lock_take(Lock *l)
{
    uint32_t seen = 0;
    if (__atomic_compare_exchange_n(&l->state, &seen, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&l->state, 2, __ATOMIC_ACQUIRE) != 0)
        sys_futex(&l->state, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2);
}

void lock_release(Lock *l)
{
    if (__atomic_exchange_n(&l->state, 0, __ATOMIC_RELEASE) == 2)
        sys_futex(&l->state, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
}
