/* ELF: the System V ABI's chapter on object files. Files are hostile input. */
#include "hw/boot/image.h"

#include <elf.h>
#include <libfdt.h>

typedef struct Segment {
    uint64_t offset, address, file_bytes, memory_bytes;
    bool loads;
} Segment;

static Segment segment64(const uint8_t *p)
{
    Elf64_Phdr h;
    memcpy(&h, p, sizeof(h));
    return (Segment){h.p_offset, h.p_paddr, h.p_filesz, h.p_memsz, h.p_type == PT_LOAD};
}

static Segment segment32(const uint8_t *p)
{
    Elf32_Phdr h;
    memcpy(&h, p, sizeof(h));
    return (Segment){h.p_offset, h.p_paddr, h.p_filesz, h.p_memsz, h.p_type == PT_LOAD};
}

bool image_place(const MemMap *m, uint64_t address, const uint8_t *bytes, uint64_t n, uint64_t whole)
{
    static const uint8_t zeros[4096];
    bool ok = mem_map_load(m, address, bytes, n);
    for (uint64_t at = n, some; ok && at < whole; at += some) {
        some = MIN(whole - at, (uint64_t)sizeof(zeros));
        ok = mem_map_load(m, address + at, zeros, some);
    }
    return ok;
}

static bool load_segment(const MemMap *m, const uint8_t *bytes, size_t size, const Segment *s, DevError *err)
{
    if (s->offset > size || s->file_bytes > size - s->offset || s->memory_bytes < s->file_bytes)
        return dev_fail(err, "a segment is not inside of the ELF file");
    bool ok = image_place(m, s->address, bytes + s->offset, s->file_bytes, s->memory_bytes);
    return ok || dev_fail(err, "the ELF file has a segment at 0x%lx, where no memory is",
                          (unsigned long)s->address);
}

static bool load_elf(const MemMap *m, const uint8_t *bytes, size_t size, unsigned machine, LoadedImage *ret,
                     DevError *err)
{
    Elf64_Ehdr h = {0};
    Elf32_Ehdr h32;
    if (size < sizeof(h) || bytes[EI_DATA] != ELFDATA2LSB)
        return dev_fail(err, "the ELF file is not little-endian, or cut off");
    /* both classes have it at the same place */
    bool wide = bytes[EI_CLASS] == ELFCLASS64;
    memcpy(&h32, bytes, sizeof(h32));
    if (h32.e_machine != machine)
        return dev_fail(err, "the ELF file is for another machine (number %u)", (unsigned)h32.e_machine);
    if (h32.e_type != ET_EXEC && h32.e_type != ET_DYN)
        return dev_fail(err, "the ELF file is no program, but an object file, a module or a core file");
    if (wide) {
        memcpy(&h, bytes, sizeof(h));
    } else {
        h.e_entry = h32.e_entry;
        h.e_phoff = h32.e_phoff;
        h.e_phnum = h32.e_phnum;
        h.e_phentsize = h32.e_phentsize;
    }
    size_t entry = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    if (h.e_phentsize != entry || h.e_phoff > size || h.e_phnum > (size - h.e_phoff) / entry)
        return dev_fail(err, "the ELF file's program headers are not inside of it");
    *ret = (LoadedImage){.entry = h.e_entry, .start = UINT64_MAX, .elf = true};
    for (unsigned k = 0; k < h.e_phnum; k++) {
        const uint8_t *p = bytes + h.e_phoff + k * entry;
        Segment s = wide ? segment64(p) : segment32(p);
        if (!s.loads || s.memory_bytes == 0)
            continue;
        if (!load_segment(m, bytes, size, &s, err))
            return false;
        ret->start = MIN(ret->start, s.address);
        ret->end = MAX(ret->end, s.address + s.memory_bytes);
    }
    return ret->end || dev_fail(err, "the ELF file has no segment to load");
}

/* Kernels come packed, too: run as they are, they would say nothing. */
static const char *packed_by(const uint8_t *bytes, size_t size)
{
    static const struct {
        const char *magic, *program;
    } kinds[] = {{"\x1f\x8b\x08", "gzip"},
                 {"\xfd\x37zXZ", "xz"},
                 {"\x28\xb5\x2f\xfd", "zstd"},
                 {"\x02\x21\x4c\x18", "lz4"}};
    for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        if (size >= strlen(kinds[k].magic) && memcmp(bytes, kinds[k].magic, strlen(kinds[k].magic)) == 0)
            return kinds[k].program;
    return NULL;
}

bool image_load(const MemMap *m, const uint8_t *bytes, size_t size, unsigned machine, uint64_t at,
                LoadedImage *ret, DevError *err)
{
    const char *packed = packed_by(bytes, size);
    if (size >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0)
        return load_elf(m, bytes, size, machine, ret, err);
    if (packed)
        return dev_fail(err, "the image is packed: %s -d unpacks it", packed);
    *ret = (LoadedImage){.entry = at, .start = at, .end = at + size};
    return mem_map_load(m, at, bytes, size) ||
           dev_fail(err, "the image of %lu bytes does not fit into memory at 0x%lx", (unsigned long)size,
                    (unsigned long)at);
}

bool image_check_fdt(const uint8_t *bytes, size_t size, DevError *err)
{
    int why = size < sizeof(struct fdt_header) ? -FDT_ERR_TRUNCATED : fdt_check_full(bytes, size);
    return why == 0 || dev_fail(err, "this is no device tree: %s", fdt_strerror(why));
}

bool image_blame(const char *name, DevError *err)
{
    const DevError why = *err;
    return dev_fail(err, "%s: %s", why.text, name);
}
