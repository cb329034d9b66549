/*
 * Devices of machines, through their registers, their rings in guest memory and what comes from outside: a
 * program of a hostile guest is a list of operations. Falls over on: memory errors and undefined behaviour
 * (with sanitizers), a request to a back end that is outside of it, a state that its own device does not take
 * back, an operation that does not end.
 *
 * Input: operations, each a byte and its operands (enum Op). Two disks, two cards and so on: one of each
 * over virtio-mmio, one over PCI.
 */
#include "fuzz_rig.h"

#include "hw/block/cfi_flash.h"
#include "hw/block/nvme.h"
#include "hw/char/ns16550a.h"
#include "hw/char/pl011.h"
#include "hw/core/char_port.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"
#include "hw/core/ports.h"
#include "hw/core/request.h"
#include "hw/gpio/gpio_key.h"
#include "hw/gpio/pl061.h"
#include "hw/intc/riscv_clint.h"
#include "hw/intc/riscv_plic.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/sifive_test.h"
#include "hw/pci/pcie_host.h"
#include "hw/timer/arm_timer.h"
#include "hw/timer/goldfish_rtc.h"
#include "hw/timer/pl031.h"
#include "hw/virtio/virtio_balloon.h"
#include "hw/virtio/virtio_blk.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_net.h"
#include "hw/virtio/virtio_pci.h"
#include "hw/virtio/virtio_rng.h"
#include "hw/virtio/virtio_serial.h"

#include <stdio.h>
#include <stdlib.h>

enum { RAM_BYTES = 0x40000, DISK_BYTES = 128 * 512, FLASH_BYTES = 1 << 20, MAX_DEVICES = 40, MAX_PLACES = 40,
       RING_BYTES = 0x3000, PORTS = 12, NVME_SLOT = 4, NVME_ENTRIES = 16 };
/* Nothing of guest memory is at 0, so that an address that nobody set is a bad one. */
#define RAM_BASE  0x80000000ull
#define ECAM_BASE 0x1000000000ull
#define LOW_BASE  0x40000000ull
#define NVME_AT   (LOW_BASE + 0x100000)

typedef enum Op {
    OP_WRITE,    /* place, size, offset (4), value (8) */
    OP_READ,     /* place, size, offset (4) */
    OP_POKE,     /* address in RAM (4), n, bytes */
    OP_START,    /* transport, features (8), log of entries: a driver that does as it should */
    OP_DESC,     /* transport, queue, slot, address (4), length (4), flags (2), next (2) */
    OP_OFFER,    /* transport, queue, head (2) */
    OP_FRAME,    /* card, n (2), first bytes (6) */
    OP_INPUT,    /* serial port, somebody is there or not, n */
    OP_PASS,     /* time: log of ns */
    OP_CONFIG,   /* PCI: function, offset (2), size, value (4) */
    OP_RESET,
    OP_STATE,    /* device, where to change its text (2), to what */
    OP_DRIVE,    /* NVMe: begins anew, with a pair of queues of its own */
    OP_COMMAND,  /* NVMe: queue, opcode, namespace, first and second address (4 each), dwords 10 to 12 */
    OP_ALARM,    /* a cpu's timer: which, when (8) */
    OP_PRESS,    /* the key */
    OPS
} Op;

typedef struct Place {
    uint64_t base, bytes;
} Place;

typedef struct Transport {
    uint64_t at;      /* of virtio-mmio; 0: on PCI */
    VirtioDevice *v;
    uint16_t offered[VIRTIO_QUEUES];
    unsigned index;
} Transport;

typedef struct FuzzDisk {
    BlockPort port;
    uint8_t bytes[FLASH_BYTES];
} FuzzDisk;

struct Rig {
    MemMap map;
    Clock clock;
    uint64_t now;
    RamBlock ram;
    MemRegion ram_region;
    Device *device[MAX_DEVICES];
    unsigned n_devices;
    Place place[MAX_PLACES];
    unsigned n_places;
    Transport transport[8];
    unsigned n_transports;
    unsigned low_used; /* of the memory window of PCI */
    IrqLine line[PORTS];
    NetPort net[2];
    CharPort serial[4];
    EntropyPort entropy;
    MachineRequests requests;
    MsiTarget msi;
    Device *plic, *pcie, *timers, *key;
    uint16_t nvme_tail[2];
    FuzzDisk disk[4];  /* two disks, flash, NVMe */
};

