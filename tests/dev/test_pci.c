/* The host bridge, a root port and functions behind them, by configuration accesses as firmware makes them:
 * sizing and moving BARs, windows of bridges, INTx and MSI-X; virtio-rng as a function. */
#include "tests/dev/dev_kit.h"

#include "hw/core/ports.h"
#include "hw/core/request.h"
#include "hw/pci/pcie_host.h"
#include "hw/virtio/virtio_pci.h"
#include "hw/virtio/virtio_rng.h"

enum { ECAM = 0, IO = 0x20000000, LOW = 0x40000000, RAM = 0x10000000, RAM_BYTES = 0x10000 };
#define HIGH 0x400000000ull

typedef struct Toy {
    PciFunction f;
    uint32_t vectors;
    DEV_STATE_BEGIN
    PciState p;
    uint32_t reg;
    DEV_STATE_END
} Toy;

static uint64_t toy_read(void *dev, uint64_t at, unsigned size) { return ((Toy *)dev)->reg + at; }
static void toy_write(void *dev, uint64_t at, uint64_t v, unsigned size)
{
    Toy *t = dev;
    t->reg = (uint32_t)v;
    pci_set_intx(&t->f, v & 1);
    if (v & 2)
        pci_msix_send(&t->f, (unsigned)v >> 8);
    if (v & 4)
        pci_msi_send(&t->f);
}
static const MmioOps toy_ops = {.read = toy_read, .write = toy_write, .min = 1, .max = 4};

static bool toy_realize(Device *dev, DevError *err)
{
    static const PciIds ids = {0x1234, 0x5678, 1, 2, 0xff0000, 3};
    Toy *t = (Toy *)dev;
    if (!pci_init(&t->f, &t->p, &ids, NULL, err))
        return false;
    pci_shape(&t->f, PCI_INTERRUPT_PIN, 1, 1, 0);
    pci_add_bar(&t->f, 0, 0x1000, PCI_BAR_64, &toy_ops, t);
    pci_add_bar(&t->f, 2, 0x20, PCI_BAR_IO, &toy_ops, t);
    pci_want_msi(&t->f);
    pci_want_msix(&t->f, 3, 2);
    return true;
}
static void toy_reset(Device *dev) { pci_reset((PciFunction *)dev); }
static bool toy_loaded(Device *dev, DevError *err) { return pci_check((PciFunction *)dev, err); }
static void toy_clear(Device *dev) { pci_clear((PciFunction *)dev); }
static const DevProp toy_props[] = {PCI_PROPS(Toy)};
static const DevField toy_state[] = {PCI_ROWS(Toy), DEV_FIELD(Toy, reg)};
static const DevClass toy_class = {
    .name = "toy", .help = "a toy", .version = 1, .bus = "pci", DEV_TABLES(Toy, toy_props, toy_state),
    .realize = toy_realize, .reset = toy_reset, .loaded = toy_loaded, .clear = toy_clear,
};

typedef struct Rig {
    DevKit k;
    MsiTarget msi;
    uint64_t message_at;
    uint32_t message, requester, n_messages;
    RamBlock ram;
    MemRegion ram_region;
} Rig;

static void take_message(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    Rig *r = receiver;
    r->message_at = address;
    r->message = data;
    r->requester = requester;
    r->n_messages++;
}

static void rig_init(Rig *r, bool msi)
{
    static const uint64_t base[4] = {ECAM, IO, LOW, HIGH};
    *r = (Rig){0};
    kit_init(&r->k);
    r->msi = (MsiTarget){.receiver = r, .send = take_message};
    const void *links[] = {"intx", &r->k.line[0], "msi", msi ? &r->msi : NULL, NULL};
    kit_device(&r->k, &pcie_host_class, NULL, links);
    for (unsigned n = 1; n < 4; n++) {
        r->k.dev->region[n].base = base[n];
        assert_true(mem_map_add(&r->k.map, &r->k.dev->region[n]));
    }
    assert_true(ram_block_init(&r->ram, "ram", RAM_BYTES, RAM));
    r->ram_region =
        (MemRegion){.name = "ram", .kind = MEM_RAM, .base = RAM, .bytes = RAM_BYTES, .ram = &r->ram};
    r->ram_region.priority = 1;
    assert_true(mem_map_add(&r->k.map, &r->ram_region));
}

