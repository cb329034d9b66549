/*
 * Files of /proc that would show the emulator. The guest gets a memfd with the text it would see on its own
 * kernel; what the kernel can be told (prctl PR_SET_MM_MAP in main.c, thread names) is left to the kernel.
 * Source: proc(5).
 */
#include "linux-user/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include "base/fmt.h"
#include "linux-user/abi.h"
#include "linux-user/guest.h"
#include "linux-user/map_line.h"
#include "linux-user/mm.h"
#include "linux-user/options.h"
#include "linux-user/sys_util.h"

typedef enum ProcFile {
    PROC_NONE,
    PROC_EXE,
    PROC_MAPS,
    PROC_SMAPS,
    PROC_NUMA_MAPS,
    PROC_CMDLINE,
    PROC_ENVIRON,
    PROC_AUXV,
    PROC_CPUINFO,
    PROC_MEM, /* the host's, but mm must know */
} ProcFile;

enum {
    PROC_NAME_BYTES = 256,  /* /proc/PID/task/TID/NAME, wherever that is mounted */
    MEMFD_NAME_BYTES = 250, /* memfd_create(2): 249 bytes and the NUL */
};

typedef struct ProcName {
    char name[11];
    uint8_t file; /* ProcFile */
} ProcName;

static const ProcName names[] = {
    {"exe", PROC_EXE},           {"maps", PROC_MAPS},       {"smaps", PROC_SMAPS},
    {"numa_maps", PROC_NUMA_MAPS},
    {"cmdline", PROC_CMDLINE},   {"environ", PROC_ENVIRON}, {"auxv", PROC_AUXV},   {"cpuinfo", PROC_CPUINFO},
    {"mem", PROC_MEM},
};

/* By the last component alone. */
static ProcFile file_named(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (!strcmp(name, names[i].name))
            return names[i].file;
    return PROC_NONE;
}

/* Cuts the last component off s: its number, 0 if it is none; what is left ends before it. */
static int cut_number(char *s)
{
    char *slash = strrchr(s, '/');
    if (!slash)
        return 0;
    int v = 0;
    const char *d = slash + 1;
    for (; *d >= '0' && *d <= '9' && v < 100000000; d++)
        v = v * 10 + (*d - '0');
    if (*d)
        return 0;
    *slash = 0;
    return v;
}

static bool is_own_thread(const LuThread *t, int id)
{
    char task[40];
    Fmt f = FMT_ON(task);
    if (id == t->pid || id == t->tid)
        return true;
    fmt_printf(&f, "/proc/self/task/%d", id);
    return id && !sys_call3(SYS_faccessat, AT_FDCWD, task, 0 /* F_OK */);
}

/* Which file of ours an open descriptor is. The kernel has dealt with links, "..", chroots and mounts; what
 * it calls the file ends in PID/name, PID/task/TID/name, or a name that is at the top of a proc file
 * system. ret_name: that name, or NULL. */
static ProcFile file_of_fd(const LuThread *t, int fd, char ret_name[PROC_NAME_BYTES])
{
    struct statfs fs;
    char path[PROC_NAME_BYTES];
    if (sys_call2(SYS_fstatfs, fd, &fs) || fs.f_type != PROC_SUPER_MAGIC)
        return PROC_NONE;
    long n = su_fd_path(fd, path, sizeof(path));
    if (n <= 0)
        return PROC_NONE;
    if (ret_name)
        memcpy(ret_name, path, (size_t)n + 1);
    ProcFile file = file_named(path);
    char *slash = strrchr(path, '/');
    if (file == PROC_NONE || !slash)
        return PROC_NONE;
    *slash = 0;
    int id = cut_number(path);
    if (file == PROC_CPUINFO)
        return id ? PROC_NONE : file;
    if (id && (slash = strrchr(path, '/')) && !strcmp(slash, "/task")) {
        *slash = 0;
        id = cut_number(path);
    }
    return is_own_thread(t, id) ? file : PROC_NONE;
}

