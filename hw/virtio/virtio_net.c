/* Queues: 0 receives, 1 sends, 2 controls the filter. A frame that no buffer is there for is left with the
 * back end; one that fits into no buffers is lost. */
#include "hw/virtio/virtio_net.h"
#include "hw/core/ports.h"

#include <stdlib.h>

#define F_MTU           (1ull << 3)
#define F_MAC           (1ull << 5)
#define F_MRG_RXBUF     (1ull << 15)
#define F_STATUS        (1ull << 16)
#define F_CTRL_VQ       (1ull << 17)
#define F_CTRL_RX       (1ull << 18)
#define F_CTRL_VLAN     (1ull << 19)
#define F_CTRL_RX_EXTRA (1ull << 20)
#define F_CTRL_MAC_ADDR (1ull << 23)

enum { RX, TX, CTRL, QUEUES };
enum { HEADER = 12, NUM_BUFFERS = 10, MAC_BYTES = 6, MAX_MACS = 64, MAX_CHAINS = 32, VLANS = 4096 };
enum { CTRL_RX, CTRL_MAC, CTRL_VLAN, CTRL_OK = 0, CTRL_ERR = 1 };
enum { RX_PROMISC, RX_ALLMULTI, RX_ALLUNI, RX_NOMULTI, RX_NOUNI, RX_NOBCAST, RX_MODES };
enum { MAC_TABLE_SET, MAC_ADDR_SET, VLAN_ADD = 0, VLAN_DEL = 1 };
enum { TOO_MANY = 255 }; /* addresses: all that could be one are taken */

typedef struct VirtioNet {
    VirtioDevice v;
    NetPort *netdev;
    char mac[18];   /* property; state: address */
    uint32_t host_mtu;
    uint8_t given_address[MAC_BYTES];
    uint8_t *frame; /* HEADER + NET_FRAME_MAX */
    VirtChain *chain; /* MAX_CHAINS, to receive */
    bool link_down; /* the host's doing, not part of the machine's state */
    DEV_STATE_BEGIN
    VirtioState s;
    uint8_t address[MAC_BYTES];
    uint8_t mode[RX_MODES];
    uint8_t n_uni, n_multi;
    uint8_t macs[MAX_MACS * MAC_BYTES]; /* unicast ones first */
    uint8_t waits;  /* the back end has a frame that found no room */
    uint32_t vlan[VLANS / 32];
    DEV_STATE_END
} VirtioNet;

/* ---- sending ---- */

static void send_all(VirtioNet *n)
{
    VirtChain *c = &n->chain[0];
    while (virtio_pop(&n->v, TX, c)) {
        uint64_t bytes = c->readable > HEADER ? c->readable - HEADER : 0;
        if (c->readable < HEADER) {
            virtio_broken(&n->v, "a frame without header");
            return;
        }
        if (bytes && bytes <= NET_FRAME_MAX) {
            if (!virtio_take(&n->v, c, HEADER, n->frame, bytes)) {
                virtio_broken(&n->v, "a frame outside of memory");
                return;
            }
            if (n->netdev && !n->link_down && !n->netdev->send(n->netdev->backend, n->frame, bytes)) {
                virtio_unpop(&n->v, TX, c->slots);
                return; /* room() goes on */
            }
        }
        virtio_push(&n->v, TX, c, 0);
        virtio_signal(&n->v, TX);
    }
}

static void net_room(void *device)
{
    VirtioNet *n = device;
    lock_take(&n->v.dev.lock);
    send_all(n);
    lock_release(&n->v.dev.lock);
}

/* ---- receiving ---- */

static bool in_table(const VirtioNet *n, const uint8_t *mac, unsigned from, unsigned count)
{
    for (unsigned k = from; k < from + count; k++)
        if (memcmp(n->macs + (size_t)k * MAC_BYTES, mac, MAC_BYTES) == 0)
            return true;
    return false;
}

