#include "hw/machine/boot_order.h"
#include "hw/machine/machine.h"
#include "hw/core/dev_impl.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/pcie_host.h"
#include "hw/virtio/virtio_serial.h"
#include "target/mem.h"

#include <stdlib.h>

typedef struct MachineRoot {
    Device dev;
    DEV_STATE_BEGIN
    DEV_STATE_END
} MachineRoot;

static const DevClass root_class =
    {.name = "machine", .help = "the machine itself", .size = sizeof(MachineRoot), .version = 1};

static bool make_cpus(Machine *m, DevError *err)
{
    char why[160] = "";
    AccelConfig cfg = m->cfg.accel;
    cfg.machine = &m->map;
    m->accel = accel_new(&cfg, m->board->target, why, sizeof(why));
    if (!m->accel)
        return dev_fail(err, "%s", why);
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        m->cpu[k] = accel_cpu_new(m->accel);
        if (!m->cpu[k])
            return dev_fail(err, "no memory for %u cpus", m->cfg.cpus);
        m->board->target->sys->board(m->cpu[k])->number = k;
    }
    if (m->cfg.cpus > 1)
        accel_ctx_set(m->accel, m->cpu[0], CTX_PARALLEL);
    return true;
}

static const char *bus_of(const MachineDevice *d)
{
    const DevClass *cls = d->transport ? d->transport : d->cls;
    return cls->bus ? cls->bus : "";
}

bool machine_has_device(const Machine *m, const char *bus, unsigned at)
{
    for (; at < m->cfg.n_devices; at++)
        if (strcmp(bus_of(&m->cfg.device[at]), bus) == 0)
            return true;
    return false;
}

/* ---- devices of the user ---- */

typedef struct Container {
    Device dev;
    DEV_STATE_BEGIN
    DEV_STATE_END
} Container;

static const DevClass container_class =
    {.name = "container", .help = "devices of the user", .size = sizeof(Container), .version = 1};

static bool set_props(Device *d, const char *const *props, DevError *err)
{
    for (; *props; props += 2)
        if (!dev_set(d, props[0], props[1], err))
            return false;
    return true;
}

/* A device of the configuration: the transport, where it has one, with the device as its child. It belongs to
 * the tree. NULL: it failed, and what there is of it is in *ret_part. */
static Device *make_device(Machine *m, const MachineDevice *want, Device **ret_part, DevError *err)
{
    Device *parent = want->unnamed ? m->unnamed : m->named, *outer = NULL, *d = NULL;
    if (want->transport)
        outer = dev_new(want->transport, parent, want->id);
    if (outer || !want->transport)
        d = dev_new(want->cls, outer ? outer : parent, outer ? "virtio-backend" : want->id);
    *ret_part = outer ? outer : d;
    bool ok = d || dev_fail(err, "no memory");
    ok = ok && set_props(d, want->props, err) &&
         (!want->link || dev_set_ptr(d, want->link, want->backend, err)) &&
         dev_realize(d, &m->map, &m->clock, err);
    if (ok && outer)
        ok = set_props(outer, want->transport_props, err) && dev_set_ptr(outer, "device", d, err) &&
             dev_realize(outer, &m->map, &m->clock, err);
    return ok ? *ret_part : NULL;
}

bool machine_next_device(Machine *m, const char *bus, unsigned *at, Device **ret, DevError *err)
{
    Device *part;
    *ret = NULL;
    for (; *at < m->cfg.n_devices; ++*at) {
        const MachineDevice *want = &m->cfg.device[*at];
        if (strcmp(bus_of(want), bus) != 0)
            continue;
        ++*at;
        *ret = make_device(m, want, &part, err);
        return *ret != NULL;
    }
    return true;
}

/* ---- ports of virtio-serial ---- */

static bool is_bus_named(const Device *d, const char *name)
{
    const Device *owner = strcmp(d->id, "virtio-backend") == 0 ? d->parent : d;
    const size_t n = strlen(owner->id);
    return !*name || (strncmp(owner->id, name, n) == 0 && (!name[n] || strcmp(name + n, ".0") == 0));
}

/* The last virtio-serial below d that goes by this name ("": any). */
static Device *find_serial(Device *d, const char *name)
{
    Device *found = virtio_port_bus_is(d) && is_bus_named(d, name) ? d : NULL;
    for (Device *c = d->children; c; c = c->next) {
        Device *below = find_serial(c, name);
        found = below ? below : found;
    }
    return found;
}

static const char *prop_of(const MachineDevice *want, const char *name)
{
    for (unsigned k = 0; want->props[k]; k += 2)
        if (strcmp(want->props[k], name) == 0)
            return want->props[k + 1];
    return "";
}

