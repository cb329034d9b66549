/* The formats of tables, of our own choice: entries of 8 bytes. Device: valid (63), bits of events less one
 * (4:0), address of its table in units of 256 bytes (51:8). Interrupt: valid (63), LPI (47:32), collection
 * (15:0). Collection: valid (63), processor (15:0). Commands that make no sense are left out. */
#include "hw/intc/arm_its.h"
#include "hw/core/dev_impl.h"
#include "hw/intc/arm_gicv3.h"

enum {
    GITS_CTLR = 0,
    GITS_IIDR = 4,
    GITS_TYPER = 8,
    GITS_CBASER = 0x80,
    GITS_CWRITER = 0x88,
    GITS_CREADR = 0x90,
    GITS_BASER = 0x100,
    IDS = 0xffd0,
    FRAME = 0x10000,
};
enum {
    CMD_MOVI = 1,
    CMD_INT = 3,
    CMD_CLEAR = 4,
    CMD_SYNC = 5,
    CMD_MAPD = 8,
    CMD_MAPC = 9,
    CMD_MAPTI = 10,
    CMD_MAPI = 11,
    CMD_INV = 12,
    CMD_INVALL = 13,
    CMD_MOVALL = 14,
    CMD_DISCARD = 15,
    CMD_BYTES = 32,
};
enum {
    BASER_DEVICES,
    BASER_COLLECTIONS,
    BASERS,
    ENTRY = 8,
    EVENT_BITS = 16,
    DEVICE_BITS = 16,
    LPI_FIRST = 8192
};
enum { CTLR_ON = 1 };
#define VALID          (1ull << 63)
#define INDIRECT       (1ull << 62)
#define CTLR_QUIESCENT (1u << 31)
/* physical LPIs; sizes of entries, events, devices (less one); 16 bits of collections */
#define TYPER (1ull | (ENTRY - 1) << 4 | (EVENT_BITS - 1) << 8 | (DEVICE_BITS - 1) << 13)

typedef struct Its {
    Device dev;
    Device *gic;
    bool lpis_changed; /* within one round of commands */
    DEV_STATE_BEGIN
    uint64_t cbaser, cwriter, creadr, baser[BASERS];
    uint32_t ctlr;
    DEV_STATE_END
} Its;

/* ---- tables ---- */

static uint64_t page_bytes(uint64_t baser)
{
    unsigned code = baser >> 8 & 3;
    return code == 0 ? 0x1000 : code == 1 ? 0x4000 : 0x10000;
}

static uint64_t base_address(uint64_t baser)
{
    uint64_t at = baser & 0xfffffffff000ull;
    return page_bytes(baser) == 0x10000 ? (at & ~0xffffull) | (at & 0xf000) << 36 : at;
}

/* Where entry n of a table is; false: the table has none. */
static bool entry_at(const Its *s, unsigned which, uint32_t n, uint64_t *ret)
{
    const uint64_t baser = s->baser[which], page = page_bytes(baser), pages = (baser & 255) + 1;
    uint64_t at = base_address(baser), level;
    if (!(baser & VALID) || n >> 16)
        return false;
    if (!(baser & INDIRECT)) {
        *ret = at + (uint64_t)n * ENTRY;
        return n < page * pages / ENTRY;
    }
    uint64_t row = n / (page / ENTRY);
    if (row >= page * pages / 8 || !mem_map_read(s->dev.mem, at + row * 8, &level, 8) || !(level & VALID))
        return false;
    *ret = (level & 0xffffffffff000ull) + n % (page / ENTRY) * ENTRY;
    return true;
}

static bool load_entry(const Its *s, unsigned which, uint32_t n, uint64_t *ret)
{
    uint64_t at;
    return entry_at(s, which, n, &at) && mem_map_read(s->dev.mem, at, ret, ENTRY) && (*ret & VALID);
}

static void store_entry(const Its *s, unsigned which, uint32_t n, uint64_t entry)
{
    uint64_t at;
    if (entry_at(s, which, n, &at))
        mem_map_write(s->dev.mem, at, &entry, ENTRY);
}

/* Where the entry of an event is. */
static bool event_at(const Its *s, uint32_t device, uint32_t event, uint64_t *ret)
{
    uint64_t d;
    if (!load_entry(s, BASER_DEVICES, device, &d) || (uint64_t)event >> ((d & 31) + 1))
        return false;
    *ret = (d & 0xfffffffffff00ull) + (uint64_t)event * ENTRY;
    return true;
}

typedef struct ItsEvent {
    uint64_t at;
    uint32_t lpi, collection, cpu;
} ItsEvent;

