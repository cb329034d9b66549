/*
 * Chardev: a byte stream of the host (terminal, pty, socket, file, ...) and who in the program uses it.
 *
 * One user (CharFront) a chardev, several with mux=on: then input goes to the one in focus, Ctrl-A is the
 * escape key (h lists them), and output of all is written as it comes.
 * Invariants: input is given to a front at most as much as it can take, in order. Output of one write() call
 * is not torn by another's.
 * Ownership: a Chardevs owns its chardevs; a front belongs to its user and is detached before it goes.
 * Threads: everything by the main thread, whose GLib loop delivers input and events; CharPort.write and .more
 * by any.
 */
#ifndef SYSTEM_CHARDEV_CHARDEV_H
#define SYSTEM_CHARDEV_CHARDEV_H

#include "hw/core/char_port.h"
#include "system/key_vals.h"

typedef struct Chardev Chardev;
typedef struct Chardevs Chardevs;

typedef struct CharFront {
    CharPort port; /* the backend half is filled by chardev_attach(), the device half by the user */
    Chardev *chr;  /* NULL: not attached */
    char label[32];
    /* Output that the host could not be given is dropped while nobody is connected. */
} CharFront;

/* What the escape keys ask of the program. */
typedef struct CharHost {
    void *opaque;
    void (*quit)(void *opaque);
    void (*commit)(void *opaque); /* C-a s */
} CharHost;

Chardevs *chardevs_new(const CharHost *host);
/* Back to how the terminal was; frees all. */
void chardevs_free(Chardevs *all);
/* `-chardev`. NULL: err says why. Sockets listen or connect, wait=on waits. */
Chardev *chardev_add(Chardevs *all, KeyVals *kv, GError **err);
/* The short form of -serial, -monitor, ...: `stdio`, `mon:stdio`, `pty`, `tcp::PORT,server`, `chardev:ID`.
 * label: the id it gets. */
Chardev *chardev_add_short(Chardevs *all, const char *what, const char *text, const char *label,
                           GError **err);
/* The n-th kind there is; NULL: there are fewer. */
const char *chardev_kind(unsigned n);
Chardev *chardev_find(Chardevs *all, const char *id);
/* False: it is in use. */
bool chardev_remove(Chardevs *all, Chardev *c, GError **err);
void chardevs_each(Chardevs *all, void (*fn)(void *opaque, Chardev *c), void *opaque);
/* Input begins. Before, nothing is read, and the terminal is left alone. */
void chardevs_open(Chardevs *all);

const char *chardev_id(const Chardev *c);
char *chardev_describe(const Chardev *c); /* `info chardev`: "pty:/dev/pts/3"; the caller frees it */
bool chardev_connected(const Chardev *c);
bool chardev_is_mux(const Chardev *c);
bool chardev_used(const Chardev *c);
/* The path or port that somebody can connect to, as text; NULL: none. For a pty its path. */
const char *chardev_pty(const Chardev *c);

/* False: somebody else has it. */
bool chardev_attach(Chardev *c, CharFront *f, const char *label, GError **err);
void chardev_detach(CharFront *f);
void chardev_focus(CharFront *f);
bool chardev_in_focus(const CharFront *f);
/* Ends the present connection of a socket. */
void chardev_disconnect(Chardev *c);
/* kind=ringbuf: what was written and not read yet; false: it is none. */
bool chardev_ring_read(Chardev *c, size_t most, GByteArray *to);
/* As if it had come from outside. */
void chardev_ring_write(Chardev *c, const uint8_t *bytes, size_t n);

#endif
