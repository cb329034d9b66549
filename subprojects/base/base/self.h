/*
 * ThreadSelf: what the running thread knows of itself without a system call. The one thread-local variable of
 * the program.
 *
 * Invariants: tid is the kernel's id of this thread, or 0: not asked for yet. Who makes threads without libc
 * sets it in each new one, and again where a thread resumes whose thread pointer another one used (vfork), or
 * in the child of a fork.
 * Threads: each its own.
 */
#ifndef BASE_SELF_H
#define BASE_SELF_H

#include <stdint.h>

typedef struct ThreadSelf {
    void *owner; /* of the program that links this: its thread object */
    uint32_t tid;
} ThreadSelf;

ThreadSelf *thread_self(void);
uint32_t thread_self_tid(void); /* asks if need be */

#endif