/* ---- back ends ---- */

static uint64_t rig_now(void *opaque) { return ((Rig *)opaque)->now; }

static uint8_t *disk_at(FuzzDisk *d, uint64_t at, uint64_t n)
{
    if (at > d->port.bytes || n > d->port.bytes - at || at % 512 || n % 512)
        die("a request outside of the disk");
    return d->bytes + at;
}
static bool disk_read(void *backend, uint64_t at, void *to, size_t n)
{
    memcpy(to, disk_at(backend, at, n), n);
    return true;
}
static bool disk_write(void *backend, uint64_t at, const void *from, size_t n)
{
    memcpy(disk_at(backend, at, n), from, n);
    return at != 512; /* a bad sector */
}
static bool disk_flush(void *backend) { return backend != NULL; }
static bool disk_discard(void *backend, uint64_t at, uint64_t n) { return disk_at(backend, at, n) != NULL; }

static bool net_send(void *backend, const uint8_t *frame, size_t n)
{
    uint8_t sum = 0;
    if (n == 0 || n > NET_FRAME_MAX)
        die("a frame of no size that one has");
    for (size_t k = 0; k < n; k++)
        sum ^= frame[k];
    return sum % 8 != 0; /* full at times */
}
static bool fill(void *backend, void *to, size_t n)
{
    memset(to, 0x5a, n);
    return true;
}
static void serial_write(void *backend, const uint8_t *bytes, size_t n) {}
static void take_request(void *opaque, MachineRequest what, int code) {}
static void take_message(void *receiver, uint64_t address, uint32_t data, uint32_t requester) {}

/* ---- the machine ---- */

static Device *add(Rig *r, const DevClass *cls, const char *const *props, const void *const *links)
{
    DevError err;
    char id[8];
    Fmt f = FMT_ON(id);
    fmt_printf(&f, "d%u", r->n_devices);
    Device *d = dev_new(cls, NULL, id);
    if (!d || r->n_devices == MAX_DEVICES)
        die("no room");
    for (; props && *props; props += 2)
        if (!dev_set(d, props[0], props[1], &err))
            die(err.text);
    for (; links && *links; links += 2)
        if (!dev_set_ptr(d, links[0], (void *)(uintptr_t)links[1], &err))
            die(err.text);
    if (!dev_realize(d, &r->map, &r->clock, &err))
        die(err.text);
    return r->device[r->n_devices++] = d;
}

static void put(Rig *r, Device *d, unsigned region, uint64_t base)
{
    d->region[region].base = base;
    if (!mem_map_add(&r->map, &d->region[region]) || r->n_places == MAX_PLACES)
        die("no room");
    r->place[r->n_places++] = (Place){base, d->region[region].bytes};
}

static Device *put_new(Rig *r, const DevClass *cls, const char *const *props, const void *const *links,
                       uint64_t base)
{
    Device *d = add(r, cls, props, links);
    put(r, d, 0, base);
    return d;
}

/* A virtio device, over MMIO or PCI. */
static void add_virtio(Rig *r, const DevClass *cls, const char *link, void *backend, bool pci)
{
    static const char *const props[] = {"packed", "on", NULL};
    const void *links[] = {link, backend, NULL};
    DevError err;
    Device *d = add(r, cls, props, links);
    Transport *t = &r->transport[r->n_transports];
    *t = (Transport){.v = (VirtioDevice *)d, .index = r->n_transports++};
    const void *to[] = {pci ? "device" : "irq", pci ? (void *)d : (void *)&r->line[t->index],
                        pci ? NULL : "device", pci ? NULL : (void *)d, NULL};
    if (pci) {
        if (!pci_plug(r->pcie, NULL, (PciFunction *)add(r, &virtio_pci_class, NULL, to), &err))
            die(err.text);
    } else {
        t->at = 0x10001000 + 0x1000ull * t->index;
        put_new(r, &virtio_mmio_class, NULL, to, t->at);
    }
}

