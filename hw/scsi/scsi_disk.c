/* What disks do (SBC-3). */
#include "hw/scsi/scsi_priv.h"

enum { FUA = 8, BYTE_CHECK = 6 }; /* of reads, writes, verify */
enum { PROTECT = 0xe0, ANCHOR = 16, GIVE_BACK = 8, OTHER_DATA = 6, NO_DATA = 1 }; /* of write same */

/* ---- where, and how much: by the size of the command ---- */

static uint64_t first_of(const uint8_t *p)
{
    return p[0] < 0x20 ? be32(p) & 0x1fffff : p[0] >> 5 == 4 ? be64(p + 2) : be32(p + 2);
}
static uint64_t count_of(const uint8_t *p)
{
    switch (p[0] >> 5) {
    case 0: return p[4] ? p[4] : 256;
    case 4: return be32(p + 10);
    case 5: return be32(p + 6);
    default: return be16(p + 7);
    }
}

static void read_blocks(const ScsiCommand *c, const uint8_t *p)
{
    scsi_transfer(c, SCSI_READ, first_of(p), count_of(p));
}

static void write_blocks(const ScsiCommand *c, const uint8_t *p)
{
    c->t->through = (p[0] >= 0x20 && (p[1] & FUA)) || c->s->no_cache;
    scsi_transfer(c, SCSI_WRITE, first_of(p), count_of(p));
}

/* What is written is on the medium; that it can be read again is the host's business. */
static void write_and_verify(const ScsiCommand *c, const uint8_t *p)
{
    c->t->through = 1;
    scsi_transfer(c, SCSI_WRITE, first_of(p), count_of(p));
}

static void verify(const ScsiCommand *c, const uint8_t *p)
{
    if ((p[1] & BYTE_CHECK) || count_of(p) > SCSI_SPAN_MOST / c->u->block) {
        scsi_fail(c, SCSI_BAD_FIELD);
        return;
    }
    c->t->work = SCSI_VERIFY;
    scsi_transfer(c, SCSI_WORK, first_of(p), count_of(p));
}

static void look_at(const ScsiCommand *c, const uint8_t *p) /* seek, and what may be read soon */
{
    if (first_of(p) >= scsi_blocks(c->u))
        scsi_fail(c, SCSI_BAD_BLOCK);
    else
        scsi_good(c, p);
}

static void flush(const ScsiCommand *c, const uint8_t *p)
{
    if (first_of(p) > scsi_blocks(c->u)) {
        scsi_fail(c, SCSI_BAD_BLOCK);
        return;
    }
    c->t->kind = SCSI_WORK;
    c->t->work = SCSI_FLUSH;
}

/* ---- blocks that are given back, or all alike ---- */

static void unmap(const ScsiCommand *c, const uint8_t *p)
{
    const unsigned n = be16(p + 7);
    if (!c->u->unmaps || (p[1] & 1)) {
        scsi_fail(c, c->u->unmaps ? SCSI_BAD_FIELD : SCSI_BAD_OPCODE);
    } else if (n > SCSI_TAKE_BYTES || (n && n < 8)) {
        scsi_fail(c, SCSI_BAD_LIST_LENGTH);
    } else if (!n) {
        scsi_good(c, p);
    } else {
        c->t->kind = SCSI_TAKE;
        c->t->work = SCSI_UNMAP;
        c->t->bytes = n;
    }
}

static void write_same(const ScsiCommand *c, const uint8_t *p)
{
    const bool no_data = p[0] == 0x93 && (p[1] & NO_DATA);
    const uint64_t n = count_of(p);
    if ((p[1] & (PROTECT | ANCHOR | OTHER_DATA)) || !n || n > SCSI_SPAN_MOST / c->u->block) {
        scsi_fail(c, SCSI_BAD_FIELD);
        return;
    }
    c->t->work = SCSI_SAME;
    c->t->unmap = (p[1] & GIVE_BACK) && c->u->unmaps;
    c->t->through = c->s->no_cache;
    scsi_transfer(c, SCSI_WORK, first_of(p), n);
    if (c->t->kind == SCSI_WORK && !no_data) {
        c->t->kind = SCSI_TAKE;
        c->t->bytes = c->u->block;
    }
}

/* ---- sizes ---- */

static void capacity_10(const ScsiCommand *c, const uint8_t *p)
{
    put32(c->reply, (uint32_t)MIN(scsi_blocks(c->u) - 1, (uint64_t)UINT32_MAX));
    put32(c->reply + 4, c->u->block);
    scsi_answer(c, 8, 8);
}

static void capacity_16(const ScsiCommand *c, const uint8_t *p)
{
    enum { BYTES = 32, SERVICE = 0x10, PROVISIONED = 0x80 };
    if ((p[1] & 31) != SERVICE) {
        scsi_fail(c, SCSI_BAD_FIELD);
        return;
    }
    memset(c->reply, 0, BYTES);
    put64(c->reply, scsi_blocks(c->u) - 1);
    put32(c->reply + 8, c->u->block);
    c->reply[13] = (uint8_t)(__builtin_ctz(c->u->physical_block) - __builtin_ctz(c->u->block));
    c->reply[14] = c->u->unmaps ? PROVISIONED : 0;
    scsi_answer(c, BYTES, be32(p + 10));
}

static void format_capacities(const ScsiCommand *c, const uint8_t *p)
{
    enum { BYTES = 12, FORMATTED = 2 };
    memset(c->reply, 0, BYTES);
    c->reply[3] = 8;
    put32(c->reply + 4, (uint32_t)MIN(scsi_blocks(c->u), (uint64_t)UINT32_MAX));
    put32(c->reply + 8, c->u->block);
    c->reply[8] = FORMATTED;
    scsi_answer(c, BYTES, be16(p + 7));
}

enum { READS = SCSI_DISK | SCSI_NEEDS_MEDIUM, WRITES = READS | SCSI_WRITES };
const ScsiRow scsi_disk_rows[] = {
    {0x08, READS, read_blocks},
    {0x0a, WRITES, write_blocks},
    {0x0b, READS, look_at},
    {0x1b, SCSI_DISK, scsi_good}, /* start, stop */
    {0x1e, SCSI_DISK, scsi_good}, /* keep the medium */
    {0x23, READS, format_capacities},
    {0x25, READS, capacity_10},
    {0x28, READS, read_blocks},
    {0x2a, WRITES, write_blocks},
    {0x2b, READS, look_at},
    {0x2e, WRITES, write_and_verify},
    {0x2f, READS, verify},
    {0x34, READS, look_at},
    {0x35, READS, flush},
    {0x41, WRITES, write_same},
    {0x42, WRITES, unmap},
    {0x88, READS, read_blocks},
    {0x8a, WRITES, write_blocks},
    {0x8e, WRITES, write_and_verify},
    {0x8f, READS, verify},
    {0x90, READS, look_at},
    {0x91, READS, flush},
    {0x93, WRITES, write_same},
    {0x9e, READS, capacity_16},
    {0xa8, READS, read_blocks},
    {0xaa, WRITES, write_blocks},
    {0xae, WRITES, write_and_verify},
    {0xaf, READS, verify},
    {0, 0, NULL},
};
