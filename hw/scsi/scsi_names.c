/* What a unit says of itself: INQUIRY with its pages, and modes (SPC-4, SBC-3, MMC-5). */
#include "hw/scsi/scsi_priv.h"

/* ---- INQUIRY ---- */

static void put_text(uint8_t *to, size_t room, const char *text)
{
    memset(to, ' ', room);
    memcpy(to, text, MIN(strlen(text), room));
}

static size_t length(const char *text)
{
    return text ? MIN(strlen(text), (size_t)200) : 0;
}

static uint8_t device_type(const ScsiUnit *u)
{
    return u->is_cd ? 5 : 0;
}

static size_t page_serial(const ScsiCommand *c, uint8_t *to)
{
    const size_t n = length(c->u->serial);
    memcpy(to, c->u->serial ? c->u->serial : "", n);
    return n;
}

/* Names: the user's, and the number in the world. */
static size_t page_names(const ScsiCommand *c, uint8_t *to)
{
    enum { ASCII = 2, BINARY = 1, VENDOR = 0, NAA = 3, HEAD = 4 };
    const ScsiUnit *u = c->u;
    const size_t n = length(u->name);
    size_t at = 0;
    if (n) {
        const uint8_t head[HEAD] = {ASCII, VENDOR, 0, (uint8_t)n};
        memcpy(to, head, HEAD);
        memcpy(to + HEAD, u->name, n);
        at = HEAD + n;
    }
    if (u->wwn) {
        const uint8_t head[HEAD] = {BINARY, NAA, 0, 8};
        memcpy(to + at, head, HEAD);
        put64(to + at + HEAD, u->wwn);
        at += HEAD + 8;
    }
    return at;
}

static size_t page_limits(const ScsiCommand *c, uint8_t *to)
{
    enum { BYTES = 60, NOT_ZERO = 1 };
    const ScsiUnit *u = c->u;
    const uint32_t most = (uint32_t)(SCSI_SPAN_MOST / u->block);
    memset(to, 0, BYTES);
    to[0] = NOT_ZERO; /* WRITE SAME of no blocks is none of all */
    put16(to + 2, u->physical_block / u->block);
    if (u->unmaps) {
        put32(to + 16, most);
        put32(to + 20, SCSI_UNMAP_RANGES);
        put32(to + 24, u->physical_block / u->block);
    }
    put64(to + 32, most); /* of WRITE SAME */
    return BYTES;
}

static size_t page_turns(const ScsiCommand *c, uint8_t *to)
{
    enum { BYTES = 60 };
    memset(to, 0, BYTES);
    put16(to, c->u->rotation_rate);
    return BYTES;
}

static size_t page_provisioning(const ScsiCommand *c, uint8_t *to)
{
    enum { BYTES = 4, UNMAP = 0x80, SAME_16 = 0x40, SAME_10 = 0x20, THIN = 2 };
    memset(to, 0, BYTES);
    if (c->u->unmaps) {
        to[1] = UNMAP | SAME_16 | SAME_10;
        to[2] = THIN;
    }
    return BYTES;
}

static size_t page_list(const ScsiCommand *c, uint8_t *to);

static const struct {
    uint8_t code, kinds;
    size_t (*put)(const ScsiCommand *c, uint8_t *to); /* returns its bytes */
} pages[] = {
    {0x00, SCSI_DISK | SCSI_CD, page_list},  {0x80, SCSI_DISK | SCSI_CD, page_serial},
    {0x83, SCSI_DISK | SCSI_CD, page_names}, {0xb0, SCSI_DISK, page_limits},
    {0xb1, SCSI_DISK, page_turns},           {0xb2, SCSI_DISK, page_provisioning},
};

/* A serial number that there is none of has no page. */
static bool has_page(const ScsiCommand *c, unsigned k)
{
    return (pages[k].kinds & (c->u->is_cd ? SCSI_CD : SCSI_DISK)) &&
           (pages[k].put != page_serial || length(c->u->serial));
}

