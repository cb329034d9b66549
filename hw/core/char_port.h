/*
 * CharPort: a byte stream between a device and what is behind it outside of the machine.
 *
 * The owner of the back end makes it and gives it to one device, which fills in its half at realize. Bytes
 * for the device come by take(), at most as many as can_take() said, with no lock held; the device locks.
 * write() may be called with the device's lock held; it takes everything, or drops what the back end cannot
 * hold.
 */
#ifndef HW_CORE_CHAR_PORT_H
#define HW_CORE_CHAR_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum CharEvent {
    CHAR_BREAK,  /* a break on the line */
    CHAR_OPENED, /* somebody is at the other end, */
    CHAR_CLOSED, /* and left */
    CHAR_FOCUS,  /* of several that share a terminal this is the one that gets the keys now, */
    CHAR_UNFOCUS, /* and no longer */
} CharEvent;

typedef struct CharPort {
    void *backend;
    void (*write)(void *backend, const uint8_t *bytes, size_t n);
    void (*more)(void *backend); /* the device can take bytes again; may be NULL */
    void *device;
    size_t (*can_take)(void *device);
    void (*take)(void *device, const uint8_t *bytes, size_t n);
    void (*event)(void *device, CharEvent e); /* with no lock held; may be NULL */
    void *guest;
    void (*opened)(void *guest, bool open); /* a program of the guest has; lock held; may be NULL */
} CharPort;

#endif
