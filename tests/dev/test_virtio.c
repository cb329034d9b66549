/* A virtio driver in C against virtio-blk and virtio-rng over virtio-mmio: requests, features, state, rings
 * of both kinds, and rings that make no sense. */
#include "tests/dev/virtio_rig.h"

#include "hw/virtio/virtio_blk.h"
#include "hw/virtio/virtio_rng.h"

enum { DATA = RIG_DATA };
static const char *const packed_too[] = {"packed", "on", NULL};

static void blk_rig(Rig *r, uint64_t features)
{
    rig_prepare(r);
    rig_plug(r, &virtio_blk_class, packed_too, "drive", &r->drive, 1);
    rig_start(r, features);
}

static void rng_rig(Rig *r, uint64_t features)
{
    rig_prepare(r);
    rig_plug(r, &virtio_rng_class, packed_too, "source", &r->entropy, 1);
    rig_start(r, features);
}

/* A request of header, data, status; the status. */
static uint8_t request(Rig *r, uint32_t type, uint64_t sector, uint32_t bytes)
{
    const uint64_t head[2] = {type, sector};
    const bool out = type == 1 || type == 11 || type == 13;
    uint8_t status = 0xff;
    rig_poke(r, DATA, head, sizeof(head));
    rig_poke(r, DATA + 0x100, &status, 1);
    rig_desc(r, 0, 0, DATA, 16, 1, 1);
    rig_desc(r, 0, 1, DATA + 0x1000, bytes, out ? 1 : 3, 2);
    rig_desc(r, 0, 2, DATA + 0x100, 1, 2, 0);
    rig_offer(r, 0, 0);
    rig_peek(r, DATA + 0x100, &status, 1);
    return status;
}

static void registers(void **unused)
{
    Rig r;
    blk_rig(&r, 0);
    assert_int_equal(rig_get(&r, 0), 0x74726976);
    assert_int_equal(rig_get(&r, 4), 2);
    assert_int_equal(rig_get(&r, 8), 2);
    assert_int_equal(rig_get(&r, 0x100), RIG_DISK_BYTES / 512);
    rig_put(&r, 0x14, 1);
    assert_int_equal(rig_get(&r, 0x10), 5); /* version 1, packed rings */
    rig_put(&r, 0x14, 2);
    assert_int_equal(rig_get(&r, 0x10), 0);
    rig_put(&r, 0x30, 1);
    assert_int_equal(rig_get(&r, 0x34), 0); /* one queue only */
    rig_put(&r, 0x70, 0);
    assert_int_equal(rig_get(&r, 0x44), 0);
    rig_put(&r, 0x70, 11); /* without version 1: features are not good */
    assert_int_equal(rig_get(&r, 0x70), 3);
    rig_put(&r, 0x30, 0);
    rig_put(&r, 0x38, 7); /* no power of two */
    rig_put(&r, 0x44, 1);
    rig_clear(&r);
}

static void disk_requests(void **unused)
{
    Rig r;
    char text[21] = "";
    blk_rig(&r, 1ull << 9);
    rig_poke(&r, DATA + 0x1000, "written", 8);
    assert_int_equal(request(&r, 1, 3, 512), 0);
    assert_string_equal((char *)r.disk + 3 * 512, "written");
    assert_int_equal(r.flushes, 0);
    assert_int_equal(r.k.level, 1);
    assert_int_equal(rig_get(&r, 0x60), 1);
    rig_put(&r, 0x64, 1);
    assert_int_equal(r.k.level, 0);
    strcpy((char *)r.disk + 512, "read");
    assert_int_equal(request(&r, 0, 1, 1024), 0);
    rig_peek(&r, DATA + 0x1000, text, 5);
    assert_string_equal(text, "read");
    assert_int_equal(rig_used_bytes(&r, 0, 1), 1025);
    assert_int_equal(request(&r, 4, 0, 512), 0);
    assert_int_equal(r.flushes, 1);
    assert_int_equal(request(&r, 8, 0, 20), 0);
    rig_peek(&r, DATA + 0x1000, text, 20);
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
    assert_int_equal(rig_used(&r, 0), 10);
    assert_int_equal(rig_get(&r, 0x70), 15);
    rig_clear(&r);
}

