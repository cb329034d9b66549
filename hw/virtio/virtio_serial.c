/* Queues: 0 and 1 are port 0's, 2 and 3 control messages, then two for each further port; the first of a pair
 * goes to the driver. Input waits in a port for buffers, as much as a FIFO holds, and otherwise with the back
 * end; while no program of the guest has the port open, there.
 * What the driver is to be told is a bit a message, so that nothing has to wait in a queue. */
#include "hw/virtio/virtio_serial.h"
#include "hw/core/char_port.h"

#define F_MULTIPORT   (1ull << 1)
#define F_EMERG_WRITE (1ull << 2)

enum { MAX_PORTS = 31, CONTROL_RX = 2, CONTROL_TX = 3 };
enum { FIFO = 512, AT_ONCE = 4096, MOST = 1 << 20, EMERG_AT = 8, ANY_NUMBER = -1 };
enum { DEVICE_READY, PORT_ADD, PORT_REMOVE, PORT_READY, CONSOLE_PORT, RESIZE, PORT_OPEN, PORT_NAME };

typedef struct VirtioPort VirtioPort;

typedef struct VirtioSerial {
    VirtioDevice v;
    uint32_t max_ports;
    VirtioPort *port[MAX_PORTS];
    VirtChain chain;
    DEV_STATE_BEGIN
    VirtioState s;
    uint32_t gone;  /* ports whose end the driver is to be told */
    uint32_t ready; /* the driver wants to know of ports */
    DEV_STATE_END
} VirtioSerial;

struct VirtioPort {
    Device dev;
    VirtioSerial *controller;
    CharPort *chardev;
    char name[64], bus[64]; /* properties; where to plug it: see the machine */
    uint32_t nr;
    bool connected;         /* somebody is at the other end of the back end */
    DEV_STATE_BEGIN
    uint8_t ready, open;    /* the driver has it; a program has */
    uint8_t tell;           /* 1 << message */
    uint16_t n_fifo;
    uint8_t fifo[FIFO];
    DEV_STATE_END
};

static bool is_console(const VirtioPort *p) { return p->dev.cls == &virtio_console_port_class; }
static unsigned rx_of(const VirtioPort *p) { return p->nr ? 2 * p->nr + 2 : 0; }
static VirtioPort *port_of_queue(const VirtioSerial *c, unsigned queue)
{
    const unsigned n = queue < CONTROL_RX ? 0 : queue / 2 - 1;
    return n < MAX_PORTS ? c->port[n] : NULL;
}
static bool has_messages(const VirtioSerial *c) { return c->s.driver_features & F_MULTIPORT; }
static bool is_open(const VirtioPort *p) { return has_messages(p->controller) ? p->open : p->nr == 0; }

/* ---- bytes ---- */

static void put(const VirtioPort *p, const uint8_t *bytes, size_t n)
{
    if (p && p->chardev)
        p->chardev->write(p->chardev->backend, bytes, n);
}

static void transmit(VirtioSerial *c, unsigned queue)
{
    VirtChain *chain = &c->chain;
    while (virtio_pop(&c->v, queue, chain)) {
        uint8_t bytes[AT_ONCE];
        if (chain->readable > MOST) {
            virtio_broken(&c->v, "a text that is too long");
            return;
        }
        for (uint64_t at = 0, n; at < chain->readable; at += n) {
            n = MIN(chain->readable - at, sizeof(bytes));
            if (!virtio_take(&c->v, chain, at, bytes, n)) {
                virtio_broken(&c->v, "a text outside of memory");
                return;
            }
            put(port_of_queue(c, queue), bytes, n);
        }
        virtio_push(&c->v, queue, chain, 0);
        virtio_signal(&c->v, queue);
    }
}

static void deliver(VirtioPort *p)
{
    VirtioSerial *c = p->controller;
    VirtChain *chain = &c->chain;
    const unsigned queue = rx_of(p);
    while (p->n_fifo && is_open(p) && virtio_pop(&c->v, queue, chain)) {
        uint16_t n = (uint16_t)MIN(chain->writable, (uint64_t)p->n_fifo);
        if (!virtio_give(&c->v, chain, 0, p->fifo, n)) {
            virtio_broken(&c->v, "a buffer outside of memory");
            return;
        }
        p->n_fifo = (uint16_t)(p->n_fifo - n);
        memmove(p->fifo, p->fifo + n, p->n_fifo);
        memset(p->fifo + p->n_fifo, 0, n);
        virtio_push(&c->v, queue, chain, n);
        virtio_signal(&c->v, queue);
    }
}

