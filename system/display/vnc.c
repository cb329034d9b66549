#include "system/display/vnc.h"
#include "system/display/displays.h"
#include "system/display/inputs.h"
#include "system/display/rfb.h"
#include "system/key_vals.h"
#include "system/sys_socket.h"

#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_PORT = 5900, LAST_DISPLAY = 65535 - FIRST_PORT, TICK_MS = 33, MOST_VIEWERS = 32, KEYS = 0x300 };
enum { MOST_UNSENT = 1 << 20 }; /* a viewer that does not read is not read from */
enum { LEFT = 1, MIDDLE = 2, RIGHT = 4, WHEEL_UP = 8, WHEEL_DOWN = 16 };

typedef struct Viewer {
    Vnc *vnc;
    int fd;
    guint reading, writing; /* sources; 0: none */
    Rfb *rfb;
    unsigned buttons; /* as it says them */
    bool held[KEYS];
} Viewer;

struct Vnc {
    Vm *vm;
    int listener; /* -1: not open */
    guint accepting, tick;
    char *host, *service, *path, *display; /* display: NULL for the first there is */
    GPtrArray *viewers;
    DisplayFrame frame;
};

static void close_viewer(Viewer *c);

/* ---- the picture ---- */

static bool draw(Vnc *v)
{
    enum { WIDTH = 640, HEIGHT = 480 };
    DisplayHead *h = displays_find(v->vm, v->display, NULL);
    if (h && h->port.draw && h->port.draw(h->port.device, &v->frame))
        return true;
    if (!display_frame_size(&v->frame, WIDTH, HEIGHT))
        return false;
    memset(v->frame.pixel, 0, sizeof(*v->frame.pixel) * WIDTH * HEIGHT);
    return true;
}

/* ---- sending ---- */

static gboolean on_readable(int fd, GIOCondition how, void *opaque);

