/*
 * DisplayPort: a picture that a device shows, for those outside of the machine who look at it.
 *
 * The owner of the back end makes the port and gives it to one device, which fills in its half at realize.
 * Nothing is drawn unless somebody asks. A frame belongs to who asks; draw() may be called by any thread, one
 * at a time for a frame, and takes the device's lock.
 */
#ifndef HW_CORE_DISPLAY_H
#define HW_CORE_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISPLAY_MAX_WIDTH = 16384, DISPLAY_MAX_HEIGHT = 16384 };

/* Pixels are 0x00rrggbb in the host's order, rows without gaps. */
typedef struct DisplayFrame {
    unsigned width, height;
    uint32_t *pixel; /* malloc()ed; NULL: nothing was drawn yet */
    size_t room;     /* pixels */
} DisplayFrame;

typedef struct DisplayPort {
    void *device;
    /* The picture as it is now, with the size it has. False: no memory; the frame is as before. */
    bool (*draw)(void *device, DisplayFrame *to);
} DisplayPort;

/* For devices: gives the frame a size; its pixels are anything then. False: no memory, or no sane size. */
bool display_frame_size(DisplayFrame *f, unsigned width, unsigned height);
void display_frame_clear(DisplayFrame *f);

#endif
