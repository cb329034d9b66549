/* NVMe by a driver in C: the admin queue, an I/O queue, lists of pages, state, nonsense. */
#include "tests/dev/dev_kit.h"

#include "hw/block/nvme.h"
#include "hw/core/ports.h"
#include "hw/pci/pcie_host.h"

enum {
    ECAM = 0,
    LOW = 0x40000000,
    RAM = 0x10000000,
    RAM_BYTES = 0x200000,
    DISK_BYTES = 4096 * 512,
    ENTRIES = 8
};
enum {
    ASQ = RAM,
    ACQ = RAM + 0x1000,
    ISQ = RAM + 0x2000,
    ICQ = RAM + 0x3000,
    LIST = RAM + 0x4000,
    DATA = RAM + 0x10000
};

typedef struct Rig {
    DevKit k;
    RamBlock ram;
    MemRegion ram_region;
    BlockPort drive;
    Device *nvme;
    uint8_t disk[DISK_BYTES];
    unsigned flushes, discards;
    bool fails;
    uint16_t tail[2], head[2], id;
    uint32_t result;
} Rig;

static bool disk_read(void *backend, uint64_t at, void *to, size_t n)
{
    Rig *r = backend;
    memcpy(to, r->disk + at, n);
    return !r->fails;
}
static bool disk_write(void *backend, uint64_t at, const void *from, size_t n)
{
    Rig *r = backend;
    memcpy(r->disk + at, from, n);
    return !r->fails;
}
static bool disk_flush(void *backend) { return ((Rig *)backend)->flushes++ < 100; }
static bool disk_discard(void *backend, uint64_t at, uint64_t n)
{
    assert_true(at + n <= DISK_BYTES);
    return ((Rig *)backend)->discards++ < 100;
}

static uint32_t get(Rig *r, uint64_t at) { return (uint32_t)kit_read(&r->k, LOW + at, 4); }
static void put(Rig *r, uint64_t at, uint32_t v) { kit_write(&r->k, LOW + at, 4, v); }
static void poke(Rig *r, uint64_t at, const void *from, size_t n)
{
    assert_true(mem_map_write(&r->k.map, at, from, n));
}
static void peek(Rig *r, uint64_t at, void *to, size_t n) { assert_true(mem_map_read(&r->k.map, at, to, n)); }

static void start(Rig *r)
{
    kit_write(&r->k, ECAM + (1 << 15 | 0x10), 4, LOW);
    kit_write(&r->k, ECAM + (1 << 15 | 0x14), 4, 0);
    kit_write(&r->k, ECAM + (1 << 15 | 4), 2, 6);
    put(r, 0x14, 0);
    assert_int_equal(get(r, 0x1c), 0);
    put(r, 0x24, (ENTRIES - 1) << 16 | (ENTRIES - 1));
    put(r, 0x28, ASQ);
    put(r, 0x2c, 0);
    put(r, 0x30, ACQ);
    put(r, 0x34, 0);
    put(r, 0x14, 0x460001);
    assert_int_equal(get(r, 0x1c), 1);
    memset(r->ram.host, 0, 0x4000);
    memset(r->tail, 0, sizeof(r->tail));
    memset(r->head, 0, sizeof(r->head));
}

static Rig *new_rig(void)
{
    DevError err;
    Rig *r = calloc(1, sizeof(*r));
    kit_init(&r->k);
    const void *links[] = {"intx", &r->k.line[0], NULL};
    kit_device(&r->k, &pcie_host_class, NULL, links);
    r->k.dev->region[PCIE_LOW].base = LOW;
    assert_true(mem_map_add(&r->k.map, &r->k.dev->region[PCIE_LOW]));
    assert_true(ram_block_init(&r->ram, "ram", RAM_BYTES, RAM));
    r->ram_region = (MemRegion){
        .name = "ram", .kind = MEM_RAM, .base = RAM, .bytes = RAM_BYTES, .ram = &r->ram, .priority = 1};
    assert_true(mem_map_add(&r->k.map, &r->ram_region));
    r->drive = (BlockPort){.backend = r, .bytes = DISK_BYTES, .serial = "a disk", .read = disk_read,
                           .write = disk_write, .flush = disk_flush, .discard = disk_discard};
    r->nvme = dev_new(&nvme_class, r->k.dev, "nvme");
    assert_true(dev_set_ptr(r->nvme, "drive", &r->drive, &err) &&
                dev_realize(r->nvme, &r->k.map, &r->k.clock, &err));
    assert_true(pci_plug(r->k.dev, NULL, (PciFunction *)r->nvme, &err));
    dev_reset(r->nvme);
    start(r);
    return r;
}

