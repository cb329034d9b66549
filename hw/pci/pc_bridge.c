/*
 * Intel 82441FX (290549) and 3 Series (316966) data sheets, of which the registers for shadowing (PAM), SMRAM
 * and the flat configuration window (PCIEXBAR) do something. Shadowing for writes only, reads going to the
 * ROM, is taken as neither. SMRAM (a0000 to bffff; on q35 also the top of RAM below 4 GiB, TSEG) is memory
 * for every cpu while it is open, and for those in system management mode while it is enabled (the board asks
 * pc_bridge_smram()). Locked, its registers stay as they are until reset.
 */
#include "hw/pci/pc_bridge.h"

enum { SEGMENTS = 13, SEGMENT = 0x4000, FIRST = 0xc0000, LAST = 0xf0000, PAM_BYTES = 7 };
enum { SMRAM_BASE = 0xa0000, SMRAM_BYTES = 0x20000, SMRAM_OPEN = 0x40, SMRAM_LOCK = 0x10, SMRAM_ENABLE = 8 };
enum { READ = 1, WRITE = 2 };
enum { EXBAR = 0x60, EXBAR_ON = 1, TSEG_AT = 0x9e, TSEG_ON = 1 };
/* A larger TSEG, as other machines of this name have it: its MiB, where a write of all ones asks for it. */
enum { LARGE_TSEG_AT = 0x50, LARGE_TSEG = 16, ASK = 0xffff };

typedef struct BridgeKind {
    PciIds ids;
    uint8_t pam, smram; /* registers */
    bool express;       /* has PCIEXBAR */
} BridgeKind;

typedef struct Bridge {
    PciFunction f;
    const PcMemory *memory;
    MemRegion read_only[SEGMENTS], outside[SEGMENTS], smram, tseg; /* instead of RAM */
    DEV_STATE_BEGIN
    PciState p;
    DEV_STATE_END
} Bridge;

static const BridgeKind i440fx = {
    .ids = {0x8086, 0x1237, 0x1af4, 0x1100, 0x060000, 2}, .pam = 0x59, .smram = 0x72};
static const BridgeKind q35 = {
    .ids = {0x8086, 0x29c0, 0x1af4, 0x1100, 0x060000, 0}, .pam = 0x90, .smram = 0x9d, .express = true};

static const BridgeKind *kind_of(const Bridge *b)
{
    return b->f.dev.cls == &q35_mch_class ? &q35 : &i440fx;
}

/* Segments of 16 KiB from c0000 on, the last of 64; their halves of registers begin behind a nibble that is
 * none. */
static uint64_t segment_base(unsigned n)
{
    return FIRST + (uint64_t)n * SEGMENT;
}
static uint64_t segment_bytes(unsigned n)
{
    return segment_base(n) == LAST ? 4 * SEGMENT : SEGMENT;
}

static unsigned attributes(const Bridge *b, unsigned n)
{
    const unsigned nibble = segment_base(n) == LAST ? 1 : n + 2;
    return pci_get(&b->f, kind_of(b)->pam + nibble / 2, 1) >> nibble % 2 * 4 & (READ | WRITE);
}

static bool show(MemRegion *r, bool on)
{
    const bool was = !r->off;
    r->off = !on;
    return was != on;
}

/* 0: none. */
static uint64_t tseg_bytes(const Bridge *b)
{
    static const uint8_t mib[] = {1, 2, 8, LARGE_TSEG};
    const uint32_t v = kind_of(b)->express ? pci_get(&b->f, TSEG_AT, 1) : 0;
    return v & TSEG_ON ? MIN((uint64_t)mib[v >> 1 & 3] << 20, b->memory->low_bytes) : 0;
}

bool pc_bridge_smram(const Device *d, uint64_t at)
{
    const Bridge *b = (const Bridge *)d;
    const uint64_t low = b->memory->low_bytes, n = tseg_bytes(b);
    const bool window = pci_get(&b->f, kind_of(b)->smram, 1) & (SMRAM_ENABLE | SMRAM_OPEN);
    return (at - SMRAM_BASE < SMRAM_BYTES && window) || (n && at >= low - n && at < low);
}

static bool show_tseg(Bridge *b)
{
    const uint64_t n = tseg_bytes(b), base = b->memory->low_bytes - n;
    MemRegion *r = &b->tseg;
    if (r->off == !n && (!n || (r->base == base && r->bytes == n)))
        return false;
    r->off = !n;
    if (n) {
        r->base = base;
        r->bytes = n;
    }
    return true;
}

