#include "linux-user/core.h"

#include "base/fmt.h"
#include "linux-user/abi.h"
#include "linux-user/elf.h"
#include "linux-user/fs.h"
#include "linux-user/guest.h"
#include "linux-user/map_line.h"
#include "linux-user/mm.h"
#include "linux-user/regset.h"
#include "linux-user/signal_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { PAGE = 4096, MOST_SEGMENTS = 60000, NAME_ROOM = 8 };

/* A mapping of the guest. */
typedef struct Mapping {
    Gva start, end;
    uint64_t offset;
    uint32_t flags; /* PF_R, PF_W, PF_X */
    bool shared, file;
    const char *name;
    size_t name_len;
} Mapping;

/* The file, and what goes on while it is written. */
typedef struct Core {
    LuThread *t;
    const siginfo_t *si;
    int fd;
    bool wide, ok;
    uint64_t limit, at; /* bytes */
    const char *maps;   /* as the guest would read them */
    unsigned n_segments;
    uint64_t files, n_files; /* bytes of the names in NT_FILE */
    uint64_t data;           /* where the next segment's bytes will be */
    uint8_t buf[8192];
    size_t n;
} Core;

/* ---- bytes ---- */

static void flush(Core *c)
{
    for (size_t done = 0; c->ok && done < c->n;) {
        long w = sys_write(c->fd, c->buf + done, c->n - done);
        c->ok = w > 0 || w == -EINTR;
        done += w > 0 ? (size_t)w : 0;
    }
    c->n = 0;
}

static void put(Core *c, const void *from, size_t n)
{
    for (size_t part; n; n -= part, from = (const char *)from + part) {
        if (c->n == sizeof(c->buf))
            flush(c);
        part = MIN(n, sizeof(c->buf) - c->n);
        memcpy(c->buf + c->n, from, part);
        c->n += part;
        c->at += part;
    }
}

static void put_zeros(Core *c, size_t n)
{
    static const uint8_t zeros[64];
    for (; n > sizeof zeros; n -= sizeof zeros)
        put(c, zeros, sizeof zeros);
    put(c, zeros, n);
}

/* A long of the guest. */
static void put_word(Core *c, uint64_t v)
{
    put(c, &v, c->t->proc->abi->word);
}
static void put_u32(Core *c, uint32_t v)
{
    put(c, &v, 4);
}
static void put_u16(Core *c, uint16_t v)
{
    put(c, &v, 2);
}

/* ---- mappings ---- */

static bool parse_mapping(const char **at, Mapping *ret)
{
    MapLine m;
    if (!parse_map_line(*at, &m))
        return false;
    *at = m.next;
    *ret = (Mapping){.start = m.start,
                     .end = m.end,
                     .offset = m.offset,
                     .flags = (m.perms[0] == 'r' ? PF_R : 0u) | (m.perms[1] == 'w' ? PF_W : 0u) |
                              (m.perms[2] == 'x' ? PF_X : 0u),
                     .shared = m.perms[3] == 's',
                     .file = m.name_len && m.name[0] == '/',
                     .name = m.name,
                     .name_len = m.name_len};
    return true;
}

static void each(Core *c, void (*fn)(Core *c, const Mapping *m))
{
    const char *at = c->maps;
    Mapping m;
    for (unsigned n = 0; n < MOST_SEGMENTS && parse_mapping(&at, &m); n++)
        fn(c, &m);
}

/* Code is in its file; what else was mapped from one may have been written once. */
static uint64_t kept_bytes(const Mapping *m)
{
    bool elsewhere = m->file && (m->shared || ((m->flags & PF_X) && !(m->flags & PF_W)));
    return !(m->flags & PF_R) ? 0 : elsewhere ? MIN(m->end - m->start, (uint64_t)PAGE) : m->end - m->start;
}

static void count_segment(Core *c, const Mapping *m)
{
    c->n_segments++;
    c->n_files += m->file;
    c->files += m->file ? m->name_len + 1 : 0;
}

/* ---- headers ---- */

static void put_segment(Core *c, uint32_t type, uint32_t flags, uint64_t at, uint64_t va, uint64_t filesz,
                        uint64_t memsz)
{
    put_u32(c, type);
    if (c->wide)
        put_u32(c, flags);
    put_word(c, at);
    put_word(c, va);
    put_word(c, 0);
    put_word(c, filesz);
    put_word(c, memsz);
    if (!c->wide)
        put_u32(c, flags);
    put_word(c, type == PT_LOAD ? PAGE : 4);
}

