/*
 * tinamou: the composition root of Linux user mode. Order of the start: options, headers of the program,
 * layout, mapping, stack, accel, signals, run.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <linux/openat2.h>
#include <linux/prctl.h>

#include "base/fmt.h"
#include "linux-user/gdb.h"
#include "linux-user/abi.h"
#include "linux-user/elf.h"
#include "linux-user/exec.h"
#include "linux-user/fs.h"
#include "linux-user/kept_files.h"
#include "linux-user/options.h"
#include "linux-user/perf.h"
#include "linux-user/seccomp.h"
#include "linux-user/signal.h"
#include "linux-user/stack.h"
#include "linux-user/strace.h"
#include "tcg/host/x86_64/cpuid.h"

enum { EXIT_CANNOT = 126, EXIT_MISSING = 127, ARENA = 64 << 20, SCRATCH = 1 << 20 };

extern const char lu_image_start[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

/* What the start passes from step to step. */
typedef struct Start {
    LuProc *p;
    LuThread *t;
    LuOptions *opt;
    uint64_t random[8];
    ElfPlan prog, interp;
    int prog_fd, interp_fd;
    const char *interp_host;
    char err_text[400];
    Fmt err;
    uint64_t host; /* X64Features of this processor */
    Gva entry;     /* of the program itself */
    uint64_t program; /* lu_kept_program() */
} Start;

static _Noreturn void refuse(const Start *s, int status, const char *file)
{
    fmt_err("%s: %s", file, s->err.buf);
    sys_exit_group(status);
}

static _Noreturn void refuse_errno(const char *file, long e)
{
    struct stat st = {0};
    sys_call4(SYS_newfstatat, AT_FDCWD, file, &st, 0);
    if (e == -EACCES && S_ISDIR(st.st_mode))
        fmt_err("%s: is a directory", file);
    else if (e == -EACCES && S_ISREG(st.st_mode) && !(st.st_mode & 0111))
        fmt_err("%s: permission denied: the file is not executable (chmod +x)", file);
    else if (e == -ENOENT)
        fmt_err("%s: no such file", file);
    else
        fmt_err("%s: cannot be executed: %s", file, lu_errno_text((int)-e));
    sys_exit_group(e == -ENOENT || e == -ENOTDIR ? EXIT_MISSING : EXIT_CANNOT);
}

static LuProc *new_process(void)
{
    Arena a;
    if (!arena_init(&a, ARENA))
        return NULL;
    LuProc *p = arena_alloc(&a, sizeof(*p), 16);
    p->arena = a;
    p->exe_fd = p->self_fd = p->gdb_fd = p->gdb_wake = p->gdb_link = -1;
    memset(p->gdb_peer, -1, sizeof(p->gdb_peer));
    p->strace_fd = 2;
    lock_init(&p->lock, LOCK_RANK_PROC);
    return p;
}

/*
 * With a bottom-up layout, or a gap for a huge stack, the kernel places the emulator and its mappings in the
 * middle of the guest's space. Then this starts itself again with the usual layout, and puts things back
 * afterwards.
 */
