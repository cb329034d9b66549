/* -netdev user: a network of its own with a router, DHCP, TFTP and DNS, made by libslirp of connections of
 * this process (docs/adr/0019-libslirp.md). libslirp is not thread-safe: it lives in the main loop, as a
 * source whose descriptors change from one turn to the next. */
#include "system/net_back.h"
#include "system/sys_options.h"

#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Watch {
    int fd;
    void *tag;
    bool used; /* in this turn */
} Watch;

typedef struct NetUser {
    NetBack back;
    Slirp *slirp;
    GSource *source;
    GArray *watches; /* Watch */
    gint64 deadline; /* us; -1: none */
    /* configuration */
    SlirpConfig cfg;
    GPtrArray *forwards, *search, *strings; /* "h..." and "g..." texts; domains; what cfg points to */
    struct in_addr net, mask;
    bool has_host, has_dns, has_dhcp;
} NetUser;

typedef struct UserSource {
    GSource source;
    NetUser *u;
} UserSource;

/* ---- libslirp's calls ---- */

static ssize_t user_packet(const void *frame, size_t n, void *opaque)
{
    net_back_give(opaque, frame, n);
    return (ssize_t)n;
}
static void user_error(const char *text, void *opaque)
{
    (void)text; /* of the guest: nobody's to read */
    (void)opaque;
}
static int64_t user_clock(void *opaque)
{
    (void)opaque;
    return g_get_monotonic_time() * 1000;
}

typedef struct UserTimer {
    SlirpTimerCb fn;
    void *arg;
    GSource *source;
} UserTimer;

static gboolean timer_dispatch(GSource *source, GSourceFunc fn, void *opaque)
{
    UserTimer *t = opaque;
    (void)fn;
    g_source_set_ready_time(source, -1);
    t->fn(t->arg);
    return G_SOURCE_CONTINUE;
}
static GSourceFuncs timer_funcs = {.dispatch = timer_dispatch};

static void *user_timer_new(SlirpTimerCb fn, void *arg, void *opaque)
{
    UserTimer *t = g_new0(UserTimer, 1);
    (void)opaque;
    *t = (UserTimer){.fn = fn, .arg = arg, .source = g_source_new(&timer_funcs, sizeof(GSource))};
    g_source_set_callback(t->source, NULL, t, NULL);
    g_source_attach(t->source, NULL);
    return t;
}
static void user_timer_free(void *timer, void *opaque)
{
    UserTimer *t = timer;
    (void)opaque;
    g_source_destroy(t->source);
    g_source_unref(t->source);
    g_free(t);
}
static void user_timer_mod(void *timer, int64_t at_ms, void *opaque)
{
    (void)opaque;
    g_source_set_ready_time(((UserTimer *)timer)->source, at_ms * 1000);
}
static void user_poll_fd(int fd, void *opaque)
{
    (void)fd;
    (void)opaque;
}
static void user_notify(void *opaque)
{
    (void)opaque;
    g_main_context_wakeup(NULL);
}

static const SlirpCb callbacks = {
    .send_packet = user_packet,
    .guest_error = user_error,
    .clock_get_ns = user_clock,
    .timer_new = user_timer_new,
    .timer_free = user_timer_free,
    .timer_mod = user_timer_mod,
    .register_poll_fd = user_poll_fd,
    .unregister_poll_fd = user_poll_fd,
    .notify = user_notify,
};

/* ---- the source ---- */

static int add_poll(int fd, int events, void *opaque)
{
    NetUser *u = opaque;
    GIOCondition want = 0;
    want |= events & SLIRP_POLL_IN ? G_IO_IN : 0;
    want |= events & SLIRP_POLL_OUT ? G_IO_OUT : 0;
    want |= events & SLIRP_POLL_PRI ? G_IO_PRI : 0;
    want |= events & (SLIRP_POLL_ERR | SLIRP_POLL_HUP) ? G_IO_ERR | G_IO_HUP : 0;
    for (unsigned k = 0; k < u->watches->len; k++) {
        Watch *w = &g_array_index(u->watches, Watch, k);
        if (w->fd == fd && !w->used) {
            w->used = true;
            g_source_modify_unix_fd(u->source, w->tag, want);
            return (int)k;
        }
    }
    const Watch w = {.fd = fd, .tag = g_source_add_unix_fd(u->source, fd, want), .used = true};
    for (unsigned k = 0; k < u->watches->len; k++) {
        if (!g_array_index(u->watches, Watch, k).tag) {
            g_array_index(u->watches, Watch, k) = w;
            return (int)k;
        }
    }
    g_array_append_val(u->watches, w);
    return (int)u->watches->len - 1;
}

