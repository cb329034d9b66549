#include "linux-user/elf.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "linux-user/abi.h"
#include "linux-user/guest.h"

#define PAGE 4096ull

enum { ELF_HEAD = 1024 }; /* the ELF header, and in nearly all files the program headers */

static bool fail(Fmt *err, const char *text)
{
    fmt_puts(err, text);
    return false;
}

/* One PT_LOAD against all that may be wrong with it. prev_end: end of the one before; space: of all
 * addresses. */
static bool check_load(const Elf64_Phdr *ph, uint64_t file_size, uint64_t prev_end, uint64_t space, Fmt *err)
{
    if (ph->p_filesz > ph->p_memsz)
        return fail(err, "a segment is larger in the file than in memory");
    /* bss has no place there */
    if (ph->p_filesz && (ph->p_offset > file_size || ph->p_filesz > file_size - ph->p_offset))
        return fail(err, "the file is truncated: a segment ends behind its end");
    if (ph->p_vaddr > space || ph->p_memsz > space - ph->p_vaddr)
        return fail(err, "a segment lies outside of the address space");
    if (ph->p_vaddr % PAGE != ph->p_offset % PAGE)
        return fail(err, "a segment's address and file offset do not agree modulo the page size");
    if (ph->p_align > 1 && (ph->p_align & (ph->p_align - 1)))
        return fail(err, "a segment's alignment is not a power of two");
    if (ph->p_vaddr < prev_end)
        return fail(err, "segments overlap or are out of order");
    return true;
}

static bool add_load(ElfPlan *plan, const Elf64_Phdr *ph, uint64_t file_size, const Elf64_Ehdr *eh, Fmt *err)
{
    const ElfLoad *prev = plan->n_loads ? &plan->load[plan->n_loads - 1] : NULL;
    if (!ph->p_memsz)
        return true;
    if (plan->n_loads == ELF_MAX_LOADS)
        return fail(err, "too many segments");
    uint64_t space = 1ull << (plan->abi->word == 4 ? 32 : 47);
    if (!check_load(ph, file_size, prev ? prev->vaddr + prev->memsz : 0, space, err))
        return false;
    ElfLoad *l = &plan->load[plan->n_loads++];
    *l = (ElfLoad){ph->p_vaddr, ph->p_offset, ph->p_filesz, ph->p_memsz, 0};
    l->prot = (ph->p_flags & PF_R ? PROT_READ : 0) | (ph->p_flags & PF_W ? PROT_WRITE : 0) |
              (ph->p_flags & PF_X ? PROT_EXEC : 0);
    if (plan->n_loads == 1)
        plan->low = align_down(ph->p_vaddr, PAGE);
    plan->high = align_up(ph->p_vaddr + ph->p_memsz, PAGE);
    plan->align = MAX(plan->align, ph->p_align);
    if (eh->e_phoff >= ph->p_offset && eh->e_phoff - ph->p_offset < ph->p_filesz)
        plan->phdr = eh->e_phoff - ph->p_offset + ph->p_vaddr;
    return true;
}

static bool read_interp(int fd, const Elf64_Phdr *ph, uint64_t file_size, ElfPlan *plan, Fmt *err)
{
    if (plan->interp[0])
        return true; /* the first one counts */
    if (ph->p_filesz < 2 || ph->p_filesz > sizeof(plan->interp))
        return fail(err, "the interpreter's name has an impossible length");
    if (ph->p_offset > file_size || ph->p_filesz > file_size - ph->p_offset)
        return fail(err, "the file is truncated: no interpreter name");
    long n = sys_call4(SYS_pread64, fd, plan->interp, ph->p_filesz, ph->p_offset);
    if (n != (long)ph->p_filesz || plan->interp[n - 1] || !plan->interp[0]) {
        plan->interp[0] = 0;
        return fail(err, "the interpreter's name is not a string");
    }
    return true;
}

