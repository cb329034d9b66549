/* Commands of the monitor for people. */
#include "system/gdb_server.h"
#include "system/media.h"
#include "system/monitor/hmp.h"
#include "system/sys_balloon.h"
#include "system/sys_devices.h"

#include <stdlib.h>
#include <string.h>

static void cmd_stop(Hmp *h, const char *args)
{
    if (vm_is_live(h->vm))
        vm_stop(h->vm, RUN_PAUSED);
}

static void cmd_cont(Hmp *h, const char *args)
{
    if (!vm_cont(h->vm))
        g_string_append(h->out, "Error: Resetting the Virtual Machine is required\n");
}

static void cmd_reset(Hmp *h, const char *args)
{
    vm_reset(h->vm, CAUSE_HOST_SYSTEM_RESET);
}
static void cmd_powerdown(Hmp *h, const char *args)
{
    vm_powerdown(h->vm);
}
static void cmd_wakeup(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    if (!vm_wakeup(h->vm, &err))
        g_string_append_printf(h->out, "Error: %s\n", err->message);
}
static void cmd_quit(Hmp *h, const char *args)
{
    vm_quit(h->vm, CAUSE_HOST_QUIT, 0);
}

static void cmd_cpu(Hmp *h, const char *args)
{
    char *end;
    unsigned long n = strtoul(args, &end, 10);
    if (end == args || *end || n >= h->vm->machine->cfg.cpus)
        g_string_append(h->out, "Error: invalid CPU index\n");
    else
        h->cpu = (unsigned)n;
}

static void cmd_nmi(Hmp *h, const char *args)
{
    g_string_append_printf(h->out, "Error: machine '%s' does not provide NMIs\n",
                           h->vm->machine->board->name);
}

static void cmd_eject(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    const bool force = g_str_has_prefix(args, "-f ");
    Medium m;
    if (!media_find(h->vm, force ? args + 3 : args, NULL, &m, &err) || !media_eject(h->vm, &m, force, &err))
        g_string_append_printf(h->out, "Error: %s\n", err->message);
}

static void cmd_change(Hmp *h, const char *args)
{
    enum { DEVICE, FILE_NAME, FORMAT, MODE, WORDS };
    g_autoptr(GError) err = NULL;
    g_auto(GStrv) word = g_strsplit(args, " ", WORDS);
    const unsigned n = g_strv_length(word);
    Medium m;
    if (n < FORMAT)
        g_string_append(h->out, "Error: change: which device, and which file?\n");
    else if (!media_find(h->vm, word[DEVICE], NULL, &m, &err) ||
             !media_change(h->vm, &m, word[FILE_NAME], n > FORMAT ? word[FORMAT] : NULL,
                           n > MODE ? word[MODE] : NULL, false, &err))
        g_string_append_printf(h->out, "Error: %s\n", err->message);
}

static void cmd_ringbuf_read(Hmp *h, const char *args)
{
    g_auto(GStrv) word = g_strsplit(args, " ", 2);
    g_autoptr(GByteArray) got = g_byte_array_new();
    Chardev *c = word[0] ? chardev_find(h->vm->chars, word[0]) : NULL;
    if (!c || !chardev_ring_read(c, word[1] ? strtoul(word[1], NULL, 0) : SIZE_MAX, got)) {
        g_string_append_printf(h->out, "Error: no ring buffer '%s'\n", word[0] ? word[0] : "");
        return;
    }
    g_string_append_len(h->out, (const char *)got->data, got->len);
    g_string_append_c(h->out, '\n');
}

static void cmd_chardev_add(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(KeyVals) kv = key_vals_parse("chardev-add", args, "backend", &err);
    if (!kv || !chardev_add(h->vm->chars, kv, &err))
        g_string_append_printf(h->out, "Error: %s\n", err->message);
}

static void cmd_chardev_remove(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    Chardev *c = chardev_find(h->vm->chars, args);
    if (!c)
        g_string_append_printf(h->out, "Error: Chardev '%s' not found\n", args);
    else if (!chardev_remove(h->vm->chars, c, &err))
        g_string_append_printf(h->out, "Error: %s\n", err->message);
}

/* ---- devices ---- */

/* err is looked at after `ok` was found out, whatever the order of arguments. */
void hmp_tell_error(Hmp *h, bool ok, GError **err)
{
    if (!ok)
        g_string_append_printf(h->out, "Error: %s\n", (*err)->message);
}

static void cmd_device_add(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(KeyVals) kv = key_vals_parse("device_add", args, "driver", &err);
    hmp_tell_error(h, kv && sys_devices_add(h->vm->devices, kv, &err), &err);
}