/* Nearly all paths are done with after a look at their end; what then is a file of /proc, the kernel says. */
static ProcFile proc_file(LuThread *t, int dirfd, const char *path, char ret_name[PROC_NAME_BYTES])
{
    if (LIKELY(file_named(path) == PROC_NONE))
        return PROC_NONE;
    long fd = sys_call4(SYS_openat, dirfd, lu_path(t, dirfd, path), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return PROC_NONE;
    ProcFile file = file_of_fd(t, (int)fd, ret_name);
    sys_close((int)fd);
    return file;
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

const char *lu_proc_path(LuThread *t, int dirfd, const char *guest_path)
{
    return proc_file(t, dirfd, guest_path, NULL) == PROC_EXE ? exe_path(t) : NULL;
}

long lu_proc_readlink(LuThread *t, int dirfd, const char *guest_path, char *buf, size_t cap)
{
    ProcFile file = guest_path[0] ? proc_file(t, dirfd, guest_path, NULL) : file_of_fd(t, dirfd, NULL);
    if (file != PROC_EXE)
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
    uint64_t left; /* bytes that RLIMIT_FSIZE lets us write: one more would be a SIGXFSZ for the guest */
    Fmt f;
    char buf[8192];
} Out;

static void flush(Out *o)
{
    for (size_t at = 0; at < o->f.len && !o->err;) {
        long n = o->f.len - at > o->left ? -EFBIG : sys_write(o->fd, o->f.buf + at, o->f.len - at);
        if (n < 0)
            o->err = n;
        else
            at += (size_t)n, o->left -= (uint64_t)n;
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

typedef struct MapsJob {
    LuThread *t;
    Out *out;
    const char *at; /* in the host's text: the first line not yet passed */
    bool details;   /* smaps */
} MapsJob;

static void put_map_line(MapsJob *j, const LuMapping *m, const MapLine *h)
{
    Gva start = MAX(m->start, h->start), end = MIN(m->end, h->end);
    uint64_t off =
        h->dev_len && h->dev[0] ? h->offset + (h->offset || h->name_len ? start - h->start : 0) : 0;
    Fmt *f = room(j->out, 160);
    size_t from = f->len;
    if (m->flags & MAP_ANONYMOUS && m->flags & MAP_PRIVATE)
        off = 0;
    fmt_printf(f, "%08llx-%08llx %c%c%c%c %08llx ", (unsigned long long)start, (unsigned long long)end,
               m->prot & PROT_READ ? 'r' : '-', m->prot & PROT_WRITE ? 'w' : '-',
               m->prot & PROT_EXEC ? 'x' : '-', m->flags & MAP_SHARED ? 's' : 'p', (unsigned long long)off);
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

/* Lines begin with the address of a mapping. */
static void put_numa_maps(LuThread *t, Out *o)
{
    HostText h;
    o->err = read_host(t, "/proc/self/numa_maps", &h);
    if (o->err)
        return;
    for (const char *s = h.text; *s && !o->err;) {
        const char *eol = strchr(s, '\n'), *next = eol ? eol + 1 : s + strlen(s);
        uint64_t at;
        map_hex(s, &at);
        if (lu_mm_prot(t->proc->mm, at) >= 0)
            put_bytes(o, s, (size_t)(next - s));
        s = next;
    }
    lu_mm_arena_free(t->proc->mm, h.text, h.cap);
}

static void put_text(LuThread *t, ProcFile file, Out *o)
{
    const LuProc *p = t->proc;
    switch (file) {
    case PROC_MAPS: put_maps(t, o, false); break;
    case PROC_SMAPS: put_maps(t, o, true); break;
    case PROC_NUMA_MAPS: put_numa_maps(t, o); break;
    case PROC_CMDLINE: put_guest(o, p->args_start, p->args_end); break;
    case PROC_ENVIRON: put_guest(o, p->env_start, p->env_end); break;
    case PROC_AUXV: put_guest(o, p->auxv, p->auxv + p->auxv_len); break;
    case PROC_CPUINFO: put_cpuinfo(t, o); break;
    case PROC_EXE: case PROC_MEM: case PROC_NONE: break;
    }
    flush(o);
}

/* The guest's limit of file sizes is not for the files of /proc: while we write, it is the hard one. */
static void put_text_unlimited(LuThread *t, ProcFile file, Out *o)
{
    struct rlimit64 old, high;
    bool low = !sys_call4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &old) && old.rlim_cur < old.rlim_max;
    o->left = old.rlim_max;
    high = (struct rlimit64){old.rlim_max, old.rlim_max};
    if (low)
        sys_call4(SYS_prlimit64, 0, RLIMIT_FSIZE, &high, NULL);
    put_text(t, file, o);
    if (low)
        sys_call4(SYS_prlimit64, 0, RLIMIT_FSIZE, &old, NULL);
}

/* Files of /proc are not written, and a splice to one fails at once: the descriptor becomes one for reading.
 * It stays as it is where there is no /proc to open it by, or no other descriptor. */
static void read_only(int fd, int flags)
{
    char path[40];
    Fmt f = FMT_ON(path);
    fmt_printf(&f, "/proc/self/fd/%d", fd);
    int how = O_RDONLY | O_CLOEXEC | (flags & O_NONBLOCK);
    long again = sys_call4(SYS_openat, AT_FDCWD, path, how, 0);
    if (sys_is_err(again))
        return;
    sys_call3(SYS_dup3, again, fd, flags & O_CLOEXEC);
    sys_close((int)again);
}

/* The memfd's name says for which file it stands (su_text_name()). */
static long open_text(LuThread *t, ProcFile file, const char *name, int flags)
{
    char memfd_name[MEMFD_NAME_BYTES];
    Fmt f = FMT_ON(memfd_name);
    if (flags & O_DIRECTORY)
        return -ENOTDIR;
    if ((flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    Out *o = lu_mm_arena_alloc(t->proc->mm, sizeof(*o));
    if (!o)
        return -ENOMEM;
    fmt_printf(&f, LU_TEXT_NAME "%s", name);
    long fd = sys_call2(SYS_memfd_create, memfd_name, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    o->fd = (int)fd;
    o->err = sys_is_err(fd) ? fd : 0;
    o->f = (Fmt){.buf = o->buf, .cap = sizeof(o->buf)};
    if (!o->err) {
        put_text_unlimited(t, file, o);
        sys_call3(SYS_lseek, fd, 0, 0);
        if (o->err)
            sys_close((int)fd);
        else
            read_only((int)fd, flags);
    }
    long err = o->err;
    lu_mm_arena_free(t->proc->mm, o, sizeof(*o));
    return err ? err : fd;
}

long lu_proc_open(LuThread *t, int dirfd, const char *guest_path, int flags)
{
    char name[PROC_NAME_BYTES];
    ProcFile file = proc_file(t, dirfd, guest_path, name);
    if (t->tracees && file_named(guest_path) == PROC_MEM && (flags & O_ACCMODE) != O_RDONLY)
        t->proc->pokes = true;
    if (file == PROC_EXE && !(flags & O_NOFOLLOW))
        return sys_call4(SYS_openat, AT_FDCWD, exe_path(t), flags, 0);
    if (file == PROC_MEM && (flags & O_ACCMODE) != O_RDONLY)
        lu_mm_code_open_all(t->proc->mm, t->proc->accel); /* writes through it fault nowhere */
    if (file == PROC_NONE || file == PROC_EXE || file == PROC_MEM || (flags & O_PATH))
        return -ENOTSUP;
    return open_text(t, file, name, flags);
}

char *lu_proc_maps(LuThread *t, size_t *ret_bytes)
{
    long fd = lu_proc_open(t, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    long n = sys_is_err(fd) ? 0 : sys_call3(SYS_lseek, fd, 0, SEEK_END);
    char *text = n > 0 ? lu_mm_arena_alloc(t->proc->mm, (size_t)n + 1) : NULL;
    *ret_bytes = (size_t)n + 1;
    for (long done = 0, r; text && done < n; done += r) {
        if ((r = sys_call4(SYS_pread64, fd, text + done, n - done, done)) > 0)
            continue;
        lu_mm_arena_free(t->proc->mm, text, *ret_bytes);
        text = NULL;
        break;
    }
    if (!sys_is_err(fd))
        sys_close((int)fd);
    return text;
}

bool lu_proc_makes(LuThread *t, int dirfd, const char *guest_path)
{
    ProcFile file = proc_file(t, dirfd, guest_path, NULL);
    if (file == PROC_MEM) /* perhaps to write: the flags are not known here */
        lu_mm_code_open_all(t->proc->mm, t->proc->accel);
    return file != PROC_NONE && file != PROC_EXE && file != PROC_MEM;
}
