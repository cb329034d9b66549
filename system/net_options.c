#include "system/net_options.h"
#include "system/key_vals.h"
#include "system/sys_options.h"

#include <string.h>

static const struct {
    const char *name;
    NetBack *(*open)(const char *text, GError **err);
} kinds[] = {
#if TINAMOU_SLIRP
    {"user", net_user_open},
#endif
    {"socket", net_socket_open}, {"stream", net_stream_open},
    {"dgram", net_dgram_open},   {"tap", net_tap_open},
};

const char *sys_net_kind(unsigned n)
{
    return n < G_N_ELEMENTS(kinds) ? kinds[n].name : NULL;
}

static NetBack *open_net(SysNet *s, const char *what, const char *text, GError **err)
{
    size_t n = strcspn(text, ",");
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        if (strlen(kinds[k].name) != n || strncmp(kinds[k].name, text, n) != 0)
            continue;
        if (s->n == SYS_MAX_NETS) {
            sys_fail(err, "more than %u networks", (unsigned)SYS_MAX_NETS);
            return NULL;
        }
        NetBack *b = kinds[k].open(text[n] ? text + n + 1 : "", err);
        if (b) {
            b->kind = kinds[k].name;
            s->net[s->n++] = b;
        }
        return b;
    }
    const char *names[G_N_ELEMENTS(kinds)];
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++)
        names[k] = kinds[k].name;
    g_autofree char *kind = g_strndup(text, n);
    sys_fail(err, "%s: no kind of network '%s'; '%s' would be", what, kind,
             sys_nearest(kind, names, G_N_ELEMENTS(names)));
    return NULL;
}

static NetBack *find(const SysNet *s, const char *id)
{
    for (unsigned k = 0; id && k < s->n; k++)
        if (strcmp(s->net[k]->id, id) == 0)
            return s->net[k];
    return NULL;
}

/* JSON in the short grammar, which all kinds understand. NULL: err. */
static char *from_json(const char *text, GError **err)
{
    unsigned at = 0;
    const char *key, *value;
    g_autoptr(KeyVals) kv = key_vals_parse("-netdev", text, "type", err);
    const char *kind = kv ? key_vals_get(kv, "type") : NULL;
    if (!kv || !kind) {
        if (kv)
            sys_fail(err, "-netdev: which type?");
        return NULL;
    }
    GString *out = g_string_new(kind);
    while (key_vals_rest(kv, &at, &key, &value)) {
        g_autoptr(GString) doubled = g_string_new(value);
        size_t n = strlen(key);
        g_string_replace(doubled, ",", ",,", 0);
        if (g_str_has_suffix(key, ".str")) /* an element of a list: hostfwd.0.str */
            n = (size_t)(strchr(key, '.') - key);
        g_string_append_printf(out, ",%.*s=%s", (int)n, key, doubled->str);
    }
    return g_string_free(out, FALSE);
}

bool sys_net_add_netdev(SysNet *s, const char *text, GError **err)
{
    g_autofree char *plain = *text == '{' ? from_json(text, err) : g_strdup(text);
    NetBack *b = plain ? open_net(s, "-netdev", plain, err) : NULL;
    if (!b)
        return false;
    if (b->id[0] && find(s, b->id) == b)
        return true;
    b->id[0] ? sys_fail(err, "-netdev: two networks '%s'", b->id) : sys_fail(err, "-netdev: which id?");
    s->n--;
    b->close(b);
    return false;
}

typedef struct NicKeys {
    char *model, *mac;
    GString *rest; /* what is the network's */
} NicKeys;

static bool set_nic(void *opaque, const char *key, const char *value, GError **err)
{
    NicKeys *k = opaque;
    char **mine = strcmp(key, "model") == 0 ? &k->model : strcmp(key, "mac") == 0 ? &k->mac : NULL;
    if (mine) {
        g_free(*mine);
        *mine = g_strdup(value);
        return value || sys_fail(err, "'%s' has no value", key);
    }
    g_autoptr(GString) doubled = g_string_new(value);
    g_string_replace(doubled, ",", ",,", 0);
    g_string_append_printf(k->rest, "%s%s%s%s", k->rest->len ? "," : "", key, value ? "=" : "", doubled->str);
    return true;
}