static void add_simple(Rig *r)
{
    static const char *const harts[] = {"harts", "2", NULL}, *const contexts[] = {"contexts", "4", NULL},
                             *const flash[] = {"bytes", "1048576", "code_base", "0x5000000000", NULL};
    const void *clint[] = {"software", r->line, "timer", r->line + 2, "supervisor", r->line + 4, NULL};
    const void *plic[] = {"out", r->line, NULL};
    const void *uart[] = {"chardev", &r->serial[0], "irq", r->line, NULL};
    const void *pl011[] = {"chardev", &r->serial[1], "irq", r->line, NULL};
    const void *irq[] = {"irq", r->line, NULL};
    const void *machine[] = {"machine", &r->requests, NULL};
    const void *pci[] = {"intx", r->line, "msi", &r->msi, NULL};
    const void *chip[] = {"drive", &r->disk[2].port, NULL};
    put_new(r, &riscv_clint_class, harts, clint, 0x2000000);
    r->plic = put_new(r, &riscv_plic_class, contexts, plic, 0xc000000);
    put_new(r, &ns16550a_class, NULL, uart, 0x10000000);
    put_new(r, &pl011_class, NULL, pl011, 0x10010000);
    put_new(r, &pl031_class, NULL, irq, 0x10011000);
    put_new(r, &pl061_class, NULL, irq, 0x10012000);
    put_new(r, &goldfish_rtc_class, NULL, irq, 0x10013000);
    put_new(r, &sifive_test_class, NULL, machine, 0x10014000);
    put_new(r, &cfi_flash_class, flash, chip, 0x20000000);
    const void *lines[] = {"lines", r->line, NULL}, *pin[] = {"pin", r->line, NULL};
    r->timers = add(r, &arm_timer_class, NULL, lines);
    r->key = add(r, &gpio_key_class, NULL, pin);
    Device *cfg = put_new(r, &fw_cfg_class, NULL, NULL, 0x10100000);
    fw_cfg_add_kernel(cfg, r->disk[0].bytes, 5000, r->disk[0].bytes, 100, "a command line");
    fw_cfg_add_file(cfg, "opt/file", r->disk[0].bytes, 300);
    r->pcie = put_new(r, &pcie_host_class, NULL, pci, ECAM_BASE);
    put(r, r->pcie, PCIE_IO, 0x3000000);
    put(r, r->pcie, PCIE_LOW, LOW_BASE);
    put(r, r->pcie, PCIE_HIGH, 0x400000000);
}

Rig *rig_new(void)
{
    Rig *r = calloc(1, sizeof(*r));
    DevError err;
    if (!r)
        die("no memory");
    mem_map_init(&r->map);
    clock_init(&r->clock, rig_now, NULL, r);
    if (!ram_block_init(&r->ram, "ram", RAM_BYTES, RAM_BASE))
        die("no memory");
    r->ram_region =
        (MemRegion){.name = "ram", .kind = MEM_RAM, .base = RAM_BASE, .bytes = RAM_BYTES, .ram = &r->ram};
    mem_map_add(&r->map, &r->ram_region);
    for (unsigned k = 0; k < ARRAY_SIZE(r->disk); k++)
        r->disk[k].port = (BlockPort){.backend = &r->disk[k], .bytes = k == 2 ? FLASH_BYTES : DISK_BYTES,
                                      .read = disk_read, .write = disk_write, .flush = disk_flush,
                                      .discard = k & 1 ? disk_discard : NULL};
    for (unsigned k = 0; k < 2; k++) {
        r->net[k] = (NetPort){.backend = r, .send = net_send};
    }
    for (unsigned k = 0; k < ARRAY_SIZE(r->serial); k++)
        r->serial[k] = (CharPort){.backend = r, .write = serial_write};
    r->entropy = (EntropyPort){.fill = fill};
    r->requests = (MachineRequests){.request = take_request};
    r->msi = (MsiTarget){.send = take_message};
    add_simple(r);
    for (unsigned pci = 0; pci < 2; pci++) {
        add_virtio(r, &virtio_blk_class, "drive", &r->disk[pci].port, pci);
        add_virtio(r, &virtio_net_class, "netdev", &r->net[pci], pci);
        add_virtio(r, &virtio_rng_class, "source", &r->entropy, pci);
    }
    add_virtio(r, &virtio_serial_class, NULL, NULL, false);
    Device *const controller = &r->transport[r->n_transports - 1].v->dev;
    const void *console[] = {"controller", controller, "chardev", &r->serial[2], NULL},
               *stream[] = {"controller", controller, "chardev", &r->serial[3], NULL};
    add(r, &virtio_console_port_class, NULL, console);
    add(r, &virtio_serial_port_class, (const char *const[]){"name", "a.stream", NULL}, stream);
    add_virtio(r, &virtio_balloon_class, NULL, NULL, false);
    const void *drive[] = {"drive", &r->disk[3].port, NULL};
    Device *nvme = add(r, &nvme_class, NULL, drive); /* slot 4 */
    if (!pci_plug(r->pcie, NULL, (PciFunction *)nvme, &err))
        die(err.text);
    Device *port = add(r, &pcie_root_port_class, NULL, NULL);
    if (!pci_plug(r->pcie, NULL, (PciFunction *)port, &err))
        die(err.text);
    for (unsigned k = 0; k < r->n_devices; k++)
        dev_reset(r->device[k]);
    dev_reset(r->pcie);
    return r;
}

