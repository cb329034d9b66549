/* NOR flash and the firmware's configuration, as firmware uses them. */
#include "tests/dev/dev_kit.h"

#include "hw/block/cfi_flash.h"
#include "hw/core/ports.h"
#include "hw/misc/fw_cfg.h"

enum { FLASH_BYTES = 1 << 20, BLOCK = 256 << 10, READY = 0x800080 };

typedef struct Chip {
    DevKit k;
    BlockPort drive;
    uint8_t image[FLASH_BYTES];
    unsigned writes, changes;
    bool fails;
} Chip;

static bool image_read(void *backend, uint64_t at, void *to, size_t n)
{
    memcpy(to, ((Chip *)backend)->image + at, n);
    return true;
}
static bool image_write(void *backend, uint64_t at, const void *from, size_t n)
{
    Chip *c = backend;
    assert_int_equal(at % 512 + n % 512, 0);
    memcpy(c->image + at, from, n);
    c->writes++;
    return !c->fails;
}
static void note_change(void *opaque) { ((Chip *)opaque)->changes++; }

static const char *const props[] = {"bytes", "1048576", "code_base", "0x100000000", NULL};

static Chip *new_chip(void)
{
    Chip *c = calloc(1, sizeof(*c));
    kit_init(&c->k);
    memset(c->image, 0xff, sizeof(c->image));
    strcpy((char *)c->image, "firmware");
    c->drive = (BlockPort){.backend = c, .bytes = FLASH_BYTES, .read = image_read, .write = image_write};
    const void *links[] = {"drive", &c->drive, NULL};
    kit_device(&c->k, &cfi_flash_class, props, links);
    c->k.map.changed = note_change;
    c->k.map.opaque = c;
    return c;
}

static void free_chip(Chip *c)
{
    kit_clear(&c->k);
    free(c);
}

static uint32_t get(Chip *c, uint64_t at) { return (uint32_t)kit_read(&c->k, at, 4); }
/* A command for both chips. */
static void both(Chip *c, uint64_t at, uint32_t v) { kit_write(&c->k, at, 4, v | v << 16); }

static void queries(void **unused)
{
    Chip *c = new_chip();
    uint64_t left;
    assert_int_equal(get(c, 0), 0x6d726966);
    assert_non_null(mem_map_host(&c->k.map, 0, false, &left)); /* it reads as memory */
    assert_null(mem_map_host(&c->k.map, 0, true, &left));
    both(c, 0x154, 0x98);
    assert_int_equal(c->changes, 1);
    assert_null(mem_map_host(&c->k.map, 0, false, &left));
    assert_int_equal(get(c, 0x40), 'Q' * 0x10001);
    assert_int_equal(get(c, 0x44), 'R' * 0x10001);
    assert_int_equal(get(c, 0x48), 'Y' * 0x10001);
    assert_int_equal(get(c, 0x27 * 4), 19 * 0x10001); /* 512 KiB a chip */
    assert_int_equal(get(c, 0x2d * 4), 3 * 0x10001);  /* four blocks */
    assert_int_equal(get(c, 0x30 * 4), 2 * 0x10001);  /* of 128 KiB a chip */
    assert_int_equal(get(c, 0x31 * 4), 'P' * 0x10001);
    assert_int_equal(kit_read(&c->k, 0x42, 1), 'Q');
    both(c, 0, 0x90);
    assert_int_equal(get(c, 0), 0x890089);
    assert_int_equal(get(c, 8), 0); /* not locked */
    both(c, 0, 0xff);
    assert_int_equal(get(c, 0), 0x6d726966);
    free_chip(c);
}

static void programs_and_erases(void **unused)
{
    Chip *c = new_chip();
    const void *links[] = {"drive", &c->drive, NULL};
    both(c, BLOCK, 0x40);
    kit_write(&c->k, BLOCK, 4, 0x12345678);
    assert_int_equal(get(c, 0), READY);
    both(c, BLOCK, 0xff);
    assert_int_equal(get(c, BLOCK), 0x12345678);
    assert_int_equal(ld_u32(c->image + BLOCK), 0x12345678); /* and in the file */
    both(c, BLOCK, 0x10);
    kit_write(&c->k, BLOCK, 4, 0xffff0000);
    both(c, BLOCK, 0xff);
    assert_int_equal(get(c, BLOCK), 0x12340000); /* bits are only cleared */
    both(c, BLOCK + 1024, 0xe8);
    assert_int_equal(get(c, BLOCK), READY);
    both(c, BLOCK + 1024, 3); /* four words */
    for (unsigned n = 0; n < 4; n++)
        kit_write(&c->k, BLOCK + 1024 + 8 + 4 * n, 4, n);
    kit_round_trip(&c->k, props, links);
    both(c, BLOCK + 1024, 0xd0);
    assert_int_equal(get(c, BLOCK), READY);
    both(c, 0, 0xff);
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(get(c, BLOCK + 1024 + 8 + 4 * n), n);
    assert_int_equal(get(c, BLOCK + 1024), 0xffffffff);
    both(c, BLOCK + 0x100, 0x20);
    both(c, BLOCK + 0x100, 0xd0);
    assert_int_equal(get(c, 0), READY);
    both(c, 0, 0xff);
    assert_int_equal(get(c, BLOCK), 0xffffffff);
    assert_int_equal(c->image[BLOCK + 1024 + 8], 0xff);
    assert_int_equal(get(c, 0), 0x6d726966); /* the other block */
    free_chip(c);
}

