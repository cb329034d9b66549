/*
 * A keyboard, a mouse (both as the boot protocol has them) and a tablet, which says places instead of ways
 * (Device Class Definition for HID 1.11, HID Usage Tables). Each has one interface with one interrupt
 * endpoint, whose reports wait in a queue: so that no key is lost that goes down and up between two of the
 * host's questions. A report is sent again when the idle time that the host set has passed only for the first
 * time.
 */
#include "hw/usb/usb_hid.h"
#include "hw/core/input.h"

#include <linux/input-event-codes.h>

enum { REPORTS = 16, REPORT_BYTES = 8, KEYS = 6, ENDPOINT = 1 };
enum { GET_REPORT = 1, GET_IDLE, GET_PROTOCOL, SET_REPORT = 9, SET_IDLE, SET_PROTOCOL };
enum { GET_DESCRIPTOR = 6, DESC_HID = 0x21, DESC_REPORT = 0x22 };

typedef struct HidKind {
    UsbShape shape;
    const uint8_t *report;
    unsigned report_bytes, bytes; /* of the description; of a report */
} HidKind;

typedef struct Hid {
    UsbDevice u;
    InputPort *input;
    const HidKind *kind;
    DEV_STATE_BEGIN
    UsbState s;
    uint8_t queue[REPORTS * REPORT_BYTES], queued;
    uint8_t now[REPORT_BYTES]; /* the last report that was made */
    uint8_t idle, protocol, leds;
    DEV_STATE_END
} Hid;

/* ---- descriptors ---- */

static const uint8_t kbd_report[] = {0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, /* keyboard */
                                     0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00,
                                     0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02, /* modifiers */
                                     0x95, 0x01, 0x75, 0x08, 0x81, 0x01,             /* reserved */
                                     0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01,
                                     0x29, 0x05, 0x91, 0x02, /* lights */
                                     0x95, 0x01, 0x75, 0x03, 0x91, 0x01, 0x95, 0x06,
                                     0x75, 0x08, 0x15, 0x00, 0x26, 0xff, 0x00, 0x05,
                                     0x07, 0x19, 0x00, 0x29, 0xff, 0x81, 0x00, 0xc0};
static const uint8_t mouse_report[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, 0x05, 0x09, 0x19,
    0x01, 0x29, 0x03, 0x15, 0x00, 0x25, 0x01, 0x95, 0x03, 0x75, 0x01, 0x81, 0x02, /* buttons */
    0x95, 0x01, 0x75, 0x05, 0x81, 0x01, 0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x09,
    0x38, 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x03, 0x81, 0x06, 0xc0, 0xc0};
static const uint8_t tablet_report[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, 0x05, 0x09, 0x19, 0x01,
    0x29, 0x03, 0x15, 0x00, 0x25, 0x01, 0x95, 0x03, 0x75, 0x01, 0x81, 0x02, /* buttons */
    0x95, 0x01, 0x75, 0x05, 0x81, 0x01, 0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x00,
    0x26, 0xff, 0x7f, 0x35, 0x00, 0x46, 0xff, 0x7f, 0x75, 0x10, 0x95, 0x02, 0x81, 0x02, /* the place */
    0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x35, 0x00, 0x45, 0x00, 0x75, 0x08, 0x95, 0x01,
    0x81, 0x06, 0xc0, 0xc0};

/* Full speed, as these devices are; one configuration. */
#define HID_DEVICE(product)                                                                                  \
    {                                                                                                        \
        18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x27, 0x06, product, 0, 0, 1, 1, 2, 0, 1                             \
    }
#define HID_CONFIG(subclass, protocol, report, bytes)                                                        \
    {                                                                                                        \
        9, 2, 34, 0, 1, 1, 0, 0xa0, 50, 9, 4, 0, 0, 1, 3, subclass, protocol, 0, 9, DESC_HID, 0x11, 0x01, 0, \
            1, DESC_REPORT, sizeof(report), 0, 7, 5, 0x80 | ENDPOINT, 3, bytes, 0, 8                         \
    }
