/*
 * Two channels. The registers of a channel lead to both of its drives, and the one that is selected answers;
 * one command at a time is under way. What waits for the medium is done by a job of the drive, without the
 * lock; reset gives it up: the epoch of the channel has gone by when it comes back. A saved state has such a
 * step as not begun.
 */
#include "hw/block/ide.h"

#include "hw/core/irq.h"

enum { BUFFER = ATA_MULTIPLE * ATA_SECTOR, DRIVES = 2, BAR_MASTER = 4, MASTER_PORTS = 8 };
enum { DATA, ERROR, FEATURE = ERROR, COUNT, LOW, MID, HIGH, DEVICE, STATUS, COMMAND = STATUS };
enum { NO_INTERRUPT = 2, SOFT_RESET = 4, HIGH_ORDER = 0x80 }; /* control */
enum { MASTER_START = 1, MASTER_TO_MEMORY = 8 };              /* command of the bus master */
enum { MASTER_ACTIVE = 1, MASTER_ERROR = 2, MASTER_INTERRUPT = 4, MASTER_KEEPS = 0x60 }; /* its status */

typedef enum Phase {
    PHASE_IDLE,
    PHASE_PACKET, /* the guest writes the packet */
    PHASE_IN,     /* it reads the buffer */
    PHASE_OUT,    /* it fills it */
    PHASE_LOAD,   /* these are the job's: the buffer is filled */
    PHASE_STORE,  /* it is written */
    PHASE_WORK,   /* no bytes move */
    PHASE_DMA,    /* the bus master moves them, once it is started */
    PHASES
} Phase;

typedef struct IdeChannel {
    AtaState drive[DRIVES];
    AtaXfer x;
    uint8_t phase, owner, selected, control, interrupt;
    uint8_t master_command, master_status;
    uint32_t master_table;
    uint64_t pos;                   /* of the buffer in the transfer */
    uint32_t at, block_end, filled; /* in the buffer: the guest's next byte; its block's end; what is there */
    uint8_t buffer[BUFFER];
} IdeChannel;

typedef struct Ide Ide;
typedef struct IdePort {
    Ide *ide;
    unsigned channel;
} IdePort;

struct Ide {
    PciFunction f;
    AtaBus bus;
    const IrqLine *irq;
    IdePort port[IDE_CHANNELS];
    uint64_t epoch[IDE_CHANNELS];
    DEV_STATE_BEGIN
    PciState p;
    IdeChannel channel[IDE_CHANNELS];
    DEV_STATE_END
};

AtaBus *ide_bus(Device *d)
{
    return &((Ide *)d)->bus;
}

static AtaDrive *drive_at(const Ide *i, unsigned n, unsigned drive)
{
    return i->bus.at[n * DRIVES + drive];
}
static AtaDrive *owner_of(const Ide *i, unsigned n)
{
    return drive_at(i, n, i->channel[n].owner);
}
static AtaCommand command_of(Ide *i, unsigned n)
{
    IdeChannel *c = &i->channel[n];
    return (AtaCommand){owner_of(i, n), &c->drive[c->owner], c->buffer, &c->x};
}
static bool is_job(const IdeChannel *c)
{
    return c->phase == PHASE_LOAD || c->phase == PHASE_STORE || c->phase == PHASE_WORK ||
           (c->phase == PHASE_DMA && (c->master_status & MASTER_ACTIVE));
}

/* ---- interrupts ---- */

static void show_interrupt(const Ide *i, unsigned n)
{
    const IdeChannel *c = &i->channel[n];
    irq_set(i->irq ? &i->irq[n] : NULL, c->interrupt && !(c->control & NO_INTERRUPT));
}

static void interrupt(Ide *i, unsigned n)
{
    IdeChannel *c = &i->channel[n];
    c->interrupt = 1;
    if (!(c->control & NO_INTERRUPT))
        c->master_status |= MASTER_INTERRUPT;
    show_interrupt(i, n);
}

/* ---- the course of a command ---- */

