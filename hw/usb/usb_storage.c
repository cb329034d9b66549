/*
 * Bulk-Only Transport 1.0, which carries commands of SCSI (hw/scsi). A command block comes, then data one way
 * or the other by way of a buffer, then a status goes back. The disk is read and written by a job, which does
 * without the lock while the disk works; endpoints answer "not yet" meanwhile.
 */
#include "hw/usb/usb_storage.h"
#include "hw/core/ports.h"
#include "hw/scsi/scsi.h"

enum { CHUNK = 16384, ROOM = 2 * CHUNK, BLOCK = 512, IN_ENDPOINT = 1, OUT_ENDPOINT = 2 };
enum { CBW_BYTES = 31, CSW_BYTES = 13, GET_MAX_LUN = 0xfe, BULK_RESET = 0xff };
#define CBW_SIGNATURE 0x43425355u
#define CSW_SIGNATURE 0x53425355u

typedef enum Phase { PHASE_COMMAND, PHASE_IN, PHASE_OUT, PHASE_STATUS, PHASE_BROKEN, PHASES } Phase;
/* MOVE: bytes between the disk and the buffer; WORK: the rest of what the command wants of it. */
typedef enum Io { IO_NONE, IO_MOVE, IO_WORK, IOS } Io;
enum { OK = 0, FAILED = 1 };

typedef struct Storage {
    UsbDevice u;
    BlockPort *drive;
    char serial[32];
    ScsiUnit scsi;
    Job job;
    uint64_t epoch; /* of resets */
    uint8_t bounce[CHUNK];
    DEV_STATE_BEGIN
    UsbState s;
    uint8_t phase, status;
    uint8_t io;           /* what the disk does */
    uint32_t tag, left;   /* bytes that the host still wants to move */
    uint32_t io_n, n, at; /* bytes: of what the disk does; in the buffer, of which are gone */
    ScsiState sense;
    ScsiTask task;
    uint64_t pos; /* bytes of it that the disk has done */
    uint8_t buf[ROOM];
    DEV_STATE_END
} Storage;

/* ---- descriptors: high speed, one interface with two bulk endpoints ---- */

static const uint8_t device_bytes[] = {18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x27, 0x06, 0x10, 0, 0, 1, 1, 2, 3, 1};
static const uint8_t qualifier_bytes[] = {10, 6, 0x00, 0x02, 0, 0, 0, 64, 1, 0};
static const uint8_t config_bytes[] = {9,    2,    32,   0, 1, 1, 0,
                                       0xc0, 0,    9,    4, 0, 0, 2,
                                       8,    6,    0x50, 0, 7, 5, 0x80 | IN_ENDPOINT,
                                       2,    0x00, 0x02, 0, 7, 5, OUT_ENDPOINT,
                                       2,    0x00, 0x02, 0};
static const UsbShape shape = {
    USB_HIGH, device_bytes, config_bytes, qualifier_bytes, {"Tinamou", "USB Disk", "000000000001"}};

/* ---- the disk ---- */

static ScsiCommand command_of(Storage *d)
{
    return (ScsiCommand){&d->scsi, &d->sense, d->buf, &d->task};
}

static bool moves(const Storage *d)
{
    return d->task.kind == SCSI_READ || d->task.kind == SCSI_WRITE;
}
static uint64_t to_move(const Storage *d)
{
    return moves(d) ? d->task.bytes - d->pos : 0;
}

static void write_on(Storage *d);

/* The disk has done it, from or to bounce. */
static void finish(Storage *d, ScsiSense how)
{
    const ScsiCommand c = command_of(d);
    const Io io = (Io)d->io;
    d->io = IO_NONE;
    if (how != SCSI_OK || io == IO_WORK) {
        scsi_end(&c, how, d->buf);
        d->status = scsi_failed(&d->sense) ? FAILED : OK;
        d->pos = d->n = d->at = 0;
        d->phase = d->phase == PHASE_OUT && !d->left ? PHASE_STATUS : d->phase;
        return;
    }
    d->pos += d->io_n;
    if (d->task.kind == SCSI_READ) {
        memcpy(d->buf + d->n, d->bounce, d->io_n);
        d->n += d->io_n;
        return;
    }
    memmove(d->buf, d->buf + d->io_n, d->n - d->io_n);
    d->n -= d->io_n;
    write_on(d);
}

