#include "hw/pci/pci.h"

#include <stdlib.h>

enum { PCI_ROM_ON = 1 };

static uint32_t load(const uint8_t *bytes, unsigned at, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, bytes + at, size);
    return v;
}

uint32_t pci_get(const PciFunction *f, unsigned at, unsigned size) { return load(f->s->config, at, size); }

void pci_shape(PciFunction *f, unsigned at, unsigned size, uint32_t initial, uint32_t writable)
{
    memcpy(f->shape->initial + at, &initial, size);
    memcpy(f->shape->writable + at, &writable, size);
}

bool pci_init(PciFunction *f, PciState *s, const PciIds *ids, Lock *lock, DevError *err)
{
    f->s = s;
    f->lock = lock ? lock : &f->dev.lock;
    f->shape = calloc(1, sizeof(*f->shape));
    if (!f->shape)
        return dev_fail(err, "no memory");
    pci_shape(f, PCI_VENDOR, 2, ids->vendor, 0);
    pci_shape(f, PCI_DEVICE, 2, ids->device, 0);
    pci_shape(f, PCI_REVISION, 4, ids->class_code << 8 | ids->revision, 0);
    pci_shape(f, PCI_COMMAND, 2, 0,
              PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | 0x140 | PCI_COMMAND_NO_INTX);
    pci_shape(f, 0x0c, 1, 0, 0xff); /* cache line size */
    pci_shape(f, PCI_SUBSYSTEM_VENDOR, 2, ids->subsystem_vendor, 0);
    pci_shape(f, PCI_SUBSYSTEM, 2, ids->subsystem, 0);
    pci_shape(f, PCI_INTERRUPT_LINE, 1, 0, 0xff);
    pci_shape(f, PCI_HEADER_TYPE, 1, f->multifunction ? 0x80 : 0, 0);
    f->shape->clears[PCI_STATUS + 1] = 0xf9; /* errors and aborts that were seen */
    f->cap_at = 0x40;
    return true;
}

void pci_clear(PciFunction *f)
{
    for (unsigned n = 0; n < PCI_N_WINDOWS; n++)
        if (f->bar[n].map)
            mem_map_remove(f->bar[n].map, &f->bar[n]);
    ram_block_clear(&f->rom);
    free(f->shape);
    f->shape = NULL;
}

void pci_reset(PciFunction *f)
{
    for (unsigned at = 0; at < PCI_CONFIG_BYTES; at++)
        if (!f->waking || !f->shape->stays[at])
            f->s->config[at] = f->shape->initial[at];
    memset(f->s->msix, 0, sizeof(f->s->msix));
    for (unsigned k = 0; k < f->msix_vectors; k++)
        f->s->msix[4 * k + 3] = 1; /* masked */
    f->s->msix_pending = 0;
    pci_set_intx(f, false);
    if (f->host)
        pcie_host_stale(f->host);
}

void pci_stays(PciFunction *f, unsigned at, unsigned size)
{
    memset(f->shape->stays + at, true, size);
}

bool pci_check(PciFunction *f, DevError *err)
{
    for (unsigned at = 0; at < PCI_CONFIG_BYTES; at++) {
        const PciShape *shape = f->shape;
        uint8_t fixed = (uint8_t) ~(shape->writable[at] | shape->clears[at] | shape->moves[at]);
        if (at != PCI_STATUS && ((f->s->config[at] ^ shape->initial[at]) & fixed) && !f->reading)
            return dev_fail(err, "%s: byte 0x%x of the configuration cannot be 0x%x", f->dev.id, at,
                            f->s->config[at]);
    }
    f->s->intx &= 1;
    pci_set_intx(f, f->s->intx);
    if (f->host)
        pcie_host_stale(f->host);
    return true;
}

void pci_add_bar(PciFunction *f, unsigned n, uint64_t bytes, unsigned flags, const MmioOps *ops, void *dev)
{
    unsigned at = PCI_BARS + 4 * n;
    uint64_t mask = ~(bytes - 1);
    f->bar[n] = (MemRegion){.kind = MEM_MMIO, .bytes = bytes, .ops = ops, .dev = dev, .lock = f->lock};
    f->bar_flags[n] = (uint8_t)flags;
    pci_shape(f, at, 4, flags, (uint32_t)mask & (flags & PCI_BAR_IO ? ~3u : ~15u));
    if (flags & PCI_BAR_64)
        pci_shape(f, at + 4, 4, 0, (uint32_t)(mask >> 32));
}

static void add_memory(PciFunction *f, unsigned n, MemKind kind, RamBlock *ram)
{
    Fmt name = FMT_ON(f->bar[n].name);
    f->bar[n].kind = kind;
    f->bar[n].ram = ram;
    f->bar[n].bytes = ram->bytes;
    f->bar[n].off = true;
    fmt_puts(&name, ram->name);
}

void pci_add_memory_bar(PciFunction *f, unsigned n, RamBlock *ram, unsigned flags)
{
    pci_add_bar(f, n, ram->bytes, flags, NULL, f);
    add_memory(f, n, MEM_RAM, ram);
}

void pci_add_fixed(PciFunction *f, bool io, uint64_t base, uint64_t bytes, const MmioOps *ops, void *dev)
{
    const MemRegion r = {.kind = MEM_MMIO, .bytes = bytes, .ops = ops, .dev = dev, .lock = f->lock};
    f->fixed[f->n_fixed++] = (PciFixed){.region = r, .base = base, .io = io};
}

