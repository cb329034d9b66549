/* Commands by tables, and what all units do (SPC-4). Those of disks and of CD-ROMs: scsi_disk.c, scsi_cd.c.
 */
#include "hw/scsi/scsi_priv.h"

/* ---- ends ---- */

void scsi_fail(const ScsiCommand *c, ScsiSense why)
{
    *c->t = (ScsiTask){.kind = SCSI_DONE, .opcode = c->t->opcode};
    c->s->sense[0] = (uint8_t)(why >> 16);
    c->s->sense[1] = (uint8_t)(why >> 8);
    c->s->sense[2] = (uint8_t)why;
}

void scsi_good(const ScsiCommand *c, const uint8_t *p)
{
    *c->t = (ScsiTask){.kind = SCSI_DONE, .opcode = c->t->opcode};
}

bool scsi_failed(const ScsiState *s)
{
    return s->sense[0] != 0;
}

void scsi_answer(const ScsiCommand *c, size_t n, size_t room)
{
    c->t->kind = SCSI_REPLY;
    c->t->bytes = MIN(n, room);
    if (!c->t->bytes)
        scsi_good(c, NULL);
}

ScsiSense scsi_move_error(const ScsiTask *t)
{
    return t->kind == SCSI_WRITE ? SCSI_WRITE_ERROR : SCSI_READ_ERROR;
}

void scsi_end(const ScsiCommand *c, ScsiSense how, const uint8_t *parameters)
{
    if (how != SCSI_OK) {
        scsi_fail(c, how);
        return;
    }
    if (c->t->kind == SCSI_TAKE && c->t->work == SCSI_SELECT)
        scsi_read_modes(c->u, c->t, parameters, &c->s->no_cache);
    scsi_good(c, NULL);
}

static void put_sense(uint8_t *to, const uint8_t sense[3])
{
    memset(to, 0, SCSI_SENSE_BYTES);
    to[0] = 0x70;
    to[2] = sense[0];
    to[7] = SCSI_SENSE_BYTES - 8;
    to[12] = sense[1];
    to[13] = sense[2];
}

void scsi_take_sense(ScsiState *s, uint8_t to[SCSI_SENSE_BYTES])
{
    put_sense(to, s->sense);
    memset(s->sense, 0, sizeof(s->sense));
}

/* ---- the medium ---- */

uint64_t scsi_blocks(const ScsiUnit *u)
{
    return u->drive ? u->drive->bytes / u->block : 0;
}

bool scsi_has_medium(const ScsiCommand *c)
{
    return !c->s->tray_open && scsi_blocks(c->u);
}

void scsi_transfer(const ScsiCommand *c, ScsiKind kind, uint64_t first, uint64_t n)
{
    const uint64_t blocks = scsi_blocks(c->u), bytes = n * c->u->block;
    if (first > blocks || n > blocks - first) {
        scsi_fail(c, SCSI_BAD_BLOCK);
        return;
    }
    if (!n) {
        scsi_good(c, NULL);
        return;
    }
    c->t->kind = (uint8_t)kind;
    c->t->at = first * c->u->block;
    c->t->bytes = kind == SCSI_WORK ? 0 : bytes;
    c->t->span = kind == SCSI_WORK ? bytes : 0;
}

/* Is the range on the medium that is there now? Another one may be. */
static bool is_there(const BlockPort *p, uint64_t at, uint64_t bytes)
{
    return at <= p->bytes && bytes <= p->bytes - at;
}

bool scsi_move(const ScsiUnit *u, const ScsiTask *t, uint64_t pos, uint8_t *buf, size_t n)
{
    const BlockPort *p = u->drive;
    if (!p || !is_there(p, t->at, t->bytes) || pos > t->bytes || n > t->bytes - pos)
        return false;
    if (t->kind == SCSI_READ)
        return p->read(p->backend, t->at + pos, buf, n);
    return p->write(p->backend, t->at + pos, buf, n) &&
           (!t->through || pos + n < t->bytes || p->flush(p->backend));
}

static bool verify(const BlockPort *p, uint64_t at, uint64_t bytes)
{
    uint8_t buf[SCSI_BLOCK_MOST];
    for (uint64_t n; bytes; at += n, bytes -= n) {
        n = MIN(bytes, sizeof(buf));
        if (!p->read(p->backend, at, buf, n))
            return false;
    }
    return true;
}

static bool is_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (!p[0] && memcmp(p, p + 1, n - 1) == 0);
}

