#include "hw/machine/machine.h"
#include "hw/core/dev_impl.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/pcie_host.h"
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
    if (m->board->target->nan == IR_NAN_ARM)
        cfg.no_opt |= ACCEL_NO_LAZY_NAN; /* nobody here has a handler for the host's SIGFPE */
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

/* A device of the configuration; it belongs to the tree, and is freed with it, also where this fails. */
static Device *make_device(Machine *m, const MachineDevice *want, DevError *err)
{
    Device *d = dev_new(want->cls, m->root, want->id);
    bool ok = d || dev_fail(err, "no memory");
    for (unsigned k = 0; ok && want->props[k]; k += 2)
        ok = dev_set(d, want->props[k], want->props[k + 1], err);
    ok = ok && (!want->link || dev_set_ptr(d, want->link, want->backend, err)) &&
         dev_realize(d, &m->map, &m->clock, err);
    return ok ? d : NULL;
}

bool machine_next_device(Machine *m, const char *bus, unsigned *at, Device **ret, DevError *err)
{
    *ret = NULL;
    for (; *at < m->cfg.n_devices; ++*at) {
        const MachineDevice *want = &m->cfg.device[*at];
        if (strcmp(bus_of(want), bus) != 0)
            continue;
        ++*at;
        *ret = make_device(m, want, err);
        return *ret != NULL;
    }
    return true;
}

/* The function through which a virtio device is on PCI. */
static Device *make_transport(Machine *m, const MachineDevice *want, Device *inner, DevError *err)
{
    char id[40];
    Fmt f = FMT_ON(id);
    fmt_printf(&f, "%s-pci", want->id);
    Device *d = dev_new(want->transport, m->root, id);
    bool ok = d || dev_fail(err, "no memory");
    for (unsigned k = 0; ok && want->transport_props[k]; k += 2)
        ok = dev_set(d, want->transport_props[k], want->transport_props[k + 1], err);
    return ok && dev_set_ptr(d, "device", inner, err) && dev_realize(d, &m->map, &m->clock, err) ? d : NULL;
}

bool machine_plug_pci(Machine *m, Device *host, DevError *err)
{
    for (unsigned k = 0; k < m->cfg.n_devices; k++) {
        const MachineDevice *want = &m->cfg.device[k];
        if (strcmp(bus_of(want), "pci") != 0)
            continue;
        Device *d = make_device(m, want, err);
        if (d && want->transport)
            d = make_transport(m, want, d, err);
        if (!d)
            return false;
        PciFunction *f = (PciFunction *)d;
        bool root = !f->bus_id[0] || strcmp(f->bus_id, "pcie.0") == 0;
        Device *port = root ? NULL : dev_find(m->root, f->bus_id);
        if (!root && (!port || port->cls != &pcie_root_port_class))
            return dev_fail(err, "%s: no bus '%s'", want->id, f->bus_id);
        if (!pci_plug(host, port, f, err))
            return false;
    }
    return true;
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
    return ok || dev_fail(err, "no room in the firmware's configuration");
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
    clock_init(&m->clock, clock_host_monotonic, cfg->rearm, cfg->rearm_opaque);
    m->root = dev_new(&root_class, NULL, "machine");
    bool ok = m->root && cfg->cpus >= 1 && cfg->cpus <= MACHINE_MAX_CPUS;
    if (!ok)
        dev_fail(err, "%u cpus: 1 to %u are possible", cfg->cpus, (unsigned)MACHINE_MAX_CPUS);
    if (ok && check_options(m, err) && make_cpus(m, err) && board->build(m, err) && map_ram(m, err) &&
        machine_reset(m, err))
        return m;
    machine_free(m);
    return NULL;
}

bool machine_reset(Machine *m, DevError *err)
{
    dev_reset(m->root);
    for (unsigned k = 0; k < m->cfg.cpus; k++)
        m->board->target->reset(m->cpu[k]);
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
    free(m->fdt);
    free(m);
}
