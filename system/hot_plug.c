/* Devices that come and go while the machine is there (sys_devices.h). The tree and the buses change while
 * neither cpus nor timers run; what a device has in other threads ends with it. */
#include "hw/net/e1000.h"
#include "hw/virtio/virtio_net.h"
#include "hw/virtio/virtio_serial.h"
#include "system/key_vals.h"
#include "system/migrate/migrate.h"
#include "system/sys_devices.h"

#include <string.h>

static void hold(Vm *vm)
{
    vm_hold(vm);
    clock_thread_pause(&vm->clock);
}

static void release(Vm *vm)
{
    clock_thread_resume(&vm->clock);
    vm_release(vm);
}

bool sys_devices_add(SysDevices *s, KeyVals *kv, GError **err)
{
    DevError why;
    SysDevice *d = sys_device_parse(s, kv, err);
    if (!d)
        return false;
    if (migrate_is_active(s->vm)) {
        sys_device_free(d, false);
        return sys_fail(err, "device_add: the machine is being migrated");
    }
    hold(s->vm);
    bool ok = machine_insert(s->vm->machine, &d->want, s->vm->state == RUN_PRELAUNCH, &why) != NULL;
    release(s->vm);
    if (ok) {
        g_ptr_array_add(s->list, d);
        return true;
    }
    sys_device_free(d, false);
    return sys_fail(err, "%s", why.text);
}

/* By id, or by path. */
static SysDevice *find(const SysDevices *s, const char *name)
{
    const char *slash = strrchr(name, '/'), *id = name[0] == '/' && slash ? slash + 1 : name;
    for (unsigned k = 0; k < s->list->len; k++) {
        SysDevice *d = s->list->pdata[k];
        if (strcmp(d->want.id, id) == 0)
            return d;
    }
    return NULL;
}

static Device *device_of(const SysDevices *s, const SysDevice *d)
{
    const Machine *m = s->vm->machine;
    return dev_find(m->root, d->want.id);
}

/* A port of virtio-serial has the part behind its transport in between. */
static bool is_plugged_into(const Device *d, const Device *owner)
{
    return d && machine_leaves_at_once(d) && (d->parent == owner || d->parent->parent == owner);
}

/* It is in no slot of the machine any more. What is plugged into it goes before. */
static void take_out(SysDevices *s, SysDevice *d)
{
    char path[160];
    Fmt f = FMT_ON(path);
    Device *dev = device_of(s, d);
    for (unsigned k = s->list->len; k-- > 0;)
        if (is_plugged_into(device_of(s, s->list->pdata[k]), dev))
            take_out(s, s->list->pdata[k]);
    dev_path(dev, &f);
    hold(s->vm);
    machine_remove(s->vm->machine, dev);
    release(s->vm);
    JsonObject *data = json_object_new();
    if (!d->want.unnamed)
        json_object_set_string_member(data, "device", d->want.id);
    json_object_set_string_member(data, "path", path);
    g_ptr_array_remove(s->list, d);
    sys_device_free(d, true);
    vm_event(s->vm, "DEVICE_DELETED", data);
}

bool sys_devices_remove(SysDevices *s, const char *id, GError **err)
{
    SysDevice *d = find(s, id);
    Device *dev = d ? device_of(s, d) : NULL;
    if (!dev)
        return sys_fail_missing(err, "Device '%s' not found", id);
    if (migrate_is_active(s->vm))
        return sys_fail(err, "device_del: the machine is being migrated");
    if (machine_leaves_at_once(dev) && !virtio_port_is(dev) &&
        vcpus_any_waiting(&s->vm->vcpus)) /* it may be what its disk's thread does */
        return sys_fail(err, "Device '%s': a disk has an error, and waits for 'cont'", id);
    if (machine_leaves_at_once(dev)) {
        take_out(s, d);
        return true;
    }
    bool first;
    if (!machine_ask_to_leave(s->vm->machine, dev, &first))
        return sys_fail(err, "Bus '%s' does not support hotplugging",
                        dev->cls->bus && strcmp(dev->cls->bus, "pci") == 0 ? "pcie.0" : "virtio-mmio-bus");
    return first ||
           sys_fail(err, "Device %s is already in the process of unplug", d->want.id);
}

bool sys_devices_set_link(SysDevices *s, const char *name, bool up, GError **err)
{
    for (unsigned k = 0; k < s->list->len; k++) {
        const SysDevice *d = s->list->pdata[k];
        const bool virtio = d->want.cls == &virtio_net_class;
        Device *dev = virtio || d->net ? device_of(s, d) : NULL;
        if (!dev || (strcmp(d->want.id, name) != 0 && (!d->net || strcmp(d->net->id, name) != 0)))
            continue;
        if (!virtio && !e1000_is(dev))
            continue;
        if (virtio)
            virtio_net_set_link(d->want.transport ? dev->children : dev, up);
        else
            e1000_set_link(dev, up);
        return true;
    }
    return sys_fail_missing(err, "Device '%s' not found", name);
}

/* ---- the guest has let go ---- */

typedef struct Ejection {
    SysDevices *all;
    Device *slot;
} Ejection;

static SysDevice *let_go(const SysDevices *s, Device *slot)
{
    const Device *dev = machine_let_go(s->vm->machine, slot);
    for (unsigned k = 0; dev && k < s->list->len; k++) {
        SysDevice *d = s->list->pdata[k];
        if (device_of(s, d) == dev)
            return d;
    }
    return NULL;
}

static gboolean eject(void *opaque)
{
    enum { MOMENT_MS = 100 };
    Ejection *e = opaque;
    SysDevice *d;
    const Vm *vm = e->all->vm;
    if (!vm->quitting && migrate_is_active(vm)) { /* whose thread reads its memory */
        g_timeout_add(MOMENT_MS, eject, e);
        return G_SOURCE_REMOVE;
    }
    while (!vm->quitting && (d = let_go(e->all, e->slot)))
        take_out(e->all, d);
    g_free(e);
    return G_SOURCE_REMOVE;
}

void sys_devices_eject(void *opaque, Device *slot)
{
    Vm *vm = opaque;
    Ejection *e = g_new0(Ejection, 1);
    *e = (Ejection){.all = vm->devices, .slot = slot};
    g_idle_add_full(G_PRIORITY_DEFAULT, eject, e, NULL);
}
