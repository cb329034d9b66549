#include "system/sys_balloon.h"
#include "hw/virtio/virtio_balloon.h"
#include "system/sys_devices.h"

enum { PAGE_SHIFT = 12 };

Device *sys_balloon(const Vm *vm)
{
    const GPtrArray *all = vm->devices->list;
    for (unsigned k = 0; k < all->len; k++) {
        const MachineDevice *want = &((const SysDevice *)all->pdata[k])->want;
        Device *d = want->cls == &virtio_balloon_class ? dev_find(vm->machine->root, want->id) : NULL;
        if (d)
            return virtio_balloon_is(d) ? d : d->children;
    }
    return NULL;
}

Device *sys_balloon_need(const Vm *vm, GError **err)
{
    Device *b = sys_balloon(vm);
    if (!b)
        g_set_error_literal(err, SYS_ERROR, SYS_ERROR_NOT_ACTIVE, "No balloon device has been activated");
    return b;
}

uint64_t sys_balloon_bytes(const Vm *vm)
{
    const uint64_t all = vm->machine->cfg.ram_bytes;
    uint64_t lent = (uint64_t)virtio_balloon_has(sys_balloon(vm)) << PAGE_SHIFT;
    return all - MIN(lent, all);
}

bool sys_balloon_set(const Vm *vm, uint64_t bytes, GError **err)
{
    const uint64_t all = vm->machine->cfg.ram_bytes;
    Device *b = sys_balloon_need(vm, err);
    if (!b)
        return false;
    if (!bytes)
        return sys_fail(err, "Parameter 'target' expects a size");
    virtio_balloon_want(b, (uint32_t)((all - MIN(bytes, all)) >> PAGE_SHIFT));
    return true;
}

JsonObject *sys_balloon_stats(const Vm *vm)
{
    static const char *const names[BALLOON_STATS] = {
        "stat-swap-in",      "stat-swap-out",     "stat-major-faults",     "stat-minor-faults",
        "stat-free-memory",  "stat-total-memory", "stat-available-memory", "stat-disk-caches",
        "stat-htlb-pgalloc", "stat-htlb-pgfail"};
    BalloonStats s;
    JsonObject *o = json_object_new(), *stats = json_object_new();
    virtio_balloon_stats(sys_balloon(vm), &s);
    for (unsigned k = 0; k < BALLOON_STATS; k++)
        json_object_set_int_member(stats, names[k], (gint64)s.value[k]);
    json_object_set_object_member(o, "stats", stats);
    gint64 ago = s.at_ns ? (gint64)(clock_now(&vm->machine->clock) - s.at_ns) / 1000 : 0;
    json_object_set_int_member(o, "last-update", s.at_ns ? (g_get_real_time() - ago) / G_USEC_PER_SEC : 0);
    return o;
}

static gboolean tell(void *opaque)
{
    Vm *vm = opaque;
    if (!vm->quitting && sys_balloon(vm)) {
        JsonObject *data = json_object_new();
        json_object_set_int_member(data, "actual", (gint64)sys_balloon_bytes(vm));
        vm_event(vm, "BALLOON_CHANGE", data);
    }
    return G_SOURCE_REMOVE;
}

void sys_balloon_changed(void *vm, Device *d)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, tell, vm, NULL);
}