static void start_again(const LuOptions *opt, int argc, char **argv, char **envp)
{
    uint64_t image = (uint64_t)lu_image_start;
    if (image > 1ull << 46 || opt->old_stack_limit)
        return; /* near the top, or tried already */
    struct rlimit64 r;
    if (sys_is_err(sys_call4(SYS_prlimit64, 0, RLIMIT_STACK, 0, &r)))
        return;
    long persona = sys_call1(SYS_personality, 0xffffffff);
    char number[2][24];
    Fmt f0 = FMT_ON(number[0]), f1 = FMT_ON(number[1]);
    fmt_printf(&f0, "%llu", (unsigned long long)(r.rlim_cur ? r.rlim_cur : 1));
    fmt_printf(&f1, "%lu", persona);
    char number_fd[16];
    const char *v[argc + 11];
    int n = 0, at = opt->reexec ? 3 : 1, i = 0;
    for (; i < at && i < argc; i++)
        v[n++] = argv[i];
    char words[24];
    Fmt fw = FMT_ON(words);
    fmt_printf(&fw, "%u",
               opt->n_forward + (opt->exec_fd >= 0 && opt->reexec ? 2 : 0) + (opt->ignored_faults ? 2 : 0) +
                   (opt->seccomp_fd >= 0 ? 2 : 0) + (opt->traced ? 2 : 0) + (opt->gdb_over ? 2 : 0) + 4);
    if (opt->reexec)
        v[2] = words;
    v[n++] = "-old-stack";
    v[n++] = number[0];
    v[n++] = "-old-persona";
    v[n++] = number[1];
    if (opt->exec_fd >= 0 && !opt->reexec) { /* what only an entry of binfmt_misc says */
        Fmt f = FMT_ON(number_fd);
        fmt_printf(&f, "%d", opt->exec_fd);
        const char *const more[] = {"-exec-fd", number_fd, "-0", opt->args[0], "--", opt->program};
        for (unsigned k = 0; k < ARRAY_SIZE(more); k++)
            v[n++] = more[k];
        i = argc - opt->n_args + 1;
    }
    for (; i < argc; i++)
        v[n++] = argv[i];
    v[n] = NULL;
    struct rlimit64 low = {MIN(8ull << 20, r.rlim_max), r.rlim_max};
    sys_call4(SYS_prlimit64, 0, RLIMIT_STACK, &low, 0);
    sys_call1(SYS_personality, persona & ~ADDR_COMPAT_LAYOUT);
    sys_call3(SYS_execve, "/proc/self/exe", v, envp);
    sys_call4(SYS_prlimit64, 0, RLIMIT_STACK, &r, 0);
    sys_call1(SYS_personality, persona);
}

static void put_back(const LuOptions *opt)
{
    struct rlimit64 r;
    if (opt->old_persona >= 0)
        sys_call1(SYS_personality, opt->old_persona);
    if (!opt->old_stack_limit || sys_is_err(sys_call4(SYS_prlimit64, 0, RLIMIT_STACK, 0, &r)))
        return;
    r.rlim_cur = opt->old_stack_limit;
    sys_call4(SYS_prlimit64, 0, RLIMIT_STACK, &r, 0);
}

static void open_log(LuProc *p)
{
    long fd = lu_log_open(p->opt);
    p->log = p->opt->log;
    if (sys_is_err(fd)) {
        fmt_err("%s: cannot open the log: %s", p->opt->log_file, lu_errno_text((int)-fd));
        sys_exit_group(1);
    }
    p->strace_fd = (int)fd;
}

/* Returns if the file does not begin like a script. */
static void refuse_script(const Start *s, int fd)
{
    char line[EXEC_LINE + 1] = "";
    sys_call4(SYS_pread64, fd, line, EXEC_LINE, 0);
    if (line[0] != '#' || line[1] != '!')
        return;
    char *name = line + 2 + strspn(line + 2, " \t");
    name[strcspn(name, " \t\n")] = 0;
    const char *root = s->opt->sysroot;
    if (name[0])
        fmt_err("%s: its interpreter %s cannot be used: it is missing%s%s, or is no program", s->opt->program,
                name, root[0] ? ", also below " : "", root);
    else
        fmt_err("%s: names no interpreter behind #!", s->opt->program);
    sys_exit_group(name[0] ? EXIT_MISSING : EXIT_CANNOT);
}

