/* Both chips of a pair get the same command, as drivers of such a pair give it, and are always in the same
 * mode; the low byte of what is written counts. Programming can clear bits only. Nothing takes time. Without
 * an image all is zero, as on other machines of these names, and costs no memory. The status of the single
 * chip is 0 when it was cleared: by that firmware of PCs tells it from a ROM. */
#include "hw/block/cfi_flash.h"
#include "hw/core/dev_impl.h"
#include "hw/core/ports.h"

enum { SECTOR = 512, BUFFER = 1024, PAIR = 4, PAIR_BLOCK = 256 << 10, SINGLE_BLOCK = 4096 };
enum { READY = 0x80, ERASE_FAILED = 0x20, PROGRAM_FAILED = 0x10 };
enum {
    CMD_PROGRAM_OLD = 0x10,
    CMD_ERASE = 0x20,
    CMD_PROGRAM = 0x40,
    CMD_CLEAR_STATUS = 0x50,
    CMD_LOCK = 0x60,
    CMD_READ_STATUS = 0x70,
    CMD_READ_ID = 0x90,
    CMD_QUERY = 0x98,
    CMD_CONFIRM = 0xd0,
    CMD_BUFFER = 0xe8,
    CMD_READ_ARRAY = 0xff,
};
/* What the next write is. */
enum { AT_COMMAND, AT_PROGRAM, AT_ERASE, AT_LOCK, AT_COUNT, AT_DATA, AT_CONFIRM, STEPS };
/* What reads give. */
enum { READ_ARRAY, READ_STATUS, READ_ID, READ_QUERY, READ_MODES };

typedef struct CfiFlash {
    Device dev;
    BlockPort *drive;
    uint64_t bytes, code_base; /* code_base: where its code stands for the translator */
    uint32_t width;            /* of the bus, bytes: 1, one chip of 8 bits, or 4, two of 16 */
    RamBlock ram;
    DEV_STATE_BEGIN
    uint8_t mode, step, status;
    uint32_t base, left;       /* of the buffer: where it goes; writes that are to come */
    uint8_t buffer[BUFFER];
    DEV_STATE_END
} CfiFlash;

static bool is_pair(const CfiFlash *f) { return f->width == PAIR; }
static uint64_t block_of(const CfiFlash *f) { return is_pair(f) ? PAIR_BLOCK : SINGLE_BLOCK; }
/* A buffer of 512 bytes a chip. */
static uint32_t buffer_of(const CfiFlash *f) { return is_pair(f) ? BUFFER : BUFFER / 2; }

static void set_mode(CfiFlash *f, uint8_t mode)
{
    f->mode = mode;
    mem_map_set_reads(f->dev.mem, &f->dev.region[0], mode != READ_ARRAY);
}

/* ---- the array ---- */

/* Bytes of the array have changed. */
static bool changed(CfiFlash *f, uint64_t at, uint64_t n)
{
    const BlockPort *d = f->drive;
    uint64_t start = align_down(at, SECTOR), end = align_up(at + n, SECTOR);
    mem_map_note_write(f->dev.mem, &f->ram, at, n);
    return !d || (!d->read_only && d->write(d->backend, start, f->ram.host + start, end - start));
}

static bool may_write(const CfiFlash *f) { return !f->drive || !f->drive->read_only; }

static void program(CfiFlash *f, uint64_t at, const uint8_t *from, uint64_t n)
{
    if (!may_write(f)) {
        f->status |= PROGRAM_FAILED;
        return;
    }
    for (uint64_t k = 0; k < n; k++)
        f->ram.host[at + k] &= from[k];
    if (!changed(f, at, n))
        f->status |= PROGRAM_FAILED;
}

static void erase(CfiFlash *f, uint64_t at)
{
    const uint64_t block = block_of(f);
    at = align_down(at, block);
    if (may_write(f))
        memset(f->ram.host + at, 0xff, block);
    if (!may_write(f) || !changed(f, at, block))
        f->status |= ERASE_FAILED;
}

/* ---- what it says of itself ---- */

