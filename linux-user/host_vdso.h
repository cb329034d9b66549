/*
 * The host's vDSO: user code that the kernel maps, for clocks at a fraction of a system call.
 *
 * It is an ELF shared object in memory, trusted as the kernel is. Threads: any; no state. NULL: there is
 * none, or it has no such function. Sources: vdso(7), ELF gABI (dynamic section, hash table), the GNU hash
 * section.
 */
#ifndef LINUX_USER_HOST_VDSO_H
#define LINUX_USER_HOST_VDSO_H

#include <time.h>

typedef int HostClockFn(clockid_t clock, struct timespec *ret);

/* clock_gettime(2); 0, or minus an errno. */
HostClockFn *host_vdso_clock(void);

#endif
