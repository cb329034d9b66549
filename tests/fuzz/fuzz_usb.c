/*
 * The xHCI and its devices as a hostile guest would use them: registers, rings and contexts that it makes up.
 * Falls over on: memory errors and undefined behaviour (with sanitizers), rings that never end, a state that
 * its own device does not take back.
 *
 * Input: operations, each a byte and its operands (enum Op).
 */
#include "fuzz_rig.h"

#include "hw/core/clock.h"
#include "hw/core/input.h"
#include "hw/core/ports.h"
#include "hw/pci/pcie_host.h"
#include "hw/usb/usb_hid.h"
#include "hw/usb/usb_storage.h"
#include "hw/usb/xhci.h"

#include <stdlib.h>

enum {
    ECAM_AT = 0x10000000,
    LOW_AT = 0x40000000,
    RAM_AT = 0x100000,
    RAM_BYTES = 0x10000,
    DISK_BYTES = 65536
};
enum { DEVICES = 6, INPUTS = 3 };
enum { COMMANDS = RAM_AT, EVENTS = RAM_AT + 0x1000, TABLE = RAM_AT + 0x2000, DCBAA = RAM_AT + 0x3000 };
enum { INPUT_CONTEXT = RAM_AT + 0x4000, OUTPUTS = RAM_AT + 0x5000, RINGS = RAM_AT + 0x8000 };

typedef enum Op {
    OP_REG,     /* offset (2), value (4) */
    OP_READ,    /* offset (2) */
    OP_BEGIN,   /* sets the controller up as drivers do */
    OP_DEVICE,  /* port: enables a slot and addresses what is there */
    OP_SETUP,   /* port: opens the endpoints of a slot */
    OP_COMMAND, /* type, slot, parameter (4), further bits (2) */
    OP_TRB,     /* endpoint, type, length (2), bits, where (2) */
    OP_BELL,    /* slot, target */
    OP_REQUEST, /* slot, eight bytes: a control transfer */
    OP_BLOCK,   /* sixteen bytes of a command block, to the disk */
    OP_POKE,    /* where (2), value (4) */
    OP_KEY,     /* key, down */
    OP_MOVE,    /* x, y, wheel, buttons */
    OP_PASS,    /* log of ns */
    OP_RESET,   /* device */
    OP_STATE,   /* device, where to change its text (2), to what */
    OPS
} Op;

struct Rig {
    MemMap map;
    Clock clock;
    uint64_t now;
    RamBlock ram;
    MemRegion ram_region;
    Device *host, *device[DEVICES];
    InputPort input[INPUTS];
    BlockPort disk;
    uint32_t command_at, command_cycle, ring_at[4][32];
};

static uint64_t rig_now(void *opaque)
{
    return ((Rig *)opaque)->now;
}
static bool disk_read(void *backend, uint64_t at, void *to, size_t n)
{
    if (at + n > DISK_BYTES)
        die("behind the end of the disk");
    memset(to, (int)at, n);
    return at != 4096;
}
static bool disk_write(void *backend, uint64_t at, const void *from, size_t n)
{
    if (at + n > DISK_BYTES)
        die("behind the end of the disk");
    return at != 8192;
}
static bool disk_flush(void *backend)
{
    return true;
}

static void put(const Rig *r, uint64_t at, unsigned size, uint64_t v)
{
    MemRange range;
    if (mem_map_find(&r->map, at, &range) && at + size <= range.end)
        mem_range_write(&r->map, &range, at, size, v);
}
static void reg(const Rig *r, unsigned at, uint32_t v)
{
    put(r, LOW_AT + at, 4, v);
}

static Device *make(Rig *r, const DevClass *cls, const char *link, void *to)
{
    DevError err;
    Device *parent = r->device[0], *d = dev_new(cls, parent ? parent : r->host, "it");
    if (!d || (link && !dev_set_ptr(d, link, to, &err)) ||
        (parent && !dev_set_ptr(d, "controller", parent, &err)) ||
        !dev_realize(d, &r->map, &r->clock, &err) ||
        (!parent && !pci_plug(r->host, NULL, (PciFunction *)d, &err)))
        die("no device");
    return d;
}

