/* What drives say of themselves: IDENTIFY DEVICE (ATA8-ACS 7.16), IDENTIFY PACKET DEVICE (7.17), SMART with
 * nothing to report (7.52), logs (annex A). */
#include "hw/block/ata.h"

enum { WORDS = 256, MOST_CYLINDERS = 16383, HEADS = 16, SECTORS = 63 };
enum { MODE_MULTI_WORD = 4, MODE_ULTRA = 8 };

static void put(uint16_t *words, unsigned first, uint64_t v, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        words[first + k] = (uint16_t)(v >> 16 * k);
}

/* The first character of a word is its higher byte. */
static void put_text(uint16_t *words, unsigned first, unsigned n, const char *text)
{
    const size_t bytes = strlen(text);
    for (unsigned k = 0; k < 2 * n; k++) {
        const uint16_t c = (uint8_t)(k < bytes ? text[k] : ' ');
        words[first + k / 2] = (uint16_t)(k % 2 ? (words[first + k / 2] & 0xff00) | c : c << 8);
    }
}

static const char *serial_of(const AtaDrive *d, char made[21])
{
    Fmt f = {.buf = made, .cap = 21};
    if (d->serial[0] || (d->drive && d->drive->serial[0]))
        return d->serial[0] ? d->serial : d->drive->serial;
    fmt_printf(&f, "TM%05u", d->number);
    return made;
}

static void put_names(const AtaDrive *d, uint16_t *w)
{
    char made[21];
    put_text(w, 10, 10, serial_of(d, made));
    put_text(w, 23, 4, d->ver[0] ? d->ver : "1.0");
    put_text(w, 27, 20, d->model[0] ? d->model : d->is_cd ? "Tinamou DVD-ROM" : "Tinamou disk");
}

/* Words of both kinds: ways to transfer, standards, the checksum at the end. */
static void put_modes(const AtaCommand *c, uint16_t *w)
{
    const uint8_t mode = c->s->mode;
    put(w, 53, 7, 1);
    w[63] = (uint16_t)(0x07 | (mode >> 3 == MODE_MULTI_WORD ? 0x100 << (mode & 7) : 0));
    w[64] = 3; /* PIO 3 and 4 */
    for (unsigned k = 65; k <= 68; k++)
        w[k] = 120; /* ns */
    if (c->d->serial_ata) {
        w[76] = (uint16_t)(0x0006 | (c->d->is_cd ? 0 : 0x0100)); /* 1.5 and 3 Gb/s; queues */
        w[75] = c->d->is_cd ? 0 : ATA_QUEUE - 1;
        w[222] = 0x101f;
    } else {
        w[93] = 0x6001; /* found device 0, 80 wires */
    }
    w[80] = 0x01f0;
    w[88] = (uint16_t)(0x3f | (mode >> 3 == MODE_ULTRA ? 0x100 << (mode & 7) : 0));
}

/* The last byte makes the sum of all zero. */
static void put_sum(uint8_t *page)
{
    uint8_t sum = 0;
    for (unsigned k = 0; k < ATA_SECTOR - 1; k++)
        sum = (uint8_t)(sum + page[k]);
    page[ATA_SECTOR - 1] = (uint8_t)(0 - sum);
}

static void finish(const AtaCommand *c, uint16_t *w)
{
    w[255] = 0xa5;
    memcpy(c->reply, w, 2 * WORDS);
    put_sum(c->reply);
    ata_answer(c, ATA_SECTOR);
}

static void put_sizes(const AtaCommand *c, uint16_t *w)
{
    const AtaDrive *d = c->d;
    const AtaState *s = c->s;
    const uint64_t sectors = ata_bytes(d) / ATA_SECTOR;
    const unsigned track = s->heads * s->sectors;
    w[1] = (uint16_t)MIN(sectors / (HEADS * SECTORS), (uint64_t)MOST_CYLINDERS);
    w[3] = HEADS;
    w[6] = SECTORS;
    w[54] = (uint16_t)MIN(sectors / track, (uint64_t)MOST_CYLINDERS);
    w[55] = s->heads;
    w[56] = s->sectors;
    put(w, 57, (uint64_t)w[54] * track, 2);
    put(w, 60, MIN(sectors, (uint64_t)0xfffffff), 2);
    put(w, 100, sectors, 4);
    if (d->physical_bytes > ATA_SECTOR)
        w[106] = (uint16_t)(0x6000 | (__builtin_ctz(d->physical_bytes) - 9));
}

