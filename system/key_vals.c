#include "system/key_vals.h"

#include <json-glib/json-glib.h>
#include <string.h>

typedef struct Pair {
    char *key, *value;
    bool asked;
} Pair;

struct KeyVals {
    char *what;
    GArray *pairs;    /* Pair */
    GPtrArray *known; /* keys that were asked for */
};

static void pair_clear(void *p)
{
    g_free(((Pair *)p)->key);
    g_free(((Pair *)p)->value);
}

static Pair *pair_at(const KeyVals *kv, unsigned n)
{
    return &g_array_index(kv->pairs, Pair, n);
}

KeyVals *key_vals_new(const char *what)
{
    KeyVals *kv = g_new0(KeyVals, 1);
    kv->what = g_strdup(what);
    kv->pairs = g_array_new(FALSE, FALSE, sizeof(Pair));
    g_array_set_clear_func(kv->pairs, pair_clear);
    kv->known = g_ptr_array_new_with_free_func(g_free);
    return kv;
}

void key_vals_free(KeyVals *kv)
{
    if (!kv)
        return;
    g_array_unref(kv->pairs);
    g_ptr_array_unref(kv->known);
    g_free(kv->what);
    g_free(kv);
}

void key_vals_add(KeyVals *kv, const char *key, const char *value)
{
    Pair p = {.key = g_strdup(key), .value = g_strdup(value)};
    g_array_append_val(kv->pairs, p);
}

void key_vals_default(KeyVals *kv, const char *key, const char *value)
{
    for (unsigned k = 0; k < kv->pairs->len; k++)
        if (strcmp(pair_at(kv, k)->key, key) == 0)
            return;
    key_vals_add(kv, key, value);
}

const char *key_vals_what(const KeyVals *kv)
{
    return kv->what;
}

/* ---- reading ---- */

static void add_json(KeyVals *kv, const char *prefix, JsonNode *node);

static void add_member(JsonObject *object, const char *name, JsonNode *node, void *opaque)
{
    void **both = opaque;
    const char *prefix = both[1];
    g_autofree char *key = *prefix ? g_strdup_printf("%s.%s", prefix, name) : g_strdup(name);
    add_json(both[0], key, node);
}

static void add_json(KeyVals *kv, const char *prefix, JsonNode *node)
{
    void *both[2] = {kv, (void *)(uintptr_t)prefix};
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        json_object_foreach_member(json_node_get_object(node), add_member, both);
    } else if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *a = json_node_get_array(node);
        for (unsigned k = 0; k < json_array_get_length(a); k++) {
            g_autofree char *key = g_strdup_printf("%s.%u", prefix, k);
            add_json(kv, key, json_array_get_element(a, k));
        }
    } else if (JSON_NODE_HOLDS_VALUE(node)) {
        GType type = json_node_get_value_type(node);
        g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
        key_vals_add(kv, prefix,
                     type == G_TYPE_STRING    ? json_node_get_string(node)
                     : type == G_TYPE_BOOLEAN ? json_node_get_boolean(node) ? "on" : "off"
                                              : number);
    }
}

static bool parse_json(KeyVals *kv, const char *text, GError **err)
{
    g_autoptr(JsonParser) p = json_parser_new_immutable();
    g_autoptr(GError) why = NULL;
    if (!json_parser_load_from_data(p, text, -1, &why))
        return sys_fail(err, "%s: no JSON: %s", kv->what, why->message);
    JsonNode *root = json_parser_get_root(p);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return sys_fail(err, "%s: a JSON object is wanted", kv->what);
    add_json(kv, "", root);
    return true;
}

/* Up to a comma that is not doubled; moves *at behind it. */
static char *take_part(const char **at)
{
    GString *part = g_string_new(NULL);
    const char *s = *at;
    for (; *s && (*s != ',' || s[1] == ','); s++) {
        g_string_append_c(part, *s);
        s += *s == ',';
    }
    *at = *s ? s + 1 : s;
    return g_string_free(part, FALSE);
}

static bool parse_text(KeyVals *kv, const char *text, const char *implied, GError **err)
{
    bool first = true;
    for (const char *at = text; *at; first = false) {
        g_autofree char *part = take_part(&at);
        char *value = strchr(part, '=');
        if (value)
            *value++ = 0;
        if (!*part)
            return sys_fail(err, "%s: '%s': a key is missing", kv->what, text);
        if (!value && first && implied)
            key_vals_add(kv, implied, part);
        else
            key_vals_add(kv, part, value ? value : "on");
    }
    return true;
}

KeyVals *key_vals_parse(const char *what, const char *text, const char *implied, GError **err)
{
    KeyVals *kv = key_vals_new(what);
    if (text[0] == '{' ? parse_json(kv, text, err) : parse_text(kv, text, implied, err))
        return kv;
    key_vals_free(kv);
    return NULL;
}

/* ---- asking ---- */

static void note_known(KeyVals *kv, const char *key)
{
    if (!g_ptr_array_find_with_equal_func(kv->known, key, g_str_equal, NULL))
        g_ptr_array_add(kv->known, g_strdup(key));
}