static void cmd_device_del(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    hmp_tell_error(h, sys_devices_remove(h->vm->devices, args, &err), &err);
}

static void cmd_netdev_add(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    hmp_tell_error(h, sys_net_add_netdev(&h->vm->devices->net, args, &err), &err);
}

static void cmd_netdev_del(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    hmp_tell_error(h, sys_net_remove(&h->vm->devices->net, args, &err), &err);
}

static void cmd_set_link(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    g_auto(GStrv) word = g_strsplit(args, " ", 2);
    const bool on = word[0] && word[1] && strcmp(word[1], "on") == 0;
    if (!word[0] || !word[1] || (!on && strcmp(word[1], "off") != 0))
        g_string_append(h->out, "Error: set_link NAME on|off\n");
    else
        hmp_tell_error(h, sys_devices_set_link(h->vm->devices, word[0], on, &err), &err);
}

/* In MiB, unless it says. */
static void cmd_balloon(Hmp *h, const char *args)
{
    const size_t n = strlen(args);
    g_autofree char *text = g_strconcat(args, n && g_ascii_isalpha(args[n - 1]) ? "" : "M", NULL);
    g_autoptr(GError) err = NULL;
    uint64_t bytes = 0;
    const bool ok = n && parse_size(text, &bytes) ? sys_balloon_set(h->vm, bytes, &err)
                                                  : sys_fail(&err, "balloon: '%s' is no size", args);
    hmp_tell_error(h, ok, &err);
}

static void cmd_commit(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    if (!disks_commit(h->vm->disks, args, &err))
        g_string_append_printf(h->out, "Error: %s\n", err->message);
}

static void cmd_gdbserver(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    gdb_server_free(h->vm->gdb);
    h->vm->gdb = NULL;
    if (strcmp(args, "none") == 0) {
        g_string_append(h->out, "Disabled gdbserver\n");
        return;
    }
    Chardev *old = chardev_find(h->vm->chars, "gdb");
    if (old)
        chardev_remove(h->vm->chars, old, NULL);
    h->vm->gdb = gdb_server_new(h->vm, *args ? args : "tcp::1234", &err);
    if (h->vm->gdb)
        g_string_append_printf(h->out, "Waiting for gdb connection on device '%s'\n",
                               *args ? args : "tcp::1234");
    else
        g_string_append_printf(h->out, "Could not open gdbserver: %s\n", err->message);
}

static void cmd_trace_event(Hmp *h, const char *args)
{
    g_auto(GStrv) word = g_strsplit(args, " ", 2);
    bool on = word[0] && word[1] && strcmp(word[1], "on") == 0;
    if (!word[0] || !word[1] || (!on && strcmp(word[1], "off") != 0))
        g_string_append(h->out, "Error: trace-event NAME on|off\n");
    else if (!trace_set(&h->vm->trace, word[0], on))
        g_string_append_printf(h->out, "Error: no event '%s'\n", word[0]);
}

static void cmd_help(Hmp *h, const char *args);

