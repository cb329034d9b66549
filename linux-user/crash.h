/*
 * The one line that a guest's death by a fault leaves on standard error: what, where, which symbol.
 * Threads: the dying one. Never fails; what it cannot find out it leaves away.
 */
#ifndef LINUX_USER_CRASH_H
#define LINUX_USER_CRASH_H

#include "linux-user/signal.h"

void lu_crash_report(LuThread *t, const LuSigInfo *info);
/* -d unimp: the instruction at the pc, which the guest's processor does not have. */
void lu_log_instruction(LuThread *t);

#endif
