/* -netdev socket, stream, dgram: Ethernet frames over sockets of the host, to another machine or any program.
 * In a stream each has its length in front of it, 32 bits with the most significant byte first; a datagram is
 * one. */
#include "system/key_vals.h"
#include "system/net_back.h"
#include "system/sys_error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_WAITING = 1 << 20 };

typedef struct Address {
    struct sockaddr_storage at;
    socklen_t bytes; /* 0: none */
} Address;

typedef struct NetSocket {
    NetBack back;
    bool dgram;
    int listens, fd;                   /* -1: none */
    guint accepting, reading, writing; /* GLib's; 0: none */
    Address remote;                    /* dgram */
    char *own_path;                    /* of a Unix socket, removed at the end */
    GByteArray *in, *out;
} NetSocket;

/* ---- frames ---- */

static void stop(guint *source)
{
    if (*source)
        g_source_remove(*source);
    *source = 0;
}

static void hang_up(NetSocket *s)
{
    stop(&s->reading);
    stop(&s->writing);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    g_byte_array_set_size(s->in, 0);
    g_byte_array_set_size(s->out, 0);
}

static gboolean on_writable(int fd, GIOCondition condition, void *opaque)
{
    NetSocket *s = opaque;
    ssize_t n = send(fd, s->out->data, s->out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        g_byte_array_remove_range(s->out, 0, (guint)n);
    if (s->out->len && (n > 0 || errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    s->writing = 0;
    return G_SOURCE_REMOVE; /* who reads finds out what is wrong */
}

static void socket_out(NetBack *b, const uint8_t *frame, size_t n)
{
    NetSocket *s = (NetSocket *)b;
    const uint32_t length = htonl((uint32_t)n);
    if (s->fd < 0)
        return;
    if (s->dgram) {
        const struct sockaddr *to = (const struct sockaddr *)&s->remote.at;
        if (s->remote.bytes && sendto(s->fd, frame, n, MSG_NOSIGNAL | MSG_DONTWAIT, to, s->remote.bytes) < 0)
            return; /* as on any Ethernet */
        return;
    }
    if (s->out->len + n > MOST_WAITING)
        return;
    g_byte_array_append(s->out, (const uint8_t *)&length, sizeof(length));
    g_byte_array_append(s->out, frame, (guint)n);
    if (!s->writing && on_writable(s->fd, G_IO_OUT, s))
        s->writing = g_unix_fd_add(s->fd, G_IO_OUT, on_writable, s);
}

/* False: the other side talks of something else. */
static bool take_frames(NetSocket *s)
{
    size_t at = 0;
    uint32_t n;
    while (s->in->len - at >= sizeof(n)) {
        memcpy(&n, s->in->data + at, sizeof(n));
        n = ntohl(n);
        if (n > NET_FRAME_MAX)
            return false;
        if (s->in->len - at - sizeof(n) < n)
            break;
        net_back_give(&s->back, s->in->data + at + sizeof(n), n);
        at += sizeof(n) + n;
    }
    g_byte_array_remove_range(s->in, 0, (guint)at);
    return true;
}

static gboolean on_readable(int fd, GIOCondition condition, void *opaque)
{
    NetSocket *s = opaque;
    uint8_t bytes[NET_FRAME_MAX];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR || s->dgram))
        return G_SOURCE_CONTINUE;
    if (s->dgram) {
        net_back_give(&s->back, bytes, (size_t)n);
        return G_SOURCE_CONTINUE;
    }
    g_byte_array_append(s->in, bytes, (guint)MAX(n, 0));
    if (n > 0 && take_frames(s))
        return G_SOURCE_CONTINUE;
    s->reading = 0;
    hang_up(s);
    return G_SOURCE_REMOVE;
}

static void begin(NetSocket *s, int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* of others: an error that means nothing */
    s->fd = fd;
    s->reading = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_readable, s);
}

