/*
 * A viewer that sends anything. Falls over on: memory errors and undefined behaviour (with sanitizers),
 * answers without bound, places outside of the picture.
 *
 * Input: a byte, of which bit 0 skips the greeting; then pieces: a byte (bits 0 to 5: how many bytes follow
 * for the server; bit 6: the picture is shown after them; bit 7: it has another size from there on).
 */
#include "fuzz.h"

#include "system/display/rfb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 100, HEIGHT = 70, MOST_OUT = 1 << 22 };

static void take_key(void *opaque, unsigned sym, unsigned xt, bool down)
{
    if (xt > 0x100)
        abort();
}

static void take_pointer(void *opaque, unsigned x, unsigned y, unsigned buttons)
{
    if (x >= 2 * WIDTH || y >= 2 * HEIGHT)
        abort();
}

static void paint(DisplayFrame *f, unsigned size, unsigned seed)
{
    if (!display_frame_size(f, WIDTH * size, HEIGHT * size))
        abort();
    for (unsigned k = 0; k < f->width * f->height; k++)
        f->pixel[k] = k % 7 < seed % 5 ? 0x123456 * (k / 64 % (seed % 32 + 1)) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t greeting[] = "RFB 003.008\n\1\1";
    const RfbUser user = {.key = take_key, .pointer = take_pointer};
    DisplayFrame f = {0};
    bool ok = size > 0;
    paint(&f, 1, 0);
    Rfb *r = rfb_new("it", &user, &f);
    if (ok && data[0] & 1)
        ok = rfb_take(r, greeting, sizeof(greeting) - 1);
    for (size_t at = 1; ok && at < size;) {
        const uint8_t how = data[at++];
        const size_t n = MIN(how & 0x3fu, size - at);
        ok = rfb_take(r, data + at, n);
        at += n;
        paint(&f, how & 0x80 ? 2 : 1, how + (unsigned)at);
        if (ok && how & 0x40)
            rfb_show(r, &f);
        if (rfb_out(r)->len > MOST_OUT) {
            fprintf(stderr, "%u bytes to a viewer\n", rfb_out(r)->len);
            abort();
        }
        if (how & 0x40)
            g_byte_array_set_size(rfb_out(r), 0);
    }
    rfb_free(r);
    display_frame_clear(&f);
    return 0;
}

/* Whole messages with numbers that are small, mostly. */
size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    enum { SEEDS = 200 };
    static const struct {
        uint8_t type, bytes;
    } kinds[] = {{0, 20}, {2, 12}, {3, 10}, {4, 8}, {5, 6}, {6, 8}, {255, 12}, {3, 10}, {3, 10}};
    static const uint8_t format[20] = {0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0};
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15ull;
    size_t at = 1;
    if (i >= SEEDS)
        return 0;
    buf[0] = 1;
    for (unsigned n = 0; n < 12 && at + 24 < cap; n++) {
        h = h * 6364136223846793005ull + 1442695040888963407ull;
        const unsigned k = (unsigned)(h >> 40) % G_N_ELEMENTS(kinds);
        buf[at++] = (uint8_t)(kinds[k].bytes | (h >> 60 & 3) << 6);
        memset(buf + at, 0, kinds[k].bytes);
        if (kinds[k].bytes == 20)
            memcpy(buf + at, format, sizeof(format));
        buf[at] = kinds[k].type;
        if (kinds[k].type == 2) {
            buf[at + 3] = 2;
            buf[at + 7] = (uint8_t)(h >> 30 & 1 ? RFB_ZRLE : RFB_HEXTILE);
            memset(buf + at + 8, 0xff, 3);
            buf[at + 11] = 0x21; /* DesktopSize */
        } else if (kinds[k].type == 3) {
            buf[at + 1] = h >> 31 & 1;
            buf[at + 7] = buf[at + 9] = 0xff;
        } else if (kinds[k].type == 0 && h >> 32 & 1) {
            memcpy(buf + at + 4, (uint8_t[]){16, 16, 1, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0}, 13);
        }
        at += kinds[k].bytes;
    }
    return at;
}
