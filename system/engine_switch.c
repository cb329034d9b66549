#include "system/engine_switch.h"

#include "system/disks.h"

#include <string.h>

/* ---- what keeps a machine from changing between KVM and the translator ---- */

/* One row an item, the first that holds is named. *ret: what it is. */
static bool other_isa(Vm *vm, GString *ret)
{
    if (engine_probe(&vm->engine)->same_isa)
        return false;
    g_string_printf(ret, "KVM of this host runs no guests of %s", vm->machine->board->isa);
    return true;
}

static bool no_kvm(Vm *vm, GString *ret)
{
    const KvmProbe *p = engine_probe(&vm->engine);
    g_string_assign(ret, p->usable ? "" : p->why);
    return !p->usable;
}

/* What the board has that KVM has not. */
static bool board(Vm *vm, GString *ret)
{
    const BoardClass *b = vm->machine->board;
    const char *why = b->obstacle ? b->obstacle(vm->machine) : NULL;
    g_string_assign(ret, !b->controllers ? "this board's interrupt controllers do not move" : why ? why : "");
    return ret->len != 0;
}

/* CPUID, the layout of xsave and the TSC's rate. */
static bool cpu(Vm *vm, GString *ret)
{
    char text[600] = "";
    Fmt why = FMT_ON(text);
    for (unsigned k = 0; k < vm->machine->cfg.cpus; k++)
        if (!kvm_fits(&vm->engine.probe, vm->machine->cpu[k], &why)) {
            g_string_assign(ret, text);
            return true;
        }
    return false;
}

static bool has_obstacle(Vm *vm, GString *ret)
{
    static bool (*const items[])(Vm *, GString *) = {other_isa, no_kvm, board, cpu};
    for (unsigned k = 0; k < G_N_ELEMENTS(items); k++)
        if (items[k](vm, ret))
            return true;
    return false;
}

char *engine_obstacle(Vm *vm)
{
    GString *why = g_string_new(NULL);
    return g_string_free(why, !has_obstacle(vm, why));
}

/* ---- changing ---- */

static bool change_quietly(Vm *vm, EngineKind kind, GError **err)
{
    DevError why;
    bool lost = false;
    vm_forget_events(vm);
    bool ok = machine_change_engine(vm->machine, kind == ENGINE_KVM ? &accel_engine_kvm : NULL,
                                    kind != ENGINE_INTERP, &lost, &why);
    vm_follow_events(vm);
    if (ok)
        vm->engine.kind = kind;
    if (lost)
        vm_stop(vm, RUN_INTERNAL_ERROR);
    return ok || sys_fail(err, "%s%s", why.text, lost ? "; the machine is stopped" : "");
}

/* Whoever raises interrupts from other threads (timers, disks) keeps still, too. */
static bool change(Vm *vm, EngineKind kind, GError **err)
{
    const bool live = vm_is_live(vm);
    vm_hold(vm);
    if (live)
        vm_stand(vm, true);
    bool ok = disks_hold(vm->disks, err);
    if (ok) {
        clock_thread_pause(&vm->clock);
        ok = change_quietly(vm, kind, err);
        clock_thread_resume(&vm->clock);
        disks_release(vm->disks);
    }
    if (live && vm_is_live(vm))
        vm_stand(vm, false);
    vm_release(vm);
    return ok;
}

bool engine_switch(Vm *vm, const char *name, GError **err)
{
    static const char *const names[] = {
        [ENGINE_TCG] = "tcg", [ENGINE_INTERP] = "interp", [ENGINE_KVM] = "kvm"};
    unsigned kind = 0;
    while (kind < G_N_ELEMENTS(names) && strcmp(names[kind], name) != 0)
        kind++;
    if (kind == G_N_ELEMENTS(names))
        return sys_fail(err, "no accelerator '%s'; '%s' would be", name,
                        sys_nearest(name, names, G_N_ELEMENTS(names)));
    if (kind == vm->engine.kind)
        return true;
    if (vm->state == RUN_INMIGRATE || vm->state == RUN_FINISH_MIGRATE || vm->state == RUN_INTERNAL_ERROR)
        return sys_fail(err, "the machine is not here (%s)", vm_state_names[vm->state]);
    bool kvm = kind == ENGINE_KVM || vm->engine.kind == ENGINE_KVM;
    g_autofree char *obstacle = kvm ? engine_obstacle(vm) : NULL;
    return obstacle ? sys_fail(err, "the machine cannot change to '%s': %s", name, obstacle)
                    : change(vm, (EngineKind)kind, err);
}