static void post(Ide *i, unsigned n)
{
    ata_bus_post(owner_of(i, n));
}

static void busy(Ide *i, unsigned n, Phase phase)
{
    IdeChannel *c = &i->channel[n];
    c->phase = (uint8_t)phase;
    c->drive[c->owner].status = ATA_BSY;
}

/* The next block of the buffer is the guest's to read or to fill. */
static void show_block(Ide *i, unsigned n, bool tell)
{
    IdeChannel *c = &i->channel[n];
    AtaState *s = &c->drive[c->owner];
    const bool in = c->x.kind == ATA_IN, cd = owner_of(i, n)->is_cd && s->command == 0xa0;
    c->phase = in ? PHASE_IN : PHASE_OUT;
    c->block_end = MIN(c->at + MAX(c->x.block, 2u), c->filled);
    s->status = ATA_DRDY | ATA_DRQ | (cd ? 0 : ATA_DSC);
    if (cd) {
        const uint32_t bytes = c->block_end - c->at;
        s->count[0] = in ? ATA_REASON_IN : 0;
        s->mid[0] = (uint8_t)bytes;
        s->high[0] = (uint8_t)(bytes >> 8);
    }
    if (tell)
        interrupt(i, n);
}

static void finish(Ide *i, unsigned n, bool ok, bool tell)
{
    const AtaCommand a = command_of(i, n);
    ata_end(&a, ok);
    i->channel[n].phase = PHASE_IDLE;
    if (tell)
        interrupt(i, n);
}

static void begin_out(Ide *i, unsigned n)
{
    IdeChannel *c = &i->channel[n];
    c->at = 0;
    c->filled = (uint32_t)MIN(c->x.bytes - c->pos, (uint64_t)MIN(c->x.block, (uint32_t)BUFFER));
    memset(c->buffer, 0, sizeof(c->buffer));
    show_block(i, n, c->pos != 0 || owner_of(i, n)->is_cd);
}

/* What the command needs, the drive has said. */
static void follow(Ide *i, unsigned n)
{
    IdeChannel *c = &i->channel[n];
    AtaState *s = &c->drive[c->owner];
    c->pos = c->at = c->filled = c->block_end = 0;
    switch ((AtaKind)c->x.kind) {
    case ATA_DONE:
        c->phase = PHASE_IDLE;
        interrupt(i, n);
        return;
    case ATA_WORK: busy(i, n, PHASE_WORK); break;
    case ATA_PACKET:
        c->phase = PHASE_PACKET;
        c->block_end = ATA_PACKET_BYTES;
        s->status = ATA_DRDY | ATA_DRQ;
        s->count[0] = ATA_REASON_COMMAND;
        return;
    case ATA_IN:
    case ATA_OUT:
        if (c->x.dma) {
            busy(i, n, PHASE_DMA);
        } else if (c->x.what == ATA_REPLY) {
            c->filled = (uint32_t)c->x.bytes;
            show_block(i, n, true);
        } else if (c->x.kind == ATA_OUT) {
            begin_out(i, n);
        } else {
            busy(i, n, PHASE_LOAD);
        }
        break;
    }
    if (is_job(c))
        post(i, n);
}

/* The guest has come to the end of a block. */
static void end_block(Ide *i, unsigned n)
{
    IdeChannel *c = &i->channel[n];
    if (c->phase == PHASE_PACKET) {
        uint8_t packet[ATA_PACKET_BYTES];
        const AtaCommand a = command_of(i, n);
        memcpy(packet, c->buffer, sizeof(packet));
        atapi_begin(&a, packet);
        follow(i, n);
    } else if (c->phase == PHASE_OUT) {
        busy(i, n, PHASE_STORE);
        post(i, n);
    } else if (c->at < c->filled) {
        show_block(i, n, true);
    } else if (c->pos + c->filled < c->x.bytes) {
        c->pos += c->filled;
        busy(i, n, PHASE_LOAD);
        post(i, n);
    } else {
        finish(i, n, true, owner_of(i, n)->is_cd && c->drive[c->owner].command == 0xa0);
    }
}

