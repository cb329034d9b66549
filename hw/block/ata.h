/*
 * AtaDrive: disks (ATA/ATAPI-8 ACS) and CD-ROMs (MMC-5) apart from the way by which commands reach them.
 *
 * A drive is a device that plugs into a controller (ide.h, ahci.h). It has no state of its own: what its
 * registers hold is an AtaState among the state of its controller, whose lock guards it. A controller that
 * has put a command into the registers calls ata_begin(). What that does not do at once it describes by an
 * AtaXfer; the controller moves the bytes between guest and drive, part by part and in order, by ata_move()
 * or from and to the reply, and ends by ata_end(). A transfer that is given up is just forgotten.
 * Threads: everything with the controller's lock held, but ata_move(), which waits for the back end and needs
 * none.
 * Errors of the guest are those of the standards: ERR in the status, an error register, sense data.
 */
#ifndef HW_BLOCK_ATA_H
#define HW_BLOCK_ATA_H

#include "hw/core/dev_impl.h"
#include "hw/core/ports.h"
#include "hw/core/request.h"
#include "hw/scsi/scsi.h"

enum {
    ATA_SECTOR = 512,
    ATA_MULTIPLE = 16, /* sectors that READ MULTIPLE may have in a block */
    ATA_PACKET_BYTES = 12,
    ATA_REPLY_BYTES = SCSI_REPLY_BYTES,
    ATA_QUEUE = 32,
    ATA_PART = 64 << 10 /* a good size for ata_move() */
};
enum { /* status */
       ATA_ERR = 0x01,
       ATA_DRQ = 0x08,
       ATA_DSC = 0x10,
       ATA_DRDY = 0x40,
       ATA_BSY = 0x80
};
enum { ATA_ABRT = 0x04, ATA_IDNF = 0x10, ATA_UNC = 0x40 }; /* error */
enum { ATA_DEVICE_1 = 0x10, ATA_DEVICE_LBA = 0x40 };
enum { ATA_REASON_COMMAND = 1, ATA_REASON_IN = 2 }; /* count register of packet commands */

/* Of two bytes the first is what was written last, the second what was written before. */
typedef struct AtaState {
    uint8_t feature[2], count[2], low[2], mid[2], high[2];
    uint8_t device, status, error, command;
    uint8_t multiple, mode, no_cache, smart; /* what was set; the mode of transfers */
    uint8_t heads, sectors;                  /* of the geometry that the system uses */
    uint8_t failed, failed_queued;           /* tag of a queued command that failed, for log 10h */
    ScsiState scsi;                          /* of what takes packets */
} AtaState;

#define ATA_ROWS(S, a)                                                                                       \
    DEV_ARRAY(S, a.feature), DEV_ARRAY(S, a.count), DEV_ARRAY(S, a.low), DEV_ARRAY(S, a.mid),                \
        DEV_ARRAY(S, a.high), DEV_FIELD(S, a.device), DEV_FIELD(S, a.status), DEV_FIELD(S, a.error),         \
        DEV_FIELD(S, a.command), DEV_FIELD(S, a.multiple), DEV_FIELD(S, a.mode), DEV_FIELD(S, a.no_cache),   \
        DEV_FIELD(S, a.smart), DEV_FIELD(S, a.heads), DEV_FIELD(S, a.sectors), DEV_FIELD(S, a.failed),       \
        DEV_FIELD(S, a.failed_queued), SCSI_ROWS(S, a.scsi)

typedef enum AtaKind {
    ATA_DONE,  /* nothing is to be moved any more, and the registers say how it went */
    ATA_WORK,  /* no bytes, but ata_move() has to be called */
    ATA_IN,    /* to the guest */
    ATA_OUT,   /* from it */
    ATA_PACKET /* the packet is awaited: atapi_begin() goes on with it */
} AtaKind;
typedef enum AtaWhat { ATA_MEDIUM, ATA_REPLY, ATA_FLUSH, ATA_VERIFY, ATA_TRIM, ATA_LOST, ATA_WHATS } AtaWhat;