static void rig_clear(Rig *r)
{
    kit_clear(&r->k);
    ram_block_clear(&r->ram);
}

static Device *add(Rig *r, const DevClass *cls, const char *addr, Device *port, void *inner)
{
    DevError err;
    Device *d = dev_new(cls, r->k.dev, "it");
    assert_true(!addr || dev_set(d, "addr", addr, &err));
    assert_true(!inner || dev_set_ptr(d, "device", inner, &err));
    assert_true(dev_realize(d, &r->k.map, &r->k.clock, &err));
    assert_true(pci_plug(r->k.dev, port, (PciFunction *)d, &err));
    dev_reset(d);
    return d;
}

static uint64_t cfg(unsigned bus, unsigned slot, unsigned at) { return ECAM + (bus << 20 | slot << 15 | at); }
static uint32_t get(Rig *r, uint64_t at, unsigned size) { return (uint32_t)kit_read(&r->k, at, size); }
static void put(Rig *r, uint64_t at, unsigned size, uint32_t v) { kit_write(&r->k, at, size, v); }

static unsigned find_cap(Rig *r, uint64_t function, unsigned id)
{
    unsigned at = get(r, function + PCI_CAPABILITIES, 1);
    for (unsigned n = 0; at && n < 20; n++, at = get(r, function + at + 1, 1))
        if (get(r, function + at, 1) == id)
            return at;
    return 0;
}

static void bars(void **unused)
{
    Rig r;
    rig_init(&r, false);
    add(&r, &toy_class, "4", NULL, NULL);
    assert_int_equal(get(&r, cfg(0, 0, 0), 4), 0x00081b36); /* the bridge itself */
    assert_int_equal(get(&r, cfg(0, 1, 0), 4), 0xffffffff);
    assert_int_equal(get(&r, cfg(3, 0, 0), 4), 0xffffffff);
    assert_int_equal(get(&r, cfg(0, 4, 0), 4), 0x56781234);
    assert_int_equal(get(&r, cfg(0, 4, 8), 4), 0xff000003);
    put(&r, cfg(0, 4, 0), 4, 0);
    assert_int_equal(get(&r, cfg(0, 4, 0), 2), 0x1234);
    put(&r, cfg(0, 4, 0x10), 4, ~0u);
    put(&r, cfg(0, 4, 0x14), 4, ~0u);
    put(&r, cfg(0, 4, 0x18), 4, ~0u);
    assert_int_equal(get(&r, cfg(0, 4, 0x10), 4), 0xfffff004);
    assert_int_equal(get(&r, cfg(0, 4, 0x14), 4), 0xffffffff);
    assert_int_equal(get(&r, cfg(0, 4, 0x18), 4), 0xffffffe1);
    put(&r, cfg(0, 4, 0x10), 4, 0x2000);
    put(&r, cfg(0, 4, 0x14), 4, 4);
    put(&r, cfg(0, 4, 0x18), 4, 0x1000);
    assert_int_equal(get(&r, HIGH + 0x2000, 4), ~0u);   /* does not decode yet */
    put(&r, cfg(0, 4, 4), 2, 2);
    put(&r, HIGH + 0x2000, 4, 0x50);
    assert_int_equal(get(&r, HIGH + 0x2004, 4), 0x54);
    assert_int_equal(get(&r, HIGH + 0x3000, 4), ~0u);
    assert_int_equal(get(&r, IO + 0x1000, 1), 0xff);
    put(&r, cfg(0, 4, 4), 2, 3);
    assert_int_equal(get(&r, IO + 0x1000, 1), 0x50);
    put(&r, cfg(0, 4, 0x14), 4, 0);
    put(&r, cfg(0, 4, 0x10), 4, LOW + 0x5000);          /* moved */
    assert_int_equal(get(&r, HIGH + 0x2000, 4), ~0u);
    assert_int_equal(get(&r, LOW + 0x5008, 4), 0x58);
    dev_reset(r.k.dev);
    assert_int_equal(get(&r, LOW + 0x5008, 4), ~0u);
    rig_clear(&r);
}