/* ---- the bus master ---- */

/* The list of regions: address, bytes (0: 64 KiB), the last one with a mark. */
typedef struct Regions {
    uint64_t next;
    uint32_t base, left;
    bool last, broken;
} Regions;

/* False: the list has ended, or is in no memory (broken). */
static bool copy(const Ide *i, Regions *r, uint8_t *bytes, size_t n, bool to_memory)
{
    while (n) {
        if (!r->left) {
            uint32_t entry[2];
            if (r->last)
                return false;
            r->broken = !mem_map_read(i->f.dev.mem, r->next, entry, sizeof(entry));
            if (r->broken)
                return false;
            r->next += sizeof(entry);
            r->base = entry[0] & ~1u;
            r->left = entry[1] & 0xfffe ? entry[1] & 0xfffe : 0x10000;
            r->last = entry[1] >> 31;
        }
        const size_t part = MIN(n, (size_t)r->left);
        r->broken = !(to_memory ? mem_map_write(i->f.dev.mem, r->base, bytes, part)
                                : mem_map_read(i->f.dev.mem, r->base, bytes, part));
        if (r->broken)
            return false;
        r->base += (uint32_t)part;
        r->left -= (uint32_t)part;
        bytes += part;
        n -= part;
    }
    return true;
}

/* Lock held, but not while the medium is at work. */
static void run_dma(Ide *i, unsigned n, AtaDrive *d)
{
    IdeChannel *c = &i->channel[n];
    const AtaXfer x = c->x;
    const uint64_t epoch = i->epoch[n];
    Regions r = {.next = c->master_table};
    bool ok = true, there = pci_is_master(&i->f);
    for (uint64_t pos = 0, part; there && ok && pos < x.bytes; pos += part) {
        part = MIN(x.bytes - pos, (uint64_t)ATA_PART);
        if (x.what == ATA_REPLY) {
            there = copy(i, &r, c->buffer, part, true);
            continue;
        }
        if (x.kind == ATA_OUT)
            there = copy(i, &r, d->bounce, part, false);
        lock_release(i->f.lock);
        ok = there && ata_move(d, &x, pos, d->bounce, part);
        lock_take(i->f.lock);
        if (i->epoch[n] != epoch)
            return;
        if (x.kind == ATA_IN && ok)
            there = copy(i, &r, d->bounce, part, true);
    }
    dev_trace(&i->f.dev, IDE_DMA, "channel %u bytes %lu at %lu: %u %u", n, (unsigned long)x.bytes,
              (unsigned long)x.at, there, ok);
    if (!there && !r.broken) { /* the list was too short: nobody says anything any more */
        c->master_status &= (uint8_t)~MASTER_ACTIVE;
        return;
    }
    if (r.broken)
        c->master_status |= MASTER_ERROR;
    if (!ok || !there || (r.last && !r.left))
        c->master_status &= (uint8_t)~MASTER_ACTIVE;
    finish(i, n, ok && there, true);
}

static void write_master(Ide *i, unsigned n, unsigned at, uint8_t v)
{
    enum { STATUS_AT = 2, TABLE = 4 };
    IdeChannel *c = &i->channel[n];
    if (at == 0) {
        const bool was = c->master_command & MASTER_START, is = v & MASTER_START;
        c->master_command = v & (MASTER_START | MASTER_TO_MEMORY);
        if (was && !is && (c->master_status & MASTER_ACTIVE)) {
            c->master_status &= (uint8_t)~MASTER_ACTIVE;
            i->epoch[n] += c->phase == PHASE_DMA;
        }
        if (!was && is) {
            c->master_status |= MASTER_ACTIVE;
            if (c->phase == PHASE_DMA)
                post(i, n);
        }
    } else if (at == STATUS_AT) {
        const uint8_t keeps = v & MASTER_KEEPS, clears = v & (MASTER_ERROR | MASTER_INTERRUPT);
        c->master_status = (uint8_t)(((c->master_status & ~MASTER_KEEPS) | keeps) & ~clears);
    } else if (at >= TABLE) {
        const unsigned shift = 8 * (at - TABLE);
        c->master_table = (c->master_table & ~(0xffu << shift)) | (uint32_t)v << shift;
        c->master_table &= ~3u;
    }
}

