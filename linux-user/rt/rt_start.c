/*
 * What a C library does before main(), as far as this program needs it: relocates the image, makes
 * thread-local storage for the first thread, keeps the auxiliary vector.
 *
 * Until relocate() is done nothing here may read a pointer from memory that the linker filled in.
 * Sources: System V ABI, x86-64 supplement, 3.4 and 4.4; ELF gABI, dynamic section and RELR.
 */
#include "base/bits.h"
#include "base/sys.h"
#include "linux-user/host_tls.h"

#include <elf.h>
#include <sys/auxv.h>

enum { ARCH_SET_FS = 0x1002, TLS_ROOM = 512, STATUS = 126 };

int main(int argc, char **argv, char **envp);
void rt_start(uint64_t *sp);

extern const Elf64_Dyn image_dynamic[] __asm__("_DYNAMIC") __attribute__((visibility("hidden")));
extern char image_start[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

static const Elf64_auxv_t *rt_auxv; /* the kernel's, on the stack */

unsigned long getauxval(unsigned long type)
{
    for (const Elf64_auxv_t *a = rt_auxv; a->a_type != AT_NULL; a++) {
        if (a->a_type == type)
            return a->a_un.a_val;
    }
    return 0;
}

static inline void relocate_relr(char *base, const uint64_t *word, uint64_t bytes)
{
    uint64_t *at = NULL;
    for (uint64_t i = 0; i < bytes / 8; i++) {
        if (!(word[i] & 1)) {
            at = (uint64_t *)(void *)(base + word[i]);
            *at++ += (uint64_t)(uintptr_t)base;
            continue;
        }
        for (unsigned bit = 1; bit < 64; bit++)
            if (word[i] >> bit & 1)
                at[bit - 1] += (uint64_t)(uintptr_t)base;
        at += 63;
    }
}

/* The image is linked at 0. Anything but relative relocations would be a mistake of the build. */
static inline void relocate(void)
{
    uint64_t rela = 0, rela_bytes = 0, relr = 0, relr_bytes = 0;
    for (const Elf64_Dyn *d = image_dynamic; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_RELA)
            rela = d->d_un.d_ptr;
        if (d->d_tag == DT_RELASZ)
            rela_bytes = d->d_un.d_val;
        if (d->d_tag == DT_RELR)
            relr = d->d_un.d_ptr;
        if (d->d_tag == DT_RELRSZ)
            relr_bytes = d->d_un.d_val;
    }
    relocate_relr(image_start, (const uint64_t *)(void *)(image_start + relr), relr_bytes);
    const Elf64_Rela *r = (const Elf64_Rela *)(void *)(image_start + rela);
    for (uint64_t i = 0; i < rela_bytes / sizeof(*r); i++) {
        if (ELF64_R_TYPE(r[i].r_info) == R_X86_64_NONE) /* what the linker found unnecessary in the end */
            continue;
        if (ELF64_R_TYPE(r[i].r_info) != R_X86_64_RELATIVE)
            __builtin_trap();
        *(uint64_t *)(void *)(image_start + r[i].r_offset) =
            (uint64_t)(uintptr_t)image_start + (uint64_t)r[i].r_addend;
    }
}

void rt_start(uint64_t *sp)
{
    relocate();
    int argc = (int)sp[0];
    char **argv = (char **)(void *)(sp + 1), **envp = argv + argc + 1, **end = envp;
    while (*end)
        end++;
    rt_auxv = (const Elf64_auxv_t *)(void *)(end + 1);
    /* On the stack of the first thread, which outlives everything. */
    char tls[TLS_ROOM] __attribute__((aligned(64))) = {0};
    void *tp = host_tls_first(tls, sizeof(tls));
    if (!tp || sys_is_err(sys_call2(SYS_arch_prctl, ARCH_SET_FS, tp)))
        sys_exit_group(STATUS);
    sys_exit_group(main(argc, argv, envp));
}