static int get_events(int index, void *opaque)
{
    NetUser *u = opaque;
    if (index < 0 || (unsigned)index >= u->watches->len || !g_array_index(u->watches, Watch, index).tag)
        return 0;
    GIOCondition got = g_source_query_unix_fd(u->source, g_array_index(u->watches, Watch, index).tag);
    return (got & G_IO_IN ? SLIRP_POLL_IN : 0) | (got & G_IO_OUT ? SLIRP_POLL_OUT : 0) |
           (got & G_IO_PRI ? SLIRP_POLL_PRI : 0) | (got & G_IO_ERR ? SLIRP_POLL_ERR : 0) |
           (got & G_IO_HUP ? SLIRP_POLL_HUP : 0);
}

static gboolean user_prepare(GSource *source, int *ret_timeout)
{
    NetUser *u = ((UserSource *)source)->u;
    uint32_t wait = UINT32_MAX;
    for (unsigned k = 0; k < u->watches->len; k++)
        g_array_index(u->watches, Watch, k).used = false;
    slirp_pollfds_fill(u->slirp, &wait, add_poll, u);
    /* What is not used any more goes; the others keep their indexes, which libslirp knows. */
    for (unsigned k = 0; k < u->watches->len; k++) {
        Watch *w = &g_array_index(u->watches, Watch, k);
        if (!w->used && w->tag) {
            g_source_remove_unix_fd(source, w->tag);
            *w = (Watch){.fd = -1};
        }
    }
    while (u->watches->len && !g_array_index(u->watches, Watch, u->watches->len - 1).tag)
        g_array_set_size(u->watches, u->watches->len - 1);
    *ret_timeout = wait == UINT32_MAX ? -1 : (int)MIN(wait, 1u << 30);
    u->deadline = *ret_timeout < 0 ? -1 : g_get_monotonic_time() + (gint64)*ret_timeout * 1000;
    return FALSE;
}

static gboolean user_check(GSource *source)
{
    NetUser *u = ((UserSource *)source)->u;
    for (unsigned k = 0; k < u->watches->len; k++)
        if (get_events((int)k, u))
            return TRUE;
    return u->deadline >= 0 && g_get_monotonic_time() >= u->deadline;
}

static gboolean user_dispatch(GSource *source, GSourceFunc fn, void *opaque)
{
    NetUser *u = ((UserSource *)source)->u;
    (void)fn;
    (void)opaque;
    slirp_pollfds_poll(u->slirp, 0, get_events, u);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs user_funcs = {.prepare = user_prepare, .check = user_check, .dispatch = user_dispatch};

static void user_out(NetBack *b, const uint8_t *frame, size_t n)
{
    slirp_input(((NetUser *)b)->slirp, frame, (int)n);
}

static void user_close(NetBack *b)
{
    NetUser *u = (NetUser *)b;
    if (u->source) {
        g_source_destroy(u->source);
        g_source_unref(u->source);
    }
    if (u->slirp)
        slirp_cleanup(u->slirp);
    if (u->back.wake)
        net_back_clear(&u->back);
    g_array_unref(u->watches);
    g_ptr_array_unref(u->forwards);
    g_ptr_array_unref(u->search);
    g_ptr_array_unref(u->strings);
    g_free(u);
}

/* ---- options ---- */

static bool parse_address(const char *key, const char *value, struct in_addr *ret, GError **err)
{
    return inet_pton(AF_INET, value, ret) == 1 || sys_fail(err, "%s: '%s' is no address", key, value);
}

/* 10.0.2.0/24, or 10.0.2.0 with the mask of its class, or with a mask. */
static bool parse_net(NetUser *u, const char *value, GError **err)
{
    g_auto(GStrv) half = g_strsplit(value, "/", 2);
    if (!parse_address("net", half[0], &u->net, err))
        return false;
    uint32_t first = ntohl(u->net.s_addr), mask = first >> 31 == 0 ? 0xff000000
                                                  : first >> 30 == 2 ? 0xffff0000 : 0xffffff00;
    if (half[1] && strchr(half[1], '.')) {
        if (!parse_address("net", half[1], &u->mask, err))
            return false;
        mask = ntohl(u->mask.s_addr);
    } else if (half[1]) {
        char *end;
        unsigned long bits = strtoul(half[1], &end, 10);
        if (*end || end == half[1] || bits < 4 || bits > 28)
            return sys_fail(err, "net: '%s': 4 to 28 bits are possible", half[1]);
        mask = 0xffffffff << (32 - bits);
    }
    u->mask.s_addr = htonl(mask);
    u->net.s_addr &= u->mask.s_addr;
    return true;
}

static const char *keep(NetUser *u, const char *value)
{
    char *copy = g_strdup(value);
    g_ptr_array_add(u->strings, copy);
    return copy;
}

static bool set_address(NetUser *u, const char *key, const char *value, bool *ret_known, GError **err)
{
    const struct {
        const char *key;
        struct in_addr *to;
        bool *has;
    } rows[] = {{"host", &u->cfg.vhost, &u->has_host}, {"dns", &u->cfg.vnameserver, &u->has_dns},
                {"dhcpstart", &u->cfg.vdhcp_start, &u->has_dhcp}};
    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        if (strcmp(key, rows[k].key) != 0)
            continue;
        *ret_known = *rows[k].has = true;
        return parse_address(key, value, rows[k].to, err);
    }
    return true;
}

