/*
 * Display adapters as a hostile guest would use them: ports, window, registers, memory, configuration; and
 * somebody who looks at any time. Falls over on: memory errors and undefined behaviour (with sanitizers), a
 * picture without a size, a state that its own device does not take back.
 *
 * Input: operations, each a byte and its operands (enum Op).
 */
#include "fuzz_rig.h"

#include "hw/core/clock.h"
#include "hw/display/vga.h"
#include "hw/pci/pcie_host.h"

#include <stdlib.h>

enum { ECAM_AT = 0x10000000, IO_AT = 0x20000000, LOW_AT = 0x40000000, ADAPTERS = 2, BAR_STEP = 0x2000000 };

typedef enum Op {
    OP_OUT,    /* port (1, from 3b0 on), value (2) */
    OP_IN,     /* port */
    OP_INDEX,  /* which pair of ports, register, value */
    OP_DISPI,  /* adapter, register, value (2) */
    OP_POKE,   /* offset in the window (3), size, value (4) */
    OP_PEEK,   /* offset in the window (3), size */
    OP_STORE,  /* adapter, offset in its memory (3), value (4) */
    OP_REGS,   /* adapter, offset in BAR 2 (2), size, value (4) */
    OP_CONFIG, /* adapter, offset, value (4) */
    OP_DRAW,   /* adapter */
    OP_PASS,   /* log of ns */
    OP_RESET,  /* adapter */
    OP_STATE,  /* adapter, where to change its text (2), to what */
    OPS
} Op;

struct Rig {
    MemMap map;
    Clock clock;
    uint64_t now;
    Device *host, *adapter[ADAPTERS];
    DisplayPort display[ADAPTERS];
    DisplayFrame frame[ADAPTERS];
};

static uint64_t rig_now(void *opaque)
{
    return ((Rig *)opaque)->now;
}

static void put(const Rig *r, uint64_t at, unsigned size, uint64_t v)
{
    MemRange range;
    if (mem_map_find(&r->map, at, &range) && at + size <= range.end)
        mem_range_write(&r->map, &range, at, size, v);
}
static void get(const Rig *r, uint64_t at, unsigned size)
{
    MemRange range;
    uint64_t v;
    if (mem_map_find(&r->map, at, &range) && at + size <= range.end)
        mem_range_read(&range, at, size, &v);
}
static void config(const Rig *r, unsigned n, unsigned at, unsigned size, uint64_t v)
{
    put(r, ECAM_AT + ((n + 1) << 15) + at, size, v);
}

