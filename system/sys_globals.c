#include "system/sys_globals.h"
#include "hw/core/dev_impl.h"
#include "system/key_vals.h"
#include "system/sys_devices.h"

#include <string.h>

/* DRIVER.PROP=VALUE, or driver=DRIVER,property=PROP,value=VALUE. */
static bool read_row(const char *text, MachineGlobal *ret, GError **err)
{
    const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
    if (dot && equals && dot < equals) {
        *ret = (MachineGlobal){g_strndup(text, (size_t)(dot - text)),
                               g_strndup(dot + 1, (size_t)(equals - dot - 1)), g_strdup(equals + 1)};
        return true;
    }
    g_autoptr(KeyVals) kv = key_vals_parse("-global", text, NULL, err);
    if (!kv)
        return false;
    const char *driver = key_vals_get(kv, "driver"), *prop = key_vals_get(kv, "property"),
               *value = key_vals_get(kv, "value");
    if (!driver || !prop || !value)
        return sys_fail(err, "-global %s: DRIVER.PROPERTY=VALUE, or driver=,property=,value=", text);
    *ret = (MachineGlobal){g_strdup(driver), g_strdup(prop), g_strdup(value)};
    return key_vals_done(kv, err);
}

bool sys_globals_open(SysGlobals *s, const SysOptions *o, MachineConfig *cfg, GError **err)
{
    const char *text;
    for (unsigned k = 0; (text = sys_option(o, LIST_GLOBAL, k)); k++) {
        if (s->n == MACHINE_MAX_GLOBALS)
            return sys_fail(err, "more than %u times -global", (unsigned)MACHINE_MAX_GLOBALS);
        if (!read_row(text, &s->row[s->n], err))
            return false;
        cfg->global[cfg->n_globals++] = s->row[s->n++];
    }
    return true;
}

static void add_names(GPtrArray *names, const Device *d)
{
    for (; d; d = d->next) {
        g_ptr_array_add(names, (char *)(uintptr_t)d->cls->name);
        add_names(names, d->children);
    }
}

/* As most names are. */
static char *plain(const char *driver)
{
    return g_strdelimit(g_ascii_strdown(driver, -1), "_", '-');
}

bool sys_globals_check(const SysGlobals *s, const Machine *m, GError **err)
{
    const DevClass *cls, *transport;
    const char *name;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (unsigned k = 0; sys_device_kind(k, &name, &cls, &transport); k++)
        g_ptr_array_add(names, (char *)(uintptr_t)name);
    const unsigned known = names->len;
    add_names(names, m->root->children);
    for (unsigned k = 0; k < s->n; k++) {
        bool met = m->global_met[k];
        for (unsigned n = 0; n < known && !met; n++)
            met = machine_is_driver(s->row[k].driver, names->pdata[n]);
        g_autofree char *driver = plain(s->row[k].driver);
        if (!met)
            return sys_fail(err, "-global %s.%s: machine '%s' has no such device; '%s' would be one",
                            s->row[k].driver, s->row[k].prop, m->board->name,
                            sys_nearest(driver, (const char *const *)names->pdata, names->len));
    }
    return true;
}

void sys_globals_clear(SysGlobals *s)
{
    for (unsigned k = 0; k < s->n; k++) {
        g_free((char *)(uintptr_t)s->row[k].driver);
        g_free((char *)(uintptr_t)s->row[k].prop);
        g_free((char *)(uintptr_t)s->row[k].value);
    }
    s->n = 0;
}
