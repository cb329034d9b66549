/*
 * Console: the process's terminal as the back end of a serial port, with the escape key Ctrl-A: x ends,
 * Ctrl-A itself is sent.
 *
 * The terminal is in raw mode between console_open() and console_close(), which must come before the process
 * ends.
 * Threads: open, close: the main thread, whose GLib loop reads input. The port's write: any.
 */
#ifndef SYSTEM_CONSOLE_H
#define SYSTEM_CONSOLE_H

#include "hw/core/char_port.h"

#include <stdbool.h>

typedef struct Console {
    CharPort port;
    void (*quit)(void *opaque);
    void *opaque;
    struct termios *saved; /* <termios.h> has names that the IR has */
    bool is_tty, escaped;
    unsigned source;       /* GLib's id of the watch, 0: none */
    int flags_in;
    bool full;             /* the device had no room for more */
    unsigned char waiting[256];
    unsigned n_waiting;
} Console;

/* The port can be given to a machine after init; input comes after open. */
void console_init(Console *c, void (*quit)(void *opaque), void *opaque);
void console_open(Console *c);
void console_close(Console *c);

#endif
