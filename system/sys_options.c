#include "system/sys_options.h"

#include <stdlib.h>
#include <string.h>

typedef struct OptionRow {
    const char *name, *value, *help; /* value: its name in the help, NULL: takes none */
    bool (*set)(SysOptions *o, const char *value, GError **err);
} OptionRow;

bool sys_fail(GError **err, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *text = g_strdup_vprintf(format, ap);
    va_end(ap);
    g_set_error_literal(err, SYS_ERROR, 0, text);
    g_free(text);
    return false;
}

static const BoardClass *const boards[] = {&riscv_virt_board, &arm_virt_board};

/* ---- key=value lists ---- */

typedef struct KeyRow {
    const char *key;
    bool (*set)(SysOptions *o, const char *value, GError **err);
} KeyRow;

/* Differences between two words, small ones: for "did you mean". */
static unsigned distance(const char *a, const char *b)
{
    size_t na = MIN(strlen(a), (size_t)31), nb = MIN(strlen(b), (size_t)31);
    unsigned row[32];
    for (size_t k = 0; k <= nb; k++)
        row[k] = (unsigned)k;
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= nb; k++) {
            unsigned up = row[k], best = diagonal + (a[i - 1] != b[k - 1]);
            best = MIN(best, MIN(up, row[k - 1]) + 1);
            diagonal = up;
            row[k] = best;
        }
    }
    return row[nb];
}

static bool set_keys(SysOptions *o, const char *what, const char *text, const KeyRow *rows, unsigned n,
                     GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    for (unsigned k = 0; parts[k]; k++) {
        char *value = strchr(parts[k], '=');
        if (value)
            *value++ = 0;
        const KeyRow *found = NULL, *nearest = &rows[0];
        for (unsigned r = 0; r < n; r++) {
            if (strcmp(rows[r].key, parts[k]) == 0 || (k == 0 && !value && r == 0))
                found = &rows[r];
            if (distance(rows[r].key, parts[k]) < distance(nearest->key, parts[k]))
                nearest = &rows[r];
            if (found)
                break;
        }
        if (!found)
            return sys_fail(err, "%s: no property '%s'; '%s' would be", what, parts[k], nearest->key);
        bool bare = !value && found == &rows[0];
        if (!found->set(o, g_intern_string(bare ? parts[k] : value ? value : "on"), err))
            return false;
    }
    return true;
}

/* ---- options ---- */

static bool set_board(SysOptions *o, const char *value, GError **err)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(boards); k++) {
        if (strcmp(boards[k]->name, value) == 0 && (!o->arch || strcmp(boards[k]->isa, o->arch) == 0)) {
            o->board = boards[k];
            return true;
        }
    }
    return sys_fail(err, "no machine '%s'; '%s' would be", value, boards[0]->name);
}
static bool set_arch(SysOptions *o, const char *value, GError **err) { o->arch = value; return true; }
static bool set_dump_dtb(SysOptions *o, const char *value, GError **err) { o->dump_dtb = value; return true; }
static bool set_accel_name(SysOptions *o, const char *value, GError **err)
{
    if (strcmp(value, "tcg") == 0 || strcmp(value, "dbt") == 0)
        o->interpreter = false;
    else if (strcmp(value, "interp") == 0)
        o->interpreter = true;
    else
        return sys_fail(err, "no accelerator '%s'; 'tcg' would be", value);
    return true;
}
static bool set_machine(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {{"type", set_board}, {"dumpdtb", set_dump_dtb}, {"accel", set_accel_name}};
    return set_keys(o, "-machine", value, keys, G_N_ELEMENTS(keys), err);
}
static bool set_tb_size(SysOptions *o, const char *value, GError **err)
{
    o->cache_bytes = (size_t)strtoull(value, NULL, 10) << 20;
    return true;
}
static bool set_accel(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {{"accel", set_accel_name}, {"tb-size", set_tb_size}};
    return set_keys(o, "-accel", value, keys, G_N_ELEMENTS(keys), err);
}

static bool set_memory_size(SysOptions *o, const char *value, GError **err)
{
    char *end;
    uint64_t n = strtoull(value, &end, 10);
    static const char units[] = "BKMGT";
    const char *unit = *end ? strchr(units, g_ascii_toupper(*end)) : "M"; /* MiB unless it says */
    unsigned shift = unit ? (unsigned)(*end ? unit - units : 2) * 10 : 0;
    if (end == value || !unit ||
        (*end && end[1] && strcmp(end + 1, "iB") != 0 && strcmp(end + 1, "B") != 0) || n == 0 ||
        n > (UINT64_MAX >> shift) || n << shift > 1ull << 40)
        return sys_fail(err, "-m: '%s' is no amount of memory", value);
    o->ram_bytes = n << shift;
    return true;
}
static bool set_memory(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {{"size", set_memory_size}};
    return set_keys(o, "-m", value, keys, G_N_ELEMENTS(keys), err);
}

