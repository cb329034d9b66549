/* virtio-net by a driver in C: frames in both directions, the filter, back pressure, state. */
#include "tests/dev/virtio_rig.h"

#include "hw/virtio/virtio_net.h"

enum { DATA = RIG_DATA, RX = 0, TX = 1, CTRL = 2, HEADER = 12 };

typedef struct Net {
    Rig r;
    NetPort port;
    uint8_t sent[4][2048];
    size_t sent_bytes[4];
    unsigned n_sent, asked;
    bool full;
} Net;

static bool net_send(void *backend, const uint8_t *frame, size_t n)
{
    Net *t = backend;
    if (t->full)
        return false;
    memcpy(t->sent[t->n_sent % 4], frame, MIN(n, sizeof(t->sent[0])));
    t->sent_bytes[t->n_sent++ % 4] = n;
    return true;
}
static void net_more(void *backend) { ((Net *)backend)->asked++; }

static void net_rig(Net *t, const char *const *props, uint64_t features)
{
    rig_prepare(&t->r);
    t->n_sent = t->asked = 0;
    t->full = false;
    t->port = (NetPort){.backend = t, .send = net_send, .more = net_more};
    rig_plug(&t->r, &virtio_net_class, props, "netdev", &t->port, 3);
    rig_start(&t->r, features);
}

/* An empty buffer for the device. */
static void give_buffer(Net *t, uint16_t n, uint32_t bytes)
{
    rig_desc(&t->r, RX, n, DATA + 0x1000 * n, bytes, 2, 0);
    rig_offer(&t->r, RX, n);
}

static void make_frame(uint8_t *frame, size_t n, const char *to)
{
    for (size_t k = 0; k < n; k++)
        frame[k] = (uint8_t)k;
    memcpy(frame, to, 6);
    frame[12] = 8;
    frame[13] = 0;
}

static bool arrives(Net *t, const char *to)
{
    uint8_t frame[64];
    uint16_t before = rig_used(&t->r, RX);
    make_frame(frame, sizeof(frame), to);
    assert_true(t->port.receive(t->port.device, frame, sizeof(frame)));
    if (rig_used(&t->r, RX) == before)
        return false;
    give_buffer(t, 0, 2048);
    return true;
}

#define US "\x52\x54\x00\x12\x34\x56"

static void frames(void **unused)
{
    static Net t;
    net_rig(&t, NULL, 0);
    assert_int_equal(rig_get(&t.r, 8), 1);
    assert_int_equal(rig_get(&t.r, 0x100), 0x12005452);
    uint8_t out[100] = {0}, in[300], got[400];
    make_frame(out + HEADER, 88, "\xff\xff\xff\xff\xff\xff");
    rig_poke(&t.r, DATA + 0x8000, out, sizeof(out));
    rig_desc(&t.r, TX, 0, DATA + 0x8000, HEADER + 10, 1, 1);
    rig_desc(&t.r, TX, 1, DATA + 0x8000 + HEADER + 10, 78, 0, 0);
    rig_offer(&t.r, TX, 0);
    assert_int_equal(t.n_sent, 1);
    assert_int_equal(t.sent_bytes[0], 88);
    assert_memory_equal(t.sent[0], out + HEADER, 88);
    assert_int_equal(t.r.k.level, 1);
    rig_put(&t.r, 0x64, 1);
    t.full = true; /* the back end has no room: the frame stays in the ring */
    rig_offer(&t.r, TX, 0);
    assert_int_equal(rig_used(&t.r, TX), 1);
    t.full = false;
    t.port.room(t.port.device);
    assert_int_equal(rig_used(&t.r, TX), 2);
    assert_int_equal(t.n_sent, 2);
    make_frame(in, sizeof(in), US);
    assert_false(t.port.receive(t.port.device, in, sizeof(in))); /* no buffers yet */
    assert_int_equal(t.asked, 0);
    give_buffer(&t, 0, 2048);
    assert_int_equal(t.asked, 1);
    assert_true(t.port.receive(t.port.device, in, sizeof(in)));
    assert_int_equal(rig_used(&t.r, RX), 1);
    assert_int_equal(rig_used_bytes(&t.r, RX, 0), 312);
    rig_peek(&t.r, DATA, got, 312);
    assert_int_equal(got[10], 1); /* one buffer */
    assert_memory_equal(got + HEADER, in, 300);
    give_buffer(&t, 0, 100); /* too small, and they cannot be merged: lost */
    assert_true(t.port.receive(t.port.device, in, sizeof(in)));
    assert_int_equal(rig_used(&t.r, RX), 1);
    rig_clear(&t.r);
}

static void merged_buffers(void **unused)
{
    static Net t;
    uint8_t in[300], got[400];
    net_rig(&t, NULL, 1ull << 15);
    make_frame(in, sizeof(in), US);
    give_buffer(&t, 0, 200);
    assert_false(t.port.receive(t.port.device, in, sizeof(in))); /* not enough: nothing is used */
    assert_int_equal(rig_used(&t.r, RX), 0);
    give_buffer(&t, 1, 200);
    assert_true(t.port.receive(t.port.device, in, sizeof(in)));
    assert_int_equal(rig_used(&t.r, RX), 2);
    assert_int_equal(rig_used_bytes(&t.r, RX, 0), 200);
    assert_int_equal(rig_used_bytes(&t.r, RX, 1), 112);
    rig_peek(&t.r, DATA, got, 200);
    rig_peek(&t.r, DATA + 0x1000, got + 200, 112);
    assert_int_equal(got[10], 2);
    assert_memory_equal(got + HEADER, in, 300);
    rig_clear(&t.r);
}

