#include "system/monitor/monitors.h"
#include "system/monitor/hmp.h"

struct Monitors {
    Vm *vm;
    GPtrArray *consoles; /* HmpConsole */
};

Monitors *monitors_new(Vm *vm)
{
    Monitors *m = g_new0(Monitors, 1);
    m->vm = vm;
    m->consoles = g_ptr_array_new();
    return m;
}

void monitors_free(Monitors *m)
{
    if (!m)
        return;
    for (unsigned k = 0; k < m->consoles->len; k++)
        hmp_console_free(m->consoles->pdata[k]);
    g_ptr_array_unref(m->consoles);
    g_free(m);
}

bool monitors_add_readline(Monitors *m, Chardev *c, GError **err)
{
    HmpConsole *console = hmp_console_new(m->vm, c, err);
    if (console)
        g_ptr_array_add(m->consoles, console);
    return console != NULL;
}

bool monitors_add_option(Monitors *m, KeyVals *kv, GError **err)
{
    static const char *const modes[] = {"readline"};
    unsigned mode = 0;
    const char *id = key_vals_get(kv, "chardev");
    if (!key_vals_word(kv, "mode", modes, G_N_ELEMENTS(modes), &mode, err) || !key_vals_done(kv, err))
        return false;
    Chardev *c = id ? chardev_find(m->vm->chars, id) : NULL;
    if (!c)
        return sys_fail(err, "-mon: no chardev '%s'", id ? id : "");
    return monitors_add_readline(m, c, err);
}
