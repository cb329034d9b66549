#include "hw/boot/x86_kernel32.h"

#include <stdlib.h>

enum {
    SECTOR = 512,
    SETUP_SECTS = 0x1f1,
    MAGIC = 0x202,
    VERSION = 0x206,
    LOADER = 0x210,
    LOADFLAGS = 0x211,
    RAMDISK = 0x218,
    RAMDISK_BYTES = 0x21c,
    HEAP_END = 0x224,
    CMD_LINE = 0x228,
    INITRD_MAX = 0x22c,
    CMD_LINE_MAX = 0x238,
    HEADER_END = 0x268
};
enum {
    LOADED_HIGH = 1,
    CAN_USE_HEAP = 0x80,
    UNKNOWN_LOADER = 0xff,
    OLDEST = 0x202,
    HAS_INITRD_MAX = 0x203,
    HAS_CMD_LINE_MAX = 0x206,
    OLD_INITRD_MAX = 0x37ffffff
};
/* Places that firmware leaves alone when it starts a system. */
enum {
    SETUP_AT = 0x10000,
    APPEND_AT = 0x20000,
    APPEND_ROOM = 0x10000,
    KERNEL_AT = 0x100000,
    TOP_ROOM = 1 << 20 /* firmware's tables */
};

static uint32_t get(const uint8_t *bytes, size_t at, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, bytes + at, size);
    return v;
}

static void put(X86Linux *l, size_t at, uint32_t v, unsigned size)
{
    if (at + size <= l->setup_bytes)
        memcpy(l->setup + at, &v, size);
}

bool x86_linux_is(const uint8_t *bytes, size_t size)
{
    return size > HEADER_END && memcmp(bytes + MAGIC, "HdrS", 4) == 0 && get(bytes, VERSION, 2) >= OLDEST &&
           (bytes[LOADFLAGS] & LOADED_HIGH);
}

bool x86_linux_place(X86Linux *l, const uint8_t *bytes, size_t size, size_t append_bytes, size_t initrd_bytes,
                     uint64_t low_bytes, DevError *err)
{
    const unsigned version = get(bytes, VERSION, 2), sectors = bytes[SETUP_SECTS] ? bytes[SETUP_SECTS] : 4;
    const uint64_t limit = version >= HAS_INITRD_MAX ? get(bytes, INITRD_MAX, 4) : OLD_INITRD_MAX,
                   most = version >= HAS_CMD_LINE_MAX ? get(bytes, CMD_LINE_MAX, 4) : 255,
                   top = MIN(low_bytes - MIN(low_bytes, (uint64_t)TOP_ROOM), limit);
    *l = (X86Linux){.setup_bytes = (sectors + 1) * SECTOR,
                    .setup_at = SETUP_AT,
                    .kernel_at = KERNEL_AT,
                    .append_at = APPEND_AT};
    if (l->setup_bytes >= size)
        return dev_fail(err, "the kernel is cut off");
    l->kernel = bytes + l->setup_bytes;
    l->kernel_bytes = size - l->setup_bytes;
    if (append_bytes > most + 1 || append_bytes > APPEND_ROOM)
        return dev_fail(err, "the command line has %lu characters, the kernel takes %lu",
                        (unsigned long)append_bytes, (unsigned long)most);
    if (KERNEL_AT + l->kernel_bytes > top || initrd_bytes > top - KERNEL_AT - l->kernel_bytes)
        return dev_fail(err, "kernel and initial file system do not fit into %lu MiB of memory",
                        (unsigned long)(low_bytes >> 20));
    l->initrd_at = initrd_bytes ? align_down(top - initrd_bytes, 4096) : 0;
    l->setup = malloc(l->setup_bytes);
    if (!l->setup)
        return dev_fail(err, "no memory");
    memcpy(l->setup, bytes, l->setup_bytes);
    put(l, LOADER, UNKNOWN_LOADER, 1);
    put(l, LOADFLAGS, bytes[LOADFLAGS] | CAN_USE_HEAP, 1);
    put(l, HEAP_END, APPEND_AT - SETUP_AT - SECTOR, 2);
    put(l, CMD_LINE, APPEND_AT, 4);
    put(l, RAMDISK, (uint32_t)l->initrd_at, 4);
    put(l, RAMDISK_BYTES, (uint32_t)initrd_bytes, 4);
    return true;
}

void x86_linux_clear(X86Linux *l)
{
    free(l->setup);
    free(l->low);
    *l = (X86Linux){0};
}

/* ---- the option ROM (PnP BIOS Specification 1.0a, 3) ---- */

enum { PNP_AT = 0x20, CODE_AT = 0x40, NAME_AT = 0xa0, PARTS_AT = 0xc0, PART_BYTES = 16 };

static void put_be(uint8_t *to, uint64_t v, unsigned size)
{
    for (unsigned k = 0; k < size; k++)
        to[k] = (uint8_t)(v >> (size - 1 - k) * 8);
}