const char *key_vals_get(KeyVals *kv, const char *key)
{
    const char *found = NULL;
    note_known(kv, key);
    for (unsigned k = 0; k < kv->pairs->len; k++) {
        Pair *p = pair_at(kv, k);
        if (strcmp(p->key, key) == 0) {
            p->asked = true;
            found = p->value;
        }
    }
    return found;
}

bool key_vals_bool(KeyVals *kv, const char *key, bool *io, GError **err)
{
    static const char *const words[] = {"off", "on", "no", "yes", "false", "true", "n", "y"};
    const char *s = key_vals_get(kv, key);
    for (unsigned k = 0; s && k < G_N_ELEMENTS(words); k++) {
        if (strcmp(words[k], s) == 0) {
            *io = k & 1;
            return true;
        }
    }
    return !s || sys_fail(err, "%s: %s=%s: on or off", kv->what, key, s);
}

bool key_vals_u64(KeyVals *kv, const char *key, uint64_t most, uint64_t *io, GError **err)
{
    const char *s = key_vals_get(kv, key);
    guint64 v = 0;
    bool hex = s && g_str_has_prefix(s, "0x");
    if (!s)
        return true;
    if (!g_ascii_string_to_unsigned(hex ? s + 2 : s, hex ? 16 : 10, 0, most, &v, NULL))
        return sys_fail(err, "%s: %s=%s: a number up to %" PRIu64, kv->what, key, s, most);
    *io = v;
    return true;
}

bool parse_size(const char *text, uint64_t *ret)
{
    static const char units[] = "BKMGTPE";
    char *end;
    uint64_t whole = g_ascii_strtoull(text, &end, 10), part = 0, scale = 1;
    if (end == text || !g_ascii_isdigit(text[0]))
        return false;
    if (*end == '.')
        for (end++; g_ascii_isdigit(*end) && scale < 1000000; end++, scale *= 10)
            part = part * 10 + (uint64_t)(*end - '0');
    const char *unit = *end ? strchr(units, g_ascii_toupper(*end)) : units;
    if (!unit || (*end && end[1] && strcmp(end + 1, "iB") != 0 && strcmp(end + 1, "B") != 0))
        return false;
    unsigned shift = 10 * (unsigned)(unit - units);
    if (whole > (uint64_t)INT64_MAX >> shift || (part && !shift))
        return false;
    *ret = (whole << shift) + (part ? (uint64_t)((unsigned __int128)part * (1ull << shift) / scale) : 0);
    return true;
}

bool key_vals_size(KeyVals *kv, const char *key, uint64_t *io, GError **err)
{
    const char *s = key_vals_get(kv, key);
    return !s || parse_size(s, io) ||
           sys_fail(err, "%s: %s=%s: a number of bytes, with k, M, G or T", kv->what, key, s);
}

bool key_vals_word(KeyVals *kv, const char *key, const char *const *words, unsigned n, unsigned *io,
                   GError **err)
{
    const char *s = key_vals_get(kv, key);
    for (unsigned k = 0; s && k < n; k++) {
        if (strcmp(words[k], s) == 0) {
            *io = k;
            return true;
        }
    }
    return !s || sys_fail(err, "%s: no %s=%s; '%s' would be", kv->what, key, s, sys_nearest(s, words, n));
}

static bool is_below(const char *key, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(key, prefix, n) == 0 && key[n] == '.';
}

KeyVals *key_vals_below(KeyVals *kv, const char *prefix)
{
    KeyVals *below = NULL;
    note_known(kv, prefix);
    for (unsigned k = 0; k < kv->pairs->len; k++) {
        Pair *p = pair_at(kv, k);
        if (!is_below(p->key, prefix))
            continue;
        g_autofree char *what = g_strdup_printf("%s: %s", kv->what, prefix);
        below = below ? below : key_vals_new(what);
        key_vals_add(below, p->key + strlen(prefix) + 1, p->value);
        p->asked = true;
    }
    return below;
}

bool key_vals_has_below(const KeyVals *kv, const char *prefix)
{
    for (unsigned k = 0; k < kv->pairs->len; k++)
        if (is_below(pair_at(kv, k)->key, prefix))
            return true;
    return false;
}

bool key_vals_rest(KeyVals *kv, unsigned *at, const char **ret_key, const char **ret_value)
{
    for (; *at < kv->pairs->len; ++*at) {
        Pair *p = pair_at(kv, *at);
        if (p->asked)
            continue;
        p->asked = true;
        *ret_key = p->key;
        *ret_value = p->value;
        ++*at;
        return true;
    }
    return false;
}

bool key_vals_done(const KeyVals *kv, GError **err)
{
    for (unsigned k = 0; k < kv->pairs->len; k++) {
        const Pair *p = pair_at(kv, k);
        if (p->asked)
            continue;
        const char *near = sys_nearest(p->key, (const char *const *)kv->known->pdata, kv->known->len);
        return near ? sys_fail(err, "%s: no property '%s'; '%s' would be", kv->what, p->key, near)
                    : sys_fail(err, "%s: no property '%s'", kv->what, p->key);
    }
    return true;
}
