#include "linux-user/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fmt.h"
#include "linux-user/abi.h"
#include "linux-user/elf.h"
#include "linux-user/fs.h"
#include "linux-user/gdb.h"
#include "linux-user/guest.h"
#include "linux-user/kept_files.h"
#include "linux-user/mm.h"
#include "linux-user/options.h"
#include "linux-user/seccomp.h"
#include "linux-user/signal.h"

enum { MAX_INTERP_PHDRS = 64 };

/* Opens for execution: a regular file with the right to execute it. */
static long open_exec(int dirfd, const char *path, int flags)
{
    int how = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
    long fd;
    if ((flags & AT_EMPTY_PATH) && !path[0]) {
        char link[40];
        Fmt f = FMT_ON(link);
        fmt_printf(&f, "/proc/self/fd/%d", dirfd);
        if (sys_is_err(fd = sys_call3(SYS_fcntl, dirfd, F_GETFD, 0)))
            return fd;
        fd = sys_call4(SYS_openat, AT_FDCWD, link, how & ~O_NOFOLLOW, 0);
    } else {
        fd = sys_call4(SYS_openat, dirfd, path, how, 0);
    }
    if (sys_is_err(fd))
        return fd == -ENXIO ? -EACCES : fd;
    struct stat st;
    long e = sys_call2(SYS_fstat, fd, &st);
    if (!e && !S_ISREG(st.st_mode))
        e = -EACCES;
    if (!e)
        e = sys_call4(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS);
    if (e == -ENOSYS)
        e = st.st_mode & 0111 ? 0 : -EACCES;
    if (!e)
        return fd;
    sys_close((int)fd);
    return e;
}

