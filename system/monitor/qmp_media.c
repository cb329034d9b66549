/* QMP commands about media of CD-ROMs. */
#include "system/media.h"
#include "system/monitor/qmp.h"

static const char *text_of(JsonObject *args, const char *name)
{
    return json_object_has_member(args, name) ? json_object_get_string_member(args, name) : NULL;
}

static bool forced(JsonObject *args)
{
    return json_object_has_member(args, "force") && json_object_get_boolean_member(args, "force");
}

static bool find(Qmp *q, JsonObject *args, Medium *ret, GError **err)
{
    return media_find(qmp_vm(q), text_of(args, "device"), text_of(args, "id"), ret, err);
}

bool qmp_eject(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    Medium m;
    return find(q, args, &m, err) && media_eject(qmp_vm(q), &m, forced(args), err);
}

bool qmp_open_tray(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    Medium m;
    return find(q, args, &m, err) && media_open(qmp_vm(q), &m, forced(args), err);
}

bool qmp_close_tray(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    Medium m;
    if (!find(q, args, &m, err))
        return false;
    media_close(qmp_vm(q), &m);
    return true;
}

bool qmp_remove_medium(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    Medium m;
    return find(q, args, &m, err) && media_remove(qmp_vm(q), &m, err);
}

bool qmp_insert_medium(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    Medium m;
    return find(q, args, &m, err) && media_insert(qmp_vm(q), &m, text_of(args, "node-name"), err);
}

bool qmp_change_medium(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    Medium m;
    return find(q, args, &m, err) &&
           media_change(qmp_vm(q), &m, text_of(args, "filename"), text_of(args, "format"),
                        text_of(args, "read-only-mode"), forced(args), err);
}
