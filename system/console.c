#include "system/console.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { CTRL_A = 1 };

static void console_write(void *opaque, const uint8_t *bytes, size_t n)
{
    (void)opaque;
    while (n) {
        ssize_t done = write(STDOUT_FILENO, bytes, n);
        if (done < 0 && errno == EAGAIN) {
            GPollFD fd = {.fd = STDOUT_FILENO, .events = G_IO_OUT};
            g_poll(&fd, 1, -1);
        } else if (done < 0 && errno != EINTR) {
            return; /* nobody listens */
        } else if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        }
    }
}

static void give(Console *c)
{
    size_t room = c->port.device ? c->port.can_take(c->port.device) : c->n_waiting;
    size_t n = MIN(room, (size_t)c->n_waiting);
    if (c->port.device && n)
        c->port.take(c->port.device, c->waiting, n);
    c->n_waiting -= (unsigned)n;
    memmove(c->waiting, c->waiting + n, c->n_waiting);
}

static gboolean give_later(void *opaque)
{
    give(opaque);
    return G_SOURCE_REMOVE;
}

/* By a cpu's thread, with the device's lock held. */
static void console_more(void *opaque)
{
    const Console *c = opaque;
    if (__atomic_load_n(&c->n_waiting, __ATOMIC_RELAXED))
        g_idle_add(give_later, opaque);
}

static void one_key(Console *c, unsigned char key)
{
    if (!c->escaped && key == CTRL_A) {
        c->escaped = true;
        return;
    }
    if (c->escaped && (key == 'x' || key == 'X')) {
        c->quit(c->opaque);
        return;
    }
    c->escaped = false;
    if (c->n_waiting < sizeof(c->waiting))
        c->waiting[c->n_waiting++] = key;
}

static gboolean console_readable(int fd, GIOCondition condition, void *opaque)
{
    Console *c = opaque;
    unsigned char in[128];
    if (c->n_waiting > sizeof(c->waiting) - sizeof(in)) { /* the device is slow: do not spin on it */
        give(c);
        g_usleep(1000);
        return G_SOURCE_CONTINUE;
    }
    ssize_t n = read(fd, in, sizeof(in));
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        c->source = 0;
        return G_SOURCE_REMOVE; /* end of input; the machine goes on */
    }
    for (ssize_t k = 0; k < n; k++)
        one_key(c, in[k]);
    give(c);
    return G_SOURCE_CONTINUE;
}

void console_init(Console *c, void (*quit)(void *opaque), void *opaque)
{
    *c = (Console){.port = {.backend = c, .write = console_write, .more = console_more}, .quit = quit,
                   .opaque = opaque};
}

void console_open(Console *c)
{
    c->saved = g_new0(struct termios, 1);
    c->is_tty = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, c->saved) == 0;
    if (c->is_tty) {
        struct termios raw = *c->saved;
        raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
        raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
        raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    c->source = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, console_readable, c);
}

void console_close(Console *c)
{
    if (c->source)
        g_source_remove(c->source);
    c->source = 0;
    if (c->is_tty)
        tcsetattr(STDIN_FILENO, TCSANOW, c->saved);
    c->is_tty = false;
    g_free(c->saved);
    c->saved = NULL;
}
