/*
 * ScsiUnit: a logical unit of SCSI, a disk (SPC-4, SBC-3) or a CD-ROM (MMC-5), apart from the way by which
 * commands reach it.
 *
 * A transport (virtio_scsi.c, usb_storage.c, atapi.c) owns the ScsiUnit, which says what does not change, and
 * has a ScsiState among its own state. It calls scsi_begin() with a command block; the ScsiTask that comes
 * back says what is still to be done:
 *   SCSI_DONE     nothing: scsi_failed() says how it went
 *   SCSI_REPLY    the first `bytes` of the reply go to the initiator, and that is all
 *   SCSI_READ     `bytes` of the medium go to it, by scsi_move() in parts and in order; then scsi_end()
 *   SCSI_WRITE    the other way
 *   SCSI_WORK     scsi_work() without parameters; then scsi_end()
 *   SCSI_TAKE     `bytes` of parameters come from it, no more than SCSI_TAKE_BYTES; scsi_work() with them;
 * then scsi_end() A task that is given up is just forgotten. Threads: everything with the transport's lock
 * held, but scsi_move() and scsi_work(), which wait for the back end, and need none. Errors of the initiator
 * are sense data, which stay until the next command, or until they are asked for.
 */
#ifndef HW_SCSI_SCSI_H
#define HW_SCSI_SCSI_H

#include "hw/core/dev_impl.h"
#include "hw/core/ports.h"

enum {
    SCSI_CD_BLOCK = 2048,
    SCSI_BLOCK_MOST = 4096, /* bytes of a logical block */
    SCSI_COMMAND_BYTES = 16,
    SCSI_REPLY_BYTES = 1024,
    SCSI_TAKE_BYTES = 4096,
    SCSI_SENSE_BYTES = 18,
    SCSI_LUNS = 64 /* of a target, at most */
};
enum { SCSI_GOOD = 0x00, SCSI_CHECK_CONDITION = 0x02 }; /* status */

/* Sense: key << 16 | code << 8 | qualifier. */
typedef enum ScsiSense {
    SCSI_OK = 0,
    SCSI_NO_MEDIUM_CLOSED = 0x023a01,
    SCSI_NO_MEDIUM_OPEN = 0x023a02,
    SCSI_WRITE_ERROR = 0x030c00,
    SCSI_READ_ERROR = 0x031100,
    SCSI_BAD_LIST_LENGTH = 0x051a00,
    SCSI_BAD_OPCODE = 0x052000,
    SCSI_BAD_BLOCK = 0x052100,
    SCSI_BAD_FIELD = 0x052400,
    SCSI_NO_UNIT = 0x052500,
    SCSI_BAD_PARAMETER = 0x052600,
    SCSI_BAD_SAVE = 0x053900,
    SCSI_LOCKED = 0x055302,
    SCSI_MEDIUM_MAY_DIFFER = 0x062800,
    SCSI_POWER_ON = 0x062900,
    SCSI_WAS_RESET = 0x062903,
    SCSI_PROTECTED = 0x072700,
} ScsiSense;

typedef struct ScsiState {
    uint8_t sense[3];
    uint16_t attention; /* code and qualifier of what the initiator is to be told next; 0: nothing */
    uint8_t no_cache;   /* each write reaches the medium */
    uint8_t tray_open, locked, event;
} ScsiState;

#define SCSI_ROWS(S, m)                                                                                      \
    DEV_ARRAY(S, m.sense), DEV_FIELD(S, m.attention), DEV_FIELD(S, m.no_cache), DEV_FIELD(S, m.tray_open),   \
        DEV_FIELD(S, m.locked), DEV_FIELD(S, m.event)

typedef struct ScsiUnit {
    BlockPort *drive; /* NULL, or without bytes: a CD-ROM without a medium */
    bool is_cd, removable;
    bool atapi;                     /* says that it is no full SCSI */
    bool queues;                    /* takes more than one command at a time */
    bool unmaps;                    /* blocks can be given back */
    uint32_t block, physical_block; /* bytes */
    const char *vendor, *product, *revision;
    const char *serial, *name;        /* that others find it by; NULL or empty: none */
    uint64_t wwn;                     /* 0: none */
    uint16_t rotation_rate;           /* turns a minute; 1: nothing turns; 0: is not told */
    void (*tray_moved)(void *opaque); /* by the initiator; may be NULL */
    unsigned (*luns)(void *opaque, uint16_t luns[SCSI_LUNS]); /* of its target; NULL: 0 alone */
    void *opaque;
} ScsiUnit;

