#include "linux-user/crash.h"
#include "linux-user/guest.h"
#include "base/bits.h"
#include "base/fmt.h"
#include "linux-user/abi.h"
#include "linux-user/elf.h"
#include "linux-user/map_line.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* An ELF file as bytes. It is the guest's and may be anything: every range is checked before it is read. */
typedef struct File {
    const char *bytes;
    uint64_t size;
} File;

/* Where an address lies, as the host's /proc/self/maps says: guest files are mapped under their host
 * names. */
typedef struct Place {
    Gva start;
    uint64_t offset;
    char path[512]; /* "": not in a file */
} Place;

static const char signal_names[SIGSYS + 1][8] = {
    [SIGILL] = "SIGILL", [SIGTRAP] = "SIGTRAP", [SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE",
               [SIGSEGV] = "SIGSEGV",
    [SIGSYS] = "SIGSYS",
};

/* True if the line is the one. */
static bool parse_line(const char *line, Gva pc, Place *ret_at)
{
    MapLine m;
    if (!parse_map_line(line, &m) || pc < m.start || pc >= m.end)
        return false;
    ret_at->start = m.start;
    ret_at->offset = m.offset;
    Fmt f = FMT_ON(ret_at->path);
    ret_at->path[0] = 0;
    if (m.name_len && m.name[0] == '/')
        fmt_puts(&f, m.name);
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

/* Entries of tables as those of 64-bit files. False: not in the file. */
static bool phdr_at(const File *f, const Elf64_Ehdr *eh, unsigned i, Elf64_Phdr *ret)
{
    bool wide = eh->e_ident[EI_CLASS] == ELFCLASS64;
    const char *p = file_at(f, eh->e_phoff, i + 1ull, wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
    Elf32_Phdr n;
    if (p && wide) {
        memcpy(ret, p + i * sizeof(*ret), sizeof(*ret));
    } else if (p) {
        memcpy(&n, p + i * sizeof(n), sizeof(n));
        *ret = (Elf64_Phdr){.p_type = n.p_type, .p_offset = n.p_offset, .p_vaddr = n.p_vaddr,
                            .p_filesz = n.p_filesz};
    }
    return p;
}

static bool shdr_at(const File *f, const Elf64_Ehdr *eh, unsigned i, Elf64_Shdr *ret)
{
    bool wide = eh->e_ident[EI_CLASS] == ELFCLASS64;
    const char *p = i < eh->e_shnum
                        ? file_at(f, eh->e_shoff, i + 1ull, wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr))
                        : NULL;
    Elf32_Shdr n;
    if (p && wide) {
        memcpy(ret, p + i * sizeof(*ret), sizeof(*ret));
    } else if (p) {
        memcpy(&n, p + i * sizeof(n), sizeof(n));
        *ret = (Elf64_Shdr){.sh_type = n.sh_type, .sh_offset = n.sh_offset, .sh_size = n.sh_size,
                            .sh_link = n.sh_link};
    }
    return p;
}

/* Symbol i of a table that lies in the file. Bit 0 of a function's address says on Arm which instruction set
 * it is of. */
static Elf64_Sym sym_at(const char *table, const Elf64_Ehdr *eh, uint64_t i)
{
    Elf64_Sym s;
    Elf32_Sym n;
    if (eh->e_ident[EI_CLASS] == ELFCLASS64) {
        memcpy(&s, table + i * sizeof(s), sizeof(s));
        return s;
    }
    memcpy(&n, table + i * sizeof(n), sizeof(n));
    uint32_t value = eh->e_machine == EM_ARM ? n.st_value & ~1u : n.st_value;
    return (Elf64_Sym){.st_name = n.st_name, .st_value = value, .st_size = n.st_size, .st_info = n.st_info};
}

/* The address that the file's symbols use for its byte `offset`. */
static bool file_vaddr(const File *f, const Elf64_Ehdr *eh, uint64_t offset, uint64_t *ret_vaddr)
{
    Elf64_Phdr ph;
    for (unsigned i = 0; i < eh->e_phnum && phdr_at(f, eh, i, &ph); i++) {
        if (ph.p_type == PT_LOAD && offset >= ph.p_offset && offset - ph.p_offset < ph.p_filesz) {
            *ret_vaddr = ph.p_vaddr + (offset - ph.p_offset);
            return true;
        }
    }
    return false;
}

static bool search_table(const File *f, const Elf64_Ehdr *eh, const Elf64_Shdr *sh, uint64_t vaddr, Fmt *out)
{
    Elf64_Shdr str;
    const char *table = file_at(f, sh->sh_offset, sh->sh_size, 1);
    if (!table || !shdr_at(f, eh, sh->sh_link, &str))
        return false;
    const char *names = file_at(f, str.sh_offset, str.sh_size, 1);
    uint64_t n = sh->sh_size / (eh->e_ident[EI_CLASS] == ELFCLASS64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
    Elf64_Sym best = {0};
    for (uint64_t i = 0; i < n; i++) {
        Elf64_Sym sym = sym_at(table, eh, i);
        bool inside = vaddr >= sym.st_value && vaddr - sym.st_value < MAX(sym.st_size, (Elf64_Xword)1);
        if (inside && ELF64_ST_TYPE(sym.st_info) == STT_FUNC && sym.st_name < str.sh_size)
            best = sym;
    }
    if (!names || !best.st_info)
        return false;
    fmt_puts(out, " in ");
    for (uint64_t i = best.st_name; i < str.sh_size && names[i]; i++)
        fmt_putc(out, names[i]);
    fmt_printf(out, "+0x%lx", (unsigned long)(vaddr - best.st_value));
    return true;
}

static void put_symbol(const Place *at, Gva pc, Fmt *out)
{
    File f = file_map(at->path);
    Elf64_Ehdr eh;
    Elf64_Shdr sh;
    uint64_t vaddr;
    if (!f.bytes || !elf_read_header(f.bytes, (long)f.size, &eh) ||
        !file_vaddr(&f, &eh, pc - at->start + at->offset, &vaddr))
        return;
    for (unsigned want = SHT_SYMTAB;; want = SHT_DYNSYM) {
        for (unsigned i = 0; i < eh.e_shnum && shdr_at(&f, &eh, i, &sh); i++) {
            if (sh.sh_type == want && search_table(&f, &eh, &sh, vaddr, out))
                return;
        }
        if (want == SHT_DYNSYM)
            return;
    }
}

/* " in symbol+offset [file+offset]", as far as it is known. */
static void put_place(Gva pc, Fmt *f)
{
    Place at;
    if (!find_place(pc, &at)) {
        fmt_puts(f, ", where nothing is mapped");
    } else if (at.path[0]) {
        put_symbol(&at, pc, f);
        fmt_printf(f, " [%s+0x%lx]", at.path, (unsigned long)(pc - at.start + at.offset));
    }
}

void lu_log_instruction(LuThread *t)
{
    const TargetOps *ops = t->proc->abi->target;
    char line[900], text[80] = "";
    uint8_t bytes[4] = {0};
    Gva pc = t->cpu->pc & ~ops->pc_tag;
    Fmt f = {.buf = line, .cap = sizeof(line) - 1};
    unsigned n = (unsigned)(sizeof(bytes) - fault_copy(bytes, guest_ptr(pc), sizeof(bytes)));
    unsigned len = ops->disas(t->cpu->pc, bytes, n, text, sizeof(text));
    fmt_puts(&f, "tinamou: unsupported instruction 0x");
    for (unsigned i = len && len <= n ? len : n; i-- > 0;)
        fmt_printf(&f, "%02x", bytes[i]);
    if (len && text[0])
        fmt_printf(&f, " (%s)", text);
    fmt_printf(&f, " at pc 0x%lx", (unsigned long)pc);
    put_place(pc, &f);
    line[f.len++] = '\n';
    sys_write(t->proc->strace_fd, line, f.len);
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
    put_place(pc, &f);
    fmt_err("%s", line);
}
