#include "hw/boot/x86_kernel32.h"

#include <elf.h>
#include <stddef.h>
#include <stdlib.h>

_Static_assert(X86_ENTRY32_GDTR == X86_ENTRY32_AT + offsetof(X86Entry32, gdtr) &&
                   X86_ENTRY32_CODE == X86_ENTRY32_AT + offsetof(X86Entry32, code),
               "the option ROM finds them");

static void put32(uint8_t *to, uint32_t v)
{
    memcpy(to, &v, 4);
}

/* Flat segments; what the kernel finds in two registers. */
static void fill_entry(X86Entry32 *e, uint32_t entry, uint32_t eax, uint32_t ebx)
{
    static const uint64_t gdt[3] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff};
    static const uint8_t code[] = {0x66, 0xb8, 0x10, 0x00,             /* mov ax, 0x10 */
                                   0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, /* mov ds, ax; es; ss */
                                   0x8e, 0xe0, 0x8e, 0xe8,             /* fs; gs */
                                   0xb8, 0,    0,    0,    0,          /* mov eax, ... */
                                   0xbb, 0,    0,    0,    0,          /* mov ebx, ... */
                                   0xb9, 0,    0,    0,    0,          /* mov ecx, entry */
                                   0xff, 0xe1};                        /* jmp ecx */
    enum { EAX = 15, EBX = 20, ECX = 25 };
    _Static_assert(sizeof(code) <= sizeof(e->code), "it has room");
    memcpy(e->gdt, gdt, sizeof(gdt));
    e->gdtr[0] = sizeof(gdt) - 1;
    put32(e->gdtr + 2, X86_ENTRY32_AT + offsetof(X86Entry32, gdt));
    memcpy(e->code, code, sizeof(code));
    put32(e->code + EAX, eax);
    put32(e->code + EBX, ebx);
    put32(e->code + ECX, entry);
}

static void take_block(X86Linux *l, void *block, size_t bytes)
{
    l->setup = block;
    l->setup_bytes = bytes;
    l->setup_at = X86_ENTRY32_AT;
}

/* ---- PVH ---- */

typedef struct PvhBlock {
    X86Entry32 entry;
    uint32_t magic, version, flags, n_modules;
    uint64_t modules, append, rsdp, map;
    uint32_t n_map, reserved;
    struct {
        uint64_t at, bytes, append, reserved;
    } module;
    struct {
        uint64_t at, bytes;
        uint32_t type, reserved;
    } range[X86_RANGES];
} PvhBlock;
#define PVH_PLACE(field) (X86_ENTRY32_AT + (uint32_t)offsetof(PvhBlock, field))

bool x86_pvh_place(X86Linux *l, uint32_t entry, uint64_t initrd_bytes, const X86Range *ranges, unsigned n)
{
    enum { MAGIC_PVH = 0x336ec578 };
    PvhBlock *b = calloc(1, sizeof(*b));
    if (!b)
        return false;
    *b = (PvhBlock){.magic = MAGIC_PVH,
                    .version = 1,
                    .n_modules = initrd_bytes != 0,
                    .modules = initrd_bytes ? PVH_PLACE(module) : 0,
                    .append = l->append_at,
                    .map = PVH_PLACE(range),
                    .n_map = MIN(n, (unsigned)X86_RANGES),
                    .module = {.at = l->initrd_at, .bytes = initrd_bytes}};
    for (unsigned k = 0; k < b->n_map; k++) {
        b->range[k].at = ranges[k].at;
        b->range[k].bytes = ranges[k].bytes;
        b->range[k].type = ranges[k].type;
    }
    fill_entry(&b->entry, entry, 0, PVH_PLACE(magic));
    take_block(l, b, sizeof(*b));
    return true;
}

/* ---- Multiboot ---- */

/* 3.1.1: 4-byte aligned, within the first 8192 bytes. Those from header_at on: with HAS_ADDRESSES. */
typedef struct Header {
    uint32_t magic, flags, checksum, header_at, load_at, load_end, bss_end, entry;
} Header;
enum {
    HEADER_MAGIC = 0x1badb002,
    SEARCHED = 8192,
    HEADER_LEAST = 12,
    HAS_ADDRESSES = 1 << 16,
    KNOWN = 7, /* pages, memory, a video mode: who asks for one is told that there is none */
    MUST = 0xffff
};

/* *ret_at: where in the file. */
static bool find_header(const uint8_t *bytes, size_t size, Header *ret, size_t *ret_at)
{
    for (size_t at = 0; at + HEADER_LEAST <= MIN(size, (size_t)SEARCHED); at += 4) {
        *ret = (Header){0};
        memcpy(ret, bytes + at, MIN(size - at, sizeof(*ret)));
        *ret_at = at;
        if (ret->magic == HEADER_MAGIC && ret->magic + ret->flags + ret->checksum == 0)
            return true;
    }
    return false;
}

bool x86_multiboot_is(const uint8_t *bytes, size_t size)
{
    Header h;
    size_t at;
    return find_header(bytes, size, &h, &at);
}

