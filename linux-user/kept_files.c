#include "linux-user/kept_files.h"

#include "base/fmt.h"
#include "linux-user/abi.h"
#include "linux-user/mm.h"
#include "linux-user/options.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum {
    OTHERS_WRITE = 022,
    NOBODY = 65534,         /* and whoever a namespace has no number for */
    USED_AGAIN = 24 * 3600, /* s */
};
/* Bytes. FREE_LEAST: of the file system, what others may want of it */
enum { FILE_MOST = 64 << 20, DIR_MOST = 1 << 30, FREE_LEAST = 256 << 20 };
enum { SEEN_SLOTS = 4096, OLDEST = 16 };

const char *lu_kept_place(LuProc *p, char **envp)
{
    const char *base = NULL, *home = NULL;
    struct stat st;
    for (; *envp; envp++) {
        if (!strncmp(*envp, "XDG_CACHE_HOME=/", 16))
            base = *envp + 15;
        else if (!strncmp(*envp, "HOME=/", 6) && (*envp)[6])
            home = *envp + 5;
    }
    const char *of = base ? base : home;
    if (!of || sys_is_err(sys_call4(SYS_newfstatat, AT_FDCWD, of, &st, 0)) ||
        st.st_uid != (uint32_t)sys_call0(SYS_geteuid)) /* such as the HOME of who called sudo */
        return NULL;
    size_t room = strlen(of) + 24;
    Fmt f = {.buf = lu_alloc(p, room), .cap = room};
    if (!f.buf)
        return NULL;
    fmt_printf(&f, "%s%s/tinamou", of, base ? "" : "/.cache");
    return f.buf;
}

uint64_t lu_kept_program(int fd)
{
    struct stat st;
    if (sys_is_err(sys_call2(SYS_fstat, fd, &st)))
        return 0;
    uint64_t time = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
    return ((uint64_t)st.st_size << 32 | (uint64_t)st.st_size >> 32) ^ time * 0x9e3779b97f4a7c15ull;
}

static bool is_ours(const struct stat *st)
{
    return st->st_uid == (uint32_t)sys_call0(SYS_geteuid) && st->st_uid != NOBODY &&
           !(st->st_mode & OTHERS_WRITE);
}

/* -1: it is not there, or not to be used. */
static int open_dir(const char *path, struct stat *ret)
{
    const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    long fd = sys_call4(SYS_openat, AT_FDCWD, path, how, 0);
    if (sys_is_err(fd))
        return -1;
    if (!sys_is_err(sys_call2(SYS_fstat, fd, ret)) && is_ours(ret))
        return (int)fd;
    sys_close((int)fd);
    return -1;
}

/* And the directory that it is to stand in. */
static bool make_dir(const char *path)
{
    char parent[LU_PATH_BYTES];
    const char *end = strrchr(path, '/');
    long mask = sys_call1(SYS_umask, 077), e = sys_call3(SYS_mkdirat, AT_FDCWD, path, 0700);
    if (e == -ENOENT && end && (size_t)(end - path) < sizeof(parent)) {
        memcpy(parent, path, (size_t)(end - path));
        parent[end - path] = 0;
        if (!sys_is_err(sys_call3(SYS_mkdirat, AT_FDCWD, parent, 0700)))
            e = sys_call3(SYS_mkdirat, AT_FDCWD, path, 0700);
    }
    sys_call1(SYS_umask, mask);
    return !sys_is_err(e);
}

/* A regular file of the directory. -1: it is not there, or not to be used. */
static int open_file(int dir, const char *name, int how, struct stat *ret)
{
    how |= O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    long fd = sys_call4(SYS_openat, dir, name, how, 0600);
    if (sys_is_err(fd))
        return -1;
    if (!sys_is_err(sys_call2(SYS_fstat, fd, ret)) && S_ISREG(ret->st_mode) && is_ours(ret) &&
        ret->st_size <= FILE_MOST)
        return (int)fd;
    sys_close((int)fd);
    return -1;
}

/* A file that is used counts as young. */
static void note_use(int fd, const struct stat *st)
{
    struct timespec now = {0};
    sys_call2(SYS_clock_gettime, CLOCK_REALTIME, &now);
    if (now.tv_sec - st->st_mtim.tv_sec > USED_AGAIN)
        sys_call4(SYS_utimensat, fd, NULL, NULL, 0);
}

static bool use_file(const LuProc *p, int dir, const char *name)
{
    struct stat st;
    int fd = open_file(dir, name, O_RDONLY, &st);
    if (fd < 0)
        return false;
    const size_t bytes = (size_t)st.st_size;
    long at = bytes ? sys_mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0) : -ENOENT;
    note_use(fd, &st);
    sys_close(fd);
    if (sys_is_err(at))
        return false;
    /* Where it lies among the guest's addresses there is no room elsewhere. */
    if ((uint64_t)at >= lu_mm_task_size(p->mm) && accel_kept_use(p->accel, (const void *)at, bytes))
        return true;
    sys_munmap((void *)at, bytes);
    return false;
}

