/* Which BAR answers an address is looked up in a table that each write of a header makes anew, under the
 * host's lock. Bridges pass on what lies in one of their windows. */
#include "hw/pci/pcie_host.h"
#include "hw/core/request.h"
#include "hw/pci/pci_priv.h"

#include <stdlib.h>

enum { FUNCTIONS = PCI_FUNCTIONS, BUS_SHIFT = 20, FUNCTION_SHIFT = 12, MAX_DECODES = 512, DEPTH = 8 };

#define CODE_AT   (1ull << 54)
#define CODE_STEP (1ull << 40)

typedef struct Decode {
    uint64_t start, end; /* [start, end) */
    bool io;
    MemRegion *bar;
} Decode;

struct PcieHost {
    Device dev;
    uint64_t low_base, low_bytes, high_base, high_bytes;
    uint32_t own_pins; /* slots from here on have lines of their own; 0: none */
    bool express;
    PciFunction *bridge;
    const IrqLine *intx;
    const MsiTarget *msi;
    const MachineRequests *requests;
    PciBus root;
    unsigned n_memories; /* that were plugged in so far */
    Decode *decode; /* MAX_DECODES */
    unsigned n_decodes;
    bool stale;      /* the table: a function was reset or loaded */
    Lock intx_lock; /* of the next: taken with a function's lock held */
    uint16_t raised[PCIE_LINES]; /* functions that raise each line */
    DEV_STATE_BEGIN
    DEV_STATE_END
};

bool pcie_host_has_msi(const PcieHost *h) { return h->msi != NULL; }

/* ---- topology ---- */

static PciBus *find_bus(PciBus *bus, unsigned own, unsigned number, unsigned depth)
{
    if (own == number)
        return bus;
    for (unsigned k = 0; k < FUNCTIONS && depth < DEPTH; k++) {
        PciFunction *f = bus->at[k];
        if (!f || !f->secondary)
            continue;
        unsigned first = f->s->config[PCI_SECONDARY_BUS], last = f->s->config[PCI_SUBORDINATE_BUS];
        if (first > own && number >= first && number <= last)
            return find_bus(f->secondary, first, number, depth + 1);
    }
    return NULL;
}

static unsigned bus_number(const PciBus *bus)
{
    return bus->bridge ? bus->bridge->s->config[PCI_SECONDARY_BUS] : 0;
}

PciFunction *pci_function_at(const Device *host, const PciFunction *bridge, unsigned devfn)
{
    const PciBus *bus = bridge ? bridge->secondary : &((const PcieHost *)host)->root;
    return bus && devfn < FUNCTIONS ? bus->at[devfn] : NULL;
}

const PciFunction *pci_bridge_of(const PciFunction *f) { return f->bus ? f->bus->bridge : NULL; }

static PciFunction *find_function(PcieHost *h, uint64_t ecam)
{
    PciBus *bus = find_bus(&h->root, 0, (unsigned)(ecam >> BUS_SHIFT), 0);
    return bus && !bus->off ? bus->at[ecam >> FUNCTION_SHIFT & (FUNCTIONS - 1)] : NULL;
}

/* ---- what decodes ---- */

typedef struct Window {
    uint64_t start, last;
} Window;

static Window io_window(const PciFunction *b)
{
    return (Window){(uint64_t)(pci_get(b, 0x1c, 1) & 0xf0) << 8 | (uint64_t)pci_get(b, 0x30, 2) << 16,
                    (uint64_t)(pci_get(b, 0x1d, 1) & 0xf0) << 8 | 0xfff |
                        (uint64_t)pci_get(b, 0x32, 2) << 16};
}
static Window memory_window(const PciFunction *b)
{
    return (Window){(uint64_t)(pci_get(b, 0x20, 2) & 0xfff0) << 16,
                    (uint64_t)(pci_get(b, 0x22, 2) & 0xfff0) << 16 | 0xfffff};
}
static Window prefetch_window(const PciFunction *b)
{
    return (Window){(uint64_t)(pci_get(b, 0x24, 2) & 0xfff0) << 16 | (uint64_t)pci_get(b, 0x28, 4) << 32,
                    (uint64_t)(pci_get(b, 0x26, 2) & 0xfff0) << 16 | 0xfffff |
                        (uint64_t)pci_get(b, 0x2c, 4) << 32};
}
static bool lies_in(Window w, uint64_t start, uint64_t last) { return start >= w.start && last <= w.last; }

