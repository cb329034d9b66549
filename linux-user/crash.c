#include "linux-user/crash.h"
#include "base/bits.h"
#include "base/fmt.h"
#include "linux-user/abi.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* An ELF file as bytes. It is the guest's and may be anything: every range is checked before it is read. */
typedef struct File {
    const char *bytes;
    uint64_t size;
} File;

/* Where an address lies, as the host's /proc/self/maps says: guest files are mapped under their host names. */
typedef struct Place {
    Gva start;
    uint64_t offset;
    char path[512]; /* "": not in a file */
} Place;

static const char signal_names[SIGSYS + 1][8] = {
    [SIGILL] = "SIGILL", [SIGTRAP] = "SIGTRAP", [SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE", [SIGSEGV] = "SIGSEGV",
    [SIGSYS] = "SIGSYS",
};

static uint64_t hex(const char **p)
{
    uint64_t v = 0;
    for (;; (*p)++) {
        unsigned c = (unsigned char)**p;
        if (c - '0' < 10)
            v = v << 4 | (c - '0');
        else if (c - 'a' < 6)
            v = v << 4 | (c - 'a' + 10);
        else
            return v;
    }
}

/* One line: START-END PERMS OFFSET DEV INODE PATH. True if it is the one. */
static bool parse_line(const char *line, Gva pc, Place *ret_at)
{
    const char *p = line;
    Gva start = hex(&p);
    p += *p == '-';
    Gva end = hex(&p);
    if (pc < start || pc >= end || strlen(p) < 7)
        return false;
    p += 6; /* " r-xp " */
    ret_at->start = start;
    ret_at->offset = hex(&p);
    p = strchr(p, '/');
    Fmt f = FMT_ON(ret_at->path);
    ret_at->path[0] = 0;
    if (p)
        fmt_puts(&f, p);
    return true;
}

static bool find_place(Gva pc, Place *ret_at)
{
    char buf[1024];
    size_t have = 0;
    long fd = sys_call4(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0), n;
    bool found = false;
    while (!found && !sys_is_err(fd) && (n = sys_read((int)fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
        have += (size_t)n;
        buf[have] = 0;
        char *line = buf, *end;
        for (; !found && (end = strchr(line, '\n')); line = end + 1) {
            *end = 0;
            found = parse_line(line, pc, ret_at);
        }
        if (line == buf)
            line = buf + have; /* longer than any path: give it up */
        have = (size_t)(buf + have - line);
        memmove(buf, line, have);
    }
    if (!sys_is_err(fd))
        sys_close((int)fd);
    return found;
}

static const void *file_at(const File *f, uint64_t offset, uint64_t count, uint64_t each)
{
    if (offset > f->size || (each && count > (f->size - offset) / each))
        return NULL;
    return f->bytes + offset;
}

static File file_map(const char *path)
{
    File f = {0};
    struct stat st;
    long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
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

static void put_symbol(const Place *at, Gva pc, Fmt *out)
{
    File f = file_map(at->path);
    const Elf64_Ehdr *eh = file_at(&f, 0, 1, sizeof *eh);
    uint64_t vaddr;
    if (!f.bytes || !eh || f.size < sizeof *eh || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0)
        return;
    if (!file_vaddr(&f, eh, pc - at->start + at->offset, &vaddr))
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
    Gva pc = t->cpu->pc & ~t->proc->abi->target->pc_tag;
    fmt_printf(&f, "%s: signal %u (%s) at pc 0x%lx", t->proc->exe_path, sig, name, (unsigned long)pc);
    if (info->si.si_code != SI_KERNEL)
        fmt_printf(&f, " (addr 0x%lx)", (unsigned long)(uintptr_t)info->si.si_addr);
    Place at;
    if (!find_place(pc, &at)) {
        fmt_puts(&f, ", where nothing is mapped");
    } else if (at.path[0]) {
        put_symbol(&at, pc, &f);
        fmt_printf(&f, " [%s+0x%lx]", at.path, (unsigned long)(pc - at.start + at.offset));
    }
    fmt_err("%s", line);
}
