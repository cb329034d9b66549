#include "system/sys_consoles.h"
#include "system/disks.h"
#include "system/key_vals.h"
#include "system/monitor/monitors.h"

#include <string.h>

static void quit(void *opaque)
{
    vm_quit(opaque, CAUSE_HOST_QUIT, 0);
}

/* C-a s */
static void commit(void *opaque)
{
    g_autoptr(GError) err = NULL;
    if (!disks_commit(((Vm *)opaque)->disks, "all", &err))
        g_printerr("tinamou-system: %s\n", err->message);
}

static bool is_none(const char *text)
{
    return strcmp(text, "none") == 0;
}

static bool add_serial(SysConsoles *s, unsigned n, const char *text, GError **err)
{
    g_autofree char *label = g_strdup_printf("serial%u", n);
    if (n >= SYS_MAX_SERIALS)
        return sys_fail(err, "-serial: more than %u", (unsigned)SYS_MAX_SERIALS);
    if (is_none(text))
        return true;
    if (n >= s->vm->opt->board->serials && strcmp(text, "null") != 0)
        return sys_fail(err, "-serial %s: machine '%s' has no more than %u", text, s->vm->opt->board->name,
                        s->vm->opt->board->serials);
    bool with_monitor = g_str_has_prefix(text, "mon:");
    Chardev *c = chardev_add_short(s->vm->chars, "-serial", text, label, err);
    s->has_serial[n] = c && chardev_attach(c, &s->serial[n], label, err);
    return s->has_serial[n] && (!with_monitor || monitors_add_readline(s->vm->monitors, c, err));
}

/* -device isa-serial: the board's own port of that number, or the next. */
static bool take_isa_serial(SysConsoles *s, KeyVals *kv, unsigned *io_next, GError **err)
{
    static const struct {
        uint64_t port, irq;
    } places[] = {{0x3f8, 4}, {0x2f8, 3}};
    const char *chardev = key_vals_get(kv, "chardev");
    uint64_t n = *io_next, port = 0, irq = 0;
    key_vals_get(kv, "id");
    if (!key_vals_u64(kv, "index", UINT32_MAX, &n, err) || !key_vals_u64(kv, "iobase", 0xffff, &port, err) ||
        !key_vals_u64(kv, "irq", 15, &irq, err) || !key_vals_done(kv, err))
        return false;
    if (n >= MIN(s->vm->opt->board->serials, G_N_ELEMENTS(places)) || (port && port != places[n].port) ||
        (irq && irq != places[n].irq))
        return sys_fail(err, "-device isa-serial: there are ports 3f8 with interrupt 4 and 2f8 with 3");
    *io_next = (unsigned)n + 1;
    g_autofree char *text = chardev ? g_strdup_printf("chardev:%s", chardev) : g_strdup("null");
    return add_serial(s, (unsigned)n, text, err);
}

static bool take_isa_serials(SysConsoles *s, bool *ret_some, GError **err)
{
    GPtrArray *devices = s->vm->opt->list[LIST_DEVICE];
    const char *isa = s->vm->opt->board->isa;
    unsigned next = s->vm->opt->list[LIST_SERIAL]->len;
    *ret_some = false;
    for (unsigned k = 0; k < devices->len && (strcmp(isa, "x86_64") == 0 || strcmp(isa, "i386") == 0);) {
        g_autoptr(KeyVals) kv = key_vals_parse("-device", devices->pdata[k], "driver", err);
        const char *name = kv ? key_vals_get(kv, "driver") : NULL;
        if (!kv)
            return false;
        if (!name || strcmp(name, "isa-serial") != 0) {
            k++;
            continue;
        }
        *ret_some = true;
        if (!take_isa_serial(s, kv, &next, err))
            return false;
        g_ptr_array_remove_index(devices, k);
    }
    return true;
}

static bool add_serials(SysConsoles *s, const char *by_default, GError **err)
{
    bool some;
    if (!take_isa_serials(s, &some, err))
        return false;
    const char *text;
    for (unsigned k = 0; (text = sys_option(s->vm->opt, LIST_SERIAL, k)); k++)
        if (!add_serial(s, k, text, err))
            return false;
    return s->vm->opt->list[LIST_SERIAL]->len || some || !by_default || add_serial(s, 0, by_default, err);
}

