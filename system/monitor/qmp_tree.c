/* QMP commands about the device tree, and about the types there are. */
#include "hw/core/dev_impl.h"
#include "hw/virtio/virtio_balloon.h"
#include "system/monitor/qmp.h"
#include "system/objects.h"
#include "system/sys_balloon.h"
#include "system/sys_devices.h"
#include "target/mem.h"

#include <string.h>

/* Of PropKind. */
static const char *const kinds[] = {"bool", "uint32", "uint64", "str", "link"};

/* ---- the device tree: /machine and what hangs off it, by ids ---- */

/* NULL: there is nothing at this path. *ret_root: it is "/". */
static Device *find_path(Qmp *q, const char *path, bool *ret_root)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    Device *d = NULL;
    *ret_root = true;
    for (unsigned k = 0; parts[k]; k++) {
        Device *next = *ret_root && strcmp(parts[k], "machine") == 0 ? qmp_vm(q)->machine->root : NULL;
        if (!*parts[k])
            continue;
        for (Device *c = d ? d->children : NULL; c && !next; c = c->next)
            if (strcmp(c->id, parts[k]) == 0)
                next = c;
        *ret_root = false;
        d = next;
        if (!d)
            return NULL;
    }
    return d;
}

static bool not_found(const char *path, GError **err)
{
    return sys_fail(err, "Device '%s' not found", path);
}

static void add_prop(JsonArray *all, const char *name, const char *type, const char *help)
{
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "name", name);
    json_object_set_string_member(o, "type", type);
    if (help)
        json_object_set_string_member(o, "description", help);
    json_array_add_object_element(all, o);
}

/* "/objects" (*ret_id: NULL), "/objects/ID". False: it is neither. */
static bool object_at(Qmp *q, const char *path, const char **ret_kind, const char **ret_id)
{
    static const char folder[] = "/objects";
    size_t n = strlen(folder);
    *ret_kind = "container";
    *ret_id = NULL;
    if (strncmp(path, folder, n) != 0 || (path[n] && path[n] != '/'))
        return false;
    if (!path[n] || !path[n + 1])
        return true;
    for (unsigned k = 0; objects_at(qmp_vm(q)->objects, k, ret_kind, ret_id); k++)
        if (strcmp(*ret_id, path + n + 1) == 0)
            return true;
    return false;
}

static bool list_objects(Qmp *q, const char *only, JsonNode **ret)
{
    JsonArray *all = json_array_new();
    const char *kind, *id;
    add_prop(all, "type", "string", NULL);
    for (unsigned k = 0; !only && objects_at(qmp_vm(q)->objects, k, &kind, &id); k++) {
        g_autofree char *type = g_strdup_printf("child<%s>", kind);
        add_prop(all, id, type, NULL);
    }
    *ret = qmp_array_node(all);
    return true;
}

static bool is_balloon(Qmp *q, const Device *d)
{
    const Device *b = sys_balloon(qmp_vm(q));
    return b && d && (d == b || d == b->parent);
}

bool qmp_qom_list(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *path = json_object_get_string_member(args, "path");
    const char *kind, *id;
    bool root;
    if (object_at(q, path, &kind, &id))
        return list_objects(q, id, ret);
    const Device *d = find_path(q, path, &root);
    if (!d && !root)
        return not_found(path, err);
    JsonArray *all = json_array_new();
    add_prop(all, "type", "string", NULL);
    if (root) {
        add_prop(all, "machine", "child<machine>", NULL);
        add_prop(all, "objects", "child<container>", NULL);
    }
    for (unsigned k = 0; d && k < d->cls->n_props; k++)
        if (d->cls->props[k].kind != PROP_PTR)
            add_prop(all, d->cls->props[k].name, kinds[d->cls->props[k].kind], d->cls->props[k].help);
    if (is_balloon(q, d)) {
        add_prop(all, "guest-stats", "guest statistics", NULL);
        add_prop(all, "guest-stats-polling-interval", "int", NULL);
    }
    for (const Device *c = d ? d->children : NULL; c; c = c->next) {
        g_autofree char *type = g_strdup_printf("child<%s>", c->cls->name);
        add_prop(all, c->id, type, c->cls->help);
    }
    *ret = qmp_array_node(all);
    return true;
}

