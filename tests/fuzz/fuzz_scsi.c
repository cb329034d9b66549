/*
 * virtio-scsi and its units as a hostile guest would use them: commands, functions and rings that it makes
 * up, with a drive whose thread runs late, units that come and go, trays that move. Falls over on: memory
 * errors and undefined behaviour (with sanitizers), an access behind the end of a drive or of none of its
 * sectors, a state that its own device does not take back.
 *
 * Input: operations, each a byte and its operands (enum Op).
 */
#include "fuzz_rig.h"

#include "hw/core/clock.h"
#include "hw/block/trays.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_scsi.h"

#include <stdlib.h>

enum {
    AT = 0x10000000,
    RAM_AT = 0x100000,
    RAM_BYTES = 0x20000,
    DISK_BYTES = 65536,
    ENTRIES = 16,
    QUEUES = 4
};
enum { HEAD = RAM_AT + 0x10000, ANSWER = HEAD + 0x100, BUFFER = HEAD + 0x1000, UNITS = 4 };

typedef enum Op {
    OP_REG,      /* offset (2), value (4) */
    OP_START,    /* features (1) */
    OP_COMMAND,  /* queue, target and lun, sixteen bytes, bytes out (2), in (2) */
    OP_FUNCTION, /* type, what, target and lun */
    OP_EVENTS,
    OP_DESC,  /* queue, slot, where (4), bytes (2), flags (1), next (1) */
    OP_OFFER, /* queue, head */
    OP_POKE,  /* where (2), value (4) */
    OP_RUN,   /* the late thread */
    OP_PLUG,  /* which, target and lun */
    OP_LEAVE, /* which */
    OP_TRAY,  /* what */
    OP_PASS,
    OP_RESET, /* device */
    OP_STATE, /* device, where to change its text (2), to what */
    OPS
} Op;

struct Rig {
    MemMap map;
    Clock clock;
    uint64_t now;
    RamBlock ram;
    MemRegion ram_region;
    IrqLine irq;
    Device *adapter, *transport, *unit[UNITS]; /* unit: the first are there from the beginning */
    BlockPort disk[UNITS];
    JobPort jobs;
    Job *late;
    uint16_t offered[QUEUES];
};

static uint64_t rig_now(void *opaque)
{
    return ((Rig *)opaque)->now;
}
static void check_range(uint64_t at, uint64_t n)
{
    if (at > DISK_BYTES || n > DISK_BYTES - at || at % 512 || n % 512)
        die("an access that no sectors are at");
}
static bool disk_read(void *backend, uint64_t at, void *to, size_t n)
{
    check_range(at, n);
    memset(to, (int)at, n);
    return at != 4096;
}
static bool disk_write(void *backend, uint64_t at, const void *from, size_t n)
{
    check_range(at, n);
    return at != 8192;
}
static bool disk_flush(void *backend)
{
    return true;
}
static bool disk_discard(void *backend, uint64_t at, uint64_t n)
{
    check_range(at, n);
    return at != 8192;
}
static bool disk_zero(void *backend, uint64_t at, uint64_t n, bool unmap)
{
    return disk_discard(backend, at, n);
}
static void post(void *backend, Job *job)
{
    ((Rig *)backend)->late = job;
}
static void drain(void *backend, Job *job)
{
    Rig *r = backend;
    r->late = r->late == job ? NULL : r->late;
}
static void run_late(Rig *r)
{
    Job *job = r->late;
    r->late = NULL;
    if (job)
        job->run(job->opaque);
}

static void put(const Rig *r, uint64_t at, unsigned size, uint64_t v)
{
    MemRange range;
    if (mem_map_find(&r->map, at, &range) && at + size <= range.end)
        mem_range_write(&r->map, &range, at, size, v);
}

