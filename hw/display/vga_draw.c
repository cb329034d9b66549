/*
 * The picture: VGA's graphics modes, line by line as the CRT controller counts, and the linear ones.
 *
 * A line is drawn with some dots to the left that panning takes away. Dots of pixels that are wider than one
 * are all there, as are lines that are shown twice: the picture has the size that a monitor would show.
 */
#include "hw/display/vga_priv.h"

enum { MAX_CHARS = 256, DOTS = 8, LINE_ROOM = (MAX_CHARS + 1) * DOTS * 2 };
enum { CRTC_ROW_SCAN_13 = 1, CRTC_ROW_SCAN_14 = 2, CRTC_BYTES = 0x40, DOUBLE_LINES = 0x80 };

/* ---- colours ---- */

/* So many bits of a colour as eight. */
static uint32_t wider(uint32_t c, unsigned bits)
{
    const uint32_t low = c & ((1u << bits) - 1);
    return (low << bits | low) >> (2 * bits - 8);
}

/* A colour of the DAC's six bits, as other emulators of this adapter widen it: by its last bit. */
static uint32_t from_six(uint32_t c)
{
    return (c & 63) << 2 | (c & 1) * 3;
}

void vga_palette(const Vga *v, uint32_t *ret_colors)
{
    const bool wide = v->dispi[DISPI_ENABLE] & DISPI_8_BIT_DAC;
    for (unsigned n = 0; n < VGA_COLORS; n++) {
        const uint8_t *c = &v->dac[3 * (n & v->dac_mask)];
        const uint32_t r = wide ? c[0] : from_six(c[0]), g = wide ? c[1] : from_six(c[1]),
                       b = wide ? c[2] : from_six(c[2]);
        ret_colors[n] = r << 16 | g << 8 | b;
    }
}

/* The sixteen of the attribute controller. */
void vga_colors(const Vga *v, uint32_t *ret_colors)
{
    const uint8_t select = v->attr[ATTR_COLOR_SELECT];
    uint32_t all[VGA_COLORS];
    vga_palette(v, all);
    for (unsigned n = 0; n < 16; n++) {
        unsigned c = (v->attr[n] & 0x3f) | (select & 0x0c) << 4;
        if (v->attr[ATTR_MODE] & ATTR_SELECT_54)
            c = (c & 0xcf) | (select & 3) << 4;
        ret_colors[n] = all[c];
    }
}

/* ---- lines ---- */

VgaTiming vga_timing(const Vga *v)
{
    const uint8_t over = v->crtc[CRTC_OVERFLOW], scan = v->crtc[CRTC_MAX_SCAN];
    const bool half = v->seq[SEQ_CLOCKING] & CLOCKING_HALF;
    return (VgaTiming){
        .chars = v->crtc[CRTC_H_DISPLAY_END] + 1u,
        .height = (v->crtc[CRTC_V_DISPLAY_END] | (over & 2u) << 7 | (over & 0x40u) << 3) + 1,
        .split = v->crtc[CRTC_LINE_COMPARE] | (over & 0x10u) << 4 | (scan & 0x40u) << 3,
        .start = (uint32_t)v->crtc[CRTC_START_HIGH] << 8 | v->crtc[CRTC_START_HIGH + 1],
        .pitch = v->crtc[CRTC_OFFSET] * 2u,
        .wide = half ? 2 : 1,
    };
}