static bool bridges_pass(const PciFunction *f, bool io, uint64_t start, uint64_t last)
{
    for (const PciFunction *b = f->bus->bridge; b; b = b->bus->bridge) {
        unsigned need = io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
        bool passes = io ? lies_in(io_window(b), start, last)
                         : lies_in(memory_window(b), start, last) || lies_in(prefetch_window(b), start, last);
        if (!(b->s->config[PCI_COMMAND] & need) || !passes)
            return false;
    }
    return true;
}

static void add_decode(PcieHost *h, uint64_t base, bool io, MemRegion *r)
{
    if (h->n_decodes < MAX_DECODES)
        h->decode[h->n_decodes++] = (Decode){base, base + r->bytes, io, r};
}

/* Memory is where a window shows all of it. True: that has changed. */
static bool show_memory(PcieHost *h, MemRegion *r, bool decodes, uint64_t bus)
{
    const uint64_t begin[] = {[PCIE_LOW] = h->low_base, [PCIE_HIGH] = h->high_base};
    const bool was_off = r->off;
    const uint64_t was = r->base;
    r->off = true;
    for (unsigned k = PCIE_LOW; decodes && k <= PCIE_HIGH; k++) {
        const MemRegion *w = &h->dev.region[k];
        const uint64_t at = bus - begin[k];
        if (!w->map || bus < begin[k] || at >= w->bytes || r->bytes > w->bytes - at)
            continue;
        r->off = false;
        r->base = w->base + at;
        r->priority = (int8_t)(w->priority + 1);
    }
    return r->off != was_off || (!r->off && r->base != was);
}

/* True: the machine's map is to be made anew. */
static bool add_function(PcieHost *h, PciFunction *f, bool power)
{
    bool changed = false;
    for (unsigned n = 0; n < PCI_N_WINDOWS; n++) {
        uint64_t base = 0;
        MemRegion *r = &f->bar[n];
        const bool io = f->bar_flags[n] & PCI_BAR_IO;
        const bool decodes =
            power && pci_bar_base(f, n, &base) && bridges_pass(f, io, base, base + r->bytes - 1);
        if (decodes)
            add_decode(h, base, io, r);
        if (r->kind != MEM_MMIO && r->map)
            changed |= show_memory(h, r, decodes, base);
    }
    for (unsigned n = 0; n < f->n_fixed && power && !f->bus->bridge; n++) {
        const PciFixed *x = &f->fixed[n];
        if (f->s->config[PCI_COMMAND] & (x->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY))
            add_decode(h, x->base, x->io, &f->fixed[n].region);
    }
    return changed;
}

static bool add_decodes(PcieHost *h, PciBus *bus, bool power)
{
    bool changed = false;
    power = power && !bus->off;
    for (unsigned k = 0; k < FUNCTIONS; k++) {
        PciFunction *f = bus->at[k];
        if (f)
            changed |= add_function(h, f, power);
        if (f && f->secondary)
            changed |= add_decodes(h, f->secondary, power);
    }
    return changed;
}

void pcie_host_stale(PcieHost *h) { __atomic_store_n(&h->stale, true, __ATOMIC_RELEASE); }

static void decode_anew(PcieHost *h)
{
    __atomic_store_n(&h->stale, false, __ATOMIC_RELAXED);
    h->n_decodes = 0;
    if (add_decodes(h, &h->root, true))
        mem_map_update(h->dev.mem);
}

/* The part of a window that an access meets. */
static bool find_bar(PcieHost *h, bool io, uint64_t at, unsigned size, MemRange *ret, uint64_t *ret_at)
{
    bool found = false;
    lock_take(&h->dev.lock);
    if (__atomic_load_n(&h->stale, __ATOMIC_ACQUIRE))
        decode_anew(h);
    for (unsigned k = 0; !found && k < h->n_decodes; k++) {
        const Decode *d = &h->decode[k];
        found = d->io == io && at >= d->start && at < d->end && size <= d->end - at;
        if (found) {
            *ret = (MemRange){.end = d->end - d->start, .region = d->bar};
            *ret_at = at - d->start;
        }
    }
    lock_release(&h->dev.lock);
    return found;
}

