#include "hw/machine/board.h"
#include "base/sys.h"
#include "hw/machine/boot_order.h"
#include "hw/virtio/virtio_mmio.h"

Device *board_put(Machine *m, const DevClass *cls, const char *id, DevError *err)
{
    Device *d = dev_new(cls, m->root, id);
    if (!d) {
        dev_fail(err, "no memory");
        return NULL;
    }
    return machine_set_globals(m, d, err) ? d : NULL;
}

bool board_set_number(Device *d, const char *name, uint64_t n, DevError *err)
{
    char text[24];
    Fmt f = FMT_ON(text);
    fmt_printf(&f, "%lu", (unsigned long)n);
    return dev_set(d, name, text, err);
}

bool board_configure_cpus(Machine *m, DevError *err)
{
    char one[48];
    size_t n;
    for (const char *p = m->cfg.cpu_props; p && *p; p += n + (p[n] == ',')) {
        n = strcspn(p, ",");
        char *value = n < sizeof(one) ? memchr(memcpy(one, p, n), '=', n) : NULL;
        if (!value)
            return dev_fail(err, "-cpu: '%.*s' is no property and its value", (int)MIN(n, sizeof(one)), p);
        one[n] = 0;
        *value++ = 0;
        for (unsigned k = 0; k < m->cfg.cpus; k++)
            if (!m->board->target->sys->configure(m->cpu[k], one, value))
                return dev_fail(err, "-cpu: no property '%s' that could be '%s'", one, value);
    }
    return true;
}

void board_yield(void *opaque)
{
    sys_call0(SYS_sched_yield);
}

void board_power_machine(void *opaque, CpuPower what)
{
    const Machine *m = opaque;
    const MachineRequests *r = &m->cfg.requests;
    r->request(r->opaque, what == CPU_POWER_OFF ? MACHINE_POWER_OFF : MACHINE_RESET, 0);
}

bool board_map(Machine *m, Device *d, unsigned region, uint64_t base, DevError *err)
{
    d->region[region].base = base;
    return mem_map_add(&m->map, &d->region[region]) || dev_fail(err, "too many regions of memory");
}

bool board_map_ports(Machine *m, Device *d, unsigned region, unsigned port, DevError *err)
{
    d->region[region].base = port;
    return mem_map_add(&m->ports, &d->region[region]) || dev_fail(err, "too many regions of ports");
}

bool board_place(Machine *m, Device *d, uint64_t base, DevError *err)
{
    return d && dev_realize(d, &m->map, &m->clock, err) && board_map(m, d, 0, base, err);
}

bool board_place_ports(Machine *m, Device *d, unsigned port, DevError *err)
{
    return d && dev_realize(d, &m->map, &m->clock, err) && board_map_ports(m, d, 0, port, err);
}

bool board_make_virtio(Machine *m, const BoardSlots *slots, DevError *err)
{
    unsigned at = 0;
    for (unsigned k = slots->count; k-- > 0;) {
        char id[24];
        Fmt f = FMT_ON(id);
        Device *plugged;
        if (!machine_next_device(m, "virtio", &at, &plugged, err))
            return false;
        fmt_printf(&f, "virtio-mmio.%u", k);
        Device *slot = board_put(m, &virtio_mmio_class, id, err);
        if (!slot || !dev_set_ptr(slot, "irq", (void *)(uintptr_t)&slots->irq[k], err) ||
            !dev_set_ptr(slot, "device", plugged, err) ||
            !board_place(m, slot, slots->base + k * slots->stride, err) ||
            (plugged && !boot_order_mmio(m, &m->cfg.device[at - 1], slots->base + k * slots->stride, err)))
            return false;
    }
    return !machine_has_device(m, "virtio", at) || dev_fail(err, "more than %u virtio devices", slots->count);
}
