#include "linux-user/kept_files.h"

#include "base/fmt.h"
#include "linux-user/abi.h"
#include "linux-user/mm.h"
#include "linux-user/options.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { OTHERS_WRITE = 022, FILE_MOST = 64 << 20, DIR_MOST = 512 << 20, USED_AGAIN = 24 * 3600 };

const char *lu_kept_place(LuProc *p, char **envp, const char *option)
{
    const char *base = NULL, *home = NULL;
    if (strcmp(option, "on") != 0)
        return option[0] && strcmp(option, "off") != 0 ? option : NULL;
    for (; *envp; envp++) {
        if (!strncmp(*envp, "XDG_CACHE_HOME=/", 16))
            base = *envp + 15;
        else if (!strncmp(*envp, "HOME=/", 6))
            home = *envp + 5;
    }
    size_t room = strlen(base ? base : home ? home : "") + 24;
    Fmt f = {.buf = base || home ? lu_alloc(p, room) : NULL, .cap = room};
    if (!f.buf)
        return NULL;
    fmt_printf(&f, "%s%s/tinamou", base ? base : home, base ? "" : "/.cache");
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
    return st->st_uid == (uint32_t)sys_call0(SYS_geteuid) && !(st->st_mode & OTHERS_WRITE);
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

/* A file that is used counts as young. */
static void note_use(int fd, const struct stat *st)
{
    struct timespec now = {0};
    sys_call2(SYS_clock_gettime, CLOCK_REALTIME, &now);
    if (now.tv_sec - st->st_mtim.tv_sec > USED_AGAIN)
        sys_call4(SYS_utimensat, fd, NULL, NULL, 0);
}

/* The file as it is now; NULL: there is none, or it is not to be used. */
static const void *map_file(const LuProc *p, int dir, const char *name, size_t *ret_bytes)
{
    struct stat st;
    long fd = sys_call4(SYS_openat, dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    long at = -ENOENT;
    if (sys_is_err(fd))
        return NULL;
    if (!sys_is_err(sys_call2(SYS_fstat, fd, &st)) && S_ISREG(st.st_mode) && is_ours(&st) &&
        st.st_size > 0 && st.st_size <= FILE_MOST) {
        at = sys_mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, (int)fd, 0);
        note_use((int)fd, &st);
    }
    sys_close((int)fd);
    if (sys_is_err(at))
        return NULL;
    *ret_bytes = (size_t)st.st_size;
    if ((uint64_t)at >= lu_mm_task_size(p->mm))
        return (const void *)at;
    sys_munmap((void *)at, *ret_bytes); /* among the guest's addresses: there is no room elsewhere */
    return NULL;
}

void lu_kept_open(LuProc *p, uint64_t program)
{
    const char *path = p->opt->kept_dir;
    const uint64_t key = path && !getauxval(AT_SECURE) ? accel_kept_key(p->accel) : 0;
    LuKept *k = key ? lu_alloc(p, sizeof(*k)) : NULL;
    struct stat st;
    if (!k)
        return;
    int dir = open_dir(path, &st);
    if (dir < 0 && !sys_is_err(sys_call3(SYS_mkdirat, AT_FDCWD, path, 0700)))
        dir = open_dir(path, &st);
    if (dir < 0)
        return;
    *k = (LuKept){.dir = path, .dev = st.st_dev, .ino = st.st_ino};
    Fmt f = FMT_ON(k->name);
    fmt_printf(&f, "%s-%016lx-%016lx", p->abi->name, (unsigned long)program, (unsigned long)key);
    p->kept = k;
    size_t bytes;
    const void *file = map_file(p, dir, k->name, &bytes);
    if (file && !accel_kept_use(p->accel, file, bytes))
        sys_munmap((void *)file, bytes);
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

typedef void OnFile(void *opaque, const char *name, const struct stat *st);

/* Calls fn for each regular file in the directory. */
static void each_file(int dir, OnFile *fn, void *opaque)
{
    _Alignas(8) char buf[4096];
    sys_call3(SYS_lseek, dir, 0, SEEK_SET);
    for (long n; (n = sys_call3(SYS_getdents64, dir, buf, sizeof(buf))) > 0;) {
        for (long at = 0; at < n;) {
            const DirEntry *e = (const void *)(buf + at);
            struct stat st;
            at += e->len;
            if (!sys_is_err(sys_call4(SYS_newfstatat, dir, e->name, &st, AT_SYMLINK_NOFOLLOW)) &&
                S_ISREG(st.st_mode))
                fn(opaque, e->name, &st);
        }
    }
}

typedef struct Oldest {
    uint64_t total; /* bytes of all files */
    int64_t time;
    char name[100];
} Oldest;

static void look_at(void *opaque, const char *name, const struct stat *st)
{
    Oldest *o = opaque;
    o->total += (uint64_t)st->st_size;
    if ((o->name[0] && st->st_mtim.tv_sec >= o->time) || strlen(name) >= sizeof(o->name))
        return;
    o->time = st->st_mtim.tv_sec;
    strcpy(o->name, name);
}

/* Until there is room for so many bytes more. */
static void make_room(int dir, uint64_t bytes)
{
    for (;;) {
        Oldest o = {0};
        each_file(dir, look_at, &o);
        if (o.total + bytes <= DIR_MOST || !o.name[0] || sys_is_err(sys_call3(SYS_unlinkat, dir, o.name, 0)))
            return;
    }
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

static void replace(const LuKept *k, int dir, const AccelKept *made)
{
    static const char name[] = ".new"; /* if there is one, its writer died: who writes is alone */
    make_room(dir, made->bytes);
    sys_call3(SYS_unlinkat, dir, name, 0);
    long fd = sys_call4(SYS_openat, dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (sys_is_err(fd))
        return;
    bool ok = write_all((int)fd, made->file, made->bytes);
    sys_close((int)fd);
    if (!ok || sys_is_err(sys_call4(SYS_renameat, dir, name, dir, k->name)))
        sys_call3(SYS_unlinkat, dir, name, 0);
}

static void write_file(const LuProc *p, int dir)
{
    size_t bytes = 0;
    AccelKept made;
    const void *file = map_file(p, dir, p->kept->name, &bytes); /* perhaps a newer one */
    if (accel_kept_make(p->accel, file, bytes, &made))
        replace(p->kept, dir, &made);
    if (file)
        sys_munmap((void *)file, bytes);
}

void lu_kept_end(LuThread *t, int status)
{
    const LuProc *p = t->proc;
    struct stat st;
    if (LIKELY(!p->kept) || status || t->vfork_child || !accel_kept_worth(p->accel))
        return;
    uint64_t all = ~0ull; /* a limit of file sizes is no reason to die now */
    sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
    int dir = open_dir(p->kept->dir, &st);
    if (dir < 0)
        return;
    if (st.st_dev == p->kept->dev && st.st_ino == p->kept->ino &&
        !sys_is_err(sys_call2(SYS_flock, dir, LOCK_EX | LOCK_NB)))
        write_file(p, dir);
    sys_close(dir);
}