/* clang-format off */
static const uint8_t rom_code[] = {
    0xfa,                               /* cli */
    0x66, 0x31, 0xc0,                   /* xor eax, eax */
    0x8c, 0xc8,                         /* mov ax, cs */
    0x66, 0xc1, 0xe0, 0x04,             /* shl eax, 4 */
    0x66, 0x05, PARTS_AT, 0, 0, 0,      /* add eax, PARTS_AT */
    0xb9, X86_LINUX_PARTS, 0x00,        /* mov cx, PARTS */
    0x66, 0x50,                         /* 1: push eax */
    0x66, 0x31, 0xc0,                   /* xor eax, eax */
    0xba, 0x14, 0x05,                   /* mov dx, 0x514 */
    0x66, 0xef,                         /* out dx, eax */
    0x66, 0x58,                         /* pop eax */
    0x66, 0x50,                         /* push eax */
    0x66, 0x0f, 0xc8,                   /* bswap eax */
    0xba, 0x18, 0x05,                   /* mov dx, 0x518 */
    0x66, 0xef,                         /* out dx, eax: does it */
    0x66, 0x58,                         /* pop eax */
    0x66, 0x83, 0xc0, PART_BYTES,       /* add eax, 16 */
    0xe2, 0xe2,                         /* loop 1b */
};
static const uint8_t rom_setup[] = {    /* a bzImage: to its own 16-bit part */
    0xb8, 0x00, SETUP_AT >> 12,         /* mov ax, SETUP_AT >> 4 */
    0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xe0, /* mov ds, ax; es; fs */
    0x8e, 0xe8, 0x8e, 0xd0,             /* gs; ss */
    0x66, 0xbc, 0xf0, 0xff, 0x00, 0x00, /* mov esp, 0xfff0 */
    0xea, 0x00, 0x00, 0x20, SETUP_AT >> 12, /* ljmp (SETUP_AT >> 4) + 0x20 : 0 */
};
static const uint8_t rom_32[] = {       /* to the code of an X86Entry32 */
    0xb8, 0x00, X86_ENTRY32_AT >> 12,   /* mov ax, X86_ENTRY32_AT >> 4 */
    0x8e, 0xd8,                         /* mov ds, ax */
    0x66, 0x0f, 0x01, 0x16, X86_ENTRY32_GDTR & 0xff, X86_ENTRY32_GDTR >> 8 & 0x0f, /* lgdtl [gdtr] */
    0x0f, 0x20, 0xc0,                   /* mov eax, cr0 */
    0x0c, 0x01,                         /* or al, 1 */
    0x0f, 0x22, 0xc0,                   /* mov cr0, eax */
    0x66, 0xea, X86_ENTRY32_CODE & 0xff, X86_ENTRY32_CODE >> 8 & 0xff, X86_ENTRY32_CODE >> 16, 0,
    8, 0,                               /* ljmpl 8 : code */
};
static const uint8_t rom_head[] = {0x55, 0xaa, X86_LINUX_ROM_BYTES / SECTOR, 0xcb /* retf */};
static const uint8_t rom_pnp[] = {'$', 'P', 'n', 'P', 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                  NAME_AT, 0, 0, 0, 0, 0, 0, 0, 0, 0, CODE_AT, 0, 0, 0, 0, 0};
/* clang-format on */
_Static_assert(CODE_AT + sizeof(rom_code) + sizeof(rom_setup) <= NAME_AT &&
                   CODE_AT + sizeof(rom_code) + sizeof(rom_32) <= NAME_AT,
               "the code has room");

static uint8_t checksum(const uint8_t *bytes, unsigned n)
{
    uint8_t sum = 0;
    while (n--)
        sum = (uint8_t)(sum + *bytes++);
    return (uint8_t)-sum;
}

void x86_linux_rom(const X86LinuxPart *parts, bool in_32_bits, uint8_t rom[X86_LINUX_ROM_BYTES])
{
    enum { READ = 2, SELECT = 8 };
    memset(rom, 0, X86_LINUX_ROM_BYTES);
    memcpy(rom, rom_head, sizeof(rom_head));
    rom[0x1a] = PNP_AT;
    memcpy(rom + PNP_AT, rom_pnp, sizeof(rom_pnp));
    memcpy(rom + CODE_AT, rom_code, sizeof(rom_code));
    if (in_32_bits)
        memcpy(rom + CODE_AT + sizeof(rom_code), rom_32, sizeof(rom_32));
    else
        memcpy(rom + CODE_AT + sizeof(rom_code), rom_setup, sizeof(rom_setup));
    memcpy(rom + NAME_AT, "Linux", 6);
    for (unsigned n = 0; n < X86_LINUX_PARTS; n++) {
        uint8_t *to = rom + PARTS_AT + n * PART_BYTES;
        put_be(to, (uint32_t)parts[n].key << 16 | READ | SELECT, 4);
        put_be(to + 4, parts[n].bytes, 4);
        put_be(to + 8, parts[n].at, 8);
    }
    rom[PNP_AT + 9] = checksum(rom + PNP_AT, sizeof(rom_pnp));
    rom[X86_LINUX_ROM_BYTES - 1] = checksum(rom, X86_LINUX_ROM_BYTES);
}
