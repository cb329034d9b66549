/*
 * Devices of PCs: ports, registers, MSRs, interrupts and keys, as a hostile guest would use them. Falls over
 * on: memory errors and undefined behaviour (with sanitizers), a state that its own device does not take
 * back, an operation that does not end.
 *
 * Input: operations, each a byte and its operands (enum Op).
 */
#include "fuzz_rig.h"

#include "hw/block/ahci.h"
#include "hw/block/ide.h"
#include "hw/core/char_port.h"
#include "hw/core/clock.h"
#include "hw/core/io_ports.h"
#include "hw/core/ports.h"
#include "hw/core/request.h"
#include "hw/input/i8042.h"
#include "hw/intc/i8259.h"
#include "hw/intc/x86_ioapic.h"
#include "hw/intc/x86_lapic.h"
#include "hw/isa/acpi_pm.h"
#include "hw/isa/isa_bridge.h"
#include "hw/misc/acpi_ged.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/i8237.h"
#include "hw/misc/pc_ports.h"
#include "hw/misc/pvpanic.h"
#include "hw/net/e1000.h"
#include "hw/pci/pc_bridge.h"
#include "hw/pci/pci_hot_plug.h"
#include "hw/pci/pci_ports.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"

#include <stdlib.h>

enum {
    RAM_BYTES = 0x100000,
    ROM_BYTES = 0x20000,
    CPUS = 3,
    DEVICES = 40,
    DISK_BYTES = 64 * 2048,
    CARDS = 2,
    PLACES = 48,
    LINES = 24,
    PLACE_SHIFT = 24,
    PORT_STEP = 128
};
#define RAM_BASE  0x80000000ull
#define ECAM_BASE 0x1000000000ull

typedef enum Op {
    OP_WRITE,  /* place, size and cpu, offset (2), value (8) */
    OP_READ,   /* place, size and cpu, offset (2) */
    OP_OUT,    /* port (2), size, value (4) */
    OP_IN,     /* port (2), size */
    OP_MSR,    /* cpu, register, write, value (8) */
    OP_LINE,   /* controller, line, level */
    OP_ACK,    /* cpu */
    OP_KEY,    /* key, down */
    OP_MOVE,   /* x, y, wheel, buttons */
    OP_PASS,   /* log of ns */
    OP_CONFIG, /* function, offset (1), size, value (4) */
    OP_BUTTON, /* of power; ACPI mode on or off */
    OP_DISK,   /* controller and channel, command, feature, count, address (3), packet, regions, DMA */
    OP_CARD,   /* which, and what else; six words of descriptors */
    OP_FRAME,  /* which, bytes (2), first byte */
    OP_RESET,  /* device */
    OP_STATE,  /* device, where to change its text (2), to what */
    OPS
} Op;

typedef struct Place {
    uint64_t base, bytes;
} Place;

struct Rig {
    MemMap map, ports;
    Clock clock;
    uint64_t now;
    RamBlock ram, rom;
    MemRegion ram_region;
    PcMemory memory;
    Device *device[DEVICES], *pic, *ioapic, *lapic, *keyboard, *host, *pm, *hot_plug;
    IrqLine pirq[PCIE_LINES];
    unsigned n_devices, n_places, n_ports;
    Place place[PLACES];
    IrqLine line[LINES], eoi, legacy, command, lint0;
    X86LapicCpus cpus;
    X86PicAck pic_ack;
    MsiTarget msi;
    MachineRequests requests;
    CharPort chardev;
    BlockPort disk;
    uint8_t *disk_bytes;
    Device *ide, *ahci, *card[CARDS];
    NetPort net[CARDS];
    unsigned sends;
};

static uint64_t rig_now(void *opaque)
{
    return ((Rig *)opaque)->now;
}
static void take_request(void *opaque, MachineRequest what, int code) {}
static void take_intr(void *opaque, unsigned cpu, bool level) {}
static void take_bytes(void *backend, const uint8_t *bytes, size_t n) {}
static void take_number(void *receiver, unsigned n, bool level) {}
static void take_event(void *opaque, unsigned cpu, X86LapicEvent e, unsigned vector)
{
    if (cpu >= CPUS || vector > 255)
        die("an event of a cpu that is none");
}
static void end(void *receiver, unsigned n, bool level)
{
    x86_ioapic_eoi(((Rig *)receiver)->ioapic, n);
}
static unsigned ack_pic(void *opaque)
{
    return i8259_ack(((Rig *)opaque)->pic);
}

