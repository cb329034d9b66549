/*
 * Lock: a futex mutex without libc, usable in threads that libc does not know.
 *
 * Invariants: state is 0 free, 1 held, 2 held with waiters. Not recursive. Never held across guest code, a
 * blocking system call, or a signal mask change; asynchronous guest signals only set a word, so a lock may be
 * held when one arrives.
 * Ranks: a thread takes locks in rising order of rank (lock_ranks below); debug builds assert it.
 * fork: the forking thread takes every process-wide lock in rank order and releases it on both sides.
 * Threads: any.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdint.h>

/* One list of all locks of the program, lowest first. */
enum LockRank {
    LOCK_RANK_PROC = 1, /* linux-user: thread list of the process */
    LOCK_RANK_SIGHAND,  /* linux-user: signal actions */
    LOCK_RANK_MM,       /* linux-user: guest address space */
    LOCK_RANK_FS,       /* linux-user: fd and cwd views */
    LOCK_RANK_CPUS,     /* accel: list of cpus, free memory */
    LOCK_RANK_CODE,     /* accel/dbt: page lists, invalidation, segments */
    LOCK_RANK_LINK,     /* accel/dbt: incoming links */
    LOCK_RANK_LOG,
};

typedef struct Lock {
    uint32_t state;
    uint32_t rank;
} Lock;

void lock_init(Lock *l, enum LockRank rank);
void lock_take(Lock *l);
void lock_release(Lock *l);

#endif