static void pins(void **unused)
{
    Rig r;
    rig_init(&r, false);
    for (unsigned n = 0; n < 2; n++) { /* slots 5 and 9 share a line */
        add(&r, &toy_class, n ? "9" : "5", NULL, NULL);
        put(&r, cfg(0, n ? 9 : 5, 0x10), 4, LOW + 0x1000 * n);
        put(&r, cfg(0, n ? 9 : 5, 4), 2, 2);
    }
    put(&r, LOW, 4, 1);
    assert_int_equal(r.k.level, 1 << 1);
    assert_int_equal(get(&r, cfg(0, 5, 6), 2) & 8, 8);
    put(&r, LOW + 0x1000, 4, 1);
    put(&r, LOW, 4, 0);
    assert_int_equal(r.k.level, 1 << 1);
    put(&r, cfg(0, 9, 5), 1, 4); /* no interrupts by the pin */
    assert_int_equal(r.k.level, 0);
    assert_int_equal(get(&r, cfg(0, 9, 6), 2) & 8, 8);
    put(&r, cfg(0, 9, 5), 1, 0);
    assert_int_equal(r.k.level, 1 << 1);
    assert_int_equal(find_cap(&r, cfg(0, 5, 0), PCI_CAP_MSIX), 0); /* the machine has no messages */
    assert_int_not_equal(find_cap(&r, cfg(0, 5, 0), PCI_CAP_PCIE), 0);
    rig_clear(&r);
}

static void one_message(void **unused)
{
    Rig r;
    rig_init(&r, true);
    add(&r, &toy_class, "4", NULL, NULL);
    const uint64_t f = cfg(0, 4, 0), cap = f + find_cap(&r, f, PCI_CAP_MSI);
    assert_true(cap != f);
    put(&r, f + 0x10, 4, LOW);
    put(&r, f + 0x14, 4, 0);
    put(&r, cap + 4, 4, 0xfee01003);
    put(&r, cap + 8, 4, 7);
    put(&r, cap + 12, 2, 0x4155);
    put(&r, f + PCI_COMMAND, 2, 2);
    put(&r, cap + 2, 2, 1);
    put(&r, LOW, 4, 4); /* it may not master the bus */
    assert_int_equal(r.n_messages, 0);
    put(&r, f + PCI_COMMAND, 2, 6);
    put(&r, cap + 2, 2, 0);
    put(&r, LOW, 4, 4); /* it is off */
    assert_int_equal(r.n_messages, 0);
    put(&r, cap + 2, 2, 0xffff);
    put(&r, LOW, 4, 4);
    assert_int_equal(r.n_messages, 1);
    assert_int_equal(r.message_at, 0x7fee01000);
    assert_int_equal(r.message, 0x4155);
    assert_int_equal(get(&r, cap + 2, 2), 0x81);
    rig_clear(&r);
}