static void ask_more(const VirtioPort *p)
{
    if (p->chardev && p->chardev->more && p->n_fifo < FIFO)
        p->chardev->more(p->chardev->backend);
}

static size_t can_take(void *device)
{
    VirtioPort *p = device;
    lock_take(&p->controller->v.dev.lock);
    size_t n = is_open(p) ? FIFO - p->n_fifo : 0;
    lock_release(&p->controller->v.dev.lock);
    return n;
}

static void take(void *device, const uint8_t *bytes, size_t n)
{
    VirtioPort *p = device;
    lock_take(&p->controller->v.dev.lock);
    n = MIN(n, (size_t)(FIFO - p->n_fifo));
    memcpy(p->fifo + p->n_fifo, bytes, n);
    p->n_fifo = (uint16_t)(p->n_fifo + n);
    deliver(p);
    lock_release(&p->controller->v.dev.lock);
}

/* ---- control messages ---- */

typedef struct Message {
    uint32_t port;
    uint16_t event, value;
    char name[64];
} Message;
enum { MESSAGE_HEAD = 8 };

/* False: the driver has no buffer for it now. */
static bool send_message(VirtioSerial *c, uint32_t port, unsigned event, unsigned value, const char *name)
{
    VirtChain *chain = &c->chain;
    Message m = {.port = port, .event = (uint16_t)event, .value = (uint16_t)value};
    size_t n = strlen(name);
    memcpy(m.name, name, n);
    if (!virtio_pop(&c->v, CONTROL_RX, chain))
        return false;
    n = MIN(MESSAGE_HEAD + n, chain->writable);
    if (!virtio_give(&c->v, chain, 0, &m, n)) {
        virtio_broken(&c->v, "a buffer outside of memory");
        return false;
    }
    dev_trace(&c->v.dev, VIRTIO_SERIAL_TOLD, "port %u event %u value %u %s", port, event, value, name);
    virtio_push(&c->v, CONTROL_RX, chain, (uint32_t)n);
    virtio_signal(&c->v, CONTROL_RX);
    return true;
}

static void tell_port(VirtioPort *p)
{
    static const uint8_t order[] = {PORT_ADD, CONSOLE_PORT, PORT_NAME, PORT_OPEN};
    for (unsigned k = 0; k < ARRAY_SIZE(order); k++) {
        const unsigned event = order[k], bit = 1u << event;
        const unsigned value = event == PORT_OPEN ? p->connected : event != PORT_ADD;
        if (!(p->tell & bit))
            continue;
        if (!send_message(p->controller, p->nr, event, value, event == PORT_NAME ? p->name : ""))
            return;
        p->tell &= (uint8_t)~bit;
    }
}

static void tell_all(VirtioSerial *c)
{
    for (unsigned k = 0; k < MAX_PORTS; k++) {
        if ((c->gone >> k & 1) && send_message(c, k, PORT_REMOVE, 1, ""))
            c->gone &= ~(1u << k);
        if (c->port[k] && !(c->gone >> k & 1))
            tell_port(c->port[k]);
    }
}

static void set_open(VirtioPort *p, bool open)
{
    CharPort *back = p->chardev;
    const bool changed = p->open != open;
    p->open = open;
    if (changed && back && back->opened && !is_console(p))
        back->opened(back->guest, open);
    if (open) {
        deliver(p);
        ask_more(p);
    }
}

static void heed(VirtioSerial *c, const Message *m)
{
    VirtioPort *p = m->port < MAX_PORTS ? c->port[m->port] : NULL;
    dev_trace(&c->v.dev, VIRTIO_SERIAL_SAID, "port %u event %u value %u", m->port, m->event, m->value);
    if (m->event == DEVICE_READY) {
        c->ready = m->value != 0;
        for (unsigned k = 0; k < MAX_PORTS && c->ready; k++)
            if (c->port[k])
                c->port[k]->tell = 1 << PORT_ADD;
    } else if (p && m->event == PORT_READY) {
        p->ready = m->value != 0;
        p->tell |= (uint8_t)((is_console(p) ? 1 << CONSOLE_PORT : 0) | (p->name[0] ? 1 << PORT_NAME : 0) |
                             (p->connected ? 1 << PORT_OPEN : 0));
    } else if (p && m->event == PORT_OPEN) {
        set_open(p, m->value != 0);
    }
    tell_all(c);
}