/* Without the lock, but for a disk that has no thread. */
static ScsiSense perform(Storage *d, Io io, const ScsiTask *t, uint64_t pos, uint32_t n)
{
    if (io == IO_WORK)
        return scsi_work(&d->scsi, t, d->bounce);
    return scsi_move(&d->scsi, t, pos, d->bounce, n) ? SCSI_OK : scsi_move_error(t);
}

/* What the disk gets. */
static void fill_bounce(Storage *d)
{
    if (d->task.kind == SCSI_WRITE)
        memcpy(d->bounce, d->buf, d->io_n);
    else if (d->task.kind == SCSI_TAKE)
        memcpy(d->bounce, d->buf, d->task.bytes);
}

static void run_job(void *opaque)
{
    Storage *d = opaque;
    Lock *lock = usb_lock(&d->u);
    lock_take(lock);
    const Io io = (Io)d->io;
    const ScsiTask t = d->task;
    const uint64_t pos = d->pos, epoch = d->epoch;
    const uint32_t n = d->io_n;
    fill_bounce(d); /* here: a job that a reset has left behind may have had the bounce until now */
    lock_release(lock);
    if (io == IO_NONE)
        return;
    const ScsiSense how = perform(d, io, &t, pos, n);
    lock_take(lock);
    if (epoch == d->epoch && d->io == io) {
        finish(d, how);
        usb_wake(&d->u, OUT_ENDPOINT, false);
        usb_wake(&d->u, IN_ENDPOINT, true);
    }
    lock_release(lock);
}

static void start(Storage *d, Io io, uint32_t n)
{
    d->io = (uint8_t)io;
    d->io_n = n;
    if (d->drive->jobs) {
        d->drive->jobs->post(d->drive->jobs->backend, &d->job);
        return;
    }
    fill_bounce(d);
    finish(d, perform(d, io, &d->task, d->pos, n));
}

/* More of what is read, behind what is still there. */
static void read_on(Storage *d)
{
    memmove(d->buf, d->buf + d->at, d->n - d->at);
    d->n -= d->at;
    d->at = 0;
    start(d, IO_MOVE, (uint32_t)MIN(to_move(d), (uint64_t)CHUNK));
}

/* Parameters, once all have come. */
static void take_on(Storage *d)
{
    if (d->n >= d->task.bytes) {
        d->n = (uint32_t)d->task.bytes;
        start(d, IO_WORK, 0);
    } else if (!d->left) {
        finish(d, SCSI_BAD_LIST_LENGTH);
    }
}

/* What has come, once it is enough, or all. What the host sends behind the last block is lost. */
static void write_on(Storage *d)
{
    if (d->io)
        return;
    if (d->task.kind == SCSI_TAKE) {
        take_on(d);
        return;
    }
    if (!to_move(d))
        d->n = 0;
    const uint32_t whole = MIN(d->n / BLOCK * BLOCK, (uint32_t)CHUNK);
    if (whole && (d->n >= CHUNK || !d->left))
        start(d, IO_MOVE, (uint32_t)MIN(whole, to_move(d)));
    else if (!d->left)
        d->phase = PHASE_STATUS;
}

/* ---- transport ---- */

