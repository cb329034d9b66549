/* Meetings of the cpus of one bare-metal test. */
#ifndef TESTS_BARE_MEET_H
#define TESTS_BARE_MEET_H

#include "bare_kit.h"

static inline u64 load(u64 *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void store(u64 *p, u64 v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* Returns when `cpus` of them are here. Every cpu passes the same meetings. */
static inline void meet_of(unsigned cpus)
{
    static u64 arrived, phase;
    u64 now = load(&phase);
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST) == cpus) {
        arrived = 0;
        store(&phase, now + 1);
    } else {
        while (load(&phase) == now) {
        }
    }
}

#endif