Rig *rig_new(void)
{
    static const uint64_t base[] = {ECAM_AT, 0, LOW_AT};
    DevError err;
    Rig *r = calloc(1, sizeof(*r));
    if (!r)
        die("no memory");
    mem_map_init(&r->map);
    clock_init(&r->clock, rig_now, NULL, r);
    r->host = dev_new(&pcie_host_class, NULL, "host");
    if (!r->host || !dev_realize(r->host, &r->map, &r->clock, &err) ||
        !ram_block_init(&r->ram, "ram", RAM_BYTES, RAM_AT))
        die("no host bridge");
    r->ram_region =
        (MemRegion){.name = "ram", .kind = MEM_RAM, .base = RAM_AT, .bytes = RAM_BYTES, .ram = &r->ram};
    mem_map_add(&r->map, &r->ram_region);
    for (unsigned n = 0; n < ARRAY_SIZE(base); n += 2) {
        r->host->region[n].base = base[n];
        mem_map_add(&r->map, &r->host->region[n]);
    }
    r->disk = (BlockPort){.bytes = DISK_BYTES, .read = disk_read, .write = disk_write, .flush = disk_flush};
    r->device[0] = make(r, &qemu_xhci_class, NULL, NULL);
    r->device[1] = make(r, &usb_kbd_class, "input", &r->input[0]);
    r->device[2] = make(r, &usb_mouse_class, "input", &r->input[1]);
    r->device[3] = make(r, &usb_tablet_class, "input", &r->input[2]);
    r->device[4] = make(r, &usb_storage_class, "drive", &r->disk);
    r->device[5] = dev_new(&nec_xhci_class, r->host, "nec");
    if (!r->device[5] || !dev_realize(r->device[5], &r->map, &r->clock, &err) ||
        !pci_plug(r->host, NULL, (PciFunction *)r->device[5], &err))
        die("no second controller");
    dev_reset(r->host);
    put(r, ECAM_AT + (1 << 15) + PCI_BARS, 4, LOW_AT);
    put(r, ECAM_AT + (1 << 15) + PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    return r;
}

void rig_free(Rig *r)
{
    dev_free(r->host);
    mem_map_clear(&r->map);
    ram_block_clear(&r->ram);
    free(r);
}

/* ---- what drivers do ---- */

static void begin(Rig *r)
{
    reg(r, 0x40, 2);
    for (unsigned at = 0; at < 0x1000; at += 8)
        put(r, COMMANDS + at, 8, 0);
    put(r, TABLE, 8, EVENTS);
    put(r, TABLE + 8, 8, 64);
    for (unsigned slot = 1; slot <= 16; slot++)
        put(r, DCBAA + 8 * slot, 8, OUTPUTS + 0x400 * (slot % 8));
    reg(r, 0x40 + 0x38, 16);
    reg(r, 0x40 + 0x30, DCBAA);
    reg(r, 0x40 + 0x18, COMMANDS | 1);
    reg(r, 0x1028, 1);
    reg(r, 0x1038, EVENTS);
    reg(r, 0x1030, TABLE);
    reg(r, 0x1020, 2);
    reg(r, 0x40, 5);
    r->command_at = 0;
}

static void command(Rig *r, unsigned type, unsigned slot, uint64_t parameter, uint32_t bits)
{
    const uint64_t at = COMMANDS + 16 * (r->command_at++ % 255);
    put(r, at, 8, parameter);
    put(r, at + 8, 4, 0);
    put(r, at + 12, 4, 1 | bits | type << 10 | slot << 24);
    put(r, at + 28, 4, 0);
    reg(r, 0x2000, 0);
}

static uint32_t ring_of(unsigned slot, unsigned dci)
{
    return RINGS + ((slot & 3) * 32 + (dci & 31)) * 0x100;
}

static void input_ep(Rig *r, unsigned slot, unsigned dci, unsigned type)
{
    const uint64_t at = INPUT_CONTEXT + 32 * (dci + 1);
    put(r, at + 4, 4, type << 3 | 64 << 16);
    put(r, at + 8, 8, ring_of(slot, dci) | 1);
    for (unsigned k = 0; k < 0x100; k += 8)
        put(r, ring_of(slot, dci) + k, 8, 0);
    r->ring_at[slot & 3][dci & 31] = 0;
}

static void device(Rig *r, unsigned port)
{
    reg(r, 0x440 + 16 * (port - 1), 0x210);
    command(r, 9, 0, 0, 0);
    put(r, INPUT_CONTEXT, 8, 3ull << 32);
    put(r, INPUT_CONTEXT + 32, 4, 1u << 27);
    put(r, INPUT_CONTEXT + 36, 4, port << 16);
    input_ep(r, port, 1, 4);
    command(r, 11, port, INPUT_CONTEXT, 0);
}

static void trb(Rig *r, unsigned slot, unsigned dci, uint64_t parameter, uint32_t length, uint32_t control)
{
    const uint64_t at = ring_of(slot, dci) + 16 * (r->ring_at[slot & 3][dci & 31]++ % 15);
    put(r, at, 8, parameter);
    put(r, at + 8, 4, length);
    put(r, at + 12, 4, control | 1);
    put(r, at + 28, 4, 0);
}

static void request(Rig *r, unsigned slot, uint64_t setup)
{
    const bool in = setup & 0x80;
    trb(r, slot, 1, setup, 8, 2 << 10 | 0x40);
    if (setup >> 48)
        trb(r, slot, 1, RAM_AT + 0xf000, setup >> 48 & 0xfff, 3 << 10 | 4 | (in ? 0x10000 : 0));
    trb(r, slot, 1, 0, 0, 4 << 10 | 0x20);
    reg(r, 0x2000 + 4 * (slot & 15), 1);
}

static void set_up(Rig *r, unsigned slot)
{
    static const uint8_t type[] = {[3] = 6, [4] = 2};
    request(r, slot, 0x010900);
    put(r, INPUT_CONTEXT, 8, 0x19ull << 32);
    put(r, INPUT_CONTEXT + 32, 4, 4u << 27);
    for (unsigned dci = 3; dci <= 4; dci++)
        input_ep(r, slot, dci, slot == 4 ? type[dci] : 7);
    command(r, 12, slot, INPUT_CONTEXT, 0);
}

static void block(Rig *r, const uint64_t *c)
{
    const uint64_t at = RAM_AT + 0xe000;
    put(r, at, 4, 0x43425355);
    put(r, at + 8, 4, c[1] >> 40 & 0xffff);
    put(r, at + 12, 1, c[0] & 0x80);
    put(r, at + 13, 2, 0x0a00);
    put(r, at + 15, 1, c[0] >> 8);
    for (unsigned k = 0; k < 8; k++)
        put(r, at + 16 + k, 1, c[1] >> 8 * k & (k < 4 ? 0 : 0xff));
    trb(r, 4, 4, at, 31, 1 << 10 | 0x20);
    reg(r, 0x2010, 4);
    for (unsigned k = 0; k < 2; k++)
        trb(r, 4, c[0] & 0x80 || k ? 3 : 4, RAM_AT + 0xf000, k ? 13 : c[1] >> 40 & 0xfff, 1 << 10 | 0x24);
    reg(r, 0x2010, 4);
    reg(r, 0x2010, 3);
}

void rig_run(Rig *r, Input *in)
{
    const Op op = (Op)(next(in, 1) % OPS);
    uint64_t a = next(in, op == OP_REG || op == OP_READ || op == OP_POKE ? 2 : 1), b;
    switch (op) {
    case OP_REG: reg(r, (unsigned)a % 0x4000 & ~3u, (uint32_t)next(in, 4)); break;
    case OP_READ: {
        MemRange range;
        if (mem_map_find(&r->map, LOW_AT + (a % 0x4000 & ~3ull), &range))
            mem_range_read(&range, LOW_AT + (a % 0x4000 & ~3ull), 4, &b);
        break;
    }
    case OP_BEGIN: begin(r); break;
    case OP_DEVICE: device(r, 1 + (unsigned)a % 5); break;
    case OP_SETUP: set_up(r, 1 + (unsigned)a % 4); break;
    case OP_COMMAND:
        b = next(in, 1);
        a = a % 32 | next(in, 4) << 32;
        command(r, (unsigned)a & 63, (unsigned)b % 8, a >> 32,
                (uint32_t)next(in, 2) << 9 & 0x3fc00 ? 0x200 : 0);
        break;
    case OP_TRB:
        b = next(in, 1);
        a |= next(in, 2) << 8;
        trb(r, 1 + (a & 3), 1 + (a >> 2 & 3), RAM_AT + next(in, 2), a >> 8 & 0x1ffff,
            (b & 63) << 10 | (b & 0x36));
        break;
    case OP_BELL: reg(r, 0x2000 + 4 * (a % 8), (uint32_t)next(in, 1) % 8); break;
    case OP_REQUEST: request(r, 1 + (unsigned)a % 4, next(in, 8)); break;
    case OP_BLOCK: {
        const uint64_t c[2] = {a | next(in, 1) << 8, next(in, 8)};
        block(r, c);
        break;
    }
    case OP_POKE: put(r, RAM_AT + (a & ~3ull), 4, next(in, 4)); break;
    case OP_KEY: r->input[0].key(r->input[0].device, (unsigned)a, next(in, 1) & 1); break;
    case OP_MOVE:
        b = next(in, 2);
        r->input[1].move(r->input[1].device, (int8_t)a * 4, (int8_t)b, (int8_t)(b >> 8), (unsigned)b & 7);
        r->input[2].point(r->input[2].device, (unsigned)a << 7, (unsigned)b & 0x7fff, 0, (unsigned)a & 7);
        break;
    case OP_PASS:
        r->now += 1ull << a % 40;
        clock_run(&r->clock);
        break;
    case OP_RESET: dev_reset(r->device[a % DEVICES]); break;
    case OP_STATE:
        b = next(in, 2);
        change_state(r->device[a % DEVICES], b, (char)next(in, 1));
        break;
    case OPS: break;
    }
}

static void poke(Out *o, unsigned at, uint32_t v)
{
    out(o, 1, OP_POKE);
    out(o, 2, at);
    out(o, 4, v);
}

/* A write of no blocks, and much more data than the disk has room for. */
static size_t too_much_data(uint8_t *buf, size_t cap)
{
    enum { CBW = 0xe000, TO_DISK = 0x0f, TO_OUT = 0x0404, PARTS = 6, PART = 0xffff };
    Out o = {.buf = buf, .cap = cap};
    out(&o, 2, OP_BEGIN);
    for (unsigned port = 0; port < 4; port++) {
        out(&o, 2, OP_DEVICE | port << 8);
        out(&o, 2, OP_SETUP | port << 8);
    }
    poke(&o, CBW, 0x43425355);
    poke(&o, CBW + 8, PARTS * PART);
    poke(&o, CBW + 12, 0x2a0a0000);
    for (unsigned k = 0; k <= PARTS; k++) {
        out(&o, 3, OP_TRB | TO_DISK << 8 | 1 << 16);
        out(&o, 2, k ? PART : 31);
        out(&o, 2, k ? 0 : CBW);
    }
    out(&o, 3, OP_BELL | TO_OUT << 8);
    out(&o, 5, OP_STATE | 4 << 8);
    return o.n;
}

/* Most begin as drivers do. */
size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    enum { SEEDS = 300 };
    static const uint8_t operands[OPS] = {6, 2, 1, 1, 1, 8, 6, 2, 9, 10, 6, 2, 3, 1, 1, 4};
    static const uint8_t commands[] = {0x00, 0x03, 0x12, 0x1a, 0x25, 0x28,
                                       0x2a, 0x35, 0x9e, 0xa0, 0x5a, 0x23};
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15ull;
    Out o = {.buf = buf, .cap = MIN(cap, (size_t)1500)};
    if (i >= SEEDS)
        return i == SEEDS ? too_much_data(buf, cap) : 0;
    out(&o, 2, OP_BEGIN);
    for (unsigned port = 0; port < 4 && i % 8; port++) {
        out(&o, 2, OP_DEVICE | port << 8);
        out(&o, 2, OP_SETUP | port << 8);
    }
    for (unsigned n = 10 + (unsigned)rnd(&h) % 60; n-- > 0;) {
        const unsigned op = (unsigned)rnd(&h) % OPS;
        if ((op == OP_RESET || op == OP_REG || op == OP_BEGIN || op == OP_STATE) && rnd(&h) % 8)
            continue;
        out(&o, 1, op);
        if (op == OP_BLOCK) {
            out(&o, 1, rnd(&h) % 2 ? 0x80 : 0);
            out(&o, 1, commands[rnd(&h) % ARRAY_SIZE(commands)]);
            out(&o, 8, (rnd(&h) % 8) << 40 << 9 | rnd(&h) % 4 << 56);
            continue;
        }
        for (unsigned k = 0; k < operands[op]; k++)
            out(&o, 1, rnd(&h) % 2 ? rnd(&h) % 32 : rnd(&h));
    }
    return o.n;
}