static int take_command(Storage *d, const uint8_t *p, unsigned n)
{
    uint32_t signature;
    memcpy(&signature, p, MIN(n, 4u));
    if (n != CBW_BYTES || signature != CBW_SIGNATURE) {
        d->phase = PHASE_BROKEN;
        return USB_STALL;
    }
    memcpy(&d->tag, p + 4, 4);
    memcpy(&d->left, p + 8, 4);
    const bool in = p[12] & USB_IN;
    const ScsiCommand c = command_of(d);
    d->n = d->at = 0;
    d->pos = 0;
    if (p[13] & 15)
        scsi_begin_absent(&c, p + 15);
    else
        scsi_begin(&c, p + 15);
    d->status = d->task.kind == SCSI_DONE && scsi_failed(&d->sense) ? FAILED : OK;
    if (d->task.kind == SCSI_REPLY) { /* it is in the buffer */
        d->n = (uint32_t)d->task.bytes;
        scsi_end(&c, SCSI_OK, NULL);
    }
    if (d->task.kind == SCSI_WORK)
        start(d, IO_WORK, 0);
    else if (d->task.kind == SCSI_TAKE && (in || !d->left))
        finish(d, SCSI_BAD_LIST_LENGTH);
    d->phase = !d->left ? PHASE_STATUS : in ? PHASE_IN : PHASE_OUT;
    dev_trace(&d->u.dev, USB_COMMAND, "0x%x of %u bytes", p[15], d->left);
    return CBW_BYTES;
}

static int give_data(Storage *d, uint8_t *to, unsigned n)
{
    n = MIN(n, d->left);
    if (d->io)
        return USB_NAK;
    if (d->task.kind == SCSI_READ && d->n - d->at < n && to_move(d)) {
        read_on(d);
        if (d->io)
            return USB_NAK;
    }
    const unsigned some = MIN(n, d->n - d->at);
    memcpy(to, d->buf + d->at, some);
    d->at += some;
    d->left -= some;
    if (!d->left || some < n || !n)
        d->phase = PHASE_STATUS;
    return (int)some;
}

static int give_status(Storage *d, uint8_t *to, unsigned n)
{
    uint8_t csw[CSW_BYTES] = {0};
    const uint32_t signature = CSW_SIGNATURE;
    if (d->io)
        return USB_NAK;
    if (n < CSW_BYTES)
        return USB_STALL;
    memcpy(csw, &signature, 4);
    memcpy(csw + 4, &d->tag, 4);
    memcpy(csw + 8, &d->left, 4);
    csw[12] = d->status;
    memcpy(to, csw, CSW_BYTES);
    d->phase = PHASE_COMMAND;
    return CSW_BYTES;
}

static int take_data(Storage *d, const uint8_t *from, unsigned n)
{
    if (d->io || n > d->left || n > ROOM - d->n)
        return d->io ? USB_NAK : USB_STALL;
    d->left -= n;
    if (d->task.kind != SCSI_WRITE && d->task.kind != SCSI_TAKE) {
        d->phase = d->left ? PHASE_OUT : PHASE_STATUS;
        return (int)n;
    }
    memcpy(d->buf + d->n, from, n); /* less than a chunk is there, and no more than one comes */
    d->n += n;
    write_on(d);
    return (int)n;
}

static int storage_in(UsbDevice *u, unsigned endpoint, uint8_t *data, unsigned n)
{
    Storage *d = (Storage *)u;
    if (endpoint != IN_ENDPOINT || d->phase == PHASE_BROKEN)
        return USB_STALL;
    return d->phase == PHASE_IN       ? give_data(d, data, n)
           : d->phase == PHASE_STATUS ? give_status(d, data, n)
                                      : USB_NAK;
}

static int storage_out(UsbDevice *u, unsigned endpoint, const uint8_t *data, unsigned n)
{
    Storage *d = (Storage *)u;
    if (endpoint != OUT_ENDPOINT || d->phase == PHASE_BROKEN || n > CHUNK)
        return USB_STALL;
    if (d->io)
        return USB_NAK;
    return d->phase == PHASE_COMMAND ? take_command(d, data, n)
           : d->phase == PHASE_OUT   ? take_data(d, data, n)
                                     : USB_NAK;
}

static void storage_bus_reset(UsbDevice *u)
{
    Storage *d = (Storage *)u;
    d->epoch++;
    memset((char *)d + offsetof(Storage, phase), 0, offsetof(Storage, state_end) - offsetof(Storage, phase));
}

static bool storage_control(UsbDevice *u, const UsbSetup *s, uint8_t *data, unsigned *n)
{
    if (s->request == BULK_RESET) {
        storage_bus_reset(u);
        return true;
    }
    if (s->request != GET_MAX_LUN || !*n)
        return false;
    data[0] = 0;
    *n = 1;
    return true;
}