/* Opens the program; if it is a script, its interpreter, with the arguments changed as execve does. */
static void open_program(Start *s)
{
    LuOptions *opt = s->opt;
    if (opt->exec_fd >= 0) {
        s->prog_fd = opt->exec_fd;
        return;
    }
    ExecTarget x;
    long e = exec_resolve(s->t, AT_FDCWD, opt->program, 0, &x);
    if (e == -ENOENT || e == -ENOEXEC || e == -ELIBBAD) {
        /* Perhaps its interpreter is missing, or a header is wrong: the loader can tell more. */
        long fd = sys_call4(SYS_openat, AT_FDCWD, opt->program, O_RDONLY | O_CLOEXEC, 0);
        x = (ExecTarget){.fd = (int)fd, .host_path = opt->program, .guest_path = opt->program};
        e = sys_is_err(fd) ? fd : 0;
        if (!e)
            refuse_script(s, (int)fd);
    }
    if (e)
        refuse_errno(opt->program, e);
    s->prog_fd = x.fd;
    if (x.n_words) {
        char **v = lu_alloc(s->p, sizeof(char *) * (x.n_words + (size_t)opt->n_args + 1));
        for (unsigned i = 0; i < x.n_words; i++)
            v[i] = lu_alloc(s->p, strlen(x.word[i]) + 1), strcpy(v[i], x.word[i]);
        for (int i = 1; i <= opt->n_args; i++)
            v[x.n_words + (unsigned)i - 1] = opt->args[i];
        opt->args = v;
        opt->program_guest = v[0];
    }
    char *host = lu_alloc(s->p, strlen(x.host_path) + 1);
    opt->program = strcpy(host, x.host_path);
}

/* A file without a name (memfd, deleted): /proc/self/exe still opens it. */
static void keep_exe(Start *s)
{
    long fd = sys_call3(SYS_fcntl, s->prog_fd, F_DUPFD_CLOEXEC, 900);
    s->p->exe_fd = sys_is_err(fd) ? -1 : (int)fd;
}

/* At most what fits; returns the length. */
static size_t copy_path(char dst[LU_PATH_BYTES], const char *src)
{
    size_t n = strnlen(src, LU_PATH_BYTES - 1);
    memcpy(dst, src, n);
    dst[n] = 0;
    return n;
}

/* Appends the components of a path without links to the absolute one of n bytes in out ("" is the root).
 * Returns the new length; 0: it does not fit, or is the root. */
static size_t append_components(char out[LU_PATH_BYTES], size_t n, const char *path)
{
    for (size_t len; path += strspn(path, "/"), (len = strcspn(path, "/")) > 0; path += len) {
        if (len == 1 && path[0] == '.')
            continue;
        if (len == 2 && path[0] == '.' && path[1] == '.') {
            while (n > 0 && out[--n] != '/')
                ;
            continue;
        }
        if (n + 1 + len >= LU_PATH_BYTES)
            return 0;
        out[n++] = '/';
        memcpy(out + n, path, len);
        n += len;
    }
    return n;
}

/* The file's name as /proc would tell it, if no link is on the way to it: the kernel would have to make the
 * entries of /proc/self first, which takes four times as long. Returns the length; 0: ask /proc. */
static size_t name_without_links(const Start *s, char out[LU_PATH_BYTES])
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    const char *path = s->opt->program;
    if (s->opt->exec_fd >= 0)
        return 0;
    long fd = sys_call4(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
    if (sys_is_err(fd))
        return 0;
    sys_close((int)fd);
    size_t n = 0;
    if (path[0] != '/') {
        long len = sys_call2(SYS_getcwd, out, LU_PATH_BYTES); /* with the NUL; "(unreachable)" may stand
                                                               * before it */
        if (sys_is_err(len) || out[0] != '/')
            return 0;
        n = out[1] ? (size_t)len - 1 : 0;
    }
    return append_components(out, n, path);
}

/* Where does the program's file lie? For /proc/self/exe. */
static void note_exe(Start *s)
{
    char link[40];
    Fmt f = FMT_ON(link);
    fmt_printf(&f, "/proc/self/fd/%d", s->prog_fd);
    LuProc *p = s->p;
    long n = (long)name_without_links(s, p->exe_host);
    if (!n)
        n = sys_call4(SYS_readlinkat, AT_FDCWD, link, p->exe_host, sizeof(p->exe_host) - 1);
    if (sys_is_err(n))
        n = (long)copy_path(p->exe_host, s->opt->program);
    p->exe_host[n] = 0;
    if (n > 10 && !strcmp(p->exe_host + n - 10, " (deleted)"))
        keep_exe(s);
    strcpy(p->exe_path, lu_path_to_guest(s->t, p->exe_host));
    /* As the kernel does at execve: the thread's name. */
    const char *name = strrchr(s->opt->program_guest, '/');
    sys_call2(SYS_prctl, PR_SET_NAME, name ? name + 1 : s->opt->program_guest);
}

