#include "hw/machine/boot_order.h"
#include "hw/machine/machine.h"
#include "hw/block/ata_bus.h"
#include "hw/core/dev_impl.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/pci_hot_plug.h"
#include "hw/pci/pcie_host.h"
#include "hw/scsi/scsi_device.h"
#include "hw/usb/usb.h"
#include "hw/virtio/virtio_scsi.h"
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

static char plain(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '_' ? '-' : c;
}

bool machine_is_driver(const char *a, const char *b)
{
    while (*a && plain(*a) == plain(*b))
        a++, b++;
    return plain(*a) == plain(*b);
}

/* If not, err names those that it has. */
static bool knows_prop(const Device *d, const char *name, DevError *err)
{
    char names[160] = "";
    Fmt f = FMT_ON(names);
    for (unsigned k = 0; k < d->cls->n_props; k++) {
        const DevProp *p = &d->cls->props[k];
        if (p->kind != PROP_PTR && strcmp(p->name, name) == 0)
            return true;
        if (p->kind != PROP_PTR)
            fmt_printf(&f, " %s", p->name);
    }
    return dev_fail(err, "%s has no property '%s'; it has%s", d->cls->name, name, *names ? names : " none");
}

bool machine_set_globals(Machine *m, Device *d, DevError *err)
{
    for (unsigned k = 0; k < m->cfg.n_globals; k++) {
        const MachineGlobal *g = &m->cfg.global[k];
        if (!machine_is_driver(g->driver, d->cls->name))
            continue;
        m->global_met[k] = true;
        if (!knows_prop(d, g->prop, err) || !dev_set(d, g->prop, g->value, err))
            return false;
    }
    return true;
}

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
    if (ok && want->rom.bytes)
        ok = pci_set_rom((PciFunction *)*ret_part, want->rom.bytes, want->rom.size, err);
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

/* ---- devices on buses of other devices ---- */

static bool is_bus_named(const Device *d, const char *name)
{
    const Device *owner = strcmp(d->id, "virtio-backend") == 0 ? d->parent : d;
    const size_t n = strlen(owner->id);
    return !*name || (strncmp(owner->id, name, n) == 0 && (!name[n] || strcmp(name + n, ".0") == 0));
}

/* Buses that are a device's own, which those on it are the children of. */
typedef struct ChildBus {
    const char *name;
    bool (*is)(const Device *d);
    void *(*link)(Device *d); /* what those on it get for their controller; NULL: the device */
} ChildBus;

static void *scsi_link(Device *d)
{
    return virtio_scsi_host(d);
}

static const ChildBus child_buses[] = {{"virtio-serial-bus", virtio_port_bus_is, NULL},
                                       {"usb-bus", usb_is_controller, NULL},
                                       {"SCSI", virtio_scsi_is, scsi_link}};

static const ChildBus *child_bus_of(const MachineDevice *want)
{
    for (unsigned k = 0; k < ARRAY_SIZE(child_buses); k++)
        if (strcmp(bus_of(want), child_buses[k].name) == 0)
            return &child_buses[k];
    return NULL;
}

