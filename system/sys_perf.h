/*
 * -perfmap and -jitdump of a machine: its translations by address, as perf wants them (debug/perf_file.h).
 * Ownership: System's. Threads: opened and closed by the main one; cpus write.
 */
#ifndef SYSTEM_SYS_PERF_H
#define SYSTEM_SYS_PERF_H

#include "accel/accel.h"
#include "debug/perf_file.h"
#include "system/sys_options.h"

typedef struct SysPerf {
    bool on;
    PerfFile file;
} SysPerf;

/* Makes the files that the options ask for; in the process that runs the machine. */
bool sys_perf_open(SysPerf *p, const SysOptions *o, GError **err);
AccelObserver sys_perf_observer(SysPerf *p);
void sys_perf_close(SysPerf *p);

#endif