static long open_at_root(Start *s, const char *root, const char *path)
{
    size_t n = strlen(root);
    char *host = lu_alloc(s->p, n + strlen(path) + 1);
    if (!host)
        return -ENOMEM;
    memcpy(host, root, n);
    strcpy(host + n, path);
    s->interp_host = host;
    return sys_call4(SYS_openat, AT_FDCWD, host, O_RDONLY | O_CLOEXEC, 0);
}

/* Without -L, the places where distributions put guest libraries are tried; one that has the interpreter
 * becomes the sysroot. */
static void open_interp(Start *s)
{
    const char *name = s->prog.interp;
    s->interp_fd = -1;
    if (!name[0])
        return;
    s->interp_host = strcpy(lu_alloc(s->p, strlen(name) + 1), name);
    arena_reset(&s->t->scratch);
    const char *host = lu_path(s->t, AT_FDCWD, name);
    long fd = sys_call4(SYS_openat, AT_FDCWD, host, O_RDONLY | O_CLOEXEC, 0);
    char binfmt[40];
    Fmt f = FMT_ON(binfmt);
    fmt_printf(&f, "/etc/qemu-binfmt/%s", s->p->abi->name);
    const char *const places[2] = {binfmt, s->p->abi->interp_prefix};
    for (int i = 0; i < 2 && sys_is_err(fd) && !s->opt->sysroot[0]; i++) {
        fd = open_at_root(s, places[i], name);
        if (sys_is_err(fd))
            continue;
        char *place = strcpy(lu_alloc(s->p, strlen(places[i]) + 1), places[i]);
        s->opt->sysroot = place;
        s->opt->forward[s->opt->n_forward++] = "-L";
        s->opt->forward[s->opt->n_forward++] = place;
    }
    if (sys_is_err(fd)) {
        const char *root = s->opt->sysroot;
        bool none = root[0] && sys_is_err(sys_call3(SYS_faccessat, AT_FDCWD, root, 0 /* F_OK */));
        Fmt tried = FMT_ON(s->err_text);
        if (root[0])
            fmt_printf(&tried, "%s%s", root, none ? " (which does not exist either)" : "");
        else
            fmt_printf(&tried, "%s and %s", places[0], places[1]);
        fmt_err("%s: needs the interpreter %s, which is not there, nor below %s (give the guest's libraries "
                "with -L)",
                s->opt->program, name, tried.buf);
        sys_exit_group(EXIT_MISSING);
    }
    s->interp_fd = (int)fd;
    if (!elf_plan(s->interp_fd, s->p->abi, &s->interp, &s->err))
        refuse(s, EXIT_CANNOT, name);
}

/* From here on the guest's ABI is known. */
static void choose_guest(Start *s)
{
    const LuAbi *abi = s->p->abi = s->t->abi = s->prog.abi;
    const LuOptions *opt = s->opt;
    const char *bad;
    s->host = x64_detect();
    x64_features_parse(s->host, opt->host_cpu ? opt->host_cpu : "", &s->p->host, &bad);
    /* A model that was meant for a program of another ISA, which started this one, means nothing here. */
    if (abi->choose_model(s->p, opt->cpu) || (opt->reexec && abi->choose_model(s->p, NULL)))
        return;
    if (abi->why_not_model && opt->cpu && abi->why_not_model(s->p, opt->cpu, &s->err)) {
        fmt_err("the CPU model '%s' needs %s of the host, which %s", opt->cpu, s->err.buf,
                opt->host_cpu ? "-host-cpu leaves out or the processor has not" : "the processor has not");
        sys_exit_group(1);
    }
    lu_models_line(abi, &s->err);
    fmt_err("no CPU model '%s' for %s programs; there are%s", opt->cpu, abi->name, s->err.buf);
    sys_exit_group(1);
}

