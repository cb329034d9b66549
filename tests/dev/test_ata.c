/* Disks and CD-ROMs by drivers in C: on the IDE channels by PIO and bus-master DMA, on AHCI by single and
 * queued commands; state in the middle of transfers, resets, nonsense. */
#include "tests/dev/dev_kit.h"

#include "hw/block/ahci.h"
#include "hw/block/ide.h"
#include "hw/core/io_ports.h"
#include "hw/pci/pcie_host.h"

enum {
    LOW = 0x40000000,
    RAM = 0x10000000,
    RAM_BYTES = 0x200000,
    DISK_BYTES = 4096 * 512,
    CD_BYTES = 64 * 2048,
    MASTER = 0xc000
};
enum {
    TABLE = RAM,
    DATA = RAM + 0x10000,
    LIST = RAM + 0x1000,
    FIS = RAM + 0x1800,
    COMMAND_TABLE = RAM + 0x2000
};

typedef struct Rig {
    DevKit k;
    MemMap ports;
    RamBlock ram;
    MemRegion ram_region;
    BlockPort drive[2];
    uint8_t *bytes[2];
    Device *host, *controller;
    unsigned flushes;
    bool fails;
    MsiTarget msi;
    unsigned messages;
} Rig;

static bool disk_read(void *backend, uint64_t at, void *to, size_t n)
{
    memcpy(to, (uint8_t *)backend + at, n);
    return true;
}
static bool disk_write(void *backend, uint64_t at, const void *from, size_t n)
{
    memcpy((uint8_t *)backend + at, from, n);
    return true;
}
static bool disk_flush(void *backend)
{
    ((uint8_t *)backend)[DISK_BYTES]++;
    return true;
}
static bool disk_broken(void *backend, uint64_t at, void *to, size_t n)
{
    return false;
}
static void take_message(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    ((Rig *)receiver)->messages++;
}

static Device *add_drive(Rig *r, const DevClass *cls, unsigned bus, unsigned unit)
{
    DevError err;
    Device *d = dev_new(cls, r->host, cls == &ide_cd_class ? "cd" : "hd");
    const unsigned n = cls == &ide_cd_class;
    assert_true(dev_set_ptr(d, "drive", &r->drive[n], &err) && dev_realize(d, &r->k.map, &r->k.clock, &err));
    assert_true(ata_bus_plug(ata_bus_of(r->controller), bus, unit, d, &err));
    return d;
}

static Rig *new_rig(const DevClass *cls)
{
    DevError err;
    Rig *r = calloc(1, sizeof(*r));
    kit_init(&r->k);
    mem_map_init(&r->ports);
    r->msi = (MsiTarget){r, take_message};
    const void *links[] = {"intx", &r->k.line[0], "msi", &r->msi, NULL};
    kit_device(&r->k, &pcie_host_class, NULL, links);
    r->host = r->k.dev;
    r->host->region[PCIE_LOW].base = LOW;
    r->host->region[PCIE_IO].priority = -1;
    assert_true(mem_map_add(&r->k.map, &r->host->region[PCIE_LOW]));
    assert_true(mem_map_add(&r->ports, &r->host->region[PCIE_IO]));
    assert_true(ram_block_init(&r->ram, "ram", RAM_BYTES, RAM));
    r->ram_region = (MemRegion){
        .name = "ram", .kind = MEM_RAM, .base = RAM, .bytes = RAM_BYTES, .ram = &r->ram, .priority = 1};
    assert_true(mem_map_add(&r->k.map, &r->ram_region));
    for (unsigned n = 0; n < 2; n++) {
        r->bytes[n] = calloc(1, DISK_BYTES + 1);
        r->drive[n] = (BlockPort){.backend = r->bytes[n],
                                  .bytes = n ? CD_BYTES : DISK_BYTES,
                                  .read_only = n,
                                  .read = disk_read,
                                  .write = disk_write,
                                  .flush = disk_flush};
        for (unsigned k = 0; k < DISK_BYTES; k++)
            r->bytes[n][k] = (uint8_t)(k / 512 * 7 + k % 251);
    }
    r->controller = dev_new(cls, r->host, "ide");
    if (cls == &piix3_ide_class)
        assert_true(dev_set_ptr(r->controller, "irq", &r->k.line[14], &err));
    assert_true(dev_realize(r->controller, &r->k.map, &r->k.clock, &err) &&
                pci_plug(r->host, NULL, (PciFunction *)r->controller, &err));
    add_drive(r, &ide_hd_class, 0, 0);
    add_drive(r, &ide_cd_class, 1, 0);
    dev_reset(r->controller);
    return r;
}

