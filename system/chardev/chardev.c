/* Chardevs and their users; the escape keys. The kinds are in files of their own. */
#include "system/chardev/chardev_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CTRL_A = 1, WAITING_MOST = 64 << 10 };

struct Chardevs {
    CharHost host;
    GPtrArray *list;
    bool open;
};

static const CharKind *const kinds[] = {&char_stdio, &char_null,   &char_file,    &char_pipe,
                                        &char_pty,   &char_socket, &char_ringbuf, &char_serial};

const CharHost *chardev_host(const Chardev *c)
{
    return &c->all->host;
}
const char *chardev_id(const Chardev *c)
{
    return c->id;
}
bool chardev_connected(const Chardev *c)
{
    return c->connected;
}
bool chardev_is_mux(const Chardev *c)
{
    return c->mux;
}
bool chardev_used(const Chardev *c)
{
    return c->n_fronts != 0;
}
char *chardev_describe(const Chardev *c)
{
    return c->kind->describe ? c->kind->describe(c) : g_strdup(c->kind->name);
}

/* ---- output ---- */

static void write_locked(Chardev *c, const uint8_t *bytes, size_t n)
{
    if (c->log_fd >= 0)
        fd_write_all(c->log_fd, bytes, n);
    c->kind->write(c, bytes, n);
}

static void write_stamped(Chardev *c, const uint8_t *bytes, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (c->at_line_start) {
            gint64 ms = (g_get_monotonic_time() - c->begun) / 1000;
            char stamp[48];
            int len = g_snprintf(stamp, sizeof(stamp), "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000),
                                 (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
            write_locked(c, (const uint8_t *)stamp, (size_t)len);
        }
        write_locked(c, &bytes[k], 1);
        c->at_line_start = bytes[k] == '\n';
    }
}

static void output(Chardev *c, const uint8_t *bytes, size_t n)
{
    g_mutex_lock(&c->lock);
    if (c->timestamps)
        write_stamped(c, bytes, n);
    else
        write_locked(c, bytes, n);
    g_mutex_unlock(&c->lock);
}

static void front_write(void *backend, const uint8_t *bytes, size_t n)
{
    const CharFront *f = backend;
    if (f->chr)
        output(f->chr, bytes, n);
}

bool fd_write_all(int fd, const uint8_t *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EAGAIN) {
            GPollFD p = {.fd = fd, .events = G_IO_OUT};
            g_poll(&p, 1, -1);
            if (p.revents & (G_IO_ERR | G_IO_HUP | G_IO_NVAL))
                return false;
        } else if (done < 0 && errno != EINTR) {
            return false;
        } else if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        }
    }
    return true;
}

/* ---- input ---- */

static CharFront *in_focus(const Chardev *c)
{
    return c->n_fronts ? c->front[c->focus] : NULL;
}

static void set_waiting(Chardev *c)
{
    __atomic_store_n(&c->n_waiting, c->waiting->len, __ATOMIC_SEQ_CST);
}

static void give(Chardev *c)
{
    const CharFront *f = in_focus(c);
    while (c->waiting->len && f && f->port.device) {
        uint8_t part[256];
        /* asked once: it is more when a cpu has read meanwhile */
        size_t n = f->port.can_take(f->port.device);
        n = MIN(n, (size_t)c->waiting->len);
        n = MIN(n, sizeof(part));
        if (!n)
            break;
        memcpy(part, c->waiting->data, n); /* taking them may lead to more input */
        g_byte_array_remove_range(c->waiting, 0, (guint)n);
        set_waiting(c);
        f->port.take(f->port.device, part, n);
        f = in_focus(c);
    }
    bool pause = !chardev_room(c);
    if (pause != c->paused && c->kind->pause) {
        c->paused = pause;
        c->kind->pause(c, pause);
    }
}

static gboolean give_later(void *opaque)
{
    give(opaque);
    return G_SOURCE_REMOVE;
}

/* By a cpu's thread, with the device's lock held. */
static void front_more(void *backend)
{
    const CharFront *f = backend;
    Chardev *c = f->chr;
    if (c && __atomic_load_n(&c->n_waiting, __ATOMIC_SEQ_CST) && in_focus(c) == f)
        g_idle_add_full(G_PRIORITY_DEFAULT, give_later, c, NULL);
}

size_t chardev_room(const Chardev *c)
{
    if (c->lossy)
        return WAITING_MOST;
    return c->waiting->len < WAITING_MOST ? WAITING_MOST - c->waiting->len : 0;
}

