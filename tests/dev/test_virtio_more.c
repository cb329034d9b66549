/* virtio-serial with its ports and virtio-balloon by a driver in C. */
#include "tests/dev/virtio_rig.h"

#include "hw/core/char_port.h"
#include "hw/virtio/virtio_balloon.h"
#include "hw/virtio/virtio_serial.h"

enum { DATA = RIG_DATA };

typedef struct Wire {
    CharPort port;
    char sent[64];
    unsigned n, asked, opened, closed;
} Wire;

static void wire_opened(void *guest, bool open)
{
    Wire *w = guest;
    w->opened += open;
    w->closed += !open;
}

static void wire_write(void *backend, const uint8_t *bytes, size_t n)
{
    Wire *w = backend;
    while (n-- && w->n < sizeof(w->sent) - 1)
        w->sent[w->n++] = (char)*bytes++;
}
static void wire_more(void *backend) { ((Wire *)backend)->asked++; }

static Device *plug_port(Rig *r, const DevClass *cls, const char *name, Wire *w, bool works)
{
    DevError err;
    Device *d = dev_new(cls, &r->device->dev, "port");
    assert_true(dev_set(d, "name", name, &err) && dev_set_ptr(d, "controller", r->device, &err));
    assert_true(dev_set_ptr(d, "chardev", &w->port, &err));
    assert_int_equal(dev_realize(d, &r->k.map, &r->k.clock, &err), works);
    return d;
}

