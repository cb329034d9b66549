/*
 * Files of /proc that would show the emulator. The guest gets a memfd with the text it would see on its own kernel;
 * what the kernel can be told (prctl PR_SET_MM_MAP in main.c, thread names) is left to the kernel.
 * Source: proc(5).
 */
#include "linux-user/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/fmt.h"
#include "linux-user/abi.h"
#include "linux-user/guest.h"
#include "linux-user/mm.h"
#include "linux-user/options.h"

typedef enum ProcFile {
    PROC_NONE, PROC_EXE, PROC_MAPS, PROC_SMAPS, PROC_CMDLINE, PROC_ENVIRON, PROC_AUXV, PROC_CPUINFO,
} ProcFile;

typedef struct ProcName {
    char name[9];
    uint8_t file; /* ProcFile */
} ProcName;

static const ProcName names[] = {
    {"exe", PROC_EXE},         {"maps", PROC_MAPS},       {"smaps", PROC_SMAPS},
    {"cmdline", PROC_CMDLINE}, {"environ", PROC_ENVIRON}, {"auxv", PROC_AUXV},
};

/* Is the component s (up to n bytes) this number? */
static bool is_number(const char *s, size_t n, int v)
{
    uint64_t x = 0;
    if (!n || n > 10)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        x = x * 10 + (unsigned)(s[i] - '0');
    }
    return x == (uint64_t)v;
}

/* Steps over one component; its length in *ret_n. */
static const char *component(const char *s, size_t *ret_n)
{
    while (*s == '/')
        s++;
    *ret_n = strcspn(s, "/");
    return s;
}

static bool is(const char *s, size_t n, const char *word) { return n == strlen(word) && !memcmp(s, word, n); }

static ProcFile proc_file(const LuThread *t, const char *path)
{
    size_t n;
    if (strncmp(path, "/proc/", 6))
        return PROC_NONE;
    const char *s = component(path + 6, &n);
    if (is(s, n, "cpuinfo") && !s[n])
        return PROC_CPUINFO;
    if (!is(s, n, "self") && !is(s, n, "thread-self") && !is_number(s, n, t->pid) && !is_number(s, n, t->tid))
        return PROC_NONE;
    s = component(s + n, &n);
    if (is(s, n, "task")) {
        s = component(s + n, &n);
        s = component(s + n, &n);
    }
    if (s[n])
        return PROC_NONE;
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (is(s, n, names[i].name))
            return names[i].file;
    return PROC_NONE;
}

/* The program's file for the host: by name, or if it has none, by the descriptor that main.c kept. */
static const char *exe_path(LuThread *t)
{
    if (t->proc->exe_fd < 0)
        return t->proc->exe_host;
    char *s = arena_alloc(&t->scratch, 32, 1);
    if (!s)
        return t->proc->exe_host;
    Fmt f = {.buf = s, .cap = 32};
    fmt_printf(&f, "/proc/self/fd/%d", t->proc->exe_fd);
    return s;
}

const char *lu_proc_path(LuThread *t, const char *guest_path)
{
    return proc_file(t, guest_path) == PROC_EXE ? exe_path(t) : NULL;
}

long lu_proc_readlink(LuThread *t, const char *guest_path, char *buf, size_t cap)
{
    if (proc_file(t, guest_path) != PROC_EXE)
        return -ENOTSUP;
    size_t n = MIN(strlen(t->proc->exe_path), cap);
    memcpy(buf, t->proc->exe_path, n);
    return (long)n;
}

/* ---- contents ---- */

/* A memfd being written through a small buffer. */
typedef struct Out {
    int fd;
    long err;
    Fmt f;
    char buf[8192];
} Out;

static void flush(Out *o)
{
    for (size_t at = 0; at < o->f.len && !o->err;) {
        long n = sys_write(o->fd, o->f.buf + at, o->f.len - at);
        if (n < 0)
            o->err = n;
        else
            at += (size_t)n;
    }
    o->f.len = 0;
}

/* Makes room for n more bytes. */
static Fmt *room(Out *o, size_t n)
{
    if (o->f.len + n >= o->f.cap)
        flush(o);
    return &o->f;
}

