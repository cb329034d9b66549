/* Packet commands of CD-ROMs (MMC-5; SPC-3 for the general ones): a medium of one track, with what is on it
 * being the drive's bytes. What is wrong is a CHECK CONDITION, and sense data say what. */
#include "hw/block/ata.h"

enum { NEEDS_MEDIUM = 1, WHATEVER = 2 }; /* WHATEVER: does not tell that the medium has changed */
enum { NO_SENSE = 0, NOT_READY = 2, MEDIUM_ERROR = 3, ILLEGAL = 5, ATTENTION = 6 };
enum { /* code and qualifier */
       NO_MEDIUM_CLOSED = 0x3a01,
       NO_MEDIUM_OPEN = 0x3a02,
       MAY_HAVE_CHANGED = 0x2800,
       UNRECOVERED = 0x1100,
       BAD_OPCODE = 0x2000,
       BAD_BLOCK = 0x2100,
       BAD_FIELD = 0x2400,
       BAD_SAVE = 0x3900,
       REMOVAL_PREVENTED = 0x5302
};
enum { EVENT_NONE, EVENT_WISH, EVENT_CAME, EVENT_LEFT };
enum { CD_MOST = 800 << 20, PROFILE_CD = 0x0008, PROFILE_DVD = 0x0010 };

static unsigned be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}
static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}
static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static uint32_t blocks_of(const AtaDrive *d)
{
    return (uint32_t)MIN(ata_bytes(d) / ATAPI_SECTOR, (uint64_t)UINT32_MAX);
}
static bool has_medium(const AtaCommand *c)
{
    return !c->s->tray_open && blocks_of(c->d);
}

/* ---- ends ---- */

static void check(const AtaCommand *c, unsigned key, unsigned what)
{
    AtaState *s = c->s;
    ata_fail(c, (uint8_t)(key << 4 | ATA_ABRT));
    s->status = ATA_DRDY | ATA_ERR;
    s->sense[0] = (uint8_t)key;
    s->sense[1] = (uint8_t)(what >> 8);
    s->sense[2] = (uint8_t)what;
    s->count[0] = ATA_REASON_COMMAND | ATA_REASON_IN;
}

static void good(const AtaCommand *c)
{
    ata_done(c);
    c->s->status = ATA_DRDY;
    c->s->count[0] = ATA_REASON_COMMAND | ATA_REASON_IN;
}

void atapi_end(const AtaCommand *c, bool ok)
{
    if (c->s->command != 0xa0) /* identify */
        ok ? ata_done(c) : ata_fail(c, ATA_ABRT);
    else if (ok)
        good(c);
    else
        check(c, MEDIUM_ERROR, UNRECOVERED);
}

static uint32_t limit_of(const AtaState *s)
{
    const uint32_t limit = s->mid[0] | (uint32_t)s->high[0] << 8;
    return limit == 0 || limit == 0xffff ? 0xfffe : limit > 1 ? limit & ~1u : 2;
}

static void give(const AtaCommand *c, uint8_t what, uint64_t at, uint64_t bytes)
{
    const uint8_t dma = c->x->dma;
    if (!bytes) {
        good(c);
        return;
    }
    *c->x = (AtaXfer){
        .kind = ATA_IN, .what = what, .dma = dma, .block = limit_of(c->s), .at = at, .bytes = bytes};
}

/* n bytes of the reply, or as many as there is room for. */
static void answer(const AtaCommand *c, size_t n, size_t room)
{
    give(c, ATA_REPLY, 0, MIN(n, room));
}

/* ---- commands ---- */

static void test_ready(const AtaCommand *c, const uint8_t *p)
{
    good(c);
}

static void request_sense(const AtaCommand *c, const uint8_t *p)
{
    enum { BYTES = 18 };
    AtaState *s = c->s;
    memset(c->reply, 0, BYTES);
    c->reply[0] = 0x70;
    c->reply[2] = s->sense[0];
    c->reply[7] = BYTES - 8;
    c->reply[12] = s->sense[1];
    c->reply[13] = s->sense[2];
    memset(s->sense, 0, sizeof(s->sense));
    answer(c, BYTES, p[4]);
}

