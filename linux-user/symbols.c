#include "linux-user/symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "linux-user/abi.h"
#include "linux-user/map_line.h"
#include "linux-user/mm.h"
#include "linux-user/options.h"

enum { MOST_FILES = 256, FILE_NAME = 64, MAPS_BYTES = 8 << 20, MOST_SECTIONS = 4096 };
#define MOST_BYTES (1ull << 31) /* of a table in a file */

typedef struct Symbol {
    uint64_t at; /* as the file says */
    uint32_t len, name;
} Symbol;

/* A mapping, and the symbols of its file. */
typedef struct SymFile {
    Gva start, end, bias;
    Symbol *symbol; /* by address; NULL: none. In one block with the names, `bytes` */
    const char *names;
    uint32_t n;
    uint64_t bytes, names_bytes;
    char file[FILE_NAME]; /* without its folder; "" if it is none */
} SymFile;

struct LuSyms {
    LuProc *proc;
    Lock lock;
    unsigned n_files, next; /* the one to give up when there are too many */
    SymFile file[MOST_FILES];
};

LuSyms *lu_syms_new(LuProc *p)
{
    LuSyms *s = lu_mm_arena_alloc(p->mm, sizeof(*s));
    if (!s)
        return NULL;
    s->proc = p;
    lock_init(&s->lock, LOCK_RANK_LOG);
    return s;
}

/* ---- a file's symbols ---- */

static bool read_at(int fd, void *to, uint64_t n, uint64_t at)
{
    return sys_call4(SYS_pread64, fd, to, n, at) == (long)n;
}

static bool section(int fd, const Elf64_Ehdr *eh, unsigned i, Elf64_Shdr *ret)
{
    if (eh->e_ident[EI_CLASS] == ELFCLASS64)
        return eh->e_shentsize == sizeof(*ret) &&
               read_at(fd, ret, sizeof(*ret), eh->e_shoff + i * sizeof(*ret));
    Elf32_Shdr h;
    if (eh->e_shentsize != sizeof(h) || !read_at(fd, &h, sizeof(h), eh->e_shoff + i * sizeof(h)))
        return false;
    *ret = (Elf64_Shdr){.sh_type = h.sh_type,
                        .sh_offset = h.sh_offset,
                        .sh_size = h.sh_size,
                        .sh_link = h.sh_link,
                        .sh_entsize = h.sh_entsize};
    return true;
}

/* Address in the file's own terms of the byte at `offset`. */
static bool address_of(int fd, const Elf64_Ehdr *eh, uint64_t offset, uint64_t *ret)
{
    bool wide = eh->e_ident[EI_CLASS] == ELFCLASS64;
    for (unsigned i = 0; i < eh->e_phnum; i++) {
        Elf64_Phdr h;
        Elf32_Phdr low;
        if (!(wide ? read_at(fd, &h, sizeof(h), eh->e_phoff + i * sizeof(h))
                   : read_at(fd, &low, sizeof(low), eh->e_phoff + i * sizeof(low))))
            return false;
        if (!wide)
            h = (Elf64_Phdr){.p_type = low.p_type,
                             .p_offset = low.p_offset,
                             .p_vaddr = low.p_vaddr,
                             .p_filesz = low.p_filesz};
        if (h.p_type != PT_LOAD || offset < align_down(h.p_offset, 4096) || offset >= h.p_offset + h.p_filesz)
            continue;
        *ret = h.p_vaddr + offset - h.p_offset;
        return true;
    }
    return false;
}