static void free_rig(Rig *r)
{
    kit_clear(&r->k);
    ram_block_clear(&r->ram);
    free(r);
}

typedef struct Command {
    uint32_t op, nsid, reserved[4];
    uint64_t prp1, prp2;
    uint32_t dw10, dw11, dw12, dw13, dw14, dw15;
} Command;

/* Puts a command into the ring of queue q, rings, and returns its status; -1: no completion. */
static int issue(Rig *r, unsigned q, Command c)
{
    struct {
        uint32_t result, reserved;
        uint16_t sq_head, sq, id, status;
    } done;
    c.op |= (uint32_t)++r->id << 16;
    poke(r, (q ? ISQ : ASQ) + 64u * r->tail[q], &c, sizeof(c));
    r->tail[q] = (uint16_t)((r->tail[q] + 1) % ENTRIES);
    put(r, 0x1000 + 8 * q, r->tail[q]);
    peek(r, (q ? ICQ : ACQ) + 16u * (r->head[q] % ENTRIES), &done, sizeof(done));
    bool phase = !(r->head[q] / ENTRIES % 2);
    if ((done.status & 1) != phase || done.id != r->id)
        return -1;
    assert_int_equal(done.sq, q);
    assert_int_equal(done.sq_head, r->tail[q]);
    assert_int_equal(r->k.level, 1 << 1);
    r->head[q]++;
    put(r, 0x1004 + 8 * q, r->head[q] % ENTRIES);
    assert_int_equal(r->k.level, 0);
    r->result = done.result;
    return done.status >> 1;
}

static void make_queue(Rig *r)
{
    assert_int_equal(
        issue(r, 0, (Command){.op = 1, .prp1 = ISQ, .dw10 = (ENTRIES - 1) << 16 | 1, .dw11 = 1 << 16 | 1}),
        0x100);
    assert_int_equal(issue(r, 0, (Command){.op = 5, .prp1 = ICQ, .dw10 = (ENTRIES - 1) << 16 | 1, .dw11 = 3}),
                     0);
    assert_int_equal(
        issue(r, 0, (Command){.op = 1, .prp1 = ISQ, .dw10 = (ENTRIES - 1) << 16 | 1, .dw11 = 1 << 16 | 1}),
        0);
}

static Command io(uint32_t op, uint64_t block, uint32_t blocks, uint64_t prp1, uint64_t prp2)
{
    return (Command){.op = op, .nsid = 1, .prp1 = prp1, .prp2 = prp2, .dw10 = (uint32_t)block,
                     .dw11 = (uint32_t)(block >> 32), .dw12 = blocks - 1};
}

static void admin(void **unused)
{
    Rig *r = new_rig();
    char text[8] = "";
    uint64_t blocks;
    assert_int_equal(get(r, 8), 0x10400);
    assert_int_equal(issue(r, 0, (Command){.op = 6, .prp1 = DATA, .dw10 = 1}), 0);
    peek(r, DATA + 4, text, 6);
    assert_string_equal(text, "a disk");
    assert_int_equal(issue(r, 0, (Command){.op = 6, .nsid = 1, .prp1 = DATA + 0x800, .prp2 = DATA + 0x2000}),
                     0);
    peek(r, DATA + 0x800, &blocks, 8);
    assert_int_equal(blocks, DISK_BYTES / 512);
    assert_int_equal(issue(r, 0, (Command){.op = 6, .nsid = 2, .prp1 = DATA}), 0xb);
    assert_int_equal(issue(r, 0, (Command){.op = 9, .dw10 = 7, .dw11 = 0x70007}), 0);
    assert_int_equal(r->result, 0x70007);
    assert_int_equal(issue(r, 0, (Command){.op = 0x77}), 1);
    assert_int_equal(issue(r, 0, (Command){.op = 2, .prp1 = DATA, .dw10 = 2 | 127 << 16}), 0);
    make_queue(r);
    assert_int_equal(issue(r, 0, (Command){.op = 4, .dw10 = 1}), 0x10c); /* still in use */
    assert_int_equal(issue(r, 0, (Command){.op = 0, .dw10 = 1}), 0);
    assert_int_equal(issue(r, 0, (Command){.op = 4, .dw10 = 1}), 0);
    assert_int_equal(issue(r, 0, (Command){.op = 0x0c}), -1); /* waits */
    free_rig(r);
}