/* The last one is a CD. */
static void plug(Rig *r, unsigned k, unsigned address)
{
    DevError err;
    char number[8];
    Fmt f = FMT_ON(number);
    if (r->unit[k])
        return;
    Device *d = dev_new(k == UNITS - 1 ? &scsi_cd_class : &scsi_hd_class, r->adapter, "unit");
    if (!d || !dev_set_ptr(d, "controller", virtio_scsi_host(r->adapter), &err) ||
        !dev_set_ptr(d, "drive", &r->disk[k], &err))
        die("no device");
    fmt_printf(&f, "%u", address >> 4 & 3);
    dev_set(d, "scsi-id", number, &err);
    if (address & 8)
        dev_set(d, "lun", address & 1 ? "1" : "300", &err);
    if (!dev_realize(d, &r->map, &r->clock, &err)) {
        dev_free(d);
        return;
    }
    dev_reset(d);
    r->unit[k] = d;
}

Rig *rig_new(void)
{
    DevError err;
    Rig *r = calloc(1, sizeof(*r));
    if (!r)
        die("no memory");
    mem_map_init(&r->map);
    clock_init(&r->clock, rig_now, NULL, r);
    if (!ram_block_init(&r->ram, "ram", RAM_BYTES, RAM_AT))
        die("no memory");
    r->ram_region =
        (MemRegion){.name = "ram", .kind = MEM_RAM, .base = RAM_AT, .bytes = RAM_BYTES, .ram = &r->ram};
    mem_map_add(&r->map, &r->ram_region);
    r->jobs = (JobPort){.backend = r, .post = post, .drain = drain};
    for (unsigned k = 0; k < UNITS; k++)
        r->disk[k] = (BlockPort){.backend = r,
                                 .bytes = DISK_BYTES,
                                 .read_only = k == UNITS - 1,
                                 .read = disk_read,
                                 .write = disk_write,
                                 .flush = disk_flush,
                                 .discard = k ? disk_discard : NULL,
                                 .write_zeroes = k ? disk_zero : NULL,
                                 .jobs = k == 1 ? &r->jobs : NULL};
    r->adapter = dev_new(&virtio_scsi_class, NULL, "scsi");
    r->transport = dev_new(&virtio_mmio_class, NULL, "mmio");
    if (!r->adapter || !r->transport || !dev_set(r->adapter, "num_queues", "2", &err) ||
        !dev_set(r->adapter, "packed", "on", &err) || !dev_realize(r->adapter, &r->map, &r->clock, &err) ||
        !dev_set_ptr(r->transport, "device", r->adapter, &err) ||
        !dev_set_ptr(r->transport, "irq", &r->irq, &err) ||
        !dev_realize(r->transport, &r->map, &r->clock, &err))
        die("no adapter");
    r->transport->region[0].base = AT;
    mem_map_add(&r->map, &r->transport->region[0]);
    for (unsigned k = 0; k < UNITS; k++)
        plug(r, k, k << 4 & 0x10);
    dev_reset(r->adapter);
    return r;
}

void rig_free(Rig *r)
{
    dev_free(r->adapter);
    dev_free(r->transport);
    mem_map_clear(&r->map);
    ram_block_clear(&r->ram);
    free(r);
}

/* ---- what drivers do ---- */

static uint64_t ring_at(unsigned q)
{
    return RAM_AT + 0x3000ull * (q % QUEUES);
}

static void start(Rig *r, uint64_t features)
{
    features |= VIRTIO_F_VERSION_1;
    put(r, AT + 0x70, 4, 0);
    put(r, AT + 0x70, 4, 3);
    for (unsigned k = 0; k < 2; k++) {
        put(r, AT + 0x24, 4, k);
        put(r, AT + 0x20, 4, features >> 32 * k);
    }
    put(r, AT + 0x70, 4, 11);
    memset(r->offered, 0, sizeof(r->offered));
    memset(r->ram.host, 0, HEAD - RAM_AT);
    for (unsigned q = 0; q < QUEUES; q++) {
        put(r, AT + 0x30, 4, q);
        put(r, AT + 0x38, 4, ENTRIES);
        for (unsigned part = 0; part < 3; part++)
            put(r, AT + 0x80 + 0x10 * part, 4, ring_at(q) + 0x1000 * part);
        put(r, AT + 0x44, 4, 1);
    }
    put(r, AT + 0x70, 4, 15);
}

static void desc(Rig *r, unsigned q, unsigned slot, uint64_t at, uint32_t bytes, unsigned flags,
                 unsigned behind)
{
    const uint64_t d = ring_at(q) + 16ull * (slot % ENTRIES);
    put(r, d, 8, at);
    put(r, d + 8, 4, bytes);
    put(r, d + 12, 2, flags);
    put(r, d + 14, 2, behind);
}

