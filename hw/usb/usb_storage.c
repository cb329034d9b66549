/*
 * Bulk-Only Transport 1.0 and what disks need of SCSI (SPC, SBC). A command block comes, then data one way or
 * the other by way of a buffer, then a status goes back. The disk is read and written by a job, which does
 * without the lock while the disk works; endpoints answer "not yet" meanwhile.
 */
#include "hw/usb/usb_storage.h"
#include "hw/core/ports.h"

enum { CHUNK = 16384, ROOM = 2 * CHUNK, BLOCK = 512, IN_ENDPOINT = 1, OUT_ENDPOINT = 2 };
enum { CBW_BYTES = 31, CSW_BYTES = 13, GET_MAX_LUN = 0xfe, BULK_RESET = 0xff };
#define CBW_SIGNATURE 0x43425355u
#define CSW_SIGNATURE 0x53425355u

typedef enum Phase { PHASE_COMMAND, PHASE_IN, PHASE_OUT, PHASE_STATUS, PHASE_BROKEN, PHASES } Phase;
typedef enum Io { IO_NONE, IO_READ, IO_WRITE, IO_FLUSH, IOS } Io;
enum { OK = 0, FAILED = 1 };
enum { NO_SENSE = 0, MEDIUM_ERROR = 3, ILLEGAL = 5, PROTECTED = 7 };