void rig_free(Rig *r)
{
    for (unsigned k = r->n_devices; k-- > 0;)
        dev_free(r->device[k]);
    mem_map_clear(&r->map);
    ram_block_clear(&r->ram);
    free(r);
}

/* ---- operations ---- */

static uint64_t read_at(Rig *r, uint64_t at, unsigned size)
{
    uint64_t v = 0;
    MemRange range;
    if (mem_map_find(&r->map, at, &range) && at + size <= range.end)
        mem_range_read(&range, at, size, &v);
    return v;
}
static void write_at(Rig *r, uint64_t at, unsigned size, uint64_t v)
{
    MemRange range;
    if (mem_map_find(&r->map, at, &range) && at + size <= range.end)
        mem_range_write(&r->map, &range, at, size, v);
}
static void poke(Rig *r, uint64_t at, const void *from, uint64_t n) { mem_map_write(&r->map, at, from, n); }

static uint64_t ring_at(const Transport *t, unsigned q)
{
    return RAM_BASE + (t->index * 4 + q % 4) * RING_BYTES % 0x30000;
}

/* Bases for the BARs of all functions, and commands that let them decode. */
static void set_up_pci(Rig *r)
{
    for (unsigned slot = 1; slot < 6; slot++) {
        uint64_t f = ECAM_BASE + (slot << 15);
        write_at(r, f + 0x14, 4, LOW_BASE + slot * 0x10000);
        write_at(r, f + 0x20, 4, LOW_BASE + slot * 0x10000 + 0x4000);
        if (slot == NVME_SLOT) {
            write_at(r, f + 0x10, 4, NVME_AT);
            write_at(r, f + 0x14, 4, 0);
        }
        write_at(r, f + 4, 2, 7);
    }
}

/* Where common configuration is, of one on PCI. */
static uint64_t common_at(const Transport *t) { return LOW_BASE + (t->index - 2u) * 0x10000 + 0x4000; }

static void start_mmio(Rig *r, const Transport *t, uint64_t features, unsigned entries)
{
    write_at(r, t->at + 0x70, 4, 0);
    write_at(r, t->at + 0x70, 4, 3);
    for (unsigned k = 0; k < 2; k++) {
        write_at(r, t->at + 0x24, 4, k);
        write_at(r, t->at + 0x20, 4, features >> 32 * k);
    }
    write_at(r, t->at + 0x70, 4, 11);
    for (unsigned q = 0; q < 4; q++) {
        write_at(r, t->at + 0x30, 4, q);
        write_at(r, t->at + 0x38, 4, entries);
        for (unsigned part = 0; part < 3; part++)
            write_at(r, t->at + 0x80 + 0x10 * part, 4, ring_at(t, q) + 0x1000 * part);
        write_at(r, t->at + 0x44, 4, 1);
    }
    write_at(r, t->at + 0x70, 4, 15);
}

static void start_pci(Rig *r, const Transport *t, uint64_t features, unsigned entries)
{
    uint64_t at = common_at(t);
    set_up_pci(r);
    write_at(r, at + 20, 1, 0);
    write_at(r, at + 20, 1, 3);
    for (unsigned k = 0; k < 2; k++) {
        write_at(r, at + 8, 4, k);
        write_at(r, at + 12, 4, features >> 32 * k);
    }
    write_at(r, at + 20, 1, 11);
    for (unsigned q = 0; q < 4; q++) {
        write_at(r, at + 22, 2, q);
        write_at(r, at + 24, 2, entries);
        for (unsigned part = 0; part < 3; part++)
            write_at(r, at + 32 + 8 * part, 8, ring_at(t, q) + 0x1000 * part);
        write_at(r, at + 28, 2, 1);
    }
    write_at(r, at + 20, 1, 15);
}

