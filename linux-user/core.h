/*
 * Core files: what a guest program leaves when a signal kills it, for gdb. The host's own would show the
 * emulator, and is never made (docs/adr/0048-core-files.md).
 *
 * tinamou_NAME_PID.core in the working folder, where the limit of core files (ulimit -c) is a page or more; a
 * longer one is cut off there. The host's kernel, which writes none, would tell the parent of an end without
 * one: a guest that is its parent asks here. Sources: core(5), elf(5), wait(2), linux/elfcore.h. Threads: the
 * dying one; the others any.
 */
#ifndef LINUX_USER_CORE_H
#define LINUX_USER_CORE_H

#include "linux-user/signal.h"

/* Is a core file the default of this signal? */
bool lu_core_signal(int sig);
/* Does the limit of the process allow one? */
bool lu_core_allowed(void);
/* The signal of `si` is about to kill the process: writes the file, if it is wanted, and sees to it that the
 * host writes none. */
void lu_core_dump(LuThread *t, const siginfo_t *si);
/* What the host's kernel says of a child that a signal has killed becomes CLD_DUMPED if it left a core file.
 * This is known of children that nobody has waited for. */
void lu_core_tell(siginfo_t *si);

#endif
