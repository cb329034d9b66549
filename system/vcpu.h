/*
 * Vcpus: the threads that run a machine's cpus.
 *
 * They begin paused. vcpus_pause() returns when none of them is in guest code any more; vcpus_resume() lets
 * them go on. A thread of a cpu that waits inside of a device (vcpus_wait_resumed()) counts as paused.
 * Threads: all calls by the main thread, but for those that say otherwise.
 */
#ifndef SYSTEM_VCPU_H
#define SYSTEM_VCPU_H

#include "hw/machine/machine.h"
#include "system/sys_error.h"

typedef enum VcpuHow { VCPU_RUN, VCPU_STEP, VCPU_STAY } VcpuHow;

typedef struct Vcpu {
    struct Vcpus *all;
    Cpu *cpu;
    GThread *thread;
    uint64_t host_tid;
    VcpuHow how; /* of the next vcpus_resume(); written while paused */
} Vcpu;

typedef struct Vcpus {
    GMutex lock;
    GCond changed;
    unsigned n, n_paused, n_waiting;
    unsigned resumed; /* how often */
    bool pause, quit, abandon, started;
    Vcpu vcpu[MACHINE_MAX_CPUS];
    /* A cpu came back with what only its owner can deal with: CPU_EXIT_DEBUG, or its step is done. By its
     * thread, with no lock held. True: it goes on; else it waits like one that is paused. NULL: nobody wants
     * to know. */
    bool (*stopped)(void *opaque, unsigned cpu);
    void *opaque;
    /* A cpu has come back with CPU_EXIT_SYSCALL (semihosting). By its thread, no lock held. NULL: none
     * does. */
    void (*call)(void *opaque, Vcpu *vcpu);
    void *call_opaque;
    /* A cpu has come back with CPU_EXIT_BROKEN. By its thread, no lock held. NULL: nobody wants to know. */
    void (*broken)(void *opaque);
    void *broken_opaque;
} Vcpus;

void vcpus_start(Vcpus *v, Machine *m);
void vcpus_pause(Vcpus *v);
void vcpus_resume(Vcpus *v);
void vcpus_end(Vcpus *v);
/* For a thread that has to wait for vcpus_resume(), a cpu's or another's. False: it never comes, give up. */
bool vcpus_may_wait(Vcpus *v, unsigned *ret_since);
bool vcpus_wait_resumed(Vcpus *v, unsigned since, const bool *given_up);
void vcpus_look(Vcpus *v); /* given_up of somebody has become true */
/* Does somebody wait there? */
bool vcpus_any_waiting(Vcpus *v);
/* For the cpu's own thread, outside of accel_run(): is somebody waiting for it to stop? It stays where it is
 * until a reset. */
bool vcpu_should_stop(Vcpu *self);
void vcpu_stay(Vcpu *self);
/* Those who wait there give up, and nobody waits until this is over; on returns when none is left. */
void vcpus_abandon(Vcpus *v, bool on);

#endif
