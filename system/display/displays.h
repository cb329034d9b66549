/*
 * Displays: the pictures that a machine's adapters show. A head is the port of one adapter, named as its
 * device.
 *
 * Owned by the Vm; heads come and go with their devices. Threads: the main thread.
 */
#ifndef SYSTEM_DISPLAY_DISPLAYS_H
#define SYSTEM_DISPLAY_DISPLAYS_H

#include "hw/core/display.h"
#include "system/sys_error.h"

struct Vm;

typedef struct DisplayHead {
    DisplayPort port;
    char *id;
} DisplayHead;

DisplayHead *displays_add(struct Vm *vm, const char *id);
void displays_remove(struct Vm *vm, DisplayHead *h);
/* id: NULL for the first there is. NULL: err. */
DisplayHead *displays_find(const struct Vm *vm, const char *id, GError **err);

/* What a head shows now, as a file: "ppm" or "png". */
bool screendump(DisplayHead *h, const char *path, const char *format, GError **err);

#endif