static Gva map_vdso(LuThread *t)
{
    LuProc *p = t->proc;
    uint64_t size = align_up(p->abi->vdso_size, 4096);
    if (!size)
        return 0;
    long at = lu_mm_mmap(t, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_is_err(at))
        return 0;
    memcpy((void *)at, p->abi->vdso, p->abi->vdso_size);
    lu_mm_mprotect(t, (Gva)at, size, PROT_READ | PROT_EXEC);
    lu_mm_name_vdso(p->mm, (Gva)at);
    return (Gva)at;
}

/* The guest's environment: ours with -E and -U applied. */
static char **guest_env(Start *s, char **envp)
{
    unsigned n = 0, edits = 0;
    while (envp[n])
        n++;
    for (const LuEnvEdit *e = s->opt->env_first; e; e = e->next)
        edits++;
    if (!edits)
        return envp;
    char **v = lu_alloc(s->p, (n + edits + 1) * sizeof(char *));
    if (!v)
        return envp;
    memcpy(v, envp, n * sizeof(char *));
    for (const LuEnvEdit *e = s->opt->env_first; e; e = e->next) {
        size_t len = strcspn(e->text, "=");
        unsigned w = 0;
        for (unsigned i = 0; i < n; i++)
            if (strncmp(v[i], e->text, len) || v[i][len] != '=')
                v[w++] = v[i];
        n = w;
        if (e->text[len])
            v[n++] = (char *)e->text;
        v[n] = NULL;
    }
    return v;
}

/* Tells the kernel where the guest's arguments are, so that ps and /proc show the guest. Needs no privilege;
 * a kernel without it leaves the emulator's, and procfs.c answers for the guest itself. */
static void show_guest(const LuProc *p, const ElfImage *img, Gva sp)
{
    struct prctl_mm_map m = {
        .start_code = img->bias ? img->bias : 0x10000, .end_code = img->high, .start_data = img->high - 4096,
        .end_data = img->high, .start_brk = img->high, .brk = img->high, .start_stack = sp,
        .arg_start = p->args_start,
        .arg_end = p->args_end, .env_start = p->env_start, .env_end = p->env_end, .auxv = (void *)p->auxv,
        .auxv_size = (uint32_t)p->auxv_len, .exe_fd = (uint32_t)-1,
    };
    sys_call5(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, &m, sizeof(m), 0);
}

/* Maps everything; returns the entry point, the stack pointer in *ret_sp. */
static Gva load(Start *s, char **envp, Gva *ret_sp)
{
    LuProc *p = s->p;
    ElfImage prog, interp = {0};
    const LuLayout *l = lu_mm_layout(p->mm);
    /* A position-independent program without interpreter may be the interpreter itself: it goes where
     * mappings do. */
    Gva base = s->interp_fd >= 0 ? l->pie_base : 0;
    if (!elf_map(s->t, s->prog_fd, &s->prog, base, &prog, &s->err))
        refuse(s, EXIT_CANNOT, s->opt->program);
    if (s->interp_fd >= 0 && !elf_map(s->t, s->interp_fd, &s->interp, 0, &interp, &s->err))
        refuse(s, EXIT_CANNOT, s->prog.interp);
    sys_close(s->prog_fd);
    if (s->interp_fd >= 0)
        sys_close(s->interp_fd);
    uint64_t on = l->randomize ? ~0ull : 0;
    Gva brk = s->prog.pie && s->interp_fd < 0 ? l->pie_base : prog.high;
    lu_mm_set_brk(p->mm, align_down(brk + (s->random[3] % (32 << 20) & on), 4096));
    p->vdso = map_vdso(s->t);
    if (p->abi->map_pages && !p->abi->map_pages(s->t)) {
        fmt_puts(&s->err, "cannot map the pages that the kernel gives to every program");
        refuse(s, EXIT_CANNOT, s->opt->program);
    }
    StackPlan plan = {.prog = &prog, .interp_base = s->interp_fd >= 0 ? interp.bias : 0, .vdso = p->vdso,
                      .execfn = s->opt->program_guest, .argv = s->opt->args, .envp = guest_env(s, envp),
                      .random = {s->random[4], s->random[5], s->random[6]}};
    *ret_sp = stack_build(s->t, &plan, &s->err);
    if (!*ret_sp)
        refuse(s, EXIT_CANNOT, s->opt->program);
    show_guest(p, &prog, *ret_sp);
    s->entry = prog.entry;
    return s->interp_fd >= 0 ? interp.entry : prog.entry;
}