/* What a foreign file is, for the message. Its machine stands where that of a 64-bit file does. */
static void put_machine(Fmt *err, const Elf64_Ehdr *eh)
{
    static const struct {
        uint16_t machine;
        char name[10];
    } machines[] = {{EM_386, "i386"},        {EM_X86_64, "x86-64"},   {EM_ARM, "arm"},
                    {EM_AARCH64, "aarch64"}, {EM_RISCV, "riscv"},     {EM_MIPS, "mips"},
                    {EM_PPC, "powerpc"},     {EM_PPC64, "powerpc64"}, {EM_S390, "s390"},
                    {EM_SPARCV9, "sparc64"}, {258, "loongarch"}};
    bool big = eh->e_ident[EI_DATA] == ELFDATA2MSB;
    uint16_t machine = big ? __builtin_bswap16(eh->e_machine) : eh->e_machine;
    unsigned i = 0;
    if (machine == EM_X86_64 && eh->e_ident[EI_CLASS] == ELFCLASS32) {
        fmt_puts(err, "x32");
        return;
    }
    while (i < ARRAY_SIZE(machines) && machines[i].machine != machine)
        i++;
    if (i < ARRAY_SIZE(machines))
        fmt_printf(err, "%s, ", machines[i].name);
    else
        fmt_printf(err, "machine %u, ", machine);
    fmt_printf(err, "%u bits%s", eh->e_ident[EI_CLASS] == ELFCLASS64 ? 64u : 32u,
               big ? ", big-endian" : "");
}

/* Kernels do not look at the OS field, and many linkers leave it 0; a name of another system is believed. */
static bool check_system(const Elf64_Ehdr *eh, Fmt *err)
{
    static const struct {
        uint8_t abi;
        char name[8];
    } systems[] = {{ELFOSABI_NETBSD, "NetBSD"}, {ELFOSABI_SOLARIS, "Solaris"}, {ELFOSABI_FREEBSD, "FreeBSD"},
                   {ELFOSABI_OPENBSD, "OpenBSD"}};
    for (unsigned i = 0; i < ARRAY_SIZE(systems); i++) {
        if (systems[i].abi != eh->e_ident[EI_OSABI])
            continue;
        fmt_printf(err, "a program for %s, not for Linux", systems[i].name);
        return false;
    }
    return true;
}

bool elf_read_header(const char *head, long len, Elf64_Ehdr *ret)
{
    Elf32_Ehdr e;
    if (len < (long)sizeof(e) || memcmp(head, ELFMAG, SELFMAG))
        return false;
    if (head[EI_CLASS] != ELFCLASS32) {
        memcpy(ret, head, MIN(sizeof(*ret), (size_t)len));
        return len >= (long)sizeof(*ret);
    }
    memcpy(&e, head, sizeof(e));
    *ret = (Elf64_Ehdr){.e_type = e.e_type, .e_machine = e.e_machine, .e_version = e.e_version,
                        .e_entry = e.e_entry,
                        .e_phoff = e.e_phoff, .e_phentsize = e.e_phentsize, .e_phnum = e.e_phnum,
                        .e_shoff = e.e_shoff,
                        .e_shentsize = e.e_shentsize, .e_shnum = e.e_shnum};
    memcpy(ret->e_ident, e.e_ident, sizeof(e.e_ident));
    return true;
}

/* OMAGIC, NMAGIC, ZMAGIC, QMAGIC of a.out(5), for a 386 or unsaid. */
static bool is_a_out(const char *head, long len)
{
    const uint8_t *h = (const uint8_t *)head;
    return len >= 32 && ((h[1] == 1 && (h[0] == 7 || h[0] == 8 || h[0] == 11)) || (!h[1] && h[0] == 0xcc)) &&
           (h[2] == 0 || h[2] == 100) && h[3] == 0;
}