static void shape_smram(Bridge *b, bool writable)
{
    pci_shape(&b->f, kind_of(b)->smram, 1, 0x02, writable ? 0x7a : 0);
    if (kind_of(b)->express)
        pci_shape(&b->f, TSEG_AT, 1, 0x38, writable ? 0x07 : 0);
}

static void lock_smram(Bridge *b)
{
    uint8_t *v = &b->f.s->config[kind_of(b)->smram];
    if (!(*v & SMRAM_LOCK))
        return;
    *v &= (uint8_t)~SMRAM_OPEN;
    shape_smram(b, false);
}

static void show_segments(Bridge *b)
{
    bool changed = false;
    for (unsigned n = 0; n < SEGMENTS; n++) {
        const unsigned how = attributes(b, n);
        changed |= show(&b->read_only[n], how == READ);
        changed |= show(&b->outside[n], !(how & READ));
    }
    changed |= show(&b->smram, !(pci_get(&b->f, kind_of(b)->smram, 1) & SMRAM_OPEN));
    changed |= kind_of(b)->express && show_tseg(b);
    if (changed)
        mem_map_update(b->f.dev.mem);
}

/* 256, 128 or 64 MiB; those that the buses' numbers do not reach answer nothing. */
static void show_window(Bridge *b)
{
    const uint64_t v = pci_get(&b->f, EXBAR, 4) | (uint64_t)pci_get(&b->f, EXBAR + 4, 4) << 32;
    const uint64_t bytes = 0x10000000ull >> MIN(v >> 1 & 3, 2), base = v & 0xff0000000ull & ~(bytes - 1);
    MemRegion *r = &((Device *)b->f.host)->region[PCIE_ECAM];
    if (r->off == !(v & EXBAR_ON) && r->base == base && r->bytes == bytes)
        return;
    r->off = !(v & EXBAR_ON);
    r->base = base;
    r->bytes = bytes;
    mem_map_update(b->f.dev.mem);
}

static void bridge_written(PciFunction *f, unsigned at, unsigned size)
{
    Bridge *b = (Bridge *)f;
    lock_smram(b);
    show_segments(b);
    if (kind_of(b)->express && pci_get(f, LARGE_TSEG_AT, 2) == ASK) {
        f->s->config[LARGE_TSEG_AT] = LARGE_TSEG;
        f->s->config[LARGE_TSEG_AT + 1] = 0;
    }
    if (kind_of(b)->express && f->host)
        show_window(b);
}

static uint64_t nothing_read(void *dev, uint64_t at, unsigned size)
{
    return ~0ull;
}
static void nothing_write(void *dev, uint64_t at, uint64_t value, unsigned size) {}
static const MmioOps nothing = {.read = nothing_read, .write = nothing_write, .min = 1, .max = 8};

/* What is not SMRAM there is on the bus, where display adapters answer. */
static uint64_t bus_read(void *dev, uint64_t at, unsigned size)
{
    const Bridge *b = dev;
    return b->f.host ? pcie_host_memory_read((Device *)b->f.host, SMRAM_BASE + at, size) : ~0ull;
}
static void bus_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    const Bridge *b = dev;
    if (b->f.host)
        pcie_host_memory_write((Device *)b->f.host, SMRAM_BASE + at, value, size);
}
static const MmioOps to_bus = {.read = bus_read, .write = bus_write, .min = 1, .max = 8};

static bool add(Bridge *b, MemRegion *r, DevError *err)
{
    r->off = true;
    return mem_map_add(b->f.dev.mem, r) || dev_fail(err, "too many regions of memory");
}

static bool add_segment(Bridge *b, unsigned n, DevError *err)
{
    const PcMemory *m = b->memory;
    const uint64_t base = segment_base(n), bytes = segment_bytes(n), from_end = 0x100000 - base;
    b->read_only[n] = (MemRegion){.name = "pam-read-only",
                                  .kind = MEM_ROM,
                                  .priority = 2,
                                  .base = base,
                                  .bytes = bytes,
                                  .ram = m->ram,
                                  .offset = base};
    b->outside[n] = (MemRegion){.name = "pam-outside",
                                .kind = MEM_MMIO,
                                .priority = 1,
                                .base = base,
                                .bytes = bytes,
                                .ops = &nothing,
                                .dev = b};
    if (base >= 0xe0000 && from_end <= m->rom->bytes) {
        b->outside[n].kind = MEM_ROM;
        b->outside[n].ram = m->rom;
        b->outside[n].offset = m->rom->bytes - from_end;
    }
    return add(b, &b->read_only[n], err) && add(b, &b->outside[n], err);
}

