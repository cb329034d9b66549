/* Chardevs that are file descriptors: the terminal, files, pipes, ptys, serial lines; and null and ringbuf,
 * which are none. */
#include "system/chardev/chardev_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* ---- reading ---- */

static gboolean readable(int fd, GIOCondition condition, void *opaque)
{
    FdWatch *w = opaque;
    uint8_t in[1024];
    size_t room = MIN(chardev_room(w->c), sizeof(in));
    if (!room)
        return G_SOURCE_CONTINUE; /* input() pauses the watch */
    ssize_t n = read(fd, in, room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (n <= 0) {
        w->source = 0;
        if (w->ended)
            w->ended(w->c);
        return G_SOURCE_REMOVE;
    }
    guint source = w->source;
    chardev_input(w->c, in, w->filter ? w->filter(w->c, in, (size_t)n) : (size_t)n);
    return w->source == source; /* it may have been stopped meanwhile */
}

void fd_watch_start(FdWatch *w)
{
    if (!w->source && w->fd >= 0)
        w->source = g_unix_fd_add(w->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, w);
}

void fd_watch_stop(FdWatch *w)
{
    if (w->source)
        g_source_remove(w->source);
    w->source = 0;
}

/* ---- what has descriptors ---- */

typedef struct CharFd {
    Chardev c;
    FdWatch in;
    int out; /* -1: none */
    char *path;
    struct termios saved;
    bool restore; /* the terminal's mode */
    int slave;    /* pty: ours of the other end */
    guint timer;  /* pty: until the next look whether somebody is there */
} CharFd;

static void fd_close(Chardev *c)
{
    CharFd *f = (CharFd *)c;
    fd_watch_stop(&f->in);
    if (f->timer)
        g_source_remove(f->timer);
    if (f->restore)
        tcsetattr(f->in.fd, TCSANOW, &f->saved);
    if (f->in.fd > STDERR_FILENO)
        close(f->in.fd);
    if (f->out > STDERR_FILENO && f->out != f->in.fd)
        close(f->out);
    if (f->slave > 0)
        close(f->slave);
    g_free(f->path);
}

static void fd_start(Chardev *c)
{
    fd_watch_start(&((CharFd *)c)->in);
    chardev_event(c, CHAR_OPENED);
}

static void fd_pause(Chardev *c, bool on)
{
    CharFd *f = (CharFd *)c;
    if (on)
        fd_watch_stop(&f->in);
    else
        fd_watch_start(&f->in);
}

static bool fd_write(Chardev *c, const uint8_t *bytes, size_t n)
{
    const CharFd *f = (const CharFd *)c;
    return f->out >= 0 && fd_write_all(f->out, bytes, n);
}

static void fd_init(Chardev *c, int in, int out)
{
    CharFd *f = (CharFd *)c;
    f->in = (FdWatch){.c = c, .fd = in};
    f->out = out;
}

/* ---- stdio ---- */

static void make_raw(CharFd *f, bool signals)
{
    struct termios raw = f->saved;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals)
        raw.c_lflag &= ~(tcflag_t)ISIG;
    raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    tcsetattr(f->in.fd, TCSANOW, &raw);
    f->restore = true;
}

static bool stdio_open(Chardev *c, KeyVals *kv, GError **err)
{
    CharFd *f = (CharFd *)c;
    bool signals = !c->mux; /* Ctrl-C is the guest's where there are escape keys */
    fd_init(c, STDIN_FILENO, STDOUT_FILENO);
    c->lossy = isatty(STDIN_FILENO);
    if (!key_vals_bool(kv, "signal", &signals, err))
        return false;
    f->slave = signals ? -1 : 0; /* read by start */
    return true;
}

static void stdio_start(Chardev *c)
{
    CharFd *f = (CharFd *)c;
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &f->saved) == 0)
        make_raw(f, f->slave == -1);
    fd_start(c);
}

/* ---- null ---- */

static bool null_open(Chardev *c, KeyVals *kv, GError **err)
{
    return true;
}
static bool null_write(Chardev *c, const uint8_t *bytes, size_t n)
{
    return true;
}
static void null_start(Chardev *c)
{
    chardev_event(c, CHAR_OPENED);
}

/* ---- file, pipe, serial ---- */