static void behind_a_port(void **unused)
{
    Rig r;
    DevError err;
    rig_init(&r, true);
    Device *port = add(&r, &pcie_root_port_class, "2", NULL, NULL);
    Device *toy = add(&r, &toy_class, NULL, port, NULL);
    dev_reset(port); /* the slot has power if there was something in it */
    Device *extra = dev_new(&toy_class, r.k.dev, "extra");
    assert_true(dev_realize(extra, &r.k.map, &r.k.clock, &err));
    assert_false(pci_plug(r.k.dev, port, (PciFunction *)extra, &err)); /* one slot only */
    assert_int_equal(get(&r, cfg(0, 2, PCI_HEADER_TYPE), 1), 1);
    assert_int_equal(get(&r, cfg(5, 0, 0), 4), ~0u);
    put(&r, cfg(0, 2, 0x18), 4, 0x070500);      /* buses 5 to 7 */
    assert_int_equal(get(&r, cfg(5, 0, 0), 4), 0x56781234);
    put(&r, cfg(5, 0, 0x10), 4, LOW + 0x100000);
    put(&r, cfg(5, 0, 0x1c), 4, LOW + 0x101000); /* table of MSI-X */
    put(&r, cfg(5, 0, 4), 2, 6);
    put(&r, cfg(0, 2, 4), 2, 6);
    assert_int_equal(get(&r, LOW + 0x100000, 4), ~0u);
    put(&r, cfg(0, 2, 0x20), 4, 0x40104010);    /* the window: one MiB */
    assert_int_equal(get(&r, LOW + 0x100004, 4), 4);
    put(&r, LOW + 0x100000, 4, 1);
    assert_int_equal(r.k.level, 1 << 2);        /* pin A of slot 0, turned by slot 2 */
    put(&r, LOW + 0x100000, 4, 0);
    unsigned at = find_cap(&r, cfg(5, 0, 0), PCI_CAP_MSIX);
    assert_int_equal(get(&r, cfg(5, 0, at + 2), 2), 1); /* two vectors */
    put(&r, cfg(5, 0, at + 2), 2, 0x8000);
    put(&r, LOW + 0x101010, 4, 0x1000);
    put(&r, LOW + 0x101014, 4, 2);
    put(&r, LOW + 0x101018, 4, 77);
    put(&r, LOW + 0x100000, 4, 0x102);          /* vector 1: masked */
    assert_int_equal(r.n_messages, 0);
    assert_int_equal(get(&r, LOW + 0x101800, 4), 2);
    put(&r, LOW + 0x10101c, 4, 0);
    assert_int_equal(r.n_messages, 1);
    assert_int_equal(r.message_at, 0x200001000);
    assert_int_equal(r.message, 77);
    assert_int_equal(r.requester, 5 << 8);
    put(&r, LOW + 0x100000, 4, 0x7f02);         /* no such vector */
    assert_int_equal(r.n_messages, 1);
    char *text = malloc(1 << 17);
    Fmt f = {.buf = text, .cap = 1 << 17};
    dev_save(toy, &f);
    dev_reset(toy);
    assert_int_equal(get(&r, LOW + 0x100004, 4), ~0u);
    assert_true(dev_load(toy, text, &err));
    assert_int_equal(get(&r, LOW + 0x101018, 4), 77);
    memcpy(strchr(text, '=') + 1, "35", 2);     /* another vendor */
    assert_false(dev_load(toy, text, &err));
    free(text);
    pci_unplug((PciFunction *)toy); /* a thread of its own may still speak: nobody hears it */
    pci_msix_send((PciFunction *)toy, 1);
    pci_set_intx((PciFunction *)toy, true);
    assert_int_equal(r.n_messages, 1);
    assert_int_equal(r.k.level, 0);
    rig_clear(&r);
}

static bool count_up(void *backend, void *to, size_t n)
{
    for (size_t k = 0; k < n; k++)
        ((uint8_t *)to)[k] = (uint8_t)k;
    return true;
}

static uint64_t structure(Rig *r, uint64_t f, unsigned type)
{
    unsigned at = get(r, f + PCI_CAPABILITIES, 1);
    for (; at; at = get(r, f + at + 1, 1))
        if (get(r, f + at, 1) == PCI_CAP_VENDOR && get(r, f + at + 3, 1) == type)
            return type == 5 ? at : LOW + get(r, f + at + 8, 4);
    fail();
    return 0;
}

static void check_round_trip(Device *d)
{
    DevError err;
    char *text = malloc(1 << 17), *after = malloc(1 << 17);
    Fmt a = {.buf = text, .cap = 1 << 17}, b = {.buf = after, .cap = 1 << 17};
    dev_save(d, &a);
    dev_reset(d);
    assert_true(dev_load(d, text, &err));
    dev_save(d, &b);
    assert_string_equal(text, after);
    free(text);
    free(after);
}

