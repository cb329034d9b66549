/* Packet commands of CD-ROMs: those of SCSI (hw/scsi), as ATA carries them. What is wrong is a CHECK
 * CONDITION, and sense data say what. */
#include "hw/block/ata.h"

static void good(const AtaCommand *c)
{
    ata_done(c);
    c->s->status = ATA_DRDY;
    c->s->count[0] = ATA_REASON_COMMAND | ATA_REASON_IN;
}

static void check(const AtaCommand *c)
{
    ata_fail(c, (uint8_t)(c->s->scsi.sense[0] << 4 | ATA_ABRT));
    c->s->status = ATA_DRDY | ATA_ERR;
    c->s->count[0] = ATA_REASON_COMMAND | ATA_REASON_IN;
}

void atapi_end(const AtaCommand *c, bool ok)
{
    ScsiTask t = {0};
    const ScsiCommand scsi = {&c->d->scsi, &c->s->scsi, c->reply, &t};
    if (c->s->command != 0xa0) { /* identify */
        ok ? ata_done(c) : ata_fail(c, ATA_ABRT);
        return;
    }
    if (ok)
        return good(c);
    scsi_fail(&scsi, SCSI_READ_ERROR);
    check(c);
}

/* Bytes that the host takes at once. */
static uint32_t limit_of(const AtaState *s)
{
    const uint32_t limit = s->mid[0] | (uint32_t)s->high[0] << 8;
    return limit == 0 || limit == 0xffff ? 0xfffe : limit > 1 ? limit & ~1u : 2;
}

void atapi_begin(const AtaCommand *c, const uint8_t packet[ATA_PACKET_BYTES])
{
    AtaXfer x = {.dma = c->x->dma, .block = limit_of(c->s)};
    uint8_t block[SCSI_COMMAND_BYTES] = {0};
    ScsiTask t;
    const ScsiCommand scsi = {&c->d->scsi, &c->s->scsi, c->reply, &t};
    memcpy(block, packet, ATA_PACKET_BYTES);
    dev_trace(&c->d->dev, ATAPI_PACKET, "0x%02x 0x%08x 0x%08x", packet[0],
              __builtin_bswap32(ld_u32(packet + 2)), __builtin_bswap32(ld_u32(packet + 6)));
    scsi_begin(&scsi, block);
    x.at = t.at;
    x.bytes = t.bytes;
    switch ((ScsiKind)t.kind) {
    case SCSI_REPLY:
        x.kind = ATA_IN;
        x.what = ATA_REPLY;
        break;
    case SCSI_READ:
        x.kind = ATA_IN;
        x.what = ATA_MEDIUM;
        break;
    case SCSI_TAKE: /* of modes, which are as they are */
        x.kind = ATA_OUT;
        x.what = ATA_LOST;
        break;
    case SCSI_DONE:
    case SCSI_WRITE:
    case SCSI_WORK:
    case SCSI_KINDS: /* CD-ROMs have none of the last */
        scsi_failed(&c->s->scsi) ? check(c) : good(c);
        return;
    }
    *c->x = x;
}