static void failures(void **unused)
{
    Chip *c = new_chip();
    both(c, 0, 0x20);
    both(c, 0, 0x55); /* no confirmation */
    assert_int_equal(get(c, 0), READY | 0x300030);
    both(c, 0, 0x50);
    both(c, 0, 0x70);
    assert_int_equal(get(c, 0), READY);
    both(c, 0, 0xe8);
    both(c, 0, 0x1000); /* more than the buffer has */
    assert_int_equal(get(c, 0) & 0x10, 0x10);
    both(c, 0, 0x50);
    both(c, 0, 0xe8);
    both(c, 0, 0);
    both(c, BLOCK, 1); /* somewhere else */
    both(c, 0, 0xd0);
    both(c, 0, 0x70);
    assert_int_equal(get(c, 0) & 0x10, 0x10);
    both(c, 0, 0x50);
    c->fails = true;
    both(c, 0, 0x20);
    both(c, 0, 0xd0);
    assert_int_equal(get(c, 0) & 0x20, 0x20);
    both(c, 0, 0x50);
    c->drive.read_only = true;
    unsigned writes = c->writes;
    both(c, BLOCK, 0x40);
    both(c, BLOCK, 0);
    assert_int_equal(get(c, 0) & 0x10, 0x10);
    both(c, 0, 0xff);
    assert_int_equal(get(c, BLOCK), 0xffffffff);
    assert_int_equal(c->writes, writes);
    dev_reset(c->k.dev);
    both(c, 0, 0x70);
    assert_int_equal(get(c, 0), READY);
    c->drive.bytes = FLASH_BYTES / 2;
    DevError err;
    Device *d = dev_new(&cfi_flash_class, NULL, "small");
    assert_true(dev_set(d, "bytes", "1048576", &err) && dev_set_ptr(d, "drive", &c->drive, &err));
    assert_false(dev_realize(d, &c->k.map, &c->k.clock, &err));
    dev_free(d);
    free_chip(c);
}

/* ---- fw-cfg ---- */

enum { RAM = 0x10000, RAM_BYTES = 0x4000, READ = 2, SKIP = 4, SELECT = 8, WRITE = 16 };

static uint32_t dma(DevKit *k, uint32_t control, uint32_t length, uint64_t to)
{
    const uint32_t d[4] = {__builtin_bswap32(control), __builtin_bswap32(length),
                           __builtin_bswap32((uint32_t)(to >> 32)), __builtin_bswap32((uint32_t)to)};
    uint32_t answer;
    assert_true(mem_map_write(&k->map, RAM, d, sizeof(d)));
    kit_write(k, 16, 8, __builtin_bswap64(RAM));
    assert_true(mem_map_read(&k->map, RAM, &answer, 4));
    return __builtin_bswap32(answer);
}

static void select_key(DevKit *k, uint16_t key) { kit_write(k, 8, 2, __builtin_bswap16(key)); }

static void firmware_configuration(void **unused)
{
    DevKit k;
    RamBlock ram;
    char text[64];
    kit_init(&k);
    assert_true(ram_block_init(&ram, "ram", RAM_BYTES, RAM));
    MemRegion region = {.name = "ram", .kind = MEM_RAM, .base = RAM, .bytes = RAM_BYTES, .ram = &ram};
    assert_true(mem_map_add(&k.map, &region));
    kit_device(&k, &fw_cfg_class, NULL, NULL);
    assert_true(fw_cfg_add_number(k.dev, FW_CFG_CPUS, 3, 2));
    assert_true(fw_cfg_add_file(k.dev, "opt/hello", "hello, firmware", 15));
    assert_false(fw_cfg_add_number(k.dev, FW_CFG_CPUS, 3, 2)); /* twice */
    assert_int_equal(kit_read(&k, 16, 8), 0x47464320554d4551);
    select_key(&k, FW_CFG_SIGNATURE);
    assert_int_equal(kit_read(&k, 0, 4), 0x554d4551);
    assert_int_equal(kit_read(&k, 0, 1), 0); /* behind the end */
    select_key(&k, FW_CFG_ID);
    assert_int_equal(kit_read(&k, 0, 4), 3);
    select_key(&k, FW_CFG_CPUS);
    assert_int_equal(kit_read(&k, 0, 1), 3);
    kit_round_trip(&k, NULL, NULL);
    fw_cfg_add_file(k.dev, "opt/hello", "hello, firmware", 15); /* the new device's */
    select_key(&k, FW_CFG_FILES);
    assert_int_equal(kit_read(&k, 0, 4), 1 << 24);
    assert_int_equal(kit_read(&k, 0, 4), 15 << 24);
    assert_int_equal(kit_read(&k, 0, 2), 0x2000);
    kit_read(&k, 0, 2);
    assert_int_equal(kit_read(&k, 0, 8), 0x6c6c65682f74706f);
    assert_int_equal(dma(&k, 0x20 << 16 | SELECT | READ, 5, RAM + 0x100), 0);
    assert_int_equal(dma(&k, SKIP, 2, 0), 0);
    assert_int_equal(dma(&k, READ, 20, RAM + 0x105), 0);
    assert_true(mem_map_read(&k.map, RAM + 0x100, text, 25));
    assert_string_equal(text, "hellofirmware");
    assert_int_equal(text[24], 0);
    assert_int_equal(dma(&k, WRITE, 1, RAM), 1);
    assert_int_equal(dma(&k, 0x20 << 16 | SELECT | READ, 5, 0x90000000), 1); /* no memory */
    assert_int_equal(dma(&k, 0x77 << 16 | SELECT | READ, 4, RAM + 0x100), 0); /* no such key: zeros */
    kit_write(&k, 16, 4, __builtin_bswap32(0)); /* by halves */
    kit_write(&k, 20, 4, __builtin_bswap32(0x90000000)); /* a descriptor in no memory */
    kit_clear(&k);
    ram_block_clear(&ram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries),
        cmocka_unit_test(programs_and_erases),
        cmocka_unit_test(failures),
        cmocka_unit_test(firmware_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