/* An address space that is limited for good is to be the guest's for the most part; a cache takes ten times
 * its size. */
static uint64_t cache_bytes(const LuProc *p)
{
    struct rlimit64 as;
    lu_mm_rlimit(p->mm, RLIMIT_AS, NULL, &as);
    return lu_mm_is_narrow(p->mm) && !p->opt->cache_bytes ? as.rlim_max / 64 + 1 : p->opt->cache_bytes;
}

static void start_accel(Start *s)
{
    LuProc *p = s->p;
    const LuOptions *opt = p->opt;
    char why[sizeof(s->err_text)] = "";
    AccelConfig cfg = {
        .jit = !opt->no_jit,
        .host_cpu = opt->host_cpu,
        .host = s->host,
        .no_opt = opt->no_opt,
        .max_insns = opt->max_insns,
        .cache_bytes = cache_bytes(p),
        .keep = opt->kept_dir != NULL,
        .model = p->cpu_model,
        .returns_from = opt->returns_from                                      ? opt->returns_from
                        : lu_mm_code_size(p->mm, s->entry) >= ACCEL_LARGE_CODE ? 1
                                                                               : 0,
        .program_entry = s->entry,
        .log = opt->accel_log,
        .log_fd = p->strace_fd,
        .filter = opt->filter,
        .n_filter = opt->n_filter,
        .mem = {.opaque = p->mm,
                .exec_bytes = lu_mm_exec_bytes,
                .code_page = lu_mm_code_page,
                .code_written = lu_mm_code_written,
                .code_size = lu_mm_code_size},
    };
    if (!lu_perf_start(p, &cfg.observer, &s->err)) {
        fmt_err("%s", s->err_text);
        sys_exit_group(1);
    }
    p->accel = accel_new(&cfg, p->abi->target, s->err_text, sizeof(s->err_text));
    if (!p->accel && cfg.jit) {
        /* Slower, but it runs; what it starts is told not to try. */
        cfg.jit = false;
        memcpy(why, s->err_text, sizeof(why));
        p->accel = accel_new(&cfg, p->abi->target, s->err_text, sizeof(s->err_text));
        if (s->opt->n_forward < LU_MAX_FORWARD)
            s->opt->forward[s->opt->n_forward++] = "-no-jit";
    }
    if (!p->accel || !(s->t->cpu = accel_cpu_new(p->accel))) {
        fmt_err("cannot start the translator: %s", s->err_text);
        sys_exit_group(EXIT_CANNOT);
    }
    if (why[0])
        fmt_err("%s; running by the interpreter, which is slow (-no-jit asks for it)", why);
    if (p->abi->init_cpu)
        p->abi->init_cpu(p, s->t->cpu, s->random[7]);
}

static void get_random(Start *s)
{
    if (s->opt->have_seed) {
        uint64_t x = s->opt->seed;
        for (unsigned i = 0; i < ARRAY_SIZE(s->random); i++) {
            x += 0x9e3779b97f4a7c15; /* splitmix64 */
            uint64_t z = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
            z = (z ^ z >> 27) * 0x94d049bb133111eb;
            s->random[i] = z ^ z >> 31;
        }
        return;
    }
    sys_call3(SYS_getrandom, s->random, sizeof(s->random), 0);
}

static LuThread *first_thread(LuProc *p)
{
    LuThread *t = lu_alloc(p, sizeof(*t));
    t->proc = p;
    t->tid = t->pid = (int)sys_gettid();
    if (!arena_init(&t->scratch, SCRATCH))
        return NULL;
    p->threads = t;
    p->n_threads = 1;
    lu_set_self(t);
    return t;
}