bool vga_draw_lines(const Vga *v, DisplayFrame *to, unsigned width, VgaLineFn *draw, const void *how)
{
    const VgaTiming t = vga_timing(v);
    const uint8_t scan = v->crtc[CRTC_MAX_SCAN], preset = v->crtc[CRTC_PRESET_ROW];
    const unsigned twice = scan & DOUBLE_LINES ? 2 : 1, last_row = scan & 0x1f;
    VgaLine l = {.at = t.start + (preset >> 5 & 3), .row = preset & 0x1f, .pan = v->attr[ATTR_PANNING] & 15};
    unsigned times = 0;
    if (!display_frame_size(to, width, t.height))
        return false;
    for (unsigned y = 0; y < t.height; y++) {
        draw(v, &t, &l, how, to->pixel + (size_t)y * width);
        if (y == t.split) {
            l = (VgaLine){.pan = v->attr[ATTR_MODE] & ATTR_PAN_SPLIT ? 0 : l.pan};
            times = 0;
        } else if (++times == twice) {
            times = 0;
            if (l.row++ >= last_row) {
                l.row = 0;
                l.at += t.pitch;
            }
        }
    }
    return true;
}

/* ---- graphics ---- */

/* Where byte n is: lower bits of the row may stand in for some of the address's. */
static uint32_t word_at(const Vga *v, uint32_t n, unsigned row)
{
    const unsigned bit13 = v->crtc[CRTC_MODE] & CRTC_BYTES ? 13 : 12;
    uint32_t word;
    if (!(v->crtc[CRTC_MODE] & CRTC_ROW_SCAN_13))
        n = (n & ~(1u << bit13)) | (row & 1) << bit13;
    if (!(v->crtc[CRTC_MODE] & CRTC_ROW_SCAN_14))
        n = (n & ~(2u << bit13)) | (row >> 1 & 1) << (bit13 + 1);
    memcpy(&word, v->vram.host + ((uint64_t)n * 4 & (v->vram.bytes - 1)), 4);
    return word;
}

/* Eight dots of a word in its mode. */
static void planar_dots(uint32_t w, unsigned planes, const uint32_t *color, uint32_t *to)
{
    for (unsigned d = 0; d < DOTS; d++) {
        const uint32_t b = w >> (DOTS - 1 - d) & 0x01010101;
        to[d] = color[(b | b >> 7 | b >> 14 | b >> 21) & planes];
    }
}

static void cga_dots(uint32_t w, unsigned planes, const uint32_t *color, uint32_t *to)
{
    for (unsigned d = 0; d < DOTS; d++) {
        const unsigned at = 8 * (d / 4) + 6 - 2 * (d % 4);
        to[d] = color[((w >> at & 3) | (w >> (at + 16) & 3) << 2) & planes];
    }
}

static void byte_dots(uint32_t w, const uint32_t *color, uint32_t *to)
{
    for (unsigned d = 0; d < DOTS; d++)
        to[d] = color[w >> 8 * (d / 2) & 0xff];
}

static void graphics_line(const Vga *v, const VgaTiming *t, const VgaLine *l, const void *how, uint32_t *to)
{
    const uint32_t *color = how;
    const unsigned planes = v->attr[ATTR_PLANES] & 15, width = t->chars * DOTS * t->wide;
    const unsigned pan = MIN(l->pan, 7u) * t->wide;
    uint32_t line[LINE_ROOM], dots[DOTS], *at = line;
    for (unsigned c = 0; c <= t->chars; c++) {
        const uint32_t w = word_at(v, l->at + c, l->row);
        if (v->gfx[GFX_MODE] & MODE_SHIFT_256)
            byte_dots(w, color, dots);
        else if (v->gfx[GFX_MODE] & MODE_SHIFT_CGA)
            cga_dots(w, planes, color, dots);
        else
            planar_dots(w, planes, color, dots);
        for (unsigned d = 0; d < DOTS * t->wide; d++)
            *at++ = dots[d / t->wide];
    }
    memcpy(to, line + pan, width * sizeof(*to));
}

static bool draw_graphics(const Vga *v, DisplayFrame *to)
{
    const VgaTiming t = vga_timing(v);
    uint32_t color[VGA_COLORS];
    if (v->gfx[GFX_MODE] & MODE_SHIFT_256)
        vga_palette(v, color);
    else
        vga_colors(v, color);
    return vga_draw_lines(v, to, t.chars * DOTS * t.wide, graphics_line, color);
}