static void notify(Rig *r, const Transport *t, unsigned q)
{
    if (t->at)
        write_at(r, t->at + 0x50, 4, q);
    else
        write_at(r, common_at(t) + 0x3000 + 4 * q, 2, q);
}

static uint64_t nvme_ring(unsigned queue) { return RAM_BASE + 0x30000 + 0x1000 * queue; }

static void nvme_issue(Rig *r, unsigned queue, const uint32_t *command)
{
    poke(r, nvme_ring(queue) + 64u * r->nvme_tail[queue], command, 64);
    r->nvme_tail[queue] = (uint16_t)((r->nvme_tail[queue] + 1) % NVME_ENTRIES);
    write_at(r, NVME_AT + 0x1000 + 8 * queue, 4, r->nvme_tail[queue]);
    write_at(r, NVME_AT + 0x1004 + 8 * queue, 4, r->nvme_tail[queue]); /* all completions were seen */
}

/* Completions go to the pages behind both rings. */
static void op_drive(Rig *r)
{
    const uint32_t size = (NVME_ENTRIES - 1) << 16, page = (uint32_t)nvme_ring(0);
    const uint32_t cq[16] = {5, [6] = page + 0x3000, [10] = size | 1, [11] = 3},
                   sq[16] = {1, [6] = page + 0x1000, [10] = size | 1, [11] = 1 << 16 | 1};
    set_up_pci(r);
    memset(r->nvme_tail, 0, sizeof(r->nvme_tail));
    write_at(r, NVME_AT + 0x14, 4, 0);
    write_at(r, NVME_AT + 0x24, 4, size | (NVME_ENTRIES - 1));
    write_at(r, NVME_AT + 0x28, 8, page);
    write_at(r, NVME_AT + 0x30, 8, page + 0x2000);
    write_at(r, NVME_AT + 0x14, 4, 0x460001);
    nvme_issue(r, 0, cq);
    nvme_issue(r, 0, sq);
}

static void op_command(Rig *r, Input *in)
{
    uint32_t c[16] = {0};
    unsigned queue = (unsigned)next(in, 1) % 2;
    c[0] = (uint32_t)next(in, 1);
    c[1] = (uint32_t)next(in, 1);
    c[6] = (uint32_t)next(in, 4);
    c[8] = (uint32_t)next(in, 4);
    for (unsigned k = 10; k < 13; k++)
        c[k] = (uint32_t)next(in, 4);
    c[6] += c[6] < RAM_BYTES ? (uint32_t)RAM_BASE : 0;
    c[8] += c[8] < RAM_BYTES ? (uint32_t)RAM_BASE : 0;
    nvme_issue(r, queue, c);
}

static void op_desc(Rig *r, Input *in)
{
    const Transport *t = &r->transport[next(in, 1) % r->n_transports];
    unsigned q = (unsigned)next(in, 1) % 4, slot = (unsigned)next(in, 1);
    uint64_t at = next(in, 4);
    uint32_t len = (uint32_t)next(in, 4);
    uint16_t flags = (uint16_t)next(in, 2), last = (uint16_t)next(in, 2);
    bool packed = t->v->s->driver_features & VIRTIO_F_PACKED;
    at += at < RAM_BYTES ? RAM_BASE : 0;
    const struct {
        uint64_t at;
        uint32_t len;
        uint16_t third, fourth;
    } d = {at, len, packed ? last : flags, packed ? flags : last};
    poke(r, ring_at(t, q) + 16 * (slot % VIRTIO_QUEUE_MAX), &d, 16);
}

static void op_offer(Rig *r, Input *in)
{
    Transport *t = &r->transport[next(in, 1) % r->n_transports];
    unsigned q = (unsigned)next(in, 1) % 4;
    uint16_t head = (uint16_t)next(in, 2), n = t->v->s->num[q];
    if (n && !(t->v->s->driver_features & VIRTIO_F_PACKED)) {
        poke(r, ring_at(t, q) + 0x1004 + 2 * (t->offered[q] % n), &head, 2);
        t->offered[q]++;
        poke(r, ring_at(t, q) + 0x1002, &t->offered[q], 2);
    }
    notify(r, t, q);
}

