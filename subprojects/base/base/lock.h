/*
 * Lock: a futex mutex without libc, usable in threads that libc does not know.
 *
 * Invariants: state is 0 free, or the owner's thread id, with LOCK_WAITERS while others wait. Not recursive.
 * Never held across guest code, a blocking system call, or a signal mask change; asynchronous guest signals
 * only set a word, so a lock may be held when one arrives.
 * Ranks: a thread takes locks in rising order of rank (LockRank below). Nothing checks it.
 * Dead owners: threads of other processes may share the memory (vfork, CLONE_VM), and be killed at any
 * instruction. Who waits for long asks the kernel whether the owner is still there; if not it takes the lock
 * over and `broken` is set: what the lock protects may be half done. The taker who can repair that looks at
 * it, and clears it. fork: the forking thread takes every process-wide lock in rank order and releases it on
 * both sides.
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
    LOCK_RANK_PUT_BY,   /* accel/kvm: writes to devices that are done late */
    LOCK_RANK_DEVICE,   /* hw: one device */
    LOCK_RANK_INTC,     /* hw: an interrupt controller, which devices call */
    LOCK_RANK_CLOCK,    /* hw: timers of a machine */
    LOCK_RANK_STOP,     /* accel: the right to stop the other cpus */
    LOCK_RANK_CPUS,     /* accel: list of cpus, free memory */
    LOCK_RANK_ROUTES,   /* accel/kvm: ways of interrupts */
    LOCK_RANK_TRACK,    /* accel: which bytes of a machine are code */
    LOCK_RANK_CODE,     /* accel/dbt: page lists, invalidation, segments */
    LOCK_RANK_LINK,     /* accel/dbt: incoming links */
    LOCK_RANK_LOG,
};

#define LOCK_WAITERS 0x80000000u

typedef struct Lock {
    uint32_t state;  /* futex word */
    uint32_t rank;
    uint32_t broken; /* under the lock: an owner died in it */
} Lock;

void lock_init(Lock *l, enum LockRank rank);
void lock_take(Lock *l);
void lock_release(Lock *l);
/* The thread `tid` is known to be dead (a vfork child whose parent runs again): frees the lock if it had
 * it. */
void lock_owner_died(Lock *l, uint32_t tid);

#endif
