/* What CD-ROMs do (MMC-5): a medium of one track, with what is on it being the drive's bytes. */
#include "hw/scsi/scsi_priv.h"

enum { EVENT_NONE, EVENT_WISH, EVENT_CAME, EVENT_LEFT };
enum { CD_MOST = 800 << 20, PROFILE_CD = 0x0008, PROFILE_DVD = 0x0010 };

static uint32_t blocks_of(const ScsiUnit *u)
{
    return (uint32_t)MIN(scsi_blocks(u), (uint64_t)UINT32_MAX);
}

void scsi_cd_tell(ScsiState *s, CdAsk what)
{
    switch (what) {
    case CD_OPEN: s->tray_open = 1; break;
    case CD_CLOSE: s->tray_open = 0; break;
    case CD_LEFT: s->event = EVENT_LEFT; break;
    case CD_CAME:
        s->event = EVENT_CAME;
        s->attention = SCSI_MEDIUM_MAY_DIFFER & 0xffff;
        break;
    case CD_WISH: s->event = EVENT_WISH; break;
    }
}

static void start_stop(const ScsiCommand *c, const uint8_t *p)
{
    enum { START = 1, LOAD_EJECT = 2 };
    ScsiState *s = c->s;
    const bool open = !(p[4] & START);
    if (p[4] >> 4 || !(p[4] & LOAD_EJECT))
        return scsi_good(c, p);
    if (open && s->locked)
        return scsi_fail(c, SCSI_LOCKED);
    const bool moved = s->tray_open != open;
    s->tray_open = open;
    if (moved && !open && blocks_of(c->u))
        s->attention = SCSI_MEDIUM_MAY_DIFFER & 0xffff;
    if (moved && c->u->tray_moved)
        c->u->tray_moved(c->u->opaque);
    scsi_good(c, p);
}

static void prevent(const ScsiCommand *c, const uint8_t *p)
{
    c->s->locked = p[4] & 1;
    scsi_good(c, p);
}

static void read_capacity(const ScsiCommand *c, const uint8_t *p)
{
    put32(c->reply, blocks_of(c->u) - 1);
    put32(c->reply + 4, SCSI_CD_BLOCK);
    scsi_answer(c, 8, 8);
}

static void read_blocks(const ScsiCommand *c, uint32_t first, uint32_t n)
{
    if (first >= blocks_of(c->u))
        scsi_fail(c, SCSI_BAD_BLOCK);
    else
        scsi_transfer(c, SCSI_READ, first, n);
}
static void read_10(const ScsiCommand *c, const uint8_t *p)
{
    read_blocks(c, be32(p + 2), be16(p + 7));
}
static void read_12(const ScsiCommand *c, const uint8_t *p)
{
    read_blocks(c, be32(p + 2), be32(p + 6));
}
/* User data, without what a CD has around it. */
static void read_cd(const ScsiCommand *c, const uint8_t *p)
{
    const uint32_t n = be32(p + 5) & 0xffffff;
    const unsigned parts = p[9] & 0xf8;
    if (parts && parts != 0x10)
        scsi_fail(c, SCSI_BAD_FIELD);
    else
        read_blocks(c, be32(p + 2), parts ? n : 0);
}
static void seek(const ScsiCommand *c, const uint8_t *p)
{
    if (be32(p + 2) >= blocks_of(c->u))
        scsi_fail(c, SCSI_BAD_BLOCK);
    else
        scsi_good(c, p);
}

/* A block as an address of minutes, seconds and frames, or as it is. */
static void put_address(uint8_t *to, uint32_t block, bool msf)
{
    enum { FRAMES = 75, SECONDS = 60, PREGAP = 150 };
    if (!msf) {
        put32(to, block);
        return;
    }
    block += PREGAP;
    to[0] = 0;
    to[1] = (uint8_t)(block / FRAMES / SECONDS);
    to[2] = (uint8_t)(block / FRAMES % SECONDS);
    to[3] = (uint8_t)(block % FRAMES);
}

static void read_toc(const ScsiCommand *c, const uint8_t *p)
{
    enum { LEAD_OUT = 0xaa, DATA_TRACK = 0x14 };
    const bool msf = p[1] & 2;
    const unsigned format = p[2] & 15 ? p[2] & 15 : p[9] >> 6, track = p[6];
    uint8_t *to = c->reply + 4;
    memset(c->reply, 0, 20);
    c->reply[2] = c->reply[3] = 1;
    if (format > 1 || (format == 0 && track > 1 && track != LEAD_OUT))
        return scsi_fail(c, SCSI_BAD_FIELD);
    if (format == 1 || track <= 1) {
        to[1] = DATA_TRACK;
        to[2] = 1;
        put_address(to + 4, 0, msf);
        to += 8;
    }
    if (format == 0) {
        to[1] = DATA_TRACK + 2;
        to[2] = LEAD_OUT;
        put_address(to + 4, blocks_of(c->u), msf);
        to += 8;
    }
    put16(c->reply, (unsigned)(to - c->reply) - 2);
    scsi_answer(c, (size_t)(to - c->reply), be16(p + 7));
}