static void put_bytes(Out *o, const char *s, size_t n)
{
    for (; n; ) {
        size_t k = MIN(n, sizeof(o->buf) / 2);
        Fmt *f = room(o, k);
        memcpy(f->buf + f->len, s, k);
        f->len += k;
        s += k;
        n -= k;
    }
}

static void put_guest(Out *o, Gva start, Gva end)
{
    while (start < end && !o->err) {
        char part[1024];
        size_t n = MIN(end - start, sizeof(part)), left = fault_copy(part, guest_ptr(start), n);
        put_bytes(o, part, n - left);
        if (left)
            break;
        start += n;
    }
}

/* The host's file, whole, in arena memory. */
typedef struct HostText {
    char *text;
    size_t len, cap;
} HostText;

static long read_host(LuThread *t, const char *path, HostText *h)
{
    long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return fd;
    *h = (HostText){.cap = 32 << 20};
    if (!(h->text = lu_mm_arena_alloc(t->proc->mm, h->cap))) {
        sys_close((int)fd);
        return -ENOMEM;
    }
    for (long n; h->len < h->cap - 1 && (n = sys_read((int)fd, h->text + h->len, h->cap - 1 - h->len)) > 0;)
        h->len += (size_t)n;
    sys_close((int)fd);
    return 0;
}

/* A line of maps, taken apart. */
typedef struct MapLine {
    Gva start, end;
    uint64_t offset;
    const char *dev;  /* "fe:00 123" */
    size_t dev_len;
    const char *name;
    size_t name_len;
    const char *next; /* the line after */
} MapLine;

static const char *hex(const char *s, uint64_t *ret)
{
    for (*ret = 0;; s++) {
        unsigned c = (unsigned char)*s, d = c - '0' < 10 ? c - '0' : c - 'a' < 6 ? c - 'a' + 10 : 16;
        if (d == 16)
            return s;
        *ret = *ret << 4 | d;
    }
}

/* False: not a line of maps (smaps has others). */
static bool parse_map_line(const char *s, MapLine *m)
{
    const char *eol = strchr(s, '\n');
    *m = (MapLine){.next = eol ? eol + 1 : s + strlen(s)};
    eol = eol ? eol : m->next;
    const char *p = hex(s, &m->start);
    if (p == s || *p != '-')
        return false;
    p = hex(p + 1, &m->end);
    if (*p != ' ' || eol - p < 7)
        return false;
    p = hex(p + 6, &m->offset);
    m->dev = p + 1;
    const char *q = p + 1;
    for (int spaces = 0; q < eol; q++)
        if (*q == ' ' && ++spaces == 2)
            break;
    m->dev_len = (size_t)(q - m->dev);
    while (q < eol && *q == ' ')
        q++;
    m->name = q;
    m->name_len = (size_t)(eol - q);
    return true;
}

typedef struct MapsJob {
    LuThread *t;
    Out *out;
    const char *at; /* in the host's text: the first line not yet passed */
    bool details;   /* smaps */
} MapsJob;

static void put_map_line(MapsJob *j, const LuMapping *m, const MapLine *h)
{
    Gva start = MAX(m->start, h->start), end = MIN(m->end, h->end);
    uint64_t off = h->dev_len && h->dev[0] ? h->offset + (h->offset || h->name_len ? start - h->start : 0) : 0;
    Fmt *f = room(j->out, 160);
    size_t from = f->len;
    if (m->flags & MAP_ANONYMOUS && m->flags & MAP_PRIVATE)
        off = 0;
    fmt_printf(f, "%08llx-%08llx %c%c%c%c %08llx ", (unsigned long long)start, (unsigned long long)end,
               m->prot & PROT_READ ? 'r' : '-', m->prot & PROT_WRITE ? 'w' : '-', m->prot & PROT_EXEC ? 'x' : '-',
               m->flags & MAP_SHARED ? 's' : 'p', (unsigned long long)off);
    put_bytes(j->out, h->dev, h->dev_len);
    fmt_putc(f, ' ');
    const char *name = m->name;
    size_t n = strlen(name);
    if (!n && h->name_len && h->name[0] != '[') {
        const char *root = j->t->proc->opt->sysroot;
        size_t cut = strlen(root);
        bool below = cut && h->name_len > cut && !memcmp(h->name, root, cut) && h->name[cut] == '/';
        name = h->name + (below ? cut : 0);
        n = h->name_len - (below ? cut : 0);
    }
    while (n && f->len - from < 73)
        fmt_putc(f, ' ');
    put_bytes(j->out, name, n);
    put_bytes(j->out, "\n", 1);
}

