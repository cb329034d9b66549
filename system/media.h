/*
 * Media of CD-ROMs while the machine is there: trays that open and close, media that go and come (QMP eject,
 * blockdev-change-medium and the like).
 *
 * A drive is named by its -drive (device) or its -device (id, or its path in the tree). Threads: the main
 * thread, but for media_changed(). Errors are worded as management programs know them.
 */
#ifndef SYSTEM_MEDIA_H
#define SYSTEM_MEDIA_H

#include "system/disks.h"

typedef struct Medium {
    Disk *disk;
    Device *drive;
    const char *id; /* of the device, as it is named in errors */
    bool named;     /* by the user */
} Medium;

/* One of device and id. False: there is no such drive, or it has no media that go. */
bool media_find(Vm *vm, const char *device, const char *id, Medium *ret, GError **err);
/* The drive that the disk's medium is in; false: that stays. */
bool media_of(Vm *vm, const Disk *d, Medium *ret);
/* While the guest has locked it, only by force; else the guest is told of the wish. */
bool media_open(Vm *vm, const Medium *m, bool force, GError **err);
void media_close(Vm *vm, const Medium *m);
/* The tray is open. */
bool media_remove(Vm *vm, const Medium *m, GError **err);
bool media_insert(Vm *vm, const Medium *m, const char *node_name, GError **err);
bool media_eject(Vm *vm, const Medium *m, bool force, GError **err);
/* Another file; format: NULL for what it looks like; "read-only", "read-write" or "retain" (NULL). */
bool media_change(Vm *vm, const Medium *m, const char *path, const char *format, const char *mode, bool force,
                  GError **err);
/* MachineRequests.changed; opaque: the Vm. The guest has moved a tray. */
void media_changed(void *vm, Device *drive);

#endif