static int open_path(const char *path, int flags, GError **err)
{
    int fd = open(path, flags | O_CLOEXEC, 0666);
    if (fd < 0)
        sys_fail_errno(err, errno, "%s", path);
    return fd;
}

static bool file_open(Chardev *c, KeyVals *kv, GError **err)
{
    bool append = false;
    const char *path = key_vals_get(kv, "path"), *input = key_vals_get(kv, "input-path");
    fd_init(c, -1, -1);
    if (!path)
        return sys_fail(err, "%s: which path?", key_vals_what(kv));
    CharFd *f = (CharFd *)c;
    if (!key_vals_bool(kv, "append", &append, err))
        return false;
    f->path = g_strdup(path);
    f->out = open_path(path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), err);
    if (f->out < 0)
        return false;
    f->in.fd = input ? open_path(input, O_RDONLY, err) : -1;
    return !input || f->in.fd >= 0;
}

/* path.in and path.out, or one file for both ways. */
static bool pipe_open(Chardev *c, KeyVals *kv, GError **err)
{
    const char *path = key_vals_get(kv, "path");
    fd_init(c, -1, -1);
    if (!path)
        return sys_fail(err, "%s: which path?", key_vals_what(kv));
    CharFd *f = (CharFd *)c;
    g_autofree char *in = g_strdup_printf("%s.in", path), *out = g_strdup_printf("%s.out", path);
    f->path = g_strdup(path);
    bool two = access(in, F_OK) == 0 && access(out, F_OK) == 0;
    f->in.fd = open_path(two ? in : path, O_RDWR | O_NONBLOCK, err);
    if (f->in.fd < 0)
        return false;
    f->out = two ? open_path(out, O_RDWR | O_NONBLOCK, err) : f->in.fd;
    return f->out >= 0;
}

static bool serial_open(Chardev *c, KeyVals *kv, GError **err)
{
    const char *path = key_vals_get(kv, "path");
    fd_init(c, -1, -1);
    if (!path)
        return sys_fail(err, "%s: which path?", key_vals_what(kv));
    CharFd *f = (CharFd *)c;
    f->path = g_strdup(path);
    f->in.fd = f->out = open_path(path, O_RDWR | O_NONBLOCK | O_NOCTTY, err);
    if (f->in.fd < 0)
        return false;
    if (tcgetattr(f->in.fd, &f->saved) != 0)
        return sys_fail(err, "%s is no serial line or terminal", path);
    make_raw(f, false);
    return true;
}

/* ---- pty ---- */

enum { PTY_POLL_MS = 1000 };

/* Nobody at the other end is POLLHUP; there is no event for somebody coming. */
static gboolean pty_look(void *opaque)
{
    CharFd *f = opaque;
    GPollFD p = {.fd = f->in.fd, .events = G_IO_IN | G_IO_HUP};
    if (g_poll(&p, 1, 0) > 0 && (p.revents & G_IO_HUP))
        return G_SOURCE_CONTINUE;
    f->timer = 0;
    chardev_event(&f->c, CHAR_OPENED);
    fd_watch_start(&f->in);
    return G_SOURCE_REMOVE;
}

static void pty_ended(Chardev *c)
{
    CharFd *f = (CharFd *)c;
    if (c->connected)
        chardev_event(c, CHAR_CLOSED);
    if (!f->timer)
        f->timer = g_timeout_add(PTY_POLL_MS, pty_look, f);
}

static bool pty_open(Chardev *c, KeyVals *kv, GError **err)
{
    CharFd *f = (CharFd *)c;
    char name[64];
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    fd_init(c, fd, fd);
    if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0 || ptsname_r(fd, name, sizeof(name)) != 0)
        return sys_fail_errno(err, errno, "no pty");
    f->path = g_strdup(name);
    f->in.ended = pty_ended;
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave >= 0 && tcgetattr(slave, &f->saved) == 0) {
        struct termios raw = f->saved;
        cfmakeraw(&raw);
        tcsetattr(slave, TCSANOW, &raw);
    }
    if (slave >= 0)
        close(slave);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    fprintf(stderr, "char device redirected to %s (label %s)\n", name, c->id);
    return true;
}

static void pty_start(Chardev *c)
{
    pty_ended(c);
}