static bool wants_address(const VirtioNet *n, const uint8_t *mac)
{
    static const uint8_t all[MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const uint8_t *mode = n->mode;
    if (mode[RX_PROMISC])
        return true;
    if (memcmp(mac, all, MAC_BYTES) == 0)
        return !mode[RX_NOBCAST];
    if (mac[0] & 1)
        return !mode[RX_NOMULTI] && (mode[RX_ALLMULTI] || n->n_multi == TOO_MANY ||
                                     in_table(n, mac, n->n_uni == TOO_MANY ? 0 : n->n_uni, n->n_multi));
    return !mode[RX_NOUNI] && (mode[RX_ALLUNI] || memcmp(mac, n->address, MAC_BYTES) == 0 ||
                               n->n_uni == TOO_MANY || in_table(n, mac, 0, n->n_uni));
}

static bool wants(const VirtioNet *n, const uint8_t *frame, size_t bytes)
{
    enum { TYPE = 12, TAG = 14, TAGGED = 0x8100 };
    if (bytes < TAG)
        return false;
    if ((n->s.driver_features & F_CTRL_VLAN) && bytes >= TAG + 2 && frame[TYPE] << 8 == (TAGGED & 0xff00) &&
        frame[TYPE + 1] == (TAGGED & 0xff)) {
        unsigned id = (unsigned)(frame[TAG] << 8 | frame[TAG + 1]) % VLANS;
        if (!(n->vlan[id / 32] >> id % 32 & 1) && !n->mode[RX_PROMISC])
            return false;
    }
    return wants_address(n, frame);
}

/* Buffers for so many bytes: how many chains, 0: there are not enough now, -1: there never are. */
static int gather(VirtioNet *n, uint64_t bytes)
{
    const unsigned most = n->s.driver_features & F_MRG_RXBUF ? MAX_CHAINS : 1;
    uint64_t room = 0;
    unsigned count = 0, slots = 0;
    while (room < bytes && count < most && virtio_pop(&n->v, RX, &n->chain[count])) {
        room += n->chain[count].writable;
        slots += n->chain[count++].slots;
    }
    if (room >= bytes)
        return (int)count;
    virtio_unpop(&n->v, RX, slots);
    return count == most ? -1 : 0;
}

/* header and frame are in n->frame. False: buffers outside of memory. */
static bool put_frame(VirtioNet *n, unsigned count, uint64_t bytes)
{
    for (uint64_t at = 0, k = 0; k < count; k++) {
        const VirtChain *c = &n->chain[k];
        uint64_t part = MIN(c->writable, bytes - at);
        if (!virtio_give(&n->v, c, 0, n->frame + at, part))
            return false;
        virtio_push(&n->v, RX, c, (uint32_t)part);
        at += part;
    }
    virtio_signal(&n->v, RX);
    return true;
}

static bool receive_locked(VirtioNet *n, const uint8_t *frame, size_t bytes)
{
    if (!virtio_works(&n->v, RX) || n->link_down || bytes > NET_FRAME_MAX || !wants(n, frame, bytes))
        return true; /* lost */
    int count = gather(n, HEADER + bytes);
    if (count <= 0) {
        n->waits = count == 0 && virtio_works(&n->v, RX);
        return !n->waits;
    }
    memset(n->frame, 0, HEADER);
    n->frame[NUM_BUFFERS] = (uint8_t)count;
    memcpy(n->frame + HEADER, frame, bytes);
    if (!put_frame(n, (unsigned)count, HEADER + bytes))
        virtio_broken(&n->v, "a buffer outside of memory");
    return true;
}

static bool net_receive(void *device, const uint8_t *frame, size_t bytes)
{
    VirtioNet *n = device;
    lock_take(&n->v.dev.lock);
    bool taken = receive_locked(n, frame, bytes);
    lock_release(&n->v.dev.lock);
    return taken;
}

/* ---- control ---- */

/* A table of addresses at `at` of the request; its size goes to *ret_n, TOO_MANY if it does not fit. */
static bool take_macs(VirtioNet *n, const VirtChain *c, uint64_t *at, unsigned from, uint8_t *ret_n)
{
    uint32_t count;
    if (!virtio_take(&n->v, c, *at, &count, sizeof(count)) || count > UINT16_MAX)
        return false;
    *at += sizeof(count);
    bool fits = count <= MAX_MACS - from;
    if (*at + (uint64_t)count * MAC_BYTES > c->readable ||
        (fits && count &&
         !virtio_take(&n->v, c, *at, n->macs + (size_t)from * MAC_BYTES, (uint64_t)count * MAC_BYTES)))
        return false;
    *at += (uint64_t)count * MAC_BYTES;
    *ret_n = fits ? (uint8_t)count : TOO_MANY;
    return true;
}

static bool control_mac(VirtioNet *n, const VirtChain *c, uint8_t command)
{
    uint64_t at = 2;
    if (command == MAC_ADDR_SET)
        return c->readable == 2 + MAC_BYTES && virtio_take(&n->v, c, 2, n->address, MAC_BYTES);
    if (command != MAC_TABLE_SET)
        return false;
    n->n_uni = n->n_multi = 0;
    return take_macs(n, c, &at, 0, &n->n_uni) &&
           take_macs(n, c, &at, n->n_uni == TOO_MANY ? 0 : n->n_uni, &n->n_multi);
}

static bool control_vlan(VirtioNet *n, const VirtChain *c, uint8_t command)
{
    uint16_t id;
    if (command > VLAN_DEL || !virtio_take(&n->v, c, 2, &id, sizeof(id)) || id >= VLANS)
        return false;
    uint32_t bit = 1u << id % 32;
    n->vlan[id / 32] = command == VLAN_ADD ? n->vlan[id / 32] | bit : n->vlan[id / 32] & ~bit;
    return true;
}

static bool control(VirtioNet *n, const VirtChain *c)
{
    uint8_t head[2], on;
    if (!virtio_take(&n->v, c, 0, head, sizeof(head)))
        return false;
    switch (head[0]) {
    case CTRL_RX:
        if (head[1] >= RX_MODES || !virtio_take(&n->v, c, 2, &on, 1))
            return false;
        n->mode[head[1]] = on != 0;
        return true;
    case CTRL_MAC: return control_mac(n, c, head[1]);
    case CTRL_VLAN: return control_vlan(n, c, head[1]);
    default: return false;
    }
}

static void control_all(VirtioNet *n)
{
    VirtChain *c = &n->chain[0];
    while (virtio_pop(&n->v, CTRL, c)) {
        uint8_t status = control(n, c) ? CTRL_OK : CTRL_ERR;
        if (c->writable == 0 || !virtio_give(&n->v, c, c->writable - 1, &status, 1)) {
            virtio_broken(&n->v, "a command without room for its status");
            return;
        }
        virtio_push(&n->v, CTRL, c, 1);
        virtio_signal(&n->v, CTRL);
    }
}

/* ---- the device ---- */

static void net_notify(VirtioDevice *v, unsigned queue)
{
    VirtioNet *n = (VirtioNet *)v;
    if (queue == TX)
        send_all(n);
    else if (queue == CTRL)
        control_all(n);
    else if (n->netdev && n->netdev->more && n->waits) {
        n->waits = 0;
        n->netdev->more(n->netdev->backend);
    }
}

static uint64_t net_features(const VirtioDevice *v)
{
    return F_MAC | F_MRG_RXBUF | F_STATUS | F_CTRL_VQ | F_CTRL_RX | F_CTRL_VLAN | F_CTRL_RX_EXTRA |
           F_CTRL_MAC_ADDR | (((const VirtioNet *)v)->host_mtu ? F_MTU : 0);
}

static void net_config(const VirtioDevice *v, uint8_t *to, unsigned bytes)
{
    enum { STATUS = 6, PAIRS = 8, MTU = 10 };
    const VirtioNet *n = (const VirtioNet *)v;
    memcpy(to, n->address, MAC_BYTES);
    to[STATUS] = !n->link_down;
    to[PAIRS] = 1;
    to[MTU] = (uint8_t)n->host_mtu;
    to[MTU + 1] = (uint8_t)(n->host_mtu >> 8);
}

void virtio_net_set_link(Device *dev, bool up)
{
    VirtioNet *n = (VirtioNet *)dev;
    lock_take(&dev->lock);
    if (n->link_down == up) {
        n->link_down = !up;
        virtio_config_changed(&n->v);
    }
    lock_release(&dev->lock);
}

static const VirtioOps ops = {.id = 1, .queues = QUEUES, .features = net_features, .notify = net_notify,
                              .config = net_config, .pci_class = 0x020000, .pci_old_id = 0x1000};

static bool net_realize(Device *dev, DevError *err)
{
    VirtioNet *n = (VirtioNet *)dev;
    if (!net_parse_mac(n->mac[0] ? n->mac : "52:54:00:12:34:56", n->given_address))
        return dev_fail(err, "virtio-net: '%s' is no address", n->mac);
    if (n->given_address[0] & 1 || n->host_mtu > UINT16_MAX)
        return dev_fail(err, "virtio-net: no card can have this %s",
                        n->host_mtu > UINT16_MAX ? "MTU" : "address");
    n->frame = malloc(HEADER + NET_FRAME_MAX);
    n->chain = malloc(MAX_CHAINS * sizeof(*n->chain));
    virtio_init(&n->v, &ops, &n->s);
    if (!n->frame || !n->chain)
        return dev_fail(err, "no memory");
    if (n->netdev) {
        n->netdev->receive = net_receive;
        n->netdev->room = net_room;
        n->netdev->device = n;
    }
    return true;
}

static void net_reset(Device *dev)
{
    VirtioNet *n = (VirtioNet *)dev;
    memset((char *)n + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    memcpy(n->address, n->given_address, MAC_BYTES);
    n->mode[RX_PROMISC] = 1; /* until the driver says otherwise */
    virtio_reset(&n->v);
}

static bool net_loaded(Device *dev, DevError *err)
{
    VirtioNet *n = (VirtioNet *)dev;
    bool fits = (n->n_uni == TOO_MANY || n->n_uni <= MAX_MACS) &&
                (n->n_multi == TOO_MANY || n->n_multi + (n->n_uni == TOO_MANY ? 0 : n->n_uni) <= MAX_MACS);
    if (!fits)
        return dev_fail(err, "%s: too many addresses", dev->id);
    if (!virtio_check(&n->v, err))
        return false;
    if (n->netdev && n->netdev->more)
        n->netdev->more(n->netdev->backend); /* it may have a frame that the card of before had no room for */
    return true;
}

static void net_clear(Device *dev)
{
    VirtioNet *n = (VirtioNet *)dev;
    virtio_clear((VirtioDevice *)dev);
    if (n->netdev)
        n->netdev->device = NULL;
    free(n->frame);
    free(n->chain);
}

static const DevProp props[] = {
    VIRTIO_PROPS(VirtioNet),
    DEV_TEXT(VirtioNet, mac, "address"),
    DEV_U32(VirtioNet, host_mtu, "largest packet that the driver is told of, 0: nothing is said", 0),
    DEV_PTR(VirtioNet, netdev, "back end"),
};
static const DevField state[] = {
    VIRTIO_ROWS(VirtioNet),      DEV_ARRAY(VirtioNet, address), DEV_ARRAY(VirtioNet, mode),
    DEV_FIELD(VirtioNet, n_uni), DEV_FIELD(VirtioNet, n_multi), DEV_ARRAY(VirtioNet, macs),
    DEV_FIELD(VirtioNet, waits), DEV_ARRAY(VirtioNet, vlan),
};

const DevClass virtio_net_class = {
    .name = "virtio-net-device", .help = "Ethernet card", .version = 2, .bus = "virtio",
    DEV_TABLES(VirtioNet, props, state),
    .realize = net_realize, .reset = net_reset, .loaded = net_loaded, .clear = net_clear,
};
