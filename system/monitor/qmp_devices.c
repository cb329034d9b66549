/* QMP commands that add, remove and change devices, networks and chardevs. */
#include "system/disks.h"
#include "system/monitor/qmp.h"
#include "system/sys_balloon.h"
#include "system/sys_devices.h"

#include <string.h>

bool qmp_device_add(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    g_autoptr(KeyVals) kv = qmp_keys("device_add", args, err);
    return kv && sys_devices_add(qmp_vm(q)->devices, kv, err);
}

bool qmp_device_del(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return sys_devices_remove(qmp_vm(q)->devices, json_object_get_string_member(args, "id"), err);
}

/* ---- networks ---- */

bool qmp_netdev_add(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    g_autoptr(JsonNode) node = json_node_alloc();
    json_node_init_object(node, args);
    g_autofree char *text = json_to_string(node, FALSE);
    return sys_net_add_netdev(&qmp_vm(q)->devices->net, text, err);
}

bool qmp_netdev_del(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return sys_net_remove(&qmp_vm(q)->devices->net, json_object_get_string_member(args, "id"), err);
}

bool qmp_set_link(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return sys_devices_set_link(qmp_vm(q)->devices, json_object_get_string_member(args, "name"),
                                json_object_get_boolean_member(args, "up"), err);
}

/* ---- chardevs ---- */

/* {"backend": {"type": T, "data": {..}}} as the keys of -chardev. */
static KeyVals *chardev_keys(JsonObject *args, GError **err)
{
    static const char *const names[][2] = {{"backend.type", "backend"},
                                           {"backend.data.addr.data.path", "path"},
                                           {"backend.data.addr.data.abstract", "abstract"},
                                           {"backend.data.addr.data.tight", "tight"},
                                           {"backend.data.addr.data.host", "host"},
                                           {"backend.data.addr.data.port", "port"},
                                           {"backend.data.addr.data.ipv4", "ipv4"},
                                           {"backend.data.addr.data.ipv6", "ipv6"},
                                           {"backend.data.device", "path"},
                                           {"backend.data.out", "path"},
                                           {"backend.data.in", "input-path"}};
    static const char data[] = "backend.data.";
    g_autoptr(KeyVals) from = qmp_keys("chardev-add", args, err);
    KeyVals *to = from ? key_vals_new("chardev-add") : NULL;
    const char *key, *value;
    if (from)
        key_vals_get(from, "backend.data.addr.type"); /* its members tell */
    for (unsigned at = 0; from && key_vals_rest(from, &at, &key, &value);) {
        const char *name = g_str_has_prefix(key, data) ? key + strlen(data) : key;
        for (unsigned k = 0; k < G_N_ELEMENTS(names); k++)
            if (strcmp(names[k][0], key) == 0)
                name = names[k][1];
        key_vals_add(to, name, value);
    }
    return to;
}

bool qmp_chardev_add(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *backend = json_object_get_object_member(args, "backend");
    const char *type = json_object_get_string_member(backend, "type");
    bool waits = strcmp(type, "socket") == 0;
    g_autoptr(KeyVals) kv = chardev_keys(args, err);
    if (kv && waits)
        key_vals_default(kv, "server", "on"); /* as the protocol has it */
    if (kv && waits)
        key_vals_default(kv, "wait", "off");
    Chardev *c = kv ? chardev_add(qmp_vm(q)->chars, kv, err) : NULL;
    if (!c)
        return false;
    JsonObject *o = json_object_new();
    if (strcmp(type, "pty") == 0)
        json_object_set_string_member(o, "pty", chardev_pty(c));
    *ret = qmp_object_node(o);
    return true;
}

bool qmp_chardev_remove(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *id = json_object_get_string_member(args, "id");
    Chardev *c = chardev_find(qmp_vm(q)->chars, id);
    return c ? chardev_remove(qmp_vm(q)->chars, c, err) : sys_fail(err, "Chardev '%s' not found", id);
}

/* ---- the balloon ---- */

bool qmp_balloon(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const gint64 value = json_object_get_int_member(args, "value");
    return sys_balloon_set(qmp_vm(q), (uint64_t)MAX(value, 0), err);
}

bool qmp_query_balloon(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    if (!sys_balloon_need(qmp_vm(q), err))
        return false;
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "actual", (gint64)sys_balloon_bytes(qmp_vm(q)));
    *ret = qmp_object_node(o);
    return true;
}
