/*
 * The loader: puts an ELF program and its interpreter into guest memory.
 *
 * Only program headers are looked at; every value in them is checked first, so that a hostile file ends in
 * one line, never in a fault. Without state; used before the guest starts.
 * Ownership: the descriptors are the caller's. Sources: elf(5), System V ABI chapters 4 and 5.
 */
#ifndef LINUX_USER_ELF_H
#define LINUX_USER_ELF_H

#include <elf.h>

#include "base/fmt.h"
#include "linux-user/mm.h"

enum { ELF_MAX_PHDRS = 65536 / 56, ELF_MAX_LOADS = 512 };

/* One PT_LOAD. */
typedef struct ElfLoad {
    uint64_t vaddr, offset, filesz, memsz;
    int prot;
} ElfLoad;

/* What the program headers say, checked. The same for files of 32 and of 64 bits: plan->abi->word tells. */
typedef struct ElfPlan {
    const LuAbi *abi;    /* whose program it is */
    bool pie;            /* ET_DYN */
    bool exec_stack;     /* PT_GNU_STACK with X */
    uint16_t n_loads, n_phdrs;
    uint64_t entry, phdr; /* phdr: its address, before the load bias; 0: not in a segment */
    uint64_t low, high;  /* page-aligned extent of the segments */
    uint64_t align;      /* largest p_align, at least a page */
    ElfLoad load[ELF_MAX_LOADS];
    char interp[LU_PATH_BYTES]; /* "" if none */
} ElfPlan;

/* Result of loading. */
typedef struct ElfImage {
    Gva bias, entry, phdr, high;
    uint16_t n_phdrs;
    bool exec_stack;
} ElfImage;

/* Bytes of a program header in that guest's files. */
unsigned elf_phdr_size(const LuAbi *abi);
/* The header in the first `len` bytes of a file, as that of a 64-bit one, which has the same fields; false:
 * none. */
bool elf_read_header(const char *head, long len, Elf64_Ehdr *ret);
/* Program header i of a file whose first `len` bytes are in head, with a header of a known phentsize. */
bool elf_read_phdr(int fd, const char *head, size_t len, const Elf64_Ehdr *eh, unsigned i, Elf64_Phdr *ret);
/* Reads the headers of fd into plan; false with the reason in err (without the file's name). abi: whose
 * program it must be;
 * NULL: any guest's. */
bool elf_plan(int fd, const LuAbi *abi, ElfPlan *plan, Fmt *err);
/* Maps it. `base`: where a position-independent file goes (0: anywhere). */
bool elf_map(LuThread *t, int fd, const ElfPlan *plan, Gva base, ElfImage *ret, Fmt *err);

#endif
