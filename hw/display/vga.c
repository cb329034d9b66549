/* The adapters as functions of PCI: BARs, ports, and what they do with the parts (vga_priv.h). BAR 2 has, at
 * 0, what the monitor says of itself, at 400 the ports 3c0 to 3df, at 500 the DISPI registers one after the
 * other, at 600 how many bytes of further registers there are, and at 604 the order of bytes in memory. */
#include "hw/display/vga_priv.h"

enum { BAR_MEMORY = 0, BAR_REGS = 2, REGS_BYTES = 4096, MOST_MB = 256 };
enum {
    AT_PORTS = 0x400,
    PORTS_BYTES = 0x20,
    AT_DISPI = 0x500,
    DISPI_BYTES = 2 * DISPI_REGS,
    AT_EXTRA = 0x600
};
enum {
    PORT_VGA = 0x3b0,
    PORT_VGA_BYTES = 0x30,
    PORT_DISPI = 0x1ce,
    WINDOW_AT = 0xa0000,
    WINDOW_BYTES = 0x20000
};
enum { EXTRA_BYTES = 8 };
#define BIG_ENDIAN_MARK    0xbebebebe
#define LITTLE_ENDIAN_MARK 0x1e1e1e1e

static bool has_vga(const Vga *v)
{
    return v->f.dev.cls == &vga_class;
}

/* ---- BAR 2 ---- */

static uint64_t regs_read(void *dev, uint64_t at, unsigned size)
{
    const Vga *v = dev;
    uint64_t value = 0;
    if (at + size <= sizeof(v->monitor) && v->edid)
        memcpy(&value, v->monitor + at, size);
    else if (at >= AT_PORTS && at + size <= AT_PORTS + PORTS_BYTES && has_vga(v))
        value = vga_port_read(dev, at - AT_PORTS + 0x10, size);
    else if (at >= AT_DISPI && at + size <= AT_DISPI + DISPI_BYTES && at % 2 == 0)
        value = vga_dispi_get(v, (unsigned)(at - AT_DISPI) / 2);
    else if (at == AT_EXTRA)
        value = EXTRA_BYTES;
    else if (at == AT_EXTRA + 4)
        value = v->big_endian ? BIG_ENDIAN_MARK : LITTLE_ENDIAN_MARK;
    return value;
}

static void regs_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Vga *v = dev;
    if (at >= AT_PORTS && at + size <= AT_PORTS + PORTS_BYTES && has_vga(v))
        vga_port_write(dev, at - AT_PORTS + 0x10, value, size);
    else if (at >= AT_DISPI && at + size <= AT_DISPI + DISPI_BYTES && at % 2 == 0)
        vga_dispi_set(v, (unsigned)(at - AT_DISPI) / 2, (uint16_t)value);
    else if (at == AT_EXTRA + 4 && (value == BIG_ENDIAN_MARK || value == LITTLE_ENDIAN_MARK))
        v->big_endian = value == BIG_ENDIAN_MARK;
}

/* ---- ports 1ce to 1d0: index, data, and data again where it is aligned ---- */

static uint64_t dispi_read(void *dev, uint64_t at, unsigned size)
{
    const Vga *v = dev;
    return at ? vga_dispi_get(v, v->dispi_index) : v->dispi_index;
}

static void dispi_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Vga *v = dev;
    if (at)
        vga_dispi_set(v, v->dispi_index, (uint16_t)value);
    else
        v->dispi_index = (uint16_t)value;
}

static const MmioOps regs_ops = {.read = regs_read, .write = regs_write, .min = 1, .max = 4};
static const MmioOps dispi_ops = {.read = dispi_read, .write = dispi_write, .min = 1, .max = 2};
static const MmioOps port_ops = {.read = vga_port_read, .write = vga_port_write, .min = 1, .max = 4};
static const MmioOps window_ops = {.read = vga_window_read, .write = vga_window_write, .min = 1, .max = 8};

/* ---- life ---- */

