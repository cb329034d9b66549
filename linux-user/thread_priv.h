/* The assembler routines of host_clone.S. Threads: any. */
#ifndef LINUX_USER_THREAD_PRIV_H
#define LINUX_USER_THREAD_PRIV_H

#include <stddef.h>
#include <stdint.h>

struct clone_args;

/* Raw system calls; the child runs fn(arg), which must not return, on the new stack. 0 is never returned. */
long host_clone(long flags, void *stack_top, void *ptid, void *ctid, void *tls, void (*fn)(void *),
                void *arg);
long host_clone3(struct clone_args *args, size_t size, void (*fn)(void *), void *arg);
/* Clears *in_use, then exits by system call nr. All signals are blocked. */
_Noreturn void host_exit(uint32_t *in_use, long nr, long status);

#endif