static void put_mapping(Core *c, const Mapping *m)
{
    put_segment(c, PT_LOAD, m->flags, c->data, m->start, kept_bytes(m), m->end - m->start);
    c->data += kept_bytes(m);
}

static void put_header(Core *c, unsigned segments)
{
    const TargetOps *target = c->t->proc->abi->target;
    const uint8_t ident[EI_NIDENT] = {0x7f, 'E', 'L', 'F', target->elf_class, ELFDATA2LSB, EV_CURRENT};
    put(c, ident, sizeof ident);
    put_u16(c, ET_CORE);
    put_u16(c, target->elf_machine);
    put_u32(c, EV_CURRENT);
    put_word(c, 0);
    put_word(c, c->wide ? 64 : 52);
    put_word(c, 0);
    put_u32(c, 0);
    put_u16(c, c->wide ? 64 : 52);
    put_u16(c, c->wide ? 56 : 32);
    put_u16(c, (uint16_t)segments);
    put_u16(c, 0);
    put_u16(c, 0);
    put_u16(c, 0);
}

/* ---- notes ---- */

static size_t note_bytes(size_t n)
{
    return 12 + NAME_ROOM + align_up(n, 4);
}

/* Sets that not every ISA has are named so. */
static bool linux_note(uint32_t type)
{
    return type == NT_PRXFPREG || (type >= 0x100 && type < 0x1000);
}

static void put_note(Core *c, uint32_t type, size_t n)
{
    put_u32(c, linux_note(type) ? 6 : 5);
    put_u32(c, (uint32_t)n);
    put_u32(c, type);
    put(c, linux_note(type) ? "LINUX\0\0" : "CORE\0\0\0", NAME_ROOM);
}

static size_t prstatus_bytes(const Core *c)
{
    size_t n = (c->wide ? 112 : 72) + c->t->proc->abi->regs->set[0].bytes + 4;
    return align_up(n, c->wide ? 8 : 4);
}

static void put_prstatus(Core *c, const LuThread *o)
{
    const LuRegset *set = &c->t->proc->abi->regs->set[0];
    uint8_t regs[LU_REGSET_BYTES];
    size_t bytes = prstatus_bytes(c);
    uint64_t begin;
    put_note(c, NT_PRSTATUS, bytes);
    begin = c->at;
    put_u32(c, (uint32_t)c->si->si_signo);
    put_u32(c, (uint32_t)c->si->si_code);
    put_u32(c, 0);
    put_u32(c, o == c->t ? (uint32_t)c->si->si_signo : 0);
    put_word(c, 0);
    put_word(c, o->sig ? o->sig->mask : 0);
    put_u32(c, (uint32_t)o->tid);
    put_u32(c, (uint32_t)sys_call0(SYS_getppid));
    put_u32(c, (uint32_t)sys_call1(SYS_getpgid, 0));
    put_u32(c, (uint32_t)sys_call1(SYS_getsid, 0));
    for (unsigned k = 0; k < 8; k++)
        put_word(c, 0); /* times */
    set->get(o->cpu, regs);
    put(c, regs, set->bytes);
    put_u32(c, 1);
    put_zeros(c, bytes - (c->at - begin));
}

static void put_other_sets(Core *c, const LuThread *o)
{
    const LuRegs *r = c->t->proc->abi->regs;
    uint8_t regs[LU_REGSET_BYTES];
    for (unsigned k = 1; k < r->n_sets; k++) {
        if (!r->set[k].note)
            continue;
        put_note(c, r->set[k].note, r->set[k].bytes);
        r->set[k].get(o->cpu, regs);
        put(c, regs, r->set[k].bytes);
        put_zeros(c, align_up(r->set[k].bytes, 4) - r->set[k].bytes);
    }
}

static size_t thread_bytes(const Core *c)
{
    const LuRegs *r = c->t->proc->abi->regs;
    size_t n = note_bytes(prstatus_bytes(c));
    for (unsigned k = 1; k < r->n_sets; k++)
        n += r->set[k].note ? note_bytes(r->set[k].bytes) : 0;
    return n;
}

static size_t psinfo_bytes(const Core *c)
{
    return c->wide ? 136 : 124;
}