static void put_text(uint8_t *to, size_t room, const char *text)
{
    memset(to, ' ', room);
    memcpy(to, text, MIN(strlen(text), room));
}

static void inquiry(const AtaCommand *c, const uint8_t *p)
{
    enum { BYTES = 36 };
    if (p[1] & 3 || p[2])
        return check(c, ILLEGAL, BAD_FIELD);
    memset(c->reply, 0, BYTES);
    c->reply[0] = 5;    /* a CD-ROM */
    c->reply[1] = 0x80; /* removable */
    c->reply[3] = 0x21;
    c->reply[4] = BYTES - 5;
    put_text(c->reply + 8, 8, "Tinamou");
    put_text(c->reply + 16, 16, c->d->model[0] ? c->d->model : "DVD-ROM");
    put_text(c->reply + 32, 4, c->d->ver[0] ? c->d->ver : "1.0");
    answer(c, BYTES, be16(p + 3));
}

static void start_stop(const AtaCommand *c, const uint8_t *p)
{
    enum { START = 1, LOAD_EJECT = 2 };
    AtaState *s = c->s;
    const bool open = !(p[4] & START);
    if (p[4] >> 4 || !(p[4] & LOAD_EJECT))
        return good(c);
    if (open && s->locked)
        return check(c, ILLEGAL, REMOVAL_PREVENTED);
    const bool moved = s->tray_open != open;
    s->tray_open = open;
    s->changed = s->changed || (moved && !open && blocks_of(c->d));
    if (moved && c->d->requests && c->d->requests->changed)
        c->d->requests->changed(c->d->requests->opaque, &c->d->dev);
    good(c);
}

static void prevent(const AtaCommand *c, const uint8_t *p)
{
    c->s->locked = p[4] & 1;
    good(c);
}

static void read_capacity(const AtaCommand *c, const uint8_t *p)
{
    put32(c->reply, blocks_of(c->d) - 1);
    put32(c->reply + 4, ATAPI_SECTOR);
    answer(c, 8, 8);
}

