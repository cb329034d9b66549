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

#include <stddef.h>
#include <stdint.h>

typedef struct CharPort {
    void *backend;
    void (*write)(void *backend, const uint8_t *bytes, size_t n);
    void (*more)(void *backend); /* the device can take bytes again; may be NULL */
    void *device;
    size_t (*can_take)(void *device);
    void (*take)(void *device, const uint8_t *bytes, size_t n);
} CharPort;

#endif
