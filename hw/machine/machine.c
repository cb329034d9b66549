#include "hw/machine/machine.h"
#include "hw/core/dev_impl.h"
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

bool machine_next_device(Machine *m, const char *bus, unsigned *at, Device **ret, DevError *err)
{
    *ret = NULL;
    for (; *at < m->cfg.n_devices; ++*at) {
        const MachineDevice *want = &m->cfg.device[*at];
        if (!want->cls->bus || strcmp(want->cls->bus, bus) != 0)
            continue;
        Device *d = dev_new(want->cls, m->root, want->id);
        bool ok = d || dev_fail(err, "no memory");
        for (unsigned k = 0; ok && want->props[k]; k += 2)
            ok = dev_set(d, want->props[k], want->props[k + 1], err);
        ok = ok && (!want->link || dev_set_ptr(d, want->link, want->backend, err)) &&
             dev_realize(d, &m->map, &m->clock, err);
        ++*at;
        *ret = ok ? d : NULL;
        return ok;
    }
    return true;
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
    if (ok && make_cpus(m, err) && board->build(m, err) && machine_reset(m, err))
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