static uint64_t master_read(void *dev, uint64_t at, unsigned size)
{
    const Ide *i = dev;
    uint64_t v = 0;
    for (unsigned k = size; k-- > 0;) {
        const IdeChannel *c = &i->channel[(at + k) / MASTER_PORTS];
        const uint8_t bytes[MASTER_PORTS] = {c->master_command,
                                             0,
                                             c->master_status,
                                             0,
                                             (uint8_t)c->master_table,
                                             (uint8_t)(c->master_table >> 8),
                                             (uint8_t)(c->master_table >> 16),
                                             (uint8_t)(c->master_table >> 24)};
        v = v << 8 | bytes[(at + k) % MASTER_PORTS];
    }
    return v;
}

static void master_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    for (unsigned k = 0; k < size; k++, value >>= 8)
        write_master(dev, (unsigned)(at + k) / MASTER_PORTS, (unsigned)(at + k) % MASTER_PORTS,
                     (uint8_t)value);
}

static const MmioOps master_ops = {.read = master_read, .write = master_write, .min = 1, .max = 4};

/* ---- the job ---- */

static void run_load(Ide *i, unsigned n, AtaDrive *d)
{
    IdeChannel *c = &i->channel[n];
    const AtaXfer x = c->x;
    const uint64_t epoch = i->epoch[n], pos = c->pos;
    const uint32_t bytes = (uint32_t)MIN(x.bytes - pos, (uint64_t)BUFFER);
    lock_release(i->f.lock);
    const bool ok = ata_move(d, &x, pos, d->bounce, bytes);
    lock_take(i->f.lock);
    if (i->epoch[n] != epoch)
        return;
    if (!ok) {
        finish(i, n, false, true);
        return;
    }
    memcpy(c->buffer, d->bounce, bytes);
    c->filled = bytes;
    c->at = 0;
    show_block(i, n, true);
}

static void run_store(Ide *i, unsigned n, AtaDrive *d)
{
    IdeChannel *c = &i->channel[n];
    const AtaXfer x = c->x;
    const uint64_t epoch = i->epoch[n], pos = c->pos;
    const uint32_t bytes = c->filled;
    memcpy(d->bounce, c->buffer, bytes);
    lock_release(i->f.lock);
    const bool ok = ata_move(d, &x, pos, d->bounce, bytes);
    lock_take(i->f.lock);
    if (i->epoch[n] != epoch)
        return;
    c->pos += bytes;
    if (ok && c->pos < x.bytes)
        begin_out(i, n);
    else
        finish(i, n, ok, true);
}

static void run_work(Ide *i, unsigned n, AtaDrive *d)
{
    const AtaXfer x = i->channel[n].x;
    const uint64_t epoch = i->epoch[n];
    lock_release(i->f.lock);
    const bool ok = ata_move(d, &x, 0, d->bounce, 0);
    lock_take(i->f.lock);
    if (i->epoch[n] == epoch)
        finish(i, n, ok, true);
}

static void work(void *drive)
{
    static void (*const run[PHASES])(Ide * i, unsigned n, AtaDrive *d) = {
        [PHASE_LOAD] = run_load, [PHASE_STORE] = run_store, [PHASE_WORK] = run_work, [PHASE_DMA] = run_dma};
    AtaDrive *d = drive;
    Ide *i = (Ide *)d->on->controller;
    const unsigned n = d->place / DRIVES;
    const IdeChannel *c = &i->channel[n];
    lock_take(i->f.lock);
    while (owner_of(i, n) == d && is_job(c)) /* again after a reset and a new command */
        run[c->phase](i, n, d);
    lock_release(i->f.lock);
}

/* ---- command and control ports ---- */