/* Without the feature FLUSH each write is on the medium when it is done. */
static void writes_are_flushed(void **unused)
{
    Rig r;
    blk_rig(&r, 0);
    assert_int_equal(request(&r, 1, 3, 512), 0);
    assert_int_equal(r.flushes, 1);
    assert_int_equal(request(&r, 0, 3, 512), 0);
    assert_int_equal(r.flushes, 1);
    rig_clear(&r);
}

static void ranges_are_cleared(void **unused)
{
    struct {
        uint64_t sector;
        uint32_t n, flags;
    } range[2] = {{2, 1, 0}, {4, 2, 1}};
    Rig r;
    blk_rig(&r, 1ull << 9 | 1ull << 13 | 1ull << 14);
    memset(r.disk, 0xaa, sizeof(r.disk));
    rig_poke(&r, DATA + 0x1000, range, sizeof(range));
    assert_int_equal(request(&r, 13, 0, 32), 0); /* no way of the back end: written */
    assert_int_equal(r.disk[2 * 512 - 1], 0xaa);
    assert_int_equal(r.disk[2 * 512], 0);
    assert_int_equal(r.disk[3 * 512 - 1], 0);
    assert_int_equal(r.disk[3 * 512], 0xaa);
    assert_int_equal(r.disk[6 * 512 - 1], 0);
    assert_int_equal(request(&r, 11, 0, 32), 2); /* a discard knows no flags */
    range[1].flags = 0;
    rig_poke(&r, DATA + 0x1000, range, sizeof(range));
    assert_int_equal(request(&r, 11, 0, 32), 0);
    assert_int_equal(r.discards, 3);
    range[0].sector = ~0ull;
    rig_poke(&r, DATA + 0x1000, range, sizeof(range));
    assert_int_equal(request(&r, 11, 0, 32), 1);
    assert_int_equal(request(&r, 13, 0, 31), 1);
    range[0].sector = 0;
    range[0].n = 65;
    rig_poke(&r, DATA + 0x1000, range, sizeof(range));
    assert_int_equal(request(&r, 13, 0, 16), 1);
    assert_int_equal(rig_get(&r, 0x70), 15);
    rig_clear(&r);
}

static void indirect_and_event_index(void **unused)
{
    Rig r;
    rng_rig(&r, VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX);
    uint16_t event = 1; /* signal the second only */
    rig_poke(&r, rig_avail_at(0) + 4 + 2 * RIG_QUEUE, &event, 2);
    rig_desc(&r, 0, 0, DATA, 32, 4, 0);
    const struct {
        uint64_t at;
        uint32_t n;
        uint16_t flags, next;
    } table[2] = {{DATA + 0x100, 8, 3, 1}, {DATA + 0x200, 8, 2, 0}};
    rig_poke(&r, DATA, table, sizeof(table));
    rig_offer(&r, 0, 0);
    assert_int_equal(rig_used(&r, 0), 1);
    assert_int_equal(r.k.level, 0);
    rig_offer(&r, 0, 0);
    assert_int_equal(rig_used(&r, 0), 2);
    assert_int_equal(r.k.level, 1);
    uint8_t got[8];
    rig_peek(&r, DATA + 0x200, got, 8);
    assert_int_equal(got[7], 15);
    rig_peek(&r, rig_used_at(0) + 4 + 8 * RIG_QUEUE, &event, 2);
    assert_int_equal(event, 2); /* notify us of the next */
    rig_clear(&r);
}

/* ---- packed rings ---- */

enum { AVAIL = 1 << 7, USED = 1 << 15 };