static void take_messages(VirtioSerial *c)
{
    Message m;
    while (virtio_pop(&c->v, CONTROL_TX, &c->chain)) {
        const bool whole = c->chain.readable >= MESSAGE_HEAD;
        if (whole && !virtio_take(&c->v, &c->chain, 0, &m, MESSAGE_HEAD)) {
            virtio_broken(&c->v, "a message outside of memory");
            return;
        }
        virtio_push(&c->v, CONTROL_TX, &c->chain, 0);
        virtio_signal(&c->v, CONTROL_TX);
        if (whole)
            heed(c, &m);
    }
}

/* ---- the controller ---- */

static void serial_notify(VirtioDevice *v, unsigned queue)
{
    VirtioSerial *c = (VirtioSerial *)v;
    VirtioPort *p = port_of_queue(c, queue);
    if (queue == CONTROL_RX)
        tell_all(c);
    else if (queue == CONTROL_TX)
        take_messages(c);
    else if (queue & 1)
        transmit(c, queue);
    else if (p) {
        deliver(p);
        ask_more(p);
    }
}

static unsigned serial_queues(const VirtioDevice *v)
{
    const uint32_t n = ((const VirtioSerial *)v)->max_ports;
    return n > 1 ? 2 * n + 2 : 2;
}

static uint64_t serial_features(const VirtioDevice *v)
{
    return F_EMERG_WRITE | (((const VirtioSerial *)v)->max_ports > 1 ? F_MULTIPORT : 0);
}

static void serial_config(const VirtioDevice *v, uint8_t *to, unsigned bytes)
{
    enum { MAX_PORTS_AT = 4 };
    memcpy(to + MAX_PORTS_AT, &((const VirtioSerial *)v)->max_ports, 4);
}

static void serial_write_config(VirtioDevice *v, unsigned at, uint64_t value, unsigned size)
{
    const uint8_t byte = (uint8_t)value;
    if (at == EMERG_AT)
        put(((const VirtioSerial *)v)->port[0], &byte, 1);
}

static const VirtioOps ops = {.id = 3,
                              .queues = 2 * MAX_PORTS + 2,
                              .queues_now = serial_queues,
                              .features = serial_features,
                              .notify = serial_notify,
                              .config = serial_config,
                              .write_config = serial_write_config,
                              .pci_class = 0x078000,
                              .pci_old_id = 0x1003};

static bool serial_realize(Device *dev, DevError *err)
{
    VirtioSerial *c = (VirtioSerial *)dev;
    if (!c->max_ports || c->max_ports > MAX_PORTS)
        return dev_fail(err, "%s: %u ports; 1 to %u are possible", dev->id, c->max_ports,
                        (unsigned)MAX_PORTS);
    virtio_init(&c->v, &ops, &c->s);
    return true;
}

static void serial_reset(Device *dev)
{
    VirtioSerial *c = (VirtioSerial *)dev;
    for (unsigned k = 0; k < MAX_PORTS; k++) {
        VirtioPort *p = c->port[k];
        if (!p)
            continue;
        set_open(p, false);
        p->ready = p->tell = 0;
        p->n_fifo = 0;
        memset(p->fifo, 0, sizeof(p->fifo));
    }
    c->gone = c->ready = 0;
    virtio_reset(&c->v);
}

static bool serial_loaded(Device *dev, DevError *err)
{
    VirtioSerial *c = (VirtioSerial *)dev;
    c->gone &= (1u << MAX_PORTS) - 1;
    c->ready &= 1;
    return virtio_check(&c->v, err);
}

static void serial_clear(Device *dev) { virtio_clear((VirtioDevice *)dev); }

static const DevProp serial_props[] = {
    VIRTIO_PROPS(VirtioSerial),
    DEV_U32(VirtioSerial, max_ports, "the most ports it has", MAX_PORTS),
};
static const DevField serial_state[] = {VIRTIO_ROWS(VirtioSerial), DEV_FIELD(VirtioSerial, gone),
                                        DEV_FIELD(VirtioSerial, ready)};

const DevClass virtio_serial_class = {
    .name = "virtio-serial-device", .help = "serial ports; virtconsole and virtserialport are plugged in",
    .version = 3, .bus = "virtio", DEV_TABLES(VirtioSerial, serial_props, serial_state),
    .realize = serial_realize, .reset = serial_reset, .loaded = serial_loaded, .clear = serial_clear,
};

bool virtio_port_bus_is(const Device *d) { return d->cls == &virtio_serial_class; }

/* ---- ports ---- */

static void port_event(void *device, CharEvent e)
{
    VirtioPort *p = device;
    if (e != CHAR_OPENED && e != CHAR_CLOSED)
        return;
    lock_take(&p->controller->v.dev.lock);
    const bool connected = e == CHAR_OPENED || is_console(p);
    if (p->ready && connected != p->connected)
        p->tell |= 1 << PORT_OPEN;
    p->connected = connected;
    tell_all(p->controller);
    lock_release(&p->controller->v.dev.lock);
}