/* The query table, from 0x10 on (JESD68.01; the primary algorithm's table at 0x31). Sizes are of one chip. */
static uint8_t query(const CfiFlash *f, unsigned at)
{
    static const uint8_t fixed[] = {
        [0x00] = 'Q', 'R', 'Y', 0x01, 0x00, 0x31, 0x00, 0, 0, 0, 0,
        [0x0b] = 0x45, 0x55, 0, 0,                      /* volts */
        [0x0f] = 7, 7, 10, 0, 4, 4, 4, 0,               /* typical and most times */
        [0x18] = 0, 0,                                  /* bus */
        [0x1a] = 9, 0,                                  /* buffer: 512 bytes a chip */
        [0x1c] = 1,                                     /* one region of blocks */
        [0x21] = 'P', 'R', 'I', '1', '0', 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0,
    };
    const uint64_t blocks = f->bytes / block_of(f) - 1, chips = is_pair(f) ? 2 : 1,
                   block = block_of(f) / chips;
    switch (at) {
    case 0x27: return (uint8_t)(64 - __builtin_clzll(f->bytes / chips - 1));
    case 0x28: return is_pair(f) ? 2 : 0;
    case 0x2f: return (uint8_t)(block >> 8);
    case 0x30: return (uint8_t)(block >> 16);
    case 0x2d: return (uint8_t)blocks;
    case 0x2e: return (uint8_t)(blocks >> 8);
    default: return at >= 0x10 && at - 0x10 < sizeof(fixed) ? fixed[at - 0x10] : 0;
    }
}

static uint8_t identifier(unsigned at)
{
    enum { MAKER = 0x89, PART = 0x18 };
    return at == 0 ? MAKER : at == 1 ? PART : 0; /* 2, of each block: not locked */
}

static uint64_t flash_read(void *dev, uint64_t at, unsigned size)
{
    const CfiFlash *f = dev;
    const uint32_t lanes = is_pair(f) ? 0x00010001 : 0x01010101;
    uint32_t word;
    switch (f->mode) {
    case READ_STATUS: word = f->status; break;
    case READ_ID: word = identifier((unsigned)(at / f->width)); break;
    case READ_QUERY: word = query(f, at / f->width & 0xff); break;
    default: word = ld_u32(f->ram.host + align_down(at, 4)); return word >> at % 4 * 8;
    }
    return (word * lanes) >> at % f->width * 8;
}

/* ---- commands ---- */

static void command(CfiFlash *f, uint8_t c)
{
    f->step = AT_COMMAND;
    switch (c) {
    case CMD_PROGRAM_OLD:
    case CMD_PROGRAM: f->step = AT_PROGRAM; break;
    case CMD_ERASE: f->step = AT_ERASE; break;
    case CMD_LOCK: f->step = AT_LOCK; break;
    case CMD_BUFFER: f->step = AT_COUNT; break;
    case CMD_CLEAR_STATUS: f->status = is_pair(f) ? READY : 0; return;
    case CMD_READ_STATUS: break;
    case CMD_READ_ID: set_mode(f, READ_ID); return;
    case CMD_QUERY: set_mode(f, READ_QUERY); return;
    case CMD_READ_ARRAY: set_mode(f, READ_ARRAY); return;
    default: log_guest(&f->dev, "no command 0x%x", c); return;
    }
    set_mode(f, READ_STATUS);
}

static void take_count(CfiFlash *f, uint64_t at, uint64_t value)
{
    f->left = (uint32_t)(value & 0xffff) + 1; /* of words, both chips' */
    f->base = (uint32_t)align_down(at, buffer_of(f));
    f->step = AT_DATA;
    memset(f->buffer, 0xff, sizeof(f->buffer));
    if (f->left > buffer_of(f) / f->width) {
        f->status |= PROGRAM_FAILED;
        f->step = AT_COMMAND;
    }
}

static void take_data(CfiFlash *f, uint64_t at, uint64_t value, unsigned size)
{
    if (f->left == 0)
        return;
    if (at >= f->base && at - f->base + size <= buffer_of(f))
        memcpy(f->buffer + (at - f->base), &value, size);
    else
        f->status |= PROGRAM_FAILED;
    if (--f->left == 0)
        f->step = AT_CONFIRM;
}