static bool read_header(int fd, Elf64_Ehdr *ret)
{
    Elf32_Ehdr low;
    if (!read_at(fd, ret, sizeof(*ret), 0) || memcmp(ret->e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    if (ret->e_ident[EI_CLASS] == ELFCLASS64)
        return true;
    memcpy(&low, ret, sizeof(low));
    *ret = (Elf64_Ehdr){.e_phoff = low.e_phoff,
                        .e_shoff = low.e_shoff,
                        .e_machine = low.e_machine,
                        .e_phnum = low.e_phnum,
                        .e_shentsize = low.e_shentsize,
                        .e_shnum = low.e_shnum};
    memcpy(ret->e_ident, low.e_ident, sizeof(low.e_ident));
    return true;
}

/* Names of code, but not those that Arm marks kinds of it with. */
static bool is_code(unsigned info, unsigned shndx, uint64_t value)
{
    unsigned type = info & 15, bind = info >> 4;
    return shndx && shndx < SHN_LORESERVE && value &&
           (type == STT_FUNC || type == STT_GNU_IFUNC || (type == STT_NOTYPE && bind != STB_LOCAL));
}

static void sift(Symbol *v, uint32_t from, uint32_t n)
{
    Symbol x = v[from];
    for (uint32_t k; (k = 2 * from + 1) < n; from = k) {
        k += k + 1 < n && v[k + 1].at > v[k].at;
        if (v[k].at <= x.at)
            break;
        v[from] = v[k];
        v[k] = x;
    }
}

static void sort(Symbol *v, uint32_t n)
{
    for (uint32_t k = n / 2; k-- > 0;)
        sift(v, k, n);
    for (uint32_t k = n; k-- > 1;) {
        Symbol x = v[0];
        v[0] = v[k];
        v[k] = x;
        sift(v, 0, k);
    }
}

/* Entries of a symbol table, in place: what is no code goes. */
static uint32_t pick(Symbol *to, const char *from, uint64_t n, bool wide, bool thumb, uint64_t names_bytes)
{
    uint32_t picked = 0;
    for (uint64_t k = 0; k < n; k++) {
        Elf64_Sym y;
        Elf32_Sym low;
        if (wide) {
            memcpy(&y, from + k * sizeof(y), sizeof(y));
        } else {
            memcpy(&low, from + k * sizeof(low), sizeof(low));
            y = (Elf64_Sym){.st_name = low.st_name,
                            .st_info = low.st_info,
                            .st_shndx = low.st_shndx,
                            .st_value = low.st_value,
                            .st_size = low.st_size};
        }
        if (!is_code(y.st_info, y.st_shndx, y.st_value) || y.st_name >= names_bytes)
            continue;
        to[picked++] =
            (Symbol){y.st_value & ~(uint64_t)thumb, (uint32_t)MIN(y.st_size, UINT32_MAX), y.st_name};
    }
    return picked;
}

static void take_table(LuSyms *s, SymFile *f, int fd, const Elf64_Ehdr *eh, const Elf64_Shdr *table)
{
    bool wide = eh->e_ident[EI_CLASS] == ELFCLASS64;
    uint64_t entry = wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym), n = table->sh_size / entry;
    Elf64_Shdr names;
    if (table->sh_entsize != entry || table->sh_size > MOST_BYTES || table->sh_link >= eh->e_shnum ||
        !section(fd, eh, table->sh_link, &names) || !names.sh_size || names.sh_size > MOST_BYTES)
        return;
    /* a Symbol has at most as many bytes as any entry */
    uint64_t at_names = align_up(n * entry, 16), bytes = at_names + names.sh_size + 1;
    char *block = lu_mm_arena_alloc(s->proc->mm, bytes);
    if (!block)
        return;
    if (!read_at(fd, block, n * entry, table->sh_offset) ||
        !read_at(fd, block + at_names, names.sh_size, names.sh_offset)) {
        lu_mm_arena_free(s->proc->mm, block, bytes);
        return;
    }
    f->symbol = (Symbol *)(void *)block;
    f->names = block + at_names;
    f->names_bytes = names.sh_size;
    f->bytes = bytes;
    f->n = pick(f->symbol, block, n, wide, eh->e_machine == EM_ARM, names.sh_size);
    sort(f->symbol, f->n);
}

/* The full table, or what the dynamic linker sees; its type is 0 if there is none. */
static Elf64_Shdr find_table(int fd, const Elf64_Ehdr *eh)
{
    Elf64_Shdr h, best = {0};
    for (unsigned i = 0; i < eh->e_shnum && i < MOST_SECTIONS; i++)
        if (section(fd, eh, i, &h) &&
            (h.sh_type == SHT_SYMTAB || (h.sh_type == SHT_DYNSYM && !best.sh_type)))
            best = h;
    return best;
}

/* ---- separate files ---- */

enum { ID_BYTES = 64 };

/* What tells this build of the file from all others; the bytes, 0: nothing does. */
static unsigned build_id(int fd, const Elf64_Ehdr *eh, uint8_t to[ID_BYTES])
{
    struct {
        Elf64_Nhdr head;
        char name[4];
        uint8_t id[ID_BYTES];
    } note;
    Elf64_Shdr h;
    for (unsigned i = 0; i < eh->e_shnum && i < MOST_SECTIONS; i++) {
        if (!section(fd, eh, i, &h) || h.sh_type != SHT_NOTE || h.sh_size < offsetof(typeof(note), id) ||
            h.sh_size > sizeof(note) || !read_at(fd, &note, h.sh_size, h.sh_offset))
            continue;
        if (note.head.n_type != NT_GNU_BUILD_ID || note.head.n_namesz != 4 || memcmp(note.name, "GNU", 4) ||
            note.head.n_descsz > h.sh_size - offsetof(typeof(note), id))
            continue;
        memcpy(to, note.id, note.head.n_descsz);
        return note.head.n_descsz;
    }
    return 0;
}

/* The file of that build with what was taken out of this one, where GDB looks for it: below the sysroot, or
 * the host's. -1: there is none. */
static int open_separate(const LuSyms *s, int fd, const Elf64_Ehdr *eh)
{
    const char *below[2] = {s->proc->opt->sysroot, ""};
    uint8_t id[ID_BYTES];
    char path[LU_PATH_BYTES];
    unsigned n = build_id(fd, eh, id);
    for (unsigned k = *below[0] ? 0 : 1; n > 1 && k < 2; k++) {
        Fmt f = FMT_ON(path);
        fmt_printf(&f, "%s/usr/lib/debug/.build-id/%02x/", below[k], id[0]);
        for (unsigned i = 1; i < n; i++)
            fmt_printf(&f, "%02x", id[i]);
        fmt_puts(&f, ".debug");
        long got = sys_call4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
        if (!sys_is_err(got))
            return (int)got;
    }
    return -1;
}

static bool take_separate(LuSyms *s, SymFile *f, int fd, const Elf64_Ehdr *eh)
{
    int other = open_separate(s, fd, eh);
    Elf64_Ehdr header;
    if (other < 0)
        return false;
    if (read_header(other, &header) && header.e_machine == eh->e_machine) {
        const Elf64_Shdr table = find_table(other, &header);
        if (table.sh_type == SHT_SYMTAB)
            take_table(s, f, other, &header, &table);
    }
    sys_close(other);
    return f->symbol != NULL;
}

static void read_symbols(LuSyms *s, SymFile *f, int fd, uint64_t offset)
{
    Elf64_Ehdr eh;
    uint64_t at;
    if (!read_header(fd, &eh) || !address_of(fd, &eh, offset, &at))
        return;
    f->bias = f->start - at;
    const Elf64_Shdr table = find_table(fd, &eh);
    if (table.sh_type != SHT_SYMTAB && take_separate(s, f, fd, &eh))
        return;
    if (table.sh_type)
        take_table(s, f, fd, &eh, &table);
}

/* ---- what is mapped ---- */

static void drop(LuSyms *s, SymFile *f)
{
    if (f->symbol)
        lu_mm_arena_free(s->proc->mm, f->symbol, f->bytes);
    *f = s->file[--s->n_files];
}

static SymFile *file_at(LuSyms *s, Gva at)
{
    for (SymFile *f = s->file; f < s->file + s->n_files; f++)
        if (at >= f->start && at < f->end)
            return f;
    return NULL;
}

/* A mapping that is a file's, of which a copy of the name ends with a NUL. */
static void open_file(LuSyms *s, SymFile *f, const MapLine *m)
{
    char path[LU_PATH_BYTES];
    if (!m->name_len || m->name_len >= sizeof(path))
        return;
    memcpy(path, m->name, m->name_len);
    path[m->name_len] = 0;
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t n = MIN(strlen(base), sizeof(f->file) - 1);
    memcpy(f->file, base, n);
    long fd =
        path[0] == '/' ? sys_call4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) : -1;
    if (sys_is_err(fd))
        return;
    struct stat st;
    if (!sys_call2(SYS_fstat, fd, &st) && S_ISREG(st.st_mode))
        read_symbols(s, f, (int)fd, m->offset);
    sys_close((int)fd);
}

