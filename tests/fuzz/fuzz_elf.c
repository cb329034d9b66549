/*
 * The ELF loader on arbitrary bytes: headers checked, segments mapped. What may not happen: a crash, a guest
 * mapping outside of the guest's part, an accepted file without a reason to be accepted.
 */
#include "fuzz.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux-user/abi.h"
#include "linux-user/elf.h"
#include "linux-user/mm_int.h"
#include "linux-user/options.h"

static const LuAbi arm = {.target = &target_arm, .name = "arm", .word = 4, .task_size = 0xbf000000};
static LuProc procs[2]; /* of 64 and of 32 bits */
static LuThread thread;
static LuOptions opt = {.sysroot = ""};

static void unmap_all(LuMm *mm)
{
    for (uint32_t i = 0; i < mm->n;) {
        Range r = *range_at(mm, i);
        if (r.start >= r.end || r.end > mm->layout.task_size)
            abort();
        if (r.kind & RANGE_FOREIGN)
            i++;
        else if (lu_mm_munmap(&thread, r.start, r.end - r.start))
            abort();
    }
}

static void check_plan(const ElfPlan *p, size_t size)
{
    uint64_t space = 1ull << (p->abi->word == 4 ? 32 : 47);
    uint64_t end = 0;
    if (!p->n_loads || p->n_loads > ELF_MAX_LOADS || p->low > p->high || p->high > space + PAGE)
        abort();
    for (unsigned i = 0; i < p->n_loads; i++) {
        const ElfLoad *l = &p->load[i];
        if (l->vaddr < end || l->filesz > l->memsz || (l->filesz && l->offset + l->filesz > size))
            abort();
        end = l->vaddr + l->memsz;
    }
    if (!memchr(p->interp, 0, sizeof(p->interp)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ElfPlan plan;
    const uint64_t random[4] = {1, 2, 3, 4};
    bool narrow = size > EI_CLASS && data[EI_CLASS] == ELFCLASS32;
    LuProc *proc = thread.proc = &procs[narrow];
    if (!proc->mm) {
        proc->abi = narrow ? &arm : &lu_abi_riscv64;
        proc->opt = &opt;
        proc->mm = lu_mm_new(proc->abi, &opt, random);
        if (!proc->mm || lu_mm_layout(proc->mm)->pie_base >= proc->abi->task_size)
            abort();
    }
    thread.abi = proc->abi;
    int fd = memfd_create("elf", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    char text[300];
    Fmt err = FMT_ON(text);
    if (elf_plan(fd, proc->abi, &plan, &err)) {
        check_plan(&plan, size);
        ElfImage image;
        if (!elf_map(&thread, fd, &plan, plan.pie ? lu_mm_layout(proc->mm)->pie_base : 0, &image, &err) &&
            !err.len)
            abort(); /* refused without a reason */
        unmap_all(proc->mm);
    } else if (!err.len) {
        abort();
    }
    close(fd);
    return 0;
}

static size_t narrow_seed(unsigned i, uint8_t *buf, size_t cap)
{
    bool pie = i & 1;
    uint32_t base = pie ? 0 : 0x10000;
    Elf32_Ehdr eh = {.e_type = pie ? ET_DYN : ET_EXEC, .e_machine = EM_ARM, .e_version = 1,
                     .e_entry = base + 0x200,
                     .e_phoff = 52, .e_ehsize = 52, .e_phentsize = 32, .e_phnum = 2};
    memcpy(eh.e_ident, "\177ELF\1\1\1", 7);
    Elf32_Phdr ph[2] = {
        {PT_LOAD, 0, base, base, 0x800, 0x800, PF_R | PF_X, 4096},
        {PT_LOAD, 0x800, base + 0x1800, base + 0x1800, 0x100, 0x5000, PF_R | PF_W, 4096},
    };
    memset(buf, 0, cap);
    memcpy(buf, &eh, sizeof(eh));
    memcpy(buf + 52, ph, sizeof(ph));
    return 0x900;
}

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    if (i > 3)
        return i < 6 ? narrow_seed(i, buf, cap) : 0;
    bool pie = i & 1, two = i & 2;
    uint64_t base = pie ? 0 : 0x10000;
    Elf64_Ehdr eh = {.e_type = pie ? ET_DYN : ET_EXEC, .e_machine = EM_RISCV, .e_version = 1,
                     .e_entry = base + 0x200,
                     .e_phoff = 64, .e_ehsize = 64, .e_phentsize = 56, .e_phnum = two ? 4 : 1};
    memcpy(eh.e_ident, "\177ELF\2\1\1", 7);
    Elf64_Phdr ph[4] = {
        {PT_LOAD, PF_R | PF_X, 0, base, base, 0x800, 0x800, 4096},
        {PT_LOAD, PF_R | PF_W, 0x800, base + 0x1800, base + 0x1800, 0x100, 0x5000, 4096},
        {PT_INTERP, PF_R, 0x300, base + 0x300, base + 0x300, 11, 11, 1},
        {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16},
    };
    memset(buf, 0, cap);
    memcpy(buf, &eh, sizeof(eh));
    memcpy(buf + 64, ph, sizeof(ph));
    memcpy(buf + 0x300, "/lib/ld.so", 11);
    return 0x900;
}
