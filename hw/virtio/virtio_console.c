/* Queues: 0 receives, 1 transmits. Input waits here for buffers, as much as a FIFO holds, and otherwise with
 * the back end. */
#include "hw/virtio/virtio_console.h"
#include "hw/core/char_port.h"

#define F_EMERG_WRITE (1ull << 2)

enum { RX, TX, QUEUES, FIFO = 512, AT_ONCE = 4096, MOST = 1 << 20, EMERG_AT = 8 };

typedef struct VirtioConsole {
    VirtioDevice v;
    CharPort *chardev;
    VirtChain chain;
    DEV_STATE_BEGIN
    VirtioState s;
    uint16_t n_fifo;
    uint8_t fifo[FIFO];
    DEV_STATE_END
} VirtioConsole;

static void put(const VirtioConsole *c, const uint8_t *bytes, size_t n)
{
    if (c->chardev)
        c->chardev->write(c->chardev->backend, bytes, n);
}

static void transmit(VirtioConsole *c)
{
    VirtChain *chain = &c->chain;
    while (virtio_pop(&c->v, TX, chain)) {
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
            put(c, bytes, n);
        }
        virtio_push(&c->v, TX, chain, 0);
        virtio_signal(&c->v, TX);
    }
}

static void deliver(VirtioConsole *c)
{
    VirtChain *chain = &c->chain;
    while (c->n_fifo && virtio_pop(&c->v, RX, chain)) {
        uint16_t n = (uint16_t)MIN(chain->writable, (uint64_t)c->n_fifo);
        if (!virtio_give(&c->v, chain, 0, c->fifo, n)) {
            virtio_broken(&c->v, "a buffer outside of memory");
            return;
        }
        c->n_fifo = (uint16_t)(c->n_fifo - n);
        memmove(c->fifo, c->fifo + n, c->n_fifo);
        memset(c->fifo + c->n_fifo, 0, n);
        virtio_push(&c->v, RX, chain, n);
        virtio_signal(&c->v, RX);
    }
}

static size_t can_take(void *device)
{
    VirtioConsole *c = device;
    lock_take(&c->v.dev.lock);
    size_t n = FIFO - c->n_fifo;
    lock_release(&c->v.dev.lock);
    return n;
}

static void take(void *device, const uint8_t *bytes, size_t n)
{
    VirtioConsole *c = device;
    lock_take(&c->v.dev.lock);
    n = MIN(n, (size_t)(FIFO - c->n_fifo));
    memcpy(c->fifo + c->n_fifo, bytes, n);
    c->n_fifo = (uint16_t)(c->n_fifo + n);
    deliver(c);
    lock_release(&c->v.dev.lock);
}

static void console_notify(VirtioDevice *v, unsigned queue)
{
    VirtioConsole *c = (VirtioConsole *)v;
    if (queue == TX) {
        transmit(c);
        return;
    }
    deliver(c);
    if (c->chardev && c->chardev->more && c->n_fifo < FIFO)
        c->chardev->more(c->chardev->backend);
}

static uint64_t console_features(const VirtioDevice *v) { return F_EMERG_WRITE; }

static void console_config(const VirtioDevice *v, uint8_t *to, unsigned bytes)
{
    enum { MAX_PORTS = 4 };
    to[MAX_PORTS] = 1;
}

static void console_write_config(VirtioDevice *v, unsigned at, uint64_t value, unsigned size)
{
    const uint8_t byte = (uint8_t)value;
    if (at == EMERG_AT)
        put((const VirtioConsole *)v, &byte, 1);
}

static const VirtioOps ops = {.id = 3,
                              .queues = QUEUES,
                              .features = console_features,
                              .notify = console_notify,
                              .config = console_config,
                              .write_config = console_write_config,
                              .pci_class = 0x078000,
                              .pci_old_id = 0x1003};

static bool console_realize(Device *dev, DevError *err)
{
    VirtioConsole *c = (VirtioConsole *)dev;
    virtio_init(&c->v, &ops, &c->s);
    if (c->chardev) {
        c->chardev->can_take = can_take;
        c->chardev->take = take;
        c->chardev->device = c;
    }
    return true;
}

static void console_reset(Device *dev)
{
    VirtioConsole *c = (VirtioConsole *)dev;
    c->n_fifo = 0;
    memset(c->fifo, 0, sizeof(c->fifo));
    virtio_reset(&c->v);
}

static bool console_loaded(Device *dev, DevError *err)
{
    VirtioConsole *c = (VirtioConsole *)dev;
    if (c->n_fifo > FIFO) {
        c->n_fifo = 0;
        return dev_fail(err, "%s: more input than it holds", dev->id);
    }
    return virtio_check(&c->v, err);
}

static void console_clear(Device *dev)
{
    virtio_clear((VirtioDevice *)dev);
}

static const DevProp props[] = {VIRTIO_PROPS(VirtioConsole), DEV_PTR(VirtioConsole, chardev, "back end")};
static const DevField state[] = {VIRTIO_ROWS(VirtioConsole), DEV_FIELD(VirtioConsole, n_fifo),
                                 DEV_ARRAY(VirtioConsole, fifo)};

const DevClass virtio_console_class = {
    .name = "virtio-serial-device", .help = "a console, which -device virtconsole plugs in", .version = 2,
    .bus = "virtio", DEV_TABLES(VirtioConsole, props, state),
    .realize = console_realize, .reset = console_reset, .loaded = console_loaded, .clear = console_clear,
};