static bool fill(const ScsiUnit *u, const ScsiTask *t, const uint8_t *block)
{
    const BlockPort *p = u->drive;
    uint8_t buf[SCSI_BLOCK_MOST] = {0};
    if ((!t->bytes || is_zero(block, u->block)) && p->write_zeroes)
        return p->write_zeroes(p->backend, t->at, t->span, t->unmap);
    for (uint64_t at = 0; t->bytes && at < sizeof(buf); at += u->block)
        memcpy(buf + at, block, u->block);
    for (uint64_t at = 0, n; at < t->span; at += n) {
        n = MIN(t->span - at, sizeof(buf));
        if (!p->write(p->backend, t->at + at, buf, n))
            return false;
    }
    return true;
}

/* A head of 8 bytes, then ranges: block (8), blocks (4), 4 bytes of nothing. */
static ScsiSense unmap(const ScsiUnit *u, const ScsiTask *t, const uint8_t *list)
{
    enum { HEAD = 8, ROW = 16 };
    const BlockPort *p = u->drive;
    const uint64_t n = t->bytes < HEAD ? 0 : MIN((uint64_t)be16(list + 2), t->bytes - HEAD) / ROW;
    for (uint64_t k = 0; k < n; k++) {
        const uint64_t first = be64(list + HEAD + ROW * k), blocks = be32(list + HEAD + ROW * k + 8);
        if (first > scsi_blocks(u) || blocks > scsi_blocks(u) - first)
            return SCSI_BAD_BLOCK;
        if (blocks && p->discard && !p->discard(p->backend, first * u->block, blocks * u->block))
            return SCSI_WRITE_ERROR;
    }
    return SCSI_OK;
}

ScsiSense scsi_work(const ScsiUnit *u, const ScsiTask *t, const uint8_t *parameters)
{
    const BlockPort *p = u->drive;
    uint8_t no_cache;
    if (!p || !is_there(p, t->at, t->span))
        return SCSI_READ_ERROR;
    switch ((ScsiWork)t->work) {
    case SCSI_FLUSH: return p->flush(p->backend) ? SCSI_OK : SCSI_WRITE_ERROR;
    case SCSI_VERIFY: return verify(p, t->at, t->span) ? SCSI_OK : SCSI_READ_ERROR;
    case SCSI_SAME:
        return fill(u, t, parameters) && (!t->through || p->flush(p->backend)) ? SCSI_OK : SCSI_WRITE_ERROR;
    case SCSI_UNMAP: return unmap(u, t, parameters);
    case SCSI_SELECT: { /* what is in the cache may have to go */
        const ScsiSense how = scsi_read_modes(u, t, parameters, &no_cache);
        return how != SCSI_OK || u->is_cd || p->flush(p->backend) ? how : SCSI_WRITE_ERROR;
    }
    case SCSI_WORKS: break;
    }
    return SCSI_OK;
}

/* ---- commands of all units ---- */

static void request_sense(const ScsiCommand *c, const uint8_t *p)
{
    ScsiState *s = c->s;
    if (!s->sense[0] && s->attention) {
        scsi_fail(c, (ScsiSense)(SCSI_POWER_ON & 0xff0000) | s->attention);
        s->attention = 0;
    }
    scsi_take_sense(s, c->reply);
    scsi_answer(c, SCSI_SENSE_BYTES, p[4]);
}

static void report_luns(const ScsiCommand *c, const uint8_t *p)
{
    uint16_t luns[SCSI_LUNS] = {0};
    const unsigned n = c->u->luns ? c->u->luns(c->u->opaque, luns) : 1;
    if (p[2] > 2) {
        scsi_fail(c, SCSI_BAD_FIELD);
        return;
    }
    memset(c->reply, 0, 8);
    put32(c->reply, 8 * n);
    for (unsigned k = 0; k < n; k++) {
        uint8_t *to = c->reply + 8 + 8 * k;
        memset(to, 0, 8);
        put16(to, luns[k] < 256 ? luns[k] : 0x4000u | luns[k]); /* peripheral, flat addressing */
    }
    scsi_answer(c, 8 + 8 * n, be32(p + 6));
}

static const ScsiRow rows[] = {
    {0x00, SCSI_DISK | SCSI_CD | SCSI_NEEDS_MEDIUM, scsi_good}, /* ready? */
    {0x03, SCSI_DISK | SCSI_CD | SCSI_WHATEVER, request_sense},
    {0x12, SCSI_DISK | SCSI_CD | SCSI_WHATEVER, scsi_inquiry},
    {0x15, SCSI_DISK | SCSI_CD, scsi_mode_select},
    {0x16, SCSI_DISK, scsi_good}, /* reserve, release: there is one initiator */
    {0x17, SCSI_DISK, scsi_good},
    {0x1a, SCSI_DISK | SCSI_CD, scsi_mode_sense},
    {0x55, SCSI_DISK | SCSI_CD, scsi_mode_select},
    {0x5a, SCSI_DISK | SCSI_CD, scsi_mode_sense},
    {0xa0, SCSI_DISK | SCSI_CD | SCSI_WHATEVER, report_luns},
    {0, 0, NULL},
};

