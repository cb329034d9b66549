/* The registers of the Bochs VBE extensions: modes by their size and depth. Values are taken whenever they
 * come; what does not fit into the memory is cut where it is shown. */
#include "hw/display/vga_priv.h"

enum { ID_FIRST = 0xb0c0, ID_LAST = 0xb0c5, MAX_WIDTH = 16000, MAX_HEIGHT = 12000, MAX_BPP = 32 };

static bool is_depth(unsigned bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

/* Bytes of so many pixels. In the planar mode eight of them are one byte of four planes. */
static uint64_t bytes_of(const Vga *v, uint64_t pixels)
{
    const unsigned bpp = v->dispi[DISPI_BPP];
    return bpp == 4 ? pixels / 8 * 4 : pixels * ((bpp + 7) / 8);
}

uint64_t vga_dispi_stride(const Vga *v)
{
    return bytes_of(v, v->dispi[DISPI_VIRT_WIDTH]);
}

uint64_t vga_dispi_start(const Vga *v)
{
    return v->dispi[DISPI_Y] * vga_dispi_stride(v) + bytes_of(v, v->dispi[DISPI_X]);
}

/* How many lines of that width there is memory for. */
static uint16_t lines_of(const Vga *v)
{
    const uint64_t stride = vga_dispi_stride(v);
    return (uint16_t)MIN(stride ? v->vram.bytes / stride : 0, (uint64_t)UINT16_MAX);
}

static void switch_on(Vga *v, uint16_t value)
{
    const bool was = vga_is_linear(v);
    v->dispi[DISPI_ENABLE] = value & (DISPI_ON | DISPI_CAPS | DISPI_8_BIT_DAC | DISPI_LINEAR | DISPI_KEEP);
    if (!vga_is_linear(v) || was)
        return;
    v->dispi[DISPI_VIRT_WIDTH] = v->dispi[DISPI_WIDTH];
    v->dispi[DISPI_VIRT_HEIGHT] = lines_of(v);
    v->dispi[DISPI_X] = v->dispi[DISPI_Y] = v->dispi[DISPI_BANK] = 0;
    if (value & DISPI_KEEP)
        return;
    const uint64_t bytes = MIN(vga_dispi_stride(v) * v->dispi[DISPI_HEIGHT], v->vram.bytes);
    memset(v->vram.host, 0, bytes);
    mem_map_note_write(v->f.dev.mem, &v->vram, 0, bytes);
}

uint16_t vga_dispi_get(const Vga *v, unsigned n)
{
    const bool caps = v->dispi[DISPI_ENABLE] & DISPI_CAPS;
    switch (n) {
    case DISPI_WIDTH: return caps ? MAX_WIDTH : v->dispi[n];
    case DISPI_HEIGHT: return caps ? MAX_HEIGHT : v->dispi[n];
    case DISPI_BPP: return caps ? MAX_BPP : v->dispi[n];
    case DISPI_MEMORY: return (uint16_t)(v->vram.bytes >> 16);
    default: return n < DISPI_REGS ? v->dispi[n] : 0;
    }
}

void vga_dispi_set(Vga *v, unsigned n, uint16_t value)
{
    dev_trace(&v->f.dev, VGA_MODE, "register %u is 0x%x", n, value);
    switch (n) {
    case DISPI_ID:
        if (value >= ID_FIRST && value <= ID_LAST)
            v->dispi[n] = value;
        break;
    case DISPI_WIDTH:
        v->dispi[n] = MIN(value, MAX_WIDTH) & ~7u;
        v->dispi[DISPI_VIRT_WIDTH] = MAX(v->dispi[DISPI_VIRT_WIDTH], v->dispi[n]);
        break;
    case DISPI_HEIGHT: v->dispi[n] = MIN(value, MAX_HEIGHT); break;
    case DISPI_BPP:
        if (!value || is_depth(value))
            v->dispi[n] = value ? value : 8;
        break;
    case DISPI_ENABLE: switch_on(v, value); break;
    case DISPI_BANK: v->dispi[n] = value & (uint16_t)((v->vram.bytes >> 16) - 1); break;
    case DISPI_VIRT_WIDTH:
        if (value >= v->dispi[DISPI_WIDTH])
            v->dispi[n] = value & ~7u;
        v->dispi[DISPI_VIRT_HEIGHT] = lines_of(v);
        break;
    case DISPI_X:
    case DISPI_Y: v->dispi[n] = value; break;
    default: break;
    }
}

bool vga_dispi_check(Vga *v)
{
    return is_depth(v->dispi[DISPI_BPP]) && v->dispi[DISPI_WIDTH] <= MAX_WIDTH &&
           v->dispi[DISPI_HEIGHT] <= MAX_HEIGHT && v->dispi[DISPI_VIRT_WIDTH] >= v->dispi[DISPI_WIDTH];
}

void vga_dispi_reset(Vga *v)
{
    memset(v->dispi, 0, sizeof(v->dispi));
    v->dispi_index = 0;
    v->dispi[DISPI_ID] = ID_LAST;
    v->dispi[DISPI_BPP] = 8;
}
