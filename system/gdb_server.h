/*
 * GdbServer: a machine as GDB sees it: each cpu a thread, registers by target description, system registers
 * included (debug/gdb_stub.h has the protocol).
 *
 * A debugger that connects stops the machine; one that leaves takes its breakpoints with it.
 * Ownership: the Vm's. Threads: the main thread; cpus' threads say when one of them stopped.
 */
#ifndef SYSTEM_GDB_SERVER_H
#define SYSTEM_GDB_SERVER_H

#include "system/vm.h"

/* device as of -serial; a number alone is a port. With the machine there, before it runs or while it does. */
GdbServer *gdb_server_new(Vm *vm, const char *device, GError **err);
void gdb_server_free(GdbServer *g);

#endif