static bool find_event(const Its *s, uint32_t device, uint32_t event, ItsEvent *ret)
{
    uint64_t e, c;
    if (!event_at(s, device, event, &ret->at) || !mem_map_read(s->dev.mem, ret->at, &e, ENTRY) ||
        !(e & VALID))
        return false;
    ret->lpi = e >> 32 & 0xffff;
    ret->collection = e & 0xffff;
    if (!load_entry(s, BASER_COLLECTIONS, ret->collection, &c))
        return false;
    ret->cpu = c & 0xffff;
    return true;
}

static void store_event(const Its *s, uint64_t at, uint32_t lpi, uint32_t collection)
{
    uint64_t e = VALID | (uint64_t)lpi << 32 | collection;
    mem_map_write(s->dev.mem, at, &e, ENTRY);
}

static void signal_event(const Its *s, uint32_t device, uint32_t event, bool pending)
{
    ItsEvent e;
    if (find_event(s, device, event, &e))
        arm_gicv3_lpi(s->gic, e.cpu, e.lpi, pending);
}

void arm_its_send(Device *its, uint32_t device, uint32_t event)
{
    Its *s = (Its *)its;
    lock_take(&its->lock);
    if (s->ctlr & CTLR_ON)
        signal_event(s, device, event, true);
    lock_release(&its->lock);
}

/* ---- commands ---- */

static void map_event(const Its *s, uint32_t device, uint32_t event, uint32_t lpi, uint32_t collection)
{
    uint64_t at;
    if (lpi >= LPI_FIRST && lpi <= 0xffff && event_at(s, device, event, &at))
        store_event(s, at, lpi, collection);
}

static void move_event(const Its *s, uint32_t device, uint32_t event, uint32_t collection)
{
    ItsEvent e;
    uint64_t c;
    if (!find_event(s, device, event, &e) || !load_entry(s, BASER_COLLECTIONS, collection, &c))
        return;
    store_event(s, e.at, e.lpi, collection);
    arm_gicv3_lpi_move(s->gic, e.cpu, c & 0xffff, e.lpi);
}

static void discard_event(const Its *s, uint32_t device, uint32_t event)
{
    const uint64_t none = 0;
    ItsEvent e;
    if (!find_event(s, device, event, &e))
        return;
    arm_gicv3_lpi(s->gic, e.cpu, e.lpi, false);
    mem_map_write(s->dev.mem, e.at, &none, ENTRY);
}

static void map_device(const Its *s, const uint64_t c[4])
{
    uint64_t entry = VALID | (c[2] & 0xfffffffffff00ull) | (c[1] & 31);
    if ((c[1] & 31) < EVENT_BITS)
        store_entry(s, BASER_DEVICES, (uint32_t)(c[0] >> 32), c[2] & VALID ? entry : 0);
}

static void run_command(Its *s, const uint64_t c[4])
{
    const uint32_t device = (uint32_t)(c[0] >> 32), event = (uint32_t)c[1], collection = c[2] & 0xffff;
    switch (c[0] & 0xff) {
    case CMD_MAPD: map_device(s, c); break;
    case CMD_MAPC:
        store_entry(s, BASER_COLLECTIONS, collection, c[2] & VALID ? VALID | (c[2] >> 16 & 0xffff) : 0);
        break;
    case CMD_MAPTI: map_event(s, device, event, (uint32_t)(c[1] >> 32), collection); break;
    case CMD_MAPI: map_event(s, device, event, event, collection); break;
    case CMD_MOVI: move_event(s, device, event, collection); break;
    case CMD_DISCARD: discard_event(s, device, event); break;
    case CMD_INT: signal_event(s, device, event, true); break;
    case CMD_CLEAR: signal_event(s, device, event, false); break;
    case CMD_MOVALL:
        arm_gicv3_lpi_move_all(s->gic, c[2] >> 16 & 0xffff, c[3] >> 16 & 0xffff);
        s->lpis_changed = true;
        break;
    case CMD_INV:
    case CMD_INVALL: s->lpis_changed = true; break;
    case CMD_SYNC: break;
    default: log_guest(&s->dev, "ITS: no command 0x%x", (unsigned)(c[0] & 0xff)); break;
    }
}

static uint64_t queue_bytes(const Its *s)
{
    return ((s->cbaser & 255) + 1) * 4096;
}

/* All that are there: the queue is at most 1 MiB. */
static void run_queue(Its *s)
{
    const uint64_t at = s->cbaser & 0xffffffffff000ull, bytes = queue_bytes(s);
    uint64_t c[4];
    if (!(s->ctlr & CTLR_ON) || !(s->cbaser & VALID) || s->cwriter >= bytes || s->creadr >= bytes ||
        (s->cwriter | s->creadr) % CMD_BYTES) /* a state that was not taken may have left anything */
        return;
    while (s->creadr != s->cwriter) {
        if (!mem_map_read(s->dev.mem, at + s->creadr, c, CMD_BYTES))
            break;
        run_command(s, c);
        s->creadr = s->creadr + CMD_BYTES == bytes ? 0 : s->creadr + CMD_BYTES;
    }
    if (s->lpis_changed)
        arm_gicv3_lpi_changed(s->gic);
    s->lpis_changed = false;
}