static void offer(Rig *r, unsigned q, unsigned head)
{
    put(r, ring_at(q) + 0x1004 + 2 * (r->offered[q % QUEUES]++ % ENTRIES), 2, head);
    put(r, ring_at(q) + 0x1002, 2, r->offered[q % QUEUES]);
    put(r, AT + 0x50, 4, q % QUEUES);
}

static void command(Rig *r, unsigned q, unsigned address, const uint8_t block[16], unsigned out, unsigned in)
{
    const unsigned lun = address & 8 ? (address & 1 ? 1 : 0x4000 | 300) : 0;
    unsigned k = 0;
    q = 2 + q % 2;
    put(r, HEAD, 2, 1 | (address >> 4 & 3) << 8);
    put(r, HEAD + 2, 2, lun >> 8 | (lun & 0xff) << 8);
    for (unsigned n = 0; n < 16; n++)
        put(r, HEAD + 19 + n, 1, block[n]);
    desc(r, q, k++, HEAD, 51, 1, 1);
    if (out) {
        desc(r, q, k, BUFFER, out, 1, k + 1);
        k++;
    }
    desc(r, q, k, ANSWER, 108, in ? 3 : 2, k + 1);
    if (in)
        desc(r, q, k + 1, BUFFER, in, 2, 0);
    offer(r, q, 0);
}

static void function(Rig *r, unsigned type, unsigned what, unsigned address)
{
    put(r, HEAD + 0x200, 4, type % 4);
    put(r, HEAD + 0x204, 4, what % 9);
    put(r, HEAD + 0x208, 2, 1 | (address >> 4 & 3) << 8);
    put(r, HEAD + 0x20a, 2, address & 8 ? 0x100 : 0);
    desc(r, 0, 0, HEAD + 0x200, 24, 1, 1);
    desc(r, 0, 1, HEAD + 0x280, 8, 2, 0);
    offer(r, 0, 0);
}

static Device *device_at(const Rig *r, unsigned k)
{
    k %= 2 + UNITS;
    Device *d = k < 2 ? (k ? r->transport : r->adapter) : r->unit[k - 2];
    return d ? d : r->adapter;
}

void rig_run(Rig *r, Input *in)
{
    static const bool wide[OPS] = {[OP_REG] = true, [OP_POKE] = true};
    const Op op = (Op)(next(in, 1) % OPS);
    uint64_t a = op == OP_EVENTS || op == OP_RUN || op == OP_PASS ? 0 : next(in, wide[op] ? 2 : 1), b;
    switch (op) {
    case OP_REG: put(r, AT + (a & 0x1fc), 4, next(in, 4)); break;
    case OP_START: start(r, a); break;
    case OP_COMMAND: {
        uint8_t block[16];
        const unsigned address = (unsigned)next(in, 1);
        for (unsigned k = 0; k < 16; k++)
            block[k] = (uint8_t)next(in, 1);
        b = next(in, 2);
        command(r, (unsigned)a, address, block, (unsigned)b & 0x3fff, (unsigned)next(in, 2) & 0x3fff);
        break;
    }
    case OP_FUNCTION:
        b = next(in, 1);
        function(r, (unsigned)a, (unsigned)b, (unsigned)next(in, 1));
        break;
    case OP_EVENTS:
        desc(r, 1, 0, HEAD + 0x300, 16, 2, 0);
        offer(r, 1, 0);
        break;
    case OP_DESC: {
        const unsigned slot = (unsigned)next(in, 1);
        const uint64_t at = RAM_AT + next(in, 4) % (2 * RAM_BYTES);
        const uint32_t bytes = (uint32_t)next(in, 2);
        b = next(in, 1);
        desc(r, (unsigned)a, slot, at, bytes, (unsigned)b & 7, (unsigned)next(in, 1));
        break;
    }
    case OP_OFFER: offer(r, (unsigned)a, (unsigned)next(in, 1) % ENTRIES); break;
    case OP_POKE: put(r, HEAD + (a & 0xffff), 4, next(in, 4)); break;
    case OP_RUN: run_late(r); break;
    case OP_PLUG: plug(r, (unsigned)a % UNITS, (unsigned)next(in, 1)); break;
    case OP_LEAVE:
        if (r->unit[a % UNITS]) {
            scsi_device_leave(r->unit[a % UNITS]);
            dev_free(r->unit[a % UNITS]);
            r->unit[a % UNITS] = NULL;
        }
        break;
    case OP_TRAY:
        if (r->unit[UNITS - 1])
            cd_tell(r->unit[UNITS - 1], (CdAsk)(a % (CD_WISH + 1)));
        r->disk[UNITS - 1].bytes = a & 0x40 ? 0 : DISK_BYTES;
        break;
    case OP_PASS:
        r->now += 1 << 20;
        clock_run(&r->clock);
        break;
    case OP_RESET: dev_reset(device_at(r, (unsigned)a)); break;
    case OP_STATE:
        b = next(in, 2);
        change_state(device_at(r, (unsigned)a), b, (char)next(in, 1));
        break;
    case OPS: break;
    }
}

