/*
 * Vm: a running machine as its owner has it: run state, requests of the guest and the user, who is told.
 *
 * Life: vm_init(), then the machine, vm_run() until somebody quits, vm_clear().
 * Invariant: the cpus' threads are in guest code only in RUN_RUNNING; the machine's clock runs there and in
 * RUN_SUSPENDED, and stands still otherwise. Ownership: main's; what hangs off it (chardevs, disks, monitors)
 * is closed by main. Threads: the main thread, but for vm_request() (any) and vm_io_error() (a cpu's or a
 * disk's thread).
 */
#ifndef SYSTEM_VM_H
#define SYSTEM_VM_H

#include "system/chardev/chardev.h"
#include "system/clock_thread.h"
#include "system/sys_options.h"
#include "system/trace.h"
#include "system/vcpu.h"

#include <json-glib/json-glib.h>

/* In the order of vm_state_names. */
typedef enum RunState {
    RUN_PRELAUNCH,
    RUN_RUNNING,
    RUN_PAUSED,
    RUN_SHUTDOWN,
    RUN_IO_ERROR,
    RUN_DEBUG,
    RUN_INTERNAL_ERROR,
    RUN_SAVE_VM,
    RUN_RESTORE_VM,
    RUN_INMIGRATE,
    RUN_FINISH_MIGRATE,
    RUN_POSTMIGRATE,
    RUN_SUSPENDED, /* to RAM; the machine's clock runs, as its alarm wakes */
    RUN_GUEST_PANICKED,
    RUN_STATES
} RunState;

/* Why something ends or begins again, as QMP names it. */
typedef enum ShutdownCause {
    CAUSE_HOST_QUIT,
    CAUSE_HOST_SYSTEM_RESET,
    CAUSE_HOST_SIGNAL,
    CAUSE_GUEST_SHUTDOWN,
    CAUSE_GUEST_RESET,
    CAUSE_GUEST_PANIC,
    CAUSES
} ShutdownCause;

typedef struct VmListener {
    void *opaque;
    /* data: may be NULL; borrowed. */
    void (*event)(void *opaque, const char *name, JsonObject *data);
} VmListener;

typedef struct SysObjects SysObjects;
typedef struct Disks Disks;
typedef struct Monitors Monitors;
typedef struct GdbServer GdbServer;
typedef struct Migration Migration;
typedef struct Jobs Jobs;

typedef struct Vm {
    SysOptions *opt;
    GMainLoop *loop;
    Engine engine;
    Machine *machine;
    Vcpus vcpus;
    ClockThread clock;
    RunState state;
    unsigned held; /* by vm_hold() */
    int status;    /* of the process */
    Chardevs *chars;
    Disks *disks;
    SysObjects *objects;
    Monitors *monitors;
    GdbServer *gdb; /* NULL: none */
    Migration *migration;
    Jobs *jobs;
    Trace trace;
    struct SysDevices *devices;
    GPtrArray *displays; /* DisplayHead */
    struct Inputs *inputs;
    struct Vnc *vnc; /* NULL: none */
    GArray *listeners; /* VmListener */
    /* written by cpu threads: */
    uint64_t requested; /* bits: 1 << MachineRequest; from bit 32 on the code of a power-off */
    int request_code;   /* of the last that was served */
    int tray_moved; /* main does not know yet */
    bool quitting;
    unsigned events; /* GLib's number of the source; 0: none */
} Vm;

extern const char *const vm_state_names[RUN_STATES];

void vm_init(Vm *vm, SysOptions *opt);
void vm_clear(Vm *vm);
void vm_listen(Vm *vm, VmListener l);
void vm_unlisten(Vm *vm, void *opaque);
void vm_event(Vm *vm, const char *name, JsonObject *data); /* takes data */

/* From `from` on until vm_quit(). */
void vm_run(Vm *vm, bool paused);
/* Does its clock run? */
static inline bool vm_is_live(const Vm *vm)
{
    return vm->state == RUN_RUNNING || vm->state == RUN_SUSPENDED;
}
void vm_stop(Vm *vm, RunState state);
/* No cpu is in guest code between the two, which the guest and the users do not notice. May be nested. */
void vm_hold(Vm *vm);
void vm_release(Vm *vm);
/* Its clock, and the engine's, stand still, or go on: between vm_hold() and vm_release(), if it is live. */
void vm_stand(Vm *vm, bool stop);
/* What the engine has for the main thread (accel_events_fd()): before and after another one takes over. */
void vm_forget_events(Vm *vm);
void vm_follow_events(Vm *vm);
/* False: it cannot go on (shut down). One that is asleep goes on sleeping. */
bool vm_cont(Vm *vm);
void vm_reset(Vm *vm, ShutdownCause why);
void vm_powerdown(Vm *vm);
/* Has the guest been told that there is suspend to RAM? */
bool vm_has_suspend(const Vm *vm);
bool vm_wakeup(Vm *vm, GError **err);
void vm_quit(Vm *vm, ShutdownCause why, int status);
/* MachineRequests.request; opaque: the Vm. */
void vm_request(void *vm, MachineRequest what, int code);
/* A disk's thread has an error that is to stop the machine: returns when it goes on (true: try again), or
 * when it never will as it was (false). */
bool vm_io_error(Vm *vm, const char *disk, bool write, bool nospace, const char *text,
                 const bool *given_up);
/* It has one that the guest is told of, or that nobody minds. */
void vm_io_report(Vm *vm, const char *disk, bool write, bool ignored, const char *text);

#endif
