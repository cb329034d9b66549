/*
 * A machine that changes its engine while it runs: between the translator and the interpreter any can.
 * Between these and KVM one whose cpu is the same on both sides: what CPUID says, extended state, the TSC's
 * rate; and whose board has nothing that KVM lacks (docs/adr/0043-engine-switch.md).
 *
 * Threads: the main thread. Errors: GError; what stands in the way is named before anything is stopped.
 */
#ifndef SYSTEM_ENGINE_SWITCH_H
#define SYSTEM_ENGINE_SWITCH_H

#include "system/vm.h"

/* What keeps it from changing between KVM and the translator; NULL: nothing. The caller frees it. */
char *engine_obstacle(Vm *vm);
bool engine_switch(Vm *vm, const char *name, GError **err);

#endif
