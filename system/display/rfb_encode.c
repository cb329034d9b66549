/* Rectangles of pixels: raw, Hextile, ZRLE (RFC 6143, 7.7). */
#include "system/display/rfb.h"

#include <string.h>

enum { HEX_TILE = 16, HEX_RAW = 1, HEX_BACK = 2, HEX_FRONT = 4, HEX_PARTS = 8 };
enum { ZRLE_RAW = 0, ZRLE_SOLID = 1, ZRLE_COLORS = 16 };

void rfb_put16(GByteArray *to, unsigned v)
{
    const guint8 bytes[] = {(guint8)(v >> 8), (guint8)v};
    g_byte_array_append(to, bytes, sizeof(bytes));
}

void rfb_put32(GByteArray *to, unsigned v)
{
    rfb_put16(to, v >> 16);
    rfb_put16(to, v & 0xffff);
}

static void put8(GByteArray *to, unsigned v)
{
    const guint8 byte = (guint8)v;
    g_byte_array_append(to, &byte, 1);
}

static uint32_t convert(const RfbFormat *f, uint32_t rgb)
{
    uint32_t v = 0;
    for (unsigned c = 0; c < 3; c++)
        v |= ((rgb >> (16 - 8 * c) & 0xff) * f->max[c] + 127) / 255 << f->shift[c];
    return v;
}

static void put_value(GByteArray *to, const RfbFormat *f, uint32_t v, unsigned bytes)
{
    guint8 b[4];
    for (unsigned k = 0; k < bytes; k++)
        b[f->big_endian ? bytes - 1 - k : k] = (guint8)(v >> 8 * k);
    g_byte_array_append(to, b, bytes);
}

void rfb_put_pixel(GByteArray *to, const RfbFormat *f, uint32_t rgb)
{
    put_value(to, f, convert(f, rgb), f->bits / 8);
}

static const uint32_t *line(const DisplayFrame *from, const RfbRect *r, unsigned y)
{
    return from->pixel + (size_t)(r->y + y) * from->width + r->x;
}

static void encode_raw(GByteArray *to, const RfbFormat *f, const DisplayFrame *from, const RfbRect *r)
{
    for (unsigned y = 0; y < r->h; y++)
        for (unsigned x = 0; x < r->w; x++)
            rfb_put_pixel(to, f, line(from, r, y)[x]);
}

/* The different colours of a rectangle, up to `most`; most + 1: there are more. */
static unsigned colors_of(const DisplayFrame *from, const RfbRect *r, uint32_t *ret_colors, unsigned most)
{
    unsigned n = 0, k;
    for (unsigned y = 0; y < r->h; y++) {
        const uint32_t *p = line(from, r, y);
        for (unsigned x = 0; x < r->w; x++) {
            if (n && p[x] == ret_colors[n - 1])
                continue;
            for (k = 0; k < n && ret_colors[k] != p[x]; k++) {
            }
            if (k == n && n == most)
                return most + 1;
            if (k == n)
                ret_colors[n++] = p[x];
        }
    }
    return n;
}

/* ---- Hextile ---- */

/* Of two colours: pieces of lines in the second. */
static void put_parts(GByteArray *to, const DisplayFrame *from, const RfbRect *r, uint32_t front)
{
    const guint at = to->len;
    unsigned n = 0;
    put8(to, 0);
    for (unsigned y = 0; y < r->h; y++) {
        const uint32_t *p = line(from, r, y);
        for (unsigned x = 0, end; x < r->w; x = end) {
            for (end = x; end < r->w && (p[end] == front) == (p[x] == front); end++) {
            }
            if (p[x] != front)
                continue;
            put8(to, x << 4 | y);
            put8(to, (end - x - 1) << 4);
            n++;
        }
    }
    to->data[at] = (guint8)n; /* 16 lines of at most 8 pieces */
}

