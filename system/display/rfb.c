#include "system/display/rfb.h"

#include <string.h>

typedef enum RfbStage { STAGE_VERSION, STAGE_SECURITY, STAGE_INIT, STAGE_ON } RfbStage;

enum { VERSION_BYTES = 12, SECURITY_NONE = 1, FORMAT_BYTES = 16, MOST_ENCODINGS = 1024 };
enum {
    SET_FORMAT = 0,
    SET_ENCODINGS = 2,
    UPDATE_REQUEST = 3,
    KEY_EVENT = 4,
    POINTER_EVENT = 5,
    CUT_TEXT = 6,
    QEMU_EVENT = 255
};
enum { SAYS_UPDATE = 0, SAYS_COLORS = 1 };
enum { DESKTOP_SIZE = -223, EXTENDED_KEYS = -258 };

static const RfbFormat own_format = {32, 24, 0, 1, {255, 255, 255}, {16, 8, 0}};

struct Rfb {
    RfbUser user;
    char *name;
    RfbStage stage;
    unsigned minor; /* of the version: 3, 7 or 8 */
    GByteArray *in, *out;
    guint64 skip; /* bytes of text that nobody wants */
    RfbFormat format;
    unsigned encoding;
    bool knows_size, knows_keys, tell_keys;
    bool waits;
    z_stream z;
    DisplayFrame shown;    /* what the viewer has */
    bool *stale;           /* tiles that are to be sent even if they are the same */
    unsigned across, down; /* tiles */
};

/* ---- life ---- */

static bool keep_frame(Rfb *r, const DisplayFrame *now)
{
    if (!display_frame_size(&r->shown, now->width, now->height))
        return false;
    r->across = (now->width + RFB_TILE - 1) / RFB_TILE;
    r->down = (now->height + RFB_TILE - 1) / RFB_TILE;
    g_free(r->stale);
    r->stale = g_new(bool, (gsize)r->across * r->down);
    memset(r->stale, true, (gsize)r->across * r->down);
    return true;
}

Rfb *rfb_new(const char *name, const RfbUser *user, const DisplayFrame *now)
{
    static const char version[] = "RFB 003.008\n";
    Rfb *r = g_new0(Rfb, 1);
    r->user = *user;
    r->name = g_strdup(name);
    r->in = g_byte_array_new();
    r->out = g_byte_array_new();
    r->format = own_format;
    g_byte_array_append(r->out, (const guint8 *)version, VERSION_BYTES);
    if (deflateInit(&r->z, Z_BEST_SPEED) != Z_OK || !keep_frame(r, now))
        g_clear_pointer(&r, rfb_free);
    return r;
}

void rfb_free(Rfb *r)
{
    if (!r)
        return;
    deflateEnd(&r->z);
    display_frame_clear(&r->shown);
    g_byte_array_unref(r->in);
    g_byte_array_unref(r->out);
    g_free(r->stale);
    g_free(r->name);
    g_free(r);
}

GByteArray *rfb_out(Rfb *r)
{
    return r->out;
}
bool rfb_waits(const Rfb *r)
{
    return r->waits;
}
bool rfb_is_on(const Rfb *r)
{
    return r->stage == STAGE_ON;
}

/* ---- the beginning: each takes its bytes and says how many; 0: there are not enough; -1: the end ---- */

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}
static guint32 get32(const uint8_t *p)
{
    return (guint32)get16(p) << 16 | get16(p + 2);
}

static gssize take_version(Rfb *r, const uint8_t *p, gsize n)
{
    static const guint8 none[] = {1, SECURITY_NONE};
    unsigned minor;
    if (n < VERSION_BYTES)
        return 0;
    if (memcmp(p, "RFB 003.", 8) != 0 || p[11] != '\n')
        return -1;
    minor = (unsigned)(p[8] - '0') * 100 + (unsigned)(p[9] - '0') * 10 + (unsigned)(p[10] - '0');
    r->minor = minor == 7 || minor == 8 ? minor : 3; /* RFC 6143, 7.1.1: others are taken as 3.3 */
    if (r->minor == 3) {
        rfb_put32(r->out, SECURITY_NONE);
        r->stage = STAGE_INIT;
    } else {
        g_byte_array_append(r->out, none, sizeof(none));
        r->stage = STAGE_SECURITY;
    }
    return VERSION_BYTES;
}