bool sys_net_add_nic(SysNet *s, const char *text, GError **err)
{
    if (strcmp(text, "none") == 0) {
        s->none = true;
        return true;
    }
    NicKeys k = {.rest = g_string_new(NULL)};
    NetBack *b = net_keys("-nic", text, set_nic, &k, err) ? open_net(s, "-nic", k.rest->str, err) : NULL;
    g_string_free(k.rest, TRUE);
    s->nic[s->n_nics].model = k.model;
    s->nic[s->n_nics].mac = k.mac;
    s->nic[s->n_nics].net = b;
    if (b && !b->id[0]) {
        g_free(b->id);
        b->id = g_strdup_printf("nic%u", s->n_nics);
    }
    s->n_nics += b != NULL;
    return b != NULL;
}

static bool is_card(const char *text)
{
    return strcmp(text, "nic") == 0 || g_str_has_prefix(text, "nic,");
}

static const char *nth_text(const GPtrArray *texts, bool card, unsigned n)
{
    for (unsigned k = 0; k < texts->len; k++)
        if (is_card(texts->pdata[k]) == card && n-- == 0)
            return texts->pdata[k];
    return NULL;
}

/* What a card says, in the words of -nic. */
static bool card_words(const char *text, GString *out, GError **err)
{
    static const char *const names[][2] = {{"model", "model"}, {"macaddr", "mac"}, {"mac", "mac"}};
    g_autoptr(KeyVals) kv = key_vals_parse("-net", text, "kind", err);
    if (!kv)
        return false;
    key_vals_get(kv, "kind");
    key_vals_get(kv, "name");
    for (unsigned k = 0; k < G_N_ELEMENTS(names); k++) {
        const char *value = key_vals_get(kv, names[k][0]);
        if (value)
            g_string_append_printf(out, ",%s=%s", names[k][1], value);
    }
    return key_vals_done(kv, err);
}

bool sys_net_add_pairs(SysNet *s, const GPtrArray *texts, GError **err)
{
    if (texts->len == 1 && strcmp(texts->pdata[0], "none") == 0)
        return sys_net_add_nic(s, "none", err);
    for (unsigned n = 0;; n++) {
        const char *card = nth_text(texts, true, n), *net = nth_text(texts, false, n);
        if (!card && !net)
            return true;
        if (!card || !net)
            return sys_fail(err, "-net %s: %s", card ? card : net,
                            card ? "a card without a network; -net user would be one"
                                 : "a network without a card; -net nic would be one");
        g_autoptr(GString) both = g_string_new(net);
        if (!card_words(card, both, err) || !sys_net_add_nic(s, both->str, err))
            return false;
    }
}

NetBack *sys_net_take(SysNet *s, const char *id, GError **err)
{
    NetBack *b = find(s, id);
    if (!b || b->used) {
        sys_fail(err, b ? "network '%s' has a device already" : "no network '%s'", id ? id : "");
        return NULL;
    }
    b->used = true;
    return b;
}

bool sys_net_remove(SysNet *s, const char *id, GError **err)
{
    NetBack *b = find(s, id);
    if (!b)
        return sys_fail_missing(err, "Device '%s' not found", id);
    if (b->used)
        return sys_fail(err, "network '%s' has a device", id);
    unsigned k = 0;
    while (s->net[k] != b)
        k++;
    memmove(&s->net[k], &s->net[k + 1], (s->n - k - 1) * sizeof(s->net[0]));
    s->n--;
    b->close(b);
    return true;
}

bool sys_net_add_dump(SysNet *s, KeyVals *kv, GError **err)
{
    uint64_t most = NET_FRAME_MAX;
    const char *net = key_vals_get(kv, "netdev"), *path = key_vals_get(kv, "file");
    key_vals_get(kv, "id");
    if (!key_vals_u64(kv, "maxlen", NET_FRAME_MAX, &most, err) || !key_vals_done(kv, err))
        return false;
    NetBack *b = find(s, net);
    if (!b)
        return sys_fail(err, "-object filter-dump: no network '%s'", net ? net : "");
    if (b->dump || !path)
        return sys_fail(err,
                        b->dump ? "-object filter-dump: '%s' has a dump already"
                                : "-object filter-dump: which file?%s",
                        b->dump ? net : "");
    b->dump = net_dump_open(path, (uint32_t)most, err);
    return b->dump != NULL;
}

void sys_net_close(SysNet *s)
{
    for (unsigned k = 0; k < s->n; k++)
        s->net[k]->close(s->net[k]);
    for (unsigned k = 0; k < s->n_nics; k++) {
        g_free(s->nic[k].model);
        g_free(s->nic[k].mac);
    }
    *s = (SysNet){0};
}
