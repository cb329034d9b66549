/* QMP commands about the machine as a whole, cpus and chardevs. */
#include "system/engine_switch.h"
#include "system/monitor/hmp.h"
#include "system/monitor/qmp.h"

#include <string.h>

bool qmp_capabilities(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *enable =
        json_object_has_member(args, "enable") ? json_object_get_array_member(args, "enable") : NULL;
    if (enable && json_array_get_length(enable))
        return sys_fail(err, "Capability 'oob' is not available");
    qmp_negotiated(q);
    return true;
}

bool qmp_query_commands(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const QmpCommand *c;
    for (unsigned k = 0; (c = qmp_command_at(k)); k++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", c->name);
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}

bool qmp_query_status(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *o = json_object_new();
    RunState s = qmp_vm(q)->state;
    json_object_set_boolean_member(o, "running", s == RUN_RUNNING);
    json_object_set_boolean_member(o, "singlestep", FALSE);
    json_object_set_string_member(o, "status", vm_state_names[s]);
    *ret = qmp_object_node(o);
    return true;
}

bool qmp_query_kvm(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *o = json_object_new();
    Engine *e = &qmp_vm(q)->engine;
    json_object_set_boolean_member(o, "enabled", e->kind == ENGINE_KVM);
    json_object_set_boolean_member(o, "present", engine_probe(e)->usable);
    *ret = qmp_object_node(o);
    return true;
}

/* Which there are for this guest, which runs it, and why. */
bool qmp_query_accelerators(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *o = json_object_new();
    JsonArray *present = json_array_new();
    Engine *e = &qmp_vm(q)->engine;
    if (engine_probe(e)->usable)
        json_array_add_string_element(present, "kvm");
    json_array_add_string_element(present, "tcg");
    json_array_add_string_element(present, "interp");
    json_object_set_string_member(o, "enabled", engine_name(e));
    json_object_set_array_member(o, "present", present);
    json_object_set_string_member(o, "reason", engine_reason(e));
    g_autofree char *obstacle = engine_obstacle(qmp_vm(q));
    json_object_set_boolean_member(o, "switchable", !obstacle);
    if (obstacle)
        json_object_set_string_member(o, "obstacle", obstacle);
    *ret = qmp_object_node(o);
    return true;
}

bool qmp_query_name(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *o = json_object_new();
    if (qmp_vm(q)->opt->name)
        json_object_set_string_member(o, "name", qmp_vm(q)->opt->name);
    *ret = qmp_object_node(o);
    return true;
}

bool qmp_query_uuid(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *o = json_object_new();
    const char *u = qmp_vm(q)->opt->uuid;
    json_object_set_string_member(o, "UUID", *u ? u : "00000000-0000-0000-0000-000000000000");
    *ret = qmp_object_node(o);
    return true;
}

bool qmp_query_target(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "arch", qmp_vm(q)->machine->board->isa);
    *ret = qmp_object_node(o);
    return true;
}