static bool set_cpu_count(SysOptions *o, const char *value, GError **err)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    if (*end || n < 1 || n > MACHINE_MAX_CPUS)
        return sys_fail(err, "-smp: '%s': 1 to %u cpus are possible", value, (unsigned)MACHINE_MAX_CPUS);
    o->cpus = (unsigned)n;
    return true;
}
static bool set_smp(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {{"cpus", set_cpu_count}};
    return set_keys(o, "-smp", value, keys, G_N_ELEMENTS(keys), err);
}

static bool set_cpu(SysOptions *o, const char *value, GError **err)
{
    o->cpu_model = value;
    return true;
}
static bool set_bios(SysOptions *o, const char *value, GError **err) { o->firmware = value; return true; }
static bool set_kernel(SysOptions *o, const char *value, GError **err) { o->kernel = value; return true; }
static bool set_initrd(SysOptions *o, const char *value, GError **err) { o->initrd = value; return true; }
static bool set_append(SysOptions *o, const char *value, GError **err) { o->append = value; return true; }
static bool set_dtb(SysOptions *o, const char *value, GError **err) { o->dtb = value; return true; }
static bool set_nographic(SysOptions *o, const char *value, GError **err)
{
    o->console = CONSOLE_MUX;
    return true;
}
static bool set_no_reboot(SysOptions *o, const char *value, GError **err)
{
    o->no_reboot = true;
    return true;
}
static bool set_no_shutdown(SysOptions *o, const char *value, GError **err)
{
    o->no_shutdown = true;
    return true;
}
static bool set_display(SysOptions *o, const char *value, GError **err)
{
    return strcmp(value, "none") == 0 || sys_fail(err, "-display: no '%s'; 'none' would be", value);
}
static bool set_serial(SysOptions *o, const char *value, GError **err)
{
    if (strcmp(value, "mon:stdio") == 0 || strcmp(value, "stdio") == 0)
        o->console = CONSOLE_MUX;
    else if (strcmp(value, "none") == 0 || strcmp(value, "null") == 0)
        o->console = CONSOLE_NONE;
    else
        return sys_fail(err, "-serial: no '%s'; 'mon:stdio' would be", value);
    return true;
}
static bool set_name(SysOptions *o, const char *value, GError **err) { return true; }

static bool set_drive(SysOptions *o, const char *value, GError **err)
{
    if (o->n_drives == G_N_ELEMENTS(o->drive))
        return sys_fail(err, "-drive: more than %u", o->n_drives);
    o->drive[o->n_drives++] = value;
    return true;
}
static bool set_device(SysOptions *o, const char *value, GError **err)
{
    if (o->n_devices == G_N_ELEMENTS(o->device))
        return sys_fail(err, "-device: more than %u", o->n_devices);
    o->device[o->n_devices++] = value;
    return true;
}

static bool append_text(const char *what, const char **list, unsigned *n, const char *value, GError **err)
{
    if (*n == 16)
        return sys_fail(err, "%s: more than %u", what, *n);
    list[(*n)++] = value;
    return true;
}
static bool set_netdev(SysOptions *o, const char *value, GError **err)
{
    return append_text("-netdev", o->netdev, &o->n_netdevs, value, err);
}
static bool set_nic(SysOptions *o, const char *value, GError **err)
{
    return append_text("-nic", o->nic, &o->n_nics, value, err);
}
static bool set_object(SysOptions *o, const char *value, GError **err)
{
    return append_text("-object", o->object, &o->n_objects, value, err);
}

static bool set_log(SysOptions *o, const char *value, GError **err)
{
    static const struct { const char *name; uint32_t bit; } items[] = {
        {"in_asm", ACCEL_LOG_IN_ASM}, {"ir", ACCEL_LOG_IR}, {"out_asm", ACCEL_LOG_OUT_ASM},
        {"cpu", ACCEL_LOG_CPU},
        {"stats", ACCEL_LOG_STATS},
    };
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    for (unsigned k = 0; parts[k]; k++) {
        unsigned n = 0;
        while (n < G_N_ELEMENTS(items) && strcmp(items[n].name, parts[k]) != 0)
            n++;
        if (n == G_N_ELEMENTS(items))
            return sys_fail(err, "-d: no item '%s'; in_asm, ir, out_asm, cpu, stats are there", parts[k]);
        o->log |= items[n].bit;
    }
    return true;
}

