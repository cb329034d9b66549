#include "system/sys_smbios.h"
#include "system/key_vals.h"
#include "system/sys_files.h"

#include <string.h>

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

static bool check(unsigned type, const char *name, const char *value, GError **err)
{
    bool number;
    uint8_t uuid[16];
    if (!smbios_has_field(type, name, &number))
        return sys_fail(err, "-smbios: type %u has no '%s', or there is no such type", type, name);
    if (number && !is_number(value) && strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
        return sys_fail(err, "-smbios: %s=%s is no number", name, value);
    if (type == 0 && strcmp(name, "release") == 0 && strspn(value, "0123456789.") != strlen(value))
        return sys_fail(err, "-smbios: release=%s: two numbers with a point between", value);
    return strcmp(name, "uuid") != 0 || smbios_uuid(value, uuid) ||
           sys_fail(err, "-smbios: uuid=%s is none", value);
}

static bool add_file(SysSmbios *s, const char *path, GError **err)
{
    if (s->n_tables == SMBIOS_MOST_TABLES)
        return sys_fail(err, "-smbios: more than %u files", (unsigned)SMBIOS_MOST_TABLES);
    GMappedFile *f = sys_file_map(path, err);
    if (!f)
        return false;
    const SmbiosTable t = {(const uint8_t *)g_mapped_file_get_contents(f), g_mapped_file_get_length(f)};
    s->file[s->n_tables] = f;
    s->table[s->n_tables++] = t;
    return smbios_is_table(t.bytes, t.n) ||
           sys_fail(err, "-smbios: %s is not one structure of SMBIOS with its texts", path);
}

/* Fields of a type say something of our structure, which a file stands instead of. */
static bool check_types(const SysSmbios *s, GError **err)
{
    for (unsigned k = 0; k < s->n_tables; k++)
        for (unsigned n = 0; n < s->n; n++)
            if (s->table[k].bytes[0] == s->field[n].type)
                return sys_fail(err, "-smbios: type %u is in a file, and has fields", s->field[n].type);
    return true;
}

static bool add(SysSmbios *s, KeyVals *kv, GError **err)
{
    uint64_t type = UINT8_MAX + 1;
    unsigned at = 0;
    const char *name, *value;
    if ((value = key_vals_get(kv, "file")))
        return add_file(s, value, err) && key_vals_done(kv, err);
    if (!key_vals_u64(kv, "type", UINT8_MAX, &type, err))
        return false;
    if (type > UINT8_MAX)
        return sys_fail(err, "-smbios: type= is missing");
    while (key_vals_rest(kv, &at, &name, &value)) {
        if (s->n == SMBIOS_MOST_FIELDS)
            return sys_fail(err, "-smbios: more than %u fields", (unsigned)SMBIOS_MOST_FIELDS);
        if (!check((unsigned)type, name, value, err))
            return false;
        s->field[s->n++] = (SmbiosField){(unsigned)type, g_strdup(name), g_strdup(value)};
    }
    return true;
}

bool sys_smbios_open(SysSmbios *s, const SysOptions *o, MachineConfig *cfg, GError **err)
{
    const char *text;
    for (unsigned k = 0; (text = sys_option(o, LIST_SMBIOS, k)); k++) {
        g_autoptr(KeyVals) kv = key_vals_parse("-smbios", text, NULL, err);
        if (!kv || !add(s, kv, err))
            return false;
    }
    if (!check_types(s, err))
        return false;
    if (o->uuid[0])
        smbios_uuid(o->uuid, cfg->uuid);
    cfg->smbios = s->field;
    cfg->n_smbios = s->n;
    cfg->smbios_table = s->table;
    cfg->n_smbios_tables = s->n_tables;
    return true;
}

void sys_smbios_clear(SysSmbios *s)
{
    for (unsigned k = 0; k < s->n; k++) {
        g_free((char *)(uintptr_t)s->field[k].name);
        g_free((char *)(uintptr_t)s->field[k].value);
    }
    for (unsigned k = 0; k < s->n_tables; k++)
        g_mapped_file_unref(s->file[k]);
    s->n = s->n_tables = 0;
}