static gssize take_security(Rfb *r, const uint8_t *p, gsize n)
{
    if (p[0] != SECURITY_NONE)
        return -1;
    if (r->minor == 8)
        rfb_put32(r->out, 0); /* accepted */
    r->stage = STAGE_INIT;
    return 1;
}

static gssize take_init(Rfb *r, const uint8_t *p, gsize n)
{
    const RfbFormat *f = &r->format;
    const guint8 bits[] = {f->bits, f->depth, f->big_endian, f->true_color};
    const guint8 shifts[] = {f->shift[0], f->shift[1], f->shift[2], 0, 0, 0};
    rfb_put16(r->out, r->shown.width);
    rfb_put16(r->out, r->shown.height);
    g_byte_array_append(r->out, bits, sizeof(bits));
    for (unsigned c = 0; c < 3; c++)
        rfb_put16(r->out, f->max[c]);
    g_byte_array_append(r->out, shifts, sizeof(shifts));
    rfb_put32(r->out, (unsigned)strlen(r->name));
    g_byte_array_append(r->out, (const guint8 *)r->name, (guint)strlen(r->name));
    r->stage = STAGE_ON;
    return 1;
}

/* ---- messages ---- */

/* A viewer with a palette gets one that is none: three, three and two bits. */
static void put_colors(Rfb *r)
{
    enum { COLORS = 256 };
    const guint8 head[] = {SAYS_COLORS, 0, 0, 0, COLORS >> 8, COLORS & 0xff};
    g_byte_array_append(r->out, head, sizeof(head));
    for (unsigned c = 0; c < COLORS; c++) {
        rfb_put16(r->out, (c & 7) * 65535 / 7);
        rfb_put16(r->out, (c >> 3 & 7) * 65535 / 7);
        rfb_put16(r->out, (c >> 6) * 65535 / 3);
    }
}

static gssize take_format(Rfb *r, const uint8_t *p, gsize n)
{
    static const RfbFormat few = {8, 8, 0, 1, {7, 7, 3}, {0, 3, 6}};
    if (n < 4 + FORMAT_BYTES)
        return 0;
    p += 4;
    RfbFormat f = {p[0], p[1], p[2] != 0, p[3] != 0, {0}, {p[10], p[11], p[12]}};
    if (f.bits != 8 && f.bits != 16 && f.bits != 32)
        return -1;
    for (unsigned c = 0; c < 3; c++) {
        f.max[c] = (uint16_t)get16(p + 4 + 2 * c);
        if (f.true_color && (f.shift[c] >= f.bits || (uint64_t)f.max[c] << f.shift[c] >> f.bits))
            return -1;
    }
    r->format = f.true_color ? f : few;
    if (!f.true_color)
        put_colors(r);
    memset(r->stale, true, (gsize)r->across * r->down);
    return 4 + FORMAT_BYTES;
}

static gssize take_encodings(Rfb *r, const uint8_t *p, gsize n)
{
    if (n < 4)
        return 0;
    const unsigned count = get16(p + 2);
    if (count > MOST_ENCODINGS)
        return -1;
    if (n < 4 + 4ul * count)
        return 0;
    bool found = false;
    r->knows_size = r->knows_keys = false;
    r->encoding = RFB_RAW;
    for (unsigned k = 0; k < count; k++) {
        const gint32 e = (gint32)get32(p + 4 + 4 * k);
        r->knows_size |= e == DESKTOP_SIZE;
        r->knows_keys |= e == EXTENDED_KEYS;
        if (!found && (e == RFB_RAW || e == RFB_HEXTILE || e == RFB_ZRLE)) {
            r->encoding = (unsigned)e; /* the first is what it likes best */
            found = true;
        }
    }
    r->tell_keys = r->knows_keys;
    return (gssize)(4 + 4ul * count);
}

