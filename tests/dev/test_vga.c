/* The VGA behind a host bridge: its memory as RAM of the machine, the window and its ways of writing, text,
 * graphics and linear modes as pictures, option ROM. Expected values are worked out by hand from the manuals.
 */
#include "tests/dev/dev_kit.h"

#include "hw/display/vga.h"
#include "hw/pci/pcie_host.h"

enum { ECAM = 0, IO = 0x20000000, LOW = 0x40000000, CONFIG = ECAM + (1 << 15), BAR2 = LOW + 0x4000000 };
enum { MEMORY_BAR = LOW + 0x2000000, ROM_AT = LOW + 0x6000000, WINDOW = 0xa0000 };

typedef struct Rig {
    DevKit k;
    Device *vga;
    DisplayPort display;
    DisplayFrame frame;
} Rig;

static void config(Rig *r, unsigned at, unsigned size, uint32_t v)
{
    kit_write(&r->k, CONFIG + at, size, v);
}

static void rig_init(Rig *r, const DevClass *cls, const uint8_t *rom, size_t rom_bytes)
{
    static const uint64_t base[] = {ECAM, IO, LOW};
    DevError err;
    *r = (Rig){0};
    kit_init(&r->k);
    const void *links[] = {"intx", &r->k.line[0], NULL};
    kit_device(&r->k, &pcie_host_class, NULL, links);
    for (unsigned n = 1; n < ARRAY_SIZE(base); n++) {
        r->k.dev->region[n].base = base[n];
        assert_true(mem_map_add(&r->k.map, &r->k.dev->region[n]));
    }
    r->vga = dev_new(cls, r->k.dev, "vga");
    assert_true(dev_set_ptr(r->vga, "display", &r->display, &err));
    assert_true(dev_realize(r->vga, &r->k.map, &r->k.clock, &err));
    assert_true(pci_set_rom((PciFunction *)r->vga, rom, rom_bytes, &err));
    assert_true(pci_plug(r->k.dev, NULL, (PciFunction *)r->vga, &err));
    dev_reset(r->vga);
    config(r, PCI_BARS, 4, MEMORY_BAR);
    config(r, PCI_BARS + 8, 4, BAR2);
    config(r, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

static void rig_clear(Rig *r)
{
    display_frame_clear(&r->frame);
    kit_clear(&r->k);
}

static void out(Rig *r, unsigned port, unsigned v)
{
    kit_write(&r->k, IO + port, 1, v);
}
static unsigned in(Rig *r, unsigned port)
{
    return (unsigned)kit_read(&r->k, IO + port, 1);
}
static void indexed(Rig *r, unsigned port, unsigned n, unsigned v)
{
    out(r, port, n);
    out(r, port + 1, v);
}
static void dispi(Rig *r, unsigned n, unsigned v)
{
    kit_write(&r->k, IO + 0x1ce, 2, n);
    kit_write(&r->k, IO + 0x1d0, 2, v);
}
/* The window is the bus's; no window of the host bridge leads there. */
static void poke(Rig *r, unsigned at, unsigned v)
{
    pcie_host_memory_write(r->k.dev, WINDOW + at, v, 1);
}
static unsigned peek(Rig *r, unsigned at)
{
    return (unsigned)pcie_host_memory_read(r->k.dev, WINDOW + at, 1);
}
static unsigned vram(Rig *r, unsigned at)
{
    return (unsigned)kit_read(&r->k, MEMORY_BAR + at, 1);
}
static void draw(Rig *r)
{
    assert_true(r->display.draw(r->display.device, &r->frame));
}
static uint32_t dot(const Rig *r, unsigned x, unsigned y)
{
    assert_true(x < r->frame.width && y < r->frame.height);
    return r->frame.pixel[y * r->frame.width + x];
}

/* What the BIOS of the IBM VGA sets for mode 3 (text) or 12 (graphics). */
static void mode(Rig *r, bool graphics)
{
    static const uint8_t seq[2][5] = {{3, 0, 3, 0, 2}, {3, 1, 15, 0, 6}};
    static const uint8_t gfx[2][9] = {{0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff}, {0, 0, 0, 0, 0, 0, 5, 15, 0xff}};
    static const uint8_t crtc[2][25] = {
        {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0,    0x4f, 0x0d, 0x0e, 0,
         0,    0,    0,    0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
        {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0,    0x40, 0,    0,   0,
         0,    0,    0,    0xea, 0x8c, 0xdf, 0x28, 0,    0xe7, 0x04, 0xe3, 0xff}};
    out(r, 0x3c2, graphics ? 0xe3 : 0x67);
    for (unsigned n = 0; n < 5; n++)
        indexed(r, 0x3c4, n, seq[graphics][n]);
    indexed(r, 0x3d4, 0x11, 0);
    for (unsigned n = 0; n < 25; n++)
        indexed(r, 0x3d4, n, crtc[graphics][n]);
    for (unsigned n = 0; n < 9; n++)
        indexed(r, 0x3ce, n, gfx[graphics][n]);
    in(r, 0x3da);
    for (unsigned n = 0; n < 21; n++) { /* colour n is entry n of the DAC */
        out(r, 0x3c0, n);
        out(r, 0x3c0,
            n < 16                 ? n
            : n == 16              ? (graphics ? 1 : 0x0c)
            : n == 18              ? 15
            : n == 19 && !graphics ? 8
                                   : 0);
    }
    out(r, 0x3c0, 0x20);
    out(r, 0x3c8, 0);
    for (unsigned n = 0; n < 256; n++)
        for (unsigned c = 0; c < 3; c++)
            out(r, 0x3c9, n & 63);
}

static uint32_t grey(unsigned n)
{
    return ((n & 63) << 2 | (n & 1) * 3) * 0x10101;
}

static void memory_is_in_the_map_where_the_bar_is(void **unused)
{
    Rig r;
    MemRange range;
    rig_init(&r, &vga_class, NULL, 0);
    assert_true(mem_map_find(&r.k.map, MEMORY_BAR + 0xffffff, &range));
    assert_int_equal(range.region->kind, MEM_RAM);
    assert_int_not_equal(range.region->ram->base, 0);
    kit_write(&r.k, MEMORY_BAR + 0x1234, 4, 0xdeadbeef);
    config(&r, PCI_BARS, 4, MEMORY_BAR + 0x3000000);
    assert_true(mem_map_find(&r.k.map, MEMORY_BAR, &range));
    assert_int_equal(range.region->kind, MEM_MMIO);
    assert_int_equal(kit_read(&r.k, MEMORY_BAR + 0x3001234, 4), 0xdeadbeef);
    config(&r, PCI_COMMAND, 2, PCI_COMMAND_IO); /* off */
    assert_int_equal(kit_read(&r.k, MEMORY_BAR + 0x3001234, 4), 0xffffffff);
    config(&r, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    config(&r, PCI_BARS, 4, LOW + 0x3f000000); /* the last place in the window */
    assert_int_equal(kit_read(&r.k, LOW + 0x3f001234, 4), 0xdeadbeef);
    config(&r, PCI_BARS, 4, 0x10000000); /* no window leads there */
    assert_false(mem_map_find(&r.k.map, 0x10001234, &range));
    rig_clear(&r);
}

static void option_rom(void **unused)
{
    static const uint8_t rom[5000] = {0x55, 0xaa, 10};
    Rig r;
    rig_init(&r, &vga_class, rom, sizeof(rom));
    config(&r, PCI_ROM_BASE, 4, ~0u);
    assert_int_equal(kit_read(&r.k, CONFIG + PCI_ROM_BASE, 4), 0xffffe001);
    config(&r, PCI_ROM_BASE, 4, ROM_AT);
    assert_int_equal(kit_read(&r.k, ROM_AT, 2), 0xffff); /* not before it is on */
    config(&r, PCI_ROM_BASE, 4, ROM_AT | 1);
    assert_int_equal(kit_read(&r.k, ROM_AT, 4), 0x000aaa55);
    assert_int_equal(kit_read(&r.k, ROM_AT + 5000, 1), 0xff);
    kit_write(&r.k, ROM_AT, 4, 0);
    assert_int_equal(kit_read(&r.k, ROM_AT, 4), 0x000aaa55);
    rig_clear(&r);
}

static void text(void **unused)
{
    Rig r;
    rig_init(&r, &vga_class, NULL, 0);
    mode(&r, false);
    indexed(&r, 0x3c4, 2, 4); /* the shape of c1 and 41: only the last of eight dots, in line 2 */
    indexed(&r, 0x3c4, 4, 6);
    indexed(&r, 0x3ce, 5, 0);
    indexed(&r, 0x3ce, 6, 4);
    poke(&r, 0x41 * 32 + 2, 0x81);
    poke(&r, 0xc1 * 32 + 2, 0x81);
    indexed(&r, 0x3c4, 2, 3);
    indexed(&r, 0x3c4, 4, 2);
    indexed(&r, 0x3ce, 5, 0x10);
    indexed(&r, 0x3ce, 6, 0x0e);
    indexed(&r, 0x3d4, 0x0e, 0); /* the cursor: third character of the second line */
    indexed(&r, 0x3d4, 0x0f, 82);
    const uint8_t cells[] = {0x41, 0x1e, 0xc1, 0x1e};
    for (unsigned n = 0; n < sizeof(cells); n++)
        poke(&r, 0x18000 + n, cells[n]);
    poke(&r, 0x18000 + 2 * 82 + 1, 0x2f);
    assert_int_equal(peek(&r, 0x18001), 0x1e);
    assert_int_equal(vram(&r, 4), 0xc1); /* plane 0 of the second, plane 1 */
    assert_int_equal(vram(&r, 5), 0x1e);
    draw(&r);
    assert_int_equal(r.frame.width, 720);
    assert_int_equal(r.frame.height, 400);
    assert_int_equal(dot(&r, 0, 2), grey(14));
    assert_int_equal(dot(&r, 1, 2), grey(1));
    assert_int_equal(dot(&r, 7, 2), grey(14));
    assert_int_equal(dot(&r, 8, 2), grey(1));   /* the ninth dot: background */
    assert_int_equal(dot(&r, 17, 2), grey(14)); /* but of characters that make lines */
    assert_int_equal(dot(&r, 7, 3), grey(1));
    assert_int_equal(dot(&r, 18, 16 + 12), grey(2));
    assert_int_equal(dot(&r, 18, 16 + 13), grey(15)); /* lines 13 and 14 */
    assert_int_equal(dot(&r, 18, 16 + 15), grey(2));
    r.k.now_ns += 16 * 1000000000ull / 70 + 1000000; /* it blinks */
    draw(&r);
    assert_int_equal(dot(&r, 18, 16 + 13), grey(2));
    indexed(&r, 0x3d4, 0x0d, 1); /* the picture begins with the second character */
    draw(&r);
    assert_int_equal(dot(&r, 8, 2), grey(14));
    indexed(&r, 0x3d4, 0x18, 7); /* from line 8 on with the first of the memory */
    indexed(&r, 0x3d4, 0x07, 0x0f);
    indexed(&r, 0x3d4, 0x09, 0x0f);
    draw(&r);
    assert_int_equal(dot(&r, 7, 8 + 2), grey(14));
    assert_int_equal(dot(&r, 8, 8 + 2), grey(1));
    in(&r, 0x3da);
    out(&r, 0x3c0, 0); /* nothing is shown */
    draw(&r);
    assert_int_equal(dot(&r, 0, 2), 0);
    rig_clear(&r);
}

static void ways_of_writing(void **unused)
{
    Rig r;
    rig_init(&r, &vga_class, NULL, 0);
    mode(&r, true);
    poke(&r, 0, 0xa5); /* all planes alike */
    for (unsigned p = 0; p < 4; p++)
        assert_int_equal(vram(&r, p), 0xa5);
    indexed(&r, 0x3ce, 4, 0);
    assert_int_equal(peek(&r, 0), 0xa5); /* into the latches */
    indexed(&r, 0x3ce, 5, 1);
    poke(&r, 1, 0);
    assert_int_equal(vram(&r, 7), 0xa5); /* what they hold */
    indexed(&r, 0x3ce, 5, 2);
    indexed(&r, 0x3ce, 8, 0x0f);
    poke(&r, 0, 0x6); /* colour 6 in the right half */
    assert_int_equal(vram(&r, 0), 0xa0);
    assert_int_equal(vram(&r, 1), 0xaf);
    assert_int_equal(vram(&r, 2), 0xaf);
    assert_int_equal(vram(&r, 3), 0xa0);
    indexed(&r, 0x3ce, 5, 0);
    indexed(&r, 0x3ce, 8, 0xff);
    indexed(&r, 0x3ce, 3, 0x18 | 4); /* exclusive or, turned by 4 */
    peek(&r, 0);
    poke(&r, 0, 0xf0);
    assert_int_equal(vram(&r, 0), 0xaf);
    assert_int_equal(vram(&r, 1), 0xa0);
    indexed(&r, 0x3ce, 3, 0);
    indexed(&r, 0x3ce, 0, 9);
    indexed(&r, 0x3ce, 1, 3); /* planes 0 and 1 are set, reset */
    indexed(&r, 0x3c4, 2, 7); /* plane 3 stays */
    poke(&r, 0, 0x11);
    assert_int_equal(vram(&r, 0), 0xff);
    assert_int_equal(vram(&r, 1), 0);
    assert_int_equal(vram(&r, 2), 0x11);
    assert_int_equal(vram(&r, 3), 0xaf);
    indexed(&r, 0x3ce, 5, 3);
    peek(&r, 1);
    poke(&r, 1, 0x81); /* colour 9 where the bits are */
    assert_int_equal(vram(&r, 4), 0xa5 | 0x81);
    assert_int_equal(vram(&r, 5), 0xa5 & ~0x81);
    indexed(&r, 0x3ce, 5, 8); /* which dots have colour 2? planes: ff 00 11 af */
    indexed(&r, 0x3ce, 2, 9);
    assert_int_equal(peek(&r, 0), 0xaf & ~0x11);
    indexed(&r, 0x3ce, 7, 8); /* look at plane 3 alone */
    assert_int_equal(peek(&r, 0), 0xaf);
    draw(&r);
    assert_int_equal(r.frame.width, 640);
    assert_int_equal(r.frame.height, 480);
    assert_int_equal(dot(&r, 0, 0), grey(9));
    assert_int_equal(dot(&r, 1, 0), grey(1));
    assert_int_equal(dot(&r, 3, 0), grey(5));
    assert_int_equal(dot(&r, 7, 0), grey(13));
    indexed(&r, 0x3c4, 4, 0x0e); /* chain 4: as it lies there */
    indexed(&r, 0x3c4, 2, 15);
    indexed(&r, 0x3ce, 5, 0);
    indexed(&r, 0x3ce, 1, 0);
    poke(&r, 0x102, 0x77);
    assert_int_equal(vram(&r, 0x102), 0x77);
    assert_int_equal(peek(&r, 0x102), 0x77);
    rig_clear(&r);
}

static void linear_modes(void **unused)
{
    Rig r;
    rig_init(&r, &bochs_display_class, NULL, 0);
    assert_int_equal(kit_read(&r.k, CONFIG, 4), 0x11111234);
    assert_int_equal(kit_read(&r.k, CONFIG + PCI_REVISION, 4) >> 8, 0x038000);
    assert_int_equal(kit_read(&r.k, BAR2 + 0x500, 2), 0xb0c5);
    assert_int_equal(kit_read(&r.k, BAR2 + 0x514, 2), 256); /* of 64 KiB */
    assert_int_equal(kit_read(&r.k, BAR2, 4), 0xffffff00);  /* the monitor speaks */
    uint8_t sum = 0;
    for (unsigned k = 0; k < 128; k++)
        sum = (uint8_t)(sum + kit_read(&r.k, BAR2 + k, 1));
    assert_int_equal(sum, 0);
    static const uint16_t regs[] = {0, 320, 200, 16, 0x41};
    for (unsigned k = 1; k < ARRAY_SIZE(regs); k++)
        kit_write(&r.k, BAR2 + 0x500 + 2 * k, 2, regs[k]);
    kit_write(&r.k, MEMORY_BAR + 2 * (320 * 3 + 5), 2, 0xf81f);
    draw(&r);
    assert_int_equal(r.frame.width, 320);
    assert_int_equal(r.frame.height, 200);
    assert_int_equal(dot(&r, 5, 3), 0xff00ff);
    kit_write(&r.k, BAR2 + 0x50c, 2, 640); /* of a wider one */
    kit_write(&r.k, BAR2 + 0x510, 2, 5);
    kit_write(&r.k, MEMORY_BAR + 2 * (640 * 2 + 6), 2, 0x07e0);
    draw(&r);
    assert_int_equal(dot(&r, 1, 2), 0x00ff00);
    kit_write(&r.k, BAR2 + 0x604, 4, 0xbebebebe);
    draw(&r);
    assert_int_equal(dot(&r, 1, 2), 0xe70039);
    rig_clear(&r);
}

static void banks_and_what_does_not_fit(void **unused)
{
    Rig r;
    rig_init(&r, &vga_class, NULL, 0);
    dispi(&r, 1, 1024);
    dispi(&r, 2, 768);
    dispi(&r, 3, 32);
    dispi(&r, 4, 0x61);
    out(&r, 0x3c0, 0x20);
    dispi(&r, 5, 3);
    poke(&r, 6, 0xab);
    assert_int_equal(vram(&r, 3 * 0x10000 + 6), 0xab);
    assert_int_equal(peek(&r, 6), 0xab);
    draw(&r);
    assert_int_equal(r.frame.width, 1024);
    assert_int_equal(r.frame.height, 768);
    assert_int_equal(dot(&r, 1, 48), 0xab0000);
    dispi(&r, 4, 0);
    dispi(&r, 1, 16000);
    dispi(&r, 2, 12000); /* 768 MB of 16 */
    dispi(&r, 4, 1);
    draw(&r);
    assert_int_equal(r.frame.width, 16000);
    assert_int_equal(r.frame.height, (16 << 20) / 64000);
    dispi(&r, 9, 0xffff); /* behind the end of the memory */
    draw(&r);
    assert_int_equal(dot(&r, 0, 0), 0);
    rig_clear(&r);
}

/* While a machine moves, what is written is noted. */
static void a_mode_without_pixels_is_nothing_written(void **unused)
{
    static uint64_t noted[(16 << 20) / 4096 / 64];
    MemRange range;
    Rig r;
    rig_init(&r, &vga_class, NULL, 0);
    assert_true(mem_map_find(&r.k.map, MEMORY_BAR, &range));
    range.region->ram->dirty = noted;
    dispi(&r, 1, 0);
    dispi(&r, 2, 0);
    dispi(&r, 4, 1);
    assert_int_equal(noted[0], 0);
    dispi(&r, 4, 0);
    dispi(&r, 1, 4096);
    dispi(&r, 2, 2);
    dispi(&r, 4, 1);
    assert_int_equal(noted[0], 3); /* of 8 bits a pixel */
    rig_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_in_the_map_where_the_bar_is),
        cmocka_unit_test(option_rom),
        cmocka_unit_test(text),
        cmocka_unit_test(ways_of_writing),
        cmocka_unit_test(linear_modes),
        cmocka_unit_test(banks_and_what_does_not_fit),
        cmocka_unit_test(a_mode_without_pixels_is_nothing_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