static void round_trip_of(Device *d)
{
    DevError err;
    char *before = malloc(1 << 16), *after = malloc(1 << 16);
    Fmt f = {.buf = before, .cap = 1 << 16}, g = {.buf = after, .cap = 1 << 16};
    dev_save(d, &f);
    dev_reset(d);
    assert_true(dev_load(d, before, &err));
    dev_save(d, &g);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* A controller and its port, in this order: a reset of the first empties the second. */
static void round_trip_port(Rig *r)
{
    DevError err;
    char *text[4];
    Device *d[2] = {&r->device->dev, r->device->dev.children};
    for (unsigned k = 0; k < 4; k++) {
        text[k] = malloc(1 << 16);
        Fmt f = {.buf = text[k], .cap = 1 << 16};
        if (k == 2) {
            dev_reset(d[0]);
            assert_true(dev_load(d[0], text[0], &err) && dev_load(d[1], text[1], &err));
        }
        dev_save(d[k & 1], &f);
    }
    assert_string_equal(text[0], text[2]);
    assert_string_equal(text[1], text[3]);
    for (unsigned k = 0; k < 4; k++)
        free(text[k]);
}

/* What the device told: buffer n of the control queue. */
static void expect_message(Rig *r, unsigned n, uint32_t port, uint16_t event, uint16_t value,
                           const char *name)
{
    struct {
        uint32_t port;
        uint16_t event, value;
        char name[24];
    } m = {0};
    assert_true(rig_used(r, 2) > n);
    rig_peek(r, DATA + 0x1000 + n * 64ull, &m, rig_used_bytes(r, 2, n));
    assert_int_equal(m.port, port);
    assert_int_equal(m.event, event);
    assert_int_equal(m.value, value);
    assert_string_equal(m.name, name);
}

static void give_buffers(Rig *r, unsigned from, unsigned n)
{
    for (unsigned k = from; k < from + n; k++) {
        rig_desc(r, 2, k % RIG_QUEUE, DATA + 0x1000 + k * 64ull, 64, 2, 0);
        rig_offer(r, 2, (uint16_t)(k % RIG_QUEUE));
    }
}

static void say(Rig *r, uint32_t port, uint16_t event, uint16_t value)
{
    const struct {
        uint32_t port;
        uint16_t event, value;
    } m = {port, event, value};
    rig_poke(r, DATA, &m, sizeof(m));
    rig_desc(r, 3, 0, DATA, sizeof(m), 0, 0);
    rig_offer(r, 3, 0);
}

/* A console and a named port; the messages; open and closed; one that comes later, and goes. */
static void several_ports(void **unused)
{
    enum { READY, ADD, REMOVE, PORT_IS_READY, CONSOLE, OPEN = 6, NAME };
    Rig r;
    Wire w[3];
    for (unsigned k = 0; k < ARRAY_SIZE(w); k++) {
        w[k] = (Wire){0};
        w[k].port = (CharPort){.backend = &w[k], .write = wire_write, .more = wire_more, .guest = &w[k],
                               .opened = wire_opened};
    }
    rig_prepare(&r);
    rig_plug(&r, &virtio_serial_class, (const char *const[]){"max_ports", "4", NULL}, NULL, NULL, 10);
    plug_port(&r, &virtio_console_port_class, "", &w[0], true);
    plug_port(&r, &virtio_serial_port_class, "org.name.0", &w[1], true);
    dev_free(plug_port(&r, &virtio_serial_port_class, "org.name.0", &w[2], false));
    rig_start(&r, 1 << 1);
    assert_int_equal(rig_get(&r, 0x104), 4);
    give_buffers(&r, 0, 3);
    say(&r, ~0u, READY, 1);
    assert_int_equal(rig_used(&r, 2), 2);
    expect_message(&r, 0, 0, ADD, 0, "");
    expect_message(&r, 1, 1, ADD, 0, "");
    say(&r, 0, PORT_IS_READY, 1);
    expect_message(&r, 2, 0, CONSOLE, 1, "");
    round_trip_port(&r);
    give_buffers(&r, 3, 5);
    expect_message(&r, 3, 0, OPEN, 1, ""); /* waited for a buffer */
    say(&r, 1, PORT_IS_READY, 1);
    expect_message(&r, 4, 1, NAME, 1, "org.name.0");
    assert_int_equal(rig_used(&r, 2), 5);
    w[1].port.event(w[1].port.device, CHAR_OPENED);
    expect_message(&r, 5, 1, OPEN, 1, "");
    assert_int_equal(w[1].port.can_take(w[1].port.device), 0); /* no program has it open */
    say(&r, 1, OPEN, 1);
    assert_int_equal(w[1].opened, 1);
    assert_int_equal(w[1].asked, 1);
    w[1].port.take(w[1].port.device, (const uint8_t *)"abc", 3);
    rig_desc(&r, 4, 0, DATA, 8, 2, 0);
    rig_offer(&r, 4, 0);
    assert_int_equal(rig_used_bytes(&r, 4, 0), 3);
    rig_poke(&r, DATA, "to you", 6);
    rig_desc(&r, 5, 0, DATA, 6, 0, 0);
    rig_offer(&r, 5, 0);
    assert_string_equal(w[1].sent, "to you");
    assert_int_equal(w[0].n, 0);
    say(&r, 1, OPEN, 0);
    assert_int_equal(w[1].closed, 1);
    Device *late = plug_port(&r, &virtio_serial_port_class, "late", &w[2], true);
    expect_message(&r, 6, 2, ADD, 0, "");
    virtio_port_leave(late);
    expect_message(&r, 7, 2, REMOVE, 1, "");
    dev_free(late);
    say(&r, 2, OPEN, 1); /* of none */
    say(&r, 1000, PORT_IS_READY, 1);
    rig_clear(&r);
}

static void console(void **unused)
{
    Rig r;
    char text[16] = "";
    Wire w = {.port = {.backend = &w, .write = wire_write, .more = wire_more}};
    rig_prepare(&r);
    rig_plug(&r, &virtio_serial_class, (const char *const[]){"max_ports", "1", NULL}, NULL, NULL, 2);
    plug_port(&r, &virtio_console_port_class, "", &w, true);
    rig_start(&r, 0);
    assert_int_equal(rig_get(&r, 8), 3);
    assert_int_equal(rig_get(&r, 0x104), 1); /* one port */
    rig_poke(&r, DATA, "hello", 5);
    rig_desc(&r, 1, 0, DATA, 3, 1, 1);
    rig_desc(&r, 1, 1, DATA + 3, 2, 0, 0);
    rig_offer(&r, 1, 0);
    assert_string_equal(w.sent, "hello");
    assert_int_equal(rig_used(&r, 1), 1);
    assert_int_equal(w.port.can_take(w.port.device), 512);
    w.port.take(w.port.device, (const uint8_t *)"input!", 6); /* no buffers yet */
    assert_int_equal(w.port.can_take(w.port.device), 506);
    round_trip_port(&r);
    rig_desc(&r, 0, 0, DATA, 4, 2, 0);
    rig_offer(&r, 0, 0);
    rig_offer(&r, 0, 0);
    assert_int_equal(rig_used(&r, 0), 2);
    assert_int_equal(rig_used_bytes(&r, 0, 0), 4);
    assert_int_equal(rig_used_bytes(&r, 0, 1), 2);
    rig_peek(&r, DATA, text, 4);
    assert_memory_equal(text, "t!pu", 4);
    assert_int_equal(w.asked, 2);
    kit_write(&r.k, 0x108, 4, 'e'); /* before there is a driver */
    assert_string_equal(w.sent, "helloe");
    rig_desc(&r, 1, 0, 0x10, 3, 0, 0);
    rig_offer(&r, 1, 0);
    assert_int_equal(rig_get(&r, 0x70) & 64, 64);
    rig_clear(&r);
}

/* The buffer is held until it is time for new ones. */
static void statistics(Rig *r)
{
    const uint8_t text[30] = {4, 0, 0, 0, 16, 0, 0, 0, 0, 0, 5, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 9};
    BalloonStats s;
    Device *d = &r->device->dev;
    virtio_balloon_stats(d, &s);
    assert_int_equal(s.at_ns, 0);
    kit_pass(&r->k, 1000);
    rig_poke(r, DATA, text, sizeof(text));
    rig_desc(r, 2, 0, DATA, sizeof(text), 0, 0);
    rig_offer(r, 2, 0);
    virtio_balloon_stats(d, &s);
    assert_true(s.value[4] == 1 << 20 && s.value[5] == 0x201 && s.value[0] == UINT64_MAX && s.at_ns);
    assert_int_equal(rig_used(r, 2), 0);
    round_trip_of(d);
    virtio_balloon_poll(d, 2);
    assert_int_equal(rig_used(r, 2), 1); /* at once, to begin with */
    kit_pass(&r->k, 3000000000);
    assert_int_equal(rig_used(r, 2), 1);
    rig_offer(r, 2, 0);
    kit_pass(&r->k, 1999999999);
    assert_int_equal(rig_used(r, 2), 1);
    kit_pass(&r->k, 2);
    assert_int_equal(rig_used(r, 2), 2);
}

static void balloon(void **unused)
{
    Rig r;
    const uint32_t pages[3] = {(RIG_RAM >> 12) + 0x50, 0x7ffff, (RIG_RAM >> 12) + 0x51};
    rig_prepare(&r);
    rig_plug(&r, &virtio_balloon_class, NULL, NULL, NULL, 3); /* statistics before it is ready: below */
    rig_start(&r, 2);
    memset(r.ram.host + 0x4f000, 0xaa, 0x4000);
    virtio_balloon_want(&r.device->dev, 2);
    assert_int_equal(rig_get(&r, 0x60) & 2, 2);
    assert_int_equal(rig_get(&r, 0x100), 2);
    rig_poke(&r, DATA, pages, sizeof(pages)); /* one of them is nowhere */
    rig_desc(&r, 0, 0, DATA, sizeof(pages), 0, 0);
    rig_offer(&r, 0, 0);
    assert_int_equal(rig_used(&r, 0), 1);
    assert_int_equal(r.ram.host[0x4ffff], 0xaa);
    assert_int_equal(r.ram.host[0x50000] | r.ram.host[0x51fff], 0);
    assert_int_equal(r.ram.host[0x52000], 0xaa);
    kit_write(&r.k, 0x104, 4, 2);
    assert_int_equal(virtio_balloon_has(&r.device->dev), 2);
    round_trip_of(&r.device->dev);
    assert_int_equal(rig_get(&r, 0x104), 2);
    rig_desc(&r, 1, 0, DATA, 8, 0, 0);
    rig_offer(&r, 1, 0);
    assert_int_equal(rig_used(&r, 1), 1);
    statistics(&r);
    rig_desc(&r, 0, 0, DATA, 0x80000000, 0, 0); /* more numbers than there can be */
    rig_offer(&r, 0, 0);
    assert_int_equal(rig_get(&r, 0x70) & 64, 64);
    rig_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(console),
        cmocka_unit_test(several_ports),
        cmocka_unit_test(balloon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
