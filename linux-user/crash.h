/*
 * The one line that a guest's death by a fault leaves on standard error: what, where, which symbol.
 * Threads: the dying one. Never fails; what it cannot find out it leaves away.
 */
#ifndef LINUX_USER_CRASH_H
#define LINUX_USER_CRASH_H

#include "linux-user/signal.h"

void lu_crash_report(LuThread *t, const LuSigInfo *info);

#endif