/* By the addresses in the header (3.1.3). */
static bool load_flat(const MemMap *m, const uint8_t *bytes, size_t size, const Header *h, size_t at,
                      LoadedImage *ret, DevError *err)
{
    const size_t before = h->header_at - h->load_at, from = at - before;
    if (h->header_at < h->load_at || before > at || (h->load_end && h->load_end < h->load_at))
        return dev_fail(err, "the Multiboot header's addresses make no sense");
    const uint64_t most = size - from, n = h->load_end ? h->load_end - h->load_at : most;
    const uint64_t end = MAX(h->load_at + n, (uint64_t)h->bss_end);
    if (n > most)
        return dev_fail(err, "the Multiboot kernel is cut off");
    *ret = (LoadedImage){.entry = h->entry, .start = h->load_at, .end = end};
    return image_place(m, h->load_at, bytes + from, n, end - h->load_at) ||
           dev_fail(err, "the Multiboot kernel does not fit into memory at 0x%x", h->load_at);
}

bool x86_multiboot_load(const MemMap *m, const uint8_t *bytes, size_t size, LoadedImage *ret, DevError *err)
{
    Header h;
    size_t at;
    Elf32_Ehdr elf = {0};
    if (!find_header(bytes, size, &h, &at))
        return dev_fail(err, "there is no Multiboot header");
    if (h.flags & MUST & ~(uint32_t)KNOWN)
        return dev_fail(err, "the Multiboot header wants what is not known: flags 0x%x", h.flags & MUST);
    if (h.flags & HAS_ADDRESSES)
        return load_flat(m, bytes, size, &h, at, ret, err);
    memcpy(&elf, bytes, MIN(size, sizeof(elf))); /* both classes have the machine at the same place */
    return image_load(m, bytes, size, elf.e_machine == EM_X86_64 ? EM_X86_64 : EM_386, 0, ret, err) &&
           (ret->elf ||
            dev_fail(err, "the Multiboot kernel is no ELF file, and its header has no addresses"));
}

/* 3.3; modules 3.3, memory map 3.3 (flags bits 3 and 6). */
typedef struct MultibootBlock {
    X86Entry32 entry;
    struct {
        uint32_t flags, kib_lower, kib_upper, boot_device, append, n_modules, modules, symbols[4], map_bytes,
            map, drives_bytes, drives, config, loader, apm;
    } info;
    struct {
        uint32_t first, end, name, reserved;
    } module;
    struct __attribute__((packed)) {
        uint32_t bytes; /* of the rest */
        uint64_t at, length;
        uint32_t type;
    } range[X86_RANGES];
    char loader[8], name[64];
} MultibootBlock;
#define MULTIBOOT_PLACE(field) (X86_ENTRY32_AT + (uint32_t)offsetof(MultibootBlock, field))

bool x86_multiboot_place(X86Linux *l, uint32_t entry, uint64_t initrd_bytes, const char *module,
                         const X86Range *ranges, unsigned n)
{
    enum {
        LOADED = 0x2badb002,
        MEMORY = 1,
        COMMAND_LINE = 4,
        MODULES = 8,
        MAP = 0x40,
        LOADER = 0x200,
        MIB = 1 << 20
    };
    MultibootBlock *b = calloc(1, sizeof(*b));
    if (!b)
        return false;
    n = MIN(n, (unsigned)X86_RANGES);
    b->info.flags = MEMORY | COMMAND_LINE | MAP | LOADER | (initrd_bytes ? MODULES : 0);
    b->info.append = (uint32_t)l->append_at;
    b->info.map = MULTIBOOT_PLACE(range);
    b->info.map_bytes = n * (uint32_t)sizeof(b->range[0]);
    b->info.loader = MULTIBOOT_PLACE(loader);
    memcpy(b->loader, "Tinamou", sizeof(b->loader));
    if (initrd_bytes) {
        b->info.n_modules = 1;
        b->info.modules = MULTIBOOT_PLACE(module);
        b->module.first = (uint32_t)l->initrd_at;
        b->module.end = (uint32_t)(l->initrd_at + initrd_bytes);
        b->module.name = MULTIBOOT_PLACE(name);
        if (module)
            memcpy(b->name, module, MIN(strlen(module), sizeof(b->name) - 1));
    }
    for (unsigned k = 0; k < n; k++) {
        b->range[k].bytes = sizeof(b->range[0]) - 4;
        b->range[k].at = ranges[k].at;
        b->range[k].length = ranges[k].bytes;
        b->range[k].type = ranges[k].type;
        if (ranges[k].type == X86_RAM && ranges[k].at == 0)
            b->info.kib_lower = (uint32_t)(ranges[k].bytes >> 10);
        if (ranges[k].type == X86_RAM && ranges[k].at == MIB)
            b->info.kib_upper = (uint32_t)(ranges[k].bytes >> 10);
    }
    fill_entry(&b->entry, entry, LOADED, MULTIBOOT_PLACE(info));
    take_block(l, b, sizeof(*b));
    return true;
}
