/*
 * SysDevices: what -drive and -device ask for, as back ends and the machine's list of devices; and
 * device_add, device_del.
 *
 * Each device has a record of what it holds of the host (a disk, a network, objects, a chardev), which is
 * given back when it goes. Owned by main; the back ends live until sys_devices_close(). Threads: the main
 * thread, but for sys_devices_eject(). Errors name what was not understood.
 */
#ifndef SYSTEM_SYS_DEVICES_H
#define SYSTEM_SYS_DEVICES_H

#include "system/chardev/chardev.h"
#include "system/display/displays.h"
#include "system/display/inputs.h"
#include "system/net_options.h"
#include "system/vm.h"

/* One device of the user, and what it holds. */
typedef struct SysDevice {
    MachineDevice want; /* its texts are in `strings` */
    GPtrArray *strings;
    struct Disk *disk;
    NetBack *net;
    const char *object[2]; /* ids */
    unsigned n_objects;
    CharFront *front;
    DisplayHead *head;
    InputPort *input;
    GMappedFile *rom;
    Vm *vm;
} SysDevice;

typedef struct SysDevices {
    Vm *vm;
    const struct SysGlobals *globals; /* borrowed */
    GPtrArray *list; /* SysDevice */
    SysNet net;
    unsigned n_cards, n_made;
    EntropyPort entropy;
    MachineRequests requests; /* of devices that tell the user something */
} SysDevices;

/* Fills cfg->device. */
bool sys_devices_open(SysDevices *s, const SysOptions *o, MachineConfig *cfg, GError **err);
void sys_devices_close(SysDevices *s);

/* device_add, with the keys of -device. */
bool sys_devices_add(SysDevices *s, KeyVals *kv, GError **err);
/* device_del: by id, or path of the tree. The guest is asked; when it lets go, DEVICE_DELETED tells. */
bool sys_devices_remove(SysDevices *s, const char *id, GError **err);
/* The cable of a card, by its id or that of its network. */
bool sys_devices_set_link(SysDevices *s, const char *name, bool up, GError **err);
/* MachineRequests.eject; opaque: the Vm. By any thread, with the slot's lock held. */
void sys_devices_eject(void *vm, Device *slot);

/* Prints to stdout which devices there are, or the properties of one. False: there is no such (err). */
bool sys_device_help(const char *name, GError **err);
/* The record of one -device or device_add, which holds what it named. NULL: err. */
SysDevice *sys_device_parse(SysDevices *s, KeyVals *kv, GError **err);
/* was_there: the machine had it. */
void sys_device_free(SysDevice *d, bool was_there);

/* The n-th kind of device there is: its name and class, and that of what it is plugged in by (NULL: none).
 * False: there are fewer. */
bool sys_device_kind(unsigned n, const char **ret_name, const DevClass **ret_cls,
                     const DevClass **ret_transport);
/* The key that names its back end; NULL: it has none. */
const char *sys_device_backend_key(const DevClass *cls);

#endif
