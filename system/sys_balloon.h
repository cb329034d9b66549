/*
 * SysBalloon: the machine's balloon as its owner sees it: how much memory the guest has, should have, says it
 * uses.
 *
 * A machine has one at most that counts, the first. Threads: the main thread, but for sys_balloon_changed().
 */
#ifndef SYSTEM_SYS_BALLOON_H
#define SYSTEM_SYS_BALLOON_H

#include "system/vm.h"

Device *sys_balloon(const Vm *vm);                    /* NULL: none */
Device *sys_balloon_need(const Vm *vm, GError **err); /* NULL: err */
/* With a balloon: what the guest has of its memory now. */
uint64_t sys_balloon_bytes(const Vm *vm);
bool sys_balloon_set(const Vm *vm, uint64_t bytes, GError **err); /* what it should have */
/* {"stats": .., "last-update": ..} */
JsonObject *sys_balloon_stats(const Vm *vm);
/* MachineRequests.changed of a balloon; by any thread. */
void sys_balloon_changed(void *vm, Device *d);

#endif
