#include "system/sys_fw_cfg.h"
#include "system/key_vals.h"
#include "system/sys_files.h"

#include <string.h>

/* NULL: err. */
static GBytes *content(const char *path, const char *text, GError **err)
{
    if (!path)
        return g_bytes_new(text, strlen(text));
    g_autoptr(GMappedFile) f = sys_file_map(path, err);
    return f ? g_mapped_file_get_bytes(f) : NULL;
}

static bool add(SysFwCfg *s, KeyVals *kv, GError **err)
{
    const char *name = key_vals_get(kv, "name"), *path = key_vals_get(kv, "file"),
               *text = key_vals_get(kv, "string");
    if (!key_vals_done(kv, err))
        return false;
    if (!name || !*name || strlen(name) > SYS_FW_CFG_NAME)
        return sys_fail(err, "-fw_cfg: name= of 1 to %u characters", (unsigned)SYS_FW_CFG_NAME);
    if (!path == !text)
        return sys_fail(err, "-fw_cfg %s: one of file= and string=", name);
    for (unsigned k = 0; k < s->n; k++)
        if (strcmp(s->file[k].name, name) == 0)
            return sys_fail(err, "-fw_cfg %s: it is there twice", name);
    if (s->n == SYS_FW_CFG_MOST)
        return sys_fail(err, "-fw_cfg: more than %u files", (unsigned)SYS_FW_CFG_MOST);
    GBytes *bytes = content(path, text, err);
    if (!bytes)
        return false;
    Image *i = &s->file[s->n];
    i->name = g_strdup(name);
    i->bytes = g_bytes_get_data(bytes, &i->size);
    s->bytes[s->n++] = bytes;
    return true;
}

bool sys_fw_cfg_open(SysFwCfg *s, const SysOptions *o, MachineConfig *cfg, GError **err)
{
    const char *text;
    for (unsigned k = 0; (text = sys_option(o, LIST_FW_CFG, k)); k++) {
        g_autoptr(KeyVals) kv = key_vals_parse("-fw_cfg", text, "name", err);
        if (!kv || !add(s, kv, err))
            return false;
    }
    cfg->fw_file = s->file;
    cfg->n_fw_files = s->n;
    return true;
}

void sys_fw_cfg_clear(SysFwCfg *s)
{
    for (unsigned k = 0; k < s->n; k++) {
        g_free((char *)(uintptr_t)s->file[k].name);
        g_bytes_unref(s->bytes[k]);
    }
    s->n = 0;
}
