#include "system/monitor/monitors.h"
#include "system/monitor/hmp.h"
#include "system/monitor/qmp.h"

struct Monitors {
    Vm *vm;
    GPtrArray *consoles; /* HmpConsole */
    GPtrArray *programs; /* Qmp */
};

Monitors *monitors_new(Vm *vm)
{
    Monitors *m = g_new0(Monitors, 1);
    m->vm = vm;
    m->consoles = g_ptr_array_new();
    m->programs = g_ptr_array_new();
    return m;
}

void monitors_free(Monitors *m)
{
    if (!m)
        return;
    for (unsigned k = 0; k < m->consoles->len; k++)
        hmp_console_free(m->consoles->pdata[k]);
    for (unsigned k = 0; k < m->programs->len; k++)
        qmp_free(m->programs->pdata[k]);
    g_ptr_array_unref(m->consoles);
    g_ptr_array_unref(m->programs);
    g_free(m);
}

bool monitors_add_readline(Monitors *m, Chardev *c, GError **err)
{
    HmpConsole *console = hmp_console_new(m->vm, c, err);
    if (console)
        g_ptr_array_add(m->consoles, console);
    return console != NULL;
}

bool monitors_add_control(Monitors *m, Chardev *c, bool pretty, GError **err)
{
    Qmp *q = qmp_new(m->vm, c, pretty, err);
    if (q)
        g_ptr_array_add(m->programs, q);
    return q != NULL;
}

bool monitors_add_option(Monitors *m, KeyVals *kv, GError **err)
{
    static const char *const modes[] = {"readline", "control"};
    unsigned mode = 0;
    bool pretty = false;
    const char *id = key_vals_get(kv, "chardev");
    key_vals_get(kv, "id"); /* nobody asks for it */
    if (!key_vals_word(kv, "mode", modes, G_N_ELEMENTS(modes), &mode, err) ||
        !key_vals_bool(kv, "pretty", &pretty, err) || !key_vals_done(kv, err))
        return false;
    Chardev *c = id ? chardev_find(m->vm->chars, id) : NULL;
    if (!c)
        return sys_fail(err, "-mon: no chardev '%s'", id ? id : "");
    return mode == 1 ? monitors_add_control(m, c, pretty, err) : monitors_add_readline(m, c, err);
}