/* The mapping at this address, as the host shows it. */
static SymFile *look(LuSyms *s, Gva at)
{
    SymFile *f = NULL;
    char *text = lu_mm_arena_alloc(s->proc->mm, MAPS_BYTES);
    long fd = sys_call4(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    size_t len = 0;
    for (long n; text && !sys_is_err(fd) && len < MAPS_BYTES - 1; len += (size_t)n)
        if ((n = sys_read((int)fd, text + len, MAPS_BYTES - 1 - len)) <= 0)
            break;
    MapLine m;
    for (const char *line = text; text && *line; line = m.next) {
        if (!parse_map_line(line, &m) || at < m.start || at >= m.end)
            continue;
        if (s->n_files == MOST_FILES)
            drop(s, &s->file[s->next++ % MOST_FILES]);
        f = &s->file[s->n_files++];
        *f = (SymFile){.start = m.start, .end = m.end};
        open_file(s, f, &m);
        break;
    }
    if (!sys_is_err(fd))
        sys_close((int)fd);
    if (text)
        lu_mm_arena_free(s->proc->mm, text, MAPS_BYTES);
    return f;
}

/* The last symbol not behind the address; of a kind that has a length, if it reaches there. */
static const Symbol *symbol_at(const SymFile *f, uint64_t at)
{
    uint32_t low = 0, high = f->n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (f->symbol[mid].at <= at)
            low = mid + 1;
        else
            high = mid;
    }
    enum { NEAR = 16 };
    for (uint32_t k = low; k && low - k < NEAR; k--) {
        const Symbol *y = &f->symbol[k - 1];
        if (at - y->at < y->len || (!y->len && (k == low || y->at == f->symbol[low - 1].at)))
            return y;
    }
    return NULL;
}