static bool check_header(const Elf64_Ehdr *eh, const LuAbi *abi, uint64_t file_size, ElfPlan *plan, Fmt *err)
{
    const uint8_t *head = (const uint8_t *)eh;
    plan->abi = !abi ? lu_abi_of_header(head) : lu_abi_has_header(abi, head) ? abi : NULL;
    if (!plan->abi) {
        fmt_puts(err, "not a program for ");
        lu_abi_list(err, abi);
        fmt_puts(err, " (");
        put_machine(err, eh);
        fmt_puts(err, ")");
        return false;
    }
    if (!check_system(eh, err))
        return false;
    if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
        return fail(err, "an ELF file, but not a program");
    if (eh->e_phentsize != elf_phdr_size(plan->abi))
        return fail(err, "program headers of an unknown size");
    if (!eh->e_phnum || eh->e_phnum > ELF_MAX_PHDRS)
        return fail(err, "no program headers, or too many");
    if (eh->e_phoff > file_size || (uint64_t)eh->e_phnum * eh->e_phentsize > file_size - eh->e_phoff)
        return fail(err, "the file is truncated: no program headers");
    return true;
}

bool elf_read_phdr(int fd, const char *head, size_t len, const Elf64_Ehdr *eh, unsigned i, Elf64_Phdr *ret)
{
    size_t size = eh->e_phentsize; /* checked */
    uint64_t at = eh->e_phoff + i * size;
    Elf32_Phdr p;
    void *to = size == sizeof(p) ? (void *)&p : ret;
    if (at <= len && size <= len - at)
        memcpy(to, head + at, size);
    else if (sys_call4(SYS_pread64, fd, to, size, at) != (long)size)
        return false;
    if (to == &p)
        *ret = (Elf64_Phdr){p.p_type,  p.p_flags,  p.p_offset, p.p_vaddr,
                            p.p_paddr, p.p_filesz, p.p_memsz,  p.p_align};
    return true;
}

static bool add_phdr(int fd, const Elf64_Phdr *ph, uint64_t file_size, const Elf64_Ehdr *eh, ElfPlan *plan,
                     Fmt *err)
{
    if (ph->p_type == PT_LOAD)
        return add_load(plan, ph, file_size, eh, err);
    if (ph->p_type == PT_INTERP)
        return read_interp(fd, ph, file_size, plan, err);
    if (ph->p_type == PT_GNU_STACK)
        plan->exec_stack = ph->p_flags & PF_X;
    return true;
}

unsigned elf_phdr_size(const LuAbi *abi)
{
    return abi->word == 4 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
}

bool elf_plan(int fd, const LuAbi *abi, ElfPlan *plan, Fmt *err)
{
    struct stat st;
    char head[ELF_HEAD] __attribute__((aligned(8)));
    Elf64_Ehdr eh;
    memset(plan, 0, offsetof(ElfPlan, load));
    plan->interp[0] = 0;
    if (sys_is_err(sys_call2(SYS_fstat, fd, &st)) || !S_ISREG(st.st_mode))
        return fail(err, "not a regular file");
    long len = sys_call4(SYS_pread64, fd, head, sizeof(head), 0);
    if (!elf_read_header(head, len, &eh))
        return fail(err, is_a_out(head, len) ? "an a.out program, not ELF" : "not an ELF program");
    uint64_t file_size = (uint64_t)st.st_size;
    if (!check_header(&eh, abi, file_size, plan, err))
        return false;
    plan->pie = eh.e_type == ET_DYN;
    plan->entry = eh.e_entry;
    plan->n_phdrs = eh.e_phnum;
    plan->align = PAGE;
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        Elf64_Phdr ph;
        if (!elf_read_phdr(fd, head, (size_t)len, &eh, i, &ph))
            return fail(err, "unreadable program headers");
        if (!add_phdr(fd, &ph, file_size, &eh, plan, err))
            return false;
    }
    return plan->n_loads || fail(err, "nothing to load");
}

/* ---- mapping ---- */

static bool zero(Gva at, uint64_t n)
{
    static const char zeros[PAGE];
    return !n || guest_write(at, zeros, n);
}

