/* Both cards by a driver in C: EEPROM and PHY, frames out and in, with checksums, segments and tags, filters,
 * the three ways of interrupts and their rate, state in the middle of a frame. */
#include "tests/dev/dev_kit.h"

#include "hw/core/ports.h"
#include "hw/net/e1000.h"
#include "hw/pci/pcie_host.h"

enum { LOW = 0x40000000, MSIX = 0x40100000, RAM = 0x10000000, RAM_BYTES = 0x200000, ENTRIES = 8 };
enum {
    TX_RING = RAM,
    RX_RING = RAM + 0x1000,
    DATA = RAM + 0x10000,
    BUFFERS = RAM + 0x100000,
    SLOT = 1 << 15
};

typedef struct Rig {
    DevKit k;
    RamBlock ram;
    MemRegion ram_region;
    NetPort net;
    Device *host, *card;
    MsiTarget msi;
    unsigned messages, last_message, frames, room, tail, more;
    uint8_t frame[16][2000];
    size_t bytes[16];
} Rig;

static bool take_frame(void *backend, const uint8_t *frame, size_t n)
{
    Rig *r = backend;
    if (!r->room)
        return false;
    r->room--;
    assert_true(n <= sizeof(r->frame[0]) && r->frames < 16);
    memcpy(r->frame[r->frames], frame, n);
    r->bytes[r->frames++] = n;
    return true;
}
static void more(void *backend)
{
    ((Rig *)backend)->more++;
}
static void take_message(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    ((Rig *)receiver)->messages++;
    ((Rig *)receiver)->last_message = data;
}

static uint32_t get(Rig *r, unsigned at)
{
    return (uint32_t)kit_read(&r->k, LOW + at, 4);
}
static void put(Rig *r, unsigned at, uint32_t v)
{
    kit_write(&r->k, LOW + at, 4, v);
}
static void poke(Rig *r, uint64_t at, const void *from, size_t n)
{
    assert_true(mem_map_write(&r->k.map, at, from, n));
}
static uint8_t *ram(Rig *r, uint64_t at)
{
    return r->ram.host + (at - RAM);
}

static Rig *new_rig(const DevClass *cls)
{
    DevError err;
    Rig *r = calloc(1, sizeof(*r));
    kit_init(&r->k);
    r->msi = (MsiTarget){r, take_message};
    r->room = 16;
    const void *links[] = {"intx", &r->k.line[0], "msi", &r->msi, NULL};
    kit_device(&r->k, &pcie_host_class, NULL, links);
    r->host = r->k.dev;
    r->host->region[PCIE_LOW].base = LOW;
    assert_true(mem_map_add(&r->k.map, &r->host->region[PCIE_LOW]));
    assert_true(ram_block_init(&r->ram, "ram", RAM_BYTES, RAM));
    r->ram_region = (MemRegion){
        .name = "ram", .kind = MEM_RAM, .base = RAM, .bytes = RAM_BYTES, .ram = &r->ram, .priority = 1};
    assert_true(mem_map_add(&r->k.map, &r->ram_region));
    r->net = (NetPort){.backend = r, .send = take_frame, .more = more};
    r->card = dev_new(cls, r->host, "card");
    assert_true(dev_set(r->card, "mac", "52:54:00:01:02:03", &err) &&
                dev_set_ptr(r->card, "netdev", &r->net, &err));
    assert_true(dev_realize(r->card, &r->k.map, &r->k.clock, &err) &&
                pci_plug(r->host, NULL, (PciFunction *)r->card, &err));
    dev_reset(r->card);
    kit_write(&r->k, SLOT | 0x10, 4, LOW);
    kit_write(&r->k, SLOT | 0x1c, 4, MSIX);
    kit_write(&r->k, SLOT | 4, 2, 6);
    put(r, 0x3800, TX_RING);
    put(r, 0x3808, ENTRIES * 16);
    put(r, 0x400, 2);
    put(r, 0x2800, RX_RING);
    put(r, 0x2808, ENTRIES * 16);
    for (unsigned k = 0; k < ENTRIES; k++) {
        const uint64_t desc[2] = {BUFFERS + 0x1000 * k, 0};
        poke(r, RX_RING + 16 * k, desc, sizeof(desc));
    }
    put(r, 0x2818, ENTRIES - 1);
    put(r, 0x100, 0x04008002); /* on, broadcasts, without the sum at the end */
    return r;
}

