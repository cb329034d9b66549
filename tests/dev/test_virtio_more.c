/* virtio-console and virtio-balloon by a driver in C. */
#include "tests/dev/virtio_rig.h"

#include "hw/core/char_port.h"
#include "hw/virtio/virtio_balloon.h"
#include "hw/virtio/virtio_console.h"

enum { DATA = RIG_DATA };

typedef struct Wire {
    CharPort port;
    char sent[64];
    unsigned n, asked;
} Wire;

static void wire_write(void *backend, const uint8_t *bytes, size_t n)
{
    Wire *w = backend;
    while (n-- && w->n < sizeof(w->sent) - 1)
        w->sent[w->n++] = (char)*bytes++;
}
static void wire_more(void *backend) { ((Wire *)backend)->asked++; }

static void round_trip(Rig *r)
{
    DevError err;
    char *before = malloc(1 << 16), *after = malloc(1 << 16);
    Fmt f = {.buf = before, .cap = 1 << 16}, g = {.buf = after, .cap = 1 << 16};
    dev_save(&r->device->dev, &f);
    dev_reset(&r->device->dev);
    assert_true(dev_load(&r->device->dev, before, &err));
    dev_save(&r->device->dev, &g);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void console(void **unused)
{
    Rig r;
    char text[16] = "";
    Wire w = {.port = {.backend = &w, .write = wire_write, .more = wire_more}};
    rig_prepare(&r);
    rig_plug(&r, &virtio_console_class, NULL, "chardev", &w.port, 2);
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
    round_trip(&r);
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

static void balloon(void **unused)
{
    Rig r;
    const uint32_t pages[3] = {(RIG_RAM >> 12) + 0x50, 0x7ffff, (RIG_RAM >> 12) + 0x51};
    rig_prepare(&r);
    rig_plug(&r, &virtio_balloon_class, NULL, NULL, NULL, 2);
    rig_start(&r, 0);
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
    round_trip(&r);
    assert_int_equal(rig_get(&r, 0x104), 2);
    rig_desc(&r, 1, 0, DATA, 8, 0, 0);
    rig_offer(&r, 1, 0);
    assert_int_equal(rig_used(&r, 1), 1);
    rig_desc(&r, 0, 0, DATA, 0x80000000, 0, 0); /* more numbers than there can be */
    rig_offer(&r, 0, 0);
    assert_int_equal(rig_get(&r, 0x70) & 64, 64);
    rig_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(console),
        cmocka_unit_test(balloon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