static JsonNode *prop_node(const Device *d, const DevProp *p)
{
    const char *at = (const char *)d + p->offset;
    uint64_t v = 0;
    char text[512];
    Fmt f = FMT_ON(text);
    JsonNode *n = json_node_alloc();
    switch ((PropKind)p->kind) {
    case PROP_BOOL: json_node_init_boolean(n, *(const bool *)at); return n;
    case PROP_U32:
    case PROP_U64:
        memcpy(&v, at, p->kind == PROP_U32 ? 4 : 8);
        json_node_init_int(n, (gint64)v);
        return n;
    default:
        dev_get(d, p->name, &f);
        json_node_init_string(n, text);
        return n;
    }
}

bool qmp_qom_get(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *path = json_object_get_string_member(args, "path"),
               *name = json_object_get_string_member(args, "property");
    const char *kind, *id;
    bool root;
    if (object_at(q, path, &kind, &id) && strcmp(name, "type") == 0) {
        *ret = qmp_text_node(kind);
        return true;
    }
    const Device *d = find_path(q, path, &root);
    if (!d && !root)
        return not_found(path, err);
    if (strcmp(name, "type") == 0) {
        *ret = qmp_text_node(d ? d->cls->name : "container");
        return true;
    }
    for (unsigned k = 0; d && k < d->cls->n_props; k++) {
        if (strcmp(d->cls->props[k].name, name) == 0 && d->cls->props[k].kind != PROP_PTR) {
            *ret = prop_node(d, &d->cls->props[k]);
            return true;
        }
    }
    if (is_balloon(q, d) && strcmp(name, "guest-stats") == 0) {
        *ret = qmp_object_node(sys_balloon_stats(qmp_vm(q)));
        return true;
    }
    if (is_balloon(q, d) && strcmp(name, "guest-stats-polling-interval") == 0) {
        *ret = json_node_alloc();
        json_node_init_int(*ret, virtio_balloon_polled(sys_balloon(qmp_vm(q))));
        return true;
    }
    for (const Device *c = d ? d->children : NULL; c; c = c->next) {
        if (strcmp(c->id, name) == 0) {
            g_autofree char *full = g_strdup_printf("%s/%s", path, c->id);
            *ret = qmp_text_node(full);
            return true;
        }
    }
    return sys_fail(err, "Property '%s.%s' not found", d ? d->cls->name : "container", name);
}

/* What can be changed while the machine is there. */
bool qmp_qom_set(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *path = json_object_get_string_member(args, "path"),
               *name = json_object_get_string_member(args, "property");
    JsonNode *value = json_object_get_member(args, "value");
    bool root;
    const Device *d = find_path(q, path, &root);
    if (!d && !root)
        return not_found(path, err);
    if (!is_balloon(q, d) || strcmp(name, "guest-stats-polling-interval") != 0)
        return sys_fail(err, "Property '%s' of '%s' cannot be changed", name, path);
    if (!JSON_NODE_HOLDS_VALUE(value) || json_node_get_value_type(value) != G_TYPE_INT64 ||
        json_node_get_int(value) < 0 || json_node_get_int(value) > UINT32_MAX)
        return sys_fail(err, "Parameter 'value' expects a number of seconds");
    virtio_balloon_poll(sys_balloon(qmp_vm(q)), (uint32_t)json_node_get_int(value));
    return true;
}

/* ---- types ---- */

/* Every type: its name, that of what it is one of, its properties' classes and its board, where it has such.
 * False: there are fewer than n. */
typedef struct TypeInfo {
    char name[64];
    const char *parent;
    const DevClass *cls, *transport;
    const BoardClass *board;
    const char *cpu; /* model */
} TypeInfo;

static bool device_type(unsigned n, TypeInfo *ret)
{
    const char *name;
    if (!sys_device_kind(n, &name, &ret->cls, &ret->transport))
        return false;
    const char *bus = ret->cls->bus;
    g_strlcpy(ret->name, name, sizeof(ret->name));
    ret->parent = ret->transport               ? "virtio-pci"
                  : strcmp(bus, "virtio") == 0 ? "virtio-device"
                  : strcmp(bus, "pci") == 0    ? "pci-device"
                  : strcmp(bus, "SCSI") == 0   ? "scsi-device"
                                               : "virtio-serial-port";
    return true;
}