/* ---- seeds ---- */

/* Commands that make sense more often than not: their bytes at 512 or 2048 a block fit the buffers. */
static void out_command(Out *o, uint64_t *h)
{
    static const uint8_t codes[] = {0x00, 0x03, 0x08, 0x0a, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x23, 0x25, 0x28,
                                    0x2a, 0x2e, 0x2f, 0x35, 0x41, 0x42, 0x43, 0x46, 0x4a, 0x51, 0x55, 0x5a,
                                    0x88, 0x8a, 0x8f, 0x91, 0x93, 0x9e, 0xa0, 0xa8, 0xaa, 0xbd, 0xbe};
    const uint8_t code = codes[rnd(h) % ARRAY_SIZE(codes)];
    out(o, 1, OP_COMMAND);
    out(o, 1, rnd(h));
    out(o, 1, rnd(h) % 4 ? 0x10 * (rnd(h) % 2) : rnd(h));
    out(o, 1, code);
    out(o, 1, rnd(h) % 4 ? (code == 0x9e ? 0x10 : 0) : rnd(h));
    const unsigned count_at = code < 0x20 ? 4 : code < 0x80 ? 8 : code < 0xa0 ? 13 : 9;
    for (unsigned k = 2; k < 16; k++)
        out(o, 1,
            k == count_at                           ? rnd(h) % 40
            : k + 1 == count_at || k >= 5 || k == 2 ? (rnd(h) % 8 ? 0 : rnd(h))
            : rnd(h) % 8                            ? 0
                                                    : 0x80);
    out(o, 2, rnd(h) % 2 ? 512 * (rnd(h) % 8) : rnd(h) % 64);
    out(o, 2, rnd(h) % 2 ? 512 * (rnd(h) % 8) : rnd(h) % 256);
}

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    enum { SEEDS = 300 };
    static const uint8_t operands[OPS] = {
        [OP_REG] = 6,  [OP_START] = 1, [OP_FUNCTION] = 3, [OP_DESC] = 10, [OP_OFFER] = 2, [OP_POKE] = 6,
        [OP_PLUG] = 2, [OP_LEAVE] = 1, [OP_TRAY] = 1,     [OP_RESET] = 1, [OP_STATE] = 4};
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15ull;
    Out o = {.buf = buf, .cap = MIN(cap, (size_t)2500)};
    if (i >= SEEDS)
        return 0;
    out(&o, 2, OP_START | 2 << 8);
    for (unsigned n = 10 + (unsigned)rnd(&h) % 60; n-- > 0;) {
        const unsigned op = (unsigned)rnd(&h) % OPS;
        if ((op == OP_REG || op == OP_RESET || op == OP_DESC || op == OP_START) && rnd(&h) % 8)
            continue;
        if (op == OP_COMMAND || rnd(&h) % 2) {
            out_command(&o, &h);
            continue;
        }
        out(&o, 1, op);
        for (unsigned k = 0; k < operands[op]; k++)
            out(&o, 1, op == OP_STATE && k == 3 && rnd(&h) % 2 ? 0 : rnd(&h));
    }
    return o.n;
}