static const uint8_t kbd_device[] = HID_DEVICE(0x03), mouse_device[] = HID_DEVICE(0x02),
                     tablet_device[] = HID_DEVICE(0x01);
static const uint8_t kbd_config[] = HID_CONFIG(1, 1, kbd_report, 8);
static const uint8_t mouse_config[] = HID_CONFIG(1, 2, mouse_report, 4);
static const uint8_t tablet_config[] = HID_CONFIG(0, 0, tablet_report, 6);
enum { HID_AT = 18 };

static const HidKind kbd_kind = {
    .shape = {USB_FULL, kbd_device, kbd_config, NULL, {"Tinamou", "USB Keyboard"}},
    .report = kbd_report,
    .report_bytes = sizeof(kbd_report),
    .bytes = 8};
static const HidKind mouse_kind = {
    .shape = {USB_FULL, mouse_device, mouse_config, NULL, {"Tinamou", "USB Mouse"}},
    .report = mouse_report,
    .report_bytes = sizeof(mouse_report),
    .bytes = 4};
static const HidKind tablet_kind = {
    .shape = {USB_FULL, tablet_device, tablet_config, NULL, {"Tinamou", "USB Tablet"}},
    .report = tablet_report,
    .report_bytes = sizeof(tablet_report),
    .bytes = 6};

/* ---- keys ---- */

/* Usages of the keyboard page by KEY_*, up to KEY_COMPOSE; 0: none. */
static const uint8_t usage_of[128] = {
    [KEY_ESC] = 0x29,
    [KEY_1] = 0x1e,
    0x1f,
    0x20,
    0x21,
    0x22,
    0x23,
    0x24,
    0x25,
    0x26,
    0x27,
    0x2d,
    0x2e,
    0x2a,
    0x2b,
    [KEY_Q] = 0x14,
    0x1a,
    0x08,
    0x15,
    0x17,
    0x1c,
    0x18,
    0x0c,
    0x12,
    0x13,
    0x2f,
    0x30,
    0x28,
    0xe0,
    [KEY_A] = 0x04,
    0x16,
    0x07,
    0x09,
    0x0a,
    0x0b,
    0x0d,
    0x0e,
    0x0f,
    0x33,
    0x34,
    0x35,
    0xe1,
    0x31,
    [KEY_Z] = 0x1d,
    0x1b,
    0x06,
    0x19,
    0x05,
    0x11,
    0x10,
    0x36,
    0x37,
    0x38,
    0xe5,
    0x55,
    0xe2,
    0x2c,
    0x39,
    [KEY_F1] = 0x3a,
    0x3b,
    0x3c,
    0x3d,
    0x3e,
    0x3f,
    0x40,
    0x41,
    0x42,
    0x43,
    0x53,
    0x47,
    [KEY_KP7] = 0x5f,
    0x60,
    0x61,
    0x56,
    0x5c,
    0x5d,
    0x5e,
    0x57,
    0x59,
    0x5a,
    0x5b,
    0x62,
    0x63,
    [KEY_102ND] = 0x64,
    [KEY_F11] = 0x44,
    [KEY_F12] = 0x45,
    [KEY_KPENTER] = 0x58,
    [KEY_RIGHTCTRL] = 0xe4,
    [KEY_KPSLASH] = 0x54,
    [KEY_SYSRQ] = 0x46,
    [KEY_RIGHTALT] = 0xe6,
    [KEY_HOME] = 0x4a,
    0x52,
    0x4b,
    0x50,
    0x4f,
    0x4d,
    0x51,
    0x4e,
    0x49,
    0x4c,
    [KEY_POWER] = 0x66,
    [KEY_PAUSE] = 0x48,
    [KEY_LEFTMETA] = 0xe3,
    0xe7,
    0x65,
};
enum { MODIFIERS = 0xe0 };