/* For a program that may be run and not read the kernel says that nothing of it may be seen. */
static bool may_keep(const LuProc *p)
{
    return !getauxval(AT_SECURE) && sys_call1(SYS_prctl, PR_GET_DUMPABLE) == 1 && !lu_mm_is_narrow(p->mm);
}

/* Limits of files' sizes are no reason to die, nor to write in vain. */
static bool may_write(void)
{
    struct rlimit64 r;
    return !sys_is_err(sys_call4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &r)) && r.rlim_cur >= FILE_MOST;
}

/* Many programs run once: those that configure makes, those that are just being written. True: this is not
 * the first run of it. */
static bool ran_before(int dir, uint64_t id)
{
    struct stat st;
    uint64_t was = 0;
    int fd = open_file(dir, "seen", O_RDWR | O_CREAT, &st);
    const uint64_t at = (id ^ id >> 32) % SEEN_SLOTS * sizeof(id);
    if (fd < 0)
        return false;
    sys_call4(SYS_pread64, fd, &was, sizeof(was), at);
    if (was != id)
        sys_call4(SYS_pwrite64, fd, &id, sizeof(id), at);
    sys_close(fd);
    return was == id;
}

void lu_kept_open(LuProc *p, uint64_t program)
{
    const char *path = p->opt->kept_dir;
    const uint64_t key = path && may_keep(p) ? accel_kept_key(p->accel) : 0;
    LuKept *k = key ? lu_alloc(p, sizeof(*k)) : NULL;
    struct stat st;
    int dir = k ? open_dir(path, &st) : -1;
    if (k && dir < 0 && p->opt->kept_new && make_dir(path))
        dir = open_dir(path, &st);
    if (dir < 0) {
        accel_kept_stop(p->accel);
        return;
    }
    *k = (LuKept){.dir = path, .dev = st.st_dev, .ino = st.st_ino};
    Fmt f = FMT_ON(k->name);
    fmt_printf(&f, "%s-%016lx-%016lx", p->abi->name, (unsigned long)program, (unsigned long)key);
    if (use_file(p, dir, k->name) || (may_write() && ran_before(dir, program ^ key)))
        p->kept = k;
    else
        accel_kept_stop(p->accel);
    sys_close(dir);
}

/* ---- writing ---- */

typedef struct DirEntry {
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
} DirEntry;

typedef struct OldFile {
    int64_t time;
    uint64_t bytes;
    char name[sizeof(((LuKept *)0)->name)];
} OldFile;

typedef struct OldFiles {
    uint64_t total; /* bytes of all there are */
    unsigned n;
    OldFile file[OLDEST]; /* the oldest first */
} OldFiles;

/* GUEST-NUMBER-NUMBER, as above: all else in the directory is somebody else's. */
static bool is_name(const char *name)
{
    const size_t n = strlen(name);
    return n > 34 && n < sizeof(((LuKept *)0)->name) && name[n - 34] == '-' && name[n - 17] == '-' &&
           strspn(name + n - 33, "0123456789abcdef") == 16 && strspn(name + n - 16, "0123456789abcdef") == 16;
}

static void add_file(OldFiles *o, const char *name, const struct stat *st)
{
    unsigned at = o->n;
    o->total += (uint64_t)st->st_size;
    while (at && o->file[at - 1].time > st->st_mtim.tv_sec)
        at--;
    if (at == OLDEST)
        return;
    if (o->n < OLDEST)
        o->n++;
    memmove(&o->file[at + 1], &o->file[at], (o->n - at - 1) * sizeof(o->file[0]));
    o->file[at] = (OldFile){.time = st->st_mtim.tv_sec, .bytes = (uint64_t)st->st_size};
    strcpy(o->file[at].name, name);
}

static void look_at_files(int dir, OldFiles *o)
{
    _Alignas(8) char buf[4096];
    *o = (OldFiles){0};
    sys_call3(SYS_lseek, dir, 0, SEEK_SET);
    for (long n; (n = sys_call3(SYS_getdents64, dir, buf, sizeof(buf))) > 0;) {
        for (long at = 0; at < n;) {
            const DirEntry *e = (const void *)(buf + at);
            struct stat st;
            at += e->len;
            if (is_name(e->name) &&
                !sys_is_err(sys_call4(SYS_newfstatat, dir, e->name, &st, AT_SYMLINK_NOFOLLOW)) &&
                S_ISREG(st.st_mode))
                add_file(o, e->name, &st);
        }
    }
}