static void flash_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    CfiFlash *f = dev;
    uint8_t c = (uint8_t)value;
    if (f->step != AT_COMMAND)
        f->status |= READY;
    switch (f->step) {
    case AT_COMMAND: command(f, c); return;
    case AT_COUNT: take_count(f, at, value); return;
    case AT_DATA: take_data(f, at, value, size); return;
    case AT_PROGRAM: program(f, at, (const uint8_t *)&value, size); break;
    case AT_ERASE:
        if (c == CMD_CONFIRM)
            erase(f, at);
        else
            f->status |= ERASE_FAILED | PROGRAM_FAILED; /* a sequence of commands that is none */
        break;
    case AT_CONFIRM:
        if (c != CMD_CONFIRM)
            f->status |= ERASE_FAILED | PROGRAM_FAILED;
        else if (!(f->status & PROGRAM_FAILED))
            program(f, f->base, f->buffer, buffer_of(f));
        break;
    default: break; /* locks are accepted, and there are none */
    }
    f->step = AT_COMMAND;
}

static const MmioOps ops = {.read = flash_read, .write = flash_write, .min = 1, .max = 4};

/* ---- the device ---- */

bool cfi_flash_has_image(const Device *dev) { return ((const CfiFlash *)dev)->drive != NULL; }

static bool flash_realize(Device *dev, DevError *err)
{
    CfiFlash *f = (CfiFlash *)dev;
    const BlockPort *d = f->drive;
    const bool odd = is_pair(f) && (f->bytes & (f->bytes - 1));
    if (!is_pair(f) && f->width != 1)
        return dev_fail(err, "%s: a bus of %u bytes: 1 or 4", dev->id, f->width);
    if (f->bytes < block_of(f) || f->bytes % block_of(f) || odd || f->bytes > 1ull << 31)
        return dev_fail(err, "%s: a flash of %lu bytes", dev->id, (unsigned long)f->bytes);
    if (d && d->bytes != f->bytes)
        return dev_fail(err, "%s: the image has %lu bytes; the flash has %lu", dev->id,
                        (unsigned long)d->bytes, (unsigned long)f->bytes);
    if (!ram_block_init(&f->ram, dev->id, f->bytes, f->code_base))
        return dev_fail(err, "no memory");
    if (d && !d->read(d->backend, 0, f->ram.host, f->bytes))
        return dev_fail(err, "%s: the image cannot be read", dev->id);
    MemRegion *r = dev_add_mmio(dev, dev->id, &ops, f->bytes);
    r->kind = MEM_ROM_DEVICE;
    r->ram = &f->ram;
    return true;
}

/* What is stored stays. */
static void flash_reset(Device *dev)
{
    CfiFlash *f = (CfiFlash *)dev;
    f->step = AT_COMMAND;
    f->status = READY;
    f->base = f->left = 0;
    memset(f->buffer, 0, sizeof(f->buffer));
    set_mode(f, READ_ARRAY);
}

static bool flash_loaded(Device *dev, DevError *err)
{
    CfiFlash *f = (CfiFlash *)dev;
    if (f->mode >= READ_MODES || f->step >= STEPS || f->base > f->bytes - buffer_of(f) ||
        f->left > buffer_of(f) / f->width || f->base % buffer_of(f))
        return dev_fail(err, "%s: a state that no flash has", dev->id);
    set_mode(f, f->mode);
    return true;
}

static void flash_clear(Device *dev)
{
    if (dev->mem && dev->n_regions)
        mem_map_remove(dev->mem, &dev->region[0]);
    dev->n_regions = 0;
    ram_block_clear(&((CfiFlash *)dev)->ram);
}

static const DevProp props[] = {
    DEV_U64(CfiFlash, bytes, "size", 32 << 20),
    DEV_U64(CfiFlash, code_base, "address of its code for the translator", 0),
    DEV_U32(CfiFlash, width, "of the bus, bytes", PAIR),
    DEV_PTR(CfiFlash, drive, "what it holds"),
};
static const DevField state[] = {
    DEV_FIELD(CfiFlash, mode), DEV_FIELD(CfiFlash, step), DEV_FIELD(CfiFlash, status),
    DEV_FIELD(CfiFlash, base), DEV_FIELD(CfiFlash, left), DEV_ARRAY(CfiFlash, buffer),
};

const DevClass cfi_flash_class = {
    .name = "cfi-flash", .help = "NOR flash", .version = 1,
    DEV_TABLES(CfiFlash, props, state),
    .realize = flash_realize, .reset = flash_reset, .loaded = flash_loaded, .clear = flash_clear,
};
