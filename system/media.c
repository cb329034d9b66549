#include "system/media.h"

#include "hw/block/trays.h"
#include "system/sys_devices.h"

#include <string.h>

static SysDevice *device_of(const Vm *vm, const Disk *d)
{
    const GPtrArray *all = vm->devices->list;
    for (unsigned k = 0; k < all->len; k++) {
        SysDevice *at = all->pdata[k];
        if (at->disk == d)
            return at;
    }
    return NULL;
}

bool media_of(Vm *vm, const Disk *d, Medium *ret)
{
    const SysDevice *at = device_of(vm, d);
    Device *drive = at ? dev_find(vm->machine->root, at->want.id) : NULL;
    if (!drive || !cd_is(drive))
        return false;
    *ret = (Medium){(Disk *)(uintptr_t)d, drive, at->want.id, !at->want.unnamed};
    return true;
}

bool media_find(Vm *vm, const char *device, const char *id, Medium *ret, GError **err)
{
    const char *name = device ? device : id, *slash = id ? strrchr(id, '/') : NULL;
    Disk *d;
    if (!device == !id)
        return sys_fail(err, "Need exactly one of 'device' and 'id'");
    for (unsigned k = 0; (d = disks_at(vm->disks, k)); k++) {
        const SysDevice *at = device_of(vm, d);
        if (strcmp(device ? disk_name(d) : at ? at->want.id : "", slash ? slash + 1 : name) != 0)
            continue;
        return media_of(vm, d, ret) || sys_fail(err, "Device '%s' is not removable", name);
    }
    return sys_fail_missing(err, "Device '%s' not found", name);
}

/* ---- trays ---- */

static void tell_tray(Vm *vm, const Medium *m, bool open)
{
    if (m->disk->tray_told == open)
        return;
    m->disk->tray_told = open;
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "device", m->disk->id ? m->disk->id : "");
    json_object_set_string_member(data, "id", m->id);
    json_object_set_boolean_member(data, "tray-open", open);
    vm_event(vm, "DEVICE_TRAY_MOVED", data);
}

static bool is_open(const Medium *m)
{
    bool open, locked;
    cd_look(m->drive, &open, &locked);
    return open;
}

static void move_tray(Vm *vm, const Medium *m, bool open)
{
    if (is_open(m) == open)
        return;
    cd_tell(m->drive, open ? CD_OPEN : CD_CLOSE);
    if (!open && m->disk->node)
        cd_tell(m->drive, CD_CAME);
    tell_tray(vm, m, open);
}

bool media_open(Vm *vm, const Medium *m, bool force, GError **err)
{
    bool open, locked;
    cd_look(m->drive, &open, &locked);
    if (locked && !open)
        cd_tell(m->drive, CD_WISH);
    if (locked && !open && !force)
        return sys_fail(err,
                        "Device '%s' is locked and force was not specified, wait for tray to open and try "
                        "again",
                        m->id);
    move_tray(vm, m, true);
    return true;
}

void media_close(Vm *vm, const Medium *m)
{
    move_tray(vm, m, false);
}

/* ---- media ---- */

/* A thread that waits for 'cont' after an error has hold of the medium. */
static bool need_open(Vm *vm, const Medium *m, GError **err)
{
    if (vm->state == RUN_IO_ERROR || vcpus_any_waiting(&vm->vcpus))
        return sys_fail(err, "Device '%s': the machine has stopped because of an error", m->id);
    return is_open(m) || sys_fail(err, "Tray of device '%s' is not open", m->id);
}

/* node: NULL for none. What the drive has under way begins again with the other medium, and fails. */
static void put_medium(Vm *vm, const Medium *m, BlockNode *node)
{
    vm_hold(vm);
    cd_pause(m->drive);
    disk_set_medium(m->disk, node);
    cd_resume(m->drive);
    vm_release(vm);
    if (!node)
        cd_tell(m->drive, CD_LEFT);
}

bool media_remove(Vm *vm, const Medium *m, GError **err)
{
    if (!need_open(vm, m, err))
        return false;
    if (m->disk->node)
        put_medium(vm, m, NULL);
    return true;
}

bool media_insert(Vm *vm, const Medium *m, const char *node_name, GError **err)
{
    if (!need_open(vm, m, err))
        return false;
    if (m->disk->node)
        return sys_fail(err, "There already is a medium in device '%s'", m->id);
    BlockNode *n = disks_take_node(vm->disks, node_name, err);
    if (n)
        put_medium(vm, m, n);
    return n != NULL;
}

bool media_eject(Vm *vm, const Medium *m, bool force, GError **err)
{
    return media_open(vm, m, force, err) && media_remove(vm, m, err);
}

bool media_change(Vm *vm, const Medium *m, const char *path, const char *format, const char *mode, bool force,
                  GError **err)
{
    const BlockOpen how = {.read_only = !mode || strcmp(mode, "read-write") != 0, .format = format};
    BlockNode *n = block_open(path, &how, err);
    if (!n)
        return false;
    if (!media_eject(vm, m, force, err)) {
        block_close(n);
        return false;
    }
    put_medium(vm, m, n);
    media_close(vm, m);
    return true;
}

/* ---- the guest's doing ---- */

static gboolean tell_change(void *opaque)
{
    Vm *vm = opaque;
    Disk *d;
    Medium m;
    __atomic_store_n(&vm->tray_moved, 0, __ATOMIC_RELEASE);
    for (unsigned k = 0; !vm->quitting && (d = disks_at(vm->disks, k)); k++) {
        if (media_of(vm, d, &m))
            tell_tray(vm, &m, is_open(&m));
    }
    return G_SOURCE_REMOVE;
}

void media_changed(void *opaque, Device *drive)
{
    Vm *vm = opaque;
    if (!__atomic_exchange_n(&vm->tray_moved, 1, __ATOMIC_ACQ_REL)) /* a guest may do it all the time */
        g_idle_add_full(G_PRIORITY_DEFAULT, tell_change, vm, NULL);
}