/* Slot n of the ring; wrap: the driver's counter. */
static void packed_desc(Rig *r, unsigned n, uint64_t at, uint32_t bytes, uint16_t id, uint16_t flags,
                        bool wrap)
{
    const uint64_t d = rig_desc_at(0) + 16ull * n;
    const struct {
        uint64_t at;
        uint32_t n;
        uint16_t id, flags;
    } entry = {at, bytes, id, (uint16_t)(flags | (wrap ? AVAIL : USED))};
    rig_poke(r, d, &entry, 16);
}

static void expect_used(Rig *r, unsigned n, uint16_t id, uint32_t bytes, bool wrap)
{
    struct {
        uint64_t at;
        uint32_t n;
        uint16_t id, flags;
    } entry;
    rig_peek(r, rig_desc_at(0) + 16ull * n, &entry, 16);
    assert_int_equal(entry.id, id);
    assert_int_equal(entry.n, bytes);
    assert_int_equal(entry.flags & (AVAIL | USED), wrap ? AVAIL | USED : 0);
}

static void packed_requests(void **unused)
{
    Rig r;
    const uint64_t head[2] = {0, 2};
    blk_rig(&r, VIRTIO_F_PACKED | VIRTIO_F_INDIRECT);
    strcpy((char *)r.disk + 1024, "read");
    rig_poke(&r, DATA, head, sizeof(head));
    /* Three times over a ring of eight: each takes three slots, so one crosses the end. */
    bool wrap = true;
    for (unsigned n = 0, at = 0; n < 8; n++) {
        const unsigned first = at;
        const bool first_wrap = wrap;
        const uint64_t where[3] = {DATA, DATA + 0x1000, DATA + 0x100};
        const uint32_t bytes[3] = {16, 512, 1};
        uint16_t flags[3] = {1, 3, 2};
        char text[5] = "";
        rig_poke(&r, DATA + 0x1000, text, 5);
        unsigned slot[3];
        bool slot_wrap[3];
        for (unsigned k = 0; k < 3; k++) {
            slot[k] = at;
            slot_wrap[k] = wrap;
            at = (at + 1) % RIG_QUEUE;
            wrap ^= at == 0;
        }
        for (unsigned k = 3; k-- > 0;) /* the first last: it makes the request available */
            packed_desc(&r, slot[k], where[k], bytes[k], (uint16_t)(100 + n), flags[k], slot_wrap[k]);
        rig_put(&r, 0x50, 0);
        expect_used(&r, first, (uint16_t)(100 + n), 513, first_wrap);
        rig_peek(&r, DATA + 0x1000, text, 5);
        assert_string_equal(text, "read");
        assert_int_equal(r.k.level, 1);
        rig_put(&r, 0x64, 1);
        if (n == 4) {
            char *state = malloc(1 << 16);
            Fmt f = {.buf = state, .cap = 1 << 16};
            DevError err;
            dev_save(&r.device->dev, &f);
            assert_true(dev_load(&r.device->dev, state, &err));
            char *bad = strstr(state, "s.used=");
            bad[7] = '9'; /* beyond the ring of eight */
            assert_false(dev_load(&r.device->dev, state, &err));
            bad[7] = (char)('0' + at);
            assert_true(dev_load(&r.device->dev, state, &err));
            free(state);
        }
    }
    rig_clear(&r);
}

static void packed_table(void **unused)
{
    Rig r;
    const struct {
        uint64_t at;
        uint32_t n;
        uint16_t id, flags;
    } table[2] = {{DATA + 0x100, 8, 0, 2}, {DATA + 0x200, 8, 0, 3}};
    rng_rig(&r, VIRTIO_F_PACKED | VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX);
    rig_poke(&r, DATA, table, sizeof(table));
    const uint16_t event[2] = {1 | 1 << 15, 2}; /* at slot 1 of this pass */
    rig_poke(&r, rig_avail_at(0), event, 4);
    packed_desc(&r, 0, DATA, 32, 7, 4, true);
    rig_put(&r, 0x50, 0);
    expect_used(&r, 0, 7, 16, true);
    assert_int_equal(r.k.level, 0);
    uint16_t ask[2];
    rig_peek(&r, rig_used_at(0), ask, 4);
    assert_int_equal(ask[0], 1 | 1 << 15);
    assert_int_equal(ask[1], 2);
    packed_desc(&r, 1, DATA, 32, 8, 4, true);
    rig_put(&r, 0x50, 0);
    expect_used(&r, 1, 8, 16, true);
    assert_int_equal(r.k.level, 1);
    uint8_t got[8];
    rig_peek(&r, DATA + 0x200, got, 8);
    assert_int_equal(got[7], 15);
    rig_clear(&r);
}