/* ---- linear modes ---- */

static uint32_t rgb(uint32_t w, unsigned green)
{
    return wider(w >> (5 + green), 5) << 16 | wider(w >> 5, green) << 8 | wider(w, 5);
}

/* One pixel of the memory as it lies there; four bytes may be read. */
static uint32_t pixel_of(const Vga *v, const uint8_t *p, const uint32_t *color)
{
    uint32_t w;
    memcpy(&w, p, sizeof(w));
    if (v->big_endian)
        w = __builtin_bswap32(w) >> (32 - align_up(v->dispi[DISPI_BPP], 8));
    switch (v->dispi[DISPI_BPP]) {
    case 8: return color[*p];
    case 15: return rgb(w, 5);
    case 16: return rgb(w, 6);
    default: return w & 0xffffff;
    }
}

static void linear_line(const Vga *v, uint64_t at, unsigned width, const uint32_t *color, uint32_t *to)
{
    const unsigned bytes = (v->dispi[DISPI_BPP] + 7u) / 8;
    for (unsigned x = 0; x < width; x++, at += bytes)
        to[x] = at + 4 <= v->vram.bytes ? pixel_of(v, v->vram.host + at, color) : 0;
}

static void planar_line(const Vga *v, uint64_t at, unsigned width, const uint32_t *color, uint32_t *to)
{
    for (unsigned x = 0; x + DOTS <= width; x += DOTS, at += 4) {
        uint32_t w;
        memcpy(&w, v->vram.host + (at & (v->vram.bytes - 4)), 4);
        planar_dots(w, v->attr[ATTR_PLANES] & 15, color, to + x);
    }
}

static bool draw_linear(const Vga *v, DisplayFrame *to)
{
    const uint64_t stride = vga_dispi_stride(v);
    const unsigned width = v->dispi[DISPI_WIDTH];
    const unsigned height = (unsigned)MIN(v->dispi[DISPI_HEIGHT], stride ? v->vram.bytes / stride : 0);
    uint64_t at = vga_dispi_start(v);
    uint32_t color[VGA_COLORS];
    const bool planar = v->dispi[DISPI_BPP] == 4;
    if (!display_frame_size(to, width, height))
        return false;
    if (planar)
        vga_colors(v, color);
    else
        vga_palette(v, color);
    for (unsigned y = 0; y < height; y++, at += stride)
        (planar ? planar_line : linear_line)(v, at, width, color, to->pixel + (size_t)y * width);
    return true;
}

/* ---- whichever it is ---- */

static bool is_dark(const Vga *v)
{
    return v->f.n_fixed &&
           (!(v->attr_index & ATTR_INDEX_VIDEO) || v->seq[SEQ_CLOCKING] & CLOCKING_SCREEN_OFF);
}

static bool draw_dark(const Vga *v, DisplayFrame *to)
{
    enum { WIDTH = 640, HEIGHT = 480, LEAST = 64 };
    const bool keep = to->width >= LEAST && to->height >= LEAST;
    if (!display_frame_size(to, keep ? to->width : WIDTH, keep ? to->height : HEIGHT))
        return false;
    memset(to->pixel, 0, (size_t)to->width * to->height * sizeof(*to->pixel));
    return true;
}

bool vga_draw(void *dev, DisplayFrame *to)
{
    Vga *v = dev;
    bool ok;
    lock_take(v->f.lock);
    if (is_dark(v))
        ok = draw_dark(v, to);
    else if (vga_is_linear(v))
        ok = draw_linear(v, to) || draw_dark(v, to);
    else if (!v->f.n_fixed)
        ok = draw_dark(v, to);
    else if (v->gfx[GFX_MISC] & MISC_GRAPHICS)
        ok = draw_graphics(v, to);
    else
        ok = vga_draw_text(v, to);
    lock_release(v->f.lock);
    return ok;
}