static void transfers(void **unused)
{
    Rig *r = new_rig();
    char text[8] = "";
    make_queue(r);
    poke(r, DATA, "written", 8);
    assert_int_equal(issue(r, 1, io(1, 3, 1, DATA, 0)), 0);
    assert_string_equal((char *)r->disk + 3 * 512, "written");
    assert_int_equal(r->flushes, 0);
    assert_int_equal(issue(r, 1, (Command){.op = 0, .nsid = 0xffffffff}), 0);
    assert_int_equal(r->flushes, 1);
    Command through = io(1, 3, 1, DATA, 0);
    through.dw12 |= 1u << 30;
    assert_int_equal(issue(r, 1, through), 0);
    assert_int_equal(r->flushes, 2);
    /* Two MiB less a bit are too much; 513 blocks by a list that goes on in another page. */
    for (unsigned k = 0; k < 513 * 512; k++)
        r->disk[k] = (uint8_t)(k / 512);
    for (unsigned k = 0; k < 70; k++) {
        uint64_t page = DATA + 0x1000ull * (k + 1);
        uint64_t at = k < 3 ? LIST + 0xfe8 + 8 * k : LIST + 0x1000 + 8 * (k - 2);
        if (k == 2)
            poke(r, LIST + 0xff8, &(uint64_t){LIST + 0x1000}, 8), at = LIST + 0x1000;
        poke(r, at, &page, 8);
    }
    assert_int_equal(issue(r, 1, io(2, 0, 513, DATA + 0x200, LIST + 0xfe8)), 0);
    for (unsigned k = 0; k < 513; k++)
        assert_int_equal(r->ram.host[DATA - RAM + 0x200 + 512 * k], k & 0xff);
    assert_int_equal(issue(r, 1, io(2, 0, 2000, DATA, LIST)), 2);
    assert_int_equal(issue(r, 1, io(2, 4090, 7, DATA, 0)), 0x80);
    assert_int_equal(issue(r, 1, io(2, ~0ull, 1, DATA, 0)), 0x80);
    assert_int_equal(issue(r, 1, io(2, 0, 1, 0x90000000, 0)), 4);
    assert_int_equal(issue(r, 1, io(2, 0, 16, DATA, DATA + 0x1008)), 0x13);
    assert_int_equal(issue(r, 1, io(8, 5, 2, 0, 0)), 0); /* write zeroes */
    assert_int_equal(r->disk[5 * 512] | r->disk[7 * 512 - 1], 0);
    const uint32_t range[4] = {0, 4, 9, 0};
    poke(r, DATA, range, sizeof(range));
    assert_int_equal(issue(r, 1, (Command){.op = 9, .nsid = 1, .prp1 = DATA, .dw11 = 4}), 0);
    assert_int_equal(r->discards, 1);
    r->fails = true;
    assert_int_equal(issue(r, 1, io(2, 0, 1, DATA, 0)), 0x281);
    assert_int_equal(issue(r, 1, io(1, 0, 1, DATA, 0)), 0x280);
    r->fails = false;
    peek(r, DATA, text, 7);
    free_rig(r);
}

static void state_and_reset(void **unused)
{
    enum { ROOM = 1 << 17 };
    Rig *r = new_rig();
    DevError err;
    char *before = malloc(ROOM), *after = malloc(ROOM);
    Fmt f = {.buf = before, .cap = ROOM}, g = {.buf = after, .cap = ROOM};
    make_queue(r);
    dev_save(r->nvme, &f);
    dev_reset(r->nvme);
    assert_int_equal(kit_read(&r->k, LOW + 0x1c, 4), 0xffffffff);
    assert_true(dev_load(r->nvme, before, &err));
    dev_save(r->nvme, &g);
    assert_string_equal(before, after);
    strcpy((char *)r->disk, "again");
    assert_int_equal(issue(r, 1, io(2, 0, 1, DATA, 0)), 0);
    assert_int_equal(r->ram.host[DATA - RAM], 'a');
    char *tail = strstr(before, "sq_tail=");
    tail[8] = '9'; /* of a queue of eight */
    assert_false(dev_load(r->nvme, before, &err));
    start(r);
    assert_int_equal(issue(r, 0, (Command){.op = 6, .prp1 = DATA, .dw10 = 1}), 0);
    put(r, 0x1000, 8); /* no such entry */
    put(r, 0x1008, 1); /* no such queue */
    put(r, 0x14, 0);
    put(r, 0x28, 0x90000000);
    put(r, 0x14, 0x460001);
    put(r, 0x1000, 1); /* a ring in no memory */
    assert_int_equal(get(r, 0x1c) & 2, 2);
    put(r, 0x14, 0);
    assert_int_equal(get(r, 0x1c), 0);
    free(before);
    free(after);
    free_rig(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admin),
        cmocka_unit_test(transfers),
        cmocka_unit_test(state_and_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