static uint64_t window_read(PcieHost *h, bool io, uint64_t at, unsigned size)
{
    MemRange r;
    uint64_t v;
    return find_bar(h, io, at, size, &r, &at) && mem_range_read(&r, at, size, &v) ? v : ~0ull;
}

static void window_write(PcieHost *h, bool io, uint64_t at, uint64_t value, unsigned size)
{
    MemRange r;
    if (find_bar(h, io, at, size, &r, &at))
        mem_range_write(h->dev.mem, &r, at, size, value);
}

static uint64_t io_read(void *dev, uint64_t at, unsigned size) { return window_read(dev, true, at, size); }
static void io_write(void *dev, uint64_t at, uint64_t v, unsigned size)
{
    window_write(dev, true, at, v, size);
}
static uint64_t low_read(void *dev, uint64_t at, unsigned size)
{
    return window_read(dev, false, ((PcieHost *)dev)->low_base + at, size);
}
static void low_write(void *dev, uint64_t at, uint64_t v, unsigned size)
{
    window_write(dev, false, ((PcieHost *)dev)->low_base + at, v, size);
}
static uint64_t high_read(void *dev, uint64_t at, unsigned size)
{
    return window_read(dev, false, ((PcieHost *)dev)->high_base + at, size);
}
static void high_write(void *dev, uint64_t at, uint64_t v, unsigned size)
{
    window_write(dev, false, ((PcieHost *)dev)->high_base + at, v, size);
}

uint64_t pcie_host_memory_read(Device *host, uint64_t at, unsigned size)
{
    return window_read((PcieHost *)host, false, at, size);
}
void pcie_host_memory_write(Device *host, uint64_t at, uint64_t value, unsigned size)
{
    window_write((PcieHost *)host, false, at, value, size);
}

/* ---- configuration ---- */

uint32_t pcie_host_config_read(Device *host, uint64_t at, unsigned size)
{
    PcieHost *h = (PcieHost *)host;
    lock_take(&h->dev.lock);
    PciFunction *f = find_function(h, at);
    uint32_t v = f ? pci_config_read(f, at % PCI_CONFIG_BYTES, size) : ~0u;
    lock_release(&h->dev.lock);
    return v;
}

void pcie_host_config_write(Device *host, uint64_t at, uint32_t value, unsigned size)
{
    PcieHost *h = (PcieHost *)host;
    lock_take(&h->dev.lock);
    PciFunction *f = find_function(h, at);
    if (f && pci_config_write(f, at % PCI_CONFIG_BYTES, value, size))
        decode_anew(h);
    lock_release(&h->dev.lock);
}

static uint64_t ecam_read(void *dev, uint64_t at, unsigned size)
{
    return pcie_host_config_read(dev, at, size);
}
/* SeaBIOS, woken, places the window by writes through it, the first of which would turn it off. */
static void ecam_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    const PcieHost *h = dev;
    if (h->bridge && h->bridge->window_at && at == h->bridge->window_at && !(value & 1))
        return;
    pcie_host_config_write(dev, at, (uint32_t)value, size);
}

/* ---- interrupts ---- */

/* The line of a pin on the root bus. */
static unsigned line_of(const PcieHost *h, unsigned slot, unsigned pin)
{
    return h->own_pins && slot >= h->own_pins ? 4 + pin % 4 : (pin + slot) % 4;
}

/* On its way up a pin is turned by the slot at each bridge. */
void pcie_host_intx(PciFunction *f, bool level)
{
    PcieHost *h = f->host;
    unsigned pin = f->shape->initial[PCI_INTERRUPT_PIN] - 1u, slot = f->devfn >> 3;
    for (const PciFunction *b = f->bus->bridge; b; b = b->bus->bridge) {
        pin += slot;
        slot = b->devfn >> 3;
    }
    const unsigned n = line_of(h, slot, pin);
    lock_take(&h->intx_lock);
    h->raised[n] = (uint16_t)(h->raised[n] + (level ? 1 : -1));
    irq_set(h->intx ? &h->intx[n] : NULL, h->raised[n] != 0);
    lock_release(&h->intx_lock);
}