static void op_frame(Rig *r, Input *in)
{
    static uint8_t frame[NET_FRAME_MAX];
    NetPort *p = &r->net[next(in, 1) % 2];
    size_t n = next(in, 2);
    for (unsigned k = 0; k < 6; k++)
        frame[k] = (uint8_t)next(in, 1);
    p->receive(p->device, frame, n);
    p->room(p->device);
}

static void op_input(Rig *r, Input *in)
{
    CharPort *p = &r->serial[next(in, 1) % ARRAY_SIZE(r->serial)];
    const uint8_t bytes[64] = "input";
    p->can_take(p->device);
    bool there = next(in, 1) % 2;
    if (p->event)
        p->event(p->device, there ? CHAR_OPENED : CHAR_CLOSED);
    p->take(p->device, bytes, next(in, 1) % sizeof(bytes));
}

static void op_state(Rig *r, Input *in)
{
    Device *d = r->device[next(in, 1) % r->n_devices];
    size_t at = next(in, 2);
    change_state(d, at, (char)next(in, 1));
}

static void op_access(Rig *r, Input *in, bool write)
{
    const Place *p = &r->place[next(in, 1) % r->n_places];
    unsigned size = 1u << next(in, 1) % 4;
    uint64_t at = p->base + next(in, 4) % p->bytes / size * size;
    if (write)
        write_at(r, at, size, next(in, 8));
    else
        read_at(r, at, size);
}

static void op_config(Rig *r, Input *in)
{
    unsigned f = (unsigned)next(in, 1) % 8, at = (unsigned)next(in, 2), size = 1u << next(in, 1) % 3;
    uint64_t where = ECAM_BASE + (f << 15) + at % 4096 / size * size;
    write_at(r, where, size, next(in, 4));
    read_at(r, where, size);
}

static void op_start(Rig *r, Input *in)
{
    Transport *t = &r->transport[next(in, 1) % r->n_transports];
    uint64_t features = next(in, 8) | VIRTIO_F_VERSION_1;
    unsigned entries = 1u << next(in, 1) % 9;
    memset(t->offered, 0, sizeof(t->offered));
    for (unsigned q = 0; q < 4; q++)
        memset(r->ram.host + (ring_at(t, q) - RAM_BASE) + 0x1000, 0, 0x2000);
    (t->at ? start_mmio : start_pci)(r, t, features, entries);
}

void rig_run(Rig *r, Input *in)
{
    uint8_t op = (uint8_t)next(in, 1);
    switch ((Op)(op % OPS)) {
    case OP_WRITE: op_access(r, in, true); break;
    case OP_READ: op_access(r, in, false); break;
    case OP_POKE: {
        uint64_t at = RAM_BASE + next(in, 4) % RAM_BYTES, n = next(in, 1);
        n = MIN(n, (uint64_t)(in->end - in->at));
        poke(r, at, in->at, n);
        in->at += n;
        break;
    }
    case OP_START: op_start(r, in); break;
    case OP_DESC: op_desc(r, in); break;
    case OP_OFFER: op_offer(r, in); break;
    case OP_FRAME: op_frame(r, in); break;
    case OP_INPUT: op_input(r, in); break;
    case OP_PASS:
        r->now += 1ull << next(in, 1) % 48;
        clock_run(&r->clock);
        break;
    case OP_CONFIG: op_config(r, in); break;
    case OP_RESET: dev_reset(r->device[next(in, 1) % r->n_devices]); break;
    case OP_STATE: op_state(r, in); break;
    case OP_DRIVE: op_drive(r); break;
    case OP_COMMAND: op_command(r, in); break;
    case OP_ALARM: {
        unsigned n = (unsigned)next(in, 1);
        arm_timer_alarm(r->timers, n, next(in, 8));
        break;
    }
    case OP_PRESS: gpio_key_press(r->key); break;
    case OPS: break;
    }
}

/* ---- seeds: drivers that mostly do as they should ---- */

typedef struct Driver {
    Out out;
    unsigned transport, entries, slot[4]; /* next of each queue */
    bool packed, wrap[4];
} Driver;

static void out_desc(Driver *o, unsigned q, unsigned slot, uint32_t at, uint32_t len, unsigned flags,
                     unsigned last)
{
    out(&o->out, 1, OP_DESC);
    out(&o->out, 1, o->transport);
    out(&o->out, 1, q);
    out(&o->out, 1, slot);
    out(&o->out, 4, at);
    out(&o->out, 4, len);
    out(&o->out, 2, flags);
    out(&o->out, 2, last);
}