/* The driver's half of the beginning, by the common configuration: one queue of eight. */
static void start_queue(Rig *r, uint64_t common)
{
    assert_int_equal(get(r, common + 18, 2), 1);
    assert_int_equal(get(r, common + 24, 2), VIRTIO_QUEUE_MAX);
    put(r, common + 20, 1, 3);
    put(r, common + 8, 4, 1);
    put(r, common + 12, 4, 1);
    put(r, common + 20, 1, 11);
    assert_int_equal(get(r, common + 20, 1), 11);
    put(r, common + 24, 2, 8);
    put(r, common + 32, 4, RAM);
    put(r, common + 40, 4, RAM + 0x1000);
    kit_write(&r->k, common + 48, 8, RAM + 0x2000);
    assert_int_equal(get(r, common + 48, 4), RAM + 0x2000);
    put(r, common + 28, 2, 1);
    put(r, common + 20, 1, 15);
}

static void virtio(void **unused)
{
    Rig r;
    DevError err;
    const uint64_t f = cfg(0, 1, 0);
    EntropyPort entropy = {.fill = count_up};
    rig_init(&r, true);
    Device *rng = dev_new(&virtio_rng_class, r.k.dev, "rng");
    assert_true(dev_set_ptr(rng, "source", &entropy, &err) && dev_realize(rng, &r.k.map, &r.k.clock, &err));
    Device *d = add(&r, &virtio_pci_class, NULL, NULL, rng);
    dev_reset(rng);
    assert_int_equal(get(&r, f, 4), 0x10441af4);
    put(&r, f + 0x20, 4, LOW);
    put(&r, f + 4, 2, 6);
    const uint64_t common = structure(&r, f, 1), notify = structure(&r, f, 2), isr = structure(&r, f, 3);
    start_queue(&r, common);
    const struct {
        uint64_t at;
        uint32_t n;
        uint16_t flags, next;
    } desc = {RAM + 0x3000, 16, 2, 0};
    uint16_t index = 1;
    assert_true(mem_map_write(&r.k.map, RAM, &desc, 16) && mem_map_write(&r.k.map, RAM + 0x1002, &index, 2));
    put(&r, notify, 2, 0);
    assert_int_equal(r.ram.host[0x300f], 15);
    assert_int_equal(r.k.level, 1 << 1);
    assert_int_equal(get(&r, isr, 1), 1);               /* and cleared by that */
    assert_int_equal(r.k.level, 0);
    unsigned msix = find_cap(&r, f, PCI_CAP_MSIX), pci = (unsigned)structure(&r, f, 5);
    put(&r, f + 0x14, 4, LOW + 0x8000);
    put(&r, LOW + 0x8010, 4, 0x123000);
    put(&r, LOW + 0x8018, 4, 5);
    put(&r, LOW + 0x801c, 4, 0);
    put(&r, f + msix + 2, 2, 0x8000);
    put(&r, common + 26, 2, 9);
    assert_int_equal(get(&r, common + 26, 2), 0xffff);  /* no such vector */
    put(&r, common + 26, 2, 1);
    index = 2;
    assert_true(mem_map_write(&r.k.map, RAM + 0x1002, &index, 2));
    put(&r, f + pci + 4, 1, 4);                         /* the notification by the window */
    put(&r, f + pci + 8, 4, (uint32_t)(notify - LOW));
    put(&r, f + pci + 12, 4, 2);
    put(&r, f + pci + 16, 2, 0);
    assert_int_equal(r.n_messages, 1);
    assert_int_equal(r.message_at, 0x123000);
    assert_int_equal(r.message, 5);
    assert_int_equal(r.k.level, 0);
    put(&r, f + pci + 8, 4, 20);
    put(&r, f + pci + 12, 4, 1);
    assert_int_equal(get(&r, f + pci + 16, 1), 15);     /* status, by the window */
    check_round_trip(d);
    put(&r, common + 20, 1, 0);
    assert_int_equal(get(&r, common + 26, 2), 0xffff);
    assert_int_equal(get(&r, common + 20, 1), 0);
    rig_clear(&r);
}

/* ---- hot plug ---- */

enum { SLOT_CAPS = 0x14, SLOT_CONTROL = 0x18, SLOT_STATUS = 0x1a, LINK_STATUS = 0x12 };

