#include "tests/dev/virtio_rig.h"

#include "hw/virtio/virtio_mmio.h"

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
    Rig *r = backend;
    memset(r->disk + at, 0xdd, n);
    r->discards++;
    return true;
}
static bool count_up(void *backend, void *to, size_t n)
{
    for (size_t k = 0; k < n; k++)
        ((uint8_t *)to)[k] = (uint8_t)k;
    return true;
}

void rig_prepare(Rig *r)
{
    *r = (Rig){0};
    kit_init(&r->k);
    r->drive = (BlockPort){.backend = r, .bytes = RIG_DISK_BYTES, .serial = "a disk", .read = disk_read,
                           .write = disk_write, .flush = disk_flush, .discard = disk_discard};
    r->entropy = (EntropyPort){.fill = count_up};
    assert_true(ram_block_init(&r->ram, "ram", RIG_RAM_BYTES, RIG_RAM));
    r->ram_region = (MemRegion){.name = "ram", .kind = MEM_RAM, .base = RIG_RAM, .bytes = RIG_RAM_BYTES,
                                .ram = &r->ram};
    assert_true(mem_map_add(&r->k.map, &r->ram_region));
}

void rig_plug(Rig *r, const DevClass *cls, const char *const *props, const char *link, void *backend,
              unsigned queues)
{
    DevError err;
    r->cls = cls;
    r->props = props;
    r->link = link;
    r->backend = backend;
    r->queues = queues;
    r->device = (VirtioDevice *)dev_new(cls, NULL, "it");
    assert_true(!link || dev_set_ptr(&r->device->dev, link, backend, &err));
    for (; props && *props; props += 2)
        assert_true(dev_set(&r->device->dev, props[0], props[1], &err));
    assert_true(dev_realize(&r->device->dev, &r->k.map, &r->k.clock, &err));
    const void *links[] = {"irq", &r->k.line[0], "device", r->device, NULL};
    kit_device(&r->k, &virtio_mmio_class, NULL, links);
    dev_reset(&r->device->dev);
}

uint32_t rig_get(Rig *r, uint64_t at) { return (uint32_t)kit_read(&r->k, at, 4); }
void rig_put(Rig *r, uint64_t at, uint32_t v) { kit_write(&r->k, at, 4, v); }
void rig_poke(Rig *r, uint64_t at, const void *from, size_t n)
{
    assert_true(mem_map_write(&r->k.map, at, from, n));
}
void rig_peek(Rig *r, uint64_t at, void *to, size_t n) { assert_true(mem_map_read(&r->k.map, at, to, n)); }

void rig_start(Rig *r, uint64_t features)
{
    features |= VIRTIO_F_VERSION_1;
    rig_put(r, 0x70, 0);
    rig_put(r, 0x70, 3);
    for (unsigned k = 0; k < 2; k++) {
        rig_put(r, 0x24, k);
        rig_put(r, 0x20, (uint32_t)(features >> 32 * k));
    }
    rig_put(r, 0x70, 11);
    assert_int_equal(rig_get(r, 0x70), 11);
    for (unsigned q = 0; q < r->queues; q++) {
        rig_put(r, 0x30, q);
        assert_int_equal(rig_get(r, 0x34), VIRTIO_QUEUE_MAX);
        rig_put(r, 0x38, RIG_QUEUE);
        rig_put(r, 0x80, (uint32_t)rig_desc_at(q));
        rig_put(r, 0x90, (uint32_t)rig_avail_at(q));
        rig_put(r, 0xa0, (uint32_t)rig_used_at(q));
        rig_put(r, 0x44, 1);
        assert_int_equal(rig_get(r, 0x44), 1);
    }
    memset(r->ram.host, 0, RIG_DATA - RIG_RAM);
    memset(r->avail, 0, sizeof(r->avail));
    rig_put(r, 0x30, 0);
    rig_put(r, 0x70, 15);
}

void rig_clear(Rig *r)
{
    kit_clear(&r->k);
    dev_free(&r->device->dev);
    ram_block_clear(&r->ram);
}

void rig_desc(Rig *r, unsigned q, unsigned n, uint64_t at, uint32_t bytes, uint16_t flags, uint16_t next)
{
    const uint64_t d = rig_desc_at(q) + 16ull * n;
    rig_poke(r, d, &at, 8);
    rig_poke(r, d + 8, &bytes, 4);
    rig_poke(r, d + 12, &flags, 2);
    rig_poke(r, d + 14, &next, 2);
}

void rig_offer(Rig *r, unsigned q, uint16_t head)
{
    rig_poke(r, rig_avail_at(q) + 4 + 2ull * (r->avail[q] % RIG_QUEUE), &head, 2);
    r->avail[q]++;
    rig_poke(r, rig_avail_at(q) + 2, &r->avail[q], 2);
    rig_put(r, 0x50, q);
}

uint16_t rig_used(Rig *r, unsigned q)
{
    uint16_t n;
    rig_peek(r, rig_used_at(q) + 2, &n, 2);
    return n;
}

uint32_t rig_used_bytes(Rig *r, unsigned q, unsigned n)
{
    uint32_t bytes;
    rig_peek(r, rig_used_at(q) + 8 + 8ull * (n % RIG_QUEUE), &bytes, 4);
    return bytes;
}
