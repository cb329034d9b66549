/* One QMP connection: bytes to objects, objects to commands, answers and events. */
#include "system/monitor/qmp.h"

#include <errno.h>
#include <string.h>

enum { OBJECT_MOST = 4 << 20, DEPTH_MOST = 256 };

struct Qmp {
    Vm *vm;
    CharFront front;
    bool pretty, ready;
    GString *text;                     /* of the object that has begun */
    unsigned depth;                    /* of braces and brackets */
    bool in_string, escaped, skipping; /* skipping: to the end of a line that was no object */
};

Vm *qmp_vm(const Qmp *q)
{
    return q->vm;
}
void qmp_negotiated(Qmp *q)
{
    q->ready = true;
}

JsonNode *qmp_object_node(JsonObject *o)
{
    JsonNode *n = json_node_alloc();
    json_node_init_object(n, o);
    json_object_unref(o);
    return n;
}

JsonNode *qmp_array_node(JsonArray *a)
{
    JsonNode *n = json_node_alloc();
    json_node_init_array(n, a);
    json_array_unref(a);
    return n;
}

JsonNode *qmp_text_node(const char *text)
{
    JsonNode *n = json_node_alloc();
    json_node_init_string(n, text);
    return n;
}

/* ---- out ---- */

/* Takes o. */
static void send(Qmp *q, JsonObject *o)
{
    g_autoptr(JsonNode) n = qmp_object_node(o);
    g_autofree char *text = json_to_string(n, q->pretty);
    g_autofree char *line = g_strconcat(text, "\r\n", NULL);
    if (chardev_connected(q->front.chr))
        q->front.port.write(q->front.port.backend, (const uint8_t *)line, strlen(line));
}

static void send_error(Qmp *q, JsonNode *id, const char *class, const char *text)
{
    JsonObject *o = json_object_new(), *e = json_object_new();
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    json_object_set_string_member(e, "class", class);
    json_object_set_string_member(e, "desc", valid);
    json_object_set_object_member(o, "error", e);
    if (id)
        json_object_set_member(o, "id", json_node_copy(id));
    send(q, o);
}

static JsonObject *make_version(void)
{
    JsonObject *o = json_object_new(), *v = json_object_new();
    json_object_set_int_member(v, "major", 7); /* of the protocol: names and shapes are that level's */
    json_object_set_int_member(v, "minor", 2);
    json_object_set_int_member(v, "micro", 0);
    json_object_set_object_member(o, "qemu", v);
    json_object_set_string_member(o, "package", "tinamou-" TINAMOU_VERSION);
    return o;
}

bool qmp_query_version(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    *ret = qmp_object_node(make_version());
    return true;
}

static void greet(Qmp *q)
{
    JsonObject *o = json_object_new(), *in = json_object_new();
    json_object_set_object_member(in, "version", make_version());
    json_object_set_array_member(in, "capabilities", json_array_new());
    json_object_set_object_member(o, "QMP", in);
    q->ready = q->in_string = q->escaped = q->skipping = false;
    q->depth = 0;
    g_string_truncate(q->text, 0);
    send(q, o);
}

static void on_event(void *opaque, const char *name, JsonObject *data)
{
    Qmp *q = opaque;
    if (!q->ready)
        return;
    JsonObject *o = json_object_new(), *at = json_object_new();
    gint64 now = g_get_real_time();
    json_object_set_int_member(at, "seconds", now / G_USEC_PER_SEC);
    json_object_set_int_member(at, "microseconds", now % G_USEC_PER_SEC);
    json_object_set_object_member(o, "timestamp", at);
    json_object_set_string_member(o, "event", name);
    if (data)
        json_object_set_object_member(o, "data", json_object_ref(data));
    send(q, o);
}

/* ---- in ---- */

static const char *class_of(const GError *err)
{
    if (err->domain != SYS_ERROR)
        return "GenericError";
    return err->code == SYS_ERROR_MISSING      ? "DeviceNotFound"
           : err->code == SYS_ERROR_NOT_ACTIVE ? "DeviceNotActive"
                                               : "GenericError";
}

static void run(Qmp *q, const QmpCommand *c, JsonObject *args, JsonNode *id)
{
    g_autoptr(GError) err = NULL;
    JsonNode *ret = NULL;
    if (!qmp_check_args(c, args, &err) || !c->run(q, args, &ret, &err)) {
        send_error(q, id, class_of(err), err->message);
        return;
    }
    JsonObject *o = json_object_new();
    json_object_set_member(o, "return", ret ? ret : qmp_object_node(json_object_new()));
    if (id)
        json_object_set_member(o, "id", json_node_copy(id));
    send(q, o);
}