static bool bridge_realize(Device *dev, DevError *err)
{
    Bridge *b = (Bridge *)dev;
    const BridgeKind *k = kind_of(b);
    if (!b->memory || b->memory->ram->bytes < 0x100000)
        return dev_fail(err, "%s: 1 MiB of memory is the least", dev->cls->name);
    if (!pci_init(&b->f, &b->p, &k->ids, NULL, err))
        return false;
    pci_shape(&b->f, k->pam, 4, 0, 0x33333330);
    pci_shape(&b->f, k->pam + 4u, 2, 0, 0x3333);
    pci_shape(&b->f, k->pam + 6u, 1, 0, 0x33);
    pci_stays(&b->f, k->pam, PAM_BYTES); /* SeaBIOS finds what it was before in that memory */
    shape_smram(b, true);
    if (k->express) {
        pci_shape(&b->f, EXBAR, 4, 0xb0000000, 0xfc000007);
        pci_shape(&b->f, EXBAR + 4, 4, 0, 0xf);
        pci_stays(&b->f, EXBAR, 8);
        b->f.window_at = EXBAR;
        pci_shape(&b->f, LARGE_TSEG_AT, 2, LARGE_TSEG, 0xffff);
    }
    b->f.conventional = true;
    b->f.written = bridge_written;
    b->smram = (MemRegion){.name = "vga-window",
                           .kind = MEM_MMIO,
                           .priority = 1,
                           .base = SMRAM_BASE,
                           .bytes = SMRAM_BYTES,
                           .ops = &to_bus,
                           .dev = b};
    b->tseg = (MemRegion){
        .name = "tseg", .kind = MEM_MMIO, .priority = 1, .bytes = 1 << 20, .ops = &nothing, .dev = b};
    bool ok = add(b, &b->smram, err) && (!k->express || add(b, &b->tseg, err));
    for (unsigned n = 0; ok && n < SEGMENTS; n++)
        ok = add_segment(b, n, err);
    return ok;
}

static void bridge_reset(Device *dev)
{
    shape_smram((Bridge *)dev, true);
    pci_reset((PciFunction *)dev);
    bridge_written((PciFunction *)dev, 0, 0);
}

static bool bridge_loaded(Device *dev, DevError *err)
{
    shape_smram((Bridge *)dev, true);
    if (!pci_check((PciFunction *)dev, err))
        return false;
    bridge_written((PciFunction *)dev, 0, 0);
    return true;
}

static void bridge_clear(Device *dev)
{
    Bridge *b = (Bridge *)dev;
    for (unsigned n = 0; n < SEGMENTS; n++) {
        if (b->read_only[n].map)
            mem_map_remove(b->read_only[n].map, &b->read_only[n]);
        if (b->outside[n].map)
            mem_map_remove(b->outside[n].map, &b->outside[n]);
    }
    if (b->smram.map)
        mem_map_remove(b->smram.map, &b->smram);
    if (b->tseg.map)
        mem_map_remove(b->tseg.map, &b->tseg);
    pci_clear(&b->f);
}

static const DevProp props[] = {PCI_PROPS(Bridge), DEV_PTR(Bridge, memory, "RAM and ROM below 1 MiB")};
static const DevField state[] = {PCI_ROWS(Bridge)};

const DevClass i440fx_class = {
    .name = "i440fx",
    .help = "memory controller of `pc`",
    .version = 1,
    DEV_TABLES(Bridge, props, state),
    .realize = bridge_realize,
    .reset = bridge_reset,
    .loaded = bridge_loaded,
    .clear = bridge_clear,
};
const DevClass q35_mch_class = {
    .name = "q35-mch",
    .help = "memory controller of `q35`",
    .version = 1,
    DEV_TABLES(Bridge, props, state),
    .realize = bridge_realize,
    .reset = bridge_reset,
    .loaded = bridge_loaded,
    .clear = bridge_clear,
};