static bool choose_number(const VirtioSerial *c, VirtioPort *p, DevError *err)
{
    const uint32_t first = is_console(p) ? 0 : 1; /* port 0 is a console, as it was when there was one only */
    if (p->nr != (uint32_t)ANY_NUMBER && (p->nr < first || p->nr >= c->max_ports || c->port[p->nr]))
        return dev_fail(err, "%s: port number %u is taken, or none of %u to %u", p->dev.id, p->nr, first,
                        c->max_ports - 1);
    for (uint32_t n = first; n < c->max_ports && p->nr == (uint32_t)ANY_NUMBER; n++)
        if (!c->port[n])
            p->nr = n;
    return p->nr < c->max_ports || dev_fail(err, "%s: all ports of '%s' are taken", p->dev.id, c->v.dev.id);
}

static bool port_realize(Device *dev, DevError *err)
{
    VirtioPort *p = (VirtioPort *)dev;
    VirtioSerial *c = p->controller;
    if (!c)
        return dev_fail(err, "%s: there is no virtio-serial to plug it into", dev->cls->name);
    for (unsigned k = 0; p->name[0] && k < MAX_PORTS; k++)
        if (c->port[k] && strcmp(c->port[k]->name, p->name) == 0)
            return dev_fail(err, "%s: there is a port '%s' already", dev->id, p->name);
    if (!choose_number(c, p, err))
        return false;
    p->connected = is_console(p);
    if (p->chardev) {
        p->chardev->can_take = can_take;
        p->chardev->take = take;
        p->chardev->event = port_event;
        p->chardev->device = p;
    }
    lock_take(&c->v.dev.lock);
    c->port[p->nr] = p;
    if (c->ready)
        p->tell = 1 << PORT_ADD;
    tell_all(c);
    lock_release(&c->v.dev.lock);
    return true;
}

static bool port_loaded(Device *dev, DevError *err)
{
    VirtioPort *p = (VirtioPort *)dev;
    if (p->n_fifo > FIFO) {
        p->n_fifo = 0;
        return dev_fail(err, "%s: more input than it holds", dev->id);
    }
    p->ready &= 1;
    p->open &= 1;
    p->tell &= 1 << PORT_ADD | 1 << CONSOLE_PORT | 1 << PORT_NAME | 1 << PORT_OPEN;
    return true;
}

void virtio_port_leave(Device *port)
{
    VirtioPort *p = (VirtioPort *)port;
    VirtioSerial *c = p->controller;
    lock_take(&c->v.dev.lock);
    c->port[p->nr] = NULL;
    if (c->ready)
        c->gone |= 1u << p->nr;
    tell_all(c);
    lock_release(&c->v.dev.lock);
}

static void port_clear(Device *dev)
{
    VirtioPort *p = (VirtioPort *)dev;
    if (p->controller && p->nr < MAX_PORTS && p->controller->port[p->nr] == p)
        p->controller->port[p->nr] = NULL;
}

bool virtio_port_is(const Device *d)
{
    return d->cls == &virtio_console_port_class || d->cls == &virtio_serial_port_class;
}

static const DevProp port_props[] = {
    DEV_TEXT(VirtioPort, name, "what the guest finds it by"),
    DEV_TEXT(VirtioPort, bus, "id of a virtio-serial, and .0"),
    DEV_U32(VirtioPort, nr, "number; else the first that is free", (uint32_t)ANY_NUMBER),
    DEV_PTR(VirtioPort, controller, "what it is plugged into"),
    DEV_PTR(VirtioPort, chardev, "back end"),
};
static const DevField port_state[] = {DEV_FIELD(VirtioPort, ready), DEV_FIELD(VirtioPort, open),
                                      DEV_FIELD(VirtioPort, tell), DEV_FIELD(VirtioPort, n_fifo),
                                      DEV_ARRAY(VirtioPort, fifo)};

const DevClass virtio_console_port_class = {
    .name = "virtconsole", .help = "a console on a virtio-serial", .version = 1, .bus = "virtio-serial-bus",
    DEV_TABLES(VirtioPort, port_props, port_state),
    .realize = port_realize, .loaded = port_loaded, .clear = port_clear,
};

const DevClass virtio_serial_port_class = {
    .name = "virtserialport", .help = "a byte stream with a name on a virtio-serial", .version = 1,
    .bus = "virtio-serial-bus", DEV_TABLES(VirtioPort, port_props, port_state),
    .realize = port_realize, .loaded = port_loaded, .clear = port_clear,
};
