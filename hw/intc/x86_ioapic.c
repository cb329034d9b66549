/* Intel 82093AA, version 20 (with a register for the end of interrupts, as of chip sets since ICH2). Inputs
 * are wired active high here, whatever an entry's polarity says: it describes a board, not a wire of ours. */
#include "hw/intc/x86_ioapic.h"
#include "hw/core/dev_impl.h"

enum { SELECT = 0x00, WINDOW = 0x10, END = 0x40, BYTES = 0x1000, VERSION_VALUE = 0x170020 };
enum { REG_ID, REG_VERSION, REG_ARBITRATION, REG_TABLE = 0x10 };
#define REMOTE_IRR (1ull << 14)
#define LEVEL      (1ull << 15)
#define MASKED     (1ull << 16)
#define WRITABLE   0xff0000000001afffull

typedef struct Ioapic {
    Device dev;
    uint32_t number;
    const MsiTarget *send;
    DEV_STATE_BEGIN
    uint64_t entry[X86_IOAPIC_INPUTS];
    uint32_t level; /* inputs */
    uint32_t edge;  /* of edge-triggered ones that were masked */
    uint32_t id;
    uint8_t select;
    DEV_STATE_END
} Ioapic;

static void send(Ioapic *io, unsigned n)
{
    const uint64_t e = io->entry[n];
    const uint64_t address = x86_ioapic_address(e);
    const uint32_t data = x86_ioapic_data(e);
    dev_trace(&io->dev, IOAPIC_SEND, "input %u address 0x%lx data 0x%x", n, (unsigned long)address, data);
    if (io->send && io->send->send)
        io->send->send(io->send->receiver, address, data, n);
}

static void serve(Ioapic *io, unsigned n)
{
    uint64_t *e = &io->entry[n];
    if (*e & MASKED)
        return;
    if (*e & LEVEL) {
        if (!(io->level >> n & 1) || (*e & REMOTE_IRR))
            return;
        *e |= REMOTE_IRR;
    } else {
        if (!(io->edge >> n & 1))
            return;
        io->edge &= ~(1u << n);
    }
    send(io, n);
}

static void set_line(void *receiver, unsigned n, bool level)
{
    Ioapic *io = receiver;
    const uint32_t bit = 1u << n;
    lock_take(&io->dev.lock);
    if (level && !(io->level & bit) && !(io->entry[n] & LEVEL))
        io->edge |= bit;
    io->level = level ? io->level | bit : io->level & ~bit;
    if (!level)
        io->edge &= ~bit;
    serve(io, n);
    lock_release(&io->dev.lock);
}

IrqLine x86_ioapic_input(Device *d, unsigned n)
{
    return (IrqLine){set_line, d, n};
}

static void end(Ioapic *io, unsigned vector)
{
    for (unsigned n = 0; n < X86_IOAPIC_INPUTS; n++) {
        uint64_t *e = &io->entry[n];
        if ((*e & 0xff) != vector || !(*e & LEVEL))
            continue;
        *e &= ~REMOTE_IRR;
        serve(io, n);
    }
}

void x86_ioapic_eoi(Device *d, unsigned vector)
{
    lock_take(&d->lock);
    end((Ioapic *)d, vector);
    lock_release(&d->lock);
}

/* ---- another engine's ---- */

_Static_assert((int)X86_IOAPIC_INPUTS == (int)X86_CHIP_INPUTS, "of the same kind");

void x86_ioapic_get(Device *d, X86IoapicState *ret)
{
    const Ioapic *io = (const Ioapic *)d;
    lock_take(&d->lock);
    *ret = (X86IoapicState){.edges = io->edge, .id = (uint8_t)io->id, .select = io->select};
    memcpy(ret->entry, io->entry, sizeof(ret->entry));
    lock_release(&d->lock);
}

void x86_ioapic_put(Device *d, const X86IoapicState *s, uint32_t levels)
{
    Ioapic *io = (Ioapic *)d;
    lock_take(&d->lock);
    for (unsigned n = 0; n < X86_IOAPIC_INPUTS; n++)
        io->entry[n] = s->entry[n] & (WRITABLE | REMOTE_IRR);
    io->edge = s->edges;
    io->id = s->id;
    io->select = s->select;
    io->level = levels & ((1u << X86_IOAPIC_INPUTS) - 1);
    lock_release(&d->lock);
}