static bool set_text(NetUser *u, const char *key, const char *value, bool *ret_known)
{
    const struct {
        const char *key;
        const char **to;
    } rows[] = {{"tftp", &u->cfg.tftp_path},
                {"bootfile", &u->cfg.bootfile},
                {"hostname", &u->cfg.vhostname},
                {"domainname", &u->cfg.vdomainname},
                {"tftp-server-name", &u->cfg.tftp_server_name}};
    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        if (strcmp(key, rows[k].key) == 0) {
            *rows[k].to = keep(u, value);
            *ret_known = true;
        }
    }
    return true;
}

static bool user_set(void *opaque, const char *key, const char *value, GError **err)
{
    NetUser *u = opaque;
    bool known = false, on = false;
    if (strcmp(key, "restrict") == 0 || strcmp(key, "ipv4") == 0 || strcmp(key, "ipv6") == 0) {
        if (!net_parse_switch(key, value, &on, err))
            return false;
        if (key[0] == 'r')
            u->cfg.restricted = on;
        else
            *(key[3] == '4' ? &u->cfg.in_enabled : &u->cfg.in6_enabled) = on;
        return true;
    }
    if (!value)
        return sys_fail(err, "'%s' has no value", key);
    if (strcmp(key, "id") == 0) {
        g_free(u->back.id);
        u->back.id = g_strdup(value);
        return true;
    }
    if (strcmp(key, "net") == 0)
        return parse_net(u, value, err);
    if (strcmp(key, "hostfwd") == 0 || strcmp(key, "guestfwd") == 0) {
        g_ptr_array_add(u->forwards, g_strdup_printf("%c%s", key[0], value));
        return true;
    }
    if (strcmp(key, "dnssearch") == 0) {
        g_ptr_array_add(u->search, (char *)keep(u, value));
        return true;
    }
    if (!set_address(u, key, value, &known, err) || !set_text(u, key, value, &known))
        return false;
    return known ||
           sys_fail(err,
                    "no property '%s'; id, restrict, net, host, dhcpstart, dns, dnssearch, domainname, "
                    "hostname, tftp, tftp-server-name, bootfile, hostfwd, guestfwd, ipv4 and ipv6 are there",
                    key);
}

/* [tcp|udp]:[address]:port up to `end`. */
static bool parse_end(char *text, bool protocol, bool *ret_udp, struct in_addr *addr, int *ret_port)
{
    g_auto(GStrv) part = g_strsplit(text, ":", protocol ? 3 : 2);
    unsigned n = g_strv_length(part), at = protocol ? 1 : 0;
    char *end;
    if (n != at + 2)
        return false;
    if (protocol && part[0][0] && strcmp(part[0], "tcp") != 0 && strcmp(part[0], "udp") != 0)
        return false;
    if (protocol)
        *ret_udp = part[0][0] == 'u';
    if (part[at][0] && inet_pton(AF_INET, part[at], addr) != 1)
        return false;
    unsigned long port = strtoul(part[at + 1], &end, 10);
    *ret_port = (int)port;
    return end != part[at + 1] && !*end && port < 65536;
}