static void read_subchannel(const ScsiCommand *c, const uint8_t *p)
{
    memset(c->reply, 0, 4);
    c->reply[1] = 0x15; /* no audio */
    scsi_answer(c, 4, be16(p + 7));
}

static void disc_information(const ScsiCommand *c, const uint8_t *p)
{
    enum { BYTES = 34 };
    memset(c->reply, 0, BYTES);
    put16(c->reply, BYTES - 2);
    c->reply[2] = 0x0e; /* complete, not to be written */
    c->reply[3] = c->reply[4] = c->reply[5] = c->reply[6] = 1;
    c->reply[7] = 0x20;
    scsi_answer(c, BYTES, be16(p + 7));
}

/* ---- features, events, modes ---- */

static void get_configuration(const ScsiCommand *c, const uint8_t *p)
{
    static const struct {
        uint16_t code;
        uint8_t flags, bytes; /* version, persistent, current */
        uint8_t data[12];
    } features[] = {
        {0x0000, 0x03, 8, {0, PROFILE_DVD, 0, 0, 0, PROFILE_CD, 0, 0}},
        {0x0001, 0x0b, 8, {0, 0, 0, 1, 1, 0, 0, 0}}, /* SCSI */
        {0x0003, 0x03, 4, {0x29, 0, 0, 0}},          /* a tray that opens and locks */
        {0x0010, 0x00, 8, {0, 0, 8, 0, 0, 1, 0, 0}}, /* blocks of 2048 bytes */
        {0x001e, 0x08, 4, {0}},
        {0x001f, 0x08, 4, {0}},
    };
    const bool cd = !c->u->drive || c->u->drive->bytes <= CD_MOST, there = scsi_has_medium(c);
    const unsigned only = p[1] & 3, first = be16(p + 2);
    uint8_t *to = c->reply + 8;
    memset(c->reply, 0, SCSI_REPLY_BYTES);
    put16(c->reply + 6, !there ? 0 : cd ? PROFILE_CD : PROFILE_DVD);
    for (unsigned k = 0; k < ARRAY_SIZE(features); k++) {
        const unsigned code = features[k].code;
        const bool current =
            (features[k].flags & 1) || (there && (code == 0x10 || code == (cd ? 0x1e : 0x1f)));
        if (code < first || (only == 2 && code != first) || (only == 1 && !current))
            continue;
        put16(to, code);
        to[2] = (uint8_t)((features[k].flags & ~1) | current);
        to[3] = features[k].bytes;
        memcpy(to + 4, features[k].data, features[k].bytes);
        if (code == 1 && c->u->atapi)
            to[7] = 2;
        if (code == 0) {
            to[6] = there && !cd;
            to[10] = there && cd;
        }
        to += 4 + features[k].bytes;
    }
    put32(c->reply, (uint32_t)(to - c->reply) - 4);
    scsi_answer(c, (size_t)(to - c->reply), be16(p + 7));
}

static void get_event(const ScsiCommand *c, const uint8_t *p)
{
    enum { MEDIA = 4 };
    ScsiState *s = c->s;
    memset(c->reply, 0, 8);
    if (!(p[1] & 1))
        return scsi_fail(c, SCSI_BAD_FIELD); /* only asking is there */
    c->reply[3] = 1 << MEDIA;
    if (!(p[4] & 1 << MEDIA)) {
        put16(c->reply, 2);
        c->reply[2] = 0x80;
        return scsi_answer(c, 4, be16(p + 7));
    }
    put16(c->reply, 6);
    c->reply[2] = MEDIA;
    c->reply[4] = s->event;
    c->reply[5] = (uint8_t)(s->tray_open | (scsi_has_medium(c) ? 2 : 0));
    if (be16(p + 7) > 4)
        s->event = EVENT_NONE;
    scsi_answer(c, 8, be16(p + 7));
}

static void mechanism_status(const ScsiCommand *c, const uint8_t *p)
{
    memset(c->reply, 0, 8);
    c->reply[1] = (uint8_t)(c->s->tray_open << 4);
    scsi_answer(c, 8, be16(p + 8));
}

enum { ALWAYS = SCSI_CD | SCSI_WHATEVER, NEEDS = SCSI_CD | SCSI_NEEDS_MEDIUM };
const ScsiRow scsi_cd_rows[] = {
    {0x1b, SCSI_CD, start_stop},
    {0x1e, SCSI_CD, prevent},
    {0x25, NEEDS, read_capacity},
    {0x28, NEEDS, read_10},
    {0x2b, NEEDS, seek},
    {0x42, NEEDS, read_subchannel},
    {0x43, NEEDS, read_toc},
    {0x46, ALWAYS, get_configuration},
    {0x4a, ALWAYS, get_event},
    {0x51, NEEDS, disc_information},
    {0xa8, NEEDS, read_12},
    {0xbb, SCSI_CD, scsi_good}, /* speed */
    {0xbd, SCSI_CD, mechanism_status},
    {0xbe, NEEDS, read_cd},
    {0, 0, NULL},
};