static void read_blocks(const AtaCommand *c, uint32_t first, uint32_t n)
{
    const uint32_t blocks = blocks_of(c->d);
    if (first >= blocks || n > blocks - first)
        return check(c, ILLEGAL, BAD_BLOCK);
    give(c, ATA_MEDIUM, (uint64_t)first * ATAPI_SECTOR, (uint64_t)n * ATAPI_SECTOR);
}
static void read_10(const AtaCommand *c, const uint8_t *p)
{
    read_blocks(c, be32(p + 2), be16(p + 7));
}
static void read_12(const AtaCommand *c, const uint8_t *p)
{
    read_blocks(c, be32(p + 2), be32(p + 6));
}
/* User data, without what a CD has around it. */
static void read_cd(const AtaCommand *c, const uint8_t *p)
{
    const uint32_t n = be32(p + 5) & 0xffffff;
    const unsigned parts = p[9] & 0xf8;
    if (parts && parts != 0x10)
        check(c, ILLEGAL, BAD_FIELD);
    else
        read_blocks(c, be32(p + 2), parts ? n : 0);
}
static void seek(const AtaCommand *c, const uint8_t *p)
{
    if (be32(p + 2) >= blocks_of(c->d))
        check(c, ILLEGAL, BAD_BLOCK);
    else
        good(c);
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

static void read_toc(const AtaCommand *c, const uint8_t *p)
{
    enum { LEAD_OUT = 0xaa, DATA_TRACK = 0x14 };
    const bool msf = p[1] & 2;
    const unsigned format = p[2] & 15 ? p[2] & 15 : p[9] >> 6, track = p[6];
    uint8_t *to = c->reply + 4;
    memset(c->reply, 0, 20);
    c->reply[2] = c->reply[3] = 1;
    if (format > 1 || (format == 0 && track > 1 && track != LEAD_OUT))
        return check(c, ILLEGAL, BAD_FIELD);
    if (format == 1 || track <= 1) {
        to[1] = DATA_TRACK;
        to[2] = 1;
        put_address(to + 4, 0, msf);
        to += 8;
    }
    if (format == 0) {
        to[1] = DATA_TRACK + 2;
        to[2] = LEAD_OUT;
        put_address(to + 4, blocks_of(c->d), msf);
        to += 8;
    }
    put16(c->reply, (unsigned)(to - c->reply) - 2);
    answer(c, (size_t)(to - c->reply), be16(p + 7));
}

static void read_subchannel(const AtaCommand *c, const uint8_t *p)
{
    memset(c->reply, 0, 4);
    c->reply[1] = 0x15; /* no audio */
    answer(c, 4, be16(p + 7));
}

static void disc_information(const AtaCommand *c, const uint8_t *p)
{
    enum { BYTES = 34 };
    memset(c->reply, 0, BYTES);
    put16(c->reply, BYTES - 2);
    c->reply[2] = 0x0e; /* complete, not to be written */
    c->reply[3] = c->reply[4] = c->reply[5] = c->reply[6] = 1;
    c->reply[7] = 0x20;
    answer(c, BYTES, be16(p + 7));
}

/* ---- features, events, modes ---- */

static void get_configuration(const AtaCommand *c, const uint8_t *p)
{
    static const struct {
        uint16_t code;
        uint8_t flags, bytes; /* version, persistent, current */
        uint8_t data[12];
    } features[] = {
        {0x0000, 0x03, 8, {0, PROFILE_DVD, 0, 0, 0, PROFILE_CD, 0, 0}},
        {0x0001, 0x0b, 8, {0, 0, 0, 2, 1, 0, 0, 0}}, /* ATAPI */
        {0x0003, 0x03, 4, {0x29, 0, 0, 0}},          /* a tray that opens and locks */
        {0x0010, 0x00, 8, {0, 0, 8, 0, 0, 1, 0, 0}}, /* blocks of 2048 bytes */
        {0x001e, 0x08, 4, {0}},
        {0x001f, 0x08, 4, {0}},
    };
    const bool cd = ata_bytes(c->d) <= CD_MOST, there = has_medium(c);
    const unsigned only = p[1] & 3, first = be16(p + 2);
    uint8_t *to = c->reply + 8;
    memset(c->reply, 0, ATA_REPLY_BYTES);
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
        if (code == 0) {
            to[6] = there && !cd;
            to[10] = there && cd;
        }
        to += 4 + features[k].bytes;
    }
    put32(c->reply, (uint32_t)(to - c->reply) - 4);
    answer(c, (size_t)(to - c->reply), be16(p + 7));
}

static void get_event(const AtaCommand *c, const uint8_t *p)
{
    enum { MEDIA = 4 };
    AtaState *s = c->s;
    memset(c->reply, 0, 8);
    if (!(p[1] & 1))
        return check(c, ILLEGAL, BAD_FIELD); /* only asking is there */
    c->reply[3] = 1 << MEDIA;
    if (!(p[4] & 1 << MEDIA)) {
        put16(c->reply, 2);
        c->reply[2] = 0x80;
        return answer(c, 4, be16(p + 7));
    }
    put16(c->reply, 6);
    c->reply[2] = MEDIA;
    c->reply[4] = s->event;
    c->reply[5] = (uint8_t)(s->tray_open | (has_medium(c) ? 2 : 0));
    if (be16(p + 7) > 4)
        s->event = EVENT_NONE;
    answer(c, 8, be16(p + 7));
}