static void encode_hextile(GByteArray *to, const RfbFormat *f, const DisplayFrame *from, const RfbRect *all)
{
    for (unsigned y = 0; y < all->h; y += HEX_TILE) {
        for (unsigned x = 0; x < all->w; x += HEX_TILE) {
            const RfbRect r = {all->x + x, all->y + y, MIN(HEX_TILE, all->w - x), MIN(HEX_TILE, all->h - y)};
            uint32_t color[2];
            const unsigned n = colors_of(from, &r, color, 2);
            put8(to, n > 2 ? HEX_RAW : n == 2 ? HEX_BACK | HEX_FRONT | HEX_PARTS : HEX_BACK);
            if (n > 2) {
                encode_raw(to, f, from, &r);
                continue;
            }
            for (unsigned k = 0; k < n; k++)
                rfb_put_pixel(to, f, color[k]);
            if (n == 2)
                put_parts(to, from, &r, color[1]);
        }
    }
}

/* ---- ZRLE ---- */

/* Of 32 bits those three bytes that have the colours, if they are the lower or the upper ones. */
static void put_compact(GByteArray *to, const RfbFormat *f, uint32_t rgb)
{
    uint32_t all = 0;
    for (unsigned c = 0; c < 3; c++)
        all |= (uint32_t)f->max[c] << f->shift[c];
    const bool low = !(all >> 24), high = !(all & 0xff);
    if (f->bits != 32 || f->depth > 24 || (!low && !high))
        rfb_put_pixel(to, f, rgb);
    else
        put_value(to, f, convert(f, rgb) >> (low ? 0 : 8), 3);
}

static void put_packed(GByteArray *to, const DisplayFrame *from, const RfbRect *r, const uint32_t *color,
                       unsigned n)
{
    const unsigned bits = n == 2 ? 1 : n <= 4 ? 2 : 4;
    for (unsigned y = 0; y < r->h; y++) {
        const uint32_t *p = line(from, r, y);
        unsigned have = 0, value = 0;
        for (unsigned x = 0; x < r->w; x++) {
            unsigned k = 0;
            while (color[k] != p[x])
                k++;
            value = value << bits | k;
            have += bits;
            if (have == 8) {
                put8(to, value);
                have = value = 0;
            }
        }
        if (have)
            put8(to, value << (8 - have));
    }
}

static void put_tile(GByteArray *to, const RfbFormat *f, const DisplayFrame *from, const RfbRect *r)
{
    uint32_t color[ZRLE_COLORS];
    const unsigned n = colors_of(from, r, color, ZRLE_COLORS);
    put8(to, n > ZRLE_COLORS ? ZRLE_RAW : n);
    for (unsigned k = 0; k < n && n <= ZRLE_COLORS; k++)
        put_compact(to, f, color[k]);
    if (n > 1 && n <= ZRLE_COLORS)
        put_packed(to, from, r, color, n);
    for (unsigned y = 0; n > ZRLE_COLORS && y < r->h; y++)
        for (unsigned x = 0; x < r->w; x++)
            put_compact(to, f, line(from, r, y)[x]);
}

static void encode_zrle(GByteArray *to, const RfbFormat *f, z_stream *z, const DisplayFrame *from,
                        const RfbRect *all)
{
    enum { PIECE = 16384 };
    g_autoptr(GByteArray) plain = g_byte_array_new();
    const guint at = to->len;
    for (unsigned y = 0; y < all->h; y += RFB_TILE) {
        for (unsigned x = 0; x < all->w; x += RFB_TILE) {
            const RfbRect r = {all->x + x, all->y + y, MIN(RFB_TILE, all->w - x), MIN(RFB_TILE, all->h - y)};
            put_tile(plain, f, from, &r);
        }
    }
    rfb_put32(to, 0);
    z->next_in = plain->data;
    z->avail_in = plain->len;
    do {
        const guint have = to->len;
        g_byte_array_set_size(to, have + PIECE);
        z->next_out = to->data + have;
        z->avail_out = PIECE;
        deflate(z, Z_SYNC_FLUSH);
        g_byte_array_set_size(to, have + PIECE - z->avail_out);
    } while (z->avail_out == 0);
    const guint n = to->len - at - 4;
    for (unsigned k = 0; k < 4; k++)
        to->data[at + k] = (guint8)(n >> (24 - 8 * k));
}

void rfb_encode(GByteArray *to, unsigned encoding, const RfbFormat *f, z_stream *z, const DisplayFrame *from,
                const RfbRect *r)
{
    if (encoding == RFB_HEXTILE)
        encode_hextile(to, f, from, r);
    else if (encoding == RFB_ZRLE)
        encode_zrle(to, f, z, from, r);
    else
        encode_raw(to, f, from, r);
}