/* Header and data of a request at `data`. */
static void out_data(Driver *o, uint32_t data, uint64_t *h)
{
    static const uint32_t kinds[] = {0, 1, 4, 8, 11, 13};
    out(&o->out, 1, OP_POKE);
    out(&o->out, 4, data);
    out(&o->out, 1, 48);
    out(&o->out, 4, o->transport % 3 ? rnd(h) % 3 | rnd(h) % 2 << 8 : kinds[rnd(h) % 6]);
    out(&o->out, 4, 0);
    out(&o->out, 8, rnd(h) % 130);
    for (unsigned k = 0; k < 2; k++) {
        out(&o->out, 8, rnd(h) % 120);
        out(&o->out, 8, rnd(h) % 9);
    }
}

static void out_request(Driver *o, uint64_t *h)
{
    unsigned kind = o->transport % 3, q = kind == 1 ? (unsigned)rnd(h) % 3 : 0, first = o->slot[q];
    uint32_t data = 0x34000 + (uint32_t)(rnd(h) % 8) * 0x800, sizes[] = {512, 32, 16, 700};
    bool one = kind == 2 || (kind == 1 && q == 0);
    unsigned n = one ? 1 : 3;
    const struct {
        uint32_t at, len;
        uint16_t flags;
    } d[3] = {{data, one ? 700 : rnd(h) % 64 ? 16 : 2, one ? 2 : 1},
              {data + 16, sizes[rnd(h) % 4], (uint16_t)(1 | (rnd(h) & 2))},
              {data + 0x7ff, 1, 2}};
    out_data(o, data, h);
    if (!o->packed && first + n > o->entries)
        first = 0;
    for (unsigned k = 0, slot = first; k < n; k++) {
        unsigned odd = rnd(h) % 128 ? 0 : 4;
        unsigned owner = !o->packed ? 0 : o->wrap[q] ? 0x80 : 0x8000;
        out_desc(o, q, slot, d[k].at, d[k].len, d[k].flags | owner | odd, o->packed ? k : slot + 1);
        if (++slot == o->entries) {
            slot = 0;
            o->wrap[q] ^= 1;
        }
        o->slot[q] = slot;
    }
    out(&o->out, 1, OP_OFFER);
    out(&o->out, 1, o->transport);
    out(&o->out, 1, q);
    out(&o->out, 2, first);
    if (kind == 1 && q == 0) {
        out(&o->out, 1, OP_FRAME);
        out(&o->out, 1, o->transport / 3);
        out(&o->out, 2, 14 + rnd(h) % 700);
        out(&o->out, 6, rnd(h) % 2 ? ~0ull : 0x563412005452);
    }
}

static void out_write(Driver *o, unsigned place, unsigned log_size, uint64_t at, uint64_t v)
{
    out(&o->out, 1, OP_WRITE);
    out(&o->out, 1, place);
    out(&o->out, 1, log_size);
    out(&o->out, 4, at);
    out(&o->out, 8, v);
}

static void out_nvme(Driver *o, uint64_t *h)
{
    static const uint8_t io[] = {0, 1, 2, 8, 9, 2}, admin[] = {0, 2, 4, 5, 6, 8, 9, 10, 12};
    out(&o->out, 1, OP_DRIVE);
    for (unsigned n = (unsigned)rnd(h) % 8; n-- > 0;) {
        bool is_io = rnd(h) % 3;
        out(&o->out, 1, OP_COMMAND);
        out(&o->out, 1, is_io);
        out(&o->out, 1, is_io ? io[rnd(h) % sizeof(io)] : admin[rnd(h) % sizeof(admin)]);
        out(&o->out, 1, rnd(h) % 16 ? 1 : 0);
        out(&o->out, 4, 0x10000 + rnd(h) % 8 * 0x200);
        out(&o->out, 4, 0x20000 + (rnd(h) % 2 ? 0 : 0xff0));
        out(&o->out, 4, rnd(h) % (is_io ? 130 : 12));
        out(&o->out, 4, rnd(h) % 4 ? 0 : rnd(h) % 8);
        out(&o->out, 4, rnd(h) % (rnd(h) % 2 ? 8 : 300));
    }
}

