/* Ports 3b0 to 3df of the VGA. Those of the CRT controller and the status stand twice, for monochrome and for
 * colour; miscellaneous output says which answers. */
#include "hw/display/vga_priv.h"
#include "hw/core/clock.h"

enum { PORT_BASE = 0x3b0 };
enum { MISC_COLOR = 1, MISC_CLOCK_SHIFT = 2 };
enum { STATUS_NO_DISPLAY = 1, STATUS_RETRACE = 8, SENSE = 0x10 };
enum { CRTC_PROTECT = 0x80 };
enum { DAC_READING = 3 };

/* ---- time ---- */

static unsigned crtc_line(const Vga *v, unsigned low, unsigned bit8, unsigned bit9)
{
    const uint8_t over = v->crtc[CRTC_OVERFLOW];
    return v->crtc[low] | (over >> bit8 & 1u) << 8 | (over >> bit9 & 1u) << 9;
}

/* Where the beam is, from the time and what the CRT controller was told. */
static uint8_t beam(const Vga *v)
{
    static const uint32_t hz[] = {25175000, 28322000, 25175000, 25175000};
    const unsigned dots = (v->crtc[CRTC_H_TOTAL] + 5u) * (v->seq[SEQ_CLOCKING] & CLOCKING_8_DOTS ? 8 : 9) *
                          (v->seq[SEQ_CLOCKING] & CLOCKING_HALF ? 2 : 1);
    const uint64_t line_ns = (uint64_t)dots * 1000000000 / hz[v->misc >> MISC_CLOCK_SHIFT & 3];
    const unsigned total = crtc_line(v, CRTC_V_TOTAL, 0, 5) + 2,
                   shown = crtc_line(v, CRTC_V_DISPLAY_END, 1, 6);
    const unsigned sync = crtc_line(v, CRTC_V_SYNC_START, 2, 7);
    const unsigned sync_end = sync + ((v->crtc[CRTC_V_SYNC_END] - sync) & 15);
    const uint64_t now = clock_now(v->f.dev.clock) % MAX(line_ns * total, 1);
    const unsigned line = (unsigned)(now / MAX(line_ns, 1));
    const uint64_t dot = now % MAX(line_ns, 1) * dots / MAX(line_ns, 1);
    const bool in_line = dot < dots * (v->crtc[CRTC_H_DISPLAY_END] + 1ull) / (v->crtc[CRTC_H_TOTAL] + 5u);
    return (uint8_t)((line > shown || !in_line ? STATUS_NO_DISPLAY : 0) |
                     (line >= sync && line < MAX(sync_end, sync + 1) ? STATUS_RETRACE : 0));
}

/* ---- writes ---- */

static void write_attr(Vga *v, uint8_t value)
{
    static const uint8_t bits[] = {[ATTR_MODE] = 0xef, 0xff, 0x3f, 0x0f, 0x0f};
    const unsigned n = v->attr_index & 0x1f;
    if (!v->attr_data)
        v->attr_index = value & 0x3f;
    else if (n < ATTR_MODE) /* while it shows them, they cannot be written */
        v->attr[n] = v->attr_index & ATTR_INDEX_VIDEO ? v->attr[n] : value & 0x3f;
    else if (n < ARRAY_SIZE(bits))
        v->attr[n] = value & bits[n];
    v->attr_data = !v->attr_data;
}

static void write_seq(Vga *v, uint8_t value)
{
    static const uint8_t bits[VGA_SEQ_REGS] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
    v->seq[v->seq_index & 7] = value & bits[v->seq_index & 7];
}

static void write_gfx(Vga *v, uint8_t value)
{
    static const uint8_t bits[VGA_GFX_REGS] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
    v->gfx[v->gfx_index & 15] = value & bits[v->gfx_index & 15];
}

static void write_crtc(Vga *v, uint8_t value)
{
    const unsigned n = v->crtc_index & 0x1f;
    const bool closed = v->crtc[CRTC_V_SYNC_END] & CRTC_PROTECT;
    if (n > CRTC_LINE_COMPARE)
        return;
    if (closed && n == CRTC_OVERFLOW) /* line compare's part of it is open */
        v->crtc[n] = (uint8_t)((v->crtc[n] & ~0x10) | (value & 0x10));
    else if (!closed || n > CRTC_OVERFLOW)
        v->crtc[n] = value;
}

