/* -kernel on PCs: the parts of a bzImage by fw-cfg, with an option ROM that starts it from SeaBIOS; qboot and
 * OVMF do that by themselves. A kernel with a Multiboot header, or an ELF kernel with a PVH entry, is put
 * into memory; qboot is told where the latter is entered, SeaBIOS has an option ROM for both, which also
 * brings what is below 1 MiB. */
#include "hw/boot/x86_kernel32.h"
#include "hw/machine/x86_board.h"
#include "hw/misc/fw_cfg.h"
#include "target/target.h"

#include <elf.h>
#include <stdlib.h>

/* What the kernel hears: the user's words and the board's. */
static size_t append_bytes(const X86Board *b)
{
    return strlen(b->append) + 1;
}

/* Of a kernel that is entered in 32-bit mode: its X86Entry32. No firmware looks there. */
enum { ENTRY_KEY = 0x8010 };

static bool add_parts(X86Board *b, bool in_32_bits, DevError *err)
{
    const X86Linux *l = &b->kernel;
    const size_t real_mode = in_32_bits ? 0 : l->setup_bytes;
    const Image *initrd = &b->machine->cfg.initrd;
    const struct {
        unsigned at_key, size_key, data_key;
        uint64_t at;
        const void *bytes;
        size_t n;
    } rows[X86_LINUX_PARTS] = {
        {FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA, l->setup_at, l->setup, real_mode},
        {FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, l->append_at, b->append,
         append_bytes(b)},
        {FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, l->kernel_at, l->kernel,
         l->kernel_bytes},
        {FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, l->initrd_at, initrd->bytes,
         initrd->size},
    };
    X86LinuxPart parts[X86_LINUX_PARTS];
    for (unsigned k = 0; k < X86_LINUX_PARTS; k++) {
        parts[k] = (X86LinuxPart){(uint16_t)rows[k].data_key, (uint32_t)rows[k].n, rows[k].at};
        if (!fw_cfg_add_number(b->fw_cfg, rows[k].at_key, rows[k].at, 4) ||
            !fw_cfg_add_number(b->fw_cfg, rows[k].size_key, rows[k].n, 4) ||
            !fw_cfg_add(b->fw_cfg, rows[k].data_key, rows[k].bytes, rows[k].n))
            return dev_fail(err, "no room in the firmware's configuration");
    }
    if (in_32_bits && !fw_cfg_add(b->fw_cfg, ENTRY_KEY, l->setup, l->setup_bytes))
        return dev_fail(err, "no room in the firmware's configuration");
    if (in_32_bits)
        parts[0] = (X86LinuxPart){ENTRY_KEY, (uint32_t)l->setup_bytes, l->setup_at};
    x86_linux_rom(parts, in_32_bits, b->kernel_rom);
    return fw_cfg_add_file(b->fw_cfg, "genroms/linuxboot.bin", b->kernel_rom, sizeof(b->kernel_rom)) ||
           dev_fail(err, "no room in the firmware's configuration");
}

/* Of ELF notes: where the kernel wants to be entered in 32-bit mode. 0: it does not say. */
static uint32_t pvh_entry(const Image *kernel)
{
    enum { PHYS32_ENTRY = 18, NOTE_HEAD = 12 };
    const uint8_t *bytes = kernel->bytes;
    Elf64_Ehdr h;
    if (kernel->size < sizeof(h) || memcmp(bytes, ELFMAG, SELFMAG) != 0 || bytes[EI_CLASS] != ELFCLASS64)
        return 0;
    memcpy(&h, bytes, sizeof(h));
    for (unsigned k = 0; k < h.e_phnum; k++) {
        Elf64_Phdr p;
        const uint64_t at = h.e_phoff + (uint64_t)k * sizeof(p);
        if (at > kernel->size - sizeof(p) || h.e_phoff > kernel->size)
            return 0;
        memcpy(&p, bytes + at, sizeof(p));
        if (p.p_type != PT_NOTE || p.p_offset > kernel->size || p.p_filesz > kernel->size - p.p_offset)
            continue;
        for (uint64_t n = 0; n + NOTE_HEAD + 4 <= p.p_filesz;) {
            const uint8_t *note = bytes + p.p_offset + n;
            const uint64_t name = align_up(ld_u32(note), 4), desc = align_up(ld_u32(note + 4), 4);
            if (name + desc > p.p_filesz - n - NOTE_HEAD)
                break;
            if (ld_u32(note + 8) == PHYS32_ENTRY && desc >= 4)
                return ld_u32(note + NOTE_HEAD + name);
            n += NOTE_HEAD + name + desc;
        }
    }
    return 0;
}

/* As firmware leaves it: its data below 1 MiB, its tables at the end of what is below 4 GiB. */
static unsigned memory_map(const X86Board *b, X86Range map[X86_RANGES])
{
    enum { BIOS_DATA = 0x9fc00, MIB = 1 << 20 };
    const uint64_t high = b->ram.bytes - b->low_bytes;
    unsigned n = 0;
    map[n++] = (X86Range){0, BIOS_DATA, X86_RAM};
    map[n++] = (X86Range){BIOS_DATA, MIB - BIOS_DATA, X86_RESERVED};
    map[n++] = (X86Range){MIB, b->low_bytes - 2 * MIB, X86_RAM};
    map[n++] = (X86Range){b->low_bytes - MIB, MIB, X86_RESERVED};
    if (high)
        map[n++] = (X86Range){X86_ROM_END, high, X86_RAM};
    return n;
}

