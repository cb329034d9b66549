#include "linux-user/host_vdso.h"
#include "base/bits.h"

#include <elf.h>
#include <sys/auxv.h>

typedef struct Image {
    const char *base; /* difference to the addresses in the file */
    const char *str;
    const Elf64_Sym *sym;
    const uint32_t *hash, *gnu_hash;
} Image;

static bool find_tables(const char *start, Image *img)
{
    const Elf64_Ehdr *eh = (const Elf64_Ehdr *)(const void *)start;
    const Elf64_Phdr *ph = (const Elf64_Phdr *)(const void *)(start + eh->e_phoff);
    const Elf64_Dyn *dyn = NULL;
    *img = (Image){0};
    for (unsigned i = 0; i < eh->e_phnum; i++) {
        if (ph[i].p_type == PT_LOAD && !img->base)
            img->base = start + ph[i].p_offset - ph[i].p_vaddr;
        if (ph[i].p_type == PT_DYNAMIC)
            dyn = (const Elf64_Dyn *)(const void *)(start + ph[i].p_offset);
    }
    for (; img->base && dyn && dyn->d_tag != DT_NULL; dyn++) {
        const void *at = img->base + dyn->d_un.d_ptr;
        if (dyn->d_tag == DT_STRTAB)
            img->str = at;
        else if (dyn->d_tag == DT_SYMTAB)
            img->sym = at;
        else if (dyn->d_tag == DT_HASH)
            img->hash = at;
        else if (dyn->d_tag == DT_GNU_HASH)
            img->gnu_hash = at;
    }
    return img->str && img->sym;
}

/* Symbols that a look-up can find. Of the GNU form only the chains tell: the last one ends with an odd
 * word. */
static uint32_t symbol_count(const Image *img)
{
    if (img->hash)
        return img->hash[1];
    if (!img->gnu_hash)
        return 0;
    uint32_t n_buckets = img->gnu_hash[0], first = img->gnu_hash[1], bloom_words = img->gnu_hash[2], last = 0;
    const uint32_t *bucket = img->gnu_hash + 4 + 2 * (size_t)bloom_words, *chain = bucket + n_buckets;
    for (uint32_t i = 0; i < n_buckets; i++)
        last = MAX(last, bucket[i]);
    if (last < first)
        return 0;
    while (!(chain[last - first] & 1))
        last++;
    return last + 1;
}

HostClockFn *host_vdso_clock(void)
{
    const char *start = (const char *)getauxval(AT_SYSINFO_EHDR);
    Image img;
    if (!start || !find_tables(start, &img))
        return NULL;
    uint32_t n = symbol_count(&img);
    for (uint32_t i = 0; i < n; i++) {
        const Elf64_Sym *s = &img.sym[i];
        if (s->st_shndx != SHN_UNDEF && !strcmp(img.str + s->st_name, "__vdso_clock_gettime"))
            return (HostClockFn *)(uintptr_t)(img.base + s->st_value);
    }
    return NULL;
}