void x86_ioapic_drive(Device *d)
{
    Ioapic *io = (Ioapic *)d;
    lock_take(&d->lock);
    for (unsigned n = 0; n < X86_IOAPIC_INPUTS; n++)
        serve(io, n);
    lock_release(&d->lock);
}

/* ---- registers ---- */

static uint32_t read_reg(const Ioapic *io)
{
    const unsigned n = (io->select - REG_TABLE) / 2u;
    switch (io->select) {
    case REG_ID:
    case REG_ARBITRATION: return io->id << 24;
    case REG_VERSION: return VERSION_VALUE;
    default: break;
    }
    if (io->select < REG_TABLE || n >= X86_IOAPIC_INPUTS)
        return 0;
    return (uint32_t)(io->entry[n] >> (io->select & 1 ? 32 : 0));
}

static void write_entry(Ioapic *io, unsigned n, uint32_t v)
{
    const unsigned shift = io->select & 1 ? 32 : 0;
    const uint64_t mask = (WRITABLE >> shift & 0xffffffff) << shift, old = io->entry[n];
    uint64_t e = (old & ~mask) | ((uint64_t)v << shift & mask);
    if (!(e & LEVEL))
        e &= ~REMOTE_IRR;
    io->entry[n] = e;
    dev_trace(&io->dev, IOAPIC_ENTRY, "%u: 0x%lx", n, (unsigned long)e);
    serve(io, n);
}

static void write_reg(Ioapic *io, uint32_t v)
{
    const unsigned n = (io->select - REG_TABLE) / 2u;
    if (io->select == REG_ID)
        io->id = v >> 24 & 15;
    else if (io->select >= REG_TABLE && n < X86_IOAPIC_INPUTS)
        write_entry(io, n, v);
}

static uint64_t io_read(void *dev, uint64_t at, unsigned size)
{
    const Ioapic *io = dev;
    return at == SELECT ? io->select : at == WINDOW && size == 4 ? read_reg(io) : 0;
}

static void io_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Ioapic *io = dev;
    if (at == SELECT)
        io->select = (uint8_t)value;
    else if (at == WINDOW && size == 4)
        write_reg(io, (uint32_t)value);
    else if (at == END)
        end(io, (unsigned)value & 0xff);
}

static const MmioOps ops = {.read = io_read, .write = io_write, .min = 1, .max = 4};

static bool io_realize(Device *dev, DevError *err)
{
    lock_init(&dev->lock, LOCK_RANK_INTC);
    dev_add_mmio(dev, "ioapic", &ops, BYTES);
    return true;
}

static void io_reset(Device *dev)
{
    Ioapic *io = (Ioapic *)dev;
    for (unsigned n = 0; n < X86_IOAPIC_INPUTS; n++)
        io->entry[n] = MASKED;
    io->level = io->edge = 0;
    io->id = io->number;
    io->select = 0;
}

static bool io_loaded(Device *dev, DevError *err)
{
    const Ioapic *io = (const Ioapic *)dev;
    for (unsigned n = 0; n < X86_IOAPIC_INPUTS; n++)
        if (io->entry[n] & ~(WRITABLE | REMOTE_IRR))
            return dev_fail(err, "an I/O APIC whose entry %u is 0x%lx", n, (unsigned long)io->entry[n]);
    if ((io->level | io->edge) >> X86_IOAPIC_INPUTS || io->id > 15)
        return dev_fail(err, "an I/O APIC with inputs 0x%x and id %u", io->level | io->edge, io->id);
    return true;
}

static const DevProp props[] = {
    {"id", "its own", offsetof(Ioapic, number), PROP_U32, 4, 0},
    DEV_PTR(Ioapic, send, "what takes messages"),
};
static const DevField state[] = {DEV_ARRAY(Ioapic, entry), DEV_FIELD(Ioapic, level), DEV_FIELD(Ioapic, edge),
                                 DEV_FIELD(Ioapic, id), DEV_FIELD(Ioapic, select)};

const DevClass x86_ioapic_class = {
    .name = "x86-ioapic",
    .help = "I/O APIC",
    .version = 1,
    DEV_TABLES(Ioapic, props, state),
    .realize = io_realize,
    .reset = io_reset,
    .loaded = io_loaded,
};