static void move_data(Ide *i, unsigned n, uint64_t *value, unsigned size, bool write)
{
    IdeChannel *c = &i->channel[n];
    const bool out = c->phase == PHASE_OUT || c->phase == PHASE_PACKET;
    if (c->owner != c->selected || (write ? !out : c->phase != PHASE_IN)) {
        *value = 0;
        return;
    }
    const uint32_t part = MIN(size, c->block_end - c->at);
    if (write) {
        memcpy(c->buffer + c->at, value, part);
    } else {
        *value = 0;
        memcpy(value, c->buffer + c->at, part);
    }
    c->at += part;
    if (c->at == c->block_end)
        end_block(i, n);
}

/* Nothing of what was under way goes on. */
static void stop(Ide *i, unsigned n)
{
    IdeChannel *c = &i->channel[n];
    i->epoch[n]++;
    c->phase = PHASE_IDLE;
    c->x = (AtaXfer){0};
    c->pos = c->at = c->block_end = c->filled = 0;
    c->interrupt = 0;
    c->master_status &= (uint8_t)~MASTER_ACTIVE;
    c->master_command &= (uint8_t)~MASTER_START;
}

static void write_command(Ide *i, unsigned n, uint8_t v)
{
    enum { DIAGNOSE = 0x90, DEVICE_RESET = 0x08 };
    IdeChannel *c = &i->channel[n];
    const bool cd_reset =
        v == DEVICE_RESET && drive_at(i, n, c->selected) && drive_at(i, n, c->selected)->is_cd;
    if (!cd_reset && (is_job(c) || c->phase == PHASE_DMA))
        return;
    if (c->phase != PHASE_IDLE)
        stop(i, n); /* it ends what the guest has left */
    c->interrupt = 0;
    show_interrupt(i, n);
    if (v == DIAGNOSE)
        c->selected = 0;
    c->owner = c->selected;
    if (!owner_of(i, n))
        return;
    c->drive[c->owner].command = v;
    const AtaCommand a = command_of(i, n);
    ata_begin(&a);
    for (unsigned k = 0; v == DIAGNOSE && k < DRIVES; k++)
        ata_signature(drive_at(i, n, k), &c->drive[k]);
    if (cd_reset)
        c->phase = PHASE_IDLE; /* says nothing */
    else
        follow(i, n);
}

static void push(uint8_t reg[2], uint8_t v)
{
    reg[1] = reg[0];
    reg[0] = v;
}

static void write_register(Ide *i, unsigned n, unsigned at, uint8_t v)
{
    IdeChannel *c = &i->channel[n];
    c->control &= (uint8_t)~HIGH_ORDER;
    if (at == COMMAND) {
        write_command(i, n, v);
        return;
    }
    if (is_job(c) || c->phase == PHASE_DMA)
        return;
    if (at == DEVICE)
        c->selected = (v & ATA_DEVICE_1) != 0;
    for (unsigned k = 0; k < DRIVES; k++) {
        AtaState *s = &c->drive[k];
        switch (at) {
        case FEATURE: push(s->feature, v); break;
        case COUNT: push(s->count, v); break;
        case LOW: push(s->low, v); break;
        case MID: push(s->mid, v); break;
        case HIGH: push(s->high, v); break;
        case DEVICE: s->device = v; break;
        default: break;
        }
    }
}

static uint8_t read_register(Ide *i, unsigned n, unsigned at)
{
    IdeChannel *c = &i->channel[n];
    const AtaState *s = &c->drive[c->selected];
    const unsigned order = (c->control & HIGH_ORDER) != 0;
    if (!drive_at(i, n, c->selected))
        return 0;
    switch (at) {
    case ERROR: return s->error;
    case COUNT: return s->count[order];
    case LOW: return s->low[order];
    case MID: return s->mid[order];
    case HIGH: return s->high[order];
    case DEVICE: return (uint8_t)((s->device & ~ATA_DEVICE_1) | 0xa0 | (c->selected ? ATA_DEVICE_1 : 0));
    default: break;
    }
    c->interrupt = 0;
    show_interrupt(i, n);
    return s->status;
}