static void free_rig(Rig *r)
{
    kit_clear(&r->k);
    mem_map_clear(&r->ports);
    ram_block_clear(&r->ram);
    free(r->bytes[0]);
    free(r->bytes[1]);
    free(r);
}

/* Into another controller and back, whatever is under way. */
static void round_trip(Rig *r)
{
    enum { ROOM = 1 << 19 };
    DevError err;
    char *before = malloc(ROOM), *after = malloc(ROOM);
    Fmt f = {.buf = before, .cap = ROOM}, g = {.buf = after, .cap = ROOM};
    dev_save(r->controller, &f);
    dev_reset(r->controller);
    if (!dev_load(r->controller, before, &err))
        fail_msg("%s", err.text);
    dev_save(r->controller, &g);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* ---- IDE ---- */

static const uint16_t base_port[2] = {0x1f0, 0x170}, control_port[2] = {0x3f6, 0x376};

static Rig *new_ide(void)
{
    Rig *r = new_rig(&piix3_ide_class);
    for (unsigned k = 0; k < 4; k++) {
        r->controller->region[k].base = k & 1 ? control_port[k / 2] : base_port[k / 2];
        assert_true(mem_map_add(&r->ports, &r->controller->region[k]));
    }
    kit_write(&r->k, 1 << 15 | 0x20, 4, MASTER);
    kit_write(&r->k, 1 << 15 | 4, 2, 5);
    return r;
}

static uint32_t in(Rig *r, unsigned port, unsigned size)
{
    return io_ports_read(&r->ports, 0, port, size);
}
static void out(Rig *r, unsigned port, unsigned size, uint32_t v)
{
    io_ports_write(&r->ports, 0, port, v, size);
}

static unsigned irq(const Rig *r, unsigned n)
{
    return r->k.level >> (14 + n) & 1;
}

/* LBA with 28 bits. */
static void command(Rig *r, unsigned n, uint8_t code, uint32_t lba, unsigned count)
{
    const unsigned p = base_port[n];
    out(r, p + 6, 1, 0xe0 | lba >> 24);
    out(r, p + 2, 1, count);
    out(r, p + 3, 1, lba);
    out(r, p + 4, 1, lba >> 8);
    out(r, p + 5, 1, lba >> 16);
    out(r, p + 7, 1, code);
}

static void read_words(Rig *r, unsigned n, uint8_t *to, unsigned bytes)
{
    for (unsigned k = 0; k < bytes; k += 2) {
        const uint16_t v = (uint16_t)in(r, base_port[n], 2);
        memcpy(to + k, &v, 2);
    }
}

static void ide_pio(void **unused)
{
    Rig *r = new_ide();
    uint8_t got[17 * 512], sum = 0;
    assert_int_equal(in(r, 0x1f7, 1), 0x50);
    assert_int_equal(in(r, 0x3f6, 1), 0x50);
    command(r, 0, 0xec, 0, 0);
    assert_int_equal(irq(r, 0), 1);
    assert_int_equal(in(r, 0x3f6, 1), 0x58);
    assert_int_equal(irq(r, 0), 1);
    assert_int_equal(in(r, 0x1f7, 1), 0x58);
    assert_int_equal(irq(r, 0), 0);
    read_words(r, 0, got, 512);
    assert_int_equal(in(r, 0x1f7, 1), 0x50);
    assert_int_equal(ld_u32(got + 120), DISK_BYTES / 512);
    assert_memory_equal(got + 54, "iTanom uidks ", 12); /* bytes of words are turned */
    for (unsigned k = 0; k < 512; k++)
        sum = (uint8_t)(sum + got[k]);
    assert_int_equal(sum, 0);
    /* seventeen sectors, one by one, in two loads; the state goes elsewhere in between */
    command(r, 0, 0x20, 5, 17);
    for (unsigned k = 0; k < 17; k++) {
        assert_int_equal(irq(r, 0), 1);
        assert_int_equal(in(r, 0x1f7, 1), 0x58);
        read_words(r, 0, got + 512 * k, k == 3 ? 100 : 512);
        if (k == 3) {
            round_trip(r);
            read_words(r, 0, got + 512 * k + 100, 412);
        }
    }
    assert_int_equal(in(r, 0x1f7, 1), 0x50);
    assert_memory_equal(got, r->bytes[0] + 5 * 512, sizeof(got));
    /* a block of four, then one of two */
    command(r, 0, 0xc6, 0, 4);
    command(r, 0, 0xc5, 9, 6);
    for (unsigned k = 0; k < 6 * 256; k++) {
        assert_int_equal(irq(r, 0), k == 4 * 256);
        if (k == 4 * 256)
            in(r, 0x1f7, 1);
        out(r, 0x1f0, 2, k);
    }
    assert_int_equal(irq(r, 0), 1);
    assert_int_equal(in(r, 0x1f7, 1), 0x50);
    for (unsigned k = 0; k < 6 * 256; k++)
        assert_int_equal(ld_u16(r->bytes[0] + 9 * 512 + 2 * k), k);
    command(r, 0, 0x40, 0, 0); /* verify 256 sectors */
    assert_int_equal(in(r, 0x1f7, 1), 0x50);
    command(r, 0, 0xe7, 0, 0);
    assert_int_equal(r->bytes[0][DISK_BYTES], 1);
    free_rig(r);
}

static void ide_errors(void **unused)
{
    Rig *r = new_ide();
    command(r, 0, 0x20, 4095, 2);
    assert_int_equal(in(r, 0x1f7, 1), 0x51);
    assert_int_equal(in(r, 0x1f1, 1), 0x10);
    command(r, 0, 0x60, 0, 1); /* no queue here */
    assert_int_equal(in(r, 0x1f7, 1), 0x51);
    assert_int_equal(in(r, 0x1f1, 1), 0x04);
    r->drive[0].read = disk_broken;
    command(r, 0, 0x20, 7, 1);
    assert_int_equal(in(r, 0x1f7, 1), 0x51);
    assert_int_equal(in(r, 0x1f1, 1), 0x40);
    r->drive[0].read = disk_read;
    /* 48 bits, what was written before */
    out(r, 0x1f6, 1, 0x40);
    for (unsigned k = 2; k < 6; k++) {
        out(r, 0x1f0 + k, 1, 0x10 + k);
        out(r, 0x1f0 + k, 1, 0x20 + k);
    }
    assert_int_equal(in(r, 0x1f3, 1), 0x23);
    out(r, 0x3f6, 1, 0x80);
    assert_int_equal(in(r, 0x1f3, 1), 0x13);
    out(r, 0x1f7, 1, 0x24);
    assert_int_equal(in(r, 0x1f7, 1), 0x51);
    /* there is no second drive */
    out(r, 0x1f6, 1, 0xb0);
    assert_int_equal(in(r, 0x1f7, 1), 0);
    out(r, 0x1f7, 1, 0xec);
    assert_int_equal(in(r, 0x3f6, 1), 0);
    /* reset; a read is left in the middle */
    command(r, 0, 0x20, 0, 1);
    in(r, 0x1f0, 2);
    out(r, 0x3f6, 1, 4);
    assert_int_equal(in(r, 0x3f6, 1), 0x80);
    out(r, 0x3f6, 1, 2);
    assert_int_equal(in(r, 0x1f7, 1), 0x50);
    assert_int_equal(in(r, 0x1f4, 1) << 8 | in(r, 0x1f5, 1), 0);
    command(r, 0, 0x20, 0, 1);
    assert_int_equal(irq(r, 0), 0); /* not wanted */
    out(r, 0x3f6, 1, 0);
    assert_int_equal(irq(r, 0), 1);
    free_rig(r);
}

/* A state that would write behind its transfer, and so behind the disk. */
static void ide_state_behind_the_end(void **unused)
{
    enum { ROOM = 1 << 19 };
    DevError err;
    Rig *r = new_ide();
    char *text = malloc(ROOM), *pos;
    Fmt f = {.buf = text, .cap = ROOM};
    command(r, 0, 0x30, 4095, 1);
    dev_save(r->controller, &f);
    assert_true(dev_load(r->controller, text, &err));
    pos = strstr(text, "channel[0].pos=0\n");
    assert_non_null(pos);
    pos[strlen("channel[0].pos=")] = '1';
    assert_false(dev_load(r->controller, text, &err));
    free(text);
    free_rig(r);
}

static void poke(Rig *r, uint64_t at, const void *from, size_t n)
{
    assert_true(mem_map_write(&r->k.map, at, from, n));
}

static void ide_dma(void **unused)
{
    Rig *r = new_ide();
    const uint32_t table[] = {DATA, 0x400, DATA + 0x1000, 0x80000400}, lost[] = {0x90000000, 0x80000000};
    poke(r, TABLE, table, sizeof(table));
    out(r, MASTER + 4, 4, TABLE);
    out(r, MASTER, 1, 8);
    command(r, 0, 0xc8, 3, 4);
    assert_int_equal(in(r, 0x3f6, 1) & 0x80, 0x80);
    round_trip(r);
    out(r, MASTER, 1, 9);
    assert_int_equal(irq(r, 0), 1);
    assert_int_equal(in(r, MASTER + 2, 1), 4);
    assert_int_equal(in(r, 0x1f7, 1), 0x50);
    assert_memory_equal(r->ram.host + (DATA - RAM), r->bytes[0] + 3 * 512, 1024);
    assert_memory_equal(r->ram.host + (DATA + 0x1000 - RAM), r->bytes[0] + 5 * 512, 1024);
    out(r, MASTER, 1, 0);
    out(r, MASTER + 2, 1, 6);
    assert_int_equal(in(r, MASTER + 2, 1), 0);
    out(r, MASTER, 1, 1);
    command(r, 0, 0xca, 100, 4);
    assert_int_equal(in(r, 0x1f7, 1), 0x50);
    assert_memory_equal(r->bytes[0] + 100 * 512, r->bytes[0] + 3 * 512, 2048);
    out(r, MASTER, 1, 0);
    /* a list that is too short, and one in no memory */
    out(r, MASTER + 2, 1, 6);
    out(r, MASTER, 1, 9);
    command(r, 0, 0xc8, 3, 5);
    assert_int_equal(in(r, MASTER + 2, 1), 0);
    assert_int_equal(irq(r, 0), 0);
    out(r, 0x3f6, 1, 4);
    out(r, 0x3f6, 1, 0);
    poke(r, TABLE, lost, sizeof(lost));
    out(r, MASTER, 1, 9);
    command(r, 0, 0xc8, 3, 1);
    assert_int_equal(in(r, MASTER + 2, 1), 6);
    assert_int_equal(in(r, 0x1f7, 1), 0x51);
    free_rig(r);
}

/* A packet to the CD-ROM; returns its status. */
static unsigned packet(Rig *r, const uint8_t p[12], unsigned limit, bool dma)
{
    out(r, 0x176, 1, 0xa0);
    out(r, 0x171, 1, dma);
    out(r, 0x174, 1, limit);
    out(r, 0x175, 1, limit >> 8);
    out(r, 0x177, 1, 0xa0);
    assert_int_equal(in(r, 0x177, 1), 0x48);
    assert_int_equal(in(r, 0x172, 1), 1);
    for (unsigned k = 0; k < 12; k += 2)
        out(r, 0x170, 2, p[k] | p[k + 1] << 8);
    return in(r, 0x177, 1);
}

static void sense(Rig *r, unsigned key, unsigned code)
{
    uint8_t got[18];
    assert_int_equal(packet(r, (const uint8_t[12]){3, 0, 0, 0, 18}, 0xfffe, false), 0x48);
    read_words(r, 1, got, 18);
    assert_int_equal(got[2], key);
    assert_int_equal(got[12] << 8 | got[13], code);
}

static void ide_cd(void **unused)
{
    Rig *r = new_ide();
    uint8_t got[5 * 2048];
    out(r, 0x176, 1, 0xa0);
    assert_int_equal(in(r, 0x174, 1) | in(r, 0x175, 1) << 8, 0xeb14);
    out(r, 0x177, 1, 0xec);
    assert_int_equal(in(r, 0x177, 1), 0x51);
    out(r, 0x177, 1, 0xa1);
    read_words(r, 1, got, 512);
    assert_int_equal(ld_u16(got), 0x85c0);
    /* five blocks in parts of at most 3000 bytes */
    assert_int_equal(packet(r, (const uint8_t[12]){0x28, 0, 0, 0, 0, 7, 0, 0, 5}, 3000, false), 0x48);
    for (unsigned at = 0, n; at < sizeof(got); at += n) {
        assert_int_equal(in(r, 0x172, 1), 2);
        n = in(r, 0x174, 1) | in(r, 0x175, 1) << 8;
        assert_true(n && n <= 3000 && at + n <= sizeof(got));
        read_words(r, 1, got + at, n);
        assert_int_equal(irq(r, 1), 1);
        if (at == 3000)
            round_trip(r);
        in(r, 0x177, 1);
    }
    assert_int_equal(in(r, 0x177, 1), 0x40);
    assert_int_equal(in(r, 0x172, 1), 3);
    assert_memory_equal(got, r->bytes[1] + 7 * 2048, sizeof(got));
    assert_int_equal(packet(r, (const uint8_t[12]){0x25}, 8, false), 0x48);
    read_words(r, 1, got, 8);
    assert_memory_equal(got, ((const uint8_t[]){0, 0, 0, 63, 0, 0, 8, 0}), 8);
    assert_int_equal(packet(r, (const uint8_t[12]){0x28, 0, 0, 0, 0, 63, 0, 0, 2}, 3000, false), 0x41);
    sense(r, 5, 0x2100);
    assert_int_equal(packet(r, (const uint8_t[12]){0x77}, 3000, false), 0x41);
    sense(r, 5, 0x2000);
    /* by DMA */
    const uint32_t table[] = {DATA, 0x80001000};
    poke(r, TABLE, table, sizeof(table));
    out(r, MASTER + 12, 4, TABLE);
    out(r, MASTER + 8, 1, 9);
    assert_int_equal(packet(r, (const uint8_t[12]){0xa8, 0, 0, 0, 0, 2, 0, 0, 0, 2}, 0, true), 0x40);
    assert_memory_equal(r->ram.host + (DATA - RAM), r->bytes[1] + 2 * 2048, 4096);
    free_rig(r);
}

/* The tray, locked and not; another medium is told of once. */
static void trays(void **unused)
{
    static const uint8_t ready[12] = {0}, lock[12] = {0x1e, 0, 0, 0, 1}, unlock[12] = {0x1e},
                         open[12] = {0x1b, 0, 0, 0, 2}, close[12] = {0x1b, 0, 0, 0, 3},
                         event[12] = {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8};
    Rig *r = new_ide();
    uint8_t got[8];
    bool is_open, is_locked;
    Device *cd = dev_find(r->host, "cd");
    assert_int_equal(packet(r, ready, 0, false), 0x40);
    packet(r, lock, 0, false);
    assert_int_equal(packet(r, open, 0, false), 0x41);
    sense(r, 5, 0x5302);
    ide_cd_look(cd, &is_open, &is_locked);
    assert_true(is_locked && !is_open);
    packet(r, unlock, 0, false);
    assert_int_equal(packet(r, open, 0, false), 0x40);
    assert_int_equal(packet(r, ready, 0, false), 0x41);
    sense(r, 2, 0x3a02);
    r->drive[1].bytes = 0;
    ide_cd_tell(cd, CD_LEFT);
    packet(r, close, 0, false);
    assert_int_equal(packet(r, ready, 0, false), 0x41);
    sense(r, 2, 0x3a01);
    packet(r, event, 8, false);
    read_words(r, 1, got, 8);
    assert_memory_equal(got, ((const uint8_t[]){0, 6, 4, 0x10, 3, 0, 0, 0}), 8);
    r->drive[1].bytes = CD_BYTES;
    ide_cd_tell(cd, CD_CAME);
    assert_int_equal(packet(r, ready, 0, false), 0x41);
    sense(r, 6, 0x2800);
    assert_int_equal(packet(r, ready, 0, false), 0x40);
    free_rig(r);
}

/* ---- AHCI ---- */

static Rig *new_ahci(void)
{
    Rig *r = new_rig(&ich9_ahci_class);
    kit_write(&r->k, 1 << 15 | 0x24, 4, LOW);
    kit_write(&r->k, 1 << 15 | 4, 2, 6);
    return r;
}

static uint32_t get(Rig *r, unsigned at)
{
    return (uint32_t)kit_read(&r->k, LOW + at, 4);
}
static void put(Rig *r, unsigned at, uint32_t v)
{
    kit_write(&r->k, LOW + at, 4, v);
}

static void start_port(Rig *r, unsigned n)
{
    const unsigned p = 0x100 + 0x80 * n;
    put(r, 4, 2);
    put(r, p, LIST);
    put(r, p + 8, FIS);
    put(r, p + 0x30, ~0u);
    put(r, p + 0x10, ~0u);
    put(r, 8, ~0u);
    put(r, p + 0x14, 0x7dc0007f);
    put(r, p + 0x18, 0x16);
    put(r, p + 0x10, ~0u);
    put(r, 8, ~0u);
    put(r, p + 0x18, 0x17);
}

typedef struct Fis {
    uint8_t type, flags, command, feature, low, mid, high, device, low1, mid1, high1, feature1, count, count1,
        icc, control;
} Fis;

/* Fills a slot: its table has `regions` of 1024 bytes each from DATA on, 4 KiB apart. */
static void fill_slot(Rig *r, unsigned slot, Fis f, const uint8_t *cdb, unsigned regions)
{
    const uint64_t table = COMMAND_TABLE + 0x400ull * slot;
    const struct {
        uint32_t flags, moved;
        uint64_t table;
    } head = {5 | (cdb ? 0x20 : 0) | regions << 16, 0, table};
    f.type = 0x27;
    poke(r, LIST + 32ull * slot, &head, sizeof(head));
    poke(r, table, &f, sizeof(f));
    if (cdb)
        poke(r, table + 0x40, cdb, 12);
    for (unsigned k = 0; k < regions; k++) {
        const uint32_t e[4] = {DATA + 0x1000 * k, 0, 0, 1023};
        poke(r, table + 0x80 + 16ull * k, e, sizeof(e));
    }
}

static unsigned issue(Rig *r, unsigned port, Fis f, const uint8_t *cdb, unsigned regions)
{
    const unsigned p = 0x100 + 0x80 * port;
    f.flags = 0x80;
    fill_slot(r, 3, f, cdb, regions);
    put(r, p + 0x38, 8);
    return get(r, p + 0x20);
}

static void ahci_single(void **unused)
{
    Rig *r = new_ahci();
    uint32_t moved;
    assert_int_equal(get(r, 0xc), 0x3f);
    assert_int_equal(get(r, 0x124), 0x101);
    assert_int_equal(get(r, 0x1a4), 0xeb140101);
    assert_int_equal(get(r, 0x224), 0xffffffff);
    assert_int_equal(get(r, 0x128), 0x123);
    assert_int_equal(get(r, 0x228), 0);
    start_port(r, 0);
    assert_int_equal(ld_u32(r->ram.host + 0x1840), 0x01500034 | 0x4000); /* the drive's registers came */
    assert_int_equal(r->k.level, 0);
    assert_int_equal(issue(r, 0, (Fis){.command = 0xec}, NULL, 1), 0x50);
    assert_int_equal(get(r, 0x138), 0);
    assert_int_equal(get(r, 0x110), 2);
    assert_int_equal(r->k.level, 1 << 1);
    assert_int_equal(r->ram.host[0x1820], 0x5f);
    assert_int_equal(ld_u16(r->ram.host + (DATA - RAM) + 152) & 0x100, 0x100); /* queues */
    put(r, 0x110, 2);
    put(r, 8, 1);
    assert_int_equal(r->k.level, 0);
    assert_int_equal(issue(r, 0, (Fis){.command = 0x25, .device = 0x40, .low = 9, .count = 4}, NULL, 2),
                     0x50);
    assert_int_equal(get(r, 0x110), 1);
    assert_memory_equal(r->ram.host + (DATA - RAM), r->bytes[0] + 9 * 512, 1024);
    assert_memory_equal(r->ram.host + (DATA - RAM) + 0x1000, r->bytes[0] + 11 * 512, 1024);
    moved = ld_u32(r->ram.host + 0x1000 + 3 * 32 + 4);
    assert_int_equal(moved, 2048);
    assert_int_equal(issue(r, 0, (Fis){.command = 0x35, .device = 0x40, .low = 50, .count = 2}, NULL, 1),
                     0x50);
    assert_memory_equal(r->bytes[0] + 50 * 512, r->bytes[0] + 9 * 512, 1024);
    assert_int_equal(issue(r, 0, (Fis){.command = 0xea}, NULL, 0), 0x50);
    assert_int_equal(r->bytes[0][DISK_BYTES], 1);
    assert_int_equal(issue(r, 0, (Fis){.command = 0x42, .device = 0x40, .count = 200}, NULL, 0), 0x50);
    round_trip(r);
    /* an error stops the port until it is started again */
    assert_int_equal(issue(r, 0, (Fis){.command = 0x25, .device = 0x40, .mid = 0x20, .count = 4}, NULL, 2),
                     0x1051);
    assert_int_equal(get(r, 0x110) >> 30 & 1, 1);
    assert_int_equal(get(r, 0x138), 8);
    put(r, 0x118, 0x16);
    assert_int_equal(get(r, 0x138), 0);
    put(r, 0x118, 0x17);
    assert_int_equal(issue(r, 0, (Fis){.command = 0xe5}, NULL, 0), 0x50);
    free_rig(r);
}

static void ahci_queued(void **unused)
{
    Rig *r = new_ahci();
    Fis f = {.flags = 0x80, .command = 0x60, .device = 0x40, .feature = 2};
    start_port(r, 0);
    kit_write(&r->k, 1 << 15 | 0x84, 4, 0xfee00000);
    kit_write(&r->k, 1 << 15 | 0x82, 2, 1);
    kit_write(&r->k, 1 << 15 | 4, 2, 2); /* not a master: the commands wait */
    for (unsigned k = 0; k < 3; k++) {
        f.low = (uint8_t)(40 + 2 * k);
        f.count = (uint8_t)(k << 3);
        f.command = k == 2 ? 0x61 : 0x60;
        fill_slot(r, k, f, NULL, 1);
    }
    put(r, 0x134, 7);
    put(r, 0x138, 7);
    assert_int_equal(get(r, 0x134), 7);
    round_trip(r);
    kit_write(&r->k, 1 << 15 | 4, 2, 6);
    assert_int_equal(get(r, 0x134), 0);
    assert_int_equal(get(r, 0x138), 0);
    assert_int_equal(get(r, 0x110), 8);
    assert_true(r->messages >= 3);
    assert_int_equal(r->k.level, 0);
    assert_memory_equal(r->bytes[0] + 44 * 512, r->bytes[0] + 42 * 512, 1024);
    /* which one failed is in a log */
    r->drive[0].read = disk_broken;
    f.command = 0x60;
    f.count = 5 << 3;
    fill_slot(r, 5, f, NULL, 1);
    put(r, 0x134, 1 << 5);
    put(r, 0x138, 1 << 5);
    assert_int_equal(get(r, 0x134), 1 << 5);
    assert_int_equal(get(r, 0x120) & 1, 1);
    put(r, 0x118, 0x16);
    put(r, 0x118, 0x17);
    assert_int_equal(issue(r, 0, (Fis){.command = 0x2f, .low = 0x10, .count = 1}, NULL, 1), 0x50);
    assert_int_equal(r->ram.host[DATA - RAM], 5);
    free_rig(r);
}

static void ahci_cd(void **unused)
{
    static const uint8_t inquiry[12] = {0x12, 0, 0, 0, 36}, read[12] = {0x28, 0, 0, 0, 0, 3, 0, 0, 1},
                         bad[12] = {0x28, 0, 0, 0, 0, 99, 0, 0, 1};
    Rig *r = new_ahci();
    start_port(r, 1);
    assert_int_equal(issue(r, 1, (Fis){.command = 0xa0, .mid = 0xfe, .high = 0xff}, inquiry, 1), 0x40);
    assert_memory_equal(r->ram.host + (DATA - RAM) + 8, "Tinamou DVD-ROM", 15);
    assert_int_equal(get(r, 0x190), 3);
    assert_int_equal(issue(r, 1, (Fis){.command = 0xa0, .feature = 1}, read, 2), 0x40);
    assert_memory_equal(r->ram.host + (DATA - RAM) + 0x1000, r->bytes[1] + 3 * 2048 + 1024, 1024);
    assert_int_equal(issue(r, 1, (Fis){.command = 0xa0, .feature = 1}, bad, 2), 0x5441);
    /* the link is reset */
    put(r, 0x198, 0x16);
    put(r, 0x1ac, 0x301);
    assert_int_equal(get(r, 0x1a8), 0);
    put(r, 0x1ac, 0x300);
    assert_int_equal(get(r, 0x1a8), 0x123);
    assert_int_equal(get(r, 0x1a4), 0xeb140101);
    assert_int_equal(get(r, 0x190) >> 6 & 1, 1);
    put(r, 0x1b0, ~0u);
    assert_int_equal(get(r, 0x190) >> 6 & 1, 0);
    put(r, 4, 3);
    assert_int_equal(get(r, 4), 0x80000000);
    free_rig(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ide_pio),
        cmocka_unit_test(ide_errors),
        cmocka_unit_test(ide_state_behind_the_end),
        cmocka_unit_test(ide_dma),
        cmocka_unit_test(ide_cd),
        cmocka_unit_test(trays),
        cmocka_unit_test(ahci_single),
        cmocka_unit_test(ahci_queued),
        cmocka_unit_test(ahci_cd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