static bool add_monitor(SysConsoles *s, unsigned n, const char *text, GError **err)
{
    g_autofree char *label = g_strdup_printf("compat_monitor%u", n);
    if (is_none(text))
        return true;
    Chardev *c = chardev_add_short(s->vm->chars, "-monitor", text, label, err);
    return c && monitors_add_readline(s->vm->monitors, c, err);
}

static bool add_controls(SysConsoles *s, SysList list, bool pretty, unsigned *io_n, GError **err)
{
    const char *text;
    for (unsigned k = 0; (text = sys_option(s->vm->opt, list, k)); k++) {
        g_autofree char *label = g_strdup_printf("compat_monitor%u", (*io_n)++);
        Chardev *c = chardev_add_short(s->vm->chars, "-qmp", text, label, err);
        if (!c || !monitors_add_control(s->vm->monitors, c, pretty, err))
            return false;
    }
    return true;
}

static bool add_monitors(SysConsoles *s, const char *by_default, GError **err)
{
    const SysOptions *o = s->vm->opt;
    const char *text;
    unsigned n = 0;
    for (unsigned k = 0; (text = sys_option(o, LIST_MONITOR, k)); k++)
        if (!add_monitor(s, n++, text, err))
            return false;
    for (unsigned k = 0; (text = sys_option(o, LIST_MON, k)); k++) {
        g_autoptr(KeyVals) kv = key_vals_parse("-mon", text, "chardev", err);
        if (!kv || !monitors_add_option(s->vm->monitors, kv, err))
            return false;
    }
    if (!add_controls(s, LIST_QMP, false, &n, err) || !add_controls(s, LIST_QMP_PRETTY, true, &n, err))
        return false;
    return o->list[LIST_MONITOR]->len || !by_default || add_monitor(s, n, by_default, err);
}

static bool uses_stdio(const SysOptions *o, SysList list)
{
    const char *text;
    for (unsigned k = 0; (text = sys_option(o, list, k)); k++)
        if (strstr(text, "stdio"))
            return true;
    return false;
}

/* -nographic: the terminal is the serial port's and the monitor's. There is no window for them otherwise, so
 * a plain call has it, too; -display none and -nodefaults mean what they say. */
static void find_defaults(const SysOptions *o, const char **ret_serial, const char **ret_monitor)
{
    bool wanted = !o->nodefaults && !o->daemonize && (o->nographic || !o->no_display);
    bool taken = uses_stdio(o, LIST_CHARDEV) || uses_stdio(o, LIST_QMP) || uses_stdio(o, LIST_QMP_PRETTY) ||
                 uses_stdio(o, LIST_MONITOR) || uses_stdio(o, LIST_SERIAL) ||
                 uses_stdio(o, LIST_DEBUGCON);
    bool serial = !o->list[LIST_SERIAL]->len,
         monitor = !o->list[LIST_MONITOR]->len && !o->list[LIST_MON]->len && !o->list[LIST_QMP]->len;
    *ret_serial = *ret_monitor = NULL;
    if (!wanted || taken)
        return;
    if (serial)
        *ret_serial = monitor ? "mon:stdio" : "stdio";
    else if (monitor && o->nographic)
        *ret_monitor = "stdio";
}

bool sys_consoles_open(SysConsoles *s, Vm *vm, GError **err)
{
    const CharHost host = {.opaque = vm, .quit = quit, .commit = commit};
    const char *serial, *monitor, *text;
    s->vm = vm;
    vm->chars = chardevs_new(&host);
    vm->monitors = monitors_new(vm);
    for (unsigned k = 0; (text = sys_option(vm->opt, LIST_CHARDEV, k)); k++) {
        g_autoptr(KeyVals) kv = key_vals_parse("-chardev", text, "backend", err);
        if (!kv || !chardev_add(vm->chars, kv, err))
            return false;
    }
    find_defaults(vm->opt, &serial, &monitor);
    return add_serials(s, serial, err) && add_monitors(s, monitor, err);
}

void sys_consoles_close(SysConsoles *s)
{
    if (!s->vm)
        return;
    monitors_free(s->vm->monitors);
    chardevs_free(s->vm->chars);
    s->vm->monitors = NULL;
    s->vm->chars = NULL;
}

CharPort *sys_consoles_serial(SysConsoles *s, unsigned n)
{
    return n < SYS_MAX_SERIALS && s->has_serial[n] ? &s->serial[n].port : NULL;
}