static uint64_t command_read(void *dev, uint64_t at, unsigned size)
{
    const IdePort *p = dev;
    uint64_t v = 0;
    if (at == DATA)
        move_data(p->ide, p->channel, &v, size, false);
    else
        v = read_register(p->ide, p->channel, (unsigned)at);
    return v;
}

static void command_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    const IdePort *p = dev;
    if (at == DATA)
        move_data(p->ide, p->channel, &value, size, true);
    else
        write_register(p->ide, p->channel, (unsigned)at, (uint8_t)value);
}

static uint64_t control_read(void *dev, uint64_t at, unsigned size)
{
    const IdePort *p = dev;
    const IdeChannel *c = &p->ide->channel[p->channel];
    return drive_at(p->ide, p->channel, c->selected) ? c->drive[c->selected].status : 0;
}

static void control_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    const IdePort *p = dev;
    Ide *i = p->ide;
    IdeChannel *c = &i->channel[p->channel];
    const bool was = c->control & SOFT_RESET, is = value & SOFT_RESET;
    c->control = (uint8_t)value;
    if (!was && is) {
        stop(i, p->channel);
        for (unsigned k = 0; k < DRIVES; k++)
            c->drive[k].status = drive_at(i, p->channel, k) ? ATA_BSY : 0;
    }
    if (was && !is) {
        c->selected = 0;
        for (unsigned k = 0; k < DRIVES; k++)
            ata_signature(drive_at(i, p->channel, k), &c->drive[k]);
    }
    show_interrupt(i, p->channel);
}

static const MmioOps command_ops = {.read = command_read, .write = command_write, .min = 1, .max = 4};
static const MmioOps control_ops = {.read = control_read, .write = control_write, .min = 1, .max = 1};

/* ---- the device ---- */

static bool ide_realize(Device *dev, DevError *err)
{
    enum { COMMAND_PORTS = 8, TIMING = 0x40, MASTER_BYTES = 16 };
    static const PciIds ids = {0x8086, 0x7010, 0x1af4, 0x1100, 0x010180, 0};
    Ide *i = (Ide *)dev;
    if (!pci_init(&i->f, &i->p, &ids, NULL, err))
        return false;
    i->bus =
        (AtaBus){.controller = dev, .lock = i->f.lock, .buses = IDE_CHANNELS, .units = DRIVES, .work = work};
    for (unsigned n = 0; n < IDE_CHANNELS; n++) {
        i->port[n] = (IdePort){i, n};
        dev_add_mmio(dev, n ? "ide1" : "ide0", &command_ops, COMMAND_PORTS)->dev = &i->port[n];
        dev_add_mmio(dev, n ? "ide1-control" : "ide0-control", &control_ops, 1)->dev = &i->port[n];
        for (unsigned k = 0; k < DRIVES; k++)
            i->bus.state[n * DRIVES + k] = &i->channel[n].drive[k];
    }
    pci_shape(&i->f, TIMING, 4, 0, 0xffffffff); /* the ports answer whatever it says */
    pci_stays(&i->f, TIMING, 4);
    pci_add_bar(&i->f, BAR_MASTER, MASTER_BYTES, PCI_BAR_IO, &master_ops, i);
    i->f.conventional = true;
    return true;
}

static void ide_reset(Device *dev)
{
    Ide *i = (Ide *)dev;
    for (unsigned n = 0; n < IDE_CHANNELS; n++) {
        IdeChannel *c = &i->channel[n];
        stop(i, n);
        c->owner = c->selected = c->control = 0;
        c->master_command = c->master_status = 0;
        c->master_table = 0;
        memset(c->buffer, 0, sizeof(c->buffer));
        for (unsigned k = 0; k < DRIVES; k++)
            ata_reset(drive_at(i, n, k), &c->drive[k]);
        show_interrupt(i, n);
    }
    pci_reset(&i->f);
}

