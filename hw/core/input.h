/*
 * InputPort: keys and motions of the user, for a keyboard or pointing device.
 *
 * The owner of the back end makes the port and gives it to one device, which fills it in at realize. The
 * functions are called by any thread, without locks; they take the device's.
 */
#ifndef HW_CORE_INPUT_H
#define HW_CORE_INPUT_H

#include <stdbool.h>

enum { INPUT_LEFT = 1, INPUT_RIGHT = 2, INPUT_MIDDLE = 4 };
enum { INPUT_ABSOLUTE_MAX = 0x7fff };

typedef struct InputPort {
    void *device;        /* NULL: the machine has none */
    const char *pointer; /* name of the pointing device; NULL: it is none */
    /* Does the guest listen? NULL: always. */
    bool (*ready)(void *device);
    /* A key by its number in <linux/input-event-codes.h> (KEY_*). False: it has no such key, or no room.
     * NULL: it is no keyboard. */
    bool (*key)(void *device, unsigned key, bool down);
    /* A motion to the right, downwards, of the wheel towards the user; and the buttons that are held. */
    void (*move)(void *device, int dx, int dy, int wheel, unsigned buttons);
    /* A place, 0 to INPUT_ABSOLUTE_MAX; instead of move. */
    void (*point)(void *device, unsigned x, unsigned y, int wheel, unsigned buttons);
} InputPort;

#endif
