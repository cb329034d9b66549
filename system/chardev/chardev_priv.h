/*
 * A kind of chardev, for those who write one. Private to system/chardev.
 *
 * A kind calls chardev_input() with what it read, chardev_event() when somebody connects or leaves. Its
 * write() comes with `lock` held, by any thread; the rest by the main thread.
 */
#ifndef SYSTEM_CHARDEV_CHARDEV_PRIV_H
#define SYSTEM_CHARDEV_CHARDEV_PRIV_H

#include "system/chardev/chardev.h"

typedef struct CharKind {
    const char *name;
    size_t size; /* of the struct, which begins with Chardev */
    bool (*open)(Chardev *c, KeyVals *kv, GError **err);
    void (*start)(Chardev *c); /* input may come; NULL: none ever does */
    void (*close)(Chardev *c); /* accepts what open left half done; may be NULL */
    bool (*write)(Chardev *c, const uint8_t *bytes, size_t n); /* all of them; false: nobody listens */
    void (*pause)(Chardev *c, bool on);                        /* no more input for now; may be NULL */
    void (*disconnect)(Chardev *c);                            /* may be NULL */
    char *(*describe)(const Chardev *c);
} CharKind;

enum { CHAR_MAX_FRONTS = 4 };

struct Chardev {
    const CharKind *kind;
    Chardevs *all;
    char *id;
    GMutex lock; /* output, the log file */
    bool mux, escaped, started;
    bool connected;
    bool lossy;  /* input that nobody takes is dropped, so that escape keys are seen (a terminal) */
    bool paused; /* by us, since nobody takes it */
    bool timestamps, at_line_start;
    gint64 begun; /* of the timestamps */
    int log_fd;   /* -1: none */
    CharFront *front[CHAR_MAX_FRONTS];
    unsigned n_fronts, focus;
    GByteArray *waiting; /* input that the front in focus has no room for */
    size_t n_waiting;    /* its length, for other threads */
};

extern const CharKind char_null, char_stdio, char_file, char_pipe, char_pty, char_socket, char_ringbuf,
    char_serial;

void chardev_input(Chardev *c, const uint8_t *bytes, size_t n);
/* How much it makes sense to read now. */
size_t chardev_room(const Chardev *c);
void chardev_event(Chardev *c, CharEvent e);
const CharHost *chardev_host(const Chardev *c);

/* All bytes to a file descriptor, waiting while it is full. False: it takes no more, ever. */
bool fd_write_all(int fd, const uint8_t *bytes, size_t n);

/* The reading side of a file descriptor. */
typedef struct FdWatch {
    Chardev *c;
    int fd; /* -1: none */
    guint source;
    void (*ended)(Chardev *c);                              /* end of input or an error; may be NULL */
    size_t (*filter)(Chardev *c, uint8_t *bytes, size_t n); /* in place; may be NULL */
} FdWatch;
void fd_watch_start(FdWatch *w);
void fd_watch_stop(FdWatch *w);

#endif
