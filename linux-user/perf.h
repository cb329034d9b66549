/*
 * Who looks at the translator's work: perf files (-perfmap, -jitdump), names of addresses for logs.
 *
 * Nothing exists, and accel calls nothing, when nobody asked. A forked child has files of its own, and a log
 * if its name has %d; a vfork child has not, until it calls execve. Ownership: lives as long as the process.
 * Threads: the region's own; the fork calls by the forking thread.
 */
#ifndef LINUX_USER_PERF_H
#define LINUX_USER_PERF_H

#include "base/fmt.h"
#include "linux-user/process.h"

/* Makes the files and fills in what accel calls, if an option asks for it. False: err says why not. */
bool lu_perf_start(LuProc *p, AccelObserver *ret, Fmt *err);
void lu_perf_fork_prepare(LuProc *p);
void lu_perf_fork_parent(LuProc *p);
void lu_perf_fork_child(LuThread *t);
/* The process ends: -d stats, the last record. */
void lu_perf_end(const LuThread *t);

/* The log of -D for this process: a descriptor out of the way, 2 without -D; -errno. "%d" in the name is the
 * process's number. */
long lu_log_open(const LuOptions *opt);

#endif