static bool vga_realize(Device *dev, DevError *err)
{
    Vga *v = (Vga *)dev;
    const PciIds ids = {0x1234, 0x1111, 0x1af4, 0x1100, has_vga(v) ? 0x030000 : 0x038000, 2};
    const uint64_t mb = v->vgamem_mb;
    if (!mb || mb > MOST_MB || (mb & (mb - 1)))
        return dev_fail(err, "%s: vgamem_mb is a power of two, up to %u", dev->id, (unsigned)MOST_MB);
    if (v->xres < 64 || v->xres > 4095 || v->yres < 64 || v->yres > 4095)
        return dev_fail(err, "%s: xres and yres are 64 to 4095", dev->id);
    if (!pci_init(&v->f, &v->p, &ids, NULL, err))
        return false;
    if (!ram_block_init(&v->vram, "vram", mb << 20, 0))
        return dev_fail(err, "%s: no memory", dev->id);
    v->f.conventional = true;
    pci_add_memory_bar(&v->f, BAR_MEMORY, &v->vram, PCI_BAR_PREFETCH);
    pci_add_bar(&v->f, BAR_REGS, REGS_BYTES, 0, &regs_ops, v);
    if (has_vga(v)) {
        pci_add_fixed(&v->f, true, PORT_VGA, PORT_VGA_BYTES, &port_ops, v);
        pci_add_fixed(&v->f, true, PORT_DISPI, 4, &dispi_ops, v);
        pci_add_fixed(&v->f, false, WINDOW_AT, WINDOW_BYTES, &window_ops, v);
    }
    vga_edid_make(v);
    if (v->display) {
        v->display->device = v;
        v->display->draw = vga_draw;
    }
    return true;
}

static void vga_reset(Device *dev)
{
    Vga *v = (Vga *)dev;
    pci_reset(&v->f);
    vga_regs_reset(v);
    vga_dispi_reset(v);
    v->big_endian = 0;
}

static bool vga_loaded(Device *dev, DevError *err)
{
    Vga *v = (Vga *)dev;
    if (!vga_dispi_check(v))
        return dev_fail(err, "%s: no mode of %u by %u pixels of %u bits", dev->id, v->dispi[DISPI_WIDTH],
                        v->dispi[DISPI_HEIGHT], v->dispi[DISPI_BPP]);
    return pci_check(&v->f, err);
}

static void vga_clear(Device *dev)
{
    Vga *v = (Vga *)dev;
    pci_clear(&v->f);
    ram_block_clear(&v->vram);
}

static const DevProp props[] = {
    PCI_PROPS(Vga),
    DEV_U32(Vga, vgamem_mb, "memory of pictures, in MiB", 16),
    DEV_BOOL(Vga, edid, "the monitor says what it is", true),
    DEV_U32(Vga, xres, "the width that it likes best", 1280),
    DEV_U32(Vga, yres, "the height", 800),
    DEV_PTR(Vga, display, "who looks at it"),
};
static const DevField state[] = {
    PCI_ROWS(Vga),
    DEV_ARRAY(Vga, seq),
    DEV_ARRAY(Vga, gfx),
    DEV_ARRAY(Vga, attr),
    DEV_ARRAY(Vga, crtc),
    DEV_FIELD(Vga, seq_index),
    DEV_FIELD(Vga, gfx_index),
    DEV_FIELD(Vga, attr_index),
    DEV_FIELD(Vga, crtc_index),
    DEV_FIELD(Vga, attr_data),
    DEV_FIELD(Vga, misc),
    DEV_FIELD(Vga, feature),
    DEV_ARRAY(Vga, dac),
    DEV_FIELD(Vga, dac_mask),
    DEV_FIELD(Vga, dac_read),
    DEV_FIELD(Vga, dac_write),
    DEV_FIELD(Vga, dac_part),
    DEV_FIELD(Vga, dac_state),
    DEV_ARRAY(Vga, dac_cache),
    DEV_FIELD(Vga, big_endian),
    DEV_FIELD(Vga, latch),
    DEV_ARRAY(Vga, dispi),
    DEV_FIELD(Vga, dispi_index),
};

const DevClass vga_class = {
    .name = "VGA",
    .help = "display adapter: VGA with VBE modes",
    .bus = "pci",
    .rom = "vgabios-stdvga.bin",
    .version = 1,
    DEV_TABLES(Vga, props, state),
    .realize = vga_realize,
    .reset = vga_reset,
    .loaded = vga_loaded,
    .clear = vga_clear,
};
const DevClass bochs_display_class = {
    .name = "bochs-display",
    .help = "display adapter: VBE modes alone",
    .bus = "pci",
    .rom = "vgabios-bochs-display.bin",
    .version = 1,
    DEV_TABLES(Vga, props, state),
    .realize = vga_realize,
    .reset = vga_reset,
    .loaded = vga_loaded,
    .clear = vga_clear,
};