typedef struct Storage {
    UsbDevice u;
    BlockPort *drive;
    char serial[32];
    Job job;
    uint64_t epoch; /* of resets */
    uint8_t bounce[CHUNK];
    DEV_STATE_BEGIN
    UsbState s;
    uint8_t phase, status, sense, code; /* code: additional sense */
    uint8_t io;                         /* what the disk does */
    uint8_t disk;                       /* data are the disk's */
    uint32_t tag, left;                 /* bytes that the host still wants to move */
    uint32_t io_n, n, at;               /* bytes: of what the disk does; in the buffer, of which are gone */
    uint64_t block, blocks;             /* the next one, how many */
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

static bool perform(Storage *d, Io io, uint64_t block, uint8_t *data, uint32_t n)
{
    const BlockPort *p = d->drive;
    return io == IO_READ    ? p->read(p->backend, block * BLOCK, data, n)
           : io == IO_WRITE ? p->write(p->backend, block * BLOCK, data, n)
                            : p->flush(p->backend);
}

static void fail(Storage *d, unsigned sense, unsigned code)
{
    d->status = FAILED;
    d->sense = (uint8_t)sense;
    d->code = (uint8_t)code;
    d->disk = 0;
    d->blocks = 0;
    d->n = d->at = 0;
}

static void write_on(Storage *d);

/* The disk has done it, from or to bounce. */
static void finish(Storage *d, bool ok)
{
    const Io io = (Io)d->io;
    d->io = IO_NONE;
    if (!ok) {
        fail(d, MEDIUM_ERROR, io == IO_READ ? 0x11 : 0x0c);
        d->phase = d->phase == PHASE_OUT && !d->left ? PHASE_STATUS : d->phase;
        return;
    }
    if (io == IO_FLUSH)
        return;
    d->block += d->io_n / BLOCK;
    d->blocks -= d->io_n / BLOCK;
    if (io == IO_READ) {
        memcpy(d->buf + d->n, d->bounce, d->io_n);
        d->n += d->io_n;
        return;
    }
    memmove(d->buf, d->buf + d->io_n, d->n - d->io_n);
    d->n -= d->io_n;
    write_on(d);
}

static void run_job(void *opaque)
{
    Storage *d = opaque;
    Lock *lock = usb_lock(&d->u);
    lock_take(lock);
    const Io io = (Io)d->io;
    const uint64_t block = d->block, epoch = d->epoch;
    const uint32_t n = d->io_n;
    if (io == IO_WRITE) /* here: a job that a reset has left behind may have had the bounce until now */
        memcpy(d->bounce, d->buf, n);
    lock_release(lock);
    if (io == IO_NONE)
        return;
    const bool ok = perform(d, io, block, d->bounce, n);
    lock_take(lock);
    if (epoch == d->epoch && d->io == io) {
        finish(d, ok);
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
    if (io == IO_WRITE)
        memcpy(d->bounce, d->buf, n);
    finish(d, perform(d, io, d->block, d->bounce, n));
}

/* More of what is read, behind what is still there. */
static void read_on(Storage *d)
{
    memmove(d->buf, d->buf + d->at, d->n - d->at);
    d->n -= d->at;
    d->at = 0;
    start(d, IO_READ, (uint32_t)MIN(d->blocks * BLOCK, (uint64_t)CHUNK));
}

/* What has come, once it is enough, or all. What the host sends behind the last block is lost. */
static void write_on(Storage *d)
{
    if (d->io)
        return;
    if (!d->blocks)
        d->n = 0;
    const uint32_t whole = MIN(d->n / BLOCK * BLOCK, (uint32_t)CHUNK);
    if (whole && (d->n >= CHUNK || !d->left))
        start(d, IO_WRITE, (uint32_t)MIN(whole, d->blocks * BLOCK));
    else if (!d->left)
        d->phase = PHASE_STATUS;
}

/* ---- commands ---- */

static uint64_t be(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    while (bytes--)
        v = v << 8 | *p++;
    return v;
}
static void put_be(uint8_t *p, unsigned bytes, uint64_t v)
{
    for (; bytes--; v >>= 8)
        p[bytes] = (uint8_t)v;
}

static void reply(Storage *d, const void *from, unsigned n, uint64_t allowed)
{
    d->n = (uint32_t)MIN(allowed, (uint64_t)n);
    memcpy(d->buf, from, d->n);
}

static void inquiry(Storage *d, const uint8_t *c)
{
    static const char names[] = "Tinamou USB Disk        1.0 ";
    uint8_t r[36] = {0, 0x80, 5, 2, 31};
    memcpy(r + 8, names, 28);
    if (c[1] & 1) { /* pages of details: there are two */
        const uint8_t pages[] = {0, 0, 0, 2, 0, 0x80};
        const unsigned n = (unsigned)strlen(d->serial);
        uint8_t number[36] = {0, 0x80, 0, (uint8_t)n};
        memcpy(number + 4, d->serial, n);
        if (c[2] == 0)
            reply(d, pages, sizeof(pages), be(c + 3, 2));
        else if (c[2] == 0x80)
            reply(d, number, 4 + n, be(c + 3, 2));
        else
            fail(d, ILLEGAL, 0x24);
        return;
    }
    reply(d, r, sizeof(r), be(c + 3, 2));
}

static void capacity(Storage *d, bool wide, uint64_t allowed)
{
    const uint64_t last = d->drive->bytes / BLOCK - 1;
    uint8_t r[32] = {0};
    put_be(r, wide ? 8 : 4, wide || last <= UINT32_MAX ? last : UINT32_MAX);
    put_be(r + (wide ? 8 : 4), 4, BLOCK);
    reply(d, r, wide ? 32 : 8, allowed);
}

static void mode_sense(Storage *d, bool ten, uint64_t allowed)
{
    const uint8_t protect = d->drive->read_only ? 0x80 : 0;
    const uint8_t six[] = {3, 0, protect, 0}, more[] = {0, 6, 0, protect, 0, 0, 0, 0};
    reply(d, ten ? more : six, ten ? sizeof(more) : sizeof(six), allowed);
}

static void sense(Storage *d, uint64_t allowed)
{
    const uint8_t r[18] = {0x70, 0, d->sense, 0, 0, 0, 0, 10, 0, 0, 0, 0, d->code};
    reply(d, r, sizeof(r), allowed);
    d->sense = d->code = 0;
}

static void transfer(Storage *d, bool write, uint64_t block, uint64_t blocks)
{
    const uint64_t all = d->drive->bytes / BLOCK;
    if (block > all || blocks > all - block)
        fail(d, ILLEGAL, 0x21);
    else if (write && d->drive->read_only)
        fail(d, PROTECTED, 0x27);
    else {
        d->block = block;
        d->blocks = blocks;
        d->disk = 1;
    }
}

static void run_command(Storage *d, const uint8_t *c)
{
    static const uint8_t luns[16] = {0, 0, 0, 8}, formats[4] = {0, 0, 0, 8};
    switch (c[0]) {
    case 0x00: /* ready? */
    case 0x1b: /* start, stop */
    case 0x1e: /* keep the medium */
    case 0x2f: /* verify */ break;
    case 0x35:
    case 0x91: start(d, IO_FLUSH, 0); break;
    case 0x03: sense(d, c[4]); break;
    case 0x12: inquiry(d, c); break;
    case 0x1a: mode_sense(d, false, c[4]); break;
    case 0x5a: mode_sense(d, true, be(c + 7, 2)); break;
    case 0x23: {
        uint8_t r[12];
        memcpy(r, formats, 4);
        put_be(r + 4, 4, MIN(d->drive->bytes / BLOCK, (uint64_t)UINT32_MAX));
        put_be(r + 8, 4, 0x02000000 | BLOCK);
        reply(d, r, sizeof(r), be(c + 7, 2));
        break;
    }
    case 0x25: capacity(d, false, 8); break;
    case 0x9e: (c[1] & 31) == 0x10 ? capacity(d, true, be(c + 10, 4)) : fail(d, ILLEGAL, 0x24); break;
    case 0xa0: reply(d, luns, sizeof(luns), be(c + 6, 4)); break;
    case 0x08:
    case 0x0a: transfer(d, c[0] == 0x0a, be(c + 1, 3) & 0x1fffff, c[4] ? c[4] : 256); break;
    case 0x28:
    case 0x2a: transfer(d, c[0] == 0x2a, be(c + 2, 4), be(c + 7, 2)); break;
    case 0xa8:
    case 0xaa: transfer(d, c[0] == 0xaa, be(c + 2, 4), be(c + 6, 4)); break;
    case 0x88:
    case 0x8a: transfer(d, c[0] == 0x8a, be(c + 2, 8), be(c + 10, 4)); break;
    default: fail(d, ILLEGAL, 0x20);
    }
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
    const uint8_t had_sense = d->sense, had_code = d->code;
    d->status = OK;
    d->sense = d->code = d->disk = 0;
    d->n = d->at = 0;
    d->blocks = 0;
    if (p[15] == 0x03) {
        d->sense = had_sense;
        d->code = had_code;
    }
    if (p[13] & 15)
        fail(d, ILLEGAL, 0x25);
    else
        run_command(d, p + 15);
    d->phase = !d->left ? PHASE_STATUS : in ? PHASE_IN : PHASE_OUT;
    dev_trace(&d->u.dev, USB_COMMAND, "0x%x of %u bytes", p[15], d->left);
    return CBW_BYTES;
}

static int give_data(Storage *d, uint8_t *to, unsigned n)
{
    n = MIN(n, d->left);
    if (d->io)
        return USB_NAK;
    if (d->disk && d->n - d->at < n && d->blocks) {
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
    if (!d->disk) {
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
    const uint64_t all = d->drive->bytes / BLOCK;
    if (d->phase >= PHASES || d->io >= IOS || d->n > ROOM || d->at > d->n || !usb_check(&d->u) ||
        d->block > all || d->blocks > all - d->block || d->io_n > CHUNK || d->io_n % BLOCK ||
        d->io_n / BLOCK > d->blocks || (d->io == IO_READ && (d->n > CHUNK || !d->disk)) ||
        (d->io == IO_WRITE && d->io_n > d->n) || (d->phase == PHASE_OUT && !d->io && d->n >= CHUNK))
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
    USB_ROWS(Storage),         DEV_FIELD(Storage, phase),  DEV_FIELD(Storage, status),
    DEV_FIELD(Storage, sense), DEV_FIELD(Storage, code),   DEV_FIELD(Storage, io),
    DEV_FIELD(Storage, disk),  DEV_FIELD(Storage, tag),    DEV_FIELD(Storage, left),
    DEV_FIELD(Storage, io_n),  DEV_FIELD(Storage, n),      DEV_FIELD(Storage, at),
    DEV_FIELD(Storage, block), DEV_FIELD(Storage, blocks), DEV_ARRAY(Storage, buf),
};

const DevClass usb_storage_class = {
    .name = "usb-storage",
    .help = "disk on USB",
    .bus = "usb-bus",
    .version = 1,
    DEV_TABLES(Storage, props, state),
    .realize = storage_realize,
    .reset = storage_reset,
    .loaded = storage_loaded,
    .clear = storage_clear,
};