static const UsbOps ops = {
    .control = storage_control, .in = storage_in, .out = storage_out, .reset = storage_bus_reset};

/* ---- life ---- */

static bool storage_realize(Device *dev, DevError *err)
{
    Storage *d = (Storage *)dev;
    if (!d->drive)
        return dev_fail(err, "%s: no drive", dev->id);
    d->job = (Job){.run = run_job, .opaque = d};
    if (!d->serial[0])
        memcpy(d->serial, d->drive->serial[0] ? d->drive->serial : "1", strlen(d->drive->serial) + 1);
    d->scsi = (ScsiUnit){.drive = d->drive,
                         .removable = true,
                         .block = BLOCK,
                         .physical_block = BLOCK,
                         .vendor = "Tinamou",
                         .product = "USB Disk",
                         .revision = "1.0",
                         .serial = d->serial,
                         .name = d->serial};
    const char *why = scsi_check_unit(&d->scsi);
    if (why)
        return dev_fail(err, "%s: %s", dev->id, why);
    return usb_plug(&d->u, &d->s, &shape, &ops, err);
}

static void storage_reset(Device *dev)
{
    Lock *lock = usb_lock((UsbDevice *)dev); /* the job's, too */
    lock_take(lock);
    usb_bus_reset((UsbDevice *)dev);
    lock_release(lock);
}

static bool storage_loaded(Device *dev, DevError *err)
{
    Storage *d = (Storage *)dev;
    const ScsiTask *t = &d->task;
    const bool reads = t->kind == SCSI_READ, takes = t->kind == SCSI_TAKE;
    const bool fits = d->io == IO_MOVE   ? moves(d) && d->io_n <= CHUNK && d->io_n <= to_move(d) &&
                                             d->io_n % BLOCK == 0 && d->n <= (reads ? CHUNK : ROOM) &&
                                             (reads || d->io_n <= d->n)
                      : d->io == IO_WORK ? t->kind == SCSI_WORK || (takes && d->n >= t->bytes)
                                         : d->phase != PHASE_OUT || d->n < CHUNK;
    scsi_state_check(&d->sense);
    if (d->phase >= PHASES || d->io >= IOS || d->n > ROOM || d->at > d->n || !usb_check(&d->u) ||
        !scsi_task_check(&d->scsi, t) || t->kind == SCSI_REPLY || (moves(d) && d->pos > t->bytes) ||
        d->pos % BLOCK || !fits)
        return dev_fail(err, "%s: %u bytes in its buffer, phase %u", dev->id, d->n, d->phase);
    d->epoch++;
    if (d->io)
        start(d, (Io)d->io, d->io_n);
    return true;
}

static void storage_clear(Device *dev)
{
    Storage *d = (Storage *)dev;
    usb_unplug(&d->u);
    if (d->drive && d->drive->jobs && d->job.run)
        d->drive->jobs->drain(d->drive->jobs->backend, &d->job);
}

static const DevProp props[] = {
    USB_PROPS(Storage),
    DEV_TEXT(Storage, serial, "serial number"),
    DEV_PTR(Storage, drive, "what it reads and writes"),
};
static const DevField state[] = {
    USB_ROWS(Storage),
    DEV_FIELD(Storage, phase),
    DEV_FIELD(Storage, status),
    DEV_FIELD(Storage, io),
    DEV_FIELD(Storage, tag),
    DEV_FIELD(Storage, left),
    DEV_FIELD(Storage, io_n),
    DEV_FIELD(Storage, n),
    DEV_FIELD(Storage, at),
    SCSI_ROWS(Storage, sense),
    SCSI_TASK_ROWS(Storage, task),
    DEV_FIELD(Storage, pos),
    DEV_ARRAY(Storage, buf),
};

const DevClass usb_storage_class = {
    .name = "usb-storage",
    .help = "disk on USB",
    .bus = "usb-bus",
    .version = 2,
    DEV_TABLES(Storage, props, state),
    .realize = storage_realize,
    .reset = storage_reset,
    .loaded = storage_loaded,
    .clear = storage_clear,
};