bool qmp_query_machines(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const BoardClass *b;
    for (unsigned k = 0; (b = sys_board(k)); k++) {
        JsonObject *o = json_object_new();
        if (strcmp(b->isa, qmp_vm(q)->machine->board->isa) != 0)
            continue;
        json_object_set_string_member(o, "name", b->name);
        json_object_set_int_member(o, "cpu-max", MACHINE_MAX_CPUS);
        json_object_set_boolean_member(o, "hotpluggable-cpus", FALSE);
        json_object_set_boolean_member(o, "numa-mem-supported", FALSE);
        json_object_set_boolean_member(o, "deprecated", FALSE);
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}

bool qmp_query_cpus(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const Vm *vm = qmp_vm(q);
    for (unsigned k = 0; k < vm->vcpus.n; k++) {
        JsonObject *o = json_object_new(), *props = json_object_new();
        g_autofree char *path = g_strdup_printf("/machine/cpu[%u]", k);
        json_object_set_int_member(props, "core-id", k);
        json_object_set_int_member(o, "cpu-index", k);
        json_object_set_string_member(o, "qom-path", path);
        json_object_set_int_member(o, "thread-id", (gint64)vm->vcpus.vcpu[k].host_tid);
        json_object_set_object_member(o, "props", props);
        json_object_set_string_member(o, "target", vm->machine->board->isa);
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}

bool qmp_query_memory(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "base-memory", (gint64)qmp_vm(q)->machine->cfg.ram_bytes);
    *ret = qmp_object_node(o);
    return true;
}

bool qmp_query_nothing(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    *ret = qmp_array_node(json_array_new());
    return true;
}

/* ---- chardevs ---- */

static void add_chardev(void *opaque, Chardev *c)
{
    JsonObject *o = json_object_new();
    g_autofree char *what = chardev_describe(c);
    json_object_set_string_member(o, "label", chardev_id(c));
    json_object_set_string_member(o, "filename", what);
    json_object_set_boolean_member(o, "frontend-open", chardev_used(c));
    json_array_add_object_element(opaque, o);
}

bool qmp_query_chardev(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    chardevs_each(qmp_vm(q)->chars, add_chardev, all);
    *ret = qmp_array_node(all);
    return true;
}

static bool is_base64(JsonObject *args)
{
    return json_object_has_member(args, "format") &&
           strcmp(json_object_get_string_member(args, "format"), "base64") == 0;
}

bool qmp_ringbuf_read(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *id = json_object_get_string_member(args, "device");
    gint64 size = json_object_get_int_member(args, "size");
    g_autoptr(GByteArray) got = g_byte_array_new();
    Chardev *c = chardev_find(qmp_vm(q)->chars, id);
    if (size <= 0)
        return sys_fail(err, "size must be greater than zero");
    if (!c || !chardev_ring_read(c, (size_t)size, got))
        return sys_fail(err, c ? "'%s' is no ring buffer" : "Device '%s' not found", id);
    g_autofree char *text = is_base64(args) ? g_base64_encode(got->data, got->len)
                                            : g_utf8_make_valid((const char *)got->data, got->len);
    *ret = qmp_text_node(text);
    return true;
}

bool qmp_ringbuf_write(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *id = json_object_get_string_member(args, "device");
    const char *data = json_object_get_string_member(args, "data");
    g_autoptr(GByteArray) none = g_byte_array_new();
    Chardev *c = chardev_find(qmp_vm(q)->chars, id);
    gsize n = strlen(data);
    g_autofree guchar *raw = is_base64(args) ? g_base64_decode(data, &n) : (guchar *)g_strdup(data);
    if (!c || !chardev_ring_read(c, 0, none))
        return sys_fail(err, c ? "'%s' is no ring buffer" : "Device '%s' not found", id);
    chardev_ring_write(c, raw, n);
    return true;
}

/* ---- running ---- */

bool qmp_stop(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    if (vm_is_live(qmp_vm(q)))
        vm_stop(qmp_vm(q), RUN_PAUSED);
    return true;
}

bool qmp_cont(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return vm_cont(qmp_vm(q)) || sys_fail(err, "Resetting the Virtual Machine is required");
}

bool qmp_system_reset(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    vm_reset(qmp_vm(q), CAUSE_HOST_SYSTEM_RESET);
    return true;
}

bool qmp_system_powerdown(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    vm_powerdown(qmp_vm(q));
    return true;
}

bool qmp_system_wakeup(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return vm_wakeup(qmp_vm(q), err);
}

bool qmp_query_current_machine(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonObject *o = json_object_new();
    json_object_set_boolean_member(o, "wakeup-suspend-support", vm_has_suspend(qmp_vm(q)));
    *ret = qmp_object_node(o);
    return true;
}

bool qmp_set_action(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    SysOptions *o = qmp_vm(q)->opt;
    if (json_object_has_member(args, "reboot"))
        o->no_reboot = strcmp(json_object_get_string_member(args, "reboot"), "shutdown") == 0;
    if (json_object_has_member(args, "shutdown"))
        o->no_shutdown = strcmp(json_object_get_string_member(args, "shutdown"), "pause") == 0;
    return !json_object_has_member(args, "panic") ||
           sys_panic_action(json_object_get_string_member(args, "panic"), &o->panic, err);
}

static gboolean quit_later(void *opaque)
{
    vm_quit(opaque, CAUSE_HOST_QUIT, 0);
    return G_SOURCE_REMOVE;
}

bool qmp_quit(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, quit_later, qmp_vm(q), NULL); /* the answer first */
    return true;
}

bool qmp_human(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    g_autoptr(GString) out = g_string_new(NULL);
    Hmp h = {.vm = qmp_vm(q), .out = out};
    gint64 cpu =
        json_object_has_member(args, "cpu-index") ? json_object_get_int_member(args, "cpu-index") : 0;
    if (cpu < 0 || cpu >= h.vm->machine->cfg.cpus)
        return sys_fail(err, "Parameter 'cpu-index' expects a CPU number");
    h.cpu = (unsigned)cpu;
    hmp_run(&h, json_object_get_string_member(args, "command-line"));
    g_auto(GStrv) lines = g_strsplit(out->str, "\n", -1);
    g_autofree char *text = g_strjoinv("\r\n", lines);
    *ret = qmp_text_node(text);
    return true;
}

/* ---- trace events ---- */

bool qmp_trace_get(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *pattern = json_object_get_string_member(args, "name");
    JsonArray *all = json_array_new();
    char *name;
    bool on;
    for (unsigned k = 0; trace_at(&qmp_vm(q)->trace, k, &name, &on); k++) {
        if (g_pattern_match_simple(pattern, name)) {
            JsonObject *o = json_object_new();
            json_object_set_string_member(o, "name", name);
            json_object_set_string_member(o, "state", on ? "enabled" : "disabled");
            json_array_add_object_element(all, o);
        }
        g_free(name);
    }
    if (!json_array_get_length(all) && !strpbrk(pattern, "*?")) {
        json_array_unref(all);
        return sys_fail(err, "unknown event \"%s\"", pattern);
    }
    *ret = qmp_array_node(all);
    return true;
}

bool qmp_trace_set(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const char *pattern = json_object_get_string_member(args, "name");
    bool on = json_object_get_boolean_member(args, "enable");
    return trace_set(&qmp_vm(q)->trace, pattern, on) || strpbrk(pattern, "*?") ||
           sys_fail(err, "unknown event \"%s\"", pattern);
}