static bool set_info(SysOptions *o, const char *value, GError **err)
{
    o->info_mtree |= strcmp(value, "mtree") == 0;
    o->info_qtree |= strcmp(value, "qtree") == 0;
    return o->info_mtree || o->info_qtree ||
           sys_fail(err, "-info: no '%s'; 'mtree' and 'qtree' are there", value);
}

static const OptionRow options[] = {
    {"machine", "NAME[,KEY=VALUE]", "board; dumpdtb=FILE writes its device tree and ends", set_machine},
    {"M", "NAME", "the same", set_machine},
    {"arch", "ISA", "riscv64, aarch64: whose board, where several have the name", set_arch},
    {"cpu", "MODEL", "cpu model", set_cpu},
    {"accel", "tcg|interp", "translator or interpreter; tb-size=MiB", set_accel},
    {"m", "SIZE", "memory, MiB unless it says", set_memory},
    {"smp", "N", "number of cpus", set_smp},
    {"bios", "FILE|default|none", "firmware", set_bios},
    {"kernel", "FILE", "what the firmware starts", set_kernel},
    {"initrd", "FILE", "initial file system", set_initrd},
    {"append", "TEXT", "command line of the kernel", set_append},
    {"dtb", "FILE", "device tree instead of the board's own", set_dtb},
    {"serial", "mon:stdio|none", "the first serial port", set_serial},
    {"nographic", NULL, "serial port on the terminal", set_nographic},
    {"display", "none", "no display is there", set_display},
    {"no-reboot", NULL, "end where the guest would reboot", set_no_reboot},
    {"no-shutdown", NULL, "stop, do not end, where the guest powers off", set_no_shutdown},
    {"drive", "file=F,id=I", "disk: if=none|virtio, format=raw, readonly=on", set_drive},
    {"device", "NAME[,KEY=VALUE]", "device; 'help' lists them, NAME,help its properties", set_device},
    {"netdev", "user,id=I[,..]", "network: restrict, hostfwd, guestfwd, tftp, bootfile, net, host, ..",
     set_netdev},
    {"nic", "user[,model=M,..]", "network and its card; 'none' is accepted", set_nic},
    {"object", "filter-dump,..", "netdev=I,file=F: what goes over a network, as pcap", set_object},
    {"name", "TEXT", "accepted", set_name},
    {"d", "ITEM,..", "log to standard error", set_log},
    {"info", "mtree|qtree", "print and end", set_info},
};

static const OptionRow *find_option(const char *name, GError **err)
{
    const OptionRow *nearest = &options[0];
    for (unsigned k = 0; k < G_N_ELEMENTS(options); k++) {
        if (strcmp(options[k].name, name) == 0)
            return &options[k];
        if (distance(options[k].name, name) < distance(nearest->name, name))
            nearest = &options[k];
    }
    sys_fail(err, "no option -%s; -%s would be", name, nearest->name);
    return NULL;
}

bool sys_options_parse(SysOptions *o, int argc, char **argv, GError **err)
{
    *o = (SysOptions){.cpus = 1};
    for (int k = 1; k < argc; k++) {
        const char *name = argv[k];
        if (name[0] != '-' || !name[1])
            return sys_fail(err, "'%s' is no option; disks are not there yet", name);
        name += name[1] == '-' ? 2 : 1;
        const OptionRow *row = find_option(name, err);
        if (!row)
            return false;
        if (row->value && k + 1 >= argc)
            return sys_fail(err, "-%s wants %s", name, row->value);
        if (!row->set(o, row->value ? argv[++k] : NULL, err))
            return false;
    }
    if (!o->board)
        return sys_fail(err, "which machine? -M %s would be", boards[0]->name);
    return true;
}

void sys_options_help(FILE *to)
{
    fprintf(to, "usage: tinamou-system -M MACHINE [options]\n");
    for (unsigned k = 0; k < G_N_ELEMENTS(options); k++) {
        g_autofree char *left =
            g_strdup_printf("-%s %s", options[k].name, options[k].value ? options[k].value : "");
        fprintf(to, "  %-32s %s\n", left, options[k].help);
    }
}