static void put_psinfo(Core *c, const char name[16])
{
    const LuProc *p = c->t->proc;
    char args[80] = "";
    put_note(c, NT_PRPSINFO, psinfo_bytes(c));
    put(c, "\0R\0", 4);
    if (c->wide)
        put_u32(c, 0);
    put_word(c, 0);
    if (c->wide) {
        put_u32(c, (uint32_t)sys_call0(SYS_getuid));
        put_u32(c, (uint32_t)sys_call0(SYS_getgid));
    } else {
        put_u16(c, (uint16_t)sys_call0(SYS_getuid));
        put_u16(c, (uint16_t)sys_call0(SYS_getgid));
    }
    put_u32(c, (uint32_t)c->t->pid);
    put_u32(c, (uint32_t)sys_call0(SYS_getppid));
    put_u32(c, (uint32_t)sys_call1(SYS_getpgid, 0));
    put_u32(c, (uint32_t)sys_call1(SYS_getsid, 0));
    put(c, name, 16);
    size_t n = MIN((size_t)(p->args_end - p->args_start), sizeof(args) - 1);
    if (!guest_read(args, p->args_start, n))
        n = 0;
    for (size_t k = 0; k < n; k++)
        args[k] = args[k] ? args[k] : ' ';
    put(c, args, sizeof args);
}

static void put_file(Core *c, const Mapping *m)
{
    if (!m->file)
        return;
    put_word(c, m->start);
    put_word(c, m->end);
    put_word(c, m->offset / PAGE);
}

static void put_file_name(Core *c, const Mapping *m)
{
    if (!m->file)
        return;
    put(c, m->name, m->name_len);
    put(c, "", 1);
}

static size_t files_bytes(const Core *c)
{
    return (2 + 3 * c->n_files) * c->t->proc->abi->word + c->files;
}

/* ---- the whole ---- */

static void put_bytes(Core *c, const Mapping *m)
{
    uint64_t n = kept_bytes(m);
    flush(c);
    for (uint64_t done = 0; c->ok && done < n && c->at + done < c->limit;) {
        long w = sys_write(c->fd, (const char *)(m->start + done), MIN(n - done, 1ull << 20));
        if (w == -EFAULT) /* behind the end of a file */
            w = sys_call3(SYS_lseek, c->fd, PAGE, SEEK_CUR) < 0 ? -EIO : PAGE;
        c->ok = w > 0 || w == -EINTR;
        done += w > 0 ? (uint64_t)w : 0;
    }
    c->at += n;
}

static size_t notes_bytes(const Core *c, unsigned threads)
{
    size_t n = threads * thread_bytes(c) + note_bytes(psinfo_bytes(c)) + note_bytes(c->t->proc->auxv_len);
    return n + note_bytes(files_bytes(c)) + (c->wide ? note_bytes(sizeof(siginfo_t)) : 0);
}

/* In the order that readers know from the kernel: the dying thread first. */
static void put_notes(Core *c, const char name[16])
{
    LuProc *p = c->t->proc;
    uint8_t auxv[1024] = {0};
    put_prstatus(c, c->t);
    put_psinfo(c, name);
    if (c->wide) {
        put_note(c, NT_SIGINFO, sizeof(siginfo_t));
        put(c, c->si, sizeof(siginfo_t));
    }
    guest_read(auxv, p->auxv, MIN(p->auxv_len, (Gva)sizeof auxv));
    put_note(c, NT_AUXV, p->auxv_len);
    put(c, auxv, p->auxv_len);
    put_zeros(c, align_up(p->auxv_len, 4) - p->auxv_len);
    put_note(c, NT_FILE, files_bytes(c));
    put_word(c, c->n_files);
    put_word(c, PAGE);
    each(c, put_file);
    each(c, put_file_name);
    put_zeros(c, align_up(files_bytes(c), 4) - files_bytes(c));
    put_other_sets(c, c->t);
    for (const LuThread *o = p->threads; o; o = o->next) {
        if (o == c->t)
            continue;
        put_prstatus(c, o);
        put_other_sets(c, o);
    }
}