void pcie_host_msi(PciFunction *f, uint64_t address, uint32_t data)
{
    const MsiTarget *m = f->host ? f->host->msi : NULL;
    if (m) /* not unplugged */
        m->send(m->receiver, address, data, bus_number(f->bus) << 8 | f->devfn);
}

void pcie_host_eject(PciFunction *f)
{
    const MachineRequests *r = f->host->requests;
    if (r && r->eject)
        r->eject(r->opaque, &f->dev);
}

/* ---- plugging ---- */

static bool parse_place(const PciFunction *f, unsigned *ret_devfn)
{
    unsigned part[2] = {0, 0}, n = 0, digits = 0;
    for (const char *p = f->addr; *p; p++) {
        unsigned digit = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0') : (unsigned)((*p | 32) - 'a') + 10;
        if (p == f->addr && p[0] == '0' && (p[1] | 32) == 'x') {
            p++;
        } else if (*p == '.' && n == 0 && digits) {
            n++;
            digits = 0;
        } else if (digit < 16 && digits++ < 2) {
            part[n] = part[n] * 16 + digit;
        } else {
            return false;
        }
    }
    *ret_devfn = part[0] << 3 | part[1];
    return digits && part[0] < 32 && part[1] < 8;
}

/* Memory of functions has addresses as code of its own. */
static bool add_memories(PcieHost *h, PciFunction *f, DevError *err)
{
    for (unsigned n = 0; n < PCI_N_WINDOWS; n++) {
        if (!f->bar[n].ram)
            continue;
        f->bar[n].ram->base = CODE_AT + (uint64_t)h->n_memories++ * CODE_STEP;
        if (!mem_map_add(h->dev.mem, &f->bar[n]))
            return dev_fail(err, "%s: too many regions of memory", f->dev.id);
    }
    return true;
}

bool pci_plug(Device *host, Device *root_port, PciFunction *f, DevError *err)
{
    PcieHost *h = (PcieHost *)host;
    PciBus *bus = root_port ? ((PciFunction *)root_port)->secondary : &h->root;
    unsigned devfn = 0;
    if (f->addr[0] && !parse_place(f, &devfn))
        return dev_fail(err, "%s: '%s' is no place on a bus", f->dev.id, f->addr);
    while (!f->addr[0] && devfn < FUNCTIONS && bus->at[devfn])
        devfn += 8;
    if (devfn >= FUNCTIONS || bus->at[devfn] || (root_port && devfn >> 3))
        return dev_fail(err, "%s: the place on the bus is taken, or there is none", f->dev.id);
    if (devfn & 7 && bus->at[devfn & ~7u])
        bus->at[devfn & ~7u]->shape->initial[PCI_HEADER_TYPE] |= 0x80; /* it has several functions */
    f->host = h;
    f->bus = bus;
    f->devfn = (uint8_t)devfn;
    bus->at[devfn] = f;
    pci_msi_install(f);
    pci_msix_install(f);
    if (h->express && !f->conventional && !f->secondary && h->root.at[0] != f)
        pci_add_express(f, bus == &h->root ? PCIE_INTEGRATED : PCIE_ENDPOINT);
    return add_memories(h, f, err);
}

void pci_unplug(PciFunction *f)
{
    PcieHost *h = f->host;
    if (!h)
        return;
    lock_take(f->lock);
    pci_set_intx(f, false);
    f->host = NULL; /* its own threads go on until it is cleared, but are not heard any more */
    lock_release(f->lock);
    lock_take(&h->dev.lock);
    f->bus->at[f->devfn] = NULL;
    for (unsigned n = 0; n < PCI_N_WINDOWS; n++)
        if (f->bar[n].map)
            mem_map_remove(f->bar[n].map, &f->bar[n]);
    decode_anew(h);
    lock_release(&h->dev.lock);
}

/* ---- the host bridge, and itself as function 0 of its bus ---- */