/* Puts what `now` is into the queue. */
static bool queue_report(Hid *h)
{
    if (h->queued == REPORTS)
        return false;
    memcpy(h->queue + h->queued++ * REPORT_BYTES, h->now, REPORT_BYTES);
    usb_wake(&h->u, ENDPOINT, true);
    return true;
}

static void press(Hid *h, uint8_t usage, bool down)
{
    uint8_t *keys = h->now + 2;
    unsigned n = 0;
    if (usage >= MODIFIERS) {
        const uint8_t bit = (uint8_t)(1u << (usage - MODIFIERS));
        h->now[0] = (uint8_t)(down ? h->now[0] | bit : h->now[0] & ~bit);
        return;
    }
    for (unsigned k = 0; k < KEYS; k++) /* without it */
        if (keys[k] && keys[k] != usage)
            keys[n++] = keys[k];
    memset(keys + n, 0, KEYS - n);
    if (down && n < KEYS)
        keys[n] = usage;
}

static bool take_key(void *device, unsigned key, bool down)
{
    Hid *h = device;
    const uint8_t usage = key < ARRAY_SIZE(usage_of) ? usage_of[key] : 0;
    if (!usage)
        return false;
    lock_take(usb_lock(&h->u));
    press(h, usage, down);
    const bool ok = queue_report(h);
    lock_release(usb_lock(&h->u));
    return ok;
}

/* ---- pointers ---- */

static uint8_t step(int v)
{
    return (uint8_t)(v < -127 ? -127 : v > 127 ? 127 : v);
}

static void take_motion(void *device, int dx, int dy, int wheel, unsigned buttons)
{
    Hid *h = device;
    lock_take(usb_lock(&h->u));
    do {
        const uint8_t report[] = {(uint8_t)(buttons & 7), step(dx), step(dy), step(-wheel)};
        memcpy(h->now, report, sizeof(report));
        dx -= (int8_t)report[1];
        dy -= (int8_t)report[2];
        wheel = 0;
    } while (queue_report(h) && (dx || dy));
    lock_release(usb_lock(&h->u));
}

static void take_place(void *device, unsigned x, unsigned y, int wheel, unsigned buttons)
{
    Hid *h = device;
    const uint8_t report[] = {(uint8_t)(buttons & 7),   (uint8_t)x,  (uint8_t)(x >> 8 & 0x7f), (uint8_t)y,
                              (uint8_t)(y >> 8 & 0x7f), step(-wheel)};
    lock_take(usb_lock(&h->u));
    uint8_t *last = h->queue + (h->queued - 1) * REPORT_BYTES;
    memcpy(h->now, report, sizeof(report));
    if (h->queued && last[0] == report[0] && !last[5] && !report[5])
        memcpy(last, report, sizeof(report)); /* on the way there */
    else
        queue_report(h);
    lock_release(usb_lock(&h->u));
}

static bool is_ready(void *device)
{
    Hid *h = device;
    lock_take(usb_lock(&h->u));
    const bool ready = h->s.configuration;
    lock_release(usb_lock(&h->u));
    return ready;
}

/* ---- what the host asks ---- */

static bool give(uint8_t *to, unsigned *n, const void *from, unsigned bytes)
{
    *n = MIN(*n, bytes);
    memcpy(to, from, *n);
    return true;
}

static bool hid_control(UsbDevice *u, const UsbSetup *s, uint8_t *data, unsigned *n)
{
    Hid *h = (Hid *)u;
    if ((s->type & USB_TYPE) == 0)
        return s->request == GET_DESCRIPTOR &&
               (s->value >> 8 == DESC_REPORT ? give(data, n, h->kind->report, h->kind->report_bytes)
                : s->value >> 8 == DESC_HID  ? give(data, n, h->kind->shape.config + HID_AT, 9)
                                             : false);
    switch (s->request) {
    case GET_REPORT: return give(data, n, h->now, h->kind->bytes);
    case GET_IDLE: return give(data, n, &h->idle, 1);
    case GET_PROTOCOL: return give(data, n, &h->protocol, 1);
    case SET_IDLE: h->idle = (uint8_t)(s->value >> 8); return true;
    case SET_PROTOCOL: h->protocol = s->value & 1; return true;
    case SET_REPORT: h->leds = *n ? data[0] & 31 : h->leds; return true;
    default: return false;
    }
}