static bool map_load(LuThread *t, int fd, const ElfLoad *l, Gva bias, int how, Fmt *err)
{
    Gva start = align_down(bias + l->vaddr, PAGE), file_end = bias + l->vaddr + l->filesz;
    Gva mapped = l->filesz ? align_up(file_end, PAGE) : start,
        end = align_up(bias + l->vaddr + l->memsz, PAGE);
    long e = 0;
    if (l->filesz)
        e = lu_mm_mmap(t, start, mapped - start, l->prot, MAP_PRIVATE | how, fd, align_down(l->offset, PAGE));
    if (!sys_is_err(e) && l->memsz > l->filesz && (l->prot & PROT_WRITE) && l->filesz &&
        !zero(file_end, mapped - file_end))
        e = -14;
    if (!sys_is_err(e) && end > mapped)
        e = lu_mm_mmap(t, mapped, end - mapped, l->prot, MAP_PRIVATE | MAP_ANONYMOUS | how, -1, 0);
    if (!sys_is_err(e))
        return true;
    fmt_printf(err, "cannot map a segment at 0x%llx (errno %d)", (unsigned long long)start, (int)-e);
    return false;
}

/* Address of the lowest segment, aligned; reserves the whole extent of a position-independent file. */
static bool choose_base(LuThread *t, const ElfPlan *plan, Gva base, Gva *ret, Fmt *err)
{
    uint64_t len = plan->high - plan->low, align = plan->align > PAGE ? plan->align : 0;
    if (!plan->pie) {
        *ret = plan->low;
        if (plan->low >= PAGE && lu_mm_in_range(lu_mm_task_size(t->proc->mm), plan->low, len))
            return true;
        fmt_printf(err, "its addresses, from 0x%llx, are not available", (unsigned long long)plan->low);
        return false;
    }
    if (align > 1ull << 40 || len > 1ull << 46)
        return fail(err, "it needs more address space than there is");
    base = align ? align_down(base, align) : base;
    long p = lu_mm_mmap(t, base, len + (base ? 0 : align), PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_is_err(p))
        return fail(err, "it does not fit into the address space");
    Gva at = align ? align_up((Gva)p, align) : (Gva)p;
    /* A base that was taken gave some other place, perhaps not aligned. */
    if (base && at != (Gva)p) {
        lu_mm_munmap(t, (Gva)p, len);
        return choose_base(t, plan, 0, ret, err);
    }
    if (at > (Gva)p)
        lu_mm_munmap(t, (Gva)p, at - (Gva)p);
    if (!base && align && (Gva)p + align > at)
        lu_mm_munmap(t, at + len, (Gva)p + align - at);
    *ret = at;
    return true;
}

bool elf_map(LuThread *t, int fd, const ElfPlan *plan, Gva base, ElfImage *ret, Fmt *err)
{
    Gva at;
    if (!choose_base(t, plan, base, &at, err))
        return false;
    Gva bias = at - plan->low;
    /* Pages shared by two segments are mapped twice, the later one wins, as in the kernel. */
    for (unsigned i = 0; i < plan->n_loads; i++) {
        const ElfLoad *l = &plan->load[i];
        bool shares = i && align_down(l->vaddr, PAGE) <
                               align_up(plan->load[i - 1].vaddr + plan->load[i - 1].memsz, PAGE);
        if (!map_load(t, fd, l, bias, plan->pie || shares ? MAP_FIXED : MAP_FIXED_NOREPLACE, err))
            return false;
    }
    /* Holes between segments are unmapped, as in the kernel. */
    for (unsigned i = 1; plan->pie && i < plan->n_loads; i++) {
        Gva a = align_up(bias + plan->load[i - 1].vaddr + plan->load[i - 1].memsz, PAGE);
        Gva b = align_down(bias + plan->load[i].vaddr, PAGE);
        if (a < b)
            lu_mm_munmap(t, a, b - a);
    }
    *ret = (ElfImage){.bias = bias, .entry = bias + plan->entry, .phdr = plan->phdr ? bias + plan->phdr : 0,
                      .high = bias + plan->high, .n_phdrs = plan->n_phdrs, .exec_stack = plan->exec_stack};
    return true;
}
