/* Commands of a port: the slot's header, its table and the list of regions in there (AHCI 1.3.1, chapter 4),
 * and what the drive sends in the end (Serial ATA 3.x, frames). Queued commands are served one after the
 * other, too; a saved state has those under way as not begun. */
#include "hw/block/ahci_priv.h"

enum { FRAME_BYTES = 20, HEADER_BYTES = 32, TABLE_PACKET = 0x40, TABLE_REGIONS = 0x80 };
enum { TO_DEVICE = 0x27, FROM_DEVICE = 0x34, SET_BITS = 0xa1, PIO_SETUP = 0x5f };
enum { AT_PIO = 0x20, AT_REGISTERS = 0x40, AT_BITS = 0x58 }; /* where frames are received */
enum { INTERRUPTS = 0x40, TO_HOST = 0x20, IS_COMMAND = 0x80 };

typedef struct Slot {
    Ahci *h;
    AhciPort *p;
    AtaDrive *d;
    unsigned port, number;
    uint64_t header, table;
    uint32_t entries, entry; /* of the list of regions; the next one */
    uint64_t base, moved;
    uint32_t left;
    bool broken; /* something is in no memory */
    AtaXfer x;
    uint8_t reply[ATA_REPLY_BYTES];
} Slot;

/* ---- frames ---- */

static void put_registers(const AtaState *s, uint8_t *f)
{
    f[2] = s->status;
    f[3] = s->error;
    f[4] = s->low[0];
    f[5] = s->mid[0];
    f[6] = s->high[0];
    f[7] = s->device;
    f[8] = s->low[1];
    f[9] = s->mid[1];
    f[10] = s->high[1];
    f[12] = s->count[0];
    f[13] = s->count[1];
}

static void send(Ahci *h, unsigned n, unsigned at, const uint8_t *f, size_t bytes)
{
    const AhciPort *p = &h->port[n];
    if ((p->cmd & PORT_FIS) && !mem_map_write(h->f.dev.mem, p->fis + at, f, bytes))
        log_guest(&h->f.dev, "port %u receives outside of memory", n);
}

void ahci_send_registers(Ahci *h, unsigned n, bool interrupts)
{
    uint8_t f[FRAME_BYTES] = {FROM_DEVICE, interrupts ? INTERRUPTS : 0};
    put_registers(&h->port[n].drive, f);
    send(h, n, AT_REGISTERS, f, sizeof(f));
    if (interrupts)
        ahci_raise(h, n, PORT_IS_REGISTERS);
}

static void send_pio(const Slot *t)
{
    uint8_t f[FRAME_BYTES] = {PIO_SETUP, INTERRUPTS | TO_HOST};
    put_registers(&t->p->drive, f);
    f[2] = ATA_DRDY | ATA_DRQ;
    f[15] = t->p->drive.status;
    f[16] = (uint8_t)t->moved;
    f[17] = (uint8_t)(t->moved >> 8);
    send(t->h, t->port, AT_PIO, f, sizeof(f));
    ahci_raise(t->h, t->port, PORT_IS_PIO);
}

static void send_bits(const Slot *t, uint32_t done)
{
    const AtaState *s = &t->p->drive;
    uint8_t f[8] = {SET_BITS, INTERRUPTS, s->status & 0x77, s->error};
    memcpy(f + 4, &done, sizeof(done));
    send(t->h, t->port, AT_BITS, f, sizeof(f));
    ahci_raise(t->h, t->port, PORT_IS_BITS);
}

/* ---- data ---- */

/* Returns how much of it there was room for. */
static size_t copy(Slot *t, uint8_t *bytes, size_t n, bool to_memory)
{
    const MemMap *mem = t->h->f.dev.mem;
    size_t done = 0;
    while (done < n) {
        struct {
            uint64_t base;
            uint32_t reserved, bytes;
        } e;
        if (!t->left) {
            if (t->entry == t->entries)
                break;
            t->broken |= !mem_map_read(mem, t->table + TABLE_REGIONS + t->entry++ * sizeof(e), &e, sizeof(e));
            if (t->broken)
                break;
            t->base = e.base & ~1ull;
            t->left = (e.bytes & 0x3fffff) + 1;
        }
        const size_t part = MIN(n - done, (size_t)t->left);
        t->broken |= !(to_memory ? mem_map_write(mem, t->base, bytes + done, part)
                                 : mem_map_read(mem, t->base, bytes + done, part));
        if (t->broken)
            break;
        t->base += part;
        t->left -= (uint32_t)part;
        done += part;
    }
    return done;
}

/* True: the port was not reset meanwhile. *ret_ok: what the medium says. */
static bool move(Slot *t, bool *ret_ok)
{
    Ahci *h = t->h;
    const uint64_t epoch = h->epoch[t->port];
    const bool in = t->x.kind == ATA_IN;
    const uint64_t bytes = t->x.kind == ATA_WORK ? 0 : t->x.bytes;
    *ret_ok = true;
    if (t->x.what == ATA_REPLY) {
        t->moved = copy(t, t->reply, t->x.bytes, true);
        return true;
    }
    for (uint64_t pos = 0; *ret_ok && pos < MAX(bytes, 1ull);) {
        const size_t n = (size_t)MIN(bytes - pos, (uint64_t)ATA_PART);
        size_t have = in || !n ? n : copy(t, t->d->bounce, n, false);
        if (have < n) {
            *ret_ok = false;
            break;
        }
        lock_release(h->f.lock);
        *ret_ok = ata_move(t->d, &t->x, pos, t->d->bounce, n);
        lock_take(h->f.lock);
        if (h->epoch[t->port] != epoch)
            return false;
        have = in && *ret_ok ? copy(t, t->d->bounce, n, true) : n;
        t->moved += have;
        pos += MAX(n, 1u);
        if (have < n) { /* the drive sends it, and nobody takes it */
            ahci_raise(h, t->port, PORT_IS_OVERFLOW);
            break;
        }
    }
    return true;
}

