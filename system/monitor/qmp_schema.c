/* The rows of qmp_schema.def: looked up, checked against, and told to whoever asks. */
#include "system/monitor/qmp.h"

#include <string.h>

typedef struct TypeRow {
    const char *name, *members;
    bool is_enum;
} TypeRow;

#define QMP_COMMAND(name, args, ret, fn)
#define QMP_EVENT(name, members)
static const TypeRow types[] = {
#define QMP_STRUCT(name, members) {#name, members, false},
#define QMP_ENUM(name, values)    {#name, values, true},
#include "system/monitor/qmp_schema.def"
#undef QMP_STRUCT
#undef QMP_ENUM
#undef QMP_EVENT
};
#undef QMP_COMMAND

#define QMP_STRUCT(name, members)
#define QMP_ENUM(name, values)
static const QmpCommand commands[] = {
#define QMP_EVENT(name, members)
#define QMP_COMMAND(name, args, ret, fn) {#name, args, #ret, fn},
#include "system/monitor/qmp_schema.def"
#undef QMP_EVENT
#undef QMP_COMMAND
};
static const TypeRow events[] = {
#define QMP_EVENT(name, members) {#name, members, false},
#define QMP_COMMAND(name, args, ret, fn)
#include "system/monitor/qmp_schema.def"
#undef QMP_EVENT
#undef QMP_COMMAND
};
#undef QMP_STRUCT
#undef QMP_ENUM

static const TypeRow *find_type(const char *name)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(types); k++)
        if (strcmp(types[k].name, name) == 0)
            return &types[k];
    return NULL;
}

/* The n-th member: 1, 0 when there are fewer. */
typedef struct Member {
    char name[40], type[40];
    bool optional;
} Member;

static bool member_at(const char *members, unsigned n, Member *ret)
{
    g_auto(GStrv) parts = g_strsplit(members, ", ", -1);
    if (n >= g_strv_length(parts) || !*parts[n] || strcmp(parts[n], "...") == 0)
        return false;
    const char *s = parts[n], *colon = strstr(s, ": ");
    ret->optional = *s == '*';
    s += ret->optional;
    g_strlcpy(ret->type, colon ? colon + 2 : "", sizeof(ret->type));
    g_strlcpy(ret->name, s, sizeof(ret->name));
    if (colon)
        ret->name[colon - s] = 0;
    return true;
}

/* ---- checking ---- */

static bool wrong(const char *name, const char *expected, GError **err)
{
    return sys_fail(err, "Invalid parameter type for '%s', expected: %s", name, expected);
}

static bool check_members(const char *members, JsonObject *o, const char *where, GError **err);

static bool check_value(const char *type, JsonNode *v, const char *name, GError **err)
{
    GType g = JSON_NODE_HOLDS_VALUE(v) ? json_node_get_value_type(v) : G_TYPE_INVALID;
    const TypeRow *row = find_type(type);
    if (strcmp(type, "any") == 0)
        return true;
    if (strcmp(type, "str") == 0)
        return g == G_TYPE_STRING || wrong(name, "string", err);
    if (strcmp(type, "int") == 0)
        return g == G_TYPE_INT64 || wrong(name, "integer", err);
    if (strcmp(type, "bool") == 0)
        return g == G_TYPE_BOOLEAN || wrong(name, "boolean", err);
    if (type[0] == '[') {
        g_autofree char *element = g_strndup(type + 1, strlen(type) - 2);
        JsonArray *a = JSON_NODE_HOLDS_ARRAY(v) ? json_node_get_array(v) : NULL;
        for (unsigned k = 0; a && k < json_array_get_length(a); k++)
            if (!check_value(element, json_array_get_element(a, k), name, err))
                return false;
        return a || wrong(name, "array", err);
    }
    g_assert(row); /* a row names a type that has none */
    if (!row->is_enum)
        return JSON_NODE_HOLDS_OBJECT(v) ? check_members(row->members, json_node_get_object(v), name, err)
                                         : wrong(name, "object", err);
    Member m;
    if (g != G_TYPE_STRING)
        return wrong(name, "string", err);
    for (unsigned k = 0; member_at(row->members, k, &m); k++)
        if (strcmp(m.name, json_node_get_string(v)) == 0)
            return true;
    return sys_fail(err, "Parameter '%s' does not accept value '%s'", name, json_node_get_string(v));
}