static bool channel_is_sound(const Ide *i, unsigned n)
{
    const IdeChannel *c = &i->channel[n];
    const AtaDrive *d = c->owner < DRIVES ? owner_of(i, n) : NULL;
    return c->phase < PHASES && c->owner < DRIVES && c->selected < DRIVES && c->filled <= BUFFER &&
           c->at <= c->block_end && c->block_end <= BUFFER &&
           (c->phase == PHASE_IDLE || c->pos <= c->x.bytes) && ata_xfer_check(d, &c->x) &&
           (c->phase == PHASE_IDLE || d) && (c->phase != PHASE_PACKET || d->is_cd) &&
           (c->phase != PHASE_IN ||
            (c->x.kind == ATA_IN && c->block_end <= c->filled && c->at < c->block_end)) &&
           (c->phase != PHASE_OUT || (c->x.kind == ATA_OUT && c->block_end <= c->filled &&
                                      c->at < c->block_end && c->filled <= c->x.bytes - c->pos)) &&
           (c->phase != PHASE_LOAD ||
            (c->x.kind == ATA_IN && c->x.what == ATA_MEDIUM && c->pos < c->x.bytes)) &&
           (c->phase != PHASE_STORE || (c->x.kind == ATA_OUT && c->filled <= c->x.bytes - c->pos)) &&
           (c->phase != PHASE_WORK || c->x.kind == ATA_WORK) &&
           (c->phase != PHASE_DMA || c->x.kind == ATA_IN || c->x.kind == ATA_OUT) &&
           (c->phase != PHASE_PACKET || (c->at < c->block_end && c->block_end == ATA_PACKET_BYTES));
}

static bool ide_loaded(Device *dev, DevError *err)
{
    Ide *i = (Ide *)dev;
    bool ok = true;
    for (unsigned n = 0; n < IDE_CHANNELS; n++) {
        ok = ok && channel_is_sound(i, n);
        for (unsigned k = 0; k < DRIVES; k++)
            ata_state_check(&i->channel[n].drive[k]);
    }
    if (!ok) {
        ide_reset(dev);
        return dev_fail(err, "%s: a transfer that no drive does", dev->id);
    }
    if (!pci_check(&i->f, err))
        return false;
    for (unsigned n = 0; n < IDE_CHANNELS; n++) {
        i->epoch[n]++;
        show_interrupt(i, n);
        if (is_job(&i->channel[n]) && owner_of(i, n)->drive && owner_of(i, n)->drive->jobs)
            post(i, n);
    }
    return true;
}

static void ide_clear(Device *dev)
{
    ata_bus_clear(&((Ide *)dev)->bus);
    pci_clear((PciFunction *)dev);
}

#define CHANNEL_ROWS(c)                                                                                      \
    ATA_ROWS(Ide, c.drive[0]), ATA_ROWS(Ide, c.drive[1]), ATA_XFER_ROWS(Ide, c.x), DEV_FIELD(Ide, c.phase),  \
        DEV_FIELD(Ide, c.owner), DEV_FIELD(Ide, c.selected), DEV_FIELD(Ide, c.control),                      \
        DEV_FIELD(Ide, c.interrupt), DEV_FIELD(Ide, c.master_command), DEV_FIELD(Ide, c.master_status),      \
        DEV_FIELD(Ide, c.master_table), DEV_FIELD(Ide, c.pos), DEV_FIELD(Ide, c.at),                         \
        DEV_FIELD(Ide, c.block_end), DEV_FIELD(Ide, c.filled), DEV_ARRAY(Ide, c.buffer)

static const DevProp props[] = {PCI_PROPS(Ide), DEV_PTR(Ide, irq, "a line for each channel")};
static const DevField state[] = {PCI_ROWS(Ide), CHANNEL_ROWS(channel[0]), CHANNEL_ROWS(channel[1])};

const DevClass piix3_ide_class = {
    .name = "piix3-ide",
    .help = "two channels of IDE drives of `pc`",
    .version = 2,
    DEV_TABLES(Ide, props, state),
    .realize = ide_realize,
    .reset = ide_reset,
    .loaded = ide_loaded,
    .clear = ide_clear,
};
