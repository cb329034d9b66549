/* Control transfers and standard requests (USB 2.0, 8.5.3, 9.4), alike for all devices. A request to the host
 * is answered when it comes, one with data when the last of them are there. */
#include "hw/usb/usb.h"
#include "hw/usb/xhci.h"

enum {
    GET_STATUS = 0,
    CLEAR_FEATURE = 1,
    SET_FEATURE = 3,
    SET_ADDRESS = 5,
    GET_DESCRIPTOR = 6,
    GET_CONFIGURATION = 8,
    SET_CONFIGURATION = 9,
    GET_INTERFACE = 10,
    SET_INTERFACE = 11
};
enum { DESC_DEVICE = 1, DESC_CONFIG, DESC_STRING, DESC_QUALIFIER = 6 };
enum { TO_DEVICE = 0, TO_INTERFACE = 1, TO_ENDPOINT = 2 };

static UsbSetup setup_of(const uint8_t *p)
{
    return (UsbSetup){p[0], p[1], (uint16_t)(p[2] | p[3] << 8), (uint16_t)(p[4] | p[5] << 8),
                      (uint16_t)(p[6] | p[7] << 8)};
}

static uint16_t halt_bit(unsigned endpoint)
{
    return (uint16_t)(1u << ((endpoint & 7) + (endpoint & USB_IN ? 8 : 0)));
}

/* ---- descriptors ---- */

static bool answer(uint8_t *to, unsigned *n, const void *from, unsigned bytes)
{
    *n = MIN(*n, bytes);
    memcpy(to, from, *n);
    return true;
}

/* UTF-16 of plain text; number 0 says that it is English. */
static bool get_string(const UsbDevice *u, unsigned number, uint8_t *to, unsigned *n)
{
    enum { ENGLISH = 0x0409, MOST_CHARS = 60 };
    uint8_t text[2 + 2 * MOST_CHARS] = {4, DESC_STRING, ENGLISH & 0xff, ENGLISH >> 8};
    const char *s = number && number <= USB_STRINGS ? u->shape->strings[number - 1] : NULL;
    if (!s && number)
        return false;
    for (unsigned k = 0; s && s[k] && k < MOST_CHARS; k++) {
        text[2 + 2 * k] = (uint8_t)s[k];
        text[0] = (uint8_t)(4 + 2 * k);
        text[3 + 2 * k] = 0;
    }
    return answer(to, n, text, text[0]);
}

static bool get_descriptor(const UsbDevice *u, const UsbSetup *s, uint8_t *to, unsigned *n)
{
    const uint8_t *c = u->shape->config;
    switch (s->value >> 8) {
    case DESC_DEVICE: return answer(to, n, u->shape->device, u->shape->device[0]);
    case DESC_CONFIG: return !(s->value & 0xff) && answer(to, n, c, c[2] | (unsigned)c[3] << 8);
    case DESC_STRING: return get_string(u, s->value & 0xff, to, n);
    case DESC_QUALIFIER:
        return u->shape->qualifier && answer(to, n, u->shape->qualifier, u->shape->qualifier[0]);
    default: return false;
    }
}

/* ---- requests ---- */

static bool get_status(const UsbDevice *u, const UsbSetup *s, uint8_t *to, unsigned *n)
{
    const unsigned who = s->type & USB_RECIPIENT;
    const uint8_t status[2] = {who == TO_DEVICE ? 1
                                                : who == TO_ENDPOINT && u->s->halted & halt_bit(s->index)};
    return answer(to, n, status, sizeof(status));
}

static bool set_feature(UsbDevice *u, const UsbSetup *s, bool on)
{
    const uint16_t bit = halt_bit(s->index);
    if ((s->type & USB_RECIPIENT) == TO_ENDPOINT)
        u->s->halted = (uint16_t)(on ? u->s->halted | bit : u->s->halted & ~bit);
    return true;
}

static bool standard(UsbDevice *u, const UsbSetup *s, uint8_t *data, unsigned *n)
{
    const bool ours = (s->type & USB_RECIPIENT) != TO_INTERFACE;
    switch (s->request) {
    case GET_STATUS: return get_status(u, s, data, n);
    case CLEAR_FEATURE:
    case SET_FEATURE: return set_feature(u, s, s->request == SET_FEATURE);
    case SET_ADDRESS: u->s->address = s->value & 0x7f; return true;
    case GET_DESCRIPTOR:
        return ours ? get_descriptor(u, s, data, n) : u->ops->control && u->ops->control(u, s, data, n);
    case GET_CONFIGURATION: return answer(data, n, &u->s->configuration, 1);
    case SET_CONFIGURATION:
        u->s->configuration = s->value & 1;
        u->s->halted = 0;
        return s->value < 2;
    case GET_INTERFACE: return answer(data, n, "", 1);
    case SET_INTERFACE: return s->value == 0;
    default: return false;
    }
}

