#include "system/vm.h"
#include "system/display/inputs.h"

#include "system/migrate/jobs.h"
#include "system/migrate/migrate.h"

#include <glib-unix.h>
#include <stdio.h>

const char *const vm_state_names[RUN_STATES] = {
    [RUN_PRELAUNCH] = "prelaunch",
    [RUN_RUNNING] = "running",
    [RUN_PAUSED] = "paused",
    [RUN_SHUTDOWN] = "shutdown",
    [RUN_IO_ERROR] = "io-error",
    [RUN_DEBUG] = "debug",
    [RUN_INTERNAL_ERROR] = "internal-error",
    [RUN_SAVE_VM] = "save-vm",
    [RUN_RESTORE_VM] = "restore-vm",
    [RUN_INMIGRATE] = "inmigrate",
    [RUN_FINISH_MIGRATE] = "finish-migrate",
    [RUN_POSTMIGRATE] = "postmigrate",
    [RUN_SUSPENDED] = "suspended",
    [RUN_GUEST_PANICKED] = "guest-panicked",
};

static const char *const cause_names[CAUSES] = {
    [CAUSE_HOST_QUIT] = "host-qmp-quit", [CAUSE_HOST_SYSTEM_RESET] = "host-qmp-system-reset",
    [CAUSE_HOST_SIGNAL] = "host-signal", [CAUSE_GUEST_SHUTDOWN] = "guest-shutdown",
    [CAUSE_GUEST_RESET] = "guest-reset", [CAUSE_GUEST_PANIC] = "guest-panic",
};

static bool by_guest(ShutdownCause why)
{
    return why >= CAUSE_GUEST_SHUTDOWN;
}

/* ---- who is told ---- */

void vm_listen(Vm *vm, VmListener l)
{
    g_array_append_val(vm->listeners, l);
}

void vm_unlisten(Vm *vm, void *opaque)
{
    for (unsigned k = vm->listeners->len; k-- > 0;)
        if (g_array_index(vm->listeners, VmListener, k).opaque == opaque)
            g_array_remove_index(vm->listeners, k);
}

void vm_event(Vm *vm, const char *name, JsonObject *data)
{
    for (unsigned k = 0; k < vm->listeners->len; k++) {
        const VmListener *l = &g_array_index(vm->listeners, VmListener, k);
        l->event(l->opaque, name, data);
    }
    if (data)
        json_object_unref(data);
}

static void event_of(Vm *vm, const char *name, ShutdownCause why)
{
    JsonObject *data = json_object_new();
    json_object_set_boolean_member(data, "guest", by_guest(why));
    json_object_set_string_member(data, "reason", cause_names[why]);
    vm_event(vm, name, data);
}

/* ---- running and standing ---- */

void vm_stop(Vm *vm, RunState state)
{
    bool was = vm_is_live(vm);
    if (was) {
        clock_stop(&vm->machine->clock, true);
        vcpus_pause(&vm->vcpus);
        accel_stand(vm->machine->accel, true);
    }
    vm->state = state;
    trace_event(&vm->trace, TRACE_VM_STATE, "%s", vm_state_names[state]);
    if (was)
        vm_event(vm, "STOP", NULL);
}

void vm_stand(Vm *vm, bool stop)
{
    if (!stop)
        accel_stand(vm->machine->accel, false);
    clock_stop(&vm->machine->clock, stop);
    if (stop)
        accel_stand(vm->machine->accel, true);
}

void vm_hold(Vm *vm)
{
    if (vm->held++ == 0 && vm->state == RUN_RUNNING)
        vcpus_pause(&vm->vcpus);
}

void vm_release(Vm *vm)
{
    if (--vm->held == 0 && vm->state == RUN_RUNNING)
        vcpus_resume(&vm->vcpus);
}

static bool is_asleep(const Vm *vm)
{
    const BoardSleep *s = vm->machine->board->sleep;
    return s && s->asleep(vm->machine);
}

bool vm_cont(Vm *vm)
{
    if (vm_is_live(vm))
        return true;
    if (vm->state == RUN_SHUTDOWN || vm->state == RUN_INTERNAL_ERROR || vm->state == RUN_INMIGRATE ||
        vm->state == RUN_FINISH_MIGRATE)
        return false;
    vm->state = is_asleep(vm) ? RUN_SUSPENDED : RUN_RUNNING;
    trace_event(&vm->trace, TRACE_VM_STATE, "%s", vm_state_names[vm->state]);
    vm_event(vm, "RESUME", NULL);
    accel_stand(vm->machine->accel, false);
    clock_stop(&vm->machine->clock, false);
    if (vm->state == RUN_RUNNING)
        vcpus_resume(&vm->vcpus);
    return true;
}