static size_t page_list(const ScsiCommand *c, uint8_t *to)
{
    size_t n = 0;
    for (unsigned k = 0; k < ARRAY_SIZE(pages); k++)
        if (has_page(c, k))
            to[n++] = pages[k].code;
    return n;
}

static void inquiry_page(const ScsiCommand *c, const uint8_t *p)
{
    for (unsigned k = 0; k < ARRAY_SIZE(pages); k++) {
        if (pages[k].code != p[2] || !has_page(c, k))
            continue;
        const size_t n = pages[k].put(c, c->reply + 4);
        c->reply[0] = device_type(c->u);
        c->reply[1] = p[2];
        put16(c->reply + 2, (unsigned)n);
        scsi_answer(c, 4 + n, be16(p + 3));
        return;
    }
    scsi_fail(c, SCSI_BAD_FIELD);
}

void scsi_inquiry(const ScsiCommand *c, const uint8_t *p)
{
    enum { BYTES = 36, PAGES = 1, SPC_3 = 5, QUEUES = 2, HIERARCHY = 0x10 };
    const ScsiUnit *u = c->u;
    if (p[1] & PAGES)
        return inquiry_page(c, p);
    if ((p[1] & 3) || p[2])
        return scsi_fail(c, SCSI_BAD_FIELD);
    memset(c->reply, 0, BYTES);
    c->reply[0] = device_type(u);
    c->reply[1] = u->removable ? 0x80 : 0;
    c->reply[2] = u->atapi ? 0 : SPC_3;
    c->reply[3] = u->atapi ? 0x21 : u->queues ? 2 | HIERARCHY : 2;
    c->reply[4] = BYTES - 5;
    c->reply[7] = u->queues ? QUEUES : 0;
    put_text(c->reply + 8, 8, u->vendor);
    put_text(c->reply + 16, 16, u->product);
    put_text(c->reply + 32, 4, u->revision);
    scsi_answer(c, BYTES, be16(p + 3));
}

/* ---- modes ---- */

enum { MODE_CACHE = 0x08, CACHE_WRITES = 4, ALL_MODES = 0x3f, NOW = 0, CHANGEABLE = 1, SAVED = 3 };

/* Each page with its head: code, bytes that follow. */
static const struct {
    uint8_t kinds, page[22];
} modes[] = {
    {SCSI_DISK | SCSI_CD, {0x01, 0x06, 0x00, 0x05}}, /* errors: tries again five times */
    {SCSI_DISK, {MODE_CACHE, 0x12}},
    {SCSI_DISK, {0x0a, 0x0a, 0x00, 0x10}}, /* commands may change their order */
    {SCSI_CD, {0x0e, 0x0e, 0x04, 0x00, 0x00, 0x00, 0x00, 0x4b, 0x01, 0xff, 0x02, 0xff}},
    {SCSI_CD,
     {0x2a, 0x14, 0x3b, 0x00, 0x00, 0x00, 0x29, 0x00, 0x02, 0xc2, 0x00, 0x02, 0x02, 0x00, 0x02, 0xc2}},
};

static size_t put_mode(const ScsiCommand *c, unsigned k, unsigned which, uint8_t *to)
{
    const size_t n = 2u + modes[k].page[1];
    memcpy(to, modes[k].page, n);
    if (which == CHANGEABLE)
        memset(to + 2, 0, n - 2);
    if (to[0] == MODE_CACHE && (which == CHANGEABLE || (which == NOW && !c->s->no_cache)))
        to[2] = CACHE_WRITES;
    if (to[0] == 0x2a && which == NOW)
        to[6] |= c->s->locked ? 2 : 0;
    return n;
}

/* Number of blocks and their size, for disks. */
static size_t put_descriptor(const ScsiUnit *u, uint8_t *to)
{
    put32(to, (uint32_t)MIN(scsi_blocks(u), (uint64_t)UINT32_MAX));
    put32(to + 4, u->block);
    return 8;
}