static void packed_nonsense(void **unused)
{
    Rig r;
    blk_rig(&r, VIRTIO_F_PACKED | VIRTIO_F_INDIRECT);
    for (unsigned n = 0; n < 5; n++) {
        rig_start(&r, VIRTIO_F_PACKED | VIRTIO_F_INDIRECT);
        for (unsigned k = 0; k < RIG_QUEUE; k++)
            packed_desc(&r, k, DATA, 16, 0, 1, true);
        switch (n) {
        case 0: break;                                                  /* no end */
        case 1: packed_desc(&r, 0, DATA, 17, 0, 4, true); break;        /* a crooked table */
        case 2: packed_desc(&r, 1, DATA, 16, 0, 4, true); break;        /* a table inside of a chain */
        case 3: packed_desc(&r, 0, 16, 16, 0, 4, true); break;          /* in no memory */
        case 4: packed_desc(&r, 0, DATA, 16, 0, 2, true); break;        /* no header */
        }
        rig_put(&r, 0x50, 0);
        assert_int_equal(rig_get(&r, 0x70) & 64, 64);
    }
    rig_clear(&r);
}

/* ---- state, nonsense ---- */

static void state_goes_over(void **unused)
{
    enum { ROOM = 1 << 16 };
    Rig r;
    DevError err;
    char *before = malloc(2 * ROOM), *after = malloc(2 * ROOM);
    Fmt f = {.buf = before, .cap = ROOM}, g = {.buf = before + ROOM, .cap = ROOM};
    blk_rig(&r, VIRTIO_F_EVENT_IDX);
    assert_int_equal(request(&r, 0, 0, 512), 0);
    rig_put(&r, 0x30, 1);
    dev_save(&r.device->dev, &f);
    dev_save(r.k.dev, &g);
    dev_free(r.k.dev);
    dev_free(&r.device->dev);
    rig_plug(&r, &virtio_blk_class, packed_too, "drive", &r.drive, 1);
    assert_int_equal(r.k.level, 0);
    assert_true(dev_load(r.k.dev, before + ROOM, &err));
    assert_true(dev_load(&r.device->dev, before, &err));
    assert_int_equal(r.k.level, 1);
    f = (Fmt){.buf = after, .cap = ROOM};
    dev_save(&r.device->dev, &f);
    assert_string_equal(before, after);
    assert_int_equal(request(&r, 0, 1, 512), 0);
    assert_int_equal(rig_used(&r, 0), 2);
    char *num = strstr(before, "s.num=8");
    num[6] = '7'; /* no power of two */
    assert_false(dev_load(&r.device->dev, before, &err));
    free(before);
    free(after);
    rig_clear(&r);
}

/* Each of these must end in DEVICE_NEEDS_RESET, and nothing else happen until the reset. */
/* A driver that offers a request whenever one is served. */
typedef struct Endless {
    Rig *rig;
    unsigned served;
} Endless;

static bool offer_again(void *backend, void *to, size_t n)
{
    Endless *e = backend;
    uint8_t *ring = e->rig->ram.host + (rig_avail_at(0) - RIG_RAM);
    uint16_t idx = (uint16_t)(++e->served + 1), none = 0;
    memcpy(ring + 4 + 2 * ((idx - 1) % RIG_QUEUE), &none, 2);
    memcpy(ring + 2, &idx, 2);
    memset(to, 0, n);
    return true;
}

