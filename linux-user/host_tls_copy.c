#include "linux-user/host_tls.h"
#include "base/bits.h"

#include <elf.h>

enum { TCB_BYTES = 4096, TCB_SELF = 0, TCB_HEADER_SELF = 0x10, TCB_STACK_GUARD = 0x28,
       TCB_POINTER_GUARD = 0x30,
       TCB_USED = 0x40 };

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

static const Elf64_Phdr *tls_segment(void)
{
    const Elf64_Phdr *ph = (const Elf64_Phdr *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        if (ph[i].p_type == PT_TLS)
            return &ph[i];
    }
    return NULL;
}

static size_t image_bytes(const Elf64_Phdr *ph)
{
    return ph ? align_up(ph->p_memsz, MAX(ph->p_align, (Elf64_Xword)64)) : 0;
}

size_t host_tls_size(void)
{
    return image_bytes(tls_segment()) + TCB_BYTES;
}

static void *fill(void *mem)
{
    const Elf64_Phdr *ph = tls_segment();
    char *tp = (char *)mem + image_bytes(ph);
    if (ph) {
        char *data = tp - align_up(ph->p_memsz, MAX(ph->p_align, (Elf64_Xword)1));
        memcpy(data, (const char *)&__ehdr_start + ph->p_vaddr, ph->p_filesz);
    }
    uint64_t self = (uintptr_t)tp;
    memcpy(tp + TCB_SELF, &self, 8);
    memcpy(tp + TCB_HEADER_SELF, &self, 8);
    return tp;
}

void *host_tls_first(void *mem, size_t bytes)
{
    return bytes < image_bytes(tls_segment()) + TCB_USED ? NULL : fill(mem);
}

void *host_tls_make(void *mem)
{
    char *tp = fill(mem);
    uint64_t guard;
    __asm__("movq %%fs:0x28, %0" : "=r"(guard));
    memcpy(tp + TCB_STACK_GUARD, &guard, 8);
    __asm__("movq %%fs:0x30, %0" : "=r"(guard));
    memcpy(tp + TCB_POINTER_GUARD, &guard, 8);
    return tp;
}

bool host_tls_has_donors(void)
{
    return false;
}
