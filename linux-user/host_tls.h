/*
 * Thread-local storage of host threads that libc does not know.
 *
 * A guest thread is made by a raw clone(), with the flags that the guest asked for, so the host's libc cannot
 * make it. Still our code, and the few libc routines of the run phase (memcpy and friends), want a valid
 * thread pointer: for lu_self(), the stack guard of functions built with the stack protector, and the pointer
 * guard.
 *
 * In the static program (host_tls_copy.c) a new block is a copy of the program's PT_TLS segment with a blank
 * control block above it, as x86-64 lays it out ("variant II": ELF Handling For Thread-Local Storage, 3.4.6):
 *
 *      tp - round_up(p_memsz, p_align)   .tdata image, then zeros for .tbss
 *      tp                                 %fs:0 = tp, %fs:0x10 = tp, 0x28 stack guard, 0x30 pointer guard,
 *                                         rest zero
 *
 * Blank is enough because nothing after the start of the guest calls libc functions that look at the control
 * block (docs/forbidden.md). It costs no system call.
 *
 * A dynamic program (sanitizer builds only: host_tls_donor.c) has TLS of several libraries, and the
 * sanitizer's own per-thread state in it. There a donor gives its TLS: a pthread that is created, tells its
 * thread pointer, and then sleeps for good with all signals blocked. It costs a pthread_create(), after the
 * guest has started, which is why the real program does not do it.
 *
 * A child of CLONE_VFORK needs neither: its parent sleeps until the child lets go of the memory, so it uses
 * the parent's (thread.c).
 *
 * Ownership: memory of host_tls_size() bytes is the caller's; a donor lives until the process ends, and
 * whoever got its thread pointer may use it for one thread after the other. Threads: any.
 */
#ifndef LINUX_USER_HOST_TLS_H
#define LINUX_USER_HOST_TLS_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes for host_tls_make(), a multiple of 64; 0: donors are used. */
size_t host_tls_size(void);
/* A thread pointer for a new thread. mem: zeroed, aligned to 64, unused where host_tls_size() is 0. NULL:
 * failed. */
void *host_tls_make(void *mem);
/* Of the first thread, in a program without libc: like host_tls_make(), no guards. NULL: too small. */
void *host_tls_first(void *mem, size_t bytes);
/* The thread pointer that the caller runs on. */
static inline void *host_tls_current(void)
{
    void *tp;
    __asm__("movq %%fs:0, %0" : "=r"(tp));
    return tp;
}
/* Donors are threads of the process: it does not end with the last guest thread's exit(2). */
bool host_tls_has_donors(void);

#endif
