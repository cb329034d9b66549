/* Commands of both monitors that type and point. */
#include "system/display/inputs.h"
#include "system/monitor/hmp.h"
#include "system/monitor/qmp.h"

#include <string.h>

static Inputs *inputs_of(Qmp *q)
{
    return qmp_vm(q)->inputs;
}

static JsonNode *data_of(JsonObject *o)
{
    return json_object_get_member(o, "data");
}

/* A KeyValue. Several keys share the number 0 of those that there are not. */
static bool read_key(JsonObject *o, unsigned *ret, GError **err)
{
    JsonNode *data = data_of(o);
    const bool number = strcmp(json_object_get_string_member(o, "type"), "number") == 0;
    const GType type = JSON_NODE_HOLDS_VALUE(data) ? json_node_get_value_type(data) : G_TYPE_INVALID;
    if (number && type == G_TYPE_INT64)
        *ret = input_key_by_xt((unsigned)MIN((guint64)json_node_get_int(data), 0x100));
    else if (!number && type == G_TYPE_STRING)
        *ret = input_key_by_name(json_node_get_string(data), strlen(json_node_get_string(data)));
    else
        return sys_fail(err, "Invalid parameter type for 'data', expected: %s",
                        number ? "integer" : "string");
    return *ret || number ||
           sys_fail(err, "Parameter 'data' does not accept value '%s'", json_node_get_string(data));
}

bool qmp_send_key(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    enum { MOST_MS = 60000 };
    JsonArray *list = json_object_get_array_member(args, "keys");
    const gint64 hold = json_object_has_member(args, "hold-time")
                            ? json_object_get_int_member(args, "hold-time")
                            : INPUTS_HOLD_MS;
    unsigned key[INPUTS_MAX_KEYS];
    const unsigned n = json_array_get_length(list);
    if (n > INPUTS_MAX_KEYS)
        return sys_fail(err, "more than %u keys at once", (unsigned)INPUTS_MAX_KEYS);
    if (hold < 0 || hold > MOST_MS)
        return sys_fail(err, "hold-time is 0 to %u", (unsigned)MOST_MS);
    for (unsigned k = 0; k < n; k++)
        if (!read_key(json_array_get_object_element(list, k), &key[k], err))
            return false;
    inputs_type(inputs_of(q), key, n, (unsigned)hold);
    return true;
}

/* ---- input-send-event ---- */

static bool wants(JsonObject *o, const char *name, GType type, GError **err)
{
    JsonNode *v = json_object_get_member(o, name);
    if (v && JSON_NODE_HOLDS_VALUE(v) && json_node_get_value_type(v) == type)
        return true;
    return sys_fail(err, v ? "Invalid parameter type for '%s'" : "Parameter '%s' is missing", name);
}

/* Buttons, or turns of the wheel. */
static bool press(Inputs *in, JsonObject *o, bool go, GError **err)
{
    static const struct {
        const char *name;
        unsigned button;
        int wheel;
    } rows[] = {{"left", INPUT_LEFT, 0}, {"middle", INPUT_MIDDLE, 0}, {"right", INPUT_RIGHT, 0},
                {"wheel-up", 0, -1},     {"wheel-down", 0, 1},        {"side", 0, 0},
                {"extra", 0, 0},         {"wheel-left", 0, 0},        {"wheel-right", 0, 0},
                {"touch", INPUT_LEFT, 0}};
    if (!wants(o, "down", G_TYPE_BOOLEAN, err) || !wants(o, "button", G_TYPE_STRING, err))
        return false;
    const char *name = json_object_get_string_member(o, "button");
    const bool down = json_object_get_boolean_member(o, "down");
    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        if (strcmp(rows[k].name, name) != 0)
            continue;
        unsigned place[2];
        const unsigned held = inputs_held(in);
        inputs_placed(in, place);
        if (go && rows[k].button)
            inputs_buttons(in, down ? held | rows[k].button : held & ~rows[k].button);
        if (go && down && rows[k].wheel) {
            inputs_move(in, 0, 0, rows[k].wheel);
            inputs_place(in, place[0], place[1], rows[k].wheel);
        }
        return true;
    }
    return sys_fail(err, "Parameter 'button' does not accept value '%s'", name);
}

static bool move(Inputs *in, JsonObject *o, bool absolute, bool go, GError **err)
{
    if (!wants(o, "axis", G_TYPE_STRING, err) || !wants(o, "value", G_TYPE_INT64, err))
        return false;
    const char *axis = json_object_get_string_member(o, "axis");
    const int v = (int)CLAMP(json_object_get_int_member(o, "value"), G_MININT16, G_MAXINT16);
    const bool y = strcmp(axis, "y") == 0;
    unsigned place[2];
    if (!y && strcmp(axis, "x") != 0)
        return sys_fail(err, "Parameter 'axis' does not accept value '%s'", axis);
    inputs_placed(in, place);
    place[y] = (unsigned)MAX(v, 0);
    if (go && absolute)
        inputs_place(in, place[0], place[1], 0);
    else if (go)
        inputs_move(in, y ? 0 : v, y ? v : 0, 0);
    return true;
}