void vm_quit(Vm *vm, ShutdownCause why, int status)
{
    if (vm->quitting)
        return;
    vm->quitting = true;
    vm->status = status;
    if (vm->state == RUN_RUNNING)
        vcpus_pause(&vm->vcpus);
    event_of(vm, "SHUTDOWN", why);
    g_main_loop_quit(vm->loop);
}

/* Of cpus that are paused now: what they asked for while they ran on behind a request that was served. */
static void forget_requests(Vm *vm) { __atomic_store_n(&vm->requested, 0, __ATOMIC_RELAXED); }

static void power_off(Vm *vm, int code)
{
    if (!vm->opt->no_shutdown) {
        vm_quit(vm, CAUSE_GUEST_SHUTDOWN, code);
        return;
    }
    event_of(vm, "SHUTDOWN", CAUSE_GUEST_SHUTDOWN);
    vm_stop(vm, RUN_SHUTDOWN);
    forget_requests(vm);
}

/* By machine_reset(), or machine_wake(). Whoever runs it, nothing runs afterwards. */
static bool begin_anew(Vm *vm, bool (*how)(Machine *m, DevError *err), ShutdownCause why)
{
    DevError err;
    vcpus_abandon(&vm->vcpus, true);
    clock_stop(&vm->machine->clock, true);
    vcpus_pause(&vm->vcpus);
    clock_thread_pause(&vm->clock);
    forget_requests(vm);
    bool ok = how(vm->machine, &err);
    for (unsigned k = 0; k < vm->vcpus.n; k++)
        if (!vm->gdb)
            vm->vcpus.vcpu[k].how = VCPU_RUN; /* one may have ended itself */
    clock_thread_resume(&vm->clock);
    vcpus_abandon(&vm->vcpus, false);
    if (!ok) {
        fprintf(stderr, "tinamou-system: %s\n", err.text);
        vm->state = RUN_INTERNAL_ERROR;
        vm_quit(vm, why, 1);
    }
    return ok;
}

static void run_anew(Vm *vm)
{
    vm->state = RUN_RUNNING;
    clock_stop(&vm->machine->clock, false);
    vcpus_resume(&vm->vcpus);
}

void vm_reset(Vm *vm, ShutdownCause why)
{
    trace_event(&vm->trace, TRACE_VM_RESET, "%s", cause_names[why]);
    if (vm->opt->no_reboot && by_guest(why)) {
        power_off(vm, vm->request_code);
        return;
    }
    if (!begin_anew(vm, machine_reset, why))
        return;
    event_of(vm, "RESET", why);
    if (vm->state == RUN_SHUTDOWN || vm->state == RUN_INTERNAL_ERROR || vm->state == RUN_IO_ERROR ||
        vm->state == RUN_GUEST_PANICKED)
        vm->state = RUN_PAUSED;
    if (vm_is_live(vm))
        run_anew(vm);
}

/* ---- suspend to RAM ---- */

static void suspend(Vm *vm)
{
    if (!is_asleep(vm)) /* a reset has come before */
        return;
    if (vm->state == RUN_RUNNING) {
        vcpus_pause(&vm->vcpus);
        vm->state = RUN_SUSPENDED;
        trace_event(&vm->trace, TRACE_VM_STATE, "%s", vm_state_names[vm->state]);
    }
    vm_event(vm, "SUSPEND", NULL);
}

/* A reset may have come before. */
static void wake(Vm *vm)
{
    if (!is_asleep(vm))
        return;
    if (vm->state == RUN_RUNNING) /* that it sleeps was not told yet */
        suspend(vm);
    if (!begin_anew(vm, machine_wake, CAUSE_GUEST_RESET))
        return;
    vm_event(vm, "WAKEUP", NULL);
    if (vm_is_live(vm))
        run_anew(vm);
}

bool vm_has_suspend(const Vm *vm)
{
    const BoardSleep *s = vm->machine->board->sleep;
    return s && s->offered(vm->machine);
}