void scsi_mode_sense(const ScsiCommand *c, const uint8_t *p)
{
    enum { TEN = 0x5a, NO_DESCRIPTOR = 8, PROTECTED = 0x80, FUA = 0x10 };
    const ScsiUnit *u = c->u;
    const bool ten = p[0] == TEN;
    const unsigned page = p[2] & ALL_MODES, which = p[2] >> 6, head = ten ? 8 : 4;
    const uint8_t more = u->is_cd ? 0 : (uint8_t)((u->drive->read_only ? PROTECTED : 0) | FUA);
    const uint8_t medium = !u->is_cd ? 0 : c->s->tray_open ? 0x71 : scsi_has_medium(c) ? 0x01 : 0x70;
    uint8_t *to = c->reply + head;
    memset(c->reply, 0, head);
    if (which == SAVED)
        return scsi_fail(c, SCSI_BAD_SAVE);
    const size_t descriptor = u->is_cd || (p[1] & NO_DESCRIPTOR) ? 0 : put_descriptor(u, to);
    to += descriptor;
    const uint8_t *pages_from = to;
    for (unsigned k = 0; k < ARRAY_SIZE(modes); k++)
        if ((modes[k].kinds & (u->is_cd ? SCSI_CD : SCSI_DISK)) &&
            (page == ALL_MODES || page == modes[k].page[0]))
            to += put_mode(c, k, which, to);
    if (to == pages_from && page)
        return scsi_fail(c, SCSI_BAD_FIELD);
    const size_t n = (size_t)(to - c->reply);
    if (ten) {
        const uint8_t bytes[8] = {0, (uint8_t)(n - 2), medium, more, 0, 0, 0, (uint8_t)descriptor};
        memcpy(c->reply, bytes, 8);
    } else {
        const uint8_t bytes[4] = {(uint8_t)(n - 1), medium, more, (uint8_t)descriptor};
        memcpy(c->reply, bytes, 4);
    }
    scsi_answer(c, n, ten ? be16(p + 7) : p[4]);
}

void scsi_mode_select(const ScsiCommand *c, const uint8_t *p)
{
    enum { TEN = 0x55, SAVE = 1 };
    const unsigned n = p[0] == TEN ? be16(p + 7) : p[4];
    if ((p[1] & SAVE) && !c->u->is_cd)
        return scsi_fail(c, SCSI_BAD_FIELD);
    if (n > SCSI_TAKE_BYTES)
        return scsi_fail(c, SCSI_BAD_LIST_LENGTH);
    if (!n)
        return scsi_good(c, p);
    c->t->kind = SCSI_TAKE;
    c->t->work = SCSI_SELECT;
    c->t->bytes = n;
}

/* Of what a CD-ROM is told nothing is kept. */
ScsiSense scsi_read_modes(const ScsiUnit *u, const ScsiTask *t, const uint8_t *parameters,
                          uint8_t *ret_no_cache)
{
    enum { TEN = 0x55 };
    const bool ten = t->opcode == TEN;
    const size_t n = t->bytes, head = ten ? 8 : 4;
    if (u->is_cd)
        return SCSI_OK;
    if (n < head)
        return SCSI_BAD_LIST_LENGTH;
    size_t at = head + (ten ? be16(parameters + 6) : parameters[3]);
    while (at + 2 <= n) {
        unsigned k = 0;
        const uint8_t *page = parameters + at, code = page[0] & ALL_MODES;
        while (k < ARRAY_SIZE(modes) && (!(modes[k].kinds & SCSI_DISK) || modes[k].page[0] != code))
            k++;
        if (k == ARRAY_SIZE(modes) || page[1] != modes[k].page[1] || page[1] > n - at - 2)
            return SCSI_BAD_PARAMETER;
        if (code == MODE_CACHE)
            *ret_no_cache = !(page[2] & CACHE_WRITES);
        at += 2u + page[1];
    }
    return at == n ? SCSI_OK : SCSI_BAD_LIST_LENGTH;
}