/* A port, as a child of its virtio-serial. */
static Device *make_port(Machine *m, const MachineDevice *want, DevError *err)
{
    const char *bus = prop_of(want, "bus");
    Device *controller = find_serial(m->root, bus);
    if (!controller) {
        if (*bus)
            dev_fail(err, "Bus '%s' not found", bus);
        else
            dev_fail(err, "No 'virtio-serial-bus' bus found for device '%s'", want->cls->name);
        return NULL;
    }
    Device *d = dev_new(want->cls, controller, want->id);
    if (d && set_props(d, want->props, err) && dev_set_ptr(d, "controller", controller, err) &&
        dev_set_ptr(d, "chardev", want->backend, err) && dev_realize(d, &m->map, &m->clock, err))
        return d;
    dev_free(d);
    return NULL;
}

static bool make_ports(Machine *m, DevError *err)
{
    for (unsigned k = 0; k < m->cfg.n_devices; k++)
        if (strcmp(bus_of(&m->cfg.device[k]), "virtio-serial-bus") == 0 &&
            !make_port(m, &m->cfg.device[k], err))
            return false;
    return true;
}

/* Did the board find a place for each? */
static bool check_devices(const Machine *m, DevError *err)
{
    for (unsigned k = 0; k < m->cfg.n_devices; k++) {
        const MachineDevice *want = &m->cfg.device[k];
        if (!dev_find(m->root, want->id))
            return dev_fail(err, "machine '%s' has no bus '%s' for device '%s'", m->board->name, bus_of(want),
                            want->cls->name);
    }
    return true;
}

/* ---- functions of PCI ---- */

/* *ret_port: NULL for the root bus. */
static bool find_port(const Machine *m, const PciFunction *f, Device **ret_port, DevError *err)
{
    *ret_port = NULL;
    if (!f->bus_id[0] || strcmp(f->bus_id, "pcie.0") == 0)
        return true;
    *ret_port = dev_find(m->root, f->bus_id);
    if (*ret_port && (*ret_port)->cls == &pcie_root_port_class)
        return true;
    return dev_fail(err, "Bus '%s' not found", f->bus_id);
}

bool machine_plug_pci(Machine *m, Device *host, DevError *err)
{
    Device *part, *port;
    m->pci = host;
    for (unsigned k = 0; k < m->cfg.n_devices; k++) {
        const MachineDevice *want = &m->cfg.device[k];
        if (strcmp(bus_of(want), "pci") != 0)
            continue;
        PciFunction *f = (PciFunction *)make_device(m, want, &part, err);
        if (!f || !find_port(m, f, &port, err) || !pci_plug(host, port, f, err) ||
            !boot_order_pci(m, want, f, err))
            return false;
    }
    return true;
}

/* ---- hot plug ---- */

Device *machine_insert(Machine *m, const MachineDevice *want, bool cold, DevError *err)
{
    Device *part = NULL, *port = NULL;
    if (strcmp(bus_of(want), "virtio-serial-bus") == 0)
        return make_port(m, want, err);
    if (strcmp(bus_of(want), "pci") != 0 || !m->pci) {
        dev_fail(err, "Device '%s' does not support hotplugging", want->cls->name);
        return NULL;
    }
    PciFunction *f = (PciFunction *)make_device(m, want, &part, err);
    bool ok = f && find_port(m, f, &port, err) &&
              ((port && pcie_slot_is_hot(port)) ||
               dev_fail(err, "Bus '%s' does not support hotplugging", port ? port->id : "pcie.0")) &&
              pci_plug(m->pci, port, f, err);
    if (!ok) {
        dev_free(part);
        return NULL;
    }
    dev_reset(part);
    if (f->devfn == 0) /* the others of its slot were put there before */
        pcie_slot_filled(port, cold);
    return part;
}

Device *machine_slot_of(const Machine *m, const Device *d)
{
    for (unsigned k = 0; k < 2; k++) {
        for (Device *port = (k ? m->unnamed : m->named)->children; port; port = port->next) {
            const PciFunction *f;
            for (unsigned n = 0; pcie_slot_is_hot(port) && (f = pcie_slot_at(port, n)); n++)
                if (&f->dev == d)
                    return port;
        }
    }
    return NULL;
}

void machine_remove(Machine *m, Device *d)
{
    if (virtio_port_is(d)) {
        virtio_port_leave(d);
        dev_free(d);
        return;
    }
    Device *port = machine_slot_of(m, d);
    pci_unplug((PciFunction *)d);
    dev_free(d);
    if (port && !pcie_slot_at(port, 0))
        pcie_slot_emptied(port);
}