static void write_core(Core *c, const char name[16])
{
    LuProc *p = c->t->proc;
    unsigned threads = 0;
    each(c, count_segment);
    unsigned segments = c->n_segments;
    for (const LuThread *o = p->threads; o; o = o->next)
        threads++;
    uint64_t notes = (c->wide ? 64 : 52) + (segments + 1ull) * (c->wide ? 56 : 32);
    size_t n = notes_bytes(c, threads);
    c->data = align_up(notes + n, PAGE);
    put_header(c, segments + 1);
    put_segment(c, PT_NOTE, 0, notes, 0, n, 0);
    each(c, put_mapping);
    put_notes(c, name);
    put_zeros(c, align_up(c->at, PAGE) - c->at);
    each(c, put_bytes);
    flush(c);
    /* A cut core tells by its length what was there. */
    sys_call2(SYS_ftruncate, c->fd, (long)MIN(c->at, c->limit));
}

bool lu_core_signal(int sig)
{
    return sig == SIGQUIT || sig == SIGILL || sig == SIGTRAP || sig == SIGABRT || sig == SIGBUS ||
           sig == SIGFPE || sig == SIGSEGV || sig == SIGSYS || sig == SIGXCPU || sig == SIGXFSZ;
}

/* ---- the limit, by which the parent knows ---- */

/* Limits of a process that left a core file. They can be read until it is waited for, and as its limit was a
 * page or more, it may lower them to these. A soft limit of 1 keeps the kernel from making one of its own, or
 * starting the program of core_pattern, for which other limits do not count. */
enum { SOFT_AT_END = 1, HARD_IF_LEFT = 3085 };

static bool get_limit(int pid, struct rlimit64 *ret)
{
    return !sys_is_err(sys_call4(SYS_prlimit64, pid, RLIMIT_CORE, NULL, ret));
}

static bool has_left(int pid)
{
    struct rlimit64 limit;
    return get_limit(pid, &limit) && limit.rlim_cur == SOFT_AT_END && limit.rlim_max == HARD_IF_LEFT;
}

bool lu_core_allowed(void)
{
    struct rlimit64 limit;
    return get_limit(0, &limit) && limit.rlim_cur >= PAGE; /* as the kernel: the least that makes sense */
}

void lu_core_tell(siginfo_t *si)
{
    if (si->si_signo == SIGCHLD && si->si_code == CLD_KILLED && lu_core_signal(si->si_status) &&
        has_left(si->si_pid))
        si->si_code = CLD_DUMPED;
}

static bool is_wanted(const LuThread *t)
{
    return lu_core_allowed() && sys_call1(SYS_prctl, PR_GET_DUMPABLE) == 1 && t->proc->auxv_len <= 1024 &&
           !t->vfork_child;
}

/* False: there is a file of that name, or none can be made. */
static bool leave(LuThread *t, const siginfo_t *si, uint64_t limit)
{
    char name[16] = "", path[64];
    Fmt f = FMT_ON(path);
    sys_call2(SYS_prctl, PR_GET_NAME, name);
    for (char *s = name; *s; s++)
        if (*s == '/')
            *s = '_';
    fmt_printf(&f, "tinamou_%s_%d.core", name, t->pid);
    Core *c = lu_mm_arena_alloc(t->proc->mm, sizeof(*c));
    long fd =
        sys_call4(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (!c || sys_is_err(fd))
        return false;
    *c = (Core){.t = t, .si = si, .fd = (int)fd, .wide = t->proc->abi->word == 8, .ok = true, .limit = limit};
    accel_exclusive_begin(t->cpu);
    size_t bytes;
    c->maps = lu_proc_maps(t, &bytes);
    if (c->maps)
        write_core(c, name);
    accel_exclusive_end(t->cpu);
    sys_close((int)fd);
    fmt_err("core file %s%s", path, c->ok ? "" : ", which is not complete");
    return true;
}

void lu_core_dump(LuThread *t, const siginfo_t *si)
{
    struct rlimit64 limit;
    if (!lu_core_signal(si->si_signo) || !get_limit(0, &limit))
        return;
    bool left = is_wanted(t) && leave(t, si, limit.rlim_cur);
    if (has_left(0)) /* another thread was faster */
        return;
    limit.rlim_cur = MIN(limit.rlim_max, (uint64_t)SOFT_AT_END);
    limit.rlim_max = left ? HARD_IF_LEFT : limit.rlim_max;
    sys_call4(SYS_prlimit64, 0, RLIMIT_CORE, &limit, NULL);
}