/* While nobody is there the kernel's buffer fills up; what is older is lost then. */
static bool pty_write(Chardev *c, const uint8_t *bytes, size_t n)
{
    const CharFd *f = (const CharFd *)c;
    if (c->connected)
        return fd_write_all(f->out, bytes, n);
    ssize_t done = write(f->out, bytes, n);
    return done == (ssize_t)n;
}

const char *chardev_pty(const Chardev *c)
{
    return c->kind == &char_pty ? ((const CharFd *)c)->path : NULL;
}

static char *describe_path(const Chardev *c)
{
    return g_strdup_printf("%s:%s", c->kind->name, ((const CharFd *)c)->path);
}
static char *describe_file(const Chardev *c)
{
    return g_strdup("file");
}

/* ---- ringbuf ---- */

typedef struct CharRing {
    Chardev c;
    uint64_t size;
    GByteArray *bytes;
} CharRing;

static bool ring_open(Chardev *c, KeyVals *kv, GError **err)
{
    CharRing *r = (CharRing *)c;
    r->size = 64 << 10;
    r->bytes = g_byte_array_new();
    if (!key_vals_size(kv, "size", &r->size, err))
        return false;
    return (r->size && !(r->size & (r->size - 1)) && r->size <= 1 << 30) ||
           sys_fail(err, "%s: size must be a power of two up to 1G", key_vals_what(kv));
}

static void ring_close(Chardev *c)
{
    g_byte_array_unref(((CharRing *)c)->bytes);
}

static bool ring_write(Chardev *c, const uint8_t *bytes, size_t n)
{
    CharRing *r = (CharRing *)c;
    size_t skip = n > r->size ? n - (size_t)r->size : 0;
    g_byte_array_append(r->bytes, bytes + skip, (guint)(n - skip));
    if (r->bytes->len > r->size)
        g_byte_array_remove_range(r->bytes, 0, r->bytes->len - (guint)r->size);
    return true;
}

bool chardev_ring_read(Chardev *c, size_t most, GByteArray *to)
{
    CharRing *r = (CharRing *)c;
    if (c->kind != &char_ringbuf)
        return false;
    g_mutex_lock(&c->lock);
    guint n = (guint)MIN(most, (size_t)r->bytes->len);
    g_byte_array_append(to, r->bytes->data, n);
    g_byte_array_remove_range(r->bytes, 0, n);
    g_mutex_unlock(&c->lock);
    return true;
}

void chardev_ring_write(Chardev *c, const uint8_t *bytes, size_t n)
{
    chardev_input(c, bytes, n);
}

const CharKind char_null = {
    .name = "null", .size = sizeof(Chardev), .open = null_open, .start = null_start, .write = null_write};
const CharKind char_stdio = {.name = "stdio",
                             .size = sizeof(CharFd),
                             .open = stdio_open,
                             .start = stdio_start,
                             .close = fd_close,
                             .write = fd_write,
                             .pause = fd_pause};
const CharKind char_file = {.name = "file",
                            .size = sizeof(CharFd),
                            .open = file_open,
                            .start = fd_start,
                            .close = fd_close,
                            .write = fd_write,
                            .pause = fd_pause,
                            .describe = describe_file};
const CharKind char_pipe = {.name = "pipe",
                            .size = sizeof(CharFd),
                            .open = pipe_open,
                            .start = fd_start,
                            .close = fd_close,
                            .write = fd_write,
                            .pause = fd_pause,
                            .describe = describe_path};
const CharKind char_serial = {.name = "serial",
                              .size = sizeof(CharFd),
                              .open = serial_open,
                              .start = fd_start,
                              .close = fd_close,
                              .write = fd_write,
                              .pause = fd_pause,
                              .describe = describe_path};
const CharKind char_pty = {.name = "pty",
                           .size = sizeof(CharFd),
                           .open = pty_open,
                           .start = pty_start,
                           .close = fd_close,
                           .write = pty_write,
                           .pause = fd_pause,
                           .describe = describe_path};
const CharKind char_ringbuf = {.name = "ringbuf",
                               .size = sizeof(CharRing),
                               .open = ring_open,
                               .start = null_start,
                               .close = ring_close,
                               .write = ring_write};
