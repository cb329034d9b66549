/* Commands by a table, and what disks do (ATA8-ACS, chapter 7). */
#include "hw/block/ata.h"

enum {
    FLAG_CD = 1,
    FLAG_DISK = 2,
    FLAG_EXT = 4,
    FLAG_DMA = 8,
    FLAG_MULTI = 16,
    FLAG_WRITE = 32,
    FLAG_FUA = 64
};
enum { MULTIPLE_SET_MAX = ATA_MULTIPLE, GEOMETRY_HEADS = 16, GEOMETRY_SECTORS = 63 };

typedef struct Row {
    uint8_t first, last, flags;
    void (*run)(const AtaCommand *c, unsigned flags);
} Row;

/* ---- ends ---- */

void ata_fail(const AtaCommand *c, uint8_t error)
{
    *c->x = (AtaXfer){.kind = ATA_DONE};
    c->s->status = ATA_DRDY | ATA_DSC | ATA_ERR;
    c->s->error = error;
}

void ata_done(const AtaCommand *c)
{
    *c->x = (AtaXfer){.kind = ATA_DONE};
    c->s->status = ATA_DRDY | ATA_DSC;
    c->s->error = 0;
}

void ata_answer(const AtaCommand *c, size_t n)
{
    *c->x = (AtaXfer){.kind = ATA_IN, .what = ATA_REPLY, .block = ATA_SECTOR, .bytes = n};
}

uint64_t ata_bytes(const AtaDrive *d)
{
    return d->drive ? d->drive->bytes : 0;
}

void ata_end(const AtaCommand *c, bool ok)
{
    if (c->d->is_cd) {
        atapi_end(c, ok);
    } else if (ok) {
        ata_done(c);
    } else {
        const bool write = c->x->kind == ATA_OUT || c->x->what == ATA_FLUSH;
        ata_fail(c, write ? ATA_ABRT : ATA_UNC);
    }
}

/* ---- reset ---- */

void ata_signature(const AtaDrive *d, AtaState *s)
{
    const bool cd = d && d->is_cd;
    s->count[0] = s->low[0] = s->error = 1;
    s->mid[0] = cd ? 0x14 : 0;
    s->high[0] = cd ? 0xeb : 0;
    s->device = 0;
    s->status = !d ? 0 : cd ? 0 : ATA_DRDY | ATA_DSC;
}

void ata_reset(const AtaDrive *d, AtaState *s)
{
    *s = (AtaState){.scsi = {.tray_open = s->scsi.tray_open},
                    .smart = 1,
                    .mode = 0x45,
                    .heads = GEOMETRY_HEADS,
                    .sectors = GEOMETRY_SECTORS,
                    .multiple = ATA_MULTIPLE};
    ata_signature(d, s);
}

/* ---- reads and writes ---- */

static uint64_t address_of(const AtaState *s, bool ext)
{
    uint64_t a = s->low[0] | (uint64_t)s->mid[0] << 8 | (uint64_t)s->high[0] << 16;
    if (ext)
        return a | (uint64_t)s->low[1] << 24 | (uint64_t)s->mid[1] << 32 | (uint64_t)s->high[1] << 40;
    if (s->device & ATA_DEVICE_LBA)
        return a | (uint64_t)(s->device & 15) << 24;
    const uint64_t cylinder = s->mid[0] | (uint64_t)s->high[0] << 8;
    return s->low[0] ? (cylinder * s->heads + (s->device & 15)) * s->sectors + s->low[0] - 1 : UINT64_MAX;
}

static uint64_t count_of(const uint8_t count[2], bool ext)
{
    const unsigned n = ext ? count[0] | (unsigned)count[1] << 8 : count[0];
    return n ? n : ext ? 0x10000 : 0x100;
}

/* False: not all of it is on the disk. */
static bool set_range(const AtaCommand *c, uint64_t sector, uint64_t count)
{
    const uint64_t sectors = ata_bytes(c->d) / ATA_SECTOR;
    c->x->at = sector * ATA_SECTOR;
    c->x->bytes = count * ATA_SECTOR;
    if (sector < sectors && count <= sectors - sector)
        return true;
    ata_fail(c, ATA_IDNF);
    return false;
}

static void run_transfer(const AtaCommand *c, unsigned flags)
{
    const AtaState *s = c->s;
    if (((flags & FLAG_MULTI) && !s->multiple) || ((flags & FLAG_WRITE) && c->d->drive->read_only)) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    *c->x = (AtaXfer){.kind = flags & FLAG_WRITE ? ATA_OUT : ATA_IN,
                      .what = ATA_MEDIUM,
                      .dma = (flags & FLAG_DMA) != 0,
                      .through = (flags & FLAG_FUA) || s->no_cache,
                      .block = ATA_SECTOR * (flags & FLAG_MULTI ? s->multiple : 1u)};
    set_range(c, address_of(s, flags & FLAG_EXT), count_of(s->count, flags & FLAG_EXT));
}

