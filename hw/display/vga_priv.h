/*
 * The parts of a display adapter, private to hw/display: registers, memory as the VGA's window shows it, the
 * picture. After the IBM VGA's documentation (the IBM PS/2 Hardware Interface Technical Reference; FreeVGA)
 * and that of the Bochs VBE extensions (VBE DISPI).
 *
 * Memory: byte 4 * n + p is byte n of plane p, however a mode addresses it (odd/even, chain 4: their unused
 * low bits of an address are left out). So what the CRT controller counts is n in every mode, and chain 4 and
 * the linear modes are memory as it lies there.
 *
 * Called with the device's lock held. Every index that is not checked here is masked at its use: a state that
 * was loaded may have anything.
 */
#ifndef HW_DISPLAY_VGA_PRIV_H
#define HW_DISPLAY_VGA_PRIV_H

#include "hw/display/vga.h"

enum { VGA_SEQ_REGS = 8, VGA_GFX_REGS = 16, VGA_ATTR_REGS = 32, VGA_CRTC_REGS = 32, VGA_COLORS = 256 };

/* Sequencer, graphics controller, CRT controller, attribute controller: registers of which bits have names.
 */
enum { SEQ_CLOCKING = 1, SEQ_MAP_MASK = 2, SEQ_FONTS = 3, SEQ_MEMORY = 4 };
enum { CLOCKING_8_DOTS = 1, CLOCKING_HALF = 8, CLOCKING_SCREEN_OFF = 0x20 };
enum { MEMORY_NO_ODD_EVEN = 4, MEMORY_CHAIN4 = 8 };
enum {
    GFX_SET_RESET,
    GFX_ENABLE_SET_RESET,
    GFX_COMPARE,
    GFX_ROTATE,
    GFX_READ_MAP,
    GFX_MODE,
    GFX_MISC,
    GFX_DONT_CARE,
    GFX_BIT_MASK
};
enum { MODE_COMPARE = 8, MODE_ODD_EVEN = 0x10, MODE_SHIFT_CGA = 0x20, MODE_SHIFT_256 = 0x40 };
enum { MISC_GRAPHICS = 1 };
enum {
    CRTC_H_TOTAL = 0x00,
    CRTC_H_DISPLAY_END = 0x01,
    CRTC_V_TOTAL = 0x06,
    CRTC_OVERFLOW = 0x07,
    CRTC_PRESET_ROW = 0x08,
    CRTC_MAX_SCAN = 0x09,
    CRTC_CURSOR_START = 0x0a,
    CRTC_CURSOR_END = 0x0b,
    CRTC_START_HIGH = 0x0c,
    CRTC_CURSOR_HIGH = 0x0e,
    CRTC_V_SYNC_START = 0x10,
    CRTC_V_SYNC_END = 0x11,
    CRTC_V_DISPLAY_END = 0x12,
    CRTC_OFFSET = 0x13,
    CRTC_UNDERLINE = 0x14,
    CRTC_MODE = 0x17,
    CRTC_LINE_COMPARE = 0x18
};
enum { ATTR_MODE = 0x10, ATTR_OVERSCAN, ATTR_PLANES, ATTR_PANNING, ATTR_COLOR_SELECT };
enum {
    ATTR_GRAPHICS = 1,
    ATTR_MONO = 2,
    ATTR_LINE_GRAPHICS = 4,
    ATTR_BLINK = 8,
    ATTR_PAN_SPLIT = 0x20,
    ATTR_8_BIT = 0x40,
    ATTR_SELECT_54 = 0x80
};
enum { ATTR_INDEX_VIDEO = 0x20 };

/* DISPI registers. */
enum {
    DISPI_ID,
    DISPI_WIDTH,
    DISPI_HEIGHT,
    DISPI_BPP,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRT_WIDTH,
    DISPI_VIRT_HEIGHT,
    DISPI_X,
    DISPI_Y,
    DISPI_MEMORY,
    DISPI_REGS
};
enum { DISPI_ON = 1, DISPI_CAPS = 2, DISPI_8_BIT_DAC = 0x20, DISPI_LINEAR = 0x40, DISPI_KEEP = 0x80 };

typedef struct Vga {
    PciFunction f;
    uint32_t vgamem_mb, xres, yres; /* the latter: what the monitor likes best */
    bool edid;
    DisplayPort *display;
    RamBlock vram;
    uint8_t monitor[128]; /* what it says of itself */
    DEV_STATE_BEGIN
    PciState p;
    uint8_t seq[VGA_SEQ_REGS], gfx[VGA_GFX_REGS], attr[VGA_ATTR_REGS], crtc[VGA_CRTC_REGS];
    uint8_t seq_index, gfx_index, attr_index, crtc_index;
    uint8_t attr_data; /* the attribute controller's port takes data next */
    uint8_t misc, feature;
    uint8_t dac[3 * VGA_COLORS], dac_mask, dac_read, dac_write, dac_part, dac_state;
    uint8_t dac_cache[2];
    uint8_t big_endian; /* of the linear modes */
    uint32_t latch;     /* byte p: of plane p */
    uint16_t dispi[DISPI_REGS], dispi_index;
    DEV_STATE_END
} Vga;

static inline bool vga_is_linear(const Vga *v)
{
    return v->dispi[DISPI_ENABLE] & DISPI_ON;
}

/* vga_regs.c: ports 3b0 to 3df. */
void vga_regs_reset(Vga *v);
uint64_t vga_port_read(void *dev, uint64_t at, unsigned size);
void vga_port_write(void *dev, uint64_t at, uint64_t value, unsigned size);

/* vga_dispi.c */
void vga_dispi_reset(Vga *v);
uint16_t vga_dispi_get(const Vga *v, unsigned n);
void vga_dispi_set(Vga *v, unsigned n, uint16_t value);
/* A state that was loaded: false if it cannot be. */
bool vga_dispi_check(Vga *v);
/* Bytes of a line, and of the picture's first pixel. */
uint64_t vga_dispi_stride(const Vga *v);
uint64_t vga_dispi_start(const Vga *v);

/* vga_mem.c: offsets from a0000. */
uint64_t vga_window_read(void *dev, uint64_t at, unsigned size);
void vga_window_write(void *dev, uint64_t at, uint64_t value, unsigned size);

/* vga_draw.c: DisplayPort.draw, and what it shares with vga_text.c. */
bool vga_draw(void *dev, DisplayFrame *to);
void vga_palette(const Vga *v, uint32_t *ret_colors); /* the 256 of the DAC */
void vga_colors(const Vga *v, uint32_t *ret_colors);  /* the 16 of the attribute controller */
typedef struct VgaTiming {
    unsigned chars, height; /* of a line; lines */
    unsigned wide;          /* dots of the picture to one of the VGA */
    unsigned split;         /* the line that the second picture begins behind */
    uint32_t start, pitch;  /* as the CRT controller counts */
} VgaTiming;
VgaTiming vga_timing(const Vga *v);
typedef struct VgaLine {
    uint32_t at;       /* of its first character, as the CRT controller counts */
    unsigned row, pan; /* line of the characters; dots to its left that are not shown */
} VgaLine;
typedef void VgaLineFn(const Vga *v, const VgaTiming *t, const VgaLine *l, const void *how, uint32_t *to);
/* Every line of a picture of that width. False: no memory. */
bool vga_draw_lines(const Vga *v, DisplayFrame *to, unsigned width, VgaLineFn *draw, const void *how);
bool vga_draw_text(const Vga *v, DisplayFrame *to); /* vga_text.c */

/* vga_edid.c */
void vga_edid_make(Vga *v);

#endif
