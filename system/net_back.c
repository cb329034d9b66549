#include "system/net_back.h"
#include "system/sys_options.h"

#include <string.h>

enum { MAX_FROM_GUEST = 256, MAX_TO_GUEST = 512 };

static bool back_send(void *backend, const uint8_t *frame, size_t n)
{
    NetBack *b = backend;
    g_mutex_lock(&b->lock);
    b->full = g_queue_get_length(&b->from_guest) >= MAX_FROM_GUEST;
    if (!b->full)
        g_queue_push_tail(&b->from_guest, g_bytes_new(frame, n));
    bool sent = !b->full;
    g_mutex_unlock(&b->lock);
    g_source_set_ready_time(b->wake, 0);
    return sent;
}

static void back_more(void *backend) { g_source_set_ready_time(((NetBack *)backend)->wake, 0); }

static GBytes *next_from_guest(NetBack *b, bool *ret_was_full)
{
    g_mutex_lock(&b->lock);
    GBytes *f = g_queue_pop_head(&b->from_guest);
    *ret_was_full = !f && b->full;
    b->full &= f != NULL;
    g_mutex_unlock(&b->lock);
    return f;
}

static bool receive(NetBack *b, GBytes *f)
{
    size_t n;
    const uint8_t *bytes = g_bytes_get_data(f, &n);
    return !b->port.device || b->port.receive(b->port.device, bytes, n);
}

static gboolean wake_dispatch(GSource *source, GSourceFunc fn, void *opaque)
{
    NetBack *b = opaque;
    bool was_full;
    (void)fn;
    g_source_set_ready_time(source, -1); /* first: what comes meanwhile wakes us again */
    for (GBytes *f; (f = next_from_guest(b, &was_full)); g_bytes_unref(f)) {
        size_t n;
        const uint8_t *bytes = g_bytes_get_data(f, &n);
        net_dump_frame(b->dump, bytes, n);
        b->out(b, bytes, n);
    }
    if (was_full && b->port.device)
        b->port.room(b->port.device);
    while (!g_queue_is_empty(&b->to_guest) && receive(b, g_queue_peek_head(&b->to_guest)))
        g_bytes_unref(g_queue_pop_head(&b->to_guest));
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs wake_funcs = {.dispatch = wake_dispatch};

void net_back_init(NetBack *b, const char *id)
{
    b->id = g_strdup(id);
    b->port = (NetPort){.backend = b, .send = back_send, .more = back_more};
    g_mutex_init(&b->lock);
    g_queue_init(&b->from_guest);
    g_queue_init(&b->to_guest);
    b->wake = g_source_new(&wake_funcs, sizeof(GSource));
    g_source_set_callback(b->wake, NULL, b, NULL);
    g_source_attach(b->wake, NULL);
}

void net_back_clear(NetBack *b)
{
    g_source_destroy(b->wake);
    g_source_unref(b->wake);
    g_queue_clear_full(&b->from_guest, (GDestroyNotify)g_bytes_unref);
    g_queue_clear_full(&b->to_guest, (GDestroyNotify)g_bytes_unref);
    g_mutex_clear(&b->lock);
    net_dump_close(b->dump);
    g_free(b->id);
}

void net_back_give(NetBack *b, const uint8_t *frame, size_t n)
{
    if (n > NET_FRAME_MAX)
        return;
    net_dump_frame(b->dump, frame, n);
    if (!b->port.device)
        return;
    if (g_queue_is_empty(&b->to_guest) && b->port.receive(b->port.device, frame, n))
        return;
    if (g_queue_get_length(&b->to_guest) < MAX_TO_GUEST)
        g_queue_push_tail(&b->to_guest, g_bytes_new(frame, n));
}

bool net_parse_switch(const char *key, const char *value, bool *ret, GError **err)
{
    bool yes = !value || !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "true") ||
               !strcmp(value, "y");
    if (!yes && strcmp(value, "off") != 0 && strcmp(value, "no") != 0 && strcmp(value, "false") != 0 &&
        strcmp(value, "n") != 0)
        return sys_fail(err, "%s: '%s' is neither on nor off", key, value);
    *ret = yes;
    return true;
}

bool net_keys(const char *what, const char *text,
              bool (*set)(void *opaque, const char *key, const char *value, GError **err), void *opaque,
              GError **err)
{
    g_autoptr(GString) part = g_string_new(NULL);
    while (*text) {
        g_string_truncate(part, 0);
        for (; *text && (*text != ',' || text[1] == ','); text++) {
            text += *text == ',';
            g_string_append_c(part, *text);
        }
        text += *text == ',';
        char *value = strchr(part->str, '=');
        if (value)
            *value++ = 0;
        GError *inner = NULL;
        if (!set(opaque, part->str, value, &inner)) {
            g_propagate_prefixed_error(err, inner, "%s: ", what);
            return false;
        }
    }
    return true;
}