static void mode_sense(const AtaCommand *c, const uint8_t *p)
{
    static const uint8_t pages[][22] = {
        {0x01, 0x06, 0x00, 0x05}, /* errors: tries again five times */
        {0x0e, 0x0e, 0x04, 0x00, 0x00, 0x00, 0x00, 0x4b, 0x01, 0xff, 0x02, 0xff},
        {0x2a, 0x14, 0x3b, 0x00, 0x00, 0x00, 0x29, 0x00, 0x02, 0xc2, 0x00, 0x02, 0x02, 0x00, 0x02, 0xc2},
    };
    const unsigned page = p[2] & 0x3f;
    uint8_t *to = c->reply + 8;
    memset(c->reply, 0, 128);
    if (p[2] >> 6 == 3)
        return check(c, ILLEGAL, BAD_SAVE);
    for (unsigned k = 0; k < ARRAY_SIZE(pages); k++) {
        if (page != 0x3f && page != pages[k][0])
            continue;
        memcpy(to, pages[k], 2u + pages[k][1]);
        if (pages[k][0] == 0x2a)
            to[6] |= c->s->locked ? 2 : 0;
        to += 2 + pages[k][1];
    }
    if (to == c->reply + 8)
        return check(c, ILLEGAL, BAD_FIELD);
    put16(c->reply, (unsigned)(to - c->reply) - 2);
    c->reply[2] = c->s->tray_open ? 0x71 : has_medium(c) ? 0x01 : 0x70;
    answer(c, (size_t)(to - c->reply), be16(p + 7));
}

/* Taken, and without effect. */
static void mode_select(const AtaCommand *c, const uint8_t *p)
{
    const uint8_t dma = c->x->dma;
    if (!be16(p + 7))
        return good(c);
    *c->x = (AtaXfer){
        .kind = ATA_OUT, .what = ATA_LOST, .dma = dma, .block = limit_of(c->s), .bytes = be16(p + 7)};
}

static void mechanism_status(const AtaCommand *c, const uint8_t *p)
{
    memset(c->reply, 0, 8);
    c->reply[1] = (uint8_t)(c->s->tray_open << 4);
    answer(c, 8, be16(p + 8));
}

static const struct {
    uint8_t code, flags;
    void (*run)(const AtaCommand *c, const uint8_t *packet);
} rows[] = {
    {0x00, NEEDS_MEDIUM, test_ready},
    {0x03, WHATEVER, request_sense},
    {0x12, WHATEVER, inquiry},
    {0x1b, 0, start_stop},
    {0x1e, 0, prevent},
    {0x25, NEEDS_MEDIUM, read_capacity},
    {0x28, NEEDS_MEDIUM, read_10},
    {0x2b, NEEDS_MEDIUM, seek},
    {0x42, NEEDS_MEDIUM, read_subchannel},
    {0x43, NEEDS_MEDIUM, read_toc},
    {0x46, WHATEVER, get_configuration},
    {0x4a, WHATEVER, get_event},
    {0x51, NEEDS_MEDIUM, disc_information},
    {0x55, 0, mode_select},
    {0x5a, 0, mode_sense},
    {0xa8, NEEDS_MEDIUM, read_12},
    {0xbb, 0, test_ready}, /* speed */
    {0xbd, 0, mechanism_status},
    {0xbe, NEEDS_MEDIUM, read_cd},
};

void atapi_begin(const AtaCommand *c, const uint8_t packet[ATA_PACKET_BYTES])
{
    AtaState *s = c->s;
    dev_trace(&c->d->dev, ATAPI_PACKET, "0x%02x 0x%08x 0x%08x", packet[0], be32(packet + 2),
              be32(packet + 6));
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++) {
        if (rows[k].code != packet[0])
            continue;
        if (s->changed && !(rows[k].flags & WHATEVER)) {
            s->changed = 0;
            return check(c, ATTENTION, MAY_HAVE_CHANGED);
        }
        if ((rows[k].flags & NEEDS_MEDIUM) && !has_medium(c))
            return check(c, NOT_READY, s->tray_open ? NO_MEDIUM_OPEN : NO_MEDIUM_CLOSED);
        if (packet[0] != 0x03)
            memset(s->sense, 0, sizeof(s->sense));
        return rows[k].run(c, packet);
    }
    check(c, ILLEGAL, BAD_OPCODE);
}