/* go: does it, else it is only looked at. */
static bool send(Inputs *in, JsonObject *event, bool go, GError **err)
{
    const char *type = json_object_get_string_member(event, "type");
    JsonObject *o = JSON_NODE_HOLDS_OBJECT(data_of(event)) ? json_node_get_object(data_of(event)) : NULL;
    unsigned key;
    if (!o)
        return sys_fail(err, "Invalid parameter type for 'data', expected: object");
    if (strcmp(type, "btn") == 0)
        return press(in, o, go, err);
    if (strcmp(type, "key") != 0)
        return move(in, o, strcmp(type, "abs") == 0, go, err);
    JsonNode *value = json_object_get_member(o, "key");
    if (!wants(o, "down", G_TYPE_BOOLEAN, err))
        return false;
    if (!value || !JSON_NODE_HOLDS_OBJECT(value) ||
        !wants(json_node_get_object(value), "type", G_TYPE_STRING, NULL) ||
        !data_of(json_node_get_object(value)))
        return sys_fail(err, "Parameter 'key' is missing or no key");
    if (!read_key(json_node_get_object(value), &key, err))
        return false;
    if (go)
        inputs_key(in, key, json_object_get_boolean_member(o, "down"));
    return true;
}

bool qmp_input_send_event(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *list = json_object_get_array_member(args, "events");
    for (unsigned go = 0; go < 2; go++) /* all or none */
        for (unsigned k = 0; k < json_array_get_length(list); k++)
            if (!send(inputs_of(q), json_array_get_object_element(list, k), go, err))
                return false;
    return true;
}

bool qmp_query_mice(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const char *name;
    bool absolute, current;
    for (unsigned k = 0; inputs_pointer(inputs_of(q), k, &name, &absolute, &current); k++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", name);
        json_object_set_int_member(o, "index", k);
        json_object_set_boolean_member(o, "current", current);
        json_object_set_boolean_member(o, "absolute", absolute);
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}

/* ---- the monitor for people ---- */

/* ctrl-alt-delete, or 0x1d-0x38-0xd3 */
void hmp_sendkey(Hmp *h, const char *args)
{
    g_auto(GStrv) word = g_strsplit(args, " ", 2);
    g_auto(GStrv) names = g_strsplit(word[0] ? word[0] : "", "-", -1);
    unsigned key[INPUTS_MAX_KEYS], n = 0;
    guint64 hold = INPUTS_HOLD_MS, number;
    if (word[0] && word[1] && !g_ascii_string_to_unsigned(g_strstrip(word[1]), 10, 1, 60000, &hold, NULL)) {
        g_string_append(h->out, "Error: sendkey KEYS [HOLD_MS]\n");
        return;
    }
    for (char **name = names; *name; name++) {
        char *end;
        if (n == INPUTS_MAX_KEYS) {
            g_string_append(h->out, "too many keys\n");
            return;
        }
        number = g_ascii_strtoull(*name, &end, 16);
        const bool is_number = g_str_has_prefix(*name, "0x") && !*end && number < 0x100;
        key[n] = is_number ? input_key_by_xt((unsigned)number) : input_key_by_name(*name, strlen(*name));
        if (!key[n++]) {
            g_string_append_printf(h->out, "invalid parameter: %s\n", *name);
            return;
        }
    }
    inputs_type(h->vm->inputs, key, n, (unsigned)hold);
}

void hmp_mouse_move(Hmp *h, const char *args)
{
    int v[3] = {0};
    g_auto(GStrv) word = g_strsplit(args, " ", -1);
    unsigned n = 0;
    for (char **w = word; *w; w++)
        if (**w && n < G_N_ELEMENTS(v))
            v[n++] = (int)CLAMP(g_ascii_strtoll(*w, NULL, 0), G_MININT16, G_MAXINT16);
    if (n < 2)
        g_string_append(h->out, "Error: mouse_move DX DY [DZ]\n");
    else
        inputs_move(h->vm->inputs, v[0], v[1], v[2]);
}

void hmp_mouse_button(Hmp *h, const char *args)
{
    const gint64 v = g_ascii_strtoll(args, NULL, 0);
    inputs_buttons(h->vm->inputs,
                   (v & 1 ? INPUT_LEFT : 0u) | (v & 2 ? INPUT_MIDDLE : 0u) | (v & 4 ? INPUT_RIGHT : 0u));
}

void hmp_info_mice(Hmp *h, const char *args)
{
    const char *name;
    bool absolute, current;
    unsigned k = 0;
    for (; inputs_pointer(h->vm->inputs, k, &name, &absolute, &current); k++)
        g_string_append_printf(h->out, "%c Mouse #%u: %s%s\n", current ? '*' : ' ', k, name,
                               absolute ? " (absolute)" : "");
    if (!k)
        g_string_append(h->out, "No mouse devices connected\n");
}
