/* Sockets as chardevs: TCP and Unix, listening or connecting, with the Telnet protocol (RFC 854, 857, 858)
 * on request. One connection at a time; more wait in the kernel's queue. */
#include "system/chardev/chardev_priv.h"
#include "system/sys_socket.h"

#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct CharSocket {
    Chardev c;
    FdWatch in;   /* the connection */
    int listener; /* -1: we connect */
    guint accept_source, again;
    char *host, *port, *path;
    bool server, wait, telnet, nodelay, v4, v6, abstract;
    uint64_t reconnect; /* seconds; 0: never */
    uint8_t telnet_state, telnet_verb;
} CharSocket;

static void disconnected(Chardev *c);

static int open_address(const CharSocket *s, GError **err)
{
    const SysSocket to = {.host = s->host,
                          .port = s->port,
                          .path = s->path,
                          .server = s->server,
                          .abstract = s->abstract,
                          .v4 = s->v4,
                          .v6 = s->v6,
                          .waiting = 1};
    return sys_socket_open(&to, err);
}

/* ---- telnet ---- */

enum {
    IAC = 255,
    DONT = 254,
    DO = 253,
    WONT = 252,
    WILL = 251,
    SB = 250,
    SE = 240,
    BRK = 243,
    NOP = 241,
    ECHO_OPTION = 1,
    SGA = 3,
    BINARY = 0
};
enum { PLAIN, GOT_IAC, GOT_VERB, IN_SB, IN_SB_IAC, GOT_CR };

static const uint8_t greeting[] = {IAC, WILL, ECHO_OPTION, IAC, WILL, SGA,
                                   IAC, WILL, BINARY,      IAC, DO,   BINARY};

/* One byte from the network; true: it is input. */
static bool telnet_byte(CharSocket *s, uint8_t b)
{
    switch (s->telnet_state) {
    case PLAIN: s->telnet_state = b == IAC ? GOT_IAC : PLAIN; return b != IAC;
    case GOT_IAC:
        s->telnet_state = b == SB ? IN_SB : b >= WILL && b != IAC ? GOT_VERB : PLAIN;
        if (b == BRK)
            chardev_event(&s->c, CHAR_BREAK);
        return b == IAC;
    case IN_SB: s->telnet_state = b == IAC ? IN_SB_IAC : IN_SB; return false;
    case IN_SB_IAC: s->telnet_state = b == SE ? PLAIN : IN_SB; return false;
    default: s->telnet_state = PLAIN; return false; /* the option of a verb */
    }
}

static size_t telnet_filter(Chardev *c, uint8_t *bytes, size_t n)
{
    size_t kept = 0;
    for (size_t k = 0; k < n; k++) {
        if (telnet_byte((CharSocket *)c, bytes[k])) {
            uint8_t b = bytes[k];
            bytes[kept++] = b;
        }
    }
    return kept;
}

/* ---- connections ---- */

static void connected(CharSocket *s, int fd)
{
    int on = 1;
    if (s->nodelay)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    g_mutex_lock(&s->c.lock);
    s->in =
        (FdWatch){.c = &s->c, .fd = fd, .ended = disconnected, .filter = s->telnet ? telnet_filter : NULL};
    s->telnet_state = PLAIN;
    if (s->telnet)
        fd_write_all(fd, greeting, sizeof(greeting));
    g_mutex_unlock(&s->c.lock);
    s->c.paused = false;
    fd_watch_start(&s->in);
    chardev_event(&s->c, CHAR_OPENED);
}

static gboolean try_again(void *opaque)
{
    CharSocket *s = opaque;
    int fd = open_address(s, NULL);
    if (fd < 0)
        return G_SOURCE_CONTINUE;
    s->again = 0;
    connected(s, fd);
    return G_SOURCE_REMOVE;
}

static gboolean can_accept(int fd, GIOCondition condition, void *opaque)
{
    CharSocket *s = opaque;
    int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (got < 0)
        return G_SOURCE_CONTINUE;
    s->accept_source = 0; /* the next one waits until this one leaves */
    connected(s, got);
    return G_SOURCE_REMOVE;
}

static void expect_connection(CharSocket *s)
{
    if (s->server && !s->accept_source)
        s->accept_source = g_unix_fd_add(s->listener, G_IO_IN, can_accept, s);
    else if (!s->server && s->reconnect && !s->again)
        s->again = g_timeout_add_seconds((guint)s->reconnect, try_again, s);
}

static void drop_connection(CharSocket *s)
{
    fd_watch_stop(&s->in);
    g_mutex_lock(&s->c.lock); /* a cpu may be writing */
    int fd = s->in.fd;
    s->in.fd = -1;
    g_mutex_unlock(&s->c.lock);
    if (fd >= 0)
        close(fd);
}

static void disconnected(Chardev *c)
{
    CharSocket *s = (CharSocket *)c;
    drop_connection(s);
    expect_connection(s);
    chardev_event(c, CHAR_CLOSED);
}

static void socket_disconnect(Chardev *c)
{
    if (((CharSocket *)c)->in.fd >= 0)
        disconnected(c);
}

