/*
 * Semihost: calls of a bare program to its host, by an instruction of the debugger's ("Semihosting for
 * AArch32 and AArch64", Arm 2024Q3; "RISC-V Semihosting" takes its calls from there): console, files, clock,
 * exit status.
 *
 * Off unless asked for: the guest then opens the host's files as the user himself would. Programs of the host
 * are not run for it (SYS_SYSTEM fails).
 * Ownership: main's, closed after the cpus' threads have ended. Threads: open and close by the main thread;
 * calls by those of the cpus.
 */
#ifndef SYSTEM_SEMIHOST_H
#define SYSTEM_SEMIHOST_H

#include "system/vm.h"

typedef struct Semihost Semihost;

/* After the machine is there, before it runs. *ret is NULL where semihosting is off. */
bool semihost_open(Vm *vm, Semihost **ret, GError **err);
void semihost_free(Semihost *s);

#endif