/* A buffer into flash; vectors of MSI-X; blobs for firmware; commands of NVMe. */
static void out_sequence(Driver *o, uint64_t *h)
{
    enum { FLASH = 8, CFG = 9, LOW = 12 };
    uint32_t at = (uint32_t)(rnd(h) % FLASH_BYTES) & ~1023u, n = (uint32_t)rnd(h) % 4;
    switch (rnd(h) % 4) {
    case 3: out_nvme(o, h); break;
    case 0:
        out_write(o, FLASH, 2, at, rnd(h) % 4 ? 0xe8 : 0x20);
        out_write(o, FLASH, 2, at, n);
        for (unsigned k = 0; k <= n; k++)
            out_write(o, FLASH, 2, at + 4 * k, rnd(h));
        out_write(o, FLASH, 2, at, 0xd0);
        out_write(o, FLASH, 2, at, rnd(h) % 2 ? 0xff : 0x90);
        break;
    case 1:
        if (o->transport != 3) { /* its BARs get their places */
            out(&o->out, 1, OP_START);
            out(&o->out, 1, 3);
            out(&o->out, 8, 0);
            out(&o->out, 1, 3);
        }
        out(&o->out, 1, OP_CONFIG);
        out(&o->out, 1, 1);
        out(&o->out, 2, 0x9a);
        out(&o->out, 1, 1);
        out(&o->out, 4, 0x8000);
        for (unsigned k = 0; k < 4; k++)
            out_write(o, LOW, 2, 0x10000 + 4 * k, k == 3 ? 0 : rnd(h));
        break;
    default:
        out(&o->out, 1, OP_POKE);
        out(&o->out, 4, 0x3f000);
        out(&o->out, 1, 16);
        out(&o->out, 4, __builtin_bswap32((uint32_t)(0x200000 | 8 | rnd(h) % 8)));
        out(&o->out, 4, __builtin_bswap32((uint32_t)(rnd(h) % 500)));
        out(&o->out, 8, __builtin_bswap64(RAM_BASE + 0x3e000));
        out_write(o, CFG, 3, 16, __builtin_bswap64(RAM_BASE + 0x3f000));
        break;
    }
}

/* Anything, with as many operands as it has. */
static void out_other(Driver *o, uint64_t *h)
{
    static const uint16_t offsets[] = {0,    4,    8,    0x10,  0x18,  0x30,   0x44,
                                       0x50, 0x60, 0x70, 0x100, 0x400, 0x1000, 0x2000};
    static const uint8_t operands[OPS] = {[OP_READ] = 6, [OP_FRAME] = 9, [OP_INPUT] = 3, [OP_PASS] = 1,
                                          [OP_CONFIG] = 8, [OP_STATE] = 4, [OP_RESET] = 1};
    unsigned op = (unsigned)rnd(h) % OPS;
    if (!operands[op] || (op == OP_RESET && rnd(h) % 4)) {
        out_write(o, (unsigned)rnd(h), (unsigned)rnd(h), offsets[rnd(h) % ARRAY_SIZE(offsets)] + rnd(h) % 16,
                  rnd(h) % 3 ? rnd(h) & 0xff : rnd(h));
        return;
    }
    out(&o->out, 1, op);
    if (op == OP_STATE) {
        out(&o->out, 3, rnd(h));
        out(&o->out, 1, rnd(h) % 2 ? '0' + rnd(h) % 10 : 0);
        return;
    }
    for (unsigned k = 0; k < operands[op]; k++)
        out(&o->out, 1, rnd(h));
}

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    enum { SEEDS = 600 };
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15ull;
    unsigned log = 3 + (unsigned)rnd(&h) % 6;
    Driver o = {.out = {.buf = buf, .cap = MIN(cap, (size_t)3000)}, .transport = i % 8,
                .packed = i / 6 % 3 == 1, .entries = 1u << log, .wrap = {true, true, true, true}};
    if (i >= SEEDS)
        return 0;
    out(&o.out, 1, OP_START);
    out(&o.out, 1, o.transport);
    out(&o.out, 8,
        (o.packed ? VIRTIO_F_PACKED : 0) | (rnd(&h) & (VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX | 0xffffff)));
    out(&o.out, 1, log);
    for (unsigned n = 4 + (unsigned)rnd(&h) % 30; n-- > 0;)
        switch (rnd(&h) % 8) {
        case 0: out_sequence(&o, &h); break;
        case 1: out_other(&o, &h); break;
        default: out_request(&o, &h); break;
        }
    return o.out.n;
}