static void endless(void **unused)
{
    static Rig r;
    Endless e = {.rig = &r};
    EntropyPort source = {.backend = &e, .fill = offer_again};
    memset(&r, 0, sizeof(r));
    rig_prepare(&r);
    rig_plug(&r, &virtio_rng_class, NULL, "source", &source, 1);
    rig_start(&r, 0);
    rig_desc(&r, 0, 0, RIG_DATA, 4, 2, 0);
    rig_offer(&r, 0, 0);
    assert_int_equal(e.served, VIRTIO_AT_ONCE);
    kit_pass(&r.k, VIRTIO_AGAIN_NS - 1);
    assert_int_equal(e.served, VIRTIO_AT_ONCE);
    kit_pass(&r.k, 1);
    assert_int_equal(e.served, 2 * VIRTIO_AT_ONCE);
    dev_reset(&r.device->dev);
    kit_pass(&r.k, VIRTIO_AGAIN_NS);
    assert_int_equal(e.served, 2 * VIRTIO_AT_ONCE);
    rig_clear(&r);
}

static void hostile_rings(void **unused)
{
    Rig r;
    const uint64_t head[2] = {0, 0};
    blk_rig(&r, VIRTIO_F_INDIRECT);
    for (unsigned n = 0; n < 9; n++) {
        rig_start(&r, VIRTIO_F_INDIRECT);
        rig_poke(&r, DATA, head, sizeof(head));
        rig_desc(&r, 0, 0, DATA, 16, 1, 1);
        rig_desc(&r, 0, 1, DATA + 0x100, 1, 2, 0);
        switch (n) {
        case 0: rig_desc(&r, 0, 1, DATA, 16, 1, 0); break;                      /* a circle */
        case 1: rig_desc(&r, 0, 0, DATA, 16, 1, 9); break;                      /* no such descriptor */
        case 2:
            rig_desc(&r, 0, 0, DATA, 16, 3, 1);
            rig_desc(&r, 0, 1, DATA, 16, 0, 0);
            break;                                                              /* wrong order */
        case 3: rig_desc(&r, 0, 1, 0x10, 1, 2, 0); break;                       /* a status in no memory */
        case 4: rig_desc(&r, 0, 0, DATA, 16, 0, 0); break;                      /* no status */
        case 5: rig_desc(&r, 0, 0, DATA, 17, 4, 0); break;                      /* a crooked table */
        case 6: rig_desc(&r, 0, 0, rig_desc_at(0), 16, 4, 0); break;            /* a table in a table */
        case 7: r.avail[0] = 100; break;                                        /* more than there are */
        case 8: rig_desc(&r, 0, 0, DATA, 8, 1, 1); break;                       /* half a header */
        }
        rig_offer(&r, 0, 0);
        assert_int_equal(rig_get(&r, 0x70) & 64, 64);
        assert_int_equal(rig_get(&r, 0x60) & 2, 2);
        rig_offer(&r, 0, 0);
        assert_int_equal(rig_used(&r, 0), 0);
    }
    rig_start(&r, 0);
    rig_put(&r, 0x44, 0);
    rig_put(&r, 0x90, 0xfffff000); /* the ring itself in no memory */
    rig_put(&r, 0x44, 1);
    rig_put(&r, 0x50, 0);
    assert_int_equal(rig_get(&r, 0x70) & 64, 64);
    rig_start(&r, 0);
    rig_put(&r, 0x50, 7); /* no such queue */
    assert_int_equal(request(&r, 0, 0, 512), 0);
    rig_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers),
        cmocka_unit_test(disk_requests),
        cmocka_unit_test(writes_are_flushed),
        cmocka_unit_test(ranges_are_cleared),
        cmocka_unit_test(indirect_and_event_index),
        cmocka_unit_test(packed_requests),
        cmocka_unit_test(packed_table),
        cmocka_unit_test(packed_nonsense),
        cmocka_unit_test(state_goes_over),
        cmocka_unit_test(endless),
        cmocka_unit_test(hostile_rings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