/* The last controller below d that goes by this name ("": any). */
static Device *find_controller(Device *d, const ChildBus *bus, const char *name)
{
    Device *found = bus->is(d) && is_bus_named(d, name) ? d : NULL;
    for (Device *c = d->children; c; c = c->next) {
        Device *below = find_controller(c, bus, name);
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

/* A device, as a child of its controller. */
static Device *make_port(Machine *m, const ChildBus *kind, const MachineDevice *want, DevError *err)
{
    const char *bus = prop_of(want, "bus");
    Device *controller = find_controller(m->root, kind, bus);
    if (!controller) {
        if (*bus)
            dev_fail(err, "Bus '%s' not found", bus);
        else
            dev_fail(err, "No '%s' bus found for device '%s'", kind->name, want->cls->name);
        return NULL;
    }
    Device *d = dev_new(want->cls, controller, want->id);
    if (d && set_props(d, want->props, err) &&
        dev_set_ptr(d, "controller", kind->link ? kind->link(controller) : controller, err) &&
        (!want->link || dev_set_ptr(d, want->link, want->backend, err)) &&
        (!scsi_device_is(d) || dev_set_ptr(d, "requests", &m->cfg.requests, err)) &&
        dev_realize(d, &m->map, &m->clock, err))
        return d;
    dev_free(d);
    return NULL;
}

static bool note_port(Machine *m, const MachineDevice *want, const Device *d, DevError *err)
{
    if (usb_is_device(d))
        return boot_order_usb(m, want, (const PciFunction *)d->parent, ((const UsbDevice *)d)->number, err);
    return !scsi_device_is(d) || boot_order_scsi(m, want, (const ScsiDevice *)d, err);
}

static bool make_ports(Machine *m, DevError *err)
{
    for (unsigned k = 0; k < m->cfg.n_devices; k++) {
        const ChildBus *bus = child_bus_of(&m->cfg.device[k]);
        const Device *d = bus ? make_port(m, bus, &m->cfg.device[k], err) : NULL;
        if (bus && (!d || !note_port(m, &m->cfg.device[k], d, err)))
            return false;
    }
    return true;
}

/* ---- drives of IDE and SATA ---- */

/* The last part of "<controller>.<n>"; -1: it is not of this one. */
static int bus_of_controller(const Device *controller, const char *name)
{
    const size_t n = strlen(controller->id);
    if (strncmp(controller->id, name, n) != 0 || name[n] != '.' || name[n + 1] < '0' || name[n + 1] > '9' ||
        name[n + 2])
        return -1;
    return name[n + 1] - '0';
}

static bool has_room(const AtaBus *b, unsigned bus, uint32_t unit)
{
    for (unsigned k = 0; k < b->units && bus < b->buses; k++)
        if ((unit == UINT32_MAX || unit == k) && !b->at[bus * b->units + k])
            return true;
    return false;
}

/* The first controller below d whose bus that is, or, without a name, that has a bus with room. */
static AtaBus *find_ata(Device *d, const AtaDrive *drive, unsigned *ret_bus)
{
    AtaBus *b = ata_bus_of(d);
    const int named = b ? bus_of_controller(d, drive->bus) : -1;
    for (*ret_bus = 0; b && *ret_bus < b->buses; ++*ret_bus)
        if (drive->bus[0] ? (int)*ret_bus == named : has_room(b, *ret_bus, drive->unit))
            return b;
    for (Device *c = d->children; c; c = c->next)
        if ((b = find_ata(c, drive, ret_bus)))
            return b;
    return NULL;
}

static bool make_drive(Machine *m, const MachineDevice *want, DevError *err)
{
    Device *part;
    AtaBus *b = NULL;
    unsigned bus = 0, unit;
    AtaDrive *d = (AtaDrive *)make_device(m, want, &part, err);
    if (!d)
        return false;
    d->requests = &m->cfg.requests;
    for (Device *c = m->root->children; c && !b; c = c->next) /* the board's own ones first */
        if (c != m->named && c != m->unnamed)
            b = find_ata(c, d, &bus);
    b = b ? b : find_ata(m->root, d, &bus);
    if (!b)
        return dev_fail(err, d->bus[0] ? "Bus '%s' not found" : "No 'IDE' bus found for device '%s'",
                        d->bus[0] ? d->bus : want->cls->name);
    for (unit = 0; d->unit == UINT32_MAX && unit + 1 < b->units && !has_room(b, bus, unit);)
        unit++;
    return ata_bus_plug(b, bus, d->unit == UINT32_MAX ? unit : d->unit, &d->dev, err) &&
           boot_order_drive(m, want, (const PciFunction *)b->controller, bus, d->unit, err);
}

static bool make_drives(Machine *m, DevError *err)
{
    for (unsigned k = 0; k < m->cfg.n_devices; k++)
        if (strcmp(bus_of(&m->cfg.device[k]), "ide") == 0 && !make_drive(m, &m->cfg.device[k], err))
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
    const size_t n = strlen(m->pci->id);
    if (!f->bus_id[0] || (strncmp(f->bus_id, m->pci->id, n) == 0 && strcmp(f->bus_id + n, ".0") == 0))
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

enum { FUNCTIONS = 8, PCI_ROOT_PLACES = 256 };

Device *machine_insert(Machine *m, const MachineDevice *want, bool cold, DevError *err)
{
    Device *part = NULL, *port = NULL;
    if (child_bus_of(want)) {
        part = make_port(m, child_bus_of(want), want, err);
        if (part && scsi_device_is(part))
            dev_reset(part);
        return part;
    }
    if (strcmp(bus_of(want), "pci") != 0 || !m->pci) {
        dev_fail(err, "Device '%s' does not support hotplugging", want->cls->name);
        return NULL;
    }
    PciFunction *f = (PciFunction *)make_device(m, want, &part, err);
    bool ok = f && find_port(m, f, &port, err) &&
              ((port ? pcie_slot_is_hot(port) : m->hot_plug != NULL) ||
               dev_fail(err, "Bus '%s' does not support hotplugging", port ? port->id : "pcie.0")) &&
              pci_plug(m->pci, port, f, err);
    if (!ok) {
        dev_free(part);
        return NULL;
    }
    dev_reset(part);
    if (port && f->devfn == 0) /* the others of its slot were put there before */
        pcie_slot_filled(port, cold);
    else if (!port && f->devfn % FUNCTIONS == 0 && !cold)
        pci_hot_plug_filled(m->hot_plug, f->devfn / FUNCTIONS);
    return part;
}

/* The root port; NULL: it is behind none that things leave. */
static Device *port_of(const Machine *m, const Device *d)
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

/* Is it in a slot of the root bus which it may leave? */
static bool on_hot_bus(const Machine *m, const Device *d)
{
    for (unsigned k = 0; m->hot_plug && k < PCI_ROOT_PLACES; k++) {
        const PciFunction *f = pci_function_at(m->pci, NULL, k);
        if (f && &f->dev == d)
            return pci_hot_plug_slots(m->pci) >> k / FUNCTIONS & 1;
    }
    return false;
}

bool machine_ask_to_leave(Machine *m, Device *d, bool *ret_first)
{
    Device *port = port_of(m, d);
    if (port)
        *ret_first = pcie_slot_press(port);
    else if (on_hot_bus(m, d) && !ata_bus_of(d)) /* whose drives are not its children */
        *ret_first = pci_hot_plug_press(m->hot_plug, ((const PciFunction *)d)->devfn / FUNCTIONS);
    else
        return false;
    return true;
}

Device *machine_let_go(const Machine *m, Device *slot)
{
    if (slot == m->hot_plug)
        return pci_hot_plug_let_go(slot);
    PciFunction *f = pcie_slot_at(slot, 0);
    return f ? &f->dev : NULL;
}

bool machine_leaves_at_once(const Device *d)
{
    return virtio_port_is(d) || usb_is_device(d) || scsi_device_is(d);
}

void machine_remove(Machine *m, Device *d)
{
    if (machine_leaves_at_once(d)) {
        if (virtio_port_is(d))
            virtio_port_leave(d);
        if (scsi_device_is(d))
            scsi_device_leave(d);
        dev_free(d);
        return;
    }
    Device *port = port_of(m, d);
    const unsigned slot = ((const PciFunction *)d)->devfn / FUNCTIONS;
    bool empty = true;
    pci_unplug((PciFunction *)d);
    dev_free(d);
    if (port && !pcie_slot_at(port, 0))
        pcie_slot_emptied(port);
    for (unsigned k = 0; k < FUNCTIONS; k++)
        empty &= !pci_function_at(m->pci, NULL, slot * FUNCTIONS + k);
    if (!port && m->hot_plug && empty)
        pci_hot_plug_emptied(m->hot_plug, slot);
}

bool machine_fill_fw_cfg(Machine *m, Device *c, bool with_kernel, DevError *err)
{
    const MachineConfig *o = &m->cfg;
    fw_cfg_begin(c);
    bool ok = fw_cfg_add_number(c, FW_CFG_RAM_SIZE, o->ram_bytes, 8) &&
              fw_cfg_add_number(c, FW_CFG_NOGRAPHIC, 1, 2) && fw_cfg_add_number(c, FW_CFG_CPUS, o->cpus, 2) &&
              fw_cfg_add_number(c, FW_CFG_MAX_CPUS, o->cpus, 2) &&
              fw_cfg_add_number(c, FW_CFG_BOOT_MENU, o->boot_menu, 2) &&
              fw_cfg_add(c, FW_CFG_UUID, o->uuid, 16);
    if (ok && with_kernel && o->kernel.bytes)
        ok =
            fw_cfg_add_kernel(c, o->kernel.bytes, o->kernel.size, o->initrd.bytes, o->initrd.size, o->append);
    ok = ok && boot_order_publish(m, c);
    for (unsigned k = 0; ok && k < o->n_fw_files; k++)
        ok = fw_cfg_add_file(c, o->fw_file[k].name, o->fw_file[k].bytes, o->fw_file[k].size);
    return ok || dev_fail(err, "no room in the firmware's configuration");
}

bool machine_add_acpi(Device *c, const AcpiTables *t)
{
    enum { PAGE = 4096 };
    return fw_cfg_add_live(c, "etc/acpi/rsdp", t->rsdp.bytes, t->rsdp.n, t->rsdp.n) &&
           fw_cfg_add_live(c, "etc/acpi/tables", t->tables.bytes, t->tables.n, align_up(t->tables.n, PAGE)) &&
           fw_cfg_add_live(c, "etc/table-loader", t->loader.bytes, t->loader.n, t->loader.n);
}

bool machine_change_acpi(Device *c, const AcpiTables *t)
{
    return fw_cfg_change(c, "etc/acpi/rsdp", t->rsdp.bytes, t->rsdp.n) &&
           fw_cfg_change(c, "etc/acpi/tables", t->tables.bytes, t->tables.n) &&
           fw_cfg_change(c, "etc/table-loader", t->loader.bytes, t->loader.n);
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
        make_drives(m, err) &&
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
    const bool ok = m->board->load(m, err);
    m->booted = true;
    return ok;
}

bool machine_wake(Machine *m, DevError *err)
{
    m->board->sleep->waking(m, true);
    const bool ok = machine_reset(m, err);
    m->board->sleep->waking(m, false);
    return ok;
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