/* A command of the control queue; its status. */
static uint8_t command(Net *t, const void *bytes, uint32_t n)
{
    uint8_t status = 0xff;
    rig_poke(&t->r, DATA + 0x9000, bytes, n);
    rig_poke(&t->r, DATA + 0xa000, &status, 1);
    rig_desc(&t->r, CTRL, 0, DATA + 0x9000, n, 1, 1);
    rig_desc(&t->r, CTRL, 1, DATA + 0xa000, 1, 2, 0);
    rig_offer(&t->r, CTRL, 0);
    rig_peek(&t->r, DATA + 0xa000, &status, 1);
    return status;
}

static void filter(void **unused)
{
    static Net t;
    static const char other[] = "\x52\x54\x00\x99\x99\x99", multi[] = "\x01\x00\x5e\x00\x00\x01",
                      all[] = "\xff\xff\xff\xff\xff\xff";
    net_rig(&t, NULL, 0xfull << 17 | 1ull << 23);
    give_buffer(&t, 0, 2048);
    assert_true(arrives(&t, other)); /* promiscuous after a reset */
    assert_int_equal(command(&t, "\0\0\0", 3), 0);
    assert_false(arrives(&t, other));
    assert_false(arrives(&t, multi));
    assert_true(arrives(&t, US));
    assert_true(arrives(&t, all));
    uint8_t table[2 + 4 + 6 + 4 + 6] = {1, 0, 1};
    memcpy(table + 6, other, 6);
    table[12] = 1;
    memcpy(table + 16, multi, 6);
    assert_int_equal(command(&t, table, sizeof(table)), 0);
    assert_true(arrives(&t, other));
    assert_true(arrives(&t, multi));
    assert_false(arrives(&t, "\x01\x00\x5e\x00\x00\x02"));
    assert_int_equal(command(&t, "\0\5\1", 3), 0); /* no broadcasts */
    assert_false(arrives(&t, all));
    assert_int_equal(command(&t, "\1\1\x02\x02\x02\x02\x02\x02", 8), 0); /* another address */
    assert_false(arrives(&t, US));
    assert_true(arrives(&t, "\2\2\2\2\2\2"));
    table[2] = 9; /* more addresses than the command has */
    assert_int_equal(command(&t, table, sizeof(table)), 1);
    assert_int_equal(command(&t, "\7\0\0", 3), 1);
    assert_int_equal(command(&t, "\2\0\xff\xff", 4), 1); /* no such VLAN */
    assert_int_equal(command(&t, "\2\0\x05\x00", 4), 0);
    assert_int_equal(rig_get(&t.r, 0x70), 15);
    rig_clear(&t.r);
}

static void state_and_link(void **unused)
{
    static const char *const props[] = {"mac", "02:00:00:00:00:aB", "host_mtu", "9000", NULL};
    static Net t;
    DevError err;
    enum { ROOM = 1 << 16 };
    char *before = malloc(ROOM), *after = malloc(ROOM);
    Fmt f = {.buf = before, .cap = ROOM}, g = {.buf = after, .cap = ROOM};
    net_rig(&t, props, 0xfull << 17);
    assert_int_equal(rig_get(&t.r, 0x104), 0x1ab00);
    assert_int_equal(rig_get(&t.r, 0x108), 9000 << 16 | 1);
    assert_int_equal(command(&t, "\0\1\1", 3), 0);
    assert_int_equal(command(&t, "\2\0\x05\x00", 4), 0);
    dev_save(&t.r.device->dev, &f);
    VirtioDevice *old = t.r.device;
    dev_free(t.r.k.dev);
    dev_free(&old->dev);
    rig_plug(&t.r, &virtio_net_class, props, "netdev", &t.port, 3);
    assert_true(dev_load(&t.r.device->dev, before, &err));
    dev_save(&t.r.device->dev, &g);
    assert_string_equal(before, after);
    char *wrap = strstr(before, "s.wrap=3");
    wrap[7] = '4';
    assert_false(dev_load(&t.r.device->dev, before, &err));
    uint32_t generation = rig_get(&t.r, 0xfc);
    virtio_net_set_link(&t.r.device->dev, false);
    assert_int_equal(rig_get(&t.r, 0x104) >> 16 & 1, 0);
    assert_int_not_equal(rig_get(&t.r, 0xfc), generation);
    assert_int_equal(rig_get(&t.r, 0x60) & 2, 2);
    free(before);
    free(after);
    rig_clear(&t.r);
    Device *d = dev_new(&virtio_net_class, NULL, "x");
    assert_true(dev_set(d, "mac", "02:00:00:00:00:0g", &err));
    assert_false(dev_realize(d, &t.r.k.map, &t.r.k.clock, &err));
    dev_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),
        cmocka_unit_test(merged_buffers),
        cmocka_unit_test(filter),
        cmocka_unit_test(state_and_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