static char *copy_scratch(LuThread *t, const char *s, size_t n)
{
    char *d = arena_alloc(&t->scratch, n + 1, 1);
    if (d) {
        memcpy(d, s, n);
        d[n] = 0;
    }
    return d;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* The line of a script: interpreter and at most one argument. buf holds the first bytes of the file, `n` of
 * them, and a NUL. -ENOEXEC if there is none, or it was cut off. */
static long parse_script(LuThread *t, const char *buf, size_t n, const char **ret_interp,
                         const char **ret_arg)
{
    const char *s = buf + 2, *end = memchr(s, '\n', n - 2);
    bool cut = !end && n >= EXEC_LINE;
    if (!end)
        end = buf + strnlen(buf, n);
    while (s < end && is_blank(*s))
        s++;
    const char *name = s;
    while (s < end && !is_blank(*s) && *s)
        s++;
    if (s == name || (cut && s == end))
        return -ENOEXEC;
    size_t name_len = (size_t)(s - name);
    while (s < end && is_blank(*s))
        s++;
    const char *arg = s;
    s = arg + strnlen(arg, (size_t)(end - arg));
    while (s > arg && is_blank(s[-1]))
        s--;
    *ret_interp = copy_scratch(t, name, name_len);
    *ret_arg = s > arg ? copy_scratch(t, arg, (size_t)(s - arg)) : NULL;
    return *ret_interp ? 0 : -ENOMEM;
}

/* The interpreter a program names must be there, or execve fails before anything is lost. */
static long check_interp(LuThread *t, int fd, const LuAbi *abi, const Elf64_Phdr *ph)
{
    char *name = arena_alloc(&t->scratch, 4097, 1);
    if (ph->p_filesz < 2 || ph->p_filesz > 4096)
        return -ENOEXEC;
    if (!name)
        return -ENOMEM;
    if (sys_call4(SYS_pread64, fd, name, ph->p_filesz, ph->p_offset) != (long)ph->p_filesz ||
        name[ph->p_filesz - 1])
        return -ENOEXEC;
    long ifd = open_exec(AT_FDCWD, lu_path(t, AT_FDCWD, name), 0);
    if (sys_is_err(ifd))
        return ifd;
    Elf64_Ehdr eh;
    long n = sys_call4(SYS_pread64, ifd, &eh, sizeof(eh), 0);
    sys_close((int)ifd);
    return n == sizeof(eh) && lu_abi_of_header((const uint8_t *)&eh) == abi ? 0 : -ELIBBAD;
}

/* abi: of any of the guests, a program may start one of another. buf: the first n bytes. */
static long check_guest_elf(LuThread *t, int fd, const LuAbi *abi, const char *buf, long n)
{
    Elf64_Ehdr eh;
    if (!elf_read_header(buf, n, &eh) || (eh.e_type != ET_EXEC && eh.e_type != ET_DYN) ||
        eh.e_phentsize != elf_phdr_size(abi) || !eh.e_phnum || eh.e_phnum > 65536 / sizeof(Elf64_Phdr))
        return -ENOEXEC;
    for (unsigned i = 0; i < eh.e_phnum && i < MAX_INTERP_PHDRS; i++) {
        Elf64_Phdr ph;
        if (!elf_read_phdr(fd, buf, (size_t)n, &eh, i, &ph))
            return -ENOEXEC;
        if (ph.p_type == PT_INTERP)
            return check_interp(t, fd, abi, &ph);
    }
    return 0;
}

/* "/dev/fd/N" or "/dev/fd/N/path": how a script's interpreter finds it after execveat. */
static const char *fd_name(LuThread *t, int dirfd, const char *path)
{
    if (dirfd == AT_FDCWD || path[0] == '/')
        return path;
    char *s = arena_alloc(&t->scratch, strlen(path) + 32, 1);
    if (!s)
        return path;
    Fmt f = {.buf = s, .cap = strlen(path) + 32};
    fmt_printf(&f, path[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", dirfd, path);
    return s;
}

/* The interpreter of a script given by a descriptor could not open it after close-on-exec. */
static bool will_close(int dirfd, const char *path)
{
    if (dirfd == AT_FDCWD || path[0] == '/')
        return false;
    long flags = sys_call3(SYS_fcntl, dirfd, F_GETFD, 0);
    return !sys_is_err(flags) && (flags & FD_CLOEXEC);
}

static long resolve_step(LuThread *t, ExecTarget *x, bool *ret_again)
{
    char buf[EXEC_LINE + 1] __attribute__((aligned(8)));
    long n = sys_call4(SYS_pread64, x->fd, buf, EXEC_LINE, 0);
    *ret_again = false;
    if (n < 0)
        return n;
    memset(buf + n, 0, sizeof(buf) - (size_t)n);
    if (n >= 2 && buf[0] == '#' && buf[1] == '!') {
        const char *interp, *arg;
        long e = parse_script(t, buf, (size_t)n, &interp, &arg);
        if (e)
            return e;
        /* interp [arg] script, in front of what was found so far. */
        unsigned more = arg ? 2 : 1, have = x->n_words ? x->n_words : 1;
        memmove(&x->word[more], &x->word[0], have * sizeof(x->word[0]));
        x->word[more] = x->guest_path;
        x->word[0] = interp;
        if (arg)
            x->word[1] = arg;
        x->n_words = have + more;
        x->guest_path = interp;
        *ret_again = true;
        return 0;
    }
    const LuAbi *abi = n >= LU_ELF_HEAD ? lu_abi_of_header((const uint8_t *)buf) : NULL;
    if (abi && abi->target->elf_machine == EM_X86_64 && t->proc->abi != abi && !t->filters &&
        !t->traced.on)
        abi = NULL; /* the host's own: other guests hand it over; children of an x86-64 guest are guests */
    x->guest = abi;
    return abi ? check_guest_elf(t, x->fd, abi, buf, n) : 0;
}

long exec_resolve(LuThread *t, int dirfd, const char *path, int flags, ExecTarget *x)
{
    *x = (ExecTarget){.fd = -1};
    const char *special = lu_proc_path(t, dirfd, path);
    x->host_path = special ? special : lu_path(t, dirfd, path);
    x->guest_path = fd_name(t, dirfd, path);
    long fd = open_exec(dirfd, x->host_path, flags);
    for (int depth = 0;; depth++) {
        if (sys_is_err(fd))
            return fd;
        x->fd = (int)fd;
        bool again;
        long e = resolve_step(t, x, &again);
        if (again && !depth && will_close(dirfd, path))
            e = -ENOENT;
        if (!e && !again) {
            if (x->host_path == path)
                x->host_path = x->guest_path;
            return 0;
        }
        sys_close(x->fd);
        x->fd = -1;
        if (e)
            return e;
        if (depth == EXEC_MAX_DEPTH)
            return -ELOOP;
        x->host_path = lu_path(t, AT_FDCWD, x->guest_path);
        fd = open_exec(AT_FDCWD, x->host_path, 0);
    }
}

void lu_exec_pin_self(LuProc *p)
{
    if (p->self_fd >= 0)
        return;
    long fd = sys_call4(SYS_openat, AT_FDCWD, "/proc/self/exe", O_PATH | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return;
    struct rlimit64 r;
    if (sys_is_err(sys_call4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &r)) || r.rlim_cur < 256)
        r.rlim_cur = 256;
    long high = sys_call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, MIN(r.rlim_cur, 1024) - 8);
    if (!sys_is_err(high)) {
        sys_close((int)fd);
        fd = high;
    }
    p->self_fd = (int)fd;
}

/* ---- execve ---- */

typedef struct ArgList {
    const char **v;
    size_t n, mapped; /* mapped: bytes of v outside of the scratch arena */
} ArgList;

static long count_guest_list(Gva list)
{
    if (!list)
        return 0;
    for (long n = 0;; n++) {
        FaultVal f = fault_ld64(list + 8 * (uint64_t)n);
        if (f.fault)
            return -EFAULT;
        if (!f.val)
            return n;
        if (n > 16 << 20)
            return -E2BIG;
    }
}

static void append(ArgList *l, const char *s) { l->v[l->n++] = s; }

static bool list_alloc(LuThread *t, ArgList *l, size_t n)
{
    size_t bytes = n * sizeof(char *);
    *l = (ArgList){0};
    if (bytes < 256 << 10)
        l->v = arena_alloc(&t->scratch, bytes, 8);
    if (!l->v && (l->v = lu_mm_arena_alloc(t->proc->mm, bytes)))
        l->mapped = bytes;
    return l->v != NULL;
}

/* The guest's arguments, the first replaced by the words of scripts. */
static bool append_args(ArgList *l, const ExecTarget *x, Gva argv, size_t argc)
{
    for (unsigned i = 0; i < x->n_words; i++)
        append(l, x->word[i]);
    if (!argc && !x->n_words)
        append(l, ""); /* as the kernel does since 5.18 */
    for (size_t i = x->n_words ? 1 : 0; i < argc; i++) {
        FaultVal f = fault_ld64(argv + 8 * i);
        if (f.fault)
            return false;
        append(l, guest_ptr(f.val));
    }
    append(l, NULL);
    return true;
}

static const char *number(LuThread *t, uint64_t v)
{
    char *s = arena_alloc(&t->scratch, 24, 1);
    if (!s)
        return "0";
    Fmt f = {.buf = s, .cap = 24};
    fmt_printf(&f, "%lu", (unsigned long)v);
    return s;
}

/* The limits the guest set for itself reach the host only here, for the program that follows. */
static void hand_over_limits(LuThread *t, bool undo)
{
    static const uint8_t which[2] = {RLIMIT_AS, RLIMIT_DATA};
    for (int i = 0; i < 2; i++) {
        struct rlimit64 guest, host;
        lu_mm_rlimit(t->proc->mm, which[i], NULL, &guest);
        if (sys_is_err(sys_call4(SYS_prlimit64, 0, which[i], 0, &host)) || host.rlim_cur == guest.rlim_cur)
            continue;
        host.rlim_cur = undo ? host.rlim_max : MIN(guest.rlim_cur, host.rlim_max);
        sys_call4(SYS_prlimit64, 0, which[i], &host, 0);
    }
}

/* Would the kernel give the program another user's or group's rights? */
static bool changes_rights(int fd)
{
    struct stat st;
    if (sys_is_err(sys_call2(SYS_fstat, fd, &st)))
        return false;
    return ((st.st_mode & S_ISUID) && st.st_uid != (uint32_t)sys_call0(SYS_geteuid)) ||
           ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
            st.st_gid != (uint32_t)sys_call0(SYS_getegid));
}

/* Lets the kernel run the file that exec_resolve() found. For a guest's program -ENOEXEC: binfmt_misc has no
 * entry. */
static long exec_by_kernel(LuThread *t, ExecTarget *x, Gva argv, size_t argc, Gva envp)
{
    ArgList l;
    if (!list_alloc(t, &l, argc + ARRAY_SIZE(x->word) + 4))
        return -ENOMEM;
    long e = -EFAULT;
    if (append_args(&l, x, argv, argc))
        e = lu_blocking_exec(t, true, SYS_execve, (long)x->host_path, (long)l.v, (long)envp, 0, 0);
    if (l.mapped)
        lu_mm_arena_free(t->proc->mm, l.v, l.mapped);
    return e;
}

/* filters: their descriptor, or -1. No sooner than here, or what other threads start would have it. */
static long start_again(LuThread *t, const ArgList *l, Gva envp, long filters)
{
    int self = t->proc->self_fd;
    if (filters >= 0)
        sys_call3(SYS_fcntl, filters, F_SETFD, 0);
    if (self >= 0)
        return lu_blocking_exec(t, false, SYS_execveat, self, (long)"", (long)l->v, (long)envp,
                                AT_EMPTY_PATH);
    return lu_blocking_exec(t, false, SYS_execve, (long)"/proc/self/exe", (long)l->v, (long)envp, 0, 0);
}

/* Runs this program again, for the guest program on x->fd. */
static long exec_self(LuThread *t, ExecTarget *x, Gva argv, size_t argc, Gva envp)
{
    const LuOptions *opt = t->proc->opt;
    ArgList l;
    if (!list_alloc(t, &l, argc + opt->n_forward + ARRAY_SIZE(x->word) + 20))
        return -ENOMEM;
    long filters = lu_seccomp_hand_over(t);
    if (filters < -1) {
        if (l.mapped)
            lu_mm_arena_free(t->proc->mm, l.v, l.mapped);
        return filters;
    }
    uint64_t traced = lu_traced_hand_over(t);
    uint64_t gdb = t->proc->gdb ? lu_gdb_hand_over(t, false) : 0;
    append(&l, "tinamou");
    append(&l, LU_REEXEC);
    uint32_t ignored = lu_signals_ignored_faults(t);
    append(&l, number(t, opt->n_forward + (ignored ? 4 : 2) + (filters >= 0 ? 2 : 0) + (traced ? 2 : 0) +
                             (gdb ? 2 : 0)));
    for (unsigned i = 0; i < opt->n_forward; i++)
        append(&l, opt->forward[i]);
    if (ignored) {
        append(&l, "-ignored-faults");
        append(&l, number(t, ignored));
    }
    if (filters >= 0) {
        append(&l, "-seccomp-fd");
        append(&l, number(t, (unsigned)filters));
    }
    if (traced) {
        append(&l, "-traced");
        append(&l, number(t, (unsigned)traced));
    }
    if (gdb) {
        append(&l, "-gdb-over");
        append(&l, number(t, gdb));
    }
    append(&l, "-exec-fd");
    append(&l, number(t, (unsigned)x->fd));
    append(&l, x->host_path);
    append(&l, x->guest_path);
    long e = -EFAULT;
    if (append_args(&l, x, argv, argc)) {
        sys_call3(SYS_fcntl, x->fd, F_SETFD, 0);
        const int self = t->proc->self_fd;
        e = start_again(t, &l, envp, filters);
        sys_call3(SYS_fcntl, x->fd, F_SETFD, FD_CLOEXEC);
        if (gdb)
            lu_gdb_hand_over(t, true);
        /* No /proc here, or something else of this name: only a binfmt_misc entry can help. */
        if (self < 0 && filters < 0 && (e == -ENOENT || e == -ELOOP || e == -ENOTDIR || e == -EACCES))
            e = exec_by_kernel(t, x, argv, argc, envp);
    } else if (gdb) {
        lu_gdb_hand_over(t, true);
    }
    if (filters >= 0)
        sys_close((int)filters);
    if (l.mapped)
        lu_mm_arena_free(t->proc->mm, l.v, l.mapped);
    return e;
}

/* Lets the kernel run the file, or say why it cannot. */
static long exec_native(LuThread *t, ExecTarget *x, int dirfd, const char *path, Gva argv, size_t argc,
                        Gva envp, int flags)
{
    if (x->n_words)
        return exec_by_kernel(t, x, argv, argc, envp);
    const char *host = x->host_path == x->guest_path ? path : x->host_path;
    return lu_blocking_exec(t, true, SYS_execveat, dirfd, (long)host, (long)argv, (long)envp, flags);
}

long lu_execve(LuThread *t, int dirfd, const char *path, Gva argv, Gva envp, int flags)
{
    ExecTarget x;
    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    if (!path[0] && !(flags & AT_EMPTY_PATH))
        return -ENOENT;
    long argc = count_guest_list(argv), e = argc < 0 ? argc : exec_resolve(t, dirfd, path, flags, &x);
    if (e)
        return e;
    lu_kept_exec(t);
    hand_over_limits(t, false);
    if (x.guest) {
        /* Rights that a file gives come from the kernel's entry alone (flag C). Our options do not go along:
         * whoever may name a sysroot would have those rights. Nor do filters, so there are no such rights
         * then; nor under a tracer, as with the kernel. */
        bool by_kernel = !t->filters && !t->traced.on && changes_rights(x.fd);
        e = by_kernel ? exec_by_kernel(t, &x, argv, (size_t)argc, envp) : -ENOEXEC;
        if (e == -ENOEXEC)
            e = exec_self(t, &x, argv, (size_t)argc, envp);
    } else if (t->filters)
        e = -ENOEXEC; /* the host's: nobody would filter its calls */
    else
        e = exec_native(t, &x, dirfd, path, argv, (size_t)argc, envp, flags);
    hand_over_limits(t, true);
    sys_close(x.fd);
    return e;
}