static void write_dac(Vga *v, uint8_t value)
{
    const unsigned part = v->dac_part % 3;
    if (part < 2) {
        v->dac_cache[part] = value;
        v->dac_part = (uint8_t)(part + 1);
        return;
    }
    uint8_t *to = &v->dac[3 * v->dac_write];
    to[0] = v->dac_cache[0];
    to[1] = v->dac_cache[1];
    to[2] = value;
    v->dac_part = 0;
    v->dac_write++;
}

static bool is_other_half(const Vga *v, unsigned port)
{
    const bool color = v->misc & MISC_COLOR;
    return (port >= 0x3b0 && port <= 0x3bf && color) || (port >= 0x3d0 && port <= 0x3df && !color);
}

static void write_byte(Vga *v, unsigned port, uint8_t value)
{
    if (is_other_half(v, port))
        return;
    switch (port) {
    case 0x3c0: write_attr(v, value); break;
    case 0x3c2: v->misc = value & 0xef; break;
    case 0x3c4: v->seq_index = value & 7; break;
    case 0x3c5: write_seq(v, value); break;
    case 0x3c6: v->dac_mask = value; break;
    case 0x3c7:
        v->dac_read = value;
        v->dac_part = 0;
        v->dac_state = DAC_READING;
        break;
    case 0x3c8:
        v->dac_write = value;
        v->dac_part = 0;
        v->dac_state = 0;
        break;
    case 0x3c9: write_dac(v, value); break;
    case 0x3ce: v->gfx_index = value & 15; break;
    case 0x3cf: write_gfx(v, value); break;
    case 0x3b4:
    case 0x3d4: v->crtc_index = value & 0x1f; break;
    case 0x3b5:
    case 0x3d5: write_crtc(v, value); break;
    case 0x3ba:
    case 0x3da: v->feature = value & 0x10; break;
    default: break;
    }
}

/* ---- reads ---- */

static uint8_t read_dac(Vga *v)
{
    const uint8_t value = v->dac[3 * v->dac_read + v->dac_part % 3];
    v->dac_part = (uint8_t)((v->dac_part + 1) % 3);
    v->dac_read = (uint8_t)(v->dac_read + !v->dac_part);
    return value;
}

static uint8_t read_byte(Vga *v, unsigned port)
{
    if (is_other_half(v, port))
        return 0xff;
    switch (port) {
    case 0x3c0: return v->attr_data ? 0 : v->attr_index;
    case 0x3c1: return v->attr[v->attr_index & 0x1f];
    case 0x3c2: return SENSE;
    case 0x3c4: return v->seq_index;
    case 0x3c5: return v->seq[v->seq_index & 7];
    case 0x3c6: return v->dac_mask;
    case 0x3c7: return v->dac_state;
    case 0x3c8: return v->dac_write;
    case 0x3c9: return read_dac(v);
    case 0x3ca: return v->feature;
    case 0x3cc: return v->misc;
    case 0x3ce: return v->gfx_index;
    case 0x3cf: return v->gfx[v->gfx_index & 15];
    case 0x3b4:
    case 0x3d4: return v->crtc_index;
    case 0x3b5:
    case 0x3d5: return v->crtc[v->crtc_index & 0x1f];
    case 0x3ba:
    case 0x3da: v->attr_data = 0; return beam(v);
    default: return 0xff;
    }
}

uint64_t vga_port_read(void *dev, uint64_t at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned k = 0; k < size; k++)
        value |= (uint64_t)read_byte(dev, PORT_BASE + (unsigned)at + k) << 8 * k;
    return value;
}

void vga_port_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    for (unsigned k = 0; k < size; k++)
        write_byte(dev, PORT_BASE + (unsigned)at + k, (uint8_t)(value >> 8 * k));
}

void vga_regs_reset(Vga *v)
{
    memset((char *)v + offsetof(Vga, seq), 0, offsetof(Vga, dispi) - offsetof(Vga, seq));
    v->dac_mask = 0xff;
    v->misc = MISC_COLOR; /* firmware looks for it there */
    v->gfx[GFX_BIT_MASK] = 0xff;
}