enum { STACK_NEEDED = 128 << 10 }; /* without arguments and environment, which count too */

static __attribute__((noinline)) void grow_stack(void)
{
    volatile char room[STACK_NEEDED];
    for (size_t at = sizeof(room); at >= 4096; at -= 4096)
        room[at - 1] = 0;
}

/* The kernel does not grow the stack beyond its soft limit, but what has grown stays: with less than this we
 * would fall without a word. */
static void check_stack(void)
{
    struct rlimit64 r;
    if (sys_is_err(sys_call4(SYS_prlimit64, 0, RLIMIT_STACK, 0, &r)) || r.rlim_cur >= 2 * STACK_NEEDED)
        return;
    struct rlimit64 more = {r.rlim_max, r.rlim_max};
    if (r.rlim_max >= 2 * STACK_NEEDED && !sys_is_err(sys_call4(SYS_prlimit64, 0, RLIMIT_STACK, &more, 0))) {
        grow_stack();
        sys_call4(SYS_prlimit64, 0, RLIMIT_STACK, &r, 0);
        return;
    }
    if (r.rlim_max >= STACK_NEEDED)
        return;
    fmt_err("the limit of the stack (ulimit -s) is %u KiB, the emulator itself needs %u",
            (unsigned)(r.rlim_max >> 10), STACK_NEEDED >> 10);
    sys_exit_group(EXIT_CANNOT);
}

static __attribute__((noinline)) int run_program(int argc, char **argv, char **envp)
{
    Start s;
    s.p = new_process();
    s.t = s.p ? first_thread(s.p) : NULL;
    s.opt = s.t ? lu_alloc(s.p, sizeof(*s.opt)) : NULL;
    if (!s.opt) {
        fmt_err("out of memory at the start");
        return EXIT_CANNOT;
    }
    s.err = (Fmt)FMT_ON(s.err_text);
    s.p->opt = s.opt;
    lu_options_parse(s.p, s.opt, argc, argv, envp);
    start_again(s.opt, argc, argv, envp);
    put_back(s.opt);
    open_log(s.p);
    get_random(&s);

    open_program(&s);
    if (!elf_plan(s.prog_fd, s.opt->only, &s.prog, &s.err))
        refuse(&s, EXIT_CANNOT, s.opt->program);
    choose_guest(&s);
    s.program = s.opt->kept_dir ? lu_kept_program(s.prog_fd) : 0;
    open_interp(&s);
    note_exe(&s);

    s.p->mm = lu_mm_new(s.p->abi, s.opt, s.random);
    if (!s.p->mm) {
        fmt_err("no room for an address space");
        return EXIT_CANNOT;
    }
    s.p->task_size = lu_mm_task_size(s.p->mm);
    Gva sp, pc = load(&s, envp, &sp);
    start_accel(&s);
    s.p->abi->set_entry(s.t->cpu, pc, sp);
    s.t->cpu->owner = s.t;
    lu_signals_init(s.p, s.t);
    lu_kept_open(s.p, s.program); /* which may be gone while it is read */
    lu_traced_take_over(s.t, s.opt->traced);
    if (s.opt->seccomp_fd >= 0 && !lu_seccomp_take_over(s.t, s.opt->seccomp_fd)) {
        fmt_err("the filters of system calls are lost");
        return EXIT_CANNOT;
    }
    if (s.opt->gdb_over && !lu_gdb_take_over(s.t, s.opt->gdb_over))
        return EXIT_CANNOT;
    if (s.opt->gdb && !lu_gdb_start(s.t, s.opt->gdb, s.err_text, sizeof(s.err_text))) {
        fmt_err("%s", s.err_text);
        return EXIT_CANNOT;
    }
    lu_thread_run(s.t);
}

int main(int argc, char **argv, char **envp)
{
    check_stack();
    return run_program(argc, argv, envp);
}