/* Host lines that overlap the guest mapping m, in order; a host line may serve several. */
static bool one_mapping(void *opaque, const LuMapping *m)
{
    MapsJob *j = opaque;
    while (*j->at && !j->out->err) {
        MapLine h;
        if (!parse_map_line(j->at, &h)) {
            j->at = h.next;
            continue;
        }
        if (h.start >= m->end)
            break;
        if (h.end > m->start) {
            put_map_line(j, m, &h);
            const char *d = h.next;
            for (MapLine x; j->details && *d && !parse_map_line(d, &x); d = x.next)
                put_bytes(j->out, d, (size_t)(x.next - d));
        }
        if (h.end > m->end)
            break;
        j->at = h.next;
    }
    return !j->out->err;
}

static void put_maps(LuThread *t, Out *o, bool details)
{
    HostText h;
    o->err = read_host(t, details ? "/proc/self/smaps" : "/proc/self/maps", &h);
    if (o->err)
        return;
    MapsJob j = {.t = t, .out = o, .at = h.text, .details = details};
    lu_mm_for_each(t->proc->mm, one_mapping, &j);
    lu_mm_arena_free(t->proc->mm, h.text, h.cap);
}

/* As many processors as the host has: the guest's threads run on them all. */
static void put_cpuinfo(LuThread *t, Out *o)
{
    HostText h;
    o->err = read_host(t, "/proc/cpuinfo", &h);
    if (o->err)
        return;
    for (const char *s = h.text; (s = strstr(s, "processor\t:")); ) {
        unsigned cpu = 0;
        for (s += 11; *s == ' '; s++)
            ;
        for (; *s >= '0' && *s <= '9'; s++)
            cpu = cpu * 10 + (unsigned)(*s - '0');
        t->proc->abi->cpuinfo(t->proc, room(o, 1024), cpu);
    }
    lu_mm_arena_free(t->proc->mm, h.text, h.cap);
}

static long open_text(LuThread *t, ProcFile file, int flags)
{
    if (flags & O_DIRECTORY)
        return -ENOTDIR;
    if ((flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    Out *o = lu_mm_arena_alloc(t->proc->mm, sizeof(*o));
    if (!o)
        return -ENOMEM;
    long fd = sys_call2(SYS_memfd_create, "proc", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    o->fd = (int)fd;
    o->err = sys_is_err(fd) ? fd : 0;
    o->f = (Fmt){.buf = o->buf, .cap = sizeof(o->buf)};
    const LuProc *p = t->proc;
    if (!o->err) {
        switch (file) {
        case PROC_MAPS: put_maps(t, o, false); break;
        case PROC_SMAPS: put_maps(t, o, true); break;
        case PROC_CMDLINE: put_guest(o, p->args_start, p->args_end); break;
        case PROC_ENVIRON: put_guest(o, p->env_start, p->env_end); break;
        case PROC_AUXV: put_guest(o, p->auxv, p->auxv + p->auxv_len); break;
        case PROC_CPUINFO: put_cpuinfo(t, o); break;
        case PROC_EXE: case PROC_NONE: break;
        }
        flush(o);
        sys_call3(SYS_lseek, fd, 0, 0);
        if (o->err)
            sys_close((int)fd);
    }
    long err = o->err;
    lu_mm_arena_free(t->proc->mm, o, sizeof(*o));
    return err ? err : fd;
}

long lu_proc_open(LuThread *t, const char *guest_path, int flags)
{
    ProcFile file = proc_file(t, guest_path);
    if (file == PROC_NONE || (flags & O_PATH))
        return file == PROC_EXE ? sys_call4(SYS_openat, AT_FDCWD, exe_path(t), flags, 0) : -ENOTSUP;
    if (file == PROC_EXE)
        return flags & O_NOFOLLOW ? -ELOOP : sys_call4(SYS_openat, AT_FDCWD, exe_path(t), flags, 0);
    return open_text(t, file, flags);
}