static void free_rig(Rig *r)
{
    kit_clear(&r->k);
    ram_block_clear(&r->ram);
    free(r);
}

static void round_trip(Rig *r)
{
    enum { ROOM = 1 << 18 };
    DevError err;
    char *before = malloc(ROOM), *after = malloc(ROOM);
    Fmt f = {.buf = before, .cap = ROOM}, g = {.buf = after, .cap = ROOM};
    dev_save(r->card, &f);
    dev_reset(r->card);
    if (!dev_load(r->card, before, &err))
        fail_msg("%s", err.text);
    dev_save(r->card, &g);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* ---- EEPROM, PHY ---- */

static uint16_t wire_read(Rig *r, unsigned address)
{
    const uint32_t command = 0x180 | address;
    uint16_t v = 0;
    put(r, 0x10, 0x42);
    assert_int_equal(get(r, 0x10) & 0x80, 0x80);
    for (unsigned k = 9; k-- > 0;) {
        const uint32_t in = command >> k & 1 ? 4 : 0;
        put(r, 0x10, 0x42 | in);
        put(r, 0x10, 0x43 | in);
        put(r, 0x10, 0x42 | in);
    }
    assert_int_equal(get(r, 0x10) & 8, 0);
    for (unsigned k = 0; k < 16; k++) {
        put(r, 0x10, 0x43);
        v = (uint16_t)(v << 1 | (get(r, 0x10) >> 3 & 1));
        put(r, 0x10, 0x42);
    }
    put(r, 0x10, 0);
    return v;
}

static void eeprom(void **unused)
{
    Rig *r = new_rig(&e1000_class);
    uint16_t sum = 0;
    for (unsigned k = 0; k < 64; k++) {
        put(r, 0x14, k << 8 | 1);
        assert_int_equal(get(r, 0x14) >> 4 & 1, 1);
        assert_int_equal(get(r, 0x14) >> 16, wire_read(r, k));
        sum = (uint16_t)(sum + (get(r, 0x14) >> 16));
    }
    assert_int_equal(sum, 0xbaba);
    assert_int_equal(wire_read(r, 1), 0x0100);
    free_rig(r);
    r = new_rig(&e1000e_class);
    put(r, 0x14, 2 << 2 | 1);
    assert_int_equal(get(r, 0x14) & 2, 2);
    assert_int_equal(get(r, 0x14) >> 16, 0x0302);
    assert_int_equal(get(r, 0x5400), 0x01005452);
    put(r, 0x20, 1 << 21 | 3 << 16 | 2 << 26);
    assert_int_equal(get(r, 0x20), 1u << 28 | 2u << 26 | 1u << 21 | 3u << 16 | 0x0cb1);
    put(r, 0x20, 5 << 21 | 3 << 16 | 2 << 26);
    assert_int_equal(get(r, 0x20) >> 30 & 1, 1);
    assert_int_equal(get(r, 8) & 2, 2);
    get(r, 0xc0);
    e1000_set_link(r->card, false);
    assert_int_equal(get(r, 8) & 2, 0);
    assert_int_equal(get(r, 0xc0) & 4, 4);
    put(r, 0x20, 1 << 21 | 1 << 16 | 2 << 26);
    assert_int_equal(get(r, 0x20) & 4, 0);
    free_rig(r);
}

/* ---- out ---- */

static void offer(Rig *r, uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3)
{
    const uint32_t d[4] = {d0, d1, d2, d3};
    poke(r, TX_RING + 16 * r->tail, d, sizeof(d));
    r->tail = (r->tail + 1) % ENTRIES;
}
static void kick(Rig *r)
{
    put(r, 0x3818, r->tail);
}
static uint32_t done(Rig *r, unsigned n)
{
    return ld_u32(ram(r, TX_RING + 16 * n + 12)) & 1;
}

static uint16_t sum_of(const uint8_t *p, size_t n, uint32_t sum)
{
    for (size_t k = 0; k < n; k++)
        sum += (uint32_t)p[k] << (k % 2 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void sending(void **unused)
{
    Rig *r = new_rig(&e1000_class);
    for (unsigned k = 0; k < 4096; k++)
        *ram(r, DATA + k) = (uint8_t)(k * 7);
    offer(r, DATA, 0, 0x00000000 | 40, 0); /* not its end */
    kick(r);
    assert_int_equal(r->frames, 0);
    assert_int_equal(get(r, 0x3810), 0);
    offer(r, DATA + 100, 0, 0x0b000000 | 60, 0); /* end, and tell */
    kick(r);
    assert_int_equal(r->frames, 1);
    assert_int_equal(r->bytes[0], 100);
    assert_memory_equal(r->frame[0], ram(r, DATA), 40);
    assert_memory_equal(r->frame[0] + 40, ram(r, DATA + 100), 60);
    assert_int_equal(done(r, 0), 0);
    assert_int_equal(done(r, 1), 1);
    assert_int_equal(get(r, 0x3810), 2);
    assert_int_equal(get(r, 0x4080), 1);
    assert_int_equal(get(r, 0x4080), 0);
    assert_int_equal(get(r, 0xc0) & 3, 3);
    /* a tag is put in */
    put(r, 0, get(r, 0) | 1 << 30);
    offer(r, DATA, 0, 0x4b000000 | 60, 0x01230000);
    kick(r);
    assert_int_equal(r->bytes[1], 64);
    assert_memory_equal(r->frame[1] + 10, ((uint8_t[]){70, 77, 0x81, 0, 1, 0x23, 84, 91}), 8);
    /* the network is full, and has room again */
    r->room = 0;
    offer(r, DATA, 0, 0x0b000000 | 60, 0);
    kick(r);
    assert_int_equal(done(r, 3), 0);
    round_trip(r);
    r->room = 16;
    r->net.room(r->net.device);
    assert_int_equal(done(r, 3), 1);
    assert_int_equal(r->frames, 3);
    free_rig(r);
}

/* IPv4, TCP: 54 bytes of headers and three segments. */
static void segments(void **unused)
{
    enum { HEAD = 54, MSS = 1000, DATA_BYTES = 2500 };
    static const uint8_t ip[20] = {0x45, 0, 0,  0, 0x12, 0x34, 0x40, 0, 64, 6,
                                   0,    0, 10, 0, 2,    15,   10,   0, 2,  2};
    uint8_t tcp[20] = {0x30, 0x39, 0, 80, 0, 0, 1, 0, 0, 0, 0, 9, 0x50, 0x19, 0xff, 0xff};
    Rig *r = new_rig(&e1000e_class);
    const uint16_t pseudo = sum_of(ip + 12, 8, 6);
    tcp[16] = (uint8_t)(pseudo >> 8);
    tcp[17] = (uint8_t)pseudo;
    memset(ram(r, DATA), 0x11, 12);
    memcpy(ram(r, DATA + 12), "\x08\x00", 2);
    poke(r, DATA + 14, ip, 20);
    poke(r, DATA + 34, tcp, 20);
    for (unsigned k = 0; k < DATA_BYTES; k++)
        *ram(r, DATA + HEAD + k) = (uint8_t)(k * 3);
    offer(r, 33u << 16 | 24 << 8 | 14, 0u << 16 | 50 << 8 | 34, 0x27000000 | DATA_BYTES,
          (uint32_t)MSS << 16 | HEAD << 8);
    offer(r, DATA, 0, 0x26100000 | (HEAD + 1), 3 << 8);
    offer(r, DATA + HEAD + 1, 0, 0x2d100000 | (DATA_BYTES - 1), 3 << 8);
    r->room = 2; /* the third waits */
    kick(r);
    assert_int_equal(r->frames, 2);
    assert_int_equal(done(r, 2), 0);
    round_trip(r);
    r->room = 16;
    r->net.room(r->net.device);
    assert_int_equal(r->frames, 3);
    assert_int_equal(done(r, 2), 1);
    for (unsigned k = 0; k < 3; k++) {
        const uint8_t *f = r->frame[k];
        const unsigned bytes = k == 2 ? 500 : MSS;
        assert_int_equal(r->bytes[k], HEAD + bytes);
        assert_int_equal(f[16] << 8 | f[17], 40 + bytes);
        assert_int_equal(f[18] << 8 | f[19], 0x1234 + k);
        assert_int_equal(f[40] << 8 | f[41], 0x100 + k * MSS);
        assert_int_equal(f[47], k == 2 ? 0x19 : 0x10);
        assert_int_equal(sum_of(f + 14, 20, 0), 0xffff);
        assert_int_equal(sum_of(f + 34, 20 + bytes, sum_of(f + 26, 8, 6 + 20 + bytes)), 0xffff);
        assert_memory_equal(f + HEAD, ram(r, DATA + HEAD + k * MSS), bytes);
    }
    /* one frame, checksums only */
    offer(r, 33u << 16 | 24 << 8 | 14, 0u << 16 | 50 << 8 | 34, 0x23000000, 0);
    offer(r, DATA, 0, 0x2b100000 | 154, 3 << 8);
    kick(r);
    assert_int_equal(r->frames, 4);
    assert_int_equal(sum_of(r->frame[3] + 14, 20, 0), 0xffff);
    /* parts by the thousand that are no frames: not one is made */
    get(r, 0x4080);
    offer(r, 0, 0, 0x27000000 | 2000, 1u << 16 | 1 << 8);
    offer(r, DATA, 0, 0x2d100000 | 2000, 0);
    kick(r);
    assert_int_equal(r->frames, 4);
    assert_int_equal(get(r, 0x4080), 0);
    free_rig(r);
}

/* ---- in ---- */

static bool give(Rig *r, const char *to, unsigned bytes)
{
    uint8_t f[3000];
    for (unsigned k = 0; k < bytes; k++)
        f[k] = (uint8_t)(k + 5);
    memcpy(f, to, 6);
    return r->net.receive(r->net.device, f, bytes);
}

static void receiving(void **unused)
{
    static const char own[] = "\x52\x54\x00\x01\x02\x03", all[] = "\xff\xff\xff\xff\xff\xff",
                      other[] = "\x52\x54\x00\x01\x02\x04", group[] = "\x33\x33\x00\x00\x00\x01";
    Rig *r = new_rig(&e1000e_class);
    assert_true(give(r, own, 100));
    assert_int_equal(get(r, 0x2810), 1);
    assert_int_equal(ld_u16(ram(r, RX_RING + 8)), 100);
    assert_int_equal(*ram(r, RX_RING + 12), 7);
    assert_int_equal(*ram(r, BUFFERS + 99), 104);
    assert_true(give(r, other, 100) && give(r, group, 100));
    assert_int_equal(get(r, 0x2810), 1);
    assert_true(give(r, all, 20)); /* too short: zeros follow */
    assert_int_equal(ld_u16(ram(r, RX_RING + 16 + 8)), 60);
    put(r, 0x5200 + 4 * 0, 1 << 16); /* bits 47 to 36 of the group's address: 0x010 */
    assert_true(give(r, group, 100));
    assert_int_equal(get(r, 0x2810), 3);
    assert_true(give(r, own, 1600));
    assert_int_equal(get(r, 0x2810), 3); /* long ones are not wanted */
    put(r, 0x100, 0x0402803a); /* they are, with promiscuity, and buffers of 512 bytes; the other form */
    put(r, 0x5008, 0x8000);
    assert_true(give(r, other, 1300));
    assert_int_equal(get(r, 0x2810), 6);
    assert_int_equal(ld_u32(ram(r, RX_RING + 3 * 16 + 8)), 5);
    assert_int_equal(ld_u32(ram(r, RX_RING + 5 * 16 + 8)), 7);
    assert_int_equal(ld_u16(ram(r, RX_RING + 5 * 16 + 12)), 1300 - 1024);
    const unsigned before = r->more + 1;
    round_trip(r);
    assert_int_equal(r->more, before); /* it takes what the network kept for the card of before */
    assert_false(give(r, own, 1000)); /* one is left, two are needed */
    assert_int_equal(get(r, 0xc0) >> 6 & 1, 1);
    put(r, 0x2818, 2);
    assert_int_equal(r->more, before + 1);
    assert_true(give(r, own, 1000));
    assert_int_equal(get(r, 0x2810), 0);
    assert_int_equal(get(r, 0x4074), 5);
    while (give(r, own, 1000)) {
    }
    put(r, 0, 1 << 26); /* a reset: the network need not wait any more */
    assert_int_equal(r->more, before + 2);
    assert_true(give(r, own, 1000));
    free_rig(r);
}

/* Descriptors of four buffers, as drivers of the 82574 use them for long frames. */
static void four_buffers(void **unused)
{
    static const char all[] = "\xff\xff\xff\xff\xff\xff";
    Rig *r = new_rig(&e1000e_class);
    for (unsigned k = 0; k < 16; k++) {
        const uint64_t to = BUFFERS + 0x1000 * k;
        poke(r, RX_RING + 8 * k, &to, sizeof(to));
    }
    put(r, 0x2818, 6); /* head and tail count units of 16 bytes */
    put(r, 0x5008, 0x8000);
    put(r, 0x2170, 0);
    put(r, 0x100, 0x04008422);
    assert_true(give(r, all, 100)); /* there is no room in no buffers: lost */
    assert_int_equal(get(r, 0x2810), 0);
    put(r, 0x2170, 1 | 1 << 8 | 2 << 16);
    assert_true(give(r, all, 1400));
    assert_int_equal(get(r, 0x2810), 2);
    assert_int_equal(ld_u32(ram(r, RX_RING + 8)), 7);
    assert_int_equal(ld_u16(ram(r, RX_RING + 12)), 128);
    assert_int_equal(ld_u16(ram(r, RX_RING + 16)), 0); /* no header */
    assert_int_equal(ld_u16(ram(r, RX_RING + 18)), 1024);
    assert_int_equal(ld_u16(ram(r, RX_RING + 20)), 248);
    assert_int_equal(ld_u16(ram(r, RX_RING + 22)), 0);
    assert_int_equal(*ram(r, BUFFERS + 127), (127 + 5) & 255);
    assert_int_equal(*ram(r, BUFFERS + 0x1000), (128 + 5) & 255);
    assert_int_equal(*ram(r, BUFFERS + 0x2000 + 247), (1399 + 5) & 255);
    assert_int_equal(ld_u64(ram(r, RX_RING + 32)), BUFFERS + 0x4000); /* the next one */
    free_rig(r);
}

/* A datagram of UDP over IPv4, right and wrong. */
static void received_sums(void **unused)
{
    uint8_t f[62] = "\xff\xff\xff\xff\xff\xff\x52\x54\x00\x00\x00\x09\x08";
    static const uint8_t ip[20] = {0x45, 0, 0, 48, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 2, 2, 10, 0, 2, 15};
    Rig *r = new_rig(&e1000_class);
    memcpy(f + 14, ip, sizeof(ip));
    f[39] = 28; /* its length */
    memset(f + 42, 0x5a, 20);
    for (unsigned k = 0; k < 2; k++) {
        uint8_t *at = f + (k ? 40 : 24);
        const uint16_t sum =
            (uint16_t) ~(k ? sum_of(f + 34, 28, sum_of(f + 26, 8, 17 + 28)) : sum_of(f + 14, 20, 0));
        at[0] = (uint8_t)(sum >> 8);
        at[1] = (uint8_t)sum;
    }
    assert_true(r->net.receive(r->net.device, f, sizeof(f)));
    assert_int_equal(ld_u16(ram(r, RX_RING + 12)), 0x0007); /* nobody wants to know */
    put(r, 0x5000, 0x300);
    assert_true(r->net.receive(r->net.device, f, sizeof(f)));
    assert_int_equal(ld_u16(ram(r, RX_RING + 16 + 12)), 0x0073);
    f[50]++;
    assert_true(r->net.receive(r->net.device, f, sizeof(f)));
    assert_int_equal(ld_u16(ram(r, RX_RING + 2 * 16 + 12)), 0x2073);
    f[22]--;
    assert_true(r->net.receive(r->net.device, f, sizeof(f)));
    assert_int_equal(ld_u16(ram(r, RX_RING + 3 * 16 + 12)), 0x6073);
    free_rig(r);
}

/* ---- interrupts ---- */

static void interrupts(void **unused)
{
    static const char all[] = "\xff\xff\xff\xff\xff\xff";
    Rig *r = new_rig(&e1000_class);
    put(r, 0xd8, ~0u);
    get(r, 0xc0);
    give(r, all, 60);
    assert_int_equal(r->k.level, 0);
    put(r, 0xd0, 0x80);
    assert_int_equal(r->k.level, 2);
    assert_int_equal(get(r, 0xc0) & 0x80, 0x80);
    assert_int_equal(r->k.level, 0);
    put(r, 0xc4, 1000); /* 256 us between them */
    give(r, all, 60);
    assert_int_equal(r->k.level, 2);
    get(r, 0xc0);
    give(r, all, 60);
    assert_int_equal(r->k.level, 0);
    round_trip(r);
    kit_pass(&r->k, 100000);
    assert_int_equal(r->k.level, 0);
    kit_pass(&r->k, 200000);
    assert_int_equal(r->k.level, 2);
    free_rig(r);
}

static void vectors(void **unused)
{
    static const char all[] = "\xff\xff\xff\xff\xff\xff";
    Rig *r = new_rig(&e1000e_class);
    unsigned cap = (unsigned)kit_read(&r->k, SLOT | 0x34, 1);
    while (cap && kit_read(&r->k, SLOT | cap, 1) != PCI_CAP_MSIX)
        cap = (unsigned)kit_read(&r->k, SLOT | (cap + 1), 1);
    assert_true(cap);
    for (unsigned v = 0; v < 3; v++) {
        kit_write(&r->k, MSIX + 16 * v, 4, 0xfee00000);
        kit_write(&r->k, MSIX + 16 * v + 8, 4, 0x40 + v);
        kit_write(&r->k, MSIX + 16 * v + 12, 4, 0);
    }
    kit_write(&r->k, SLOT | (cap + 2), 2, 0x8000);
    put(r, 0xe4, 0x800a0908);
    put(r, 0xdc, 0x01500000);
    get(r, 0xc0);
    put(r, 0xd0, 0x01500004);
    give(r, all, 60);
    assert_int_equal(r->messages, 1);
    assert_int_equal(r->last_message, 0x40);
    assert_int_equal(get(r, 0xc0) >> 20 & 1, 0); /* the message took it along */
    offer(r, DATA, 0, 0x0b000000 | 60, 0);
    kick(r);
    assert_int_equal(r->last_message, 0x41);
    e1000_set_link(r->card, false);
    assert_int_equal(r->last_message, 0x42);
    assert_int_equal(r->k.level, 0);
    free_rig(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eeprom),    cmocka_unit_test(sending),       cmocka_unit_test(segments),
        cmocka_unit_test(receiving), cmocka_unit_test(received_sums), cmocka_unit_test(interrupts),
        cmocka_unit_test(vectors),   cmocka_unit_test(four_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