static bool check_members(const char *members, JsonObject *o, const char *where, GError **err)
{
    Member m;
    unsigned n = 0;
    for (unsigned k = 0; member_at(members, k, &m); k++) {
        JsonNode *v = json_object_get_member(o, m.name);
        if (!v && !m.optional)
            return sys_fail(err, "Parameter '%s' is missing", m.name);
        if (v && !check_value(m.type, v, m.name, err))
            return false;
        n += v != NULL;
    }
    if (g_str_has_suffix(members, ", ..."))
        return true;
    g_autoptr(GList) given = json_object_get_members(o);
    for (GList *g = given; g && n < g_list_length(given); g = g->next) {
        bool known = false;
        for (unsigned k = 0; !known && member_at(members, k, &m); k++)
            known = strcmp(m.name, g->data) == 0;
        if (!known)
            return sys_fail(err, "Parameter '%s' is unexpected", (char *)g->data);
    }
    return true;
}

bool qmp_check_args(const QmpCommand *c, JsonObject *args, GError **err)
{
    return check_members(c->args, args, c->name, err);
}

const QmpCommand *qmp_find(const char *name)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(commands); k++)
        if (strcmp(commands[k].name, name) == 0)
            return &commands[k];
    return NULL;
}

const QmpCommand *qmp_command_at(unsigned n)
{
    return n < G_N_ELEMENTS(commands) ? &commands[n] : NULL;
}

/* ---- telling ---- */

static JsonObject *add_info(JsonArray *to, const char *name, const char *meta)
{
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "name", name);
    json_object_set_string_member(o, "meta-type", meta);
    json_array_add_object_element(to, o);
    return o;
}

/* Arrays are types of their own, told once. */
static void need_type(JsonArray *to, GHashTable *told, const char *type)
{
    if (type[0] != '[' || !g_hash_table_add(told, g_strdup(type)))
        return;
    g_autofree char *element = g_strndup(type + 1, strlen(type) - 2);
    json_object_set_string_member(add_info(to, type, "array"), "element-type", element);
    need_type(to, told, element);
}

static void add_members(JsonArray *to, GHashTable *told, JsonObject *o, const char *members)
{
    JsonArray *all = json_array_new();
    Member m;
    for (unsigned k = 0; member_at(members, k, &m); k++) {
        JsonObject *one = json_object_new();
        json_object_set_string_member(one, "name", m.name);
        json_object_set_string_member(one, "type", m.type);
        if (m.optional)
            json_object_set_null_member(one, "default");
        json_array_add_object_element(all, one);
        need_type(to, told, m.type);
    }
    json_object_set_array_member(o, "members", all);
}

static void add_enum(JsonObject *o, const char *values)
{
    JsonArray *names = json_array_new(), *members = json_array_new();
    Member m;
    for (unsigned k = 0; member_at(values, k, &m); k++) {
        JsonObject *one = json_object_new();
        json_object_set_string_member(one, "name", m.name);
        json_array_add_object_element(members, one);
        json_array_add_string_element(names, m.name);
    }
    json_object_set_array_member(o, "values", names);
    json_object_set_array_member(o, "members", members);
}

/* The type of arguments or data, which has no name of its own. */
static char *add_unnamed(JsonArray *to, GHashTable *told, const char *name, const char *members)
{
    char *type = *members ? g_strdup_printf("q_obj_%s-arg", name) : g_strdup("Empty");
    if (*members)
        add_members(to, told, add_info(to, type, "object"), members);
    return type;
}

bool qmp_query_schema(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    static const char *const builtin[][2] = {
        {"str", "string"}, {"int", "int"}, {"bool", "boolean"}, {"any", "value"}};
    JsonArray *to = json_array_new();
    g_autoptr(GHashTable) told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned k = 0; k < G_N_ELEMENTS(commands); k++) {
        const QmpCommand *c = &commands[k];
        g_autofree char *type = add_unnamed(to, told, c->name, c->args);
        JsonObject *o = add_info(to, c->name, "command");
        json_object_set_string_member(o, "arg-type", type);
        json_object_set_string_member(o, "ret-type", c->ret);
        json_object_set_boolean_member(o, "allow-oob", FALSE);
        need_type(to, told, c->ret);
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(events); k++) {
        g_autofree char *type = add_unnamed(to, told, events[k].name, events[k].members);
        json_object_set_string_member(add_info(to, events[k].name, "event"), "arg-type", type);
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(types); k++) {
        JsonObject *o = add_info(to, types[k].name, types[k].is_enum ? "enum" : "object");
        if (types[k].is_enum)
            add_enum(o, types[k].members);
        else
            add_members(to, told, o, types[k].members);
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(builtin); k++)
        json_object_set_string_member(add_info(to, builtin[k][0], "builtin"), "json-type", builtin[k][1]);
    *ret = qmp_array_node(to);
    return true;
}