static void print_keys(Chardev *c)
{
    static const char text[] = "\r\n"
                               "C-a h    print this help\r\n"
                               "C-a x    exit emulator\r\n"
                               "C-a s    save disk data back to file (if -snapshot)\r\n"
                               "C-a t    toggle console timestamps\r\n"
                               "C-a b    send break (magic sysrq)\r\n"
                               "C-a c    switch between console and monitor\r\n"
                               "C-a C-a  sends C-a\r\n";
    output(c, (const uint8_t *)text, sizeof(text) - 1);
}

static void front_event(const CharFront *f, CharEvent e)
{
    if (f && f->port.event && f->port.device)
        f->port.event(f->port.device, e);
}

static void move_focus(Chardev *c, unsigned to)
{
    CharFront *from = in_focus(c);
    if (!from || c->focus == to)
        return;
    give(c);
    g_byte_array_set_size(c->waiting, 0); /* it was typed for the other one, which never took it */
    set_waiting(c);
    front_event(from, CHAR_UNFOCUS);
    c->focus = to;
    front_event(in_focus(c), CHAR_FOCUS);
}

static void toggle_timestamps(Chardev *c)
{
    g_mutex_lock(&c->lock);
    c->timestamps = !c->timestamps;
    c->begun = g_get_monotonic_time();
    c->at_line_start = false;
    g_mutex_unlock(&c->lock);
}

/* The key after Ctrl-A. True: it is input after all. */
static bool escape_key(Chardev *c, uint8_t key)
{
    const CharHost *h = &c->all->host;
    switch (key) {
    case 'h':
    case '?': print_keys(c); return false;
    case 'x': h->quit(h->opaque); return false;
    case 's':
        if (h->commit)
            h->commit(h->opaque);
        return false;
    case 't': toggle_timestamps(c); return false;
    case 'b': front_event(in_focus(c), CHAR_BREAK); return false;
    case 'c':
        if (c->n_fronts)
            move_focus(c, (c->focus + 1) % c->n_fronts);
        return false;
    default: return key == CTRL_A;
    }
}

static void one_key(Chardev *c, uint8_t key)
{
    bool was_escaped = c->escaped;
    if (!was_escaped && key == CTRL_A) {
        c->escaped = true;
        return;
    }
    c->escaped = false;
    if ((!was_escaped || escape_key(c, key)) && c->waiting->len < WAITING_MOST)
        g_byte_array_append(c->waiting, &key, 1);
}

void chardev_input(Chardev *c, const uint8_t *bytes, size_t n)
{
    if (!c->mux) {
        g_byte_array_append(c->waiting, bytes, (guint)MIN(n, WAITING_MOST - (size_t)c->waiting->len));
    } else {
        for (size_t k = 0; k < n; k++)
            one_key(c, bytes[k]);
    }
    set_waiting(c);
    give(c);
}

void chardev_event(Chardev *c, CharEvent e)
{
    if (e == CHAR_OPENED || e == CHAR_CLOSED) {
        c->connected = e == CHAR_OPENED;
        c->escaped = false;
    }
    for (unsigned k = 0; k < c->n_fronts; k++)
        front_event(c->front[k], e);
}

/* ---- users ---- */

bool chardev_attach(Chardev *c, CharFront *f, const char *label, GError **err)
{
    if (c->n_fronts && !c->mux)
        return sys_fail(err, "chardev '%s' is used already; mux=on shares it", c->id);
    if (c->n_fronts == CHAR_MAX_FRONTS)
        return sys_fail(err, "chardev '%s' has %u users already", c->id, c->n_fronts);
    f->chr = c;
    g_strlcpy(f->label, label, sizeof(f->label));
    f->port.backend = f;
    f->port.write = front_write;
    f->port.more = front_more;
    c->front[c->n_fronts++] = f;
    return true;
}

void chardev_detach(CharFront *f)
{
    Chardev *c = f->chr;
    if (!c)
        return;
    for (unsigned k = 0; k < c->n_fronts; k++) {
        if (c->front[k] != f)
            continue;
        memmove(&c->front[k], &c->front[k + 1], (c->n_fronts - k - 1) * sizeof(CharFront *));
        c->n_fronts--;
        if (c->focus >= c->n_fronts)
            c->focus = 0;
        break;
    }
    f->chr = NULL;
}

