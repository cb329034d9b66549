/* Text: characters from plane 0, their attributes from plane 1, their shapes from plane 2. */
#include "hw/display/vga_priv.h"
#include "hw/core/clock.h"

enum { MAX_CHARS = 256, LINE_ROOM = (MAX_CHARS + 1) * 9 * 2, LINE_CHARS = 0xc0, LINE_CHARS_END = 0xe0 };
enum { CURSOR_OFF = 0x20, ATTR_BRIGHT = 8, ATTR_BLINKS = 0x80 };
/* A frame is a seventieth of a second; the cursor changes every 16 of them, characters every 32. */
enum { FRAME_NS = 1000000000 / 70, CURSOR_FRAMES = 16, BLINK_FRAMES = 32 };

typedef struct Text {
    uint32_t color[16],
        font[2];     /* fonts: their places in plane 2, for attributes without, with ATTR_BRIGHT */
    uint32_t cursor; /* as the CRT controller counts */
    bool cursor_on, blink, hidden; /* attributes blink; what blinks is not there now */
    unsigned dots;
} Text;

/* The n-th of the eight places of fonts. */
static uint32_t font_place(unsigned n)
{
    return (n & 3) * 0x4000 + (n >> 2 & 1) * 0x2000;
}

static Text text_mode(const Vga *v)
{
    const uint8_t fonts = v->seq[SEQ_FONTS];
    const uint64_t frame = clock_now(v->f.dev.clock) / FRAME_NS;
    Text x = {
        .font = {font_place((fonts & 3) | (fonts >> 4 & 1) << 2),
                 font_place((fonts >> 2 & 3) | (fonts >> 5 & 1) << 2)},
        .cursor = (uint32_t)v->crtc[CRTC_CURSOR_HIGH] << 8 | v->crtc[CRTC_CURSOR_HIGH + 1],
        .cursor_on = !(v->crtc[CRTC_CURSOR_START] & CURSOR_OFF) && frame / CURSOR_FRAMES % 2 == 0,
        .blink = v->attr[ATTR_MODE] & ATTR_BLINK,
        .hidden = frame / BLINK_FRAMES % 2,
        .dots = v->seq[SEQ_CLOCKING] & CLOCKING_8_DOTS ? 8 : 9,
    };
    vga_colors(v, x.color);
    return x;
}

static bool in_cursor(const Vga *v, const Text *x, uint32_t at, unsigned row)
{
    return x->cursor_on && at == x->cursor && row >= (v->crtc[CRTC_CURSOR_START] & 0x1fu) &&
           row <= (v->crtc[CRTC_CURSOR_END] & 0x1fu);
}

/* The dots of one line of a character, the first being bit 8. */
static unsigned shape(const Vga *v, const Text *x, uint32_t at, unsigned row, const uint8_t *cell)
{
    const uint8_t ch = cell[0], attr = cell[1];
    const uint64_t font = x->font[attr & ATTR_BRIGHT ? 1 : 0] + ch * 32u + (row & 0x1f);
    const unsigned eight = v->vram.host[(font * 4 & (v->vram.bytes - 1)) + 2];
    const bool joins = v->attr[ATTR_MODE] & ATTR_LINE_GRAPHICS && ch >= LINE_CHARS && ch < LINE_CHARS_END;
    const bool underlined =
        v->attr[ATTR_MODE] & ATTR_MONO && (attr & 7) == 1 && row == (v->crtc[CRTC_UNDERLINE] & 0x1fu);
    if (underlined || in_cursor(v, x, at, row))
        return 0x1ff;
    if (x->blink && x->hidden && attr & ATTR_BLINKS)
        return 0;
    return eight << 1 | (joins ? eight & 1 : 0);
}

static void text_line(const Vga *v, const VgaTiming *t, const VgaLine *l, const void *how, uint32_t *to)
{
    const Text *x = how;
    /* of nine dots the first is panned away last */
    const unsigned pan = (x->dots == 9 ? (l->pan + 1) % 9 : MIN(l->pan, 7u)) * t->wide;
    uint32_t line[LINE_ROOM], *dot = line;
    for (unsigned c = 0; c <= t->chars; c++) {
        const uint32_t at = l->at + c;
        const uint8_t *cell = v->vram.host + ((uint64_t)at * 4 & (v->vram.bytes - 1));
        const unsigned bits = shape(v, x, at, l->row, cell);
        const uint32_t front = x->color[cell[1] & 15], back = x->color[cell[1] >> 4 & (x->blink ? 7 : 15)];
        for (unsigned d = 0; d < x->dots * t->wide; d++)
            *dot++ = bits >> (8 - d / t->wide) & 1 ? front : back;
    }
    memcpy(to, line + pan, t->chars * x->dots * t->wide * sizeof(*to));
}

bool vga_draw_text(const Vga *v, DisplayFrame *to)
{
    const VgaTiming t = vga_timing(v);
    const Text x = text_mode(v);
    return vga_draw_lines(v, to, t.chars * x.dots * t.wide, text_line, &x);
}