/* As the boards do: both controllers. */
static void set_line(void *receiver, unsigned n, bool level)
{
    const Rig *r = receiver;
    const IrqLine to[] = {n < 16 && n != 2 ? i8259_input(r->pic, n) : (IrqLine){0},
                          x86_ioapic_input(r->ioapic, n ? n : 2)};
    irq_set(&to[0], level);
    irq_set(&to[1], level);
}

static Device *add_bare(Rig *r, const DevClass *cls, const char *const *props, const void *const *links)
{
    DevError err;
    Device *d = dev_new(cls, NULL, "d");
    if (!d || r->n_devices == DEVICES)
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

/* All its regions, in memory and, up to 128 bytes of each, as ports. */
static Device *add(Rig *r, const DevClass *cls, const char *const *props, const void *const *links)
{
    Device *d = add_bare(r, cls, props, links);
    for (unsigned k = 0; k < d->n_regions; k++) {
        const bool port = d->region[k].bytes <= PORT_STEP;
        MemMap *to = port ? &r->ports : &r->map;
        uint64_t base = port ? (uint64_t)PORT_STEP * r->n_ports++ : (uint64_t)r->n_places << PLACE_SHIFT;
        d->region[k].base = base;
        if (!mem_map_add(to, &d->region[k]) || r->n_places == PLACES)
            die("no room");
        if (!port)
            r->place[r->n_places++] = (Place){base, d->region[k].bytes};
    }
    return d;
}

static void add_interrupts(Rig *r)
{
    static const char *const cpus[] = {"cpus", "3", NULL};
    r->cpus = (X86LapicCpus){r, take_intr, take_event};
    r->pic_ack = (X86PicAck){r, ack_pic};
    r->eoi = (IrqLine){end, r, 0};
    const void *lapic[] = {"cpu", &r->cpus, "pic", &r->pic_ack, "eoi", &r->eoi, NULL};
    r->lapic = add(r, &x86_lapic_class, cpus, lapic);
    r->lint0 = x86_lapic_pin(r->lapic, 0);
    r->msi = (MsiTarget){r->lapic, x86_lapic_send};
    const void *pic[] = {"intr", &r->lint0, NULL}, *ioapic[] = {"send", &r->msi, NULL};
    r->pic = add(r, &i8259_class, NULL, pic);
    r->ioapic = add(r, &x86_ioapic_class, NULL, ioapic);
    for (unsigned n = 0; n < LINES; n++)
        r->line[n] = (IrqLine){set_line, r, n};
}

static void add_devices(Rig *r)
{
    static const char *const base[] = {"base", "1709251198000000000", NULL};
    const void *pit[] = {"irq", &r->line[0], NULL}, *rtc[] = {"irq", &r->line[8], NULL},
               *hpet[] = {"lines", r->line,     "msi", &r->msi,     "legacy", &r->legacy,
                          "pit",   &r->line[0], "rtc", &r->line[8], NULL},
               *keys[] = {"irq", &r->line[1], "irq_aux", &r->line[12], "machine", &r->requests, NULL},
               *control[] = {"machine", &r->requests, "command", &r->command, NULL},
               *exits[] = {"machine", &r->requests, NULL}, *con[] = {"chardev", &r->chardev, NULL};
    add(r, &i8254_class, NULL, pit);
    add(r, &mc146818_class, base, rtc);
    add(r, &hpet_class, NULL, hpet);
    r->keyboard = add(r, &i8042_class, NULL, keys);
    add(r, &i8237_class, NULL, NULL);
    add(r, &system_control_class, NULL, control);
    add(r, &acpi_ged_class, NULL, exits);
    add(r, &isa_debug_exit_class, NULL, exits);
    add(r, &isa_debugcon_class, NULL, con);
    add(r, &pvpanic_class, NULL, exits);
    fw_cfg_add_file(add(r, &fw_cfg_class, NULL, NULL), "etc/file", "0123456789", 10);
}

static void plug(Rig *r, Device *d)
{
    DevError err;
    if (!pci_plug(r->host, NULL, (PciFunction *)d, &err))
        die(err.text);
}

/* As if the guest had put it there; a guest that moves it finds nothing any more. */
static void add_bar(Rig *r, PciFunction *f, unsigned n)
{
    MemRegion *bar = &f->bar[n];
    MemMap *to = f->bar_flags[n] & PCI_BAR_IO ? &r->ports : &r->map;
    const bool port = to == &r->ports;
    bar->base = port ? (uint64_t)PORT_STEP * r->n_ports++ : (uint64_t)r->n_places << PLACE_SHIFT;
    if (!mem_map_add(to, bar) || r->n_places == PLACES)
        die("no room");
    if (!port)
        r->place[r->n_places++] = (Place){bar->base, bar->bytes};
}

static void add_chipset(Rig *r)
{
    static const char *const ich[] = {"ich", "on", NULL}, *const own[] = {"own_pins", "3", NULL};
    const void *memory[] = {"memory", &r->memory, NULL},
               *pm[] = {"sci", &r->line[9], "machine", &r->requests, NULL};
    Device *mch = add_bare(r, &q35_mch_class, NULL, memory);
    const void *host[] = {"bridge", mch, "intx", r->pirq, "msi", &r->msi, NULL};
    r->host = add_bare(r, &pcie_host_class, own, host);
    r->host->region[PCIE_ECAM].base = ECAM_BASE;
    mem_map_add(&r->map, &r->host->region[PCIE_ECAM]);
    r->pm = add(r, &acpi_pm_class, ich, pm);
    Device *old_pm = add(r, &acpi_pm_class, NULL, pm);
    const void *lpc[] = {"gsi", r->line, "pm", r->pm, NULL}, *isa[] = {"gsi", r->line, NULL},
               *piix_pm[] = {"pm", old_pm, NULL}, *ports[] = {"host", r->host, "machine", &r->requests, NULL};
    Device *ich9 = add_bare(r, &ich9_lpc_class, NULL, lpc);
    for (unsigned n = 0; n < PCIE_LINES; n++)
        r->pirq[n] = isa_bridge_pirq(ich9, n);
    plug(r, ich9);
    plug(r, add_bare(r, &i440fx_class, NULL, memory));
    plug(r, add_bare(r, &piix3_class, NULL, isa));
    plug(r, add_bare(r, &piix4_pm_class, NULL, piix_pm));
    add(r, &pci_ports_class, NULL, ports);
    const void *hot[] = {"event", &r->line[9], "host", r->host, "machine", &r->requests, NULL};
    r->hot_plug = add(r, &pci_hot_plug_class, NULL, hot);
}

/* ---- disks ---- */

static bool disk_read(void *backend, uint64_t at, void *to, size_t n)
{
    const Rig *r = backend;
    if (at > r->disk.bytes || n > r->disk.bytes - at)
        die("a read outside of the disk");
    memcpy(to, r->disk_bytes + at, n);
    return at / 512 % 64 != 13; /* one is bad */
}
static bool disk_write(void *backend, uint64_t at, const void *from, size_t n)
{
    const Rig *r = backend;
    if (at > r->disk.bytes || n > r->disk.bytes - at)
        die("a write outside of the disk");
    memcpy(r->disk_bytes + at, from, n);
    return true;
}
static bool disk_flush(void *backend)
{
    return true;
}
static bool disk_discard(void *backend, uint64_t at, uint64_t n)
{
    const Rig *r = backend;
    if (at > r->disk.bytes || n > r->disk.bytes - at)
        die("a discard outside of the disk");
    return true;
}

/* Both controllers, each with a disk and a CD-ROM; their windows are places of their own. */
static void add_disks(Rig *r)
{
    const void *irq[] = {"irq", &r->line[14], NULL}, *drive[] = {"drive", &r->disk, NULL};
    const DevClass *const classes[] = {&piix3_ide_class, &ich9_ahci_class};
    DevError err;
    r->disk_bytes = calloc(1, DISK_BYTES);
    r->disk = (BlockPort){.backend = r, .bytes = DISK_BYTES, .read = disk_read, .write = disk_write,
                          .flush = disk_flush, .discard = disk_discard};
    for (unsigned k = 0; k < ARRAY_SIZE(classes); k++) {
        Device *d = k ? add_bare(r, classes[k], NULL, NULL) : add(r, classes[k], NULL, irq);
        plug(r, d);
        if (!ata_bus_plug(ata_bus_of(d), 0, 0, add_bare(r, &ide_hd_class, NULL, drive), &err) ||
            !ata_bus_plug(ata_bus_of(d), 1, 0, add_bare(r, &ide_cd_class, NULL, drive), &err))
            die(err.text);
        add_bar(r, (PciFunction *)d, k ? 5 : 4);
        *(k ? &r->ahci : &r->ide) = d;
    }
}

/* ---- cards ---- */

static bool net_send(void *backend, const uint8_t *frame, size_t n)
{
    Rig *r = backend;
    uint8_t sum = 0;
    if (n > NET_FRAME_MAX)
        die("a frame that is too long");
    for (size_t k = 0; k < n; k++) /* all of it can be read */
        sum ^= frame[k];
    return ++r->sends % 16 != sum % 16;
}

static void add_cards(Rig *r)
{
    const DevClass *const classes[CARDS] = {&e1000_class, &e1000e_class};
    for (unsigned k = 0; k < CARDS; k++) {
        r->net[k] = (NetPort){.backend = r, .send = net_send};
        const void *net[] = {"netdev", &r->net[k], NULL};
        r->card[k] = add_bare(r, classes[k], NULL, net);
        plug(r, r->card[k]);
        add_bar(r, (PciFunction *)r->card[k], 0);
    }
}

static void add_panic(Rig *r)
{
    const void *machine[] = {"machine", &r->requests, NULL};
    Device *d = add_bare(r, &pvpanic_pci_class, NULL, machine);
    plug(r, d);
    add_bar(r, (PciFunction *)d, 0);
}

Rig *rig_new(void)
{
    Rig *r = calloc(1, sizeof(*r));
    if (!r)
        die("no memory");
    mem_map_init(&r->map);
    mem_map_init(&r->ports);
    clock_init(&r->clock, rig_now, NULL, r);
    if (!ram_block_init(&r->ram, "ram", RAM_BYTES, RAM_BASE) ||
        !ram_block_init(&r->rom, "rom", ROM_BYTES, 2 * RAM_BASE))
        die("no memory");
    r->memory = (PcMemory){&r->ram, &r->rom};
    r->ram_region =
        (MemRegion){.name = "ram", .kind = MEM_RAM, .base = RAM_BASE, .bytes = RAM_BYTES, .ram = &r->ram};
    mem_map_add(&r->map, &r->ram_region);
    r->requests = (MachineRequests){.request = take_request};
    r->chardev = (CharPort){.backend = r, .write = take_bytes};
    r->legacy = r->command = (IrqLine){take_number, r, 0};
    add_interrupts(r);
    add_devices(r);
    add_chipset(r);
    add_disks(r);
    add_cards(r);
    add_panic(r);
    for (unsigned k = 0; k < r->n_devices; k++)
        dev_reset(r->device[k]);
    for (unsigned slot = 1; slot < 10; slot++) /* they may master the bus */
        pcie_host_config_write(r->host, slot << 15 | PCI_COMMAND, 7, 2);
    return r;
}

void rig_free(Rig *r)
{
    mem_map_remove(&r->ports, &((PciFunction *)r->ide)->bar[4]);
    mem_map_remove(&r->map, &((PciFunction *)r->ahci)->bar[5]);
    for (unsigned k = 0; k < CARDS; k++)
        mem_map_remove(&r->map, &((PciFunction *)r->card[k])->bar[0]);
    for (unsigned k = r->n_devices; k-- > 0;)
        dev_free(r->device[k]);
    free(r->disk_bytes);
    mem_map_clear(&r->map);
    mem_map_clear(&r->ports);
    ram_block_clear(&r->ram);
    ram_block_clear(&r->rom);
    free(r);
}

/* ---- operations ---- */

static void op_access(Rig *r, Input *in, bool write)
{
    const Place *p = &r->place[next(in, 1) % r->n_places];
    unsigned how = (unsigned)next(in, 1), size = 1u << how % 4, cpu = how >> 4;
    uint64_t at = p->base + next(in, 2) % p->bytes / size * size, v = write ? next(in, 8) : 0;
    MemRange range;
    if (!mem_map_find(&r->map, at, &range) || at + size > range.end)
        return;
    if (write)
        mem_range_write_by(&r->map, &range, cpu, at, size, v);
    else
        mem_range_read_by(&range, cpu, at, size, &v);
}

static void op_port(Rig *r, Input *in, bool write)
{
    unsigned port = (unsigned)next(in, 2) % (PORT_STEP * r->n_ports), size = 1u << next(in, 1) % 3;
    if (write)
        io_ports_write(&r->ports, 0, port, (uint32_t)next(in, 4), size);
    else
        io_ports_read(&r->ports, 0, port, size);
}

static void op_msr(Rig *r, Input *in)
{
    static const uint16_t odd[] = {0x1b, 0x6e0, 0x83f, 0x840};
    unsigned cpu = (unsigned)next(in, 1) % CPUS, n = (unsigned)next(in, 1), write = next(in, 1) & 1;
    uint64_t v = next(in, 8);
    if (n >= 0xf0)
        x86_lapic_set_cr8(r->lapic, cpu, (unsigned)v & 15);
    else
        x86_lapic_msr(r->lapic, cpu, n < 0x80 ? 0x800 + n % 0x40 : odd[n % ARRAY_SIZE(odd)], write, &v);
}

static void op_line(Rig *r, Input *in)
{
    unsigned which = (unsigned)next(in, 1) % 8, n = (unsigned)next(in, 1), level = next(in, 1) & 1;
    IrqLine line = which == 7 ? x86_lapic_pin(r->lapic, n & 1) : r->line[n % LINES];
    irq_set(&line, level);
}

/* ---- commands of disks ---- */

enum { DISK_TABLE = 0x2000, DISK_LIST = 0x1000, DISK_FIS = 0x1800, DISK_REGIONS = 8 };

typedef struct DiskCommand {
    unsigned channel, dma, regions;
    uint8_t fis[20], packet[12];
} DiskCommand;

static void write_at(Rig *r, uint64_t at, uint32_t v)
{
    MemRange range;
    if (mem_map_find(&r->map, at, &range))
        mem_range_write_by(&r->map, &range, 0, at, 4, v);
}

static void issue_ahci(Rig *r, const DiskCommand *c)
{
    const unsigned slot = c->fis[12] >> 3;
    const uint64_t port = ((PciFunction *)r->ahci)->bar[5].base + 0x100 + 0x80ull * c->channel,
                   table = RAM_BASE + DISK_TABLE + 0x200ull * slot;
    const uint32_t head[] = {5 | (c->packet[0] ? 0x20u : 0) | c->regions << 16, 0, (uint32_t)table, 0};
    mem_map_write(&r->map, RAM_BASE + DISK_LIST + 32ull * slot, head, sizeof(head));
    mem_map_write(&r->map, table, c->fis, sizeof(c->fis));
    mem_map_write(&r->map, table + 0x40, c->packet, sizeof(c->packet));
    for (unsigned k = 0; k < c->regions; k++) {
        const uint32_t e[] = {(uint32_t)RAM_BASE + 0x10000 + 0x1000 * k, 0, 0, 0xfff >> k};
        mem_map_write(&r->map, table + 0x80 + 16ull * k, e, sizeof(e));
    }
    write_at(r, port, (uint32_t)RAM_BASE + DISK_LIST);
    write_at(r, port + 8, (uint32_t)RAM_BASE + DISK_FIS);
    write_at(r, port + 0x14, ~0u);
    write_at(r, port + 0x18, 0x17);
    if (c->dma)
        write_at(r, port + 0x34, 1u << slot);
    write_at(r, port + 0x38, 1u << slot);
}

static void issue_ide(Rig *r, const DiskCommand *c)
{
    static const uint8_t order[][2] = {{1, 11}, {2, 13}, {3, 8}, {4, 9}, {5, 10},
                                       {1, 3},  {2, 12}, {3, 4}, {4, 5}, {5, 6}};
    const unsigned port = (unsigned)r->ide->region[2 * c->channel].base,
                   master = (unsigned)((PciFunction *)r->ide)->bar[4].base + 8 * c->channel;
    for (unsigned k = 0; k < c->regions; k++) {
        const uint32_t e[] = {(uint32_t)RAM_BASE + 0x10000 + 0x1000 * k,
                              0x1000u >> k | (uint32_t)(k + 1 == c->regions) << 31};
        mem_map_write(&r->map, RAM_BASE + DISK_TABLE + 8ull * k, e, sizeof(e));
    }
    io_ports_write(&r->ports, 0, master + 4, (uint32_t)RAM_BASE + DISK_TABLE, 4);
    io_ports_write(&r->ports, 0, master, c->dma, 1);
    io_ports_write(&r->ports, 0, port + 6, c->fis[7] & 0xef, 1);
    for (unsigned k = 0; k < ARRAY_SIZE(order); k++)
        io_ports_write(&r->ports, 0, port + order[k][0], c->fis[order[k][1]], 1);
    io_ports_write(&r->ports, 0, port + 7, c->fis[2], 1);
    for (unsigned k = 0; k < sizeof(c->packet) && c->packet[0]; k += 2)
        io_ports_write(&r->ports, 0, port, c->packet[k] | c->packet[k + 1] << 8, 2);
    for (unsigned k = 0; k < c->regions * 64; k++) {
        if (c->fis[2] & 0x10)
            io_ports_write(&r->ports, 0, port, k, 4);
        else
            io_ports_read(&r->ports, 0, port, 4);
    }
}

static void op_disk(Rig *r, Input *in)
{
    const unsigned how = (unsigned)next(in, 1);
    DiskCommand c = {.channel = how >> 1 & 1, .fis = {0x27, 0x80}};
    c.fis[2] = (uint8_t)next(in, 1);
    c.fis[3] = (uint8_t)next(in, 1);
    c.fis[12] = (uint8_t)next(in, 1);
    c.fis[4] = (uint8_t)next(in, 1);
    c.fis[5] = (uint8_t)next(in, 1);
    c.fis[6] = (uint8_t)next(in, 1);
    c.fis[7] = 0x40;
    c.packet[0] = c.fis[2] == 0xa0 ? (uint8_t)next(in, 1) : (uint8_t)(next(in, 1) * 0);
    c.packet[1] = c.packet[4] = c.fis[3];
    c.packet[5] = c.fis[4];
    c.packet[8] = c.fis[12];
    c.regions = (unsigned)next(in, 1) % DISK_REGIONS;
    c.dma = next(in, 1) & 9;
    (how & 1 ? issue_ahci : issue_ide)(r, &c);
}

/* ---- rings of cards ---- */

static void op_card(Rig *r, Input *in)
{
    enum { TX = 0x3000, RX = 0x3400, ENTRIES = 8, DESCS = 3 };
    const unsigned how = (unsigned)next(in, 1);
    const uint64_t bar = ((PciFunction *)r->card[how & 1])->bar[0].base;
    for (unsigned k = 0; k < DESCS; k++) {
        uint32_t d[4] = {(uint32_t)next(in, 2), (uint32_t)next(in, 4), (uint32_t)next(in, 4),
                         (uint32_t)next(in, 4)};
        if (k) { /* data, in memory */
            d[0] |= (uint32_t)RAM_BASE;
            d[1] = 0;
        }
        mem_map_write(&r->map, RAM_BASE + TX + 16ull * k, d, sizeof(d));
    }
    for (unsigned k = 0; k < ENTRIES; k++) {
        const uint64_t d[2] = {RAM_BASE + 0x20000 + 0x1000 * k, 0};
        mem_map_write(&r->map, RAM_BASE + RX + 16ull * k, d, sizeof(d));
    }
    write_at(r, bar + 0x2800, (uint32_t)RAM_BASE + RX);
    write_at(r, bar + 0x2808, ENTRIES * 16);
    write_at(r, bar + 0x2810, 0);
    write_at(r, bar + 0x2818, ENTRIES - 1);
    write_at(r, bar + 0x5008, how & 2 ? 0x8000 : 0);
    write_at(r, bar + 0x100, 0x802a | (how & 0xc) << 14 | (how & 0x10) << 21);
    write_at(r, bar + 0x3800, (uint32_t)RAM_BASE + TX);
    write_at(r, bar + 0x3808, ENTRIES * 16);
    write_at(r, bar + 0x3810, 0);
    write_at(r, bar + 0xd0, ~0u);
    write_at(r, bar + 0, 0x40 | (how & 0x20u) << 25);
    write_at(r, bar + 0x400, 2);
    write_at(r, bar + 0x3818, DESCS);
}

static void op_frame(Rig *r, Input *in)
{
    static uint8_t frame[NET_FRAME_MAX];
    const unsigned which = (unsigned)next(in, 1) % CARDS, bytes = (unsigned)next(in, 2);
    memset(frame, (int)next(in, 1), sizeof(frame));
    frame[12] = 0x81;
    frame[13] = 0;
    r->net[which].receive(r->net[which].device, frame, bytes);
}

void rig_run(Rig *r, Input *in)
{
    uint8_t op = (uint8_t)next(in, 1);
    switch ((Op)(op % OPS)) {
    case OP_WRITE: op_access(r, in, true); break;
    case OP_READ: op_access(r, in, false); break;
    case OP_OUT: op_port(r, in, true); break;
    case OP_IN: op_port(r, in, false); break;
    case OP_MSR: op_msr(r, in); break;
    case OP_LINE: op_line(r, in); break;
    case OP_ACK: x86_lapic_ack(r->lapic, (unsigned)next(in, 1) % CPUS); break;
    case OP_KEY: {
        unsigned key = (unsigned)next(in, 1);
        i8042_key(r->keyboard, key, next(in, 1) & 1);
        break;
    }
    case OP_MOVE: {
        int dx = (int8_t)next(in, 1), dy = (int8_t)next(in, 1), wheel = (int8_t)next(in, 1);
        i8042_move(r->keyboard, dx * 64, dy * 64, wheel, (unsigned)next(in, 1));
        break;
    }
    case OP_PASS:
        r->now += 1ull << next(in, 1) % 48;
        clock_run(&r->clock);
        break;
    case OP_CONFIG: {
        uint64_t f = next(in, 1) % 10, at = next(in, 1), size = 1u << next(in, 1) % 3;
        at = (f << 15) + at / size * size;
        pcie_host_config_read(r->host, at, (unsigned)size);
        pcie_host_config_write(r->host, at, (uint32_t)next(in, 4), (unsigned)size);
        break;
    }
    case OP_BUTTON: {
        bool on = next(in, 1) & 1;
        acpi_pm_press(r->pm);
        acpi_pm_event(r->pm, on);
        pci_hot_plug_press(r->hot_plug, on ? 31 : 3);
        pci_hot_plug_filled(r->hot_plug, 5);
        acpi_pm_switch(r->pm, on);
        break;
    }
    case OP_DISK: op_disk(r, in); break;
    case OP_CARD: op_card(r, in); break;
    case OP_FRAME: op_frame(r, in); break;
    case OP_RESET: dev_reset(r->device[next(in, 1) % r->n_devices]); break;
    case OP_STATE: {
        Device *d = r->device[next(in, 1) % r->n_devices];
        size_t at = next(in, 2);
        change_state(d, at, (char)next(in, 1));
        break;
    }
    case OPS: break;
    }
}

/* ---- seeds ---- */

/* A value that means something, mostly. */
static uint64_t value(uint64_t *h)
{
    return rnd(h) % 4 ? 1ull << rnd(h) % 33 | rnd(h) % 8 : rnd(h);
}

static void out_access(Out *o, uint64_t *h, bool write)
{
    static const uint16_t offsets[] = {0x20,  0x80,  0xb0,  0xd0,  0xe0,  0xf0,  0x280,
                                       0x300, 0x310, 0x320, 0x350, 0x360, 0x370, 0x380,
                                       0x3e0, 0,     0x10,  0x40,  0x100, 0x108, 0x110};
    out(o, 1, write ? OP_WRITE : OP_READ);
    out(o, 1, rnd(h));
    out(o, 1, rnd(h) % 8 ? 2 | (rnd(h) & 0x30) : rnd(h));
    out(o, 2, rnd(h) % 8 ? offsets[rnd(h) % ARRAY_SIZE(offsets)] : rnd(h));
    if (write)
        out(o, 8, value(h));
}

static void out_config(Out *o, uint64_t *h)
{
    static const uint8_t places[] = {0x04, 0x40, 0x44, 0x58, 0x59, 0x5a, 0x5f, 0x60, 0x61,
                                     0x62, 0x68, 0x72, 0x80, 0x90, 0x91, 0x96, 0x9d, 0xf0};
    out(o, 1, OP_CONFIG);
    out(o, 1, rnd(h));
    out(o, 1, rnd(h) % 8 ? places[rnd(h) % ARRAY_SIZE(places)] : rnd(h));
    out(o, 1, rnd(h));
    out(o, 4, rnd(h));
}

static void out_disk(Out *o, uint64_t *h)
{
    static const uint8_t commands[] = {0x06, 0x08, 0x20, 0x24, 0x25, 0x29, 0x2f, 0x30, 0x34, 0x35, 0x39, 0x3d,
                                       0x40, 0x42, 0x47, 0x60, 0x61, 0x90, 0x91, 0xa0, 0xa0, 0xa0, 0xa0, 0xa1,
                                       0xb0, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xce, 0xe7, 0xec, 0xef, 0xf8},
                         packets[] = {0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0x28, 0x2b, 0x42, 0x43,
                                      0x46, 0x4a, 0x51, 0x55, 0x5a, 0xa8, 0xbb, 0xbd, 0xbe};
    const uint8_t command = commands[rnd(h) % sizeof(commands)];
    out(o, 1, OP_DISK);
    out(o, 1, (rnd(h) & 1) | (command >= 0xa0 && command <= 0xa1 && rnd(h) % 8 ? 2 : 0));
    out(o, 1, command);
    out(o, 1, rnd(h) % 4 ? rnd(h) % 6 : rnd(h));
    out(o, 1, rnd(h) % 4 ? rnd(h) % 40 : rnd(h));
    out(o, 1, rnd(h) % 4 ? rnd(h) % 60 : rnd(h));
    out(o, 1, rnd(h) % 8 ? 0 : rnd(h));
    out(o, 1, rnd(h) % 8 ? 0 : rnd(h));
    out(o, 1, packets[rnd(h) % sizeof(packets)]);
    out(o, 1, rnd(h));
    out(o, 1, rnd(h));
}

static void out_card(Out *o, uint64_t *h)
{
    static const uint8_t commands[] = {0x0b, 0x2f, 0x2d, 0x27, 0x20, 0x0f, 0x4b, 0x6b, 0x26};
    out(o, 1, OP_CARD);
    out(o, 1, rnd(h));
    for (unsigned k = 0; k < 3; k++) {
        const bool context = k == 0 && rnd(h) % 4;
        out(o, 2, context ? 14 | rnd(h) % 40 << 8 : rnd(h));
        out(o, 4, context ? 34 | rnd(h) % 60 << 8 : 0);
        out(o, 3, (context ? 0 : k == 1 ? rnd(h) % 120 : rnd(h) % 9000) | (context ? 0 : 0x100000));
        out(o, 1, context ? 0x20 | rnd(h) % 8 : commands[rnd(h) % sizeof(commands)]);
        out(o, 4, context ? rnd(h) % 80 << 8 | (rnd(h) % 1500) << 16 : rnd(h) % 4 << 8);
    }
    if (rnd(h) % 2) {
        out(o, 1, OP_FRAME);
        out(o, 1, rnd(h));
        out(o, 2, rnd(h) % 4 ? rnd(h) % 1600 : rnd(h));
        out(o, 1, rnd(h) % 2 ? 0xff : rnd(h));
    }
}

static void out_port(Out *o, uint64_t *h, bool write)
{
    out(o, 1, write ? OP_OUT : OP_IN);
    out(o, 2, rnd(h) % 48 * PORT_STEP + (rnd(h) % 4 ? rnd(h) % 4 : rnd(h) % PORT_STEP));
    out(o, 1, rnd(h) % 8 ? 0 : rnd(h));
    if (write)
        out(o, 4, rnd(h));
}

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    enum { SEEDS = 400 };
    static const uint8_t operands[OPS] = {[OP_LINE] = 3, [OP_ACK] = 1,    [OP_KEY] = 2,   [OP_MOVE] = 4,
                                          [OP_PASS] = 1, [OP_BUTTON] = 1, [OP_RESET] = 1, [OP_STATE] = 4};
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15ull;
    Out o = {.buf = buf, .cap = MIN(cap, (size_t)2000)};
    if (i >= SEEDS)
        return 0;
    for (unsigned n = 40 + (unsigned)rnd(&h) % 80; n-- > 0;) {
        unsigned op = (unsigned)rnd(&h) % OPS;
        if (op == OP_CONFIG) {
            out_config(&o, &h);
        } else if (op == OP_DISK || op == OP_BUTTON) {
            out_disk(&o, &h);
        } else if (op == OP_CARD || op == OP_FRAME) {
            out_card(&o, &h);
        } else if (op == OP_MSR) {
            out(&o, 1, op);
            out(&o, 3, rnd(&h));
            out(&o, 8, value(&h));
        } else if (!operands[op] || (op == OP_RESET && rnd(&h) % 8)) {
            (rnd(&h) % 2 ? out_port : out_access)(&o, &h, rnd(&h) % 4);
        } else {
            out(&o, 1, op);
            out(&o, operands[op] - 1u, rnd(&h));
            out(&o, 1, op == OP_STATE && rnd(&h) % 2 ? 0 : rnd(&h));
        }
    }
    return o.n;
}