bool vm_wakeup(Vm *vm, GError **err)
{
    if (!vm_has_suspend(vm))
        return sys_fail(err, "wake-up from suspend is not supported by this guest");
    if (!is_asleep(vm))
        return sys_fail(err, "Unable to wake up: guest is not in suspended state");
    vm->machine->board->sleep->wake(vm->machine);
    return true;
}

void vm_powerdown(Vm *vm)
{
    const BoardClass *b = vm->machine->board;
    vm_event(vm, "POWERDOWN", NULL);
    if (b->power_button)
        b->power_button(vm->machine);
}

/* ---- what the guest asks for ---- */

static void event_of_panic(Vm *vm, const char *name, const char *action)
{
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "action", action);
    vm_event(vm, name, data);
}

/* -no-shutdown: the machine stands, and is not gone. */
static void panicked(Vm *vm)
{
    const SysPanic how = vm->opt->panic;
    const bool off = how == PANIC_SHUTDOWN || how == PANIC_EXIT_FAILURE;
    event_of_panic(vm, "GUEST_PANICKED", how == PANIC_NONE ? "run" : off ? "poweroff" : "pause");
    if (how != PANIC_NONE)
        vm_stop(vm, how == PANIC_EXIT_FAILURE ? RUN_SHUTDOWN : RUN_GUEST_PANICKED);
    if (off && !vm->opt->no_shutdown)
        vm_quit(vm, CAUSE_GUEST_PANIC, how == PANIC_EXIT_FAILURE);
}

static gboolean serve_request(void *opaque)
{
    Vm *vm = opaque;
    const uint64_t what = __atomic_exchange_n(&vm->requested, 0, __ATOMIC_ACQUIRE);
    if (!what || vm->quitting)
        return G_SOURCE_REMOVE;
    if (what & 1u << MACHINE_CRASH_LOADED)
        event_of_panic(vm, "GUEST_CRASHLOADED", "run");
    if (what & 1u << MACHINE_PANICKED)
        panicked(vm);
    if (vm->quitting || (what & 1u << MACHINE_PANICKED && !vm_is_live(vm)))
        return G_SOURCE_REMOVE;
    if (what & 1u << MACHINE_POWER_OFF) {
        vm->request_code = (int)(what >> 32);
        power_off(vm, vm->request_code);
        return G_SOURCE_REMOVE;
    }
    if (what & 1u << MACHINE_RESET) {
        vm_reset(vm, CAUSE_GUEST_RESET);
        return G_SOURCE_REMOVE;
    }
    if (what & 1u << MACHINE_SUSPEND)
        suspend(vm);
    if (what & 1u << MACHINE_WAKE)
        wake(vm);
    return G_SOURCE_REMOVE;
}

/* Notes a request, unless one was made before after which there is nothing more to ask for: cpus run on until
 * the main thread comes, and a guest may try one way to end after the other. */
static bool note_request(Vm *vm, MachineRequest what, int code)
{
    const uint64_t ends = 1u << MACHINE_POWER_OFF | 1u << MACHINE_RESET;
    const uint64_t wanted = 1u << what | (what == MACHINE_POWER_OFF ? (uint64_t)(uint32_t)code << 32 : 0);
    uint64_t had = __atomic_load_n(&vm->requested, __ATOMIC_RELAXED);
    do {
        if (had & ends)
            return false;
    } while (!__atomic_compare_exchange_n(&vm->requested, &had, had | wanted, true, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    return true;
}

void vm_request(void *opaque, MachineRequest what, int code)
{
    static const char *const names[] = {
        [MACHINE_POWER_OFF] = "power-off", [MACHINE_RESET] = "reset",
        [MACHINE_SUSPEND] = "suspend",     [MACHINE_WAKE] = "wake",
        [MACHINE_PANICKED] = "panicked",   [MACHINE_CRASH_LOADED] = "crash-loaded"};
    Vm *vm = opaque;
    if (!note_request(vm, what, code))
        return;
    trace_event(&vm->trace, TRACE_VM_REQUEST, "%s code %d", names[what], code);
    g_idle_add_full(G_PRIORITY_DEFAULT, serve_request, vm, NULL);
}

static gboolean stop_broken(void *opaque)
{
    Vm *vm = opaque;
    fprintf(stderr, "tinamou-system: the machine is stopped; 'system_reset' and 'cont' begin it anew\n");
    if (vm->state == RUN_RUNNING)
        vm_stop(vm, RUN_INTERNAL_ERROR);
    return G_SOURCE_REMOVE;
}

static void on_broken(void *opaque)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, stop_broken, opaque, NULL);
}