bool pci_set_rom(PciFunction *f, const uint8_t *bytes, size_t n, DevError *err)
{
    enum { MOST = 16 << 20 };
    uint64_t room = 4096;
    while (room < n && room < MOST)
        room *= 2;
    if (n > room)
        return dev_fail(err, "%s: an option ROM of %lu bytes", f->dev.id, (unsigned long)n);
    if (!n || !f->rombar)
        return true;
    if (!ram_block_init(&f->rom, "option-rom", room, 0))
        return dev_fail(err, "no memory for the option ROM of %s", f->dev.id);
    memcpy(f->rom.host, bytes, n);
    memset(f->rom.host + n, 0xff, room - n);
    add_memory(f, PCI_ROM, MEM_ROM, &f->rom);
    pci_shape(f, PCI_ROM_BASE, 4, 0, (uint32_t)~(room - 1) | PCI_ROM_ON);
    return true;
}

unsigned pci_add_cap(PciFunction *f, unsigned id, unsigned bytes)
{
    uint8_t *initial = f->shape->initial;
    unsigned at = f->cap_at;
    initial[at] = (uint8_t)id;
    initial[f->cap_last ? f->cap_last + 1u : PCI_CAPABILITIES] = (uint8_t)at;
    initial[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
    f->cap_last = (uint8_t)at;
    f->cap_at = (uint8_t)align_up(at + bytes, 4);
    return at;
}

void pci_add_express(PciFunction *f, unsigned type)
{
    enum {
        BYTES = 0x3c,
        VERSION = 2,
        DEVICE_CONTROL = 0x08,
        LINK_CAPS = 0x0c,
        LINK_CONTROL = 0x10,
        LINK_STATUS = 0x12,
        DEVICE_CAPS = 0x04,
        LINK_CONTROL2 = 0x30,
        LINK_X1_2500 = 0x11,
        ACTIVE = 0x2000
    };
    unsigned at = f->express_at = (uint8_t)pci_add_cap(f, PCI_CAP_PCIE, BYTES);
    pci_shape(f, at + 2, 2, VERSION | type << 4, 0);
    pci_shape(f, at + DEVICE_CAPS, 4, 0x8000, 0);        /* errors are reported by role */
    pci_shape(f, at + DEVICE_CONTROL, 2, 0, 0x781f);     /* reads of any size; error reports */
    f->shape->clears[at + DEVICE_CONTROL + 2] = 0x0f;
    if (type == PCIE_INTEGRATED)
        return; /* has no link */
    pci_shape(f, at + LINK_CAPS, 4, LINK_X1_2500 | (type == PCIE_ROOT_PORT ? 0x100000 : 0), 0);
    pci_shape(f, at + LINK_CONTROL, 2, 0, 0x00eb);
    pci_shape(f, at + LINK_STATUS, 2, LINK_X1_2500 | (type == PCIE_ROOT_PORT ? ACTIVE : 0), 0);
    pci_shape(f, at + LINK_CONTROL2, 2, 1, 0x0f);
}

bool pci_is_master(const PciFunction *f) { return f->s->config[PCI_COMMAND] & PCI_COMMAND_MASTER; }

void pci_set_intx(PciFunction *f, bool level)
{
    f->s->intx = level;
    f->s->config[PCI_STATUS] =
        (uint8_t)((f->s->config[PCI_STATUS] & ~PCI_STATUS_INTX) | (level ? PCI_STATUS_INTX : 0));
    bool out = level && !(pci_get(f, PCI_COMMAND, 2) & PCI_COMMAND_NO_INTX);
    if (out == f->intx_out || !f->host)
        return;
    f->intx_out = out;
    dev_trace(&f->dev, PCI_PIN, "%u", out);
    pcie_host_intx(f, out);
}

bool pci_bar_base(const PciFunction *f, unsigned n, uint64_t *ret)
{
    unsigned at = n == PCI_ROM ? PCI_ROM_BASE : PCI_BARS + 4 * n, flags = f->bar_flags[n];
    unsigned need = flags & PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
    if (!f->bar[n].bytes || !(f->s->config[PCI_COMMAND] & need) ||
        (n == PCI_ROM && !(f->s->config[at] & PCI_ROM_ON)))
        return false;
    *ret = pci_get(f, at, 4) & ~(uint64_t)(n == PCI_ROM ? 0x7ff : flags & PCI_BAR_IO ? 3 : 15);
    if (flags & PCI_BAR_64)
        *ret |= (uint64_t)pci_get(f, at + 4, 4) << 32;
    return *ret + f->bar[n].bytes - 1 >= *ret;
}

uint32_t pci_config_read(PciFunction *f, unsigned at, unsigned size)
{
    lock_take(f->lock);
    if (f->reading)
        f->reading(f, at, size);
    uint32_t v = pci_get(f, at, size);
    lock_release(f->lock);
    return v;
}

bool pci_config_write(PciFunction *f, unsigned at, uint32_t value, unsigned size)
{
    lock_take(f->lock);
    for (unsigned k = at; k < at + size; k++, value >>= 8) {
        const uint8_t writable = f->shape->writable[k], clears = f->shape->clears[k];
        uint8_t *c = &f->s->config[k];
        *c = (uint8_t)(((*c & ~writable) | (value & writable)) & ~(value & clears));
    }
    if (at < PCI_COMMAND + 2 && at + size > PCI_COMMAND)
        pci_set_intx(f, f->s->intx);
    if (f->msix_at)
        pci_msix_written(f, at, size);
    if (f->written)
        f->written(f, at, size);
    lock_release(f->lock);
    return at < 0x40;
}