/* One at a time; a new one takes its place. */
static gboolean on_connection(int fd, GIOCondition condition, void *opaque)
{
    NetSocket *s = opaque;
    int new = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (new < 0)
        return G_SOURCE_CONTINUE;
    hang_up(s);
    begin(s, new);
    return G_SOURCE_CONTINUE;
}

static void socket_close(NetBack *b)
{
    NetSocket *s = (NetSocket *)b;
    hang_up(s);
    stop(&s->accepting);
    if (s->listens >= 0)
        close(s->listens);
    if (s->own_path)
        unlink(s->own_path);
    g_free(s->own_path);
    g_byte_array_unref(s->in);
    g_byte_array_unref(s->out);
    net_back_clear(b);
    g_free(s);
}

/* ---- addresses ---- */

static bool unix_address(const char *path, Address *ret, GError **err)
{
    struct sockaddr_un *u = (struct sockaddr_un *)&ret->at;
    if (strlen(path) >= sizeof(u->sun_path))
        return sys_fail(err, "'%s' is too long for a socket", path);
    u->sun_family = AF_UNIX;
    memcpy(u->sun_path, path, strlen(path) + 1);
    ret->bytes = sizeof(*u);
    return true;
}

static bool inet_address(const char *host, const char *port, bool dgram, Address *ret, GError **err)
{
    const struct addrinfo want = {.ai_socktype = dgram ? SOCK_DGRAM : SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    int why = getaddrinfo(host && *host ? host : NULL, port, &want, &found);
    if (why)
        return sys_fail(err, "%s:%s: %s", host ? host : "", port, gai_strerror(why));
    memcpy(&ret->at, found->ai_addr, found->ai_addrlen);
    ret->bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

/* NAME.type=unix,NAME.path=; NAME.type=inet,NAME.host=,NAME.port=. Left out: bytes is 0. */
static bool parse_address(KeyVals *kv, const char *name, bool dgram, Address *ret, GError **err)
{
    static const char *const types[] = {"inet", "unix"};
    unsigned type = 0;
    *ret = (Address){.bytes = 0};
    g_autoptr(KeyVals) below = key_vals_below(kv, name);
    if (!below)
        return true;
    if (!key_vals_word(below, "type", types, G_N_ELEMENTS(types), &type, err))
        return false;
    const char *path = key_vals_get(below, "path"), *host = key_vals_get(below, "host"),
               *port = key_vals_get(below, "port");
    if (type == 1 ? !path : !port)
        return sys_fail(err, "%s: %s.%s is missing", key_vals_what(kv), name, type ? "path" : "port");
    return (type == 1 ? unix_address(path, ret, err) : inet_address(host, port, dgram, ret, err)) &&
           key_vals_done(below, err);
}

/* host:port of the old grammar. */
static bool parse_pair(const char *text, bool dgram, Address *ret, GError **err)
{
    const char *colon = strrchr(text, ':');
    g_autofree char *host = g_strndup(text, colon ? (size_t)(colon - text) : 0);
    return inet_address(host, colon ? colon + 1 : text, dgram, ret, err);
}

/* ---- opening ---- */

static int new_socket(const Address *a, bool dgram, GError **err)
{
    int fd = socket(a->at.ss_family, (dgram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        sys_fail_errno(err, errno, "socket");
    else
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return fd;
}

/* Unix sockets leave a file behind, which is taken away where one was before. */
static bool bind_to(NetSocket *s, int fd, const Address *a, GError **err)
{
    const struct sockaddr_un *u = (const struct sockaddr_un *)&a->at;
    if (a->at.ss_family == AF_UNIX) {
        unlink(u->sun_path);
        s->own_path = g_strdup(u->sun_path);
    }
    return bind(fd, (const struct sockaddr *)&a->at, a->bytes) == 0 || sys_fail_errno(err, errno, "bind");
}

static bool open_stream(NetSocket *s, const Address *a, bool server, GError **err)
{
    int fd = new_socket(a, false, err);
    if (fd < 0)
        return false;
    if (!server) {
        if (connect(fd, (const struct sockaddr *)&a->at, a->bytes) != 0) {
            sys_fail_errno(err, errno, "connect");
            close(fd);
            return false;
        }
        begin(s, fd);
        return true;
    }
    s->listens = fd;
    if (!bind_to(s, fd, a, err) || (listen(fd, 1) != 0 && !sys_fail_errno(err, errno, "listen")))
        return false;
    s->accepting = g_unix_fd_add(fd, G_IO_IN, on_connection, s);
    return true;
}

static bool open_dgram(NetSocket *s, const Address *local, const Address *remote, GError **err)
{
    s->dgram = true;
    s->remote = *remote;
    int fd = new_socket(local->bytes ? local : remote, true, err);
    if (fd < 0)
        return false;
    begin(s, fd);
    return !local->bytes || bind_to(s, fd, local, err);
}

static bool parse_stream(NetSocket *s, KeyVals *kv, GError **err)
{
    bool server = false;
    Address a;
    if (!key_vals_bool(kv, "server", &server, err) || !parse_address(kv, "addr", false, &a, err))
        return false;
    return (a.bytes || sys_fail(err, "-netdev stream: addr.type and the rest of it are missing")) &&
           key_vals_done(kv, err) && open_stream(s, &a, server, err);
}

static bool parse_dgram(NetSocket *s, KeyVals *kv, GError **err)
{
    Address local, remote;
    if (!parse_address(kv, "local", true, &local, err) || !parse_address(kv, "remote", true, &remote, err))
        return false;
    return (local.bytes || remote.bytes || sys_fail(err, "-netdev dgram: neither local nor remote")) &&
           key_vals_done(kv, err) && open_dgram(s, &local, &remote, err);
}

static bool parse_socket(NetSocket *s, KeyVals *kv, GError **err)
{
    const char *listens = key_vals_get(kv, "listen"), *to = key_vals_get(kv, "connect"),
               *udp = key_vals_get(kv, "udp"), *local = key_vals_get(kv, "localaddr");
    Address a = {.bytes = 0}, b = {.bytes = 0};
    if (!!listens + !!to + !!udp != 1)
        return sys_fail(err, "-netdev socket: one of listen, connect and udp is needed");
    if (!key_vals_done(kv, err) ||
        !parse_pair(listens ? listens
                    : to    ? to
                            : udp,
                    udp != NULL, &a, err) ||
        (local && !parse_pair(local, true, &b, err)))
        return false;
    return udp ? open_dgram(s, &b, &a, err) : open_stream(s, &a, listens != NULL, err);
}

static NetBack *open_kind(const char *what, const char *text,
                          bool (*parse)(NetSocket *s, KeyVals *kv, GError **err), GError **err)
{
    g_autoptr(KeyVals) kv = key_vals_parse(what, text, NULL, err);
    const char *id = kv ? key_vals_get(kv, "id") : NULL;
    if (!kv)
        return NULL;
    NetSocket *s = g_new0(NetSocket, 1);
    net_back_init(&s->back, id ? id : "");
    s->back.out = socket_out;
    s->back.close = socket_close;
    s->listens = s->fd = -1;
    s->in = g_byte_array_new();
    s->out = g_byte_array_new();
    if (parse(s, kv, err))
        return &s->back;
    g_prefix_error(err, "%s id=%s: ", what, id ? id : "");
    socket_close(&s->back);
    return NULL;
}

NetBack *net_socket_open(const char *text, GError **err)
{
    return open_kind("-netdev socket", text, parse_socket, err);
}
NetBack *net_stream_open(const char *text, GError **err)
{
    return open_kind("-netdev stream", text, parse_stream, err);
}
NetBack *net_dgram_open(const char *text, GError **err)
{
    return open_kind("-netdev dgram", text, parse_dgram, err);
}