static gssize take_request(Rfb *r, const uint8_t *p, gsize n)
{
    enum { BYTES = 10 };
    if (n < BYTES)
        return 0;
    const unsigned x = get16(p + 2), y = get16(p + 4), w = get16(p + 6), h = get16(p + 8);
    for (unsigned ty = y / RFB_TILE; !p[1] && ty < r->down && ty * RFB_TILE < y + h; ty++)
        for (unsigned tx = x / RFB_TILE; tx < r->across && tx * RFB_TILE < x + w; tx++)
            r->stale[ty * r->across + tx] = true;
    r->waits = true;
    return BYTES;
}

static gssize take_key(Rfb *r, const uint8_t *p, gsize n)
{
    enum { BYTES = 8 };
    if (n < BYTES)
        return 0;
    r->user.key(r->user.opaque, get32(p + 4), 0, p[1] != 0);
    return BYTES;
}

static gssize take_pointer(Rfb *r, const uint8_t *p, gsize n)
{
    enum { BYTES = 6 };
    if (n < BYTES)
        return 0;
    r->user.pointer(r->user.opaque, MIN(get16(p + 2), r->shown.width - 1),
                    MIN(get16(p + 4), r->shown.height - 1), p[1]);
    return BYTES;
}

static gssize take_text(Rfb *r, const uint8_t *p, gsize n)
{
    enum { BYTES = 8 };
    if (n < BYTES)
        return 0;
    r->skip = get32(p + 4);
    return BYTES;
}

/* Keys by their place on the keyboard, whatever is written on them. */
static gssize take_extended(Rfb *r, const uint8_t *p, gsize n)
{
    enum { BYTES = 12 };
    if (n >= 2 && p[1] != 0)
        return -1;
    if (n < BYTES)
        return 0;
    r->user.key(r->user.opaque, get32(p + 4), MIN(get32(p + 8), 0x100u), get16(p + 2) != 0);
    return BYTES;
}

static gssize take_message(Rfb *r, const uint8_t *p, gsize n)
{
    switch (p[0]) {
    case SET_FORMAT: return take_format(r, p, n);
    case SET_ENCODINGS: return take_encodings(r, p, n);
    case UPDATE_REQUEST: return take_request(r, p, n);
    case KEY_EVENT: return take_key(r, p, n);
    case POINTER_EVENT: return take_pointer(r, p, n);
    case CUT_TEXT: return take_text(r, p, n);
    case QEMU_EVENT: return take_extended(r, p, n);
    default: return -1;
    }
}

bool rfb_take(Rfb *r, const uint8_t *bytes, size_t n)
{
    static gssize (*const stages[])(Rfb *, const uint8_t *, gsize) = {[STAGE_VERSION] = take_version,
                                                                      [STAGE_SECURITY] = take_security,
                                                                      [STAGE_INIT] = take_init,
                                                                      [STAGE_ON] = take_message};
    gsize at = 0;
    gssize taken = 1;
    g_byte_array_append(r->in, bytes, (guint)n);
    while (at < r->in->len && taken > 0) {
        const gsize skipped = (gsize)MIN(r->skip, r->in->len - at);
        at += skipped;
        r->skip -= skipped;
        if (at == r->in->len)
            break;
        taken = stages[r->stage](r, r->in->data + at, r->in->len - at);
        at += (gsize)MAX(taken, 0);
    }
    g_byte_array_remove_range(r->in, 0, (guint)at);
    return taken >= 0;
}

/* ---- pictures ---- */