void ata_identify(const AtaCommand *c)
{
    const AtaDrive *d = c->d;
    const AtaState *s = c->s;
    uint16_t w[WORDS] = {[0] = 0x0040, [47] = 0x8000 | ATA_MULTIPLE, [49] = 0x0f00, [50] = 0x4000};
    put_names(d, w);
    put_modes(c, w);
    put_sizes(c, w);
    w[59] = (uint16_t)(s->multiple ? 0x0100 | s->multiple : 0);
    w[82] = 0x4061;          /* NOP, look-ahead, write cache, SMART */
    w[83] = 0x7400;          /* flushes, 48 bits */
    w[84] = 0x4060 | 0x0003; /* logs, FUA, SMART's logs and tests */
    w[85] = (uint16_t)(0x4040 | (s->no_cache ? 0 : 0x20) | (s->smart ? 1 : 0));
    w[86] = 0x3400;
    w[87] = 0x4060 | 0x0003;
    if (d->wwn) {
        w[84] |= 0x100;
        w[87] |= 0x100;
        for (unsigned k = 0; k < 4; k++)
            w[108 + k] = (uint16_t)(d->wwn >> (48 - 16 * k));
    }
    if (d->drive->discard && !d->drive->read_only) {
        w[105] = 1; /* sector of ranges */
        w[169] = 1;
    }
    w[217] = (uint16_t)d->rotation_rate;
    finish(c, w);
}

void atapi_identify(const AtaCommand *c)
{
    uint16_t w[WORDS] = {[0] = 0x85c0, [49] = 0x0f00, [50] = 0x4000, [71] = 30, [72] = 30};
    put_names(c->d, w); /* a CD-ROM, removable, ready for a packet of 12 bytes in 50 us */
    put_modes(c, w);
    w[82] = 0x4214; /* NOP, DEVICE RESET, packets, removable */
    w[83] = 0x4000;
    w[84] = 0x4000;
    w[85] = 0x4214;
    w[87] = 0x4000;
    finish(c, w);
}

/* ---- SMART, logs ---- */

/* Two attributes, both as good as new. */
static void smart_data(const AtaCommand *c, bool limits)
{
    static const uint8_t ids[] = {5, 194}; /* sectors that were moved; temperature */
    memset(c->reply, 0, ATA_SECTOR);
    c->reply[0] = 1;
    for (unsigned k = 0; k < ARRAY_SIZE(ids); k++) {
        uint8_t *row = c->reply + 2 + 12 * k;
        row[0] = ids[k];
        row[1] = limits ? 0 : 3;
        row[3] = limits ? 0 : 100;
        row[4] = limits ? 0 : 100;
        row[5] = limits || k == 0 ? 0 : 31; /* degrees */
    }
    if (!limits) {
        c->reply[362] = 0x02; /* was never asked for tests */
        c->reply[367] = 0x00;
        c->reply[368] = 3;
        c->reply[370] = 1; /* has logs */
    }
    put_sum(c->reply);
    ata_answer(c, ATA_SECTOR);
}

/* Directory, summary of errors, self-tests: one sector each. */
static bool fill_log(const AtaCommand *c, unsigned log, unsigned page)
{
    uint8_t *to = c->reply;
    memset(to, 0, ATA_SECTOR);
    switch (log) {
    case 0x00:
        to[0] = 1;
        to[2 * 0x10] = 1;
        to[2 * 0x01] = to[2 * 0x06] = 1;
        return page == 0;
    case 0x01:
    case 0x06:
        to[0] = 1;
        put_sum(to);
        return page == 0;
    case 0x10: /* the queued command that failed */
        to[0] = c->s->failed_queued ? c->s->failed : 0x80;
        to[2] = ATA_DRDY | ATA_ERR;
        to[3] = ATA_UNC;
        put_sum(to);
        return page == 0 && c->d->serial_ata;
    default: return false;
    }
}

void ata_read_log(const AtaCommand *c)
{
    const AtaState *s = c->s;
    const bool dma = s->command == 0x47;
    if (s->count[0] != 1 || s->count[1] || !fill_log(c, s->low[0], s->mid[0] | (unsigned)s->mid[1] << 8)) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    ata_answer(c, ATA_SECTOR);
    c->x->dma = dma;
}

void ata_smart(const AtaCommand *c)
{
    enum {
        DATA = 0xd0,
        LIMITS = 0xd1,
        AUTOSAVE = 0xd2,
        TEST = 0xd4,
        LOG = 0xd5,
        ON = 0xd8,
        OFF = 0xd9,
        STATUS = 0xda,
        COLLECT = 0xdb
    };
    AtaState *s = c->s;
    if (s->mid[0] != 0x4f || s->high[0] != 0xc2 || (!s->smart && s->feature[0] != ON))
        return ata_fail(c, ATA_ABRT);
    switch (s->feature[0]) {
    case DATA: return smart_data(c, false);
    case LIMITS: return smart_data(c, true);
    case LOG:
        if (s->count[0] != 1 || !fill_log(c, s->low[0], 0))
            return ata_fail(c, ATA_ABRT);
        return ata_answer(c, ATA_SECTOR);
    case ON: s->smart = 1; break;
    case OFF: s->smart = 0; break;
    case AUTOSAVE:
    case COLLECT:
    case TEST:
    case STATUS: break; /* the address as it is: all is well */
    default: return ata_fail(c, ATA_ABRT);
    }
    ata_done(c);
}
