/*
 * SysConsoles: what -chardev, -serial, -monitor, -qmp, -mon and -nographic ask for, defaults included.
 *
 * Owned by main; closing puts the terminal back. Threads: the main thread.
 */
#ifndef SYSTEM_SYS_CONSOLES_H
#define SYSTEM_SYS_CONSOLES_H

#include "system/vm.h"

enum { SYS_MAX_SERIALS = 4 };

typedef struct SysConsoles {
    Vm *vm;
    CharFront serial[SYS_MAX_SERIALS];
    bool has_serial[SYS_MAX_SERIALS];
} SysConsoles;

/* Makes vm->chars and vm->monitors. */
bool sys_consoles_open(SysConsoles *s, Vm *vm, GError **err);
void sys_consoles_close(SysConsoles *s);
/* Of the n-th serial port; NULL: it is not connected. */
CharPort *sys_consoles_serial(SysConsoles *s, unsigned n);

#endif
