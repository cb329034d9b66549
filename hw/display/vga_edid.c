/* What the monitor says of itself: VESA E-EDID 1.4, one block, with the mode it likes best as the only
 * detailed timing (VESA CVT, reduced blanking: 160 dots beside the picture). */
#include "hw/display/vga_priv.h"

enum { DETAIL = 54, NAME = 72, RANGE = 90, SPARE = 108, CHECKSUM = 127 };
enum {
    BLANK_DOTS = 160,
    SYNC_AT = 48,
    SYNC_DOTS = 32,
    BLANK_LINES = 30,
    SYNC_LINE = 3,
    SYNC_LINES = 6,
    HZ = 60
};
enum { DOTS_PER_MM_X1000 = 3937 }; /* 100 to an inch */

static void put_detail(uint8_t *to, unsigned w, unsigned h)
{
    const unsigned clock = (w + BLANK_DOTS) * (h + BLANK_LINES) / 10000 * HZ; /* of 10 kHz */
    const unsigned mm_w = w * 1000 / DOTS_PER_MM_X1000, mm_h = h * 1000 / DOTS_PER_MM_X1000;
    const uint8_t bytes[18] = {
        (uint8_t)clock,
        (uint8_t)(clock >> 8),
        (uint8_t)w,
        BLANK_DOTS,
        (uint8_t)(w >> 8 << 4),
        (uint8_t)h,
        BLANK_LINES,
        (uint8_t)(h >> 8 << 4),
        SYNC_AT,
        SYNC_DOTS,
        (SYNC_LINE & 15) << 4 | (SYNC_LINES & 15),
        0,
        (uint8_t)mm_w,
        (uint8_t)mm_h,
        (uint8_t)((mm_w >> 8 & 15) << 4 | (mm_h >> 8 & 15)),
        0,
        0,
        0x1a, /* digital, separate sync, horizontal positive */
    };
    memcpy(to, bytes, sizeof(bytes));
}

static void put_text(uint8_t *to, uint8_t tag, const char *text)
{
    enum { TEXT_AT = 5, TEXT_BYTES = 13 };
    const size_t n = strlen(text);
    to[3] = tag;
    memset(to + TEXT_AT, ' ', TEXT_BYTES);
    memcpy(to + TEXT_AT, text, n);
    to[TEXT_AT + n] = '\n';
}

void vga_edid_make(Vga *v)
{
    enum { TAG_NAME = 0xfc, TAG_RANGE = 0xfd, TAG_SPARE = 0x10 };
    static const uint8_t head[] = {
        0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,    /* the pattern it begins with */
        0x51, 0xcd, 1,    0,    0,    0,    0,    0,    /* manufacturer TNM, product, serial number */
        0,    36,   1,    4,    0xa5, 0,    0,    0x78, /* 2026; 1.4; digital, 8 bits; gamma 2.2 */
        0x06, 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54, /* the colours of sRGB */
        0x21, 0x08, 0, /* 640x480, 800x600, 1024x768 at 60 Hz */
    };
    uint8_t *e = v->monitor, sum = 0;
    memset(e, 0, sizeof(v->monitor));
    memcpy(e, head, sizeof(head));
    e[21] = (uint8_t)MIN(v->xres * 100 / DOTS_PER_MM_X1000, 255u); /* cm */
    e[22] = (uint8_t)MIN(v->yres * 100 / DOTS_PER_MM_X1000, 255u);
    e[24] |= 0x02;         /* the first timing is the one it likes best */
    memset(e + 38, 1, 16); /* no standard timings */
    put_detail(e + DETAIL, v->xres, v->yres);
    put_text(e + NAME, TAG_NAME, "Tinamou");
    const uint8_t range[] = {0,   0, 0,    TAG_RANGE, 0,   50,  125, 30,  160,
                             255, 1, '\n', ' ',       ' ', ' ', ' ', ' ', ' '};
    memcpy(e + RANGE, range, sizeof(range));
    e[SPARE + 3] = TAG_SPARE;
    for (unsigned k = 0; k < CHECKSUM; k++)
        sum = (uint8_t)(sum + e[k]);
    e[CHECKSUM] = (uint8_t)-sum;
}
