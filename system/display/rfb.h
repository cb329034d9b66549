/*
 * Rfb: one viewer of a display by the RFB protocol (RFC 6143, versions 3.3, 3.7 and 3.8), as a machine of
 * bytes: what it sent goes in, what it is to get comes out; sockets are somebody else's.
 *
 * A viewer asks for a picture and gets the tiles that changed since the last. What it says is not trusted:
 * what makes no sense ends the connection (rfb_take() is false), and what it may make us keep is bounded.
 * Threads: one.
 */
#ifndef SYSTEM_DISPLAY_RFB_H
#define SYSTEM_DISPLAY_RFB_H

#include "hw/core/display.h"

#include <glib.h>
#include <zlib.h>

/* Pixels as the viewer wants them. */
typedef struct RfbFormat {
    uint8_t bits, depth, big_endian, true_color;
    uint16_t max[3]; /* red, green, blue */
    uint8_t shift[3];
} RfbFormat;

/* What a viewer does; size: of the picture that it knows. */
typedef struct RfbUser {
    void *opaque;
    void (*key)(void *opaque, unsigned sym, unsigned xt,
                bool down); /* xt: its place, 0 where it is not said */
    void (*pointer)(void *opaque, unsigned x, unsigned y, unsigned buttons);
} RfbUser;

typedef struct Rfb Rfb;

Rfb *rfb_new(const char *name, const RfbUser *user, const DisplayFrame *now);
void rfb_free(Rfb *r);
/* What it sent. False: the connection is to be closed. */
bool rfb_take(Rfb *r, const uint8_t *bytes, size_t n);
/* What it is to get; who sends takes it out. */
GByteArray *rfb_out(Rfb *r);
/* Does it wait for a picture? */
bool rfb_waits(const Rfb *r);
/* Has it asked for anything yet: is it a viewer? */
bool rfb_is_on(const Rfb *r);
/* The picture now; if it waits and something is new, it is put into rfb_out(). */
void rfb_show(Rfb *r, const DisplayFrame *now);

/* ---- rfb_encode.c: rectangles. ---- */

enum { RFB_RAW = 0, RFB_HEXTILE = 5, RFB_ZRLE = 16 };
enum { RFB_TILE = 64 };

typedef struct RfbRect {
    unsigned x, y, w, h;
} RfbRect;

void rfb_put16(GByteArray *to, unsigned v);
void rfb_put32(GByteArray *to, unsigned v);
/* One pixel. */
void rfb_put_pixel(GByteArray *to, const RfbFormat *f, uint32_t rgb);
/* The data of a rectangle, without its header. z: the viewer's stream, for ZRLE. */
void rfb_encode(GByteArray *to, unsigned encoding, const RfbFormat *f, z_stream *z, const DisplayFrame *from,
                const RfbRect *r);

#endif