static int hid_in(UsbDevice *u, unsigned endpoint, uint8_t *data, unsigned n)
{
    Hid *h = (Hid *)u;
    if (endpoint != ENDPOINT)
        return USB_STALL;
    if (!h->queued)
        return USB_NAK;
    n = MIN(n, h->kind->bytes);
    memcpy(data, h->queue, n);
    memmove(h->queue, h->queue + REPORT_BYTES, sizeof(h->queue) - REPORT_BYTES);
    h->queued--;
    return (int)n;
}

static void hid_bus_reset(UsbDevice *u)
{
    Hid *h = (Hid *)u;
    memset(h->queue, 0, sizeof(h->queue));
    memset(h->now, 0, sizeof(h->now));
    h->queued = h->idle = h->leds = 0;
    h->protocol = 1; /* of reports */
}

static const UsbOps hid_ops = {.control = hid_control, .in = hid_in, .reset = hid_bus_reset};

/* ---- life ---- */

static bool hid_realize(Device *dev, DevError *err)
{
    Hid *h = (Hid *)dev;
    const bool keyboard = dev->cls == &usb_kbd_class, tablet = dev->cls == &usb_tablet_class;
    h->kind = keyboard ? &kbd_kind : tablet ? &tablet_kind : &mouse_kind;
    if (!usb_plug(&h->u, &h->s, &h->kind->shape, &hid_ops, err))
        return false;
    if (h->input)
        *h->input = (InputPort){.device = h,
                                .ready = is_ready,
                                .pointer = keyboard ? NULL
                                           : tablet ? "USB Tablet"
                                                    : "USB Mouse",
                                .key = keyboard ? take_key : NULL,
                                .move = keyboard || tablet ? NULL : take_motion,
                                .point = tablet ? take_place : NULL};
    return true;
}

static void hid_reset(Device *dev)
{
    usb_bus_reset((UsbDevice *)dev);
}

static bool hid_loaded(Device *dev, DevError *err)
{
    Hid *h = (Hid *)dev;
    if (h->queued > REPORTS || !usb_check(&h->u))
        return dev_fail(err, "%s: %u reports in its queue", dev->id, h->queued);
    return true;
}

static void hid_clear(Device *dev)
{
    Hid *h = (Hid *)dev;
    if (h->input)
        *h->input = (InputPort){0};
    usb_unplug(&h->u);
}

static const DevProp props[] = {USB_PROPS(Hid), DEV_PTR(Hid, input, "the user")};
static const DevField state[] = {
    USB_ROWS(Hid),        DEV_ARRAY(Hid, queue),    DEV_FIELD(Hid, queued), DEV_ARRAY(Hid, now),
    DEV_FIELD(Hid, idle), DEV_FIELD(Hid, protocol), DEV_FIELD(Hid, leds),
};

/* The three differ in name only here; hid_realize() looks which it is. */
#define HID_CLASS(class_name, class_help)                                                                    \
    {                                                                                                        \
        .name = class_name, .help = class_help, .bus = "usb-bus", .version = 1,                              \
        DEV_TABLES(Hid, props, state), .realize = hid_realize, .reset = hid_reset, .loaded = hid_loaded,     \
        .clear = hid_clear,                                                                                  \
    }

const DevClass usb_kbd_class = HID_CLASS("usb-kbd", "USB keyboard");
const DevClass usb_mouse_class = HID_CLASS("usb-mouse", "USB mouse");
const DevClass usb_tablet_class = HID_CLASS("usb-tablet", "USB pointer that says places");