static void put_head(Rfb *r, unsigned x, unsigned y, unsigned w, unsigned h, int encoding)
{
    rfb_put16(r->out, x);
    rfb_put16(r->out, y);
    rfb_put16(r->out, w);
    rfb_put16(r->out, h);
    rfb_put32(r->out, (unsigned)encoding);
}

/* Makes the viewer's copy like the picture; true: it was not. */
static bool refresh(Rfb *r, const DisplayFrame *now, const RfbRect *t)
{
    bool changed = false;
    for (unsigned y = t->y; y < t->y + t->h; y++) {
        const size_t at = (size_t)y * r->shown.width + t->x;
        if (memcmp(r->shown.pixel + at, now->pixel + at, t->w * sizeof(*now->pixel)) == 0)
            continue;
        memcpy(r->shown.pixel + at, now->pixel + at, t->w * sizeof(*now->pixel));
        changed = true;
    }
    return changed;
}

/* Tiles of a line that lie beside one another are one rectangle. */
static unsigned put_tiles(Rfb *r, const DisplayFrame *now)
{
    unsigned n = 0;
    for (unsigned ty = 0; ty < r->down; ty++) {
        RfbRect run = {0, ty * RFB_TILE, 0, MIN(RFB_TILE, now->height - ty * RFB_TILE)};
        for (unsigned tx = 0; tx <= r->across; tx++) {
            bool *stale = &r->stale[ty * r->across + tx];
            const RfbRect t = {tx * RFB_TILE, run.y,
                               tx < r->across ? MIN(RFB_TILE, now->width - tx * RFB_TILE) : 0, run.h};
            if (tx < r->across && (refresh(r, now, &t) | *stale)) {
                *stale = false;
                run.x = run.w ? run.x : t.x;
                run.w += t.w;
                continue;
            }
            if (!run.w)
                continue;
            put_head(r, run.x, run.y, run.w, run.h, (int)r->encoding);
            rfb_encode(r->out, r->encoding, &r->format, &r->z, &r->shown, &run);
            run.w = 0;
            n++;
        }
    }
    return n;
}

/* What a viewer that does not know of sizes sees of a picture of another size. */
static bool fit(const Rfb *r, const DisplayFrame *now, DisplayFrame *ret)
{
    if (!display_frame_size(ret, r->shown.width, r->shown.height))
        return false;
    memset(ret->pixel, 0, (size_t)ret->width * ret->height * sizeof(*ret->pixel));
    for (unsigned y = 0; y < MIN(ret->height, now->height); y++)
        memcpy(ret->pixel + (size_t)y * ret->width, now->pixel + (size_t)y * now->width,
               MIN(ret->width, now->width) * sizeof(*ret->pixel));
    return true;
}

void rfb_show(Rfb *r, const DisplayFrame *now)
{
    const guint at = r->out->len;
    const bool resized = now->width != r->shown.width || now->height != r->shown.height;
    DisplayFrame fitted = {0};
    unsigned n = 0;
    if (!r->waits || r->stage != STAGE_ON)
        return;
    rfb_put32(r->out, SAYS_UPDATE << 24);
    if (r->tell_keys) {
        put_head(r, 0, 0, r->shown.width, r->shown.height, EXTENDED_KEYS);
        n++;
    }
    if (resized && r->knows_size) {
        if (keep_frame(r, now)) {
            put_head(r, 0, 0, now->width, now->height, DESKTOP_SIZE);
            n++; /* and the picture when it asks again: what it asked for was of the old size */
        }
    } else if (!resized) {
        n += put_tiles(r, now);
    } else if (fit(r, now, &fitted)) {
        n += put_tiles(r, &fitted);
    }
    display_frame_clear(&fitted);
    r->tell_keys = false;
    r->waits = !n;
    if (!n) {
        g_byte_array_set_size(r->out, at);
        return;
    }
    r->out->data[at + 2] = (guint8)(n >> 8);
    r->out->data[at + 3] = (guint8)n;
}