static const char *cpu_type(const char *isa)
{
    static const char *const rows[][2] = {{"aarch64", "arm-cpu"},
                                          {"arm", "arm-cpu"},
                                          {"riscv64", "riscv-cpu"},
                                          {"riscv32", "riscv-cpu"},
                                          {"x86_64", "x86_64-cpu"},
                                          {"i386", "i386-cpu"}};
    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++)
        if (strcmp(rows[k][0], isa) == 0)
            return rows[k][1];
    return "cpu";
}

static bool type_at(Qmp *q, unsigned n, TypeInfo *ret)
{
    const BoardClass *own = qmp_vm(q)->machine->board, *b;
    const char *name;
    *ret = (TypeInfo){0};
    if (device_type(n, ret))
        return true;
    for (unsigned k = 0; sys_device_kind(k, &name, &ret->cls, &ret->transport); k++)
        n--;
    *ret = (TypeInfo){0};
    for (unsigned k = 0; (b = sys_board(k)); k++) {
        if (strcmp(b->isa, own->isa) != 0 || n-- != 0)
            continue;
        g_snprintf(ret->name, sizeof(ret->name), "%s-machine", b->name);
        ret->parent = "machine";
        ret->board = b;
        return true;
    }
    for (unsigned k = 0; (name = objects_kind(k)); k++) {
        if (n-- != 0)
            continue;
        g_strlcpy(ret->name, name, sizeof(ret->name));
        ret->parent = g_str_has_prefix(name, "rng-")              ? "rng-backend"
                      : g_str_has_prefix(name, "memory-backend-") ? "memory-backend"
                                                                  : "object";
        return true;
    }
    for (unsigned k = 0; (name = sys_cpu_model(own, k)); k++) {
        if (n-- != 0)
            continue;
        ret->parent = cpu_type(own->isa);
        g_snprintf(ret->name, sizeof(ret->name), "%s-%s", name, ret->parent);
        ret->cpu = name;
        return true;
    }
    return false;
}

/* What is above what types are below. */
static bool is_a(const char *type, const char *wanted)
{
    static const char *const parents[][2] = {
        {"virtio-pci", "pci-device"},
        {"pci-device", "device"},
        {"virtio-device", "device"},
        {"virtio-serial-port", "device"},
        {"scsi-device", "device"},
        {"arm-cpu", "cpu"},
        {"riscv-cpu", "cpu"},
        {"x86_64-cpu", "cpu"},
        {"i386-cpu", "cpu"},
        {"cpu", "device"},
        {"device", "object"},
        {"machine", "object"},
        {"rng-backend", "object"},
        {"memory-backend", "object"},
    };
    if (strcmp(type, wanted) == 0)
        return true;
    for (unsigned k = 0; k < G_N_ELEMENTS(parents); k++)
        if (strcmp(parents[k][0], type) == 0)
            return is_a(parents[k][1], wanted);
    return false;
}

