/* What `info` shows. */
#include "hw/block/trays.h"
#include "system/media.h"
#include "system/monitor/hmp.h"
#include "system/sys_balloon.h"

#include <string.h>

static void info_status(Hmp *h, const char *args)
{
    RunState s = h->vm->state;
    bool plain = s == RUN_RUNNING || s == RUN_PAUSED;
    g_string_append_printf(h->out, "VM status: %s", s == RUN_RUNNING ? "running" : "paused");
    g_string_append_printf(h->out, plain ? "\n" : " (%s)\n", vm_state_names[s]);
}

static void info_version(Hmp *h, const char *args)
{
    g_string_append(h->out, TINAMOU_VERSION "\n");
}

static void info_name(Hmp *h, const char *args)
{
    if (h->vm->opt->name)
        g_string_append_printf(h->out, "%s\n", h->vm->opt->name);
}

static void info_uuid(Hmp *h, const char *args)
{
    const char *u = h->vm->opt->uuid;
    g_string_append_printf(h->out, "%s\n", *u ? u : "00000000-0000-0000-0000-000000000000");
}

static void info_kvm(Hmp *h, const char *args)
{
    const Engine *e = &h->vm->engine;
    g_string_append_printf(h->out, "kvm support: %s\n", e->kind == ENGINE_KVM ? "enabled" : "disabled");
    if (e->kind != ENGINE_KVM)
        g_string_append_printf(h->out, "accelerator %s: %s\n", engine_name(e), engine_reason(e));
}

static void info_trace_events(Hmp *h, const char *args)
{
    char *name;
    bool on;
    for (unsigned k = 0; trace_at(&h->vm->trace, k, &name, &on); k++) {
        g_string_append_printf(h->out, "%s: %s\n", name, on ? "on" : "off");
        g_free(name);
    }
}

static void info_cpus(Hmp *h, const char *args)
{
    const Vcpus *v = &h->vm->vcpus;
    for (unsigned k = 0; k < v->n; k++)
        g_string_append_printf(h->out, "%c CPU #%u: thread_id=%" PRIu64 "\n", k == h->cpu ? '*' : ' ', k,
                               v->vcpu[k].host_tid);
}

/* Text of the parts that know no GLib. */
typedef void PrintFn(const Machine *m, Fmt *f);

static void print_with(Hmp *h, PrintFn *fn)
{
    enum { ROOM = 1 << 20 };
    g_autofree char *text = g_malloc0(ROOM);
    Fmt f = {.buf = text, .cap = ROOM};
    fn(h->vm->machine, &f);
    g_string_append(h->out, text);
}

static void print_qtree(const Machine *m, Fmt *f)
{
    dev_print_tree(m->root, 0, f);
}
static void print_mtree(const Machine *m, Fmt *f)
{
    mem_map_print(&m->map, f);
}
static void info_qtree(Hmp *h, const char *args)
{
    print_with(h, print_qtree);
}
static void info_mtree(Hmp *h, const char *args)
{
    print_with(h, print_mtree);
}

static void print_registers(const Cpu *cpu, GString *out)
{
    const TargetOps *ops = cpu->ops;
    unsigned column = 0;
    for (unsigned k = 0; k < ops->n_regs; k++) {
        uint64_t v = 0;
        if (strcmp(ops->regs[k].name, "pc") == 0)
            continue;
        memcpy(&v, (const char *)cpu + ops->regs[k].offset, MIN(ops->regs[k].size, 8));
        g_string_append_printf(out, " %-8s %016" PRIx64 "%s", ops->regs[k].name, v, ++column % 4 ? "" : "\n");
    }
    g_string_append(out, column % 4 ? "\n" : "");
}

/* Of a stopped cpu; a running one is stopped for it. */
static void info_registers(Hmp *h, const char *args)
{
    Vm *vm = h->vm;
    bool all = strcmp(args, "-a") == 0;
    vm_hold(vm);
    for (unsigned c = 0; c < vm->machine->cfg.cpus; c++) {
        Cpu *cpu = vm->machine->cpu[c];
        if (!all && c != h->cpu)
            continue;
        accel_sync(cpu);
        g_string_append_printf(h->out, "\nCPU#%u\n pc       %016" PRIx64 "\n", c, cpu->pc);
        print_registers(cpu, h->out);
    }
    vm_release(vm);
}