bool machine_fill_fw_cfg(Machine *m, Device *c, bool with_kernel, DevError *err)
{
    const MachineConfig *o = &m->cfg;
    fw_cfg_begin(c);
    bool ok = fw_cfg_add_number(c, FW_CFG_RAM_SIZE, o->ram_bytes, 8) &&
              fw_cfg_add_number(c, FW_CFG_NOGRAPHIC, 1, 2) && fw_cfg_add_number(c, FW_CFG_CPUS, o->cpus, 2) &&
              fw_cfg_add_number(c, FW_CFG_MAX_CPUS, o->cpus, 2) &&
              fw_cfg_add_number(c, FW_CFG_BOOT_MENU, 0, 2);
    if (ok && with_kernel && o->kernel.bytes)
        ok =
            fw_cfg_add_kernel(c, o->kernel.bytes, o->kernel.size, o->initrd.bytes, o->initrd.size, o->append);
    ok = ok && boot_order_publish(m, c);
    return ok || dev_fail(err, "no room in the firmware's configuration");
}

bool machine_add_acpi(Device *c, const AcpiTables *t)
{
    return fw_cfg_add_file(c, "etc/acpi/rsdp", t->rsdp.bytes, t->rsdp.n) &&
           fw_cfg_add_file(c, "etc/acpi/tables", t->tables.bytes, t->tables.n) &&
           fw_cfg_add_file(c, "etc/table-loader", t->loader.bytes, t->loader.n);
}

/* ---- options of boards ---- */

const char *machine_option(const Machine *m, const char *name)
{
    for (unsigned k = m->cfg.n_options; k-- > 0;) /* the last one counts */
        if (strcmp(m->cfg.option[k].name, name) == 0)
            return m->cfg.option[k].value;
    return NULL;
}

bool machine_option_on(const Machine *m, const char *name, bool by_default)
{
    const char *value = machine_option(m, name);
    return value ? strcmp(value, "on") == 0 : by_default;
}

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = words; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, word, n) == 0 && (!at[n] || at[n] == '|'))
            return n != 0;
    }
    return false;
}

static bool check_options(const Machine *m, DevError *err)
{
    for (unsigned k = 0; k < m->cfg.n_options; k++) {
        const MachineOption *o = &m->cfg.option[k];
        const BoardOption *row = NULL;
        for (unsigned n = 0; n < m->board->n_options && !row; n++)
            if (strcmp(m->board->options[n].name, o->name) == 0)
                row = &m->board->options[n];
        if (!row)
            return dev_fail(err, "machine '%s' has no option '%s'", m->board->name, o->name);
        if (row->words && !has_word(row->words, o->value))
            return dev_fail(err, "%s=%s: %s", o->name, o->value, row->words);
    }
    return true;
}

static bool map_ram(Machine *m, DevError *err)
{
    const RamBlock *ram = NULL;
    for (unsigned k = 0; k < m->map.n_regions; k++) {
        const MemRegion *r = m->map.region[k];
        if (r->kind == MEM_RAM && r->ram && (!ram || r->ram->bytes > ram->bytes))
            ram = r->ram;
    }
    return !m->cfg.map_ram || !ram || m->cfg.map_ram(m->cfg.map_ram_opaque, ram->host, ram->bytes) ||
           dev_fail(err, "the memory that was asked for cannot be mapped");
}

Machine *machine_new(const BoardClass *board, const MachineConfig *cfg, DevError *err)
{
    Machine *m = calloc(1, sizeof(*m));
    if (!m) {
        dev_fail(err, "no memory");
        return NULL;
    }
    m->cfg = *cfg;
    m->board = board;
    mem_map_init(&m->map);
    mem_map_init(&m->ports);
    clock_init(&m->clock, clock_host_monotonic, cfg->rearm, cfg->rearm_opaque);
    m->root = dev_new(&root_class, NULL, "machine");
    m->named = m->root ? dev_new(&container_class, m->root, "peripheral") : NULL;
    m->unnamed = m->root ? dev_new(&container_class, m->root, "peripheral-anon") : NULL;
    bool ok = m->named && m->unnamed && cfg->cpus >= 1 && cfg->cpus <= MACHINE_MAX_CPUS;
    if (!ok)
        dev_fail(err, "%u cpus: 1 to %u are possible", cfg->cpus, (unsigned)MACHINE_MAX_CPUS);
    if (ok && check_options(m, err) && make_cpus(m, err) && board->build(m, err) && make_ports(m, err) &&
        check_devices(m, err) && map_ram(m, err) &&
        machine_reset(m, err))
        return m;
    machine_free(m);
    return NULL;
}

bool machine_reset(Machine *m, DevError *err)
{
    dev_reset(m->root);
    for (unsigned k = 0; k < m->cfg.cpus; k++)
        accel_cpu_reset(m->cpu[k]);
    return m->board->load(m, err);
}

void machine_free(Machine *m)
{
    if (!m)
        return;
    dev_free(m->root);
    accel_free(m->accel);
    if (m->board->clear)
        m->board->clear(m);
    mem_map_clear(&m->map);
    mem_map_clear(&m->ports);
    free(m->fdt);
    free(m);
}