static const ScsiRow *find(const ScsiRow *row, uint8_t code, unsigned kind)
{
    for (; row->run; row++)
        if (row->code == code && (row->flags & kind))
            return row;
    return NULL;
}

void scsi_begin(const ScsiCommand *c, const uint8_t block[SCSI_COMMAND_BYTES])
{
    enum { REQUEST_SENSE = 0x03 };
    ScsiState *s = c->s;
    const unsigned kind = c->u->is_cd ? SCSI_CD : SCSI_DISK;
    const ScsiRow *row = find(rows, block[0], kind);
    row = row ? row : find(c->u->is_cd ? scsi_cd_rows : scsi_disk_rows, block[0], kind);
    *c->t = (ScsiTask){.opcode = block[0]};
    if (block[0] != REQUEST_SENSE)
        memset(s->sense, 0, sizeof(s->sense));
    if (!row) {
        scsi_fail(c, SCSI_BAD_OPCODE);
    } else if (s->attention && !(row->flags & SCSI_WHATEVER)) {
        scsi_fail(c, (ScsiSense)(SCSI_POWER_ON & 0xff0000) | s->attention);
        s->attention = 0;
    } else if ((row->flags & SCSI_NEEDS_MEDIUM) && !scsi_has_medium(c)) {
        scsi_fail(c, s->tray_open ? SCSI_NO_MEDIUM_OPEN : SCSI_NO_MEDIUM_CLOSED);
    } else if ((row->flags & SCSI_WRITES) && c->u->drive->read_only) {
        scsi_fail(c, SCSI_PROTECTED);
    } else {
        row->run(c, block);
    }
}

void scsi_begin_absent(const ScsiCommand *c, const uint8_t block[SCSI_COMMAND_BYTES])
{
    enum { INQUIRY_BYTES = 36, NOTHING_THERE = 0x7f };
    const uint8_t none[3] = {SCSI_NO_UNIT >> 16, SCSI_NO_UNIT >> 8 & 0xff, 0};
    *c->t = (ScsiTask){.opcode = block[0]};
    switch (block[0]) {
    case 0x03:
        put_sense(c->reply, none);
        scsi_answer(c, SCSI_SENSE_BYTES, block[4]);
        break;
    case 0x12:
        memset(c->reply, 0, INQUIRY_BYTES);
        c->reply[0] = NOTHING_THERE;
        c->reply[2] = 5;
        c->reply[3] = 2;
        c->reply[4] = INQUIRY_BYTES - 5;
        scsi_answer(c, INQUIRY_BYTES, be16(block + 3));
        break;
    case 0xa0: report_luns(c, block); break;
    default: scsi_fail(c, SCSI_NO_UNIT);
    }
}

/* ---- life ---- */

const char *scsi_check_unit(const ScsiUnit *u)
{
    if (u->block < 512 || u->block > SCSI_BLOCK_MOST || u->block & (u->block - 1))
        return "logical blocks are of 512, 1024, 2048 or 4096 bytes";
    if (u->physical_block < u->block || u->physical_block > 2 << 20 ||
        u->physical_block & (u->physical_block - 1))
        return "physical blocks are no power of two, or smaller than logical ones";
    if (!u->is_cd && !u->drive)
        return "which drive?";
    return !u->is_cd && !scsi_blocks(u) ? "its drive has no blocks" : NULL;
}

void scsi_reset(ScsiState *s)
{
    *s = (ScsiState){.tray_open = s->tray_open};
}

void scsi_state_check(ScsiState *s)
{
    s->no_cache &= 1;
    s->tray_open &= 1;
    s->locked &= 1;
}

bool scsi_task_check(const ScsiUnit *u, const ScsiTask *t)
{
    const uint64_t there = scsi_blocks(u) * u->block;
    const bool moves = t->kind == SCSI_READ || t->kind == SCSI_WRITE;
    const uint64_t span = moves ? t->bytes : t->span;
    return t->kind < SCSI_KINDS && t->work < SCSI_WORKS && t->at <= there && span <= there - t->at &&
           t->at % u->block == 0 && span % u->block == 0 &&
           (t->kind != SCSI_REPLY || t->bytes <= SCSI_REPLY_BYTES) &&
           (t->kind != SCSI_TAKE || t->bytes <= SCSI_TAKE_BYTES) && (t->kind != SCSI_WORK || !t->bytes) &&
           (t->work != SCSI_SAME || t->kind != SCSI_TAKE || t->bytes == u->block) &&
           (t->kind < SCSI_WRITE || t->work == SCSI_SELECT || (u->drive && !u->is_cd)) &&
           (!(t->kind == SCSI_WRITE || t->work == SCSI_SAME || t->work == SCSI_UNMAP) ||
            (u->drive && !u->drive->read_only));
}