bool qmp_qom_list_types(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *wanted =
        json_object_has_member(args, "implements") ? json_object_get_string_member(args, "implements") : NULL;
    JsonArray *all = json_array_new();
    TypeInfo t;
    for (unsigned k = 0; type_at(q, k, &t); k++) {
        if (wanted && strcmp(t.name, wanted) != 0 && !is_a(t.parent, wanted))
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", t.name);
        json_object_set_string_member(o, "parent", t.parent);
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}

static void add_class(JsonArray *all, const DevClass *cls)
{
    for (unsigned k = 0; cls && k < cls->n_props; k++) {
        const DevProp *p = &cls->props[k];
        JsonObject *o = json_object_new();
        if (p->kind == PROP_PTR)
            continue;
        json_object_set_string_member(o, "name", p->name);
        json_object_set_string_member(o, "type", kinds[p->kind]);
        json_object_set_string_member(o, "description", p->help);
        if (p->kind == PROP_BOOL)
            json_object_set_boolean_member(o, "default-value", p->value != 0);
        else if (p->kind != PROP_TEXT)
            json_object_set_int_member(o, "default-value", (gint64)p->value);
        json_array_add_object_element(all, o);
    }
}

static bool find_type(Qmp *q, const char *name, TypeInfo *ret)
{
    for (unsigned k = 0; type_at(q, k, ret); k++)
        if (strcmp(ret->name, name) == 0)
            return true;
    return false;
}

bool qmp_device_list_properties(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *name = json_object_get_string_member(args, "typename"), *backend;
    TypeInfo t;
    if (!find_type(q, name, &t))
        return sys_fail_missing(err, "Device '%s' not found", name);
    if (!t.cls)
        return sys_fail(err, "Parameter 'typename' expects a non-abstract device type");
    JsonArray *all = json_array_new();
    add_class(all, t.cls);
    add_class(all, t.transport);
    if ((backend = sys_device_backend_key(t.cls)))
        add_prop(all, backend, "str", "what it uses of the host");
    *ret = qmp_array_node(all);
    return true;
}

bool qmp_qom_list_properties(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *name = json_object_get_string_member(args, "typename");
    TypeInfo t;
    if (strcmp(name, "none-machine") != 0 && !find_type(q, name, &t))
        return sys_fail_missing(err, "Class '%s' not found", name);
    JsonArray *all = json_array_new();
    add_prop(all, "type", "string", NULL);
    if (strcmp(name, "none-machine") != 0) {
        add_class(all, t.cls);
        add_class(all, t.transport);
        for (unsigned k = 0; t.board && k < t.board->n_options; k++) {
            const BoardOption *o = &t.board->options[k];
            add_prop(all, o->name, o->words && strcmp(o->words, "on|off") == 0 ? "bool" : "string", o->help);
        }
    }
    *ret = qmp_array_node(all);
    return true;
}

/* ---- cpus ---- */

bool qmp_query_cpu_definitions(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    TypeInfo t;
    for (unsigned k = 0; type_at(q, k, &t); k++) {
        if (!t.cpu)
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", t.cpu);
        json_object_set_string_member(o, "typename", t.name);
        json_object_set_boolean_member(o, "static", FALSE);
        json_object_set_boolean_member(o, "deprecated", FALSE);
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}

/* What the machine's cpus have, by the names that -cpu and the ISA know: on or off, extensions of RISC-V. */
static void add_cpu_props(const Machine *m, JsonObject *props)
{
    const TargetOps *ops = m->board->target;
    const TargetSys *sys = ops->sys;
    TargetProperty p;
    const char *ext;
    for (unsigned k = 0; sys->property && sys->has_property && sys->property(ops, k, &p); k++)
        if (p.kind == TARGET_PROP_SWITCH && !p.same_as)
            json_object_set_boolean_member(props, p.name, sys->has_property(m->cpu[0], p.name));
    for (unsigned k = 0; sys->extension && sys->extension(m->cpu[0], k, &ext); k++)
        json_object_set_boolean_member(props, ext, TRUE);
    if (strcmp(m->board->isa, "aarch64") == 0)
        json_object_set_boolean_member(props, "aarch64", TRUE);
}

bool qmp_query_cpu_expansion(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *model = json_object_get_object_member(args, "model");
    const char *name = json_object_get_string_member(model, "name");
    const Machine *m = qmp_vm(q)->machine;
    unsigned k = 0;
    for (const char *known; (known = sys_cpu_model(m->board, k)) && strcmp(known, name) != 0;)
        k++;
    if (!sys_cpu_model(m->board, k))
        return sys_fail(err, "The CPU type '%s' is not a known CPU type", name);
    if (strcmp(json_object_get_string_member(args, "type"), "full") != 0)
        return sys_fail(err, "The requested expansion type is not supported");
    JsonObject *o = json_object_new(), *full = json_object_new(), *props = json_object_new();
    add_cpu_props(m, props);
    json_object_set_string_member(full, "name", name);
    json_object_set_object_member(full, "props", props);
    json_object_set_object_member(o, "model", full);
    *ret = qmp_object_node(o);
    return true;
}

bool qmp_query_gic(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const bool arm = strcmp(qmp_vm(q)->machine->board->isa, "aarch64") == 0;
    for (unsigned version = 3; arm && version >= 2; version--) {
        JsonObject *o = json_object_new();
        json_object_set_int_member(o, "version", version);
        json_object_set_boolean_member(o, "emulated", TRUE);
        json_object_set_boolean_member(o, "kernel", FALSE);
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}