/* For so many bytes more; then some besides go, so that not each file that is made looks through all. */
static bool make_room(int dir, uint64_t bytes)
{
    OldFiles o;
    look_at_files(dir, &o);
    const bool full = o.total + bytes > DIR_MOST;
    while (full && o.total + bytes > DIR_MOST / 8 * 7 && o.n) {
        for (unsigned i = 0; i < o.n && o.total + bytes > DIR_MOST / 8 * 7; i++) {
            if (sys_is_err(sys_call3(SYS_unlinkat, dir, o.file[i].name, 0)))
                return false;
            o.total -= o.file[i].bytes;
        }
        look_at_files(dir, &o);
    }
    return true;
}

static bool write_all(int fd, const char *from, size_t n)
{
    for (long done; n; from += done, n -= (size_t)done) {
        done = sys_write(fd, from, n);
        if (done <= 0)
            return false;
    }
    return true;
}

/* The whole file in memory of ours; NULL: there is none, or it is not to be used. */
static void *read_file(int dir, const char *name, size_t *ret_bytes)
{
    struct stat st;
    int fd = open_file(dir, name, O_RDONLY, &st);
    const size_t bytes = fd < 0 ? 0 : (size_t)st.st_size;
    char *to = bytes ? (char *)sys_map_own(NULL, bytes) : NULL;
    size_t have = 0;
    for (long n; to && !sys_is_err((long)to) && have < bytes; have += (size_t)n)
        if ((n = sys_read(fd, to + have, bytes - have)) <= 0)
            break;
    if (fd >= 0)
        sys_close(fd);
    if (have && have == bytes) {
        *ret_bytes = bytes;
        return to;
    }
    if (to && !sys_is_err((long)to))
        sys_munmap(to, bytes);
    return NULL;
}

/* Where nothing can be written nothing is made, either. */
static void write_file(LuProc *p, const LuKept *k, int dir)
{
    static const char new[] = ".new"; /* if there is one, its writer died: who writes is alone */
    sys_call3(SYS_unlinkat, dir, new, 0);
    long fd = sys_call4(SYS_openat, dir, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (sys_is_err(fd))
        return;
    sys_call2(SYS_fchmod, fd, 0600); /* whatever the guest's umask is */
    size_t bytes = 0;
    void *old = read_file(dir, k->name, &bytes); /* perhaps a newer one than at the start */
    AccelKept made = {0};
    bool ok = accel_kept_make(p->accel, old, bytes, &made) && make_room(dir, made.bytes) &&
              write_all((int)fd, made.file, made.bytes);
    sys_close((int)fd);
    if (!ok || sys_is_err(sys_call4(SYS_renameat, dir, new, dir, k->name)))
        sys_call3(SYS_unlinkat, dir, new, 0);
    if (old)
        sys_munmap(old, bytes);
    accel_kept_drop(p->accel, &made);
}

static bool has_space(int dir)
{
    struct statfs fs;
    return !sys_is_err(sys_call2(SYS_fstatfs, dir, &fs)) &&
           (uint64_t)fs.f_bavail >= FREE_LEAST / (uint64_t)fs.f_bsize;
}

/* All signals are blocked, and nobody else has our descriptors. */
static void save(LuProc *p, const LuKept *k)
{
    struct stat st;
    int dir = open_dir(k->dir, &st);
    if (dir < 0)
        return;
    if (st.st_dev == k->dev && st.st_ino == k->ino && has_space(dir) &&
        !sys_is_err(sys_call2(SYS_flock, dir, LOCK_EX | LOCK_NB)))
        write_file(p, k, dir);
    sys_close(dir);
}

/* What is to be saved now; once in a process. */
static LuKept *take(LuThread *t)
{
    LuProc *p = t->proc;
    if (LIKELY(!p->kept) || t->vfork_child || t->filters || !accel_kept_worth(p->accel) ||
        !may_write())
        return NULL;
    return __atomic_exchange_n(&p->kept, NULL, __ATOMIC_ACQ_REL);
}

void lu_kept_end(LuThread *t)
{
    const LuKept *k = take(t);
    const uint64_t all = ~0ull;
    if (!k)
        return;
    sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
    /* Other threads go on until the very end. */
    if (!sys_is_err(sys_call1(SYS_unshare, CLONE_FILES)) || t->proc->n_threads <= 1)
        save(t->proc, k);
}

void lu_kept_exec(LuThread *t)
{
    const LuKept *k = t->proc->n_threads == 1 ? take(t) : NULL;
    uint64_t all = ~0ull, mask;
    if (!k || sys_is_err(sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, sizeof(all))))
        return;
    save(t->proc, k);
    sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}