typedef struct Asked {
    MachineRequests requests;
    Device *slot;
    unsigned n;
} Asked;

static void take_ejection(void *opaque, Device *d)
{
    Asked *a = opaque;
    a->slot = d;
    a->n++;
}

/* As pciehp does it, with the pin: insertion, power, the button, letting go. */
static void slot(void **unused)
{
    Rig r;
    DevError err;
    Asked asked = {.requests = {.opaque = &asked, .eject = take_ejection}};
    rig_init(&r, false);
    assert_true(dev_set_ptr(r.k.dev, "requests", &asked.requests, &err));
    Device *port = add(&r, &pcie_root_port_class, "2", NULL, NULL);
    const uint64_t f = cfg(0, 2, 0);
    const unsigned cap = find_cap(&r, f, PCI_CAP_PCIE);
    const uint64_t control = f + cap + SLOT_CONTROL, status = f + cap + SLOT_STATUS,
                   link = f + cap + LINK_STATUS;
    assert_true(pcie_slot_is_hot(port));
    assert_int_equal(get(&r, f + cap + 2, 2) & 0x1f0, 0x140); /* a root port with a slot */
    assert_int_equal(get(&r, f + cap + SLOT_CAPS, 4) & 0x7f, 0x5b);
    assert_int_equal(get(&r, control, 2) & 0x700, 0x700);      /* empty: no power */
    assert_int_equal(get(&r, status, 2), 0);
    put(&r, f + 0x18, 4, 0x050500);
    put(&r, control, 2, 0x1739);                               /* all events, interrupts */
    assert_int_equal(get(&r, status, 2), 0x10);                /* the command is done */
    assert_int_equal(r.k.level, 1 << 2);
    put(&r, status, 2, 0x10);
    assert_int_equal(r.k.level, 0);
    Device *toy = add(&r, &toy_class, NULL, port, NULL);
    pcie_slot_filled(port, false);
    assert_int_equal(get(&r, status, 2), 0x49);                /* present, that changed, the button */
    assert_int_equal(r.k.level, 1 << 2);
    assert_int_equal(get(&r, cfg(5, 0, 0), 4), ~0u);           /* without power nothing is there */
    put(&r, status, 2, 0x09);
    assert_int_equal(r.k.level, 0);
    put(&r, control, 2, 0x1139);
    assert_int_equal(get(&r, status, 2), 0x150);               /* the link came up */
    assert_int_equal(get(&r, link, 2) & 0x2000, 0x2000);
    assert_int_equal(get(&r, cfg(5, 0, 0), 4), 0x56781234);
    put(&r, status, 2, 0x110);
    check_round_trip(port);
    assert_int_equal(get(&r, link, 2) & 0x2000, 0x2000);
    put(&r, control, 2, 0x1739);                               /* by the guest alone: it stays */
    assert_int_equal(asked.n, 0);
    put(&r, control, 2, 0x1139);
    put(&r, status, 2, 0x110);
    assert_true(pcie_slot_press(port));
    assert_false(pcie_slot_press(port));
    assert_int_equal(get(&r, status, 2), 0x41);
    put(&r, status, 2, 1);
    put(&r, control, 2, 0x1539);                               /* power off, the indicator not yet */
    assert_int_equal(asked.n, 0);
    put(&r, control, 2, 0x1739);
    assert_int_equal(asked.n, 1);
    assert_ptr_equal(asked.slot, port);
    assert_ptr_equal(pcie_slot_at(port, 0), toy);
    pci_unplug((PciFunction *)toy);
    dev_free(toy);
    pcie_slot_emptied(port);
    put(&r, status, 2, 0x118);
    assert_int_equal(get(&r, status, 2), 0);
    toy = add(&r, &toy_class, NULL, port, NULL);
    pcie_slot_filled(port, false);
    assert_true(pcie_slot_press(port)); /* nobody had switched it on */
    assert_int_equal(asked.n, 2);
    rig_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars),
        cmocka_unit_test(pins),
        cmocka_unit_test(one_message),
        cmocka_unit_test(behind_a_port),
        cmocka_unit_test(virtio),
        cmocka_unit_test(slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