/* False: it is gone. */
static bool send_some(Viewer *c)
{
    GByteArray *out = rfb_out(c->rfb);
    guint at = 0;
    ssize_t n = 1;
    while (at < out->len && (n = send(c->fd, out->data + at, out->len - at, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
        at += (guint)n;
    const bool ok = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
    g_byte_array_remove_range(out, 0, at);
    return ok;
}

static gboolean on_writable(int fd, GIOCondition how, void *opaque)
{
    Viewer *c = opaque;
    if (!send_some(c)) {
        c->writing = 0;
        close_viewer(c);
        return G_SOURCE_REMOVE;
    }
    if (rfb_out(c->rfb)->len < MOST_UNSENT && !c->reading)
        c->reading = g_unix_fd_add(c->fd, G_IO_IN | G_IO_HUP, on_readable, c);
    if (rfb_out(c->rfb)->len)
        return G_SOURCE_CONTINUE;
    c->writing = 0;
    return G_SOURCE_REMOVE;
}

static bool push(Viewer *c)
{
    if (c->writing)
        return true;
    if (!send_some(c))
        return false;
    if (rfb_out(c->rfb)->len)
        c->writing = g_unix_fd_add(c->fd, G_IO_OUT, on_writable, c);
    return true;
}

static gboolean on_tick(void *opaque)
{
    Vnc *v = opaque;
    bool wanted = false;
    for (unsigned k = 0; k < v->viewers->len; k++) {
        const Viewer *c = v->viewers->pdata[k];
        wanted |= rfb_waits(c->rfb) && !c->writing;
    }
    if (!wanted || !draw(v))
        return G_SOURCE_CONTINUE;
    for (unsigned k = v->viewers->len; k-- > 0;) {
        Viewer *c = v->viewers->pdata[k];
        if (c->writing)
            continue;
        rfb_show(c->rfb, &v->frame);
        if (!push(c))
            close_viewer(c);
    }
    return G_SOURCE_CONTINUE;
}

/* ---- what viewers do ---- */

static void on_key(void *opaque, unsigned sym, unsigned xt, bool down)
{
    Viewer *c = opaque;
    unsigned key = xt ? input_key_by_xt(xt) : 0;
    key = key ? key : input_key_by_sym(sym);
    if (!key || key >= KEYS)
        return;
    c->held[key] = down;
    inputs_key(c->vnc->vm->inputs, key, down);
}

static void on_pointer(void *opaque, unsigned x, unsigned y, unsigned buttons)
{
    Viewer *c = opaque;
    const unsigned pressed = buttons & ~c->buttons;
    const int wheel = (pressed & WHEEL_DOWN ? 1 : 0) - (pressed & WHEEL_UP ? 1 : 0);
    const unsigned held = (buttons & LEFT ? INPUT_LEFT : 0u) | (buttons & MIDDLE ? INPUT_MIDDLE : 0u) |
                          (buttons & RIGHT ? INPUT_RIGHT : 0u);
    c->buttons = buttons;
    inputs_point(c->vnc->vm->inputs, x, y, &c->vnc->frame, wheel, held);
}

static gboolean on_readable(int fd, GIOCondition how, void *opaque)
{
    Viewer *c = opaque;
    uint8_t bytes[16384];
    const ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (n <= 0 || !rfb_take(c->rfb, bytes, (size_t)n) || !push(c)) {
        c->reading = 0;
        close_viewer(c);
        return G_SOURCE_REMOVE;
    }
    if (rfb_out(c->rfb)->len < MOST_UNSENT)
        return G_SOURCE_CONTINUE;
    c->reading = 0;
    return G_SOURCE_REMOVE;
}

static void close_viewer(Viewer *c)
{
    Vnc *v = c->vnc;
    for (unsigned key = 0; key < KEYS; key++)
        if (c->held[key])
            inputs_key(v->vm->inputs, key, false);
    if (c->buttons)
        inputs_buttons(v->vm->inputs, 0);
    if (c->reading)
        g_source_remove(c->reading);
    if (c->writing)
        g_source_remove(c->writing);
    close(c->fd);
    rfb_free(c->rfb);
    g_ptr_array_remove(v->viewers, c);
    g_free(c);
    if (!v->viewers->len && v->tick) {
        g_source_remove(v->tick);
        v->tick = 0;
        display_frame_clear(&v->frame);
    }
}

static gboolean on_accept(int fd, GIOCondition how, void *opaque)
{
    Vnc *v = opaque;
    const int on = 1, got = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (got < 0)
        return G_SOURCE_CONTINUE;
    Viewer *c = g_new0(Viewer, 1);
    const RfbUser user = {c, on_key, on_pointer};
    c->rfb = v->viewers->len < MOST_VIEWERS && draw(v)
                 ? rfb_new(v->vm->opt->name ? v->vm->opt->name : "Tinamou", &user, &v->frame)
                 : NULL;
    if (!c->rfb) {
        close(got);
        g_free(c);
        return G_SOURCE_CONTINUE;
    }
    c->vnc = v;
    c->fd = got;
    setsockopt(got, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    g_ptr_array_add(v->viewers, c);
    c->reading = g_unix_fd_add(got, G_IO_IN | G_IO_HUP, on_readable, c);
    if (!v->tick)
        v->tick = g_timeout_add(TICK_MS, on_tick, v);
    if (!push(c))
        close_viewer(c);
    return G_SOURCE_CONTINUE;
}

/* ---- life ---- */

static bool read_address(Vnc *v, const char *text, GError **err)
{
    const char *colon = strrchr(text, ':');
    guint64 n;
    if (g_str_has_prefix(text, "unix:") && text[5]) {
        v->path = g_strdup(text + 5);
        return true;
    }
    if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 0, LAST_DISPLAY, &n, NULL))
        return sys_fail(err, "-vnc: '%s' is neither [HOST]:N nor unix:PATH", text);
    const bool bracket = text[0] == '[' && colon > text && colon[-1] == ']';
    v->host =
        bracket ? g_strndup(text + 1, (gsize)(colon - text) - 2) : g_strndup(text, (gsize)(colon - text));
    v->service = g_strdup_printf("%u", (unsigned)n + FIRST_PORT);
    return true;
}

static bool read_keys(Vnc *v, KeyVals *kv, GError **err)
{
    const char *address = key_vals_get(kv, "vnc"), *password = key_vals_get(kv, "password");
    if (password && strcmp(password, "off") != 0)
        return sys_fail(err, "-vnc: there are no passwords; a Unix socket, or a tunnel, keeps others out");
    key_vals_get(kv, "share"); /* all viewers share */
    v->display = g_strdup(key_vals_get(kv, "display"));
    return (address || sys_fail(err, "-vnc: where?")) && read_address(v, address, err) &&
           key_vals_done(kv, err);
}

Vnc *vnc_new(Vm *vm, const char *text, GError **err)
{
    enum { WAITING = 8 };
    g_autoptr(KeyVals) kv = key_vals_parse("-vnc", text, "vnc", err);
    Vnc *v = g_new0(Vnc, 1);
    v->vm = vm;
    v->listener = -1;
    v->viewers = g_ptr_array_new();
    bool ok = kv && read_keys(v, kv, err) && (!v->display || displays_find(vm, v->display, err));
    if (ok) {
        const SysSocket at = {
            .host = v->host, .port = v->service, .path = v->path, .server = true, .waiting = WAITING};
        v->listener = sys_socket_open(&at, err);
    }
    if (v->listener < 0) {
        vnc_free(v);
        return NULL;
    }
    v->accepting = g_unix_fd_add(v->listener, G_IO_IN, on_accept, v);
    return v;
}

void vnc_free(Vnc *v)
{
    if (!v)
        return;
    while (v->viewers->len)
        close_viewer(v->viewers->pdata[0]);
    if (v->accepting)
        g_source_remove(v->accepting);
    if (v->listener >= 0) {
        close(v->listener);
        if (v->path)
            unlink(v->path);
    }
    g_ptr_array_unref(v->viewers);
    display_frame_clear(&v->frame);
    g_free(v->host);
    g_free(v->service);
    g_free(v->path);
    g_free(v->display);
    g_free(v);
}

const char *vnc_address(const Vnc *v, const char **ret_service, const char **ret_family)
{
    *ret_service = v->path ? "" : v->service;
    *ret_family = v->path ? "unix" : strchr(v->host, ':') ? "ipv6" : "ipv4";
    return v->path ? v->path : *v->host ? v->host : "0.0.0.0";
}

unsigned vnc_viewers(const Vnc *v)
{
    return v->viewers->len;
}