static void run_queued(const AtaCommand *c, unsigned flags)
{
    const AtaState *s = c->s;
    if (!c->d->serial_ata || ((flags & FLAG_WRITE) && c->d->drive->read_only)) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    *c->x = (AtaXfer){.kind = flags & FLAG_WRITE ? ATA_OUT : ATA_IN,
                      .what = ATA_MEDIUM,
                      .dma = 1,
                      .through = (s->device & 0x80) || s->no_cache};
    set_range(c, address_of(s, true), count_of(s->feature, true));
}

int ata_queue_tag(const AtaState *s)
{
    return (s->command & 0xfe) == 0x60 ? s->count[0] >> 3 : -1;
}

static void run_verify(const AtaCommand *c, unsigned flags)
{
    *c->x = (AtaXfer){.kind = ATA_WORK, .what = ATA_VERIFY};
    set_range(c, address_of(c->s, flags & FLAG_EXT), count_of(c->s->count, flags & FLAG_EXT));
}

static void run_flush(const AtaCommand *c, unsigned flags)
{
    *c->x = (AtaXfer){.kind = ATA_WORK, .what = ATA_FLUSH};
}

/* Ranges that hold nothing any more. */
static void run_manage(const AtaCommand *c, unsigned flags)
{
    if (!(c->s->feature[0] & 1) || c->d->drive->read_only)
        ata_fail(c, ATA_ABRT);
    else
        *c->x = (AtaXfer){
            .kind = ATA_OUT, .what = ATA_TRIM, .dma = 1, .bytes = count_of(c->s->count, true) * ATA_SECTOR};
}

static bool trim(const AtaDrive *d, const uint8_t *ranges, size_t n)
{
    const uint64_t sectors = d->drive->bytes / ATA_SECTOR;
    for (; n >= 8; n -= 8, ranges += 8) {
        const uint64_t start = ld_u64(ranges) & 0xffffffffffff, count = ld_u64(ranges) >> 48;
        if (!count)
            continue;
        if (start >= sectors || count > sectors - start)
            return false;
        if (d->drive->discard &&
            !d->drive->discard(d->drive->backend, start * ATA_SECTOR, count * ATA_SECTOR))
            return false;
    }
    return true;
}

static bool verify(const BlockPort *p, uint64_t at, uint64_t bytes, uint8_t *buf)
{
    for (uint64_t n; bytes; at += n, bytes -= n) {
        n = MIN(bytes, (uint64_t)ATA_PART);
        if (!p->read(p->backend, at, buf, n))
            return false;
    }
    return true;
}

bool ata_move(const AtaDrive *d, const AtaXfer *x, uint64_t pos, uint8_t *buf, size_t n)
{
    const BlockPort *p = d->drive;
    const bool medium = x->what == ATA_MEDIUM || x->what == ATA_VERIFY;
    if (x->what == ATA_LOST)
        return true;
    if (!p || (medium && (x->at > p->bytes || x->bytes > p->bytes - x->at)))
        return false; /* another one is there */
    if (medium && (pos > x->bytes || n > x->bytes - pos))
        return false;
    switch ((AtaWhat)x->what) {
    case ATA_FLUSH: return p->flush(p->backend);
    case ATA_VERIFY: return verify(p, x->at, x->bytes, d->bounce);
    case ATA_TRIM: return trim(d, buf, n);
    case ATA_MEDIUM:
        if (x->kind == ATA_IN)
            return p->read(p->backend, x->at + pos, buf, n);
        return p->write(p->backend, x->at + pos, buf, n) &&
               (!x->through || pos + n < x->bytes || p->flush(p->backend));
    case ATA_REPLY:
    case ATA_LOST:
    case ATA_WHATS: break;
    }
    return true;
}

bool ata_xfer_check(const AtaDrive *d, const AtaXfer *x)
{
    const bool medium =
        x->kind != ATA_DONE && x->kind != ATA_PACKET && (x->what == ATA_MEDIUM || x->what == ATA_VERIFY);
    return x->kind <= ATA_PACKET && x->what < ATA_WHATS && x->bytes <= UINT32_MAX * 2048ull &&
           x->block <= 0x10000 && (x->kind != ATA_IN || x->what == ATA_MEDIUM || x->what == ATA_REPLY) &&
           (x->kind != ATA_OUT || x->what == ATA_MEDIUM || x->what == ATA_TRIM || x->what == ATA_LOST) &&
           (x->what != ATA_REPLY || x->bytes <= ATA_REPLY_BYTES) &&
           (!medium || (d && x->at <= ata_bytes(d) && x->bytes <= ata_bytes(d) - x->at)) &&
           (x->kind != ATA_OUT || x->what == ATA_LOST || (d && !d->is_cd && !d->drive->read_only));
}

