#include "linux-user/crash.h"
#include "linux-user/fs.h"
#include "linux-user/mm.h"
#include "base/bits.h"
#include "base/fmt.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* An ELF file as bytes. It is the guest's and may be anything: every range is checked before it is read. */
typedef struct File {
    const char *bytes;
    uint64_t size;
} File;

typedef struct Place {
    Gva pc;
    bool found;
    Gva start;
    uint64_t offset;
    char name[256];
} Place;

static const char signal_names[SIGSYS + 1][8] = {
    [SIGILL] = "SIGILL", [SIGTRAP] = "SIGTRAP", [SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE", [SIGSEGV] = "SIGSEGV",
    [SIGSYS] = "SIGSYS",
};

static bool find_place(void *opaque, const LuMapping *m)
{
    Place *at = opaque;
    if (at->pc < m->start || at->pc >= m->end)
        return true;
    Fmt f = FMT_ON(at->name);
    fmt_puts(&f, m->name);
    at->found = true;
    at->start = m->start;
    at->offset = m->offset;
    return false;
}

static const void *file_at(const File *f, uint64_t offset, uint64_t count, uint64_t each)
{
    if (offset > f->size || (each && count > (f->size - offset) / each))
        return NULL;
    return f->bytes + offset;
}

static File file_map(LuThread *t, const char *guest_path)
{
    File f = {0};
    struct stat st;
    const char *path = lu_proc_path(t, guest_path);
    long fd = sys_call4(SYS_openat, AT_FDCWD, path ? path : lu_path(t, guest_path), O_RDONLY | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return f;
    if (!sys_is_err(sys_call2(SYS_fstat, fd, &st)) && st.st_size > 0) {
        long p = sys_mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, (int)fd, 0);
        if (!sys_is_err(p))
            f = (File){(const char *)p, (uint64_t)st.st_size};
    }
    sys_close((int)fd);
    return f;
}

/* The address that the file's symbols use for its byte `offset`. */
static bool file_vaddr(const File *f, const Elf64_Ehdr *eh, uint64_t offset, uint64_t *ret_vaddr)
{
    const Elf64_Phdr *ph = file_at(f, eh->e_phoff, eh->e_phnum, sizeof *ph);
    for (unsigned i = 0; ph && i < eh->e_phnum; i++) {
        if (ph[i].p_type == PT_LOAD && offset >= ph[i].p_offset && offset - ph[i].p_offset < ph[i].p_filesz) {
            *ret_vaddr = ph[i].p_vaddr + (offset - ph[i].p_offset);
            return true;
        }
    }
    return false;
}

static bool search_table(const File *f, const Elf64_Shdr *sh, unsigned n_sh, unsigned table, uint64_t vaddr, Fmt *out)
{
    const Elf64_Sym *sym = file_at(f, sh[table].sh_offset, sh[table].sh_size, 1);
    if (!sym || sh[table].sh_link >= n_sh)
        return false;
    const Elf64_Shdr *str = &sh[sh[table].sh_link];
    const char *names = file_at(f, str->sh_offset, str->sh_size, 1);
    const Elf64_Sym *best = NULL;
    for (uint64_t i = 0; i < sh[table].sh_size / sizeof *sym; i++) {
        bool inside = vaddr >= sym[i].st_value && vaddr - sym[i].st_value < MAX(sym[i].st_size, (Elf64_Xword)1);
        if (inside && ELF64_ST_TYPE(sym[i].st_info) == STT_FUNC && sym[i].st_name < str->sh_size)
            best = &sym[i];
    }
    if (!names || !best)
        return false;
    fmt_puts(out, " in ");
    for (uint64_t i = best->st_name; i < str->sh_size && names[i]; i++)
        fmt_putc(out, names[i]);
    fmt_printf(out, "+0x%lx", (unsigned long)(vaddr - best->st_value));
    return true;
}

static void put_symbol(LuThread *t, const Place *at, Fmt *out)
{
    File f = file_map(t, at->name);
    const Elf64_Ehdr *eh = file_at(&f, 0, 1, sizeof *eh);
    uint64_t vaddr;
    if (!f.bytes || !eh || f.size < sizeof *eh || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0)
        return;
    if (!file_vaddr(&f, eh, at->pc - at->start + at->offset, &vaddr))
        return;
    const Elf64_Shdr *sh = file_at(&f, eh->e_shoff, eh->e_shnum, sizeof *sh);
    for (unsigned want = SHT_SYMTAB; sh; want = SHT_DYNSYM) {
        for (unsigned i = 0; i < eh->e_shnum; i++) {
            if (sh[i].sh_type == want && search_table(&f, sh, eh->e_shnum, i, vaddr, out))
                return;
        }
        if (want == SHT_DYNSYM)
            return;
    }
}

void lu_crash_report(LuThread *t, const LuSigInfo *info)
{
    char line[900];
    Fmt f = FMT_ON(line);
    unsigned sig = (unsigned)info->si.si_signo;
    const char *name = sig < ARRAY_SIZE(signal_names) && signal_names[sig][0] ? signal_names[sig] : "signal";
    Gva pc = t->cpu->pc;
    fmt_printf(&f, "%s: signal %u (%s) at pc 0x%lx", t->proc->exe_path, sig, name, (unsigned long)pc);
    if (info->si.si_code != SI_KERNEL)
        fmt_printf(&f, " (addr 0x%lx)", (unsigned long)(uintptr_t)info->si.si_addr);
    Place at = {.pc = pc};
    lu_mm_for_each(t->proc->mm, find_place, &at);
    if (at.found && at.name[0] == '/')
        put_symbol(t, &at, &f);
    if (at.found && at.name[0])
        fmt_printf(&f, " [%s+0x%lx]", at.name, (unsigned long)(pc - at.start + at.offset));
    else if (!at.found)
        fmt_puts(&f, " (nothing is mapped there)");
    fmt_err("%s", line);
}