typedef enum ScsiKind {
    SCSI_DONE,
    SCSI_REPLY,
    SCSI_READ,
    SCSI_WRITE,
    SCSI_WORK,
    SCSI_TAKE,
    SCSI_KINDS
} ScsiKind;
/* Of WORK and TAKE. */
typedef enum ScsiWork {
    SCSI_FLUSH,
    SCSI_VERIFY, /* the range is read, and nobody gets it */
    SCSI_SAME,   /* the range becomes what the block in the parameters is, or zeros without one */
    SCSI_UNMAP,  /* ranges are in the parameters */
    SCSI_SELECT, /* modes */
    SCSI_WORKS
} ScsiWork;

typedef struct ScsiTask {
    uint8_t kind, work;
    uint8_t opcode;
    uint8_t through; /* what is written is to reach the medium */
    uint8_t unmap;   /* SAME: zeros need not take room */
    uint64_t at;     /* on the medium, bytes */
    uint64_t bytes;  /* that are moved */
    uint64_t span;   /* of the medium, where none are moved to or from it */
} ScsiTask;

#define SCSI_TASK_ROWS(S, m)                                                                                 \
    DEV_FIELD(S, m.kind), DEV_FIELD(S, m.work), DEV_FIELD(S, m.opcode), DEV_FIELD(S, m.through),             \
        DEV_FIELD(S, m.unmap), DEV_FIELD(S, m.at), DEV_FIELD(S, m.bytes), DEV_FIELD(S, m.span)

typedef struct ScsiCommand {
    const ScsiUnit *u;
    ScsiState *s;
    uint8_t *reply; /* SCSI_REPLY_BYTES */
    ScsiTask *t;
} ScsiCommand;

/* NULL: it can be; else what is wrong with it. */
const char *scsi_check_unit(const ScsiUnit *u);
void scsi_reset(ScsiState *s); /* power-on; a tray stays as it is */
void scsi_begin(const ScsiCommand *c, const uint8_t block[SCSI_COMMAND_BYTES]);
/* n bytes from `pos` of the transfer on. False: the medium could not. */
bool scsi_move(const ScsiUnit *u, const ScsiTask *t, uint64_t pos, uint8_t *buf, size_t n);
/* parameters: t->bytes of them. */
ScsiSense scsi_work(const ScsiUnit *u, const ScsiTask *t, const uint8_t *parameters);
/* How it went, and for SELECT what was in the parameters. */
void scsi_end(const ScsiCommand *c, ScsiSense how, const uint8_t *parameters);
/* What scsi_move() has failed with. */
ScsiSense scsi_move_error(const ScsiTask *t);

bool scsi_failed(const ScsiState *s);
void scsi_fail(const ScsiCommand *c, ScsiSense why);
/* Hands the sense data out; they are gone then. */
void scsi_take_sense(ScsiState *s, uint8_t to[SCSI_SENSE_BYTES]);
/* A command to a unit of the target that there is none of: *t as of scsi_begin(). */
void scsi_begin_absent(const ScsiCommand *c, const uint8_t block[SCSI_COMMAND_BYTES]);
/* Could scsi_begin() have made what was loaded? */
bool scsi_task_check(const ScsiUnit *u, const ScsiTask *t);
void scsi_state_check(ScsiState *s); /* cut to what is possible */

/* A CD-ROM's tray and medium, for its owner: trays.h. */
typedef enum CdAsk { CD_OPEN, CD_CLOSE, CD_LEFT, CD_CAME, CD_WISH } CdAsk;
/* OPEN and CLOSE move the tray; LEFT and CAME: the medium; WISH: the button is pressed. */
void scsi_cd_tell(ScsiState *s, CdAsk what);

#endif
