/*
 * Vcpus: the threads that run a machine's cpus.
 *
 * They begin paused. vcpus_pause() returns when none of them is in guest code any more; vcpus_resume() lets
 * them go on.
 * Threads: all calls by the main thread.
 */
#ifndef SYSTEM_VCPU_H
#define SYSTEM_VCPU_H

#include "hw/machine/machine.h"

#include <glib.h>

typedef struct Vcpu {
    struct Vcpus *all;
    Cpu *cpu;
    GThread *thread;
} Vcpu;

typedef struct Vcpus {
    GMutex lock;
    GCond changed;
    unsigned n, n_paused;
    bool pause, quit;
    Vcpu vcpu[MACHINE_MAX_CPUS];
} Vcpus;

void vcpus_start(Vcpus *v, Machine *m);
void vcpus_pause(Vcpus *v);
void vcpus_resume(Vcpus *v);
void vcpus_end(Vcpus *v);

#endif
