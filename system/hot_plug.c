/* Devices that come and go while the machine is there (sys_devices.h). The tree and the buses change while
 * neither cpus nor timers run; what a device has in other threads ends with it. */
#include "hw/pci/pcie_host.h"
#include "hw/virtio/virtio_net.h"
#include "hw/virtio/virtio_serial.h"
#include "system/key_vals.h"
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
    bool help;
    SysDevice *d = sys_device_parse(s, kv, &help, err);
    if (!d)
        return help && sys_fail(err, "help about devices is printed by -device");
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

/* It is in no slot of the machine any more. */
static void take_out(SysDevices *s, SysDevice *d)
{
    char path[160];
    Fmt f = FMT_ON(path);
    Device *dev = device_of(s, d);
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
    if (virtio_port_is(dev)) {
        take_out(s, d);
        return true;
    }
    Device *slot = machine_slot_of(s->vm->machine, dev);
    if (!slot)
        return sys_fail(err, "Bus '%s' does not support hotplugging",
                        dev->cls->bus && strcmp(dev->cls->bus, "pci") == 0 ? "pcie.0" : "virtio-mmio-bus");
    return pcie_slot_press(slot) ||
           sys_fail(err, "Device %s is already in the process of unplug", d->want.id);
}

bool sys_devices_set_link(SysDevices *s, const char *name, bool up, GError **err)
{
    for (unsigned k = 0; k < s->list->len; k++) {
        const SysDevice *d = s->list->pdata[k];
        Device *dev = d->want.cls == &virtio_net_class ? device_of(s, d) : NULL;
        if (!dev || (strcmp(d->want.id, name) != 0 && (!d->net || strcmp(d->net->id, name) != 0)))
            continue;
        virtio_net_set_link(d->want.transport ? dev->children : dev, up);
        return true;
    }
    return sys_fail_missing(err, "Device '%s' not found", name);
}

/* ---- the guest has let go ---- */

typedef struct Ejection {
    SysDevices *all;
    Device *slot;
} Ejection;

static SysDevice *in_slot(const SysDevices *s, const Device *slot)
{
    const PciFunction *f = pcie_slot_at(slot, 0);
    for (unsigned k = 0; f && k < s->list->len; k++) {
        SysDevice *d = s->list->pdata[k];
        if (device_of(s, d) == &f->dev)
            return d;
    }
    return NULL;
}

static gboolean eject(void *opaque)
{
    Ejection *e = opaque;
    SysDevice *d;
    while (!e->all->vm->quitting && (d = in_slot(e->all, e->slot)))
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