void ata_state_check(AtaState *s)
{
    s->multiple = s->multiple > MULTIPLE_SET_MAX ? MULTIPLE_SET_MAX : s->multiple;
    s->heads = s->heads && s->heads <= GEOMETRY_HEADS ? s->heads : GEOMETRY_HEADS;
    s->sectors = s->sectors ? s->sectors : GEOMETRY_SECTORS;
    scsi_state_check(&s->scsi);
}

/* ---- the rest ---- */

static void run_nothing(const AtaCommand *c, unsigned flags)
{
    ata_done(c);
}

static void run_identify(const AtaCommand *c, unsigned flags)
{
    ata_identify(c);
}

static void run_diagnose(const AtaCommand *c, unsigned flags)
{
    ata_done(c);
    ata_signature(c->d, c->s);
}

static void run_geometry(const AtaCommand *c, unsigned flags)
{
    const unsigned heads = (c->s->device & 15) + 1u, sectors = c->s->count[0];
    if (!sectors || sectors > GEOMETRY_SECTORS) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    c->s->heads = (uint8_t)heads;
    c->s->sectors = (uint8_t)sectors;
    ata_done(c);
}

static void run_multiple(const AtaCommand *c, unsigned flags)
{
    const unsigned n = c->s->count[0];
    if (n > MULTIPLE_SET_MAX || n & (n - 1)) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    c->s->multiple = (uint8_t)n;
    ata_done(c);
}

static void run_features(const AtaCommand *c, unsigned flags)
{
    enum {
        CACHE = 0x02,
        MODE = 0x03,
        POWER = 0x05,
        NO_POWER = 0x85,
        SATA = 0x10,
        NO_SATA = 0x90,
        NO_AHEAD = 0x55,
        NO_REVERT = 0x66,
        NO_CACHE = 0x82,
        AHEAD = 0xaa,
        REVERT = 0xcc
    };
    AtaState *s = c->s;
    switch (s->feature[0]) {
    case CACHE: s->no_cache = 0; break;
    case NO_CACHE: /* what is in it has to go */
        s->no_cache = 1;
        if (!c->d->is_cd) {
            run_flush(c, flags);
            return;
        }
        break;
    case MODE:
        if (s->count[0] >> 3 == 4 || s->count[0] >> 3 == 8) /* words 63 and 88 say which is chosen */
            s->mode = s->count[0];
        else if (s->count[0] >> 3 > 1)
            return ata_fail(c, ATA_ABRT);
        break;
    case POWER:
    case NO_POWER:
    case SATA:
    case NO_SATA:
    case AHEAD:
    case NO_AHEAD:
    case REVERT:
    case NO_REVERT: break;
    default: return ata_fail(c, ATA_ABRT);
    }
    ata_done(c);
}

/* Active and idle are all the same. */
static void run_check_power(const AtaCommand *c, unsigned flags)
{
    c->s->count[0] = 0xff;
    ata_done(c);
}

static void run_native_max(const AtaCommand *c, unsigned flags)
{
    AtaState *s = c->s;
    uint64_t last = ata_bytes(c->d) / ATA_SECTOR - 1;
    if (!(flags & FLAG_EXT))
        last = MIN(last, (uint64_t)0xfffffff);
    s->low[0] = (uint8_t)last;
    s->mid[0] = (uint8_t)(last >> 8);
    s->high[0] = (uint8_t)(last >> 16);
    if (flags & FLAG_EXT) {
        s->low[1] = (uint8_t)(last >> 24);
        s->mid[1] = (uint8_t)(last >> 32);
        s->high[1] = (uint8_t)(last >> 40);
    } else {
        s->device = (uint8_t)((s->device & 0xf0) | last >> 24);
    }
    ata_done(c);
}

static void run_smart(const AtaCommand *c, unsigned flags)
{
    ata_smart(c);
}
static void run_read_log(const AtaCommand *c, unsigned flags)
{
    ata_read_log(c);
}

static void run_packet(const AtaCommand *c, unsigned flags)
{
    *c->x = (AtaXfer){.kind = ATA_PACKET, .dma = c->s->feature[0] & 1};
}
static void run_identify_packet(const AtaCommand *c, unsigned flags)
{
    atapi_identify(c);
}
static void run_device_reset(const AtaCommand *c, unsigned flags)
{
    ata_done(c);
    ata_signature(c->d, c->s);
}