static bool forward_host(NetUser *u, const char *text, GError **err)
{
    g_auto(GStrv) half = g_strsplit(text, "-", 2);
    struct in_addr host = {.s_addr = INADDR_ANY}, guest = u->cfg.vdhcp_start;
    int host_port, guest_port;
    bool udp = false;
    if (g_strv_length(half) != 2 || !parse_end(half[0], true, &udp, &host, &host_port) ||
        !parse_end(half[1], false, NULL, &guest, &guest_port) || guest_port == 0)
        return sys_fail(err, "hostfwd '%s': [tcp|udp]:[address]:port-[address]:port would be", text);
    return slirp_add_hostfwd(u->slirp, udp, host, host_port, guest, guest_port) == 0 ||
           sys_fail(err, "hostfwd '%s': the host does not give the port", text);
}

static bool forward_guest(NetUser *u, const char *text, GError **err)
{
    g_auto(GStrv) half = g_strsplit(text, "-", 2);
    struct in_addr guest = u->net;
    int port;
    bool udp = false;
    if (g_strv_length(half) != 2 || !parse_end(half[0], true, &udp, &guest, &port) || udp ||
        (!g_str_has_prefix(half[1], "cmd:") && !g_str_has_prefix(half[1], "unix:")))
        return sys_fail(err, "guestfwd '%s': tcp:address:port-cmd:COMMAND or -unix:PATH would be", text);
    int failed = half[1][0] == 'c' ? slirp_add_exec(u->slirp, half[1] + 4, &guest, port)
                                   : slirp_add_unix(u->slirp, half[1] + 5, &guest, port);
    return !failed || sys_fail(err, "guestfwd '%s': the address is in use, or not of the network", text);
}

static struct in_addr of_net(const NetUser *u, uint32_t host)
{
    return (struct in_addr){.s_addr = u->net.s_addr | htonl(host)};
}

static bool user_start(NetUser *u, GError **err)
{
    SlirpConfig *c = &u->cfg;
    c->version = 1;
    c->vnetwork = u->net;
    c->vnetmask = u->mask;
    c->vhost = u->has_host ? c->vhost : of_net(u, 2);
    c->vnameserver = u->has_dns ? c->vnameserver : of_net(u, 3);
    c->vdhcp_start = u->has_dhcp ? c->vdhcp_start : of_net(u, 15);
    const struct in_addr *all[] = {&c->vhost, &c->vnameserver, &c->vdhcp_start};
    for (unsigned k = 0; k < G_N_ELEMENTS(all); k++)
        if ((all[k]->s_addr & u->mask.s_addr) != u->net.s_addr)
            return sys_fail(err, "host, dns and dhcpstart must be of the network");
    inet_pton(AF_INET6, "fec0::", &c->vprefix_addr6);
    inet_pton(AF_INET6, "fec0::2", &c->vhost6);
    inet_pton(AF_INET6, "fec0::3", &c->vnameserver6);
    c->vprefix_len = 64;
    if (c->tftp_path && !g_file_test(c->tftp_path, G_FILE_TEST_IS_DIR))
        return sys_fail(err, "tftp: '%s' is no directory", c->tftp_path);
    g_ptr_array_add(u->search, NULL);
    c->vdnssearch = u->search->len > 1 ? (const char **)u->search->pdata : NULL;
    u->slirp = slirp_new(c, &callbacks, u);
    if (!u->slirp)
        return sys_fail(err, "libslirp does not take these settings");
    for (unsigned k = 0; k < u->forwards->len; k++) {
        const char *f = u->forwards->pdata[k];
        if (!(f[0] == 'h' ? forward_host : forward_guest)(u, f + 1, err))
            return false;
    }
    u->source = g_source_new(&user_funcs, sizeof(UserSource));
    ((UserSource *)u->source)->u = u;
    g_source_attach(u->source, NULL);
    return true;
}

NetBack *net_user_open(const char *text, GError **err)
{
    NetUser *u = g_new0(NetUser, 1);
    net_back_init(&u->back, "");
    u->back.out = user_out;
    u->back.close = user_close;
    u->watches = g_array_new(FALSE, TRUE, sizeof(Watch));
    u->forwards = g_ptr_array_new_with_free_func(g_free);
    u->search = g_ptr_array_new();
    u->strings = g_ptr_array_new_with_free_func(g_free);
    u->cfg.in_enabled = u->cfg.in6_enabled = true;
    inet_pton(AF_INET, "10.0.2.0", &u->net);
    inet_pton(AF_INET, "255.255.255.0", &u->mask);
    if (net_keys("-netdev user", text, user_set, u, err) && user_start(u, err))
        return &u->back;
    user_close(&u->back);
    return NULL;
}
