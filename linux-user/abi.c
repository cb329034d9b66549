#include "linux-user/abi.h"

#include <elf.h>

#include "base/fmt.h"

const LuAbi *lu_abi_at(unsigned i)
{
    switch (i) {
    case 0: return &lu_abi_arm64;
    case 1: return &lu_abi_riscv64;
    case 2: return &lu_abi_arm;
    case 3: return &lu_abi_x86_64;
    case 4: return &lu_abi_i386;
    case 5: return &lu_abi_riscv32;
    default: return NULL;
    }
}

const LuAbi *lu_abi_named(const char *name, size_t n)
{
    const LuAbi *abi;
    for (unsigned i = 0; (abi = lu_abi_at(i)); i++)
        if (strlen(abi->name) == n && !memcmp(abi->name, name, n))
            break;
    return abi;
}

bool lu_abi_has_header(const LuAbi *abi, const uint8_t head[LU_ELF_HEAD])
{
    unsigned machine = head[18] | (unsigned)head[19] << 8;
    return !memcmp(head, ELFMAG, SELFMAG) && head[EI_DATA] == ELFDATA2LSB &&
           abi->target->elf_class == head[EI_CLASS] && abi->target->elf_machine == machine;
}

const LuAbi *lu_abi_of_header(const uint8_t head[LU_ELF_HEAD])
{
    const LuAbi *abi;
    for (unsigned i = 0; (abi = lu_abi_at(i)); i++)
        if (lu_abi_has_header(abi, head))
            break;
    return abi;
}

void lu_abi_list(Fmt *f, const LuAbi *only)
{
    if (only) {
        fmt_puts(f, only->name);
        return;
    }
    for (unsigned i = 0; lu_abi_at(i); i++) {
        if (i)
            fmt_puts(f, lu_abi_at(i + 1) ? ", " : " and ");
        fmt_puts(f, lu_abi_at(i)->name);
    }
}