void lu_syms_name(LuSyms *s, Gva at, Fmt *out)
{
    at &= ~(Gva)s->proc->abi->target->pc_tag;
    lock_take(&s->lock);
    SymFile *f = file_at(s, at);
    if (!f)
        f = look(s, at);
    const Symbol *y = f ? symbol_at(f, at - f->bias) : NULL;
    if (y)
        fmt_printf(out, "%s", f->names + y->name);
    if (y && at - f->bias != y->at)
        fmt_printf(out, "+0x%lx", (unsigned long)(at - f->bias - y->at));
    if (!y)
        fmt_printf(out, "0x%lx", (unsigned long)at);
    if (f && f->file[0])
        fmt_printf(out, f->file[0] == '[' ? " %s" : " [%s]", f->file);
    lock_release(&s->lock);
}

void lu_syms_forget(LuSyms *s, Gva start, uint64_t len)
{
    lock_take(&s->lock);
    for (unsigned k = s->n_files; k-- > 0;)
        if (s->file[k].start < start + len && start < s->file[k].end)
            drop(s, &s->file[k]);
    lock_release(&s->lock);
}

void lu_syms_fork_prepare(LuSyms *s)
{
    lock_take(&s->lock);
}
void lu_syms_fork_done(LuSyms *s)
{
    lock_release(&s->lock);
}
