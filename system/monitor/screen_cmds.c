/* Commands of both monitors about displays. */
#include "system/display/displays.h"
#include "system/display/vnc.h"
#include "system/monitor/hmp.h"
#include "system/monitor/qmp.h"

#include <string.h>

static bool dump(Vm *vm, const char *path, const char *format, const char *device, gint64 n, GError **err)
{
    DisplayHead *h = displays_find(vm, device, err);
    if (h && n)
        return sys_fail(err, "There is no head %" G_GINT64_FORMAT " of %s", n, h->id);
    return h && screendump(h, path, format, err);
}

static const char *text_of(JsonObject *args, const char *name, const char *otherwise)
{
    return json_object_has_member(args, name) ? json_object_get_string_member(args, name) : otherwise;
}

bool qmp_screendump(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const gint64 n = json_object_has_member(args, "head") ? json_object_get_int_member(args, "head") : 0;
    const char *device = text_of(args, "device", NULL);
    if (n && !device)
        return sys_fail(err, "'head' must be specified together with 'device'");
    return dump(qmp_vm(q), json_object_get_string_member(args, "filename"), text_of(args, "format", "ppm"),
                device, n, err);
}

/* screendump FILE [-f FORMAT] [DEVICE [HEAD]] */
void hmp_screendump(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    g_auto(GStrv) word = g_strsplit(args, " ", -1);
    const char *format = "ppm", *rest[3] = {NULL}; /* file, device, head */
    unsigned n = 0;
    for (char **w = word; *w; w++) {
        if (!**w)
            continue;
        if (strcmp(*w, "-f") == 0 && w[1])
            format = *++w;
        else if (n < G_N_ELEMENTS(rest))
            rest[n++] = *w;
    }
    if (!n || (strcmp(format, "ppm") != 0 && strcmp(format, "png") != 0))
        g_string_append(h->out, "Error: screendump FILE [-f ppm|png] [DEVICE [HEAD]]\n");
    else if (!dump(h->vm, rest[0], format, rest[1], rest[2] ? g_ascii_strtoll(rest[2], NULL, 10) : 0, &err))
        g_string_append_printf(h->out, "Error: %s\n", err->message);
}

/* ---- VNC ---- */

bool qmp_query_vnc(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *o = json_object_new();
    const Vnc *v = qmp_vm(q)->vnc;
    const char *service, *family;
    json_object_set_boolean_member(o, "enabled", v != NULL);
    if (v) {
        json_object_set_string_member(o, "host", vnc_address(v, &service, &family));
        json_object_set_string_member(o, "family", family);
        json_object_set_string_member(o, "service", service);
        json_object_set_string_member(o, "auth", "none");
    }
    *ret = qmp_object_node(o);
    return true;
}

void hmp_info_vnc(Hmp *h, const char *args)
{
    const Vnc *v = h->vm->vnc;
    const char *service, *family, *host = v ? vnc_address(v, &service, &family) : NULL;
    if (!v)
        g_string_append(h->out, "None\n");
    else
        g_string_append_printf(h->out, "default:\n  Server: %s:%s (%s)\n    Auth: none, viewers: %u\n", host,
                               service, family, vnc_viewers(v));
}