static const HmpRow rows[] = {
    {"help|?", "[cmd]", "show the help", cmd_help},
    {"info", "[subcommand]", "show various information about the system state", hmp_info},
    {"quit|q", "", "quit the emulator", cmd_quit},
    {"stop|s", "", "stop emulation", cmd_stop},
    {"cont|c", "", "resume emulation", cmd_cont},
    {"system_reset", "", "reset the system", cmd_reset},
    {"system_powerdown", "", "send system power down event", cmd_powerdown},
    {"system_wakeup", "", "wakeup guest from suspend", cmd_wakeup},
    {"cpu", "index", "set the default CPU", cmd_cpu},
    {"trace-event", "name on|off", "change the status of trace events", cmd_trace_event},
    {"x", "/fmt addr", "virtual memory dump starting at 'addr'", hmp_examine},
    {"xp", "/fmt addr", "physical memory dump starting at 'addr'", hmp_examine_physical},
    {"print|p", "/fmt expr", "print expression value (use $reg for CPU register access)", hmp_print},
    {"device_add", "driver[,prop=value][,...]", "add device, like -device on the command line",
     cmd_device_add},
    {"device_del", "device", "remove device", cmd_device_del},
    {"netdev_add", "[user|tap|socket|stream|dgram],id=str[,prop=value][,...]", "add host network device",
     cmd_netdev_add},
    {"netdev_del", "id", "remove host network device", cmd_netdev_del},
    {"set_link", "name on|off", "change the link status of a network adapter", cmd_set_link},
    {"balloon", "target", "request VM to change its memory allocation (in MB)", cmd_balloon},
    {"eject", "[-f] device", "eject a removable medium (use -f to force it)", cmd_eject},
    {"change", "device filename [format [read-only-mode]]", "change a removable medium", cmd_change},
    {"commit", "device|all", "commit changes to the disk images (if -snapshot is used)", cmd_commit},
    {"savevm", "tag", "save a VM snapshot", hmp_savevm},
    {"loadvm", "tag", "restore a VM snapshot from its tag", hmp_loadvm},
    {"delvm", "tag", "delete a VM snapshot from its tag", hmp_delvm},
    {"accel", "kvm|tcg|interp", "change the accelerator of the running machine", hmp_accel},
    {"migrate", "[-d] uri", "migrate to URI", hmp_migrate},
    {"migrate_cancel", "", "cancel the current VM migration", hmp_migrate_cancel},
    {"migrate_incoming", "uri", "continue an incoming migration from an -incoming defer",
     hmp_migrate_incoming},
    {"migrate_set_parameter", "parameter value", "set the parameter for migration", hmp_migrate_parameter},
    {"gdbserver", "[device]", "start gdbserver on given device (default 'tcp::1234'), stop with 'none'",
     cmd_gdbserver},
    {"screendump", "filename [-f format] [device [head]]",
     "save screen from head 'head' of display device 'device'", hmp_screendump},
    {"sendkey", "keys [hold_ms]", "send keys to the VM ('sendkey ctrl-alt-f1'; 100 ms)", hmp_sendkey},
    {"mouse_move", "dx dy [dz]", "send mouse move events", hmp_mouse_move},
    {"mouse_button", "state", "change mouse button state (1=L, 2=M, 4=R)", hmp_mouse_button},
    {"nmi", "", "inject an NMI", cmd_nmi},
    {"ringbuf_read", "device [size]", "read from a ring buffer character device", cmd_ringbuf_read},
    {"chardev-add", "args", "add chardev", cmd_chardev_add},
    {"chardev-remove", "id", "remove chardev", cmd_chardev_remove},
};

/* "quit|q" has the names quit and q. */
static bool has_name(const char *names, const char *name, size_t n)
{
    for (const char *at = names;; at++) {
        size_t len = strcspn(at, "|");
        if (len == n && strncmp(at, name, n) == 0)
            return true;
        at += len;
        if (!*at)
            return false;
    }
}

static const HmpRow *find_row(const HmpRow *table, unsigned n_rows, const char *name, size_t n)
{
    for (unsigned k = 0; k < n_rows; k++)
        if (has_name(table[k].name, name, n))
            return &table[k];
    return NULL;
}

static void print_row(Hmp *h, const char *prefix, const HmpRow *r)
{
    g_string_append_printf(h->out, "%s%s %s -- %s\n", prefix, r->name, r->args, r->help);
}

static void cmd_help(Hmp *h, const char *args)
{
    bool info = strcmp(args, "info") == 0;
    const HmpRow *table = info ? hmp_info_rows : rows;
    unsigned n = info ? hmp_n_info_rows : G_N_ELEMENTS(rows);
    for (unsigned k = 0; k < n; k++)
        if (info || !*args || has_name(table[k].name, args, strlen(args)))
            print_row(h, info ? "info " : "", &table[k]);
}

void hmp_info(Hmp *h, const char *args)
{
    size_t n = strcspn(args, " ");
    const HmpRow *r = find_row(hmp_info_rows, hmp_n_info_rows, args, n);
    if (!*args)
        cmd_help(h, "info");
    else if (r)
        r->run(h, args[n] ? args + n + 1 : "");
    else
        g_string_append_printf(h->out, "unknown command: 'info %s'\n", args);
}

void hmp_complete(const char *prefix, bool info, GPtrArray *ret_names)
{
    const HmpRow *table = info ? hmp_info_rows : rows;
    unsigned n = info ? hmp_n_info_rows : G_N_ELEMENTS(rows);
    for (unsigned k = 0; k < n; k++) {
        size_t len = strcspn(table[k].name, "|");
        g_autofree char *name = g_strndup(table[k].name, len);
        if (g_str_has_prefix(name, prefix))
            g_ptr_array_add(ret_names, (char *)(uintptr_t)g_intern_string(name));
    }
}

void hmp_run(Hmp *h, const char *line)
{
    g_autofree char *text = g_strstrip(g_strdup(line));
    if (!*text || *text == '#')
        return;
    size_t n = strcspn(text, " /");
    const HmpRow *r = find_row(rows, G_N_ELEMENTS(rows), text, n);
    if (!r)
        g_string_append_printf(h->out, "unknown command: '%.*s'\n", (int)n, text);
    else
        r->run(h, text[n] == '/' ? text + n : g_strstrip(text + n));
}