static void make(Rig *r, unsigned n, const DevClass *cls)
{
    static const uint8_t rom[3] = {0x55, 0xaa, 1};
    DevError err;
    Device *d = r->adapter[n] = dev_new(cls, r->host, "adapter");
    if (!d || !dev_set(d, "vgamem_mb", "1", &err) || !dev_set_ptr(d, "display", &r->display[n], &err) ||
        !dev_realize(d, &r->map, &r->clock, &err) || !pci_set_rom((PciFunction *)d, rom, sizeof(rom), &err) ||
        !pci_plug(r->host, NULL, (PciFunction *)d, &err))
        die("no adapter");
    dev_reset(d);
    config(r, n, PCI_BARS, 4, LOW_AT + n * BAR_STEP);
    config(r, n, PCI_BARS + 8, 4, LOW_AT + n * BAR_STEP + BAR_STEP / 2);
    config(r, n, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

Rig *rig_new(void)
{
    static const uint64_t base[] = {ECAM_AT, IO_AT, LOW_AT};
    DevError err;
    Rig *r = calloc(1, sizeof(*r));
    if (!r)
        die("no memory");
    mem_map_init(&r->map);
    clock_init(&r->clock, rig_now, NULL, r);
    r->host = dev_new(&pcie_host_class, NULL, "host");
    if (!r->host || !dev_realize(r->host, &r->map, &r->clock, &err))
        die("no host bridge");
    for (unsigned n = 0; n < ARRAY_SIZE(base); n++) {
        r->host->region[n].base = base[n];
        mem_map_add(&r->map, &r->host->region[n]);
    }
    make(r, 0, &vga_class);
    make(r, 1, &bochs_display_class);
    return r;
}

void rig_free(Rig *r)
{
    for (unsigned n = 0; n < ADAPTERS; n++)
        display_frame_clear(&r->frame[n]);
    dev_free(r->host);
    mem_map_clear(&r->map);
    free(r);
}

static void op_draw(Rig *r, unsigned n)
{
    enum { MOST = 64 << 20 };
    DisplayFrame *f = &r->frame[n];
    if (!r->display[n].draw(r->display[n].device, f))
        die("no picture");
    if (!f->pixel || !f->width || !f->height || (uint64_t)f->width * f->height > MOST)
        die("a picture of an odd size");
}

void rig_run(Rig *r, Input *in)
{
    static const uint16_t pairs[] = {0x3c4, 0x3ce, 0x3d4, 0x3b4};
    const uint8_t op = (uint8_t)next(in, 1) % OPS;
    const bool by_adapter = op == OP_DISPI || (op >= OP_STORE && op != OP_PASS);
    const unsigned n = by_adapter ? (unsigned)next(in, 1) % ADAPTERS : 0;
    uint64_t at, size;
    switch ((Op)op) {
    case OP_OUT:
        at = next(in, 1) % 0x30;
        put(r, IO_AT + 0x3b0 + at, 1, next(in, 2));
        break;
    case OP_IN: get(r, IO_AT + 0x3b0 + next(in, 1) % 0x30, 1); break;
    case OP_INDEX:
        at = pairs[next(in, 1) % ARRAY_SIZE(pairs)];
        put(r, IO_AT + at, 1, next(in, 1));
        put(r, IO_AT + at + 1, 1, next(in, 1));
        break;
    case OP_DISPI:
        put(r, IO_AT + 0x1ce, 2, next(in, 1));
        put(r, IO_AT + 0x1d0, 2, next(in, 2));
        break;
    case OP_POKE:
        at = next(in, 3) % 0x20000;
        size = 1u << next(in, 1) % 4;
        pcie_host_memory_write(r->host, 0xa0000 + at / size * size, next(in, 4), (unsigned)size);
        break;
    case OP_PEEK:
        at = next(in, 3) % 0x20000;
        size = 1u << next(in, 1) % 4;
        pcie_host_memory_read(r->host, 0xa0000 + at / size * size, (unsigned)size);
        break;
    case OP_STORE:
        at = LOW_AT + n * BAR_STEP + (next(in, 3) & 0xfffffc);
        put(r, at, 4, next(in, 4));
        break;
    case OP_REGS:
        at = next(in, 2) % 0x1000;
        size = 1u << next(in, 1) % 3;
        at = LOW_AT + n * BAR_STEP + BAR_STEP / 2 + at / size * size;
        get(r, at, (unsigned)size);
        put(r, at, (unsigned)size, next(in, 4));
        break;
    case OP_CONFIG:
        at = next(in, 1) & 0xfc;
        config(r, n, (unsigned)at, 4, next(in, 4));
        break;
    case OP_DRAW: op_draw(r, n); break;
    case OP_PASS: r->now += 1ull << next(in, 1) % 40; break;
    case OP_RESET: dev_reset(r->adapter[n]); break;
    case OP_STATE:
        at = next(in, 2);
        change_state(r->adapter[n], at, (char)next(in, 1));
        break;
    case OPS: break;
    }
}

/* Small numbers and single bits mean most. */
size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    enum { SEEDS = 300 };
    static const uint8_t operands[OPS] = {3, 1, 3, 4, 8, 4, 8, 8, 6, 1, 1, 1, 4};
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15ull;
    Out o = {.buf = buf, .cap = MIN(cap, (size_t)1500)};
    if (i >= SEEDS)
        return 0;
    for (unsigned n = 20 + (unsigned)rnd(&h) % 100; n-- > 0;) {
        const unsigned op = (unsigned)rnd(&h) % OPS;
        if ((op == OP_STATE || op == OP_RESET || op == OP_CONFIG || op == OP_DRAW) && rnd(&h) % 8)
            continue;
        out(&o, 1, op);
        for (unsigned k = 0; k < operands[op]; k++)
            out(&o, 1, rnd(&h) % 2 ? rnd(&h) % 32 : rnd(&h));
    }
    out(&o, 2, OP_DRAW);
    return o.n;
}