static bool send_all(CharSocket *s, const uint8_t *bytes, size_t n)
{
    enum { PATIENCE_MS = 5000 };
    while (n && s->in.fd >= 0) {
        ssize_t done = send(s->in.fd, bytes, n, MSG_NOSIGNAL);
        if (done < 0 && errno == EAGAIN) {
            GPollFD p = {.fd = s->in.fd, .events = G_IO_OUT};
            if (g_poll(&p, 1, PATIENCE_MS) <= 0) /* he reads nothing: the guest goes on without him */
                return false;
        } else if (done < 0 && errno != EINTR) {
            return false; /* the reading side finds out */
        } else if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        }
    }
    return n == 0;
}

static bool socket_write(Chardev *c, const uint8_t *bytes, size_t n)
{
    CharSocket *s = (CharSocket *)c;
    static const uint8_t doubled[] = {IAC, IAC};
    while (s->telnet && n) {
        const uint8_t *iac = memchr(bytes, IAC, n);
        size_t part = iac ? (size_t)(iac - bytes) : n;
        if (!send_all(s, bytes, part) || (iac && !send_all(s, doubled, sizeof(doubled))))
            return false;
        bytes += part + (iac != NULL);
        n -= part + (iac != NULL);
    }
    return send_all(s, bytes, n);
}

static void socket_pause(Chardev *c, bool on)
{
    CharSocket *s = (CharSocket *)c;
    if (on)
        fd_watch_stop(&s->in);
    else
        fd_watch_start(&s->in);
}

/* ---- life ---- */

static bool read_keys(CharSocket *s, KeyVals *kv, GError **err)
{
    static const char *const missing[] = {"tls-creds", "tls-authz", "fd", "websocket"};
    const char *host = key_vals_get(kv, "host"), *port = key_vals_get(kv, "port"),
               *path = key_vals_get(kv, "path");
    bool v4 = false, v6 = false, tight = true;
    s->wait = s->server = s->abstract = false;
    for (unsigned k = 0; k < G_N_ELEMENTS(missing); k++)
        if (key_vals_get(kv, missing[k]))
            return sys_fail(err, "%s: %s is not there yet", key_vals_what(kv), missing[k]);
    if (!key_vals_bool(kv, "server", &s->server, err))
        return false;
    s->wait = s->server;
    if (!key_vals_bool(kv, "wait", &s->wait, err) || !key_vals_bool(kv, "telnet", &s->telnet, err) ||
        !key_vals_bool(kv, "nodelay", &s->nodelay, err) || !key_vals_bool(kv, "ipv4", &v4, err) ||
        !key_vals_bool(kv, "ipv6", &v6, err) || !key_vals_bool(kv, "abstract", &s->abstract, err) ||
        !key_vals_bool(kv, "tight", &tight, err) || !key_vals_u64(kv, "reconnect", 3600, &s->reconnect, err))
        return false;
    if (!path == !port)
        return sys_fail(err, "%s: path=, or host= and port=, is wanted", key_vals_what(kv));
    if (s->wait && !s->server)
        return sys_fail(err, "%s: wait=on is for servers", key_vals_what(kv));
    if (s->reconnect && s->server)
        return sys_fail(err, "%s: reconnect= is for clients", key_vals_what(kv));
    s->v4 = v4;
    s->v6 = v6;
    s->host = g_strdup(host ? host : path || s->server ? "" : "localhost");
    s->port = g_strdup(port);
    s->path = g_strdup(path);
    return true;
}

static bool socket_open(Chardev *c, KeyVals *kv, GError **err)
{
    CharSocket *s = (CharSocket *)c;
    s->listener = s->in.fd = -1;
    if (!read_keys(s, kv, err))
        return false;
    int fd = open_address(s, s->reconnect ? NULL : err);
    if (!s->server) {
        s->in.fd = fd; /* connected() follows at start */
        return fd >= 0 || s->reconnect;
    }
    s->listener = fd;
    if (fd >= 0 && s->wait) {
        g_autofree char *where = chardev_describe(c);
        fprintf(stderr, "tinamou-system: info: waiting for connection on: %s\n", where);
        s->in.fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        return s->in.fd >= 0 || sys_fail_errno(err, errno, "accept");
    }
    return fd >= 0;
}

static void socket_start(Chardev *c)
{
    CharSocket *s = (CharSocket *)c;
    if (s->in.fd >= 0)
        connected(s, s->in.fd);
    else
        expect_connection(s);
}

static void socket_close(Chardev *c)
{
    CharSocket *s = (CharSocket *)c;
    drop_connection(s);
    if (s->accept_source)
        g_source_remove(s->accept_source);
    if (s->again)
        g_source_remove(s->again);
    if (s->listener >= 0) {
        close(s->listener);
        if (s->path && !s->abstract)
            unlink(s->path);
    }
    g_free(s->host);
    g_free(s->port);
    g_free(s->path);
}

static char *socket_describe(const Chardev *c)
{
    const CharSocket *s = (const CharSocket *)c;
    const char *how = s->server ? ",server=on" : "", *gone = c->connected ? "" : "disconnected:";
    if (s->path)
        return g_strdup_printf("%sunix:%s%s", gone, s->path, how);
    return g_strdup_printf("%s%s:%s:%s%s", gone, s->telnet ? "telnet" : "tcp", s->host, s->port, how);
}

const CharKind char_socket = {.name = "socket",
                              .size = sizeof(CharSocket),
                              .open = socket_open,
                              .start = socket_start,
                              .close = socket_close,
                              .write = socket_write,
                              .pause = socket_pause,
                              .disconnect = socket_disconnect,
                              .describe = socket_describe};
