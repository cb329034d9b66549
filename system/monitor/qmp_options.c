/* query-command-line-options: the rows of qmp_options.def, with the board's own keys. */
#include "system/monitor/qmp.h"

#include <string.h>

static const struct {
    const char *name, *parameters;
} options[] = {
#define QMP_OPTION(name, parameters) {#name, parameters},
#include "system/monitor/qmp_options.def"
#undef QMP_OPTION
};

static const char *type_name(const char *type)
{
    return strcmp(type, "str") == 0    ? "string"
           : strcmp(type, "bool") == 0 ? "boolean"
           : strcmp(type, "num") == 0  ? "number"
                                       : "size";
}

static void add(JsonArray *all, const char *name, const char *type, const char *help)
{
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "name", name);
    json_object_set_string_member(o, "type", type);
    if (help)
        json_object_set_string_member(o, "help", help);
    json_array_add_object_element(all, o);
}

static void add_board(JsonArray *all, const BoardClass *b)
{
    for (unsigned k = 0; k < b->n_options; k++) {
        const BoardOption *o = &b->options[k];
        bool flag = o->words && strcmp(o->words, "on|off") == 0;
        add(all, o->name, flag ? "boolean" : "string", o->help);
    }
}

static JsonArray *parameters_of(const char *text)
{
    JsonArray *all = json_array_new();
    g_auto(GStrv) rows = g_strsplit(text, ", ", -1);
    for (unsigned k = 0; rows[k] && *rows[k]; k++) {
        g_auto(GStrv) parts = g_strsplit(rows[k], ": ", 2);
        add(all, parts[0], type_name(parts[1]), NULL);
    }
    return all;
}

bool qmp_query_options(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const char *only = json_object_get_string_member_with_default(args, "option", NULL);
    for (unsigned k = 0; k < G_N_ELEMENTS(options); k++) {
        if (only && strcmp(only, options[k].name) != 0)
            continue;
        JsonObject *o = json_object_new();
        JsonArray *parameters = parameters_of(options[k].parameters);
        if (strcmp(options[k].name, "machine") == 0)
            add_board(parameters, qmp_vm(q)->machine->board);
        json_object_set_string_member(o, "option", options[k].name);
        json_object_set_array_member(o, "parameters", parameters);
        json_array_add_object_element(all, o);
    }
    bool found = !only || json_array_get_length(all);
    *ret = qmp_array_node(all);
    if (!found)
        g_clear_pointer(ret, json_node_unref);
    return found || sys_fail(err, "invalid option name: %s", only);
}
