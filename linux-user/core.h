/*
 * Core files: what a guest program leaves when a signal kills it, for gdb. The host's own would show the
 * emulator.
 *
 * tinamou_NAME_PID.core in the working folder, where the limit of core files (ulimit -c) is not 0; a longer
 * one is cut off there. Another process that kills this one leaves none. Sources: core(5), elf(5),
 * linux/elfcore.h. Threads: the dying one.
 */
#ifndef LINUX_USER_CORE_H
#define LINUX_USER_CORE_H

#include "linux-user/signal.h"

/* Writes it, if it is wanted, and sees to it that the host writes none. */
void lu_core_dump(LuThread *t, const siginfo_t *si);
/* The program is about to send itself a signal; does so if that will kill it. */
void lu_core_before(LuThread *t, int sig);

#endif