static void dispatch(Qmp *q, JsonObject *o)
{
    JsonNode *id = json_object_get_member(o, "id"), *name = json_object_get_member(o, "execute"),
             *args = json_object_get_member(o, "arguments");
    g_autoptr(JsonObject) none = json_object_new();
    g_autoptr(GList) members = json_object_get_members(o);
    for (GList *m = members; m; m = m->next) {
        g_autofree char *text = g_strdup_printf("QMP input member '%s' is unexpected", (char *)m->data);
        if (strcmp(m->data, "id") != 0 && strcmp(m->data, "execute") != 0 &&
            strcmp(m->data, "arguments") != 0) {
            send_error(q, id, "GenericError", text);
            return;
        }
    }
    if (!name || !JSON_NODE_HOLDS_VALUE(name) || json_node_get_value_type(name) != G_TYPE_STRING) {
        send_error(q, id, "GenericError",
                   name ? "QMP input member 'execute' must be a string" : "QMP input lacks member 'execute'");
        return;
    }
    if (args && !JSON_NODE_HOLDS_OBJECT(args)) {
        send_error(q, id, "GenericError", "QMP input member 'arguments' must be an object");
        return;
    }
    const char *s = json_node_get_string(name);
    const QmpCommand *c = qmp_find(s);
    bool first = strcmp(s, "qmp_capabilities") == 0;
    g_autofree char *unknown = g_strdup_printf("The command %s has not been found", s);
    if (!q->ready && !first)
        send_error(q, id, "CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'");
    else if (!c || (q->ready && first))
        send_error(q, id, "CommandNotFound",
                   c ? "Capabilities negotiation is already complete, command ignored" : unknown);
    else
        run(q, c, args ? json_node_get_object(args) : none, id);
}

/* Does each number have a value? JsonParser makes -1 or infinity of those that are too large. */
static bool numbers_fit(const char *text)
{
    char *end;
    errno = 0;
    for (bool in_string = false; *text; text = end) {
        end = (char *)text + 1;
        if (*text == '\\' && in_string) {
            end++;
        } else if (*text == '"') {
            in_string = !in_string;
        } else if (!in_string && g_ascii_isdigit(*text)) {
            end += strspn(end, "0123456789");
            if (*end == '.' || *end == 'e' || *end == 'E')
                g_ascii_strtod(text, &end);
            else
                g_ascii_strtoull(text, NULL, 10);
            if (errno == ERANGE)
                return false;
        }
    }
    return true;
}

static void parse(Qmp *q)
{
    g_autoptr(JsonParser) p = json_parser_new();
    g_autoptr(GError) err = NULL;
    bool ok = g_utf8_validate(q->text->str, (gssize)q->text->len, NULL) &&
              json_parser_load_from_data(p, q->text->str, (gssize)q->text->len, &err);
    JsonNode *root = ok ? json_parser_get_root(p) : NULL;
    if (ok && !numbers_fit(q->text->str))
        ok = sys_fail(&err, "a number is out of range");
    g_autofree char *why = g_strdup_printf("JSON parse error, %s", err ? err->message : "invalid UTF-8");
    if (!ok)
        send_error(q, NULL, "GenericError", why);
    else if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        send_error(q, NULL, "GenericError", "QMP input must be a JSON object");
    else
        dispatch(q, json_node_get_object(root));
}

static void give_up(Qmp *q, const char *why, uint8_t b)
{
    send_error(q, NULL, "GenericError", why);
    q->depth = 0;
    q->in_string = q->escaped = false;
    q->skipping = b != '\n';
    g_string_truncate(q->text, 0);
}

/* Cuts the stream into objects. */
static void one_byte(Qmp *q, uint8_t b)
{
    if (q->skipping) {
        q->skipping = b != '\n';
        return;
    }
    if (!q->depth && strchr(" \t\r\n", b) && b)
        return;
    if (!q->depth && b != '{' && b != '[') {
        give_up(q, "JSON parse error, expecting value", b);
        return;
    }
    g_string_append_c(q->text, (char)b);
    if (q->text->len > OBJECT_MOST || q->depth > DEPTH_MOST) {
        give_up(q, "JSON parse error, too large", b);
        return;
    }
    if (q->in_string) {
        bool ends = b == '"' && !q->escaped;
        q->escaped = b == '\\' && !q->escaped;
        q->in_string = !ends;
        if (b == '\n')
            give_up(q, "JSON parse error, a string without end", b);
        return;
    }
    q->in_string = b == '"';
    if (b == '{' || b == '[') {
        q->depth++;
    } else if (b == '}' || b == ']') {
        if (--q->depth == 0) {
            parse(q);
            g_string_truncate(q->text, 0);
        }
    }
}

static size_t can_take(void *opaque)
{
    return 4096;
}

static void take(void *opaque, const uint8_t *bytes, size_t n)
{
    for (size_t k = 0; k < n; k++)
        one_byte(opaque, bytes[k]);
}

static void event(void *opaque, CharEvent e)
{
    if (e == CHAR_OPENED)
        greet(opaque);
    if (e == CHAR_CLOSED)
        ((Qmp *)opaque)->ready = false;
}

Qmp *qmp_new(Vm *vm, Chardev *c, bool pretty, GError **err)
{
    Qmp *q = g_new0(Qmp, 1);
    q->vm = vm;
    q->pretty = pretty;
    q->text = g_string_new(NULL);
    q->front.port.device = q;
    q->front.port.can_take = can_take;
    q->front.port.take = take;
    q->front.port.event = event;
    if (!chardev_attach(c, &q->front, "qmp", err)) {
        qmp_free(q);
        return NULL;
    }
    vm_listen(vm, (VmListener){.opaque = q, .event = on_event});
    return q;
}

void qmp_free(Qmp *q)
{
    vm_unlisten(q->vm, q);
    chardev_detach(&q->front);
    g_string_free(q->text, TRUE);
    g_free(q);
}