void chardev_focus(CharFront *f)
{
    for (unsigned k = 0; f->chr && k < f->chr->n_fronts; k++)
        if (f->chr->front[k] == f)
            move_focus(f->chr, k);
}

bool chardev_in_focus(const CharFront *f)
{
    return f->chr && in_focus(f->chr) == f;
}

void chardev_disconnect(Chardev *c)
{
    if (c->kind->disconnect)
        c->kind->disconnect(c);
}

/* ---- life ---- */

Chardevs *chardevs_new(const CharHost *host)
{
    Chardevs *all = g_new0(Chardevs, 1);
    all->host = *host;
    all->list = g_ptr_array_new();
    return all;
}

static void chardev_free(Chardev *c)
{
    while (c->n_fronts)
        chardev_detach(c->front[0]);
    if (c->kind->close)
        c->kind->close(c);
    if (c->log_fd >= 0)
        close(c->log_fd);
    while (g_idle_remove_by_data(c)) {
    }
    g_byte_array_unref(c->waiting);
    g_mutex_clear(&c->lock);
    g_free(c->id);
    g_free(c);
}

void chardevs_free(Chardevs *all)
{
    if (!all)
        return;
    for (unsigned k = 0; k < all->list->len; k++)
        chardev_free(all->list->pdata[k]);
    g_ptr_array_unref(all->list);
    g_free(all);
}

Chardev *chardev_find(Chardevs *all, const char *id)
{
    for (unsigned k = 0; k < all->list->len; k++)
        if (strcmp(((Chardev *)all->list->pdata[k])->id, id) == 0)
            return all->list->pdata[k];
    return NULL;
}

void chardevs_each(Chardevs *all, void (*fn)(void *opaque, Chardev *c), void *opaque)
{
    for (unsigned k = 0; k < all->list->len; k++)
        fn(opaque, all->list->pdata[k]);
}

bool chardev_remove(Chardevs *all, Chardev *c, GError **err)
{
    if (c->n_fronts)
        return sys_fail(err, "Chardev '%s' is busy", c->id);
    g_ptr_array_remove(all->list, c);
    chardev_free(c);
    return true;
}

const char *chardev_kind(unsigned n)
{
    return n < G_N_ELEMENTS(kinds) ? kinds[n]->name : NULL;
}

static const CharKind *find_kind(const char *name, GError **err)
{
    const char *names[G_N_ELEMENTS(kinds)];
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        names[k] = kinds[k]->name;
        if (strcmp(names[k], name) == 0)
            return kinds[k];
    }
    sys_fail(err, "no chardev '%s'; '%s' would be", name, sys_nearest(name, names, G_N_ELEMENTS(names)));
    return NULL;
}

static bool open_log(Chardev *c, KeyVals *kv, GError **err)
{
    bool append = false;
    const char *path = key_vals_get(kv, "logfile");
    if (!key_vals_bool(kv, "logappend", &append, err))
        return false;
    if (!path)
        return true;
    c->log_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
    return c->log_fd >= 0 || sys_fail_errno(err, errno, "%s", path);
}

static void start(Chardev *c)
{
    if (c->all->open && !c->started && c->kind->start)
        c->kind->start(c);
    c->started = c->all->open;
}

Chardev *chardev_add(Chardevs *all, KeyVals *kv, GError **err)
{
    const char *name = key_vals_get(kv, "backend"), *id = key_vals_get(kv, "id");
    const CharKind *kind = find_kind(!name ? "" : strcmp(name, "tty") == 0 ? "serial" : name, err);
    if (!kind)
        return NULL;
    if (!id || chardev_find(all, id)) {
        sys_fail(err, id ? "%s: there is a chardev of this id already" : "%s: which id?", key_vals_what(kv));
        return NULL;
    }
    Chardev *c = g_malloc0(kind->size);
    c->kind = kind;
    c->all = all;
    c->id = g_strdup(id);
    c->log_fd = -1;
    c->waiting = g_byte_array_new();
    g_mutex_init(&c->lock);
    if (!key_vals_bool(kv, "mux", &c->mux, err) || !open_log(c, kv, err) || !kind->open(c, kv, err) ||
        !key_vals_done(kv, err)) {
        chardev_free(c);
        return NULL;
    }
    g_ptr_array_add(all->list, c);
    start(c);
    return c;
}

void chardevs_open(Chardevs *all)
{
    all->open = true;
    for (unsigned k = 0; k < all->list->len; k++)
        start(all->list->pdata[k]);
}