static void one_chardev(void *opaque, Chardev *c)
{
    g_autofree char *what = chardev_describe(c);
    g_string_append_printf(opaque, "%s: filename=%s\n", chardev_id(c), what);
}

static void show_tray(Hmp *h, const Disk *d)
{
    Medium m;
    bool open, locked;
    if (!media_of(h->vm, d, &m))
        return;
    cd_look(m.drive, &open, &locked);
    g_string_append_printf(h->out, "    Removable device: %slocked, tray %s\n", locked ? "" : "not ",
                           open ? "open" : "closed");
}

static void info_block(Hmp *h, const char *args)
{
    const Disk *d;
    for (unsigned k = 0; (d = disks_at(h->vm->disks, k)); k++) {
        const BlockNode *n = d->below ? d->below : d->node;
        g_string_append_printf(h->out, "%s%s: ", k ? "\n" : "", disk_name(d));
        if (n)
            g_string_append_printf(h->out, "%s (%s%s%s)\n", n->path, n->kind->name,
                                   n->read_only && !d->below ? ", read-only" : "",
                                   d->below ? ", temporary changes" : "");
        else
            g_string_append(h->out, "[not inserted]\n");
        g_string_append_printf(h->out, "    Attached to:      %s\n", d->used ? disk_name(d) : "nothing");
        show_tray(h, d);
        g_string_append_printf(h->out, "    Cache mode:       %s\n",
                               d->writethrough ? "writethrough" : "writeback");
        for (const BlockNode *b = n ? n->backing : NULL; b; b = b->backing)
            g_string_append_printf(h->out, "    Backing file:     %s\n", b->path);
    }
}

static void info_blockstats(Hmp *h, const char *args)
{
    const Disk *d;
    for (unsigned k = 0; (d = disks_at(h->vm->disks, k)); k++)
        g_string_append_printf(h->out,
                               "%s: rd_bytes=%" PRIu64 " wr_bytes=%" PRIu64 " rd_operations=%" PRIu64
                               " wr_operations=%" PRIu64 " flush_operations=%" PRIu64 "\n",
                               disk_name(d), d->stats.read_bytes, d->stats.written_bytes, d->stats.reads,
                               d->stats.writes, d->stats.flushes);
}

static void info_chardev(Hmp *h, const char *args)
{
    chardevs_each(h->vm->chars, one_chardev, h->out);
}

static void info_balloon(Hmp *h, const char *args)
{
    if (sys_balloon(h->vm))
        g_string_append_printf(h->out, "balloon: actual=%" PRIu64 "\n", sys_balloon_bytes(h->vm) >> 20);
    else
        g_string_append(h->out, "Error: No balloon device has been activated\n");
}

const HmpRow hmp_info_rows[] = {
    {"balloon", "", "show balloon information", info_balloon},
    {"block", "", "show info of the block devices", info_block},
    {"blockstats", "", "show block device statistics", info_blockstats},
    {"snapshots", "", "show the currently saved VM snapshots", hmp_info_snapshots},
    {"migrate", "", "show migration status", hmp_info_migrate},
    {"chardev", "", "show the character devices", info_chardev},
    {"cpus", "", "show infos for each CPU", info_cpus},
    {"kvm", "", "show KVM information", info_kvm},
    {"mtree", "", "show memory tree", info_mtree},
    {"name", "", "show the current VM name", info_name},
    {"network", "", "show the network state", hmp_info_network},
    {"pci", "", "show PCI info", hmp_info_pci},
    {"vnc", "", "show the vnc server status", hmp_info_vnc},
    {"mice", "", "show which guest mouse is receiving events", hmp_info_mice},
    {"qtree", "", "show device tree", info_qtree},
    {"registers", "[-a]", "show the cpu registers (-a: of all CPUs)", info_registers},
    {"status", "", "show the current VM status (running|paused)", info_status},
    {"trace-events", "", "show available trace-events & their state", info_trace_events},
    {"uuid", "", "show the current VM UUID", info_uuid},
    {"version", "", "show the version", info_version},
};
const unsigned hmp_n_info_rows = G_N_ELEMENTS(hmp_info_rows);