static void perform(UsbDevice *u)
{
    const UsbSetup s = setup_of(u->s->setup);
    unsigned n = s.type & USB_IN ? MIN(s.length, USB_CONTROL_MOST) : u->s->data_n;
    const bool ok = (s.type & USB_TYPE) == 0 ? standard(u, &s, u->s->data, &n)
                                             : u->ops->control && u->ops->control(u, &s, u->s->data, &n);
    u->s->stalled = !ok;
    u->s->data_n = s.type & USB_IN ? (uint16_t)n : u->s->data_n;
}

/* ---- stages ---- */

void usb_setup(UsbDevice *u, const uint8_t *setup)
{
    memcpy(u->s->setup, setup, sizeof(u->s->setup));
    u->s->data_n = u->s->data_at = 0;
    u->s->stalled = 0;
    if (setup[0] & USB_IN)
        perform(u);
}

int usb_control_in(UsbDevice *u, uint8_t *data, unsigned n)
{
    const unsigned left = (unsigned)(u->s->data_n - u->s->data_at), some = MIN(n, left);
    if (u->s->stalled || !(u->s->setup[0] & USB_IN))
        return USB_STALL;
    memcpy(data, u->s->data + u->s->data_at, some);
    u->s->data_at = (uint16_t)(u->s->data_at + some);
    return (int)some;
}

int usb_control_out(UsbDevice *u, const uint8_t *data, unsigned n)
{
    if (u->s->stalled || u->s->setup[0] & USB_IN || n > USB_CONTROL_MOST - u->s->data_n)
        return USB_STALL;
    memcpy(u->s->data + u->s->data_n, data, n);
    u->s->data_n = (uint16_t)(u->s->data_n + n);
    return (int)n;
}

int usb_status(UsbDevice *u)
{
    if (!(u->s->setup[0] & USB_IN))
        perform(u);
    return u->s->stalled ? USB_STALL : 0;
}

static int result(UsbDevice *u, unsigned endpoint, int n)
{
    if (n == USB_STALL)
        u->s->halted |= halt_bit(endpoint);
    return n;
}

int usb_in(UsbDevice *u, unsigned endpoint, uint8_t *data, unsigned n)
{
    if (!u->ops->in || !u->s->configuration || u->s->halted & halt_bit(endpoint | USB_IN))
        return USB_STALL;
    return result(u, endpoint | USB_IN, u->ops->in(u, endpoint, data, n));
}

int usb_out(UsbDevice *u, unsigned endpoint, const uint8_t *data, unsigned n)
{
    if (!u->ops->out || !u->s->configuration || u->s->halted & halt_bit(endpoint))
        return USB_STALL;
    return result(u, endpoint, u->ops->out(u, endpoint, data, n));
}

void usb_bus_reset(UsbDevice *u)
{
    memset(u->s, 0, sizeof(*u->s));
    if (u->ops->reset)
        u->ops->reset(u);
}

bool usb_check(UsbDevice *u)
{
    return u->s->data_n <= USB_CONTROL_MOST && u->s->data_at <= u->s->data_n;
}

/* ---- plugging ---- */

bool usb_plug(UsbDevice *u, UsbState *s, const UsbShape *shape, const UsbOps *ops, DevError *err)
{
    u->s = s;
    u->shape = shape;
    u->ops = ops;
    return (u->controller || dev_fail(err, "%s: no controller", u->dev.id)) && xhci_plug(u, err);
}

void usb_unplug(UsbDevice *u)
{
    if (u->number)
        xhci_unplug(u);
}

Lock *usb_lock(const UsbDevice *u)
{
    return &u->controller->lock;
}

void usb_wake(UsbDevice *u, unsigned endpoint, bool in)
{
    if (u->number)
        xhci_wake(u, endpoint, in);
}

bool usb_is_controller(const Device *d)
{
    return d->cls == &qemu_xhci_class || d->cls == &nec_xhci_class;
}

bool usb_is_device(const Device *d)
{
    return d->parent && usb_is_controller(d->parent);
}