typedef struct IoError {
    Vm *vm;
    char *disk, *text;
    const char *action;
    bool write, nospace, stop;
} IoError;

static gboolean tell_error(void *opaque)
{
    IoError *e = opaque;
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "device", e->disk);
    json_object_set_string_member(data, "operation", e->write ? "write" : "read");
    json_object_set_string_member(data, "action", e->action);
    json_object_set_boolean_member(data, "nospace", e->nospace);
    json_object_set_string_member(data, "reason", e->text);
    vm_event(e->vm, "BLOCK_IO_ERROR", data);
    if (e->stop)
        fprintf(stderr, "tinamou-system: %s: %s; the machine is stopped, 'cont' tries again\n", e->disk,
                e->text);
    if (e->stop && e->vm->state == RUN_RUNNING)
        vm_stop(e->vm, RUN_IO_ERROR);
    g_free(e->disk);
    g_free(e->text);
    g_free(e);
    return G_SOURCE_REMOVE;
}

static void post_error(const IoError *e)
{
    IoError *copy = g_new(IoError, 1);
    *copy = *e;
    copy->disk = g_strdup(e->disk);
    copy->text = g_strdup(e->text);
    g_idle_add_full(G_PRIORITY_DEFAULT, tell_error, copy, NULL);
}

bool vm_io_error(Vm *vm, const char *disk, bool write, bool nospace, const char *text,
                 const bool *given_up)
{
    const IoError e = {.vm = vm,
                       .disk = (char *)(uintptr_t)disk,
                       .text = (char *)(uintptr_t)text,
                       .write = write,
                       .nospace = nospace,
                       .action = "stop",
                       .stop = true};
    unsigned resumed;
    if (!vcpus_may_wait(&vm->vcpus, &resumed))
        return false;
    post_error(&e);
    return vcpus_wait_resumed(&vm->vcpus, resumed, given_up);
}

void vm_io_report(Vm *vm, const char *disk, bool write, bool ignored, const char *text)
{
    const IoError e = {.vm = vm,
                       .disk = (char *)(uintptr_t)disk,
                       .text = (char *)(uintptr_t)text,
                       .write = write,
                       .action = ignored ? "ignore" : "report"};
    post_error(&e);
}

/* ---- life ---- */

void vm_init(Vm *vm, SysOptions *opt)
{
    *vm = (Vm){.opt = opt, .state = RUN_PRELAUNCH};
    vm->listeners = g_array_new(FALSE, FALSE, sizeof(VmListener));
    vm->loop = g_main_loop_new(NULL, FALSE);
    vm->inputs = inputs_new();
}

static gboolean on_events(gint fd, GIOCondition how, gpointer vm)
{
    accel_events(((Vm *)vm)->machine->accel);
    return G_SOURCE_CONTINUE;
}

void vm_follow_events(Vm *vm)
{
    const int fd = accel_events_fd(vm->machine->accel);
    vm->events = fd >= 0 ? g_unix_fd_add(fd, G_IO_IN, on_events, vm) : 0;
}

void vm_forget_events(Vm *vm)
{
    if (vm->events)
        g_source_remove(vm->events);
    vm->events = 0;
}

void vm_run(Vm *vm, bool paused)
{
    g_autoptr(GError) err = NULL;
    vm->migration = migration_new(vm);
    vm->jobs = jobs_new(vm);
    clock_stop(&vm->machine->clock, true);
    clock_thread_start(&vm->clock, &vm->machine->clock);
    vm->vcpus.broken = on_broken;
    vm->vcpus.broken_opaque = vm;
    vcpus_start(&vm->vcpus, vm->machine);
    vm_follow_events(vm);
    if (!migration_begin(vm, &paused, &err)) {
        fprintf(stderr, "tinamou-system: %s\n", err->message);
        vm_quit(vm, CAUSE_HOST_QUIT, 1);
    }
    if (!paused && !vm->quitting)
        vm_cont(vm);
    if (!vm->quitting)
        g_main_loop_run(vm->loop);
    migration_free(vm->migration);
    vm->migration = NULL;
    jobs_free(vm->jobs);
    vm_forget_events(vm);
    vcpus_end(&vm->vcpus);
    clock_thread_end(&vm->clock);
}

void vm_clear(Vm *vm)
{
    g_array_unref(vm->listeners);
    g_main_loop_unref(vm->loop);
    inputs_free(vm->inputs);
}