typedef struct AtaXfer {
    uint8_t kind, what;
    uint8_t dma;
    uint8_t through; /* what is written is to reach the medium */
    uint32_t block;  /* by PIO: bytes that are ready at once */
    uint64_t at;     /* on the medium, bytes */
    uint64_t bytes;
} AtaXfer;

#define ATA_XFER_ROWS(S, x)                                                                                  \
    DEV_FIELD(S, x.kind), DEV_FIELD(S, x.what), DEV_FIELD(S, x.dma), DEV_FIELD(S, x.through),                \
        DEV_FIELD(S, x.block), DEV_FIELD(S, x.at), DEV_FIELD(S, x.bytes)

typedef struct AtaBus AtaBus;

typedef struct AtaDrive {
    Device dev;
    BlockPort *drive;                /* NULL, or without bytes: a CD-ROM without a medium */
    const MachineRequests *requests; /* who is told of its tray; may be NULL */
    char serial[21], model[41], ver[9], bus[64];
    uint32_t unit;
    uint64_t wwn;
    uint32_t rotation_rate, physical_bytes;
    AtaBus *on; /* NULL: not plugged in */
    unsigned place, number;
    bool is_cd, serial_ata; /* the latter: of the controller's kind */
    ScsiUnit scsi;          /* of CD-ROMs */
    Job job;                /* of the controller */
    uint8_t *bounce;        /* ATA_PART; the job's */
    DEV_STATE_BEGIN
    DEV_STATE_END
} AtaDrive;

extern const DevClass ide_hd_class, ide_cd_class; /* links: drive (BlockPort), requests */

/* What a command needs. reply: ATA_REPLY_BYTES. */
typedef struct AtaCommand {
    AtaDrive *d;
    AtaState *s;
    uint8_t *reply;
    AtaXfer *x;
} AtaCommand;

/* ---- for controllers ---- */

void ata_reset(const AtaDrive *d, AtaState *s);     /* power-on; d may be NULL */
void ata_signature(const AtaDrive *d, AtaState *s); /* after the reset of the bus */
/* The command in the registers. */
void ata_begin(const AtaCommand *c);
void atapi_begin(const AtaCommand *c, const uint8_t packet[ATA_PACKET_BYTES]);
/* n bytes from `pos` of the transfer on. False: the medium could not. */
bool ata_move(const AtaDrive *d, const AtaXfer *x, uint64_t pos, uint8_t *buf, size_t n);
void ata_end(const AtaCommand *c, bool ok);
/* Tag of a queued command in the registers; -1: it is none. */
int ata_queue_tag(const AtaState *s);
/* Is what was loaded a transfer that ata_begin() could have asked for? */
bool ata_xfer_check(const AtaDrive *d, const AtaXfer *x);
void ata_state_check(AtaState *s); /* cut to what is possible */

/* ---- between the parts of a drive ---- */

void ata_fail(const AtaCommand *c, uint8_t error);
void ata_done(const AtaCommand *c);
void ata_identify(const AtaCommand *c);
void atapi_identify(const AtaCommand *c);
void ata_smart(const AtaCommand *c);
void ata_read_log(const AtaCommand *c);
void ata_answer(const AtaCommand *c, size_t n); /* by the reply, as PIO */
void atapi_end(const AtaCommand *c, bool ok);
uint64_t ata_bytes(const AtaDrive *d); /* of the medium; 0: there is none */

/* ---- for the owner of a CD-ROM: trays.h ---- */

bool ide_cd_is(const Device *d); /* on a controller; the others are for those alone */
void ide_cd_tell(Device *d, CdAsk what);
void ide_cd_look(Device *d, bool *ret_open, bool *ret_locked);
void ide_cd_pause(Device *d);
void ide_cd_resume(Device *d);

#endif
