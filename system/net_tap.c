/* -netdev tap: an interface of the host (linux/if_tun.h), made by this process or handed over as a
 * descriptor. What is done with the interface is the user's business: no scripts are run. */
#include "system/key_vals.h"
#include "system/net_back.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct NetTap {
    NetBack back;
    int fd;
    guint reading;
} NetTap;

static void tap_out(NetBack *b, const uint8_t *frame, size_t n)
{
    ssize_t done;
    do
        done = write(((NetTap *)b)->fd, frame, n);
    while (done < 0 && errno == EINTR); /* full: dropped, as on any Ethernet */
}

static gboolean on_readable(int fd, GIOCondition condition, void *opaque)
{
    NetTap *t = opaque;
    uint8_t bytes[NET_FRAME_MAX];
    ssize_t n = read(fd, bytes, sizeof(bytes));
    if (n > 0)
        net_back_give(&t->back, bytes, (size_t)n);
    if (n >= 0 || errno == EAGAIN || errno == EINTR)
        return G_SOURCE_CONTINUE;
    t->reading = 0; /* the interface is gone */
    return G_SOURCE_REMOVE;
}

static void tap_close(NetBack *b)
{
    NetTap *t = (NetTap *)b;
    if (t->reading)
        g_source_remove(t->reading);
    if (t->fd >= 0)
        close(t->fd);
    net_back_clear(b);
    g_free(t);
}

static bool make_interface(NetTap *t, const char *name, GError **err)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    if (strlen(name) >= sizeof(r.ifr_name))
        return sys_fail(err, "'%s' is too long for an interface", name);
    memcpy(r.ifr_name, name, strlen(name));
    t->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (t->fd < 0)
        return sys_fail_errno(err, errno, "/dev/net/tun");
    return ioctl(t->fd, TUNSETIFF, &r) == 0 || sys_fail_errno(err, errno, "interface '%s'", name);
}

static bool parse(NetTap *t, KeyVals *kv, GError **err)
{
    static const char *const none[] = {"no"};
    unsigned word = 0;
    uint64_t fd = UINT64_MAX;
    bool vhost = false;
    const char *name = key_vals_get(kv, "ifname"), *up = key_vals_get(kv, "script");
    if (!key_vals_u64(kv, "fd", INT_MAX, &fd, err) || !key_vals_word(kv, "script", none, 1, &word, err) ||
        !key_vals_word(kv, "downscript", none, 1, &word, err) || !key_vals_bool(kv, "vhost", &vhost, err) ||
        !key_vals_done(kv, err))
        return false;
    if (vhost)
        return sys_fail(err, "vhost=on is not there");
    if (fd != UINT64_MAX)
        t->fd = (int)fd;
    else if (!up)
        return sys_fail(err, "scripts are not run: say script=no, and set the interface up yourself");
    else if (!make_interface(t, name ? name : "", err))
        return false;
    int flags = fcntl(t->fd, F_GETFL);
    if (flags < 0 || fcntl(t->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return sys_fail_errno(err, errno, "fd=%d", t->fd);
    t->reading = g_unix_fd_add(t->fd, G_IO_IN, on_readable, t);
    return true;
}

NetBack *net_tap_open(const char *text, GError **err)
{
    g_autoptr(KeyVals) kv = key_vals_parse("-netdev tap", text, NULL, err);
    const char *id = kv ? key_vals_get(kv, "id") : NULL;
    if (!kv)
        return NULL;
    NetTap *t = g_new0(NetTap, 1);
    net_back_init(&t->back, id ? id : "");
    t->back.out = tap_out;
    t->back.close = tap_close;
    t->fd = -1;
    if (parse(t, kv, err))
        return &t->back;
    g_prefix_error(err, "-netdev tap: ");
    tap_close(&t->back);
    return NULL;
}