/* ---- registers ---- */

static uint32_t half(uint64_t v, uint64_t offset)
{
    return (uint32_t)(v >> (offset & 4) * 8);
}
static uint64_t with_half(uint64_t old, uint64_t offset, uint32_t v)
{
    unsigned shift = (unsigned)(offset & 4) * 8;
    return (old & ~(0xffffffffull << shift)) | (uint64_t)v << shift;
}

/* Type and size of entries; read only. */
static uint64_t baser_fixed(unsigned n)
{
    return (n == BASER_DEVICES ? 1ull : 4ull) << 56 | (uint64_t)(ENTRY - 1) << 48;
}

static uint32_t its_read_word(const Its *s, uint64_t at)
{
    static const uint8_t id[12] = {4, 0, 0, 0, 0x94, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1};
    if (at >= IDS && at < FRAME)
        return id[(at - IDS) / 4];
    if (at >= GITS_BASER && at < GITS_BASER + BASERS * 8) {
        unsigned n = (unsigned)(at - GITS_BASER) / 8;
        return half(s->baser[n] | baser_fixed(n), at);
    }
    switch (at & ~4ull) {
    case GITS_TYPER: return half(TYPER, at);
    case GITS_CBASER: return half(s->cbaser, at);
    case GITS_CWRITER: return half(s->cwriter, at);
    case GITS_CREADR: return half(s->creadr, at);
    default: break;
    }
    return at == GITS_CTLR ? s->ctlr | (s->ctlr & CTLR_ON ? 0 : CTLR_QUIESCENT) : at == GITS_IIDR ? 0x43b : 0;
}

static void its_write_word(Its *s, uint64_t at, uint32_t v)
{
    const uint64_t fixed = 0x071f000000000000ull, queue = 0xb80ffffffffffcffull;
    bool on = s->ctlr & CTLR_ON;
    if (at >= GITS_BASER && at < GITS_BASER + BASERS * 8 && !on) {
        uint64_t *b = &s->baser[(at - GITS_BASER) / 8];
        *b = with_half(*b, at, v) & ~fixed;
        return;
    }
    switch (at & ~4ull) {
    case GITS_CBASER:
        if (!on) {
            s->cbaser = with_half(s->cbaser, at, v) & queue;
            s->creadr = 0;
        }
        return;
    case GITS_CWRITER:
        s->cwriter = with_half(s->cwriter, at, v) & 0xfffe0;
        run_queue(s);
        return;
    default: break;
    }
    if (at == GITS_CTLR) {
        s->ctlr = v & CTLR_ON;
        run_queue(s);
    }
}

static uint64_t its_read(void *dev, uint64_t at, unsigned size)
{
    const Its *s = dev;
    uint64_t v = its_read_word(s, at);
    return size == 8 ? v | (uint64_t)its_read_word(s, at + 4) << 32 : v;
}

static void its_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Its *s = dev;
    if (at & 3)
        return;
    if (size == 8)
        its_write_word(s, at + 4, (uint32_t)(value >> 32));
    its_write_word(s, at, (uint32_t)value);
}

static const MmioOps ops = {.read = its_read, .write = its_write, .min = 4, .max = 8};

/* ---- life ---- */

static bool its_realize(Device *dev, DevError *err)
{
    const Its *s = (Its *)dev;
    if (!s->gic)
        return dev_fail(err, "arm-its: it wants a gic");
    lock_init(&dev->lock, LOCK_RANK_DEVICE); /* the GIC is called with it */
    dev_add_mmio(dev, "its", &ops, 2 * FRAME);
    return true;
}

static void its_reset(Device *dev)
{
    enum { PAGES_OF_64K = 2 << 8 }; /* as software that does not choose expects */
    memset((char *)dev + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    for (unsigned n = 0; n < BASERS; n++)
        ((Its *)dev)->baser[n] = PAGES_OF_64K;
}

static bool its_loaded(Device *dev, DevError *err)
{
    Its *s = (Its *)dev;
    s->cwriter &= 0xfffe0;
    s->creadr &= 0xfffe0;
    return true;
}

static const DevProp props[] = {DEV_PTR(Its, gic, "the interrupt controller")};
static const DevField state[] = {DEV_FIELD(Its, cbaser), DEV_FIELD(Its, cwriter), DEV_FIELD(Its, creadr),
                                 DEV_ARRAY(Its, baser), DEV_FIELD(Its, ctlr)};

const DevClass arm_its_class = {
    .name = "arm-its",
    .help = "interrupt translation service",
    .version = 1,
    DEV_TABLES(Its, props, state),
    .realize = its_realize,
    .reset = its_reset,
    .loaded = its_loaded,
};