typedef struct HostFunction {
    PciFunction f;
    DEV_STATE_BEGIN
    PciState p;
    DEV_STATE_END
} HostFunction;

static bool function_realize(Device *dev, DevError *err)
{
    static const PciIds ids = {0x1b36, 0x0008, 0x1af4, 0x1100, 0x060000, 0};
    HostFunction *g = (HostFunction *)dev;
    return pci_init(&g->f, &g->p, &ids, NULL, err);
}
static void function_reset(Device *dev) { pci_reset((PciFunction *)dev); }
static bool function_loaded(Device *dev, DevError *err) { return pci_check((PciFunction *)dev, err); }
static void function_clear(Device *dev) { pci_clear((PciFunction *)dev); }

static const DevProp function_props[] = {PCI_PROPS(HostFunction)};
static const DevField function_state[] = {PCI_ROWS(HostFunction)};
static const DevClass function_class = {
    .name = "pcie-host-function", .help = "the host bridge as a function", .version = 1,
    DEV_TABLES(HostFunction, function_props, function_state),
    .realize = function_realize, .reset = function_reset, .loaded = function_loaded, .clear = function_clear,
};

static const MmioOps ecam_ops = {.read = ecam_read, .write = ecam_write, .min = 1, .max = 4};
static const MmioOps io_ops = {.read = io_read, .write = io_write, .min = 1, .max = 4};
static const MmioOps low_ops = {.read = low_read, .write = low_write, .min = 1, .max = 8};
static const MmioOps high_ops = {.read = high_read, .write = high_write, .min = 1, .max = 8};

static bool host_realize(Device *dev, DevError *err)
{
    PcieHost *h = (PcieHost *)dev;
    const struct {
        const char *name;
        const MmioOps *ops;
        uint64_t bytes;
    } rows[] = {{"pcie-ecam", &ecam_ops, 256 << 20},
                {"pcie-io", &io_ops, 64 << 10},
                {"pcie-memory", &low_ops, h->low_bytes},
                {"pcie-memory-high", &high_ops, h->high_bytes}};
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++)
        dev_add_mmio(dev, rows[k].name, rows[k].ops, rows[k].bytes)->lock = NULL; /* takes its own */
    lock_init(&h->intx_lock, LOCK_RANK_DEVICE);
    h->decode = malloc(MAX_DECODES * sizeof(*h->decode));
    if (h->bridge)
        return h->decode ? pci_plug(dev, NULL, h->bridge, err) : dev_fail(err, "no memory");
    Device *self = h->decode ? dev_new(&function_class, dev, "pcie.0") : NULL;
    if (!self)
        return dev_fail(err, "no memory");
    return dev_realize(self, dev->mem, dev->clock, err) && pci_plug(dev, NULL, (PciFunction *)self, err);
}

static void host_clear(Device *dev) { free(((PcieHost *)dev)->decode); }

static const DevProp props[] = {
    DEV_U64(PcieHost, low_base, "bus address of the memory window below 4 GiB", 0x40000000),
    DEV_U64(PcieHost, low_bytes, "its size", 0x40000000),
    DEV_U64(PcieHost, high_base, "bus address of the memory window above", 0x400000000),
    DEV_U64(PcieHost, high_bytes, "its size", 0x400000000),
    DEV_U32(PcieHost, own_pins, "slots from here on have lines of their own, 4 to 7; 0: none", 0),
    DEV_BOOL(PcieHost, express, "functions have the capability of PCI Express", true),
    DEV_PTR(PcieHost, bridge, "function 0, not plugged in; none: one of its own"),
    DEV_PTR(PcieHost, intx, "a line for each interrupt pin"),
    DEV_PTR(PcieHost, msi, "what takes messages"),
    DEV_PTR(PcieHost, requests, "who takes out a device that the guest has let go"),
};

const DevClass pcie_host_class = {
    .name = "pcie-host", .help = "PCI Express host bridge", .version = 1,
    .size = sizeof(PcieHost), .state_begin = offsetof(PcieHost, state_begin),
    .state_end = offsetof(PcieHost, state_end), .props = props, .n_props = ARRAY_SIZE(props),
    .realize = host_realize, .clear = host_clear,
};