/* ---- one command ---- */

static void stop_by_error(const Slot *t, uint32_t why)
{
    t->p->halted = 1;
    ahci_raise(t->h, t->port, why);
}

static void end_queued(const Slot *t, unsigned tag, bool ok)
{
    AtaState *s = &t->p->drive;
    if (ok) {
        t->p->ci &= ~(1u << t->number);
        t->p->sact &= ~(1u << tag);
        send_bits(t, 1u << tag);
        return;
    }
    s->failed = (uint8_t)tag;
    s->failed_queued = 1;
    send_bits(t, 0);
    stop_by_error(t, PORT_IS_TASK);
}

static void end(const Slot *t)
{
    const AtaState *s = &t->p->drive;
    const uint32_t moved = (uint32_t)t->moved;
    const int tag = ata_queue_tag(s);
    const bool ok = !(s->status & ATA_ERR);
    dev_trace(&t->h->f.dev, AHCI_DONE, "port %u slot %u command 0x%x status 0x%x bytes %u", t->port,
              t->number, s->command, s->status, moved);
    mem_map_write(t->h->f.dev.mem, t->header + 4, &moved, sizeof(moved));
    if (t->broken)
        return stop_by_error(t, PORT_IS_BUS);
    if (tag >= 0)
        return end_queued(t, (unsigned)tag, ok);
    if (ok)
        t->p->ci &= ~(1u << t->number);
    if (ok && t->x.kind == ATA_IN && !t->x.dma)
        send_pio(t);
    if (!ok || t->x.kind != ATA_IN || t->x.dma || t->d->is_cd)
        ahci_send_registers(t->h, t->port, true);
    if (!ok)
        stop_by_error(t, PORT_IS_TASK);
}

/* False: the port was reset meanwhile. */
static bool run(Slot *t, const uint8_t *frame)
{
    AtaState *s = &t->p->drive;
    const AtaCommand c = {t->d, s, t->reply, &t->x};
    bool ok = true;
    s->command = frame[2];
    s->feature[0] = frame[3];
    s->low[0] = frame[4];
    s->mid[0] = frame[5];
    s->high[0] = frame[6];
    s->device = frame[7];
    s->low[1] = frame[8];
    s->mid[1] = frame[9];
    s->high[1] = frame[10];
    s->feature[1] = frame[11];
    s->count[0] = frame[12];
    s->count[1] = frame[13];
    s->status = ata_queue_tag(s) >= 0 ? ATA_DRDY : ATA_BSY;
    t->x = (AtaXfer){0};
    ata_begin(&c);
    if (t->x.kind == ATA_PACKET) {
        uint8_t packet[ATA_PACKET_BYTES];
        t->broken = !mem_map_read(t->h->f.dev.mem, t->table + TABLE_PACKET, packet, sizeof(packet));
        if (!t->broken)
            atapi_begin(&c, packet);
    }
    const AtaXfer x = t->x;
    if (x.kind == ATA_WORK || x.kind == ATA_IN || x.kind == ATA_OUT) {
        s->status = ata_queue_tag(s) >= 0 ? ATA_DRDY : ATA_BSY;
        if (!move(t, &ok))
            return false;
        ata_end(&c, ok && !t->broken);
        t->x = x; /* the end needs it */
    }
    end(t);
    return true;
}

/* The device's reset by its control register: set in one command, cleared in another. */
static void control(const Slot *t, bool reset)
{
    t->p->ci &= ~(1u << t->number);
    if (!reset && t->p->resets) {
        ata_signature(t->d, &t->p->drive);
        ahci_send_registers(t->h, t->port, true);
    }
    t->p->resets = reset;
}

bool ahci_serve(Ahci *h, unsigned n, AtaDrive *d)
{
    enum { NUMBER_SHIFT = 8, SRST = 4 };
    AhciPort *p = &h->port[n];
    uint8_t frame[FRAME_BYTES];
    struct {
        uint16_t flags, entries;
        uint32_t moved;
        uint64_t table;
    } header;
    if (!(p->cmd & PORT_START) || p->halted || !p->ci || !pci_is_master(&h->f))
        return false;
    unsigned slot = (p->cmd >> NUMBER_SHIFT & 31) + 1;
    while (!(p->ci >> slot % AHCI_SLOTS & 1))
        slot++;
    slot %= AHCI_SLOTS;
    p->cmd = (p->cmd & ~(31u << NUMBER_SHIFT)) | slot << NUMBER_SHIFT;
    Slot t = {.h = h, .p = p, .d = d, .port = n, .number = slot, .header = p->list + HEADER_BYTES * slot};
    if (!mem_map_read(h->f.dev.mem, t.header, &header, sizeof(header)) ||
        !mem_map_read(h->f.dev.mem, header.table & ~127ull, frame, sizeof(frame))) {
        stop_by_error(&t, PORT_IS_BUS);
        return true;
    }
    t.table = header.table & ~127ull;
    t.entries = header.entries;
    if (frame[0] != TO_DEVICE)
        stop_by_error(&t, PORT_IS_INTERFACE);
    else if (frame[1] & IS_COMMAND)
        return run(&t, frame) || true;
    else
        control(&t, frame[15] & SRST);
    return true;
}
