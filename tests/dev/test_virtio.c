/* A virtio driver in C against virtio-blk and virtio-rng over virtio-mmio: requests, features, state, and
 * rings that make no sense. */
#include "tests/dev/dev_kit.h"

#include "hw/core/ports.h"
#include "hw/virtio/virtio_blk.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_rng.h"

enum { RAM = 0x100000, RAM_BYTES = 0x20000, DESC = RAM, AVAIL = RAM + 0x1000, USED = RAM + 0x2000,
       DATA = RAM + 0x4000, QUEUE = 8 };
enum { DISK_BYTES = 64 * 512 };

typedef struct Rig {
    DevKit k;
    RamBlock ram;
    MemRegion ram_region;
    BlockPort drive;
    EntropyPort entropy;
    VirtioDevice *device;
    uint8_t disk[DISK_BYTES];
    unsigned flushes;
    bool fails;
    uint16_t avail;
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
static bool count_up(void *backend, void *to, size_t n)
{
    for (size_t k = 0; k < n; k++)
        ((uint8_t *)to)[k] = (uint8_t)k;
    return true;
}

static void plug(Rig *r, const DevClass *cls)
{
    DevError err;
    r->device = (VirtioDevice *)dev_new(cls, NULL, "disk");
    assert_true(dev_set_ptr(&r->device->dev, cls == &virtio_blk_class ? "drive" : "source",
                            cls == &virtio_blk_class ? (void *)&r->drive : (void *)&r->entropy, &err));
    assert_true(dev_realize(&r->device->dev, &r->k.map, &r->k.clock, &err));
    const void *links[] = {"irq", &r->k.line[0], "device", r->device, NULL};
    kit_device(&r->k, &virtio_mmio_class, NULL, links);
    dev_reset(&r->device->dev);
}

static uint32_t get(Rig *r, uint64_t at) { return (uint32_t)kit_read(&r->k, at, 4); }
static void put(Rig *r, uint64_t at, uint32_t v) { kit_write(&r->k, at, 4, v); }
static void poke(Rig *r, uint64_t at, const void *from, size_t n)
{
    assert_true(mem_map_write(&r->k.map, at, from, n));
}
static void peek(Rig *r, uint64_t at, void *to, size_t n) { assert_true(mem_map_read(&r->k.map, at, to, n)); }

static void start(Rig *r, uint64_t features)
{
    put(r, 0x70, 0);
    put(r, 0x70, 3);
    for (unsigned k = 0; k < 2; k++) {
        put(r, 0x24, k);
        put(r, 0x20, (uint32_t)(features >> 32 * k));
    }
    put(r, 0x70, 11);
    assert_int_equal(get(r, 0x70), 11);
    put(r, 0x30, 0);
    assert_int_equal(get(r, 0x34), VIRTIO_QUEUE_MAX);
    put(r, 0x38, QUEUE);
    put(r, 0x80, DESC);
    put(r, 0x90, AVAIL);
    put(r, 0xa0, USED);
    put(r, 0x44, 1);
    put(r, 0x70, 15);
    r->avail = 0;
    memset(r->ram.host + (AVAIL - RAM), 0, 0x2000);
}

static void rig_init(Rig *r, const DevClass *cls, uint64_t features)
{
    *r = (Rig){0};
    kit_init(&r->k);
    r->drive = (BlockPort){.backend = r, .bytes = DISK_BYTES, .serial = "a disk", .read = disk_read,
                           .write = disk_write, .flush = disk_flush};
    r->entropy = (EntropyPort){.fill = count_up};
    assert_true(ram_block_init(&r->ram, "ram", RAM_BYTES, RAM));
    r->ram_region = (MemRegion){.name = "ram", .kind = MEM_RAM, .base = RAM, .bytes = RAM_BYTES,
                                .ram = &r->ram};
    assert_true(mem_map_add(&r->k.map, &r->ram_region));
    plug(r, cls);
    start(r, VIRTIO_F_VERSION_1 | features);
}

static void rig_clear(Rig *r)
{
    kit_clear(&r->k);
    dev_free(&r->device->dev);
    ram_block_clear(&r->ram);
}

static void desc(Rig *r, unsigned n, uint64_t at, uint32_t bytes, uint16_t flags, uint16_t next)
{
    poke(r, DESC + 16 * n, &at, 8);
    poke(r, DESC + 16 * n + 8, &bytes, 4);
    poke(r, DESC + 16 * n + 12, &flags, 2);
    poke(r, DESC + 16 * n + 14, &next, 2);
}

static void offer(Rig *r, uint16_t head)
{
    poke(r, AVAIL + 4 + 2 * (r->avail % QUEUE), &head, 2);
    r->avail++;
    poke(r, AVAIL + 2, &r->avail, 2);
    put(r, 0x50, 0);
}

static uint16_t used(Rig *r)
{
    uint16_t n;
    peek(r, USED + 2, &n, 2);
    return n;
}

/* A request of header, data, status; the status. */
static uint8_t request(Rig *r, uint32_t type, uint64_t sector, uint32_t bytes)
{
    const uint64_t head[2] = {type, sector};
    uint8_t status = 0xff;
    poke(r, DATA, head, sizeof(head));
    poke(r, DATA + 0x100, &status, 1);
    desc(r, 0, DATA, 16, 1, 1);
    desc(r, 1, DATA + 0x1000, bytes, type == 1 ? 1 : 3, 2);
    desc(r, 2, DATA + 0x100, 1, 2, 0);
    offer(r, 0);
    peek(r, DATA + 0x100, &status, 1);
    return status;
}

static void registers(void **unused)
{
    Rig r;
    rig_init(&r, &virtio_blk_class, 0);
    assert_int_equal(get(&r, 0), 0x74726976);
    assert_int_equal(get(&r, 4), 2);
    assert_int_equal(get(&r, 8), 2);
    assert_int_equal(get(&r, 0x100), DISK_BYTES / 512);
    put(&r, 0x14, 1);
    assert_int_equal(get(&r, 0x10), 1); /* version 1 */
    put(&r, 0x14, 2);
    assert_int_equal(get(&r, 0x10), 0);
    put(&r, 0x30, 1);
    assert_int_equal(get(&r, 0x34), 0); /* one queue only */
    put(&r, 0x70, 0);
    assert_int_equal(get(&r, 0x44), 0);
    put(&r, 0x70, 11); /* without version 1: features are not good */
    assert_int_equal(get(&r, 0x70), 3);
    rig_clear(&r);
}

static void disk_requests(void **unused)
{
    Rig r;
    char text[21] = "";
    rig_init(&r, &virtio_blk_class, 1ull << 9);
    poke(&r, DATA + 0x1000, "written", 8);
    assert_int_equal(request(&r, 1, 3, 512), 0);
    assert_string_equal((char *)r.disk + 3 * 512, "written");
    assert_int_equal(r.flushes, 0);
    assert_int_equal(r.k.level, 1);
    assert_int_equal(get(&r, 0x60), 1);
    put(&r, 0x64, 1);
    assert_int_equal(r.k.level, 0);
    strcpy((char *)r.disk + 512, "read");
    assert_int_equal(request(&r, 0, 1, 1024), 0);
    peek(&r, DATA + 0x1000, text, 5);
    assert_string_equal(text, "read");
    uint32_t entry[2];
    peek(&r, USED + 4 + 8, entry, 8);
    assert_int_equal(entry[1], 1025);
    assert_int_equal(request(&r, 4, 0, 512), 0);
    assert_int_equal(r.flushes, 1);
    assert_int_equal(request(&r, 8, 0, 20), 0);
    peek(&r, DATA + 0x1000, text, 20);
    assert_string_equal(text, "a disk");
    assert_int_equal(request(&r, 99, 0, 512), 2);
    assert_int_equal(request(&r, 0, 63, 1024), 1);      /* over the end */
    assert_int_equal(request(&r, 0, ~0ull, 512), 1);
    assert_int_equal(request(&r, 0, 0, 100), 1);        /* no whole sector */
    r.fails = true;
    assert_int_equal(request(&r, 0, 0, 512), 1);
    r.fails = false;
    r.drive.read_only = true;
    assert_int_equal(request(&r, 1, 0, 512), 1);
    assert_int_equal(used(&r), 10);
    assert_int_equal(get(&r, 0x70), 15);
    rig_clear(&r);
}

static void indirect_and_event_index(void **unused)
{
    Rig r;
    rig_init(&r, &virtio_rng_class, VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX);
    uint16_t event = 1; /* signal the second only */
    poke(&r, AVAIL + 4 + 2 * QUEUE, &event, 2);
    desc(&r, 0, DATA, 32, 4, 0);
    const struct {
        uint64_t at;
        uint32_t n;
        uint16_t flags, next;
    } table[2] = {{DATA + 0x100, 8, 3, 1}, {DATA + 0x200, 8, 2, 0}};
    poke(&r, DATA, table, sizeof(table));
    offer(&r, 0);
    assert_int_equal(used(&r), 1);
    assert_int_equal(r.k.level, 0);
    offer(&r, 0);
    assert_int_equal(used(&r), 2);
    assert_int_equal(r.k.level, 1);
    uint8_t got[8];
    peek(&r, DATA + 0x200, got, 8);
    assert_int_equal(got[7], 15);
    peek(&r, USED + 4 + 8 * QUEUE, &event, 2);
    assert_int_equal(event, 2); /* notify us of the next */
    rig_clear(&r);
}

static void state_goes_over(void **unused)
{
    enum { ROOM = 1 << 16 };
    Rig r;
    DevError err;
    char *before = malloc(2 * ROOM), *after = malloc(2 * ROOM);
    Fmt f = {.buf = before, .cap = ROOM}, g = {.buf = before + ROOM, .cap = ROOM};
    rig_init(&r, &virtio_blk_class, VIRTIO_F_EVENT_IDX);
    assert_int_equal(request(&r, 0, 0, 512), 0);
    put(&r, 0x30, 1);
    dev_save(&r.device->dev, &f);
    dev_save(r.k.dev, &g);
    dev_free(r.k.dev);
    dev_free(&r.device->dev);
    plug(&r, &virtio_blk_class);
    assert_int_equal(r.k.level, 0);
    assert_true(dev_load(r.k.dev, before + ROOM, &err));
    assert_true(dev_load(&r.device->dev, before, &err));
    assert_int_equal(r.k.level, 1);
    f = (Fmt){.buf = after, .cap = ROOM};
    dev_save(&r.device->dev, &f);
    assert_string_equal(before, after);
    assert_int_equal(request(&r, 0, 1, 512), 0);
    assert_int_equal(used(&r), 2);
    char *num = strstr(before, "s.num=8");
    num[6] = '7'; /* no power of two */
    assert_false(dev_load(&r.device->dev, before, &err));
    free(before);
    free(after);
    rig_clear(&r);
}

/* Each of these must end in DEVICE_NEEDS_RESET, and nothing else happen until the reset. */
static void hostile_rings(void **unused)
{
    Rig r;
    const uint64_t head[2] = {0, 0};
    rig_init(&r, &virtio_blk_class, VIRTIO_F_INDIRECT);
    for (unsigned n = 0; n < 9; n++) {
        start(&r, VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT);
        poke(&r, DATA, head, sizeof(head));
        desc(&r, 0, DATA, 16, 1, 1);
        desc(&r, 1, DATA + 0x100, 1, 2, 0);
        switch (n) {
        case 0: desc(&r, 1, DATA, 16, 1, 0); break;                      /* a circle */
        case 1: desc(&r, 0, DATA, 16, 1, 9); break;                      /* no such descriptor */
        case 2: desc(&r, 0, DATA, 16, 3, 1); desc(&r, 1, DATA, 16, 0, 0); break; /* readable after writable */
        case 3: desc(&r, 1, 0x10, 1, 2, 0); break;                       /* a status in no memory */
        case 4: desc(&r, 0, DATA, 16, 0, 0); break;                      /* no status */
        case 5: desc(&r, 0, DATA, 17, 4, 0); break;                      /* a crooked table */
        case 6: desc(&r, 0, DESC, 16, 4, 0); break;                      /* a table in a table */
        case 7: r.avail = 100; break;                                    /* more than there are */
        case 8: desc(&r, 0, DATA, 8, 1, 1); break;                       /* half a header */
        }
        offer(&r, 0);
        assert_int_equal(get(&r, 0x70) & 64, 64);
        assert_int_equal(get(&r, 0x60) & 2, 2);
        offer(&r, 0);
        assert_int_equal(used(&r), 0);
    }
    start(&r, VIRTIO_F_VERSION_1);
    put(&r, 0x44, 0);
    put(&r, 0x90, 0xfffff000); /* the ring itself in no memory */
    put(&r, 0x44, 1);
    put(&r, 0x50, 0);
    assert_int_equal(get(&r, 0x70) & 64, 64);
    start(&r, VIRTIO_F_VERSION_1);
    put(&r, 0x50, 7); /* no such queue */
    assert_int_equal(request(&r, 0, 0, 512), 0);
    rig_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers),
        cmocka_unit_test(disk_requests),
        cmocka_unit_test(indirect_and_event_index),
        cmocka_unit_test(state_goes_over),
        cmocka_unit_test(hostile_rings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