/* Firmware works in memory below 1 MiB: what the kernel has there comes once more, by the option ROM. */
static bool keep_low(const Machine *m, X86Linux *l, const LoadedImage *done, DevError *err)
{
    enum { STACK = 0x7000, PARTS = X86_ENTRY32_AT, MIB = 1 << 20 }; /* the stack of the option ROM */
    const uint64_t end = MIN(done->end, (uint64_t)PARTS);
    if (done->start >= MIB)
        return true;
    if (done->start < STACK || done->start >= PARTS || (done->end > PARTS && done->end <= MIB))
        return dev_fail(err, "the kernel is not between 0x%x and 0x%x, nor above 1 MiB", STACK, PARTS);
    l->kernel_at = done->start;
    l->kernel_bytes = end - done->start;
    l->kernel = l->low = malloc(l->kernel_bytes);
    return (l->low && mem_map_read(&m->map, l->kernel_at, l->low, l->kernel_bytes)) ||
           dev_fail(err, "no memory");
}

/* A kernel that is in memory; its other parts go beside it. */
static bool place_32(Machine *m, X86Board *b, const LoadedImage *done, DevError *err)
{
    const Image *initrd = &m->cfg.initrd;
    const uint64_t top = b->low_bytes - MIN(b->low_bytes, (uint64_t)(1 << 20));
    if (done->end > top || initrd->size > top - done->end)
        return dev_fail(err, "kernel and initial file system do not fit into memory");
    x86_linux_clear(&b->kernel);
    b->kernel = (X86Linux){.kernel_at = 1 << 20, .append_at = X86_ENTRY32_AT + 0x1000};
    b->kernel.initrd_at = initrd->size ? align_down(top - initrd->size, 4096) : 0;
    return keep_low(m, &b->kernel, done, err);
}

static bool load_pvh(Machine *m, X86Board *b, DevError *err)
{
    const Image *kernel = &m->cfg.kernel;
    const uint32_t entry = pvh_entry(kernel);
    X86Range map[X86_RANGES];
    LoadedImage done;
    if (!entry)
        return dev_fail(err, "neither a bzImage, nor Multiboot, nor an ELF file with a PVH entry: %s",
                        kernel->name);
    if (!image_load(&m->map, kernel->bytes, kernel->size, EM_X86_64, 0, &done, err))
        return image_blame(kernel->name, err);
    if (!place_32(m, b, &done, err))
        return false;
    return (x86_pvh_place(&b->kernel, entry, m->cfg.initrd.size, map, memory_map(b, map)) ||
            dev_fail(err, "no memory")) &&
           fw_cfg_add_number(b->fw_cfg, FW_CFG_KERNEL_ENTRY, entry, 4) && add_parts(b, true, err);
}

static bool load_multiboot(Machine *m, X86Board *b, DevError *err)
{
    const Image *kernel = &m->cfg.kernel;
    X86Range map[X86_RANGES];
    LoadedImage done;
    if (!x86_multiboot_load(&m->map, kernel->bytes, kernel->size, &done, err))
        return image_blame(kernel->name, err);
    if (done.entry > UINT32_MAX)
        return dev_fail(err, "the kernel is entered above 4 GiB: %s", kernel->name);
    if (!place_32(m, b, &done, err))
        return false;
    return (x86_multiboot_place(&b->kernel, (uint32_t)done.entry, m->cfg.initrd.size, m->cfg.initrd.name, map,
                                memory_map(b, map)) ||
            dev_fail(err, "no memory")) &&
           add_parts(b, true, err);
}

bool x86_board_kernel(Machine *m, X86Board *b, const char *more, DevError *err)
{
    const Image *kernel = &m->cfg.kernel;
    if (!kernel->bytes)
        return true;
    const bool multiboot =
        !x86_linux_is(kernel->bytes, kernel->size) && x86_multiboot_is(kernel->bytes, kernel->size);
    Fmt f = FMT_ON(b->append);
    if (multiboot) /* its command line begins with its name */
        fmt_printf(&f, "%s ", kernel->name);
    fmt_printf(&f, "%s%s", m->cfg.append ? m->cfg.append : "", more);
    if (f.len >= sizeof(b->append) - 1)
        return dev_fail(err, "the command line of the kernel is too long");
    if (multiboot)
        return load_multiboot(m, b, err);
    if (!x86_linux_is(kernel->bytes, kernel->size))
        return load_pvh(m, b, err);
    x86_linux_clear(&b->kernel);
    return (x86_linux_place(&b->kernel, kernel->bytes, kernel->size, append_bytes(b), m->cfg.initrd.size,
                            b->low_bytes, err) ||
            image_blame(kernel->name, err)) &&
           add_parts(b, false, err);
}