enum { BOTH = FLAG_CD | FLAG_DISK };
static const Row rows[] = {
    {0x06, 0x06, FLAG_DISK | FLAG_EXT | FLAG_DMA, run_manage},
    {0x08, 0x08, FLAG_CD, run_device_reset},
    {0x10, 0x1f, FLAG_DISK, run_nothing}, /* recalibrate */
    {0x20, 0x21, FLAG_DISK, run_transfer},
    {0x24, 0x24, FLAG_DISK | FLAG_EXT, run_transfer},
    {0x25, 0x25, FLAG_DISK | FLAG_EXT | FLAG_DMA, run_transfer},
    {0x27, 0x27, FLAG_DISK | FLAG_EXT, run_native_max},
    {0x29, 0x29, FLAG_DISK | FLAG_EXT | FLAG_MULTI, run_transfer},
    {0x2f, 0x2f, FLAG_DISK | FLAG_EXT, run_read_log},
    {0x30, 0x31, FLAG_DISK | FLAG_WRITE, run_transfer},
    {0x34, 0x34, FLAG_DISK | FLAG_WRITE | FLAG_EXT, run_transfer},
    {0x35, 0x35, FLAG_DISK | FLAG_WRITE | FLAG_EXT | FLAG_DMA, run_transfer},
    {0x39, 0x39, FLAG_DISK | FLAG_WRITE | FLAG_EXT | FLAG_MULTI, run_transfer},
    {0x3d, 0x3d, FLAG_DISK | FLAG_WRITE | FLAG_EXT | FLAG_DMA | FLAG_FUA, run_transfer},
    {0x40, 0x41, FLAG_DISK, run_verify},
    {0x42, 0x42, FLAG_DISK | FLAG_EXT, run_verify},
    {0x47, 0x47, FLAG_DISK | FLAG_EXT, run_read_log}, /* by DMA */
    {0x60, 0x60, FLAG_DISK, run_queued},
    {0x61, 0x61, FLAG_DISK | FLAG_WRITE, run_queued},
    {0x70, 0x7f, FLAG_DISK, run_nothing}, /* seek */
    {0x90, 0x90, BOTH, run_diagnose},
    {0x91, 0x91, FLAG_DISK, run_geometry},
    {0xa0, 0xa0, FLAG_CD, run_packet},
    {0xa1, 0xa1, FLAG_CD, run_identify_packet},
    {0xb0, 0xb0, FLAG_DISK, run_smart},
    {0xc4, 0xc4, FLAG_DISK | FLAG_MULTI, run_transfer},
    {0xc5, 0xc5, FLAG_DISK | FLAG_WRITE | FLAG_MULTI, run_transfer},
    {0xc6, 0xc6, FLAG_DISK, run_multiple},
    {0xc8, 0xc9, FLAG_DISK | FLAG_DMA, run_transfer},
    {0xca, 0xcb, FLAG_DISK | FLAG_WRITE | FLAG_DMA, run_transfer},
    {0xce, 0xce, FLAG_DISK | FLAG_WRITE | FLAG_EXT | FLAG_MULTI | FLAG_FUA, run_transfer},
    {0xe0, 0xe3, BOTH, run_nothing}, /* standby and idle, at once or later */
    {0xe5, 0xe5, BOTH, run_check_power},
    {0xe6, 0xe6, BOTH, run_nothing}, /* sleep */
    {0xe7, 0xe7, FLAG_DISK, run_flush},
    {0xea, 0xea, FLAG_DISK | FLAG_EXT, run_flush},
    {0xec, 0xec, FLAG_DISK, run_identify},
    {0xef, 0xef, BOTH, run_features},
    {0xf8, 0xf8, FLAG_DISK, run_native_max},
};

void ata_begin(const AtaCommand *c)
{
    enum { READ = 0x20, IDENTIFY = 0xec };
    const uint8_t command = c->s->command;
    const unsigned kind = c->d->is_cd ? FLAG_CD : FLAG_DISK;
    dev_trace(&c->d->dev, ATA_COMMAND, "0x%02x feature 0x%x count 0x%x at 0x%lx", command, c->s->feature[0],
              (unsigned)count_of(c->s->count, true), (unsigned long)address_of(c->s, true));
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++) {
        if (command >= rows[k].first && command <= rows[k].last && (rows[k].flags & kind)) {
            rows[k].run(c, rows[k].flags);
            return;
        }
    }
    if (c->d->is_cd && (command == READ || command == IDENTIFY))
        ata_signature(c->d, c->s); /* so a disk is told from it */
    ata_fail(c, ATA_ABRT);
}
