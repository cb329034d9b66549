/*
 * The VGA's window from a0000 to bffff: the way of a byte to and from four planes, by way of the latches, the
 * rotator, set/reset and the bit mask (FreeVGA, "Accessing the VGA Display Memory"). In the linear modes it
 * is 64 KiB of the memory as it lies there, from the bank on.
 */
#include "hw/display/vga_priv.h"

enum { WINDOW = 0x20000, HALF = 0x10000, BANK = 0x10000 };
enum { PLANES = 15 };

/* Bit p of planes, eight times in byte p. */
static uint32_t spread(unsigned planes)
{
    static const uint32_t all[16] = {0,          0xff,       0xff00,     0xffff,     0xff0000,   0xff00ff,
                                     0xffff00,   0xffffff,   0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff,
                                     0xffff0000, 0xffff00ff, 0xffffff00, 0xffffffff};
    return all[planes & PLANES];
}

/* Into the memory's own offset; false: the window is not there. */
static bool map(const Vga *v, uint64_t at, uint32_t *ret)
{
    static const struct {
        uint32_t first, bytes;
    } maps[4] = {{0, WINDOW}, {0, HALF}, {HALF, HALF / 2}, {HALF + HALF / 2, HALF / 2}};
    const unsigned which = v->gfx[GFX_MISC] >> 2 & 3;
    *ret = (uint32_t)(at - maps[which].first);
    if (vga_is_linear(v) && v->dispi[DISPI_BPP] <= 4)
        *ret += (uint32_t)v->dispi[DISPI_BANK] * BANK;
    return at >= maps[which].first && at - maps[which].first < maps[which].bytes;
}

static uint32_t *word_at(const Vga *v, uint32_t n)
{
    return (uint32_t *)(void *)(v->vram.host + ((uint64_t)n * 4 & (v->vram.bytes - 1)));
}

static bool is_banked(const Vga *v)
{
    return vga_is_linear(v) && v->dispi[DISPI_BPP] > 4;
}

static uint8_t *banked(const Vga *v, uint32_t at)
{
    return v->vram.host + (((uint64_t)v->dispi[DISPI_BANK] * BANK + at) & (v->vram.bytes - 1));
}

/* ---- reads ---- */

static uint8_t compare(const Vga *v)
{
    const uint32_t differ = (v->latch ^ spread(v->gfx[GFX_COMPARE])) & spread(v->gfx[GFX_DONT_CARE]);
    return (uint8_t) ~(differ | differ >> 8 | differ >> 16 | differ >> 24);
}

static uint8_t read_byte(Vga *v, uint64_t at)
{
    uint32_t n;
    unsigned plane = v->gfx[GFX_READ_MAP] & 3;
    if (!map(v, at, &n))
        return 0xff;
    if (is_banked(v))
        return *banked(v, n);
    if (v->seq[SEQ_MEMORY] & MEMORY_CHAIN4) {
        plane = n & 3;
        n >>= 2;
    } else if (v->gfx[GFX_MODE] & MODE_ODD_EVEN) {
        plane = (plane & 2) | (n & 1);
        n >>= 1;
    }
    v->latch = *word_at(v, n);
    return v->gfx[GFX_MODE] & MODE_COMPARE ? compare(v) : (uint8_t)(v->latch >> 8 * plane);
}

/* ---- writes ---- */

static uint32_t combine(const Vga *v, uint32_t value)
{
    switch (v->gfx[GFX_ROTATE] >> 3 & 3) {
    case 1: return value & v->latch;
    case 2: return value | v->latch;
    case 3: return value ^ v->latch;
    default: return value;
    }
}

/* What the planes get for a byte of the cpu's. */
static uint32_t pipe(const Vga *v, uint8_t value)
{
    const unsigned turn = v->gfx[GFX_ROTATE] & 7;
    const uint8_t turned = (uint8_t)(value >> turn | value << (8 - turn));
    uint8_t mask = v->gfx[GFX_BIT_MASK];
    uint32_t set, bits;
    switch (v->gfx[GFX_MODE] & 3) {
    case 1: return v->latch;
    case 2: bits = spread(value); break;
    case 3:
        mask &= turned;
        bits = spread(v->gfx[GFX_SET_RESET]);
        break;
    default:
        set = spread(v->gfx[GFX_ENABLE_SET_RESET]);
        bits = (turned * 0x01010101u & ~set) | (spread(v->gfx[GFX_SET_RESET]) & set);
    }
    return (combine(v, bits) & mask * 0x01010101u) | (v->latch & ~(mask * 0x01010101u));
}

/* Somebody may run code there. */
static void note_write(const Vga *v, const void *at, unsigned bytes)
{
    mem_map_note_write(v->f.dev.mem, (RamBlock *)(uintptr_t)&v->vram,
                       (uint64_t)((const uint8_t *)at - v->vram.host), bytes);
}

static void write_byte(Vga *v, uint64_t at, uint8_t value)
{
    uint32_t n, *to;
    unsigned planes = v->seq[SEQ_MAP_MASK];
    if (!map(v, at, &n))
        return;
    if (is_banked(v)) {
        *banked(v, n) = value;
        note_write(v, banked(v, n), 1);
        return;
    }
    if (v->seq[SEQ_MEMORY] & MEMORY_CHAIN4) {
        planes &= 1u << (n & 3);
        n >>= 2;
    } else if (!(v->seq[SEQ_MEMORY] & MEMORY_NO_ODD_EVEN)) {
        planes &= 5u << (n & 1);
        n >>= 1;
    }
    to = word_at(v, n);
    *to = (*to & ~spread(planes)) | (pipe(v, value) & spread(planes));
    note_write(v, to, 4);
}

uint64_t vga_window_read(void *dev, uint64_t at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned k = 0; k < size; k++)
        value |= (uint64_t)read_byte(dev, at + k) << 8 * k;
    return value;
}

void vga_window_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    for (unsigned k = 0; k < size; k++)
        write_byte(dev, at + k, (uint8_t)(value >> 8 * k));
}
